//! Indexes that another one begins with.

use super::drops::Instead;
use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    name: "redundant-index",
    summary: "Indexes whose keys another index of the table begins with, so that it finds and sorts all that they do.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for drop in &subjects.drops().drops {
        let table = &subjects.schema.tables[drop.table];
        let index = &table.indexes[drop.index];
        let (message, explanation) = match drop.instead {
            Instead::Same(_) => continue,
            Instead::Rowid => (
                "is over the table's rowid alone".to_owned(),
                "SQLite keeps the table itself in the order of its rowid, so that every search by it is a search in the table; \
                 every write maintains the index beside it."
                    .to_owned(),
            ),
            Instead::Longer(longer) => {
                let longer = &table.indexes[longer];
                let begins = if longer.keys.len() > index.keys.len() { "begins with its keys" } else { "has its keys" };
                (
                    format!("{} is redundant: {} {} {begins}", words::keys(index), words::index(longer), words::keys(longer)),
                    explanation(subjects.schema.dialect),
                )
            }
        };
        findings.push(Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: words::subject_of_index(table, index),
            message: format!(
                "The index `{}`{} of {} {message}.",
                index.name,
                words::size(subjects, table, index),
                words::table(subjects.schema, table),
            ),
            explanation,
            remedy: Remedy::Statement(words::drop_index(subjects.schema, table, index)),
        });
    }
    findings
}

fn explanation(dialect: Dialect) -> String {
    let common = "Operator classes, collations, order and condition agree, so that the longer index finds and sorts all that \
                  this one does; no foreign key is left without an index. Every write maintains both. The longer one is \
                  somewhat larger to read.";
    match dialect {
        Dialect::Postgres => common.to_owned(),
        Dialect::Sqlite => format!(
            "{common} What SQLite adds to the end of every index, the rowid or the primary key, comes behind more keys there: \
             only a search that also sorts by it has to sort for itself."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{foreign_key, found, index, schema, statement, subjects, table};
    use crate::audit::schema::{Index, Method, OwnerKind, Predicate, Schema, Table};
    use crate::audit::serve;

    fn of(dialect: Dialect, indexes: impl IntoIterator<Item = Index>) -> Schema {
        let table = indexes.into_iter().fold(table("t").integer("a").integer("b").integer("c"), Table::index);
        schema(dialect, [table])
    }

    fn with(dialect: Dialect, indexes: impl IntoIterator<Item = Index>) -> Vec<String> {
        subjects(&found(&RULE, &of(dialect, indexes)))
    }

    #[test]
    fn a_chain_goes_but_for_its_end_which_is_named() {
        for dialect in Dialect::ALL {
            let chain = [index("i_ab", &["a", "b"]), index("i_abc", &["a", "b", "c"]), index("i_a", &["a"])];
            let findings = found(&RULE, &of(dialect, chain));
            assert_eq!(subjects(&findings), ["t.i_a", "t.i_ab"]);
            for finding in &findings {
                assert!(finding.message.contains("`i_abc` (`a`, `b`, `c`)"), "{}", finding.message);
            }
            assert!(statement(&findings[0]).contains("\"i_a\";"));
        }
    }

    #[test]
    fn what_differs_in_the_shared_keys_is_not_redundant() {
        let long = || index("long", &["a", "b"]);
        let mut class = index("short", &["a"]);
        class.keys[0].class = Some("pg_catalog.text_pattern_ops".to_owned());
        let mut collation = index("short", &["a"]);
        collation.keys[0].collation = Some("NOCASE".to_owned());
        let mut nulls = index("short", &["a"]);
        nulls.keys[0].nulls_first = true;
        for short in [
            index("short", &["b"]),
            index("short", &["a"]).unique(),
            index("short", &["a"]).method(Method::Hash),
            index("short", &["a"]).including(&["c"]),
            index("short", &["a"]).only(Predicate::NotNull("a".to_owned())),
            index("short", &["a"]).constraint("x", OwnerKind::Exclusion),
            index("short", &["a"]).needed("it is the replica identity"),
            class,
            collation,
            nulls,
        ] {
            assert!(with(Dialect::Postgres, [long(), short.clone()]).is_empty(), "{short:?}");
        }
        let only = Predicate::Other("b > 0".to_owned());
        let partial = index("longer", &["a", "b"]).only(only);
        assert!(with(Dialect::Postgres, [partial, index("short", &["a"])]).is_empty());
        let hashes = [index("h1", &["a"]).method(Method::Gin), index("h2", &["a", "b"]).method(Method::Gin)];
        assert!(with(Dialect::Postgres, hashes).is_empty());
    }

    #[test]
    fn what_is_included_has_to_be_in_the_longer_one() {
        let short = || index("short", &["a"]).including(&["c"]);
        assert_eq!(with(Dialect::Postgres, [short(), index("long", &["a", "c"])]), ["t.short"]);
        assert_eq!(with(Dialect::Postgres, [short(), index("long", &["a", "b"]).including(&["c"])]), ["t.short"]);
        assert_eq!(with(Dialect::Postgres, [index("bare", &["a"]), short()]), ["t.bare"]);
    }

    #[test]
    fn keys_that_are_all_reversed_are_read_from_the_other_end() {
        for dialect in Dialect::ALL {
            let both = index("down", &["a", "b"]).descending(0);
            assert_eq!(with(dialect, [both, index("up", &["a"])]), ["t.up"]);
            let mixed = index("mixed", &["a", "b", "c"]).descending(0);
            assert!(with(dialect, [mixed, index("up", &["a", "b"])]).is_empty());
            // of two that do each other's work one goes
            assert_eq!(with(dialect, [index("x", &["a"]), index("x_down", &["a"]).descending(0)]).len(), 1);
        }
    }

    #[test]
    fn what_is_unique_makes_a_plain_one_redundant_and_never_the_other_way_round() {
        for dialect in Dialect::ALL {
            let unique = index("u", &["a"]).unique();
            assert_eq!(with(dialect, [unique, index("plain", &["a"])]), ["t.plain"]);
            let unique = index("u", &["a"]).unique().constraint("u", OwnerKind::Unique);
            assert_eq!(with(dialect, [unique, index("long", &["a", "b"])]), [""; 0]);
        }
    }

    #[test]
    fn duplicates_of_what_is_redundant_leave_the_longest_alone() {
        let all = || [index("a1", &["a"]), index("a22", &["a"]), index("ab", &["a", "b"]), index("ab_2", &["a", "b"])];
        let redundant = found(&RULE, &of(Dialect::Postgres, all()));
        assert_eq!(subjects(&redundant), ["t.a1"]);
        assert!(redundant[0].message.contains("`ab` ("), "{}", redundant[0].message);
        let duplicates = found(&super::super::duplicate_index::RULE, &of(Dialect::Postgres, all()));
        assert_eq!(subjects(&duplicates), ["t.a22", "t.ab_2"]);
    }

    #[test]
    fn sqlites_own_trees_make_indexes_redundant() {
        let rowid = table("t").rowid("id").integer("a").index(index("i", &["id"])).index(index("j", &["id", "a"]));
        let findings = found(&RULE, &schema(Dialect::Sqlite, [rowid]));
        assert_eq!(subjects(&findings), ["t.i"]);
        assert!(findings[0].message.contains("rowid"), "{}", findings[0].message);
        let mut own = index("", &["a", "b"]).unique().method(Method::Primary);
        own.constraint = index("", &[]).constraint("", OwnerKind::Primary).constraint;
        let mut tree = table("t").integer("a").integer("b").index(own).index(index("i", &["a"]));
        tree.without_rowid = true;
        let findings = found(&RULE, &schema(Dialect::Sqlite, [tree]));
        assert_eq!(subjects(&findings), ["t.i"]);
        assert!(findings[0].message.contains("primary key"), "{}", findings[0].message);
    }

    #[test]
    fn dropping_all_that_is_suggested_leaves_every_foreign_key_as_well_served() {
        for dialect in Dialect::ALL {
            let child = table("c")
                .integer("a")
                .integer("b")
                .foreign_key(foreign_key(&["a"], "p", &["id"]))
                .foreign_key(foreign_key(&["b"], "p", &["id"]))
                .index(index("i_a", &["a"]))
                .index(index("i_ab", &["a", "b"]))
                .index(index("i_b", &["b"]))
                .index(index("i_ba", &["b", "a"]));
            let schema = schema(dialect, [child, table("p").integer("id").key(&["id"])]);
            let gone = subjects(&found(&RULE, &schema));
            assert_eq!(gone, ["c.i_a", "c.i_b"]);
            let table = &schema.tables[0];
            for foreign_key in &table.foreign_keys {
                let left = |_: &Table, index: &Index| !gone.contains(&format!("c.{}", index.name));
                assert!(serve::judge(&schema, table, foreign_key, &left).level.covers());
            }
        }
    }
}
