//! A database on the target's server for one rehearsal: made, given what the target's schema holds, dropped.

use std::time::{Duration, Instant};

use super::{Facts, structure};
use crate::Dialect;
use crate::config::PostgresTarget;
use crate::db::scratch::{Database, Purpose};
use crate::db::{BulkDb, DbError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::error::PortError;
use crate::port::report::ExistingSchema;
use crate::port::run::session::refuse_pooler;
use crate::port::run::writable;
use crate::port::target::TargetSchema;

/// A rehearsal, in words.
pub(super) const PURPOSE: Purpose = Purpose {
    name: "rehearsal",
    verb: "rehearse",
    place: "target",
    prefix: "liftlock_rehearsal_",
    with_url: "liftlock port app.db postgres://user@host/db --rehearse",
    or_own_server: "rehearse on a server of its own: leave the target out",
};

/// The most that is copied with its rows: the server lets nobody into the database that it copies meanwhile.
const COPIED_BYTES: u64 = 1 << 30;

/// What there is to know of the target before.
#[derive(Debug)]
pub(super) struct Original {
    name: String,
    collate: String,
    ctype: String,
    bytes: u64,
    holds_something: bool,
    /// Perhaps a run could not write what it has to.
    pub in_doubt: bool,
}

/// Makes it, and in it what the target's schema holds.
pub(super) fn make(
    target: &PostgresTarget,
    original: Option<&Original>,
    facts: &mut Facts,
    interrupt: &Interrupt,
) -> Result<Database, PortError> {
    let (database, mut control) = Database::place(target, &PURPOSE)?;
    facts.notes.extend(database.left_behind(&mut control));
    let cancel = control.canceller();
    let running = interrupt.while_running(cancel);
    let made = fill(&database, target, original, &mut control, facts);
    drop(running);
    let made = if interrupt.is_set() { Err(PortError::Rehearsed(Box::new(PortError::Interrupted))) } else { made };
    match made {
        Ok(()) => Ok(database),
        Err(error) => {
            if let Err((why, line)) = database.drop_it() {
                tracing::warn!("the rehearsal's database is left behind ({why}); this drops it: {line}");
            }
            Err(error)
        }
    }
}

fn fill(
    database: &Database,
    target: &PostgresTarget,
    original: Option<&Original>,
    control: &mut BulkDb,
    facts: &mut Facts,
) -> Result<(), PortError> {
    let locale = original.map(|original| (original.collate.as_str(), original.ctype.as_str()));
    let Some(original) = original.filter(|original| original.holds_something) else {
        return Ok(database.make_empty(control, locale)?);
    };
    let why_not = if database.is_made_from(target) {
        "there is no other database on the server from which it could be copied".to_owned()
    } else if original.bytes > COPIED_BYTES {
        "it is larger than 1 GiB".to_owned()
    } else if is_in_use(control, &original.name) {
        "it has other sessions".to_owned()
    } else {
        match database.make_from(control, &original.name) {
            Ok(()) => {
                facts.existing = ExistingSchema::Copied;
                return Ok(());
            }
            // another session came in between, or the role may not copy it
            Err(error) if matches!(error.code.as_deref(), Some("55006" | "42501")) => error.message.clone(),
            Err(error) => return Err(database.cannot_make(control, error).into()),
        }
    };
    database.make_empty(control, locale)?;
    match structure::copy(target, database.target()) {
        Ok(()) => {
            facts.existing = ExistingSchema::Structure;
            facts.notes.push(format!(
                "`{}` was rehearsed without the rows that it holds, and with all its objects owned by the role that \
                 ports ({why_not})",
                original.name
            ));
        }
        Err(why) => {
            facts.existing = ExistingSchema::NotRehearsed;
            facts.notes.push(format!(
                "what `{}` holds could not be copied for the rehearsal: {why_not}; and its structure: {why}",
                original.name
            ));
        }
    }
    Ok(())
}

/// Looks at the target; `None` where that database does not exist.
pub(super) fn look_at(target: &PostgresTarget, schema: &str, facts: &mut Facts) -> Result<Option<Original>, PortError> {
    let mut db = match BulkDb::connect(target) {
        Ok(db) => db,
        Err(DbError::Connect { source, .. }) if source.code.as_deref() == Some("3D000") => {
            let name = target.dbname.as_deref().unwrap_or_default();
            facts.notes.push(format!("the database `{name}` does not exist yet: make it before the real run"));
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // what a real run would be refused for, the encoding among it, is refused here too
    refuse_pooler(&mut db)?;
    let there = TargetSchema::read(&mut db, schema)?.server;
    let sql = format!(
        "SELECT d.datname, d.datcollate, d.datctype, pg_database_size(d.oid), \
         EXISTS (SELECT FROM pg_extension WHERE extname <> 'plpgsql') \
         OR EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace({schema})) \
         OR EXISTS (SELECT FROM pg_type WHERE typnamespace = to_regnamespace({schema})) \
         OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace({schema})) \
         FROM pg_database d WHERE d.datname = current_database()",
        schema = Dialect::Postgres.literal(&quoted(schema))
    );
    let rows = db.query(&sql).map_err(|error| PortError::target("look at the target", error))?;
    let mut row = rows.into_iter().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    let original = Original {
        name: next(),
        collate: next(),
        ctype: next(),
        bytes: next().parse().unwrap_or(u64::MAX),
        holds_something: next() == "t",
        in_doubt: writable::in_doubt(&there, schema),
    };
    Ok(Some(original))
}

/// Whether others work in that database. Who has just left (as this process has) is given a moment to be gone: the
/// server would wait for that, too, and let nobody in meanwhile.
fn is_in_use(control: &mut BulkDb, name: &str) -> bool {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = {} AND backend_type = 'client backend')",
        Dialect::Postgres.literal(name)
    );
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let asked = control.query(&sql).ok();
        if asked.and_then(|rows| rows.into_iter().next()?.into_iter().next()?).as_deref() == Some("f") {
            return false;
        }
        if Instant::now() > deadline {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn quoted(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}
