//! The binary: parse, log, run, exit code; nothing else.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use liftlock::Interrupt;
use liftlock::cli::{self, Cli};
use liftlock::error::exit;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log_level())
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .init();
    let interrupt = Interrupt::default();
    match Signals::new([SIGINT, SIGTERM]) {
        Ok(signals) => {
            let interrupt = interrupt.clone();
            std::thread::spawn(move || stop_on(signals, &interrupt));
        }
        Err(error) => tracing::warn!(%error, "signals can't be caught"),
    }
    ExitCode::from(cli::run(&cli, &interrupt))
}

/// The first signal asks a run to end in order; where nothing runs, and at the second, the process ends as it is. That
/// loses nothing: what is not committed is rolled back.
fn stop_on(mut signals: Signals, interrupt: &Interrupt) {
    let mut signals = signals.forever();
    if signals.next().is_some() && interrupt.has_work() {
        let interrupt = interrupt.clone();
        // again and again: a statement may be about to begin when the signal comes
        std::thread::spawn(move || {
            loop {
                interrupt.trigger();
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        signals.next();
    }
    std::process::exit(i32::from(exit::INTERRUPTED));
}
