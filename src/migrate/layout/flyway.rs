//! Flyway with whole-number versions: `V1__any description.sql`, and `U1__any description.sql` to take it back.
//!
//! A folder that has only names which refinery takes too, and no `U` file, reads as ours.

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};
use super::text;

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for file in loaded {
        let (digits, name, down) = match &file.form {
            Form::Versioned { digits, name, .. } | Form::Described { digits, name } => (digits, name, false),
            Form::Undo { digits, name } => (digits, name, true),
            _ => continue,
        };
        if let Some((line, placeholder)) = placeholder(&file.text) {
            let message = format!("placeholder `{placeholder}` needs Flyway to fill it in");
            problems.push(Problem::Section { path: file.path.clone(), line, message });
        }
        pieces.extend(file.piece(digits, name, down, problems));
    }
    pieces
}

/// The first `${…}` of the text and its line: Flyway replaces them everywhere, in strings and comments too.
fn placeholder(text: &str) -> Option<(usize, &str)> {
    text::lines(text).find_map(|line| {
        let rest = &line.text[line.text.find("${")?..];
        Some((line.number, &rest[..=rest.find('}')?]))
    })
}
