//! `bartizan kql`: what may be typed after it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `bartizan kql …`
#[derive(Debug, Subcommand)]
pub(crate) enum Kql {
    /// Evaluate a query over local files.
    #[cfg(feature = "server")]
    Run(KqlRun),
    /// Index the texts of Parquet files, so that hunts for terms that few rows have read little.
    #[cfg(feature = "server")]
    Index(KqlIndex),
    /// Parse and bind against the hunting schema.
    Check(KqlCheck),
    /// Print the query in canonical form, with its comments.
    Fmt(KqlInput),
    /// List what can stand at a place of a query, for an editor.
    Complete(KqlPlace),
    /// Say what stands at a place of a query, for an editor.
    Hover(KqlPlace),
    /// Print the tokens.
    Tokens(KqlInput),
    /// Print the syntax tree.
    Ast(KqlInput),
    /// Print the bound tree.
    Bound(KqlInput),
    /// Print the engine's plan.
    #[cfg(feature = "server")]
    Plan(KqlPlan),
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

/// What a query is evaluated over.
#[derive(Debug, Args)]
pub(crate) struct KqlData {
    /// A table from a Parquet, CSV, JSON or NDJSON file or a folder of Parquet files; repeat for several. A column of a CSV file holds numbers when
    /// each value keeps its digits as a number (but for zeros behind a point), and text otherwise.
    #[arg(long = "table", value_name = "NAME=PATH")]
    pub(crate) tables: Vec<String>,
    /// A database of places by address in MaxMind's format, for geo_info_from_ip_address.
    #[arg(long, value_name = "PATH")]
    pub(crate) places: Option<PathBuf>,
    /// What locations begin with that externaldata may read, as https://host/path/; repeat for several.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) external: Vec<String>,
    /// What now() is, as an ISO 8601 time.
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
}

/// `bartizan kql plan`
#[derive(Debug, Args)]
pub(crate) struct KqlPlan {
    /// The query.
    #[command(flatten)]
    pub(crate) input: KqlInput,
    /// What it would be evaluated over.
    #[command(flatten)]
    pub(crate) data: KqlData,
}

/// `bartizan kql run`
#[derive(Debug, Args)]
pub(crate) struct KqlRun {
    /// The query.
    #[command(flatten)]
    pub(crate) input: KqlInput,
    /// What it is evaluated over.
    #[command(flatten)]
    pub(crate) data: KqlData,
    /// Read {"id","query"} lines from standard input and answer each with a line. A line that is no request is answered
    /// with an error, and the exit code is 2 in the end.
    #[arg(long, value_enum, conflicts_with_all = ["query", "file", "repeat"])]
    pub(crate) io: Option<KqlIo>,
    /// Evaluate the query so many times and print the last answer.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Write the milliseconds of each stage to standard error, as a line of JSON for every evaluation.
    #[arg(long)]
    pub(crate) timing: bool,
}

/// `bartizan kql index`
#[derive(Debug, Args)]
pub(crate) struct KqlIndex {
    /// Parquet files, and folders of them. Each file's index is written beside it.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// `bartizan kql check`
#[derive(Debug, Args)]
pub(crate) struct KqlCheck {
    /// The query.
    #[command(flatten)]
    pub(crate) input: KqlInput,
    /// A table of your own beside those of the schema, as `kql run` takes it; repeat for several.
    #[cfg(feature = "server")]
    #[arg(long = "table", value_name = "NAME=PATH")]
    pub(crate) tables: Vec<String>,
    /// Read {"id","query"} lines from standard input and answer each with a line. A line that is no request is answered
    /// with an error, and the exit code is 2 in the end.
    #[arg(long, value_enum, conflicts_with_all = ["query", "file"])]
    pub(crate) io: Option<KqlIo>,
}

/// `bartizan kql complete` and `bartizan kql hover`
#[derive(Debug, Args)]
pub(crate) struct KqlPlace {
    /// The query; it may be half-written.
    #[command(flatten)]
    pub(crate) input: KqlInput,
    /// The place: line and column from 1, the column in characters; `2:9` is before the ninth character of line 2.
    #[arg(long, value_name = "LINE:COLUMN")]
    pub(crate) at: String,
}

/// How several queries come in and their answers go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KqlIo {
    /// JSON lines.
    Jsonl,
}
