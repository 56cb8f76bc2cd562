//! The words that say how a script is run, as they stand in a script's head and in the history table.
//!
//! One grammar serves both: words separated by white space, `irreversible` followed by its reason in double quotes
//! (in which `\"`, `\\`, `\n` and `\r` stand for what they look like).

use std::time::Duration;

use super::Directives;

/// Every directive with an example of its value, as messages list them.
pub const KNOWN: [&str; 4] = ["no-transaction", "foreign-keys=off", "lock-timeout=2s", "irreversible \"why\""];

const NAMES: [&str; 4] = ["no-transaction", "foreign-keys", "lock-timeout", "irreversible"];

/// The longest `lock_timeout` that PostgreSQL takes: a 32-bit number of milliseconds (guc_tables.c, `INT_MAX`).
const LONGEST_TIMEOUT_MS: u128 = i32::MAX as u128;

/// A directive that can't be read, and where in the given text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DirectiveError {
    /// The byte at which the directive begins.
    pub offset: usize,
    message: String,
    suggestion: Option<&'static str>,
}

impl DirectiveError {
    /// The next step for the person who wrote it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let known = KNOWN.map(|example| format!("`{example}`")).join(", ");
        Some(match self.suggestion {
            Some(name) => format!("did you mean `{name}`? the directives are {known}"),
            None => format!("the directives are {known}"),
        })
    }
}

impl Directives {
    /// The directives as one line of text, empty where there are none; what a file's head and the history table hold.
    ///
    /// A lock timeout is a whole number of milliseconds there, rounded up, at most PostgreSQL's longest.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut words = Vec::new();
        if self.no_transaction {
            words.push("no-transaction".to_owned());
        }
        if self.foreign_keys_off {
            words.push("foreign-keys=off".to_owned());
        }
        if let Some(timeout) = self.lock_timeout {
            words.push(format!("lock-timeout={}", write_timeout(timeout)));
        }
        if let Some(why) = &self.irreversible {
            words.push(format!("irreversible \"{}\"", escape(why)));
        }
        words.join(" ")
    }

    /// What [`Directives::to_stored`] wrote, read back.
    ///
    /// # Errors
    /// A word that is no directive: another version of the program wrote it, or a hand did.
    pub fn from_stored(text: &str) -> Result<Self, DirectiveError> {
        let mut directives = Self::default();
        parse_into(&mut directives, text)?;
        Ok(directives)
    }
}

/// Reads the directives of `text` into those already `seen` in the same script.
pub(crate) fn parse_into(seen: &mut Directives, text: &str) -> Result<(), DirectiveError> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        let word = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
        rest = rest[word.len()..].trim_start();
        let fail = |message: String| DirectiveError { offset, message, suggestion: None };
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let again = match (name, value) {
            ("no-transaction", None) => std::mem::replace(&mut seen.no_transaction, true),
            ("no-transaction", Some(_)) => return Err(fail("directive `no-transaction` takes no value".to_owned())),
            ("foreign-keys", Some("off")) => std::mem::replace(&mut seen.foreign_keys_off, true),
            ("foreign-keys", _) => {
                return Err(fail("directive `foreign-keys` can only be `off` (`on` is the default)".to_owned()));
            }
            ("lock-timeout", value) => {
                let timeout = read_timeout(value.unwrap_or("")).ok_or_else(|| {
                    fail(format!(
                        "directive `lock-timeout` needs a whole number with `ms`, `s` or `min`, at most 24 days, or 0 for \
                         no timeout, not `{}`",
                        value.unwrap_or("")
                    ))
                })?;
                seen.lock_timeout.replace(timeout).is_some()
            }
            ("irreversible", None) => {
                let (why, after) = read_quoted(rest)
                    .ok_or_else(|| fail("directive `irreversible` needs its reason in double quotes".to_owned()))?;
                rest = after.trim_start();
                seen.irreversible.replace(why).is_some()
            }
            ("irreversible", Some(_)) => {
                return Err(fail("directive `irreversible` takes its reason after a space, not after `=`".to_owned()));
            }
            _ => {
                let message = format!("unknown directive `{word}`");
                return Err(DirectiveError { offset, message, suggestion: closest(name) });
            }
        };
        if again {
            return Err(fail(format!("directive `{name}` stands twice")));
        }
    }
    Ok(())
}

/// Whether `word` is a directive's name, for noticing one that stands where it would be ignored.
pub(crate) fn is_name(word: &str) -> bool {
    NAMES.contains(&word.split('=').next().unwrap_or(word))
}

fn read_timeout(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "min" => number.checked_mul(60_000)?,
        "" if number == 0 => 0,
        _ => return None,
    };
    (u128::from(milliseconds) <= LONGEST_TIMEOUT_MS).then(|| Duration::from_millis(milliseconds))
}

fn write_timeout(timeout: Duration) -> String {
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000).min(LONGEST_TIMEOUT_MS);
    match milliseconds {
        0 => "0".to_owned(),
        ms if ms % 60_000 == 0 => format!("{}min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r")
}

/// The text of a leading double-quoted string, and what follows it.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &inside[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                escaped @ ('"' | '\\') => out.push(escaped),
                _ => return None,
            },
            c => out.push(c),
        }
    }
    None
}

/// The directive whose name is nearest to `word`, if it is near at all.
fn closest(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('_', "-");
    NAMES.into_iter().map(|name| (distance(&word, name), name)).filter(|(d, _)| *d <= 3).min().map(|(_, name)| name)
}

/// Levenshtein's distance, by rows.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_directive_is_read() {
        let read = Directives::from_stored(
            r#" no-transaction foreign-keys=off lock-timeout=1500ms irreversible "drops \"old\" rows" "#,
        );
        let expected = Directives {
            no_transaction: true,
            foreign_keys_off: true,
            lock_timeout: Some(Duration::from_millis(1500)),
            irreversible: Some("drops \"old\" rows".to_owned()),
        };
        assert_eq!(read, Ok(expected));
        assert_eq!(Directives::from_stored(""), Ok(Directives::default()));
    }

    #[test]
    fn timeouts_have_units() {
        for (text, ms) in [("2s", 2_000), ("3min", 180_000), ("7ms", 7), ("0", 0), ("0s", 0)] {
            let read = Directives::from_stored(&format!("lock-timeout={text}")).unwrap();
            assert_eq!(read.lock_timeout, Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "2", "s", "2h", "1.5s", "-1s", "99999999999999999999s", "2147483648ms"] {
            let error = Directives::from_stored(&format!("lock-timeout={text}")).unwrap_err();
            assert!(error.to_string().contains(&format!("not `{text}`")), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let of = |text: &str| {
            let error = Directives::from_stored(text).unwrap_err();
            format!("{}: {error}; {}", error.offset, error.hint().unwrap())
        };
        insta::assert_snapshot!(of("no-transaction no_transactoin"), @"15: unknown directive `no_transactoin`; did you mean `no-transaction`? the directives are `no-transaction`, `foreign-keys=off`, `lock-timeout=2s`, `irreversible \"why\"`");
        insta::assert_snapshot!(of("zzz"), @"0: unknown directive `zzz`; the directives are `no-transaction`, `foreign-keys=off`, `lock-timeout=2s`, `irreversible \"why\"`");
        let message = |text: &str| Directives::from_stored(text).unwrap_err().to_string();
        insta::assert_snapshot!(message("foreign-keys=on"), @"directive `foreign-keys` can only be `off` (`on` is the default)");
        insta::assert_snapshot!(message("no-transaction=true"), @"directive `no-transaction` takes no value");
        insta::assert_snapshot!(message("irreversible because"), @"directive `irreversible` needs its reason in double quotes");
        insta::assert_snapshot!(message("irreversible \"open"), @"directive `irreversible` needs its reason in double quotes");
        insta::assert_snapshot!(message("irreversible=\"why\""), @"directive `irreversible` takes its reason after a space, not after `=`");
        insta::assert_snapshot!(message("lock-timeout=1s lock-timeout=1s"), @"directive `lock-timeout` stands twice");
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read_back(
            no_transaction: bool,
            foreign_keys_off: bool,
            timeout in proptest::option::of(0..=i32::MAX as u64),
            irreversible in proptest::option::of(any::<String>()),
        ) {
            let lock_timeout = timeout.map(Duration::from_millis);
            let directives = Directives { no_transaction, foreign_keys_off, lock_timeout, irreversible };
            let stored = directives.to_stored();
            prop_assert!(!stored.contains('\n'));
            prop_assert_eq!(Directives::from_stored(&stored), Ok(directives));
        }
    }
}
