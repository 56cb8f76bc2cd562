//! What the catalogs refer to by OID: types, operators, families, casts, operator classes, collations; and keywords.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::catalog::{Catalog, ColumnRow};
use super::tree::domains;
use super::{Cells, ask};
use crate::audit::AuditError;
use crate::db::PostgresDb;

/// The collation `"default"` (src/include/catalog/pg_collation.dat).
pub(super) const DEFAULT_COLLATION: u32 = 100;

// src/include/catalog/pg_type.dat
const RECORD: u32 = 2249;
const ANYARRAY: u32 = 2277;
const ANYENUM: u32 = 3500;
const ANYRANGE: u32 = 3831;
const ANYMULTIRANGE: u32 = 4537;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    pub types: HashMap<u32, Type>,
    pub operators: HashMap<u32, Operator>,
    /// Operators to search by, by family.
    pub families: BTreeMap<u32, BTreeSet<u32>>,
    /// Casts that change nothing but a type's name, from and to; true for those that happen unasked.
    pub relabelling: HashMap<(u32, u32), bool>,
    pub classes: HashMap<u32, Class>,
    /// Those that are the default for some type, by method, each with its input type.
    defaults: HashMap<String, Vec<(u32, u32)>>,
    pub collations: HashMap<u32, Collation>,
    /// Domains without a constraint, of those that expressions of indexes cast to.
    pub free_domains: HashSet<u32>,
    /// Words that have to be quoted.
    pub keywords: HashSet<String>,
    /// Expressions and predicates of indexes, by number.
    expressions: Vec<String>,
}

/// A type.
#[derive(Debug)]
pub(super) struct Type {
    /// Itself, or what a domain is of in the end.
    pub base: u32,
    /// The base's `typtype`.
    pub kind: char,
    /// The base's `typcategory`.
    pub category: char,
    /// The base's collation; 0 where it has none.
    pub base_collation: u32,
    /// The collation of a parameter of the type; a domain may have its own.
    pub collation: u32,
    /// Its name.
    pub name: String,
    /// Its names with type modifiers.
    pub declared: HashMap<i32, String>,
}

/// An operator by which foreign keys compare.
#[derive(Debug)]
pub(super) struct Operator {
    /// The one with its sides exchanged; 0 where there is none.
    pub commutator: u32,
    /// The type on its right.
    pub right: u32,
}

/// An operator class.
#[derive(Debug)]
pub(super) struct Class {
    /// Its name, qualified.
    pub full_name: String,
    pub family: u32,
    pub input: u32,
    /// The input type is the one that others of its category are turned into.
    pub preferred: bool,
    pub category: char,
}

/// A collation.
#[derive(Debug)]
pub(super) struct Collation {
    /// Its name, qualified and quoted.
    pub name: String,
    pub deterministic: bool,
}

impl Lookups {
    /// Reads them, and ends the transaction.
    pub fn read(db: &mut PostgresDb, catalog: &Catalog) -> Result<Self, AuditError> {
        let columns = || catalog.columns.values().flatten();
        let types: BTreeSet<(u32, i32)> = columns().map(|column| (column.type_oid, column.typmod)).collect();
        let operators: BTreeSet<u32> =
            catalog.constraints.iter().flat_map(|constraint| constraint.operators.iter().copied()).collect();
        let collations: BTreeSet<u32> = columns()
            .map(|column| column.collation)
            .chain(catalog.indexes.iter().flat_map(|index| index.collations.iter().copied()))
            .collect();
        let asked = &catalog.expressions.asked;
        let trees = catalog.indexes.iter().flat_map(|index| [&index.trees, &index.predicate_tree]);
        let domains = domains(trees.flatten().map(String::as_str));
        let queries = [
            include_str!("types.sql"),
            include_str!("operators.sql"),
            include_str!("families.sql"),
            include_str!("casts.sql"),
            include_str!("keywords.sql"),
            include_str!("classes.sql"),
            include_str!("collations.sql"),
            include_str!("domains.sql"),
            include_str!("expressions.sql"),
            "COMMIT",
        ];
        let sql = queries
            .join(";\n")
            .replace(":types", &array(types.iter().map(|(oid, _)| oid)))
            .replace(":typmods", &array(types.iter().map(|(_, typmod)| typmod)))
            .replace(":operators", &array(&operators))
            .replace(":collations", &array(&collations))
            .replace(":domains", &array(&domains))
            .replace(":written_of", &array(asked.iter().map(|(index, _)| index)))
            .replace(":predicates", &array(asked.iter().map(|(_, is_predicate)| is_predicate)));
        let mut lookups = Self { expressions: vec![String::new(); asked.len()], ..Self::default() };
        ask(db, "types and operators", &sql, |nth, row| {
            match nth {
                0 => lookups.type_row(&row)?,
                1 => {
                    let operator = Operator { commutator: row.number(1)?, right: row.number(2)? };
                    lookups.operators.insert(row.number(0)?, operator);
                }
                2 => {
                    lookups.families.entry(row.number(0)?).or_default().insert(row.number(1)?);
                }
                3 => {
                    lookups.relabelling.insert((row.number(0)?, row.number(1)?), row.flag(2));
                }
                4 => {
                    lookups.keywords.insert(row.text(0)?.to_owned());
                }
                5 => lookups.class_row(&row)?,
                7 => {
                    lookups.free_domains.insert(row.number(0)?);
                }
                8 => {
                    let nth: usize = row.number(0)?;
                    let text = row.text(1)?;
                    if let Some(expression) = lookups.expressions.get_mut(nth) {
                        text.clone_into(expression);
                    }
                }
                _ => {
                    let collation = Collation { name: row.text(1)?.to_owned(), deterministic: row.flag(2) };
                    lookups.collations.insert(row.number(0)?, collation);
                }
            }
            Ok(())
        })?;
        Ok(lookups)
    }

    fn type_row(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        let declared = row.option(7).unwrap_or_default().split('\n').filter_map(|line| {
            let (typmod, name) = line.split_once(' ')?;
            Some((typmod.parse().ok()?, name.to_owned()))
        });
        let found = Type {
            base: row.number(1)?,
            kind: row.letter(2)?,
            base_collation: row.number(3)?,
            collation: row.number(4)?,
            category: row.letter(5)?,
            name: row.text(6)?.to_owned(),
            declared: declared.collect(),
        };
        self.types.insert(row.number(0)?, found);
        Ok(())
    }

    fn class_row(&mut self, row: &Cells<'_>) -> Result<(), AuditError> {
        let class = Class {
            full_name: self.qualified(row.text(1)?, row.text(2)?),
            family: row.number(3)?,
            input: row.number(4)?,
            preferred: row.flag(7),
            category: row.letter(8)?,
        };
        let oid = row.number(0)?;
        if row.flag(5) {
            self.defaults.entry(row.text(6)?.to_owned()).or_default().push((oid, class.input));
        }
        self.classes.insert(oid, class);
        Ok(())
    }

    /// The type's base; itself where it is not known.
    pub fn base(&self, type_oid: u32) -> u32 {
        self.types.get(&type_oid).map_or(type_oid, |found| found.base)
    }

    /// The column's type as it is declared.
    pub fn declared(&self, column: &ColumnRow) -> String {
        let found = self.types.get(&column.type_oid);
        found.and_then(|found| found.declared.get(&column.typmod).or(Some(&found.name))).cloned().unwrap_or_default()
    }

    /// The operator class that an index gets where none is named (`GetDefaultOpClass` in
    /// src/backend/commands/indexcmds.c).
    pub fn default_class(&self, type_oid: u32, method: &str) -> Option<u32> {
        let column = self.types.get(&type_oid)?;
        let of_method = || {
            let defaults = self.defaults.get(method).into_iter().flatten();
            defaults.filter_map(|(oid, _)| Some((oid, self.classes.get(oid)?)))
        };
        let exact = self.defaults.get(method)?.iter().find(|(_, input)| *input == column.base);
        if exact.is_some() {
            return exact.map(|(oid, _)| *oid);
        }
        let fitting = || of_method().filter(|(_, class)| self.takes_unasked(column, class.input));
        let preferred = || fitting().filter(|(_, class)| class.preferred && class.category == column.category);
        let one = match preferred().count() {
            0 if fitting().count() == 1 => fitting().next(),
            1 => preferred().next(),
            _ => None,
        };
        one.map(|(oid, _)| *oid)
    }

    /// `IsBinaryCoercible` in src/backend/parser/parse_coerce.c, for what operator classes take.
    fn takes_unasked(&self, column: &Type, input: u32) -> bool {
        let polymorphic = match input {
            ANYARRAY => column.category == 'A',
            ANYENUM => column.kind == 'e',
            ANYRANGE => column.kind == 'r',
            ANYMULTIRANGE => column.kind == 'm',
            RECORD => column.kind == 'c',
            _ => false,
        };
        polymorphic || self.relabelling.get(&(column.base, input)).is_some_and(|unasked| *unasked)
    }

    /// An expression or predicate of an index as the server writes it.
    pub fn expression(&self, number: Option<usize>) -> Option<&str> {
        self.expressions.get(number?).map(String::as_str)
    }

    /// The name of a collation; `None` for a type that has none.
    pub fn collation(&self, oid: u32) -> Option<String> {
        self.collations.get(&oid).map(|collation| collation.name.clone())
    }

    /// A name as the server writes it: in quotes only where it needs them (`quote_identifier` in
    /// src/backend/utils/adt/ruleutils.c).
    pub fn quoted(&self, name: &str) -> String {
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if starts && name.chars().all(plain) && !self.keywords.contains(name) {
            name.to_owned()
        } else {
            crate::Dialect::Postgres.quote_identifier(name)
        }
    }

    /// A name in a schema, both as the server writes them.
    pub fn qualified(&self, schema: &str, name: &str) -> String {
        format!("{}.{}", self.quoted(schema), self.quoted(name))
    }
}

/// Numbers as an array's literal.
fn array<T: std::fmt::Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("'{{{}}}'", numbers.join(","))
}
