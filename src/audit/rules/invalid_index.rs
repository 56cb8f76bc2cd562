//! Indexes of PostgreSQL's that are there and can't be used.

use super::drops::is_same;
use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Index, IndexState, Table, Version};

pub(super) const RULE: Rule = Rule {
    name: "invalid-index",
    summary: "Indexes of PostgreSQL's that are INVALID: kept up to date by every write, perhaps, and used by no search.",
    severity: Severity::Error,
    on: true,
    check,
};

/// Since when REINDEX knows CONCURRENTLY.
const REINDEX_CONCURRENTLY: Version = Version(12, 0, 0);

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    if subjects.schema.dialect != Dialect::Postgres {
        return Vec::new();
    }
    let invalid = subjects.indexes().filter(|(_, _, _, index)| index.state == IndexState::Invalid);
    invalid.map(|(at, table, position, index)| finding(subjects, at, table, position, index)).collect()
}

/// What REINDEX CONCURRENTLY left: PostgreSQL puts the suffix to the name, and a number behind it where that is taken
/// (<https://www.postgresql.org/docs/current/sql-reindex.html>).
#[derive(PartialEq)]
enum Leftover {
    New,
    Old,
}

fn leftover(name: &str) -> Option<Leftover> {
    let name = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    if name.ends_with("_ccnew") {
        Some(Leftover::New)
    } else if name.ends_with("_ccold") {
        Some(Leftover::Old)
    } else {
        None
    }
}

fn finding(subjects: &Subjects<'_>, at: usize, table: &Table, position: usize, index: &Index) -> Finding {
    let schema = subjects.schema;
    let leftover = leftover(&index.name);
    let (explanation, remedy) = if table.partitioned {
        of_partitions(subjects, at, table, index)
    } else {
        match leftover {
            Some(Leftover::New) => (
                "The name says that REINDEX CONCURRENTLY made it as the new copy of an index and did not finish: the old one is \
                 in use still. Drop this one, and run REINDEX again if it is wanted still."
                    .to_owned(),
                Remedy::Statement(words::drop_index(schema, table, index)),
            ),
            Some(Leftover::Old) => (
                "The name says that REINDEX CONCURRENTLY has replaced it and could not drop it: the new one is in use. It is of \
                 no use any more."
                    .to_owned(),
                Remedy::Statement(words::drop_index(schema, table, index)),
            ),
            None => unfinished(subjects, at, table, position, index),
        }
    };
    Finding {
        rule: RULE.name,
        severity: if leftover.is_some() { Severity::Warning } else { Severity::Error },
        subject: words::subject_of_index(table, index),
        message: format!(
            "The index `{}`{} of {} is INVALID, so that no search uses it.",
            index.name,
            words::size(subjects, table, index),
            words::table(schema, table),
        ),
        explanation,
        remedy,
    }
}

/// One that CREATE INDEX CONCURRENTLY, or DROP INDEX CONCURRENTLY, left half-way.
fn unfinished(subjects: &Subjects<'_>, at: usize, table: &Table, position: usize, index: &Index) -> (String, Remedy) {
    let schema = subjects.schema;
    let twin = table.indexes.iter().find(|other| other.state == IndexState::Usable && is_same(other, index));
    let begun = "CREATE INDEX CONCURRENTLY, or DROP INDEX CONCURRENTLY, began with it and failed or was cancelled. Writes may \
                 maintain it all the same";
    let drop = words::drop_index(schema, table, index);
    let droppable = subjects.droppable(at, position);
    if let (Some(twin), Ok(())) = (twin, &droppable) {
        let explanation = format!("{begun}. `{}` is the same and can be used.", twin.name);
        return (explanation, Remedy::Statement(drop));
    }
    if schema.version < REINDEX_CONCURRENTLY {
        let again = if index.definition.is_empty() { String::new() } else { format!(": {}", index.definition) };
        return match droppable {
            Ok(()) => (format!("{begun}. Drop it, and make it again if it is wanted{again}"), Remedy::Statement(drop)),
            Err(why) => (format!("{begun}."), Remedy::Advice(format!("Run REINDEX INDEX at a quiet time: {why}."))),
        };
    }
    let unique = if index.unique {
        " It is unique: if rows are there twice it fails again, and until it is valid it may not keep them apart."
    } else {
        ""
    };
    let or_drop = match droppable {
        Ok(()) => format!(" If it is not wanted, drop it: `{drop}`"),
        Err(why) => format!(" It can't simply be dropped: {why}."),
    };
    let name = words::quoted(schema.dialect, &table.schema, &index.name);
    (
        format!("{begun}. REINDEX builds it anew.{unique}{or_drop}"),
        Remedy::Statement(format!("REINDEX INDEX CONCURRENTLY {name};")),
    )
}

/// One of a partitioned table: it holds nothing itself, and is valid when every partition has a valid one attached to it.
fn of_partitions(subjects: &Subjects<'_>, at: usize, table: &Table, index: &Index) -> (String, Remedy) {
    let schema = subjects.schema;
    let name = words::quoted(schema.dialect, &table.schema, &index.name);
    let (mut lacking, mut invalid, mut attach) = (Vec::new(), Vec::new(), Vec::new());
    for &partition in subjects.places.partitions(at) {
        let partition = &schema.tables[partition];
        let is_attached = |other: &&Index| {
            other.partition_of.as_ref().is_some_and(|(of, name)| *of == table.schema && *name == index.name)
        };
        match partition.indexes.iter().find(is_attached) {
            Some(attached) if attached.state == IndexState::Usable => {}
            Some(attached) => invalid.push(words::plain(schema.dialect, &partition.schema, &attached.name)),
            None => {
                let fits = |other: &&Index| {
                    other.partition_of.is_none() && other.state == IndexState::Usable && is_same(other, index)
                };
                if let Some(fitting) = partition.indexes.iter().find(fits) {
                    let fitting = words::quoted(schema.dialect, &partition.schema, &fitting.name);
                    attach.push(format!("ALTER INDEX {name} ATTACH PARTITION {fitting};"));
                }
                lacking.push(words::plain(schema.dialect, &partition.schema, &partition.name));
            }
        }
    }
    let base = "An index of a partitioned table holds nothing itself: it is valid as soon as every partition has a valid index \
                attached to it. Searches in partitions that have one use it all the same.";
    let lack = |names: &[String]| words::list(names.iter().map(String::as_str));
    if !invalid.is_empty() {
        let which = lack(&invalid);
        let explanation = format!("{base} These attached indexes are not valid: {which}.");
        return (explanation, Remedy::Advice(format!("Mend {which} first; it becomes valid with the last of them.")));
    }
    if lacking.is_empty() {
        let advice = "Drop it and make it again, on the partitioned table: PostgreSQL gives every partition its own.";
        return (format!("{base} No partition lacks one."), Remedy::Advice(advice.to_owned()));
    }
    let which = lack(&lacking);
    let explanation = format!("{base} These partitions have none: {which}.");
    if attach.len() == lacking.len() {
        return (
            format!("{explanation} Each has one that is the same and is not attached."),
            Remedy::Statement(attach.join("\n")),
        );
    }
    let advice = format!(
        "Make one on each of {which} by CREATE INDEX CONCURRENTLY, and attach it: `ALTER INDEX {name} ATTACH PARTITION …`."
    );
    (explanation, Remedy::Advice(advice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{found, index, schema, statement, subjects, table};
    use crate::audit::schema::Table;

    fn with(indexes: impl IntoIterator<Item = Index>) -> Vec<Finding> {
        found(&RULE, &schema(Dialect::Postgres, [indexes.into_iter().fold(table("t").integer("a"), Table::index)]))
    }

    fn invalid(name: &str) -> Index {
        index(name, &["a"]).state(IndexState::Invalid)
    }

    #[test]
    fn one_that_is_being_built_is_left_alone() {
        assert!(with([index("i", &["a"]).state(IndexState::Building), index("j", &["a"])]).is_empty());
    }

    #[test]
    fn one_that_failed_is_built_anew_and_dropped_where_another_is_the_same() {
        let findings = with([invalid("i")]);
        assert_eq!(subjects(&findings), ["t.i"]);
        assert_eq!(findings[0].severity, Severity::Error);
        assert_eq!(statement(&findings[0]), "REINDEX INDEX CONCURRENTLY \"public\".\"i\";");
        let findings = with([invalid("i"), index("j", &["a"])]);
        assert_eq!(statement(&findings[0]), "DROP INDEX CONCURRENTLY \"public\".\"i\";");
    }

    #[test]
    fn leftovers_of_reindex_are_told_apart_by_their_names() {
        for (name, words) in
            [("i_ccnew", "did not finish"), ("i_ccnew12", "did not finish"), ("i_ccold", "has replaced it")]
        {
            let findings = with([invalid(name), index("i", &["a"])]);
            assert_eq!(findings[0].severity, Severity::Warning);
            assert!(findings[0].explanation.contains(words), "{}", findings[0].explanation);
            assert!(statement(&findings[0]).starts_with("DROP INDEX CONCURRENTLY"));
        }
        assert!(leftover("ccnew").is_none());
    }

    #[test]
    fn before_postgres_12_there_is_no_reindex_concurrently() {
        let mut old = schema(Dialect::Postgres, [table("t").integer("a").index(invalid("i"))]);
        old.version = Version(11, 22, 0);
        assert!(statement(&found(&RULE, &old)[0]).starts_with("DROP INDEX CONCURRENTLY"));
    }

    #[test]
    fn one_of_a_partitioned_table_names_the_partitions_that_lack_it() {
        let parent = || table("m").partitioned().integer("a").index(invalid("m_a"));
        let first = || table("m1").part_of("m").integer("a").index(index("m1_a", &["a"]).attached_to("m_a"));
        let second = || table("m2").part_of("m").integer("a");
        let findings = found(&RULE, &schema(Dialect::Postgres, [parent(), first(), second()]));
        assert_eq!(subjects(&findings), ["m.m_a"]);
        assert!(findings[0].explanation.contains("have none: `m2`"), "{}", findings[0].explanation);
        assert!(matches!(&findings[0].remedy, Remedy::Advice(advice) if advice.contains("ATTACH PARTITION")));
        let fitting = second().index(index("m2_own", &["a"]));
        let findings = found(&RULE, &schema(Dialect::Postgres, [parent(), first(), fitting]));
        assert_eq!(statement(&findings[0]), "ALTER INDEX \"public\".\"m_a\" ATTACH PARTITION \"public\".\"m2_own\";");
        let broken = second().index(invalid("m2_a").attached_to("m_a"));
        let findings = found(&RULE, &schema(Dialect::Postgres, [parent(), first(), broken]));
        assert_eq!(subjects(&findings), ["m.m_a", "m2.m2_a"]);
        assert!(matches!(&findings[0].remedy, Remedy::Advice(advice) if advice.contains("`m2_a`")));
        assert!(statement(&findings[1]).starts_with("REINDEX"));
    }
}
