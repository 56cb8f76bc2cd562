//! Rows that differ, as they are told: those of both sides with the same key as one row that has changed.

use crate::port::copy::TableJob;

/// One row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// What is the matter.
    pub kind: Kind,
    /// The row's key in SQLite (`rowid 17`), or in PostgreSQL where it is only there.
    pub key: String,
    /// The columns that differ, each with both values; all of the row's where it is on one side alone.
    pub columns: Vec<Cell>,
}

/// A value on either side.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cell {
    /// The column in SQLite.
    pub column: String,
    /// What SQLite holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What PostgreSQL holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What is the matter with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL holds other values.
    Changed,
    /// SQLite holds a value that the column's type in PostgreSQL can't hold.
    Unfit,
    /// PostgreSQL does not hold it.
    Missing,
    /// PostgreSQL holds it, SQLite does not; or holds it more often.
    Extra,
}

/// A row of one side that the other does not have.
pub(super) struct Found {
    /// Its key in SQLite; nothing where it is PostgreSQL's.
    pub key: String,
    /// All its fields.
    pub fields: Vec<u8>,
}

/// Rows of both sides with the same key are one row that has changed.
pub(super) fn pair(job: &TableJob, missing: Vec<Found>, extra: Vec<Found>) -> Vec<Difference> {
    let names: Vec<&str> = job.codec.column_names().collect();
    let key_columns = job.codec.key_columns();
    let mut extra: Vec<Option<Found>> = extra.into_iter().map(Some).collect();
    let mut differences = Vec::new();
    for row in missing {
        let key = job.codec.values(&row.fields, key_columns);
        let other = extra.iter_mut().find(|other| {
            !key_columns.is_empty()
                && other.as_ref().is_some_and(|other| job.codec.values(&other.fields, key_columns) == key)
        });
        let shown = job.codec.show(&row.fields);
        let row = Found { key: with_primary_key(job, row.key, &names, &shown), ..row };
        match other.and_then(Option::take) {
            Some(other) => {
                let theirs = job.codec.show(&other.fields);
                let columns = job.codec.differing(&row.fields, &other.fields).into_iter().map(|at| Cell {
                    column: names[at].to_owned(),
                    source: shown.get(at).cloned(),
                    target: theirs.get(at).cloned(),
                });
                differences.push(Difference { kind: Kind::Changed, key: row.key, columns: columns.collect() });
            }
            None => differences.push(Difference {
                kind: Kind::Missing,
                key: row.key,
                columns: cells(&names, &shown, |value| (Some(value), None)),
            }),
        }
    }
    for row in extra.into_iter().flatten() {
        let shown = job.codec.show(&row.fields);
        let key: Vec<String> =
            key_columns.iter().filter_map(|at| Some(format!("{} = {}", names[*at], shown.get(*at)?))).collect();
        let key = if key.is_empty() { "(without a key)".to_owned() } else { key.join(", ") };
        differences.push(Difference {
            kind: Kind::Extra,
            key,
            columns: cells(&names, &shown, |value| (None, Some(value))),
        });
    }
    differences
}

/// A key in SQLite, with the primary key beside it where that is another.
fn with_primary_key(job: &TableJob, key: String, names: &[&str], shown: &[String]) -> String {
    let columns = job.codec.key_columns();
    if columns.is_empty() || job.codec.has_batch_key() {
        return key;
    }
    let values: Vec<String> =
        columns.iter().filter_map(|at| Some(format!("{} = {}", names[*at], shown.get(*at)?))).collect();
    format!("{key} ({})", values.join(", "))
}

fn cells(names: &[&str], shown: &[String], sides: impl Fn(String) -> (Option<String>, Option<String>)) -> Vec<Cell> {
    let cell = |(name, value): (&&str, &String)| {
        let (source, target) = sides(value.clone());
        Cell { column: (*name).to_owned(), source, target }
    };
    names.iter().zip(shown).map(cell).collect()
}
