//! `client_credentials`: an application in its own name.

use std::borrow::Cow;
use std::sync::Arc;

use bartizan_contract::AppId;
use bartizan_identity::client_auth::issuer_wanted;
use bartizan_identity::grant::client_credentials::{
    self, ApplicationFact, Facts, PrincipalFact, Setting,
};
use bartizan_identity::grant::{Issuance, Lifetimes, TokenEntropy};
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::directory::token_facts::{self, ClientCredentialsFacts, ResourceFacts};
use bartizan_store::revision::{self, Revision};
use bartizan_store::{ReadTx, StoreError};

use super::super::client::{self, LastUses};
use super::super::sign_ins::{self, Issued};
use super::super::{Request, issuer_keys};
use super::facts::{self, Wanted};
use super::fault;
use super::known_clients::{Key, Known};
use crate::trail::{Named, Parties};

/// Decides and signs. `revision` is the directory's, read for this request.
pub(super) async fn issue(
    request: &Request<'_>,
    asked: &TokenRequest,
    grant: &client_credentials::Request,
    tenant: &TenantPath,
    revision: Revision,
) -> Result<Issued, Refusal> {
    let clients = &request.app.known_clients;
    let key = Key {
        tenant: tenant.clone(),
        // An id that is none belongs to no application; the nil id keeps the tenant's answer.
        client: asked.client_id.parse().unwrap_or(AppId::from_u128(0)),
        resource: Wanted::of(&grant.resource, request.app.sites.own_origin_list()),
    };
    let kept = clients.get(&key, revision);
    let fresh = kept.is_none();
    let known = match kept {
        Some(known) => known,
        None => Arc::new(read(request, &key).await.map_err(fault)?),
    };
    let facts = completed(request, asked, &known.facts).await;
    let issuance = decide(request, asked, grant, tenant, &facts)?;
    let token = request.app.keys.sign(&issuance.claims).map_err(|error| {
        tracing::error!(%error, "token endpoint: signing failed");
        Refusal::Fault
    })?;
    if let Some(uses) = &known.uses {
        client::note_use(request, issuance.credential_used, uses);
    }
    tracing::debug!(client = %asked.client_id, tenant = %issuance.claims.tid, "token issued");
    let sign_in = sign_ins::of_application(request, &issuance.claims, known.parties.clone());
    if fresh {
        clients.keep(key, known);
    }
    Ok(Issued {
        body: issuance.answer(&token),
        sign_in: Some(sign_in),
    })
}

/// The facts with the keys of the issuer whose token was sent in place of a secret, when one was.
async fn completed<'f>(
    request: &Request<'_>,
    asked: &TokenRequest,
    facts: &'f Facts,
) -> Cow<'f, Facts> {
    let known = facts.application.as_ref();
    if known.is_none_or(|known| issuer_wanted(&asked.proof, &known.credentials).is_none()) {
        return Cow::Borrowed(facts);
    }
    let mut facts = facts.clone();
    if let Some(application) = &mut facts.application {
        issuer_keys::complete(request.app, asked, &mut application.credentials).await;
    }
    Cow::Owned(facts)
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
    let setting = Setting {
        issuers: request.app.keys.issuers(),
        lifetimes: Lifetimes::default(),
        own_origins: request.app.sites.own_origin_list(),
        now: request.trace.now,
    };
    client_credentials::decide(asked, grant, tenant, facts, setting, &entropy)
}

/// Reads the facts in one transaction.
async fn read(request: &Request<'_>, key: &Key) -> Result<Known, StoreError> {
    let mut tx = request.app.store.read().await?;
    // Of the very state that the facts are read from.
    let revision = revision::of(&mut tx).await?.directory;
    if !key.tenant.is_one_tenant() {
        return Ok(Known::nothing(revision));
    }
    let word = key.tenant.word();
    let read = token_facts::client_credentials(&mut tx, &word, key.client).await?;
    let resources = resources(&mut tx, key, &read).await?;
    let application = read.application.as_ref();
    Ok(Known {
        revision,
        parties: parties(&read, &resources).map(Arc::new),
        uses: application.map(|known| LastUses::of(known.home, &read.credentials)),
        facts: Facts {
            tenant: read.tenant.as_ref().map(facts::tenant),
            application: application.map(|known| ApplicationFact {
                app_id: key.client,
                home: known.home,
                display_name: known.display_name.clone(),
                multi_tenant: facts::is_multi_tenant(&known.sign_in_audience),
                credentials: client::credentials(&read.credentials),
            }),
            client: read.client.as_ref().map(|client| PrincipalFact {
                id: client.id,
                enabled: client.enabled,
            }),
            resources: resources.iter().map(facts::resource).collect(),
        },
    })
}

async fn resources(
    tx: &mut ReadTx,
    key: &Key,
    read: &ClientCredentialsFacts,
) -> Result<Vec<ResourceFacts>, StoreError> {
    let Some(tenant) = &read.tenant else {
        return Ok(Vec::new());
    };
    let client = read.client.as_ref().map(|client| client.id);
    facts::resources(tx, tenant.id, &key.resource, client).await
}

/// Whom the trail names; an own origin stands for several resources, and none is named.
fn parties(read: &ClientCredentialsFacts, resources: &[ResourceFacts]) -> Option<Parties> {
    let client = read.client.as_ref()?;
    Some(Parties {
        tenant: read.tenant.as_ref()?.id,
        client: Named {
            id: client.id,
            name: client.display_name.clone(),
        },
        resource: match resources {
            [one] => Some(Named {
                id: one.id,
                name: one.display_name.clone(),
            }),
            _ => None,
        },
    })
}
