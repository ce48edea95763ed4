//! Shell completions and the reference, both made from the same definition as the parser.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::Outcome;
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
        "# Command reference\n\nWritten by `bartizan reference` from the definitions that parse the command line.\n",
    );
    // A fixed width and no colour: the text must not depend on the terminal that printed it.
    let mut root = Cli::command()
        .term_width(100)
        .color(clap::ColorChoice::Never);
    root.build();
    describe(&mut root, &mut text);
    text
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command
        .get_display_name()
        .unwrap_or("bartizan")
        .replace('-', " ");
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    for sub in command.get_subcommands_mut() {
        if !sub.is_hide_set() && sub.get_name() != "help" {
            describe(sub, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_committed_reference_is_current() {
        let committed = include_str!("../../../../docs/cli.md");
        assert_eq!(
            committed.trim_end(),
            markdown().trim_end(),
            "run `cargo run -- reference > docs/cli.md`"
        );
    }
}
