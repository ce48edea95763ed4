//! Custom Defender roles, who holds them on which devices, and what all of that gives a user.

use std::collections::BTreeSet;

use bartizan_contract::access::DefenderPermission;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_security::access::{DefenderGrant, DeviceScope, UserFacts};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::directory::{Principal, groups, roles, users};
use crate::error::StoreError;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A custom role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefenderRole {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it permits.
    pub permissions: Vec<DefenderPermission>,
    /// When it was made, microseconds.
    pub created: i64,
}

/// A custom role given to a user or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefenderAssignment {
    /// Its id.
    pub id: Uuid,
    /// The role.
    pub role: Uuid,
    /// Who holds it.
    pub principal: Principal,
    /// On which devices.
    pub devices: DeviceScope,
    /// When it was made, microseconds.
    pub created: i64,
}

/// Makes a role.
///
/// # Errors
/// [`StoreError::Exists`] when the name is taken, [`StoreError::Missing`] without the tenant.
pub async fn create(
    tx: &mut WriteTx,
    tenant: TenantId,
    role: &DefenderRole,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into defender_roles (id, tenant, display_name, description, permissions, created)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(role.id.to_string())
    .bind(tenant.to_string())
    .bind(&role.display_name)
    .bind(role.description.clone())
    .bind(to_json("permissions", &role.permissions)?)
    .bind(role.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "Defender role"))?;
    Ok(())
}

/// Replaces name, description and permissions of a role.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such role, [`StoreError::Exists`] when the name is taken.
pub async fn update(
    tx: &mut WriteTx,
    tenant: TenantId,
    role: &DefenderRole,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update defender_roles set display_name = $3, description = $4, permissions = $5
         where tenant = $1 and id = $2",
    )
    .bind(tenant.to_string())
    .bind(role.id.to_string())
    .bind(&role.display_name)
    .bind(role.description.clone())
    .bind(to_json("permissions", &role.permissions)?)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "Defender role"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("Defender role")),
        _ => Ok(()),
    }
}

/// Deletes a role and its assignments. False when the tenant has no such role.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from defender_roles where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's roles, by name.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<DefenderRole>, StoreError> {
    let mut sql = Sql::new("select * from defender_roles where tenant = ");
    sql.bind(tenant).push(" order by lower(display_name), id");
    sql.fetch_all(tx).await?.iter().map(read_role).collect()
}

/// A tenant's role.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<DefenderRole>, StoreError> {
    let mut sql = Sql::new("select * from defender_roles where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    sql.fetch_all(tx).await?.first().map(read_role).transpose()
}

/// Gives a role to a principal of the tenant, which the caller looked up there.
///
/// # Errors
/// [`StoreError::Exists`] when it is held, [`StoreError::Missing`] when the tenant has no such role.
pub async fn assign(
    tx: &mut WriteTx,
    tenant: TenantId,
    assignment: &DefenderAssignment,
) -> Result<(), StoreError> {
    let groups = match &assignment.devices {
        DeviceScope::All => None,
        DeviceScope::Groups(groups) => Some(to_json("device_groups", groups)?),
    };
    let done = sqlx::query(
        "insert into defender_role_assignments
         (id, tenant, role, principal, kind, device_groups, created)
         select $1, tenant, id, $4, $5, $6, $7 from defender_roles where tenant = $2 and id = $3",
    )
    .bind(assignment.id.to_string())
    .bind(tenant.to_string())
    .bind(assignment.role.to_string())
    .bind(assignment.principal.id.to_string())
    .bind(assignment.principal.kind.as_str())
    .bind(groups)
    .bind(assignment.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "Defender role assignment"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("Defender role")),
        _ => Ok(()),
    }
}

/// Takes a role away. False when the tenant has no assignment with that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn unassign(tx: &mut WriteTx, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from defender_role_assignments where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Takes a device group out of the assignments that name it; one that names no other ends.
pub(crate) async fn forget_device_group(
    tx: &mut WriteTx,
    tenant: TenantId,
    group: i64,
) -> Result<(), StoreError> {
    for assignment in assignments(tx, tenant).await? {
        let DeviceScope::Groups(mut groups) = assignment.devices else {
            continue;
        };
        if !groups.remove(&group) {
            continue;
        }
        if groups.is_empty() {
            unassign(tx, tenant, assignment.id).await?;
            continue;
        }
        let mut sql = Sql::new("update defender_role_assignments set device_groups = ");
        sql.bind(to_json("device_groups", &groups)?)
            .push(" where tenant = ")
            .bind(tenant)
            .push(" and id = ")
            .bind(assignment.id.to_string());
        sql.execute(tx).await?;
    }
    Ok(())
}

/// A tenant's assignments, oldest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn assignments(
    tx: &mut ReadTx,
    tenant: TenantId,
) -> Result<Vec<DefenderAssignment>, StoreError> {
    let mut sql = Sql::new("select * from defender_role_assignments where tenant = ");
    sql.bind(tenant).push(" order by created, id");
    let rows = sql.fetch_all(tx).await?;
    rows.iter().map(read_assignment).collect()
}

/// What decides on a user's rights, read in one transaction; `None` when the tenant has no such user.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn facts_of(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Option<UserFacts>, StoreError> {
    let Some(account) = users::by_id(tx, tenant, user).await? else {
        return Ok(None);
    };
    let templates = roles::templates_of(tx, tenant, user).await?;
    let mut holders = vec![user.to_string()];
    let member_of = groups::all_of_member(tx, tenant, user).await?;
    let security = member_of.iter().filter(|group| group.security);
    holders.extend(security.map(|group| group.id.to_string()));
    let mut defender = Vec::new();
    for chunk in holders.chunks(crate::alerts::CHUNK) {
        let mut sql = Sql::new(
            "select r.permissions, a.device_groups from defender_role_assignments a
             join defender_roles r on r.id = a.role and r.tenant = a.tenant where a.tenant = ",
        );
        sql.bind(tenant)
            .push(" and a.principal in (")
            .bind_list(chunk.iter().map(String::as_str))
            .push(")");
        for row in sql.fetch_all(tx).await? {
            defender.push(DefenderGrant {
                permissions: row.json("permissions")?,
                devices: scope(&row)?,
            });
        }
    }
    Ok(Some(UserFacts {
        enabled: account.enabled,
        roles: templates,
        defender,
    }))
}

fn scope(row: &AnyRow) -> Result<DeviceScope, StoreError> {
    Ok(match row.maybe_text("device_groups")? {
        None => DeviceScope::All,
        Some(_) => DeviceScope::Groups(row.json::<BTreeSet<i64>>("device_groups")?),
    })
}

fn read_role(row: &AnyRow) -> Result<DefenderRole, StoreError> {
    Ok(DefenderRole {
        id: row.parsed("id")?,
        display_name: row.text("display_name")?,
        description: row.maybe_text("description")?,
        permissions: row.json("permissions")?,
        created: row.int("created")?,
    })
}

fn read_assignment(row: &AnyRow) -> Result<DefenderAssignment, StoreError> {
    Ok(DefenderAssignment {
        id: row.parsed("id")?,
        role: row.parsed("role")?,
        principal: Principal::read(row)?,
        devices: scope(row)?,
        created: row.int("created")?,
    })
}
