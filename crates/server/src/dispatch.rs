//! From a request to an answer: which site, which row of the operation table, who calls, may they, how often.
//!
//! Every request passes here in this order, whatever its path:
//!
//! 1. a request id, a log span, the measurements;
//! 2. the site: a host that is not ours is refused before anything is built from its name;
//! 3. the server's own pages (`/healthz`, `/readyz`, `/metrics`) and the identity service's paths;
//! 4. the operation table; then token, permission and rate; then the handler.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bartizan_contract::hosts::{self, Service};
use bartizan_contract::operations::Method;
use bartizan_contract::{Api, OperationId, route};
use bartizan_identity::explain::kept_message;
use futures::FutureExt as _;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::app::App;
use crate::call::Call;
use crate::doors::listener::Peer;
use crate::error::{ApiError, Kind};
use crate::site::Site;
use crate::source::source;
use crate::trail::{Attempt, Called};
use crate::{auth, handlers, health, identity};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Answers any request.
pub(crate) async fn answer(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let started = Instant::now();
    let request_id = Uuid::new_v4();
    let method = request.method().clone();
    // The path may carry an id but never a secret; the query string may carry one and stays out of the log.
    let path = request.uri().path().to_owned();
    let peer = request
        .extensions()
        .get::<Peer>()
        .map(|peer| peer.0.to_string());
    let span = tracing::info_span!("request", %request_id, %method, path, peer);
    let client_request_id = request
        .headers()
        .get(&CLIENT_REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    async move {
        let (parts, body) = request.into_parts();
        let site = app.sites.of(&parts);
        let strict = site.as_ref().is_some_and(Site::is_strict);
        let (mut response, route) =
            routed(&app, site, parts, body, request_id, client_request_id).await;
        finish(response.headers_mut(), request_id, strict);
        let status = response.status().as_u16();
        let took = started.elapsed();
        metrics::counter!("bartizan_requests_total", "route" => route, "status" => status.to_string())
            .increment(1);
        metrics::histogram!("bartizan_request_seconds", "route" => route).record(took.as_secs_f64());
        tracing::info!(status, route, took_ms = took.as_secs_f64() * 1e3, "answered");
        response
    }
    .instrument(span)
    .await
}

async fn routed(
    app: &Arc<App>,
    site: Option<Site>,
    parts: Parts,
    body: Body,
    request_id: Uuid,
    client_request_id: Option<String>,
) -> (Response, &'static str) {
    let Some(site) = site else {
        let error = ApiError::new(
            Kind::BadRequest,
            "This server does not answer for the host that the request names. Allow it with the setting allowed-origins or public-url.",
        );
        let error = error.status(StatusCode::MISDIRECTED_REQUEST);
        return (
            respond(app, error, Api::Graph, request_id, None),
            "misdirected",
        );
    };
    if !site.alias
        && let Some(response) = health::answer(app, &parts).await
    {
        return (response, "health");
    }
    let login = hosts::service_of(&site.host) == Some(Service::Login);
    // A sign-in host has nothing else; an own origin has these paths among others. UserInfo is the one path of theirs
    // that the discovery documents place on Microsoft Graph's host.
    let user_info = parts.uri.path() == "/oidc/userinfo";
    let page = || {
        identity::owns(parts.uri.path())
            || identity::is_start(&parts)
            || identity::asks_for_explanation(&parts)
    };
    if login || user_info || (!site.alias && page()) {
        return (
            identity::answer(app, &site, parts, body, request_id).await,
            "identity",
        );
    }
    api(app, site, parts, body, request_id, client_request_id).await
}

/// Answers a part of a batch as a call of its own, of Graph alone and no batch again.
pub(crate) async fn part(app: &Arc<App>, site: Site, parts: Parts, body: Body) -> Response {
    let request_id = Uuid::new_v4();
    let client_request_id = parts.headers.get(&CLIENT_REQUEST_ID);
    let client_request_id = client_request_id.and_then(|id| id.to_str().ok());
    let client_request_id = client_request_id.map(str::to_owned);
    let host = site.alias.then_some(site.host.as_str());
    let matched = route::find(parts.method.as_str(), parts.uri.path(), host);
    let mut response = match matched.map(|found| found.operation) {
        Some(row) if row.api != Api::Graph || row.id == OperationId::GraphSendABatch => {
            let text = "A batch has calls of Microsoft Graph in it, and no other batch.";
            let error = ApiError::new(Kind::BadRequest, text);
            let client_request_id = client_request_id.as_deref();
            // Whatever the part names, it is the batch that is wrong.
            let called = Called::Row(OperationId::GraphSendABatch.operation());
            let attempt = attempt(called, &parts, request_id, client_request_id);
            attempt.refused(app, &error);
            respond(app, error, Api::Graph, request_id, client_request_id)
        }
        _ => {
            let (response, route) =
                api(app, site, parts, body, request_id, client_request_id).await;
            tracing::info!(%request_id, route, status = response.status().as_u16(), "a part of a batch is answered");
            response
        }
    };
    named(response.headers_mut(), request_id);
    response
}

/// Refuses a part of a batch that is no call of its own, or none that is made.
pub(crate) fn refused_part(
    batch: &Call,
    client_request_id: Option<&str>,
    error: ApiError,
) -> Response {
    let request_id = Uuid::new_v4();
    let attempt = Attempt::new(
        Called::Row(batch.operation()),
        &batch.headers,
        batch.source,
        request_id,
        client_request_id,
    );
    attempt.refused(&batch.app, &error);
    let mut response = respond(&batch.app, error, Api::Graph, request_id, client_request_id);
    named(response.headers_mut(), request_id);
    response
}

/// Finds the operation of a path, and answers it.
async fn api(
    app: &Arc<App>,
    site: Site,
    parts: Parts,
    body: Body,
    request_id: Uuid,
    client_request_id: Option<String>,
) -> (Response, &'static str) {
    let api = dialect(&site, parts.uri.path());
    let host = site.alias.then_some(site.host.as_str());
    let matched = route::find(parts.method.as_str(), parts.uri.path(), host);
    let client_request_id = client_request_id.as_deref();
    let Some(matched) = matched else {
        let error = not_routed(&parts, host);
        let there = route::row_at(parts.uri.path(), host);
        let called = Called::Elsewhere {
            api: there.map_or(api, |row| row.api),
            method: named_method(&parts.method).unwrap_or("another method"),
            path: match there {
                Some(row) => row.path.to_owned(),
                None => kept_message(parts.uri.path()),
            },
        };
        attempt(called, &parts, request_id, client_request_id).refused(app, &error);
        return (
            respond(app, error, api, request_id, client_request_id),
            "unknown",
        );
    };
    let api = matched.operation.api;
    let name = matched.operation.name;
    let called = Called::Row(matched.operation);
    let attempt = attempt(called, &parts, request_id, client_request_id);
    let answered = operation(app, matched, site, parts, body, request_id);
    let response = unpanicked(answered).await.unwrap_or_else(|error| {
        attempt.refused(app, &error);
        respond(app, error, api, request_id, client_request_id)
    });
    (response, name)
}

/// What is left to tell of a call.
fn attempt(
    called: Called,
    parts: &Parts,
    request_id: Uuid,
    client_request_id: Option<&str>,
) -> Attempt {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let address = source(peer, &parts.headers);
    Attempt::new(
        called,
        &parts.headers,
        address,
        request_id,
        client_request_id,
    )
}

/// The answer, or the documented fault in its dialect and under its request id when the handler panics.
async fn unpanicked(
    answer: impl Future<Output = Result<Response, ApiError>>,
) -> Result<Response, ApiError> {
    // Nothing of the call is looked at after a panic.
    let caught = AssertUnwindSafe(answer).catch_unwind().await;
    caught.unwrap_or_else(|panic| Err(fault_of(panic.as_ref())))
}

async fn operation(
    app: &Arc<App>,
    matched: route::Match,
    site: Site,
    parts: Parts,
    body: Body,
    request_id: Uuid,
) -> Result<Response, ApiError> {
    let operation = matched.operation;
    // A key that was revoked opens nothing from then on, whichever server was told.
    app.keys
        .catch_up(&app.store)
        .await
        .map_err(ApiError::internal)?;
    let caller = auth::caller(app, &parts.headers, operation)?;
    tracing::Span::current().in_scope(|| {
        tracing::debug!(tenant = %caller.tenant, app = %caller.app, "authenticated");
    });
    // A permission that is missing is told before a feature that is: the first can be mended by the caller.
    let access = auth::permit(app, &caller, &matched).await?;
    let Some(handler) = handlers::of(operation.id) else {
        return Err(ApiError::new(
            Kind::NotImplemented,
            format!(
                "{} is documented but not served by this version of Bartizan; docs/STATUS.md lists what is.",
                operation.name
            ),
        ));
    };
    if app.settings.rate_limits {
        app.rates.check(operation.id, caller.tenant, caller.app).map_err(|refused| {
            ApiError::new(
                Kind::TooManyRequests,
                format!(
                    "API calls quota exceeded! Maximum {} calls per {} for this operation. Retry in {} seconds.",
                    refused.limit,
                    refused.window,
                    refused.retry_after.as_secs_f64().ceil()
                ),
            )
            .retry_after(refused.retry_after)
        })?;
    }
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let app = Arc::clone(app);
    handler(Call {
        app,
        matched,
        site,
        query,
        source: source(peer, &parts.headers),
        headers: parts.headers,
        caller,
        access,
        request_id,
        body: body.into(),
    })
    .await
}

fn not_routed(parts: &Parts, host: Option<&str>) -> ApiError {
    let methods = route::methods_at(parts.uri.path(), host);
    if methods.is_empty() {
        return ApiError::new(
            Kind::NoSuchOperation,
            format!("There is no operation at {}.", parts.uri.path()),
        );
    }
    let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    ApiError::new(
        Kind::MethodNotAllowed,
        format!(
            "{} is not allowed here; this path takes {}.",
            named_method(&parts.method).unwrap_or("This method"),
            methods.join(", ")
        ),
    )
}

/// A method's name, where HTTP or the table has it. Of what is invented, nothing is told or kept.
fn named_method(method: &http::Method) -> Option<&'static str> {
    let of_http = ["HEAD", "OPTIONS", "TRACE", "CONNECT"];
    let known = Method::parse(method.as_str()).map(Method::as_str);
    known.or_else(|| of_http.into_iter().find(|name| *name == method.as_str()))
}

/// The dialect of errors for a path that matched nothing.
fn dialect(site: &Site, path: &str) -> Api {
    let api = path
        .trim_start_matches('/')
        .get(..3)
        .is_some_and(|p| p.eq_ignore_ascii_case("api"));
    match hosts::service_of(&site.host) {
        Some(Service::Security | Service::SecurityCenter) => Api::Xdr,
        Some(Service::Graph) => Api::Graph,
        _ if api => Api::Xdr,
        _ => Api::Graph,
    }
}

fn respond(
    app: &App,
    error: ApiError,
    api: Api,
    request_id: Uuid,
    client_request_id: Option<&str>,
) -> Response {
    let now = app.clock.iso_seconds();
    error.respond(
        api,
        request_id,
        now.trim_end_matches('Z'),
        client_request_id,
    )
}

/// The answer when anything but a handler panicked: the documented fault, and the panic's text in the log alone.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let request_id = Uuid::new_v4();
    let mut response = fault_of(panic.as_ref()).respond(Api::Graph, request_id, "", None);
    finish(response.headers_mut(), request_id, false);
    response
}

fn fault_of(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    ApiError::internal(format!("a handler panicked: {text}"))
}

fn named(headers: &mut http::HeaderMap, request_id: Uuid) {
    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.entry(REQUEST_ID).or_insert(id);
    }
}

fn finish(headers: &mut http::HeaderMap, request_id: Uuid, strict: bool) {
    named(headers, request_id);
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Answers carry a tenant's data: no shared cache may keep them.
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Of what is no page: it loads nothing and is shown in nothing, whatever a browser takes it for.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if strict {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::operations;

    /// Whoever waits for an answer has one, in its dialect.
    #[tokio::test]
    async fn a_panic_of_a_handler_is_a_fault() {
        let told = unpanicked(async { panic!("of a handler: {}", 1) }).await;
        let error = told.expect_err("a fault");
        assert_eq!(error.kind(), Kind::Internal);
        assert!(!error.message().contains("of a handler"));
        let answered = unpanicked(async { Ok(Response::new(Body::empty())) }).await;
        assert_eq!(answered.expect("an answer").status(), StatusCode::OK);
    }

    /// The router and the contract's list of what is served say the same.
    #[test]
    fn serves_what_the_table_says_is_served() {
        for operation in operations::all() {
            assert_eq!(
                handlers::of(operation.id).is_some(),
                operation.served(),
                "{:?}: the handler table and contract::served differ",
                operation.id
            );
        }
    }
}
