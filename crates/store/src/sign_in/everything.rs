//! The end of all that a person is signed in to.

use bartizan_contract::{ObjectId, TenantId};

use crate::directory::users;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tokens::refresh_tokens;
use crate::transaction::WriteTx;

/// Ends all that came of a user's sign-ins before `now` (microseconds): browser sessions, refresh tokens, codes that were
/// not redeemed yet, and devices that were approved. Times alone would not do: what a token tells of its sign-in is a
/// whole second, and what belongs to the second of the revocation would stay good.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user.
pub async fn end_everything(
    tx: &mut WriteTx,
    tenant: TenantId,
    user: ObjectId,
    now: i64,
) -> Result<(), StoreError> {
    users::revoke_sessions(tx, tenant, user, now).await?;
    refresh_tokens::revoke_of_user(tx, tenant, user, None, now).await?;
    for (set, those) in [
        (
            "update user_sessions set revoked = ",
            " where revoked is null and tenant = ",
        ),
        (
            "update authorization_codes set expires = ",
            " where redeemed is null and tenant = ",
        ),
        (
            "update device_codes set expires = ",
            " where state = 'approved' and tenant = ",
        ),
    ] {
        let mut sql = Sql::new(set);
        sql.bind(now)
            .push(those)
            .bind(tenant)
            .push(" and principal = ")
            .bind(user.to_string());
        sql.execute(tx).await?;
    }
    Ok(())
}
