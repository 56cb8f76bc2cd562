//! Names against patterns of `*` and `?`.

/// Whether `name` fits `pattern`, where `*` stands for any text, `?` for one character, and ASCII letters are alike in
/// either case, as they are in SQLite's names.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // after a `*`: what follows it, and where in the name it is tried next
    let mut retry = None;
    loop {
        let mut rest = pattern.clone();
        match (rest.next(), name.clone().next()) {
            (Some('*'), _) => {
                pattern = rest;
                retry = Some((pattern.clone(), name.clone()));
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted.eq_ignore_ascii_case(&found) => {
                pattern = rest;
                name.next();
            }
            (None, None) => return true,
            _ => {
                let Some((after, tried)) = &mut retry else { return false };
                if tried.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), tried.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("A", "a", true),
            ("Ä", "ä", false),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything at all", true),
            ("a*", "a", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("*b*b*", "abab", true),
            ("*b*b*", "aba", false),
            ("**a", "a", true),
            ("?", "ß", true),
            ("?", "", false),
            ("a?c*", "abcd", true),
            ("log_*", "LOG_2024", true),
            ("[a]", "a", false),
            ("a.b", "a.b", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
