//! All that was asked → the schema. Pure.

use std::collections::HashMap;

use super::asked::{Asked, AskedTable};
use super::catalog::Listed;
use super::{Reading, declaration, foreign_keys, keys, table, terms, unreadable};
use crate::db::SqlError;
use crate::schema::{Schema, Special};

impl Asked {
    /// The schema, and the tables whose statements can't be understood.
    ///
    /// # Errors
    /// [`SqlError`] where what was asked makes no sense.
    pub(crate) fn schema(self) -> Result<(Schema, Vec<String>), SqlError> {
        let Self { tables, special, views, triggers, reading } = self;
        let mut schema = Schema { special, views, triggers, ..Schema::default() };
        let mut unique = Vec::with_capacity(tables.len());
        let mut foreign_keys = Vec::with_capacity(tables.len());
        let mut not_understood = Vec::new();
        schema.tables.reserve_exact(tables.len());
        for AskedTable { name, sql, declared, mut raw, listed, sequence } in tables {
            let (mut table, declared, keys) = match declared {
                Ok(mut declared) => {
                    terms::fill(&declared.columns, &mut raw.indexes);
                    let declared_keys = std::mem::take(&mut declared.foreign_keys);
                    let table = table::build(name, &mut declared, &raw, listed);
                    (table, declared, foreign_keys::unresolved(&mut raw, declared_keys))
                }
                Err(why) if reading == Reading::Strictly => return Err(unreadable(&name, &why)),
                Err(_) => {
                    not_understood.push(name.clone());
                    table::undeclared(name, &mut raw, listed)
                }
            };
            table.sql = sql;
            table.sequence = sequence;
            unique.push(keys::fill(&mut table, raw, &declared, reading)?);
            foreign_keys.push(keys);
            schema.tables.push(table);
        }
        foreign_keys::resolve(&mut schema.tables, &unique, foreign_keys);
        Ok((schema, not_understood))
    }
}

/// What the table is, where it is no table of the application's own rows.
pub(super) fn special(name: &str, sql: &str, kinds: &HashMap<String, Listed>) -> Option<Special> {
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
