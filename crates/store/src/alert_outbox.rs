//! Alerts and evidence on their way into the hunting tables, each once whatever step a crash comes between: as
//! [`crate::audit_outbox`] does it for audit events.

use std::collections::BTreeSet;

use bartizan_contract::TenantId;
use bartizan_security::{Alert, Evidence};
use uuid::Uuid;

use crate::alerts;
use crate::audit_outbox::Batch;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// No more evidence is claimed when what is claimed has so many characters: all of a batch is in memory.
const MOST_CHARACTERS: i64 = 64 << 20;

/// What goes with one batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Alerts that are new, without their evidence, the oldest first.
    pub alerts: Vec<Alert>,
    /// Evidence that is new, each with its alert (whose own list is empty), by alert and position.
    pub evidence: Vec<(Alert, Evidence)>,
}

/// Whether anything waits.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn waits(tx: &mut ReadTx) -> Result<bool, StoreError> {
    for waiting in [
        "select tenant from alerts where hunted = 0 limit 1",
        "select tenant from alert_evidence where hunted = 0 limit 1",
    ] {
        if !Sql::new(waiting).fetch_all(tx).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Claims what waits, at most `most` alerts and as many pieces of evidence of each tenant (fewer of large ones), for a new batch per tenant (its
/// id from `fresh`), and gives every batch that is not done, those of an earlier run first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn gather(
    tx: &mut WriteTx,
    most: u32,
    fresh: impl Fn() -> Uuid + Send,
) -> Result<Vec<Batch>, StoreError> {
    let mut batches = Vec::new();
    let claimed = Sql::new(
        "select tenant, hunting_batch from alerts where hunted = 0 and hunting_batch is not null
         union select tenant, hunting_batch from alert_evidence
         where hunted = 0 and hunting_batch is not null",
    );
    for row in claimed.fetch_all(tx).await? {
        batches.push(Batch {
            tenant: row.parsed("tenant")?,
            id: row.parsed("hunting_batch")?,
        });
    }
    let waiting = Sql::new(
        "select tenant from alerts where hunted = 0 and hunting_batch is null
         union select tenant from alert_evidence where hunted = 0 and hunting_batch is null",
    );
    let mut tenants: BTreeSet<TenantId> = BTreeSet::new();
    for row in waiting.fetch_all(tx).await? {
        tenants.insert(row.parsed("tenant")?);
    }
    for tenant in tenants {
        let batch = Batch {
            tenant,
            id: fresh(),
        };
        claim(tx, batch, most).await?;
        batches.push(batch);
    }
    Ok(batches)
}

async fn claim(tx: &mut WriteTx, batch: Batch, most: u32) -> Result<(), StoreError> {
    let mut sql = Sql::new("update alerts set hunting_batch = ");
    sql.bind(batch.id.to_string()).push(" where tenant = ");
    sql.bind(batch.tenant);
    sql.push(" and id in (select id from alerts where tenant = ");
    sql.bind(batch.tenant);
    sql.push(" and hunted = 0 and hunting_batch is null order by created, id limit ");
    sql.bind(i64::from(most)).push(")");
    sql.execute(tx).await?;
    let mut sql = Sql::new("update alert_evidence set hunting_batch = ");
    sql.bind(batch.id.to_string()).push(" where tenant = ");
    sql.bind(batch.tenant);
    sql.push(
        " and (alert, position) in (select alert, position from (
         select alert, position, sum(length(body)) over (order by alert, position) - length(body)
         as ahead from (select alert, position, body from alert_evidence where tenant = ",
    );
    sql.bind(batch.tenant);
    sql.push(" and hunted = 0 and hunting_batch is null order by alert, position limit ");
    sql.bind(i64::from(most));
    sql.push(") waiting) sized where ahead < ");
    sql.bind(MOST_CHARACTERS).push(")");
    sql.execute(tx).await?;
    Ok(())
}

/// What a batch has.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn news(tx: &mut ReadTx, batch: Batch) -> Result<News, StoreError> {
    let mut news = News::default();
    let mut sql = Sql::new("select * from alerts where tenant = ");
    sql.bind(batch.tenant).push(" and hunting_batch = ");
    sql.bind(batch.id.to_string());
    sql.push(" and hunted = 0 order by created, id");
    for row in sql.fetch_all(tx).await? {
        news.alerts.push(alerts::read(&row)?);
    }
    let mut sql = Sql::new(
        "select a.*, e.body as evidence_body from alert_evidence e
         join alerts a on a.tenant = e.tenant and a.id = e.alert where e.tenant = ",
    );
    sql.bind(batch.tenant).push(" and e.hunting_batch = ");
    sql.bind(batch.id.to_string());
    sql.push(" and e.hunted = 0 order by e.alert, e.position");
    for row in sql.fetch_all(tx).await? {
        news.evidence
            .push((alerts::read(&row)?, row.json("evidence_body")?));
    }
    Ok(news)
}

/// Marks a batch as hunted.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn done(tx: &mut WriteTx, batch: Batch) -> Result<(), StoreError> {
    for update in [
        "update alerts set hunted = 1 where tenant = ",
        "update alert_evidence set hunted = 1 where tenant = ",
    ] {
        let mut sql = Sql::new(update);
        sql.bind(batch.tenant).push(" and hunting_batch = ");
        sql.bind(batch.id.to_string()).push(" and hunted = 0");
        sql.execute(tx).await?;
    }
    Ok(())
}
