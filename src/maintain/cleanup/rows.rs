//! The rows that go, in temporary tables: the old ones of a run, and of a batch those with all that refer to them.

use super::super::MaintainError;
use super::super::catalog::{Catalog, Table};
use super::bind::{Bound, EdgeKind};
use super::report::{ChildFate, ChildReport};
use crate::Dialect;
use crate::db::{Db, SqlError};
use crate::words::are;

/// Where a run keeps what rows it found, and the batch in hand.
///
/// A row is told by its rowid or primary key on SQLite. On PostgreSQL it is told by the place where it is: between
/// batches a row may move and another take its place, but a batch takes no row that does not meet the condition, and
/// keeps what it takes locked.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub catalog: &'a Catalog,
    pub bound: &'a Bound<'a>,
}

/// The old rows of a run.
const OLD: &str = "liftlock_old";

impl<'a> Rows<'a> {
    fn dialect(&self) -> Dialect {
        self.catalog.dialect
    }

    fn table(&self, place: usize) -> &'a Table {
        &self.catalog.tables[self.bound.tables[place]]
    }

    fn temp(&self, name: &str) -> String {
        match self.dialect() {
            Dialect::Sqlite => format!("temp.{name}"),
            Dialect::Postgres => format!("pg_temp.{name}"),
        }
    }

    /// The rows of the table at `place` that go with this batch.
    fn gone(&self, place: usize) -> String {
        self.temp(&format!("liftlock_gone_{place}"))
    }

    /// What tells a row of `table`, each part as SQL with `alias` before it.
    fn identity(&self, table: &Table, alias: &str) -> Vec<String> {
        match self.dialect() {
            Dialect::Postgres => vec![format!("{alias}.tableoid"), format!("{alias}.ctid")],
            Dialect::Sqlite => match &table.rowid {
                Some(rowid) => vec![format!("{alias}.{rowid}")],
                None => {
                    let quote = |name: &String| format!("{alias}.{}", self.dialect().quote_identifier(name));
                    table.primary_key.iter().map(quote).collect()
                }
            },
        }
    }

    /// The same as the columns of a temporary table.
    fn columns(&self, table: &Table) -> Vec<String> {
        (1..=self.identity(table, "").len()).map(|at| format!("liftlock_{at}")).collect()
    }

    /// `alias` is the row of `table` that `temp` (an alias, too) tells.
    fn is(&self, table: &Table, alias: &str, temp: &str) -> String {
        let pairs = self.identity(table, alias).into_iter().zip(self.columns(table));
        pairs.map(|(one, other)| format!("{one} = {temp}.{other}")).collect::<Vec<_>>().join(" AND ")
    }

    /// Finds the old rows, and makes room for batches. Gives their number.
    pub fn find(&self, db: &mut Db) -> Result<u64, MaintainError> {
        self.forget(db)?;
        let table = self.table(0);
        let (name, quoted) = (table.sql_name(self.dialect()), self.dialect().quote_identifier(&table.name));
        let columns: Vec<String> = self
            .identity(table, &quoted)
            .into_iter()
            .zip(self.columns(table))
            .map(|(part, column)| format!("{part} AS {column}"))
            .collect();
        let condition = &self.bound.condition;
        let mut sql = match self.dialect() {
            Dialect::Sqlite => {
                format!("CREATE TEMP TABLE {OLD} AS SELECT {} FROM {name} WHERE {condition};\n", columns.join(", "))
            }
            Dialect::Postgres => format!(
                "CREATE TEMP TABLE {OLD} AS SELECT row_number() OVER () AS liftlock_n, {} FROM {name} WHERE {condition};\n\
                 CREATE UNIQUE INDEX ON {temp} (liftlock_n);\nANALYZE {temp};\n",
                columns.join(", "),
                temp = self.temp(OLD)
            ),
        };
        for place in 0..self.bound.tables.len() {
            sql.push_str(&self.make_room(place));
        }
        let what = format!("find the old rows of `{}`", self.bound.policy.table);
        db.execute(&sql).map_err(MaintainError::sql(what.clone()))?;
        count(db, &format!("SELECT count(*) FROM {}", self.temp(OLD))).map_err(MaintainError::sql(what))
    }

    fn make_room(&self, place: usize) -> String {
        let table = self.table(place);
        let name = format!("liftlock_gone_{place}");
        let columns = self.columns(table).join(", ");
        match self.dialect() {
            Dialect::Sqlite => {
                let parts: Vec<String> = self
                    .identity(table, "t")
                    .into_iter()
                    .zip(self.columns(table))
                    .map(|(part, column)| format!("{part} AS {column}"))
                    .collect();
                format!(
                    "CREATE TEMP TABLE {name} AS SELECT {} FROM {} AS t WHERE 0;\n\
                     CREATE UNIQUE INDEX temp.{name}_row ON {name} ({columns});\n",
                    parts.join(", "),
                    table.sql_name(Dialect::Sqlite)
                )
            }
            Dialect::Postgres => {
                format!("CREATE TEMP TABLE {name} (liftlock_1 oid, liftlock_2 tid, UNIQUE ({columns}));\n")
            }
        }
    }

    /// Drops the temporary tables of a run.
    pub fn forget(&self, db: &mut Db) -> Result<(), MaintainError> {
        let mut sql = format!("DROP TABLE IF EXISTS {};\n", self.temp(OLD));
        for place in 0..self.bound.tables.len() {
            sql.push_str(&format!("DROP TABLE IF EXISTS {};\n", self.gone(place)));
        }
        db.execute(&sql).map_err(MaintainError::sql("drop temporary tables"))
    }

    /// Takes the old rows from number `from` (counted from 1) to `to` as the batch in hand, with all that go with them.
    pub fn take(&self, db: &mut Db, from: u64, to: u64, lock: bool) -> Result<(), MaintainError> {
        let run = |db: &mut Db| -> Result<(), SqlError> {
            for place in 0..self.bound.tables.len() {
                db.execute(&format!("DELETE FROM {}", self.gone(place)))?;
            }
            db.execute(&self.take_old(from, to, lock))?;
            loop {
                let mut more = 0;
                for edge in self.bound.edges.iter().filter(|edge| edge.kind == EdgeKind::Goes) {
                    let Some(child) = self.bound.tables.iter().position(|&table| table == edge.child) else { continue };
                    more += self.add(db, &self.referring(edge, child, lock))?;
                }
                if more == 0 {
                    return Ok(());
                }
            }
        };
        run(db).map_err(MaintainError::sql(format!("find what refers to old rows of `{}`", self.bound.policy.table)))
    }

    fn take_old(&self, from: u64, to: u64, lock: bool) -> String {
        let table = self.table(0);
        let (name, quoted) = (table.sql_name(self.dialect()), self.dialect().quote_identifier(&table.name));
        let (parts, condition) = (self.identity(table, &quoted).join(", "), &self.bound.condition);
        let is = self.is(table, &quoted, "liftlock_o");
        let (gone, old) = (self.gone(0), self.temp(OLD));
        match self.dialect() {
            Dialect::Sqlite => format!(
                "INSERT OR IGNORE INTO {gone} SELECT {parts} FROM {old} AS liftlock_o CROSS JOIN {name} ON {is} \
                 WHERE liftlock_o.rowid BETWEEN {from} AND {to} AND {condition}"
            ),
            Dialect::Postgres => {
                let lock = if lock { format!(" FOR UPDATE OF {quoted}") } else { String::new() };
                format!(
                    "INSERT INTO {gone} SELECT {parts} FROM {old} AS liftlock_o JOIN {name} ON {is} \
                     WHERE liftlock_o.liftlock_n BETWEEN {from} AND {to} AND {condition}{lock} ON CONFLICT DO NOTHING"
                )
            }
        }
    }

    /// Adds the rows of `edge`'s child that refer to rows that go.
    fn referring(&self, edge: &super::bind::Edge<'_>, child: usize, lock: bool) -> String {
        let table = self.table(child);
        let parts = self.identity(table, "c").join(", ");
        let (from, gone) = (self.join(edge), self.gone(child));
        match self.dialect() {
            Dialect::Sqlite => format!("INSERT OR IGNORE INTO {gone} SELECT {parts} FROM {from}"),
            Dialect::Postgres => {
                let lock = if lock { " FOR UPDATE OF c" } else { "" };
                format!("INSERT INTO {gone} SELECT {parts} FROM {from}{lock} ON CONFLICT DO NOTHING")
            }
        }
    }

    /// The rows that go as `p`, and those that refer to them as `c`.
    fn join(&self, edge: &super::bind::Edge<'_>) -> String {
        let dialect = self.dialect();
        let (parent, child) = (self.table(edge.parent), &self.catalog.tables[edge.child]);
        let pairs = edge.key.parent_columns.iter().zip(&edge.key.columns);
        // the parent's column stands first: SQLite compares by its collation
        let refers: Vec<String> = pairs
            .map(|(key, own)| format!("p.{} = c.{}", dialect.quote_identifier(key), dialect.quote_identifier(own)))
            .collect();
        // SQLite takes the tables of a CROSS JOIN in the order written: from the few that go to those that refer
        let join = if dialect == Dialect::Sqlite { "CROSS JOIN" } else { "JOIN" };
        format!(
            "{} AS g {join} {} AS p ON {} {join} {} AS c ON {}",
            self.gone(edge.parent),
            parent.sql_name(dialect),
            self.is(parent, "p", "g"),
            child.sql_name(dialect),
            refers.join(" AND ")
        )
    }

    fn add(&self, db: &mut Db, insert: &str) -> Result<u64, SqlError> {
        match db {
            Db::Sqlite(db) => {
                db.execute(insert)?;
                Ok(db.changes())
            }
            Db::Postgres(_) => count(db, &format!("WITH added AS ({insert} RETURNING 1) SELECT count(*) FROM added")),
        }
    }

    /// The number of rows of the table at `place` that go with this batch.
    pub fn count(&self, db: &mut Db, place: usize) -> Result<u64, MaintainError> {
        count(db, &format!("SELECT count(*) FROM {}", self.gone(place))).map_err(MaintainError::sql("count rows"))
    }

    /// What becomes of rows that refer to those that go.
    pub fn children(&self, db: &mut Db) -> Result<Vec<ChildReport>, MaintainError> {
        let mut reports: Vec<ChildReport> = Vec::new();
        for (place, &table) in self.bound.tables.iter().enumerate().skip(1) {
            let edges = self.bound.edges.iter().filter(|edge| edge.child == table && edge.kind == EdgeKind::Goes);
            let Some(edge) = edges.into_iter().next() else { continue };
            let rows_found = self.count(db, place)?;
            reports.push(self.child(edge, ChildFate::Goes, rows_found));
        }
        for edge in &self.bound.edges {
            let own = self.bound.tables.iter().position(|&table| table == edge.child);
            let fate = match edge.kind {
                // rows of the table itself that go because others do
                EdgeKind::Goes if own == Some(0) => {
                    let asked = count(db, &format!("SELECT count(*) FROM {}", self.temp(OLD)));
                    let asked = asked.map_err(MaintainError::sql("count rows"))?;
                    let rows_found = self.count(db, 0)?.saturating_sub(asked);
                    if rows_found > 0 && !reports.iter().any(|child| child.table == self.bound.policy.table) {
                        reports.push(self.child(edge, ChildFate::Goes, rows_found));
                    }
                    continue;
                }
                EdgeKind::Goes => continue,
                EdgeKind::Changes => ChildFate::Changes,
                EdgeKind::Blocks => ChildFate::Blocks,
            };
            let mut sql = format!("SELECT count(*) FROM {}", self.join(edge));
            if let Some(own) = own {
                let is = self.is(self.table(own), "c", "also");
                sql.push_str(&format!(" WHERE NOT EXISTS (SELECT 1 FROM {} AS also WHERE {is})", self.gone(own)));
            }
            let rows_found = count(db, &sql).map_err(MaintainError::sql("count what refers to old rows"))?;
            if rows_found > 0 {
                reports.push(self.child(edge, fate, rows_found));
            }
        }
        reports.retain(|child| child.rows_found > 0);
        Ok(reports)
    }

    fn child(&self, edge: &super::bind::Edge<'_>, fate: ChildFate, rows_found: u64) -> ChildReport {
        ChildReport {
            table: self.catalog.shown(&self.catalog.tables[edge.child]),
            fate,
            columns: edge.key.columns.clone(),
            on_delete: edge.key.on_delete.name(),
            rows_found,
            rows_done: 0,
        }
    }

    /// The places of the tables whose rows go: those that refer before those that they refer to.
    pub fn order(&self) -> Vec<usize> {
        fn visit(rows: &Rows<'_>, place: usize, seen: &mut Vec<usize>, order: &mut Vec<usize>) {
            if seen.contains(&place) {
                return;
            }
            seen.push(place);
            for edge in rows.bound.edges.iter().filter(|edge| edge.parent == place) {
                if let Some(child) = rows.bound.tables.iter().position(|&table| table == edge.child) {
                    visit(rows, child, seen, order);
                }
            }
            order.push(place);
        }
        let mut order = Vec::new();
        visit(self, 0, &mut Vec::new(), &mut order);
        order
    }

    /// Marks the batch's rows as deleted.
    pub fn mark(&self, db: &mut Db, marks: &str) -> Result<(), MaintainError> {
        let table = self.table(0);
        let sql = format!("UPDATE {} SET {marks} WHERE {}", table.sql_name(self.dialect()), self.among(0));
        db.execute(&sql).map_err(MaintainError::sql(format!("mark rows of `{}`", self.bound.policy.table)))
    }

    /// Deletes the batch's rows, children first, and looks whether they are gone.
    pub fn delete(&self, db: &mut Db) -> Result<(), MaintainError> {
        let order = self.order();
        for &place in &order {
            let table = self.table(place);
            let sql = format!("DELETE FROM {} WHERE {}", table.sql_name(self.dialect()), self.among(place));
            db.execute(&sql).map_err(MaintainError::sql(format!("delete rows of `{}`", self.catalog.shown(table))))?;
        }
        for place in order {
            let table = self.table(place);
            let sql = format!("SELECT count(*) FROM {} WHERE {}", table.sql_name(self.dialect()), self.among(place));
            let left = count(db, &sql).map_err(MaintainError::sql("see whether rows are gone"))?;
            if left > 0 {
                return Err(MaintainError::Failed {
                    message: format!(
                        "{} still in `{}` after being deleted; the batch was rolled back",
                        are(left, "row"),
                        self.catalog.shown(table)
                    ),
                    hint: Some("is there a trigger or rule that keeps rows from being deleted?".to_owned()),
                });
            }
        }
        Ok(())
    }

    /// True for rows of the table at `place` that are in the batch.
    fn among(&self, place: usize) -> String {
        let table = self.table(place);
        let columns = self.columns(table).join(", ");
        let parts = self.identity(table, &self.dialect().quote_identifier(&table.name)).join(", ");
        match self.dialect() {
            Dialect::Sqlite => format!("({parts}) IN (SELECT {columns} FROM {})", self.gone(place)),
            // an array has its rows read by their places; the rows of a table by all of theirs
            Dialect::Postgres => {
                let quoted = self.dialect().quote_identifier(&table.name);
                let gone = self.gone(place);
                format!(
                    "{quoted}.ctid = ANY (ARRAY(SELECT liftlock_2 FROM {gone})) \
                     AND ({parts}) IN (SELECT {columns} FROM {gone})"
                )
            }
        }
    }

    /// The columns and the FROM clause of the batch's rows of the table at `place`, all columns in order.
    pub fn select(&self, place: usize) -> String {
        let table = self.table(place);
        let columns: Vec<String> =
            table.columns.iter().map(|column| self.dialect().quote_identifier(&column.name)).collect();
        format!("SELECT {} FROM {} WHERE {}", columns.join(", "), table.sql_name(self.dialect()), self.among(place))
    }
}

/// The one number of a query.
pub(super) fn count(db: &mut Db, sql: &str) -> Result<u64, SqlError> {
    let rows = db.query(sql)?;
    let number = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
    number.ok_or_else(|| SqlError::other("a count that is no number"))
}
