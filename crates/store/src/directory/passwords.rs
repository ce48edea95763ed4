//! Client secrets. The secret itself is never kept: only its SHA-256 and its first characters.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::credential_rows::Credentials;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A client secret (Graph `passwordCredential`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordCredential {
    /// By this id it is removed.
    pub key_id: Uuid,
    /// SHA-256 of the secret, lower-case hexadecimal digits. The secret has so much chance in it
    /// that a slow hash would add nothing.
    pub secret_hash: String,
    /// First three characters of the secret.
    pub hint: String,
    /// Its name.
    pub display_name: Option<String>,
    /// Good from, microseconds.
    pub start: i64,
    /// Good until, microseconds.
    pub end: i64,
    /// Last use, microseconds; kept to the minute.
    pub last_used: Option<i64>,
}

const TABLE: Credentials = Credentials {
    table: "application_passwords",
    id: "key_id",
    order: "start_time",
};

/// Adds a secret to a tenant's application.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such application.
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    password: &PasswordCredential,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into application_passwords
         (key_id, application, tenant, secret_hash, hint, display_name, start_time, end_time,
          last_used)
         select $1, id, tenant, $4, $5, $6, $7, $8, $9 from applications
         where tenant = $3 and id = $2",
    )
    .bind(password.key_id.to_string())
    .bind(application.to_string())
    .bind(tenant.to_string())
    .bind(&password.secret_hash)
    .bind(&password.hint)
    .bind(password.display_name.clone())
    .bind(password.start)
    .bind(password.end)
    .bind(password.last_used)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "password credential"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("application")),
        _ => Ok(()),
    }
}

/// Removes a secret. False when the application has no such secret.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    key_id: Uuid,
) -> Result<bool, StoreError> {
    TABLE.remove(tx, tenant, application, key_id).await
}

/// Lets a secret end earlier, `end` in microseconds. False when the application has no such secret, or one that ends
/// before that: another call may have ended it meanwhile, and nothing keeps alive what ended.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn end_earlier(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    key_id: Uuid,
    end: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update application_passwords set end_time = ");
    sql.bind(end).push(" where tenant = ").bind(tenant);
    sql.push(" and application = ")
        .bind(application.to_string());
    sql.push(" and key_id = ").bind(key_id.to_string());
    sql.push(" and end_time >= ").bind(end);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// The secrets of a tenant's application, oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    application: ObjectId,
) -> Result<Vec<PasswordCredential>, StoreError> {
    let rows = TABLE.list(tx, tenant, application).await?;
    rows.iter().map(read).collect()
}

/// Notes that a secret was used. Written at most once a minute per secret, so that a busy client
/// does not turn every token into a write; call only when `last_used` is that old.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn touch(
    tx: &mut WriteTx,
    tenant: TenantId,
    key_id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    TABLE.touch(tx, tenant, key_id, now).await
}

fn read(row: &AnyRow) -> Result<PasswordCredential, StoreError> {
    Ok(PasswordCredential {
        key_id: row.parsed("key_id")?,
        secret_hash: row.text("secret_hash")?,
        hint: row.text("hint")?,
        display_name: row.maybe_text("display_name")?,
        start: row.int("start_time")?,
        end: row.int("end_time")?,
        last_used: row.maybe_int("last_used")?,
    })
}
