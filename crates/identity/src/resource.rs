//! What a token is asked for: scopes of v2 and the resource of v1.

use bartizan_contract::AppId;
use bartizan_contract::first_party::MICROSOFT_GRAPH;
use url::Url;
use uuid::Uuid;

use crate::refusal::Refusal;

/// The longest name that a resource has, in characters: `identifierUris` are no longer.
const NAME_LIMIT: usize = 255;

/// The name by which a request calls a resource: an identifier URI or an application id, spelled
/// as it was sent, because a token's `aud` repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceName(String);

impl ResourceName {
    /// Takes the name as it was sent.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names to look for in the directory, the likeliest first: the name itself, and the
    /// application id of `api://{id}`, which needs no registration. None for a name that is longer
    /// than any resource's.
    #[must_use]
    pub fn look_ups(&self) -> Vec<&str> {
        look_ups(&self.0)
    }
}

/// [`ResourceName::look_ups`] of a name.
#[must_use]
pub fn look_ups(name: &str) -> Vec<&str> {
    if is_too_long(name) {
        return Vec::new();
    }
    let bare = name.strip_prefix("api://").map(without_slash);
    let id = bare.filter(|id| is_guid(id));
    std::iter::once(name).chain(id).collect()
}

/// The id of `api://{id}` and `api://{id}/…`.
#[must_use]
pub fn id_in_api_uri(uri: &str) -> Option<Uuid> {
    let (scheme, rest) = uri.split_at_checked("api://".len())?;
    let id = rest.split('/').next().unwrap_or(rest);
    let is_one = scheme.eq_ignore_ascii_case("api://") && is_guid(id);
    is_one.then(|| id.parse().ok()).flatten()
}

/// The scopes of the OpenID protocol, which belong to no resource.
pub(crate) const OPENID_SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

/// A scope, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Which resource it is of.
    pub resource: ResourceName,
    /// The permission's name, or `.default`.
    pub permission: String,
}

impl Scope {
    /// Splits a scope at its last slash. Without one it is a scope of Microsoft Graph, named by
    /// its application id.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (resource, permission) = match text.rsplit_once('/') {
            Some((resource, permission)) => (resource.to_owned(), permission),
            None => (MICROSOFT_GRAPH.to_string(), text),
        };
        Self {
            resource: ResourceName(resource),
            permission: permission.to_owned(),
        }
    }

    /// Whether it stands for all that was granted.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.permission == ".default"
    }
}

/// The resource of an application's v2 request, whose scope must be one `{resource}/.default`.
///
/// # Errors
/// [`Refusal::ScopeOfSeveralResources`], [`Refusal::ScopeInvalid`] when `.default` is mixed with
/// names, [`Refusal::ScopeNotDefault`] for anything else.
pub fn of_application_scope(scope: &str) -> Result<ResourceName, Refusal> {
    let sent = || scope.chars().take(200).collect::<String>();
    let mut scopes = scope.split_ascii_whitespace().map(|text| {
        if OPENID_SCOPES.contains(&text) {
            return Err(Refusal::ScopeNotDefault { scope: sent() });
        }
        Ok(Scope::parse(text))
    });
    let first = scopes
        .next()
        .ok_or(Refusal::MissingParameter { name: "scope" })??;
    let mut defaults = first.is_default();
    let mut names = !first.is_default();
    for other in scopes {
        let other = other?;
        if without_slash(other.resource.as_str()) != without_slash(first.resource.as_str()) {
            return Err(Refusal::ScopeOfSeveralResources);
        }
        defaults |= other.is_default();
        names |= !other.is_default();
    }
    match (defaults, names) {
        (true, true) => Err(Refusal::ScopeInvalid { scope: sent() }),
        (false, _) => Err(Refusal::ScopeNotDefault { scope: sent() }),
        (true, false) if first.resource.as_str().is_empty() => {
            Err(Refusal::ScopeInvalid { scope: sent() })
        }
        (true, false) => Ok(first.resource),
    }
}

/// Whether a name is one of the server's own origins, which stand for every API that is served
/// there. Tools build the scope from the URL of the API, sometimes without its port: a trailing
/// slash and a missing port are tolerated, the host must be one of the list. Nothing else may follow
/// the authority, whatever a URL parser would make of it.
#[must_use]
pub fn is_own_origin<S: AsRef<str>>(name: &str, own_origins: &[S]) -> bool {
    // Not worth parsing for what the directory's names look like.
    if !is_bare_web_address(name) || is_too_long(name) {
        return false;
    }
    let Ok(named) = Url::parse(name) else {
        return false;
    };
    let plain = named.username().is_empty() && named.password().is_none();
    plain
        && own_origins.iter().any(|origin| {
            Url::parse(origin.as_ref()).is_ok_and(|own| {
                own.origin() == named.origin()
                    || (named.port().is_none()
                        && own.host() == named.host()
                        && own.scheme() == named.scheme())
            })
        })
}

/// Whether a token's `aud` names this resource of the contract's table: one of its URIs, a
/// trailing slash tolerated, its application id, or `api://` before that.
#[must_use]
pub fn accepts_audience(
    resource: &bartizan_contract::permissions::Resource,
    audience: &str,
) -> bool {
    if resource.accepts_audience(audience) || resource.answers_to(audience) {
        return true;
    }
    let id = audience.strip_prefix("api://").map(without_slash);
    id.filter(|id| is_guid(id))
        .and_then(|id| id.parse::<AppId>().ok())
        == Some(resource.app_id)
}

/// Whether a name is `http` or `https`, in any letter case, an authority, and at most one slash. Of
/// the text as it is: a parser takes `/a/..` for `/` and leaves tabs out.
fn is_bare_web_address(name: &str) -> bool {
    let Some((scheme, rest)) = name.split_once("://") else {
        return false;
    };
    let is_web = ["http", "https"]
        .iter()
        .any(|one| scheme.eq_ignore_ascii_case(one));
    let foreign = |c: char| matches!(c, '/' | '\\' | '?' | '#') || c.is_ascii_control() || c == ' ';
    is_web && !without_slash(rest).contains(foreign)
}

fn is_too_long(name: &str) -> bool {
    name.chars().nth(NAME_LIMIT).is_some()
}

fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.parse::<AppId>().is_ok()
}

#[cfg(test)]
mod tests {
    use bartizan_contract::operations::Api;
    use bartizan_contract::permissions::resource_of;

    use super::*;

    fn resource(scope: &str) -> String {
        of_application_scope(scope).unwrap().as_str().to_owned()
    }

    #[test]
    fn the_last_slash_splits() {
        for (scope, identifier) in [
            (
                "https://api.security.microsoft.com/.default",
                "https://api.security.microsoft.com",
            ),
            (
                "https://securitycenter.onmicrosoft.com/windowsatpservice/.default",
                "https://securitycenter.onmicrosoft.com/windowsatpservice",
            ),
            (
                "https://management.azure.com//.default",
                "https://management.azure.com/",
            ),
            (".default", "00000003-0000-0000-c000-000000000000"),
            (
                "fc780465-2017-40d4-a0c5-307022471b92/.default",
                "fc780465-2017-40d4-a0c5-307022471b92",
            ),
            ("api://bartizan/.default", "api://bartizan"),
            (" https://x/.default  https://x/.default", "https://x"),
        ] {
            assert_eq!(resource(scope), identifier, "{scope}");
        }
    }

    #[test]
    fn scopes_that_an_application_cannot_ask() {
        for (scope, code) in [
            (
                "https://api.security.microsoft.com/Incident.Read.All",
                1_002_012,
            ),
            ("https://api.security.microsoft.com", 1_002_012),
            ("openid", 1_002_012),
            ("https://x/.default openid", 1_002_012),
            ("https://x/.default https://x/Incident.Read", 70_011),
            ("https://x/.default https://y/.default", 700_022),
            ("/.default", 70_011),
            ("   ", 900_144),
        ] {
            assert_eq!(
                of_application_scope(scope).unwrap_err().code(),
                code,
                "{scope}"
            );
        }
    }

    #[test]
    fn an_api_uri_of_an_id_is_looked_up_by_the_id_too() {
        let id = "fc780465-2017-40d4-a0c5-307022471b92";
        let uri = format!("api://{id}");
        assert_eq!(ResourceName::new(&uri).look_ups(), [uri.as_str(), id]);
        assert_eq!(ResourceName::new("api://x").look_ups(), ["api://x"]);
        let mde = resource_of(Api::Mde).unwrap();
        assert!(accepts_audience(mde, &uri) && accepts_audience(mde, id));
        assert!(accepts_audience(
            mde,
            "https://api.securitycenter.windows.com/"
        ));
        assert!(!accepts_audience(mde, "https://api.security.microsoft.com"));
        assert!(!accepts_audience(
            mde,
            "https://api.securitycenter.windows.com.evil.example"
        ));
    }

    #[test]
    fn a_name_longer_than_any_resource_is_looked_up_nowhere() {
        let name = |length: usize| format!("api://{}", "x".repeat(length - "api://".len()));
        assert_eq!(ResourceName::new(&name(255)).look_ups(), [name(255)]);
        assert!(ResourceName::new(&name(256)).look_ups().is_empty());
        let zeros = format!("http://{}127.0.0.1", "0".repeat(256));
        assert!(!is_own_origin(&zeros, &["http://127.0.0.1:8080"]));
    }

    #[test]
    fn own_origins_with_and_without_port() {
        let own = ["https://localhost:8443", "http://127.0.0.1:8080"];
        for name in [
            "https://localhost:8443",
            "https://localhost:8443/",
            "https://localhost",
            "https://LOCALHOST/",
            "HTTPS://localhost:8443",
            "Https://localhost/",
            "http://127.0.0.1:8080",
        ] {
            assert!(is_own_origin(name, &own), "{name}");
        }
        for name in [
            "https://localhost:9999",
            "http://localhost:8443",
            "https://localhost:8443/api",
            "https://user@localhost:8443",
            "https://localhost.evil.example",
            "localhost:8443",
            "https://localhost:8443?x",
            "https://localhost:8443#",
            "https://localhost:8443/a/..",
            "https://localhost:8443/.",
            "https://localhost:8443//",
            "https:localhost:8443",
            "https:\\\\localhost:8443",
            "https://local\thost:8443",
            "httpsx://localhost:8443",
            "",
        ] {
            assert!(!is_own_origin(name, &own), "{name}");
        }
    }
}
