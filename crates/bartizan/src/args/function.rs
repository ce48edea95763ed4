//! `bartizan function`: what may be typed after it.

use std::path::PathBuf;

use clap::Subcommand;

use super::Connection;

/// `bartizan function …`
#[derive(Debug, Subcommand)]
pub(crate) enum Function {
    /// List the tenant's functions.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a function as `let` would declare it.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its name.
        name: String,
    },
    /// Make a function that every hunt and rule of the tenant can call, or replace the one of its name.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its name; letter case counts.
        name: String,
        /// A file with its body; standard input when absent or `-`.
        file: Option<PathBuf>,
        /// Its parameters, such as 'device:string, most:long=10' or 'rows:(DeviceId:string, *)'.
        #[arg(long, default_value = "", hide_default_value = true)]
        parameters: String,
        /// What it is for.
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// Delete a function; what calls it fails from then on.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its name.
        name: String,
    },
}
