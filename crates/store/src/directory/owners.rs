//! Owners of applications, service principals and groups: who may manage what without managing everything.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;

use super::{Principal, PrincipalKind};
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Makes a principal of the tenant an owner of an object of the tenant: the caller looked both up there.
///
/// # Errors
/// [`StoreError::Exists`] when it is one, [`StoreError::Missing`] without the tenant.
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    object: ObjectId,
    owner: Principal,
    now: i64,
) -> Result<(), StoreError> {
    let mut sql =
        Sql::new("insert into directory_owners (tenant, object, owner, kind, created) values (");
    sql.bind(tenant)
        .push(", ")
        .bind(object.to_string())
        .push(", ")
        .bind(owner.id.to_string())
        .push(", ")
        .bind(owner.kind.as_str())
        .push(", ")
        .bind(now)
        .push(")");
    sql.execute_insert(tx, "owner").await?;
    Ok(())
}

/// Ends an ownership. False when there was none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove(
    tx: &mut WriteTx,
    tenant: TenantId,
    object: ObjectId,
    owner: ObjectId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from directory_owners where tenant = ");
    sql.bind(tenant)
        .push(" and object = ")
        .bind(object.to_string())
        .push(" and owner = ")
        .bind(owner.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// The owners of an object, the first one first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of(
    tx: &mut ReadTx,
    tenant: TenantId,
    object: ObjectId,
) -> Result<Vec<Principal>, StoreError> {
    let rows = owners_of(tenant, object).fetch_all(tx).await?;
    rows.iter().map(read).collect()
}

fn owners_of(tenant: TenantId, object: ObjectId) -> Sql {
    let mut sql = Sql::new("select owner, kind from directory_owners where tenant = ");
    sql.bind(tenant)
        .push(" and object = ")
        .bind(object.to_string())
        .push(" order by created, owner");
    sql
}

/// The objects that a principal owns, the first one first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn owned_by(
    tx: &mut ReadTx,
    tenant: TenantId,
    owner: ObjectId,
) -> Result<Vec<ObjectId>, StoreError> {
    let mut sql = Sql::new("select object from directory_owners where tenant = ");
    sql.bind(tenant)
        .push(" and owner = ")
        .bind(owner.to_string())
        .push(" order by created, object");
    let rows = sql.fetch_all(tx).await?;
    rows.iter().map(|row| row.parsed("object")).collect()
}

/// Whether a principal owns an object.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn owns(
    tx: &mut ReadTx,
    tenant: TenantId,
    object: ObjectId,
    owner: ObjectId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("select owner from directory_owners where tenant = ");
    sql.bind(tenant)
        .push(" and object = ")
        .bind(object.to_string())
        .push(" and owner = ")
        .bind(owner.to_string());
    Ok(!sql.fetch_all(tx).await?.is_empty())
}

/// Forgets who owned an object that is about to be deleted.
pub(super) async fn forget_object(
    tx: &mut WriteTx,
    tenant: TenantId,
    object: ObjectId,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("delete from directory_owners where tenant = ");
    sql.bind(tenant)
        .push(" and object = ")
        .bind(object.to_string());
    sql.execute(tx).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Principal, StoreError> {
    Ok(Principal {
        id: row.parsed("owner")?,
        kind: row.word("kind", PrincipalKind::parse)?,
    })
}
