//! Values to the server and back, by COPY in its binary format.

use std::io::{Read as _, Write as _};

use liftlock::value::{Canonical, Conversion, Fidelity, PgType, Reading};
use postgres::Client;

use super::generators::Value;

/// A value that its type took.
pub struct Taken {
    pub value: Value,
    pub fidelity: Fidelity,
    /// With its length before it.
    pub field: Vec<u8>,
}

/// Those of the values that the type takes.
pub fn take(to: &PgType, reading: Reading, values: impl IntoIterator<Item = Value>) -> Vec<Taken> {
    let conversion = Conversion::new(to, reading);
    let mut taken = Vec::new();
    for value in values {
        let mut field = Vec::new();
        if let Ok(fidelity) = conversion.encode(value.borrowed(), &mut field) {
            taken.push(Taken { value, fidelity, field });
        }
    }
    taken
}

/// Copies fields into a new table `v(n int, value <type>)` in COPY's binary format.
pub fn copy_in(client: &mut Client, to: &PgType, taken: &[Taken]) {
    client.batch_execute(&format!("DROP TABLE IF EXISTS v; CREATE TABLE v (n int, value {to})")).unwrap();
    let mut wire = b"PGCOPY\n\xff\r\n\0".to_vec();
    wire.extend_from_slice(&[0; 8]);
    for (n, taken) in taken.iter().enumerate() {
        wire.extend_from_slice(&2i16.to_be_bytes());
        wire.extend_from_slice(&4i32.to_be_bytes());
        wire.extend_from_slice(&(n as i32).to_be_bytes());
        wire.extend_from_slice(&taken.field);
    }
    wire.extend_from_slice(&(-1i16).to_be_bytes());
    let mut writer = client.copy_in("COPY v FROM STDIN (FORMAT binary)").unwrap();
    writer.write_all(&wire).unwrap();
    if let Err(error) = writer.finish() {
        let error = error.as_db_error().unwrap();
        panic!("{to}: {error} {:?} {:?}", error.detail(), error.where_());
    }
}

/// The one column of a query, in its order, as the server sends it.
pub fn copy_out(client: &mut Client, query: &str) -> Vec<Option<Vec<u8>>> {
    let mut wire = Vec::new();
    let sql = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let mut reader = client.copy_out(&sql).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    reader.read_to_end(&mut wire).unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let mut rest = &wire[19..];
    let mut fields = Vec::new();
    loop {
        let (columns, after) = rest.split_first_chunk::<2>().unwrap();
        if i16::from_be_bytes(*columns) == -1 {
            return fields;
        }
        let (length, after) = after.split_first_chunk::<4>().unwrap();
        rest = after;
        fields.push(usize::try_from(i32::from_be_bytes(*length)).ok().map(|length| {
            let (field, after) = rest.split_at(length);
            rest = after;
            field.to_vec()
        }));
    }
}

pub fn contents(field: &[u8]) -> Option<&[u8]> {
    (field[..4] != [0xff; 4]).then(|| &field[4..])
}

pub fn canonical(of: &PgType, field: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    Canonical::new(of).append(field, &mut out).unwrap();
    out
}

/// Sends the values, and asserts that what the server has stored has the same canonical form.
#[track_caller]
pub fn come_back(client: &mut Client, to: &PgType, taken: &[Taken]) {
    copy_in(client, to, taken);
    let stored = copy_out(client, "SELECT value FROM v ORDER BY n");
    assert_eq!(stored.len(), taken.len());
    for (sent, stored) in taken.iter().zip(&stored) {
        let sent_form = canonical(to, contents(&sent.field));
        let stored_form = canonical(to, stored.as_deref());
        assert_eq!(sent_form, stored_form, "{to}: {:?} came back as {stored:?}", sent.value);
        if Canonical::new(to).is_identity() {
            assert_eq!(contents(&sent.field), stored.as_deref(), "{to}: {:?}", sent.value);
        }
    }
}

/// What the server's own cast makes of the same texts.
pub fn cast(client: &mut Client, expression: &str, taken: &[Taken]) -> Vec<Option<Vec<u8>>> {
    let texts: Vec<String> = taken.iter().map(|taken| spelled(&taken.value)).collect();
    client.batch_execute("DROP TABLE IF EXISTS texts; CREATE TABLE texts (n int, t text)").unwrap();
    client
        .execute("INSERT INTO texts SELECT n, t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n)", &[&texts])
        .unwrap();
    copy_out(client, &format!("SELECT {expression} FROM texts ORDER BY n"))
}

/// A value's text: of a number the shortest decimal that reads as the same number again.
pub fn spelled(value: &Value) -> String {
    match value {
        Value::Text(text) => String::from_utf8(text.clone()).unwrap(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        other => panic!("{other:?}"),
    }
}
