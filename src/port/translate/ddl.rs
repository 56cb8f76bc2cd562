//! A plan as statements of PostgreSQL's, in the phases of a run: tables; then, with the data in them, all that checks
//! or speeds up; and everything away again.

use crate::Dialect;
use crate::port::plan::{ColumnPlan, ForeignKeyPlan, IndexPlan, KeyPlan, Plan, TablePlan};
use crate::value::PgType;

/// What a statement makes or takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum ObjectKind {
    Schema,
    Collation,
    Extension,
    Table,
    PrimaryKey,
    Unique,
    Index,
    Check,
    ForeignKey,
    View,
    Sequence,
}

/// The collation that `nocase: icu` asks for, as it is written in SQL; [`tables`] makes it where a column has it.
pub const NOCASE_COLLATION: &str = "\"liftlock_nocase\"";

impl ObjectKind {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Table => "table",
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique constraint",
            Self::Index => "index",
            Self::Check => "check",
            Self::ForeignKey => "foreign key",
            Self::View => "view",
            Self::Sequence => "sequence",
            Self::Collation => "collation",
            Self::Extension => "extension",
        }
    }
}

/// One statement, without a semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The object's name in PostgreSQL: a table, constraint, index or view.
    pub object: String,
    /// What it is.
    pub kind: ObjectKind,
    /// The table that it belongs to, by its name in PostgreSQL.
    pub table: Option<String>,
    /// The text.
    pub sql: String,
}

fn quote(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ")
}

fn qualified(plan: &Plan, name: &str) -> String {
    format!("{}.{}", quote(&plan.target_schema), quote(name))
}

fn new_tables(plan: &Plan) -> impl Iterator<Item = &TablePlan> {
    plan.tables.iter().filter(|table| !table.existing)
}

/// For every new table's object: its statement.
fn each<'p, T: 'p>(
    plan: &'p Plan,
    objects: impl Fn(&'p TablePlan) -> Vec<T>,
    statement: impl Fn(&'p TablePlan, T) -> (String, ObjectKind, String),
) -> Vec<Statement> {
    let mut out = Vec::new();
    for table in new_tables(plan) {
        for object in objects(table) {
            let (object, kind, sql) = statement(table, object);
            out.push(Statement { object, kind, table: Some(table.target.clone()), sql });
        }
    }
    out
}

/// CREATE TABLE: columns with types, NOT NULL, defaults, identities, generation, collations. No keys.
#[must_use]
pub fn tables(plan: &Plan) -> Vec<Statement> {
    let mut columns = new_tables(plan).flat_map(|table| &table.columns);
    let collation = columns.any(|column| column.collation.as_deref() == Some(NOCASE_COLLATION)).then(|| Statement {
        object: NOCASE_COLLATION.trim_matches('"').to_owned(),
        kind: ObjectKind::Collation,
        table: None,
        // level 2 is without regard to case, and with regard to accents
        sql: format!(
            "CREATE COLLATION IF NOT EXISTS {NOCASE_COLLATION} (provider = icu, locale = 'und-u-ks-level2', \
             deterministic = false)"
        ),
    });
    let tables = new_tables(plan).map(|table| {
        let sequence =
            |column: &ColumnPlan| super::sequences::named(plan, table, column).map(|name| qualified(plan, &name));
        let columns: Vec<String> = table.columns.iter().map(|one| column(one, sequence(one))).collect();
        let columns = if columns.is_empty() { String::new() } else { format!("\n    {}\n", columns.join(",\n    ")) };
        Statement {
            object: table.target.clone(),
            kind: ObjectKind::Table,
            table: Some(table.target.clone()),
            sql: format!("CREATE TABLE {} ({columns})", qualified(plan, &table.target)),
        }
    });
    let mut columns = new_tables(plan).flat_map(|table| &table.columns);
    let citext = columns.any(|column| *column.pg_type.base() == PgType::Citext).then(|| Statement {
        object: "citext".to_owned(),
        kind: ObjectKind::Extension,
        table: None,
        sql: "CREATE EXTENSION IF NOT EXISTS citext".to_owned(),
    });
    citext.into_iter().chain(collation).chain(tables).collect()
}

fn column(column: &ColumnPlan, sequence: Option<String>) -> String {
    let mut sql = format!("{} {}", quote(&column.target), column.pg_type);
    if let Some(collation) = &column.collation {
        sql.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(generated) = &column.generated {
        sql.push_str(&format!(" GENERATED ALWAYS AS ({generated}) STORED"));
    } else if column.identity.is_some() {
        sql.push_str(" GENERATED BY DEFAULT AS IDENTITY");
        if let Some(sequence) = sequence {
            sql.push_str(&format!(" (SEQUENCE NAME {sequence})"));
        }
    } else if let Some(default) = &column.default {
        sql.push_str(&format!(" DEFAULT {default}"));
    }
    // an identity is NOT NULL by itself
    if column.not_null && column.identity.is_none() {
        sql.push_str(" NOT NULL");
    }
    sql
}

/// Primary keys and UNIQUE constraints, table by table.
#[must_use]
pub fn keys(plan: &Plan) -> Vec<Statement> {
    let all = |table: &'_ TablePlan| -> Vec<(ObjectKind, KeyPlan)> {
        let primary = table.primary_key.iter().map(|key| (ObjectKind::PrimaryKey, key.clone()));
        primary.chain(table.uniques.iter().map(|key| (ObjectKind::Unique, key.clone()))).collect()
    };
    each(plan, all, |table, (kind, key)| {
        let word = if kind == ObjectKind::PrimaryKey { "PRIMARY KEY" } else { "UNIQUE" };
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} {word} ({})",
            qualified(plan, &table.target),
            quote(&key.name),
            names(&key.columns)
        );
        (key.name, kind, sql)
    })
}

/// CREATE INDEX.
#[must_use]
pub fn indexes(plan: &Plan) -> Vec<Statement> {
    each(
        plan,
        |table| table.indexes.iter().collect(),
        |table, index: &IndexPlan| {
            let unique = if index.unique { "UNIQUE " } else { "" };
            let predicate = index.predicate.as_ref().map_or_else(String::new, |sql| format!(" WHERE {sql}"));
            let sql = format!(
                "CREATE {unique}INDEX {} ON {} ({}){predicate}",
                quote(&index.name),
                qualified(plan, &table.target),
                index.terms.join(", ")
            );
            (index.name.clone(), ObjectKind::Index, sql)
        },
    )
}

/// CHECK constraints; those that rows break already are made NOT VALID.
#[must_use]
pub fn checks(plan: &Plan) -> Vec<Statement> {
    each(
        plan,
        |table| table.checks.iter().collect(),
        |table, check| {
            let sql = format!(
                "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({}){}",
                qualified(plan, &table.target),
                quote(&check.name),
                check.expression,
                not_valid(check.not_valid)
            );
            (check.name.clone(), ObjectKind::Check, sql)
        },
    )
}

fn not_valid(not_valid: bool) -> &'static str {
    if not_valid { " NOT VALID" } else { "" }
}

/// Foreign keys; those that are not NOT VALID are checked by being added.
#[must_use]
pub fn foreign_keys(plan: &Plan) -> Vec<Statement> {
    each(
        plan,
        |table| table.foreign_keys.iter().collect(),
        |table, key: &ForeignKeyPlan| {
            let clauses = if key.clauses.is_empty() { String::new() } else { format!(" {}", key.clauses) };
            let sql = format!(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){clauses}{}",
                qualified(plan, &table.target),
                quote(&key.name),
                names(&key.columns),
                qualified(plan, &key.parent),
                names(&key.parent_columns),
                not_valid(key.not_valid)
            );
            (key.name.clone(), ObjectKind::ForeignKey, sql)
        },
    )
}

/// Views, in the plan's order, in which a view comes after those that it reads.
#[must_use]
pub fn views(plan: &Plan) -> Vec<Statement> {
    let view = |view: &crate::port::plan::ViewPlan| Statement {
        object: view.target.clone(),
        kind: ObjectKind::View,
        table: None,
        sql: format!("CREATE VIEW {} ({}) AS\n{}", qualified(plan, &view.target), names(&view.columns), view.query),
    };
    plan.views.iter().map(view).collect()
}

/// What each identity's sequence gives next.
#[must_use]
pub fn identities(plan: &Plan) -> Vec<Statement> {
    let mut out = Vec::new();
    for table in new_tables(plan) {
        for column in &table.columns {
            let Some(identity) = column.identity else { continue };
            let literal = |text: &str| Dialect::Postgres.literal(text);
            let sequence = format!(
                "pg_get_serial_sequence({}, {})",
                literal(&qualified(plan, &table.target)),
                literal(&column.target)
            );
            // a sequence can't stand before its first value: there it is set so that the first is still to come
            let value = match identity.next {
                ..=1 => "1, false".to_owned(),
                // the largest id is taken, or the one before it: there is no next
                i64::MAX => format!("{}, true", i64::MAX),
                next => format!("{}, true", next - 1),
            };
            out.push(Statement {
                object: column.target.clone(),
                kind: ObjectKind::Sequence,
                table: Some(table.target.clone()),
                sql: format!("SELECT setval({sequence}, {value})"),
            });
        }
    }
    out
}

/// Everything that the plan makes, taken away in reverse.
#[must_use]
pub fn drop_all(plan: &Plan) -> Vec<Statement> {
    let mut out = Vec::new();
    for view in plan.views.iter().rev() {
        out.push(Statement {
            object: view.target.clone(),
            kind: ObjectKind::View,
            table: None,
            sql: format!("DROP VIEW {}", qualified(plan, &view.target)),
        });
    }
    // tables may point to each other in a circle, so the keys between them go first
    for mut key in foreign_keys(plan).into_iter().rev() {
        let table = key.table.clone().unwrap_or_default();
        key.sql = format!("ALTER TABLE {} DROP CONSTRAINT {}", qualified(plan, &table), quote(&key.object));
        out.push(key);
    }
    let mut tables = tables(plan);
    tables.reverse();
    // the collation stays: other columns may have it by now
    for mut table in tables.into_iter().filter(|statement| statement.kind == ObjectKind::Table) {
        table.sql = format!("DROP TABLE {}", qualified(plan, &table.object));
        out.push(table);
    }
    out
}

/// The whole schema as one script, foreign keys and views last.
#[must_use]
pub fn script(plan: &Plan) -> String {
    let mut statements = Vec::new();
    if plan.target_schema != "public" && !plan.tables.is_empty() {
        statements.push(format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&plan.target_schema)));
    }
    let phases = [tables, keys, checks, indexes, foreign_keys, views];
    statements.extend(phases.iter().flat_map(|phase| phase(plan)).map(|statement| statement.sql));
    join(&statements)
}

/// The script that takes away what [`script`] makes. A schema stays: others may keep tables in it.
#[must_use]
pub fn down_script(plan: &Plan) -> String {
    join(&drop_all(plan).into_iter().map(|statement| statement.sql).collect::<Vec<_>>())
}

fn join(statements: &[String]) -> String {
    statements.iter().map(|sql| format!("{sql};\n")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "ddl_tests.rs"]
mod tests;
