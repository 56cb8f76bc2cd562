//! A service that brings its database up to date as it starts, with the migrations compiled in.
//!
//!     cargo run --example embed -- sqlite:app.db
//!     cargo run --example embed -- postgres://app@localhost/app

use liftlock::config::{Environment, Target};
use liftlock::db::{Access, Db};
use liftlock::embed_migrations;
use liftlock::migrate::{EmbeddedFiles, Migrator, UpTo};

const MIGRATIONS: EmbeddedFiles = embed_migrations!("../migrations":
    "sqlite/V1__create_agent_memory.sql", "sqlite/V1__create_agent_memory.down.sql",
    "postgres/V1__create_agent_memory.sql", "postgres/V1__create_agent_memory.down.sql",
    "V2__add_foreign_key_indexes.sql", "V2__add_foreign_key_indexes.down.sql",
    "sqlite/V3__search_agents.sql", "sqlite/V3__search_agents.down.sql",
    "postgres/V3__search_agents.sql", "postgres/V3__search_agents.down.sql",
);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite:app.db".to_owned());
    println!("{}", bring_up_to_date(&url)?);
    Ok(())
}

/// Applies what is pending; ten services that start at once wait for one another, and each migration runs once.
pub fn bring_up_to_date(url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let target = Target::parse(url, &Environment::from_process())?;
    let mut db = Db::connect(&target, Access::Write)?;
    let report = Migrator::embedded(MIGRATIONS).up(&mut db, UpTo::Latest)?.into_result()?;
    Ok(format!("{} migrations applied to {target}", report.done.len()))
}
