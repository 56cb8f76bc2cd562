//! The checksum as docs/checksums.md defines it: its test vectors, and a Python program that has only that to go by.

use std::process::Command;

use liftlock::value::{Canonical, Checksum, Conversion, PgType, Reading, SqlValue, row_hash};
use rusqlite::types::ValueRef;
use tempfile::TempDir;

/// Runs tests/it/checksum.py; `None`, with a line that says so, where there is no Python.
fn python(arguments: &[&str]) -> Option<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/checksum.py");
    match Command::new("python3").arg(program).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("skipped: python3 can't be run: {error}");
            None
        }
    }
}

fn sql_value(value: ValueRef<'_>) -> SqlValue<'_> {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(text) => SqlValue::Text(text),
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes),
    }
}

fn append_canonical(of: &PgType, value: SqlValue<'_>, row: &mut Vec<u8>) {
    let mut field = Vec::new();
    Conversion::new(of, Reading::default())
        .encode(value, &mut field)
        .unwrap_or_else(|misfit| panic!("{of}: {value:?}: {misfit:?}"));
    let contents = (field[..4] != [0xff; 4]).then(|| &field[4..]);
    Canonical::new(of).append(contents, row).unwrap();
}

/// The checksum of a query's rows, its columns taken as these types.
fn ours(connection: &rusqlite::Connection, query: &str, types: &[PgType]) -> Checksum {
    let mut statement = connection.prepare(query).unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut sum = Checksum::default();
    while let Some(values) = rows.next().unwrap() {
        let mut row = Vec::new();
        for (at, of) in types.iter().enumerate() {
            append_canonical(of, sql_value(values.get_ref(at).unwrap()), &mut row);
        }
        sum.add(row_hash(&row));
    }
    sum
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn python_hashes_every_length_as_we_do() {
    let lengths = (0..=300).chain([511, 512, 513, 1023, 1024, 1025, 1087, 1088, 1089, 2048, 2049, 3100]);
    let inputs: Vec<Vec<u8>> =
        lengths.map(|length: usize| (0..length).map(|at| (at * at * 31 + at * 7 + length) as u8).collect()).collect();
    let mut arguments = vec!["--hash".to_owned()];
    arguments.extend(inputs.iter().map(|input| hex(input)));
    let Some(printed) = python(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) else { return };
    assert_eq!(printed.lines().count(), inputs.len());
    for (input, line) in inputs.iter().zip(printed.lines()) {
        assert_eq!(format!("{:032x}", row_hash(input)), line, "{} bytes", input.len());
    }
}

#[test]
fn python_comes_to_the_same_sum() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    // columns without a type keep each value's storage class
    connection
        .execute_batch(
            "CREATE TABLE t (b, i2, i4, i8, f8, n, t, c, y, d, ts, tz, u, j, l);
             INSERT INTO t VALUES
               (1, -32768, 2147483647, 9223372036854775807, 0.1, '1.10', 'ä😀', 'ab  ', x'00ff', '2024-02-29',
                '2024-01-02 03:04:05.678', '2024-01-02T03:04:05+02:00', '01234567-89AB-cdef-0123-456789abcdef',
                '{\"b\":[1.0,2e3,\"\\u00e9\\n\"],\"aa\":null,\"a\":{\"y\":true,\"x\":-0.50}}', '[1.50, null, 100]'),
               (0, 0, 0, 0, -0.0, 12345678901234567890, '', '', x'', '0001-01-01', '9999-12-31 23:59:59.999999',
                '1970-01-01 00:00:00Z', '00000000000000000000000000000000', '\"\\u0001\\u001f\\\"\\\\\\/\"', '[]'),
               ('t', 1, -1, -1, 1e300, 1e-7, 'a''b', '   ', zeroblob(300), '1999-12-31', '1969-12-31', '2024-01-02 03:04-03:30',
                '{ffffffff-ffff-ffff-ffff-ffffffffffff}', '[]', '[-0.000]'),
               (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
             INSERT INTO t (i8, f8, n, t, y)
               WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
               SELECT i * 1234567 * i, i / 7.0, i / 3.0, printf('%.*c', i * 9, 'x'), zeroblob(i) FROM n;
             INSERT INTO t (i8) VALUES (5), (5)",
        )
        .unwrap();
    let columns = [
        ("b", "boolean"),
        ("i2", "smallint"),
        ("i4", "integer"),
        ("i8", "bigint"),
        ("f8", "double precision"),
        ("n", "numeric"),
        ("t", "text"),
        ("c", "char"),
        ("y", "bytea"),
        ("d", "date"),
        ("ts", "timestamp"),
        ("tz", "timestamptz"),
        ("u", "uuid"),
        ("j", "jsonb"),
        ("l", "numeric[]"),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let types = columns.map(|(_, of)| if of == "char" { "char(9)" } else { of }.parse().unwrap());
    let sum = ours(&connection, &format!("SELECT {names} FROM t"), &types);
    assert_eq!(sum.rows, 206);
    assert_eq!(sum, ours(&connection, &format!("SELECT {names} FROM t ORDER BY random()"), &types));
    let mut arguments = vec![path.to_str().unwrap().to_owned(), "t".to_owned()];
    arguments.extend(columns.map(|(name, of)| format!("{name}:{of}")));
    let Some(printed) = python(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) else { return };
    assert_eq!(printed.trim_end(), format!("{} {sum}", sum.rows));
}

/// The rows of the table under `heading` in docs/checksums.md: the contents of their cells, without backquotes.
fn vectors(heading: &str) -> Vec<Vec<String>> {
    let (_, section) = include_str!("../../docs/checksums.md").split_once(heading).unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table
        .skip(2)
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

#[test]
fn the_documented_vectors_hold() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let mut missed = Vec::new();
    let fields = vectors("### Fields");
    assert!(fields.len() > 20);
    for cells in fields {
        let [of, value, documented] = cells.as_slice() else { panic!("{cells:?}") };
        let mut row = Vec::new();
        connection
            .query_row(&format!("SELECT {value}"), [], |read| {
                append_canonical(&of.parse().unwrap(), sql_value(read.get_ref(0)?), &mut row);
                Ok(())
            })
            .unwrap();
        let (length, contents) = row.split_at(4);
        let computed = format!("{} {}", hex(length), hex(contents));
        if computed.trim_end() != documented {
            missed.push(format!("| `{of}` | `{value}` | `{}` |", computed.trim_end()));
        }
    }
    let types: Vec<PgType> = ["bigint", "text", "numeric", "timestamp"].map(|of| of.parse().unwrap()).to_vec();
    let mut all = Checksum::default();
    for cells in vectors("### Rows") {
        let [values, documented] = cells.as_slice() else { panic!("{cells:?}") };
        let sum = match values.as_str() {
            "all three" => all,
            values => ours(&connection, &format!("SELECT {values}"), &types),
        };
        all += sum;
        if sum.to_string() != *documented {
            missed.push(format!("| `{values}` | `{sum}` |"));
        }
    }
    assert!(missed.is_empty(), "docs/checksums.md should say:\n{}", missed.join("\n"));
}
