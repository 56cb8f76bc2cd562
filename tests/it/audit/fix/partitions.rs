//! Partitioned tables: an index on every partition, what was there before, and the way back.

use super::{IN_A_TRANSACTION, USUAL, round_trip};
use crate::support::TestDatabase;

const NESTED: &str = "
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE c (a int REFERENCES p, r int, k int) PARTITION BY RANGE (r);
CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (10) PARTITION BY LIST (k);
CREATE TABLE c11 PARTITION OF c1 FOR VALUES IN (1) PARTITION BY HASH (a);
CREATE TABLE c111 PARTITION OF c11 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE c112 PARTITION OF c11 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE c12 PARTITION OF c1 DEFAULT;
CREATE TABLE c2 (k int, dropped int, r int, a int);
ALTER TABLE c2 DROP dropped;
ALTER TABLE c ATTACH PARTITION c2 FOR VALUES FROM (10) TO (20);
CREATE TABLE c3 PARTITION OF c FOR VALUES FROM (20) TO (30) PARTITION BY LIST (k);
CREATE SCHEMA \"Else where\";
CREATE TABLE \"Else where\".\"C 4\" PARTITION OF c DEFAULT;
";

/// Mends a schema of partitioned tables both ways; `made` indexes are made anew.
fn both_ways(more: &str, made: usize) {
    for how in [USUAL, IN_A_TRANSACTION] {
        let database = TestDatabase::postgres();
        database.execute(&format!("{NESTED}{more}"));
        let count = || {
            database.value("SELECT count(*) FROM pg_class WHERE relkind IN ('i', 'I') AND relnamespace <> 'pg_catalog'::regnamespace AND relname !~ 'schema_migrations|pg_toast'")
        };
        let before: usize = count().parse().unwrap();
        round_trip(&database, how, |written| {
            assert_eq!(written.planned.len(), 1);
            assert_eq!(count().parse::<usize>().unwrap() - before, made, "{:#?}", written.fix);
            // a partition that comes later has one
            database.execute("CREATE TABLE c5 PARTITION OF c FOR VALUES FROM (40) TO (50)");
            assert_eq!(database.query("SELECT indexdef FROM pg_indexes WHERE tablename = 'c5'").len(), 1);
            database.execute("DROP TABLE c5");
        });
    }
}

#[test]
fn every_level_has_its_index() {
    both_ways("", 9);
}

#[test]
fn what_a_partition_has_is_used_and_comes_back() {
    both_ways("CREATE INDEX \"my Own\" ON c2 (a) WITH (fillfactor = 70); CREATE INDEX ON c2 (a DESC);", 8);
    both_ways("CREATE INDEX mine ON c1 (a);", 4);
    both_ways(
        "CREATE INDEX mine ON ONLY c1 (a); CREATE INDEX leaf ON c12 (a); ALTER INDEX mine ATTACH PARTITION leaf;",
        7,
    );
    both_ways("CREATE UNIQUE INDEX u ON c112 (a); CREATE INDEX w ON c112 (a, r); CREATE INDEX e ON c112 (abs(a));", 9);
}

#[test]
fn what_was_begun_is_finished() {
    both_ways("CREATE INDEX begun ON ONLY c (a);", 8);
    both_ways(
        "CREATE INDEX begun ON ONLY c (a); CREATE INDEX b1 ON c1 (a); ALTER INDEX begun ATTACH PARTITION b1; \
         CREATE INDEX b2 ON c2 (a);",
        2,
    );
}

#[test]
fn a_partition_with_a_foreign_key_of_its_own() {
    let database = TestDatabase::postgres();
    database.execute(&format!(
        "{NESTED} ALTER TABLE c12 ADD FOREIGN KEY (k) REFERENCES p; ALTER TABLE c2 ADD FOREIGN KEY (a) REFERENCES p;"
    ));
    round_trip(&database, USUAL, |written| assert_eq!(written.names(), ["idx_c12_k", "idx_c_a"]));
}
