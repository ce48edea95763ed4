//! What a resource checks of a token, in a fixed order.

use std::collections::HashMap;

use bartizan_contract::permissions::resource_of;
use bartizan_contract::{Api, AppId, ObjectId, TenantId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value as Json};

use super::json::Strict;
use super::key::VerifyingKey;
use super::rejection::Rejection;
use super::unique;
use crate::claims::AccessClaims;
use crate::issuer::{Issuers, Version};
use crate::resource::{accepts_audience, is_own_origin};

/// The longest token that is looked at, in bytes.
pub const SIZE_LIMIT: usize = 16 * 1024;
/// By how many seconds clocks may differ.
const SKEW: i64 = 300;
/// The longest `kid` that is looked up.
const KID_LIMIT: usize = 128;

/// Who calls an API, from a token that was verified for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that bounds everything the call may see.
    pub tenant: TenantId,
    /// The client application.
    pub app: AppId,
    /// The service principal or user.
    pub oid: ObjectId,
    /// Whose token it is.
    pub kind: CallerKind,
    /// App roles on this API; empty in a user's token.
    pub roles: Vec<String>,
    /// Delegated permissions, separated by spaces; empty in an application's token.
    pub scopes: String,
    /// `aud`, as it stands in the token.
    pub audience: String,
    /// The API that it was verified for.
    pub api: Api,
    /// `uti`: the token's own id, for audit events.
    pub token_id: Option<String>,
}

impl Caller {
    /// Who did something, as audit events name it: `app:` or `user:` and an id.
    #[must_use]
    pub fn actor(&self) -> String {
        match self.kind {
            CallerKind::Application => format!("app:{}", self.app),
            CallerKind::User => format!("user:{}", self.oid),
        }
    }
}

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// An application's own.
    Application,
    /// An application's in the name of a user.
    User,
}

/// Takes the token out of an `Authorization` header's value.
///
/// # Errors
/// [`Rejection::Missing`], [`Rejection::NotBearer`], [`Rejection::TooLarge`].
pub fn bearer(authorization: Option<&str>) -> Result<&str, Rejection> {
    let header = authorization.map(str::trim).unwrap_or_default();
    if header.is_empty() {
        return Err(Rejection::Missing);
    }
    if header.len() > SIZE_LIMIT + 16 {
        return Err(Rejection::TooLarge);
    }
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::NotBearer);
    }
    match token.trim() {
        "" => Err(Rejection::Missing),
        token if token.contains([' ', ',']) => Err(Rejection::NotBearer),
        token => Ok(token),
    }
}

/// A token taken apart and not verified: for those who only look.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// The protected header.
    pub header: Map<String, Json>,
    /// The claims.
    pub claims: Map<String, Json>,
}

impl Token {
    /// Takes a compact serialization apart: three parts in canonical base64url, two objects
    /// without duplicate names.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], [`Rejection::Malformed`].
    pub fn parse(token: &str) -> Result<Self, Rejection> {
        let parts = Parts::of(token)?;
        let token = Self {
            header: object(parts.header)?,
            claims: object(parts.claims)?,
        };
        bytes(parts.signature)?;
        Ok(token)
    }
}

/// The parts of a compact serialization, not decoded.
struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    /// What is signed: header and claims with the point between them.
    message: &'a str,
}

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > SIZE_LIMIT {
            return Err(Rejection::TooLarge);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::Malformed("a token has three parts"));
        };
        Ok(Self {
            header,
            claims,
            signature,
            message: &token[..header.len() + 1 + claims.len()],
        })
    }
}

const NO_OBJECT: Rejection = Rejection::Malformed("a part is not a JSON object with unique names");

/// The decoder refuses padding, characters of the other alphabet and trailing bits.
fn bytes(part: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Rejection::Malformed("a part is not base64url"))
}

fn object(part: &str) -> Result<Map<String, Json>, Rejection> {
    serde_json::from_slice::<Strict>(&bytes(part)?)
        .map(|strict| strict.0)
        .map_err(|_| NO_OBJECT)
}

/// What tokens are checked against. Keys are parsed once; make it anew when keys change.
#[derive(Debug)]
pub struct Verifier {
    keys: HashMap<String, VerifyingKey>,
    issuers: Issuers,
    own_origins: Vec<String>,
}

impl Verifier {
    /// Takes the published keys, the issuers in force, and the origins that stand for every API.
    #[must_use]
    pub fn new(
        keys: impl IntoIterator<Item = VerifyingKey>,
        issuers: Issuers,
        own_origins: Vec<String>,
    ) -> Self {
        let keys = keys
            .into_iter()
            .map(|key| (key.kid().to_owned(), key))
            .collect();
        Self {
            keys,
            issuers,
            own_origins,
        }
    }

    /// Verifies a token for an API.
    ///
    /// # Errors
    /// The first check that fails, in the order of the code below.
    pub fn verify(&self, token: &str, api: Api, now: i64) -> Result<Caller, Rejection> {
        let claims = self.signed_claims(token)?;
        self.issued_here(&claims)?;
        let own_origin = self.meant_for(api, &claims.aud)?;
        in_time(&claims, now)?;
        caller(claims, api, own_origin)
    }

    /// Verifies an access token of this server that is not for one of its APIs: the assertion of an
    /// on-behalf-of request. For whom it is, and whose, is for the caller to judge.
    ///
    /// # Errors
    /// The first check that fails, in the order of the code below.
    pub fn verify_assertion(&self, token: &str, now: i64) -> Result<AccessClaims, Rejection> {
        let claims = self.signed_claims(token)?;
        self.issued_here(&claims)?;
        in_time(&claims, now)?;
        Ok(claims)
    }

    /// The claims of a token with a good signature. They are read straight into their type: building a value of each
    /// first costs about as much as the signature's check.
    fn signed_claims(&self, token: &str) -> Result<AccessClaims, Rejection> {
        let parts = Parts::of(token)?;
        let header = object(parts.header)?;
        let claims = bytes(parts.claims)?;
        if !unique::is_object(&claims) {
            return Err(NO_OBJECT);
        }
        let signature = bytes(parts.signature)?;
        self.signed(parts.message, &header, &signature)?;
        serde_json::from_slice(&claims).map_err(|_| Rejection::Claims)
    }

    /// `alg` is pinned, `kid` is only looked up; `jku`, `x5u`, `jwk` and `x5c` are never looked at.
    fn signed(
        &self,
        message: &str,
        header: &Map<String, Json>,
        signature: &[u8],
    ) -> Result<(), Rejection> {
        let text = |name: &str| header.get(name).and_then(Json::as_str);
        if text("alg") != Some("RS256") {
            return Err(Rejection::Algorithm);
        }
        if header.contains_key("crit") {
            return Err(Rejection::CriticalHeader);
        }
        if !text("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")) {
            return Err(Rejection::Malformed("typ is not JWT"));
        }
        let kid = text("kid").filter(|kid| kid.len() <= KID_LIMIT);
        let key = kid
            .and_then(|kid| self.keys.get(kid))
            .ok_or(Rejection::UnknownKey)?;
        key.verify(message.as_bytes(), signature)
            .then_some(())
            .ok_or(Rejection::Signature)
    }

    fn issued_here(&self, claims: &AccessClaims) -> Result<(), Rejection> {
        let version = match claims.ver.as_str() {
            "1.0" => Version::V1,
            "2.0" => Version::V2,
            _ => return Err(Rejection::Issuer),
        };
        (claims.iss == self.issuers.of(version, claims.tid))
            .then_some(())
            .ok_or(Rejection::Issuer)
    }

    /// Whether the audience is this API; true inside means one of the own origins.
    fn meant_for(&self, api: Api, audience: &str) -> Result<bool, Rejection> {
        if resource_of(api).is_some_and(|resource| accepts_audience(resource, audience)) {
            return Ok(false);
        }
        if is_own_origin(audience, &self.own_origins) {
            return Ok(true);
        }
        Err(Rejection::Audience(audience.chars().take(200).collect()))
    }
}

fn in_time(claims: &AccessClaims, now: i64) -> Result<(), Rejection> {
    if claims.nbf > now.saturating_add(SKEW) {
        return Err(Rejection::NotYetValid);
    }
    if claims.exp <= now.saturating_sub(SKEW) {
        return Err(Rejection::Expired);
    }
    Ok(())
}

/// App-only is a token that says so and names no scope; without the word, one whose subject is the
/// application itself. Roles of a user's token are the user's and open nothing here.
fn caller(claims: AccessClaims, api: Api, own_origin: bool) -> Result<Caller, Rejection> {
    let app = claims.client().ok_or(Rejection::Claims)?;
    let subject_is_object = claims.sub == claims.oid.to_string();
    let app_only = match claims.idtyp.as_deref() {
        Some("app") if claims.scp.is_some() => return Err(Rejection::Claims),
        Some("app") => true,
        Some(_) => false,
        None => claims.scp.is_none() && subject_is_object,
    };
    let kind = match app_only {
        true => CallerKind::Application,
        false => CallerKind::User,
    };
    let roles = match (app_only, own_origin) {
        (false, _) => Vec::new(),
        (true, false) => claims.roles,
        (true, true) => resource_of(api)
            .and_then(|r| claims.roles_by_resource.get(&r.app_id.to_string()).cloned())
            .unwrap_or_default(),
    };
    // Resources have scopes of one name, too: an own origin's token says which is whose.
    let scopes = match (app_only, own_origin) {
        (true, _) => String::new(),
        (false, false) => claims.scp.unwrap_or_default(),
        (false, true) => resource_of(api)
            .and_then(|r| claims.scp_by_resource.get(&r.app_id.to_string()).cloned())
            .unwrap_or_default(),
    };
    Ok(Caller {
        tenant: claims.tid,
        app,
        oid: claims.oid,
        kind,
        roles,
        scopes,
        audience: claims.aud,
        api,
        token_id: claims.uti,
    })
}
