//! What is there in a target's schema, as plain data.

use serde::Deserialize;

use super::keys::{Partition, TargetKey};
use crate::value::PgType;

/// A schema of a PostgreSQL database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetSchema {
    /// Its name.
    pub name: String,
    /// The server, the database, and who we are there.
    pub server: Server,
    /// Ordinary and partitioned tables, partitions included, in the order of their creation.
    pub tables: Vec<TargetTable>,
    /// What looks like a table and is none.
    pub others: Vec<OtherRelation>,
    /// Constraints of the tables and of their partitions wherever they are, and the foreign keys of other schemas'
    /// tables that refer to them.
    pub constraints: Vec<Constraint>,
    /// Indexes of the tables.
    pub indexes: Vec<TargetIndex>,
    /// Triggers that people made, on the tables and on their partitions wherever they are; parents first.
    pub triggers: Vec<Trigger>,
    /// Sequences that columns of the tables take values from.
    pub sequences: Vec<Sequence>,
    /// What must be unique, or exclude each other, in the tables and in their partitions wherever they are.
    pub keys: Vec<TargetKey>,
    /// The partitions of the tables, wherever they are.
    pub partitions: Vec<Partition>,
}

/// The server, the database, and who we are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Server {
    /// `server_version_num`: 150004 for 15.4.
    pub version: u32,
    /// The database's encoding.
    pub encoding: String,
    /// The database's default collation.
    pub collation: String,
    /// `default_toast_compression` takes `lz4`.
    pub lz4: bool,
    /// The role we act as.
    pub role: String,
    /// It is a superuser.
    pub superuser: bool,
    /// Row-level security never applies to it.
    pub bypasses_row_security: bool,
    /// The schema is there.
    pub schema_exists: bool,
    /// We may make tables in the schema.
    pub may_create: bool,
    /// We may reach what is in the schema, or there is no such schema.
    pub may_use: bool,
    /// We may make temporary tables in the database.
    pub may_make_temporary: bool,
    /// We may make schemas in the database.
    pub may_make_schemas: bool,
    /// The database's name.
    pub database: String,
    /// Transactions are read-only, unless they ask to be something else.
    pub read_only: bool,
    /// The server is a standby: nothing can be written through it.
    pub standby: bool,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetTable {
    /// Its name.
    pub name: String,
    /// It is partitioned.
    pub partitioned: bool,
    /// The table that it is a partition of.
    pub partition_of: Option<String>,
    /// Other tables inherit from it, and their rows show in it.
    pub has_heirs: bool,
    /// Its columns in order.
    pub columns: Vec<TargetColumn>,
    /// Whether it holds rows.
    pub rows: Rows,
    /// Row-level security is enabled.
    pub row_security: bool,
    /// Row-level security applies to the owner too.
    pub row_security_forced: bool,
    /// Row-level security applies to us.
    pub row_security_active: bool,
    /// Its owner.
    pub owner: String,
    /// We have the owner's rights, and so may alter it.
    pub owned: bool,
    /// We may read it.
    pub may_select: bool,
    /// We may add rows.
    pub may_insert: bool,
    /// We may change rows.
    pub may_update: bool,
    /// We may empty it.
    pub may_truncate: bool,
}

/// Whether a table holds rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rows {
    /// It could not be asked: we may not read it, or see only some of its rows.
    #[default]
    Unknown,
    /// It holds none.
    Empty,
    /// It holds some.
    Some,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetColumn {
    /// Its name.
    pub name: String,
    /// Its type; `None` where we have no conversion.
    pub pg_type: Option<PgType>,
    /// Its type as the server writes it.
    pub type_name: String,
    /// How many digits of a second it keeps, where it is declared with fewer than the six there are.
    pub fraction_digits: Option<u8>,
    /// NOT NULL, whether of its own or of its domain.
    pub not_null: bool,
    /// The default, of its own or of its domain, as SQL.
    pub default: Option<String>,
    /// It is an identity.
    pub identity: Option<Identity>,
    /// The expression of a generated column.
    pub generated: Option<String>,
    /// What its domain checks, and what the domains check that this is over; the innermost first.
    pub domain_checks: Vec<DomainCheck>,
}

/// A CHECK of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainCheck {
    /// The domain, qualified and quoted.
    pub domain: String,
    /// The constraint's name.
    pub name: String,
    /// The expression as SQL, in which `VALUE` stands for the value.
    pub expression: String,
}

/// When an identity gives a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Where INSERT says nothing else. COPY writes what it is given.
    Always,
    /// Where none is given.
    ByDefault,
}

/// What looks like a table and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRelation {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OtherKind,
    /// Its columns.
    pub columns: Vec<TargetColumn>,
}

/// What looks like a table and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum OtherKind {
    View,
    MaterializedView,
    ForeignTable,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ConstraintKind,
    /// Its table's schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its table is partitioned.
    pub partitioned: bool,
    /// The tables of the target's schema that its table is, or is a partition of.
    pub of: Vec<String>,
    /// Its columns, in order; of an expression, those in it.
    pub columns: Vec<String>,
    /// The primary key of its table.
    pub primary_key: Vec<String>,
    /// The schema of the table that a foreign key refers to.
    pub parent_schema: Option<String>,
    /// The table that a foreign key refers to.
    pub parent: Option<String>,
    /// The tables of the target's schema that the parent is, or is a partition of.
    pub parent_of: Vec<String>,
    /// The columns that a foreign key refers to.
    pub parent_columns: Vec<String>,
    /// By which a parent's column equals a child's, as SQL: parent left, child right.
    pub operators: Vec<String>,
    /// Every row is known to satisfy it.
    pub valid: bool,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub deferred: bool,
    /// ON UPDATE: `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default.
    pub on_update: char,
    /// ON DELETE, as `on_update`.
    pub on_delete: char,
    /// MATCH FULL.
    pub match_full: bool,
    /// It stems from the same constraint of the table that its own is a partition (or an heir) of, and goes and comes with that.
    pub inherited: bool,
    /// What follows its name in ALTER TABLE … ADD CONSTRAINT, every name qualified.
    pub definition: String,
    /// The comment on it.
    pub comment: Option<String>,
    /// We may take it off, and put it back.
    pub may_restore: bool,
}

/// What a constraint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum ConstraintKind {
    #[serde(rename = "p")]
    PrimaryKey,
    #[serde(rename = "u")]
    Unique,
    #[serde(rename = "c")]
    Check,
    #[serde(rename = "f")]
    ForeignKey,
    #[serde(rename = "x")]
    Exclusion,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TargetIndex {
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// UNIQUE.
    pub unique: bool,
    /// It is whole, and queries use it.
    pub valid: bool,
    /// A key or an exclusion constraint is made of it.
    pub of_constraint: bool,
    /// How it is organised: `btree`.
    pub method: String,
    /// Its terms in order, without those that are only included.
    pub terms: Vec<IndexTerm>,
    /// The WHERE clause's expression.
    pub predicate: Option<String>,
    /// The statement that makes it.
    pub definition: String,
}

/// One term of an index.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IndexTerm {
    /// The column; `None` where it is an expression.
    pub column: Option<String>,
    /// DESC.
    pub descending: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Its table's schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// The tables of the target's schema that its table is, or is a partition of.
    pub of: Vec<String>,
    /// When it fires: `O` in ordinary sessions, `A` always, `R` in replicas, `D` never.
    pub enabled: char,
    /// The statement that makes it.
    pub definition: String,
    /// We may switch it off, and on again.
    pub may_restore: bool,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it gives first.
    pub start: i64,
    /// The step; negative where it counts down.
    pub increment: i64,
    /// The least it gives.
    pub min: i64,
    /// The greatest it gives.
    pub max: i64,
    /// At its end it begins anew.
    pub cycle: bool,
    /// We may set it.
    pub may_set: bool,
    /// We may read it.
    pub may_read: bool,
    /// The columns that take values from it.
    pub users: Vec<SequenceUser>,
}

/// A column that takes values from a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SequenceUser {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The tables of the target's schema that the table is, or is a partition of.
    pub of: Vec<String>,
    /// It holds integers (or `numeric`), so that its greatest value says where the sequence has to be.
    pub number: bool,
    /// We may read it.
    pub may_read: bool,
}

impl TargetSchema {
    /// The table of exactly that name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TargetTable> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The foreign keys of a table and of its partitions, without those that partitions inherit.
    pub fn foreign_keys(&self, table: &str) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(move |constraint| {
            constraint.kind == ConstraintKind::ForeignKey
                && !constraint.inherited
                && constraint.of.iter().any(|name| name == table)
        })
    }

    /// The sequences that a column of a table, or of one of its partitions, takes values from.
    pub fn sequences_of(&self, table: &str, column: &str) -> impl Iterator<Item = &Sequence> {
        self.sequences.iter().filter(move |sequence| {
            sequence.users.iter().any(|user| user.column == column && user.of.iter().any(|name| name == table))
        })
    }

    /// Whether the foreign keys of a table and its triggers can be taken off for a copy and put back by us.
    #[must_use]
    pub fn may_set_aside(&self, table: &TargetTable) -> bool {
        self.server.may_create && table.owned
    }
}

impl TargetTable {
    /// The column of exactly that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&TargetColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Constraint {
    /// A constraint that the server never checks (`NOT ENFORCED`, from PostgreSQL 18 on).
    #[must_use]
    pub fn is_unenforced(&self) -> bool {
        self.definition.ends_with(" NOT ENFORCED")
    }

    /// The expression of a CHECK as SQL, without what follows it (`pg_get_constraintdef_worker` in
    /// src/backend/utils/adt/ruleutils.c).
    #[must_use]
    pub fn check_expression(&self) -> Option<&str> {
        let mut definition = self.definition.as_str();
        for suffix in [" NOT VALID", " NOT ENFORCED", " NO INHERIT"] {
            definition = definition.strip_suffix(suffix).unwrap_or(definition);
        }
        (self.kind == ConstraintKind::Check).then(|| definition.strip_prefix("CHECK (")?.strip_suffix(')'))?
    }
}
