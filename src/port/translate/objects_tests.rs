//! Tests of what a plan is filled with.

use super::*;
use crate::port::plan::ColumnPlan;
use crate::port::translate::{ddl, translate_view};
use crate::value::{PgType, Reading};

/// A plan of a schema's tables with types by affinity.
fn planned(schema: &Schema) -> Plan {
    use crate::schema::Affinity;
    let column = |column: &crate::schema::Column| ColumnPlan {
        source: column.name.clone(),
        target: column.name.clone(),
        pg_type: match column.affinity {
            Affinity::Integer => PgType::Int8,
            Affinity::Real => PgType::Float8,
            Affinity::Numeric if column.declared.eq_ignore_ascii_case("boolean") => PgType::Bool,
            Affinity::Numeric => PgType::Numeric(None),
            Affinity::Blob => PgType::Bytea,
            Affinity::Text => PgType::Text,
        },
        reading: Reading::default(),
        not_null: false,
        default: None,
        identity: None,
        generated: None,
        collation: None,
    };
    let table = |table: &Table| TablePlan {
        source: table.name.clone(),
        target: table.name.clone(),
        columns: table.columns.iter().map(column).collect(),
        ..TablePlan::default()
    };
    Plan {
        version: 1,
        target_schema: "public".to_owned(),
        tables: schema.tables.iter().map(table).collect(),
        ..Plan::default()
    }
}

fn filled(sql: &str) -> Plan {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    let schema = crate::db::SqliteDb::from(connection).schema().unwrap();
    let options = Options::default();
    let (mut names, _) = Names::new(&schema, &options);
    let mut plan = planned(&schema);
    fill(&schema, &mut plan, &mut names, &Facts::default(), &options);
    plan
}

fn codes(plan: &Plan) -> Vec<String> {
    plan.findings.iter().map(|finding| finding.code.clone()).collect()
}

#[test]
fn everything_that_a_schema_declares_is_there() {
    let plan = filled(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
         CREATE TABLE t (a INTEGER, b TEXT NOT NULL DEFAULT 'x', c INTEGER REFERENCES p ON DELETE CASCADE,
           d TEXT REFERENCES p(code) DEFERRABLE INITIALLY DEFERRED, e INTEGER AS (a * 2) STORED,
           f BOOLEAN DEFAULT 0, CONSTRAINT positive CHECK (a > 0), PRIMARY KEY (b, a));
         CREATE UNIQUE INDEX part ON t (lower(b), a DESC) WHERE f = 1;
         CREATE VIEW v AS SELECT a, upper(b) AS u FROM t WHERE f;
         CREATE VIEW w AS SELECT v.u, count(*) AS n FROM v GROUP BY v.u ORDER BY n DESC;",
    );
    assert!(codes(&plan).is_empty(), "{:?}", plan.findings);
    let script = ddl::script(&plan);
    for part in [
        "\"b\" text DEFAULT 'x' NOT NULL",
        "\"e\" bigint GENERATED ALWAYS AS ((\"a\" * 2::bigint)) STORED",
        "\"f\" boolean DEFAULT false",
        "PRIMARY KEY (\"b\", \"a\")",
        "ADD CONSTRAINT \"positive\" CHECK ((\"a\" > 0))",
        "FOREIGN KEY (\"c\") REFERENCES \"public\".\"p\" (\"id\") ON DELETE CASCADE",
        "FOREIGN KEY (\"d\") REFERENCES \"public\".\"p\" (\"code\") DEFERRABLE INITIALLY DEFERRED",
        "CREATE UNIQUE INDEX \"part\" ON \"public\".\"t\" ((lower(\"b\" COLLATE \"C\")), \"a\" DESC) WHERE \"f\"",
        "CREATE VIEW \"public\".\"w\" (\"u\", \"n\") AS",
    ] {
        assert!(script.contains(part), "{part} is not in\n{script}");
    }
}

#[test]
fn what_stays_behind_is_found_and_named() {
    let plan = filled(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT CHECK (soundex(s) <> ''), k TEXT COLLATE NOCASE UNIQUE,
           n INTEGER DEFAULT '', g TEXT AS (strftime('%W', s)) STORED);
         CREATE TABLE c (k TEXT REFERENCES t (k), gone INTEGER REFERENCES nowhere (id));
         CREATE INDEX i ON t (soundex(s));
         CREATE VIEW v AS SELECT soundex(s) AS x FROM t;
         CREATE VIEW w AS SELECT x FROM v;
         CREATE VIEW bare AS SELECT id, s, count(*) AS n FROM t GROUP BY s;
         CREATE TRIGGER tr AFTER UPDATE ON t BEGIN SELECT 1; END;
         CREATE VIRTUAL TABLE f USING fts5(body);",
    );
    let mut found = codes(&plan);
    found.sort();
    let expected = [
        "check",
        "default",
        "foreign-key",
        "foreign-key",
        "generated-as-plain",
        "index",
        "nocase",
        "trigger",
        "view",
        "view",
        "view",
        "virtual-table",
    ];
    assert_eq!(found, expected, "{:#?}", plan.findings);
    assert!(ddl::script(&plan).contains("(lower(\"k\" COLLATE \"C\"))"));
    let message = |code: &str| &plan.findings.iter().find(|finding| finding.code == code).unwrap().message;
    assert!(message("check").contains("the function `soundex`"), "{}", message("check"));
    assert!(message("virtual-table").contains("tsvector"));
}

#[test]
fn a_text_that_is_no_view_is_refused() {
    #[derive(Debug)]
    struct Nothing;
    impl super::super::from::Catalog for Nothing {
        fn relation(&self, name: &str) -> Result<super::super::from::Relation, super::super::Untranslatable> {
            Err(super::super::Untranslatable::new(name))
        }
    }
    assert!(translate_view("SELECT 1", &Nothing).is_err());
    assert_eq!(translate_view("CREATE VIEW v AS SELECT 1 AS a", &Nothing).unwrap().query, "SELECT 1 AS \"a\"");
}
