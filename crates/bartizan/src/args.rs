//! The command line: what people may type. Nothing here acts; commands take these after [`crate::target`] has
//! resolved them.

mod app;
mod connection;
mod directory;
mod explain;
mod function;
mod key;
mod kql;
mod rule;
mod tenant;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

pub(crate) use app::{
    App, AppCreate, AppUpdate, Certificate, CertificateAdd, Federation, FederationAdd, Offer,
    Permission, Platform, RedirectUri, RedirectUris, Secret,
};
pub(crate) use connection::{Connection, Origin, Proof};
pub(crate) use directory::{
    Assignment, DefenderRole, DefenderRoleUpdate, DeviceGroup, Grant, Group, GroupUpdate, Mfa,
    Role, Sp, User, UserCreate, UserUpdate,
};
pub(crate) use explain::{Audit, Explain};
pub(crate) use function::Function;
pub(crate) use key::Key;
pub(crate) use kql::{Kql, KqlCheck, KqlInput};
#[cfg(feature = "server")]
pub(crate) use kql::{KqlData, KqlIndex, KqlPlan, KqlRun};
pub(crate) use rule::Rule;
pub(crate) use tenant::{Policy, Tenant};

/// Heading of the flags that every command takes.
pub(crate) const GLOBAL: &str = "Global options";
/// Heading of the flags of every command that talks to a server.
pub(crate) const CONNECTION: &str = "Connection";

/// Bartizan: the Microsoft Defender XDR APIs on your own machine, and one client for them and for the cloud.
#[derive(Debug, Parser)]
#[command(
    name = "bartizan",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Settings of every command.
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// How results are printed on standard output.
    #[arg(help_heading = GLOBAL, long, global = true, value_enum, env = "BARTIZAN_FORMAT")]
    pub(crate) format: Option<Format>,
    /// When to colour tables and messages.
    #[arg(help_heading = GLOBAL,
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "BARTIZAN_COLOR"
    )]
    pub(crate) color: Color,
    /// Log what the command does to standard error (repeat for more).
    #[arg(help_heading = GLOBAL, short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print no progress and no remarks.
    #[arg(help_heading = GLOBAL, short, long, global = true)]
    pub(crate) quiet: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people; the default on a terminal.
    Table,
    /// One JSON document; the default in a pipe.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a server keeps its data and listens.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Serve {
    /// The data directory [default: the user's data folder].
    #[arg(long, env = "BARTIZAN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The first of three consecutive ports: https, http, proxy.
    #[arg(long, value_name = "FIRST", conflicts_with_all = ["https", "http", "proxy"])]
    pub(crate) ports: Option<u16>,
    /// Address of the HTTPS listener [default: 127.0.0.1:8443].
    #[arg(long, env = "BARTIZAN_LISTEN_HTTPS", value_name = "ADDRESS")]
    pub(crate) https: Option<SocketAddr>,
    /// Address of the HTTP listener [default: 127.0.0.1:8080].
    #[arg(long, env = "BARTIZAN_LISTEN_HTTP", value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,
    /// Address of the interception proxy [default: 127.0.0.1:8480].
    #[arg(long, env = "BARTIZAN_LISTEN_PROXY", value_name = "ADDRESS")]
    pub(crate) proxy: Option<SocketAddr>,
    /// Listen on addresses that other machines can reach.
    #[arg(long)]
    pub(crate) expose: bool,
    /// Let the proxy tunnel to hosts that are not served here.
    #[arg(long)]
    pub(crate) proxy_pass_through: bool,
    /// The origin that clients use, when a reverse proxy stands before the server.
    #[arg(long, env = "BARTIZAN_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<Url>,
    /// Database: sqlite:// or postgres:// [default: a file in the data directory].
    #[arg(
        long,
        env = "BARTIZAN_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// Further settings (TOML) [default: bartizan.toml in the data directory, when there].
    #[arg(long, env = "BARTIZAN_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Return when the server is ready; `bartizan stop` ends it.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Log lines as JSON.
    #[arg(long, env = "BARTIZAN_LOG_JSON")]
    pub(crate) log_json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a server with a seeded tenant, recorded attacks and detections, and print how to use it.
    #[cfg(feature = "server")]
    Demo(Serve),
    /// Start a server.
    #[cfg(feature = "server")]
    Serve(Serve),
    /// Stop the server of a data directory.
    #[cfg(feature = "server")]
    Stop {
        /// The data directory.
        #[arg(long, env = "BARTIZAN_DATA", value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Run a command with its calls to Microsoft's hosts answered by the server; that command alone.
    ///
    /// Other hosts are refused, and said on standard error, unless the server was started with --proxy-pass-through.
    /// The command finds the proxy as long as this one runs: what it leaves behind in the background does not.
    ///
    /// Its environment gets the proxy and the authority, and BARTIZAN_URL, BARTIZAN_TENANT_ID, BARTIZAN_CLIENT_ID and
    /// BARTIZAN_CLIENT_SECRET of the profile: the administrator's, unless the caller's environment names another
    /// application (which a profile given by --data or --profile on the command line overrules). Run with it only what
    /// may act as that application. AZURE_ variables are not touched.
    ///
    /// A browser that runs already knows nothing of the proxy: an interactive sign-in would open Microsoft's own page in
    /// it. Sign in by a device code or a redirect that is followed below `run`, or let the tool use the server's own
    /// origin as its authority.
    ///
    /// It ends with the command's own exit code: 128 and the signal's number when a signal ended it, 127 when there is no
    /// such command, 126 when it cannot be run. SIGTERM, SIGINT and SIGHUP are passed on to it.
    Run {
        /// Whose proxy and certificate authority to use.
        #[command(flatten)]
        connection: Connection,
        /// The proxy's address [default: what the profile says].
        #[arg(long = "via", env = "BARTIZAN_PROXY", value_name = "URL")]
        proxy: Option<Url>,
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Print the server's addresses, authority and tenant as lines for a shell: eval "$(bartizan env)".
    ///
    /// No secret is among them: commands of bartizan find the administrator's in the data directory that is named.
    Env {
        /// Whose.
        #[command(flatten)]
        connection: Connection,
    },
    /// Print the path of the local certificate authority, and how each kind of tool is told to trust it.
    Ca {
        /// Whose authority.
        #[command(flatten)]
        connection: Connection,
    },
    /// Tenants of the server, and policies of a tenant.
    #[command(subcommand)]
    Tenant(Tenant),
    /// The keys that sign tokens, for the server's operator.
    #[command(subcommand)]
    Key(Key),
    /// Application registrations: permissions, consent, secrets, certificates, federated credentials.
    #[command(subcommand)]
    App(App),
    /// Service principals: presences of applications in the tenant.
    #[command(subcommand)]
    Sp(Sp),
    /// Delegated permissions that were granted to clients.
    #[command(subcommand)]
    Grant(Grant),
    /// People of the tenant.
    #[command(subcommand)]
    User(User),
    /// Groups of people.
    #[command(subcommand)]
    Group(Group),
    /// Roles of the directory, such as Security Reader.
    #[command(subcommand)]
    Role(Role),
    /// Custom roles of Defender.
    #[command(subcommand)]
    DefenderRole(DefenderRole),
    /// Parts of the tenant's devices, to which Defender roles may be limited.
    #[command(subcommand)]
    DeviceGroup(DeviceGroup),
    /// Access tokens.
    #[command(subcommand)]
    Token(Token),
    /// Say what a refusal, a token or an error means, what is missing, and what mends it.
    Explain(Explain),
    /// The audit trail of the tenant.
    #[command(subcommand)]
    Audit(Audit),
    /// Incidents of Defender XDR.
    #[command(subcommand)]
    Incident(Incident),
    /// Alerts of Defender for Endpoint.
    #[command(subcommand)]
    Alert(Alert),
    /// Devices of Defender for Endpoint.
    #[command(subcommand)]
    Machine(Machine),
    /// Detection rules.
    #[command(subcommand)]
    Rule(Rule),
    /// Functions of the hunting language that the tenant keeps.
    #[command(subcommand)]
    Function(Function),
    /// Run a hunting query (KQL).
    Hunt(Hunt),
    /// Load recorded events: files, archives or folders of Sysmon and Windows logs or hunting rows.
    Ingest(Ingest),
    /// The hunting language without a server: evaluate, check, format, and see each stage.
    #[command(subcommand)]
    Kql(Kql),
    /// Print shell completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print this reference as Markdown.
    #[command(hide = true)]
    Reference,
}

/// `bartizan token …`
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Get an access token and print it.
    Get {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// The API the token is for.
        #[arg(long, value_enum, default_value_t, conflicts_with_all = ["scope", "resource"])]
        api: Api,
        /// Scope, as the v2 endpoint takes it.
        #[arg(long)]
        scope: Option<String>,
        /// Resource, as the v1 endpoint takes it.
        #[arg(long, conflicts_with = "scope")]
        resource: Option<String>,
    },
    /// Decode and verify a token, list what it permits, and say why a call is refused.
    Inspect {
        /// Connection, for the signing keys.
        #[command(flatten)]
        connection: Connection,
        /// The token; standard input when absent or `-`, so that it stays out of the process list.
        token: Option<String>,
        /// An operation to judge, such as 'GET /api/incidents'.
        #[arg(long = "for", value_name = "OPERATION")]
        operation: Option<String>,
        /// Decode only: fetch no keys and verify nothing.
        #[arg(long)]
        offline: bool,
    },
}

/// An API to ask a token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Api {
    /// Defender XDR.
    #[default]
    Xdr,
    /// Defender for Endpoint.
    Mde,
    /// Microsoft Graph.
    Graph,
    /// What the server adds of its own: tenants, rules, ingest.
    Own,
}

/// Options of listings.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Listing {
    /// OData filter, such as "status eq 'Active'".
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// At most so many items.
    #[arg(long, default_value_t = 100)]
    pub(crate) top: u32,
}

/// `bartizan incident …`
#[derive(Debug, Subcommand)]
pub(crate) enum Incident {
    /// List incidents, newest first.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Options.
        #[command(flatten)]
        listing: Listing,
    },
    /// Show an incident with its alerts.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its number.
        #[arg(value_parser = number)]
        id: i64,
    },
    /// Change an incident.
    Update(Box<IncidentUpdate>),
}

/// An incident's number.
fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        "an incident has a number; `bartizan incident list` shows it in the first column".to_owned()
    })
}

/// `bartizan incident update`
#[derive(Debug, Args)]
pub(crate) struct IncidentUpdate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Its number.
    #[arg(value_parser = number)]
    pub(crate) id: i64,
    /// Active, InProgress or Resolved.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Owner; empty to unassign.
    #[arg(long)]
    pub(crate) assigned_to: Option<String>,
    /// TruePositive, FalsePositive or InformationalExpectedActivity.
    #[arg(long)]
    pub(crate) classification: Option<String>,
    /// Determination, such as Malware.
    #[arg(long)]
    pub(crate) determination: Option<String>,
    /// Replaces the tags; repeat for several.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Adds a comment.
    #[arg(long)]
    pub(crate) comment: Option<String>,
}

/// `bartizan alert …`
#[derive(Debug, Subcommand)]
pub(crate) enum Alert {
    /// List alerts.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Options.
        #[command(flatten)]
        listing: Listing,
    },
    /// Show an alert with its evidence.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
    },
}

/// `bartizan machine …`
#[derive(Debug, Subcommand)]
pub(crate) enum Machine {
    /// List devices.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Options.
        #[command(flatten)]
        listing: Listing,
    },
    /// Show a device.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id or DNS name.
        id: String,
    },
}

/// The wire of a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Wire {
    /// Defender XDR.
    #[default]
    Xdr,
    /// Defender for Endpoint.
    Mde,
    /// Microsoft Graph.
    Graph,
}

/// `bartizan hunt`
#[derive(Debug, Args)]
pub(crate) struct Hunt {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The query; `-` or nothing reads standard input.
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
    /// Which API carries it.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) api: Wire,
    /// ISO 8601 duration or interval that narrows the time (Graph only).
    #[arg(long)]
    pub(crate) timespan: Option<String>,
}

/// `bartizan ingest`
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Files, archives (zip, tar.gz, gz) or folders.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// The lines are rows of this hunting table.
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// Shift the events in time so that the last one is now: for recordings of long ago.
    #[arg(long)]
    pub(crate) end_now: bool,
    /// Where rejected lines are written [default: rejected.ndjson in the working folder].
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
}
