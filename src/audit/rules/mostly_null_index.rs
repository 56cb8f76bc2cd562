//! Indexes over columns that are NULL nearly everywhere.

use std::collections::HashSet;

use super::needs::think_away;
use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity};
use crate::audit::schema::{ForeignKey, Index, IndexState, Keyed, Method, Predicate, Table};
use crate::audit::serve;

/// The part of rows with NULL from which on an index would do without them.
pub const MOSTLY: f64 = 0.90;

/// Below this size, in bytes, it is not worth a change.
pub const WORTH_IT: u64 = 1 << 20;

pub(super) const RULE: Rule = Rule {
    name: "mostly-null-index",
    summary: "Indexes whose first column is NULL in nearly every row, and which hold all those rows for nothing.",
    severity: Severity::Warning,
    on: true,
    check,
};

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if subjects.statistics.columns.is_empty() {
        return findings;
    }
    for (at, table, position, index) in subjects.indexes() {
        let Some(Keyed::Column(column)) = index.keys.first().map(|key| &key.what) else { continue };
        // a unique one that is partial is no longer what ON CONFLICT and foreign keys ask for
        let is_meant = matches!(index.method, Method::Btree | Method::Hash)
            && index.state == IndexState::Usable
            && !index.unique
            && index.predicate.is_none()
            && subjects.droppable(at, position).is_ok();
        if !is_meant {
            continue;
        }
        let key = ((table.schema.clone(), table.name.clone()), column.clone());
        let nulls = subjects.statistics.columns.get(&key).and_then(|statistics| statistics.null_fraction);
        if let Some(nulls) = nulls.filter(|nulls| *nulls >= MOSTLY) {
            findings.push(finding(subjects, (at, position), column, nulls));
        }
    }
    findings
}

fn finding(subjects: &Subjects<'_>, (at, position): (usize, usize), column: &str, nulls: f64) -> Finding {
    let schema = subjects.schema;
    let table = &schema.tables[at];
    let index = &table.indexes[position];
    let uncovered = uncovered(subjects, at, position, column);
    // an index that serves a foreign key does what it is for, and `--fix` writes it whole: no reason to fail the next audit
    let is_worth_it =
        subjects.bytes(table, index).is_some_and(|bytes| bytes >= WORTH_IT) && !is_foreign_keys(subjects, at, index);
    let quoted = schema.dialect.quote_identifier(column);
    let (why, remedy) = match uncovered {
        Some(foreign_key) => (
            String::new(),
            Remedy::None(format!(
                "It stays as it is: with `WHERE {quoted} IS NOT NULL` it would not serve the {foreign_key} any more."
            )),
        ),
        // such as (`deleted_at`, `user_id`), where all searches may be for NULL
        None if index.keys.len() > 1 => (
            String::new(),
            Remedy::Advice(format!(
                "If no search is for rows where `{column}` is NULL, make it again with `WHERE {quoted} IS NOT NULL`. If all are, \
                 the other columns tell more when they come first."
            )),
        ),
        None => (
            format!(
                " With `WHERE {quoted} IS NOT NULL` it holds the others alone, and every foreign key is served as before."
            ),
            partial(subjects, table, index, &quoted),
        ),
    };
    Finding {
        rule: RULE.name,
        severity: if is_worth_it && matches!(remedy, Remedy::Statement(_)) {
            Severity::Warning
        } else {
            Severity::Note
        },
        subject: words::subject_of_index(table, index),
        message: format!(
            "The index `{}`{} of {} begins with `{column}`, which is NULL in {} % of the rows.",
            index.name,
            words::size(subjects, table, index),
            words::table(schema, table),
            (nulls * 100.0).floor(),
        ),
        explanation: format!("It has an entry for each of those rows, which every write maintains.{why}"),
        remedy,
    }
}

/// The foreign key that would miss the rows without `column`, if any: one that only this index serves, and not without
/// them.
fn uncovered(subjects: &Subjects<'_>, at: usize, position: usize, column: &str) -> Option<String> {
    let (table, foreign_key) = think_away(subjects, &mut HashSet::new(), at, position)?;
    let own = &subjects.schema.tables[at];
    let mut partial = own.indexes[position].clone();
    partial.predicate = Some(Predicate::NotNull(column.to_owned()));
    let index = &own.indexes[position];
    if served(subjects, at).all(|key| !is_served(subjects, at, key, index) || is_served(subjects, at, key, &partial)) {
        return None;
    }
    let table = &subjects.schema.tables[table];
    Some(words::foreign_key(subjects.schema, table, &table.foreign_keys[foreign_key]))
}

/// Whether the index serves a foreign key of its table, or of those that it is a partition of.
fn is_foreign_keys(subjects: &Subjects<'_>, at: usize, index: &Index) -> bool {
    served(subjects, at).any(|key| is_served(subjects, at, key, index))
}

/// The foreign keys over a table's rows that some index serves.
fn served<'a>(subjects: &'a Subjects<'_>, at: usize) -> impl Iterator<Item = &'a ForeignKey> {
    let tables = std::iter::once(at).chain(subjects.places.ancestors(at));
    tables.flat_map(|table| {
        let keys = subjects.schema.tables[table].foreign_keys.iter().zip(&subjects.coverage[table]);
        keys.filter(|(_, coverage)| coverage.level.covers()).map(|(key, _)| key)
    })
}

fn is_served(subjects: &Subjects<'_>, at: usize, key: &ForeignKey, index: &Index) -> bool {
    serve::by_index(subjects.schema, &subjects.schema.tables[at], key, index).level.covers()
}

/// The same index again without those rows, under a name that is free, and then without the old one.
fn partial(subjects: &Subjects<'_>, table: &Table, index: &Index, column: &str) -> Remedy {
    let schema = subjects.schema;
    let condition = format!("WHERE {column} IS NOT NULL");
    let advice = || Remedy::Advice(format!("Make it again with `{condition}`, under another name, and drop this one."));
    if schema.dialect == Dialect::Sqlite {
        // the statement stands there as somebody wrote it
        return advice();
    }
    // all but the name stands behind it: `CREATE INDEX name ON …`
    let Some(rest) = index.definition.strip_prefix("CREATE INDEX ") else { return advice() };
    let quoted = schema.dialect.quote_identifier(&index.name);
    let rest = rest.strip_prefix(&*quoted).or_else(|| rest.strip_prefix(&*index.name));
    let Some(rest) = rest.filter(|rest| rest.starts_with(" ON ")) else { return advice() };
    if rest.starts_with(" ON ONLY ") {
        return advice();
    }
    let name = words::free_name(schema, &table.schema, &format!("{}_not_null", index.name));
    Remedy::Statement(format!(
        "CREATE INDEX {}{}{rest} {condition};\n{}",
        words::concurrently(schema.dialect, table),
        schema.dialect.quote_identifier(&name),
        words::drop_index(schema, table, index),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Statistics;
    use crate::audit::rules::testing::{check, foreign_key, index, named, schema, statement, subjects, table};
    use crate::audit::schema::Schema;
    use crate::audit::statistics::{ColumnStatistics, IndexStatistics};

    fn with(schema: &Schema, nulls: f64) -> Vec<Finding> {
        let column = ColumnStatistics { null_fraction: Some(nulls), ..ColumnStatistics::default() };
        let size = IndexStatistics { scans: None, bytes: Some(64 << 20) };
        let statistics = Statistics {
            columns: [((named(schema.dialect, "c"), "a".to_owned()), column)].into(),
            indexes: [(named(schema.dialect, "i"), size)].into(),
            ..Statistics::default()
        };
        check(&RULE, schema, &statistics)
    }

    fn defined(keys: &[&str]) -> Index {
        index("i", keys).defined(&format!("CREATE INDEX i ON public.c USING btree ({})", keys.join(", ")))
    }

    fn simple(index: Index) -> Schema {
        schema(Dialect::Postgres, [table("c").integer("a").integer("b").index(index)])
    }

    #[test]
    fn one_over_a_column_of_nulls_is_made_again_without_them() {
        let schema = simple(defined(&["a"]));
        assert!(with(&schema, 0.89).is_empty());
        let findings = with(&schema, 0.97);
        assert_eq!(subjects(&findings), ["c.i"]);
        assert_eq!(findings[0].severity, Severity::Warning);
        assert!(findings[0].message.contains("97 %"), "{}", findings[0].message);
        assert_eq!(
            statement(&findings[0]),
            "CREATE INDEX CONCURRENTLY \"i_not_null\" ON public.c USING btree (a) WHERE \"a\" IS NOT NULL;\n\
             DROP INDEX CONCURRENTLY \"public\".\"i\";"
        );
    }

    #[test]
    fn one_that_goes_on_behind_it_may_be_there_for_the_nulls() {
        let findings = with(&simple(defined(&["a", "b"])), 0.97);
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(matches!(findings[0].remedy, Remedy::Advice(_)));
    }

    #[test]
    fn what_has_a_condition_is_unique_or_begins_otherwise_is_fine() {
        for index in [
            defined(&["b", "a"]),
            defined(&["a"]).unique(),
            defined(&["a"]).only(Predicate::Other("b > 0".to_owned())),
            defined(&["a"]).method(Method::Brin),
        ] {
            assert_eq!(with(&simple(index), 1.0), []);
        }
    }

    #[test]
    fn a_small_one_is_a_note() {
        let mut small = simple(defined(&["a"]));
        small.tables[0].indexes[0].name = "unknown".to_owned();
        assert_eq!(with(&small, 1.0)[0].severity, Severity::Note);
    }

    #[test]
    fn one_that_serves_a_foreign_key_by_that_column_may_leave_nulls_out() {
        let child = table("c").integer("a").foreign_key(foreign_key(&["a"], "p", &["id"])).index(defined(&["a"]));
        let schema = schema(Dialect::Postgres, [child, table("p").integer("id").key(&["id"])]);
        let findings = with(&schema, 0.95);
        assert!(statement(&findings[0]).contains("IS NOT NULL"));
        // what `--fix` writes must not fail the next audit
        assert_eq!(findings[0].severity, Severity::Note);
    }

    #[test]
    fn one_that_would_no_longer_serve_a_foreign_key_stays_whole() {
        // SQLite before 3.46 does not see that a column declared NOT NULL fulfils the condition
        let child = table("c")
            .integer("a")
            .not_null()
            .foreign_key(foreign_key(&["a"], "p", &["id"]).named("fk"))
            .index(defined(&["a"]));
        let mut schema = schema(Dialect::Sqlite, [child, table("p").rowid("id")]);
        schema.version = crate::audit::schema::Version(3, 45, 0);
        let findings = with(&schema, 0.95);
        assert_eq!(findings[0].severity, Severity::Note);
        assert!(matches!(&findings[0].remedy, Remedy::None(why) if why.contains("`fk`")), "{:?}", findings[0].remedy);
    }
}
