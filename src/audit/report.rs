//! The audit itself, from a schema to its report; and the report as plain data.

use super::AuditError;
use super::finding::Finding;
use super::fix::SuggestedIndex;
use super::options::{Ignore, Options};
use super::rules::{RULES, Subjects};
use super::schema::Schema;
use super::serve::{self, Coverage};
use super::statistics::Statistics;

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

/// Audits a schema.
///
/// # Errors
/// [`AuditError::Usage`] where the options name a rule that there is none of.
pub fn audit(schema: &Schema, statistics: &Statistics, options: &Options) -> Result<Report, AuditError> {
    let known = |name: &String| RULES.iter().any(|rule| rule.name == name);
    if let Some(name) = options.only.iter().chain(&options.skip).find(|name| !known(name)) {
        return Err(AuditError::Usage {
            message: format!("there is no rule `{name}`"),
            hint: "`liftlock audit --list-rules` shows those that there are".to_owned(),
        });
    }
    let coverage: Vec<Vec<Coverage>> = schema
        .tables
        .iter()
        .map(|table| {
            let judge = |foreign_key| serve::judge(schema, table, foreign_key, &|_, _| true);
            table.foreign_keys.iter().map(judge).collect()
        })
        .collect();
    let looks = |name: &str, on: bool| {
        let chosen = if options.only.is_empty() { on } else { options.only.iter().any(|only| only == name) };
        chosen && !options.skip.iter().any(|skip| skip == name)
    };
    let rules: Vec<_> = RULES.iter().filter(|rule| looks(rule.name, rule.on)).collect();
    let subjects = Subjects { schema, statistics, coverage: &coverage };
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| (rule.check)(&subjects)).collect();
    findings.sort_by(|one, other| {
        (other.severity, &one.subject, one.rule).cmp(&(one.severity, &other.subject, other.rule))
    });
    let failed = findings.iter().any(|finding| finding.severity >= options.fail_on);
    Ok(Report {
        findings,
        ignored: Vec::new(),
        idle_ignores: Vec::new(),
        foreign_keys: verdicts(schema, &coverage),
        rules: rules.iter().map(|rule| rule.name).collect(),
        failed,
    })
}

fn verdicts(schema: &Schema, coverage: &[Vec<Coverage>]) -> Vec<ForeignKeyVerdict> {
    let mut verdicts = Vec::new();
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
