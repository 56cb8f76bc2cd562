//! Every cell of both databases side by side, read by the drivers alone: the judge of whether a port was right.

use std::collections::BTreeMap;

use postgres::{Client, SimpleQueryMessage};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use super::values_of::{Cell, Sense, of_source, of_target, same};

/// What is not the same. A plan document tells the names; without one they are the same on both sides.
pub fn differences(source: &Connection, target: &mut Client, schema: &str, plan: Option<&Value>) -> Vec<String> {
    differences_but(source, target, schema, plan, &[])
}

/// The same without some of the source's tables.
pub fn differences_but(
    source: &Connection,
    target: &mut Client,
    schema: &str,
    plan: Option<&Value>,
    except: &[&str],
) -> Vec<String> {
    target
        .batch_execute("SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = hex; SET intervalstyle = postgres")
        .unwrap();
    let mut problems = Vec::new();
    for table in tables(source).into_iter().filter(|table| !except.contains(&table.as_str())) {
        let planned = plan.map(|plan| named(&plan["tables"], &table));
        if planned == Some(None) {
            problems.push(format!("the plan has no table `{table}`"));
            continue;
        }
        compare_table(source, target, schema, &table, planned.flatten(), &mut problems);
    }
    problems
}

/// The tables that hold data of their own: no views, no virtual tables and none of what those keep.
pub fn tables(source: &Connection) -> Vec<String> {
    let mut statement = source
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1")
        .unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn named<'a>(list: &'a Value, source: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| item["source"] == source)
}

struct Column {
    source: String,
    target: String,
    key: bool,
    sense: Sense,
}

fn compare_table(
    source: &Connection,
    target: &mut Client,
    schema: &str,
    table: &str,
    planned: Option<&Value>,
    problems: &mut Vec<String>,
) {
    let name = planned.map_or(table, |planned| planned["target"].as_str().unwrap()).to_owned();
    let kinds = kinds(target, schema, &name);
    if kinds.is_empty() {
        problems.push(format!("`{table}`: PostgreSQL has no table \"{schema}\".\"{name}\" with columns"));
        return;
    }
    let mut columns = Vec::new();
    for (column, key) in source_columns(source, table) {
        let planned = planned.map(|planned| named(&planned["columns"], &column));
        if planned == Some(None) {
            problems.push(format!("`{table}`: the plan has no column `{column}`"));
            continue;
        }
        let planned = planned.flatten();
        let name = planned.map_or(column.as_str(), |planned| planned["target"].as_str().unwrap()).to_owned();
        let Some(kind) = kinds.get(&name) else {
            problems.push(format!("`{table}`: PostgreSQL has no column `{name}`"));
            continue;
        };
        let reading = |key: &str| planned.and_then(|planned| planned["reading"][key].as_str()).map(str::to_owned);
        let sense = Sense { kind: kind.clone(), numbers: reading("numbers"), bad_text: reading("bad_text") };
        columns.push(Column { source: column, target: name, key, sense });
    }
    if columns.is_empty() {
        return;
    }
    let rows = source_rows(source, table, &columns);
    let theirs = target_rows(target, schema, &name, &columns);
    if rows.len() != theirs.len() {
        problems.push(format!("`{table}`: {} rows in SQLite, {} in PostgreSQL", rows.len(), theirs.len()));
    }
    let has_key = columns.iter().any(|column| column.key)
        && rows.iter().all(|row| !row.iter().zip(&columns).any(|(cell, column)| column.key && *cell == Cell::Null));
    let found = if has_key { by_key(table, &columns, &rows, &theirs) } else { sorted(table, &columns, &rows, &theirs) };
    let many = found.len();
    problems.extend(found.into_iter().take(10));
    if many > 10 {
        problems.push(format!("`{table}`: and {} more", many - 10));
    }
}

fn source_columns(source: &Connection, table: &str) -> Vec<(String, bool)> {
    let mut statement =
        source.prepare("SELECT name, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid").unwrap();
    let columns = statement.query_map([table], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? > 0))).unwrap();
    columns.collect::<Result<_, _>>().unwrap()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn source_rows(source: &Connection, table: &str, columns: &[Column]) -> Vec<Vec<Cell>> {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.source)).collect();
    let mut statement = source.prepare(&format!("SELECT {} FROM {}", names.join(", "), quoted(table))).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |at: usize| match row.get_ref(at).unwrap() {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => Cell::Text(text.to_vec()),
            ValueRef::Blob(blob) => Cell::Blob(blob.to_vec()),
        };
        all.push((0..columns.len()).map(cell).collect());
    }
    all
}

fn kinds(target: &mut Client, schema: &str, table: &str) -> BTreeMap<String, String> {
    let rows = target
        .query(
            "SELECT a.attname::text, CASE WHEN b.typtype = 'e' THEN 'enum' WHEN b.typcategory = 'A' THEN 'array' \
             ELSE b.typname::text END FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid \
             JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
             WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped",
            &[&schema, &table],
        )
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn target_rows(target: &mut Client, schema: &str, table: &str, columns: &[Column]) -> Vec<Vec<Option<String>>> {
    let list: Vec<String> = columns
        .iter()
        .map(|column| match column.sense.kind.as_str() {
            "array" => format!("to_json({})::text", quoted(&column.target)),
            // a cast would cut char(n)'s blanks, which are no matter, and give `true`, which is
            "bool" => quoted(&column.target),
            _ => format!("{}::text", quoted(&column.target)),
        })
        .collect();
    let sql = format!("SELECT {} FROM {}.{}", list.join(", "), quoted(schema), quoted(table));
    let messages = target.simple_query(&sql).unwrap().into_iter();
    messages
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
            _ => None,
        })
        .collect()
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(120).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn unequal(table: &str, key: &str, columns: &[Column], row: &[Cell], theirs: &[Option<String>]) -> Vec<String> {
    let pairs = columns.iter().zip(row).zip(theirs);
    pairs
        .filter(|((column, cell), other)| !same(cell, &column.sense, other.as_deref()))
        .map(|((column, cell), other)| {
            let name = &column.source;
            let (cell, other) = (shown(&format!("{cell:?}")), shown(&format!("{other:?}")));
            format!("`{table}` {key} `{name}` ({}): {cell} in SQLite, {other} in PostgreSQL", column.sense.kind)
        })
        .collect()
}

fn by_key(table: &str, columns: &[Column], rows: &[Vec<Cell>], theirs: &[Vec<Option<String>>]) -> Vec<String> {
    let key = |meanings: &mut dyn Iterator<Item = (&Column, Result<Option<String>, String>)>| {
        let parts = meanings.filter(|(column, _)| column.key).map(|(_, meaning)| format!("{meaning:?}"));
        parts.collect::<Vec<_>>().join(", ")
    };
    let mut left: BTreeMap<String, Vec<&Vec<Option<String>>>> = BTreeMap::new();
    for row in theirs {
        let mut meanings = columns.iter().zip(row).map(|(c, cell)| (c, of_target(cell.as_deref(), &c.sense)));
        left.entry(key(&mut meanings)).or_default().push(row);
    }
    let mut problems = Vec::new();
    for row in rows {
        let key = key(&mut columns.iter().zip(row).map(|(column, cell)| (column, of_source(cell, &column.sense))));
        match left.get_mut(&key).and_then(Vec::pop) {
            None => problems.push(format!("`{table}` {}: not in PostgreSQL", shown(&key))),
            Some(other) => problems.extend(unequal(table, &shown(&key), columns, row, other)),
        }
    }
    let more = left.iter().filter(|(_, rows)| !rows.is_empty());
    problems.extend(more.map(|(key, _)| format!("`{table}` {}: in PostgreSQL only, or twice", shown(key))));
    problems
}

fn sorted(table: &str, columns: &[Column], rows: &[Vec<Cell>], theirs: &[Vec<Option<String>>]) -> Vec<String> {
    let mut rows: Vec<(String, &Vec<Cell>)> = rows
        .iter()
        .map(|row| {
            let meanings = columns.iter().zip(row).map(|(column, cell)| of_source(cell, &column.sense));
            (format!("{:?}", meanings.collect::<Vec<_>>()), row)
        })
        .collect();
    let mut theirs: Vec<(String, &Vec<Option<String>>)> = theirs
        .iter()
        .map(|row| {
            let meanings = columns.iter().zip(row).map(|(c, cell)| of_target(cell.as_deref(), &c.sense));
            (format!("{:?}", meanings.collect::<Vec<_>>()), row)
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    theirs.sort_by(|a, b| a.0.cmp(&b.0));
    let pairs = rows.iter().zip(&theirs).enumerate();
    pairs.flat_map(|(at, (row, other))| unequal(table, &format!("row {at}, sorted"), columns, row.1, other.1)).collect()
}

/// The judge has to see what is wrong.
#[test]
fn the_judge_sees_each_fault() {
    let sqlite = Connection::open_in_memory().unwrap();
    sqlite
        .execute_batch(
            "CREATE TABLE k (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO k VALUES (1, 'a'), (2, ''), (3, 'c');
             CREATE TABLE n (a INT, b BLOB); INSERT INTO n VALUES (1, x'00'), (1, x'00'), (2, NULL);",
        )
        .unwrap();
    let target = crate::support::TestDatabase::postgres();
    target.execute(
        "CREATE TABLE k (id bigint PRIMARY KEY, v text); INSERT INTO k VALUES (1, 'a'), (2, ''), (3, 'c');
         CREATE TABLE n (a bigint, b bytea); INSERT INTO n VALUES (2, NULL), (1, '\\x00'), (1, '\\x00');",
    );
    let mut client = target.client();
    assert_eq!(differences(&sqlite, &mut client, "public", None), Vec::<String>::new());
    for fault in [
        "UPDATE k SET v = NULL WHERE id = 2",
        "UPDATE k SET v = 'A' WHERE id = 1",
        "UPDATE k SET v = CASE id WHEN 1 THEN 'c' ELSE 'a' END WHERE id <> 2",
        "DELETE FROM k WHERE id = 3",
        "INSERT INTO k VALUES (4, 'd')",
        "UPDATE n SET b = '\\x' WHERE a = 2",
        "INSERT INTO n VALUES (1, '\\x00')",
        "UPDATE n SET a = 3 WHERE a = 2",
    ] {
        client.batch_execute(&format!("BEGIN; {fault}")).unwrap();
        assert!(!differences(&sqlite, &mut client, "public", None).is_empty(), "{fault}");
        client.batch_execute("ROLLBACK").unwrap();
    }
}
