//! The grants, one a file: which parameters they read, and what they decide from which facts.

pub mod authorization_code;
pub mod client_credentials;
pub mod device_code;
pub mod on_behalf_of;
pub mod password;
pub mod refresh_token;
pub mod user;

use serde_json::{Value as Json, json};

use crate::claims::AccessClaims;
use crate::client_auth::CredentialUsed;
use crate::issuer::Version;
use crate::refusal::Refusal;
use crate::request::Form;
use crate::scope::{OpenIdScopes, ResourceRequest};

/// What a token request asks, by `grant_type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// An application asks in its own name.
    ClientCredentials(client_credentials::Request),
    /// A user's sign-in in the browser is redeemed.
    AuthorizationCode(authorization_code::Request),
    /// An earlier sign-in is continued.
    RefreshToken(refresh_token::Request),
    /// A sign-in on another device is waited for.
    DeviceCode(device_code::Request),
    /// A user's name and password.
    Password(password::Request),
    /// An API calls another one in the name of its caller.
    OnBehalfOf(on_behalf_of::Request),
}

impl Grant {
    /// Reads the parameters of a grant.
    ///
    /// # Errors
    /// [`Refusal::UnsupportedGrant`], or what the grant's own parameters lack.
    pub fn parse(grant_type: &str, version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        match grant_type {
            "client_credentials" => {
                client_credentials::Request::parse(version, form).map(Self::ClientCredentials)
            }
            "authorization_code" => {
                authorization_code::Request::parse(version, form).map(Self::AuthorizationCode)
            }
            "refresh_token" => refresh_token::Request::parse(version, form).map(Self::RefreshToken),
            // The short name is what several clients send.
            "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                device_code::Request::parse(form).map(Self::DeviceCode)
            }
            "password" => password::Request::parse(version, form).map(Self::Password),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                on_behalf_of::Request::parse(version, form).map(Self::OnBehalfOf)
            }
            other => Err(Refusal::UnsupportedGrant {
                grant: other.chars().take(100).collect(),
            }),
        }
    }
}

/// Random bytes for the opaque claims of one token.
pub type TokenEntropy = [u8; 48];

/// How long tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Seconds from the issue of an access token to its `exp`.
    pub access_token: i64,
    /// Seconds by which `iat` and `nbf` lie before the issue, for clocks that are behind.
    pub backdate: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: 3600,
            backdate: 300,
        }
    }
}

/// A token to sign, and how its answer reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Issuance {
    /// The claims to sign.
    pub claims: AccessClaims,
    /// Which of the client's credentials was used, for the note of its last use.
    pub credential_used: CredentialUsed,
    endpoint: Version,
    expires_in: i64,
    resource: String,
}

impl Issuance {
    /// The body of the token endpoint's answer. The v1 endpoint gives numbers as strings.
    #[must_use]
    pub fn answer(&self, access_token: &str) -> Json {
        let expires_in = self.expires_in;
        match self.endpoint {
            Version::V2 => json!({
                "token_type": "Bearer",
                "expires_in": expires_in,
                "ext_expires_in": expires_in,
                "access_token": access_token,
            }),
            Version::V1 => json!({
                "token_type": "Bearer",
                "expires_in": expires_in.to_string(),
                "ext_expires_in": expires_in.to_string(),
                "expires_on": self.claims.exp.to_string(),
                "not_before": self.claims.nbf.to_string(),
                "resource": self.resource,
                "access_token": access_token,
            }),
        }
    }
}

impl user::Context<'_> {
    /// What is asked ([`user::Asked::understood`]), by what the directory knows of the resources.
    pub(crate) fn understood(
        &self,
        asked: &user::Asked,
        several: bool,
    ) -> Result<(OpenIdScopes, ResourceRequest), Refusal> {
        asked.understood(several, |a, b| {
            self.facts.is_one_resource(a, b, self.setting.own_origins)
        })
    }
}
