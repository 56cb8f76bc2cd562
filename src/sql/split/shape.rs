//! Whether a semicolon ends the statement it stands in, known from the tokens before it.

use crate::Dialect;
use crate::sql::Token;

/// What has been seen of one statement, comments and semicolons aside.
pub(super) enum Shape {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Shape {
    pub(super) fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Sqlite(Sqlite::Start),
            Dialect::Postgres => Self::Postgres(Postgres::default()),
        }
    }

    /// Takes the next token.
    pub(super) fn see(&mut self, token: Token<'_>) {
        match self {
            Self::Sqlite(state) => *state = state.after(token),
            Self::Postgres(state) => state.see(token),
        }
    }

    /// Takes a semicolon; whether it ends the statement.
    pub(super) fn ends_at_semicolon(&mut self) -> bool {
        match self {
            Self::Sqlite(state) => {
                if matches!(state, Sqlite::Body | Sqlite::BodySemicolon) {
                    *state = Sqlite::BodySemicolon;
                    return false;
                }
                true
            }
            Self::Postgres(state) => {
                state.starts_body_statement = state.brackets == 0;
                state.bodies == 0 && state.brackets == 0
            }
        }
    }

    /// Whether this is a `COPY … FROM stdin`.
    pub(super) fn copies_in(&self) -> bool {
        matches!(self, Self::Postgres(Postgres { head: Head::CopyIn, .. }))
    }
}

/// As `sqlite3_incomplete` in SQLite's `src/complete.c`, but that the `END` directly after a semicolon always ends a
/// trigger's body: its grammar has `BEGIN (statement ;)+ END`, and no statement begins with `END`. Any other `END`
/// is a `CASE`'s, or a name.
#[derive(Clone, Copy)]
pub(super) enum Sqlite {
    Start,
    /// After `EXPLAIN`, `EXPLAIN QUERY`, `EXPLAIN QUERY PLAN`.
    Explain,
    /// After `CREATE`, `CREATE TEMP`.
    Create,
    /// After `CREATE TRIGGER`, before a `BEGIN`. A trigger may be called `begin` too: then the real one follows
    /// before any semicolon.
    TriggerHead,
    Body,
    BodySemicolon,
    /// Anything in which the next semicolon is the end.
    Plain,
}

impl Sqlite {
    fn after(self, token: Token<'_>) -> Self {
        let is = |word| token.is_word(word);
        match self {
            Self::Start if is("EXPLAIN") => Self::Explain,
            Self::Explain if is("QUERY") || is("PLAN") => Self::Explain,
            Self::Start | Self::Explain if is("CREATE") => Self::Create,
            Self::Create if is("TEMP") || is("TEMPORARY") => Self::Create,
            Self::Create if is("TRIGGER") => Self::TriggerHead,
            Self::TriggerHead if is("BEGIN") => Self::Body,
            Self::TriggerHead => Self::TriggerHead,
            Self::BodySemicolon if is("END") => Self::Plain,
            Self::Body | Self::BodySemicolon => Self::Body,
            Self::Start | Self::Explain | Self::Create | Self::Plain => Self::Plain,
        }
    }
}

/// As psql's `psqlscan.l` for brackets. For `BEGIN ATOMIC` bodies it is exact where psql guesses: a body is
/// `BEGIN ATOMIC (statement ;)* END`, so that only an `END` where a statement could begin closes it.
#[derive(Default)]
pub(super) struct Postgres {
    head: Head,
    brackets: usize,
    /// How many `BEGIN ATOMIC` are open.
    bodies: usize,
    /// The next token is the first of a statement in a body, or its `END`.
    starts_body_statement: bool,
    after_begin: bool,
    after_from: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Create,
    CreateOr,
    /// `CREATE [OR REPLACE] FUNCTION | PROCEDURE`.
    Routine,
    Copy,
    CopyIn,
    Other,
}

impl Postgres {
    fn see(&mut self, token: Token<'_>) {
        if token.is_punct(b'(') {
            self.brackets += 1;
        } else if token.is_punct(b')') {
            self.brackets = self.brackets.saturating_sub(1);
        }
        let is = |word| token.is_word(word);
        self.head = match self.head {
            Head::Start if is("CREATE") => Head::Create,
            Head::Start if is("COPY") => Head::Copy,
            Head::Create if is("OR") => Head::CreateOr,
            Head::CreateOr if is("REPLACE") => Head::Create,
            Head::Create if is("FUNCTION") || is("PROCEDURE") => Head::Routine,
            Head::Routine => {
                self.body(token);
                Head::Routine
            }
            Head::Copy if self.brackets > 0 => Head::Copy,
            // the grammar takes either word on either side
            Head::Copy if self.after_from && (is("STDIN") || is("STDOUT")) => Head::CopyIn,
            Head::Copy => {
                self.after_from = is("FROM");
                Head::Copy
            }
            Head::CopyIn => Head::CopyIn,
            Head::Start | Head::Create | Head::CreateOr | Head::Other => Head::Other,
        };
    }

    fn body(&mut self, token: Token<'_>) {
        let starts_statement = std::mem::take(&mut self.starts_body_statement);
        let after_begin = std::mem::take(&mut self.after_begin);
        if self.brackets > 0 {
            return;
        }
        if self.bodies > 0 && starts_statement && token.is_word("END") {
            self.bodies -= 1;
        } else if after_begin && token.is_word("ATOMIC") {
            self.bodies += 1;
            self.starts_body_statement = true;
        } else {
            self.after_begin = token.is_word("BEGIN");
        }
    }
}
