//! What an index of PostgreSQL's does for a foreign key: what the planner can do with it in the server's own query
//! `SELECT 1 FROM ONLY child x WHERE $1 OPERATOR(…) column AND … FOR KEY SHARE OF x`.
//!
//! - one index alone: its keys against the foreign key's columns (keys.rs), then its method (here);
//! - all indexes of a table (best.rs), and of a partitioned table's partitions (partitions.rs).

mod best;
mod keys;
mod partitions;
#[cfg(test)]
mod tests;
mod words;

use super::{Coverage, Level, Service};
use crate::audit::schema::{ForeignKey, Index, IndexState, Method, Predicate, Schema, Table};

use keys::{Matched, columns_of, matched_keys};
use words::{columns_in_words, listed, named};

/// Whether an index of a table counts.
type Counts<'a> = dyn Fn(&Table, &Index) -> bool + 'a;

pub(super) fn by_index(schema: &Schema, _table: &Table, foreign_key: &ForeignKey, index: &Index) -> Service {
    let matched = matched_keys(schema, foreign_key, index);
    let name = named(&index.name);
    let nothing = |why: String| Service { level: Level::None, why, note: None };
    match index.state {
        IndexState::Usable => {}
        IndexState::Invalid => return nothing(format!("{name} is INVALID, so no query uses it")),
        IndexState::Building => return nothing(format!("{name} is being built just now, and no query uses it yet")),
    }
    if let Some(predicate) = &index.predicate
        && !implied(predicate, foreign_key)
    {
        let clause = index.predicate_sql.as_deref().unwrap_or("…");
        return nothing(format!(
            "{name} holds only rows with `{}`, which a search by {} alone doesn't imply",
            words::bare(clause),
            columns_in_words(foreign_key)
        ));
    }
    by_method(foreign_key, index, &matched)
}

fn by_method(foreign_key: &ForeignKey, index: &Index, matched: &[Matched<'_>]) -> Service {
    let name = named(&index.name);
    let columns = columns_of(foreign_key);
    let any = || matched.iter().filter_map(Matched::column).collect::<Vec<_>>();
    let service = |level, why, note| Service { level, why, note };
    match &index.method {
        Method::Brin => match any().is_empty() {
            false => {
                service(Level::Lossy, format!("{name} is a brin index, which only leaves out parts of the table"), None)
            }
            true => service(Level::None, words::unmatched(foreign_key, index, matched), None),
        },
        Method::Other(method) => match any().is_empty() {
            false => service(
                Level::Lossy,
                match method.as_str() {
                    "bloom" => format!("{name} is a bloom index, all of which is read at every search"),
                    _ => {
                        format!("{name} is of the access method `{method}`, and what a search in it costs isn't known")
                    }
                },
                None,
            ),
            true => service(Level::None, words::unmatched(foreign_key, index, matched), None),
        },
        method => {
            // a GIN index keeps its keys side by side, each can be searched without those before it
            let mut searched = match method {
                Method::Gin => any(),
                _ => matched.iter().map_while(Matched::column).collect(),
            };
            searched.sort_unstable();
            searched.dedup();
            let unique = index.unique && matched.iter().all(|key| key.column().is_some());
            let (level, why) = if searched.is_empty() {
                (Level::None, words::unmatched(foreign_key, index, matched))
            } else if searched.len() == columns.len() {
                (Level::Full, words::full(foreign_key, index))
            } else if unique {
                let keys = listed(&searched);
                (Level::UniqueSubset, format!("{name} is unique over {keys}, so that a search finds one row at most"))
            } else {
                (Level::Prefix, words::prefix(foreign_key, index, matched, &searched))
            };
            service(level, why, note(method, &name).filter(|_| level > Level::None))
        }
    }
}

/// What a person should know of an index that serves by a method with a price of its own.
fn note(method: &Method, name: &str) -> Option<String> {
    match method {
        Method::Gist => Some(format!("{name} is a gist index: a search in it may read more pages than in a b-tree")),
        Method::Gin => Some(format!(
            "{name} is a gin index: a search in it first reads the list of entries that still wait to be sorted in"
        )),
        _ => None,
    }
}

/// Whether a search by the foreign key's columns, none of which can be NULL then, finds only rows with `predicate`
/// (`predicate_implied_by` in src/backend/optimizer/util/predtest.c).
fn implied(predicate: &Predicate, foreign_key: &ForeignKey) -> bool {
    match predicate {
        Predicate::NotNull(name) => foreign_key.columns.iter().any(|column| column.column == *name),
        Predicate::And(parts) => parts.iter().all(|part| implied(part, foreign_key)),
        Predicate::Or(parts) => parts.iter().any(|part| implied(part, foreign_key)),
        // of a cast that the search makes too, it asks after the very expression
        Predicate::Other(text) => {
            foreign_key.columns.iter().filter_map(|column| column.search.cast.as_ref()).any(|cast| {
                words::bare(text).strip_suffix(" IS NOT NULL").is_some_and(|asked| asked == cast.expression)
            })
        }
    }
}

pub(super) fn judge(schema: &Schema, table: &Table, foreign_key: &ForeignKey, counts: &Counts<'_>) -> Coverage {
    let mut coverage = match table.partitioned {
        true => partitions::judge(schema, table, foreign_key, counts),
        false => best::judge(schema, table, foreign_key, counts),
    };
    if !coverage.level.covers() {
        coverage.blocked = best::blocked(table, foreign_key);
    }
    coverage
}
