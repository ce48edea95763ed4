//! `authorization_code` (RFC 6749 section 4.1.3, RFC 7636): a sign-in in the browser is redeemed,
//! once, by the client that asked for it.

use bartizan_contract::{AppId, TenantId};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::user::{Asked, ClientRule, Context, Denial, Refresh, UserIssuance, Wanted, issue};
use crate::authorize::CodeDetails;
use crate::issuer::Version;
use crate::pkce;
use crate::redirect::Platform;
use crate::refusal::{Refusal, UserRefusal};
use crate::request::Form;

/// The grant's own parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `code`
    pub code: Zeroizing<String>,
    /// `redirect_uri`
    pub redirect_uri: Option<String>,
    /// `code_verifier`
    pub verifier: Option<Zeroizing<String>>,
    /// `scope` or `resource`; what the authorization asked when absent.
    pub asked: Asked,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without code and verifier: they must not get into logs.
        f.debug_struct("Request")
            .field("redirect_uri", &self.redirect_uri)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`] without a code, [`Refusal::ResourceOnV2`].
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        let verifier = form.get("code_verifier");
        Ok(Self {
            code: Zeroizing::new(form.require("code")?.to_owned()),
            redirect_uri: form.get("redirect_uri").map(str::to_owned),
            verifier: verifier.map(|verifier| Zeroizing::new(verifier.to_owned())),
            asked: Asked::parse(version, form)?,
        })
    }
}

/// A code that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFact {
    /// The tenant that it was issued in.
    pub tenant: TenantId,
    /// The client that it was issued to.
    pub client: AppId,
    /// The family that its redemption begins.
    pub family: Uuid,
    /// What it was issued for.
    pub details: CodeDetails,
    /// Good until, seconds since 1970.
    pub expires: i64,
    /// Whether it was redeemed before.
    pub redeemed: bool,
}

/// What was asked: now, or with the authorization.
///
/// # Errors
/// [`UserRefusal::GrantInvalid`] when v1 names another resource than the authorization.
pub fn effective(request: &Request, details: &CodeDetails) -> Result<Asked, Refusal> {
    let now = &request.asked;
    if let (false, Some(a), Some(b)) = (now.v2, &now.resource, &details.resource)
        && a.trim_end_matches('/') != b.trim_end_matches('/')
    {
        return Err(UserRefusal::GrantInvalid.into());
    }
    if !now.is_empty() && (now.v2 || now.resource.is_some()) {
        return Ok(now.clone());
    }
    Ok(Asked {
        v2: now.v2 && details.v2,
        scope: details.scope.clone(),
        resource: details.resource.clone(),
    })
}

/// Decides.
///
/// # Errors
/// The first check that fails, in the order of the code below. A code that comes a second time
/// revokes what it was redeemed for (RFC 6749 section 10.5).
pub fn decide(
    context: &Context<'_>,
    request: &Request,
    code: Option<&CodeFact>,
) -> Result<UserIssuance, Denial> {
    let (tenant, client) = match (context.parties(), code) {
        // Where the path names no tenant, the code does; without a code there is none.
        (Err(Refusal::TenantMissing), None) => return Err(UserRefusal::GrantInvalid.into()),
        (parties, _) => parties?,
    };
    let code = code
        .filter(|code| code.client == client.application.app_id)
        .ok_or(UserRefusal::GrantInvalid)?;
    if code.tenant != tenant.id {
        return Err(UserRefusal::CodeOfOtherTenant.into());
    }
    let details = &code.details;
    let used = context.authenticate(
        client,
        match details.platform {
            Platform::Web => ClientRule::Confidential,
            Platform::Spa | Platform::PublicClient => ClientRule::Public,
        },
    )?;
    if code.redeemed {
        return Err(Denial {
            refusal: UserRefusal::CodeRedeemed.into(),
            revoke_family: Some(code.family),
        });
    }
    if context.setting.now >= code.expires {
        return Err(UserRefusal::CodeExpired.into());
    }
    same_redirect(request, details)?;
    check_origin(context, request, details)?;
    let verifier = request.verifier.as_ref().map(|verifier| verifier.as_str());
    pkce::check(details.challenge.as_ref(), verifier)?;
    let asked = effective(request, details)?;
    let (openid, resource) = context.understood(&asked, request.asked.is_empty())?;
    let issuance = issue(
        context,
        Wanted {
            used,
            authentication: &details.authentication,
            asked: &asked,
            openid,
            resource,
            nonce: details.nonce.as_deref(),
            auth_time: details.auth_time,
            refresh: Refresh::IfAsked(Some(details.platform)),
        },
    )?;
    Ok(issuance)
}

/// The redirect URI must be repeated exactly; where the authorization had none, none need come.
fn same_redirect(request: &Request, details: &CodeDetails) -> Result<(), Refusal> {
    let sent = request.redirect_uri.as_deref();
    if details.redirect_uri.is_none() || details.redirect_uri.as_deref() == sent {
        return Ok(());
    }
    let uri = sent.unwrap_or_default().chars().take(200).collect();
    Err(UserRefusal::RedirectDiffers { uri }.into())
}

fn check_origin(
    context: &Context<'_>,
    request: &Request,
    details: &CodeDetails,
) -> Result<(), Refusal> {
    match (details.platform, context.cross_origin) {
        (Platform::Spa, false) => Err(UserRefusal::NotCrossOrigin.into()),
        (Platform::Spa, true) if request.verifier.is_none() => {
            Err(UserRefusal::SpaWithoutPkce.into())
        }
        (Platform::Web | Platform::PublicClient, true) => Err(UserRefusal::CrossOrigin.into()),
        _ => Ok(()),
    }
}
