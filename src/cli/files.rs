//! `liftlock completions` and `liftlock man`: what a package of the program ships beside it.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::output::Output;
use super::{Cli, CommandResult};
use crate::Error;
use crate::error::exit;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock completions bash > /etc/bash_completion.d/liftlock\n  \
                        liftlock completions zsh > ~/.zfunc/_liftlock")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

/// Print the manual page, or write one for each command into a folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  liftlock man | man -l -\n  liftlock man --out /usr/share/man/man1")]
pub(super) struct Man {
    /// The folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn completions(args: &Completions, output: &mut Output) -> CommandResult {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "liftlock", &mut text);
    output.raw(&text)?;
    Ok(exit::DONE)
}

pub(super) fn man(args: &Man, output: &mut Output) -> CommandResult {
    match &args.out {
        Some(folder) => {
            clap_mangen::generate_to(Cli::command(), folder)
                .map_err(|source| Error::Write { path: folder.display().to_string(), source })?;
            output.line(&format!("wrote the manual pages to {}", folder.display()))?;
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(Error::Print)?;
            output.raw(&text)?;
        }
    }
    Ok(exit::DONE)
}
