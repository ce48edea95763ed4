//! Detection rules of a tenant as texts, and how far each rule has looked.

use bartizan_contract::TenantId;
use sqlx::any::AnyRow;

use crate::arrivals::Span;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A rule's text as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRule {
    /// Its id.
    pub id: String,
    /// The rule file's text.
    pub source: String,
    /// Whether it runs.
    pub enabled: bool,
    /// First stored, microseconds.
    pub created: i64,
    /// Last stored, microseconds.
    pub updated: i64,
}

/// How far a rule has looked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleState {
    /// The rule.
    pub rule_id: String,
    /// Arrivals up to this number ([`crate::arrivals`]) were looked at, or are in `backlog`.
    pub watermark: i64,
    /// When it ran last with success, microseconds; `None` when it never did.
    pub last_run: Option<i64>,
    /// `success`, or what went wrong at the last attempt.
    pub outcome: String,
    /// Times of late events that are still to be looked at.
    pub backlog: Option<Span>,
    /// What the last run left undone.
    pub remark: Option<String>,
    /// Failures since the last success.
    pub failures: i64,
    /// After a failure: the next attempt is not before, microseconds.
    pub next_try: Option<i64>,
}

/// Stores a rule, replacing one with the same id; `created` of a replaced one stays.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn put(tx: &mut WriteTx, tenant: TenantId, rule: &StoredRule) -> Result<(), StoreError> {
    sqlx::query(
        "insert into detection_rules (tenant, id, source, enabled, created, updated)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant, id) do update set
         source = excluded.source, enabled = excluded.enabled, updated = excluded.updated",
    )
    .bind(tenant.to_string())
    .bind(&rule.id)
    .bind(&rule.source)
    .bind(i64::from(rule.enabled))
    .bind(rule.created)
    .bind(rule.updated)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
    Ok(())
}

/// A tenant's rules, by id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<StoredRule>, StoreError> {
    let mut sql = Sql::new("select * from detection_rules where tenant = ");
    sql.bind(tenant).push(" order by id");
    let read = |row: &AnyRow| {
        Ok(StoredRule {
            id: row.text("id")?,
            source: row.text("source")?,
            enabled: row.flag("enabled")?,
            created: row.int("created")?,
            updated: row.int("updated")?,
        })
    };
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Deletes a rule and its state; the alerts that it raised stay. False when there was none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<bool, StoreError> {
    // The rule first: a run that holds it is waited for, and the state that it wrote goes with the others.
    let mut sql = Sql::new("delete from detection_rules where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    let found = sql.execute(tx).await?.rows_affected() > 0;
    clear_state(tx, tenant, id).await?;
    Ok(found)
}

/// Forgets how far a rule of this id has looked: one that is made anew looks at everything.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn clear_state(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("delete from detection_rule_states where tenant = ");
    sql.bind(tenant).push(" and rule_id = ").bind(id);
    sql.execute(tx).await?;
    Ok(())
}

/// Keeps a rule from being deleted before this transaction ends. False when it is gone already, even where another of
/// its id was stored since: `created` (microseconds) tells them apart.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn hold(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: &str,
    created: i64,
) -> Result<bool, StoreError> {
    // Writing the row locks it in every database.
    let mut sql = Sql::new("update detection_rules set created = created where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    sql.push(" and created = ").bind(created);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Notes how far the rule that was first stored at `created` (microseconds) has looked. False, and nothing is noted,
/// when that rule is gone.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn put_state(
    tx: &mut WriteTx,
    tenant: TenantId,
    created: i64,
    state: &RuleState,
) -> Result<bool, StoreError> {
    if !hold(tx, tenant, &state.rule_id, created).await? {
        return Ok(false);
    }
    sqlx::query(
        "insert into detection_rule_states (tenant, rule_id, watermark, last_run, outcome,
         backlog_from, backlog_to, remark, failures, next_try)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (tenant, rule_id) do update set watermark = excluded.watermark,
         last_run = excluded.last_run, outcome = excluded.outcome,
         backlog_from = excluded.backlog_from, backlog_to = excluded.backlog_to,
         remark = excluded.remark, failures = excluded.failures, next_try = excluded.next_try",
    )
    .bind(tenant.to_string())
    .bind(&state.rule_id)
    .bind(state.watermark)
    // The column takes no null: 0 stands for never.
    .bind(state.last_run.unwrap_or(0))
    .bind(&state.outcome)
    .bind(state.backlog.map(|span| span.from))
    .bind(state.backlog.map(|span| span.to))
    .bind(&state.remark)
    .bind(state.failures)
    .bind(state.next_try)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
    Ok(true)
}

/// Lets a rule that failed be tried again at once: its text is another one.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn retry_now(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<(), StoreError> {
    let mut sql =
        Sql::new("update detection_rule_states set next_try = null, failures = 0 where tenant = ");
    sql.bind(tenant).push(" and rule_id = ").bind(id);
    sql.execute(tx).await?;
    Ok(())
}

/// The states of a tenant's rules, by rule.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn states(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<RuleState>, StoreError> {
    let mut sql = Sql::new("select * from detection_rule_states where tenant = ");
    sql.bind(tenant).push(" order by rule_id");
    let read = |row: &AnyRow| {
        Ok(RuleState {
            rule_id: row.text("rule_id")?,
            watermark: row.int("watermark")?,
            last_run: Some(row.int("last_run")?).filter(|at| *at != 0),
            outcome: row.text("outcome")?,
            backlog: row
                .maybe_int("backlog_from")?
                .zip(row.maybe_int("backlog_to")?)
                .map(|(from, to)| Span { from, to }),
            remark: row.maybe_text("remark")?,
            failures: row.int("failures")?,
            next_try: row.maybe_int("next_try")?,
        })
    };
    sql.fetch_all(tx).await?.iter().map(read).collect()
}
