//! A workload's own token instead of a secret: whoever runs the workload (Kubernetes, a build service) writes a JWT to a
//! file and renews it there; the application trusts its issuer by a federated credential.

use std::path::PathBuf;

use futures::future::BoxFuture;

use super::{AccessToken, Credential, TokenRequest, ask_with_assertion};
use crate::error::Error;

/// An application's id and the file with the token that stands for it.
#[derive(Debug, Clone)]
pub struct WorkloadIdentity {
    client_id: String,
    file: PathBuf,
}

impl WorkloadIdentity {
    /// A credential of this application; the file (`AZURE_FEDERATED_TOKEN_FILE`) is read for every token, because it is
    /// renewed.
    pub fn new(client_id: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            client_id: client_id.into(),
            file: file.into(),
        }
    }
}

impl Credential for WorkloadIdentity {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            let assertion = tokio::fs::read_to_string(&self.file)
                .await
                .map_err(|error| {
                    Error::Configuration(format!("{}: {error}", self.file.display()))
                })?;
            ask_with_assertion(http, request, &self.client_id, assertion.trim()).await
        })
    }
}
