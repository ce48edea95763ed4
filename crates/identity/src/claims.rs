//! The claims of access tokens.

use std::collections::BTreeMap;

use bartizan_contract::{AppId, ObjectId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::client_auth::ClientStrength;
use crate::grant::client_credentials::{ApplicationFact, ResourceFact, TenantFact};
use crate::grant::{Lifetimes, TokenEntropy};
use crate::issuer::Version;

/// The role template that tokens of applications carry in `wids`.
const APPLICATION_WIDS: &str = "0997a1d0-0d1d-4acb-b408-d5ca73121e90";

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
    /// Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aio: Option<String>,
    /// The client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_displayname: Option<String>,
    /// The client (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<AppId>,
    /// How the client was recognised (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appidacr: Option<String>,
    /// The client (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<AppId>,
    /// How the client was recognised (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azpacr: Option<String>,
    /// Who vouched for the subject (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp: Option<String>,
    /// `app` for an application's own token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idtyp: Option<String>,
    /// The subject's object id.
    pub oid: ObjectId,
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
    /// The subject; an application's is its `oid`.
    pub sub: String,
    /// The region of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_region_scope: Option<String>,
    /// The tenant.
    pub tid: TenantId,
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
            idp: v1.then(|| facts.issuer.clone()),
            iss: facts.issuer.clone(),
            iat: issued,
            nbf: issued,
            exp: facts.now + facts.lifetimes.access_token,
            aio: Some(aio),
            app_displayname: full.then(|| facts.application.display_name.clone()),
            appid: v1.then_some(client),
            appidacr: v1.then(|| strength.clone()),
            azp: (!v1).then_some(client),
            azpacr: (!v1).then_some(strength),
            idtyp: Some("app".to_owned()),
            oid: facts.principal,
            rh: Some(rh),
            roles: union(facts.resources),
            roles_by_resource: if facts.own_origin {
                by_resource(facts.resources)
            } else {
                BTreeMap::new()
            },
            scp: None,
            sub: facts.principal.to_string(),
            tenant_region_scope: full.then(|| facts.tenant.region.clone()),
            tid: facts.tenant.id,
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
