//! What is told of rows that the target will not take.

use super::keys::Among;
use super::rules::{Kind, Rule, Untried};
use crate::port::Port;
use crate::port::copy::OnError;
use crate::port::plan::{Finding, Level, TablePlan};
use crate::port::run::planning::PUT_ASIDE;
use crate::port::scan::Tally;
use crate::words::thousands;

impl Kind {
    /// By which word a program knows it, and a person accepts it.
    fn code(self) -> &'static str {
        match self {
            Self::Check => "target-check",
            Self::Partition => "target-partition",
            Self::Held { .. } => "target-conflict",
            Self::Among => "target-duplicate",
        }
    }

    /// What rows do, before the demand is named.
    fn verb(self, rows: u64) -> &'static str {
        match (self, rows) {
            (Self::Check, 1) => "breaks",
            (Self::Check, _) => "break",
            (Self::Partition, 1) => "fits none of",
            (Self::Partition, _) => "fit none of",
            (Self::Held { .. }, 1) => "meets a row that the target holds already, in",
            (Self::Held { .. }, _) => "meet rows that the target holds already, in",
            (Self::Among, 1) => "meets a row before it, in",
            (Self::Among, _) => "meet rows before them, in",
        }
    }

    fn choices(self) -> Vec<String> {
        let choices: &[&str] = match self {
            Self::Check => &["correct these rows in the source", "change the constraint in the target"],
            Self::Partition => &["correct these rows in the source", "make a partition for them in the target"],
            Self::Held { primary: true } => &[
                "say what becomes of them: `--on-conflict skip|replace`",
                "empty the tables first: `--truncate`",
                "remove the rows from the target, or these from the source",
            ],
            Self::Held { primary: false } => {
                &["empty the tables first: `--truncate`", "remove the rows from the target, or these from the source"]
            }
            Self::Among => &["correct these rows in the source", "drop or change what has to be unique in the target"],
        };
        choices.iter().map(|&choice| choice.to_owned()).collect()
    }
}

/// That a rule refuses rows.
pub(super) fn broken(port: &Port<'_>, table: &TablePlan, rule: &Rule, tally: &Tally) -> Finding {
    let at_least = rule.gave_up.get();
    finding(port, table, rule.kind, (&rule.object, &rule.said), (tally, at_least), true)
}

/// That rows meet others of the source.
pub(super) fn met(port: &Port<'_>, table: &TablePlan, among: &Among, tally: &Tally) -> Finding {
    finding(port, table, Kind::Among, (&among.object, &among.said), (tally, false), !among.deferred)
}

fn finding(
    port: &Port<'_>,
    table: &TablePlan,
    kind: Kind,
    (object, said): (&str, &str),
    (tally, at_least): (&Tally, bool),
    one_by_one: bool,
) -> Finding {
    let first = tally.examples.first().map_or("", String::as_str);
    let finding = Finding {
        code: kind.code().to_owned(),
        level: Level::Blocker,
        table: Some(table.source.clone()),
        object: Some(object.to_owned()),
        message: format!(
            "{}{} of {} rows {} {said}, the first at {first}",
            if at_least { "at least " } else { "" },
            thousands(tally.count),
            thousands(table.rows),
            kind.verb(tally.count),
        ),
        rows: tally.count,
        examples: tally.examples.clone(),
        affected: tally.affected.clone(),
        choices: kind.choices(),
        ..Finding::default()
    };
    // rows beside others go in all at once
    if table.beside.is_none() && one_by_one { may_be_put_aside(port, finding) } else { finding }
}

/// A finding of rows that can be put aside: what becomes of them, or the choice.
pub(super) fn may_be_put_aside(port: &Port<'_>, mut finding: Finding) -> Finding {
    if port.on_error == OnError::Quarantine {
        finding.level = Level::Change;
        finding.message.push_str(PUT_ASIDE);
        finding.choices.clear();
    } else {
        finding.choices.push("put these rows aside: --on-error quarantine".to_owned());
    }
    finding
}

/// That a demand could not be tried.
pub(super) fn not_tried(table: &TablePlan, untried: &Untried) -> Finding {
    Finding {
        code: "target-check-untried".to_owned(),
        level: Level::Note,
        table: Some(table.source.clone()),
        object: Some(untried.object.clone()),
        message: format!("whether every row keeps {} is not known before the copy: {}", untried.said, untried.why),
        ..Finding::default()
    }
}
