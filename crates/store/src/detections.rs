//! Taking a rule's alerts in: deduplicated against what is there, correlated with it, and kept,
//! all in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_contract::{AlertId, DeviceId, IncidentId, TenantId};
use bartizan_security::correlation::{Key, Node, groups, keys_of};
use bartizan_security::detection::{Draft, MAX_EVIDENCE};
use bartizan_security::naming::summarise;
use bartizan_security::{Alert, Incident, IncidentStatus, Severity};

use crate::alerts::{self, CHUNK};
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};
use crate::{incidents, machines, settings, tenants};

/// What taking alerts in did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// Alerts that were not there before.
    pub new_alerts: Vec<AlertId>,
    /// Alerts that took in another hit.
    pub updated_alerts: Vec<AlertId>,
    /// Incidents that were made.
    pub new_incidents: Vec<IncidentId>,
    /// Incidents that were there and changed.
    pub updated_incidents: Vec<IncidentId>,
    /// Incidents that were merged into another: `(merged, into)`.
    pub redirected: Vec<(IncidentId, IncidentId)>,
}

/// Takes alerts in. Those whose deduplication key is known widen the alert that has it; the others
/// are correlated with the alerts of open incidents whose activity lies at most `window`
/// microseconds apart, and each ends up in exactly one live incident. Merging keeps the oldest
/// incident. The same alerts again change nothing.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant; [`StoreError::Changed`] when an analyst wrote an
/// incident meanwhile: try again.
pub async fn record(
    tx: &mut WriteTx,
    tenant: TenantId,
    drafts: Vec<Draft>,
    now: i64,
    window: i64,
) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::default();
    if drafts.is_empty() {
        return Ok(recorded);
    }
    // Correlation reads what others may be writing: one at a time per tenant.
    tenants::lock(tx, tenant).await?;
    let (fresh, widened) = deduplicate(tx, tenant, drafts, now).await?;
    recorded.updated_alerts = widened.iter().map(|a| a.id.clone()).collect();
    let mut devices: BTreeSet<DeviceId> = widened.iter().flat_map(devices_of).collect();
    let open = related_alerts(tx, tenant, &fresh, &widened, window).await?;
    let mut nodes: Vec<Node> = open
        .iter()
        .map(|a| Node::of(a, Some(a.incident_id)))
        .collect();
    nodes.extend(fresh.values().map(|d| Node::of(d.alert(), None)));
    let mut touched: BTreeSet<IncidentId> = widened.iter().map(|a| a.incident_id).collect();
    let mut fresh = fresh;
    for group in groups(&nodes, window) {
        let joining: Vec<Draft> = group
            .alerts
            .iter()
            .filter_map(|id| fresh.remove(id))
            .collect();
        if joining.is_empty() && group.incidents.len() < 2 {
            continue;
        }
        devices.extend(joining.iter().flat_map(|d| devices_of(d.alert())));
        recorded
            .new_alerts
            .extend(joining.iter().map(|d| d.alert().id.clone()));
        match group.incidents.split_first() {
            None => {
                let id = found_incident(tx, tenant, joining, now).await?;
                recorded.new_incidents.push(id);
            }
            Some((&home, others)) => {
                recorded
                    .redirected
                    .extend(absorb(tx, tenant, home, others, now).await?);
                for draft in joining {
                    alerts::insert(tx, tenant, &draft.in_incident(home)).await?;
                }
                touched.insert(home);
            }
        }
    }
    for (merged, _) in &recorded.redirected {
        touched.remove(merged);
    }
    refresh(tx, tenant, &touched, now).await?;
    recorded.updated_incidents = touched.into_iter().collect();
    machines::refresh_risk(tx, tenant, devices).await?;
    Ok(recorded)
}

/// Splits drafts into those that are new, by id, and known alerts that changed by taking one in
/// (written already).
async fn deduplicate(
    tx: &mut WriteTx,
    tenant: TenantId,
    drafts: Vec<Draft>,
    now: i64,
) -> Result<(BTreeMap<AlertId, Draft>, Vec<Alert>), StoreError> {
    let keys: Vec<String> = drafts.iter().map(|d| d.alert().dedup_key.clone()).collect();
    let known = alerts::by_dedup_keys(tx, tenant, &keys).await?;
    let mut known: BTreeMap<String, (Alert, bool)> = known
        .into_iter()
        .map(|a| (a.dedup_key.clone(), (a, false)))
        .collect();
    let mut new: Vec<Draft> = Vec::new();
    let mut new_keys = BTreeSet::new();
    for draft in drafts {
        if let Some((alert, changed)) = known.get_mut(&draft.alert().dedup_key) {
            *changed |= alert.absorb(draft.alert(), now, MAX_EVIDENCE);
        } else if new_keys.insert(draft.alert().dedup_key.clone()) {
            new.push(draft);
        }
    }
    let mut widened = Vec::new();
    for (mut alert, _) in known.into_values().filter(|(_, changed)| *changed) {
        alerts::update(tx, tenant, &alert).await?;
        alert.version += 1;
        widened.push(alert);
    }
    Ok((with_unused_ids(tx, tenant, new).await?, widened))
}

/// The drafts by id, each under an id that no other alert of the tenant has. Ids hold 31 bits of
/// digest beside the time, so nearly always the first is free.
async fn with_unused_ids(
    tx: &mut WriteTx,
    tenant: TenantId,
    drafts: Vec<Draft>,
) -> Result<BTreeMap<AlertId, Draft>, StoreError> {
    let mut settled: BTreeMap<AlertId, Draft> = BTreeMap::new();
    let mut rest = drafts;
    for attempt in 1.. {
        if rest.is_empty() {
            break;
        }
        let ids: Vec<AlertId> = rest.iter().map(|d| d.alert().id.clone()).collect();
        let taken = alerts::taken_ids(tx, tenant, &ids).await?;
        let mut again = Vec::new();
        for draft in rest {
            let id = draft.alert().id.clone();
            if taken.contains(&id) || settled.contains_key(&id) {
                again.push(draft.renumbered(attempt));
            } else {
                settled.insert(id, draft);
            }
        }
        rest = again;
    }
    Ok(settled)
}

/// All alerts of the open incidents that hold one which may belong with these.
async fn related_alerts(
    tx: &mut ReadTx,
    tenant: TenantId,
    fresh: &BTreeMap<AlertId, Draft>,
    widened: &[Alert],
    window: i64,
) -> Result<Vec<Alert>, StoreError> {
    let these = || fresh.values().map(Draft::alert).chain(widened);
    let keys: BTreeSet<Key> = these().flat_map(keys_of).collect();
    let from = these()
        .map(|a| a.first_activity)
        .min()
        .unwrap_or(0)
        .saturating_sub(window);
    let to = these()
        .map(|a| a.last_activity)
        .max()
        .unwrap_or(0)
        .saturating_add(window);
    let (mut devices, mut users) = (Vec::new(), Vec::new());
    for key in keys {
        match key {
            Key::Device(id) => devices.push(id),
            Key::User(name) => users.push(name),
        }
    }
    let mut found: BTreeSet<IncidentId> = BTreeSet::new();
    for (column, values) in [("device_id", devices), ("user_key", users)] {
        for chunk in values.chunks(CHUNK) {
            let mut sql = Sql::new(
                "select distinct i.id from incidents i
                 join alerts a on a.tenant = i.tenant and a.incident = i.id
                 join alert_evidence e on e.tenant = a.tenant and e.alert = a.id
                 where i.status in ('Active', 'InProgress') and i.tenant = ",
            );
            sql.bind(tenant).push(" and a.last_activity >= ").bind(from);
            sql.push(" and a.first_activity <= ")
                .bind(to)
                .push(" and e.")
                .push(column);
            sql.push(" in (")
                .bind_list(chunk.iter().map(String::as_str))
                .push(")");
            for row in sql.fetch_all(tx).await? {
                found.insert(IncidentId(row.int("id")?));
            }
        }
    }
    let found: Vec<IncidentId> = found.into_iter().collect();
    alerts::of_incidents(tx, tenant, &found).await
}

/// Makes an incident of alerts that no other holds.
async fn found_incident(
    tx: &mut WriteTx,
    tenant: TenantId,
    drafts: Vec<Draft>,
    now: i64,
) -> Result<IncidentId, StoreError> {
    let id = settings::next_incident_id(tx).await?;
    let alerts: Vec<Alert> = drafts.into_iter().map(|d| d.in_incident(id)).collect();
    let mut incident = new_incident(id, now);
    summarise(&mut incident, &alerts);
    incidents::insert(tx, tenant, &incident).await?;
    for alert in &alerts {
        alerts::insert(tx, tenant, alert).await?;
    }
    Ok(id)
}

/// Merges incidents into one; says which went where.
async fn absorb(
    tx: &mut WriteTx,
    tenant: TenantId,
    home: IncidentId,
    others: &[IncidentId],
    now: i64,
) -> Result<Vec<(IncidentId, IncidentId)>, StoreError> {
    let mut redirected = Vec::new();
    for mut other in incidents::get_many(tx, tenant, others).await? {
        merge(tx, tenant, &mut other, home, now).await?;
        redirected.push((other.id, home));
    }
    Ok(redirected)
}

fn new_incident(id: IncidentId, now: i64) -> Incident {
    Incident {
        id,
        redirect_to: None,
        name: String::new(),
        severity: Severity::UnSpecified,
        status: IncidentStatus::Active,
        assigned_to: None,
        classification: None,
        determination: None,
        tags: Vec::new(),
        comments: Vec::new(),
        created: now,
        last_update: now,
        first_activity: now,
        last_activity: now,
        version: 0,
    }
}

/// Moves an incident's alerts and tags into another and leaves a redirection.
async fn merge(
    tx: &mut WriteTx,
    tenant: TenantId,
    from: &mut Incident,
    into: IncidentId,
    now: i64,
) -> Result<(), StoreError> {
    if from.redirect(into, now).is_err() {
        return Ok(());
    }
    incidents::update(tx, tenant, from).await?;
    let mut sql = Sql::new("update alerts set incident = ");
    sql.bind(into.0)
        .push(", last_update = ")
        .bind(now)
        .push(", version = version + 1");
    sql.push(" where tenant = ")
        .bind(tenant)
        .push(" and incident = ")
        .bind(from.id.0);
    sql.execute(tx).await?;
    let Some(mut home) = incidents::get(tx, tenant, into).await? else {
        return Ok(());
    };
    let new_tags: Vec<String> = from
        .tags
        .iter()
        .filter(|tag| !home.tags.contains(tag))
        .cloned()
        .collect();
    if !new_tags.is_empty() {
        home.tags.extend(new_tags);
        home.last_update = now;
        incidents::update(tx, tenant, &home).await?;
    }
    // Redirections always point at a live incident, in one step.
    let mut sql = Sql::new("update incidents set redirect_to = ");
    sql.bind(into.0)
        .push(", last_update = ")
        .bind(now)
        .push(", version = version + 1");
    sql.push(" where tenant = ")
        .bind(tenant)
        .push(" and redirect_to = ")
        .bind(from.id.0);
    sql.execute(tx).await?;
    Ok(())
}

/// Brings incidents up to date with the alerts that they hold now.
async fn refresh(
    tx: &mut WriteTx,
    tenant: TenantId,
    touched: &BTreeSet<IncidentId>,
    now: i64,
) -> Result<(), StoreError> {
    let ids: Vec<IncidentId> = touched.iter().copied().collect();
    let mut held: BTreeMap<IncidentId, Vec<Alert>> = BTreeMap::new();
    for alert in alerts::of_incidents(tx, tenant, &ids).await? {
        held.entry(alert.incident_id).or_default().push(alert);
    }
    for mut incident in incidents::get_many(tx, tenant, &ids).await? {
        let alerts = held.remove(&incident.id).unwrap_or_default();
        summarise(&mut incident, &alerts);
        incident.last_update = now;
        incidents::update(tx, tenant, &incident).await?;
    }
    Ok(())
}

fn devices_of(alert: &Alert) -> Vec<DeviceId> {
    let evidence = alert.evidence.iter().filter_map(|e| e.device_id.as_ref());
    alert.device_id.iter().chain(evidence).cloned().collect()
}
