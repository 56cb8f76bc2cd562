//! `explain`: how a database would run a statement, and what of it reads whole tables. The statement is not run.

mod postgres;
mod sqlite;
mod tree;

use serde::Serialize;

use super::MaintainError;
use crate::Dialect;
use crate::db::Db;
use crate::sql::{Lexer, TokenKind, split};

pub use tree::tree;

/// How a statement is explained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    /// Run it, in a read-only transaction that is rolled back; only what reads, and has no parameters.
    pub analyze: bool,
}

/// How a statement would be run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainReport {
    /// The kind of database.
    pub dialect: Dialect,
    /// The statement.
    pub sql: String,
    /// Its parameters, as they stand in it; the plan is that for values that are not known.
    pub parameters: Vec<String>,
    /// The steps of the plan.
    pub plan: Vec<PlanNode>,
    /// Tables that are read from end to end.
    pub full_scans: Vec<FullScan>,
    /// With `analyze`: what running it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// One step, and those that it takes its rows from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlanNode {
    /// What it does, in the database's words.
    pub what: String,
    /// Whether it reads a whole table.
    pub full_scan: bool,
    /// PostgreSQL: the rows that are expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<f64>,
    /// PostgreSQL: the planner's cost to the last row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// PostgreSQL, with `analyze`: the rows there were, of all its loops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_rows: Option<f64>,
    /// PostgreSQL, with `analyze`: milliseconds to the last row, of all its loops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_ms: Option<f64>,
    /// Conditions, in the database's words.
    pub conditions: Vec<String>,
    /// Where its rows come from.
    pub children: Vec<PlanNode>,
}

/// A table that is read from end to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FullScan {
    /// The table.
    pub table: String,
    /// The rows of the table that the planner counts on; `None` where there are no statistics.
    pub rows: Option<u64>,
}

/// What running a statement came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The rows it gave.
    pub rows: u64,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// SQLite: rows that were stepped over in full scans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_scan_steps: Option<u64>,
    /// SQLite: how often was sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sorts: Option<u64>,
    /// SQLite: rows of indexes that were made for this run alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic_index_rows: Option<u64>,
}

/// The plan of `sql` on `db`. It is not run unless `options` say so.
///
/// # Errors
/// [`MaintainError::Refused`] for anything but one SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES;
/// [`MaintainError::Sql`] where the database does not take it.
pub fn explain(db: &mut Db, sql: &str, options: ExplainOptions) -> Result<ExplainReport, MaintainError> {
    let dialect = db.dialect();
    let statement = statement(dialect, sql)?;
    let parameters = parameters(dialect, statement);
    if options.analyze {
        refuse_to_run(dialect, statement, &parameters)?;
    }
    let (plan, full_scans, run, notes) = match db {
        Db::Sqlite(db) => sqlite::explain(db, statement, options)?,
        Db::Postgres(db) => postgres::explain(db, statement, &parameters, options)?,
    };
    Ok(ExplainReport { dialect, sql: statement.to_owned(), parameters, plan, full_scans, run, notes })
}

/// What a plan, its full scans, a run and notes are together.
type Explained = (Vec<PlanNode>, Vec<FullScan>, Option<Run>, Vec<String>);

fn refused(message: impl Into<String>, hint: impl Into<String>) -> MaintainError {
    MaintainError::Refused { message: message.into(), hint: hint.into() }
}

/// The one statement there is, of a kind that EXPLAIN only looks at.
fn statement(dialect: Dialect, sql: &str) -> Result<&str, MaintainError> {
    let statements = split(dialect, sql).map_err(|error| {
        refused(format!("the statement can't be read: {error}"), "is a quote or a bracket left open?")
    })?;
    let statement = match statements.as_slice() {
        [] => return Err(refused("there is no statement", "`liftlock explain \"SELECT …\"`")),
        // goose's markers hold several in one
        [one] if !one.block && one.copy_data.is_none() => one.text,
        more => {
            let count = more.len().max(2);
            return Err(refused(
                format!("these are {count} statements, and one is explained at a time"),
                "give one of them",
            ));
        }
    };
    let allowed: &[&str] = match dialect {
        Dialect::Sqlite => &["SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE"],
        Dialect::Postgres => &["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"],
    };
    let first = first_word(dialect, statement);
    if !allowed.iter().any(|word| word.eq_ignore_ascii_case(&first)) {
        return Err(refused(
            format!("`{first}` is not explained: that would run it, or there is nothing to plan"),
            format!("statements that begin with one of these are explained: {}", allowed.join(", ")),
        ));
    }
    Ok(statement)
}

/// The first word, after opening brackets.
fn first_word(dialect: Dialect, statement: &str) -> String {
    let mut tokens = Lexer::new(dialect, statement).filter_map(Result::ok);
    let first = tokens.find(|token| token.kind != TokenKind::Comment && !token.is_punct(b'('));
    first.map(|token| token.text.to_uppercase()).unwrap_or_default()
}

/// The parameters of a statement, each once.
fn parameters(dialect: Dialect, statement: &str) -> Vec<String> {
    let mut parameters: Vec<String> = Vec::new();
    for token in Lexer::new(dialect, statement).filter_map(Result::ok) {
        // each plain `?` is one of its own
        if token.kind == TokenKind::Parameter
            && (token.text == "?" || !parameters.iter().any(|known| known == token.text))
        {
            parameters.push(token.text.to_owned());
        }
    }
    parameters
}

/// What writes is never run: not even the words for it may stand in it, for a WITH may hold them.
fn refuse_to_run(dialect: Dialect, statement: &str, parameters: &[String]) -> Result<(), MaintainError> {
    if !parameters.is_empty() {
        return Err(refused(
            format!("with parameters ({}) it can't be run", parameters.join(", ")),
            "leave `--analyze` away, or put values in their place",
        ));
    }
    let reads = ["SELECT", "WITH", "VALUES", "TABLE"].contains(&first_word(dialect, statement).as_str());
    let writes = Lexer::new(dialect, statement)
        .filter_map(Result::ok)
        .find(|token| ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO"].iter().any(|word| token.is_word(word)));
    match writes {
        Some(token) => Err(refused(
            format!("`{}` stands in it, and `--analyze` runs only what reads", token.text.to_uppercase()),
            "leave `--analyze` away: the plan is shown without running anything",
        )),
        None if !reads => Err(refused("`--analyze` runs only what reads", "leave `--analyze` away")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_statement_that_explain_looks_at_is_taken() {
        for dialect in Dialect::ALL {
            for good in [
                "select 1",
                " (select 1) ;",
                "-- a\nWITH a AS (SELECT 1) SELECT * FROM a",
                "DELETE FROM t",
                "select ';'",
            ] {
                assert!(statement(dialect, good).is_ok(), "{good}");
            }
            for bad in [
                "",
                ";",
                "select 1; select 2",
                "select 1; drop table t",
                "explain select 1",
                "explain analyze delete from t",
                "pragma foreign_keys = off",
                "attach 'x' as y",
                "vacuum",
                "create table a as select 1",
                "begin",
                "execute a",
                "declare a cursor for select 1",
                "select 'a",
                "copy t from stdin;\n1\n\\.\n",
                "-- +goose StatementBegin\nselect 1; drop table t;\n-- +goose StatementEnd",
            ] {
                assert!(statement(dialect, bad).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn parameters_are_found_and_what_only_looks_like_them_is_not() {
        assert_eq!(
            parameters(Dialect::Sqlite, "select ?, ?, :a, @b, $c, ?7, ':d', :a"),
            ["?", "?", ":a", "@b", "$c", "?7"]
        );
        assert_eq!(parameters(Dialect::Postgres, "select $1, $2, '$3', $1, a::text, $$ $4 $$"), ["$1", "$2"]);
    }

    #[test]
    fn only_what_reads_is_run() {
        assert!(refuse_to_run(Dialect::Postgres, "select 'insert'", &[]).is_ok());
        for bad in ["delete from t", "with a as (delete from t returning *) select * from a", "select 1 into t"] {
            assert!(refuse_to_run(Dialect::Postgres, bad, &[]).is_err(), "{bad}");
        }
        assert!(refuse_to_run(Dialect::Sqlite, "select ?", &["?".to_owned()]).is_err());
    }
}
