//! A program that moves its own SQLite database to PostgreSQL and goes on only if every row is proven.
//!
//!     cargo run --example port -- app.db postgres://app@localhost/app

use std::time::Duration;

use liftlock::Interrupt;
use liftlock::config::{Environment, Target};
use liftlock::port::batch::BatchSize;
use liftlock::port::copy::OnError;
use liftlock::port::progress::{Event, Observer};
use liftlock::port::report::Outcome;
use liftlock::port::{self, Options, Port};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(source), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("usage: port FILE POSTGRES-URL".into());
    };
    println!("{}", move_to_postgres(&source, &target)?);
    Ok(())
}

/// Moves everything, or says what is in the way.
pub fn move_to_postgres(source: &str, target: &str) -> Result<String, Box<dyn std::error::Error>> {
    let environment = Environment::from_process();
    let (Target::Sqlite(source), Target::Postgres(target)) =
        (Target::parse(source, &environment)?, Target::parse(target, &environment)?)
    else {
        return Err("the first is a SQLite file, the second a PostgreSQL URL".into());
    };
    let tell = |event: &Event<'_>| {
        if let Event::Compared { table, proven, rows, .. } = event {
            eprintln!("{table}: {rows} rows, {}", if *proven { "proven" } else { "different" });
        }
    };
    let (report, _plan, error) = port::port(&Port {
        source,
        target,
        options: Options::default(),
        migrations: None,
        plan: None,
        jobs: 2,
        batch_size: BatchSize::default(),
        resume: false,
        restart: false,
        single_transaction: false,
        on_error: OnError::Stop,
        quarantine_file: None,
        snapshot: None,
        patience: Duration::from_secs(30),
        interrupt: Interrupt::default(),
        observer: Observer(&tell),
    });
    if let Some(error) = error {
        return Err(error.into());
    }
    if report.result != Outcome::Proven {
        let said: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
        return Err(said.join("\n").into());
    }
    Ok(format!("{} rows are in PostgreSQL, every one proven", report.proven_rows()))
}
