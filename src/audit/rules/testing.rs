//! Schemas built by hand, in a few words: `schema(dialect, [table("c").integer("p_id").index(index("i", &["p_id"]))])`.
//!
//! Columns are integers that compare as the dialect's integers do, unless told otherwise; on PostgreSQL with the
//! operators and families that its catalog has for them, so that foreign keys can be judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{Rule, Subjects};
use crate::Dialect;
use crate::audit::schema::{
    Affinity, Cast, Column, ForeignKey, ForeignKeyColumn, Index, IndexState, Key, Keyed, Method, Owner, OwnerKind,
    Predicate, Schema, Search, Table, Version,
};
use crate::audit::serve::{self, Coverage};
use crate::audit::statistics::{Name, Statistics};
use crate::audit::{Finding, Remedy};

/// `int4 = int4` and the family `integer_ops` of b-trees, by their OIDs.
const EQUALS: u32 = 96;
const INTEGER_OPS: u32 = 1976;

/// A schema of these tables, made whole for its dialect.
pub(crate) fn schema(dialect: Dialect, tables: impl IntoIterator<Item = Table>) -> Schema {
    let mut tables: Vec<Table> = tables.into_iter().collect();
    let known: BTreeMap<_, _> = tables.iter().map(|table| (table.name.clone(), table.columns.clone())).collect();
    for table in &mut tables {
        table.schema = default_schema(dialect).to_owned();
        for column in &mut table.columns {
            complete_column(dialect, column);
        }
        for index in &mut table.indexes {
            for key in &mut index.keys {
                complete_key(dialect, key);
            }
            if let Some((schema, _)) = &mut index.partition_of {
                *schema = table.schema.clone();
            }
        }
        if let Some((schema, _)) = &mut table.partition_of {
            *schema = table.schema.clone();
        }
        for foreign_key in &mut table.foreign_keys {
            foreign_key.parent_schema = table.schema.clone();
            for column in &mut foreign_key.columns {
                complete_foreign_key_column(dialect, column, known.get(&foreign_key.parent));
            }
        }
    }
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let names = tables.iter().flat_map(|table| {
        let indexes = table.indexes.iter().map(|index| index.name.clone());
        indexes.chain([table.name.clone()])
    });
    Schema {
        dialect,
        version: match dialect {
            Dialect::Sqlite => Version(3, 50, 0),
            Dialect::Postgres => Version(15, 4, 0),
        },
        families: match dialect {
            Dialect::Sqlite => BTreeMap::new(),
            Dialect::Postgres => [(INTEGER_OPS, BTreeSet::from([EQUALS]))].into(),
        },
        taken: [(default_schema(dialect).to_owned(), names.collect())].into(),
        tables,
    }
}

fn default_schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "main",
        Dialect::Postgres => "public",
    }
}

fn complete_column(dialect: Dialect, column: &mut Column) {
    if column.declared.is_empty() {
        column.declared = "integer".to_owned();
    }
    match dialect {
        Dialect::Sqlite => {
            column.maximum = None;
            column.affinity.get_or_insert(Affinity::Integer);
            column.collation.get_or_insert_with(|| "BINARY".to_owned());
        }
        Dialect::Postgres => {
            column.affinity = None;
            column.maximum = match &*column.declared {
                "smallint" => Some(i64::from(i16::MAX)),
                "integer" => Some(i64::from(i32::MAX)),
                "bigint" => Some(i64::MAX),
                _ => None,
            };
        }
    }
}

fn complete_key(dialect: Dialect, key: &mut Key) {
    match dialect {
        Dialect::Sqlite => {
            key.collation.get_or_insert_with(|| "BINARY".to_owned());
        }
        Dialect::Postgres => {
            key.class.get_or_insert_with(|| "pg_catalog.int4_ops".to_owned());
            key.family.get_or_insert(INTEGER_OPS);
        }
    }
}

fn complete_foreign_key_column(dialect: Dialect, column: &mut ForeignKeyColumn, parent: Option<&Vec<Column>>) {
    let theirs = parent.and_then(|columns| columns.iter().find(|one| one.name == column.parent_column));
    if let (Some(theirs), "") = (theirs, &*column.parent_type) {
        let declared = if theirs.declared.is_empty() { "integer" } else { &theirs.declared };
        column.parent_type = declared.to_owned();
    }
    match dialect {
        Dialect::Sqlite => {
            column.search.collation.get_or_insert_with(|| "BINARY".to_owned());
        }
        Dialect::Postgres => {
            column.search.operator.get_or_insert(EQUALS);
        }
    }
}

/// A table with no columns, no key, nothing.
pub(crate) fn table(name: &str) -> Table {
    Table { name: name.to_owned(), ..Table::default() }
}

/// A b-tree over columns, each in ascending order.
pub(crate) fn index(name: &str, columns: &[&str]) -> Index {
    let key = |column: &&str| Key { what: Keyed::Column((*column).to_owned()), ..Key::default() };
    Index { name: name.to_owned(), keys: columns.iter().map(key).collect(), ..Index::default() }
}

/// A foreign key without a name.
pub(crate) fn foreign_key(columns: &[&str], parent: &str, theirs: &[&str]) -> ForeignKey {
    let columns = columns.iter().zip(theirs).map(|(column, parent_column)| ForeignKeyColumn {
        column: (*column).to_owned(),
        parent_column: (*parent_column).to_owned(),
        ..ForeignKeyColumn::default()
    });
    ForeignKey { parent: parent.to_owned(), columns: columns.collect(), ..ForeignKey::default() }
}

impl Table {
    /// An integer.
    pub(crate) fn integer(self, name: &str) -> Self {
        self.typed(name, "")
    }

    pub(crate) fn typed(mut self, name: &str, declared: &str) -> Self {
        let boolean = declared.to_lowercase().starts_with("bool");
        self.columns.push(Column {
            name: name.to_owned(),
            declared: declared.to_owned(),
            boolean,
            ..Column::default()
        });
        self
    }

    pub(crate) fn not_null(mut self) -> Self {
        self.columns.last_mut().expect("a column comes first").not_null = true;
        self
    }

    /// A primary key with its index, as PostgreSQL has it.
    pub(crate) fn key(mut self, columns: &[&str]) -> Self {
        self.primary_key = columns.iter().map(|column| (*column).to_owned()).collect();
        let name = format!("{}_pkey", self.name);
        let index = index(&name, columns).unique().constraint(&name, OwnerKind::Primary);
        self.index(index)
    }

    /// A SQLite table's `INTEGER PRIMARY KEY`.
    pub(crate) fn rowid(mut self, column: &str) -> Self {
        self.primary_key = vec![column.to_owned()];
        self.rowid_alias = Some(column.to_owned());
        self.integer(column)
    }

    pub(crate) fn index(mut self, index: Index) -> Self {
        self.indexes.push(index);
        self
    }

    pub(crate) fn foreign_key(mut self, foreign_key: ForeignKey) -> Self {
        self.foreign_keys.push(foreign_key);
        self
    }

    pub(crate) fn partitioned(mut self) -> Self {
        self.partitioned = true;
        self
    }

    pub(crate) fn part_of(mut self, table: &str) -> Self {
        self.partition_of = Some((String::new(), table.to_owned()));
        self
    }
}

impl Index {
    pub(crate) fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    pub(crate) fn constraint(mut self, name: &str, kind: OwnerKind) -> Self {
        self.constraint = Some(Owner { name: name.to_owned(), kind });
        self
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn including(mut self, columns: &[&str]) -> Self {
        self.included = columns.iter().map(|column| (*column).to_owned()).collect();
        self
    }

    pub(crate) fn only(mut self, predicate: Predicate) -> Self {
        self.predicate_sql = Some(format!("{predicate:?}"));
        self.predicate = Some(predicate);
        self
    }

    pub(crate) fn descending(mut self, key: usize) -> Self {
        self.keys[key].descending = true;
        self.keys[key].nulls_first = true;
        self
    }

    pub(crate) fn state(mut self, state: IndexState) -> Self {
        self.state = state;
        self
    }

    pub(crate) fn attached_to(mut self, index: &str) -> Self {
        self.partition_of = Some((String::new(), index.to_owned()));
        self
    }

    pub(crate) fn needed(mut self, why: &str) -> Self {
        self.needed = Some(why.to_owned());
        self
    }

    pub(crate) fn defined(mut self, definition: &str) -> Self {
        self.definition = definition.to_owned();
        self
    }
}

impl ForeignKey {
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Its first column is of another type than the parent's.
    pub(crate) fn differs(mut self, parent_type: &str) -> Self {
        self.columns[0].types_differ = true;
        self.columns[0].parent_type = parent_type.to_owned();
        self
    }

    /// Its first column is searched through a cast.
    pub(crate) fn cast(mut self, to: &str) -> Self {
        let expression = format!("({})::{to}", self.columns[0].column);
        self.columns[0].search = Search { cast: Some(Cast { expression, to: to.to_owned() }), ..Search::default() };
        self
    }
}

/// The name of something in the dialect's usual schema.
pub(crate) fn named(dialect: Dialect, name: &str) -> Name {
    (default_schema(dialect).to_owned(), name.to_owned())
}

/// How every foreign key of a schema is served.
pub(crate) fn coverage(schema: &Schema) -> Vec<Vec<Coverage>> {
    let judge = |table: &Table| {
        let judge = |foreign_key| serve::judge(schema, table, foreign_key, &|_, _| true);
        table.foreign_keys.iter().map(judge).collect()
    };
    schema.tables.iter().map(judge).collect()
}

/// What a rule finds.
pub(crate) fn check(rule: &Rule, schema: &Schema, statistics: &Statistics) -> Vec<Finding> {
    let coverage = coverage(schema);
    (rule.check)(&Subjects::new(schema, statistics, &coverage))
}

/// What a rule finds without statistics.
pub(crate) fn found(rule: &Rule, schema: &Schema) -> Vec<Finding> {
    check(rule, schema, &Statistics::default())
}

/// What findings are about, as `table.object` or `table(columns)`, in their order.
pub(crate) fn subjects(findings: &[Finding]) -> Vec<String> {
    let subject = |finding: &Finding| match &finding.subject.object {
        Some(object) => format!("{}.{object}", finding.subject.table),
        None => format!("{}({})", finding.subject.table, finding.subject.columns.join(",")),
    };
    findings.iter().map(subject).collect()
}

/// The statement of a finding's remedy.
pub(crate) fn statement(finding: &Finding) -> &str {
    match &finding.remedy {
        Remedy::Statement(statement) => statement,
        other => panic!("no statement but {other:?}"),
    }
}
