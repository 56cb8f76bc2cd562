//! The rows of one table: asked of SQLite, encoded for PostgreSQL, hashed on either side.

mod key;

pub use key::Fields;

use super::batch::{Batch, Key, KeyValue};
use super::plan::TablePlan;
use crate::Dialect;
use crate::db::Row;
use crate::schema::Table;
use crate::value::{Canonical, Conversion, Malformed, Misfit, PgType, SqlValue, row_hash};

/// How one table's rows go from one side to the other.
#[derive(Debug, Clone)]
pub struct RowCodec {
    columns: Vec<Column>,
    /// The columns that are sent: all but generated ones.
    sent: i16,
    /// A row as it is sent is a row as it is hashed.
    plain: bool,
    /// Where the integer stands by which a row finds its batch.
    key_at: Option<usize>,
    /// The columns of the primary key, counted from 0.
    key_columns: Vec<usize>,
    /// The columns by which batches are cut, where their order is known on this side, too.
    ordered_key: Vec<key::OrderedColumn>,
    source: SourceSql,
    target: TargetSql,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    conversion: Conversion,
    canonical: Canonical,
    identity: bool,
    generated: bool,
}

#[derive(Debug, Clone)]
struct SourceSql {
    select: String,
    /// What a row is found by: `rowid`, or the columns of the primary key; empty where there is nothing.
    key: Vec<String>,
}

#[derive(Debug, Clone)]
struct TargetSql {
    name: String,
    all: Vec<String>,
    sent: String,
}

/// A value that its column can't take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadCell {
    /// The column, counted from 0 in the plan's order.
    pub column: usize,
    /// Why not.
    pub misfit: Misfit,
}

/// What is kept from row to row, so that a row costs no allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    row: Vec<u8>,
    canonical: Vec<u8>,
    key: Vec<u8>,
}

impl RowCodec {
    /// The codec of `plan`, whose rows are in `table`, for tables in the schema `target_schema`.
    #[must_use]
    pub fn new(plan: &TablePlan, table: &Table, target_schema: &str) -> Self {
        let columns: Vec<Column> = plan.columns.iter().map(Column::new).collect();
        let sent = columns.iter().filter(|column| !column.generated).count();
        let alias = table.rowid_alias();
        let key_at = plan.columns.iter().position(|column| {
            alias.is_some_and(|alias| alias.eq_ignore_ascii_case(&column.source))
                && matches!(column.pg_type.base(), PgType::Int2 | PgType::Int4 | PgType::Int8)
        });
        Self {
            sent: i16::try_from(sent).expect("a plan has at most 1,600 columns"),
            plain: columns.iter().all(|column| column.identity && !column.generated),
            key_at,
            key_columns: key::key_columns(plan, table),
            ordered_key: key::ordered_columns(plan, table),
            source: SourceSql::new(plan, table),
            target: TargetSql::new(plan, target_schema),
            columns,
        }
    }

    /// The SELECT of the rows of `batch`, in the order of their keys, and what is bound to it.
    #[must_use]
    pub fn select<'b>(&self, batch: &'b Batch) -> (String, Vec<SqlValue<'b>>) {
        self.source.batch(batch)
    }

    /// As [`RowCodec::select`], and in the order of their keys even where the range is open on both sides.
    #[must_use]
    pub fn select_in_order<'b>(&self, batch: &'b Batch) -> (String, Vec<SqlValue<'b>>) {
        let (mut sql, values) = self.source.batch(batch);
        if values.is_empty() && !self.source.key.is_empty() {
            sql.push_str(&format!(" ORDER BY {}", self.source.key.join(", ")));
        }
        (sql, values)
    }

    /// The statement that takes the rows.
    #[must_use]
    pub fn copy_in(&self, options: &str) -> String {
        self.copy_into(&self.target.name, options)
    }

    /// The statement that takes the rows into another table of the same columns.
    #[must_use]
    pub fn copy_into(&self, table: &str, options: &str) -> String {
        format!("COPY {table} ({}) FROM STDIN (FORMAT binary{options})", self.target.sent)
    }

    /// The statement that gives the rows back; `condition` is SQL after WHERE.
    #[must_use]
    pub fn copy_out(&self, condition: Option<&str>) -> String {
        let condition = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
        let columns = self.target.all.join(", ");
        format!("COPY (SELECT {columns} FROM {}{condition}) TO STDOUT (FORMAT binary)", self.target.name)
    }

    /// The table in PostgreSQL, with its schema, quoted.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target.name
    }

    /// The columns that are sent, quoted.
    #[must_use]
    pub fn sent_columns(&self) -> &str {
        &self.target.sent
    }

    /// All columns, each quoted.
    pub fn column_list(&self) -> impl Iterator<Item = &str> {
        self.target.all.iter().map(String::as_str)
    }

    /// The columns that are sent, each quoted.
    pub fn sent_column_list(&self) -> impl Iterator<Item = &str> {
        let sent = self.target.all.iter().zip(&self.columns).filter(|(_, column)| !column.generated);
        sent.map(|(name, _)| name.as_str())
    }

    /// The names of the columns in SQLite, in the plan's order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Appends `row` to `wire`, as COPY takes it, and gives its hash.
    ///
    /// # Errors
    /// [`BadCell`] where a value does not fit; `wire` is then as it was.
    pub fn encode(&self, row: &Row<'_>, wire: &mut Vec<u8>, scratch: &mut Scratch) -> Result<u128, BadCell> {
        let start = wire.len();
        wire.extend_from_slice(&self.sent.to_be_bytes());
        let fields = wire.len();
        if self.plain {
            for (at, column) in self.columns.iter().enumerate() {
                if let Err(misfit) = column.conversion.encode(row.get(at), wire) {
                    wire.truncate(start);
                    return Err(BadCell { column: at, misfit });
                }
            }
            return Ok(row_hash(&wire[fields..]));
        }
        self.canonical_row(row, Some(wire), scratch).inspect_err(|_| wire.truncate(start))?;
        Ok(row_hash(&scratch.canonical))
    }

    /// The hash of `row`, of which nothing is sent.
    ///
    /// # Errors
    /// As [`RowCodec::encode`].
    pub fn hash(&self, row: &Row<'_>, scratch: &mut Scratch) -> Result<u128, BadCell> {
        self.canonical_row(row, None, scratch)?;
        Ok(row_hash(&scratch.canonical))
    }

    /// Brings `row` to its canonical form, in `scratch`; what is sent of it goes to `wire`, too.
    fn canonical_row(&self, row: &Row<'_>, wire: Option<&mut Vec<u8>>, scratch: &mut Scratch) -> Result<(), BadCell> {
        scratch.row.clear();
        scratch.canonical.clear();
        let mut wire = wire;
        for (at, column) in self.columns.iter().enumerate() {
            let start = scratch.row.len();
            let encoded = column.conversion.encode(row.get(at), &mut scratch.row);
            encoded.map_err(|misfit| BadCell { column: at, misfit })?;
            let field = &scratch.row[start..];
            if let Some(wire) = wire.as_deref_mut().filter(|_| !column.generated) {
                wire.extend_from_slice(field);
            }
            if column.identity {
                scratch.canonical.extend_from_slice(field);
            } else {
                let (field, _) = split_field(field).expect("a field that was just written");
                column.canonical.append(field, &mut scratch.canonical).expect("an encoded field is one of its type");
            }
        }
        Ok(())
    }

    /// The hash of a row that PostgreSQL has sent, given as its fields.
    ///
    /// # Errors
    /// [`Malformed`] where that is no row of this table.
    pub fn hash_sent(&self, fields: &[u8], scratch: &mut Scratch) -> Result<u128, Malformed> {
        if self.plain {
            return Ok(row_hash(fields));
        }
        self.canonical_sent(fields, scratch)?;
        Ok(row_hash(&scratch.canonical))
    }

    fn canonical_sent(&self, fields: &[u8], scratch: &mut Scratch) -> Result<(), Malformed> {
        scratch.canonical.clear();
        let mut rest = fields;
        for column in &self.columns {
            let (field, after) = split_field(rest)?;
            if column.identity {
                scratch.canonical.extend_from_slice(&rest[..rest.len() - after.len()]);
            } else {
                column.canonical.append(field, &mut scratch.canonical)?;
            }
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The hash of a row of SQLite's, and all its fields as PostgreSQL would send them, which live until `scratch` is
    /// used again.
    ///
    /// # Errors
    /// As [`RowCodec::encode`].
    pub fn as_sent<'s>(&self, row: &Row<'_>, scratch: &'s mut Scratch) -> Result<(u128, &'s [u8]), BadCell> {
        self.canonical_row(row, None, scratch)?;
        Ok((row_hash(&scratch.canonical), &scratch.row))
    }

    /// The key of a row of SQLite's, as far as it has one.
    #[must_use]
    pub fn key_of(&self, row: &Row<'_>) -> Key {
        let first = self.columns.len();
        (0..self.source.key.len()).filter_map(|at| KeyValue::new(row.get(first + at))).collect()
    }

    /// A row, given as its fields, as a person reads it: column by column.
    #[must_use]
    pub fn show(&self, fields: &[u8]) -> Vec<String> {
        let shown = self.columns.iter().zip(self.split(fields));
        shown.map(|(column, field)| column.canonical.show(field)).collect()
    }

    /// The columns, counted from 0, in which two rows differ.
    #[must_use]
    pub fn differing(&self, one: &[u8], other: &[u8]) -> Vec<usize> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let (one, other) = (self.values(one, &all), self.values(other, &all));
        all.into_iter().filter(|at| one.get(*at) != other.get(*at)).collect()
    }

    /// The canonical values of the columns at the places `at` of a row.
    #[must_use]
    pub fn values(&self, fields: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
        let fields: Vec<Option<&[u8]>> = self.split(fields).collect();
        let value = |at: &usize| {
            let mut canonical = Vec::new();
            let appended = self.columns.get(*at)?.canonical.append(*fields.get(*at)?, &mut canonical);
            appended.ok().map(|()| canonical)
        };
        at.iter().map(|at| value(at).unwrap_or_default()).collect()
    }

    fn split<'f>(&self, fields: &'f [u8]) -> impl Iterator<Item = Option<&'f [u8]>> {
        let mut rest = fields;
        std::iter::from_fn(move || {
            let (field, after) = split_field(rest).ok()?;
            rest = after;
            Some(field)
        })
    }
}

/// The first field of `rest` (`None`: NULL), and what follows it.
pub(super) fn split_field(rest: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Malformed> {
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    match i32::from_be_bytes(*length) {
        -1 => Ok((None, rest)),
        length => {
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            let (field, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
            Ok((Some(field), rest))
        }
    }
}

impl Column {
    fn new(plan: &super::plan::ColumnPlan) -> Self {
        let canonical = Canonical::new(&plan.pg_type);
        Self {
            name: plan.source.clone(),
            conversion: Conversion::new(&plan.pg_type, plan.reading),
            identity: canonical.is_identity(),
            canonical,
            generated: plan.generated.is_some(),
        }
    }
}

impl SourceSql {
    fn new(plan: &TablePlan, table: &Table) -> Self {
        let quote = |name: &str| Dialect::Sqlite.quote_identifier(name);
        let key: Vec<String> = match (&table.rowid, &table.primary_key) {
            (Some(rowid), _) => vec![rowid.clone()],
            (None, Some(key)) => key.columns.iter().map(|column| quote(&column.name)).collect(),
            (None, None) => Vec::new(),
        };
        // an unknown name in double quotes alone would be text to SQLite, the same in every row
        // (https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted)
        let column = |name: &str| format!("main.{}.{}", quote(&table.name), quote(name));
        let columns: Vec<String> =
            plan.columns.iter().map(|of| column(&of.source)).chain(key.iter().cloned()).collect();
        Self { select: format!("SELECT {} FROM main.{}", columns.join(", "), quote(&table.name)), key }
    }

    fn batch<'b>(&self, batch: &'b Batch) -> (String, Vec<SqlValue<'b>>) {
        let mut sql = self.select.clone();
        let mut values: Vec<SqlValue<'b>> = Vec::new();
        let key = match self.key.as_slice() {
            [one] => one.clone(),
            several => format!("({})", several.join(", ")),
        };
        let mut word = "WHERE";
        for (bound, operator) in [(&batch.after, ">"), (&batch.upto, "<=")] {
            let Some(bound) = bound else { continue };
            let marks = vec!["?"; bound.len()].join(", ");
            let marks = if bound.len() == 1 { marks } else { format!("({marks})") };
            sql.push_str(&format!(" {word} {key} {operator} {marks}"));
            word = "AND";
            values.extend(bound.iter().map(KeyValue::value));
        }
        if !self.key.is_empty() && (batch.after.is_some() || batch.upto.is_some()) {
            sql.push_str(&format!(" ORDER BY {}", self.key.join(", ")));
        }
        (sql, values)
    }
}

impl TargetSql {
    fn new(plan: &TablePlan, schema: &str) -> Self {
        let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
        let list = |sent: bool| {
            let columns = plan.columns.iter().filter(|column| !sent || column.generated.is_none());
            columns.map(|column| quote(&column.target)).collect::<Vec<_>>()
        };
        Self {
            name: format!("{}.{}", quote(schema), quote(&plan.target)),
            all: list(false),
            sent: list(true).join(", "),
        }
    }
}
