//! Whether a tree of files is one that was imported from another place: then its records must not make new rows.

use std::collections::{BTreeMap, HashSet};

use crate::import::bind::Bound;
use crate::import::mapping::Mapping;
use crate::import::read::Found;
use crate::import::store::Store;
use crate::import::{ImportError, books};
use crate::words::thousands;

/// Refuses a folder that nothing was imported from, where files of the same paths were imported as another tree, and go to
/// a table whose keys are made here: no record's own row would be found again, and each would be there twice.
///
/// # Errors
/// It is so, and nobody has said which tree it is.
pub(super) fn look(
    store: &mut dyn Store,
    mapping: &Mapping,
    bound: &Bound,
    found: &Found,
    folder: &str,
) -> Result<(), ImportError> {
    let made: HashSet<(&str, &str)> = mapping
        .sources
        .iter()
        .zip(&bound.sources)
        .zip(&found.sources)
        .filter(|((_, table), _)| table.key_is_made())
        .flat_map(|((source, _), files)| files.iter().map(|file| (source.name.as_str(), file.path.as_str())))
        .collect();
    if made.is_empty() {
        return Ok(());
    }
    // by tree: the first such file, and how many there are
    let mut elsewhere: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for (tree, source, path) in books::everywhere(store)? {
        if made.contains(&(source.as_str(), path.as_str())) {
            elsewhere.entry(tree).or_insert((path, 0)).1 += 1;
        }
    }
    let Some((tree, (path, count))) = elsewhere.into_iter().max_by_key(|(_, (_, count))| *count) else {
        return Ok(());
    };
    let more = if count > 1 { format!(" and {} more", thousands(count - 1)) } else { String::new() };
    let message = format!(
        "`{path}`{more} of `{folder}` would go in beside what was imported of the same path as `{tree}`: the keys of these \
         rows are made by the import, and nothing in the files says whether it is the same tree"
    );
    let quoted = match tree.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        true => tree,
        false => format!("'{}'", tree.replace('\'', "'\\''")),
    };
    let hint = format!(
        "if it is the same tree at another place, say so with `--tree {quoted}`; if it is another, name it with `--tree NAME`; \
         a `tree: NAME` in the mapping from the first import on makes the place of no matter"
    );
    Err(ImportError::Mapping { message, hint: Some(hint) })
}
