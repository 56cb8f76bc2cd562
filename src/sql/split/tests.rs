//! Scripts and the statements they hold.

use proptest::prelude::*;
use rusqlite::fallible_iterator::FallibleIterator;

use super::*;
use Dialect::{Postgres, Sqlite};

fn texts(dialect: Dialect, script: &str) -> Vec<&str> {
    split(dialect, script).expect("a script that can be split").into_iter().map(|statement| statement.text).collect()
}

fn error(dialect: Dialect, script: &str) -> SyntaxError {
    split(dialect, script).expect_err("a script that can't be split")
}

#[test]
fn statements_come_without_comments_and_semicolons_around_them() {
    let script = "\u{feff}-- first\n;; select 1 /* in */ + 1 -- after\n ;/* é */ select ';' ; ; select 3 -- end";
    for dialect in Dialect::ALL {
        let statements = split(dialect, script).expect("fine");
        let found: Vec<_> = statements.iter().map(|statement| statement.text).collect();
        assert_eq!(found, ["select 1 /* in */ + 1", "select ';'", "select 3"]);
        for statement in &statements {
            assert_eq!(&script[statement.start..statement.end], statement.text);
            assert!(!statement.block && statement.copy_data.is_none());
        }
    }
}

#[test]
fn blank_scripts_have_no_statement() {
    for dialect in Dialect::ALL {
        for script in ["", " \n", ";;", "-- only\n/* comments */;", "\u{feff}"] {
            assert!(is_blank(dialect, script), "{script:?}");
            assert_eq!(split(dialect, script), Ok(vec![]));
        }
        assert!(!is_blank(dialect, "-- a\nselect 1"));
        assert!(!is_blank(dialect, "'"), "what can't be read is not blank");
    }
    assert!(is_blank(Postgres, "\\restrict abc\n"));
    assert!(is_blank(Sqlite, "/* never closed"));
}

/// Scripts of one trigger, and `select 'after'` behind it.
const TRIGGERS: &[&str] = &[
    "create trigger a after insert on t begin select 1; end",
    "CREATE TEMP TRIGGER IF NOT EXISTS b AFTER INSERT ON t BEGIN SELECT 1; SELECT 2; END",
    "create temporary trigger c after insert on t begin select case new.a when 1 then 2 else 3 end; end",
    "create trigger d after insert on t when case when new.a then 1 else 0 end begin select 1; end",
    "create trigger \"begin;\" after insert on t begin select ';end;'; -- end;\n end",
    "create trigger begin after insert on t begin select 1; end",
    "create trigger end after insert on t begin select 1; end",
    "create trigger main.[e;] after insert on t begin select 1;end",
    "create trigger f after update of \"end\", begin on e when new.begin begin select new.end; end",
    "create trigger g after insert on e begin select end from e; end",
    "create trigger h after insert on e begin select 1 as end; select 1 end; end",
    "create trigger i instead of insert on v begin with end as (select 1) select * from end; end",
    "create trigger j after insert on t /* ; */ begin -- ;\n select 1; /* end; */ end",
    "create trigger[k]after insert on t begin select 1;end",
    "explain create trigger l after insert on t begin select 1; end",
    "explain query plan create trigger m after insert on t begin select 1; end",
    "/* x */ create -- y\n trigger n after delete on t begin insert into e(end) values (1); end",
];

const OTHERS: &[&str] = &[
    "create table trigger(a)",
    "create table \"create;\"(begin, b)",
    "create view 'create trigger' as select 1 as begin",
    "create index trigger2 on t(a)",
    "insert into e(begin, end) values ('begin', 'it''s;')",
    "select case when 1 then 2 end, x'00', \"a\" as \"x;y\", `a`, [a] from t where a = 'a\\'",
    "select 1 /* /* not nested */",
    "pragma user_version = 3",
    "select '{\"a\":1}' ->> '$.a'",
];

#[test]
fn triggers_are_one_statement() {
    for trigger in TRIGGERS {
        let script = format!("{trigger};\nselect 'after'");
        let found = texts(Sqlite, &script);
        assert_eq!(found.len(), 2, "{trigger}: {found:?}");
        assert!(trigger.ends_with(found[0]), "{found:?}");
        assert_eq!(texts(Sqlite, trigger).len(), 1);
    }
    // broken triggers: only a body takes semicolons
    assert_eq!(texts(Sqlite, "create trigger x; select 1"), ["create trigger x", "select 1"]);
    assert_eq!(
        texts(Sqlite, "create trigger x on t begin select 1; select 2"),
        ["create trigger x on t begin select 1; select 2"]
    );
}

#[test]
fn sqlite_itself_finds_the_same_statements() {
    let all: Vec<_> = TRIGGERS.iter().chain(OTHERS).copied().collect();
    let mut scripts: Vec<String> = all.iter().map(|one| format!("{one};select 'after'")).collect();
    scripts.push(all.join(";"));
    scripts.push(format!("\u{feff};;-- c\n{};;/* never closed", all.join(" ;\n-- it's\n;/* ; */")));
    for script in scripts {
        let connection = rusqlite::Connection::open_in_memory().expect("a database");
        let schema = "create table t(a); create table e(begin, end); create view v as select 1 as a;";
        connection.execute_batch(schema).expect("a schema");
        let mut batch = rusqlite::Batch::new(&connection, &script);
        let mut ours = split(Sqlite, &script).expect("fine").into_iter();
        let mut at = 0;
        while let Some(mut statement) = batch.next().expect("SQLite takes every statement") {
            let theirs = statement.expanded_sql().expect("a text");
            let start = at + script[at..].find(&theirs).expect("a part of the script");
            at = start + theirs.len();
            let our = ours.next().expect("as many statements as SQLite finds");
            assert!(start <= our.start && our.end <= at, "{our:?} is not within {theirs:?}");
            assert!(is_blank(Sqlite, &script[start..our.start]) && is_blank(Sqlite, &script[our.end..at]));
            let mut rows = statement.raw_query();
            while rows.next().expect("it runs").is_some() {}
        }
        assert_eq!(ours.next(), None, "no more statements than SQLite finds");
    }
}

#[test]
fn atomic_bodies_are_one_statement() {
    let routines = [
        "create function f() returns int begin atomic select 1; select 2; end",
        "CREATE OR REPLACE PROCEDURE p() LANGUAGE SQL BEGIN ATOMIC INSERT INTO t VALUES (1); END",
        "create function begin() returns int begin atomic select 1 end; select case when true then 1 end; end",
        "create function f(begin int) returns int begin atomic select begin; end",
        "create function f() returns void begin atomic end",
        "create function \"x begin atomic\"() returns int begin /* ; */ atomic select 1 as end; end volatile",
        "create or replace function f() returns int begin atomic select x.end from x; select (select 1); end",
        "create function f(begin int) returns int return begin",
        "create function f() returns trigger as $$ begin return new; end; $$ language plpgsql",
        "create function f() returns int language sql as 'select 1; select 2;'",
    ];
    for routine in routines {
        let script = format!("{routine};\nselect 'after'");
        assert_eq!(texts(Postgres, &script), [routine, "select 'after'"]);
    }
    // outside of a routine the words mean nothing
    assert_eq!(texts(Postgres, "begin; select 1; end; select 2"), ["begin", "select 1", "end", "select 2"]);
    assert_eq!(texts(Postgres, "create view v as select 1 begin; select 2").len(), 2);
}

#[test]
fn brackets_hold_semicolons_in_postgres_alone() {
    let rule = "create rule r as on insert to t do also (delete from a; delete from b)";
    assert_eq!(texts(Postgres, &format!("{rule};select 1")), [rule, "select 1"]);
    assert_eq!(texts(Postgres, "select 1); select 2"), ["select 1)", "select 2"]);
    assert_eq!(texts(Sqlite, "select (1; 2)"), ["select (1", "2)"]);
    assert_eq!(texts(Sqlite, "select (1; select 2"), ["select (1", "select 2"]);
}

#[test]
fn data_follows_copy_from_stdin() {
    let heads = [
        "COPY public.t (id, \"from stdin\") FROM stdin",
        "copy t from STDIN with (format csv)",
        "copy t(a, b) from stdin csv",
        "COPY t FROM -- where\n stdin WITH csv",
        "copy t from stdout",
    ];
    for head in heads {
        let script = format!("select 1;{head}; -- data\na\t;'\n\\N\n\\\\.\n \\.\n\\.\nselect 2;");
        let statements = split(Postgres, &script).expect("fine");
        let found: Vec<_> = statements.iter().map(|statement| statement.text).collect();
        assert_eq!(found, ["select 1", head, "select 2"]);
        let data = statements[1].copy_data.expect("data");
        assert_eq!(data.data, "a\t;'\n\\N\n\\\\.\n \\.\n");
        assert_eq!(&script[data.start..data.end], data.data);
        assert!(script[data.end..].starts_with("\\.\n"));
    }
    let crlf = split(Postgres, "copy t from stdin;\r\n1\r\n\\.\r\ncopy u from stdin;\n\\.").expect("fine");
    assert_eq!(crlf.iter().map(|one| one.copy_data.expect("data").data).collect::<Vec<_>>(), ["1\r\n", ""]);
    for other in
        ["copy t to stdout; select 1", "copy t from 'stdin'; select 1", "copy (select a from stdin) to stdout; x"]
    {
        let statements = split(Postgres, other).expect("fine");
        assert_eq!((statements.len(), statements[0].copy_data), (2, None), "{other}");
    }
    assert_eq!(texts(Sqlite, "copy t from stdin; x").len(), 2);
}

#[test]
fn copy_data_must_be_closed() {
    let unterminated = SyntaxError::UnterminatedCopy { offset: 10 };
    for data in [";\n1\n2\n", ";\n1\n\\.x\n", ";", ""] {
        assert_eq!(error(Postgres, &format!("select 1; copy t from stdin{data}")), unterminated, "{data:?}");
    }
    assert_eq!(error(Postgres, "copy t from stdin; select 1;\n\\.\n"), SyntaxError::TextAfterCopy { offset: 19 });
}

#[test]
fn commands_of_psql() {
    let dump = "--\n-- dump\n--\n\n\\restrict aB3\n\nSET a = 1;\n \\unrestrict aB3\r\n";
    assert_eq!(texts(Postgres, dump), ["SET a = 1"]);
    let blanked = blank_meta_commands(dump);
    assert_eq!(blanked, "--\n-- dump\n--\n\n             \n\nSET a = 1;\n                \r\n");
    assert_eq!(blanked.len(), dump.len());

    let cases = [
        ("\\connect x y\nselect 1", 0, "\\connect"),
        ("select 1;\n\\i file.sql", 10, "\\i"),
        ("select 1 \\gexec", 9, "\\gexec"),
        ("\\.\n", 0, "\\."),
        ("\\", 0, "\\"),
        ("\\!é", 0, "\\!"),
        // not where pg_dump writes them, or with more than a key
        ("select\n\\restrict a\n1", 7, "\\restrict"),
        ("select 1; \\restrict a", 10, "\\restrict"),
        ("\\restrict a \\\\ drop table t", 0, "\\restrict"),
        ("\\restricted a", 0, "\\restricted"),
        ("-- +goose StatementBegin\n\\restrict a\n-- +goose StatementEnd", 25, "\\restrict"),
    ];
    for (script, offset, command) in cases {
        assert_eq!(error(Postgres, script), SyntaxError::MetaCommand { offset, command: command.to_owned() });
    }
    assert_eq!(texts(Sqlite, "\\restrict a"), ["\\restrict a"], "SQLite's to refuse");
}

#[test]
fn blanking_touches_nothing_else() {
    for script in [
        "select 1",
        "select '\n\\restrict a\n'",
        "do $$\n\\restrict a\n$$;",
        "copy t from stdin;\n\\restrict a\n\\.\n",
        "select '\n\\restrict a\n",
    ] {
        assert!(matches!(blank_meta_commands(script), Cow::Borrowed(same) if same == script), "{script}");
    }
    assert_eq!(blank_meta_commands("\u{feff}select 1"), "   select 1");
    assert_eq!(blank_meta_commands("\\restrict a\n;'"), "           \n;'", "up to what can't be read");
}

#[test]
fn goose_blocks_are_one_statement() {
    let script = "select 1;\n-- +goose StatementBegin\nselect 2; -- in\nselect 3;;\n-- +goose StatementEnd\n\
                  select 4\n--+goose StatementBegin\r\nselect 5\n--  +goose StatementEnd  \n\
                  -- +goose StatementBegin\n;\n-- +goose StatementEnd\nselect 6";
    for dialect in Dialect::ALL {
        let statements = split(dialect, script).expect("fine");
        let found: Vec<_> = statements.iter().map(|statement| (statement.text, statement.block)).collect();
        let expected = [
            ("select 1", false),
            ("select 2; -- in\nselect 3", true),
            ("select 4", false),
            ("select 5", true),
            ("select 6", false),
        ];
        assert_eq!(found, expected);
        assert_eq!(texts(dialect, found[1].0), ["select 2", "select 3"]);
        let open = "select 1;\n-- +goose StatementBegin\nselect 2;";
        assert_eq!(error(dialect, open), SyntaxError::UnterminatedBlock { offset: 10 });
        let nested = format!("{open}\n-- +goose StatementBegin\n");
        assert_eq!(error(dialect, &nested), SyntaxError::UnterminatedBlock { offset: 10 });
        assert_eq!(error(dialect, "-- +goose StatementEnd"), SyntaxError::StrayBlockEnd { offset: 0 });
        // only lines of their own, in goose's spelling
        assert_eq!(texts(dialect, "a; -- +goose StatementBegin\nb; /* \n-- +goose StatementEnd */ c").len(), 3);
        assert_eq!(texts(dialect, "-- +goose statementbegin\na;b").len(), 2);
    }
}

#[test]
fn long_scripts_are_split_in_linear_time() {
    // what would take minutes if anything were read again and again
    let many = 200_000;
    let scripts = [
        "'a'\n".repeat(many) + ";",
        "$a ".repeat(many),
        "select 1;".repeat(many),
        "/*".repeat(many) + &"*/".repeat(many),
        "\n".repeat(many) + "-- c\n" + &"(".repeat(many),
        "\\restrict a\n".repeat(many),
        "copy t from stdin;\n\\.\n".repeat(many),
    ];
    for script in scripts {
        assert!(split(Postgres, &script).is_ok());
        assert_eq!(blank_meta_commands(&script).len(), script.len());
    }
    assert!(split(Sqlite, &"create trigger a begin select 1; end;".repeat(many)).is_ok());
}

fn fragments() -> impl Strategy<Value = String> {
    let pieces = [
        "select 1",
        "create ",
        "trigger ",
        "temp ",
        "begin ",
        "atomic ",
        "end",
        "end;",
        "case ",
        "function f() ",
        "or replace ",
        "copy t from stdin",
        ";\n",
        "\\.\n",
        "\n\\restrict a\n",
        "\\i x",
        "'",
        "''",
        "\"",
        "[",
        "]",
        "$$",
        "$a$",
        "--",
        "/*",
        "*/",
        "\n",
        "\r\n",
        " ",
        ";",
        "(",
        ")",
        "é",
        "E'\\'",
        "-- +goose StatementBegin\n",
        "\n-- +goose StatementEnd\n",
    ];
    prop_oneof![
        3 => proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

#[test]
fn a_parameter_with_an_open_bracket_takes_no_semicolon_along() {
    let text = "$$(;\n-- +goose StatementBegin\n\n-- +goose StatementEnd\n";
    assert!(matches!(split(Dialect::Sqlite, text), Err(SyntaxError::UnterminatedParameter { offset: 0 })));
    let whole = split(Dialect::Sqlite, "SELECT $a(b;c); SELECT 1").expect("two statements");
    assert_eq!(whole.iter().map(|one| one.text).collect::<Vec<_>>(), ["SELECT $a(b;c)", "SELECT 1"]);
}

proptest! {
    #[test]
    fn any_text_is_split_or_refused(text in fragments()) {
        for dialect in Dialect::ALL {
            let mut at = 0;
            match split(dialect, &text) {
                Ok(statements) => for statement in statements {
                    prop_assert!(statement.start >= at && statement.end > statement.start);
                    prop_assert_eq!(statement.text, &text[statement.start..statement.end]);
                    prop_assert!(!statement.text.ends_with(';'));
                    at = statement.copy_data.map_or(statement.end, |data| data.end);
                },
                Err(error) => {
                    prop_assert!(text.is_char_boundary(error.offset()));
                    prop_assert!(error.hint().is_some());
                }
            }
        }
        let blanked = blank_meta_commands(&text);
        prop_assert_eq!(blanked.len(), text.len());
    }

    #[test]
    fn statements_put_together_again_are_the_same(text in fragments()) {
        for dialect in Dialect::ALL {
            let Ok(statements) = split(dialect, &text) else { continue };
            // a block needs its markers, data its lines, and PostgreSQL's byte order mark its place
            if text.contains('\u{feff}') || statements.iter().any(|one| one.block || one.copy_data.is_some()) {
                continue;
            }
            let joined = statements.iter().map(|one| one.text).collect::<Vec<_>>().join("\n;\n");
            let again = split(dialect, &joined);
            prop_assert!(again.is_ok(), "{:?}", joined);
            let again: Vec<_> = again.expect("just asked").into_iter().map(|one| one.text).collect();
            prop_assert_eq!(again, statements.iter().map(|one| one.text).collect::<Vec<_>>());
        }
    }
}
