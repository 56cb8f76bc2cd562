//! `uuid` from text and from blobs of 16 bytes.

use super::{Fidelity, Misfit, SqlValue};

/// `uuid`: hyphenated, as 32 digits, either in braces; or the 16 bytes themselves.
pub(super) fn uuid(value: SqlValue<'_>, out: &mut Vec<u8>) -> Result<Fidelity, Misfit> {
    match value {
        SqlValue::Text(text) => {
            let (bytes, fidelity) = parse(text).ok_or(Misfit::Syntax)?;
            out.extend_from_slice(&bytes);
            Ok(fidelity)
        }
        SqlValue::Blob(bytes) if bytes.len() == 16 => {
            out.extend_from_slice(bytes);
            Ok(Fidelity::Reclassed)
        }
        SqlValue::Blob(_) => Err(Misfit::Length),
        _ => Err(Misfit::Class),
    }
}

fn parse(text: &[u8]) -> Option<([u8; 16], Fidelity)> {
    let bare = match text {
        [b'{', inner @ .., b'}'] => inner,
        bare => bare,
    };
    let hyphenated = bare.len() == 36;
    if !hyphenated && bare.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    let mut nibbles = 0;
    let mut lower = true;
    for (at, byte) in bare.iter().enumerate() {
        if hyphenated && matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => {
                lower = false;
                byte - b'A' + 10
            }
            _ => return None,
        };
        bytes[nibbles / 2] = bytes[nibbles / 2] << 4 | digit;
        nibbles += 1;
    }
    let printed = lower && text.len() == 36;
    Some((bytes, if printed { Fidelity::Exact } else { Fidelity::Respelled }))
}
