//! Porting into a schema that is there already: what is read of it, taken off it, put back, set and checked.

mod aside;
mod catalog;
mod matching;
mod objects;
mod sequences;

use liftlock::config::{Environment, Target};
use liftlock::db::PostgresDb;
use liftlock::port::target::TargetSchema;
use liftlock::schema::{Column, Schema, Table};

use crate::support::TestDatabase;

/// A connection of the tool's own.
fn connect(url: &str) -> PostgresDb {
    match Target::parse(url, &Environment::default()).unwrap() {
        Target::Postgres(target) => PostgresDb::connect(&target).unwrap(),
        Target::Sqlite(_) => panic!("{url} is no PostgreSQL URL"),
    }
}

fn open(database: &TestDatabase) -> PostgresDb {
    connect(&database.url)
}

/// A connection that acts as another role.
fn open_as(database: &TestDatabase, role: &str) -> PostgresDb {
    let mut db = open(database);
    db.execute(&format!("SET SESSION AUTHORIZATION {role}")).unwrap();
    db
}

fn read(database: &TestDatabase) -> TargetSchema {
    TargetSchema::read(&mut open(database), "public").unwrap()
}

/// A role of this test's own, with that suffix; roles belong to the server, not to a database.
fn role(database: &TestDatabase, suffix: &str) -> String {
    let name = format!("{}_{suffix}", database.value("SELECT current_database()"));
    database.execute(&format!("CREATE ROLE {name} NOSUPERUSER; GRANT USAGE ON SCHEMA public TO {name}"));
    name
}

/// A source's schema of tables with those columns.
fn source(tables: &[(&str, &[&str])]) -> Schema {
    let column = |name: &&str| Column { name: (*name).to_owned(), ..Column::default() };
    let tables = tables.iter().map(|(name, columns)| Table {
        name: (*name).to_owned(),
        columns: columns.iter().map(column).collect(),
        ..Table::default()
    });
    Schema { tables: tables.collect(), ..Schema::default() }
}

fn names(tables: &[&str]) -> Vec<String> {
    tables.iter().map(|&name| name.to_owned()).collect()
}
