//! Import: trees of JSON, YAML, Markdown, CSV and text files → tables, and back.
//!
//! ```text
//! mapping (YAML → Mapping) ┐
//! files (folder → matched files) → read (file → records) → bind (record → rows) → load (rows → tables, in batches)
//!                                                                                → verify (tables against files) → report
//! export: tables → records → files, by the same mapping
//! ```

pub mod error;
pub mod infer;
pub mod mapping;
pub mod read;
mod yaml;

pub use error::ImportError;
pub use mapping::Mapping;
