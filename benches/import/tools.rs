//! The tools that bring the files in, each as it is run by hand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::data::{self, Load};
use super::process::{Finished, pipeline};
use super::server::Server;
use super::{DATABASE, FLOOR, floor};

/// A way to bring the files in.
pub struct Tool {
    /// Its name in the table.
    pub name: &'static str,
    /// A run into the SQLite file, which has the table, or into the server's database.
    pub run: fn(&Load, &Place) -> Result<Finished, String>,
}

/// Where a run happens.
pub struct Place<'a> {
    /// The SQLite file.
    pub sqlite: &'a Path,
    /// Where PostgreSQL is measured.
    pub server: Option<&'a Server>,
    /// The file of the bare COPY.
    pub copy: &'a Path,
    /// Where the files are.
    pub kept: &'a Path,
}

/// The two floors' names.
pub const PARSE: &str = "floor: serde_json alone";
/// See [`PARSE`].
pub const INSERT: &str = "floor: SQLite's own insert";
/// The tool that all of this is about.
pub const LIFTLOCK: &str = "liftlock import";
/// What sqlite-utils documents for JSON: one file a process. It is run for some of the files.
pub const EACH: &str = "sqlite-utils insert, a process a file (×200 from every 200th)";
/// Of so many files [`EACH`] takes one.
const EVERY: usize = 200;
/// The floor of PostgreSQL.
pub const COPY: &str = "floor: bare binary COPY";

/// The tools for SQLite that are here; each that is not is named.
pub fn sqlite(load: &Load) -> Vec<Tool> {
    let mut tools = vec![
        Tool { name: PARSE, run: |load, place| own("parse", load, place) },
        Tool { name: INSERT, run: |load, place| own("insert", load, place) },
        Tool { name: LIFTLOCK, run: |load, place| liftlock(load, &file(place), &[]) },
        Tool { name: "liftlock import --jobs 1", run: |load, place| liftlock(load, &file(place), &["--jobs", "1"]) },
    ];
    let found = sqlite_utils().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Ok(status) if status.success() => {
            tools.push(Tool { name: "sqlite-utils insert", run: utils });
            if load.lines.is_none() {
                tools.push(Tool { name: EACH, run: utils_each });
            }
        }
        _ => println!("(sqlite-utils: left out, neither BENCH_PYTHON nor `python3` has it)"),
    }
    tools
}

/// The tools for PostgreSQL.
pub fn postgres() -> Vec<Tool> {
    let mut tools = vec![Tool { name: LIFTLOCK, run: |load, place| liftlock(load, &server(place), &[]) }];
    let there = Command::new("psql").arg("--version").stdout(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        tools.push(Tool { name: COPY, run: copy });
    } else {
        println!("(bare COPY: left out, psql is not in the PATH)");
    }
    tools
}

fn file(place: &Place) -> String {
    format!("sqlite:{}", place.sqlite.display())
}

fn server(place: &Place) -> String {
    place.server.expect("PostgreSQL is measured").url(DATABASE)
}

/// This program again, for a floor.
fn own(what: &str, load: &Load, place: &Place) -> Result<Finished, String> {
    let mut command = Command::new(env::current_exe().map_err(|error| error.to_string())?);
    command.env(FLOOR, what).env("BENCH_FLOOR_LOAD", load.name).env("BENCH_FLOOR_DATABASE", place.sqlite);
    command.env("BENCH_DATA", place.kept);
    let finished = pipeline(vec![command])?;
    let said: Vec<Duration> =
        finished.stdout.split_whitespace().filter_map(|word| word.parse().ok()).map(Duration::from_secs_f64).collect();
    let [took, cpu] = said[..] else { return Err(format!("it said {:?}", finished.stdout)) };
    Ok(Finished { took, cpu, ..finished })
}

/// What [`own`] starts.
pub fn floor(what: &str, load: &Load) -> (Duration, Duration) {
    match what {
        "parse" => floor::parse(load),
        _ => floor::insert(load, Path::new(&env::var_os("BENCH_FLOOR_DATABASE").unwrap())),
    }
}

fn liftlock(load: &Load, url: &str, flags: &[&str]) -> Result<Finished, String> {
    let mut liftlock = Command::new(env!("CARGO_BIN_EXE_liftlock"));
    // away from any liftlock.yaml
    liftlock.args(["import", "--json", "--map"]).arg(&load.map).args(["--database", url]).args(flags);
    liftlock.arg(&load.folder).current_dir("/");
    pipeline(vec![liftlock])
}

fn sqlite_utils() -> Command {
    let python = env::var_os("BENCH_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let mut command = Command::new(python);
    command.args(["-m", "sqlite_utils"]);
    command
}

/// JSON lines are what it reads itself; of many files its own bulk way is a generator that reads them (`--code`).
fn utils(load: &Load, place: &Place) -> Result<Finished, String> {
    let mut utils = sqlite_utils();
    utils.arg("insert").arg(place.sqlite).arg(load.table);
    match &load.lines {
        Some(file) => utils.arg(file).arg("--nl"),
        None => utils.arg("--code").arg(format!(
            "import glob, json\ndef rows():\n    for path in sorted(glob.glob({:?})):\n        \
             with open(path, 'rb') as file:\n            yield json.load(file)\n",
            load.folder.join("*/*.json").display().to_string()
        )),
    };
    utils.args(["--pk", "id"]);
    pipeline(vec![utils])
}

/// As it is documented, `sqlite-utils insert DATABASE TABLE FILE --pk id`, for one file of every so many, and what it took as
/// many times over.
fn utils_each(load: &Load, place: &Place) -> Result<Finished, String> {
    let files = data::documents(&load.folder).map_err(|error| error.to_string())?;
    let some: Vec<PathBuf> = files.into_iter().step_by(EVERY).collect();
    let mut all = Finished::default();
    for file in &some {
        let mut utils = sqlite_utils();
        utils.arg("insert").arg(place.sqlite).arg(load.table).arg(file).args(["--pk", "id"]);
        all += pipeline(vec![utils])?;
    }
    let share = load.records as f64 / some.len() as f64;
    Ok(Finished { took: all.took.mul_f64(share), cpu: all.cpu.mul_f64(share), ..all })
}

fn copy(load: &Load, place: &Place) -> Result<Finished, String> {
    let mut psql = Command::new("psql");
    psql.args(["-qX", "-v", "ON_ERROR_STOP=1", "-d", &server(place)]);
    let file = place.copy.display().to_string().replace('\'', "''");
    psql.args(["-c", &format!("\\copy {} from '{file}' with (format binary)", load.table)]);
    pipeline(vec![psql])
}
