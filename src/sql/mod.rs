//! SQL as text: tokens, statements, what a statement is.
