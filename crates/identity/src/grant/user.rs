//! What every user grant has in common: who the client must be, what was consented to, and the
//! tokens and answers of both versions.

use std::collections::BTreeMap;

use bartizan_contract::permissions::resource_by_app_id;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::client_credentials::{Setting, TenantFact};
use super::{TokenEntropy, client_credentials};
use crate::authentication::Authentication;
use crate::authorize::{client_info, reachable, usable_by};
use crate::claims::{AccessClaims, UserTokenFacts};
use crate::client_auth::{self, ClientStrength, CredentialUsed, Realm};
use crate::consent::{OPENID_RESOURCE, called};
use crate::facts::{ApiFact, ClientFact, UserFacts};
use crate::id_token::{IdClaims, IdTokenFacts};
use crate::issuer::Version;
use crate::optional_claims::ClaimsWanted;
use crate::redirect::Platform;
use crate::refusal::{Refusal, UserRefusal};
use crate::request::{ClientProof, Form, TokenRequest};
use crate::resource::{OPENID_SCOPES, is_own_origin};
use crate::scope::{OpenIdScopes, ResourceRequest, UserScopes};
use crate::tenant::TenantPath;
use crate::user::UserFact;

/// Seconds for which a refresh token is good after its last use: 90 days.
pub const REFRESH_LIFETIME: i64 = 90 * 86_400;
/// Seconds for which the refresh tokens of a page are good, counted from the sign-in.
pub const SPA_REFRESH_LIFETIME: i64 = 86_400;

/// `scope` and `resource` of a user's token request, as sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// Whether it came to a v2 endpoint.
    pub v2: bool,
    /// `scope`
    pub scope: Option<String>,
    /// `resource` (v1)
    pub resource: Option<String>,
}

impl Asked {
    /// Reads them.
    ///
    /// # Errors
    /// [`Refusal::ResourceOnV2`].
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        let v2 = version == Version::V2;
        let resource = form.get("resource").map(str::to_owned);
        if v2 && resource.is_some() {
            return Err(Refusal::ResourceOnV2);
        }
        Ok(Self {
            v2,
            scope: form.get("scope").map(str::to_owned),
            resource,
        })
    }

    /// Whether nothing of it was sent.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.scope.is_none() && self.resource.is_none()
    }

    /// Every resource that it names, for the look-up in the directory.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let scopes = self.scope.as_deref().map(UserScopes::parse);
        let of_scopes = scopes.and_then(Result::ok).unwrap_or_default().resources;
        let named = of_scopes.iter().map(|r| r.resource.as_str().to_owned());
        named.chain(self.resource.clone()).collect()
    }

    /// What is asked: of OpenID Connect, and of which resource. Where several resources may be
    /// named, the first wins. `same` tells whether two names are of one resource.
    ///
    /// # Errors
    /// [`Refusal::ScopeInvalid`], [`Refusal::ScopeOfSeveralResources`] unless `several`.
    pub fn understood(
        &self,
        several: bool,
        same: impl Fn(&str, &str) -> bool,
    ) -> Result<(OpenIdScopes, ResourceRequest), Refusal> {
        if !self.v2 {
            // v1 always gives all of OpenID Connect; its `scope` means nothing else.
            let all = OpenIdScopes {
                openid: true,
                profile: true,
                email: true,
                offline_access: true,
            };
            let resource = match &self.resource {
                Some(resource) => ResourceRequest::of_v1(resource),
                None => ResourceRequest::of_graph(),
            };
            return Ok((all, resource));
        }
        let Some(scope) = &self.scope else {
            return Err(Refusal::MissingParameter { name: "scope" });
        };
        let scopes = UserScopes::parse(scope)?.merged(same);
        let resource = if several {
            scopes.first_resource()
        } else {
            scopes.one_resource()?
        };
        Ok((scopes.openid, resource))
    }
}

/// A refusal, and what is to be written with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What the client is told.
    pub refusal: Refusal,
    /// A family of refresh tokens to revoke: somebody replayed its code.
    pub revoke_family: Option<Uuid>,
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            revoke_family: None,
        }
    }
}

impl From<UserRefusal> for Denial {
    fn from(refusal: UserRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}

/// The request's side of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The request.
    pub request: &'a TokenRequest,
    /// The tenant's segment of the path.
    pub path: &'a TenantPath,
    /// The directory.
    pub facts: &'a UserFacts,
    /// The server.
    pub setting: Setting<'a>,
    /// The address that the request came from.
    pub address: Option<&'a str>,
    /// Whether a page of a browser asks, from another origin (the header `Origin`).
    pub cross_origin: bool,
    /// Random bytes for the access token.
    pub entropy: &'a TokenEntropy,
    /// Random bytes for the ID token.
    pub id_entropy: &'a TokenEntropy,
}

/// Whether a client must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientRule {
    /// It must.
    Confidential,
    /// It must not try.
    Public,
    /// It must, unless its registration allows flows without.
    ByRegistration,
}

impl<'a> Context<'a> {
    /// The tenant and the client: both there, the client reachable from the tenant.
    ///
    /// # Errors
    /// [`Refusal::TenantUnknown`], [`Refusal::ApplicationUnknown`], [`UserRefusal::NotMultiTenant`].
    pub(crate) fn parties(&self) -> Result<(&'a TenantFact, &'a ClientFact), Refusal> {
        let facts = self.facts;
        let unknown = || Refusal::ApplicationUnknown {
            client_id: self.request.client_id.chars().take(100).collect(),
            tenant: self.path.word(),
        };
        let tenant = facts.tenant.as_ref();
        if tenant.is_none() && self.path.is_one_tenant() {
            let tenant = self.path.word();
            return Err(Refusal::TenantUnknown { tenant });
        }
        let client = facts.client.as_ref().ok_or_else(unknown)?;
        reachable(client, facts, self.path)?;
        let tenant = tenant.ok_or(Refusal::TenantMissing)?;
        Ok((tenant, client))
    }

    /// Checks who the client is.
    ///
    /// # Errors
    /// [`UserRefusal::CredentialRequired`], [`UserRefusal::PublicClientProof`], and what a proof
    /// is refused for.
    pub(crate) fn authenticate(
        &self,
        client: &ClientFact,
        rule: ClientRule,
    ) -> Result<Option<CredentialUsed>, Refusal> {
        let proves = self.request.proof != ClientProof::None;
        match rule {
            ClientRule::Public if proves => return Err(UserRefusal::PublicClientProof.into()),
            ClientRule::Public => return Ok(None),
            ClientRule::ByRegistration if !proves && client.fallback_public => return Ok(None),
            _ if !proves => return Err(UserRefusal::CredentialRequired.into()),
            _ => {}
        }
        let tenant = self.facts.tenant.as_ref();
        let realm = Realm {
            path: self.path,
            tenant: tenant.map(|tenant| tenant.id),
            domains: tenant
                .map(|tenant| tenant.domains.as_slice())
                .unwrap_or_default(),
            own_origins: self.setting.own_origins,
        };
        client_auth::confidential(
            &self.request.client_id,
            &self.request.proof,
            &client.application.credentials,
            &realm,
            self.setting.now,
        )
        .map(Some)
    }
}

/// What a user's tokens are to be.
pub(crate) struct Wanted<'a> {
    pub(crate) used: Option<CredentialUsed>,
    pub(crate) authentication: &'a Authentication,
    pub(crate) asked: &'a Asked,
    pub(crate) openid: OpenIdScopes,
    pub(crate) resource: ResourceRequest,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) auth_time: bool,
    pub(crate) refresh: Refresh,
}

/// Whether a refresh token goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// If `offline_access` was asked for; v1 always. For a redirect URI's kind of client.
    IfAsked(Option<Platform>),
    /// In place of one that was redeemed; `until` is the end of a page's.
    Again {
        platform: Option<Platform>,
        until: Option<i64>,
    },
}

/// What a refresh token was issued for: kept beside its hash, read when it is redeemed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshDetails {
    /// What was asked.
    pub asked: Asked,
    /// The sign-in.
    pub authentication: Authentication,
    /// The kind of client that the sign-in's redirect URI is registered for.
    pub platform: Option<Platform>,
    /// Whether the client proved who it is, and must again.
    pub confidential: bool,
}

/// A refresh token to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRefreshToken {
    /// What it is for.
    pub details: RefreshDetails,
    /// Good until, seconds since 1970.
    pub expires: i64,
}

/// Tokens to sign, and how their answer reads.
#[derive(Debug, Clone, PartialEq)]
pub struct UserIssuance {
    /// The access token's claims.
    pub claims: AccessClaims,
    /// The ID token's.
    pub id_claims: Option<IdClaims>,
    /// A refresh token to keep.
    pub refresh: Option<NewRefreshToken>,
    /// Which of the client's credentials was used.
    pub credential_used: Option<CredentialUsed>,
    endpoint: Version,
    expires_in: i64,
    resource: String,
    scope: String,
    client_info: Option<String>,
}

impl UserIssuance {
    /// The body of the token endpoint's answer. The v1 endpoint gives numbers as strings.
    #[must_use]
    pub fn answer(
        &self,
        access_token: &str,
        id_token: Option<&str>,
        refresh_token: Option<&str>,
    ) -> Json {
        let expires_in = self.expires_in;
        let mut body = match self.endpoint {
            Version::V2 => json!({
                "token_type": "Bearer",
                "scope": self.scope,
                "expires_in": expires_in,
                "ext_expires_in": expires_in,
                "access_token": access_token,
            }),
            Version::V1 => json!({
                "token_type": "Bearer",
                "scope": self.scope,
                "expires_in": expires_in.to_string(),
                "ext_expires_in": expires_in.to_string(),
                "expires_on": self.claims.exp.to_string(),
                "not_before": self.claims.nbf.to_string(),
                "resource": self.resource,
                "access_token": access_token,
            }),
        };
        for (name, value) in [
            ("refresh_token", refresh_token),
            ("id_token", id_token),
            ("client_info", self.client_info.as_deref()),
        ] {
            if let Some(value) = value {
                body[name] = Json::from(value);
            }
        }
        body
    }
}

/// The tokens of a user, once the client is known to be who it says.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub(crate) fn issue(
    context: &Context<'_>,
    mut wanted: Wanted<'_>,
) -> Result<UserIssuance, Refusal> {
    let (tenant, client) = context.parties()?;
    // Asking gives nobody the user's name or address, whatever else was consented to; and what a resource's owner lets
    // the client use is neither that nor coming back.
    let granted = context.facts.openid_granted();
    wanted.openid = wanted.openid.and(granted);
    let user = user_of(context, tenant, wanted.authentication)?;
    if client.principal.is_none() {
        return Err(Refusal::ApplicationUnknown {
            client_id: client.application.app_id.to_string(),
            tenant: tenant.id.to_string(),
        });
    }
    usable_by(client)?;
    let name = wanted.resource.resource.as_str();
    if user.second_factor_required && !wanted.authentication.is_multi_factor() {
        let resource = name.chars().take(200).collect();
        return Err(UserRefusal::without_second_factor(user, resource).into());
    }
    let setting = &context.setting;
    let apis = called(context.facts, name, setting.own_origins, tenant)?;
    let rights = Rights::of(context.facts, client, &apis, &wanted)?;
    let own_origin = is_own_origin(name, setting.own_origins);
    let version = match apis.as_slice() {
        [one] if one.access_token_version == Some(2) => Version::V2,
        _ => Version::V1,
    };
    let usual = ClaimsWanted::default();
    let claims = AccessClaims::of_user(&UserTokenFacts {
        version,
        issuer: setting.issuers.of(version, tenant.id),
        audience: match (version, apis.as_slice()) {
            (Version::V2, [one]) => one.app_id.to_string(),
            _ => name.to_owned(),
        },
        tenant,
        application: &client.application,
        user,
        authentication: wanted.authentication,
        strength: wanted
            .used
            .map_or(ClientStrength::Public, CredentialUsed::strength),
        scopes: &rights.scopes,
        scopes_by_resource: if own_origin {
            rights.by_resource
        } else {
            BTreeMap::new()
        },
        user_roles: match apis.as_slice() {
            [one] => one.user_roles.clone(),
            _ => Vec::new(),
        },
        first_party: own_origin
            || apis
                .iter()
                .any(|api| resource_by_app_id(api.app_id).is_some()),
        wanted: match apis.as_slice() {
            [one] => &one.claims,
            _ => &usual,
        },
        address: granted.email,
        now: setting.now,
        lifetimes: setting.lifetimes,
        entropy: context.entropy,
    });
    let endpoint = context.request.version;
    Ok(UserIssuance {
        claims,
        id_claims: wanted.openid.openid.then(|| {
            IdClaims::new(&IdTokenFacts {
                version: endpoint,
                issuer: setting.issuers.of(endpoint, tenant.id),
                client: client.application.app_id,
                tenant: tenant.id,
                user,
                authentication: wanted.authentication,
                openid: wanted.openid,
                nonce: wanted.nonce,
                auth_time: wanted.auth_time,
                roles: &client.user_roles,
                wanted: &client.id_claims,
                address: granted.email,
                now: setting.now,
                lifetimes: setting.lifetimes,
                entropy: context.id_entropy,
            })
        }),
        refresh: refresh(&wanted, setting),
        credential_used: wanted.used,
        endpoint,
        expires_in: (setting.lifetimes.access_token - 1).max(0),
        resource: name.to_owned(),
        scope: written(endpoint, &wanted, &apis, &rights.scopes),
        client_info: context
            .request
            .client_info
            .then(|| client_info(user.id, user.tenant)),
    })
}

/// The user of a sign-in that still counts.
fn user_of<'a>(
    context: &Context<'a>,
    tenant: &TenantFact,
    authentication: &Authentication,
) -> Result<&'a UserFact, Refusal> {
    let user = context
        .facts
        .user
        .as_ref()
        .filter(|user| user.id == authentication.user);
    let Some(user) = user else {
        // The account is gone, and what was signed in with it.
        return Err(UserRefusal::Revoked.into());
    };
    if user.tenant != tenant.id {
        return Err(UserRefusal::UserOfOtherTenant {
            user: user.upn.clone(),
            idp: user.tenant.to_string(),
            tenant: tenant.id.to_string(),
        }
        .into());
    }
    if !user.enabled {
        return Err(UserRefusal::UserDisabled.into());
    }
    if !authentication.is_good_for(user) {
        return Err(UserRefusal::Revoked.into());
    }
    Ok(user)
}

fn refresh(
    wanted: &Wanted<'_>,
    setting: &client_credentials::Setting<'_>,
) -> Option<NewRefreshToken> {
    let (platform, until) = match wanted.refresh {
        Refresh::IfAsked(_) if !wanted.openid.offline_access => return None,
        Refresh::IfAsked(platform) => (platform, None),
        Refresh::Again { platform, until } => (platform, until),
    };
    let expires = match platform {
        Some(Platform::Spa) => until.unwrap_or(setting.now + SPA_REFRESH_LIFETIME),
        _ => setting.now + REFRESH_LIFETIME,
    };
    Some(NewRefreshToken {
        details: RefreshDetails {
            asked: wanted.asked.clone(),
            authentication: wanted.authentication.clone(),
            platform,
            confidential: wanted.used.is_some(),
        },
        expires,
    })
}

/// What the client may do with the resource in the user's name.
struct Rights {
    scopes: Vec<String>,
    by_resource: BTreeMap<String, String>,
}

impl Rights {
    /// All that was granted of the resource, whichever part of it was asked for by name; what was
    /// asked for must be among it.
    fn of(
        facts: &UserFacts,
        client: &ClientFact,
        apis: &[&ApiFact],
        wanted: &Wanted<'_>,
    ) -> Result<Self, Refusal> {
        let missing = || {
            Refusal::from(UserRefusal::ConsentRequired {
                client_id: client.application.app_id.to_string(),
                name: client.application.display_name.clone(),
            })
        };
        let let_through = apis.iter().any(|api| !facts.granted(api).is_empty())
            && matches!(wanted.refresh, Refresh::IfAsked(_));
        if !facts.is_consented() && !let_through {
            return Err(missing());
        }
        if apis
            .iter()
            .all(|api| api.assignment_required && !api.user_is_assigned)
        {
            return Err(UserRefusal::UserNotAssigned.into());
        }
        let mut rights = Self {
            scopes: Vec::new(),
            by_resource: BTreeMap::new(),
        };
        for api in apis {
            let mut granted = facts.granted(api);
            // Coming back is no right at the resource.
            granted.retain(|word| api.app_id != OPENID_RESOURCE || word != "offline_access");
            if !granted.is_empty() {
                rights
                    .by_resource
                    .insert(api.app_id.to_string(), granted.join(" "));
            }
            rights.scopes.extend(granted);
        }
        for permission in &wanted.resource.permissions {
            let offered = apis.iter().any(|api| api.scope(permission).is_some());
            if !offered {
                let scope = wanted.resource.written(permission);
                let scope = scope.chars().take(200).collect();
                return Err(Refusal::ScopeInvalid { scope });
            }
            let held = |scope: &String| scope.eq_ignore_ascii_case(permission);
            if !rights.scopes.iter().any(held) {
                return Err(missing());
            }
        }
        // The scopes of OpenID Connect are Microsoft Graph's.
        let graph = apis.iter().any(|api| api.app_id == OPENID_RESOURCE);
        if graph && apis.len() == 1 {
            let words = wanted.openid.words();
            let listed = words.into_iter().filter(|word| *word != "offline_access");
            rights.scopes.extend(listed.map(str::to_owned));
        }
        if rights.scopes.is_empty() && !graph {
            return Err(missing());
        }
        rights.scopes.sort_unstable();
        rights.scopes.dedup();
        Ok(rights)
    }
}

/// `scope` of the answer: v2 writes scopes as they were asked, and repeats `/.default`, because
/// clients look for it in their caches; v1 writes names alone.
fn written(endpoint: Version, wanted: &Wanted<'_>, apis: &[&ApiFact], scopes: &[String]) -> String {
    if endpoint == Version::V1 {
        return scopes.join(" ");
    }
    let graph = apis.iter().any(|api| api.app_id == OPENID_RESOURCE);
    let mut words: Vec<String> = scopes
        .iter()
        .map(|scope| {
            // The words of OpenID Connect belong to no resource.
            if graph && OPENID_SCOPES.contains(&scope.as_str()) {
                scope.clone()
            } else {
                wanted.resource.written(scope)
            }
        })
        .collect();
    if wanted.resource.wrote_default {
        words.push(wanted.resource.written(".default"));
    }
    words.join(" ")
}
