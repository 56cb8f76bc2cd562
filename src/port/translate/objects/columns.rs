//! What belongs to one column or one row: NOT NULL, defaults, generation, checks.

use super::Context;
use crate::Dialect;
use crate::port::options::Nocase;
use crate::port::plan::{CheckPlan, Level, TablePlan};
use crate::port::translate::defaults::translate_default;
use crate::port::translate::{Want, ddl, translate};
use crate::value::PgType;

impl Context<'_> {
    pub(super) fn columns(&mut self, planned: &mut TablePlan) {
        for at in 0..planned.columns.len() {
            let Some(column) = self.table.column(&planned.columns[at].source).cloned() else { continue };
            let alias = self.table.rowid_alias().is_some_and(|alias| alias.eq_ignore_ascii_case(&column.name));
            let nulls = self.facts.column(&self.table.name, &column.name).nulls;
            if column.not_null && nulls > 0 {
                let message = format!(
                    "`{}` is NOT NULL, yet {nulls} rows hold NULL there; the column is made without NOT NULL.",
                    column.name
                );
                self.find("not-null", Level::LeftOut, &column.name, message).rows = nulls;
            }
            let nocase = column.collation.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("NOCASE"));
            let icu = nocase && self.options.nocase == Nocase::Icu && planned.columns[at].pg_type == PgType::Text;
            let target = &mut planned.columns[at];
            target.not_null = alias || (column.not_null && nulls == 0);
            if icu {
                target.collation = Some(ddl::NOCASE_COLLATION.to_owned());
            }
            let pg_type = target.pg_type.clone();
            if nocase
                && self.options.nocase == Nocase::LowerIndex
                && matches!(pg_type, PgType::Text | PgType::Varchar(_))
            {
                let message = format!(
                    "`{}` is COLLATE NOCASE in SQLite: 'a' = 'A' there. In PostgreSQL `=` is by bytes; queries that \
                     rely on it can compare lower(…). Keys and indexes on it still ignore the case of ASCII letters.",
                    column.name
                );
                let finding = self.find("nocase", Level::Change, &column.name, message);
                finding.choices = vec!["nocase: citext".to_owned(), "nocase: icu".to_owned()];
            }
            if let Some(default) = &column.default
                && planned.columns[at].identity.is_none()
                && column.generated.is_none()
            {
                match translate_default(default, column.affinity, &pg_type) {
                    Ok(sql) => planned.columns[at].default = sql,
                    Err(error) => {
                        let message = format!(
                            "The default of `{}` is left out: {default}. {}.",
                            column.name,
                            sentence(&error.to_string())
                        );
                        self.find("default", Level::LeftOut, &column.name, message);
                    }
                }
            }
        }
        self.generated(planned);
    }

    fn generated(&mut self, planned: &mut TablePlan) {
        let scope = self.scope(planned);
        let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
        let is_generated = |source: &str| self.table.column(source).is_some_and(|column| column.generated.is_some());
        let others: Vec<String> = planned
            .columns
            .iter()
            .filter(|column| is_generated(&column.source))
            .map(|column| quote(&column.target))
            .collect();
        for at in 0..planned.columns.len() {
            let Some(column) = self.table.column(&planned.columns[at].source).cloned() else { continue };
            let Some(generated) = &column.generated else { continue };
            let why =
                match translate(&generated.expression, &scope, &Want::Generated(planned.columns[at].pg_type.clone())) {
                    Ok(sql) if others.iter().any(|other| sql.text.contains(other)) => {
                        "PostgreSQL has no generated column of another generated column".to_owned()
                    }
                    Ok(sql) => {
                        planned.columns[at].generated = Some(sql.text);
                        self.assume(&column.name, sql.assumptions);
                        if !generated.stored {
                            let message = format!(
                                "`{}` is computed whenever it is read in SQLite (VIRTUAL); in PostgreSQL it is stored.",
                                column.name
                            );
                            self.find("generated-stored", Level::Note, &column.name, message);
                        }
                        continue;
                    }
                    Err(error) => error.to_string(),
                };
            let message = format!(
                "`{}` is generated in SQLite as ({}). {}; it becomes a plain column that keeps its values, and new \
                 rows must bring their own.",
                column.name,
                generated.expression,
                sentence(&why)
            );
            self.find("generated-as-plain", Level::Change, &column.name, message);
        }
    }

    pub(super) fn checks(&mut self, planned: &mut TablePlan) {
        let scope = self.scope(planned);
        for (at, check) in self.table.checks.clone().into_iter().enumerate() {
            let shown = check.name.clone().unwrap_or_else(|| check.expression.clone());
            match translate(&check.expression, &scope, &Want::Condition) {
                Ok(sql) => {
                    let wanted = check.name.clone().unwrap_or_else(|| format!("{}_check", planned.target));
                    let name = self.names.constraint(&planned.source, &wanted);
                    let not_valid = self.facts.broken.checks.contains(&(self.table.name.clone(), at));
                    self.assume(&shown, sql.assumptions);
                    planned.checks.push(CheckPlan { name, expression: sql.text, not_valid });
                }
                Err(error) => {
                    let message =
                        format!("The CHECK ({}) is left out: {}.", check.expression, sentence(&error.to_string()));
                    self.find("check", Level::LeftOut, &shown, message);
                }
            }
        }
    }
}

/// A reason with a capital letter, to stand by itself.
pub(super) fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
