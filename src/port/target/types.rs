//! From the catalog's types to those that we have a conversion for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::qualified;
use super::schema::DomainCheck;
use crate::value::PgType;

/// A row of `pg_type`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TypeRow {
    pub oid: u32,
    pub schema: String,
    pub name: String,
    /// `b` base, `e` enumeration, `d` domain, …
    pub kind: char,
    /// What it is an array of.
    pub element: Option<u32>,
    /// What it is a domain over.
    pub base: Option<u32>,
    pub typmod: i32,
    pub not_null: bool,
    pub expression: Option<String>,
    /// What a domain checks.
    pub checks: Option<Vec<CheckRow>>,
    pub labels: Option<Vec<String>>,
}

/// A CHECK of a domain.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRow {
    pub name: String,
    pub expression: String,
}

/// The types of a schema's columns, by oid.
pub(super) struct Types(BTreeMap<u32, TypeRow>);

/// What is known of a column's type.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolved {
    pub pg_type: Option<PgType>,
    pub fraction_digits: Option<u8>,
    /// A domain forbids NULL.
    pub not_null: bool,
    /// A domain's default.
    pub default: Option<String>,
    /// What a domain checks, and what those check that it is over.
    pub checks: Vec<DomainCheck>,
}

impl Types {
    pub(super) fn new(rows: Vec<TypeRow>) -> Self {
        Self(rows.into_iter().map(|row| (row.oid, row)).collect())
    }

    /// The type `oid` with a column's modifier (−1 for none).
    pub(super) fn resolve(&self, oid: u32, typmod: i32) -> Resolved {
        let Some(row) = self.0.get(&oid) else { return Resolved::default() };
        if let Some(base) = row.base {
            let over = self.resolve(base, row.typmod);
            let domain = qualified(&row.schema, &row.name);
            let own = row.checks.iter().flatten().map(|check| DomainCheck {
                domain: domain.clone(),
                name: check.name.clone(),
                expression: check.expression.clone(),
            });
            return Resolved {
                checks: over.checks.into_iter().chain(own).collect(),
                pg_type: over.pg_type.map(|over| PgType::Domain { name: domain, over: Box::new(over) }),
                not_null: row.not_null || over.not_null,
                // a domain over a domain shows the inner one's default as its own
                default: row.expression.clone(),
                fraction_digits: over.fraction_digits,
            };
        }
        if let Some(element) = row.element {
            let of = self.resolve(element, typmod);
            // the wire format of an array names its element type by an oid; only those of built-in types are the same
            // in every database
            let built_in = element < FIRST_OID_OF_USERS;
            let pg_type = of.pg_type.filter(|_| built_in).map(|of| PgType::Array(Box::new(of)));
            return Resolved { pg_type, fraction_digits: of.fraction_digits, ..Resolved::default() };
        }
        let pg_type = match (row.kind, &row.labels) {
            ('e', labels) => Some(PgType::Enum {
                name: qualified(&row.schema, &row.name),
                labels: labels.clone().unwrap_or_default(),
            }),
            ('b', _) if row.name == "citext" && oid >= FIRST_OID_OF_USERS => Some(PgType::Citext),
            ('b', _) => built_in(oid, typmod),
            _ => None,
        };
        Resolved { pg_type, fraction_digits: fraction_digits(oid, typmod), ..Resolved::default() }
    }
}

/// Oids below are given by hand, the same in every database (`FirstGenbkiObjectId` in access/transam.h).
const FIRST_OID_OF_USERS: u32 = 10_000;

/// The oids are those of src/include/catalog/pg_type.dat, which never change.
fn built_in(oid: u32, typmod: i32) -> Option<PgType> {
    Some(match oid {
        16 => PgType::Bool,
        17 => PgType::Bytea,
        20 => PgType::Int8,
        21 => PgType::Int2,
        23 => PgType::Int4,
        25 => PgType::Text,
        114 => PgType::Json,
        700 => PgType::Float4,
        701 => PgType::Float8,
        // without a length it keeps trailing blanks in a way of its own
        1042 => PgType::Char(length(typmod)?),
        1043 => PgType::Varchar(length(typmod)),
        1082 => PgType::Date,
        1083 => PgType::Time,
        1114 => PgType::Timestamp,
        1184 => PgType::Timestamptz,
        1700 => PgType::Numeric(precision_and_scale(typmod)),
        2950 => PgType::Uuid,
        3802 => PgType::Jsonb,
        _ => return None,
    })
}

/// Modifiers of variable-length types count the four bytes of a length word (`VARHDRSZ`).
fn length(typmod: i32) -> Option<u32> {
    u32::try_from(typmod.checked_sub(4)?).ok()
}

/// As `numeric_typmod_precision` and `numeric_typmod_scale` in src/backend/utils/adt/numeric.c: the precision in the
/// upper half, the scale in 11 bits with a sign.
fn precision_and_scale(typmod: i32) -> Option<(u16, i16)> {
    let bits = length(typmod)?;
    let precision = u16::try_from(bits >> 16).ok()?;
    let scale = i16::try_from((bits & 0x7ff) ^ 1024).ok()? - 1024;
    Some((precision, scale))
}

fn fraction_digits(oid: u32, typmod: i32) -> Option<u8> {
    let of_time = [1083, 1114, 1184].contains(&oid);
    u8::try_from(typmod).ok().filter(|digits| of_time && *digits < 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(oid: u32, name: &str, kind: char) -> TypeRow {
        TypeRow {
            oid,
            schema: if oid < FIRST_OID_OF_USERS { "pg_catalog" } else { "My app" }.to_owned(),
            name: name.to_owned(),
            kind,
            element: None,
            base: None,
            typmod: -1,
            not_null: false,
            expression: None,
            checks: None,
            labels: None,
        }
    }

    #[test]
    fn modifiers_are_read() {
        assert_eq!(built_in(1700, -1), Some(PgType::Numeric(None)));
        assert_eq!(built_in(1700, 327_686), Some(PgType::Numeric(Some((5, 2)))));
        // numeric(3,-2): ((3 << 16) | (-2 & 0x7ff)) + 4
        assert_eq!(built_in(1700, ((3 << 16) | 2046) + 4), Some(PgType::Numeric(Some((3, -2)))));
        assert_eq!(built_in(1042, 7), Some(PgType::Char(3)));
        assert_eq!(built_in(1042, -1), None);
        assert_eq!(built_in(1043, -1), Some(PgType::Varchar(None)));
        assert_eq!(fraction_digits(1114, 3), Some(3));
        assert_eq!(fraction_digits(1114, 6), None);
        assert_eq!(fraction_digits(1114, -1), None);
        assert_eq!(fraction_digits(23, 3), None);
    }

    #[test]
    fn a_domain_is_what_it_is_over_and_forbids_what_any_of_them_forbids() {
        let mut inner = row(20_001, "positive", 'd');
        (inner.base, inner.not_null) = (Some(23), true);
        let check = |name: &str| Some(vec![CheckRow { name: name.to_owned(), expression: "(VALUE > 0)".to_owned() }]);
        inner.checks = check("above");
        let mut outer = row(20_002, "small \"one\"", 'd');
        (outer.base, outer.expression) = (Some(20_001), Some("5".to_owned()));
        outer.checks = check("below");
        let types = Types::new(vec![row(23, "int4", 'b'), inner, outer]);
        let resolved = types.resolve(20_002, -1);
        assert!(resolved.not_null);
        let checks: Vec<_> = resolved.checks.iter().map(|check| (check.domain.as_str(), check.name.as_str())).collect();
        assert_eq!(checks, [("\"My app\".\"positive\"", "above"), ("\"My app\".\"small \"\"one\"\"\"", "below")]);
        assert_eq!(resolved.default.as_deref(), Some("5"));
        let over = PgType::Domain { name: "\"My app\".\"positive\"".to_owned(), over: Box::new(PgType::Int4) };
        assert_eq!(
            resolved.pg_type,
            Some(PgType::Domain { name: "\"My app\".\"small \"\"one\"\"\"".to_owned(), over: Box::new(over) })
        );
    }

    #[test]
    fn arrays_of_built_in_types_alone_have_a_conversion() {
        let mut numbers = row(1007, "_int4", 'b');
        numbers.element = Some(23);
        let mut moods = row(20_004, "_mood", 'b');
        moods.element = Some(20_003);
        let types = Types::new(vec![row(23, "int4", 'b'), numbers, row(20_003, "mood", 'e'), moods]);
        assert_eq!(types.resolve(1007, -1).pg_type, Some(PgType::Array(Box::new(PgType::Int4))));
        assert_eq!(types.resolve(20_004, -1).pg_type, None);
        assert!(matches!(types.resolve(20_003, -1).pg_type, Some(PgType::Enum { .. })));
    }
}
