//! Functions of the hunting language that a tenant keeps, as texts.

use bartizan_contract::TenantId;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A function as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFunction {
    /// Its name, with its letter case.
    pub name: String,
    /// Its parameters, without the brackets.
    pub parameters: String,
    /// Its body, without the braces.
    pub body: String,
    /// What it is for.
    pub description: String,
    /// First stored, microseconds.
    pub created: i64,
    /// Last stored, microseconds.
    pub updated: i64,
}

/// Stores a function, replacing the one of its name; `created` of a replaced one stays.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn put(
    tx: &mut WriteTx,
    tenant: TenantId,
    function: &StoredFunction,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into hunting_functions (tenant, name, parameters, body, description, created, updated)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant, name) do update set parameters = excluded.parameters,
         body = excluded.body, description = excluded.description, updated = excluded.updated",
    )
    .bind(tenant.to_string())
    .bind(&function.name)
    .bind(&function.parameters)
    .bind(&function.body)
    .bind(&function.description)
    .bind(function.created)
    .bind(function.updated)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
    Ok(())
}

/// A tenant's functions, by name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<StoredFunction>, StoreError> {
    let mut sql = Sql::new("select * from hunting_functions where tenant = ");
    sql.bind(tenant).push(" order by name");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Deletes a function. False when there was none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, name: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from hunting_functions where tenant = ");
    sql.bind(tenant).push(" and name = ").bind(name);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

fn read(row: &AnyRow) -> Result<StoredFunction, StoreError> {
    Ok(StoredFunction {
        name: row.text("name")?,
        parameters: row.text("parameters")?,
        body: row.text("body")?,
        description: row.text("description")?,
        created: row.int("created")?,
        updated: row.int("updated")?,
    })
}
