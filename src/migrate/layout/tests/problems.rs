//! Everything that can be wrong with a folder, and what is said of it.

use super::*;

#[test]
fn a_folder_that_is_not_there() {
    let dir = folder(&[("file", "")]);
    let said = |path: &str| {
        let error = read_folder(&dir.path().join(path), Dialect::Sqlite, None).unwrap_err();
        bare(&format!("{error}; {}", error.hint().unwrap()), &dir)
    };
    insta::assert_snapshot!(said("nowhere"), @"no migrations folder `nowhere`; `liftlock init` creates the folder, `--dir` names another one");
    insta::assert_snapshot!(said("file"), @"`file` is not a folder; `--dir` takes the folder that holds the migrations");
}

#[test]
fn names_that_fit_none() {
    insta::assert_snapshot!(read_as_found(&[("V1__a.sql", ""), ("seed.sql", ""), ("V2_b.sql", ""), ("V3__c.SQL", "")]), @r"
    3 problems in the migrations:
      `V2_b.sql` is not named like a migration
      `V3__c.SQL` is not named like a migration
      `seed.sql` is not named like a migration
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.up.sql", ""), ("1_.down.sql", "")]), @r"
    `1_.down.sql` is not named like a migration
    hint: the golang-migrate layout has `<version>_<name>.up.sql` and `<version>_<name>.down.sql`; move other files out of the folder
    ");
    insta::assert_snapshot!(read_as_found(&[("seed.sql", "")]), @r"
    `seed.sql` is not named like a migration
    hint: the default layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
}

#[test]
fn two_layouts_in_one_folder() {
    insta::assert_snapshot!(read_as_found(&[("V1__a.sql", ""), ("2_b.up.sql", "")]), @r"
    the folder fits two layouts: `2_b.up.sql` is golang-migrate's, `V1__a.sql` is liftlock's
    hint: keep one layout a folder; `--layout` chooses where the names alone don't tell
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.sql", "-- +goose Up\n"), ("2_b.sql", "-- migrate:up\n"), ("3_c.sql", "")]), @r"
    the folder fits two layouts: `1_a.sql` is goose's, `2_b.sql` is dbmate's
    hint: keep one layout a folder; `--layout` chooses where the names alone don't tell
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.sql", "-- migrate:up\n"), ("2_b.sql", "select 1;")]), @r"
    the folder fits two layouts: `1_a.sql` is dbmate's, `2_b.sql` is sqlx-simple's
    hint: keep one layout a folder; `--layout` chooses where the names alone don't tell
    ");
    insta::assert_snapshot!(read_as_found(&[("V1__a.sql", ""), ("V1__a.down.sql", ""), ("U1__a.sql", "")]), @r"
    the folder fits two layouts: `U1__a.sql` is flyway's, `V1__a.down.sql` is liftlock's
    hint: keep one layout a folder; `--layout` chooses where the names alone don't tell
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.sql", ""), ("2024-01-01-000000_b/up.sql", "")]), @r"
    the folder fits two layouts: `1_a.sql` is sqlx-simple's, `2024-01-01-000000_b/up.sql` is diesel's
    hint: keep one layout a folder; `--layout` chooses where the names alone don't tell
    ");
    let dir = folder(&[("1_a.sql", ""), ("V2__b.sql", "")]);
    assert!(detect(dir.path()).is_err());
}

#[test]
fn a_name_that_only_flyway_takes_among_our_files() {
    let ours = [("V1__a.sql", ""), ("V1__a.down.sql", "")];
    let among = |files: &[(&'static str, &'static str)]| read_as_found(&[&ours, files].concat());
    insta::assert_snapshot!(among(&[("V3__has space.sql", "")]), @r"
    `V3__has space.sql` is not a file of the liftlock layout
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    insta::assert_snapshot!(among(&[("V3__has space.sql", ""), ("V3__has_space.down.sql", "")]), @r"
    `V3__has space.sql` is not a file of the liftlock layout
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    insta::assert_snapshot!(among(&[("V3__has-dash.sql", ""), ("V3__has-dash.down.sql", "")]), @r"
    2 problems in the migrations:
      `V3__has-dash.down.sql` is not named like a migration
      `V3__has-dash.sql` is not a file of the liftlock layout
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    insta::assert_snapshot!(read_as_found(&[("V3__has-dash.sql", ""), ("V3__has-dash.down.sql", "")]), @r"
    2 problems in the migrations:
      `V3__has-dash.down.sql` is not named like a migration
      `V3__has-dash.sql` is not a file of the liftlock layout
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    let dir = folder(&[("V1__a.sql", ""), ("V1__a.down.sql", ""), ("V3__b c.sql", "")]);
    assert!(detect(dir.path()).unwrap_err().to_string().contains("V3__b c.sql` is not a file of the liftlock layout"));
    // without a down script of ours it is Flyway's folder
    assert!(read_as_found(&[("V1__a.sql", ""), ("V3__has space.sql", "")]).starts_with("flyway\n"));
}

#[test]
fn files_that_do_not_fit_the_layout_given() {
    let given = |files: &[(&str, &str)], layout| shown(files, Dialect::Sqlite, Some(layout));
    insta::assert_snapshot!(given(&[("V1__a.sql", ""), ("U1__a.sql", "")], Layout::Liftlock), @r"
    `U1__a.sql` is not a file of the liftlock layout
    hint: the liftlock layout has `V<version>__<name>.sql` and `V<version>__<name>.down.sql`, the name of letters, digits and `_`; move other files out of the folder
    ");
    insta::assert_snapshot!(given(&[("V1__a.down.sql", "")], Layout::Flyway), @r"
    `V1__a.down.sql` is not a file of the flyway layout
    hint: the flyway layout has `V<version>__<name>.sql` and `U<version>__<name>.sql`; move other files out of the folder
    ");
    insta::assert_snapshot!(given(&[("1_a.up.sql", "")], Layout::SqlxSimple), @r"
    `1_a.up.sql` is not a file of the sqlx-simple layout
    hint: the sqlx-simple layout has `<version>_<name>.sql`; move other files out of the folder
    ");
    insta::assert_snapshot!(given(&[("1_a.sql", "select 1;\n")], Layout::Goose), @r"
    1_a.sql:1: a statement before `-- +goose Up`
    hint:
    ");
    insta::assert_snapshot!(given(&[("1_a.sql", "-- only a comment\n")], Layout::Dbmate), @r"
    1_a.sql:1: no `-- migrate:up` section
    hint:
    ");
    insta::assert_snapshot!(given(&[("1_a.sql", "-- +goose Up\n")], Layout::Sqlx), @r"
    1_a.sql:1: sections of goose's, which sqlx would run one after the other
    hint:
    ");
}

#[test]
fn versions_and_names() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.sql", ""),
        ("V01__b.sql", ""),
        ("V2__a.down.sql", ""),
        ("V3__a.sql", ""),
        ("V3__b.down.sql", ""),
        ("V9223372036854775807__largest.sql", ""),
        ("V9223372036854775808__larger.sql", ""),
    ]), @r"
    4 problems in the migrations:
      `V9223372036854775808__larger.sql`: version 9223372036854775808 is beyond 64 bits
      version 1 stands more than once: `V01__b.sql`, `V1__a.sql`
      `V2__a.down.sql` takes back a migration that isn't there
      `V3__b.down.sql` has another name than the migration that it takes back, `V3__a.sql`
    hint: versions go up to 9223372036854775807
    give each migration a version of its own
    add the up script beside it (same folder, same version), or remove this file
    give both files the same version and name
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.up.sql", ""), ("001_a.up.sql", ""), ("2_a.down.sql", "")]), @r"
    2 problems in the migrations:
      version 1 stands more than once: `001_a.up.sql`, `1_a.up.sql`
      `2_a.down.sql` takes back a migration that isn't there
    hint: give each migration a version of its own
    add the up script beside it (same folder, same version), or remove this file
    ");
    insta::assert_snapshot!(read_as_found(&[("1_a.sql", "-- migrate:up\n-- migrate:down\n"), ("001_a.sql", "-- migrate:up\n-- migrate:down\n")]), @r"
    version 1 stands more than once: `001_a.sql`, `1_a.sql`
    hint: give each migration a version of its own
    ");
    insta::assert_snapshot!(read_as_found(&[("2024-01-01-000000-00ff_a/up.sql", ""), ("1_b/down.sql", "")]), @r"
    2 problems in the migrations:
      `2024-01-01-000000-00ff_a/up.sql`: version `2024010100000000ff` is not a whole number
      `1_b/down.sql` takes back a migration that isn't there
    hint: rename the folder to `<digits>_<name>` (dashes between the digits are allowed)
    add the up script beside it (same folder, same version), or remove this file
    ");
    // file names end at 255 bytes, so only an embedded one can be longer
    let long = format!("V1__{}.sql", "a".repeat(256));
    let error = read_embedded(&[(&long, "")], Dialect::Sqlite, None).unwrap_err().to_string();
    assert!(error.ends_with("the name has 256 characters, the history table holds 255"), "{error}");
}

#[test]
fn tools_that_order_by_text() {
    insta::assert_snapshot!(read_as_found(&[("9_a/up.sql", ""), ("10_b/up.sql", "")]), @r"
    diesel orders by text and runs `10_b/up.sql` before `9_a/up.sql`; by number it is the other way round
    hint: pad the versions with zeros to one width
    ");
    insta::assert_snapshot!(read_as_found(&[("9_a.sql", "-- migrate:up\n"), ("10_b.sql", "-- migrate:up\n")]), @r"
    dbmate orders by text and runs `10_b.sql` before `9_a.sql`; by number it is the other way round
    hint: pad the versions with zeros to one width
    ");
}

#[test]
fn what_needs_another_program() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.rs", ""),
        ("00002_b.go", ""),
        ("00003_c.sql.tmpl", ""),
        ("V2__d.java", ""),
        ("4_e.py", ""),
        ("mod.rs", ""),
        ("embed.go", ""),
        ("run.sh", ""),
    ]), @r"
    5 problems in the migrations:
      `00002_b.go` needs Go (a migration of goose's) to run it
      `00003_c.sql.tmpl` needs Go's templates to run it
      `4_e.py` needs Python to run it
      `V1__a.rs` needs Rust (a migration of refinery's) to run it
      `V2__d.java` needs Java (a migration of Flyway's) to run it
    hint: write the step in SQL, or leave this folder to the tool that it was written for
    ");
}

#[test]
fn flyways_other_features() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1.1__a.sql", ""),
        ("V1_2__a.sql", ""),
        ("R__views.sql", ""),
        ("B5__base.sql", ""),
        ("afterMigrate.sql", ""),
        ("V6__a.sql.conf", ""),
    ]), @r"
    6 problems in the migrations:
      `B5__base.sql`: baseline migrations of Flyway are not supported yet
      `R__views.sql`: repeatable migrations of Flyway are not supported yet
      `V1.1__a.sql`: dotted versions of Flyway are not supported yet
      `V1_2__a.sql`: dotted versions of Flyway are not supported yet
      `V6__a.sql.conf`: script configuration files of Flyway are not supported yet
      `afterMigrate.sql`: callbacks of Flyway are not supported yet
    hint: whole-number versions (`V1__name.sql`, `U1__name.sql`) are; leave the rest to Flyway
    ");
    insta::assert_snapshot!(read_as_found(&[("V1__a b.sql", "select 1;\nselect '${who}';\n"), ("V1__c.sql", "")]), @r"
    2 problems in the migrations:
      V1__a b.sql:2: placeholder `${who}` needs Flyway to fill it in
      version 1 stands more than once: `V1__a b.sql`, `V1__c.sql`
    hint: give each migration a version of its own
    ");
}

#[test]
fn migrations_in_other_folders() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.sql", ""),
        ("mysql/V2__b.sql", ""),
        ("mysql/V3__b.sql", ""),
        ("deep/er/1_x.up.sql", ""),
        ("old/up.sql", ""),
        ("postgres/more/V4__c.rs", ""),
        ("seeds/data.sql", ""),
        ("scripts/run.sh", ""),
    ]), @r"
    4 problems in the migrations:
      sub-folder `deep/er` holds migrations (`deep/er/1_x.up.sql`)
      sub-folder `mysql` holds migrations (`mysql/V2__b.sql`)
      sub-folder `old` holds migrations (`old/up.sql`)
      sub-folder `postgres/more` holds migrations (`postgres/more/V4__c.rs`)
    hint: only `sqlite/` and `postgres/` (or `postgresql/`) are read; move the files or name the folder with `--dir`
    ");
}

#[test]
fn texts_that_are_none() {
    let dir = folder(&[("V2__b.sql", "select\n  \0;"), ("V1__a.down.sql", "")]);
    fs::write(dir.path().join("V1__a.sql"), b"select '\xe9';").unwrap();
    let error = read_folder(dir.path(), Dialect::Sqlite, None).unwrap_err();
    insta::assert_snapshot!(bare(&format!("{error}\n{}", error.hint().unwrap()), &dir), @r"
    2 problems in the migrations:
      `V1__a.sql` is not UTF-8: byte 8 begins no character
      V2__b.sql:2:3: a NUL character
    save the file as UTF-8
    save the file as UTF-8 without NUL characters (UTF-16 has them)
    ");
}

#[test]
fn directives_that_are_none() {
    insta::assert_snapshot!(read_as_found(&[
        ("V1__a.sql", "-- a comment\n-- liftlock: no-transaction no-transactoin\n"),
        ("V2__b.sql", "select 1;\n-- liftlock: no-transaction\n"),
        ("V3__c.sql", "/* liftlock: no-transaction */\n"),
        ("V4__d.sql", "-- liftlock no-transaction\n-- liftlock is a tool\n"),
        ("V5__e.sql", "-- liftlock:\n"),
        ("V6__f.sql", "select '\n-- liftlock: nonsense\n' as x, $$\n-- liftlock: nonsense\n$$;\n"),
        ("V7__g.sql", "-- liftlock: irreversible \"\"\n"),
        ("V8__h.sql", "-- liftlock: irreversible \"why\"\n"),
        ("V8__h.down.sql", "select 1;\n"),
        ("V9__i.sql", "-- liftlock: lock-timeout=2s\n-- liftlock: lock-timeout=3s\n"),
    ]), @r#"
    8 problems in the migrations:
      V1__a.sql:2:29: unknown directive `no-transactoin`
      V2__b.sql:2:1: a directive after the first statement is not read
      V3__c.sql:1:1: a directive in a block comment is not read
      V4__d.sql:1:1: a directive needs a colon after `liftlock`
      V5__e.sql:1:1: `liftlock:` without a directive
      V7__g.sql:1:1: directive `irreversible` needs a reason between its quotes
      V9__i.sql:2:14: directive `lock-timeout` stands twice
      `V8__h.down.sql` takes back a migration that says it is irreversible (`V8__h.sql`)
    hint: did you mean `no-transaction`? the directives are `no-transaction`, `foreign-keys=off`, `lock-timeout=2s`, `irreversible "why"`
    directives are `-- liftlock: …` lines in the comments before the first statement
    the directives are `no-transaction`, `foreign-keys=off`, `lock-timeout=2s`, `irreversible "why"`
    remove the directive, or empty the down script
    "#);
}

#[test]
fn sections_of_dbmates() {
    let of = |text: &str| shown(&[("1_a.sql", text)], Dialect::Sqlite, Some(Layout::Dbmate));
    let texts = [
        "select 1;\n-- migrate:up\n",
        "-- migrate:down\n-- migrate:up\n",
        "-- migrate:up\n-- migrate:down\n-- migrate:down\n",
        "-- migrate:up transaction:no\n",
        "-- migrate:up\n-- migrate:dwon\n",
        "-- migrate:up\n-- migrate:down\n-- migrate:up transaction:false\n-- migrate:down\n",
    ];
    let said: Vec<String> = texts.iter().map(|text| of(text)).collect();
    insta::assert_snapshot!(said.concat(), @r"
    1_a.sql:1: a statement before the first `-- migrate:up`
    hint: 1_a.sql:1: `-- migrate:down` without a `-- migrate:up` before it
    hint: 1_a.sql:3: `-- migrate:down` without a `-- migrate:up` before it
    hint: 1_a.sql:1: unknown option `transaction:no`: dbmate has `transaction:false` and `transaction:true`
    hint: 1_a.sql:2: unknown section `migrate:dwon`: dbmate has `up` and `down`
    hint: 1_a.sql:3: this section and an earlier one disagree on `transaction`: put them into two files
    hint:
    ");
}

#[test]
fn annotations_of_gooses() {
    let of = |text: &str| shown(&[("1_a.sql", text)], Dialect::Sqlite, Some(Layout::Goose));
    let texts = [
        "select 1;\n-- +goose Up\n",
        "-- +goose Up\n-- +goose Up\n",
        "-- +goose Down\n-- +goose Up\n",
        "-- +goose Up\n-- +goose Down\n-- +goose Down\n",
        "-- +goose Up\n\n-- +goose StatementBegin\nselect 1;\n",
        "-- +goose Up\n-- +goose StatementBegin\n-- +goose Down\n",
        "-- +goose Up\n-- +goose StatementEnd\n",
        "-- +goose StatementBegin\n",
        "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\n",
        "-- +goose Up\n-- +goose ENVSUB ON\n",
        "-- +goose Up\n  -- +goose Down\n",
        "-- +goose Upp\n",
    ];
    let said: Vec<String> = texts.iter().map(|text| of(text)).collect();
    insta::assert_snapshot!(said.concat(), @r"
    1_a.sql:1: a statement before `-- +goose Up`
    hint: 1_a.sql:2: a second `-- +goose Up`
    hint: 1_a.sql:1: `-- +goose Down` before `-- +goose Up`
    hint: 1_a.sql:3: a second `-- +goose Down`
    hint: 1_a.sql:3: `-- +goose StatementBegin` without a `-- +goose StatementEnd`
    hint: 1_a.sql:3: a section begins before `-- +goose StatementEnd`
    hint: 1_a.sql:2: `-- +goose StatementEnd` without a `-- +goose StatementBegin`
    hint: 1_a.sql:1: `-- +goose StatementBegin` before `-- +goose Up`
    hint: 1_a.sql:3: `-- +goose StatementBegin` within another one
    hint: 1_a.sql:2: `-- +goose ENVSUB ON` needs goose to put environment variables in
    hint: 1_a.sql:2: an annotation of goose's must begin its line
    hint: 1_a.sql:1: goose has no annotation `upp`
    hint:
    ");
}

#[test]
fn metadata_of_diesels() {
    insta::assert_snapshot!(read_as_found(&[
        ("1_a/up.sql", ""),
        ("1_a/metadata.toml", "other = 1"),
        ("2_b/up.sql", ""),
        ("2_b/metadata.toml", "run_in_transaction = \"no\""),
        ("3_c/up.sql", ""),
        ("3_c/metadata.toml", "run_in_transaction = "),
    ]), @r"
    3 problems in the migrations:
      `1_a/metadata.toml`: no `run_in_transaction`: Diesel would run this outside a transaction; say which
      `2_b/metadata.toml`: `run_in_transaction` is neither `true` nor `false`
      `3_c/metadata.toml`: string values must be quoted, expected literal string
    hint:
    ");
}
