//! The import itself: which files, their records into the tables, the proof, the report.

mod ahead;
mod deal;
mod emptied;
mod forward;
mod mapped;
mod plan;
mod read;
mod spares;
mod tree;
mod whole;
mod write;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(super) use self::plan::{Job, fingerprint};
use self::read::Message;
pub(super) use self::read::Readers;
use self::spares::Spares;
use self::write::Writer;
pub(super) use self::write::fill_parents;
use super::books::{FileBook, FileState};
use super::keep::Kept;
use super::mapping::{Format, Source};
use super::report::{Report, Status, TableReport, TableState};
use super::store::Store;
use super::verify::Sum;
use super::{ImportError, Mapping, bind, books, hide, store, verify};
use crate::config::Secret;
use crate::db::Db;
use crate::interrupt::Interrupt;

/// What is to be imported, and how.
pub struct Import<'a> {
    /// The folder.
    pub dir: PathBuf,
    /// The mapping.
    pub mapping: Mapping,
    /// Which tree of files it is, whatever the mapping says and wherever the folder lies.
    pub tree: Option<String>,
    /// The folder that the mapping's `store:` is relative to: its file's.
    pub base: PathBuf,
    /// SHA-256 of the mapping's text, for the audit trail.
    pub mapping_sha256: String,
    /// Nothing is written; everything is read and mapped.
    pub dry_run: bool,
    /// As a dry run, and records are compared with the rows that have their keys.
    pub check: bool,
    /// Rows that are there stay, whatever the mapping says.
    pub skip_existing: bool,
    /// Files that have not changed are read too.
    pub again: bool,
    /// What was kept of all that before, for the report.
    pub backup: Option<Kept>,
    /// So many threads read.
    pub jobs: usize,
    /// How long to wait for another import.
    pub lock_wait: Duration,
    /// The key of columns that are encrypted, as the environment has it.
    pub key: Option<Secret>,
    /// The request to stop.
    pub interrupt: Interrupt,
    /// Who is told how far it is.
    pub observer: &'a dyn Fn(&Event<'_>),
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("dir", &self.dir).field("dry_run", &self.dry_run).finish_non_exhaustive()
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Somebody else imports into the database.
    Waiting {
        /// Who.
        holder: &'a str,
    },
    /// So much is to be read.
    Planned {
        /// Files.
        files: u64,
        /// Their bytes, once for each source that takes them.
        bytes: u64,
        /// Files that have not changed.
        unchanged: u64,
    },
    /// So many records were taken.
    Records {
        /// How many.
        records: u64,
    },
    /// A file is at its end, for one of the sources that take it.
    File {
        /// Its bytes.
        bytes: u64,
        /// No other source takes it after this one.
        last: bool,
    },
    /// Tables are read back.
    Verifying {
        /// The table.
        table: &'a str,
    },
}

/// What an import came to, and what stopped it.
#[derive(Debug)]
pub struct Finished {
    /// What it came to.
    pub report: Report,
    /// Why it did not come to its end.
    pub error: Option<ImportError>,
}

/// Runs an import.
///
/// # Errors
/// What is found before anything is read or written: a table that is missing, another import that does not end. What
/// happens later is in [`Finished`].
pub fn import(db: Db, import: &Import<'_>) -> Result<Finished, ImportError> {
    let began = Instant::now();
    let _work = import.interrupt.work();
    let mut store = store::open(db, &import.interrupt)?;
    let store = store.as_mut();
    let bound = bind::bind(&import.mapping, store, import.skip_existing, import.key.as_ref(), &import.base)?;
    verify::check_key(store, &bound)?;
    let folder =
        std::fs::canonicalize(&import.dir).map_err(|source| ImportError::Read { path: import.dir.clone(), source })?;
    let folder = folder.to_string_lossy().into_owned();
    let tree = import.tree.as_ref().or(import.mapping.tree.as_ref()).unwrap_or(&folder).clone();
    let found = super::read::find(&import.dir, &import.mapping)?;
    let hidden = hide::hidden(&import.mapping, &found)?;
    let backup = import.backup.clone();
    let mut report = Report { folder: folder.clone(), tree: tree.clone(), backup, ..Report::default() };
    report.files_unmatched = found.unmatched.iter().take(100).cloned().collect();
    report.folders_unread = found.unread.iter().map(|(path, why)| format!("{path}: {why}")).collect();
    report.files_skipped = found.skipped.iter().map(|(path, why)| format!("{path}: {why}")).collect();
    let writes = !(import.dry_run || import.check);
    let _guard = if writes { Some(lock(store, import)?) } else { None };
    let known = books::exist(store)?;
    if writes && !known {
        books::make(store)?;
    }
    let books = if known { books::files(store, &tree)? } else { Vec::new() };
    if known && books.is_empty() && import.tree.is_none() {
        tree::look(store, &import.mapping, &bound, &found, &folder)?;
    }
    // what was told to differ is looked at until it is right
    let open = writes && known && books::differed(store, &tree)?;
    let (run, killed) = match writes {
        true => books::begin(store, &tree, &import.mapping_sha256)?,
        false => (0, Vec::new()),
    };
    // a check is of all that is there
    let again = import.again || import.check;
    let mut plan = plan::plan(&import.mapping, &bound, store.dialect(), found, books, again)?;
    if !again && emptied::look(store, &bound, &plan, &mut report)? {
        let (found, books) = (super::read::find(&import.dir, &import.mapping)?, books::files(store, &tree)?);
        plan = plan::plan(&import.mapping, &bound, store.dialect(), found, books, true)?;
        if writes {
            emptied::forget(store, &plan)?;
        }
    }
    report.resumed = writes && (!killed.is_empty() || plan.jobs.iter().any(|job| job.skip > 0));
    report.files_unchanged = plan.files_unchanged();
    report.files_deleted = plan.files_deleted();
    let bytes = plan.jobs.iter().map(|job| job.file.size).sum();
    let unchanged = report.files_unchanged;
    (import.observer)(&Event::Planned { files: plan.files(), bytes, unchanged });
    let mut work = Work { import, store, bound: &bound, hidden: &hidden, tree: &tree, run, killed, open, report };
    let outcome = work.run(plan, writes);
    let Work { store, mut report, killed, .. } = work;
    report.duration_seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let mut error = outcome.err();
    if let Some(error) = &error {
        report.status = match error {
            ImportError::Interrupted { .. } => Status::Interrupted,
            _ => Status::Failed,
        };
    }
    if writes {
        let text = serde_json::to_string(&report).unwrap_or_default();
        if let Err(failed) = books::end(store, run, &killed, report.status.name(), &text) {
            error = error.or(Some(failed));
        }
        // a server would notice a little after the end of this process, and the next command be refused until then
        store.unlock();
    }
    Ok(Finished { report, error })
}

/// Takes the lock, or waits for it.
fn lock(store: &mut dyn Store, import: &Import<'_>) -> Result<store::Guard, ImportError> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let holder = match store.lock()? {
            Ok(guard) => return Ok(guard),
            Err(holder) => holder,
        };
        if import.interrupt.is_set() {
            return Err(ImportError::Interrupted { kept: "nothing was written".to_owned() });
        }
        if began.elapsed() >= import.lock_wait {
            let message = format!("another run works on this database: {holder}");
            return Err(ImportError::Sql {
                doing: "begin the import".to_owned(),
                source: crate::db::SqlError::other(message),
            });
        }
        if !told {
            (import.observer)(&Event::Waiting { holder: &holder });
            told = true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Says which files had no record at the place that the mapping names: none may be there, or the path is another.
fn barren_notes(mapping: &Mapping, barren: &[Vec<String>]) -> Vec<String> {
    let named = |source: &Source| {
        !source.records.is_document() && !matches!(source.format, Format::Jsonl | Format::Csv | Format::Sqlite)
    };
    let of = mapping.sources.iter().zip(barren).filter(|(source, files)| named(source) && !files.is_empty());
    of.map(|(source, files)| {
        let more = match files.len() - 1 {
            0 => String::new(),
            more => format!(", and {} of `{}`,", crate::words::counted(more as u64, "more file"), source.name),
        };
        let has = if more.is_empty() { "has" } else { "have" };
        format!("`{}`{more} {has} no record at `{}`", files[0], source.records)
    })
    .collect()
}

struct Work<'a> {
    import: &'a Import<'a>,
    store: &'a mut dyn Store,
    bound: &'a bind::Bound,
    hidden: &'a [hide::Hidden],
    tree: &'a str,
    run: i64,
    killed: Vec<i64>,
    /// A table differed when this tree was compared last.
    open: bool,
    report: Report,
}

impl Work<'_> {
    fn run(&mut self, plan: plan::Plan, writes: bool) -> Result<(), ImportError> {
        // where nothing is to be read and all was proven, nothing can have gone wrong
        let proven = plan.unchanged.iter().all(|job| job.book.state == FileState::Done);
        let idle = plan.jobs.is_empty() && self.killed.is_empty() && proven && !self.open;
        let sums = match writes && !idle {
            true => verify::before(self.store, self.bound, self.import.jobs)?,
            false => {
                let of = |target| {
                    Ok(Sum {
                        before: verify::count(self.store, verify::writers(self.bound, target)[0])?,
                        ..Sum::default()
                    })
                };
                (0..self.bound.targets.len()).map(of).collect::<Result<_, ImportError>>()?
            }
        };
        let plan::Plan { mut jobs, unchanged, deleted } = plan;
        let now = books::now();
        let threads = self.import.jobs.max(1);
        let spares = Spares::default();
        let mut writer = Writer::new(self.store, &self.import.mapping, self.bound, self.tree, sums, &spares);
        (writer.dry, writer.check) = (self.import.dry_run, self.import.check);
        if writes {
            writer.number(self.run)?;
            writer.assign(&mut jobs);
        }
        let mut interrupted = false;
        let mut broken = None;
        let (mut of_file, mut barren) = (0, vec![Vec::new(); self.import.mapping.sources.len()]);
        // the readers look at the jobs while the writer writes down how far each is
        let read_jobs = jobs.clone();
        let (mapping, bound, hidden) = (&self.import.mapping, self.bound, self.hidden);
        let direct = super::direct::Direct::of_all(bound);
        let readers = Readers {
            jobs: &read_jobs,
            mapping,
            bound,
            now: &now,
            threads,
            hidden,
            direct,
            stored: writes,
            spares: &spares,
        };
        let loaded = readers.run(|at, message| {
            if self.import.interrupt.is_set() {
                interrupted = true;
                return Ok(ControlFlow::Break(()));
            }
            match message {
                Message::Records(records) => {
                    of_file += records.len();
                    (self.import.observer)(&Event::Records { records: records.len() as u64 });
                    writer.records(&mut jobs, at, records)?;
                }
                Message::End(read) => {
                    if std::mem::take(&mut of_file) == 0 && jobs[at].skip == 0 {
                        barren[jobs[at].source].push(jobs[at].file.path.clone());
                    }
                    (self.import.observer)(&Event::File { bytes: jobs[at].file.size, last: jobs[at].last });
                    writer.end(&mut jobs, at, read)?;
                }
                Message::Failed(error) => {
                    broken = Some(error);
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        // what is in hand goes in whatever has stopped the readers
        let loaded = loaded.and_then(|()| writer.flush(&mut jobs));
        let (sums, counts) = (std::mem::take(&mut writer.sums), std::mem::take(&mut writer.counts));
        drop(writer);
        let report = &mut self.report;
        report.files_processed = counts.files;
        report.records_migrated = counts.migrated;
        report.skipped = counts.skipped;
        report.quarantined = counts.quarantined;
        report.errors = counts.errors;
        report.conflicts = counts.conflicts;
        report.conflicting = counts.conflicting;
        (report.missing_records, report.missing) = (counts.missing_records, counts.missing);
        (report.extra_records, report.extra) = (counts.extra_records, counts.extra);
        report.notes.extend(barren_notes(&self.import.mapping, &barren));
        let failed = match loaded {
            Err(error) => Some(error),
            Ok(()) => broken,
        };
        if let Some(ImportError::BadRecord { place, reason }) = &failed {
            let problem = super::report::Problem { file: place.clone(), reason: reason.clone(), ..Default::default() };
            self.report.errors.push(problem);
        }
        if failed.is_none() && !interrupted && writes {
            self.note_files(&unchanged, &deleted)?;
        }
        if !writes || idle {
            for (target, sum) in sums.iter().enumerate() {
                let rows = sum.before.rows;
                let table = self.bound.targets[target].clone();
                self.report.tables.push(TableReport {
                    table,
                    rows_before: rows,
                    rows_after: rows,
                    ..Default::default()
                });
            }
            if !writes {
                self.report.status = Status::DryRun;
            }
            return failed.map_or(Ok(()), Err);
        }
        self.forward(&sums);
        let proven = self.prove(&sums, &Readers { stored: false, ..readers }, &jobs, &unchanged);
        if let Some(error) = failed {
            return Err(error);
        }
        proven?;
        if interrupted {
            let kept = format!(
                "{} in, and so noted; the same command goes on from there",
                crate::words::are(self.report.records_migrated, "record")
            );
            return Err(ImportError::Interrupted { kept });
        }
        Ok(())
    }

    /// Writes down what is known of files that were not read.
    fn note_files(&mut self, unchanged: &[Job], deleted: &[FileBook]) -> Result<(), ImportError> {
        let failed = |source| ImportError::Sql { doing: "write down what became of the files".to_owned(), source };
        for book in deleted {
            let sql = "UPDATE liftlock_import_file SET state = ? WHERE id = ?";
            let given = [store::Given::Text(FileState::Deleted.name()), store::Given::Number(book.id)];
            self.store.write(sql, &given).map_err(failed)?;
        }
        for job in unchanged {
            let sql =
                "UPDATE liftlock_import_file SET mtime = ?, ctime = ? WHERE id = ? AND (mtime <> ? OR ctime <> ?)";
            let (mtime, ctime) = (job.book.mtime.to_string(), job.book.ctime.to_string());
            let (mtime, ctime) = (store::Given::Text(&mtime), store::Given::Text(&ctime));
            self.store.write(sql, &[mtime, ctime, store::Given::Number(job.book.id), mtime, ctime]).map_err(failed)?;
        }
        self.store.settle().map_err(failed)
    }

    /// Reads the tables back.
    fn prove(
        &mut self,
        sums: &[Sum],
        readers: &Readers<'_>,
        jobs: &[Job],
        unchanged: &[Job],
    ) -> Result<(), ImportError> {
        let mut differing = Vec::new();
        for (target, sum) in sums.iter().enumerate() {
            let tables = verify::writers(self.bound, target);
            (self.import.observer)(&Event::Verifying { table: &self.bound.targets[target] });
            let (after, lost) = match sum.comparable {
                true => verify::scan(self.store, tables[0], self.import.jobs)?,
                false => (verify::count(self.store, tables[0])?, Vec::new()),
            };
            let expected = sum.expected();
            let right = if sum.comparable { after == expected } else { after.rows == expected.rows };
            if !right || !sum.comparable {
                differing.push((target, right));
            }
            let mut exempt: Vec<String> = tables
                .iter()
                .flat_map(|table| table.columns.iter().filter(|column| column.is_exempt()))
                .map(|column| column.name.clone())
                .collect();
            exempt.sort();
            exempt.dedup();
            self.report.tables.push(TableReport {
                table: self.bound.targets[target].clone(),
                rows_before: sum.before.rows,
                rows_after: after.rows,
                inserted: sum.inserted,
                updated: sum.updated,
                removed: sum.removed,
                overwritten: if sum.before.rows == 0 { sum.overwritten } else { 0 },
                state: if right && lost.is_empty() { TableState::Proven } else { TableState::Differs },
                checksum: sum.comparable.then(|| after.to_string()),
                exempt,
                differences: lost,
            });
        }
        // what a run wrote that did not come to its proof is looked at record by record, up to where this one went on; so is
        // all that a sum can't tell
        let left = |job: &&Job| job.book.state != FileState::Done || self.killed.contains(&job.book.run);
        let mut again: Vec<(&Job, u64)> = unchanged.iter().filter(left).map(|job| (job, job.book.done)).collect();
        let earlier = again.len();
        let concerned = |job: &Job| {
            let family = self.bound.sources[job.source].family();
            differing.iter().any(|(target, _)| family.iter().any(|table| table.target == *target))
        };
        let look_at = |job: &Job| if concerned(job) { job.book.done } else { job.skip };
        again.extend(jobs.iter().map(|job| (job, look_at(job))).filter(|(_, count)| *count > 0));
        let mut found = vec![Vec::new(); sums.len()];
        let right = verify::by_record(self.store, readers, &again, &mut found)?;
        let ids = |wanted: bool, from: &[(&Job, u64)]| -> Vec<i64> {
            let of = from.iter().zip(&right).filter(|(_, right)| **right == wanted);
            of.map(|((job, _), _)| job.book.id).collect()
        };
        books::proven(self.store, self.run, &ids(true, &again[..earlier]), &ids(false, &again))?;
        for (table, differences) in self.report.tables.iter_mut().zip(found) {
            if !differences.is_empty() {
                table.state = TableState::Differs;
            }
            for difference in differences {
                if table.differences.len() < verify::DIFFERENCES {
                    table.differences.push(difference);
                }
            }
        }
        if self.report.tables.iter().any(|table| table.state == TableState::Differs) {
            self.report.status = Status::Differs;
        }
        Ok(())
    }
}
