//! PostgreSQL's kinds of statement. The lists were run inside `BEGIN` on PostgreSQL 15: all of
//! [`NEEDS_NO_TRANSACTION`] fail with 25001, none of [`RUNS_IN_TRANSACTION`] does.

use super::*;

fn kind(statement: &str) -> StatementKind<'_> {
    classify(Dialect::Postgres, statement)
}

fn needs_no_transaction(statement: &str) -> NonTransactional {
    match kind(statement) {
        StatementKind::NeedsNoTransaction(found) => found,
        other => panic!("{statement}: {other:?}"),
    }
}

const NEEDS_NO_TRANSACTION: &[&str] = &[
    "create index concurrently i1 on t(v)",
    "create unique index concurrently if not exists i1 on t(v)",
    "create index concurrently on only t(v)",
    "drop index concurrently t_v",
    "drop index concurrently if exists nonexist",
    "reindex index concurrently t_v",
    "reindex table concurrently t",
    "reindex (concurrently) table t",
    "reindex (verbose, concurrently on) table t",
    "reindex schema public",
    "reindex database postgres",
    "reindex system postgres",
    "vacuum",
    "vacuum (analyze) t",
    "vacuum full t",
    "create database d2",
    "drop database d2",
    "drop database if exists d2",
    "alter database postgres set tablespace pg_default",
    "create tablespace ts1 location '/nowhere'",
    "drop tablespace ts1",
    "alter system set work_mem = '4MB'",
    "alter system reset all",
    "cluster",
    "cluster verbose",
    "alter table parted detach partition p1 concurrently",
    "create subscription s connection 'dbname=x' publication p",
    "create subscription s connection 'dbname=x' publication p, q with (enabled = false)",
    "discard all",
];

const RUNS_IN_TRANSACTION: &[&str] = &[
    "create index if not exists i9 on t(v)",
    "create index \"concurrently\" on t(v)",
    "drop index t_v",
    "reindex table t",
    "reindex (verbose) index t_v",
    "reindex (concurrently off) table t",
    "reindex (concurrently false, verbose) table t",
    "analyze t",
    "alter database postgres set work_mem = '1MB'",
    "alter database postgres owner to postgres",
    "cluster t",
    "cluster verbose t using t_v",
    "cluster t_v on t",
    "alter table parted detach partition p1",
    "alter table parted detach partition p1 finalize",
    "create subscription s connection 'dbname=x' publication p with (connect = false)",
    "create subscription s connection 'dbname=x' publication p with (create_slot = 'off', enabled = false)",
    "discard plans",
    "discard temp",
    "alter type mood add value 'b'",
    "checkpoint",
    "listen x",
    "notify x",
    "explain analyze select 1",
    "load 'plpgsql'",
    "lock table t",
    "refresh materialized view concurrently mv",
    "prepare transaction as select 1",
    "create table vacuum(a int)",
];

#[test]
fn what_cannot_run_in_a_transaction() {
    for statement in NEEDS_NO_TRANSACTION {
        needs_no_transaction(statement);
        needs_no_transaction(&format!("/* a */ {} -- b", statement.to_uppercase()));
    }
    for statement in RUNS_IN_TRANSACTION {
        assert_eq!(kind(statement), StatementKind::Ordinary, "{statement}");
    }
}

#[test]
fn what_later_versions_refuse() {
    // https://www.postgresql.org/docs/18/sql-altersubscription.html and …/19/sql-repack.html
    for statement in [
        "alter subscription s set (failover = true)",
        "alter subscription s set (streaming = on, two_phase = false)",
        "repack",
        "repack (verbose) using index",
        "repack (concurrently) t",
        "repack (analyze) t (a)",
    ] {
        needs_no_transaction(statement);
    }
    for statement in ["repack t", "repack (verbose, concurrently off) t using index i"] {
        assert_eq!(kind(statement), StatementKind::Ordinary);
    }
}

#[test]
fn subscriptions() {
    // with a slot, and enabled: what the text can't tell
    for statement in [
        "drop subscription if exists \"S\"",
        "alter subscription \"S\" refresh publication",
        "alter subscription \"S\" refresh publication with (copy_data = false)",
        "alter subscription \"S\" set publication p",
        "alter subscription \"S\" add publication p, q with (copy_data = off)",
        "alter subscription \"S\" drop publication p with (refresh)",
    ] {
        match needs_no_transaction(statement) {
            NonTransactional::Subscription { name, .. } => assert_eq!(name, "S"),
            other => panic!("{other:?}"),
        }
    }
    for statement in [
        "alter subscription s set publication p with (refresh = false)",
        "alter subscription s add publication p with (refresh=0)",
        "alter subscription s drop publication p with (refresh off)",
        "alter subscription s disable",
        "alter subscription s set (slot_name = none)",
        "alter subscription s set (two_phase = true)",
        "alter subscription s rename to refresh",
        "alter subscription s skip (lsn = none)",
    ] {
        assert_eq!(kind(statement), StatementKind::Ordinary, "{statement}");
    }
}

fn object(schema: Option<&str>, name: &str) -> ObjectName {
    ObjectName { schema: schema.map(str::to_owned), name: name.to_owned() }
}

#[test]
fn names_to_ask_the_catalog_about() {
    use NonTransactional as N;
    let create = |index: Option<&str>, table, if_not_exists| N::CreateIndex {
        index: index.map(str::to_owned),
        table,
        if_not_exists,
    };
    let cases = [
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON ONLY App.\"T\" USING btree (a)",
            create(Some("I x"), object(Some("app"), "T"), true),
        ),
        ("create index concurrently on T (on)", create(None, object(None, "t"), false)),
        ("create index concurrently if on t(a)", create(Some("if"), object(None, "t"), false)),
        ("create index concurrently \"on\" on t(a)", create(Some("on"), object(None, "t"), false)),
        ("drop index concurrently A.\"B\" cascade", N::DropIndex { index: object(Some("a"), "B"), if_exists: false }),
        ("drop index concurrently if exists i", N::DropIndex { index: object(None, "i"), if_exists: true }),
        (
            "reindex (verbose) index concurrently a.i",
            N::Reindex { target: Some(object(Some("a"), "i")), concurrently: true },
        ),
        ("reindex database", N::Reindex { target: None, concurrently: false }),
        ("create database \"D\" template x", N::CreateDatabase { name: "D".to_owned() }),
        ("drop database if exists D (force)", N::DropDatabase { name: "d".to_owned(), if_exists: true }),
        ("alter database d set tablespace \"T\"", N::MoveDatabase { name: "d".to_owned(), tablespace: "T".to_owned() }),
        (
            "alter table if exists only a.p * detach partition B.c concurrently",
            N::DetachPartition { table: object(Some("a"), "p"), partition: object(Some("b"), "c") },
        ),
    ];
    for (statement, expected) in cases {
        assert_eq!(needs_no_transaction(statement), expected, "{statement}");
    }
    assert_eq!(needs_no_transaction("cluster").to_string(), "CLUSTER");
}

#[test]
fn transactions() {
    for text in [
        "BEGIN",
        "begin work",
        "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
        "start transaction deferrable",
    ] {
        assert_eq!(kind(text), StatementKind::Begin { text });
    }
    let cases = [
        ("commit", StatementKind::Commit { chain: false }),
        ("END WORK AND NO CHAIN", StatementKind::Commit { chain: false }),
        ("commit transaction and chain", StatementKind::Commit { chain: true }),
        ("rollback", StatementKind::Rollback { chain: false }),
        ("abort work and chain", StatementKind::Rollback { chain: true }),
        ("savepoint a", StatementKind::Savepoint),
        ("release savepoint a", StatementKind::Savepoint),
        ("rollback work to savepoint a", StatementKind::Savepoint),
        ("rollback to a", StatementKind::Savepoint),
        ("prepare transaction 'a'", StatementKind::PreparedTransaction),
        ("commit prepared 'a'", StatementKind::PreparedTransaction),
        ("rollback prepared 'a'", StatementKind::PreparedTransaction),
        ("prepare a as select 1", StatementKind::Ordinary),
        ("start x", StatementKind::Ordinary),
        ("", StatementKind::Ordinary),
    ];
    for (statement, expected) in cases {
        assert_eq!(kind(statement), expected, "{statement}");
    }
}

#[test]
fn statements_for_the_session() {
    for statement in [
        "SET search_path = a, b",
        "set session work_mem to '1MB'",
        "set my.param = 1",
        "set role x",
        "set session authorization x",
        "set session characteristics as transaction read only",
        "set time zone 'UTC'",
        "RESET ALL",
        "reset role",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "select SET_CONFIG('a', coalesce(current_setting('b', true), ''), 'f');",
    ] {
        assert_eq!(kind(statement), StatementKind::SessionSet, "{statement}");
    }
    for statement in [
        "set local work_mem = '1MB'",
        "set transaction read only",
        "set session transaction isolation level serializable",
        "set transaction_isolation = 'serializable'",
        "set constraints all deferred",
        "reset transaction isolation level",
        "select set_config('a', 'b', true)",
        "select set_config('a', 'b', not false)",
        "select set_config('a', 'b', false) from t",
        "select set_config('a', false)",
        "select app.set_config('a', 'b', false)",
        "select set_config",
        "select set_config('a', 'b', false",
        "listen x",
    ] {
        assert_eq!(kind(statement), StatementKind::Ordinary, "{statement}");
    }
}

#[test]
fn what_may_end_the_transaction_it_runs_in() {
    for statement in [
        "CALL p()",
        "do $$ begin insert into t values (1); commit; end $$",
        "DO LANGUAGE plpgsql 'begin ROLLBACK; end'",
        "do $commit$begin call p();end$commit$",
        "do $$commit$$",
    ] {
        assert_eq!(kind(statement), StatementKind::MayControlTransaction, "{statement}");
    }
    for statement in ["do $$ begin perform committed(), recall, x_commit; end $$", "do language plpgsql ''"] {
        assert_eq!(kind(statement), StatementKind::Ordinary, "{statement}");
    }
}
