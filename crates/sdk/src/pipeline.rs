//! The one way that calls leave: with a token, retried on 429 and 5xx as the answer says.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::client::Client;
use crate::cloud::Service;
use crate::error::{ApiError, Error};

/// How often and how patiently a call is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Further tries after the first.
    pub retries: u32,
    /// The first pause when the answer names none; doubled at each try.
    pub first_pause: Duration,
    /// No pause is longer; an answer that asks for more is returned as the error it is.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The pause before try number `attempt + 1`, or `None` when the answer is final.
    ///
    /// `jitter` (0 to 1) spreads clients that were refused together; it only ever lengthens a pause that the server
    /// asked for, because retrying early keeps being refused.
    fn pause(
        &self,
        attempt: u32,
        status: StatusCode,
        asked: Option<Duration>,
        idempotent: bool,
        jitter: f64,
    ) -> Option<Duration> {
        let refused_unprocessed = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        // A POST that broke with 500 may have been carried out: only what was not processed is sent again.
        let worthwhile = refused_unprocessed || (idempotent && status.is_server_error());
        if !worthwhile || attempt >= self.retries {
            return None;
        }
        let pause = match asked {
            Some(asked) => asked + asked.mul_f64(0.1 * jitter),
            None => self
                .first_pause
                .mul_f64(2f64.powi(attempt as i32) * (0.5 + jitter / 2.0)),
        };
        (pause <= self.longest_pause).then_some(pause)
    }
}

/// A call before it is sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which API, for the base address and the token.
    pub service: Service,
    /// HTTP method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// A body, with its media type.
    pub body: Option<(HeaderValue, bytes::Bytes)>,
    /// Further headers.
    pub headers: HeaderMap,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Where it came from.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: bytes::Bytes,
}

impl Answer {
    /// The body as JSON of type `T`.
    ///
    /// # Errors
    /// [`Error::Decode`] with the place in the body.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::decode(&self.url, error))
    }
}

impl Client {
    /// Sends a call with a token and retries.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn send(&self, call: Call) -> Result<Answer, Error> {
        let request = self.token_request(call.service);
        let idempotent = call.method != Method::POST && call.method != Method::PATCH;
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            let token = self
                .cache
                .token(&*self.credential, &self.http, &request)
                .await?;
            let answer = self.once(&call, &token.secret).await?;
            let status = answer.status();
            let asked = retry_after(answer.headers());
            let headers = answer.headers().clone();
            let body = answer
                .bytes()
                .await
                .map_err(|error| Error::transport(&call.url, &error))?;
            if status.is_success() {
                return Ok(Answer {
                    status,
                    url: call.url,
                    headers,
                    body,
                });
            }
            // A token may have been revoked while it was cached: once, ask for another.
            if status == StatusCode::UNAUTHORIZED && !renewed {
                renewed = true;
                self.cache.forget(&request).await;
                continue;
            }
            let Some(pause) = self
                .retry
                .pause(attempt, status, asked, idempotent, jitter())
            else {
                let error = ApiError::read(status, call.url, asked, &body);
                return Err(Error::Api(Box::new(error)));
            };
            tracing::debug!(%status, ?pause, url = %call.url, "trying again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call, token: &str) -> Result<reqwest::Response, Error> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Error::Configuration("the token is not a header value".to_owned()))?;
        bearer.set_sensitive(true);
        let mut request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone())
            .header(AUTHORIZATION, bearer);
        if let Some((media_type, body)) = &call.body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, media_type)
                .body(body.clone());
        }
        request
            .send()
            .await
            .map_err(|error| Error::transport(&call.url, &error))
    }
}

/// Whole seconds of `Retry-After` (RFC 9110 section 10.2.3); the services do not send dates.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// A number from 0 to 1 that differs between processes and calls; it need not be unpredictable.
fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        retries: 2,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(10),
    };

    fn pause(attempt: u32, status: u16, asked: Option<u64>, idempotent: bool) -> Option<Duration> {
        let status = StatusCode::from_u16(status).expect("a status");
        POLICY.pause(
            attempt,
            status,
            asked.map(Duration::from_secs),
            idempotent,
            1.0,
        )
    }

    #[test]
    fn waits_at_least_as_long_as_the_server_asks() {
        assert!(pause(0, 429, Some(5), false).expect("a pause") >= Duration::from_secs(5));
        assert_eq!(
            pause(0, 429, Some(3600), false),
            None,
            "an hour is for the caller to decide"
        );
    }

    #[test]
    fn backs_off_and_gives_up() {
        assert_eq!(pause(0, 503, None, false), Some(Duration::from_secs(1)));
        assert_eq!(pause(1, 503, None, false), Some(Duration::from_secs(2)));
        assert_eq!(pause(2, 503, None, false), None);
    }

    #[test]
    fn does_not_repeat_what_may_have_been_carried_out() {
        assert!(pause(0, 500, None, true).is_some());
        assert_eq!(pause(0, 500, None, false), None);
        assert_eq!(pause(0, 403, None, true), None);
    }
}
