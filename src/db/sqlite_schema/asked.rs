//! All that SQLite has to be asked for its schema, and what the statements say: what comes after needs no connection.

use super::assemble::special;
use super::catalog::{self, Catalog, Kind, Listed, Object, RawTable};
use super::declaration::{self, Declaration, IndexDeclaration};
use super::indexes::{self, IndexRow};
use super::{Reading, table, terms, text};
use crate::db::{SqlError, SqliteDb};
use crate::schema::{SpecialTable, Trigger, View};

/// All that is known of a schema.
pub(crate) struct Asked {
    pub(super) tables: Vec<AskedTable>,
    pub(super) special: Vec<SpecialTable>,
    pub(super) views: Vec<View>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) reading: Reading,
}

/// A table and what is known of it.
pub(super) struct AskedTable {
    pub(super) name: String,
    pub(super) sql: String,
    /// What its statement says; where that can't be read, or does not agree with the pragmas, why.
    pub(super) declared: Result<Declaration, String>,
    pub(super) raw: RawTable,
    pub(super) listed: Listed,
    /// Its row of `sqlite_sequence`.
    pub(super) sequence: Option<i64>,
}

impl Asked {
    /// The names of the tables that have an index of their own.
    pub(crate) fn indexed_tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().filter(|table| !table.raw.indexes.is_empty()).map(|table| table.name.as_str())
    }

    /// Whether there is such a table of SQLite's own.
    pub(crate) fn has_special(&self, name: &str) -> bool {
        self.special.iter().any(|special| special.name == name)
    }

    pub(super) fn read(db: &SqliteDb, reading: Reading) -> Result<Self, SqlError> {
        Self::about(db, catalog::objects(db)?, reading)
    }

    /// What there is to know of these objects.
    pub(super) fn about(db: &SqliteDb, objects: Vec<Object>, reading: Reading) -> Result<Self, SqlError> {
        // the statements are read while SQLite answers
        let (catalog, statements) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| statements(&objects));
            (Catalog::read(db, &objects), reader.join())
        });
        let statements = statements.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (mut asked, rows) = sorted(objects, statements, catalog?, reading);
        indexes::list(db, &mut asked, rows)?;
        terms::ask(db, &mut asked.tables)?;
        if reading == Reading::Leniently {
            collations(db, &mut asked.tables)?;
        }
        Ok(asked)
    }
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

/// The objects, each with what is known of it; the indexes are still to be given to their tables.
fn sorted(objects: Vec<Object>, statements: Vec<Said>, catalog: Catalog, reading: Reading) -> (Asked, Vec<IndexRow>) {
    let Catalog { tables, kinds, mut views, mut sequences } = catalog;
    let mut raw = tables.into_iter();
    let mut rows = Vec::new();
    let mut asked = Asked {
        tables: Vec::with_capacity(raw.len()),
        special: Vec::new(),
        views: Vec::new(),
        triggers: Vec::new(),
        reading,
    };
    for (Object { kind, name, table, sql, .. }, said) in objects.into_iter().zip(statements) {
        match (kind, said) {
            (Kind::Index, said) => {
                let declared = if let Said::Index(declared) = said { declared } else { None };
                rows.push(IndexRow { name, table, sql, declared });
            }
            (Kind::Trigger, _) => asked.triggers.push(Trigger { name, table, sql }),
            (Kind::View, _) => {
                asked.views.push(View { columns: views.remove(&name).unwrap_or_default(), name, sql });
            }
            (Kind::Table, said) => {
                let raw = raw.next().unwrap_or_default();
                if let Some(kind) = special(&name, &sql, &kinds) {
                    asked.special.push(SpecialTable { name, kind, sql });
                    continue;
                }
                let said = if let Said::Table(said) = said { *said } else { Err(String::new()) };
                let declared = said.and_then(|declared| match table::disagreement(&declared, &raw) {
                    Some(why) => Err(why),
                    None => Ok(declared),
                });
                let (listed, sequence) = (kinds.get(&name).copied().unwrap_or_default(), sequences.remove(&name));
                asked.tables.push(AskedTable { name, sql, declared, raw, listed, sequence });
            }
        }
    }
    (asked, rows)
}

/// Asks for the collations of columns that no statement tells.
fn collations(db: &SqliteDb, tables: &mut [AskedTable]) -> Result<(), SqlError> {
    for table in tables.iter_mut().filter(|table| table.declared.is_err()) {
        for column in &table.raw.columns {
            table.raw.collations.push(text::collation(&db.collation(&table.name, &column.name)?));
        }
    }
    Ok(())
}
