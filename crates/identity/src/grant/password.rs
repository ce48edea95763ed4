//! `password` (RFC 6749 section 4.3): name and password by way of the client. Refused wherever a
//! second factor is needed.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::user::{Asked, ClientRule, Context, Denial, Refresh, UserIssuance, Wanted, issue};
use crate::authentication::Authentication;
use crate::issuer::Version;
use crate::refusal::{Refusal, UserRefusal};
use crate::request::Form;
use crate::tenant::TenantPath;

/// The grant's own parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `username`
    pub username: String,
    /// `password`
    pub password: Zeroizing<String>,
    /// `scope` or `resource`.
    pub asked: Asked,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password: it must not get into logs.
        f.debug_struct("Request")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`Refusal::ResourceOnV2`].
    pub fn parse(version: Version, form: Form<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            username: form.require("username")?.to_owned(),
            password: Zeroizing::new(form.require("password")?.to_owned()),
            asked: Asked::parse(version, form)?,
        })
    }
}

/// What comparing the password found. Whoever compares takes as long for a name that nobody bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the user's.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// Too many were wrong.
    Locked,
    /// It is the user's, whose account is switched off.
    Disabled,
    /// It is the user's, who must set another one first; there is no page here to do it on.
    Expired,
}

/// Checks what can be checked before the password is looked at, so that nobody guesses passwords
/// through a client that may not ask.
///
/// # Errors
/// [`UserRefusal::NotOnCommon`], and what the authentication of the client refuses.
pub fn admit(context: &Context<'_>) -> Result<(), Refusal> {
    if matches!(context.path, TenantPath::Common | TenantPath::Consumers) {
        return Err(UserRefusal::NotOnCommon.into());
    }
    let client = match (context.parties(), &context.facts.client) {
        (Ok((_, client)), _) => client,
        // `organizations`: the name tells the tenant, and whose name it is nobody has looked at yet.
        (Err(Refusal::TenantMissing), Some(client)) => client,
        (Err(other), _) => return Err(other),
    };
    context.authenticate(client, ClientRule::ByRegistration)?;
    Ok(())
}

/// Decides. `session` names the sign-in, at random.
///
/// # Errors
/// The first check that fails, in the order of the code below.
pub fn decide(
    context: &Context<'_>,
    request: &Request,
    verdict: Verdict,
    session: Uuid,
) -> Result<UserIssuance, Denial> {
    admit(context)?;
    match verdict {
        Verdict::Right => {}
        Verdict::Wrong => return Err(UserRefusal::PasswordWrong.into()),
        Verdict::Locked => return Err(UserRefusal::UserLocked.into()),
        Verdict::Disabled => return Err(UserRefusal::UserDisabled.into()),
        Verdict::Expired => return Err(UserRefusal::PasswordExpired.into()),
    }
    let (_, client) = context.parties()?;
    let used = context.authenticate(client, ClientRule::ByRegistration)?;
    let user = context
        .facts
        .user
        .as_ref()
        .ok_or(UserRefusal::PasswordWrong)?;
    let authentication = Authentication {
        tenant: user.tenant,
        user: user.id,
        at: context.setting.now,
        methods: vec!["pwd".to_owned()],
        session,
        address: context.address.map(str::to_owned),
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
