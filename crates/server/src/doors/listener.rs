//! Accepting connections, with or without TLS, and handing each request to the router with the door it came by.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::activity::{Activity, Counted, Seen};
use super::body::RequestBody;
use crate::settings::Bounds;

/// How a request reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// TLS on the own origin.
    Https,
    /// No TLS, on loopback.
    Http,
    /// Through the interception proxy, addressed to this host (lower-case, without a port).
    Proxy(String),
}

/// The address of the connected client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Requests of one HTTP/2 connection at once.
const STREAMS: u32 = 100;
/// The longest head of a request, in bytes; tokens with many roles reach some ten thousand.
const HEAD: u32 = 64 << 10;
/// Streams that a client may reset before they were looked at (CVE-2023-44487), and that the server resets because of
/// the client's errors (CVE-2025-8671), until the connection ends.
const RESETS: (usize, usize) = (20, 128);
/// Bytes of answers that wait in one stream's buffer.
const SEND_BUFFER: usize = 256 << 10;

/// What every accepted connection needs.
#[derive(Clone)]
pub(crate) struct Connections {
    router: Router,
    tls: TlsAcceptor,
    patience: Duration,
    places: Arc<Semaphore>,
    // Told when a client waits for a place: connections that are kept open for nothing end.
    pressed: Arc<Notify>,
    stop: CancellationToken,
}

/// A place among the connections that are served at once; it lives as long as the connection.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

impl Connections {
    pub(crate) fn new(
        router: Router,
        tls: Arc<rustls::ServerConfig>,
        bounds: &Bounds,
        stop: CancellationToken,
    ) -> Self {
        Self {
            router,
            tls: TlsAcceptor::from(tls),
            patience: Duration::from_secs(u64::from(bounds.client_seconds)),
            places: Arc::new(Semaphore::new(bounds.connections as usize)),
            pressed: Arc::default(),
            stop,
        }
    }

    /// Resolves when the server stops.
    pub(crate) fn stopped(&self) -> WaitForCancellationFutureOwned {
        self.stop.clone().cancelled_owned()
    }

    /// How long a client may keep the server waiting.
    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The next client, once there is a place for it: until then all further ones stay in the system's queue. `None`
    /// when the server stops.
    pub(crate) async fn accept(
        &self,
        listener: &TcpListener,
    ) -> Option<(TcpStream, SocketAddr, Place)> {
        let accepting = async {
            let (stream, peer) = loop {
                match listener.accept().await {
                    Ok(accepted) => break accepted,
                    Err(error) => {
                        // Out of file descriptors, most likely: wait for connections to end instead of spinning.
                        tracing::warn!(%error, "accept failed");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            };
            let place = match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => place,
                Err(_) => self.press().await?,
            };
            // Small answers should not wait for more to send; a socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, Arc::new(place)))
        };
        tokio::select! {
            () = self.stop.cancelled() => None,
            accepted = accepting => accepted,
        }
    }

    /// Waits for a place while connections that are kept open for nothing are asked to end.
    async fn press(&self) -> Option<OwnedSemaphorePermit> {
        metrics::counter!("bartizan_connections_delayed_total").increment(1);
        tracing::warn!("all connections are in use; see max-connections");
        let mut place = pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            self.pressed.notify_waiters();
            if let Ok(place) = tokio::time::timeout(Duration::from_secs(1), place.as_mut()).await {
                return place.ok();
            }
        }
    }

    /// Ends TLS on `stream`, then serves HTTP on it until the client leaves or the server stops.
    pub(crate) async fn serve_tls<S>(&self, stream: S, door: Door, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match tokio::time::timeout(self.patience, self.tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, door, peer).await,
            // Usually a client that does not trust the local authority: worth a line at info, once per attempt.
            Ok(Err(error)) => {
                tracing::info!(%error, %peer, "TLS handshake failed; does the client trust the local authority? see `bartizan ca`");
            }
            Err(_) => tracing::debug!(%peer, "TLS handshake timed out"),
        }
    }

    /// Serves HTTP/1.1 or HTTP/2 on `stream`.
    pub(crate) async fn serve<S>(&self, stream: S, door: Door, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let (stop, patience) = (self.stop.clone(), self.patience);
        let activity = Arc::new(Activity::default());
        let stream = Counted::new(stream, Arc::clone(&activity));
        let counted = Arc::clone(&activity);
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = RequestBody::wrap(request, patience, &stop).map(Body::new);
            request.extensions_mut().insert(door.clone());
            request.extensions_mut().insert(Peer(peer));
            let (router, counted) = (router.clone(), counted.request());
            async move {
                let answer = router.oneshot(request).await;
                drop(counted);
                answer
            }
        });
        let builder = protocols(self.patience);
        let mut connection =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            end = self.reason_to_end(&activity) => {
                connection.as_mut().graceful_shutdown();
                match end {
                    End::Finish => connection.await,
                    // Whoever said nothing for so long may not say anything to the farewell either.
                    End::Abandon => tokio::time::timeout(Duration::from_secs(1), connection)
                        .await
                        .unwrap_or_else(|_| Err("the client kept the connection open for nothing".into())),
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, %peer, "connection ended");
        }
    }
}

enum End {
    /// What is under way may end.
    Finish,
    /// Nothing is.
    Abandon,
}

impl Connections {
    /// Waits until a connection should end: the server stops, the client does nothing with it, or others need it more.
    async fn reason_to_end(&self, activity: &Activity) -> End {
        let mut seen = Seen::default();
        let mut looks = tokio::time::interval_at(Instant::now() + self.patience, self.patience);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return End::Finish,
                () = self.pressed.notified() => {
                    if activity.is_idle() {
                        return End::Finish;
                    }
                }
                _ = looks.tick() => {
                    if !activity.used_since(&mut seen) {
                        return End::Abandon;
                    }
                }
            }
        }
    }
}

/// Both versions of HTTP with their limits.
fn protocols(patience: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(2 * HEAD as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(patience))
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD)
        .max_pending_accept_reset_streams(RESETS.0)
        .max_local_error_reset_streams(RESETS.1)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// Accepts on `listener` until the server stops; each connection is a task of `tracker`.
pub(crate) async fn accept(
    listener: TcpListener,
    door: Door,
    connections: Connections,
    tracker: TaskTracker,
) {
    while let Some((stream, peer, place)) = connections.accept(&listener).await {
        let (connections, door) = (connections.clone(), door.clone());
        tracker.spawn(async move {
            let _place = place;
            serve_accepted(stream, door, connections, peer).await;
        });
    }
}

async fn serve_accepted(stream: TcpStream, door: Door, connections: Connections, peer: SocketAddr) {
    match door {
        Door::Https => connections.serve_tls(stream, door, peer).await,
        Door::Http | Door::Proxy(_) => connections.serve(stream, door, peer).await,
    }
}
