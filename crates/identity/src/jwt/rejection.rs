//! Why a token is not good.

/// Why a resource refuses a token. The text goes to the caller, who may be an attacker: it says
/// which check failed and nothing about keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No `Authorization` header, or an empty one.
    #[error("Access token is empty.")]
    Missing,
    /// Another scheme, or more than one token.
    #[error("The Authorization header must be of the form 'Bearer {{token}}'.")]
    NotBearer,
    /// Longer than any token of this server.
    #[error("The token is too large.")]
    TooLarge,
    /// No three base64url parts with JSON objects in the first two.
    #[error("CompactToken parsing failed: {0}.")]
    Malformed(&'static str),
    /// `alg` is not RS256.
    #[error("The token's algorithm is not accepted; only RS256 is.")]
    Algorithm,
    /// A header that must be understood and is not.
    #[error("The token's header carries a property that is not supported.")]
    CriticalHeader,
    /// No key of that name.
    #[error("Signing key is invalid: no published key has the token's kid.")]
    UnknownKey,
    /// The signature does not verify.
    #[error("Access token validation failure: invalid signature.")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("Access token validation failure: the claims are incomplete or of the wrong type.")]
    Claims,
    /// `iss` is not the issuer of the token's tenant and version.
    #[error("Access token validation failure: invalid issuer.")]
    Issuer,
    /// `aud` is not this API.
    #[error("Access token validation failure: invalid audience '{0}'.")]
    Audience(String),
    /// Past its end.
    #[error("Lifetime validation failed, the token is expired.")]
    Expired,
    /// Before its beginning.
    #[error("Lifetime validation failed, the token is not yet valid.")]
    NotYetValid,
}

impl Rejection {
    /// The value of `WWW-Authenticate` (RFC 6750 section 3) for a 401, naming the authorization
    /// endpoint of `login_base` (scheme, host and port) for the tenant, or `common`.
    #[must_use]
    pub fn challenge(&self, login_base: &str, tenant: Option<&str>) -> String {
        let tenant = tenant.unwrap_or("common");
        let uri = format!("Bearer authorization_uri=\"{login_base}/{tenant}/oauth2/authorize\"");
        if *self == Self::Missing {
            // Nothing was wrong: nothing was sent (RFC 6750 section 3.1).
            return uri;
        }
        let text: String = self
            .to_string()
            .chars()
            .map(|c| match c {
                '"' | '\\' => '\'',
                c if c.is_ascii_graphic() || c == ' ' => c,
                _ => '?',
            })
            .collect();
        format!("{uri}, error=\"invalid_token\", error_description=\"{text}\"")
    }
}
