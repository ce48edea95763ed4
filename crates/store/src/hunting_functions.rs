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

impl StoredFunction {
    /// What it has of the tenant's share.
    #[must_use]
    pub fn characters(&self) -> i64 {
        let texts = [&self.name, &self.parameters, &self.body, &self.description];
        texts.iter().map(|text| text.chars().count() as i64).sum()
    }
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

/// The names of a tenant's functions.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn names(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new("select name from hunting_functions where tenant = ");
    sql.bind(tenant);
    let rows = sql.fetch_all(tx).await?;
    rows.iter().map(|row| row.text("name")).collect()
}

/// Name, parameters and body of those of a tenant's functions that have these names, by name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn texts(
    tx: &mut ReadTx,
    tenant: TenantId,
    names: &[String],
) -> Result<Vec<(String, String, String)>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new("select name, parameters, body from hunting_functions where tenant = ");
    sql.bind(tenant).push(" and name in (");
    sql.bind_list(names.iter().cloned()).push(") order by name");
    let rows = sql.fetch_all(tx).await?;
    let text = |row: &AnyRow| {
        Ok((
            row.text("name")?,
            row.text("parameters")?,
            row.text("body")?,
        ))
    };
    rows.iter().map(text).collect()
}

/// What a tenant has beside a function that is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Others {
    /// Functions of other names.
    pub count: i64,
    /// Characters of these.
    pub characters: i64,
    /// When the function of this name was first stored, microseconds, if there is one.
    pub replaced: Option<i64>,
}

/// What a tenant has beside the function of a name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn others(tx: &mut ReadTx, tenant: TenantId, name: &str) -> Result<Others, StoreError> {
    let mut sql = Sql::new(
        "select name, created, cast(length(name) + length(parameters) + length(body)
         + length(description) as bigint) as characters from hunting_functions where tenant = ",
    );
    sql.bind(tenant);
    let mut others = Others {
        count: 0,
        characters: 0,
        replaced: None,
    };
    for row in sql.fetch_all(tx).await? {
        if row.text("name")? == name {
            others.replaced = Some(row.int("created")?);
        } else {
            others.count += 1;
            others.characters += row.int("characters")?;
        }
    }
    Ok(others)
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
