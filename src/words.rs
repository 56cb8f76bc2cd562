//! Numbers and sizes as a person reads them.

/// ``1 row``, ``2 rows``.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// ``1 row is``, ``2 rows are``.
pub(crate) fn are(number: u64, noun: &str) -> String {
    format!("{} {}", counted(number, noun), if number == 1 { "is" } else { "are" })
}

/// ``1 row has``, ``2 rows have``.
pub(crate) fn have(number: u64, noun: &str) -> String {
    format!("{} {}", counted(number, noun), if number == 1 { "has" } else { "have" })
}

/// 1234567 → 1,234,567.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// 1536 → 1.5 KiB; what is less than a KiB is counted in `plain`.
pub(crate) fn size(bytes: u64, plain: &str) -> String {
    let (mut number, mut unit) = (bytes as f64, plain);
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if number < 1024.0 {
            break;
        }
        (number, unit) = (number / 1024.0, larger);
    }
    if unit == plain { format!("{bytes} {plain}") } else { format!("{number:.1} {unit}") }
}
/// Bytes as hexadecimal digits, in small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    // no text of its own for each byte: a file's hash is written for each of many small files
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(half)]));
        }
        text
    })
}
