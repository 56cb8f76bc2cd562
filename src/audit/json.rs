//! The report for programs (docs/json.md): structs made for output.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::finding::{Finding, Remedy, Severity, Subject};
use super::options::Ignore;
use super::remedies::{Remedies, in_words};
use super::report::{Counts, ForeignKeyVerdict, Report};
use super::serve::Level;

/// A report.
#[derive(Debug, Serialize)]
pub struct ReportJson<'a> {
    judged_for: JudgedFor,
    rules: &'a [&'static str],
    counts: Counts,
    failed: bool,
    #[serde(serialize_with = "findings")]
    findings: Of<'a>,
    #[serde(serialize_with = "foreign_keys")]
    foreign_keys: Of<'a>,
    ignored: Vec<IgnoredJson<'a>>,
    idle_ignores: Vec<IgnoreJson<'a>>,
}

/// What the long lists are made of: entry by entry, as they are written.
#[derive(Debug, Clone, Copy)]
struct Of<'a> {
    report: &'a Report,
    remedies: &'a Remedies,
}

fn findings<S: Serializer>(of: &Of<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(of.report.findings.iter().map(|finding| FindingJson::of(finding, of.remedies)))
}

fn foreign_keys<S: Serializer>(of: &Of<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(of.report.foreign_keys.iter().map(|key| ForeignKeyJson::of(key, of.remedies)))
}

#[derive(Debug, Serialize)]
struct JudgedFor {
    dialect: &'static str,
    version: String,
}

#[derive(Debug, Serialize)]
struct FindingJson<'a> {
    rule: &'static str,
    severity: Severity,
    subject: &'a Subject,
    message: &'a str,
    explanation: &'a str,
    remedy: RemedyJson<'a>,
}

/// What mends a finding: `sql` or `text`, and of an index what it is over.
#[derive(Debug, Serialize)]
struct RemedyJson<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<IndexJson<'a>>,
}

#[derive(Debug, Serialize)]
struct IndexJson<'a> {
    schema: &'a str,
    table: &'a str,
    columns: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct ForeignKeyJson<'a> {
    schema: &'a str,
    table: &'a str,
    name: Option<&'a str>,
    columns: &'a [String],
    parent_schema: &'a str,
    parent_table: &'a str,
    parent_columns: &'a [String],
    covered: bool,
    level: Level,
    why: &'a str,
    index: Option<&'a str>,
    note: Option<&'a str>,
    type_mismatch: bool,
    fix: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
struct IgnoredJson<'a> {
    reason: &'a str,
    #[serde(flatten)]
    finding: FindingJson<'a>,
}

#[derive(Debug, Serialize)]
struct IgnoreJson<'a> {
    rule: &'a str,
    subject: &'a str,
    reason: &'a str,
}

impl<'a> ReportJson<'a> {
    /// The report with what mends its findings.
    #[must_use]
    pub fn of(report: &'a Report, remedies: &'a Remedies) -> Self {
        let (dialect, version) = report.judged_for;
        let of = Of { report, remedies };
        Self {
            judged_for: JudgedFor { dialect: dialect.name(), version: version.to_string() },
            rules: &report.rules,
            counts: report.counts(),
            failed: report.failed,
            findings: of,
            foreign_keys: of,
            ignored: report
                .ignored
                .iter()
                .map(|(ignored, reason)| IgnoredJson { reason, finding: FindingJson::of(ignored, remedies) })
                .collect(),
            idle_ignores: report
                .idle_ignores
                .iter()
                .map(|Ignore { rule, subject, reason }| IgnoreJson { rule, subject, reason })
                .collect(),
        }
    }
}

impl<'a> FindingJson<'a> {
    fn of(finding: &'a Finding, remedies: &'a Remedies) -> Self {
        Self {
            rule: finding.rule,
            severity: finding.severity,
            subject: &finding.subject,
            message: &finding.message,
            explanation: &finding.explanation,
            remedy: RemedyJson::of(&finding.remedy, remedies),
        }
    }
}

impl<'a> RemedyJson<'a> {
    fn of(remedy: &'a Remedy, remedies: &'a Remedies) -> Self {
        let none = Self { kind: "none", sql: None, text: None, index: None };
        match remedy {
            Remedy::Index(index) => {
                let columns = index.keys.iter().map(|key| key.column.as_str()).collect();
                let over = IndexJson { schema: &index.schema, table: &index.table, columns };
                let sql = remedies.sql(index);
                let text = sql.is_none().then(|| in_words(index));
                Self { kind: "index", sql, text, index: Some(over) }
            }
            Remedy::Statement(sql) => Self { kind: "statement", sql: Some(sql), ..none },
            Remedy::Advice(text) => Self { kind: "advice", text: Some(text.clone()), ..none },
            Remedy::None(text) => Self { text: Some(text.clone()), ..none },
        }
    }
}

impl<'a> ForeignKeyJson<'a> {
    fn of(key: &'a ForeignKeyVerdict, remedies: &'a Remedies) -> Self {
        let coverage = &key.coverage;
        let made = |index| remedies.sql(index).map_or_else(|| Cow::Owned(in_words(index)), Cow::Borrowed);
        Self {
            schema: &key.schema,
            table: &key.table,
            name: key.name.as_deref(),
            columns: &key.columns,
            parent_schema: &key.parent_schema,
            parent_table: &key.parent_table,
            parent_columns: &key.parent_columns,
            covered: coverage.level.covers(),
            level: coverage.level,
            why: &coverage.why,
            index: coverage.index.as_deref(),
            note: coverage.note.as_deref(),
            type_mismatch: key.type_mismatch,
            fix: key.suggested.as_ref().map(made).or_else(|| coverage.blocked.as_deref().map(Cow::Borrowed)),
        }
    }
}
