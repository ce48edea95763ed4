//! The one binary: the server, the demo, and the client for Bartizan and for Microsoft's clouds.

mod args;
mod command;
#[cfg(feature = "server")]
mod demo;
mod exit;
mod printer;
mod profile;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    match command::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
