//! How people sign in: second factors, wrong passwords, sessions, and sign-ins that are under way.
//!
//! What a browser holds is random and found by its SHA-256; whose it is, the row says.

mod everything;
pub mod factors;
pub mod failures;
pub mod pending;
pub mod sessions;

pub use everything::end_everything;

use bartizan_contract::{ObjectId, TenantId};

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Whether an account must have a second factor. False for one that is not there.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn second_factor_required(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("select second_factor_required from users where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(user.to_string());
    let rows = sql.fetch_all(tx).await?;
    rows.first()
        .map_or(Ok(false), |row| row.flag("second_factor_required"))
}

/// Says whether an account must have a second factor.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user.
pub async fn require_second_factor(
    tx: &mut WriteTx,
    tenant: TenantId,
    user: ObjectId,
    required: bool,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update users set second_factor_required = ");
    sql.bind(i64::from(required))
        .push(" where tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(user.to_string());
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// Removes sessions and sign-ins that ended before `now`, and wrong passwords older than `remembered`, microseconds
/// both. Gives how many rows went.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn sweep(tx: &mut WriteTx, now: i64, remembered: i64) -> Result<u64, StoreError> {
    let mut removed = 0;
    for (text, before) in [
        ("delete from user_sessions where expires < ", now),
        ("delete from sign_ins where expires < ", now),
        (
            "delete from password_failures where last_failure < ",
            remembered,
        ),
    ] {
        let mut sql = Sql::new(text);
        sql.bind(before);
        removed += sql.execute(tx).await?.rows_affected();
    }
    Ok(removed)
}
