//! ID tokens (OpenID Connect Core section 2), of both versions.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use bartizan_contract::{AppId, ObjectId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::authentication::Authentication;
use crate::claims::opaque;
use crate::grant::{Lifetimes, TokenEntropy};
use crate::issuer::Version;
use crate::optional_claims::{ClaimNames, ClaimSource, ClaimsWanted};
use crate::scope::OpenIdScopes;
use crate::user::UserFact;

/// The claims of an ID token. What is absent is not printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdClaims {
    /// The client.
    pub aud: AppId,
    /// Who issued it.
    pub iss: String,
    /// When, seconds since 1970.
    pub iat: i64,
    /// Good from.
    pub nbf: i64,
    /// Good until.
    pub exp: i64,
    /// Opaque.
    pub aio: String,
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
    /// 0: a member of the tenant; 1: a guest (optional).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acct: Option<u8>,
    /// How the user signed in (v1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the user signed in; only if `max_age` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// Hash of the code that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Surname (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Given name (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The user's groups, where the registration wants them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The address from which the user signed in (v1, or optional).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipaddr: Option<String>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The user's object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<ObjectId>,
    /// The sign-in name (v2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// Opaque.
    pub rh: String,
    /// App roles of the client that the user holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The session.
    pub sid: Uuid,
    /// The user, for this client alone.
    pub sub: String,
    /// The tenant.
    pub tid: TenantId,
    /// The sign-in name (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
    /// The sign-in name (v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The token's own id.
    pub uti: String,
    /// `1.0` or `2.0`.
    pub ver: String,
    /// Directory role templates, where the registration wants them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wids: Vec<String>,
}

/// What an ID token is made of.
pub(crate) struct IdTokenFacts<'a> {
    pub(crate) version: Version,
    pub(crate) issuer: String,
    pub(crate) client: AppId,
    pub(crate) tenant: TenantId,
    pub(crate) user: &'a UserFact,
    pub(crate) authentication: &'a Authentication,
    pub(crate) openid: OpenIdScopes,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) auth_time: bool,
    /// App roles of the client that the user holds.
    pub(crate) roles: &'a [String],
    /// What the client's registration wants beyond the usual claims.
    pub(crate) wanted: &'a ClaimsWanted,
    /// Whether the client may learn the user's address if it wants it.
    pub(crate) address: bool,
    pub(crate) now: i64,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) entropy: &'a TokenEntropy,
}

impl IdClaims {
    /// The claims for a sign-in.
    pub(crate) fn new(facts: &IdTokenFacts<'_>) -> Self {
        let issued = facts.now - facts.lifetimes.backdate;
        let v1 = facts.version == Version::V1;
        let user = facts.user;
        // v1 knows no scope `profile`: its ID tokens always tell.
        let profile = v1 || facts.openid.profile;
        let [uti, aio, rh] = opaque(facts.entropy);
        let wanted = facts.wanted;
        let groups = wanted.group_claims(user.id);
        let named = |name: &str| v1 || wanted.wants(name);
        let mut wids = Vec::new();
        if wanted.directory_roles {
            wids.extend(user.directory_roles.iter().map(ToString::to_string));
        }
        Self {
            aud: facts.client,
            iss: facts.issuer.clone(),
            iat: issued,
            nbf: issued,
            exp: facts.now + facts.lifetimes.access_token,
            aio,
            amr: if v1 {
                facts.authentication.methods.clone()
            } else {
                Vec::new()
            },
            auth_time: (facts.auth_time || wanted.wants("auth_time"))
                .then_some(facts.authentication.at),
            c_hash: None,
            claim_names: groups.names,
            claim_sources: groups.sources,
            acct: wanted.wants("acct").then_some(u8::from(user.guest)),
            email: user
                .mail
                .clone()
                .filter(|_| facts.openid.email || facts.address && wanted.wants("email")),
            family_name: user.surname.clone().filter(|_| named("family_name")),
            given_name: user.given_name.clone().filter(|_| named("given_name")),
            groups: groups.ids,
            ipaddr: facts
                .authentication
                .address
                .clone()
                .filter(|_| named("ipaddr")),
            name: profile.then(|| user.display_name.clone()),
            nonce: facts.nonce.map(str::to_owned),
            oid: profile.then_some(user.id),
            preferred_username: (!v1 && profile).then(|| user.upn.clone()),
            rh,
            roles: facts.roles.to_vec(),
            sid: facts.authentication.session,
            sub: pairwise(facts.tenant, facts.client, user.id),
            tid: facts.tenant,
            unique_name: v1.then(|| user.upn.clone()),
            upn: named("upn").then(|| user.upn.clone()),
            uti,
            ver: if v1 { "1.0" } else { "2.0" }.to_owned(),
            wids,
        }
    }
}

/// `sub`: the user under a name of its own for each application (OpenID Connect Core section 8.1).
/// It hides nothing that `oid` would not tell; it keeps applications from relying on more.
#[must_use]
pub fn pairwise(tenant: TenantId, application: AppId, user: ObjectId) -> String {
    let mut text = Vec::with_capacity(51);
    text.extend_from_slice(b"sub");
    for id in [tenant.uuid(), application.uuid(), user.uuid()] {
        text.extend_from_slice(id.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &text))
}

/// `c_hash` and `at_hash`: the left half of the SHA-256 (OpenID Connect Core section 3.3.2.11).
#[must_use]
pub fn half_hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}
