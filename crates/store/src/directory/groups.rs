//! Groups and their members.

use std::collections::HashSet;

use bartizan_contract::{ObjectId, TenantId};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;

use super::search::{self, DirectoryCursor, Search, Source};
use super::{Principal, PrincipalKind};
use crate::error::StoreError;
use crate::listing::Listing;
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A group (Graph `group`).
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Object id.
    pub id: ObjectId,
    /// Its name.
    pub display_name: String,
    /// Its address without the domain.
    pub mail_nickname: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether rights may hang on it.
    pub security: bool,
    /// Whether it takes mail.
    pub mail_enabled: bool,
    /// Whether directory roles may be assigned to it.
    pub role_assignable: bool,
    /// Further properties by Graph's names.
    pub properties: Map<String, Json>,
    /// When it was made, microseconds.
    pub created: i64,
}

/// How deep groups may lie in each other; deeper ones give nothing.
const DEPTH: usize = 32;

const SOURCE: Source = Source {
    select: "select * from directory_groups where tenant = ",
    count: "select count(*) as n from directory_groups where tenant = ",
    table: "directory_groups",
};

/// Makes a group.
///
/// # Errors
/// [`StoreError::Exists`] when the id is taken, [`StoreError::Missing`] without the tenant.
pub async fn create(tx: &mut WriteTx, tenant: TenantId, group: &Group) -> Result<(), StoreError> {
    sqlx::query(
        "insert into directory_groups
         (id, tenant, display_name, mail_nickname, description, security, mail_enabled,
          role_assignable, properties, created)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(group.id.to_string())
    .bind(tenant.to_string())
    .bind(&group.display_name)
    .bind(&group.mail_nickname)
    .bind(group.description.clone())
    .bind(i64::from(group.security))
    .bind(i64::from(group.mail_enabled))
    .bind(i64::from(group.role_assignable))
    .bind(to_json("properties", &group.properties)?)
    .bind(group.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "group"))?;
    Ok(())
}

/// Replaces what may change of a group.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such group.
pub async fn update(tx: &mut WriteTx, tenant: TenantId, group: &Group) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update directory_groups set display_name = $3, mail_nickname = $4, description = $5,
         security = $6, mail_enabled = $7, properties = $8 where tenant = $1 and id = $2",
    )
    .bind(tenant.to_string())
    .bind(group.id.to_string())
    .bind(&group.display_name)
    .bind(&group.mail_nickname)
    .bind(group.description.clone())
    .bind(i64::from(group.security))
    .bind(i64::from(group.mail_enabled))
    .bind(to_json("properties", &group.properties)?)
    .execute(tx.connection())
    .await?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("group")),
        _ => Ok(()),
    }
}

/// Deletes a group, its memberships and what was assigned to it. False when the tenant has no such group.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    super::forget_principal(tx, tenant, id).await?;
    super::owners::forget_object(tx, tenant, id).await?;
    let mut sql = Sql::new("delete from directory_groups where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's group.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<Group>, StoreError> {
    let mut sql = Sql::new(SOURCE.select);
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's groups by object ids, in no order; those that are not there are left out.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_ids(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[ObjectId],
) -> Result<Vec<Group>, StoreError> {
    let rows = search::by_ids(tx, tenant, &SOURCE, ids).await?;
    rows.iter().map(read).collect()
}

/// A page of a tenant's groups.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    search: &Search<'_>,
) -> Result<Listing<Group, DirectoryCursor>, StoreError> {
    search::list(tx, tenant, &SOURCE, search, read).await
}

/// How many groups of a tenant a filter lets through.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    search::count(tx, tenant, &SOURCE, filter).await
}

/// Adds a member, which must be an object of the tenant: the caller looked it up there.
///
/// # Errors
/// [`StoreError::Exists`] when it is one, [`StoreError::Missing`] when the tenant has no such group.
pub async fn add_member(
    tx: &mut WriteTx,
    tenant: TenantId,
    group: ObjectId,
    member: Principal,
    now: i64,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "insert into group_members (tenant, member_group, member, kind, created)
         select tenant, id, $3, $4, $5 from directory_groups where tenant = $1 and id = $2",
    )
    .bind(tenant.to_string())
    .bind(group.to_string())
    .bind(member.id.to_string())
    .bind(member.kind.as_str())
    .bind(now)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "member"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("group")),
        _ => Ok(()),
    }
}

/// Takes a member out. False when it is none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn remove_member(
    tx: &mut WriteTx,
    tenant: TenantId,
    group: ObjectId,
    member: ObjectId,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from group_members where tenant = ");
    sql.bind(tenant)
        .push(" and member_group = ")
        .bind(group.to_string())
        .push(" and member = ")
        .bind(member.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// The direct members of a group, oldest first.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn members(
    tx: &mut ReadTx,
    tenant: TenantId,
    group: ObjectId,
) -> Result<Vec<Principal>, StoreError> {
    let rows = members_of(tenant, group).fetch_all(tx).await?;
    rows.iter().map(Principal::read).collect()
}

/// Everything that is in a group, directly or through the groups in it, each once; the group itself is left out.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn all_members(
    tx: &mut ReadTx,
    tenant: TenantId,
    group: ObjectId,
) -> Result<Vec<Principal>, StoreError> {
    let mut found: Vec<Principal> = Vec::new();
    let mut seen = HashSet::from([group]);
    let mut edge = vec![group];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for outer in edge {
            for member in members(tx, tenant, outer).await? {
                if seen.insert(member.id) {
                    if member.kind == PrincipalKind::Group {
                        next.push(member.id);
                    }
                    found.push(member);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        edge = next;
    }
    Ok(found)
}

fn members_of(tenant: TenantId, group: ObjectId) -> Sql {
    let mut sql = Sql::new("select member as principal, kind from group_members where tenant = ");
    sql.bind(tenant)
        .push(" and member_group = ")
        .bind(group.to_string())
        .push(" order by created, member");
    sql
}

/// The groups that an object is a direct member of.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn of_member(
    tx: &mut ReadTx,
    tenant: TenantId,
    member: ObjectId,
) -> Result<Vec<Group>, StoreError> {
    let mut sql = Sql::new(
        "select g.* from directory_groups g join group_members m on m.member_group = g.id
         and m.tenant = g.tenant where g.tenant = ",
    );
    sql.bind(tenant)
        .push(" and m.member = ")
        .bind(member.to_string())
        .push(" order by lower(g.display_name), g.id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// Every group that an object is in, directly or through other groups.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn all_of_member(
    tx: &mut ReadTx,
    tenant: TenantId,
    member: ObjectId,
) -> Result<Vec<Group>, StoreError> {
    let mut found: Vec<Group> = Vec::new();
    let mut seen: HashSet<ObjectId> = HashSet::new();
    let mut edge = vec![member];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for object in edge {
            for group in of_member(tx, tenant, object).await? {
                if seen.insert(group.id) {
                    next.push(group.id);
                    found.push(group);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        edge = next;
    }
    Ok(found)
}

fn read(row: &AnyRow) -> Result<Group, StoreError> {
    Ok(Group {
        id: row.parsed("id")?,
        display_name: row.text("display_name")?,
        mail_nickname: row.text("mail_nickname")?,
        description: row.maybe_text("description")?,
        security: row.flag("security")?,
        mail_enabled: row.flag("mail_enabled")?,
        role_assignable: row.flag("role_assignable")?,
        properties: row.json("properties")?,
        created: row.int("created")?,
    })
}
