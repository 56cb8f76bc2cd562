//! The tools that bring the database over, each as it is run by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Finished, pipeline};
use super::server::Server;

/// The tables, and how `sqlite3 -csv` has to be asked for them: blobs as PostgreSQL's hex.
pub const TABLES: [(&str, &str); 4] = [
    ("account", "SELECT * FROM account"),
    ("event", "SELECT * FROM event"),
    ("document", "SELECT * FROM document"),
    ("attachment", "SELECT id, document_id, name, '\\x' || hex(content) FROM attachment"),
];

/// Where a run happens.
pub struct Place<'a> {
    /// The SQLite database.
    pub source: &'a Path,
    /// The folder of the ready-made COPY files.
    pub floor: &'a Path,
    /// The server.
    pub server: &'a Server,
    /// A fresh database on it.
    pub database: &'a str,
}

impl Place<'_> {
    fn url(&self) -> String {
        self.server.url(self.database)
    }
}

/// How long a run took.
pub struct Taken {
    /// The processes.
    pub whole: Finished,
    /// Until the data were there, indexes not counted, where the tool tells it apart.
    pub data: Option<Duration>,
}

/// A way to bring the database over.
pub struct Tool {
    /// Its name in the table.
    pub name: &'static str,
    /// Whether the tables have to be there: schema.sql.
    pub prepared: bool,
    /// A run.
    pub run: fn(&Place) -> Result<Taken, String>,
}

/// The tools that are here; each that is not is named.
pub fn tools() -> Vec<Tool> {
    let mut tools = Vec::new();
    let mut add = |there: Result<(), String>, name, prepared, run| match there {
        Ok(()) => tools.push(Tool { name, prepared, run }),
        Err(why) => println!("({name}: left out, {why})"),
    };
    add(in_path("psql"), "floor: bare binary COPY", true, floor);
    add(Ok(()), LIFTLOCK, false, |place| liftlock(place, &[]));
    add(Ok(()), "liftlock port --jobs 1", false, |place| liftlock(place, &["--jobs", "1"]));
    add(in_path("pgloader"), "pgloader", false, |place| pgloader(place, &[]));
    add(in_path("pgloader"), "pgloader, data alone", false, |place| {
        pgloader(place, &["--with", "create no indexes", "--with", "no foreign keys", "--with", "reset no sequences"])
    });
    add(duckdb_is_there(), "DuckDB", false, duckdb);
    add(in_path("psql").and(in_path("sqlite3")), CSV, true, csv);
    tools
}

/// The tool that all of this is about.
pub const LIFTLOCK: &str = "liftlock port";
/// The tool that needs nothing but the databases' own shells.
pub const CSV: &str = "sqlite3 -csv, psql \\copy";

fn in_path(program: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if found { Ok(()) } else { Err(format!("{program} is not in the PATH")) }
}

fn floor(place: &Place) -> Result<Taken, String> {
    let mut psql = psql(place);
    for (table, _) in TABLES {
        let file = place.floor.join(table).display().to_string().replace('\'', "''");
        psql.args(["-c", &format!("\\copy {table} from '{file}' with (format binary)")]);
    }
    Ok(Taken { whole: pipeline(vec![psql])?, data: None })
}

fn liftlock(place: &Place, flags: &[&str]) -> Result<Taken, String> {
    let mut liftlock = Command::new(env!("CARGO_BIN_EXE_liftlock"));
    // away from any liftlock.yaml
    liftlock.arg("port").arg(place.source).arg(place.url()).arg("--json").args(flags).current_dir("/");
    let whole = pipeline(vec![liftlock])?;
    let report: serde_json::Value = serde_json::from_str(&whole.stdout).map_err(|error| error.to_string())?;
    let phase = |name: &str| {
        let phases = report["phases"].as_array().into_iter().flatten();
        phases.filter(|phase| phase["name"] == name).filter_map(|phase| phase["seconds"].as_f64()).sum::<f64>()
    };
    Ok(Taken { data: Some(Duration::from_secs_f64(phase("scanning") + phase("copying"))), whole })
}

fn pgloader(place: &Place, flags: &[&str]) -> Result<Taken, String> {
    let mut pgloader = Command::new("pgloader");
    // with its defaults, 100,000 rows at a time and four workers, the blobs exhaust its heap of 1 GB
    pgloader.args(["--with", "prefetch rows = 1000", "--with", "workers = 2"]).args(flags);
    pgloader.arg(format!("sqlite://{}", place.source.display())).arg(place.server.pgloader_url(place.database));
    Ok(Taken { whole: pipeline(vec![pgloader])?, data: None })
}

fn duckdb(place: &Place) -> Result<Taken, String> {
    let mut script = duckdb_script();
    script.arg(place.source).arg(place.url());
    Ok(Taken { whole: pipeline(vec![script])?, data: None })
}

fn duckdb_script() -> Command {
    let python = std::env::var_os("BENCH_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/port/duckdb_port.py"));
    command
}

fn duckdb_is_there() -> Result<(), String> {
    match duckdb_script().stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err("BENCH_PYTHON names no Python that has duckdb and its two extensions".to_owned()),
    }
}

fn csv(place: &Place) -> Result<Taken, String> {
    let mut whole = Finished::default();
    for (table, query) in TABLES {
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.arg("-csv").arg(place.source).arg(query);
        let mut psql = psql(place);
        psql.args(["-c", &format!("\\copy {table} from pstdin with (format csv)")]);
        whole += pipeline(vec![sqlite3, psql])?;
    }
    Ok(Taken { whole, data: None })
}

fn psql(place: &Place) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["-qX", "-v", "ON_ERROR_STOP=1", "-d", &place.url()]);
    psql
}
