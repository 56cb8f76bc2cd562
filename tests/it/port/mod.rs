//! Ports by the binary, judged by an independent comparison of every cell.

mod affected;
mod aftermath;
mod batches;
mod by_plan;
mod cases_existing;
mod cases_objects;
mod cases_values;
mod compare;
mod corners;
mod edges;
mod faults;
mod foreseen;
mod generated;
mod json_of;
mod objects;
mod real;
mod resume;
mod review;
mod robustness;
mod target_checks;
mod target_keys;
mod values;
mod values_of;

use std::path::{Path, PathBuf};
use std::process::Child;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Project, Ran, TestDatabase};

/// A SQLite file and a PostgreSQL database to port it to.
struct Port {
    project: Project,
    target: TestDatabase,
}

/// What a port came to.
#[derive(Debug)]
struct Done {
    ran: Ran,
    json: Value,
    plan: Option<Value>,
}

impl Port {
    /// A source made by SQL.
    fn of(sql: &str) -> Self {
        let port = Self { project: Project::new(), target: TestDatabase::postgres() };
        port.sqlite(sql);
        port
    }

    fn source(&self) -> PathBuf {
        self.project.path("source.db")
    }

    /// A connection to the source; foreign keys off, as in SQLite's shell.
    fn connection(&self) -> Connection {
        let connection = Connection::open(self.source()).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = off").unwrap();
        connection
    }

    /// Runs SQL on the source.
    fn sqlite(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }

    fn arguments<'a>(&'a self, command: &'a str, flags: &[&'a str]) -> Vec<&'a str> {
        [&[command, "source.db", &self.target.url, "--json"], flags].concat()
    }

    /// Ports, and keeps the plan that was used.
    fn run(&self, flags: &[&str]) -> Done {
        let _ = std::fs::remove_file(self.project.path("plan-out.yaml"));
        let flags = [flags, &["--yes", "--plan-out", "plan-out.yaml"]].concat();
        let ran = self.project.run(&self.arguments("port", &flags));
        let plan = std::fs::read_to_string(self.project.path("plan-out.yaml")).ok();
        Done { plan: plan.map(|plan| serde_saphyr::from_str(&plan).unwrap()), ..Done::of(ran) }
    }

    /// Ports without asking for the plan: names are the same on both sides.
    fn plainly(&self, flags: &[&str]) -> Done {
        Done::of(self.project.run(&self.arguments("port", flags)))
    }

    /// Ports in the background.
    fn spawn(&self, flags: &[&str]) -> Child {
        self.project.spawn(&self.arguments("port", flags))
    }

    /// Ports, to be killed at a point.
    #[cfg(feature = "crash-tests")]
    fn killed_at(&self, point: &str, flags: &[&str]) -> Ran {
        Ran::of(self.project.command(&self.arguments("port", flags)).env("LIFTLOCK_CRASH_AT", point))
    }

    /// Compares by the tool.
    fn compare(&self, flags: &[&str]) -> Done {
        Done::of(self.project.run(&self.arguments("compare", flags)))
    }

    /// What is not the same in the two databases, by the judge.
    fn differences(&self, done: &Done) -> Vec<String> {
        compare::differences(&self.connection(), &mut self.target.client(), "public", done.plan.as_ref())
    }

    /// Every cell is the same, by the judge.
    #[track_caller]
    fn assert_same(&self, done: &Done) {
        let differences = self.differences(done);
        assert!(differences.is_empty(), "{}\n{done}", differences.join("\n"));
    }

    /// Ports; it has to be proven without anything left out, and the judge has to agree.
    #[track_caller]
    fn proven(&self, flags: &[&str]) -> Done {
        let done = self.run(flags).is_proven();
        self.assert_same(&done);
        done
    }

    /// Ports; every row has to be proven, with something left out, and the judge has to agree on the rows.
    #[track_caller]
    fn incomplete(&self, flags: &[&str]) -> Done {
        let done = self.run(flags).is_incomplete();
        self.assert_same(&done);
        done
    }

    /// Ports; it has to be refused with the target left as it was.
    #[track_caller]
    fn refused(&self, flags: &[&str]) -> Done {
        let before = self.everything();
        let done = self.run(flags);
        assert_eq!(done.ran.code, Some(1), "{done}");
        assert_eq!(done.json["result"], "refused", "{done}");
        assert!(done.blockers().next().is_some(), "refused without a reason: {done}");
        assert_eq!(self.everything(), before, "refused, and the target is changed: {done}");
        done
    }

    /// All there is in the target, bookkeeping and other schemas' tables as well.
    fn everything(&self) -> String {
        let schemas = self.target.query(
            "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' ORDER BY 1",
        );
        format!("{schemas:?}\n{}", self.target.contents())
    }

    /// A column's type as PostgreSQL names it.
    fn type_of(&self, table: &str, column: &str) -> String {
        self.target.value(&format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'public.\"{table}\"'::regclass \
             AND attname = '{column}'"
        ))
    }

    /// A table's constraints of a kind, as PostgreSQL prints them.
    fn constraints(&self, table: &str, kind: char) -> Vec<String> {
        self.target.query(&format!(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'public.\"{table}\"'::regclass \
             AND contype = '{kind}' ORDER BY 1"
        ))
    }

    /// A table's indexes, as PostgreSQL prints them, without those of its primary key.
    fn indexes(&self, table: &str) -> Vec<String> {
        self.target.query(&format!(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'public.\"{table}\"'::regclass \
             AND NOT indisprimary ORDER BY 1"
        ))
    }

    /// Whether PostgreSQL takes a statement.
    fn takes(&self, sql: &str) -> bool {
        self.target.client().batch_execute(sql).is_ok()
    }
}

#[allow(clippy::wrong_self_convention, reason = "they assert, and hand on what they were given")]
impl Done {
    fn of(ran: Ran) -> Self {
        let json = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
        Self { ran, json, plan: None }
    }

    #[track_caller]
    fn is_proven(self) -> Self {
        assert_eq!(self.ran.code, Some(0), "{self}");
        assert_eq!(self.json["result"], "proven", "{self}");
        self.all_rows_proven();
        let open = |finding: &&Value| finding["level"] == "left-out" && finding["accepted"] != true;
        assert!(self.findings().find(open).is_none(), "proven with something left out: {self}");
        self
    }

    #[track_caller]
    fn is_incomplete(self) -> Self {
        assert_eq!(self.ran.code, Some(1), "{self}");
        assert_eq!(self.json["result"], "incomplete", "{self}");
        self.all_rows_proven();
        self
    }

    /// Proven, or incomplete.
    #[track_caller]
    fn is_done(self) -> Self {
        if self.ran.code == Some(0) { self.is_proven() } else { self.is_incomplete() }
    }

    #[track_caller]
    fn all_rows_proven(&self) {
        for table in self.list("tables") {
            let aside = table["quarantined_rows"].as_u64().unwrap_or(0);
            let out = aside + table["exempt_rows"].as_u64().unwrap_or(0);
            assert_eq!(table["state"], if out > 0 { "exempt" } else { "proven" }, "{self}");
            let stayed = table["kept_rows"].as_u64().unwrap_or(0);
            let rows = |side: &str| table[side].as_u64().unwrap();
            assert_eq!(rows("source_rows") + stayed, rows("target_rows") + out, "{self}");
        }
        for object in self.list("objects") {
            assert_ne!(object["state"], "missing", "{self}");
        }
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.json[name].as_array().into_iter().flatten()
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.list("findings")
    }

    fn blockers(&self) -> impl Iterator<Item = &Value> {
        self.findings().filter(|finding| finding["level"] == "blocker" && finding["accepted"] != true)
    }

    /// The findings that were left out, for `--accept`.
    fn left_out(&self) -> Vec<String> {
        let left_out = self.findings().filter(|finding| finding["level"] == "left-out");
        left_out.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    }

    /// The finding about a table's column (or other object) whose text, examples and all, has each of `words`.
    #[track_caller]
    fn finding(&self, table: &str, object: &str, words: &[&str]) -> &Value {
        let fits = |finding: &&Value| {
            let all = finding.to_string();
            let about =
                |key: &str, wanted: &str| finding[key].as_str().is_some_and(|is| is.eq_ignore_ascii_case(wanted));
            (table.is_empty() || about("table", table))
                && (object.is_empty() || about("object", object))
                && words.iter().all(|word| all.contains(word))
        };
        self.findings()
            .find(fits)
            .unwrap_or_else(|| panic!("no finding on `{table}` `{object}` with {words:?}: {self}"))
    }

    /// The difference that the report has on a table and key.
    #[track_caller]
    fn difference(&self, table: &str, kind: &str, key: &str) -> &Value {
        let table = self.list("tables").find(|is| is["source"] == table);
        let differences = table.and_then(|table| table["differences"].as_array()).into_iter().flatten();
        let fits = |is: &&Value| is["kind"] == kind && is["key"].as_str().is_some_and(|is| is.contains(key));
        let mut differences = differences.filter(fits);
        differences.next().unwrap_or_else(|| panic!("no difference `{kind}` of {key}: {self}"))
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |text: &str| text.chars().take(4000).collect::<String>();
        let told = if self.json.is_null() { self.ran.stdout.clone() } else { self.json.to_string() };
        write!(f, "exit {:?}\nstdout: {}\nstderr: {}", self.ran.code, cut(&told), cut(&self.ran.stderr))
    }
}

/// A folder of cases and real databases that are not kept here, where `LIFTLOCK_SHARED` names it.
fn shared(below: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LIFTLOCK_SHARED").map(|shared| PathBuf::from(shared).join(below));
    if folder.as_ref().is_none_or(|folder| !folder.is_dir()) {
        println!("skipped: LIFTLOCK_SHARED names no folder that has `{below}`");
        return None;
    }
    folder
}

/// What is expected of one case.
type Case = (&'static str, fn(&Port));

/// Runs the cases of a folder whose names begin with `prefix`, and says of all that fail why; each file has to have
/// its expectation, and each expectation its file.
fn run_cases(below: &str, prefix: &str, ending: &str, cases: &[Case], prepare: fn(&Path, &str, &Port)) {
    let Some(folder) = shared(below) else { return };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(ending).map(str::to_owned))
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    let mut failed: Vec<String> = cases
        .iter()
        .filter(|(case, _)| case.starts_with(prefix) && !names.iter().any(|name| name.split('_').next() == Some(case)))
        .map(|(case, _)| format!("{case}: there is no such case"))
        .collect();
    let mut spare = None;
    for name in &names {
        let code = name.split('_').next().unwrap();
        let Some((_, expectation)) = cases.iter().find(|(case, _)| *case == code) else {
            failed.push(format!("{name}: nothing says what must come out"));
            continue;
        };
        let sql = std::fs::read_to_string(folder.join(format!("{name}{ending}"))).unwrap();
        let target = spare.take().unwrap_or_else(TestDatabase::postgres);
        let port = Port { project: Project::new(), target };
        port.sqlite(&sql);
        let port = std::panic::AssertUnwindSafe(port);
        let ran = std::panic::catch_unwind(|| {
            prepare(&folder, name, &port);
            expectation(&port);
        });
        if ran.is_ok() {
            // to make a database takes longer than all else here
            port.target.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
            spare = Some(port.0.target);
        }
        if let Err(reason) = ran {
            let reason = reason.downcast_ref::<String>().cloned();
            failed.push(format!("{name}: {}", reason.unwrap_or_else(|| "see above".to_owned())));
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n\n{}", failed.len(), names.len(), failed.join("\n\n"));
}
