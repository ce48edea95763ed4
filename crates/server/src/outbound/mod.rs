//! What the server fetches from elsewhere because somebody named it: keys of federated issuers, data of hunts.
//!
//! Where a name leads is looked up and judged first, and the connection goes to the addresses that were judged: a name
//! cannot mean one address to the check and another to the connection.

mod address;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use address::is_public;

/// Which addresses a host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those of the internet.
    Public,
    /// Those of this machine.
    Loopback,
    /// Any.
    Any,
}

/// Why a host is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    /// No address under that name.
    #[error("its name cannot be resolved")]
    Unknown,
    /// An address that is out of reach.
    #[error("it has an address of a private network")]
    Private,
}

/// The addresses of a URL's host, every one of them within reach.
pub(crate) async fn addresses(url: &Url, reach: Reach) -> Result<Vec<SocketAddr>, Unreachable> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
            .await
            .map_err(|_| Unreachable::Unknown)?
            .map(|address| address.ip())
            .collect(),
        None => Vec::new(),
    };
    if found.is_empty() {
        return Err(Unreachable::Unknown);
    }
    let within = |address: IpAddr| match reach {
        Reach::Public => is_public(address),
        Reach::Loopback => address.is_loopback(),
        Reach::Any => true,
    };
    if !found.iter().copied().all(within) {
        return Err(Unreachable::Private);
    }
    Ok(found
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect())
}

/// Whether a list of `host` and `host:port` names a URL's, in any letter case; an IPv6 address may be without brackets
/// where it has no port.
pub(crate) fn names(hosts: &[String], url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let both = format!("{host}:{port}");
    let mut forms = vec![host, both.as_str()];
    forms.extend(bare);
    let named = |name: &String| forms.iter().any(|form| name.eq_ignore_ascii_case(form));
    hosts.iter().any(named)
}

/// A client that connects to these addresses of a URL's host alone, and follows no redirects.
pub(crate) fn client(url: &Url, to: &[SocketAddr], timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .https_only(url.scheme() == "https")
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .resolve_to_addrs(url.host_str().unwrap_or_default(), to)
}

/// Why an answer's body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke, or took too long.
    #[error(transparent)]
    Connection(#[from] reqwest::Error),
    /// It has more bytes than are wanted.
    #[error("it has more bytes than are wanted")]
    TooLong,
}

/// An answer's body of so many bytes at most.
pub(crate) async fn body(mut answer: reqwest::Response, most: usize) -> Result<Vec<u8>, BodyError> {
    let said = answer.content_length().unwrap_or(0);
    if usize::try_from(said).map_or(true, |said| said > most) {
        return Err(BodyError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > most {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_judged_before_anything_is_sent() {
        let url = Url::parse("https://localhost:1/").expect("a URL");
        let judged = async |reach| addresses(&url, reach).await.map(|found| found.is_empty());
        assert_eq!(judged(Reach::Public).await, Err(Unreachable::Private));
        assert_eq!(judged(Reach::Loopback).await, Ok(false));
        assert_eq!(judged(Reach::Any).await, Ok(false));
        let url = Url::parse("https://10.1.2.3/").expect("a URL");
        let private = addresses(&url, Reach::Loopback).await;
        assert_eq!(private, Err(Unreachable::Private));
        let hosts = ["10.1.2.3:443".to_owned(), "other".to_owned()];
        assert!(names(&hosts, &url) && !names(&hosts[1..], &url));
    }

    #[test]
    fn hosts_are_named_in_any_case_and_form() {
        for (name, url, named) in [
            ("Feeds.Corp", "https://feeds.corp/a", true),
            ("FEEDS.corp:443", "https://Feeds.corp/a", true),
            ("feeds.corp:444", "https://feeds.corp/a", false),
            ("feeds.corp", "https://feeds.corp.example/a", false),
            ("fd00::1", "https://[fd00::1]/a", true),
            ("[FD00::1]:8443", "https://[fd00::1]:8443/a", true),
            ("fd00::1", "https://[fd00::1:1]/a", false),
            ("", "https://feeds.corp/a", false),
        ] {
            let parsed = Url::parse(url).expect("a URL");
            assert_eq!(names(&[name.to_owned()], &parsed), named, "{name} {url}");
        }
    }
}
