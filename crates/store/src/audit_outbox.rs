//! Audit events on their way into the hunting tables, each of them once whatever step a crash comes between.
//!
//! [`gather`] claims events for batches, in a transaction of its own; the batches are appended to the event store under
//! those ids, which it recognises when they come again; [`done`] marks them.

use bartizan_contract::TenantId;
use uuid::Uuid;

use crate::audit::{AuditEvent, read};
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Events of one tenant that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The tenant.
    pub tenant: TenantId,
    /// The batch's id.
    pub id: Uuid,
}

/// Whether any event waits.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn waits(tx: &mut ReadTx) -> Result<bool, StoreError> {
    let sql = Sql::new("select id from audit_events where hunted = 0 limit 1");
    Ok(!sql.fetch_all(tx).await?.is_empty())
}

/// Claims waiting events, the oldest `most` of each tenant, for a new batch per tenant (its id from `fresh`), and gives every batch that is
/// not done, those of an earlier run first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn gather(
    tx: &mut WriteTx,
    most: u32,
    fresh: impl Fn() -> Uuid + Send,
) -> Result<Vec<Batch>, StoreError> {
    let mut batches = Vec::new();
    let rows = Sql::new(
        "select distinct tenant, hunting_batch from audit_events \
         where hunted = 0 and hunting_batch is not null",
    );
    for row in rows.fetch_all(tx).await? {
        batches.push(Batch {
            tenant: row.parsed("tenant")?,
            id: row.parsed("hunting_batch")?,
        });
    }
    let rows = Sql::new(
        "select distinct tenant from audit_events where hunted = 0 and hunting_batch is null",
    );
    for row in rows.fetch_all(tx).await? {
        let batch = Batch {
            tenant: row.parsed("tenant")?,
            id: fresh(),
        };
        let mut sql = Sql::new("update audit_events set hunting_batch = ");
        sql.bind(batch.id.to_string());
        sql.push(" where id in (select id from audit_events where tenant = ");
        sql.bind(batch.tenant);
        sql.push(" and hunted = 0 and hunting_batch is null order by occurred, id limit ");
        sql.bind(i64::from(most)).push(")");
        sql.execute(tx).await?;
        batches.push(batch);
    }
    Ok(batches)
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

/// Marks a batch as hunted.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn done(tx: &mut WriteTx, batch: Batch) -> Result<(), StoreError> {
    let mut sql = Sql::new("update audit_events set hunted = 1 where tenant = ");
    sql.bind(batch.tenant).push(" and hunting_batch = ");
    sql.bind(batch.id.to_string()).push(" and hunted = 0");
    sql.execute(tx).await?;
    Ok(())
}
