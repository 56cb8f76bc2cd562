//! Ports and comparisons by a plan document: what it says, and what else may not say it.

use super::Port;

#[test]
fn beside_a_plan_no_flag_says_what_it_says() {
    let port =
        Port::of("CREATE TABLE \"Users\" (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO \"Users\" VALUES (1, 5);");
    port.run(&["--dry-run"]);
    std::fs::copy(port.project.path("plan-out.yaml"), port.project.path("plan.yaml")).unwrap();
    let with = |command: &str, flags: &[&str]| {
        let always = [command, "source.db", &port.target.url, "--plan", "plan.yaml"];
        port.project.run(&[&always, flags].concat())
    };
    for flags in [
        &["--schema", "s2"][..],
        &["--rename", "Users=people"],
        &["--type", "Users.v=text"],
        &["--int4"],
        &["--lowercase"],
        &["--include", "Users"],
        &["--rename", "Users=people", "--dry-run"],
    ] {
        let ran = with("port", flags).exits(2);
        ran.says(&format!("`{}` can't be used with `--plan`: the plan file says it", flags[0])).says("--plan-out");
        assert!(port.target.tables().is_empty(), "{flags:?}");
    }
    // nor does the file of the project go before the plan
    let configured =
        "port:\n  schema: s2\n  names: lowercase\n  int4: true\n  types:\n    - column: Users.v\n      to: text\n";
    port.project.write("liftlock.yaml", configured);
    let done = port.plainly(&["--plan", "plan.yaml"]).is_proven();
    assert!(!done.json.to_string().contains("s2"), "{done}");
    assert_eq!((port.target.tables(), port.type_of("Users", "v")), (vec!["Users".to_owned()], "bigint".to_owned()));
    with("compare", &["--schema", "s2"]).exits(2).says("`--schema` can't be used with `--plan`");
    with("compare", &[]).exits(0);
}

#[test]
fn a_plan_says_how_values_are_read_into_tables_that_are_there() {
    let port =
        Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER); INSERT INTO t VALUES (1, 1700000000000);");
    port.target.execute("CREATE TABLE t (id bigint PRIMARY KEY, at timestamptz)");
    port.run(&["--dry-run", "--type", "t.at=timestamptz:milliseconds"]);
    std::fs::copy(port.project.path("plan-out.yaml"), port.project.path("plan.yaml")).unwrap();
    port.plainly(&["--plan", "plan.yaml"]).is_proven();
    assert_eq!(port.target.value("SELECT extract(epoch FROM at)::bigint FROM t"), "1700000000");
}

#[test]
fn by_a_plan_the_columns_that_are_left_are_compared() {
    let port = Port::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER, w TEXT); INSERT INTO t VALUES ('a', 5, 'w'), ('b', 6, 'x');
         CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO u VALUES (1, 'u');",
    );
    port.run(&[]).is_proven();
    for (gone, change) in [("v", "UPDATE t SET w = 'other' WHERE k = 'b'"), ("k", "UPDATE u SET v = 'other'")] {
        port.target.execute(&format!("ALTER TABLE t DROP COLUMN {gone}"));
        let done = port.compare(&["--plan", "plan-out.yaml"]);
        assert_eq!(done.ran.code, Some(1), "{done}");
        let finding = done.finding("t", gone, &["missing-column", "not compared"]);
        assert_eq!(finding["level"], "left-out", "{done}");
        assert_eq!(done.list("tables").count(), 2, "{done}");
        port.target.execute(change);
        let done = port.compare(&["--plan", "plan-out.yaml"]);
        assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("differs")), "{done}");
    }
}

#[test]
fn by_a_plan_a_column_of_another_type_is_named_and_the_others_are_compared() {
    let port = Port::of(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER, w TEXT, n DECIMAL(5, 2)); INSERT INTO t VALUES ('a', 5, 'w', 1.5), ('b', 6, 'x', 2);
         CREATE TABLE alone (v INTEGER); INSERT INTO alone VALUES (1), (2);
         CREATE TABLE u (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO u VALUES (1, 5), (2, 6);",
    );
    port.run(&[]).is_proven();
    // what is read alike is compared as before
    port.target.execute("ALTER TABLE t ALTER n TYPE numeric, ALTER w TYPE varchar(7)");
    let compare = || port.compare(&["--plan", "plan-out.yaml"]);
    compare().is_proven();
    for (change, table, column, words) in [
        ("ALTER TABLE t ALTER v TYPE text", "t", "v", "is `text`, and `bigint` in the plan"),
        ("ALTER TABLE alone ALTER v TYPE integer", "alone", "v", "is `integer`, and `bigint` in the plan"),
        ("ALTER TABLE u ALTER id TYPE numeric", "u", "id", "is `numeric`, and `bigint` in the plan"),
        ("ALTER TABLE u ALTER v TYPE point USING point(v, v)", "u", "v", "is `point`, and `bigint` in the plan"),
    ] {
        let identity = "ALTER TABLE u ALTER id DROP IDENTITY IF EXISTS";
        port.target.execute(&format!("{identity}; {change}"));
        let done = compare();
        assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("incomplete")), "{done}");
        let found = done.finding(table, column, &["type-differs", words, "not compared"]);
        assert_eq!(found["level"], "left-out", "{done}");
        assert_eq!(done.list("tables").count(), 3, "{done}");
        assert!(done.list("tables").all(|table| table["state"] == "proven"), "{done}");
    }
    port.target.execute("UPDATE t SET w = 'other' WHERE k = 'b'");
    let done = compare();
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("differs")), "{done}");
}

#[test]
fn numbers_that_can_not_be_nought() {
    let project = crate::support::Project::new();
    for line in [
        &["compare", "a.db", "postgres:///b", "--sample", "0"][..],
        &["compare", "a.db", "postgres:///b", "--jobs", "0"],
        &["port", "a.db", "postgres:///b", "--jobs", "0"],
        &["port", "a.db", "postgres:///b", "--batch-rows", "0"],
    ] {
        project.run(line).exits(2).says("a whole number, 1 or more");
    }
}

#[test]
fn what_is_sampled_is_not_called_proven() {
    let port = Port::of("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 5), (2, 6);");
    port.run(&[]).is_proven();
    let ran = port.project.run(&["compare", "source.db", &port.target.url, "--sample", "1"]).exits(0);
    let ran = ran.says("t: 2 rows, sampled").prints("the same in a sample");
    assert!(!ran.stderr.contains(", proven"), "{ran:?}");
}

#[test]
fn a_rename_onto_anothers_name_is_refused_however_it_is_given() {
    let port = Port::of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'a', 'b');
         CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO u VALUES (1);",
    );
    let columns = ["`b` and `a` of `t` are both to be called `a`"];
    let tables = ["`u` and `t` are both to be called `t`"];
    port.refused(&["--rename", "t.b=a"]).finding("t", "a", &columns);
    port.refused(&["--rename", "u=t"]).finding("t", "", &tables);
    port.project.write("liftlock.yaml", "port:\n  rename:\n    t.b: a\n    u: t\n");
    let done = port.refused(&[]);
    done.finding("t", "a", &columns);
    done.finding("t", "", &tables);
    port.project.remove("liftlock.yaml");
    port.run(&["--dry-run"]);
    let plan = port.project.read("plan-out.yaml");
    let by = |plan: &str| {
        port.project.write("plan.yaml", plan);
        port.plainly(&["--plan", "plan.yaml"])
    };
    assert!(plan.contains("target: b\n") && plan.contains("target: u\n"), "{plan}");
    let done = by(&plan.replace("target: b\n", "target: a\n").replace("target: u\n", "target: t\n"));
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("refused")), "{done}");
    done.finding("t", "b", &["`a` and `b` of `t` are both to be called `a`"]);
    done.finding("u", "", &["`t` and `u` are both to be called `t`"]);
    // where the other is taken out of the plan, its name is free
    let start = plan.find("  - source: a\n").unwrap();
    let end = start + plan[start..].find("  - source: b\n").unwrap();
    let without = format!("{}{}", &plan[..start], plan[end..].replace("target: b\n", "target: a\n"));
    port.project.write("plan.yaml", &without);
    let done = port.plainly(&["--plan", "plan.yaml", "--accept", "column-left-out:t.a"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(0), Some("proven")), "{done}");
    assert!(!done.json.to_string().contains("rename-refused"), "{done}");
    assert_eq!(port.target.value("SELECT a FROM t"), "b");
    // and where the target says what there is, nothing of it is lost without a word
    port.target.execute("TRUNCATE t; ALTER TABLE t ADD COLUMN b text");
    let into = |flags: &[&str]| port.plainly(&[&["--exclude", "u", "--rename", "t.b=a"], flags].concat());
    let done = into(&["--dry-run"]);
    let found = done.finding("t", "a", &["`b` and `a` of `t` are both to go into `a`"]);
    assert_eq!((&found["code"], &found["level"]), (&"missing-column".into(), &"blocker".into()), "{done}");
    assert_eq!(into(&["--accept", "missing-column:t.a"]).ran.code, Some(0));
    assert_eq!(port.target.value("SELECT a, b FROM t"), "b|∅");
    port.target.execute("TRUNCATE t, u");
    let done = port.plainly(&["--rename", "u=t", "--create-missing", "--dry-run"]);
    done.finding("t", "", &["missing-table", "`u` and `t` are both to go into `t`"]);
}
