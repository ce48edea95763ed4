//! The first start, which makes a tenant and its administrator, and what each start sees to.

use std::time::Duration;

use argon2::PasswordHasher as _;
use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_hunting::events::Settings as EventSettings;
use bartizan_store::directory::{Principal, PrincipalKind, roles, service_principals, users};
use bartizan_store::{StoreError, audit, tenants as stored};
use serde_json::json;
use uuid::Uuid;

use crate::app::{App, Operator};
use crate::data_dir::DataDir;
use crate::operator::{self, Known};
use crate::settings::Settings;
use crate::tenants;

/// The file with the operator's profile, for the client on the same machine.
pub const PROFILE: &str = "admin.toml";

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

/// Random bytes of the cryptographic library.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], SeedError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SeedError::Randomness)?;
    Ok(bytes)
}

/// Seeds an empty store, mends what belongs to the operator, and writes the operator's profile with today's addresses.
/// What it made is returned when the store was empty.
///
/// # Errors
/// [`SeedError`].
pub async fn first_start(app: &App, data: &DataDir) -> Result<Option<FirstStart>, SeedError> {
    let now = app.clock.unix_micros();
    let path = data.file(PROFILE);
    let profile = Known::read(&path);
    let mut tx = app.store.write().await?;
    let operator = operator::client_id(&mut tx).await?;
    let made = if stored::list(&mut tx).await?.is_empty() {
        Some(seed(&mut tx, now).await?)
    } else {
        None
    };
    let tenants = stored::list(&mut tx).await?;
    let (application, fresh) =
        operator::application(&mut tx, operator, &tenants, &profile, now).await?;
    // A newer version may know further permissions: every tenant's resources and operator follow.
    for tenant in &tenants {
        service_principals::seed_first_party(&mut tx, tenant.id, now).await?;
        tenants::consent_to_operator(&mut tx, tenant.id, operator, now).await?;
    }
    let secret = operator::secret(&mut tx, &application, &profile, now).await?;
    tx.commit().await?;
    if made.is_none() && fresh {
        tracing::warn!(%operator, "the operator's application was missing and has been made again");
    }
    if made.is_none() && secret.fresh {
        tracing::warn!(path = %path.display(), "the operator's profile had no valid secret; it has a new one");
    }
    // Set once: a start happens once in an app's life.
    let _ = app.operator.set(Operator {
        app: operator,
        home: application.tenant,
    });
    operator::write_profile(app, &path, &application, &secret.text)?;
    Ok(made)
}

async fn seed(tx: &mut bartizan_store::WriteTx, now: i64) -> Result<FirstStart, SeedError> {
    let tenant = TenantId(Uuid::from_bytes(random::<16>()?));
    let tenant = TenantId(uuid::Builder::from_random_bytes(*tenant.uuid().as_bytes()).into_uuid());
    let domain = "bartizan.onmicrosoft.com";
    tenants::create(tx, tenant, "Bartizan", domain, now).await?;
    let user = format!("admin@{domain}");
    let password = password()?;
    let account = users::User {
        password_hash: Some(password_hash(&password)?),
        ..users::User::new(ObjectId(Uuid::new_v4()), &user, "Administrator", now)
    };
    users::create(tx, tenant, &account).await?;
    let everything = roles::RoleAssignment {
        id: Uuid::new_v4().to_string(),
        template: GLOBAL_ADMINISTRATOR,
        principal: Principal {
            id: account.id,
            kind: PrincipalKind::User,
        },
        created: now,
    };
    roles::assign(tx, tenant, &everything).await?;
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
    Ok(FirstStart {
        tenant,
        user,
        password,
    })
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

/// The argon2id hash of a password, in PHC form.
pub(crate) fn password_hash(password: &str) -> Result<String, SeedError> {
    let hash =
        argon2::Argon2::default().hash_password_with_salt(password.as_bytes(), &random::<16>()?);
    hash.map(|hash| hash.to_string())
        .map_err(|error| SeedError::Hash(error.to_string()))
}

/// The event store's settings under a server's.
pub(crate) fn event_settings(
    data: &DataDir,
    settings: &Settings,
) -> std::io::Result<EventSettings> {
    let mut events = EventSettings::new(data.folder("events")?);
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    events.retention = settings.retention_days.map(days);
    let own = settings.retention_days_of.iter();
    events.retention_of = own
        .map(|(table, count)| (table.clone(), (*count > 0).then(|| days(*count))))
        .collect();
    Ok(events)
}
