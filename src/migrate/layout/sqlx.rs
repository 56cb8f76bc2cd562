//! sqlx: `1_name.sql`, or `1_name.up.sql` and `1_name.down.sql`, which may stand side by side
//! (`resolve_blocking` in sqlx-core's `migrate/source.rs`).

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};
use super::{dbmate, goose};

/// The marker that sqlx looks for, with `starts_with` over the whole file.
pub(super) const MARKER: &str = "-- no-transaction";

/// Whether the script is one that sqlx runs outside a transaction.
pub(super) fn is_marked(text: &str) -> bool {
    text.starts_with(MARKER)
}

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for file in loaded {
        let (digits, name, down) = match &file.form {
            Form::Reversible { digits, name, down } => (digits, name, *down),
            Form::Single { digits, name } => (digits, name, false),
            _ => continue,
        };
        // taken as one script, such a file would be applied and taken back in one go
        let sections = [("goose", goose::is_marked(&file.text)), ("dbmate", dbmate::is_marked(&file.text))];
        if let Some((tool, _)) = sections.into_iter().find(|(_, marked)| *marked) {
            let message = format!("sections of {tool}'s, which sqlx would run one after the other");
            problems.push(Problem::Section { path: file.path.clone(), line: 1, message });
        } else if let Some(mut piece) = file.piece(digits, name, down, problems) {
            piece.script.directives.no_transaction = is_marked(&file.text);
            pieces.push(piece);
        }
    }
    pieces
}
