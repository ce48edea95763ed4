//! Directory role assignments: who is Global Administrator, Security Reader and so on.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::{Principal, PrincipalKind, groups, users};
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A directory role given to a principal, tenant-wide (Graph `unifiedRoleAssignment`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Its id, opaque.
    pub id: String,
    /// The role's template.
    pub template: Uuid,
    /// Who holds it.
    pub principal: Principal,
    /// When it was made, microseconds.
    pub created: i64,
}

/// Gives a role.
///
/// # Errors
/// [`StoreError::Exists`] when it is held, [`StoreError::Missing`] without the tenant.
pub async fn assign(
    tx: &mut WriteTx,
    tenant: TenantId,
    assignment: &RoleAssignment,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into directory_role_assignments (id, tenant, template, principal, kind, created)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&assignment.id)
    .bind(tenant.to_string())
    .bind(assignment.template.to_string())
    .bind(assignment.principal.id.to_string())
    .bind(assignment.principal.kind.as_str())
    .bind(assignment.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "role assignment"))?;
    Ok(())
}

/// Takes a role away. False when the tenant has no assignment with that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn unassign(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from directory_role_assignments where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's assignments, oldest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<RoleAssignment>, StoreError> {
    let mut sql = Sql::new("select * from directory_role_assignments where tenant = ");
    sql.bind(tenant).push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// What a principal was given itself, oldest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of_principal(
    tx: &mut ReadTx,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Vec<RoleAssignment>, StoreError> {
    let mut sql = Sql::new("select * from directory_role_assignments where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(principal.to_string())
        .push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Templates of the roles that a user or service principal holds, by groups too: what `wids` carries.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn templates_of(
    tx: &mut ReadTx,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Vec<Uuid>, StoreError> {
    let mut holders = vec![principal];
    let groups = groups::all_of_member(tx, tenant, principal).await?;
    holders.extend(groups.iter().filter(|g| g.role_assignable).map(|g| g.id));
    let mut templates = Vec::new();
    for holder in holders {
        let held = of_principal(tx, tenant, holder).await?;
        templates.extend(held.iter().map(|assignment| assignment.template));
    }
    templates.sort_unstable();
    templates.dedup();
    Ok(templates)
}

/// Whether an enabled user holds a role, itself or by a group that roles may be assigned to.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn has_enabled_holder(
    tx: &mut ReadTx,
    tenant: TenantId,
    template: Uuid,
) -> Result<bool, StoreError> {
    let held = list(tx, tenant).await?.into_iter();
    let mut holders: Vec<Principal> = held
        .filter(|assignment| assignment.template == template)
        .map(|assignment| assignment.principal)
        .collect();
    while let Some(holder) = holders.pop() {
        match holder.kind {
            PrincipalKind::User => {
                let user = users::by_id(tx, tenant, holder.id).await?;
                if user.is_some_and(|user| user.enabled) {
                    return Ok(true);
                }
            }
            // Such a group has no groups in it: this ends.
            PrincipalKind::Group => {
                let group = groups::by_id(tx, tenant, holder.id).await?;
                if group.is_some_and(|group| group.role_assignable) {
                    let members = groups::members(tx, tenant, holder.id).await?;
                    let users = members
                        .into_iter()
                        .filter(|m| m.kind == PrincipalKind::User);
                    holders.extend(users);
                }
            }
            PrincipalKind::ServicePrincipal => {}
        }
    }
    Ok(false)
}

fn read(row: &AnyRow) -> Result<RoleAssignment, StoreError> {
    Ok(RoleAssignment {
        id: row.text("id")?,
        template: row.parsed("template")?,
        principal: Principal::read(row)?,
        created: row.int("created")?,
    })
}
