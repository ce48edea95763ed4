//! What the end of an authorization gives: a code, an ID token, or both.

use bartizan_contract::{AppId, ObjectId, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer::{Answer, Redirect};
use crate::authentication::Authentication;
use crate::grant::{Lifetimes, TokenEntropy};
use crate::id_token::{IdClaims, IdTokenFacts, half_hash};
use crate::issuer::{Issuers, Version};
use crate::optional_claims::ClaimsWanted;
use crate::pkce::Challenge;
use crate::redirect::Platform;
use crate::scope::OpenIdScopes;
use crate::user::UserFact;

/// Seconds for which a code is good.
pub const CODE_LIFETIME: i64 = 600;

/// What a code was issued for: kept beside its hash, read when it is redeemed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeDetails {
    /// Whether the authorization came to the v2 endpoint.
    pub v2: bool,
    /// `scope`, as sent.
    pub scope: Option<String>,
    /// `resource`, as sent.
    pub resource: Option<String>,
    /// `redirect_uri`, as sent; `None` when it was left out.
    pub redirect_uri: Option<String>,
    /// The kind of client that the URI is registered for.
    pub platform: Platform,
    /// What the verifier must meet.
    pub challenge: Option<Challenge>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// Whether the ID token must tell when the sign-in was (`max_age`).
    pub auth_time: bool,
    /// The sign-in.
    pub authentication: Authentication,
}

/// What is to be issued.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthorizationGrant {
    /// Where the answer goes.
    pub redirect: Redirect,
    /// The tenant in which it is issued.
    pub tenant: TenantId,
    /// The client.
    pub client: AppId,
    /// The user.
    pub user: UserFact,
    /// A code for this, when one was asked for.
    pub code: Option<CodeDetails>,
    /// Whether an ID token goes with the answer.
    pub id_token: bool,
    /// What the ID token may tell.
    pub openid: OpenIdScopes,
    /// The endpoint's version, which is the ID token's.
    pub version: Version,
    /// Echoed in the ID token.
    pub nonce: Option<String>,
    /// Whether the ID token tells when the sign-in was.
    pub auth_time: bool,
    /// Whether `client_info` was asked for.
    pub client_info: bool,
    /// Whether an administrator consented for everybody on the way (v1).
    pub admin_consented: bool,
    /// The sign-in.
    pub authentication: Authentication,
    /// App roles of the client that the user holds.
    pub roles: Vec<String>,
    /// What the ID token shall carry beyond the usual claims.
    pub id_claims: ClaimsWanted,
    /// Whether the client may learn the user's address without asking by scope: one of the user's own tenant.
    pub address: bool,
}

impl AuthorizationGrant {
    /// Whose tokens the code's redemption gives.
    #[must_use]
    pub const fn principal(&self) -> ObjectId {
        self.user.id
    }

    /// The claims of the ID token, bound to the code that goes with it; `None` when none was
    /// asked for. `now` in seconds since 1970.
    #[must_use]
    pub fn id_claims(
        &self,
        code: Option<&str>,
        issuers: &Issuers,
        lifetimes: Lifetimes,
        now: i64,
        entropy: &TokenEntropy,
    ) -> Option<IdClaims> {
        self.id_token.then(|| {
            let mut claims = IdClaims::new(&IdTokenFacts {
                version: self.version,
                issuer: issuers.of(self.version, self.tenant),
                client: self.client,
                tenant: self.tenant,
                user: &self.user,
                authentication: &self.authentication,
                openid: self.openid,
                nonce: self.nonce.as_deref(),
                auth_time: self.auth_time,
                roles: &self.roles,
                wanted: &self.id_claims,
                address: self.address,
                now,
                lifetimes,
                entropy,
            });
            claims.c_hash = code.map(half_hash);
            claims
        })
    }

    /// The answer, with the code and the signed ID token.
    #[must_use]
    pub fn answer(&self, code: Option<&str>, id_token: Option<&str>, session: Uuid) -> Answer {
        let mut fields = Vec::new();
        let mut field = |name: &str, value: String| fields.push((name.to_owned(), value));
        if let Some(code) = code {
            field("code", code.to_owned());
        }
        if let Some(token) = id_token {
            field("id_token", token.to_owned());
        }
        if self.client_info {
            field("client_info", client_info(self.user.id, self.user.tenant));
        }
        if self.admin_consented {
            field("admin_consent", "True".to_owned());
        }
        field("session_state", session.to_string());
        self.redirect.answer(fields)
    }
}

/// `client_info`: the home ids of the user, base64url of a JSON text.
#[must_use]
pub(crate) fn client_info(user: ObjectId, tenant: TenantId) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.encode(format!("{{\"uid\":\"{user}\",\"utid\":\"{tenant}\"}}"))
}
