//! What can be wrong with a migrations folder, said with files and places, and what to do about it.

use std::io;
use std::path::PathBuf;

use super::Layout;
use crate::migrate::DirectiveError;
use crate::source_text::Position;

/// A migrations folder that can't be read, or a migration that can't be written to one.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no such folder.
    #[error("no migrations folder `{}`", path.display())]
    Missing {
        /// The folder as it was given.
        path: PathBuf,
    },
    /// The path names something else than a folder.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The operating system refused a read.
    #[error("can't read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The operating system refused a write.
    #[error("can't write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file that was to be written is there already; nothing was written.
    #[error("`{}` exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A new migration's name that history tables and file names can't hold.
    #[error("`{name}` can't be a migration's name")]
    Name {
        /// The name as it was given.
        name: String,
    },
    /// A new migration beside one of the highest version there can be.
    #[error("there is no version above {}, which the folder has", i64::MAX)]
    NoVersionLeft,
    /// A new migration that the folder's layout can't hold as it was meant.
    #[error("the {layout} layout can't hold this migration: {reason}")]
    Inexpressible {
        /// The layout.
        layout: Layout,
        /// What of it has no place there.
        reason: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The files contradict the layout, each other or themselves.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
}

impl LayoutError {
    /// The next step for the person.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("`liftlock init` creates the folder, `--dir` names another one".to_owned()),
            Self::NotAFolder { .. } => Some("`--dir` takes the folder that holds the migrations".to_owned()),
            Self::Exists { .. } => Some("choose another name or version; files are never overwritten".to_owned()),
            Self::Name { .. } => {
                Some("a name is made of letters, digits and underscores, at most 255 of them".to_owned())
            }
            Self::NoVersionLeft => {
                Some("give the migration that has it a lower one, if it is nowhere applied".to_owned())
            }
            Self::Inexpressible { advice, .. } => Some((*advice).to_owned()),
            Self::Read { .. } | Self::Write { .. } => None,
            Self::Problems(problems) => {
                let mut hints: Vec<String> = Vec::new();
                for hint in problems.iter().filter_map(Problem::hint) {
                    if !hints.contains(&hint) {
                        hints.push(hint);
                    }
                }
                (!hints.is_empty()).then(|| hints.join("\n"))
            }
        }
    }
}

fn list(problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        many => {
            let lines: Vec<String> = many.iter().map(|problem| format!("\n  {problem}")).collect();
            format!("{} problems in the migrations:{}", many.len(), lines.concat())
        }
    }
}

/// One thing that is wrong with a migrations folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each field is what its message says it is; paths are as a person would name them")]
pub enum Problem {
    #[error("`{path}` is not named like a migration")]
    NoSuchName { path: String, layout: Option<Layout> },
    #[error("`{path}` is not a file of the {layout} layout")]
    NotInLayout { path: String, layout: Layout },
    #[error("the folder fits two layouts: `{first_path}` is {first}'s, `{second_path}` is {second}'s")]
    TwoLayouts { first: Layout, first_path: String, second: Layout, second_path: String },
    #[error("version {version} stands more than once: {}", quoted(paths))]
    Duplicate { version: i64, paths: Vec<String> },
    #[error("`{path}` takes back a migration that isn't there")]
    DownWithoutUp { path: String },
    #[error("`{down}` has another name than the migration that it takes back, `{up}`")]
    DownNamedOtherwise { up: String, down: String },
    #[error("`{own}` has another name than the migration that it replaces, `{shared}`")]
    OverrideNamedOtherwise { shared: String, own: String },
    #[error("`{up}` replaces the shared up script, but only the shared `{shared_down}` would take it back")]
    OverrideWithoutDown { up: String, shared_down: String },
    #[error("`{path}`: version {digits} is beyond 64 bits")]
    VersionTooLarge { path: String, digits: String },
    #[error("`{path}`: version `{version}` is not a whole number")]
    VersionNotANumber { path: String, version: String },
    #[error("`{path}`: the name has {length} characters, the history table holds 255")]
    NameTooLong { path: String, length: usize },
    #[error("`{path}` needs {program} to run it")]
    NeedsProgram { path: String, program: &'static str },
    #[error("`{path}`: {what} are not supported yet")]
    NotSupported { path: String, what: &'static str },
    #[error("sub-folder `{folder}` holds migrations (`{path}`)")]
    StrayFolder { folder: String, path: String },
    #[error("`{path}` is not UTF-8: byte {offset} begins no character")]
    NotUtf8 { path: String, offset: usize },
    #[error("{path}:{at}: a NUL character")]
    Nul { path: String, at: Position },
    #[error("{path}:{at}: {error}")]
    Directive { path: String, at: Position, error: DirectiveError },
    #[error("{path}:{at}: {message}")]
    MisplacedDirective { path: String, at: Position, message: &'static str },
    #[error("`{down}` takes back a migration that says it is irreversible (`{path}`)")]
    IrreversibleWithDown { path: String, down: String },
    #[error("{path}:{line}: {message}")]
    Section { path: String, line: usize, message: String },
    #[error("`{path}`: {message}")]
    Metadata { path: String, message: String },
    #[error("{layout} orders by text and runs `{first}` before `{second}`; by number it is the other way round")]
    TextOrder { layout: Layout, first: String, second: String },
}

impl Problem {
    /// The next step for the person.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchName { layout: Some(layout), .. } | Self::NotInLayout { layout, .. } => {
                format!("the {layout} layout has {}; move other files out of the folder", layout.expected())
            }
            Self::NoSuchName { layout: None, .. } => {
                format!("the default layout has {}; move other files out of the folder", Layout::Liftlock.expected())
            }
            Self::TwoLayouts { .. } => {
                "keep one layout a folder; `--layout` chooses where the names alone don't tell".to_owned()
            }
            Self::Duplicate { .. } => "give each migration a version of its own".to_owned(),
            Self::DownWithoutUp { .. } => {
                "add the up script beside it (same folder, same version), or remove this file".to_owned()
            }
            Self::DownNamedOtherwise { .. } => "give both files the same version and name".to_owned(),
            Self::OverrideNamedOtherwise { .. } => "give both the same name, or one of them another version".to_owned(),
            Self::OverrideWithoutDown { .. } => {
                "put a down script beside the up script: the shared one was written for another".to_owned()
            }
            Self::VersionTooLarge { .. } => format!("versions go up to {}", i64::MAX),
            Self::VersionNotANumber { .. } => {
                "rename the folder to `<digits>_<name>` (dashes between the digits are allowed)".to_owned()
            }
            Self::NameTooLong { .. } => "shorten the name".to_owned(),
            Self::NeedsProgram { .. } => {
                "write the step in SQL, or leave this folder to the tool that it was written for".to_owned()
            }
            Self::NotSupported { .. } => {
                "whole-number versions (`V1__name.sql`, `U1__name.sql`) are; leave the rest to Flyway".to_owned()
            }
            Self::StrayFolder { .. } => {
                "only `sqlite/` and `postgres/` (or `postgresql/`) are read; move the files or name the folder with \
                 `--dir`"
                    .to_owned()
            }
            Self::NotUtf8 { .. } => "save the file as UTF-8".to_owned(),
            Self::Nul { .. } => "save the file as UTF-8 without NUL characters (UTF-16 has them)".to_owned(),
            Self::Directive { error, .. } => return error.hint(),
            Self::MisplacedDirective { .. } => {
                "directives are `-- liftlock: …` lines in the comments before the first statement".to_owned()
            }
            Self::IrreversibleWithDown { .. } => "remove the directive, or empty the down script".to_owned(),
            Self::TextOrder { .. } => "pad the versions with zeros to one width".to_owned(),
            Self::Section { .. } | Self::Metadata { .. } => return None,
        })
    }
}

fn quoted(paths: &[String]) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}
