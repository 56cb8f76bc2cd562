//! What a schema is made of, and what each kind is called.

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words of SQL")]
pub enum ObjectKind {
    Table,
    Column,
    Default,
    PrimaryKey,
    Unique,
    Check,
    ForeignKey,
    Index,
    View,
    Trigger,
    Sequence,
    Collation,
    Extension,
}

impl ObjectKind {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Default => "default",
            Self::PrimaryKey => "primary key",
            Self::Unique => "unique constraint",
            Self::Check => "check constraint",
            Self::ForeignKey => "foreign key",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
            Self::Sequence => "sequence",
            Self::Collation => "collation",
            Self::Extension => "extension",
        }
    }
}
