//! What a tenant's administrators decided, by name.

use bartizan_contract::TenantId;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Whether users may consent for themselves: `all`, `verified` or `none`.
pub const USER_CONSENT: &str = "user_consent";

/// Of whom a second factor is demanded: `all`, `administrators`, or `none` beyond those who have one or must.
pub const SECOND_FACTOR: &str = "second_factor";

/// A policy's value; `None` where the tenant has the default.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn get(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let mut sql = Sql::new("select value from tenant_policies where tenant = ");
    sql.bind(tenant).push(" and name = ").bind(name);
    let rows = sql.fetch_all(tx).await?;
    rows.first().map(|row| row.text("value")).transpose()
}

/// Sets a policy.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn put(
    tx: &mut WriteTx,
    tenant: TenantId,
    name: &str,
    value: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tenant_policies (tenant, name, value) values ($1, $2, $3)
         on conflict (tenant, name) do update set value = excluded.value",
    )
    .bind(tenant.to_string())
    .bind(name)
    .bind(value)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
    Ok(())
}
