//! Facts about this installation, by name, and numbers handed out in order.

use bartizan_contract::IncidentId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// The value of a setting.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn get(tx: &mut ReadTx, name: &str) -> Result<Option<String>, StoreError> {
    let mut sql = Sql::new("select value from settings where name = ");
    sql.bind(name);
    sql.fetch_all(tx)
        .await?
        .first()
        .map(|row| row.text("value"))
        .transpose()
}

/// Sets a setting, whatever it was.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn put(tx: &mut WriteTx, name: &str, value: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("insert into settings (name, value) values (");
    sql.bind(name).push(", ").bind(value);
    sql.push(") on conflict (name) do update set value = excluded.value");
    sql.execute(tx).await?;
    Ok(())
}

/// The installation's own id; `fresh` becomes it when there is none yet.
///
/// # Errors
/// [`StoreError::Database`], or [`StoreError::Corrupt`] when the stored one is no UUID.
pub async fn instance_id(tx: &mut WriteTx, fresh: Uuid) -> Result<Uuid, StoreError> {
    const NAME: &str = "instance_id";
    let mut sql = Sql::new("insert into settings (name, value) values (");
    sql.bind(NAME)
        .push(", ")
        .bind(fresh.to_string())
        .push(") on conflict (name) do nothing");
    sql.execute(tx).await?;
    let mut sql = Sql::new("select value from settings where name = ");
    sql.bind(NAME);
    sql.fetch_one(tx).await?.parsed("value")
}

/// The next incident number. The counter's row stays locked until the transaction ends, so
/// numbers become visible in their order and a reader that pages by number misses none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn next_incident_id(tx: &mut WriteTx) -> Result<IncidentId, StoreError> {
    let sql =
        Sql::new("update counters set value = value + 1 where name = 'incident' returning value");
    Ok(IncidentId(sql.fetch_one(tx).await?.int("value")?))
}
