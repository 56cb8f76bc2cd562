//! Day-to-day operations on a database that lives: one a file, each from options to a report.

pub mod catalog;
pub mod cleanup;
pub mod error;
pub mod name;

pub use error::MaintainError;
