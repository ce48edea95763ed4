//! `refresh_token`: an earlier sign-in is continued.

use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::refresh_token::{self, RefreshTokenFact};
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::tokens::refresh_tokens;
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
    grant: &refresh_token::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path).await?;
    let hash = secret_hash(&grant.token);
    let mut tx = begin(request).await?;
    let row = refresh_tokens::by_hash(&mut tx, &hash).await;
    let (token, user, family) = match row.map_err(fault)? {
        None => (None, None, Uuid::new_v4()),
        Some(row) => {
            let fact = RefreshTokenFact {
                client: row.family.client,
                details: from_json(row.details)?,
                issued: row.issued.div_euclid(MICROS),
                expires: row.expires.div_euclid(MICROS),
                revoked: row.family.revoked.is_some(),
            };
            let user = (row.family.tenant, row.family.principal);
            (Some(fact), Some(user), row.family.id)
        }
    };
    let named = match &token {
        Some(token) => refresh_token::effective(grant, &token.details).names(),
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
    let decided = refresh_token::decide(&asking.context(&read), grant, token.as_ref());
    if decided.is_ok() {
        let now = request.app.clock.unix_micros();
        let noted = refresh_tokens::touch(&mut tx, &hash, now).await;
        noted.map_err(fault)?;
    }
    asking.complete(tx, read, decided, family).await
}
