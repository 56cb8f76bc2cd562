//! Names that are no text: in a database with the encoding SQL_ASCII.

use crate::support::{Project, TestDatabase, server};

/// A database in which names may be any bytes.
fn any_bytes() -> String {
    let name = format!("{}_ascii", server().create_database());
    let make = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
    let admin = TestDatabase::postgres();
    admin.execute(&make);
    server().url(&name)
}

/// Runs SQL in which `\\351` is a byte.
fn execute(url: &str, sql: &str) {
    let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
    // the driver sends text alone: the server makes the bytes
    client
        .batch_execute(&format!(
            "DO $do$ BEGIN EXECUTE convert_from(decode($sql${sql}$sql$, 'escape'), 'SQL_ASCII'); END $do$"
        ))
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

const SHOP: &str = "CREATE TABLE customers (id int PRIMARY KEY); CREATE TABLE orders (id int PRIMARY KEY, customer_id int \
                    REFERENCES customers);";

#[test]
fn a_name_that_is_not_utf_8_stops_the_audit_with_its_place() {
    for (sql, what) in [
        ("CREATE TABLE \"caf\\351\" (id int PRIMARY KEY)", "the name of the table with the OID"),
        ("CREATE INDEX \"\\351\" ON orders (customer_id)", "the name of the index with the OID"),
        ("ALTER TABLE orders ADD \"\\351\" int", "the name of a column of the relation with the OID"),
        ("ALTER TABLE orders ADD CONSTRAINT \"\\351\" CHECK (id > 0)", "the name of the constraint with the OID"),
        ("CREATE SCHEMA \"\\351\"", "the name of the schema with the OID"),
        ("CREATE SEQUENCE \"\\351\"", "the name of the sequence with the OID"),
        ("CREATE DOMAIN \"\\351\" AS int", "the name of the type with the OID"),
        // or the index would seem to be over every row
        ("CREATE INDEX i ON orders (customer_id) WHERE id::text <> '\\351'", "an expression of the index with the OID"),
    ] {
        let url = any_bytes();
        execute(&url, SHOP);
        execute(&url, sql);
        let project = Project::new();
        let ran = project.run(&["audit", &url]).exits(3).says(what).says("is not UTF-8: `").says("\\351");
        let ran = ran.says("hint: the database's encoding is SQL_ASCII").says("--schema FILE");
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
        let json = project.run(&["audit", &url, "--json"]).exits(3).json();
        assert!(json["error"]["message"].as_str().unwrap().starts_with(what), "{json}");
    }
}

#[test]
fn the_same_database_with_names_in_utf_8_is_audited() {
    let url = any_bytes();
    execute(&url, SHOP);
    execute(&url, "CREATE TABLE \"caf\\303\\251\" (id int PRIMARY KEY, \"\\\\351\" int REFERENCES orders)");
    let ran = Project::new().run(&["audit", &url]).exits(1);
    ran.prints("orders.customer_id").prints("caf\u{e9}.\\351");
}
