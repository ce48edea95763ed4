//! Instance discovery: whether a host is an authorization server that this one vouches for, and
//! by which other names it is known.

use bartizan_contract::hosts::{CLOUD_INSTANCES, Service, service_of};
use serde_json::{Value as Json, json};
use url::Url;

use crate::refusal::Refusal;
use crate::tenant::TenantPath;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct InstanceRequest<'a> {
    /// `authorization_endpoint`: a URL of the host in question.
    pub authorization_endpoint: Option<&'a str>,
    /// The server's own origins, which are known beside the cloud's hosts.
    pub own_origins: &'a [String],
}

/// Answers instance discovery.
///
/// # Errors
/// [`Refusal::InstanceMalformed`] without a usable URL, [`Refusal::InstanceUnknown`] for a host
/// that is neither one of the cloud's nor our own.
pub fn instance_discovery(request: InstanceRequest<'_>) -> Result<Json, Refusal> {
    let asked = request
        .authorization_endpoint
        .and_then(|text| Url::parse(text).ok())
        .filter(|url| url.host_str().is_some())
        .ok_or(Refusal::InstanceMalformed)?;
    let origin = vouched(&asked, request.own_origins).ok_or(Refusal::InstanceUnknown)?;
    let mut segments = asked.path_segments().into_iter().flatten();
    let tenant = TenantPath::parse(segments.next().unwrap_or_default())
        .map_err(|_| Refusal::InstanceMalformed)?;
    let version = if asked.path().contains("/oauth2/v2.0/") {
        "/v2.0"
    } else {
        ""
    };
    let metadata: Vec<Json> = CLOUD_INSTANCES
        .iter()
        .map(|cloud| {
            json!({
                "preferred_network": cloud.preferred_network,
                "preferred_cache": cloud.preferred_cache,
                "aliases": cloud.aliases,
            })
        })
        .collect();
    Ok(json!({
        "tenant_discovery_endpoint":
            format!("{origin}/{}{version}/.well-known/openid-configuration", tenant.word()),
        "api-version": "1.1",
        "metadata": metadata,
    }))
}

/// The origin to answer with. MSAL for Python drops the port of the host it asks about: then the
/// own origin with that host is meant.
fn vouched(asked: &Url, own_origins: &[String]) -> Option<String> {
    let host = asked.host_str()?;
    if asked.port().is_none() && service_of(host) == Some(Service::Login) {
        return Some(format!("https://{host}"));
    }
    let own = own_origins.iter().filter_map(|o| Url::parse(o).ok());
    let mut same_host: Vec<Url> = own.filter(|o| o.host() == asked.host()).collect();
    if let Some(exact) = same_host.iter().find(|o| o.origin() == asked.origin()) {
        return Some(exact.origin().ascii_serialization());
    }
    if asked.port().is_some() {
        return None;
    }
    same_host.retain(|o| o.scheme() == asked.scheme());
    same_host.first().map(|o| o.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(endpoint: Option<&str>) -> Result<Json, u32> {
        let own_origins = [
            "https://localhost:8443".to_owned(),
            "http://localhost:8080".to_owned(),
        ];
        instance_discovery(InstanceRequest {
            authorization_endpoint: endpoint,
            own_origins: &own_origins,
        })
        .map_err(|refusal| refusal.code())
    }

    #[test]
    fn known_hosts_are_vouched_for() {
        for (asked, answer) in [
            (
                "https://login.windows.net/common/oauth2/v2.0/authorize",
                "https://login.windows.net/common/v2.0/.well-known/openid-configuration",
            ),
            (
                "https://login.microsoftonline.com/contoso.com/oauth2/authorize",
                "https://login.microsoftonline.com/contoso.com/.well-known/openid-configuration",
            ),
            (
                "https://localhost:8443/common/oauth2/v2.0/authorize",
                "https://localhost:8443/common/v2.0/.well-known/openid-configuration",
            ),
            (
                "https://localhost/common/oauth2/v2.0/authorize",
                "https://localhost:8443/common/v2.0/.well-known/openid-configuration",
            ),
        ] {
            let body = ask(Some(asked)).unwrap();
            assert_eq!(body["tenant_discovery_endpoint"], answer);
            assert_eq!(body["metadata"].as_array().unwrap().len(), 5);
        }
    }

    #[test]
    fn others_are_not() {
        for (asked, code) in [
            (Some("https://evil.example/common/oauth2/authorize"), 50_049),
            (Some("https://localhost:1/common/oauth2/authorize"), 50_049),
            (
                Some("https://login.microsoftonline.com:8/common/oauth2/authorize"),
                50_049,
            ),
            (Some("https://graph.microsoft.com/common"), 50_049),
            (Some("nonsense"), 50_050),
            (None, 50_050),
        ] {
            assert_eq!(ask(asked).unwrap_err(), code, "{asked:?}");
        }
    }
}
