//! The section `retention:` of liftlock.yaml: which rows are kept for how long, and what becomes of those that are older.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::file::ConfigFile;
use super::port::parse_time_number;
use super::section::Reader;
use super::target::Draft;
use super::value::{Place, Text, parse_bool, parse_count, parse_text};
use super::{ConfigError, Environment, Origin, Problem, Target};
use crate::value::TimeNumber;

/// One policy as it was written, and where it begins.
pub(super) struct RetentionSection {
    place: Place,
    keys: PolicyKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyKeys {
    table: Option<Text>,
    age: Option<Text>,
    unit: Option<Text>,
    older_than: Option<Text>,
    r#where: Option<Text>,
    action: Option<Text>,
    #[serde(default)]
    soft_delete: Option<SoftDeleteKeys>,
    archive: Option<Text>,
    children: Option<Text>,
    batch_rows: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SoftDeleteKeys {
    column: Option<Text>,
    unit: Option<Text>,
    reason: Option<Text>,
    by: Option<Text>,
}

impl<'de> Deserialize<'de> for RetentionSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Spanned::<PolicyKeys>::deserialize(deserializer)?;
        Ok(Self { place: Place::of(keys.defined), keys: keys.value })
    }
}

/// A policy: rows of a table that are older than something, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Where it was written.
    pub origin: Origin,
    /// `table`, or on PostgreSQL `schema.table`.
    pub table: String,
    /// The column that tells a row's age.
    pub age: String,
    /// What a number in that column means.
    pub unit: Option<TimeNumber>,
    /// Rows whose time is before now minus this are old.
    pub older_than: Duration,
    /// The same as it was written.
    pub older_than_text: String,
    /// Only rows for which this SQL expression is true.
    pub condition: Option<String>,
    /// Where that was written.
    pub condition_origin: Option<Origin>,
    /// What becomes of them.
    pub action: RetentionAction,
    /// Rows that refer to them by a key that would not let them go are deleted (archived) with them.
    pub children: bool,
    /// How many of the table's rows go in one transaction at most.
    pub batch_rows: Option<u64>,
}

/// What becomes of old rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionAction {
    /// They are deleted.
    Delete,
    /// They are marked as deleted.
    SoftDelete {
        /// The column that takes the time (or `true`).
        column: String,
        /// What a number in that column means.
        unit: Option<TimeNumber>,
        /// The column that takes why.
        reason: Option<String>,
        /// The column that takes who.
        by: Option<String>,
    },
    /// They are copied to another database, and deleted once they are there.
    Archive(Box<Target>),
}

impl RetentionSection {
    /// The policy with its variables replaced.
    pub(super) fn resolve(
        &self,
        file: &ConfigFile,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<RetentionPolicy, ConfigError> {
        let reader = Reader { file, environment, only_fixed: false };
        let policy = self.read(&reader, |draft| draft.resolve(environment, file.folder(), warnings).map(Some))?;
        // nothing was passed over
        policy.ok_or_else(|| reader.wrong(self.place, "a policy needs `table`, `age` and `older_than`"))
    }

    /// Finds what is wrong with values that don't depend on the environment.
    pub(super) fn check(&self, file: &ConfigFile) -> Result<(), ConfigError> {
        let reader = Reader { file, environment: &Environment::default(), only_fixed: true };
        self.read(&reader, |_| Ok(None)).map(drop)
    }

    /// `None` where a part depends on the environment, and that is passed over.
    fn read(
        &self,
        reader: &Reader<'_>,
        target: impl FnOnce(Draft) -> Result<Option<Target>, ConfigError>,
    ) -> Result<Option<RetentionPolicy>, ConfigError> {
        let keys = &self.keys;
        let (Some(table), Some(age), Some(older_than)) = (&keys.table, &keys.age, &keys.older_than) else {
            return Err(reader.wrong(self.place, "a policy needs `table`, `age` and `older_than`"));
        };
        let table = reader.value(Some(table), parse_text)?;
        let age = reader.value(Some(age), parse_text)?;
        let unit = reader.value(keys.unit.as_ref(), parse_time_number)?;
        let period = reader.value(Some(older_than), |text| Ok((parse_period(text)?, text.trim().to_owned())))?;
        let condition = reader.value(keys.r#where.as_ref(), parse_text)?;
        let children = reader.value(keys.children.as_ref(), parse_children)?.unwrap_or(false);
        let batch_rows = reader.value(keys.batch_rows.as_ref(), parse_rows)?;
        let named = reader.value(keys.action.as_ref(), parse_action)?;
        let kind = match (named, &keys.soft_delete, &keys.archive) {
            (_, Some(_), Some(_)) => {
                return Err(reader.wrong(self.place, "a policy has `soft_delete` or `archive`, not both"));
            }
            (Some(kind), soft_delete, archive) => {
                if soft_delete.is_some() != (kind == Kind::SoftDelete) || archive.is_some() != (kind == Kind::Archive) {
                    return Err(reader.wrong(
                        self.place,
                        "`action: soft_delete` goes with `soft_delete: {column: …}`, `action: archive` with `archive: URL`, \
                         `action: delete` with neither",
                    ));
                }
                kind
            }
            (None, ..) if keys.action.is_some() => return Ok(None),
            (None, None, None) => {
                let what = "a policy needs `action`: `delete`, `soft_delete` or `archive`";
                return Err(reader.wrong(self.place, what));
            }
            (None, Some(_), None) => Kind::SoftDelete,
            (None, None, Some(_)) => Kind::Archive,
        };
        if children && kind == Kind::SoftDelete {
            return Err(
                reader.wrong(self.place, "`children` goes with `delete` and `archive`: a soft delete leaves rows")
            );
        }
        let action = match kind {
            Kind::Delete => Some(RetentionAction::Delete),
            Kind::SoftDelete => self.soft_delete(reader)?,
            Kind::Archive => match reader.value(keys.archive.as_ref(), |text| Ok(text.to_owned()))? {
                None => None,
                Some(url) => {
                    let place = keys.archive.as_ref().map_or(self.place, |text| text.place);
                    let draft = Draft::parse(&url, &reader.file.origin(place), reader.file.folder())?;
                    target(draft)?.map(|target| RetentionAction::Archive(Box::new(target)))
                }
            },
        };
        Ok(match (table, age, period, action) {
            (Some(table), Some(age), Some((older_than, older_than_text)), Some(action)) => Some(RetentionPolicy {
                origin: reader.file.origin(self.place),
                table,
                age,
                unit,
                older_than,
                older_than_text,
                condition,
                condition_origin: keys.r#where.as_ref().map(|text| reader.file.origin(text.place)),
                action,
                children,
                batch_rows,
            }),
            _ => None,
        })
    }

    fn soft_delete(&self, reader: &Reader<'_>) -> Result<Option<RetentionAction>, ConfigError> {
        let keys = self.keys.soft_delete.as_ref();
        let Some(column) = keys.and_then(|keys| keys.column.as_ref()) else {
            return Err(reader.wrong(self.place, "`soft_delete` needs `column`, which takes the time"));
        };
        let text = |key: fn(&SoftDeleteKeys) -> &Option<Text>| {
            reader.value(keys.and_then(|keys| key(keys).as_ref()), parse_text)
        };
        let unit = reader.value(keys.and_then(|keys| keys.unit.as_ref()), parse_time_number)?;
        let (reason, by) = (text(|keys| &keys.reason)?, text(|keys| &keys.by)?);
        let column = reader.value(Some(column), parse_text)?;
        Ok(column.map(|column| RetentionAction::SoftDelete { column, unit, reason, by }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delete,
    SoftDelete,
    Archive,
}

fn parse_action(text: &str) -> Result<Kind, Problem> {
    match text.trim() {
        "delete" => Ok(Kind::Delete),
        "soft_delete" => Ok(Kind::SoftDelete),
        "archive" => Ok(Kind::Archive),
        _ => Err(Problem::Expected("`delete`, `soft_delete` or `archive`")),
    }
}

fn parse_children(text: &str) -> Result<bool, Problem> {
    match text.trim() {
        "delete" => Ok(true),
        "refuse" => Ok(false),
        other => match parse_bool(other) {
            Ok(false) => Ok(false),
            _ => Err(Problem::Expected("`delete` or `refuse`")),
        },
    }
}

fn parse_rows(text: &str) -> Result<u64, Problem> {
    match parse_count(text) {
        Ok(rows @ 1..) => Ok(rows.into()),
        _ => Err(Problem::Expected("a whole number, 1 or more")),
    }
}

/// A period of at least a second. Months and years are left out: they are not always as long.
fn parse_period(text: &str) -> Result<Duration, Problem> {
    let problem = Problem::Expected("a time such as `90d`, `12h`, `30min` or `4w`");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let Ok(number) = text[..digits].parse::<u64>() else { return Err(problem) };
    let seconds = match text[digits..].trim_start() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(problem),
    };
    // no more than a thousand years, so that nothing computed from it overflows
    match number.checked_mul(seconds) {
        Some(seconds @ 1..=31_557_600_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        for (text, expected) in [
            ("90d", Some(7_776_000)),
            ("2 w", Some(1_209_600)),
            ("1h", Some(3600)),
            ("5min", Some(300)),
            ("1s", Some(1)),
            ("0d", None),
            ("90", None),
            ("3m", None),
            ("-1d", None),
            ("99999999999999d", None),
        ] {
            assert_eq!(parse_period(text).ok().map(|period| period.as_secs()), expected, "{text}");
        }
    }
}
