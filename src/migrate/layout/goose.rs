//! goose: `1_name.sql` with annotations `-- +goose Up` and `-- +goose Down` (`internal/sqlparser/parser.go`).
//!
//! `StatementBegin` and `StatementEnd` stay in the text: they are comments, and whoever splits it may heed them.
//! `NO TRANSACTION` holds for both directions, wherever it stands.

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};
use super::text;

/// What goose's annotations make of a file.
#[derive(Default)]
struct Annotated {
    /// Line and byte at which the section begins.
    up: Option<(usize, usize)>,
    down: Option<(usize, usize)>,
    no_transaction: bool,
}

/// Whether the text has a section of goose's.
pub(super) fn is_marked(text: &str) -> bool {
    text::lines(text).any(|line| is_annotation(line.text) && matches!(annotation(line.text).as_str(), "up" | "down"))
}

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for file in loaded {
        let Form::Single { digits, name } = &file.form else { continue };
        let annotated = match annotations(&file.text) {
            Ok(annotated) => annotated,
            Err((line, message)) => {
                problems.push(Problem::Section { path: file.path.clone(), line, message });
                continue;
            }
        };
        let down_start = annotated.down.map_or(file.text.len(), |(_, start)| start);
        let sections = [(annotated.up, down_start, false), (annotated.down, file.text.len(), true)];
        for (begin, end, down) in sections {
            let Some((line, start)) = begin else { continue };
            let Some(mut piece) = file.piece(digits, name, down, problems) else { break };
            piece.whole = true;
            piece.script.first_line = line;
            piece.script.text = file.text[start..end].to_owned();
            piece.script.directives.no_transaction = annotated.no_transaction;
            pieces.push(piece);
        }
    }
    pieces
}

fn is_annotation(line: &str) -> bool {
    line.trim_start().starts_with("--") && line.contains("+goose")
}

/// The annotation's words in lower case, taken out as goose does (`extractAnnotation`).
fn annotation(line: &str) -> String {
    line.replace("--", "").replacen("+goose", "", 1).trim().to_ascii_lowercase()
}

fn annotations(text: &str) -> Result<Annotated, (usize, String)> {
    let mut found = Annotated::default();
    let mut statement: Option<usize> = None;
    for line in text::lines(text) {
        let fail = |message: &str| Err((line.number, message.to_owned()));
        if !is_annotation(line.text) {
            let bare = line.text.trim();
            if found.up.is_none() && !bare.is_empty() && !bare.starts_with("--") {
                return fail("a statement before `-- +goose Up`");
            }
            continue;
        }
        if line.text.starts_with(char::is_whitespace) {
            return fail("an annotation of goose's must begin its line");
        }
        match annotation(line.text).as_str() {
            "up" | "down" if statement.is_some() => {
                return fail("a section begins before `-- +goose StatementEnd`");
            }
            "up" if found.up.is_some() => return fail("a second `-- +goose Up`"),
            "up" => found.up = Some((line.number, line.start)),
            "down" if found.up.is_none() => return fail("`-- +goose Down` before `-- +goose Up`"),
            "down" if found.down.is_some() => return fail("a second `-- +goose Down`"),
            "down" => found.down = Some((line.number, line.start)),
            "statementbegin" if found.up.is_none() => {
                return fail("`-- +goose StatementBegin` before `-- +goose Up`");
            }
            "statementbegin" if statement.is_some() => {
                return fail("`-- +goose StatementBegin` within another one");
            }
            "statementbegin" => statement = Some(line.number),
            "statementend" if statement.take().is_none() => {
                return fail("`-- +goose StatementEnd` without a `-- +goose StatementBegin`");
            }
            "statementend" | "envsub off" | "envsubst off" => {}
            "no transaction" => found.no_transaction = true,
            "envsub on" | "envsubst on" => {
                return fail("`-- +goose ENVSUB ON` needs goose to put environment variables in");
            }
            other => return Err((line.number, format!("goose has no annotation `{other}`"))),
        }
    }
    if let Some(line) = statement {
        return Err((line, "`-- +goose StatementBegin` without a `-- +goose StatementEnd`".to_owned()));
    }
    if found.up.is_none() {
        return Err((1, "no `-- +goose Up` annotation".to_owned()));
    }
    Ok(found)
}
