//! Indexes that look as if another did their work, and have work of their own: none of them is to be dropped.

use liftlock::audit::{Remedy, Severity};

use super::rules::{finds, mends, postgres, report, sqlite};
use crate::support::TestDatabase;

/// Wants no finding of the rules about indexes that could go to say that this one should.
fn stays(database: &TestDatabase, index: &str) {
    for rule in ["duplicate-index", "redundant-index", "mostly-null-index", "unused-index"] {
        for finding in report(database, rule).findings {
            let drops = matches!(&finding.remedy, Remedy::Statement(sql) if sql.contains(index));
            assert!(!drops, "{rule}: {finding:#?}");
        }
    }
}

#[test]
fn an_index_by_which_cluster_sorts_stays() {
    let database = postgres(
        "CREATE TABLE c (id int PRIMARY KEY, a int, b int);
         CREATE INDEX c_a ON c (a);
         CREATE INDEX c_a_b ON c (a, b);
         ALTER TABLE c CLUSTER ON c_a;
         CREATE TABLE d (id int PRIMARY KEY, a int);
         CREATE INDEX d_a ON d (a);
         CREATE INDEX d_sorted ON d (a);
         ALTER TABLE d CLUSTER ON d_sorted;",
    );
    stays(&database, "c_a\"");
    stays(&database, "d_sorted");
    mends(&database, "duplicate-index", &["d.d_a"]);
    database.execute("CLUSTER c; CLUSTER d");
}

#[test]
fn an_expression_whose_statistics_have_a_target_of_their_own_stays() {
    let database = postgres(
        "CREATE TABLE c (id int PRIMARY KEY, a int, b int);
         CREATE INDEX c_sum ON c ((a + b));
         CREATE INDEX c_sum_a ON c ((a + b), a);
         ALTER INDEX c_sum ALTER COLUMN 1 SET STATISTICS 1000;",
    );
    stays(&database, "c_sum\"");
    database.execute("ALTER INDEX c_sum ALTER COLUMN 1 SET STATISTICS -1");
    mends(&database, "redundant-index", &["c.c_sum"]);
}

#[test]
fn an_index_that_is_unique_at_once_is_no_twin_of_a_deferrable_constraint() {
    let database = postgres(
        "CREATE TABLE c (id int PRIMARY KEY, a int CONSTRAINT late UNIQUE DEFERRABLE);
         CREATE UNIQUE INDEX at_once ON c (a);",
    );
    stays(&database, "at_once");
    // which refers to nothing that may be there twice for a while
    database.execute("CREATE TABLE d (id int PRIMARY KEY, a int REFERENCES c (a)); DROP TABLE d");
    finds(&database, "duplicate-index", &[]);
    database.execute("CREATE INDEX plain ON c (a)");
    mends(&database, "redundant-index", &["c.plain"]);
}

#[test]
fn an_index_that_a_view_or_a_trigger_asks_for_by_name_stays() {
    let database = sqlite(
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INT, b INT);
         CREATE INDEX c_a ON c (a);
         CREATE INDEX c_a_b ON c (a, b);
         CREATE VIEW v AS SELECT * FROM c indexed /* by */ by [C_A] WHERE a = 1;
         CREATE TABLE d (id INTEGER PRIMARY KEY, a INT);
         CREATE INDEX d_a ON d (a);
         CREATE INDEX d_named ON d (a);
         CREATE TRIGGER t AFTER INSERT ON c BEGIN
             UPDATE d SET a = 0 WHERE id IN (SELECT id FROM d INDEXED BY d_named WHERE a = new.a); END;",
    );
    stays(&database, "c_a\"");
    stays(&database, "d_named");
    mends(&database, "duplicate-index", &["d.d_a"]);
    database.execute("INSERT INTO c VALUES (1, 1, 1)");
}

#[test]
fn an_index_that_refuses_what_a_constraint_would_pass_over_stays() {
    let database = sqlite(
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INT UNIQUE ON CONFLICT IGNORE);
         CREATE UNIQUE INDEX refuses ON c (a);
         INSERT INTO c VALUES (1, 1);",
    );
    stays(&database, "refuses");
    assert!(database.rusqlite().execute_batch("INSERT INTO c VALUES (2, 1)").is_err());
    let findings = finds(&database, "duplicate-index", &["c.sqlite_autoindex_c_1"]);
    assert_eq!(findings[0].severity, Severity::Note);
}
