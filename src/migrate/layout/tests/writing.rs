//! New migrations: in each layout as its tool writes them, and read back as they were meant.

use std::time::Duration;

use jiff::civil::{DateTime, date};

use super::*;
use crate::migrate::Directives;

fn new<'a>() -> NewMigration<'a> {
    NewMigration {
        version: 20_261_120_093_000,
        name: "add_index",
        dialect: None,
        up: "create index i on agents (id);",
        down: Some("drop index i;\n"),
        directives: Directives::default(),
        style: Style::default(),
    }
}

fn planned(layout: Layout, new: &NewMigration<'_>) -> String {
    match plan_files(layout, Path::new("db"), new) {
        Ok(files) => files.iter().map(|(path, text)| format!("== {}\n{text}", path.display())).collect(),
        Err(error) => format!("{error}; {}\n", error.hint().unwrap()),
    }
}

fn in_every_layout(new: &NewMigration<'_>) -> String {
    Layout::ALL.iter().map(|layout| planned(*layout, new)).collect()
}

#[test]
fn every_layout_is_written() {
    let no_down = NewMigration { down: None, ..new() };
    insta::assert_snapshot!(in_every_layout(&new()), @r"
    == db/V20261120093000__add_index.sql
    create index i on agents (id);
    == db/V20261120093000__add_index.down.sql
    drop index i;
    == db/20261120093000_add_index.up.sql
    create index i on agents (id);
    == db/20261120093000_add_index.down.sql
    drop index i;
    == db/20261120093000_add_index.up.sql
    create index i on agents (id);
    == db/20261120093000_add_index.down.sql
    drop index i;
    the sqlx-simple layout can't hold this migration: it has no down scripts; leave the down script out
    == db/20261120093000_add_index.sql
    -- migrate:up
    create index i on agents (id);

    -- migrate:down
    drop index i;
    == db/20261120093000_add_index.sql
    -- +goose Up
    create index i on agents (id);

    -- +goose Down
    drop index i;
    == db/2026-11-20-093000_add_index/up.sql
    create index i on agents (id);
    == db/2026-11-20-093000_add_index/down.sql
    drop index i;
    == db/V20261120093000__add_index.sql
    create index i on agents (id);
    == db/U20261120093000__add_index.sql
    drop index i;
    ");
    assert!(planned(Layout::SqlxSimple, &no_down).starts_with("== db/20261120093000_add_index.sql\n"));
    assert!(planned(Layout::Dbmate, &no_down).ends_with("\n-- migrate:down\n"));
    assert!(!planned(Layout::Goose, &no_down).contains("Down"));
}

#[test]
fn outside_a_transaction() {
    let directives = Directives { no_transaction: true, ..Directives::default() };
    insta::assert_snapshot!(in_every_layout(&NewMigration { directives, down: None, ..new() }), @r"
    == db/V20261120093000__add_index.sql
    -- liftlock: no-transaction
    create index i on agents (id);
    the golang-migrate layout can't hold this migration: it can't say that a script runs outside a transaction; on PostgreSQL, a statement that can't run in one may stand alone in its script; write it so by hand
    == db/20261120093000_add_index.up.sql
    -- no-transaction
    create index i on agents (id);
    == db/20261120093000_add_index.sql
    -- no-transaction
    create index i on agents (id);
    == db/20261120093000_add_index.sql
    -- migrate:up transaction:false
    create index i on agents (id);

    -- migrate:down transaction:false
    == db/20261120093000_add_index.sql
    -- +goose NO TRANSACTION
    -- +goose Up
    create index i on agents (id);
    == db/2026-11-20-093000_add_index/up.sql
    create index i on agents (id);
    == db/2026-11-20-093000_add_index/metadata.toml
    run_in_transaction = false
    the flyway layout can't hold this migration: it can't say that a script runs outside a transaction; on PostgreSQL, a statement that can't run in one may stand alone in its script; write it so by hand
    ");
}

#[test]
fn our_own_directives() {
    let directives = Directives {
        no_transaction: true,
        foreign_keys_off: true,
        lock_timeout: Some(Duration::from_secs(90)),
        irreversible: None,
    };
    insta::assert_snapshot!(planned(Layout::Liftlock, &NewMigration { directives, ..new() }), @r"
    == db/V20261120093000__add_index.sql
    -- liftlock: no-transaction foreign-keys=off lock-timeout=90s
    create index i on agents (id);
    == db/V20261120093000__add_index.down.sql
    -- liftlock: no-transaction foreign-keys=off lock-timeout=90s
    drop index i;
    ");
    let why = || Directives { irreversible: Some("drops \"old\" rows".to_owned()), ..Directives::default() };
    let lost = NewMigration { directives: why(), down: None, ..new() };
    insta::assert_snapshot!(in_every_layout(&lost), @r#"
    == db/V20261120093000__add_index.sql
    -- liftlock: irreversible "drops \"old\" rows"
    create index i on agents (id);
    the golang-migrate layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the sqlx layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the sqlx-simple layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the dbmate layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the goose layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the diesel layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    the flyway layout can't hold this migration: it can't say that a migration is irreversible; leave the down script out, and say why in a comment
    "#);
    insta::assert_snapshot!(planned(Layout::Liftlock, &NewMigration { directives: why(), ..new() }), @"the liftlock layout can't hold this migration: an irreversible migration has no down script; leave one of them out");
    let timeout = Directives { lock_timeout: Some(Duration::from_secs(1)), ..Directives::default() };
    insta::assert_snapshot!(planned(Layout::Goose, &NewMigration { directives: timeout, ..new() }), @"the goose layout can't hold this migration: it can't say how long to wait for a lock; set the lock timeout for the run instead");
    let keys = || Directives { foreign_keys_off: true, ..Directives::default() };
    insta::assert_snapshot!(planned(Layout::Sqlx, &NewMigration { directives: keys(), ..new() }), @"the sqlx layout can't hold this migration: it can't say that foreign keys are off; begin the script with `PRAGMA foreign_keys = OFF`, which means the same");
    assert!(planned(Layout::Goose, &NewMigration { directives: keys(), ..new() }).starts_with("== "));
}

#[test]
fn names_versions_and_places() {
    let numbered = |layout, style| planned(layout, &NewMigration { version: 7, style, down: None, ..new() });
    let first_lines: Vec<String> = Layout::ALL
        .iter()
        .map(|layout| numbered(*layout, Style::default()).lines().next().unwrap().to_owned())
        .collect();
    insta::assert_snapshot!(first_lines.join("\n"), @r"
    == db/V7__add_index.sql
    == db/000007_add_index.up.sql
    == db/0007_add_index.up.sql
    == db/0007_add_index.sql
    == db/00000000000007_add_index.sql
    == db/00007_add_index.sql
    == db/0000-00-00-000007_add_index/up.sql
    == db/V7__add_index.sql
    ");
    let style = read_embedded(&[("0009_a.up.sql", ""), ("0010_b.up.sql", "")], Dialect::Sqlite, None).unwrap().style;
    assert!(numbered(Layout::GolangMigrate, style).starts_with("== db/0007_"));
    let style = read_embedded(&[("9_a.up.sql", ""), ("10_b.up.sql", "")], Dialect::Sqlite, None).unwrap().style;
    assert!(numbered(Layout::GolangMigrate, style).starts_with("== db/7_"));
    let style = read_embedded(&[("postgresql/V1__a.sql", "")], Dialect::Sqlite, None).unwrap().style;
    let postgres = NewMigration { dialect: Some(Dialect::Postgres), down: None, ..new() };
    assert!(planned(Layout::Liftlock, &postgres).starts_with("== db/postgres/V"));
    assert!(planned(Layout::Liftlock, &NewMigration { style, ..postgres }).starts_with("== db/postgresql/V"));
    let newer = NewMigration { version: 202_611_200_930_000_001, ..new() };
    assert!(planned(Layout::Diesel, &newer).starts_with("== db/2026-11-20-093000-0001_add_index/up.sql"));
    for name in ["", "a b", "a-b", &"a".repeat(256)] {
        let said = planned(Layout::Liftlock, &NewMigration { name, ..new() });
        assert!(said.contains("can't be a migration's name; a name is made of letters"), "{said}");
    }
}

#[test]
fn texts_that_would_be_read_as_something_else() {
    let up = "select 1;\n-- migrate:down\n";
    insta::assert_snapshot!(planned(Layout::Dbmate, &NewMigration { up, ..new() }), @"the dbmate layout can't hold this migration: 20261120093000_add_index.sql:5: `-- migrate:down` without a `-- migrate:up` before it; leave out the line that means something to that tool");
    let up = "-- no-transaction\nselect 1;\n";
    insta::assert_snapshot!(planned(Layout::Sqlx, &NewMigration { up, ..new() }), @"the sqlx layout can't hold this migration: its text would be read as something else; leave out the line that means something to that tool");
    let up = "create function f() returns int language sql as $$ select 1; $$;";
    insta::assert_snapshot!(planned(Layout::Goose, &NewMigration { up, down: None, ..new() }), @r"
    == db/20261120093000_add_index.sql
    -- +goose Up
    -- +goose StatementBegin
    create function f() returns int language sql as $$ select 1; $$;
    -- +goose StatementEnd
    ");
}

#[test]
fn what_is_written_is_found_again() {
    for layout in Layout::ALL {
        let dir = folder(&[]);
        let home = dir.path().join("db/migrations");
        let down = layout.has_downs().then_some("drop index i;\n");
        let files = plan_files(layout, &home, &NewMigration { down, ..new() }).unwrap();
        write_files(&files).unwrap();
        let read = read_folder(&home, Dialect::Sqlite, Some(layout)).unwrap();
        assert_eq!((read.migrations.len(), read.migrations[0].name.as_str()), (1, "add_index"), "{layout}");
        let again = write_files(&files).unwrap_err();
        assert!(matches!(again, LayoutError::Exists { .. }) && again.hint().is_some(), "{again}");
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let dir = folder(&[("V1__a.down.sql", "mine")]);
    let file = |name: &str| (dir.path().join(name), "new".to_owned());
    let error = write_files(&[file("V1__a.sql"), file("V1__a.down.sql")]).unwrap_err();
    assert_eq!(bare(&error.to_string(), &dir), "`V1__a.down.sql` exists already");
    assert!(!dir.path().join("V1__a.sql").exists());
    assert_eq!(fs::read_to_string(dir.path().join("V1__a.down.sql")).unwrap(), "mine");
    let error = write_files(&[file("new/er/up.sql"), file("new/er/down.sql"), file("V1__a.down.sql")]).unwrap_err();
    assert!(matches!(error, LayoutError::Exists { .. }) && !dir.path().join("new").exists(), "{error}");
    let error = write_files(&[file("V1__a.down.sql/x/V2__b.sql")]).unwrap_err();
    assert!(matches!(error, LayoutError::Write { .. }), "{error}");
}

#[test]
fn versions_are_given_out() {
    let now: DateTime = date(2026, 11, 20).at(9, 30, 5, 0);
    let given = |numbering, existing: &[i64]| next_version(numbering, existing.iter().copied(), now);
    let next = |numbering, existing: &[i64]| given(numbering, existing).unwrap();
    assert_eq!(next(Numbering::Sequence, &[]), 1);
    assert_eq!(next(Numbering::Sequence, &[3, 9, 2]), 10);
    assert_eq!(next(Numbering::Sequence, &[i64::MAX - 1]), i64::MAX);
    for numbering in [Numbering::Sequence, Numbering::Timestamp] {
        let error = given(numbering, &[7, i64::MAX]).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{error}; {}", error.hint().unwrap()), @"there is no version above 9223372036854775807, which the folder has; give the migration that has it a lower one, if it is nowhere applied");
        }
    }
    assert_eq!(next(Numbering::Timestamp, &[]), 20_261_120_093_005);
    assert_eq!(next(Numbering::Timestamp, &[0, 7]), 20_261_120_093_005);
    assert_eq!(next(Numbering::Timestamp, &[20_261_120_093_005]), 20_261_120_093_006);
    assert_eq!(next(Numbering::Timestamp, &[20_271_120_093_005]), 20_271_120_093_006);
    assert_eq!(next(Numbering::Timestamp, &[202_411_200_930_050_000]), 202_611_200_930_050_000);
}
