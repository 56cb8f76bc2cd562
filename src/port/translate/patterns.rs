//! LIKE, GLOB and REGEXP.

use sqlite3_parser::ast::{Expr, LikeOperator};

use super::expr::Translator;
use super::typed::{Collation, Kind, Literal, Result, Typed};
use super::{Untranslatable, regexp};
use crate::Dialect;

pub(super) fn like(
    t: &mut Translator<'_>,
    value: &Expr<'_>,
    not: bool,
    operator: LikeOperator,
    pattern: &Expr<'_>,
    escape: Option<&Expr<'_>>,
) -> Result<Typed> {
    let (value, pattern) = (t.expr(value)?, t.expr(pattern)?);
    if value.kind == Kind::Null || pattern.kind == Kind::Null {
        return Ok(Typed::truth_value("NULL::boolean"));
    }
    // a collation that is not deterministic has no patterns
    let collated = value.collation.is_some_and(|collation| collation != Collation::Binary);
    let text = t.text_of(&value)?;
    let text = if collated { format!("{text} COLLATE \"C\"") } else { text };
    let literal = match &pattern.literal {
        Some(Literal::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let sql = match operator {
        LikeOperator::Like => {
            let escape = escape.map(|escape| t.expr(escape)).transpose()?;
            let escape = match escape.map(|escape| escape.literal) {
                None => None,
                Some(Some(Literal::Text(text))) if text.chars().count() == 1 && !text.starts_with(is_letter) => {
                    text.chars().next()
                }
                Some(_) => return Err(Untranslatable::new("LIKE with an ESCAPE that is no single sign")),
            };
            like_sql(t, &text, &pattern, literal.as_deref(), escape)?
        }
        LikeOperator::Glob => glob(&text, literal.as_deref())?,
        LikeOperator::Regexp => match literal {
            Some(pattern) => {
                let Some(regex) = regexp::translated(&pattern) else {
                    return Err(Untranslatable::new(format!("REGEXP '{pattern}'")));
                };
                t.assume(
                    "the application's own function behind REGEXP, of which SQLite has none, searches a text for the \
                     pattern with regard to case, by the usual meaning of its signs",
                );
                if regexp::has_classes(&pattern) {
                    t.assume("`\\d`, `\\w` and `\\s` in a pattern of REGEXP mean signs of ASCII alone");
                }
                let text = text.trim_end_matches(" COLLATE \"C\"");
                format!("({text} COLLATE \"C\" ~ {})", Dialect::Postgres.literal(&regex))
            }
            None => return Err(Untranslatable::new("REGEXP with a pattern that is no literal")),
        },
        LikeOperator::Match => return Err(Untranslatable::new("MATCH")),
    };
    Ok(Typed::truth_value(if not { format!("(NOT {sql})") } else { sql }))
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
}

/// SQLite's LIKE folds the case of ASCII letters and of no other.
fn like_sql(
    t: &mut Translator<'_>,
    text: &str,
    pattern: &Typed,
    literal: Option<&str>,
    escape: Option<char>,
) -> Result<String> {
    let sign = escape.map(String::from).unwrap_or_default();
    let sign = Dialect::Postgres.literal(&sign);
    let Some(literal) = literal else {
        let pattern = t.text_of(pattern)?;
        return Ok(format!("(lower({text} COLLATE \"C\") LIKE lower({pattern} COLLATE \"C\") ESCAPE {sign})"));
    };
    if escape.is_some_and(|escape| ends_in_escape(literal, escape)) {
        return Err(Untranslatable::new("LIKE with a pattern that ends in its escape"));
    }
    let folded = Dialect::Postgres.literal(&literal.to_ascii_lowercase());
    let folds = literal.chars().any(is_letter);
    let text = if folds {
        format!("lower({} COLLATE \"C\")", text.trim_end_matches(" COLLATE \"C\""))
    } else {
        text.to_owned()
    };
    Ok(format!("({text} LIKE {folded} ESCAPE {sign})"))
}

fn ends_in_escape(pattern: &str, escape: char) -> bool {
    let mut escaped = false;
    for c in pattern.chars() {
        escaped = c == escape && !escaped;
    }
    escaped
}

/// GLOB: `*` and `?` alone as LIKE, with sets as a regular expression.
fn glob(text: &str, literal: Option<&str>) -> Result<String> {
    let Some(pattern) = literal else { return Err(Untranslatable::new("GLOB with a pattern that is no literal")) };
    if !pattern.contains(['[', '%', '_']) {
        let like = pattern.replace('*', "%").replace('?', "_");
        return Ok(format!("({text} LIKE {} ESCAPE '')", Dialect::Postgres.literal(&like)));
    }
    let refuse = || Untranslatable::new(format!("GLOB '{pattern}'"));
    let mut regex = "^".to_owned();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                regex.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
                let mut members = Vec::new();
                // a bracket that comes first is a member
                if rest.next_if_eq(&']').is_some() {
                    members.push(']');
                }
                loop {
                    match rest.next() {
                        Some(']') => break,
                        Some(member) => members.push(member),
                        None => return Err(refuse()),
                    }
                }
                regex.push_str(&set(&members).ok_or_else(refuse)?);
                regex.push(']');
            }
            c if c.is_alphanumeric() || c == '_' || c == ' ' => regex.push(c),
            c if c.is_ascii_punctuation() => {
                regex.push('\\');
                regex.push(c);
            }
            _ => return Err(refuse()),
        }
    }
    regex.push('$');
    // `COLLATE "C"`, since what lies between two letters is a matter of the collation
    Ok(format!("({} COLLATE \"C\" ~ {})", text.trim_end_matches(" COLLATE \"C\""), Dialect::Postgres.literal(&regex)))
}

/// The members of a set, each as PostgreSQL writes it between brackets.
fn set(members: &[char]) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    let push = |out: &mut String, c: char| {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    };
    while at < members.len() {
        if members.get(at + 1) == Some(&'-') && at + 2 < members.len() {
            let (from, to) = (members[at], members[at + 2]);
            if from > to {
                return None;
            }
            push(&mut out, from);
            out.push('-');
            push(&mut out, to);
            at += 3;
        } else {
            push(&mut out, members[at]);
            at += 1;
        }
    }
    (!out.is_empty()).then_some(out)
}
