//! Aggregates and window functions.

use sqlite3_parser::ast::{Expr, FunctionCallOrder, FunctionTail};

use super::Untranslatable;
use super::expr::Translator;
use super::typed::{Collation, Kind, Result, Typed};
use crate::value::PgType;

/// What a sum of fractions takes for granted.
pub(super) const FLOATS: &str = "sums of fractions are added up in another order and with other rounding, so that their \
     last digit may differ";
/// What joined texts take for granted.
pub(super) const ORDER: &str = "texts are joined in no certain order, in SQLite as in PostgreSQL";

/// Whether a call of that many arguments is an aggregate or a window function.
pub(super) fn is_aggregate(name: &str, arguments: usize) -> bool {
    match name {
        "max" | "min" => arguments == 1,
        "count" | "sum" | "avg" | "total" | "group_concat" | "string_agg" | "row_number" | "rank" | "dense_rank"
        | "percent_rank" | "cume_dist" | "ntile" | "lag" | "lead" | "first_value" | "last_value" | "nth_value" => true,
        _ => false,
    }
}

impl Translator<'_> {
    /// A call of an aggregate; `None` for `*` as its argument.
    pub fn aggregate(
        &mut self,
        name: &str,
        arguments: Option<&[Expr<'_>]>,
        distinct: bool,
        order: Option<&FunctionCallOrder<'_>>,
        tail: Option<&FunctionTail<'_>>,
    ) -> Result<Typed> {
        let windowed = tail.is_some_and(|tail| tail.over_clause.is_some());
        if !self.aggregates {
            return Err(Untranslatable::new(format!("the aggregate `{name}` here")));
        }
        let loose = self.frames.last().map_or(0, |frame| frame.loose.len());
        let mut typed = Vec::new();
        for argument in arguments.unwrap_or_default() {
            typed.push(self.expr(argument)?);
        }
        let order = match order {
            Some(FunctionCallOrder::SortList(terms)) => format!(" ORDER BY {}", self.sorted(terms)?),
            _ => String::new(),
        };
        let filter = match tail.and_then(|tail| tail.filter_clause) {
            Some(condition) => format!(" FILTER (WHERE {})", self.expr(condition)?.truth()?),
            None => String::new(),
        };
        if !windowed && let Some(frame) = self.frames.last_mut() {
            frame.loose.truncate(loose);
        }
        let over = match tail.and_then(|tail| tail.over_clause) {
            Some(over) => format!(" OVER {}", self.over(over)?),
            None => String::new(),
        };
        let word = if distinct { "DISTINCT " } else { "" };
        if distinct && typed.first().is_some_and(|value| value.collation.is_some_and(|by| by != Collation::Binary)) {
            return Err(Untranslatable::new(format!("`{name}(DISTINCT …)` by another collation than BINARY")));
        }
        let call = |function: &str, inner: &str| format!("{function}({word}{inner}{order}){filter}{over}");
        match (name, arguments.is_none(), typed.as_slice()) {
            ("count", true, _) | ("count", false, []) => Ok(Typed::int(format!("count(*){filter}{over}"))),
            ("count", _, [value]) => Ok(Typed::int(call("count", &value.sql))),
            ("sum" | "total" | "avg", _, [value]) => self.sum(name, value, &call),
            ("min" | "max", _, [value]) => extreme(name, value, &call),
            ("group_concat" | "string_agg", _, [value, rest @ ..]) if rest.len() <= 1 => {
                if order.is_empty() {
                    self.assume(ORDER);
                }
                let separator = match rest.first() {
                    Some(separator) => self.text_of(separator)?,
                    None => "','".to_owned(),
                };
                let value = self.text_of(value)?;
                Ok(Typed::text(call("string_agg", &format!("{value}, {separator}"))))
            }
            ("row_number" | "rank" | "dense_rank", _, []) if windowed => Ok(Typed::int(call(name, ""))),
            ("percent_rank" | "cume_dist", _, []) if windowed => Ok(Typed::real(call(name, ""))),
            ("ntile", _, [count]) if windowed => Ok(Typed::int4(call(name, &format!("{}::integer", count.sql)))),
            ("first_value" | "last_value", _, [value]) if windowed => same(value, call(name, &value.output().sql)),
            ("nth_value", _, [value, at]) if windowed => {
                same(value, call(name, &format!("{}, {}::integer", value.output().sql, at.sql)))
            }
            ("lag" | "lead", _, [value]) if windowed => same(value, call(name, &value.output().sql)),
            ("lag" | "lead", _, [value, by]) if windowed => {
                same(value, call(name, &format!("{}, {}::integer", value.output().sql, by.sql)))
            }
            ("lag" | "lead", _, [value, by, default]) if windowed => {
                let (values, like) = self.unify(&[value.clone(), default.clone()])?;
                let inner = format!("{}, {}::integer, {}::{}", values[0], by.sql, values[1], like.pg);
                Ok(Typed { sql: call(name, &inner), ..like })
            }
            _ => Err(Untranslatable::new(format!("`{name}` with these arguments"))),
        }
    }

    fn sum(&mut self, name: &str, value: &Typed, call: &dyn Fn(&str, &str) -> String) -> Result<Typed> {
        let value = value.number()?;
        let exact = value.kind == Kind::Int;
        if !exact {
            self.assume(FLOATS);
        }
        let sum = call("sum", &value.sql);
        match name {
            // PostgreSQL's sum of bigint is numeric; beyond 64 bits SQLite fails too
            "sum" if exact => Ok(Typed::int(format!("({sum})::bigint"))),
            "sum" => Ok(Typed::new(format!("({sum})::float8"), value.kind, PgType::Float8)),
            "total" => Ok(Typed::real(format!("coalesce(({sum})::float8, 0.0)"))),
            _ => Ok(Typed::real(format!("(({sum})::float8 / {})", call("count", &value.sql)))),
        }
    }
}

fn same(value: &Typed, sql: String) -> Result<Typed> {
    let output = value.output();
    Ok(Typed { sql, literal: None, plain: false, not_null: false, affinity: None, explicit: false, ..output })
}

fn extreme(name: &str, value: &Typed, call: &dyn Fn(&str, &str) -> String) -> Result<Typed> {
    match value.kind {
        Kind::Truth => same(value, call(name, &format!("{}::integer", value.sql))).map(|typed| Typed {
            kind: Kind::Int,
            pg: PgType::Int4,
            ..typed
        }),
        Kind::Int | Kind::Real | Kind::Number => same(value, call(name, &value.output().sql)),
        Kind::Moment if value.spelling.is_some() => same(value, call(name, &value.sql)),
        Kind::Text if value.collation.is_none_or(|by| by == Collation::Binary) => {
            same(value, call(name, &format!("{} COLLATE \"C\"", value.sql)))
        }
        _ => Err(Untranslatable::new(format!("`{name}` of {}", value.shown()))),
    }
}
