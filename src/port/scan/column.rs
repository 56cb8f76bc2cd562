//! What is seen of one column while its values go by: storage classes, ranges, and how each candidate type does.

use memchr::memchr;

use super::result::{ColumnScan, Verdict};
use super::rows::Place;
use crate::port::plan::candidates::{Candidate, Candidates, Origin};
use crate::value::{Conversion, Fidelity, Misfit, PgType, SqlValue};

/// The first rows, in which every candidate is tried: a column that is not what it is declared mostly shows it there,
/// and need not be read again for its other candidates.
pub(super) const TRIAL: u64 = 1_000;

/// What a candidate is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// Every value is tried, and every misfit counted.
    Counted,
    /// Every value is tried, up to the first misfit.
    Tried,
    /// Not any more: it failed, or a better one fits.
    Left,
}

/// A candidate on trial.
#[derive(Debug)]
struct Lane {
    pg_type: PgType,
    conversion: Conversion,
    numbers_within: Option<(i64, i64)>,
    /// The microseconds that every time has to be a multiple of, where the target keeps no finer ones.
    step: Option<i64>,
    /// It stands in for values of its own storage class alone: text that reads like a number stays text.
    own_class: bool,
    watch: Watch,
    verdict: Verdict,
}

/// One column on its way through the rows.
#[derive(Debug)]
pub(super) struct ColumnScanner {
    seen: ColumnScan,
    lanes: Vec<Lane>,
    /// The lanes that are watched, by index: mostly one.
    watched: Vec<usize>,
    /// It is declared to hold truths.
    truths: bool,
}

impl ColumnScanner {
    /// A scanner of the column's first reading.
    pub(super) fn new(candidates: &Candidates) -> Self {
        let lanes: Vec<Lane> =
            candidates.list.iter().enumerate().map(|(at, candidate)| Lane::new(candidates, at, candidate)).collect();
        let watched = (0..lanes.len()).collect();
        let truths = candidates.list.first().is_some_and(|first| *first.pg_type.base() == PgType::Bool);
        Self { seen: ColumnScan::default(), lanes, watched, truths }
    }

    /// A scanner that tries what `known` leaves open of `candidates`, and nothing else.
    pub(super) fn again(candidates: &Candidates, known: &ColumnScan) -> Self {
        let lanes: Vec<Lane> = candidates
            .list
            .iter()
            .zip(&known.verdicts)
            .enumerate()
            .map(|(at, (candidate, verdict))| {
                let lane = Lane::new(candidates, at, candidate);
                if verdict.is_open() { lane } else { Lane { watch: Watch::Left, ..lane } }
            })
            .collect();
        let watched = (0..lanes.len()).filter(|at| lanes[*at].watch != Watch::Left).collect();
        Self { seen: ColumnScan::default(), lanes, watched, truths: false }
    }

    /// Takes one value of the row at `place`. The bytes that it takes on the wire are returned.
    pub(super) fn see(&mut self, value: SqlValue<'_>, place: &Place<'_, '_>, scratch: &mut Vec<u8>) -> u64 {
        let seen = &mut self.seen;
        let example = || format!("{}: {}", place.label(), super::show(value));
        let tally = match value {
            SqlValue::Null => {
                seen.nulls.add(|| place.label());
                return 4;
            }
            SqlValue::Integer(integer) => {
                let (low, high) = seen.integer_range.unwrap_or((integer, integer));
                seen.integer_range = Some((low.min(integer), high.max(integer)));
                &mut seen.integers
            }
            SqlValue::Real(_) => &mut seen.reals,
            SqlValue::Text(text) => {
                seen.longest_text = seen.longest_text.max(text.len() as u64);
                if self.truths && seen.words.len() < 3 && !seen.words.iter().any(|word| word.as_bytes() == text) {
                    seen.words.push(String::from_utf8_lossy(text).into_owned());
                }
                &mut seen.texts
            }
            SqlValue::Blob(blob) => {
                seen.longest_blob = seen.longest_blob.max(blob.len() as u64);
                &mut seen.blobs
            }
        };
        tally.add(example);
        let mut wire = None;
        let mut at = 0;
        while let Some(&lane) = self.watched.get(at) {
            let lane = &mut self.lanes[lane];
            match lane.try_value(value, scratch) {
                Ok((fidelity, bytes)) => {
                    if fidelity != Fidelity::Exact {
                        lane.verdict.changes.entry(fidelity).or_default().add_row(place, example);
                    }
                    wire = wire.or(Some(bytes));
                }
                Err(misfit) => {
                    lane.verdict.misfits.entry(misfit).or_default().add_row(place, example);
                    if lane.watch == Watch::Tried {
                        lane.watch = Watch::Left;
                        self.watched.remove(at);
                        continue;
                    }
                }
            }
            at += 1;
        }
        wire.unwrap_or_else(|| natural_size(value))
    }

    /// Called after [`TRIAL`] rows of a first reading: from here on, only what is needed is watched.
    pub(super) fn end_trial(&mut self) {
        let lanes = &mut self.lanes;
        let best = self.watched.iter().copied().find(|at| lanes[*at].verdict.misfits.is_empty());
        self.watched.retain(|at| {
            let failed = !lanes[*at].verdict.misfits.is_empty();
            let keep = Some(*at) == best || lanes[*at].watch == Watch::Counted && (failed || *at == 0);
            if !keep {
                lanes[*at].watch = Watch::Left;
            }
            keep
        });
    }

    /// What was seen.
    pub(super) fn finish(self) -> ColumnScan {
        let mut seen = self.seen;
        seen.verdicts = self.lanes.into_iter().map(Lane::finish).collect();
        seen
    }
}

impl Lane {
    fn new(candidates: &Candidates, at: usize, candidate: &Candidate) -> Self {
        // what a storage class alone suggests is no expectation that a value could disappoint; text that can't be
        // text is a matter of its own wherever it is met
        let expected = at == 0 && candidates.origin != Origin::Storage || candidates.origin.is_forced();
        let watch = if expected || candidate.is_text() { Watch::Counted } else { Watch::Tried };
        Self {
            step: candidate.fraction_digits.map(|digits| 10_i64.pow(6_u32.saturating_sub(digits.into()))),
            own_class: !expected,
            pg_type: candidate.pg_type.clone(),
            conversion: Conversion::new(&candidate.pg_type, candidate.reading),
            numbers_within: candidate.numbers_within,
            watch,
            verdict: Verdict::default(),
        }
    }

    fn finish(self) -> Verdict {
        Verdict { complete: self.watch != Watch::Left, ..self.verdict }
    }

    /// How the value fares, and the bytes that it takes on the wire. The usual cases are decided here, without encoding.
    fn try_value(&self, value: SqlValue<'_>, scratch: &mut Vec<u8>) -> Result<(Fidelity, u64), Misfit> {
        let exact = |bytes| Ok((Fidelity::Exact, bytes));
        match (&self.pg_type, value) {
            (PgType::Int8, SqlValue::Integer(_)) | (PgType::Float8, SqlValue::Real(_)) => return exact(12),
            (PgType::Int4, SqlValue::Integer(integer)) => {
                return if i32::try_from(integer).is_ok() { exact(8) } else { Err(Misfit::Range) };
            }
            (PgType::Bool, SqlValue::Integer(0 | 1)) => return exact(5),
            (PgType::Bytea, SqlValue::Blob(bytes)) => return exact(4 + bytes.len() as u64),
            (PgType::Text | PgType::Varchar(None), SqlValue::Text(text)) if is_clean(text) => {
                return exact(4 + text.len() as u64);
            }
            _ => {}
        }
        if self.own_class && !is_own_class(&self.pg_type, value) {
            return Err(Misfit::Class);
        }
        if let Some((from, to)) = self.numbers_within {
            let within = match value {
                SqlValue::Integer(integer) => (from..to).contains(&integer),
                #[allow(clippy::cast_precision_loss, reason = "the ends are far below 2^53")]
                SqlValue::Real(real) => real >= from as f64 && real < to as f64,
                _ => return Err(Misfit::Class),
            };
            if !within {
                return Err(Misfit::Range);
            }
        }
        scratch.clear();
        let fidelity = self.conversion.encode(value, scratch)?;
        if let Some(step) = self.step
            && let Some(micros) = scratch.get(4..).and_then(|field| field.try_into().ok()).map(i64::from_be_bytes)
            && micros % step != 0
        {
            return Err(Misfit::Precision);
        }
        Ok((fidelity, scratch.len() as u64))
    }
}

/// Whether a number's type stands in for values of that storage class; types of other kinds say for themselves.
fn is_own_class(pg_type: &PgType, value: SqlValue<'_>) -> bool {
    match pg_type {
        PgType::Int4 | PgType::Int8 => matches!(value, SqlValue::Integer(_)),
        PgType::Float8 | PgType::Numeric(_) => matches!(value, SqlValue::Integer(_) | SqlValue::Real(_)),
        _ => true,
    }
}

/// Text that PostgreSQL can hold.
fn is_clean(text: &[u8]) -> bool {
    memchr(0, text).is_none() && std::str::from_utf8(text).is_ok()
}

fn natural_size(value: SqlValue<'_>) -> u64 {
    match value {
        SqlValue::Null => 4,
        SqlValue::Integer(_) | SqlValue::Real(_) => 12,
        SqlValue::Text(bytes) | SqlValue::Blob(bytes) => 4 + bytes.len() as u64,
    }
}

/// Joins what a second reading has found to what was known.
pub(super) fn amend(known: &mut ColumnScan, again: ColumnScan) {
    for (known, again) in known.verdicts.iter_mut().zip(again.verdicts) {
        if known.is_open() {
            *known = again;
        }
    }
}
