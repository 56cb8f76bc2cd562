//! In what one object that is there is not as the plan has it. Nothing is compared that the server may write otherwise
//! than the plan; how the server itself writes the plan's expressions is in `worded`.

use crate::port::plan::{CheckPlan, ColumnPlan, ForeignKeyPlan, IndexPlan, KeyPlan, ViewPlan};
use crate::port::target::schema::{
    Constraint, Identity, IndexTerm, OtherKind, OtherRelation, TargetColumn, TargetIndex, TargetSchema,
};

/// What differs; `None` where the object is missing.
pub(super) type Differences = Option<Vec<String>>;

/// A table that was there keeps what the plan says nothing of.
pub(super) fn column(
    column: &ColumnPlan,
    found: &TargetColumn,
    worded: Option<&TargetColumn>,
    existing: bool,
) -> Vec<String> {
    let as_planned = |planned: bool, there: bool| planned == there || (existing && !planned);
    let mut differences = differing([
        ("whether it is NOT NULL", as_planned(column.not_null, found.not_null)),
        ("whether it has a default", as_planned(column.default.is_some(), found.default.is_some())),
        ("whether it is an identity", as_planned(column.identity.is_some(), found.identity.is_some())),
        (
            "when its identity gives a value",
            existing || column.identity.is_none() || found.identity != Some(Identity::Always),
        ),
        ("whether it is generated", as_planned(column.generated.is_some(), found.generated.is_some())),
    ]);
    // an enumeration read from a document has no labels: what is written in SQL is what tells types apart
    let planned = column.pg_type.to_string();
    if found.pg_type.as_ref().map(ToString::to_string).as_ref() != Some(&planned) {
        differences.push(format!("its type, `{}` instead of `{planned}`", found.type_name));
    }
    let Some(worded) = worded.filter(|_| differences.is_empty()) else { return differences };
    let expressions =
        [("its default", &found.default, &worded.default), ("its expression", &found.generated, &worded.generated)];
    for (what, found, planned) in expressions {
        if let (Some(found), Some(planned)) = (found, planned)
            && found != planned
        {
            differences.push(format!("{what}, `{found}` instead of `{planned}`"));
        }
    }
    differences
}

/// `index` is the one by which the key is kept.
pub(super) fn key(key: &KeyPlan, found: &Constraint, index: Option<&TargetIndex>) -> Vec<String> {
    differing([
        ("its columns", found.columns == key.columns),
        ("it is deferrable", !found.deferrable),
        ("its index is not valid", index.is_none_or(|index| index.valid)),
    ])
}

pub(super) fn check(check: &CheckPlan, found: &Constraint, worded: Option<&Constraint>) -> Vec<String> {
    let mut differences = validity(found, check.not_valid);
    if let Some(worded) = worded {
        let (is, planned) = (expression(found), expression(worded));
        if is != planned {
            differences.push(format!("its expression, `{is}` instead of `{planned}`"));
        }
    }
    differences
}

/// The definition without what is told apart.
fn expression(check: &Constraint) -> &str {
    check.definition.strip_suffix(" NOT VALID").unwrap_or(&check.definition)
}

fn validity(found: &Constraint, not_valid: bool) -> Vec<String> {
    match (found.valid, not_valid) {
        _ if found.is_unenforced() => vec!["it is NOT ENFORCED".to_owned()],
        (false, false) => vec!["it is NOT VALID".to_owned()],
        (true, true) => vec!["it is valid, which the plan has it not be".to_owned()],
        _ => Vec::new(),
    }
}

pub(super) fn foreign_key(key: &ForeignKeyPlan, found: &Constraint, schema: &str) -> Vec<String> {
    let clauses = key.clauses.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let action = |what: &str, there: char| {
        let planned = clauses.split_once(&format!("ON {what} ")).map_or("NO ACTION", |(_, action)| action);
        // the list of columns after SET NULL (…) is no part of the word
        ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"]
            .into_iter()
            .zip(['a', 'r', 'c', 'n', 'd'])
            .any(|(word, letter)| planned.starts_with(word) && letter == there)
    };
    let not_deferrable = clauses.contains("NOT DEFERRABLE");
    let parent = found.parent.as_deref() == Some(&key.parent) && found.parent_schema.as_deref() == Some(schema);
    let mut differences = differing([
        ("its columns", found.columns == key.columns),
        ("the table it refers to", parent),
        ("the columns it refers to", found.parent_columns == key.parent_columns),
        ("ON DELETE", action("DELETE", found.on_delete)),
        ("ON UPDATE", action("UPDATE", found.on_update)),
        ("whether it is MATCH FULL", found.match_full == clauses.contains("MATCH FULL")),
        ("whether it is deferrable", found.deferrable == (!not_deferrable && clauses.contains("DEFER"))),
        ("whether it is deferred", found.deferred == clauses.contains("INITIALLY DEFERRED")),
    ]);
    differences.extend(validity(found, key.not_valid));
    differences
}

pub(super) fn index(index: &IndexPlan, found: &TargetIndex, worded: Option<&TargetIndex>) -> Vec<String> {
    let as_many = found.terms.len() == index.terms.len();
    let mut terms = index.terms.iter().zip(&found.terms);
    let mut differences = differing([
        ("whether it is unique", found.unique == index.unique),
        ("how many terms it is over", as_many),
        ("its terms", !as_many || terms.all(|(planned, found)| plain(planned).is_none_or(|planned| planned == *found))),
        ("whether it is partial", found.predicate.is_some() == index.predicate.is_some()),
        ("how it is organised", found.method == "btree"),
    ]);
    if !found.valid {
        differences.push("it is not valid".to_owned());
    }
    if let Some((is, planned)) = worded.and_then(|worded| Some((terms_of(found)?, terms_of(worded)?)))
        && differences.is_empty()
        && is != planned
    {
        differences.push(format!("its expressions, `{is}` instead of `{planned}`"));
    }
    differences
}

/// A term that is a column's name and at most DESC, which is what the server makes of it, too.
pub(super) fn plain(term: &str) -> Option<IndexTerm> {
    let (name, descending) = match term.strip_suffix(" DESC") {
        Some(name) => (name, true),
        None => (term, false),
    };
    let inner = name.strip_prefix('"')?.strip_suffix('"')?;
    let unquoted = inner.replace("\"\"", "");
    (!inner.is_empty() && !unquoted.contains('"'))
        .then(|| IndexTerm { column: Some(inner.replace("\"\"", "\"")), descending })
}

/// What follows the table in the statement that makes an index; `None` where a name could be taken for the word before.
fn terms_of(index: &TargetIndex) -> Option<&str> {
    const BEFORE: &str = " USING ";
    let named = [&index.name, &index.table].into_iter().any(|name| name.contains(BEFORE));
    index.definition.split_once(BEFORE).map(|(_, terms)| terms).filter(|_| !named)
}

pub(super) fn view(view: &ViewPlan, target: &TargetSchema) -> Differences {
    let is_it = |other: &&OtherRelation| other.kind == OtherKind::View && other.name == view.target;
    let found = target.others.iter().find(is_it)?;
    let same = found.columns.iter().map(|column| &column.name).eq(&view.columns);
    Some(differing([("its columns", same)]))
}

fn differing<const N: usize>(facts: [(&str, bool); N]) -> Vec<String> {
    facts.into_iter().filter(|(_, same)| !same).map(|(what, _)| what.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_quoted_column_is_a_plain_term() {
        let column = |name: &str, descending| Some(IndexTerm { column: Some(name.to_owned()), descending });
        assert_eq!(plain("\"a\""), column("a", false));
        assert_eq!(plain("\"a\" DESC"), column("a", true));
        assert_eq!(plain("\"say \"\"a\"\" DESC\""), column("say \"a\" DESC", false));
        let others =
            ["a", "(\"a\")", "\"a\" COLLATE \"C\"", "\"a\" desc", "\"a\" || \"b\"", "lower(\"a\")", "\"\"", ""];
        for term in others {
            assert_eq!(plain(term), None, "{term}");
        }
    }
}
