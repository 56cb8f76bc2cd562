//! Reads a target's schema from PostgreSQL's catalog: one message for all of it, one more for which tables hold rows.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::schema::{
    Identity, OtherKind, OtherRelation, Rows, Sequence, Server, TargetColumn, TargetSchema, TargetTable,
};
use super::types::Types;
use super::{TargetError, literal, qualified};
use crate::db::{Statements, TextRow};

#[derive(Debug, Deserialize)]
struct RelationRow {
    oid: u32,
    name: String,
    kind: char,
    partition_of: Option<String>,
    has_heirs: bool,
    row_security: bool,
    row_security_forced: bool,
    row_security_active: bool,
    owner: String,
    owned: bool,
    may_select: bool,
    may_insert: bool,
    may_update: bool,
    may_truncate: bool,
}

#[derive(Debug, Deserialize)]
struct ColumnRow {
    relation: u32,
    name: String,
    #[serde(rename = "type")]
    type_oid: u32,
    typmod: i32,
    type_name: String,
    not_null: bool,
    expression: Option<String>,
    identity: String,
    generated: String,
}

const QUERIES: [&str; 9] = [
    include_str!("relations.sql"),
    include_str!("types.sql"),
    include_str!("columns.sql"),
    include_str!("constraints.sql"),
    include_str!("indexes.sql"),
    include_str!("triggers.sql"),
    include_str!("sequences.sql"),
    include_str!("keys.sql"),
    include_str!("partitions.sql"),
];

impl TargetSchema {
    /// Reads what is there in `schema`; where there is no such schema, nothing is.
    ///
    /// # Errors
    /// [`TargetError::Encoding`] where the database is not in UTF-8; [`TargetError::Sql`] of a query that fails.
    pub fn read(db: &mut impl Statements, schema: &str) -> Result<Self, TargetError> {
        let doing = || format!("read the catalog of schema `{schema}`");
        let mut answers = ask(db, schema, &[include_str!("server.sql")]).map_err(TargetError::sql(doing()))?;
        let server: Server = parse("the server", answers.pop().unwrap_or_default())?
            .pop()
            .ok_or_else(|| TargetError::answer("the server", "there is no row"))?;
        // in no other encoding are texts and names what they are in SQLite
        if server.encoding != "UTF8" {
            return Err(TargetError::Encoding { encoding: server.encoding });
        }
        let answers = ask(db, schema, &QUERIES).map_err(TargetError::sql(doing()))?;
        let [relations, types, columns, constraints, indexes, triggers, sequences, keys, partitions] = answers
            .try_into()
            .map_err(|answers: Vec<_>| TargetError::answer("the catalog", format!("{} results", answers.len())))?;
        let types = Types::new(parse("types", types)?);
        let mut target = Self {
            name: schema.to_owned(),
            server,
            tables: Vec::new(),
            others: Vec::new(),
            constraints: parse("constraints", constraints)?,
            indexes: parse("indexes", indexes)?,
            triggers: parse("triggers", triggers)?,
            sequences: parse("sequences", sequences)?,
            keys: parse("keys", keys)?,
            partitions: parse("partitions", partitions)?,
        };
        target.sort_in(parse("relations", relations)?, parse("columns", columns)?, &types);
        target.look_for_rows(db)?;
        Ok(target)
    }

    /// Reads the sequences alone.
    pub(super) fn read_sequences(db: &mut impl Statements, schema: &str) -> Result<Vec<Sequence>, TargetError> {
        let doing = format!("read the sequences of schema `{schema}`");
        let answers = ask(db, schema, &[include_str!("sequences.sql")]).map_err(TargetError::sql(doing))?;
        parse("sequences", answers.into_iter().next().unwrap_or_default())
    }

    fn sort_in(&mut self, relations: Vec<RelationRow>, rows: Vec<ColumnRow>, types: &Types) {
        let mut columns: BTreeMap<u32, Vec<TargetColumn>> = BTreeMap::new();
        for row in rows {
            columns.entry(row.relation).or_default().push(column(row, types));
        }
        for row in relations {
            let columns = columns.remove(&row.oid).unwrap_or_default();
            match row.kind {
                'v' => self.others.push(OtherRelation { name: row.name, kind: OtherKind::View, columns }),
                'm' => self.others.push(OtherRelation { name: row.name, kind: OtherKind::MaterializedView, columns }),
                'f' => self.others.push(OtherRelation { name: row.name, kind: OtherKind::ForeignTable, columns }),
                kind => self.tables.push(table(row, kind == 'p', columns)),
            }
        }
    }

    /// One statement for a few hundred tables: each takes a lock of its own, and a slot of the server's lock table.
    fn look_for_rows(&mut self, db: &mut impl Statements) -> Result<(), TargetError> {
        const AT_ONCE: usize = 256;
        if !self.server.may_use {
            return Ok(());
        }
        let schema = &self.name;
        let mut askable: Vec<&mut TargetTable> =
            self.tables.iter_mut().filter(|table| table.may_select && !table.row_security_active).collect();
        for tables in askable.chunks_mut(AT_ONCE) {
            let sql = tables
                .iter()
                .enumerate()
                .map(|(nth, table)| format!("SELECT {nth}, EXISTS (SELECT FROM {})", qualified(schema, &table.name)))
                .collect::<Vec<_>>()
                .join(" UNION ALL ");
            let answers = db
                .query_each(&sql)
                .map_err(TargetError::sql(format!("see which tables of schema `{schema}` hold rows")))?;
            for row in answers.into_iter().flatten() {
                let nth = row.first().and_then(Option::as_deref).and_then(|nth| nth.parse::<usize>().ok());
                let holds = row.get(1).and_then(Option::as_deref) == Some("t");
                if let Some(table) = nth.and_then(|nth| tables.get_mut(nth)) {
                    table.rows = if holds { Rows::Some } else { Rows::Empty };
                }
            }
        }
        Ok(())
    }
}

/// Runs queries with a search path on which nothing of anybody's is found, so that the server qualifies every name that
/// it writes, and without compiling them, which takes longer than they do. One message is one transaction; within one of
/// the caller's both settings are given back at the end.
fn ask(db: &mut impl Statements, schema: &str, queries: &[&str]) -> Result<Vec<Vec<TextRow>>, crate::db::SqlError> {
    let schema = literal(schema);
    let rows_as_json = queries.iter().map(|query| {
        // a comment that leads the file must not swallow the rest
        format!("SELECT row_to_json(q)::text FROM (\n{}\n) q;\n", query.replace(":schema", &schema))
    });
    let sql = format!(
        "SELECT set_config('liftlock.search_path', current_setting('search_path'), true), \
         set_config('liftlock.jit', current_setting('jit'), true);\n\
         SELECT set_config('search_path', 'pg_catalog, pg_temp', true), set_config('jit', 'off', true);\n\
         {}\
         SELECT set_config('search_path', current_setting('liftlock.search_path'), true), \
         set_config('jit', current_setting('liftlock.jit'), true);",
        rows_as_json.collect::<String>()
    );
    let mut answers = db.query_each(&sql)?;
    answers.pop();
    Ok(answers.split_off(2.min(answers.len())))
}

fn parse<T: DeserializeOwned>(what: &'static str, rows: Vec<TextRow>) -> Result<Vec<T>, TargetError> {
    rows.into_iter()
        .map(|row| {
            let json = row.into_iter().next().flatten().unwrap_or_default();
            serde_json::from_str(&json).map_err(|error| TargetError::answer(what, error))
        })
        .collect()
}

fn table(row: RelationRow, partitioned: bool, columns: Vec<TargetColumn>) -> TargetTable {
    TargetTable {
        name: row.name,
        partitioned,
        partition_of: row.partition_of,
        has_heirs: row.has_heirs,
        columns,
        rows: Rows::Unknown,
        row_security: row.row_security,
        row_security_forced: row.row_security_forced,
        row_security_active: row.row_security_active,
        owner: row.owner,
        owned: row.owned,
        may_select: row.may_select,
        may_insert: row.may_insert,
        may_update: row.may_update,
        may_truncate: row.may_truncate,
    }
}

fn column(row: ColumnRow, types: &Types) -> TargetColumn {
    let resolved = types.resolve(row.type_oid, row.typmod);
    let generated = !row.generated.is_empty();
    TargetColumn {
        name: row.name,
        pg_type: resolved.pg_type,
        type_name: row.type_name,
        fraction_digits: resolved.fraction_digits,
        not_null: row.not_null || resolved.not_null,
        identity: match row.identity.as_str() {
            "a" => Some(Identity::Always),
            "d" => Some(Identity::ByDefault),
            _ => None,
        },
        default: row.expression.clone().filter(|_| !generated).or(resolved.default.filter(|_| !generated)),
        generated: row.expression.filter(|_| generated),
        domain_checks: resolved.checks,
    }
}
