//! Whole queries: SELECT, compounds, common table expressions, subqueries, and the views that they make.

use sqlite3_parser::ast::{As, CompoundOperator, Distinctness, Expr, OneSelect, ResultColumn, Select, SortedColumn};

use super::expr::{Frame, Translator};
use super::from::Catalog;
use super::results::{columns_of, has_aggregate, is_distinct, limit, position, selected};
use super::scope::{Scope, ScopeColumn, Source};
use super::typed::{Kind, Result, Typed};
use super::window::direction;
use super::{Untranslatable, parse};
use crate::Dialect;
use crate::value::PgType;

/// A view as PostgreSQL can have it.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewSql {
    /// The query.
    pub query: String,
    /// Its columns, names as the query alone gives them.
    pub columns: Vec<ScopeColumn>,
    /// What is taken for granted, each a sentence for the person.
    pub assumptions: Vec<String>,
}

/// Translates a view by its CREATE VIEW statement.
///
/// # Errors
/// [`Untranslatable`] where it can't be the same in PostgreSQL.
pub fn translate_view(sql: &str, catalog: &dyn Catalog) -> Result<ViewSql, Untranslatable> {
    let bump = sqlite3_parser::Bump::new();
    let (select, _) = parse::view(&bump, sql)?;
    let mut translator = Translator::new(&Scope::none());
    translator.frames.clear();
    translator.catalog = Some(catalog);
    let query = translator.subquery(select)?;
    Ok(ViewSql { query: query.sql, columns: query.columns, assumptions: translator.assumptions })
}

/// A query's text and columns.
pub(super) struct Query {
    pub sql: String,
    pub columns: Vec<ScopeColumn>,
    /// It gives one row at most.
    single: bool,
}

/// One SELECT before its list is written.
pub(super) struct Core {
    pub items: Vec<(String, Typed)>,
    pub distinct: bool,
    /// FROM and what follows.
    pub rest: String,
    /// Rows of VALUES, where it is that.
    pub values: Option<Vec<Vec<Typed>>>,
    pub single: bool,
}

impl Translator<'_> {
    pub fn subquery(&mut self, select: &Select<'_>) -> Result<Query> {
        let ctes = self.ctes.len();
        let aggregates = self.aggregates;
        let defining = std::mem::take(&mut self.defining);
        let with = match &select.with {
            Some(with) => self.with(with)?,
            None => String::new(),
        };
        let query = self.body(select, defining);
        self.ctes.truncate(ctes);
        self.aggregates = aggregates;
        let mut query = query?;
        query.sql = format!("{with}{}", query.sql);
        Ok(query)
    }

    fn body(&mut self, select: &Select<'_>, defining: bool) -> Result<Query> {
        let order = select.order_by.unwrap_or_default();
        let limit = select.limit.map(limit).transpose()?.unwrap_or_default();
        let one_row = limit.starts_with("\nLIMIT 1") && !limit[8..].starts_with(|c: char| c.is_ascii_digit());
        let compounds = select.body.compounds.as_deref().unwrap_or_default();
        if compounds.is_empty() && !is_distinct(&select.body.select) {
            self.frames.push(Frame::default());
            let core = self.core(&select.body.select, order);
            self.frames.pop();
            let (core, order) = core?;
            let columns = columns_of(&core.items);
            let sqls: Vec<String> = core.items.iter().map(|(_, typed)| typed.sql.clone()).collect();
            let sql = format!("{}{order}{limit}", core.render(&sqls, &columns));
            return Ok(Query { sql, columns, single: core.single || one_row });
        }
        let mut cores = Vec::new();
        let uses = |translator: &Self| translator.recursions.last().map_or(0, |recursion| recursion.uses);
        let mut used = Vec::new();
        for one in std::iter::once(&select.body.select).chain(compounds.iter().map(|part| &part.select)) {
            self.frames.push(Frame::default());
            let core = self.core(one, &[]);
            self.frames.pop();
            cores.push(core?.0);
            used.push(uses(self));
        }
        let recursive = defining && used.last().is_some_and(|last| *last > 0);
        if recursive {
            let before = used.len().checked_sub(2).map_or(0, |at| used[at]);
            let last = compounds.last().map(|part| part.operator);
            if before > 0 || !matches!(last, Some(CompoundOperator::Union | CompoundOperator::UnionAll)) {
                return Err(Untranslatable::new("a recursive query with more than one part that names itself"));
            }
            if !order.is_empty() || !limit.is_empty() {
                return Err(Untranslatable::new("ORDER BY or LIMIT in a recursive query"));
            }
        }
        let all = !compounds.is_empty() && compounds.iter().all(|part| part.operator == CompoundOperator::UnionAll);
        let (columns, lists) = self.columns_together(&mut cores, !all, recursive)?;
        let mut sql = cores[0].render(&lists[0], &columns);
        let alike = compounds.windows(2).all(|pair| pair[0].operator == pair[1].operator);
        for (at, part) in compounds.iter().enumerate() {
            let word = match part.operator {
                CompoundOperator::Union => "UNION",
                CompoundOperator::UnionAll => "UNION ALL",
                CompoundOperator::Except => "EXCEPT",
                CompoundOperator::Intersect => "INTERSECT",
            };
            // SQLite takes them from left to right, PostgreSQL INTERSECT first
            let left = if alike { sql } else { format!("({sql})") };
            sql = format!("{left}\n{word}\n{}", cores[at + 1].render(&lists[at + 1], &columns));
        }
        if order.is_empty() && limit.is_empty() {
            return Ok(Query { sql, columns, single: false });
        }
        // terms that are no plain names of columns can only stand around the whole
        let source = Source {
            name: String::new(),
            prefix: Some("q".to_owned()),
            columns: columns.clone(),
            rowid: None,
            key: Vec::new(),
            merged: Vec::new(),
        };
        self.frames.push(Frame { sources: vec![source], ..Frame::default() });
        let terms = self.order_by(order, &[]);
        self.frames.pop();
        let sql = format!("SELECT * FROM ({sql}) AS q{}{limit}", terms?);
        Ok(Query { sql, columns, single: one_row })
    }

    /// The columns of a compound, and each part's list brought to their types.
    fn columns_together(
        &mut self,
        cores: &mut [Core],
        distinct: bool,
        recursive: bool,
    ) -> Result<(Vec<ScopeColumn>, Vec<Vec<String>>)> {
        let width = cores[0].items.len();
        if cores.iter().any(|core| core.items.len() != width) {
            return Err(Untranslatable::new("a compound of SELECTs with different numbers of columns"));
        }
        let mut lists = vec![Vec::new(); cores.len()];
        let mut items = Vec::new();
        for at in 0..width {
            let values: Vec<Typed> = cores.iter().map(|core| core.items[at].1.clone()).collect();
            if distinct {
                for value in &values {
                    self.group_key(value)?;
                }
            }
            let (sqls, mut like) =
                if cores.len() == 1 { (vec![values[0].sql.clone()], values[0].clone()) } else { self.unify(&values)? };
            if recursive {
                like.pg = super::recursive::general(&like);
            }
            for (core, (sql, value)) in sqls.into_iter().zip(&values).enumerate() {
                let cast = value.kind == Kind::Null || (like.pg == PgType::Int8 && value.pg != PgType::Int8);
                lists[core].push(match (recursive, cast) {
                    (true, _) => super::recursive::exactly(&sql, &like.pg),
                    (false, true) => format!("{sql}::{}", like.pg),
                    (false, false) => sql,
                });
            }
            // rows of VALUES have no list that could be cast, but cells
            let rows = cores.iter_mut().filter_map(|core| core.values.as_mut()).flatten();
            for cell in rows.filter_map(|row| row.get_mut(at)) {
                if recursive {
                    cell.sql = super::recursive::exactly(&cell.sql, &like.pg);
                } else if cell.pg != like.pg || cell.kind == Kind::Null {
                    cell.sql = format!("{}::{}", cell.sql, like.pg);
                }
            }
            let affinity =
                values[0].affinity.filter(|_| values.iter().all(|value| value.affinity == values[0].affinity));
            let collation = values[0].collation;
            items.push((cores[0].items[at].0.clone(), Typed { affinity, collation, ..like }));
        }
        Ok((columns_of(&items), lists))
    }

    /// One SELECT in the frame on top, and the text of its ORDER BY.
    pub(super) fn core(&mut self, one: &OneSelect<'_>, order: &[SortedColumn<'_>]) -> Result<(Core, String)> {
        let (distinctness, columns, from, condition, group_by, having, windows) = match one {
            OneSelect::Select { distinctness, columns, from, where_clause, group_by, having, window_clause } => {
                (distinctness, *columns, from, where_clause, group_by, having, window_clause)
            }
            OneSelect::Values(rows) => return Ok((self.values(rows)?, String::new())),
        };
        self.aggregates = false;
        let mut rest = String::new();
        if let Some(from) = from
            && from.select.is_some()
        {
            rest.push_str(&format!("\nFROM {}", self.sources(from)?));
        }
        self.aggregates = true;
        let mut items = self.items(columns)?;
        let named: Vec<(String, Typed)> = columns
            .iter()
            .filter(|column| matches!(column, ResultColumn::Expr(_, Some(_))))
            .filter_map(|column| match column {
                ResultColumn::Expr(_, Some(As::As(name) | As::Elided(name))) => Some(parse::name(name.0)),
                _ => None,
            })
            .filter_map(|name| items.iter().find(|(item, _)| *item == name).cloned())
            .collect();
        let aggregated = columns.iter().any(|column| match column {
            ResultColumn::Expr(expr, _) => has_aggregate(expr),
            _ => false,
        });
        self.top().aliases = named;
        if let Some(condition) = condition {
            self.aggregates = false;
            rest.push_str(&format!("\nWHERE {}", self.expr(condition)?.truth()?));
        }
        self.aggregates = false;
        let mut groups = Vec::new();
        for term in group_by.unwrap_or_default() {
            let value = match term.is_integer() {
                Some(at) => position(&items, at)?,
                None => self.expr(term)?,
            };
            groups.push(self.group_key(&value)?);
        }
        if !groups.is_empty() {
            rest.push_str(&format!("\nGROUP BY {}", groups.join(", ")));
        }
        self.aggregates = true;
        let grouped = !groups.is_empty() || aggregated || having.is_some();
        let single = grouped && groups.is_empty();
        if grouped {
            self.top().groups = Some(groups);
            items = self.items(columns)?;
            if let Some(having) = having {
                rest.push_str(&format!("\nHAVING {}", self.expr(having)?.truth()?));
            }
        }
        if let Some(windows) = windows {
            let mut definitions = Vec::new();
            for definition in windows.iter() {
                let name = Dialect::Postgres.quote_identifier(&parse::name(definition.name.0));
                definitions.push(format!("{name} AS {}", self.window(&definition.window)?));
            }
            rest.push_str(&format!("\nWINDOW {}", definitions.join(", ")));
        }
        let order = self.order_by(order, &items)?;
        if let Some(column) = self.top().loose.first() {
            return Err(Untranslatable::new(format!(
                "the column `{column}` beside aggregates, which GROUP BY does not name (SQLite takes it from any row)"
            )));
        }
        let distinct = matches!(distinctness, Some(Distinctness::Distinct));
        let mut out = Vec::new();
        for (name, typed) in items {
            out.push((name, selected(&typed)?));
        }
        Ok((Core { items: out, distinct, rest, values: None, single }, order))
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("a query has a frame")
    }

    fn values(&mut self, rows: &[sqlite3_parser::Vec<'_, Expr<'_>>]) -> Result<Core> {
        let mut typed: Vec<Vec<Typed>> = Vec::new();
        for row in rows {
            let mut values = Vec::new();
            for value in row {
                values.push(selected(&self.expr(value)?)?);
            }
            typed.push(values);
        }
        let mut items = Vec::new();
        for at in 0..typed.first().map_or(0, Vec::len) {
            let column: Vec<Typed> = typed.iter().filter_map(|row| row.get(at).cloned()).collect();
            let (sqls, like) = self.unify(&column)?;
            for (row, sql) in typed.iter_mut().zip(sqls) {
                if let Some(cell) = row.get_mut(at) {
                    cell.sql = sql;
                }
            }
            items.push((format!("column{}", at + 1), like));
        }
        Ok(Core { items, distinct: false, rest: String::new(), values: Some(typed), single: rows.len() <= 1 })
    }

    /// The result columns, `*` spelled out, each with the name that SQLite gives it.
    fn items(&mut self, columns: &[ResultColumn<'_>]) -> Result<Vec<(String, Typed)>> {
        let mut items = Vec::new();
        for column in columns {
            match column {
                ResultColumn::Expr(expr, alias) => {
                    let typed = self.expr(expr)?;
                    let name = match (alias, parse::bare(expr)) {
                        (Some(As::As(name) | As::Elided(name)), _) => parse::name(name.0),
                        (None, Expr::Id(id)) => self.column_name(None, id.0),
                        (None, Expr::Qualified(table, column)) => {
                            self.column_name(Some(&parse::name(table.0)), column.0)
                        }
                        (None, expr) => expr.to_string(),
                    };
                    items.push((name, typed));
                }
                ResultColumn::Star | ResultColumn::TableStar(_) => {
                    let wanted = match column {
                        ResultColumn::TableStar(name) => Some(parse::name(name.0)),
                        _ => None,
                    };
                    let names: Vec<(String, String)> = self
                        .top()
                        .sources
                        .iter()
                        .filter(|source| wanted.as_ref().is_none_or(|wanted| source.name.eq_ignore_ascii_case(wanted)))
                        .flat_map(|source| {
                            let merged = if wanted.is_some() { &[] } else { source.merged.as_slice() };
                            source
                                .columns
                                .iter()
                                .filter(|column| !merged.iter().any(|name| name.eq_ignore_ascii_case(&column.name)))
                                .map(|column| (source.name.clone(), column.name.clone()))
                        })
                        .collect();
                    for (source, column) in names {
                        let typed = self.column(Some(&source), &column)?.ok_or_else(|| Untranslatable::new("`*`"))?;
                        items.push((column, typed));
                    }
                }
            }
        }
        Ok(items)
    }

    /// The name of a column as declared, whatever the case in which the query has it.
    fn column_name(&mut self, qualifier: Option<&str>, written: &str) -> String {
        let name = parse::name(written);
        let sources = &self.top().sources;
        let found = sources
            .iter()
            .filter(|source| qualifier.is_none_or(|qualifier| source.name.eq_ignore_ascii_case(qualifier)))
            .find_map(|source| source.column(&name));
        found.map_or(name.clone(), |column| column.name.clone())
    }

    fn order_by(&mut self, terms: &[SortedColumn<'_>], items: &[(String, Typed)]) -> Result<String> {
        let mut out = Vec::new();
        for term in terms {
            let value = match (term.expr.is_integer(), parse::bare(&term.expr)) {
                (Some(at), _) if items.is_empty() => {
                    let source = self.top().sources.first().cloned();
                    let at = usize::try_from(at - 1).ok();
                    source
                        .and_then(|source| Some(source.reference(source.columns.get(at?)?)))
                        .ok_or_else(|| Untranslatable::new("ORDER BY a column's number"))?
                }
                (Some(at), _) => position(items, at)?,
                // an alias comes before a column of that name here
                (None, Expr::Id(id)) => match self.alias(&parse::name(id.0)) {
                    Some(alias) => alias,
                    None => self.expr(&term.expr)?,
                },
                _ => self.expr(&term.expr)?,
            };
            let key = self.sort_key(&value)?;
            out.push(format!("{key}{}", direction(term)));
        }
        Ok(if out.is_empty() { String::new() } else { format!("\nORDER BY {}", out.join(", ")) })
    }

    /// A subquery that stands for one value.
    pub fn scalar_subquery(&mut self, select: &Select<'_>) -> Result<Typed> {
        let query = self.subquery(select)?;
        let [column] = query.columns.as_slice() else {
            return Err(Untranslatable::new("a subquery of several columns as a value"));
        };
        let limit = if query.single { "" } else { "\nLIMIT 1" };
        if !query.single {
            self.assume("a subquery that stands for one value has one row; of several, SQLite takes any");
        }
        let column = Typed::column(None, &ScopeColumn { not_null: false, ..column.clone() });
        Ok(Typed { sql: format!("({}{limit})", query.sql), ..column })
    }

    /// `value IN (SELECT …)`.
    pub fn in_select(&mut self, value: &Expr<'_>, not: bool, select: &Select<'_>) -> Result<Typed> {
        let value = self.expr(value)?;
        let query = self.subquery(select)?;
        let [column] = query.columns.as_slice() else {
            return Err(Untranslatable::new("IN with a subquery of several columns"));
        };
        let column = Typed::column(None, column);
        let plain = format!("({} = {})", value.sql, column.sql);
        if super::compare::compare(self, super::compare::Comparison::Equals, &value, &column)? != plain {
            return Err(Untranslatable::new("IN with a subquery of values of another kind"));
        }
        let word = if not { "NOT IN" } else { "IN" };
        Ok(Typed::truth_value(format!("({} {word} ({}))", value.sql, query.sql)))
    }
}
