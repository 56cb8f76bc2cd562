//! Foreign keys that no index serves, and those that are served with a reservation.

use super::{Rule, Subjects, words};
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::fix::SuggestedIndex;
use crate::audit::schema::{ForeignKey, Table};
use crate::audit::serve::{Coverage, Level};

pub(super) const RULE: Rule = Rule {
    name: "missing-foreign-key-index",
    summary: "Foreign keys that no index serves, so that each change of the parent's keys reads the whole child table.",
    severity: Severity::Error,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let find = |(_, table, foreign_key, coverage): (usize, _, _, &Coverage)| match &coverage.note {
        _ if !coverage.level.covers() => Some(missing(subjects, table, foreign_key, coverage)),
        Some(note) => Some(noted(subjects, table, foreign_key, coverage, note)),
        None => None,
    };
    subjects.foreign_keys().filter_map(find).collect()
}

fn missing(subjects: &Subjects<'_>, table: &Table, foreign_key: &ForeignKey, coverage: &Coverage) -> Finding {
    let what = words::foreign_key(subjects.schema, table, foreign_key);
    let message = match (coverage.level, &coverage.blocked) {
        (_, Some(_)) => format!("No index can serve the {what} as its types are."),
        (Level::Prefix, _) => format!("The {what} is served by a part of its columns only."),
        (Level::Lossy, _) => format!("The {what} is served only by an index that finds too much."),
        (Level::Skip, _) => format!("The {what} is served only as long as statistics say that keys may be skipped."),
        _ => format!("The {what} has no index that serves it."),
    };
    let remedy = match (&coverage.blocked, SuggestedIndex::of(table, foreign_key, coverage)) {
        (Some(advice), _) => Remedy::Advice(advice.clone()),
        (None, Some(index)) => Remedy::Index(index),
        (None, None) => Remedy::None("No index would help.".to_owned()),
    };
    Finding {
        rule: RULE.name,
        severity: if coverage.level == Level::Prefix { Severity::Warning } else { Severity::Error },
        subject: words::subject_of_foreign_key(table, foreign_key),
        message,
        explanation: explanation(subjects, table, foreign_key, coverage),
        remedy,
    }
}

fn explanation(subjects: &Subjects<'_>, table: &Table, foreign_key: &ForeignKey, coverage: &Coverage) -> String {
    let parent = words::plain(subjects.schema.dialect, &foreign_key.parent_schema, &foreign_key.parent);
    let child = words::table(subjects.schema, table);
    let rows = subjects.statistics.rows.get(&(table.schema.clone(), table.name.clone()));
    // none is what an empty table says, and one whose rows nobody has counted
    let rows = rows.filter(|rows| **rows > 0).map(|rows| {
        let number = words::number(i64::try_from(*rows).unwrap_or(i64::MAX));
        format!(" ({child} has {number} row{})", if *rows == 1 { "" } else { "s" })
    });
    let reads = match coverage.level {
        Level::Prefix => "reads every row that agrees in those columns, however many they are",
        Level::Lossy => "reads far more of it than it needs",
        _ => "reads all of it",
    };
    format!(
        "{}{}Each DELETE of a row of `{parent}`, and each UPDATE of its key, looks for rows of {child} that refer to it, \
         and {reads}{}; locks are held meanwhile.",
        coverage.why.trim_end(),
        if coverage.why.is_empty() {
            ""
        } else if coverage.why.trim_end().ends_with('.') {
            " "
        } else {
            ". "
        },
        rows.unwrap_or_default(),
    )
}

fn noted(subjects: &Subjects<'_>, table: &Table, foreign_key: &ForeignKey, coverage: &Coverage, note: &str) -> Finding {
    let what = words::foreign_key(subjects.schema, table, foreign_key);
    let by = coverage.index.as_ref().map(|index| format!(" by `{index}`")).unwrap_or_default();
    Finding {
        rule: RULE.name,
        severity: Severity::Note,
        subject: words::subject_of_foreign_key(table, foreign_key),
        message: format!("The {what} is served{by}, with a reservation: {}.", note.trim_end_matches('.')),
        explanation: coverage.why.clone(),
        remedy: Remedy::None("Nothing has to be done as long as that is no surprise.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::audit::Statistics;
    use crate::audit::rules::testing::{foreign_key, named, schema, subjects, table};

    /// What is found where the one foreign key there is, is served like this.
    fn found(dialect: Dialect, coverage: Coverage) -> Vec<Finding> {
        let child = table("c").integer("p_id").foreign_key(foreign_key(&["p_id"], "p", &["id"]).named("c_fk"));
        let schema = schema(dialect, [child, table("p").integer("id").key(&["id"])]);
        let statistics = Statistics { rows: [(named(dialect, "c"), 1_200_000)].into(), ..Statistics::default() };
        check(&Subjects::new(&schema, &statistics, &[vec![coverage], Vec::new()]))
    }

    fn served(level: Level) -> Coverage {
        let index = (level != Level::None).then(|| "i".to_owned());
        Coverage { level, why: "so it is".to_owned(), index, note: None, blocked: None }
    }

    #[test]
    fn what_is_not_served_is_an_error_and_a_part_of_it_a_warning() {
        for dialect in Dialect::ALL {
            for (level, severity) in [
                (Level::None, Some(Severity::Error)),
                (Level::Skip, Some(Severity::Error)),
                (Level::Lossy, Some(Severity::Error)),
                (Level::Prefix, Some(Severity::Warning)),
                (Level::UniqueSubset, None),
                (Level::Full, None),
            ] {
                let findings = found(dialect, served(level));
                assert_eq!(findings.first().map(|finding| finding.severity), severity, "{level:?}");
                let Some(finding) = findings.first() else { continue };
                assert_eq!(subjects(&findings), ["c.c_fk"]);
                let says = |words| assert!(finding.explanation.contains(words), "{}", finding.explanation);
                says("looks for rows of `c` that refer to it, and reads ");
                says(" (`c` has 1,200,000 rows); locks");
                let Remedy::Index(index) = &finding.remedy else { panic!("{:?}", finding.remedy) };
                assert_eq!(index.keys[0].column, "p_id");
            }
        }
    }

    #[test]
    fn a_table_that_seems_empty_is_not_said_to_have_no_rows() {
        let child = table("c").integer("p_id").foreign_key(foreign_key(&["p_id"], "p", &["id"]).named("c_fk"));
        let schema = schema(Dialect::Postgres, [child, table("p").integer("id").key(&["id"])]);
        let explained = |rows| {
            let statistics = Statistics { rows: [(named(schema.dialect, "c"), rows)].into(), ..Statistics::default() };
            let findings = check(&Subjects::new(&schema, &statistics, &[vec![served(Level::None)], Vec::new()]));
            findings[0].explanation.clone()
        };
        assert!(explained(0).contains("and reads all of it; locks"), "{}", explained(0));
        assert!(explained(1).contains("and reads all of it (`c` has 1 row); locks"), "{}", explained(1));
    }

    #[test]
    fn where_no_index_can_help_the_advice_is_what_to_change() {
        let blocked = Coverage { blocked: Some("declare it INTEGER".to_owned()), ..served(Level::None) };
        let findings = found(Dialect::Sqlite, blocked);
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(findings[0].remedy, Remedy::Advice("declare it INTEGER".to_owned()));
    }

    #[test]
    fn what_is_served_with_a_reservation_is_a_note() {
        let noted = Coverage { note: Some("new partitions will have no index".to_owned()), ..served(Level::Full) };
        let findings = found(Dialect::Postgres, noted);
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(findings[0].message.contains("new partitions"), "{}", findings[0].message);
    }
}
