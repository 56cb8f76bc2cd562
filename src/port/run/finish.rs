//! After the data: keys, indexes, constraints, views, sequences, statistics; made in parallel where that can be.

use std::sync::{Mutex, PoisonError};

use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, SqlError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::error::PortError;
use crate::port::object_kind::ObjectKind;
use crate::port::plan::{Finding, Level, Plan};
use crate::port::progress::{Event, Observer};
use crate::port::side_by_side::side_by_side;
use crate::port::translate::ddl::{self, Statement};

/// SQLSTATEs of what is there already: `duplicate_table` (an index, too), `duplicate_object`,
/// `invalid_table_definition` ("multiple primary keys"). A run that goes on with another finds some of them.
const THERE_ALREADY: [&str; 3] = ["42P07", "42710", "42P16"];

/// The code of findings about objects that the server refused to make.
pub(super) const NOT_MADE: &str = "not-made";

/// The SQLSTATE `foreign_key_violation`.
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// SQLSTATE classes of what is no matter of the object: the connection, resources, the operator's hand, the server.
const NOT_THE_OBJECT: [&str; 5] = ["08", "53", "57", "58", "XX"];

/// How objects are made.
pub(super) struct How<'a> {
    /// Some may be there already.
    pub resumed: bool,
    /// In one transaction, which an error must not end.
    pub single: bool,
    pub interrupt: &'a Interrupt,
    pub observer: Observer<'a>,
}

/// Makes what the plan has for the tables it made, over `connections`. What the server refuses to make is returned, each
/// with what it says: one index too many is no reason to leave out all others.
pub(super) fn make_objects(plan: &Plan, connections: &mut [BulkDb], how: &How<'_>) -> Result<Vec<Finding>, PortError> {
    // keys and indexes of one table after another, of different tables side by side
    let mut by_table: Vec<(Option<String>, Vec<Statement>)> = Vec::new();
    for statement in ddl::keys(plan).into_iter().chain(ddl::indexes(plan)) {
        match by_table.iter_mut().find(|(table, _)| *table == statement.table) {
            Some((_, statements)) => statements.push(statement),
            None => by_table.push((statement.table.clone(), vec![statement])),
        }
    }
    let refused: Mutex<Vec<Finding>> = Mutex::default();
    let make = |db: &mut BulkDb, statement: &Statement| -> Result<(), PortError> {
        let mut refused_for = run(db, statement, how)?;
        if statement.kind == ObjectKind::ForeignKey
            && refused_for.as_ref().is_some_and(|error| error.code.as_deref() == Some(FOREIGN_KEY_VIOLATION))
        {
            // children of rows that were put aside; `orphans` tells of them
            let not_valid = Statement { sql: format!("{} NOT VALID", statement.sql), ..statement.clone() };
            refused_for = run(db, &not_valid, how)?;
        }
        if let Some(error) = refused_for {
            refused.lock().unwrap_or_else(PoisonError::into_inner).push(not_made(plan, statement, &error));
        }
        Ok(())
    };
    side_by_side(connections.iter_mut(), &by_table, |db, (_, statements)| {
        statements.iter().try_for_each(|statement| make(db, statement))
    })?;
    if let Some(db) = connections.first_mut() {
        // these lock two tables at once: one after another, so that no two wait for each other
        let last = ddl::checks(plan).into_iter().chain(ddl::foreign_keys(plan)).chain(ddl::views(plan));
        for statement in last.chain(ddl::identities(plan)) {
            make(db, &statement)?;
        }
    }
    Ok(refused.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a statement; what the server has against this one object is the inner value.
fn run(db: &mut BulkDb, statement: &Statement, how: &How<'_>) -> Result<Option<SqlError>, PortError> {
    if how.interrupt.is_set() {
        return Err(PortError::Interrupted);
    }
    let of = statement.table.as_deref().map(|table| format!(" of {table}")).unwrap_or_default();
    how.observer.tell(&Event::Making { object: &format!("{} {}{of}", statement.kind.word(), statement.object) });
    crate::crash::point("port-object");
    let sql = match how.single {
        true => format!("SAVEPOINT liftlock_object; {}; RELEASE SAVEPOINT liftlock_object", statement.sql),
        false => statement.sql.clone(),
    };
    let Err(error) = db.execute(&sql) else { return Ok(None) };
    if how.single {
        let back = db.execute("ROLLBACK TO SAVEPOINT liftlock_object");
        back.map_err(|error| PortError::target(format!("make {} {}", statement.kind.word(), statement.object), error))?;
    }
    let class = error.code.as_deref().unwrap_or("08").get(..2).unwrap_or("08");
    match error.class {
        _ if how.resumed && is_there(&error) => Ok(None),
        ErrorClass::Cancelled if how.interrupt.is_set() => Err(PortError::Interrupted),
        ErrorClass::Other | ErrorClass::UniqueViolation | ErrorClass::Missing if !NOT_THE_OBJECT.contains(&class) => {
            Ok(Some(error))
        }
        _ => Err(PortError::target(format!("make {} {}", statement.kind.word(), statement.object), error)),
    }
}

fn not_made(plan: &Plan, statement: &Statement, error: &SqlError) -> Finding {
    let table = plan.tables.iter().find(|table| Some(&table.target) == statement.table.as_ref());
    Finding {
        code: NOT_MADE.to_owned(),
        level: Level::LeftOut,
        table: table.map(|table| table.source.clone()),
        object: Some(statement.object.clone()),
        message: format!("`{}` is left out: the server refuses to make it: {error}", statement.object),
        examples: vec![format!("{};", statement.sql)],
        choices: vec!["make it by hand, once what stands against it is mended".to_owned()],
        ..Finding::default()
    }
}

fn is_there(error: &SqlError) -> bool {
    error.code.as_deref().is_some_and(|code| THERE_ALREADY.contains(&code))
}

/// Brings the planner's statistics up to date.
pub(super) fn analyze(plan: &Plan, connections: &mut [BulkDb]) -> Result<(), PortError> {
    let schema = Dialect::Postgres.quote_identifier(&plan.target_schema);
    let tables =
        plan.tables.iter().map(|table| format!("{schema}.{}", Dialect::Postgres.quote_identifier(&table.target)));
    side_by_side(connections.iter_mut(), tables, |db, table| {
        db.execute(&format!("ANALYZE {table}")).map_err(|error| PortError::target(format!("analyze {table}"), error))
    })?;
    Ok(())
}
