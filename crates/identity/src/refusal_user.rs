//! Refusals of the flows in which a person signs in.

use super::Refusal;
use crate::user::UserFact;

/// Why a user's flow ends. Each kind is one row of the contract's table of AADSTS codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRefusal {
    /// The redirect URI is not one of the application's.
    RedirectUnregistered {
        /// What was sent.
        uri: String,
        /// The application.
        client_id: String,
    },
    /// No redirect URI was sent, and none is registered.
    NoReplyAddress,
    /// The redirect URI differs from the authorization's.
    RedirectDiffers {
        /// What was sent.
        uri: String,
    },
    /// Another `response_type`.
    ResponseType {
        /// What was sent.
        rt: String,
    },
    /// ID tokens from the authorization endpoint are switched off.
    IdTokenNotEnabled,
    /// Access tokens from the authorization endpoint are not given.
    TokenNotEnabled,
    /// Another `response_mode`, or `query` for tokens.
    ResponseMode {
        /// What was sent.
        mode: String,
    },
    /// A parameter has a value that makes no sense.
    Parameter {
        /// Its name on the wire.
        name: &'static str,
    },
    /// The code challenge is malformed.
    ChallengeInvalid,
    /// The code verifier is malformed.
    VerifierInvalid,
    /// The code verifier does not meet the challenge, or only one of the two is there.
    VerifierWrong,
    /// A single-page application without PKCE.
    SpaWithoutPkce,
    /// A page of another origin redeems the code of a client that is no page.
    CrossOrigin,
    /// The code of a single-page application comes from no page.
    NotCrossOrigin,
    /// The application is of one tenant, the endpoint of none.
    NotMultiTenant,
    /// The grant needs the endpoint of a tenant or `organizations`.
    NotOnCommon,
    /// No session, and no page may be shown.
    LoginRequired,
    /// An account must be chosen, and no page may be shown.
    AccountSelection,
    /// Consent is missing.
    ConsentRequired {
        /// The application.
        client_id: String,
        /// Its name.
        name: String,
    },
    /// Somebody declined to consent.
    ConsentDeclined,
    /// An administrator must consent.
    AdminConsentRequired,
    /// The application does not list the resource, and nothing of it was granted.
    ResourceNotListed {
        /// The resource.
        resource: String,
    },
    /// No such user.
    UserUnknown {
        /// The name, as sent.
        user: String,
        /// The tenant.
        tenant: String,
    },
    /// The user is of another tenant.
    UserOfOtherTenant {
        /// The user.
        user: String,
        /// The user's tenant.
        idp: String,
        /// The tenant of the request.
        tenant: String,
    },
    /// No tenant has the domain of the user's name.
    UserDomainUnknown,
    /// The account is disabled.
    UserDisabled,
    /// The account is locked for a while.
    UserLocked,
    /// Name or password is wrong.
    PasswordWrong,
    /// The password must be changed first.
    PasswordExpired,
    /// A second factor is needed.
    SecondFactorRequired {
        /// What for.
        resource: String,
    },
    /// A second factor is needed, and none is set up.
    SecondFactorNotSetUp {
        /// What for.
        resource: String,
    },
    /// The user is not assigned to the application.
    UserNotAssigned,
    /// The sign-in behind the grant is revoked.
    Revoked,
    /// The code was redeemed before.
    CodeRedeemed,
    /// The code was issued by another tenant's endpoint.
    CodeOfOtherTenant,
    /// The code or token is not one of this client's.
    GrantInvalid,
    /// The code is expired.
    CodeExpired,
    /// The refresh token is expired.
    RefreshTokenExpired {
        /// When it was issued.
        issued: String,
        /// After how long.
        span: String,
    },
    /// The refresh token of a single-page application is expired.
    SpaRefreshTokenExpired {
        /// After how long.
        span: String,
    },
    /// A public client sends a credential.
    PublicClientProof,
    /// The client is confidential and sends no credential.
    CredentialRequired,
    /// Nobody decided about the device code yet.
    DevicePending,
    /// The device code was declined.
    DeviceDeclined,
    /// No such device code.
    DeviceCodeWrong,
    /// The device code is expired.
    DeviceCodeExpired,
    /// No such user code.
    UserCodeWrong,
    /// The user code is expired.
    UserCodeExpired,
    /// The user code was approved or declined before.
    UserCodeDecided,
    /// The assertion is no good.
    AssertionInvalid {
        /// Why.
        reason: String,
    },
    /// The assertion is for another application.
    AssertionAudience {
        /// Its audience.
        aud: String,
    },
    /// The assertion is out of date.
    AssertionTimes {
        /// Now.
        now: String,
        /// Its end.
        exp: String,
    },
    /// The assertion is an ID token.
    AssertionIdToken,
    /// The assertion is an application's own token.
    AssertionOfApplication {
        /// The application that presents it.
        client_id: String,
    },
}

impl From<UserRefusal> for Refusal {
    fn from(refusal: UserRefusal) -> Self {
        Self::User(refusal)
    }
}

impl UserRefusal {
    /// What a user is told whose sign-in was by one factor where two are needed.
    #[must_use]
    pub const fn without_second_factor(user: &UserFact, resource: String) -> Self {
        if user.second_factor_set_up {
            Self::SecondFactorRequired { resource }
        } else {
            Self::SecondFactorNotSetUp { resource }
        }
    }

    /// The number after `AADSTS`.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::RedirectUnregistered { .. } => 50_011,
            Self::NoReplyAddress => 900_971,
            Self::RedirectDiffers { .. } => 500_112,
            Self::ResponseType { .. } => 70_005,
            Self::IdTokenNotEnabled => 700_054,
            Self::TokenNotEnabled => 700_051,
            Self::ResponseMode { .. } => 70_007,
            Self::Parameter { .. } => 90_100,
            Self::ChallengeInvalid => 501_491,
            Self::VerifierInvalid => 50_147,
            Self::VerifierWrong => 501_481,
            Self::SpaWithoutPkce => 9_002_325,
            Self::CrossOrigin => 9_002_326,
            Self::NotCrossOrigin => 9_002_327,
            Self::NotMultiTenant => 50_194,
            Self::NotOnCommon => 9_001_023,
            Self::LoginRequired => 50_058,
            Self::AccountSelection => 16_000,
            Self::ConsentRequired { .. } => 65_001,
            Self::ConsentDeclined => 65_004,
            Self::AdminConsentRequired => 90_094,
            Self::ResourceNotListed { .. } => 650_057,
            Self::UserUnknown { .. } => 50_034,
            Self::UserOfOtherTenant { .. } => 50_020,
            Self::UserDomainUnknown => 50_128,
            Self::UserDisabled => 50_057,
            Self::UserLocked => 50_053,
            Self::PasswordWrong => 50_126,
            Self::PasswordExpired => 50_055,
            Self::SecondFactorRequired { .. } => 50_076,
            Self::SecondFactorNotSetUp { .. } => 50_079,
            Self::UserNotAssigned => 50_105,
            Self::Revoked => 50_173,
            Self::CodeRedeemed => 54_005,
            Self::CodeOfOtherTenant => 700_005,
            Self::GrantInvalid => 70_000,
            Self::CodeExpired => 70_008,
            Self::RefreshTokenExpired { .. } => 700_082,
            Self::SpaRefreshTokenExpired { .. } => 700_084,
            Self::PublicClientProof => 700_025,
            Self::CredentialRequired => 7_000_218,
            Self::DevicePending => 70_016,
            Self::DeviceDeclined => 7_000_014,
            Self::DeviceCodeWrong | Self::UserCodeWrong => 70_018,
            Self::DeviceCodeExpired => 70_020,
            Self::UserCodeExpired => 70_019,
            Self::UserCodeDecided => 90_120,
            Self::AssertionInvalid { .. } => 50_013,
            Self::AssertionAudience { .. } => 500_131,
            Self::AssertionTimes { .. } => 500_133,
            Self::AssertionIdToken => 240_002,
            Self::AssertionOfApplication { .. } => 7_000_114,
        }
    }

    pub(super) fn values(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::RedirectUnregistered { uri, client_id } => {
                vec![("uri", uri), ("client_id", client_id)]
            }
            Self::RedirectDiffers { uri } => vec![("uri", uri)],
            Self::ResponseType { rt } => vec![("rt", rt)],
            Self::ResponseMode { mode } => vec![("mode", mode)],
            Self::Parameter { name } => vec![("name", name)],
            Self::ConsentRequired { client_id, name } => {
                vec![("client_id", client_id), ("name", name)]
            }
            Self::ResourceNotListed { resource }
            | Self::SecondFactorRequired { resource }
            | Self::SecondFactorNotSetUp { resource } => vec![("resource", resource)],
            Self::UserUnknown { user, tenant } => vec![("user", user), ("tenant", tenant)],
            Self::UserOfOtherTenant { user, idp, tenant } => {
                vec![("user", user), ("idp", idp), ("tenant", tenant)]
            }
            Self::RefreshTokenExpired { issued, span } => {
                vec![("issued", issued), ("span", span)]
            }
            Self::SpaRefreshTokenExpired { span } => vec![("span", span)],
            Self::AssertionInvalid { reason } => vec![("reason", reason)],
            Self::AssertionAudience { aud } => vec![("aud", aud)],
            Self::AssertionTimes { now, exp } => vec![("now", now), ("exp", exp)],
            Self::AssertionOfApplication { client_id } => vec![("client_id", client_id)],
            _ => Vec::new(),
        }
    }
}
