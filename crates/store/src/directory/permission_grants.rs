//! Delegated permission grants: which scopes of which resource a client may use, in the name of
//! one user or of everybody in the tenant.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;

use super::search::{self, DirectoryCursor, Search, Source};
use crate::error::StoreError;
use crate::listing::Listing;
use crate::odata::SqlFilter;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A delegated permission grant (Graph `oAuth2PermissionGrant`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionGrant {
    /// Its id, opaque.
    pub id: String,
    /// Object id of the client's service principal.
    pub client: ObjectId,
    /// Object id of the resource's service principal.
    pub resource: ObjectId,
    /// The user it is granted for; none for everybody (`AllPrincipals`).
    pub principal: Option<ObjectId>,
    /// Words separated by spaces.
    pub scope: String,
    /// When it was made, microseconds.
    pub created: i64,
}

impl PermissionGrant {
    /// The words of its scope.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split_ascii_whitespace()
    }
}

/// Makes a grant. Client and resource must be service principals, the user a user of this tenant.
///
/// # Errors
/// [`StoreError::Exists`] when there is one for the same client, resource and user,
/// [`StoreError::Missing`] when the tenant lacks one of them.
pub async fn create(
    tx: &mut WriteTx,
    tenant: TenantId,
    grant: &PermissionGrant,
) -> Result<(), StoreError> {
    let principal = grant.principal.map(|p| p.to_string());
    let mut sql = Sql::new(
        "insert into oauth2_permission_grants
         (id, tenant, client, resource, principal, scope, created) select ",
    );
    sql.bind(grant.id.as_str()).push(", c.tenant, c.id, r.id, ");
    match &principal {
        None => sql.push("null"),
        Some(user) => sql.bind(user.as_str()),
    };
    sql.push(", ")
        .bind(grant.scope.as_str())
        .push(", ")
        .bind(grant.created)
        .push(" from service_principals c, service_principals r where c.tenant = ")
        .bind(tenant)
        .push(" and r.tenant = c.tenant and c.id = ")
        .bind(grant.client.to_string())
        .push(" and r.id = ")
        .bind(grant.resource.to_string());
    if let Some(user) = principal {
        sql.push(" and exists (select 1 from users u where u.tenant = c.tenant and u.id = ")
            .bind(user)
            .push(")");
    }
    let done = sql.execute_insert(tx, "permission grant").await?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("client, resource or user")),
        _ => Ok(()),
    }
}

/// Replaces a grant's scope.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has none with that id.
pub async fn set_scope(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: &str,
    scope: &str,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update oauth2_permission_grants set scope = ");
    sql.bind(scope)
        .push(" where tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id);
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("permission grant")),
        _ => Ok(()),
    }
}

/// Adds scopes to the grant of a client, resource and user, or makes it with this id and time.
/// Gives the grant as it stands then.
///
/// # Errors
/// As [`create`].
pub async fn add(
    tx: &mut WriteTx,
    tenant: TenantId,
    wanted: &PermissionGrant,
) -> Result<PermissionGrant, StoreError> {
    let held = of_client(tx, tenant, wanted.client).await?;
    let same =
        |g: &&PermissionGrant| g.resource == wanted.resource && g.principal == wanted.principal;
    let Some(held) = held.iter().find(same) else {
        create(tx, tenant, wanted).await?;
        return Ok(wanted.clone());
    };
    let mut words: Vec<&str> = held.scopes().collect();
    for word in wanted.scopes() {
        if !words.iter().any(|w| w.eq_ignore_ascii_case(word)) {
            words.push(word);
        }
    }
    let grown = PermissionGrant {
        scope: words.join(" "),
        ..held.clone()
    };
    set_scope(tx, tenant, &grown.id, &grown.scope).await?;
    Ok(grown)
}

/// Takes a grant away. False when the tenant has none with that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("delete from oauth2_permission_grants where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's grant by id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: &str,
) -> Result<Option<PermissionGrant>, StoreError> {
    let mut sql = Sql::new("select * from oauth2_permission_grants where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id);
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// What a client (a service principal) may use, in anybody's name; oldest first.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_client(
    tx: &mut ReadTx,
    tenant: TenantId,
    client: ObjectId,
) -> Result<Vec<PermissionGrant>, StoreError> {
    let mut sql = Sql::new("select * from oauth2_permission_grants where tenant = ");
    sql.bind(tenant)
        .push(" and client = ")
        .bind(client.to_string())
        .push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// What one user granted (`/me/oauth2PermissionGrants`), without what holds for everybody.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn of_principal(
    tx: &mut ReadTx,
    tenant: TenantId,
    user: ObjectId,
) -> Result<Vec<PermissionGrant>, StoreError> {
    let mut sql = Sql::new("select * from oauth2_permission_grants where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(user.to_string())
        .push(" order by created, id");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

const SOURCE: Source = Source {
    select: "select * from oauth2_permission_grants where tenant = ",
    count: "select count(*) as n from oauth2_permission_grants where tenant = ",
    table: "oauth2_permission_grants",
};

/// A page of a tenant's grants, which have no names to be ordered by.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    search: &Search<'_>,
) -> Result<Listing<PermissionGrant, DirectoryCursor>, StoreError> {
    search::list(tx, tenant, &SOURCE, search, read).await
}

/// How many grants of a tenant a filter lets through.
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

fn read(row: &AnyRow) -> Result<PermissionGrant, StoreError> {
    let principal = row.maybe_text("principal")?;
    Ok(PermissionGrant {
        id: row.text("id")?,
        client: row.parsed("client")?,
        resource: row.parsed("resource")?,
        principal: match principal {
            Some(_) => Some(row.parsed("principal")?),
            None => None,
        },
        scope: row.text("scope")?,
        created: row.int("created")?,
    })
}
