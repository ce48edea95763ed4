//! `password`: name and password by way of the client.

use argon2::PasswordVerifier as _;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::password::{self, Verdict};
use bartizan_identity::sign_in::lockout::Failures;
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::directory::users;
use bartizan_store::sign_in::failures::{self, PasswordFailures};
use bartizan_store::{ReadTx, StoreError, tenants};
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::super::Request;
use super::fault;
use super::user::{Asking, begin};
use super::user_facts::{self, Door};

/// What is compared with when there is no account or no password: as much work as for one, and never right.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IGhlcmUhIQ$dGhpcyBpcyBub3QgdGhlIGhhc2ggb2YgYSBwYXNzdyE";
/// How many passwords are compared at a time: each takes a processor and 19 MiB.
static COMPARING: Semaphore = Semaphore::const_new(2);

/// Decides, keeps, signs, and gives the answer's body.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &password::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path)?;
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let home = home(&mut tx, path, &grant.username).await.map_err(fault)?;
    let door = |user| Door {
        path,
        client_id: &asked.client_id,
        user,
        named: grant.asked.names(),
    };
    let read = user_facts::load(request, &mut tx, door(None))
        .await
        .map_err(fault)?;
    drop(tx);
    // Nobody guesses passwords through a client that may not ask.
    password::admit(&asking.context(&read))?;
    let (verdict, user) = compare(request, path, home, grant).await?;
    let mut tx = begin(request).await?;
    let known = home.zip(user);
    let read = user_facts::load(request, &mut tx, door(known))
        .await
        .map_err(fault)?;
    if read.facts.tenant.is_none() {
        // `organizations`, and a domain that no tenant has.
        return Err(bartizan_identity::UserRefusal::PasswordWrong.into());
    }
    let decided = password::decide(&asking.context(&read), grant, verdict, Uuid::new_v4());
    asking.complete(tx, read, decided, Uuid::new_v4()).await
}

/// The tenant in which a name is looked for: the path's, or by the name's domain.
async fn home(
    tx: &mut ReadTx,
    path: &TenantPath,
    name: &str,
) -> Result<Option<TenantId>, StoreError> {
    let named = match (path.is_one_tenant(), name.rsplit_once('@')) {
        (true, _) => path.word(),
        (false, Some((_, domain))) => domain.to_lowercase(),
        (false, None) => return Ok(None),
    };
    Ok(tenants::resolve(tx, &named).await?.map(|tenant| tenant.id))
}

/// Compares the password. An account that is not there takes as long, is counted and is locked like one that is.
async fn compare(
    request: &Request<'_>,
    path: &TenantPath,
    home: Option<TenantId>,
    grant: &password::Request,
) -> Result<(Verdict, Option<ObjectId>), Refusal> {
    let now = request.trace.now;
    let mut tx = begin(request).await?;
    let user = match home {
        Some(home) => users::by_upn(&mut tx, home, &grant.username)
            .await
            .map_err(fault)?,
        None => None,
    };
    let id = user.as_ref().map(|user| user.id);
    let place = home.map_or_else(|| path.word(), |home| home.to_string());
    let key = secret_hash(&format!("{place}\n{}", grant.username.to_lowercase()));
    let before = failures::of(&mut tx, &key).await.map_err(fault)?;
    let before = before.map_or_else(Failures::default, |kept| Failures {
        count: kept.count,
        last: kept.last,
        locked_until: kept.locked_until,
    });
    if before.locked_for(now).is_some() {
        return Ok((Verdict::Locked, id));
    }
    // Counted before it is compared, so that guesses at the same time do not all find the lock open.
    let after = before.and_another(now);
    let kept = PasswordFailures {
        count: after.count,
        last: after.last,
        locked_until: after.locked_until,
    };
    failures::put(&mut tx, &key, kept).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let typed = grant.password.clone();
    let permit = COMPARING.acquire().await.map_err(|_| Refusal::Fault)?;
    let same = tokio::task::spawn_blocking(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let same = argon2::Argon2::default().verify_password(typed.as_bytes(), hash.as_str());
        known && same.is_ok()
    });
    let same = same.await.map_err(|_| Refusal::Fault)?;
    drop(permit);
    let Some(user) = user.filter(|_| same) else {
        return Ok((Verdict::Wrong, id));
    };
    let mut tx = begin(request).await?;
    failures::forget(&mut tx, &key).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    let verdict = if user.enabled {
        Verdict::Right
    } else {
        Verdict::Disabled
    };
    Ok((verdict, id))
}
