//! `jwt-bearer` with `requested_token_use=on_behalf_of`: an API that was called with a user's
//! token asks for one to call another API in the same user's name.

use bartizan_contract::AppId;
use zeroize::Zeroizing;

use super::user::{Asked, ClientRule, Context, Denial, Refresh, UserIssuance, Wanted, issue};
use crate::authentication::Authentication;
use crate::claims::AccessClaims;
use crate::facts::ClientFact;
use crate::issuer::Version;
use crate::jwt::Rejection;
use crate::refusal::{Refusal, Trace, UserRefusal};
use crate::request::Form;

/// The grant's own parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `assertion`: the token that the API was called with.
    pub assertion: Zeroizing<String>,
    /// `scope` or `resource`.
    pub asked: Asked,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the assertion: it must not get into logs.
        f.debug_struct("Request")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`Refusal::ResourceOnV2`], and [`Refusal::UnsupportedGrant`]
    /// for another use of the grant.
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        let assertion = form.require("assertion")?;
        match form.require("requested_token_use")? {
            "on_behalf_of" => {}
            other => {
                return Err(Refusal::UnsupportedGrant {
                    grant: other.chars().take(100).collect(),
                });
            }
        }
        Ok(Self {
            assertion: Zeroizing::new(assertion.to_owned()),
            asked: Asked::parse(version, form)?,
        })
    }
}

/// Decides over an assertion that was verified, or why it was rejected. `audience` is the application that the assertion's
/// tenant knows by the name to which it was issued: what the client calls itself at home counts for nothing there.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub fn decide(
    context: &Context<'_>,
    request: &Request,
    assertion: &Result<AccessClaims, Rejection>,
    audience: Option<AppId>,
) -> Result<UserIssuance, Denial> {
    let (tenant, client) = context.parties()?;
    let used = context.authenticate(client, ClientRule::Confidential)?;
    let claims = acceptable(context, client, assertion, audience)?;
    if claims.tid != tenant.id {
        let reason = "it was issued by another tenant".to_owned();
        return Err(UserRefusal::AssertionInvalid { reason }.into());
    }
    let authentication = Authentication {
        tenant: claims.tid,
        user: claims.oid,
        // The token does not tell when its user signed in. It was before the token was issued: so a revocation in the
        // second of the issue counts as one after it.
        at: claims.iat + context.setting.lifetimes.backdate - 1,
        methods: claims.proofs(),
        session: uuid::Uuid::nil(),
        address: claims.ipaddr.clone(),
    };
    let (openid, resource) = context.understood(&request.asked, false)?;
    let issuance = issue(
        context,
        Wanted {
            used,
            authentication: &authentication,
            asked: &request.asked,
            openid,
            resource,
            nonce: None,
            auth_time: false,
            refresh: Refresh::IfAsked(None),
        },
    )?;
    Ok(issuance)
}

/// A user's access token for the calling application, and nothing else.
fn acceptable<'a>(
    context: &Context<'_>,
    client: &ClientFact,
    assertion: &'a Result<AccessClaims, Rejection>,
    audience: Option<AppId>,
) -> Result<&'a AccessClaims, Refusal> {
    let claims = match assertion {
        Ok(claims) => claims,
        Err(Rejection::Expired) => {
            let at = |now| Trace {
                trace_id: uuid::Uuid::nil(),
                correlation_id: uuid::Uuid::nil(),
                now,
            };
            return Err(UserRefusal::AssertionTimes {
                now: at(context.setting.now).timestamp(),
                exp: "passed".to_owned(),
            }
            .into());
        }
        Err(rejection) => {
            let reason = rejection.to_string();
            return Err(UserRefusal::AssertionInvalid { reason }.into());
        }
    };
    let plain = |text: &str| text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let aud = plain(&claims.aud);
    let id = client.application.app_id.to_string();
    let by_id = aud == id || aud.strip_prefix("api://") == Some(id.as_str());
    if !by_id && audience != Some(client.application.app_id) {
        let aud = claims.aud.chars().take(200).collect();
        return Err(UserRefusal::AssertionAudience { aud }.into());
    }
    if claims.client().is_none() {
        return Err(UserRefusal::AssertionIdToken.into());
    }
    if claims.idtyp.as_deref() == Some("app") || claims.scp.is_none() {
        let client_id = client.application.app_id.to_string();
        return Err(UserRefusal::AssertionOfApplication { client_id }.into());
    }
    Ok(claims)
}
