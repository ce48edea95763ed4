//! Facts of the directory for the pages: those of the grants, and what consent needs beside them.

use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::TenantPath;
use bartizan_identity::facts::{ApiFact, Publisher, UserConsent, UserFacts};
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::service_principals::ServicePrincipal;
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, StoreError, tenant_policies};
use uuid::Uuid;

use super::Request;
use super::sign_in::SignedIn;
use super::token::{self, Door};

/// Reads the facts about a client at a tenant's door, for who is signed in, about the resources that are named and those
/// that the registration lists.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn load(
    request: &Request<'_>,
    tx: &mut ReadTx,
    path: &TenantPath,
    client_id: &str,
    person: Option<&SignedIn>,
    named: &[String],
) -> Result<UserFacts, StoreError> {
    let application = match client_id.parse::<AppId>() {
        Ok(id) => applications::anywhere(tx, id).await?,
        Err(_) => None,
    };
    let mut names = named.to_vec();
    if let Some(application) = &application {
        let required = application.required_resource_access.iter();
        names.extend(required.map(|required| required.resource_app_id.to_string()));
    }
    let door = Door {
        path,
        client_id,
        user: person.map(|person| (person.tenant.id, person.user.id)),
        named: names.clone(),
    };
    let mut facts = token::load(request, tx, door).await?.facts;
    let Some(application) = application else {
        return Ok(facts);
    };
    if let Some(tenant) = facts.tenant.as_ref().map(|tenant| tenant.id) {
        for name in &names {
            let known = facts.apis.iter().any(|api| api.is_called(name));
            if !known && let Some(api) = elsewhere(tx, tenant, name).await? {
                facts.apis.push(api);
            }
        }
        let policy = tenant_policies::get(tx, tenant, tenant_policies::USER_CONSENT).await?;
        facts.user_consent = policy
            .and_then(|word| UserConsent::parse(&word))
            .unwrap_or_default();
    }
    let publisher = publisher(tx, &application).await?;
    if let Some(client) = &mut facts.client {
        client.publisher = publisher;
    }
    Ok(facts)
}

async fn publisher(tx: &mut ReadTx, application: &Application) -> Result<Publisher, StoreError> {
    let home = tenants::by_id(tx, application.tenant).await?;
    let verified = application.properties.get("verifiedPublisher");
    Ok(Publisher {
        verified_name: verified
            .and_then(|publisher| publisher["displayName"].as_str())
            .map(str::to_owned),
        domain: home
            .as_ref()
            .and_then(Tenant::default_domain)
            .map(str::to_owned),
    })
}

/// A resource that the tenant does not have yet, by its application id: consent makes its presence there.
async fn elsewhere(
    tx: &mut ReadTx,
    tenant: TenantId,
    name: &str,
) -> Result<Option<ApiFact>, StoreError> {
    let Ok(id) = name.parse::<AppId>() else {
        return Ok(None);
    };
    let registration = applications::anywhere(tx, id).await?;
    Ok(registration
        .filter(|registration| registration.sign_in_audience != "AzureADMyOrg")
        .map(|registration| {
            let id = ObjectId(Uuid::nil());
            let future = ServicePrincipal::of_application(id, tenant, &registration, 0);
            ApiFact {
                principal: None,
                ..token::api_fact(&future)
            }
        }))
}
