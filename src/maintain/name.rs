//! The name by which a person tells one database from another.

use super::MaintainError;
use crate::db::Db;

/// PostgreSQL's own name of the database, or the file's name without its folder.
///
/// # Errors
/// [`MaintainError::Sql`] where the server doesn't answer.
pub fn database_name(db: &mut Db) -> Result<String, MaintainError> {
    match db {
        Db::Sqlite(db) => {
            let name = db.path().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
            Ok(name.unwrap_or_else(|| ":memory:".to_owned()))
        }
        Db::Postgres(_) => {
            let rows =
                db.query("SELECT current_database()").map_err(MaintainError::sql("ask for the database's name"))?;
            Ok(rows.into_iter().flatten().flatten().next().unwrap_or_default())
        }
    }
}
