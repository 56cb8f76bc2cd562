//! A check that a service's own tests can make: no foreign key without an index that serves it.
//!
//!     cargo run --example audit -- sqlite:app.db
//!     cargo run --example audit -- postgres://app@localhost/app

use liftlock::audit::{Options, Wanted, audit, read};
use liftlock::config::{Environment, Target};
use liftlock::db::{Access, Db};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite:app.db".to_owned());
    for line in unserved(&url)? {
        println!("{line}");
    }
    Ok(())
}

/// The foreign keys that no index serves, a line each with the reason.
pub fn unserved(url: &str) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let target = Target::parse(url, &Environment::from_process())?;
    // a file that is missing is an error here, and not read as empty
    let mut db = Db::connect(&target, Access::Existing)?;
    let (schema, statistics) = read(&mut db, &Wanted::default())?;
    let report = audit(&schema, &statistics, &Options::default())?;
    let keys = report.foreign_keys.iter().filter(|key| !key.coverage.level.covers());
    Ok(keys.map(|key| format!("{} ({}): {}", key.table, key.columns.join(", "), key.coverage.why)).collect())
}
