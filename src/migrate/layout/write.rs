//! New migrations in a folder's own layout: which files with which text, their version, and writing them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::LayoutError;
use super::{Layout, names, read_embedded, text};
use crate::Dialect;
use crate::config::Numbering;
use crate::migrate::{Directives, Migration};

/// A migration that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMigration<'a> {
    /// Its version, for instance from [`next_version`].
    pub version: i64,
    /// Its name: letters, digits and underscores.
    pub name: &'a str,
    /// The one dialect it is for; it then goes to that dialect's sub-folder.
    pub dialect: Option<Dialect>,
    /// The up script.
    pub up: &'a str,
    /// The down script, if there is one.
    pub down: Option<&'a str>,
    /// How both are run. [`Directives::foreign_keys_off`] needs no place where it is the layout's default.
    pub directives: Directives,
    /// What the folder's other files look like.
    pub style: Style,
}

/// What a new file takes over from those that are there; the default is that of an empty folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// The digits to which versions are padded with zeros; the layout's own habit where there are no files.
    pub width: Option<usize>,
    /// PostgreSQL's sub-folder is `postgresql/`.
    pub postgresql_folder: bool,
}

/// The version for a new migration beside the `existing` ones: always above the highest.
///
/// Where the highest has more digits than a timestamp (a current Diesel appends four to the seconds), the timestamp
/// gets as many, so that it stays what it is and comes after.
///
/// # Errors
/// The highest is the highest there can be.
pub fn next_version(
    numbering: Numbering,
    existing: impl Iterator<Item = i64>,
    now_utc: jiff::civil::DateTime,
) -> Result<i64, LayoutError> {
    let highest = existing.max();
    let above = highest.unwrap_or(0).max(0).checked_add(1).ok_or(LayoutError::NoVersionLeft)?;
    Ok(match numbering {
        Numbering::Sequence => above,
        Numbering::Timestamp => {
            let stamp = [now_utc.month(), now_utc.day(), now_utc.hour(), now_utc.minute(), now_utc.second()]
                .into_iter()
                .fold(i64::from(now_utc.year()), |stamp, part| stamp * 100 + i64::from(part));
            let digits = highest.and_then(i64::checked_ilog10).unwrap_or(0).clamp(13, 17);
            above.max(stamp * 10_i64.pow(digits - 13))
        }
    })
}

/// The files that hold `new` in `layout` under the folder `dir`, with their texts. Nothing is read or written.
///
/// # Errors
/// A name that no history table takes; a directive or a text that the layout has no place for.
pub fn plan_files(layout: Layout, dir: &Path, new: &NewMigration<'_>) -> Result<Vec<(PathBuf, String)>, LayoutError> {
    if !names::is_word(new.name) || new.name.chars().count() > 255 {
        return Err(LayoutError::Name { name: new.name.to_owned() });
    }
    if let Some((reason, advice)) = missing_place(layout, new) {
        return Err(LayoutError::Inexpressible { layout, reason: reason.to_owned(), advice });
    }
    let planned = files(layout, new);
    check(layout, new, &planned).map_err(|reason| {
        let advice = "leave out the line that means something to that tool";
        LayoutError::Inexpressible { layout, reason, advice }
    })?;
    let folder = match new.dialect {
        None => dir.to_owned(),
        Some(Dialect::Postgres) if new.style.postgresql_folder => dir.join("postgresql"),
        Some(dialect) => dir.join(dialect.folder_names()[0]),
    };
    Ok(planned.into_iter().map(|(path, text)| (folder.join(path), text)).collect())
}

/// Writes `files`, creating folders where they are missing. Nothing is overwritten; where one can't be written, the
/// files and folders made before it are removed again.
///
/// # Errors
/// A file that is there already, or what the operating system refused.
pub fn write_files(files: &[(PathBuf, String)]) -> Result<(), LayoutError> {
    let mut created: Vec<&Path> = Vec::new();
    let mut folders: Vec<&Path> = Vec::new();
    let written = files.iter().try_for_each(|(path, text)| {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => LayoutError::Exists { path: path.clone() },
            _ => LayoutError::Write { path: path.clone(), source },
        };
        if let Some(folder) = path.parent() {
            folders.extend(folder.ancestors().take_while(|folder| !folder.exists()));
            fs::create_dir_all(folder).map_err(|source| LayoutError::Write { path: folder.to_owned(), source })?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        created.push(path);
        file.write_all(text.as_bytes()).map_err(failed)
    });
    if written.is_err() {
        // the first error is the one to tell; a file that can't be removed is named by the next attempt
        created.iter().for_each(|path| drop(fs::remove_file(path)));
        folders.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }
    written
}

/// What of `new` the layout has no place for, and what to do instead.
fn missing_place(layout: Layout, new: &NewMigration<'_>) -> Option<(&'static str, &'static str)> {
    let wanted = &new.directives;
    if new.down.is_some() && !layout.has_downs() {
        return Some(("it has no down scripts", "leave the down script out"));
    }
    if wanted.irreversible.is_some() && new.down.is_some_and(text::has_statement) {
        return Some(("an irreversible migration has no down script", "leave one of them out"));
    }
    if layout == Layout::Liftlock {
        return None;
    }
    if wanted.no_transaction && layout.no_transaction_marker().is_none() {
        return Some((
            "it can't say that a script runs outside a transaction",
            "on PostgreSQL, a statement that can't run in one may stand alone in its script; write it so by hand",
        ));
    }
    if wanted.foreign_keys_off && !layout.foreign_keys_default_off() {
        return Some((
            "it can't say that foreign keys are off",
            "begin the script with `PRAGMA foreign_keys = OFF`, which means the same",
        ));
    }
    if wanted.lock_timeout.is_some() {
        return Some(("it can't say how long to wait for a lock", "set the lock timeout for the run instead"));
    }
    let irreversible =
        ("it can't say that a migration is irreversible", "leave the down script out, and say why in a comment");
    wanted.irreversible.as_ref().map(|_| irreversible)
}

fn files(layout: Layout, new: &NewMigration<'_>) -> Vec<(String, String)> {
    let name = new.name;
    let up = end_line(new.up);
    let down = new.down.map(end_line);
    let no_transaction = new.directives.no_transaction;
    let number = |usual: usize| format!("{:0width$}", new.version, width = new.style.width.unwrap_or(usual));
    let pair = |up_path: String, up: String, down_path: String, down: Option<String>| {
        let mut files = vec![(up_path, up)];
        files.extend(down.map(|down| (down_path, down)));
        files
    };
    match layout {
        Layout::Liftlock => {
            let n = number(1);
            let mut directives = new.directives.clone();
            let up = format!("{}{up}", head_line(&directives));
            directives.irreversible = None;
            let down = down.map(|down| format!("{}{down}", head_line(&directives)));
            pair(format!("V{n}__{name}.sql"), up, format!("V{n}__{name}.down.sql"), down)
        }
        // `migrate create -seq` pads to six digits
        Layout::GolangMigrate => {
            let n = number(6);
            pair(format!("{n}_{name}.up.sql"), up, format!("{n}_{name}.down.sql"), down)
        }
        // `sqlx migrate add --sequential` pads to four
        Layout::Sqlx | Layout::SqlxSimple => {
            let n = number(4);
            let marked = |text: String| if no_transaction { format!("{}\n{text}", super::sqlx::MARKER) } else { text };
            let up_path = match layout {
                Layout::Sqlx => format!("{n}_{name}.up.sql"),
                _ => format!("{n}_{name}.sql"),
            };
            pair(up_path, marked(up), format!("{n}_{name}.down.sql"), down.map(marked))
        }
        Layout::Dbmate => {
            let option = if no_transaction { " transaction:false" } else { "" };
            let down = down.unwrap_or_default();
            let text = format!("-- migrate:up{option}\n{up}\n-- migrate:down{option}\n{down}");
            vec![(format!("{}_{name}.sql", number(14)), text)]
        }
        // `goose create -s` pads to five
        Layout::Goose => {
            let head = if no_transaction { "-- +goose NO TRANSACTION\n" } else { "" };
            let down = down.map_or_else(String::new, |down| format!("\n-- +goose Down\n{}", goose_block(down)));
            let text = format!("{head}-- +goose Up\n{}{down}", goose_block(up));
            vec![(format!("{}_{name}.sql", number(5)), text)]
        }
        Layout::Diesel => {
            let folder = format!("{}_{name}", diesel_version(new.version));
            let mut files = pair(format!("{folder}/up.sql"), up, format!("{folder}/down.sql"), down);
            if no_transaction {
                files.push((format!("{folder}/metadata.toml"), "run_in_transaction = false\n".to_owned()));
            }
            files
        }
        Layout::Flyway => {
            let n = number(1);
            pair(format!("V{n}__{name}.sql"), up, format!("U{n}__{name}.sql"), down)
        }
    }
}

fn end_line(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

fn head_line(directives: &Directives) -> String {
    let words = directives.to_stored();
    if words.is_empty() { words } else { format!("-- liftlock: {words}\n") }
}

/// goose takes a semicolon at a line's end for a statement's end, so a body that has such lines needs its brackets.
fn goose_block(text: String) -> String {
    let lower = text.to_lowercase();
    let has_body = text.contains("$$") || lower.contains("create trigger") || lower.contains("begin atomic");
    if has_body { format!("-- +goose StatementBegin\n{text}-- +goose StatementEnd\n") } else { text }
}

/// A timestamp as Diesel writes it: `2026-11-20-093000`, with four more digits in its newer form.
fn diesel_version(version: i64) -> String {
    let digits = format!("{version:014}");
    match digits.len() {
        14 | 18 => {
            let parts = [&digits[..4], &digits[4..6], &digits[6..8], &digits[8..14], &digits[14..]];
            parts.join("-").trim_end_matches('-').to_owned()
        }
        _ => digits,
    }
}

/// Reads the planned files back: what they say must be what was meant, whatever the texts hold.
fn check(layout: Layout, new: &NewMigration<'_>, planned: &[(String, String)]) -> Result<(), String> {
    let files: Vec<(&str, &str)> = planned.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = read_embedded(&files, new.dialect.unwrap_or(Dialect::Sqlite), Some(layout))
        .map_err(|error| error.to_string())?;
    match folder.migrations.as_slice() {
        [read] if is_meant(read, new) => Ok(()),
        _ => Err("its text would be read as something else".to_owned()),
    }
}

fn is_meant(read: &Migration, new: &NewMigration<'_>) -> bool {
    let down_is_meant = match (&read.down, new.down) {
        (Some(down), Some(meant)) => down.text.contains(meant),
        (down, None) => down.as_ref().is_none_or(|down| !text::has_statement(&down.text)),
        (None, Some(_)) => false,
    };
    let (said, meant) = (&read.up.directives, &new.directives);
    let no_transaction = |script: &crate::migrate::Script| script.directives.no_transaction == meant.no_transaction;
    read.version == new.version
        && read.name == new.name
        && read.up.text.contains(new.up)
        && down_is_meant
        && no_transaction(&read.up)
        && read.down.as_ref().is_none_or(no_transaction)
        && (said.foreign_keys_off || !meant.foreign_keys_off || new.dialect == Some(Dialect::Postgres))
        && said.irreversible == meant.irreversible
        && said.lock_timeout.is_some() == meant.lock_timeout.is_some()
}
