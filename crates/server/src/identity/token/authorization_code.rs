//! `authorization_code`: a sign-in in the browser is redeemed.

use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::authorization_code::{self, CodeFact};
use bartizan_identity::grant::user::Denial;
use bartizan_identity::{Refusal, TenantPath, TokenRequest, UserRefusal};
use bartizan_store::tokens::authorization_codes;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::Request;
use super::facts::MICROS;
use super::fault;
use super::user::{Asking, begin, from_json};
use super::user_facts::Door;

/// Decides, keeps, signs, and gives the answer's body.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &authorization_code::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path).await?;
    let hash = secret_hash(&grant.code);
    let mut tx = begin(request).await?;
    let row = authorization_codes::by_hash(&mut tx, &hash).await;
    let (code, user) = match row.map_err(fault)? {
        None => (None, None),
        Some(row) => {
            let user = (row.tenant, row.principal);
            let fact = CodeFact {
                tenant: row.tenant,
                client: row.client,
                family: row.family,
                details: from_json(row.details)?,
                expires: row.expires.div_euclid(MICROS),
                redeemed: row.redeemed.is_some(),
            };
            (Some(fact), Some(user))
        }
    };
    let named = match &code {
        Some(code) => authorization_code::effective(grant, &code.details)?.names(),
        // Refused whatever it asks for: nothing is looked up for a stranger.
        None => Vec::new(),
    };
    let door = Door {
        path,
        client_id: &asked.client_id,
        user,
        named,
    };
    let read = asking.load(&mut tx, door).await?;
    let mut decided = authorization_code::decide(&asking.context(&read), grant, code.as_ref());
    if decided.is_ok() {
        let now = request.app.clock.unix_micros();
        let first = authorization_codes::redeem(&mut tx, &hash, now).await;
        if !first.map_err(fault)? {
            // Somebody else redeemed it between our look and our mark: it came twice.
            decided = Err(Denial {
                refusal: UserRefusal::CodeRedeemed.into(),
                revoke_family: code.as_ref().map(|code| code.family),
            });
        }
    }
    let family = code.map_or_else(Uuid::new_v4, |code| code.family);
    asking.complete(tx, read, decided, family).await
}
