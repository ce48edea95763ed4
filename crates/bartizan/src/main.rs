//! The one binary: the server, the demo, and the client for Bartizan and for Microsoft's clouds.

mod args;
mod caller;
mod command;
#[cfg(feature = "server")]
mod demo;
mod exit;
mod printer;
mod profile;
mod shell;
mod suggest;
mod target;

use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory as _, Parser as _};

fn main() -> ExitCode {
    let cli = match parsed() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What was typed. An error shows the usage as `--help` does: clap's own repeats every option that a variable of the
/// environment provides, as if it had been typed, or had to be.
fn parsed() -> Result<args::Cli, clap::Error> {
    args::Cli::try_parse().map_err(|mut error| {
        if error.get(ContextKind::Usage).is_some() {
            let words: Vec<String> = std::env::args().skip(1).collect();
            let mut command = args::Cli::command();
            command.build();
            let usage = usage(&mut command, &words);
            error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
        }
        error
    })
}

/// The usage of the innermost command that `words` name.
fn usage(command: &mut clap::Command, words: &[String]) -> StyledStr {
    for (index, word) in words.iter().enumerate() {
        if let Some(inner) = command.find_subcommand_mut(word) {
            return usage(inner, &words[index + 1..]);
        }
    }
    command.render_usage()
}
