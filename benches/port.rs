//! SQLite → PostgreSQL beside other tools and the floor, a bare binary COPY: `cargo bench --bench port`
//! (docs/benchmarks.md).
//!
//! A tool that is missing is left out and said so. `BENCH_RUNS` sets the number of runs (3), `BENCH_ROWS_SHARE` makes
//! the database smaller (0.05), `BENCH_DATABASE` names a folder that keeps it, `BENCH_PYTHON` a Python with DuckDB.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "port/process.rs"]
mod process;
#[path = "port/server.rs"]
mod server;
#[path = "port/tools.rs"]
mod tools;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use server::Server;
use tools::{Place, TABLES, Taken, Tool, tools};

const GENERATE: &str = include_str!("port/generate.sql");
const SCHEMA: &str = include_str!("port/schema.sql");
const DATABASE: &str = "bench";

/// A tool, and what its runs came to.
struct Runner {
    tool: Tool,
    taken: Vec<Taken>,
}

fn main() {
    // `cargo bench` passes flags of its own
    let runs: usize = variable("BENCH_RUNS").unwrap_or(3).max(1);
    let share: f64 = variable("BENCH_ROWS_SHARE").unwrap_or(1.0);
    if cfg!(debug_assertions) {
        println!("(a debug build: what it prints of Liftlock is no measurement; `cargo bench` makes the right one)");
    }
    let scratch = tempfile::tempdir().unwrap();
    let kept = env::var_os("BENCH_DATABASE").map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let folder = kept.join(format!("port-{share}-{:016x}", fingerprint()));
    fs::create_dir_all(&folder).unwrap();

    let source = folder.join("source.db");
    generate(&source, share);
    let rows = rows(&source);
    let bytes = fs::metadata(&source).unwrap().len();
    println!("{} rows, {} MB of SQLite; {runs} runs each, in turn", rows.iter().sum::<i64>(), bytes / 1_000_000);

    let server = Server::start();
    let floor = folder.join("floor");
    let place = Place { source: &source, floor: &floor, server: &server, database: DATABASE };
    let tools = tools();
    make_floor(&tools, &place);
    let mut runners: Vec<Runner> = tools.into_iter().map(|tool| Runner { tool, taken: Vec::new() }).collect();
    for round in 0..runs {
        runners.retain_mut(|runner| match run(&runner.tool, &place) {
            Ok(taken) => {
                if round == 0 {
                    look(&runner.tool, &place, &rows);
                }
                runner.taken.push(taken);
                true
            }
            Err(why) => {
                println!("({} failed, and is left out: {why})", runner.tool.name);
                false
            }
        });
    }
    print(&mut runners);
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// So that a kept database is never one that other statements made.
fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    (GENERATE, SCHEMA).hash(&mut hasher);
    hasher.finish()
}

fn generate(source: &Path, share: f64) {
    if !source.exists() {
        let unfinished = source.with_extension("unfinished");
        let _ = fs::remove_file(&unfinished);
        let connection = rusqlite::Connection::open(&unfinished).unwrap();
        connection.execute_batch(&format!("CREATE TEMP TABLE share AS SELECT {share} AS of")).unwrap();
        connection.execute_batch(GENERATE).unwrap();
        connection.close().unwrap();
        fs::rename(&unfinished, source).unwrap();
    }
    // into the system's cache, so that the first run finds what the later ones find
    std::io::copy(&mut fs::File::open(source).unwrap(), &mut std::io::sink()).unwrap();
}

/// The rows of each table.
fn rows(source: &Path) -> Vec<i64> {
    let connection = rusqlite::Connection::open(source).unwrap();
    let count = |table| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
    TABLES.iter().map(|(table, _)| count(table)).collect()
}

/// Writes the files of the bare COPY: what a ported database holds.
fn make_floor(tools: &[Tool], place: &Place) {
    if place.floor.exists() {
        return;
    }
    // the shell's route is for the day on which the port itself is what fails
    let ported = tools.iter().filter(|tool| [tools::LIFTLOCK, tools::CSV].contains(&tool.name));
    let done = ported.map(|tool| run(tool, place)).any(|taken| taken.is_ok());
    assert!(done, "neither `liftlock port` nor sqlite3 with psql brought the database over");
    let unfinished = place.floor.with_extension("unfinished");
    fs::create_dir_all(&unfinished).unwrap();
    let mut client = place.server.client(DATABASE);
    for (table, _) in TABLES {
        let mut out = client.copy_out(&format!("COPY {table} TO STDOUT WITH (FORMAT binary)")).unwrap();
        std::io::copy(&mut out, &mut fs::File::create(unfinished.join(table)).unwrap()).unwrap();
    }
    fs::rename(&unfinished, place.floor).unwrap();
}

/// A run into a fresh database.
fn run(tool: &Tool, place: &Place) -> Result<Taken, String> {
    place.server.fresh(DATABASE);
    if tool.prepared {
        place.server.client(DATABASE).batch_execute(SCHEMA).unwrap();
    }
    (tool.run)(place)
}

/// Says which tables are not whole: a tool that drops rows is a fast one.
fn look(tool: &Tool, place: &Place, rows: &[i64]) {
    let mut client = place.server.client(DATABASE);
    for ((table, _), rows) in TABLES.iter().zip(rows) {
        let there = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]);
        match there.map(|row| row.get::<_, i64>(0)) {
            Ok(there) if there == *rows => {}
            Ok(there) => println!("({}: {there} of {rows} rows in `{table}`)", tool.name),
            Err(error) => println!("({}: `{table}` can't be read: {error})", tool.name),
        }
    }
}

fn print(runners: &mut [Runner]) {
    let floor = runners.first().map(|first| median(first.taken.iter().map(data)));
    println!("\n| tool | data, s (min–max) | to the floor | whole, s | to the floor | peak RSS, MB |");
    println!("|---|---|---|---|---|---|");
    for Runner { tool, taken } in runners {
        taken.sort_by_key(data);
        let whole = median(taken.iter().map(|taken| taken.whole.took));
        let data = (data(&taken[0]), median(taken.iter().map(data)), data(&taken[taken.len() - 1]));
        let ratio = |took: Duration| floor.map_or(0.0, |floor| took.as_secs_f64() / floor.as_secs_f64());
        println!(
            "| {} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.2} | {:.0} |",
            tool.name,
            data.1.as_secs_f64(),
            data.0.as_secs_f64(),
            data.2.as_secs_f64(),
            ratio(data.1),
            whole.as_secs_f64(),
            ratio(whole),
            taken.iter().map(|taken| taken.whole.peak).max().unwrap_or_default() as f64 / 1000.0,
        );
    }
}

/// The time for the data alone: the whole time, where a tool makes no indexes or does not tell.
fn data(taken: &Taken) -> Duration {
    taken.data.unwrap_or(taken.whole.took)
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}
