//! The key of a row: by which it finds its batch on either side, and by which its two versions find each other.

use xxhash_rust::xxh3::xxh3_64;

use super::{RowCodec, Scratch, split_field};
use crate::port::batch::{Key, KeyValue};
use crate::port::plan::TablePlan;
use crate::schema::Table;
use crate::value::{Malformed, PgType};

/// A column of the key by which batches are cut, where fields of its type have an order that is known here.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderedColumn {
    /// Its place among all columns.
    at: usize,
    /// Its place among those that are sent.
    sent_at: usize,
    order: Order,
}

/// How fields of a type are ordered.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// As signed integers.
    Integer,
    /// As numbers in IEEE 754, of which both zeros are one.
    Float,
    /// Byte by byte.
    Bytes,
}

impl Order {
    fn of(pg_type: &PgType) -> Option<Self> {
        match pg_type.base() {
            PgType::Int2
            | PgType::Int4
            | PgType::Int8
            | PgType::Date
            | PgType::Time
            | PgType::Timestamp
            | PgType::Timestamptz => Some(Self::Integer),
            PgType::Float4 | PgType::Float8 => Some(Self::Float),
            PgType::Bool
            | PgType::Uuid
            | PgType::Text
            | PgType::Varchar(_)
            | PgType::Citext
            | PgType::Enum { .. }
            | PgType::Bytea => Some(Self::Bytes),
            _ => None,
        }
    }

    /// Appends bytes that compare as the fields do, and of which none is the beginning of another's.
    fn append(self, field: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some(field) = field else {
            out.push(0);
            return Ok(());
        };
        out.push(1);
        match self {
            Self::Integer => {
                let integer = integer(field).ok_or(Malformed)?;
                out.extend_from_slice(&(integer.cast_unsigned() ^ (1 << 63)).to_be_bytes());
            }
            Self::Float => {
                let number = match field.len() {
                    4 => f64::from(f32::from_be_bytes(field.try_into().map_err(|_| Malformed)?)),
                    _ => f64::from_be_bytes(field.try_into().map_err(|_| Malformed)?),
                };
                // adding zero makes the negative zero the other one
                let bits = (number + 0.0).to_bits();
                let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
                out.extend_from_slice(&ordered.to_be_bytes());
            }
            Self::Bytes => {
                for byte in field {
                    out.push(*byte);
                    if *byte == 0 {
                        out.push(0xff);
                    }
                }
                out.extend_from_slice(&[0, 0]);
            }
        }
        Ok(())
    }
}

fn integer(field: &[u8]) -> Option<i64> {
    match field {
        bytes @ [_, _, _, _, _, _, _, _] => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        bytes @ [_, _, _, _] => Some(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        bytes @ [_, _] => Some(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        _ => None,
    }
}

/// The columns by which batches are cut where that is a primary key all of which is sent, in types with an order;
/// none elsewhere.
pub(super) fn ordered_columns(plan: &TablePlan, table: &Table) -> Vec<OrderedColumn> {
    // without rowids a key has no NULL; with them, rows with one could not be found again
    if !table.without_rowid {
        return Vec::new();
    }
    let column = |name: &str| {
        let at = plan.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name))?;
        let sent_at = plan.columns[..at].iter().filter(|column| column.generated.is_none()).count();
        let column = plan.columns.get(at).filter(|column| column.generated.is_none())?;
        Some(OrderedColumn { at, sent_at, order: Order::of(&column.pg_type)? })
    };
    let key = table.primary_key.iter().flat_map(|key| &key.columns);
    key.map(|part| column(&part.name)).collect::<Option<_>>().unwrap_or_default()
}

/// Where the columns of a key stand: in a row of all columns, or in one of those that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// All columns.
    All,
    /// Without generated ones.
    Sent,
}

impl RowCodec {
    /// Whether rows find their batch by an integer that PostgreSQL holds, too.
    #[must_use]
    pub fn has_batch_key(&self) -> bool {
        self.key_at.is_some()
    }

    /// The column, quoted, by whose integer rows find their batch.
    #[must_use]
    pub fn batch_key(&self) -> Option<&str> {
        self.target.all.get(self.key_at?).map(String::as_str)
    }

    /// The integer by which a row that PostgreSQL has sent finds its batch.
    #[must_use]
    pub fn batch_key_of(&self, fields: &[u8]) -> Option<i64> {
        let mut rest = fields;
        for _ in 0..self.key_at? {
            rest = split_field(rest).ok()?.1;
        }
        // a key that has become NULL in PostgreSQL: such a row is in the first batch
        split_field(rest).ok()?.0.map_or(Some(i64::MIN), integer)
    }

    /// Whether batches are cut by a primary key whose order can be told from what PostgreSQL holds. Whether that order
    /// is SQLite's depends on the values (another collation, text among blobs, a database in UTF-16): whoever goes by
    /// it has to see that each row of SQLite's lies in its batch by this order, too.
    #[must_use]
    pub fn has_ordered_key(&self) -> bool {
        !self.ordered_key.is_empty()
    }

    /// Puts into `key` bytes that compare as the keys of rows do.
    ///
    /// # Errors
    /// [`Malformed`] where that is no row of this table.
    pub fn ordered_key_of(&self, fields: &[u8], which: Fields, key: &mut Vec<u8>) -> Result<(), Malformed> {
        key.clear();
        for column in &self.ordered_key {
            let mut rest = fields;
            let at = if which == Fields::All { column.at } else { column.sent_at };
            for _ in 0..at {
                rest = split_field(rest)?.1;
            }
            column.order.append(split_field(rest)?.0, key)?;
        }
        Ok(())
    }

    /// As [`RowCodec::ordered_key_of`], of a key in SQLite; `None` where PostgreSQL can't hold it.
    #[must_use]
    pub fn ordered_key_of_bound(&self, bound: &Key) -> Option<Vec<u8>> {
        if bound.len() != self.ordered_key.len() {
            return None;
        }
        let (mut key, mut field) = (Vec::new(), Vec::new());
        for (column, value) in self.ordered_key.iter().zip(bound) {
            field.clear();
            self.columns[column.at].conversion.encode(KeyValue::value(value), &mut field).ok()?;
            column.order.append(split_field(&field).ok()?.0, &mut key).ok()?;
        }
        Some(key)
    }

    /// The columns by which a row is known on both sides, counted from 0: those of the primary key.
    #[must_use]
    pub fn key_columns(&self) -> &[usize] {
        &self.key_columns
    }

    /// The hash of the columns by which a row is known on both sides: the same for both versions of a row that has
    /// changed. `None` where there is no such key, or a NULL in it: such rows are only themselves.
    ///
    /// # Errors
    /// [`Malformed`] where that is no row of this table.
    pub fn key_hash(&self, fields: &[u8], scratch: &mut Scratch) -> Result<Option<u64>, Malformed> {
        if self.key_columns.is_empty() {
            return Ok(None);
        }
        scratch.key.clear();
        for at in &self.key_columns {
            let mut rest = fields;
            for _ in 0..*at {
                rest = split_field(rest)?.1;
            }
            match split_field(rest)?.0 {
                None => return Ok(None),
                field => self.columns[*at].canonical.append(field, &mut scratch.key)?,
            }
        }
        Ok(Some(xxh3_64(&scratch.key)))
    }
}

/// The places of the primary key's columns; none where one of them is not copied.
pub(super) fn key_columns(plan: &TablePlan, table: &Table) -> Vec<usize> {
    let place = |name: &str| plan.columns.iter().position(|column| column.source.eq_ignore_ascii_case(name));
    let key = table.primary_key.iter().flat_map(|key| &key.columns);
    key.map(|column| place(&column.name)).collect::<Option<_>>().unwrap_or_default()
}
