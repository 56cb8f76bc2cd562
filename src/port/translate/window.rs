//! What a window function runs over, and ORDER BY terms.

use sqlite3_parser::ast::{
    Expr, FrameBound, FrameClause, FrameExclude, FrameMode, NullsOrder, Over, SortOrder, SortedColumn, Window,
};

use super::Untranslatable;
use super::compare::collate;
use super::expr::Translator;
use super::parse;
use super::typed::{Collation, Kind, Result, Typed};
use crate::Dialect;

impl Translator<'_> {
    /// A term by which rows are ordered as in SQLite, without its direction.
    pub fn sort_key(&mut self, value: &Typed) -> Result<String> {
        match value.kind {
            Kind::Int | Kind::Real | Kind::Number | Kind::Truth | Kind::Bytes | Kind::Null => Ok(value.sql.clone()),
            Kind::Moment if value.spelling.is_some() => Ok(value.sql.clone()),
            // each word for false stands before its word for true
            Kind::Opaque if value.words().is_some() => Ok(value.sql.clone()),
            Kind::Text => collate(true, value.collation.unwrap_or(Collation::Binary), &value.sql),
            Kind::Uuid if value.spelling.is_some() => Ok(value.sql.clone()),
            _ => Err(Untranslatable::new(format!("ORDER BY {} (its order differs in PostgreSQL)", value.shown()))),
        }
    }

    /// Terms of an ORDER BY that stands in a window or an aggregate.
    pub fn sorted(&mut self, terms: &[SortedColumn<'_>]) -> Result<String> {
        let mut out = Vec::new();
        for term in terms {
            let value = self.expr(&term.expr)?;
            let key = self.sort_key(&value)?;
            out.push(format!("{key}{}", direction(term)));
        }
        Ok(out.join(", "))
    }

    /// What follows OVER.
    pub fn over(&mut self, over: &Over<'_>) -> Result<String> {
        match over {
            Over::Name(name) => Ok(Dialect::Postgres.quote_identifier(&parse::name(name.0))),
            Over::Window(window) => self.window(window),
        }
    }

    /// A window's definition.
    pub fn window(&mut self, window: &Window<'_>) -> Result<String> {
        let mut parts = Vec::new();
        if let Some(base) = &window.base {
            parts.push(Dialect::Postgres.quote_identifier(&parse::name(base.0)));
        }
        if let Some(terms) = window.partition_by {
            let mut keys = Vec::new();
            for term in terms {
                let value = self.expr(term)?;
                keys.push(self.group_key(&value)?);
            }
            parts.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if let Some(terms) = window.order_by {
            parts.push(format!("ORDER BY {}", self.sorted(terms)?));
        }
        if let Some(frame) = &window.frame_clause {
            parts.push(frame_clause(frame)?);
        }
        Ok(format!("({})", parts.join(" ")))
    }

    /// A term by which rows are put together as in SQLite.
    pub fn group_key(&mut self, value: &Typed) -> Result<String> {
        match value.collation {
            Some(Collation::Nocase | Collation::Rtrim | Collation::Foreign) => {
                Err(Untranslatable::new(format!("grouping by {} without regard to case", value.shown())))
            }
            _ if value.words().is_some() => Ok(value.sql.clone()),
            _ if matches!(value.kind, Kind::Opaque | Kind::Extracted | Kind::Json) => {
                Err(Untranslatable::new(format!("grouping by {}", value.shown())))
            }
            _ => Ok(value.sql.clone()),
        }
    }
}

/// The direction of a term, with NULLs where SQLite has them: before all values.
pub(super) fn direction(term: &SortedColumn<'_>) -> &'static str {
    let descending = term.order == Some(SortOrder::Desc);
    let first = term.nulls.map_or(!descending, |nulls| nulls == NullsOrder::First);
    match (descending, first) {
        (false, true) => " NULLS FIRST",
        (false, false) => "",
        (true, true) => " DESC",
        (true, false) => " DESC NULLS LAST",
    }
}

fn frame_clause(frame: &FrameClause<'_>) -> Result<String> {
    let mode = match frame.mode {
        FrameMode::Groups => "GROUPS",
        FrameMode::Range => "RANGE",
        FrameMode::Rows => "ROWS",
    };
    let mut sql = match &frame.end {
        Some(end) => format!("{mode} BETWEEN {} AND {}", bound(&frame.start)?, bound(end)?),
        None => format!("{mode} {}", bound(&frame.start)?),
    };
    match frame.exclude {
        None | Some(FrameExclude::NoOthers) => {}
        Some(FrameExclude::CurrentRow) => sql.push_str(" EXCLUDE CURRENT ROW"),
        Some(FrameExclude::Group) => sql.push_str(" EXCLUDE GROUP"),
        Some(FrameExclude::Ties) => sql.push_str(" EXCLUDE TIES"),
    }
    Ok(sql)
}

fn bound(bound: &FrameBound<'_>) -> Result<String> {
    let count = |expr: &Expr<'_>| match expr.is_integer() {
        Some(count @ 0..) => Ok(count),
        _ => Err(Untranslatable::new("a window's bound that is no whole number")),
    };
    Ok(match bound {
        FrameBound::CurrentRow => "CURRENT ROW".to_owned(),
        FrameBound::Following(by) => format!("{} FOLLOWING", count(by)?),
        FrameBound::Preceding(by) => format!("{} PRECEDING", count(by)?),
        FrameBound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
        FrameBound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
    })
}
