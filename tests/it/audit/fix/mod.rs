//! The fix, from a database to a database: audited, mended by our own engine, audited again, and taken back.

mod corpus;
mod names;
mod partitions;
mod planner;
mod runs;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::path::{Path, PathBuf};

use liftlock::audit::fix::{Fix, FixOptions, PlannedIndex, SuggestedIndex, TableIndex};
use liftlock::audit::read::Wanted;
use liftlock::audit::{Options, Report, Schema, Statistics, audit, fix, read};
use liftlock::config::{Environment, Target};
use liftlock::db::{Access, Db};
use liftlock::migrate::layout::Layout;
use liftlock::migrate::{DownFrom, DownTo, MigrateError, Migrator, Outcome, UpTo};
use tempfile::TempDir;

use crate::support::{Kind, TestDatabase};

fn connect(database: &TestDatabase) -> Db {
    Db::connect(&Target::parse(&database.url, &Environment::default()).unwrap(), Access::Write).unwrap()
}

fn audited(database: &TestDatabase) -> (Schema, Report) {
    let (schema, _) = read::read(&mut connect(database), &Wanted::default()).unwrap();
    let report = audit(&schema, &Statistics::default(), &Options::default()).unwrap();
    (schema, report)
}

fn suggested(report: &Report) -> Vec<SuggestedIndex> {
    report.foreign_keys.iter().filter_map(|verdict| verdict.suggested.clone()).collect()
}

/// How a fix is made and run.
#[derive(Clone, Copy)]
struct How {
    layout: Layout,
    concurrently: bool,
}

const USUAL: How = How { layout: Layout::Liftlock, concurrently: true };
const IN_A_TRANSACTION: How = How { layout: Layout::Liftlock, concurrently: false };

fn options(dir: &Path, how: How) -> FixOptions {
    FixOptions {
        dir: dir.to_owned(),
        layout: Some(how.layout),
        numbering: None,
        concurrently: how.concurrently,
        now: jiff::civil::date(2026, 11, 20).at(9, 30, 0, 0),
        applied: Some(BTreeSet::new()),
    }
}

/// A fix in a folder of its own.
struct Written {
    folder: TempDir,
    planned: Vec<PlannedIndex>,
    fix: Fix,
    how: How,
}

impl Written {
    fn of(database: &TestDatabase, how: How) -> Self {
        let (schema, report) = audited(database);
        let planned = fix::plan(&schema, &suggested(&report));
        let folder = tempfile::tempdir().unwrap();
        let fix = fix::plan_fix(&schema, &planned, &options(&folder.path().join("migrations"), how)).unwrap();
        fix::write(&fix).unwrap();
        Self { folder, planned, fix, how }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("migrations")
    }

    fn migrator(&self) -> Migrator {
        Migrator::from_folder(self.dir()).layout(Some(self.how.layout))
    }

    fn up(&self, database: &TestDatabase) {
        self.done(self.migrator().up(&mut connect(database), UpTo::Latest));
    }

    fn down(&self, database: &TestDatabase) {
        let steps = DownTo::Steps(self.fix.migrations.len());
        self.done(self.migrator().down(&mut connect(database), steps, DownFrom::Either));
    }

    fn done(&self, outcome: Result<Outcome, MigrateError>) {
        if let Err(error) = outcome.and_then(Outcome::into_result) {
            panic!("{error}: {:?}\n{:#?}", error.source().map(ToString::to_string), self.fix);
        }
    }

    /// The names of the planned indexes, sorted: the catalogs list foreign keys in different orders.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.planned.iter().map(PlannedIndex::name).collect();
        names.sort_unstable();
        names
    }
}

/// Every index of the tree that holds rows.
fn leaves(on: &TableIndex) -> Vec<&TableIndex> {
    if on.partitioned { on.partitions.iter().flat_map(leaves).collect() } else { vec![on] }
}

/// The schema as the database has it, to be the same after an up and a down.
fn snapshot(database: &TestDatabase) -> String {
    let lines = database.query(match database.kind {
        // the root pages may move: what is declared may not
        Kind::Sqlite => {
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'schema_migrations%' \
             ORDER BY type, name"
        }
        Kind::Postgres => {
            "SELECT n.nspname, c.relname, c.relkind, c.reloptions, c.relispartition, c.relpersistence, \
             pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indislive, i.indisclustered, \
             (SELECT string_agg(inhparent::regclass::text, ',') FROM pg_inherits WHERE inhrelid = c.oid), \
             (SELECT string_agg(conname || ' ' || convalidated || ' ' || pg_get_constraintdef(k.oid), ',' ORDER BY conname) \
              FROM pg_constraint k WHERE k.conrelid = c.oid) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid \
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relname !~ '^schema_migrations' \
             ORDER BY 1, 2"
        }
    });
    lines.join("\n")
}

/// Mends a database, proves that it is mended, and takes it back; what was made is handed to `look` in between.
fn round_trip(database: &TestDatabase, how: How, look: impl Fn(&Written)) {
    let before = snapshot(database);
    let written = Written::of(database, how);
    if written.planned.is_empty() {
        assert_eq!(written.fix, Fix::default());
        return look(&written);
    }
    written.up(database);
    let (schema, report) = audited(database);
    let left = suggested(&report);
    assert!(left.is_empty(), "{left:?} are left after {:#?}\nof {schema:#?}", written.fix);
    assert!(written.planned.iter().all(|planned| database.has_index(planned)), "{:#?}", written.fix);
    for planned in &written.planned {
        planner::uses(database, planned);
    }
    look(&written);
    written.down(database);
    assert_eq!(snapshot(database), before, "{:#?}", written.fix);
    // and what is planned now is what was planned then
    assert_eq!(Written::of(database, how).planned, written.planned);
}

impl TestDatabase {
    /// Whether the index is there, and can be used.
    fn has_index(&self, planned: &PlannedIndex) -> bool {
        let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let name = literal(planned.name());
        let found = match self.kind {
            Kind::Sqlite => self.query(&format!("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = {name}")),
            Kind::Postgres => self.query(&format!(
                "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = indexrelid \
                 WHERE indisvalid AND relname = {name} AND relnamespace::regnamespace = quote_ident({})::regnamespace",
                literal(&planned.index.schema)
            )),
        };
        found.len() == 1
    }
}
