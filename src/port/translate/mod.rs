//! From the words of SQLite to those of PostgreSQL: expressions, defaults, tables, views. Exactly, or not at all.
//!
//! `parse` makes SQLite's syntax tree, `scope` says what a name stands for, `expr` and its neighbours write typed
//! PostgreSQL text, `select` does so for whole queries; `defaults`, `objects` and `ddl` use them.
//!
//! Three things are taken for the same: an error of PostgreSQL's where SQLite goes on with a rounded number (an integer
//! or float that overflows); dates beyond the years 1 to 9999, which PostgreSQL prints otherwise; and integers beyond
//! 2^53 compared with a column of floating-point numbers, which PostgreSQL rounds first. Where that tells rows apart in a
//! generated column, a run finds it before it writes anything (`run::trial::generated`).

mod aggregate;
mod casts;
mod compare;
pub mod ddl;
pub mod defaults;
mod expr;
mod from;
mod functions;
mod json;
mod numbers;
pub mod objects;
mod parse;
mod patterns;
mod recursive;
mod regexp;
mod results;
mod scope;
mod select;
mod sequences;
mod text;
mod times;
mod typed;
mod window;

pub use scope::{Classes, Scope, ScopeColumn};
pub use select::{ViewSql, translate_view};

use crate::value::PgType;

/// What has no exact counterpart in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("PostgreSQL has no exact counterpart of {construct}")]
pub struct Untranslatable {
    /// The construct as a person knows it: `` `strftime('%s', …)` ``, with a reason where the name alone says too little.
    pub construct: String,
}

impl Untranslatable {
    pub(crate) fn new(construct: impl Into<String>) -> Self {
        Self { construct: construct.into() }
    }
}

/// What an expression is for, which decides its type and what it may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// A condition of a CHECK: a boolean.
    Condition,
    /// The condition of a partial index: a boolean that only calls immutable functions.
    Predicate,
    /// A term of an index: any value, from immutable functions.
    IndexTerm,
    /// A generated column of that type, from immutable functions.
    Generated(PgType),
    /// A column's default, of that type.
    Default(PgType),
}

/// An expression of PostgreSQL's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// Its text, which can stand wherever an expression can.
    pub text: String,
    /// What is taken for granted, each a sentence for the person; the read-back proves it for the rows there are.
    pub assumptions: Vec<String>,
}

/// Translates an expression of a table's (a CHECK, an index's term, a generated column).
///
/// # Errors
/// [`Untranslatable`] where PostgreSQL has nothing that gives the same result for all data.
pub fn translate(expression: &str, scope: &Scope, want: &Want) -> Result<Sql, Untranslatable> {
    let bump = sqlite3_parser::Bump::new();
    let tree = parse::expression(&bump, expression)?;
    let mut translator = expr::Translator::new(scope);
    let typed = translator.expr(tree)?;
    let text = match want {
        Want::Condition | Want::Predicate => typed.truth()?,
        Want::IndexTerm => typed.output().sql,
        Want::Generated(to) | Want::Default(to) => casts::assign(&typed, to)?,
    };
    if matches!(want, Want::Predicate | Want::IndexTerm | Want::Generated(_)) && !translator.immutable {
        return Err(Untranslatable::new(format!(
            "`{expression}` (its counterpart depends on settings of the session, which PostgreSQL does not allow here)"
        )));
    }
    Ok(Sql { text, assumptions: translator.assumptions })
}
