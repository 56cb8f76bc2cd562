//! The only place that prints: results to stdout, everything else to stderr, no secret to either.

use std::error::Error as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::Error;
use crate::config::{Secret, redact};
use crate::migrate::{Direction, Event, StepReport};

/// Where a command's words go.
#[derive(Debug, Clone)]
pub(super) struct Output {
    json: bool,
    colour: bool,
    /// Whether results have colours.
    result_colour: bool,
    secrets: Vec<Secret>,
}

/// A colour of a heading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Colour {
    Red,
    Yellow,
    Cyan,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Cyan => "36",
        }
    }
}

impl Output {
    /// `plain`: without colours.
    pub fn new(json: bool, plain: bool) -> Self {
        let colour = !plain && io::stderr().is_terminal();
        let result_colour = !plain && io::stdout().is_terminal();
        Self { json, colour, result_colour, secrets: Vec::new() }
    }

    /// Takes these out of what drivers say. Nothing of ours holds them: a password that is an everyday word must not
    /// be taken out of results (where its absence would give it away).
    pub fn hide<'a>(&mut self, secrets: impl IntoIterator<Item = &'a Secret>) {
        self.secrets.extend(secrets.into_iter().cloned());
    }

    /// Whether the result is for programs.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A line of the result, for people.
    pub fn line(&self, text: &str) -> Result<(), Error> {
        if self.json {
            return Ok(());
        }
        printed(writeln!(io::stdout(), "{text}"))
    }

    /// The result, for programs.
    pub fn json(&self, value: &impl Serialize) -> Result<(), Error> {
        if !self.json {
            return Ok(());
        }
        // as it is written: the whole text of a large report takes as much room as all that it tells of
        let mut stdout = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let written = serde_json::to_writer_pretty(&mut stdout, value).map_err(io::Error::from);
        printed(written.and_then(|()| writeln!(stdout)).and_then(|()| stdout.flush()))
    }

    /// Text as it is, whatever the format.
    pub fn raw(&self, text: &[u8]) -> Result<(), Error> {
        printed(io::stdout().write_all(text))
    }

    /// A part of what may be long: a closed pipe ends it.
    pub fn stream(&self, text: &[u8]) -> Result<(), Error> {
        io::stdout().write_all(text).map_err(Error::Print)
    }

    /// A table of the result, for people.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> Result<(), Error> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(header.to_vec());
        table.add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in table.to_string().lines() {
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// Something beside the result.
    pub fn say(&self, text: &str) {
        // nobody is left to tell where stderr is closed
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub fn warn(&self, text: &str) {
        self.say(&format!("{} {text}", self.painted("warning:", "33")));
    }

    /// An error with its whole chain and the next step.
    pub fn error(&self, error: &Error) {
        self.say(&format!("{} {error}", self.painted("error:", "31")));
        for cause in causes(error, &self.secrets) {
            self.say(&format!("  cause: {cause}"));
        }
        if let Some(hint) = error.hint() {
            for line in hint.lines() {
                self.say(&format!("{} {line}", self.painted("hint:", "36")));
            }
        }
    }

    /// An error with its whole chain, in one text.
    pub fn in_words(&self, error: &Error) -> String {
        let mut text = error.to_string();
        for cause in causes(error, &self.secrets) {
            text.push_str(&format!("\n{cause}"));
        }
        text
    }

    /// An error, for programs.
    pub fn error_json(&self, error: &Error) -> ErrorJson {
        ErrorJson::of(error, &self.secrets)
    }

    fn painted(&self, word: &str, colour: &str) -> String {
        if self.colour { format!("\x1b[1;{colour}m{word}\x1b[0m") } else { word.to_owned() }
    }

    /// A heading of the result.
    pub fn heading(&self, words: &str, colour: Colour) -> String {
        if self.result_colour { format!("\x1b[1;{}m{words}\x1b[0m", colour.code()) } else { words.to_owned() }
    }

    /// Whether the person agrees. Without a terminal nobody can be asked.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<bool, Error> {
        if yes {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            return Err(Error::Usage {
                message: format!("{question} There is no terminal to ask"),
                hint: "give `--yes` if that is meant".to_owned(),
            });
        }
        let _ = write!(io::stderr(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(Error::Print)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// Whether the person means the database of that name: it is typed in, or was given. Without a terminal nobody can be
    /// asked.
    pub fn confirm_name(&self, what: &str, name: &str, yes: bool, given: Option<&str>) -> Result<bool, Error> {
        let hint = format!("give `--yes --confirm {name}` if that is meant");
        if let Some(given) = given {
            if given != name {
                return Err(Error::Usage {
                    message: format!("`--confirm {given}` is not the database's name: that is `{name}`"),
                    hint: "look again at which database is meant; nothing was changed".to_owned(),
                });
            }
            if yes {
                return Ok(true);
            }
        }
        if !io::stdin().is_terminal() {
            return Err(Error::Usage { message: format!("{what} There is no terminal to ask"), hint });
        }
        let _ = write!(io::stderr(), "{what} Type the database's name, `{name}`, to go on: ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(Error::Print)?;
        Ok(answer.trim() == name)
    }

    /// What is told of a run while it is under way.
    pub fn observer(&self) -> Self {
        self.clone()
    }

    pub fn event(&self, event: &Event) {
        match event {
            Event::Waiting { holder } => self.say(&format!("waiting for another runner: {holder}")),
            Event::Begun { step, resumed_at: Some((done, of)) } => {
                self.say(&format!("{} goes on with statement {} of {of}", title(step), (done + 1).min(*of)));
            }
            Event::Begun { step, resumed_at: None } => tracing::info!("{} {}", step.direction.name(), title(step)),
            Event::Done(step) => {
                // a closed pipe is found when the summary is printed
                let _ = self.line(&done(step));
            }
            Event::DoneByAnother(step) => self.say(&format!("{} was done by another runner", title(step))),
            Event::Retrying { step, attempt: (attempt, of), blockers, pause } => {
                let by = if blockers.is_empty() { String::new() } else { format!(", held by {}", blockers.join("; ")) };
                self.say(&format!(
                    "{}: attempt {attempt} of {of} did not get a lock{by}; rolled back, trying again in {} ms",
                    title(step),
                    pause.as_millis()
                ));
            }
            Event::TablesLocked { attempt: (attempt, of), pause } => self.say(&format!(
                "`schema_migrations`: attempt {attempt} of {of} to make it did not get a lock; trying again in {} ms",
                pause.as_millis()
            )),
            Event::Resolved { message } => self.say(message),
        }
    }
}

/// What printing came to. Who closed the pipe (`| head`) has read what he wanted: the rest is for nobody, and the command's
/// own verdict is its exit code all the same.
fn printed(result: io::Result<()>) -> Result<(), Error> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Error::Print),
    }
}

/// An error, for programs (docs/json.md).
#[derive(Debug, Serialize)]
pub(super) struct ErrorJson {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl ErrorJson {
    fn of(error: &Error, secrets: &[Secret]) -> Self {
        Self { message: error.to_string(), causes: causes(error, secrets), hint: error.hint() }
    }
}

/// Everything that caused an error, down to the first.
fn causes(error: &Error, secrets: &[Secret]) -> Vec<String> {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(redact(&cause.to_string(), secrets));
        source = cause.source();
    }
    causes
}

/// `V1__name`.
pub(super) fn title(step: &StepReport) -> String {
    format!("V{}__{}", step.version, step.name)
}

fn done(step: &StepReport) -> String {
    let verb = match step.direction {
        Direction::Up => "applied",
        Direction::Down => "took back",
    };
    format!("{verb} {} in {} ms", title(step), step.duration_ms.unwrap_or(0))
}
