//! Names that are not UTF-8: a database with the encoding SQL_ASCII takes any bytes, and hands them out as they are.

use super::cells::ask;
use crate::audit::AuditError;
use crate::db::PostgresDb;

/// Refuses to go on where something that is read is not UTF-8: without it an index would seem to have no WHERE clause, or
/// a table to be another one.
pub(super) fn check(db: &mut PostgresDb) -> Result<(), AuditError> {
    let mut found = Vec::new();
    ask(db, "the names", include_str!("names.sql"), |_, row| {
        let written = row.text(2)?;
        if std::str::from_utf8(&bytes(written)).is_err() {
            found.push((row.text(0)?.to_owned(), row.number::<u32>(1)?, written.to_owned()));
        }
        Ok(())
    })?;
    match found.len() {
        0 => Ok(()),
        count => {
            let (what, oid, written) = found.swap_remove(0);
            Err(AuditError::NotUtf8 { what, oid, written, others: count - 1 })
        }
    }
}

/// What `encode(…, 'escape')` was given: `\351` is a byte, `\\` a backslash.
fn bytes(written: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = written.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                bytes.push(b'\\');
                after
            }
            (b'\\', [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', after @ ..]) => {
                bytes.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
                after
            }
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_bytes_are_read_back() {
        assert_eq!(bytes(r"caf\303\251 \\351 \9"), "café \\351 \\9".as_bytes());
        assert_eq!(bytes(r"caf\351"), b"caf\xe9");
    }
}
