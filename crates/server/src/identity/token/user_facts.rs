//! Facts of the directory for the grants of users: the client, its credentials, the resources, and what was granted.

use bartizan_contract::first_party::MICROSOFT_GRAPH;
use bartizan_contract::graph::{OptionalClaim, OptionalClaims};
use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::TenantPath;
use bartizan_identity::facts::{
    ApiFact, ClientFact, GrantFact, PresenceFact, Publisher, RoleFact, ScopeFact, UserFacts,
};
use bartizan_identity::optional_claims::{ClaimsWanted, GroupClaims};
use bartizan_identity::redirect::RedirectUris;
use bartizan_identity::resource::{is_own_origin, look_ups};
use bartizan_identity::user::UserFact;
use bartizan_store::directory::applications::{self, Application};
use bartizan_store::directory::assignments::{self, AppRoleAssignment};
use bartizan_store::directory::credentials::{self, ApplicationCredentials};
use bartizan_store::directory::service_principals::{self, ServicePrincipal};
use bartizan_store::directory::users::{self, User};
use bartizan_store::directory::{groups, permission_grants, roles};
use bartizan_store::sign_in::factors;
use bartizan_store::tenants::{self, Tenant};
use bartizan_store::{ReadTx, StoreError};
use serde::Deserialize as _;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::Request;
use super::super::sign_in::second_factor_demanded;
use super::facts::{self, MICROS};

/// Whose facts are needed.
pub(in crate::identity) struct Door<'a> {
    /// The tenant's segment of the path.
    pub(in crate::identity) path: &'a TenantPath,
    /// `client_id`, as sent.
    pub(in crate::identity) client_id: &'a str,
    /// The user, where the grant says who it is.
    pub(in crate::identity) user: Option<(TenantId, ObjectId)>,
    /// Resources that the request names.
    pub(in crate::identity) named: Vec<String>,
}

/// What was read for a decision.
pub(in crate::identity) struct Read {
    /// The facts.
    pub(in crate::identity) facts: UserFacts,
    /// The client's credentials, in the order of the facts'.
    pub(in crate::identity) credentials: ApplicationCredentials,
    /// The client's home.
    pub(in crate::identity) home: Option<TenantId>,
}

/// Reads the facts from one state of the store.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn load(
    request: &Request<'_>,
    tx: &mut ReadTx,
    door: Door<'_>,
) -> Result<Read, StoreError> {
    let tenant = match (door.path.is_one_tenant(), door.user) {
        (true, _) => tenants::resolve(tx, &door.path.word()).await?,
        (false, Some((home, _))) => tenants::by_id(tx, home).await?,
        (false, None) => None,
    };
    let mut read = Read {
        facts: UserFacts {
            tenant: tenant.as_ref().map(facts::tenant),
            ..UserFacts::default()
        },
        credentials: ApplicationCredentials::default(),
        home: None,
    };
    if let Some((home, id)) = door.user
        && let Some(user) = users::by_id(tx, home, id).await?
    {
        read.facts.user = Some(user_fact(tx, home, &user).await?);
    }
    let application = match door.client_id.parse::<AppId>() {
        Ok(id) => applications::anywhere(tx, id).await?,
        Err(_) => None,
    };
    let Some(application) = application else {
        return Ok(read);
    };
    read.credentials = credentials::of(tx, application.tenant, application.id).await?;
    read.home = Some(application.tenant);
    let user = door.user.map(|(_, id)| id);
    let mut client = client_fact(&application, &read.credentials);
    let listed = |claims: &OptionalClaims| claims.id_token.clone();
    client.id_claims = claims_wanted(tx, &application, listed, door.user).await?;
    if let Some(tenant) = &tenant {
        let principal = service_principals::by_app_id(tx, tenant.id, application.app_id).await?;
        let held = Held::read(tx, tenant.id, principal.as_ref(), user).await?;
        if let Some(principal) = &principal {
            client.user_roles = held.roles_of_user(principal);
            client.principal = Some(PresenceFact {
                id: principal.id,
                enabled: principal.enabled,
                assignment_required: principal.assignment_required,
                user_is_assigned: held.by_user(principal.id).next().is_some(),
            });
            let grants = permission_grants::of_client(tx, tenant.id, principal.id).await?;
            read.facts.grants = grants
                .iter()
                .map(|grant| GrantFact {
                    resource: grant.resource,
                    principal: grant.principal,
                    scopes: grant.scopes().map(str::to_owned).collect(),
                })
                .collect();
        }
        let names = names(request, &door.named);
        let asking = (application.app_id, door.user);
        read.facts.apis = apis(tx, tenant, asking, &held, &names).await?;
    }
    read.facts.client = Some(client);
    Ok(read)
}

/// A user as decisions see one.
async fn user_fact(tx: &mut ReadTx, tenant: TenantId, user: &User) -> Result<UserFact, StoreError> {
    let directory_roles = roles::templates_of(tx, tenant, user.id).await?;
    let administrator = !directory_roles.is_empty();
    let demanded = second_factor_demanded(tx, tenant, user.id, administrator).await?;
    let set_up = !factors::of_user(tx, tenant, user.id).await?.is_empty();
    Ok(UserFact {
        id: user.id,
        tenant,
        upn: user.upn.clone(),
        display_name: user.display_name.clone(),
        given_name: user.given_name.clone(),
        surname: user.surname.clone(),
        mail: user.mail.clone(),
        guest: user.guest,
        enabled: user.enabled,
        directory_roles,
        sessions_valid_from: user.sessions_valid_from.div_euclid(MICROS),
        password_changed: user.password_changed.div_euclid(MICROS),
        second_factor_required: demanded || set_up,
        second_factor_set_up: set_up,
    })
}

fn client_fact(application: &Application, credentials: &ApplicationCredentials) -> ClientFact {
    let properties = &application.properties;
    let flag = |value: Option<&Json>| value.and_then(Json::as_bool).unwrap_or_default();
    let implicit = properties
        .get("web")
        .and_then(|web| web.pointer("/implicitGrantSettings/enableIdTokenIssuance"));
    let uris = &application.redirect_uris;
    ClientFact {
        application: facts::application(application, credentials),
        redirect_uris: RedirectUris {
            web: uris.web.clone(),
            spa: uris.spa.clone(),
            public_client: uris.public_client.clone(),
        },
        fallback_public: flag(properties.get("isFallbackPublicClient")),
        implicit_id_tokens: flag(implicit),
        required: application.required_resource_access.clone(),
        publisher: Publisher::default(),
        id_claims: ClaimsWanted::default(),
        user_roles: Vec::new(),
        principal: None,
    }
}

/// App roles that the client and the user hold in the tenant, the user by direct membership in groups, too.
struct Held {
    client: Vec<AppRoleAssignment>,
    user: Vec<AppRoleAssignment>,
}

impl Held {
    async fn read(
        tx: &mut ReadTx,
        tenant: TenantId,
        client: Option<&ServicePrincipal>,
        user: Option<ObjectId>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            client: match client {
                Some(client) => assignments::of_principal(tx, tenant, client.id).await?,
                None => Vec::new(),
            },
            user: match user {
                Some(user) => assignments::of_user(tx, tenant, user).await?,
                None => Vec::new(),
            },
        })
    }

    fn by_user(&self, resource: ObjectId) -> impl Iterator<Item = Uuid> {
        roles_on(&self.user, resource)
    }

    /// Values of a resource's enabled app roles that the user holds, sorted.
    fn roles_of_user(&self, resource: &ServicePrincipal) -> Vec<String> {
        let held: Vec<Uuid> = self.by_user(resource.id).collect();
        let roles = resource.app_roles.iter();
        let mut values: Vec<String> = roles
            .filter(|role| role.is_enabled && held.contains(&role.id))
            .filter_map(|role| role.value.clone())
            .collect();
        values.sort();
        values.dedup();
        values
    }

    fn by_client(&self, resource: ObjectId) -> impl Iterator<Item = Uuid> {
        roles_on(&self.client, resource)
    }
}

fn roles_on(held: &[AppRoleAssignment], resource: ObjectId) -> impl Iterator<Item = Uuid> {
    let mine = held.iter().filter(move |a| a.resource == resource);
    mine.map(|a| a.app_role_id)
}

/// The names to look up: those of the request, and Microsoft Graph, with which the scopes of OpenID Connect are kept.
fn names(request: &Request<'_>, named: &[String]) -> Vec<String> {
    let own_origins: Vec<String> = request.app.sites.own_origins().collect();
    let mut names = vec![MICROSOFT_GRAPH.to_string()];
    for name in named {
        if is_own_origin(name, &own_origins) {
            names.extend(RESOURCES.iter().map(|resource| resource.app_id.to_string()));
        }
        names.extend(look_ups(name).into_iter().map(str::to_owned));
    }
    names
}

async fn apis(
    tx: &mut ReadTx,
    tenant: &Tenant,
    (client, user): (AppId, Option<(TenantId, ObjectId)>),
    held: &Held,
    names: &[String],
) -> Result<Vec<ApiFact>, StoreError> {
    let mut found: Vec<ApiFact> = Vec::new();
    for name in names {
        let Some(api) = service_principals::by_name(tx, tenant.id, name).await? else {
            continue;
        };
        if found.iter().any(|known| known.principal == Some(api.id)) {
            continue;
        }
        let registration = applications::anywhere(tx, api.app_id).await?;
        let claims = match &registration {
            Some(registration) => {
                let listed = |claims: &OptionalClaims| claims.access_token.clone();
                claims_wanted(tx, registration, listed, user).await?
            }
            None => ClaimsWanted::default(),
        };
        let fact = ApiFact {
            user_is_assigned: held.by_user(api.id).next().is_some(),
            user_roles: held.roles_of_user(&api),
            client_roles: held.by_client(api.id).collect(),
            preauthorized: match &registration {
                Some(registration) => preauthorized(registration, client),
                None => Vec::new(),
            },
            access_token_version: registration.and_then(|r| r.requested_access_token_version),
            claims,
            ..api_fact(&api)
        };
        found.push(fact);
    }
    Ok(found)
}

/// A resource by itself.
pub(in crate::identity) fn api_fact(api: &ServicePrincipal) -> ApiFact {
    let first = |texts: [&Option<String>; 2]| {
        let found = texts.into_iter().flatten().find(|text| !text.is_empty());
        found.cloned().unwrap_or_default()
    };
    let scopes = api.oauth2_scopes.iter().map(|scope| ScopeFact {
        id: scope.id,
        value: scope.value.clone().unwrap_or_default(),
        admin: scope.consent.as_deref() != Some("User"),
        enabled: scope.is_enabled && scope.value.is_some(),
        title: first([
            &scope.user_consent_display_name,
            &scope.admin_consent_display_name,
        ]),
        description: first([
            &scope.user_consent_description,
            &scope.admin_consent_description,
        ]),
    });
    let roles = api.app_roles.iter().filter(|role| role.is_enabled);
    ApiFact {
        principal: Some(api.id),
        app_id: api.app_id,
        display_name: api.display_name.clone(),
        names: api
            .names
            .iter()
            .map(|name| name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase())
            .collect(),
        enabled: api.enabled,
        assignment_required: api.assignment_required,
        user_is_assigned: false,
        user_roles: Vec::new(),
        scopes: scopes.collect(),
        roles: roles
            .map(|role| RoleFact {
                id: role.id,
                value: role.value.clone().unwrap_or_default(),
                title: role.display_name.clone().unwrap_or_default(),
                description: role.description.clone().unwrap_or_default(),
            })
            .collect(),
        client_roles: Vec::new(),
        preauthorized: Vec::new(),
        access_token_version: None,
        claims: ClaimsWanted::default(),
    }
}

/// What a registration wants in tokens of a user beyond the usual claims. Groups are read only where it wants them.
async fn claims_wanted(
    tx: &mut ReadTx,
    registration: &Application,
    listed: fn(&OptionalClaims) -> Vec<OptionalClaim>,
    user: Option<(TenantId, ObjectId)>,
) -> Result<ClaimsWanted, StoreError> {
    let properties = &registration.properties;
    let optional = properties
        .get("optionalClaims")
        .and_then(|claims| OptionalClaims::deserialize(claims).ok())
        .map(|claims| listed(&claims))
        .unwrap_or_default();
    let text = properties.get("groupMembershipClaims");
    let wanted = GroupClaims::parse(text.and_then(Json::as_str).unwrap_or_default());
    let mut found = None;
    if let (true, Some((tenant, user))) = (wanted.any(), user) {
        let mut ids = Vec::new();
        for group in groups::all_of_member(tx, tenant, user).await? {
            let in_kind = match group.security {
                true => wanted.security,
                false => wanted.others,
            };
            if in_kind
                || (wanted.assigned && is_assigned(tx, tenant, group.id, registration).await?)
            {
                ids.push(group.id);
            }
        }
        found = Some(ids);
    }
    Ok(ClaimsWanted {
        groups: found,
        directory_roles: wanted.roles,
        optional,
    })
}

/// Whether a group is assigned to an application in a tenant.
async fn is_assigned(
    tx: &mut ReadTx,
    tenant: TenantId,
    group: ObjectId,
    registration: &Application,
) -> Result<bool, StoreError> {
    let principal = service_principals::by_app_id(tx, tenant, registration.app_id).await?;
    let held = assignments::of_principal(tx, tenant, group).await?;
    Ok(principal.is_some_and(|principal| held.iter().any(|a| a.resource == principal.id)))
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
    let scopes = registration.oauth2_scopes.iter();
    scopes
        .filter(|scope| ids.contains(&scope.id))
        .filter_map(|scope| scope.value.clone())
        .collect()
}
