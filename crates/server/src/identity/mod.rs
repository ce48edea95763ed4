//! The authorization server: tokens, discovery, keys, and the small pages around them.
//!
//! Paths are those of Microsoft Entra ID, the tenant always first; the decisions are those of
//! `bartizan_identity`. Every answer below `/{tenant}/oauth2/` is JSON, errors too, because
//! clients choke on anything else.

mod admin_consent;
mod authorize;
mod budgets;
pub(crate) mod client;
mod consent;
mod device;
mod device_authorization;
mod discovery;
mod endpoint;
mod explain;
mod html;
mod issuer_keys;
mod keys;
mod logout;
mod pages;
mod respond;
mod security_info;
mod shown;
mod sign_in;
mod sign_ins;
mod token;
mod user_facts;
mod userinfo;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::response::Response;
use bartizan_identity::request::correlation_id;
use bartizan_identity::{Refusal, Trace};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use uuid::Uuid;

use crate::app::App;
use crate::doors::listener::Peer;
use crate::site::Site;
use crate::source::source;

pub(crate) use bartizan_identity::key_schedule::ScheduleError;
pub use budgets::Budgets;
pub(crate) use endpoint::{asks_for_explanation, is_start, owns};
pub use issuer_keys::IssuerKeyCache;
pub use keys::{Keys, KeysError, SealSource, keep as keep_keys};
pub(crate) use keys::{Origin, Wish, carry_out, signs_from};
pub use sign_in::PasswordGuards;
pub(crate) use sign_in::{OwnVerdict, check_own_password, failures_of, second_factor_demanded};
pub use token::KnownClients;

use endpoint::Endpoint;
use shown::Asked;

/// The longest body that is read.
const BODY_LIMIT: usize = 128 * 1024;

/// A request to the authorization server, its body read.
struct Request<'a> {
    app: &'a Arc<App>,
    site: &'a Site,
    method: Method,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    trace: Trace,
    /// The first segment of the path: the tenant, of most endpoints.
    place: String,
    /// The peer's address.
    address: Option<IpAddr>,
    /// Whom a grant found the request to be about, for the trail of a refusal.
    known: OnceLock<KnownUser>,
}

/// A user whose code or token a request brought.
struct KnownUser {
    /// The object id.
    id: String,
    /// The principal name.
    upn: String,
    /// The display name.
    name: String,
}

impl Request<'_> {
    /// A parameter of the query string.
    fn query(&self, name: &str) -> Option<&str> {
        let found = self
            .query
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter of the form; `None` when it is absent or empty.
    fn form_value(&self, name: &str) -> Option<&str> {
        let found = self.form.iter().find(|(n, _)| n == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A field of the form.
    fn form(&self, name: &str) -> Option<&str> {
        let found = self.form.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The address that the person is at.
    fn source(&self) -> Option<IpAddr> {
        source(self.address, &self.headers)
    }

    /// The one value of a header; `None` when it is absent, doubled or no text.
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

/// Answers a request to a path that is ours.
pub(crate) async fn answer(
    app: &Arc<App>,
    site: &Site,
    parts: Parts,
    body: Body,
    request_id: Uuid,
) -> Response {
    let endpoint = Endpoint::of(parts.uri.path());
    let query = pairs(parts.uri.query().unwrap_or_default().as_bytes());
    let body = axum::body::to_bytes(body, BODY_LIMIT).await;
    let form = match &body {
        Ok(body) => form(&parts.headers, body),
        Err(_) => Vec::new(),
    };
    let id_header = parts
        .headers
        .get("client-request-id")
        .and_then(|id| id.to_str().ok());
    let trace = Trace {
        trace_id: request_id,
        correlation_id: correlation_id(id_header, &query, &form).unwrap_or_else(Uuid::new_v4),
        now: app.clock.unix_seconds(),
    };
    let request = Request {
        app,
        site,
        method: parts.method,
        headers: parts.headers,
        query,
        form,
        trace,
        place: endpoint::first_segment(parts.uri.path()),
        address: parts.extensions.get::<Peer>().map(|peer| peer.0.ip()),
        known: OnceLock::new(),
    };
    let mut response = match (body, endpoint) {
        (Err(_), _) => refused(&request, &Refusal::Malformed),
        (Ok(_), Some(endpoint)) => route(&request, endpoint).await,
        (Ok(_), None) => respond::error(&trace.no_such_endpoint()),
    };
    respond::finish(&request, response.headers_mut());
    response
}

async fn route(request: &Request<'_>, endpoint: Endpoint) -> Response {
    if let Endpoint::Token(version, tenant) = &endpoint {
        if request.method == Method::OPTIONS {
            return respond::for_pages(respond::preflight());
        }
        let response = token::answer(request, *version, tenant).await;
        return match request.headers.contains_key(header::ORIGIN) {
            true => respond::for_pages(response),
            false => response,
        };
    }
    if let Endpoint::DeviceCode(version, tenant) = &endpoint {
        return device_authorization::answer(request, *version, tenant).await;
    }
    if matches!(endpoint, Endpoint::UserInfo(_)) && request.method == Method::POST {
        // OpenID Connect Core section 5.3.1 wants both methods.
        return userinfo::answer(request, None).await;
    }
    if request.method == Method::OPTIONS {
        return respond::preflight();
    }
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    let takes_forms = matches!(
        endpoint,
        Endpoint::Authorize(..) | Endpoint::Login | Endpoint::Logout
    );
    let sends_form = takes_forms && request.method == Method::POST;
    if !reads && !sends_form {
        let refusal = Refusal::Method {
            valid: if takes_forms { "GET, POST" } else { "GET" },
            verb: request.method.to_string(),
        };
        return refused(request, &refusal);
    }
    match endpoint {
        Endpoint::Token(version, tenant) => token::answer(request, version, &tenant).await,
        Endpoint::DeviceCode(version, tenant) => {
            device_authorization::answer(request, version, &tenant).await
        }
        Endpoint::UserInfo(tenant) => userinfo::answer(request, tenant.as_deref()).await,
        Endpoint::Discovery(version, tenant) => {
            discovery::configuration(request, version, &tenant).await
        }
        Endpoint::Keys(version) => discovery::keys(request, version).await,
        Endpoint::Instance => discovery::instance(request),
        Endpoint::UserRealm(user) => discovery::realm(request, &user).await,
        Endpoint::NativeClient => pages::native_client(),
        Endpoint::Authorize(version, tenant) => authorize::answer(request, version, &tenant).await,
        Endpoint::AdminConsent(version, tenant) => {
            admin_consent::answer(request, version, &tenant).await
        }
        Endpoint::Login => sign_in::answer(request).await,
        Endpoint::DevicePage => device::answer(request).await,
        Endpoint::Logout => logout::answer(request).await,
        Endpoint::SecurityInfo => security_info::answer(request).await,
        Endpoint::Explain(trace) => explain::answer(request, &trace).await,
        Endpoint::Asset(name) => {
            html::asset(&name).unwrap_or_else(|| respond::error(&request.trace.no_such_endpoint()))
        }
        Endpoint::ErrorLookup => pages::error_lookup(request),
        // The sign-in hosts of the cloud have no such page.
        Endpoint::Start if request.site.alias => respond::error(&request.trace.no_such_endpoint()),
        Endpoint::Start => html::start(request),
    }
}

/// Refuses what is wrong whatever the endpoint.
fn refused(request: &Request<'_>, refusal: &Refusal) -> Response {
    shown::refused(request, &Asked::of(request), refusal);
    respond::error(&refusal.answer(&request.trace))
}

/// The pairs of a form or a query; `+` is a space.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

/// The pairs of a body that says it is a form; any other body counts as empty.
fn form(headers: &HeaderMap, body: &Bytes) -> Vec<(String, String)> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let essence = media_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return pairs(body);
    }
    Vec::new()
}
