//! Rows of this database on their way into the hunting tables, each once whatever step a crash comes between.
//!
//! [`Outbox::gather`] claims rows for batches, in a transaction of its own; the batches are appended to the event store under
//! those ids, which it recognises when they come again; [`Outbox::done`] marks them. What a batch has, its table's module reads.

use std::collections::BTreeSet;

use bartizan_contract::TenantId;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};
use crate::{alert_outbox, audit_outbox};

/// Rows of one tenant that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The tenant.
    pub tenant: TenantId,
    /// The batch's id.
    pub id: Uuid,
}

/// What goes into the hunting tables. Each of its tables has columns `hunted`, a flag, and `hunting_batch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outbox {
    /// Audit events: [`crate::audit_outbox`].
    AuditEvents,
    /// Alerts and their evidence: [`crate::alert_outbox`].
    Alerts,
}

impl Outbox {
    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::AuditEvents => &["audit_events"],
            Self::Alerts => &["alerts", "alert_evidence"],
        }
    }

    /// Whether any row waits.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waits(self, tx: &mut ReadTx) -> Result<bool, StoreError> {
        for table in self.tables() {
            let mut sql = Sql::new("select tenant from ");
            sql.push(table).push(" where hunted = 0 limit 1");
            if !sql.fetch_all(tx).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Claims waiting rows, the oldest `most` of each table and tenant (fewer of large evidence), for a new batch per tenant (its
    /// id from `fresh`), and gives every batch that is not done, those of an earlier run first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn gather(
        self,
        tx: &mut WriteTx,
        most: u32,
        fresh: impl Fn() -> Uuid + Send,
    ) -> Result<Vec<Batch>, StoreError> {
        let mut batches: Vec<Batch> = Vec::new();
        let mut tenants: BTreeSet<TenantId> = BTreeSet::new();
        for table in self.tables() {
            let mut claimed = Sql::new("select distinct tenant, hunting_batch from ");
            claimed
                .push(table)
                .push(" where hunted = 0 and hunting_batch is not null");
            for row in claimed.fetch_all(tx).await? {
                let batch = Batch {
                    tenant: row.parsed("tenant")?,
                    id: row.parsed("hunting_batch")?,
                };
                if !batches.contains(&batch) {
                    batches.push(batch);
                }
            }
            let mut waiting = Sql::new("select distinct tenant from ");
            waiting
                .push(table)
                .push(" where hunted = 0 and hunting_batch is null");
            for row in waiting.fetch_all(tx).await? {
                tenants.insert(row.parsed("tenant")?);
            }
        }
        for tenant in tenants {
            let id = fresh();
            let batch = Batch { tenant, id };
            match self {
                Self::AuditEvents => audit_outbox::claim(tx, batch, most).await?,
                Self::Alerts => alert_outbox::claim(tx, batch, most).await?,
            }
            batches.push(batch);
        }
        Ok(batches)
    }

    /// Marks a batch as hunted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn done(self, tx: &mut WriteTx, batch: Batch) -> Result<(), StoreError> {
        for table in self.tables() {
            let mut sql = Sql::new("update ");
            sql.push(table).push(" set hunted = 1 where tenant = ");
            sql.bind(batch.tenant).push(" and hunting_batch = ");
            sql.bind(batch.id.to_string()).push(" and hunted = 0");
            sql.execute(tx).await?;
        }
        Ok(())
    }
}
