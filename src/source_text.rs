//! Places in a text: from a byte offset to line and column, and the lines around it with a caret.

use std::fmt;

/// A place in a text, counted from one; the column counts characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The position of the byte `offset` in `text`; an offset past the end or inside a character is moved back to
/// the nearest character.
#[must_use]
pub fn position(text: &str, offset: usize) -> Position {
    let offset = floor_boundary(text, offset);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// The line of `text` at `offset` with one line before it, numbered from `first_line`, and a caret under the place.
#[must_use]
pub fn excerpt(text: &str, offset: usize, first_line: usize) -> String {
    const WIDEST: usize = 120;
    let at = position(text, offset);
    let lines: Vec<&str> = text.lines().collect();
    let last = at.line.min(lines.len().max(1));
    let width = (first_line + last - 1).to_string().len();
    let mut out = String::new();
    // a very long line is shown as a window around the place
    let skip = at.column.saturating_sub(WIDEST / 2 + 1);
    for number in last.saturating_sub(1).max(1)..=last {
        let line = lines.get(number - 1).copied().unwrap_or("");
        let shown: String = line.chars().skip(skip).take(WIDEST).map(|c| if c == '\t' { ' ' } else { c }).collect();
        out.push_str(format!("{:>width$} | {shown}", first_line + number - 1).trim_end());
        out.push('\n');
    }
    out.push_str(&format!("{:>width$} | {}^", "", " ".repeat(at.column - 1 - skip)));
    out
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "ä b\nselect é x";
        assert_eq!(position(text, text.find('x').expect("there")), Position { line: 2, column: 10 });
        assert_eq!(position(text, 999), Position { line: 2, column: 11 });
    }

    #[test]
    fn an_excerpt_points_at_the_place() {
        let text = "create table a(\n  id integr,\n);\n";
        let offset = text.find("integr").expect("there");
        assert_eq!(excerpt(text, offset, 10), "10 | create table a(\n11 |   id integr,\n   |      ^");
    }
}
