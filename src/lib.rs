//! Liftlock takes an application's data up the levels it outgrows, JSON and Markdown files → SQLite →
//! PostgreSQL, each step versioned, verified and reversible. This is the library under the `liftlock` binary.

pub mod audit;
pub mod cli;
pub mod config;
mod crash;
pub mod crypt;
pub mod db;
pub mod dialect;
pub mod error;
mod html;
pub mod import;
pub mod interrupt;
pub mod maintain;
pub mod migrate;
pub mod patterns;
pub mod port;
pub mod schema;
pub mod source_text;
pub mod sql;
pub mod starters;
mod suggest;
pub mod value;
mod words;

pub use dialect::Dialect;
pub use error::Error;
pub use interrupt::Interrupt;
