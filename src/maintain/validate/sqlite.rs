//! SQLite: whether the file is in order, and whether foreign keys hold.

use super::super::MaintainError;
use super::super::ask::{number, option, text};
use super::{Finding, Findings, ValidateOptions};
use crate::Dialect;
use crate::db::{Db, ErrorClass, SqlError};
use crate::schema::{ForeignKey, ParentState, Table};

const INTEGRITY: &str = "integrity";
const FOREIGN_KEYS: &str = "foreign_keys";

pub(super) fn check(db: &mut Db, options: ValidateOptions, found: &mut Findings) -> Result<(), MaintainError> {
    if options.deep {
        found
            .notes
            .push("`--deep` is for PostgreSQL: SQLite's foreign keys are always checked on every row".to_owned());
    }
    integrity(db, options, found)?;
    foreign_keys(db, found)
}

/// <https://www.sqlite.org/pragma.html#pragma_integrity_check>
fn integrity(db: &mut Db, options: ValidateOptions, found: &mut Findings) -> Result<(), MaintainError> {
    let pragma = if options.quick { "quick_check" } else { "integrity_check" };
    let lines = match db.query(&format!("PRAGMA main.{pragma}")) {
        Ok(rows) => rows.iter().map(|row| text(row, 0)).filter(|line| line != "ok").collect(),
        // so damaged that even this can't be read
        Err(error) if is_corrupt(&error) => vec![error.to_string()],
        Err(error) => return Err(MaintainError::sql(format!("run `PRAGMA {pragma}`"))(error)),
    };
    let findings = lines.into_iter().map(|message: String| Finding {
        check: INTEGRITY,
        subject: "main".to_owned(),
        remedy: remedy(&message),
        message,
        rows: None,
    });
    found.checked(INTEGRITY, 1, findings.collect());
    Ok(())
}

fn is_corrupt(error: &SqlError) -> bool {
    matches!(error.code.as_deref(), Some("SQLITE_CORRUPT" | "SQLITE_NOTADB"))
}

fn remedy(message: &str) -> String {
    let index = message.rsplit_once(" index ").map(|(_, name)| name.trim()).filter(|name| !name.is_empty());
    match index {
        Some(index) if message.contains("missing from index") || message.contains("entries in index") => {
            format!("`REINDEX {};`", Dialect::Sqlite.quote_identifier(index))
        }
        _ if message.starts_with("NULL value in") || message.starts_with("CHECK constraint failed in") => {
            "find the rows and mend them, or take the constraint away with a migration".to_owned()
        }
        _ if message.starts_with("non-unique entry in index") => {
            "find the rows that are there twice and mend them, then `REINDEX`".to_owned()
        }
        _ => "stop writing to it; restore a backup, or save what can be read with the SQLite shell's `.recover`"
            .to_owned(),
    }
}

/// Keys that point to no key, whether rows use them or not, and rows that point nowhere, counted by key.
fn foreign_keys(db: &mut Db, found: &mut Findings) -> Result<(), MaintainError> {
    let doing = "read the foreign keys";
    let Db::Sqlite(sqlite) = &*db else { return Ok(()) };
    let schema = match sqlite.lenient_schema() {
        Ok((schema, _)) => schema,
        Err(error) if is_corrupt(&error) => {
            found.notes.push("foreign keys can't be checked in a damaged file".to_owned());
            return Ok(());
        }
        Err(error) => return Err(MaintainError::sql(doing)(error)),
    };
    let mut findings = Vec::new();
    let mut keys = 0;
    let mut tables: Vec<&Table> = schema.tables.iter().filter(|table| !table.foreign_keys.is_empty()).collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    for table in tables {
        keys += table.foreign_keys.len();
        let broken: Vec<Finding> = table.foreign_keys.iter().filter_map(|key| points_to_no_key(table, key)).collect();
        let literal = Dialect::Sqlite.literal(&table.name);
        let asked = format!(
            "SELECT c.parent, c.fkid, count(*), min(c.rowid), (SELECT group_concat(f.\"from\", ', ') \
             FROM pragma_foreign_key_list({literal}, 'main') f WHERE f.id = c.fkid) \
             FROM pragma_foreign_key_check({literal}, 'main') c GROUP BY c.parent, c.fkid ORDER BY c.fkid"
        );
        match db.query(&asked) {
            Ok(rows) => {
                let violated = rows.iter().map(|row| {
                    let (parent, columns, count) = (text(row, 0), text(row, 4), number(row, 2).unwrap_or_default());
                    violated(&table.name, &columns, &parent, count, option(row, 3))
                });
                // of a table that is not there every row would point nowhere
                findings.extend(violated.filter(|row| broken.iter().all(|key| key.subject != row.subject)));
            }
            Err(error) if is_corrupt(&error) => {
                found.notes.push(format!("the foreign keys of `{}` can't be checked: {error}", table.name));
            }
            Err(error) if error.class != ErrorClass::Other && error.class != ErrorClass::Missing => {
                return Err(MaintainError::sql(doing)(error));
            }
            // SQLite stops at the first such key
            Err(_) if !broken.is_empty() => {
                if table.foreign_keys.len() > broken.len() {
                    found.notes.push(format!(
                        "rows of `{}` that point nowhere can't be counted before its other foreign keys are mended",
                        table.name
                    ));
                }
            }
            Err(error) => findings.push(Finding {
                check: FOREIGN_KEYS,
                subject: table.name.clone(),
                message: format!("a foreign key of `{}` can't be checked: {}", table.name, error.message),
                remedy: TO_A_KEY.to_owned(),
                rows: None,
            }),
        }
        findings.extend(broken);
    }
    found.checked(FOREIGN_KEYS, keys, findings);
    Ok(())
}

const TO_A_KEY: &str = "it needs a table of that name with a primary key or unique index on the columns that it points to; or make its own \
     table anew without it";

/// A foreign key without anything to point to: SQLite takes the declaration, and refuses writes where it enforces the key.
fn points_to_no_key(table: &Table, key: &ForeignKey) -> Option<Finding> {
    let parent = &key.parent;
    let named = key.parent_columns.join(", ");
    let why = match key.parent_state {
        ParentState::Ok => return None,
        ParentState::MissingTable => format!("there is no table `{parent}`"),
        ParentState::MissingColumn => format!("`{parent}` has no such key"),
        ParentState::NotUnique => format!("`{named}` of `{parent}` is neither its primary key nor unique"),
    };
    let columns = key.columns.join(", ");
    let remedy = match key.parent_state {
        ParentState::NotUnique => {
            let quoted: Vec<String> =
                key.parent_columns.iter().map(|name| Dialect::Sqlite.quote_identifier(name)).collect();
            let index = Dialect::Sqlite.quote_identifier(&format!("uq_{parent}_{}", key.parent_columns.join("_")));
            let on = Dialect::Sqlite.quote_identifier(parent);
            format!("`CREATE UNIQUE INDEX {index} ON {on} ({});`", quoted.join(", "))
        }
        _ => TO_A_KEY.to_owned(),
    };
    Some(Finding {
        check: FOREIGN_KEYS,
        subject: format!("{}.{columns}", table.name),
        message: format!(
            "the foreign key of `{}` (`{columns}`) to `{parent}` points to no key: {why}; where foreign keys are enforced, \
             writes to `{}` fail",
            table.name, table.name
        ),
        remedy,
        rows: None,
    })
}

fn violated(table: &str, columns: &str, parent: &str, count: u64, rowid: Option<String>) -> Finding {
    let (points, first) = match count {
        1 => ("1 row points".to_owned(), "it is"),
        _ => (format!("{count} rows point"), "the first is"),
    };
    let first = rowid.map(|rowid| format!("; {first} rowid {rowid}")).unwrap_or_default();
    Finding {
        check: FOREIGN_KEYS,
        subject: format!("{table}.{columns}"),
        message: format!("{points} to nothing in `{parent}`{first}"),
        remedy: format!(
            "`PRAGMA foreign_key_check({});` lists them; delete them, set the column to NULL or put the missing rows of \
             `{parent}` back",
            Dialect::Sqlite.quote_identifier(table)
        ),
        rows: Some(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_has_its_remedy() {
        for (message, expected) in [
            ("row 7 missing from index my idx", "`REINDEX \"my idx\";`"),
            ("wrong # of entries in index a", "`REINDEX \"a\";`"),
            ("NULL value in t.a", "find the rows and mend"),
            ("non-unique entry in index a", "there twice"),
            ("Tree 2 page 2 cell 0: invalid page number 9", "restore a backup"),
        ] {
            assert!(remedy(message).contains(expected), "{message}: {}", remedy(message));
        }
    }
}
