//! What comes next, in one visible order: to whom an answer may go at all, what is asked, who
//! signed in, what was consented to.

use super::answer::{Redirect, ResponseMode};
use super::grant::{AuthorizationGrant, CodeDetails};
use super::request::{AuthorizeRequest, Prompt, ResponseType};
use crate::authentication::Authentication;
use crate::consent::{self, Consent, ConsentPrompt};
use crate::facts::{ClientFact, UserFacts};
use crate::grant::client_credentials::TenantFact;
use crate::issuer::Version;
use crate::pkce::Challenge;
use crate::redirect::Platform;
use crate::refusal::{Refusal, UserRefusal};
use crate::scope::UserScopes;
use crate::tenant::TenantPath;
use crate::user::UserFact;

/// What the browser is shown, or sent away with.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A page that says what is wrong; nobody is told by redirect.
    ErrorPage(Refusal),
    /// The client is told.
    ErrorRedirect(Redirect, Refusal),
    /// Who are you?
    SignIn {
        /// The name that the client expects.
        login_hint: Option<String>,
        /// A domain of the tenant that the client expects.
        domain_hint: Option<String>,
    },
    /// Which account?
    PickAccount,
    /// A second factor for the account that is signed in.
    SecondFactor,
    /// May the application …?
    Consent(Box<ConsentPrompt>),
    /// An administrator must say whether it may. Going back tells the client
    /// [`UserRefusal::AdminConsentRequired`].
    NeedAdminApproval(Box<ConsentPrompt>),
    /// Done.
    Issue(Box<AuthorizationGrant>),
}

/// What the user did since the request came. A page that the request demands is shown once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interactions {
    /// Signed in.
    pub signed_in: bool,
    /// Chose an account.
    pub picked: bool,
    /// Consented.
    pub consented: bool,
}

/// The server's side of a decision.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The tenant's segment of the path.
    pub path: &'a TenantPath,
    /// The server's own origins.
    pub own_origins: &'a [String],
    /// Now, seconds since 1970.
    pub now: i64,
}

/// Says what comes next. `authentication` is the session that the browser has with this server.
#[must_use]
pub fn decide(
    request: &AuthorizeRequest,
    facts: &UserFacts,
    authentication: Option<&Authentication>,
    done: Interactions,
    setting: Setting<'_>,
) -> Step {
    let (client, redirect) = match addressee(request, facts, setting) {
        Ok(found) => found,
        Err(refusal) => return Step::ErrorPage(refusal),
    };
    let refuse = |refusal| Step::ErrorRedirect(redirect.clone(), refusal);
    let asked = match Asked::read(request, client, &redirect) {
        Ok(asked) => asked,
        Err(refusal) => return refuse(refusal),
    };
    let silent = asked.prompt == Some(Prompt::None);
    let session = Session {
        facts,
        authentication,
        done,
        prompt: asked.prompt,
        login_hint: request.login_hint.as_deref(),
        domain_hint: request.domain_hint.as_deref(),
        max_age: asked.max_age,
        setting,
    };
    let (tenant, user, authentication) = match signed_in(&session) {
        Ok(found) => found,
        Err(step) if silent => return refuse(without_pages(&step, facts.user.as_ref())),
        Err(step) => return *step,
    };
    if let Err(refusal) = usable_by(client) {
        return refuse(refusal);
    }
    let admin = asked.prompt == Some(Prompt::AdminConsent);
    let fresh = !done.consented && (admin || asked.prompt == Some(Prompt::Consent));
    let wanted = consent::Wanted {
        scopes: &asked.scopes,
        everything: fresh,
        for_all: admin && fresh,
        own_origins: setting.own_origins,
    };
    match consent::required(&wanted, facts, client, tenant, user) {
        Err(refusal) => return refuse(refusal),
        Ok(Consent::Enough) => {}
        Ok(Consent::Missing(prompt) | Consent::NeedAdministrator(prompt)) if silent => {
            let name = prompt.display_name.clone();
            let client_id = request.client_id.clone();
            return refuse(UserRefusal::ConsentRequired { client_id, name }.into());
        }
        Ok(Consent::Missing(prompt)) => return Step::Consent(prompt),
        Ok(Consent::NeedAdministrator(prompt)) => return Step::NeedAdminApproval(prompt),
    }
    Step::Issue(Box::new(asked.grant(
        request,
        redirect,
        tenant,
        client,
        user,
        authentication,
        admin && done.consented,
    )))
}

/// Where the answer to a request goes, for whoever declines on one of its pages.
///
/// # Errors
/// A refusal that may only be shown.
pub fn redirect_of(
    request: &AuthorizeRequest,
    facts: &UserFacts,
    setting: Setting<'_>,
) -> Result<Redirect, Refusal> {
    addressee(request, facts, setting).map(|(_, redirect)| redirect)
}

/// The client and where its answers go. Before this is known nothing may be redirected.
fn addressee<'f>(
    request: &AuthorizeRequest,
    facts: &'f UserFacts,
    setting: Setting<'_>,
) -> Result<(&'f ClientFact, Redirect), Refusal> {
    let word = setting.path.word();
    if setting.path.is_one_tenant() && facts.tenant.is_none() {
        return Err(Refusal::TenantUnknown { tenant: word });
    }
    let unknown = || Refusal::ApplicationUnknown {
        client_id: request.client_id.chars().take(100).collect(),
        tenant: setting.path.word(),
    };
    let client = facts.client.as_ref().ok_or_else(unknown)?;
    reachable(client, facts, setting.path)?;
    let (platform, uri) = match &request.redirect_uri {
        None => client
            .redirect_uris
            .first()
            .map(|(platform, uri)| (platform, uri.to_owned()))
            .ok_or(UserRefusal::NoReplyAddress)?,
        Some(uri) => client
            .redirect_uris
            .platform_of(uri, setting.own_origins)
            .map(|platform| (platform, uri.clone()))
            .ok_or_else(|| UserRefusal::RedirectUnregistered {
                uri: uri.chars().take(200).collect(),
                client_id: request.client_id.clone(),
            })?,
    };
    let redirect = Redirect {
        uri,
        platform,
        mode: mode_of(request),
        state: request.state.clone(),
    };
    Ok((client, redirect))
}

/// Outside its home an application must be multi-tenant; before anybody signed in, the path tells.
pub(crate) fn reachable(
    client: &ClientFact,
    facts: &UserFacts,
    path: &TenantPath,
) -> Result<(), Refusal> {
    if client.application.multi_tenant {
        return Ok(());
    }
    if !path.is_one_tenant() {
        return Err(UserRefusal::NotMultiTenant.into());
    }
    let home = Some(client.application.home);
    if facts.tenant.as_ref().map(|tenant| tenant.id) == home {
        return Ok(());
    }
    Err(Refusal::ApplicationUnknown {
        client_id: client.application.app_id.to_string(),
        tenant: path.word(),
    })
}

/// How answers travel, errors about the mode itself too: what was asked where that is possible,
/// the default otherwise.
fn mode_of(request: &AuthorizeRequest) -> ResponseMode {
    let tokens = request
        .response_type
        .as_deref()
        .is_some_and(|rt| rt.contains("token"));
    match request.response_mode.as_deref() {
        Some("form_post") => ResponseMode::FormPost,
        Some("fragment") => ResponseMode::Fragment,
        Some("query") if !tokens => ResponseMode::Query,
        _ if tokens => ResponseMode::Fragment,
        _ => ResponseMode::Query,
    }
}

/// What was asked, understood.
struct Asked {
    response: ResponseType,
    scopes: UserScopes,
    prompt: Option<Prompt>,
    max_age: Option<i64>,
    challenge: Option<Challenge>,
}

impl Asked {
    fn read(
        request: &AuthorizeRequest,
        client: &ClientFact,
        redirect: &Redirect,
    ) -> Result<Self, Refusal> {
        let response = request.response_type()?;
        if response.id_token && !client.implicit_id_tokens {
            return Err(UserRefusal::IdTokenNotEnabled.into());
        }
        match request.response_mode.as_deref() {
            None | Some("form_post" | "fragment") => {}
            Some("query") if !response.id_token => {}
            Some(mode) => {
                let mode = mode.chars().take(50).collect();
                return Err(UserRefusal::ResponseMode { mode }.into());
            }
        }
        let prompt = request.prompt()?;
        let max_age = request.max_age()?;
        let scopes = request.scopes()?;
        let challenge = Challenge::parse(
            request.code_challenge.as_deref(),
            request.code_challenge_method.as_deref(),
        )?;
        if redirect.platform == Platform::Spa && response.code && challenge.is_none() {
            return Err(UserRefusal::SpaWithoutPkce.into());
        }
        if response.id_token {
            if !scopes.openid.openid {
                let scope = request.scope.clone().unwrap_or_default();
                let scope = scope.chars().take(200).collect();
                return Err(Refusal::ScopeInvalid { scope });
            }
            if request.nonce.is_none() {
                return Err(Refusal::MissingParameter { name: "nonce" });
            }
        }
        Ok(Self {
            response,
            scopes,
            prompt,
            max_age,
            challenge,
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what was found on the way, put together once"
    )]
    fn grant(
        self,
        request: &AuthorizeRequest,
        redirect: Redirect,
        tenant: &TenantFact,
        client: &ClientFact,
        user: &UserFact,
        authentication: &Authentication,
        admin_consented: bool,
    ) -> AuthorizationGrant {
        let auth_time = self.max_age.is_some();
        let code = self.response.code.then(|| CodeDetails {
            v2: request.version == Version::V2,
            scope: request.scope.clone(),
            resource: request.resource.clone(),
            redirect_uri: request.redirect_uri.clone(),
            platform: redirect.platform,
            challenge: self.challenge,
            nonce: request.nonce.clone(),
            auth_time,
            authentication: authentication.clone(),
        });
        AuthorizationGrant {
            redirect,
            tenant: tenant.id,
            client: client.application.app_id,
            user: user.clone(),
            code,
            id_token: self.response.id_token,
            openid: self.scopes.openid,
            version: request.version,
            nonce: request.nonce.clone(),
            auth_time,
            client_info: request.client_info,
            admin_consented,
            authentication: authentication.clone(),
            roles: client.user_roles.clone(),
            id_claims: client.id_claims.clone(),
            address: client.application.home == tenant.id,
        }
    }
}

/// A browser's session and what is demanded of it.
pub(crate) struct Session<'a> {
    pub(crate) facts: &'a UserFacts,
    pub(crate) authentication: Option<&'a Authentication>,
    pub(crate) done: Interactions,
    pub(crate) prompt: Option<Prompt>,
    pub(crate) login_hint: Option<&'a str>,
    pub(crate) domain_hint: Option<&'a str>,
    pub(crate) max_age: Option<i64>,
    pub(crate) setting: Setting<'a>,
}

type SignedIn<'a> = (&'a TenantFact, &'a UserFact, &'a Authentication);

/// The user, if the session will do; otherwise the page that comes next.
pub(crate) fn signed_in<'a>(session: &Session<'a>) -> Result<SignedIn<'a>, Box<Step>> {
    let sign_in = || {
        Box::new(Step::SignIn {
            login_hint: session.login_hint.map(str::to_owned),
            domain_hint: session.domain_hint.map(str::to_owned),
        })
    };
    let user = session.facts.user.as_ref();
    let (Some(authentication), Some(user)) = (session.authentication, user) else {
        return Err(sign_in());
    };
    if !user.enabled {
        return Err(Box::new(Step::ErrorPage(UserRefusal::UserDisabled.into())));
    }
    let age = session.setting.now - authentication.at;
    let too_old = session.max_age.is_some_and(|max| age > max);
    let again = session.prompt == Some(Prompt::Login);
    if !authentication.is_good_for(user) || ((again || too_old) && !session.done.signed_in) {
        return Err(sign_in());
    }
    // Without a page of choices the hint chooses; whoever chose otherwise since then has chosen.
    let hinted = session
        .login_hint
        .is_none_or(|hint| hint.eq_ignore_ascii_case(&user.upn));
    if !hinted && !session.done.picked && !session.done.signed_in {
        return Err(sign_in());
    }
    let choose = session.prompt == Some(Prompt::SelectAccount)
        && !session.done.picked
        && !session.done.signed_in;
    let here = session.facts.tenant.as_ref();
    let Some(tenant) = here.filter(|tenant| !choose && tenant.id == user.tenant) else {
        return Err(Box::new(Step::PickAccount));
    };
    if user.second_factor_required && !authentication.is_multi_factor() {
        return Err(Box::new(Step::SecondFactor));
    }
    Ok((tenant, user, authentication))
}

/// What a client is told in place of a page that it does not want shown.
fn without_pages(step: &Step, user: Option<&UserFact>) -> Refusal {
    match step {
        Step::ErrorPage(refusal) => refusal.clone(),
        Step::PickAccount => UserRefusal::AccountSelection.into(),
        Step::SecondFactor => {
            let resource = "the application".to_owned();
            match user {
                Some(user) => UserRefusal::without_second_factor(user, resource).into(),
                None => UserRefusal::LoginRequired.into(),
            }
        }
        _ => UserRefusal::LoginRequired.into(),
    }
}

/// The client's presence in the tenant, if it has one yet: switched on, and open to the user.
pub(crate) fn usable_by(client: &ClientFact) -> Result<(), Refusal> {
    let Some(principal) = client.principal else {
        return Ok(());
    };
    if !principal.enabled {
        return Err(Refusal::ApplicationDisabled {
            client_id: client.application.app_id.to_string(),
        });
    }
    if principal.assignment_required && !principal.user_is_assigned {
        return Err(UserRefusal::UserNotAssigned.into());
    }
    Ok(())
}
