//! What is wrong with a script before any database has seen it, and where.

/// A script that can't be taken apart into statements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// A string literal without its closing quote.
    #[error("a string literal begins here and never ends")]
    UnterminatedString {
        /// Where it begins.
        offset: usize,
    },
    /// A quoted identifier without its closing quote.
    #[error("a quoted identifier begins here and never ends")]
    UnterminatedIdentifier {
        /// Where it begins.
        offset: usize,
    },
    /// A parameter of SQLite's such as `$name(index)` without its closing bracket.
    #[error("the bracket of a parameter is opened here and never closed")]
    UnterminatedParameter {
        /// Where it begins.
        offset: usize,
    },
    /// A dollar-quoted string without its closing tag.
    #[error("the dollar quote `{tag}` is opened here and never closed")]
    UnterminatedDollarQuote {
        /// Where it begins.
        offset: usize,
        /// The opening tag with its dollars.
        tag: String,
    },
    /// A block comment without its end; SQLite accepts that, PostgreSQL doesn't.
    #[error("a comment begins here and never ends")]
    UnterminatedComment {
        /// Where the outermost comment begins.
        offset: usize,
    },
    /// A NUL character: SQLite stops reading there in silence, PostgreSQL refuses the text.
    #[error("SQL text can't hold a NUL character")]
    Nul {
        /// Where it is.
        offset: usize,
    },
    /// Data of a `COPY … FROM stdin` that is not closed.
    #[error(r"the data of this `COPY … FROM stdin` has no line `\.` at its end")]
    UnterminatedCopy {
        /// Where the `COPY` statement begins.
        offset: usize,
    },
    /// Something other than a comment between a `COPY … FROM stdin;` and its first line of data.
    #[error("text stands after `COPY … FROM stdin;` on the same line")]
    TextAfterCopy {
        /// Where that text begins.
        offset: usize,
    },
    /// A command of psql's own.
    #[error("`{command}` is a command of psql, not SQL")]
    MetaCommand {
        /// Where its backslash is.
        offset: usize,
        /// The backslash and the word after it.
        command: String,
    },
    /// goose's `StatementBegin` without a `StatementEnd`, or a second one before it.
    #[error("`-- +goose StatementBegin` without a `-- +goose StatementEnd`")]
    UnterminatedBlock {
        /// Where the comment is.
        offset: usize,
    },
    /// goose's `StatementEnd` without a `StatementBegin`.
    #[error("`-- +goose StatementEnd` without a `-- +goose StatementBegin`")]
    StrayBlockEnd {
        /// Where the comment is.
        offset: usize,
    },
}

impl SyntaxError {
    /// The byte offset of the place to look at.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::UnterminatedString { offset }
            | Self::UnterminatedIdentifier { offset }
            | Self::UnterminatedParameter { offset }
            | Self::UnterminatedDollarQuote { offset, .. }
            | Self::UnterminatedComment { offset }
            | Self::Nul { offset }
            | Self::UnterminatedCopy { offset }
            | Self::TextAfterCopy { offset }
            | Self::MetaCommand { offset, .. }
            | Self::UnterminatedBlock { offset }
            | Self::StrayBlockEnd { offset } => *offset,
        }
    }

    /// The next step for the person who reads the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnterminatedString { .. } => "close the string; a quote inside it is written twice: ''",
            Self::UnterminatedParameter { .. } => "close the bracket, before any blank",
            Self::UnterminatedIdentifier { .. } => "close the identifier with the quote it was opened with",
            Self::UnterminatedDollarQuote { tag, .. } => return Some(format!("end the string with `{tag}`")),
            Self::UnterminatedComment { .. } => "close it; PostgreSQL's comments nest, so each `/*` needs its own `*/`",
            Self::Nul { .. } => "remove the character; the file may be UTF-16: save it as UTF-8",
            Self::UnterminatedCopy { .. } => r"put a line with nothing but `\.` after the last line of data",
            Self::TextAfterCopy { .. } => "begin the data on the line after the semicolon",
            Self::MetaCommand { .. } => "take the line out, or write what it does as SQL",
            Self::UnterminatedBlock { .. } => "add `-- +goose StatementEnd` on a line of its own; blocks don't nest",
            Self::StrayBlockEnd { .. } => "add `-- +goose StatementBegin` before the statement, or remove this line",
        };
        Some(hint.to_owned())
    }
}
