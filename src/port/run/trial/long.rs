//! Keys and indexes that the server refuses to make for values too long for a B-tree: asked of the server itself, with
//! the very values, where the scan has seen long ones.

use std::ops::ControlFlow;

use super::table::affect;
use super::told::may_be_put_aside;
use super::{Failed, WHOLE};
use crate::db::{BulkDb, SqlError, SqliteDb, Statements as _};
use crate::port::Port;
use crate::port::batch::Key;
use crate::port::copy::show_key;
use crate::port::plan::{Finding, Level, Plan, TablePlan};
use crate::port::row::{RowCodec, Scratch};
use crate::port::scan::{Room, TableScan, Tally};
use crate::port::target::{TargetSchema, qualified, quoted};
use crate::schema::Table;
use crate::words::thousands;

/// By which word programs know it.
pub(in crate::port::run) const CODE: &str = "key-too-long";

/// What an index holds of a row is at most 2,704 bytes with pages of 8 kB (`BTMaxItemSize` in PostgreSQL's
/// src/include/access/nbtree.h), compressed; rows with less than this, uncompressed, are none that it could refuse.
const LONG: usize = 2_600;

/// The SQLSTATE `program_limit_exceeded`.
const LIMIT_EXCEEDED: &str = "54000";

/// How many bytes of rows are tried at once.
const BYTES: usize = 4 << 20;

/// How many rows are looked for one by one.
const NAMED: usize = 100;

/// The temporary table.
const NAME: &str = "pg_temp.liftlock_long";

/// The column that numbers the rows.
const NUMBER: &str = "\"liftlock row\"";

/// A key or an index.
struct Object {
    name: String,
    /// What follows the table in the statement that makes it, without its predicate.
    terms: String,
    predicate: String,
    /// The columns that it reads, by their names in PostgreSQL.
    columns: Vec<String>,
    /// It is in the target; then this makes a table for it.
    there: Option<String>,
}

fn objects(table: &TablePlan) -> Vec<Object> {
    let key = |key: &crate::port::plan::KeyPlan| Object {
        name: key.name.clone(),
        terms: format!("({})", key.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")),
        predicate: String::new(),
        columns: key.columns.clone(),
        there: None,
    };
    let index = |index: &crate::port::plan::IndexPlan| {
        let terms = format!("({})", index.terms.join(", "));
        let predicate = index.predicate.as_ref().map(|predicate| format!(" AND ({predicate})")).unwrap_or_default();
        let reads = |name: &String| terms.contains(&quoted(name)) || predicate.contains(&quoted(name));
        let columns = table.columns.iter().map(|column| column.target.clone()).filter(reads).collect();
        Object { name: index.name.clone(), terms, predicate, columns, there: None }
    };
    table.primary_key.iter().chain(&table.uniques).map(key).chain(table.indexes.iter().map(index)).collect()
}

/// The keys and indexes that the target has on a table that is there.
fn objects_there(table: &TablePlan, target: &TargetSchema) -> Vec<Object> {
    let Some(there) = target.table(&table.target) else { return Vec::new() };
    let of_table = target.indexes.iter().filter(|index| index.table == table.target && index.method != "hash");
    let object = |index: &crate::port::target::TargetIndex| {
        let start = index.definition.find(&format!(" USING {} ", index.method))?;
        let mut terms = &index.definition[start..];
        let mut predicate = String::new();
        if let Some(only) = &index.predicate {
            terms = terms.strip_suffix(&format!(" WHERE {only}"))?;
            predicate = format!(" AND ({only})");
        }
        // more than it reads does no harm
        let text = format!("{terms}{predicate}");
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let mut words: Vec<&str> = text.split(|c| !is_part(c)).collect();
        words.sort_unstable();
        let reads = |name: &str| words.binary_search(&name).is_ok() || text.contains(&quoted(name));
        let sent = |name: &str| table.columns.iter().any(|own| own.target == name && own.generated.is_none());
        let (mut changes, mut columns) = (String::new(), Vec::new());
        for column in &there.columns {
            let name = quoted(&column.name);
            match (reads(&column.name), sent(&column.name)) {
                (true, true) => columns.push(column.name.clone()),
                (true, false) => {
                    // the target fills it in; but no number of a sequence's is used up for this
                    if column.default.as_deref().is_some_and(|default| default.contains("nextval(")) {
                        changes.push_str(&format!("ALTER COLUMN {name} DROP DEFAULT, "));
                    }
                    if column.not_null {
                        changes.push_str(&format!("ALTER COLUMN {name} DROP NOT NULL, "));
                    }
                }
                (false, _) => changes.push_str(&format!("DROP COLUMN {name}, ")),
            }
        }
        let like = qualified(&target.name, &table.target);
        // from PostgreSQL 14 on
        let compression = if target.server.version >= 140_000 { " INCLUDING COMPRESSION" } else { "" };
        let made = format!(
            "CREATE TEMPORARY TABLE liftlock_long (LIKE {like} INCLUDING DEFAULTS INCLUDING STORAGE{compression}) ON COMMIT DROP; \
             ALTER TABLE {NAME} {changes}ADD COLUMN {NUMBER} integer"
        );
        Some(Object { name: index.name.clone(), terms: terms.to_owned(), predicate, columns, there: Some(made) })
    };
    of_table.filter_map(object).collect()
}

/// The most that the object's columns hold in one row, if the longest of all met in one.
fn longest(object: &Object, table: &TablePlan, source: &Table, scan: &TableScan) -> u64 {
    let of = |name: &String| {
        let column = table.columns.iter().find(|column| column.target == *name)?;
        let at = source.columns.iter().position(|own| own.name.eq_ignore_ascii_case(&column.source))?;
        scan.columns.get(at).map(|seen| seen.longest_text.max(seen.longest_blob))
    };
    object.columns.iter().filter_map(of).sum()
}

/// The findings about the keys and indexes of one table, and about foreign keys that refer to those of a new one.
pub(super) fn find(
    port: &Port<'_>,
    plan: &Plan,
    (table, source, scan): (&TablePlan, &Table, &TableScan),
    target: &TargetSchema,
    reader: &SqliteDb,
    db: &mut BulkDb,
) -> Result<Vec<Finding>, Failed> {
    let interrupt = &port.interrupt;
    let mut findings = Vec::new();
    let objects = if table.existing { objects_there(table, target) } else { objects(table) };
    for object in objects {
        let computed =
            |name: &String| !table.columns.iter().any(|column| column.target == *name && column.generated.is_none());
        if longest(&object, table, source, scan) <= LONG as u64 || object.columns.iter().any(computed) {
            continue;
        }
        db.execute("BEGIN").map_err(Failed::Target)?;
        let tried = try_all(&object, table, source, reader, db, &port.interrupt);
        let rolled_back = db.execute("ROLLBACK").map_err(Failed::Target);
        let tally = match tried {
            Ok(tally) => tally,
            // a collation or type that the run makes first: nothing is known of such an object
            Err(Failed::Target(error)) if !interrupt.is_set() && rolled_back.is_ok() => {
                tracing::debug!(%error, object = object.name, "long values were not tried");
                continue;
            }
            Err(error) => return Err(error),
        };
        rolled_back?;
        if tally.is_empty() {
            continue;
        }
        if table.existing {
            findings.push(refused(port, table, &object, &tally));
            continue;
        }
        findings.push(too_long(table, &object, &tally));
        for child in plan.tables.iter().filter(|child| !child.existing) {
            let refers = child.foreign_keys.iter().filter(|key| {
                key.parent == table.target
                    && key.parent_columns.len() == object.columns.len()
                    && key.parent_columns.iter().all(|column| object.columns.contains(column))
            });
            findings.extend(refers.map(|key| without_key(child, &key.name, &object)));
        }
    }
    Ok(findings)
}

fn too_long(table: &TablePlan, object: &Object, tally: &Tally) -> Finding {
    Finding {
        level: Level::LeftOut,
        message: format!("`{}` may not be made: {}", object.name, rows_too_long(table, tally)),
        choices: vec!["shorten these values in the source, or take it out of the plan".to_owned()],
        ..of_rows(table, object, tally)
    }
}

/// Of an index that the target has already: it takes the rows, or they don't go in.
fn refused(port: &Port<'_>, table: &TablePlan, object: &Object, tally: &Tally) -> Finding {
    let finding = Finding {
        level: Level::Blocker,
        message: format!("`{}` of the target refuses rows: {}", object.name, rows_too_long(table, tally)),
        choices: vec![
            "shorten these values in the source".to_owned(),
            "drop the index in the target, and make another one instead".to_owned(),
        ],
        ..of_rows(table, object, tally)
    };
    // rows beside others go in all at once
    if table.beside.is_none() { may_be_put_aside(port, finding) } else { finding }
}

fn rows_too_long(table: &TablePlan, tally: &Tally) -> String {
    format!(
        "{}{} of {} rows {} too long for an index, which takes 2,704 bytes of a row at most, the first at {}",
        if tally.affected.complete || tally.count == 1 { "" } else { "at least " },
        thousands(tally.count),
        thousands(table.rows),
        if tally.count == 1 { "is" } else { "are" },
        tally.examples.first().map_or("", String::as_str)
    )
}

fn of_rows(table: &TablePlan, object: &Object, tally: &Tally) -> Finding {
    Finding {
        code: CODE.to_owned(),
        table: Some(table.source.clone()),
        object: Some(object.name.clone()),
        rows: tally.count,
        examples: tally.examples.clone(),
        affected: tally.affected.clone(),
        ..Finding::default()
    }
}

fn without_key(child: &TablePlan, name: &str, object: &Object) -> Finding {
    Finding {
        code: CODE.to_owned(),
        level: Level::LeftOut,
        table: Some(child.source.clone()),
        object: Some(name.to_owned()),
        message: format!(
            "the foreign key `{name}` may not be made: it refers to the columns of `{}`, which has values too long for an index",
            object.name
        ),
        ..Finding::default()
    }
}

/// Which rows the server refuses in an index like the object's. The transaction that is open is to be rolled back.
fn try_all(
    object: &Object,
    table: &TablePlan,
    source: &Table,
    reader: &SqliteDb,
    db: &mut BulkDb,
    interrupt: &crate::interrupt::Interrupt,
) -> Result<Tally, Failed> {
    let mut sent = table.clone();
    sent.columns.retain(|column| object.columns.contains(&column.target));
    let codec = RowCodec::new(&sent, source, "");
    let columns: String =
        sent.columns.iter().map(|column| format!("{} {}, ", quoted(&column.target), column.pg_type)).collect();
    let made = format!("CREATE TEMPORARY TABLE liftlock_long ({columns}{NUMBER} integer) ON COMMIT DROP");
    db.execute(object.there.as_ref().unwrap_or(&made)).map_err(Failed::Target)?;
    let names: String = sent.columns.iter().map(|column| format!("{}, ", quoted(&column.target))).collect();
    let copy = format!("COPY {NAME} ({names}{NUMBER}) FROM STDIN (FORMAT binary)");
    let fields = i16::try_from(sent.columns.len() + 1).expect("a table has at most 1,600 columns");
    let room = Room::in_table_of(table.columns.len());
    let mut tally = Tally::default();
    tally.affected.complete = true;
    let (mut wire, mut keys, mut scratch) = (Vec::new(), Vec::<Key>::new(), Scratch::default());
    let mut try_chunk = |wire: &mut Vec<u8>, keys: &mut Vec<Key>, db: &mut BulkDb| -> Result<(), SqlError> {
        if !keys.is_empty() {
            db.execute(&format!("TRUNCATE {NAME}"))?;
            db.copy_in::<SqlError>(&copy, |copy| copy.send(std::mem::take(wire)))?;
            ask(object, (0, keys.len()), keys, room, db, &mut tally)?;
            keys.clear();
        }
        Ok(())
    };
    let (sql, values) = (codec.select_in_order(&WHOLE).0, []);
    reader.each_row::<Failed>(&sql, &values, |row| {
        let start = wire.len();
        if codec.encode(row, &mut wire, &mut scratch).is_err() || wire.len() - start <= LONG {
            wire.truncate(start);
        } else {
            wire[start..start + 2].copy_from_slice(&fields.to_be_bytes());
            let number = i32::try_from(keys.len()).expect("a chunk has few rows");
            wire.extend_from_slice(&4i32.to_be_bytes());
            wire.extend_from_slice(&number.to_be_bytes());
            keys.push(codec.key_of(row));
        }
        if interrupt.is_set() {
            return Err(Failed::Interrupted);
        }
        if wire.len() >= BYTES {
            try_chunk(&mut wire, &mut keys, db).map_err(Failed::Target)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    try_chunk(&mut wire, &mut keys, db).map_err(Failed::Target)?;
    Ok(tally)
}

/// Makes an index over the rows from one number to another; those that it refuses are found by halves.
fn ask(
    object: &Object,
    (from, to): (usize, usize),
    keys: &[Key],
    room: Room,
    db: &mut BulkDb,
    tally: &mut Tally,
) -> Result<(), SqlError> {
    if tally.count >= NAMED as u64 {
        tally.affected.complete = false;
        return Ok(());
    }
    let Object { terms, predicate, .. } = object;
    db.execute("SAVEPOINT liftlock_long")?;
    let made =
        db.execute(&format!("CREATE INDEX ON {NAME} {terms} WHERE {NUMBER} >= {from} AND {NUMBER} < {to}{predicate}"));
    db.execute("ROLLBACK TO SAVEPOINT liftlock_long; RELEASE SAVEPOINT liftlock_long")?;
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.code.as_deref() != Some(LIMIT_EXCEEDED) => Err(error),
        Err(_) if to - from == 1 => {
            tally.add(|| show_key(&keys[from]));
            affect(tally, &keys[from], room);
            Ok(())
        }
        Err(_) => {
            let middle = from + (to - from) / 2;
            ask(object, (from, middle), keys, room, db, tally)?;
            ask(object, (middle, to), keys, room, db, tally)
        }
    }
}

/// What became of it in a run: what was made is no matter any more, and of what was not the server's words are kept in
/// the finding that there was.
pub(in crate::port::run) fn settle(findings: &mut Vec<Finding>, mut not_made: Vec<Finding>) {
    findings.retain_mut(|finding| {
        // what the target has already is not made
        if finding.code != CODE || finding.level != Level::LeftOut {
            return true;
        }
        let same = |other: &Finding| (&other.table, &other.object) == (&finding.table, &finding.object);
        let Some(at) = not_made.iter().position(same) else { return false };
        let other = not_made.remove(at);
        (finding.message, finding.choices) = (other.message, other.choices);
        true
    });
    findings.append(&mut not_made);
}
