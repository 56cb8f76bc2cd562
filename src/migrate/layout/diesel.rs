//! Diesel: a folder `2024-01-01-000000_name/` with `up.sql`, perhaps `down.sql`, perhaps `metadata.toml`
//! (`diesel_migrations/migrations_internals/src/lib.rs`).

use std::collections::BTreeMap;

use super::error::Problem;
use super::names::{DieselPart, Form};
use super::piece::{Loaded, Piece};

/// The scripts among the files.
pub(super) fn pieces(loaded: &[Loaded], problems: &mut Vec<Problem>) -> Vec<Piece> {
    let mut outside_transaction: BTreeMap<&str, bool> = BTreeMap::new();
    for file in loaded {
        if let Form::Diesel { part: DieselPart::Metadata, .. } = file.form {
            match runs_in_transaction(&file.text) {
                Ok(inside) => drop(outside_transaction.insert(&file.folder, !inside)),
                Err(message) => problems.push(Problem::Metadata { path: file.path.clone(), message }),
            }
        }
    }
    let mut pieces = Vec::new();
    for file in loaded {
        let Form::Diesel { version, name, part } = &file.form else { continue };
        let down = match part {
            DieselPart::Up => false,
            DieselPart::Down => true,
            DieselPart::Metadata => continue,
        };
        if let Some(mut piece) = file.piece(version, name, down, problems) {
            piece.text_order = Some(version.clone());
            piece.script.directives.no_transaction = outside_transaction.get(file.folder.as_str()) == Some(&true);
            pieces.push(piece);
        }
    }
    pieces
}

/// What a `metadata.toml` says. Diesel passes over other keys, and so do we. It also passes over a file that it can't
/// read, and takes one without the key for `false` where its documentation promises `true`: those are problems here,
/// since nobody can have meant either.
fn runs_in_transaction(text: &str) -> Result<bool, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    match table.get("run_in_transaction") {
        Some(toml::Value::Boolean(inside)) => Ok(*inside),
        Some(_) => Err("`run_in_transaction` is neither `true` nor `false`".to_owned()),
        None => Err("no `run_in_transaction`: Diesel would run this outside a transaction; say which".to_owned()),
    }
}
