//! Our own layout: `V1__name.sql` and `V1__name.down.sql`, with directives in the comments before the first statement.

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};
use super::text::{self, Kind};
use crate::migrate::{Directives, directives};
use crate::source_text::position;

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for file in loaded {
        let Form::Versioned { digits, name, down } = &file.form else { continue };
        let directives = read_directives(&file.path, &file.text, problems);
        if let Some(mut piece) = file.piece(digits, name, *down, problems) {
            piece.script.directives = directives;
            pieces.push(piece);
        }
    }
    pieces
}

/// The directives in the comments before the first statement of `text`; one anywhere else would be ignored in
/// silence, so it is a problem.
fn read_directives(path: &str, text: &str, problems: &mut Vec<Problem>) -> Directives {
    let mut directives = Directives::default();
    let mut in_head = true;
    for span in text::spans(text) {
        let misplaced =
            |message| Problem::MisplacedDirective { path: path.to_owned(), at: position(text, span.start), message };
        if span.kind == Kind::Code {
            in_head = false;
            continue;
        }
        let Some(said) = after_our_name(&span.text[2..]) else { continue };
        let Some(words) = said.strip_prefix(':') else {
            // prose may mention us; a directive without its colon is a slip
            if in_head && said.split_whitespace().next().is_some_and(directives::is_name) {
                problems.push(misplaced("a directive needs a colon after `liftlock`"));
            }
            continue;
        };
        if span.kind == Kind::BlockComment {
            problems.push(misplaced("a directive in a block comment is not read"));
        } else if !in_head {
            problems.push(misplaced("a directive after the first statement is not read"));
        } else {
            let words_at = span.start + span.text.len() - words.len();
            let before = directives.clone();
            let read = directives::parse_into(&mut directives, words);
            let fresh_blank_reason = before.irreversible.is_none()
                && directives.irreversible.as_ref().is_some_and(|why| why.trim().is_empty());
            if let Err(error) = read {
                let at = position(text, words_at + error.offset);
                problems.push(Problem::Directive { path: path.to_owned(), at, error });
            } else if words.trim().is_empty() {
                problems.push(misplaced("`liftlock:` without a directive"));
            } else if fresh_blank_reason {
                problems.push(misplaced("directive `irreversible` needs a reason between its quotes"));
            }
        }
    }
    directives
}

/// What follows our name at the start of a comment.
fn after_our_name(comment: &str) -> Option<&str> {
    const NAME: &str = "liftlock";
    let comment = comment.trim_start();
    let name = comment.get(..NAME.len())?;
    name.eq_ignore_ascii_case(NAME).then(|| comment[NAME.len()..].trim_start())
}
