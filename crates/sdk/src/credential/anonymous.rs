//! Nobody: for documents that need no token.

use futures::future::BoxFuture;

use super::{AccessToken, Credential, TokenRequest};
use crate::error::Error;

/// No credential: every call that needs a token fails before it is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

impl Credential for Anonymous {
    fn token<'a>(
        &'a self,
        _: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            Err(Error::Configuration(format!(
                "a token of tenant {} is needed, and there is no credential",
                request.tenant
            )))
        })
    }
}
