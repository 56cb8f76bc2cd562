//! SQLite → PostgreSQL: schema and data, every value proven.
//!
//! ```text
//! source (one snapshot) → scan → plan → create → copy → read back and compare → finish → report
//! ```
//! `scan` reads every value once. `plan` is plain data, decided from the schema, the scan and the target; nothing is
//! decided while copying.

pub mod batch;
pub mod checkpoint;
pub mod copy;
pub mod error;
pub mod options;
pub mod patterns;
pub mod plan;
pub mod progress;
pub mod row;
pub mod scan;
pub mod target;
pub mod translate;
pub mod verify;
