//! Databases of a server around a restore: the one that is made for it, who is in another, and the exchange of names.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::Checked;
use crate::Dialect;
use crate::config::PostgresTarget;
use crate::db::{PostgresDb, SqlError};
use crate::maintain::MaintainError;
use crate::maintain::backup::MadeWith;
use crate::maintain::backup::postgres::{first, quoted};

const PREFIX: &str = "liftlock_restore_";
/// Marks a database as one that a restore works in, for as long as it does; by the advisory lock of the session.
const LOCK_CLASS: i32 = 0x6c66_7265;

/// A database that is made for a restore.
pub(super) struct Place {
    /// A session in another database, in which names are changed.
    pub control: PostgresDb,
    name: String,
    target: PostgresTarget,
}

impl Place {
    /// Makes it, with the encoding and the locale that the manifest names.
    pub fn make(
        mut control: PostgresDb,
        target: &PostgresTarget,
        checked: &Checked,
        notes: &mut Vec<String>,
    ) -> Result<Self, MaintainError> {
        remove_leftovers(&mut control, notes);
        let number = RandomState::new().build_hasher().finish() & 0xffff_ffff;
        let name = format!("{PREFIX}{number:08x}");
        let asking = MaintainError::sql("make a database to restore into");
        control.execute(&lock_sql("pg_advisory_lock", &name)).map_err(MaintainError::sql("mark the database"))?;
        let with = checked.contents.as_ref().and_then(|contents| contents.made_with.as_ref());
        let sql =
            format!("CREATE DATABASE {} TEMPLATE template0{}", quoted(&name), with.map_or_else(String::new, options));
        control.execute(&sql).map_err(|error| {
            let hint = match error.code.as_deref() {
                Some("42501") => "let a superuser do `ALTER ROLE … CREATEDB` for this role",
                Some("22023" | "42704") => {
                    "this system has not the locale of the backup's: install it, or restore elsewhere"
                }
                _ => return asking(error),
            };
            MaintainError::Refused {
                message: format!("cannot make a database to restore into: {error}"),
                hint: hint.to_owned(),
            }
        })?;
        crate::crash::point("restore-place-made");
        let target = PostgresTarget { dbname: Some(name.clone()), ..target.clone() };
        Ok(Self { control, name, target })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn target(&self) -> &PostgresTarget {
        &self.target
    }

    /// Drops it, where it did not become what it was made for.
    pub fn remove(&mut self) {
        if let Err(error) = self.control.execute(&format!("DROP DATABASE IF EXISTS {}", quoted(&self.name))) {
            tracing::warn!(%error, "the database `{}` can't be dropped; drop it by hand", self.name);
        }
    }
}

fn lock_sql(function: &str, name: &str) -> String {
    let number = i32::from_str_radix(&name[PREFIX.len() + 1..], 16).unwrap_or(0);
    format!("SELECT pg_catalog.{function}({LOCK_CLASS}, {number})")
}

fn options(with: &MadeWith) -> String {
    let literal = |text: &str| Dialect::Postgres.literal(text);
    let mut options = format!(
        " ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        literal(&with.encoding),
        literal(&with.collate),
        literal(&with.ctype)
    );
    if let Some(locale) = &with.icu_locale {
        options.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(locale)));
    }
    options
}

/// Databases of restores that were killed: their session's lock is gone with it, and nobody is in them.
fn remove_leftovers(control: &mut PostgresDb, notes: &mut Vec<String>) {
    let listed = control.query_each(&format!(
        "SELECT datname FROM pg_database d WHERE datname ~ '^{PREFIX}[0-9a-f]{{8}}$' AND pg_has_role(datdba, 'USAGE') \
         AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)"
    ));
    for name in listed.unwrap_or_default().into_iter().flatten().filter_map(|row| row.into_iter().next()?) {
        let free = control.query_each(&lock_sql("pg_try_advisory_lock", &name)).ok().and_then(first);
        if free.as_deref() != Some("t") {
            continue;
        }
        match control.execute(&format!("DROP DATABASE {}", quoted(&name))) {
            Ok(()) => notes.push(format!("the database `{name}`, which a killed restore had left, is dropped")),
            Err(error) => notes.push(format!("the database `{name}` is left from a killed restore: {}", error.message)),
        }
        drop(control.execute(&lock_sql("pg_advisory_unlock", &name)));
    }
}

pub(super) fn exists(control: &mut PostgresDb, name: &str) -> Result<bool, SqlError> {
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = {}", Dialect::Postgres.literal(name));
    Ok(first(control.query_each(&sql)?).is_some())
}

/// Whether a database holds nothing but what every new one does.
pub(super) fn is_empty(target: &PostgresTarget, name: &str) -> Result<bool, MaintainError> {
    let mut db = PostgresDb::connect(&PostgresTarget { dbname: Some(name.to_owned()), ..target.clone() })?;
    let own = |catalog: &str, namespace: &str| {
        format!(
            "SELECT 1 FROM {catalog} o JOIN pg_namespace n ON n.oid = o.{namespace} WHERE n.nspname !~ '^pg_' AND \
             n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = o.oid AND d.deptype = 'e')"
        )
    };
    let sql = format!(
        "SELECT 1 WHERE EXISTS ({}) OR EXISTS ({}) OR EXISTS ({}) OR EXISTS (SELECT FROM pg_namespace WHERE nspname !~ \
         '^pg_' AND nspname NOT IN ('information_schema', 'public')) OR EXISTS (SELECT FROM pg_largeobject_metadata)",
        own("pg_class", "relnamespace"),
        own("pg_proc", "pronamespace"),
        own("pg_type", "typnamespace"),
    );
    let found = db.query_each(&sql).map_err(MaintainError::sql("look whether the database is empty"))?;
    Ok(first(found).is_none())
}

/// Refuses where somebody is in a database: it can't be renamed then.
pub(super) fn sessions(control: &mut PostgresDb, name: &str) -> Result<(), MaintainError> {
    let sql = format!(
        "SELECT format('pid %s (%s, user %s), %s', pid, coalesce(nullif(application_name, ''), 'no application name'), \
         usename, coalesce(state, 'no state')) FROM pg_stat_activity WHERE datname = {} AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend' ORDER BY backend_start",
        Dialect::Postgres.literal(name)
    );
    // a session of ours that has just been closed may be there for a moment
    for attempt in 0.. {
        let found = control.query_each(&sql).map_err(MaintainError::sql("ask who is in the database"))?;
        let who: Vec<String> = found.into_iter().flatten().filter_map(|row| row.into_iter().next()?).collect();
        if who.is_empty() {
            break;
        }
        if attempt == 20 {
            return Err(connected(name, &who));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Ok(())
}

fn connected(name: &str, who: &[String]) -> MaintainError {
    MaintainError::Refused {
        message: format!("others are connected to `{name}`, which can't be renamed then: {}", who.join("; ")),
        hint: "stop what uses it, or restore into another database with `--into`; nothing was changed".to_owned(),
    }
}

/// Gives the place its name, and the database that has it now another, at once. Its owner, its settings and its grants
/// go over: a dump has none of them.
pub(super) fn swap(
    place: &mut Place,
    name: &str,
    kept: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<(), MaintainError> {
    if kept.is_some() {
        sessions(&mut place.control, name)?;
        take_over(place, name, notes)?;
    }
    let mut sql = "BEGIN;\n".to_owned();
    if let Some(kept) = kept {
        sql.push_str(&format!("ALTER DATABASE {} RENAME TO {};\n", quoted(name), quoted(kept)));
    }
    sql.push_str(&format!("ALTER DATABASE {} RENAME TO {};\nCOMMIT", quoted(&place.name), quoted(name)));
    place.control.execute(&sql).map_err(|error| {
        drop(place.control.execute("ROLLBACK"));
        match error.code.as_deref() {
            // somebody has connected just now
            Some("55006") => connected(name, &[error.detail.clone().unwrap_or_else(|| error.message.clone())]),
            _ => MaintainError::Sql { doing: format!("give the restored database the name `{name}`"), source: error },
        }
    })
}

fn take_over(place: &mut Place, name: &str, notes: &mut Vec<String>) -> Result<(), MaintainError> {
    let (new, literal) = (quoted(&place.name), Dialect::Postgres.literal(name));
    let asking = || MaintainError::sql("read the database's settings");
    let settings = format!(
        "SELECT r.rolname, split_part(c, '=', 1), substr(c, strpos(c, '=') + 1) FROM pg_database d JOIN \
         pg_db_role_setting s ON s.setdatabase = d.oid LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c \
         WHERE d.datname = {literal}"
    );
    let grants = format!(
        "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(g.rolname) END, a.privilege_type, a.is_grantable \
         FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE d.datname = {literal}"
    );
    let facts = format!(
        "SELECT pg_get_userbyid(datdba), datacl IS NOT NULL, datconnlimit FROM pg_database WHERE datname = {literal}"
    );
    let control = &mut place.control;
    let facts = control.query_each(&facts).map_err(asking())?.into_iter().flatten().next().unwrap_or_default();
    let cell = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let mut steps = Vec::new();
    for row in control.query_each(&settings).map_err(asking())?.into_iter().flatten() {
        let whose = match row.first().cloned().flatten() {
            Some(role) => format!("ROLE {} IN DATABASE {new}", quoted(&role)),
            None => format!("DATABASE {new}"),
        };
        let (setting, value) = (cell(&row, 1), Dialect::Postgres.literal(&cell(&row, 2)));
        // a list such as search_path would become one name if it were written as a literal
        let quoted_name = setting.split('.').map(quoted).collect::<Vec<_>>().join(".");
        steps.push(format!(
            "BEGIN; SELECT set_config({}, {value}, true); ALTER {whose} SET {quoted_name} FROM CURRENT; COMMIT",
            Dialect::Postgres.literal(&setting)
        ));
    }
    if cell(&facts, 1) == "t" {
        steps.push(format!("REVOKE ALL ON DATABASE {new} FROM PUBLIC"));
        for row in control.query_each(&grants).map_err(asking())?.into_iter().flatten() {
            let option = if cell(&row, 2) == "t" { " WITH GRANT OPTION" } else { "" };
            steps.push(format!("GRANT {} ON DATABASE {new} TO {}{option}", cell(&row, 1), cell(&row, 0)));
        }
    }
    if !matches!(cell(&facts, 2).as_str(), "" | "-1") {
        steps.push(format!("ALTER DATABASE {new} CONNECTION LIMIT {}", cell(&facts, 2)));
    }
    // the owner last: after it, what else there is might be refused
    steps.push(format!("ALTER DATABASE {new} OWNER TO {}", quoted(&cell(&facts, 0))));
    for step in steps {
        if let Err(error) = control.execute(&step) {
            drop(control.execute("ROLLBACK"));
            notes.push(format!(
                "the old database had what the new one could not be given: `{}` failed ({})",
                step.replace(&new, &quoted(name)),
                error.message
            ));
        }
    }
    Ok(())
}

/// Drops an empty database that was renamed.
pub(super) fn drop_database(place: &mut Place, name: &str, notes: &mut Vec<String>) {
    if let Err(error) = place.control.execute(&format!("DROP DATABASE {}", quoted(name))) {
        notes.push(format!(
            "the database that was there, and empty, is `{name}` now, and can't be dropped: {}",
            error.message
        ));
    }
}
