//! After the data: keys, indexes, constraints, views, sequences, statistics; made in parallel where that can be.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::Dialect;
use crate::db::{BulkDb, ErrorClass, SqlError, Statements as _};
use crate::interrupt::Interrupt;
use crate::port::error::PortError;
use crate::port::plan::Plan;
use crate::port::progress::{Event, Observer};
use crate::port::translate::ddl::{self, Statement};

/// SQLSTATEs of what is there already: `duplicate_table` (an index, too), `duplicate_object`,
/// `invalid_table_definition` ("multiple primary keys"). A run that goes on with another finds some of them.
const THERE_ALREADY: [&str; 3] = ["42P07", "42710", "42P16"];

/// Makes what the plan has for the tables it made, over `connections`.
pub(super) fn make_objects(
    plan: &Plan,
    connections: &mut [BulkDb],
    resumed: bool,
    interrupt: &Interrupt,
    observer: Observer<'_>,
) -> Result<(), PortError> {
    // keys and indexes of one table after another, of different tables side by side
    let mut by_table: Vec<(Option<String>, Vec<Statement>)> = Vec::new();
    for statement in ddl::keys(plan).into_iter().chain(ddl::indexes(plan)) {
        match by_table.iter_mut().find(|(table, _)| *table == statement.table) {
            Some((_, statements)) => statements.push(statement),
            None => by_table.push((statement.table.clone(), vec![statement])),
        }
    }
    let by_table = by_table.into_iter().map(|(_, statements)| statements).collect();
    side_by_side(&mut *connections, by_table, |db, statements: Vec<Statement>| {
        statements.iter().try_for_each(|statement| run(db, statement, resumed, interrupt, observer))
    })?;
    let Some(db) = connections.first_mut() else { return Ok(()) };
    // these lock two tables at once: one after another, so that no two wait for each other
    let last = ddl::checks(plan).into_iter().chain(ddl::foreign_keys(plan)).chain(ddl::views(plan));
    for statement in last.chain(ddl::identities(plan)) {
        run(db, &statement, resumed, interrupt, observer)?;
    }
    Ok(())
}

fn run(
    db: &mut BulkDb,
    statement: &Statement,
    resumed: bool,
    interrupt: &Interrupt,
    observer: Observer<'_>,
) -> Result<(), PortError> {
    if interrupt.is_set() {
        return Err(PortError::Interrupted);
    }
    observer.tell(&Event::Making { object: &statement.object });
    crate::crash::point("port-object");
    match db.execute(&statement.sql) {
        Ok(()) => Ok(()),
        Err(error) if resumed && is_there(&error) => Ok(()),
        Err(error) if error.class == ErrorClass::Cancelled => Err(PortError::Interrupted),
        Err(error) => Err(PortError::target(format!("make {}", statement.object), error)),
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
    side_by_side(connections, tables.collect(), |db, table: String| {
        db.execute(&format!("ANALYZE {table}")).map_err(|error| PortError::target(format!("analyze {table}"), error))
    })
}

/// Does `work` for every item over the connections, until the first fails.
fn side_by_side<T: Send>(
    connections: &mut [BulkDb],
    items: Vec<T>,
    work: impl Fn(&mut BulkDb, T) -> Result<(), PortError> + Sync,
) -> Result<(), PortError> {
    let queue = Mutex::new(VecDeque::from(items));
    let failure: Mutex<Option<PortError>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for db in connections {
            let (queue, failure, work) = (&queue, &failure, &work);
            scope.spawn(move || {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(item) = next else { return };
                    if let Err(error) = work(db, item) {
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                        return;
                    }
                }
            });
        }
    });
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}
