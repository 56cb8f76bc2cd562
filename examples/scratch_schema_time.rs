fn main() {
    let path = std::env::args().nth(1).expect("path");
    let started = std::time::Instant::now();
    let url = format!("sqlite:{path}");
    let _ = url;
    let db = liftlock::db::SqliteDb::from(rusqlite::Connection::open(&path).expect("opens"));
    let schema = db.schema().expect("schema");
    println!("{} tables {:?}", schema.tables.len(), started.elapsed());
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).expect("peak"));
}
