//! Alerts of a tenant with their evidence.

use std::collections::{HashMap, HashSet};

use bartizan_contract::{AlertId, DeviceId, IncidentId, TenantId};
use bartizan_security::{
    Alert, AlertPatch, AlertStatus, Category, Classification, Determination, Entity, Evidence,
    Severity,
};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::device_groups::push_alerts;
use crate::error::StoreError;
use crate::incidents::Patched;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::machines;
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Most values in one `in (…)` list: well below SQLite's limit on parameters.
pub(crate) const CHUNK: usize = 500;

/// Where a page of alerts continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCursor {
    /// When the last alert seen was raised.
    pub created: i64,
    /// Its id.
    pub id: AlertId,
}

/// Whose alerts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertScope<'a> {
    /// The tenant's.
    All,
    /// Those about or with evidence on a device.
    Device(&'a DeviceId),
    /// Those with a file of this SHA-1 or SHA-256 (lower case).
    FileHash(&'a str),
    /// Those with an address.
    Ip(&'a str),
    /// Those with an account, by its correlation key.
    User(&'a str),
}

/// Adds an alert with its evidence.
///
/// # Errors
/// [`StoreError::Exists`] when the tenant has an alert with its id or deduplication key,
/// [`StoreError::Missing`] without the incident.
pub async fn insert(tx: &mut WriteTx, tenant: TenantId, alert: &Alert) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into alerts
         (tenant, id, incident, rule_id, dedup_key, title, severity, category, status,
          classification, determination, assigned_to, detection_source, investigation_id,
          device_id, first_activity, last_activity, created, last_update, resolved, details,
          version)
         select tenant, $2, id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                $18, $19, $20, $21, $22
         from incidents where tenant = $1 and id = $3",
    )
    .bind(tenant.to_string())
    .bind(alert.id.as_str())
    .bind(alert.incident_id.0)
    .bind(&alert.rule_id)
    .bind(&alert.dedup_key)
    .bind(&alert.title)
    .bind(alert.severity.as_str())
    .bind(alert.category.as_str())
    .bind(alert.status.as_str())
    .bind(alert.classification.map(Classification::as_str))
    .bind(alert.determination.map(Determination::as_str))
    .bind(alert.assigned_to.clone())
    .bind(&alert.detection_source)
    .bind(alert.details.investigation_id)
    .bind(alert.device_id.as_ref().map(|d| d.as_str().to_owned()))
    .bind(alert.first_activity)
    .bind(alert.last_activity)
    .bind(alert.created)
    .bind(alert.last_update)
    .bind(alert.resolved)
    .bind(to_json("details", &alert.details)?)
    .bind(alert.version)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "alert"))?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing("incident"));
    }
    put_evidence(tx, tenant, alert, 0).await
}

/// Writes back an alert that was read at `alert.version`; the stored version rises by one.
/// Evidence is only ever added at the end.
///
/// # Errors
/// [`StoreError::Changed`] when it was written since, or the tenant has no such alert or no such
/// incident.
pub async fn update(tx: &mut WriteTx, tenant: TenantId, alert: &Alert) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update alerts set incident = $4, title = $5, severity = $6, category = $7, status = $8,
         classification = $9, determination = $10, assigned_to = $11, first_activity = $12,
         last_activity = $13, last_update = $14, resolved = $15, details = $16,
         investigation_id = $17, version = version + 1
         where tenant = $1 and id = $2 and version = $3
         and exists (select 1 from incidents i where i.tenant = $1 and i.id = $4)",
    )
    .bind(tenant.to_string())
    .bind(alert.id.as_str())
    .bind(alert.version)
    .bind(alert.incident_id.0)
    .bind(&alert.title)
    .bind(alert.severity.as_str())
    .bind(alert.category.as_str())
    .bind(alert.status.as_str())
    .bind(alert.classification.map(Classification::as_str))
    .bind(alert.determination.map(Determination::as_str))
    .bind(alert.assigned_to.clone())
    .bind(alert.first_activity)
    .bind(alert.last_activity)
    .bind(alert.last_update)
    .bind(alert.resolved)
    .bind(to_json("details", &alert.details)?)
    .bind(alert.details.investigation_id)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Changed("alert"));
    }
    let mut sql = Sql::new("select count(*) as n from alert_evidence where tenant = ");
    sql.bind(tenant)
        .push(" and alert = ")
        .bind(alert.id.as_str());
    let known = sql.fetch_one(tx).await?.int("n")?;
    put_evidence(tx, tenant, alert, usize::try_from(known).unwrap_or(0)).await
}

async fn put_evidence(
    tx: &mut WriteTx,
    tenant: TenantId,
    alert: &Alert,
    from: usize,
) -> Result<(), StoreError> {
    // Eleven parameters a row.
    const ROWS: usize = 50;
    let rows: Vec<(usize, &Evidence)> = alert.evidence.iter().enumerate().skip(from).collect();
    for chunk in rows.chunks(ROWS) {
        let mut sql = Sql::new(
            "insert into alert_evidence
             (tenant, alert, position, kind, device_id, user_key, sha1, sha256, ip, url, body)
             values ",
        );
        for (i, (position, evidence)) in chunk.iter().enumerate() {
            let keys = EvidenceKeys::of(evidence);
            sql.push(if i == 0 { "(" } else { ", (" }).bind(tenant);
            sql.push(", ").bind(alert.id.as_str());
            sql.push(", ")
                .bind(i64::try_from(*position).unwrap_or(i64::MAX));
            sql.push(", ").bind(evidence.entity.kind());
            let found_by = [
                keys.device_id,
                keys.user_key,
                keys.sha1,
                keys.sha256,
                keys.ip,
                keys.url,
            ];
            for key in found_by {
                sql.push(", ").bind(key);
            }
            sql.push(", ").bind(to_json("body", evidence)?).push(")");
        }
        sql.execute(tx).await?;
    }
    Ok(())
}

/// What evidence is found by.
#[derive(Default)]
struct EvidenceKeys {
    device_id: Option<String>,
    user_key: Option<String>,
    sha1: Option<String>,
    sha256: Option<String>,
    ip: Option<String>,
    url: Option<String>,
}

impl EvidenceKeys {
    fn of(evidence: &Evidence) -> Self {
        let mut keys = Self {
            device_id: evidence.device_id.as_ref().map(|d| d.as_str().to_owned()),
            ..Self::default()
        };
        match &evidence.entity {
            Entity::Device(device) => keys.device_id = Some(device.device_id.clone()),
            Entity::User(user) => keys.user_key = user.correlation_key(),
            Entity::Process(process) => {
                keys.sha1.clone_from(&process.sha1);
                keys.sha256.clone_from(&process.sha256);
            }
            Entity::File(file) => {
                keys.sha1.clone_from(&file.sha1);
                keys.sha256.clone_from(&file.sha256);
            }
            Entity::Registry(_) => {}
            Entity::Ip(ip) => keys.ip = Some(ip.address.clone()),
            Entity::Url(url) => keys.url = Some(url.url.clone()),
        }
        keys
    }
}

/// A tenant's alert with its evidence.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn get(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: &AlertId,
) -> Result<Option<Alert>, StoreError> {
    let mut sql = Sql::new("select * from alerts where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.as_str());
    push_alerts(&mut sql, &tx.devices());
    Ok(read_all(tx, tenant, sql).await?.pop())
}

/// The alerts of a tenant with one of these deduplication keys.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_dedup_keys(
    tx: &mut ReadTx,
    tenant: TenantId,
    keys: &[String],
) -> Result<Vec<Alert>, StoreError> {
    let mut alerts = Vec::new();
    for chunk in keys.chunks(CHUNK) {
        let mut sql = Sql::new("select * from alerts where tenant = ");
        sql.bind(tenant)
            .push(" and dedup_key in (")
            .bind_list(chunk.iter().map(String::as_str));
        sql.push(") order by created, id");
        alerts.append(&mut read_all(tx, tenant, sql).await?);
    }
    Ok(alerts)
}

/// Which of these ids alerts of a tenant have.
pub(crate) async fn taken_ids(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[AlertId],
) -> Result<HashSet<AlertId>, StoreError> {
    let mut taken = HashSet::new();
    for chunk in ids.chunks(CHUNK) {
        let mut sql = Sql::new("select id from alerts where tenant = ");
        sql.bind(tenant)
            .push(" and id in (")
            .bind_list(chunk.iter().map(AlertId::as_str));
        sql.push(")");
        for row in sql.fetch_all(tx).await? {
            taken.insert(AlertId(row.text("id")?));
        }
    }
    Ok(taken)
}

/// The alerts of these incidents of a tenant, with their evidence: by incident, then oldest
/// first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of_incidents(
    tx: &mut ReadTx,
    tenant: TenantId,
    incidents: &[IncidentId],
) -> Result<Vec<Alert>, StoreError> {
    let mut alerts = Vec::new();
    for chunk in incidents.chunks(CHUNK) {
        let mut sql = Sql::new("select * from alerts where tenant = ");
        sql.bind(tenant)
            .push(" and incident in (")
            .bind_list(chunk.iter().map(|i| i.0));
        sql.push(")");
        push_alerts(&mut sql, &tx.devices());
        sql.push(" order by incident, created, id");
        alerts.append(&mut read_all(tx, tenant, sql).await?);
    }
    Ok(alerts)
}

/// A tenant's alerts, newest first, with or without their evidence.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    scope: AlertScope<'_>,
    filter: Option<&SqlFilter>,
    page: &Page<AlertCursor>,
    with_evidence: bool,
) -> Result<Listing<Alert, AlertCursor>, StoreError> {
    let mut sql = Sql::new("select * from alerts where tenant = ");
    sql.bind(tenant);
    push_scope(&mut sql, tenant, scope);
    push_filter(&mut sql, filter, "alerts")?;
    push_alerts(&mut sql, &tx.devices());
    if let Some(after) = &page.after {
        sql.push(" and (created < ").bind(after.created);
        sql.push(" or (created = ").bind(after.created);
        sql.push(" and id < ").bind(after.id.as_str()).push("))");
    }
    sql.push(" order by created desc, id desc");
    push_limit(&mut sql, page);
    let alerts = sql
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    let cursor = |a: &Alert| AlertCursor {
        created: a.created,
        id: a.id.clone(),
    };
    let mut listing = Listing::cut(alerts, page.top, cursor);
    if with_evidence {
        fill_evidence(tx, tenant, &mut listing.items).await?;
    }
    Ok(listing)
}

/// How many alerts of a tenant the scope and the filter let through.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    scope: AlertScope<'_>,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("select count(*) as n from alerts where tenant = ");
    sql.bind(tenant);
    push_scope(&mut sql, tenant, scope);
    push_filter(&mut sql, filter, "alerts")?;
    push_alerts(&mut sql, &tx.devices());
    sql.fetch_one(tx).await?.int("n")
}

fn push_scope(sql: &mut Sql, tenant: TenantId, scope: AlertScope<'_>) {
    if scope == AlertScope::All {
        return;
    }
    sql.push(" and id in (select alert from alert_evidence where tenant = ")
        .bind(tenant);
    match scope {
        AlertScope::All => {}
        AlertScope::Device(id) => {
            sql.push(" and device_id = ").bind(id.as_str());
        }
        AlertScope::FileHash(hash) => {
            sql.push(" and (sha1 = ")
                .bind(hash)
                .push(" or sha256 = ")
                .bind(hash)
                .push(")");
        }
        AlertScope::Ip(ip) => {
            sql.push(" and ip = ").bind(ip);
        }
        AlertScope::User(key) => {
            sql.push(" and user_key = ").bind(key);
        }
    }
    sql.push(")");
}

/// Applies a checked request to a tenant's alert.
///
/// # Errors
/// [`StoreError::Changed`] when somebody else changed it meanwhile: try again.
pub async fn patch(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: &AlertId,
    patch: &AlertPatch,
    by: &str,
    now: i64,
) -> Result<Patched<Alert>, StoreError> {
    let Some(mut alert) = get(tx, tenant, id).await? else {
        return Ok(Patched::Missing);
    };
    match patch.apply(&mut alert, by, now) {
        Err(refusal) => return Ok(Patched::Refused(refusal)),
        Ok(false) => {}
        Ok(true) => {
            update(tx, tenant, &alert).await?;
            alert.version += 1;
            machines::refresh_risk(tx, tenant, alert.device_id.clone()).await?;
        }
    }
    Ok(Patched::Done(alert))
}

async fn read_all(tx: &mut ReadTx, tenant: TenantId, sql: Sql) -> Result<Vec<Alert>, StoreError> {
    let mut alerts = sql
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, StoreError>>()?;
    fill_evidence(tx, tenant, &mut alerts).await?;
    Ok(alerts)
}

async fn fill_evidence(
    tx: &mut ReadTx,
    tenant: TenantId,
    alerts: &mut [Alert],
) -> Result<(), StoreError> {
    let index: HashMap<AlertId, usize> = alerts
        .iter()
        .enumerate()
        .map(|(i, a)| (a.id.clone(), i))
        .collect();
    let ids: Vec<AlertId> = alerts.iter().map(|a| a.id.clone()).collect();
    for chunk in ids.chunks(CHUNK) {
        let mut sql = Sql::new("select alert, body from alert_evidence where tenant = ");
        sql.bind(tenant)
            .push(" and alert in (")
            .bind_list(chunk.iter().map(AlertId::as_str));
        sql.push(") order by alert, position");
        for row in sql.fetch_all(tx).await? {
            if let Some(alert) = index
                .get(&AlertId(row.text("alert")?))
                .and_then(|i| alerts.get_mut(*i))
            {
                alert.evidence.push(row.json("body")?);
            }
        }
    }
    Ok(())
}

/// The alert of a row, without its evidence.
pub(crate) fn read(row: &AnyRow) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: AlertId(row.text("id")?),
        incident_id: IncidentId(row.int("incident")?),
        rule_id: row.text("rule_id")?,
        dedup_key: row.text("dedup_key")?,
        title: row.text("title")?,
        severity: row.word("severity", Severity::parse)?,
        category: row.word("category", Category::parse)?,
        status: row.word("status", AlertStatus::parse)?,
        classification: row.maybe_word("classification", Classification::parse)?,
        determination: row.maybe_word("determination", Determination::parse)?,
        assigned_to: row.maybe_text("assigned_to")?,
        detection_source: row.text("detection_source")?,
        device_id: row.maybe_text("device_id")?.map(DeviceId),
        first_activity: row.int("first_activity")?,
        last_activity: row.int("last_activity")?,
        created: row.int("created")?,
        last_update: row.int("last_update")?,
        resolved: row.maybe_int("resolved")?,
        details: row.json("details")?,
        evidence: Vec::new(),
        version: row.int("version")?,
    })
}
