//! The binary: parse, log, run, exit code; nothing else.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use liftlock::Interrupt;
use liftlock::cli::{self, Cli};
use liftlock::error::exit;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
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
    let asked_to_stay = is_hangup_ignored();
    match Signals::new([SIGINT, SIGTERM].into_iter().chain((!asked_to_stay).then_some(SIGHUP))) {
        Ok(signals) => {
            let interrupt = interrupt.clone();
            std::thread::spawn(move || stop_on(signals, &interrupt));
        }
        Err(error) => tracing::warn!(%error, "signals can't be caught"),
    }
    ExitCode::from(cli::run(&cli, &interrupt))
}

/// Whether the process was started to outlive its terminal (`nohup`, a shell's `trap '' HUP`): to catch SIGHUP would undo
/// that. Where the system does not tell, as outside Linux, SIGHUP does what it was set to do.
fn is_hangup_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    // proc(5): a mask in hexadecimal, signal 1 its lowest bit
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

/// The first signal asks a run to end in order; where nothing runs, and at the second, the process ends as it is. That
/// loses nothing: what is not committed is rolled back. A terminal that is closed may tell of it twice, by its shell and by
/// the system, so SIGHUP is never the second.
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
        signals.find(|&signal| signal != SIGHUP);
    }
    std::process::exit(i32::from(exit::INTERRUPTED));
}
