//! Bits of HTML for numbers that programs can read, and for names on either side.

use std::time::Duration;

pub(super) use crate::html::{Page, escape};
use crate::words::thousands;

/// A number: in groups for people, and as it is for programs.
pub(super) fn grouped(number: u64) -> String {
    format!("<data value=\"{number}\">{}</data>", thousands(number))
}

/// So many of something: `1 row`, `2 rows`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A duration, with the milliseconds that the JSON report has, too.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = (duration.as_secs_f64() * 1000.0).round() / 1000.0;
    format!("<data value=\"{seconds}\">{seconds:.3} s</data>")
}

/// A name in SQLite, and in PostgreSQL where that is another.
pub(super) fn arrow(source: &str, target: &str) -> String {
    let (source, target) = (escape(source), escape(target));
    if source == target || target.is_empty() { source } else { format!("{source} → {target}") }
}
