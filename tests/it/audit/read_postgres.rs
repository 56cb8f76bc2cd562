//! PostgreSQL's schema and counts as the audit reads them.

use liftlock::audit::read::Wanted;
use liftlock::audit::schema::{IndexState, Method, OwnerKind, Predicate, Schema, Table};
use postgres::Client;

use super::corpus_postgres::read_all;
use crate::support::{TestDatabase, until};

const ALL: Wanted = Wanted { statistics: true, uses: true, schemas: Vec::new() };

/// The state of the index `i` of the table `c`.
fn state(schema: &Schema) -> Option<IndexState> {
    let table = schema.table("public", "c").unwrap();
    table.indexes.iter().find(|index| index.name == "i").map(|index| index.state)
}

fn column_names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn tables_columns_and_constraints_are_read_as_they_are() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE SCHEMA \"Other\";
         CREATE DOMAIN whole AS int;
         CREATE TABLE \"Other\".p (id bigint PRIMARY KEY, gone int, code varchar(7) COLLATE \"C\" UNIQUE);
         ALTER TABLE \"Other\".p DROP COLUMN gone;
         CREATE TABLE c (id smallint, n whole NOT NULL, yes boolean, code char(3), PRIMARY KEY (n, id),
             CONSTRAINT k FOREIGN KEY (n) REFERENCES \"Other\".p ON DELETE CASCADE ON UPDATE SET NULL
                 DEFERRABLE INITIALLY DEFERRED,
             CONSTRAINT l FOREIGN KEY (code) REFERENCES \"Other\".p (code) MATCH FULL);
         ALTER TABLE c ADD CONSTRAINT few CHECK (id < 9) NOT VALID;
         ALTER TABLE c ADD CONSTRAINT m FOREIGN KEY (id) REFERENCES \"Other\".p NOT VALID;
         CREATE VIEW v AS SELECT 1 AS one;",
    );
    // a temporary table of another session, and tables that hide the catalog's, change nothing
    let mut session = database.client();
    session.batch_execute("CREATE TEMP TABLE pg_class (oid int); CREATE TEMP TABLE temporary (id int)").unwrap();
    let (schema, _) = read_all(&database.url, &ALL);
    let names: Vec<_> = schema.tables.iter().map(|table| (table.schema.as_str(), table.name.as_str())).collect();
    assert_eq!(names, [("Other", "p"), ("public", "c")]);
    let (parent, child) = (&schema.tables[0], &schema.tables[1]);
    assert_eq!(column_names(parent), ["id", "code"]);
    assert_eq!(parent.columns[1].declared, "character varying(7)");
    assert_eq!(parent.columns[1].collation.as_deref(), Some("pg_catalog.\"C\""));
    assert_eq!(parent.columns[0].maximum, Some(i64::MAX));
    assert_eq!(child.primary_key, ["n", "id"]);
    assert_eq!(child.columns[1].maximum, Some(i64::from(i32::MAX)));
    assert_eq!(child.columns[1].declared, "public.whole");
    assert!(child.columns[1].not_null && !child.columns[2].not_null && child.columns[2].boolean);
    assert_eq!(child.not_valid, [("few".to_owned(), "CHECK".to_owned())]);
    let keys: Vec<_> = child.foreign_keys.iter().map(|key| key.name.as_deref().unwrap()).collect();
    assert_eq!(keys, ["k", "l", "m"]);
    let (k, l, m) = (&child.foreign_keys[0], &child.foreign_keys[1], &child.foreign_keys[2]);
    assert_eq!((k.parent_schema.as_str(), k.parent.as_str()), ("Other", "p"));
    assert_eq!(k.columns[0].parent_type, "bigint");
    assert!(k.columns[0].types_differ && !k.not_valid && m.not_valid);
    assert_eq!(k.manner, "DEFERRABLE INITIALLY DEFERRED");
    assert_eq!(format!("{:?} {:?}", k.on_delete, k.on_update), "Cascade SetNull");
    assert_eq!(l.manner, "MATCH FULL");
    assert_eq!(l.columns[0].search.cast.as_ref().map(|cast| cast.expression.as_str()), Some("(code)::text"));
    assert!(schema.taken["public"].contains("v") && schema.taken["Other"].contains("p_code_key"));

    let (other, statistics) =
        read_all(&database.url, &Wanted { statistics: false, uses: false, schemas: vec!["public".to_owned()] });
    assert_eq!(other.tables, schema.tables[1..]);
    assert_eq!(statistics, Default::default());
}

#[test]
fn indexes_are_read_as_they_are() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE c (id int PRIMARY KEY, a int, b text, name varchar(9), r int4range, EXCLUDE USING gist (r WITH &&));
         CREATE UNIQUE INDEX i ON c (a DESC NULLS LAST, (lower(b)) COLLATE \"C\" text_pattern_ops) INCLUDE (id)
             WITH (fillfactor = 70) WHERE a IS NOT NULL AND (b > 'x, y' OR id = 1);
         CREATE INDEX j ON c ((name::text), (COALESCE(a, 1) + 2), b);
         CREATE INDEX h ON c USING hash (a);",
    );
    let (schema, _) = read_all(&database.url, &ALL);
    let table = schema.table("public", "c").unwrap();
    let named = |name: &str| table.indexes.iter().find(|index| index.name == name).unwrap();
    let kind = |name: &str| named(name).constraint.as_ref().map(|owner| owner.kind);
    assert_eq!(kind("c_pkey"), Some(OwnerKind::Primary));
    assert_eq!((kind("c_r_excl"), &named("c_r_excl").method), (Some(OwnerKind::Exclusion), &Method::Gist));
    assert_eq!(named("h").method, Method::Hash);
    let i = named("i");
    assert!(i.unique && !i.nulls_not_distinct && i.constraint.is_none() && i.state == IndexState::Usable);
    assert_eq!(i.included, ["id"]);
    assert_eq!(i.parameters, ["fillfactor=70"]);
    assert!(i.keys[0].descending && !i.keys[0].nulls_first);
    assert_eq!(i.keys[0].class.as_deref(), Some("pg_catalog.int4_ops"));
    assert_eq!(i.keys[1].collation.as_deref(), Some("pg_catalog.\"C\""));
    let clause = "(b > 'x, y'::text) OR (id = 1)";
    let Some(Predicate::And(parts)) = &i.predicate else { panic!("{:?}", i.predicate) };
    assert_eq!(parts[0], Predicate::NotNull("a".to_owned()));
    assert!(matches!(&parts[1], Predicate::Or(arms) if arms.len() == 2), "{clause}: {parts:?}");
    let j: Vec<String> = named("j").keys.iter().map(|key| format!("{:?}", key.what)).collect();
    assert_eq!(j, ["Expression(\"(name)::text\")", "Expression(\"(COALESCE(a, 1) + 2)\")", "Column(\"b\")"]);
    let relabels: Vec<_> = named("j").keys.iter().map(|key| key.relabels.as_deref()).collect();
    assert_eq!(relabels, [Some("name"), None, None]);
}

#[test]
fn parts_of_a_partitioned_table_know_what_they_are_parts_of() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE SCHEMA parts;
         CREATE TABLE c (id int, at date) PARTITION BY RANGE (at);
         CREATE TABLE parts.c1 PARTITION OF c DEFAULT;
         CREATE INDEX i ON c (id);
         CREATE INDEX own ON parts.c1 (at);
         CREATE TABLE parent (id int); CREATE TABLE heir () INHERITS (parent);",
    );
    let named = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
    // partitions come with their table, whichever schema they are in
    let (schema, _) =
        read_all(&database.url, &Wanted { statistics: false, uses: false, schemas: vec!["public".to_owned()] });
    let partition = schema.table("parts", "c1").unwrap();
    assert_eq!(partition.partition_of, named("public", "c"));
    let of: Vec<_> = partition.indexes.iter().map(|index| index.partition_of.clone()).collect();
    assert_eq!(of, [named("public", "i"), None]);
    assert!(schema.table("public", "c").unwrap().partitioned && !partition.partitioned);
    assert_eq!(schema.table("public", "heir").unwrap().partition_of, None);
}

#[test]
fn a_failed_index_is_invalid_and_one_in_the_making_is_being_built() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE c (a int); INSERT INTO c VALUES (1), (1);
         DO $$ BEGIN CREATE ROLE audit_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    );
    let failed = database.client().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY i ON c (a)");
    assert!(failed.is_err());
    assert_eq!(state(&read_all(&database.url, &ALL).0), Some(IndexState::Invalid));
    database.execute("DROP INDEX i");

    // it waits for whoever has written to the table
    let mut writer = database.client();
    writer.batch_execute("BEGIN; INSERT INTO c VALUES (2)").unwrap();
    let mut builder = database.client();
    let building = std::thread::spawn(move || builder.batch_execute("CREATE INDEX CONCURRENTLY i ON c (a)"));
    until("the index is there", || state(&read_all(&database.url, &ALL).0).is_some());
    assert_eq!(state(&read_all(&database.url, &ALL).0), Some(IndexState::Building));
    // a role to which other roles' work is not shown
    let as_reader = database.url.replace("postgres://postgres@", "postgres://audit_reader@");
    if as_reader != database.url {
        assert_eq!(state(&read_all(&as_reader, &ALL).0), Some(IndexState::Building));
    }
    writer.batch_execute("COMMIT").unwrap();
    building.join().unwrap().unwrap();
    assert_eq!(state(&read_all(&database.url, &ALL).0), Some(IndexState::Usable));
}

#[test]
fn what_is_counted_is_read_where_it_may_be() {
    let database = TestDatabase::postgres();
    database.execute(
        "CREATE TABLE c (id serial PRIMARY KEY, a int, b text);
         INSERT INTO c (a) SELECT CASE WHEN g % 4 = 0 THEN g END FROM generate_series(1, 100) g;
         CREATE TABLE loose (id smallint PRIMARY KEY); INSERT INTO loose VALUES (7), (32000);
         CREATE SEQUENCE down INCREMENT -1 MINVALUE -9 CYCLE;
         CREATE SEQUENCE shared MAXVALUE 50; SELECT setval('shared', 40);
         CREATE TABLE uses (id bigint DEFAULT nextval('shared') PRIMARY KEY);
         CREATE INDEX i ON c (a);
         ANALYZE;
         DO $$ BEGIN CREATE ROLE audit_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    );
    let name = |name: &str| ("public".to_owned(), name.to_owned());
    let (_, statistics) = read_all(&database.url, &ALL);
    assert_eq!(statistics.rows[&name("c")], 100);
    assert_eq!(statistics.columns[&(name("c"), "a".to_owned())].null_fraction, Some(0.75));
    assert_eq!(statistics.columns[&(name("loose"), "id".to_owned())].largest, Some(32000));
    // a sequence tells of this one
    assert!(!statistics.columns.contains_key(&(name("c"), "id".to_owned())));
    assert!(statistics.indexes[&name("i")].scans.is_some() && statistics.indexes[&name("i")].bytes.is_some());
    let sequence = |name: &str| statistics.sequences.iter().find(|sequence| sequence.name == name).unwrap();
    let serial = sequence("c_id_seq");
    assert_eq!((serial.last, serial.maximum, serial.increment), (Some(100), i64::from(i32::MAX), 1));
    assert_eq!(serial.column, Some((name("c"), "id".to_owned())));
    let down = sequence("down");
    assert_eq!((down.last, down.maximum, down.increment, down.cycles, &down.column), (None, -9, -1, true, &None));
    assert_eq!(sequence("shared").last, Some(40));
    assert_eq!(sequence("shared").column, Some((name("uses"), "id".to_owned())));

    // a role that may read nothing of all this still gets its audit
    let as_reader = database.url.replace("postgres://postgres@", "postgres://audit_reader@");
    if as_reader == database.url {
        return;
    }
    let (schema, statistics) = read_all(&as_reader, &ALL);
    assert_eq!(schema.tables.len(), 3);
    assert_eq!(statistics.sequences.len(), 3);
    assert!(statistics.sequences.iter().all(|sequence| sequence.last.is_none()));
    assert!(statistics.columns.is_empty(), "{:?}", statistics.columns);
    assert_eq!(statistics.rows[&name("c")], 100);
    // and what it may read, it has
    database.execute(
        "GRANT SELECT ON c, loose, shared TO audit_reader; CREATE MATERIALIZED VIEW m AS SELECT a FROM c; ANALYZE m",
    );
    let (_, statistics) = read_all(&as_reader, &ALL);
    assert_eq!(statistics.columns[&(name("c"), "a".to_owned())].null_fraction, Some(0.75));
    assert_eq!(statistics.columns[&(name("loose"), "id".to_owned())].largest, Some(32000));
    assert_eq!(statistics.sequences.iter().filter_map(|sequence| sequence.last).collect::<Vec<_>>(), [40]);
}

#[test]
fn whoever_holds_a_table_is_not_waited_for() {
    let database = TestDatabase::postgres();
    database.execute("CREATE TABLE loose (id int PRIMARY KEY); INSERT INTO loose VALUES (7)");
    let mut holder: Client = database.client();
    holder.batch_execute("BEGIN; LOCK TABLE loose IN ACCESS EXCLUSIVE MODE").unwrap();
    let (schema, statistics) = read_all(&database.url, &ALL);
    assert_eq!(schema.tables.len(), 1);
    assert!(statistics.columns.is_empty());
    holder.batch_execute("COMMIT").unwrap();
    assert_eq!(read_all(&database.url, &ALL).1.columns.len(), 1);
}

#[test]
fn tables_of_extensions_are_left_out_and_their_names_taken() {
    let database = TestDatabase::postgres();
    // what an extension's script does; none that PostgreSQL ships with makes a table
    database.execute(
        "CREATE TABLE theirs (id int PRIMARY KEY); CREATE TABLE ours (id int REFERENCES theirs);
         ALTER EXTENSION plpgsql ADD TABLE theirs;",
    );
    let (schema, _) = read_all(&database.url, &ALL);
    let names: Vec<_> = schema.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["ours"]);
    assert_eq!(schema.tables[0].foreign_keys[0].parent, "theirs");
    assert!(schema.taken["public"].contains("theirs"));
}
