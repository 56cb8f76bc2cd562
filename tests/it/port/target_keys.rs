//! What a target that is there demands to be unique, and its partitions: known before the first write.

use serde_json::{Value, json};

use super::target_checks::without_temporary;
use super::{Done, Port};

/// A port into tables that the application has made.
fn into(source: &str, target: &str) -> Port {
    let port = Port::of(source);
    port.target.execute(target);
    port
}

/// The rows that a finding is about.
#[track_caller]
fn ranges(done: &Done, object: &str, words: &[&str]) -> Value {
    done.finding("", object, words)["affected"]["ranges"].clone()
}

#[test]
fn rows_that_meet_others_are_known_before_the_first_write() {
    let port = into(
        "CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT, email TEXT, part INTEGER, kind TEXT, seat INTEGER, at INTEGER);
         INSERT INTO item VALUES (1, 'a', 'X@y', 1, 'on', 1, 10), (2, NULL, 'n2', NULL, 'off', 2, 20), (3, 'c', 'n3', 3, 'on', 3, 30),
                                 (4, 'd', 'n4', 4, 'off', 4, 40), (5, 'e', 'n5', 5, 'on', 5, 50);",
        "CREATE TABLE item (id integer GENERATED ALWAYS AS IDENTITY, code varchar(10), email text, part smallint, kind text, seat bigint, at numeric,
           twice integer GENERATED ALWAYS AS (seat * 2) STORED,
           CONSTRAINT item_key PRIMARY KEY (id), CONSTRAINT code_once UNIQUE (code),
           CONSTRAINT part_once UNIQUE NULLS NOT DISTINCT (part), CONSTRAINT twice_once UNIQUE (twice),
           CONSTRAINT later UNIQUE (at) DEFERRABLE INITIALLY DEFERRED,
           CONSTRAINT seats EXCLUDE USING gist (int8range(seat, seat + 1) WITH &&) WHERE (kind = 'on'));
         CREATE UNIQUE INDEX by_mail ON item (lower(email));
         CREATE UNIQUE INDEX one_kind ON item (kind, code) WHERE kind = 'on';
         INSERT INTO item (id, code, email, part, kind, seat, at) OVERRIDING SYSTEM VALUE VALUES
           (3, NULL, 'x@Y', NULL, 'off', 4, 50), (9, 'e', NULL, 9, 'on', 5, NULL)",
    );
    let done = port.refused(&["--on-conflict", "error"]);
    let key = done.finding(
        "item",
        "item_key",
        &["1 of 5 rows meets a row", "primary key `item_key` (id)", "rowid 3: id = 3"],
    );
    assert_eq!((&key["code"], &key["level"], &key["rows"]), (&json!("target-conflict"), &json!("blocker"), &json!(1)));
    assert!(key["choices"].to_string().contains("--on-conflict skip|replace"), "{key}");
    assert!(key["choices"].to_string().contains("--truncate"), "{key}");
    assert_eq!(ranges(&done, "code_once", &["code = e"]), json!([[5, 5]]));
    assert_eq!(ranges(&done, "by_mail", &["lower(email)", "email = X@y"]), json!([[1, 1]]));
    assert_eq!(ranges(&done, "part_once", &["part = NULL"]), json!([[2, 2]]));
    assert_eq!(ranges(&done, "one_kind", &["where (kind = 'on'::text)"]), json!([[5, 5]]));
    assert_eq!(ranges(&done, "twice_once", &["twice = 8"]), json!([[4, 5]]));
    assert_eq!(ranges(&done, "later", &["at = 50"]), json!([[5, 5]]));
    assert_eq!(ranges(&done, "seats", &["exclusion constraint"]), json!([[5, 5]]));
    assert_eq!(done.blockers().count(), 8, "{done}");
    // a dry run says the same
    let dry = port.plainly(&["--dry-run", "--on-conflict", "error"]);
    assert_eq!((dry.ran.code, dry.json["result"].as_str()), (Some(1), Some("refused")), "{dry}");
    dry.finding("item", "seats", &["target-conflict"]);
    // they go in all at once: none can be put aside
    port.refused(&["--on-conflict", "error", "--on-error", "quarantine"]);
    // without the rows in the way, they go in
    port.target.execute("DELETE FROM item WHERE id = 3; UPDATE item SET code = 'f', seat = 7");
    let done = port.run(&["--on-conflict", "error"]).is_done();
    assert_eq!(port.target.value("SELECT count(*) FROM item"), "6", "{done}");
}

#[test]
fn a_person_may_let_the_copy_meet_them() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a');",
        "CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'b')",
    );
    let done = port.run(&["--on-conflict", "error", "--accept", "target-conflict:t_pkey"]);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert!(done.to_string().contains("duplicate key"), "{done}");
    // what becomes of such rows is a question of their primary key alone
    port.target.execute("CREATE UNIQUE INDEX v_once ON t (v); INSERT INTO t VALUES (7, 'c')");
    port.sqlite("INSERT INTO t VALUES (2, 'c'), (3, 'd')");
    port.plainly(&["--restart", "--yes", "--truncate", "--dry-run"]);
    let done = port.run(&["--on-conflict", "skip", "--restart"]);
    assert_eq!(done.json["result"], "refused", "{done}");
    assert_eq!(ranges(&done, "v_once", &["v = c"]), json!([[2, 2]]));
    assert_eq!(done.blockers().count(), 1, "{done}");
    let done = port.run(&["--on-conflict", "replace"]);
    done.finding("t", "v_once", &["target-check-untried", "replaced meanwhile"]);
}

/// Keys that the source doesn't have, in a table that is empty.
#[test]
fn rows_that_meet_each_other_are_known_before_the_first_write() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, room INTEGER, since INTEGER, tag TEXT, cell CHAR(5));
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 50000)
         INSERT INTO t SELECT i, iif(i = 49000, 'M7', 'm' || i), i, 10, iif(i % 25000 = 0, NULL, 't' || i), 'c' || i FROM c;
         UPDATE t SET room = 3, since = 15 WHERE id = 40000; UPDATE t SET cell = 'c1 ' WHERE id = 30000;",
        "CREATE TABLE t (id bigint PRIMARY KEY, mail text UNIQUE, room bigint, since bigint, tag text, cell character(7) UNIQUE,
           no serial UNIQUE,
           CONSTRAINT free EXCLUDE USING gist (int8range(room, room + 1) WITH &&, int8range(since, since + 6) WITH &&),
           CONSTRAINT tagged UNIQUE NULLS NOT DISTINCT (tag));
         CREATE UNIQUE INDEX by_mail ON t (lower(mail)) WHERE id <> 100",
    );
    let done = port.refused(&["--jobs", "2"]);
    let mail =
        done.finding("t", "by_mail", &["1 of 50,000 rows meets a row before it", "lower(mail) = m7, as rowid 7"]);
    assert_eq!((&mail["code"], &mail["affected"]["ranges"]), (&json!("target-duplicate"), &json!([[49000, 49000]])));
    assert_eq!(ranges(&done, "free", &["exclusion constraint `free`"]), json!([[40000, 40000]]));
    assert_eq!(ranges(&done, "tagged", &["tag = NULL, as rowid 25000"]), json!([[50000, 50000]]));
    assert_eq!(ranges(&done, "t_cell_key", &["as rowid 1"]), json!([[30000, 30000]]));
    assert_eq!(done.blockers().count(), 4, "{done}");
    let done = port.run(&["--on-error", "quarantine", "--jobs", "2"]);
    assert_eq!(done.ran.code, Some(1), "{done}");
    assert_eq!(done.finding("t", "by_mail", &["these rows are put aside"])["level"], "change");
    assert_eq!(done.json["tables"][0]["quarantined_rows"], 4, "{done}");
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "49996");
}

#[test]
fn what_the_source_has_unique_is_not_tried_again() {
    let port = into(
        "CREATE TABLE t (a TEXT, b INTEGER, c TEXT UNIQUE, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1, 'x'), ('a', 2, 'y');",
        "CREATE TABLE t (a text, b bigint, c text UNIQUE, PRIMARY KEY (b, a))",
    );
    // without temporary tables, all that would have to be tried is told
    let url = without_temporary(&port);
    let run = || Done::of(port.project.run(&["port", "source.db", &url, "--json", "--truncate", "--yes"]));
    let done = run().is_proven();
    assert!(!done.to_string().contains("untried"), "{done}");
    port.target.execute("CREATE UNIQUE INDEX by_c ON t (upper(c)); CREATE UNIQUE INDEX equal ON t (c COLLATE blind)".replace(
        "CREATE UNIQUE INDEX equal",
        "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE UNIQUE INDEX equal",
    ).as_str());
    let done = run().is_proven();
    done.finding("t", "by_c", &["target-check-untried"]);
    done.finding("t", "equal", &["target-check-untried"]);
}

#[test]
fn partitions_have_demands_of_their_own() {
    let port = into(
        "CREATE TABLE log (id INTEGER PRIMARY KEY, at INTEGER, level TEXT, note TEXT);
         INSERT INTO log VALUES (1, 5, 'a', 'x'), (2, 15, 'a', NULL), (3, 15, 'b', 'y'), (4, 25, 'a', 'z'), (5, NULL, 'a', 'x'), (6, 7, 'a', 'y');",
        "CREATE TABLE log (id bigint, at bigint, level text, note text) PARTITION BY RANGE (at);
         CREATE SCHEMA parts;
         CREATE TABLE log_0 PARTITION OF log (CONSTRAINT early CHECK (note <> 'y')) FOR VALUES FROM (0) TO (10);
         CREATE TABLE parts.log_1 PARTITION OF log (note NOT NULL) FOR VALUES FROM (10) TO (20) PARTITION BY LIST (level);
         CREATE TABLE parts.log_1a PARTITION OF parts.log_1 FOR VALUES IN ('a');
         CREATE UNIQUE INDEX early_note ON log_0 (note); INSERT INTO log VALUES (77, 1, 'c', 'x')",
    );
    let done = port.refused(&["--on-conflict", "error"]);
    assert_eq!(ranges(&done, "early", &["target-check", "partition `log_0`", "note = y"]), json!([[6, 6]]));
    assert_eq!(ranges(&done, "note", &["NOT NULL of `note` in the partition `log_1`"]), json!([[2, 2]]));
    assert_eq!(
        ranges(&done, "log", &["target-partition", "3 of 6 rows fit none of the partitions of `log`"]),
        json!([[3, 5]])
    );
    assert_eq!(ranges(&done, "early_note", &["target-conflict", "note = x"]), json!([[1, 1]]));
    // a unique index of one partition tells nothing of the others' rows
    done.finding("log", "", &["no-key-for-conflicts"]);
    assert_eq!(done.blockers().count(), 5, "{done}");
    port.target.execute("CREATE TABLE log_rest PARTITION OF log DEFAULT; TRUNCATE log; CREATE TABLE parts.log_1x PARTITION OF parts.log_1 DEFAULT");
    port.sqlite("UPDATE log SET note = 'n' || id");
    port.proven(&[]);
}

#[test]
fn rows_that_are_not_in_yet_are_tried_when_a_run_is_gone_on_with() {
    let port = into(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER);
         WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000) INSERT INTO t SELECT i, i FROM c;",
        "CREATE TABLE t (id bigint PRIMARY KEY, v bigint); CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN IF new.number = 2 AND new.sum IS NOT NULL THEN RAISE ''no more''; END IF; RETURN new; END'",
    );
    // the second batch's end is refused, as a server that is full would
    port.target.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN IF to_regclass(''liftlock_port_batch'') IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = ''stop'') THEN
           CREATE TRIGGER stop BEFORE UPDATE ON liftlock_port_batch FOR EACH ROW EXECUTE FUNCTION stop(); END IF; END';
         CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse()",
    );
    let small = ["--batch-rows", "1000", "--jobs", "1"];
    let done = port.plainly(&small);
    assert_eq!(done.ran.code, Some(3), "{done}");
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "2000", "{done}");
    port.target.execute(
        "DROP EVENT TRIGGER refuse; DROP TRIGGER stop ON liftlock_port_batch; ALTER TABLE t ADD CONSTRAINT small CHECK (v < 2500 AND v > 10) NOT VALID",
    );
    let done = port.plainly(&["--resume", "--jobs", "1"]);
    assert_eq!((done.ran.code, done.json["result"].as_str()), (Some(1), Some("refused")), "{done}");
    let small = done.finding("t", "small", &["target-check", "501 of 3,000 rows"]);
    assert_eq!(small["affected"]["ranges"], json!([[2500, 3000]]), "the rows that are in are tried, too: {done}");
    assert_eq!(port.target.value("SELECT count(*) FROM t"), "2000", "{done}");
    port.target.execute("ALTER TABLE t DROP CONSTRAINT small");
    port.plainly(&["--resume"]).is_proven();
}
