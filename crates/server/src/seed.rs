//! The first start: a tenant, its administrator, and the operator's application with a profile for the client.

use std::time::Duration;

use argon2::PasswordHasher as _;
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_hunting::events::Settings as EventSettings;
use bartizan_identity::directory::{client_secret, secret_hash};
use bartizan_store::directory::{RedirectUris, applications, passwords, service_principals, users};
use bartizan_store::{StoreError, audit, settings as store_settings, tenants as stored};
use serde::Serialize;
use serde_json::{Map, json};
use uuid::Uuid;

use crate::app::{App, Operator};
use crate::data_dir::{DataDir, write_private};
use crate::settings::Settings;
use crate::tenants::{self, OPERATOR};

/// The file with the operator's profile, for the client on the same machine.
pub const PROFILE: &str = "admin.toml";
/// Microseconds in ten years: the operator's secret is as private as the data directory that it lies in.
const OPERATOR_SECRET_LIFETIME: i64 = 10 * 365 * 86_400 * 1_000_000;

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The store's word.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tenant could not be made.
    #[error(transparent)]
    Tenant(#[from] tenants::TenantError),
    /// A file in the data directory.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Randomness,
    /// The password could not be hashed.
    #[error("password hash: {0}")]
    Hash(String),
}

/// What the first start made; the password is shown once and kept nowhere.
#[derive(Clone)]
pub struct FirstStart {
    /// The tenant.
    pub tenant: TenantId,
    /// The administrator's sign-in name.
    pub user: String,
    /// The administrator's password.
    pub password: String,
}

impl std::fmt::Debug for FirstStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstStart")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// The operator's profile as the client reads it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Profile<'a> {
    url: &'a str,
    ca: &'a std::path::Path,
    ca_bundle: &'a std::path::Path,
    proxy: String,
    tenant: String,
    client_id: String,
    client_secret: &'a str,
}

/// Random bytes of the cryptographic library.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SeedError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SeedError::Randomness)?;
    Ok(bytes)
}

/// Seeds an empty store, and writes the operator's profile with today's addresses. What it made is returned when it
/// made something.
///
/// # Errors
/// [`SeedError`].
pub async fn first_start(app: &App, data: &DataDir) -> Result<Option<FirstStart>, SeedError> {
    let now = app.clock.unix_micros();
    let mut tx = app.store.write().await?;
    let known = store_settings::get(&mut tx, OPERATOR).await?;
    let profile = data.file(PROFILE);
    let (operator, made) = match known {
        Some(id) => {
            let id = id
                .parse::<AppId>()
                .map_err(|_| tenants::corrupt_operator())?;
            (id, None)
        }
        None => {
            let (id, made) = seed(&mut tx, now).await?;
            (id, Some(made))
        }
    };
    // A newer version may know further permissions: every tenant's resources and operator follow.
    for tenant in stored::list(&mut tx).await? {
        service_principals::seed_first_party(&mut tx, tenant.id, now).await?;
        tenants::consent_to_operator(&mut tx, tenant.id, operator, now).await?;
    }
    let secret = match existing_secret(&profile, operator) {
        Some(secret) => secret,
        // New, or lost with its file: whoever owns the data directory is the operator.
        None => add_secret(&mut tx, operator, now).await?,
    };
    let home = home_of(&mut tx, operator).await?;
    tx.commit().await?;
    // Set once: a start happens once in an app's life.
    let _ = app.operator.set(Operator {
        app: operator,
        home,
    });
    write_profile(app, &profile, home, operator, &secret)?;
    Ok(made)
}

async fn seed(
    tx: &mut bartizan_store::WriteTx,
    now: i64,
) -> Result<(AppId, FirstStart), SeedError> {
    let tenant = TenantId(Uuid::from_bytes(random::<16>()?));
    let tenant = TenantId(uuid::Builder::from_random_bytes(*tenant.uuid().as_bytes()).into_uuid());
    let domain = "bartizan.onmicrosoft.com";
    tenants::create(tx, tenant, "Bartizan", domain, now).await?;
    let operator = AppId(Uuid::new_v4());
    let application = applications::Application {
        id: ObjectId(Uuid::new_v4()),
        app_id: operator,
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
    store_settings::put(tx, OPERATOR, &operator.to_string()).await?;
    let user = format!("admin@{domain}");
    let password = password()?;
    let account = users::User {
        password_hash: Some(password_hash(&password)?),
        roles: vec!["Global Administrator".to_owned()],
        ..users::User::new(ObjectId(Uuid::new_v4()), &user, "Administrator", now)
    };
    users::create(tx, tenant, &account).await?;
    audit::append(
        tx,
        tenant,
        &audit::AuditEvent {
            id: Uuid::now_v7(),
            occurred: now,
            actor: "system".to_owned(),
            action: "tenant.create".to_owned(),
            target: tenant.to_string(),
            outcome: "success".to_owned(),
            request_id: None,
            details: json!({ "displayName": "Bartizan", "domain": domain, "administrator": user }),
        },
    )
    .await?;
    Ok((
        operator,
        FirstStart {
            tenant,
            user,
            password,
        },
    ))
}

/// Letters and digits that are not mistaken for each other; 20 of them hold 116 bits of chance.
fn password() -> Result<String, SeedError> {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut text = String::new();
    while text.len() < 23 {
        if text.len() % 6 == 5 {
            text.push('-');
        }
        let [byte] = random::<1>()?;
        // Bytes beyond the last whole multiple would make some letters likelier.
        if usize::from(byte) < 256 / ALPHABET.len() * ALPHABET.len() {
            text.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        }
    }
    Ok(text)
}

fn password_hash(password: &str) -> Result<String, SeedError> {
    let hash =
        argon2::Argon2::default().hash_password_with_salt(password.as_bytes(), &random::<16>()?);
    hash.map(|hash| hash.to_string())
        .map_err(|error| SeedError::Hash(error.to_string()))
}

async fn add_secret(
    tx: &mut bartizan_store::WriteTx,
    operator: AppId,
    now: i64,
) -> Result<String, SeedError> {
    let application = applications::anywhere(tx, operator)
        .await?
        .ok_or(StoreError::Missing("the operator's application"))?;
    let secret = client_secret(&random()?);
    let credential = passwords::PasswordCredential {
        key_id: Uuid::new_v4(),
        secret_hash: secret_hash(&secret),
        hint: secret.chars().take(3).collect(),
        display_name: Some("operator profile".to_owned()),
        start: now,
        end: now + OPERATOR_SECRET_LIFETIME,
        last_used: None,
    };
    passwords::add(tx, application.tenant, application.id, &credential).await?;
    Ok(secret)
}

async fn home_of(tx: &mut bartizan_store::WriteTx, operator: AppId) -> Result<TenantId, SeedError> {
    let application = applications::anywhere(tx, operator).await?;
    Ok(application
        .ok_or(StoreError::Missing("the operator's application"))?
        .tenant)
}

/// The secret in a profile that is still about this operator.
fn existing_secret(path: &std::path::Path, operator: AppId) -> Option<String> {
    let profile: toml::Table = std::fs::read_to_string(path).ok()?.parse().ok()?;
    let text = |key: &str| profile.get(key).and_then(toml::Value::as_str);
    (text("client-id") == Some(&operator.to_string()))
        .then(|| text("client-secret").map(str::to_owned))
        .flatten()
}

fn write_profile(
    app: &App,
    path: &std::path::Path,
    tenant: TenantId,
    operator: AppId,
    secret: &str,
) -> Result<(), SeedError> {
    let url = app.sites.public().origin().ascii_serialization();
    let profile = Profile {
        url: &url,
        ca: app.authority.certificate_path(),
        ca_bundle: app.authority.bundle_path(),
        proxy: format!("http://{}", app.settings.proxy),
        tenant: tenant.to_string(),
        client_id: operator.to_string(),
        client_secret: secret,
    };
    let text = toml::to_string(&profile).map_err(std::io::Error::other)?;
    write_private(path, text.as_bytes())?;
    Ok(())
}

/// The event store's settings under a server's.
pub(crate) fn event_settings(
    data: &DataDir,
    settings: &Settings,
) -> std::io::Result<EventSettings> {
    let mut events = EventSettings::new(data.folder("events")?);
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    events.retention = settings.retention_days.map(days);
    Ok(events)
}
