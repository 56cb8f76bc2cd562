//! SQLite: ANALYZE where the planner knows nothing, `PRAGMA optimize` else, and VACUUM where that is asked for.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::ask::{number, rows};
use super::super::space;
use super::super::units::bytes;
use super::{MaintainError, Measured, OptimizeOptions, OptimizeStep, StepResult};
use crate::Dialect;
use crate::db::{Db, OwnFiles, SqlError};
use crate::words::counted;

pub(super) fn plan(db: &mut Db, options: &OptimizeOptions) -> Result<(Vec<OptimizeStep>, Vec<String>), MaintainError> {
    let page = one(db, "PRAGMA main.page_size")?;
    let pages = one(db, "PRAGMA main.page_count")?;
    let free = one(db, "PRAGMA main.freelist_count")?;
    let content = (pages - free.min(pages)) * page;
    let (tables, analysed) = (tables(db)?, analysed(db).unwrap_or_default());
    let mut steps = Vec::new();
    let mut notes = Vec::new();
    let locks = "writers wait while it runs";
    let step = |sql: &str, why: String, locks: &str, measured: Measured| OptimizeStep {
        sql: sql.to_owned(),
        subject: "main".to_owned(),
        why,
        locks: Some(locks.to_owned()),
        result: StepResult::Planned,
        error: None,
        before: None,
        after: None,
        measured,
    };
    if tables > analysed {
        let why = format!("{} of {} without statistics", tables - analysed, counted(tables, "table"));
        steps.push(step("ANALYZE main", why, locks, Measured::File));
    } else if tables > 0 {
        // https://www.sqlite.org/lang_analyze.html#pragopt
        let why = "tables that have grown or shrunk much since are analysed again".to_owned();
        steps.push(step("PRAGMA main.optimize(0x10002)", why, locks, Measured::File));
    }
    if options.full {
        let path = file(db);
        // https://www.sqlite.org/lang_vacuum.html: a copy in a temporary file, then all of it through the journal
        if let Some(path) = &path {
            refuse_without_room(path, content.saturating_mul(2), "VACUUM")?;
        }
        let why = format!("{free} of {pages} pages ({}) hold nothing", bytes(free * page));
        steps.push(step(
            "VACUUM main",
            why,
            "nobody else may write, or in the end read, while it runs",
            Measured::File,
        ));
    } else if free > 0 {
        notes.push(format!(
            "{free} of {pages} pages ({}) hold nothing: `--full` gives them back, and nobody else may write \
             meanwhile; without it they are used again",
            bytes(free * page)
        ));
    }
    if let Some(path) = &options.vacuum_into {
        if let Some(database) = file(db) {
            OwnFiles::of_file(&database).check(path)?;
        }
        if path.exists() {
            return Err(MaintainError::Refused {
                message: format!("`{}` is there already", path.display()),
                hint: "`--vacuum-into` takes the name of a file that is not there yet".to_owned(),
            });
        }
        refuse_without_room(path, content, "the copy")?;
        let sql = format!("VACUUM main INTO {}", Dialect::Sqlite.literal(&path.display().to_string()));
        let why = "a compact copy, of one moment".to_owned();
        let mut step = step(&sql, why, "in WAL mode nobody; else writers wait", Measured::Copy(path.clone()));
        step.subject = path.display().to_string();
        steps.push(step);
    }
    Ok((steps, notes))
}

fn refuse_without_room(path: &Path, needed: u64, what: &str) -> Result<(), MaintainError> {
    match space::beside(path) {
        Some(space) if space.free < needed => Err(MaintainError::Refused {
            message: format!(
                "{what} needs up to {} beside `{}`, and {} are free",
                bytes(needed),
                path.display(),
                bytes(space.free)
            ),
            hint: "make room, or have a compact copy made on another disk with `--vacuum-into FILE`".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The compact copy, under its name once all of it is on disk. What a killed one leaves has `.part` at its end.
pub(super) fn copy(db: &mut Db, path: &Path) -> Result<(), SqlError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let failed = |what: &str, error: &std::io::Error| SqlError::other(format!("{what} `{}`: {error}", part.display()));
    match fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("cannot remove", &error)),
        _ => {}
    }
    let Some(literal) = part.to_str().map(|part| Dialect::Sqlite.literal(part)) else {
        return Err(SqlError::other(format!("`{}` is no UTF-8", part.display())));
    };
    let made = db.execute(&format!("VACUUM main INTO {literal}")).and_then(|()| {
        let sync = fs::File::open(&part).and_then(|file| file.sync_all());
        sync.map_err(|error| failed("cannot write", &error))?;
        // a link fails where the name was taken meanwhile; a rename would take it away
        fs::hard_link(&part, path).map_err(|error| failed("cannot give its name to", &error))
    });
    if let Err(error) = fs::remove_file(&part) {
        tracing::debug!(%error, "remove the part");
    }
    made
}

/// Tables with rows.
fn tables(db: &mut Db) -> Result<u64, MaintainError> {
    let listed = rows(
        db,
        "list the tables",
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let mut tables = 0;
    for row in &listed {
        let name = row.first().cloned().flatten().unwrap_or_default();
        let asked = format!("SELECT 1 FROM main.{} LIMIT 1", Dialect::Sqlite.quote_identifier(&name));
        tables += rows(db, "look for rows", &asked)?.len() as u64;
    }
    Ok(tables)
}

/// Tables with statistics; `None` where that can't be read.
pub(super) fn analysed(db: &mut Db) -> Option<u64> {
    if db.query("SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'").ok()?.is_empty() {
        return Some(0);
    }
    let asked = "SELECT count(DISTINCT s.tbl) FROM main.sqlite_stat1 s JOIN pragma_table_list l ON l.name = s.tbl \
                 WHERE l.schema = 'main' AND l.type = 'table'";
    number(db.query(asked).ok()?.first()?, 0)
}

fn file(db: &Db) -> Option<PathBuf> {
    match db {
        Db::Sqlite(db) => db.path().map(Path::to_owned),
        Db::Postgres(_) => None,
    }
}

fn one(db: &mut Db, sql: &str) -> Result<u64, MaintainError> {
    let found = rows(db, "read the sizes", sql)?.first().and_then(|row| number(row, 0));
    found.ok_or_else(|| MaintainError::sql("read the sizes")(SqlError::other(format!("`{sql}` gives no number"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_it_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("app.db");
        assert!(refuse_without_room(&path, 1, "VACUUM").is_ok());
        let refused = refuse_without_room(&path, u64::MAX, "VACUUM").expect_err("no disk is as large");
        assert!(refused.to_string().contains("VACUUM needs up to"), "{refused}");
    }
}
