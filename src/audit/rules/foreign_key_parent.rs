//! Foreign keys that point to nothing: SQLite takes them, and fails when rows change.

use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{ForeignKey, ParentState, Schema, Table};

pub(super) const RULE: Rule = Rule {
    name: "foreign-key-parent",
    summary: "Foreign keys of SQLite whose parent table or column is missing or not unique, which fails when rows change.",
    severity: Severity::Error,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let broken = subjects.foreign_keys().filter(|(_, _, foreign_key, _)| foreign_key.parent_state != ParentState::Ok);
    broken.map(|(_, table, foreign_key, _)| finding(subjects.schema, table, foreign_key)).collect()
}

fn finding(schema: &Schema, table: &Table, foreign_key: &ForeignKey) -> Finding {
    let what = words::foreign_key(schema, table, foreign_key);
    let parent = words::plain(schema.dialect, &foreign_key.parent_schema, &foreign_key.parent);
    let child = words::table(schema, table);
    let (wrong, fails_too, remedy) = match foreign_key.parent_state {
        ParentState::Ok | ParentState::MissingTable => (
            format!("there is no table `{parent}`"),
            String::new(),
            Remedy::Advice(format!(
                "Make the table `{parent}`, or make {child} anew without this foreign key: SQLite can't drop one by itself."
            )),
        ),
        ParentState::MissingColumn => (
            format!("`{parent}` has no such key"),
            format!(", every DELETE from `{parent}`"),
            Remedy::Advice(format!(
                "Make {child} anew with a foreign key to the columns that are `{parent}`'s primary key or unique."
            )),
        ),
        ParentState::NotUnique => (
            format!("those columns of `{parent}` are neither its primary key nor unique"),
            format!(", every DELETE from `{parent}`"),
            unique(schema, foreign_key),
        ),
    };
    Finding {
        rule: RULE.name,
        severity: Severity::Error,
        subject: words::subject_of_foreign_key(table, foreign_key),
        message: format!("The {what} can't be checked: {wrong}."),
        explanation: format!(
            "SQLite takes the declaration without a look at the parent. On a connection that enforces foreign keys, \
             every INSERT into {child}, every DELETE from it, every UPDATE of those columns{fails_too} fails, NULL or not (`no such \
             table`, `foreign key mismatch`); on any other connection nothing is checked at all."
        ),
        remedy,
    }
}

/// The index that makes the parent's columns unique: SQLite wants one over exactly them, with their own collations and
/// without a WHERE clause (<https://www.sqlite.org/foreignkeys.html>, section 3).
fn unique(schema: &Schema, foreign_key: &ForeignKey) -> Remedy {
    let columns: Vec<_> = foreign_key.columns.iter().map(|column| &*column.parent_column).collect();
    if schema.dialect != Dialect::Sqlite || columns.contains(&"") {
        return Remedy::Advice("Make the parent's columns unique.".to_owned());
    }
    let wanted = format!("uq_{}_{}", foreign_key.parent, columns.join("_"));
    let name = words::free_name(schema, &foreign_key.parent_schema, &wanted);
    let columns: Vec<_> = columns.iter().map(|column| schema.dialect.quote_identifier(column)).collect();
    Remedy::Statement(format!(
        "CREATE UNIQUE INDEX {} ON {} ({});",
        words::quoted(schema.dialect, &foreign_key.parent_schema, &name),
        words::quoted(schema.dialect, &foreign_key.parent_schema, &foreign_key.parent),
        columns.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{found, schema, statement, subjects, table};

    fn with(state: ParentState) -> Schema {
        let mut foreign_key = crate::audit::rules::testing::foreign_key(&["p_id"], "p", &["id"]);
        foreign_key.parent_state = state;
        let child = table("c").integer("p_id").foreign_key(foreign_key);
        schema(Dialect::Sqlite, [child, table("p").integer("id")])
    }

    #[test]
    fn each_way_to_miss_the_parent_is_told() {
        assert!(found(&RULE, &with(ParentState::Ok)).is_empty());
        for (state, words) in [
            (ParentState::MissingTable, "no table `p`"),
            (ParentState::MissingColumn, "no such key"),
            (ParentState::NotUnique, "nor unique"),
        ] {
            let findings = found(&RULE, &with(state));
            assert_eq!(subjects(&findings), ["c(p_id)"]);
            assert_eq!(findings[0].severity, Severity::Error);
            assert!(findings[0].message.contains(words), "{}", findings[0].message);
        }
    }

    #[test]
    fn a_key_that_is_not_unique_is_made_so_under_a_name_that_is_free() {
        let mut schema = with(ParentState::NotUnique);
        schema.taken.entry("main".to_owned()).or_default().insert("uq_p_id".to_owned());
        let findings = found(&RULE, &schema);
        assert_eq!(statement(&findings[0]), "CREATE UNIQUE INDEX \"uq_p_id_2\" ON \"p\" (\"id\");");
    }
}
