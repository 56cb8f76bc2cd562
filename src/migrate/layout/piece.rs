//! What a file gave: a migration's text, and one direction of one migration in it.

use super::error::Problem;
use super::names::{self, Form};
use crate::Dialect;
use crate::migrate::{Directives, Script};

/// A file that is a migration's by its name, and its text.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The path as a person would name it: the folder as it was given, then the file.
    pub(super) path: String,
    /// The path of its folder within the migrations folder.
    pub(super) folder: String,
    /// The dialect whose sub-folder it lies in.
    pub(super) scope: Option<Dialect>,
    pub(super) form: Form,
    pub(super) text: String,
}

/// One direction of one migration, as a file of some layout gave it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) scope: Option<Dialect>,
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) down: bool,
    /// Whether up and down came from one file.
    pub(super) whole: bool,
    /// What the tool orders by, where that is a text and not a number.
    pub(super) text_order: Option<String>,
    pub(super) script: Script,
}

impl Loaded {
    /// This whole file as one direction of a migration; a version or a name that can't be held is a problem.
    pub(super) fn piece(&self, digits: &str, name: &str, down: bool, problems: &mut Vec<Problem>) -> Option<Piece> {
        let path = || self.path.clone();
        let Ok(version) = digits.parse::<i64>() else {
            problems.push(match digits.chars().all(|c| c.is_ascii_digit()) {
                true => Problem::VersionTooLarge { path: path(), digits: digits.to_owned() },
                false => Problem::VersionNotANumber { path: path(), version: digits.to_owned() },
            });
            return None;
        };
        // refinery's column is VARCHAR(255)
        let length = name.chars().count();
        if length > 255 {
            problems.push(Problem::NameTooLong { path: path(), length });
            return None;
        }
        let script = Script { path: path(), first_line: 1, text: self.text.clone(), directives: Directives::default() };
        let name = names::to_word(name);
        Some(Piece { scope: self.scope, version, name, down, whole: false, text_order: None, script })
    }
}
