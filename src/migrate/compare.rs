//! The folder against the database, version by version: what `up`, `status` and `check` all go by.

use std::collections::BTreeMap;

use super::history::Standing;
use super::history::{Applied, Direction, State, Unfinished};
use super::layout::Folder;
use super::{MigrateError, Migration};

/// A version, and what folder and database say of it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The version.
    pub version: i64,
    /// Its file, if the folder has one.
    pub migration: Option<&'a Migration>,
    /// Its row, if the database has one.
    pub applied: Option<&'a Applied>,
    /// Its unfinished script, if there is one.
    pub unfinished: Option<&'a Unfinished>,
    /// What that comes to.
    pub situation: Situation,
}

/// What folder and database together say of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// Applied, and the file is the one that was applied.
    Applied,
    /// Not applied yet.
    Pending,
    /// Not applied, though a higher version is.
    OutOfOrder,
    /// Applied, and the file was edited since.
    Diverged,
    /// Applied, and there is no file, though the folder goes on above it.
    Missing,
    /// Applied, and above everything the folder holds: the database is ahead of this release.
    Ahead,
    /// A no-transaction script of it stopped half-way.
    Unfinished,
}

impl Situation {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::OutOfOrder => "out of order",
            Self::Diverged => "diverged",
            Self::Missing => "missing",
            Self::Ahead => "ahead",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Entry<'_> {
    /// The migration's name: the file's, else the one recorded.
    #[must_use]
    pub fn name(&self) -> &str {
        match (self.migration, self.applied, self.unfinished) {
            (Some(migration), ..) => &migration.name,
            (None, Some(applied), _) => &applied.name,
            (None, None, Some(unfinished)) => &unfinished.name,
            (None, None, None) => "",
        }
    }

    /// `V1__name`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("V{}__{}", self.version, self.name())
    }
}

/// Every version that the folder or the database knows, in order.
#[must_use]
pub fn compare<'a>(folder: &'a Folder, state: &'a State) -> Vec<Entry<'a>> {
    type Found<'a> = (Option<&'a Migration>, Option<&'a Applied>, Option<&'a Unfinished>);
    let mut versions: BTreeMap<i64, Found<'a>> = BTreeMap::new();
    for migration in &folder.migrations {
        versions.entry(migration.version).or_default().0 = Some(migration);
    }
    for applied in &state.applied {
        versions.entry(applied.version).or_default().1 = Some(applied);
    }
    for unfinished in &state.unfinished {
        versions.entry(unfinished.version).or_default().2 = Some(unfinished);
    }
    let highest_file = folder.migrations.last().map(|migration| migration.version);
    let highest_applied = state.highest();
    versions
        .into_iter()
        .map(|(version, (migration, applied, unfinished))| {
            let situation = match (migration, applied, unfinished) {
                (_, _, Some(_)) => Situation::Unfinished,
                (Some(migration), Some(applied), None) if migration.checksum_matches(&applied.checksum) => {
                    Situation::Applied
                }
                (Some(_), Some(_), None) => Situation::Diverged,
                (Some(_), None, None) if highest_applied.is_some_and(|highest| version < highest) => {
                    Situation::OutOfOrder
                }
                (Some(_), None, None) => Situation::Pending,
                (None, ..) if highest_file.is_none_or(|highest| version > highest) => Situation::Ahead,
                (None, ..) => Situation::Missing,
            };
            Entry { version, migration, applied, unfinished, situation }
        })
        .collect()
}

impl State {
    /// Passes only where `schema_migrations` is ours, refinery's, or not there yet in a database that nobody else
    /// migrates.
    ///
    /// # Errors
    /// [`MigrateError`] that names whose table it is.
    pub fn require_ours(&self, folder: Option<&Folder>) -> Result<(), MigrateError> {
        match &self.standing {
            Standing::Ours { .. } => Ok(()),
            Standing::Absent { others } => match others.first() {
                None => Ok(()),
                Some(other) => {
                    Err(MigrateError::OtherHistory { tool: other.tool, table: other.table, rows: other.rows })
                }
            },
            Standing::OtherTool { tool, columns } => Err(MigrateError::OtherTool { tool, columns: columns.clone() }),
            Standing::HomeMade { versions } => {
                Err(MigrateError::HomeMade { highest: versions.iter().copied().max().unwrap_or(0) })
            }
            Standing::RefineryInt4 { rows } => {
                Err(MigrateError::Int4 { conversion: super::int4::conversion(self, rows, folder) })
            }
        }
    }

    /// The first unfinished script that goes in `direction`.
    #[must_use]
    pub fn unfinished_in(&self, direction: Direction) -> Option<&Unfinished> {
        self.unfinished.iter().find(|unfinished| unfinished.direction == direction)
    }
}
