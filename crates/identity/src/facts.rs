//! What the directory knows of a user flow: the client, the resources, and what was granted.

use bartizan_contract::first_party::MICROSOFT_GRAPH;
use bartizan_contract::graph::RequiredResourceAccess;
use bartizan_contract::{AppId, ObjectId};
use uuid::Uuid;

use crate::grant::client_credentials::{ApplicationFact, TenantFact};
use crate::optional_claims::ClaimsWanted;
use crate::redirect::RedirectUris;
use crate::scope::OpenIdScopes;
use crate::user::UserFact;

/// Everything that a decision about a user's tokens reads. What is not there is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UserFacts {
    /// The tenant: the path's, or where the path names none, the user's.
    pub tenant: Option<TenantFact>,
    /// The client, in whatever home tenant.
    pub client: Option<ClientFact>,
    /// The user.
    pub user: Option<UserFact>,
    /// The resources that the request names, and those that the registration lists.
    pub apis: Vec<ApiFact>,
    /// What the client was granted in the tenant, for everybody and for this user.
    pub grants: Vec<GrantFact>,
    /// Whether users may consent.
    pub user_consent: UserConsent,
}

/// The client as its registration and the tenant have it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientFact {
    /// The application with its credentials.
    pub application: ApplicationFact,
    /// Where its answers may go.
    pub redirect_uris: RedirectUris,
    /// `isFallbackPublicClient`: flows without a redirect URI need no credential.
    pub fallback_public: bool,
    /// `enableIdTokenIssuance`: ID tokens from the authorization endpoint.
    pub implicit_id_tokens: bool,
    /// What it says it needs.
    pub required: Vec<RequiredResourceAccess>,
    /// Who publishes it.
    pub publisher: Publisher,
    /// What its ID tokens shall carry beyond the usual claims.
    pub id_claims: ClaimsWanted,
    /// Values of its app roles that the user holds: the `roles` of its ID tokens.
    pub user_roles: Vec<String>,
    /// Its presence in the tenant.
    pub principal: Option<PresenceFact>,
}

/// Who publishes an application.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publisher {
    /// The verified publisher's name.
    pub verified_name: Option<String>,
    /// `publisherDomain`.
    pub domain: Option<String>,
}

/// The client's presence in the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceFact {
    /// The service principal's object id.
    pub id: ObjectId,
    /// `accountEnabled`.
    pub enabled: bool,
    /// `appRoleAssignmentRequired`.
    pub assignment_required: bool,
    /// Whether the user is assigned to it.
    pub user_is_assigned: bool,
}

/// A resource as the tenant knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiFact {
    /// The service principal's object id; `None` where consent would have to make it first.
    pub principal: Option<ObjectId>,
    /// Its application id.
    pub app_id: AppId,
    /// Its name.
    pub display_name: String,
    /// The names by which it is called, lower case, without a trailing slash.
    pub names: Vec<String>,
    /// `accountEnabled`.
    pub enabled: bool,
    /// `appRoleAssignmentRequired`.
    pub assignment_required: bool,
    /// Whether the user is assigned to it.
    pub user_is_assigned: bool,
    /// Values of its app roles that the user holds.
    pub user_roles: Vec<String>,
    /// Delegated permissions that it offers.
    pub scopes: Vec<ScopeFact>,
    /// App roles that it offers to applications.
    pub roles: Vec<RoleFact>,
    /// Ids of app roles that the client holds already.
    pub client_roles: Vec<Uuid>,
    /// Values that its owner lets this client use without consent.
    pub preauthorized: Vec<String>,
    /// `requestedAccessTokenVersion` of its registration.
    pub access_token_version: Option<i64>,
    /// What access tokens for it shall carry beyond the usual claims.
    pub claims: ClaimsWanted,
}

impl ApiFact {
    /// Whether a request calls it so; a trailing slash is tolerated, and `api://` before its id.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let plain = |text: &str| text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let name = plain(name);
        let by_id = name.strip_prefix("api://").unwrap_or(&name);
        self.names.contains(&name) || by_id == self.app_id.to_string()
    }

    /// The delegated permission of this name, in any letter case, that can be granted.
    #[must_use]
    pub fn scope(&self, value: &str) -> Option<&ScopeFact> {
        self.scopes
            .iter()
            .find(|s| s.enabled && s.value.eq_ignore_ascii_case(value))
    }
}

/// A delegated permission that a resource offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeFact {
    /// Its id.
    pub id: Uuid,
    /// The word in `scp`.
    pub value: String,
    /// Whether only an administrator may consent to it.
    pub admin: bool,
    /// Whether it can be granted.
    pub enabled: bool,
    /// What a consent page says: title.
    pub title: String,
    /// What a consent page says: text.
    pub description: String,
}

/// An app role that a resource offers to applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFact {
    /// Its id.
    pub id: Uuid,
    /// The word in `roles`.
    pub value: String,
    /// What a consent page says: title.
    pub title: String,
    /// What a consent page says: text.
    pub description: String,
}

/// A delegated permission grant to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFact {
    /// Object id of the resource's service principal.
    pub resource: ObjectId,
    /// The user; `None` for everybody.
    pub principal: Option<ObjectId>,
    /// Its words.
    pub scopes: Vec<String>,
}

/// Whether users of a tenant may consent for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserConsent {
    /// To whatever needs no administrator.
    #[default]
    All,
    /// Likewise, and only to applications of the own tenant and of verified publishers.
    Verified,
    /// Not at all.
    None,
}

impl UserConsent {
    /// The setting's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Verified => "verified",
            Self::None => "none",
        }
    }

    /// Reads the setting's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::All, Self::Verified, Self::None]
            .into_iter()
            .find(|policy| policy.word() == word)
    }
}

impl UserFacts {
    /// The resources that a name stands for: one, or all that an own origin stands for.
    #[must_use]
    pub fn called<S: AsRef<str>>(&self, name: &str, own_origins: &[S]) -> Vec<&ApiFact> {
        if crate::resource::is_own_origin(name, own_origins) {
            let first_party = |api: &&ApiFact| {
                bartizan_contract::permissions::resource_by_app_id(api.app_id).is_some()
            };
            return self.apis.iter().filter(first_party).collect();
        }
        // One alone: an id is nobody's but its bearer's, whatever others registered.
        let lower = name.strip_suffix('/').unwrap_or(name).to_ascii_lowercase();
        let names = crate::resource::look_ups(&lower);
        let bears = |api: &&ApiFact| names.contains(&api.app_id.to_string().as_str());
        let bearer = self.apis.iter().find(bears);
        let called = bearer.or_else(|| self.apis.iter().find(|api| api.is_called(name)));
        called.into_iter().collect()
    }

    /// The words of a resource that the client may use in the user's name: granted, or let
    /// through by the resource's owner.
    #[must_use]
    pub fn granted(&self, api: &ApiFact) -> Vec<String> {
        let user = self.user.as_ref().map(|user| user.id);
        let words = self
            .grants
            .iter()
            .filter(|g| Some(g.resource) == api.principal)
            .filter(|g| g.principal.is_none() || g.principal == user)
            .flat_map(|g| &g.scopes)
            .chain(&api.preauthorized);
        let mut granted: Vec<String> = Vec::new();
        for word in words {
            // Spelled as the resource registers it; what it no longer offers is gone.
            if let Some(scope) = api.scope(word)
                && !granted.contains(&scope.value)
            {
                granted.push(scope.value.clone());
            }
        }
        granted
    }

    /// Whether two names stand for the same: spelled alike but for letter case and a trailing slash, or names of one
    /// resource.
    #[must_use]
    pub fn is_one_resource<S: AsRef<str>>(&self, a: &str, b: &str, own_origins: &[S]) -> bool {
        let plain = |text: &str| text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let ids = |name: &str| -> Vec<AppId> {
            let apis = self.called(name, own_origins);
            apis.iter().map(|api| api.app_id).collect()
        };
        plain(a) == plain(b) || (!ids(a).is_empty() && ids(a) == ids(b))
    }

    /// The scopes of OpenID Connect that the client may use in the user's name. Whoever consented to anything consented
    /// to the sign-in itself, and to its being renewed. Who the user is beyond that, and the address, an application of
    /// the tenant's own may learn likewise; of another tenant's application they are what was granted of Microsoft
    /// Graph, where these words are kept.
    #[must_use]
    pub fn openid_granted(&self) -> OpenIdScopes {
        let consented = self.is_consented();
        let home = self.client.as_ref().map(|client| client.application.home);
        let own = home.is_some() && home == self.tenant.as_ref().map(|tenant| tenant.id);
        let mut granted = OpenIdScopes {
            openid: consented,
            profile: consented && own,
            email: consented && own,
            offline_access: consented,
        };
        let user = self.user.as_ref().map(|user| user.id);
        let graph = self.apis.iter().find(|api| api.app_id == MICROSOFT_GRAPH);
        let graph = graph.and_then(|api| api.principal);
        let grants = self.grants.iter().filter(|g| Some(g.resource) == graph);
        for word in grants
            .filter(|g| g.principal.is_none() || g.principal == user)
            .flat_map(|g| &g.scopes)
        {
            granted.take(&word.to_ascii_lowercase());
        }
        granted
    }

    /// Whether the client was consented to at all: by the user, or for everybody. What the owner of
    /// a resource lets through is no consent: it is words of that resource alone (Microsoft Graph,
    /// `preAuthorizedApplication`).
    #[must_use]
    pub fn is_consented(&self) -> bool {
        let user = self.user.as_ref().map(|user| user.id);
        self.grants
            .iter()
            .any(|g| g.principal.is_none() || g.principal == user)
    }
}
