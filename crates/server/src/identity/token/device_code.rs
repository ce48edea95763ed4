//! `device_code`: a sign-in on another device is waited for.

use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::device_code::{self, DeviceCodeFact, DeviceState};
use bartizan_identity::{Refusal, TenantPath, TokenRequest, UserRefusal};
use bartizan_store::tokens::device_codes::{self, DeviceCodeState};
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
    grant: &device_code::Request,
    path: &TenantPath,
) -> Result<Json, Refusal> {
    let asking = Asking::new(request, asked, path).await?;
    let hash = secret_hash(&grant.code);
    let mut tx = begin(request).await?;
    let row = device_codes::by_hash(&mut tx, &hash).await.map_err(fault)?;
    let mut user = None;
    let code = match row {
        None => None,
        Some(row) => Some(DeviceCodeFact {
            path: row.path,
            client: row.client,
            details: from_json(row.details)?,
            expires: row.expires.div_euclid(MICROS),
            state: match row.state {
                DeviceCodeState::Pending => DeviceState::Pending,
                DeviceCodeState::Declined => DeviceState::Declined,
                DeviceCodeState::Redeemed => DeviceState::Redeemed,
                DeviceCodeState::Approved(approval) => {
                    user = Some((approval.tenant, approval.principal));
                    DeviceState::Approved(from_json(approval.details)?)
                }
            },
        }),
    };
    let named = code.as_ref().map(|code| code.details.asked.names());
    let door = Door {
        path,
        client_id: &asked.client_id,
        user,
        named: named.unwrap_or_default(),
    };
    let read = asking.load(&mut tx, door).await?;
    let decided = device_code::decide(&asking.context(&read), code.as_ref());
    if decided.is_ok() && !device_codes::redeem(&mut tx, &hash).await.map_err(fault)? {
        return Err(UserRefusal::DeviceCodeWrong.into());
    }
    asking.complete(tx, read, decided, Uuid::new_v4()).await
}
