//! Keys and sequences that come near the end of their numbers.

use std::collections::BTreeMap;

use super::{Rule, Subjects, words};
use crate::Dialect;
use crate::audit::finding::{Finding, Remedy, Severity, Subject};
use crate::audit::schema::{Column, ForeignKey, Table};
use crate::audit::statistics::Sequence;

/// The part of the numbers from which on it is a warning: time is left to plan the change.
pub const WARNING_FROM: f64 = 0.60;

/// The part of the numbers from which on it is an error.
pub const ERROR_FROM: f64 = 0.85;

pub(super) const RULE: Rule = Rule {
    name: "key-near-maximum",
    summary: "Keys and sequences that have used up most of the numbers that their type or their own maximum allows.",
    severity: Severity::Error,
    on: true,
    check,
};

/// Something that comes to its end.
struct Near {
    /// The part that is used up.
    used: f64,
    subject: Subject,
    message: String,
    why: String,
    remedy: Remedy,
}

/// A column of a table, by its place.
type Place<'a> = (usize, &'a str);

/// The worst of each column, and sequences that fill none.
#[derive(Default)]
struct Found<'a> {
    columns: BTreeMap<Place<'a>, Near>,
    others: Vec<Near>,
    /// How far columns have come: what rows hold, or what their sequence has given.
    reached: BTreeMap<Place<'a>, i64>,
}

fn check(subjects: &Subjects<'_>) -> Vec<Finding> {
    let mut found = Found::default();
    for sequence in &subjects.statistics.sequences {
        of_sequence(subjects, sequence, &mut found);
    }
    of_columns(subjects, &mut found);
    of_foreign_keys(subjects, &mut found);
    let mut findings = Vec::new();
    for (place, near) in found.columns {
        findings.push(finding(near, &referring(subjects, place)));
    }
    findings.extend(found.others.into_iter().map(|near| finding(near, "")));
    findings
}

fn finding(near: Near, referring: &str) -> Finding {
    Finding {
        rule: RULE.name,
        severity: if near.used >= ERROR_FROM { Severity::Error } else { Severity::Warning },
        subject: near.subject,
        message: near.message,
        explanation: format!("{}{referring}", near.why),
        remedy: near.remedy,
    }
}

/// The part of the numbers that is used up, counted from 0; 1 where there is no number left. Where numbers run towards 0
/// nobody knows from where, so that nothing but the end counts.
fn used(last: i64, step: i64, limit: i64) -> f64 {
    let next = i128::from(last) + i128::from(step);
    let is_over = if step < 0 { next < i128::from(limit) } else { next > i128::from(limit) };
    if is_over {
        1.0
    } else if limit != 0 && last != 0 && (last < 0) == (limit < 0) && (step < 0) == (limit < 0) {
        last as f64 / limit as f64
    } else {
        0.0
    }
}

fn percent(used: f64) -> String {
    if used >= 1.0 { "all".to_owned() } else { format!("{} %", (used * 100.0).floor()) }
}

fn of_sequence<'a>(subjects: &Subjects<'a>, sequence: &'a Sequence, found: &mut Found<'a>) {
    let Some(last) = sequence.last else { return };
    let place = sequence.column.as_ref().and_then(|((schema, table), column)| {
        let at = subjects.places.table(schema, table)?;
        Some((at, subjects.schema.tables[at].column(column)?))
    });
    // a column that counts down ends at the least number of its type
    let down = sequence.increment < 0;
    let end = place.and_then(|(_, column)| column.maximum).map(|maximum| if down { -maximum - 1 } else { maximum });
    let limit = match end {
        Some(end) if down => end.max(sequence.maximum),
        Some(end) => end.min(sequence.maximum),
        None => sequence.maximum,
    };
    let by_column = limit != sequence.maximum;
    if let Some((at, column)) = place
        && !down
    {
        let reached = found.reached.entry((at, &column.name)).or_insert(last);
        *reached = last.max(*reached);
    }
    let wraps = sequence.cycles && !by_column;
    if wraps && !place.is_some_and(|(at, column)| is_unique(&subjects.schema.tables[at], &column.name)) {
        // beginning anew is what it is for
        return;
    }
    let used = used(last, sequence.increment, limit);
    if used < WARNING_FROM {
        return;
    }
    let near = near_of_sequence(subjects, sequence, place, (last, limit, used));
    match place {
        Some((at, column)) => keep_worst(&mut found.columns, (at, &column.name), near),
        None => found.others.push(near),
    }
}

fn near_of_sequence(
    subjects: &Subjects<'_>,
    sequence: &Sequence,
    place: Option<(usize, &Column)>,
    (last, limit, used): (i64, i64, f64),
) -> Near {
    let dialect = subjects.schema.dialect;
    let name = words::plain(dialect, &sequence.schema, &sequence.name);
    let what = match dialect {
        Dialect::Sqlite => format!("AUTOINCREMENT of `{name}`"),
        Dialect::Postgres => format!("The sequence `{name}`"),
    };
    let by_column = limit != sequence.maximum;
    let column = place.map(|(at, column)| {
        let table = words::plain(dialect, &subjects.schema.tables[at].schema, &subjects.schema.tables[at].name);
        (format!("`{table}.{}`", column.name), format!("`{}`", column.declared))
    });
    let ends = match &column {
        Some((column, declared)) if by_column => format!("what its column {column} ({declared}) can hold"),
        _ => "its own maximum".to_owned(),
    };
    let message =
        format!("{what} stands at {}: {} of {ends}, {}.", words::number(last), percent(used), words::number(limit));
    let then = if sequence.cycles && !by_column {
        "Then it begins anew, and gives numbers that are there already: INSERT fails."
    } else {
        "When that is reached, every INSERT that needs a new number fails."
    };
    let beyond = if by_column {
        format!(" The sequence itself would go on to {}.", words::number(sequence.maximum))
    } else {
        String::new()
    };
    let subject = match place {
        Some((at, column)) => {
            words::subject(&subjects.schema.tables[at], vec![column.name.clone()], Some(&sequence.name))
        }
        None => Subject { schema: sequence.schema.clone(), object: Some(sequence.name.clone()), ..Subject::default() },
    };
    Near { used, subject, message, why: format!("{then}{beyond}"), remedy: widen_sequence(subjects, sequence, place) }
}

/// More numbers for a sequence, and for its column where that ends with it.
fn widen_sequence(subjects: &Subjects<'_>, sequence: &Sequence, place: Option<(usize, &Column)>) -> Remedy {
    let dialect = subjects.schema.dialect;
    let down = sequence.increment < 0;
    let far = if down { i64::MIN } else { i64::MAX };
    if dialect == Dialect::Sqlite
        || sequence.maximum == far && place.is_none_or(|(_, column)| column.maximum == Some(i64::MAX))
    {
        return Remedy::Advice(
            "No integer type goes further: number the rows anew, or by another kind of key.".to_owned(),
        );
    }
    let name = words::quoted(dialect, &sequence.schema, &sequence.name);
    let bound = if down { "MINVALUE" } else { "MAXVALUE" };
    let more = format!("ALTER SEQUENCE {name} AS bigint {bound} {far};");
    let Some((at, column)) = place else { return Remedy::Statement(more) };
    let end = column.maximum.map(|maximum| if down { -maximum - 1 } else { maximum });
    match end {
        // the column has room: only the sequence has none
        Some(end) if end != far && (if down { end < sequence.maximum } else { end > sequence.maximum }) => {
            Remedy::Statement(format!("ALTER SEQUENCE {name} {bound} {end};"))
        }
        Some(end) if end != far => match widen_column(subjects, at, column) {
            Remedy::Statement(column) if sequence.maximum != far => Remedy::Statement(format!("{column}\n{more}")),
            Remedy::Advice(advice) if sequence.maximum != far => {
                Remedy::Advice(format!("{advice} And the sequence: `{more}`"))
            }
            remedy => remedy,
        },
        _ => Remedy::Statement(more),
    }
}

/// Whether a column is unique by itself.
fn is_unique(table: &Table, column: &str) -> bool {
    table.indexes.iter().any(|index| index.unique && words::key_columns(index) == [column])
        || table.primary_key == [column]
}

fn of_columns<'a>(subjects: &Subjects<'a>, found: &mut Found<'a>) {
    for (((schema, table), column), statistics) in &subjects.statistics.columns {
        let Some(largest) = statistics.largest else { continue };
        let Some(at) = subjects.places.table(schema, table) else { continue };
        let table = &subjects.schema.tables[at];
        let Some(column) = table.column(column) else { continue };
        let reached = found.reached.entry((at, &column.name)).or_insert(largest);
        *reached = largest.max(*reached);
        let Some(maximum) = column.maximum else { continue };
        let used = used(largest, 1, maximum);
        if used < WARNING_FROM {
            continue;
        }
        let name = words::plain(subjects.schema.dialect, &table.schema, &table.name);
        let near = Near {
            used,
            subject: words::subject(table, vec![column.name.clone()], None),
            message: format!(
                "The largest value of `{name}.{}` is {}: {} of what `{}` can hold, {}.",
                column.name,
                words::number(largest),
                percent(used),
                column.declared,
                words::number(maximum)
            ),
            why: "When that is reached, every INSERT that needs a new number fails.".to_owned(),
            remedy: widen_column(subjects, at, column),
        };
        keep_worst(&mut found.columns, (at, &column.name), near);
    }
}

/// Columns that refer to a key of a wider type, which has come near what they hold.
fn of_foreign_keys<'a>(subjects: &Subjects<'a>, found: &mut Found<'a>) {
    if found.reached.is_empty() {
        return;
    }
    for (at, table, foreign_key, _) in subjects.foreign_keys() {
        let Some(parent_at) = subjects.places.table(&foreign_key.parent_schema, &foreign_key.parent) else { continue };
        let parent = &subjects.schema.tables[parent_at];
        for pair in &foreign_key.columns {
            let (Some(column), Some(theirs)) = (table.column(&pair.column), parent.column(&pair.parent_column)) else {
                continue;
            };
            let Some(&reached) = found.reached.get(&(parent_at, &*theirs.name)) else { continue };
            let Some(maximum) = column.maximum.filter(|maximum| theirs.maximum.is_some_and(|theirs| *maximum < theirs))
            else {
                continue;
            };
            let used = used(reached, 1, maximum);
            if used < WARNING_FROM {
                continue;
            }
            let dialect = subjects.schema.dialect;
            let near = Near {
                used,
                subject: words::subject(table, vec![column.name.clone()], foreign_key.name.as_deref()),
                message: format!(
                    "`{}.{}` (`{}`) refers to `{}.{}` (`{}`), which has come to {}: {} of what the referring column can hold, {}.",
                    words::plain(dialect, &table.schema, &table.name),
                    column.name,
                    column.declared,
                    words::plain(dialect, &parent.schema, &parent.name),
                    theirs.name,
                    theirs.declared,
                    words::number(reached),
                    percent(used),
                    words::number(maximum),
                ),
                why: "The parent's key goes on beyond that: rows that refer to such a key can't be inserted."
                    .to_owned(),
                remedy: widen_column(subjects, at, column),
            };
            keep_worst(&mut found.columns, (at, &column.name), near);
        }
    }
}

fn widen_column(subjects: &Subjects<'_>, at: usize, column: &Column) -> Remedy {
    if column.maximum == Some(i64::MAX) {
        return Remedy::Advice(
            "No integer type goes further: number the rows anew, or by another kind of key.".to_owned(),
        );
    }
    if is_domain(subjects, column) {
        let alter = words::alter_type(subjects, at, &column.name, "…");
        return Remedy::Advice(format!(
            "What the domain `{}` is over can't be changed: make a domain over bigint with the same constraints, and give \
             the column that, `{alter}`.",
            column.declared
        ));
    }
    Remedy::Statement(words::alter_type(subjects, at, &column.name, "bigint"))
}

/// Whether an integer column has its type by way of a domain.
fn is_domain(subjects: &Subjects<'_>, column: &Column) -> bool {
    let plain = ["smallint", "integer", "bigint"].contains(&column.declared.as_str());
    subjects.schema.dialect == Dialect::Postgres && !plain
}

fn keep_worst<'a>(columns: &mut BTreeMap<Place<'a>, Near>, place: Place<'a>, near: Near) {
    match columns.get_mut(&place) {
        Some(other) if other.used >= near.used => {}
        Some(other) => *other = near,
        None => {
            columns.insert(place, near);
        }
    }
}

/// What else has to be widened with a column, and what that costs.
fn referring(subjects: &Subjects<'_>, (at, column): Place<'_>) -> String {
    let parent = &subjects.schema.tables[at];
    let maximum = parent.column(column).and_then(|column| column.maximum);
    let refers = |(_, table, foreign_key, _): &(usize, &Table, &ForeignKey, _)| {
        let to = foreign_key.parent == parent.name && foreign_key.parent_schema == parent.schema;
        let pair = foreign_key.columns.iter().find(|pair| pair.parent_column == column).filter(|_| to)?;
        let own = table.column(&pair.column)?;
        (own.maximum? <= maximum?)
            .then(|| format!("{}.{}", words::plain(subjects.schema.dialect, &table.schema, &table.name), pair.column))
    };
    let referring: Vec<_> = subjects.foreign_keys().filter_map(|subject| refers(&subject)).collect();
    let costs = match subjects.schema.dialect {
        Dialect::Postgres if maximum != Some(i64::MAX) => {
            " A change of type writes the whole table anew and keeps everybody off meanwhile: plan it, or fill a new column \
             beside the old one."
        }
        Dialect::Postgres | Dialect::Sqlite => "",
    };
    if referring.is_empty() || maximum == Some(i64::MAX) {
        return costs.to_owned();
    }
    format!(
        "{costs} These columns refer to it and are no wider: {}.",
        words::list(referring.iter().map(String::as_str))
    )
}

#[cfg(test)]
#[path = "key_near_maximum_tests.rs"]
mod tests;
