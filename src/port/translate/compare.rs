//! Comparisons by SQLite's rules: affinity brings literals to the column's class, collation says which texts are equal.

use super::expr::Translator;
use super::typed::{Collation, Kind, Literal, Result, Typed};
use super::{Untranslatable, json, numbers};
use crate::Dialect;
use crate::schema::Affinity;
use crate::value::PgType;

/// An operator that compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    NotEquals,
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
    Is,
    IsNot,
}

impl Comparison {
    fn sql(self) -> &'static str {
        match self {
            Self::Equals => "=",
            Self::NotEquals => "<>",
            Self::Less => "<",
            Self::LessEquals => "<=",
            Self::Greater => ">",
            Self::GreaterEquals => ">=",
            Self::Is => "IS NOT DISTINCT FROM",
            Self::IsNot => "IS DISTINCT FROM",
        }
    }

    fn orders(self) -> bool {
        matches!(self, Self::Less | Self::LessEquals | Self::Greater | Self::GreaterEquals)
    }
}

/// `left comparison right` as a condition.
pub(super) fn compare(t: &mut Translator<'_>, by: Comparison, left: &Typed, right: &Typed) -> Result<String> {
    if let Some(sql) = with_null(by, left, right).or_else(|| with_null(by, right, left)) {
        return Ok(sql);
    }
    let (left, right) = (with_affinity_of(left, right)?, with_affinity_of(right, left)?);
    let (left, right) = (&left, &right);
    if let Some(sql) = truths(by, left, right).or_else(|| worded(by, left, right)) {
        return Ok(sql);
    }
    let (a, b) = operands(t, by, left, right)?;
    Ok(format!("({a} {} {b})", by.sql()))
}

/// `value IN (items)` as a condition.
pub(super) fn in_items(t: &mut Translator<'_>, value: &Typed, items: &[Typed]) -> Result<String> {
    let mut pairs = Vec::new();
    for item in items {
        if item.kind == Kind::Null {
            pairs.push((None, "NULL".to_owned()));
            continue;
        }
        let item = with_affinity_of(item, value)?;
        let (a, b) = match item.literal {
            Some(Literal::Int(number @ (0 | 1))) if value.kind == Kind::Truth => {
                (value.sql.clone(), (number == 1).to_string())
            }
            _ if truth_of(value, &item).is_some() => {
                (value.sql.clone(), (truth_of(value, &item) == Some(true)).to_string())
            }
            _ => operands(t, Comparison::Equals, value, &item)?,
        };
        pairs.push((Some(a), b));
    }
    // one list where all are compared in the same form, else one comparison after the other
    let first = pairs.iter().find_map(|(left, _)| left.clone()).unwrap_or_else(|| value.sql.clone());
    if pairs.iter().all(|(left, _)| left.as_ref().is_none_or(|left| *left == first)) {
        let list: Vec<&str> = pairs.iter().map(|(_, right)| right.as_str()).collect();
        return Ok(format!("({first} IN ({}))", list.join(", ")));
    }
    let parts: Vec<String> =
        pairs.iter().map(|(left, right)| format!("({} = {right})", left.as_ref().unwrap_or(&first))).collect();
    Ok(format!("({})", parts.join(" OR ")))
}

fn with_null(by: Comparison, null: &Typed, other: &Typed) -> Option<String> {
    if null.kind != Kind::Null {
        return None;
    }
    let sql = if other.kind == Kind::Extracted { json::without_null(&other.sql) } else { other.sql.clone() };
    Some(match by {
        Comparison::Is => format!("({sql} IS NULL)"),
        Comparison::IsNot => format!("({sql} IS NOT NULL)"),
        _ => "NULL::boolean".to_owned(),
    })
}

/// `typed` after the affinity that the other side applies to it, as far as it is a literal.
fn with_affinity_of(typed: &Typed, other: &Typed) -> Result<Typed> {
    let numeric = other.numeric_affinity() && !typed.numeric_affinity();
    match &typed.literal {
        Some(Literal::Text(text)) if numeric => Ok(match numbers::from_text(text) {
            Some(number) => number,
            // it stays text, and so is never equal to a number and always after it
            None => Typed { wordy: true, ..typed.clone() },
        }),
        Some(Literal::Int(_) | Literal::Real(_))
            if other.affinity == Some(Affinity::Text) && typed.affinity.is_none() =>
        {
            let (sql, _) = typed.as_text()?;
            let text = sql.trim_matches('\'').to_owned();
            Ok(Typed::literal_text(&text))
        }
        _ => Ok(typed.clone()),
    }
}

/// Truths with each other and with 0 and 1.
fn truths(by: Comparison, left: &Typed, right: &Typed) -> Option<String> {
    if left.kind != Kind::Truth && right.kind == Kind::Truth && !by.orders() {
        return truths(by, right, left);
    }
    if left.kind != Kind::Truth || by.orders() {
        return None;
    }
    match (&right.literal, by) {
        (Some(Literal::Int(number @ (0 | 1))), _) => {
            let same = (*number == 1) == matches!(by, Comparison::Equals | Comparison::Is);
            Some(match by {
                Comparison::Is | Comparison::IsNot => {
                    let not = if by == Comparison::IsNot { "NOT " } else { "" };
                    format!("({} IS {not}{})", left.sql, if *number == 1 { "TRUE" } else { "FALSE" })
                }
                _ if same => left.sql.clone(),
                _ => format!("(NOT {})", left.sql),
            })
        }
        _ if right.kind == Kind::Truth => Some(format!("({} {} {})", left.sql, by.sql(), right.sql)),
        _ => None,
    }
}

/// The truth that a text stands for in a column of such texts.
fn truth_of(column: &Typed, text: &Typed) -> Option<bool> {
    let (yes, no) = column.words()?;
    match &text.literal {
        Some(Literal::Text(text)) if text == yes => Some(true),
        Some(Literal::Text(text)) if text == no => Some(false),
        _ => None,
    }
}

/// Truths that are texts in SQLite, with each other and with these texts.
fn worded(by: Comparison, left: &Typed, right: &Typed) -> Option<String> {
    if by.orders() {
        return None;
    }
    match (truth_of(left, right), truth_of(right, left)) {
        (Some(truth), _) => truths(by, &Typed::truth_value(left.sql.clone()), &Typed::literal_int(truth.into())),
        (_, Some(truth)) => truths(by, &Typed::truth_value(right.sql.clone()), &Typed::literal_int(truth.into())),
        _ => {
            let alike = left.words().is_some() && left.words() == right.words();
            alike.then(|| format!("({} {} {})", left.sql, by.sql(), right.sql))
        }
    }
}

/// The two operands in a form that PostgreSQL's operator compares as SQLite's does.
fn operands(t: &mut Translator<'_>, by: Comparison, left: &Typed, right: &Typed) -> Result<(String, String)> {
    use Kind::{Bytes, Extracted, Int, Mixed, Moment, Number, Real, Text, Truth, Uuid};
    let numbers = |kind| matches!(kind, Int | Real | Number | Truth);
    let refuse = || {
        Err(Untranslatable::new(format!(
            "comparing {} with {} (SQLite orders numbers before texts; PostgreSQL refuses)",
            left.shown(),
            right.shown()
        )))
    };
    match (left.kind, right.kind) {
        (a, b) if numbers(a) && numbers(b) => Ok((left.number()?.sql, right.number()?.sql)),
        (Bytes, Bytes) => Ok((left.sql.clone(), right.sql.clone())),
        (Mixed, Mixed | Int | Text) | (Int | Text, Mixed) => mixed(by, left, right),
        (Extracted, _) if right.literal.is_some() && !by.orders() => {
            json::operands(left, right).map_or_else(refuse, Ok)
        }
        (_, Extracted) if left.literal.is_some() && !by.orders() => {
            json::operands(right, left).map_or_else(refuse, |(a, b)| Ok((b, a)))
        }
        (Moment, Moment) if left.spelling.is_some() && left.spelling == right.spelling && left.pg == right.pg => {
            Ok((left.sql.clone(), right.sql.clone()))
        }
        (Moment | Uuid | Text | Kind::Json, Moment | Uuid | Text | Kind::Json) => {
            if let Some(pair) = typed_literal(left, right) {
                return Ok(pair);
            }
            if let Some((b, a)) = typed_literal(right, left) {
                return Ok((a, b));
            }
            // a text that might look like a number becomes one beside a column of numeric affinity
            let unsure = |a: &Typed, b: &Typed| a.numeric_affinity() && !b.numeric_affinity() && !b.wordy;
            if unsure(left, right) || unsure(right, left) {
                return refuse();
            }
            texts(t, by, left, right)
        }
        _ => refuse(),
    }
}

/// Two texts, by the collation that SQLite takes: one asked for, the left column's, the right one's.
fn texts(t: &mut Translator<'_>, by: Comparison, left: &Typed, right: &Typed) -> Result<(String, String)> {
    let explicit = [left, right].into_iter().find(|side| side.explicit);
    let collation = explicit.and_then(|side| side.collation).or(left.collation).or(right.collation);
    let (a, b) = (t.text_of(left)?, t.text_of(right)?);
    collate(by.orders(), collation.unwrap_or(Collation::Binary), &a)
        .and_then(|a| Ok((a, collate(by.orders(), collation.unwrap_or(Collation::Binary), &b)?)))
}

/// A text so that PostgreSQL compares it as the collation says.
pub(super) fn collate(ordered: bool, collation: Collation, sql: &str) -> Result<String> {
    match collation {
        // equality is by bytes under every deterministic collation; order is so under "C" alone
        Collation::Binary if ordered => Ok(format!("{sql} COLLATE \"C\"")),
        Collation::Binary => Ok(sql.to_owned()),
        Collation::Nocase => Ok(format!("lower({sql} COLLATE \"C\")")),
        Collation::Rtrim => Ok(format!("rtrim({sql}, ' ') COLLATE \"C\"")),
        Collation::Foreign => Err(Untranslatable::new("a collation of the application's own")),
    }
}

/// A literal that is exactly how the column spells its values can be compared as a value.
fn typed_literal(column: &Typed, literal: &Typed) -> Option<(String, String)> {
    let (Some(spelling), Some(Literal::Text(text))) = (&column.spelling, &literal.literal) else { return None };
    let fits = match column.kind {
        Kind::Uuid => is_uuid(text),
        Kind::Moment if column.pg != PgType::Timestamptz => super::times::fits(spelling, text),
        _ => false,
    };
    fits.then(|| (column.sql.clone(), format!("{}::{}", Dialect::Postgres.literal(text), column.pg)))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
        })
}

/// Numbers and texts in one column, all text in PostgreSQL: only equality can be told, and only by the same affinity.
fn mixed(by: Comparison, left: &Typed, right: &Typed) -> Result<(String, String)> {
    let refuse =
        |why: &str| Err(Untranslatable::new(format!("comparing {} with {} ({why})", left.shown(), right.shown())));
    if by.orders() {
        return refuse("it holds numbers and texts, whose order PostgreSQL does not have");
    }
    let side = |typed: &Typed, other: &Typed| -> Option<String> {
        match (&typed.kind, &typed.literal) {
            (Kind::Mixed, _) => Some(typed.sql.clone()),
            (Kind::Int, Some(Literal::Int(number))) if other.numeric_affinity() => Some(format!("'{number}'")),
            (Kind::Text, Some(Literal::Text(_))) if other.numeric_affinity() && typed.wordy => Some(typed.sql.clone()),
            _ => None,
        }
    };
    let affinities =
        left.numeric_affinity() == right.numeric_affinity() || left.literal.is_some() || right.literal.is_some();
    match (side(left, right), side(right, left)) {
        // without an affinity 5 and '5' are two values in SQLite, and one in PostgreSQL
        (Some(a), Some(b)) if affinities && (left.numeric_affinity() || right.numeric_affinity()) => Ok((a, b)),
        _ => refuse("it holds numbers and texts, which are one in PostgreSQL"),
    }
}
