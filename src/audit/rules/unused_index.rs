//! Indexes that no search has used since uses are counted.

use std::collections::HashSet;

use super::drops::Instead;
use super::needs::think_away;
use super::{Rule, Subjects, words};
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Index, IndexState, Table};

/// How long uses have to have been counted before an index that had none counts as unused, in seconds: a week, since much
/// runs once a week.
pub const LONG_ENOUGH: f64 = 7.0 * DAY;

const DAY: f64 = 24.0 * 3600.0;

pub(super) const RULE: Rule = Rule {
    name: "unused-index",
    summary: "Indexes that no search has used since the database counts uses (PostgreSQL).",
    severity: Severity::Warning,
    on: false,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let drops = subjects.drops();
    let mut gone = drops.gone.clone();
    let stays: HashSet<(usize, usize)> = drops
        .drops
        .iter()
        .filter_map(|drop| match drop.instead {
            Instead::Same(other) | Instead::Longer(other) => Some((drop.table, other)),
            Instead::Rowid => None,
        })
        .collect();
    let mut findings = Vec::new();
    for (at, table, position, index) in subjects.indexes() {
        let is_unused = index.state == IndexState::Usable
            && index.partition_of.is_none()
            && subjects.sum(table, index, |statistics| statistics.scans) == Some(0);
        if !is_unused {
            continue;
        }
        let needed = if let Err(why) = subjects.droppable(at, position) {
            Some(why)
        } else if index.unique {
            Some("it keeps rows apart, which is no search".to_owned())
        } else if stays.contains(&(at, position)) {
            Some(
                "it does the work of another index that is to go instead (`duplicate-index`, `redundant-index`)"
                    .to_owned(),
            )
        } else {
            think_away(subjects, &mut gone, at, position).map(|(table, foreign_key)| {
                let table = &subjects.schema.tables[table];
                let foreign_key = &table.foreign_keys[foreign_key];
                format!("the {} needs it", words::foreign_key(subjects.schema, table, foreign_key))
            })
        };
        findings.push(finding(subjects, table, index, needed));
    }
    findings
}

fn finding(subjects: &Subjects<'_>, table: &Table, index: &Index, needed: Option<String>) -> Finding {
    let age = subjects.statistics.age;
    let since = match age {
        Some(age) => format!("in the {} since uses are counted", span(age)),
        None => "since uses are counted, and nobody knows since when that is".to_owned(),
    };
    let is_young = age.is_none_or(|age| age < LONG_ENOUGH);
    let young = match age {
        Some(_) if is_young => " That is too short to tell: what runs once a week has not run.",
        None => " Look again when the counting's beginning is known (`pg_stat_reset()` begins anew).",
        Some(_) => "",
    };
    let is_needed = needed.is_some();
    Finding {
        rule: RULE.name,
        severity: if is_needed || is_young { Severity::Note } else { Severity::Warning },
        subject: words::subject_of_index(table, index),
        message: format!(
            "The index `{}`{} of {} was not used by any search {since}{}.",
            index.name,
            words::size(subjects, table, index),
            words::table(subjects.schema, table),
            if is_needed { ", but is needed" } else { "" },
        ),
        explanation: format!(
            "Every write maintains it. Uses are counted on each server for itself: a standby that answers queries has its own \
             count.{young}"
        ),
        remedy: match needed {
            Some(why) => Remedy::None(format!("It stays: {why}.")),
            None => Remedy::Statement(words::drop_index(subjects.schema, table, index)),
        },
    }
}

/// A span of time in days, or in hours where it is short.
fn span(seconds: f64) -> String {
    let (count, unit) = if seconds < 2.0 * DAY { (seconds / 3600.0, "hours") } else { (seconds / DAY, "days") };
    format!("{} {unit}", words::number(count.floor() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::audit::Statistics;
    use crate::audit::rules::testing::{check, foreign_key, index, named, schema, statement, subjects, table};
    use crate::audit::schema::Schema;
    use crate::audit::statistics::IndexStatistics;

    fn with(schema: &Schema, unused: &[&str], days: Option<f64>) -> Vec<Finding> {
        let counted = |name: &&str| {
            let counted = IndexStatistics { scans: Some(0), bytes: Some(16 << 20) };
            (named(Dialect::Postgres, name), counted)
        };
        let indexes = unused.iter().map(counted).collect();
        check(&RULE, schema, &Statistics { indexes, age: days.map(|days| days * DAY), ..Statistics::default() })
    }

    fn simple(index: Index) -> Schema {
        schema(Dialect::Postgres, [table("t").integer("a").index(index)])
    }

    #[test]
    fn an_index_without_a_use_is_found_with_its_size_and_the_age() {
        let schema = simple(index("i", &["a"]));
        assert!(with(&schema, &[], Some(30.0)).is_empty());
        let findings = with(&schema, &["i"], Some(30.0));
        assert_eq!(findings[0].severity, Severity::Warning);
        assert!(findings[0].message.contains("(16.0 MiB)"), "{}", findings[0].message);
        assert!(findings[0].message.contains("30 days"), "{}", findings[0].message);
        assert_eq!(statement(&findings[0]), "DROP INDEX CONCURRENTLY \"public\".\"i\";");
    }

    #[test]
    fn young_statistics_make_it_a_note() {
        let schema = simple(index("i", &["a"]));
        assert_eq!(with(&schema, &["i"], Some(6.9))[0].severity, Severity::Note);
        assert_eq!(with(&schema, &["i"], None)[0].severity, Severity::Note);
        assert_eq!(with(&schema, &["i"], Some(7.0))[0].severity, Severity::Warning);
    }

    #[test]
    fn what_is_unique_is_needed() {
        let findings = with(&simple(index("i", &["a"]).unique()), &["i"], Some(30.0));
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(matches!(&findings[0].remedy, Remedy::None(why) if why.contains("keeps rows apart")));
    }

    #[test]
    fn what_a_foreign_key_needs_is_needed_and_of_two_one_may_go() {
        let child = table("c")
            .integer("p_id")
            .integer("a")
            .integer("b")
            .foreign_key(foreign_key(&["p_id"], "p", &["id"]).named("fk"))
            .index(index("i1", &["p_id", "a"]))
            .index(index("i2", &["p_id", "b"]));
        let schema = schema(Dialect::Postgres, [child, table("p").integer("id").key(&["id"])]);
        let findings = with(&schema, &["i1", "i2"], Some(30.0));
        assert_eq!(subjects(&findings), ["c.i1", "c.i2"]);
        assert!(statement(&findings[0]).contains("\"i1\""));
        assert!(matches!(&findings[1].remedy, Remedy::None(why) if why.contains("`fk`")), "{:?}", findings[1].remedy);
    }

    #[test]
    fn what_does_the_work_of_one_that_goes_stays() {
        let table = table("t").integer("a").integer("b").index(index("a", &["a"])).index(index("ab", &["a", "b"]));
        let schema = schema(Dialect::Postgres, [table]);
        let findings = with(&schema, &["ab"], Some(30.0));
        assert!(matches!(&findings[0].remedy, Remedy::None(why) if why.contains("redundant-index")));
    }

    #[test]
    fn an_index_of_a_partitioned_table_is_unused_when_all_its_parts_are() {
        let tables = [
            table("m").partitioned().integer("a").index(index("m_a", &["a"])),
            table("m1").part_of("m").integer("a").index(index("m1_a", &["a"]).attached_to("m_a")),
            table("m2").part_of("m").integer("a").index(index("m2_a", &["a"]).attached_to("m_a")),
        ];
        let schema = schema(Dialect::Postgres, tables);
        assert!(with(&schema, &["m1_a"], Some(30.0)).is_empty());
        let findings = with(&schema, &["m1_a", "m2_a"], Some(30.0));
        assert_eq!(subjects(&findings), ["m.m_a"]);
        assert!(findings[0].message.contains("(32.0 MiB)"), "{}", findings[0].message);
    }
}
