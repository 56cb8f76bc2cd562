//! Files of like shape in folders of one kind → one group each, with the pattern that matches these files and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Finding;
use super::folders;
use super::outline::{self, Outline};
use super::shape::Shape;
use crate::import::ImportError;
use crate::import::mapping::{Format, Glob};
use crate::import::read::{SourceFile, walk};

/// So many kinds of files are told apart in one kind of folder.
const MOST_KINDS: usize = 24;

/// Files of one kind.
pub(super) struct Group {
    pub pattern: String,
    pub format: Format,
    pub shape: Shape,
    /// By path.
    pub files: Vec<SourceFile>,
    /// Whether some of them can't be read.
    pub broken: bool,
}

/// What is in the folder, by kinds; what can't be imported is a finding.
pub(super) fn groups(dir: &Path, findings: &mut Vec<Finding>) -> Result<Vec<Group>, ImportError> {
    let mut files = Vec::new();
    let left = walk(dir, false, &mut |file| files.push(file))?;
    for (path, what) in left.skipped.into_iter().chain(left.unread) {
        findings.push(Finding { path, what: format!("left out: {what}") });
    }
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    // kinds of folders (by their pattern) → files
    for partly in [true, false] {
        let patterns = folders::patterns(&paths, partly);
        let matched = |pattern: &str, path: &str| {
            Glob::parse(&format!("{pattern}*")).is_ok_and(|glob| glob.matches(path).is_some())
        };
        // a pattern of some folders must not match the others, or their files would be imported twice
        let distinct: BTreeSet<&String> = patterns.values().collect();
        let clean = patterns
            .keys()
            .all(|folder| distinct.iter().filter(|pattern| matched(pattern, &format!("{folder}x"))).count() == 1);
        if clean || !partly {
            let mut kinds: BTreeMap<String, Vec<SourceFile>> = BTreeMap::new();
            for file in files {
                let folder = file.path.rfind('/').map_or("", |at| &file.path[..=at]);
                let pattern = patterns.get(folder).cloned().unwrap_or_else(|| Glob::escape(folder));
                kinds.entry(pattern).or_default().push(file);
            }
            let mut all = Vec::new();
            for (folder, files) in kinds {
                all.extend(in_folder(&folder, files, findings)?);
            }
            return Ok(all);
        }
    }
    Ok(Vec::new())
}

/// A kind of files in the making.
struct Kind {
    names: BTreeSet<String>,
    group: Group,
}

fn in_folder(folder: &str, files: Vec<SourceFile>, findings: &mut Vec<Finding>) -> Result<Vec<Group>, ImportError> {
    let mut kinds: Vec<Kind> = Vec::new();
    // names that a pattern must not match by accident
    let mut others: BTreeSet<String> = BTreeSet::new();
    let mut unread: Vec<(SourceFile, String)> = Vec::new();
    for file in files {
        let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(Outline { format, shape, broken }) = outline::of(&file)? else {
            findings.push(Finding {
                path: file.path,
                what: "left out: it is neither text nor of a known format".to_owned(),
            });
            others.insert(name);
            continue;
        };
        // a document that is broken is no record at all; an array's items, lines and documents stand for themselves
        if let Some(reason) = &broken
            && (shape.count == 0 || (format == Format::Json && shape.arrays == 0))
        {
            unread.push((file, reason.clone()));
            continue;
        }
        if let Some(reason) = &broken {
            findings.push(Finding {
                path: file.path.clone(),
                what: format!("has what can't be read as {}, which goes to quarantine: {reason}", format.name()),
            });
        }
        let extension = extension(&name);
        let like = |kind: &&mut Kind| {
            let known = &kind.group;
            known.format == format
                // what follows the last dot of a text's name may be no extension
                && (format == Format::Text
                    || self::extension(kind.names.first().map_or("", String::as_str)) == extension)
                && (known.shape.likeness(&shape) >= 0.5 || kind.names.contains(&name))
        };
        let full = kinds.len() >= MOST_KINDS;
        let found = match kinds.iter_mut().find(like) {
            None if full => kinds.iter_mut().find(|kind| kind.group.format == format),
            found => found,
        };
        match found {
            Some(kind) => {
                kind.names.insert(name);
                kind.group.shape.merge(&shape);
                kind.group.files.push(file);
                kind.group.broken |= broken.is_some();
            }
            None => kinds.push(Kind {
                names: BTreeSet::from([name]),
                group: Group { pattern: String::new(), format, shape, files: vec![file], broken: broken.is_some() },
            }),
        }
    }
    for (file, reason) in unread {
        unreadable(file, &reason, &mut kinds, &mut others, findings)?;
    }
    Ok(separate(folder, one_kind_a_name(kinds)?, &others))
}

/// Folders of one kind may hold files of one name and several kinds, which no pattern tells apart: of one format they are one
/// kind, of several they are taken as text.
fn one_kind_a_name(kinds: Vec<Kind>) -> Result<Vec<Kind>, ImportError> {
    let mut merged: Vec<Kind> = Vec::new();
    for mut kind in kinds {
        // one that joins two others makes one of them
        while let Some(at) = merged
            .iter()
            .position(|known| known.group.format == kind.group.format && !known.names.is_disjoint(&kind.names))
        {
            let known = merged.remove(at);
            kind.names.extend(known.names);
            kind.group.shape.merge(&known.group.shape);
            kind.group.files.extend(known.group.files);
            kind.group.broken |= known.group.broken;
        }
        merged.push(kind);
    }
    let twice: BTreeSet<String> = merged
        .iter()
        .enumerate()
        .flat_map(|(at, kind)| {
            let others = merged[at + 1..].iter();
            others.flat_map(|other| other.names.intersection(&kind.names).cloned()).collect::<Vec<_>>()
        })
        .collect();
    if twice.is_empty() {
        return Ok(merged);
    }
    let mut group = Group {
        pattern: String::new(),
        format: Format::Text,
        shape: Shape::default(),
        files: Vec::new(),
        broken: false,
    };
    for kind in &mut merged {
        kind.names.retain(|name| !twice.contains(name));
        let of_name = |file: &SourceFile| twice.contains(file.path.rsplit('/').next().unwrap_or_default());
        let (moved, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut kind.group.files).into_iter().partition(of_name);
        kind.group.files = kept;
        for file in moved {
            group.shape.merge(&outline::text(&file)?);
            group.files.push(file);
        }
    }
    merged.retain(|kind| !kind.group.files.is_empty());
    merged.push(Kind { names: twice, group });
    Ok(merged)
}

/// A file that can't be read as what it is called goes with those of its extension, into quarantine; alone it is text.
fn unreadable(
    file: SourceFile,
    reason: &str,
    kinds: &mut Vec<Kind>,
    others: &mut BTreeSet<String>,
    findings: &mut Vec<Finding>,
) -> Result<(), ImportError> {
    let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    let format = Format::of_name(&name).unwrap_or_default();
    let path = file.path.clone();
    let with = kinds.iter_mut().find(|kind| {
        kind.group.format == format
            && kind.names.first().is_some_and(|known| extension(known) == extension(&name))
            && (kind.names.len() > 1 || kind.names.contains(&name))
    });
    if let Some(kind) = with {
        kind.names.insert(name);
        kind.group.files.push(file);
        kind.group.broken = true;
        findings.push(Finding { path, what: format!("goes to quarantine: no {}: {reason}", format.name()) });
        return Ok(());
    }
    let shape = outline::text(&file)?;
    if shape.count == 0 {
        findings.push(Finding { path, what: format!("left out: no {} and no text: {reason}", format.name()) });
        others.insert(name);
        return Ok(());
    }
    findings.push(Finding { path, what: format!("taken as text: no {}: {reason}", format.name()) });
    let known = kinds.iter_mut().find(|kind| kind.group.format == Format::Text && kind.names.contains(&name));
    match known {
        Some(kind) => {
            kind.group.shape.merge(&shape);
            kind.group.files.push(file);
        }
        None => kinds.push(Kind {
            names: BTreeSet::from([name]),
            group: Group { pattern: String::new(), format: Format::Text, shape, files: vec![file], broken: false },
        }),
    }
    Ok(())
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, extension)| extension)
}

/// Gives each kind its pattern; kinds that no pattern tells apart are one, or each file has a pattern of its own.
fn separate(folder: &str, mut kinds: Vec<Kind>, others: &BTreeSet<String>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    while !kinds.is_empty() {
        let mut kind = kinds.remove(0);
        let foreign = |name: &str| {
            others.contains(name)
                || kinds.iter().any(|kind| kind.names.contains(name))
                || groups.iter().any(|group| group.files.iter().any(|file| file.path.rsplit('/').next() == Some(name)))
        };
        let all: Vec<&String> = others.iter().chain(kinds.iter().flat_map(|kind| &kind.names)).collect();
        let taken: Vec<String> = groups
            .iter()
            .flat_map(|group| group.files.iter().filter_map(|file| file.path.rsplit('/').next().map(str::to_owned)))
            .collect();
        let pattern = candidates(&kind.names).into_iter().find(|pattern| {
            let Ok(glob) = Glob::parse(pattern) else { return false };
            kind.names.iter().all(|name| glob.matches(name).is_some() && !foreign(name))
                && !all.iter().any(|name| glob.matches(name).is_some())
                && !taken.iter().any(|name| glob.matches(name).is_some())
        });
        if let Some(pattern) = pattern {
            kind.group.pattern = format!("{folder}{pattern}");
            kind.group.files.sort_by(|a, b| a.path.cmp(&b.path));
            groups.push(kind.group);
            continue;
        }
        // one of the same format that it can't be told from takes it
        let same = kinds.iter_mut().find(|other| other.group.format == kind.group.format);
        if let Some(other) = same {
            other.names.extend(kind.names);
            other.group.shape.merge(&kind.group.shape);
            other.group.files.extend(kind.group.files);
            other.group.broken |= kind.group.broken;
            continue;
        }
        for name in &kind.names {
            let of_name = |file: &&SourceFile| file.path.rsplit('/').next() == Some(name.as_str());
            groups.push(Group {
                pattern: format!("{folder}{}", Glob::escape(name)),
                format: kind.group.format,
                shape: kind.group.shape.clone(),
                files: kind.group.files.iter().filter(of_name).cloned().collect(),
                // the pattern matches one that is left out, too
                broken: kind.group.broken || others.contains(name),
            });
        }
    }
    groups
}

/// Patterns of these names, the plainest first.
fn candidates(names: &BTreeSet<String>) -> Vec<String> {
    let Some(first) = names.first() else { return Vec::new() };
    if names.len() == 1 {
        return vec![Glob::escape(first)];
    }
    let common = |length: usize, from_end: bool| {
        names.iter().all(|name| {
            let own: Vec<char> = name.chars().collect();
            let its: Vec<char> = first.chars().collect();
            own.len() > length
                && its.len() > length
                && if from_end {
                    own[own.len() - length..] == its[its.len() - length..]
                } else {
                    own[..length] == its[..length]
                }
        })
    };
    let longest =
        |from_end| (0..first.chars().count()).take_while(|length| common(*length, from_end)).last().unwrap_or(0);
    let chars: Vec<char> = first.chars().collect();
    // digits belong to what varies
    let prefix: String = chars[..longest(false)].iter().collect();
    let prefix = prefix.trim_end_matches(|c: char| c.is_ascii_digit());
    let suffix: String = chars[chars.len() - longest(true)..].iter().collect();
    let ending = match extension(first) {
        extension if names.iter().all(|name| self::extension(name) == extension) && !extension.is_empty() => {
            format!(".{extension}")
        }
        _ => String::new(),
    };
    let mut patterns = vec![format!("*{}", Glob::escape(&ending))];
    if names.iter().all(|name| name.len() >= prefix.len() + suffix.len()) && !prefix.starts_with('.') {
        patterns.push(format!("{}*{}", Glob::escape(prefix), Glob::escape(&ending)));
        patterns.push(format!("*{}", Glob::escape(&suffix)));
        patterns.push(format!("{}*{}", Glob::escape(prefix), Glob::escape(&suffix)));
    }
    // where a common beginning tells what the files are, it is worth its place in the pattern
    if prefix.len() >= 3 {
        patterns.rotate_left(1);
        patterns.retain(|pattern| pattern.matches('*').count() == 1);
    }
    patterns
}
