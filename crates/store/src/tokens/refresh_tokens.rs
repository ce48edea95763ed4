//! Refresh tokens, in families: all that descend from one sign-in of one client.

use bartizan_contract::{AppId, ObjectId, TenantId};
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub id: Uuid,
    /// The user's home tenant.
    pub tenant: TenantId,
    /// The client.
    pub client: AppId,
    /// The user.
    pub principal: ObjectId,
    /// When it began, microseconds.
    pub created: i64,
    /// When it was revoked, microseconds.
    pub revoked: Option<i64>,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub hash: String,
    /// Its family.
    pub family: Family,
    /// How the user signed in and what was asked; the identity crate's.
    pub details: Json,
    /// Issued, microseconds.
    pub issued: i64,
    /// Last redeemed, microseconds.
    pub last_used: Option<i64>,
    /// Good until, microseconds.
    pub expires: i64,
}

/// Keeps a token, and its family unless that is there. One of a family that was revoked is
/// revoked from the start.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::Missing`] without the tenant or the user.
pub async fn insert(tx: &mut WriteTx, token: &RefreshToken) -> Result<(), StoreError> {
    let family = &token.family;
    sqlx::query(
        "insert into refresh_token_families (id, tenant, client, principal, created)
         values ($1, $2, $3, $4, $5) on conflict (id) do nothing",
    )
    .bind(family.id.to_string())
    .bind(family.tenant.to_string())
    .bind(family.client.to_string())
    .bind(family.principal.to_string())
    .bind(family.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "refresh token family"))?;
    sqlx::query(
        "insert into refresh_tokens (hash, family, details, issued, expires)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(&token.hash)
    .bind(family.id.to_string())
    .bind(to_json("details", &token.details)?)
    .bind(token.issued)
    .bind(token.expires)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "refresh token"))?;
    Ok(())
}

/// The token with this hash, expired and revoked ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_hash(tx: &mut ReadTx, hash: &str) -> Result<Option<RefreshToken>, StoreError> {
    let mut sql = Sql::new(
        "select t.hash, t.details, t.issued, t.last_used, t.expires, f.id, f.tenant, f.client,
                f.principal, f.created, f.revoked
         from refresh_tokens t join refresh_token_families f on f.id = t.family where t.hash = ",
    );
    sql.bind(hash);
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// Notes that a token was redeemed.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn touch(tx: &mut WriteTx, hash: &str, now: i64) -> Result<(), StoreError> {
    let mut sql = Sql::new("update refresh_tokens set last_used = ");
    sql.bind(now).push(" where hash = ").bind(hash);
    sql.execute(tx).await?;
    Ok(())
}

/// Revokes a family. False when the tenant has none with that id that is still good.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn revoke_family(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: Uuid,
    now: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update refresh_token_families set revoked = ");
    sql.bind(now)
        .push(" where revoked is null and tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Revokes what a user's clients hold, or one client's. Gives how many families that were.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn revoke_of_user(
    tx: &mut WriteTx,
    tenant: TenantId,
    user: ObjectId,
    client: Option<AppId>,
    now: i64,
) -> Result<u64, StoreError> {
    let mut sql = Sql::new("update refresh_token_families set revoked = ");
    sql.bind(now)
        .push(" where revoked is null and tenant = ")
        .bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string());
    if let Some(client) = client {
        sql.push(" and client = ").bind(client.to_string());
    }
    Ok(sql.execute(tx).await?.rows_affected())
}

/// A user's families, newest first, revoked ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_user(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Vec<Family>, StoreError> {
    let mut sql = Sql::new("select * from refresh_token_families where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string())
        .push(" order by created desc, id");
    sql.fetch_all(tx).await?.iter().map(family).collect()
}

fn family(row: &AnyRow) -> Result<Family, StoreError> {
    Ok(Family {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        client: row.parsed("client")?,
        principal: row.parsed("principal")?,
        created: row.int("created")?,
        revoked: row.maybe_int("revoked")?,
    })
}

fn read(row: &AnyRow) -> Result<RefreshToken, StoreError> {
    Ok(RefreshToken {
        hash: row.text("hash")?,
        family: family(row)?,
        details: row.json("details")?,
        issued: row.int("issued")?,
        last_used: row.maybe_int("last_used")?,
        expires: row.int("expires")?,
    })
}
