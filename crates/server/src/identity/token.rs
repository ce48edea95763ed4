//! The token endpoint: read the request, load the facts, decide, sign.

use axum::response::Response;
use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{AppId, TenantId};
use bartizan_identity::client_auth::SecretFact;
use bartizan_identity::grant::client_credentials::{
    self, ApplicationFact, Facts, PrincipalFact, ResourceFact, Setting, TenantFact,
};
use bartizan_identity::grant::{Grant, Issuance, Lifetimes, TokenEntropy};
use bartizan_identity::resource::{ResourceName, is_own_origin};
use bartizan_identity::{Refusal, TenantPath, TokenRequest, Version};
use bartizan_store::directory::passwords::{self, PasswordCredential};
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::directory::token_facts::{self, ClientCredentialsFacts, ResourceFacts};
use bartizan_store::{ReadTx, StoreError};
use http::{Method, StatusCode};

use super::{Request, respond};

/// Microseconds of the store in a second of tokens.
const MICROS: i64 = 1_000_000;
/// How exact the last use of a secret is kept, microseconds.
const LAST_USE_STEP: i64 = 60 * MICROS;

/// Answers the token endpoint.
pub(super) async fn answer(request: &Request<'_>, version: Version, tenant: &str) -> Response {
    let result = issue(request, version, tenant).await;
    let code = result.as_ref().err().map_or(0, Refusal::code);
    metrics::counter!("bartizan_token_requests_total", "aadsts" => code.to_string()).increment(1);
    match result {
        Ok(body) => respond::json(StatusCode::OK, &body),
        Err(refusal) => {
            tracing::info!(code, client = client_of(request), "no token issued");
            respond::error(&refusal.answer(&request.trace))
        }
    }
}

/// The client id as sent, for the log; only when it is an id at all.
fn client_of(request: &Request<'_>) -> Option<String> {
    let sent = request.form.iter().find(|(name, _)| name == "client_id")?;
    sent.1.parse::<AppId>().ok().map(|id| id.to_string())
}

async fn issue(
    request: &Request<'_>,
    version: Version,
    tenant: &str,
) -> Result<serde_json::Value, Refusal> {
    check_method(request, version)?;
    let tenant = TenantPath::parse(tenant)?;
    let authorization = request.header("authorization");
    let asked = TokenRequest::parse(version, &request.form, authorization)?;
    let fault = |error: StoreError| {
        tracing::error!(%error, "token endpoint: the directory could not be read");
        Refusal::Fault
    };
    let (issuance, secrets, home) = match &asked.grant {
        Grant::ClientCredentials(grant) => {
            let read = facts(request, &asked, grant, &tenant)
                .await
                .map_err(fault)?;
            let issuance = decide(request, &asked, grant, &tenant, &read.facts)?;
            (issuance, read.secrets, read.home)
        }
    };
    let token = request.app.keys.sign(&issuance.claims).map_err(|error| {
        tracing::error!(%error, "token endpoint: signing failed");
        Refusal::Fault
    })?;
    note_use(request, &issuance, &secrets, home).await;
    tracing::debug!(client = %asked.client_id, tenant = %issuance.claims.tid, "token issued");
    Ok(issuance.answer(&token))
}

/// POST; on v1 also GET, because some connectors send their form with it.
fn check_method(request: &Request<'_>, version: Version) -> Result<(), Refusal> {
    let get_with_form =
        request.method == Method::GET && version == Version::V1 && !request.form.is_empty();
    if request.method == Method::POST || get_with_form {
        return Ok(());
    }
    Err(Refusal::Method {
        valid: "POST",
        verb: request.method.to_string(),
    })
}

fn decide(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &client_credentials::Request,
    tenant: &TenantPath,
    facts: &Facts,
) -> Result<Issuance, Refusal> {
    let mut entropy: TokenEntropy = [0; 48];
    aws_lc_rs::rand::fill(&mut entropy).map_err(|_| Refusal::Fault)?;
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    let setting = Setting {
        issuers: request.app.keys.issuers(),
        lifetimes: Lifetimes::default(),
        own_origins: &own_origins,
        now: request.trace.now,
    };
    client_credentials::decide(asked, grant, tenant, facts, setting, &entropy)
}

/// What was read for a decision.
struct Read {
    facts: Facts,
    /// The application's secrets, in the order of the facts'.
    secrets: Vec<PasswordCredential>,
    /// The application's home tenant.
    home: Option<TenantId>,
}

/// Reads the facts in one transaction.
async fn facts(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &client_credentials::Request,
    tenant: &TenantPath,
) -> Result<Read, StoreError> {
    let nothing = Read {
        facts: Facts::default(),
        secrets: Vec::new(),
        home: None,
    };
    if !tenant.is_one_tenant() {
        return Ok(nothing);
    }
    let mut tx = request.app.store.read().await?;
    // An id that is none belongs to no application; the nil id keeps the tenant's answer.
    let client_id = asked
        .client_id
        .parse::<AppId>()
        .unwrap_or(AppId::from_u128(0));
    let read = token_facts::client_credentials(&mut tx, &tenant.word(), client_id, None).await?;
    let resources = match &read.tenant {
        Some(tenant) => {
            resources(
                request,
                &mut tx,
                tenant.id,
                &grant.resource,
                read.client.as_ref(),
            )
            .await?
        }
        None => Vec::new(),
    };
    let home = read
        .application
        .as_ref()
        .map(|application| application.tenant);
    Ok(Read {
        facts: converted(&read, resources),
        secrets: read.passwords,
        home,
    })
}

/// The resource of a name, or all of them when the name is an own origin.
async fn resources(
    request: &Request<'_>,
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &ResourceName,
    client: Option<&ServicePrincipal>,
) -> Result<Vec<ResourceFact>, StoreError> {
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    if is_own_origin(name.as_str(), &own_origins) {
        let mut found = Vec::new();
        for resource in RESOURCES {
            let id = resource.app_id.to_string();
            let facts = token_facts::resource_facts(tx, tenant, &id, client).await?;
            found.extend(facts.as_ref().map(resource_fact));
        }
        return Ok(found);
    }
    for name in name.look_ups() {
        if let Some(facts) = token_facts::resource_facts(tx, tenant, name, client).await? {
            return Ok(vec![resource_fact(&facts)]);
        }
    }
    Ok(Vec::new())
}

fn resource_fact(facts: &ResourceFacts) -> ResourceFact {
    ResourceFact {
        app_id: facts.service_principal.app_id,
        enabled: facts.service_principal.enabled,
        assignment_required: facts.service_principal.assignment_required,
        client_is_assigned: facts.client_is_assigned,
        roles: facts.roles.clone(),
        access_token_version: facts.access_token_version,
    }
}

fn converted(read: &ClientCredentialsFacts, resources: Vec<ResourceFact>) -> Facts {
    let secret = |password: &PasswordCredential| SecretFact {
        hash: password.secret_hash.clone(),
        start: password.start.div_euclid(MICROS),
        end: password.end.div_euclid(MICROS),
    };
    Facts {
        tenant: read.tenant.as_ref().map(|tenant| TenantFact {
            id: tenant.id,
            region: tenant.region.clone(),
            created: tenant.created.div_euclid(MICROS),
        }),
        application: read
            .application
            .as_ref()
            .map(|application| ApplicationFact {
                app_id: application.app_id,
                home: application.tenant,
                display_name: application.display_name.clone(),
                multi_tenant: application.sign_in_audience != "AzureADMyOrg",
                secrets: read.passwords.iter().map(secret).collect(),
            }),
        client: read.client.as_ref().map(|client| PrincipalFact {
            id: client.id,
            enabled: client.enabled,
        }),
        resources,
    }
}

/// Notes the last use of a secret, to the minute, so that operators see which ones are dead. A failure to note it is
/// no reason to withhold the token.
async fn note_use(
    request: &Request<'_>,
    issuance: &Issuance,
    secrets: &[PasswordCredential],
    home: Option<TenantId>,
) {
    let now = request.app.clock.unix_micros();
    let (Some(secret), Some(home)) = (secrets.get(issuance.secret_used), home) else {
        return;
    };
    if secret
        .last_used
        .is_some_and(|last| now - last < LAST_USE_STEP)
    {
        return;
    }
    let note = async {
        let mut tx = request.app.store.write().await?;
        passwords::touch(&mut tx, home, secret.key_id, now).await?;
        tx.commit().await
    };
    if let Err(error) = note.await {
        tracing::warn!(%error, "the use of a secret could not be noted");
    }
}
