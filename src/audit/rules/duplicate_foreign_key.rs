//! Foreign keys from the same columns to the same columns.

use std::collections::BTreeMap;

use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{Action, ForeignKey, ParentState, Schema, Table};

pub(super) const RULE: Rule = Rule {
    name: "duplicate-foreign-key",
    summary: "Foreign keys from the same columns to the same columns of the same parent as another.",
    severity: Severity::Warning,
    on: true,
    check,
};

/// What makes two foreign keys one: the parent, and which column goes to which.
type Joined<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let schema = subjects.schema;
    let mut findings = Vec::new();
    for table in schema.tables.iter().filter(|table| goes_twice(table)) {
        let mut groups: BTreeMap<Joined<'_>, Vec<&ForeignKey>> = BTreeMap::new();
        for foreign_key in table.foreign_keys.iter().filter(|key| key.parent_state != ParentState::MissingColumn) {
            groups.entry(joined(foreign_key)).or_default().push(foreign_key);
        }
        for mut group in groups.into_values().filter(|group| group.len() > 1) {
            // a validated one stays before one that is not, then the one with the plainest name
            group.sort_by_key(|key| (key.not_valid, key.name.as_ref().map(|name| (name.len(), name))));
            let kept = group[0];
            findings.extend(group[1..].iter().map(|other| finding(schema, table, kept, other)));
        }
    }
    findings
}

/// Whether two of a table's foreign keys have the same parent at all: few tables do, and the others are done with.
fn goes_twice(table: &Table) -> bool {
    let mut parents: Vec<_> = table.foreign_keys.iter().map(|key| (&key.parent, &key.parent_schema)).collect();
    parents.sort_unstable();
    parents.windows(2).any(|pair| pair[0] == pair[1])
}

fn joined(foreign_key: &ForeignKey) -> Joined<'_> {
    let mut pairs: Vec<_> =
        foreign_key.columns.iter().map(|column| (&*column.column, &*column.parent_column)).collect();
    pairs.sort_unstable();
    (&foreign_key.parent_schema, &foreign_key.parent, pairs)
}

fn finding(schema: &Schema, table: &Table, kept: &ForeignKey, other: &ForeignKey) -> Finding {
    let what = words::foreign_key(schema, table, other);
    let first = match &kept.name {
        Some(name) => format!("`{name}`"),
        None => "another one".to_owned(),
    };
    let differences = differences(kept, other);
    let (explanation, remedy) = if differences.is_empty() {
        (format!("Every change is checked twice, by the same measure. {first} stays."), drop(schema, table, other))
    } else {
        (
            format!(
                "They differ: {}. Both are in force, and what wins is not what either says.",
                differences.join("; ")
            ),
            Remedy::Advice(match (&kept.name, &other.name) {
                (Some(kept), Some(other)) if schema.dialect == Dialect::Postgres => format!(
                    "Decide which is meant, and drop the other: `ALTER TABLE {} DROP CONSTRAINT …`, `{kept}` or `{other}`.",
                    words::quoted(schema.dialect, &table.schema, &table.name),
                ),
                _ => format!("Decide which is meant, and make {} anew without the other.", words::table(schema, table)),
            }),
        )
    };
    Finding {
        rule: RULE.name,
        severity: Severity::Warning,
        subject: words::subject_of_foreign_key(table, other),
        message: if differences.is_empty() {
            format!("The {what} says the same as {first}.")
        } else {
            format!("The {what} is over the same columns as {first}, and does something else.")
        },
        explanation,
        remedy,
    }
}

fn differences(one: &ForeignKey, other: &ForeignKey) -> Vec<String> {
    let mut differences = Vec::new();
    for (what, one, other) in
        [("ON DELETE", one.on_delete, other.on_delete), ("ON UPDATE", one.on_update, other.on_update)]
    {
        if one != other {
            differences.push(format!("{what} {} and {what} {}", action(one), action(other)));
        }
    }
    if one.manner != other.manner {
        let manner =
            |key: &ForeignKey| if key.manner.is_empty() { "nothing".to_owned() } else { format!("`{}`", key.manner) };
        differences.push(format!("{} and {}", manner(one), manner(other)));
    }
    differences
}

fn action(action: Action) -> &'static str {
    match action {
        Action::NoAction => "NO ACTION",
        Action::Restrict => "RESTRICT",
        Action::SetNull => "SET NULL",
        Action::SetDefault => "SET DEFAULT",
        Action::Cascade => "CASCADE",
    }
}

fn drop(schema: &Schema, table: &Table, foreign_key: &ForeignKey) -> Remedy {
    match (&foreign_key.name, schema.dialect) {
        (Some(name), Dialect::Postgres) => Remedy::Statement(format!(
            "ALTER TABLE {} DROP CONSTRAINT {};",
            words::quoted(schema.dialect, &table.schema, &table.name),
            schema.dialect.quote_identifier(name),
        )),
        _ => Remedy::Advice(format!(
            "Leave it out when {} is made anew; SQLite can't drop a foreign key by itself.",
            words::table(schema, table)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::rules::testing::{foreign_key, found, schema, statement, subjects, table};

    fn with(dialect: Dialect, keys: impl IntoIterator<Item = ForeignKey>) -> Vec<Finding> {
        let child = keys.into_iter().fold(table("c").integer("a").integer("b"), Table::foreign_key);
        found(&RULE, &schema(dialect, [child, table("p").integer("x").integer("y"), table("q").integer("x")]))
    }

    fn fk(name: &str) -> ForeignKey {
        foreign_key(&["a"], "p", &["x"]).named(name)
    }

    #[test]
    fn of_those_that_say_the_same_one_stays() {
        let findings = with(Dialect::Postgres, [fk("c_fk1"), fk("c_fk"), fk("c_fk2")]);
        assert_eq!(subjects(&findings), ["c.c_fk1", "c.c_fk2"]);
        assert_eq!(statement(&findings[0]), "ALTER TABLE \"public\".\"c\" DROP CONSTRAINT \"c_fk1\";");
        let mut nameless = fk("");
        nameless.name = None;
        let findings = with(Dialect::Sqlite, [nameless.clone(), nameless]);
        assert_eq!(subjects(&findings), ["c(a)"]);
        assert!(matches!(findings[0].remedy, Remedy::Advice(_)));
    }

    #[test]
    fn a_validated_one_stays_before_one_that_is_not() {
        let mut short = fk("fk");
        short.not_valid = true;
        assert_eq!(subjects(&with(Dialect::Postgres, [short, fk("long_name")])), ["c.fk"]);
    }

    #[test]
    fn those_that_act_otherwise_are_told_so_and_none_is_dropped() {
        let mut cascade = fk("other");
        cascade.on_delete = Action::Cascade;
        let findings = with(Dialect::Postgres, [fk("fk"), cascade]);
        assert!(findings[0].explanation.contains("ON DELETE NO ACTION and ON DELETE CASCADE"), "{findings:?}");
        assert!(matches!(findings[0].remedy, Remedy::Advice(_)));
        let mut deferred = fk("other");
        deferred.manner = "DEFERRABLE".to_owned();
        let findings = with(Dialect::Postgres, [fk("fk"), deferred]);
        assert!(findings[0].explanation.contains("`DEFERRABLE`"), "{findings:?}");
    }

    #[test]
    fn the_order_of_columns_says_nothing_and_what_they_refer_to_does() {
        let one = foreign_key(&["a", "b"], "p", &["x", "y"]).named("one");
        let turned = foreign_key(&["b", "a"], "p", &["y", "x"]).named("two");
        assert_eq!(subjects(&with(Dialect::Postgres, [one.clone(), turned])), ["c.two"]);
        let crossed = foreign_key(&["a", "b"], "p", &["y", "x"]).named("two");
        assert!(with(Dialect::Postgres, [one.clone(), crossed]).is_empty());
        assert!(with(Dialect::Postgres, [fk("one"), foreign_key(&["a"], "q", &["x"])]).is_empty());
        assert!(with(Dialect::Postgres, [one, fk("two")]).is_empty());
    }
}
