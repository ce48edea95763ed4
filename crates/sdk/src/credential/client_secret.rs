//! An application with a secret: the client credentials grant (RFC 6749 section 4.4).

use futures::future::BoxFuture;

use super::{AccessToken, Credential, TokenRequest, ask};
use crate::error::Error;

/// An application's id and secret.
#[derive(Clone)]
pub struct ClientSecret {
    client_id: String,
    secret: String,
}

impl ClientSecret {
    /// A credential of this application.
    pub fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            secret: secret.into(),
        }
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSecret")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Credential for ClientSecret {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            let proof = [("client_secret", self.secret.as_str())];
            ask(http, request, &self.client_id, &proof).await
        })
    }
}
