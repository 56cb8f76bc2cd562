//! Day-to-day operations on a database that lives: one a folder, each from options to a report.

mod ask;
pub mod backup;
pub mod error;
pub mod explain;
pub mod health;
pub mod optimize;
mod pg_programs;
pub mod restore;
mod space;
pub mod stats;
pub(crate) mod units;
pub mod validate;

pub use error::MaintainError;
