//! What SQLite's planner itself makes of a foreign key: the plan by which it looks for a parent's children.

use liftlock::Dialect;
use liftlock::audit::Level;
use liftlock::audit::schema::{ForeignKey, Schema, Table};
use liftlock::db::Db;
use rusqlite::Connection;

/// The schema of `connection` as the audit reads it.
pub fn schema_of(connection: Connection) -> (Connection, Schema) {
    let mut db = Db::from(connection);
    let (schema, _) = liftlock::audit::read::read(&mut db, &Default::default()).unwrap();
    let Db::Sqlite(db) = db else { unreachable!() };
    (db.into_inner(), schema)
}

/// A line of a plan, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The line.
    pub text: String,
    /// The columns that are compared, as the plan names them; `rowid` for the rowid.
    pub columns: Vec<String>,
    /// Keys are skipped.
    pub skips: bool,
    /// One row at most is found.
    pub one_row: bool,
}

/// How the planner looks for the children of `parent` in `child` when the parent's rows are deleted; what it
/// says where it refuses to plan that (`foreign key mismatch`). The child has to have but one foreign key to that parent.
pub fn plan(connection: &Connection, child: &str, parent: &str) -> Result<Planned, String> {
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    let analysed = "SELECT count(*) FROM main.sqlite_schema WHERE name = 'sqlite_stat1'";
    if connection.query_row(analysed, [], |row| row.get::<_, bool>(0)).unwrap() {
        connection.execute_batch("ANALYZE main.sqlite_schema").unwrap(); // takes in what was written to the statistics by hand
    }
    let sql = format!("EXPLAIN QUERY PLAN DELETE FROM main.{}", Dialect::Sqlite.quote_identifier(parent));
    let mut statement = connection.prepare(&sql).map_err(|error| error.to_string())?;
    let details = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
    let details: Vec<String> = details.map(Result::unwrap).collect();
    let of_child = |detail: &&String| {
        let named = |kind: &str| detail.strip_prefix(kind).and_then(|rest| rest.strip_prefix(child));
        named("SCAN ").or_else(|| named("SEARCH ")).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    // of a table that points to itself, the first line is about the rows that are deleted
    let text = details.iter().rfind(of_child).unwrap_or_else(|| panic!("no line of `{child}` in {details:?}")).clone();
    let compared = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")).map_or("", |(_, compared)| compared);
    let terms = compared.split(" AND ").filter_map(|term| term.strip_suffix("=?"));
    let columns: Vec<String> = terms.map(str::to_owned).collect();
    let one_row = columns.iter().any(|column| column == "rowid") || unique(connection, child, &text, columns.len());
    Ok(Planned { skips: compared.contains("ANY("), columns, one_row, text })
}

/// Whether `count` columns are all that the unique index in the line has.
fn unique(connection: &Connection, child: &str, line: &str, count: usize) -> bool {
    let head = line.rsplit_once(" (").map_or(line, |(head, _)| head);
    let index = match head.split_once(" INDEX ") {
        Some((_, name)) => name.to_owned(),
        // of a table without rowid
        None if head.ends_with("USING PRIMARY KEY") => {
            let sql = "SELECT name FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'";
            connection.query_row(sql, [child], |row| row.get(0)).unwrap()
        }
        None => return false,
    };
    let sql = "SELECT l.\"unique\", (SELECT count(*) FROM pragma_index_xinfo(l.name, 'main') WHERE key) \
               FROM pragma_index_list(?1, 'main') l WHERE l.name = ?2";
    let (unique, keys): (bool, u32) =
        connection.query_row(sql, [child, &index], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    unique && keys as usize <= count
}

impl Planned {
    /// The level that the plan amounts to for `foreign_key` of `table`.
    pub fn level(&self, table: &Table, foreign_key: &ForeignKey) -> Level {
        let searched = |name: &String| {
            let is_rowid = table.rowid_alias.as_ref() == Some(name) && self.columns.iter().any(|own| own == "rowid");
            is_rowid || self.columns.contains(name)
        };
        let count = foreign_key.columns.iter().filter(|column| searched(&column.column)).count();
        match count {
            0 => Level::None,
            _ if self.skips => Level::Skip,
            _ if count == foreign_key.columns.len() => Level::Full,
            _ if self.one_row => Level::UniqueSubset,
            _ => Level::Prefix,
        }
    }
}
