//! What can be wrong with a setting, and where it was written.

use std::fmt;
use std::path::PathBuf;

use crate::source_text::Position;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// A place in the configuration file.
    File {
        /// The file, as it was named or found.
        file: PathBuf,
        /// The place in it.
        at: Position,
    },
    /// Handed over by a caller of the library.
    Argument,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "`{name}`"),
            Self::Variable(name) => write!(f, "`{name}`"),
            Self::File { file, at } => write!(f, "{}:{at}", file.display()),
            Self::Argument => f.write_str("the database given"),
        }
    }
}

/// Why settings can't be resolved. No variant holds or prints a value that could be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file is there (or was named) and can't be read.
    #[error("`{}` can't be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration file was named and isn't there.
    #[error("{origin}: there is no such file, `{}`", file.display())]
    Missing {
        /// Who named it.
        origin: Origin,
        /// The file.
        file: PathBuf,
    },
    /// A value is wrong.
    #[error("{origin}: {problem}")]
    Value {
        /// Where it was written.
        origin: Origin,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Nothing says which database to work on.
    #[error("no database is named")]
    NoDatabase {
        /// The configuration file, if there is one.
        file: Option<PathBuf>,
        /// The databases it has to choose from.
        names: Vec<String>,
    },
    /// A name that is none of the configuration's databases.
    #[error("{origin}: {}", match file {
        Some(file) => format!("`{}` has no database `{name}`", file.display()),
        None => format!("there is no liftlock.yaml to look database `{name}` up in"),
    })]
    UnknownDatabase {
        /// Who asked for it.
        origin: Origin,
        /// The name asked for.
        name: String,
        /// The configuration file, if there is one.
        file: Option<PathBuf>,
        /// The databases it has.
        names: Vec<String>,
    },
}

/// What is wrong with one value. Values themselves are not repeated: they may be, or hold, a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not YAML, or not of the shape that is expected here.
    #[error("{0}")]
    Shape(String),
    /// A key that means nothing here.
    #[error("unknown key{}", named(key))]
    UnknownKey {
        /// The key, if it can be shown.
        key: Option<String>,
        /// The key that was probably meant.
        nearest: Option<String>,
        /// The keys there are.
        known: Vec<String>,
    },
    /// A rule of the audit's that there is none of.
    #[error("there is no rule `{name}`")]
    UnknownRule {
        /// The name.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A schema of PostgreSQL's that there are no tables in.
    #[error("there are no tables in a schema `{name}`")]
    UnknownSchema {
        /// The name.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A key that stands twice in one mapping.
    #[error("duplicate key{}", named(.0))]
    DuplicateKey(Option<String>),
    /// `${NAME}` of a variable that is not set.
    #[error("environment variable `{0}` is not set")]
    Unset(String),
    /// `${NAME}` of a variable whose value isn't text.
    #[error("environment variable `{0}` is not UTF-8")]
    NotUtf8(String),
    /// `${` that isn't followed by a name and `}`.
    #[error("`${{` is not followed by a variable's name and `}}`")]
    VariableSyntax,
    /// A value of another kind than the one described.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A database whose keys don't say enough.
    #[error("a database needs `url`, or `type` and the keys that go with it")]
    NoUrlOrType,
    /// A key that doesn't go with the others.
    #[error("`{key}` doesn't go with {with}")]
    Misplaced {
        /// The key.
        key: &'static str,
        /// What it doesn't go with.
        with: &'static str,
    },
    /// A URL or path that is empty.
    #[error("the value is empty")]
    Empty,
    /// A URL of a kind of database that isn't known.
    #[error("unknown scheme `{0}`")]
    UnknownScheme(String),
    /// `postgres:` without its slashes.
    #[error("a PostgreSQL URL begins with `postgres://`")]
    NoSlashes,
    /// Something like `user:password@host/name` without a scheme.
    #[error("this looks like a URL without its scheme")]
    NoScheme,
    /// A libpq string of `key=value` pairs.
    #[error("this looks like a string of key=value pairs, which isn't read")]
    KeyValue,
    /// `%` without two hexadecimal digits, or digits that don't decode to text.
    #[error("the {0} is not valid percent-encoded text")]
    PercentEncoding(&'static str),
    /// A URL whose user, password or host hold characters that end them early.
    #[error("the part between `//` and the database's name can't be read")]
    Authority,
    /// `?name` without `=`.
    #[error("a parameter has no `=`")]
    ParameterWithoutValue,
    /// A parameter that exists nowhere.
    #[error("unknown parameter{}", named(.0))]
    UnknownParameter(Option<String>),
    /// A parameter that libpq knows and that isn't supported here.
    #[error("parameter `{0}` is not supported")]
    UnsupportedParameter(&'static str),
    /// A parameter's value is of the wrong kind.
    #[error("`{name}` must be {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What its value may be.
        expected: &'static str,
    },
    /// More or fewer ports, or addresses, than hosts.
    #[error("{count} {what} don't go with {hosts} hosts")]
    Count {
        /// What there is another number of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many hosts there are.
        hosts: usize,
    },
    /// `sslrootcert=system` with an `sslmode` that doesn't check the host's name.
    #[error("sslmode `{0}` is too weak for sslrootcert `system`")]
    WeakMode(&'static str),
    /// `sslmode=verify-ca` without certificates to verify with.
    #[error("sslmode `verify-ca` needs a root certificate")]
    NoRootCertificate,
}

fn named(key: &Option<String>) -> String {
    key.as_ref().map(|key| format!(" `{key}`")).unwrap_or_default()
}

impl ConfigError {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Missing { origin, .. } => Some(format!(
                "name a file that is there; without {origin}, `liftlock.yaml` is read where there is one (`liftlock init` \
                 writes it)"
            )),
            Self::Value { problem, .. } => problem.hint(),
            Self::NoDatabase { file: Some(_), names } if !names.is_empty() => {
                Some(format!("choose one with `--env`: {}", list(names)))
            }
            Self::NoDatabase { file: Some(file), .. } => {
                Some(format!("give `--database URL`, or write `database: URL` in `{}`", file.display()))
            }
            Self::NoDatabase { file: None, .. } => Some(
                "give `--database URL`, set `DATABASE_URL`, or write `database: URL` in liftlock.yaml (`liftlock init`)"
                    .to_owned(),
            ),
            Self::UnknownDatabase { file: None, .. } => {
                Some("run where liftlock.yaml is, or name it with `--config FILE`".to_owned())
            }
            Self::UnknownDatabase { names, .. } if names.is_empty() => {
                Some("databases are named under `databases:`".to_owned())
            }
            Self::UnknownDatabase { name, names, .. } => Some(did_you_mean(name, names)),
        }
    }
}

impl Problem {
    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownKey { nearest: Some(nearest), .. } => return Some(format!("did you mean `{nearest}`?")),
            Self::UnknownKey { known, .. } => return Some(format!("the keys here are {}", list(known))),
            Self::UnknownRule { hint, .. } | Self::UnknownSchema { hint, .. } => return Some(hint.clone()),
            Self::Unset(name) => {
                return Some(format!("set it, or give a value to fall back on: `${{{name}:-value}}`"));
            }
            Self::VariableSyntax => "write `${NAME}` or `${NAME:-default}`; a literal `${` is written `$${`",
            Self::NoUrlOrType => "write `url: postgres://…`, or `type: postgres` with host, port, name, user, password",
            Self::UnknownScheme(_) => {
                "known are `sqlite:` and `postgres://`; a file whose name has a colon is written `./name`"
            }
            Self::NoSlashes => "for example `postgres://user@host:5432/name`",
            Self::NoScheme => "write `postgres://user:password@host/name`; a file's path can begin with `./`",
            Self::KeyValue => "write it as a URL: `postgres://user@host:5432/name`",
            Self::PercentEncoding(_) => "a literal `%` is written `%25`",
            Self::Authority => {
                "in a user or password write `@` as %40, `:` as %3A, `/` as %2F, `?` as %3F and `%` as %25; \
                 an IPv6 address goes in brackets; a port is a number from 1 to 65535"
            }
            Self::ParameterWithoutValue | Self::UnknownParameter(_) => {
                "parameters are written `?name=value&name=value`; in a value write `&` as %26"
            }
            Self::WeakMode(_) => "use `verify-full`: anybody can get a certificate that the system's store trusts",
            Self::NoRootCertificate => "name it with `sslrootcert`, or use `verify-full` to trust the system's store",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// This problem, with where the value was written.
    pub(super) fn at(self, origin: &Origin) -> ConfigError {
        ConfigError::Value { origin: origin.clone(), problem: self }
    }
}

fn did_you_mean(name: &str, names: &[String]) -> String {
    match crate::suggest::nearest(name, names.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("it has {}", list(names)),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
