//! The PostgreSQL types that values are written to, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A type of a PostgreSQL column, as far as values can be moved into it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PgType {
    /// `boolean`.
    Bool,
    /// `smallint`.
    Int2,
    /// `integer`.
    Int4,
    /// `bigint`.
    Int8,
    /// `real`.
    Float4,
    /// `double precision`.
    Float8,
    /// `numeric`, with precision and scale or without.
    Numeric(Option<(u16, i16)>),
    /// `text`.
    Text,
    /// `character varying`, with a length in characters or without.
    Varchar(Option<u32>),
    /// `character(n)`.
    Char(u32),
    /// `citext`.
    Citext,
    /// `bytea`.
    Bytea,
    /// `date`.
    Date,
    /// `time without time zone`.
    Time,
    /// `timestamp without time zone`.
    Timestamp,
    /// `timestamp with time zone`.
    Timestamptz,
    /// `uuid`.
    Uuid,
    /// `json`.
    Json,
    /// `jsonb`.
    Jsonb,
    /// An enumeration.
    Enum {
        /// The type's name as it is to be written in SQL.
        name: String,
        /// Its labels.
        labels: Vec<String>,
    },
    /// An array of one dimension.
    Array(Box<PgType>),
    /// A domain over another type; its own constraints are the server's to check.
    Domain {
        /// The domain's name as it is to be written in SQL.
        name: String,
        /// What it is over.
        over: Box<PgType>,
    },
}

/// A name that is none of the types above.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no conversion to the type `{0}`")]
pub struct UnknownType(pub String);

impl fmt::Display for PgType {
    /// As it is written in SQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Numeric(None) => "numeric",
            Self::Numeric(Some((precision, scale))) => return write!(f, "numeric({precision},{scale})"),
            Self::Text => "text",
            Self::Varchar(None) => "character varying",
            Self::Varchar(Some(length)) => return write!(f, "character varying({length})"),
            Self::Char(length) => return write!(f, "character({length})"),
            Self::Citext => "citext",
            Self::Bytea => "bytea",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Enum { name, .. } | Self::Domain { name, .. } => name,
            Self::Array(element) => return write!(f, "{element}[]"),
        };
        f.write_str(name)
    }
}

impl FromStr for PgType {
    type Err = UnknownType;

    fn from_str(name: &str) -> Result<Self, UnknownType> {
        // FIXME helper: every spelling that PostgreSQL knows
        Err(UnknownType(name.to_owned()))
    }
}

impl Serialize for PgType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PgType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(de::Error::custom)
    }
}
