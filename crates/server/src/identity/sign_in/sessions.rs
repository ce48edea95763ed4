//! Sessions: who is signed in, in this browser.

use bartizan_contract::{ObjectId, TenantId};
use bartizan_identity::Refusal;
use bartizan_identity::sign_in::{Account, Method, NewPassword};
use bartizan_store::directory::roles;
use bartizan_store::directory::users::{self, User};
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use bartizan_store::sign_in::sessions::{self, Session};
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, StoreError, WriteTx, sign_in, tenant_policies};
use http::HeaderValue;
use uuid::Uuid;

use super::cookies::Cookie;
use super::flow::random_name;
use super::password::sha256_hex;
use crate::identity::Request;

/// Microseconds in a second.
pub(in crate::identity) const MICROS: i64 = 1_000_000;
/// How long a session lasts that ends with the browser, seconds: some browsers never end.
const SHORT: i64 = 24 * 3_600;
/// How long one lasts whose owner wanted to stay signed in, seconds.
const LONG: i64 = 90 * 24 * 3_600;
/// How many accounts one browser may be signed in to.
const MOST: usize = 5;

/// A session that is good, with its person.
#[derive(Debug, Clone)]
pub(in crate::identity) struct SignedIn {
    pub(in crate::identity) session: Session,
    pub(in crate::identity) user: User,
    pub(in crate::identity) tenant: Tenant,
}

impl SignedIn {
    /// How the person signed in.
    pub(in crate::identity) fn methods(&self) -> Vec<Method> {
        serde_json::from_value(self.session.methods.clone()).unwrap_or_default()
    }

    /// When, seconds since 1970.
    pub(in crate::identity) const fn auth_time(&self) -> i64 {
        self.session.auth_time.div_euclid(MICROS)
    }
}

fn tokens(request: &Request<'_>) -> Vec<String> {
    let cookie = Cookie::Sessions.of(request.site, &request.headers);
    let cookie = cookie.unwrap_or_default();
    let tokens = cookie.split('.').filter(|token| !token.is_empty());
    tokens.take(MOST).map(str::to_owned).collect()
}

/// Everybody who is signed in in the request's browser, the latest first.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn signed_in(
    request: &Request<'_>,
    tx: &mut ReadTx,
) -> Result<Vec<SignedIn>, StoreError> {
    let now = request.app.clock.unix_micros();
    let mut found = Vec::new();
    for token in tokens(request) {
        let Some(session) = sessions::by_hash(tx, &sha256_hex(token.as_bytes())).await? else {
            continue;
        };
        if session.revoked.is_some() || session.expires <= now {
            continue;
        }
        let user = users::by_id(tx, session.tenant, session.principal).await?;
        let tenant = tenants::by_id(tx, session.tenant).await?;
        let (Some(user), Some(tenant)) = (user, tenant) else {
            continue;
        };
        let since = user.sessions_valid_from.max(user.password_changed);
        if user.enabled && session.auth_time >= since {
            found.push(SignedIn {
                session,
                user,
                tenant,
            });
        }
    }
    Ok(found)
}

/// Whether the tenant's policy or the account itself demands a second factor, be one set up or not. An account that has
/// one is asked for it in any case.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn second_factor_demanded(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
    is_administrator: bool,
) -> Result<bool, StoreError> {
    let policy = tenant_policies::get(tx, tenant, tenant_policies::SECOND_FACTOR).await?;
    let by_policy = match policy.as_deref() {
        Some("all") => true,
        Some("administrators") => is_administrator,
        _ => false,
    };
    Ok(by_policy || sign_in::second_factor_required(tx, tenant, user).await?)
}

/// What an account demands of a sign-in, at a host, and its second factors.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn demands(
    tx: &mut ReadTx,
    host: &str,
    tenant: TenantId,
    user: &User,
) -> Result<(Account, Vec<Factor>), StoreError> {
    let roles = roles::templates_of(tx, tenant, user.id).await?;
    let demanded = second_factor_demanded(tx, tenant, user.id, !roles.is_empty()).await?;
    let factors = factors::of_user(tx, tenant, user.id).await?;
    let passkey = |factor: &Factor| matches!(&factor.kind, FactorKind::Passkey { host: at, .. } if at == host);
    let account = Account {
        second_factor_required: demanded || !factors.is_empty(),
        totp: factors.iter().any(|factor| factor.kind == FactorKind::Totp),
        passkey: factors.iter().any(passkey),
        any_factor: !factors.is_empty(),
        new_password: match (user.change_password, user.change_password_with_mfa) {
            (_, true) => Some(NewPassword::AfterSecondFactor),
            (true, false) => Some(NewPassword::Demanded),
            (false, false) => None,
        },
    };
    Ok((account, factors))
}

/// Makes a session and the cookie with it. An older session of the same account in this browser ends: who signs in
/// gets a new name for it.
///
/// # Errors
/// [`StoreError`]; a fault without randomness comes as the inner refusal.
pub(in crate::identity) async fn begin(
    request: &Request<'_>,
    tx: &mut WriteTx,
    (tenant, user): (TenantId, ObjectId),
    methods: &[Method],
    stay: bool,
) -> Result<Result<(Session, Option<HeaderValue>), Refusal>, StoreError> {
    let now = request.app.clock.unix_micros();
    let token = match random_name() {
        Ok(token) => token,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let lifetime = if stay { LONG } else { SHORT };
    let session = Session {
        hash: sha256_hex(token.as_bytes()),
        id: Uuid::new_v4(),
        tenant,
        principal: user,
        methods: serde_json::to_value(methods).unwrap_or_default(),
        auth_time: now,
        stay,
        expires: now + lifetime * MICROS,
        revoked: None,
    };
    sessions::insert(tx, &session).await?;
    let mut kept = vec![token];
    let mut longest = stay;
    for other in tokens(request) {
        let hash = sha256_hex(other.as_bytes());
        let Some(known) = sessions::by_hash(tx, &hash).await? else {
            continue;
        };
        if known.principal == user || kept.len() == MOST {
            sessions::revoke(tx, &hash, now).await?;
        } else if known.revoked.is_none() && known.expires > now {
            longest |= known.stay;
            kept.push(other);
        }
    }
    // Those who did not want to stay end by their own row.
    let age = longest.then_some(LONG);
    let cookie = Cookie::Sessions.set(request.site, &kept.join("."), age);
    Ok(Ok((session, cookie)))
}

/// Ends the browser's sessions; gives the cookie that says so, and whose they were.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn end_all(
    request: &Request<'_>,
    tx: &mut WriteTx,
) -> Result<(Option<HeaderValue>, Vec<SignedIn>), StoreError> {
    let now = request.app.clock.unix_micros();
    let whose = signed_in(request, tx).await?;
    for token in tokens(request) {
        sessions::revoke(tx, &sha256_hex(token.as_bytes()), now).await?;
    }
    let cookie = Cookie::Sessions.set(request.site, "", Some(0));
    Ok((cookie, whose))
}
