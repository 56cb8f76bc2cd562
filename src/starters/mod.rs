//! Starters: what an application of a kind begins with: migrations for both databases, the mapping of its files, retention
//! policies and a README, as plain data.
//!
//! Their files are in `templates/starters/`, a tree that each can take is in `examples/`, and `liftlock init --template` writes
//! them ([docs/starters.md](https://github.com/liftlock/liftlock/blob/main/docs/starters.md)).

mod files;

use serde::{Deserialize, Serialize};

use crate::suggest::nearest;

/// A starter: its files are part of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Starter {
    /// What `--template` calls it.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: String,
    /// What application it is for, in one sentence.
    pub describes: String,
    /// The text of its README.
    #[serde(skip)]
    pub readme: &'static str,
    /// The mapping: what `import.yaml` holds.
    #[serde(skip)]
    pub import: &'static str,
    /// The section `retention:` of liftlock.yaml.
    #[serde(skip)]
    pub retention: &'static str,
    /// The migrations, up and down, by path within the folder of migrations.
    #[serde(skip)]
    pub migrations: Vec<StarterFile>,
}

/// A file of a starter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterFile {
    /// Relative, with `/` between folders.
    pub path: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// What `starter.yaml` says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    title: String,
    describes: String,
}

/// All there are, by name.
#[must_use]
pub fn all() -> Vec<Starter> {
    files::STARTERS.iter().map(|(name, files)| read(name, files)).collect()
}

/// The starter of that name.
#[must_use]
pub fn find(name: &str) -> Option<Starter> {
    files::STARTERS.iter().find(|(known, _)| *known == name).map(|(name, files)| read(name, files))
}

/// The name that was probably meant.
#[must_use]
pub fn suggest(name: &str) -> Option<&'static str> {
    nearest(name, files::STARTERS.iter().map(|(known, _)| *known))
}

fn read(name: &'static str, files: &'static [(&'static str, &'static str)]) -> Starter {
    let text = |wanted: &str| {
        let found = files.iter().find(|(path, _)| *path == wanted);
        found.map(|(_, text)| *text).expect("a test sees that every starter has these files")
    };
    let about: About = serde_saphyr::from_str(text("starter.yaml")).expect("a test reads it");
    let migrations = files
        .iter()
        .filter_map(|(path, text)| Some(StarterFile { path: path.strip_prefix("migrations/")?, text }))
        .collect();
    Starter {
        name,
        title: about.title,
        describes: about.describes,
        readme: text("README.md"),
        import: text("import.yaml"),
        retention: text("retention.yaml"),
        migrations,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail so")]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::Dialect;
    use crate::import::mapping::Mapping;
    use crate::migrate::layout::{Layout, read_embedded};

    fn walk(folder: &Path, within: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{within}{}", path.file_name().unwrap().to_str().unwrap());
            match path.is_dir() {
                true => walk(&path, &format!("{name}/"), found),
                false => drop(found.insert(name, fs::read_to_string(&path).unwrap())),
            }
        }
    }

    #[test]
    fn what_is_embedded_is_what_the_folder_holds() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/starters");
        let mut there = BTreeMap::new();
        walk(&root, "", &mut there);
        // the sample schema of the repository is one of them, too
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        walk(&sample, "agent-memory/migrations/", &mut there);
        there.remove("agent-memory/migrations/README.md");
        let embedded: BTreeMap<String, String> = files::STARTERS
            .iter()
            .flat_map(|(name, files)| {
                files.iter().map(move |(path, text)| (format!("{name}/{path}"), (*text).to_owned()))
            })
            .collect();
        let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&embedded), names(&there), "the list is src/starters/files.rs");
        assert_eq!(embedded, there);
    }

    #[test]
    fn each_is_complete_and_can_be_read() {
        let names: Vec<&str> = all().iter().map(|starter| starter.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for starter in all() {
            let name = starter.name;
            assert!(!starter.title.contains('\n') && !starter.title.is_empty(), "{name}: the title is a line");
            assert!(starter.describes.ends_with('.'), "{name}: what it describes is a sentence");
            assert!(starter.readme.starts_with("# "), "{name}");
            assert!(starter.retention.starts_with("retention:\n"), "{name}: {}", starter.retention);
            let mapping = Mapping::parse(Path::new("import.yaml"), starter.import).unwrap();
            assert!(!mapping.sources.is_empty(), "{name}");
            let files: Vec<(&str, &str)> = starter.migrations.iter().map(|file| (file.path, file.text)).collect();
            let of = |dialect: Dialect| {
                let folder = read_embedded(&files, dialect, Some(Layout::Liftlock)).unwrap();
                assert!(folder.migrations.iter().all(|migration| migration.down.is_some()), "{name}: {dialect:?}");
                folder.migrations.iter().map(|migration| migration.version).collect::<Vec<_>>()
            };
            let versions = of(Dialect::Sqlite);
            assert!(!versions.is_empty(), "{name}");
            assert_eq!(versions, of(Dialect::Postgres), "{name}: both databases have the same versions");
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).is_dir(), "{name}: its tree");
        }
    }

    #[test]
    fn a_name_that_was_meant_is_found() {
        assert!(find("validation-sessions").is_some());
        assert!(find("validation_session").is_none());
        assert_eq!(suggest("validation_session"), Some("validation-sessions"));
        assert_eq!(suggest("x"), None);
    }
}
