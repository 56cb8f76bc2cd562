//! SQLite's `EXPLAIN QUERY PLAN` (<https://www.sqlite.org/eqp.html>), whose text is for people and is read with care.

use std::time::Instant;

use super::super::ask::{number, text};
use super::{ExplainOptions, Explained, FullScan, MaintainError, PlanNode, Run};
use crate::Dialect;
use crate::db::{SqliteDb, TextRow};
use crate::sql::{Lexer, Token, TokenKind, unquoted};

pub(super) fn explain(db: &mut SqliteDb, statement: &str, options: ExplainOptions) -> Result<Explained, MaintainError> {
    let rows =
        db.query_unbound(&format!("EXPLAIN QUERY PLAN {statement}")).map_err(MaintainError::sql("explain it"))?;
    let listed = db.query_unbound("SELECT name FROM pragma_table_list WHERE type <> 'view'");
    let tables = listed.map_err(MaintainError::sql("list the tables"))?.iter().map(|row| text(row, 0)).collect();
    // what is made in the plan itself is no table
    let made = rows.iter().filter_map(|row| made(&text(row, 3))).collect();
    let names = Names { statement, tables, made };
    let mut scans = Vec::new();
    let plan = children(&rows, 0, &names, &mut scans);
    let mut notes = Vec::new();
    let mut full_scans = Vec::new();
    for table in scans {
        let rows = rows_of(db, &table);
        full_scans.push(FullScan { table, rows });
    }
    if full_scans.iter().any(|scan| scan.rows.is_none()) {
        notes.push("how many rows a table has is known after ANALYZE; `liftlock optimize` runs it".to_owned());
    }
    let run = if options.analyze { Some(run(db, statement)?) } else { None };
    Ok((plan, full_scans, run, notes))
}

/// The steps below `parent`, in order; tables that are read from end to end are put into `scans`.
fn children(rows: &[TextRow], parent: i64, names: &Names<'_>, scans: &mut Vec<String>) -> Vec<PlanNode> {
    let mut nodes = Vec::new();
    for row in rows.iter().filter(|row| number(row, 1) == Some(parent)) {
        let what = text(row, 3);
        let scanned = scanned(&what).and_then(|name| names.table(name));
        let full_scan = scanned.is_some();
        scans.extend(scanned.filter(|table| !scans.contains(table)));
        let id: i64 = number(row, 0).unwrap_or(parent);
        // a row below itself would have no end
        let children = if id == parent { Vec::new() } else { children(rows, id, names, scans) };
        nodes.push(PlanNode { what, full_scan, children, ..PlanNode::default() });
    }
    nodes
}

/// The name that a line gives to rows it makes: `MATERIALIZE x`, `CO-ROUTINE x`.
fn made(what: &str) -> Option<String> {
    ["MATERIALIZE ", "CO-ROUTINE "].iter().find_map(|word| what.strip_prefix(word)).map(str::to_owned)
}

/// What a line reads from end to end: without an index, or to make one for this run (`sqlite3WhereAddExplainText`).
fn scanned(what: &str) -> Option<&str> {
    if let Some((name, _)) = what.strip_prefix("SEARCH ").and_then(|rest| rest.split_once(" USING AUTOMATIC ")) {
        return Some(name);
    }
    let name = what.strip_prefix("SCAN ")?;
    let through = [" USING INDEX ", " USING COVERING INDEX ", " VIRTUAL TABLE INDEX "];
    let rows = ["CONSTANT ROW", "CONSTANT ROWS", "-ROW VALUES CLAUSE"];
    if through.iter().any(|words| name.contains(words)) || rows.iter().any(|end| name.ends_with(end)) {
        return None;
    }
    let name = name.strip_suffix(" LEFT-JOIN").unwrap_or(name);
    Some(name.strip_suffix(" EXISTS").unwrap_or(name))
}

/// What the names in a plan stand for: it has an alias where the statement has one.
struct Names<'a> {
    statement: &'a str,
    tables: Vec<String>,
    made: Vec<String>,
}

impl Names<'_> {
    /// The table of that name or alias; `None` where it is no table. A name of which nothing is known is taken as one.
    fn table(&self, name: &str) -> Option<String> {
        // `(subquery-1)`, `(join-2)`
        if name.starts_with('(') {
            return None;
        }
        let find = |names: &[String], name: &str| names.iter().find(|known| known.eq_ignore_ascii_case(name)).cloned();
        let aliased = self.aliased(name);
        let is_made = |name: &str| find(&self.made, name).is_some();
        if is_made(name) || aliased.iter().any(|name| is_made(name)) {
            return None;
        }
        let bare = name.rsplit_once('.').map_or(name, |(_, bare)| bare);
        let known = aliased.iter().map(String::as_str).chain([name, bare]).find_map(|name| find(&self.tables, name));
        known.or_else(|| Some(name.to_owned()))
    }

    /// The names that stand before this one in the statement, as `orders` does in `orders AS o`.
    fn aliased(&self, alias: &str) -> Vec<String> {
        let tokens: Vec<Token<'_>> = Lexer::new(Dialect::Sqlite, self.statement)
            .filter_map(Result::ok)
            .filter(|token| token.kind != TokenKind::Comment && !token.is_word("AS"))
            .collect();
        let pairs = tokens.windows(2).filter(|pair| unquoted(Dialect::Sqlite, pair[1]).eq_ignore_ascii_case(alias));
        pairs.map(|pair| unquoted(Dialect::Sqlite, pair[0])).collect()
    }
}

/// The rows that ANALYZE counted.
fn rows_of(db: &mut SqliteDb, table: &str) -> Option<u64> {
    let literal = Dialect::Sqlite.literal(table);
    let asked =
        format!("SELECT max(CAST(stat AS INTEGER)) FROM main.sqlite_stat1 WHERE tbl = {literal} COLLATE NOCASE");
    // without ANALYZE there is no such table
    number(db.query_unbound(&asked).ok()?.first()?, 0)
}

fn run(db: &mut SqliteDb, statement: &str) -> Result<Run, MaintainError> {
    let begun = Instant::now();
    let counted = db.run_read_only(statement).map_err(MaintainError::sql("run it"))?;
    Ok(Run {
        rows: counted.rows,
        ms: begun.elapsed().as_secs_f64() * 1000.0,
        full_scan_steps: Some(counted.full_scan_steps),
        sorts: Some(counted.sorts),
        automatic_index_rows: Some(counted.automatic_index_rows),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tables_are_full_scans() {
        for (what, expected) in [
            ("SCAN people", Some("people")),
            ("SCAN p LEFT-JOIN", Some("p")),
            ("SCAN my table", Some("my table")),
            ("SCAN people USING INDEX people_name", None),
            ("SCAN people USING COVERING INDEX people_name", None),
            ("SCAN words VIRTUAL TABLE INDEX 0:M1", None),
            ("SCAN CONSTANT ROW", None),
            ("SCAN 3 CONSTANT ROWS", None),
            ("SCAN 2-ROW VALUES CLAUSE", None),
            ("SCAN p EXISTS", Some("p")),
            ("SEARCH o USING AUTOMATIC COVERING INDEX (person=?)", Some("o")),
            ("SEARCH people USING INTEGER PRIMARY KEY (rowid=?)", None),
            ("USE TEMP B-TREE FOR ORDER BY", None),
        ] {
            assert_eq!(scanned(what), expected, "{what}");
        }
    }

    #[test]
    fn an_alias_is_followed_to_its_table() {
        let statement = "WITH c AS (SELECT 1) SELECT * FROM Orders AS o, \"my t\" t, c AS x, (SELECT 1) y";
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let names = Names { statement, tables: named(&["orders", "my t"]), made: named(&["c", "y"]) };
        for (name, expected) in [
            ("o", Some("orders")),
            ("ORDERS", Some("orders")),
            ("main.orders", Some("orders")),
            ("t", Some("my t")),
            ("c", None),
            ("x", None),
            ("y", None),
            ("(subquery-2)", None),
            ("unheard_of", Some("unheard_of")),
        ] {
            assert_eq!(names.table(name).as_deref(), expected, "{name}");
        }
    }
}
