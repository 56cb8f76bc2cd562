//! Tables without a primary key.

use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Index, IndexState, Keyed, Method, OwnerKind, Schema, Table};

pub(super) const RULE: Rule = Rule {
    name: "no-primary-key",
    summary: "Tables without a primary key, whose rows can't be told apart for certain.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let schema = subjects.schema;
    let without = schema.tables.iter().enumerate().filter(|(at, table)| {
        // partitions are told of with their table
        table.primary_key.is_empty() && subjects.places.parent(*at).is_none()
    });
    without.map(|(_, table)| finding(schema, table)).collect()
}

fn finding(schema: &Schema, table: &Table) -> Finding {
    let name = words::table(schema, table);
    let key = table.indexes.iter().find(|index| is_key(table, index));
    let (explanation, remedy) = match schema.dialect {
        Dialect::Sqlite => (
            "SQLite numbers its rows, but by a number that no column holds: VACUUM may give them others, and whatever copies or \
             compares rows has nothing to know them by.",
            Remedy::Advice(format!(
                "Declare one when {name} is made anew; SQLite can't add a primary key to a table that is there."
            )),
        ),
        Dialect::Postgres => (
            "Rows that are alike can't be told apart: none of them can be changed or deleted alone, logical replication can't \
             replicate UPDATE and DELETE without another replica identity, and tools that go through a table by its key have \
             none.",
            key.map_or_else(
                || Remedy::Advice(format!("Give {name} a primary key: of columns that are unique and never NULL, or of a new identity column.")),
                |index| promote(schema, table, index),
            ),
        ),
    };
    let has = match key {
        Some(index) if !index.name.is_empty() => {
            format!(" `{}` {} is unique and never NULL, and could be it.", index.name, words::keys(index))
        }
        _ => String::new(),
    };
    let severity = match schema.dialect {
        Dialect::Postgres if key.is_none() => Severity::Warning,
        Dialect::Postgres | Dialect::Sqlite => Severity::Note,
    };
    Finding {
        rule: RULE.name,
        severity,
        subject: words::subject(table, Vec::new(), None),
        message: format!("The table {name} has no primary key."),
        explanation: format!("{explanation}{has}"),
        remedy,
    }
}

/// Whether an index is as good as a primary key: it knows every row by columns that are never NULL.
fn is_key(table: &Table, index: &Index) -> bool {
    let never_null = |what: &Keyed| match what {
        Keyed::Column(column) => table.column(column).is_some_and(|column| column.not_null),
        Keyed::Expression(_) => false,
    };
    index.unique
        && index.method == Method::Btree
        && index.state == IndexState::Usable
        && index.predicate.is_none()
        && index.constraint.as_ref().is_none_or(|owner| owner.kind == OwnerKind::Unique)
        && index.keys.iter().all(|key| never_null(&key.what))
}

/// `ADD PRIMARY KEY USING INDEX` takes an index that no constraint has, with each key in ascending order, of a table that
/// has no partitions (<https://www.postgresql.org/docs/current/sql-altertable.html>).
fn promote(schema: &Schema, table: &Table, index: &Index) -> Remedy {
    let plain = index.constraint.is_none()
        && !index.nulls_not_distinct
        && index.included.is_empty()
        && index.keys.iter().all(|key| !key.descending && !key.nulls_first)
        && !table.partitioned
        && index.partition_of.is_none();
    let name = words::quoted(schema.dialect, &table.schema, &table.name);
    if plain {
        let index = schema.dialect.quote_identifier(&index.name);
        return Remedy::Statement(format!("ALTER TABLE {name} ADD PRIMARY KEY USING INDEX {index};"));
    }
    let columns: Vec<_> =
        words::key_columns(index).iter().map(|column| schema.dialect.quote_identifier(column)).collect();
    Remedy::Advice(format!(
        "`ALTER TABLE {name} ADD PRIMARY KEY ({});` makes it so; it builds an index while it keeps everybody off.",
        columns.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{found, index, schema, statement, subjects, table};
    use crate::audit::schema::Predicate;

    #[test]
    fn tables_without_are_found_and_partitions_only_with_their_table() {
        for dialect in Dialect::ALL {
            let tables = [table("with").integer("a").key(&["a"]), table("without").integer("a")];
            assert_eq!(subjects(&found(&RULE, &schema(dialect, tables))), ["without()"]);
        }
        let tables = [
            table("m").partitioned().integer("a"),
            table("m1").part_of("m").integer("a"),
            table("n").partitioned().integer("a").key(&["a"]),
            table("n1").part_of("n").integer("a"),
            table("x").part_of("elsewhere").integer("a"),
        ];
        assert_eq!(subjects(&found(&RULE, &schema(Dialect::Postgres, tables))), ["m()", "x()"]);
    }

    #[test]
    fn a_unique_index_over_what_is_never_null_becomes_the_key() {
        let with = |index| {
            let table = table("t").integer("a").not_null().integer("b").index(index);
            found(&RULE, &schema(Dialect::Postgres, [table])).remove(0)
        };
        let finding = with(index("u", &["a"]).unique());
        assert_eq!(finding.severity, Severity::Note);
        assert_eq!(statement(&finding), "ALTER TABLE \"public\".\"t\" ADD PRIMARY KEY USING INDEX \"u\";");
        let constraint = with(index("u", &["a"]).unique().constraint("u", OwnerKind::Unique));
        assert!(matches!(&constraint.remedy, Remedy::Advice(advice) if advice.contains("ADD PRIMARY KEY (\"a\")")));
        for other in [
            index("u", &["b"]).unique(),
            index("u", &["a"]),
            index("u", &["a"]).unique().only(Predicate::NotNull("b".to_owned())),
            index("u", &["a"]).unique().state(IndexState::Invalid),
        ] {
            assert_eq!(with(other.clone()).severity, Severity::Warning, "{other:?}");
        }
    }

    #[test]
    fn in_sqlite_it_is_a_note() {
        let findings = found(&RULE, &schema(Dialect::Sqlite, [table("t").integer("a")]));
        assert_eq!(findings[0].severity, Severity::Note);
    }
}
