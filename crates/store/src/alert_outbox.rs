//! Alerts and evidence on their way into the hunting tables: what [`crate::outbox`] claims, and what a batch has.

use bartizan_security::{Alert, Evidence};

use crate::alerts;
use crate::error::StoreError;
use crate::outbox::Batch;
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

/// Claims the tenant's oldest alerts that wait, at most `most`, and as many pieces of evidence, fewer of large ones.
pub(crate) async fn claim(tx: &mut WriteTx, batch: Batch, most: u32) -> Result<(), StoreError> {
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
