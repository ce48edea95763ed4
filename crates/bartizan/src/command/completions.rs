//! Shell completions and the reference, both made from the same definition as the parser.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::args::{CONNECTION, Cli, GLOBAL};
use crate::exit::{CODES, Outcome};
use crate::printer::Printer;

/// Prints completions for a shell.
pub(crate) fn print(shell: clap_complete::Shell, printer: &Printer) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bartizan", &mut script);
    printer.text(&String::from_utf8_lossy(&script))
}

/// Prints the reference of all commands as Markdown; `docs/cli.md` is this output.
pub(crate) fn reference(printer: &Printer) -> Outcome {
    printer.text(&markdown())
}

fn markdown() -> String {
    let mut text = String::from(
        "# Command reference\n\n<!-- Made by `cargo run -- reference`; do not edit. -->\n\n\
         Results go to standard output: a table on a terminal, JSON in a pipe. Remarks, progress and errors go to \
         standard error.\n\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n",
    );
    // Writing to a String cannot fail.
    for (code, meaning) in CODES {
        let _ = writeln!(text, "| {code} | {meaning} |");
    }
    shared(&mut text, GLOBAL, "every command takes", &[]);
    shared(
        &mut text,
        CONNECTION,
        "every command takes that talks to a server",
        &["token", "get"],
    );
    let mut root = plain(Cli::command());
    root.build();
    for sub in root.get_subcommands_mut() {
        describe(sub, &mut text);
    }
    text
}

/// A fixed width, no colour and no values: the text must not depend on where it is printed.
fn plain(command: clap::Command) -> clap::Command {
    command
        .term_width(100)
        .color(clap::ColorChoice::Never)
        .mut_args(|arg| arg.hide_env_values(true))
        .mut_subcommands(plain)
}

/// The flags under one heading, as the command at `path` shows them.
fn shared(text: &mut String, heading: &str, who: &str, path: &[&str]) {
    let mut command = plain(Cli::command());
    command.build();
    for name in path {
        command = command.find_subcommand(name).cloned().unwrap_or(command);
    }
    let other = |arg: &clap::Arg| arg.get_help_heading() != Some(heading);
    let help = command
        .mut_args(|arg| if other(&arg) { arg.hide(true) } else { arg })
        .render_help()
        .to_string();
    let flags = help
        .split_once(&format!("{heading}:\n"))
        .map_or("", |(_, flags)| flags);
    let _ = write!(
        text,
        "\n## {heading}\n\nWhat {who}.\n\n```text\n{}\n```\n",
        trimmed(flags)
    );
}

fn describe(command: &mut clap::Command, text: &mut String) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = command
        .get_bin_name()
        .or(command.get_display_name())
        .unwrap_or("bartizan")
        .to_owned();
    let elsewhere = |arg: &clap::Arg| {
        matches!(arg.get_help_heading(), Some(GLOBAL | CONNECTION))
            || matches!(arg.get_id().as_str(), "help" | "version")
    };
    let mut own = command
        .clone()
        .mut_args(|arg| if elsewhere(&arg) { arg.hide(true) } else { arg });
    let _ = write!(
        text,
        "\n## {name}\n\n```text\n{}\n```\n",
        trimmed(&own.render_long_help().to_string())
    );
    for sub in command.get_subcommands_mut() {
        describe(sub, text);
    }
}

fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// The committed reference is that of the whole program.
    #[cfg(feature = "server")]
    #[test]
    fn the_committed_reference_is_current() {
        let committed = include_str!("../../../../docs/cli.md");
        let wanted = markdown();
        let differs = committed.lines().zip(wanted.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "run `cargo run -- reference > docs/cli.md`");
        assert_eq!(committed.lines().count(), wanted.lines().count());
    }

    #[test]
    fn flags_that_many_commands_share_are_described_once() {
        let text = markdown();
        assert_eq!(text.matches("--client-id <ID>").count(), 1);
        assert_eq!(text.matches("--color <COLOR>").count(), 1);
        assert!(text.contains("## bartizan app permission add"));
    }
}
