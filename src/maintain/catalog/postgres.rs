//! PostgreSQL's objects, from its catalogs: each of one row of JSON.

use serde::de::DeserializeOwned;

use super::Catalog;
use crate::Dialect;
use crate::db::{PostgresDb, SqlError, TextRow};

pub(super) fn read(db: &mut PostgresDb) -> Result<Catalog, SqlError> {
    // one message is one transaction; what the catalog functions print goes by the search path that is set
    let sql = format!(
        "SELECT unnest(current_schemas(false));\n{};\n{};\n{};",
        include_str!("tables.sql"),
        include_str!("views.sql"),
        include_str!("triggers.sql")
    );
    let mut results = db.query_each(&sql)?.into_iter();
    let mut next = || results.next().unwrap_or_default();
    let search_path = next().into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    Ok(Catalog {
        dialect: Dialect::Postgres,
        search_path,
        tables: parse(next())?,
        views: parse(next())?,
        triggers: parse(next())?,
    })
}

fn parse<T: DeserializeOwned>(rows: Vec<TextRow>) -> Result<Vec<T>, SqlError> {
    let texts = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    texts
        .map(|text| {
            serde_json::from_str(&text)
                .map_err(|error| SqlError::other(format!("the catalog's answer makes no sense: {error}")))
        })
        .collect()
}
