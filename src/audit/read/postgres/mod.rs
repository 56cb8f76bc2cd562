//! PostgreSQL's schema as the audit sees it: catalogs in four messages of one snapshot, and what is counted outside it.
//!
//! ```text
//! begin → catalogs, whole (catalog.rs) → what they refer to, by OID (lookups.rs) → assemble → counts (counted.rs)
//! ```
//!
//! Tables that an extension owns are left out: nobody but the extension changes them. Their names stay taken.

mod assemble;
mod catalog;
mod cells;
mod counted;
mod definition;
mod encoding;
mod expressions;
mod foreign_keys;
mod lookups;
mod predicate;
mod predicate_tree;
mod tree;

use super::Wanted;
use crate::audit::schema::{Schema, Version};
use crate::audit::{AuditError, Statistics};
use crate::db::PostgresDb;

use catalog::Catalog;
use cells::{Cells, ask};
use lookups::Lookups;

/// Everything that is read is of the one moment of this transaction's first query. On the search path is nothing of
/// anybody's, so that the server qualifies every name that it writes. Lists of OIDs are hashed only where they fit into
/// `work_mem`, and else gone through for each row: there is room for those of a million tables. Each count is asked for
/// once, and need not be kept for a second time.
const BEGIN: &str = "\
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL quote_all_identifiers = off;
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
SELECT set_config('stats_fetch_consistency', 'none', true) WHERE current_setting('server_version_num')::int >= 150000;
SELECT current_setting('server_version_num'), has_table_privilege('pg_statistic', 'SELECT'),
       current_setting('block_size'), current_setting('server_encoding') = 'SQL_ASCII';
";

/// What decides how the rest is asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Server {
    /// As the server writes it in one number: `150004`.
    number: u32,
    /// Column statistics can be read from the table itself.
    reads_statistics: bool,
    /// Bytes of a page.
    block_size: u64,
    /// Names may be any bytes.
    any_bytes: bool,
}

pub(super) fn read(db: &mut PostgresDb, wanted: &Wanted) -> Result<(Schema, Statistics), AuditError> {
    let read = read_in_transaction(db, wanted);
    if read.is_err() {
        // the error that is told is the first one
        let _ = db.execute("ROLLBACK");
    }
    let (schema, mut statistics, unread) = read?;
    if wanted.statistics {
        counted::read_on(db, &mut statistics, &unread);
    }
    Ok((schema, statistics))
}

fn read_in_transaction(
    db: &mut PostgresDb,
    wanted: &Wanted,
) -> Result<(Schema, Statistics, counted::Unread), AuditError> {
    let server = begin(db)?;
    if server.any_bytes {
        encoding::check(db)?;
    }
    let catalog = Catalog::read(db, server, wanted)?;
    let lookups = Lookups::read(db, &catalog)?;
    let version = Version(server.number / 10_000, server.number % 10_000, 0);
    let (schema, counted) = std::thread::scope(|scope| {
        let counter = scope.spawn(|| match wanted.statistics {
            true => counted::of(&catalog, &lookups, server, wanted),
            false => Default::default(),
        });
        (assemble::assemble(version, &catalog, &lookups), counter.join())
    });
    let (statistics, unread) = counted.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok((schema, statistics, unread))
}

fn begin(db: &mut PostgresDb) -> Result<Server, AuditError> {
    let mut server = Server::default();
    ask(db, "the server's version", BEGIN, |nth, row| {
        if nth == 0 {
            return Ok(());
        }
        server = Server {
            number: row.number(0)?,
            reads_statistics: row.flag(1),
            block_size: row.number(2)?,
            any_bytes: row.flag(3),
        };
        Ok(())
    })?;
    Ok(server)
}
