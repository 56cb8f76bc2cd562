//! Files → mapped records, in several threads, handed over in the order of the files.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;

use super::plan::Job;
use crate::import::ImportError;
use crate::import::bind::{Bound, BoundTable, derived};
use crate::import::direct::Direct;
use crate::import::hide::Hidden;
use crate::import::mapping::{Format, Mapping, OnBad, OnExisting};
use crate::import::read::{self, BadRecord, FileRead, Record, Unread, What};
use crate::import::row::{self, Place, Row};

/// A record as it goes to the writer.
#[derive(Debug)]
pub(in crate::import) struct Mapped {
    pub position: u64,
    pub what: Result<Row, Bad>,
    /// The record, where it may be needed again.
    pub value: Option<Value>,
    pub bytes: usize,
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

/// What the writer is told of a file, in order.
pub(super) enum Message {
    Records(Vec<Mapped>),
    End(Box<FileRead>),
    Failed(ImportError),
}

/// How many records, and about how many bytes of them, go over at once.
const RECORDS: usize = 256;
const BYTES: usize = 256 * 1024;

/// How many pieces of a file wait for the writer, and how many files, or groups of small ones.
const PIECES: usize = 4;
const FILES: usize = 64;

/// How many files a thread takes at once where there are many.
const TOGETHER: usize = 16;

/// What goes over at once: of each file, in order.
type Parcel = Vec<(usize, Message)>;

/// What readers share.
pub(in crate::import) struct Readers<'a> {
    pub jobs: &'a [Job],
    pub mapping: &'a Mapping,
    pub bound: &'a Bound,
    pub now: &'a str,
    pub threads: usize,
    /// What is taken out of each source's records but for the columns that hash and encrypt.
    pub hidden: &'a [Hidden],
    /// Whether what is read is going to be stored.
    pub stored: bool,
    /// For each source, where its rows can be made of the text.
    pub direct: Vec<Option<Direct>>,
}

impl Readers<'_> {
    /// Reads all files; `each` gets what they hold, file after file, until it fails or says `Break`.
    pub(super) fn run(
        &self,
        mut each: impl FnMut(usize, Message) -> Result<ControlFlow<()>, ImportError>,
    ) -> Result<(), ImportError> {
        let next = AtomicUsize::new(0);
        // of many files several go over at once; few are read side by side
        let together = (self.jobs.len() / (self.threads * 8).max(1)).clamp(1, TOGETHER);
        let groups: Vec<Range<usize>> =
            (0..self.jobs.len()).step_by(together).map(|from| from..(from + together).min(self.jobs.len())).collect();
        std::thread::scope(|scope| {
            let (files, coming) = sync_channel::<(usize, Receiver<Parcel>)>(FILES);
            for _ in 0..self.threads.min(groups.len()).max(1) {
                let files = files.clone();
                let (next, groups) = (&next, &groups);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        let Some(group) = groups.get(at) else { return };
                        let (sender, receiver) = sync_channel(PIECES);
                        if files.send((at, receiver)).is_err() {
                            return;
                        }
                        self.read(group.clone(), &sender);
                    }
                });
            }
            drop(files);
            let mut waiting: HashMap<usize, Receiver<Parcel>> = HashMap::new();
            for at in 0..groups.len() {
                let receiver = loop {
                    if let Some(receiver) = waiting.remove(&at) {
                        break receiver;
                    }
                    let Ok((number, receiver)) = coming.recv() else { return Ok(()) };
                    waiting.insert(number, receiver);
                };
                for (at, message) in receiver.into_iter().flatten() {
                    if each(at, message)?.is_break() {
                        return Ok(());
                    }
                }
            }
            // what waits here is dropped, and with it the readers stop
            Ok(())
        })
    }

    /// Reads files one after another.
    fn read(&self, files: Range<usize>, sender: &SyncSender<Parcel>) {
        let mut parcel = Parcel::new();
        let (mut count, mut bytes) = (0, 0);
        for at in files {
            let job = &self.jobs[at];
            let mut pending = Vec::new();
            let mut deaf = false;
            let read = self.records(job, &mut |mapped| {
                count += 1;
                bytes += mapped.bytes;
                let stop = mapped.what.is_err() && self.mapping.sources[job.source].bad == OnBad::Fail;
                pending.push(mapped);
                if count < RECORDS && bytes < BYTES && !stop {
                    return ControlFlow::Continue(());
                }
                (count, bytes) = (0, 0);
                parcel.push((at, Message::Records(std::mem::take(&mut pending))));
                deaf = sender.send(std::mem::take(&mut parcel)).is_err();
                if deaf || stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            // where nobody listens any more, nobody needs to know
            if deaf {
                return;
            }
            if !pending.is_empty() {
                parcel.push((at, Message::Records(pending)));
            }
            parcel.push((
                at,
                match read {
                    Ok(read) => Message::End(Box::new(read)),
                    Err(error) => Message::Failed(error),
                },
            ));
        }
        drop(sender.send(parcel));
    }

    /// Maps the records of a file.
    pub fn records(&self, job: &Job, each: &mut dyn FnMut(Mapped) -> ControlFlow<()>) -> Result<FileRead, ImportError> {
        let (source, table) = (&self.mapping.sources[job.source], &self.bound.sources[job.source]);
        let keep = table.exists == OnExisting::Skip;
        let is_line = matches!(source.format, Format::Jsonl | Format::Csv);
        let path = (!is_line).then_some(&source.records);
        let hidden = &self.hidden[job.source];
        let plain = hidden.is_empty() && !keep && source.bad != OnBad::Quarantine;
        let direct = self.direct[job.source].as_ref().filter(|_| plain);
        let read = read::unread(&job.file, source, &mut |found| {
            if let (Some(direct), Ok(Unread { position, pointer, entry, what: What::Json(bytes, _) })) =
                (direct, &found)
            {
                let (position, entry) = (*position, *entry);
                if position < job.skip {
                    return Ok(ControlFlow::Continue(()));
                }
                let place = Place {
                    file: &job.file,
                    sha256: &job.sha256,
                    now: self.now,
                    position,
                    entry,
                    pointer,
                    stored: self.stored,
                };
                if let Some(row) = direct.map(path, place, bytes) {
                    let bytes = size(&row);
                    return Ok(each(Mapped { position, what: Ok(row), value: None, bytes }));
                }
            }
            let mapped = match found.and_then(Unread::read) {
                Ok(Record { position, .. }) | Err(BadRecord { position, .. }) if position < job.skip => {
                    return Ok(ControlFlow::Continue(()));
                }
                Ok(record) => {
                    let place = Place {
                        file: &job.file,
                        sha256: &job.sha256,
                        now: self.now,
                        position: record.position,
                        entry: record.entry.as_deref(),
                        pointer: &record.pointer,
                        stored: self.stored,
                    };
                    let seen = hidden.record(&record.value);
                    let what = row::map(table, &source.records, place, &seen, &record.value);
                    // a line's place is its number among the lines that hold something, on the way out
                    let what = what.map(|mut row| {
                        if is_line {
                            row.left.pointer = None;
                        }
                        row
                    });
                    let what = what.map_err(|unfit| Bad {
                        record: record.pointer.clone(),
                        pointer: format!("{}{}", record.pointer, unfit.pointer),
                        place: None,
                        column: Some(unfit.column),
                        reason: unfit.reason,
                        raw: seen.to_string(),
                    });
                    if let (Ok(row), true) = (&what, self.stored) {
                        write_files(table, row)?;
                    }
                    let size = what.as_ref().map_or(256, size);
                    let value = (keep || what.is_err() || source.bad == OnBad::Quarantine).then(|| seen.into_owned());
                    Mapped { position: record.position, what, value, bytes: size }
                }
                Err(bad) => Mapped {
                    position: bad.position,
                    bytes: bad.raw.len(),
                    value: None,
                    what: Err(Bad {
                        record: derived(&source.records, bad.position).unwrap_or_default(),
                        place: bad.place,
                        reason: if hidden.is_empty() { bad.reason } else { unreadable(source.format) },
                        raw: if hidden.is_empty() { bad.raw } else { String::new() },
                        ..Bad::default()
                    }),
                },
            };
            Ok(each(mapped))
        });
        read.map(|mut read| {
            hidden.document(&mut read.envelope);
            read
        })
    }
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

fn size(row: &Row) -> usize {
    let own: usize = row.cells.iter().map(crate::import::bind::Cell::size).sum();
    own + row.children.iter().flatten().map(size).sum::<usize>()
}
