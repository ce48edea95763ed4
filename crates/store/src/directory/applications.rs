//! Application registrations: one each, in the home tenant.

use bartizan_contract::{AppId, ObjectId, TenantId};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;

use super::search::{self, DirectoryCursor, Search, Source};
use super::{
    AppRole, PermissionScope, RedirectUris, RequiredResourceAccess, owners, service_principals,
};
use crate::error::StoreError;
use crate::listing::Listing;
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// An application registration (Graph `application`).
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its object id (`id`).
    pub id: ObjectId,
    /// Its client id.
    pub app_id: AppId,
    /// Its home.
    pub tenant: TenantId,
    /// Its name.
    pub display_name: String,
    /// `AzureADMyOrg`, `AzureADMultipleOrgs` …
    pub sign_in_audience: String,
    /// URIs by which tokens for it may be asked.
    pub identifier_uris: Vec<String>,
    /// What it says it needs.
    pub required_resource_access: Vec<RequiredResourceAccess>,
    /// What it offers to applications.
    pub app_roles: Vec<AppRole>,
    /// What it offers to users' clients.
    pub oauth2_scopes: Vec<PermissionScope>,
    /// Where answers to it may be sent.
    pub redirect_uris: RedirectUris,
    /// Version of the access tokens issued for it: 1, 2, or none (which means 1).
    pub requested_access_token_version: Option<i64>,
    /// Further Graph properties, kept as they were given.
    pub properties: Map<String, Json>,
    /// When it was made, microseconds.
    pub created: i64,
}

const COLUMNS: &str = "select * from applications where ";

/// Registers an application.
///
/// # Errors
/// [`StoreError::Exists`] when an id is taken, [`StoreError::Missing`] without the tenant.
pub async fn create(tx: &mut WriteTx, app: &Application) -> Result<(), StoreError> {
    sqlx::query(
        "insert into applications
         (id, app_id, tenant, display_name, sign_in_audience, identifier_uris,
          required_resource_access, app_roles, oauth2_scopes, redirect_uris,
          requested_access_token_version, properties, created)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(app.id.to_string())
    .bind(app.app_id.to_string())
    .bind(app.tenant.to_string())
    .bind(&app.display_name)
    .bind(&app.sign_in_audience)
    .bind(to_json("identifier_uris", &app.identifier_uris)?)
    .bind(to_json(
        "required_resource_access",
        &app.required_resource_access,
    )?)
    .bind(to_json("app_roles", &app.app_roles)?)
    .bind(to_json("oauth2_scopes", &app.oauth2_scopes)?)
    .bind(to_json("redirect_uris", &app.redirect_uris)?)
    .bind(app.requested_access_token_version)
    .bind(to_json("properties", &app.properties)?)
    .bind(app.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "application"))?;
    Ok(())
}

/// Replaces what may change of an application, found by tenant and object id, and brings its
/// service principals in every tenant up to date with it.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such application, [`StoreError::Exists`] when an
/// identifier URI is taken.
pub async fn update(tx: &mut WriteTx, app: &Application) -> Result<(), StoreError> {
    let done = sqlx::query(
        "update applications set display_name = $3, sign_in_audience = $4, identifier_uris = $5,
         required_resource_access = $6, app_roles = $7, oauth2_scopes = $8, redirect_uris = $9,
         requested_access_token_version = $10, properties = $11
         where tenant = $1 and id = $2",
    )
    .bind(app.tenant.to_string())
    .bind(app.id.to_string())
    .bind(&app.display_name)
    .bind(&app.sign_in_audience)
    .bind(to_json("identifier_uris", &app.identifier_uris)?)
    .bind(to_json(
        "required_resource_access",
        &app.required_resource_access,
    )?)
    .bind(to_json("app_roles", &app.app_roles)?)
    .bind(to_json("oauth2_scopes", &app.oauth2_scopes)?)
    .bind(to_json("redirect_uris", &app.redirect_uris)?)
    .bind(app.requested_access_token_version)
    .bind(to_json("properties", &app.properties)?)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing("application"));
    }
    service_principals::follow_application(tx, app).await
}

/// Deletes an application with its secrets, and its service principals in every tenant with their
/// assignments. False when the tenant has no such application.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    let Some(app) = by_id(tx, tenant, id).await? else {
        return Ok(false);
    };
    service_principals::delete_of_application(tx, app.app_id).await?;
    owners::forget_object(tx, tenant, id).await?;
    let mut sql = Sql::new("delete from applications where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's application by object id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<Application>, StoreError> {
    let mut sql = Sql::new(COLUMNS);
    sql.push("tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's application by client id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_app_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    app_id: AppId,
) -> Result<Option<Application>, StoreError> {
    let mut sql = Sql::new(COLUMNS);
    sql.push("tenant = ")
        .bind(tenant)
        .push(" and app_id = ")
        .bind(app_id.to_string());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// The application with this client id in whatever home: for token decisions, where an
/// application acts in other tenants than its own.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn anywhere(tx: &mut ReadTx, app_id: AppId) -> Result<Option<Application>, StoreError> {
    let mut sql = Sql::new(COLUMNS);
    sql.push("app_id = ").bind(app_id.to_string());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

const SOURCE: Source = Source {
    select: "select * from applications where tenant = ",
    count: "select count(*) as n from applications where tenant = ",
    table: "applications",
};

/// A page of a tenant's applications.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    search: &Search<'_>,
) -> Result<Listing<Application, DirectoryCursor>, StoreError> {
    search::list(tx, tenant, &SOURCE, search, read).await
}

/// How many applications of a tenant a filter lets through.
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

fn read(row: &AnyRow) -> Result<Application, StoreError> {
    Ok(Application {
        id: row.parsed("id")?,
        app_id: row.parsed("app_id")?,
        tenant: row.parsed("tenant")?,
        display_name: row.text("display_name")?,
        sign_in_audience: row.text("sign_in_audience")?,
        identifier_uris: row.json("identifier_uris")?,
        required_resource_access: row.json("required_resource_access")?,
        app_roles: row.json("app_roles")?,
        oauth2_scopes: row.json("oauth2_scopes")?,
        redirect_uris: row.json("redirect_uris")?,
        requested_access_token_version: row.maybe_int("requested_access_token_version")?,
        properties: row.json("properties")?,
        created: row.int("created")?,
    })
}
