//! An application with a secret: the client credentials grant (RFC 6749 section 4.4).

use futures::future::BoxFuture;

use super::{AccessToken, Credential, Target, TokenRequest};
use crate::error::{Error, TokenError};

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
            let url = request.endpoint()?;
            let target = match &request.target {
                Target::Scope(scope) => ("scope", scope.as_str()),
                Target::Resource(resource) => ("resource", resource.as_str()),
            };
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", &self.client_id),
                ("client_secret", &self.secret),
                target,
            ];
            let answer = http
                .post(url.clone())
                .form(&form)
                .send()
                .await
                .map_err(|error| Error::transport(&url, &error))?;
            let status = answer.status();
            let body = answer
                .bytes()
                .await
                .map_err(|error| Error::transport(&url, &error))?;
            if status.is_success() {
                return serde_json::from_slice(&body).map_err(|error| Error::decode(&url, error));
            }
            match serde_json::from_slice::<TokenError>(&body) {
                Ok(error) => Err(Error::Token(Box::new(TokenError { status, ..error }))),
                Err(_) => Err(Error::decode(
                    &url,
                    format!("status {status} and no OAuth error"),
                )),
            }
        })
    }
}
