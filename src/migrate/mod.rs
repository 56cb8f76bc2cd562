//! Versioned SQL migrations with up and down scripts, recorded in `schema_migrations`.

mod directives;
pub mod layout;
mod migration;

pub use directives::DirectiveError;
pub use migration::{Directives, Migration, Script};
