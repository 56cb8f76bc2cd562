//! What is decided for each peculiar database: the types, and what a person is told.

use std::fmt::Write;

use liftlock::Interrupt;
use liftlock::db::SqliteDb;
use liftlock::port::batch::BatchSize;
use liftlock::port::options::{ColumnMatch, Options, TypeRule};
use liftlock::port::plan::Plan;
use liftlock::port::plan::assemble::{Planned, make};
use liftlock::value::{BadText, PgType, Reading, TimeNumber};

fn planned(sql: &str, options: &Options, size: BatchSize) -> Planned {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("pragma foreign_keys = off").unwrap();
    connection.execute_batch(sql).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    make(&db, &schema, options, None, size, &Interrupt::default()).unwrap()
}

fn plan(sql: &str, options: &Options) -> Plan {
    planned(sql, options, BatchSize::default()).plan
}

/// `v bigint; w text` and a line for each finding: `change mixed-values v: …`.
fn told(plan: &Plan) -> String {
    let mut told = String::new();
    for table in &plan.tables {
        let columns = table.columns.iter().filter(|column| column.source != "id").map(|column| {
            let numbers = column.reading.numbers.map_or(String::new(), |numbers| format!(" {numbers:?}"));
            format!("{} {}{numbers}", column.source, column.pg_type)
        });
        write!(told, "{}", columns.collect::<Vec<_>>().join("; ")).unwrap();
    }
    for finding in &plan.findings {
        let object = finding.object.as_deref().unwrap_or("-");
        write!(told, "\n{} {} {object}: {}", finding.level, finding.code, finding.message).unwrap();
    }
    told
}

fn column_of(declared: &str, values: &str) -> String {
    let rows: Vec<String> = values.split(" | ").map(|value| format!("({value})")).collect();
    format!("create table t(id integer primary key, v {declared}); insert into t(v) values {};", rows.join(","))
}

#[test]
fn print_all() {
    let mut names: Vec<_> =
        std::fs::read_dir("/work/shared/port-cases/new").unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let sql = std::fs::read_to_string(&path).unwrap();
        println!("== {}\n{sql}", path.file_stem().unwrap().to_string_lossy());
        println!("-->\n{}\n", told(&plan(&sql, &Options::default())));
    }
    let _ = (
        column_of("a", "b"),
        ColumnMatch::Column(String::new()),
        BadText::Strip,
        PgType::Text,
        Reading::default(),
        TimeNumber::Julian,
        std::any::type_name::<TypeRule>(),
    );
}
