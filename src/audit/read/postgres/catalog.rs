//! The catalogs that are read whole, in two messages: relations, columns, indexes, constraints, and counts.

use std::collections::{HashMap, HashSet};

use super::Server;
use super::cells::{Cells, fetch, hand_out};
use super::expressions::Expressions;
use super::{predicate_tree, tree};
use crate::audit::AuditError;
use crate::audit::read::Wanted;
use crate::db::{Answer, PostgresDb};

/// What is asked for, in messages.
const WHAT: &str = "the catalog";

/// The rows of the catalogs, by OID where they are looked up by it.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub relations: HashMap<u32, Relation>,
    /// By number.
    pub columns: HashMap<u32, Vec<ColumnRow>>,
    /// Options of operator classes, by index and place of the key from 1.
    pub class_options: HashMap<(u32, i16), String>,
    /// The relations of which it was decided how much is known of the values of a column, or of an index's expression.
    pub statistics_targets: HashSet<u32>,
    /// What the server is asked to write for the indexes.
    pub expressions: Expressions,
    pub indexes: Vec<IndexRow>,
    pub constraints: Vec<ConstraintRow>,
    pub null_fractions: Vec<(u32, i16, f64)>,
    pub sequences: Vec<SequenceRow>,
    pub age: Option<f64>,
}

/// A row of `pg_class`.
#[derive(Debug, Default)]
pub(super) struct Relation {
    pub schema: String,
    pub name: String,
    pub kind: char,
    pub partition_of: Option<u32>,
    pub rows: Option<u64>,
    pub pages: u64,
    pub method: String,
    pub options: Vec<String>,
    pub of_extension: bool,
    /// It is a table that is to be audited.
    pub audited: bool,
}

/// A row of `pg_attribute`.
#[derive(Debug)]
pub(super) struct ColumnRow {
    pub number: i16,
    pub name: String,
    pub type_oid: u32,
    pub typmod: i32,
    pub not_null: bool,
    pub collation: u32,
}

/// A row of `pg_index`.
#[derive(Debug)]
pub(super) struct IndexRow {
    pub oid: u32,
    pub table: u32,
    pub unique: bool,
    pub nulls_not_distinct: bool,
    pub usable: bool,
    pub building: bool,
    pub keys: usize,
    /// Columns by number, INCLUDE ones after the keys; 0 for an expression.
    pub columns: Vec<i16>,
    pub classes: Vec<u32>,
    pub collations: Vec<u32>,
    /// Bit 0: DESC, bit 1: NULLS FIRST (src/include/catalog/pg_index.h).
    pub options: Vec<i16>,
    /// All expressions, by the number of their text.
    pub expressions: Option<usize>,
    /// The expressions' trees as the server stores them, where a cast that changes only a type's name may be in them.
    pub trees: Option<String>,
    /// By the number of its text.
    pub predicate: Option<usize>,
    /// Its tree, where its text does not tell what the planner makes of it.
    pub predicate_tree: Option<String>,
    pub scans: Option<u64>,
    /// Rows are known to replication by it.
    pub replica_identity: bool,
    /// CLUSTER sorts the table by it.
    pub clustered: bool,
    /// Unique only at the end of the transaction, or where a statement asks for that.
    pub deferrable: bool,
}

/// A row of `pg_constraint`.
#[derive(Debug)]
pub(super) struct ConstraintRow {
    pub table: u32,
    pub name: String,
    pub kind: char,
    pub index: u32,
    pub valid: bool,
    pub deferrable: bool,
    pub deferred: bool,
    pub parent: u32,
    pub columns: Vec<i16>,
    pub parent_columns: Vec<i16>,
    /// Parent's key on the left, child's column on the right.
    pub operators: Vec<u32>,
    pub on_update: char,
    pub on_delete: char,
    pub matching: char,
    pub delete_columns: Vec<i16>,
}

/// A row of `pg_sequence`.
#[derive(Debug)]
pub(super) struct SequenceRow {
    pub oid: u32,
    pub maximum: i64,
    pub increment: i64,
    pub cycles: bool,
    pub column: Option<(u32, i16)>,
}

impl Relation {
    /// Schema and name.
    pub fn full_name(&self) -> (String, String) {
        (self.schema.clone(), self.name.clone())
    }

    /// Whether it is in a schema that is to be audited.
    pub fn is_in(&self, wanted: &Wanted) -> bool {
        wanted.schemas.is_empty() || wanted.schemas.contains(&self.schema)
    }
}

impl Catalog {
    /// Reads them.
    pub fn read(db: &mut PostgresDb, server: Server, wanted: &Wanted) -> Result<Self, AuditError> {
        let since = |number: u32, expression: &'static str, before: &'static str| {
            if server.number >= number { expression } else { before }
        };
        let indexes = include_str!("indexes.sql")
            .replace(":nulls_not_distinct", since(150_000, "x.indnullsnotdistinct", "false"))
            .replace(
                ":scans",
                if wanted.statistics && wanted.uses { "pg_stat_get_numscans(x.indexrelid)" } else { "NULL" },
            );
        let constraints = include_str!("constraints.sql")
            .replace(":delete_columns", since(150_000, "array_to_string(k.confdelsetcols, ' ')", "NULL"))
            // what is not enforced searches nothing
            .replace(":enforced", since(180_000, "k.conenforced", "true"));
        let mut sql = [indexes, constraints].join(";\n");
        if wanted.statistics {
            let nulls = match server.reads_statistics {
                true => include_str!("nulls.sql"),
                false => include_str!("nulls_view.sql"),
            };
            for query in [nulls, include_str!("sequences.sql"), include_str!("age.sql")] {
                sql.push_str(";\n");
                sql.push_str(query);
            }
        }
        let tables = fetch(db, WHAT, &[include_str!("relations.sql"), include_str!("columns.sql")].join(";\n"))?;
        // the first half is read while the server writes the second one
        let (catalog, rest) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| Self::of_tables(tables));
            let rest = fetch(db, WHAT, &sql);
            (reader.join(), rest)
        });
        let mut catalog = catalog.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let by_name = (!server.reads_statistics).then(|| catalog.tables_by_name());
        hand_out(WHAT, rest?, |nth, row| match nth {
            0 => catalog.index(&row),
            1 => catalog.constraint(&row),
            2 => catalog.null_fraction(&row, by_name.as_ref()),
            3 => catalog.sequence(&row),
            _ => {
                catalog.age = row.number_or_null(0)?;
                Ok(())
            }
        })?;
        for columns in catalog.columns.values_mut() {
            columns.sort_unstable_by_key(|column| column.number);
        }
        catalog.choose(wanted);
        catalog.tell_expressions_apart();
        Ok(catalog)
    }

    /// Numbers the expressions of indexes that are to be audited.
    fn tell_expressions_apart(&mut self) {
        let (mut indexes, mut expressions) = (std::mem::take(&mut self.indexes), Expressions::default());
        for row in indexes.iter_mut().filter(|row| self.relations.get(&row.table).is_some_and(|table| table.audited)) {
            let name_of = |number| self.column_of(row.table, number).map(|column| column.name.as_str());
            let mut number =
                |is_predicate, tree: &String| expressions.number((row.table, row.oid), is_predicate, tree, name_of);
            row.expressions = row.trees.as_ref().map(|tree| number(false, tree));
            row.predicate = row.predicate_tree.as_ref().map(|tree| number(true, tree));
            row.trees = row.trees.take().filter(|trees| tree::may_relabel(trees));
            row.predicate_tree = row.predicate_tree.take().filter(|tree| predicate_tree::tells_more(tree));
        }
        (self.indexes, self.expressions) = (indexes, expressions);
    }

    /// Relations and columns.
    fn of_tables(answer: Answer) -> Result<Self, AuditError> {
        let mut catalog = Self::default();
        hand_out(WHAT, answer, |nth, row| match nth {
            0 => catalog.relation(&row),
            _ => catalog.column(&row),
        })?;
        Ok(catalog)
    }

    /// Marks what is to be audited: the tables of the schemas that are wanted, and their partitions wherever they are.
    fn choose(&mut self, wanted: &Wanted) {
        let chosen: Vec<u32> = self.relations.keys().copied().filter(|oid| self.is_chosen(*oid, wanted)).collect();
        for oid in chosen {
            if let Some(relation) = self.relations.get_mut(&oid) {
                relation.audited = true;
            }
        }
    }

    fn is_chosen(&self, oid: u32, wanted: &Wanted) -> bool {
        self.relations.get(&oid).is_some_and(|relation| {
            matches!(relation.kind, 'r' | 'p')
                && (!relation.of_extension && relation.is_in(wanted)
                    || relation.partition_of.is_some_and(|whole| self.is_chosen(whole, wanted)))
        })
    }

    fn relation(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        let relation = Relation {
            schema: row.text(1)?.to_owned(),
            name: row.text(2)?.to_owned(),
            kind: row.letter(3)?,
            partition_of: row.number_or_null(4)?,
            // -1 where nobody has counted yet
            rows: u64::try_from(row.number::<i64>(5)?).ok(),
            pages: u64::try_from(row.number::<i64>(6)?).unwrap_or_default(),
            method: row.option(7).unwrap_or_default().to_owned(),
            options: row.option(8).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default(),
            of_extension: row.flag(9),
            audited: false,
        };
        self.relations.insert(row.number(0)?, relation);
        Ok(())
    }

    fn column(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        let (relation, number) = (row.number(0)?, row.number(1)?);
        if let Some(options) = row.option(7)
            && self.relations.get(&relation).is_some_and(|relation| matches!(relation.kind, 'i' | 'I'))
        {
            self.class_options.insert((relation, number), options.to_owned());
        }
        if row.flag(8) {
            self.statistics_targets.insert(relation);
        }
        self.columns.entry(relation).or_default().push(ColumnRow {
            number,
            name: row.text(2)?.to_owned(),
            type_oid: row.number(3)?,
            typmod: row.number(4)?,
            not_null: row.flag(5),
            collation: row.number(6)?,
        });
        Ok(())
    }

    fn index(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        self.indexes.push(IndexRow {
            oid: row.number(0)?,
            table: row.number(1)?,
            unique: row.flag(2),
            nulls_not_distinct: row.flag(3),
            usable: row.flag(4),
            building: row.flag(5),
            keys: row.number(6)?,
            columns: row.numbers(7)?,
            classes: row.numbers(8)?,
            collations: row.numbers(9)?,
            options: row.numbers(10)?,
            expressions: None,
            trees: row.option(11).map(str::to_owned),
            predicate: None,
            predicate_tree: row.option(12).map(str::to_owned),
            scans: row.number_or_null(13)?,
            replica_identity: row.flag(14),
            clustered: row.flag(15),
            deferrable: !row.flag(16),
        });
        Ok(())
    }

    fn constraint(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        self.constraints.push(ConstraintRow {
            table: row.number(0)?,
            name: row.text(1)?.to_owned(),
            kind: row.letter(2)?,
            index: row.number(3)?,
            valid: row.flag(4),
            deferrable: row.flag(5),
            deferred: row.flag(6),
            parent: row.number(7)?,
            columns: row.numbers(8)?,
            parent_columns: row.numbers(9)?,
            operators: row.numbers(10)?,
            on_update: row.letter(11)?,
            on_delete: row.letter(12)?,
            matching: row.letter(13)?,
            delete_columns: row.numbers(14)?,
        });
        Ok(())
    }

    /// A part of NULLs, told by OID and number or by names.
    fn null_fraction(
        &mut self,
        row: &Cells<'_>,
        by_name: Option<&HashMap<(String, String), u32>>,
    ) -> Result<(), AuditError> {
        let Some(by_name) = by_name else {
            self.null_fractions.push((row.number(0)?, row.number(1)?, row.number(2)?));
            return Ok(());
        };
        // a materialized view has statistics too
        let Some(table) = by_name.get(&(row.text(0)?.to_owned(), row.text(1)?.to_owned())) else { return Ok(()) };
        let name = row.text(2)?;
        if let Some(column) = self.columns.get(table).into_iter().flatten().find(|column| column.name == name) {
            self.null_fractions.push((*table, column.number, row.number(3)?));
        }
        Ok(())
    }

    fn tables_by_name(&self) -> HashMap<(String, String), u32> {
        let tables = self.relations.iter().filter(|(_, relation)| matches!(relation.kind, 'r' | 'p'));
        tables.map(|(oid, relation)| (relation.full_name(), *oid)).collect()
    }

    fn sequence(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        let increment = row.number(3)?;
        let column = row.number_or_null(5)?.zip(row.number_or_null(6)?);
        // what counts down ends at the least
        let maximum = row.number(if increment < 0 { 2 } else { 1 })?;
        self.sequences.push(SequenceRow { oid: row.number(0)?, maximum, increment, cycles: row.flag(4), column });
        Ok(())
    }

    /// The column of a relation that has this number.
    pub fn column_of(&self, relation: u32, number: i16) -> Option<&ColumnRow> {
        let columns = self.columns.get(&relation)?;
        columns.binary_search_by_key(&number, |column| column.number).ok().and_then(|at| columns.get(at))
    }
}
