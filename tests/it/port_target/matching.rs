//! What the tables of a source match in a schema that applications made.

use std::fs;
use std::path::{Path, PathBuf};

use liftlock::port::options::{OnConflict, Options};
use liftlock::port::plan::{Finding, Level};
use liftlock::port::target::{Cycle, TableMatch, TargetSchema, fill_order, match_tables, truncate_statement};
use liftlock::schema::{Column, Schema, Table};

use super::{names, open_as, read, role, source};
use crate::support::TestDatabase;

fn keep(table: &str, column: Option<&str>) -> String {
    column.unwrap_or(table).to_owned()
}

fn matched(schema: &Schema, target: &TargetSchema, options: &Options) -> (Vec<TableMatch>, Vec<Finding>) {
    match_tables(schema, target, options, keep)
}

fn blockers(findings: &[Finding]) -> Vec<String> {
    let word = |finding: &Finding| {
        let object = finding.object.as_ref().map_or_else(String::new, |object| format!(".{object}"));
        format!("{}:{}{object}", finding.code, finding.table.as_deref().unwrap_or_default())
    };
    findings.iter().filter(|finding| finding.level == Level::Blocker && !finding.accepted).map(word).collect()
}

/// The folder of cases that this project is measured by, where it is there.
fn cases() -> Option<PathBuf> {
    let folder = std::env::var_os("LIFTLOCK_PORT_CASES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/port-cases"), PathBuf::from);
    Some(folder.join("existing")).filter(|folder| folder.is_dir())
}

fn source_of(sql: &str) -> Schema {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    let list = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let tables = list("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    let table = |name: String| Table {
        columns: list(&format!("SELECT name FROM pragma_table_xinfo('{name}') ORDER BY cid"))
            .into_iter()
            .map(|name| Column { name, ..Column::default() })
            .collect(),
        name,
        ..Table::default()
    };
    Schema { tables: tables.into_iter().map(table).collect(), ..Schema::default() }
}

#[test]
fn schemas_that_applications_made() {
    let Some(folder) = cases() else {
        eprintln!("skipped: the folder of porting cases is not there");
        return;
    };
    let mut seen = 0;
    let mut entries: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = file.strip_suffix(".postgres.sql") else { continue };
        let database = TestDatabase::postgres();
        database.execute(&fs::read_to_string(&path).unwrap());
        let schema = source_of(&fs::read_to_string(folder.join(format!("{name}.sqlite.sql"))).unwrap());
        let target = read(&database);
        let (matches, findings) = matched(&schema, &target, &Options::default());
        let expected: &[&str] = match name {
            "e04_preseeded" => &["target-not-empty:t"],
            "e14_extra_source_table" => &["missing-table:gone"],
            _ => &[],
        };
        assert_eq!(blockers(&findings), expected, "{name}: {findings:#?}");
        let types = matches.iter().flat_map(|table| &table.columns);
        let types: Vec<String> =
            types.map(|column| format!("{}→{} {}", column.source, column.target, column.pg_type)).collect();
        let types = types.join(", ");
        let expected = match name {
            "e01_int_to_bool" => "id→id integer, v→v boolean",
            "e02_mixedcase" => "Id→Id integer, UserName→UserName text",
            "e12_generated_target" => "id→id integer, a→a integer, b→b integer",
            "e17_enum" => r#"id→id integer, v→v "public"."en""#,
            "e18_array_csv" => "id→id integer, v→v text[]",
            "e20_mixedcase_fk" => "Id→Id integer, Id→Id integer, Sid→Sid integer",
            _ => types.as_str(),
        };
        assert_eq!(types, expected, "{name}");
        if name == "e12_generated_target" {
            assert!(matches[0].columns[2].generated);
            assert!(findings.iter().any(|finding| finding.code == "generated-target"), "{findings:#?}");
        }
        if name == "e05_extra_target_col" {
            let extra = findings.iter().find(|finding| finding.code == "extra-column").unwrap();
            assert!(extra.message.ends_with("its default fills it: `7`"), "{extra:?}");
        }
        seen += 1;
    }
    assert!(seen >= 15, "{seen} cases");
}

#[test]
fn copy_writes_what_it_is_given_into_an_identity_that_is_always_generated() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE t (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY)");
    super::open(&database).copy_in("COPY t (id) FROM STDIN", "41\n").unwrap();
    assert_eq!(database.value("SELECT id FROM t"), "41");
}

#[test]
fn names_that_are_near_are_taken_and_said() {
    let database = TestDatabase::postgres();
    database.execute(
        r#"CREATE TABLE order_details (id bigint, unit_price numeric); CREATE TABLE "USERS" ("ID" bigint);
           CREATE TABLE accounts (id bigint)"#,
    );
    let schema = source(&[("OrderDetails", &["Id", "UnitPrice"]), ("users", &["id"]), ("people", &["id"])]);
    let mut options = Options::default();
    options.renames.insert("people".to_owned(), "accounts".to_owned());
    let (matches, findings) = matched(&schema, &read(&database), &options);
    let pairs: Vec<_> = matches.iter().map(|table| (table.source.as_str(), table.target.as_str())).collect();
    assert_eq!(pairs, [("OrderDetails", "order_details"), ("users", "USERS"), ("people", "accounts")]);
    assert_eq!(matches[0].columns[1].target, "unit_price");
    assert_eq!(blockers(&findings), [""; 0]);
    // both tables, their columns; not what was asked for
    assert_eq!(findings.iter().filter(|finding| finding.code == "name-matched").count(), 5, "{findings:#?}");
}

#[test]
fn what_would_be_lost_stands_in_the_way() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE t (id bigint, wanted integer NOT NULL, odd inet, at timestamp(0)); CREATE VIEW v AS SELECT 1 AS id;
         CREATE TABLE whole (k integer) PARTITION BY RANGE (k); CREATE TABLE piece PARTITION OF whole DEFAULT;
         CREATE TABLE heir () INHERITS (t); CREATE TABLE spare (a integer); INSERT INTO spare VALUES (1)",
    );
    let schema = source(&[("t", &["id", "gone", "odd", "at"]), ("v", &["id"]), ("piece", &["k"]), ("none", &["a"])]);
    let target = read(&database);
    let (matches, findings) = matched(&schema, &target, &Options::default());
    assert_eq!(
        blockers(&findings),
        [
            "missing-column:t.gone",
            "no-conversion:t.odd",
            "required-column:t.wanted",
            "inherited:t",
            "missing-table:v",
            "partition:piece",
            "missing-table:none",
        ]
    );
    assert_eq!(matches[0].columns.len(), 2);
    assert_eq!(matches[0].columns[1].fraction_digits, Some(0));
    assert!(findings.iter().any(|finding| finding.code == "fraction-digits"));
    let spare = findings.iter().find(|finding| finding.object.as_deref() == Some("spare")).unwrap();
    assert!(spare.message.contains("it holds rows"), "{spare:?}");

    let mut accepted = Options {
        accept: names(&["missing-column:t.gone", "no-conversion"]),
        exclude: names(&["V", "p*"]),
        create_missing: true,
        ..Options::default()
    };
    accepted.renames.insert("none".to_owned(), "some".to_owned());
    let (_, findings) = matched(&schema, &target, &accepted);
    assert!(findings.iter().any(|finding| finding.message.contains("`some`: it is made")), "{findings:#?}");
    assert_eq!(blockers(&findings), ["required-column:t.wanted", "inherited:t"]);
}

#[test]
fn rows_that_are_there_need_a_decision() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE p (id integer PRIMARY KEY, best integer); CREATE TABLE c (p integer REFERENCES p); \
         ALTER TABLE p ADD FOREIGN KEY (best) REFERENCES p; CREATE SCHEMA other; \
         INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1)",
    );
    let both = source(&[("c", &["p"]), ("p", &["id", "best"])]);
    let (_, findings) = matched(&both, &read(&database), &Options::default());
    assert_eq!(blockers(&findings), ["target-not-empty:c", "target-not-empty:p"]);
    let skip = Options { on_conflict: Some(OnConflict::Skip), ..Options::default() };
    assert_eq!(blockers(&matched(&both, &read(&database), &skip).1), [""; 0]);

    let truncate = Options { truncate: true, ..Options::default() };
    assert_eq!(blockers(&matched(&both, &read(&database), &truncate).1), [""; 0]);
    let parent_alone = source(&[("p", &["id", "best"])]);
    assert_eq!(blockers(&matched(&parent_alone, &read(&database), &truncate).1), ["truncate-referenced:p"]);
    database.execute(&truncate_statement("public", &names(&["p", "c"])).unwrap());
    assert_eq!(database.value("SELECT (SELECT count(*) FROM p) + (SELECT count(*) FROM c)"), "0");

    database.execute("CREATE TABLE other.child (p integer REFERENCES p)");
    let findings = matched(&both, &read(&database), &truncate).1;
    assert_eq!(blockers(&findings), ["truncate-referenced:p"]);
    assert!(findings.iter().any(|finding| finding.message.contains("`other`.`child`")), "{findings:#?}");
}

#[test]
fn a_role_that_owns_nothing_fills_parents_first_and_leaves_triggers_on() {
    let database = TestDatabase::postgres();
    let role = role(&database, "guest");
    database.execute(&format!(
        "CREATE TABLE p (id serial PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p, up integer); \
         CREATE TABLE tree (id integer PRIMARY KEY, up integer REFERENCES tree); \
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
         CREATE TRIGGER watch BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION f(); \
         CREATE TRIGGER asleep BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION f(); \
         ALTER TABLE c DISABLE TRIGGER asleep; \
         GRANT SELECT, INSERT, UPDATE ON p, c, tree TO {role}; REVOKE ALL ON tree FROM {role}; \
         GRANT INSERT ON tree TO {role}; ALTER TABLE c ENABLE ROW LEVEL SECURITY"
    ));
    let read_as = || TargetSchema::read(&mut open_as(&database, &role), "public").unwrap();
    let schema = source(&[("c", &["p", "up"]), ("p", &["id"]), ("tree", &["id", "up"])]);
    let (matches, findings) = matched(&schema, &read_as(), &Options::default());
    assert_eq!(
        blockers(&findings),
        [
            "row-security:c",
            "triggers-on:c.watch",
            "no-privilege:p.p_id_seq",
            "no-privilege:tree",
            "self-reference:tree",
        ]
    );
    assert!(matches.iter().all(|table| !table.set_aside));
    assert_eq!(matches[0].parents, ["p"]);
    assert!(matches[2].refers_to_itself);
    assert_eq!(fill_order(&matches), Ok(vec![1, 0, 2]));

    database.execute("ALTER TABLE c ADD UNIQUE (up); ALTER TABLE p ADD FOREIGN KEY (id) REFERENCES c (up)");
    let (matches, findings) = matched(&schema, &read_as(), &Options::default());
    assert_eq!(fill_order(&matches), Err(Cycle { tables: names(&["c", "p"]) }));
    assert!(blockers(&findings).contains(&"foreign-key-circle:".to_owned()));

    // as the owner all of it is taken off
    let (matches, findings) = matched(&schema, &read(&database), &Options::default());
    assert_eq!(blockers(&findings), [""; 0]);
    assert_eq!(fill_order(&matches), Ok(vec![0, 1, 2]));
    assert!(findings.iter().any(|finding| finding.code == "trigger-off"));
}
