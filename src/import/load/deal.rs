//! The readers' work, dealt out in the order of the files: files, many small ones at once, and of a large file of JSON lines
//! a block of its lines at a time, so that several threads read it.

use std::ops::Range;

use super::plan::Job;
use crate::import::ImportError;
use crate::import::mapping::{Format, Mapping};
use crate::import::read::FileRead;
use crate::import::read::lines::{Block, Blocks};

/// From so many bytes on a file of JSON lines is taken apart.
const LARGE: u64 = 1 << 20;

/// How many files a thread takes at once where there are many.
const TOGETHER: usize = 16;

/// A piece of work.
pub(super) enum Work {
    /// To read these files one after another.
    Files(Range<usize>),
    /// To read the block that was filled, which is this file's.
    Block(usize),
    /// Nothing: all of this file was dealt out, or it can't be read on.
    End(usize, Result<FileRead, ImportError>),
}

/// What is still to be dealt out.
pub(super) struct Deal<'a> {
    jobs: &'a [Job],
    mapping: &'a Mapping,
    /// How many files go together.
    together: usize,
    next: usize,
    /// The file that is being taken apart.
    open: Option<(usize, Blocks)>,
}

impl<'a> Deal<'a> {
    pub fn new(jobs: &'a [Job], mapping: &'a Mapping, threads: usize) -> Self {
        // of many files several go over at once; few are read side by side
        let together = (jobs.len() / (threads * 8).max(1)).clamp(1, TOGETHER);
        Self { jobs, mapping, together, next: 0, open: None }
    }

    /// The next piece of work; `block` is filled where it is one of those.
    pub fn next(&mut self, block: &mut Block) -> Option<Work> {
        if self.open.is_none() && self.jobs.get(self.next).is_some_and(|job| self.is_large(job)) {
            let at = self.next;
            self.next += 1;
            match Blocks::open(&self.jobs[at].file.at) {
                Ok(blocks) => self.open = Some((at, blocks)),
                Err(error) => return Some(Work::End(at, Err(error))),
            }
        }
        if let Some((at, mut blocks)) = self.open.take() {
            if !blocks.next(block) {
                return Some(Work::End(at, blocks.finish()));
            }
            self.open = Some((at, blocks));
            return Some(Work::Block(at));
        }
        let from = self.next;
        let small = self.jobs[from..].iter().take(self.together).take_while(|job| !self.is_large(job));
        self.next += small.count();
        (self.next > from).then_some(Work::Files(from..self.next))
    }

    /// No more of this file is wanted.
    pub fn leave(&mut self, file: usize) {
        self.open.take_if(|(at, _)| *at == file);
    }

    fn is_large(&self, job: &Job) -> bool {
        self.mapping.sources[job.source].format == Format::Jsonl && job.file.size >= LARGE
    }
}
