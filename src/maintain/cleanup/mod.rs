//! Retention: rows that are older than a policy allows are deleted, marked as deleted, or archived, in batches.
//!
//! ```text
//! policy + catalog → bind (condition, tables that refer) → rows (what goes, in temporary tables) → plan (counts)
//!                                                                                              → run: batch by batch,
//!   a transaction each: take with locks → archive (its own commit comes first) → delete children first → log → commit
//! ```
//! Killed at any moment, a row is here, in the archive, or in both; a run after that ends as an undisturbed one does.

mod age;
mod archive;
mod bind;
mod condition;
mod log;
mod report;
mod rows;

use std::time::Instant;

use jiff::Timestamp;

pub use archive::ARCHIVED_ON;
pub use log::LOG;
pub use report::{ChildFate, ChildReport, CleanupReport, PolicyReport, PolicyResult};

use super::MaintainError;
use super::catalog::Catalog;
use super::session::EXACT;
use crate::Dialect;
use crate::config::{RetentionAction, RetentionPolicy};
use crate::crash;
use crate::db::{Db, ErrorClass};
use crate::error::ErrorKind;
use crate::interrupt::Interrupt;
use crate::migrate::Who;
use crate::words::counted;
use archive::Archive;
use bind::{Bound, bind};
use rows::Rows;

/// How many rows of a policy's table go in one transaction, unless told otherwise.
pub const BATCH_ROWS: u64 = 1000;

/// What is to be cleaned up, and how.
#[derive(Debug, Clone)]
pub struct CleanupOptions {
    /// The policies, in the order in which they are done.
    pub policies: Vec<RetentionPolicy>,
    /// Only those of these tables; empty for all.
    pub only: Vec<String>,
    /// How many rows go in one transaction, before what a policy says.
    pub batch_rows: Option<u64>,
    /// The moment from which cut-offs are counted; once for a plan and its run.
    pub now: Timestamp,
    /// Who does it, for the log and for soft deletes.
    pub who: Who,
    /// What asks it to stop.
    pub interrupt: Interrupt,
}

/// What a cleanup would do: nothing is written but temporary tables.
///
/// # Errors
/// [`MaintainError`] where a policy does not fit the schema, or the database can't be read.
pub fn plan(db: &mut Db, options: &CleanupOptions) -> Result<CleanupReport, MaintainError> {
    let _work = options.interrupt.work();
    let catalog = prepare(db, options)?;
    let mut report = CleanupReport { dry_run: true, now: options.now.to_string(), ..CleanupReport::default() };
    for policy in chosen(options, &catalog)? {
        let bound = bind_on(db, &catalog, policy, options)?;
        if let RetentionAction::Archive(target) = &policy.action {
            archive::can_take(db.dialect(), target)?;
        }
        report.policies.push(guarded(db, options, |db| look(db, &catalog, &bound))?);
    }
    Ok(report)
}

/// Told how far a cleanup is: the table of the policy in hand, how many of its old rows are done, and how many there are.
pub type Observer<'a> = &'a dyn Fn(&str, u64, u64);

/// Cleans up. The report says what was done, also where an error ended it.
pub fn run(db: &mut Db, options: &CleanupOptions, observer: Observer<'_>) -> (CleanupReport, Option<MaintainError>) {
    let _work = options.interrupt.work();
    let begun = Instant::now();
    let mut report = CleanupReport { now: options.now.to_string(), ..CleanupReport::default() };
    let result = run_all(db, options, &mut report, observer);
    report.duration_seconds = begun.elapsed().as_secs_f64();
    (report, result.err())
}

fn run_all(
    db: &mut Db,
    options: &CleanupOptions,
    report: &mut CleanupReport,
    observer: Observer<'_>,
) -> Result<(), MaintainError> {
    let catalog = prepare(db, options)?;
    let policies = chosen(options, &catalog)?;
    let mut all = Vec::new();
    // what does not fit is found before anything is written
    for &policy in &policies {
        let bound = bind_on(db, &catalog, policy, options)?;
        report.policies.push(PolicyReport { result: PolicyResult::NotDone, ..describe(&catalog, &bound) });
        all.push(bound);
    }
    log::make(db)?;
    for (bound, report) in all.iter().zip(&mut report.policies) {
        one(db, options, &catalog, bound, report, observer)?;
    }
    Ok(())
}

/// What a policy means, its `where` as the database reads it.
fn bind_on<'a>(
    db: &mut Db,
    catalog: &'a Catalog,
    policy: &'a RetentionPolicy,
    options: &CleanupOptions,
) -> Result<Bound<'a>, MaintainError> {
    let bound = bind(catalog, policy, options.now, &by(&options.who))?;
    let table = catalog.tables[bound.tables[0]].sql_name(catalog.dialect);
    guarded(db, options, |db| condition::try_on(db, &table, policy))?;
    Ok(bound)
}

/// Does one policy, and logs it.
fn one(
    db: &mut Db,
    options: &CleanupOptions,
    catalog: &Catalog,
    bound: &Bound<'_>,
    report: &mut PolicyReport,
    observer: Observer<'_>,
) -> Result<(), MaintainError> {
    let begun = Instant::now();
    let entry = log::begin(db, bound, report, options.now, &options.who)?;
    let result = guarded(db, options, |db| {
        let found = look(db, catalog, bound)?;
        *report = PolicyReport { result: PolicyResult::Stopped, ..found };
        if report.blocking().next().is_some() {
            report.result = PolicyResult::Refused;
            return Ok(());
        }
        batches(db, options, catalog, bound, report, (&entry, observer))?;
        report.result = PolicyResult::Done;
        Ok(())
    });
    let (word, message) = match (&result, report.result) {
        (Ok(()), PolicyResult::Refused) => ("refused", Some(blocked(report))),
        (Ok(()), _) => ("done", None),
        (Err(error), _) if error.kind() == ErrorKind::Interrupted => ("interrupted", None),
        (Err(error), _) => ("failed", Some(error.to_string())),
    };
    crash::point("cleanup-log");
    let ended = entry.end(db, word, message.as_deref(), begun.elapsed().as_millis());
    // the first error is the one that tells
    result.and(ended)
}

/// What keeps a policy's rows from going, in words.
fn blocked(report: &PolicyReport) -> String {
    let rows = report.blocking().map(|child| {
        let rows = counted(child.rows_found, "row");
        format!("{rows} of {} ({}, {})", child.table, child.columns.join(", "), child.on_delete)
    });
    format!("referred to by {}", rows.collect::<Vec<_>>().join("; "))
}

/// Runs what an interrupt may cancel, and tells a cancelled statement from one that failed.
fn guarded<T>(
    db: &mut Db,
    options: &CleanupOptions,
    work: impl FnOnce(&mut Db) -> Result<T, MaintainError>,
) -> Result<T, MaintainError> {
    let running = options.interrupt.while_running(db.canceller());
    let result = work(db);
    drop(running);
    match result {
        Err(error) => {
            db.roll_back();
            let cancelled =
                matches!(&error, MaintainError::Sql { source, .. } if source.class == ErrorClass::Cancelled);
            Err(if cancelled && options.interrupt.is_set() { stopped() } else { error })
        }
        Ok(_) if options.interrupt.is_set() => Err(stopped()),
        done => done,
    }
}

fn stopped() -> MaintainError {
    MaintainError::Interrupted {
        kept: "whole batches are kept, the one in hand was rolled back; run it again to go on".to_owned(),
    }
}

/// Sets the session up, and reads the schema.
fn prepare(db: &mut Db, options: &CleanupOptions) -> Result<Catalog, MaintainError> {
    let settings = match db.dialect() {
        Dialect::Sqlite => "PRAGMA foreign_keys = on",
        Dialect::Postgres => EXACT,
    };
    db.execute(settings).map_err(MaintainError::sql("set the session up"))?;
    if let Db::Sqlite(db) = db {
        db.wait(std::time::Duration::from_secs(30), &options.interrupt);
    }
    Catalog::read(db)
}

/// The policies that are meant.
fn chosen<'a>(options: &'a CleanupOptions, catalog: &Catalog) -> Result<Vec<&'a RetentionPolicy>, MaintainError> {
    if options.policies.is_empty() {
        return Err(MaintainError::Refused {
            message: "there are no retention policies".to_owned(),
            hint: "write them under `retention:` in liftlock.yaml (docs/operations-clean.md)".to_owned(),
        });
    }
    let place = |name: &str| catalog.find(name);
    for name in &options.only {
        let known = options.policies.iter().any(|policy| policy.table == *name || place(&policy.table) == place(name));
        if !known || (place(name).is_none() && !options.policies.iter().any(|policy| policy.table == *name)) {
            let tables: Vec<&str> = options.policies.iter().map(|policy| policy.table.as_str()).collect();
            return Err(MaintainError::Refused {
                message: format!("there is no policy for `{name}`"),
                hint: format!("there are policies for {}", tables.join(", ")),
            });
        }
    }
    let meant = |policy: &&RetentionPolicy| {
        options.only.is_empty()
            || options
                .only
                .iter()
                .any(|name| policy.table == *name || (place(name).is_some() && place(&policy.table) == place(name)))
    };
    Ok(options.policies.iter().filter(meant).collect())
}

fn by(who: &Who) -> String {
    match (&who.os_user, &who.host) {
        (Some(user), Some(host)) => format!("liftlock cleanup ({user}@{host})"),
        (Some(user), None) => format!("liftlock cleanup ({user})"),
        _ => "liftlock cleanup".to_owned(),
    }
}

fn describe(catalog: &Catalog, bound: &Bound<'_>) -> PolicyReport {
    let policy = bound.policy;
    let (action, archive) = match &policy.action {
        RetentionAction::Delete => ("delete", None),
        RetentionAction::SoftDelete { .. } => ("soft_delete", None),
        RetentionAction::Archive(target) => ("archive", Some(target.to_string())),
    };
    PolicyReport {
        table: catalog.shown(&catalog.tables[bound.tables[0]]),
        action,
        age: policy.age.clone(),
        older_than: policy.older_than_text.clone(),
        cut_off: bound.cut_off.to_string(),
        condition: policy.condition.clone(),
        archive,
        ..PolicyReport::default()
    }
}

/// Counts what a policy is about.
fn look(db: &mut Db, catalog: &Catalog, bound: &Bound<'_>) -> Result<PolicyReport, MaintainError> {
    let rows = Rows { catalog, bound };
    let mut report = describe(catalog, bound);
    report.rows_found = rows.find(db)?;
    if let Some(unreadable) = &bound.unreadable {
        let table = catalog.tables[bound.tables[0]].sql_name(catalog.dialect);
        report.rows_unreadable = rows::count(db, &format!("SELECT count(*) FROM {table} WHERE {unreadable}"))
            .map_err(MaintainError::sql(format!("read the ages of `{}`", report.table)))?;
    }
    if report.rows_found > 0 && !bound.edges.is_empty() {
        rows.take(db, 1, report.rows_found, false)?;
        report.children = rows.children(db)?;
    }
    Ok(report)
}

/// Does a policy, batch by batch.
fn batches(
    db: &mut Db,
    options: &CleanupOptions,
    catalog: &Catalog,
    bound: &Bound<'_>,
    report: &mut PolicyReport,
    (entry, observer): (&log::Entry, Observer<'_>),
) -> Result<(), MaintainError> {
    let rows = Rows { catalog, bound };
    let mut archive = match &bound.policy.action {
        RetentionAction::Archive(target) if report.rows_found > 0 => {
            Some(Archive::open(target, db, catalog, &bound.tables, options.now)?)
        }
        _ => None,
    };
    let size = options.batch_rows.or(bound.policy.batch_rows).unwrap_or(BATCH_ROWS).max(1);
    let mut from = 1;
    let mut own = 0;
    observer(&report.table, 0, report.rows_found);
    while from <= report.rows_found {
        if options.interrupt.is_set() {
            return Err(stopped());
        }
        let to = from.saturating_add(size - 1).min(report.rows_found);
        let done = batch(db, &rows, archive.as_mut(), entry, (from, to));
        let done = done.inspect_err(|_| {
            if let Some(archive) = &mut archive {
                archive.roll_back();
            }
            db.roll_back();
        })?;
        crash::point("cleanup-committed");
        own += done[0];
        report.rows_done = own;
        for child in report.children.iter_mut().filter(|child| child.fate == ChildFate::Goes) {
            // rows of the table itself that are not old, and go because they refer to old ones
            if child.table == report.table {
                report.rows_done = own.min(report.rows_found);
                child.rows_done = own - report.rows_done;
            }
            let place = bound.tables.iter().position(|&at| catalog.shown(&catalog.tables[at]) == child.table);
            if let Some(place) = place.filter(|place| *place > 0) {
                child.rows_done += done[place];
            }
        }
        tracing::info!(table = report.table, done = report.rows_done, of = report.rows_found, "cleanup");
        observer(&report.table, report.rows_done, report.rows_found);
        from = to + 1;
    }
    rows.forget(db)
}

/// Does one batch. Gives the rows that went, by table.
fn batch(
    db: &mut Db,
    rows: &Rows<'_>,
    mut archive: Option<&mut Archive>,
    entry: &log::Entry,
    (from, to): (u64, u64),
) -> Result<Vec<u64>, MaintainError> {
    let begin = match db.dialect() {
        // keys that point in circles are looked at once all is deleted
        Dialect::Sqlite => "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = on;",
        Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL DEFERRED;",
    };
    crash::point("cleanup-begin");
    db.execute(begin).map_err(MaintainError::sql("begin a batch"))?;
    rows.take(db, from, to, true)?;
    let mut done = Vec::new();
    for place in 0..rows.bound.tables.len() {
        done.push(rows.count(db, place)?);
    }
    crash::point("cleanup-taken");
    if let Some(archive) = &mut archive {
        archive.begin()?;
        for (place, &expected) in done.iter().enumerate() {
            let table = &rows.catalog.tables[rows.bound.tables[place]];
            let stored = archive.store(db, table, &rows.select(place))?;
            if stored != expected {
                return Err(MaintainError::Failed {
                    message: format!(
                        "of {} of `{}` that should go to the archive {stored} could be read",
                        counted(expected, "row"),
                        table.name
                    ),
                    hint: Some("nothing of the batch was deleted; may this user read all rows?".to_owned()),
                });
            }
        }
        crash::point("cleanup-stored");
        archive.commit()?;
        crash::point("cleanup-archived");
    }
    match &rows.bound.marks {
        Some(marks) => rows.mark(db, marks)?,
        None => rows.delete(db)?,
    }
    crash::point("cleanup-deleted");
    entry.count(db, done[0], done[1..].iter().sum())?;
    crash::point("cleanup-counted");
    db.execute("COMMIT").map_err(MaintainError::sql("commit a batch"))?;
    Ok(done)
}
