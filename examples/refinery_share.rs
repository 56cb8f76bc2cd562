//! A service that embeds refinery, on the history table that `liftlock` keeps: each sees what the other applied.
//!
//!     cargo run -- init && cargo run -- new first            # in a folder of your own
//!     cargo run --example refinery_share -- sqlite:app.db migrations
//!     cargo run --example refinery_share -- postgres://app@localhost/app migrations 2
//!
//! The folder must be a plain one (refinery knows no dialects, so not this repository's own `migrations/`). Its `V<version>__<name>.sql` files are run by refinery, up to the version given (all without one). The
//! two lines that make the table a shared one are in `apply`: the feature `int8-versions`, and the table's name.

use std::error::Error;
use std::path::Path;

use refinery::{Migration, Runner, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: refinery_share URL FOLDER [VERSION]".into());
    };
    let version = arguments.next().map(|version| version.parse()).transpose()?;
    for migration in apply(&url, Path::new(&folder), version)? {
        println!("refinery applied {migration}");
    }
    Ok(())
}

/// Applies what is pending, with refinery alone.
pub fn apply(url: &str, folder: &Path, up_to: Option<i64>) -> Result<Vec<String>, Box<dyn Error>> {
    // a service compiles them in instead: `refinery::embed_migrations!("migrations")` and `migrations::runner()`
    let mut runner = Runner::new(&migrations(folder)?);
    // Cargo.toml: refinery = { version = "0.10", features = ["int8-versions", …] }
    runner.set_migration_table_name("schema_migrations");
    if let Some(version) = up_to {
        runner = runner.set_target(Target::Version(version));
    }
    let report = match url.strip_prefix("sqlite:") {
        Some(path) => runner.run(&mut rusqlite::Connection::open(path)?)?,
        None => runner.run(&mut postgres::Client::connect(url, postgres::NoTls)?)?,
    };
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

fn migrations(folder: &Path) -> Result<Vec<Migration>, Box<dyn Error>> {
    let mut migrations = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // refinery has no down scripts
        if let Some(stem) = name.strip_suffix(".sql").filter(|stem| !stem.ends_with(".down")) {
            migrations.push(Migration::unapplied(stem, &std::fs::read_to_string(&path)?)?);
        }
    }
    Ok(migrations)
}
