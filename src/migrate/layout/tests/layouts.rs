//! Each layout as its own tool would leave it.

use super::*;

#[test]
fn ours() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__create_agents.sql", "create table agents (id integer primary key);\n"),
        ("V1__create_agents.down.sql", "drop table agents;\n"),
        (
            "V20261120093000__add_index.sql",
            "/* why */\n\n-- liftlock: no-transaction lock-timeout=2s\n-- LiftLock:foreign-keys=off\ncreate index i on agents (id);\n",
        ),
        ("V20261120093000__add_index.down.sql", "-- liftlock: no-transaction\ndrop index i;\n"),
        ("V0003__forget.sql", "-- liftlock: irreversible \"drops rows\"\ndelete from agents;\n"),
        ("V0003__forget.down.sql", "-- nothing brings them back\n"),
        ("V4__empty.sql", ""),
        ("V4__empty.down.sql", "-- nothing to do\n"),
        ("README.md", "`-- liftlock: nonsense`"),
        (".hidden/V9__x.sql", ""),
        ("notes/today.txt", ""),
        ("V5__x.sql~", ""),
        ("mod.rs", ""),
        ("atlas.sum", ""),
    ]), @r#"
    liftlock
    V1__create_agents
      up V1__create_agents.sql:1 "create table agents (id integer primary key);\n" []
      down V1__create_agents.down.sql:1 "drop table agents;\n" []
    V3__forget
      up V0003__forget.sql:1 "-- liftlock: irreversible \"drops rows\"\ndelete from agents;\n" [irreversible "drops rows"]
      down V0003__forget.down.sql:1 "-- nothing brings them back\n" [irreversible "drops rows"]
    V4__empty
      up V4__empty.sql:1 "" []
      down V4__empty.down.sql:1 "-- nothing to do\n" []
    V20261120093000__add_index
      up V20261120093000__add_index.sql:1 "/* why */\n\n-- liftlock: no-transaction lock-timeout=2s\n-- LiftLock:foreign-keys=off\ncreate index i on agents (id);\n" [no-transaction foreign-keys=off lock-timeout=2s]
      down V20261120093000__add_index.down.sql:1 "-- liftlock: no-transaction\ndrop index i;\n" [no-transaction]
    empty: V4__empty.down.sql
    "#);
}

#[test]
fn golang_migrate_and_reversible_sqlx() {
    let files = [
        ("000002_add-index.up.sql", "create index i on agents (id);\n"),
        ("000002_remove-index.down.sql", "drop index i;\n"),
        ("000001_create_agents.up.sql", "create table agents (id integer primary key);\n"),
        ("000001_create_agents.down.sql", ""),
    ];
    insta::assert_snapshot!(read_as_found(&files), @r#"
    golang-migrate
    V1__create_agents
      up 000001_create_agents.up.sql:1 "create table agents (id integer primary key);\n" [foreign-keys=off]
      down 000001_create_agents.down.sql:1 "" [foreign-keys=off]
    V2__add_index
      up 000002_add-index.up.sql:1 "create index i on agents (id);\n" [foreign-keys=off]
      down 000002_remove-index.down.sql:1 "drop index i;\n" [foreign-keys=off]
    empty: 000001_create_agents.down.sql
    "#);
    // sqlx enforces foreign keys, so nothing turns them off
    insta::assert_snapshot!(shown(&files, Dialect::Sqlite, Some(Layout::Sqlx)), @r#"
    sqlx
    V1__create_agents
      up 000001_create_agents.up.sql:1 "create table agents (id integer primary key);\n" []
      down 000001_create_agents.down.sql:1 "" []
    V2__add_index
      up 000002_add-index.up.sql:1 "create index i on agents (id);\n" []
      down 000002_remove-index.down.sql:1 "drop index i;\n" []
    empty: 000001_create_agents.down.sql
    "#);
    // they mean nothing to PostgreSQL
    assert!(!shown(&files, Dialect::Postgres, None).contains("foreign-keys"));
}

#[test]
fn sqlx_shows_itself_by_its_marker() {
    insta::assert_snapshot!(shown(&[
        ("1_a.up.sql", "-- no-transaction\ncreate index concurrently i on t (x);"),
        ("1_a.down.sql", " -- no-transaction\ndrop index i;"),
    ], Dialect::Postgres, None), @r#"
    sqlx
    V1__a
      up 1_a.up.sql:1 "-- no-transaction\ncreate index concurrently i on t (x);" [no-transaction]
      down 1_a.down.sql:1 " -- no-transaction\ndrop index i;" []
    "#);
    insta::assert_snapshot!(shown(&[
        ("1_simple.sql", "create table t (x int);"),
        ("2_reversible.up.sql", "drop table t;"),
    ], Dialect::Postgres, Some(Layout::Sqlx)), @r#"
    sqlx
    V1__simple
      up 1_simple.sql:1 "create table t (x int);" []
    V2__reversible
      up 2_reversible.up.sql:1 "drop table t;" []
    "#);
}

#[test]
fn sqlx_simple() {
    insta::assert_snapshot!(shown(&[
        ("20240101000000_create_agents.sql", "create table agents (id integer primary key);\n"),
        ("20240102000000_add_index.sql", "-- no-transaction\ncreate index concurrently i on agents (id);\n"),
    ], Dialect::Postgres, None), @r#"
    sqlx-simple
    V20240101000000__create_agents
      up 20240101000000_create_agents.sql:1 "create table agents (id integer primary key);\n" []
    V20240102000000__add_index
      up 20240102000000_add_index.sql:1 "-- no-transaction\ncreate index concurrently i on agents (id);\n" [no-transaction]
    "#);
}

#[test]
fn dbmate() {
    insta::assert_snapshot!(read_as_found(&[
        (
            "20240101000000_create_agents.sql",
            "-- who works here\n\n-- migrate:up\ncreate table agents (id integer primary key);\n\n-- migrate:down\ndrop table agents;\n",
        ),
        ("20240102000000_vacuum.sql", "--migrate:up transaction:false\r\nvacuum;\r\n--migrate:down\r\n"),
        ("20240103000000_no_down.sql", "-- migrate:up\nselect 1;\n"),
    ]), @r#"
    dbmate
    V20240101000000__create_agents
      up 20240101000000_create_agents.sql:3 "-- migrate:up\ncreate table agents (id integer primary key);\n\n" [foreign-keys=off]
      down 20240101000000_create_agents.sql:6 "-- migrate:down\ndrop table agents;\n" [foreign-keys=off]
    V20240102000000__vacuum
      up 20240102000000_vacuum.sql:1 "--migrate:up transaction:false\r\nvacuum;\r\n" [no-transaction foreign-keys=off]
      down 20240102000000_vacuum.sql:3 "--migrate:down\r\n" [foreign-keys=off]
    V20240103000000__no_down
      up 20240103000000_no_down.sql:1 "-- migrate:up\nselect 1;\n" [foreign-keys=off]
    empty: 20240102000000_vacuum.sql
    "#);
}

#[test]
fn sections_of_dbmates_keep_their_lines() {
    let text = "-- migrate:up\ncreate table a (x);\r\n-- migrate:down\ndrop table a;\r\n-- migrate:up\ncreate table b (x);\n-- migrate:down\ndrop table b;";
    insta::assert_snapshot!(read_as_found(&[("1_two.sql", text)]), @r#"
    dbmate
    V1__two
      up 1_two.sql:1 "-- migrate:up\ncreate table a (x);\r\n\n\r\n-- migrate:up\ncreate table b (x);\n" [foreign-keys=off]
      down 1_two.sql:3 "-- migrate:down\ndrop table a;\r\n\n\n-- migrate:down\ndrop table b;" [foreign-keys=off]
    "#);
    let folder = read_embedded(&[("1_two.sql", text)], Dialect::Sqlite, None).unwrap();
    let lines_of = |script: &crate::migrate::Script, word: &str| {
        let at = script.text.find(word).unwrap();
        script.first_line + crate::source_text::position(&script.text, at).line - 1
    };
    let migration = &folder.migrations[0];
    assert_eq!(
        lines_of(&migration.up, "table b"),
        crate::source_text::position(text, text.find("table b").unwrap()).line
    );
    let down = migration.down.as_ref().unwrap();
    assert_eq!(
        lines_of(down, "drop table b"),
        crate::source_text::position(text, text.find("drop table b").unwrap()).line
    );
}

#[test]
fn goose() {
    insta::assert_snapshot!(read_as_found(&[
        (
            "00001_create_agents.sql",
            "-- who works here\n-- +goose Up\n-- +goose StatementBegin\ncreate table agents (id integer primary key);\n-- +goose StatementEnd\n\n-- +goose Down\ndrop table agents;\n",
        ),
        ("00002_vacuum.sql", "-- +goose no transaction\n-- +goose up\nvacuum;\n-- +goose down\n"),
        ("00003_no_down.sql", "--+goose Up\r\nselect 1;\r\n"),
        ("00001_test.go.txt", ""),
    ]), @r#"
    goose
    V1__create_agents
      up 00001_create_agents.sql:2 "-- +goose Up\n-- +goose StatementBegin\ncreate table agents (id integer primary key);\n-- +goose StatementEnd\n\n" [foreign-keys=off]
      down 00001_create_agents.sql:7 "-- +goose Down\ndrop table agents;\n" [foreign-keys=off]
    V2__vacuum
      up 00002_vacuum.sql:2 "-- +goose up\nvacuum;\n" [no-transaction foreign-keys=off]
      down 00002_vacuum.sql:4 "-- +goose down\n" [no-transaction foreign-keys=off]
    V3__no_down
      up 00003_no_down.sql:1 "--+goose Up\r\nselect 1;\r\n" [foreign-keys=off]
    empty: 00002_vacuum.sql
    "#);
}

#[test]
fn diesel() {
    insta::assert_snapshot!(read_as_found(&[
        ("00000000000000_diesel_initial_setup/up.sql", "select 1;\n"),
        ("00000000000000_diesel_initial_setup/down.sql", ""),
        ("2024-01-02-030405_add_index/up.sql", "create index i on t (x);\n"),
        ("2024-01-02-030405_add_index/down.sql", "drop index i;\n"),
        ("2024-01-02-030405_add_index/metadata.toml", "run_in_transaction = false\nother = 1\n"),
        ("2024-01-02-030406-0000_newer-form/up.sql", "select 2;\n"),
        ("2024-01-02-030406-0000_newer-form/metadata.toml", "run_in_transaction = true\n"),
        ("schema.rs", ""),
    ]), @r#"
    diesel
    V0__diesel_initial_setup
      up 00000000000000_diesel_initial_setup/up.sql:1 "select 1;\n" [foreign-keys=off]
      down 00000000000000_diesel_initial_setup/down.sql:1 "" [foreign-keys=off]
    V20240102030405__add_index
      up 2024-01-02-030405_add_index/up.sql:1 "create index i on t (x);\n" [no-transaction foreign-keys=off]
      down 2024-01-02-030405_add_index/down.sql:1 "drop index i;\n" [no-transaction foreign-keys=off]
    V202401020304060000__newer_form
      up 2024-01-02-030406-0000_newer-form/up.sql:1 "select 2;\n" [foreign-keys=off]
    empty: 00000000000000_diesel_initial_setup/down.sql
    "#);
}

#[test]
fn flyway() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__create_agents.sql", "create table agents (id integer primary key);\n"),
        ("U1__drop_agents.sql", "drop table agents;\n"),
        ("V2__Add the index, later.sql", "create index i on agents (id);\n"),
    ]), @r#"
    flyway
    V1__create_agents
      up V1__create_agents.sql:1 "create table agents (id integer primary key);\n" [foreign-keys=off]
      down U1__drop_agents.sql:1 "drop table agents;\n" [foreign-keys=off]
    V2__Add_the_index__later
      up V2__Add the index, later.sql:1 "create index i on agents (id);\n" [foreign-keys=off]
    "#);
    // nothing of Flyway's own among the names: ours
    assert!(read_as_found(&[("V1__a.sql", "select 1;")]).starts_with("liftlock\n"));
    assert!(shown(&[("V1__a.sql", "")], Dialect::Sqlite, Some(Layout::Flyway)).starts_with("flyway\n"));
}

#[test]
fn an_empty_folder_is_fine() {
    assert_eq!(read_as_found(&[]), "liftlock\n");
    assert_eq!(shown(&[("README.md", "")], Dialect::Sqlite, Some(Layout::Goose)), "goose\n");
    let dir = folder(&[(".gitkeep", "")]);
    assert_eq!(detect(dir.path()).unwrap(), None);
    assert_eq!(detect(folder(&[("1_a.up.sql", "")]).path()).unwrap(), Some(Layout::GolangMigrate));
}

#[test]
fn the_text_is_kept_as_it_stands() {
    let text = "\u{feff}-- liftlock: no-transaction\r\nselect 1;\r\n";
    let folder = read_embedded(&[("./V1__a.sql", text)], Dialect::Sqlite, None).unwrap();
    assert_eq!(folder.migrations[0].up.text, text);
    assert!(folder.migrations[0].up.directives.no_transaction);
    let of_refinery = refinery_core::Migration::unapplied("V1__a", text).unwrap();
    assert_eq!(folder.migrations[0].checksum(), of_refinery.checksum());
}

#[test]
fn names_go_there_and_back() {
    for layout in Layout::ALL {
        assert_eq!(Layout::from_name(layout.name()), Some(layout));
        assert_eq!(layout.to_string(), layout.name());
    }
    assert_eq!(Layout::from_name("rails"), None);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_followed() {
    let real = folder(&[("one.txt", "select 1;"), ("deep/V2__b.sql", "select 2;")]);
    let dir = folder(&[]);
    std::os::unix::fs::symlink(real.path().join("one.txt"), dir.path().join("V1__a.sql")).unwrap();
    std::os::unix::fs::symlink(real.path().join("deep"), dir.path().join("sqlite")).unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
    let error = read_folder(dir.path(), Dialect::Sqlite, None).unwrap_err();
    assert!(error.to_string().contains("sub-folder"), "{error}");
    fs::remove_file(dir.path().join("loop")).unwrap();
    let read = read_folder(dir.path(), Dialect::Sqlite, None).unwrap();
    assert_eq!(read.migrations.iter().map(|m| m.up.text.as_str()).collect::<Vec<_>>(), ["select 1;", "select 2;"]);
    std::os::unix::fs::symlink("nowhere", dir.path().join("V3__c.sql")).unwrap();
    let error = read_folder(dir.path(), Dialect::Sqlite, None).unwrap_err();
    assert_eq!(bare(&error.to_string(), &dir), "can't read `V3__c.sql`");
}
