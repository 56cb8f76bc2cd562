//! A rehearsal: the whole port, into a place that is made for it and taken away after it, whatever happens.

mod scratch;
mod structure;

use std::time::Instant;

use super::plan::{Finding, Level};
use super::report::{ExistingSchema, Outcome, Rehearsal};
use super::{Plan, Port, PortError, Report, port};
use crate::config::PostgresTarget;
use crate::db::scratch::Scratch as Place;
use crate::db::{BulkDb, Statements as _};
use crate::interrupt::Interrupt;

/// The code of the finding that a schema of the target's was not rehearsed; `--accept` takes it.
pub const NOT_REHEARSED: &str = "schema-not-rehearsed";

/// A place for one rehearsal: a database on the target's server, or a PostgreSQL server of its own. It is taken away
/// when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    place: Place,
    facts: Facts,
    of: Option<String>,
    began: Instant,
}

/// What is known of the place before the rehearsal.
#[derive(Debug, Default)]
struct Facts {
    existing: ExistingSchema,
    notes: Vec<String>,
    /// Why a real run could not even make its tables.
    unfit: Option<(String, String)>,
}

impl Scratch {
    /// Makes a database on the server of `target`; where `schema` holds something there, with a copy of it.
    ///
    /// # Errors
    /// [`PortError`] where the server can't be reached, the target could not take a port at all, or no database can be
    /// made.
    pub fn on_server(target: &PostgresTarget, schema: &str, interrupt: &Interrupt) -> Result<Self, PortError> {
        let work = interrupt.work();
        let began = Instant::now();
        let (database, facts) = scratch::make(target, schema, interrupt)?;
        Ok(Self { place: Place::of(database, work), facts, of: Some(target.to_string()), began })
    }

    /// Starts a PostgreSQL server of its own, from the programs that are installed here: in a temporary folder, on a
    /// Unix socket alone.
    ///
    /// # Errors
    /// [`PortError`] where there are no such programs, or they don't start.
    pub fn in_private_cluster(interrupt: &Interrupt) -> Result<Self, PortError> {
        let began = Instant::now();
        let place = Place::in_private_cluster(&scratch::PURPOSE, interrupt)?;
        Ok(Self { place, facts: Facts::default(), of: None, began })
    }

    /// What is ported into.
    #[must_use]
    pub fn target(&self) -> &PostgresTarget {
        self.place.target()
    }

    /// The place in words: ``the database `liftlock_rehearsal_1b2c3d4e` ``.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.report())
    }

    fn report(&self) -> Rehearsal {
        Rehearsal {
            of: self.of.clone(),
            database: self.target().dbname.clone().unwrap_or_default(),
            existing: self.facts.existing,
            ..Rehearsal::default()
        }
    }
}

/// Where a rehearsal was, in words.
#[must_use]
pub fn place(rehearsal: &Rehearsal) -> String {
    match rehearsal.of {
        Some(_) => format!("the database `{}`", rehearsal.database),
        None => "a private PostgreSQL server".to_owned(),
    }
}

/// Ports into `scratch`, and takes it away. The report is the one that a real run would give, and says that it was a
/// rehearsal.
pub fn rehearse(mut request: Port<'_>, mut scratch: Scratch) -> (Report, Option<Plan>, Option<PortError>) {
    request.target = scratch.target().clone();
    let mut rehearsal = scratch.report();
    rehearsal.server_version = server_version(&request.target);
    let unfit = scratch.facts.unfit.take().filter(|_| !request.single_transaction);
    let (mut report, plan, error) = match unfit {
        None => port(&request),
        Some((message, hint)) => {
            let report = Report {
                source: request.source.to_string(),
                target: request.target.to_string(),
                target_schema: request.options.target_schema.clone(),
                ..Report::default()
            };
            (report, None, Some(PortError::Unfit { message, hint }))
        }
    };
    report.notes.append(&mut scratch.facts.notes);
    if rehearsal.existing == ExistingSchema::NotRehearsed {
        not_rehearsed(&request, &mut report);
    }
    if let Err((why, line)) = scratch.place.remove() {
        report.notes.push(format!("{} is left behind: {why}; this takes it away: {line}", place(&rehearsal)));
        rehearsal.left_behind = Some(line);
    }
    rehearsal.took = scratch.began.elapsed();
    report.rehearsal = Some(rehearsal);
    (report, plan, error.map(|error| PortError::Rehearsed(Box::new(error))))
}

/// What the target's schema holds was no part of the rehearsal: that is no proof of what a real run would do.
fn not_rehearsed(request: &Port<'_>, report: &mut Report) {
    let accepted = request.options.accept.iter().any(|code| code == NOT_REHEARSED);
    report.findings.push(Finding {
        code: NOT_REHEARSED.to_owned(),
        level: Level::LeftOut,
        message: format!(
            "the schema `{}` of the target holds something already, and that was not rehearsed: a real run may differ",
            request.options.target_schema
        ),
        choices: vec![format!("--accept {NOT_REHEARSED}")],
        accepted,
        ..Finding::default()
    });
    if matches!(report.result, Outcome::Proven | Outcome::Nothing) && !accepted {
        report.result = Outcome::Incomplete;
    }
}

fn server_version(target: &PostgresTarget) -> String {
    let asked = BulkDb::connect(target).ok().and_then(|mut db| db.query("SHOW server_version").ok());
    asked.and_then(|rows| rows.into_iter().next()?.into_iter().next()?).unwrap_or_default()
}
