//! golang-migrate: `1_name.up.sql` and `1_name.down.sql` (`Regex` in its `source/parse.go`).
//!
//! Nothing in a file says how it runs. On SQLite each script runs in a transaction (unless the URL has
//! `x-no-tx-wrap`); on PostgreSQL it is sent as one simple query, see
//! [`super::Layout::lone_statement_runs_outside_transaction`].

use super::error::Problem;
use super::names::Form;
use super::piece::{Loaded, Piece};

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let piece = |file: &Loaded| match &file.form {
        Form::Reversible { digits, name, down } => file.piece(digits, name, *down, problems),
        _ => None,
    };
    loaded.iter().filter_map(piece).collect()
}
