//! Tests: each layout as its own tool would leave it, everything that can be wrong with a folder, and new files.
#![allow(clippy::unwrap_used)]

mod dialects;
mod layouts;
mod problems;
mod writing;

use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

/// `text` with the temporary folder's path left out.
fn bare(text: &str, dir: &TempDir) -> String {
    text.replace(&format!("{}/", dir.path().display()), "").replace(&dir.path().display().to_string(), "DIR")
}

/// The folder as one line a script, or its error and hint.
fn shown(files: &[(&str, &str)], dialect: Dialect, layout: Option<Layout>) -> String {
    let dir = folder(files);
    let read = read_folder(dir.path(), dialect, layout);
    let embedded = read_embedded(files, dialect, layout);
    match (&read, &embedded) {
        (Ok(read), Ok(embedded)) => assert_eq!(read.layout, embedded.layout),
        (Err(read), Err(embedded)) => assert_eq!(bare(&read.to_string(), &dir), embedded.to_string()),
        both => panic!("disk and memory differ: {both:?}"),
    }
    let text = match read {
        Err(error) => format!("{error}\nhint: {}", error.hint().unwrap_or_default()),
        Ok(folder) => {
            let mut out = format!("{}\n", folder.layout);
            for migration in &folder.migrations {
                let place = migration.dialect.map_or(String::new(), |dialect| format!(" ({dialect})"));
                out.push_str(&format!("{migration}{place}\n"));
                for (arrow, script) in
                    [("up", Some(&migration.up)), ("down", migration.down.as_ref())].map(|(a, s)| (a, s))
                {
                    let Some(script) = script else { continue };
                    let said = script.directives.to_stored();
                    out.push_str(&format!(
                        "  {arrow} {}:{} {:?} [{said}]\n",
                        script.path, script.first_line, script.text
                    ));
                }
            }
            for (version, name, dialect) in &folder.other_dialect_only {
                out.push_str(&format!("only {dialect}: {version} {name}\n"));
            }
            for path in &folder.empty_downs {
                out.push_str(&format!("empty: {path}\n"));
            }
            out
        }
    };
    bare(&text, &dir)
}

/// [`shown`] for SQLite, in the layout that the files show.
fn read_as_found(files: &[(&str, &str)]) -> String {
    shown(files, Dialect::Sqlite, None)
}
