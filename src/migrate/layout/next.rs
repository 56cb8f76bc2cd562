//! Where a folder's next migration goes: its layout, its version, and what its files look like.

use std::path::Path;

use super::error::LayoutError;
use super::{Layout, Style, detect, next_version, read_folder};
use crate::Dialect;
use crate::config::Numbering;

/// What the next migration of a folder has to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// The folder's layout.
    pub layout: Layout,
    /// A version above every other, whatever dialect that is for.
    pub version: i64,
    /// What the other files look like.
    pub style: Style,
    /// There are sub-folders for single dialects.
    pub dialect_folders: bool,
}

/// What the next migration of the folder `dir` has to be like; the folder need not be there. Where no layout and no
/// numbering is given, they are as the folder's others have it.
///
/// # Errors
/// As [`read_folder`] and [`next_version`].
pub fn next(
    dir: &Path,
    layout: Option<Layout>,
    numbering: Option<Numbering>,
    now_utc: jiff::civil::DateTime,
) -> Result<Next, LayoutError> {
    let layout = match layout {
        Some(layout) => layout,
        None if dir.exists() => detect(dir)?.unwrap_or(Layout::Liftlock),
        None => Layout::Liftlock,
    };
    // a version is new in every dialect
    let mut versions = Vec::new();
    let mut style = Style::default();
    let mut dialect_folders = false;
    if dir.exists() {
        for dialect in Dialect::ALL {
            let folder = read_folder(dir, dialect, Some(layout))?;
            versions.extend(folder.migrations.iter().map(|migration| migration.version));
            style = folder.style;
            dialect_folders |= dialect.folder_names().iter().any(|name| dir.join(name).is_dir());
        }
    }
    let numbering = numbering.unwrap_or_else(|| numbering_of(&versions, layout));
    let version = next_version(numbering, versions.into_iter(), now_utc)?;
    Ok(Next { layout, version, style, dialect_folders })
}

/// How the folder's versions are numbered: a date has eight digits, a time more.
fn numbering_of(versions: &[i64], layout: Layout) -> Numbering {
    match versions.iter().max() {
        // Diesel begins with a version 0 of its own, and goes on with times
        Some(0) if layout == Layout::Diesel => Numbering::Timestamp,
        Some(highest) if *highest < 10_000_000 => Numbering::Sequence,
        _ => Numbering::Timestamp,
    }
}
