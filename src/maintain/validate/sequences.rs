//! PostgreSQL's sequences whose next number a column holds already, or is past: the next INSERT may fail on its key.

use super::super::MaintainError;
use super::super::ask::{apart, flag, number, text};
use super::{Finding, Findings};
use crate::Dialect;
use crate::db::{ErrorClass, PostgresDb};

const SEQUENCES: &str = "sequences";

pub(super) fn check(db: &mut PostgresDb, found: &mut Findings) -> Result<(), MaintainError> {
    let listed = apart(db, include_str!("sequences.sql")).map_err(MaintainError::sql("read the sequences"))?;
    let quote = |name: &str| Dialect::Postgres.quote_identifier(name);
    let mut findings = Vec::new();
    for row in &listed {
        let sequence = format!("{}.{}", quote(&text(row, 0)), quote(&text(row, 1)));
        let table = format!("{}.{}", quote(&text(row, 2)), quote(&text(row, 3)));
        let column = quote(&text(row, 4));
        let increment: i64 = number(row, 5).unwrap_or(1);
        if !flag(row, 6) || flag(row, 7) {
            let why = if flag(row, 6) { "row-level security hides rows from" } else { "not all of it can be read by" };
            found.notes.push(format!("{sequence} is not compared with {table}.{column}: {why} this role"));
            continue;
        }
        // one that counts down has to be below the least
        let (last, past) = if increment < 0 { ("min", "<=") } else { ("max", ">=") };
        let asked = format!(
            "SELECT s.next, c.last FROM (SELECT CASE WHEN is_called THEN last_value::numeric + {increment} ELSE last_value \
             END AS next FROM {sequence}) s, (SELECT {last}({column})::numeric AS last FROM {table}) c \
             WHERE c.last {past} s.next"
        );
        match apart(db, &asked) {
            Ok(behind) => findings.extend(behind.first().map(|row| {
                let (next, last) = (text(row, 0), text(row, 1));
                let literal = Dialect::Postgres.literal(&sequence);
                Finding {
                    check: SEQUENCES,
                    subject: sequence.clone(),
                    message: format!("its next number is {next}, and {table}.{column} is at {last} already"),
                    remedy: format!("`SELECT setval({literal}, {last});`"),
                    rows: None,
                }
            })),
            Err(error) if matches!(error.class, ErrorClass::Cancelled | ErrorClass::ConnectionLost) => {
                return Err(MaintainError::sql(format!("compare {sequence} with {table}"))(error));
            }
            Err(error) => found.notes.push(format!("{sequence} is not compared with {table}.{column}: {error}")),
        }
    }
    found.checked(SEQUENCES, listed.len(), findings);
    Ok(())
}
