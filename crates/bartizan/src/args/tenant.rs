//! `bartizan tenant`: what may be typed after it.

use clap::Subcommand;

use super::Connection;

/// `bartizan tenant …`
#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Make a tenant.
    Create {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its display name.
        name: String,
        /// Its initial domain [default: made from the name, under onmicrosoft.com].
        #[arg(long)]
        domain: Option<String>,
    },
    /// List the server's tenants.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Delete a tenant with its directory, alerts and telemetry. It cannot be taken back.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id or one of its domains.
        #[arg(value_name = "TENANT")]
        doomed: String,
        /// Do it: without this, it is only said what would go.
        #[arg(long)]
        yes: bool,
    },
    /// Show the tenant of the connection, as its organization.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// What the tenant's administrators decide for everybody in it.
    #[command(subcommand)]
    Policy(Policy),
}

/// `bartizan tenant policy …`
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Show the policies in force.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Set policies.
    Set {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// second-factor=none|administrators|all: of whom one is demanded; user-consent=all|verified|none: whether people
        /// may consent for themselves, to any application or those of verified publishers.
        #[arg(required = true, value_name = "NAME=VALUE")]
        settings: Vec<String>,
    },
}
