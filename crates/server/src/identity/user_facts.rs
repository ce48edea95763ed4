//! Facts of the directory for flows in which a person signs in: the client, the resources, what was granted.

use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::TenantPath;
use bartizan_identity::client_auth::Credentials;
use bartizan_identity::facts::{
    ApiFact, ClientFact, GrantFact, PresenceFact, Publisher, RoleFact, ScopeFact, UserConsent,
    UserFacts,
};
use bartizan_identity::grant::client_credentials::{ApplicationFact, TenantFact};
use bartizan_identity::redirect::RedirectUris;
use bartizan_identity::resource::is_own_origin;
use bartizan_identity::user::{
    APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR, UserFact,
};
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::users::User;
use bartizan_store::directory::{assignments, permission_grants};
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, StoreError, tenant_policies};
use serde_json::Value as Json;
use uuid::Uuid;

use super::Request;
use super::sign_in::{MICROS, SignedIn, demands};

/// The directory roles that consent asks for, by their names.
const ROLES: &[(&str, Uuid)] = &[
    ("Global Administrator", GLOBAL_ADMINISTRATOR),
    (
        "Privileged Role Administrator",
        PRIVILEGED_ROLE_ADMINISTRATOR,
    ),
    (
        "Cloud Application Administrator",
        CLOUD_APPLICATION_ADMINISTRATOR,
    ),
    ("Application Administrator", APPLICATION_ADMINISTRATOR),
];

/// Reads the facts about a client at a tenant's door, for who is signed in, and about the resources that are named.
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
    let tenant = if path.is_one_tenant() {
        tenants::resolve(tx, &path.word()).await?
    } else {
        person.map(|person| person.tenant.clone())
    };
    let application = match client_id.parse::<AppId>() {
        Ok(id) => applications::anywhere(tx, id).await?,
        Err(_) => None,
    };
    let user_id = person.map(|person| person.user.id);
    let mut facts = UserFacts {
        tenant: tenant.as_ref().map(tenant_fact),
        ..UserFacts::default()
    };
    if let Some(person) = person {
        facts.user = Some(user_fact(request, tx, &person.tenant, &person.user).await?);
    }
    let Some(application) = application else {
        return Ok(facts);
    };
    let principal = match &tenant {
        Some(tenant) => service_principals::by_app_id(tx, tenant.id, application.app_id).await?,
        None => None,
    };
    if let Some(tenant) = &tenant {
        facts.apis = apis(
            request,
            tx,
            tenant.id,
            &application,
            principal.as_ref(),
            user_id,
            named,
        )
        .await?;
        let policy = tenant_policies::get(tx, tenant.id, tenant_policies::USER_CONSENT).await?;
        facts.user_consent = policy
            .and_then(|word| UserConsent::parse(&word))
            .unwrap_or_default();
    }
    if let (Some(tenant), Some(principal)) = (&tenant, &principal) {
        let grants = permission_grants::of_client(tx, tenant.id, principal.id).await?;
        facts.grants = grants
            .iter()
            .map(|grant| GrantFact {
                resource: grant.resource,
                principal: grant.principal,
                scopes: grant.scopes().map(str::to_owned).collect(),
            })
            .collect();
    }
    facts.client = Some(client_fact(tx, &application, principal.as_ref(), user_id).await?);
    Ok(facts)
}

/// The tenant.
fn tenant_fact(tenant: &Tenant) -> TenantFact {
    TenantFact {
        id: tenant.id,
        region: tenant.region.clone(),
        created: tenant.created.div_euclid(MICROS),
        domains: tenant.domains.iter().map(|d| d.name.clone()).collect(),
    }
}

/// A person as decisions see one.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn user_fact(
    request: &Request<'_>,
    tx: &mut ReadTx,
    tenant: &Tenant,
    user: &User,
) -> Result<UserFact, StoreError> {
    let (account, _) = demands(tx, &request.site.host, tenant.id, user).await?;
    let role = |name: &String| {
        let known = ROLES.iter().find(|(known, _)| known == name);
        known.map(|(_, template)| *template)
    };
    Ok(UserFact {
        id: user.id,
        tenant: tenant.id,
        upn: user.upn.clone(),
        display_name: user.display_name.clone(),
        given_name: user.given_name.clone(),
        surname: user.surname.clone(),
        mail: user.mail.clone(),
        enabled: user.enabled,
        directory_roles: user.roles.iter().filter_map(role).collect(),
        sessions_valid_from: user.sessions_valid_from.div_euclid(MICROS),
        password_changed: user.password_changed.div_euclid(MICROS),
        second_factor_required: account.second_factor_required,
    })
}

async fn client_fact(
    tx: &mut ReadTx,
    application: &Application,
    principal: Option<&ServicePrincipal>,
    user: Option<ObjectId>,
) -> Result<ClientFact, StoreError> {
    let home = tenants::by_id(tx, application.tenant).await?;
    let presence = match principal {
        None => None,
        Some(principal) => {
            let assigned = match user {
                Some(user) => assignments::of_principal(tx, principal.tenant, user)
                    .await?
                    .iter()
                    .any(|assignment| assignment.resource == principal.id),
                None => false,
            };
            Some(PresenceFact {
                id: principal.id,
                enabled: principal.enabled,
                assignment_required: principal.assignment_required,
                user_is_assigned: assigned,
            })
        }
    };
    let properties = &application.properties;
    let flag = |value: Option<&Json>| value.and_then(Json::as_bool).unwrap_or_default();
    let implicit = properties
        .get("web")
        .and_then(|web| web.pointer("/implicitGrantSettings/enableIdTokenIssuance"));
    let uris = &application.redirect_uris;
    Ok(ClientFact {
        application: ApplicationFact {
            app_id: application.app_id,
            home: application.tenant,
            display_name: application.display_name.clone(),
            multi_tenant: application.sign_in_audience != "AzureADMyOrg",
            // Nobody proves to be the client in a browser.
            credentials: Credentials::default(),
        },
        redirect_uris: RedirectUris {
            web: uris.web.clone(),
            spa: uris.spa.clone(),
            public_client: uris.public_client.clone(),
        },
        fallback_public: flag(properties.get("isFallbackPublicClient")),
        implicit_id_tokens: flag(implicit),
        required: application.required_resource_access.clone(),
        publisher: Publisher {
            verified_name: properties
                .get("verifiedPublisher")
                .and_then(|publisher| publisher["displayName"].as_str())
                .map(str::to_owned),
            domain: home
                .as_ref()
                .and_then(Tenant::default_domain)
                .map(str::to_owned),
        },
        principal: presence,
    })
}

/// The resources that are named and those that the registration lists, each once; Microsoft Graph always, because the
/// scopes of OpenID Connect are kept with it.
async fn apis(
    request: &Request<'_>,
    tx: &mut ReadTx,
    tenant: TenantId,
    application: &Application,
    principal: Option<&ServicePrincipal>,
    user: Option<ObjectId>,
    named: &[String],
) -> Result<Vec<ApiFact>, StoreError> {
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    let graph = bartizan_contract::first_party::MICROSOFT_GRAPH;
    let mut names = vec![graph.to_string()];
    for required in &application.required_resource_access {
        names.push(required.resource_app_id.to_string());
    }
    for name in named {
        if is_own_origin(name, &own_origins) {
            names.extend(RESOURCES.iter().map(|resource| resource.app_id.to_string()));
        }
        names.push(name.clone());
        names.extend(name.strip_prefix("api://").map(str::to_owned));
    }
    let client_roles = match principal {
        Some(principal) => assignments::of_principal(tx, tenant, principal.id).await?,
        None => Vec::new(),
    };
    let user_roles = match user {
        Some(user) => assignments::of_principal(tx, tenant, user).await?,
        None => Vec::new(),
    };
    let mut found: Vec<ApiFact> = Vec::new();
    for name in names {
        let api = match service_principals::by_name(tx, tenant, &name).await? {
            Some(api) => api,
            // Another tenant's: consent makes its presence here.
            None => match elsewhere(tx, tenant, &name).await? {
                Some(api) => {
                    if found.iter().all(|known| known.app_id != api.app_id) {
                        found.push(api);
                    }
                    continue;
                }
                None => continue,
            },
        };
        if found.iter().any(|known| known.principal == Some(api.id)) {
            continue;
        }
        let registration = applications::anywhere(tx, api.app_id).await?;
        let mine = |assignment: &&assignments::AppRoleAssignment| assignment.resource == api.id;
        let held: Vec<Uuid> = user_roles
            .iter()
            .filter(mine)
            .map(|assignment| assignment.app_role_id)
            .collect();
        found.push(ApiFact {
            user_is_assigned: !held.is_empty(),
            user_roles: api
                .app_roles
                .iter()
                .filter(|role| held.contains(&role.id))
                .filter_map(|role| role.value.clone())
                .collect(),
            client_roles: client_roles
                .iter()
                .filter(mine)
                .map(|assignment| assignment.app_role_id)
                .collect(),
            preauthorized: registration
                .as_ref()
                .map(|registration| preauthorized(registration, application.app_id))
                .unwrap_or_default(),
            access_token_version: registration
                .and_then(|registration| registration.requested_access_token_version),
            ..api_fact(&api)
        });
    }
    Ok(found)
}

/// A resource that the tenant does not have yet, by its application id.
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
                ..api_fact(&future)
            }
        }))
}

fn api_fact(api: &ServicePrincipal) -> ApiFact {
    let text = |texts: [&Option<String>; 2]| {
        let found = texts.into_iter().flatten().find(|text| !text.is_empty());
        found.cloned().unwrap_or_default()
    };
    ApiFact {
        principal: Some(api.id),
        app_id: api.app_id,
        display_name: api.display_name.clone(),
        names: api
            .names
            .iter()
            .map(|name| name.trim_end_matches('/').to_lowercase())
            .collect(),
        enabled: api.enabled,
        assignment_required: api.assignment_required,
        user_is_assigned: false,
        user_roles: Vec::new(),
        scopes: api
            .oauth2_scopes
            .iter()
            .map(|scope| ScopeFact {
                id: scope.id,
                value: scope.value.clone().unwrap_or_default(),
                admin: scope.consent.as_deref() != Some("User"),
                enabled: scope.is_enabled,
                title: text([
                    &scope.user_consent_display_name,
                    &scope.admin_consent_display_name,
                ]),
                description: text([
                    &scope.user_consent_description,
                    &scope.admin_consent_description,
                ]),
            })
            .collect(),
        roles: api
            .app_roles
            .iter()
            .filter(|role| role.is_enabled)
            .map(|role| RoleFact {
                id: role.id,
                value: role.value.clone().unwrap_or_default(),
                title: text([&role.display_name, &None]),
                description: text([&role.description, &None]),
            })
            .collect(),
        client_roles: Vec::new(),
        preauthorized: Vec::new(),
        access_token_version: None,
    }
}

/// What a resource's owner lets a client use without consent (`api.preAuthorizedApplications`).
fn preauthorized(registration: &Application, client: AppId) -> Vec<String> {
    let listed = registration
        .properties
        .get("api")
        .and_then(|api| api["preAuthorizedApplications"].as_array());
    let ids: Vec<Uuid> = listed
        .into_iter()
        .flatten()
        .filter(|entry| entry["appId"].as_str().and_then(|id| id.parse().ok()) == Some(client))
        .filter_map(|entry| entry["delegatedPermissionIds"].as_array())
        .flatten()
        .filter_map(|id| id.as_str()?.parse().ok())
        .collect();
    registration
        .oauth2_scopes
        .iter()
        .filter(|scope| ids.contains(&scope.id))
        .filter_map(|scope| scope.value.clone())
        .collect()
}
