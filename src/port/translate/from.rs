//! FROM: tables, views, subqueries and joins, and the columns that they bring.

use sqlite3_parser::ast::{As, FromClause, JoinConstraint, JoinOperator, JoinType, SelectTable};

use super::expr::Translator;
use super::scope::{ScopeColumn, Source};
use super::typed::Result;
use super::{Untranslatable, parse};
use crate::Dialect;

/// What a table or view is for a FROM.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its name as SQL of PostgreSQL's, with the schema.
    pub sql: String,
    /// Its columns.
    pub columns: Vec<ScopeColumn>,
    /// The column that is another name of the rowid.
    pub rowid: Option<String>,
    /// The columns, in SQLite's names, of the primary key that it will have in PostgreSQL.
    pub key: Vec<String>,
}

/// The tables and views that a query can name.
pub trait Catalog: std::fmt::Debug {
    /// The table or view of that name in SQLite; an error says why it can't be used.
    ///
    /// # Errors
    /// [`Untranslatable`] where there is none, or it is not carried over.
    fn relation(&self, name: &str) -> Result<Relation, Untranslatable>;
}

fn alias_of(alias: Option<&As<'_>>) -> Option<String> {
    alias.map(|alias| match alias {
        As::As(name) | As::Elided(name) => parse::name(name.0),
    })
}

impl Translator<'_> {
    /// The text of a FROM clause; its sources go into the frame on top.
    pub fn sources(&mut self, from: &FromClause<'_>) -> Result<String> {
        let Some(first) = from.select else { return Err(Untranslatable::new("a FROM without a table")) };
        let before = self.recursive_uses();
        let mut sql = self.table(first)?;
        for join in from.joins.iter().flatten() {
            let kind = match join.operator {
                JoinOperator::Comma => JoinType::INNER,
                JoinOperator::TypedJoin(kind) => kind.unwrap_or(JoinType::INNER),
            };
            let left_uses = self.recursive_uses() - before;
            let right = self.table(&join.table)?;
            let right_uses = self.recursive_uses() - before - left_uses;
            let (left, outer_right) = (kind.contains(JoinType::LEFT), kind.contains(JoinType::RIGHT));
            if (left && right_uses > 0) || (outer_right && left_uses > 0) {
                return Err(Untranslatable::new("a recursive query that names itself in an outer join"));
            }
            let word = match (left, outer_right) {
                (true, true) => "FULL JOIN",
                (true, false) => "LEFT JOIN",
                (false, true) => "RIGHT JOIN",
                (false, false) => "JOIN",
            };
            let shared = match &join.constraint {
                Some(JoinConstraint::Using(names)) => Some(names.iter().map(|name| parse::name(name.0)).collect()),
                _ if kind.contains(JoinType::NATURAL) => Some(self.natural()),
                _ => None,
            };
            let condition = match (&join.constraint, shared) {
                (_, Some(names)) => self.using(&names, outer_right)?,
                (Some(JoinConstraint::On(condition)), None) => self.expr(condition)?.truth()?,
                _ => "TRUE".to_owned(),
            };
            sql = format!("{sql}\n  {word} {right} ON {condition}");
        }
        Ok(sql)
    }

    fn last_source(&self) -> Option<(&[Source], &Source)> {
        self.frames.last().and_then(|frame| frame.sources.split_last()).map(|(last, before)| (before, last))
    }

    /// The columns that the last source shares with those before it.
    fn natural(&self) -> Vec<String> {
        let Some((before, last)) = self.last_source() else { return Vec::new() };
        let shared = |name: &str| {
            before.iter().any(|source| source.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        };
        last.columns.iter().map(|column| column.name.clone()).filter(|name| shared(name)).collect()
    }

    /// The condition of a join by names; the last source's columns of those names are merged into the others'.
    fn using(&mut self, names: &[String], outer: bool) -> Result<String> {
        let mut conditions = Vec::new();
        for name in names {
            let found = self.last_source().and_then(|(before, last)| {
                let right = last.column(name).map(|column| last.reference(column))?;
                let left = before.iter().find_map(|source| {
                    let merged = source.merged.iter().any(|merged| merged.eq_ignore_ascii_case(name));
                    source.column(name).filter(|_| !merged).map(|column| source.reference(column))
                })?;
                Some((left, right))
            });
            let Some((left, right)) = found else {
                return Err(Untranslatable::new(format!("a join by `{name}`, which both sides do not have")));
            };
            if outer {
                return Err(Untranslatable::new(format!("a RIGHT or FULL join by `{name}` without ON")));
            }
            conditions.push(super::compare::compare(self, super::compare::Comparison::Equals, &left, &right)?);
        }
        if let Some(last) = self.frames.last_mut().and_then(|frame| frame.sources.last_mut()) {
            last.merged.extend(names.iter().cloned());
        }
        Ok(if conditions.is_empty() { "TRUE".to_owned() } else { format!("({})", conditions.join(" AND ")) })
    }

    fn table(&mut self, table: &SelectTable<'_>) -> Result<String> {
        let (sql, mut source) = match table {
            SelectTable::Table(qualified, alias, _) => {
                let name = parse::name(qualified.name.0);
                if let Some(schema) = &qualified.db_name
                    && !parse::name(schema.0).eq_ignore_ascii_case("main")
                {
                    return Err(Untranslatable::new(format!(
                        "a table of another database (`{}`)",
                        parse::name(schema.0)
                    )));
                }
                let shown = alias_of(alias.as_ref()).unwrap_or_else(|| name.clone());
                let cte = self.ctes.iter().rev().find(|(cte, _)| cte.eq_ignore_ascii_case(&name)).cloned();
                if cte.is_some() {
                    self.names_itself(&name);
                }
                match cte {
                    Some((cte, source)) => (Dialect::Postgres.quote_identifier(&cte), Source { name: shown, ..source }),
                    None => {
                        let catalog = self.catalog.ok_or_else(|| Untranslatable::new("a subquery"))?;
                        let relation = catalog.relation(&name)?;
                        let source = Source {
                            name: shown,
                            prefix: None,
                            columns: relation.columns,
                            rowid: relation.rowid,
                            key: relation.key,
                            merged: Vec::new(),
                        };
                        (relation.sql, source)
                    }
                }
            }
            SelectTable::Select(select, alias) => {
                let query = self.subquery(select)?;
                let source = Source {
                    name: alias_of(alias.as_ref()).unwrap_or_default(),
                    prefix: None,
                    columns: query.columns,
                    rowid: None,
                    key: Vec::new(),
                    merged: Vec::new(),
                };
                (format!("({})", query.sql), source)
            }
            SelectTable::TableCall(name, _, _) => {
                return Err(Untranslatable::new(format!("the table function `{}`", parse::name(name.name.0))));
            }
            SelectTable::Sub(from, None) => return Ok(format!("({})", self.sources(from)?)),
            SelectTable::Sub(..) => return Err(Untranslatable::new("a join in parentheses with a name")),
        };
        let frame = self.frames.last_mut().ok_or_else(|| Untranslatable::new("a FROM"))?;
        // two sources of one name, or none, are told apart in PostgreSQL by names of ours
        let taken =
            source.name.is_empty() || frame.sources.iter().any(|other| other.name.eq_ignore_ascii_case(&source.name));
        let alias = if taken { format!("{}_{}", source.name, frame.sources.len()) } else { source.name.clone() };
        let alias = Dialect::Postgres.quote_identifier(&cut(&alias));
        source.prefix = Some(alias.clone());
        frame.sources.push(source);
        Ok(format!("{sql} AS {alias}"))
    }
}

/// PostgreSQL cuts names at 63 bytes, and an alias is no name that anybody sees.
fn cut(name: &str) -> String {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}
