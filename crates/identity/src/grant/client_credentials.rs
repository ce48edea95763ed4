//! `client_credentials` (RFC 6749 section 4.4): an application asks in its own name, and gets the
//! app roles that were consented to in the tenant.

use bartizan_contract::first_party::MICROSOFT_GRAPH;
use bartizan_contract::permissions::resource_by_app_id;
use bartizan_contract::{AppId, ObjectId, TenantId};

use super::{Issuance, Lifetimes, TokenEntropy};
use crate::claims::{AccessClaims, AppTokenFacts};
use crate::client_auth::{self, Credentials, Realm};
use crate::issuer::{Issuers, Version};
use crate::refusal::Refusal;
use crate::request::{Form, TokenRequest};
use crate::resource::{self, ResourceName};
use crate::tenant::TenantPath;

/// The grant's own parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the token is for.
    pub resource: ResourceName,
}

impl Request {
    /// Reads `scope` on v2, `resource` on v1; without one v1 means Microsoft Graph.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`Refusal::ResourceOnV2`], and what
    /// [`resource::of_application_scope`] refuses.
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        let resource = match version {
            Version::V2 if form.get("resource").is_some() => return Err(Refusal::ResourceOnV2),
            Version::V2 => resource::of_application_scope(form.require("scope")?)?,
            // The cloud falls back to the directory's API, which is retired; Microsoft Graph has its place.
            Version::V1 => match form.get("resource") {
                Some(resource) => ResourceName::new(resource),
                None => ResourceName::new(&MICROSOFT_GRAPH.to_string()),
            },
        };
        Ok(Self { resource })
    }
}

/// What the directory knows of the request. What is not there is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// The tenant that the path names.
    pub tenant: Option<TenantFact>,
    /// The application, in whatever home tenant.
    pub application: Option<ApplicationFact>,
    /// Its presence in the tenant.
    pub client: Option<PrincipalFact>,
    /// What the token is for: one resource, or every resource of an own origin.
    pub resources: Vec<ResourceFact>,
}

/// The tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFact {
    /// Its id.
    pub id: TenantId,
    /// `tenant_region_scope`.
    pub region: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// Its domains, lower case.
    pub domains: Vec<String>,
}

/// The application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationFact {
    /// Its client id.
    pub app_id: AppId,
    /// Its home.
    pub home: TenantId,
    /// Its name.
    pub display_name: String,
    /// Whether other tenants may use it (`signInAudience` beyond `AzureADMyOrg`).
    pub multi_tenant: bool,
    /// By what it may prove itself.
    pub credentials: Credentials,
}

/// The application's presence in the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrincipalFact {
    /// The service principal's object id.
    pub id: ObjectId,
    /// `accountEnabled`.
    pub enabled: bool,
}

/// A resource as the tenant knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceFact {
    /// Its application id.
    pub app_id: AppId,
    /// `accountEnabled`.
    pub enabled: bool,
    /// `appRoleAssignmentRequired`.
    pub assignment_required: bool,
    /// Whether the client is assigned to it at all.
    pub client_is_assigned: bool,
    /// Values of the enabled app roles that the client holds of it.
    pub roles: Vec<String>,
    /// `requestedAccessTokenVersion` of its registration.
    pub access_token_version: Option<i64>,
}

/// The server's side of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Issuer strings.
    pub issuers: &'a Issuers,
    /// Lifetimes.
    pub lifetimes: Lifetimes,
    /// Names that stand for every API of this server.
    pub own_origins: &'a [String],
    /// Now, seconds since 1970.
    pub now: i64,
}

/// Decides a request to the tenant that `tenant` names.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub fn decide(
    request: &TokenRequest,
    grant: &Request,
    tenant: &TenantPath,
    facts: &Facts,
    setting: Setting<'_>,
    entropy: &TokenEntropy,
) -> Result<Issuance, Refusal> {
    if matches!(tenant, TenantPath::Common | TenantPath::Organizations) {
        return Err(Refusal::TenantMissing);
    }
    let unknown_tenant = || Refusal::TenantUnknown {
        tenant: tenant.word(),
    };
    let here = facts.tenant.as_ref().ok_or_else(unknown_tenant)?;
    let (application, client) = installed(request, tenant, here, facts)?;
    let realm = Realm {
        path: tenant,
        tenant: Some(here.id),
        domains: &here.domains,
        own_origins: setting.own_origins,
    };
    let used = client_auth::confidential(
        &request.client_id,
        &request.proof,
        &application.credentials,
        &realm,
        setting.now,
    )?;
    let name = grant.resource.as_str();
    usable(name, request, here, &facts.resources)?;
    // An own origin stands for several resources; none of them asks for v2 tokens.
    let version = match facts.resources.as_slice() {
        [one] if one.access_token_version == Some(2) => Version::V2,
        _ => Version::V1,
    };
    let own_origin = resource::is_own_origin(name, setting.own_origins);
    let claims = AccessClaims::of_application(&AppTokenFacts {
        version,
        issuer: setting.issuers.of(version, here.id),
        audience: match (version, facts.resources.as_slice()) {
            (Version::V2, [one]) => one.app_id.to_string(),
            _ => name.to_owned(),
        },
        tenant: here,
        application,
        principal: client.id,
        strength: used.strength(),
        resources: &facts.resources,
        own_origin,
        first_party: own_origin
            || facts
                .resources
                .iter()
                .any(|r| resource_by_app_id(r.app_id).is_some()),
        now: setting.now,
        lifetimes: setting.lifetimes,
        entropy,
    });
    Ok(Issuance {
        claims,
        credential_used: used,
        endpoint: request.version,
        expires_in: (setting.lifetimes.access_token - 1).max(0),
        resource: name.to_owned(),
    })
}

/// The application must exist and have an enabled presence in the tenant; outside its home it must
/// be multi-tenant too.
fn installed<'f>(
    request: &TokenRequest,
    tenant: &TenantPath,
    here: &TenantFact,
    facts: &'f Facts,
) -> Result<(&'f ApplicationFact, PrincipalFact), Refusal> {
    let unknown = || Refusal::ApplicationUnknown {
        client_id: request.client_id.chars().take(100).collect(),
        tenant: tenant.word(),
    };
    let application = facts.application.as_ref().ok_or_else(unknown)?;
    if application.home != here.id && !application.multi_tenant {
        return Err(unknown());
    }
    let client = facts.client.ok_or_else(unknown)?;
    if !client.enabled {
        return Err(Refusal::ApplicationDisabled {
            client_id: request.client_id.clone(),
        });
    }
    Ok((application, client))
}

fn usable(
    name: &str,
    request: &TokenRequest,
    here: &TenantFact,
    resources: &[ResourceFact],
) -> Result<(), Refusal> {
    let sent = || name.chars().take(200).collect::<String>();
    if resources.is_empty() {
        return Err(Refusal::ResourceUnknown {
            resource: sent(),
            tenant: here.id.to_string(),
        });
    }
    if !resources.iter().any(|r| r.enabled) {
        return Err(Refusal::ResourceDisabled { resource: sent() });
    }
    if resources
        .iter()
        .all(|r| r.assignment_required && !r.client_is_assigned)
    {
        return Err(Refusal::AssignmentRequired {
            client_id: request.client_id.clone(),
            resource: sent(),
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "client_credentials_tests.rs"]
mod tests;
