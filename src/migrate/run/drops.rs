//! SQLite: a `DROP TABLE` that would take rows of other tables with it is found before it runs.

use super::Run;
use crate::Dialect;
use crate::db::Db;
use crate::migrate::history::reading;
use crate::migrate::plan::Step;
use crate::migrate::{DropsParent, MigrateError};
use crate::sql::{self, Statement};

impl Run<'_> {
    /// Passes unless `text`, which stands at `offset` in the step's script, drops a table to which rows point that
    /// would be deleted or changed by that. A table that the script drops itself, or deletes from or updates before,
    /// was thought of.
    pub(super) fn guard_drops(&self, step: &Step, text: &str, offset: usize) -> Result<(), MigrateError> {
        let Db::Sqlite(db) = &*self.db else { return Ok(()) };
        // the word is looked for first: to take the text apart costs more
        let drops = |text: &str| text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"drop"));
        if !drops(text) || !db.foreign_keys().map_err(reading)? {
            return Ok(());
        }
        let statements = sql::split(Dialect::Sqlite, text).unwrap_or_default();
        let mut thought_of: Vec<String> = statements
            .iter()
            .filter_map(|s| sql::dropped_table(Dialect::Sqlite, s.text))
            .map(|name| name.name)
            .collect();
        for statement in &statements {
            thought_of.extend(changed_table(statement));
            let Some(table) = sql::dropped_table(Dialect::Sqlite, statement.text) else { continue };
            let effects = db.effects_of_dropping(&table.name, &thought_of).map_err(reading)?;
            if effects.is_empty() {
                continue;
            }
            let at = offset + statement.start;
            let (position, excerpt) = step.script.place(at);
            return Err(MigrateError::DropsParent(Box::new(DropsParent {
                migration: step.title(),
                place: format!("{}:{position}", step.script.path),
                excerpt,
                table: table.name,
                effects,
            })));
        }
        Ok(())
    }
}

/// The table of a `DELETE FROM` or `UPDATE`, as far as its first words tell.
fn changed_table(statement: &Statement<'_>) -> Option<String> {
    let mut words = statement.text.split(|c: char| c.is_whitespace() || c == ';').filter(|word| !word.is_empty());
    let first = words.next()?;
    let table = if first.eq_ignore_ascii_case("delete") {
        words.nth(1)
    } else if first.eq_ignore_ascii_case("update") {
        words.next()
    } else {
        None
    }?;
    let table = table.rsplit('.').next().unwrap_or(table);
    Some(table.trim_matches(['"', '`', '[', ']']).to_owned())
}
