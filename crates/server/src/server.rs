//! Starting and stopping: the order in which the parts come up and go down.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use bartizan_contract::hosts;
use bartizan_hunting::events::EventStore;
use bartizan_hunting::{Engine, EngineSettings, Places};
use bartizan_store::Store;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

use crate::admission::Lanes;
use crate::app::App;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::doors::ca::{CaError, CertificateAuthority};
use crate::doors::listener::{self, Connections, Door};
use crate::doors::proxy::{self, ProxyRules};
use crate::external::Locations;
use crate::hunt_budget::HuntBudget;
use crate::rate::RateLimits;
use crate::settings::Settings;
use crate::site::Sites;
use crate::trail::{self, Trail};
use crate::{dispatch, identity, seed, tenants, workers};

/// How long requests that are under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The setting `places` names a file that is no database of places.
    #[error(transparent)]
    Places(#[from] bartizan_hunting::PlacesError),
    /// The data directory cannot be used.
    #[error("data directory {path}: {source}")]
    DataDirectory {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A listener's address is taken.
    #[error(
        "{name} {address} is already in use; choose other ports with --ports FIRST, or this one with --{name}"
    )]
    AddressInUse {
        /// The listener.
        name: &'static str,
        /// Its address.
        address: SocketAddr,
    },
    /// A listener's address cannot be used.
    #[error("{name} {address}: {source}")]
    Listen {
        /// The listener.
        name: &'static str,
        /// Its address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The local certificate authority.
    #[error(transparent)]
    Authority(#[from] CaError),
    /// The database's file.
    #[error("{}: {source}", file.display())]
    Database {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: bartizan_store::StoreError,
    },
    /// The database.
    #[error("database: {0}")]
    Store(#[from] bartizan_store::StoreError),
    /// The event store.
    #[error("event store: {0}")]
    Events(#[from] bartizan_hunting::events::EventsError),
    /// The hunting engine.
    #[error("hunting engine: {0}")]
    Engine(#[from] bartizan_hunting::HuntError),
    /// Signing keys.
    #[error("signing keys: {0}")]
    Keys(#[from] identity::KeysError),
    /// The first tenant and its administrator.
    #[error("first start: {0}")]
    Seed(#[from] seed::SeedError),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    https: SocketAddr,
    http: SocketAddr,
    proxy: SocketAddr,
    stop: CancellationToken,
    tracker: TaskTracker,
    first: Option<seed::FirstStart>,
    // Last: the directory is given back when all else is gone.
    _data: DataDir,
}

impl Server {
    /// Starts a server: listeners are bound first, so that a taken port is told before anything is written; requests
    /// are answered when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let data = DataDir::open(&settings.data).map_err(|source| StartError::DataDirectory {
            path: settings.data.clone(),
            source,
        })?;
        crate::data_dir::tighten(&settings.data);
        crate::ingest::spool::clear(&settings.data).map_err(|source| {
            StartError::DataDirectory {
                path: settings.data.clone(),
                source,
            }
        })?;
        let https = bind("https", settings.https).await?;
        let http = bind("http", settings.http).await?;
        let proxy = bind("proxy", settings.proxy).await?;
        // Port 0 has become a real one.
        settings.https = local(&https, settings.https);
        settings.http = local(&http, settings.http);
        settings.proxy = local(&proxy, settings.proxy);

        let aliases: Vec<String> = hosts::HOSTS
            .iter()
            .map(|host| host.name.to_owned())
            .collect();
        let names: Vec<&str> = aliases.iter().map(String::as_str).collect();
        let now = clock.now();
        let authority = CertificateAuthority::open(&data, &names, now)?;
        let sites = Sites::new(
            settings.https,
            settings.http,
            settings.public_url.as_ref(),
            &settings.allowed_origins,
            aliases.clone(),
        );
        let tls = authority.server_config(&leaf_names(&aliases, &settings), now)?;
        let store = match &settings.database {
            Some(url) => Store::open(url).await?,
            None => {
                let file = data.file("bartizan.db");
                let opened = Store::open_file(&file).await;
                opened.map_err(|source| StartError::Database { file, source })?
            }
        };
        let keys = identity::Keys::open(&store, &data, &clock, &settings, &sites).await?;
        let events = EventStore::open(
            seed::event_settings(&data, &settings).map_err(seed::SeedError::from)?,
            store.clone(),
        )
        .await?;
        events.start();
        let places = settings.places.as_deref().map(Places::open).transpose()?;
        let engine = EngineSettings {
            spill_folder: Some(data.empty_folder("spill").map_err(|source| {
                StartError::DataDirectory {
                    path: data.file("spill"),
                    source,
                }
            })?),
            places: places.map(Arc::new),
            external: Some(Arc::new(Locations::new(
                settings.external_data.clone(),
                settings.external_hosts.clone(),
            ))),
            spill_bytes: u64::from(settings.hunts.spill_mib) << 20,
            ..EngineSettings::default()
        };
        let hunt_budget = HuntBudget::new(settings.hunts.cpu_percent, engine.threads);
        let engine = Engine::new(engine)?;
        let (trail, exit) = Trail::new();
        let app = Arc::new(App {
            clock,
            sites,
            store,
            events,
            engine,
            operator: OnceLock::new(),
            keys,
            trail,
            lanes: Lanes::new(&settings.bounds),
            passwords: identity::PasswordGuards::default(),
            budgets: identity::Budgets::default(),
            issuer_keys: identity::IssuerKeyCache::default(),
            known_clients: identity::KnownClients::default(),
            rates: RateLimits::default(),
            hunt_budget,
            metrics: recorder(),
            authority,
            settings,
        });
        let first = seed::first_start(&app, &data).await?;
        tenants::remove_orphaned_rows(&app).await;
        trail::start(&app, exit);
        let mut server = Self::open_doors(app, data, https, http, proxy, tls, aliases);
        server.first = first;
        Ok(server)
    }

    fn open_doors(
        app: Arc<App>,
        data: DataDir,
        https: TcpListener,
        http: TcpListener,
        proxy_listener: TcpListener,
        tls: Arc<rustls::ServerConfig>,
        aliases: Vec<String>,
    ) -> Self {
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let router = Router::new()
            .fallback(dispatch::answer)
            .with_state(Arc::clone(&app))
            .layer(CatchPanicLayer::custom(dispatch::panicked));
        let connections = Connections::new(router, tls, &app.settings.bounds, stop.clone());
        let (https_at, http_at, proxy_at) =
            (app.settings.https, app.settings.http, app.settings.proxy);
        tracker.spawn(listener::accept(
            https,
            Door::Https,
            connections.clone(),
            tracker.clone(),
        ));
        tracker.spawn(listener::accept(
            http,
            Door::Http,
            connections.clone(),
            tracker.clone(),
        ));
        let rules = ProxyRules {
            hosts: aliases.into(),
            other: app.settings.proxy_other_hosts,
        };
        tracker.spawn(proxy::accept(
            proxy_listener,
            rules,
            connections,
            stop.clone(),
            tracker.clone(),
        ));
        workers::spawn(&app, &stop, &tracker);
        Self {
            app,
            https: https_at,
            http: http_at,
            proxy: proxy_at,
            stop,
            tracker,
            first: None,
            _data: data,
        }
    }

    /// The server's parts.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Runs the detection rules that are due, of every tenant, and waits for them: what the worker does by itself. For
    /// who has a clock of their own.
    ///
    /// # Errors
    /// The database, when not even the tenants can be listed. What goes wrong with a rule is in its state.
    pub async fn run_due_rules(&self) -> Result<(), bartizan_store::StoreError> {
        let rounds = std::sync::Arc::default();
        let mut tasks = tokio::task::JoinSet::new();
        workers::start_rounds(&self.app, &rounds, &mut tasks).await?;
        while tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// What the first start made; `None` on every later one.
    #[must_use]
    pub const fn first_start(&self) -> Option<&seed::FirstStart> {
        self.first.as_ref()
    }

    /// `https://localhost:PORT`, whatever the public URL is: for the client in this very process.
    #[must_use]
    pub fn loopback_url(&self) -> String {
        format!("https://localhost:{}", self.https.port())
    }

    /// `https://localhost:PORT`, or the public URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.app.sites.public().origin().ascii_serialization()
    }

    /// `http://ADDRESS:PORT`
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// `http://ADDRESS:PORT` of the proxy.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// Where the HTTPS listener is.
    #[must_use]
    pub const fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// Stops: no new connections, requests under way may end within a grace, workers end, telemetry is flushed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(GRACE, self.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not end in time; their connections are closed");
        }
        // After the requests that note something, before what it is written to.
        self.app.trail.close().await;
        if let Err(error) = self.app.events.shutdown().await {
            // Nothing is lost: what was acknowledged is in the log and comes back at the next start.
            tracing::error!(%error, "telemetry could not be flushed; the next start will read it from the log");
        }
        self.app.store.close().await;
    }
}

async fn bind(name: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::AddressInUse { name, address },
            _ => StartError::Listen {
                name,
                address,
                source,
            },
        })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// The names of the leaf: the aliases, loopback, and the operator's own.
fn leaf_names(aliases: &[String], settings: &Settings) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    names.extend(aliases.iter().map(|alias| match alias.strip_prefix('.') {
        Some(parent) => format!("*.{parent}"),
        None => alias.clone(),
    }));
    // A public name outside the authority's constraint needs a real certificate at a reverse proxy.
    let _ = settings;
    names
}

/// The process's recorder of measurements; servers of one process (in tests) share it.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            handle
        })
        .clone()
}
