//! The walk over an expression's tree: each node becomes typed PostgreSQL text.

use sqlite3_parser::ast::{Expr, Literal as Lit, Name, Operator, UnaryOperator};

use super::compare::{self, Comparison};
use super::scope::{Scope, Source, resolve};
use super::typed::{Collation, Kind, Literal, Result, Typed};
use super::{Untranslatable, casts, json, numbers, parse, patterns};
use crate::value::PgType;

/// One level of names: a query's FROM, its columns' aliases, and what it groups by.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub sources: Vec<Source>,
    pub aliases: Vec<(String, Typed)>,
    /// Where it groups: the terms as PostgreSQL text; references seen outside of aggregates are checked by them.
    pub groups: Option<Vec<String>>,
    /// References that no term of GROUP BY covers so far.
    pub loose: Vec<String>,
}

/// The state of a translation.
#[derive(Debug)]
pub(super) struct Translator<'c> {
    pub frames: Vec<Frame>,
    /// Nothing so far depends on the session's settings or the time.
    pub immutable: bool,
    pub assumptions: Vec<String>,
    /// Tables, views and common table expressions that a FROM can name.
    pub catalog: Option<&'c dyn super::from::Catalog>,
    pub ctes: Vec<(String, Source)>,
    /// Common table expressions that are being translated, the innermost last.
    pub recursions: Vec<super::recursive::Recursion>,
    /// The next query is the body of the last of them.
    pub defining: bool,
    /// Aggregates may stand here.
    pub aggregates: bool,
}

impl<'c> Translator<'c> {
    pub fn new(scope: &Scope) -> Self {
        let frame = Frame { sources: scope.sources.clone(), ..Frame::default() };
        Self {
            frames: vec![frame],
            immutable: true,
            assumptions: Vec::new(),
            catalog: None,
            ctes: Vec::new(),
            recursions: Vec::new(),
            defining: false,
            aggregates: false,
        }
    }

    pub fn assume(&mut self, sentence: &str) {
        if !self.assumptions.iter().any(|known| known == sentence) {
            self.assumptions.push(sentence.to_owned());
        }
    }

    /// The text of SQLite's for a value, noting where PostgreSQL's function for it is not immutable.
    pub fn text_of(&mut self, typed: &Typed) -> Result<String> {
        let (sql, stable) = typed.as_text()?;
        if stable {
            self.immutable = false;
        }
        if typed.kind == Kind::Extracted {
            self.assume(json::ASSUMPTION);
        }
        Ok(sql)
    }

    pub fn expr(&mut self, expr: &Expr<'_>) -> Result<Typed> {
        let loose = self.frames.last().map_or(0, |frame| frame.loose.len());
        let typed = self.node(expr)?;
        // a term of GROUP BY covers the columns in it
        if let Some(frame) = self.frames.last_mut()
            && frame.groups.as_ref().is_some_and(|groups| groups.contains(&typed.sql))
        {
            frame.loose.truncate(loose);
        }
        Ok(typed)
    }

    fn node(&mut self, expr: &Expr<'_>) -> Result<Typed> {
        match expr {
            Expr::Parenthesized(inner) => match inner.as_slice() {
                [only] => self.expr(only),
                _ => Err(Untranslatable::new(format!("`{expr}` (a row of values)"))),
            },
            Expr::Literal(literal) => self.literal(literal, expr),
            Expr::Id(id) => self.name(id.0),
            Expr::Name(name) => self.name(name.0),
            Expr::Qualified(table, column) => self.qualified(table, column),
            Expr::DoublyQualified(schema, table, column) if parse::name(schema.0).eq_ignore_ascii_case("main") => {
                self.qualified(table, column)
            }
            Expr::Unary(operator, inner) => self.unary(*operator, inner),
            Expr::Binary(left, operator, right) => self.binary(left, *operator, right, expr),
            Expr::Between { lhs, not, start, end } => {
                let (value, start, end) = (self.expr(lhs)?, self.expr(start)?, self.expr(end)?);
                let low = compare::compare(self, Comparison::GreaterEquals, &value, &start)?;
                let high = compare::compare(self, Comparison::LessEquals, &value, &end)?;
                let between = format!("({low} AND {high})");
                Ok(Typed::truth_value(if *not { format!("(NOT {between})") } else { between }))
            }
            Expr::Case { base, when_then_pairs, else_expr } => self.case(*base, when_then_pairs, *else_expr),
            Expr::Cast { expr, type_name } => {
                let value = self.expr(expr)?;
                casts::cast(self, &value, type_name.as_ref().map_or("", |declared| declared.name))
            }
            Expr::Collate(inner, name) => {
                let value = self.expr(inner)?;
                let collation = Some(Collation::named(&parse::name(name)));
                Ok(Typed { collation, explicit: true, ..value })
            }
            Expr::IsNull(inner) => Ok(Typed::truth_value(self.is_null(inner, false)?)),
            Expr::NotNull(inner) => Ok(Typed::truth_value(self.is_null(inner, true)?)),
            Expr::InList { lhs, not, rhs } => self.in_list(lhs, *not, rhs.unwrap_or_default()),
            Expr::Like { lhs, not, op, rhs, escape } => patterns::like(self, lhs, *not, *op, rhs, *escape),
            Expr::FunctionCall { .. } | Expr::FunctionCallStar { .. } => self.call(expr),
            Expr::Exists(select) => Ok(Typed::truth_value(format!("EXISTS ({})", self.subquery(select)?.sql))),
            Expr::Subquery(select) => self.scalar_subquery(select),
            Expr::InSelect { lhs, not, rhs } => self.in_select(lhs, *not, rhs),
            _ => Err(Untranslatable::new(format!("`{expr}`"))),
        }
    }

    fn is_null(&mut self, inner: &Expr<'_>, not: bool) -> Result<String> {
        let value = self.expr(inner)?;
        let sql = if value.kind == Kind::Extracted { json::without_null(&value.sql) } else { value.sql };
        Ok(format!("({sql} IS {}NULL)", if not { "NOT " } else { "" }))
    }

    fn literal(&mut self, literal: &Lit<'_>, expr: &Expr<'_>) -> Result<Typed> {
        match literal {
            Lit::Null => Ok(Typed::null()),
            Lit::Numeric(digits) => {
                numbers::literal(digits, false).ok_or_else(|| Untranslatable::new(format!("`{digits}`")))
            }
            Lit::String(written) => {
                let text = parse::string(written);
                if text.contains('\0') {
                    return Err(Untranslatable::new("a text with a NUL"));
                }
                Ok(Typed::literal_text(&text))
            }
            Lit::Blob(digits) => match parse::blob(digits) {
                Some(bytes) => Ok(Typed::literal_blob(&bytes)),
                None => Err(Untranslatable::new(format!("`{expr}`"))),
            },
            Lit::CurrentDate => Ok(super::times::now(self, "YYYY-MM-DD")),
            Lit::CurrentTime => Ok(super::times::now(self, "HH24:MI:SS")),
            Lit::CurrentTimestamp => Ok(super::times::now(self, "YYYY-MM-DD HH24:MI:SS")),
            Lit::Keyword(word) => Err(Untranslatable::new(format!("`{word}`"))),
        }
    }

    /// A column, an alias, TRUE or FALSE, or a text in double quotes that is no name.
    fn name(&mut self, written: &str) -> Result<Typed> {
        let name = parse::name(written);
        if let Some(column) = self.column(None, &name)? {
            return Ok(column);
        }
        if let Some(alias) = self.alias(&name) {
            return Ok(alias);
        }
        if written.starts_with('"') || written.starts_with('\'') {
            return Ok(Typed::literal_text(&name));
        }
        match name.to_ascii_lowercase().as_str() {
            "true" => Ok(Typed { literal: Some(Literal::Int(1)), ..Typed::truth_value("true") }),
            "false" => Ok(Typed { literal: Some(Literal::Int(0)), ..Typed::truth_value("false") }),
            _ => Err(Untranslatable::new(format!("`{name}` (no column of that name comes along)"))),
        }
    }

    fn qualified(&mut self, table: &Name<'_>, column: &Name<'_>) -> Result<Typed> {
        let (table, column) = (parse::name(table.0), parse::name(column.0));
        self.column(Some(&table), &column)?
            .ok_or_else(|| Untranslatable::new(format!("`{table}.{column}` (no column of that name comes along)")))
    }

    pub fn alias(&self, name: &str) -> Option<Typed> {
        let aliases = &self.frames.last()?.aliases;
        aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, typed)| typed.clone())
    }

    /// The column of that name, from the innermost query outwards.
    pub fn column(&mut self, qualifier: Option<&str>, name: &str) -> Result<Option<Typed>> {
        for at in (0..self.frames.len()).rev() {
            let Some((source, typed)) = resolve(&self.frames[at].sources, qualifier, name)? else { continue };
            if typed.pg == PgType::Timestamptz || typed.sql.starts_with("(extract") {
                // how an instant is taken apart depends on the session's time zone
                self.immutable = false;
            }
            let frame = &mut self.frames[at];
            if let Some(groups) = &frame.groups {
                let source = &frame.sources[source];
                let key: Vec<String> = source
                    .key
                    .iter()
                    .filter_map(|name| source.column(name).map(|column| source.reference(column).sql))
                    .collect();
                let covered =
                    groups.contains(&typed.sql) || (!key.is_empty() && key.iter().all(|k| groups.contains(k)));
                if !covered {
                    frame.loose.push(format!("{}.{name}", source.name));
                }
            }
            return Ok(Some(typed));
        }
        Ok(None)
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr<'_>) -> Result<Typed> {
        if operator == UnaryOperator::Negative
            && let Expr::Literal(Lit::Numeric(digits)) = inner
            && let Some(literal) = numbers::literal(digits, true)
        {
            return Ok(literal);
        }
        let value = self.expr(inner)?;
        match operator {
            UnaryOperator::Not => Ok(Typed::truth_value(format!("(NOT {})", value.truth()?))),
            // takes away the affinity, and nothing else
            UnaryOperator::Positive => Ok(Typed { affinity: None, ..value }),
            UnaryOperator::Negative => numbers::negate(&value),
            UnaryOperator::BitwiseNot => numbers::bits(&value).map(|sql| Typed::int(format!("(~ {sql})"))),
        }
    }

    fn binary(&mut self, left: &Expr<'_>, operator: Operator, right: &Expr<'_>, whole: &Expr<'_>) -> Result<Typed> {
        let comparison = match operator {
            Operator::And | Operator::Or => {
                let word = if operator == Operator::And { "AND" } else { "OR" };
                let (left, right) = (self.expr(left)?.truth()?, self.expr(right)?.truth()?);
                return Ok(Typed::truth_value(format!("({left} {word} {right})")));
            }
            Operator::ArrowRight | Operator::ArrowRightShift => return json::arrow(self, left, operator, right),
            Operator::Concat => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                let (left, right) = (self.text_of(&left)?, self.text_of(&right)?);
                return Ok(Typed::text(format!("({left} || {right})")));
            }
            Operator::Equals => Comparison::Equals,
            Operator::NotEquals => Comparison::NotEquals,
            Operator::Less => Comparison::Less,
            Operator::LessEquals => Comparison::LessEquals,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterEquals => Comparison::GreaterEquals,
            Operator::Is => Comparison::Is,
            Operator::IsNot => Comparison::IsNot,
            _ => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                return numbers::arithmetic(operator, &left, &right)
                    .map_err(|error| Untranslatable::new(format!("`{whole}`: {}", error.construct)));
            }
        };
        if let (Expr::Parenthesized(left), Expr::Parenthesized(right)) = (left, right)
            && left.len() > 1
            && left.len() == right.len()
            && comparison == Comparison::Equals
        {
            let mut parts = Vec::new();
            for (left, right) in left.iter().zip(right.iter()) {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                parts.push(compare::compare(self, comparison, &left, &right)?);
            }
            return Ok(Typed::truth_value(format!("({})", parts.join(" AND "))));
        }
        // `x IS TRUE` asks for the truth of x, unlike `x IS 1`
        if matches!(comparison, Comparison::Is | Comparison::IsNot)
            && let Expr::Id(id) = parse::bare(right)
            && ["true", "false"].contains(&id.0.to_ascii_lowercase().as_str())
            && self.column(None, id.0)?.is_none()
        {
            let not = if comparison == Comparison::IsNot { "NOT " } else { "" };
            let truth = self.expr(left)?.truth()?;
            return Ok(Typed::truth_value(format!("({truth} IS {not}{})", id.0.to_ascii_uppercase())));
        }
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let sql = compare::compare(self, comparison, &left, &right)
            .map_err(|error| Untranslatable::new(format!("`{whole}`: {}", error.construct)))?;
        Ok(Typed::truth_value(sql))
    }

    fn case(
        &mut self,
        base: Option<&Expr<'_>>,
        pairs: &[(Expr<'_>, Expr<'_>)],
        otherwise: Option<&Expr<'_>>,
    ) -> Result<Typed> {
        let base = base.map(|base| self.expr(base)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (when, then) in pairs {
            let when = self.expr(when)?;
            conditions.push(match &base {
                Some(base) => compare::compare(self, Comparison::Equals, base, &when)?,
                None => when.truth()?,
            });
            results.push(self.expr(then)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expr(otherwise)?);
        }
        let (results, like) = self.unify(&results)?;
        let mut sql = "CASE".to_owned();
        for (condition, result) in conditions.iter().zip(&results) {
            sql.push_str(&format!(" WHEN {condition} THEN {result}"));
        }
        if otherwise.is_some() {
            sql.push_str(&format!(" ELSE {}", results[results.len() - 1]));
        }
        Ok(Typed { sql: format!("{sql} END"), ..like })
    }

    fn in_list(&mut self, value: &Expr<'_>, not: bool, list: &[Expr<'_>]) -> Result<Typed> {
        if list.is_empty() {
            return Ok(Typed::truth_value(not.to_string()));
        }
        let value = self.expr(value)?;
        // the list's items get no affinity of their own, the value's is applied to each
        let mut items = Vec::new();
        for item in list {
            let item = self.expr(item)?;
            items.push(Typed { affinity: None, collation: None, explicit: false, ..item });
        }
        let sql = compare::in_items(self, &value, &items)?;
        Ok(Typed::truth_value(if not { format!("(NOT {sql})") } else { sql }))
    }
}
