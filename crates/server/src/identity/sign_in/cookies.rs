//! Cookies of the pages: which browser it is, and who is signed in there.
//!
//! Both are random, unreadable for scripts and `SameSite=Lax`: an application sends people here by navigating to us,
//! which carries Lax cookies; its own posts to us never need them (a cross-site POST to `/authorize` is turned into a
//! GET), and an answer by `form_post` is a post to the application, not to us. `None` would only open the pages to
//! forgery. Where the site has TLS the names have the prefix `__Host-`, so that no other host and no plain connection
//! can plant one.

use http::{HeaderMap, HeaderValue, header};

use crate::site::Site;

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::identity) enum Cookie {
    /// Binds a sign-in under way to its browser.
    Browser,
    /// The sessions of this browser, separated by dots.
    Sessions,
}

impl Cookie {
    fn name(self, site: &Site) -> String {
        let name = match self {
            Self::Browser => "bartizan-browser",
            Self::Sessions => "bartizan-sessions",
        };
        if is_secure(site) {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        }
    }

    /// The value that the browser sent; `None` when there is none, or two: somebody planted one.
    pub(in crate::identity) fn of(self, site: &Site, headers: &HeaderMap) -> Option<String> {
        let name = self.name(site);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(n, _)| *n == name)
            .map(|(_, value)| value.to_owned());
        let first = found.next()?;
        let sound = found.next().is_none()
            && first.len() < 1_024
            && first
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        sound.then_some(first)
    }

    /// The header that sets it: for `seconds`, or until the browser ends. Zero removes it.
    pub(in crate::identity) fn set(
        self,
        site: &Site,
        value: &str,
        seconds: Option<i64>,
    ) -> Option<HeaderValue> {
        let age = seconds.map_or(String::new(), |seconds| format!("; Max-Age={seconds}"));
        let secure = if is_secure(site) { "; Secure" } else { "" };
        let name = self.name(site);
        let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}");
        HeaderValue::try_from(line).ok()
    }
}

fn is_secure(site: &Site) -> bool {
    site.base.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str) -> Site {
        Site {
            base: base.to_owned(),
            host: "localhost".to_owned(),
            alias: false,
        }
    }

    #[test]
    fn names_follow_the_scheme() {
        let (safe, plain) = (
            site("https://localhost:8443"),
            site("http://localhost:8080"),
        );
        let header = Cookie::Browser.set(&safe, "x", Some(60)).unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            "__Host-bartizan-browser=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        let header = Cookie::Sessions.set(&plain, "x", None).unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            "bartizan-sessions=x; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_doubled_cookie_is_no_cookie() {
        let site = site("http://localhost:8080");
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; bartizan-browser=x"),
        );
        assert_eq!(Cookie::Browser.of(&site, &headers).as_deref(), Some("x"));
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("bartizan-browser=y"),
        );
        assert_eq!(Cookie::Browser.of(&site, &headers), None);
    }
}
