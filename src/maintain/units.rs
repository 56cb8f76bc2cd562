//! Numbers of bytes as people read them.

/// `1.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if number < 1024.0 {
            break;
        }
        (number, unit) = (number / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_unit() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)].join(" "), "0 B 1023 B 1.5 KiB 5.0 GiB");
    }
}
