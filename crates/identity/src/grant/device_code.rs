//! `device_code` (RFC 8628): a client without a browser waits while its user signs in elsewhere.
//! It is never told to slow down: several clients take every error but one for the end.

use bartizan_contract::AppId;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::user::{Asked, ClientRule, Context, Denial, Refresh, UserIssuance, Wanted, issue};
use crate::authentication::Authentication;
use crate::authorize::reachable;
use crate::facts::{ClientFact, UserFacts};
use crate::issuer::Version;
use crate::refusal::{Refusal, UserRefusal};
use crate::request::{Form, TokenRequest};
use crate::tenant::TenantPath;

/// Seconds for which a device code is good.
pub const DEVICE_CODE_LIFETIME: i64 = 900;
/// Seconds between two polls.
pub const INTERVAL: i64 = 5;
/// Characters of a user code.
pub const USER_CODE_LENGTH: usize = 9;
/// Letters and digits that are hardly mistaken for each other, and spell no word.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// The grant's own parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `device_code`, or v1's `code`.
    pub code: Zeroizing<String>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the code: it must not get into logs.
        f.debug_struct("Request").finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the parameter.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`].
    pub fn parse(form: Form<'_>) -> Result<Self, Refusal> {
        let code = form.get("device_code").or_else(|| form.get("code")).ok_or(
            Refusal::MissingParameter {
                name: "device_code",
            },
        )?;
        Ok(Self {
            code: Zeroizing::new(code.to_owned()),
        })
    }
}

/// What a device code was issued for: kept beside its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDetails {
    /// What was asked.
    pub asked: Asked,
    /// The address that it was asked from, for the page on which a person decides (RFC 8628 section 5.4).
    #[serde(default)]
    pub address: Option<String>,
}

/// A device code that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCodeFact {
    /// Where it was asked for: a tenant's id, or the path's word; see [`place`].
    pub path: String,
    /// The client that it was issued to.
    pub client: AppId,
    /// What it was issued for.
    pub details: DeviceDetails,
    /// Good until, seconds since 1970.
    pub expires: i64,
    /// How far it is.
    pub state: DeviceState,
}

/// How far a device code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody decided yet.
    Pending,
    /// Somebody signed in and approved it.
    Approved(Authentication),
    /// Somebody declined it.
    Declined,
    /// It was redeemed.
    Redeemed,
}

/// The place that a code is bound to: the tenant, or `common` and its like.
#[must_use]
pub fn place(path: &TenantPath, facts: &UserFacts) -> String {
    match (&facts.tenant, path.is_one_tenant()) {
        (Some(tenant), true) => tenant.id.to_string(),
        _ => path.word(),
    }
}

/// A request for a device code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Which endpoint it came to.
    pub version: Version,
    /// `client_id`
    pub client_id: String,
    /// `scope` or `resource`.
    pub asked: Asked,
}

impl AuthorizationRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`Refusal::ResourceOnV2`], [`Refusal::ScopeInvalid`],
    /// [`Refusal::Malformed`].
    pub fn parse(version: Version, pairs: &[(String, String)]) -> Result<Self, Refusal> {
        let form = Form::new(pairs)?;
        let client_id = form.require("client_id")?.to_owned();
        let asked = Asked::parse(version, form)?;
        // Several resources may be named: consent is for all of them.
        asked.understood(true, |a, b| a == b)?;
        Ok(Self {
            version,
            client_id,
            asked,
        })
    }
}

/// Checks whether a client may have a device code at all. Whether it must prove itself is seen
/// when it polls; but one that could never redeem the code learns it now.
///
/// # Errors
/// [`Refusal::TenantUnknown`], [`Refusal::ApplicationUnknown`], [`UserRefusal::NotMultiTenant`],
/// [`UserRefusal::CredentialRequired`].
pub fn admit<'f>(
    request: &AuthorizationRequest,
    path: &TenantPath,
    facts: &'f UserFacts,
) -> Result<&'f ClientFact, Refusal> {
    if path.is_one_tenant() && facts.tenant.is_none() {
        return Err(Refusal::TenantUnknown {
            tenant: path.word(),
        });
    }
    let client = facts
        .client
        .as_ref()
        .ok_or_else(|| Refusal::ApplicationUnknown {
            client_id: request.client_id.chars().take(100).collect(),
            tenant: path.word(),
        })?;
    reachable(client, facts, path)?;
    if !client.fallback_public && client.application.credentials.is_empty() {
        return Err(UserRefusal::CredentialRequired.into());
    }
    Ok(client)
}

/// A user code from random bytes: 20 letters, 39 bits.
#[must_use]
pub fn user_code(entropy: &[u8; 36]) -> String {
    // Four bytes for each letter: no letter is noticeably likelier than another.
    entropy
        .chunks_exact(4)
        .map(|chunk| {
            let number = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b));
            char::from(ALPHABET[(number % 20) as usize])
        })
        .collect()
}

/// A user code as it is looked up: what people type, without spaces and hyphens, in capitals.
#[must_use]
pub fn normalized(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The answer to a request for a device code.
#[must_use]
pub fn answer(version: Version, device_code: &str, user_code: &str, page: &str) -> Json {
    let message = format!(
        "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
    );
    match version {
        Version::V2 => json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": DEVICE_CODE_LIFETIME,
            "interval": INTERVAL,
            "message": message,
        }),
        Version::V1 => json!({
            "user_code": user_code,
            "device_code": device_code,
            "verification_url": page,
            "expires_in": DEVICE_CODE_LIFETIME.to_string(),
            "interval": INTERVAL.to_string(),
            "message": message,
        }),
    }
}

/// Decides a poll.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub fn decide(
    context: &Context<'_>,
    code: Option<&DeviceCodeFact>,
) -> Result<UserIssuance, Denial> {
    let client = client_of(context)?;
    let code = code
        .filter(|code| code.client == client.application.app_id)
        .filter(|code| code.path == place(context.path, context.facts))
        .ok_or(UserRefusal::DeviceCodeWrong)?;
    let used = context.authenticate(client, ClientRule::ByRegistration)?;
    if context.setting.now >= code.expires {
        return Err(UserRefusal::DeviceCodeExpired.into());
    }
    let authentication = match &code.state {
        DeviceState::Pending => return Err(UserRefusal::DevicePending.into()),
        DeviceState::Declined => return Err(UserRefusal::DeviceDeclined.into()),
        DeviceState::Redeemed => return Err(UserRefusal::DeviceCodeWrong.into()),
        DeviceState::Approved(authentication) => authentication,
    };
    // The wire of the answer is the poll's, whichever endpoint gave the code.
    let asked = &code.details.asked;
    let (openid, resource) = context.understood(asked, true)?;
    let issuance = issue(
        context,
        Wanted {
            used,
            authentication,
            asked,
            openid,
            resource,
            nonce: None,
            auth_time: false,
            refresh: Refresh::IfAsked(None),
        },
    )?;
    Ok(issuance)
}

/// The client; before somebody approved there is no tenant where the path names none.
fn client_of<'a>(context: &Context<'a>) -> Result<&'a ClientFact, Refusal> {
    match context.parties() {
        Ok((_, client)) => Ok(client),
        Err(Refusal::TenantMissing) => context.facts.client.as_ref().ok_or(Refusal::TenantMissing),
        Err(other) => Err(other),
    }
}

/// The OAuth error's endpoint of the table: v1 calls an expired code otherwise.
#[must_use]
pub const fn endpoint(request: &TokenRequest) -> &'static str {
    match request.version {
        Version::V1 => "v1 token",
        Version::V2 => "token",
    }
}
