//! The PostgreSQL types that values are written to, and their names.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::{self, SerializeMap as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::type_name;

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

    /// Reads a type's name in any spelling that PostgreSQL takes for it. Enumerations and domains can't be told by
    /// their name alone.
    fn from_str(name: &str) -> Result<Self, UnknownType> {
        type_name::read(name).ok_or_else(|| UnknownType(name.to_owned()))
    }
}

impl PgType {
    /// The type whose values are stored: what a domain is over, however deep; else the type itself.
    #[must_use]
    pub fn base(&self) -> &Self {
        match self {
            Self::Domain { over, .. } => over.base(),
            other => other,
        }
    }

    /// Whether the SQL name says everything there is to know.
    fn is_named(&self) -> bool {
        match self {
            Self::Enum { .. } | Self::Domain { .. } => false,
            Self::Array(element) => element.is_named(),
            _ => true,
        }
    }
}

impl Serialize for PgType {
    /// As its SQL name; an enumeration as `{name, labels}`, a domain as `{name, over}`, an array of either as
    /// `{array}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_named() {
            return serializer.collect_str(self);
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Enum { name, labels } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("labels", labels)?;
            }
            Self::Domain { name, over } => {
                map.serialize_entry("name", name)?;
                map.serialize_entry("over", over)?;
            }
            Self::Array(element) => map.serialize_entry("array", element)?,
            named => return Err(ser::Error::custom(format_args!("`{named}` is written by its name"))),
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PgType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrMap)
    }
}

struct NameOrMap;

impl<'de> Visitor<'de> for NameOrMap {
    type Value = PgType;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a PostgreSQL type, or a map with `name` and `labels`, `name` and `over`, or `array`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<PgType, E> {
        name.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PgType, A::Error> {
        let (mut name, mut labels, mut over, mut array) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => name = Some(map.next_value::<String>()?),
                "labels" => labels = Some(map.next_value::<Vec<String>>()?),
                "over" => over = Some(map.next_value::<Box<PgType>>()?),
                "array" => array = Some(map.next_value::<Box<PgType>>()?),
                other => return Err(de::Error::unknown_field(other, &["name", "labels", "over", "array"])),
            }
        }
        match (name, labels, over, array) {
            (Some(name), Some(labels), None, None) => Ok(PgType::Enum { name, labels }),
            (Some(name), None, Some(over), None) => Ok(PgType::Domain { name, over }),
            (None, None, None, Some(element)) => Ok(PgType::Array(element)),
            _ => Err(de::Error::custom("a type is a name, or `name` with `labels`, `name` with `over`, or `array`")),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain() -> impl Strategy<Value = PgType> {
        prop_oneof![
            Just(PgType::Bool),
            Just(PgType::Int2),
            Just(PgType::Int4),
            Just(PgType::Int8),
            Just(PgType::Float4),
            Just(PgType::Float8),
            Just(PgType::Numeric(None)),
            (1u16..=1000, -1000i16..=1000).prop_map(|typmod| PgType::Numeric(Some(typmod))),
            Just(PgType::Text),
            Just(PgType::Varchar(None)),
            (1u32..=10_485_760).prop_map(|length| PgType::Varchar(Some(length))),
            (1u32..=10_485_760).prop_map(PgType::Char),
            Just(PgType::Citext),
            Just(PgType::Bytea),
            Just(PgType::Date),
            Just(PgType::Time),
            Just(PgType::Timestamp),
            Just(PgType::Timestamptz),
            Just(PgType::Uuid),
            Just(PgType::Json),
            Just(PgType::Jsonb),
        ]
    }

    fn any() -> impl Strategy<Value = PgType> {
        let word = || prop_oneof!["\\PC{0,8}", Just("yes".to_owned()), Just("1".to_owned()), Just("~ #:".to_owned())];
        let single = prop_oneof![
            3 => plain(),
            1 => (word(), prop::collection::vec(word(), 0..4)).prop_map(|(name, labels)| PgType::Enum { name, labels }),
        ];
        let single = prop_oneof![
            3 => single.clone(),
            1 => (word(), single).prop_map(|(name, over)| PgType::Domain { name, over: Box::new(over) }),
        ];
        prop_oneof![3 => single.clone(), 1 => single.prop_map(|element| PgType::Array(Box::new(element)))]
    }

    proptest! {
        #[test]
        fn a_type_comes_back_from_yaml_and_json(of in any()) {
            let yaml = serde_saphyr::to_string(&of).unwrap();
            prop_assert_eq!(&serde_saphyr::from_str::<PgType>(&yaml).unwrap(), &of, "{}", yaml);
            let json = serde_json::to_string(&of).unwrap();
            prop_assert_eq!(&serde_json::from_str::<PgType>(&json).unwrap(), &of, "{}", json);
        }

        #[test]
        fn a_plain_type_comes_back_from_its_name(of in plain()) {
            prop_assert_eq!(&of.to_string().parse::<PgType>().unwrap(), &of);
            let array = PgType::Array(Box::new(of));
            prop_assert_eq!(&array.to_string().parse::<PgType>().unwrap(), &array);
        }
    }

    #[test]
    fn documents_read_as_people_write_them() {
        let of: PgType = serde_saphyr::from_str("{name: mood, labels: [sad, 'no']}").unwrap();
        assert_eq!(of, PgType::Enum { name: "mood".into(), labels: vec!["sad".into(), "no".into()] });
        assert_eq!(serde_saphyr::from_str::<PgType>("timestamp with time zone").unwrap(), PgType::Timestamptz);
        assert!(serde_saphyr::from_str::<PgType>("{name: mood}").is_err());
        assert!(serde_saphyr::from_str::<PgType>("{name: mood, label: [a]}").is_err());
    }
}
