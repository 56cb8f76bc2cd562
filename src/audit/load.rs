//! A schema's file, loaded into a database that is made for it, read, and taken away.

use std::path::{Path, PathBuf};

use super::read::{Wanted, read};
use super::{AuditError, Schema, Statistics};
use crate::Dialect;
use crate::config::{PostgresTarget, SqliteLocation, SqliteTarget, Target};
use crate::db::scratch::{Purpose, Scratch};
use crate::db::{Access, Db, ErrorClass, SqlError};
use crate::interrupt::Interrupt;
use crate::source_text::{excerpt, position};
use crate::sql::{Cursor, Statement, split};

/// Where a schema's file is loaded.
#[derive(Debug, Clone)]
pub enum Place {
    /// Into a SQLite database in memory.
    Sqlite,
    /// Into a PostgreSQL database that is made on this server, and dropped.
    Server(Box<PostgresTarget>),
    /// Into a PostgreSQL server of its own, in a temporary folder (on Unix, with PostgreSQL's programs installed).
    PrivateServer,
}

/// A schema's file.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// Its path, for messages.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
}

/// What was read of a schema's file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The schema.
    pub schema: Schema,
    /// What is known of rows that the file put in.
    pub statistics: Statistics,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
}

/// An audit of a schema's file, in words.
const PURPOSE: Purpose = Purpose {
    name: "audit",
    verb: "audit",
    place: "server",
    prefix: "liftlock_audit_",
    with_url: "liftlock audit --schema schema.sql -d postgres://user@host/db",
    or_own_server: "audit on a server of its own: `--private-server`",
};

impl SchemaFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`AuditError::File`].
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |source| AuditError::File { path: path.display().to_string(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        // https://www.sqlite.org/fileformat2.html: every database begins with this; a small one may well be valid UTF-8
        if bytes.starts_with(b"SQLite format 3\0") {
            return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is a SQLite database")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| failed(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no text in UTF-8")))?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Loads it into a database made at `place`, and reads its schema there. The database is gone afterwards, whatever
    /// happens.
    ///
    /// Statements about owners, privileges and comments are passed over, and so are rows of `COPY … FROM stdin`: they
    /// change nothing in an audit, and the roles that they name are seldom there.
    ///
    /// `tell` is told where that is, once the place is there.
    ///
    /// # Errors
    /// [`AuditError::Scratch`] where there is no such place, [`AuditError::Syntax`] and [`AuditError::Load`] with the
    /// line of a statement that is wrong, and whatever [`read`] fails with.
    pub fn load(
        &self,
        place: &Place,
        wanted: &Wanted,
        interrupt: &Interrupt,
        tell: &dyn Fn(&str),
    ) -> Result<Loaded, AuditError> {
        let mut notes = Vec::new();
        let mut scratch = match place {
            Place::Sqlite => None,
            Place::Server(target) => {
                let (scratch, left_behind) = Scratch::on_server(target, &PURPOSE, interrupt)?;
                notes.extend(left_behind);
                Some(scratch)
            }
            Place::PrivateServer => Some(Scratch::in_private_cluster(&PURPOSE, interrupt)?),
        };
        let target = match &scratch {
            None => Target::Sqlite(SqliteTarget { location: SqliteLocation::Memory, read_only: false, create: true }),
            Some(scratch) => Target::Postgres(scratch.target().clone()),
        };
        tell(&match place {
            Place::Sqlite => "SQLite, in memory".to_owned(),
            Place::PrivateServer => "a private PostgreSQL server".to_owned(),
            Place::Server(server) => {
                let name = scratch.as_ref().and_then(|scratch| scratch.target().dbname.as_deref());
                format!("the database `{}` beside `{server}`, which is dropped afterwards", name.unwrap_or_default())
            }
        });
        let read = self.load_and_read(&target, wanted, interrupt);
        if let Some(Err((why, line))) = scratch.as_mut().map(Scratch::remove) {
            notes.push(format!("the database made for the audit is left behind ({why}); this takes it away: {line}"));
        }
        let (schema, statistics) = match read {
            Err(_) if interrupt.is_set() => return Err(AuditError::Interrupted),
            read => read?,
        };
        Ok(Loaded { schema, statistics, notes })
    }

    fn load_and_read(
        &self,
        target: &Target,
        wanted: &Wanted,
        interrupt: &Interrupt,
    ) -> Result<(Schema, Statistics), AuditError> {
        let mut db = Db::connect(target, Access::Write)?;
        let running = interrupt.while_running(db.canceller());
        self.run(&mut db, interrupt)?;
        drop(running);
        if target.dialect() == Dialect::Postgres {
            // what the file has set for its session (`search_path`, a role) is not for the reader
            drop(db);
            db = Db::connect(target, Access::Read)?;
        } else {
            db.roll_back();
        }
        let _running = interrupt.while_running(db.canceller());
        read(&mut db, wanted)
    }

    /// Runs its statements, one by one.
    fn run(&self, db: &mut Db, interrupt: &Interrupt) -> Result<(), AuditError> {
        let dialect = db.dialect();
        // what an editor put in front is no part of the first statement; every offset stays
        let text = self.text.replacen('\u{feff}', "   ", usize::from(self.text.starts_with('\u{feff}')));
        let text = text.as_str();
        let statements = split(dialect, text).map_err(|source| AuditError::Syntax {
            path: self.path.display().to_string(),
            position: position(text, source.offset()),
            excerpt: excerpt(text, source.offset(), 1),
            source,
        })?;
        if dialect == Dialect::Postgres {
            // nobody needs what is made to outlive a crash of the server
            db.execute("SET synchronous_commit = off")
                .map_err(|source| AuditError::Read { what: "the database made for the audit".to_owned(), source })?;
        }
        for statement in statements.iter().filter(|statement| !is_beside_the_point(dialect, statement)) {
            if interrupt.is_set() {
                return Err(AuditError::Interrupted);
            }
            db.execute(statement.text).map_err(|source| self.refused(dialect, text, statement, source))?;
        }
        Ok(())
    }

    fn refused(&self, dialect: Dialect, text: &str, statement: &Statement<'_>, source: SqlError) -> AuditError {
        let offset = statement.start + source.position.filter(|&at| at <= statement.text.len()).unwrap_or(0);
        let hint = match (dialect, source.class) {
            (_, ErrorClass::ConnectionLost) => Some("the server ended the session; its log says why".to_owned()),
            (Dialect::Sqlite, _) => Some(
                "it was loaded into SQLite; where it is a schema of PostgreSQL's, give a server's URL (`-d`), or \
                 `--private-server`"
                    .to_owned(),
            ),
            (Dialect::Postgres, _) => Some(
                "it was loaded into an empty database of PostgreSQL's: the file has to make all that it uses"
                    .to_owned(),
            ),
        };
        AuditError::Load {
            path: self.path.display().to_string(),
            position: position(text, offset),
            excerpt: excerpt(text, offset, 1),
            source,
            hint,
        }
    }
}

/// Whether an audit does without the statement: it is about owners, privileges, comments or rows; or it is a line of
/// SQLite's own shell for a table that only SQLite makes.
fn is_beside_the_point(dialect: Dialect, statement: &Statement<'_>) -> bool {
    if statement.copy_data.is_some() {
        return true;
    }
    let mut cursor = Cursor::new(dialect, statement.text);
    match dialect {
        Dialect::Sqlite => {
            // `.schema` lists `sqlite_sequence` and `sqlite_stat1` like others
            cursor.eat_all(&["create", "table"]) && {
                cursor.eat_all(&["if", "not", "exists"]);
                cursor.name().is_some_and(|name| name.name.to_ascii_lowercase().starts_with("sqlite_"))
            }
        }
        Dialect::Postgres => {
            if cursor.eat("grant") || cursor.eat("revoke") || cursor.eat_all(&["comment", "on"]) {
                return true;
            }
            if !cursor.eat("alter") {
                return false;
            }
            if cursor.eat_all(&["default", "privileges"]) {
                return true;
            }
            while cursor.peek().is_some() {
                if cursor.eat_all(&["owner", "to"]) {
                    return cursor.identifier().is_some() && cursor.peek().is_none();
                }
                cursor.take();
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(dialect: Dialect, sql: &str) -> Vec<bool> {
        split(dialect, sql).expect("SQL").iter().map(|statement| is_beside_the_point(dialect, statement)).collect()
    }

    #[test]
    fn owners_privileges_comments_and_rows_are_passed_over() {
        let sql = "CREATE TABLE a (id int); ALTER TABLE public.a OWNER TO app; GRANT SELECT ON a TO reader;\n\
                   COMMENT ON TABLE a IS 'x'; ALTER TABLE a ADD owner text, ADD too text;\n\
                   ALTER FUNCTION f(int, text) OWNER TO \"The App\"; REVOKE ALL ON a FROM b;\n\
                   ALTER DEFAULT PRIVILEGES IN SCHEMA x GRANT ALL ON TABLES TO y;\n\
                   COPY a FROM stdin;\n1\n\\.\nCREATE INDEX i ON a (id);";
        assert_eq!(beside(Dialect::Postgres, sql), [false, true, true, true, false, true, true, true, true, false]);
    }

    #[test]
    fn tables_of_sqlites_own_are_passed_over() {
        let sql = "CREATE TABLE sqlite_sequence(name,seq); CREATE TABLE IF NOT EXISTS 'sqlite_stat1'(tbl,idx,stat);\n\
                   CREATE TABLE sqlite (id); CREATE INDEX sqlite_ ON sqlite (id);";
        assert_eq!(beside(Dialect::Sqlite, sql), [true, true, false, false]);
    }
}
