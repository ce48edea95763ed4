//! Redirect URIs: which kind of client a URI belongs to, and whether one that was sent is one that
//! was registered.
//!
//! The comparison is exact (RFC 9700 section 2.1). The one exception is the port of a loopback
//! address, which a native client learns only when it starts (RFC 8252 section 7.3).

use serde::{Deserialize, Serialize};
use url::Url;

/// The kind of client that a redirect URI is registered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// A server: it has a credential.
    Web,
    /// A page in a browser: it has none, and redeems codes across origins.
    Spa,
    /// A program on a device: it has none.
    PublicClient,
}

/// An application's redirect URIs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirectUris {
    /// Of confidential web applications.
    pub web: Vec<String>,
    /// Of single-page applications.
    pub spa: Vec<String>,
    /// Of native applications.
    pub public_client: Vec<String>,
}

/// The page on which native clients without a loopback listener end.
const NATIVE_CLIENT: &str = "/common/oauth2/nativeclient";
/// That page at Microsoft's sign-in host, as applications register it.
const NATIVE_CLIENT_CLOUD: &str = "https://login.microsoftonline.com/common/oauth2/nativeclient";

impl RedirectUris {
    fn all(&self) -> impl Iterator<Item = (Platform, &String)> {
        let web = self.web.iter().map(|uri| (Platform::Web, uri));
        let spa = self.spa.iter().map(|uri| (Platform::Spa, uri));
        let native = self.public_client.iter();
        web.chain(spa)
            .chain(native.map(|uri| (Platform::PublicClient, uri)))
    }

    /// The URI that answers go to when a request names none.
    #[must_use]
    pub fn first(&self) -> Option<(Platform, &str)> {
        self.all()
            .next()
            .map(|(platform, uri)| (platform, uri.as_str()))
    }

    /// The platform that a URI is registered for, `None` when it is not registered. The page for
    /// native clients counts under each of the server's own origins once it is registered.
    #[must_use]
    pub fn platform_of<S: AsRef<str>>(&self, sent: &str, own_origins: &[S]) -> Option<Platform> {
        let here = own_origins
            .iter()
            .any(|origin| sent.strip_prefix(origin.as_ref()) == Some(NATIVE_CLIENT));
        let sent = if here { NATIVE_CLIENT_CLOUD } else { sent };
        // Spelled alike comes before alike but for a port.
        let spelled = self.all().find(|(_, uri)| *uri == sent);
        let (platform, _) = spelled.or_else(|| self.all().find(|(_, uri)| same(uri, sent)))?;
        Some(platform)
    }

    /// Whether a URI is one of these with further path segments (`/adminconsent` of v1 tolerates
    /// them). Nothing but segments: no query, no fragment, no dots.
    #[must_use]
    pub fn extends(&self, sent: &str) -> bool {
        let dotted = |rest: &str| {
            let lower = rest.to_ascii_lowercase();
            let decoded = lower.replace("%2e", ".").replace("%2f", "/");
            // Browsers drop tabs and line breaks wherever they stand, and read a backslash as a slash.
            !rest.bytes().all(|b| b.is_ascii_graphic())
                || decoded.contains('\\')
                || decoded.contains("%5c")
                || decoded.split('/').any(|s| s == "." || s == "..")
        };
        self.all().any(|(_, uri)| {
            let base = uri.trim_end_matches('/');
            Url::parse(uri).is_ok_and(|u| u.query().is_none() && u.fragment().is_none())
                && sent.strip_prefix(base).is_some_and(|rest| {
                    rest.starts_with('/') && !rest.contains(['?', '#']) && !dotted(rest)
                })
        })
    }
}

/// Whether two URIs are the same: letter for letter but for the host's case, and for the port of a
/// loopback address.
fn same(registered: &str, sent: &str) -> bool {
    let (Some(a), Some(b)) = (Parts::of(registered), Parts::of(sent)) else {
        return false;
    };
    let loopback = matches!(
        a.host.to_ascii_lowercase().as_str(),
        "localhost" | "127.0.0.1"
    );
    a.scheme == b.scheme
        && a.host.eq_ignore_ascii_case(b.host)
        && (a.port == b.port || (loopback && matches!(a.scheme, "http" | "https")))
        && a.rest_with_root() == b.rest_with_root()
}

/// A URI cut at its punctuation, nothing decoded or resolved: `http://h/a/../b` stays what it is.
struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(uri: &'a str) -> Option<Self> {
        let (scheme, after) = uri.split_once("://")?;
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        // Nobody registers a user name, and one in front of the host only misleads.
        let odd =
            |c: char| c == '@' || c == '\\' || c == '%' || c.is_whitespace() || c.is_control();
        if authority.contains(odd) || uri.contains('#') {
            return None;
        }
        let (host, port) = match authority.split_once(':') {
            None => (authority, ""),
            // A colon without a port is another spelling.
            Some((_, "")) => return None,
            Some(parts) => parts,
        };
        let plain_port = port.bytes().all(|b| b.is_ascii_digit());
        plain_port.then_some(Self {
            scheme,
            host,
            port,
            rest,
        })
    }

    /// Path and query; an empty path is the root.
    fn rest_with_root(&self) -> String {
        match self.rest {
            rest if rest.starts_with('/') => rest.to_owned(),
            rest => format!("/{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris() -> RedirectUris {
        let list = |uris: &[&str]| uris.iter().map(|u| (*u).to_owned()).collect();
        RedirectUris {
            web: list(&["https://app.example/cb", "https://app.example/q?x=1"]),
            spa: list(&["https://spa.example/"]),
            public_client: list(&[
                "http://localhost",
                "http://127.0.0.1/cb",
                "msal://auth",
                NATIVE_CLIENT_CLOUD,
            ]),
        }
    }

    fn platform(sent: &str) -> Option<Platform> {
        uris().platform_of(sent, &["https://localhost:8443"])
    }

    #[test]
    fn what_is_registered_is_found() {
        for (sent, expected) in [
            ("https://app.example/cb", Platform::Web),
            ("https://APP.example/cb", Platform::Web),
            ("https://app.example/q?x=1", Platform::Web),
            ("https://spa.example", Platform::Spa),
            ("http://localhost", Platform::PublicClient),
            ("http://localhost:50123", Platform::PublicClient),
            ("http://localhost:50123/", Platform::PublicClient),
            ("http://127.0.0.1:9/cb", Platform::PublicClient),
            ("msal://auth", Platform::PublicClient),
            (NATIVE_CLIENT_CLOUD, Platform::PublicClient),
            (
                "https://localhost:8443/common/oauth2/nativeclient",
                Platform::PublicClient,
            ),
        ] {
            assert_eq!(platform(sent), Some(expected), "{sent}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for sent in [
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://app.example/cb?x=1",
            "https://app.example/cb/../cb",
            "https://app.example/%63b",
            "https://app.example:444/cb",
            "https://app.example:/cb",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "https://app.example/cb#x",
            "http://app.example/cb",
            "//app.example/cb",
            "http://localhost:1@evil.example/",
            "http://localhost.evil.example:1/",
            "http://localhost:1/cb",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "https://localhost:1",
            "https://evil.example/common/oauth2/nativeclient",
            "msal://other",
            "",
        ] {
            assert_eq!(platform(sent), None, "{sent}");
        }
    }

    #[test]
    fn further_segments_for_v1_consent() {
        let uris = uris();
        assert!(uris.extends("https://app.example/cb/done"));
        for sent in [
            "https://app.example/cbdone",
            "https://app.example/cb/../../x",
            "https://app.example/cb/%2e%2e/x",
            "https://app.example/cb/.\t./x",
            "https://app.example/cb/.%2e/x",
            "https://app.example/cb/\\../x",
            "https://app.example/cb/ ",
            "https://app.example/cb/x?y",
            "https://app.example/cb/x#y",
            "https://app.example/q/x",
        ] {
            assert!(!uris.extends(sent), "{sent}");
        }
    }
}
