//! Binds: finds each table and column of a mapping among those there are, or says what is missing.

use std::path::Path;

use serde_json::Value;

use super::bound::{Bound, BoundChild, BoundColumn, BoundTable, Fill};
use super::catalog::{TargetColumn, TargetTable};
use super::{Cell, Kind};
use crate::config::Secret;
use crate::crypt::Key;
use crate::import::ImportError;
use crate::import::mapping::{
    ColumnMapping, From, Mapping, OnExisting, TableMapping, Transform, Written, pointer_keys,
};
use crate::import::seal::Seal;
use crate::import::store::Store;
use crate::import::vault::Vault;
use crate::suggest::nearest;

/// Binds a mapping to the tables there are.
///
/// # Errors
/// A table or column is missing or can't be filled; nothing was written.
pub(in crate::import) fn bind(
    mapping: &Mapping,
    store: &mut dyn Store,
    skip_existing: bool,
    key: Option<&Secret>,
    base: &Path,
) -> Result<Bound, ImportError> {
    let tables = store.tables()?;
    let vault = mapping.store.as_ref().map(|name| Vault::new(name, base));
    let vault = vault.as_ref();
    let mut binder = Binder {
        tables,
        store,
        bound: Bound::default(),
        count: 0,
        skip_existing,
        key,
        vault,
        written: &mapping.written,
    };
    for source in &mapping.sources {
        let captures = &source.files.captures;
        let table = binder.table(&source.into, captures, None)?;
        binder.bound.sources.push(table);
    }
    Ok(binder.bound)
}

struct Binder<'a> {
    tables: Vec<TargetTable>,
    store: &'a mut dyn Store,
    bound: Bound,
    count: usize,
    skip_existing: bool,
    key: Option<&'a Secret>,
    vault: Option<&'a Vault>,
    /// Where in the mapping's text a problem is shown.
    written: &'a Written,
}

fn problem(message: String, hint: impl Into<Option<String>>) -> ImportError {
    ImportError::Mapping { message, hint: hint.into() }
}

impl Binder<'_> {
    fn table(
        &mut self,
        mapping: &TableMapping,
        captures: &[String],
        parent: Option<(&BoundTable, &[(String, String)])>,
    ) -> Result<BoundTable, ImportError> {
        let written = self.written;
        let here = |error| written.at(mapping.place, error);
        let known = self.find(&mapping.table).map_err(here)?;
        let mut columns = Vec::new();
        for (child, of) in parent.iter().flat_map(|(_, pairs)| pairs.iter()) {
            let parent = parent.expect("there are pairs of a parent's only").0;
            let at = parent.column(of).ok_or_else(|| {
                let known = parent.columns.iter().map(|column| column.name.as_str());
                let near = nearest(of, known).map(|name| format!("did you mean `{name}`?"));
                problem(
                    format!(
                        "`{}` refers to the column `{of}` of `{}`, which the mapping does not fill and which is no key that \
                         the database numbers",
                        known_name(mapping),
                        parent.name
                    ),
                    near.or_else(|| Some(format!("add `{of}:` to the columns of `{}`", parent.name))),
                )
            });
            columns.push(self.column(&known, child, Fill::Parent(at.map_err(here)?), false).map_err(here)?);
        }
        for column in &mapping.columns {
            let bound = self.filled(&known, column, captures);
            columns.push(bound.map_err(|error| written.at(column.place, error))?);
        }
        let mut table = BoundTable {
            number: self.count,
            target: 0,
            name: known.name.clone(),
            columns,
            key: Vec::new(),
            exists: if self.skip_existing { OnExisting::Skip } else { mapping.exists },
            children: Vec::new(),
        };
        self.count += 1;
        self.numbered(&known, &mut table).map_err(here)?;
        table.key = self.key(&known, &table, &mapping.key).map_err(here)?;
        for column in known.columns.iter().filter(|column| column.not_null && column.default.is_none()) {
            if table.column(&column.name).is_none() && !column.generated && !column.numbered {
                let message =
                    format!("`{}`.`{}` must have a value, and the mapping gives none", known.name, column.name);
                let hint = format!("add `{}:` to the columns of `{}`", column.name, known.name);
                return Err(here(problem(message, hint)));
            }
        }
        table.target = match self.bound.targets.iter().position(|name| *name == table.name) {
            Some(at) => at,
            None => {
                self.bound.targets.push(table.name.clone());
                self.bound.targets.len() - 1
            }
        };
        for child in &mapping.children {
            let bound = self.table(&child.into, captures, Some((&table, &child.parent)))?;
            table.children.push(BoundChild { records: child.records.clone(), table: bound });
        }
        Ok(table)
    }

    /// A column, and what fills it.
    fn filled(
        &mut self,
        known: &TargetTable,
        column: &ColumnMapping,
        captures: &[String],
    ) -> Result<BoundColumn, ImportError> {
        let fill = match &column.from {
            From::Pointer(pointer) => {
                let keys = pointer_keys(pointer).map_err(|reason| problem(format!("`{pointer}`: {reason}"), None))?;
                Fill::Pointer { pointer: pointer.clone(), keys }
            }
            From::Capture(name) => {
                let at = captures.iter().position(|capture| capture == name);
                Fill::Capture(at.ok_or_else(|| problem(format!("the pattern has no capture `{name}`"), None))?)
            }
            From::File(fact) => Fill::File(*fact),
            From::Constant(value) => {
                let column = self.column(known, &column.column, Fill::Constant(Cell::Null), false)?;
                let cell = column.kind.store(value);
                Fill::Constant(cell.map_err(|reason| problem(format!("`{}`: {reason}", column.name), None))?)
            }
            From::Uuid => Fill::Uuid,
            From::Now => Fill::Now,
            From::Whole => Fill::Whole,
            From::Rest => Fill::Rest,
            From::EntryKey => Fill::EntryKey,
            From::Position => Fill::Position,
        };
        let mut bound = self.column(known, &column.column, fill, column.required)?;
        if let Some(transform) = column.transform {
            self.seal(known, &mut bound, transform)?;
        }
        if let (Some(over), Some(vault)) = (column.store_over, self.vault) {
            let path = Value::String(format!("{}/{}", vault.folder(), "0".repeat(65)));
            let holds = bound.kind.store(&path).is_ok_and(|cell| bound.kind.restore(&cell) == path);
            if !holds {
                let message = format!("`{}`.`{}` can't hold the path of a file", known.name, bound.name);
                return Err(problem(message, "make its type `text` with a migration".to_owned()));
            }
            bound.spill = Some((vault.clone(), over));
        }
        Ok(bound)
    }

    /// What a column does to its values, if it can hold what comes of that.
    fn seal(&self, table: &TargetTable, column: &mut BoundColumn, transform: Transform) -> Result<(), ImportError> {
        let name = format!("`{}`.`{}`", table.name, column.name);
        let seal = match transform {
            Transform::Bcrypt(cost) => Seal::Bcrypt { cost },
            Transform::Sha256 => Seal::Sha256,
            Transform::Encrypt => Seal::Encrypt(
                Key::from_secret(self.key)
                    .map_err(|source| ImportError::Key { doing: format!("encrypt or decrypt {name}"), source })?,
            ),
        };
        let sample = seal.of("", false).map_err(|reason| problem(format!("{name}: {reason}"), None))?;
        let sample = Value::String(sample);
        let holds =
            column.kind.is_text() && column.kind.store(&sample).is_ok_and(|cell| column.kind.restore(&cell) == sample);
        if !holds {
            let message = format!("{name} can't hold what is hashed or encrypted: it is no text, or a short one");
            return Err(problem(message, "make its type `text` with a migration".to_owned()));
        }
        // a value that the database would put in its place is neither
        column.default = None;
        column.seal = Some(seal);
        Ok(())
    }

    fn find(&self, name: &str) -> Result<TargetTable, ImportError> {
        let same = |table: &&TargetTable| table.name == name;
        let alike = |table: &&TargetTable| table.name.eq_ignore_ascii_case(name) && self.store.folds_names();
        let found = self.tables.iter().find(same).or_else(|| self.tables.iter().find(alike));
        found.cloned().ok_or_else(|| {
            let near = nearest(name, self.tables.iter().map(|table| table.name.as_str()));
            let hint = near.map(|name| format!("did you mean `{name}`? Else make it first: `liftlock up`"));
            let hint = hint.unwrap_or_else(|| "make it first: `liftlock up`".to_owned());
            problem(format!("there is no table `{name}` in the database"), hint)
        })
    }

    fn column(
        &mut self,
        table: &TargetTable,
        name: &str,
        fill: Fill,
        required: bool,
    ) -> Result<BoundColumn, ImportError> {
        let same = |column: &&TargetColumn| column.name == name;
        let alike = |column: &&TargetColumn| column.name.eq_ignore_ascii_case(name) && self.store.folds_names();
        let found = table.columns.iter().find(same).or_else(|| table.columns.iter().find(alike));
        let column = found.ok_or_else(|| {
            let near = nearest(name, table.columns.iter().map(|column| column.name.as_str()));
            let hint = near.map(|name| format!("did you mean `{name}`? Else add it with a migration: `liftlock up`"));
            let hint = hint.unwrap_or_else(|| "add it with a migration: `liftlock up`".to_owned());
            problem(format!("table `{}` has no column `{name}`", table.name), hint)
        })?;
        if column.generated {
            let message = format!("`{}`.`{name}` is computed by the database", table.name);
            return Err(problem(message, format!("take `{name}` out of the mapping")));
        }
        let kind = column.kind.clone().ok_or_else(|| {
            let message =
                format!("`{}`.`{name}` is {}, which no value of JSON can go to", table.name, column.type_name);
            problem(message, format!("take `{name}` out of the mapping, or change its type"))
        })?;
        let default = match &column.default {
            Some(default) if column.not_null && !varies(default) => {
                let value = self.store.constant(default)?;
                value.and_then(|value| match &kind {
                    Kind::Sqlite(_) => Some(value),
                    // what the server wrote as text is read as JSON would be
                    Kind::Postgres(_) => {
                        let Cell::Text(text) = value else { return None };
                        let plain = serde_json::from_str::<Value>(&text).ok().and_then(|value| kind.store(&value).ok());
                        let word = || match text.as_str() {
                            "t" => kind.store(&Value::Bool(true)).ok(),
                            "f" => kind.store(&Value::Bool(false)).ok(),
                            _ => None,
                        };
                        plain.or_else(word).or_else(|| kind.store(&Value::String(text.clone())).ok())
                    }
                })
            }
            _ => None,
        };
        Ok(BoundColumn {
            name: column.name.clone(),
            kind,
            fill,
            required,
            not_null: column.not_null,
            default,
            seal: None,
            spill: None,
        })
    }

    /// A key that the mapping does not fill and the database would: children and the books need to know it.
    fn numbered(&mut self, known: &TargetTable, table: &mut BoundTable) -> Result<(), ImportError> {
        let [name] = known.primary_key.as_slice() else { return Ok(()) };
        if table.column(name).is_some() {
            return Ok(());
        }
        let Some(column) = known.columns.iter().find(|column| column.name == *name) else { return Ok(()) };
        let makes_uuid = column.default.as_ref().is_some_and(|default| default.contains("uuid"));
        let fill = match () {
            () if column.numbered => Fill::Number,
            () if makes_uuid => Fill::Uuid,
            () => return Ok(()),
        };
        let column = self.column(known, name, fill, false)?;
        table.columns.push(column);
        Ok(())
    }

    fn key(&self, known: &TargetTable, table: &BoundTable, names: &[String]) -> Result<Vec<usize>, ImportError> {
        let places = |names: &[String]| names.iter().map(|name| table.column(name)).collect::<Option<Vec<usize>>>();
        if names.is_empty() {
            let key = places(&known.primary_key).filter(|key| !key.is_empty());
            let key = key.or_else(|| known.uniques.iter().find_map(|unique| places(unique)));
            return key.ok_or_else(|| {
                let message = format!("a row of `{}` can't be found again: the mapping fills no key of it", known.name);
                problem(message, "fill its primary key, or give it one with a migration".to_owned())
            });
        }
        let mut wanted: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        wanted.sort();
        let unique = known.uniques.iter().any(|unique| {
            let mut unique: Vec<String> = unique.iter().map(|name| name.to_ascii_lowercase()).collect();
            unique.sort();
            unique == wanted
        });
        if !unique {
            let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("the key {list} of `{}` is neither its primary key nor unique", known.name);
            let columns = names.join(", ");
            let hint = format!(
                "add it with a migration: `CREATE UNIQUE INDEX {}_key ON {} ({columns});`",
                known.name, known.name
            );
            return Err(problem(message, hint));
        }
        places(names).ok_or_else(|| problem(format!("a column of the key of `{}` is not filled", known.name), None))
    }
}

fn known_name(mapping: &TableMapping) -> &str {
    &mapping.table
}

/// Whether a default is another value each time.
fn varies(default: &str) -> bool {
    let default = default.to_ascii_lowercase();
    ["random", "nextval", "uuid"].iter().any(|word| default.contains(word))
}
