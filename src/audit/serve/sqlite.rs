//! What an index of SQLite's does for a foreign key: what its planner makes of the search for a parent's children.
//!
//! When a parent's row goes or changes its key, SQLite scans the child by `parent.x = child.a AND …` (`fkScanChildren` in
//! fkey.c), whatever the action; an action's own statement comes on top. The rules here are those by which where.c uses
//! an index for that.

mod partial;
mod search;

use self::search::{Found, Miss, search};
use super::{Coverage, Level, Service};
use crate::audit::schema::{ForeignKey, ForeignKeyColumn, Index, Method, Schema, Table};

pub(super) fn by_index(schema: &Schema, table: &Table, foreign_key: &ForeignKey, index: &Index) -> Service {
    let level = look(schema, table, foreign_key, index).level;
    let (why, note) = explain(schema, table, foreign_key, index);
    Service { level, why, note }
}

pub(super) fn judge(
    schema: &Schema,
    table: &Table,
    foreign_key: &ForeignKey,
    counts: &dyn Fn(&Table, &Index) -> bool,
) -> Coverage {
    let mut best: Option<(Rank, &Index, Answer)> = None;
    for index in table.indexes.iter().filter(|index| counts(table, index)) {
        let answer = look(schema, table, foreign_key, index);
        let rank = rank(index, &answer);
        if best.as_ref().is_none_or(|(best, ..)| *best < rank) {
            best = Some((rank, index, answer));
        }
    }
    let level = best.as_ref().map_or(Level::None, |(.., answer)| answer.level);
    let blocked = if level.covers() { None } else { blocked(table, foreign_key) };
    let nearest = best.filter(|(.., answer)| answer.level > Level::None || answer.miss.tells());
    let Some((_, index, answer)) = nearest else {
        let names: Vec<&str> = foreign_key.columns.iter().map(|column| column.column.as_str()).collect();
        let why = format!("no index begins with {}", words(&names, "or"));
        return Coverage { level, why, index: None, note: None, blocked };
    };
    let (why, note) = explain(schema, table, foreign_key, index);
    let note = note.or_else(|| primary_key_first(table, foreign_key, index, &answer));
    let index = (level > Level::None).then(|| own_name(index));
    Coverage { level, why, index, note, blocked }
}

/// A `WITHOUT ROWID` table's own tree has whole rows in it. Without statistics SQLite takes it for cheaper than an index
/// even where fewer of the columns are searched in it.
fn primary_key_first(table: &Table, foreign_key: &ForeignKey, index: &Index, answer: &Answer) -> Option<String> {
    let primary = table.indexes.iter().find(|index| index.method == Method::Primary)?;
    let prefix = search(table, foreign_key, primary);
    let beaten = answer.level == Level::Full && !answer.one_row && index.method == Method::Btree;
    (beaten && prefix.level == Level::Prefix).then(|| {
        format!(
            "as long as ANALYZE has not been run, newer versions of SQLite may search the primary key by {} alone instead",
            words(&prefix.searched, "and")
        )
    })
}

/// What is known of one index.
struct Answer {
    level: Level,
    one_row: bool,
    miss: Miss,
}

/// What SQLite takes of several that it could: whatever finds one row at most comes first, the rowid before all
/// (`whereShortCut` in where.c). The rest is for those that don't serve: the one that comes nearest is told of.
type Rank = (bool, bool, bool, Level, Miss);

fn rank(index: &Index, answer: &Answer) -> Rank {
    let covers = answer.level.covers();
    let rowid = covers && index.method == Method::Rowid;
    (covers, rowid, covers && answer.one_row, answer.level, answer.miss)
}

fn look(schema: &Schema, table: &Table, foreign_key: &ForeignKey, index: &Index) -> Answer {
    let Found { searched, level, one_row, miss, .. } = search(table, foreign_key, index);
    if index.predicate.as_ref().is_some_and(|predicate| !partial::is_implied(schema, table, foreign_key, predicate)) {
        let miss = if searched.is_empty() { Miss::Column } else { Miss::Predicate };
        return Answer { level: Level::None, one_row: false, miss };
    }
    Answer { level, one_row, miss }
}

/// Why the index does what it does, and what else a person should know: for the one that is told of.
fn explain(schema: &Schema, table: &Table, foreign_key: &ForeignKey, index: &Index) -> (String, Option<String>) {
    let subject = subject(index);
    if let Some(predicate) = &index.predicate
        && let Err(why) = partial::implied(schema, table, foreign_key, predicate)
    {
        let rows = index.predicate_sql.as_deref().unwrap_or("…");
        return (format!("{subject} has only the rows of `WHERE {rows}`, and {why}"), None);
    }
    let Found { searched, level, stop, .. } = search(table, foreign_key, index);
    let searched = words(&searched, "and");
    let why = match (level, index.method == Method::Rowid) {
        (Level::Full, true) => format!("{} is the rowid", searched),
        (Level::Full, false) => format!("{subject} finds the rows by {}", searched),
        (Level::UniqueSubset, true) => {
            format!("{} is the rowid, so that one row at most is left to look at", searched)
        }
        (Level::UniqueSubset, false) => {
            format!("{subject} is unique by {}: one row at most is left to look at", searched)
        }
        (Level::Skip, _) => format!(
            "{subject} has {} after other columns, which SQLite can skip only as long as the statistics of ANALYZE say that it \
             is worth it",
            searched
        ),
        (Level::Prefix | Level::Lossy, _) => {
            format!("{subject} finds rows by {} alone: {stop}", searched)
        }
        (Level::None, _) => format!("{subject} can't be used: {stop}"),
    };
    let depends = |predicate| partial::depends_on_version(table, foreign_key, predicate);
    let note = (level.covers() && index.predicate.as_ref().is_some_and(depends)).then(|| {
        format!(
            "SQLite before 3.46 never uses {subject}, because its WHERE clause asks of a NOT NULL column whether it is NULL: \
             without the clause every version does"
        )
    });
    (why, note)
}

/// What has to change where the comparison itself keeps every index out.
fn blocked(table: &Table, foreign_key: &ForeignKey) -> Option<String> {
    let sentence = |column: &ForeignKeyColumn| {
        let declared = table.column(&column.column).map_or("", |column| column.declared.as_str());
        let declared = if declared.is_empty() { "without a type".to_owned() } else { format!("as `{declared}`") };
        format!(
            "`{}` is declared {declared} and compared with `{}` `{}` as a number, for which SQLite can use no index on it: \
             rebuild `{}` with the column declared as `{}`",
            column.column, column.parent_column, column.parent_type, table.name, column.parent_type
        )
    };
    let blocked: Vec<String> =
        foreign_key.columns.iter().filter(|column| column.search.affinity_blocks).map(sentence).collect();
    (!blocked.is_empty()).then(|| blocked.join("; "))
}

fn words(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// How the index is spoken of.
fn subject(index: &Index) -> String {
    match index.method {
        Method::Rowid => "the rowid".to_owned(),
        Method::Primary => "the primary key".to_owned(),
        _ if index.name.is_empty() => "a constraint's index".to_owned(),
        _ => format!("index `{}`", index.name),
    }
}

fn own_name(index: &Index) -> String {
    match index.method {
        Method::Rowid => "rowid".to_owned(),
        Method::Primary => "primary key".to_owned(),
        _ => index.name.clone(),
    }
}

#[cfg(test)]
mod tests;
