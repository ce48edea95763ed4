//! How many refusals are kept within an hour: of those that are alike, of one caller, and of one tenant.
//!
//! Counted in memory, by each server for what it writes itself, and within bounds: too many keys begin a count anew.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use bartizan_contract::TenantId;
use bartizan_contract::remedies::calls::Fault;
use bartizan_identity::explain::{ApiRefused, Refused, TokenRefused};
use bartizan_store::refusals::Share;

use super::refusal::RefusedRequest;
use crate::source::network;

/// For how long refusals that are alike are counted together: an hour, in microseconds.
const HOUR: i64 = 3_600 * 1_000_000;
/// How many keys of one kind are told apart; beyond that each counts anew.
const MOST_KEYS: usize = 10_000;
/// How many alike that are without a page are kept in the hour: one stands for all.
const SILENT: u32 = 1;
/// How many alike are kept in the hour: enough for a person who tries, and little of a program that asks for ever for what
/// is not there, or what it may not have.
pub(crate) const ALIKE: u32 = 60;
/// How many of one caller are kept in the hour of each share, whatever they are: it has more ways to be refused than its
/// tenant has room.
const OF_CALLER: u32 = 300;
/// How many of one tenant are, whoever called.
const OF_TENANT: u32 = 5_000;

/// Counts of an hour.
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
    /// Whether fewer than `most` were counted within the hour.
    fn has_room(&self, now: i64, key: &K, most: u32) -> bool {
        now - self.since >= HOUR || self.seen.get(key).is_none_or(|seen| *seen < most)
    }

    fn count(&mut self, now: i64, key: K) {
        if now - self.since >= HOUR || self.seen.len() >= MOST_KEYS {
            self.since = now;
            self.seen.clear();
        }
        let seen = self.seen.entry(key).or_default();
        *seen = seen.saturating_add(1);
    }
}

/// Who was refused: by the object of a genuine token, or else by the network of the address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Object(String),
    Network(Option<IpAddr>),
}

/// What refusals that are alike have in common, beside the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Alike {
    /// Caller, operation and status. Paths without an operation are one, and so are the methods that a path does not have.
    Call(Who, String, String, u16),
    /// Client, person, code and address.
    Token(Option<String>, Option<String>, u32, Who),
    /// Client, person and code of what may show no page.
    Silent(Option<String>, Option<String>, u32),
}

/// What a refusal is counted under.
#[derive(Debug)]
pub(super) struct Keys {
    now: i64,
    of: Of,
    alike: (Option<TenantId>, Alike),
    caller: (Option<TenantId>, Who),
}

/// Kinds that leave each other's counts alone, however many keys one makes.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// Calls for want of a permission, or of a token that is good now.
    Granted,
    /// Calls that are wrong themselves.
    Wrong,
    /// The token endpoint and its pages, which anybody can ask.
    Tokens,
    /// What may show no page.
    Silent,
    /// What is of no tenant.
    Nobody,
}

impl Keys {
    /// Of a refusal in a tenant that is there, or in none.
    pub(super) fn of(request: &RefusedRequest, tenant: Option<TenantId>) -> Self {
        let (of, who, alike) = match &request.refused {
            Refused::Api(refused) => {
                let of = match request.share() {
                    Share::Calls => Of::Wrong,
                    _ => Of::Granted,
                };
                let who = match &refused.token {
                    Some(token) => Who::Object(token.object_id.clone()),
                    None => Who::Network(request.address.map(network)),
                };
                (of, who.clone(), call(refused, who))
            }
            Refused::Token(refused) => {
                // Whoever is named has not proven it.
                let who = Who::Network(request.address.map(network));
                let alike = token(refused, request.silent, who.clone());
                let of = if request.silent {
                    Of::Silent
                } else {
                    Of::Tokens
                };
                (of, who, alike)
            }
        };
        Self {
            now: request.occurred,
            of: if tenant.is_some() { of } else { Of::Nobody },
            alike: (tenant, alike),
            caller: (tenant, who),
        }
    }

    /// Whether one stands for all.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.alike.1, Alike::Silent(..))
    }
}

fn call(refused: &ApiRefused, who: Who) -> Alike {
    let (method, path) = match refused.fault {
        Some(Fault::NoOperation) => ("", ""),
        Some(Fault::Method) => ("", refused.path.as_str()),
        _ => (refused.method.as_str(), refused.path.as_str()),
    };
    Alike::Call(who, method.to_owned(), path.to_owned(), refused.status)
}

fn token(refused: &TokenRefused, silent: bool, who: Who) -> Alike {
    let (client, user) = (refused.client_id.clone(), refused.user.clone());
    if silent {
        return Alike::Silent(client, user, refused.code);
    }
    Alike::Token(client, user, refused.code, who)
}

/// Counts of one kind.
#[derive(Debug, Default)]
struct Counts {
    alike: Hourly<(Option<TenantId>, Alike)>,
    callers: Hourly<(Option<TenantId>, Who)>,
    tenants: Hourly<TenantId>,
}

impl Counts {
    fn have_room(&self, keys: &Keys) -> bool {
        let most = if keys.is_silent() { SILENT } else { ALIKE };
        let of_tenant = |tenant| self.tenants.has_room(keys.now, &tenant, OF_TENANT);
        self.alike.has_room(keys.now, &keys.alike, most)
            && self.callers.has_room(keys.now, &keys.caller, OF_CALLER)
            && keys.caller.0.is_none_or(of_tenant)
    }

    fn count(&mut self, keys: Keys) {
        let tenant = keys.caller.0;
        self.alike.count(keys.now, keys.alike);
        self.callers.count(keys.now, keys.caller);
        if let Some(tenant) = tenant {
            self.tenants.count(keys.now, tenant);
        }
    }
}

/// What was kept within the hour.
#[derive(Debug, Default)]
pub(super) struct Hour {
    granted: Counts,
    wrong: Counts,
    tokens: Counts,
    silent: Counts,
    nobody: Counts,
}

impl Hour {
    /// Whether one more may be kept.
    pub(super) fn has_room(&self, keys: &Keys) -> bool {
        let counts = match keys.of {
            Of::Granted => &self.granted,
            Of::Wrong => &self.wrong,
            Of::Tokens => &self.tokens,
            Of::Silent => &self.silent,
            Of::Nobody => &self.nobody,
        };
        counts.have_room(keys)
    }

    /// Counts one that is kept.
    pub(super) fn count(&mut self, keys: Keys) {
        let counts = match keys.of {
            Of::Granted => &mut self.granted,
            Of::Wrong => &mut self.wrong,
            Of::Tokens => &mut self.tokens,
            Of::Silent => &mut self.silent,
            Of::Nobody => &mut self.nobody,
        };
        counts.count(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::refusal::tests::{call, sign_in};

    /// A refusal of a caller.
    type Make = fn(u8) -> RefusedRequest;

    const TENANT: Option<TenantId> = Some(TenantId::from_u128(1));
    const OTHER: Option<TenantId> = Some(TenantId::from_u128(2));

    fn keeps(hour: &mut Hour, tenant: Option<TenantId>, request: &RefusedRequest) -> bool {
        let keys = Keys::of(request, tenant);
        let room = hour.has_room(&keys);
        if room {
            hour.count(keys);
        }
        room
    }

    /// How many of so many are kept.
    fn kept(
        hour: &mut Hour,
        tenant: Option<TenantId>,
        number: u32,
        of: impl Fn(u32) -> RefusedRequest,
    ) -> u32 {
        let kept = (0..number).filter(|number| keeps(hour, tenant, &of(*number)));
        kept.count() as u32
    }

    fn with_path(mut request: RefusedRequest, path: u32) -> RefusedRequest {
        if let Refused::Api(refused) = &mut request.refused {
            refused.path = path.to_string();
        }
        request
    }

    #[test]
    fn whatever_it_is_what_is_alike_is_kept_sixty_times_an_hour() {
        let cases: [(_, Make); 5] = [
            (TENANT, |who| {
                call(Some("t"), who, 404, Some(Fault::NotFound))
            }),
            (TENANT, |who| call(Some("t"), who, 403, None)),
            (TENANT, |who| call(Some("t"), who, 429, None)),
            (None, |who| call(None, who, 401, None)),
            (TENANT, |who| sign_in("c", who, false)),
        ];
        for (tenant, of) in cases {
            let mut hour = Hour::default();
            assert_eq!(kept(&mut hour, tenant, 100, |_| of(1)), ALIKE);
            // Another caller, or one at another address; and the same an hour later.
            assert!(keeps(&mut hour, tenant, &of(2)));
            let mut later = of(1);
            later.occurred += HOUR;
            assert!(keeps(&mut hour, tenant, &later));
        }
    }

    #[test]
    fn one_caller_leaves_room_for_the_tenants_others() {
        let of =
            |who| move |number| with_path(call(Some("t"), who, 400, Some(Fault::Request)), number);
        let mut hour = Hour::default();
        assert_eq!(kept(&mut hour, TENANT, 1_000, of(1)), OF_CALLER);
        assert_eq!(kept(&mut hour, TENANT, 10, of(2)), 10);
        // What a grant mends has counts of its own, and so has another tenant.
        assert!(keeps(&mut hour, TENANT, &call(Some("t"), 1, 403, None)));
        assert!(keeps(&mut hour, OTHER, &of(1)(0)));
    }

    #[test]
    fn one_tenant_has_a_number_of_its_own_for_each_share() {
        let mut hour = Hour::default();
        let many = |status, fault| {
            move |number: u32| {
                with_path(call(Some("t"), (number % 100) as u8, status, fault), number)
            }
        };
        let wrong = Some(Fault::Request);
        assert_eq!(kept(&mut hour, TENANT, 30_000, many(400, wrong)), OF_TENANT);
        // What is not kept makes no keys: nobody's counts begin anew.
        assert_eq!(hour.wrong.alike.seen.len(), OF_TENANT as usize);
        assert_eq!(kept(&mut hour, TENANT, 8_000, many(403, None)), OF_TENANT);
        assert!(keeps(&mut hour, OTHER, &call(Some("u"), 1, 400, wrong)));
        assert!(keeps(&mut hour, OTHER, &call(Some("u"), 1, 403, None)));
    }

    /// Whatever ids and names one address sends, it is one caller; and a network of IPv6 is one address.
    #[test]
    fn what_is_invented_at_the_token_endpoint_is_bounded_by_the_address() {
        let client = |who| move |number: u32| sign_in(&number.to_string(), who, false);
        let mut hour = Hour::default();
        assert_eq!(kept(&mut hour, TENANT, 1_000, client(1)), OF_CALLER);
        assert!(keeps(&mut hour, TENANT, &client(2)(0)));
        let mut hour = Hour::default();
        let of_network = |number: u32| {
            let mut request = client(1)(number);
            let host = u128::from(number) | 0x2001_0db8 << 96;
            request.address = Some(std::net::Ipv6Addr::from_bits(host).into());
            request
        };
        assert_eq!(kept(&mut hour, TENANT, 1_000, of_network), OF_CALLER);
        // Neither takes from what calls have.
        assert!(keeps(&mut hour, TENANT, &call(Some("t"), 1, 403, None)));
    }

    #[test]
    fn of_what_may_show_no_page_one_stands_for_all() {
        let mut hour = Hour::default();
        assert_eq!(kept(&mut hour, TENANT, 10, |_| sign_in("c", 1, true)), 1);
        assert_eq!(kept(&mut hour, TENANT, 10, |_| sign_in("c", 2, true)), 0);
        assert!(keeps(&mut hour, TENANT, &sign_in("d", 1, true)));
        assert!(keeps(&mut hour, TENANT, &sign_in("c", 1, false)));
    }
}
