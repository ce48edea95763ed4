//! Device codes (RFC 8628): a client waits while a person approves it elsewhere.

use bartizan_contract::{AppId, ObjectId, TenantId};
use serde_json::Value as Json;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A device code.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceCode {
    /// SHA-256 of what the client polls with.
    pub hash: String,
    /// SHA-256 of what the person types.
    pub user_code: String,
    /// The tenant's segment of the path that it was asked at: an id, `common`, `organizations`.
    pub path: String,
    /// The client.
    pub client: AppId,
    /// What was asked; the identity crate's.
    pub details: Json,
    /// Issued, microseconds.
    pub issued: i64,
    /// Good until, microseconds.
    pub expires: i64,
    /// How far it is.
    pub state: DeviceCodeState,
}

/// How far a device code is.
#[derive(Debug, Clone, PartialEq)]
pub enum DeviceCodeState {
    /// Nobody decided yet.
    Pending,
    /// Somebody approved it.
    Approved(DeviceApproval),
    /// Somebody declined it.
    Declined,
    /// It was approved and redeemed.
    Redeemed,
}

/// Who approved a device code.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceApproval {
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user.
    pub principal: ObjectId,
    /// How the user signed in; the identity crate's.
    pub details: Json,
}

/// Keeps a code, pending.
///
/// # Errors
/// [`StoreError::Exists`] when either code is taken.
pub async fn insert(tx: &mut WriteTx, code: &DeviceCode) -> Result<(), StoreError> {
    sqlx::query(
        "insert into device_codes
         (hash, user_code, path, client, details, issued, expires, state)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending')",
    )
    .bind(&code.hash)
    .bind(&code.user_code)
    .bind(&code.path)
    .bind(code.client.to_string())
    .bind(to_json("details", &code.details)?)
    .bind(code.issued)
    .bind(code.expires)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "device code"))?;
    Ok(())
}

/// The code with this hash, expired ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_hash(tx: &mut ReadTx, hash: &str) -> Result<Option<DeviceCode>, StoreError> {
    let mut sql = Sql::new("select * from device_codes where hash = ");
    sql.bind(hash);
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// The code whose user code has this hash, expired ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_user_code(tx: &mut ReadTx, hash: &str) -> Result<Option<DeviceCode>, StoreError> {
    let mut sql = Sql::new("select * from device_codes where user_code = ");
    sql.bind(hash);
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// Approves a pending code. False when it is not pending any more.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant or the user.
pub async fn approve(
    tx: &mut WriteTx,
    hash: &str,
    approval: &DeviceApproval,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update device_codes set state = 'approved', tenant = ");
    sql.bind(approval.tenant)
        .push(", principal = ")
        .bind(approval.principal.to_string())
        .push(", approval = ")
        .bind(to_json("approval", &approval.details)?)
        .push(" where state = 'pending' and hash = ")
        .bind(hash);
    Ok(sql.execute_insert(tx, "user").await?.rows_affected() > 0)
}

/// Declines a pending code. False when it is not pending any more.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn decline(tx: &mut WriteTx, hash: &str) -> Result<bool, StoreError> {
    let mut sql =
        Sql::new("update device_codes set state = 'declined' where state = 'pending' and hash = ");
    sql.bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Marks an approved code as redeemed. False when somebody else was first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn redeem(tx: &mut WriteTx, hash: &str) -> Result<bool, StoreError> {
    let mut sql =
        Sql::new("update device_codes set state = 'redeemed' where state = 'approved' and hash = ");
    sql.bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

fn read(row: &AnyRow) -> Result<DeviceCode, StoreError> {
    let state = row.text("state")?;
    let state = match state.as_str() {
        "pending" => DeviceCodeState::Pending,
        "approved" => DeviceCodeState::Approved(DeviceApproval {
            tenant: row.parsed("tenant")?,
            principal: row.parsed("principal")?,
            details: row.json("approval")?,
        }),
        "redeemed" => DeviceCodeState::Redeemed,
        "declined" => DeviceCodeState::Declined,
        other => {
            return Err(StoreError::Corrupt {
                column: "state".to_owned(),
                reason: format!("unknown word '{other}'"),
            });
        }
    };
    Ok(DeviceCode {
        hash: row.text("hash")?,
        user_code: row.text("user_code")?,
        path: row.text("path")?,
        client: row.parsed("client")?,
        details: row.json("details")?,
        issued: row.int("issued")?,
        expires: row.int("expires")?,
        state,
    })
}
