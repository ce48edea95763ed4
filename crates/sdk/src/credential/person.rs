//! What the credentials of people share: one sign-in, and a refresh token that serves every resource after it.

use std::fmt::Debug;

use tokio::sync::Mutex;

use super::{AccessToken, Target, TokenRequest, post};
use crate::error::{Error, TokenError};

/// The refresh token of a sign-in, kept in memory alone.
#[derive(Default)]
pub(super) struct SignIn(Mutex<Option<String>>);

impl Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn")
    }
}

impl SignIn {
    /// A token by the refresh token, or else by `interact`, which asks the person. One at a time: two calls that need
    /// tokens at once ask once.
    pub(super) async fn token(
        &self,
        http: &reqwest::Client,
        request: &TokenRequest,
        client_id: &str,
        interact: impl Future<Output = Result<AccessToken, Error>>,
    ) -> Result<AccessToken, Error> {
        let mut kept = self.0.lock().await;
        if let Some(refresh_token) = kept.take() {
            let scope = scope(&request.target);
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("refresh_token", refresh_token.as_str()),
                ("scope", scope.as_str()),
            ];
            match post::<AccessToken>(http, &request.at("oauth2/v2.0/token")?, &form).await {
                Ok(token) => {
                    *kept = refresh_token_of(&token).or(Some(refresh_token));
                    return Ok(token);
                }
                // The sign-in is over, or does not reach so far: the person is asked again.
                Err(Error::Token(refusal)) if is_for_the_person(&refusal) => {}
                Err(error) => {
                    *kept = Some(refresh_token);
                    return Err(error);
                }
            }
        }
        let token = interact.await?;
        *kept = refresh_token_of(&token);
        Ok(token)
    }
}

fn is_for_the_person(refusal: &TokenError) -> bool {
    matches!(
        refusal.error.as_str(),
        "invalid_grant" | "interaction_required" | "consent_required"
    )
}

fn refresh_token_of(token: &AccessToken) -> Option<String> {
    let text = token.answer.get("refresh_token")?.as_str()?;
    Some(text.to_owned())
}

/// What is asked for, with a refresh token: in the words of the v2 endpoint, which people's grants here speak.
pub(super) fn scope(target: &Target) -> String {
    match target {
        Target::Scope(scope) => format!("{scope} offline_access"),
        Target::Resource(resource) => format!("{resource}/.default offline_access"),
    }
}
