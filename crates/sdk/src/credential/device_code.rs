//! A person who signs in elsewhere: the device authorization grant (RFC 8628), for terminals without a browser.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde::Deserialize;

use super::person::{SignIn, scope};
use super::{AccessToken, Credential, TokenRequest, post};
use crate::error::Error;

/// Seconds between two polls when the answer names none (RFC 8628 section 3.2), and what `slow_down` adds (3.5).
const INTERVAL: u64 = 5;

/// What the person is to be told.
#[derive(Clone, Deserialize)]
pub struct DevicePrompt {
    /// Where to go.
    pub verification_uri: String,
    /// What to type there.
    pub user_code: String,
    /// Both in a sentence, as the authority words it.
    #[serde(default)]
    pub message: String,
    /// Seconds for which the code is good.
    pub expires_in: u64,
    device_code: String,
    #[serde(default = "interval")]
    interval: u64,
}

const fn interval() -> u64 {
    INTERVAL
}

impl Debug for DevicePrompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the codes: whoever has them could sign in as whom the person is.
        f.debug_struct("DevicePrompt")
            .field("verification_uri", &self.verification_uri)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// A public client whose person is told a code and an address, and signs in there. Further resources come by the refresh
/// token of the one sign-in.
pub struct DeviceCode {
    client_id: String,
    tell: Box<dyn Fn(&DevicePrompt) + Send + Sync>,
    sign_in: SignIn,
}

impl DeviceCode {
    /// A credential of this application, which must be a public client; `tell` shows the person what to do.
    pub fn new(
        client_id: impl Into<String>,
        tell: impl Fn(&DevicePrompt) + Send + Sync + 'static,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            tell: Box::new(tell),
            sign_in: SignIn::default(),
        }
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        request: &TokenRequest,
    ) -> Result<AccessToken, Error> {
        let scope = scope(&request.target);
        let form = [("client_id", self.client_id.as_str()), ("scope", &scope)];
        let url = request.at("oauth2/v2.0/devicecode")?;
        let prompt: DevicePrompt = post(http, &url, &form).await?;
        (self.tell)(&prompt);
        self.poll(http, request, &prompt).await
    }

    async fn poll(
        &self,
        http: &reqwest::Client,
        request: &TokenRequest,
        prompt: &DevicePrompt,
    ) -> Result<AccessToken, Error> {
        let url = request.at("oauth2/v2.0/token")?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", self.client_id.as_str()),
            ("device_code", prompt.device_code.as_str()),
        ];
        let started = Instant::now();
        let mut pause = prompt.interval;
        loop {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            match post(http, &url, &form).await {
                Err(Error::Token(refusal)) if refusal.error == "authorization_pending" => {}
                Err(Error::Token(refusal)) if refusal.error == "slow_down" => pause += INTERVAL,
                done => return done,
            }
            if started.elapsed() > Duration::from_secs(prompt.expires_in) {
                return Err(Error::Configuration(
                    "nobody signed in before the code expired; run the command again".to_owned(),
                ));
            }
        }
    }
}

impl Debug for DeviceCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceCode")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Credential for DeviceCode {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            let ask = self.ask(http, request);
            self.sign_in
                .token(http, request, &self.client_id, ask)
                .await
        })
    }
}
