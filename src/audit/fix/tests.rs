//! The fix over schemas built by hand: which indexes, and in which words.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::Dialect;
use crate::audit::schema::{Column, ForeignKeyColumn, Index, IndexState, Key, Keyed, Version};
use crate::config::Numbering;
use crate::migrate::Migrator;
use crate::migrate::layout::Layout;
use crate::migrate::script::{Mode, prepare};

fn table(name: &str, foreign_keys: &[&[&str]]) -> Table {
    let foreign_keys = foreign_keys.iter().map(|columns| ForeignKey {
        columns: columns
            .iter()
            .map(|column| ForeignKeyColumn { column: (*column).to_owned(), ..ForeignKeyColumn::default() })
            .collect(),
        parent_schema: "public".to_owned(),
        parent: "p".to_owned(),
        ..ForeignKey::default()
    });
    Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns: vec![Column { name: "a".to_owned(), ..Column::default() }],
        foreign_keys: foreign_keys.collect(),
        ..Table::default()
    }
}

fn partition(name: &str, of: &str) -> Table {
    Table { partition_of: Some(("public".to_owned(), of.to_owned())), ..table(name, &[]) }
}

fn partitioned(mut table: Table) -> Table {
    table.partitioned = true;
    table
}

fn index(name: &str, on: &str, attached_to: Option<&str>) -> Index {
    Index {
        name: name.to_owned(),
        keys: vec![Key { what: Keyed::Column("a".to_owned()), ..Key::default() }],
        definition: format!("CREATE INDEX {name} ON public.{on} USING btree (a)"),
        partition_of: attached_to.map(|above| ("public".to_owned(), above.to_owned())),
        ..Index::default()
    }
}

fn schema(dialect: Dialect, tables: Vec<Table>) -> Schema {
    Schema { dialect, version: Version::default(), tables, families: BTreeMap::new(), taken: BTreeMap::new() }
}

/// Every foreign key of the schema, as if none were served.
fn all(schema: &Schema) -> Vec<PlannedIndex> {
    let of = |table: &Table, foreign_key: &ForeignKey| SuggestedIndex {
        schema: table.schema.clone(),
        table: table.name.clone(),
        keys: SuggestedIndex::keys_for(table, foreign_key),
    };
    let suggested: Vec<SuggestedIndex> = schema
        .tables
        .iter()
        .flat_map(|table| table.foreign_keys.iter().map(move |foreign_key| of(table, foreign_key)))
        .collect();
    plan(schema, &suggested)
}

fn sql(schema: &Schema, concurrently: bool) -> String {
    let scripts = all(schema).into_iter().map(|planned| {
        let Script { comments, up, down_comments, down } = script(schema.dialect, &planned, concurrently);
        let down: Vec<String> = down_comments.into_iter().chain(down).collect();
        format!("{}\n{}\n<-\n{}", comments.join("\n"), up.join("\n"), down.join("\n"))
    });
    scripts.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn foreign_keys_over_the_same_columns_share_an_index() {
    let schema = schema(Dialect::Postgres, vec![table("c", &[&["a"], &["a", "b"], &["x"]]), table("User", &[&["b"]])]);
    insta::assert_snapshot!(sql(&schema, true), @r#"
    for public.c (a) references public.p
    for public.c (a, b) references public.p
    CREATE INDEX CONCURRENTLY idx_c_a_b ON public.c (a, b)
    <-
    DROP INDEX CONCURRENTLY public.idx_c_a_b

    for public.c (x) references public.p
    CREATE INDEX CONCURRENTLY idx_c_x ON public.c (x)
    <-
    DROP INDEX CONCURRENTLY public.idx_c_x

    for public."User" (b) references public.p
    CREATE INDEX CONCURRENTLY "idx_User_b" ON public."User" (b)
    <-
    DROP INDEX CONCURRENTLY public."idx_User_b"
    "#);
    insta::assert_snapshot!(sql(&schema, false), @r#"
    for public.c (a) references public.p
    for public.c (a, b) references public.p
    CREATE INDEX idx_c_a_b ON public.c (a, b)
    <-
    DROP INDEX public.idx_c_a_b

    for public.c (x) references public.p
    CREATE INDEX idx_c_x ON public.c (x)
    <-
    DROP INDEX public.idx_c_x

    for public."User" (b) references public.p
    CREATE INDEX "idx_User_b" ON public."User" (b)
    <-
    DROP INDEX public."idx_User_b"
    "#);
}

#[test]
fn sqlite_has_its_own_words() {
    let mut child = table("Child", &[&["a"], &["order", "b c"]]);
    child.foreign_keys[0].columns[0].search.collation = Some("NOCASE".to_owned());
    insta::assert_snapshot!(sql(&schema(Dialect::Sqlite, vec![child]), true), @r#"
    for Child (a) references p
    CREATE INDEX idx_Child_a ON Child (a COLLATE NOCASE)
    <-
    DROP INDEX idx_Child_a

    for Child ("order", "b c") references p
    CREATE INDEX "idx_Child_order_b c" ON Child ("order", "b c")
    <-
    DROP INDEX "idx_Child_order_b c"
    "#);
}

#[test]
fn a_partitioned_tables_index_is_made_of_its_partitions() {
    let tables = vec![
        partitioned(table("c", &[&["a"]])),
        partitioned(partition("c1", "c")),
        partition("c11", "c1"),
        partitioned(partition("c12", "c1")),
        partition("c2", "c"),
    ];
    insta::assert_snapshot!(sql(&schema(Dialect::Postgres, tables.clone()), true), @r"
    for public.c (a) references public.p
    CREATE INDEX idx_c_a ON ONLY public.c (a)
    CREATE INDEX idx_c1_a ON ONLY public.c1 (a)
    CREATE INDEX CONCURRENTLY idx_c11_a ON public.c11 (a)
    CREATE INDEX idx_c12_a ON ONLY public.c12 (a)
    CREATE INDEX CONCURRENTLY idx_c2_a ON public.c2 (a)
    ALTER INDEX public.idx_c1_a ATTACH PARTITION public.idx_c11_a
    ALTER INDEX public.idx_c1_a ATTACH PARTITION public.idx_c12_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c1_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c2_a
    <-
    DROP INDEX public.idx_c_a
    ");
    insta::assert_snapshot!(sql(&schema(Dialect::Postgres, tables), false), @r"
    for public.c (a) references public.p
    CREATE INDEX idx_c_a ON ONLY public.c (a)
    CREATE INDEX idx_c1_a ON ONLY public.c1 (a)
    CREATE INDEX idx_c11_a ON public.c11 (a)
    CREATE INDEX idx_c12_a ON ONLY public.c12 (a)
    CREATE INDEX idx_c2_a ON public.c2 (a)
    ALTER INDEX public.idx_c1_a ATTACH PARTITION public.idx_c11_a
    ALTER INDEX public.idx_c1_a ATTACH PARTITION public.idx_c12_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c1_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c2_a
    <-
    DROP INDEX public.idx_c_a
    ");
}

#[test]
fn an_index_that_a_partition_has_is_attached_and_comes_back() {
    let mut leaf = partition("c2", "c");
    leaf.indexes = vec![
        Index { unique: true, ..index("unique", "c2", None) },
        Index { state: IndexState::Invalid, ..index("invalid", "c2", None) },
        Index {
            definition: "CREATE INDEX pattern ON public.c2 USING btree (a text_pattern_ops)".to_owned(),
            ..index("pattern", "c2", None)
        },
        Index { included: vec!["b".to_owned()], ..index("including", "c2", None) },
        index("elsewhere", "c2", Some("other")),
        Index {
            definition: "CREATE INDEX mine ON public.c2 USING btree (a) WITH (fillfactor='70')".to_owned(),
            ..index("mine", "c2", None)
        },
    ];
    let tables = vec![partitioned(table("c", &[&["a"]])), partition("c1", "c"), leaf];
    insta::assert_snapshot!(sql(&schema(Dialect::Postgres, tables), true), @r"
    for public.c (a) references public.p
    CREATE INDEX idx_c_a ON ONLY public.c (a)
    CREATE INDEX CONCURRENTLY idx_c1_a ON public.c1 (a)
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c1_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.mine
    <-
    dropping public.idx_c_a drops all that is attached to it: what was there before
    is built again first, in the usual tablespace and without what COMMENT said of it
    CREATE INDEX CONCURRENTLY idx_c2_a ON public.c2 USING btree (a) WITH (fillfactor='70')
    BEGIN
    DROP INDEX public.idx_c_a
    ALTER INDEX public.idx_c2_a RENAME TO mine
    COMMIT
    ");
}

#[test]
fn a_partitioned_index_that_was_left_unfinished_is_finished() {
    let mut tables = vec![
        partitioned(table("c", &[&["a"]])),
        partitioned(partition("c1", "c")),
        partition("c11", "c1"),
        partition("c2", "c"),
        partition("c3", "c"),
    ];
    tables[0].indexes = vec![Index { state: IndexState::Invalid, ..index("i", "c", None) }];
    tables[1].indexes = vec![index("i1", "c1", Some("i"))];
    tables[2].indexes = vec![index("i11", "c11", Some("i1"))];
    tables[3].indexes = vec![index("i2", "c2", Some("i"))];
    insta::assert_snapshot!(sql(&schema(Dialect::Postgres, tables.clone()), true), @r"
    for public.c (a) references public.p
    CREATE INDEX CONCURRENTLY idx_c3_a ON public.c3 (a)
    ALTER INDEX public.i ATTACH PARTITION public.idx_c3_a
    <-
    dropping public.i drops all that is attached to it: what was there before
    is built again first, in the usual tablespace and without what COMMENT said of it
    CREATE INDEX idx_c_a ON ONLY public.c USING btree (a)
    CREATE INDEX idx_c1_a ON ONLY public.c1 USING btree (a)
    CREATE INDEX CONCURRENTLY idx_c11_a ON public.c11 USING btree (a)
    CREATE INDEX CONCURRENTLY idx_c2_a ON public.c2 USING btree (a)
    ALTER INDEX public.idx_c1_a ATTACH PARTITION public.idx_c11_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c1_a
    ALTER INDEX public.idx_c_a ATTACH PARTITION public.idx_c2_a
    BEGIN
    DROP INDEX public.i
    ALTER INDEX public.idx_c_a RENAME TO i
    ALTER INDEX public.idx_c1_a RENAME TO i1
    ALTER INDEX public.idx_c11_a RENAME TO i11
    ALTER INDEX public.idx_c2_a RENAME TO i2
    COMMIT
    ");
    // one that is attached and can't be used keeps the whole from ever being usable
    tables[3].indexes[0].state = IndexState::Invalid;
    let planned = all(&schema(Dialect::Postgres, tables.clone()));
    assert!(!planned[0].on.reuses(), "{planned:?}");
    // and what is there and whole is not made again
    tables.truncate(3);
    tables[0].indexes[0].state = IndexState::Usable;
    assert_eq!(all(&schema(Dialect::Postgres, tables)), []);
}

#[test]
fn a_partition_needs_none_where_its_parent_gets_one() {
    let mut own = partition("c1", "c");
    own.foreign_keys = table("c1", &[&["a"], &["b"], &["a", "b"]]).foreign_keys;
    let schema = schema(Dialect::Postgres, vec![partitioned(table("c", &[&["a"]])), own]);
    let planned = all(&schema);
    let names: Vec<&str> = planned.iter().map(PlannedIndex::name).collect();
    assert_eq!(names, ["idx_c_a", "idx_c1_b_a"]);
}

#[test]
fn a_name_can_not_break_out_of_its_comment() {
    let schema = schema(Dialect::Sqlite, vec![table("c\n; DROP TABLE p", &[&["a"]])]);
    insta::assert_snapshot!(script(Dialect::Sqlite, &all(&schema)[0], true).comments.join("\n"), @r#"for "c ; DROP TABLE p" (a) references p"#);
}

fn options(dir: &Path, layout: Layout, concurrently: bool) -> FixOptions {
    FixOptions {
        dir: dir.to_owned(),
        layout: Some(layout),
        numbering: None,
        concurrently,
        now: jiff::civil::date(2026, 11, 20).at(9, 30, 0, 0),
        applied: None,
    }
}

/// The paths of the files, and the texts.
fn files(fix: &Fix, dir: &Path) -> Vec<(String, String)> {
    let files = fix.migrations.iter().flat_map(|migration| &migration.files);
    files.map(|(path, text)| (path.strip_prefix(dir).unwrap().display().to_string(), text.clone())).collect()
}

#[test]
fn the_migration_is_written_in_the_layout_of_its_folder() {
    let schema = schema(Dialect::Postgres, vec![table("c", &[&["a"], &["b"]])]);
    let planned = all(&schema);
    let folder = tempfile::tempdir().unwrap();
    let mut texts = String::new();
    for layout in Layout::ALL {
        for concurrently in [true, false] {
            let dir = folder.path().join(format!("{layout}-{concurrently}"));
            let fix = plan_fix(&schema, &planned, &options(&dir, layout, concurrently)).unwrap();
            assert!(!dir.exists());
            texts.push_str(&format!("==== {layout}{}\n", if concurrently { "" } else { ", in a transaction" }));
            for (path, text) in files(&fix, &dir) {
                texts.push_str(&format!("== {path}\n{text}"));
            }
            write(&fix).unwrap();
            let read = Migrator::from_folder(&dir).layout(Some(layout)).read(Dialect::Postgres).unwrap();
            assert_eq!(read.migrations.len(), fix.migrations.len());
            for script in read.migrations.iter().flat_map(|migration| [Some(&migration.up), migration.down.as_ref()]) {
                let Some(script) = script else { continue };
                let prepared = prepare(Dialect::Postgres, layout, script).unwrap_or_else(|error| panic!("{error:?}"));
                assert_eq!(matches!(prepared.mode, Mode::Steps(_)), concurrently, "{}", script.path);
            }
            // once more, before it is applied: it is there
            let again = plan_fix(&schema, &planned, &options(&dir, layout, !concurrently)).unwrap();
            assert!(again.migrations.is_empty() && again.there.len() == fix.migrations.len(), "{again:?}");
        }
    }
    insta::assert_snapshot!(texts);
}

#[test]
fn a_partitioned_table_needs_a_layout_that_can_say_so() {
    let schema = schema(Dialect::Postgres, vec![partitioned(table("c", &[&["a"]])), partition("c1", "c")]);
    let planned = all(&schema);
    for layout in Layout::ALL {
        let fix = plan_fix(&schema, &planned, &options(Path::new("/nowhere"), layout, true));
        match layout {
            Layout::GolangMigrate | Layout::Flyway => {
                let error = fix.unwrap_err();
                assert!(error.to_string().contains("`c`"), "{error}");
                assert!(error.hint().unwrap().contains("--no-concurrently"));
            }
            _ => {
                let fix = fix.unwrap();
                assert_eq!(fix.migrations.len(), 1);
                let says = fix.migrations[0].files[0].1.contains("-- for Liftlock, statement by statement");
                assert_eq!(says, !matches!(layout, Layout::Liftlock | Layout::Goose));
            }
        }
        plan_fix(&schema, &planned, &options(Path::new("/nowhere"), layout, false)).unwrap();
    }
}

#[test]
fn a_second_fix_comes_after_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = vec![table("c", &[&["a"], &["b"]])];
    let before = schema(Dialect::Postgres, tables.clone());
    let mut options = options(folder.path(), Layout::Liftlock, true);
    options.numbering = Some(Numbering::Sequence);
    let fix = plan_fix(&before, &all(&before), &options).unwrap();
    assert_eq!(files(&fix, folder.path())[0].0, format!("V1__{NAME}.sql"));
    write(&fix).unwrap();
    // a part of it is done: the rest is still to come
    let done = plan(&before, &[SuggestedIndex::of_columns("c", &["b"])]);
    let there = plan_fix(&before, &done, &options).unwrap().there;
    assert!(there.len() == 1 && there[0].ends_with(&format!("V1__{NAME}.sql")), "{there:?}");
    // more than it makes is wanted now
    tables.push(table("d", &[&["a"]]));
    let after = schema(Dialect::Postgres, tables);
    let error = plan_fix(&after, &all(&after), &options).unwrap_err();
    assert!(error.to_string().contains(&format!("V1__{NAME}.sql")), "{error}");
    // where it is applied, what it made is gone again, and is made anew
    options.applied = Some(BTreeSet::from([1]));
    let fix = plan_fix(&after, &all(&after), &options).unwrap();
    assert_eq!(files(&fix, folder.path())[0].0, format!("V2__{NAME}.sql"));
    write(&fix).unwrap();
    assert_eq!(plan_fix(&after, &[], &options).unwrap(), Fix::default());
}

impl SuggestedIndex {
    fn of_columns(table: &str, columns: &[&str]) -> Self {
        let key = |column: &&str| SuggestedKey { column: (*column).to_owned(), ..SuggestedKey::default() };
        let keys = columns.iter().map(key).collect();
        Self { schema: "public".to_owned(), table: table.to_owned(), keys }
    }
}
