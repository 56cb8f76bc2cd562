//! dbmate: `1_name.sql` with sections `-- migrate:up` and `-- migrate:down` (`pkg/dbmate/migration.go`).
//!
//! A file may have several of each, in pairs. dbmate runs the up sections in the file's order and, rolling back, the
//! down sections in the file's order too (`Migrate` and `Rollback` in `db.go`), each in a transaction of its own; here
//! they are one script. Sections that disagree on `transaction` can't be, and are a problem.

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};
use super::text::{self, Line};

/// A section's head, with its place.
struct Head {
    down: bool,
    line: usize,
    start: usize,
    transaction: bool,
}

/// Whether the text has a section of dbmate's.
pub(super) fn is_marked(text: &str) -> bool {
    text::lines(text).any(|line| {
        let section = head_words(line.text).and_then(|words| words.split_whitespace().next());
        matches!(section, Some("up" | "down"))
    })
}

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for file in loaded {
        let Form::Single { digits, name } = &file.form else { continue };
        let heads = match heads(&file.text) {
            Ok(heads) => heads,
            Err((line, message)) => {
                problems.push(Problem::Section { path: file.path.clone(), line, message });
                continue;
            }
        };
        for down in [false, true] {
            let Some(first) = heads.iter().find(|head| head.down == down) else { continue };
            let Some(mut piece) = file.piece(digits, name, down, problems) else { break };
            piece.whole = true;
            // `FindMigrations` in db.go sorts by file name
            piece.text_order = file.path.rsplit(['/', '\\']).next().map(str::to_owned);
            piece.script.first_line = first.line;
            piece.script.text = sections(&file.text, &heads, down);
            piece.script.directives.no_transaction = !first.transaction;
            pieces.push(piece);
        }
    }
    pieces
}

/// The sections of one direction as one text; what lies between them becomes empty lines, so that lines keep their
/// numbers.
fn sections(text: &str, heads: &[Head], down: bool) -> String {
    let mut out = String::new();
    let mut gap = String::new();
    for (index, head) in heads.iter().enumerate() {
        let end = heads.get(index + 1).map_or(text.len(), |next| next.start);
        let section = &text[head.start..end];
        if head.down == down {
            out.push_str(&gap);
            out.push_str(section);
            gap.clear();
        } else if !out.is_empty() {
            let ends = section.split_inclusive('\n').map(|line| if line.ends_with("\r\n") { "\r\n" } else { "\n" });
            gap.extend(ends);
        }
    }
    out
}

/// The heads of the sections, in the order that dbmate asks for: each up, then its down (or none, as dbmate once
/// allowed).
fn heads(text: &str) -> Result<Vec<Head>, (usize, String)> {
    let mut heads: Vec<Head> = Vec::new();
    for line in text::lines(text) {
        let Some(words) = head_words(line.text) else {
            let blank = line.text.trim_start();
            if heads.is_empty() && !blank.is_empty() && !blank.starts_with("--") {
                return Err((line.number, "a statement before the first `-- migrate:up`".to_owned()));
            }
            continue;
        };
        let head = head(line, words).map_err(|message| (line.number, message))?;
        if head.down && heads.last().is_none_or(|before| before.down) {
            return Err((line.number, "`-- migrate:down` without a `-- migrate:up` before it".to_owned()));
        }
        if heads.iter().any(|before| before.down == head.down && before.transaction != head.transaction) {
            let message = "this section and an earlier one disagree on `transaction`: put them into two files";
            return Err((line.number, message.to_owned()));
        }
        heads.push(head);
    }
    if heads.is_empty() {
        return Err((1, "no `-- migrate:up` section".to_owned()));
    }
    Ok(heads)
}

/// What follows `-- migrate:`, at the very start of a line as dbmate has it.
fn head_words(line: &str) -> Option<&str> {
    line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")
}

fn head(line: Line<'_>, words: &str) -> Result<Head, String> {
    let mut words = words.split_whitespace();
    let section = words.next().unwrap_or("");
    let down = match section {
        "up" => false,
        "down" => true,
        other => return Err(format!("unknown section `migrate:{other}`: dbmate has `up` and `down`")),
    };
    let mut transaction = true;
    for option in words {
        transaction = match option {
            "transaction:true" => true,
            "transaction:false" => false,
            other => {
                return Err(format!("unknown option `{other}`: dbmate has `transaction:false` and `transaction:true`"));
            }
        };
    }
    Ok(Head { down, line: line.number, start: line.start, transaction })
}
