//! A mapping bound to a target's tables, as plain data: what each column takes, and when two of its values are the same.

use serde_json::Value;

use super::{Cell, Kind};
use crate::config::Secret;
use crate::db::SqlError;
use crate::import::mapping::{FileFact, OnExisting, RecordPath};
use crate::import::seal::Seal;
use crate::import::vault::Vault;

/// A source's table, bound to one of the target's.
#[derive(Debug, Clone)]
pub(in crate::import) struct BoundTable {
    /// Its place among all of the mapping's, sources and children.
    pub number: usize,
    /// Its place among the target's tables that are written; two sources may write one.
    pub target: usize,
    pub name: String,
    pub columns: Vec<BoundColumn>,
    /// The columns by which a row is found again.
    pub key: Vec<usize>,
    pub exists: OnExisting,
    pub children: Vec<BoundChild>,
}

/// What is nested in a record.
#[derive(Debug, Clone)]
pub(in crate::import) struct BoundChild {
    pub records: RecordPath,
    pub table: BoundTable,
}

/// A column that is written.
#[derive(Debug, Clone)]
pub(in crate::import) struct BoundColumn {
    pub name: String,
    pub kind: Kind,
    pub fill: Fill,
    pub required: bool,
    pub not_null: bool,
    /// What stands in where there is no value and the column must have one.
    pub default: Option<Cell>,
    /// What is done to a value before it is stored.
    pub seal: Option<Seal>,
    /// Values longer than so many bytes are stored as files there, the path in the column.
    pub spill: Option<(Vault, u64)>,
}

/// Where a column's value comes from.
#[derive(Debug, Clone)]
pub(in crate::import) enum Fill {
    Pointer {
        pointer: String,
        keys: Vec<String>,
    },
    Capture(usize),
    File(FileFact),
    Constant(Cell),
    Uuid,
    Now,
    Whole,
    Rest,
    EntryKey,
    Position,
    /// The parent's column of this number.
    Parent(usize),
    /// A number that the database would give.
    Number,
}

impl BoundColumn {
    /// Whether what was written can't be told from the files.
    pub fn is_exempt(&self) -> bool {
        self.is_made() || matches!(self.seal, Some(Seal::Bcrypt { .. }))
    }

    /// Whether its value is none of the record's.
    pub fn is_made(&self) -> bool {
        matches!(self.fill, Fill::Uuid | Fill::Now)
    }

    /// Whether another import would give another value, so that a row that exists keeps its own.
    pub fn is_kept(&self) -> bool {
        matches!(self.fill, Fill::Uuid | Fill::Number)
    }

    /// The path that a cell holds in place of a value that is stored as a file.
    pub fn path(&self, cell: &Cell) -> Option<(&Vault, String)> {
        let (vault, _) = self.spill.as_ref()?;
        match self.kind.restore(cell) {
            Value::String(text) if vault.is_path(&text) => Some((vault, text)),
            _ => None,
        }
    }

    /// Whether two of its values are the same.
    pub fn holds(&self, a: &Cell, b: &Cell) -> bool {
        let bytes = |cell: &Cell| {
            let mut bytes = Vec::new();
            self.kind.canonical(cell, &mut bytes).ok().map(|()| bytes)
        };
        bytes(a).is_some_and(|a| bytes(b) == Some(a))
    }

    /// Appends the bytes that the same values have in common: of what is encrypted, those of the value.
    ///
    /// # Errors
    /// The server sent what is no value of the type.
    pub fn canonical(&self, cell: &Cell, out: &mut Vec<u8>) -> Result<(), SqlError> {
        match self.seal.as_ref().and_then(|seal| seal.print(&self.kind.restore(cell))) {
            Some(print) => {
                out.push(b'e');
                out.extend_from_slice(&print);
                Ok(())
            }
            None => self.kind.canonical(cell, out),
        }
    }

    /// Whether a cell that is there is what the record would give: `cell`, or where it was hashed or encrypted, one that was
    /// made of `plain`.
    pub fn is_of(&self, there: &Cell, cell: &Cell, plain: Option<&Secret>) -> bool {
        match (&self.seal, plain) {
            (Some(seal), Some(plain)) => seal.is_of(&self.kind.restore(there), plain.expose()),
            _ => self.holds(there, cell),
        }
    }
}

impl BoundTable {
    /// Its number among its columns.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns that hold its parent's key.
    pub fn parents(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|at| matches!(self.columns[*at].fill, Fill::Parent(_))).collect()
    }

    /// Whether its rows' keys are made here, so that a record alone does not lead to its row.
    pub fn key_is_made(&self) -> bool {
        self.key.iter().any(|at| self.columns[*at].is_kept())
    }

    /// Itself and all below it.
    pub fn family(&self) -> Vec<&BoundTable> {
        let mut all = vec![self];
        for child in &self.children {
            all.extend(child.table.family());
        }
        all
    }
}

/// A mapping, bound.
#[derive(Debug, Clone, Default)]
pub(in crate::import) struct Bound {
    /// Of each source.
    pub sources: Vec<BoundTable>,
    /// The target's tables that are written, each once.
    pub targets: Vec<String>,
}
