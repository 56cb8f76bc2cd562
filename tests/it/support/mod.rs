//! What tests share: projects in scratch folders, databases of either kind, the binary under test.

mod database;
mod observe;
mod postgres;
mod project;

pub use database::{Kind, TestDatabase, each_database};
pub use observe::{read_until, signal, until, until_it_holds_the_lock};
pub use postgres::{server, standby};
pub use project::{Project, Ran};
