//! The schemas of real databases and of every porting case, against SQLite's pragmas and a second reader of their SQL.

use std::path::{Path, PathBuf};

use liftlock::db::SqliteDb;
use liftlock::schema::{Indexed, Schema, Special, Table};
use rusqlite::Connection;
use sqlite3_parser::ast::{Cmd, ColumnConstraint, CreateTableBody, OneSelect, ResultColumn, Stmt, TableConstraint};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

/// The folder of cases that `LIFTLOCK_SHARED` names.
fn shared(below: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LIFTLOCK_SHARED").map(|shared| PathBuf::from(shared).join(below));
    if folder.as_ref().is_none_or(|folder| !folder.is_dir()) {
        println!("skipped: LIFTLOCK_SHARED names no folder that has `{below}`");
        return None;
    }
    folder
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

#[test]
fn real_databases_read_as_their_pragmas_say() {
    let Some(folder) = shared("real/sqlite") else { return };
    for file in files(&folder, ".db") {
        // a copy: reading a database in WAL mode writes beside it
        let scratch = tempfile::tempdir().unwrap();
        let copy = scratch.path().join(file.file_name().unwrap());
        let beside = |file: &Path| PathBuf::from(format!("{}-wal", file.display()));
        for (from, to) in [(file.clone(), copy.clone()), (beside(&file), beside(&copy))] {
            if from.exists() {
                std::fs::write(to, std::fs::read(from).unwrap()).unwrap();
            }
        }
        let schema = agrees(&file, Connection::open(&copy).unwrap());
        assert!(!schema.tables.is_empty(), "{}", file.display());
    }
}

#[test]
fn every_porting_case_reads_as_its_pragmas_say() {
    for (below, ending) in [("port-cases/new", ".sql"), ("port-cases/existing", ".sqlite.sql")] {
        let Some(folder) = shared(below) else { return };
        for file in files(&folder, ending) {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch("pragma foreign_keys = off").unwrap();
            connection.execute_batch(&std::fs::read_to_string(&file).unwrap()).unwrap();
            agrees(&file, connection);
        }
    }
}

fn agrees(file: &Path, connection: Connection) -> Schema {
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let connection = db.into_inner();
    let count = |sql: &str, name: &str| -> usize {
        connection.query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    };
    let objects = |kind: &str| count("select count(*) from sqlite_schema where type = ?1", kind);
    assert_eq!(schema.tables.len() + schema.special.len(), objects("table"), "{}", file.display());
    assert_eq!(schema.views.len(), objects("view"), "{}", file.display());
    assert_eq!(schema.triggers.len(), objects("trigger"), "{}", file.display());
    let shadows = schema.special.iter().filter(|table| table.kind == Special::Shadow).count();
    assert_eq!(shadows, count("select count(*) from pragma_table_list where schema = 'main' and type = ?1", "shadow"));
    for view in &schema.views {
        assert_eq!(
            view.columns.len(),
            count("select count(*) from pragma_table_info(?1)", &view.name),
            "{}",
            view.name
        );
    }
    for table in &schema.tables {
        let place = format!("{}: {}", file.display(), table.name);
        let of = |sql: &str| count(sql, &table.name);
        assert_eq!(table.columns.len(), of("select count(*) from pragma_table_xinfo(?1)"), "{place}");
        let keys: usize = table.foreign_keys.iter().map(|key| key.columns.len()).sum();
        assert_eq!(keys, of("select count(*) from pragma_foreign_key_list(?1)"), "{place}");
        let key = table.primary_key.as_ref().map_or(0, |key| key.columns.len());
        assert_eq!(key, of("select count(*) from pragma_table_xinfo(?1) where pk > 0"), "{place}");
        let indexes = |origin| of(&format!("select count(*) from pragma_index_list(?1) where origin = '{origin}'"));
        assert_eq!((table.uniques.len(), table.indexes.len()), (indexes("u"), indexes("c")), "{place}");
        let listed: Vec<(String, bool, bool)> = connection
            .prepare("select name, \"unique\", partial from pragma_index_list(?1) where origin = 'c' order by seq desc")
            .and_then(|mut list| list.query_map([&table.name], |row| <_>::try_from(row))?.collect())
            .unwrap();
        let read = table.indexes.iter().map(|index| (index.name.clone(), index.unique, index.predicate.is_some()));
        assert_eq!(read.collect::<Vec<_>>(), listed, "{place}");
        for column in &table.columns {
            let (_, collation, _, _, autoincrement) =
                connection.column_metadata(Some("main"), table.name.as_str(), column.name.as_str()).unwrap();
            let collation = collation.unwrap().to_str().unwrap().to_ascii_uppercase();
            let declared = column.collation.clone().unwrap_or_else(|| "BINARY".to_owned());
            assert_eq!(declared.to_ascii_uppercase(), collation, "{place}.{}", column.name);
            let counted = table.autoincrement && table.rowid_alias() == Some(&column.name);
            assert_eq!(counted, autoincrement, "{place}.{}", column.name);
        }
        read_again(table, &place);
    }
    schema
}

/// Compares what the statement says with what the parser crate makes of it.
fn read_again(table: &Table, place: &str) {
    let bump = Bump::new();
    let Some(Cmd::Stmt(Stmt::CreateTable { body, .. })) = Parser::new(&bump, table.sql.as_bytes()).next().unwrap()
    else {
        panic!("{place}: {}", table.sql)
    };
    let CreateTableBody::ColumnsAndConstraints { columns, constraints, .. } = body else {
        panic!("{place}: {}", table.sql)
    };
    let mut checks = Vec::new();
    let mut generated = Vec::new();
    let mut deferred = 0;
    for constraint in columns.iter().flat_map(|column| column.constraints) {
        match &constraint.constraint {
            ColumnConstraint::Check(expression) => checks.push(expression.to_string()),
            ColumnConstraint::Generated { expr, .. } => generated.push(expr.to_string()),
            ColumnConstraint::Defer(clause) => deferred += usize::from(clause.deferrable),
            _ => {}
        }
    }
    for constraint in constraints.unwrap_or_default() {
        match &constraint.constraint {
            TableConstraint::Check(expression, _) => checks.push(expression.to_string()),
            TableConstraint::ForeignKey { defer_clause: Some(clause), .. } => {
                deferred += usize::from(clause.deferrable)
            }
            _ => {}
        }
    }
    let ours: Vec<_> = table.checks.iter().map(|check| canonical(&check.expression)).collect();
    assert_eq!(ours, checks, "{place}");
    let ours: Vec<_> = table.columns.iter().filter_map(|column| column.generated.as_ref()).collect();
    assert_eq!(ours.iter().map(|column| canonical(&column.expression)).collect::<Vec<_>>(), generated, "{place}");
    let ours = table.foreign_keys.iter().filter(|key| key.deferral != liftlock::schema::Deferral::NotDeferrable);
    assert_eq!(ours.count(), deferred, "{place}");
    for column in &table.columns {
        if let Some(default) = &column.default {
            canonical(default);
        }
    }
    for index in &table.indexes {
        let bump = Bump::new();
        let Some(Cmd::Stmt(Stmt::CreateIndex { columns, where_clause, .. })) =
            Parser::new(&bump, index.sql.as_bytes()).next().unwrap()
        else {
            panic!("{place}: {}", index.sql)
        };
        assert_eq!(index.predicate.as_deref().map(canonical), where_clause.map(|clause| clause.to_string()), "{place}");
        for (term, column) in index.terms.iter().zip(columns) {
            if let Indexed::Expression(expression) = &term.what {
                assert_eq!(canonical(expression), column.expr.to_string(), "{place}");
            }
        }
    }
}

/// The expression as the crate writes it.
fn canonical(expression: &str) -> String {
    let bump = Bump::new();
    let sql = format!("SELECT {expression}");
    let mut parser = Parser::new(&bump, sql.as_bytes());
    let Some(Cmd::Stmt(Stmt::Select(select))) = parser.next().unwrap() else { panic!("{sql}") };
    let OneSelect::Select { columns, .. } = &select.body.select else { panic!("{sql}") };
    let [ResultColumn::Expr(expression, None)] = &columns[..] else { panic!("{sql}") };
    expression.to_string()
}
