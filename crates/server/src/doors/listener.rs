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
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::body::RequestBody;

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

/// How long a client may take to finish a TLS handshake or to send a request's head.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every accepted connection needs.
#[derive(Clone)]
pub(crate) struct Connections {
    router: Router,
    tls: TlsAcceptor,
    stop: CancellationToken,
}

impl Connections {
    pub(crate) fn new(
        router: Router,
        tls: Arc<rustls::ServerConfig>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            router,
            tls: TlsAcceptor::from(tls),
            stop,
        }
    }

    /// Ends TLS on `stream`, then serves HTTP on it until the client leaves or the server stops.
    pub(crate) async fn serve_tls<S>(&self, stream: S, door: Door, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match tokio::time::timeout(PATIENCE, self.tls.accept(stream)).await {
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
        let stop = self.stop.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = RequestBody::wrap(request, &stop).map(Body::new);
            request.extensions_mut().insert(door.clone());
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(PATIENCE));
        let mut connection =
            pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, %peer, "connection ended");
        }
    }
}

/// Accepts on `listener` until the server stops; each connection is a task of `tracker`.
pub(crate) async fn accept(
    listener: TcpListener,
    door: Door,
    connections: Connections,
    tracker: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = connections.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: wait for connections to end instead of spinning.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Small answers should not wait for more to send; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let (connections, door) = (connections.clone(), door.clone());
        tracker.spawn(serve_accepted(stream, door, connections, peer));
    }
}

async fn serve_accepted(stream: TcpStream, door: Door, connections: Connections, peer: SocketAddr) {
    match door {
        Door::Https => connections.serve_tls(stream, door, peer).await,
        Door::Http | Door::Proxy(_) => connections.serve(stream, door, peer).await,
    }
}
