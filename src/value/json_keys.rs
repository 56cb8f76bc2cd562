//! The keys of the objects of one JSON document: their order in `jsonb`, and whether one comes twice.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

use super::{Misfit, json};

/// Room that is used again for each document.
#[derive(Default)]
pub(super) struct Scratch {
    /// The keys of the objects that are open, outermost first.
    pub(super) members: Vec<Member>,
    /// Where in `members` each of those objects begins, and whether its keys came in order so far.
    pub(super) objects: Vec<(usize, bool)>,
    /// Keys that had escapes, as what they stand for.
    pub(super) decoded: Vec<u8>,
    /// An object's members put in order.
    pub(super) sorted: Vec<u8>,
}

#[derive(Clone)]
pub(super) struct Member {
    /// The key's bytes: in the text, or in `decoded`.
    key: Range<usize>,
    is_decoded: bool,
    /// Where its canonical form begins and ends.
    pub(super) written: Range<usize>,
}

pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    thread_local! {
        static SCRATCH: RefCell<Scratch> = RefCell::default();
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.members.clear();
        scratch.objects.clear();
        scratch.decoded.clear();
        let done = work(scratch);
        // one huge document is no reason to keep its room for good
        if scratch.decoded.capacity() + scratch.sorted.capacity() + scratch.members.capacity() > 1 << 22 {
            *scratch = Scratch::default();
        }
        done
    })
}

/// The order of keys in `jsonb`: shorter ones first, then by their bytes (compareJsonbStringValue in its
/// jsonb_util.c).
fn compare_keys(one: &[u8], other: &[u8]) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Scratch {
    fn bytes<'a>(&'a self, text: &'a [u8], member: &Member) -> &'a [u8] {
        if member.is_decoded { &self.decoded[member.key.clone()] } else { &text[member.key.clone()] }
    }

    /// Notes a key of the innermost object; what is written of it begins at `written`.
    pub(super) fn add(&mut self, text: &[u8], raw: Range<usize>, escaped: bool, written: usize) -> Result<(), Misfit> {
        let mut key = raw;
        if escaped {
            let start = self.decoded.len();
            json::unescape(&text[key], &mut self.decoded)?;
            key = start..self.decoded.len();
        }
        let member = Member { key, is_decoded: escaped, written: written..written };
        if let Some((first, in_order)) = self.objects.last().copied()
            && in_order
            && let Some(before) = self.members[first..].last()
            && compare_keys(self.bytes(text, before), self.bytes(text, &member)) != Ordering::Less
            && let Some(object) = self.objects.last_mut()
        {
            object.1 = false;
        }
        self.members.push(member);
        Ok(())
    }

    /// Puts the keys of the innermost object in order, takes it off, and says where its members begin, and whether
    /// they were in order; the members stay for the caller to take off.
    pub(super) fn finish(&mut self, text: &[u8]) -> Result<(usize, bool), Misfit> {
        let (first, in_order) = self.objects.pop().ok_or(Misfit::Syntax)?;
        if !in_order {
            let mut members = std::mem::take(&mut self.members);
            members[first..]
                .sort_unstable_by(|one, other| compare_keys(self.bytes(text, one), self.bytes(text, other)));
            let twice =
                members[first..].windows(2).any(|pair| self.bytes(text, &pair[0]) == self.bytes(text, &pair[1]));
            self.members = members;
            if twice {
                return Err(Misfit::Json);
            }
        }
        Ok((first, in_order))
    }
}
