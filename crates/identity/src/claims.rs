//! The claims of access tokens.

use std::collections::BTreeMap;

use bartizan_contract::{AppId, ObjectId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::authentication::Authentication;
use crate::client_auth::ClientStrength;
use crate::grant::client_credentials::{ApplicationFact, ResourceFact, TenantFact};
use crate::grant::{Lifetimes, TokenEntropy};
use crate::id_token::pairwise;
use crate::issuer::Version;
use crate::optional_claims::{ClaimNames, ClaimSource, ClaimsWanted};
use crate::user::UserFact;

/// The role template that tokens of applications carry in `wids`.
const APPLICATION_WIDS: &str = "0997a1d0-0d1d-4acb-b408-d5ca73121e90";
/// The role template that every member of a tenant carries in `wids`.
const MEMBER_WIDS: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

/// The claims of an access token, of either version. What is absent is not printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The resource, as it was asked for (v1), or its application id (v2).
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// When, seconds since 1970.
    pub iat: i64,
    /// Good from.
    pub nbf: i64,
    /// Good until.
    pub exp: i64,
    /// Where claims are that do not fit.
    #[serde(
        rename = "_claim_names",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub claim_names: Option<ClaimNames>,
    /// The same: the sources.
    #[serde(
        rename = "_claim_sources",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub claim_sources: Option<BTreeMap<String, ClaimSource>>,
    /// 0: a member of the tenant, not a guest (optional, user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acct: Option<u8>,
    /// Whether the user was authenticated by more than the least (v1, user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aio: Option<String>,
    /// How the user signed in (v1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_displayname: Option<String>,
    /// The client (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<AppId>,
    /// How the client was recognised (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appidacr: Option<String>,
    /// When the user signed in (optional).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The client (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<AppId>,
    /// How the client was recognised (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azpacr: Option<String>,
    /// E-mail address (optional, user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Surname (v1, or optional; user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Given name (v1, or optional; user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The user's groups, where the resource wants them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Who vouched for the subject (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<String>,
    /// `app` for an application's own token, `user` for a user's where the resource wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idtyp: Option<String>,
    /// The address from which the user signed in (v1, or optional).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipaddr: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The subject's object id.
    pub oid: ObjectId,
    /// The user's sign-in name (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rh: Option<String>,
    /// App roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// App roles by the application id of their resource, in a token for an own origin: several
    /// resources have roles of one name, and one must not pass for the other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles_by_resource: BTreeMap<String, Vec<String>>,
    /// Delegated permissions, in a user's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    /// Delegated permissions by the application id of their resource, in a user's token for an own
    /// origin.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scp_by_resource: BTreeMap<String, String>,
    /// The session (optional, user).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The subject; an application's is its `oid`, a user's is another for each client.
    pub sub: String,
    /// The region of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_region_scope: Option<String>,
    /// The tenant.
    pub tid: TenantId,
    /// The user's sign-in name (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
    /// The user's sign-in name (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The token's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
    /// `1.0` or `2.0`.
    pub ver: String,
    /// Directory role templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wids: Vec<String>,
    /// When the tenant was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xms_tcdt: Option<i64>,
}

/// What an application's token is made of.
pub(crate) struct AppTokenFacts<'a> {
    pub(crate) version: Version,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) tenant: &'a TenantFact,
    pub(crate) application: &'a ApplicationFact,
    pub(crate) principal: ObjectId,
    pub(crate) strength: ClientStrength,
    pub(crate) resources: &'a [ResourceFact],
    pub(crate) own_origin: bool,
    /// Whether the resource has the optional claims of Microsoft's resources.
    pub(crate) first_party: bool,
    pub(crate) now: i64,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) entropy: &'a TokenEntropy,
}

/// What a token in a user's name is made of.
pub(crate) struct UserTokenFacts<'a> {
    pub(crate) version: Version,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) tenant: &'a TenantFact,
    pub(crate) application: &'a ApplicationFact,
    pub(crate) user: &'a UserFact,
    pub(crate) authentication: &'a Authentication,
    pub(crate) strength: ClientStrength,
    /// Delegated permissions.
    pub(crate) scopes: &'a [String],
    /// The same by resource, for an own origin.
    pub(crate) scopes_by_resource: BTreeMap<String, String>,
    /// App roles of the resource that the user holds.
    pub(crate) user_roles: Vec<String>,
    /// Whether the resource has the optional claims of Microsoft's resources.
    pub(crate) first_party: bool,
    /// What the resource's registration wants beyond the usual claims.
    pub(crate) wanted: &'a ClaimsWanted,
    /// Whether the client may learn the user's address if the resource wants it.
    pub(crate) address: bool,
    pub(crate) now: i64,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) entropy: &'a TokenEntropy,
}

impl AccessClaims {
    /// The claims of an application's own token.
    pub(crate) fn of_application(facts: &AppTokenFacts<'_>) -> Self {
        let issued = facts.now - facts.lifetimes.backdate;
        let v1 = facts.version == Version::V1;
        let full = facts.first_party;
        let client = facts.application.app_id;
        let strength = facts.strength.claim().to_owned();
        let [uti, aio, rh] = opaque(facts.entropy);
        Self {
            aud: facts.audience.clone(),
            groups: Vec::new(),
            idp: v1.then(|| facts.issuer.clone()),
            iss: facts.issuer.clone(),
            iat: issued,
            nbf: issued,
            exp: facts.now + facts.lifetimes.access_token,
            claim_names: None,
            claim_sources: None,
            acct: None,
            acr: None,
            aio: Some(aio),
            amr: Vec::new(),
            app_displayname: full.then(|| facts.application.display_name.clone()),
            appid: v1.then_some(client),
            appidacr: v1.then(|| strength.clone()),
            auth_time: None,
            azp: (!v1).then_some(client),
            azpacr: (!v1).then_some(strength),
            email: None,
            family_name: None,
            given_name: None,
            idtyp: Some("app".to_owned()),
            ipaddr: None,
            name: None,
            oid: facts.principal,
            preferred_username: None,
            rh: Some(rh),
            roles: union(facts.resources),
            roles_by_resource: if facts.own_origin {
                by_resource(facts.resources)
            } else {
                BTreeMap::new()
            },
            scp: None,
            scp_by_resource: BTreeMap::new(),
            sid: None,
            sub: facts.principal.to_string(),
            tenant_region_scope: full.then(|| facts.tenant.region.clone()),
            tid: facts.tenant.id,
            unique_name: None,
            upn: None,
            uti: Some(uti),
            ver: if v1 { "1.0" } else { "2.0" }.to_owned(),
            wids: if full {
                vec![APPLICATION_WIDS.to_owned()]
            } else {
                Vec::new()
            },
            xms_tcdt: full.then_some(facts.tenant.created),
        }
    }

    /// The claims of a token in a user's name.
    pub(crate) fn of_user(facts: &UserTokenFacts<'_>) -> Self {
        let issued = facts.now - facts.lifetimes.backdate;
        let v1 = facts.version == Version::V1;
        let full = facts.first_party;
        let strength = facts.strength.claim().to_owned();
        let user = facts.user;
        let wanted = facts.wanted;
        let named = |name: &str| v1 || wanted.wants(name);
        let groups = wanted.group_claims(user.id);
        let [uti, aio, rh] = opaque(facts.entropy);
        let mut wids = Vec::new();
        if full || wanted.directory_roles {
            wids.extend(user.directory_roles.iter().map(ToString::to_string));
        }
        if full {
            wids.push(MEMBER_WIDS.to_owned());
        }
        Self {
            aud: facts.audience.clone(),
            iss: facts.issuer.clone(),
            iat: issued,
            nbf: issued,
            exp: facts.now + facts.lifetimes.access_token,
            claim_names: groups.names,
            claim_sources: groups.sources,
            acct: wanted.wants("acct").then_some(u8::from(user.guest)),
            acr: v1.then(|| "1".to_owned()),
            aio: Some(if v1 {
                aio
            } else {
                with_proofs(&facts.authentication.methods, &aio)
            }),
            amr: if v1 {
                facts.authentication.methods.clone()
            } else {
                Vec::new()
            },
            app_displayname: full.then(|| facts.application.display_name.clone()),
            appid: v1.then_some(facts.application.app_id),
            appidacr: v1.then(|| strength.clone()),
            auth_time: wanted.wants("auth_time").then_some(facts.authentication.at),
            azp: (!v1).then_some(facts.application.app_id),
            azpacr: (!v1).then_some(strength),
            email: user
                .mail
                .clone()
                .filter(|_| facts.address && wanted.wants("email")),
            family_name: user.surname.clone().filter(|_| named("family_name")),
            given_name: user.given_name.clone().filter(|_| named("given_name")),
            groups: groups.ids,
            idp: None,
            idtyp: (full || wanted.wants_as("idtyp", "include_user_token"))
                .then(|| "user".to_owned()),
            ipaddr: facts
                .authentication
                .address
                .clone()
                .filter(|_| named("ipaddr")),
            name: Some(user.display_name.clone()),
            oid: user.id,
            preferred_username: (!v1 || wanted.wants("preferred_username"))
                .then(|| user.upn.clone()),
            rh: Some(rh),
            roles: facts.user_roles.clone(),
            roles_by_resource: BTreeMap::new(),
            scp: Some(facts.scopes.join(" ")),
            scp_by_resource: facts.scopes_by_resource.clone(),
            sid: wanted
                .wants("sid")
                .then(|| facts.authentication.session.to_string()),
            sub: pairwise(facts.tenant.id, facts.application.app_id, user.id),
            tenant_region_scope: (full || wanted.wants("tenant_region_scope"))
                .then(|| facts.tenant.region.clone()),
            tid: facts.tenant.id,
            unique_name: v1.then(|| user.upn.clone()),
            upn: named("upn").then(|| user.upn.clone()),
            uti: Some(uti),
            ver: if v1 { "1.0" } else { "2.0" }.to_owned(),
            wids,
            xms_tcdt: full.then_some(facts.tenant.created),
        }
    }

    /// How the user proved who they are: `amr`, or what v2 tokens, which have none, carry in `aio`. Good for nothing but
    /// claims of a token whose signature was verified.
    #[must_use]
    pub(crate) fn proofs(&self) -> Vec<String> {
        if !self.amr.is_empty() {
            return self.amr.clone();
        }
        let carried = self.aio.as_deref().and_then(|aio| aio.split_once('.'));
        let methods = carried.and_then(|(methods, _)| URL_SAFE_NO_PAD.decode(methods).ok());
        let methods = methods.and_then(|bytes| String::from_utf8(bytes).ok());
        let methods = methods.unwrap_or_default();
        methods.split_whitespace().map(str::to_owned).collect()
    }

    /// The client: `appid` or `azp`.
    #[must_use]
    pub fn client(&self) -> Option<AppId> {
        self.appid.or(self.azp)
    }
}

fn union(resources: &[ResourceFact]) -> Vec<String> {
    let held = granting(resources).flat_map(|r| r.roles.iter().cloned());
    let mut roles: Vec<String> = held.collect();
    roles.sort();
    roles.dedup();
    roles
}

fn by_resource(resources: &[ResourceFact]) -> BTreeMap<String, Vec<String>> {
    let with_roles = granting(resources).filter(|r| !r.roles.is_empty());
    with_roles
        .map(|r| (r.app_id.to_string(), r.roles.clone()))
        .collect()
}

/// The resources that give anything: one that is switched off gives nothing beside others.
fn granting(resources: &[ResourceFact]) -> impl Iterator<Item = &ResourceFact> {
    resources.iter().filter(|r| r.enabled)
}

/// An `aio` that carries how the user proved who they are. Nobody but the issuer may read anything into it, which needs it when
/// the token comes back for another API (on behalf of).
fn with_proofs(methods: &[String], random: &str) -> String {
    format!("{}.{random}", URL_SAFE_NO_PAD.encode(methods.join(" ")))
}

/// `uti` (22 characters), `aio` and `rh` from one token's random bytes.
pub(crate) fn opaque(entropy: &TokenEntropy) -> [String; 3] {
    let (uti, rest) = entropy.split_at(16);
    let (aio, rh) = rest.split_at(18);
    [
        URL_SAFE_NO_PAD.encode(uti),
        URL_SAFE_NO_PAD.encode(aio),
        format!("1.{}.", URL_SAFE_NO_PAD.encode(rh)),
    ]
}
