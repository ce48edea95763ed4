//! What an operator may set: by flag, by environment variable, in `bartizan.toml`, in that order of precedence.
//!
//! [`Partial`] is one layer with every setting optional; layers are merged, then [`Settings::resolve`] fills in the
//! defaults and checks that the whole makes sense. Unknown keys of the file are refused: a misspelt limit that is
//! silently ignored is worse than a server that does not start.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bartizan_hunting::Limits;
use serde::Deserialize;
use url::Url;

use crate::doors::proxy::OtherHosts;
use crate::external::{Prefix, PrefixError};

/// The file of settings that is read from the data directory when no other is named.
pub const FILE_NAME: &str = "bartizan.toml";
/// The first of the ports, when none is chosen: HTTPS.
pub const HTTPS_PORT: u16 = 8443;
/// HTTP without TLS.
pub const HTTP_PORT: u16 = 8080;
/// The interception proxy.
pub const PROXY_PORT: u16 = 8480;

/// Which issuer tokens and discovery documents carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerMode {
    /// Microsoft's issuer strings: what unmodified clients expect behind the host aliases.
    #[default]
    Canonical,
    /// The own origin.
    #[serde(rename = "self")]
    Own,
}

/// One layer of settings; `None` means that the layer does not say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Partial {
    /// Address of the HTTPS listener.
    pub https: Option<SocketAddr>,
    /// Address of the HTTP listener.
    pub http: Option<SocketAddr>,
    /// Address of the interception proxy.
    pub proxy: Option<SocketAddr>,
    /// Listen on addresses other than loopback.
    pub expose: Option<bool>,
    /// Tunnel hosts that are not served here instead of refusing them.
    pub proxy_pass_through: Option<bool>,
    /// The origin that clients use, when it is not `https://localhost:PORT`.
    pub public_url: Option<Url>,
    /// Further origins that clients may use.
    pub allowed_origins: Option<Vec<Url>>,
    /// Issuer mode.
    pub issuer: Option<IssuerMode>,
    /// `sqlite://…` or `postgres://…`; a SQLite file in the data directory by default.
    pub database: Option<String>,
    /// Rows are removed this many days after their time; kept when not set.
    pub retention_days: Option<u32>,
    /// The same for single hunting tables; 0 keeps a table's rows.
    pub retention_days_of: Option<BTreeMap<String, u32>>,
    /// Memory that one hunt may use, in MiB.
    pub hunt_memory_mib: Option<u32>,
    /// MiB of files that one hunt may use when its memory does not do; 0 is none.
    pub hunt_spill_mib: Option<u32>,
    /// Rows of an answer.
    pub hunt_rows: Option<u32>,
    /// Megabytes of an answer.
    pub hunt_answer_mb: Option<u32>,
    /// Seconds that a hunt may take, instead of what each API's documentation says.
    pub hunt_seconds: Option<u32>,
    /// Share of the processors' time that one tenant's hunts may use in 15 minutes, in percent.
    pub hunt_cpu_percent: Option<u32>,
    /// Seconds between two runs of the detection rules.
    pub detection_interval_seconds: Option<u32>,
    /// Whether calls are counted against the documented rates.
    pub rate_limits: Option<bool>,
    /// Whether sign-ins and directory changes become rows of the hunting tables.
    pub activity_events: Option<bool>,
    /// [`Bounds::connections`]
    pub max_connections: Option<u32>,
    /// [`Bounds::client_seconds`]
    pub client_seconds: Option<u32>,
    /// [`Bounds::hunts`]
    pub max_hunts: Option<u32>,
    /// [`Bounds::rule_runs`]
    pub max_rule_runs: Option<u32>,
    /// [`Bounds::uploads`]
    pub max_uploads: Option<u32>,
    /// [`Bounds::queue_seconds`]
    pub queue_seconds: Option<u32>,
    /// Days that a signing key signs before the next one does; 0 leaves it to the operator.
    pub key_rotation_days: Option<u32>,
    /// Hosts of federated issuers that may have private addresses: `host`, or `host:port`.
    pub issuer_hosts: Option<Vec<String>>,
    /// A PEM file with further authorities to trust when an issuer's keys are read.
    pub issuer_ca: Option<PathBuf>,
    /// A database of places by address in MaxMind's format, for `geo_info_from_ip_address`.
    pub places: Option<PathBuf>,
    /// What locations begin with that `externaldata` may read.
    pub external_data: Option<Vec<String>>,
    /// Hosts of such locations that may have private addresses: `host`, or `host:port`.
    pub external_hosts: Option<Vec<String>>,
}

/// How much may be under way at once, and how long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections of clients, over all listeners; further ones wait in the system's queue until one ends.
    pub connections: u32,
    /// Seconds that a client may keep the server waiting: for a TLS handshake, a request's head, the next part of a
    /// body, room for the answer, or another request.
    pub client_seconds: u32,
    /// Hunts; one tenant has half of them at most, as of the next two.
    pub hunts: u32,
    /// Runs of a tenant's detection rules.
    pub rule_runs: u32,
    /// Uploads of telemetry.
    pub uploads: u32,
    /// Seconds that a call waits for its turn before it is refused with 429; 0 refuses at once.
    pub queue_seconds: u32,
}

/// What hunts may use: the documented limits unless set otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HuntLimits {
    /// Working memory of a hunt, in MiB.
    pub memory_mib: u32,
    /// MiB of files that a hunt may use when its memory does not do; 0 is none.
    pub spill_mib: u32,
    /// Rows of an answer; further rows are cut off.
    pub rows: u32,
    /// Megabytes of an answer's values; a larger answer is an error.
    pub answer_mb: u32,
    /// Seconds that a hunt may take; `None` is what the API's documentation says.
    pub seconds: Option<u32>,
    /// Share of the processors' time that one tenant's hunts may use in 15 minutes, in percent.
    pub cpu_percent: u32,
}

impl HuntLimits {
    fn resolve(partial: &Partial) -> Result<Self, SettingsError> {
        let seconds = match partial.hunt_seconds {
            Some(_) => Some(positive("hunt-seconds", partial.hunt_seconds, 180)?),
            None => None,
        };
        Ok(Self {
            memory_mib: positive("hunt-memory-mib", partial.hunt_memory_mib, 2048)?,
            spill_mib: partial.hunt_spill_mib.unwrap_or(8192),
            rows: positive("hunt-rows", partial.hunt_rows, 100_000)?,
            answer_mb: positive("hunt-answer-mb", partial.hunt_answer_mb, 124)?,
            seconds,
            cpu_percent: positive("hunt-cpu-percent", partial.hunt_cpu_percent, 100)?,
        })
    }

    /// As the engine takes them, for an API whose documentation gives a hunt so many seconds.
    #[must_use]
    pub fn of_a_hunt(&self, documented_seconds: u32) -> Limits {
        Limits {
            max_rows: self.rows as usize,
            max_bytes: self.answer_mb as usize * 1_000_000,
            timeout: Duration::from_secs(self.seconds.unwrap_or(documented_seconds).into()),
            memory: self.memory_mib as usize * 1024 * 1024,
        }
    }
}

/// A number that may not be 0.
fn positive(setting: &'static str, value: Option<u32>, default: u32) -> Result<u32, SettingsError> {
    match value {
        Some(0) => Err(SettingsError::Zero { setting }),
        value => Ok(value.unwrap_or(default)),
    }
}

impl Bounds {
    fn resolve(partial: &Partial) -> Result<Self, SettingsError> {
        Ok(Self {
            connections: positive("max-connections", partial.max_connections, 512)?,
            client_seconds: positive("client-seconds", partial.client_seconds, 30)?,
            hunts: positive("max-hunts", partial.max_hunts, 8)?,
            rule_runs: positive("max-rule-runs", partial.max_rule_runs, 4)?,
            uploads: positive("max-uploads", partial.max_uploads, 8)?,
            queue_seconds: partial.queue_seconds.unwrap_or(10),
        })
    }
}

/// Settings that cannot be used, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// The file is not valid, or has an unknown key.
    #[error("{path}: {message}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What and where, as the TOML parser says it.
        message: String,
    },
    /// A listener would be reachable from other machines.
    #[error(
        "{setting} = {address} is not a loopback address, so other machines could reach this server; add `expose = true` (--expose) if that is meant"
    )]
    NotLoopback {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        address: SocketAddr,
    },
    /// Anybody could reach anything from this machine.
    #[error(
        "proxy = {0} with proxy-pass-through would be an open relay for other machines; keep the proxy on loopback"
    )]
    OpenRelay(SocketAddr),
    /// Nothing could be done.
    #[error("{setting} = 0 would let nothing through; leave it out for the default")]
    Zero {
        /// The setting's name.
        setting: &'static str,
    },
    /// A retention names no hunting table.
    #[error(
        "retention-days-of: there is no hunting table '{0}'; names are as in a query, with their letter case"
    )]
    NoTable(String),
    /// A prefix of locations for `externaldata` is none.
    #[error("external-data: {0}")]
    ExternalData(#[from] PrefixError),
    /// The public URL has a path, or no host, or is not http(s).
    #[error("{setting} = {url} must be an origin: https://host or https://host:port, with no path")]
    NotAnOrigin {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        url: Url,
    },
}

impl Partial {
    /// Reads a layer from a TOML file.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`] or [`SettingsError::Malformed`], the latter with line and column.
    pub fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| SettingsError::Malformed {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// This layer, with what it does not say taken from `lower`.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            https: self.https.or(lower.https),
            http: self.http.or(lower.http),
            proxy: self.proxy.or(lower.proxy),
            expose: self.expose.or(lower.expose),
            proxy_pass_through: self.proxy_pass_through.or(lower.proxy_pass_through),
            public_url: self.public_url.or(lower.public_url),
            allowed_origins: self.allowed_origins.or(lower.allowed_origins),
            issuer: self.issuer.or(lower.issuer),
            database: self.database.or(lower.database),
            retention_days: self.retention_days.or(lower.retention_days),
            retention_days_of: self.retention_days_of.or(lower.retention_days_of),
            hunt_memory_mib: self.hunt_memory_mib.or(lower.hunt_memory_mib),
            hunt_spill_mib: self.hunt_spill_mib.or(lower.hunt_spill_mib),
            hunt_rows: self.hunt_rows.or(lower.hunt_rows),
            hunt_answer_mb: self.hunt_answer_mb.or(lower.hunt_answer_mb),
            hunt_seconds: self.hunt_seconds.or(lower.hunt_seconds),
            hunt_cpu_percent: self.hunt_cpu_percent.or(lower.hunt_cpu_percent),
            detection_interval_seconds: self
                .detection_interval_seconds
                .or(lower.detection_interval_seconds),
            rate_limits: self.rate_limits.or(lower.rate_limits),
            activity_events: self.activity_events.or(lower.activity_events),
            max_connections: self.max_connections.or(lower.max_connections),
            client_seconds: self.client_seconds.or(lower.client_seconds),
            max_hunts: self.max_hunts.or(lower.max_hunts),
            max_rule_runs: self.max_rule_runs.or(lower.max_rule_runs),
            max_uploads: self.max_uploads.or(lower.max_uploads),
            queue_seconds: self.queue_seconds.or(lower.queue_seconds),
            key_rotation_days: self.key_rotation_days.or(lower.key_rotation_days),
            issuer_hosts: self.issuer_hosts.or(lower.issuer_hosts),
            issuer_ca: self.issuer_ca.or(lower.issuer_ca),
            places: self.places.or(lower.places),
            external_data: self.external_data.or(lower.external_data),
            external_hosts: self.external_hosts.or(lower.external_hosts),
        }
    }
}

/// Settings in force.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Address of the HTTPS listener; port 0 lets the system choose.
    pub https: SocketAddr,
    /// Address of the HTTP listener.
    pub http: SocketAddr,
    /// Address of the interception proxy.
    pub proxy: SocketAddr,
    /// What the proxy does with hosts that are not served here.
    pub proxy_other_hosts: OtherHosts,
    /// The origin that clients use; `None` follows the HTTPS listener.
    pub public_url: Option<Url>,
    /// Further origins that clients may use.
    pub allowed_origins: Vec<Url>,
    /// Issuer mode.
    pub issuer: IssuerMode,
    /// URL of the SQL database.
    pub database: Option<String>,
    /// Days that hunting rows are kept; `None` keeps them, since recordings are old on arrival.
    pub retention_days: Option<u32>,
    /// The same for single hunting tables; 0 keeps a table's rows.
    pub retention_days_of: BTreeMap<String, u32>,
    /// What a hunt may use.
    pub hunts: HuntLimits,
    /// Seconds between two runs of the detection rules.
    pub detection_interval_seconds: u32,
    /// Whether calls are counted against the documented rates.
    pub rate_limits: bool,
    /// Whether sign-ins and directory changes become rows of the hunting tables.
    pub activity_events: bool,
    /// How much may be under way at once.
    pub bounds: Bounds,
    /// Days that a signing key signs before the next one does; 0 leaves it to the operator.
    pub key_rotation_days: u32,
    /// Hosts of federated issuers that may have private addresses: `host`, or `host:port`.
    pub issuer_hosts: Vec<String>,
    /// A PEM file with further authorities to trust when an issuer's keys are read.
    pub issuer_ca: Option<PathBuf>,
    /// A database of places by address in MaxMind's format, for `geo_info_from_ip_address`.
    pub places: Option<PathBuf>,
    /// What locations begin with that `externaldata` may read.
    pub external_data: Vec<Prefix>,
    /// Hosts of such locations that may have private addresses: `host`, or `host:port`.
    pub external_hosts: Vec<String>,
}

impl Settings {
    /// Fills in defaults and checks.
    ///
    /// # Errors
    /// [`SettingsError::NotLoopback`], [`SettingsError::NotAnOrigin`], [`SettingsError::Zero`], [`SettingsError::NoTable`],
    /// [`SettingsError::ExternalData`].
    pub fn resolve(data: PathBuf, partial: Partial) -> Result<Self, SettingsError> {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let https = partial.https.unwrap_or_else(|| loopback(HTTPS_PORT));
        let http = partial.http.unwrap_or_else(|| loopback(HTTP_PORT));
        let proxy = partial.proxy.unwrap_or_else(|| loopback(PROXY_PORT));
        if !partial.expose.unwrap_or(false) {
            for (setting, address) in [("https", https), ("http", http), ("proxy", proxy)] {
                if !address.ip().is_loopback() {
                    return Err(SettingsError::NotLoopback { setting, address });
                }
            }
        }
        if partial.proxy_pass_through.unwrap_or(false) && !proxy.ip().is_loopback() {
            return Err(SettingsError::OpenRelay(proxy));
        }
        let bounds = Bounds::resolve(&partial)?;
        let hunts = HuntLimits::resolve(&partial)?;
        let retention_days_of = partial.retention_days_of.unwrap_or_default();
        let known = |table: &&String| bartizan_contract::hunting::table(table).is_some();
        if let Some(table) = retention_days_of.keys().find(|table| !known(table)) {
            return Err(SettingsError::NoTable(table.clone()));
        }
        let external_data = partial.external_data.unwrap_or_default();
        let external_data = external_data.iter().map(|prefix| prefix.parse());
        let external_data = external_data.collect::<Result<Vec<Prefix>, _>>()?;
        let allowed_origins = partial.allowed_origins.unwrap_or_default();
        for url in &allowed_origins {
            check_origin("allowed-origins", url)?;
        }
        if let Some(url) = &partial.public_url {
            check_origin("public-url", url)?;
        }
        Ok(Self {
            data,
            https,
            http,
            proxy,
            proxy_other_hosts: if partial.proxy_pass_through.unwrap_or(false) {
                OtherHosts::PassThrough
            } else {
                OtherHosts::Refuse
            },
            public_url: partial.public_url,
            allowed_origins,
            issuer: partial.issuer.unwrap_or_default(),
            database: partial.database,
            retention_days: partial.retention_days,
            retention_days_of,
            hunts,
            detection_interval_seconds: partial.detection_interval_seconds.unwrap_or(60),
            rate_limits: partial.rate_limits.unwrap_or(true),
            activity_events: partial.activity_events.unwrap_or(true),
            bounds,
            key_rotation_days: partial.key_rotation_days.unwrap_or(90),
            issuer_hosts: partial.issuer_hosts.unwrap_or_default(),
            issuer_ca: partial.issuer_ca,
            places: partial.places,
            external_data,
            external_hosts: partial.external_hosts.unwrap_or_default(),
        })
    }
}

fn check_origin(setting: &'static str, url: &Url) -> Result<(), SettingsError> {
    let fine = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    if fine {
        Ok(())
    } else {
        Err(SettingsError::NotAnOrigin {
            setting,
            url: url.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(toml: &str) -> Result<Settings, SettingsError> {
        Settings::resolve("data".into(), toml::from_str(toml).expect("valid TOML"))
    }

    #[test]
    fn listens_on_loopback_by_default_and_elsewhere_only_when_told() {
        assert!(resolve("").expect("defaults").https.ip().is_loopback());
        assert!(matches!(
            resolve("http = \"0.0.0.0:80\""),
            Err(SettingsError::NotLoopback {
                setting: "http",
                ..
            })
        ));
        assert!(resolve("http = \"0.0.0.0:80\"\nexpose = true").is_ok());
    }

    #[test]
    fn refuses_unknown_keys_with_their_place() {
        let error = toml::from_str::<Partial>("retention-day = 7").expect_err("misspelt");
        assert!(error.to_string().contains("retention-day"), "{error}");
    }

    #[test]
    fn a_bound_of_nothing_is_refused() {
        assert!(matches!(
            resolve("max-hunts = 0"),
            Err(SettingsError::Zero {
                setting: "max-hunts"
            })
        ));
        let bounds = resolve("max-hunts = 3").expect("valid").bounds;
        assert_eq!((bounds.hunts, bounds.uploads), (3, 8));
    }

    #[test]
    fn a_retention_names_a_table() {
        let settings = resolve("[retention-days-of]\nDeviceEvents = 7").expect("valid");
        assert_eq!(settings.retention_days_of["DeviceEvents"], 7);
        let wrong = resolve("retention-days-of = { deviceevents = 7 }");
        assert!(matches!(wrong, Err(SettingsError::NoTable(_))), "{wrong:?}");
    }

    #[test]
    fn hunts_have_the_documented_limits_unless_set_otherwise() {
        let limits = resolve("").expect("defaults").hunts.of_a_hunt(200);
        assert_eq!((limits.max_rows, limits.max_bytes), (100_000, 124_000_000));
        assert_eq!(limits.timeout, Duration::from_secs(200));
        let set = "hunt-rows = 5\nhunt-answer-mb = 1\nhunt-seconds = 7\nhunt-memory-mib = 2";
        let limits = resolve(set).expect("valid").hunts.of_a_hunt(200);
        assert_eq!((limits.max_rows, limits.max_bytes), (5, 1_000_000));
        assert_eq!(limits.timeout, Duration::from_secs(7));
        assert_eq!(limits.memory, 2 << 20);
        assert!(resolve("hunt-rows = 0").is_err());
    }

    #[test]
    fn external_data_is_read_from_nowhere_unless_set() {
        assert!(resolve("").expect("defaults").external_data.is_empty());
        let settings = resolve("external-data = [\"https://feeds.example/lists/\"]");
        assert_eq!(settings.expect("valid").external_data.len(), 1);
        let wrong = resolve("external-data = [\"file:///etc\"]").expect_err("no prefix");
        assert!(
            wrong.to_string().starts_with("external-data: 'file:"),
            "{wrong}"
        );
    }

    #[test]
    fn a_public_url_is_an_origin() {
        assert!(resolve("public-url = \"https://hunt.example:444\"").is_ok());
        assert!(resolve("public-url = \"https://hunt.example/base\"").is_err());
        assert!(resolve("public-url = \"ftp://hunt.example\"").is_err());
    }

    #[test]
    fn a_higher_layer_wins_and_silence_falls_through() {
        let file: Partial =
            toml::from_str("retention-days = 7\nrate-limits = false").expect("valid");
        let flags = Partial {
            retention_days: Some(9),
            ..Partial::default()
        };
        let merged = flags.over(file);
        assert_eq!(
            (merged.retention_days, merged.rate_limits),
            (Some(9), Some(false))
        );
    }
}
