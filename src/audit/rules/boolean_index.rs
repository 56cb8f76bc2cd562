//! Indexes that begin with a truth value.

use super::{Rule, Subjects, words};
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Index, IndexState, Keyed, Method, Table};
use crate::audit::serve::{self, Level};

pub(super) const RULE: Rule = Rule {
    name: "boolean-index",
    summary: "Indexes whose first key is a boolean, which tells two kinds of rows apart at best.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, table, _, index) in subjects.indexes() {
        let Some(Keyed::Column(column)) = index.keys.first().map(|key| &key.what) else { continue };
        let is_meant = matches!(index.method, Method::Btree | Method::Hash)
            && index.state == IndexState::Usable
            && !index.unique
            && index.constraint.is_none()
            && index.partition_of.is_none()
            && index.predicate.is_none();
        if is_meant && table.column(column).is_some_and(|column| column.boolean) && !serves(subjects, at, index) {
            findings.push(finding(subjects, table, index, column));
        }
    }
    findings
}

/// Whether an index serves some foreign key, wholly or in part.
fn serves(subjects: &Subjects<'_>, at: usize, index: &Index) -> bool {
    let table = &subjects.schema.tables[at];
    let tables = std::iter::once(at).chain(subjects.places.ancestors(at));
    let mut foreign_keys = tables.flat_map(|at| &subjects.schema.tables[at].foreign_keys);
    foreign_keys.any(|key| serve::by_index(subjects.schema, table, key, index).level >= Level::Prefix)
}

fn finding(subjects: &Subjects<'_>, table: &Table, index: &Index, column: &str) -> Finding {
    let dialect = subjects.schema.dialect;
    let rest: Vec<_> = words::key_columns(index).into_iter().skip(1).collect();
    let alone = index.keys.len() == 1;
    let quoted: Vec<_> = rest.iter().map(|column| dialect.quote_identifier(column)).collect();
    let keys = if quoted.is_empty() { "…".to_owned() } else { quoted.join(", ") };
    let advice = format!(
        "If searches are for the rarer value, make one of those rows alone, over what tells them apart: `CREATE INDEX {}… ON {} \
         ({keys}) WHERE {};` (or `WHERE NOT …`), and drop this one: `{}`",
        words::concurrently(dialect, table),
        words::quoted(dialect, &table.schema, &table.name),
        dialect.quote_identifier(column),
        words::drop_index(subjects.schema, table, index),
    );
    Finding {
        rule: RULE.name,
        severity: if alone { Severity::Warning } else { Severity::Note },
        subject: words::subject_of_index(table, index),
        message: format!(
            "The index `{}`{} of {} begins with the boolean `{column}`.",
            index.name,
            words::size(subjects, table, index),
            words::table(subjects.schema, table),
        ),
        explanation: if alone {
            "It tells two kinds of rows apart. A search for the common kind reads most of the table and is better off without \
             it; one for the rare kind needs no entry for the others, which every write maintains."
                .to_owned()
        } else {
            "Its first key halves the rows at best, and only searches that name its value use the rest well. An index of the \
             rows with the one value that is searched for is smaller, and sorts by the rest alike."
                .to_owned()
        },
        remedy: Remedy::Advice(advice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::audit::rules::testing::{foreign_key, found, index, schema, subjects, table};
    use crate::audit::schema::Predicate;

    fn with(dialect: Dialect, index: Index) -> Vec<Finding> {
        found(&RULE, &schema(dialect, [table("t").typed("done", "boolean").integer("a").index(index)]))
    }

    #[test]
    fn one_over_a_boolean_alone_is_a_warning_and_one_that_goes_on_a_note() {
        for dialect in Dialect::ALL {
            let findings = with(dialect, index("i", &["done"]));
            assert_eq!(subjects(&findings), ["t.i"]);
            assert_eq!(findings[0].severity, Severity::Warning);
            let findings = with(dialect, index("i", &["done", "a"]));
            assert_eq!(findings[0].severity, Severity::Note);
            assert!(matches!(&findings[0].remedy, Remedy::Advice(advice) if advice.contains("(\"a\") WHERE \"done\"")));
        }
    }

    #[test]
    fn what_is_unique_partial_or_begins_otherwise_is_fine() {
        for index in [
            index("i", &["a", "done"]),
            index("i", &["done", "a"]).unique(),
            index("i", &["done"]).only(Predicate::NotNull("a".to_owned())),
            index("i", &["done"]).method(Method::Brin),
        ] {
            assert_eq!(with(Dialect::Postgres, index), []);
        }
    }

    #[test]
    fn one_that_serves_a_foreign_key_is_fine() {
        for dialect in Dialect::ALL {
            let child = table("c")
                .typed("kind", "boolean")
                .integer("p_id")
                .foreign_key(foreign_key(&["kind", "p_id"], "p", &["kind", "id"]))
                .index(index("i", &["kind", "p_id"]));
            let parent = table("p").typed("kind", "boolean").integer("id").key(&["kind", "id"]);
            assert_eq!(found(&RULE, &schema(dialect, [child, parent])), []);
        }
    }
}
