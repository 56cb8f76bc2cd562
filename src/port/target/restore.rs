//! The table that says what puts foreign keys and triggers back, and the way back: every step can be the last.

use serde::Deserialize;

use super::{TargetError, literal, qualified};
use crate::db::{ErrorClass, SqlError, Statements};

/// The table's name; it is in the target's schema.
pub(super) const TABLE: &str = "liftlock_port_restore";

/// What was taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// A foreign key.
    #[serde(rename = "foreign key")]
    ForeignKey,
    /// A trigger.
    #[serde(rename = "trigger")]
    Trigger,
}

impl Kind {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ForeignKey => "foreign key",
            Self::Trigger => "trigger",
        }
    }
}

/// One thing to take off, and how it comes back.
pub(super) struct Entry {
    pub kind: Kind,
    pub table_schema: String,
    pub table: String,
    pub name: String,
    pub off: String,
    pub on: String,
    pub validate: Option<String>,
    pub offenders: Option<String>,
}

/// What became of one thing that was taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What it is.
    pub kind: Kind,
    /// Its table's schema.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Whether it is as it was.
    pub state: RestoredState,
}

/// Whether what was taken off is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoredState {
    /// It is.
    Same,
    /// Rows break the foreign key: it is back, NOT VALID, and so holds for new rows alone.
    NotValid {
        /// How many rows break it.
        rows: u64,
        /// The first of them: `id = 7, parent = 99`.
        examples: Vec<String>,
        /// What proves it once these rows are mended.
        validate: String,
    },
    /// It is not back; its line stays in the table `liftlock_port_restore`, and the next call tries again.
    Missing {
        /// What the server says.
        reason: String,
        /// How many rows break it, where that is the reason.
        rows: u64,
        /// The first of them.
        examples: Vec<String>,
        /// What puts it back.
        statement: String,
    },
}

/// As `take_off` finds it, and as each step leaves it. `added` is a foreign key that is there and not validated yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Off,
    Added,
    On,
}

#[derive(Debug, Deserialize)]
struct Line {
    id: i64,
    kind: Kind,
    table_schema: String,
    table_name: String,
    name: String,
    restore: String,
    validate: Option<String>,
    offenders: Option<String>,
    state: State,
}

/// The statements that make the table.
pub(super) fn create(schema: &str) -> String {
    let table = qualified(schema, TABLE);
    format!(
        "CREATE TABLE {table} (\n    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    kind text NOT NULL,\n    \
         table_schema text NOT NULL,\n    table_name text NOT NULL,\n    name text NOT NULL,\n    \
         restore text NOT NULL,\n    validate text,\n    offenders text,\n    \
         state text NOT NULL DEFAULT 'off' CHECK (state IN ('off', 'added', 'on')),\n    \
         UNIQUE (kind, table_schema, table_name, name)\n);\n\
         COMMENT ON TABLE {table} IS 'What puts back the foreign keys and triggers that liftlock took off for a port. \
         The port ends by running it; so does its next run where it was cut short.';\n"
    )
}

impl Entry {
    /// The statement that writes it down. Where an earlier run wrote it down, was cut short after putting it back and
    /// before validating it, the foreign key is still one that has to be validated.
    pub(super) fn insert(&self, schema: &str) -> String {
        let or_null = |text: &Option<String>| text.as_deref().map_or_else(|| "NULL".to_owned(), literal);
        format!(
            "INSERT INTO {} AS r (kind, table_schema, table_name, name, restore, validate, offenders)\n\
             VALUES ({}, {}, {}, {}, {}, {}, {})\n\
             ON CONFLICT (kind, table_schema, table_name, name) DO UPDATE\n\
             SET restore = EXCLUDED.restore, validate = coalesce(EXCLUDED.validate, r.validate),\n    \
             offenders = EXCLUDED.offenders, state = 'off';\n",
            qualified(schema, TABLE),
            literal(self.kind.word()),
            literal(&self.table_schema),
            literal(&self.table),
            literal(&self.name),
            literal(&self.on),
            or_null(&self.validate),
            or_null(&self.offenders),
        )
    }
}

/// Whether something that was taken off is still to be put back.
///
/// # Errors
/// [`TargetError::Sql`] of the server.
pub fn is_pending(db: &mut impl Statements, schema: &str) -> Result<bool, TargetError> {
    let sql = format!("SELECT to_regclass({}) IS NOT NULL", literal(&qualified(schema, TABLE)));
    let answers = db.query_each(&sql).map_err(TargetError::sql(format!("look for `{TABLE}`")))?;
    Ok(answers.into_iter().flatten().flatten().next().flatten().as_deref() == Some("t"))
}

/// Puts back what [`take_off`](super::take_off) took off, in this run or in one that was cut short: foreign keys as NOT
/// VALID first, which takes no long lock, then validated; triggers as they were switched. Each step is a transaction of
/// its own that records itself; a call after a kill at any point goes on from there, and one without anything to do
/// does nothing. When all is back, the table `liftlock_port_restore` goes.
///
/// # Errors
/// [`TargetError::Sql`] where the connection is lost, a lock is not had in time or the call is cancelled; then the next
/// call goes on. What only one of the things meets is in its [`Restored::state`].
pub fn put_back(db: &mut impl Statements, schema: &str) -> Result<Vec<Restored>, TargetError> {
    if !is_pending(db, schema)? {
        return Ok(Vec::new());
    }
    let restored = put_back_each(db, schema, Proof::All)?;
    crate::crash::point("port-put-back-drop");
    if !restored.iter().any(|one| matches!(one.state, RestoredState::Missing { .. })) {
        forget(db, schema)?;
    }
    Ok(restored)
}

/// As [`put_back`], after a run that is to be gone on with: what its half of the rows breaks is back as NOT VALID, and
/// stays in the table, so that the run which ends the port proves it. With `validate` not given, all foreign keys stay
/// NOT VALID for now, which needs no look at the rows.
///
/// # Errors
/// As of [`put_back`].
pub fn put_back_meanwhile(
    db: &mut impl Statements,
    schema: &str,
    validate: bool,
) -> Result<Vec<Restored>, TargetError> {
    let restored = put_back_each(db, schema, if validate { Proof::Uncounted } else { Proof::Later })?;
    if restored.iter().all(|one| one.state == RestoredState::Same) {
        forget(db, schema)?;
    }
    Ok(restored)
}

/// How far foreign keys are proven that are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// They are validated, and rows that break one are counted.
    All,
    /// They are validated, and rows that break one are not counted.
    Uncounted,
    /// They stay NOT VALID.
    Later,
}

fn forget(db: &mut impl Statements, schema: &str) -> Result<(), TargetError> {
    db.execute(&format!("DROP TABLE IF EXISTS {}", qualified(schema, TABLE)))
        .map_err(TargetError::sql(format!("drop `{TABLE}`")))
}

fn put_back_each(db: &mut impl Statements, schema: &str, proof: Proof) -> Result<Vec<Restored>, TargetError> {
    if !is_pending(db, schema)? {
        return Ok(Vec::new());
    }
    let table = qualified(schema, TABLE);
    let answers = db
        .query_each(&format!("SELECT row_to_json(r)::text FROM {table} r ORDER BY id"))
        .map_err(TargetError::sql(format!("read `{TABLE}`")))?;
    let mut restored = Vec::new();
    for row in answers.into_iter().flatten() {
        let json = row.into_iter().next().flatten().unwrap_or_default();
        let line: Line = serde_json::from_str(&json).map_err(|error| TargetError::answer("what to put back", error))?;
        let state = line.put_back(db, &table, proof)?;
        restored.push(Restored {
            kind: line.kind,
            schema: line.table_schema,
            table: line.table_name,
            name: line.name,
            state,
        });
    }
    Ok(restored)
}

impl Line {
    fn put_back(&self, db: &mut impl Statements, table: &str, proof: Proof) -> Result<RestoredState, TargetError> {
        if self.state == State::Off {
            let then = if self.validate.is_some() { "added" } else { "on" };
            match self.step(db, table, Some(&self.restore), then) {
                Ok(()) => {}
                // somebody has put it back by hand
                Err(error) if self.kind == Kind::ForeignKey && error.code.as_deref() == Some(DUPLICATE_OBJECT) => {
                    self.step(db, table, None, then).map_err(TargetError::sql(self.doing()))?;
                }
                Err(error) if ends_the_call(&error) => return Err(TargetError::sql(self.doing())(error)),
                Err(error) => return self.missing(db, &error, &self.restore),
            }
            crate::crash::point("port-put-back-added");
        }
        let Some(validate) = self.validate.as_deref().filter(|_| self.state != State::On) else {
            return Ok(RestoredState::Same);
        };
        let unproven = || RestoredState::NotValid { rows: 0, examples: Vec::new(), validate: validate.to_owned() };
        if proof == Proof::Later {
            return Ok(unproven());
        }
        match self.step(db, table, Some(validate), "on") {
            Ok(()) => Ok(RestoredState::Same),
            Err(error) if error.code.as_deref() == Some(FOREIGN_KEY_VIOLATION) => {
                if proof == Proof::Uncounted {
                    return Ok(unproven());
                }
                let (rows, examples) = self.offending(db, &error)?;
                Ok(RestoredState::NotValid { rows, examples, validate: validate.to_owned() })
            }
            Err(error) if ends_the_call(&error) => Err(TargetError::sql(self.doing())(error)),
            Err(error) => self.missing(db, &error, validate),
        }
    }

    fn missing(
        &self,
        db: &mut impl Statements,
        error: &SqlError,
        statement: &str,
    ) -> Result<RestoredState, TargetError> {
        let (rows, examples) = self.offending(db, error)?;
        Ok(RestoredState::Missing { reason: error.to_string(), rows, examples, statement: statement.to_owned() })
    }

    /// Runs a statement and records that it has run, or neither.
    fn step(&self, db: &mut impl Statements, table: &str, sql: Option<&str>, then: &str) -> Result<(), SqlError> {
        let sql = sql.map_or_else(String::new, |sql| format!("{sql};\n"));
        let result =
            db.execute(&format!("BEGIN;\n{sql}UPDATE {table} SET state = '{then}' WHERE id = {};\nCOMMIT;", self.id));
        if result.is_err() {
            roll_back(db);
        }
        result
    }

    fn offending(&self, db: &mut impl Statements, error: &SqlError) -> Result<(u64, Vec<String>), TargetError> {
        let query = self.offenders.as_deref().filter(|_| error.code.as_deref() == Some(FOREIGN_KEY_VIOLATION));
        let Some(query) = query else { return Ok((0, Vec::new())) };
        offending(db, query, &self.name, &self.table_name)
    }

    fn doing(&self) -> String {
        format!("put back the {} `{}` of `{}`", self.kind.word(), self.name, self.table_name)
    }
}

/// What the query for rows that break a foreign key finds: how many, and the first of them.
pub(super) fn offending(
    db: &mut impl Statements,
    query: &str,
    name: &str,
    table: &str,
) -> Result<(u64, Vec<String>), TargetError> {
    let doing = format!("find the rows that break the foreign key `{name}` of `{table}`");
    let answers = db.query_each(query).map_err(TargetError::sql(doing))?;
    let mut rows = 0;
    let mut examples = Vec::new();
    for row in answers.into_iter().flatten() {
        let mut cells = row.into_iter().flatten();
        rows = cells.next().and_then(|count| count.parse().ok()).unwrap_or(rows);
        examples.extend(cells.next());
    }
    Ok((rows, examples))
}

const DUPLICATE_OBJECT: &str = "42710";
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// What says nothing of the one thing at hand, and would meet the next one too.
fn ends_the_call(error: &SqlError) -> bool {
    matches!(error.class, ErrorClass::ConnectionLost | ErrorClass::LockTimeout | ErrorClass::Cancelled)
}

/// A failed message leaves its transaction open.
pub(super) fn roll_back(db: &mut impl Statements) {
    if let Err(error) = db.execute("ROLLBACK") {
        tracing::debug!(%error, "roll back");
    }
}
