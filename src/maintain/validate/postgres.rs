//! PostgreSQL: constraints, indexes that can't be used, sequences behind their columns.

use super::super::MaintainError;
use super::super::ask::{apart, flag, number, text};
use super::{Finding, Findings, ValidateOptions, constraints, sequences};
use crate::Dialect;
use crate::db::PostgresDb;

const INDEXES: &str = "indexes";

/// Each question is a short transaction of its own: a long one would keep VACUUM from its work.
pub(super) fn check(db: &mut PostgresDb, options: ValidateOptions, found: &mut Findings) -> Result<(), MaintainError> {
    if options.quick {
        found.notes.push("`--quick` is for SQLite; PostgreSQL's rows are read with `--deep` alone".to_owned());
    }
    let version = apart(db, "SELECT current_setting('server_version_num')")
        .map_err(MaintainError::sql("read the server's version"))?;
    let server = version.first().and_then(|row| number(row, 0)).unwrap_or_default();
    constraints::check(db, server, options, found)?;
    indexes(db, found)?;
    sequences::check(db, found)
}

fn indexes(db: &mut PostgresDb, found: &mut Findings) -> Result<(), MaintainError> {
    let listed = apart(db, include_str!("indexes.sql")).map_err(MaintainError::sql("read the indexes"))?;
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let mut findings = Vec::new();
    for row in listed.iter().filter(|row| !flag(row, 3)) {
        let (schema, name) = (text(row, 0), text(row, 1));
        let subject = format!("{}.{}", quote(&schema), quote(&name));
        if flag(row, 4) {
            found.notes.push(format!("{subject} is being built now"));
            continue;
        }
        // what REINDEX CONCURRENTLY leaves behind when it fails; the index it was for is still there
        let left_over = ["_ccnew", "_ccold"].iter().any(|part| {
            let end = name.rsplit_once(part).map(|(_, end)| end);
            end.is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_digit()))
        });
        let drop = format!("`DROP INDEX CONCURRENTLY {subject};`");
        let remedy = match (left_over, flag(row, 5)) {
            (true, _) => drop,
            (false, true) => format!(
                "mend the rows of {} that are there twice, if there are any; then `REINDEX INDEX CONCURRENTLY {subject};`",
                text(row, 2)
            ),
            (false, false) => format!("`REINDEX INDEX CONCURRENTLY {subject};`, or {drop}"),
        };
        let message = format!("the index on {} can't be used, but is written to: its building failed", text(row, 2));
        findings.push(Finding { check: INDEXES, subject, message, remedy, rows: None });
    }
    found.checked(INDEXES, listed.len(), findings);
    Ok(())
}
