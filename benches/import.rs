//! JSON lines and small files into SQLite beside `sqlite-utils insert` and the floors, parsing alone and inserting alone;
//! and into PostgreSQL beside a bare COPY: `cargo bench --bench import` (docs/benchmarks.md).
//!
//! A tool that is missing is left out and said so. `BENCH_RUNS` sets the number of runs (3), `BENCH_ROWS_SHARE` makes
//! the files fewer (0.05), `BENCH_DATA` names a folder that keeps them, `BENCH_SCRATCH` one for the databases,
//! `BENCH_PYTHON` a Python with sqlite-utils, `BENCH_ONLY=sqlite` leaves PostgreSQL out.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "import/data.rs"]
mod data;
#[path = "import/floor.rs"]
mod floor;
#[path = "port/process.rs"]
mod process;
#[path = "port/server.rs"]
#[allow(dead_code, reason = "the other bench's tools want more of it")]
mod server;
#[path = "import/tools.rs"]
mod tools;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use data::Load;
use process::Finished;
use server::Server;
use tools::{COPY, EACH, INSERT, LIFTLOCK, PARSE, Place, Tool};

/// The database on the server.
const DATABASE: &str = "bench";
/// Where this is set this process is a floor's.
const FLOOR: &str = "BENCH_FLOOR";

/// A tool, and what its runs came to.
struct Runner {
    tool: Tool,
    taken: Vec<Finished>,
}

fn main() {
    // `cargo bench` passes flags of its own
    let runs: usize = variable("BENCH_RUNS").unwrap_or(3).max(1);
    let share: f64 = variable("BENCH_ROWS_SHARE").unwrap_or(1.0);
    let scratch = scratch();
    let kept = env::var_os("BENCH_DATA").map_or_else(|| scratch.path().join("data"), PathBuf::from);
    fs::create_dir_all(&kept).unwrap();
    let count = |full: f64| (full * share) as u64;
    let loads = [data::lines(&kept, count(300_000.0)).unwrap(), data::files(&kept, count(20_000.0)).unwrap()];
    if let Ok(what) = env::var(FLOOR) {
        let name = env::var("BENCH_FLOOR_LOAD").unwrap();
        let load = loads.iter().find(|load| load.name == name).unwrap();
        let (took, cpu) = tools::floor(&what, load);
        println!("{} {}", took.as_secs_f64(), cpu.as_secs_f64());
        return;
    }
    if cfg!(debug_assertions) {
        println!("(a debug build: what it prints is no measurement; `cargo bench` makes the right one)");
    }
    println!("{runs} runs each, in turn; scratch files in {}", scratch.path().display());
    let (sqlite, copy) = (scratch.path().join("bench.db"), scratch.path().join("copy"));
    for load in &loads {
        println!("\n## {}: {} records, {} MB", load.name, load.records, load.bytes / 1_000_000);
        warm(load);
        println!("\nSQLite");
        let place = Place { sqlite: &sqlite, server: None, copy: &copy, kept: &kept };
        let mut runners = measure(tools::sqlite(load), runs, load, &place, || {
            for suffix in ["", "-journal", "-liftlock"] {
                drop(fs::remove_file(format!("{}{suffix}", sqlite.display())));
            }
            rusqlite::Connection::open(&sqlite).unwrap().execute_batch(load.sqlite).unwrap();
        });
        print(&mut runners, &[PARSE, INSERT]);
    }
    if env::var("BENCH_ONLY").is_ok_and(|only| only == "sqlite") {
        return;
    }
    let server = Server::start();
    for load in &loads {
        println!("\n## {}\n\nPostgreSQL", load.name);
        let place = Place { sqlite: &sqlite, server: Some(&server), copy: &copy, kept: &kept };
        let fresh = || {
            server.fresh(DATABASE);
            server.client(DATABASE).batch_execute(load.postgres).unwrap();
        };
        // what was imported is what the bare COPY brings in
        fresh();
        if let Err(why) = (tools::postgres()[0].run)(load, &place) {
            println!("({LIFTLOCK} failed, and all is left out: {why})");
            continue;
        }
        let mut client = server.client(DATABASE);
        let mut out = client.copy_out(&format!("COPY {} TO STDOUT WITH (FORMAT binary)", load.table)).unwrap();
        io::copy(&mut out, &mut fs::File::create(&copy).unwrap()).unwrap();
        drop(out);
        drop(client);
        let mut runners = measure(tools::postgres(), runs, load, &place, fresh);
        print(&mut runners, &[COPY]);
    }
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Memory, where there is such a folder: a disk's flush is not what is compared, and sqlite-utils flushes most.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match env::var_os("BENCH_SCRATCH") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None if memory.is_dir() => tempfile::tempdir_in(memory).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}

/// Into the system's cache, so that the first run finds what the later ones find.
fn warm(load: &Load) {
    let files = load.lines.clone().map_or_else(|| data::documents(&load.folder).unwrap(), |file| vec![file]);
    for file in files {
        io::copy(&mut fs::File::open(file).unwrap(), &mut io::sink()).unwrap();
    }
}

fn measure(tools: Vec<Tool>, runs: usize, load: &Load, place: &Place, fresh: impl Fn()) -> Vec<Runner> {
    let mut runners: Vec<Runner> = tools.into_iter().map(|tool| Runner { tool, taken: Vec::new() }).collect();
    for round in 0..runs {
        runners.retain_mut(|runner| {
            fresh();
            match (runner.tool.run)(load, place) {
                Ok(taken) => {
                    if round == 0 && place.server.is_none() && ![PARSE, EACH].contains(&runner.tool.name) {
                        look(&runner.tool, load, place);
                    }
                    runner.taken.push(taken);
                    true
                }
                Err(why) => {
                    println!("({} failed, and is left out: {why})", runner.tool.name);
                    false
                }
            }
        });
    }
    runners
}

/// Says where the table is not whole: a tool that drops rows is a fast one.
fn look(tool: &Tool, load: &Load, place: &Place) {
    let connection = rusqlite::Connection::open(place.sqlite).unwrap();
    let sql = format!("SELECT count(*) FROM {}", load.table);
    let rows: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
    if u64::try_from(rows).unwrap() != load.records {
        println!("({}: the table has {rows} rows, and there are {} records)", tool.name, load.records);
    }
}

fn print(runners: &mut [Runner], floors: &[&str]) {
    type Of = fn(&Finished) -> Duration;
    let of = |runners: &[Runner], name: &str, what: Of| {
        let runner = runners.iter().find(|runner| runner.tool.name == name && !runner.taken.is_empty())?;
        Some(median(runner.taken.iter().map(what)))
    };
    let both =
        |runners: &[Runner], what: Of| floors.iter().map(|name| of(runners, name, what)).sum::<Option<Duration>>();
    let floor = (both(runners, |taken| taken.took), both(runners, |taken| taken.cpu));
    let ours = of(runners, LIFTLOCK, |taken| taken.took);
    let ratio = |took: Duration, to: Option<Duration>| to.map_or(0.0, |to| took.as_secs_f64() / to.as_secs_f64());
    println!("\n| tool | s (min–max) | to the floors | to liftlock | processor, s | to the floors | peak RSS, MB |");
    println!("|---|---|---|---|---|---|---|");
    for Runner { tool, taken } in runners {
        taken.sort_by_key(|taken| taken.took);
        let took = median(taken.iter().map(|taken| taken.took));
        let cpu = median(taken.iter().map(|taken| taken.cpu));
        println!(
            "| {} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} |",
            tool.name,
            took.as_secs_f64(),
            taken[0].took.as_secs_f64(),
            taken[taken.len() - 1].took.as_secs_f64(),
            ratio(took, floor.0),
            ratio(took, ours),
            cpu.as_secs_f64(),
            ratio(cpu, floor.1),
            taken.iter().map(|taken| taken.peak).max().unwrap_or_default() as f64 / 1000.0,
        );
    }
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}
