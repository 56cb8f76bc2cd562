//! The audit itself, from a schema to its report; and the report as plain data.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicUsize, Ordering as AtomicOrdering};

use super::AuditError;
use super::finding::{Finding, Remedy, Severity};
use super::fix::SuggestedIndex;
use super::options::{Ignore, Options};
use super::rules::{Rule, Subjects};
use super::schema::{Schema, Table, Version};
use super::serve::{self, Coverage};
use super::statistics::Statistics;
use crate::Dialect;

/// What an audit came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What is the matter: the worst first, then by subject.
    pub findings: Vec<Finding>,
    /// Findings that are accepted, each with the reason.
    pub ignored: Vec<(Finding, String)>,
    /// Ignores that matched nothing.
    pub idle_ignores: Vec<Ignore>,
    /// Every foreign key, served or not, in the order of the schema's tables.
    pub foreign_keys: Vec<ForeignKeyVerdict>,
    /// The database's kind and version for which all of this holds.
    pub judged_for: (Dialect, Version),
    /// The rules that looked.
    pub rules: Vec<&'static str>,
    /// Whether something at least as bad as asked for was found.
    pub failed: bool,
}

/// A foreign key and how it is served.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignKeyVerdict {
    /// The child's schema.
    pub schema: String,
    /// The child.
    pub table: String,
    /// The constraint's name, where it has one.
    pub name: Option<String>,
    /// Its columns.
    pub columns: Vec<String>,
    /// The parent's schema.
    pub parent_schema: String,
    /// The parent.
    pub parent_table: String,
    /// The parent's columns.
    pub parent_columns: Vec<String>,
    /// How it is served.
    pub coverage: Coverage,
    /// Whether types of both sides differ.
    pub type_mismatch: bool,
    /// The index that would serve it, where it is not served and one could.
    pub suggested: Option<SuggestedIndex>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Findings by severity; without those that are ignored.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
    /// Findings that are ignored.
    pub ignored: usize,
    /// Foreign keys.
    pub foreign_keys: usize,
    /// Those that are served well enough.
    pub served: usize,
}

impl Report {
    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        Counts {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
            ignored: self.ignored.len(),
            foreign_keys: self.foreign_keys.len(),
            served: self.foreign_keys.iter().filter(|key| key.coverage.level.covers()).count(),
        }
    }

    /// The indexes that mend findings, those that are ignored left out: what a fix is written from.
    #[must_use]
    pub fn suggested(&self) -> Vec<SuggestedIndex> {
        let index = |finding: &Finding| match &finding.remedy {
            Remedy::Index(index) => Some(index.clone()),
            _ => None,
        };
        self.findings.iter().filter_map(index).collect()
    }
}

/// Audits a schema.
///
/// # Errors
/// [`AuditError::Usage`] where the options name a rule that there is none of, or leave none.
pub fn audit(schema: &Schema, statistics: &Statistics, options: &Options) -> Result<Report, AuditError> {
    let rules = options.rules()?;
    let coverage = judged(schema);
    let subjects = Subjects::new(schema, statistics, &coverage);
    let mut ignored = Vec::new();
    let mut idle = vec![true; options.ignore.len()];
    let (found, foreign_keys) = looked(&rules, &subjects);
    let left = found.into_iter().filter_map(|finding| {
        let mut reason = None;
        for (ignore, idle) in options.ignore.iter().zip(&mut idle) {
            if ignore.covers(&finding) {
                *idle = false;
                reason = reason.or(Some(&ignore.reason));
            }
        }
        match reason {
            None => Some(finding),
            Some(reason) => {
                ignored.push((finding, reason.clone()));
                None
            }
        }
    });
    let mut findings: Vec<Finding> = left.collect();
    findings.sort_by(worst_first);
    ignored.sort_by(|(one, _), (other, _)| worst_first(one, other));
    let idle_ignores =
        options.ignore.iter().zip(idle).filter(|(ignore, idle)| *idle && options.looked_for(ignore, &rules));
    Ok(Report {
        failed: findings.iter().any(|finding| finding.severity >= options.fail_on),
        findings,
        ignored,
        idle_ignores: idle_ignores.map(|(ignore, _)| ignore.clone()).collect(),
        foreign_keys,
        rules: rules.iter().map(|rule| rule.name).collect(),
        judged_for: (schema.dialect, schema.version),
    })
}

/// How every foreign key is served, half of the tables beside the other half.
fn judged(schema: &Schema) -> Vec<Vec<Coverage>> {
    let of_tables = |tables: &[Table]| -> Vec<Vec<Coverage>> {
        let of_table = |table: &Table| {
            let judge = |foreign_key| serve::judge(schema, table, foreign_key, &|_, _| true);
            table.foreign_keys.iter().map(judge).collect()
        };
        tables.iter().map(of_table).collect()
    };
    let (one, other) = schema.tables.split_at(schema.tables.len() / 2);
    let (mut coverage, other) = side_by_side(|| of_tables(one), || of_tables(other));
    coverage.extend(other);
    coverage
}

/// What the rules find, in their order; and the verdicts, for which one of the two that look has time.
fn looked(rules: &[&Rule], subjects: &Subjects<'_>) -> (Vec<Finding>, Vec<ForeignKeyVerdict>) {
    let next = AtomicUsize::new(0);
    let look = || {
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, AtomicOrdering::Relaxed);
            let Some(rule) = rules.get(at) else { return found };
            found.push((at, (rule.check)(subjects)));
        }
    };
    let (mut found, (verdicts, rest)) = side_by_side(look, || (verdicts(subjects.schema, subjects.coverage), look()));
    found.extend(rest);
    found.sort_unstable_by_key(|(at, _)| *at);
    let mut findings = Vec::with_capacity(found.iter().map(|(_, found)| found.len()).sum());
    findings.extend(found.into_iter().flat_map(|(_, found)| found));
    (findings, verdicts)
}

fn side_by_side<T: Send, U>(one: impl FnOnce() -> T + Send, other: impl FnOnce() -> U) -> (T, U) {
    std::thread::scope(|scope| {
        let helper = scope.spawn(one);
        let other = other();
        (helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), other)
    })
}

fn worst_first(one: &Finding, other: &Finding) -> Ordering {
    (other.severity, &one.subject, one.rule).cmp(&(one.severity, &other.subject, other.rule))
}

fn verdicts(schema: &Schema, coverage: &[Vec<Coverage>]) -> Vec<ForeignKeyVerdict> {
    let mut verdicts = Vec::with_capacity(coverage.iter().map(Vec::len).sum());
    for (table, coverage) in schema.tables.iter().zip(coverage) {
        for (foreign_key, coverage) in table.foreign_keys.iter().zip(coverage) {
            verdicts.push(ForeignKeyVerdict {
                schema: table.schema.clone(),
                table: table.name.clone(),
                name: foreign_key.name.clone(),
                columns: foreign_key.columns.iter().map(|column| column.column.clone()).collect(),
                parent_schema: foreign_key.parent_schema.clone(),
                parent_table: foreign_key.parent.clone(),
                parent_columns: foreign_key.columns.iter().map(|column| column.parent_column.clone()).collect(),
                type_mismatch: foreign_key.columns.iter().any(|column| column.types_differ),
                suggested: SuggestedIndex::of(table, foreign_key, coverage),
                coverage: coverage.clone(),
            });
        }
    }
    verdicts
}
