//! A database on the target's server for one rehearsal: made, given what the target's schema holds, dropped.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use super::{Facts, structure};
use crate::Dialect;
use crate::config::PostgresTarget;
use crate::db::{BulkDb, DbError, SqlError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::error::PortError;
use crate::port::report::ExistingSchema;
use crate::port::run::session::refuse_pooler;
use crate::port::target::TargetSchema;

/// What the name begins with; eight hexadecimal digits follow.
const PREFIX: &str = "liftlock_rehearsal_";

/// The most that is copied with its rows: the server lets nobody into the database that it copies meanwhile.
const COPIED_BYTES: u64 = 1 << 30;

/// A database for one rehearsal.
#[derive(Debug)]
pub(super) struct Database {
    name: String,
    target: PostgresTarget,
    /// Another database of the same server, from which this one is made and dropped.
    from: PostgresTarget,
}

/// What there is to know of the target before.
#[derive(Debug)]
struct Original {
    name: String,
    collate: String,
    ctype: String,
    bytes: u64,
    holds_something: bool,
}

impl Database {
    /// Makes it.
    pub fn make(target: &PostgresTarget, schema: &str, interrupt: &Interrupt) -> Result<(Self, Facts), PortError> {
        let mut facts = Facts::default();
        let original = look_at(target, schema, &mut facts)?;
        let (from, mut control) = other_database(target)?;
        facts.notes.extend(left_behind(&mut control, &from));
        let name = format!("{PREFIX}{:08x}", RandomState::new().build_hasher().finish() & 0xffff_ffff);
        let database = Self { target: in_database(target, &name), from, name };
        let cancel = control.canceller();
        let running = interrupt.while_running(cancel);
        let made = database.fill(target, original.as_ref(), &mut control, &mut facts);
        drop(running);
        let made = if interrupt.is_set() { Err(PortError::Rehearsed(Box::new(PortError::Interrupted))) } else { made };
        match made {
            Ok(()) => Ok((database, facts)),
            Err(error) => {
                if let Err((why, line)) = database.drop_it() {
                    tracing::warn!("the rehearsal's database is left behind ({why}); this drops it: {line}");
                }
                Err(error)
            }
        }
    }

    /// Makes it, and in it what the target's schema holds.
    fn fill(
        &self,
        target: &PostgresTarget,
        original: Option<&Original>,
        control: &mut BulkDb,
        facts: &mut Facts,
    ) -> Result<(), PortError> {
        let Some(original) = original.filter(|original| original.holds_something) else {
            return self.make_empty(original, control);
        };
        let why_not = if self.from.dbname == target.dbname {
            "there is no other database on the server from which it could be copied".to_owned()
        } else if original.bytes > COPIED_BYTES {
            "it is larger than 1 GiB".to_owned()
        } else if is_in_use(control, &original.name) {
            "it has other sessions".to_owned()
        } else {
            let template = quoted(&original.name);
            match control.execute(&format!("CREATE DATABASE {} TEMPLATE {template}", quoted(&self.name))) {
                Ok(()) => {
                    facts.existing = ExistingSchema::Copied;
                    return Ok(());
                }
                // another session came in between, or the role may not copy it
                Err(error) if matches!(error.code.as_deref(), Some("55006" | "42501")) => error.message.clone(),
                Err(error) => return Err(self.cannot_make(error)),
            }
        };
        self.make_empty(Some(original), control)?;
        match structure::copy(target, &self.target) {
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

    fn make_empty(&self, original: Option<&Original>, control: &mut BulkDb) -> Result<(), PortError> {
        let create = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", quoted(&self.name));
        let with = |collate: &str, ctype: &str| {
            let literal = |text| Dialect::Postgres.literal(text);
            format!("{create} LC_COLLATE {} LC_CTYPE {}", literal(collate), literal(ctype))
        };
        let first = original.map_or_else(|| create.clone(), |original| with(&original.collate, &original.ctype));
        let made = control.execute(&first).or_else(|error| match error.code.as_deref() {
            // the locale of the server's templates, or of another provider, does not go with UTF8
            Some("22023" | "42809") => control.execute(&with("C", "C")),
            _ => Err(error),
        });
        made.map_err(|error| self.cannot_make(error))
    }

    fn cannot_make(&self, error: SqlError) -> PortError {
        if error.code.as_deref() != Some("42501") {
            return PortError::target(format!("make the database `{}` for the rehearsal", self.name), error);
        }
        let role = self.target.user.as_deref().unwrap_or("the role");
        PortError::Unfit {
            message: format!("`{role}` may not make a database for the rehearsal"),
            hint: format!(
                "let a superuser do `ALTER ROLE {} CREATEDB`, or rehearse on a server of its own: leave the target out",
                quoted(role)
            ),
        }
    }

    /// What is ported into.
    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// Drops it; where that fails, why, and the line that does it.
    pub fn drop_it(self) -> Result<(), (String, String)> {
        let dropped = BulkDb::connect(&self.from).map_err(|error| error_text(&error)).and_then(|mut control| {
            let sql = format!("DROP DATABASE IF EXISTS {}", quoted(&self.name));
            // by itself it ends a worker of autovacuum, which who is no superuser may not do by force
            let dropped = control.execute(&sql).or_else(|error| match error.code.as_deref() {
                Some("55006") if version(&mut control) >= 130_000 => control.execute(&format!("{sql} WITH (FORCE)")),
                _ => Err(error),
            });
            dropped.map_err(|error| error.to_string())
        });
        dropped.map_err(|why| (why, drop_line(&self.from, &self.name)))
    }
}

fn drop_line(from: &PostgresTarget, name: &str) -> String {
    format!("psql '{from}' -c 'DROP DATABASE {name}'")
}

/// Looks at the target; `None` where that database does not exist.
fn look_at(target: &PostgresTarget, schema: &str, facts: &mut Facts) -> Result<Option<Original>, PortError> {
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
         OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace({schema})), \
         has_database_privilege(d.oid, 'CREATE') \
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
    };
    let may_make_schemas = next() == "t";
    facts.unfit = match (there.schema_exists, there.may_create, may_make_schemas) {
        (true, false, _) => Some((
            format!("`{}` may not make tables in the schema `{schema}` of `{}`", there.role, original.name),
            format!("let its owner do `GRANT CREATE ON SCHEMA {} TO {}`", quoted(schema), quoted(&there.role)),
        )),
        (false, _, false) => Some((
            format!("`{}` may not make the schema `{schema}` in `{}`", there.role, original.name),
            format!(
                "let its owner do `GRANT CREATE ON DATABASE {} TO {}`",
                quoted(&original.name),
                quoted(&there.role)
            ),
        )),
        _ => None,
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

/// A connection to a database of the same server that is not the target; to the target itself where there is none.
fn other_database(target: &PostgresTarget) -> Result<(PostgresTarget, BulkDb), PortError> {
    for name in ["postgres", "template1"] {
        let other = in_database(target, name);
        if other.dbname == target.dbname {
            continue;
        }
        match BulkDb::connect(&other) {
            Ok(db) => return Ok((other, db)),
            Err(error) => tracing::debug!(%error, "connect to `{name}`"),
        }
    }
    Ok((target.clone(), BulkDb::connect(target)?))
}

/// Databases of earlier rehearsals that nobody uses: their process was killed.
fn left_behind(control: &mut BulkDb, from: &PostgresTarget) -> Vec<String> {
    let found = control.query(&format!(
        "SELECT datname FROM pg_database d WHERE datname ~ '^{PREFIX}[0-9a-f]{{8}}$' AND \
         pg_has_role(datdba, 'USAGE') AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1"
    ));
    let names = found.unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next()?);
    let note = |name: String| {
        let line = drop_line(from, &name);
        format!("`{name}` is there from another rehearsal, and no session is in it; where that one has ended: {line}")
    };
    names.map(note).collect()
}

fn in_database(target: &PostgresTarget, name: &str) -> PostgresTarget {
    PostgresTarget { dbname: Some(name.to_owned()), ..target.clone() }
}

fn version(db: &mut BulkDb) -> u32 {
    let asked = db.query("SHOW server_version_num").ok();
    asked.and_then(|rows| rows.first()?.first()?.as_deref()?.parse().ok()).unwrap_or(0)
}

fn quoted(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}

/// An error with what caused it.
fn error_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
