//! Which of its names a request addressed the server by.
//!
//! The own origins and the host aliases form an allow-list; no URL is ever built from a `Host` header that is not on
//! it (host-header injection into discovery documents and next links).

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use url::Url;

use crate::doors::Door;

/// A name that the server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Scheme, host and port as links should print them, without a trailing slash.
    pub base: String,
    /// Host without port, lower-case.
    pub host: String,
    /// Whether it is one of Microsoft's names, rather than an own origin.
    pub alias: bool,
}

impl Site {
    /// Whether browsers shall use TLS for this name from now on (RFC 6797). Not where they use none now (section 7.2),
    /// and not for this machine's own name: it is shared by every program that listens on it, and native clients wait
    /// for their answers on `http://localhost` with a port of their own.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        let number = self.host.starts_with('[') || self.host.parse::<IpAddr>().is_ok();
        let local = self.host == "localhost" || self.host.ends_with(".localhost");
        self.base.starts_with("https://") && !number && !local
    }
}

/// The names that this server answers to.
#[derive(Debug, Clone)]
pub struct Sites {
    /// The own origins, serialized: scheme, host, and the port where it is not the scheme's.
    own: Vec<String>,
    aliases: Vec<String>,
    public: Url,
}

impl Sites {
    /// Own origins follow from the listeners' addresses, plus what the operator allowed; `aliases` are host names,
    /// a leading dot meaning any subdomain.
    #[must_use]
    pub fn new(
        https: SocketAddr,
        http: SocketAddr,
        public: Option<&Url>,
        allowed: &[Url],
        aliases: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut own: Vec<Url> = public
            .cloned()
            .into_iter()
            .chain(allowed.iter().cloned())
            .collect();
        for (scheme, address) in [("https", https), ("http", http)] {
            let mut hosts = vec![
                "localhost".to_owned(),
                "127.0.0.1".to_owned(),
                "[::1]".to_owned(),
            ];
            if !address.ip().is_loopback() && !address.ip().is_unspecified() {
                hosts.push(bracketed(address.ip()));
            }
            let port = address.port();
            own.extend(
                hosts
                    .iter()
                    .filter_map(|host| Url::parse(&format!("{scheme}://{host}:{port}")).ok()),
            );
        }
        let public = public.cloned().unwrap_or_else(|| {
            // The first listener's own name; an address parsed above, so this cannot miss.
            own.iter()
                .find(|url| url.scheme() == "https")
                .cloned()
                .unwrap_or_else(|| own[0].clone())
        });
        let own = own
            .iter()
            .map(|url| url.origin().ascii_serialization())
            .collect();
        Self {
            own,
            aliases: aliases.into_iter().collect(),
            public,
        }
    }

    /// The origin to print where no request says which one to use.
    #[must_use]
    pub fn public(&self) -> &Url {
        &self.public
    }

    /// Every own origin, without trailing slashes: they are accepted as token resources too.
    pub fn own_origins(&self) -> impl Iterator<Item = String> + '_ {
        self.own.iter().cloned()
    }

    /// The same, as they are kept.
    #[must_use]
    pub fn own_origin_list(&self) -> &[String] {
        &self.own
    }

    /// The site of a request, or `None` when it named a host that is not served.
    #[must_use]
    pub fn of(&self, parts: &Parts) -> Option<Site> {
        let door = parts.extensions.get::<Door>()?;
        if let Door::Proxy(host) = door {
            // The tunnel's target decides; a client that then names another host is confused or probing.
            let named = authority(parts)?;
            return (named.host().eq_ignore_ascii_case(host)).then(|| alias_site(host));
        }
        let authority = authority(parts)?;
        let host = authority.host().to_ascii_lowercase();
        if self.is_alias(&host) && authority.port_u16().is_none_or(|port| port == 443) {
            return Some(alias_site(&host));
        }
        let scheme = if *door == Door::Https {
            "https"
        } else {
            "http"
        };
        let url = Url::parse(&format!("{scheme}://{authority}")).ok()?;
        // A reverse proxy ends TLS and forwards the public name over the plain listener.
        let behind_proxy = self.public.host() == url.host()
            && url
                .port()
                .is_none_or(|port| self.public.port_or_known_default() == Some(port));
        let named = url.origin().ascii_serialization();
        let base = match self.own.contains(&named) {
            true => named,
            false if behind_proxy => self.public.origin().ascii_serialization(),
            false => return None,
        };
        Some(Site {
            base,
            host,
            alias: false,
        })
    }

    fn is_alias(&self, host: &str) -> bool {
        self.aliases
            .iter()
            .any(|known| match known.strip_prefix('.') {
                Some(parent) => host
                    .strip_suffix(parent)
                    .is_some_and(|rest| rest.ends_with('.')),
                None => known == host,
            })
    }
}

fn alias_site(host: &str) -> Site {
    Site {
        base: format!("https://{host}"),
        host: host.to_owned(),
        alias: true,
    }
}

fn authority(parts: &Parts) -> Option<http::uri::Authority> {
    // HTTP/2 carries it in the URI, HTTP/1.1 in the Host header (RFC 9110 section 7.2).
    if let Some(authority) = parts.uri.authority() {
        return Some(authority.clone());
    }
    let mut hosts = parts.headers.get_all(http::header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?.parse().ok()?;
    hosts.next().is_none().then_some(host)
}

fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(public: Option<&str>) -> Sites {
        Sites::new(
            "127.0.0.1:8443".parse().expect("an address"),
            "127.0.0.1:8080".parse().expect("an address"),
            public.map(|url| url.parse().expect("a URL")).as_ref(),
            &[],
            [
                "login.windows.net".to_owned(),
                ".api.security.microsoft.com".to_owned(),
            ],
        )
    }

    fn of(sites: &Sites, door: Door, host: &str) -> Option<String> {
        let mut parts = http::Request::builder()
            .uri("/")
            .header("host", host)
            .body(())
            .expect("a request")
            .into_parts()
            .0;
        parts.extensions.insert(door);
        sites.of(&parts).map(|site| site.base)
    }

    #[test]
    fn tls_is_demanded_for_names_that_are_ours_alone() {
        let strict = |base: &str| {
            let url = Url::parse(base).expect("a URL");
            let host = url.host_str().expect("a host").to_owned();
            let base = base.to_owned();
            let alias = false;
            Site { base, host, alias }.is_strict()
        };
        assert!(strict("https://defender.lab.example:8443"));
        for other in [
            "http://defender.lab.example",
            "https://localhost:8443",
            "https://app.localhost",
            "https://127.0.0.1:8443",
            "https://[::1]:8443",
        ] {
            assert!(!strict(other), "{other}");
        }
    }

    #[test]
    fn knows_its_own_origins_by_scheme_and_port() {
        let sites = sites(None);
        let base = of(&sites, Door::Https, "localhost:8443");
        assert_eq!(base.as_deref(), Some("https://localhost:8443"));
        let base = of(&sites, Door::Http, "127.0.0.1:8080");
        assert_eq!(base.as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(of(&sites, Door::Https, "localhost:9999"), None);
        assert_eq!(of(&sites, Door::Https, "evil.example"), None);
    }

    #[test]
    fn answers_for_aliases_by_any_door() {
        let sites = sites(None);
        for door in [
            Door::Https,
            Door::Http,
            Door::Proxy("login.windows.net".to_owned()),
        ] {
            let base = of(&sites, door, "login.windows.net");
            assert_eq!(base.as_deref(), Some("https://login.windows.net"));
        }
        let tunnel = Door::Proxy("login.windows.net".to_owned());
        assert_eq!(of(&sites, tunnel, "graph.microsoft.com"), None);
    }

    #[test]
    fn a_reverse_proxy_may_forward_the_public_name() {
        let sites = sites(Some("https://hunt.example"));
        let base = of(&sites, Door::Http, "hunt.example");
        assert_eq!(base.as_deref(), Some("https://hunt.example"));
    }
}
