//! A dump of a PostgreSQL database by `pg_dump`, in the very snapshot in which its rows are counted and summed.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::manifest::{Contents, MadeWith, TableSum, crypt};
use super::workspace::Workspace;
use super::{Backup, Made, sqlite};
use crate::Dialect;
use crate::config::{PostgresTarget, Secret};
use crate::crypt::{CryptError, Decryptor, Encryptor, Key};
use crate::db::{PostgresDb, SqlError, TextRow};
use crate::interrupt::Interrupt;
use crate::maintain::MaintainError;
use crate::maintain::pg_programs::Program;

/// How values become text, the same whatever the database's or the role's settings are.
const SETTINGS: &str = "SET search_path = pg_catalog; SET row_security = off; SET DateStyle = 'ISO, YMD'; \
                        SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3; \
                        SET bytea_output = 'hex'; SET xmloption = content; SET lc_monetary = 'C'; \
                        SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// Where a dump goes.
enum Sink {
    Plain(BufWriter<File>),
    Sealed(Box<Encryptor<BufWriter<File>>>),
}

pub(super) fn dump(
    backup: &Backup<'_>,
    target: &PostgresTarget,
    workspace: &Workspace,
    notes: &mut Vec<String>,
) -> Result<Made, MaintainError> {
    let mut db = PostgresDb::connect(target)?;
    let running = backup.interrupt.while_running(db.canceller());
    let begun = begin(&mut db);
    drop(running);
    let (snapshot, version) = begun.map_err(|error| stopped(error, "begin a snapshot", &backup.interrupt))?;
    let program = Program::find("pg_dump", version.0)?;
    let reader = Program::find("pg_restore", version.0)?;
    let (path, file) = workspace.create("dump")?;
    let cannot_write = |source| MaintainError::File { doing: "write", path: path.clone(), source };
    let file = BufWriter::new(file);
    let mut sink = match &backup.key {
        None => Sink::Plain(file),
        Some(key) => Sink::Sealed(Box::new(Encryptor::new(key, file).map_err(cannot_write)?)),
    };
    let mut command = program.on(target);
    command.args(["--format=custom", "--no-password", &format!("--snapshot={snapshot}")]);
    command.arg(format!("--lock-wait-timeout={}", backup.patience.as_millis().max(1)));
    let secrets: Vec<Secret> = target.password.iter().cloned().collect();
    let mut bytes = 0;
    let mut write = |part: &[u8]| {
        crate::crash::point("backup-step");
        bytes += part.len() as u64;
        (backup.progress.0)(bytes, None);
        match &mut sink {
            Sink::Plain(file) => file.write_all(part),
            Sink::Sealed(encryptor) => encryptor.write_all(part),
        }
        .map_err(cannot_write)
    };
    program.run(command, None, &mut write, &secrets, &backup.interrupt)?;
    match sink {
        Sink::Plain(mut file) => file.flush(),
        Sink::Sealed(encryptor) => encryptor.finish().map(drop),
    }
    .map_err(cannot_write)?;
    crate::crash::point("backup-copied");
    let running = backup.interrupt.while_running(db.canceller());
    let contents = contents(&mut db, version.0, notes);
    drop(running);
    let contents = contents.map_err(|error| stopped(error, "count the rows", &backup.interrupt))?;
    drop(db);
    verify(&reader, &path, backup.key.as_ref(), &backup.interrupt)?;
    let program = format!("pg_dump {}", program.version);
    Ok(Made { path, contents, database_version: version.1, program: Some(program) })
}

fn stopped(error: SqlError, doing: &str, interrupt: &Interrupt) -> MaintainError {
    if interrupt.is_set() { sqlite::interrupted() } else { MaintainError::sql(doing)(error) }
}

/// A snapshot that others can read, too, and the server's version: its number, and as it says it.
fn begin(db: &mut PostgresDb) -> Result<(String, (u32, String)), SqlError> {
    db.execute(SETTINGS)?;
    db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let rows = db.query_each("SELECT pg_export_snapshot(), current_setting('server_version_num'), version()")?;
    let row = rows.into_iter().flatten().next().unwrap_or_default();
    let number: u32 = cell(&row, 1).parse().unwrap_or(0);
    Ok((cell(&row, 0), (number / 10_000, cell(&row, 2))))
}

/// What the dump holds, as the transaction that is open reads it.
fn contents(db: &mut PostgresDb, version: u32, notes: &mut Vec<String>) -> Result<Contents, SqlError> {
    let history = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n \
                   ON n.oid = c.relnamespace WHERE c.relname = 'schema_migrations' AND c.relkind = 'r' \
                   ORDER BY n.nspname <> 'public', 1 LIMIT 1";
    let mut schema_version = None;
    if let Some(table) = first(db.query_each(history)?) {
        // another tool's table of that name may have no such column
        db.execute("SAVEPOINT history")?;
        match db.query_each(&format!("SELECT max(version)::text FROM {table}")) {
            Ok(rows) => schema_version = first(rows),
            Err(error) => tracing::debug!(%error, "schema_migrations"),
        }
        db.execute("ROLLBACK TO SAVEPOINT history")?;
    }
    // the column of ICU's locale has another name since 17, and is missing before 15
    let made_with = db.query_each(
        "SELECT pg_encoding_to_char(encoding), datcollate, datctype, CASE WHEN to_jsonb(d) ->> 'datlocprovider' = 'i' \
         THEN coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') END FROM pg_database d \
         WHERE datname = current_database()",
    )?;
    let made_with = made_with.into_iter().flatten().next().map(|row| MadeWith {
        encoding: cell(&row, 0),
        collate: cell(&row, 1),
        ctype: cell(&row, 2),
        icu_locale: row.get(3).cloned().flatten(),
    });
    let tables = sums(db, version, notes)?;
    Ok(Contents { schema_version, made_with, tables, ..Contents::default() })
}

/// Of every table how many rows, and the sum of a part of their SHA-256, within the transaction that is open.
fn sums(db: &mut PostgresDb, version: u32, notes: &mut Vec<String>) -> Result<Vec<TableSum>, SqlError> {
    let listed = db.query_each(
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
         AND d.deptype = 'e') ORDER BY 1",
    )?;
    let mut sums = Vec::new();
    for name in listed.into_iter().flatten().map(|row| cell(&row, 0)) {
        // the sum of 64 bits of each row's hash, and not a hash of all, for the order of rows is nobody's promise
        let hashes = format!(
            "SELECT count(*), coalesce(sum(('x' || left(encode(sha256(textsend(t::text)), 'hex'), 16))::bit(64)::bigint), 0) \
             FROM ONLY {name} t"
        );
        let mut row = None;
        // sha256() is there since 11 (https://www.postgresql.org/docs/11/release-11.html)
        if version >= 11 {
            db.execute("SAVEPOINT summing")?;
            match db.query_each(&hashes) {
                Ok(rows) => row = rows.into_iter().flatten().next(),
                Err(error) if error.class == crate::db::ErrorClass::Other => {
                    notes.push(format!(
                        "`{name}`: its rows are counted, and their values not summed: {}",
                        error.message
                    ));
                }
                Err(error) => return Err(error),
            }
            db.execute("ROLLBACK TO SAVEPOINT summing")?;
        }
        let row = match row {
            Some(row) => row,
            None => db
                .query_each(&format!("SELECT count(*) FROM ONLY {name}"))?
                .into_iter()
                .flatten()
                .next()
                .unwrap_or_default(),
        };
        let checksum = row.get(1).cloned().flatten();
        sums.push(TableSum { rows: cell(&row, 0).parse().unwrap_or(0), name, checksum });
    }
    Ok(sums)
}

/// What a database holds now.
pub(crate) fn sums_now(db: &mut PostgresDb) -> Result<(Vec<TableSum>, Vec<String>), SqlError> {
    let mut notes = Vec::new();
    db.execute(SETTINGS)?;
    db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let version = first(db.query_each("SHOW server_version_num")?).and_then(|text| text.parse::<u32>().ok());
    let sums = sums(db, version.unwrap_or(0) / 10_000, &mut notes)?;
    db.execute("COMMIT")?;
    Ok((sums, notes))
}

fn cell(row: &TextRow, at: usize) -> String {
    row.get(at).cloned().flatten().unwrap_or_default()
}

pub(crate) fn first(results: Vec<Vec<TextRow>>) -> Option<String> {
    results.into_iter().flatten().next()?.into_iter().next()?
}

/// Reads a dump, decrypted where it is encrypted.
pub(crate) fn reader(path: &Path, key: Option<&Key>) -> Result<Box<dyn Read + Send>, MaintainError> {
    let cannot = |source: io::Error| match CryptError::of(&source) {
        Some(error) => crypt(error, &format!("`{}`", path.display())),
        None => MaintainError::File { doing: "read", path: path.to_owned(), source },
    };
    let file = BufReader::new(File::open(path).map_err(cannot)?);
    Ok(match key {
        None => Box::new(file),
        Some(key) => Box::new(Decryptor::new(key, file).map_err(cannot)?),
    })
}

/// Has `pg_restore` read a dump from first to last, and gives how many entries its list has.
pub(crate) fn verify(
    program: &Program,
    path: &Path,
    key: Option<&Key>,
    interrupt: &Interrupt,
) -> Result<usize, MaintainError> {
    let mut list = Vec::new();
    let mut command = program.command();
    command.arg("--list");
    let mut collect = |part: &[u8]| {
        list.extend_from_slice(part);
        Ok(())
    };
    program.run(command, Some(&mut *reader(path, key)?), &mut collect, &[], interrupt)?;
    let entries = String::from_utf8_lossy(&list).lines().filter(|line| !line.starts_with(';')).count();
    let mut command = program.command();
    // as SQL, to nowhere: each table's data is read and unpacked
    command.args(["--file", "-"]);
    program.run(command, Some(&mut *reader(path, key)?), &mut |_| Ok(()), &[], interrupt)?;
    Ok(entries)
}

/// A database's name as PostgreSQL's programs take it, where they would read a name such as `host=x` as more than that.
pub(crate) fn connection_string(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

pub(crate) fn quoted(name: &str) -> String {
    Dialect::Postgres.quote_identifier(name)
}
