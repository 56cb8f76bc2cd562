//! A database for a moment on a server that is there: named, made, dropped.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::{Purpose, ScratchError};
use crate::Dialect;
use crate::config::PostgresTarget;
use crate::db::{BulkDb, SqlError, Statements as _};

/// A database for a moment.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    target: PostgresTarget,
    /// Another database of the same server, from which this one is made and dropped.
    from: PostgresTarget,
    purpose: &'static Purpose,
}

impl Database {
    /// What it will be called and from where it can be made, with a connection to there; nothing is made yet.
    pub fn place(target: &PostgresTarget, purpose: &'static Purpose) -> Result<(Self, BulkDb), ScratchError> {
        let (from, control) = other_database(target)?;
        let name = format!("{}{:08x}", purpose.prefix, RandomState::new().build_hasher().finish() & 0xffff_ffff);
        Ok((Self { target: in_database(target, &name), from, name, purpose }, control))
    }

    /// Makes it, empty, in UTF-8 and with this locale (LC_COLLATE, LC_CTYPE), where that goes with UTF-8.
    pub fn make_empty(&self, control: &mut BulkDb, locale: Option<(&str, &str)>) -> Result<(), ScratchError> {
        let create = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", quoted(&self.name));
        let with = |(collate, ctype): (&str, &str)| {
            let literal = |text| Dialect::Postgres.literal(text);
            format!("{create} LC_COLLATE {} LC_CTYPE {}", literal(collate), literal(ctype))
        };
        let made = control.execute(&locale.map_or_else(|| create.clone(), with)).or_else(|error| {
            match error.code.as_deref() {
                // the locale of the server's templates, or of another provider, does not go with UTF8
                Some("22023" | "42809") => control.execute(&with(("C", "C"))),
                _ => Err(error),
            }
        });
        made.map_err(|error| self.cannot_make(control, error))
    }

    /// Makes it as a copy of the database `template`, into which nobody gets meanwhile.
    pub fn make_from(&self, control: &mut BulkDb, template: &str) -> Result<(), SqlError> {
        control.execute(&format!("CREATE DATABASE {} TEMPLATE {}", quoted(&self.name), quoted(template)))
    }

    /// Why it could not be made.
    pub fn cannot_make(&self, control: &mut BulkDb, error: SqlError) -> ScratchError {
        let Purpose { name, or_own_server, .. } = self.purpose;
        if error.code.as_deref() != Some("42501") {
            return ScratchError::Sql {
                doing: format!("make the database `{}` for the {name}", self.name),
                source: error,
            };
        }
        let asked = control.query("SELECT current_user").unwrap_or_default();
        let role = asked.into_iter().next().and_then(|row| row.into_iter().next()?);
        let role = role.or_else(|| self.target.user.clone()).unwrap_or_default();
        ScratchError::Unfit {
            message: format!("`{role}` may not make a database for the {name}"),
            hint: format!("let a superuser do `ALTER ROLE {} CREATEDB`, or {or_own_server}", quoted(&role)),
        }
    }

    /// What is worked in.
    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// What it is made for.
    pub fn purpose(&self) -> &'static Purpose {
        self.purpose
    }

    /// Whether it is made from that very database, for want of another on the server.
    pub fn is_made_from(&self, target: &PostgresTarget) -> bool {
        self.from.dbname == target.dbname
    }

    /// Databases of earlier runs that nobody uses, since their process was killed: a sentence each.
    pub fn left_behind(&self, control: &mut BulkDb) -> Vec<String> {
        let Purpose { name: purpose, prefix, .. } = self.purpose;
        let found = control.query(&format!(
            "SELECT datname FROM pg_database d WHERE datname ~ '^{prefix}[0-9a-f]{{8}}$' AND \
             pg_has_role(datdba, 'USAGE') AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) \
             ORDER BY 1"
        ));
        let names = found.unwrap_or_default().into_iter().filter_map(|row| row.into_iter().next()?);
        let note = |name: String| {
            let line = drop_line(&self.from, &name);
            format!(
                "`{name}` is there from another {purpose}, and no session is in it; where that one has ended: {line}"
            )
        };
        names.map(note).collect()
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

/// A connection to a database of the same server that is not the target; to the target itself where there is none.
fn other_database(target: &PostgresTarget) -> Result<(PostgresTarget, BulkDb), ScratchError> {
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
