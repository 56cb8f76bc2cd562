//! Which folders stand for the same thing: a run, a user, a day; their names become captures.

use std::collections::{BTreeMap, BTreeSet};

/// A folder's content.
#[derive(Debug, Default)]
struct Folder {
    folders: BTreeMap<String, Folder>,
    files: BTreeSet<String>,
}

/// Whether a name is an id rather than a word: digits, hexadecimal, a UUID, a date.
pub(super) fn is_id(name: &str) -> bool {
    let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && hex && (digits == name.len() || name.len() >= 8)
}

/// For each folder that has files (its path, with `/` after it), the pattern of folders that it belongs to: the same path
/// with captures for names that vary. Where `partly`, also some of a folder's folders can be alike, and not others.
pub(super) fn patterns(paths: &[String], partly: bool) -> BTreeMap<String, String> {
    let mut root = Folder::default();
    for path in paths {
        let mut at = &mut root;
        let mut names: Vec<&str> = path.split('/').collect();
        let file = names.pop().unwrap_or_default();
        for name in names {
            at = at.folders.entry(name.to_owned()).or_default();
        }
        at.files.insert(file.to_owned());
    }
    let mut out = BTreeMap::new();
    name(&[(String::new(), &root)], "", &mut Vec::new(), partly, &mut out);
    out
}

fn name(
    same: &[(String, &Folder)],
    pattern: &str,
    captures: &mut Vec<String>,
    partly: bool,
    out: &mut BTreeMap<String, String>,
) {
    for (path, folder) in same {
        if !folder.files.is_empty() {
            out.insert(path.clone(), pattern.to_owned());
        }
    }
    // what has one name is one kind of folder in all that are the same
    let mut kinds: BTreeMap<&str, Vec<(String, &Folder)>> = BTreeMap::new();
    for (path, folder) in same {
        for (name, inner) in &folder.folders {
            kinds.entry(name).or_default().push((format!("{path}{name}/"), inner));
        }
    }
    let mut groups: Vec<(Vec<&str>, BTreeSet<String>, bool)> = Vec::new();
    for (name, folders) in &kinds {
        let mut content = BTreeSet::new();
        for (_, folder) in folders {
            content.extend(folder.folders.keys().filter(|name| !is_id(name)).map(|name| format!("{name}/")));
            content.extend(folder.files.iter().map(|file| without_digits(file)));
        }
        let id = is_id(name);
        let alike = |(_, known, known_id): &&mut (Vec<&str>, BTreeSet<String>, bool)| {
            let common = known.intersection(&content).count();
            (id && *known_id) || (common > 0 && common * 2 >= known.len().min(content.len()))
        };
        match groups.iter_mut().find(alike) {
            Some((names, known, _)) => {
                names.push(name);
                known.extend(content);
            }
            None => groups.push((vec![name], content, id)),
        }
    }
    let whole = groups.len() == 1;
    for (names, ..) in groups {
        if names.len() >= 2 && (whole || partly) {
            let capture = capture_name(pattern, captures);
            captures.push(capture.clone());
            let inner: Vec<_> = names.iter().flat_map(|name| kinds[name].iter().cloned()).collect();
            self::name(&inner, &format!("{pattern}{{{capture}}}/"), captures, partly, out);
            captures.pop();
        } else {
            for folder in names {
                let literal = super::super::mapping::Glob::escape(folder);
                name(&kinds[folder], &format!("{pattern}{literal}/"), captures, partly, out);
            }
        }
    }
}

/// `validation_12.json` and `validation_7.json` are alike.
fn without_digits(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('#') => {}
            true => out.push('#'),
            false => out.push(c),
        }
    }
    out
}

/// A capture's name, after the folder that its folders are in.
fn capture_name(pattern: &str, taken: &[String]) -> String {
    let above = pattern.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let word = super::names::plain(above);
    let word = match word.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => word.strip_suffix('s').unwrap_or(&word).to_owned(),
    };
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic()) && !above.starts_with('{');
    let base = if is_word { word } else { "folder".to_owned() };
    super::names::unique(&base, |name| taken.iter().any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Vec<(String, String)> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        patterns(&paths, true).into_iter().collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, pattern)| ((*path).to_owned(), (*pattern).to_owned())).collect()
    }

    #[test]
    fn folders_that_are_alike_become_captures() {
        assert_eq!(
            of(&["results/pay/prod/v_1.json", "results/pay/test/v_2.json", "results/auth/prod/v_1.json"]),
            pairs(&[
                ("results/auth/prod/", "results/{result}/{folder}/"),
                ("results/pay/prod/", "results/{result}/{folder}/"),
                ("results/pay/test/", "results/{result}/{folder}/")
            ])
        );
        assert_eq!(
            of(&["users/ann.json", "orders/x.json", "top.json"]),
            pairs(&[("", ""), ("orders/", "orders/"), ("users/", "users/")])
        );
        assert_eq!(
            of(&["0/meta.yaml", "12/a/p", "12/meta.yaml", "docs/x.md"]),
            pairs(&[("0/", "{folder}/"), ("12/", "{folder}/"), ("12/a/", "{folder}/a/"), ("docs/", "docs/")])
        );
    }
}
