//! Refusals, kept in SQL under their trace ids for as long and as many as the bounds say.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_identity::explain::Refused;
use bartizan_store::refusals::{self, Refusal, Share};
use serde_json::Value as Json;
use uuid::Uuid;

use super::hourly::{Hour, Keys};
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
/// How many of one tenant are kept of one batch: one flood must not push out everybody's.
const PER_BATCH: usize = 256;
/// How many of no tenant are.
const OF_NOBODY: usize = 32;
/// How many are added before old ones are looked for.
const BETWEEN: usize = 1_000;
/// After which time they are in any case: an hour, in microseconds.
const OFTEN: i64 = 3_600 * 1_000_000;

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
    pub(super) fn share(&self) -> Share {
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

    /// Which of a batch come first: what a grant mends, then what anybody can ask a token for, then what nothing mends.
    fn rank(&self) -> u8 {
        match (&self.refused, self.share()) {
            (_, Share::Calls) => 2,
            (Refused::Token(_), _) => 1,
            (Refused::Api(_), _) => 0,
        }
    }
}

/// Keeps refusals, and forgets those that are too old or too many.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    added: usize,
    /// When old ones were looked for, microseconds.
    looked: i64,
    hour: Hour,
}

/// How many of each tenant a batch has kept.
type Places = HashMap<Option<TenantId>, usize>;

impl Keeper {
    /// Whether one more is kept, of a tenant that is there or of none: within its numbers of the hour and of this batch.
    fn has_place(
        &mut self,
        places: &mut Places,
        request: &RefusedRequest,
        tenant: Option<TenantId>,
    ) -> bool {
        let keys = Keys::of(request, tenant);
        if !self.hour.has_room(&keys) {
            if !keys.is_silent() {
                lost("refusal", 1);
            }
            return false;
        }
        let most = if tenant.is_some() {
            PER_BATCH
        } else {
            OF_NOBODY
        };
        let place = places.entry(tenant).or_default();
        if *place >= most {
            lost("refusal", 1);
            return false;
        }
        *place += 1;
        // What had no place takes nothing of the hour.
        self.hour.count(keys);
        true
    }

    /// Keeps what a batch brought, within its share.
    pub(super) async fn keep(
        &mut self,
        app: &Arc<App>,
        mut requests: Vec<RefusedRequest>,
    ) -> Result<(), bartizan_store::StoreError> {
        let mut names = Names::new(app.store.read().await?);
        let mut places = Places::new();
        let mut kept = Vec::new();
        requests.sort_by_key(RefusedRequest::rank);
        for request in requests {
            let tenant = match &request.tenant {
                Some(name) => names.tenant(name).await?,
                None => None,
            };
            if !self.has_place(&mut places, &request, tenant) {
                continue;
            }
            let room = tenant.map_or(Share::Nobody, |_| request.share());
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
        tx.commit().await
    }

    /// Forgets what is too old or too much, when it is time to look.
    pub(super) async fn forget(&mut self, app: &App) -> Result<(), bartizan_store::StoreError> {
        let now = app.clock.unix_micros();
        if self.added < BETWEEN && now - self.looked < OFTEN {
            return Ok(());
        }
        (self.added, self.looked) = (0, now);
        let mut tx = app.store.write_aside().await?;
        refusals::forget(&mut tx, now - AGE, &NUMBER).await?;
        tx.commit().await
    }
}

#[cfg(test)]
pub(in crate::trail) mod tests {
    use bartizan_contract::remedies::calls::Fault;
    use bartizan_identity::explain::{ApiRefused, Credential, TokenRefused, TokenSeen};

    use super::*;

    /// A call of a caller of a tenant, or of nobody at an address.
    pub(in crate::trail) fn call(
        tenant: Option<&str>,
        who: u8,
        status: u16,
        fault: Option<Fault>,
    ) -> RefusedRequest {
        let seen = |tenant: &str| TokenSeen {
            tenant: tenant.to_owned(),
            client_id: "c".to_owned(),
            object_id: who.to_string(),
            user: false,
            audience: "a".to_owned(),
            permissions: Vec::new(),
            expires: None,
        };
        let refused = Refused::Api(ApiRefused {
            api: "xdr".to_owned(),
            method: "GET".to_owned(),
            path: "/api/incidents".to_owned(),
            fault,
            code: None,
            status,
            message: String::new(),
            check: None,
            token: tenant.map(seen),
        });
        request(tenant, who, refused, false)
    }

    /// A token request, or one of the pages, from an address.
    pub(in crate::trail) fn sign_in(client: &str, who: u8, silent: bool) -> RefusedRequest {
        let refused = Refused::Token(TokenRefused {
            code: 700_016,
            message: String::new(),
            tenant: "t".to_owned(),
            client_id: Some(client.to_owned()),
            grant: None,
            resource: None,
            scopes: Vec::new(),
            user: None,
            credential: Credential::None,
        });
        request(Some("t"), who, refused, silent)
    }

    fn request(tenant: Option<&str>, who: u8, refused: Refused, silent: bool) -> RefusedRequest {
        RefusedRequest {
            trace: Uuid::nil(),
            correlation: String::new(),
            occurred: 1_700_000_000_000_000,
            tenant: tenant.map(str::to_owned),
            code: String::new(),
            address: Some(IpAddr::from([192, 0, 2, who])),
            refused,
            silent,
        }
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
    fn what_a_batch_has_no_place_for_takes_nothing_of_the_hour() {
        let mut keeper = Keeper::default();
        let tenant = Some(TenantId::from_u128(1));
        let mut batch = |tenant: Option<TenantId>, of: &dyn Fn(u8) -> RefusedRequest| {
            let mut places = Places::new();
            let flood = (0..=255).chain(0..=255).map(of);
            let kept = flood.filter(|request| keeper.has_place(&mut places, request, tenant));
            kept.count()
        };
        let of_path = |number: u8| {
            let mut request = call(Some("t"), 1, 400, Some(Fault::Request));
            if let Refused::Api(refused) = &mut request.refused {
                refused.path = number.to_string();
            }
            request
        };
        assert_eq!(batch(tenant, &of_path), PER_BATCH);
        // One caller has 300 an hour.
        assert_eq!(batch(tenant, &of_path), 300 - PER_BATCH);
        assert_eq!(batch(tenant, &of_path), 0);
        let of_nobody = |number| call(None, number, 401, None);
        for _ in 0..4 {
            assert_eq!(batch(None, &of_nobody), OF_NOBODY);
        }
    }

    #[test]
    fn what_a_grant_mends_has_the_places_of_a_batch_first() {
        let mut batch = [
            call(Some("t"), 1, 404, Some(Fault::NotFound)),
            sign_in("c", 1, false),
            call(Some("t"), 1, 403, None),
        ];
        batch.sort_by_key(RefusedRequest::rank);
        let ranks: Vec<u8> = batch.iter().map(RefusedRequest::rank).collect();
        assert_eq!(ranks, [0, 1, 2]);
        assert!(matches!(&batch[0].refused, Refused::Api(api) if api.status == 403));
        assert!(matches!(&batch[1].refused, Refused::Token(_)));
    }
}
