//! What is imported: JSON lines and a tree of small files, the same ones each time, with their tables and mappings.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Something to import into one table.
pub struct Load {
    /// Its name in what is printed.
    pub name: &'static str,
    /// The folder that is imported.
    pub folder: PathBuf,
    /// The mapping's file.
    pub map: PathBuf,
    /// The statement that makes the table in SQLite.
    pub sqlite: &'static str,
    /// The same in PostgreSQL.
    pub postgres: &'static str,
    /// The table.
    pub table: &'static str,
    /// Its columns, which are the keys of the records.
    pub columns: &'static [&'static str],
    /// One file of JSON lines, or a folder of documents.
    pub lines: Option<PathBuf>,
    /// The records.
    pub records: u64,
    /// The bytes of the files.
    pub bytes: u64,
}

const EVENT: &[&str] =
    &["id", "at", "kind", "actor", "request", "tags", "succeeded", "duration_ms", "error", "trace_id"];

const EVENT_SQLITE: &str = "CREATE TABLE event (id INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, \
     actor TEXT NOT NULL, request TEXT NOT NULL, tags TEXT NOT NULL, succeeded BOOLEAN NOT NULL, duration_ms REAL, \
     error TEXT, trace_id TEXT NOT NULL)";

const EVENT_POSTGRES: &str = "CREATE TABLE event (id bigint NOT NULL PRIMARY KEY, at timestamptz NOT NULL, kind text NOT NULL, \
     actor jsonb NOT NULL, request jsonb NOT NULL, tags jsonb NOT NULL, succeeded boolean NOT NULL, \
     duration_ms double precision, error text, trace_id text NOT NULL)";

const DOCUMENT: &[&str] = &["id", "title", "created", "author", "revision", "labels", "checks", "score", "body"];

const DOCUMENT_SQLITE: &str = "CREATE TABLE document (id TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, \
     created TEXT NOT NULL, author TEXT NOT NULL, revision INTEGER NOT NULL, labels TEXT NOT NULL, checks TEXT NOT NULL, \
     score REAL, body TEXT NOT NULL)";

const DOCUMENT_POSTGRES: &str = "CREATE TABLE document (id text NOT NULL PRIMARY KEY, title text NOT NULL, \
     created timestamptz NOT NULL, author jsonb NOT NULL, revision bigint NOT NULL, labels jsonb NOT NULL, \
     checks jsonb NOT NULL, score double precision, body text NOT NULL)";

/// JSON lines of about 340 bytes each.
pub fn lines(kept: &Path, records: u64) -> io::Result<Load> {
    let folder = kept.join(format!("lines-{records}"));
    let file = folder.join("event.jsonl");
    if !file.exists() {
        fs::create_dir_all(&folder)?;
        let unfinished = kept.join("event.unfinished");
        let mut out = io::BufWriter::new(fs::File::create(&unfinished)?);
        let mut random = Random(1);
        for id in 1..=records {
            writeln!(out, "{}", event(id, &mut random))?;
        }
        out.flush()?;
        fs::rename(unfinished, &file)?;
    }
    let map = mapping(kept, "event", "event.jsonl", EVENT)?;
    let bytes = fs::metadata(&file)?.len();
    Ok(Load {
        name: "JSON lines",
        folder,
        map,
        sqlite: EVENT_SQLITE,
        postgres: EVENT_POSTGRES,
        table: "event",
        columns: EVENT,
        lines: Some(file),
        records,
        bytes,
    })
}

/// Documents of 1 to 4 KB, indented, a hundred to a folder.
pub fn files(kept: &Path, records: u64) -> io::Result<Load> {
    let folder = kept.join(format!("files-{records}"));
    if !folder.exists() {
        let unfinished = kept.join("files.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let mut random = Random(2);
        for number in 0..records {
            let inner = unfinished.join(format!("{:03}", number / 100));
            fs::create_dir_all(&inner)?;
            fs::write(inner.join(format!("document_{number:05}.json")), document(&mut random))?;
        }
        fs::create_dir_all(&unfinished)?;
        fs::rename(unfinished, &folder)?;
    }
    let map = mapping(kept, "document", "*/document_*.json", DOCUMENT)?;
    let bytes = documents(&folder)?.iter().map(|file| fs::metadata(file).map_or(0, |file| file.len())).sum();
    Ok(Load {
        name: "small files",
        folder,
        map,
        sqlite: DOCUMENT_SQLITE,
        postgres: DOCUMENT_POSTGRES,
        table: "document",
        columns: DOCUMENT,
        lines: None,
        records,
        bytes,
    })
}

/// The documents of the small files, in order.
pub fn documents(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for inner in fs::read_dir(folder)? {
        for file in fs::read_dir(inner?.path())? {
            files.push(file?.path());
        }
    }
    files.sort();
    Ok(files)
}

fn mapping(kept: &Path, table: &str, files: &str, columns: &[&str]) -> io::Result<PathBuf> {
    let mut text = format!("sources:\n  - files: \"{files}\"\n    table: {table}\n    key: id\n    columns:\n");
    for column in columns {
        text.push_str(&format!("      {column}: /{column}\n"));
    }
    let path = kept.join(format!("{table}.yaml"));
    fs::write(&path, text)?;
    Ok(path)
}

/// Numbers that are the same each time (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.below(words.len() as u64)).unwrap()]
    }

    fn text(&mut self, words: u64) -> String {
        let words: Vec<&str> = (0..words).map(|_| self.of(WORDS)).collect();
        words.join(" ")
    }
}

const WORDS: &[&str] = &[
    "the",
    "gate",
    "opens",
    "when",
    "levels",
    "agree",
    "and",
    "water",
    "keeps",
    "its",
    "height",
    "a boat",
    "waits",
    "below",
    "für",
    "Größe",
    "\\\"lock\\\"",
    "chamber",
    "rises",
    "slowly",
    "line\\nbreak",
    "pressure",
    "12",
    "…",
];

fn event(id: u64, random: &mut Random) -> String {
    let user = random.below(5000);
    let failed = random.below(20) == 0;
    let mut line = format!(
        r#"{{"id":{id},"at":"2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","kind":"{}","actor":{{"id":{user},"name":"user{user}","roles":["{}","{}"]}},"#,
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60),
        random.below(1000),
        random.of(&["login", "page.view", "document.saved", "tool.called", "job.finished"]),
        random.of(&["reader", "author", "owner"]),
        random.of(&["staff", "guest"]),
    );
    write!(
        line,
        r#""request":{{"method":"{}","path":"/api/v1/{}/{}","status":{},"bytes":{}}},"tags":["{}","{}"],"succeeded":{},"#,
        random.of(&["GET", "POST", "PUT"]),
        random.of(&["documents", "users", "runs"]),
        random.below(100_000),
        if failed { 500 } else { 200 },
        random.below(200_000),
        random.of(&["eu", "us", "ap"]),
        random.of(&["web", "cli", "batch"]),
        !failed,
    )
    .unwrap();
    let error = if failed { format!("\"{}\"", random.text(6)) } else { "null".to_owned() };
    write!(
        line,
        r#""duration_ms":{}.{:03},"error":{error},"trace_id":"{:012x}{:012x}"}}"#,
        random.below(2000),
        random.below(1000),
        random.next(),
        random.next()
    )
    .unwrap();
    line
}

fn document(random: &mut Random) -> String {
    let mut text = format!(
        "{{\n  \"id\": \"{:012x}{:012x}\",\n  \"title\": \"{}\",\n  \"created\": \"2026-{:02}-{:02}T08:00:00Z\",\n  \
         \"author\": {{\n    \"name\": \"user{}\",\n    \"team\": \"{}\"\n  }},\n  \"revision\": {},\n  \
         \"labels\": [\n    \"{}\",\n    \"{}\"\n  ],\n  \"checks\": [",
        random.next(),
        random.next(),
        random.text(5),
        1 + random.below(12),
        1 + random.below(28),
        random.below(500),
        random.of(&["core", "docs", "field"]),
        random.below(40),
        random.of(&["draft", "final"]),
        random.of(&["internal", "public"]),
    );
    for number in 0..2 + random.below(10) {
        let comma = if number == 0 { "" } else { "," };
        write!(
            text,
            "{comma}\n    {{\n      \"name\": \"{}\",\n      \"passed\": {},\n      \"seconds\": {}.{:02}\n    }}",
            random.of(&["spelling", "links", "schema", "size"]),
            random.below(5) > 0,
            random.below(30),
            random.below(100)
        )
        .unwrap();
    }
    let words = 80 + random.below(300);
    write!(
        text,
        "\n  ],\n  \"score\": 0.{},\n  \"body\": \"{}\"\n}}\n",
        1 + random.below(9_999_999),
        random.text(words)
    )
    .unwrap();
    text
}
