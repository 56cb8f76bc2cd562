//! Columns that foreign keys join, and that therefore get one type.

use std::collections::{HashMap, HashSet};

use crate::schema::{ParentState, Schema, Table};

use super::candidates::{Candidate, Candidates, Origin};

/// A column by its place: the table in the schema, the column in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId {
    /// The table's index in [`Schema::tables`].
    pub table: usize,
    /// The column's index in its table.
    pub column: usize,
}

/// Columns that get one type.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// The columns; at least one.
    pub members: Vec<ColumnId>,
    /// The types that all of them may take.
    pub candidates: Candidates,
}

/// The classes of all columns, in the order of their first members. `candidates` are by table and column.
///
/// A class takes the candidates of the column that the others point to. Two kinds of columns stand by themselves, and
/// those joined to them follow as far as they can: one whose type a person or the target gave, and another name of the
/// rowid, which holds integers whatever the columns that point to it hold.
#[must_use]
pub fn classes(schema: &Schema, candidates: &[Vec<Candidates>]) -> Vec<Class> {
    let mut joined = Joined::of(schema);
    let mut groups: Vec<Vec<ColumnId>> = Vec::new();
    let mut group_of = HashMap::new();
    for (table, columns) in candidates.iter().enumerate() {
        for column in 0..columns.len() {
            let id = ColumnId { table, column };
            let root = joined.root(id);
            let group = *group_of.entry(root).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(id);
        }
    }
    let of = |id: ColumnId| &candidates[id.table][id.column];
    let mut classes = Vec::new();
    for group in groups {
        let forced = group.iter().copied().find(|id| of(*id).origin.is_forced());
        let rowid = group.iter().copied().find(|id| of(*id).origin == Origin::Rowid);
        if forced.or(rowid).is_none() {
            let parent = group.iter().copied().find(|id| !joined.is_child(*id)).unwrap_or(group[0]);
            classes.push(Class { candidates: of(parent).clone(), members: group });
            continue;
        }
        for id in group {
            let own = of(id);
            let candidates = match (rowid, forced) {
                _ if own.origin.is_forced() || own.origin == Origin::Rowid => own.clone(),
                (Some(rowid), _) => led_by(&of(rowid).list[0], own),
                (None, Some(forced)) => of(forced).clone(),
                (None, None) => own.clone(),
            };
            classes.push(Class { members: vec![id], candidates });
        }
    }
    classes.sort_by_key(|class| class.members[0]);
    classes
}

/// The leader's type first, then what the column would be by itself.
fn led_by(first: &Candidate, own: &Candidates) -> Candidates {
    let mut list = vec![Candidate { reading: own.list[0].reading, ..first.clone() }];
    list.extend(own.list.iter().filter(|candidate| candidate.pg_type != first.pg_type).cloned());
    Candidates { list, origin: Origin::Declared, when_empty: 0 }
}

/// Which columns are joined: a forest in which every tree is one class.
struct Joined {
    parents: HashMap<ColumnId, ColumnId>,
    children: HashSet<ColumnId>,
}

impl Joined {
    fn of(schema: &Schema) -> Self {
        let mut joined = Self { parents: HashMap::new(), children: HashSet::new() };
        for (table, declared) in schema.tables.iter().enumerate() {
            for key in &declared.foreign_keys {
                if !matches!(key.parent_state, ParentState::Ok | ParentState::NotUnique) {
                    continue;
                }
                let Some(parent) = schema.tables.iter().position(|t| t.name.eq_ignore_ascii_case(&key.parent)) else {
                    continue;
                };
                for (child, parent_column) in key.columns.iter().zip(&key.parent_columns) {
                    let child = position(declared, child).map(|column| ColumnId { table, column });
                    let parent = position(&schema.tables[parent], parent_column)
                        .map(|column| ColumnId { table: parent, column });
                    if let (Some(child), Some(parent)) = (child, parent) {
                        joined.join(child, parent);
                    }
                }
            }
        }
        joined
    }

    fn join(&mut self, child: ColumnId, parent: ColumnId) {
        if child != parent {
            self.children.insert(child);
        }
        let (child, parent) = (self.root(child), self.root(parent));
        if child != parent {
            self.parents.insert(child, parent);
        }
    }

    fn root(&mut self, id: ColumnId) -> ColumnId {
        let mut root = id;
        while let Some(parent) = self.parents.get(&root) {
            root = *parent;
        }
        if root != id {
            self.parents.insert(id, root);
        }
        root
    }

    fn is_child(&self, id: ColumnId) -> bool {
        self.children.contains(&id)
    }
}

fn position(table: &Table, column: &str) -> Option<usize> {
    table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::options::Options;
    use crate::port::plan::candidates::of_column;
    use crate::schema::{Column, ForeignKey, KeyColumn, PrimaryKey, Table};
    use crate::value::PgType;

    fn table(name: &str, columns: &[(&str, &str)], keys: &[(&str, &str, &str)]) -> Table {
        let column = |(name, declared): &(&str, &str)| Column {
            name: (*name).to_owned(),
            declared: (*declared).to_owned(),
            ..Column::default()
        };
        let key = |(column, parent, parent_column): &(&str, &str, &str)| ForeignKey {
            columns: vec![(*column).to_owned()],
            parent: (*parent).to_owned(),
            parent_columns: vec![(*parent_column).to_owned()],
            ..ForeignKey::default()
        };
        Table {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            foreign_keys: keys.iter().map(key).collect(),
            ..Table::default()
        }
    }

    /// A class's members, its first candidate, and how many of those it has.
    type Seen = (Vec<(usize, usize)>, PgType, usize);

    fn classes_of(tables: Vec<Table>) -> Vec<Seen> {
        let schema = Schema { tables, ..Schema::default() };
        let candidates: Vec<Vec<Candidates>> = schema
            .tables
            .iter()
            .map(|t| t.columns.iter().map(|c| of_column(t, c, &Options::default(), None)).collect())
            .collect();
        classes(&schema, &candidates)
            .into_iter()
            .map(|class| {
                let members = class.members.iter().map(|id| (id.table, id.column)).collect();
                (members, class.candidates.list[0].pg_type.clone(), class.candidates.list.len())
            })
            .collect()
    }

    #[test]
    fn joined_columns_take_the_candidates_of_the_one_they_point_to() {
        let found = classes_of(vec![
            table("grandchild", &[("c", "TEXT")], &[("C", "child", "p")]),
            table("child", &[("p", "INT"), ("x", "JSON")], &[("p", "PARENT", "ID")]),
            table("parent", &[("id", "UUID")], &[]),
        ]);
        assert_eq!(
            found,
            [(vec![(0, 0), (1, 0), (2, 0)], PgType::Uuid, 3), (vec![(1, 1)], PgType::Jsonb, 3)],
            "through two keys, names without case"
        );
    }

    #[test]
    fn a_rowid_stays_an_integer_whatever_points_to_it() {
        let mut parent = table("parent", &[("id", "INTEGER")], &[]);
        parent.primary_key = Some(PrimaryKey {
            columns: vec![KeyColumn { name: "id".to_owned(), ..KeyColumn::default() }],
            rowid_alias: true,
            ..PrimaryKey::default()
        });
        let found = classes_of(vec![parent, table("child", &[("p", "TEXT")], &[("p", "parent", "id")])]);
        assert_eq!(found, [(vec![(0, 0)], PgType::Int8, 1), (vec![(1, 0)], PgType::Int8, 3)]);
    }

    #[test]
    fn a_table_that_points_to_itself_is_one_class() {
        let found = classes_of(vec![table("t", &[("a", "GUID"), ("up", "TEXT")], &[("up", "t", "a")])]);
        assert_eq!(found, [(vec![(0, 0), (0, 1)], PgType::Uuid, 3)]);
    }
}
