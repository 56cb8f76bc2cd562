//! Whole runs of the binary beside other tools' in one interleaved loop: `make bench` (docs/benchmarks.md).
//!
//! A tool that is not in the PATH is left out and said so. `BENCH_RUNS` sets the number of runs (5). Some tools know
//! no Unix sockets: `LIFTLOCK_TEST_POSTGRES` names a server by TCP.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unused_imports)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Kind, server};

/// One tool on one folder of migrations.
struct Tool {
    name: &'static str,
    program: PathBuf,
    /// The arguments for a folder and a database.
    arguments: fn(&Place) -> Vec<String>,
    /// Text for its standard input instead of arguments, a file's name.
    stdin: bool,
}

/// A tool, and how long its runs took.
struct Runner {
    tool: Tool,
    prepared: Option<Place>,
    times: Vec<Duration>,
}

/// Where a run happens.
struct Place {
    folder: PathBuf,
    url: String,
    /// The SQLite file.
    file: PathBuf,
    kind: Kind,
}

impl Place {
    fn dir(&self, layout: &str) -> String {
        self.folder.join(layout).display().to_string()
    }

    /// The URL as tools that know no Unix sockets' parameters in SQLite URLs want it.
    fn url_with_slashes(&self) -> String {
        match self.kind {
            Kind::Sqlite => format!("sqlite://{}", self.file.display()),
            Kind::Postgres => self.url.clone(),
        }
    }
}

fn main() {
    // `cargo bench` passes flags of its own
    let runs: usize = std::env::var("BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let scratch = scratch();
    println!("{runs} runs each, in turn; seconds of a whole process; scratch files in {}", scratch.path().display());
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for (title, count, applied) in [
            ("apply 1,000", 1000, false),
            ("nothing to do, 100 applied", 100, true),
            ("nothing to do, 1,000 applied", 1000, true),
        ] {
            println!("\n## {kind:?}: {title}");
            measure(kind, count, applied, runs, scratch.path());
        }
    }
}

/// Memory, where there is such a folder: a disk's fsync is not what is compared.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn measure(kind: Kind, count: usize, applied: bool, runs: usize, scratch: &Path) {
    let folder = tempfile::tempdir_in(scratch).unwrap();
    write_migrations(folder.path(), count);
    let tools: Vec<Tool> = tools(kind).into_iter().filter(|tool| !(applied && tool.stdin)).collect();
    let mut runners: Vec<Runner> = tools
        .into_iter()
        .filter_map(|tool| {
            // where nothing is to be done, each tool finds what it has done itself
            let place = place(kind, folder.path(), scratch);
            run(&tool, &place)?;
            Some(Runner { tool, prepared: applied.then_some(place), times: Vec::new() })
        })
        .collect();
    for _ in 0..runs {
        for runner in &mut runners {
            let fresh;
            let place = match &runner.prepared {
                Some(place) => place,
                None => {
                    fresh = place(kind, folder.path(), scratch);
                    &fresh
                }
            };
            runner.times.extend(run(&runner.tool, place));
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let ours = median(&mut runners[0].times);
    println!("{:<34} {:>9} {:>9} {:>9}  ratio to liftlock", "tool", "min", "median", "max");
    for Runner { tool, times, .. } in &mut runners {
        let middle = median(times);
        println!(
            "{:<34} {:>9.4} {middle:>9.4} {:>9.4}  {:.2}",
            tool.name,
            times[0].as_secs_f64(),
            times[times.len() - 1].as_secs_f64(),
            middle / ours
        );
    }
}

fn place(kind: Kind, folder: &Path, scratch: &Path) -> Place {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let file = scratch.join(format!("{}.db", NEXT.fetch_add(1, Ordering::SeqCst)));
    let url = match kind {
        Kind::Sqlite => {
            // sqlx and refinery want the file to be there
            fs::write(&file, "").unwrap();
            format!("sqlite:{}", file.display())
        }
        Kind::Postgres => server().url(&server().create_database()),
    };
    if kind == Kind::Sqlite {
        let toml = format!("[main]\ndb_type = \"Sqlite\"\ndb_path = \"{}\"\n", file.display());
        fs::write(file.with_extension("toml"), toml).unwrap();
    }
    Place { folder: folder.to_owned(), url, file, kind }
}

/// How long it took; `None` where the tool can't do it.
fn run(tool: &Tool, place: &Place) -> Option<Duration> {
    let mut command = Command::new(&tool.program);
    command.args((tool.arguments)(place)).stdout(Stdio::null()).stderr(Stdio::piped()).current_dir(&place.folder);
    command.env("REFINERY_DATABASE_URL", &place.url);
    command.stdin(match tool.stdin {
        true => Stdio::from(fs::File::open(place.folder.join("floor.sql")).unwrap()),
        false => Stdio::null(),
    });
    let began = Instant::now();
    let output = command.output().unwrap();
    let took = began.elapsed();
    if output.status.success() {
        return Some(took);
    }
    let why = String::from_utf8_lossy(&output.stderr);
    println!("({} failed, and is left out: {})", tool.name, why.lines().take(4).collect::<Vec<_>>().join(" "));
    None
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn tools(kind: Kind) -> Vec<Tool> {
    let mut tools = vec![Tool {
        name: "liftlock",
        program: PathBuf::from(env!("CARGO_BIN_EXE_liftlock")),
        arguments: |place| strings(&["up", "-d", &place.url, "--dir", &place.dir("liftlock")]),
        stdin: false,
    }];
    let mut add =
        |name: &'static str, program: &str, arguments: fn(&Place) -> Vec<String>, stdin: bool| match find(program) {
            Some(program) => tools.push(Tool { name, program, arguments, stdin }),
            None => println!("({program} is not in the PATH: left out)"),
        };
    match kind {
        Kind::Sqlite => {
            add("floor: sqlite3, a transaction each", "sqlite3", |place| vec![place.file.display().to_string()], true);
        }
        Kind::Postgres => {
            add("floor: psql, a transaction each", "psql", |place| strings(&["-qX", &place.url]), true);
        }
    }
    add(
        "refinery_cli",
        "refinery",
        |place| match place.kind {
            Kind::Sqlite => {
                let config = place.file.with_extension("toml").display().to_string();
                strings(&["migrate", "-c", &config, "-p", &place.dir("refinery")])
            }
            Kind::Postgres => strings(&["migrate", "-e", "REFINERY_DATABASE_URL", "-p", &place.dir("refinery")]),
        },
        false,
    );
    add(
        "sqlx-cli",
        "sqlx",
        |place| strings(&["migrate", "run", "--source", &place.dir("sqlx"), "-D", &place.url_with_slashes()]),
        false,
    );
    add(
        "diesel_cli",
        "diesel",
        |place| {
            let url = match place.kind {
                Kind::Sqlite => place.file.display().to_string(),
                Kind::Postgres => place.url.clone(),
            };
            strings(&["migration", "run", "--migration-dir", &place.dir("diesel"), "--database-url", &url])
        },
        false,
    );
    add(
        "dbmate",
        "dbmate",
        |place| {
            let url = match place.kind {
                Kind::Sqlite => format!("sqlite:{}", place.file.display()),
                Kind::Postgres => place.url.clone(),
            };
            strings(&["--url", &url, "--migrations-dir", &place.dir("dbmate"), "--no-dump-schema", "up"])
        },
        false,
    );
    tools
}

fn strings(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// The same migrations in every tool's layout: a table with an index each.
fn write_migrations(folder: &Path, count: usize) {
    for layout in ["liftlock", "refinery", "sqlx", "diesel", "dbmate"] {
        fs::create_dir(folder.join(layout)).unwrap();
    }
    let mut floor = String::new();
    for n in 1..=count {
        let up = format!(
            "CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL, created_at text);\nCREATE INDEX t{n}_name ON t{n} (name);\n"
        );
        floor.push_str(&format!("BEGIN;\n{up}COMMIT;\n"));
        for layout in ["liftlock", "refinery"] {
            fs::write(folder.join(layout).join(format!("V{n}__t{n}.sql")), &up).unwrap();
        }
        fs::write(folder.join("sqlx").join(format!("{n:05}_t{n}.sql")), &up).unwrap();
        let diesel = folder.join("diesel").join(format!("{n:05}_t{n}"));
        fs::create_dir(&diesel).unwrap();
        fs::write(diesel.join("up.sql"), &up).unwrap();
        fs::write(diesel.join("down.sql"), format!("DROP TABLE t{n};\n")).unwrap();
        let dbmate = format!("-- migrate:up\n{up}-- migrate:down\nDROP TABLE t{n};\n");
        fs::write(folder.join("dbmate").join(format!("{n:05}_t{n}.sql")), dbmate).unwrap();
    }
    fs::write(folder.join("floor.sql"), floor).unwrap();
}
