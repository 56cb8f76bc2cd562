//! The section `audit:` of liftlock.yaml: which rules look, where, what fails, and which findings are accepted.

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::file::ConfigFile;
use super::section::Reader;
use super::value::{Place, Text, parse_text};
use super::{ConfigError, Environment, Origin, Problem};

/// What liftlock.yaml says of audits, as it was written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditSection {
    #[serde(default)]
    only: Option<Vec<Text>>,
    #[serde(default)]
    skip: Option<Vec<Text>>,
    fail_on: Option<Text>,
    #[serde(default)]
    schema_name: Option<Vec<Text>>,
    #[serde(default)]
    ignore: Option<Vec<Entry>>,
}

/// One of `ignore:`, and where it begins.
struct Entry {
    place: Place,
    keys: EntryKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryKeys {
    rule: Option<Text>,
    subject: Option<Text>,
    reason: Option<Text>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Spanned::<EntryKeys>::deserialize(deserializer)?;
        Ok(Self { place: Place::of(keys.defined), keys: keys.value })
    }
}

/// What liftlock.yaml says of audits; what it doesn't say is `None`, or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Only these rules.
    pub only: Vec<AuditRule>,
    /// Not these rules.
    pub skip: Vec<AuditRule>,
    /// What fails an audit.
    pub fail_on: Option<AuditFailOn>,
    /// Only tables of these schemas of PostgreSQL's.
    pub schema_names: Vec<AuditSchema>,
    /// Findings that are accepted.
    pub ignore: Vec<AuditIgnore>,
}

/// A rule's name, and where it was written. Whether there is such a rule is for the audit to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRule {
    /// The name; in `ignore`, `*` for every rule.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
}

/// A schema's name, and where it was written. Whether there is such a schema is for the audit to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSchema {
    /// The name, as the catalog has it.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
}

/// The least that fails an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFailOn {
    /// Warnings and errors.
    Warning,
    /// Errors alone.
    Error,
}

/// Findings that are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditIgnore {
    /// The rule.
    pub rule: AuditRule,
    /// The subject: `table`, `schema.table`, `table.column`, or the name of an index or constraint; with `*` and `?`.
    pub subject: String,
    /// Why it is accepted.
    pub reason: String,
}

impl AuditRule {
    /// The error that there is no such rule.
    #[must_use]
    pub fn unknown(&self, hint: String) -> ConfigError {
        Problem::UnknownRule { name: self.name.clone(), hint }.at(&self.origin)
    }
}

impl AuditSchema {
    /// The error that the database has no tables in such a schema.
    #[must_use]
    pub fn unknown(&self, hint: String) -> ConfigError {
        Problem::UnknownSchema { name: self.name.clone(), hint }.at(&self.origin)
    }
}

impl AuditSection {
    /// The section with its variables replaced.
    pub(super) fn resolve(&self, file: &ConfigFile, environment: &Environment) -> Result<AuditSettings, ConfigError> {
        self.read(&Reader { file, environment, only_fixed: false })
    }

    /// Finds what is wrong with values that don't depend on the environment.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        self.read(&Reader { file, environment: &Environment::default(), only_fixed: true }).map(drop)
    }

    fn read(&self, reader: &Reader<'_>) -> Result<AuditSettings, ConfigError> {
        let entries = self.ignore.iter().flatten().map(|entry| ignore(entry, reader));
        Ok(AuditSettings {
            only: rules(self.only.as_deref(), reader)?,
            skip: rules(self.skip.as_deref(), reader)?,
            fail_on: reader.value(self.fail_on.as_ref(), parse_fail_on)?,
            schema_names: schemas(self.schema_name.as_deref(), reader)?,
            ignore: entries.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        })
    }
}

fn rules(texts: Option<&[Text]>, reader: &Reader<'_>) -> Result<Vec<AuditRule>, ConfigError> {
    texts.unwrap_or_default().iter().filter_map(|text| rule(text, reader).transpose()).collect()
}

fn rule(text: &Text, reader: &Reader<'_>) -> Result<Option<AuditRule>, ConfigError> {
    let name = reader.value(Some(text), parse_text)?;
    Ok(name.map(|name| AuditRule { name, origin: reader.file.origin(text.place) }))
}

fn schemas(texts: Option<&[Text]>, reader: &Reader<'_>) -> Result<Vec<AuditSchema>, ConfigError> {
    let schema = |text: &Text| {
        let name = reader.value(Some(text), parse_text)?;
        Ok(name.map(|name| AuditSchema { name, origin: reader.file.origin(text.place) }))
    };
    texts.unwrap_or_default().iter().filter_map(|text| schema(text).transpose()).collect()
}

/// `None` where a part depends on the environment, and that is passed over.
fn ignore(entry: &Entry, reader: &Reader<'_>) -> Result<Option<AuditIgnore>, ConfigError> {
    let EntryKeys { rule: Some(named), subject: Some(subject), reason } = &entry.keys else {
        return Err(reader.wrong(entry.place, "an ignore needs `rule`, `subject` and `reason`"));
    };
    let Some(reason) = reason else {
        return Err(reader.wrong(entry.place, "an ignore needs a `reason`: why the finding is accepted"));
    };
    let parts =
        (rule(named, reader)?, reader.value(Some(subject), parse_text)?, reader.value(Some(reason), parse_text)?);
    Ok(match parts {
        (Some(rule), Some(subject), Some(reason)) => Some(AuditIgnore { rule, subject, reason }),
        _ => None,
    })
}

fn parse_fail_on(text: &str) -> Result<AuditFailOn, Problem> {
    match text.trim() {
        "warn" | "warning" => Ok(AuditFailOn::Warning),
        "error" => Ok(AuditFailOn::Error),
        _ => Err(Problem::Expected("`warn` or `error`")),
    }
}
