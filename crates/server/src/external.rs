//! What `externaldata` may read: locations under the prefixes that the operator names (setting `external-data`).
//!
//! https alone, but for prefixes of this machine; redirects are followed within the prefixes. A host has addresses of the
//! internet, unless its prefix is an address itself or the operator names it (`external-hosts`). What a location has after
//! `?` may be a secret: no text and no log has it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bartizan_hunting::external::shown;
use bartizan_hunting::{ExternalError, ExternalReader};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::header;
use url::{Host, Url};

use crate::outbound::{self, BodyError, Reach, Unreachable};

/// How long the reading of one location may take, redirects included.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// What locations begin with: scheme, host, port and the first parts of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Url);

/// A prefix that cannot be used, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no prefix of locations: https://host/path/ is wanted, with neither user nor query, and http:// only for localhost and 127.0.0.1"
)]
pub struct PrefixError(String);

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let url = Url::parse(text).ok().filter(|url| {
            let scheme = match url.scheme() {
                "https" => url.host().is_some(),
                "http" => is_loopback(url),
                _ => false,
            };
            scheme && bare(url) && url.query().is_none() && url.fragment().is_none()
        });
        let wrong = || match text.contains("://") {
            true => PrefixError(shown(text)),
            false => PrefixError(format!("'{}'", text.split('?').next().unwrap_or_default())),
        };
        url.map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Prefix {
    /// Whether a location is under it; a part of the path counts as a whole.
    fn covers(&self, url: &Url) -> bool {
        let origin = (url.scheme(), url.host(), url.port_or_known_default());
        let (path, own) = (url.path(), self.0.path());
        // A server may take an encoded slash for a slash, and `..%2f` for a way out.
        let hidden = path.to_ascii_lowercase();
        let hidden = own != "/" && (hidden.contains("%2f") || hidden.contains("%5c"));
        let under = match path.strip_prefix(own) {
            Some(rest) => own.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        origin
            == (
                self.0.scheme(),
                self.0.host(),
                self.0.port_or_known_default(),
            )
            && under
            && !hidden
    }

    /// The host, which the operator knows by naming it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

fn bare(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads what is under the prefixes.
#[derive(Debug, Clone)]
pub struct Locations {
    prefixes: Vec<Prefix>,
    private_hosts: Vec<String>,
    timeout: Duration,
}

impl Locations {
    /// A reader; `private_hosts` may have addresses of a private network: `host` or `host:port`.
    #[must_use]
    pub fn new(prefixes: Vec<Prefix>, private_hosts: Vec<String>) -> Self {
        Self {
            prefixes,
            private_hosts,
            timeout: TIMEOUT,
        }
    }

    fn covers(&self, url: &Url) -> bool {
        bare(url) && self.prefixes.iter().any(|prefix| prefix.covers(url))
    }

    async fn fetch(&self, location: &str, most: usize) -> Result<Bytes, ExternalError> {
        let mut url = Url::parse(location)
            .ok()
            .filter(|url| self.covers(url))
            .ok_or(ExternalError::NotAllowed)?;
        if location.contains(';') {
            return Err(failed(
                "what follows a semicolon would be a credential, and none is sent; give an address that needs none, or one with a signature in its query",
            ));
        }
        if url.path().contains('*') {
            return Err(failed("wildcards are not there; name each file"));
        }
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask(&url).await?;
            let status = answer.status();
            if !status.is_redirection() {
                return accept(answer, most).await;
            }
            let target = answer.headers().get(header::LOCATION);
            let target = target.and_then(|target| target.to_str().ok());
            let target = target.and_then(|target| url.join(target).ok());
            let target = target.ok_or_else(|| failed("it redirects to nowhere"))?;
            if !self.covers(&target) {
                // Which hosts there are behind the allowed ones is for the operator alone.
                let origin = target.origin().ascii_serialization();
                tracing::info!(origin, "external data redirects to what no prefix names");
                return Err(failed(
                    "it redirects to where no prefix of 'external-data' leads",
                ));
            }
            url = target;
        }
        Err(failed("it redirects too often"))
    }

    /// Which addresses the host of a location may have.
    fn reach(&self, url: &Url) -> Reach {
        if url.scheme() == "http" {
            Reach::Loopback
        } else if is_loopback(url)
            || !matches!(url.host(), Some(Host::Domain(_)))
            || outbound::names(&self.private_hosts, url)
        {
            Reach::Any
        } else {
            Reach::Public
        }
    }

    async fn ask(&self, url: &Url) -> Result<reqwest::Response, ExternalError> {
        let addresses = outbound::addresses(url, self.reach(url)).await;
        let addresses = addresses.map_err(|error| match error {
            Unreachable::Unknown => failed(error.to_string()),
            Unreachable::Private => failed(
                "its host has an address of a private network; the server's setting 'external-hosts' would allow it",
            ),
        })?;
        let client = outbound::client(url, &addresses, self.timeout)
            .user_agent("bartizan")
            .build()
            .map_err(broken)?;
        client.get(url.clone()).send().await.map_err(broken)
    }
}

impl ExternalReader for Locations {
    fn read<'a>(
        &'a self,
        location: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Bytes, ExternalError>> {
        Box::pin(async move {
            tokio::time::timeout(self.timeout, self.fetch(location, most))
                .await
                .unwrap_or_else(|_elapsed| Err(failed("it did not answer in time")))
        })
    }
}

async fn accept(answer: reqwest::Response, most: usize) -> Result<Bytes, ExternalError> {
    let status = answer.status();
    if status != reqwest::StatusCode::OK {
        return Err(failed(format!(
            "it answered with status {}",
            status.as_u16()
        )));
    }
    match outbound::body(answer, most).await {
        Ok(body) => Ok(body.into()),
        Err(BodyError::TooLong) => Err(failed(format!("it has more than {most} bytes"))),
        Err(BodyError::Connection(error)) => Err(broken(error)),
    }
}

fn failed(why: impl Into<String>) -> ExternalError {
    ExternalError::Failed(why.into())
}

/// The cause may tell about the network here: it goes to the log, without the URL.
fn broken(error: reqwest::Error) -> ExternalError {
    let text = if error.is_timeout() {
        "it did not answer in time"
    } else {
        "no connection, or a certificate that is not trusted"
    };
    tracing::info!(error = %error.without_url(), "external data could not be read");
    failed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_prefix_is_https_or_of_this_machine() {
        for text in [
            "https://feeds.example/lists/",
            "https://feeds.example",
            "https://10.0.0.5:8443/",
            "http://127.0.0.1:9000/",
            "http://localhost/x",
            "http://[::1]/",
        ] {
            prefix(text);
        }
        for text in [
            "http://feeds.example/",
            "http://10.0.0.5/",
            "file:///etc/",
            "ftp://feeds.example/",
            "https://user:secret@feeds.example/",
            "https://feeds.example/?sig=secret",
            "feeds.example/lists",
            "",
        ] {
            let error = text.parse::<Prefix>().expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_location_is_under_a_prefix_by_whole_parts() {
        let locations = Locations::new(
            vec![
                prefix("https://feeds.example/lists"),
                prefix("https://open.example:444/"),
            ],
            Vec::new(),
        );
        for (text, covered) in [
            ("https://feeds.example/lists/a.csv", true),
            ("https://FEEDS.example:443/lists/a.csv?sig=x", true),
            ("https://feeds.example/lists", true),
            ("https://feeds.example/lists/b/../a.csv", true),
            ("https://open.example:444/any/thing", true),
            ("https://open.example:444/a%2fb", true),
            ("https://feeds.example/listserv/a.csv", false),
            ("https://feeds.example/lists/../secret", false),
            ("https://feeds.example/lists/%2e%2e/secret", false),
            ("https://feeds.example/lists/..%2fsecret", false),
            ("https://feeds.example/lists\\..\\secret", false),
            ("https://feeds.example:444/lists/a.csv", false),
            ("http://feeds.example/lists/a.csv", false),
            ("https://user@feeds.example/lists/a.csv", false),
            ("https://feeds.example.evil.example/lists/a.csv", false),
            ("https://feeds.example@evil.example/lists/a.csv", false),
            ("file:///lists/a.csv", false),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!(locations.covers(&url), covered, "{text}");
        }
    }

    #[test]
    fn a_name_leads_to_the_internet_unless_the_operator_says_more() {
        let hosts = vec!["Feeds.Corp".to_owned(), "lists.corp:8443".to_owned()];
        let locations = Locations::new(Vec::new(), hosts);
        for (text, reach) in [
            ("https://feeds.example/a", Reach::Public),
            ("https://feeds.corp.example/a", Reach::Public),
            ("https://lists.corp/a", Reach::Public),
            ("https://localhost.example/a", Reach::Public),
            ("https://feeds.corp/a", Reach::Any),
            ("https://feeds.corp:444/a", Reach::Any),
            ("https://LISTS.corp:8443/a", Reach::Any),
            ("https://10.0.0.5/a", Reach::Any),
            ("https://[fd00::1]/a", Reach::Any),
            ("https://localhost/a", Reach::Any),
            ("http://localhost/a", Reach::Loopback),
            ("http://127.0.0.1:9000/a", Reach::Loopback),
            ("http://feeds.corp/a", Reach::Loopback),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!(locations.reach(&url), reach, "{text}");
        }
    }

    #[tokio::test]
    async fn a_location_that_hangs_is_given_up_after_its_time() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let at = listener.local_addr().expect("an address");
        let silent = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                kept.push(connection);
            }
        });
        let named = format!("http://{at}/");
        let mut locations = Locations::new(vec![prefix(&named)], Vec::new());
        assert_eq!(locations.timeout, TIMEOUT);
        locations.timeout = Duration::from_millis(200);
        let started = std::time::Instant::now();
        let read = locations.read(&named, 10).await;
        assert_eq!(read, Err(failed("it did not answer in time")));
        assert!(started.elapsed() < TIMEOUT / 2);
        silent.abort();
    }

    #[tokio::test]
    async fn a_prefix_that_is_an_address_leads_there() {
        let read = |prefix: &str, location: &'static str| {
            let locations = Locations::new(vec![self::prefix(prefix)], Vec::new());
            async move { locations.read(location, 10).await.expect_err(location) }
        };
        // No server listens there: what matters is whether a connection was tried.
        let refused = failed("no connection, or a certificate that is not trusted");
        let named = "https://127.0.0.1:1/";
        assert_eq!(read(named, "https://127.0.0.1:1/a").await, refused);
        let local = read("https://localhost:1/", "https://localhost:1/a").await;
        assert_eq!(local, refused);
        assert_eq!(
            read(named, "https://127.0.0.1:2/a?sig=secret").await,
            ExternalError::NotAllowed
        );
    }
}
