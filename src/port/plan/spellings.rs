//! How the texts of a column are spelled that became something else, so that expressions can compare with them.

use crate::port::scan::ColumnScan;
use crate::schema::{Column, Schema};
use crate::value::{Fidelity, PgType};

use super::typing::Typed;

/// How texts are spelled that became times, UUIDs or truths, by table and column: times and UUIDs where none is changed,
/// as PostgreSQL prints them, and truths by one pair of words (`t/f`).
pub(super) fn spellings(schema: &Schema, typed: &Typed) -> Vec<((String, String), &'static str)> {
    let mut spellings = Vec::new();
    for (at, table) in schema.tables.iter().enumerate() {
        for (column_at, column) in table.columns.iter().enumerate() {
            let (class, chosen) = typed.class(at, column_at);
            let seen = &typed.scans[at].columns[column_at];
            let spelling = match class.candidate(chosen).pg_type.base() {
                PgType::Bool => {
                    spellings
                        .extend(truths(seen, column).map(|words| ((table.name.clone(), column.name.clone()), words)));
                    continue;
                }
                PgType::Date => "YYYY-MM-DD",
                PgType::Timestamp => "YYYY-MM-DD HH24:MI:SS.US",
                PgType::Time => "HH24:MI:SS.US",
                PgType::Uuid => "uuid",
                _ => continue,
            };
            let verdict = &seen.verdicts[chosen.candidate];
            let all_texts = !seen.texts.is_empty() && seen.texts.count == seen.values();
            // of ten characters, a timestamp is a date alone
            let dates = spelling.starts_with("YYYY") && seen.longest_text == 10;
            let spelling = if dates { "YYYY-MM-DD" } else { spelling };
            let alike = verdict.changes.keys().all(|change| dates && *change == Fidelity::Respelled);
            if all_texts && verdict.fits() && alike {
                spellings.push(((table.name.clone(), column.name.clone()), spelling));
            }
        }
    }
    spellings
}

/// The words for true and false that applications store.
const TRUTHS: [(&str, &str, &str); 9] = [
    ("t", "f", "t/f"),
    ("T", "F", "T/F"),
    ("true", "false", "true/false"),
    ("TRUE", "FALSE", "TRUE/FALSE"),
    ("True", "False", "True/False"),
    ("y", "n", "y/n"),
    ("Y", "N", "Y/N"),
    ("yes", "no", "yes/no"),
    ("on", "off", "on/off"),
];

/// The pair of words that a column holds, and nothing else.
pub(super) fn words(seen: &ColumnScan) -> Option<&'static str> {
    if seen.texts.is_empty() || seen.texts.count != seen.values() {
        return None;
    }
    pair(&seen.words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// As [`words`]; of a column without values, the pair of its default.
fn truths(seen: &ColumnScan, column: &Column) -> Option<&'static str> {
    let default = column.default.as_deref().and_then(|default| default.strip_prefix('\'')?.strip_suffix('\''));
    match default {
        Some(default) if seen.values() == 0 => pair(&[default]),
        _ => words(seen),
    }
}

fn pair(words: &[&str]) -> Option<&'static str> {
    let fits = |(yes, no, _): &&(&str, &str, &str)| words.iter().all(|word| word == yes || word == no);
    TRUTHS.iter().find(fits).map(|pair| pair.2)
}
