//! Walks a folder and says which of its files each source takes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::glob::Matcher;
use super::{SourceFile, sqlite};
use crate::import::mapping::Format;
use crate::import::{ImportError, Mapping};

/// What is in a folder, by sources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The files of each source, in the mapping's order; sorted by path.
    pub sources: Vec<Vec<SourceFile>>,
    /// Files that no source takes, by path.
    pub unmatched: Vec<String>,
    /// What can't be imported whatever the mapping says, by path, and why: links that lead out of the folder, names that
    /// are not UTF-8, devices.
    pub skipped: Vec<(String, String)>,
    /// Folders that can't be read, by path, and why: what is in them nobody knows.
    pub unread: Vec<(String, String)>,
}

/// What a walk can't hand on, by path, and why.
#[derive(Debug, Default)]
pub(in crate::import) struct Left {
    /// What can't be taken.
    pub skipped: Vec<(String, String)>,
    /// Folders that can't be read.
    pub unread: Vec<(String, String)>,
}

/// Finds the files of each source in `dir`. A file may belong to several sources.
///
/// # Errors
/// The folder itself can't be listed.
pub fn find(dir: &Path, mapping: &Mapping) -> Result<Found, ImportError> {
    let matchers: Vec<Option<Matcher>> = mapping.sources.iter().map(|source| Matcher::new(&source.files)).collect();
    let hidden = matchers.iter().flatten().any(Matcher::sees_hidden);
    let mut found = Found { sources: vec![Vec::new(); matchers.len()], ..Found::default() };
    let walked = walk(dir, hidden, &mut |file| {
        let mut taken = false;
        for (matcher, files) in matchers.iter().zip(&mut found.sources) {
            if let Some(captures) = matcher.as_ref().and_then(|matcher| matcher.matches(&file.path)) {
                files.push(SourceFile { captures, ..file.clone() });
                taken = true;
            }
        }
        // what is hidden is no person's file that was forgotten
        if !taken && !file.path.split('/').any(|name| name.starts_with('.')) {
            found.unmatched.push(file.path);
        }
    })?;
    (found.skipped, found.unread) = (walked.skipped, walked.unread);
    let databases = mapping.sources.iter().zip(&found.sources).filter(|(source, _)| source.format == Format::Sqlite);
    databases.flat_map(|(_, files)| files).try_for_each(|file| sqlite::at_rest(&file.at))?;
    Ok(found)
}

/// Every file in `dir`, sorted by path, with no captures; what can't be taken is handed back with the reason.
pub(in crate::import) fn walk(dir: &Path, hidden: bool, each: &mut dyn FnMut(SourceFile)) -> Result<Left, ImportError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| ImportError::Read { path, source }
    };
    let root = fs::canonicalize(dir).map_err(unreadable(dir))?;
    let Left { mut skipped, mut unread } = Left::default();
    // folders still to be listed, so that no more than one is open at a time
    let mut folders: BTreeMap<String, PathBuf> = BTreeMap::from([(String::new(), dir.to_owned())]);
    let mut files = Vec::new();
    while let Some((prefix, folder)) = folders.pop_first() {
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<fs::DirEntry>>>);
        let entries = match entries {
            Ok(entries) => entries,
            // one within it does not keep the others from being taken
            Err(error) if !prefix.is_empty() => {
                unread.push((prefix.trim_end_matches('/').to_owned(), format!("the folder can't be read: {error}")));
                continue;
            }
            Err(error) => return Err(unreadable(&folder)(error)),
        };
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                skipped.push((format!("{prefix}{}", name.to_string_lossy()), "its name is not UTF-8".to_owned()));
                continue;
            };
            if !hidden && name.starts_with('.') {
                continue;
            }
            let (path, at) = (format!("{prefix}{name}"), entry.path());
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) => {
                    skipped.push((path, format!("it can't be looked at: {error}")));
                    continue;
                }
            };
            if kind.is_dir() {
                folders.insert(format!("{path}/"), at);
                continue;
            }
            match metadata(&root, &at, kind.is_symlink()) {
                Ok(metadata) => {
                    files.push(SourceFile {
                        path,
                        at,
                        captures: Vec::new(),
                        size: metadata.len(),
                        mtime: mtime(&metadata),
                        ctime: ctime(&metadata),
                    });
                }
                Err(reason) => skipped.push((path, reason)),
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    skipped.sort();
    unread.sort();
    files.into_iter().for_each(each);
    Ok(Left { skipped, unread })
}

fn metadata(root: &Path, at: &Path, link: bool) -> Result<fs::Metadata, String> {
    if link {
        let target = fs::canonicalize(at).map_err(|error| format!("a link that leads nowhere: {error}"))?;
        if !target.starts_with(root) {
            return Err("a link that leads out of the folder".to_owned());
        }
    }
    let metadata = fs::metadata(at).map_err(|error: io::Error| format!("it can't be looked at: {error}"))?;
    match () {
        () if metadata.is_file() => Ok(metadata),
        // one into the folder would give the same files twice, or for ever
        () if metadata.is_dir() => Err("a link to a folder".to_owned()),
        () => Err("it is no regular file".to_owned()),
    }
}

/// Nanoseconds since 1970; 0 where the system does not say.
pub(super) fn mtime(metadata: &fs::Metadata) -> i128 {
    let nanoseconds = |duration: std::time::Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    metadata.modified().map_or(0, |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    })
}

/// The time that nobody can set: nanoseconds since 1970.
#[cfg(unix)]
fn ctime(metadata: &fs::Metadata) -> i128 {
    use std::os::unix::fs::MetadataExt as _;
    i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn ctime(_: &fs::Metadata) -> i128 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::mapping::{Glob, Source};

    #[test]
    fn a_folder_is_walked_in_order_and_not_left() {
        let outside = tempfile::tempdir().expect("a folder");
        let inside = tempfile::tempdir().expect("a folder");
        let dir = inside.path();
        fs::write(outside.path().join("secret.json"), "{}").expect("written");
        fs::create_dir_all(dir.join("b/.git")).expect("made");
        for path in ["b/x.json", "a.json", "b.json", ".hidden.json", "b/.git/config", "README"] {
            fs::write(dir.join(path), "{}").expect("written");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("secret.json"), dir.join("out.json")).expect("linked");
            std::os::unix::fs::symlink(outside.path(), dir.join("folder")).expect("linked");
            std::os::unix::fs::symlink(dir, dir.join("b/loop")).expect("linked");
            std::os::unix::fs::symlink(dir.join("a.json"), dir.join("in.json")).expect("linked");
            std::os::unix::fs::symlink(dir.join("none"), dir.join("gone.json")).expect("linked");
        }
        let source = |pattern: &str| Source { files: Glob::parse(pattern).expect("a glob"), ..Source::default() };
        let mapping = Mapping { sources: vec![source("**/*.json"), source("b*.json")], ..Mapping::default() };
        let found = find(dir, &mapping).expect("found");
        let paths = |files: &[SourceFile]| files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
        let linked: &[&str] = if cfg!(unix) { &["in.json"] } else { &[] };
        assert_eq!(paths(&found.sources[0]), [&["a.json", "b.json", "b/x.json"][..], linked].concat());
        assert_eq!(paths(&found.sources[1]), ["b.json"]);
        assert_eq!(found.unmatched, ["README"]);
        #[cfg(unix)]
        assert_eq!(
            found.skipped.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
            ["b/loop", "folder", "gone.json", "out.json"]
        );
        assert_eq!(found.sources[0][0].size, 2);
        assert!(found.sources[0][0].mtime > 0);

        let hidden = Mapping { sources: vec![source("**/.git/*")], ..Mapping::default() };
        assert_eq!(paths(&find(dir, &hidden).expect("found").sources[0]), ["b/.git/config"]);
    }
}
