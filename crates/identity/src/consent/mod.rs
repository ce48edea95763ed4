//! Consent: what is missing, who may give it, and what giving it writes.
//!
//! Delegated permissions are granted for one user or, by an administrator, for everybody; app
//! roles only by an administrator. What a page shows is a [`ConsentPrompt`], what is written when
//! somebody accepts it a [`Consented`].

mod admin;
mod device;
mod link;
mod prompt;

#[cfg(test)]
mod tests;

pub use admin::{AdminConsentRequest, AdminStep, accepted, decide as decide_admin, declined};
pub use device::{DeviceStep, decide as decide_device};
pub use link::admin_consent_link;
pub use prompt::{
    Choice, ConsentApi, ConsentItem, ConsentPrompt, Consented, NewGrant, NewRole, accept,
};

use bartizan_contract::AppId;
use bartizan_contract::first_party::MICROSOFT_GRAPH;
use bartizan_contract::graph::{RequiredResourceAccess, ResourceAccessType};
use bartizan_contract::operations::Api;
use bartizan_contract::permissions::RESOURCES;

use crate::facts::{ApiFact, ClientFact, UserConsent, UserFacts};
use crate::grant::client_credentials::TenantFact;
use crate::refusal::{Refusal, UserRefusal};
use crate::scope::{ResourceRequest, UserScopes};
use crate::user::UserFact;

/// What is to be consented to.
pub(crate) struct Wanted<'a> {
    /// What the request names.
    pub(crate) scopes: &'a UserScopes,
    /// Whether all that the registration lists is to be shown, granted or not.
    pub(crate) everything: bool,
    /// Whether an administrator is to consent for everybody.
    pub(crate) for_all: bool,
    /// The server's own origins.
    pub(crate) own_origins: &'a [String],
}

/// How consent stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Consent {
    /// All is granted.
    Enough,
    /// The user may grant what is missing.
    Missing(Box<ConsentPrompt>),
    /// The user may not.
    NeedAdministrator(Box<ConsentPrompt>),
}

/// Works out how consent stands for a user who signed in.
///
/// # Errors
/// [`Refusal::ResourceUnknown`], [`Refusal::ResourceDisabled`], [`Refusal::ScopeInvalid`] for a
/// permission that the resource does not offer, [`UserRefusal::ResourceNotListed`].
pub(crate) fn required(
    wanted: &Wanted<'_>,
    facts: &UserFacts,
    client: &ClientFact,
    tenant: &TenantFact,
    user: &UserFact,
) -> Result<Consent, Refusal> {
    let mut items = Items::default();
    let mut everything = wanted.everything;
    for resource in &wanted.scopes.resources {
        everything |= named(resource, wanted, facts, (client, tenant, user), &mut items)?;
    }
    let basic = !facts.is_consented() && !let_through(wanted, facts);
    let openid = wanted.scopes.openid;
    let unknown = openid.and(facts.openid_granted()) != openid;
    if !everything && !wanted.for_all && items.is_empty() && !basic && !unknown {
        return Ok(Consent::Enough);
    }
    // The list of the registration is what v1 and `.default` ask; without it, and without names,
    // whoever signs in for the first time consents to being signed in.
    if everything {
        listed(facts, client, user, (wanted.for_all, None), &mut items);
    }
    let only_roles = items.is_empty() && lists_roles(client) && everything;
    if only_roles && !user.may_consent_for_all() {
        // Who may not grant them is told which they are, to ask somebody who may.
        listed(facts, client, user, (true, None), &mut items);
    }
    let prompt = items.prompt(wanted, client, tenant, user);
    let may =
        (!only_roles || user.may_consent_for_all()) && may_accept(&prompt, facts, client, user);
    let prompt = Box::new(ConsentPrompt {
        may_accept: may,
        by_name: link::by_name(&prompt, facts, client),
        ..prompt
    });
    Ok(if may {
        Consent::Missing(prompt)
    } else {
        Consent::NeedAdministrator(prompt)
    })
}

/// Whether a client that nobody consented to asks for nothing but what the owners of the resources
/// let it use.
fn let_through(wanted: &Wanted<'_>, facts: &UserFacts) -> bool {
    let scopes = wanted.scopes;
    let preauthorized = |resource: &ResourceRequest| {
        let apis = facts.called(resource.resource.as_str(), wanted.own_origins);
        apis.iter().any(|api| !facts.granted(api).is_empty())
    };
    scopes.openid.words().is_empty()
        && !scopes.resources.is_empty()
        && scopes.resources.iter().all(preauthorized)
}

fn lists_roles(client: &ClientFact) -> bool {
    client
        .required
        .iter()
        .flat_map(|r| &r.resource_access)
        .any(|access| access.kind == ResourceAccessType::Role)
}

/// Collects what is missing of what one resource is asked for. True when the whole list of the
/// registration must be shown instead.
fn named(
    resource: &ResourceRequest,
    wanted: &Wanted<'_>,
    facts: &UserFacts,
    (client, tenant, user): (&ClientFact, &TenantFact, &UserFact),
    items: &mut Items,
) -> Result<bool, Refusal> {
    let name = resource.resource.as_str();
    let apis = called(facts, name, wanted.own_origins, tenant)?;
    // One API has the name that it was called by; an own origin is none of one.
    let as_called = (!resource.bare && matches!(apis.as_slice(), [_])).then_some(name);
    for api in apis.iter().filter(|_| as_called.is_some()) {
        items.names.push((api.app_id, name.to_owned()));
    }
    if resource.all_granted && wanted.for_all && !wanted.everything {
        // An administrator names the APIs: of each what the registration lists of it, roles too.
        listed(facts, client, user, (true, Some(&apis)), items);
        if items.is_empty() && apis.iter().all(|api| api.app_id != OPENID_RESOURCE) {
            let resource = name.chars().take(200).collect();
            return Err(UserRefusal::ResourceNotListed { resource }.into());
        }
        return Ok(false);
    }
    if resource.all_granted {
        if apis.iter().any(|api| !facts.granted(api).is_empty()) {
            return Ok(false);
        }
        let lists = |api: &&ApiFact| {
            let of_it = |r: &&RequiredResourceAccess| r.resource_app_id == api.app_id;
            let accesses = client.required.iter().filter(of_it);
            accesses
                .flat_map(|r| &r.resource_access)
                .any(|access| access.kind == ResourceAccessType::Scope)
        };
        if apis.iter().any(lists) {
            return Ok(true);
        }
        // Microsoft Graph says who the user is without any permission of its own.
        if apis.iter().any(|api| api.app_id == OPENID_RESOURCE) {
            return Ok(false);
        }
        let resource = name.chars().take(200).collect();
        return Err(UserRefusal::ResourceNotListed { resource }.into());
    }
    for permission in &resource.permissions {
        let offering = apis.iter().find(|api| api.scope(permission).is_some());
        let Some(api) = offering else {
            let scope = resource.written(permission).chars().take(200).collect();
            return Err(Refusal::ScopeInvalid { scope });
        };
        let granted = facts.granted(api);
        if wanted.for_all || !granted.iter().any(|g| g.eq_ignore_ascii_case(permission)) {
            items.scope(api, permission);
        }
    }
    Ok(false)
}

/// The resources that a name stands for, switched on.
///
/// # Errors
/// [`Refusal::ResourceUnknown`], [`Refusal::ResourceDisabled`].
pub(crate) fn called<'f>(
    facts: &'f UserFacts,
    name: &str,
    own_origins: &[String],
    tenant: &TenantFact,
) -> Result<Vec<&'f ApiFact>, Refusal> {
    let sent = || name.chars().take(200).collect::<String>();
    let mut apis = facts.called(name, own_origins);
    if apis.is_empty() {
        return Err(Refusal::ResourceUnknown {
            resource: sent(),
            tenant: tenant.id.to_string(),
        });
    }
    apis.retain(|api| api.enabled);
    if apis.is_empty() {
        return Err(Refusal::ResourceDisabled { resource: sent() });
    }
    Ok(apis)
}

/// Adds all that the registration lists, or lists of these resources: app roles only where an administrator is asked.
fn listed(
    facts: &UserFacts,
    client: &ClientFact,
    user: &UserFact,
    (for_all, only): (bool, Option<&[&ApiFact]>),
    items: &mut Items,
) {
    let administrator = for_all || user.may_consent_for_all();
    let wanted = |id: AppId| only.is_none_or(|apis| apis.iter().any(|api| api.app_id == id));
    for required in client
        .required
        .iter()
        .filter(|required| wanted(required.resource_app_id))
    {
        let found = facts
            .apis
            .iter()
            .find(|api| api.app_id == required.resource_app_id);
        let Some(api) = found else { continue };
        for access in &required.resource_access {
            match access.kind {
                ResourceAccessType::Scope => {
                    if let Some(scope) = api.scopes.iter().find(|s| s.id == access.id && s.enabled)
                    {
                        items.scope(api, &scope.value);
                    }
                }
                ResourceAccessType::Role if administrator => items.role(api, access.id),
                ResourceAccessType::Role => {}
            }
        }
    }
}

/// Whether app roles of a resource reach to roles over roles, as those of Microsoft Graph and of the server itself do:
/// who manages applications alone does not grant them (page "Microsoft Entra built-in roles", Application
/// Administrator).
#[must_use]
pub fn reaches_to_roles(resource: AppId) -> bool {
    RESOURCES
        .iter()
        .any(|known| known.app_id == resource && matches!(known.api, Api::Graph | Api::Bartizan))
}

/// Whether the user may accept all of a prompt.
fn may_accept(
    prompt: &ConsentPrompt,
    facts: &UserFacts,
    client: &ClientFact,
    user: &UserFact,
) -> bool {
    let reaching = prompt
        .apis
        .iter()
        .any(|api| reaches_to_roles(api.app_id) && !api.roles.is_empty());
    if user.may_consent_for_all() {
        return !reaching || user.may_grant_reaching_roles();
    }
    let own = client.application.home == user.tenant;
    let policy = match facts.user_consent {
        UserConsent::All => true,
        UserConsent::Verified => own || client.publisher.verified_name.is_some(),
        UserConsent::None => false,
    };
    policy
        && !prompt.for_all
        && prompt
            .apis
            .iter()
            .all(|api| api.roles.is_empty() && api.scopes.iter().all(|item| !item.admin))
}

/// What a prompt will list, by resource.
#[derive(Debug, Default)]
pub(crate) struct Items {
    apis: Vec<ConsentApi>,
    /// The names by which the request called resources.
    names: Vec<(AppId, String)>,
}

impl Items {
    fn is_empty(&self) -> bool {
        self.apis.is_empty()
    }

    fn of(&mut self, api: &ApiFact) -> &mut ConsentApi {
        let known = self
            .apis
            .iter()
            .position(|known| known.app_id == api.app_id);
        let index = known.unwrap_or_else(|| {
            self.apis.push(ConsentApi {
                app_id: api.app_id,
                display_name: api.display_name.clone(),
                uri: link::uri(api.app_id, &self.names),
                scopes: Vec::new(),
                roles: Vec::new(),
            });
            self.apis.len() - 1
        });
        &mut self.apis[index]
    }

    fn scope(&mut self, api: &ApiFact, value: &str) {
        let Some(scope) = api.scope(value) else {
            return;
        };
        let entry = self.of(api);
        if entry.scopes.iter().all(|item| item.id != scope.id) {
            entry.scopes.push(ConsentItem {
                id: scope.id,
                value: scope.value.clone(),
                title: scope.title.clone(),
                description: scope.description.clone(),
                admin: scope.admin,
            });
        }
    }

    fn role(&mut self, api: &ApiFact, id: uuid::Uuid) {
        let Some(role) = api.roles.iter().find(|role| role.id == id) else {
            return;
        };
        let entry = self.of(api);
        if entry.roles.iter().all(|item| item.id != id) {
            entry.roles.push(ConsentItem {
                id,
                value: role.value.clone(),
                title: role.title.clone(),
                description: role.description.clone(),
                admin: true,
            });
        }
    }

    fn prompt(
        self,
        wanted: &Wanted<'_>,
        client: &ClientFact,
        tenant: &TenantFact,
        user: &UserFact,
    ) -> ConsentPrompt {
        let mut sign_in = wanted.scopes.openid;
        sign_in.openid = true;
        sign_in.profile = true;
        let own = client.application.home == tenant.id;
        ConsentPrompt {
            client: client.application.app_id,
            display_name: client.application.display_name.clone(),
            publisher: client.publisher.clone(),
            home: client.application.home,
            tenant: tenant.id,
            user: user.id,
            sign_in,
            apis: self.apis,
            by_name: Vec::new(),
            for_all: wanted.for_all,
            may_accept: false,
            may_accept_for_all: user.may_consent_for_all(),
            unverified_publisher: !own && client.publisher.verified_name.is_none(),
        }
    }
}

/// The resource on which the scopes of OpenID Connect are kept.
pub(crate) const OPENID_RESOURCE: AppId = MICROSOFT_GRAPH;
