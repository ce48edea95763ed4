//! Refusals of the APIs: one set of kinds, mapped once per dialect to its code, status and envelope.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bartizan_contract::Api;
use bartizan_contract::remedies::calls::Fault;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

/// What went wrong, in terms that every dialect can express.
///
/// Codes of Defender: `common-errors` of Defender for Endpoint and `api-error-codes` of XDR. Codes of Graph: its page
/// on error responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request as a whole.
    BadRequest,
    /// `$filter`, `$top` and their like.
    OData,
    /// An argument has a value that is not allowed.
    InvalidInput,
    /// The body is not the JSON that is wanted.
    InvalidBody,
    /// A field that must be there is not (names are case-sensitive).
    MissingParameter,
    /// The body has a media type that is not understood.
    UnsupportedMediaType,
    /// The body is too large.
    TooLarge,
    /// No token, or one that is not accepted.
    Unauthorized,
    /// A good token without the permission.
    Forbidden,
    /// Nothing by that id, in this tenant.
    NotFound,
    /// No operation at that path.
    NoSuchOperation,
    /// The path has other methods.
    MethodNotAllowed,
    /// The object exists already, or was changed meanwhile.
    Conflict,
    /// A rate or a quota was met.
    TooManyRequests,
    /// It took longer than allowed.
    Timeout,
    /// The body arrived too slowly.
    SlowBody,
    /// Documented, but not built yet.
    NotImplemented,
    /// Our fault.
    Internal,
}

impl Kind {
    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::OData
            | Self::InvalidInput
            | Self::InvalidBody
            | Self::MissingParameter => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuchOperation => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong with the call itself; `None` where a token, a permission, patience or the feature is wanting.
    #[must_use]
    pub const fn fault(self) -> Option<Fault> {
        Some(match self {
            Self::BadRequest => Fault::Request,
            Self::OData => Fault::Query,
            Self::InvalidInput => Fault::Value,
            Self::InvalidBody => Fault::Body,
            Self::MissingParameter => Fault::Field,
            Self::UnsupportedMediaType => Fault::MediaType,
            Self::TooLarge => Fault::Size,
            Self::SlowBody => Fault::SlowBody,
            Self::NotFound => Fault::NotFound,
            Self::NoSuchOperation => Fault::NoOperation,
            Self::MethodNotAllowed => Fault::Method,
            Self::Conflict => Fault::Conflict,
            Self::Timeout => Fault::TooLong,
            Self::Internal => Fault::Server,
            Self::Unauthorized | Self::Forbidden | Self::TooManyRequests | Self::NotImplemented => {
                return None;
            }
        })
    }

    const fn defender(self) -> &'static str {
        match self {
            Self::BadRequest | Self::MethodNotAllowed | Self::Timeout | Self::SlowBody => {
                "BadRequest"
            }
            Self::OData => "ODataError",
            Self::InvalidInput => "InvalidInput",
            Self::InvalidBody | Self::UnsupportedMediaType | Self::TooLarge => "InvalidRequestBody",
            Self::MissingParameter => "MissingRequiredParameter",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "ResourceNotFound",
            Self::NoSuchOperation => "NotFound",
            Self::Conflict => "Conflict",
            Self::TooManyRequests => "TooManyRequests",
            Self::NotImplemented => "DisabledFeature",
            Self::Internal => "InternalServerError",
        }
    }

    const fn graph(self) -> &'static str {
        match self {
            Self::BadRequest
            | Self::OData
            | Self::InvalidInput
            | Self::InvalidBody
            | Self::MissingParameter => "Request_BadRequest",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::TooLarge => "RequestEntityTooLarge",
            Self::Unauthorized => "InvalidAuthenticationToken",
            Self::Forbidden => "Authorization_RequestDenied",
            Self::NotFound => "Request_ResourceNotFound",
            Self::NoSuchOperation => "ResourceNotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Conflict => "Request_MultipleObjectsWithSameKeyValue",
            Self::TooManyRequests => "TooManyRequests",
            Self::Timeout => "GatewayTimeout",
            Self::SlowBody => "RequestTimeout",
            Self::NotImplemented => "NotImplemented",
            Self::Internal => "InternalServerError",
        }
    }
}

/// A refusal: what the caller is told, and what only the log is.
#[derive(Debug)]
pub struct ApiError {
    kind: Kind,
    code: Option<&'static str>,
    status: Option<StatusCode>,
    message: String,
    cause: Option<String>,
    retry_after: Option<Duration>,
    challenge: Option<String>,
}

impl ApiError {
    /// A refusal with a text for the caller.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            status: None,
            message: message.into(),
            cause: None,
            retry_after: None,
            challenge: None,
        }
    }

    /// A fault of ours: the caller learns the tracking id, the log the cause.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut error = Self::new(
            Kind::Internal,
            "The request could not be carried out because of a fault in the server. Retry later; quote the tracking id when reporting it.",
        );
        error.cause = Some(cause.to_string());
        error
    }

    /// `What was not found`, in the wording of Defender.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("{what} {id} was not found"))
    }

    /// Replaces the dialect's general code by a more exact one that its documentation lists.
    #[must_use]
    pub const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Replaces the kind's status.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Adds `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// What kind of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The code that stands in place of the dialect's general one.
    #[must_use]
    pub const fn exact_code(&self) -> Option<&'static str> {
        self.code
    }

    /// The text for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The status of the answer.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        self.status.unwrap_or(self.kind.status())
    }

    /// Status and code as a dialect has them: `403 Forbidden`.
    #[must_use]
    pub fn wire_code(&self, api: Api) -> String {
        let code = self.code.unwrap_or(match api {
            Api::Xdr | Api::Mde => self.kind.defender(),
            Api::Graph | Api::Bartizan => self.kind.graph(),
        });
        format!("{} {code}", self.http_status().as_u16())
    }

    /// The answer in the dialect of `api`. `now` is the time in Graph's form, `client_request_id` what the caller
    /// sent under that name.
    #[must_use]
    pub fn respond(
        self,
        api: Api,
        request_id: Uuid,
        now: &str,
        client_request_id: Option<&str>,
    ) -> Response {
        if self.kind == Kind::Internal {
            tracing::error!(cause = self.cause.as_deref(), "request failed");
        } else if let Some(cause) = &self.cause {
            tracing::info!(%cause, "request refused");
        }
        let body = match api {
            Api::Xdr | Api::Mde => json!({ "error": {
                "code": self.code.unwrap_or(self.kind.defender()),
                "message": self.message,
                "target": request_id,
            }}),
            Api::Graph | Api::Bartizan => json!({ "error": {
                "code": self.code.unwrap_or(self.kind.graph()),
                "message": self.message,
                "innerError": {
                    "date": now,
                    "request-id": request_id,
                    "client-request-id": client_request_id.map_or_else(|| request_id.to_string(), str::to_owned),
                },
            }}),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status.unwrap_or(self.kind.status());
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        if let Some(after) = self.retry_after {
            // Rounded up: a client that comes back at the second printed must be let through.
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(after.as_secs_f64().ceil() as u64),
            );
        }
        if let Some(Ok(challenge)) = self.challenge.map(HeaderValue::try_from) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<bartizan_store::StoreError> for ApiError {
    fn from(error: bartizan_store::StoreError) -> Self {
        Self::internal(error)
    }
}
