//! Authorization codes: single use, for ten minutes.

use bartizan_contract::{AppId, ObjectId, TenantId};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// An authorization code.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationCode {
    /// SHA-256 of the code.
    pub hash: String,
    /// The tenant that it was issued in.
    pub tenant: TenantId,
    /// The client that it was issued to.
    pub client: AppId,
    /// The user who signed in.
    pub principal: ObjectId,
    /// The family of refresh tokens that its redemption begins; a replay revokes it.
    pub family: Uuid,
    /// What was asked and how the user signed in; the identity crate's.
    pub details: Json,
    /// Issued, microseconds.
    pub issued: i64,
    /// Good until, microseconds.
    pub expires: i64,
    /// When it was redeemed, microseconds.
    pub redeemed: Option<i64>,
}

/// Keeps a code.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::Missing`] without the tenant or the user.
pub async fn insert(tx: &mut WriteTx, code: &AuthorizationCode) -> Result<(), StoreError> {
    sqlx::query(
        "insert into authorization_codes
         (hash, tenant, client, principal, family, details, issued, expires)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&code.hash)
    .bind(code.tenant.to_string())
    .bind(code.client.to_string())
    .bind(code.principal.to_string())
    .bind(code.family.to_string())
    .bind(to_json("details", &code.details)?)
    .bind(code.issued)
    .bind(code.expires)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "authorization code"))?;
    Ok(())
}

/// The code with this hash, redeemed and expired ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_hash(tx: &mut ReadTx, hash: &str) -> Result<Option<AuthorizationCode>, StoreError> {
    let mut sql = Sql::new("select * from authorization_codes where hash = ");
    sql.bind(hash);
    let rows = sql.fetch_all(tx).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(AuthorizationCode {
        hash: row.text("hash")?,
        tenant: row.parsed("tenant")?,
        client: row.parsed("client")?,
        principal: row.parsed("principal")?,
        family: row.parsed("family")?,
        details: row.json("details")?,
        issued: row.int("issued")?,
        expires: row.int("expires")?,
        redeemed: row.maybe_int("redeemed")?,
    }))
}

/// Marks a code as redeemed. False when somebody else was first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn redeem(tx: &mut WriteTx, hash: &str, now: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update authorization_codes set redeemed = ");
    sql.bind(now)
        .push(" where redeemed is null and hash = ")
        .bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}
