//! Values of the configuration file: text that may hold `${VARIABLE}`, and what it is read as.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use super::{Environment, Problem};
use crate::source_text::{self, Position};

/// A scalar of the file as it was written, and where. May be a password: no `Debug`.
#[derive(Clone)]
pub(super) struct Text {
    pub written: String,
    pub place: Place,
}

/// Where a value begins in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    position: Position,
    offset: Option<usize>,
}

impl Place {
    pub(super) fn of(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        Self {
            position: Position { line: number(location.line()), column: number(location.column()) },
            offset: location.span().byte_offset().and_then(|offset| usize::try_from(offset).ok()),
        }
    }

    /// The position, as the file's `source` has it.
    pub(super) fn position(self) -> Position {
        self.position
    }

    /// The position of `part` at or after this place.
    pub(super) fn position_of(self, part: &str, source: &str) -> Position {
        self.offset
            .and_then(|offset| Some(offset + source.get(offset..)?.find(part)?))
            .map_or(self.position, |offset| source_text::position(source, offset))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { written: text.value, place: Place::of(text.defined) })
    }
}

/// A piece of a text.
enum Piece<'a> {
    Literal(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
}

impl Text {
    /// Whether the value depends on the environment.
    pub(super) fn has_variables(&self) -> Result<bool, Problem> {
        Ok(self.pieces()?.iter().any(|piece| matches!(piece, Piece::Variable { .. })))
    }

    /// The value, with variables replaced; or what is wrong and with which part of the text.
    pub(super) fn expand(&self, environment: &Environment) -> Result<String, (Problem, String)> {
        let mut out = String::new();
        for piece in self.pieces().map_err(|problem| (problem, "${".to_owned()))? {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Variable { name, default } => {
                    let value = match default {
                        _ if environment.is_not_utf8(name) => Err(Problem::NotUtf8(name.to_owned())),
                        Some(default) => Ok(environment.get(name).unwrap_or(default)),
                        None => environment.variable(name).ok_or_else(|| Problem::Unset(name.to_owned())),
                    };
                    let end = if default.is_some() { ":-" } else { "}" };
                    out.push_str(value.map_err(|problem| (problem, format!("${{{name}{end}")))?);
                }
            }
        }
        Ok(out)
    }

    fn pieces(&self) -> Result<Vec<Piece<'_>>, Problem> {
        let mut pieces = Vec::new();
        let mut rest = self.written.as_str();
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                pieces.extend([Piece::Literal(before), Piece::Literal("${")]);
                rest = &rest[at + 2..];
                continue;
            }
            pieces.push(Piece::Literal(&rest[..at]));
            let (inside, after) = rest[at + 2..].split_once('}').ok_or(Problem::VariableSyntax)?;
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            let is_name = !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                return Err(Problem::VariableSyntax);
            }
            pieces.push(Piece::Variable { name, default });
            rest = after;
        }
        pieces.push(Piece::Literal(rest));
        Ok(pieces)
    }
}

/// Reads a duration: a whole number with its unit, such as `250ms`, `2s`, `5min`, `1h`; or `0`.
pub fn parse_duration(text: &str) -> Result<Duration, Problem> {
    let problem = Problem::Expected("a duration such as `250ms`, `2s`, `5min` or `1h`");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let Ok(number) = text[..digits].parse::<u64>() else { return Err(problem) };
    let milliseconds = match text[digits..].trim_start() {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "" if number == 0 => 1,
        _ => return Err(problem),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or(problem)
}

pub(super) fn parse_bool(text: &str) -> Result<bool, Problem> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(Problem::Expected("`true` or `false`")),
    }
}

pub(super) fn parse_count(text: &str) -> Result<u32, Problem> {
    text.trim().parse().map_err(|_| Problem::Expected("a whole number, 0 or more"))
}

pub(super) fn parse_text(text: &str) -> Result<String, Problem> {
    match text.trim() {
        "" => Err(Problem::Expected("a value that is not empty")),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(written: &str) -> Text {
        Text { written: written.to_owned(), place: Place::of(Location::UNKNOWN) }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("2s", Some(2000)),
            ("5min", Some(300_000)),
            ("5 min", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("5", None),
            ("5m", None),
            ("1.5s", None),
            ("-1s", None),
            ("s", None),
            ("", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(parse_duration(text).ok().map(|d| d.as_millis()), expected, "{text}");
        }
    }

    #[test]
    fn variables_are_replaced() {
        let environment = Environment::from_pairs([("A", "1"), ("B_2", "${A}"), ("EMPTY", "")]);
        for (written, expected) in [
            ("plain $A $", "plain $A $"),
            ("${A}", "1"),
            ("x${A}y${B_2}z", "x1y${A}z"),
            ("$${A}", "${A}"),
            ("a$${A}${A}", "a${A}1"),
            ("${EMPTY}", ""),
            ("${EMPTY:-d}", "d"),
            ("${NONE:-}", ""),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(text(written).expand(&environment).ok().as_deref(), Some(expected), "{written}");
        }
        for written in ["${", "${A", "${}", "${1A}", "${A-b}", "${A B}"] {
            let (problem, _) = text(written).expand(&environment).expect_err(written);
            assert_eq!(problem, Problem::VariableSyntax, "{written}");
        }
        let (problem, part) = text("${A}${NONE}").expand(&environment).expect_err("unset");
        assert_eq!((problem, part.as_str()), (Problem::Unset("NONE".to_owned()), "${NONE}"));
    }
}
