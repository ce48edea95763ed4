//! Audit events on their way into the hunting tables: what [`crate::outbox`] claims, and what a batch has.

use crate::audit::{AuditEvent, read};
use crate::error::StoreError;
use crate::outbox::Batch;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Claims the tenant's oldest events that wait, at most `most`.
pub(crate) async fn claim(tx: &mut WriteTx, batch: Batch, most: u32) -> Result<(), StoreError> {
    let mut sql = Sql::new("update audit_events set hunting_batch = ");
    sql.bind(batch.id.to_string());
    sql.push(" where id in (select id from audit_events where tenant = ");
    sql.bind(batch.tenant);
    sql.push(" and hunted = 0 and hunting_batch is null order by occurred, id limit ");
    sql.bind(i64::from(most)).push(")");
    sql.execute(tx).await?;
    Ok(())
}

/// The events of a batch, in the order in which they happened.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn events(tx: &mut ReadTx, batch: Batch) -> Result<Vec<AuditEvent>, StoreError> {
    let mut sql = Sql::new("select * from audit_events where tenant = ");
    sql.bind(batch.tenant).push(" and hunting_batch = ");
    sql.bind(batch.id.to_string());
    sql.push(" and hunted = 0 order by occurred, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}
