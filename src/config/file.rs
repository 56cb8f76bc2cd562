//! liftlock.yaml: what it may hold, and reading it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, MessageFormatter, Spanned};

use super::audit::AuditSection;
use super::keywords::{self, Keywords};
use super::port::PortSection;
use super::target::{Draft, SqliteTarget};
use super::value::{Place, Text, parse_bool, parse_count, parse_duration, parse_text};
use super::{ConfigError, Environment, Numbering, Origin, Problem, SslMode};
use crate::{Dialect, suggest};

/// The configuration file, read and checked; variables in it are not replaced yet, so that one that is not set
/// stops only who needs it.
pub(super) struct ConfigFile {
    path: PathBuf,
    source: String,
    pub content: Content,
}

/// The file's top level. Later sections are added here.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub database: Option<Database>,
    #[serde(default)]
    pub databases: Option<BTreeMap<String, Database>>,
    pub default_env: Option<Text>,
    #[serde(default)]
    pub migrations: Option<Migrations>,
    #[serde(default)]
    pub port: Option<PortSection>,
    #[serde(default)]
    pub audit: Option<AuditSection>,
}

/// How migrations are found and run; for all databases, or for one.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Migrations {
    pub dir: Option<Text>,
    pub layout: Option<Text>,
    pub numbering: Option<Text>,
    pub allow_out_of_order: Option<Text>,
    pub lock_timeout: Option<Text>,
    pub lock_retries: Option<Text>,
    pub lock_wait: Option<Text>,
}

/// A database: a URL, or a mapping of keys.
pub(super) struct Database {
    place: Place,
    /// What stands there, if it is neither: reported once the file is read, by when the place is known.
    wrong: Option<&'static str>,
    pub keys: DatabaseKeys,
}

/// The keys of a database.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseKeys {
    url: Option<Text>,
    r#type: Option<Text>,
    host: Option<Text>,
    port: Option<Text>,
    name: Option<Text>,
    user: Option<Text>,
    password: Option<Text>,
    ssl_mode: Option<Text>,
    ssl_root_cert: Option<Text>,
    options: Option<Text>,
    application_name: Option<Text>,
    pub protected: Option<Text>,
    #[serde(default)]
    pub migrations: Option<Migrations>,
}

/// What stands where a database is described.
enum Shape {
    Url(String),
    Keys(Box<DatabaseKeys>),
    Wrong(&'static str),
}

impl<'de> Deserialize<'de> for Database {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = Spanned::<Shape>::deserialize(deserializer)?;
        let place = Place::of(shape.defined);
        let (wrong, keys) = match shape.value {
            Shape::Url(written) => {
                (None, DatabaseKeys { url: Some(Text { written, place }), ..DatabaseKeys::default() })
            }
            Shape::Keys(keys) => (None, *keys),
            Shape::Wrong(kind) => (Some(kind), DatabaseKeys::default()),
        };
        Ok(Self { place, wrong, keys })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;
        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or a mapping of keys")
            }

            fn visit_str<E>(self, url: &str) -> Result<Shape, E> {
                Ok(Shape::Url(url.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape::Wrong("a boolean"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape::Wrong("a number"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
                Ok(Shape::Wrong("a number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Wrong("a number"))
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape::Wrong("nothing"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Shape, A::Error> {
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shape::Wrong("a list"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Shape, A::Error> {
                DatabaseKeys::deserialize(MapAccessDeserializer::new(map)).map(|keys| Shape::Keys(Box::new(keys)))
            }
        }
        deserializer.deserialize_any(ShapeVisitor)
    }
}

impl ConfigFile {
    /// Reads the file at `path`; `Ok(None)` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(path, bytes).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Unreadable { file: path.to_owned(), source }),
        }
    }

    fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, ConfigError> {
        let unreadable =
            |error| ConfigError::Unreadable { file: path.to_owned(), source: std::io::Error::other(error) };
        let source = String::from_utf8(bytes).map_err(unreadable)?;
        // no excerpt: the line in question, or the one above it, may hold a password
        let options = serde_saphyr::options! { with_snippet: false, reject_unsupported_tags: true };
        let content: Option<Content> =
            serde_saphyr::from_str_with_options(&source, options).map_err(|error| describe(path, &error))?;
        let file = Self { path: path.to_owned(), source, content: content.unwrap_or_default() };
        file.check()?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that relative paths in the file start from.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The databases that can be chosen by name.
    pub(super) fn names(&self) -> Vec<String> {
        self.content.databases.iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// The database of that name.
    pub(super) fn database(&self, name: &str) -> Option<&Database> {
        self.content.databases.as_ref()?.get(name)
    }

    pub(super) fn origin(&self, place: Place) -> Origin {
        Origin::File { file: self.path.clone(), at: place.position() }
    }

    /// A text's value, with its variables replaced, read as what it should be.
    pub(super) fn value<T>(
        &self,
        text: &Text,
        environment: &Environment,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, ConfigError> {
        let expanded = text.expand(environment).map_err(|(problem, part)| {
            let at = text.place.position_of(&part, &self.source);
            problem.at(&Origin::File { file: self.path.clone(), at })
        })?;
        read(&expanded).map_err(|problem| problem.at(&self.origin(text.place)))
    }

    /// The target that a database's keys describe, and where its description begins.
    pub(super) fn target(
        &self,
        database: &Database,
        environment: &Environment,
    ) -> Result<(Draft, Origin), ConfigError> {
        let keys = &database.keys;
        let value = |text: &Text| self.value(text, environment, |text| Ok(text.to_owned()));
        if let Some(url) = &keys.url {
            let origin = self.origin(url.place);
            let mut draft = Draft::parse(&value(url)?, &origin, self.folder())?;
            if let Some(password) = &keys.password {
                match &mut draft {
                    Draft::Postgres(keywords) => {
                        keywords.set("password", value(password)?, &self.origin(password.place), self.folder());
                    }
                    Draft::Sqlite(_) => {
                        let problem = Problem::Misplaced { key: "password", with: "an SQLite database" };
                        return Err(problem.at(&self.origin(password.place)));
                    }
                }
            }
            return Ok((draft, origin));
        }
        let origin = self.origin(database.place);
        let Some(kind) = &keys.r#type else { return Err(Problem::NoUrlOrType.at(&origin)) };
        let draft = match self.value(kind, environment, parse_dialect)? {
            Dialect::Sqlite => {
                if let Some((key, text)) = keys.connection().into_iter().find(|(key, _)| *key != "name") {
                    let problem = Problem::Misplaced { key, with: "an SQLite database" };
                    return Err(problem.at(&self.origin(text.place)));
                }
                let problem = Problem::Expected("`name`, the SQLite database's file");
                let name = keys.name.as_ref().ok_or_else(|| problem.at(&origin))?;
                Draft::Sqlite(SqliteTarget::at(&self.value(name, environment, parse_text)?, self.folder()))
            }
            Dialect::Postgres => {
                let mut keywords = Keywords::default();
                for (key, text) in keys.connection() {
                    let keyword = match key {
                        "name" => "dbname",
                        "ssl_mode" => "sslmode",
                        "ssl_root_cert" => "sslrootcert",
                        same => same,
                    };
                    let value = value(text)?;
                    // an empty one is one that is not given: the defaults apply
                    if !value.is_empty() {
                        keywords.set(keyword, value, &self.origin(text.place), self.folder());
                    }
                }
                keywords.check()?;
                Draft::Postgres(keywords)
            }
        };
        Ok((draft, origin))
    }

    /// Finds what is wrong with values that don't depend on the environment, also where they are not used now.
    fn check(&self) -> Result<(), ConfigError> {
        let content = &self.content;
        for database in content.database.iter().chain(content.databases.iter().flatten().map(|(_, database)| database))
        {
            self.check_database(database)?;
            self.check_migrations(database.keys.migrations.as_ref())?;
        }
        self.check_migrations(content.migrations.as_ref())?;
        content.port.as_ref().map_or(Ok(()), |port| port.check(self))?;
        content.audit.as_ref().map_or(Ok(()), |audit| audit.check(self))?;
        self.check_value(content.default_env.as_ref(), |name| match self.database(name) {
            Some(_) => Ok(()),
            None => Err(Problem::Expected("a name that stands under `databases:`")),
        })
    }

    fn check_database(&self, database: &Database) -> Result<(), ConfigError> {
        let keys = &database.keys;
        if let Some(kind) = database.wrong {
            let problem = Problem::Shape(format!("expected a URL, or a mapping of keys, found {kind}"));
            return Err(problem.at(&self.origin(database.place)));
        }
        keys.check_company().map_err(|(problem, place)| problem.at(&self.origin(place.unwrap_or(database.place))))?;
        let mut fixed = true;
        let described = keys.connection().into_iter().map(|(_, text)| text);
        for text in described.chain(keys.url.as_ref()).chain(keys.r#type.as_ref()) {
            fixed &= !text.has_variables().map_err(|problem| {
                problem.at(&Origin::File { file: self.path.clone(), at: text.place.position_of("${", &self.source) })
            })?;
        }
        self.check_value(keys.r#type.as_ref(), |text| parse_dialect(text).map(drop))?;
        self.check_value(keys.port.as_ref(), |text| match text.trim().parse::<u16>() {
            Ok(1..) => Ok(()),
            _ if text.contains(',') => Ok(()),
            _ => Err(keywords::PORT),
        })?;
        self.check_value(keys.ssl_mode.as_ref(), |text| {
            let expected = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
            SslMode::from_name(text).map(drop).ok_or(Problem::Parameter { name: "ssl_mode", expected })
        })?;
        self.check_value(keys.protected.as_ref(), |text| parse_bool(text).map(drop))?;
        if fixed {
            self.target(database, &Environment::default())?;
        }
        Ok(())
    }

    fn check_migrations(&self, migrations: Option<&Migrations>) -> Result<(), ConfigError> {
        let Some(section) = migrations else { return Ok(()) };
        self.check_value(section.dir.as_ref(), |text| parse_text(text).map(drop))?;
        self.check_value(section.layout.as_ref(), |text| parse_text(text).map(drop))?;
        self.check_value(section.numbering.as_ref(), |text| text.parse::<Numbering>().map(drop))?;
        self.check_value(section.allow_out_of_order.as_ref(), |text| parse_bool(text).map(drop))?;
        self.check_value(section.lock_timeout.as_ref(), |text| parse_duration(text).map(drop))?;
        self.check_value(section.lock_retries.as_ref(), |text| parse_count(text).map(drop))?;
        self.check_value(section.lock_wait.as_ref(), |text| parse_duration(text).map(drop))
    }

    fn check_value(
        &self,
        text: Option<&Text>,
        read: impl FnOnce(&str) -> Result<(), Problem>,
    ) -> Result<(), ConfigError> {
        let Some(text) = text else { return Ok(()) };
        match text.has_variables() {
            Ok(true) => Ok(()),
            _ => self.value(text, &Environment::default(), read),
        }
    }
}

impl DatabaseKeys {
    /// The keys that describe a connection one by one, by name.
    fn connection(&self) -> Vec<(&'static str, &Text)> {
        [
            ("host", &self.host),
            ("port", &self.port),
            ("name", &self.name),
            ("user", &self.user),
            ("password", &self.password),
            ("ssl_mode", &self.ssl_mode),
            ("ssl_root_cert", &self.ssl_root_cert),
            ("options", &self.options),
            ("application_name", &self.application_name),
        ]
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_ref()?)))
        .collect()
    }

    /// Finds keys that say what `url` says already. A password may stand beside it: there it needs no encoding.
    fn check_company(&self) -> Result<(), (Problem, Option<Place>)> {
        if self.url.is_none() {
            return if self.r#type.is_none() { Err((Problem::NoUrlOrType, None)) } else { Ok(()) };
        }
        let mut beside = self.connection();
        beside.extend(self.r#type.as_ref().map(|text| ("type", text)));
        match beside.into_iter().find(|(key, _)| *key != "password") {
            Some((key, text)) => Err((Problem::Misplaced { key, with: "`url`, which says it" }, Some(text.place))),
            None => Ok(()),
        }
    }
}

fn parse_dialect(text: &str) -> Result<Dialect, Problem> {
    Dialect::from_name(text.trim()).ok_or(Problem::Expected("`sqlite` or `postgres`"))
}

/// What the YAML reader has to say, in our words and without any value of the file.
fn describe(path: &Path, error: &YamlError) -> ConfigError {
    let location = error.location().unwrap_or(serde_saphyr::Location::UNKNOWN);
    let origin = Origin::File { file: path.to_owned(), at: Place::of(location).position() };
    let mut cause = error.without_snippet();
    while let YamlError::AliasError { error, .. } = cause {
        cause = error;
    }
    // a key that can't be one of ours may be a URL that stands in the wrong place
    let shown = |key: &str| {
        let plain = key.len() <= 40 && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c));
        plain.then(|| key.to_owned())
    };
    let problem = match cause {
        YamlError::SerdeUnknownField { field, expected, .. } => Problem::UnknownKey {
            key: shown(field),
            nearest: suggest::nearest(field, expected.iter().copied()).map(str::to_owned),
            known: expected.iter().map(|&name| name.to_owned()).collect(),
        },
        YamlError::DuplicateMappingKey { key, .. } => Problem::DuplicateKey(key.as_deref().and_then(shown)),
        YamlError::SerdeInvalidType { unexpected, expected, .. }
        | YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
            // the kind alone, of `string "the value"` or "integer `5`"
            let kind = unexpected.split(['"', '`']).next().unwrap_or_default().trim();
            Problem::Shape(format!("expected {expected}, found {kind}"))
        }
        YamlError::UnsupportedTag { .. } => {
            Problem::Shape("a value that begins with `!` has to be in quotes".to_owned())
        }
        YamlError::Unexpected { expected: "mapping start", .. } => {
            Problem::Shape("expected a mapping of keys".to_owned())
        }
        YamlError::Unexpected { expected: "sequence start", .. } => Problem::Shape("expected a list".to_owned()),
        YamlError::Unexpected { expected: "string scalar", .. } => Problem::Shape("expected a single value".to_owned()),
        YamlError::MultipleDocuments { .. } => Problem::Shape("a second document begins here".to_owned()),
        other => Problem::Shape(DefaultMessageFormatter.format_message(other).into_owned()),
    };
    problem.at(&origin)
}
