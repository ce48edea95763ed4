//! The interception proxy: HTTP CONNECT on loopback, for exactly the hosts that the server answers for.
//!
//! A client with `HTTPS_PROXY` set asks `CONNECT login.windows.net:443`; the tunnel then ends here, in TLS with a
//! leaf of the local authority, and the requests in it go through the same router as any other. A host that is not
//! listed is refused with 403 unless the proxy was told to pass it through, so that a script under test cannot reach
//! anything by accident. Plain `http://` proxying of the own HTTP origin is not offered: nothing needs it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::{Connections, Door, Place};

/// What the proxy does with a host that the server does not answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherHosts {
    /// Refuse with 403 (the default).
    #[default]
    Refuse,
    /// Tunnel to the real host, untouched.
    PassThrough,
}

/// The proxy's decisions: which hosts are ours, and what happens to the rest.
#[derive(Debug, Clone)]
pub struct ProxyRules {
    /// Hosts that end here, lower-case; a leading dot means any subdomain.
    pub hosts: Arc<[String]>,
    /// What happens to other hosts.
    pub other: OtherHosts,
}

/// What becomes of one CONNECT.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Intercept(String),
    Tunnel(String),
    Refuse(String),
    Malformed,
}

impl ProxyRules {
    fn decide(&self, authority: Option<&http::uri::Authority>) -> Decision {
        let Some(authority) = authority else {
            return Decision::Malformed;
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let host = host.to_ascii_lowercase();
        let ours = self
            .hosts
            .iter()
            .any(|known| match known.strip_prefix('.') {
                Some(parent) => host
                    .strip_suffix(parent)
                    .is_some_and(|rest| rest.ends_with('.')),
                None => *known == host,
            });
        match (ours, self.other) {
            (true, _) if authority.port_u16().unwrap_or(443) == 443 => Decision::Intercept(host),
            (true, _) => Decision::Refuse(authority.to_string()),
            (false, OtherHosts::PassThrough) => Decision::Tunnel(authority.to_string()),
            (false, OtherHosts::Refuse) => Decision::Refuse(authority.to_string()),
        }
    }
}

/// Accepts proxy connections until `stop` is cancelled.
pub(crate) async fn accept(
    listener: TcpListener,
    rules: ProxyRules,
    connections: Connections,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    while let Some((stream, peer, place)) = connections.accept(&listener).await {
        let (rules, connections) = (rules.clone(), connections.clone());
        let tasks = tracker.clone();
        let stopped = stop.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = serve_connection(stream, (peer, place), rules, connections, tasks) => {}
            }
        });
    }
}

async fn serve_connection(
    stream: TcpStream,
    client: (SocketAddr, Place),
    rules: ProxyRules,
    connections: Connections,
    tasks: TaskTracker,
) {
    let patience = connections.patience();
    let service = hyper::service::service_fn(move |request| {
        let (rules, connections) = (rules.clone(), connections.clone());
        let (tasks, client) = (tasks.clone(), client.clone());
        async move { Ok::<_, Infallible>(answer(request, client, &rules, connections, &tasks)) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "proxy: connection ended");
    }
}

fn answer(
    mut request: Request<Incoming>,
    (peer, place): (SocketAddr, Place),
    rules: &ProxyRules,
    connections: Connections,
    tasks: &TaskTracker,
) -> Response<Full<Bytes>> {
    if request.method() != Method::CONNECT {
        return refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "This proxy carries HTTPS only (CONNECT). Unset HTTP_PROXY, or call the server's own http address directly.",
        );
    }
    let decision = rules.decide(request.uri().authority());
    match decision {
        Decision::Malformed => refuse(StatusCode::BAD_REQUEST, "CONNECT needs host:port."),
        Decision::Refuse(target) => {
            tracing::info!(target, "proxy: refused a host that is not served here");
            refuse(
                StatusCode::FORBIDDEN,
                &format!(
                    "{target} is not one of the hosts that this server answers for. Start the server with --proxy-pass-through to let other hosts through."
                ),
            )
        }
        Decision::Intercept(host) => {
            tasks.spawn(async move {
                let _place = place;
                match hyper::upgrade::on(&mut request).await {
                    Ok(upgraded) => {
                        connections
                            .serve_tls(TokioIo::new(upgraded), Door::Proxy(host), peer)
                            .await;
                    }
                    Err(error) => tracing::debug!(%error, "proxy: upgrade failed"),
                }
            });
            Response::new(Full::default())
        }
        Decision::Tunnel(target) => {
            let stopped = connections.stopped();
            tasks.spawn(async move {
                let _place = place;
                let tunnelled = async {
                    match hyper::upgrade::on(&mut request).await {
                        Ok(upgraded) => tunnel(upgraded, &target).await,
                        Err(error) => tracing::debug!(%error, "proxy: upgrade failed"),
                    }
                };
                tokio::select! {
                    () = stopped => {}
                    () = tunnelled => {}
                }
            });
            Response::new(Full::default())
        }
    }
}

async fn tunnel(upgraded: Upgraded, target: &str) {
    let mut client = TokioIo::new(upgraded);
    match TcpStream::connect(target).await {
        Ok(mut server) => {
            if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
                tracing::debug!(%error, target, "proxy: tunnel ended");
            }
        }
        Err(error) => {
            tracing::info!(%error, target, "proxy: could not reach a passed-through host")
        }
    }
}

fn refuse(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(target: &str, other: OtherHosts) -> Decision {
        let hosts = [
            "login.windows.net".to_owned(),
            ".api.security.microsoft.com".to_owned(),
        ];
        let rules = ProxyRules {
            hosts: Arc::new(hosts),
            other,
        };
        rules.decide(Some(&target.parse().expect("an authority")))
    }

    #[test]
    fn intercepts_listed_hosts_in_any_case_and_their_listed_subdomains() {
        let refuse = OtherHosts::Refuse;
        assert_eq!(
            decide("Login.Windows.Net:443", refuse),
            Decision::Intercept("login.windows.net".to_owned())
        );
        assert_eq!(
            decide("eu.api.security.microsoft.com:443", refuse),
            Decision::Intercept("eu.api.security.microsoft.com".to_owned())
        );
    }

    #[test]
    fn refuses_look_alikes_other_ports_and_other_hosts() {
        for target in [
            "evil-login.windows.net:443",
            "login.windows.net.evil.example:443",
            "xapi.security.microsoft.com:443",
            "login.windows.net:22",
            "example.org:443",
        ] {
            assert!(
                matches!(decide(target, OtherHosts::Refuse), Decision::Refuse(_)),
                "{target}"
            );
        }
    }

    #[test]
    fn passes_through_only_when_told() {
        assert_eq!(
            decide("example.org:443", OtherHosts::PassThrough),
            Decision::Tunnel("example.org:443".to_owned())
        );
    }
}
