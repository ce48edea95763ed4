//! Refusals, kept in SQL under their trace ids for as long and as many as the bounds say.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::operations::Operation;
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::explain::{ApiRefused, Check, Refused, TokenSeen};
use bartizan_identity::jwt::{Token, bearer};
use bartizan_identity::{Caller, CallerKind};
use bartizan_store::refusals::{self, Refusal, Shares};
use http::request::Parts;
use http::{HeaderValue, header};
use serde_json::Value as Json;
use uuid::Uuid;

use super::lost;
use super::names::Names;
use crate::app::App;
use crate::doors::listener::Peer;
use crate::error::{ApiError, Kind};
use crate::source::source;

/// How long a refusal is kept: 30 days, in microseconds.
const AGE: i64 = 30 * 86_400 * 1_000_000;
/// How many are kept in the whole installation. Programs ask without a page (`prompt=none`) for as long as nobody, or not
/// one alone, is signed in: what they are told then has a share of its own.
const NUMBER: Shares = Shares {
    apart: &["AADSTS50058", "AADSTS16000"],
    of_apart: 10_000,
    of_others: 90_000,
};
/// For how long one refusal without a page stands for its likes: an hour, in microseconds.
const ALIKE: i64 = 3_600 * 1_000_000;
/// How many of these are told apart; beyond that each is kept again, within its share.
const MOST_ALIKE: usize = 10_000;
/// How many of one tenant, or of none, are kept of one batch: one flood must not push out everybody's.
const PER_BATCH: usize = 256;
/// How many are added before old ones are looked for.
const BETWEEN: usize = 1_000;

/// A refusal on its way to be kept.
#[derive(Debug, Clone)]
pub(crate) struct RefusedRequest {
    /// The trace id that the caller was told.
    pub(crate) trace: Uuid,
    /// The caller's id of the request, or one of ours.
    pub(crate) correlation: String,
    /// When, microseconds.
    pub(crate) occurred: i64,
    /// The tenant: by what a genuine token says, or by the path of a sign-in.
    pub(crate) tenant: Option<String>,
    /// `AADSTS700016`, or `403 Forbidden`.
    pub(crate) code: String,
    /// The address that the request came from.
    pub(crate) address: Option<IpAddr>,
    /// What was seen.
    pub(crate) refused: Refused,
    /// Whether the request may show no page (`prompt=none`).
    pub(crate) silent: bool,
}

/// What remains of a call when it is refused: enough to say why.
#[derive(Debug)]
pub(crate) struct Attempt {
    operation: &'static Operation,
    authorization: Option<HeaderValue>,
    address: Option<IpAddr>,
    trace: Uuid,
    correlation: String,
}

impl Attempt {
    /// A call that is about to be made.
    pub(crate) fn of(
        operation: &'static Operation,
        parts: &Parts,
        trace: Uuid,
        correlation: Option<&str>,
    ) -> Self {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let authorization = values.next().cloned();
        let peer = parts.extensions.get::<Peer>();
        Self {
            operation,
            authorization,
            address: source(peer.map(|peer| peer.0.ip()), &parts.headers),
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

    /// Notes that it was refused: for want of a token, of a permission, of patience, or of the feature. What is wrong
    /// with the request itself is said in the answer and needs no explanation.
    pub(crate) fn refused(&self, app: &App, error: &ApiError) {
        let told = matches!(
            error.kind(),
            Kind::Unauthorized | Kind::Forbidden | Kind::TooManyRequests | Kind::NotImplemented
        );
        if !told || app.trail.is_full() {
            return;
        }
        let (check, token) = self.token(app);
        app.trail.refused(RefusedRequest {
            trace: self.trace,
            correlation: self.correlation.clone(),
            occurred: app.clock.unix_micros(),
            tenant: token.as_ref().map(|token| token.tenant.clone()),
            code: error.wire_code(self.operation.api),
            address: self.address,
            refused: Refused::Api(ApiRefused {
                api: self.operation.api.name().to_owned(),
                method: self.operation.method.as_str().to_owned(),
                path: self.operation.path.to_owned(),
                status: error.http_status().as_u16(),
                message: error.message().to_owned(),
                check,
                token,
            }),
            silent: false,
        });
    }

    /// Which check the token failed, and its claims where its signature is good: nobody else's word makes a refusal
    /// one of a tenant.
    fn token(&self, app: &App) -> (Option<Check>, Option<TokenSeen>) {
        let value = self.authorization.as_ref();
        let value = value.map(|value| value.to_str().unwrap_or("?"));
        let token = match bearer(value) {
            Ok(token) => token,
            Err(rejection) => return (Some(Check::from(&rejection)), None),
        };
        let seconds = app.clock.unix_seconds();
        match app
            .keys
            .verifier()
            .verify(token, self.operation.api, seconds)
        {
            Ok(caller) => (None, Some(of_caller(&caller))),
            Err(rejection) => {
                let check = Check::from(&rejection);
                let claims = check.claims_are_genuine().then(|| of_claims(token));
                (Some(check), claims.flatten())
            }
        }
    }
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

/// Keeps refusals, and forgets those that are too old or too many.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    added: usize,
    /// Refusals without a page since this time, microseconds.
    since: i64,
    alike: HashSet<Alike>,
}

/// What refusals without a page have in common: the tenant, the client, the person, the code.
type Alike = (String, Option<String>, Option<String>, u32);

impl Keeper {
    /// Whether a refusal is one without a page of which another was kept within the hour.
    fn is_known(&mut self, request: &RefusedRequest) -> bool {
        let Refused::Token(refused) = &request.refused else {
            return false;
        };
        if !request.silent {
            return false;
        }
        if request.occurred - self.since >= ALIKE || self.alike.len() >= MOST_ALIKE {
            self.since = request.occurred;
            self.alike.clear();
        }
        let alike = (
            refused.tenant.clone(),
            refused.client_id.clone(),
            refused.user.clone(),
            refused.code,
        );
        !self.alike.insert(alike)
    }

    /// Keeps what a batch brought, within its share.
    pub(super) async fn keep(
        &mut self,
        app: &Arc<App>,
        requests: Vec<RefusedRequest>,
    ) -> Result<(), bartizan_store::StoreError> {
        let mut names = Names::new(app.store.read().await?);
        let mut shares: HashMap<Option<TenantId>, usize> = HashMap::new();
        let mut kept = Vec::new();
        for request in requests {
            if self.is_known(&request) {
                continue;
            }
            let tenant = match &request.tenant {
                Some(name) => names.tenant(name).await?,
                None => None,
            };
            let share = shares.entry(tenant).or_default();
            *share += 1;
            if *share > PER_BATCH {
                lost("refusal", 1);
                continue;
            }
            let mut facts = serde_json::to_value(&request.refused).unwrap_or_default();
            if let Some(address) = request.address {
                facts["address"] = Json::from(address.to_string());
            }
            kept.push(Refusal {
                trace: request.trace,
                tenant,
                occurred: request.occurred,
                correlation: request.correlation,
                code: request.code,
                facts,
            });
        }
        drop(names);
        let mut tx = app.store.write_aside().await?;
        for refusal in &kept {
            refusals::append(&mut tx, refusal).await?;
        }
        self.added += kept.len();
        if self.added >= BETWEEN {
            self.added = 0;
            refusals::forget(&mut tx, app.clock.unix_micros() - AGE, NUMBER).await?;
        }
        tx.commit().await
    }
}
