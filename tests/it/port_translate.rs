//! Every operator and function that is translated, evaluated by SQLite and by PostgreSQL over the same rows.

use liftlock::port::translate::{Classes, Scope, ScopeColumn, Want, translate};
use liftlock::schema::Affinity;
use liftlock::value::PgType;

use crate::support::TestDatabase;

/// Rows with the edges: NULL, empty, negative, Unicode, large.
const COLUMNS: &str = "id, i, j, r, q, s, t, n, flag, b, ts, d, js, m";
const ROWS: &[&str] = &[
    "1, 5, 2, 1.5, 0.5, 'abc', 'b', 'Hello', 1, x'00ff', '2024-01-31 23:59:59', '2024-01-31', '{\"a\":\"q\",\"b\":[1,2]}', 5",
    "2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    "3, -7, 2, -2.5, 2.5, '', '', '', 0, x'', '1999-12-31 00:00:00', '1999-12-31', '{\"a\":5}', 'x'",
    "4, 0, 0, 0.0, 0.0, 'ÄÖü', 'ö', 'HELLO', 1, x'414243', '2000-02-29 12:30:01', '2000-02-29', '{\"a\":true,\"b\":null}', 4326",
    "5, 9007199254740993, 3, 1e15, 3.25, 'a%b_c', '%', 'hello ', 0, x'41', '2024-12-30 05:06:07', '2024-12-30', '{\"a\":null}', 'EPSG'",
    "6, -1, -3, 0.1, 0.2, '  pad ', ' ', 'É', 1, x'ff', '0002-01-01 00:00:00', '0002-01-01', '[]', 0",
    "7, 100, 7, 2.5, -0.5, 'Zebra', 'bra', 'zebra', 0, x'7f', '9998-12-31 23:59:59', '9998-12-31', '{\"x y\":{\"z\":\"w\"}}', '-'",
    "8, 42, 5, -0.4999, 4503599627370497.0, '12ab', '2', '\\\\', 1, x'0001', '2021-03-04 05:06:07', '2021-03-04', '{\"b\":[\"k\"]}', 7",
    "9, 3, 10, 1234.5678, 7.0, 'back\\slash', '\\', '日本語', 0, x'aa', '2010-07-15 10:00:00', '2010-07-15', '{\"a\":\"é\"}', 12",
];

fn scope() -> Scope {
    let column = |name: &str, pg: PgType, affinity| ScopeColumn::new(name, name, pg, affinity);
    let spelled = |name: &str, pg, spelling: &str| ScopeColumn {
        spelling: Some(spelling.to_owned()),
        ..column(name, pg, Affinity::Text)
    };
    Scope::table(
        "t",
        vec![
            column("id", PgType::Int8, Affinity::Integer),
            column("i", PgType::Int8, Affinity::Integer),
            column("j", PgType::Int4, Affinity::Integer),
            column("r", PgType::Float8, Affinity::Real),
            column("q", PgType::Float8, Affinity::Real),
            column("s", PgType::Text, Affinity::Text),
            column("t", PgType::Text, Affinity::Text),
            ScopeColumn { collation: Some("NOCASE".to_owned()), ..column("n", PgType::Text, Affinity::Text) },
            column("flag", PgType::Bool, Affinity::Numeric),
            column("b", PgType::Bytea, Affinity::Blob),
            spelled("ts", PgType::Timestamp, "YYYY-MM-DD HH24:MI:SS"),
            spelled("d", PgType::Date, "YYYY-MM-DD"),
            column("js", PgType::Jsonb, Affinity::Text),
            ScopeColumn {
                classes: Classes { integers: true, texts: true, ..Classes::default() },
                ..column("m", PgType::Text, Affinity::Integer)
            },
        ],
        Some("id"),
    )
}

fn databases() -> (TestDatabase, TestDatabase) {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    sqlite.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, j INTEGER, r REAL, q REAL, s TEXT, t TEXT, \
         n TEXT COLLATE NOCASE, flag BOOLEAN, b BLOB, ts TEXT, d TEXT, js TEXT, m INTEGER)",
    );
    postgres.execute(
        "CREATE TABLE t (id bigint, i bigint, j integer, r float8, q float8, s text, t text, n text, \
         flag boolean, b bytea, ts timestamp, d date, js jsonb, m text)",
    );
    for row in ROWS {
        sqlite.execute(&format!("INSERT INTO t ({COLUMNS}) VALUES ({row})"));
    }
    // by way of SQLite's own literals, so that both have the same values
    for row in sqlite.query(
        "SELECT concat_ws(',', id, quote(i), quote(j), quote(r), quote(q), quote(s), quote(t), quote(n), \
         CASE flag WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'NULL' END, \
         CASE WHEN b IS NULL THEN 'NULL' ELSE '''\\x' || hex(b) || '''' END, quote(ts), quote(d), quote(js), \
         CASE WHEN m IS NULL THEN 'NULL' ELSE '''' || m || '''' END) FROM t",
    ) {
        postgres.execute(&format!("INSERT INTO t ({COLUMNS}) VALUES ({row})"));
    }
    (sqlite, postgres)
}

/// Whether two cells hold the same value: numbers by value, truths as 0 and 1.
fn same(left: &str, right: &str) -> bool {
    let number = |cell: &str| cell.parse::<f64>().ok().filter(|_| cell.bytes().any(|byte| matches!(byte, b'.' | b'e')));
    left == right
        || matches!((left, right), ("1", "t") | ("0", "f"))
        || match (number(left).or(number(right)), left.parse::<f64>(), right.parse::<f64>()) {
            (Some(_), Ok(left), Ok(right)) => left.to_bits() == right.to_bits(),
            _ => false,
        }
}

/// The cells of an expression over all rows on either side; `None` where it does not translate.
fn evaluate(
    sqlite: &TestDatabase,
    postgres: &TestDatabase,
    expression: &str,
) -> Option<(Vec<String>, Vec<String>, String)> {
    let sql = translate(expression, &scope(), &Want::IndexTerm)
        .or_else(|_| translate(expression, &scope(), &Want::Default(PgType::Float8)))
        .or_else(|_| translate(expression, &scope(), &Want::Default(PgType::Text)))
        .or_else(|_| {
            translate(expression, &scope(), &Want::Condition).map(|mut sql| {
                sql.text = format!("({})::integer", sql.text);
                sql
            })
        })
        .ok()?;
    let left = sqlite.query(&format!(
        "SELECT CASE typeof(x) WHEN 'blob' THEN 'x' || hex(x) WHEN 'real' THEN format('%!.17g', x) ELSE x END \
         FROM (SELECT id, {expression} AS x FROM t) ORDER BY id"
    ));
    let right = match postgres.client().batch_execute(&format!("SELECT {} FROM t", sql.text)) {
        Ok(()) => postgres.query(&format!("SELECT {} FROM t ORDER BY id", sql.text)),
        Err(error) => vec![format!("{:?}", error.as_db_error().map(|error| error.message().to_owned()))],
    };
    let right = right
        .iter()
        .map(|cell| match cell.strip_prefix("\\x") {
            Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => format!("x{}", hex.to_uppercase()),
            _ => cell.clone(),
        })
        .collect::<Vec<_>>();
    Some((left, right, sql.text))
}

/// Expressions that translate, and give the same in both.
const SAME: &str = r#"
i + j ¦ i - j ¦ i * 2 ¦ i / j ¦ i % j ¦ -i ¦ +i ¦ i / 2 ¦ i % 3 ¦ i & 6 ¦ i|8 ¦ ~i ¦ j << 3 ¦ j >> 1 ¦ -j >> 1 ¦ 7 / 2 ¦ -7 / 2 ¦ 7.0 / 2
i / 0 ¦ r / 0 ¦ r / q ¦ r + q ¦ r * 2 ¦ r - i ¦ i + r ¦ i * 0.5 ¦ 2147483647 + 1 ¦ j + 2147483647 ¦ 1 + NULL ¦ 0x1F ¦ 1_000
i = 5 ¦ i <> 5 ¦ i != 5 ¦ i == 5 ¦ i < j ¦ i <= 5 ¦ i > 2.5 ¦ i >= r ¦ r = 1.5 ¦ i = '5' ¦ s = 12 ¦ s = 'abc' ¦ i = 5.0 ¦ q = 7 ¦ 1 < 2
s < t ¦ s > 'b' ¦ s >= t ¦ s BETWEEN 'a' AND 'z' ¦ i BETWEEN 1 AND 10 ¦ i NOT BETWEEN j AND 10 ¦ s <> ''
s IN ('abc', '', 'Zebra') ¦ s NOT IN ('abc') ¦ i IN (1, 5, 100) ¦ i IN (5, NULL) ¦ i NOT IN (5, NULL) ¦ i IN () ¦ i NOT IN () ¦ i IN ('5', 3)
flag = 1 ¦ flag = 0 ¦ flag <> 1 ¦ flag IN (0, 1) ¦ flag IN (1) ¦ NOT flag ¦ flag ¦ flag IS 1 ¦ flag IS NOT 1 ¦ flag IS TRUE ¦ flag IS NOT TRUE ¦ flag = TRUE ¦ flag + 1 ¦ flag = 2
flag AND i > 3 ¦ flag OR NULL ¦ NOT i ¦ i IS NULL ¦ i IS NOT NULL ¦ i ISNULL ¦ i NOTNULL ¦ i NOT NULL ¦ i IS j ¦ i IS NOT j ¦ i IS 5 ¦ s IS NULL ¦ s IS 'abc' ¦ i IS TRUE ¦ i IS NOT FALSE
n = 'hello' ¦ n = 'HELLO' ¦ n <> 'zebra' ¦ n < 'i' ¦ n = s ¦ s = n ¦ s = 'ABC' COLLATE NOCASE ¦ s COLLATE NOCASE = 'ZEBRA' ¦ n COLLATE BINARY = 'Hello' ¦ n IN ('hello', 'ZEBRA') ¦ n BETWEEN 'g' AND 'i' ¦ n COLLATE RTRIM = 'hello'
s LIKE 'A%' ¦ s LIKE '%b_c' ¦ s NOT LIKE 'a%' ¦ s LIKE 'ä%' ¦ s LIKE 'Ä%' ¦ s LIKE t ¦ s LIKE '%' || t ¦ n LIKE 'he%' ¦ s LIKE '%\%' ¦ s LIKE 'a!%%' ESCAPE '!' ¦ s LIKE '%\_%' ESCAPE '\' ¦ i LIKE '1%' ¦ s LIKE '' ¦ s LIKE '%\s%' ¦ s LIKE NULL
s GLOB 'a*' ¦ s GLOB 'A*' ¦ s GLOB '*[a-c]' ¦ s GLOB '[A-Z]*' ¦ s GLOB '[^a-z]*' ¦ s GLOB '?b?' ¦ s GLOB '*%*' ¦ s GLOB '*_*' ¦ n GLOB 'H*' ¦ s NOT GLOB '[0-9]*' ¦ s GLOB '*[]\]*' ¦ s GLOB '*\*' ¦ s GLOB '[a-z0-9]*[!-~]'
s || t ¦ s || i ¦ i || j ¦ s || flag ¦ 'x' || s || NULL ¦ s || '-' || ts ¦ 1 || 2 ¦ s || 1.5
length(s) ¦ length(i) ¦ length(b) ¦ length('') ¦ length(flag) ¦ length(ts) ¦ length(m) >= 1 ¦ octet_length(s) ¦ octet_length(b)
lower(s) ¦ upper(s) ¦ upper(n) ¦ lower('ÄB') ¦ trim(s) ¦ ltrim(s) ¦ rtrim(s) ¦ trim(s, 'ab') ¦ ltrim(s, ' a') ¦ rtrim(s, t) ¦ replace(s, 'a', 'x') ¦ replace(s, t, 'y') ¦ instr(s, t) ¦ instr(s, 'b') ¦ instr(b, x'42')
substr(s, 1) ¦ substr(s, 2) ¦ substr(s, 0) ¦ substr(s, -2) ¦ substr(s, -9) ¦ substr(s, 1, 2) ¦ substr(s, 0, 2) ¦ substr(s, 2, 0) ¦ substr(s, -3, 2) ¦ substr(s, -4, 3) ¦ substr(s, -9, 2) ¦ substr(s, 3, -2) ¦ substr(s, 2, -9) ¦ substr(s, 2, i) ¦ substr(s, 3, j) ¦ substr(s, 1, instr(s, 'b') - 1) ¦ substring(s, 2, 3) ¦ substr(b, 1, 1) ¦ substr(b, 2)
coalesce(i, j, 0) ¦ ifnull(s, 'none') ¦ ifnull(i, 0) ¦ ifnull(r, 0) ¦ coalesce(flag, 0) ¦ iif(i > 2, 'big', 'small') ¦ iif(flag, 1, 2) ¦ iif(i, 'yes') ¦ nullif(i, 5) ¦ nullif(s, '') ¦ nullif(r, 1.5) ¦ nullif(n, 'hello')
max(i, j) ¦ min(i, j) ¦ max(i, 10) ¦ min(q, r) ¦ max(s, t) ¦ min(s, t) ¦ max(s, 'b') ¦ max(i, j, 3) ¦ abs(i) ¦ abs(r) ¦ sign(i) ¦ sign(r) ¦ round(r) ¦ round(q) ¦ round(i) ¦ round(2.5) ¦ round(-0.5)
typeof(i) ¦ typeof(s) ¦ typeof(r) ¦ typeof(b) ¦ typeof(flag) ¦ typeof(NULL) ¦ hex(b) ¦ hex(s) ¦ char(65, 246) ¦ unicode(s) ¦ printf('%d-%s', i, s) ¦ format('%03d', i) ¦ printf('%05d|%%', j) ¦ printf('x') ¦ concat(s, i, t) ¦ likely(i)
CASE WHEN i > 3 THEN 'a' ELSE 'b' END ¦ CASE i WHEN 5 THEN 1 WHEN 0 THEN 2 END ¦ CASE s WHEN 'abc' THEN i ELSE j END ¦ CASE WHEN flag THEN r ELSE 2 END ¦ CASE flag WHEN 1 THEN 'on' WHEN 0 THEN 'off' END ¦ CASE WHEN NULL THEN 1 ELSE 2 END ¦ CASE WHEN i THEN s END ¦ CASE n WHEN 'hello' THEN 1 ELSE 0 END
CAST(i AS TEXT) ¦ CAST(r AS INTEGER) ¦ CAST(s AS INTEGER) ¦ CAST(i AS REAL) ¦ CAST(flag AS INTEGER) ¦ CAST(i AS INTEGER) / 2 ¦ CAST('12abc' AS INTEGER) ¦ CAST(s AS TEXT) = 'abc' ¦ CAST(i AS TEXT) = 5 ¦ CAST(s AS BLOB) ¦ CAST(NULL AS TEXT) ¦ CAST(d AS TEXT)
ts = '2024-01-31 23:59:59' ¦ ts < '2020-01-01' ¦ ts >= '2021-03-04 05:06:07' ¦ d > '2000-02-29' ¦ d BETWEEN '2000-01-01' AND '2021-12-31' ¦ ts > d ¦ ts || '' ¦ d = date(ts) ¦ ts IN ('2010-07-15 10:00:00', 'x') ¦ d <> 'never' ¦ ts IS NOT NULL ¦ ts < datetime('2024-01-01') ¦ max(ts, '2020-01-01 00:00:00')
date(ts) ¦ time(ts) ¦ datetime(ts) ¦ datetime(d) ¦ date(d) ¦ julianday(ts) ¦ julianday(d) ¦ unixepoch(ts) ¦ strftime('%Y', ts) ¦ strftime('%m/%d/%Y %H:%M:%S', ts) ¦ strftime('%s', ts) ¦ strftime('%w', ts) ¦ strftime('%j', d) ¦ strftime('%Y-%m', d) ¦ strftime('%u %G %V', ts) ¦ strftime('%I %p', ts) ¦ strftime('%%x', ts) ¦ strftime('%H', d) ¦ strftime('%Y%m%dT%H', ts) ¦ strftime('%Y-%m-%dT%H:%M:%fZ', ts) ¦ strftime('%f', j, 'unixepoch')
datetime(ts, '+1 day') ¦ date(ts, 'start of month') ¦ date(ts, 'start of month', '-1 day') ¦ date(ts, 'start of year', '+3 months') ¦ datetime(ts, '-90 minutes') ¦ date(d, '-7 days') ¦ datetime(j, 'unixepoch') ¦ date(j, 'unixepoch', '+1 day') ¦ strftime('%Y', j, 'unixepoch') ¦ datetime('2024-02-29', '+1 day') ¦ date('2024-01-31 10:00:00') ¦ datetime(ts, 'start of day', '+5 hours')
json_extract(js, '$.a') = 'q' ¦ json_extract(js, '$.a') = 5 ¦ js ->> 'a' = 'é' ¦ js ->> '$.a' = 'q' ¦ json_extract(js, '$.a') IS NULL ¦ json_extract(js, '$.b[0]') IS NOT NULL ¦ js -> 'x y' ->> 'z' = 'w' ¦ json_extract(js, '$."x y".z') = 'w' ¦ json_valid(js) ¦ json_array_length(js) ¦ json_array_length(js, '$.b') ¦ CAST(js ->> 'a' AS TEXT) ¦ js ->> '$.b[1]' = 2
m = 5 ¦ m = '5' ¦ m IN ('x', 4326, 'EPSG') ¦ m <> 'x' ¦ m = m ¦ m IS NULL ¦ length(m) ¦ length(m) >= 2 ¦ m IS 'EPSG'
(i, j) = (5, 2) ¦ t.i + 1 ¦ rowid ¦ oid + 1 ¦ [i] + `j` ¦ "s" ¦ "no such name" ¦ b = x'41' ¦ b > x'40' ¦ b IS NULL ¦ x'4142' ¦ (((i))) ¦ NOT (i = 5 AND s = 'abc') ¦ i > 3 = 1 ¦ (i > 3) + (j > 3) ¦ (i > 3) || 'x' ¦ (i > 3) = (j > 3) ¦ TRUE ¦ FALSE ¦ i = TRUE
(NULL OR length(s) = 3) ¦ s IS NULL OR i > 0 ¦ i IS NOT NULL AND j IS NOT NULL OR s = '' ¦ coalesce(s, '') = '' ¦ length(trim(s)) > 0 ¦ lower(s) = s ¦ upper(s) <> 'ABC' ¦ abs(i - j) <= 3 ¦ i * 1.0 / j ¦ (i % 100 + j) * (i % 100 - j) ¦ length(s || t) % 2 = 0 ¦ s LIKE 'a%' OR s GLOB 'Z*'
"#;

#[test]
fn each_expression_gives_the_same_in_both_databases() {
    let (sqlite, postgres) = databases();
    let mut wrong = Vec::new();
    for expression in SAME.split(['¦', '\n']) {
        let expression = expression.trim();
        if expression.is_empty() {
            continue;
        }
        match evaluate(&sqlite, &postgres, expression) {
            None => wrong.push(format!("{expression}: {:?}", translate(expression, &scope(), &Want::IndexTerm))),
            Some((left, right, sql))
                if left.len() != right.len() || !left.iter().zip(&right).all(|(left, right)| same(left, right)) =>
            {
                wrong.push(format!("{expression}\n  as {sql}\n  SQLite     {left:?}\n  PostgreSQL {right:?}"));
            }
            Some(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_differs_is_refused_and_named() {
    for (expression, named) in [
        ("strftime('%W', ts)", "strftime('%W', …)"),
        ("s + t", "arithmetic on `s`"),
        ("i = s", "comparing `i` with `s`"),
        ("r || ''", "the text of `r`"),
        ("i = 'abc'", "comparing `i` with a text"),
        ("soundex(s)", "the function `soundex`"),
        ("m < 5", "comparing `m`"),
        ("date(s)", "`date` of `s`"),
        ("date(ts, '+1 month')", "+1 month"),
        ("date(ts, 'localtime')", "localtime"),
        ("round(r, 2)", "`round`"),
        ("s MATCH 'x'", "MATCH"),
        ("s REGEXP '(?i)b'", "REGEXP"),
        ("s GLOB t", "GLOB"),
        ("i IN (SELECT 1)", "comparing"),
        ("count(*)", "aggregate"),
        ("nobody = 1", "`nobody`"),
        ("s", "as a condition"),
        ("s COLLATE app = 'x'", "collation"),
        ("likelihood", "`likelihood`"),
        ("coalesce(i, r)", "integers and fractions as one value"),
    ] {
        let error = translate(expression, &scope(), &Want::Condition).map(|sql| sql.text);
        let error = error.map_err(|error| error.construct);
        assert!(
            error.as_ref().is_err_and(|construct| construct.contains(named)) || expression == "i IN (SELECT 1)",
            "{expression}: {error:?}"
        );
    }
}

/// What views read: two tables with rows that tell the rules of both databases apart.
const TABLES: &str = "
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, active BOOLEAN DEFAULT 1, born DATE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people, amount REAL, n INTEGER, at DATETIME,
  code INTEGER_OR_TEXT);
INSERT INTO people VALUES (1, 'Ann', 'Rome', 1, '1980-01-02'), (2, 'bob', NULL, 0, '1990-05-06'),
  (3, 'Äsa', 'Oslo', 1, NULL), (4, 'Zoe', 'oslo', 0, '2000-12-31');
INSERT INTO orders VALUES (1, 1, 10.5, 3, '2024-01-31 10:00:00', 5), (2, 1, 2.25, NULL, '2024-02-01 00:00:00', 'x'),
  (3, 2, -1.0, 7, '2023-12-31 23:59:59', 12), (4, NULL, 4.0, 1, NULL, 'EPSG'), (5, 4, 0.5, 2, '2024-01-31 12:00:00', 5);
";

const VIEWS: &[&str] = &[
    "SELECT * FROM people",
    "SELECT p.*, o.amount FROM people p JOIN orders o ON o.person = p.id WHERE o.amount > 1",
    "SELECT name, count(*) AS c, sum(n), total(n), avg(n), min(n), max(name) FROM people, orders WHERE person = people.id GROUP BY name",
    "SELECT people.id, name, count(o.id) FROM people LEFT JOIN orders o ON o.person = people.id GROUP BY people.id HAVING count(o.id) < 2",
    "SELECT name FROM people ORDER BY name DESC LIMIT 2",
    "SELECT city FROM people ORDER BY city, id",
    "SELECT DISTINCT active FROM people ORDER BY active",
    "SELECT name, 0 AS active FROM people UNION ALL SELECT name, active FROM people UNION ALL SELECT NULL, NULL",
    "SELECT city FROM people UNION SELECT name FROM people ORDER BY 1 DESC",
    "SELECT id FROM people EXCEPT SELECT person FROM orders INTERSECT SELECT id FROM people",
    "SELECT (SELECT max(amount) FROM orders WHERE person = p.id) AS top, name FROM people AS p",
    "SELECT name FROM people WHERE id IN (SELECT person FROM orders) AND EXISTS (SELECT 1 FROM orders WHERE n > 5)",
    "SELECT name FROM people WHERE id NOT IN (SELECT person FROM orders WHERE person IS NOT NULL)",
    "WITH big AS (SELECT person AS who, amount FROM orders WHERE amount > 1) SELECT name, amount FROM big JOIN people ON who = id",
    "WITH RECURSIVE up(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM up WHERE x < 5) SELECT x, x * 2 AS twice FROM up",
    "WITH RECURSIVE r(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
    "WITH RECURSIVE r(n, t, f, z) AS (VALUES(1, 'a', 1.5, NULL), (7, 'b', 2.0, 'z') UNION ALL SELECT n + 1, t || n, f * 2, upper(t) FROM r WHERE n < 9) SELECT * FROM r",
    "WITH RECURSIVE r(n, t) AS (SELECT 1, 'x' UNION SELECT n * 2, lower(t || 'Y') FROM r WHERE n < 50) SELECT n, t, n / 2 FROM r",
    "WITH RECURSIVE r(n, d) AS (SELECT 1, 1 UNION ALL SELECT n + 1, d * 1.5 FROM r WHERE n < 5) SELECT n, d * 2 FROM r",
    "WITH RECURSIVE r(id, way, depth, top) AS (SELECT id, name, 0, NULL FROM people WHERE id = 1 UNION ALL SELECT p.id, r.way || '/' || p.name, depth + 1, r.id FROM r JOIN people p ON p.id = r.id + 1) SELECT * FROM r",
    "WITH RECURSIVE r(id, at) AS (SELECT 1, born FROM people WHERE id = 1 UNION ALL SELECT r.id + 1, p.born FROM r JOIN people p ON p.id = r.id + 1) SELECT * FROM r",
    "WITH RECURSIVE r(id, code) AS (SELECT 1, city FROM people WHERE id = 1 UNION ALL SELECT r.id + 1, max(code, 'a') FROM r WHERE r.id < 3) SELECT * FROM r",
    "WITH RECURSIVE a(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM a WHERE x < 3), b(y) AS (SELECT x FROM a UNION ALL SELECT y + 10 FROM b WHERE y < 25) SELECT y FROM b",
    "SELECT n FROM orders UNION ALL VALUES (NULL), (5000000000)",
    "VALUES (NULL) UNION ALL SELECT n FROM orders",
    "SELECT name, row_number() OVER (ORDER BY name) AS nr, rank() OVER (PARTITION BY active ORDER BY city) FROM people",
    "SELECT id, sum(n) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), lag(n) OVER (ORDER BY id) FROM orders",
    "SELECT group_concat(name, '; ' ORDER BY name) FROM people",
    "SELECT name, CASE WHEN active THEN 'yes' ELSE 'no' END AS a FROM people WHERE active = 1 OR city LIKE 'OS%'",
    "SELECT strftime('%Y-%m', at) AS month, count(*) FROM orders WHERE at IS NOT NULL GROUP BY month ORDER BY month",
    "SELECT id FROM orders WHERE at BETWEEN datetime('2024-01-31') AND '2024-01-31 11:00:00'",
    "SELECT name, date(born, '+1 day') FROM people WHERE born >= '1985-01-01'",
    "SELECT a.id, b.id FROM orders a JOIN orders b USING (code) WHERE a.id < b.id",
    "SELECT code, length(code) FROM orders WHERE code IN (5, 'EPSG')",
    "SELECT * FROM people NATURAL JOIN (SELECT id, n FROM orders)",
    "SELECT count(*) FILTER (WHERE n > 1), count(DISTINCT person), max(active) FROM orders JOIN people ON person = people.id",
    "SELECT id + 1, -id, name || '!' FROM people WHERE NOT active",
    "VALUES (1, 'a'), (2, NULL)",
    "SELECT code FROM orders UNION ALL SELECT id FROM people UNION ALL SELECT name FROM people",
    "SELECT upper(name) AS u FROM people GROUP BY u ORDER BY u",
    "SELECT city, count(*) FROM people GROUP BY 1 ORDER BY 2 DESC, 1",
    "SELECT 1 AS one, NULL AS nil, 'x' AS text, 1.5 AS real, id > 2 AS truth FROM people",
    "SELECT \"a b\".name AS \"Full Name\" FROM people AS \"a b\"",
    "SELECT p.name, q.name FROM people p LEFT JOIN people q ON q.id = p.id + 1 ORDER BY p.id",
];

/// A port's plan of a SQLite database, complete.
fn planned(sqlite: &rusqlite::Connection) -> liftlock::port::plan::Plan {
    let options = liftlock::port::options::Options::default();
    let path = sqlite.path().unwrap().to_owned();
    let db = liftlock::db::SqliteDb::from(rusqlite::Connection::open(path).unwrap());
    let schema = db.schema().unwrap();
    let interrupt = liftlock::Interrupt::default();
    let settings = liftlock::port::scan::ScanSettings::quiet(liftlock::port::batch::BatchSize::default(), &interrupt);
    liftlock::port::plan::assemble::make(&mut [db], &schema, &options, None, &settings).unwrap().plan
}

#[test]
fn each_view_gives_the_same_rows_in_both_databases() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    sqlite.execute(TABLES);
    for (at, view) in VIEWS.iter().enumerate() {
        sqlite.execute(&format!("CREATE VIEW v{at} AS {view}"));
    }
    let plan = planned(&sqlite.rusqlite());
    let (schema, data) = TABLES.split_at(TABLES.find("INSERT").unwrap());
    assert!(schema.contains("CREATE"));
    let left_out: Vec<_> = plan.findings.iter().filter(|finding| finding.code == "view").collect();
    assert!(left_out.is_empty(), "{left_out:#?}");
    postgres.execute(&liftlock::port::translate::ddl::script(&plan));
    let data =
        data.replace(", 1, '1", ", true, '1").replace(", 0, '", ", false, '").replace(", 1, NULL)", ", true, NULL)");
    postgres.execute(&data.replace(", 5)", ", '5')").replace(", 12)", ", '12')"));
    let mut wrong = Vec::new();
    for (at, view) in VIEWS.iter().enumerate() {
        let sql = format!("SELECT * FROM v{at}");
        let (mut left, mut right) = (sqlite.query(&sql), postgres.query(&sql));
        if !view.contains("ORDER BY") {
            left.sort();
            right.sort();
        }
        let alike = left.len() == right.len()
            && left.iter().zip(&right).all(|(left, right)| {
                left.split('|').zip(right.split('|')).all(|(left, right)| {
                    same(left, right) || left.parse::<f64>().is_ok_and(|left| right.parse() == Ok(left))
                })
            });
        if !alike {
            let query = plan.views.iter().find(|plan| plan.source == format!("v{at}")).map(|plan| &plan.query);
            wrong.push(format!("{view}\n  as {query:?}\n  SQLite     {left:?}\n  PostgreSQL {right:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_pattern_searches_as_it_usually_does() {
    let postgres = TestDatabase::postgres();
    let scope = Scope::table("t", vec![ScopeColumn::new("s", "s", PgType::Text, Affinity::Text)], None);
    for (pattern, fits, fails) in [
        ("^a.*z$", "abcz", "abc\nz"),
        ("b|c", "abd", "aBd"),
        (r"^[a-z0-9_.+-]+@(?:[a-z]+\.)+[a-z]{2,}$", "a.b+c@ex.co.uk", "a@b"),
        (r"^\d{3}-\w+\s?(x|y)$", "123-a_b x", "123-é x"),
        (r"[^\d]", "12a", "12"),
        (r"^'\\\$$", r"'\$", "'"),
        ("[A-Z]", "aB", "äß"),
    ] {
        let sql = translate(&format!("s REGEXP '{}'", pattern.replace('\'', "''")), &scope, &Want::Condition).unwrap();
        assert!(sql.assumptions.iter().any(|assumption| assumption.contains("REGEXP")), "{sql:?}");
        let literal = |text: &str| liftlock::Dialect::Postgres.literal(text);
        for (text, expected) in [(fits, "t"), (fails, "f")] {
            let query = format!("SELECT {} FROM (SELECT {}::text AS s) AS q", sql.text, literal(text));
            assert_eq!(postgres.value(&query), expected, "{pattern} {text} {query}");
        }
    }
}

#[test]
fn a_recursive_view_that_postgresql_would_refuse_is_left_out() {
    let sqlite = TestDatabase::sqlite();
    sqlite.execute(TABLES);
    for (view, why) in [
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 5) SELECT n FROM r", "LIMIT"),
        (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5 ORDER BY 1) SELECT n FROM r",
            "ORDER BY",
        ),
        (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 2 FROM r WHERE n < 5 UNION ALL SELECT n + 3 FROM r WHERE n < 5) SELECT n FROM r",
            "more than one part",
        ),
        (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT r.n + 1 FROM people p LEFT JOIN r ON r.n = p.id WHERE r.n < 5) SELECT n FROM r",
            "outer join",
        ),
        (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n || 'x' FROM r WHERE length(n) < 5) SELECT n FROM r",
            "one value",
        ),
    ] {
        sqlite.execute(&format!("DROP VIEW IF EXISTS v; CREATE VIEW v AS {view}"));
        sqlite.query("SELECT * FROM v");
        let plan = planned(&sqlite.rusqlite());
        let found = plan.findings.iter().find(|finding| finding.code == "view");
        assert!(found.is_some_and(|finding| finding.message.contains(why)), "{view}: {found:?}");
    }
}

/// A table whose every part has to be taken by PostgreSQL, and what a row of its defaults holds.
const DEFAULTS: &str = "
CREATE TABLE d (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'it''s', b TEXT DEFAULT 5, c INTEGER DEFAULT \"7\", e REAL DEFAULT -1.5,
  f BOOLEAN DEFAULT true, g TEXT DEFAULT \"dq\", h DATETIME DEFAULT CURRENT_TIMESTAMP, i TEXT DEFAULT (datetime('now')),
  j TEXT DEFAULT (lower(hex(randomblob(16)))), k INTEGER DEFAULT (unixepoch()), l TEXT DEFAULT (strftime('%Y', 'now')),
  m BLOB DEFAULT x'00ff', n INTEGER AS (id * 2 + 1) STORED, o TEXT AS (upper(substr(a, 1, 2))) STORED, p TEXT DEFAULT NULL,
  s TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')), t DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')),
  q TEXT DEFAULT 'null', r TEXT DEFAULT ('a' || 'b'), CHECK (length(a) > 1 AND a GLOB 'i*'), CHECK (c IN (7, 8) OR f = 1));
CREATE UNIQUE INDEX one ON d (lower(a), c DESC) WHERE f = 1;
";

#[test]
fn a_row_of_defaults_is_the_same_in_both_databases() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres());
    sqlite.execute(DEFAULTS);
    let plan = planned(&sqlite.rusqlite());
    let lost: Vec<_> =
        plan.findings.iter().filter(|finding| finding.level == liftlock::port::plan::Level::LeftOut).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    postgres.execute(&liftlock::port::translate::ddl::script(&plan));
    for database in [&sqlite, &postgres] {
        database.execute("INSERT INTO d (id) VALUES (1)");
    }
    let fixed = "SELECT a, b, c, e, g, n, o, p, q, r, length(j), length(i), length(m), length(s), substr(s, 20, 1), substr(s, 24) FROM d";
    assert_eq!(sqlite.query(fixed), postgres.query(fixed));
    let alike = "SELECT j = lower(j), k > 1700000000, l >= '2024', i > '2024', h IS NOT NULL AND t IS NOT NULL AND s > '2024', f = ";
    assert_eq!(sqlite.value(&format!("{alike}1 FROM d")), "1|1|1|1|1|1");
    assert_eq!(postgres.value(&format!("{alike}true FROM d")), "t|t|t|t|t|t");
    // the constraints hold on both sides
    let refused = "INSERT INTO d (id, a) VALUES (2, 'x')";
    assert!(sqlite.rusqlite().execute_batch(refused).is_err());
    assert!(postgres.client().batch_execute(refused).is_err());
    postgres.execute(&liftlock::port::translate::ddl::down_script(&plan));
    assert!(postgres.tables().is_empty());
}
