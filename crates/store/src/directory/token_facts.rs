//! Everything a token decision needs, read from one consistent state in few statements.

use bartizan_contract::{AppId, ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::AppRole;
use super::credentials::{self, ApplicationCredentials};
use super::service_principals::look_up_name;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::tenants::{self, Tenant};
use crate::transaction::ReadTx;

/// The facts behind a `client_credentials` request. What is not there is `None`: which error that
/// makes is for the identity crate to decide.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientCredentialsFacts {
    /// The tenant that the path names.
    pub tenant: Option<Tenant>,
    /// The application with the client id, in whatever home tenant; only where there is a tenant.
    pub application: Option<RegisteredClient>,
    /// By what that application may prove itself, expired secrets and certificates too.
    pub credentials: ApplicationCredentials,
    /// The application's presence in the tenant.
    pub client: Option<InstalledClient>,
}

/// A registration, as far as tokens depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredClient {
    /// Its object id.
    pub id: ObjectId,
    /// Its home.
    pub home: TenantId,
    /// Its name.
    pub display_name: String,
    /// `AzureADMyOrg`, `AzureADMultipleOrgs` …
    pub sign_in_audience: String,
}

/// A client's service principal, as far as tokens depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledClient {
    /// Its object id.
    pub id: ObjectId,
    /// Its name.
    pub display_name: String,
    /// Whether sign-in with it works.
    pub enabled: bool,
}

/// The resource of a token request, as the client's tenant knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceFacts {
    /// Object id of its service principal.
    pub id: ObjectId,
    /// Its client id.
    pub app_id: AppId,
    /// Its name.
    pub display_name: String,
    /// Whether there are tokens for it.
    pub enabled: bool,
    /// Whether only assigned principals get tokens for it.
    pub assignment_required: bool,
    /// `requestedAccessTokenVersion` of its registration; none for Microsoft's resources.
    pub access_token_version: Option<i64>,
    /// Values of the enabled app roles that the client holds of it, sorted: the `roles` claim.
    pub roles: Vec<String>,
    /// Whether the client is assigned anything of it, be it access without a role.
    pub client_is_assigned: bool,
}

/// Reads the facts for a request to the tenant named `tenant` (id or domain), by the client
/// `client_id`.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn client_credentials(
    tx: &mut ReadTx,
    tenant: &str,
    client_id: AppId,
) -> Result<ClientCredentialsFacts, StoreError> {
    let mut sql = Sql::new(
        "select t.id, t.display_name, t.region, t.created,
         a.id as application, a.tenant as home, a.display_name as name, a.sign_in_audience,
         p.id as principal, p.display_name as principal_name, p.enabled
         from tenants t
         left join applications a on a.app_id = ",
    );
    sql.bind(client_id.to_string())
        .push(" left join service_principals p on p.tenant = t.id and p.app_id = ")
        .bind(client_id.to_string())
        .push(" where t.id = ");
    match tenant.parse::<TenantId>() {
        Ok(id) => sql.bind(id),
        Err(_) => sql
            .push("(select tenant from tenant_domains where name = ")
            .bind(tenant.to_ascii_lowercase())
            .push(")"),
    };
    let rows = sql.fetch_all(tx).await?;
    let Some(row) = rows.first() else {
        return Ok(ClientCredentialsFacts::default());
    };
    let application = registered(row)?;
    let credentials = match &application {
        Some(known) => credentials::of(tx, known.home, known.id).await?,
        None => ApplicationCredentials::default(),
    };
    Ok(ClientCredentialsFacts {
        tenant: Some(tenants::with_domains(tx, row).await?),
        application,
        credentials,
        client: installed(row)?,
    })
}

fn registered(row: &AnyRow) -> Result<Option<RegisteredClient>, StoreError> {
    if row.maybe_text("application")?.is_none() {
        return Ok(None);
    }
    Ok(Some(RegisteredClient {
        id: row.parsed("application")?,
        home: row.parsed("home")?,
        display_name: row.text("name")?,
        sign_in_audience: row.text("sign_in_audience")?,
    }))
}

fn installed(row: &AnyRow) -> Result<Option<InstalledClient>, StoreError> {
    if row.maybe_text("principal")?.is_none() {
        return Ok(None);
    }
    Ok(Some(InstalledClient {
        id: row.parsed("principal")?,
        display_name: row.text("principal_name")?,
        enabled: row.flag("enabled")?,
    }))
}

/// Reads what the service principal `client` holds of the resource named `name` (identifier URI or
/// client id) in a tenant; `None` when the tenant does not know the resource.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn resource_facts(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
    client: Option<ObjectId>,
) -> Result<Option<ResourceFacts>, StoreError> {
    let name = look_up_name(name);
    // `api://{client id}` is always the application of that id.
    let id = name.strip_prefix("api://").filter(|id| id.len() == 36);
    let by_id = match id.and_then(|id| id.parse::<AppId>().ok()) {
        Some(id) => resource_row(tx, tenant, "p.app_id = ", id.to_string()).await?,
        None => None,
    };
    let row = match by_id {
        Some(row) => row,
        None => {
            let named = "p.id = (select service_principal from service_principal_names
                 where tenant = p.tenant and name = ";
            match resource_row(tx, tenant, named, name).await? {
                Some(row) => row,
                None => return Ok(None),
            }
        }
    };
    let resource: ObjectId = row.parsed("id")?;
    let held = match client {
        Some(client) => held(tx, tenant, client, resource).await?,
        None => Vec::new(),
    };
    let offered: Vec<AppRole> = row.json("app_roles")?;
    let mut roles: Vec<String> = offered
        .into_iter()
        .filter(|role| role.is_enabled && held.contains(&role.id))
        .filter_map(|role| role.value)
        .collect();
    roles.sort();
    roles.dedup();
    Ok(Some(ResourceFacts {
        id: resource,
        app_id: row.parsed("app_id")?,
        display_name: row.text("display_name")?,
        enabled: row.flag("enabled")?,
        assignment_required: row.flag("assignment_required")?,
        access_token_version: row.maybe_int("version")?,
        roles,
        client_is_assigned: !held.is_empty(),
    }))
}

/// The resource of a tenant for which a condition holds; one that opens a bracket has it closed.
async fn resource_row(
    tx: &mut ReadTx,
    tenant: TenantId,
    condition: &'static str,
    value: String,
) -> Result<Option<AnyRow>, StoreError> {
    let mut sql = Sql::new(
        "select p.id, p.app_id, p.display_name, p.enabled, p.assignment_required, p.app_roles,
         a.requested_access_token_version as version
         from service_principals p left join applications a on a.app_id = p.app_id
         where p.tenant = ",
    );
    sql.bind(tenant).push(" and ").push(condition).bind(value);
    if condition.contains('(') {
        sql.push(")");
    }
    Ok(sql.fetch_all(tx).await?.into_iter().next())
}

/// The app roles of a resource that a principal is assigned; all zeros for access without a role.
async fn held(
    tx: &mut ReadTx,
    tenant: TenantId,
    principal: ObjectId,
    resource: ObjectId,
) -> Result<Vec<Uuid>, StoreError> {
    let mut sql = Sql::new("select app_role_id from app_role_assignments where tenant = ");
    sql.bind(tenant)
        .push(" and principal = ")
        .bind(principal.to_string())
        .push(" and resource = ")
        .bind(resource.to_string());
    let rows = sql.fetch_all(tx).await?;
    rows.iter().map(|row| row.parsed("app_role_id")).collect()
}
