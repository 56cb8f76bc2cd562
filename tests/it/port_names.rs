//! Names in PostgreSQL: the server's own word on what it refuses and what it folds.

use liftlock::port::options::{NameStyle, Options};
use liftlock::port::plan::names::Names;
use liftlock::schema::{Column, Schema, Table, View};

use crate::support::TestDatabase;

fn quoted(name: &str) -> String {
    liftlock::Dialect::Postgres.quote_identifier(name)
}

#[test]
fn just_the_columns_that_the_server_refuses_are_renamed() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    let mut tried: Vec<String> =
        ["oid", "rowid", "CTID", "Xmin", "xmin ", "", "user", "select"].map(str::to_owned).to_vec();
    // the server's own list: the system columns of a catalog
    for row in client
        .query("SELECT attname FROM pg_attribute WHERE attrelid = 'pg_class'::regclass AND attnum < 0", &[])
        .unwrap()
    {
        tried.push(row.get(0));
    }
    assert!(tried.len() >= 8 + 6, "{tried:?}");
    for name in tried {
        let column = Column { name: name.clone(), ..Column::default() };
        let table = Table { name: "t".into(), columns: vec![column], ..Table::default() };
        let view = View { name: "v".into(), columns: vec![name.clone()], sql: String::new() };
        let (names, findings) =
            Names::new(&Schema { tables: vec![table], views: vec![view], ..Schema::default() }, &Options::default());
        let as_it_is = client.batch_execute(&format!("CREATE TABLE t ({} int)", quoted(&name)));
        assert_eq!(as_it_is.is_ok(), names.column("t", &name) == name, "{name}: {as_it_is:?}");
        let in_a_view = client.batch_execute(&format!("CREATE VIEW v ({}) AS SELECT 1", quoted(&name)));
        assert_eq!(in_a_view.is_ok(), names.column("v", &name) == name, "{name}: {in_a_view:?}");
        let changed = usize::from(as_it_is.is_err()) + usize::from(in_a_view.is_err());
        assert_eq!(findings.len(), changed, "{name}");
        client.batch_execute("DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS t").unwrap();
        client.batch_execute(&format!("CREATE TABLE t ({} int)", quoted(names.column("t", &name)))).unwrap();
        client.batch_execute("DROP TABLE t").unwrap();
    }
}

#[test]
fn names_are_as_long_as_the_server_keeps_them() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    for source in ["x".repeat(63), "x".repeat(64), "é".repeat(40), "名".repeat(21) + "a"] {
        let table = Table { name: source.clone(), ..Table::default() };
        let (names, _) = Names::new(&Schema { tables: vec![table], ..Schema::default() }, &Options::default());
        let target = names.table(&source);
        client.batch_execute(&format!("CREATE TABLE {} ()", quoted(target))).unwrap();
        let kept: String =
            client.query_one("SELECT relname FROM pg_class ORDER BY oid DESC LIMIT 1", &[]).unwrap().get(0);
        assert_eq!(kept, target);
    }
}

#[test]
fn lower_case_is_how_the_server_folds_what_is_not_quoted() {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    let options = Options { names: NameStyle::Lowercase, ..Options::default() };
    for source in ["OrderDetails", "ÄRGER", "Größe", "A_b1"] {
        let table = Table { name: source.to_owned(), ..Table::default() };
        let (names, _) = Names::new(&Schema { tables: vec![table], ..Schema::default() }, &options);
        let row = client.query_one(&format!("SELECT 1 AS {source}"), &[]).unwrap();
        assert_eq!(row.columns()[0].name(), names.table(source));
    }
}
