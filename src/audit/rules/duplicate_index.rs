//! Indexes that are the same but for their names.

use super::drops::Instead;
use super::{Rule, Subjects, words};
use crate::audit::finding::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    name: "duplicate-index",
    summary: "Indexes that are the same as another of their table in everything but the name.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let drops = subjects.drops();
    let tables = &subjects.schema.tables;
    let mut findings = Vec::new();
    for drop in &drops.drops {
        let Instead::Same(kept) = drop.instead else { continue };
        let table = &tables[drop.table];
        let (index, kept_index) = (&table.indexes[drop.index], &table.indexes[kept]);
        let stays = match subjects.droppable(drop.table, kept) {
            Err(why) => format!("{} stays: {why}.", words::index(kept_index)),
            Ok(()) => format!(
                "Either could go; of all that are alike {} stays, which has the shortest name.",
                words::index(kept_index)
            ),
        };
        findings.push(Finding {
            rule: RULE.name,
            severity: Severity::Warning,
            subject: words::subject_of_index(table, index),
            message: format!(
                "The index `{}`{} of {} is the same as {}, over {}.",
                index.name,
                words::size(subjects, table, index),
                words::table(subjects.schema, table),
                words::index(kept_index).trim_end_matches(','),
                words::keys(index),
            ),
            explanation: format!(
                "Method, keys, operator classes, collations, order, condition and uniqueness are all equal, so that one finds \
                 what the other does; every write maintains both. {stays}"
            ),
            remedy: Remedy::Statement(words::drop_index(subjects.schema, table, index)),
        });
    }
    for &(table, index, kept) in &drops.twins {
        let why = subjects.droppable(table, index).err().unwrap_or_else(|| "a foreign key needs it".to_owned());
        let table = &tables[table];
        let (index, kept) = (&table.indexes[index], &table.indexes[kept]);
        findings.push(Finding {
            rule: RULE.name,
            severity: Severity::Note,
            subject: words::subject_of_index(table, index),
            message: format!(
                "{} and {} of {} are the same, over {}, and neither can go by itself.",
                words::index(index),
                words::index(kept).trim_end_matches(','),
                words::table(subjects.schema, table),
                words::keys(index),
            ),
            explanation: "Every write maintains both, and one would do.".to_owned(),
            remedy: Remedy::None(format!(
                "`{}` is not an index to be dropped: {why}. Whether what keeps it is wanted is for a person to say.",
                index.name
            )),
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::audit::rules::testing::{foreign_key, found, index, schema, statement, subjects, table};
    use crate::audit::schema::{Index, IndexState, Key, Keyed, Method, OwnerKind, Predicate, Table};

    fn with(dialect: Dialect, indexes: impl IntoIterator<Item = Index>) -> Vec<Finding> {
        let table = indexes.into_iter().fold(table("t").integer("a").integer("b").integer("c"), Table::index);
        found(&RULE, &schema(dialect, [table]))
    }

    #[test]
    fn of_three_alike_the_one_with_the_shortest_name_stays() {
        for dialect in Dialect::ALL {
            let findings = with(dialect, [index("t_a_1", &["a"]), index("t_a", &["a"]), index("t_a_2", &["a"])]);
            assert_eq!(subjects(&findings), ["t.t_a_1", "t.t_a_2"]);
            let expected = match dialect {
                Dialect::Sqlite => "DROP INDEX \"t_a_1\";",
                Dialect::Postgres => "DROP INDEX CONCURRENTLY \"public\".\"t_a_1\";",
            };
            assert_eq!(statement(&findings[0]), expected);
            assert!(findings[0].message.contains("the same as `t_a`, over (`a`)"), "{}", findings[0].message);
        }
    }

    #[test]
    fn whatever_differs_makes_two_indexes_of_them() {
        let plain = || index("one", &["a"]);
        let mut other_class = index("two", &["a"]);
        other_class.keys[0].class = Some("pg_catalog.int4_minmax_ops".to_owned());
        let mut other_collation = index("two", &["a"]);
        other_collation.keys[0].collation = Some("NOCASE".to_owned());
        let mut nulls = index("two", &["a"]);
        nulls.keys[0].nulls_first = true;
        let mut expression = index("two", &["a"]);
        expression.keys[0] = Key { what: Keyed::Expression("a".to_owned()), ..Key::default() };
        for other in [
            index("two", &["b"]),
            index("two", &["a", "b"]),
            index("two", &["a"]).unique(),
            index("two", &["a"]).including(&["b"]),
            index("two", &["a"]).method(Method::Hash),
            index("two", &["a"]).descending(0),
            index("two", &["a"]).only(Predicate::NotNull("a".to_owned())),
            index("two", &["a"]).state(IndexState::Invalid),
            index("two", &["a"]).state(IndexState::Building),
            other_class,
            other_collation,
            nulls,
            expression,
        ] {
            assert_eq!(with(Dialect::Postgres, [plain(), other.clone()]), [], "{other:?}");
        }
    }

    #[test]
    fn a_constraints_index_stays_whatever_its_name_is() {
        let constraint = index("a_very_long_name", &["a"]).unique().constraint("u", OwnerKind::Unique);
        let findings = with(Dialect::Postgres, [index("i", &["a"]).unique(), constraint]);
        assert_eq!(subjects(&findings), ["t.i"]);
        assert!(findings[0].explanation.contains("the constraint `u`"), "{}", findings[0].explanation);
    }

    #[test]
    fn two_constraints_are_told_and_neither_is_dropped() {
        let constraint = |name: &str| index(name, &["a"]).unique().constraint(name, OwnerKind::Unique);
        let findings = with(Dialect::Postgres, [constraint("u1"), constraint("u2")]);
        assert_eq!(subjects(&findings), ["t.u2"]);
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(matches!(findings[0].remedy, Remedy::None(_)));
    }

    #[test]
    fn what_else_is_needed_stays() {
        let needed = index("long_name", &["a"]).unique().needed("the foreign key `x` refers to it");
        let findings = with(Dialect::Postgres, [index("i", &["a"]).unique(), needed]);
        assert_eq!(subjects(&findings), ["t.i"]);
        assert!(findings[0].explanation.contains("foreign key `x`"), "{}", findings[0].explanation);
    }

    #[test]
    fn partitions_are_told_of_at_the_parent_and_what_is_attached_stays() {
        let tables = [
            table("m").partitioned().integer("a").index(index("m_a", &["a"])).index(index("m_a2", &["a"])),
            table("m1")
                .part_of("m")
                .integer("a")
                .index(index("m1_a_idx", &["a"]).attached_to("m_a"))
                .index(index("m1_a_idx1", &["a"]).attached_to("m_a2"))
                .index(index("own", &["a"])),
        ];
        let findings = found(&RULE, &schema(Dialect::Postgres, tables));
        assert_eq!(subjects(&findings), ["m.m_a2", "m1.own"]);
        assert_eq!(statement(&findings[0]), "DROP INDEX \"public\".\"m_a2\";");
        assert_eq!(statement(&findings[1]), "DROP INDEX CONCURRENTLY \"public\".\"own\";");
    }

    #[test]
    fn the_last_one_that_serves_a_foreign_key_is_never_among_those_to_go() {
        for dialect in Dialect::ALL {
            let child = table("c")
                .integer("p_id")
                .foreign_key(foreign_key(&["p_id"], "p", &["id"]))
                .index(index("i1", &["p_id"]))
                .index(index("i2", &["p_id"]));
            let findings = found(&RULE, &schema(dialect, [child, table("p").integer("id").key(&["id"])]));
            assert_eq!(subjects(&findings), ["c.i2"]);
        }
    }
}
