//! Audit: which foreign keys no index serves, and what else of a schema will hurt; with the fix as a migration.
//!
//! ```text
//! read (catalogs → Schema, Statistics) → serve (foreign key × index → Coverage) → rules (→ findings) → report
//!                                                                              ↘ fix (→ a migration)
//! ```
//!
//! Everything but `read` is pure: from plain data to plain data.

mod error;
pub mod finding;
pub mod fix;
pub mod options;
pub mod read;
pub mod report;
pub mod rules;
pub mod schema;
pub mod serve;
pub mod statistics;

pub use error::AuditError;
pub use finding::{Finding, Remedy, Severity, Subject};
pub use options::{Ignore, Options};
pub use report::{ForeignKeyVerdict, Report, audit};
pub use rules::{RULES, Rule};
pub use schema::Schema;
pub use serve::{Coverage, Level};
pub use statistics::Statistics;
