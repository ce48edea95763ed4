//! How a client proves who it is: one kind of credential a file.

mod anonymous;
mod browser;
mod cache;
mod client_certificate;
mod client_secret;
mod device_code;
mod person;
mod private_key;
mod workload_identity;

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

pub use anonymous::Anonymous;
pub use browser::Browser;
pub use cache::CachedToken;
pub(crate) use cache::TokenCache;
pub use client_certificate::ClientCertificate;
pub use client_secret::ClientSecret;
pub use device_code::{DeviceCode, DevicePrompt};
pub use workload_identity::WorkloadIdentity;

use crate::error::{Error, TokenError};

/// What a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    /// Sign-in host.
    pub authority: Url,
    /// Tenant id or domain.
    pub tenant: String,
    /// What it is for.
    pub target: Target,
}

/// What a token is for, in the words of one version of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `scope` of the v2 endpoint: `{resource}/.default` for an application.
    Scope(String),
    /// `resource` of the v1 endpoint, which many older scripts call.
    Resource(String),
}

impl TokenRequest {
    /// The tenant's token endpoint of the version that the target belongs to.
    pub(crate) fn endpoint(&self) -> Result<Url, Error> {
        self.at(match self.target {
            Target::Scope(_) => "oauth2/v2.0/token",
            Target::Resource(_) => "oauth2/token",
        })
    }

    /// An endpoint of the tenant.
    fn at(&self, path: &str) -> Result<Url, Error> {
        self.authority
            .join(&format!("/{}/{path}", self.tenant))
            .map_err(|error| Error::Configuration(format!("{}: {error}", self.authority)))
    }
}

/// An access token as the authority answered it.
#[derive(Clone)]
pub struct AccessToken {
    /// The token itself. Never printed by `Debug`.
    pub secret: String,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// The whole answer, the token in it.
    pub answer: Map<String, Value>,
}

impl<'de> serde::Deserialize<'de> for AccessToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let answer = Map::deserialize(deserializer)?;
        let secret = answer.get("access_token").and_then(Value::as_str);
        // The v1 endpoint writes its numbers as text.
        let expires_in = answer.get("expires_in").and_then(|value| match value {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        });
        Ok(Self {
            secret: secret
                .ok_or_else(|| D::Error::missing_field("access_token"))?
                .to_owned(),
            expires_in: expires_in.ok_or_else(|| D::Error::missing_field("expires_in"))?,
            answer,
        })
    }
}

impl AccessToken {
    /// How long the token lives from its issue.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_in)
    }
}

impl Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// A way to a token. Caching is not its concern: the client keeps tokens.
pub trait Credential: Debug + Send + Sync {
    /// Asks the authority for a token.
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>>;
}

/// Asks for an application's own token (RFC 6749 section 4.4) with a proof of who it is.
async fn ask(
    http: &reqwest::Client,
    request: &TokenRequest,
    client_id: &str,
    proof: &[(&str, &str)],
) -> Result<AccessToken, Error> {
    let url = request.endpoint()?;
    let target = match &request.target {
        Target::Scope(scope) => ("scope", scope.as_str()),
        Target::Resource(resource) => ("resource", resource.as_str()),
    };
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        target,
    ];
    form.extend_from_slice(proof);
    post(http, &url, &form).await
}

/// Posts a form to an endpoint of the authority.
async fn post<T: DeserializeOwned>(
    http: &reqwest::Client,
    url: &Url,
    form: &[(&str, &str)],
) -> Result<T, Error> {
    let answer = http
        .post(url.clone())
        .form(form)
        .send()
        .await
        .map_err(|error| Error::transport(url, &error))?;
    let status = answer.status();
    let body = answer
        .bytes()
        .await
        .map_err(|error| Error::transport(url, &error))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| Error::decode(url, error));
    }
    match serde_json::from_slice::<TokenError>(&body) {
        Ok(error) => Err(Error::Token(Box::new(TokenError { status, ..error }))),
        Err(_) => Err(Error::decode(
            url,
            format!("status {status} and no OAuth error"),
        )),
    }
}

/// [`ask`], with a JWT as the proof (RFC 7523 section 2.2).
async fn ask_with_assertion(
    http: &reqwest::Client,
    request: &TokenRequest,
    client_id: &str,
    assertion: &str,
) -> Result<AccessToken, Error> {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let proof = [
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
    ];
    ask(http, request, client_id, &proof).await
}
