//! Checking a person's password: for the pages, and for the password grant.
//!
//! Nothing tells an account that exists from one that does not: both take an argon2id computation, both are counted and
//! locked by name, both get the same answer.

use std::net::IpAddr;

use argon2::PasswordVerifier as _;
use aws_lc_rs::digest::{SHA256, digest};
use bartizan_contract::TenantId;
use bartizan_identity::TenantPath;
use bartizan_identity::sign_in::lockout::Failures;
use bartizan_store::directory::users::{self, User};
use bartizan_store::sign_in::failures::{self, PasswordFailures};
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, StoreError, WriteTx};
use serde_json::json;

use super::{Event, record_event};
use crate::app::App;
use crate::handlers::directory::audits::UNKNOWN;
use crate::identity::Request;

/// What is checked when there is no account or no password: as much work as for one, and never right.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IGhlcmUhIQ$dGhpcyBpcyBub3QgdGhlIGhhc2ggb2YgYSBwYXNzdyE";

/// What a password check found.
#[derive(Debug)]
pub(in crate::identity) enum Verdict {
    /// Name and password belong together.
    Right(Box<Tenant>, Box<User>),
    /// They do; but the account is switched off (50057).
    Disabled,
    /// They do not, or there is no such account (50126).
    Wrong,
    /// The name or the address has had too many wrong ones (50053).
    Locked,
}

/// Checks the password of a name at a tenant's door, or at `common` or `organizations`, where the name's domain says
/// which tenant it is.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn check(
    request: &Request<'_>,
    path: &TenantPath,
    name: &str,
    password: &str,
) -> Result<Verdict, StoreError> {
    let (app, source) = (request.app, request.source());
    let now = app.clock.unix_seconds();
    if source.is_some_and(|source| !app.passwords.spend(source, now)) {
        return Ok(Verdict::Locked);
    }
    let mut tx = app.store.write_aside().await?;
    let tenant = tenant_of(&mut tx, path, name).await?;
    let user = match &tenant {
        Some(tenant) => users::by_upn(&mut tx, tenant.id, name).await?,
        None => None,
    };
    let key = failures_key(path, tenant.as_ref(), name);
    let Some(after) = counted(&mut tx, &key, now).await? else {
        return Ok(Verdict::Locked);
    };
    tx.commit().await?;

    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let typed = password.to_owned();
    let same = app.passwords.hash(move || verify(hash, &typed)).await;
    let (Some(tenant), Some(user), Some(true)) = (&tenant, &user, same) else {
        // Also for names that nobody bears: the log tells of spraying, and the time it takes tells nothing.
        if let Some(tenant) = &tenant {
            let (upn, display_name) = user.as_ref().map(|u| (&u.upn, &u.display_name)).unzip();
            let event = Event {
                // Who typed it is not known: least of all that it was the account's owner.
                actor: UNKNOWN.to_owned(),
                target: user
                    .as_ref()
                    .map_or(UNKNOWN.to_owned(), |u| u.id.to_string()),
                action: "user.wrongPassword",
                outcome: "AADSTS50126".to_owned(),
                details: json!({
                    "code": 50_126,
                    "userPrincipalName": upn,
                    "displayName": display_name,
                    "address": source.map(|address| address.to_string()),
                    "failures": after.count,
                }),
            };
            let mut tx = app.store.write_aside().await?;
            record_event(request, &mut tx, tenant.id, event).await?;
            tx.commit().await?;
        }
        return Ok(Verdict::Wrong);
    };
    let mut tx = app.store.write_aside().await?;
    // Another one may have been set while this one was checked.
    let held = users::by_id(&mut tx, tenant.id, user.id).await?;
    if held.is_none_or(|held| held.password_hash != user.password_hash) {
        return Ok(Verdict::Wrong);
    }
    failures::forget(&mut tx, &key).await?;
    tx.commit().await?;
    if let Some(source) = source {
        app.passwords.refund(source, now);
    }
    if !user.enabled {
        return Ok(Verdict::Disabled);
    }
    Ok(Verdict::Right(
        Box::new(tenant.clone()),
        Box::new(user.clone()),
    ))
}

/// Counts an attempt before it is looked at, so that guesses at the same time do not all find the lock open: six digits
/// would be guessed otherwise. Gives the count with it; `None` when there were too many.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn counted(
    tx: &mut WriteTx,
    key: &str,
    now: i64,
) -> Result<Option<Failures>, StoreError> {
    let before = failures::of(tx, key).await?;
    let before = before.map_or_else(Failures::default, |kept| Failures {
        count: kept.count,
        last: kept.last,
        locked_until: kept.locked_until,
    });
    if before.locked_for(now).is_some() {
        return Ok(None);
    }
    let after = before.and_another(now);
    let kept = PasswordFailures {
        count: after.count,
        last: after.last,
        locked_until: after.locked_until,
    };
    failures::put(tx, key, kept).await?;
    Ok(Some(after))
}

/// What the check of a caller's own password found.
#[derive(Debug)]
pub(crate) enum OwnVerdict {
    /// It is right.
    Right,
    /// It is not; how many were wrong by now.
    Wrong(u32),
    /// Too many were.
    Locked,
}

/// Checks the password of an account that a token speaks for, counted and locked together with the sign-ins by its
/// name and by the caller's address: tokens that were taken are no way around their locks.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn check_own(
    app: &App,
    tenant: TenantId,
    user: &User,
    typed: String,
    source: Option<IpAddr>,
) -> Result<OwnVerdict, StoreError> {
    let now = app.clock.unix_seconds();
    if source.is_some_and(|source| !app.passwords.spend(source, now)) {
        return Ok(OwnVerdict::Locked);
    }
    let key = key_in(&tenant.to_string(), &user.upn);
    let mut tx = app.store.write_aside().await?;
    let Some(after) = counted(&mut tx, &key, now).await? else {
        return Ok(OwnVerdict::Locked);
    };
    tx.commit().await?;
    let hash = user.password_hash.clone();
    if app.passwords.hash(move || verify(hash, &typed)).await != Some(true) {
        return Ok(OwnVerdict::Wrong(after.count));
    }
    let mut tx = app.store.write_aside().await?;
    failures::forget(&mut tx, &key).await?;
    tx.commit().await?;
    if let Some(source) = source {
        app.passwords.refund(source, now);
    }
    Ok(OwnVerdict::Right)
}

/// The tenant in which a name is looked for. At a tenant's own door only that tenant's accounts are found.
async fn tenant_of(
    tx: &mut ReadTx,
    path: &TenantPath,
    name: &str,
) -> Result<Option<Tenant>, StoreError> {
    match path {
        TenantPath::Id(_) | TenantPath::Domain(_) => tenants::resolve(tx, &path.word()).await,
        TenantPath::Common | TenantPath::Organizations => match name.rsplit_once('@') {
            Some((_, domain)) => tenants::resolve(tx, &domain.to_lowercase()).await,
            None => Ok(None),
        },
        TenantPath::Consumers => Ok(None),
    }
}

/// Under which name wrong passwords are counted: the same by every door, and whether or not there is an account.
fn failures_key(path: &TenantPath, tenant: Option<&Tenant>, name: &str) -> String {
    let place = tenant.map_or_else(|| path.word(), |tenant| tenant.id.to_string());
    key_in(&place, name)
}

/// The same of an account of a tenant.
pub(crate) fn failures_of(tenant: TenantId, upn: &str) -> String {
    key_in(&tenant.to_string(), upn)
}

fn key_in(place: &str, name: &str) -> String {
    sha256_hex(format!("{place}\n{}", name.to_lowercase()).as_bytes())
}

/// SHA-256 in lower-case hexadecimal digits: how the store keeps what a browser holds.
pub(in crate::identity) fn sha256_hex(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn verify(hash: Option<String>, typed: &str) -> bool {
    let known = hash.is_some();
    let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
    let same = argon2::Argon2::default().verify_password(typed.as_bytes(), hash.as_str());
    known && same.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_a_hash_that_takes_as_long_as_any() {
        let parsed = argon2::PasswordHash::new(NOBODY).unwrap();
        let params = argon2::Params::try_from(&parsed).unwrap();
        assert_eq!(params.m_cost(), argon2::Params::DEFAULT_M_COST);
        assert_eq!(params.t_cost(), argon2::Params::DEFAULT_T_COST);
        assert!(!verify(None, "this is not the hash of a passw!"));
    }
}
