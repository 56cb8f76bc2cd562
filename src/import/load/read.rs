//! Files → mapped records, in several threads, handed over in the order of the files and of what is in them.

use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

use super::ahead::{Ahead, Closing, Reader, Turn};
use super::deal::{Deal, Work};
use super::mapped::{Desk, Mapped};
use super::plan::Job;
use super::spares::Spares;
use crate::import::ImportError;
use crate::import::bind::Bound;
use crate::import::direct::Direct;
use crate::import::hide::Hidden;
use crate::import::mapping::{Mapping, OnBad};
use crate::import::read::FileRead;
use crate::import::read::lines::Block;

/// What the writer is told of a file, in order.
pub(super) enum Message {
    Records(Vec<Mapped>),
    End(Box<FileRead>),
    Failed(ImportError),
}

/// How many records, and about how many bytes of them, go over at once.
const RECORDS: usize = 256;
const BYTES: usize = 256 * 1024;

/// About so many bytes a record takes beside what its row's cells hold.
const EACH: usize = 256;

/// How many rows' room a thread takes at once.
const ROOM: usize = 1024;

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
    /// The room of rows that were written.
    pub spares: &'a Spares,
}

impl Readers<'_> {
    /// Reads all files; `each` gets what they hold, file after file, until it fails or says `Break`.
    pub(super) fn run(
        &self,
        mut each: impl FnMut(usize, Message) -> Result<ControlFlow<()>, ImportError>,
    ) -> Result<(), ImportError> {
        let deal = Mutex::new(Deal::new(self.jobs, self.mapping, self.threads));
        let ahead = Ahead::new(self.threads);
        std::thread::scope(|scope| {
            // what waits here when it is dropped nobody takes, and with it the readers stop
            let _closing = Closing(&ahead);
            for _ in 0..self.threads {
                scope.spawn(|| self.work(&deal, &Reader(&ahead)));
            }
            // of a file that was left at a bad record, blocks may have been read that are behind it
            let mut over = None;
            while let Some(parcel) = ahead.take() {
                for (at, message) in parcel {
                    if over == Some(at) {
                        continue;
                    }
                    if matches!(message, Message::End(_)) {
                        over = Some(at);
                    }
                    if each(at, message)?.is_break() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
    }

    /// Does pieces of work until there are none, or nobody wants them.
    fn work(&self, deal: &Mutex<Deal<'_>>, reader: &Reader<'_, Parcel>) {
        let (mut desk, mut block) = (Desk::default(), Block::default());
        let dealer = || deal.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (turn, work) = {
                let mut deal = dealer();
                if !reader.0.has_room() {
                    return;
                }
                let Some(work) = deal.next(&mut block) else { return };
                // begun by the one who has the deal, so that the order is that of the files
                (reader.0.begin(), work)
            };
            if desk.room.is_empty() {
                desk.room.fill(self.spares.take(ROOM));
            }
            let mut out = Out { turn: &turn, parcel: Parcel::new(), pending: Vec::new(), bytes: 0, of_parcel: 0 };
            let heard = match work {
                Work::Files(files) => self.files(files, &mut desk, &mut out),
                Work::Block(at) => self.block(at, &block, &mut desk, &mut out, || dealer().leave(at)),
                Work::End(at, read) => {
                    out.end(at, read);
                    true
                }
            };
            let heard = heard && out.send();
            turn.end();
            if !heard {
                return;
            }
        }
    }

    /// Reads files one after another; false where nobody listens.
    fn files(&self, files: Range<usize>, desk: &mut Desk, out: &mut Out<'_>) -> bool {
        for at in files {
            let job = &self.jobs[at];
            let mut heard = true;
            let read = self.records_at(job, desk, &mut |mapped| {
                let stop = self.stops(job, &mapped);
                heard = out.record(at, mapped);
                if !heard || stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            // where nobody listens any more, nobody needs to know
            if !heard {
                return false;
            }
            out.end(at, read);
        }
        true
    }

    /// Reads a block of a file; false where nobody listens. `leave` says that no more of the file is wanted.
    fn block(&self, at: usize, block: &Block, desk: &mut Desk, out: &mut Out<'_>, leave: impl Fn()) -> bool {
        let job = &self.jobs[at];
        let (mut heard, mut stopped) = (true, None);
        let read = block.each(&mut |found| {
            let Some(mapped) = self.mapped(job, found, desk)? else { return Ok(ControlFlow::Continue(())) };
            if self.stops(job, &mapped) {
                stopped = Some(mapped.position + 1);
            }
            heard = out.record(at, mapped);
            Ok(if heard && stopped.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        });
        let end = match read {
            Err(error) => Some(Err(error)),
            // as of a file that is read by one alone
            Ok(_) => stopped.map(|records| Ok(FileRead { records, ..FileRead::default() })),
        };
        out.close(at);
        if let (true, Some(end)) = (heard, end) {
            leave();
            out.end(at, end);
        }
        heard
    }

    /// Whether nothing after this record is wanted.
    fn stops(&self, job: &Job, mapped: &Mapped) -> bool {
        mapped.what.is_err() && self.mapping.sources[job.source].bad == OnBad::Fail
    }
}

/// What goes over in a piece of work, in parcels.
struct Out<'a> {
    turn: &'a Turn<'a, Parcel>,
    parcel: Parcel,
    /// Records of one file.
    pending: Vec<Mapped>,
    /// How large they are, and all that is in the parcel before them.
    bytes: usize,
    of_parcel: usize,
}

impl Out<'_> {
    /// Takes a record of a file; false where nobody listens.
    fn record(&mut self, at: usize, mapped: Mapped) -> bool {
        self.bytes += mapped.bytes + EACH;
        self.pending.push(mapped);
        if self.pending.len() < RECORDS && self.of_parcel + self.bytes < BYTES {
            return true;
        }
        self.close(at);
        self.send()
    }

    /// Takes the end of a file.
    fn end(&mut self, at: usize, read: Result<FileRead, ImportError>) {
        self.close(at);
        self.parcel.push((
            at,
            match read {
                Ok(read) => Message::End(Box::new(read)),
                Err(error) => Message::Failed(error),
            },
        ));
    }

    /// Puts the records of a file into the parcel.
    fn close(&mut self, at: usize) {
        if !self.pending.is_empty() {
            self.parcel.push((at, Message::Records(std::mem::take(&mut self.pending))));
            self.of_parcel += std::mem::take(&mut self.bytes);
        }
    }

    /// Hands over what there is; false where nobody listens.
    fn send(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.of_parcel);
        self.parcel.is_empty() || self.turn.put(std::mem::take(&mut self.parcel), bytes)
    }
}
