//! Every rule on real databases: what triggers it, what stands beside it and doesn't, and that its remedy mends it without
//! taking any foreign key's index away.

use std::collections::BTreeSet;

use liftlock::audit::read::{self, Wanted};
use liftlock::audit::{Finding, Options, Remedy, Report, Severity, audit};
use liftlock::config::{Environment, Target};
use liftlock::db::{Access, Db};

use crate::support::{Kind, TestDatabase};

/// The report of one rule.
pub(super) fn report(database: &TestDatabase, rule: &str) -> Report {
    let target = Target::parse(&database.url, &Environment::from_process()).unwrap();
    let mut db = Db::connect(&target, Access::Read).unwrap();
    let wanted = Wanted { statistics: true, uses: true, ..Wanted::default() };
    let (schema, statistics) = read::read(&mut db, &wanted).unwrap();
    let options = Options { only: vec![rule.to_owned()], ..Options::default() };
    audit(&schema, &statistics, &options).unwrap()
}

/// What findings are about: `table.object`, or `table(columns)` where it has no name.
fn subjects(findings: &[Finding]) -> Vec<String> {
    let subject = |finding: &Finding| match &finding.subject.object {
        Some(object) => format!("{}.{object}", finding.subject.table),
        None => format!("{}({})", finding.subject.table, finding.subject.columns.join(",")),
    };
    findings.iter().map(subject).collect()
}

/// The foreign keys that are not served.
fn unserved(report: &Report) -> BTreeSet<String> {
    let unserved = report.foreign_keys.iter().filter(|key| !key.coverage.level.covers());
    unserved.map(|key| format!("{}({})", key.table, key.columns.join(","))).collect()
}

pub(super) fn postgres(sql: &str) -> TestDatabase {
    let database = TestDatabase::postgres();
    let mut client = database.client();
    // one by one: CONCURRENTLY wants no transaction
    for statement in sql.split_inclusive(";\n").filter(|statement| !statement.trim().is_empty()) {
        client.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    database
}

pub(super) fn sqlite(sql: &str) -> TestDatabase {
    let database = TestDatabase::sqlite();
    database.execute(sql);
    database
}

/// Looks, wants exactly these findings, and gives them.
pub(super) fn finds(database: &TestDatabase, rule: &str, expected: &[&str]) -> Vec<Finding> {
    let findings = report(database, rule).findings;
    assert_eq!(subjects(&findings), expected, "{rule}: {findings:#?}");
    findings
}

/// Wants exactly these findings, each with a statement; runs all of the statements, wants nothing to be left, and every
/// foreign key to be served as before.
pub(super) fn mends(database: &TestDatabase, rule: &str, expected: &[&str]) {
    let before = report(database, rule);
    assert_eq!(subjects(&before.findings), expected, "{rule}: {:#?}", before.findings);
    for finding in &before.findings {
        let Remedy::Statement(statements) = &finding.remedy else { panic!("no statement: {finding:#?}") };
        for statement in statements.lines() {
            match database.kind {
                Kind::Sqlite => database.rusqlite().execute_batch(statement).unwrap(),
                Kind::Postgres => {
                    database.client().batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"))
                }
            }
        }
    }
    let after = report(database, rule);
    assert_eq!(subjects(&after.findings), [""; 0], "{rule}: {:#?}", after.findings);
    assert!(unserved(&after).is_subset(&unserved(&before)), "{:?}", unserved(&after));
}

#[test]
fn missing_indexes_are_found_and_gone_once_made() {
    let sql = "CREATE TABLE p (id integer PRIMARY KEY);
        CREATE TABLE c (p_id integer, CONSTRAINT c_fk FOREIGN KEY (p_id) REFERENCES p (id));
        CREATE TABLE served (p_id integer, CONSTRAINT s_fk FOREIGN KEY (p_id) REFERENCES p (id));
        CREATE INDEX served_p_id ON served (p_id);";
    for database in [postgres(sql), sqlite(sql)] {
        let findings = finds(&database, "missing-foreign-key-index", &["c.c_fk"]);
        assert_eq!(findings[0].severity, Severity::Error);
        let Remedy::Index(index) = &findings[0].remedy else { panic!("{findings:#?}") };
        database.execute(&format!("CREATE INDEX made ON {} ({})", index.table, index.keys[0].column));
        finds(&database, "missing-foreign-key-index", &[]);
    }
}

#[test]
fn foreign_keys_that_point_nowhere_are_found_on_sqlite_and_fail_as_is_said() {
    let database = sqlite(
        "CREATE TABLE p (id integer PRIMARY KEY, code text, fine text UNIQUE);
         CREATE TABLE missing_table (a REFERENCES nowhere (id));
         CREATE TABLE missing_column (a REFERENCES p (unknown));
         CREATE TABLE not_unique (a text REFERENCES p (code));
         CREATE VIEW seen AS SELECT * FROM p;
         CREATE TABLE of_view (a integer REFERENCES seen (id));
         CREATE TABLE fine (a integer REFERENCES p, b text REFERENCES p (fine));",
    );
    let expected = ["missing_column(a)", "missing_table(a)", "not_unique(a)", "of_view(a)"];
    let findings = finds(&database, "foreign-key-parent", &expected);
    assert!(findings[3].message.ends_with("`seen` is no table."), "{}", findings[3].message);
    let connection = database.rusqlite();
    connection.execute_batch("PRAGMA foreign_keys = on").unwrap();
    for (sql, fails) in [
        ("INSERT INTO missing_table VALUES (1)", true),
        ("INSERT INTO missing_table VALUES (NULL)", true),
        ("DELETE FROM missing_table", true),
        ("UPDATE not_unique SET a = NULL", true),
        ("DELETE FROM not_unique", true),
        ("INSERT INTO missing_column VALUES (1)", true),
        ("INSERT INTO not_unique VALUES ('x')", true),
        ("INSERT INTO of_view VALUES (1)", true),
        ("DELETE FROM p", true),
        ("INSERT INTO fine VALUES (NULL, NULL)", false),
    ] {
        assert_eq!(connection.execute_batch(sql).is_err(), fails, "{sql}");
    }
    let Remedy::Statement(unique) = &findings[2].remedy else { panic!("{findings:#?}") };
    connection.execute_batch(unique).unwrap();
    finds(&database, "foreign-key-parent", &["missing_column(a)", "missing_table(a)", "of_view(a)"]);
}

#[test]
fn that_sqlite_may_not_enforce_is_told_once_where_there_is_a_foreign_key() {
    let findings =
        finds(&sqlite("CREATE TABLE p (id integer PRIMARY KEY, up REFERENCES p);"), "foreign-keys-off", &["()"]);
    assert_eq!(findings[0].severity, Severity::Note);
    finds(&sqlite("CREATE TABLE p (id integer PRIMARY KEY);"), "foreign-keys-off", &[]);
}

#[test]
fn types_that_differ_are_made_alike() {
    let database = postgres(
        "CREATE TABLE n (id numeric PRIMARY KEY);
         CREATE TABLE big (id bigint PRIMARY KEY);
         CREATE TABLE small (id integer PRIMARY KEY);
         CREATE TABLE c (n_id integer, big_id integer, small_id bigint, fine bigint,
           CONSTRAINT n_fk FOREIGN KEY (n_id) REFERENCES n, CONSTRAINT big_fk FOREIGN KEY (big_id) REFERENCES big,
           CONSTRAINT small_fk FOREIGN KEY (small_id) REFERENCES small, CONSTRAINT f_fk FOREIGN KEY (fine) REFERENCES big);
         CREATE TABLE m (big_id integer) PARTITION BY LIST (big_id);
         CREATE TABLE m1 PARTITION OF m DEFAULT;
         ALTER TABLE m1 ADD CONSTRAINT m1_fk FOREIGN KEY (big_id) REFERENCES big;
",
    );
    let severities = |findings: &[Finding]| findings.iter().map(|finding| finding.severity).collect::<Vec<_>>();
    let expected = ["c.n_fk", "c.big_fk", "m1.m1_fk", "c.small_fk"];
    let findings = finds(&database, "foreign-key-type", &expected);
    assert_eq!(severities(&findings), [Severity::Error, Severity::Warning, Severity::Warning, Severity::Note]);
    // the partition key's own type can't be changed
    database.execute("DROP TABLE m");
    mends(&database, "foreign-key-type", &["c.n_fk", "c.big_fk", "c.small_fk"]);

    let database = sqlite(
        "CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE);
         CREATE TABLE c (a text REFERENCES p, b integer REFERENCES p (code), fine integer REFERENCES p);",
    );
    let findings = finds(&database, "foreign-key-type", &["c(a)", "c(b)"]);
    assert_eq!(severities(&findings), [Severity::Error, Severity::Warning]);
    // that a text is stored as a number and refers to nothing
    let connection = database.rusqlite();
    connection.execute_batch("PRAGMA foreign_keys = on; INSERT INTO p VALUES (1, '007')").unwrap();
    assert!(connection.execute_batch("INSERT INTO c (b) VALUES ('007')").is_err());
}

#[test]
fn duplicates_go_and_what_is_needed_stays() {
    mends(
        &postgres(
            "CREATE TABLE p (id integer, code text UNIQUE);
             CREATE UNIQUE INDEX p_id_of_the_foreign_key ON p (id);
             CREATE TABLE c (p_id integer REFERENCES p (id), other integer);
             CREATE UNIQUE INDEX p_id ON p (id);
             CREATE UNIQUE INDEX p_code ON p (code);
             CREATE INDEX c1 ON c (p_id);
             CREATE INDEX c2 ON c (p_id);
             CREATE INDEX c_hash ON c USING hash (p_id);
             CREATE INDEX c_desc ON c (p_id DESC, other);
             CREATE INDEX c_partial ON c (p_id, other) WHERE other > 0;
             CREATE TABLE r (id integer NOT NULL);
             CREATE UNIQUE INDEX r_identity ON r (id);
             CREATE UNIQUE INDEX r_id ON r (id);
             ALTER TABLE r REPLICA IDENTITY USING INDEX r_identity;
             CREATE TABLE m (a integer) PARTITION BY LIST (a);
             CREATE TABLE m1 PARTITION OF m DEFAULT;
             CREATE INDEX m_a ON m (a);
             CREATE INDEX m_a2 ON m (a);
             CREATE INDEX m1_own ON m1 (a);
",
        ),
        "duplicate-index",
        &["c.c2", "m.m_a2", "m1.m1_own", "p.p_code", "p.p_id", "r.r_id"],
    );
    mends(
        &sqlite(
            "CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE);
             CREATE UNIQUE INDEX p_code ON p (code);
             CREATE TABLE c (p_id integer REFERENCES p, other);
             CREATE INDEX c1 ON c (p_id);
             CREATE INDEX c2 ON c (p_id);
             CREATE INDEX c_nocase ON c (p_id COLLATE nocase, other);
             CREATE TABLE w (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
             CREATE UNIQUE INDEX w_ab ON w (a, b);",
        ),
        "duplicate-index",
        &["c.c2", "p.p_code", "w.w_ab"],
    );
}

#[test]
fn what_another_begins_with_goes() {
    mends(
        &postgres(
            "CREATE TABLE p (id integer PRIMARY KEY);
             CREATE TABLE c (a integer REFERENCES p, b integer REFERENCES p, t text, PRIMARY KEY (a, b));
             CREATE INDEX c_a ON c (a);
             CREATE INDEX c_b ON c (b);
             CREATE INDEX c_bt ON c (b, t);
             CREATE INDEX c_bta ON c (b, t, a);
             CREATE INDEX c_t ON c (t text_pattern_ops);
             CREATE INDEX c_ta ON c (t, a);
             CREATE UNIQUE INDEX c_u ON c (t);
             CREATE INDEX c_inc ON c (b, t) INCLUDE (a);
             CREATE INDEX c_down ON c (b DESC);
             CREATE INDEX c_nulls ON c (b NULLS FIRST);
             CREATE TABLE m (a integer, b integer) PARTITION BY LIST (a);
             CREATE TABLE m1 PARTITION OF m DEFAULT;
             CREATE INDEX m_a ON m (a);
             CREATE INDEX m_ab ON m (a, b);
",
        ),
        "redundant-index",
        &["c.c_a", "c.c_b", "c.c_down", "c.c_bt", "c.c_inc", "m.m_a"],
    );
    mends(
        &sqlite(
            "CREATE TABLE p (id integer PRIMARY KEY);
             CREATE INDEX p_id ON p (id);
             CREATE TABLE c (a integer REFERENCES p, b integer REFERENCES p, PRIMARY KEY (a, b)) WITHOUT ROWID;
             CREATE INDEX c_a ON c (a);
             CREATE INDEX c_b ON c (b);
             CREATE TABLE d (a integer REFERENCES p, b integer REFERENCES p, t text);
             CREATE INDEX d_a ON d (a);
             CREATE INDEX d_ab ON d (a, b);
             CREATE INDEX d_b ON d (b);
             CREATE INDEX d_t ON d (t COLLATE nocase);
             CREATE INDEX d_ta ON d (t, a);",
        ),
        "redundant-index",
        &["c.c_a", "d.d_a", "p.p_id"],
    );
}

#[test]
fn invalid_indexes_are_built_dropped_or_attached() {
    let database = postgres(
        "CREATE TABLE t (a integer, b integer);
         INSERT INTO t VALUES (1, 1), (1, 2);
         CREATE INDEX fine ON t (b);
         CREATE INDEX b_ccnew ON t (b);
         CREATE INDEX a_ccold1 ON t (a);
         CREATE TABLE m (a integer) PARTITION BY LIST (a);
         CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1);
         CREATE TABLE m2 PARTITION OF m FOR VALUES IN (2);
         CREATE INDEX m_a ON ONLY m (a);
         CREATE INDEX m1_a ON m1 (a);
         ALTER INDEX m_a ATTACH PARTITION m1_a;
         CREATE INDEX m2_a ON m2 (a);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('b_ccnew'::regclass, 'a_ccold1'::regclass);
",
    );
    assert!(database.client().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a)").is_err());
    let expected = ["m.m_a", "t.t_a", "t.a_ccold1", "t.b_ccnew"];
    let findings = finds(&database, "invalid-index", &expected);
    assert!(findings[0].explanation.contains("`m2`"), "{}", findings[0].explanation);
    database.execute("DELETE FROM t WHERE b = 2");
    mends(&database, "invalid-index", &expected);
    assert_eq!(database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_a'::regclass"), "t");

    // a leaf's own index that is attached can't be dropped, and is built anew
    let database = postgres(
        "CREATE TABLE m (a integer) PARTITION BY LIST (a);
         CREATE TABLE m1 PARTITION OF m FOR VALUES IN (1);
         CREATE INDEX m_a ON m (a);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'm1_a_idx'::regclass;
",
    );
    mends(&database, "invalid-index", &["m1.m1_a_idx"]);
}

#[test]
fn tables_without_a_primary_key_are_found_and_get_the_one_they_could_have() {
    mends(
        &postgres(
            "CREATE TABLE fine (a integer PRIMARY KEY);
             CREATE TABLE t (a integer NOT NULL, b text);
             CREATE UNIQUE INDEX t_a ON t (a);
             CREATE TABLE m (a integer PRIMARY KEY) PARTITION BY LIST (a);
             CREATE TABLE m1 PARTITION OF m DEFAULT;
",
        ),
        "no-primary-key",
        &["t()"],
    );
    let database = postgres(
        "CREATE TABLE t (a integer);
         CREATE TABLE m (a integer) PARTITION BY LIST (a);
         CREATE TABLE m1 PARTITION OF m DEFAULT;
",
    );
    finds(&database, "no-primary-key", &["m()", "t()"]);
    let database = sqlite(
        "CREATE TABLE t (a integer);
         CREATE TABLE fine (a integer PRIMARY KEY);
         CREATE VIRTUAL TABLE words USING fts5 (body);",
    );
    finds(&database, "no-primary-key", &["t()"]);
}

#[test]
fn foreign_keys_that_are_there_twice_go_once() {
    let database = postgres(
        "CREATE TABLE p (id integer PRIMARY KEY);
         CREATE TABLE c (p_id integer, other integer, CONSTRAINT c_fk FOREIGN KEY (p_id) REFERENCES p,
           CONSTRAINT c_fk2 FOREIGN KEY (p_id) REFERENCES p, CONSTRAINT o_fk FOREIGN KEY (other) REFERENCES p);
         CREATE INDEX c_p_id ON c (p_id);
",
    );
    mends(&database, "duplicate-foreign-key", &["c.c_fk2"]);
    database.execute("ALTER TABLE c ADD CONSTRAINT c_cascade FOREIGN KEY (p_id) REFERENCES p ON DELETE CASCADE");
    let findings = finds(&database, "duplicate-foreign-key", &["c.c_cascade"]);
    assert!(findings[0].explanation.contains("ON DELETE CASCADE"), "{}", findings[0].explanation);
    assert!(matches!(findings[0].remedy, Remedy::Advice(_)));
    let database = sqlite(
        "CREATE TABLE p (id integer PRIMARY KEY);
         CREATE TABLE c (p_id integer REFERENCES p, other integer REFERENCES p, FOREIGN KEY (p_id) REFERENCES p (id));",
    );
    finds(&database, "duplicate-foreign-key", &["c(p_id)"]);
}

#[test]
fn constraints_that_are_not_valid_are_validated() {
    mends(
        &postgres(
            "CREATE TABLE p (id integer PRIMARY KEY);
             CREATE TABLE c (p_id integer, fine integer CHECK (fine > 0));
             ALTER TABLE c ADD CONSTRAINT \"C fk\" FOREIGN KEY (p_id) REFERENCES p NOT VALID;
             ALTER TABLE c ADD CONSTRAINT positive CHECK (p_id > 0) NOT VALID;
             CREATE TABLE m (a integer) PARTITION BY LIST (a);
             CREATE TABLE m1 PARTITION OF m DEFAULT;
             ALTER TABLE m ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
",
        ),
        "constraint-not-valid",
        &["c.positive", "c.C fk", "m.positive"],
    );
}

#[test]
fn unused_indexes_are_found_unless_they_are_needed() {
    let database = postgres(
        "CREATE TABLE p (id serial PRIMARY KEY, t text);
         CREATE TABLE c (p_id integer CONSTRAINT c_fk REFERENCES p, t text);
         CREATE INDEX c_p_id ON c (p_id);
         CREATE INDEX c_t ON c (t);
",
    );
    let findings = finds(&database, "unused-index", &["c.c_p_id", "c.c_t", "p.p_pkey"]);
    let needed: Vec<_> = findings.iter().map(|finding| matches!(finding.remedy, Remedy::None(_))).collect();
    assert_eq!(needed, [true, false, true], "{findings:#?}");
    let Remedy::Statement(drop) = &findings[1].remedy else { unreachable!() };
    database.client().batch_execute(drop).unwrap();
    let after = report(&database, "unused-index");
    assert_eq!(subjects(&after.findings), ["c.c_p_id", "p.p_pkey"]);
    assert!(unserved(&after).is_empty());
}

#[test]
fn indexes_that_begin_with_a_boolean_are_found() {
    let sql = "CREATE TABLE t (id integer PRIMARY KEY, done boolean, at integer);
        CREATE INDEX t_done ON t (done);
        CREATE INDEX t_done_at ON t (done, at);
        CREATE INDEX t_open ON t (at) WHERE NOT done;
        CREATE INDEX t_at ON t (at, done);";
    for database in [postgres(sql), sqlite(sql)] {
        finds(&database, "boolean-index", &["t.t_done", "t.t_done_at"]);
    }
}

#[test]
fn indexes_of_nulls_leave_them_out_and_serve_their_foreign_key() {
    let database = postgres(
        "CREATE TABLE p (id integer PRIMARY KEY);
         INSERT INTO p SELECT generate_series(1, 10);
         CREATE TABLE c (p_id integer REFERENCES p, other integer, deleted_at date);
         INSERT INTO c SELECT CASE WHEN n % 100 = 0 THEN 1 END, n, CASE WHEN n % 50 = 0 THEN date '2026-01-01' END
           FROM generate_series(1, 2000) n;
         CREATE INDEX \"C p\" ON c (p_id) INCLUDE (other) WITH (fillfactor = 70);
         CREATE INDEX c_deleted ON c (deleted_at);
         CREATE INDEX c_other ON c (other, p_id);
         CREATE INDEX c_there ON c (p_id) WHERE p_id IS NOT NULL;
         DROP INDEX c_there;
         ANALYZE;
",
    );
    mends(&database, "mostly-null-index", &["c.c_deleted", "c.C p"]);
    assert_eq!(database.value("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%IS NOT NULL)'"), "2");
}
