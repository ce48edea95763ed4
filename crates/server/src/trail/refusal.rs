//! Refusals, kept in SQL under their trace ids for as long and as many as the bounds say.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::remedies::calls::Fault;
use bartizan_identity::explain::{ApiRefused, Refused};
use bartizan_store::refusals::{self, Refusal, Share};
use serde_json::Value as Json;
use uuid::Uuid;

use super::lost;
use super::names::Names;
use crate::app::App;

/// How long a refusal is kept: 30 days, in microseconds.
const AGE: i64 = 30 * 86_400 * 1_000_000;
/// How many are kept in the whole installation, by what does not push out each other.
const NUMBER: [(Share, u32); 4] = [
    (Share::Grants, 65_000),
    (Share::Silent, 10_000),
    (Share::Calls, 20_000),
    (Share::Nobody, 5_000),
];
/// What programs are told that ask without a page (`prompt=none`), for as long as nobody, or not one alone, is signed in.
const SILENT: [&str; 2] = ["AADSTS50058", "AADSTS16000"];
/// For how long refusals that are alike are counted together: an hour, in microseconds.
const ALIKE: i64 = 3_600 * 1_000_000;
/// How many of these are told apart; beyond that each is kept again, within its share.
const MOST_ALIKE: usize = 10_000;
/// How many alike that are without a page are kept in the hour: one stands for all.
const SILENT_ALIKE: u32 = 1;
/// How many alike refusals of calls are kept in the hour: enough for a person who tries, and little of a program that asks
/// for ever for what is not there, or what it may not have.
const CALLS_ALIKE: u32 = 60;
/// How many refusals of calls are kept in the hour of one tenant and share, whatever they are: one caller has more ways to be
/// refused than there is room.
const OF_TENANT: u32 = 5_000;
/// How many of one tenant are kept of one batch: one flood must not push out everybody's.
const PER_BATCH: usize = 256;
/// How many of no tenant are.
const OF_NOBODY: usize = 32;
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
    /// The share, where the tenant that is named is there.
    fn share(&self) -> Share {
        match &self.refused {
            _ if self.tenant.is_none() => Share::Nobody,
            // Patience, or another version, mends 429 and 501.
            Refused::Api(api) if api.fault.is_some() || [429, 501].contains(&api.status) => {
                Share::Calls
            }
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
    /// Whether as many as `most` were there within the hour.
    fn is_full(&self, now: i64, key: &K, most: u32) -> bool {
        now - self.since < ALIKE && self.seen.get(key).is_some_and(|seen| *seen >= most)
    }

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
/// What refused calls have in common: the tenant, the caller, the operation, the status. Paths without an operation are one,
/// and so are the methods that a path does not have. Who is in no tenant is known by the address.
type Call = (Option<String>, Option<String>, String, String, u16);

/// Counts refused calls of one share.
#[derive(Debug, Default)]
struct Calls {
    alike: Hourly<Call>,
    tenants: Hourly<String>,
}

impl Calls {
    /// Whether enough of its likes, or of its tenant's, were kept within the hour.
    fn is_known(&mut self, request: &RefusedRequest, refused: &ApiRefused) -> bool {
        let now = request.occurred;
        let tenant = request.tenant.as_ref();
        // First: whoever has had the tenant's number makes no more keys.
        if tenant.is_some_and(|tenant| self.tenants.is_full(now, tenant, OF_TENANT)) {
            return true;
        }
        let (method, path) = match refused.fault {
            Some(Fault::NoOperation) => ("", ""),
            Some(Fault::Method) => ("", refused.path.as_str()),
            _ => (refused.method.as_str(), refused.path.as_str()),
        };
        let who = match &refused.token {
            Some(token) => Some(token.object_id.clone()),
            None => request.address.map(|address| address.to_string()),
        };
        let alike = (
            tenant.cloned(),
            who,
            method.to_owned(),
            path.to_owned(),
            refused.status,
        );
        self.alike.is_over(now, alike, CALLS_ALIKE)
            || tenant.is_some_and(|tenant| self.tenants.is_over(now, tenant.clone(), OF_TENANT))
    }
}

/// Keeps refusals, and forgets those that are too old or too many.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    added: usize,
    silent: Hourly<Silent>,
    granted: Calls,
    wrong: Calls,
    nobody: Calls,
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
            Refused::Token(_) => false,
            Refused::Api(refused) => {
                // One share's many keys leave the counts of the others alone.
                let calls = match request.share() {
                    Share::Nobody => &mut self.nobody,
                    Share::Calls => &mut self.wrong,
                    Share::Grants | Share::Silent => &mut self.granted,
                };
                calls.is_known(request, refused)
            }
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
        requests.sort_by_key(|request| request.share() == Share::Calls);
        for request in requests {
            if self.is_known(&request) {
                if matches!(request.refused, Refused::Api(_)) {
                    lost("refusal", 1);
                }
                continue;
            }
            let tenant = match &request.tenant {
                Some(name) => names.tenant(name).await?,
                None => None,
            };
            let (room, most) = match tenant {
                Some(_) => (request.share(), PER_BATCH),
                None => (Share::Nobody, OF_NOBODY),
            };
            let share = shares.entry(tenant).or_default();
            *share += 1;
            if *share > most {
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

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_identity::explain::TokenSeen;

    /// A call of a caller of a tenant, or of nobody at an address.
    fn call(tenant: Option<&str>, who: u8, status: u16, fault: Option<Fault>) -> RefusedRequest {
        let seen = |tenant: &str| TokenSeen {
            tenant: tenant.to_owned(),
            client_id: "c".to_owned(),
            object_id: who.to_string(),
            user: false,
            audience: "a".to_owned(),
            permissions: Vec::new(),
            expires: None,
        };
        RefusedRequest {
            trace: Uuid::nil(),
            correlation: String::new(),
            occurred: ALIKE,
            tenant: tenant.map(str::to_owned),
            code: status.to_string(),
            address: Some(IpAddr::from([192, 0, 2, who])),
            refused: Refused::Api(ApiRefused {
                api: "xdr".to_owned(),
                method: "GET".to_owned(),
                path: "/api/incidents".to_owned(),
                fault,
                code: None,
                status,
                message: String::new(),
                check: None,
                token: tenant.map(seen),
            }),
            silent: false,
        }
    }

    fn with_path(mut request: RefusedRequest, path: String) -> RefusedRequest {
        if let Refused::Api(refused) = &mut request.refused {
            refused.path = path;
        }
        request
    }

    /// How many of so many are kept.
    fn kept(keeper: &mut Keeper, number: u32, of: impl Fn(u32) -> RefusedRequest) -> usize {
        let new = (0..number).filter(|number| !keeper.is_known(&of(*number)));
        new.count()
    }

    #[test]
    fn each_has_its_share() {
        let share = |tenant, status, fault| call(tenant, 1, status, fault).share();
        assert_eq!(share(Some("t"), 401, None), Share::Grants);
        assert_eq!(share(Some("t"), 403, None), Share::Grants);
        assert_eq!(share(Some("t"), 404, Some(Fault::NotFound)), Share::Calls);
        assert_eq!(share(Some("t"), 429, None), Share::Calls);
        assert_eq!(share(Some("t"), 501, None), Share::Calls);
        assert_eq!(share(None, 401, None), Share::Nobody);
        let all: u32 = NUMBER.iter().map(|(_, number)| number).sum();
        assert_eq!(all, 100_000);
    }

    #[test]
    fn whatever_it_is_what_is_alike_is_kept_sixty_times_an_hour() {
        for (tenant, status, fault) in [
            (Some("t"), 404, Some(Fault::NotFound)),
            (Some("t"), 403, None),
            (Some("t"), 429, None),
            (None, 401, None),
        ] {
            let mut keeper = Keeper::default();
            let alike = |_| call(tenant, 1, status, fault);
            assert_eq!(kept(&mut keeper, 100, alike), 60, "{status}");
            // Another caller, or one at another address; and the same an hour later.
            assert!(!keeper.is_known(&call(tenant, 2, status, fault)));
            let mut later = call(tenant, 1, status, fault);
            later.occurred += ALIKE;
            assert!(!keeper.is_known(&later));
        }
    }

    #[test]
    fn one_tenant_has_a_number_of_its_own_for_each_share() {
        let mut keeper = Keeper::default();
        let many = |status, fault| {
            move |number: u32| with_path(call(Some("t"), 1, status, fault), number.to_string())
        };
        let wrong = Some(Fault::Request);
        assert_eq!(kept(&mut keeper, 30_000, many(400, wrong)), 5_000);
        // Which made no keys beyond it: nobody's counts begin anew.
        assert!(keeper.wrong.alike.seen.len() <= 5_001);
        assert_eq!(kept(&mut keeper, 8_000, many(403, None)), 5_000);
        assert!(!keeper.is_known(&call(Some("u"), 1, 400, wrong)));
        assert!(!keeper.is_known(&call(Some("u"), 1, 403, None)));
    }
}
