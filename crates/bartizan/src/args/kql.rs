//! `bartizan kql`: what may be typed after it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `bartizan kql …`
#[derive(Debug, Subcommand)]
pub(crate) enum Kql {
    /// Evaluate a query over local files.
    #[cfg(feature = "server")]
    Run(KqlRun),
    /// Parse and bind against the hunting schema.
    Check(KqlInput),
    /// Print the query in canonical form.
    Fmt(KqlInput),
    /// Print the tokens.
    Tokens(KqlInput),
    /// Print the syntax tree.
    Ast(KqlInput),
    /// Print the bound tree.
    Bound(KqlInput),
    /// Print the engine's plan.
    #[cfg(feature = "server")]
    Plan(KqlRun),
}

/// A query to read.
#[derive(Debug, Args)]
pub(crate) struct KqlInput {
    /// A file, or the query itself when no file has that name; `-` or nothing reads standard input.
    #[arg(value_name = "FILE|QUERY")]
    pub(crate) query: Option<String>,
    /// Read the query from a file; `-` is standard input.
    #[arg(
        long,
        short = 'f',
        short_alias = 'F',
        value_name = "PATH",
        conflicts_with = "query"
    )]
    pub(crate) file: Option<PathBuf>,
}

/// `bartizan kql run`
#[derive(Debug, Args)]
pub(crate) struct KqlRun {
    /// The query.
    #[command(flatten)]
    pub(crate) input: KqlInput,
    /// A table from a Parquet, CSV or NDJSON file; repeat for several.
    #[arg(long = "table", value_name = "NAME=PATH")]
    pub(crate) tables: Vec<String>,
    /// What now() is, as an ISO 8601 time.
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
}
