//! `cargo run -p xtask -- COMMAND`: repository tasks.
//!
//! - `generate` writes the Rust tables of `crates/contract/src/generated` from
//!   `crates/contract/spec` and the documents generated from those tables. Documents are made from
//!   the tables compiled into xtask, so the command runs itself twice when tables changed.
//! - `status` writes the documents alone.
//! - `check` fails when either would change a file.

use std::process::ExitCode;

use xtask::workspace::{Output, root};
use xtask::{documents, generate};

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    match run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str) -> Result<(), String> {
    let root = root();
    match command {
        "generate" => {
            let tables = generate::outputs(&root).map_err(|e| e.to_string())?;
            if write(&tables)? > 0 {
                println!("tables changed: run `cargo run -p xtask -- status` for the documents");
                return Ok(());
            }
            write(&documents::outputs(&root)).map(drop)
        }
        "status" => write(&documents::outputs(&root)).map(drop),
        "check" => {
            let mut outputs = generate::outputs(&root).map_err(|e| e.to_string())?;
            outputs.extend(documents::outputs(&root));
            let stale: Vec<_> = outputs.iter().filter(|o| o.is_stale()).collect();
            for output in &stale {
                eprintln!("stale: {}", output.path.display());
            }
            if stale.is_empty() {
                Ok(())
            } else {
                Err("run `cargo run -p xtask -- generate`, then `status`".to_owned())
            }
        }
        _ => Err("usage: xtask generate | status | check".to_owned()),
    }
}

/// Writes what changed; returns how many files that were.
fn write(outputs: &[Output]) -> Result<usize, String> {
    let mut changed = 0;
    for output in outputs.iter().filter(|o| o.is_stale()) {
        output
            .write()
            .map_err(|e| format!("{}: {e}", output.path.display()))?;
        println!("wrote {}", output.path.display());
        changed += 1;
    }
    Ok(changed)
}
