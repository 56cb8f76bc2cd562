//! The steps, one by one, each measured before and after.

use super::{MaintainError, Measure, Measured, OptimizeReport, OptimizeStep, StepResult};
use crate::Dialect;
use crate::db::{Db, ErrorClass, SqlError};
use crate::interrupt::Interrupt;
use crate::maintain::ask::number;
use crate::words::are;

/// How long a statement of PostgreSQL's waits for a lock: behind one that waits, others queue.
const SET_LOCK_TIMEOUT: &str = "SET lock_timeout = '5s'";

pub(super) fn run(
    db: &mut Db,
    mut plan: OptimizeReport,
    interrupt: &Interrupt,
    begun: &dyn Fn(&OptimizeStep),
) -> Result<OptimizeReport, MaintainError> {
    let _work = interrupt.work();
    let canceller = db.canceller();
    let _running = interrupt.while_running(canceller);
    let before = match db {
        Db::Postgres(postgres) => {
            let asked = format!("SHOW lock_timeout; {SET_LOCK_TIMEOUT}");
            let rows = postgres.query_each(&asked).map_err(MaintainError::sql("set a lock timeout"))?;
            rows.into_iter().flatten().flatten().next().flatten()
        }
        Db::Sqlite(_) => None,
    };
    let all = plan.steps.len() as u64;
    let kept = |at: usize| format!("{at} of {} done", are(all, "step"));
    let mut stopped = None;
    for (at, step) in plan.steps.iter_mut().enumerate() {
        if interrupt.is_set() {
            stopped = Some(MaintainError::Interrupted { kept: kept(at) });
            break;
        }
        begun(step);
        if let Err(error) = run_step(db, step) {
            stopped = Some(match error.class {
                ErrorClass::Cancelled if interrupt.is_set() => MaintainError::Interrupted { kept: kept(at) },
                _ => MaintainError::sql(format!("run `{}`", step.sql))(error),
            });
            break;
        }
    }
    if let Some(before) = before {
        // a connection that is gone takes its settings along
        let _ = db.execute(&format!("SET lock_timeout = {}", Dialect::Postgres.literal(&before)));
    }
    match stopped {
        Some(error) => Err(error),
        None => {
            plan.failed = plan.steps.iter().any(|step| step.result != StepResult::Done);
            Ok(plan)
        }
    }
}

/// An error is one after which no other step can be run.
fn run_step(db: &mut Db, step: &mut OptimizeStep) -> Result<(), SqlError> {
    step.before = measure(db, &step.measured);
    let ran = match &step.measured {
        Measured::Copy(path) => super::sqlite::copy(db, path),
        _ => db.execute(&step.sql),
    };
    match ran {
        Ok(()) => step.result = StepResult::Done,
        Err(error) if matches!(error.class, ErrorClass::Cancelled | ErrorClass::ConnectionLost) => return Err(error),
        Err(error) => {
            let locked = error.class == ErrorClass::LockTimeout;
            step.result = if locked { StepResult::Locked } else { StepResult::Failed };
            step.error = Some(error.to_string());
        }
    }
    step.after = measure(db, &step.measured);
    Ok(())
}

/// `None` where it can't be had: a copy that is not there yet, a table that is locked.
fn measure(db: &mut Db, what: &Measured) -> Option<Measure> {
    match what {
        Measured::File => {
            let pages = one(db, "PRAGMA main.page_count")? * one(db, "PRAGMA main.page_size")?;
            Some(Measure { bytes: pages, dead_rows: None, analysed_tables: Some(super::sqlite::analysed(db)?) })
        }
        Measured::Copy(path) => {
            let bytes = std::fs::metadata(path).ok()?.len();
            Some(Measure { bytes, dead_rows: None, analysed_tables: None })
        }
        Measured::Relation(name) => {
            let literal = Dialect::Postgres.literal(name);
            let asked = format!(
                "SELECT pg_catalog.pg_total_relation_size(c.oid), CASE WHEN c.relkind IN ('r', 'm') THEN \
                 pg_catalog.pg_stat_get_dead_tuples(c.oid) END FROM pg_catalog.pg_class c \
                 WHERE c.oid = pg_catalog.to_regclass({literal})"
            );
            let rows = db.query(&asked).ok()?;
            let row = rows.first()?;
            Some(Measure { bytes: number(row, 0)?, dead_rows: number(row, 1), analysed_tables: None })
        }
    }
}

fn one(db: &mut Db, sql: &str) -> Option<u64> {
    number(db.query(sql).ok()?.first()?, 0)
}
