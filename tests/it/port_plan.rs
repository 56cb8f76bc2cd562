//! What is decided for each peculiar database: the types, and what a person is told.

use std::fmt::Write;

use liftlock::Interrupt;
use liftlock::db::SqliteDb;
use liftlock::port::batch::BatchSize;
use liftlock::port::options::{ColumnMatch, Options, TypeRule};
use liftlock::port::plan::Plan;
use liftlock::port::plan::assemble::{PlanError, Planned, make};
use liftlock::port::plan::revise::make_edited;
use liftlock::port::row::RowCodec;
use liftlock::port::scan::ScanError;
use liftlock::value::{BadText, PgType, Reading, TimeNumber};

fn planned(sql: &str, options: &Options, size: BatchSize) -> Planned {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("pragma foreign_keys = off").unwrap();
    connection.execute_batch(sql).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    make(&db, &schema, options, None, size, &Interrupt::default()).unwrap()
}

fn plan(sql: &str, options: &Options) -> Plan {
    planned(sql, options, BatchSize::default()).plan
}

/// `v bigint; w text` and a line for each finding: `change mixed-values v: …`.
fn told(plan: &Plan) -> String {
    let mut told = String::new();
    for table in &plan.tables {
        let columns = table.columns.iter().filter(|column| column.source != "id").map(|column| {
            let numbers = column.reading.numbers.map_or(String::new(), |numbers| format!(" {numbers:?}"));
            format!("{} {}{numbers}", column.source, column.pg_type)
        });
        write!(told, "{}", columns.collect::<Vec<_>>().join("; ")).unwrap();
    }
    for finding in &plan.findings {
        let object = finding.object.as_deref().unwrap_or("-");
        write!(told, "\n{} {} {object}: {}", finding.level, finding.code, finding.message).unwrap();
    }
    told
}

fn column_of(declared: &str, values: &str) -> String {
    let rows: Vec<String> = values.split(" | ").map(|value| format!("({value})")).collect();
    format!("create table t(id integer primary key, v {declared}); insert into t(v) values {};", rows.join(","))
}

/// One column `v` of declared type and values, and what is told of it.
fn check(cases: &[(&str, &str, &str)], options: &Options) {
    for (declared, values, expected) in cases {
        assert_eq!(told(&plan(&column_of(declared, values), options)), *expected, "{declared}: {values}");
    }
}

/// As [`check`], of the findings only levels and codes.
fn check_briefly(cases: &[(&str, &str, &str)], options: &Options) {
    for (declared, values, expected) in cases {
        let told = told(&plan(&column_of(declared, values), options));
        let brief: Vec<&str> = told.lines().map(|line| line.split(" v:").next().unwrap()).collect();
        assert_eq!(brief.join("; "), *expected, "{declared}: {values}");
    }
}

#[test]
fn a_type_is_taken_where_every_value_fits() {
    let cases = [
        ("integer", "2147483648 | 9223372036854775807 | -9223372036854775808 | null", "v bigint"),
        ("tinyint", "1 | 70000", "v bigint"),
        ("real", "3.141592653589793 | 1e300 | 5e-324 | 9e999 | -9e999", "v double precision"),
        ("decimal(10,2)", "12.34 | 0.1 | 1000", "v numeric(10,2)"),
        ("numeric", "9007199254740993 | 1.1 | '12345678901234567890'", "v numeric"),
        ("boolean", "0 | 1 | null", "v boolean"),
        ("boolean", "'true' | 'f'", "v boolean; change respelled"),
        ("datetime", "'2024-01-02 03:04:05' | '0001-01-01 00:00:00'", "v timestamp"),
        ("datetime", "'2024-01-02T03:04' | '2024-01-02'", "v timestamp; change respelled"),
        ("datetime", "'2024-01-02 03:04:05+02:00'", "v timestamptz; change offset-lost"),
        ("date", "'2024-01-02'", "v date"),
        ("time", "'03:04:05'", "v time"),
        ("json", "'[]' | '{\"a\": 1}' | null", "v jsonb"),
        ("uuid", "'7d444840-9dc0-11d1-b245-5ffdce74fad2'", "v uuid"),
        ("guid", "'7D444840-9DC0-11D1-B245-5FFDCE74FAD2'", "v uuid; change respelled"),
        ("uuid", "x'7d4448409dc011d1b2455ffdce74fad2'", "v uuid; change reclassed"),
        ("varchar(10)", "'much longer than ten'", "v text"),
        ("text", "'007' | '1e5' | '0x10' | ' 12 ' | 'true' | '2024-01-02'", "v text"),
        ("blob", "x'' | x'00' | null", "v bytea"),
        ("blob", "'a' | 'b'", "v text"),
        ("", "1 | 2", "v bigint"),
        ("", "1.0 | 2.0", "v double precision"),
        ("", "1 | 2.5", "v double precision"),
        ("", "9007199254740993 | 2.5", "v numeric"),
        ("", "'1' | '2'", "v text"),
        ("", "null", "v text"),
        ("blob", "null", "v bytea"),
        ("datetime", "null", "v timestamp"),
    ];
    check_briefly(&cases, &Options::default());
}

#[test]
fn else_there_is_a_fallback_and_a_line() {
    let cases = [
        (
            "integer",
            "1 | 'abc' | 3",
            "v text\nchange mixed-values v: 1 of 3 values are text, the first at rowid 2: 'abc'; the column becomes \
             `text`, and the storage class of 2 values is lost",
        ),
        (
            "integer",
            "1 | '' | 3",
            "v text\nchange mixed-values v: 1 of 3 values are text, the first at rowid 2: ''; the column becomes \
             `text`, and the storage class of 2 values is lost",
        ),
        (
            "integer",
            "1 | 2.5",
            "v numeric\nchange mixed-values v: 1 of 2 values are reals, the first at rowid 2: 2.5; the column becomes \
             `numeric`",
        ),
        (
            "text",
            "'ok' | x'DEADBEEF00'",
            "v bytea\nchange mixed-values v: 1 of 2 values are blobs, the first at rowid 2: x'deadbeef00'; the column \
             becomes `bytea`, and the storage class of 1 value is lost",
        ),
        (
            "",
            "1 | 'two' | 3.5 | x'04' | null",
            "v bytea\nchange mixed-values v: the column holds 1 integer, 1 real, 1 text, 1 blob; it becomes `bytea`, and \
             the storage class of 3 values is lost",
        ),
        (
            "datetime",
            "'2024-01-02 03:04:05' | '2024-02-30 00:00:00'",
            "v text\nchange type-fallback v: 1 of 2 values are no `timestamp`, the first at rowid 2: '2024-02-30 \
             00:00:00'; the column becomes `text`",
        ),
        (
            "boolean",
            "1 | 2 | -1",
            "v bigint\nchange type-fallback v: 2 of 3 values are out of the range of `boolean`, the first at rowid 2: 2; \
             the column becomes `bigint`",
        ),
    ];
    check(&cases, &Options::default());
    let cases = [
        ("decimal(10,2)", "12.34 | 123456789012.34", "v numeric; change type-fallback"),
        ("decimal(10,2)", "12.34 | 'n/a'", "v text; change mixed-values"),
        ("STRING", "1 | 'two' | 3.5 | '007'", "v text; change reclassed"),
        ("datetime", "'2024-01-02 03:04:05' | '2024-01-02 03:04:05Z'", "v text; change type-fallback"),
        ("datetime", "'0000-00-00 00:00:00'", "v text; change type-fallback"),
        ("datetime", "''", "v text; change type-fallback"),
        ("datetime", "'9999-12-31 23:59:59.9999999'", "v text; change type-fallback"),
        ("datetime", "'2024-01-02 03:04:05' | 1704164645", "v text; change mixed-values"),
        ("time", "'24:00:00'", "v text; change type-fallback"),
        ("time", "'25:00'", "v text; change type-fallback"),
        ("json", "'{\"a\":\"\\u0000\"}' | '1'", "v text; change type-fallback"),
        ("json", "'{\"a\":1,\"a\":2}'", "v text; change type-fallback"),
        ("json", "'{'", "v text; change type-fallback"),
        ("guid", "'x'", "v text; change type-fallback"),
        ("real", "1.5 | 'n/a'", "v text; change mixed-values"),
    ];
    check_briefly(&cases, &Options::default());
}

#[test]
fn numbers_are_times_only_where_all_are_in_one_unit() {
    let cases = [
        ("datetime", "1704164645 | 1704164646", "v timestamptz Seconds; assumption numbers-as-time"),
        ("datetime", "1704164645000 | null", "v timestamptz Milliseconds; assumption numbers-as-time"),
        ("timestamp", "1704164645000000", "v timestamptz Microseconds; assumption numbers-as-time"),
        ("datetime", "1704164645 | 1704164645000", "v bigint; change mixed-values"),
        ("datetime", "1704164645 | 0", "v bigint; change mixed-values"),
        ("datetime", "315532799", "v bigint; change mixed-values"),
        ("datetime", "315532800 | 4102444799", "v timestamptz Seconds; assumption numbers-as-time"),
        ("datetime", "4102444800", "v bigint; change mixed-values"),
        ("datetime", "2460311.628 | 2460312.0", "v double precision; change mixed-values"),
        ("integer", "1704164645", "v bigint"),
    ];
    check_briefly(&cases, &Options::default());
    let julian = Options {
        types: vec![TypeRule {
            columns: ColumnMatch::Declared("datetime".to_owned()),
            to: PgType::Timestamp,
            reading: Reading { numbers: Some(TimeNumber::Julian), ..Reading::default() },
        }],
        ..Options::default()
    };
    check_briefly(&[("DATETIME", "2460311.5", "v timestamp Julian; note numbers-as-time")], &julian);
}

#[test]
fn text_that_can_not_be_text_waits_for_a_person() {
    let nul = "'ok' | cast(x'410042' as text) | cast(x'41fffe' as text)";
    let plan_of = |options: &Options| plan(&column_of("text", nul), options);
    let blocked = plan_of(&Options { accept: vec!["bad-text".to_owned()], ..Options::default() });
    assert_eq!(blocked.blockers().count(), 1, "it can't be accepted: {}", told(&blocked));
    let finding = &blocked.findings[0];
    assert_eq!((finding.rows, finding.examples.len(), finding.choices.len()), (2, 2, 3), "{finding:?}");
    assert!(finding.message.starts_with("2 of 3 values hold NUL or bytes that are no UTF-8"), "{finding:?}");
    for bad_text in [BadText::Strip, BadText::Escape] {
        check_briefly(&[("text", nul, "v text; change bad-text")], &Options { bad_text, ..Options::default() });
    }
    check_briefly(
        &[("", nul, "v text; blocker bad-text"), ("json", nul, "v text; blocker bad-text; change type-fallback")],
        &Options::default(),
    );
}

#[test]
fn a_chosen_type_is_that_or_nothing() {
    let rule = |to: &PgType| TypeRule {
        columns: ColumnMatch::Column("t.v".to_owned()),
        to: to.clone(),
        reading: Reading::default(),
    };
    let with = |to| Options { types: vec![rule(&to)], ..Options::default() };
    check_briefly(&[("text", "'1' | 'x'", "v bytea; change reclassed")], &with(PgType::Bytea));
    let cases = [(
        "integer",
        "1 | 70000 | 80000",
        "v smallint\nblocker does-not-fit v: 2 of 3 values are out of the range of `smallint`, the first at rowid 2: \
         70000; the column is to be `smallint`, as was chosen",
    )];
    check(&cases, &with(PgType::Int2));
}

#[test]
fn narrow_types_by_choice() {
    let narrow = Options { int4: true, keep_length: true, ..Options::default() };
    let cases = [
        ("bigint", "1 | 2147483647", "v integer"),
        ("int", "1 | 2147483648", "v bigint"),
        ("varchar(3)", "'abc' | 'äöü'", "v character varying(3)"),
        ("char(3)", "'abc' | 'a'", "v character varying(3)"),
        ("varchar(3)", "'abcd'", "v text; change type-fallback"),
    ];
    check_briefly(&cases, &narrow);
}

#[test]
fn one_odd_value_in_many_is_found_named_and_counted() {
    let many = |declared: &str, value: &str| {
        format!(
            "create table t(id integer primary key, v {declared});
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
             insert into t select i, {value} from n;"
        )
    };
    for (declared, value, expected) in [
        (
            "integer",
            "iif(i = 50000, 'abc', i)",
            "v text\nchange mixed-values v: 1 of 100,000 values are text, the first at rowid 50000: 'abc'; the column \
             becomes `text`, and the storage class of 99,999 values is lost",
        ),
        (
            "integer",
            "iif(i % 200 = 0, 'abc', i)",
            "v text\nchange mixed-values v: 500 of 100,000 values are text, the first at rowid 200: 'abc'; the column \
             becomes `text`, and the storage class of 99,500 values is lost",
        ),
        (
            "text",
            "iif(i = 99999, cast(x'610062' as text), 'a')",
            "v text\nblocker bad-text v: 1 of 100,000 values hold NUL or bytes that are no UTF-8, which PostgreSQL's text \
             can't hold, the first at rowid 99999: 'a\\u{0}b'",
        ),
        (
            "",
            "iif(i = 50000, x'00', i)",
            "v bytea\nchange mixed-values v: the column holds 99,999 integers, 1 blob; it becomes `bytea`, and the storage \
             class of 99,999 values is lost",
        ),
        (
            "datetime",
            "iif(i < 50000, '2024-01-02 03:04:05', '2024-01-02 03:04:05Z')",
            "v text\nchange type-fallback v: 50,001 of 100,000 values have an offset from UTC, or lack one, where \
             `timestamp` takes the other kind, the first at rowid 50000: '2024-01-02 03:04:05Z'; the column becomes `text`",
        ),
        ("datetime", "iif(i < 50000, null, '2024-01-02 03:04:05+00')", "v timestamptz"),
    ] {
        assert_eq!(told(&plan(&many(declared, value), &Options::default())), expected, "{value}");
    }
}

const UUIDS: &str = "'7d444840-9dc0-11d1-b245-5ffdce74fad2'";
const UPPER: &str = "'7D444840-9DC0-11D1-B245-5FFDCE74FAD2'";

#[test]
fn a_key_takes_no_type_in_which_two_of_its_values_are_one() {
    for (keys, collides) in [
        ("v uuid primary key", true),
        ("v uuid, unique(v)", true),
        ("v uuid, w int, unique(w, v)", true),
        ("v uuid, w int, unique(id, v)", false),
        ("v uuid", false),
    ] {
        let id = if keys.contains("primary") { "" } else { "id integer primary key, " };
        let sql = format!("create table t({id}{keys}); insert into t(v) values ({UUIDS}), ({UPPER});");
        let sql = if keys.contains("w int") {
            sql.replace("(v) values", "(v, w) values").replace("'),", "', 1),").replace("');", "', 1);")
        } else {
            sql
        };
        let plan = plan(&sql, &Options::default());
        let pg_type = &plan.table("t").unwrap().column("v").unwrap().pg_type;
        let found = plan.findings.iter().find(|finding| finding.code == "key-collision");
        assert_eq!((*pg_type == PgType::Text, found.is_some()), (collides, collides), "{keys}: {}", told(&plan));
        if let Some(finding) = found {
            assert_eq!(finding.rows, 2);
            assert!(finding.examples[0].contains("rowid 1") && finding.examples[0].contains("rowid 2"), "{finding:?}");
        }
    }
    let sql = format!(
        "create table t(v uuid); create unique index u on t(v desc); insert into t values ({UPPER}), ({UUIDS});"
    );
    assert!(told(&plan(&sql, &Options::default())).starts_with("v text"), "a unique index is a key, too");
    let rule =
        TypeRule { columns: ColumnMatch::Declared("uuid".to_owned()), to: PgType::Uuid, reading: Reading::default() };
    let forced = plan(&sql, &Options { types: vec![rule], ..Options::default() });
    assert_eq!(forced.blockers().count(), 1, "{}", told(&forced));
}

#[test]
fn joined_columns_get_one_type() {
    let tables = "create table p(k uuid primary key); create table c(id integer primary key, k text references p(k));";
    let types = |rows: &str| {
        let plan = plan(&format!("{tables}{rows}"), &Options::default());
        plan.tables.iter().map(|table| table.column("k").unwrap().pg_type.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ({UUIDS});")), ["uuid", "uuid"]);
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ('');")), ["text", "text"]);
    let held = format!("insert into p values ({UUIDS}); insert into c(k) values ('');");
    let told = told(&plan(&format!("{tables}{held}"), &Options::default()));
    assert!(told.contains("but the column becomes `text`, like `c.k`, which a foreign key joins it to"), "{told}");
    // in SQLite the child has no parent; as uuid it would get one
    assert_eq!(types(&format!("insert into p values ({UUIDS}); insert into c(k) values ({UPPER});")), ["text", "text"]);
}

#[test]
fn an_id_stays_an_integer_and_a_child_that_is_none_loses_its_key() {
    let plan = plan(
        "create table p(id integer primary key); insert into p values (1), (41);
         create table c(n integer primary key, p integer references p(id), q int references p);
         insert into c values (1, 1, 1), (2, '', 41);",
        &Options::default(),
    );
    let types = |table: &str| {
        let columns = plan.table(table).unwrap().columns.iter();
        columns
            .map(|column| (column.pg_type.to_string(), column.identity.map(|identity| identity.next)))
            .collect::<Vec<_>>()
    };
    assert_eq!(types("p"), [("bigint".to_owned(), Some(42))]);
    let expected = [("bigint", Some(3)), ("text", None), ("bigint", None)];
    assert_eq!(types("c"), expected.map(|(name, next)| (name.to_owned(), next)));
    let codes: Vec<&str> = plan.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["foreign-key-types", "mixed-values"]);
}

#[test]
fn rows_that_break_constraints_are_named() {
    let planned = planned(
        "create table p(a int, b text collate nocase, primary key(a, b)) without rowid; insert into p values (1, 'x');
         create table c(id integer primary key, a int, b text, foreign key(a, b) references p);
         insert into c values (1, 1, 'x'), (2, 1, null), (3, 2, 'x'), (4, 1, 'X');
         create table k(n int check(n > 0), m int check(m < 9), check(abs(n)));
         pragma writable_schema = on; update sqlite_schema set sql = replace(sql, 'abs(', 'nosuch(');
         pragma writable_schema = reset;",
        &Options::default(),
        BatchSize::default(),
    );
    let told = told(&planned.plan);
    assert!(told.contains("orphans a, b: 2 rows point to no row of `p`, the first at rowid 3: 2, 'x'"), "{told}");
    assert_eq!(planned.broken.foreign_keys.len(), 1);

    let planned = self::planned(
        "pragma ignore_check_constraints = on;
         create table k(k text primary key, n int check(n > 0), m int constraint small check(m < 9 -- so
         ), check(length(k) > 0));
         insert into k values ('a', 1, 1), (null, 0, null), ('c', -1, 9), (null, null, 1);",
        &Options::default(),
        BatchSize::default(),
    );
    let told = self::told(&planned.plan);
    assert!(told.contains("check-violated n > 0: 2 rows break `CHECK (n > 0)`, the first at rowid 2"), "{told}");
    assert!(told.contains("check-violated small: 1 row breaks"), "{told}");
    assert!(
        told.contains("null-in-primary-key k: 2 NULLs stand in the primary key (k), the first at rowid 2"),
        "{told}"
    );
    assert_eq!((planned.broken.checks.len(), planned.broken.null_keys.len()), (2, 1), "{told}");
}

#[test]
fn batches_hold_every_row_once() {
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)";
    for (table, insert, rows_a_batch, batches) in [
        ("t(id integer primary key, v)", "select i * 3, 'x' from n", 300, 4),
        ("t(id integer primary key, v)", "select i * 3, 'x' from n", 500, 2),
        ("t(rowid text, v)", "select 'a' || i, i from n", 300, 4),
        ("t(rowid text, _rowid_ text, oid text)", "select i, i, i from n", 300, 1),
        ("t(a, b text, primary key(b, a)) without rowid", "select iif(i % 2, i, 'i' || i), i % 7 from n", 300, 4),
        ("t(a, primary key(a desc)) without rowid", "select i from n", 300, 1),
        ("t(a text collate nocase primary key) without rowid", "select 'a' || i from n", 300, 1),
    ] {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("create table {table}; {rows} insert into t {insert};")).unwrap();
        let db = SqliteDb::from(connection);
        let schema = db.schema().unwrap();
        let size = BatchSize { rows: rows_a_batch, bytes: 1 << 30 };
        let made = make(&db, &schema, &Options::default(), None, size, &Interrupt::default()).unwrap();
        let scan = &made.scans[0];
        assert_eq!(scan.batches.len(), batches, "{table}");
        assert!(scan.batches[0].after.is_none() && scan.batches[batches - 1].upto.is_none(), "{table}");
        assert!(scan.batches.windows(2).all(|pair| pair[0].upto.is_some() && pair[0].upto == pair[1].after), "{table}");
        assert_eq!(scan.batches.iter().map(|batch| batch.rows).sum::<u64>(), 1000, "{table}");
        assert_eq!(scan.batches.iter().map(|batch| batch.bytes).sum::<u64>(), scan.bytes, "{table}");
        let codec = RowCodec::new(&made.plan.tables[0], &schema.tables[0], "public");
        for batch in &scan.batches {
            let (sql, parameters) = codec.select(batch);
            let mut rows = 0;
            let each = |_: &liftlock::db::Row<'_>| {
                rows += 1;
                Ok::<_, liftlock::db::SqlError>(std::ops::ControlFlow::Continue(()))
            };
            db.each_row(&sql, &parameters, each).unwrap();
            assert_eq!(rows, batch.rows, "{table} {batch:?}");
        }
    }
    let size = BatchSize { rows: 50_000, bytes: 10_000 };
    let wide =
        "create table t(v blob); insert into t values (zeroblob(6000)), (zeroblob(6000)), (zeroblob(20000)), ('');";
    let planned = planned(wide, &Options::default(), size);
    let sizes: Vec<u64> = planned.scans[0].batches.iter().map(|batch| batch.rows).collect();
    assert_eq!(sizes, [2, 1, 1], "a batch ends where its bytes are full");
    assert_eq!(planned.plan.tables[0].largest_row, 2 + 4 + 20_000);
}

#[test]
fn a_table_that_is_too_wide_is_refused() {
    let columns: Vec<String> = (0..1_700).map(|at| format!("c{at} int")).collect();
    let plan = plan(&format!("create table t({});", columns.join(",")), &Options::default());
    let blocker = plan.blockers().next().unwrap();
    assert_eq!(blocker.code, "too-many-columns");
    assert!(blocker.message.contains("1,700"), "{blocker:?}");
}

#[test]
fn a_stop_ends_the_scan() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)";
    connection.execute_batch(&format!("create table t(v); {rows} insert into t select i from n;")).unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let interrupt = Interrupt::default();
    interrupt.trigger();
    let stopped = make(&db, &schema, &Options::default(), None, BatchSize::default(), &interrupt);
    assert!(matches!(stopped, Err(PlanError::Scan(ScanError::Interrupted))), "{stopped:?}");
}

#[test]
fn what_is_left_out_by_name_is_not_read() {
    let tables = "create table a(v int); create table b(v int); create table a_log(v int);";
    let names = |include: &[&str], exclude: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let options = Options { include: owned(include), exclude: owned(exclude), ..Options::default() };
        plan(tables, &options).tables.into_iter().map(|table| table.source).collect::<Vec<_>>()
    };
    assert_eq!(names(&[], &[]), ["a", "b", "a_log"]);
    assert_eq!(names(&["A*"], &["*_log"]), ["a"]);
}

#[test]
fn an_edited_plan_is_read_again_and_used() {
    let sql = "create table t(id integer primary key, v text, w int, x json);
               insert into t values (1, '1', 5, '{}'), (2, 'x', 6, '[]'); create table gone(v int);";
    let ours = plan(sql, &Options::default());
    let document = ours.to_yaml().unwrap();
    assert_eq!(Plan::from_yaml(&document).unwrap(), ours, "{document}");

    let edited = document.replacen("type: text", "type: bigint", 1).replacen("target: w\n", "target: weight\n", 1);
    let mut edited = Plan::from_yaml(&edited).unwrap();
    edited.tables.retain(|table| table.source == "t");
    edited.tables[0].columns.retain(|column| column.source != "x");
    edited.tables[0].columns[2].default = Some("7".to_owned());
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    connection.execute_batch("insert into t values (9, '9', 9, '9')").unwrap();
    let db = SqliteDb::from(connection);
    let schema = db.schema().unwrap();
    let options = Options::default();
    let made =
        make_edited(&db, &schema, &options, None, BatchSize::default(), &Interrupt::default(), &edited).unwrap().plan;
    assert_eq!(made.tables.len(), 1);
    let table = &made.tables[0];
    assert_eq!((table.rows, table.columns[0].identity.unwrap().next), (3, 10), "counted anew");
    assert_eq!(table.columns[1].pg_type, PgType::Int8);
    assert_eq!((table.columns[2].target.as_str(), table.columns[2].default.as_deref()), ("weight", Some("7")));
    let codes: Vec<_> = made.findings.iter().map(|finding| (finding.code.as_str(), finding.accepted)).collect();
    assert!(codes.contains(&("does-not-fit", false)), "'x' is no integer: {codes:?}");
    assert!(codes.contains(&("table-left-out", true)) && codes.contains(&("column-left-out", true)), "{codes:?}");
}
