//! Dialect sub-folders: what takes whose place.

use super::*;

#[test]
fn a_dialects_file_takes_the_shared_ones_place() {
    let files = [
        ("V1__a.sql", "shared 1"),
        ("V1__a.down.sql", "shared 1 down"),
        ("V2__b.sql", "shared 2"),
        ("V2__b.down.sql", "shared 2 down"),
        ("V3__c.sql", "shared 3"),
        ("V3__c.down.sql", "shared 3 down"),
        ("postgres/V2__b.sql", "postgres 2"),
        ("postgres/V2__b.down.sql", "postgres 2 down"),
        ("postgresql/V3__c.down.sql", "postgres 3 down"),
        ("postgresql/V4__concurrently.sql", "postgres 4"),
        ("sqlite/V5__strict.sql", "sqlite 5"),
    ];
    insta::assert_snapshot!(shown(&files, Dialect::Postgres, None), @r#"
    liftlock
    V1__a
      up V1__a.sql:1 "shared 1" []
      down V1__a.down.sql:1 "shared 1 down" []
    V2__b (postgres)
      up postgres/V2__b.sql:1 "postgres 2" []
      down postgres/V2__b.down.sql:1 "postgres 2 down" []
    V3__c
      up V3__c.sql:1 "shared 3" []
      down postgresql/V3__c.down.sql:1 "postgres 3 down" []
    V4__concurrently (postgres)
      up postgresql/V4__concurrently.sql:1 "postgres 4" []
    only sqlite: 5 strict
    "#);
    insta::assert_snapshot!(shown(&files, Dialect::Sqlite, None), @r#"
    liftlock
    V1__a
      up V1__a.sql:1 "shared 1" []
      down V1__a.down.sql:1 "shared 1 down" []
    V2__b
      up V2__b.sql:1 "shared 2" []
      down V2__b.down.sql:1 "shared 2 down" []
    V3__c
      up V3__c.sql:1 "shared 3" []
      down V3__c.down.sql:1 "shared 3 down" []
    V5__strict (sqlite)
      up sqlite/V5__strict.sql:1 "sqlite 5" []
    only postgres: 4 concurrently
    "#);
}

#[test]
fn a_folder_of_one_dialect_is_a_plain_folder() {
    let dir = folder(&[("postgres/V1__a.sql", "x"), ("sqlite/V1__a.sql", "y")]);
    let read = read_folder(&dir.path().join("postgres"), Dialect::Postgres, None).unwrap();
    assert_eq!((read.migrations.len(), read.migrations[0].dialect), (1, None));
}

#[test]
fn other_layouts_have_dialects_too() {
    let goose = [
        ("00001_a.sql", "-- +goose Up\nshared\n-- +goose Down\nshared down\n"),
        ("postgres/00001_a.sql", "-- +goose Up\npostgres\n"),
    ];
    insta::assert_snapshot!(shown(&goose, Dialect::Postgres, None), @r#"
    goose
    V1__a (postgres)
      up postgres/00001_a.sql:1 "-- +goose Up\npostgres\n" []
    "#);
    let diesel = [
        ("2024-01-01-000000_a/up.sql", "shared"),
        ("sqlite/2024-01-01-000000_a/up.sql", "sqlite"),
        ("sqlite/2024-01-01-000000_a/metadata.toml", "run_in_transaction = false"),
    ];
    insta::assert_snapshot!(shown(&diesel, Dialect::Sqlite, None), @r#"
    diesel
    V20240101000000__a (sqlite)
      up sqlite/2024-01-01-000000_a/up.sql:1 "sqlite" [no-transaction foreign-keys=off]
    "#);
    insta::assert_snapshot!(shown(&diesel, Dialect::Postgres, None), @r#"
    diesel
    V20240101000000__a
      up 2024-01-01-000000_a/up.sql:1 "shared" []
    "#);
}

#[test]
fn a_shared_down_is_never_paired_with_another_up() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.sql", ""),
        ("V1__a.down.sql", ""),
        ("postgres/V1__a.sql", ""),
    ]), @r"
    `postgres/V1__a.sql` replaces the shared up script, but only the shared `V1__a.down.sql` would take it back
    hint: put a down script beside the up script: the shared one was written for another
    ");
    // it says itself that nothing takes it back
    assert!(
        shown(
            &[
                ("V1__a.sql", ""),
                ("V1__a.down.sql", "select 1;"),
                ("postgres/V1__a.sql", "-- liftlock: irreversible \"why\"\n"),
            ],
            Dialect::Postgres,
            None
        )
        .starts_with("liftlock\nV1__a (postgres)\n  up postgres/V1__a.sql")
    );
    insta::assert_snapshot!(read_as_found(&[("V1__a.down.sql", ""), ("postgres/V1__a.sql", "")]), @r"
    `V1__a.down.sql` takes back a migration that isn't there
    hint: add the up script beside it (same folder, same version), or remove this file
    ");
}

#[test]
fn contradictions_between_dialects() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.sql", ""),
        ("postgres/V1__b.sql", ""),
        ("V2__a.sql", ""),
        ("postgres/V2__a.sql", ""),
        ("postgresql/V2__a.sql", ""),
        ("V3__a.sql", "-- liftlock: irreversible \"why\"\n"),
        ("sqlite/V3__a.down.sql", "select 1;"),
    ]), @r"
    3 problems in the migrations:
      `postgres/V1__b.sql` has another name than the migration that it replaces, `V1__a.sql`
      version 2 stands more than once: `postgres/V2__a.sql`, `postgresql/V2__a.sql`
      `sqlite/V3__a.down.sql` takes back a migration that says it is irreversible (`V3__a.sql`)
    hint: give both the same name, or one of them another version
    give each migration a version of its own
    remove the directive, or empty the down script
    ");
}
