//! SQLite: whether the file can be read, and how much room is left beside it.

use std::path::Path;

use super::super::ask::number;
use super::super::space;
use super::super::units::bytes;
use super::{HealthCheck, HealthOptions, HealthReport, MaintainError, database_size, latency};
use crate::Dialect;
use crate::config::{SqliteLocation, SqliteTarget, Target};
use crate::db::{Access, Db, DbError, SqlError};
use crate::interrupt::Interrupt;

pub(super) fn probe(target: &SqliteTarget, options: &HealthOptions) -> Result<HealthReport, MaintainError> {
    // elsewhere a missing file is read as empty; here it would be found healthy
    if let SqliteLocation::File(path) = &target.location
        && !path.exists()
    {
        return Err(MaintainError::Db(DbError::Connect {
            target: target.to_string(),
            hint: Some("is the path right?".to_owned()),
            source: SqlError::other("there is no such file"),
        }));
    }
    let mut db = Db::connect(&Target::Sqlite(target.clone()), Access::Read)?;
    if let Db::Sqlite(db) = &mut db {
        db.wait(options.timeout, &Interrupt::default());
    }
    let thresholds = &options.thresholds;
    let mut checks = vec![latency(&mut db, "SELECT count(*) FROM main.sqlite_schema", thresholds.latency)?];
    let asked = "SELECT p.page_count * s.page_size FROM pragma_page_count p, pragma_page_size s";
    let rows = db.query(asked).map_err(MaintainError::sql("read the size"))?;
    checks
        .push(database_size(rows.first().and_then(|row| number(row, 0)).unwrap_or_default(), thresholds.database_size));
    let mut notes = Vec::new();
    let path = match &db {
        Db::Sqlite(db) => db.path().map(Path::to_owned),
        Db::Postgres(_) => None,
    };
    match path.as_deref().map(space::beside) {
        Some(Some(space)) => checks.push(HealthCheck {
            name: "free_space",
            value: space.free as f64,
            threshold: Some(thresholds.free_space as f64),
            unit: "bytes",
            ok: space.free >= thresholds.free_space,
            message: format!("{} of {} of the file system are free", bytes(space.free), bytes(space.total)),
        }),
        Some(None) => notes.push("the file system does not say how much room it has".to_owned()),
        None => {}
    }
    Ok(HealthReport {
        dialect: Dialect::Sqlite,
        healthy: false,
        attempts: 0,
        checks,
        blocked: Vec::new(),
        long_transactions: Vec::new(),
        notes,
    })
}
