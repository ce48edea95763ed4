//! `jwt-bearer`, on behalf of: an API calls another one in the name of its caller.

use bartizan_identity::grant::on_behalf_of;
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::directory::service_principals;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::Request;
use super::fault;
use super::user::{Asking, begin};
use super::user_facts::Door;

/// Decides, keeps, signs, and gives the answer's body.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &on_behalf_of::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path).await?;
    let now = request.trace.now;
    let assertion = request.app.keys.verifier();
    let assertion = assertion.verify_assertion(&grant.assertion, now);
    let user = assertion
        .as_ref()
        .ok()
        .map(|claims| (claims.tid, claims.oid));
    let mut tx = begin(request).await?;
    let door = Door {
        path,
        client_id: &asked.client_id,
        user,
        // Refused whatever it asks for: nothing is looked up for a stranger.
        named: match &assertion {
            Ok(_) => grant.asked.names(),
            Err(_) => Vec::new(),
        },
    };
    let read = asking.load(&mut tx, door).await?;
    let audience = match &assertion {
        Ok(claims) => {
            let found = service_principals::by_name(&mut tx, claims.tid, &claims.aud).await;
            found.map_err(fault)?.map(|api| api.app_id)
        }
        Err(_) => None,
    };
    let decided = on_behalf_of::decide(&asking.context(&read), grant, &assertion, audience);
    asking.complete(tx, read, decided, Uuid::new_v4()).await
}
