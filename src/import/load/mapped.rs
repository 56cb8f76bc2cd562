//! A record that was read → its row, by the short way or the long one, or why it can't be one.

use std::ops::ControlFlow;

use serde_json::Value;

use super::plan::Job;
use super::read::Readers;
use crate::import::ImportError;
use crate::import::bind::{BoundTable, Cell, derived};
use crate::import::direct::{Direct, Room};
use crate::import::mapping::{Format, OnBad, OnExisting};
use crate::import::read::{self, BadRecord, FileRead, Record, Unread, What};
use crate::import::row::{self, Place, Row};
use crate::import::verify::Prints;

/// A record as it goes to the writer.
#[derive(Debug)]
pub(in crate::import) struct Mapped {
    pub position: u64,
    pub what: Result<Row, Bad>,
    /// The record, where it may be needed again.
    pub value: Option<Value>,
    pub bytes: usize,
    /// Of its row's key, where that is known already.
    pub key: Option<u128>,
}

/// A record that can't be stored.
#[derive(Debug, Default)]
pub(in crate::import) struct Bad {
    /// Of the record in its document.
    pub record: String,
    /// Of what is wrong, in the document.
    pub pointer: String,
    pub place: Option<(u64, u64)>,
    pub column: Option<String>,
    pub reason: String,
    pub raw: String,
}

/// What a thread that maps keeps from record to record.
#[derive(Default)]
pub(super) struct Desk {
    pub room: Room,
    pub prints: Prints,
    /// A file's bytes.
    pub bytes: Vec<u8>,
}

impl Readers<'_> {
    /// Maps the records of a file.
    pub fn records(&self, job: &Job, each: &mut dyn FnMut(Mapped) -> ControlFlow<()>) -> Result<FileRead, ImportError> {
        self.records_at(job, &mut Desk::default(), each)
    }

    /// The same, at a desk that is there already.
    pub(super) fn records_at(
        &self,
        job: &Job,
        desk: &mut Desk,
        each: &mut dyn FnMut(Mapped) -> ControlFlow<()>,
    ) -> Result<FileRead, ImportError> {
        if let Some((mapped, known)) = self.whole(job, desk) {
            // there is nothing more that could be wanted or not
            let _ = each(mapped);
            return Ok(known);
        }
        let source = &self.mapping.sources[job.source];
        let read = read::unread(&job.file, source, &mut |found| {
            Ok(self.mapped(job, found, desk)?.map_or(ControlFlow::Continue(()), &mut *each))
        });
        read.map(|mut read| {
            self.hidden[job.source].document(&mut read.envelope);
            read
        })
    }

    /// Maps a record; none where it is in already.
    pub(super) fn mapped(
        &self,
        job: &Job,
        found: Result<Unread<'_>, BadRecord>,
        desk: &mut Desk,
    ) -> Result<Option<Mapped>, ImportError> {
        let (Ok(Unread { position, .. }) | Err(BadRecord { position, .. })) = &found;
        if *position < job.skip {
            return Ok(None);
        }
        if let Some(mapped) = self.directly(job, &found, desk) {
            return Ok(Some(self.printed(job, mapped, desk)));
        }
        let mapped = self.printed(job, self.by_value(job, found)?, desk);
        if let (Ok(row), true) = (&mapped.what, self.stored) {
            write_files(&self.bound.sources[job.source], row)?;
        }
        Ok(Some(mapped))
    }

    /// A mapped record with the hashes that the writer asks for.
    pub(super) fn printed(&self, job: &Job, mut mapped: Mapped, desk: &mut Desk) -> Mapped {
        let table = &self.bound.sources[job.source];
        if let Ok(row) = &mut mapped.what {
            mapped.key = desk.prints.key(table, &row.cells);
            // what is only read has no sum
            if self.stored {
                row.print = desk.prints.of_final(table, &row.cells);
            }
        }
        mapped
    }

    /// What makes rows of a file's text, where that can be done without the records' values.
    pub(super) fn direct_of(&self, job: &Job) -> Option<&Direct> {
        let keep = self.bound.sources[job.source].exists == OnExisting::Skip;
        let wanted = keep || self.mapping.sources[job.source].bad == OnBad::Quarantine;
        if wanted || !self.hidden[job.source].is_empty() { None } else { self.direct[job.source].as_ref() }
    }

    /// Maps a record whose row can be made of its text.
    pub(super) fn directly(&self, job: &Job, found: &Result<Unread<'_>, BadRecord>, desk: &mut Desk) -> Option<Mapped> {
        let source = &self.mapping.sources[job.source];
        let direct = self.direct_of(job)?;
        let Ok(Unread { position, pointer, entry, what: What::Json(bytes, _) }) = found else { return None };
        let path = (!is_line(source.format)).then_some(&source.records);
        let place = self.place(job, *position, *entry, pointer);
        let row = direct.map(path, place, bytes, &mut desk.room)?;
        let bytes = size(&row);
        Some(Mapped { position: *position, what: Ok(row), value: None, bytes, key: None })
    }

    /// Maps a record by its value.
    fn by_value(&self, job: &Job, found: Result<Unread<'_>, BadRecord>) -> Result<Mapped, ImportError> {
        let (source, table) = (&self.mapping.sources[job.source], &self.bound.sources[job.source]);
        let hidden = &self.hidden[job.source];
        let record = match found.and_then(Unread::read) {
            Ok(record) => record,
            Err(bad) => {
                return Ok(Mapped {
                    position: bad.position,
                    bytes: bad.raw.len(),
                    value: None,
                    key: None,
                    what: Err(Bad {
                        record: derived(&source.records, bad.position).unwrap_or_default(),
                        place: bad.place,
                        reason: if hidden.is_empty() { bad.reason } else { unreadable(source.format) },
                        raw: if hidden.is_empty() { bad.raw } else { String::new() },
                        ..Bad::default()
                    }),
                });
            }
        };
        let Record { position, pointer, entry, value } = record;
        let place = self.place(job, position, entry.as_deref(), &pointer);
        let seen = hidden.record(&value);
        let what = row::map(table, &source.records, place, &seen, &value);
        // a line's place is its number among the lines that hold something, on the way out
        let what = what.map(|mut row| {
            if is_line(source.format) {
                row.left.pointer = None;
            }
            row
        });
        let what = what.map_err(|unfit| Bad {
            record: pointer.clone(),
            pointer: format!("{pointer}{}", unfit.pointer),
            place: None,
            column: Some(unfit.column),
            reason: unfit.reason,
            raw: seen.to_string(),
        });
        let bytes = what.as_ref().map_or(256, size);
        let keep = table.exists == OnExisting::Skip || what.is_err() || source.bad == OnBad::Quarantine;
        Ok(Mapped { position, what, value: keep.then(|| seen.into_owned()), bytes, key: None })
    }

    fn place<'a>(&'a self, job: &'a Job, position: u64, entry: Option<&'a str>, pointer: &'a str) -> Place<'a> {
        Place { file: &job.file, sha256: &job.sha256, now: self.now, position, entry, pointer, stored: self.stored }
    }
}

/// Whether a record is a line.
fn is_line(format: Format) -> bool {
    matches!(format, Format::Jsonl | Format::Csv)
}

/// Writes the values that are stored as files: they are there before the rows that name them.
fn write_files(table: &BoundTable, row: &Row) -> Result<(), ImportError> {
    for (column, path, text) in &row.files {
        let Some((vault, _)) = &table.columns[*column].spill else { continue };
        vault.put(path, text).map_err(|source| ImportError::Write { path: path.into(), source })?;
    }
    for (child, rows) in table.children.iter().zip(&row.children) {
        rows.iter().try_for_each(|row| write_files(&child.table, row))?;
    }
    Ok(())
}

/// What is said of a record that can't be read where it may hold what nobody is to see.
fn unreadable(format: Format) -> String {
    format!(
        "it can't be read as {}; what stands there is not shown, as parts of it are hashed or encrypted",
        format.name()
    )
}

/// About how many bytes a row takes while it waits; of a small one most are not its values'.
fn size(row: &Row) -> usize {
    let own: usize = row.cells.iter().map(|cell| size_of::<Cell>() + cell.size()).sum();
    size_of::<Mapped>() + own + row.children.iter().flatten().map(size).sum::<usize>()
}
