//! The operator's application: whoever owns the data directory administers the server, by the profile in it.
//!
//! Profile and database can come apart: a profile is deleted, a database restored from another copy, a row lost. Each
//! start compares them and mends what does not fit, since a server that nobody can administer helps nobody.

use std::path::Path;

use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::directory::{client_secret, secret_hash};
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::directory::RedirectUris;
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::passwords::{self, PasswordCredential};
use bartizan_store::{StoreError, WriteTx, settings, tenants as stored};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::data_dir::write_private;
use crate::seed::{SeedError, random};
use crate::tenants::OPERATOR;

/// Microseconds in ten years: the operator's secret is as private as the data directory that it lies in.
const SECRET_LIFETIME: i64 = 10 * 365 * 86_400 * 1_000_000;
/// The name of the profile's secret, by which it is replaced.
const SECRET_NAME: &str = "operator profile";

/// The operator's profile as the client reads it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Profile<'a> {
    url: &'a str,
    http: String,
    ca: &'a Path,
    ca_bundle: &'a Path,
    proxy: String,
    tenant: String,
    client_id: String,
    client_secret: &'a str,
}

/// What the profile of an earlier start says; nothing when there is none, or one that cannot be read.
#[derive(Default)]
pub(crate) struct Known {
    tenant: Option<TenantId>,
    client_id: Option<AppId>,
    secret: Option<String>,
}

impl Known {
    /// Reads a profile.
    pub(crate) fn read(path: &Path) -> Self {
        let profile = std::fs::read_to_string(path).ok();
        let Some(profile) = profile.and_then(|text| text.parse::<toml::Table>().ok()) else {
            return Self::default();
        };
        let text = |key: &str| profile.get(key).and_then(toml::Value::as_str);
        Self {
            tenant: text("tenant").and_then(|id| id.parse().ok()),
            client_id: text("client-id").and_then(|id| id.parse().ok()),
            secret: text("client-secret").map(str::to_owned),
        }
    }
}

/// A secret, and whether it is a new one.
pub(crate) struct Secret {
    pub(crate) text: String,
    pub(crate) fresh: bool,
}

/// The client id of the operator's application; a new one when the store has none.
pub(crate) async fn client_id(tx: &mut WriteTx) -> Result<AppId, SeedError> {
    let known = settings::get(tx, OPERATOR).await?;
    if let Some(id) = known.and_then(|id| id.parse().ok()) {
        return Ok(id);
    }
    let id = AppId(Uuid::new_v4());
    settings::put(tx, OPERATOR, &id.to_string()).await?;
    Ok(id)
}

/// The operator's application, made when it is missing; whether it was.
pub(crate) async fn application(
    tx: &mut WriteTx,
    id: AppId,
    tenants: &[stored::Tenant],
    profile: &Known,
    now: i64,
) -> Result<(Application, bool), SeedError> {
    if let Some(known) = applications::anywhere(tx, id).await? {
        return Ok((known, false));
    }
    // Where it was, if that tenant is still there.
    let before = tenants.iter().find(|t| profile.tenant == Some(t.id));
    let home = before.or(tenants.first());
    let tenant = home.ok_or(StoreError::Missing("tenant"))?.id;
    let application = Application {
        id: ObjectId(Uuid::new_v4()),
        app_id: id,
        tenant,
        display_name: "Bartizan operator".to_owned(),
        sign_in_audience: "AzureADMultipleOrgs".to_owned(),
        identifier_uris: Vec::new(),
        required_resource_access: Vec::new(),
        app_roles: Vec::new(),
        oauth2_scopes: Vec::new(),
        redirect_uris: RedirectUris::default(),
        requested_access_token_version: None,
        properties: Map::new(),
        created: now,
    };
    applications::create(tx, &application).await?;
    let details = json!({ "displayName": application.display_name });
    note(tx, &application, "application.create", details, now).await?;
    Ok((application, true))
}

/// The profile's secret if the store accepts it, else a new one in its place.
pub(crate) async fn secret(
    tx: &mut WriteTx,
    application: &Application,
    profile: &Known,
    now: i64,
) -> Result<Secret, SeedError> {
    let (tenant, id) = (application.tenant, application.id);
    let credentials = passwords::list(tx, tenant, id).await?;
    if profile.client_id == Some(application.app_id)
        && let Some(text) = &profile.secret
    {
        let hash = secret_hash(text);
        let accepted = |c: &PasswordCredential| c.secret_hash == hash && c.end > now;
        if credentials.iter().any(accepted) {
            let text = text.clone();
            return Ok(Secret { text, fresh: false });
        }
    }
    // The one that was lost may be in other hands.
    for credential in credentials {
        if credential.display_name.as_deref() == Some(SECRET_NAME) {
            passwords::remove(tx, tenant, id, credential.key_id).await?;
        }
    }
    let text = client_secret(&random()?);
    let credential = PasswordCredential {
        key_id: Uuid::new_v4(),
        secret_hash: secret_hash(&text),
        hint: text.chars().take(3).collect(),
        display_name: Some(SECRET_NAME.to_owned()),
        start: now,
        end: now + SECRET_LIFETIME,
        last_used: None,
    };
    passwords::add(tx, tenant, id, &credential).await?;
    let details = json!({ "keyId": credential.key_id, "displayName": SECRET_NAME });
    note(tx, application, "application.password.add", details, now).await?;
    Ok(Secret { text, fresh: true })
}

async fn note(
    tx: &mut WriteTx,
    application: &Application,
    action: &str,
    details: Value,
    now: i64,
) -> Result<(), StoreError> {
    let event = AuditEvent {
        id: Uuid::now_v7(),
        occurred: now,
        actor: "system".to_owned(),
        action: action.to_owned(),
        target: application.id.to_string(),
        outcome: "success".to_owned(),
        request_id: None,
        details,
    };
    audit::append(tx, application.tenant, &event).await
}

/// Writes the profile anew, with today's addresses.
pub(crate) fn write_profile(
    app: &App,
    path: &Path,
    application: &Application,
    secret: &str,
) -> Result<(), SeedError> {
    let url = app.sites.public().origin().ascii_serialization();
    let profile = Profile {
        url: &url,
        http: format!("http://{}", app.settings.http),
        ca: app.authority.certificate_path(),
        ca_bundle: app.authority.bundle_path(),
        proxy: format!("http://{}", app.settings.proxy),
        tenant: application.tenant.to_string(),
        client_id: application.app_id.to_string(),
        client_secret: secret,
    };
    let text = toml::to_string(&profile).map_err(std::io::Error::other)?;
    write_private(path, text.as_bytes())?;
    Ok(())
}
