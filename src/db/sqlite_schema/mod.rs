//! The schema of a SQLite database, read from its pragmas and from the statements that made it.
//!
//! The pragmas have the last word on all that they tell; the statements add what pragmas leave out (constraint names,
//! CHECKs, expressions, collations of columns, deferral). Where the two do not fit together, that is an error: nothing
//! is lost silently.

mod catalog;
mod declaration;
mod foreign_keys;
mod keys;
mod table;
mod terms;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::catalog::{Catalog, Kind};
use super::{SqlError, SqliteDb};
use crate::schema::{Schema, Special, SpecialTable, Trigger, View};

impl SqliteDb {
    /// The schema of the main database: temporary objects and attached databases are left out. All of it is of one
    /// moment; in an open transaction it is what that transaction sees.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read, or where a declaration can't be understood: the message names
    /// the table.
    pub fn schema(&self) -> Result<Schema, SqlError> {
        self.of_one_moment(|| read(self, Reading::Strictly).map(|(schema, _)| schema))
    }

    /// The same for one who can do with what the pragmas tell: where a statement can't be understood, what it alone
    /// tells (names of constraints, CHECKs, deferral, expressions) is left out, or a `?`. Those tables are named.
    ///
    /// # Errors
    /// [`SqlError`] where the database can't be read.
    pub(crate) fn lenient_schema(&self) -> Result<(Schema, Vec<String>), SqlError> {
        self.of_one_moment(|| read(self, Reading::Leniently))
    }

    /// Runs what reads in a transaction, where none is open.
    pub(crate) fn of_one_moment<T, E: From<SqlError>>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if self.in_transaction() {
            return read();
        }
        self.command("BEGIN")?;
        let read = read();
        let ended = self.command("ROLLBACK");
        let read = read?;
        ended.map(|()| read).map_err(E::from)
    }

    fn command(&self, sql: &str) -> Result<(), SqlError> {
        self.each_row(sql, &[], |_| Ok::<_, SqlError>(std::ops::ControlFlow::Continue(())))
    }
}

/// What becomes of statements that can't be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// An error.
    Strictly,
    /// The pragmas have to do.
    Leniently,
}

fn read(db: &SqliteDb, reading: Reading) -> Result<(Schema, Vec<String>), SqlError> {
    assemble(db, Catalog::read(db)?, reading)
}

fn assemble(db: &SqliteDb, catalog: Catalog, reading: Reading) -> Result<(Schema, Vec<String>), SqlError> {
    let Catalog { objects, mut tables, kinds, mut views, mut sequences } = catalog;
    let index_texts: HashMap<&str, &str> = objects
        .iter()
        .filter(|object| object.kind == Kind::Index)
        .map(|object| (object.name.as_str(), object.sql.as_str()))
        .collect();
    let mut schema = Schema::default();
    let mut indexes = Vec::new();
    let mut foreign_keys = Vec::new();
    let mut not_understood = Vec::new();
    for object in &objects {
        let (name, sql) = (object.name.clone(), object.sql.clone());
        match object.kind {
            Kind::Index => {}
            Kind::Trigger => schema.triggers.push(Trigger { name, table: object.table.clone(), sql }),
            Kind::View => schema.views.push(View { columns: views.remove(&name).unwrap_or_default(), name, sql }),
            Kind::Table => {
                if let Some(kind) = special(object, &kinds) {
                    schema.special.push(SpecialTable { name, kind, sql });
                    continue;
                }
                let mut raw = tables.remove(&name).unwrap_or_default();
                let listed = kinds.get(&name).copied().unwrap_or_default();
                let understood = table::build(&name, &sql, &raw, listed).and_then(|(table, mut declared)| {
                    let declared_keys = std::mem::take(&mut declared.foreign_keys);
                    let keys = foreign_keys::unresolved(&table, &raw, declared_keys)?;
                    Ok((table, declared, keys))
                });
                let (mut table, declared, keys) = match understood {
                    Err(_) if reading == Reading::Leniently => {
                        not_understood.push(name.clone());
                        table::undeclared(db, &name, &sql, &raw, listed)?
                    }
                    other => other?,
                };
                table.sequence = sequences.remove(&name);
                terms::fill(db, &table, &mut raw.indexes, &index_texts)?;
                keys::fill(&mut table, &raw, &declared, &index_texts, reading)?;
                foreign_keys.push(keys);
                indexes.push(raw.indexes);
                schema.tables.push(table);
            }
        }
    }
    foreign_keys::resolve(&mut schema.tables, &indexes, foreign_keys);
    Ok((schema, not_understood))
}

/// What the table is, where it is no table of the application's own rows.
fn special(object: &catalog::Object, kinds: &HashMap<String, catalog::Listed>) -> Option<Special> {
    if object.name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_")) {
        return Some(Special::Internal);
    }
    match kinds.get(&object.name) {
        Some(listed) if listed.shadow => Some(Special::Shadow),
        Some(listed) if listed.is_virtual => {
            Some(Special::Virtual { module: declaration::module(&object.sql).unwrap_or_default() })
        }
        _ => None,
    }
}

/// A table whose declaration can't be made sense of.
fn unreadable(table: &str, why: &str) -> SqlError {
    SqlError::other(format!("the declaration of table `{table}` can't be understood: {why}"))
}
