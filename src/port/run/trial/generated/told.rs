//! What is told of generated columns that are not in PostgreSQL what they are in SQLite.

use super::{Computed, DIFFERS, Found, TARGET, TARGET_FAILS};
use crate::port::Port;
use crate::port::copy::OnError;
use crate::port::plan::{Finding, Level, TablePlan};
use crate::port::run::planning::PUT_ASIDE;
use crate::port::run::trial::rules::is_filled_elsewhere;
use crate::port::scan::Tally;
use crate::port::target::{TargetTable, quoted};
use crate::schema::Table;
use crate::words::thousands;

/// A table whose columns are told of.
pub(super) struct Told<'a> {
    pub port: &'a Port<'a>,
    pub table: &'a TablePlan,
    pub source: &'a Table,
    /// The target's, where it has it.
    pub there: Option<&'a TargetTable>,
    /// Nobody has edited the plan, and nothing is written yet: it may be changed.
    pub is_ours: bool,
}

impl Told<'_> {
    fn finding(&self, code: &str, column: &Computed<'_>, message: String) -> Finding {
        Finding {
            code: code.to_owned(),
            level: Level::Blocker,
            table: Some(self.table.source.clone()),
            object: Some(column.held.map_or(&column.name, |held| &held.source).clone()),
            message,
            ..Finding::default()
        }
    }

    /// That nothing was found out about a column.
    pub fn untried(&self, column: &Computed<'_>, why: &str) -> Finding {
        let message = format!(
            "whether PostgreSQL computes `{}` as {} for every row, and to what SQLite holds, is not known before the copy: \
             {why}",
            column.name,
            in_parentheses(&column.expression)
        );
        Finding { level: Level::Note, ..self.finding("generated-untried", column, message) }
    }

    /// What was found out about a column; nothing where all is well.
    pub fn about(&self, column: &Computed<'_>, found: &Found) -> Vec<Finding> {
        if let Some(error) = &found.refused {
            // a type or collation that the run makes first
            let is_own = error.code.as_deref().is_some_and(|code| code.starts_with("42") && !LATER.contains(&code));
            if self.table.existing || !is_own {
                let fills = self.there.iter().flat_map(|there| &there.columns).find(|one| {
                    is_filled_elsewhere(self.table, one) && error.message.contains(&format!("\"{}\"", one.name))
                });
                let why = fills.map(|one| format!("it reads `{}`, which the target fills itself", one.name));
                return vec![self.untried(column, why.as_ref().unwrap_or(&error.message))];
            }
            let message = format!(
                "PostgreSQL does not take {} for `{}`: {}",
                in_parentheses(&column.expression),
                column.name,
                error.message
            );
            let mut finding = self.finding(DIFFERS, column, message);
            self.decide(column, &mut finding);
            return vec![finding];
        }
        if self.table.existing {
            return self.of_target(column, found);
        }
        let (fails, differs) = (&found.fails, &found.differs);
        if self.is_ours || self.port.on_error != OnError::Quarantine {
            let gives = match (fails.is_empty(), differs.is_empty()) {
                (false, true) => FAILS,
                (true, false) => GIVES,
                _ => "gives something else, or an error,",
            };
            let mut all = fails.clone();
            all.join(differs);
            return self.of_plan(column, gives, &all, found.gave_up).into_iter().collect();
        }
        // rows that the server refuses are put aside, others are not
        let aside = self.of_plan(column, FAILS, fails, found.gave_up).map(|mut finding| {
            put_aside(&mut finding);
            finding
        });
        aside.into_iter().chain(self.of_plan(column, GIVES, differs, false)).collect()
    }

    fn of_plan(&self, column: &Computed<'_>, gives: &str, rows: &Tally, at_least: bool) -> Option<Finding> {
        let generated = self.source.column(&column.held?.source).and_then(|own| own.generated.as_ref());
        let message = format!(
            "`{}` is generated in SQLite as ({}); in PostgreSQL {} {gives} for {}",
            column.held?.source,
            generated.map_or("", |generated| generated.expression.as_str()),
            in_parentheses(&column.expression),
            self.rows(rows, at_least),
        );
        let mut finding = self.with_rows(self.finding(DIFFERS, column, message), rows)?;
        self.decide(column, &mut finding);
        Some(finding)
    }

    /// Our own plan takes a plain column instead; one that a person has edited is theirs to change.
    fn decide(&self, column: &Computed<'_>, finding: &mut Finding) {
        if self.is_ours {
            finding.level = Level::Change;
            finding
                .message
                .push_str("; it becomes a plain column that keeps its values, and new rows must bring their own");
        } else {
            finding.choices = vec![format!(
                "take `generated` out of the column `{}` in the plan: it becomes a plain column that keeps its values",
                column.name
            )];
            if finding.rows > 0 {
                finding.choices.push("correct these rows in the source".to_owned());
            }
        }
    }

    fn of_target(&self, column: &Computed<'_>, found: &Found) -> Vec<Finding> {
        let (table, name) = (&self.table.source, &column.name);
        let message = format!(
            "the target can't compute `{name}` as {} for {}",
            in_parentheses(&column.expression),
            self.rows(&found.fails, found.gave_up)
        );
        let mut fails = self.with_rows(self.finding(TARGET_FAILS, column, message), &found.fails);
        if let Some(finding) = &mut fails {
            finding.choices =
                vec!["correct these rows in the source".to_owned(), "change the expression in the target".to_owned()];
            // rows beside others go in all at once
            let aside = self.table.beside.is_none();
            if aside && self.port.on_error == OnError::Quarantine {
                put_aside(finding);
            } else if aside {
                finding.choices.push("put these rows aside: --on-error quarantine".to_owned());
            }
        }
        let message = format!(
            "the target computes `{name}` as {}, which is not what the source holds in {}",
            in_parentheses(&column.expression),
            self.rows(&found.differs, false)
        );
        let mut differs = self.with_rows(self.finding(TARGET, column, message), &found.differs);
        if let Some(finding) = &mut differs {
            let object = finding.object.clone().unwrap_or_default();
            finding.choices = vec![
                format!(
                    "make it a plain column in the target, into which its values are copied: ALTER TABLE … ALTER COLUMN {} \
                     DROP EXPRESSION",
                    quoted(name)
                ),
                "correct the expression in the target, or these rows in the source".to_owned(),
                format!("leave the source's values behind: `--accept {TARGET}:{table}.{object}`"),
            ];
        }
        fails.into_iter().chain(differs).collect()
    }

    /// `at least 100 of 3,000 rows, the first at rowid 2: …`.
    fn rows(&self, rows: &Tally, at_least: bool) -> String {
        format!(
            "{}{} of {} rows, the first at {}",
            if at_least { "at least " } else { "" },
            thousands(rows.count),
            thousands(self.table.rows),
            rows.examples.first().map_or("", String::as_str)
        )
    }

    fn with_rows(&self, finding: Finding, rows: &Tally) -> Option<Finding> {
        let (examples, affected) = (rows.examples.clone(), rows.affected.clone());
        (!rows.is_empty()).then_some(Finding { rows: rows.count, examples, affected, ..finding })
    }
}

/// `undefined_object` and `insufficient_privilege`: what does not speak of the expression itself.
const LATER: [&str; 2] = ["42704", "42501"];

/// What an expression does that raises an error.
const FAILS: &str = "gives an error";

/// What an expression does that gives another value.
const GIVES: &str = "gives something else";

fn put_aside(finding: &mut Finding) {
    finding.level = Level::Change;
    finding.message.push_str(PUT_ASIDE);
    finding.choices.clear();
}

/// An expression in parentheses of its own, where it has none.
fn in_parentheses(expression: &str) -> String {
    let mut open = 0u32;
    // what stands in quotes may have the one or the other alone: then there are two pairs, and no harm is done
    let closes_early = expression.char_indices().any(|(at, letter)| {
        match letter {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && at + 1 < expression.len()
    });
    if closes_early || !expression.ends_with(')') { format!("({expression})") } else { expression.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::in_parentheses;

    #[test]
    fn an_expression_has_one_pair_of_parentheses() {
        for (expression, shown) in [
            ("(a * b)", "(a * b)"),
            ("a", "(a)"),
            ("(a) * (b)", "((a) * (b))"),
            ("upper(a)", "(upper(a))"),
            ("((a * b)::text)", "((a * b)::text)"),
        ] {
            assert_eq!(in_parentheses(expression), shown);
        }
    }
}
