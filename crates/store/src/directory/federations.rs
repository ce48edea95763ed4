//! Tokens of other issuers that stand for an application (Graph `federatedIdentityCredential`).

use bartizan_contract::{ObjectId, TenantId};
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::credential_rows::Credentials;
use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A federated credential of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedCredential {
    /// Its object id.
    pub id: Uuid,
    /// Its name: one of a kind within the application, never changed.
    pub name: String,
    /// `iss` of the tokens.
    pub issuer: String,
    /// Their `sub`.
    pub subject: String,
    /// Their `aud`.
    pub audience: String,
    /// What it is for.
    pub description: Option<String>,
    /// The issuer's keys (RFC 7517), when they are kept instead of fetched.
    pub key_set: Option<Json>,
    /// When it was made, microseconds.
    pub created: i64,
    /// Last use, microseconds; kept to the minute.
    pub last_used: Option<i64>,
}

const TABLE: Credentials = Credentials {
    table: "application_federations",
    id: "id",
    order: "created",
};

/// Adds a credential to a tenant's application.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such application, [`StoreError::Exists`] when the
/// application has one of that name.
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    new: &FederatedCredential,
) -> Result<(), StoreError> {
    let key_set = key_set_text(new)?;
    let done = sqlx::query(
        "insert into application_federations
         (id, application, tenant, name, issuer, subject, audience, description, key_set, created,
          last_used)
         select $1, id, tenant, $4, $5, $6, $7, $8, $9, $10, $11 from applications
         where tenant = $3 and id = $2",
    )
    .bind(new.id.to_string())
    .bind(application.to_string())
    .bind(tenant.to_string())
    .bind(&new.name)
    .bind(&new.issuer)
    .bind(&new.subject)
    .bind(&new.audience)
    .bind(new.description.clone())
    .bind(key_set)
    .bind(new.created)
    .bind(new.last_used)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "federated identity credential"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("application")),
        _ => Ok(()),
    }
}

/// Replaces what may change of a credential: everything but its id, its name and its times.
///
/// # Errors
/// [`StoreError::Missing`] when the application has no such credential.
pub async fn update(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    changed: &FederatedCredential,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update application_federations set issuer = ");
    sql.bind(changed.issuer.as_str())
        .push(", subject = ")
        .bind(changed.subject.as_str())
        .push(", audience = ")
        .bind(changed.audience.as_str())
        .push(", description = ")
        .bind(changed.description.clone())
        .push(", key_set = ")
        .bind(key_set_text(changed)?);
    sql.push(" where tenant = ")
        .bind(tenant)
        .push(" and application = ")
        .bind(application.to_string())
        .push(" and id = ")
        .bind(changed.id.to_string());
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("federated identity credential")),
        _ => Ok(()),
    }
}

/// Removes a credential. False when the application has no such credential.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove(
    tx: &mut WriteTx,
    tenant: TenantId,
    application: ObjectId,
    id: Uuid,
) -> Result<bool, StoreError> {
    TABLE.remove(tx, tenant, application, id).await
}

/// The federated credentials of a tenant's application, oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    application: ObjectId,
) -> Result<Vec<FederatedCredential>, StoreError> {
    let rows = TABLE.list(tx, tenant, application).await?;
    rows.iter().map(read).collect()
}

/// Notes that a credential was used; at most once a minute, as for secrets.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn touch(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    TABLE.touch(tx, tenant, id, now).await
}

fn key_set_text(credential: &FederatedCredential) -> Result<Option<String>, StoreError> {
    let text = |keys| to_json("application_federations.key_set", keys);
    credential.key_set.as_ref().map(text).transpose()
}

fn read(row: &AnyRow) -> Result<FederatedCredential, StoreError> {
    let key_set = match row.maybe_text("key_set")? {
        Some(_) => Some(row.json("key_set")?),
        None => None,
    };
    Ok(FederatedCredential {
        id: row.parsed("id")?,
        name: row.text("name")?,
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        audience: row.text("audience")?,
        description: row.maybe_text("description")?,
        key_set,
        created: row.int("created")?,
        last_used: row.maybe_int("last_used")?,
    })
}
