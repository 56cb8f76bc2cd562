//! Calls of SQLite's own functions.

use sqlite3_parser::ast::{Expr, FunctionTail};

use super::compare::{self, Comparison};
use super::expr::Translator;
use super::typed::{Collation, Kind, Literal, Result, Typed};
use super::{Untranslatable, json, parse, text, times};
use crate::value::PgType;

impl Translator<'_> {
    pub fn call(&mut self, expr: &Expr<'_>) -> Result<Typed> {
        match expr {
            Expr::FunctionCallStar { name, filter_over } => {
                let name = parse::name(name.0).to_ascii_lowercase();
                self.aggregate(&name, None, false, None, filter_over.as_ref())
            }
            Expr::FunctionCall { name, distinctness, args, order_by, filter_over } => {
                let name = parse::name(name.0).to_ascii_lowercase();
                let arguments = args.unwrap_or_default();
                let over = filter_over.as_ref().is_some_and(tail_says_something);
                if over || super::aggregate::is_aggregate(&name, arguments.len()) {
                    let distinct = matches!(distinctness, Some(sqlite3_parser::ast::Distinctness::Distinct));
                    return self.aggregate(&name, Some(arguments), distinct, order_by.as_ref(), filter_over.as_ref());
                }
                let mut typed = Vec::new();
                for argument in arguments {
                    typed.push(self.expr(argument)?);
                }
                self.function(&name, &typed).map_err(|error| {
                    Untranslatable::new(match error.construct.is_empty() {
                        true => format!("`{expr}`"),
                        false => error.construct,
                    })
                })
            }
            _ => Err(Untranslatable::new(format!("`{expr}`"))),
        }
    }

    fn function(&mut self, name: &str, arguments: &[Typed]) -> Result<Typed> {
        let unknown = || Err(Untranslatable::new(format!("the function `{name}`")));
        match (name, arguments) {
            ("length", [value]) => text::length(self, value),
            ("octet_length", [value]) => text::octet_length(self, value),
            ("lower" | "upper", [value]) => text::case(self, name, value),
            ("trim" | "ltrim" | "rtrim", [_] | [_, _]) => text::trim(self, name, arguments),
            ("replace", [_, _, _]) => text::replace(self, arguments),
            ("instr", [value, part]) => text::instr(self, value, part),
            ("substr" | "substring", [_, _] | [_, _, _]) => text::substr(self, arguments),
            ("hex", [value]) => text::hex(self, value),
            ("char", _) => text::char(arguments),
            ("unicode", [value]) => {
                let value = self.text_of(value)?;
                Ok(Typed::int4(format!("nullif(ascii({value}), 0)")))
            }
            ("printf" | "format", _) => text::printf(self, arguments),
            ("concat", [_, ..]) => {
                let mut texts = Vec::new();
                for argument in arguments {
                    texts.push(format!("coalesce({}, '')", self.text_of(argument)?));
                }
                Ok(Typed::text(format!("({})", texts.join(" || "))))
            }
            ("coalesce" | "ifnull", [_, _, ..]) => {
                let (values, like) = self.unify(arguments)?;
                Ok(Typed { sql: format!("coalesce({})", values.join(", ")), ..like })
            }
            ("iif" | "if", [condition, then, rest @ ..]) if rest.len() <= 1 => {
                let condition = condition.truth()?;
                let otherwise = rest.first().cloned().unwrap_or_else(Typed::null);
                let (values, like) = self.unify(&[then.clone(), otherwise])?;
                Ok(Typed { sql: format!("CASE WHEN {condition} THEN {} ELSE {} END", values[0], values[1]), ..like })
            }
            ("nullif", [value, other]) => {
                // no affinity is applied to a function's arguments
                let bare = |typed: &Typed| Typed { affinity: None, ..typed.clone() };
                let same = compare::compare(self, Comparison::Equals, &bare(value), &bare(other))?;
                let like = Typed { plain: false, not_null: false, literal: None, ..value.output() };
                Ok(Typed { sql: format!("CASE WHEN {same} THEN NULL ELSE {} END", like.sql), affinity: None, ..like })
            }
            ("max" | "min", [_, _, ..]) => self.extreme(name, arguments),
            ("abs", [value]) => {
                let value = value.number()?;
                Ok(match value.kind {
                    Kind::Int => Typed::int(format!("abs({})", value.wide())),
                    kind => Typed::new(format!("abs({})", value.sql), kind, value.pg.clone()),
                })
            }
            ("sign", [value]) => Ok(Typed::int4(format!("sign({})::integer", value.number()?.sql))),
            ("round", [value]) => round(value, None),
            ("round", [value, digits]) => round(value, Some(digits)),
            ("ceil" | "ceiling" | "floor" | "trunc", [value]) => {
                let value = value.number()?;
                match value.kind {
                    Kind::Int => Ok(value),
                    _ => Ok(Typed { sql: format!("{name}({})", value.sql), literal: None, ..value }),
                }
            }
            ("typeof", [value]) => type_of(value),
            ("likely" | "unlikely", [value]) | ("likelihood", [value, _]) => Ok(value.clone()),
            ("json_extract", [value, path]) => json::extract(value, path),
            ("json_array_length", [value]) => json::array_length(value, None),
            ("json_array_length", [value, path]) => json::array_length(value, Some(path)),
            // whatever such a column holds is JSON
            ("json_valid", [value]) if value.kind == Kind::Json => {
                Ok(Typed::truth_value(format!("(({} IS NOT NULL) OR NULL)", value.sql)))
            }
            ("json", [value]) if value.kind == Kind::Json => Ok(value.clone()),
            ("date" | "time" | "datetime" | "julianday" | "unixepoch" | "strftime", _) => {
                times::call(self, name, arguments)
            }
            ("random", []) => {
                self.immutable = false;
                // 64 bits, of which a version-4 UUID's first half has 60 by chance and the second has the rest
                Ok(Typed::int("('x' || substr(md5(gen_random_uuid()::text), 1, 16))::bit(64)::bigint"))
            }
            ("like", [pattern, value]) => {
                let (value, pattern) = (self.text_of(value)?, self.text_of(pattern)?);
                Ok(Typed::truth_value(format!(
                    "(lower({value} COLLATE \"C\") LIKE lower({pattern} COLLATE \"C\") ESCAPE '')"
                )))
            }
            _ => unknown(),
        }
    }

    /// `max(a, b, …)` and `min(a, b, …)`: NULL where any is NULL, unlike `greatest` and `least`.
    fn extreme(&mut self, name: &str, arguments: &[Typed]) -> Result<Typed> {
        let (values, like) = self.unify(arguments)?;
        let (function, values) = match like.kind {
            Kind::Int | Kind::Real | Kind::Number | Kind::Moment => (name, values),
            Kind::Text => {
                let collation = arguments.iter().find_map(|argument| argument.collation).unwrap_or(Collation::Binary);
                if collation != Collation::Binary {
                    return Err(Untranslatable::new(format!("`{name}` by another collation than BINARY")));
                }
                (name, values.into_iter().map(|value| format!("{value} COLLATE \"C\"")).collect())
            }
            _ => return Err(Untranslatable::new(format!("`{name}` of {}", arguments[0].shown()))),
        };
        let function = if function == "max" { "greatest" } else { "least" };
        let nulls: Vec<String> = arguments
            .iter()
            .zip(&values)
            .filter(|(argument, _)| argument.literal.is_none() && !argument.not_null)
            .map(|(_, value)| format!("{value} IS NULL"))
            .collect();
        let call = format!("{function}({})", values.join(", "));
        let sql =
            if nulls.is_empty() { call } else { format!("CASE WHEN {} THEN NULL ELSE {call} END", nulls.join(" OR ")) };
        Ok(Typed { sql, ..like })
    }
}

fn tail_says_something(tail: &FunctionTail<'_>) -> bool {
    tail.filter_clause.is_some() || tail.over_clause.is_some()
}

/// `round(value[, digits])`, which gives a REAL in SQLite and rounds halves away from zero.
fn round(value: &Typed, digits: Option<&Typed>) -> Result<Typed> {
    let value = value.number()?;
    let digits = match digits.map(|digits| &digits.literal) {
        None => 0,
        Some(Some(Literal::Int(digits @ 0..=15))) => *digits,
        Some(_) => return Err(Untranslatable::new("`round` to digits that are no literal")),
    };
    if value.kind == Kind::Int {
        return Ok(Typed::real(value.float()));
    }
    if digits > 0 {
        return Err(Untranslatable::new(
            "`round` of a fraction to digits (the databases round halves that binary fractions can't hold differently)",
        ));
    }
    let x = value.float();
    // beyond 2^52 there are no halves left, and adding one would move the number; adding 0 makes 0 of -0
    Ok(Typed::real(format!(
        "(CASE WHEN abs({x}) < 4503599627370496 THEN CASE WHEN {x} < 0 THEN ceil({x} - 0.5) ELSE floor({x} + 0.5) END \
         ELSE {x} END + 0)"
    )))
}

/// `typeof(value)`, where the type says it.
fn type_of(value: &Typed) -> Result<Typed> {
    let class = match value.kind {
        Kind::Null => return Ok(Typed::literal_text("null")),
        Kind::Int | Kind::Truth => "integer",
        Kind::Real => "real",
        Kind::Text | Kind::Moment | Kind::Uuid => "text",
        Kind::Json => "text",
        Kind::Bytes => "blob",
        _ => return Err(Untranslatable::new(format!("`typeof` of {} (it differs by row)", value.shown()))),
    };
    if value.not_null {
        return Ok(Typed::literal_text(class));
    }
    let sql = format!("CASE WHEN {} IS NULL THEN 'null' ELSE '{class}' END", value.sql);
    Ok(Typed { pg: PgType::Text, wordy: true, ..Typed::text(sql) })
}
