//! Migrations folders as they stand: which tool's layout one is, what is in it, and new migrations in the same layout.
//!
//! # Dialects
//! In every layout a file in the folder itself serves every dialect; one in `sqlite/`, `postgres/` or `postgresql/`
//! serves that one and takes the place of the shared file of the same version, under the same name. An up script
//! that takes the shared one's place needs its down script beside it: the shared down script was written for another
//! up script and is never paired with it silently. A down script alone may take the shared one's place. A folder of
//! one dialect is a plain folder when it is itself the one that is read.
//!
//! Everything in the folder is read and checked, whichever dialect is asked for: a folder either reads or it doesn't.

mod assemble;
mod dbmate;
mod diesel;
mod error;
mod flyway;
mod golang_migrate;
mod goose;
mod liftlock;
mod names;
mod next;
mod piece;
mod scan;
mod source;
mod sqlx;
mod text;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use super::Migration;
use crate::Dialect;

pub use crate::config::Numbering;
pub use error::{LayoutError, Problem};
pub use next::{Next, next};
pub use write::{NewMigration, Style, next_version, plan_files, write_files};

/// How a tool lays its migrations out in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Ours, which is refinery's with downs beside it: `V1__name.sql`, `V1__name.down.sql`.
    Liftlock,
    /// golang-migrate: `1_name.up.sql`, `1_name.down.sql`.
    GolangMigrate,
    /// sqlx, reversible: the same names as golang-migrate's; `1_name.sql` may stand among them.
    Sqlx,
    /// sqlx, simple: `1_name.sql`.
    SqlxSimple,
    /// dbmate: `1_name.sql` with `-- migrate:up` and `-- migrate:down` sections.
    Dbmate,
    /// goose: `1_name.sql` with `-- +goose Up` and `-- +goose Down` sections.
    Goose,
    /// Diesel: `2024-01-01-000000_name/up.sql`, `down.sql` and perhaps `metadata.toml`.
    Diesel,
    /// Flyway with whole-number versions: `V1__any name.sql`, `U1__any name.sql`.
    Flyway,
}

impl Layout {
    /// Every layout there is.
    pub const ALL: [Self; 8] = [
        Self::Liftlock,
        Self::GolangMigrate,
        Self::Sqlx,
        Self::SqlxSimple,
        Self::Dbmate,
        Self::Goose,
        Self::Diesel,
        Self::Flyway,
    ];

    /// The name that `--layout` takes and messages show.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Liftlock => "liftlock",
            Self::GolangMigrate => "golang-migrate",
            Self::Sqlx => "sqlx",
            Self::SqlxSimple => "sqlx-simple",
            Self::Dbmate => "dbmate",
            Self::Goose => "goose",
            Self::Diesel => "diesel",
            Self::Flyway => "flyway",
        }
    }

    /// The layout of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// Whether the layout has a place for down scripts.
    #[must_use]
    pub fn has_downs(self) -> bool {
        self != Self::SqlxSimple
    }

    /// Whether the layout's own tool runs SQLite with foreign keys not enforced, unless it is configured otherwise.
    ///
    /// - sqlx turns them on itself (`SqliteConnectOptions::foreign_keys`: "By default, this is enabled").
    /// - golang-migrate (`database/sqlite3`) and dbmate open SQLite with mattn/go-sqlite3, which enforces them only
    ///   with the build tag `sqlite_foreign_keys` (`sqlite3_opt_foreign_keys.go`) or `_foreign_keys` in the URL; goose
    ///   and golang-migrate's `sqlite` use modernc.org/sqlite, which needs `_pragma=foreign_keys(1)`.
    /// - Flyway uses xerial's sqlite-jdbc, which needs `SQLiteConfig.enforceForeignKeys`.
    /// - Diesel sets nothing, so SQLite's own default holds (off, <https://www.sqlite.org/foreignkeys.html>, section 2).
    ///   A diesel_cli with its bundled SQLite has them on (libsqlite3-sys's `build.rs`); off is what its other builds
    ///   do, and what loses no rows when a table is rebuilt.
    #[must_use]
    pub fn foreign_keys_default_off(self) -> bool {
        match self {
            Self::Liftlock | Self::Sqlx | Self::SqlxSimple => false,
            Self::GolangMigrate | Self::Dbmate | Self::Goose | Self::Diesel | Self::Flyway => true,
        }
    }

    /// How a script says in this layout that it mustn't run in a transaction; `None` where it can't.
    #[must_use]
    pub fn no_transaction_marker(self) -> Option<&'static str> {
        match self {
            Self::Liftlock => Some("`-- liftlock: no-transaction` in the comments before the first statement"),
            Self::Sqlx | Self::SqlxSimple => Some("`-- no-transaction` as the file's very first characters"),
            Self::Dbmate => Some("`transaction:false` after `-- migrate:up` or `-- migrate:down`"),
            Self::Goose => Some("`-- +goose NO TRANSACTION`"),
            Self::Diesel => Some("`run_in_transaction = false` in the migration's `metadata.toml`"),
            Self::GolangMigrate | Self::Flyway => None,
        }
    }

    /// Whether the layout's own tool runs a script that is one statement alone outside a transaction block, so that
    /// a lone `CREATE INDEX CONCURRENTLY` works there without a marker.
    ///
    /// - golang-migrate sends a PostgreSQL script as one simple query (`runStatement` in `database/postgres`), which
    ///   the server runs in an implicit transaction block only if it is several statements; on SQLite it wraps each
    ///   script in a transaction (`executeQuery` in `database/sqlite3`).
    /// - Flyway finds out by itself that a statement can't run in a transaction, and refuses mixtures (`mixed`).
    #[must_use]
    pub fn lone_statement_runs_outside_transaction(self, dialect: Dialect) -> bool {
        matches!((self, dialect), (Self::GolangMigrate, Dialect::Postgres) | (Self::Flyway, _))
    }

    /// How the layout names its files, for messages.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::Liftlock => {
                "`V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`"
            }
            Self::GolangMigrate => "`<version>_<name>.up.sql` and `<version>_<name>.down.sql`",
            Self::Sqlx => "`<version>_<name>.up.sql`, `<version>_<name>.down.sql` and `<version>_<name>.sql`",
            Self::SqlxSimple | Self::Dbmate | Self::Goose => "`<version>_<name>.sql`",
            Self::Diesel => "`<version>_<name>/up.sql` and `<version>_<name>/down.sql`",
            Self::Flyway => "`V<version>__<name>.sql` and `U<version>__<name>.sql`",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A migrations folder as it was read for one dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The layout that was found or given; [`Layout::Liftlock`] for an empty folder.
    pub layout: Layout,
    /// The folder as it was given; empty for embedded files.
    pub dir: PathBuf,
    /// The migrations for the dialect, by version.
    pub migrations: Vec<Migration>,
    /// Versions that exist for another dialect alone, with their name and that dialect: nothing wrong, worth a note.
    pub other_dialect_only: Vec<(i64, String, Dialect)>,
    /// The files of down scripts that hold no statement and don't say that the migration is irreversible.
    pub empty_downs: Vec<String>,
    /// What a new file takes over from the ones that are there.
    pub style: Style,
}

/// Reads the migrations folder `dir` for `dialect`, in the layout given or else the one its files show.
///
/// # Errors
/// A missing folder, a file that can't be read, or all that is wrong with the files, together.
pub fn read_folder(dir: &Path, dialect: Dialect, layout: Option<Layout>) -> Result<Folder, LayoutError> {
    read(&source::OnDisk(dir), dir, dialect, layout)
}

/// Reads migrations that are compiled into the program: pairs of a path within the folder (with `/`) and a text.
///
/// # Errors
/// All that is wrong with the files, together.
pub fn read_embedded(files: &[(&str, &str)], dialect: Dialect, layout: Option<Layout>) -> Result<Folder, LayoutError> {
    read(&source::Embedded(files), Path::new(""), dialect, layout)
}

/// The layout of the folder `dir`; `None` where it holds no migration yet.
///
/// # Errors
/// As [`read_folder`], for what the names and sections show.
pub fn detect(dir: &Path) -> Result<Option<Layout>, LayoutError> {
    let mut problems = Vec::new();
    let loaded = scan::load(&source::OnDisk(dir), dir, &mut problems)?;
    let layout = scan::layout_of(&loaded, None, &mut problems);
    if problems.is_empty() { Ok(layout) } else { Err(LayoutError::Problems(problems)) }
}

fn read(
    source: &dyn source::Source,
    dir: &Path,
    dialect: Dialect,
    layout: Option<Layout>,
) -> Result<Folder, LayoutError> {
    let mut problems = Vec::new();
    let loaded = scan::load(source, dir, &mut problems)?;
    let found = scan::layout_of(&loaded, layout, &mut problems);
    let two_layouts = problems.iter().any(|problem| matches!(problem, Problem::TwoLayouts { .. }));
    let layout = found.unwrap_or(Layout::Liftlock);
    let mut folder = Folder {
        layout,
        dir: dir.to_owned(),
        migrations: Vec::new(),
        other_dialect_only: Vec::new(),
        empty_downs: Vec::new(),
        style: scan::style_of(&loaded),
    };
    // what the files of two layouts mean can't be said, and would only add noise
    if !two_layouts {
        let pieces = match layout {
            Layout::Liftlock => liftlock::pieces(&loaded, &mut problems),
            Layout::GolangMigrate => golang_migrate::pieces(&loaded, &mut problems),
            Layout::Sqlx | Layout::SqlxSimple => sqlx::pieces(&loaded, &mut problems),
            Layout::Dbmate => dbmate::pieces(&loaded, &mut problems),
            Layout::Goose => goose::pieces(&loaded, &mut problems),
            Layout::Diesel => diesel::pieces(&loaded, &mut problems),
            Layout::Flyway => flyway::pieces(&loaded, &mut problems),
        };
        // where a file couldn't be taken in, what seems to be missing beside it may not be
        let incomplete = |problem: &Problem| {
            matches!(
                problem,
                Problem::NotUtf8 { .. } | Problem::Nul { .. } | Problem::Section { .. } | Problem::NotInLayout { .. }
            )
        };
        let incomplete = problems.iter().any(incomplete);
        assemble::assemble(&mut folder, pieces, dialect, &mut problems);
        if incomplete {
            let seems_missing = |problem: &Problem| {
                matches!(problem, Problem::DownWithoutUp { .. } | Problem::OverrideWithoutDown { .. })
            };
            problems.retain(|problem| !seems_missing(problem));
        }
    }
    if problems.is_empty() { Ok(folder) } else { Err(LayoutError::Problems(problems)) }
}
