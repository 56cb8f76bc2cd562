//! Foreign keys whose columns are of other types than the parent's.

use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Affinity, Column, ForeignKey, ForeignKeyColumn};
use crate::audit::serve::Coverage;

pub(super) const RULE: Rule = Rule {
    name: "foreign-key-type",
    summary: "Foreign keys whose columns are of other types than the parent's: an error where no index can be used for it.",
    severity: Severity::Error,
    on: true,
    check,
};

/// Both rules find it, since either may be left out.
const ONE_PROBLEM: &str = " Where `missing-foreign-key-index` tells of this foreign key, it is the same problem.";

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, table, foreign_key, coverage) in subjects.foreign_keys() {
        for column in foreign_key.columns.iter().filter(|column| column.types_differ) {
            if let Some(own) = table.column(&column.column) {
                findings.push(finding(subjects, at, foreign_key, column, own, coverage));
            }
        }
    }
    findings
}

/// What two types that differ lead to.
struct Verdict {
    severity: Severity,
    means: String,
    /// Which side should change: the parent where that is the narrower one.
    change_parent: bool,
    to: String,
}

fn finding(
    subjects: &Subjects<'_>,
    at: usize,
    foreign_key: &ForeignKey,
    column: &ForeignKeyColumn,
    own: &Column,
    coverage: &Coverage,
) -> Finding {
    let schema = subjects.schema;
    let table = &schema.tables[at];
    let parent_at = subjects.places.table(&foreign_key.parent_schema, &foreign_key.parent);
    let parent = parent_at.map(|at| &schema.tables[at]);
    let theirs = parent.and_then(|parent| parent.column(&column.parent_column));
    let verdict = verdict(column, own, theirs, coverage);
    let parent_name = words::plain(schema.dialect, &foreign_key.parent_schema, &foreign_key.parent);
    let child_name = words::plain(schema.dialect, &table.schema, &table.name);
    let (changed_at, changed_name, changed) = match (verdict.change_parent, parent_at) {
        (true, Some(parent_at)) => (parent_at, &parent_name, &column.parent_column),
        _ => (at, &child_name, &column.column),
    };
    Finding {
        rule: RULE.name,
        severity: verdict.severity,
        subject: words::subject(table, vec![column.column.clone()], foreign_key.name.as_deref()),
        message: format!(
            "`{child_name}.{}` ({}) refers to `{parent_name}.{}` ({}), which is of another type.",
            column.column,
            type_name(&own.declared),
            column.parent_column,
            type_name(&column.parent_type),
        ),
        explanation: match verdict.severity {
            Severity::Error => verdict.means + ONE_PROBLEM,
            _ => verdict.means,
        },
        remedy: remedy(subjects, changed_at, changed_name, changed, &verdict.to),
    }
}

fn type_name(declared: &str) -> String {
    if declared.is_empty() { "no type".to_owned() } else { format!("`{declared}`") }
}

fn verdict(column: &ForeignKeyColumn, own: &Column, theirs: Option<&Column>, coverage: &Coverage) -> Verdict {
    let child_to = |severity, to: &str, means: &str| Verdict {
        severity,
        means: means.to_owned(),
        change_parent: false,
        to: to.to_owned(),
    };
    if let Some(cast) = &column.search.cast {
        let severity = if coverage.level.covers() { Severity::Warning } else { Severity::Error };
        let means = format!(
            "To compare them PostgreSQL casts the child's column to `{}`, so that an index on the column itself is never \
             used for the foreign key; only one on the expression `{}` is.",
            cast.to, cast.expression
        );
        return child_to(severity, &cast.to, &means);
    }
    if column.search.affinity_blocks {
        let means = "SQLite compares the two as numbers, but an index on a column that isn't numeric is not in the order of \
                     numbers: no index on this column is ever used for the foreign key.";
        return child_to(Severity::Error, &column.parent_type, means);
    }
    let is_numeric = |affinity| matches!(affinity, Affinity::Integer | Affinity::Real | Affinity::Numeric);
    let affinities = own.affinity.zip(theirs.and_then(|theirs| theirs.affinity));
    if affinities.is_some_and(|(own, theirs)| is_numeric(own) && !is_numeric(theirs)) {
        let means = "An index on the column is used. But a text that looks like a number is stored as that number here and \
                     as text there: `007` becomes 7, and refers to nothing.";
        return child_to(Severity::Warning, &column.parent_type, means);
    }
    match own.maximum.zip(theirs.and_then(|theirs| theirs.maximum)) {
        Some((own, theirs)) if own < theirs => child_to(
            Severity::Warning,
            &column.parent_type,
            "An index on the column is used. But the parent's keys can grow beyond what the child's column holds: rows that \
             refer to such a key can't be inserted.",
        ),
        Some((maximum, theirs)) if maximum > theirs => Verdict {
            severity: Severity::Note,
            means:
                "An index on the column is used, and every key of the parent fits. The parent's column is the narrower \
                    one, and its keys will end first."
                    .to_owned(),
            change_parent: true,
            to: own.declared.clone(),
        },
        _ => child_to(
            Severity::Note,
            &column.parent_type,
            "An index on the column is used. What is equal is decided across two types, which holds surprises, and joins \
             may be slower for it.",
        ),
    }
}

fn remedy(subjects: &Subjects<'_>, at: usize, name: &str, column: &str, to: &str) -> Remedy {
    let schema = subjects.schema;
    if to.is_empty() {
        return Remedy::Advice(format!("Declare `{name}.{column}` as the other side is."));
    }
    match schema.dialect {
        Dialect::Sqlite => Remedy::Advice(format!(
            "Declare `{name}.{column}` as `{to}`. SQLite can't change a column's type: the table has to be made anew."
        )),
        Dialect::Postgres => Remedy::Statement(words::alter_type(subjects, at, column, to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{foreign_key, found, schema, statement, table};

    fn of(dialect: Dialect, own: &str, theirs: &str, change: impl Fn(&mut ForeignKey)) -> Vec<Finding> {
        let mut key = foreign_key(&["p_id"], "p", &["id"]).named("c_fk").differs(theirs);
        change(&mut key);
        let child = table("c").typed("p_id", own).foreign_key(key);
        found(&RULE, &schema(dialect, [child, table("p").typed("id", theirs)]))
    }

    #[test]
    fn the_same_types_are_no_finding() {
        let child = table("c").integer("p_id").foreign_key(foreign_key(&["p_id"], "p", &["id"]));
        assert!(found(&RULE, &schema(Dialect::Postgres, [child, table("p").integer("id")])).is_empty());
    }

    #[test]
    fn what_needs_a_cast_is_an_error_that_names_the_type() {
        let findings = of(Dialect::Postgres, "integer", "numeric", |key| *key = key.clone().cast("numeric"));
        assert_eq!(findings[0].severity, Severity::Error);
        assert!(findings[0].explanation.ends_with(ONE_PROBLEM), "{}", findings[0].explanation);
        assert_eq!(statement(&findings[0]), "ALTER TABLE \"public\".\"c\" ALTER COLUMN \"p_id\" TYPE numeric;");
    }

    #[test]
    fn what_affinity_blocks_is_an_error_that_no_statement_mends() {
        let findings = of(Dialect::Sqlite, "TEXT", "INTEGER", |key| key.columns[0].search.affinity_blocks = true);
        assert_eq!(findings[0].severity, Severity::Error);
        let Remedy::Advice(advice) = &findings[0].remedy else { panic!("{:?}", findings[0].remedy) };
        assert!(advice.contains("`c.p_id` as `INTEGER`"), "{advice}");
    }

    #[test]
    fn a_narrow_child_is_a_warning_and_a_wide_one_a_note_about_the_parent() {
        let findings = of(Dialect::Postgres, "integer", "bigint", |_| ());
        assert_eq!(findings[0].severity, Severity::Warning);
        assert!(!findings[0].explanation.contains(ONE_PROBLEM), "{}", findings[0].explanation);
        assert!(statement(&findings[0]).contains("\"c\" ALTER COLUMN \"p_id\" TYPE bigint"));
        let findings = of(Dialect::Postgres, "bigint", "integer", |_| ());
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(statement(&findings[0]).contains("\"p\" ALTER COLUMN \"id\" TYPE bigint"));
    }

    #[test]
    fn a_number_that_refers_to_text_is_a_warning() {
        let mut key = foreign_key(&["code"], "p", &["code"]).differs("TEXT");
        key.name = None;
        let child = table("c").typed("code", "INTEGER").foreign_key(key);
        let mut schema = schema(Dialect::Sqlite, [child, table("p").typed("code", "TEXT")]);
        schema.tables[1].columns[0].affinity = Some(Affinity::Text);
        let findings = found(&RULE, &schema);
        assert_eq!(findings[0].severity, Severity::Warning);
        assert!(findings[0].explanation.contains("`007`"));
    }

    #[test]
    fn a_partitions_column_is_changed_where_it_comes_from() {
        let key = foreign_key(&["p_id"], "p", &["id"]).differs("bigint");
        let tables = [
            table("c").partitioned().integer("p_id"),
            table("c1").part_of("c").integer("p_id").foreign_key(key),
            table("p").typed("id", "bigint"),
        ];
        let findings = found(&RULE, &schema(Dialect::Postgres, tables));
        assert!(statement(&findings[0]).starts_with("ALTER TABLE \"public\".\"c\" "), "{:?}", findings[0].remedy);
    }
}
