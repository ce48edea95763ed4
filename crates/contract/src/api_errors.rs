//! Errors of the resource APIs: codes, statuses and envelopes.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal, $http:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn http(self) -> u16 {
                match self { $(Self::$variant => $http),+ }
            }

            /// The code with this exact text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|c| c.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

codes! {
    /// Codes of Defender XDR and Defender for Endpoint (page "Common REST API error codes").
    ApiErrorCode {
        /// Something is wrong with the request.
        BadRequest = "BadRequest", 400;
        /// The OData query is wrong; the message says how.
        ODataError = "ODataError", 400;
        /// An argument is wrong.
        InvalidInput = "InvalidInput", 400;
        /// The body is malformed, or a key has the wrong letter case.
        InvalidRequestBody = "InvalidRequestBody", 400;
        /// A hash in the path is none.
        InvalidHashValue = "InvalidHashValue", 400;
        /// A domain in the path is none.
        InvalidDomainName = "InvalidDomainName", 400;
        /// An address in the path is none.
        InvalidIpAddress = "InvalidIpAddress", 400;
        /// A URL in the path is none.
        InvalidUrl = "InvalidUrl", 400;
        /// Too many items in one request; the message carries both numbers.
        MaximumBatchSizeExceeded = "MaximumBatchSizeExceeded", 400;
        /// A field is absent, or spelt in the wrong letter case.
        MissingRequiredParameter = "MissingRequiredParameter", 400;
        /// The action does not fit the device's operating system.
        OsPlatformNotSupported = "OsPlatformNotSupported", 400;
        /// The action needs a newer sensor.
        ClientVersionNotSupported = "ClientVersionNotSupported", 400;
        /// The same action is pending already.
        ActiveRequestAlreadyExists = "ActiveRequestAlreadyExists", 400;
        /// The token is absent, expired or malformed.
        Unauthorized = "Unauthorized", 401;
        /// The token is good but lacks the permission.
        Forbidden = "Forbidden", 403;
        /// The tenant has the feature switched off.
        DisabledFeature = "DisabledFeature", 403;
        /// Not allowed; the message says why.
        DisallowedOperation = "DisallowedOperation", 403;
        /// There is no such thing.
        NotFound = "NotFound", 404;
        /// The named resource does not exist.
        ResourceNotFound = "ResourceNotFound", 404;
        /// A quota of calls or processor time is used up.
        TooManyRequests = "TooManyRequests", 429;
        /// Our fault; a retry may help.
        InternalServerError = "InternalServerError", 500;
    }
}

codes! {
    /// Codes of Microsoft Graph, for the security and directory calls.
    GraphErrorCode {
        /// Something is wrong with the request (security calls).
        BadRequest = "BadRequest", 400;
        /// Something is wrong with the request (directory calls).
        RequestBadRequest = "Request_BadRequest", 400;
        /// The OData query is not supported (directory calls).
        RequestUnsupportedQuery = "Request_UnsupportedQuery", 400;
        /// The token is absent, expired, malformed or for another resource.
        InvalidAuthenticationToken = "InvalidAuthenticationToken", 401;
        /// The token lacks the permission (security calls).
        Forbidden = "Forbidden", 403;
        /// The token lacks the permission (directory calls).
        AuthorizationRequestDenied = "Authorization_RequestDenied", 403;
        /// There is no such thing (security calls).
        NotFound = "NotFound", 404;
        /// There is no such thing (directory calls).
        RequestResourceNotFound = "Request_ResourceNotFound", 404;
        /// The path is unknown with this method.
        MethodNotAllowed = "MethodNotAllowed", 405;
        /// A key that must be unique is taken (directory calls).
        RequestMultipleObjectsWithSameKeyValue = "Request_MultipleObjectsWithSameKeyValue", 409;
        /// A quota is used up.
        TooManyRequests = "TooManyRequests", 429;
        /// Our fault (security calls).
        UnknownError = "UnknownError", 500;
        /// Our fault (directory calls).
        InternalServerError = "InternalServerError", 500;
    }
}

/// An error of Defender XDR or Defender for Endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// What happened.
    pub error: ApiErrorBody,
}

/// The inside of [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiErrorBody {
    /// See [`ApiErrorCode`].
    pub code: String,
    /// In words.
    pub message: String,
    /// Tracking id, new for every answer.
    #[serde(default)]
    pub target: String,
}

impl ApiError {
    /// An error with its tracking id.
    #[must_use]
    pub fn new(code: ApiErrorCode, message: impl Into<String>, target: Uuid) -> Self {
        Self {
            error: ApiErrorBody {
                code: code.as_str().to_owned(),
                message: message.into(),
                target: target.to_string(),
            },
        }
    }
}

/// An error of Microsoft Graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphError {
    /// What happened.
    pub error: GraphErrorBody,
}

/// The inside of [`GraphError`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphErrorBody {
    /// See [`GraphErrorCode`].
    pub code: String,
    /// In words.
    pub message: String,
    /// Ids for tracking.
    #[serde(
        rename = "innerError",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub inner_error: Option<GraphInnerError>,
}

/// Ids for tracking an error of Graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GraphInnerError {
    /// When, to the second and without `Z`, as Graph prints it.
    pub date: String,
    /// Our id of the request.
    pub request_id: String,
    /// The client's id of the request, or ours again when it sent none.
    pub client_request_id: String,
}

impl GraphError {
    /// An error with its ids.
    #[must_use]
    pub fn new(
        code: GraphErrorCode,
        message: impl Into<String>,
        now: Timestamp,
        request_id: &str,
        client_request_id: Option<&str>,
    ) -> Self {
        let date = crate::time::format_iso8601(now.ticks());
        Self {
            error: GraphErrorBody {
                code: code.as_str().to_owned(),
                message: message.into(),
                inner_error: Some(GraphInnerError {
                    date: date.split('.').next().unwrap_or(&date).to_owned(),
                    request_id: request_id.to_owned(),
                    client_request_id: client_request_id.unwrap_or(request_id).to_owned(),
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_have_the_documented_shape() {
        let api = ApiError::new(
            ApiErrorCode::ResourceNotFound,
            "Machine 1 was not found",
            Uuid::nil(),
        );
        assert_eq!(
            serde_json::to_string(&api).unwrap(),
            r#"{"error":{"code":"ResourceNotFound","message":"Machine 1 was not found","target":"00000000-0000-0000-0000-000000000000"}}"#
        );
        let now = Timestamp::from_unix_micros(1);
        let graph = GraphError::new(GraphErrorCode::Forbidden, "no", now, "r", None);
        assert_eq!(
            serde_json::to_string(&graph).unwrap(),
            r#"{"error":{"code":"Forbidden","message":"no","innerError":{"date":"1970-01-01T00:00:00","request-id":"r","client-request-id":"r"}}}"#
        );
    }

    #[test]
    fn codes_read_back() {
        for code in ApiErrorCode::ALL {
            assert_eq!(ApiErrorCode::parse(code.as_str()), Some(*code));
            assert!((400..600).contains(&code.http()));
        }
        assert_eq!(
            GraphErrorCode::parse("Request_BadRequest").unwrap().http(),
            400
        );
    }
}
