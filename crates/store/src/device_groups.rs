//! Device groups: the part of a tenant's devices that a Defender role may be limited to. A device is in one of them, or
//! in none, which is the group 0.

use bartizan_contract::{DeviceId, TenantId};
use bartizan_security::access::DeviceScope;
use sqlx::any::AnyRow;

use crate::alerts::CHUNK;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A device group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGroup {
    /// Its number in the tenant (`rbacGroupId`), from 1.
    pub id: i64,
    /// Its name (`rbacGroupName`).
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many devices are in it.
    pub devices: i64,
    /// When it was made, microseconds.
    pub created: i64,
}

/// Makes a device group and gives it the tenant's next number. Numbers of deleted groups are not given again.
///
/// # Errors
/// [`StoreError::Exists`] when the name is taken, [`StoreError::Missing`] without the tenant.
pub async fn create(
    tx: &mut WriteTx,
    tenant: TenantId,
    display_name: &str,
    description: Option<&str>,
    now: i64,
) -> Result<DeviceGroup, StoreError> {
    // Two that are made at once would get one number: the tenant's lock keeps them apart.
    crate::tenants::lock(tx, tenant).await?;
    let mut sql = Sql::new("select coalesce(max(id), 0) as n from device_groups where tenant = ");
    sql.bind(tenant);
    let least = sql.fetch_one(tx).await?.int("n")? + 1;
    let mut sql = Sql::new("insert into counters (name, value) values (");
    sql.bind(format!("device_group/{tenant}"))
        .push(", ")
        .bind(least)
        .push(
            ") on conflict (name) do update set value = case
             when counters.value >= excluded.value then counters.value + 1
             else excluded.value end returning value",
        );
    let id = sql.fetch_one(tx).await?.int("value")?;
    sqlx::query(
        "insert into device_groups (tenant, id, display_name, description, created)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(tenant.to_string())
    .bind(id)
    .bind(display_name)
    .bind(description.map(str::to_owned))
    .bind(now)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "device group"))?;
    Ok(DeviceGroup {
        id,
        display_name: display_name.to_owned(),
        description: description.map(str::to_owned),
        devices: 0,
        created: now,
    })
}

/// Deletes a device group; its devices are in none then, and roles are no longer given on it. False when the tenant has
/// no such group.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: i64) -> Result<bool, StoreError> {
    crate::tenants::lock(tx, tenant).await?;
    crate::defender_roles::forget_device_group(tx, tenant, id).await?;
    let mut sql = Sql::new(
        "update machines set rbac_group_id = 0, rbac_group_name = null, version = version + 1
         where tenant = ",
    );
    sql.bind(tenant).push(" and rbac_group_id = ").bind(id);
    sql.execute(tx).await?;
    let mut sql = Sql::new("delete from device_groups where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's device groups, by number.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<DeviceGroup>, StoreError> {
    let mut sql = Sql::new(
        "select g.*, (select count(*) from machines m where m.tenant = g.tenant
         and m.rbac_group_id = g.id) as devices from device_groups g where g.tenant = ",
    );
    sql.bind(tenant).push(" order by g.id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Puts devices into a group, out of the one that they are in; 0 takes them out. Returns how many of them the tenant
/// has.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such group.
pub async fn put(
    tx: &mut WriteTx,
    tenant: TenantId,
    group: i64,
    devices: &[DeviceId],
) -> Result<u64, StoreError> {
    let name = match group {
        0 => None,
        id => {
            let mut sql = Sql::new("select display_name from device_groups where tenant = ");
            sql.bind(tenant).push(" and id = ").bind(id);
            let rows = sql.fetch_all(tx).await?;
            let row = rows.first().ok_or(StoreError::Missing("device group"))?;
            Some(row.text("display_name")?)
        }
    };
    let mut moved = 0;
    for chunk in devices.chunks(CHUNK) {
        let mut sql = Sql::new("update machines set version = version + 1, rbac_group_id = ");
        sql.bind(group)
            .push(", rbac_group_name = ")
            .bind(name.clone());
        sql.push(" where tenant = ")
            .bind(tenant)
            .push(" and id in (");
        sql.bind_list(chunk.iter().map(|id| id.as_str().to_ascii_lowercase()))
            .push(")");
        moved += sql.execute(tx).await?.rows_affected();
    }
    Ok(moved)
}

/// The devices that a scope leaves out, or all that it lets in: for data that is kept elsewhere and names devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceList {
    /// Every device is seen.
    All,
    /// These alone are seen.
    Only(Vec<String>),
    /// All but these are seen: devices that nobody put into a group are in sight.
    Except(Vec<String>),
}

/// The device ids (lower case) of a scope.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn devices_of(
    tx: &mut ReadTx,
    tenant: TenantId,
    scope: &DeviceScope,
) -> Result<DeviceList, StoreError> {
    let DeviceScope::Groups(groups) = scope else {
        return Ok(DeviceList::All);
    };
    let ungrouped = groups.contains(&0);
    let mut sql = Sql::new("select id from machines where tenant = ");
    sql.bind(tenant).push(if ungrouped {
        " and rbac_group_id not in ("
    } else {
        " and rbac_group_id in ("
    });
    // Never an empty list, which is not SQL.
    sql.bind_list(groups.iter().copied().chain([-1])).push(")");
    let found = sql.fetch_all(tx).await?;
    let ids = found
        .iter()
        .map(|row| row.text("id"))
        .collect::<Result<_, _>>()?;
    Ok(if ungrouped {
        DeviceList::Except(ids)
    } else {
        DeviceList::Only(ids)
    })
}

/// The ids of alerts that are about a device which a scope leaves out, or have evidence of one; of those made at or after
/// a moment, microseconds. As with [`devices_of`], an alert about no device is in sight.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn hidden_alerts(
    tx: &mut ReadTx,
    tenant: TenantId,
    scope: &DeviceScope,
    since: i64,
) -> Result<Vec<String>, StoreError> {
    let DeviceScope::Groups(groups) = scope else {
        return Ok(Vec::new());
    };
    // A device that nobody put into a group need not be known.
    let within = if groups.contains(&0) {
        " in (select id from machines where rbac_group_id not in ("
    } else {
        " not in (select id from machines where rbac_group_id in ("
    };
    let mut sql = Sql::new("select id from alerts where tenant = ");
    sql.bind(tenant).push(" and created >= ").bind(since);
    sql.push(" and (device_id").push(within);
    sql.bind_list(groups.iter().copied().chain([-1]));
    sql.push(") and tenant = ").bind(tenant);
    sql.push(
        ") or exists (select 1 from alert_evidence e
         where e.tenant = alerts.tenant and e.alert = alerts.id and e.device_id",
    );
    sql.push(within);
    sql.bind_list(groups.iter().copied().chain([-1]));
    sql.push(") and tenant = ").bind(tenant).push(")))");
    let found = sql.fetch_all(tx).await?;
    found.iter().map(|row| row.text("id")).collect()
}

/// Appends ` and …` that keeps the devices of the transaction's scope.
pub(crate) fn push_machines(sql: &mut Sql, scope: &DeviceScope) {
    if let DeviceScope::Groups(groups) = scope {
        sql.push(" and rbac_group_id in (")
            .bind_list(groups.iter().copied().chain([-1]))
            .push(")");
    }
}

/// Appends ` and …` that keeps alerts about one of the scope's devices; those about no device are for who sees all.
pub(crate) fn push_alerts(sql: &mut Sql, scope: &DeviceScope) {
    if let DeviceScope::Groups(groups) = scope {
        sql.push(
            " and exists (select 1 from machines m
             where m.tenant = alerts.tenant and m.id = alerts.device_id and m.rbac_group_id in (",
        )
        .bind_list(groups.iter().copied().chain([-1]))
        .push("))");
    }
}

/// Appends ` and …` that keeps incidents with an alert of the scope, or without any alert.
pub(crate) fn push_incidents(sql: &mut Sql, scope: &DeviceScope) {
    if let DeviceScope::Groups(_) = scope {
        sql.push(
            " and (not exists (select 1 from alerts where alerts.tenant = incidents.tenant
             and alerts.incident = incidents.id) or exists (select 1 from alerts
             where alerts.tenant = incidents.tenant and alerts.incident = incidents.id",
        );
        push_alerts(sql, scope);
        sql.push("))");
    }
}

fn read(row: &AnyRow) -> Result<DeviceGroup, StoreError> {
    Ok(DeviceGroup {
        id: row.int("id")?,
        display_name: row.text("display_name")?,
        description: row.maybe_text("description")?,
        devices: row.int("devices")?,
        created: row.int("created")?,
    })
}
