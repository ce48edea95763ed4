//! The one binary: the server, the demo, and the client for Bartizan and for Microsoft's clouds.

/// As the standard one, but for a reader that is gone: nobody hears it then, and the command ends as it would have. The
/// standard one panics.
macro_rules! eprintln {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}

mod args;
mod caller;
mod command;
#[cfg(feature = "server")]
mod demo;
mod exit;
mod place;
mod printer;
mod profile;
mod shell;
mod suggest;
mod target;

use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
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
            if let Some(tip) = misplaced(&command, &words, &error) {
                let tip = ContextValue::StyledStrs(vec![StyledStr::from(tip)]);
                error.insert(ContextKind::Suggested, tip);
            }
            let usage = usage(&mut command, &words);
            error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
        }
        error
    })
}

/// Where an option goes that stands before the command that has it.
fn misplaced(command: &clap::Command, words: &[String], error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let name = option.strip_prefix("--")?;
    let (mut inner, mut path) = (command, vec![command.get_name().to_owned()]);
    for word in words {
        if let Some(found) = inner.find_subcommand(word) {
            path.push(word.clone());
            inner = found;
        }
    }
    let has_it = inner.get_arguments().any(|a| a.get_long() == Some(name));
    (error.kind() == ErrorKind::UnknownArgument && has_it && path.len() > 1).then(|| {
        format!(
            "'{option}' goes behind the command: {} {option} …",
            path.join(" ")
        )
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
