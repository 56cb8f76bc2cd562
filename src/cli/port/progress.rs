//! What a person sees while a port runs: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::output::Output;
use crate::port::progress::{Event, Phase};
use crate::port::words::thousands;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Tells of a run on stderr.
pub(in crate::cli) struct Progress {
    output: Output,
    state: Mutex<State>,
}

struct State {
    terminal: bool,
    bars: MultiProgress,
    overall: ProgressBar,
    tables: BTreeMap<String, ProgressBar>,
    rows: u64,
    bytes: u64,
    of_rows: u64,
    of_bytes: u64,
    began: Instant,
    last_line: Instant,
    told: Vec<String>,
}

impl Progress {
    pub fn new(output: &Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.is_json();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let overall = bars.add(ProgressBar::new_spinner());
        let state = State {
            terminal,
            bars,
            overall,
            tables: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            of_rows: 0,
            of_bytes: 0,
            began: Instant::now(),
            last_line: Instant::now(),
            told: Vec::new(),
        };
        Self { output: output.clone(), state: Mutex::new(state) }
    }

    /// Takes the bars away.
    pub fn end(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // its ticker would draw it again
        state.overall.finish_and_clear();
        state.tables.values().for_each(ProgressBar::finish_and_clear);
        drop(state.bars.clear());
    }

    /// The notes that were told while the run went on.
    pub fn told(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    pub fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = state.event(event);
        if let Some(line) = line
            && !self.output.is_json()
        {
            match state.terminal {
                true => drop(state.bars.println(line)),
                false => self.output.say(&line),
            }
        }
    }
}

impl State {
    /// What there is to say of an event, in a line that stays.
    fn event(&mut self, event: &Event<'_>) -> Option<String> {
        match *event {
            Event::Phase(phase) => {
                self.overall.set_style(style(if phase == Phase::Copying { OVERALL } else { SPINNER }));
                self.overall.set_message(phase.name());
                self.overall.enable_steady_tick(Duration::from_millis(120));
                if phase == Phase::Copying {
                    self.overall.set_length(self.of_bytes);
                    self.overall.reset();
                    self.began = Instant::now();
                    self.last_line = Instant::now();
                }
                (!self.terminal).then(|| phase.name().to_owned())
            }
            Event::Note { text } => {
                self.told.push(text.to_owned());
                Some(format!("note: {text}"))
            }
            Event::Planned { rows, bytes, tables } => {
                (self.of_rows, self.of_bytes) = (rows, bytes);
                let tables = if tables == 1 { "1 table".to_owned() } else { format!("{tables} tables") };
                Some(format!("planned: {tables}, {} rows, {}", thousands(rows), size(bytes)))
            }
            Event::Sent { table, rows, bytes } => {
                self.rows += rows;
                self.bytes += bytes;
                self.overall.set_position(self.bytes.min(self.of_bytes));
                let rate = format!("{} rows, {}", thousands(self.rows), self.rate());
                self.overall.set_message(rate);
                if self.terminal {
                    let bars = &self.bars;
                    let bar = self.tables.entry(table.to_owned()).or_insert_with(|| {
                        let bar = bars.add(ProgressBar::new_spinner());
                        bar.set_style(style(TABLE));
                        bar.set_prefix(table.to_owned());
                        bar
                    });
                    bar.inc(rows);
                    return None;
                }
                if self.last_line.elapsed() < LINE_EVERY {
                    return None;
                }
                self.last_line = Instant::now();
                let done = (self.rows * 100).checked_div(self.of_rows).unwrap_or(100);
                Some(format!("{done} %: {} of {} rows, {}", thousands(self.rows), thousands(self.of_rows), self.rate()))
            }
            Event::Loaded { table } => {
                if let Some(bar) = self.tables.get(table) {
                    bar.set_message("in; reading back");
                }
                None
            }
            Event::Compared { table, proven, rows } => {
                if let Some(bar) = self.tables.remove(table) {
                    bar.finish_and_clear();
                }
                let rows = thousands(rows);
                Some(match proven {
                    true => format!("{table}: {rows} rows, proven"),
                    false => format!("{table}: {rows} rows, DIFFERS"),
                })
            }
            Event::Trying { table } => {
                self.overall.set_message(format!("trying the target's constraints on {table}"));
                None
            }
            Event::Making { object } => {
                self.overall.set_message(format!("making {object}"));
                None
            }
        }
    }

    fn rate(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "shown"
        )]
        let (rows, bytes) = ((self.rows as f64 / seconds) as u64, (self.bytes as f64 / seconds) as u64);
        format!("{} rows/s, {}/s", thousands(rows), size(bytes))
    }
}

const SPINNER: &str = "{spinner} {msg} [{elapsed}]";
const OVERALL: &str = "{bar:30} {percent:>3} % {msg} [{elapsed}, {eta} left]";
const TABLE: &str = "  {prefix}: {human_pos} rows {msg}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of ours is well formed")
}

/// A number of bytes as a person reads it.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
