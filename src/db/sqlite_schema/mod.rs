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
mod written;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::catalog::{Catalog, Kind, Object};
use self::declaration::{Declaration, IndexDeclaration};
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
    let objects = catalog::objects(db)?;
    // the statements are read while SQLite answers
    let (catalog, statements) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| statements(&objects));
        (Catalog::read(db, &objects), reader.join())
    });
    let statements = statements.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    assemble(db, objects, statements, catalog?, reading)
}

/// What an object's statement says.
enum Said {
    /// Of a table, or why it can't be read.
    Table(Box<Result<Declaration, String>>),
    /// Of an index; nothing where it can't be read, or a constraint made the index.
    Index(Option<IndexDeclaration>),
    /// Nobody asks.
    Nothing,
}

/// What the statements of all objects say.
fn statements(objects: &[Object]) -> Vec<Said> {
    let said = |object: &Object| match object.kind {
        Kind::Table => Said::Table(Box::new(declaration::table(&object.sql))),
        Kind::Index => Said::Index(declaration::index(&object.sql)),
        Kind::View | Kind::Trigger => Said::Nothing,
    };
    objects.iter().map(said).collect()
}

fn assemble(
    db: &SqliteDb,
    objects: Vec<Object>,
    statements: Vec<Said>,
    catalog: Catalog,
    reading: Reading,
) -> Result<(Schema, Vec<String>), SqlError> {
    let Catalog { tables, kinds, mut views, mut sequences } = catalog;
    let mut tables = tables.into_iter();
    let mut schema = Schema::default();
    let mut declared_tables = Vec::new();
    let mut created = Created::new();
    for (Object { kind, name, table, sql, .. }, said) in objects.into_iter().zip(statements) {
        match (kind, said) {
            (Kind::Index, said) => {
                let declared = if let Said::Index(declared) = said { declared } else { None };
                created.insert(name, (sql, declared));
            }
            (Kind::Trigger, _) => schema.triggers.push(Trigger { name, table, sql }),
            (Kind::View, _) => {
                schema.views.push(View { columns: views.remove(&name).unwrap_or_default(), name, sql });
            }
            (Kind::Table, said) => {
                let raw = tables.next().unwrap_or_default();
                match special(&name, &sql, &kinds) {
                    Some(kind) => schema.special.push(SpecialTable { name, kind, sql }),
                    None => declared_tables.push((name, sql, said, raw)),
                }
            }
        }
    }
    let mut unique = Vec::with_capacity(declared_tables.len());
    let mut foreign_keys = Vec::with_capacity(declared_tables.len());
    let mut not_understood = Vec::new();
    schema.tables.reserve_exact(declared_tables.len());
    for (name, sql, said, mut raw) in declared_tables {
        let listed = kinds.get(&name).copied().unwrap_or_default();
        let said = if let Said::Table(said) = said { *said } else { Err(String::new()) };
        let understood = table::build(&name, said, &raw, listed).and_then(|(table, mut declared)| {
            let declared_keys = std::mem::take(&mut declared.foreign_keys);
            let keys = foreign_keys::unresolved(&table, &mut raw, declared_keys)?;
            Ok((table, declared, keys))
        });
        let (mut table, declared, keys) = match understood {
            Err(_) if reading == Reading::Leniently => {
                not_understood.push(name.clone());
                table::undeclared(db, &name, &mut raw, listed)?
            }
            other => other?,
        };
        table.sql = sql;
        table.sequence = sequences.remove(&name);
        terms::fill(db, &table, &mut raw.indexes, &mut created)?;
        unique.push(keys::fill(&mut table, raw, &declared, reading)?);
        foreign_keys.push(keys);
        schema.tables.push(table);
    }
    foreign_keys::resolve(&mut schema.tables, &unique, foreign_keys);
    Ok((schema, not_understood))
}

/// The statements of indexes and what they say, by the indexes' names.
type Created = HashMap<String, (String, Option<IndexDeclaration>)>;

/// What the table is, where it is no table of the application's own rows.
fn special(name: &str, sql: &str, kinds: &HashMap<String, catalog::Listed>) -> Option<Special> {
    if name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_")) {
        return Some(Special::Internal);
    }
    match kinds.get(name) {
        Some(listed) if listed.shadow => Some(Special::Shadow),
        Some(listed) if listed.is_virtual => {
            Some(Special::Virtual { module: declaration::module(sql).unwrap_or_default() })
        }
        _ => None,
    }
}

/// A table whose declaration can't be made sense of.
fn unreadable(table: &str, why: &str) -> SqlError {
    SqlError::other(format!("the declaration of table `{table}` can't be understood: {why}"))
}
