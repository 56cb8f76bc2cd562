//! The binary: parse, log, run, exit code; nothing else.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use liftlock::Interrupt;
use liftlock::cli::{self, Cli};
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
        Ok(mut signals) => {
            let interrupt = interrupt.clone();
            std::thread::spawn(move || {
                if signals.forever().next().is_some() {
                    // again and again: a statement may be about to begin when the first one comes
                    loop {
                        interrupt.trigger();
                        std::thread::sleep(Duration::from_millis(200));
                    }
                }
            });
        }
        Err(error) => tracing::warn!(%error, "signals can't be caught"),
    }
    ExitCode::from(cli::run(&cli, &interrupt))
}
