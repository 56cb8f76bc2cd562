//! Picks a type for every class of columns from what the scan has seen; nothing is read here.

use std::collections::BTreeSet;

use crate::port::scan::{ColumnScan, TableScan};

use super::candidates::Candidate;
use super::classes::{Class, ColumnId};

/// A candidate of a class: the class's index, and the candidate's in its list.
pub type ClassCandidate = (usize, usize);

/// The candidate that a class gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chosen {
    /// Its index in the class's list.
    pub candidate: usize,
    /// Why nothing may be written before a person decides.
    pub obstacle: Option<Obstacle>,
}

/// Why a type can't be taken as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Values do not fit the type that a person or the target gave.
    DoesNotFit,
    /// Texts hold NUL or invalid UTF-8.
    BadText,
}

impl Class {
    /// The chosen candidate itself.
    #[must_use]
    pub fn candidate(&self, chosen: Chosen) -> &Candidate {
        &self.candidates.list[chosen.candidate]
    }
}

/// The candidate of every class; or the columns that have to be read again first, since a candidate that may be theirs
/// was not tried on every value. A candidate in `refused` is passed over.
///
/// # Errors
/// The columns to read again.
pub fn choose(
    classes: &[Class],
    scans: &[TableScan],
    refused: &BTreeSet<ClassCandidate>,
) -> Result<Vec<Chosen>, Vec<ColumnId>> {
    let mut chosen = Vec::with_capacity(classes.len());
    let mut open = Vec::new();
    for (at, class) in classes.iter().enumerate() {
        match choose_one(class, scans, |candidate| refused.contains(&(at, candidate))) {
            Ok(one) => chosen.push(one),
            Err(columns) => open.extend(columns),
        }
    }
    if open.is_empty() { Ok(chosen) } else { Err(open) }
}

fn choose_one(class: &Class, scans: &[TableScan], refused: impl Fn(usize) -> bool) -> Result<Chosen, Vec<ColumnId>> {
    let seen = |id: &ColumnId| -> &ColumnScan { &scans[id.table].columns[id.column] };
    let fine = |candidate| Ok(Chosen { candidate, obstacle: None });
    let list = &class.candidates.list;
    if class.members.iter().all(|id| seen(id).values() == 0) {
        return fine(class.candidates.when_empty);
    }
    for (at, candidate) in list.iter().enumerate() {
        if refused(at) {
            continue;
        }
        let verdicts = || class.members.iter().map(|id| &seen(id).verdicts[at]);
        if verdicts().any(|verdict| !verdict.misfits.is_empty()) {
            // without bytes among them, all that keeps texts from being text is what they hold
            if candidate.is_text() && class.members.iter().all(|id| seen(id).blobs.is_empty()) {
                return match open_columns(class, scans, at) {
                    open if open.is_empty() => Ok(Chosen { candidate: at, obstacle: Some(Obstacle::BadText) }),
                    open => Err(open),
                };
            }
            continue;
        }
        return match open_columns(class, scans, at) {
            open if open.is_empty() => fine(at),
            open => Err(open),
        };
    }
    // only a type given from outside leaves no way out: every other list ends in bytea
    Ok(Chosen { candidate: 0, obstacle: Some(Obstacle::DoesNotFit) })
}

/// The members of which it is not known whether the candidate fits.
fn open_columns(class: &Class, scans: &[TableScan], candidate: usize) -> Vec<ColumnId> {
    let is_open = |id: &&ColumnId| scans[id.table].columns[id.column].verdicts[candidate].is_open();
    class.members.iter().filter(is_open).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::plan::candidates::{Candidates, Origin};
    use crate::port::scan::{Tally, Verdict};
    use crate::value::{Misfit, PgType, Reading};

    const FITS: fn() -> Verdict = || Verdict { complete: true, ..Verdict::default() };
    const OPEN: fn() -> Verdict = Verdict::default;

    fn fails(misfit: Misfit) -> Verdict {
        let tally = Tally { count: 1, examples: vec!["rowid 1: 'x'".to_owned()], ..Tally::default() };
        Verdict { complete: true, misfits: [(misfit, tally)].into(), ..Verdict::default() }
    }

    fn class(types: &[PgType], members: usize, origin: Origin) -> Class {
        let list = types.iter().map(|pg_type| Candidate::new(pg_type.clone(), Reading::default())).collect();
        Class {
            members: (0..members).map(|table| ColumnId { table, column: 0 }).collect(),
            candidates: Candidates { list, origin, when_empty: 1 },
        }
    }

    fn scan(verdicts: Vec<Verdict>, texts: u64, blobs: u64) -> TableScan {
        let tally = |count| Tally { count, ..Tally::default() };
        let column = ColumnScan { verdicts, texts: tally(texts), blobs: tally(blobs), ..ColumnScan::default() };
        TableScan { columns: vec![column], ..TableScan::default() }
    }

    const UUID: [PgType; 3] = [PgType::Uuid, PgType::Text, PgType::Bytea];

    fn chosen(class: Class, scans: &[TableScan]) -> Result<(usize, Option<Obstacle>), Vec<ColumnId>> {
        choose(&[class], scans, &BTreeSet::new()).map(|chosen| (chosen[0].candidate, chosen[0].obstacle))
    }

    #[test]
    fn one_member_that_does_not_fit_moves_the_class() {
        let scans = [scan(vec![FITS(), FITS(), FITS()], 1, 0), scan(vec![fails(Misfit::Syntax), FITS(), FITS()], 1, 0)];
        assert_eq!(chosen(class(&UUID, 2, Origin::Declared), &scans), Ok((1, None)));
    }

    #[test]
    fn what_was_not_tried_is_asked_for() {
        let scans = [scan(vec![FITS(), OPEN(), OPEN()], 1, 0), scan(vec![fails(Misfit::Syntax), FITS(), OPEN()], 1, 0)];
        let open = vec![ColumnId { table: 0, column: 0 }];
        assert_eq!(chosen(class(&UUID, 2, Origin::Declared), &scans), Err(open));
    }

    #[test]
    fn bad_text_waits_for_a_person_and_bytes_do_not() {
        let types = [PgType::Text, PgType::Bytea];
        let bad = || vec![fails(Misfit::Nul), FITS()];
        let declared = || class(&types, 1, Origin::Declared);
        assert_eq!(chosen(declared(), &[scan(bad(), 2, 0)]), Ok((0, Some(Obstacle::BadText))));
        assert_eq!(chosen(declared(), &[scan(bad(), 2, 1)]), Ok((1, None)));
    }

    #[test]
    fn a_type_given_from_outside_is_this_or_nothing() {
        let given = class(&[PgType::Uuid], 1, Origin::Rule);
        let scans = [scan(vec![fails(Misfit::Syntax)], 1, 0)];
        assert_eq!(chosen(given, &scans), Ok((0, Some(Obstacle::DoesNotFit))));
    }

    #[test]
    fn without_values_what_is_declared_counts() {
        assert_eq!(chosen(class(&UUID, 1, Origin::Declared), &[scan(vec![FITS(); 3], 0, 0)]), Ok((1, None)));
    }

    #[test]
    fn a_refused_candidate_is_passed_over() {
        let scans = [scan(vec![FITS(); 3], 1, 0)];
        let refused = BTreeSet::from([(0, 0)]);
        let chosen = choose(&[class(&UUID, 1, Origin::Declared)], &scans, &refused);
        assert_eq!(chosen, Ok(vec![Chosen { candidate: 1, obstacle: None }]));
    }
}
