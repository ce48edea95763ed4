//! App role assignments: which principal holds which role of which resource.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// An app role assignment (Graph `appRoleAssignment`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRoleAssignment {
    /// Its id, opaque.
    pub id: String,
    /// Who holds the role: object id of a service principal, user or group.
    pub principal: ObjectId,
    /// `ServicePrincipal`, `User` or `Group`.
    pub principal_kind: String,
    /// Object id of the resource's service principal.
    pub resource: ObjectId,
    /// The role; all zeros for access without a role.
    pub app_role_id: Uuid,
    /// When it was made, microseconds.
    pub created: i64,
}

/// Makes an assignment. The resource must be a service principal of the same tenant, and the principal a service
/// principal, user or group of it; whether the role exists there and is for such a principal is the caller's check.
///
/// # Errors
/// [`StoreError::Exists`] when it is assigned already, [`StoreError::Missing`] when the tenant
/// lacks the resource or the principal.
pub async fn create(
    tx: &mut WriteTx,
    tenant: TenantId,
    assignment: &AppRoleAssignment,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into app_role_assignments
         (id, tenant, principal, principal_kind, resource, app_role_id, created)
         select $1, tenant, $3, $4, id, $6, $7 from service_principals r
         where r.tenant = $2 and r.id = $5
         and (exists (select 1 from service_principals p where p.tenant = $2 and p.id = $3)
              or exists (select 1 from users u where u.tenant = $2 and u.id = $3)
              or exists (select 1 from directory_groups g where g.tenant = $2 and g.id = $3))",
    )
    .bind(&assignment.id)
    .bind(tenant.to_string())
    .bind(assignment.principal.to_string())
    .bind(&assignment.principal_kind)
    .bind(assignment.resource.to_string())
    .bind(assignment.app_role_id.to_string())
    .bind(assignment.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "app role assignment"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("principal or resource")),
        _ => Ok(()),
    }
}

/// Takes an assignment away. False when the tenant has none with that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from app_role_assignments where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// What a principal holds (`appRoleAssignments`), oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_principal(
    tx: &mut ReadTx,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Vec<AppRoleAssignment>, StoreError> {
    let mut sql = Sql::new("select * from app_role_assignments where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(principal.to_string());
    sql.push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// What a user holds, directly or by a group that the user is a direct member of (groups within groups do not count: page
/// "Assign users and groups to an application"), oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_user(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Vec<AppRoleAssignment>, StoreError> {
    let mut sql = Sql::new("select * from app_role_assignments where tenant = ");
    sql.bind(tenant)
        .push(" and (principal = ")
        .bind(user.to_string())
        .push(" or principal in (select member_group from group_members where tenant = ")
        .bind(tenant)
        .push(" and member = ")
        .bind(user.to_string())
        .push(")) order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Who holds roles of a resource (`appRoleAssignedTo`), oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_resource(
    tx: &mut ReadTx,
    tenant: TenantId,
    resource: ObjectId,
) -> Result<Vec<AppRoleAssignment>, StoreError> {
    let mut sql = Sql::new("select * from app_role_assignments where tenant = ");
    sql.bind(tenant)
        .push(" and resource = ")
        .bind(resource.to_string());
    sql.push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<AppRoleAssignment, StoreError> {
    Ok(AppRoleAssignment {
        id: row.text("id")?,
        principal: row.parsed("principal")?,
        principal_kind: row.text("principal_kind")?,
        resource: row.parsed("resource")?,
        app_role_id: row.parsed("app_role_id")?,
        created: row.int("created")?,
    })
}
