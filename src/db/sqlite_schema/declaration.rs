//! Reads the statements that SQLite keeps in its schema, token by token, along the rules of its grammar (`parse.y`).
//!
//! Not by way of a syntax tree: a tree has no places, and so can't give an expression as it was written. SQLite has
//! accepted every one of these statements, so it is enough to find where each part begins and ends.

use super::text;
use super::written::{Plain, key_columns, plain, without_order, words};
use crate::Dialect;
use crate::schema::{Check, Deferral};
use crate::sql::Cursor;

/// What a CREATE TABLE statement says beyond what the pragmas tell.
#[derive(Debug, Default)]
pub(super) struct Declaration {
    pub(super) columns: Vec<DeclaredColumn>,
    pub(super) primary_key: Option<DeclaredKey>,
    pub(super) autoincrement: bool,
    pub(super) uniques: Vec<DeclaredKey>,
    pub(super) checks: Vec<Check>,
    pub(super) foreign_keys: Vec<DeclaredForeignKey>,
}

#[derive(Debug, Default)]
pub(super) struct DeclaredColumn {
    pub(super) name: String,
    /// As written.
    pub(super) declared: String,
    pub(super) collation: Option<String>,
    pub(super) generated: Option<String>,
}

/// A PRIMARY KEY or UNIQUE constraint.
#[derive(Debug)]
pub(super) struct DeclaredKey {
    pub(super) name: Option<String>,
    /// Each column with the collation that it has here; `None` for the column's own.
    pub(super) columns: Vec<(String, Option<String>)>,
}

#[derive(Debug)]
pub(super) struct DeclaredForeignKey {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<String>,
    pub(super) deferral: Deferral,
}

/// What a CREATE INDEX statement says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IndexDeclaration {
    pub(super) unique: bool,
    /// The table that it is on.
    pub(super) table: String,
    /// The terms as written, without ASC and DESC.
    pub(super) terms: Vec<String>,
    pub(super) predicate: Option<String>,
    /// The terms, where each leaves nothing open.
    pub(super) plain: Option<Vec<Plain>>,
}

/// The module of a CREATE VIRTUAL TABLE statement.
pub(super) fn module(sql: &str) -> Option<String> {
    let mut cursor = Cursor::new(Dialect::Sqlite, sql);
    (cursor.eat("create") && cursor.eat("virtual") && cursor.eat("table")).then_some(())?;
    cursor.eat_all(&["if", "not", "exists"]);
    cursor.name()?;
    cursor.eat("using").then_some(())?;
    cursor.identifier()
}

/// Reads a CREATE INDEX statement; `None` where it is none.
pub(super) fn index(sql: &str) -> Option<IndexDeclaration> {
    let mut reader = Reader::new(sql);
    reader.cursor.eat("create").then_some(())?;
    let unique = reader.cursor.eat("unique");
    reader.cursor.eat("index").then_some(())?;
    reader.cursor.eat_all(&["if", "not", "exists"]);
    reader.cursor.name()?;
    reader.cursor.eat("on").then_some(())?;
    let table = reader.cursor.identifier()?;
    let terms = reader.terms()?;
    let plain = terms.iter().map(|term| plain(term)).collect();
    let terms = terms.into_iter().map(|term| without_order(term).to_owned()).collect();
    let predicate = reader.cursor.eat("where").then(|| reader.rest()).flatten();
    Some(IndexDeclaration { unique, table, terms, predicate, plain })
}

/// Reads a CREATE TABLE statement; the error says where it stopped making sense.
pub(super) fn table(sql: &str) -> Result<Declaration, String> {
    let mut reader = Reader::new(sql);
    let mut declaration = Declaration::default();
    if reader.statement(&mut declaration).is_some() {
        return Ok(declaration);
    }
    Err(match reader.cursor.peek() {
        Some(token) => format!("unexpected `{}` at byte {} of its statement", token.text, token.start),
        None => "its statement ends early".to_owned(),
    })
}

struct Reader<'a> {
    sql: &'a str,
    cursor: Cursor<'a>,
    /// What `CONSTRAINT` has named, for the constraint that follows.
    name: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(sql: &'a str) -> Self {
        Self { sql, cursor: Cursor::new(Dialect::Sqlite, sql), name: None }
    }

    fn statement(&mut self, into: &mut Declaration) -> Option<()> {
        self.cursor.eat("create").then_some(())?;
        let _ = self.cursor.eat("temp") || self.cursor.eat("temporary");
        self.cursor.eat("table").then_some(())?;
        self.cursor.eat_all(&["if", "not", "exists"]);
        self.cursor.name()?;
        self.cursor.eat_punct(b'(').then_some(())?;
        loop {
            self.column(into)?;
            if self.cursor.eat_punct(b')') {
                break;
            }
            self.cursor.eat_punct(b',').then_some(())?;
            self.name = None;
            if self.at_word(&["constraint", "primary", "unique", "check", "foreign"]) {
                self.table_constraints(into)?;
                break;
            }
        }
        // a column's own collation may stand after its UNIQUE
        for key in into.primary_key.iter_mut().chain(&mut into.uniques) {
            for (name, collation) in &mut key.columns {
                let column = into.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
                let own = || column.and_then(|column| column.collation.clone());
                *collation = collation.take().map_or_else(own, |name| text::collation(&name));
            }
        }
        Some(())
    }

    fn column(&mut self, into: &mut Declaration) -> Option<()> {
        const CONSTRAINTS: [&str; 11] = [
            "constraint",
            "default",
            "null",
            "not",
            "primary",
            "unique",
            "check",
            "references",
            "collate",
            "as",
            "deferrable",
        ];
        let name = self.cursor.identifier()?;
        let start = self.cursor.peek()?.start;
        let mut end = start;
        while let Some(token) = self.cursor.peek()
            && !(token.is_punct(b',') || token.is_punct(b')') || self.at_word(&CONSTRAINTS))
            && !self.at_generated()
        {
            if token.is_punct(b'(') {
                self.brackets()?;
            } else {
                self.cursor.take();
            }
            end = self.cursor.end;
        }
        let declared = self.sql[start..end].to_owned();
        into.columns.push(DeclaredColumn { name, declared, ..DeclaredColumn::default() });
        while self.cursor.peek().is_some_and(|token| !token.is_punct(b',') && !token.is_punct(b')')) {
            self.column_constraint(into)?;
        }
        Some(())
    }

    fn column_constraint(&mut self, into: &mut Declaration) -> Option<()> {
        let column = into.columns.len() - 1;
        let this = |into: &Declaration| into.columns[column].name.clone();
        if self.cursor.eat("constraint") {
            self.name = Some(self.cursor.identifier()?);
            return Some(());
        }
        let name = self.name.take();
        if self.cursor.eat("default") {
            self.default()?;
        } else if self.cursor.eat_all(&["not", "null"]) || self.cursor.eat("null") {
            self.on_conflict()?;
        } else if self.cursor.eat("primary") {
            self.cursor.eat("key").then_some(())?;
            let _ = self.cursor.eat("asc") || self.cursor.eat("desc");
            self.on_conflict()?;
            into.autoincrement |= self.cursor.eat("autoincrement");
            into.primary_key = Some(DeclaredKey { name, columns: vec![(this(into), None)] });
        } else if self.cursor.eat("unique") {
            self.on_conflict()?;
            into.uniques.push(DeclaredKey { name, columns: vec![(this(into), None)] });
        } else if self.cursor.eat("check") {
            into.checks.push(Check { name, expression: self.brackets()?.to_owned() });
        } else if self.cursor.eat("references") {
            self.references()?;
            let columns = vec![this(into)];
            into.foreign_keys.push(DeclaredForeignKey { name, columns, deferral: Deferral::NotDeferrable });
        } else if self.cursor.eat("collate") {
            into.columns[column].collation = text::collation(&self.cursor.identifier()?);
        } else if self.at_generated() || self.at_word(&["as"]) {
            self.cursor.eat_all(&["generated", "always"]);
            self.cursor.eat("as").then_some(())?;
            into.columns[column].generated = Some(self.brackets()?.to_owned());
            let _ = self.cursor.eat("stored") || self.cursor.eat("virtual");
        } else {
            // of whichever key was the last: the grammar does not tie it to its own
            let deferral = self.deferral()?;
            if let Some(key) = into.foreign_keys.last_mut() {
                key.deferral = deferral;
            }
        }
        Some(())
    }

    /// The table's constraints, which may stand without commas between them, and the closing bracket.
    fn table_constraints(&mut self, into: &mut Declaration) -> Option<()> {
        while !self.cursor.eat_punct(b')') {
            if self.cursor.eat_punct(b',') {
                self.name = None;
                continue;
            }
            if self.cursor.eat("constraint") {
                self.name = Some(self.cursor.identifier()?);
                continue;
            }
            let name = self.name.take();
            if self.cursor.eat("primary") {
                self.cursor.eat("key").then_some(())?;
                let terms = self.terms()?;
                into.autoincrement |=
                    terms.last().is_some_and(|term| words(term).any(|token| token.is_word("autoincrement")));
                into.primary_key = Some(DeclaredKey { name, columns: key_columns(&terms)? });
                self.on_conflict()?;
            } else if self.cursor.eat("unique") {
                let terms = self.terms()?;
                into.uniques.push(DeclaredKey { name, columns: key_columns(&terms)? });
                self.on_conflict()?;
            } else if self.cursor.eat("check") {
                into.checks.push(Check { name, expression: self.brackets()?.to_owned() });
                self.on_conflict()?;
            } else {
                self.cursor.eat_all(&["foreign", "key"]).then_some(())?;
                let columns = key_columns(&self.terms()?)?.into_iter().map(|(column, _)| column).collect();
                self.cursor.eat("references").then_some(())?;
                self.references()?;
                let deferral =
                    if self.at_word(&["not", "deferrable"]) { self.deferral()? } else { Deferral::NotDeferrable };
                into.foreign_keys.push(DeclaredForeignKey { name, columns, deferral });
            }
        }
        Some(())
    }

    fn default(&mut self) -> Option<()> {
        if self.at_punct(b'(') {
            return self.brackets().map(|_| ());
        }
        let _ = self.cursor.eat_punct(b'-') || self.cursor.eat_punct(b'+');
        self.cursor.take().map(|_| ())
    }

    fn on_conflict(&mut self) -> Option<()> {
        if self.cursor.eat_all(&["on", "conflict"]) {
            self.cursor.keyword()?;
        }
        Some(())
    }

    /// What follows REFERENCES, without its deferral. The pragma tells all of it.
    fn references(&mut self) -> Option<()> {
        self.cursor.identifier()?;
        if self.at_punct(b'(') {
            self.brackets()?;
        }
        loop {
            if self.cursor.eat("on") {
                self.cursor.keyword()?;
                if !(self.cursor.eat_all(&["set", "null"])
                    || self.cursor.eat_all(&["set", "default"])
                    || self.cursor.eat_all(&["no", "action"]))
                {
                    self.cursor.keyword()?;
                }
            } else if self.cursor.eat("match") {
                self.cursor.identifier()?;
            } else {
                return Some(());
            }
        }
    }

    fn deferral(&mut self) -> Option<Deferral> {
        let not = self.cursor.eat("not");
        self.cursor.eat("deferrable").then_some(())?;
        let deferred = self.cursor.eat_all(&["initially", "deferred"]);
        let _ = deferred || self.cursor.eat_all(&["initially", "immediate"]);
        Some(match (not, deferred) {
            (true, _) => Deferral::NotDeferrable,
            (false, true) => Deferral::Deferred,
            (false, false) => Deferral::Immediate,
        })
    }

    fn at_word(&self, words: &[&str]) -> bool {
        self.cursor.peek().is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    }

    fn at_punct(&self, punct: u8) -> bool {
        self.cursor.peek().is_some_and(|token| token.is_punct(punct))
    }

    /// `GENERATED` and `ALWAYS` are no reserved words: a type may have them in it.
    fn at_generated(&self) -> bool {
        self.at_word(&["generated"]) && self.cursor.clone().eat_all(&["generated", "always", "as"])
    }

    /// Takes `( … )` and gives what stands between, without comments at its ends.
    fn brackets(&mut self) -> Option<&'a str> {
        let terms = self.split_brackets(false)?;
        terms.into_iter().next()
    }

    /// Takes `( … , … )` and gives what stands between the commas.
    fn terms(&mut self) -> Option<Vec<&'a str>> {
        self.split_brackets(true)
    }

    fn split_brackets(&mut self, at_commas: bool) -> Option<Vec<&'a str>> {
        self.cursor.eat_punct(b'(').then_some(())?;
        let mut terms = Vec::new();
        let mut span: Option<(usize, usize)> = None;
        let mut depth = 1_usize;
        loop {
            let token = self.cursor.take()?;
            if token.is_punct(b'(') {
                depth += 1;
            } else if token.is_punct(b')') {
                depth -= 1;
            }
            let comma = at_commas && depth == 1 && token.is_punct(b',');
            if depth == 0 || comma {
                let (start, end) = span.take()?;
                terms.push(&self.sql[start..end]);
                if depth == 0 {
                    return Some(terms);
                }
            } else {
                span = Some((span.map_or(token.start, |(start, _)| start), token.end));
            }
        }
    }

    /// All that is left of the statement.
    fn rest(&mut self) -> Option<String> {
        let start = self.cursor.peek()?.start;
        while self.cursor.take().is_some() {}
        Some(self.sql[start..self.cursor.end].to_owned())
    }
}
