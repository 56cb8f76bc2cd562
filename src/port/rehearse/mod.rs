//! A rehearsal: the whole port, into a place that is made for it and taken away after it, whatever happens.

mod scratch;
mod structure;

use std::time::Instant;

use super::plan::{Finding, Level};
use super::report::{ExistingSchema, Outcome, Rehearsal};
use super::run::{reporting, writable};
use super::{Plan, Port, PortError, Report, dry_run, port};
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
    place: Stand,
    facts: Facts,
    of: Option<String>,
    began: Instant,
}

/// Whether there is a place.
#[derive(Debug)]
enum Stand {
    /// There is.
    Made(Box<Place>),
    /// Perhaps nothing could be written to this target, and then nothing has to be made to find that out.
    InDoubt(Box<PostgresTarget>, scratch::Original),
}

/// What is known of the place before the rehearsal.
#[derive(Debug, Default)]
struct Facts {
    existing: ExistingSchema,
    notes: Vec<String>,
}

impl Scratch {
    /// Makes a database on the server of `target`; where `schema` holds something there, with a copy of it. Where a run
    /// may not be able to write there, nothing is made before that is known.
    ///
    /// # Errors
    /// [`PortError`] where the server can't be reached, the target could not take a port at all, or no database can be
    /// made.
    pub fn on_server(target: &PostgresTarget, schema: &str, interrupt: &Interrupt) -> Result<Self, PortError> {
        let work = interrupt.work();
        let began = Instant::now();
        let mut facts = Facts::default();
        let place = match scratch::look_at(target, schema, &mut facts)? {
            Some(original) if original.in_doubt => Stand::InDoubt(Box::new(target.clone()), original),
            original => {
                Stand::Made(Box::new(Place::of(scratch::make(target, original.as_ref(), &mut facts, interrupt)?, work)))
            }
        };
        Ok(Self { place, facts, of: Some(target.to_string()), began })
    }

    /// Starts a PostgreSQL server of its own, from the programs that are installed here: in a temporary folder, on a
    /// Unix socket alone.
    ///
    /// # Errors
    /// [`PortError`] where there are no such programs, or they don't start.
    pub fn in_private_cluster(interrupt: &Interrupt) -> Result<Self, PortError> {
        let began = Instant::now();
        let place = Place::in_private_cluster(&scratch::PURPOSE, interrupt)?;
        Ok(Self { place: Stand::Made(Box::new(place)), facts: Facts::default(), of: None, began })
    }

    /// What is ported into, or would be.
    #[must_use]
    pub fn target(&self) -> &PostgresTarget {
        match &self.place {
            Stand::Made(place) => place.target(),
            Stand::InDoubt(target, _) => target,
        }
    }

    /// The place in words: ``the database `liftlock_rehearsal_1b2c3d4e` ``; nothing where none is made yet.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        matches!(self.place, Stand::Made(_))
            .then(|| place(&report(self.target(), self.of.clone(), self.facts.existing)))
    }
}

fn report(target: &PostgresTarget, of: Option<String>, existing: ExistingSchema) -> Rehearsal {
    Rehearsal { of, database: target.dbname.clone().unwrap_or_default(), existing, ..Rehearsal::default() }
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
pub fn rehearse(request: Port<'_>, scratch: Scratch) -> (Report, Option<Plan>, Option<PortError>) {
    let Scratch { place, mut facts, of, began } = scratch;
    let failed = |error: PortError, notes: Vec<String>| {
        let report = Report { notes, ..reporting::empty(&request) };
        (report, None, Some(PortError::Rehearsed(Box::new(error))))
    };
    let mut place = match place {
        Stand::Made(place) => place,
        Stand::InDoubt(target, original) => {
            match refused(&request) {
                Ok(None) => {}
                Ok(Some((mut report, plan))) => {
                    report.notes.append(&mut facts.notes);
                    return (report, Some(plan), None);
                }
                Err(error) => return failed(error, facts.notes),
            }
            let work = request.interrupt.work();
            match scratch::make(&target, Some(&original), &mut facts, &request.interrupt) {
                Ok(database) => Box::new(Place::of(database, work)),
                Err(error) => return failed(error, facts.notes),
            }
        }
    };
    let target = place.target().clone();
    let mut rehearsal = report(&target, of, facts.existing);
    rehearsal.server_version = server_version(&target);
    let request = Port { target, ..request };
    let (mut report, plan, error) = port(&request);
    report.notes.append(&mut facts.notes);
    if rehearsal.existing == ExistingSchema::NotRehearsed {
        not_rehearsed(&request, &mut report);
    }
    if let Err((why, line)) = place.remove() {
        report.notes.push(format!("{} is left behind: {why}; this takes it away: {line}", self::place(&rehearsal)));
        rehearsal.left_behind = Some(line);
    }
    rehearsal.took = began.elapsed();
    report.rehearsal = Some(rehearsal);
    (report, plan, error.map(|error| PortError::Rehearsed(Box::new(error))))
}

/// What a run into the target itself would be refused for, where nothing could be written to it: then there is nothing
/// to rehearse.
fn refused(request: &Port<'_>) -> Result<Option<(Report, Plan)>, PortError> {
    let (plan, mut report) = dry_run(request)?;
    if !plan.blockers().any(|finding| finding.code == writable::CODE) {
        return Ok(None);
    }
    report.expected = None;
    report.notes.push("nothing was rehearsed: a run would be refused before it writes anything".to_owned());
    Ok(Some((report, plan)))
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
