//! Versioned SQL migrations with up and down scripts, recorded in `schema_migrations`.

pub mod layout;
mod migration;

pub use migration::{Directives, Migration, Script};
