//! What is planned for whole databases: keys, joined columns, broken constraints, batches, existing targets, edits.

use std::fmt::Write;

use liftlock::Interrupt;
use liftlock::db::SqliteDb;
use liftlock::port::batch::BatchSize;
use liftlock::port::options::{ColumnMatch, Options, TypeRule};
use liftlock::port::plan::assemble::{PlanError, Planned, make};
use liftlock::port::plan::revise::make_edited;
use liftlock::port::plan::{Finding, Level, Plan};
use liftlock::port::progress::{Event, Observer};
use liftlock::port::row::RowCodec;
use liftlock::port::scan::{ScanError, ScanSettings};
use liftlock::port::target::{Rows, TargetColumn, TargetSchema, TargetTable};
use liftlock::value::{PgType, Reading, TimeNumber};

fn planned(sql: &str, options: &Options, size: BatchSize) -> Planned {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("pragma foreign_keys = off").unwrap();
    connection.execute_batch(sql).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    make(&mut [db], &schema, options, None, &ScanSettings::quiet(size, &Interrupt::default())).unwrap()
}

pub fn plan(sql: &str, options: &Options) -> Plan {
    planned(sql, options, BatchSize::default()).plan
}

/// `v bigint; w text` and a line for each finding: `change mixed-values v: …`.
pub fn told(plan: &Plan) -> String {
    let mut told = String::new();
    for table in &plan.tables {
        let columns = table.columns.iter().filter(|column| column.source != "id").map(|column| {
            let numbers = column.reading.numbers.map_or(String::new(), |numbers| format!(" {numbers:?}"));
            format!("{} {}{numbers}", column.source, column.pg_type)
        });
        write!(told, "{}", columns.collect::<Vec<_>>().join("; ")).unwrap();
    }
    for finding in &plan.findings {
        let object = finding.object.as_deref().unwrap_or("-");
        write!(told, "\n{} {} {object}: {}", finding.level, finding.code, finding.message).unwrap();
    }
    told
}

const UUIDS: &str = "'7d444840-9dc0-11d1-b245-5ffdce74fad2'";
const UPPER: &str = "'7D444840-9DC0-11D1-B245-5FFDCE74FAD2'";

#[test]
fn a_key_takes_no_type_in_which_two_of_its_values_are_one() {
    for (keys, collides) in [
        ("v uuid primary key", true),
        ("v uuid, unique(v)", true),
        ("v uuid, w int, unique(w, v)", true),
        ("v uuid, w int, unique(id, v)", false),
        ("v uuid", false),
    ] {
        let id = if keys.contains("primary") { "" } else { "id integer primary key, " };
        let sql = format!("create table t({id}{keys}); insert into t(v) values ({UUIDS}), ({UPPER});");
        let sql = if keys.contains("w int") {
            sql.replace("(v) values", "(v, w) values").replace("'),", "', 1),").replace("');", "', 1);")
        } else {
            sql
        };
        let plan = plan(&sql, &Options::default());
        let pg_type = &plan.table("t").unwrap().column("v").unwrap().pg_type;
        let found = plan.findings.iter().find(|finding| finding.code == "key-collision");
        assert_eq!((*pg_type == PgType::Text, found.is_some()), (collides, collides), "{keys}: {}", told(&plan));
        if let Some(finding) = found {
            assert_eq!(finding.rows, 2);
            assert!(finding.examples[0].contains("rowid 1") && finding.examples[0].contains("rowid 2"), "{finding:?}");
        }
    }
    let sql = format!(
        "create table t(v uuid); create unique index u on t(v desc); insert into t values ({UPPER}), ({UUIDS});"
    );
    assert!(told(&plan(&sql, &Options::default())).starts_with("v text"), "a unique index is a key, too");
    let rule =
        TypeRule { columns: ColumnMatch::Declared("uuid".to_owned()), to: PgType::Uuid, reading: Reading::default() };
    let forced = plan(&sql, &Options { types: vec![rule], ..Options::default() });
    assert_eq!(forced.blockers().count(), 1, "{}", told(&forced));
}

#[test]
fn joined_columns_get_one_type() {
    let tables = "create table p(k uuid primary key); create table c(id integer primary key, k text references p(k));";
    let types = |rows: &str| {
        let plan = plan(&format!("{tables}{rows}"), &Options::default());
        plan.tables.iter().map(|table| table.column("k").unwrap().pg_type.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ({UUIDS});")), ["uuid", "uuid"]);
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ('');")), ["text", "text"]);
    let held = format!("insert into p values ({UUIDS}); insert into c(k) values ('');");
    let told = told(&plan(&format!("{tables}{held}"), &Options::default()));
    assert!(told.contains("but the column becomes `text`, like `c.k`, which a foreign key joins it to"), "{told}");
    // in SQLite the child has no parent; as uuid it would get one
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ({UPPER});")), ["text", "text"]);
}

#[test]
fn an_id_stays_an_integer_and_a_child_that_is_none_loses_its_key() {
    let plan = plan(
        "create table p(id integer primary key); insert into p values (1), (41);
         create table c(n integer primary key, p integer references p(id), q int references p);
         insert into c values (1, 1, 1), (2, '', 41);",
        &Options::default(),
    );
    let types = |table: &str| {
        let columns = plan.table(table).unwrap().columns.iter();
        columns
            .map(|column| (column.pg_type.to_string(), column.identity.map(|identity| identity.next)))
            .collect::<Vec<_>>()
    };
    assert_eq!(types("p"), [("bigint".to_owned(), Some(42))]);
    let expected = [("bigint", Some(3)), ("text", None), ("bigint", None)];
    assert_eq!(types("c"), expected.map(|(name, next)| (name.to_owned(), next)));
    let codes: Vec<&str> = plan.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["foreign-key-types", "mixed-values"]);
}

#[test]
fn children_without_a_parent_are_counted() {
    for (parents, children, orphans) in [
        ("(1), (2), (3)", "(1), (3), (null)", 0),
        ("(1), (2), (3)", "(0), (4), (2)", 2),
        ("(1), (3)", "(1), (2), (3)", 1),
        ("(-1), (0), (1)", "(-1), (1)", 0),
        ("(9223372036854775807), (-9223372036854775808)", "(0)", 1),
        ("(1)", "(null)", 0),
    ] {
        let sql = format!(
            "create table p(id integer primary key); insert into p values {parents};
             create table c(p int references p); insert into c values {children};"
        );
        let plan = plan(&sql, &Options::default());
        let found = plan.findings.iter().find(|finding| finding.code == "orphans").map_or(0, |finding| finding.rows);
        assert_eq!(found, orphans, "{parents} {children}");
        let key = &plan.table("c").unwrap().foreign_keys[0];
        assert_eq!(key.not_valid, orphans > 0, "{key:?}");
    }
}

#[test]
fn rows_that_break_constraints_are_named() {
    let planned = planned(
        "create table p(a int, b text, primary key(a, b)) without rowid; insert into p values (1, 'x');
         create table c(id integer primary key, a int, b text, foreign key(a, b) references p);
         insert into c values (1, 1, 'x'), (2, 1, null), (3, 2, 'x'), (4, 1, 'X'), (5, 1, 'x');
         create table k(n int check(n > 0), m int check(m < 9), check(abs(n)));
         pragma writable_schema = on; update sqlite_schema set sql = replace(sql, 'abs(', 'nosuch(');
         pragma writable_schema = reset;",
        &Options::default(),
        BatchSize::default(),
    );
    let told = told(&planned.plan);
    assert!(
        told.contains("left out orphans a, b: 2 rows point to no row of `p`, the first at rowid 3: 2, 'x'"),
        "{told}"
    );
    assert_eq!(planned.broken.foreign_keys.len(), 1);

    let planned = self::planned(
        "pragma ignore_check_constraints = on;
         create table k(k text primary key, n int check(n > 0), m int constraint small check(m < 9 -- so
         ), check(length(k) > 0));
         insert into k values ('a', 1, 1), (null, 0, null), ('c', -1, 9), (null, null, 1);",
        &Options::default(),
        BatchSize::default(),
    );
    let told = self::told(&planned.plan);
    assert!(
        told.contains("left out check-violated n > 0: 2 rows break `CHECK (n > 0)`, the first at rowid 2"),
        "{told}"
    );
    assert!(told.contains("left out check-violated small: 1 row breaks"), "{told}");
    assert!(
        told.contains("null-in-primary-key k: 2 NULLs stand in the primary key (k), the first at rowid 2"),
        "{told}"
    );
    assert_eq!((planned.broken.checks.len(), planned.broken.null_keys.len()), (2, 1), "{told}");
}

#[test]
fn batches_hold_every_row_once() {
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)";
    for (table, insert, rows_a_batch, batches) in [
        ("t(id integer primary key, v)", "select i * 3, 'x' from n", 300, 4),
        ("t(id integer primary key, v)", "select i * 3, 'x' from n", 500, 2),
        ("t(rowid text, v)", "select 'a' || i, i from n", 300, 4),
        ("t(rowid text, _rowid_ text, oid text)", "select i, i, i from n", 300, 1),
        ("t(a, b text, primary key(b, a)) without rowid", "select iif(i % 2, i, 'i' || i), i % 7 from n", 300, 4),
        ("t(a, primary key(a desc)) without rowid", "select i from n", 300, 1),
        ("t(a text collate nocase primary key) without rowid", "select 'a' || i from n", 300, 1),
    ] {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("create table {table}; {rows} insert into t {insert};")).unwrap();
        let mut readers = [SqliteDb::from(connection)];
        let schema = readers[0].schema().unwrap();
        let size = BatchSize { rows: rows_a_batch, bytes: 1 << 30 };
        let made =
            make(&mut readers, &schema, &Options::default(), None, &ScanSettings::quiet(size, &Interrupt::default()))
                .unwrap();
        let scan = &made.scans[0];
        assert_eq!(scan.batches.len(), batches, "{table}");
        assert!(scan.batches[0].after.is_none() && scan.batches[batches - 1].upto.is_none(), "{table}");
        assert!(scan.batches.windows(2).all(|pair| pair[0].upto.is_some() && pair[0].upto == pair[1].after), "{table}");
        assert_eq!(scan.batches.iter().map(|batch| batch.rows).sum::<u64>(), 1000, "{table}");
        assert_eq!(scan.batches.iter().map(|batch| batch.bytes).sum::<u64>(), scan.bytes, "{table}");
        let codec = RowCodec::new(&made.plan.tables[0], &schema.tables[0], "public");
        for batch in &scan.batches {
            let (sql, parameters) = codec.select(batch);
            let mut rows = 0;
            let each = |_: &liftlock::db::Row<'_>| {
                rows += 1;
                Ok::<_, liftlock::db::SqlError>(std::ops::ControlFlow::Continue(()))
            };
            readers[0].each_row(&sql, &parameters, each).unwrap();
            assert_eq!(rows, batch.rows, "{table} {batch:?}");
        }
    }
    let size = BatchSize { rows: 50_000, bytes: 10_000 };
    let wide =
        "create table t(v blob); insert into t values (zeroblob(6000)), (zeroblob(6000)), (zeroblob(20000)), ('');";
    let planned = planned(wide, &Options::default(), size);
    let sizes: Vec<u64> = planned.scans[0].batches.iter().map(|batch| batch.rows).collect();
    assert_eq!(sizes, [2, 1, 1], "a batch ends where its bytes are full");
    assert_eq!(planned.plan.tables[0].largest_row, 2 + 4 + 20_000);
}

#[test]
fn a_table_that_is_too_wide_is_refused() {
    let columns: Vec<String> = (0..1_700).map(|at| format!("c{at} int")).collect();
    let plan = plan(&format!("create table t({});", columns.join(",")), &Options::default());
    let blocker = plan.blockers().next().unwrap();
    assert_eq!(blocker.code, "too-many-columns");
    assert!(blocker.message.contains("1,700"), "{blocker:?}");
}

#[test]
fn a_stop_ends_the_scan() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)";
    connection.execute_batch(&format!("create table t(v); {rows} insert into t select i from n;")).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let interrupt = Interrupt::default();
    interrupt.trigger();
    let stopped =
        make(&mut [db], &schema, &Options::default(), None, &ScanSettings::quiet(BatchSize::default(), &interrupt));
    assert!(matches!(stopped, Err(PlanError::Scan(ScanError::Interrupted))), "{stopped:?}");
}

#[test]
fn what_is_left_out_by_name_is_not_read() {
    let tables = "create table a(v int); create table b(v int); create table a_log(v int);";
    let names = |include: &[&str], exclude: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = Options { include: owned(include), exclude: owned(exclude), ..Options::default() };
        plan(tables, &options).tables.into_iter().map(|table| table.source).collect::<Vec<_>>()
    };
    assert_eq!(names(&[], &[]), ["a", "b", "a_log"]);
    assert_eq!(names(&["A*"], &["*_log"]), ["a"]);
}

#[test]
fn an_edited_plan_is_read_again_and_used() {
    let sql = "create table t(id integer primary key, v text, w int, x json);
               insert into t values (1, '1', 5, '{}'), (2, 'x', 6, '[]'); create table gone(v int);";
    let ours = plan(sql, &Options::default());
    let document = ours.to_yaml().unwrap();
    assert_eq!(Plan::from_yaml(&document).unwrap(), ours, "{document}");

    let edited = document.replacen("type: text", "type: bigint", 1).replacen("target: w\n", "target: weight\n", 1);
    let mut edited = Plan::from_yaml(&edited).unwrap();
    edited.tables.retain(|table| table.source == "t");
    edited.tables[0].columns.retain(|column| column.source != "x");
    edited.tables[0].columns[2].default = Some("7".to_owned());
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    connection.execute_batch("insert into t values (9, '9', 9, '9')").unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let options = Options::default();
    let made = make_edited(
        &mut [db],
        &schema,
        &options,
        None,
        &ScanSettings::quiet(BatchSize::default(), &Interrupt::default()),
        &edited,
    )
    .unwrap()
    .plan;
    assert_eq!(made.tables.len(), 1);
    let table = &made.tables[0];
    assert_eq!((table.rows, table.columns[0].identity.unwrap().next), (3, 10), "counted anew");
    assert_eq!(table.columns[1].pg_type, PgType::Int8);
    assert_eq!((table.columns[2].target.as_str(), table.columns[2].default.as_deref()), ("weight", Some("7")));
    let codes: Vec<_> = made.findings.iter().map(|finding| (finding.code.as_str(), finding.accepted)).collect();
    assert!(codes.contains(&("does-not-fit", false)), "'x' is no integer: {codes:?}");
    assert!(codes.contains(&("table-left-out", false)) && codes.contains(&("column-left-out", false)), "{codes:?}");
}

/// The plan of `after`'s database by `edited`, which somebody has made of a plan of `before`.
fn planned_by(before: &str, after: &str, options: &Options, edit: impl Fn(&mut Plan)) -> Plan {
    let mut edited = plan(before, &Options::default());
    edit(&mut edited);
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("{before}{after}")).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    make_edited(
        &mut [db],
        &schema,
        options,
        None,
        &ScanSettings::quiet(BatchSize::default(), &Interrupt::default()),
        &edited,
    )
    .unwrap()
    .plan
}

#[test]
fn what_the_source_has_gained_is_for_a_person_to_accept() {
    let before = "create table t(id integer primary key, w int); create table p(id integer primary key);";
    let grown = "create table t(id integer primary key, w int unique check(w > 0) references p, x text); \
                 create index i on t(x); create view v as select w from t; \
                 create trigger tr after insert on t begin select 1; end; create table n(v int);";
    let after = format!("drop table t; {grown}");
    let open = |options: &Options, edit: &dyn Fn(&mut Plan)| {
        let plan = planned_by(before, &after, options, edit);
        let left_out = plan.findings.iter().filter(|finding| finding.level == Level::LeftOut && !finding.accepted);
        let mut codes: Vec<String> = left_out.map(|finding| finding.code.clone()).collect();
        codes.sort();
        codes
    };
    let all = [
        "check-left-out",
        "column-left-out",
        "foreign-key-left-out",
        "index-left-out",
        "table-left-out",
        "trigger",
        "unique-left-out",
        "view-left-out",
    ];
    assert_eq!(open(&Options::default(), &|_| {}), all);
    let accept = ["table-left-out:n", "column-left-out:t.x", "index-left-out:i", "view-left-out", "trigger:tr"];
    let some = Options { accept: accept.map(str::to_owned).to_vec(), ..Options::default() };
    assert_eq!(open(&some, &|_| {}), ["check-left-out", "foreign-key-left-out", "unique-left-out"]);
    let accepted = |code: &str, table: Option<&str>, object: Option<&str>| Finding {
        code: code.to_owned(),
        table: table.map(str::to_owned),
        object: object.map(str::to_owned),
        accepted: true,
        ..Finding::default()
    };
    let by_plan = open(&some, &|plan| {
        plan.findings.push(accepted("check-left-out", Some("t"), Some("t_check")));
        plan.findings.push(accepted("foreign-key-left-out", Some("t"), Some("another")));
        plan.findings.push(accepted("unique-left-out", Some("p"), Some("t_w_key")));
    });
    assert_eq!(by_plan, ["foreign-key-left-out", "unique-left-out"], "another's name accepts nothing");
    let by_plan = open(&Options::default(), &|plan| {
        plan.findings.push(accepted("table-left-out", Some("n"), None));
        plan.findings.push(accepted("column-left-out", Some("t"), Some("x")));
    });
    assert!(!by_plan.contains(&"table-left-out".to_owned()) && !by_plan.contains(&"column-left-out".to_owned()));
    let plan = planned_by(before, &after, &Options::default(), |_| {});
    let table = plan.findings.iter().find(|finding| finding.code == "table-left-out").unwrap();
    assert!(table.choices.iter().any(|choice| choice.contains("--accept table-left-out:n")), "{table:?}");
}

#[test]
fn what_names_a_renamed_table_follows_it() {
    let before = "create table genre(id integer primary key, code text unique, n int check(n > 1));
                  create table track(id integer primary key, genre int references genre, code text references genre(code));
                  create index by_n on genre(abs(n)) where n > 5; create view v as select g.n from genre g;";
    let made = planned_by(before, "", &Options::default(), |plan| {
        plan.tables[0].target = "genres".to_owned();
        plan.tables[0].columns[1].target = "tag".to_owned();
        plan.tables[0].columns[2].target = "count".to_owned();
        plan.tables[1].foreign_keys[0].clauses = "ON DELETE CASCADE".to_owned();
    });
    assert!(made.findings.iter().all(|finding| finding.code == "name-changed"), "{}", told(&made));
    let script = liftlock::port::translate::ddl::script(&made);
    for part in [
        "REFERENCES \"public\".\"genres\" (\"id\") ON DELETE CASCADE",
        "REFERENCES \"public\".\"genres\" (\"tag\")",
        "UNIQUE (\"tag\")",
        "CHECK ((\"count\" > 1))",
        "WHERE (\"count\" > 5)",
        "FROM \"public\".\"genres\" AS",
    ] {
        assert!(script.contains(part), "{part}: {script}");
    }
    assert!(!script.contains("\"n\"") || script.contains("CREATE VIEW \"public\".\"v\" (\"n\")"), "{script}");
}

#[test]
fn a_key_that_points_nowhere_is_refused() {
    let before = "create table p(id integer primary key); create table c(id integer primary key, p int references p);";
    type Edit = fn(&mut Plan);
    let edits: [(Edit, &str); 4] = [
        (|plan| plan.tables[1].foreign_keys[0].parent = "q".to_owned(), "no such table"),
        (|plan| plan.tables[1].foreign_keys[0].parent_columns[0] = "q".to_owned(), "no such column"),
        (|plan| plan.tables[1].foreign_keys[0].columns[0] = "q".to_owned(), "no such column"),
        (|plan| drop(plan.tables.remove(0)), "no such table"),
    ];
    for (edit, word) in edits {
        let plan = planned_by(before, "", &Options::default(), edit);
        let blockers: Vec<_> = plan.blockers().map(|finding| (&finding.code, &finding.message)).collect();
        assert!(
            matches!(blockers.as_slice(), [(code, message)] if *code == "key-astray" && message.contains(word)),
            "{blockers:?}"
        );
    }
}

#[test]
fn one_value_is_spoken_of_as_one() {
    for (column, value, said) in [
        ("v time", "'soon'", "1 of 1 value is no `time`, the first"),
        ("v int", "'x'", "1 of 1 value is text, the first"),
        ("v int", "x'00'", "1 of 1 value is a blob, the first"),
        (
            "v boolean",
            "'t'",
            "1 of 1 value will be spelled otherwise as `boolean`, the first at rowid 1: 't'; it means",
        ),
        ("v text", "cast(x'610062' as text)", "1 of 1 value holds NUL or bytes that are no UTF-8"),
        ("v datetime", "1700000000", "1 of 1 value is a number, the first at rowid 1: 1700000000; it is taken for"),
    ] {
        let plan = plan(&format!("create table t({column}); insert into t values ({value});"), &Options::default());
        assert!(plan.findings.iter().any(|finding| finding.message.starts_with(said)), "{said}: {}", told(&plan));
    }
}

#[test]
fn an_index_of_the_same_column_is_another_one() {
    let before = "create table t(id integer primary key, w int); create index i on t(w);";
    let after = "create unique index j on t(w); create index k on t(w) where w > 5;";
    let plan = planned_by(before, after, &Options::default(), |_| {});
    let codes: Vec<_> =
        plan.findings.iter().map(|finding| (finding.code.as_str(), finding.object.as_deref())).collect();
    assert_eq!(codes, [("index-left-out", Some("j")), ("index-left-out", Some("k"))]);
}

#[test]
fn an_existing_target_rules_and_what_does_not_fit_is_said_first() {
    let column = |name: &str, pg_type: PgType| TargetColumn {
        name: name.to_owned(),
        type_name: pg_type.to_string(),
        pg_type: Some(pg_type),
        ..TargetColumn::default()
    };
    let table = TargetTable {
        name: "t".to_owned(),
        columns: vec![
            column("id", PgType::Int8),
            column("small", PgType::Int2),
            TargetColumn { not_null: true, ..column("named", PgType::Text) },
            column("flag", PgType::Bool),
            TargetColumn { fraction_digits: Some(3), ..column("at", PgType::Timestamp) },
            column("made", PgType::Timestamptz),
        ],
        owned: true,
        may_select: true,
        may_insert: true,
        rows: Rows::Empty,
        ..TargetTable::default()
    };
    let target = TargetSchema { name: "public".to_owned(), tables: vec![table], ..TargetSchema::default() };
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let sql =
        "create table t(id integer primary key, small int, named text, flag int, at datetime, made int, extra text);
        insert into t values (1, 5, 'a', 0, '2024-01-02 03:04:05.123', 1704164645, 'x'),
            (2, 70000, null, 1, '2024-01-02 03:04:05.1234', 1704164646, 'y');
        create table lost(v int);";
    connection.execute_batch(sql).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let options = Options::default();
    let made = make(
        &mut [db],
        &schema,
        &options,
        Some(&target),
        &ScanSettings::quiet(BatchSize::default(), &Interrupt::default()),
    )
    .unwrap()
    .plan;
    assert_eq!(made.tables.len(), 1, "a table that the target lacks is left out");
    let types: Vec<String> = made.tables[0].columns.iter().map(|column| column.pg_type.to_string()).collect();
    assert_eq!(types, ["bigint", "smallint", "text", "boolean", "timestamp", "timestamptz"]);
    assert_eq!(made.tables[0].columns[5].reading.numbers, Some(TimeNumber::Seconds));
    let told = told(&made);
    for line in [
        "blocker does-not-fit small: 1 of 2 values is out of the range of `smallint`, the first at rowid 2: 70000",
        "blocker null-in-not-null named: 1 of 2 rows holds NULL, the first at rowid 2",
        "blocker does-not-fit at: 1 of 2 values has more digits than `timestamp` keeps, the first at rowid 2",
        "assumption numbers-as-time made: 2 of 2 values are numbers",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}

#[test]
fn a_scan_tells_how_far_it_is() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "create table t(id integer primary key, v text); create table u(id integer primary key); create table e(v);
             with recursive c(i) as (select 1 union all select i + 1 from c where i < 100000) insert into t select i, 'v' from c;
             insert into u select id from t where id <= 7; create table w(b blob);
             insert into w select zeroblob(10000000) from u;",
        )
        .unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let tell = |event: &Event<'_>| {
        told.lock().unwrap().push(match *event {
            Event::ToScan { rows } => ("of", rows.unwrap()),
            Event::Scanned { table: "t", rows } => ("t", rows),
            Event::Scanned { table: "u", rows } => ("u", rows),
            Event::Scanned { table: "w", rows } => ("w", rows),
            Event::Scanned { rows, .. } => ("-", rows),
            _ => panic!("{event:?}"),
        });
    };
    let interrupt = Interrupt::default();
    let settings = ScanSettings { observer: Observer(&tell), ..ScanSettings::quiet(BatchSize::default(), &interrupt) };
    make(&mut [db], &schema, &Options::default(), None, &settings).unwrap();
    let told = told.into_inner().unwrap();
    assert_eq!(told[0], ("of", 100_014));
    let of = |table: &str| told.iter().filter(|(of, _)| *of == table).map(|(_, rows)| *rows).collect::<Vec<_>>();
    assert_eq!(of("t"), [32_768, 32_768, 32_768, 1_696]);
    // few rows that are large are told of sooner
    assert_eq!((of("u"), of("-"), of("w")), (vec![7], vec![0], vec![2, 2, 2, 1]));
}

#[test]
fn a_plan_says_how_much_memory_a_run_takes() {
    let sql = "create table t(id integer primary key, v text); insert into t values (1, printf('%.1000c', 'x'));";
    let made = plan(sql, &Options::default());
    let largest = made.tables[0].largest_row;
    assert_eq!((made.memory.bytes, made.memory.bytes_per_connection), (64_000_000, 2 * largest));
    let document = made.to_yaml().unwrap();
    assert!(
        document.contains(&format!("memory:\n  bytes: 64000000\n  bytes_per_connection: {}\n", 2 * largest)),
        "{document}"
    );
    // what is worked out can't be edited, and an older plan has none
    let edited = planned_by(sql, "insert into t values (2, printf('%.5000c', 'x'));", &Options::default(), |plan| {
        *plan = Plan::from_yaml(&document.replace("bytes: 64000000", "bytes: 1")).unwrap();
    });
    assert_eq!(edited.memory.bytes, 64_000_000);
    assert!(edited.memory.bytes_per_connection > 10_000);
    let without = document.replace(
        &format!("memory:\n  bytes: 64000000\n  bytes_per_connection: {}\n  connections: 1\n", 2 * largest),
        "",
    );
    assert_ne!(without, document);
    assert!(Plan::from_yaml(&without).is_ok());
}
