//! Reading: catalogs → [`Schema`] and [`Statistics`], in a handful of set-wise queries.

mod postgres;
mod sqlite;

use super::AuditError;
use super::schema::Schema;
use super::statistics::Statistics;
use crate::db::Db;

/// What is asked of a database.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The statistics that rules need: without, they are left empty and nothing is asked for them.
    pub statistics: bool,
    /// How often indexes were used (PostgreSQL): the rule `unused-index` alone asks. Only with `statistics`.
    pub uses: bool,
    /// The schemas that are read (PostgreSQL); empty for all but the system's.
    pub schemas: Vec<String>,
}

/// The schema of `db`, all of it of one moment, and what is known of its rows.
///
/// # Errors
/// [`AuditError::Read`] where the catalog can't be read, [`AuditError::Answer`] where its answer makes no sense.
pub fn read(db: &mut Db, wanted: &Wanted) -> Result<(Schema, Statistics), AuditError> {
    match db {
        Db::Sqlite(db) => sqlite::read(db, wanted),
        Db::Postgres(db) => postgres::read(db, wanted),
    }
}
