//! Day-to-day operations on a database that lives: one a file, each from options to a report.

pub mod catalog;
pub mod cleanup;
pub mod docs;
pub mod error;
pub mod export;
pub mod file;
pub mod name;
pub mod reset;
mod session;

pub use error::MaintainError;
