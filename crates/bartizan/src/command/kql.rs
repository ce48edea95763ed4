//! `bartizan kql …`: the hunting language without a server.

use std::io::Read as _;

use bartizan_contract::hunting::TABLES;
use bartizan_kql::diagnostic::{Diagnostic, Severity, line_column};
use serde_json::json;

use crate::args::{Kql, KqlInput};
#[cfg(feature = "server")]
use crate::args::KqlRun;
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;

/// Carries out the command.
pub fn run(command: Kql, printer: &Printer) -> Outcome {
    match command {
        #[cfg(feature = "server")]
        Kql::Run(run) => evaluate(&run, printer),
        #[cfg(feature = "server")]
        Kql::Plan(run) => plan(&run, printer),
        Kql::Check(input) => check(&read(&input)?, printer),
        Kql::Fmt(input) => syntax(&read(&input)?, printer, |query| bartizan_kql::format(query)),
        Kql::Ast(input) => syntax(&read(&input)?, printer, |query| bartizan_kql::dump_ast(query)),
        Kql::Tokens(input) => printer.text(&bartizan_kql::dump_tokens(&read(&input)?)),
        Kql::Bound(input) => bound(&read(&input)?, printer),
    }
}

fn read(input: &KqlInput) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    match input.file.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            bytes = std::fs::read(path)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        }
        None => {
            std::io::stdin().read_to_end(&mut bytes)?;
        }
    }
    // Bytes that are no text become marks which the lexer then points at.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
