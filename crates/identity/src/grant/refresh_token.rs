//! `refresh_token` (RFC 6749 section 6): an earlier sign-in is continued, for whichever resource.
//! A new refresh token comes with each redemption; the old one stays good, as in Microsoft's
//! cloud.

use bartizan_contract::AppId;
use zeroize::Zeroizing;

use super::user::{
    Asked, ClientRule, Context, Denial, Refresh, RefreshDetails, UserIssuance, Wanted, issue,
};
use crate::issuer::Version;
use crate::redirect::Platform;
use crate::refusal::{Refusal, Trace, UserRefusal};
use crate::request::Form;

/// The grant's own parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `refresh_token`
    pub token: Zeroizing<String>,
    /// `scope` or `resource`; what the token was issued for when absent.
    pub asked: Asked,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the token: it must not get into logs.
        f.debug_struct("Request")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`] without a token, [`Refusal::ResourceOnV2`].
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            token: Zeroizing::new(form.require("refresh_token")?.to_owned()),
            asked: Asked::parse(version, form)?,
        })
    }
}

/// A refresh token that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshTokenFact {
    /// The client that it was issued to.
    pub client: AppId,
    /// What it was issued for.
    pub details: RefreshDetails,
    /// Issued, seconds since 1970.
    pub issued: i64,
    /// Good until, seconds since 1970.
    pub expires: i64,
    /// Whether its family was revoked.
    pub revoked: bool,
}

/// What was asked: now, or with the token.
#[must_use]
pub fn effective(request: &Request, details: &RefreshDetails) -> Asked {
    let now = &request.asked;
    if now.v2 && now.scope.is_some() || !now.v2 && now.resource.is_some() {
        return now.clone();
    }
    Asked {
        v2: details.asked.v2 && now.v2,
        ..details.asked.clone()
    }
}

/// Decides.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub fn decide(
    context: &Context<'_>,
    request: &Request,
    token: Option<&RefreshTokenFact>,
) -> Result<UserIssuance, Denial> {
    let client = match (context.parties(), token) {
        (Err(Refusal::TenantMissing), None) => return Err(UserRefusal::GrantInvalid.into()),
        (parties, _) => parties?.1,
    };
    let token = token
        .filter(|token| token.client == client.application.app_id)
        .ok_or(UserRefusal::GrantInvalid)?;
    let details = &token.details;
    let rule = match (details.confidential, details.platform) {
        (true, _) => ClientRule::Confidential,
        (false, Some(_)) => ClientRule::Public,
        (false, None) => ClientRule::ByRegistration,
    };
    let used = context.authenticate(client, rule)?;
    if token.revoked {
        // Switching an account off revokes, too; that it is off says more.
        let user = context.facts.user.as_ref();
        let refusal = match user.is_some_and(|user| !user.enabled) {
            true => UserRefusal::UserDisabled,
            false => UserRefusal::Revoked,
        };
        return Err(refusal.into());
    }
    let spa = details.platform == Some(Platform::Spa);
    if context.setting.now >= token.expires {
        return Err(expired(token, spa).into());
    }
    if spa != context.cross_origin {
        let refusal = if spa {
            UserRefusal::NotCrossOrigin
        } else {
            UserRefusal::CrossOrigin
        };
        return Err(refusal.into());
    }
    let asked = effective(request, details);
    let (openid, resource) = context.understood(&asked, true)?;
    let issuance = issue(
        context,
        Wanted {
            used,
            authentication: &details.authentication,
            asked: &asked,
            openid,
            resource,
            nonce: None,
            auth_time: false,
            refresh: Refresh::Again {
                platform: details.platform,
                until: spa.then_some(token.expires),
            },
        },
    )?;
    Ok(issuance)
}

fn expired(token: &RefreshTokenFact, spa: bool) -> UserRefusal {
    if spa {
        let span = "24 hours".to_owned();
        return UserRefusal::SpaRefreshTokenExpired { span };
    }
    let issued = Trace {
        trace_id: uuid::Uuid::nil(),
        correlation_id: uuid::Uuid::nil(),
        now: token.issued,
    };
    UserRefusal::RefreshTokenExpired {
        issued: issued.timestamp(),
        span: "90 days".to_owned(),
    }
}
