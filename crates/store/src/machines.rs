//! Devices of a tenant.

use std::collections::HashMap;

use bartizan_contract::{DeviceId, TenantId};
use bartizan_security::Machine;
use bartizan_security::machine::Sighting;
use bartizan_security::vocabulary::{
    DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore, Severity,
};
use sqlx::any::AnyRow;

use crate::alerts::CHUNK;
use crate::device_groups::push_machines;
use crate::error::StoreError;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A tenant's device by id.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn get(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: &DeviceId,
) -> Result<Option<Machine>, StoreError> {
    Ok(get_many(tx, tenant, std::slice::from_ref(id)).await?.pop())
}

/// A tenant's device by fully qualified name in any letter case; the last seen of several.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_name(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
) -> Result<Option<Machine>, StoreError> {
    let mut sql = Sql::new("select * from machines where tenant = ");
    sql.bind(tenant)
        .push(" and lower(dns_name) = lower(")
        .bind(name)
        .push(")");
    push_machines(&mut sql, &tx.devices());
    sql.push(" order by last_seen desc, id limit 1");
    Ok(read_all(tx, tenant, sql).await?.pop())
}

/// A tenant's devices among these, by id.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn get_many(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[DeviceId],
) -> Result<Vec<Machine>, StoreError> {
    let mut machines = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let mut sql = Sql::new("select * from machines where tenant = ");
        sql.bind(tenant)
            .push(" and id in (")
            .bind_list(chunk.iter().map(stored_id))
            .push(")");
        push_machines(&mut sql, &tx.devices());
        machines.append(&mut read_all(tx, tenant, sql).await?);
    }
    machines.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(machines)
}

/// A tenant's devices, by id.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
    page: &Page<DeviceId>,
) -> Result<Listing<Machine, DeviceId>, StoreError> {
    let mut sql = Sql::new("select * from machines where tenant = ");
    sql.bind(tenant);
    push_filter(&mut sql, filter, "machines")?;
    push_machines(&mut sql, &tx.devices());
    if let Some(after) = &page.after {
        sql.push(" and id > ").bind(stored_id(after));
    }
    sql.push(" order by id");
    push_limit(&mut sql, page);
    let machines = read_all(tx, tenant, sql).await?;
    Ok(Listing::cut(machines, page.top, |m: &Machine| m.id.clone()))
}

/// How many devices of a tenant the filter lets through.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new("select count(*) as n from machines where tenant = ");
    sql.bind(tenant);
    push_filter(&mut sql, filter, "machines")?;
    push_machines(&mut sql, &tx.devices());
    sql.fetch_one(tx).await?.int("n")
}

/// Takes in what telemetry says of devices: new ones are added, known ones brought up to date.
/// Returns how many rows were written.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant, [`StoreError::Changed`] when somebody else wrote
/// one meanwhile: try again.
pub async fn see(
    tx: &mut WriteTx,
    tenant: TenantId,
    sightings: &[(DeviceId, Sighting)],
) -> Result<usize, StoreError> {
    let ids: Vec<DeviceId> = sightings.iter().map(|(id, _)| id.clone()).collect();
    let known = get_many(tx, tenant, &ids).await?;
    let mut known: HashMap<DeviceId, Machine> =
        known.into_iter().map(|m| (m.id.clone(), m)).collect();
    let mut written = 0;
    for (id, seen) in sightings {
        let id = DeviceId(stored_id(id));
        if let Some(machine) = known.get_mut(&id) {
            if machine.take_in(seen) {
                update(tx, tenant, machine).await?;
                machine.version_count += 1;
                written += 1;
            }
        } else {
            let machine = Machine::first_sighting(id.clone(), seen);
            insert(tx, tenant, &machine).await?;
            known.insert(id, machine);
            written += 1;
        }
    }
    Ok(written)
}

/// Adds a device.
///
/// # Errors
/// [`StoreError::Exists`] when the tenant has it, [`StoreError::Missing`] without the tenant.
pub async fn insert(
    tx: &mut WriteTx,
    tenant: TenantId,
    machine: &Machine,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into machines
         (tenant, id, version, first_seen, last_seen, dns_name, os_platform, os_version,
          os_processor, os_architecture, os_build, last_ip, last_external_ip, health, onboarding,
          rbac_group_id, rbac_group_name, risk_score, exposure, device_value, is_aad_joined,
          aad_device_id, ip_addresses)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $22, $23)",
    )
    .bind(tenant.to_string())
    .bind(stored_id(&machine.id))
    .bind(machine.version_count)
    .bind(machine.first_seen)
    .bind(machine.last_seen)
    .bind(machine.dns_name.clone())
    .bind(&machine.os_platform)
    .bind(machine.version.clone())
    .bind(machine.os_processor.clone())
    .bind(machine.os_architecture.clone())
    .bind(machine.os_build)
    .bind(machine.last_ip.clone())
    .bind(machine.last_external_ip.clone())
    .bind(machine.health.as_str())
    .bind(machine.onboarding.as_str())
    .bind(machine.rbac_group_id)
    .bind(machine.rbac_group_name.clone())
    .bind(machine.risk_score.as_str())
    .bind(machine.exposure.as_str())
    .bind(machine.device_value.as_str())
    .bind(machine.is_aad_joined.map(i64::from))
    .bind(machine.aad_device_id.clone())
    .bind(to_json("ip_addresses", &machine.ip_addresses)?)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "machine"))?;
    put_tags(tx, tenant, machine).await
}

/// Writes back a device that was read at `machine.version_count`; the stored one rises by one.
///
/// # Errors
/// [`StoreError::Changed`] when it was written since, or the tenant has no such device.
pub async fn update(
    tx: &mut WriteTx,
    tenant: TenantId,
    machine: &Machine,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update machines set version = version + 1, first_seen = $4, last_seen = $5,
         dns_name = $6, os_platform = $7, os_version = $8, os_processor = $9,
         os_architecture = $10, os_build = $11, last_ip = $12, last_external_ip = $13,
         health = $14, onboarding = $15, rbac_group_id = $16, rbac_group_name = $17,
         risk_score = $18, exposure = $19, device_value = $20, is_aad_joined = $21,
         aad_device_id = $22, ip_addresses = $23
         where tenant = $1 and id = $2 and version = $3",
    )
    .bind(tenant.to_string())
    .bind(stored_id(&machine.id))
    .bind(machine.version_count)
    .bind(machine.first_seen)
    .bind(machine.last_seen)
    .bind(machine.dns_name.clone())
    .bind(&machine.os_platform)
    .bind(machine.version.clone())
    .bind(machine.os_processor.clone())
    .bind(machine.os_architecture.clone())
    .bind(machine.os_build)
    .bind(machine.last_ip.clone())
    .bind(machine.last_external_ip.clone())
    .bind(machine.health.as_str())
    .bind(machine.onboarding.as_str())
    .bind(machine.rbac_group_id)
    .bind(machine.rbac_group_name.clone())
    .bind(machine.risk_score.as_str())
    .bind(machine.exposure.as_str())
    .bind(machine.device_value.as_str())
    .bind(machine.is_aad_joined.map(i64::from))
    .bind(machine.aad_device_id.clone())
    .bind(to_json("ip_addresses", &machine.ip_addresses)?)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Changed("machine"));
    }
    put_tags(tx, tenant, machine).await
}

/// Brings the risk scores of devices up to date: the greatest severity of their open alerts.
/// Devices that the tenant does not have are left out.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn refresh_risk(
    tx: &mut WriteTx,
    tenant: TenantId,
    devices: impl IntoIterator<Item = DeviceId>,
) -> Result<(), StoreError> {
    for device in devices {
        let id = stored_id(&device);
        let mut sql = Sql::new("select distinct severity from alerts where tenant = ");
        sql.bind(tenant)
            .push(" and status <> 'Resolved' and device_id = ")
            .bind(id.as_str());
        let mut risk = RiskScore::None;
        for row in sql.fetch_all(tx).await? {
            risk = risk.max(RiskScore::of(row.word("severity", Severity::parse)?));
        }
        let mut sql = Sql::new("update machines set version = version + 1, risk_score = ");
        sql.bind(risk.as_str())
            .push(" where tenant = ")
            .bind(tenant);
        sql.push(" and id = ")
            .bind(id)
            .push(" and risk_score <> ")
            .bind(risk.as_str());
        sql.execute(tx).await?;
    }
    Ok(())
}

async fn put_tags(tx: &mut WriteTx, tenant: TenantId, machine: &Machine) -> Result<(), StoreError> {
    let id = stored_id(&machine.id);
    let mut sql = Sql::new("delete from machine_tags where tenant = ");
    sql.bind(tenant).push(" and machine = ").bind(id.as_str());
    sql.execute(tx).await?;
    for (position, tag) in machine.tags.iter().enumerate() {
        let mut sql =
            Sql::new("insert into machine_tags (tenant, machine, tag, position) values (");
        sql.bind(tenant)
            .push(", ")
            .bind(id.as_str())
            .push(", ")
            .bind(tag.as_str())
            .push(", ");
        sql.bind(i64::try_from(position).unwrap_or(i64::MAX))
            .push(") on conflict do nothing");
        sql.execute(tx).await?;
    }
    Ok(())
}

/// Device ids are kept in lower case, however they were written.
fn stored_id(id: &DeviceId) -> String {
    id.as_str().to_ascii_lowercase()
}

async fn read_all(tx: &mut ReadTx, tenant: TenantId, sql: Sql) -> Result<Vec<Machine>, StoreError> {
    let mut machines = sql
        .fetch_all(tx)
        .await?
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, StoreError>>()?;
    let index: HashMap<String, usize> = machines
        .iter()
        .enumerate()
        .map(|(i, m)| (m.id.as_str().to_owned(), i))
        .collect();
    let ids: Vec<String> = machines.iter().map(|m| m.id.as_str().to_owned()).collect();
    for chunk in ids.chunks(CHUNK) {
        let mut sql = Sql::new("select machine, tag from machine_tags where tenant = ");
        sql.bind(tenant)
            .push(" and machine in (")
            .bind_list(chunk.iter().map(String::as_str));
        sql.push(") order by machine, position");
        for row in sql.fetch_all(tx).await? {
            if let Some(machine) = index
                .get(&row.text("machine")?)
                .and_then(|i| machines.get_mut(*i))
            {
                machine.tags.push(row.text("tag")?);
            }
        }
    }
    Ok(machines)
}

fn read(row: &AnyRow) -> Result<Machine, StoreError> {
    Ok(Machine {
        id: DeviceId(row.text("id")?),
        dns_name: row.maybe_text("dns_name")?,
        first_seen: row.int("first_seen")?,
        last_seen: row.int("last_seen")?,
        os_platform: row.text("os_platform")?,
        version: row.maybe_text("os_version")?,
        os_processor: row.maybe_text("os_processor")?,
        os_architecture: row.maybe_text("os_architecture")?,
        os_build: row.maybe_int("os_build")?,
        last_ip: row.maybe_text("last_ip")?,
        last_external_ip: row.maybe_text("last_external_ip")?,
        health: row.word("health", HealthStatus::parse)?,
        onboarding: row.word("onboarding", OnboardingStatus::parse)?,
        rbac_group_id: row.int("rbac_group_id")?,
        rbac_group_name: row.maybe_text("rbac_group_name")?,
        risk_score: row.word("risk_score", RiskScore::parse)?,
        exposure: row.word("exposure", ExposureLevel::parse)?,
        device_value: row.word("device_value", DeviceValue::parse)?,
        is_aad_joined: row.maybe_int("is_aad_joined")?.map(|v| v != 0),
        aad_device_id: row.maybe_text("aad_device_id")?,
        tags: Vec::new(),
        ip_addresses: row.json("ip_addresses")?,
        version_count: row.int("version")?,
    })
}
