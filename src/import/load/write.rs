//! Mapped records → rows, in batches, each a transaction with what is written down of it.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::plan::Job;
use super::read::{Bad, Mapped};
use crate::crash;
use crate::db::{ErrorClass, SqlError};
use crate::import::ImportError;
use crate::import::bind::{Bound, BoundTable, Cell, Fill};
use crate::import::books::{self, FileState};
use crate::import::mapping::{Mapping, OnBad, OnExisting};
use crate::import::read::FileRead;
use crate::import::report::Problem;
use crate::import::row::{self, Row};
use crate::import::store::{Given, Store};
use crate::import::verify::Sum;

/// How many records, and about how many bytes of them, a transaction has.
const RECORDS: usize = 8192;
const BYTES: usize = 8 << 20;

/// How many problems are told one by one.
const PROBLEMS: usize = 100;

/// What is written, and counted.
pub(in crate::import) struct Writer<'a> {
    pub store: &'a mut dyn Store,
    pub mapping: &'a Mapping,
    pub bound: &'a Bound,
    pub folder: &'a str,
    pub run: i64,
    /// Nothing is written.
    pub dry: bool,
    /// Nothing is written, and what is there is compared.
    pub check: bool,
    pub sums: Vec<Sum>,
    pub counts: Counts,
    next_file: i64,
    next_quarantine: i64,
    batch: Batch,
    /// The keys that the books have for records whose rows' keys are made here, of the files that are under way.
    old_keys: HashMap<usize, HashMap<u64, Vec<Cell>>>,
}

/// What came of the records.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Counts {
    pub files: u64,
    pub migrated: u64,
    pub skipped: u64,
    pub quarantined: u64,
    pub errors: Vec<Problem>,
    pub conflicts: Vec<Problem>,
    pub conflicting: u64,
}

#[derive(Default)]
struct Batch {
    parts: Vec<Part>,
    records: usize,
    bytes: usize,
    keys: HashSet<u128>,
}

/// What a batch has of a file.
struct Part {
    job: usize,
    mapped: Vec<Mapped>,
    end: Option<Box<FileRead>>,
}

/// What became of a record.
enum Outcome {
    Stored,
    /// Its row was there, and stays: the same, or another.
    Left {
        same: bool,
    },
}

/// Why a record could not be written.
enum Stop {
    /// The database refuses it.
    Refused(SqlError),
    /// Nothing more can be done.
    Fatal(ImportError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        let fatal = matches!(
            error.class,
            ErrorClass::ConnectionLost
                | ErrorClass::Cancelled
                | ErrorClass::LockTimeout
                | ErrorClass::ReadOnly
                | ErrorClass::Missing
        ) || error.code.as_deref().is_some_and(|code| is_the_databases(code, &error.message));
        if fatal { Self::Fatal(writing(error)) } else { Self::Refused(error) }
    }
}

/// Whether an error says something of the database, and nothing of the record in hand.
fn is_the_databases(code: &str, message: &str) -> bool {
    let of_sqlite =
        ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_NOMEM", "SQLITE_CANTOPEN"];
    // classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: resources, operators, the system, bugs
    let of_postgres = code.len() == 5 && ["53", "57", "58", "XX"].iter().any(|class| code.starts_with(class));
    // a policy of row-level security refuses rows, a missing privilege all of them
    let no_right = code == "42501" && !message.contains("row-level security");
    of_postgres || no_right || of_sqlite.iter().any(|name| code.starts_with(name))
}

fn writing(source: SqlError) -> ImportError {
    ImportError::Sql { doing: "write a batch of records".to_owned(), source }
}

impl<'a> Writer<'a> {
    pub fn new(
        store: &'a mut dyn Store,
        mapping: &'a Mapping,
        bound: &'a Bound,
        folder: &'a str,
        sums: Vec<Sum>,
    ) -> Self {
        Self {
            store,
            mapping,
            bound,
            folder,
            run: 0,
            dry: false,
            check: false,
            sums,
            counts: Counts::default(),
            next_file: 1,
            next_quarantine: 1,
            batch: Batch::default(),
            old_keys: HashMap::new(),
        }
    }

    /// Numbers what is written down from here on.
    pub fn number(&mut self, run: i64) -> Result<(), ImportError> {
        self.run = run;
        self.next_file = books::next(self.store, books::TABLES[1])?;
        self.next_quarantine = books::next(self.store, books::TABLES[3])?;
        Ok(())
    }

    /// Gives a file its number in the books.
    pub fn assign(&mut self, jobs: &mut [Job]) {
        for job in jobs {
            job.book.run = self.run;
            if job.book.id == 0 {
                job.book.id = self.next_file;
                self.next_file += 1;
            }
        }
    }

    /// Takes records of a file.
    pub fn records(&mut self, jobs: &mut [Job], at: usize, records: Vec<Mapped>) -> Result<(), ImportError> {
        for mapped in records {
            let key = match &mapped.what {
                Ok(row) => self.key_hash(&self.bound.sources[jobs[at].source], row),
                Err(_) => None,
            };
            let twice = key.is_some_and(|key| !self.batch.keys.insert(key));
            if twice || self.batch.records >= RECORDS || self.batch.bytes >= BYTES {
                self.flush(jobs)?;
                self.batch.keys.extend(key);
            }
            self.batch.records += 1;
            self.batch.bytes += mapped.bytes;
            self.part(at).mapped.push(mapped);
        }
        Ok(())
    }

    /// Takes the end of a file.
    pub fn end(&mut self, jobs: &mut [Job], at: usize, read: Box<FileRead>) -> Result<(), ImportError> {
        self.part(at).end = Some(read);
        self.batch.records += 1;
        if self.batch.records >= RECORDS { self.flush(jobs) } else { Ok(()) }
    }

    fn part(&mut self, job: usize) -> &mut Part {
        if self.batch.parts.last().is_none_or(|part| part.job != job) {
            self.batch.parts.push(Part { job, mapped: Vec::new(), end: None });
        }
        self.batch.parts.last_mut().expect("one was pushed")
    }

    fn key_hash(&self, table: &BoundTable, row: &Row) -> Option<u128> {
        if table.key_is_made() {
            return None;
        }
        let mut bytes = vec![u8::try_from(table.target % 256).unwrap_or_default()];
        for at in &table.key {
            table.columns[*at].kind.canonical(&row.cells[*at], &mut bytes).ok()?;
        }
        Some(xxhash_rust::xxh3::xxh3_128(&bytes))
    }

    /// Writes what is in hand, in one transaction.
    pub fn flush(&mut self, jobs: &mut [Job]) -> Result<(), ImportError> {
        let mut batch = std::mem::take(&mut self.batch);
        if batch.parts.is_empty() {
            return Ok(());
        }
        if self.dry || self.check {
            return self.look(jobs, &mut batch);
        }
        let (sums, counts) = (self.sums.clone(), self.counts.clone());
        self.store.begin().map_err(writing)?;
        crash::point("import-begun");
        let written = self.write(jobs, &mut batch).and_then(|()| {
            crash::point("import-before-commit");
            self.store.sql("COMMIT").map(drop).map_err(writing)
        });
        if let Err(error) = written {
            (self.sums, self.counts) = (sums, counts);
            if let Err(error) = self.store.sql("ROLLBACK") {
                tracing::debug!(%error, "roll back");
            }
            return Err(error);
        }
        crash::point("import-after-commit");
        Ok(())
    }

    fn write(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        for part in &batch.parts {
            let job = &jobs[part.job];
            let table = &self.bound.sources[job.source];
            if !job.known || self.old_keys.contains_key(&part.job) {
                continue;
            }
            let keyed = table.key_is_made() && job.keyed;
            if job.book.done == 0 {
                if keyed {
                    books::put_aside(self.store, job.book.id).map_err(writing)?;
                } else {
                    books::drop_aside(self.store, job.book.id).map_err(writing)?;
                }
                let sql = "DELETE FROM liftlock_import_record WHERE file = ?";
                self.store.write(sql, &[Given::Number(job.book.id)]).map_err(writing)?;
                // what was bad in it is found again, or mended
                let sql = "DELETE FROM liftlock_import_quarantine WHERE source = ? AND path = ? \
                           AND run IN (SELECT id FROM liftlock_import_run WHERE folder = ?)";
                let given = [&*self.mapping.sources[job.source].name, &*job.file.path, self.folder].map(Given::Text);
                self.store.write(sql, &given).map_err(writing)?;
            }
            let mut keys = HashMap::new();
            if keyed {
                books::aside(self.store, job.book.id, &mut |at, item| {
                    keys.extend(item.cells(table).map(|cells| (at, cells)));
                })?;
            }
            self.old_keys.insert(part.job, keys);
        }
        // parts of one source that follow each other are written together
        let mut from = 0;
        while from < batch.parts.len() {
            let source = jobs[batch.parts[from].job].source;
            let count = batch.parts[from..].iter().take_while(|part| jobs[part.job].source == source).count();
            let parts = &mut batch.parts[from..from + count];
            self.write_source(source, parts)?;
            from += count;
        }
        for part in &mut batch.parts {
            self.write_books(&mut jobs[part.job], part)?;
            let job = &jobs[part.job];
            if job.book.state == FileState::Done && self.old_keys.remove(&part.job).is_some_and(|keys| !keys.is_empty())
            {
                books::drop_aside(self.store, job.book.id).map_err(writing)?;
            }
        }
        crash::point("import-written");
        Ok(())
    }

    fn write_source(&mut self, source: usize, parts: &mut [Part]) -> Result<(), ImportError> {
        let table = &self.bound.sources[source];
        let mut units: Vec<(usize, &mut Mapped)> = parts
            .iter_mut()
            .flat_map(|part| part.mapped.iter_mut().map(|mapped| (part.job, mapped)))
            .filter(|(_, mapped)| mapped.what.is_ok())
            .collect();
        if table.key_is_made() {
            for (job, mapped) in &mut units {
                let key = self.old_keys.get(job).and_then(|keys| keys.get(&mapped.position));
                if let (Ok(row), Some(key)) = (&mut mapped.what, key) {
                    table.key.iter().zip(key).for_each(|(at, cell)| row.cells[*at] = cell.clone());
                }
            }
        }
        let sums = self.sums.clone();
        self.store.sql("SAVEPOINT liftlock_batch").map_err(writing)?;
        let outcomes = {
            let mut rows: Vec<&mut Row> =
                units.iter_mut().filter_map(|(_, mapped)| mapped.what.as_mut().ok()).collect();
            self.write_rows(table, &mut rows)
        };
        match outcomes {
            Ok(outcomes) => {
                for ((_, mapped), outcome) in units.iter_mut().zip(outcomes) {
                    self.count(mapped, &outcome);
                }
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
            Err(Stop::Fatal(error)) => return Err(error),
            // one of them is refused: each by itself
            Err(Stop::Refused(_)) => {
                self.sums = sums;
                self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                for (_, mapped) in &mut units {
                    let sums = self.sums.clone();
                    let Ok(row) = &mut mapped.what else { continue };
                    let outcome = self.write_rows(table, &mut [row]);
                    match outcome {
                        Ok(outcomes) => {
                            outcomes.iter().for_each(|outcome| self.count(mapped, outcome));
                            let renewed = "RELEASE SAVEPOINT liftlock_batch; SAVEPOINT liftlock_batch";
                            self.store.sql(renewed).map_err(writing)?;
                        }
                        Err(Stop::Fatal(error)) => return Err(error),
                        Err(Stop::Refused(error)) => {
                            self.sums = sums;
                            self.store.sql("ROLLBACK TO SAVEPOINT liftlock_batch").map_err(writing)?;
                            let raw = mapped.value.as_ref().map(Value::to_string).unwrap_or_default();
                            let pointer = match &mapped.what {
                                Ok(row) => row.left.pointer.clone(),
                                Err(_) => None,
                            };
                            let pointer = pointer
                                .or_else(|| {
                                    let records = &self.mapping.sources[source].records;
                                    crate::import::bind::derived(records, mapped.position)
                                })
                                .unwrap_or_default();
                            let reason = format!("the database refuses it: {error}");
                            mapped.what = Err(Bad { record: pointer.clone(), pointer, reason, raw, ..Bad::default() });
                        }
                    }
                }
                self.store.sql("RELEASE SAVEPOINT liftlock_batch").map_err(writing)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, mapped: &mut Mapped, outcome: &Outcome) {
        match outcome {
            Outcome::Stored => {
                self.counts.migrated += 1;
                mapped.value = None;
            }
            Outcome::Left { same } => {
                self.counts.skipped += 1;
                if *same {
                    mapped.value = None;
                }
            }
        }
    }

    /// Writes rows of one table, and below them those of its children.
    fn write_rows(&mut self, table: &BoundTable, rows: &mut [&mut Row]) -> Result<Vec<Outcome>, Stop> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.give_numbers(table, rows)?;
        let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
        let there = self.store.add(table, &cells)?;
        let mut outcomes = Vec::with_capacity(rows.len());
        let mut replaced = Vec::new();
        for (at, (row, there)) in rows.iter_mut().zip(there).enumerate() {
            let Some(old) = there else {
                self.sums[table.target].add(table, &row.cells)?;
                outcomes.push(Outcome::Stored);
                continue;
            };
            for (at, column) in table.columns.iter().enumerate() {
                if column.is_kept() {
                    row.cells[at] = old[at].clone();
                }
            }
            let same = (0..old.len()).all(|at| {
                let column = &table.columns[at];
                column.is_exempt() || column.holds(&old[at], &row.cells[at])
            }) && row.children.iter().all(Vec::is_empty);
            match table.exists {
                OnExisting::Error => {
                    let key: Vec<String> =
                        table.key.iter().map(|at| table.columns[*at].kind.restore(&old[*at]).to_string()).collect();
                    let reason = format!("`{}` has a row with the key {} already", table.name, key.join(", "));
                    return Err(Stop::Refused(SqlError::other(reason)));
                }
                OnExisting::Skip => outcomes.push(Outcome::Left { same }),
                OnExisting::Update => {
                    self.remove_children(table, &row.cells)?;
                    if !same {
                        self.sums[table.target].replace(table, &old, &row.cells)?;
                        replaced.push(at);
                    }
                    outcomes.push(Outcome::Stored);
                }
            }
        }
        let changed: Vec<&[Cell]> = replaced.iter().map(|at| rows[*at].cells.as_slice()).collect();
        self.store.replace(table, &changed)?;
        for (number, child) in table.children.iter().enumerate() {
            let mut below: Vec<&mut Row> = Vec::new();
            for (row, outcome) in rows.iter_mut().zip(&outcomes) {
                if matches!(outcome, Outcome::Left { .. }) {
                    continue;
                }
                let Row { cells, children, .. } = &mut **row;
                for below_row in &mut children[number] {
                    fill_parents(table, &child.table, cells, &mut below_row.cells)
                        .map_err(|reason| Stop::Refused(SqlError::other(reason)))?;
                    below.push(below_row);
                }
            }
            self.write_rows(&child.table, &mut below)?;
        }
        Ok(outcomes)
    }

    fn give_numbers(&mut self, table: &BoundTable, rows: &mut [&mut Row]) -> Result<(), Stop> {
        for (at, column) in table.columns.iter().enumerate() {
            if !matches!(column.fill, Fill::Number) {
                continue;
            }
            let wanting: Vec<&mut &mut Row> = rows.iter_mut().filter(|row| row.cells[at] == Cell::Null).collect();
            let numbers = self.store.numbers(table, at, wanting.len())?;
            for (row, number) in wanting.into_iter().zip(numbers) {
                let cell = column.kind.store(&Value::from(number));
                row.cells[at] = cell.map_err(|reason| Stop::Refused(SqlError::other(reason)))?;
            }
        }
        Ok(())
    }

    /// What was nested in a record gives way to what is nested in it now.
    fn remove_children(&mut self, table: &BoundTable, cells: &[Cell]) -> Result<(), Stop> {
        for child in &table.children {
            let by = child.table.parents();
            let mut filled = vec![Cell::Null; child.table.columns.len()];
            fill_parents(table, &child.table, cells, &mut filled)
                .map_err(|reason| Stop::Refused(SqlError::other(reason)))?;
            let values: Vec<Cell> = by.iter().map(|at| filled[*at].clone()).collect();
            let old = self.store.rows(&child.table, &by, &values)?;
            if old.is_empty() {
                continue;
            }
            for row in &old {
                self.remove_children(&child.table, row)?;
                self.sums[child.table.target].remove(&child.table, row)?;
            }
            self.store.remove(&child.table, &by, &values)?;
        }
        Ok(())
    }

    /// Writes down what went in of a file.
    fn write_books(&mut self, job: &mut Job, part: &mut Part) -> Result<(), ImportError> {
        let table = &self.bound.sources[job.source];
        if !part.mapped.is_empty() {
            let first = part.mapped[0].position;
            let mut items = String::from("[");
            for mapped in &mut part.mapped {
                if items.len() > 1 {
                    items.push(',');
                }
                let item = match &mapped.what {
                    Ok(row) => match mapped.value.take() {
                        // the row that is there is another's
                        Some(value) => json!({"v": value, "p": row.left.pointer}),
                        None => row::item(table, row),
                    },
                    Err(bad) => self.bad(job, mapped.position, bad, mapped.value.take())?,
                };
                items.push_str(&item.to_string());
            }
            items.push(']');
            let number = |number: u64| Given::Number(i64::try_from(number).unwrap_or(i64::MAX));
            let given =
                [Given::Number(job.book.id), number(first), number(part.mapped.len() as u64), Given::Text(&items)];
            let sql = "INSERT INTO liftlock_import_record (file, position, records, items) VALUES (?, ?, ?, ?)";
            self.store.write(sql, &given).map_err(writing)?;
            job.book.done += part.mapped.len() as u64;
        }
        let mut envelope = None;
        if let Some(read) = part.end.take() {
            job.book.state = FileState::Done;
            job.book.sha256 = read.sha256;
            envelope = Some(read.envelope.to_string()).filter(|_| !read.envelope.is_null());
            self.counts.files += 1;
        }
        books::file(self.store, self.folder, &job.file, &job.book, envelope.as_deref()).map_err(writing)
    }

    /// What becomes of a bad record: the end, or a row of the quarantine. Gives its item.
    fn bad(&mut self, job: &Job, position: u64, bad: &Bad, value: Option<Value>) -> Result<Value, ImportError> {
        let problem = problem(job, position, bad);
        let source = &self.mapping.sources[job.source];
        if source.bad == OnBad::Fail {
            let column = problem.column.as_ref().map(|column| format!("`{column}`: ")).unwrap_or_default();
            return Err(ImportError::BadRecord { place: problem.at(), reason: format!("{column}{}", problem.reason) });
        }
        let number = |number: u64| Given::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let place = match bad.place {
            Some((line, column)) => format!("line {line}, column {column}"),
            None => bad.pointer.clone(),
        };
        let given = [
            Given::Number(self.next_quarantine),
            Given::Number(self.run),
            Given::Text(&source.name),
            Given::Text(&job.file.path),
            number(position),
            Given::Text(&place),
            bad.column.as_deref().map_or(Given::Null, Given::Text),
            Given::Text(&bad.reason),
            Given::Text(&bad.raw),
        ];
        let sql = "INSERT INTO liftlock_import_quarantine (id, run, source, path, position, place, target, reason, raw) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.store.write(sql, &given).map_err(writing)?;
        self.next_quarantine += 1;
        self.counts.quarantined += 1;
        if self.counts.errors.len() < PROBLEMS {
            self.counts.errors.push(problem);
        }
        Ok(match value {
            Some(value) => json!({"v": value, "p": bad.record}),
            None => json!({"lost": bad.raw, "p": bad.record}),
        })
    }

    /// What a run would do.
    fn look(&mut self, jobs: &mut [Job], batch: &mut Batch) -> Result<(), ImportError> {
        let reading = |source| ImportError::Sql { doing: "compare records with what is there".to_owned(), source };
        for part in &mut batch.parts {
            let job = &jobs[part.job];
            let table = &self.bound.sources[job.source];
            let fails = self.mapping.sources[job.source].bad == OnBad::Fail;
            for mapped in &part.mapped {
                let row = match &mapped.what {
                    Ok(row) => row,
                    Err(bad) => {
                        if !fails {
                            self.counts.quarantined += 1;
                        }
                        if self.counts.errors.len() < PROBLEMS {
                            self.counts.errors.push(problem(job, mapped.position, bad));
                        }
                        continue;
                    }
                };
                self.counts.migrated += 1;
                if !self.check || table.key_is_made() {
                    continue;
                }
                let key: Vec<Cell> = table.key.iter().map(|at| row.cells[*at].clone()).collect();
                let Some(old) = self.store.rows(table, &table.key, &key).map_err(reading)?.into_iter().next() else {
                    continue;
                };
                let differs = table.columns.iter().enumerate().find(|(at, column)| {
                    !column.is_exempt() && !column.is_kept() && !column.holds(&old[*at], &row.cells[*at])
                });
                if let Some((at, column)) = differs {
                    self.counts.conflicting += 1;
                    let (here, there) = (column.kind.restore(&row.cells[at]), column.kind.restore(&old[at]));
                    let key: Vec<String> =
                        table.key.iter().map(|at| table.columns[*at].kind.restore(&old[*at]).to_string()).collect();
                    if self.counts.conflicts.len() < PROBLEMS {
                        let pointer = row.left.pointer.clone().or_else(|| {
                            crate::import::bind::derived(&self.mapping.sources[job.source].records, mapped.position)
                        });
                        self.counts.conflicts.push(Problem {
                            file: job.file.path.clone(),
                            position: mapped.position,
                            pointer: pointer.unwrap_or_default(),
                            place: None,
                            column: Some(format!("{}.{}", table.name, column.name)),
                            reason: format!(
                                "the row with the key {} holds {}, and the file {}",
                                key.join(", "),
                                crate::import::bind::cut(&there),
                                crate::import::bind::cut(&here)
                            ),
                        });
                    }
                }
            }
            if part.end.is_some() {
                self.counts.files += 1;
            }
        }
        Ok(())
    }
}

fn problem(job: &Job, position: u64, bad: &Bad) -> Problem {
    Problem {
        file: job.file.path.clone(),
        position,
        pointer: bad.pointer.clone(),
        place: bad.place,
        column: bad.column.clone(),
        reason: bad.reason.clone(),
    }
}

/// Gives a nested row its parent's key.
pub(in crate::import) fn fill_parents(
    table: &BoundTable,
    child: &BoundTable,
    parent: &[Cell],
    cells: &mut [Cell],
) -> Result<(), String> {
    for (at, column) in child.columns.iter().enumerate() {
        if let Fill::Parent(of) = column.fill {
            cells[at] = column.kind.store(&table.columns[of].kind.restore(&parent[of]))?;
        }
    }
    Ok(())
}
