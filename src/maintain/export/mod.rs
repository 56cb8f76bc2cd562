//! A table, or what a query gives, as JSON, JSON lines, CSV or SQL: row by row, all of it of one moment.

mod value;

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::MaintainError;
use super::catalog::{Catalog, Table};
use super::file::failed;
use super::session::EXACT;
use crate::Dialect;
use crate::db::{Db, ErrorClass};
use crate::interrupt::Interrupt;
use value::Kind;

/// How many rows are asked of PostgreSQL at once.
const FETCH: usize = 500;

/// What is handed to the writer at once, in bytes.
const PIECE: usize = 1 << 16;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// An array of objects.
    Json,
    /// An object a line.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
    /// INSERT statements in the database's own dialect.
    Sql,
}

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportSource {
    /// A table or view.
    Table(String),
    /// What a SELECT gives; SQL statements insert it into the table `into`.
    Query {
        /// The SELECT.
        sql: String,
        /// The table that INSERT statements name.
        into: Option<String>,
    },
}

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The format.
    pub format: ExportFormat,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows written.
    pub rows: u64,
    /// The bytes written.
    pub bytes: u64,
}

/// What is asked, and how the rows are headed.
struct Asked {
    select: String,
    /// For SQL: what stands before the values.
    insert: String,
    columns: Vec<String>,
    kinds: Vec<Kind>,
}

/// Writes the rows of `source` to `out`. Nothing of the database is changed.
///
/// # Errors
/// [`MaintainError::Refused`] where there is no such table, or the format can't hold it; [`MaintainError::Sql`] where the
/// database refuses; [`MaintainError::File`] where `out` does.
pub fn export(
    db: &mut Db,
    source: &ExportSource,
    format: ExportFormat,
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<ExportReport, MaintainError> {
    let _work = interrupt.work();
    let running = interrupt.while_running(db.canceller());
    let result = export_all(db, source, format, interrupt, out);
    drop(running);
    db.roll_back();
    match result {
        Err(MaintainError::Sql { source, .. }) if source.class == ErrorClass::Cancelled && interrupt.is_set() => {
            Err(stopped())
        }
        other => other,
    }
}

fn stopped() -> MaintainError {
    MaintainError::Interrupted { kept: "a file that was to be written is not there".to_owned() }
}

fn export_all(
    db: &mut Db,
    source: &ExportSource,
    format: ExportFormat,
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<ExportReport, MaintainError> {
    let begin = match db.dialect() {
        Dialect::Sqlite => "BEGIN".to_owned(),
        Dialect::Postgres => format!("{EXACT} BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    };
    db.execute(&begin).map_err(MaintainError::sql("begin to read"))?;
    let asked = ask(db, source, format)?;
    let mut to = Rows { format, asked: &asked, out, buffer: Vec::new(), rows: 0, bytes: 0 };
    to.begin()?;
    match db {
        Db::Sqlite(db) => db.each_row(&asked.select, &[], |row| {
            if interrupt.is_set() {
                return Err(stopped());
            }
            to.row(|at, buffer| value::stored(format, row.get(at), buffer))?;
            Ok::<_, MaintainError>(ControlFlow::Continue(()))
        })?,
        Db::Postgres(db) => {
            let declare = format!("DECLARE liftlock_export NO SCROLL CURSOR FOR {}", asked.select);
            db.execute(&declare).map_err(MaintainError::sql("run the query"))?;
            loop {
                let before = to.rows;
                let answer = db.fetch(&format!("FETCH {FETCH} FROM liftlock_export"));
                for (_, row) in answer.map_err(MaintainError::sql("read the rows"))?.rows() {
                    to.row(|at, buffer| value::printed(format, asked.kinds[at], row.get(at), buffer))?;
                }
                if interrupt.is_set() {
                    return Err(stopped());
                }
                if to.rows == before {
                    break;
                }
            }
        }
    }
    let (rows, bytes) = to.end()?;
    Ok(ExportReport { format, columns: asked.columns, rows, bytes })
}

fn ask(db: &mut Db, source: &ExportSource, format: ExportFormat) -> Result<Asked, MaintainError> {
    let dialect = db.dialect();
    let (select, into, overriding) = match source {
        ExportSource::Query { sql, into } => {
            let into = match into {
                Some(name) => name.split('.').map(|part| dialect.quote_identifier(part)).collect::<Vec<_>>().join("."),
                None if format == ExportFormat::Sql => {
                    return Err(MaintainError::Refused {
                        message: "INSERT statements need the name of a table".to_owned(),
                        hint: "give it with `--into TABLE`".to_owned(),
                    });
                }
                None => String::new(),
            };
            (sql.trim().trim_end_matches(';').to_owned(), into, false)
        }
        ExportSource::Table(name) => {
            let catalog = Catalog::read(db)?;
            table(&catalog, name, format)?
        }
    };
    let doing = || MaintainError::sql("understand the query");
    let (columns, kinds): (Vec<String>, Vec<Kind>) = match db {
        Db::Sqlite(db) => {
            let columns = db.column_names(&select).map_err(doing())?;
            let kinds = vec![Kind::Stored; columns.len()];
            (columns, kinds)
        }
        Db::Postgres(db) => {
            let columns = db.describe_columns(&select).map_err(doing())?;
            columns.into_iter().map(|(name, kind)| (name, Kind::of(&kind))).unzip()
        }
    };
    if columns.is_empty() {
        return Err(MaintainError::Refused {
            message: "the query gives no columns".to_owned(),
            hint: "an export is of a SELECT".to_owned(),
        });
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|name| !seen.insert(name.as_str()))
        && format != ExportFormat::Csv
    {
        return Err(MaintainError::Refused {
            message: format!("two columns are named `{twice}`"),
            hint: "give them names of their own with AS".to_owned(),
        });
    }
    let quoted: Vec<String> = columns.iter().map(|name| dialect.quote_identifier(name)).collect();
    let overriding = if overriding { " OVERRIDING SYSTEM VALUE" } else { "" };
    let insert = format!("INSERT INTO {into} ({}){overriding} VALUES (", quoted.join(", "));
    Ok(Asked { select, insert, columns, kinds })
}

/// The SELECT for a table or view, its quoted name, and whether it has identity columns that are always made.
fn table(catalog: &Catalog, name: &str, format: ExportFormat) -> Result<(String, String, bool), MaintainError> {
    let dialect = catalog.dialect;
    let quote = |name: &String| dialect.quote_identifier(name);
    let named = |schema: &String, name: &String| match dialect {
        Dialect::Sqlite => quote(name),
        Dialect::Postgres => format!("{}.{}", quote(schema), quote(name)),
    };
    let view = catalog.views.iter().find(|view| {
        let shown = catalog.shown_name(&view.schema, &view.name);
        shown == name || format!("{}.{}", view.schema, view.name) == name
    });
    if let (Some(view), None) = (view, catalog.find(name)) {
        let name = named(&view.schema, &view.name);
        return Ok((format!("SELECT * FROM {name}"), name, false));
    }
    let table: &Table = &catalog.tables[catalog.require(name)?];
    let name = named(&table.schema, &table.name);
    let columns: Vec<String> = match format {
        // what is computed can't be inserted
        ExportFormat::Sql => table.columns.iter().filter(|column| !column.generated).map(|c| quote(&c.name)).collect(),
        _ => table.columns.iter().map(|column| quote(&column.name)).collect(),
    };
    let columns = if columns.is_empty() { "*".to_owned() } else { columns.join(", ") };
    let key: Vec<String> = table.primary_key.iter().map(quote).collect();
    let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {}", key.join(", ")) };
    let always = table.columns.iter().any(|column| column.identity.as_deref() == Some("ALWAYS"));
    Ok((format!("SELECT {columns} FROM {name}{order}"), name, always))
}

/// Rows on their way out.
struct Rows<'a> {
    format: ExportFormat,
    asked: &'a Asked,
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl Rows<'_> {
    fn begin(&mut self) -> Result<(), MaintainError> {
        match self.format {
            ExportFormat::Json => self.buffer.extend_from_slice(b"["),
            ExportFormat::Csv => {
                for (at, name) in self.asked.columns.iter().enumerate() {
                    if at > 0 {
                        self.buffer.push(b',');
                    }
                    value::csv(name.as_bytes(), false, &mut self.buffer);
                }
                self.buffer.push(b'\n');
            }
            ExportFormat::Jsonl | ExportFormat::Sql => {}
        }
        self.flush(0)
    }

    fn row(&mut self, cell: impl Fn(usize, &mut Vec<u8>)) -> Result<(), MaintainError> {
        let buffer = &mut self.buffer;
        match self.format {
            ExportFormat::Json => buffer.extend_from_slice(if self.rows == 0 { b"\n{" } else { b",\n{" }),
            ExportFormat::Jsonl => buffer.push(b'{'),
            ExportFormat::Csv => {}
            ExportFormat::Sql => buffer.extend_from_slice(self.asked.insert.as_bytes()),
        }
        for (at, name) in self.asked.columns.iter().enumerate() {
            if at > 0 {
                buffer.extend_from_slice(if self.format == ExportFormat::Sql { b", " } else { b"," });
            }
            if matches!(self.format, ExportFormat::Json | ExportFormat::Jsonl) {
                value::json_string(name, buffer);
                buffer.push(b':');
            }
            cell(at, buffer);
        }
        match self.format {
            ExportFormat::Json => buffer.push(b'}'),
            ExportFormat::Jsonl => buffer.extend_from_slice(b"}\n"),
            ExportFormat::Csv => buffer.push(b'\n'),
            ExportFormat::Sql => buffer.extend_from_slice(b");\n"),
        }
        self.rows += 1;
        self.flush(PIECE)
    }

    fn end(mut self) -> Result<(u64, u64), MaintainError> {
        if self.format == ExportFormat::Json {
            self.buffer.extend_from_slice(b"\n]\n");
        }
        self.flush(0)?;
        self.out.flush().map_err(failed("write", Path::new("the export")))?;
        Ok((self.rows, self.bytes))
    }

    /// Hands on what there is, if it is that much.
    fn flush(&mut self, least: usize) -> Result<(), MaintainError> {
        if self.buffer.len() >= least {
            self.out.write_all(&self.buffer).map_err(failed("write", Path::new("the export")))?;
            self.bytes += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }
}
