//! What can go wrong in an audit.

use crate::db::{DbError, ErrorClass, ScratchError, SqlError};
use crate::error::ErrorKind;
use crate::migrate::layout::LayoutError;
use crate::source_text::Position;
use crate::sql::SyntaxError;

/// Why an audit did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is no connection.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The catalog can't be read.
    #[error("cannot read {what}")]
    Read {
        /// What of it.
        what: String,
        /// What the database says.
        #[source]
        source: SqlError,
    },
    /// The catalog's answer is not what was asked for.
    #[error("the answer about {what} can't be understood: {why}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The catalog holds bytes that are no text.
    #[error("{} is not UTF-8: `{written}`{}", which(what, *oid), and_others(*others))]
    NotUtf8 {
        /// What is named so.
        what: String,
        /// Its OID.
        oid: u32,
        /// The name, its bytes beyond ASCII as `\\ooo`.
        written: String,
        /// How many others there are.
        others: usize,
    },
    /// There is no place to load a schema's file into.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A schema's file can't be read.
    #[error("cannot read `{path}`")]
    File {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A schema's file can't be taken apart into statements.
    #[error("{path}:{position}: this is no SQL\n{excerpt}")]
    Syntax {
        /// The file.
        path: String,
        /// The place in it.
        position: Position,
        /// The text around it, with a caret.
        excerpt: String,
        /// What is wrong with it.
        #[source]
        source: SyntaxError,
    },
    /// The database refuses a statement of a schema's file.
    #[error("{path}:{position}: the schema can't be loaded\n{excerpt}")]
    Load {
        /// The file.
        path: String,
        /// The place in it.
        position: Position,
        /// The text around it, with a caret.
        excerpt: String,
        /// What the database says.
        #[source]
        source: SqlError,
        /// The next step, where there is one.
        hint: Option<String>,
    },
    /// A stop was asked for.
    #[error("interrupted; nothing is left of what was made")]
    Interrupted,
    /// The migration can't be written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An option that makes no sense.
    #[error("{message}")]
    Usage {
        /// What does not.
        message: String,
        /// What does.
        hint: String,
    },
}

/// `the name of the table with the OID 16384`; `an expression of the index …`.
fn which(what: &str, oid: u32) -> String {
    match what {
        what if what.starts_with("an ") => format!("{what} with the OID {oid}"),
        what if what.starts_with("a ") => format!("the name of {what} with the OID {oid}"),
        what => format!("the name of the {what} with the OID {oid}"),
    }
}

fn and_others(others: usize) -> String {
    if others == 0 { String::new() } else { format!(", nor are {others} others") }
}

impl AuditError {
    /// What it means to the one who called.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage { .. } => ErrorKind::Usage,
            Self::Interrupted | Self::Scratch(ScratchError::Interrupted) => ErrorKind::Interrupted,
            _ => ErrorKind::Failed,
        }
    }

    /// The next step to take.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Db(error) => error.hint(),
            Self::Layout(error) => error.hint(),
            Self::Usage { hint, .. } => Some(hint.clone()),
            Self::Scratch(error) => error.hint(),
            Self::Syntax { source, .. } => source.hint(),
            Self::Load { hint, .. } => hint.clone(),
            Self::File { path, source } if source.kind() == std::io::ErrorKind::InvalidData => Some(format!(
                "`--schema` takes a file of SQL; a SQLite database is audited without it: `liftlock audit {path}`"
            )),
            Self::NotUtf8 { .. } => Some(
                "the database's encoding is SQL_ASCII, which takes any bytes for a name: rename what is named so, from a \
                 client whose `client_encoding` is SQL_ASCII; or audit what `pg_dump --schema-only` writes, turned into \
                 UTF-8 (`iconv -f latin1 -t utf8`), with `--schema FILE`"
                    .to_owned(),
            ),
            Self::Read { source, .. } if source.class == ErrorClass::ConnectionLost => {
                Some("the server ended the session: its log says why; nothing was changed".to_owned())
            }
            Self::Read { .. } | Self::Answer { .. } | Self::File { .. } | Self::Interrupted => None,
        }
    }
}
