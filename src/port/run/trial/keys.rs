//! Where rows meet others: those that the target holds already, and those of the source itself, by what only the target
//! demands to be unique.

use super::partitions::read_by;
use super::rules::{Kind, Rule, Untried, hidden};
use crate::port::options::OnConflict;
use crate::port::plan::TablePlan;
use crate::port::target::{KeyKind, TargetKey, TargetSchema, TargetTable, qualified, quoted};
use crate::schema::{Indexed, Table};
use crate::value::PgType;

/// A demand of which rows of the source may fall foul together.
#[derive(Debug)]
pub(super) struct Among {
    pub object: String,
    pub said: String,
    /// How each term is compared: its SQL, the operator, and what an index over it is made of.
    pub terms: Vec<Term>,
    /// Which rows it is about, as SQL.
    pub predicate: String,
    /// The method of an index that finds such rows, where the operators are none that rows can be sorted or hashed by.
    pub index: Option<String>,
    pub nulls_equal: bool,
    /// It is looked at when the transaction ends: one row can't be put aside for it.
    pub deferred: bool,
    /// The target's columns that it reads.
    pub columns: Vec<String>,
}

/// One term of such a demand.
#[derive(Debug)]
pub(super) struct Term {
    /// What it is called.
    pub name: String,
    pub sql: String,
    pub operator: String,
    pub operator_class: String,
}

/// The rows that are to be copied, and what they find in the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    /// What becomes of rows whose key is there, in a table that keeps its rows.
    pub beside: Option<OnConflict>,
    /// Some rows of the source are in already.
    pub begun: bool,
}

/// What was found out about the keys of a table.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub rules: Vec<Rule>,
    pub among: Vec<Among>,
    pub untried: Vec<Untried>,
}

/// The demands of a table's keys.
pub(super) fn of(
    table: &TablePlan,
    there: &TargetTable,
    source: &Table,
    target: &TargetSchema,
    meeting: Meeting,
) -> Found {
    let mut found = Found::default();
    for key in target.keys.iter().filter(|key| key.of.contains(&there.name)) {
        let said = format!("the target's {}", key.said());
        let untried = |why: &str| Untried { object: key.name.clone(), said: said.clone(), why: why.to_owned() };
        let Some(one) = Among::new(key, there, target, said.clone()) else {
            let why = format!("how rows meet in an index of the method `{}` is not known", key.method);
            found.untried.push(untried(&why));
            continue;
        };
        let own = is_unique_in_source(key, table, source);
        let primary = key.kind == KeyKind::PrimaryKey;
        match meeting.beside {
            Some(OnConflict::Error) => found.rules.push(one.held(there, target, key, None)),
            // rows whose primary key is there are not copied
            Some(OnConflict::Skip) if !primary => {
                found.rules.push(one.held(there, target, key, table.beside.as_deref()));
            }
            Some(OnConflict::Replace) if !primary => {
                found.untried.push(untried("rows of the target are replaced meanwhile"));
            }
            None if meeting.begun && !own => found.rules.push(one.held(there, target, key, None)),
            Some(OnConflict::Skip | OnConflict::Replace) | None => {}
        }
        // what the target takes from a sequence is another value for each row
        if !own && hidden(table, there, &one.columns).is_none() {
            found.among.push(one);
        }
    }
    found
}

/// Whether no two rows of the source can meet in the key: it has all columns of a key of the source's, and their types
/// keep apart what SQLite does.
fn is_unique_in_source(key: &TargetKey, table: &TablePlan, source: &Table) -> bool {
    if key.kind == KeyKind::Exclusion {
        return false;
    }
    let has = |name: &str| {
        let Some(column) = table.column(name) else { return false };
        let keeps = matches!(
            column.pg_type.base(),
            PgType::Int2
                | PgType::Int4
                | PgType::Int8
                | PgType::Text
                | PgType::Varchar(_)
                | PgType::Uuid
                | PgType::Bytea
        );
        // two rows with NULL are two to SQLite
        let nulls = key.nulls_equal && !column.not_null;
        let is = |term: &crate::port::target::KeyTerm| term.by_bytes && term.column.as_ref() == Some(&column.target);
        keeps && !nulls && key.terms.iter().any(is)
    };
    let alias = source.rowid_alias().is_some_and(has);
    let constraints = source.primary_key.iter().map(|key| &key.columns);
    let mut constraints = constraints.chain(source.uniques.iter().map(|unique| &unique.columns));
    let indexed = |term: &crate::schema::IndexTerm| match &term.what {
        Indexed::Column(name) => has(name),
        Indexed::Expression(_) => false,
    };
    let mut indexes = source.indexes.iter().filter(|index| index.unique && index.predicate.is_none());
    alias
        || constraints.any(|columns| !columns.is_empty() && columns.iter().all(|column| has(&column.name)))
        || indexes.any(|index| !index.terms.is_empty() && index.terms.iter().all(indexed))
}

impl Among {
    fn new(key: &TargetKey, there: &TargetTable, target: &TargetSchema, said: String) -> Option<Self> {
        let terms: Option<Vec<Term>> = key
            .terms
            .iter()
            .map(|term| {
                Some(Term {
                    name: term.column.clone().unwrap_or_else(|| term.sql.clone()),
                    sql: term.collated(),
                    operator: term.operator.clone()?,
                    operator_class: term.operator_class.clone(),
                })
            })
            .collect();
        // a key of one partition alone is about the rows that go there
        let partition = target.partitions.iter().find(|one| (&one.schema, &one.name) == (&key.schema, &key.table));
        let bounds = partition.and_then(|partition| partition.bounds.as_deref()).filter(|_| key.table != there.name);
        let parts: Vec<String> =
            bounds.into_iter().chain(key.predicate.as_deref()).map(|part| format!("({part})")).collect();
        let mut columns = key.columns.clone();
        columns
            .extend(read_by(there, bounds.unwrap_or_default()).into_iter().filter(|name| !key.columns.contains(name)));
        Some(Self {
            object: key.name.clone(),
            said,
            terms: terms?,
            predicate: if parts.is_empty() { "true".to_owned() } else { parts.join(" AND ") },
            index: (key.method != "btree").then(|| key.method.clone()),
            nulls_equal: key.nulls_equal,
            deferred: key.deferred,
            columns,
        })
    }

    /// How two rows meet, each term given by what it is called on either side.
    pub fn meet(&self, there: impl Fn(usize) -> String, here: impl Fn(usize) -> String) -> String {
        let terms = self.terms.iter().enumerate().map(|(at, term)| {
            let (there, here) = (there(at), here(at));
            let equal = format!("{there} {} {here}", term.operator);
            match self.nulls_equal {
                true => format!("({equal} OR {there} IS NULL AND {here} IS NULL)"),
                false => equal,
            }
        });
        terms.collect::<Vec<_>>().join(" AND ")
    }

    /// The demand that no row of the target is met. `but`: rows with these columns' values in the target are not copied.
    fn held(&self, there: &TargetTable, target: &TargetSchema, key: &TargetKey, but: Option<&[String]>) -> Rule {
        let name = qualified(&key.schema, &key.table);
        let terms = self.terms.iter().enumerate().map(|(at, term)| format!("{} AS liftlock_k{at}", term.sql));
        // the inner names are none of the table's, and so the others are those of the row that is asked about
        let mut refused = format!(
            "({}) AND EXISTS (SELECT FROM (SELECT {} FROM {name} WHERE {}) liftlock_held WHERE {})",
            self.predicate,
            terms.collect::<Vec<_>>().join(", "),
            self.predicate,
            self.meet(|at| format!("liftlock_held.liftlock_k{at}"), |at| self.terms[at].sql.clone())
        );
        let mut columns = self.columns.clone();
        if let Some(but) = but {
            let own = quoted(&there.name);
            let same = but.iter().map(|column| format!("liftlock_held.{0} = {own}.{0}", quoted(column)));
            refused.push_str(&format!(
                " AND NOT EXISTS (SELECT FROM {} liftlock_held WHERE {})",
                qualified(&target.name, &there.name),
                same.collect::<Vec<_>>().join(" AND ")
            ));
            columns.extend(but.iter().filter(|column| !self.columns.contains(column)).cloned());
        }
        let primary = key.kind == KeyKind::PrimaryKey;
        let condition = format!("({refused}) IS NOT TRUE");
        Rule::new(Kind::Held { primary }, &self.object, self.said.clone(), condition, columns)
    }
}
