//! How a client proves who it is: one kind of credential a file.

mod cache;
mod client_secret;

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;
use url::Url;

pub use cache::CachedToken;
pub(crate) use cache::TokenCache;
pub use client_secret::ClientSecret;

use crate::error::Error;

/// What a token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenRequest {
    /// Sign-in host.
    pub authority: Url,
    /// Tenant id or domain.
    pub tenant: String,
    /// Scope, `{resource}/.default` for an application.
    pub scope: String,
}

impl TokenRequest {
    /// The v2 token endpoint of the tenant.
    pub(crate) fn endpoint(&self) -> Result<Url, Error> {
        self.authority
            .join(&format!("/{}/oauth2/v2.0/token", self.tenant))
            .map_err(|error| Error::Configuration(format!("{}: {error}", self.authority)))
    }
}

/// An access token as the authority answered it.
#[derive(Clone, Deserialize)]
pub struct AccessToken {
    /// The token itself. Never printed by `Debug`.
    #[serde(rename = "access_token")]
    pub secret: String,
    /// Seconds until it expires.
    pub expires_in: u64,
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
