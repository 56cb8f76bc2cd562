//! Numbers of bytes as people read them.

/// `1.5 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    crate::words::size(bytes, "B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_unit() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)].join(" "), "0 B 1023 B 1.5 KiB 5.0 GiB");
    }
}
