//! A call of an operation, as handlers see it: matched, authenticated, permitted and counted.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use bartizan_contract::operations::{Api, Operation};
use bartizan_contract::{TenantId, route};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use bartizan_identity::{Caller, CallerKind};
use bartizan_security::access::Access;
use bartizan_store::{ReadTx, StoreError, WriteTx};

use crate::app::App;
use crate::doors::body::BodyError;
use crate::error::{ApiError, Kind};
use crate::site::Site;

/// The largest JSON body of an operation (hunting queries may be long; telemetry has a path of its own).
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// One call.
pub(crate) struct Call {
    /// The server.
    pub(crate) app: Arc<App>,
    /// The row of the operation table and what its path's parameters stand for.
    pub(crate) matched: route::Match,
    /// By which name the server was addressed.
    pub(crate) site: Site,
    /// The query string's parameters, decoded (`+` is a space).
    pub(crate) query: Vec<(String, String)>,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// The address that the caller is at.
    pub(crate) source: Option<IpAddr>,
    /// Who calls; its tenant bounds everything that the call may see.
    pub(crate) caller: Caller,
    /// What it may do: decided before the handler runs.
    pub(crate) access: Access,
    /// Identifies the request in the log and to the caller.
    pub(crate) request_id: Uuid,
    /// The body, unread. In a lock because a body is not `Sync` and handlers share the call across awaits.
    pub(crate) body: Mutex<Body>,
}

impl Call {
    /// The row.
    #[must_use]
    pub(crate) fn operation(&self) -> &'static Operation {
        self.matched.operation
    }

    /// The caller's tenant.
    #[must_use]
    pub(crate) const fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    /// A transaction that reads what the caller may see.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn read(&self) -> Result<ReadTx, StoreError> {
        let mut tx = self.app.store.read().await?;
        tx.see_only(self.access.devices.clone());
        Ok(tx)
    }

    /// A transaction that writes, and reads what the caller may see.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub(crate) async fn write(&self) -> Result<WriteTx, StoreError> {
        let mut tx = self.app.store.write().await?;
        tx.see_only(self.access.devices.clone());
        Ok(tx)
    }

    /// A parameter of the path; the table guarantees that it is there.
    #[must_use]
    pub(crate) fn param(&self, name: &str) -> &str {
        self.matched.param(name).unwrap_or_default()
    }

    /// A parameter of the query string; its name's case does not matter.
    #[must_use]
    pub(crate) fn query_param(&self, name: &str) -> Option<&str> {
        let found = self
            .query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Where this API's metadata is, as `@odata.context` begins: `{base}/api` or `{base}/v1.0`.
    #[must_use]
    pub(crate) fn service_root(&self) -> String {
        match self.operation().api {
            Api::Xdr | Api::Mde => format!("{}/api", self.site.base),
            Api::Graph => format!("{}/v1.0", self.site.base),
            Api::Bartizan => format!("{}/bartizan/v1", self.site.base),
        }
    }

    /// `@odata.context` of this operation's answers.
    #[must_use]
    pub(crate) fn context(&self) -> Option<String> {
        let root = self.service_root();
        match self.matched.cast {
            Some(cast) => Some(format!("{root}/$metadata#{}", cast.set)),
            None => self.operation().context_url(&root),
        }
    }

    /// Who calls, as comments on incidents name it: the application's client id or the user's object id.
    #[must_use]
    pub(crate) fn actor(&self) -> String {
        match self.caller.kind {
            CallerKind::Application => self.caller.app.to_string(),
            CallerKind::User => self.caller.oid.to_string(),
        }
    }

    /// The body, for a handler that reads it as a stream.
    pub(crate) fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the body, bounded.
    ///
    /// # Errors
    /// As [`unread`].
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, ApiError> {
        let body = self.take_body();
        axum::body::to_bytes(body, BODY_LIMIT).await.map_err(unread)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Kind::UnsupportedMediaType`] for another media type, [`Kind::InvalidBody`] with line and column.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let media_type = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        // Many documented examples leave the header out; only a wrong one is refused.
        if let Some(media_type) = media_type {
            let essence = media_type.split(';').next().unwrap_or_default().trim();
            let known = essence.eq_ignore_ascii_case("application/json")
                || essence.to_ascii_lowercase().ends_with("+json")
                || essence.is_empty();
            if !known {
                return Err(ApiError::new(
                    Kind::UnsupportedMediaType,
                    format!(
                        "The content type '{essence}' is not supported; send application/json."
                    ),
                ));
            }
        }
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::new(
                Kind::InvalidBody,
                format!("The request body is not valid: {error}."),
            )
        })
    }
}

/// Why a body was not read to its end: too large for [`Call::bytes`], too slow, or broken off.
pub(crate) fn unread(error: axum::Error) -> ApiError {
    let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let (kind, text) = causes
        .find_map(|cause| {
            if cause.is::<LengthLimitError>() {
                let text = format!("The request body is larger than {BODY_LIMIT} bytes.");
                return Some((Kind::TooLarge, text));
            }
            let text = || "The request body arrived too slowly. Send it again.".to_owned();
            matches!(cause.downcast_ref(), Some(BodyError::Slow)).then(|| (Kind::SlowBody, text()))
        })
        .unwrap_or_else(|| {
            let text = "The request body broke off; nothing was done. Send it again.";
            (Kind::BadRequest, text.to_owned())
        });
    ApiError::new(kind, text).because(error)
}

/// An answer with a JSON body.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(body).map_err(ApiError::internal)?;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; odata.metadata=minimal; charset=utf-8"),
    );
    Ok(response)
}

/// An answer without a body.
#[must_use]
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
