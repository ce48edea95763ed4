//! `bartizan explain` and `bartizan audit`: arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Connection;

/// `bartizan explain …`
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Connection, for trace ids and the keys that verify a token; errors are explained without a server.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The trace id or correlation id of a refusal, a token, an error code, or a whole error body; standard input when absent or `-`.
    pub(crate) what: Option<String>,
    /// Read it from a file.
    #[arg(short = 'F', long, value_name = "PATH", conflicts_with = "what")]
    pub(crate) file: Option<PathBuf>,
    /// With a token: the operation to judge, such as 'GET /api/incidents'.
    #[arg(long = "for", value_name = "OPERATION")]
    pub(crate) operation: Option<String>,
}

/// `bartizan audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List directory changes and administrative acts of the tenant, newest first.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The most events to list.
        #[arg(long, default_value_t = 100)]
        top: u32,
        /// An OData filter, such as "activityDateTime ge 2026-01-01T00:00:00Z".
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
    },
    /// List sign-ins of people and applications, latest first.
    SignIns {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The most sign-ins to list.
        #[arg(long, default_value_t = 100)]
        top: u32,
        /// Only those of this type: interactiveUser, nonInteractiveUser or servicePrincipal; all when absent.
        #[arg(long = "type", value_name = "TYPE", value_parser = ["interactiveUser", "nonInteractiveUser", "servicePrincipal"])]
        kind: Option<String>,
        /// Only those that were refused.
        #[arg(long)]
        failed: bool,
        /// An OData filter, such as "appId eq '11111111-2222-3333-4444-555555555555'".
        #[arg(long, value_name = "FILTER")]
        filter: Option<String>,
    },
}
