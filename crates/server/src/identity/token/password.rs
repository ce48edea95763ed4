//! `password`: name and password by way of the client.

use bartizan_identity::grant::password::{self, Verdict};
use bartizan_identity::{Refusal, TenantPath, TokenRequest, UserRefusal};
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::Request;
use super::super::sign_in::{Verdict as Checked, check_password};
use super::fault;
use super::user::{Asking, begin};
use super::user_facts::Door;

/// Decides, keeps, signs, and gives the answer's body.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &password::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path).await?;
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let door = |user| Door {
        path,
        client_id: &asked.client_id,
        user,
        named: grant.asked.names(),
    };
    let read = asking.load(&mut tx, door(None)).await?;
    drop(tx);
    // Nobody guesses passwords through a client that may not ask.
    password::admit(&asking.context(&read))?;
    let checked = check_password(request, path, &grant.username, &grant.password).await;
    let (known, verdict) = match checked.map_err(fault)? {
        Checked::Right(tenant, user) if user.must_change_password() => {
            (Some((tenant.id, user.id)), Verdict::Expired)
        }
        Checked::Right(tenant, user) => (Some((tenant.id, user.id)), Verdict::Right),
        Checked::Wrong => return Err(UserRefusal::PasswordWrong.into()),
        Checked::Locked => return Err(UserRefusal::UserLocked.into()),
        Checked::Disabled => return Err(UserRefusal::UserDisabled.into()),
    };
    let mut tx = begin(request).await?;
    let read = asking.load(&mut tx, door(known)).await?;
    let decided = password::decide(&asking.context(&read), grant, verdict, Uuid::new_v4());
    asking.complete(tx, read, decided, Uuid::new_v4()).await
}
