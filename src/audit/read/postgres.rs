//! PostgreSQL's schema as the audit sees it (not written yet).

use super::Wanted;
use crate::Dialect;
use crate::audit::schema::{Schema, Version};
use crate::audit::{AuditError, Statistics};
use crate::db::PostgresDb;

pub(super) fn read(db: &mut PostgresDb, wanted: &Wanted) -> Result<(Schema, Statistics), AuditError> {
    let _ = (db, wanted);
    let schema = Schema {
        dialect: Dialect::Postgres,
        version: Version::default(),
        tables: Vec::new(),
        families: Default::default(),
        taken: Default::default(),
    };
    Ok((schema, Statistics::default()))
}
