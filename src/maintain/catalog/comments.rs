//! Comments in a CREATE TABLE statement of SQLite's, as far as they stand where it is plain what they are about.
//!
//! What follows a column on its line is about that column; lines of comments before a column are about it; what stands
//! before the first parenthesis, or on its line, is about the table.

/// The comments of a statement: the table's own, and those of its definitions (columns first) in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comments {
    pub table: Option<String>,
    pub definitions: Vec<Option<String>>,
}

pub(super) fn comments(sql: &str) -> Comments {
    let mut table: Vec<String> = Vec::new();
    let mut of: Vec<Vec<String>> = Vec::new();
    // lines of comments that wait for what comes next
    let mut waiting: Vec<String> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    // what was last on this line, and whether the definition in hand has begun
    let mut last: Option<Last> = None;
    let mut begun = false;
    while let Some(c) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let length = match c {
            '-' if rest.starts_with("--") => {
                let length = rest.find('\n').unwrap_or(rest.len());
                note(&rest[2..length], depth, last, &mut table, &mut of, &mut waiting);
                length
            }
            '/' if rest.starts_with("/*") => {
                let length = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
                note(rest[2..length].trim_end_matches("*/"), depth, last, &mut table, &mut of, &mut waiting);
                length
            }
            '\n' => {
                last = None;
                1
            }
            c if c.is_whitespace() => c.len_utf8(),
            ',' if depth == 1 => {
                begun = false;
                1
            }
            _ => {
                if depth == 0 && c == '(' {
                    last = Some(Last::Table);
                    table.append(&mut waiting);
                } else if depth == 0 {
                    last = Some(Last::Table);
                } else if !(depth == 1 && c == ')') {
                    if !begun {
                        begun = true;
                        of.push(std::mem::take(&mut waiting));
                    }
                    last = Some(Last::Definition);
                }
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                quoted(rest, c)
            }
        };
        at += length;
    }
    Comments { table: joined(table), definitions: of.into_iter().map(joined).collect() }
}

fn joined(lines: Vec<String>) -> Option<String> {
    (!lines.is_empty()).then(|| lines.join(" "))
}

/// What stands last on a line before a comment.
#[derive(Debug, Clone, Copy)]
enum Last {
    Table,
    Definition,
}

fn note(
    text: &str,
    depth: usize,
    last: Option<Last>,
    table: &mut Vec<String>,
    of: &mut [Vec<String>],
    waiting: &mut Vec<String>,
) {
    let lines = text.lines().map(|line| line.trim().trim_start_matches('*').trim());
    let text = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return;
    }
    match (last, of.last_mut()) {
        (Some(Last::Definition), Some(definition)) if depth > 0 => definition.push(text),
        (Some(Last::Table), _) => table.push(text),
        _ if depth == 0 => table.push(text),
        _ => waiting.push(text),
    }
}

/// The length of what begins with `c`: a quoted text or name to its end, else one character.
fn quoted(rest: &str, c: char) -> usize {
    let close = match c {
        '\'' | '"' | '`' => c,
        '[' => ']',
        _ => return c.len_utf8(),
    };
    // a doubled quote ends one text and begins the next
    rest[1..].find(close).map_or(rest.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_about_what_they_stand_at() {
        let sql = "CREATE TABLE t ( -- the things\n  id integer PRIMARY KEY, -- its number\n  -- as people\n  -- write it\n  \
                   \"na--me\" text DEFAULT '--no, (' /* a name */ ,\n  n numeric(10, 2), -- in euros\n  m int CHECK (m > 0 -- \
                   positive\n  ),\n  -- together\n  UNIQUE (n, m)\n  -- at the end\n)";
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            comments(sql),
            Comments {
                table: text("the things"),
                definitions: vec![
                    text("its number"),
                    text("as people write it a name"),
                    text("in euros"),
                    text("positive"),
                    text("together")
                ],
            }
        );
        assert_eq!(comments("CREATE TABLE t(a,b)"), Comments { table: None, definitions: vec![None, None] });
    }
}
