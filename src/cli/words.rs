//! Numbers as people read them.

pub(super) use crate::maintain::units::bytes;

/// `1 row`, `2 rows`.
pub(super) fn count(number: u64, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {what}{end}")
}

/// `45 s`, `12 min`, `5 h`, `3 days`.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_unit() {
        assert_eq!([age(119), age(120), age(7200), age(172_800)].join(" "), "119 s 2 min 2 h 2 days");
    }
}
