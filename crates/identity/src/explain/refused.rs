//! What a refused request brought: the facts that are kept under its trace id. No secret and no token is among them.

use super::kept_message;
use bartizan_contract::operations::{self, Operation};
use bartizan_contract::remedies::calls::Fault;
use serde::{Deserialize, Serialize};

/// A refusal's own side of its explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "surface", rename_all = "camelCase")]
pub enum Refused {
    /// A token endpoint gave no token.
    Token(TokenRefused),
    /// An API refused a call.
    Api(ApiRefused),
}

/// What a token endpoint saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefused {
    /// The number after `AADSTS`.
    pub code: u32,
    /// The text of the refusal.
    pub message: String,
    /// The tenant's segment of the path, as sent.
    pub tenant: String,
    /// `client_id`, as sent.
    pub client_id: Option<String>,
    /// `grant_type`, as sent.
    pub grant: Option<String>,
    /// `resource`, or `scope` without its `/.default`, as sent.
    pub resource: Option<String>,
    /// The permissions of that resource that `scope` names, without `.default`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// `username`, as sent.
    pub user: Option<String>,
    /// How the client proved who it is.
    pub credential: Credential,
}

impl TokenRefused {
    /// The same without what looks like a secret, wherever it was sent by mistake, and within bounds.
    #[must_use]
    pub fn as_kept(mut self) -> Self {
        // Names of people are long, and mixed at times; a password in place of one has no domain.
        let user = self.user.as_mut().filter(|user| !has_domain(user));
        let texts = [&mut self.client_id, &mut self.grant, &mut self.resource];
        let texts = texts.into_iter().flatten().chain(user);
        let texts = texts.chain(&mut self.scopes);
        for text in texts.chain([&mut self.message, &mut self.tenant]) {
            *text = kept_message(text);
        }
        self
    }
}

/// Whether a name ends in a domain: labels with a dot between them, the last of letters. A password with an at sign in it
/// seldom looks so.
fn has_domain(name: &str) -> bool {
    let domain = name.rsplit_once('@').map(|(_, domain)| domain);
    let Some((rest, last)) = domain.and_then(|domain| domain.rsplit_once('.')) else {
        return false;
    };
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    rest.split('.').all(is_label) && last.len() > 1 && last.chars().all(char::is_alphabetic)
}

/// How a client proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Credential {
    /// Not at all.
    #[default]
    None,
    /// By a secret.
    Secret,
    /// By a GUID where a secret belongs: most likely the secret's id, copied in place of its value.
    SecretId,
    /// By a signed assertion.
    Assertion,
}

impl Credential {
    /// The kind of what was sent.
    #[must_use]
    pub fn of(secret: Option<&str>, assertion: bool) -> Self {
        match secret {
            _ if assertion => Self::Assertion,
            Some(text) if uuid::Uuid::parse_str(text.trim()).is_ok() => Self::SecretId,
            Some(text) if !text.is_empty() => Self::Secret,
            _ => Self::None,
        }
    }
}

/// What an API saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiRefused {
    /// The operation's row: API, method and path as the table has them. Where no row fits, the API by its host.
    pub api: String,
    /// HTTP method.
    pub method: String,
    /// The path's template; the path itself where no row has it.
    pub path: String,
    /// What is wrong with the call itself; `None` where it was refused for want of a token, a permission, patience or the
    /// feature.
    #[serde(default)]
    pub fault: Option<Fault>,
    /// The wire's code, where it says more than the fault does.
    #[serde(default)]
    pub code: Option<String>,
    /// HTTP status.
    pub status: u16,
    /// The text of the refusal.
    pub message: String,
    /// Which check of the token failed; `None` when the token was good.
    pub check: Option<Check>,
    /// The token's claims that matter, where the signature vouches for them.
    pub token: Option<TokenSeen>,
}

impl ApiRefused {
    /// The row of the operation that was called; `None` where no row fits.
    #[must_use]
    pub fn operation(&self) -> Option<&'static Operation> {
        operations::all().find(|row| {
            row.api.name() == self.api
                && row.method.as_str() == self.method
                && row.path == self.path
        })
    }
}

/// Which check of a token failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// There was none.
    Missing,
    /// It is no token in form.
    Form,
    /// Key, algorithm or signature.
    Signature,
    /// The claims, or the issuer.
    Issuer,
    /// `aud`.
    Audience,
    /// Past its end.
    Expired,
    /// Before its beginning.
    NotYetValid,
}

impl From<&crate::Rejection> for Check {
    fn from(rejection: &crate::Rejection) -> Self {
        use crate::Rejection as R;
        match rejection {
            R::Missing => Self::Missing,
            R::NotBearer | R::TooLarge | R::Malformed(_) => Self::Form,
            R::Algorithm | R::CriticalHeader | R::UnknownKey | R::Signature => Self::Signature,
            R::Claims | R::Issuer => Self::Issuer,
            R::Audience(_) => Self::Audience,
            R::Expired => Self::Expired,
            R::NotYetValid => Self::NotYetValid,
        }
    }
}

impl Check {
    /// Whether the signature was good when the check failed, so that the claims are the authority's own.
    #[must_use]
    pub const fn claims_are_genuine(self) -> bool {
        matches!(self, Self::Audience | Self::Expired | Self::NotYetValid)
    }
}

/// The claims of a token that matter for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenSeen {
    /// `tid`
    pub tenant: String,
    /// `appid` or `azp`
    pub client_id: String,
    /// `oid`
    pub object_id: String,
    /// Whether it is of a user.
    pub user: bool,
    /// `aud`
    pub audience: String,
    /// Roles, or scopes.
    pub permissions: Vec<String>,
    /// `exp`, seconds since 1970, where it was read.
    pub expires: Option<i64>,
}
