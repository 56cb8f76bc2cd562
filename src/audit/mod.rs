//! Audit: which foreign keys no index serves, and what else of a schema will hurt; with the fix as a migration.
//!
//! ```text
//! read (catalogs → Schema, Statistics) → serve (foreign key × index → Coverage) → rules (→ findings) → report
//!                                                                              ↘ fix (→ a migration)
//! ```
//!
//! Everything but `read`, `load` and the writing of a fix is pure: from plain data to plain data. A [`Schema`] may be built
//! by hand, and rules be asked about it; the verdicts on foreign keys are in the [`Report`] whether rules find them or not.
//!
//! ```
//! use liftlock::audit::{Options, Severity, Wanted, audit, read};
//! use liftlock::db::Db;
//!
//! let connection = rusqlite::Connection::open_in_memory()?;
//! connection.execute_batch(
//!     "CREATE TABLE customers (id INTEGER PRIMARY KEY);
//!      CREATE TABLE orders (
//!          id INTEGER PRIMARY KEY,
//!          customer_id INTEGER NOT NULL REFERENCES customers (id),
//!          replaces INTEGER REFERENCES orders (id)
//!      );
//!      CREATE INDEX orders_replaces ON orders (replaces);",
//! )?;
//! let mut db = Db::from(connection);
//! let (schema, statistics) = read(&mut db, &Wanted { statistics: true, ..Wanted::default() })?;
//!
//! let report = audit(&schema, &statistics, &Options { fail_on: Severity::Error, ..Options::default() })?;
//! assert!(report.failed);
//! let unserved: Vec<_> = report.foreign_keys.iter().filter(|key| !key.coverage.level.covers()).collect();
//! assert_eq!(unserved.len(), 1);
//! assert_eq!(unserved[0].columns, ["customer_id"]);
//!
//! // what `--fix` writes as a migration
//! let planned = liftlock::audit::fix::plan(&schema, &report.suggested());
//! assert_eq!(planned[0].name(), "idx_orders_customer_id");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub mod finding;
pub mod fix;
pub mod json;
pub mod load;
pub mod locate;
pub mod options;
pub mod read;
pub mod remedies;
pub mod report;
pub mod rules;
pub mod sarif;
pub mod schema;
pub mod serve;
pub mod statistics;

pub use error::AuditError;
pub use finding::{Finding, Remedy, Severity, Subject};
pub use options::{Ignore, Options};
pub use read::{Wanted, read};
pub use report::{Counts, ForeignKeyVerdict, Report, audit};
pub use rules::{RULES, Rule};
pub use schema::Schema;
pub use serve::{Coverage, Level};
pub use statistics::Statistics;
