//! `bartizan rule`: what may be typed after it.

use std::path::PathBuf;

use clap::Subcommand;

use super::Connection;

/// `bartizan rule …`
#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// List the tenant's rules and how their last run went.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a rule with its text.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
    },
    /// Put rules into the tenant, from files; a rule of the same id is replaced.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Rule files (TOML).
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Store them without running them.
        #[arg(long)]
        disabled: bool,
    },
    /// Let a stored rule run, or not.
    Update {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
        /// Whether it runs.
        #[arg(long, action = clap::ArgAction::Set)]
        enabled: bool,
    },
    /// Delete a rule; the alerts that it raised stay.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
    },
    /// Run every enabled rule now.
    Run {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Look back at least so far, as an ISO 8601 duration such as P30D: for telemetry that was loaded late.
        #[arg(long, value_name = "DURATION")]
        lookback: Option<String>,
    },
}
