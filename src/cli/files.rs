//! `liftlock completions` and `liftlock man`: what a package of the program ships beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// The folder; it is made where it is missing
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
            write_pages(folder).map_err(|source| Error::Write { path: folder.display().to_string(), source })?;
            output.line(&format!("wrote the manual pages to {}", folder.display()))?;
        }
        None => {
            let text = page(&clap_mangen::Man::new(Cli::command())).map_err(Error::Print)?;
            output.raw(text.as_bytes())?;
        }
    }
    Ok(exit::DONE)
}

/// The program's page, and one for each command.
fn write_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let commands: Vec<_> = program.get_subcommands().cloned().collect();
    for command in commands.into_iter().chain([program]) {
        let man = clap_mangen::Man::new(command);
        fs::write(folder.join(man.get_filename()), page(&man)?)?;
    }
    Ok(())
}

/// A page's text. What follows the options begins with examples, and clap_mangen has one name for whatever it is.
fn page(man: &clap_mangen::Man) -> io::Result<String> {
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).replacen("\n.SH EXTRA\n", "\n.SH EXAMPLES\n", 1))
}
