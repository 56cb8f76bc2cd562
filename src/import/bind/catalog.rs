//! The tables of a target, whichever database, as far as a mapping is concerned with them.

use super::kind::{Kind, SqliteKind};
use super::postgres::PgKind;
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _};
use crate::import::ImportError;
use crate::port::target::{ConstraintKind, TargetSchema};
use crate::schema::{Column, Table};

/// A table.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct TargetTable {
    pub name: String,
    pub columns: Vec<TargetColumn>,
    pub primary_key: Vec<String>,
    /// Columns that no two rows have the same values in, the primary key's among them.
    pub uniques: Vec<Vec<String>>,
}

/// A column.
#[derive(Debug, Clone)]
pub(in crate::import) struct TargetColumn {
    pub name: String,
    pub type_name: String,
    /// `None` where there is no way from JSON into it.
    pub kind: Option<Kind>,
    pub not_null: bool,
    pub default: Option<String>,
    /// The database computes it.
    pub generated: bool,
    /// The database gives it a number of its own where a row has none.
    pub numbered: bool,
}

impl TargetTable {
    /// The tables of a SQLite database.
    pub fn of_sqlite(db: &SqliteDb) -> Result<Vec<Self>, ImportError> {
        sqlite(db)
    }

    /// A table of a SQLite database.
    pub fn of_sqlite_table(table: &Table) -> Self {
        of_sqlite(table)
    }

    /// The tables of the schema that the session works in.
    pub fn of_postgres(db: &mut BulkDb) -> Result<Vec<Self>, ImportError> {
        postgres(db)
    }
}

fn sqlite(db: &SqliteDb) -> Result<Vec<TargetTable>, ImportError> {
    let read = |source| ImportError::Sql { doing: "read the database's schema".to_owned(), source };
    let (schema, _) = db.lenient_schema().map_err(read)?;
    Ok(schema.tables.iter().map(of_sqlite).collect())
}

fn of_sqlite(table: &Table) -> TargetTable {
    let names = |columns: &[crate::schema::KeyColumn]| columns.iter().map(|column| column.name.clone()).collect();
    let alias = table.rowid_alias();
    let columns = table
        .columns
        .iter()
        .map(|column| TargetColumn {
            name: column.name.clone(),
            type_name: if column.declared.is_empty() { "of no type".to_owned() } else { column.declared.clone() },
            kind: Some(Kind::Sqlite(sqlite_kind(table, column))),
            not_null: column.not_null || alias == Some(column.name.as_str()),
            default: column.default.clone(),
            generated: column.generated.is_some(),
            numbered: alias == Some(column.name.as_str()),
        })
        .collect();
    let primary_key: Vec<String> = table.primary_key.as_ref().map(|key| names(&key.columns)).unwrap_or_default();
    let mut uniques: Vec<Vec<String>> = table.uniques.iter().map(|unique| names(&unique.columns)).collect();
    for index in table.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
        let of = index.terms.iter().map(|term| match &term.what {
            crate::schema::Indexed::Column(name) => Some(name.clone()),
            crate::schema::Indexed::Expression(_) => None,
        });
        uniques.extend(of.collect::<Option<Vec<String>>>());
    }
    uniques.extend((!primary_key.is_empty()).then(|| primary_key.clone()));
    TargetTable { name: table.name.clone(), columns, primary_key, uniques }
}

/// What a column takes. A STRICT table has no types for booleans and JSON; there a check says it.
fn sqlite_kind(table: &Table, column: &Column) -> SqliteKind {
    let kind = SqliteKind::of(column);
    let name = column.name.to_ascii_lowercase();
    let says = |wanted: &[String]| {
        let plain = |check: &crate::schema::Check| {
            let kept = check.expression.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '`' | '[' | ']'));
            kept.collect::<String>().to_ascii_lowercase()
        };
        table.checks.iter().any(|check| wanted.contains(&plain(check)))
    };
    match kind {
        SqliteKind::Integer if table.strict && says(&[format!("{name}in(0,1)"), format!("{name}in(1,0)")]) => {
            SqliteKind::Bool
        }
        SqliteKind::Text if table.strict && says(&[format!("json_valid({name})")]) => SqliteKind::Json { text: true },
        _ => kind,
    }
}

fn postgres(db: &mut BulkDb) -> Result<Vec<TargetTable>, ImportError> {
    let failed = |source: SqlError| ImportError::Sql { doing: "read the database's schema".to_owned(), source };
    let schema = db.query("SELECT current_schema()").map_err(failed)?;
    let schema = schema.into_iter().flatten().flatten().next().unwrap_or_else(|| "public".to_owned());
    let target = TargetSchema::read(db, &schema).map_err(|error| {
        let source = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
        failed(SqlError::other(format!("{error}{source}")))
    })?;
    let mut tables = Vec::new();
    for table in &target.tables {
        let of = |kind: ConstraintKind| {
            let own = target.constraints.iter().filter(move |constraint| constraint.kind == kind);
            own.filter(|constraint| constraint.table == table.name && constraint.schema == schema)
                .map(|constraint| constraint.columns.clone())
        };
        let primary_key = of(ConstraintKind::PrimaryKey).next().unwrap_or_default();
        let mut uniques: Vec<Vec<String>> = of(ConstraintKind::Unique).collect();
        uniques.extend((!primary_key.is_empty()).then(|| primary_key.clone()));
        let columns = table.columns.iter().map(|column| TargetColumn {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            kind: column
                .pg_type
                .as_ref()
                .filter(|_| column.fraction_digits.is_none())
                .and_then(PgKind::new)
                .map(|kind| Kind::Postgres(Box::new(kind))),
            not_null: column.not_null,
            default: column.default.clone(),
            generated: column.generated.is_some(),
            numbered: column.identity.is_some()
                || column.default.as_ref().is_some_and(|default| default.starts_with("nextval(")),
        });
        tables.push(TargetTable { name: table.name.clone(), columns: columns.collect(), primary_key, uniques });
    }
    let indexes = db.query(UNIQUE_INDEXES).map_err(failed)?;
    for row in indexes {
        let [Some(table), Some(columns)] = row.as_slice() else { continue };
        let Ok(columns) = serde_json::from_str::<Vec<String>>(columns) else { continue };
        if let Some(table) = tables.iter_mut().find(|known| known.name == *table) {
            table.uniques.push(columns);
        }
    }
    Ok(tables)
}

/// Unique indexes over columns alone, without a condition.
const UNIQUE_INDEXES: &str = "SELECT c.relname, to_json(ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid \
     AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]))) \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL";
