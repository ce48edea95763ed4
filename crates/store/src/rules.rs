//! Detection rules of a tenant as texts, and how far each rule has looked.

use bartizan_contract::TenantId;
use sqlx::any::AnyRow;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleState {
    /// The rule.
    pub rule_id: String,
    /// Events taken in before this time were looked at, microseconds.
    pub watermark: i64,
    /// When it ran last, microseconds.
    pub last_run: i64,
    /// `success` or what went wrong.
    pub outcome: String,
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
    let mut sql = Sql::new("delete from detection_rule_states where tenant = ");
    sql.bind(tenant).push(" and rule_id = ").bind(id);
    sql.execute(tx).await?;
    let mut sql = Sql::new("delete from detection_rules where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Notes how far a rule has looked.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn put_state(
    tx: &mut WriteTx,
    tenant: TenantId,
    state: &RuleState,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into detection_rule_states (tenant, rule_id, watermark, last_run, outcome)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant, rule_id) do update set watermark = excluded.watermark,
         last_run = excluded.last_run, outcome = excluded.outcome",
    )
    .bind(tenant.to_string())
    .bind(&state.rule_id)
    .bind(state.watermark)
    .bind(state.last_run)
    .bind(&state.outcome)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
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
            last_run: row.int("last_run")?,
            outcome: row.text("outcome")?,
        })
    };
    sql.fetch_all(tx).await?.iter().map(read).collect()
}
