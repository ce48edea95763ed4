//! Service principals: an application's presence in a tenant, and the names by which tokens for
//! it may be asked there.

use std::collections::HashMap;

use bartizan_contract::first_party::MICROSOFT_SERVICES_TENANT;
use bartizan_contract::permissions::{PermissionKind, RESOURCES, Resource};
use bartizan_contract::{AppId, ObjectId, TenantId};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::applications::Application;
use super::search::{self, DirectoryCursor, Search, Source};
use super::{AppRole, PermissionScope, owners};
use crate::error::StoreError;
use crate::listing::Listing;
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::tenants::{self, Domain};
use crate::transaction::{ReadTx, WriteTx};

/// A service principal (Graph `servicePrincipal`).
#[derive(Debug, Clone, PartialEq)]
pub struct ServicePrincipal {
    /// Its object id (`id`).
    pub id: ObjectId,
    /// The tenant it is in.
    pub tenant: TenantId,
    /// The application that it stands for.
    pub app_id: AppId,
    /// Its name.
    pub display_name: String,
    /// Home of the application.
    pub owner_tenant: TenantId,
    /// Whether sign-in with it works.
    pub enabled: bool,
    /// Whether only assigned principals get tokens for it.
    pub assignment_required: bool,
    /// `Application`, `ManagedIdentity` …
    pub kind: String,
    /// `servicePrincipalNames`: the client id and the identifier URIs, in order.
    pub names: Vec<String>,
    /// What it offers to applications.
    pub app_roles: Vec<AppRole>,
    /// What it offers to users' clients.
    pub oauth2_scopes: Vec<PermissionScope>,
    /// Further Graph properties, kept as they were given.
    pub properties: Map<String, Json>,
    /// When it was made, microseconds.
    pub created: i64,
}

impl ServicePrincipal {
    /// The service principal of an application in its home, with all its names; [`to_be`] tells which it has elsewhere.
    #[must_use]
    pub fn of_application(id: ObjectId, tenant: TenantId, app: &Application, now: i64) -> Self {
        Self {
            id,
            tenant,
            app_id: app.app_id,
            display_name: app.display_name.clone(),
            owner_tenant: app.tenant,
            enabled: true,
            assignment_required: false,
            kind: "Application".to_owned(),
            names: names_of(app.app_id, &app.identifier_uris),
            app_roles: app.app_roles.clone(),
            oauth2_scopes: app.oauth2_scopes.clone(),
            properties: Map::new(),
            created: now,
        }
    }

    /// The service principal of a resource of Microsoft's in a tenant. Its id is derived from
    /// both, so that a rebuilt tenant has the same.
    #[must_use]
    pub fn of_resource(tenant: TenantId, resource: &Resource, now: i64) -> Self {
        let permissions = |kind| resource.permissions.iter().filter(move |p| p.kind == kind);
        let uris: Vec<String> = resource
            .identifier_uris
            .iter()
            .map(|u| (*u).to_owned())
            .collect();
        Self {
            id: ObjectId(Uuid::new_v5(
                &tenant.uuid(),
                resource.app_id.uuid().as_bytes(),
            )),
            tenant,
            app_id: resource.app_id,
            display_name: resource.display_name.to_owned(),
            owner_tenant: MICROSOFT_SERVICES_TENANT,
            enabled: true,
            assignment_required: false,
            kind: "Application".to_owned(),
            names: names_of(resource.app_id, &uris),
            app_roles: permissions(PermissionKind::Application)
                .map(|p| AppRole {
                    id: p.id,
                    value: Some(p.name.to_owned()),
                    display_name: Some(p.text.to_owned()),
                    description: Some(p.text.to_owned()),
                    allowed_member_types: vec!["Application".to_owned()],
                    is_enabled: true,
                    origin: Some("Application".to_owned()),
                })
                .collect(),
            oauth2_scopes: permissions(PermissionKind::Delegated)
                .map(|p| PermissionScope {
                    id: p.id,
                    value: Some(p.name.to_owned()),
                    consent: Some(if p.admin_consent { "Admin" } else { "User" }.to_owned()),
                    is_enabled: true,
                    admin_consent_display_name: Some(p.text.to_owned()),
                    admin_consent_description: Some(p.text.to_owned()),
                    user_consent_display_name: Some(p.text.to_owned()),
                    user_consent_description: Some(p.text.to_owned()),
                })
                .collect(),
            properties: Map::new(),
            created: now,
        }
    }
}

/// The client id and the URIs, without those that look-ups would take for the same.
fn names_of(app_id: AppId, uris: &[String]) -> Vec<String> {
    let mut names = vec![app_id.to_string()];
    for uri in uris {
        if !names.iter().any(|n| look_up_name(n) == look_up_name(uri)) {
            names.push(uri.clone());
        }
    }
    names
}

/// The form of a resource's name that look-ups compare: lower case, one trailing slash less.
#[must_use]
pub fn look_up_name(name: &str) -> String {
    name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase()
}

/// The service principal that an application is to have in a tenant; [`create`] makes it.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn to_be(
    tx: &mut ReadTx,
    id: ObjectId,
    tenant: TenantId,
    app: &Application,
    now: i64,
) -> Result<ServicePrincipal, StoreError> {
    let mut sp = ServicePrincipal::of_application(id, tenant, app, now);
    if tenant != app.tenant {
        sp.names = names_abroad(tx, &sp).await?;
    }
    Ok(sp)
}

/// Makes a service principal.
///
/// # Errors
/// [`StoreError::Exists`] when the tenant has one for that application or one of its names,
/// [`StoreError::Missing`] without the tenant.
pub async fn create(tx: &mut WriteTx, sp: &ServicePrincipal) -> Result<(), StoreError> {
    sqlx::query(
        "insert into service_principals
         (id, tenant, app_id, display_name, owner_tenant, enabled, assignment_required, kind,
          app_roles, oauth2_scopes, properties, created)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(sp.id.to_string())
    .bind(sp.tenant.to_string())
    .bind(sp.app_id.to_string())
    .bind(&sp.display_name)
    .bind(sp.owner_tenant.to_string())
    .bind(i64::from(sp.enabled))
    .bind(i64::from(sp.assignment_required))
    .bind(&sp.kind)
    .bind(to_json("app_roles", &sp.app_roles)?)
    .bind(to_json("oauth2_scopes", &sp.oauth2_scopes)?)
    .bind(to_json("properties", &sp.properties)?)
    .bind(sp.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "service principal"))?;
    put_names(tx, sp).await
}

/// Replaces what may change of a tenant's service principal, its names too.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has none with that id, [`StoreError::Exists`] when a
/// name is taken.
pub async fn update(tx: &mut WriteTx, sp: &ServicePrincipal) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update service_principals set display_name = $3, enabled = $4, assignment_required = $5,
         app_roles = $6, oauth2_scopes = $7, properties = $8 where tenant = $1 and id = $2",
    )
    .bind(sp.tenant.to_string())
    .bind(sp.id.to_string())
    .bind(&sp.display_name)
    .bind(i64::from(sp.enabled))
    .bind(i64::from(sp.assignment_required))
    .bind(to_json("app_roles", &sp.app_roles)?)
    .bind(to_json("oauth2_scopes", &sp.oauth2_scopes)?)
    .bind(to_json("properties", &sp.properties)?)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing("service principal"));
    }
    put_names(tx, sp).await
}

async fn put_names(tx: &mut WriteTx, sp: &ServicePrincipal) -> Result<(), StoreError> {
    let mut sql = Sql::new("delete from service_principal_names where service_principal = ");
    sql.bind(sp.id.to_string());
    sql.execute(tx).await?;
    for (position, spelling) in sp.names.iter().enumerate() {
        sqlx::query(
            "insert into service_principal_names
             (tenant, name, spelling, service_principal, position) values ($1, $2, $3, $4, $5)",
        )
        .bind(sp.tenant.to_string())
        .bind(look_up_name(spelling))
        .bind(spelling)
        .bind(sp.id.to_string())
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .execute(tx.connection())
        .await
        .map_err(|e| StoreError::on_insert(e, "service principal name"))?;
    }
    Ok(())
}

/// Makes the service principals of Microsoft's resources in a tenant, or brings them up to date
/// with the table of permissions. Run for a new tenant, and for each when a new version starts.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn seed_first_party(
    tx: &mut WriteTx,
    tenant: TenantId,
    now: i64,
) -> Result<(), StoreError> {
    for resource in RESOURCES {
        let fresh = ServicePrincipal::of_resource(tenant, resource, now);
        match by_app_id(tx, tenant, resource.app_id).await? {
            None => create(tx, &fresh).await?,
            Some(known) => {
                let ServicePrincipal {
                    names,
                    app_roles,
                    oauth2_scopes,
                    display_name,
                    ..
                } = fresh;
                let wanted = ServicePrincipal {
                    names,
                    app_roles,
                    oauth2_scopes,
                    display_name,
                    ..known.clone()
                };
                if wanted != known {
                    update(tx, &wanted).await?;
                }
            }
        }
    }
    Ok(())
}

/// Brings an application's service principals in every tenant up to date with it.
pub(super) async fn follow_application(
    tx: &mut WriteTx,
    app: &Application,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("select * from service_principals where app_id = ");
    sql.bind(app.app_id.to_string());
    for row in sql.fetch_all(tx).await? {
        let mut sp = read(tx, &row).await?;
        sp.display_name.clone_from(&app.display_name);
        sp.names = names_of(app.app_id, &app.identifier_uris);
        if sp.tenant != app.tenant {
            sp.names = names_abroad(tx, &sp).await?;
        }
        sp.app_roles.clone_from(&app.app_roles);
        sp.oauth2_scopes.clone_from(&app.oauth2_scopes);
        update(tx, &sp).await?;
    }
    Ok(())
}

/// The names that a service principal bears in a tenant that is not its application's home: its id, and URIs of the home's own
/// domains, so that nobody takes a name in other people's tenants that is not theirs. Nor one that another bears there:
/// a refusal would tell what that tenant has.
async fn names_abroad(tx: &mut ReadTx, sp: &ServicePrincipal) -> Result<Vec<String>, StoreError> {
    let home = tenants::by_id(tx, sp.owner_tenant).await?;
    let domains = home.map(|home| home.domains).unwrap_or_default();
    let id = sp.app_id.to_string();
    let mut free = Vec::with_capacity(sp.names.len());
    let own = |name: &&String| **name == id || is_own_name(name, sp.app_id, &domains);
    for name in sp.names.iter().filter(own) {
        let mut sql =
            Sql::new("select service_principal from service_principal_names where tenant = ");
        sql.bind(sp.tenant)
            .push(" and name = ")
            .bind(look_up_name(name))
            .push(" and service_principal <> ")
            .bind(sp.id.to_string());
        if sql.fetch_all(tx).await?.is_empty() {
            free.push(name.clone());
        }
    }
    Ok(free)
}

/// Whether a URI is the application's own everywhere: of its id, or of a domain of its home or one below that.
fn is_own_name(uri: &str, app: AppId, domains: &[Domain]) -> bool {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', ':', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].to_ascii_lowercase();
    if scheme.eq_ignore_ascii_case("api") && host == app.to_string() {
        return true;
    }
    domains.iter().any(|domain| {
        let above = host.strip_suffix(&domain.name);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    })
}

/// Deletes an application's service principals in every tenant, with their assignments.
pub(super) async fn delete_of_application(
    tx: &mut WriteTx,
    app_id: AppId,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("select tenant, id from service_principals where app_id = ");
    sql.bind(app_id.to_string());
    for row in sql.fetch_all(tx).await? {
        delete(tx, row.parsed("tenant")?, row.parsed("id")?).await?;
    }
    Ok(())
}

/// Deletes a tenant's service principal with what it was assigned and what was assigned of it.
/// False when the tenant has none with that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    super::forget_principal(tx, tenant, id).await?;
    owners::forget_object(tx, tenant, id).await?;
    let mut sql = Sql::new("delete from service_principals where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's service principal by object id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<ServicePrincipal>, StoreError> {
    let mut sql = Sql::new("select * from service_principals where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    only(tx, sql).await
}

/// A tenant's service principal of an application.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_app_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    app_id: AppId,
) -> Result<Option<ServicePrincipal>, StoreError> {
    let mut sql = Sql::new("select * from service_principals where tenant = ");
    sql.bind(tenant)
        .push(" and app_id = ")
        .bind(app_id.to_string());
    only(tx, sql).await
}

/// A tenant's service principal by one of its names: identifier URI or client id, in any letter
/// case, a trailing slash tolerated. `api://{client id}` is always the application of that id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_name(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
) -> Result<Option<ServicePrincipal>, StoreError> {
    let name = look_up_name(name);
    let id = name.strip_prefix("api://").filter(|id| id.len() == 36);
    if let Some(id) = id.and_then(|id| id.parse().ok())
        && let Some(bearer) = by_app_id(tx, tenant, id).await?
    {
        return Ok(Some(bearer));
    }
    let mut sql = Sql::new(
        "select p.* from service_principals p
         join service_principal_names n on n.service_principal = p.id and n.tenant = p.tenant
         where n.tenant = ",
    );
    sql.bind(tenant).push(" and n.name = ").bind(name);
    only(tx, sql).await
}

const SOURCE: Source = Source {
    select: "select * from service_principals where tenant = ",
    count: "select count(*) as n from service_principals where tenant = ",
    table: "service_principals",
};

/// A tenant's service principals by object ids, in no order; those that are not there are left out.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_ids(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[ObjectId],
) -> Result<Vec<ServicePrincipal>, StoreError> {
    let rows = search::by_ids(tx, tenant, &SOURCE, ids).await?;
    read_all(tx, &rows).await
}

/// A page of a tenant's service principals.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    search: &Search<'_>,
) -> Result<Listing<ServicePrincipal, DirectoryCursor>, StoreError> {
    let found = search::rows(tx, tenant, &SOURCE, search).await?;
    Ok(Listing {
        items: read_all(tx, &found.items).await?,
        next: found.next,
    })
}

/// How many service principals of a tenant a filter lets through.
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

async fn only(tx: &mut ReadTx, sql: Sql) -> Result<Option<ServicePrincipal>, StoreError> {
    match sql.fetch_all(tx).await?.first() {
        Some(row) => Ok(Some(read(tx, row).await?)),
        None => Ok(None),
    }
}

async fn read(tx: &mut ReadTx, row: &AnyRow) -> Result<ServicePrincipal, StoreError> {
    let id: ObjectId = row.parsed("id")?;
    let mut sql =
        Sql::new("select spelling from service_principal_names where service_principal = ");
    sql.bind(id.to_string()).push(" order by position");
    let names = sql.fetch_all(tx).await?;
    let names = names.iter().map(|name| name.text("spelling"));
    of_row(row, names.collect::<Result<_, _>>()?)
}

/// Rows with their names, which are read for all of them at once.
async fn read_all(tx: &mut ReadTx, rows: &[AnyRow]) -> Result<Vec<ServicePrincipal>, StoreError> {
    let ids: Vec<ObjectId> = rows
        .iter()
        .map(|row| row.parsed("id"))
        .collect::<Result<_, _>>()?;
    let mut names: HashMap<ObjectId, Vec<String>> = HashMap::new();
    for some in ids.chunks(search::IDS) {
        let mut sql = Sql::new(
            "select service_principal, spelling from service_principal_names where service_principal in (",
        );
        sql.bind_list(some.iter().map(ObjectId::to_string));
        sql.push(") order by position");
        for row in sql.fetch_all(tx).await? {
            let of = names.entry(row.parsed("service_principal")?).or_default();
            of.push(row.text("spelling")?);
        }
    }
    rows.iter()
        .zip(ids)
        .map(|(row, id)| of_row(row, names.remove(&id).unwrap_or_default()))
        .collect()
}

fn of_row(row: &AnyRow, names: Vec<String>) -> Result<ServicePrincipal, StoreError> {
    Ok(ServicePrincipal {
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        app_id: row.parsed("app_id")?,
        display_name: row.text("display_name")?,
        owner_tenant: row.parsed("owner_tenant")?,
        enabled: row.flag("enabled")?,
        assignment_required: row.flag("assignment_required")?,
        kind: row.text("kind")?,
        names,
        app_roles: row.json("app_roles")?,
        oauth2_scopes: row.json("oauth2_scopes")?,
        properties: row.json("properties")?,
        created: row.int("created")?,
    })
}
