//! Certificates of applications (Graph `keyCredential`): the public part alone.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::credential_rows::Credentials;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::transaction::{ReadTx, WriteTx};

/// A certificate of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCredential {
    /// By this id it is removed.
    pub key_id: Uuid,
    /// The certificate: DER in base64.
    pub certificate: String,
    /// Its name.
    pub display_name: Option<String>,
    /// `Verify` or `Sign`.
    pub usage: String,
    /// Good from, microseconds.
    pub start: i64,
    /// Good until, microseconds.
    pub end: i64,
    /// Last use, microseconds; kept to the minute.
    pub last_used: Option<i64>,
}

const TABLE: Credentials = Credentials {
    table: "application_certificates",
    id: "key_id",
    order: "start_time",
};

/// Adds a certificate to a tenant's application.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such application, [`StoreError::Exists`] when the
/// id is taken.
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    key: &KeyCredential,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into application_certificates
         (key_id, application, tenant, certificate, display_name, usage, start_time, end_time,
          last_used)
         select $1, id, tenant, $4, $5, $6, $7, $8, $9 from applications
         where tenant = $3 and id = $2",
    )
    .bind(key.key_id.to_string())
    .bind(application.to_string())
    .bind(tenant.to_string())
    .bind(&key.certificate)
    .bind(key.display_name.clone())
    .bind(&key.usage)
    .bind(key.start)
    .bind(key.end)
    .bind(key.last_used)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "key credential"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("application")),
        _ => Ok(()),
    }
}

/// Removes a certificate. False when the application has no such certificate.
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

/// The certificates of a tenant's application, oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    application: ObjectId,
) -> Result<Vec<KeyCredential>, StoreError> {
    let rows = TABLE.list(tx, tenant, application).await?;
    rows.iter().map(read).collect()
}

/// Notes that a certificate was used; at most once a minute, as for secrets.
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

fn read(row: &AnyRow) -> Result<KeyCredential, StoreError> {
    Ok(KeyCredential {
        key_id: row.parsed("key_id")?,
        certificate: row.text("certificate")?,
        display_name: row.maybe_text("display_name")?,
        usage: row.text("usage")?,
        start: row.int("start_time")?,
        end: row.int("end_time")?,
        last_used: row.maybe_int("last_used")?,
    })
}
