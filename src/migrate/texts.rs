//! Two texts: whether they are the same, and where they differ.

/// Whether two texts are the same but for line ends and a byte order mark, as checksums are compared.
#[must_use]
pub(crate) fn same_text(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    one == other || plain(one) == plain(other)
}

/// The lines that differ, as `diff -u` prints them.
#[must_use]
pub(crate) fn difference(old: &str, new: &str) -> String {
    similar::TextDiff::from_lines(old, new).unified_diff().context_radius(2).to_string().trim_end().to_owned()
}
