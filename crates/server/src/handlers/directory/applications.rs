//! `/applications`: registrations of the caller's tenant.

use axum::response::Response;
use bartizan_contract::graph::{self, ApplicationUpdate};
use bartizan_contract::odata::Entity;
use bartizan_contract::{AppId, ObjectId};
use bartizan_identity::directory::check_application;
use bartizan_store::ReadTx;
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::{RedirectUris, credentials};
use bartizan_store::odata::APPLICATIONS_GRAPH;
use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{CREATED_BY, Key, keys, may_manage, missing, names_in, record, refused, wire};
use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::handlers::security::listing::Options;

/// Lists applications.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let options = Options::<ObjectId>::countable(&call, &APPLICATIONS_GRAPH)?;
    let mut tx = call.app.store.read().await?;
    let listing = applications::list(
        &mut tx,
        call.tenant(),
        options.filter.as_ref(),
        &options.page,
    )
    .await?;
    let mut value = Vec::with_capacity(listing.items.len());
    for app in &listing.items {
        let credentials = credentials::of(&mut tx, call.tenant(), app.id).await?;
        value.push(wire::application(app, &credentials, with_keys(&call)));
    }
    let mut collection = options.collection(&call, value, listing.next)?;
    if options.count {
        let filter = options.filter.as_ref();
        collection.count = Some(applications::count(&mut tx, call.tenant(), filter).await?);
    }
    answer(StatusCode::OK, &collection)
}

/// Registers an application.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let (body, mut update) = read(&mut call).await?;
    let app_id = AppId(Uuid::new_v4());
    check_application(&update, true, (app_id, call.tenant()))?;
    let certificates = update.key_credentials.take().unwrap_or_default();
    let mut app = Application {
        id: ObjectId(Uuid::new_v4()),
        app_id,
        tenant: call.tenant(),
        display_name: String::new(),
        sign_in_audience: "AzureADMyOrg".to_owned(),
        identifier_uris: Vec::new(),
        required_resource_access: Vec::new(),
        app_roles: Vec::new(),
        oauth2_scopes: Vec::new(),
        redirect_uris: RedirectUris::default(),
        requested_access_token_version: None,
        properties: Map::new(),
        created: call.app.clock.unix_micros(),
    };
    app.properties.insert(
        CREATED_BY.to_owned(),
        Json::from(call.caller.app.to_string()),
    );
    apply(&mut app, &body, update)?;
    let mut tx = call.app.store.write().await?;
    applications::create(&mut tx, &app).await.map_err(refused)?;
    let details = json!({ "appId": app.app_id, "displayName": app.display_name });
    record(&mut tx, &call, "application.create", app.id, details).await?;
    keys::replace(&mut tx, &call, &app, &certificates).await?;
    let credentials = credentials::of(&mut tx, call.tenant(), app.id).await?;
    tx.commit().await?;
    let entity = wire::application(&app, &credentials, false);
    answer(
        StatusCode::CREATED,
        &Entity {
            context: call.context(),
            entity,
        },
    )
}

/// One application.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let app = find(&mut tx, &call).await?;
    let credentials = credentials::of(&mut tx, call.tenant(), app.id).await?;
    let entity = wire::application(&app, &credentials, with_keys(&call));
    answer(
        StatusCode::OK,
        &Entity {
            context: call.context(),
            entity,
        },
    )
}

/// Changes what the body names.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let (body, mut update) = read(&mut call).await?;
    let certificates = update.key_credentials.take();
    let mut tx = call.app.store.write().await?;
    let mut app = find(&mut tx, &call).await?;
    may_manage(&call, &app)?;
    check_application(&update, false, (app.app_id, call.tenant()))?;
    apply(&mut app, &body, update)?;
    applications::update(&mut tx, &app).await.map_err(refused)?;
    if let Some(certificates) = certificates {
        keys::replace(&mut tx, &call, &app, &certificates).await?;
    }
    record(
        &mut tx,
        &call,
        "application.update",
        app.id,
        names_in(&body),
    )
    .await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Deletes an application, its secrets and its service principals everywhere.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let app = find(&mut tx, &call).await?;
    may_manage(&call, &app)?;
    applications::delete(&mut tx, call.tenant(), app.id).await?;
    let details = json!({ "appId": app.app_id, "displayName": app.display_name });
    record(&mut tx, &call, "application.delete", app.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// Whether the keys of certificates are to be printed: only when `$select` names them.
fn with_keys(call: &Call) -> bool {
    let names = call.query_param("$select").unwrap_or_default();
    names.split(',').any(|name| name.trim() == "keyCredentials")
}

/// The application that the path names, in the caller's tenant.
pub(super) async fn find(tx: &mut ReadTx, call: &Call) -> Result<Application, ApiError> {
    let found = match Key::of(call)? {
        Key::Id(id) => applications::by_id(tx, call.tenant(), id).await?,
        Key::AppId(id) => applications::by_app_id(tx, call.tenant(), id).await?,
    };
    found.ok_or_else(|| missing(call.param("id")))
}

/// The body, as it is and typed: only the first says which parts of `web` and `api` are meant to stay.
async fn read(call: &mut Call) -> Result<(Json, ApplicationUpdate), ApiError> {
    let body: Json = call.json().await?;
    let update: ApplicationUpdate = serde_json::from_value(body.clone()).map_err(|error| {
        ApiError::new(
            Kind::InvalidBody,
            format!("The request body is not valid: {error}."),
        )
    })?;
    Ok((body, update))
}

/// Properties that are kept as they come.
const KEPT: &[&str] = &[
    "description",
    "groupMembershipClaims",
    "isFallbackPublicClient",
    "notes",
    "tags",
];

fn apply(app: &mut Application, body: &Json, update: ApplicationUpdate) -> Result<(), ApiError> {
    let set = |field: &mut String, value: Option<String>| {
        if let Some(value) = value {
            *field = value;
        }
    };
    set(&mut app.display_name, update.display_name);
    set(&mut app.sign_in_audience, update.sign_in_audience);
    if let Some(uris) = update.identifier_uris {
        app.identifier_uris = uris;
    }
    if let Some(access) = update.required_resource_access {
        app.required_resource_access = access;
    }
    if let Some(mut roles) = update.app_roles {
        roles
            .iter_mut()
            .for_each(|role| role.origin = Some("Application".to_owned()));
        app.app_roles = roles;
    }
    if let Some(spa) = update.spa {
        app.redirect_uris.spa = spa.redirect_uris;
    }
    if let Some(public_client) = update.public_client {
        app.redirect_uris.public_client = public_client.redirect_uris;
    }
    for name in KEPT {
        if let Some(value) = body.get(*name) {
            app.properties.insert((*name).to_owned(), value.clone());
        }
    }
    apply_web(app, body)?;
    apply_api(app, body)
}

fn apply_web(app: &mut Application, body: &Json) -> Result<(), ApiError> {
    let before = wire::application(app, &ApplicationCredentials::default(), false).web;
    if let Some(web) = merged::<graph::WebApplication>(&before, body.get("web"))? {
        app.redirect_uris.web.clone_from(&web.redirect_uris);
        app.properties.insert("web".to_owned(), to_json(&web)?);
    }
    Ok(())
}

fn apply_api(app: &mut Application, body: &Json) -> Result<(), ApiError> {
    let before = wire::application(app, &ApplicationCredentials::default(), false).api;
    if let Some(api) = merged::<graph::ApiApplication>(&before, body.get("api"))? {
        app.oauth2_scopes.clone_from(&api.oauth2_permission_scopes);
        app.requested_access_token_version = api.requested_access_token_version.map(i64::from);
        app.properties.insert("api".to_owned(), to_json(&api)?);
    }
    Ok(())
}

/// A part of an application with the members that a change names replaced; `None` when it names none.
fn merged<T: serde::Serialize + serde::de::DeserializeOwned>(
    before: &T,
    change: Option<&Json>,
) -> Result<Option<T>, ApiError> {
    let Some(Json::Object(change)) = change else {
        return Ok(None);
    };
    let mut whole = to_json(before)?;
    for (name, value) in change {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole)
        .map(Some)
        .map_err(ApiError::internal)
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Json, ApiError> {
    serde_json::to_value(value).map_err(ApiError::internal)
}
