//! What a person sees while a port runs: bars on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::output::Output;
use crate::port::progress::{Event, Phase};
use crate::words::{counted, thousands};

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
    scanned: u64,
    /// As far as it is known.
    to_scan: Option<u64>,
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
        let state = State::new(std::io::stderr().is_terminal() && !output.is_json());
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
    fn new(terminal: bool) -> Self {
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let overall = bars.add(ProgressBar::new_spinner());
        Self {
            terminal,
            bars,
            overall,
            tables: BTreeMap::new(),
            scanned: 0,
            to_scan: None,
            rows: 0,
            bytes: 0,
            of_rows: 0,
            of_bytes: 0,
            began: Instant::now(),
            last_line: Instant::now(),
            told: Vec::new(),
        }
    }

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
            Event::ToScan { rows } => {
                (self.scanned, self.to_scan) = (0, rows.filter(|rows| *rows > 0));
                (self.began, self.last_line) = (Instant::now(), Instant::now());
                if let Some(rows) = self.to_scan {
                    self.overall.set_style(style(OVERALL));
                    self.overall.set_length(rows);
                    self.overall.reset();
                }
                None
            }
            Event::Scanned { table: _, rows } => {
                self.scanned += rows;
                if self.terminal {
                    if let Some(about) = self.to_scan {
                        // there may be more than was thought
                        self.overall.set_length(about.max(self.scanned));
                        self.overall.set_position(self.scanned);
                    }
                    self.overall.set_message(self.scan());
                    return None;
                }
                self.is_time().then(|| self.scan_line())
            }
            Event::Planned { rows, bytes, tables } => {
                (self.of_rows, self.of_bytes) = (rows, bytes);
                let tables = counted(tables as u64, "table");
                Some(format!("planned: {tables}, {}, {}", counted(rows, "row"), size(bytes)))
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
                if !self.is_time() {
                    return None;
                }
                let done = (self.rows * 100).checked_div(self.of_rows).unwrap_or(100);
                Some(format!("{done} %: {} of {} rows, {}", thousands(self.rows), thousands(self.of_rows), self.rate()))
            }
            Event::Loaded { table } => {
                if let Some(bar) = self.tables.get(table) {
                    bar.set_message("in; reading back");
                }
                None
            }
            Event::Compared { table, proven, sampled, rows } => {
                if let Some(bar) = self.tables.remove(table) {
                    bar.finish_and_clear();
                }
                let rows = counted(rows, "row");
                Some(match proven {
                    true if sampled => format!("{table}: {rows}, sampled"),
                    true => format!("{table}: {rows}, proven"),
                    false => format!("{table}: {rows}, DIFFERS"),
                })
            }
            Event::Trying { table } => {
                self.overall.set_style(style(SPINNER));
                self.overall.set_message(format!("trying the target's constraints on {table}"));
                None
            }
            Event::Making { object } => {
                self.overall.set_message(format!("making {object}"));
                None
            }
        }
    }

    /// Whether another line is due, where there is no terminal.
    fn is_time(&mut self) -> bool {
        let due = self.last_line.elapsed() >= LINE_EVERY;
        if due {
            self.last_line = Instant::now();
        }
        due
    }

    /// How far the scan is: ``scanning: 2,000 of about 8,000 rows, 1,000 rows/s``.
    fn scan(&self) -> String {
        let about = self.to_scan.map(|about| format!(" of about {}", thousands(about.max(self.scanned))));
        let rate = thousands(self.per_second(self.scanned));
        format!("scanning: {}{} rows, {rate} rows/s", thousands(self.scanned), about.unwrap_or_default())
    }

    /// The same on a line of its own, where no bar says what is done and what is left.
    fn scan_line(&self) -> String {
        let Some(about) = self.to_scan.map(|about| about.max(self.scanned)) else { return self.scan() };
        let done = (self.scanned * 100).checked_div(about).unwrap_or(100);
        let left = (about - self.scanned).div_ceil(self.per_second(self.scanned).max(1));
        format!("{done} %: {}, about {left} s left", self.scan())
    }

    fn rate(&self) -> String {
        let (rows, bytes) = (self.per_second(self.rows), self.per_second(self.bytes));
        format!("{} rows/s, {}/s", thousands(rows), size(bytes))
    }

    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown")]
    fn per_second(&self, number: u64) -> u64 {
        (number as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    /// So long after the scan has begun, and after a line was last due.
    fn after(state: &mut State, seconds: u64) {
        let then = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("the machine has run so long");
        (state.began, state.last_line) = (then, then);
    }

    #[test]
    fn without_a_terminal_a_scan_tells_in_lines_how_far_it_is() {
        let mut state = State::new(false);
        let scanned = |rows| Event::Scanned { table: "t", rows };
        assert_eq!(state.event(&Event::ToScan { rows: Some(4_000_000) }), None);
        assert_eq!(state.event(&scanned(500_000)), None, "it has only begun");
        after(&mut state, 20);
        let line = state.event(&scanned(500_000)).expect("a line");
        assert!(line.starts_with("25 %: scanning: 1,000,000 of about 4,000,000 rows, "), "{line}");
        assert!(line.contains(" rows/s, about ") && line.ends_with(" s left"), "{line}");
        assert_eq!(state.event(&scanned(1)), None, "the next one is not due yet");
        // there were more than was thought
        after(&mut state, 20);
        let line = state.event(&scanned(4_000_000)).expect("a line");
        assert!(line.starts_with("100 %: scanning: 5,000,001 of about 5,000,001 rows, "), "{line}");
        // and where nothing is known, nothing is said
        state.event(&Event::ToScan { rows: None });
        after(&mut state, 20);
        let line = state.event(&scanned(2_000)).expect("a line");
        assert!(line.starts_with("scanning: 2,000 rows, ") && line.ends_with(" rows/s"), "{line}");
    }
}
