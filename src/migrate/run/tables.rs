//! Making the bookkeeping tables what they have to be, before the first step.

use super::patience::{pause, sleep};
use crate::db::{Db, ErrorClass};
use crate::migrate::history::{self, Standing, State};
use crate::migrate::{Event, MigrateError, Options};

/// The SQL that makes what is missing; `columns` are those that refinery's table has already.
pub(super) fn missing_tables(state: &State, columns: &[String]) -> Vec<String> {
    match state.standing {
        Standing::Ours { extended: true, progress: true, log: true } => Vec::new(),
        Standing::Ours { extended: false, .. } => vec![state.tables.create(), state.tables.extend(columns)],
        _ => vec![state.tables.create()],
    }
}

/// The SQL that makes the tables that are missing, and gives refinery's the columns it lacks.
pub(crate) fn tables_sql(db: &mut Db, state: &State) -> Result<Vec<String>, MigrateError> {
    let columns = match state.standing {
        Standing::Ours { extended: false, .. } => history::column_names(db, &state.tables)?,
        // it is renamed first
        Standing::HomeMade { .. } => return Ok(Vec::new()),
        _ => Vec::new(),
    };
    Ok(missing_tables(state, &columns))
}

/// Makes the tables what they have to be, in one transaction; as patient, and as careful not to stand in a queue, as a
/// migration.
pub(super) fn ensure_tables(db: &mut Db, state: &State, options: &Options) -> Result<(), MigrateError> {
    let sql = tables_sql(db, state)?;
    if sql.is_empty() {
        return Ok(());
    }
    let begin = match db {
        Db::Sqlite(sqlite) => {
            sqlite.wait(options.lock_timeout, &options.interrupt);
            "BEGIN IMMEDIATE".to_owned()
        }
        Db::Postgres(_) => format!("BEGIN;\nSET LOCAL lock_timeout = {}", options.lock_timeout.as_millis()),
    };
    let message = format!("{begin};\n{}\nCOMMIT;", sql.join("\n"));
    let of = options.lock_retries.saturating_add(1);
    let mut attempt = 1;
    loop {
        let Err(source) = db.execute(&message) else { return Ok(()) };
        db.roll_back();
        if source.class != ErrorClass::LockTimeout || attempt >= of {
            return Err(MigrateError::Bookkeeping { doing: "create `schema_migrations`", source });
        }
        let pause = pause(attempt);
        options.tell(&Event::TablesLocked { attempt: (attempt, of), pause });
        sleep(pause, &options.interrupt);
        if options.interrupt.is_set() {
            return Err(MigrateError::Interrupted { during: None });
        }
        attempt += 1;
    }
}
