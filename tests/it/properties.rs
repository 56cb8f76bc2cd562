//! What holds for any migrations: down after up restores the schema, and the way up does not matter.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Kind, Project, TestDatabase};

/// Everything that is defined in the database, without the bookkeeping, as lines that can be compared.
pub fn schema_of(database: &TestDatabase) -> Vec<String> {
    let lines = database.query(match database.kind {
        Kind::Sqlite => {
            "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'schema_migrations%'
             AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
        }
        Kind::Postgres => {
            "SELECT 'column', c.relname, a.attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
               || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = attnum
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND relname NOT LIKE 'schema_migrations%'
             UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes
             WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_migrations%'
             UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'schema_migrations%'
             ORDER BY 1, 2, 3"
        }
    });
    // SQLite keeps the text of a definition: renaming puts quotes in it, and what follows the last word may be in it
    lines.into_iter().map(|line| line.replace('"', "").trim_end().to_owned()).collect()
}

/// A migration with its exact opposite.
#[derive(Debug, Clone)]
struct Change {
    up: String,
    down: String,
}

#[derive(Debug, Clone)]
enum Kindling {
    Table { columns: Vec<(u8, u8)>, rows: u8 },
    Column { table: usize, kind: u8 },
    Index { table: usize, unique: bool },
    View { table: usize },
    Rename { table: usize },
}

const TYPES: [&str; 4] = ["integer", "text", "varchar(20) DEFAULT 'a;''b'", "numeric(10, 2) CHECK (1 > 0)"];

fn kindling() -> impl Strategy<Value = Vec<Kindling>> {
    let one = prop_oneof![
        4 => (prop::collection::vec((any::<u8>(), any::<u8>()), 0..4), 0..3u8).prop_map(|(columns, rows)| Kindling::Table { columns, rows }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(table, kind)| Kindling::Column { table, kind }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(table, unique)| Kindling::Index { table, unique }),
        1 => any::<usize>().prop_map(|table| Kindling::View { table }),
        1 => any::<usize>().prop_map(|table| Kindling::Rename { table }),
    ];
    prop::collection::vec(one, 1..8)
}

/// Statements that fit one after the other.
fn changes(kindling: &[Kindling]) -> Vec<Change> {
    let mut tables: Vec<String> = Vec::new();
    let mut in_views: Vec<String> = Vec::new();
    let mut changes = Vec::new();
    for (at, one) in kindling.iter().enumerate() {
        let pick = |table: &usize| tables.get(table % tables.len().max(1)).cloned();
        let change = match one {
            Kindling::Table { columns, rows } => {
                let name = format!("t{at}");
                let columns: String = columns
                    .iter()
                    .enumerate()
                    .map(|(n, (kind, _))| format!(", c{n} {}", TYPES[usize::from(*kind) % TYPES.len()]))
                    .collect();
                let rows: String = (0..*rows).map(|row| format!("INSERT INTO {name} (id) VALUES ({row});\n")).collect();
                tables.push(name.clone());
                Change {
                    up: format!("CREATE TABLE {name} (id integer PRIMARY KEY{columns});\n{rows}"),
                    down: format!("DROP TABLE {name};"),
                }
            }
            Kindling::Column { table, kind } => match pick(table) {
                Some(table) if !in_views.contains(&table) => Change {
                    up: format!("ALTER TABLE {table} ADD COLUMN x{at} {};", TYPES[usize::from(*kind) % 3]),
                    down: format!("ALTER TABLE {table} DROP COLUMN x{at};"),
                },
                _ => continue,
            },
            Kindling::Index { table, unique } => match pick(table) {
                Some(table) => Change {
                    up: format!("CREATE {} INDEX i{at} ON {table} (id) -- by id", if *unique { "UNIQUE" } else { "" }),
                    down: format!("DROP INDEX i{at}"),
                },
                None => continue,
            },
            Kindling::View { table } => match pick(table) {
                Some(table) => {
                    in_views.push(table.clone());
                    Change {
                        up: format!("CREATE VIEW v{at} AS SELECT id FROM {table};"),
                        down: format!("DROP VIEW v{at};"),
                    }
                }
                None => continue,
            },
            Kindling::Rename { table } => match pick(table) {
                Some(table) if !in_views.contains(&table) => {
                    let to = format!("r{at}");
                    *tables.iter_mut().find(|name| **name == table).unwrap() = to.clone();
                    Change {
                        up: format!("ALTER TABLE {table} RENAME TO {to};"),
                        down: format!("ALTER TABLE {to} RENAME TO {table};"),
                    }
                }
                _ => continue,
            },
        };
        changes.push(change);
    }
    changes
}

fn up_and_down(kind: Kind, changes: &[Change]) {
    let project = Project::new();
    for (at, change) in changes.iter().enumerate() {
        project.write(&format!("migrations/V{}__change.sql", at + 1), &change.up);
        project.write(&format!("migrations/V{}__change.down.sql", at + 1), &change.down);
    }
    if changes.is_empty() {
        std::fs::create_dir(project.path("migrations")).unwrap();
    }
    let (by_steps, at_once) = (TestDatabase::new(kind), TestDatabase::new(kind));
    let mut on_the_way = vec![schema_of(&by_steps)];
    for _ in changes {
        project.run(&["up", "--steps", "1", "-d", &by_steps.url]).ok();
        on_the_way.push(schema_of(&by_steps));
    }
    project.run(&["up", "-d", &at_once.url]).ok();
    assert_eq!(schema_of(&at_once), schema_of(&by_steps));
    let checksums = "SELECT version, name, checksum, up_script, down_script FROM schema_migrations ORDER BY version";
    if !changes.is_empty() {
        assert_eq!(at_once.query(checksums), by_steps.query(checksums));
    }
    // redo is the identity as well
    if !changes.is_empty() {
        project.run(&["redo", "-d", &by_steps.url]).ok();
        assert_eq!(schema_of(&by_steps), schema_of(&at_once));
    }
    for (at, _) in changes.iter().enumerate().rev() {
        project.run(&["down", "-d", &by_steps.url]).ok();
        assert_eq!(schema_of(&by_steps), on_the_way[at], "after taking back {}", at + 1);
    }
    project.run(&["down", "--to", "0", "-d", &at_once.url]).ok();
    assert_eq!(schema_of(&at_once), on_the_way[0]);
}

fn holds_on(kind: Kind, cases: u32) {
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 50, ..Config::default() });
    runner
        .run(&kindling(), |kindling| {
            up_and_down(kind, &changes(&kindling));
            Ok(())
        })
        .unwrap();
}

#[test]
fn down_after_up_restores_the_schema_on_sqlite() {
    holds_on(Kind::Sqlite, 10);
}

#[test]
fn down_after_up_restores_the_schema_on_postgres() {
    holds_on(Kind::Postgres, 4);
}
