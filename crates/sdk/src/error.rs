//! What a call can come back with.

use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority refused a token.
    #[error("{0}")]
    Token(Box<TokenError>),
    /// The API answered with an error.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// The server could not be reached, or the connection broke.
    #[error("{url}: {message}")]
    Transport {
        /// What was called.
        url: Box<Url>,
        /// The chain of causes, outermost first.
        message: String,
        /// Whether nobody listens there, so that nothing was sent.
        refused: bool,
    },
    /// The answer is not what this API answers.
    #[error("{url}: unexpected answer: {message}")]
    Decode {
        /// What was called.
        url: Box<Url>,
        /// What did not fit.
        message: String,
    },
    /// The client cannot be built so.
    #[error("{0}")]
    Configuration(String),
}

impl Error {
    /// The HTTP status, when the server answered.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Token(error) => Some(error.status),
            Self::Api(error) => Some(error.status),
            _ => None,
        }
    }

    pub(crate) fn transport(url: &Url, error: &reqwest::Error) -> Self {
        Self::Transport {
            url: Box::new(url.clone()),
            message: chain(error),
            refused: refused(error),
        }
    }

    pub(crate) fn decode(url: &Url, message: impl ToString) -> Self {
        Self::Decode {
            url: Box::new(url.clone()),
            message: message.to_string(),
        }
    }
}

/// Whether the other side refused the connection.
fn refused(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        next = error.source();
    }
    false
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let part = error.to_string();
        // A cause whose text its parent already repeats adds nothing.
        if !text.contains(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        next = error.source();
    }
    text
}

/// An OAuth error answer (RFC 6749 section 5.2) with Entra's additions.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenError {
    /// HTTP status.
    #[serde(skip)]
    pub status: StatusCode,
    /// OAuth error code.
    pub error: String,
    /// Text that begins with the AADSTS code.
    #[serde(default)]
    pub error_description: String,
    /// AADSTS numbers.
    #[serde(default)]
    pub error_codes: Vec<u32>,
    /// Identifies this refusal at the server.
    pub trace_id: Option<String>,
    /// Identifies the request at the client.
    pub correlation_id: Option<String>,
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.error_description.is_empty() {
            write!(f, "token refused: {}", self.error)
        } else {
            write!(
                f,
                "token refused: {}: {}",
                self.error, self.error_description
            )
        }
    }
}

/// An error answer of one of the three APIs.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// `error.code`, or the status's name when the answer has no envelope.
    pub code: String,
    /// `error.message`.
    pub message: String,
    /// `error.target` or Graph's `request-id`: what to quote when asking about this answer.
    pub tracking: Option<String>,
    /// What was called.
    pub url: Url,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.status.as_u16(),
            self.code,
            self.message
        )?;
        match &self.tracking {
            Some(id) => write!(f, " (tracking id {id})"),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    error: Body,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    target: Option<String>,
    #[serde(rename = "innerError")]
    inner: Option<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

impl ApiError {
    /// Reads an error answer of any of the three dialects; text that is no envelope becomes the message.
    pub(crate) fn read(
        status: StatusCode,
        url: Url,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Self {
        match serde_json::from_slice::<Envelope>(body) {
            Ok(Envelope { error }) => Self {
                status,
                code: error.code,
                message: error.message,
                tracking: error
                    .target
                    .or(error.inner.and_then(|inner| inner.request_id)),
                url,
                retry_after,
            },
            Err(_) => Self {
                status,
                code: status
                    .canonical_reason()
                    .unwrap_or("Error")
                    .replace(' ', ""),
                // An HTML page of a gateway can be long; its beginning tells which one it was.
                message: String::from_utf8_lossy(body)
                    .trim()
                    .chars()
                    .take(300)
                    .collect(),
                tracking: None,
                url,
                retry_after,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ApiError {
        let url = Url::parse("https://localhost/api/incidents").expect("a URL");
        ApiError::read(StatusCode::FORBIDDEN, url, None, body.as_bytes())
    }

    #[test]
    fn reads_the_envelopes_of_all_dialects_and_none() {
        let defender = read(r#"{"error":{"code":"Forbidden","message":"Missing","target":"t-1"}}"#);
        assert_eq!(
            defender.to_string(),
            "403 Forbidden: Missing (tracking id t-1)"
        );
        let graph =
            read(r#"{"error":{"code":"X","message":"m","innerError":{"request-id":"r-1"}}}"#);
        assert_eq!(graph.tracking.as_deref(), Some("r-1"));
        assert_eq!(
            read("<html>gateway").to_string(),
            "403 Forbidden: <html>gateway"
        );
    }
}
