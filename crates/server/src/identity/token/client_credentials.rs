//! `client_credentials`: an application in its own name.

use bartizan_contract::{AppId, TenantId};
use bartizan_identity::grant::client_credentials::{self, Facts, PrincipalFact, Setting};
use bartizan_identity::grant::{Issuance, Lifetimes, TokenEntropy};
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::StoreError;
use bartizan_store::directory::credentials::ApplicationCredentials;
use bartizan_store::directory::token_facts;

use super::super::{Request, client, issuer_keys};
use super::facts;
use super::fault;

/// Decides, signs, and gives the answer's body.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &client_credentials::Request,
    tenant: &TenantPath,
) -> Result<serde_json::Value, Refusal> {
    let mut read = read(request, asked, grant, tenant).await.map_err(fault)?;
    if let Some(application) = &mut read.facts.application {
        issuer_keys::complete(request.app, asked, &mut application.credentials).await;
    }
    let issuance = decide(request, asked, grant, tenant, &read.facts)?;
    let token = request.app.keys.sign(&issuance.claims).map_err(|error| {
        tracing::error!(%error, "token endpoint: signing failed");
        Refusal::Fault
    })?;
    client::note_use(
        request,
        issuance.credential_used,
        &read.credentials,
        read.home,
    )
    .await;
    tracing::debug!(client = %asked.client_id, tenant = %issuance.claims.tid, "token issued");
    Ok(issuance.answer(&token))
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
    /// The application's credentials, in the order of the facts'.
    credentials: ApplicationCredentials,
    /// The application's home tenant.
    home: Option<TenantId>,
}

/// Reads the facts in one transaction.
async fn read(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &client_credentials::Request,
    tenant: &TenantPath,
) -> Result<Read, StoreError> {
    let nothing = Read {
        facts: Facts::default(),
        credentials: ApplicationCredentials::default(),
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
            facts::resources(
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
        facts: Facts {
            tenant: read.tenant.as_ref().map(facts::tenant),
            application: read
                .application
                .as_ref()
                .map(|application| facts::application(application, &read.credentials)),
            client: read.client.as_ref().map(|client| PrincipalFact {
                id: client.id,
                enabled: client.enabled,
            }),
            resources,
        },
        credentials: read.credentials,
        home,
    })
}
