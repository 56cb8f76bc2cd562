//! What a person is told of a column's type: which values made it so, what changes on the way, what has to be decided.

use std::collections::BTreeSet;

use crate::port::scan::{ColumnScan, Tally, Verdict};
use crate::schema::{Column, Table};
use crate::value::{BadText, Fidelity, Misfit, PgType};
use crate::words::thousands;

use super::candidates::{Candidate, Candidates, Origin};
use super::decide::{Chosen, Obstacle};
use super::{Finding, Level};

/// One column and what was decided for it.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// Its table.
    pub table: &'a Table,
    /// The column.
    pub column: &'a Column,
    /// What it was chosen from.
    pub candidates: &'a Candidates,
    /// What was chosen.
    pub chosen: Chosen,
    /// What was seen of it.
    pub seen: &'a ColumnScan,
    /// A column (`table.column`) that foreign keys join to it, and whose values keep both from the best type.
    pub held_by: Option<&'a str>,
}

impl Decided<'_> {
    /// The findings.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        match self.chosen.obstacle {
            Some(Obstacle::DoesNotFit) => findings.extend(self.does_not_fit()),
            Some(Obstacle::BadText) => findings.extend(self.bad_text()),
            None => {}
        }
        let fallback = self.fallback();
        let told = fallback.is_some();
        findings.extend(fallback);
        let verdict = self.verdict();
        for (fidelity, tally) in &verdict.changes {
            // the fallback's own sentence says it
            if !(told && *fidelity == Fidelity::Reclassed) {
                findings.extend(self.change(*fidelity, tally));
            }
        }
        findings
    }

    fn candidate(&self) -> &Candidate {
        &self.candidates.list[self.chosen.candidate]
    }

    fn verdict(&self) -> &Verdict {
        &self.seen.verdicts[self.chosen.candidate]
    }

    fn finding(&self, code: &str, level: Level, tally: &Tally, message: String) -> Finding {
        Finding {
            code: code.to_owned(),
            level,
            table: Some(self.table.name.clone()),
            object: Some(self.column.name.clone()),
            message,
            rows: tally.count,
            examples: tally.examples.clone(),
            affected: tally.affected.clone(),
            ..Finding::default()
        }
    }

    fn does_not_fit(&self) -> Option<Finding> {
        let verdict = self.verdict();
        let all = gather(verdict)?;
        let pg_type = &self.candidate().pg_type;
        let given = if self.candidates.origin == Origin::Target { "the target has" } else { "was chosen" };
        let message = format!("{}; the column is to be `{pg_type}`, as {given}", self.misfits(verdict, pg_type, &all));
        let mut finding = self.finding("does-not-fit", Level::Blocker, &all, message);
        finding.choices = if self.candidates.origin == Origin::Target {
            vec![
                "correct these values in the source".to_owned(),
                "give the target's column a wider type".to_owned(),
                "put these rows aside: --on-error quarantine".to_owned(),
            ]
        } else {
            vec![
                "correct these values in the source".to_owned(),
                format!("another type: --type '{}=…'", self.place()),
                "put these rows aside: --on-error quarantine".to_owned(),
            ]
        };
        Some(finding)
    }

    /// The column as `--type` names it.
    fn place(&self) -> String {
        format!("{}.{}", self.table.name, self.column.name)
    }

    fn bad_text(&self) -> Option<Finding> {
        let all = gather(self.verdict())?;
        let message = format!(
            "{} {} NUL or bytes that are no UTF-8, which PostgreSQL's text can't hold, {}",
            self.portion(&all),
            some(&all, "holds", "hold"),
            first(&all)
        );
        let mut finding = self.finding("bad-text", Level::Blocker, &all, message);
        finding.choices = vec![
            format!("every byte kept, as `bytea`: --type '{}=bytea'", self.place()),
            "left out: --bad-text strip".to_owned(),
            "written as `\\x00`: --bad-text escape".to_owned(),
            "these rows put aside: --on-error quarantine".to_owned(),
        ];
        Some(finding)
    }

    /// Why the column is not what is declared, or what its values suggest.
    fn fallback(&self) -> Option<Finding> {
        let candidate = self.candidate();
        let pg_type = &candidate.pg_type;
        if self.candidates.origin == Origin::Storage {
            return self.storage_mix();
        }
        let wanted = &self.candidates.list[0];
        if self.chosen.candidate == 0 || self.chosen.obstacle == Some(Obstacle::DoesNotFit) || self.seen.values() == 0 {
            return None;
        }
        if candidate.reading.numbers.is_some() || is_as_good(&wanted.pg_type, pg_type) {
            return None;
        }
        let Some(all) = gather(&self.seen.verdicts[0]) else {
            let none = Tally::default();
            let why = match self.held_by {
                Some(other) => format!("like `{other}`, which a foreign key joins it to and whose values do not fit"),
                None => "which keeps the values of a key apart".to_owned(),
            };
            let message = format!(
                "every value fits `{}`, but the column becomes `{pg_type}`, {why}{}",
                wanted.pg_type,
                self.rewritten()
            );
            return Some(self.finding("type-fallback", Level::Change, &none, message));
        };
        let (code, what) = match odd_classes(&wanted.pg_type, self.seen) {
            Some((words, odd)) if is_same(&odd, &all) => {
                ("mixed-values", format!("{} {words}, {}", self.portion(&odd), first(&odd)))
            }
            _ => ("type-fallback", self.misfits(&self.seen.verdicts[0], &wanted.pg_type, &all)),
        };
        let message = format!("{what}; the column becomes `{pg_type}`{}", self.rewritten());
        let mut finding = self.finding(code, Level::Change, &all, message);
        finding.choices = vec![
            format!("correct these values in the source, and the column is `{}`", wanted.pg_type),
            format!("choose a type: --type '{}=…'", self.place()),
        ];
        let numbers = self.seen.integers.count + self.seen.reals.count;
        if matches!(wanted.pg_type, PgType::Timestamp | PgType::Timestamptz) && numbers == self.seen.values() {
            finding
                .choices
                .push(format!("say how its numbers are to be read: --type '{}=timestamptz:seconds'", self.place()));
        }
        Some(finding)
    }

    /// What is said of a column without a declared type whose values are of several storage classes.
    fn storage_mix(&self) -> Option<Finding> {
        let reclassed = self.verdict().changes.get(&Fidelity::Reclassed)?;
        let counts = [
            (&self.seen.integers, "integers"),
            (&self.seen.reals, "reals"),
            (&self.seen.texts, "texts"),
            (&self.seen.blobs, "blobs"),
        ];
        let parts: Vec<String> = counts
            .iter()
            .filter(|(tally, _)| !tally.is_empty())
            .map(|(tally, word)| {
                let word = if tally.count == 1 { &word[..word.len() - 1] } else { word };
                format!("{} {word}", thousands(tally.count))
            })
            .collect();
        let message = format!(
            "the column holds {}; it becomes `{}`{}",
            parts.join(", "),
            self.candidate().pg_type,
            self.rewritten()
        );
        Some(self.finding("mixed-values", Level::Change, reclassed, message))
    }

    fn rewritten(&self) -> String {
        match self.verdict().changes.get(&Fidelity::Reclassed) {
            Some(tally) => format!(", and the storage class of {} is lost", values(tally.count)),
            None => String::new(),
        }
    }

    fn change(&self, fidelity: Fidelity, tally: &Tally) -> Option<Finding> {
        let candidate = self.candidate();
        let pg_type = &candidate.pg_type;
        let portion = self.portion(tally);
        let first = first(tally);
        let (code, level, message) = match fidelity {
            Fidelity::Exact => return None,
            Fidelity::Respelled => (
                "respelled",
                Level::Change,
                format!(
                    "{portion} will be spelled otherwise as `{pg_type}`, {first}; {}",
                    some(tally, "it means the same", "they mean the same")
                ),
            ),
            Fidelity::Reclassed => (
                "reclassed",
                Level::Change,
                format!(
                    "{portion} {} of another storage class than `{pg_type}`, which is lost, {first}",
                    some(tally, "is", "are")
                ),
            ),
            Fidelity::OffsetLost => (
                "offset-lost",
                Level::Change,
                format!(
                    "{portion} {} an offset from UTC, {first}; the instant is kept, the offset is not",
                    some(tally, "has", "have")
                ),
            ),
            Fidelity::FromNumber => (
                "numbers-as-time",
                // a person who said how numbers are to be read has nothing to confirm
                if candidate.numbers_within.is_some() { Level::Assumption } else { Level::Note },
                format!(
                    "{portion} {}, {first}; {} for {} and {} `{pg_type}`",
                    some(tally, "is a number", "are numbers"),
                    some(tally, "it is taken", "they are taken"),
                    candidate.reading.numbers.map_or("times", unit),
                    some(tally, "becomes", "become")
                ),
            ),
            Fidelity::Repaired => (
                "bad-text",
                Level::Change,
                format!(
                    "{portion} {} NUL or bytes that are no UTF-8, {first}; these are {}, as was chosen",
                    some(tally, "holds", "hold"),
                    if candidate.reading.bad_text == BadText::Strip { "left out" } else { "written as `\\x00`" }
                ),
            ),
        };
        Some(self.finding(code, level, tally, message))
    }

    /// Which values do not fit, and why: each reason with its count where there are several.
    fn misfits(&self, verdict: &Verdict, pg_type: &PgType, all: &Tally) -> String {
        let reasons: Vec<String> = match verdict.misfits.iter().collect::<Vec<_>>().as_slice() {
            [(misfit, _)] => return format!("{} {}, {}", self.portion(all), said(**misfit, pg_type, all), first(all)),
            several => several
                .iter()
                .map(|(misfit, tally)| format!("{} {}", thousands(tally.count), said(**misfit, pg_type, tally)))
                .collect(),
        };
        format!("{} do not fit `{pg_type}` ({}), {}", self.portion(all), reasons.join("; "), first(all))
    }

    fn portion(&self, tally: &Tally) -> String {
        format!("{} of {}", thousands(tally.count), values(self.seen.values()))
    }
}

/// Whether the second type is what a declared type stands for as well as the first: no values had to give way.
fn is_as_good(wanted: &PgType, got: &PgType) -> bool {
    use PgType::{Int4, Int8, Timestamp, Timestamptz};
    matches!((wanted, got), (Timestamp, Timestamptz) | (Timestamptz, Timestamp) | (Int4, Int8))
}

/// All misfits together; none where every value fits.
fn gather(verdict: &Verdict) -> Option<Tally> {
    let mut all = Tally::default();
    verdict.misfits.values().for_each(|tally| all.join(tally));
    Some(all).filter(|all| !all.is_empty())
}

/// Whether two tallies are of the same values, as far as can be told.
fn is_same(one: &Tally, other: &Tally) -> bool {
    let examples = |tally: &Tally| tally.examples.iter().cloned().collect::<BTreeSet<_>>();
    one.count == other.count && examples(one) == examples(other)
}

/// The values whose storage class is none that the type stands for, and what is said of them.
fn odd_classes(wanted: &PgType, seen: &ColumnScan) -> Option<(String, Tally)> {
    let numbers = [(&seen.integers, "integers"), (&seen.reals, "reals")];
    let others = [(&seen.texts, "text"), (&seen.blobs, "blobs")];
    let candidates: Vec<(&Tally, &str)> = match wanted {
        PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Bool => [&numbers[1..], &others].concat(),
        PgType::Float4 | PgType::Float8 | PgType::Numeric(_) => others.to_vec(),
        PgType::Bytea => [&numbers[..], &others[..1]].concat(),
        PgType::Json | PgType::Jsonb => others[1..].to_vec(),
        _ => [&numbers[..], &others[1..]].concat(),
    };
    let odd: Vec<&(&Tally, &str)> = candidates.iter().filter(|(tally, _)| !tally.is_empty()).collect();
    let mut all = Tally::default();
    odd.iter().for_each(|(tally, _)| all.join(tally));
    let words: Vec<&str> = odd.iter().map(|(_, word)| *word).collect();
    let what = match (all.count, words.as_slice()) {
        (1, ["text"]) => "is text".to_owned(),
        (1, ["integers"]) => "is an integer".to_owned(),
        (1, [word]) => format!("is a {}", word.trim_end_matches('s')),
        _ => format!("are {}", words.join(" or ")),
    };
    (!odd.is_empty()).then_some((what, all))
}

/// One of two wordings: of one value, or of several.
fn some<'w>(tally: &Tally, one: &'w str, several: &'w str) -> &'w str {
    if tally.count == 1 { one } else { several }
}

/// What is said of values that do not fit a type.
fn said(misfit: Misfit, pg_type: &PgType, tally: &Tally) -> String {
    let (are, have, hold) = if tally.count == 1 { ("is", "has", "holds") } else { ("are", "have", "hold") };
    match misfit {
        Misfit::Class => format!("{are} of a kind that `{pg_type}` does not take"),
        Misfit::Range => format!("{are} out of the range of `{pg_type}`"),
        Misfit::Precision => format!("{have} more digits than `{pg_type}` keeps"),
        Misfit::Syntax => format!("{are} no `{pg_type}`"),
        Misfit::Length => format!("{are} longer than `{pg_type}` takes"),
        Misfit::Nul => format!("{hold} NUL"),
        Misfit::Utf8 => format!("{are} no UTF-8"),
        Misfit::Json => format!("{are} JSON that `{pg_type}` would change or refuse"),
        Misfit::Label => format!("{are} no label of `{pg_type}`"),
        Misfit::Offset => {
            let lack = some(tally, "lacks", "lack");
            format!("{have} an offset from UTC, or {lack} one, where `{pg_type}` takes the other kind")
        }
    }
}

fn unit(numbers: crate::value::TimeNumber) -> &'static str {
    use crate::value::TimeNumber;
    match numbers {
        TimeNumber::Seconds => "seconds since 1970",
        TimeNumber::Milliseconds => "milliseconds since 1970",
        TimeNumber::Microseconds => "microseconds since 1970",
        TimeNumber::Julian => "Julian day numbers",
    }
}

fn first(tally: &Tally) -> String {
    match tally.examples.first() {
        Some(example) => format!("the first at {example}"),
        None => "of which none was kept".to_owned(),
    }
}

fn values(count: u64) -> String {
    if count == 1 { "1 value".to_owned() } else { format!("{} values", thousands(count)) }
}
