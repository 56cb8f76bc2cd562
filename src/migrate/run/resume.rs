//! What became of a statement that was sent and can't be rolled back: asked of the catalog.

use super::Run;
use crate::Dialect;
use crate::db::Db;
use crate::migrate::history::Mark;
use crate::migrate::plan::Step;
use crate::migrate::script::{Unit, first_words};
use crate::migrate::{MigrateError, Unclear};
use crate::sql::{NonTransactional, ObjectName, SubscriptionChange};

/// What is to be done about a statement.
pub(super) enum Finding {
    /// It happened before this run; what to say.
    Happened(String),
    /// It is to be run, after these statements.
    Run {
        /// What clears the way.
        first: Vec<String>,
        /// What to say.
        told: Option<String>,
    },
    /// It can only fail, and must not be taken for one that was begun.
    WillFail,
}

const FRESH: Finding = Finding::Run { first: Vec::new(), told: None };

/// Looks up what there is of the statement at `at`.
pub(super) fn look(
    run: &mut Run<'_>,
    step: &Step,
    at: usize,
    unit: &Unit,
    what: Option<&NonTransactional>,
    mark: Mark,
) -> Result<Finding, MigrateError> {
    if run.db.dialect() == Dialect::Sqlite {
        // VACUUM and checkpoints may be run again
        return Ok(FRESH);
    }
    let name = first_words(&unit.text);
    let happened = || Finding::Happened(format!("`{name}` had happened before the last run stopped"));
    let unclear = |look: String| {
        MigrateError::Unclear(Box::new(Unclear {
            migration: step.title(),
            version: step.version,
            statement: at + 1,
            text: unit.text.clone(),
            look,
        }))
    };
    let started = mark == Mark::Started;
    let there = |run: &mut Run<'_>, catalog: &str, column: &str, name: &str| {
        run.exists(&format!("SELECT 1 FROM pg_catalog.{catalog} WHERE {column} = {}", Dialect::Postgres.literal(name)))
    };
    let found = match what {
        Some(NonTransactional::CreateIndex { index: Some(index), table, if_not_exists }) => {
            match run.index(index, table)? {
                None => false,
                Some(Index { builder: Some(pid), .. }) => {
                    return Err(unclear(format!("index `{index}` is being built right now by pid {pid}; wait for it")));
                }
                Some(Index { valid: true, .. }) if started => true,
                Some(Index { valid: true, .. }) if *if_not_exists => false,
                Some(Index { valid: true, .. }) => return Ok(Finding::WillFail),
                Some(Index { quoted, .. }) => {
                    return Ok(Finding::Run {
                        first: vec![format!("DROP INDEX CONCURRENTLY {quoted}")],
                        told: Some(format!(
                            "index {quoted} was left INVALID by an attempt that failed: it is dropped and built again"
                        )),
                    });
                }
            }
        }
        Some(NonTransactional::CreateIndex { index: None, table, .. }) if started => {
            let table = quoted(table);
            return Err(unclear(format!("the indexes of {table} (`\\d {table}`): is it there, and valid?")));
        }
        Some(NonTransactional::DropIndex { index, .. }) if started => !run.relation_exists(index)?,
        Some(NonTransactional::CreateDatabase { name }) if started => there(run, "pg_database", "datname", name)?,
        Some(NonTransactional::DropDatabase { name, .. }) if started => !there(run, "pg_database", "datname", name)?,
        Some(NonTransactional::CreateTablespace { name }) if started => there(run, "pg_tablespace", "spcname", name)?,
        Some(NonTransactional::DropTablespace { name, .. }) if started => {
            !there(run, "pg_tablespace", "spcname", name)?
        }
        Some(NonTransactional::DetachPartition { table, partition }) if mark != Mark::Waiting => {
            match run.partition(table, partition)? {
                None => started,
                Some(true) => {
                    let sql = format!("ALTER TABLE {} DETACH PARTITION {} FINALIZE", quoted(table), quoted(partition));
                    run.cancellable(step, at, &sql, "finish the detachment that was begun")?;
                    true
                }
                Some(false) => false,
            }
        }
        Some(NonTransactional::Subscription { name, change: SubscriptionChange::Create }) if started => {
            there(run, "pg_subscription", "subname", name)?
        }
        Some(NonTransactional::Subscription { name, change: SubscriptionChange::Drop }) if started => {
            !there(run, "pg_subscription", "subname", name)?
        }
        Some(NonTransactional::Subscription { name, change: SubscriptionChange::Alter }) if started => {
            return Err(unclear(format!("subscription `{name}` (`\\dRs+ {name}`)")));
        }
        None if started => {
            return Err(unclear("what that statement changes: it may have committed parts of its work".to_owned()));
        }
        // VACUUM, REINDEX and their like may be run again
        _ => false,
    };
    if found {
        return Ok(happened());
    }
    let told = started.then(|| format!("`{name}` had not happened when the last run stopped, or may be run again"));
    Ok(Finding::Run { first: Vec::new(), told })
}

struct Index {
    quoted: String,
    valid: bool,
    builder: Option<String>,
}

impl Run<'_> {
    fn rows(&mut self, sql: &str) -> Result<Vec<crate::db::TextRow>, MigrateError> {
        self.db.query(sql).map_err(|source| MigrateError::Bookkeeping { doing: "ask the catalog", source })
    }

    fn exists(&mut self, sql: &str) -> Result<bool, MigrateError> {
        Ok(!self.rows(sql)?.is_empty())
    }

    fn relation_exists(&mut self, name: &ObjectName) -> Result<bool, MigrateError> {
        let name = Dialect::Postgres.literal(&quoted(name));
        self.exists(&format!("SELECT 1 WHERE pg_catalog.to_regclass({name}) IS NOT NULL"))
    }

    /// The index of that name in the table's schema, where it always is.
    fn index(&mut self, index: &str, table: &ObjectName) -> Result<Option<Index>, MigrateError> {
        let Db::Postgres(_) = self.db else { return Ok(None) };
        let query = format!(
            "SELECT format('%I.%I', n.nspname, c.relname), i.indisvalid AND i.indisready, \
             (SELECT min(pid) FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid) \
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE i.indrelid = pg_catalog.to_regclass({}) AND c.relname = {}",
            Dialect::Postgres.literal(&quoted(table)),
            Dialect::Postgres.literal(index)
        );
        let Some(row) = self.rows(&query)?.pop() else { return Ok(None) };
        let field = |at: usize| row.get(at).cloned().flatten();
        Ok(Some(Index {
            quoted: field(0).unwrap_or_default(),
            valid: field(1).as_deref() == Some("t"),
            builder: field(2),
        }))
    }

    /// Whether the partition is attached, and if so whether its detachment is pending.
    fn partition(&mut self, table: &ObjectName, partition: &ObjectName) -> Result<Option<bool>, MigrateError> {
        let query = format!(
            "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhparent = pg_catalog.to_regclass({}) \
             AND inhrelid = pg_catalog.to_regclass({})",
            Dialect::Postgres.literal(&quoted(table)),
            Dialect::Postgres.literal(&quoted(partition))
        );
        let row = self.rows(&query)?.pop();
        Ok(row.and_then(|row| row.into_iter().next().flatten()).map(|pending| pending == "t"))
    }
}

fn quoted(name: &ObjectName) -> String {
    let part = |name: &str| Dialect::Postgres.quote_identifier(name);
    match &name.schema {
        Some(schema) => format!("{}.{}", part(schema), part(&name.name)),
        None => part(&name.name),
    }
}
