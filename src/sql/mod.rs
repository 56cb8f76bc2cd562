//! SQL as text: tokens, statements, what a statement is. Pure functions over `&str`, no connection anywhere.
//!
//! Every offset is a byte offset into the text that was given. PostgreSQL's strings are read as with
//! `standard_conforming_strings = on`, its default since 9.1: a backslash is an escape in `E'…'` alone.

mod classify;
mod cursor;
mod error;
pub mod lexer;
mod split;

pub use classify::{NonTransactional, StatementKind, SubscriptionChange, classify, copies_out, dropped_table};
pub use cursor::ObjectName;
pub(crate) use cursor::{Cursor, unquoted};
pub use error::SyntaxError;
pub use lexer::{Lexer, Token, TokenKind};
pub use split::{CopyData, Statement, blank_meta_commands, is_blank, split};
