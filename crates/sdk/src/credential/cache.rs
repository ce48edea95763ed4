//! Tokens kept until shortly before they expire, so that a thousand calls ask the authority once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::{AccessToken, Credential, TokenRequest};
use crate::error::Error;

/// Tokens are renewed this long before they expire, as Microsoft's own libraries do.
const EARLY: Duration = Duration::from_secs(300);

/// A token and when it must no longer be used.
#[derive(Debug, Clone)]
pub struct CachedToken {
    /// The token.
    pub token: AccessToken,
    renew_at: Instant,
}

impl CachedToken {
    fn new(token: AccessToken, now: Instant) -> Self {
        // A token that lives no longer than the margin is used for half its life instead of never.
        let lifetime = token.lifetime();
        let usable = if lifetime > EARLY {
            lifetime - EARLY
        } else {
            lifetime / 2
        };
        Self {
            token,
            renew_at: now + usable,
        }
    }

    fn usable(&self, now: Instant) -> bool {
        now < self.renew_at
    }
}

type Slot = Arc<Mutex<Option<CachedToken>>>;

/// Tokens by what they were asked for. One request per key is under way at a time; the others wait for it.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    slots: Mutex<HashMap<TokenRequest, Slot>>,
}

impl TokenCache {
    pub(crate) async fn token(
        &self,
        credential: &dyn Credential,
        http: &reqwest::Client,
        request: &TokenRequest,
    ) -> Result<AccessToken, Error> {
        let slot = Arc::clone(self.slots.lock().await.entry(request.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some(cached) = slot.as_ref().filter(|cached| cached.usable(Instant::now())) {
            return Ok(cached.token.clone());
        }
        let token = credential.token(http, request).await?;
        *slot = Some(CachedToken::new(token.clone(), Instant::now()));
        Ok(token)
    }

    /// Forgets a token that the API refused, so that the next call asks for a new one.
    pub(crate) async fn forget(&self, request: &TokenRequest) {
        self.slots.lock().await.remove(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(expires_in: u64, now: Instant) -> CachedToken {
        CachedToken::new(
            AccessToken {
                secret: "t".to_owned(),
                expires_in,
                answer: serde_json::Map::new(),
            },
            now,
        )
    }

    #[test]
    fn a_token_is_renewed_five_minutes_early() {
        let now = Instant::now();
        let token = cached(3599, now);
        assert!(token.usable(now + Duration::from_secs(3298)));
        assert!(!token.usable(now + Duration::from_secs(3299)));
    }

    #[test]
    fn a_short_lived_token_is_still_used() {
        let now = Instant::now();
        let token = cached(60, now);
        assert!(token.usable(now + Duration::from_secs(29)));
        assert!(!token.usable(now + Duration::from_secs(30)));
    }
}
