//! Calls on their way to an answer, with what is left to tell of them should they be refused.

use std::net::IpAddr;

use bartizan_contract::Api;
use bartizan_contract::operations::Operation;
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::explain::{ApiRefused, Check, Refused, TokenSeen, kept_message};
use bartizan_identity::jwt::{Token, bearer};
use bartizan_identity::{Caller, CallerKind};
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value as Json;
use uuid::Uuid;

use super::RefusedRequest;
use crate::app::App;
use crate::error::{ApiError, Kind};

/// What was called.
#[derive(Debug)]
pub(crate) enum Called {
    /// A row of the operation table.
    Row(&'static Operation),
    /// A path without a row, or one whose rows have other methods.
    Elsewhere {
        /// The API, by the host or by the path's rows.
        api: Api,
        /// The method, where it has a name.
        method: &'static str,
        /// The path of the rows; where there is none the path as sent, as far as it may be kept.
        path: String,
    },
}

/// What remains of a call when it is refused: enough to say why.
#[derive(Debug)]
pub(crate) struct Attempt {
    called: Called,
    authorization: Option<HeaderValue>,
    address: Option<IpAddr>,
    trace: Uuid,
    correlation: String,
}

impl Attempt {
    /// A call that is about to be made, or was refused already.
    pub(crate) fn new(
        called: Called,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        trace: Uuid,
        correlation: Option<&str>,
    ) -> Self {
        Self {
            called,
            authorization: one_of(headers),
            address,
            trace,
            correlation: correlation.map_or_else(
                || trace.to_string(),
                |id| {
                    // Ids are looked up by what people type.
                    id.chars().take(64).collect::<String>().to_ascii_lowercase()
                },
            ),
        }
    }

    /// Notes that it was refused.
    ///
    /// What no grant mends and what anybody can make gives way first when there is much to note. And where there is no
    /// operation, only those are told of who bring a genuine token: others have not called an API.
    pub(crate) fn refused(&self, app: &App, error: &ApiError) {
        let fault = error.kind().fault();
        let elsewhere = matches!(self.called, Called::Elsewhere { .. });
        if elsewhere && self.authorization.is_none() {
            return;
        }
        let kind = error.kind();
        let ungrantable =
            fault.is_some() || matches!(kind, Kind::TooManyRequests | Kind::NotImplemented);
        let gives_way = ungrantable || self.authorization.is_none();
        if app.trail.is_full() || gives_way && app.trail.is_crowded() {
            app.trail.lost_refusal();
            return;
        }
        let (api, method, path) = match &self.called {
            Called::Row(row) => (row.api, row.method.as_str(), row.path),
            Called::Elsewhere { api, method, path } => (*api, *method, path.as_str()),
        };
        let (mut check, token) = self.token(app, api);
        if elsewhere {
            // Whatever the token is for: it was not asked for one.
            check = None;
            if token.is_none() {
                return;
            }
        }
        if token.is_none() && app.trail.is_crowded() {
            app.trail.lost_refusal();
            return;
        }
        app.trail.refused(RefusedRequest {
            trace: self.trace,
            correlation: self.correlation.clone(),
            occurred: app.clock.unix_micros(),
            tenant: token.as_ref().map(|token| token.tenant.clone()),
            code: error.wire_code(api),
            address: self.address,
            refused: Refused::Api(ApiRefused {
                api: api.name().to_owned(),
                method: method.to_owned(),
                path: path.to_owned(),
                fault,
                code: error.exact_code().map(str::to_owned),
                status: error.http_status().as_u16(),
                message: kept_message(error.message()),
                check,
                token,
            }),
            silent: false,
        });
    }

    /// Which check the token failed, and its claims where its signature is good: nobody else's word makes a refusal
    /// one of a tenant.
    fn token(&self, app: &App, api: Api) -> (Option<Check>, Option<TokenSeen>) {
        let value = self.authorization.as_ref();
        let value = value.map(|value| value.to_str().unwrap_or("?"));
        let token = match bearer(value) {
            Ok(token) => token,
            Err(rejection) => return (Some(Check::from(&rejection)), None),
        };
        let seconds = app.clock.unix_seconds();
        match app.keys.verifier().verify(token, api, seconds) {
            Ok(caller) => (None, Some(of_caller(&caller))),
            Err(rejection) => {
                let check = Check::from(&rejection);
                let claims = check.claims_are_genuine().then(|| of_claims(token));
                (Some(check), claims.flatten())
            }
        }
    }
}

/// The `Authorization` header; where there are several, none of them counts and the call is refused for that.
fn one_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    Some(match values.next() {
        Some(_) => HeaderValue::from_static("several"),
        None => value.clone(),
    })
}

fn of_caller(caller: &Caller) -> TokenSeen {
    let scopes = caller.scopes.split_whitespace().map(str::to_owned);
    TokenSeen {
        tenant: caller.tenant.to_string(),
        client_id: caller.app.to_string(),
        object_id: caller.oid.to_string(),
        user: caller.kind == CallerKind::User,
        audience: caller.audience.clone(),
        permissions: match caller.kind {
            CallerKind::User => scopes.collect(),
            CallerKind::Application => caller.roles.clone(),
        },
        expires: None,
    }
}

/// The claims of a token whose signature was good.
fn of_claims(token: &str) -> Option<TokenSeen> {
    let token = Token::parse(token).ok()?;
    let claims: AccessClaims = serde_json::from_value(Json::Object(token.claims)).ok()?;
    let scopes = claims.scp.as_deref();
    Some(TokenSeen {
        tenant: claims.tid.to_string(),
        client_id: claims.client()?.to_string(),
        object_id: claims.oid.to_string(),
        user: scopes.is_some(),
        audience: claims.aud.clone(),
        permissions: match scopes {
            Some(scopes) => scopes.split_whitespace().map(str::to_owned).collect(),
            None => claims.roles.clone(),
        },
        expires: Some(claims.exp),
    })
}
