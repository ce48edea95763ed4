//! What was done in a tenant, by whom, with what outcome. Events are appended, never changed.

use bartizan_contract::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// An audit event.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its id; time-ordered ids (version 7) keep the order of one instant's events.
    pub id: Uuid,
    /// When, microseconds.
    pub occurred: i64,
    /// Who: a user's principal name, an application's id, or `system`.
    pub actor: String,
    /// What: `application.create`, `incident.update` …
    pub action: String,
    /// On what: an id.
    pub target: String,
    /// `success` or the reason of the failure.
    pub outcome: String,
    /// The request that did it.
    pub request_id: Option<String>,
    /// The particulars. Never a secret.
    pub details: Json,
}

/// Where a page of audit events continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCursor {
    /// Time of the last event seen.
    pub occurred: i64,
    /// Its id.
    pub id: Uuid,
}

/// Appends an event, in the same transaction as what it tells of.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant, [`StoreError::Exists`] when the id is taken.
pub async fn append(
    tx: &mut WriteTx,
    tenant: TenantId,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit_events
         (id, tenant, occurred, actor, action, target, outcome, request_id, details)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(event.id.to_string())
    .bind(tenant.to_string())
    .bind(event.occurred)
    .bind(&event.actor)
    .bind(&event.action)
    .bind(&event.target)
    .bind(&event.outcome)
    .bind(event.request_id.clone())
    .bind(to_json("details", &event.details)?)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "audit event"))?;
    Ok(())
}

/// A tenant's events, newest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
    page: &Page<AuditCursor>,
) -> Result<Listing<AuditEvent, AuditCursor>, StoreError> {
    let mut sql = Sql::new("select * from audit_events where tenant = ");
    sql.bind(tenant);
    push_filter(&mut sql, filter, "audit_events")?;
    if let Some(after) = page.after {
        let id = after.id.to_string();
        sql.push(" and (occurred < ").bind(after.occurred);
        sql.push(" or (occurred = ")
            .bind(after.occurred)
            .push(" and id < ")
            .bind(id)
            .push("))");
    }
    sql.push(" order by occurred desc, id desc");
    push_limit(&mut sql, page);
    let events = sql
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok(Listing::cut(events, page.top, |e: &AuditEvent| {
        AuditCursor {
            occurred: e.occurred,
            id: e.id,
        }
    }))
}

pub(crate) fn read(row: &AnyRow) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        id: row.parsed("id")?,
        occurred: row.int("occurred")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        target: row.text("target")?,
        outcome: row.text("outcome")?,
        request_id: row.maybe_text("request_id")?,
        details: row.json("details")?,
    })
}
