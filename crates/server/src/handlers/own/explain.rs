//! `GET /bartizan/v1/explain/{trace}` and `/explain/{trace}`: why a request was refused, and what mends it. Named by the
//! refusal's trace id, or by the caller's own correlation id.
//!
//! A refusal is told to its own tenant; one that belongs to no tenant to the operator alone. What the account says of
//! the directory is what the tenant's administrators see there anyway.

use std::time::Duration;

use axum::response::Response;
use bartizan_contract::permissions::resource_of;
use bartizan_contract::time::Timestamp;
use bartizan_contract::{AppId, TenantId};
use bartizan_identity::explain::{ApiRefused, ApplicationNow, Now, Refused, account};
use bartizan_identity::resource::ResourceName;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::directory::{applications, passwords, service_principals, token_facts};
use bartizan_store::refusals::{self, Refusal};
use bartizan_store::{ReadTx, StoreError};
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::{App, Operator};
use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::trail::ALIKE;

/// How long a refusal of this very moment is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Microseconds of the store in a second of tokens.
const MICROS: i64 = 1_000_000;

/// Explains one refusal.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let name = call.param("trace");
    let tenant = call.tenant();
    let told = told(&call.app, tenant, is_operator(&call), name).await?;
    let told = told.ok_or_else(|| {
        ApiError::new(
            Kind::NotFound,
            format!(
                "No refusal with the trace id or correlation id '{}' is kept for this tenant. {}",
                name.chars().take(64).collect::<String>(),
                which_are_kept()
            ),
        )
    })?;
    answer(StatusCode::OK, &told)
}

/// Why a refusal that was told may not be there.
pub(crate) fn which_are_kept() -> String {
    format!(
        "They are kept for 30 days, of many alike within an hour the first {ALIKE} at most; one of another tenant is told there."
    )
}

/// The account of the refusal with this trace id, or of the latest with this correlation id, for an administrator of a
/// tenant; `everywhere` reaches those that belong to no tenant.
///
/// # Errors
/// [`ApiError::internal`] for what is kept and cannot be read.
pub(crate) async fn told(
    app: &App,
    tenant: TenantId,
    everywhere: bool,
    name: &str,
) -> Result<Option<Json>, ApiError> {
    let Ok(id) = name.parse::<Uuid>() else {
        return Ok(None);
    };
    // It may still wait to be written. Without the wait the answer would be "not there", and right a moment later.
    let _ = tokio::time::timeout(PATIENCE, app.trail.flush()).await;
    let mut tx = app.store.read().await?;
    let mut found = None;
    let reached = [Some(Some(tenant)), everywhere.then_some(None)];
    for among in reached.into_iter().flatten() {
        found = match found {
            None => refusals::find(&mut tx, among, id).await?,
            found => found,
        };
        found = match found {
            None => refusals::by_correlation(&mut tx, among, name).await?,
            found => found,
        };
    }
    let Some(refusal) = found else {
        return Ok(None);
    };
    let refused: Refused =
        serde_json::from_value(refusal.facts.clone()).map_err(ApiError::internal)?;
    let now = now(app, &mut tx, &refusal, &refused).await?;
    Ok(Some(wire(&refusal, &refused, &now)))
}

fn is_operator(call: &Call) -> bool {
    let caller = Operator {
        app: call.caller.app,
        home: call.tenant(),
    };
    call.app.operator.get() == Some(&caller)
}

fn wire(refusal: &Refusal, refused: &Refused, now: &Now) -> Json {
    let surface = match refused {
        Refused::Token(_) => "token",
        Refused::Api(_) => "api",
    };
    let account = account(refused, now);
    json!({
        "traceId": refusal.trace,
        "correlationId": refusal.correlation,
        "time": Timestamp::from_unix_micros(refusal.occurred),
        "tenantId": refusal.tenant,
        "surface": surface,
        "code": refusal.code,
        "address": refusal.facts.get("address"),
        "summary": account.summary,
        "seen": account.seen,
        "needed": account.needed,
        "missing": account.missing,
        "mended": account.mended,
        "remedies": account.remedies,
    })
}

/// The directory as it is now, as far as the refusal's tenant may see it.
async fn now(
    app: &App,
    tx: &mut ReadTx,
    refusal: &Refusal,
    refused: &Refused,
) -> Result<Now, StoreError> {
    let mut now = Now {
        tenant: refusal.tenant,
        login: app.sites.public().origin().ascii_serialization(),
        at: app.clock.unix_seconds(),
        ..Now::default()
    };
    let Some(tenant) = refusal.tenant else {
        return Ok(now);
    };
    let (client, resource, api) = match refused {
        Refused::Token(token) => (token.client_id.as_deref(), token.resource.as_deref(), None),
        Refused::Api(refused) => (
            refused.token.as_ref().map(|token| token.client_id.as_str()),
            None,
            Some(refused),
        ),
    };
    let client = client.and_then(|id| id.parse::<AppId>().ok());
    let mut asked = None;
    if let Some(name) = resource {
        for name in ResourceName::new(name).look_ups() {
            let found = service_principals::by_name(tx, tenant, name).await?;
            now.resource = now.resource.or(found.as_ref().map(|sp| sp.enabled));
            asked = asked.or(found);
        }
    }
    let Some(client) = client else {
        return Ok(now);
    };
    let registered = registered(tx, tenant, client).await?;
    if let Some(app) = &registered {
        now.application = Some(application(tx, tenant, app).await?);
    }
    let principal = service_principals::by_app_id(tx, tenant, client).await?;
    now.installed = principal.as_ref().map(|sp| sp.enabled);
    let operation = api.and_then(ApiRefused::operation);
    if let Some(resource) = operation.and_then(|operation| resource_of(operation.api)) {
        asked = service_principals::by_app_id(tx, tenant, resource.app_id).await?;
        let name = resource.app_id.to_string();
        let held_by = principal.as_ref().map(|sp| sp.id);
        let facts = token_facts::resource_facts(tx, tenant, &name, held_by).await?;
        now.held = facts.map(|facts| facts.roles).unwrap_or_default();
    }
    if let (Some(app), Some(resource)) = (&registered, &asked) {
        // A sign-in asks for scopes, and a person's token has them; an application's has roles.
        let of_person = api.is_none_or(|refused| refused.token.as_ref().is_some_and(|t| t.user));
        now.asks_for = Some(asked_for(app, resource, of_person));
    }
    Ok(now)
}

/// The scopes or the roles of a resource that a registration asks for, by name. Both may have the same names.
fn asked_for(app: &Application, resource: &ServicePrincipal, scopes: bool) -> Vec<String> {
    let access = app.required_resource_access.iter();
    let of_it = access.filter(|access| access.resource_app_id == resource.app_id);
    let ids: Vec<Uuid> = of_it
        .flat_map(|access| access.resource_access.iter().map(|access| access.id))
        .collect();
    let roles = resource.app_roles.iter().map(|r| (r.id, r.value.as_ref()));
    let offered = resource.oauth2_scopes.iter();
    let offered: Vec<_> = if scopes {
        offered.map(|s| (s.id, s.value.as_ref())).collect()
    } else {
        roles.collect()
    };
    let asked = offered.into_iter().filter(|(id, _)| ids.contains(id));
    asked.filter_map(|(_, name)| name.cloned()).collect()
}

/// The registration, when this tenant is its home or it is open to every tenant. Of another tenant's own application
/// nothing is told, not even that it exists.
async fn registered(
    tx: &mut ReadTx,
    tenant: TenantId,
    client: AppId,
) -> Result<Option<Application>, StoreError> {
    let app = applications::anywhere(tx, client).await?;
    Ok(app.filter(|app| app.tenant == tenant || app.sign_in_audience != "AzureADMyOrg"))
}

/// What is told of a registration.
async fn application(
    tx: &mut ReadTx,
    tenant: TenantId,
    app: &Application,
) -> Result<ApplicationNow, StoreError> {
    let at_home = app.tenant == tenant;
    let secrets = if at_home {
        passwords::list(tx, tenant, app.id).await?
    } else {
        Vec::new()
    };
    Ok(ApplicationNow {
        app_id: app.app_id,
        home: app.tenant,
        at_home,
        secrets: secrets
            .into_iter()
            .map(|secret| (secret.hint, secret.end.div_euclid(MICROS)))
            .collect(),
    })
}
