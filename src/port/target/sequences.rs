//! Sets the sequences behind filled columns so that what they give next is taken by no row, and proves it.

use std::collections::BTreeMap;

use super::schema::Sequence;
use super::{TargetError, TargetSchema, literal, qualified, quoted};
use crate::db::Statements;

/// Where a sequence was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceSet {
    /// The sequence's schema.
    pub schema: String,
    /// The sequence.
    pub name: String,
    /// The columns it is for: `table` and `column`.
    pub columns: Vec<(String, String)>,
    /// What it gives next; `None` where it is at its end.
    pub next: Option<i64>,
    /// Why it needs a person's eye: it is at its end, or it serves a column that is no number.
    pub remark: Option<String>,
}

/// What a sequence gives next, against what its columns hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceCheck {
    /// The sequence's schema.
    pub schema: String,
    /// The sequence.
    pub name: String,
    /// What it gives next, before it meets its end.
    pub next: i64,
    /// The furthest value that its columns hold, in the direction in which it counts.
    pub furthest: Option<i64>,
    /// It gives nothing, now or later, that a row holds already; where it cycles, not before it has reached its end.
    pub safe: bool,
}

/// Sets each sequence that a column of `tables` takes its values from (identity, serial, or `nextval` in a default)
/// to the greatest value that any of its columns holds, wherever these are, and at least to what `sqlite_sequence`
/// said (`given`: table and column in the target → value). Where there is none, or none from the sequence's start on, it begins at
/// its start. One that counts down goes by the least value. A sequence keeps to its own steps from its start, and one
/// that also serves tables that are not among `tables` is never moved back.
///
/// # Errors
/// [`TargetError`] of the server; then no sequence was set.
pub fn set_sequences(
    db: &mut impl Statements,
    schema: &str,
    tables: &[String],
    given: &BTreeMap<(String, String), i64>,
) -> Result<Vec<SequenceSet>, TargetError> {
    let all = TargetSchema::read_sequences(db, schema)?;
    let sequences = of_tables(&all, tables);
    let states = read_states(db, &sequences)?;
    let mut statements = Vec::new();
    let mut report = Vec::new();
    for (sequence, state) in sequences.iter().zip(&states) {
        let serves_others = sequence.users.iter().any(|user| !user.of.iter().any(|of| tables.contains(of)));
        let said = sequence.users.iter().flat_map(|user| {
            let key = |table: &String| (table.clone(), user.column.clone());
            user.of.iter().filter_map(move |table| given.get(&key(table))).copied()
        });
        let mut seen: Vec<i128> = state.furthest.into_iter().collect();
        if sequence.increment > 0 {
            seen.extend(said.map(i128::from));
        }
        let mut position = position(sequence, &seen);
        if serves_others && is_further(sequence, state.next, position.next) {
            position = Position { setval: None, next: state.next };
        }
        let at_end = !(i128::from(sequence.min)..=i128::from(sequence.max)).contains(&position.next);
        if let Some((value, called)) = position.setval {
            let name = literal(&qualified(&sequence.schema, &sequence.name));
            statements.push(format!("setval({name}::regclass, {value}, {called})"));
        }
        report.push(SequenceSet {
            schema: sequence.schema.clone(),
            name: sequence.name.clone(),
            columns: sequence.users.iter().map(|user| (user.table.clone(), user.column.clone())).collect(),
            next: (!at_end).then(|| i64::try_from(position.next).ok()).flatten(),
            remark: remark(sequence, at_end),
        });
    }
    if !statements.is_empty() {
        db.query_each(&format!("SELECT {}", statements.join(",\n       ")))
            .map_err(TargetError::sql("set the sequences"))?;
    }
    Ok(report)
}

/// Reads back what each sequence of `tables` gives next, and what the columns that it serves hold. `target` has to be
/// the target as it is now.
///
/// # Errors
/// [`TargetError`] of the server.
pub fn check_sequences(
    db: &mut impl Statements,
    target: &TargetSchema,
    tables: &[String],
) -> Result<Vec<SequenceCheck>, TargetError> {
    let sequences = of_tables(&target.sequences, tables);
    let states = read_states(db, &sequences)?;
    let check = |(sequence, state): (&&Sequence, State)| SequenceCheck {
        schema: sequence.schema.clone(),
        name: sequence.name.clone(),
        next: i64::try_from(state.next).unwrap_or(if state.next < 0 { i64::MIN } else { i64::MAX }),
        furthest: state.furthest.and_then(|value| i64::try_from(value).ok()),
        safe: is_safe(sequence, &state),
    };
    Ok(sequences.iter().zip(states).map(check).collect())
}

/// Past its end a sequence gives nothing, or begins anew among what is there.
fn is_safe(sequence: &Sequence, state: &State) -> bool {
    if (i128::from(sequence.min)..=i128::from(sequence.max)).contains(&state.next) {
        state.furthest.is_none_or(|value| is_further(sequence, state.next, value))
    } else {
        !sequence.cycle
    }
}

fn of_tables<'t>(all: &'t [Sequence], tables: &[String]) -> Vec<&'t Sequence> {
    let serves = |sequence: &&Sequence| sequence.users.iter().any(|user| user.of.iter().any(|of| tables.contains(of)));
    all.iter().filter(serves).collect()
}

/// Where a sequence is, and what its columns hold.
struct State {
    next: i128,
    furthest: Option<i128>,
}

fn read_states(db: &mut impl Statements, sequences: &[&Sequence]) -> Result<Vec<State>, TargetError> {
    let doing = "read the sequences and the greatest values of their columns";
    let mut states = Vec::new();
    for sequence in sequences {
        let furthest = if sequence.increment > 0 { ("max", "greatest") } else { ("min", "least") };
        // numeric may hold fractions, and more than any sequence: away from what is still free
        let round = if sequence.increment > 0 { "ceil" } else { "floor" };
        let columns: Vec<String> = sequence
            .users
            .iter()
            .filter(|user| user.number && user.may_read)
            .map(|user| {
                let (column, table) = (quoted(&user.column), qualified(&user.schema, &user.table));
                format!("(SELECT {round}({}({column})::numeric) FROM {table})", furthest.0)
            })
            .collect();
        let greatest =
            if columns.is_empty() { "NULL".to_owned() } else { format!("{}({})", furthest.1, columns.join(", ")) };
        let sql =
            format!("SELECT last_value, is_called, {greatest} FROM {}", qualified(&sequence.schema, &sequence.name));
        let row = db.query_each(&sql).map_err(TargetError::sql(doing))?.into_iter().flatten().next();
        let row = row.ok_or_else(|| TargetError::answer("a sequence", "there is no row"))?;
        let cell = |at: usize| row.get(at).and_then(Option::as_deref);
        let last: i128 = cell(0)
            .and_then(|last| last.parse().ok())
            .ok_or_else(|| TargetError::answer("a sequence", "its value is no integer"))?;
        let step = if cell(1) == Some("t") { i128::from(sequence.increment) } else { 0 };
        // what is beyond even i128 (or infinite) is beyond every sequence
        let beyond = if sequence.increment > 0 { i128::from(i64::MAX) } else { i128::from(i64::MIN) };
        let furthest = cell(2).filter(|value| *value != "NaN").map(|value| value.parse().unwrap_or(beyond));
        states.push(State { next: last + step, furthest });
    }
    Ok(states)
}

/// Where a sequence has to be: the arguments of `setval`, and what it then gives next, which may be past its end.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    setval: Option<(i64, bool)>,
    next: i128,
}

/// The first value from the start in the sequence's own steps that is further than all of `seen`.
fn position(sequence: &Sequence, seen: &[i128]) -> Position {
    let (start, step) = (i128::from(sequence.start), i128::from(sequence.increment));
    // counting down is counting up in a mirror
    let sign = step.signum();
    let Some(furthest) = seen.iter().map(|value| value * sign).max().filter(|value| *value >= start * sign) else {
        return Position { setval: Some((sequence.start, false)), next: start };
    };
    let steps = (furthest - start * sign) / step.abs() + 1;
    let next = start + steps * step;
    let within = |value: i128| i64::try_from(value).ok().filter(|value| (sequence.min..=sequence.max).contains(value));
    let end = if sign > 0 { sequence.max } else { sequence.min };
    Position { setval: Some((within(next - step).unwrap_or(end), true)), next }
}

fn is_further(sequence: &Sequence, one: i128, other: i128) -> bool {
    if sequence.increment > 0 { one > other } else { one < other }
}

fn remark(sequence: &Sequence, at_end: bool) -> Option<String> {
    let columns = |of: &dyn Fn(&super::SequenceUser) -> bool| {
        let names = sequence.users.iter().filter(|user| of(user));
        names.map(|user| format!("`{}.{}`", user.table, user.column)).collect::<Vec<_>>().join(", ")
    };
    if at_end {
        let then = if sequence.cycle {
            "its next value is one that it has given before, and may be taken"
        } else {
            "the next INSERT that asks it for a value fails"
        };
        return Some(format!("the sequence is at its end: {then}; give it more room with ALTER SEQUENCE"));
    }
    if sequence.users.iter().any(|user| !user.number) {
        let columns = columns(&|user| !user.number);
        return Some(format!("what {columns} holds is no number, and so was left out of account: look at it by hand"));
    }
    if sequence.users.iter().any(|user| !user.may_read) {
        let columns = columns(&|user| !user.may_read);
        return Some(format!("it also serves {columns}, which this role may not read: look at it by hand"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(start: i64, increment: i64, min: i64, max: i64) -> Sequence {
        Sequence {
            schema: "public".to_owned(),
            name: "s".to_owned(),
            start,
            increment,
            min,
            max,
            cycle: false,
            may_set: true,
            may_read: true,
            users: Vec::new(),
        }
    }

    fn at(sequence: &Sequence, seen: &[i128]) -> (Option<(i64, bool)>, i128) {
        let position = position(sequence, seen);
        (position.setval, position.next)
    }

    #[test]
    fn counting_up() {
        let plain = sequence(1, 1, 1, i64::MAX);
        assert_eq!(at(&plain, &[]), (Some((1, false)), 1));
        assert_eq!(at(&plain, &[-5]), (Some((1, false)), 1));
        assert_eq!(at(&plain, &[0]), (Some((1, false)), 1));
        assert_eq!(at(&plain, &[1]), (Some((1, true)), 2));
        assert_eq!(at(&plain, &[7, 41, -3]), (Some((41, true)), 42));
        assert_eq!(at(&plain, &[i128::from(i64::MAX)]), (Some((i64::MAX, true)), i128::from(i64::MAX) + 1));
    }

    #[test]
    fn a_sequence_keeps_to_its_own_steps_and_bounds() {
        let odd = sequence(1, 2, 1, 99);
        assert_eq!(at(&odd, &[6]), (Some((5, true)), 7));
        assert_eq!(at(&odd, &[7]), (Some((7, true)), 9));
        assert_eq!(at(&odd, &[99]), (Some((99, true)), 101));
        assert_eq!(at(&odd, &[5000]), (Some((99, true)), 5001));
        let late = sequence(1000, 1, 1000, i64::MAX);
        assert_eq!(at(&late, &[41]), (Some((1000, false)), 1000));
        assert_eq!(at(&late, &[1000]), (Some((1000, true)), 1001));
    }

    #[test]
    fn a_sequence_is_safe_that_gives_no_value_of_a_row() {
        let mut small = sequence(1, 1, 1, 10);
        let safe = |sequence: &Sequence, next, furthest| is_safe(sequence, &State { next, furthest });
        assert!(safe(&small, 1, None));
        assert!(safe(&small, 6, Some(5)));
        assert!(!safe(&small, 5, Some(5)));
        assert!(safe(&small, 11, Some(10)));
        small.cycle = true;
        assert!(!safe(&small, 11, Some(10)));
        let down = sequence(-1, -1, -10, -1);
        assert!(safe(&down, -6, Some(-5)));
        assert!(!safe(&down, -4, Some(-5)));
    }

    #[test]
    fn counting_down() {
        let down = sequence(-1, -1, i64::MIN, -1);
        assert_eq!(at(&down, &[]), (Some((-1, false)), -1));
        assert_eq!(at(&down, &[3]), (Some((-1, false)), -1));
        assert_eq!(at(&down, &[-41]), (Some((-41, true)), -42));
        let by_ten = sequence(100, -10, 1, 100);
        assert_eq!(at(&by_ten, &[85]), (Some((90, true)), 80));
        assert_eq!(at(&by_ten, &[80]), (Some((80, true)), 70));
        assert_eq!(at(&by_ten, &[-7]), (Some((1, true)), -10));
    }
}
