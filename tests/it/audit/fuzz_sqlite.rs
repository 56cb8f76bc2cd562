//! Random small schemas: the audit's verdict against SQLite's planner. A difference prints the schema.

use std::cell::RefCell;
use std::collections::BTreeMap;

use liftlock::audit::schema::{Index, Method, ParentState, Schema, Table};
use liftlock::audit::{Level, serve};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rusqlite::Connection;

use super::planner_sqlite::{plan, schema_of};

/// Random decisions; those that are not there are the first of each choice, so that shrinking makes schemas plain.
struct Choices<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % count
    }

    fn of<'b>(&mut self, choices: &[&'b str]) -> &'b str {
        choices[self.below(choices.len())]
    }

    /// Once in `count`.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }
}

const LOOSE: [&str; 12] =
    ["INTEGER", "INT", "TEXT", "", "VARCHAR(20)", "REAL", "NUMERIC", "BLOB", "STRING", "DOUBLE", "BOOLEAN", "CHARINT"];
const STRICT: [&str; 6] = ["INTEGER", "INT", "TEXT", "ANY", "REAL", "BLOB"];
const COLLATIONS: [&str; 6] = ["", "", "", " COLLATE NOCASE", " COLLATE RTRIM", " COLLATE BINARY"];

/// A schema: what makes its tables, and what makes its indexes.
#[derive(Debug, Clone)]
struct Made {
    tables: String,
    indexes: Vec<String>,
    parent: &'static str,
    /// Indexes have columns more than once.
    repeats: bool,
}

fn made(bytes: &[u8]) -> Made {
    let mut choices = Choices { bytes, at: 0 };
    let mut of = Choices { bytes, at: bytes.len() / 2 };
    let itself = choices.once_in(6);
    let width = 1 + choices.below(3);
    let (parent, key) = if itself { ("c", String::new()) } else { self::parent(&mut choices, width) };
    let (child, columns) = child(&mut of, width, itself, &mut choices);
    let repeats = of.once_in(8);
    let indexes = (0..of.below(4)).map(|at| index(&mut of, at, &columns, repeats)).collect();
    Made { tables: format!("{key}{child}"), indexes, parent, repeats }
}

fn types(choices: &mut Choices<'_>, strict: bool) -> String {
    if strict { choices.of(&STRICT).to_owned() } else { choices.of(&LOOSE).to_owned() }
}

/// The table `p` with the key `x0` to `x2`.
fn parent(choices: &mut Choices<'_>, width: usize) -> (&'static str, String) {
    let strict = choices.once_in(5);
    let keys: Vec<String> = (0..width).map(|at| format!("x{at}")).collect();
    let mut columns: Vec<String> =
        keys.iter().map(|key| format!("{key} {}{}", types(choices, strict), choices.of(&COLLATIONS))).collect();
    let mut options: Vec<&str> = if strict { vec!["STRICT"] } else { vec![] };
    match choices.below(6) {
        0 | 1 if width == 1 => columns[0] = "x0 INTEGER PRIMARY KEY".to_owned(),
        2 if width == 1 => columns[0] = format!("x0 INTEGER{} PRIMARY KEY DESC", choices.of(&COLLATIONS)),
        // part of the key is the rowid
        0 if width > 1 => {
            columns[0] = "x0 INTEGER PRIMARY KEY".to_owned();
            columns.push(format!("UNIQUE ({})", keys.join(", ")));
        }
        3 => columns.push(format!("UNIQUE ({})", keys.join(", "))),
        4 => {
            columns.push(format!("PRIMARY KEY ({})", keys.join(", ")));
            options.push("WITHOUT ROWID");
        }
        _ => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key}{}", choices.of(&COLLATIONS[2..4]))).collect();
            columns.push(format!("PRIMARY KEY ({})", keys.join(", ")));
        }
    }
    ("p", format!("CREATE TABLE p({}) {};\n", columns.join(", "), options.join(", ")))
}

/// The table `c` with the foreign key `a0` to `a2`, and its columns.
fn child(of: &mut Choices<'_>, width: usize, itself: bool, choices: &mut Choices<'_>) -> (String, Vec<String>) {
    let strict = of.once_in(6);
    let mut names: Vec<String> = vec!["e".to_owned(), "f".to_owned()];
    let mut columns = vec![format!("e {}", types(of, strict)), format!("f {} NOT NULL", types(of, strict))];
    let mut rowid = false;
    for at in 0..width {
        let mut column = format!("a{at} {}{}", types(of, strict), of.of(&COLLATIONS));
        match of.below(12) {
            9 | 10 => column.push_str(" NOT NULL"),
            11 if !rowid => {
                rowid = true;
                column =
                    format!("a{at} INTEGER{}{}", of.of(&COLLATIONS), of.of(&[" PRIMARY KEY", " PRIMARY KEY DESC"]));
            }
            8 => column.push_str(of.of(&[" AS (e)", " GENERATED ALWAYS AS (e) STORED"])),
            7 => column.push_str(" UNIQUE"),
            _ => {}
        }
        columns.push(column);
        names.push(format!("a{at}"));
    }
    if itself {
        for at in 0..width {
            columns.push(format!("x{at} {}{}", types(choices, strict), choices.of(&COLLATIONS)));
            names.push(format!("x{at}"));
        }
    }
    let keys: Vec<String> = (0..width).map(|at| format!("x{at}")).collect();
    let mut without_rowid = false;
    if !rowid {
        match of.below(6) {
            1 => {
                columns.push("id INTEGER PRIMARY KEY".to_owned());
                names.push("id".to_owned());
            }
            2 => columns.push(format!("PRIMARY KEY ({})", some(of, &names, 3, true).join(", "))),
            3 | 4 => {
                columns.push(format!("PRIMARY KEY ({})", some(of, &names, 3, true).join(", ")));
                without_rowid = true;
            }
            _ => {}
        }
    }
    if itself {
        columns.push(format!("UNIQUE ({})", keys.join(", ")));
    }
    for _ in 0..of.below(3).saturating_sub(1) {
        columns.push(format!("UNIQUE ({})", some(of, &names, 3, true).join(", ")));
    }
    let from: Vec<String> = (0..width).map(|at| format!("a{}", (at + choices.below(2)) % width)).collect();
    let mut distinct = from.clone();
    distinct.sort();
    distinct.dedup();
    let from = if distinct.len() == width { from } else { (0..width).map(|at| format!("a{at}")).collect() };
    let (table, written) = match (itself, choices.once_in(4)) {
        (true, _) => ("c", format!("({})", keys.join(", "))),
        (false, true) => ("p", String::new()),
        (false, false) => ("p", format!("({})", keys.join(", "))),
    };
    let action = choices.of(&["", " ON DELETE CASCADE", " ON DELETE SET NULL", " DEFERRABLE INITIALLY DEFERRED"]);
    columns.push(format!("FOREIGN KEY ({}) REFERENCES {table}{written}{action}", from.join(", ")));
    let mut options = Vec::new();
    options.extend(strict.then_some("STRICT"));
    options.extend(without_rowid.then_some("WITHOUT ROWID"));
    (format!("CREATE TABLE c({}) {};\n", columns.join(", "), options.join(", ")), names)
}

/// Up to `most` of the columns in any order, with or without a collation.
fn some(of: &mut Choices<'_>, names: &[String], most: usize, distinct: bool) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::new();
    let mut terms = Vec::new();
    for _ in 0..=of.below(most) {
        // the foreign key's columns more often than others
        let name = &names[(2 + of.below(names.len() + 2)) % names.len()];
        if distinct && chosen.contains(name) {
            continue;
        }
        chosen.push(name.clone());
        let collation = if of.once_in(4) { of.of(&COLLATIONS[3..]) } else { "" };
        terms.push(format!("{name}{collation}"));
    }
    terms
}

fn index(of: &mut Choices<'_>, at: usize, names: &[String], repeats: bool) -> String {
    let unique = of.once_in(4);
    // SQLite takes a unique index over one column twice for a parent's key of two columns, and then checks but the one:
    // nothing that the audit should know of
    let mut terms = some(of, names, 4, unique || !repeats);
    for term in &mut terms {
        match of.below(16) {
            14 | 15 => term.push_str(" DESC"),
            13 => *term = format!("lower({})", &term[..2.min(term.len())].trim()),
            12 => *term = format!("({term})"),
            11 => *term = format!("+{term}"),
            _ => {}
        }
    }
    let unique = if unique { "UNIQUE " } else { "" };
    let mut column = || names[(2 + of.below(names.len())) % names.len()].clone();
    let (one, other, third) = (column(), column(), column());
    let predicate = match of.below(20) {
        8 => format!(" WHERE {one} IS NOT NULL"),
        9 => format!(" WHERE {one} NOT NULL AND {other} NOTNULL"),
        10 => format!(" WHERE ({one} IS NOT NULL) OR {other} > 5"),
        11 => format!(" WHERE {one} IS NOT NULL AND ({other} IS NOT NULL OR {third} IS NOT NULL)"),
        12 => format!(" WHERE {one} IS NOT NULL OR ({other} IS NOT NULL AND {third} IS NOT NULL)"),
        13 => format!(" WHERE {one} IS NULL"),
        14 => format!(" WHERE NOT ({one} IS NULL)"),
        15 => format!(" WHERE \"{one}\" IS NOT NULL AND c.{other} IS NOT NULL"),
        16 => format!(" WHERE {one} > 3"),
        17 => format!(" WHERE {one} IS DISTINCT FROM NULL"),
        18 => format!(" WHERE {one} COLLATE NOCASE IS NOT NULL"),
        19 => format!(" WHERE {one} IS NOT NULL AND {other} IS NOT NULL AND {third} IS NOT NULL"),
        _ => String::new(),
    };
    format!("CREATE {unique}INDEX i{at} ON c({}){predicate};\n", terms.join(", "))
}

/// What the planner makes of the tables with these indexes, against what the audit says of all of them together.
fn compare(made: &Made, indexes: &[&String], seen: &Seen) -> Result<(), String> {
    let sql: String = std::iter::once(&made.tables).chain(indexes.iter().copied()).map(String::as_str).collect();
    let connection = Connection::open_in_memory().unwrap();
    if connection.execute_batch(&sql).is_err() {
        seen.borrow_mut().0 += 1; // SQLite does not take all that can be written here
        return Ok(());
    }
    let (connection, schema) = schema_of(connection);
    let table = schema.table("main", "c").unwrap();
    let [key] = table.foreign_keys.as_slice() else { return Err(format!("{sql}\nforeign keys: {table:?}")) };
    let planned = match plan(&connection, "c", made.parent) {
        Ok(planned) => planned,
        Err(message) => {
            seen.borrow_mut().1 += 1;
            // else an action can't be done (SET NULL of a generated column)
            let mismatch = message.contains("foreign key mismatch");
            return if mismatch == (key.parent_state != ParentState::Ok) {
                Ok(())
            } else {
                Err(format!("{sql}\nthe planner says `{message}`, the audit {:?}", key.parent_state))
            };
        }
    };
    if key.parent_state != ParentState::Ok {
        return Err(format!("{sql}\nthe planner takes its parent for usable: {key:?}"));
    }
    let coverage = serve::judge(&schema, table, key, &|_, _| true);
    let level = planned.level(table, key);
    *seen.borrow_mut().2.entry(level).or_default() += 1;
    let of_planner = format!("the planner: {level:?} by `{}`", planned.text);
    if coverage.level == level || tie(table, coverage.level, level) || asks_for_a_rowid(made, table) {
        return Ok(());
    }
    let told = coverage.note.as_ref().is_some_and(|note| note.contains("ANALYZE"));
    if told && level == Level::Prefix && planned.text.contains(" USING PRIMARY KEY ") {
        return Ok(());
    }
    Err(format!("{sql}\n{of_planner}\nthe audit: {coverage:?}"))
}

/// Where several indexes find one row at most, SQLite takes the first of them: by more columns or by fewer.
fn tie(table: &Table, one: Level, other: Level) -> bool {
    let unique = |index: &&Index| index.unique;
    one.covers() && other.covers() && table.indexes.iter().filter(unique).count() > 1
}

/// Statistics may make the planner skip keys, or scan though there is an index: the audit knows of the former, and judges
/// as if there were none.
fn with_statistics(made: &Made, bytes: &[u8], seen: &Seen) -> Result<(), String> {
    let mut of = Choices { bytes, at: bytes.len() / 3 };
    let connection = Connection::open_in_memory().unwrap();
    let sql: String = std::iter::once(&made.tables).chain(&made.indexes).map(String::as_str).collect();
    if connection.execute_batch(&format!("{sql} ANALYZE;")).is_err() {
        return Ok(());
    }
    let (connection, before) = schema_of(connection);
    let table = before.table("main", "c").unwrap();
    for index in &table.indexes {
        let name = if index.method == Method::Primary { "c" } else { index.name.as_str() };
        let mut alike = 1_000_000_u64;
        let mut stat = alike.to_string();
        for _ in &index.keys {
            alike = (alike / [2, 100, 5_000, 100_000][of.below(4)]).max(1);
            stat.push_str(&format!(" {alike}"));
        }
        connection.execute("INSERT INTO sqlite_stat1 VALUES ('c', ?1, ?2)", [name, stat.as_str()]).unwrap();
    }
    let Ok(planned) = plan(&connection, "c", made.parent) else { return Ok(()) };
    let (_, after) = schema_of(connection);
    let (before, after) = (&before, &after);
    let judged = |schema: &Schema| {
        let table = schema.table("main", "c").unwrap();
        serve::judge(schema, table, &table.foreign_keys[0], &|_, _| true)
    };
    let (without, with) = (judged(before), judged(after));
    let level = planned.level(table, &table.foreign_keys[0]);
    if planned.skips {
        *seen.borrow_mut().2.entry(Level::Skip).or_default() += 1;
    }
    let same = without.level.max(Level::Skip) == with.level.max(Level::Skip);
    // an index that finds nothing cannot be in a plan, and what is skipped to has to be known
    let found = level <= with.level || asks_for_a_rowid(made, table) || tie(table, level, with.level);
    if same && found { Ok(()) } else { Err(format!("{sql}\n{level:?} by `{}`\nthe audit: {with:?}", planned.text)) }
}

/// When a row of a table that points to itself is deleted, its own rowid is left out by `rowid <> ?`, from which follows
/// that the rowid is not NULL. No other search for children has that: the audit leaves it out of account.
fn asks_for_a_rowid(made: &Made, table: &Table) -> bool {
    let asks = |index: &Index| {
        let alias = table.rowid_alias.as_ref().filter(|_| index.predicate.is_some());
        alias.zip(index.predicate_sql.as_ref()).is_some_and(|(alias, predicate)| predicate.contains(alias.as_str()))
    };
    made.parent == "c" && table.indexes.iter().any(asks)
}

fn check(bytes: &[u8], seen: &Seen) -> Result<(), String> {
    let made = made(bytes);
    compare(&made, &[], seen)?;
    for index in &made.indexes {
        compare(&made, &[index], seen)?;
    }
    if made.repeats {
        return Ok(()); // the planner takes a column for as selective as it is often there, and may choose the lesser index
    }
    with_statistics(&made, bytes, seen)?;
    compare(&made, &made.indexes.iter().collect::<Vec<_>>(), seen)
}

/// What was met: schemas that SQLite does not take, foreign keys that it can't enforce, plans of each level.
type Seen = RefCell<(u64, u64, BTreeMap<Level, u64>)>;

#[test]
fn the_audit_agrees_with_the_planner_about_any_schema() {
    let wanted: Option<u32> = std::env::var("LIFTLOCK_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = wanted.unwrap_or(200);
    let seen = Seen::default();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    // the same cases each time, unless somebody looks for new ones
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&prop::collection::vec(any::<u8>(), 60..140), |bytes| check(&bytes, &seen).map_err(TestCaseError::fail))
        .unwrap_or_else(|failure| panic!("{failure}"));
    let (refused, unusable, levels) = &*seen.borrow();
    println!("{refused} schemas refused, {unusable} foreign keys that can't be enforced, plans: {levels:?}");
    for level in [Level::None, Level::Prefix, Level::UniqueSubset, Level::Full] {
        assert!(levels.get(&level).is_some_and(|count| *count > 5), "too few plans of {level:?}: {levels:?}");
    }
}
