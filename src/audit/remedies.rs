//! What mends each finding and each foreign key, as the fix would write it: an index that several share is one index.

use std::collections::HashMap;

use super::fix::{self, SuggestedIndex, SuggestedKey};
use super::statistics::Name;
use super::{Report, Schema};

/// The statements that make the suggested indexes.
#[derive(Debug, Default)]
pub struct Remedies {
    /// By table.
    made: HashMap<Name, Vec<Made>>,
}

/// An index that was planned.
#[derive(Debug)]
struct Made {
    keys: Vec<SuggestedKey>,
    sql: String,
}

impl Remedies {
    /// Works them out: those of findings as the fix has them, then those of foreign keys whose finding is ignored or was
    /// not looked for. `concurrently`: PostgreSQL goes on with writes meanwhile.
    #[must_use]
    pub fn of(schema: &Schema, report: &Report, concurrently: bool) -> Self {
        let mut remedies = Self::default();
        remedies.plan(schema, &report.suggested(), concurrently);
        let suggested = report.foreign_keys.iter().filter_map(|key| key.suggested.as_ref());
        let left: Vec<SuggestedIndex> = suggested.filter(|index| remedies.sql(index).is_none()).cloned().collect();
        remedies.plan(schema, &left, concurrently);
        remedies
    }

    fn plan(&mut self, schema: &Schema, suggested: &[SuggestedIndex], concurrently: bool) {
        for (_, index, on) in fix::indexes(schema, suggested) {
            let up = fix::up(schema.dialect, &index, &on, concurrently);
            let sql = up.iter().map(|statement| format!("{statement};")).collect::<Vec<_>>().join("\n");
            self.made.entry((index.schema, index.table)).or_default().push(Made { keys: index.keys, sql });
        }
    }

    /// The statements that make an index in which the keys of this one lead; `None` where none was planned.
    #[must_use]
    pub fn sql(&self, index: &SuggestedIndex) -> Option<&str> {
        let made = self.made.get(&(index.schema.clone(), index.table.clone()))?;
        let leads = |keys: &[SuggestedKey]| {
            let leading = keys.get(..index.keys.len());
            leading.is_some_and(|leading| index.keys.iter().all(|key| leading.contains(key)))
        };
        made.iter().find(|made| leads(&made.keys)).map(|made| made.sql.as_str())
    }
}

/// The index in words, for where no statement was planned.
#[must_use]
pub fn in_words(index: &SuggestedIndex) -> String {
    let key = |key: &SuggestedKey| match &key.collation {
        None => key.column.clone(),
        Some(collation) => format!("{} COLLATE {collation}", key.column),
    };
    let keys: Vec<String> = index.keys.iter().map(key).collect();
    format!("an index on `{}` ({})", index.table, keys.join(", "))
}
