//! Globs: which paths a pattern matches, and what its captures take of them.

use crate::import::mapping::Glob;

/// A pattern, ready to be matched.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// `**`: any folders, none too.
    Folders,
    /// One name.
    Name(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `{name}`: one character at least; of several ways the shortest.
    Capture(String),
}

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let mut captures = Vec::new();
        for part in parts(pattern)? {
            let Part::Name(tokens) = part else { continue };
            for token in tokens {
                let Token::Capture(name) = token else { continue };
                if captures.contains(&name) {
                    return Err(format!("it captures `{name}` twice"));
                }
                captures.push(name);
            }
        }
        Ok(Self { pattern: pattern.to_owned(), captures })
    }

    /// The pattern that matches `path` alone.
    #[must_use]
    pub fn escape(path: &str) -> String {
        let mut out = String::new();
        for c in path.chars() {
            if matches!(c, '*' | '?' | '{' | '}' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    }

    /// What the captures take of `path`, in their order; `None` where the pattern does not match.
    ///
    /// For many paths read the pattern once: [`super::find`] does.
    #[must_use]
    pub fn matches(&self, path: &str) -> Option<Vec<String>> {
        Matcher::new(self)?.matches(path)
    }
}

fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    if pattern.is_empty() {
        return Err("it is empty".to_owned());
    }
    if pattern.starts_with('/') {
        return Err("it begins with `/`, and paths are relative to the folder that is imported".to_owned());
    }
    pattern.split('/').map(part).collect()
}

fn part(text: &str) -> Result<Part, String> {
    match text {
        "" => return Err("it has an empty name, or ends with `/`; what is in a folder is `folder/*`".to_owned()),
        "." | ".." => return Err(format!("`{text}` leads out of the folder, or nowhere")),
        "**" => return Ok(Part::Folders),
        _ => {}
    }
    let mut tokens = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let open = matches!(tokens.last(), Some(Token::Any | Token::Capture(_)));
        let token = match c {
            '*' if tokens.last() == Some(&Token::Any) => {
                return Err(format!("`**` stands for whole folders, between `/`; in `{text}` it does not"));
            }
            '*' | '{' if open => {
                return Err(format!("in `{text}` nothing tells where one wildcard ends and the next begins"));
            }
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(chars.next().ok_or("it ends with `\\`")?),
            '{' => {
                let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let rest = chars.as_str();
                if !text[..text.len() - rest.len()].ends_with('}') {
                    return Err(format!("in `{text}` a `{{` is not closed"));
                }
                let first = |c: char| c.is_ascii_alphabetic() || c == '_';
                if !name.starts_with(first) || !name.chars().all(|c| first(c) || c.is_ascii_digit()) {
                    return Err(format!(
                        "`{{{name}}}` is no capture's name: letters, digits and `_`; a brace that stands for itself is \
                         written `\\{{`"
                    ));
                }
                Token::Capture(name)
            }
            '}' => return Err(format!("in `{text}` a `}}` has no `{{`; one that stands for itself is written `\\}}`")),
            c => Token::Literal(c),
        };
        tokens.push(token);
    }
    Ok(Part::Name(tokens))
}

impl Matcher {
    /// `None` if the pattern can't be read.
    pub(super) fn new(glob: &Glob) -> Option<Self> {
        parts(&glob.pattern).ok().map(|parts| Self { parts })
    }

    /// Whether it can match what is hidden.
    pub(super) fn sees_hidden(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Name(tokens) if tokens.first() == Some(&Token::Literal('.'))))
    }

    /// What the captures take of `path`.
    pub(super) fn matches(&self, path: &str) -> Option<Vec<String>> {
        let names: Vec<&str> = path.split('/').collect();
        let mut captures = Vec::new();
        folders(&self.parts, &names, &mut captures).then_some(captures)
    }
}

fn folders(parts: &[Part], names: &[&str], captures: &mut Vec<String>) -> bool {
    match (parts.first(), names.first()) {
        (None, None) => true,
        (Some(Part::Folders), _) => {
            let before = captures.len();
            if folders(&parts[1..], names, captures) {
                return true;
            }
            captures.truncate(before);
            names.first().is_some_and(|name| !name.starts_with('.')) && folders(parts, &names[1..], captures)
        }
        (Some(Part::Name(tokens)), Some(name)) => {
            let before = captures.len();
            let matched = one_name(tokens, name, captures) && folders(&parts[1..], &names[1..], captures);
            if !matched {
                captures.truncate(before);
            }
            matched
        }
        _ => false,
    }
}

/// Matches one name. It is enough to go back to the last wildcard: what comes before it is matched as early as can be.
fn one_name(tokens: &[Token], name: &str, captures: &mut Vec<String>) -> bool {
    if name.starts_with('.') && tokens.first() != Some(&Token::Literal('.')) {
        return false;
    }
    let chars: Vec<char> = name.chars().collect();
    // where each wildcard that was met begins and ends
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    let (mut token, mut at) = (0, 0);
    loop {
        let stuck = match tokens.get(token) {
            None => at < chars.len(),
            Some(Token::Literal(c)) => chars.get(at) != Some(c),
            Some(Token::One) => at >= chars.len(),
            Some(Token::Any) => {
                spans.push((token, at, at));
                token += 1;
                continue;
            }
            Some(Token::Capture(_)) => {
                spans.push((token, at, at + 1));
                at += 1;
                if at > chars.len() {
                    return false;
                }
                token += 1;
                continue;
            }
        };
        if !stuck {
            if token == tokens.len() {
                break;
            }
            token += 1;
            at += 1;
            continue;
        }
        let Some(last) = spans.last_mut() else { return false };
        last.2 += 1;
        (token, at) = (last.0 + 1, last.2);
        if at > chars.len() {
            return false;
        }
    }
    for (token, from, to) in spans {
        if matches!(tokens[token], Token::Capture(_)) {
            captures.push(chars[from..to].iter().collect());
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
        Glob::parse(pattern).expect(pattern).matches(path)
    }

    #[test]
    fn patterns_match() {
        for (pattern, path, expected) in [
            ("a.json", "a.json", Some(vec![])),
            ("a.json", "b/a.json", None),
            ("*.json", "a.json", Some(vec![])),
            ("*.json", ".json", None),
            ("*.json", ".a.json", None),
            (".*.json", ".a.json", Some(vec![])),
            ("*", "core.config", Some(vec![])),
            ("?.json", "ä.json", Some(vec![])),
            ("**/*.json", "a.json", Some(vec![])),
            ("**/*.json", "x/y/a.json", Some(vec![])),
            ("**/*.json", "x/.git/a.json", None),
            ("**/.git/*", "x/.git/a", Some(vec![])),
            ("x/**/y/*", "x/y/y/z", Some(vec![])),
            ("{s}/{e}/v_*.json", "pay/prod/v_1.json", Some(vec!["pay", "prod"])),
            ("{s}/{e}/v_*.json", "pay/prod/w_1.json", None),
            ("{a}_{b}.json", "x_y_z.json", Some(vec!["x", "y_z"])),
            ("{a}.json", ".json", None),
            ("{a}", "", None),
            ("x{a}y*z", "xyyz", Some(vec!["y"])),
            ("*a*b", "aXbXab", Some(vec![])),
            ("**/{run}/{f}.json", "p/q/r.json", Some(vec!["q", "r"])),
            (r"\{a\}\*.json", "{a}*.json", Some(vec![])),
            (r"\{a\}\*.json", "{a}x.json", None),
        ] {
            let expected: Option<Vec<String>> = expected.map(|all| all.into_iter().map(str::to_owned).collect());
            assert_eq!(captures(pattern, path), expected, "{pattern} on {path}");
        }
        for name in ["a*b?{c}\\d/e.json", "plain"] {
            assert_eq!(captures(&Glob::escape(name), name), Some(vec![]));
        }
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for pattern in [
            "", "/a", "a//b", "a/", "../a", "./a", "a**", "{a}{b}", "{a}*", "*{a}", "{a", "a}", "{1}", "{}", "{a}/{a}",
            "a\\",
        ] {
            assert!(Glob::parse(pattern).is_err(), "{pattern}");
        }
        assert_eq!(Glob::parse("{a}/{b}.json").map(|glob| glob.captures), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn many_wildcards_take_no_time() {
        let pattern = "*a".repeat(60) + "b";
        assert_eq!(captures(&pattern, &"a".repeat(250)), None);
    }
}
