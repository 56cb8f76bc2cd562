//! Changes of the bookkeeping alone (`mark`, `repair`): planned as data, then made in one transaction under the lock.

use super::history::State;
use super::history::write::Writer;
use super::run::{self, RunLock};
use super::{MigrateError, Options};
use crate::db::Db;

/// A change of the bookkeeping.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Adjustment {
    /// What changes, a line each.
    pub changes: Vec<String>,
    /// What a person should see before it does: differences between texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// The SQL, in order; one transaction.
    pub sql: Vec<String>,
}

impl Adjustment {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }
}

pub(super) fn writer(state: &State, options: &Options) -> Writer {
    Writer { tables: state.tables.clone(), who: options.who.clone() }
}

/// Makes the change that `make` plans of the state under the lock.
pub(super) fn apply(
    db: &mut Db,
    options: &Options,
    make: &mut dyn FnMut(&mut Db, &State) -> Result<Adjustment, MigrateError>,
) -> Result<Adjustment, MigrateError> {
    run::refuse_open_transaction(db)?;
    let _work = options.interrupt.work();
    let state = State::read(db)?;
    let planned = make(db, &state)?;
    if planned.is_empty() {
        return Ok(planned);
    }
    let Some(lock) = RunLock::acquire(db, &state, options, &mut |_| Ok(true))? else { return Ok(planned) };
    let result = (|| {
        let state = State::read(db)?;
        let adjustment = make(db, &state)?;
        let mut sql = vec!["BEGIN".to_owned()];
        sql.extend(run::tables_sql(db, &state)?);
        sql.extend(adjustment.sql.iter().cloned());
        sql.push("COMMIT".to_owned());
        db.execute(&(sql.join(";\n") + ";")).map_err(|source| {
            db.roll_back();
            MigrateError::Bookkeeping { doing: "change `schema_migrations`", source }
        })?;
        Ok(adjustment)
    })();
    lock.release(db);
    result
}
