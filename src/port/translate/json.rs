//! Parts of JSON documents: `json_extract`, `->`, `->>` and their kin.

use sqlite3_parser::ast::{Expr, Operator};

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Kind, Literal, Result, Typed};
use crate::Dialect;
use crate::value::PgType;

/// What the text of a document's part takes for granted.
pub(super) const ASSUMPTION: &str = "what is taken from JSON as text is a text, an integer or a boolean there; \
     fractions, objects and arrays are spelled differently by PostgreSQL";

/// A part without JSON's own null, which SQLite gives as NULL.
pub(super) fn without_null(part: &str) -> String {
    format!("nullif({part}, 'null'::jsonb)")
}

/// The text that SQLite gives for a part that is no fraction, object or array.
pub(super) fn scalar_text(part: &str) -> String {
    format!("CASE {part} WHEN 'true'::jsonb THEN '1' WHEN 'false'::jsonb THEN '0' ELSE {part} #>> '{{}}' END")
}

/// A part and a literal, so that `=` compares them as SQLite does.
pub(super) fn operands(part: &Typed, literal: &Typed) -> Option<(String, String)> {
    let json = match literal.literal.as_ref()? {
        // true and false are 1 and 0 in SQLite, so these have two forms in JSON
        Literal::Int(0 | 1) | Literal::Real(_) | Literal::Blob => return None,
        Literal::Int(number) => number.to_string(),
        Literal::Text(text) => serde_json::to_string(text).ok()?,
    };
    Some((without_null(&part.sql), format!("{}::jsonb", Dialect::Postgres.literal(&json))))
}

/// A document as `jsonb`.
fn document(value: &Typed) -> Result<String> {
    match value.kind {
        Kind::Json if value.pg == PgType::Jsonb => Ok(value.sql.clone()),
        Kind::Json | Kind::Text => Ok(format!("{}::jsonb", value.sql)),
        Kind::Extracted => Ok(value.sql.clone()),
        _ => Err(Untranslatable::new(format!("{} as a JSON document", value.shown()))),
    }
}

/// The steps of a path: `$.a."b c"[0]`.
fn steps(path: &str) -> Option<String> {
    let mut rest = path.strip_prefix('$')?;
    let mut out = String::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            let index: u32 = index.parse().ok()?;
            out.push_str(&format!(" -> {index}"));
            rest = after;
        } else if let Some(after) = rest.strip_prefix(".\"") {
            let (key, after) = after.split_once('"')?;
            if key.contains('\\') {
                return None;
            }
            out.push_str(&format!(" -> {}", Dialect::Postgres.literal(key)));
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 || after[..end].contains(['"', '\\']) {
                return None;
            }
            out.push_str(&format!(" -> {}", Dialect::Postgres.literal(&after[..end])));
            rest = &after[end..];
        }
    }
    Some(out)
}

/// The part of a document at a path, as `json_extract` gives it.
pub(super) fn extract(value: &Typed, path: &Typed) -> Result<Typed> {
    let refuse = || Untranslatable::new("`json_extract` with a path that is no plain literal");
    let Some(Literal::Text(path)) = &path.literal else { return Err(refuse()) };
    let steps = steps(path).ok_or_else(refuse)?;
    Ok(Typed::new(format!("({}{steps})", document(value)?), Kind::Extracted, PgType::Jsonb))
}

/// `left -> right` and `left ->> right`.
pub(super) fn arrow(t: &mut Translator<'_>, left: &Expr<'_>, operator: Operator, right: &Expr<'_>) -> Result<Typed> {
    let (document_of, step) = (t.expr(left)?, t.expr(right)?);
    let part = match &step.literal {
        Some(Literal::Text(path)) if path.starts_with('$') => extract(&document_of, &step)?,
        Some(Literal::Text(key)) if !key.starts_with('[') => Typed::new(
            format!("({} -> {})", document(&document_of)?, Dialect::Postgres.literal(key)),
            Kind::Extracted,
            PgType::Jsonb,
        ),
        Some(Literal::Int(index @ 0..=i64::MAX)) => {
            Typed::new(format!("({} -> {index})", document(&document_of)?), Kind::Extracted, PgType::Jsonb)
        }
        _ => return Err(Untranslatable::new("`->` with a path that is no plain literal")),
    };
    if operator == Operator::ArrowRight {
        // the text of a part, quotes and all, spelled as SQLite spells it: good for a further step alone
        return Ok(Typed { reals: true, ..part });
    }
    Ok(part)
}

/// `json_array_length(document[, path])`.
pub(super) fn array_length(value: &Typed, path: Option<&Typed>) -> Result<Typed> {
    let part = match path {
        Some(path) => extract(value, path)?.sql,
        None => document(value)?,
    };
    Ok(Typed::int4(format!(
        "CASE WHEN {part} IS NOT NULL THEN CASE jsonb_typeof({part}) WHEN 'array' THEN jsonb_array_length({part}) \
         ELSE 0 END END"
    )))
}
