//! A policy and the schema it meets: the condition of old rows, what marks them, and the tables that refer to them.

use jiff::Timestamp;

use super::super::MaintainError;
use super::super::catalog::{Catalog, Column, ForeignKey, OnDelete, Table};
use super::age::{Age, age, mark};
use super::condition;
use crate::Dialect;
use crate::config::{RetentionAction, RetentionPolicy};

/// A policy that fits the schema.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    pub policy: &'a RetentionPolicy,
    /// The tables whose rows go, by their place in the catalog: the policy's first, then those that refer to it.
    pub tables: Vec<usize>,
    /// The foreign keys that point to one of them.
    pub edges: Vec<Edge<'a>>,
    /// The cut-off.
    pub cut_off: Timestamp,
    /// True for the rows that are meant.
    pub condition: String,
    /// True for rows whose age can't be told.
    pub unreadable: Option<String>,
    /// What a soft delete sets: `column = value, …`.
    pub marks: Option<String>,
}

/// A foreign key that points to a table whose rows go.
#[derive(Debug)]
pub(super) struct Edge<'a> {
    /// The child, by its place in the catalog.
    pub child: usize,
    /// The parent, by its place among [`Bound::tables`].
    pub parent: usize,
    pub key: &'a ForeignKey,
    pub kind: EdgeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeKind {
    /// The child's rows go, too.
    Goes,
    /// The child's columns are set.
    Changes,
    /// The child's rows are in the way.
    Blocks,
}

/// Finds what `policy` means in `catalog`.
pub(super) fn bind<'a>(
    catalog: &'a Catalog,
    policy: &'a RetentionPolicy,
    now: Timestamp,
    by: &str,
) -> Result<Bound<'a>, MaintainError> {
    let at = catalog.require(&policy.table)?;
    let table = &catalog.tables[at];
    let dialect = catalog.dialect;
    if table.columns.is_empty() || table.kind.as_deref() == Some("foreign") {
        return Err(refused(
            format!("`{}` is no table of the database's own rows", policy.table),
            "a policy is for an ordinary table".to_owned(),
        ));
    }
    let column = |name: &str| find_column(dialect, table, name);
    let seconds = i64::try_from(policy.older_than.as_secs()).unwrap_or(i64::MAX);
    let cut_off = Timestamp::from_second(now.as_second().saturating_sub(seconds)).map_err(|_| {
        refused(
            format!("`older_than: {}` reaches back before all time", policy.older_than_text),
            "give a shorter time".to_owned(),
        )
    })?;
    condition::check(dialect, policy)?;
    let Age { old, unreadable } = age(dialect, &policy.table, column(&policy.age)?, policy.unit, cut_off)?;
    let mut conditions = vec![format!("({old})")];
    // it was looked at: it may end in a comment, and in nothing else that takes more than its line
    conditions.extend(policy.condition.iter().map(|text| format!("(\n{text}\n)")));
    let mut marks = None;
    if let RetentionAction::SoftDelete { column: marked, unit, reason, by: who } = &policy.action {
        let marked = column(marked)?;
        let (value, unmarked) = mark(dialect, &policy.table, marked, *unit, now)?;
        conditions.push(format!("({unmarked})"));
        let mut sets = vec![format!("{} = {value}", dialect.quote_identifier(&marked.name))];
        let why = format!("retention: {} older than {}", policy.age, policy.older_than_text);
        for (name, value) in [(reason, why.as_str()), (who, by)] {
            if let Some(name) = name {
                let name = dialect.quote_identifier(&column(name)?.name);
                sets.push(format!("{name} = {}", dialect.literal(value)));
            }
        }
        marks = Some(sets.join(", "));
    }
    let (tables, edges) = if marks.is_some() { (vec![at], Vec::new()) } else { follow(catalog, at, policy.children) };
    if matches!(policy.action, RetentionAction::Archive(_)) {
        can_be_archived(catalog, &tables)?;
    }
    Ok(Bound { policy, tables, edges, cut_off, condition: conditions.join(" AND "), unreadable, marks })
}

fn find_column<'a>(dialect: Dialect, table: &'a Table, name: &str) -> Result<&'a Column, MaintainError> {
    table.column(dialect, name).ok_or_else(|| {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let hint = match crate::suggest::nearest(name, names.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        refused(format!("table `{}` has no column `{name}`", table.name), hint)
    })
}

/// The tables whose rows go with those of the table at `root`, and every foreign key that points to one of them.
fn follow(catalog: &Catalog, root: usize, children: bool) -> (Vec<usize>, Vec<Edge<'_>>) {
    let mut tables = vec![root];
    let mut edges = Vec::new();
    let mut at = 0;
    while at < tables.len() {
        let parent = &catalog.tables[tables[at]];
        for (child, table) in catalog.tables.iter().enumerate() {
            for key in &table.foreign_keys {
                let points = key.parent_schema == parent.schema && key.parent == parent.name;
                // the rows of a partition are those of its table; a key of its own counts with it
                if !points || key.parent_columns.len() != key.columns.len() {
                    continue;
                }
                let kind = match key.on_delete {
                    OnDelete::Cascade => EdgeKind::Goes,
                    OnDelete::SetNull | OnDelete::SetDefault => EdgeKind::Changes,
                    OnDelete::NoAction | OnDelete::Restrict if children => EdgeKind::Goes,
                    OnDelete::NoAction | OnDelete::Restrict => EdgeKind::Blocks,
                };
                if kind == EdgeKind::Goes && !tables.contains(&child) {
                    tables.push(child);
                }
                edges.push(Edge { child, parent: at, key, kind });
            }
        }
        at += 1;
    }
    (tables, edges)
}

/// An archive holds rows by their keys, and holds all that go.
fn can_be_archived(catalog: &Catalog, tables: &[usize]) -> Result<(), MaintainError> {
    for &at in tables {
        let table = &catalog.tables[at];
        if table.primary_key.is_empty() {
            return Err(refused(
                format!("`{}` has no primary key", catalog.shown(table)),
                "an archive needs one to know after a crash what is there already; give the table one, or delete without \
                 an archive"
                    .to_owned(),
            ));
        }
    }
    let to_partition = |key: &ForeignKey| {
        catalog
            .tables
            .iter()
            .any(|table| table.is_partition && table.schema == key.parent_schema && table.name == key.parent)
    };
    let mut keys = catalog.tables.iter().flat_map(|table| &table.foreign_keys);
    match keys.find(|key| to_partition(key)) {
        Some(key) => Err(refused(
            format!("a foreign key points to `{}`, which is a partition", key.parent),
            "what goes by such a key can't be foreseen, and so not be archived".to_owned(),
        )),
        None => Ok(()),
    }
}

fn refused(message: String, hint: String) -> MaintainError {
    MaintainError::Refused { message, hint }
}
