//! Which endpoint a path is: letter case does not matter, doubled and trailing slashes are tolerated.

use bartizan_identity::Version;
use http::request::Parts;
use http::{Method, header};
use percent_encoding::percent_decode_str;

/// An endpoint of the authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/{tenant}/oauth2[/v2.0]/token`
    Token(Version, String),
    /// `/{tenant}[/v2.0]/.well-known/openid-configuration`
    Discovery(Version, String),
    /// `/{tenant}/discovery[/v2.0]/keys`
    Keys(Version),
    /// `/{tenant}/discovery/instance`
    Instance,
    /// `/{tenant}/userrealm/{user}`
    UserRealm(String),
    /// `/{tenant}/oauth2/nativeclient`
    NativeClient,
    /// `/{tenant}/oauth2[/v2.0]/devicecode`
    DeviceCode(Version, String),
    /// `/{tenant}/openid/userinfo`, or `/oidc/userinfo` without a tenant.
    UserInfo(Option<String>),
    /// `/{tenant}/oauth2[/v2.0]/authorize`
    Authorize(Version, String),
    /// `/{tenant}[/v2.0]/adminconsent`
    AdminConsent(Version, String),
    /// `/{tenant}/login`: the pages of a sign-in.
    Login,
    /// `/{tenant}/oauth2/deviceauth`, `/devicelogin`
    DevicePage,
    /// `/{tenant}/oauth2[/v2.0]/logout`
    Logout,
    /// `/mysecurityinfo`
    SecurityInfo,
    /// `/explain/{trace}`, for a person in a browser.
    Explain(String),
    /// `/signin/{file}`: style and scripts of the pages.
    Asset(String),
    /// `/error`
    ErrorLookup,
    /// `/`, asked for by a browser: what this server is.
    Start,
}

impl Endpoint {
    /// The endpoint of a path; `None` when there is none.
    pub(super) fn of(path: &str) -> Option<Self> {
        let segments = segments(path);
        let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let tenant = || segments[0].clone();
        Some(match lower.as_slice() {
            [] => Self::Start,
            ["error"] => Self::ErrorLookup,
            [_, "oauth2", "devicecode"] => Self::DeviceCode(Version::V1, tenant()),
            [_, "oauth2", "v2.0", "devicecode"] => Self::DeviceCode(Version::V2, tenant()),
            ["oidc", "userinfo"] => Self::UserInfo(None),
            [_, "openid", "userinfo"] => Self::UserInfo(Some(tenant())),
            ["devicelogin"] | [_, "oauth2", "deviceauth"] => Self::DevicePage,
            ["mysecurityinfo"] => Self::SecurityInfo,
            ["explain", _] => Self::Explain(segments[1].clone()),
            ["signin", _] => Self::Asset(segments[1].clone()),
            [_, "login"] => Self::Login,
            [_, "oauth2", "authorize"] => Self::Authorize(Version::V1, tenant()),
            [_, "oauth2", "v2.0", "authorize"] => Self::Authorize(Version::V2, tenant()),
            [_, "adminconsent"] => Self::AdminConsent(Version::V1, tenant()),
            [_, "v2.0", "adminconsent"] => Self::AdminConsent(Version::V2, tenant()),
            [_, "oauth2", "logout"] | [_, "oauth2", "v2.0", "logout"] => Self::Logout,
            [_, "oauth2", "token"] => Self::Token(Version::V1, tenant()),
            [_, "oauth2", "v2.0", "token"] => Self::Token(Version::V2, tenant()),
            [_, ".well-known", "openid-configuration"] => Self::Discovery(Version::V1, tenant()),
            [_, "v2.0", ".well-known", "openid-configuration"] => {
                Self::Discovery(Version::V2, tenant())
            }
            [_, "discovery", "keys"] => Self::Keys(Version::V1),
            [_, "discovery", "v2.0", "keys"] => Self::Keys(Version::V2),
            [_, "discovery", "instance"] => Self::Instance,
            [_, "userrealm", _] => Self::UserRealm(segments[2].clone()),
            [_, "oauth2", "nativeclient"] => Self::NativeClient,
            _ => return None,
        })
    }
}

/// Whether a path on an own origin belongs to the authorization server rather than to an API: its second segment says
/// so. On the cloud's sign-in hosts every path does.
pub(crate) fn owns(path: &str) -> bool {
    let segments = segments(path);
    let lower: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["oidc", "userinfo"] => true,
        ["error" | "devicelogin" | "mysecurityinfo"] => true,
        ["api" | "v1.0" | "beta" | "bartizan", ..] => false,
        ["signin", _] | [_, "login"] => true,
        [
            _,
            "oauth2" | ".well-known" | "discovery" | "userrealm" | "openid" | "adminconsent",
            ..,
        ] => true,
        [_, "v2.0", ".well-known" | "adminconsent", ..] => true,
        _ => false,
    }
}

/// Whether a person's browser asks for the origin itself. For programs there is nothing.
pub(crate) fn is_start(parts: &Parts) -> bool {
    asks_for_page(parts) && parts.uri.path() == "/"
}

/// Whether a browser asks for the page of an explanation, rather than a client of the API for its JSON: it names no
/// token, and would rather read HTML.
pub(crate) fn asks_for_explanation(parts: &Parts) -> bool {
    asks_for_page(parts)
        && !parts.headers.contains_key(header::AUTHORIZATION)
        && matches!(Endpoint::of(parts.uri.path()), Some(Endpoint::Explain(_)))
}

fn asks_for_page(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(header::ACCEPT);
    let page = accepted
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains("text/html"));
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    page && reads
}

/// The first segment of a path, decoded; empty without one.
pub(super) fn first_segment(path: &str) -> String {
    segments(path).into_iter().next().unwrap_or_default()
}

fn segments(path: &str) -> Vec<String> {
    let present = path.split('/').filter(|segment| !segment.is_empty());
    present
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_the_slack_that_clients_need() {
        for (path, endpoint) in [
            (
                "/T/oauth2/token",
                Endpoint::Token(Version::V1, "T".to_owned()),
            ),
            (
                "/t/OAuth2/v2.0/Token/",
                Endpoint::Token(Version::V2, "t".to_owned()),
            ),
            (
                "/common//.well-known/openid-configuration",
                Endpoint::Discovery(Version::V1, "common".to_owned()),
            ),
            ("/common/discovery/instance", Endpoint::Instance),
            ("/x/discovery/v2.0/keys", Endpoint::Keys(Version::V2)),
            (
                "/common/oauth2/authorize",
                Endpoint::Authorize(Version::V1, "common".to_owned()),
            ),
            (
                "/t.example/v2.0/adminconsent",
                Endpoint::AdminConsent(Version::V2, "t.example".to_owned()),
            ),
            ("/devicelogin", Endpoint::DevicePage),
            ("/t.example/login", Endpoint::Login),
            (
                "/common/UserRealm/a%40b.com",
                Endpoint::UserRealm("a@b.com".to_owned()),
            ),
        ] {
            assert_eq!(Endpoint::of(path).as_ref(), Some(&endpoint), "{path}");
            assert!(owns(path), "{path}");
        }
        assert_eq!(Endpoint::of("/t/oauth2/v2.0/tokens"), None);
    }

    #[test]
    fn the_apis_keep_their_paths() {
        for path in [
            "/api/incidents",
            "/v1.0/applications",
            "/v1.0/oauth2",
            "/",
            "/healthz",
            "/bartizan/discovery",
        ] {
            assert!(!owns(path), "{path}");
        }
        assert!(owns("/t/oauth2/unknown"));
    }
}
