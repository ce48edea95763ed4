//! `jwt-bearer`, on behalf of: an API calls another one in the name of its caller.

use bartizan_identity::grant::on_behalf_of;
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::Request;
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
        named: grant.asked.names(),
    };
    let read = asking.load(&mut tx, door).await?;
    let decided =
        on_behalf_of::decide(&asking.context(&read), grant, &assertion, &read.identifiers);
    asking.complete(tx, read, decided, Uuid::new_v4()).await
}
