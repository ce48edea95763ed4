//! Refusals, kept in SQL under their trace ids for as long and as many as the bounds say.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::remedies::calls::Fault;
use bartizan_identity::explain::Refused;
use bartizan_store::refusals::{self, Refusal, Share};
use serde_json::Value as Json;
use uuid::Uuid;

use super::lost;
use super::names::Names;
use crate::app::App;

/// How long a refusal is kept: 30 days, in microseconds.
const AGE: i64 = 30 * 86_400 * 1_000_000;
/// How many are kept in the whole installation, by what does not push out each other.
const NUMBER: [(Share, u32); 3] = [
    (Share::Grants, 70_000),
    (Share::Silent, 10_000),
    (Share::Calls, 20_000),
];
/// What programs are told that ask without a page (`prompt=none`), for as long as nobody, or not one alone, is signed in.
const SILENT: [&str; 2] = ["AADSTS50058", "AADSTS16000"];
/// For how long refusals that are alike are counted together: an hour, in microseconds.
const ALIKE: i64 = 3_600 * 1_000_000;
/// How many of these are told apart; beyond that each is kept again, within its share.
const MOST_ALIKE: usize = 10_000;
/// How many alike that are without a page are kept in the hour: one stands for all.
const SILENT_ALIKE: u32 = 1;
/// How many alike calls that are wrong themselves are kept in the hour: enough for a person who tries, and little of a
/// program that asks for ever for what is not there.
const CALLS_ALIKE: u32 = 60;
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

impl RefusedRequest {
    /// Whether the call itself was wrong, so that no grant mends it.
    fn is_of_call(&self) -> bool {
        matches!(&self.refused, Refused::Api(api) if api.fault.is_some())
    }

    fn share(&self) -> Share {
        match &self.refused {
            Refused::Api(api) if api.fault.is_some() => Share::Calls,
            Refused::Token(_) if SILENT.contains(&self.code.as_str()) => Share::Silent,
            _ => Share::Grants,
        }
    }
}

/// Counts what is alike within an hour.
#[derive(Debug)]
struct Hourly<K> {
    /// Since this time, microseconds.
    since: i64,
    seen: HashMap<K, u32>,
}

impl<K> Default for Hourly<K> {
    fn default() -> Self {
        Self {
            since: 0,
            seen: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash> Hourly<K> {
    /// Whether as many as `most` were there within the hour, without this one.
    fn is_over(&mut self, now: i64, key: K, most: u32) -> bool {
        if now - self.since >= ALIKE || self.seen.len() >= MOST_ALIKE {
            self.since = now;
            self.seen.clear();
        }
        let seen = self.seen.entry(key).or_default();
        *seen = seen.saturating_add(1);
        *seen > most
    }
}

/// What refusals without a page have in common: the tenant, the client, the person, the code.
type Silent = (String, Option<String>, Option<String>, u32);
/// What calls that are wrong themselves have in common: the tenant, the caller, the operation, the status. Paths without an
/// operation are one.
type Wrong = (Option<String>, Option<String>, String, String, u16);

/// Keeps refusals, and forgets those that are too old or too many.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    added: usize,
    silent: Hourly<Silent>,
    wrong: Hourly<Wrong>,
}

impl Keeper {
    /// Whether enough of its likes were kept within the hour.
    fn is_known(&mut self, request: &RefusedRequest) -> bool {
        let now = request.occurred;
        match &request.refused {
            Refused::Token(refused) if request.silent => {
                let alike = (
                    refused.tenant.clone(),
                    refused.client_id.clone(),
                    refused.user.clone(),
                    refused.code,
                );
                self.silent.is_over(now, alike, SILENT_ALIKE)
            }
            Refused::Api(refused) if request.is_of_call() => {
                let path = match refused.fault {
                    Some(Fault::NoOperation) => String::new(),
                    _ => refused.path.clone(),
                };
                let alike = (
                    request.tenant.clone(),
                    refused.token.as_ref().map(|token| token.object_id.clone()),
                    refused.method.clone(),
                    path,
                    refused.status,
                );
                self.wrong.is_over(now, alike, CALLS_ALIKE)
            }
            _ => false,
        }
    }

    /// Keeps what a batch brought, within its share.
    pub(super) async fn keep(
        &mut self,
        app: &Arc<App>,
        mut requests: Vec<RefusedRequest>,
    ) -> Result<(), bartizan_store::StoreError> {
        let mut names = Names::new(app.store.read().await?);
        let mut shares: HashMap<Option<TenantId>, usize> = HashMap::new();
        let mut kept = Vec::new();
        // What a grant mends has the places of a batch first.
        requests.sort_by_key(RefusedRequest::is_of_call);
        for request in requests {
            if self.is_known(&request) {
                if request.is_of_call() {
                    lost("refusal", 1);
                }
                continue;
            }
            let room = request.share();
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
                share: room,
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
            refusals::forget(&mut tx, app.clock.unix_micros() - AGE, &NUMBER).await?;
        }
        tx.commit().await
    }
}
