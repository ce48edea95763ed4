//! `GET /bartizan/v1/explain/{trace}` and `/explain/{trace}`: why a request was refused, and what mends it.
//!
//! A refusal is told to its own tenant; one that belongs to no tenant to the operator alone. What the account says of
//! the directory is what the tenant's administrators see there anyway.

use std::time::Duration;

use axum::response::Response;
use bartizan_contract::permissions::resource_of;
use bartizan_contract::time::Timestamp;
use bartizan_contract::{AppId, TenantId, operations};
use bartizan_identity::explain::{ApplicationNow, Now, Refused, account};
use bartizan_identity::resource::ResourceName;
use bartizan_store::directory::{applications, passwords, service_principals, token_facts};
use bartizan_store::refusals::{self, Refusal};
use bartizan_store::{ReadTx, StoreError};
use http::StatusCode;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::app::Operator;
use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};

/// How long a refusal of this very moment is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Microseconds of the store in a second of tokens.
const MICROS: i64 = 1_000_000;

/// Explains one refusal.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let trace = call.param("trace");
    let missing = || {
        ApiError::new(
            Kind::NotFound,
            format!(
                "No refusal with the trace id '{}' is kept for this tenant. They are kept for 30 days; one of another tenant is told there.",
                trace.chars().take(64).collect::<String>()
            ),
        )
    };
    let id = trace.parse::<Uuid>().map_err(|_| missing())?;
    // It may still wait to be written. Without the wait the answer would be "not there", and right a moment later.
    let _ = tokio::time::timeout(PATIENCE, call.app.trail.flush()).await;
    let mut tx = call.app.store.read().await?;
    let mut found = refusals::find(&mut tx, Some(call.tenant()), id).await?;
    if found.is_none() && is_operator(&call) {
        found = refusals::find(&mut tx, None, id).await?;
    }
    let refusal = found.ok_or_else(missing)?;
    let refused: Refused =
        serde_json::from_value(refusal.facts.clone()).map_err(ApiError::internal)?;
    let now = now(&call, &mut tx, &refusal, &refused).await?;
    answer(StatusCode::OK, &wire(&refusal, &refused, &now))
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
    call: &Call,
    tx: &mut ReadTx,
    refusal: &Refusal,
    refused: &Refused,
) -> Result<Now, StoreError> {
    let mut now = Now {
        tenant: refusal.tenant,
        login: call.app.sites.public().origin().ascii_serialization(),
        at: call.app.clock.unix_seconds(),
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
    if let Some(name) = resource {
        for name in ResourceName::new(name).look_ups() {
            let found = service_principals::by_name(tx, tenant, name).await?;
            now.resource = now.resource.or(found.map(|sp| sp.enabled));
        }
    }
    let Some(client) = client else {
        return Ok(now);
    };
    now.application = application(tx, tenant, client).await?;
    let principal = service_principals::by_app_id(tx, tenant, client).await?;
    now.installed = principal.as_ref().map(|sp| sp.enabled);
    let operation = api.and_then(|refused| {
        operations::all().find(|o| {
            o.api.name() == refused.api
                && o.path == refused.path
                && o.method.as_str() == refused.method
        })
    });
    if let Some(resource) = operation.and_then(|operation| resource_of(operation.api)) {
        let name = resource.app_id.to_string();
        let facts = token_facts::resource_facts(tx, tenant, &name, principal.as_ref()).await?;
        now.held = facts.map(|facts| facts.roles).unwrap_or_default();
    }
    Ok(now)
}

/// The registration, when this tenant is its home or it is open to every tenant. Of another tenant's own application
/// nothing is told, not even that it exists.
async fn application(
    tx: &mut ReadTx,
    tenant: TenantId,
    client: AppId,
) -> Result<Option<ApplicationNow>, StoreError> {
    let Some(app) = applications::anywhere(tx, client).await? else {
        return Ok(None);
    };
    let at_home = app.tenant == tenant;
    if !at_home && app.sign_in_audience == "AzureADMyOrg" {
        return Ok(None);
    }
    let secrets = if at_home {
        passwords::list(tx, tenant, app.id).await?
    } else {
        Vec::new()
    };
    Ok(Some(ApplicationNow {
        app_id: client,
        at_home,
        secrets: secrets
            .into_iter()
            .map(|secret| (secret.hint, secret.end.div_euclid(MICROS)))
            .collect(),
    }))
}
