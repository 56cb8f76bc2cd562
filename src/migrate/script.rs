//! A script made ready to run: what its statements are, how they share transactions, and what can't run that way.
//!
//! A transactional script is never cut into statements to be run; it is only looked through, so that what would
//! break its transaction is found at planning. Its text keeps its length, so that a place in what is sent is a place
//! in the file.

use std::ops::Range;

use super::Script;
use super::layout::{Folder, Layout};
use crate::Dialect;
use crate::source_text::Position;
use crate::sql::{self, NonTransactional, Statement, StatementKind};

/// A script that is ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// SQLite: `foreign_keys` is off from before the transaction to after it.
    pub foreign_keys_off: bool,
    /// Something of the script may outlive it on the connection (temporary tables; SQLite: pragmas, attached databases;
    /// PostgreSQL: prepared statements, cursors, `LISTEN`).
    pub marks_session: bool,
    /// How it runs.
    pub mode: Mode,
}

/// How a script runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// In one transaction together with its row.
    Transaction {
        /// The statement that begins it.
        begin: String,
        /// The text, cut only where the data of a `COPY` stands.
        pieces: Vec<Piece>,
    },
    /// Statement by statement.
    Steps(Vec<Unit>),
}

/// A part of a transactional script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Statements.
    Sql {
        /// Their text.
        text: String,
        /// Where it begins in the script.
        offset: usize,
    },
    /// A `COPY … FROM stdin` with its data.
    Copy {
        /// The statement.
        statement: String,
        /// The data, without the `\.` that ends it.
        data: String,
        /// Where the statement begins in the script.
        offset: usize,
    },
}

/// One step of a no-transaction script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The statement (of a `BEGIN … COMMIT` block: all statements between).
    pub text: String,
    /// Where it begins in the script.
    pub offset: usize,
    /// How it runs.
    pub kind: UnitKind,
}

/// How a step of a no-transaction script runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitKind {
    /// In a transaction that also moves the cursor.
    Shared,
    /// As [`UnitKind::Shared`], with the data of a `COPY`.
    Copy(String),
    /// By itself; what it makes can be looked up where it is known what that is.
    Alone(Option<NonTransactional>),
    /// By itself; it only sets up the session, and is run again when the script is resumed.
    Session,
}

/// Why a script can't run as it is; found before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptProblem {
    /// The file.
    pub path: String,
    /// Where in it.
    pub position: Position,
    /// The text around it, with a caret.
    pub excerpt: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// How a script of this layout says that it is to run without a transaction.
fn marker_hint(layout: Layout) -> String {
    match layout.no_transaction_marker() {
        Some(marker) => format!("a migration of its own, with {marker}: then statements run one by one"),
        None => format!(
            "a migration of its own, with nothing else in it ({layout} has no other way to say that a script runs \
             without a transaction)"
        ),
    }
}

/// Makes `script` ready for `dialect`; `layout` is what a hint is worded for.
///
/// # Errors
/// [`ScriptProblem`] at the first statement that can't run as the script is to be run.
pub fn prepare(dialect: Dialect, layout: Layout, script: &Script) -> Result<Prepared, ScriptProblem> {
    let fail = |offset: usize, message: String, hint: &str| problem(script, offset, message, hint.to_owned());
    let text = &script.text;
    let statements = sql::split(dialect, text).map_err(|error| {
        fail(error.offset(), error.to_string(), "the script can't be read to its end; nothing of it was run")
    })?;
    let mut kinds: Vec<(Statement<'_>, StatementKind<'_>)> = Vec::new();
    for statement in statements {
        if statement.block {
            kinds.extend(of_block(dialect, &statement, script.directives.no_transaction, &fail)?);
        } else {
            kinds.push((statement, sql::classify(dialect, statement.text)));
        }
    }
    if dialect == Dialect::Postgres
        && let Some((statement, _)) = kinds.iter().find(|(statement, _)| sql::copies_out(statement.text))
    {
        return Err(fail(
            statement.start,
            "`COPY … TO STDOUT` has nowhere to send its rows".to_owned(),
            "a migration has no output: copy to a table (`CREATE TABLE … AS`), or take the statement out",
        ));
    }
    let statements = kinds;
    let marks_session = statements.iter().any(|(s, kind)| outlives(dialect, s.text, kind));
    let mut prepared = if script.directives.no_transaction {
        let units = units(&statements, text, &fail)?;
        Prepared { foreign_keys_off: false, marks_session, mode: Mode::Steps(units) }
    } else {
        transaction(dialect, layout, text, statements, marks_session, &fail)?
    };
    prepared.foreign_keys_off |= script.directives.foreign_keys_off;
    Ok(prepared)
}

/// What stands between goose's `StatementBegin` and `StatementEnd`: of a transactional script each statement, so that
/// none ends the transaction unseen; of any other one unit, as goose sends it.
fn of_block<'a>(
    dialect: Dialect,
    block: &Statement<'a>,
    one_unit: bool,
    fail: &Fail<'_>,
) -> Result<Vec<(Statement<'a>, StatementKind<'a>)>, ScriptProblem> {
    let at_fault = |offset: usize, message: String| {
        fail(block.start + offset, message, "between `StatementBegin` and `StatementEnd`, which is sent as it stands")
    };
    let inside = sql::split(dialect, block.text).map_err(|error| at_fault(error.offset(), error.to_string()))?;
    let mut found = Vec::new();
    for inner in inside {
        if inner.copy_data.is_some() {
            return Err(at_fault(inner.start, "`COPY … FROM stdin` in a block that is sent as it stands".to_owned()));
        }
        let place = Statement { start: block.start + inner.start, end: block.start + inner.end, ..inner };
        found.push((place, sql::classify(dialect, inner.text)));
    }
    if !one_unit || found.len() < 2 {
        return Ok(found);
    }
    let shareable = |kind: &StatementKind<'_>| {
        matches!(kind, StatementKind::Ordinary | StatementKind::Savepoint | StatementKind::SessionSet)
    };
    match found.iter().find(|(_, kind)| !shareable(kind)) {
        Some((inner, _)) => Err(at_fault(
            inner.start - block.start,
            format!("`{}` together with other statements in one block", first_words(inner.text)),
        )),
        None => Ok(vec![(*block, StatementKind::Ordinary)]),
    }
}

fn problem(script: &Script, offset: usize, message: String, hint: String) -> ScriptProblem {
    let (position, excerpt) = script.place(offset);
    ScriptProblem { path: script.path.clone(), position, excerpt, message, hint }
}

fn outlives(dialect: Dialect, text: &str, kind: &StatementKind<'_>) -> bool {
    if dialect == Dialect::Postgres {
        // settings are reset after every script; the rest may be made by a function or a DO, too
        const WORDS: [&str; 3] = ["prepare", "listen", "hold"];
        let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        return words.any(|word| WORDS.iter().any(|wanted| word.eq_ignore_ascii_case(wanted)));
    }
    let mut words = text.split_ascii_whitespace().map(str::to_ascii_lowercase);
    let temporary =
        words.next().as_deref() == Some("create") && matches!(words.next().as_deref(), Some("temp" | "temporary"));
    temporary || kind.changes_session()
}

type Fail<'a> = dyn Fn(usize, String, &str) -> ScriptProblem + 'a;

fn transaction(
    dialect: Dialect,
    layout: Layout,
    text: &str,
    statements: Vec<(Statement<'_>, StatementKind<'_>)>,
    marks_session: bool,
    fail: &Fail<'_>,
) -> Result<Prepared, ScriptProblem> {
    let mut blanks: Vec<Range<usize>> = Vec::new();
    let mut rest = statements.as_slice();
    let mut foreign_keys_off = false;
    // SQLite's own recipe for a table rebuild: the pragma off, BEGIN … COMMIT, the pragma on again
    // (https://www.sqlite.org/lang_altertable.html, section 7)
    while let Some(((statement, StatementKind::ForeignKeysPragma { on }), after)) = rest.split_first() {
        foreign_keys_off = !on;
        blanks.push(statement.start..statement.end);
        rest = after;
    }
    while let Some(((statement, StatementKind::ForeignKeysPragma { on: true }), before)) = rest.split_last() {
        blanks.push(statement.start..statement.end);
        rest = before;
    }
    let mut begin = match dialect {
        Dialect::Sqlite => "BEGIN IMMEDIATE".to_owned(),
        Dialect::Postgres => "BEGIN".to_owned(),
    };
    if let [(first, StatementKind::Begin { .. }), middle @ .., (last, StatementKind::Commit { chain: false })] = rest {
        if dialect == Dialect::Postgres {
            begin = first.text.to_owned();
        }
        blanks.extend([first.start..first.end, last.start..last.end]);
        rest = middle;
    }
    // what sets the transaction up must come before our row, which is its first query
    while let Some(((statement, _), after)) = rest.split_first()
        && dialect == Dialect::Postgres
        && words(statement.text, 2) == ["set", "transaction"]
    {
        begin = format!("{begin};\n{}", statement.text);
        blanks.push(statement.start..statement.end);
        rest = after;
    }
    for (statement, kind) in rest {
        let named = || first_words(statement.text);
        match kind {
            StatementKind::Begin { .. } | StatementKind::Commit { .. } | StatementKind::Rollback { .. } => {
                let hint = format!(
                    "a script wrapped whole in `BEGIN; … COMMIT;` is fine, and so is none of both: a migration runs in \
                     a transaction of its own. To end transactions yourself: {}",
                    marker_hint(layout)
                );
                let message = format!("`{}` in a script that runs in a transaction", named());
                return Err(fail(statement.start, message, &hint));
            }
            StatementKind::PreparedTransaction | StatementKind::NeedsNoTransaction(_) => {
                let message = format!("`{}` can't run in a transaction", named());
                return Err(fail(statement.start, message, &format!("give it {}", marker_hint(layout))));
            }
            StatementKind::ForeignKeysPragma { .. } => {
                return Err(fail(
                    statement.start,
                    format!("`{}` has no effect inside a transaction", named()),
                    "put it before every other statement, or `-- liftlock: foreign-keys=off` at the top",
                ));
            }
            StatementKind::Ordinary
            | StatementKind::Savepoint
            | StatementKind::SessionSet
            | StatementKind::MayControlTransaction => {}
        }
    }
    let sendable = blanked(dialect, text, &blanks);
    let pieces = pieces(&sendable, rest);
    Ok(Prepared { foreign_keys_off, marks_session, mode: Mode::Transaction { begin, pieces } })
}

/// The text with what is not to be sent turned into spaces, byte for byte, so that places stay what they are.
fn blanked(dialect: Dialect, text: &str, blanks: &[Range<usize>]) -> String {
    let mut bytes = match dialect {
        Dialect::Postgres => sql::blank_meta_commands(text).into_owned().into_bytes(),
        Dialect::Sqlite => text.as_bytes().to_vec(),
    };
    let mark = if text.starts_with('\u{feff}') { 0..'\u{feff}'.len_utf8() } else { 0..0 };
    for range in blanks.iter().cloned().chain([mark]) {
        for byte in &mut bytes[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).expect("whole characters were replaced by spaces")
}

fn pieces(text: &str, statements: &[(Statement<'_>, StatementKind<'_>)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (statement, _) in statements {
        let Some(copy) = &statement.copy_data else { continue };
        pieces.push(Piece::Sql { text: text[from..statement.start].to_owned(), offset: from });
        pieces.push(Piece::Copy {
            statement: statement.text.to_owned(),
            data: copy.data.to_owned(),
            offset: statement.start,
        });
        // the line that ends the data is not part of it
        from = text[copy.end..].find('\n').map_or(text.len(), |newline| copy.end + newline);
    }
    pieces.push(Piece::Sql { text: text[from..].to_owned(), offset: from });
    pieces
}

fn units(
    statements: &[(Statement<'_>, StatementKind<'_>)],
    text: &str,
    fail: &Fail<'_>,
) -> Result<Vec<Unit>, ScriptProblem> {
    let mut units = Vec::new();
    let mut rest = statements.iter();
    while let Some((statement, kind)) = rest.next() {
        let unit = |kind| Unit { text: statement.text.to_owned(), offset: statement.start, kind };
        match kind {
            kind if kind.changes_session() => units.push(unit(UnitKind::Session)),
            StatementKind::Ordinary | StatementKind::Savepoint => units.push(match &statement.copy_data {
                Some(copy) => unit(UnitKind::Copy(copy.data.to_owned())),
                None => unit(UnitKind::Shared),
            }),
            StatementKind::SessionSet | StatementKind::ForeignKeysPragma { .. } => units.push(unit(UnitKind::Session)),
            StatementKind::NeedsNoTransaction(what) => units.push(unit(UnitKind::Alone(Some(what.clone())))),
            StatementKind::MayControlTransaction | StatementKind::PreparedTransaction => {
                units.push(unit(UnitKind::Alone(None)));
            }
            StatementKind::Begin { .. } => units.extend(block(statement, &mut rest, text, fail)?),
            StatementKind::Commit { .. } | StatementKind::Rollback { .. } => {
                return Err(fail(
                    statement.start,
                    format!("`{}` without a `BEGIN` before it", first_words(statement.text)),
                    "in a no-transaction script, `BEGIN; … COMMIT;` makes one step of what stands between",
                ));
            }
        }
    }
    Ok(units)
}

/// The statements from a `BEGIN` to its `COMMIT`, as one step.
fn block<'s, 't: 's>(
    begin: &Statement<'_>,
    rest: &mut impl Iterator<Item = &'s (Statement<'t>, StatementKind<'t>)>,
    text: &str,
    fail: &Fail<'_>,
) -> Result<Option<Unit>, ScriptProblem> {
    let mut inside: Option<Range<usize>> = None;
    for (statement, kind) in rest {
        match kind {
            StatementKind::Commit { chain: false } => {
                return Ok(inside.map(|range| Unit {
                    text: text[range.clone()].to_owned(),
                    offset: range.start,
                    kind: UnitKind::Shared,
                }));
            }
            StatementKind::SessionSet => {
                return Err(fail(
                    statement.start,
                    format!(
                        "`{}` between `BEGIN` and `COMMIT` of a no-transaction script",
                        first_words(statement.text)
                    ),
                    "a run that goes on later could not set it again: put it before the `BEGIN`, or write `SET LOCAL`",
                ));
            }
            StatementKind::Ordinary | StatementKind::Savepoint if statement.copy_data.is_none() => {
                let start = inside.map_or(statement.start, |range| range.start);
                inside = Some(start..statement.end);
            }
            _ => {
                return Err(fail(
                    statement.start,
                    format!("`{}` between `BEGIN` and `COMMIT`", first_words(statement.text)),
                    "only statements that can share a transaction may stand there",
                ));
            }
        }
    }
    Err(fail(begin.start, "`BEGIN` without a `COMMIT` after it".to_owned(), "end the block with `COMMIT;`"))
}

/// The first words of a statement, in lower case.
fn words(text: &str, count: usize) -> Vec<String> {
    text.split_ascii_whitespace().take(count).map(str::to_ascii_lowercase).collect()
}

/// The beginning of a statement, for a message.
pub(crate) fn first_words(text: &str) -> String {
    let words: Vec<&str> = text.split_ascii_whitespace().take(5).collect();
    let mut shown: String = words.join(" ").chars().take(60).collect();
    if text.split_ascii_whitespace().nth(5).is_some() {
        shown.push_str(" …");
    }
    shown
}

/// In the layouts whose tools run a lone statement outside a transaction, such a script is a no-transaction one.
pub(crate) fn settle_lone_statements(folder: &mut Folder, dialect: Dialect) {
    if !folder.layout.lone_statement_runs_outside_transaction(dialect) {
        return;
    }
    for migration in &mut folder.migrations {
        for script in [Some(&mut migration.up), migration.down.as_mut()].into_iter().flatten() {
            let statements = sql::split(dialect, &script.text).unwrap_or_default();
            if let [statement] = statements.as_slice()
                && matches!(sql::classify(dialect, statement.text), StatementKind::NeedsNoTransaction(_))
            {
                script.directives.no_transaction = true;
            }
        }
    }
}
