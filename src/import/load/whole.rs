//! A small JSON file that is one record → its row, straight from the file's bytes. What is not as plain as that, or wrong, is
//! left to the slower reader, which reads the file again.

use std::io::Read as _;

use super::mapped::{Desk, Mapped};
use super::plan::Job;
use super::read::Readers;
use crate::import::mapping::Format;
use crate::import::read::input::Input;
use crate::import::read::{FileRead, Unread, What};

/// Up to so many bytes a file is read at once.
const SMALL: u64 = 1 << 20;

impl Readers<'_> {
    /// The record of a file, and what is known of the file; `None` where it has to be read the other way.
    pub(super) fn whole(&self, job: &Job, desk: &mut Desk) -> Option<(Mapped, FileRead)> {
        let source = &self.mapping.sources[job.source];
        let is_one = source.format == Format::Json && source.records.is_document();
        let fits = is_one && self.direct_of(job).is_some() && job.skip == 0 && job.file.size <= SMALL;
        if !fits {
            return None;
        }
        let mut input = Input::open(&job.file.at).ok()?;
        // taken along from file to file
        let mut bytes = std::mem::take(&mut desk.bytes);
        let count = fill(&mut input, &mut bytes, usize::try_from(job.file.size).ok()?);
        let text = count.map(|count| bytes[..count].strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes[..count]));
        let mapped = text.and_then(|text| {
            let found = Unread { position: 0, pointer: "", entry: None, what: What::Json(text, (1, 1)) };
            self.directly(job, &Ok(found), desk)
        });
        desk.bytes = bytes;
        let mapped = self.printed(job, mapped?, desk);
        Some((mapped, FileRead { records: 1, ..input.finish().ok()? }))
    }
}

/// Reads all there is, where that is about as much as expected, and says how much.
fn fill(input: &mut Input, bytes: &mut Vec<u8>, expected: usize) -> Option<usize> {
    // with room for one more it is seen that there is none
    if bytes.len() <= expected {
        bytes.resize(expected + 1, 0);
    }
    let mut count = 0;
    while count < bytes.len() {
        match input.read(&mut bytes[count..]).ok()? {
            0 => return Some(count),
            more => count += more,
        }
    }
    None
}
