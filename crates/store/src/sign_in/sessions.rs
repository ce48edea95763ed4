//! Sessions of people in browsers.

use bartizan_contract::{ObjectId, TenantId};
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// SHA-256 of the cookie.
    pub hash: String,
    /// What tokens may print of it (`sid`).
    pub id: Uuid,
    /// The user's tenant.
    pub tenant: TenantId,
    /// The user.
    pub principal: ObjectId,
    /// How the user signed in; the identity crate's.
    pub methods: Json,
    /// When, microseconds.
    pub auth_time: i64,
    /// Whether it outlives the browser.
    pub stay: bool,
    /// Good until, microseconds.
    pub expires: i64,
    /// When it was revoked, microseconds.
    pub revoked: Option<i64>,
}

/// Keeps a session.
///
/// # Errors
/// [`StoreError::Exists`], [`StoreError::Missing`] without the tenant or the user.
pub async fn insert(tx: &mut WriteTx, session: &Session) -> Result<(), StoreError> {
    sqlx::query(
        "insert into user_sessions
         (hash, id, tenant, principal, methods, auth_time, stay, expires)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&session.hash)
    .bind(session.id.to_string())
    .bind(session.tenant.to_string())
    .bind(session.principal.to_string())
    .bind(to_json("methods", &session.methods)?)
    .bind(session.auth_time)
    .bind(i64::from(session.stay))
    .bind(session.expires)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "session"))?;
    Ok(())
}

/// The session of a cookie's hash, ended ones too.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_hash(tx: &mut ReadTx, hash: &str) -> Result<Option<Session>, StoreError> {
    let mut sql = Sql::new("select * from user_sessions where hash = ");
    sql.bind(hash);
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// Revokes one session. False when it is not there or revoked already.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn revoke(tx: &mut WriteTx, hash: &str, now: i64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update user_sessions set revoked = ");
    sql.bind(now)
        .push(" where revoked is null and hash = ")
        .bind(hash);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A user's sessions that are neither revoked nor at their end, newest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_user(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
    now: i64,
) -> Result<Vec<Session>, StoreError> {
    let mut sql = Sql::new("select * from user_sessions where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string())
        .push(" and revoked is null and expires > ")
        .bind(now)
        .push(" order by auth_time desc, hash");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        hash: row.text("hash")?,
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        principal: row.parsed("principal")?,
        methods: row.json("methods")?,
        auth_time: row.int("auth_time")?,
        stay: row.flag("stay")?,
        expires: row.int("expires")?,
        revoked: row.maybe_int("revoked")?,
    })
}
