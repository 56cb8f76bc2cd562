//! Import: trees of JSON, YAML, Markdown, CSV and text files → tables, and back.
//!
//! ```text
//! mapping (YAML → Mapping) ┐
//! files (folder → matched files) → read (file → records) → bind (record → rows) → load (rows → tables, in batches)
//!                                                                                → verify (tables against files) → report
//! export: tables → records → files, by the same mapping
//! ```

mod bind;
mod books;
mod direct;
pub mod error;
pub mod export;
mod hide;
pub mod infer;
pub mod keep;
pub mod load;
pub mod mapping;
mod number;
pub mod read;
pub mod report;
mod row;
mod seal;
mod store;
mod vault;
mod verify;
mod yaml;

pub use error::ImportError;
pub use mapping::Mapping;
pub use number::same;
pub use report::Report;
