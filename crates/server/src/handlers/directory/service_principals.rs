//! `/servicePrincipals`: applications' presences in the caller's tenant.

use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_contract::first_party::{CLIENTS, MICROSOFT_SERVICES_TENANT};
use bartizan_contract::graph::ServicePrincipalUpdate;
use bartizan_store::ReadTx;
use bartizan_store::directory::Relation;
use bartizan_store::directory::applications;
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::applications::own;
use super::body::check_bound;
use super::objects::Expanded;
use super::query::{self, Expansion, Query};
use super::{
    Key, changes, may_manage, may_manage_principal, missing, publishers, record, refused, wire,
};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// Lists service principals.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let query = Query::read(&call, &query::SERVICE_PRINCIPALS)?;
    let mut tx = call.read().await?;
    let tenant = call.tenant();
    let listing = service_principals::list(&mut tx, tenant, &query.search()).await?;
    let count = match query.counted {
        true => Some(service_principals::count(&mut tx, tenant, query.filter.as_ref()).await?),
        false => None,
    };
    let ids: Vec<ObjectId> = listing.items.iter().map(|sp| sp.id).collect();
    let expanded = Expanded::read(&mut tx, tenant, Relation::Owners, &ids, &query.expand).await?;
    let mut value = Vec::with_capacity(listing.items.len());
    for sp in &listing.items {
        value.push(whole(&mut tx, sp, &expanded, &query.expand).await?);
    }
    query.answer(&call, value, &[], listing.next, count)
}

/// A service principal as Graph prints it, with what is expanded.
async fn whole(
    tx: &mut ReadTx,
    sp: &ServicePrincipal,
    expanded: &Expanded,
    expand: &[Expansion],
) -> Result<Json, ApiError> {
    let app = applications::anywhere(tx, sp.app_id).await?;
    let mut object = json!(wire::service_principal(sp, app.as_ref()));
    let publisher = app
        .as_ref()
        .and_then(|app| app.properties.get(publishers::VERIFIED));
    object[publishers::VERIFIED] = publishers::printed(publisher);
    expanded.put(sp.id, &mut object, expand);
    Ok(object)
}

/// Reads a body, as it is and typed.
async fn read(call: &mut Call) -> Result<(Json, ServicePrincipalUpdate), ApiError> {
    let body: Map<String, Json> = call.json().await?;
    check_bound(&body, &[])?;
    let body = Json::Object(body);
    let update = serde_json::from_value(body.clone()).map_err(|error| {
        ApiError::new(
            Kind::InvalidBody,
            format!("The request body is not valid: {error}."),
        )
    })?;
    Ok((body, update))
}

/// Makes the service principal of an application: of this tenant, or a multi-tenant one of another.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let (_, body) = read(&mut call).await?;
    let app_id = body.app_id.ok_or_else(|| {
        ApiError::new(
            Kind::MissingParameter,
            "A value is required for property 'appId' of resource 'ServicePrincipal'.",
        )
    })?;
    let mut tx = call.app.store.write().await?;
    let taken = service_principals::by_app_id(&mut tx, call.tenant(), app_id).await?;
    if taken.is_some() {
        return Err(ApiError::new(
            Kind::Conflict,
            format!(
                "The service principal cannot be created: the appId '{app_id}' is in use in this tenant."
            ),
        ));
    }
    let app = applications::anywhere(&mut tx, app_id).await?;
    let usable =
        app.filter(|app| app.tenant == call.tenant() || app.sign_in_audience != "AzureADMyOrg");
    let app = usable.ok_or_else(|| {
        ApiError::new(
            Kind::InvalidInput,
            format!("The appId '{app_id}' of the service principal does not reference a valid application object."),
        )
    })?;
    if app.tenant == call.tenant() {
        may_manage(&mut tx, &call, &app).await?;
    }
    let now = call.app.clock.unix_micros();
    let id = ObjectId(Uuid::new_v4());
    let mut sp = service_principals::to_be(&mut tx, id, call.tenant(), &app, now).await?;
    change(&mut sp, &body);
    service_principals::create(&mut tx, &sp)
        .await
        .map_err(refused)?;
    let details = json!({ "appId": app_id, "displayName": sp.display_name });
    record(&mut tx, &call, "servicePrincipal.create", sp.id, details).await?;
    own(&mut tx, &call, sp.id).await?;
    tx.commit().await?;
    let object = json!(wire::service_principal(&sp, Some(&app)));
    query::entity(&call, StatusCode::CREATED, object, &[])
}

/// One service principal.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let expand = query::expansions(&call)?;
    let mut tx = call.read().await?;
    let sp = find(&mut tx, &call).await?;
    let expanded =
        Expanded::read(&mut tx, call.tenant(), Relation::Owners, &[sp.id], &expand).await?;
    let object = whole(&mut tx, &sp, &expanded, &expand).await?;
    query::entity(&call, StatusCode::OK, object, &[])
}

/// Changes what the body names.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let (body, update) = read(&mut call).await?;
    let mut tx = call.app.store.write().await?;
    let mut sp = managed(&mut tx, &call).await?;
    // Without Graph nobody could undo it.
    let locks =
        update.account_enabled == Some(false) || update.app_role_assignment_required == Some(true);
    let client = CLIENTS.iter().any(|client| client.app_id == sp.app_id);
    if sp.owner_tenant == MICROSOFT_SERVICES_TENANT && !client && locks {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Service principals of the APIs themselves cannot be switched off, nor be kept for those who are assigned: every token for the API would be refused. Restrict the applications and people that use it instead.",
        ));
    }
    let was = json!(wire::service_principal(&sp, None));
    change(&mut sp, &update);
    service_principals::update(&mut tx, &sp)
        .await
        .map_err(refused)?;
    let after = json!(wire::service_principal(&sp, None));
    let details = changes::details(&body, &was, &after);
    record(&mut tx, &call, "servicePrincipal.update", sp.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Deletes a service principal, and with it everything that was consented to.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let sp = managed(&mut tx, &call).await?;
    if sp.owner_tenant == MICROSOFT_SERVICES_TENANT {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Service principals of the APIs themselves cannot be deleted.",
        ));
    }
    service_principals::delete(&mut tx, call.tenant(), sp.id).await?;
    let details = json!({ "appId": sp.app_id, "displayName": sp.display_name });
    record(&mut tx, &call, "servicePrincipal.delete", sp.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// The service principal that the path names, in the caller's tenant.
pub(super) async fn find(tx: &mut ReadTx, call: &Call) -> Result<ServicePrincipal, ApiError> {
    let found = match Key::of(call)? {
        Key::Id(id) => service_principals::by_id(tx, call.tenant(), id).await?,
        Key::AppId(id) => service_principals::by_app_id(tx, call.tenant(), id).await?,
    };
    found.ok_or_else(|| missing(call.param("id")))
}

/// The same, if the caller may change it.
async fn managed(tx: &mut ReadTx, call: &Call) -> Result<ServicePrincipal, ApiError> {
    let sp = find(tx, call).await?;
    may_manage_principal(tx, call, &sp).await?;
    Ok(sp)
}

fn change(sp: &mut ServicePrincipal, update: &ServicePrincipalUpdate) {
    if let Some(enabled) = update.account_enabled {
        sp.enabled = enabled;
    }
    if let Some(required) = update.app_role_assignment_required {
        sp.assignment_required = required;
    }
    if let Some(name) = &update.display_name {
        sp.display_name.clone_from(name);
    }
    if let Some(notes) = &update.notes {
        sp.properties
            .insert("notes".to_owned(), Json::from(notes.as_str()));
    }
    if let Some(tags) = &update.tags {
        sp.properties.insert("tags".to_owned(), json!(tags));
    }
}
