//! `/applications`: registrations of the caller's tenant.

use axum::response::Response;
use bartizan_contract::graph::NewPassword;
use bartizan_contract::{AppId, ObjectId};
use bartizan_identity::CallerKind;
use bartizan_identity::directory::check_application;
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::{
    Principal, PrincipalKind, RedirectUris, Relation, credentials, owners,
};
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, WriteTx};
use http::StatusCode;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::application_body::{apply, bound, read};
use super::objects::Expanded;
use super::query::{self, Query};
use super::{
    Key, changes, keys, may_manage, missing, owners as owners_of, passwords, publishers, record,
    refused, wire,
};
use crate::call::{Call, no_content};
use crate::error::{ApiError, Kind};

/// Lists applications.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let query = Query::read(&call, &query::APPLICATIONS)?;
    let mut tx = call.read().await?;
    let listing = applications::list(&mut tx, call.tenant(), &query.search()).await?;
    let count = match query.counted {
        true => Some(applications::count(&mut tx, call.tenant(), query.filter.as_ref()).await?),
        false => None,
    };
    let with_keys = query.selects("keyCredentials");
    let ids: Vec<ObjectId> = listing.items.iter().map(|app| app.id).collect();
    let expanded = Expanded::read(
        &mut tx,
        call.tenant(),
        Relation::Owners,
        &ids,
        &query.expand,
    )
    .await?;
    let mut value = Vec::with_capacity(listing.items.len());
    for app in &listing.items {
        let mut object = whole(&mut tx, &call, app, with_keys).await?;
        expanded.put(app.id, &mut object, &query.expand);
        value.push(object);
    }
    query.answer(&call, value, &[], listing.next, count)
}

/// An application as Graph prints it, with its credentials.
pub(super) async fn whole(
    tx: &mut ReadTx,
    call: &Call,
    app: &Application,
    with_keys: bool,
) -> Result<Json, ApiError> {
    let credentials = credentials::of(tx, call.tenant(), app.id).await?;
    let home = tenants::by_id(tx, app.tenant).await?;
    let domain = home.as_ref().and_then(Tenant::default_domain);
    let mut object = json!(wire::application(app, &credentials, with_keys));
    object["publisherDomain"] = Json::from(domain);
    object[publishers::VERIFIED] = publishers::printed(app.properties.get(publishers::VERIFIED));
    Ok(object)
}

/// Registers an application. Whoever registers it owns it.
pub(crate) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let (body, mut update) = read(&mut call, &["owners"]).await?;
    let app_id = AppId(Uuid::new_v4());
    check_application(&update, true, (app_id, call.tenant()))?;
    let certificates = update.key_credentials.take().unwrap_or_default();
    let secrets = update.password_credentials.take().unwrap_or_default();
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
    apply(&mut app, &body, update)?;
    let bound = bound(&body, "owners")?;
    let mut tx = call.app.store.write().await?;
    applications::create(&mut tx, &app).await.map_err(refused)?;
    let details = json!({ "appId": app.app_id, "displayName": app.display_name });
    record(&mut tx, &call, "application.create", app.id, details).await?;
    own(&mut tx, &call, app.id).await?;
    owners_of::bind(&mut tx, &call, (app.id, &app.display_name), &bound).await?;
    keys::replace(&mut tx, &call, &app, &certificates).await?;
    let texts = with_secrets(&mut tx, &call, &app, secrets).await?;
    let mut object = whole(&mut tx, &call, &app, false).await?;
    tx.commit().await?;
    object["passwordCredentials"] = Json::Array(texts);
    query::entity(&call, StatusCode::CREATED, object, &[])
}

/// Makes the caller owner of an object that it has just made.
pub(super) async fn own(tx: &mut WriteTx, call: &Call, object: ObjectId) -> Result<(), ApiError> {
    let owner = Principal {
        id: call.caller.oid,
        kind: match call.caller.kind {
            CallerKind::Application => PrincipalKind::ServicePrincipal,
            CallerKind::User => PrincipalKind::User,
        },
    };
    let now = call.app.clock.unix_micros();
    owners::add(tx, call.tenant(), object, owner, now)
        .await
        .map_err(refused)
}

/// Secrets that are made with the application: as Graph prints them, this once with their text.
async fn with_secrets(
    tx: &mut WriteTx,
    call: &Call,
    app: &Application,
    secrets: Vec<NewPassword>,
) -> Result<Vec<Json>, ApiError> {
    let mut made = Vec::with_capacity(secrets.len());
    for new in secrets {
        let (credential, text) = passwords::make(tx, call, app, new).await?;
        made.push(json!(wire::password(&credential, Some(text))));
    }
    Ok(made)
}

/// One application.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    let expand = query::expansions(&call)?;
    let mut tx = call.read().await?;
    let app = find(&mut tx, &call).await?;
    let mut object = whole(&mut tx, &call, &app, with_keys(&call)).await?;
    let expanded =
        Expanded::read(&mut tx, call.tenant(), Relation::Owners, &[app.id], &expand).await?;
    expanded.put(app.id, &mut object, &expand);
    query::entity(&call, StatusCode::OK, object, &[])
}

/// Changes what the body names.
pub(crate) async fn update(mut call: Call) -> Result<Response, ApiError> {
    let (body, mut update) = read(&mut call, &[]).await?;
    if update.password_credentials.is_some() {
        return Err(ApiError::new(
            Kind::InvalidInput,
            "Property 'passwordCredentials' cannot be set by a change: use addPassword and removePassword.",
        ));
    }
    let certificates = update.key_credentials.take();
    let mut tx = call.app.store.write().await?;
    let mut app = find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &app).await?;
    let was = printed(&app);
    check_application(&update, false, (app.app_id, call.tenant()))?;
    apply(&mut app, &body, update)?;
    applications::update(&mut tx, &app).await.map_err(refused)?;
    if let Some(certificates) = certificates {
        keys::replace(&mut tx, &call, &app, &certificates).await?;
    }
    let details = changes::details(&body, &was, &printed(&app));
    record(&mut tx, &call, "application.update", app.id, details).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// The application without its credentials, for the audit trail.
fn printed(app: &Application) -> Json {
    json!(wire::application(
        app,
        &ApplicationCredentials::default(),
        false
    ))
}

/// Deletes an application, its secrets and its service principals everywhere.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.write().await?;
    let app = find(&mut tx, &call).await?;
    may_manage(&mut tx, &call, &app).await?;
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
