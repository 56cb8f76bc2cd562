//! Day-to-day operations on a database that lives: one a folder, each from options to a report.

mod ask;
pub mod backup;
pub mod catalog;
pub mod cleanup;
pub mod docs;
pub mod error;
pub mod explain;
pub mod export;
pub mod file;
pub mod health;
pub mod name;
pub mod optimize;
mod pg_programs;
pub mod reset;
pub mod restore;
mod session;
mod space;
pub mod stats;
pub(crate) mod units;
pub mod validate;

pub use error::MaintainError;
