//! Tables that hold nothing though the books say that files went into them: made anew, or emptied on purpose.

use super::plan::{Job, Plan};
use crate::db::SqlError;
use crate::import::ImportError;
use crate::import::bind::Bound;
use crate::import::books;
use crate::import::report::Report;
use crate::import::store::{Given, Store};

/// Whether the files are to be read as if they were new: the books say that rows of theirs are in, and none of the tables
/// that the mapping writes has a row (`liftlock redo` made them anew). Where only some of them are empty, a cleanup may
/// have emptied them on purpose: these are told, and stay as they are.
pub(super) fn look(
    store: &mut dyn Store,
    bound: &Bound,
    plan: &Plan,
    report: &mut Report,
) -> Result<bool, ImportError> {
    let begun = plan.jobs.iter().filter(|job| job.skip > 0);
    let left: Vec<&Job> = plan.unchanged.iter().chain(begun).collect();
    if left.is_empty() {
        return Ok(false);
    }
    let mut empty = Vec::new();
    for name in &bound.targets {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", store.dialect().quote_identifier(name));
        let rows =
            store.sql(&sql).map_err(|source| ImportError::Sql { doing: format!("look into `{name}`"), source })?;
        empty.push(rows.is_empty());
    }
    let all = empty.iter().all(|empty| *empty);
    for (target, name) in bound.targets.iter().enumerate().filter(|(target, _)| empty[*target]) {
        let mut of = left.iter().filter(|job| bound.sources[job.source].target == target);
        let held = of.find_map(|job| has_rows(store, job).map(|has| has.then_some(())).transpose());
        if held.transpose()?.is_none() {
            continue;
        }
        if all {
            report.notes.push(
                "the tables have no rows, though files that have not changed were imported: they were emptied or made \
                 anew, and all files are read again"
                    .to_owned(),
            );
            return Ok(true);
        }
        report.notes.push(format!(
            "`{name}` has no rows, though files that were imported into it have not changed: where that is not meant, \
             `liftlock import --all` reads them again"
        ));
        report.tables_emptied.push(name.clone());
    }
    Ok(false)
}

/// Whether the books say of a record of a file that it has a row.
fn has_rows(store: &mut dyn Store, job: &Job) -> Result<bool, ImportError> {
    let mut position = 0;
    while position < job.book.done {
        let items = books::items(store, job.book.id, position)?;
        if items.is_empty() {
            return Ok(false);
        }
        if items.iter().any(|item| item.has_row()) {
            return Ok(true);
        }
        position += items.len() as u64;
    }
    Ok(false)
}

/// Writes down that none of the files is in: whoever goes on after a kill is to read them all.
pub(super) fn forget(store: &mut dyn Store, plan: &Plan) -> Result<(), ImportError> {
    let failed =
        |source: SqlError| ImportError::Sql { doing: "write down that files are read again".to_owned(), source };
    store.begin().map_err(failed)?;
    for job in plan.jobs.iter().filter(|job| job.known) {
        let sql = "UPDATE liftlock_import_file SET state = 'partial', done = 0 WHERE id = ?";
        store.write(sql, &[Given::Number(job.book.id)]).map_err(failed)?;
    }
    store.sql("COMMIT").map(drop).map_err(failed)
}
