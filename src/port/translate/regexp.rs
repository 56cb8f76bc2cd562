//! Patterns of REGEXP: those that mean the same to every engine an application may have behind it, and to PostgreSQL.

use std::iter::Peekable;
use std::str::Chars;

/// What PostgreSQL repeats at most (`DUPMAX` in `regguts.h`).
const MOST: u32 = 255;

/// A pattern for PostgreSQL's `~` over a text with the collation "C"; `None` where it is no plain one.
pub(super) fn translated(pattern: &str) -> Option<String> {
    let mut signs = pattern.chars().peekable();
    let out = alternatives(&mut signs, 0)?;
    // a bracket that was never opened
    signs.peek().is_none().then_some(out)
}

/// Whether a pattern has a class whose members depend on the engine beyond ASCII.
pub(super) fn has_classes(pattern: &str) -> bool {
    ["\\d", "\\w", "\\s"].iter().any(|class| pattern.to_ascii_lowercase().contains(class))
}

fn alternatives(signs: &mut Peekable<Chars<'_>>, depth: u32) -> Option<String> {
    let mut out = String::new();
    // groups in groups in groups are nothing that anybody writes
    if depth > 20 {
        return None;
    }
    loop {
        let branch = branch(signs, depth)?;
        // an empty one fits everything, or is an error
        if branch.is_empty() {
            return None;
        }
        out.push_str(&branch);
        if signs.next_if_eq(&'|').is_none() {
            return Some(out);
        }
        out.push('|');
    }
}

fn branch(signs: &mut Peekable<Chars<'_>>, depth: u32) -> Option<String> {
    let mut out = String::new();
    while let Some(&sign) = signs.peek() {
        if sign == '|' || sign == ')' {
            break;
        }
        signs.next();
        match sign {
            '^' if out.is_empty() => out.push('^'),
            // an anchor elsewhere is one to some engines and a sign to others
            '$' if signs.peek().is_none_or(|next| matches!(next, '|' | ')')) => out.push('$'),
            '^' | '$' | '*' | '+' | '?' | '{' | '}' | ']' => return None,
            _ => {
                out.push_str(&atom(sign, signs, depth)?);
                out.push_str(&count(signs)?);
            }
        }
    }
    Some(out)
}

fn atom(sign: char, signs: &mut Peekable<Chars<'_>>, depth: u32) -> Option<String> {
    match sign {
        // everything but the end of a line
        '.' => Some("[^\\n]".to_owned()),
        '(' => {
            if signs.next_if_eq(&'?').is_some() && signs.next() != Some(':') {
                return None;
            }
            let inner = alternatives(signs, depth + 1)?;
            (signs.next() == Some(')')).then(|| format!("(?:{inner})"))
        }
        '[' => set(signs),
        '\\' => match signs.next()? {
            class @ ('d' | 'w' | 's' | 'D' | 'W' | 'S') => Some(format!("\\{class}")),
            space @ ('n' | 't' | 'r') => Some(format!("\\{space}")),
            escaped if escaped.is_ascii_punctuation() => Some(format!("\\{escaped}")),
            _ => None,
        },
        plain if plain.is_alphanumeric() || plain == ' ' => Some(plain.to_string()),
        plain if plain.is_ascii_punctuation() => Some(format!("\\{plain}")),
        _ => None,
    }
}

/// How often the atom may stand there; neither as seldom as can be nor without a way back.
fn count(signs: &mut Peekable<Chars<'_>>) -> Option<String> {
    let count = match signs.peek() {
        Some('*' | '+' | '?') => signs.next().map(String::from)?,
        Some('{') => {
            signs.next();
            let mut inner = String::new();
            while let Some(sign) = signs.next_if(|sign| sign.is_ascii_digit() || *sign == ',') {
                inner.push(sign);
            }
            let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
            let least: u32 = least.parse().ok()?;
            let most: u32 = if most.is_empty() { MOST } else { most.parse().ok()? };
            if signs.next() != Some('}') || least > most || most > MOST {
                return None;
            }
            format!("{{{inner}}}")
        }
        _ => return Some(String::new()),
    };
    signs.peek().is_none_or(|next| !matches!(next, '*' | '+' | '?' | '{')).then_some(count)
}

/// A bracket expression of single signs, ranges of ASCII and escapes.
fn set(signs: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut out = "[".to_owned();
    if signs.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut empty = true;
    loop {
        match signs.next()? {
            // as the first it is a member to some engines, and the end to others
            ']' => {
                out.push(']');
                return (!empty).then_some(out);
            }
            '-' if empty || signs.peek() == Some(&']') => out.push_str("\\-"),
            '[' | '-' | '&' | '~' | '^' => return None,
            '\\' => match signs.next()? {
                class @ ('d' | 'w' | 's' | 'n' | 't' | 'r') => out.push_str(&format!("\\{class}")),
                escaped if escaped.is_ascii_punctuation() => out.push_str(&format!("\\{escaped}")),
                _ => return None,
            },
            sign if sign.is_ascii_alphanumeric() => {
                out.push(sign);
                let mut ahead = signs.clone();
                if ahead.next() == Some('-')
                    && let Some(end) = ahead.next().filter(|end| *end != ']')
                {
                    if !end.is_ascii_alphanumeric() || end < sign {
                        return None;
                    }
                    *signs = ahead;
                    out.push('-');
                    out.push(end);
                }
            }
            sign if sign.is_alphanumeric() || sign == ' ' => out.push(sign),
            sign if sign.is_ascii_punctuation() => out.push_str(&format!("\\{sign}")),
            _ => return None,
        }
        empty = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_pattern_comes_along_and_another_does_not() {
        for (pattern, expected) in [
            ("^a.*z$", Some(r"^a[^\n]*z$")),
            ("a|b", Some("a|b")),
            (r"^[a-z0-9_.+-]+@(?:[a-z]+\.)+[a-z]{2,}$", Some(r"^[a-z0-9\_\.\+\-]+\@(?:[a-z]+\.)+[a-z]{2,}$")),
            (r"^\d{3}-\w+\s?(x|y)$", Some(r"^\d{3}\-\w+\s?(?:x|y)$")),
            ("[^a-c]", Some("[^a-c]")),
            ("", None),
            ("a||b", None),
            ("a*?", None),
            ("a++", None),
            ("a{2,300}", None),
            ("a{,2}", None),
            ("(?i)a", None),
            ("(?=a)", None),
            (r"(a)\1", None),
            (r"\bword", None),
            ("[[:alpha:]]", None),
            ("[]a]", None),
            ("[z-a]", None),
            ("a)", None),
            ("(a", None),
            ("a^b", None),
            ("*a", None),
            ("***=a", None),
        ] {
            assert_eq!(translated(pattern).as_deref(), expected, "{pattern}");
        }
    }
}
