//! PostgreSQL: VACUUM (ANALYZE) of tables that need it, REINDEX of indexes that can't be used, VACUUM FULL if asked for.

use super::super::ask::{apart, flag, number, text};
use super::super::units::bytes;
use super::{MaintainError, Measured, OptimizeOptions, OptimizeStep, StepResult};
use crate::Dialect;
use crate::db::PostgresDb;
use crate::words::counted;

pub(super) fn plan(
    db: &mut PostgresDb,
    options: &OptimizeOptions,
) -> Result<(Vec<OptimizeStep>, Vec<String>), MaintainError> {
    if options.vacuum_into.is_some() {
        return Err(MaintainError::Refused {
            message: "`--vacuum-into` is for SQLite".to_owned(),
            hint: "`pg_dump` makes a compact copy of a PostgreSQL database".to_owned(),
        });
    }
    let version = apart(db, "SELECT current_setting('server_version_num')")
        .map_err(MaintainError::sql("read the server's version"))?;
    let server: u32 = version.first().and_then(|row| number(row, 0)).unwrap_or_default();
    let maintain = if server >= 170_000 { "has_table_privilege(c.oid, 'MAINTAIN')" } else { "false" };
    let asked = include_str!("postgres.sql").replace(":maintain", maintain);
    let tables = apart(db, &asked).map_err(MaintainError::sql("read the tables"))?;
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let (mut steps, mut denied) = (Vec::new(), Vec::new());
    for row in &tables {
        let name = format!("{}.{}", quote(&text(row, 0)), quote(&text(row, 1)));
        let (dead, changed): (u64, u64) = (number(row, 3).unwrap_or(0), number(row, 4).unwrap_or(0));
        let mut why = Vec::new();
        if dead > 0 {
            why.push(counted(dead, "dead row"));
        }
        if flag(row, 5) {
            why.push("it was never analysed".to_owned());
        } else if changed > 0 {
            why.push(format!("{} changed since it was analysed", counted(changed, "row")));
        }
        if options.full {
            let bytes = bytes(number(row, 7).unwrap_or_default());
            why.push(format!("`--full`: {bytes} are written anew, and as much has to be free meanwhile"));
        }
        if why.is_empty() {
            continue;
        }
        if !flag(row, 6) {
            denied.push(name);
            continue;
        }
        // without TRUNCATE nobody is kept out, not even for the moment in which empty pages are cut off
        let (sql, locks) = match options.full {
            true => (
                format!("VACUUM (FULL, ANALYZE) {name}"),
                Some("nobody else may read or write the table while it runs (ACCESS EXCLUSIVE)".to_owned()),
            ),
            false => (format!("VACUUM (ANALYZE, TRUNCATE FALSE) {name}"), None),
        };
        steps.push(step(sql, name, why.join("; "), locks));
    }
    let mut notes = Vec::new();
    if !denied.is_empty() {
        notes.push(format!("not this role's to vacuum, for it doesn't own them: {}", denied.join(", ")));
    }
    let indexes = apart(db, include_str!("../validate/indexes.sql")).map_err(MaintainError::sql("read the indexes"))?;
    for row in indexes.iter().filter(|row| !flag(row, 3) && !flag(row, 4)) {
        let name = format!("{}.{}", quote(&text(row, 0)), quote(&text(row, 1)));
        if text(row, 1).contains("_ccnew") || text(row, 1).contains("_ccold") {
            notes.push(format!("{name} is what a failed REINDEX left: `DROP INDEX CONCURRENTLY {name};`"));
            continue;
        }
        let sql = format!("REINDEX INDEX CONCURRENTLY {name}");
        steps.push(step(sql, name, "the index can't be used: its building failed".to_owned(), None));
    }
    Ok((steps, notes))
}

fn step(sql: String, subject: String, why: String, locks: Option<String>) -> OptimizeStep {
    let measured = Measured::Relation(subject.clone());
    let result = StepResult::Planned;
    OptimizeStep { sql, subject, why, locks, result, error: None, before: None, after: None, measured }
}
