//! Incidents of a tenant.

use std::collections::BTreeSet;

use bartizan_contract::{IncidentId, TenantId};
use bartizan_security::incident::{IncidentEffects, close_alert};
use bartizan_security::{
    Classification, Determination, Incident, IncidentPatch, IncidentStatus, PatchError, Severity,
};
use sqlx::any::AnyRow;

use crate::device_groups::push_incidents;
use crate::error::StoreError;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};
use crate::{alerts, machines};

/// Adds an incident. Its id comes from [`crate::settings::next_incident_id`] in the same
/// transaction.
///
/// # Errors
/// [`StoreError::Exists`] when the id is taken, [`StoreError::Missing`] without the tenant.
pub async fn insert(
    tx: &mut WriteTx,
    tenant: TenantId,
    incident: &Incident,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into incidents
         (id, tenant, redirect_to, name, severity, status, assigned_to, classification,
          determination, tags, comments, created, last_update, first_activity, last_activity,
          version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(incident.id.0)
    .bind(tenant.to_string())
    .bind(incident.redirect_to.map(|id| id.0))
    .bind(&incident.name)
    .bind(incident.severity.as_str())
    .bind(incident.status.as_str())
    .bind(incident.assigned_to.clone())
    .bind(incident.classification.map(Classification::as_str))
    .bind(incident.determination.map(Determination::as_str))
    .bind(to_json("tags", &incident.tags)?)
    .bind(to_json("comments", &incident.comments)?)
    .bind(incident.created)
    .bind(incident.last_update)
    .bind(incident.first_activity)
    .bind(incident.last_activity)
    .bind(incident.version)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "incident"))?;
    Ok(())
}

/// Writes back an incident that was read at `incident.version`; the stored version rises by one.
///
/// # Errors
/// [`StoreError::Changed`] when it was written since, or the tenant has no such incident.
pub async fn update(
    tx: &mut WriteTx,
    tenant: TenantId,
    incident: &Incident,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update incidents set redirect_to = $4, name = $5, severity = $6, status = $7,
         assigned_to = $8, classification = $9, determination = $10, tags = $11, comments = $12,
         last_update = $13, first_activity = $14, last_activity = $15, version = version + 1
         where tenant = $1 and id = $2 and version = $3",
    )
    .bind(tenant.to_string())
    .bind(incident.id.0)
    .bind(incident.version)
    .bind(incident.redirect_to.map(|id| id.0))
    .bind(&incident.name)
    .bind(incident.severity.as_str())
    .bind(incident.status.as_str())
    .bind(incident.assigned_to.clone())
    .bind(incident.classification.map(Classification::as_str))
    .bind(incident.determination.map(Determination::as_str))
    .bind(to_json("tags", &incident.tags)?)
    .bind(to_json("comments", &incident.comments)?)
    .bind(incident.last_update)
    .bind(incident.first_activity)
    .bind(incident.last_activity)
    .execute(tx.connection())
    .await?;
    match done.rows_affected() {
        0 => Err(StoreError::Changed("incident")),
        _ => Ok(()),
    }
}

/// A tenant's incident.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn get(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    let mut sql = Sql::new("select * from incidents where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.0);
    push_incidents(&mut sql, &tx.devices());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's incidents among these, by id.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn get_many(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[IncidentId],
) -> Result<Vec<Incident>, StoreError> {
    let mut incidents = Vec::new();
    for chunk in ids.chunks(alerts::CHUNK) {
        let mut sql = Sql::new("select * from incidents where tenant = ");
        sql.bind(tenant)
            .push(" and id in (")
            .bind_list(chunk.iter().map(|id| id.0))
            .push(")");
        push_incidents(&mut sql, &tx.devices());
        for row in sql.fetch_all(tx).await? {
            incidents.push(read(&row)?);
        }
    }
    incidents.sort_by_key(|i| i.id);
    Ok(incidents)
}

/// A tenant's incidents, newest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
    page: &Page<IncidentId>,
) -> Result<Listing<Incident, IncidentId>, StoreError> {
    let mut sql = Sql::new("select * from incidents where tenant = ");
    sql.bind(tenant);
    push_filter(&mut sql, filter, "incidents")?;
    push_incidents(&mut sql, &tx.devices());
    if let Some(after) = page.after {
        sql.push(" and id < ").bind(after.0);
    }
    sql.push(" order by id desc");
    push_limit(&mut sql, page);
    let incidents = sql
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok(Listing::cut(incidents, page.top, |i: &Incident| i.id))
}

/// How many incidents of a tenant the filter lets through.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("select count(*) as n from incidents where tenant = ");
    sql.bind(tenant);
    push_filter(&mut sql, filter, "incidents")?;
    push_incidents(&mut sql, &tx.devices());
    sql.fetch_one(tx).await?.int("n")
}

/// What came of [`patch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patched<T> {
    /// The tenant has no such thing.
    Missing,
    /// The request cannot be applied to it.
    Refused(PatchError),
    /// As it is now.
    Done(T),
}

/// Applies a checked request to a tenant's incident. Closing an incident closes its open alerts.
///
/// # Errors
/// [`StoreError::Changed`] when somebody else changed it meanwhile: try again.
pub async fn patch(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: IncidentId,
    patch: &IncidentPatch,
    by: &str,
    now: i64,
) -> Result<Patched<Incident>, StoreError> {
    let Some(mut incident) = get(tx, tenant, id).await? else {
        return Ok(Patched::Missing);
    };
    let effects = match patch.apply(&mut incident, by, now) {
        Ok(effects) => effects,
        Err(refusal) => return Ok(Patched::Refused(refusal)),
    };
    let IncidentEffects { changed, closed } = effects;
    if changed {
        update(tx, tenant, &incident).await?;
        incident.version += 1;
    }
    if closed {
        let mut devices = BTreeSet::new();
        for mut alert in alerts::of_incidents(tx, tenant, &[id]).await? {
            if close_alert(&mut alert, &incident, now) {
                alerts::update(tx, tenant, &alert).await?;
                devices.extend(alert.device_id);
            }
        }
        machines::refresh_risk(tx, tenant, devices).await?;
    }
    Ok(Patched::Done(incident))
}

fn read(row: &AnyRow) -> Result<Incident, StoreError> {
    Ok(Incident {
        id: IncidentId(row.int("id")?),
        redirect_to: row.maybe_int("redirect_to")?.map(IncidentId),
        name: row.text("name")?,
        severity: row.word("severity", Severity::parse)?,
        status: row.word("status", IncidentStatus::parse)?,
        assigned_to: row.maybe_text("assigned_to")?,
        classification: row.maybe_word("classification", Classification::parse)?,
        determination: row.maybe_word("determination", Determination::parse)?,
        tags: row.json("tags")?,
        comments: row.json("comments")?,
        created: row.int("created")?,
        last_update: row.int("last_update")?,
        first_activity: row.int("first_activity")?,
        last_activity: row.int("last_activity")?,
        version: row.int("version")?,
    })
}
