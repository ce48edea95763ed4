//! The admin consent endpoints: an administrator consents for everybody, and nobody is signed in
//! to the application by it.

use super::{Consent, ConsentPrompt, Wanted, required};
use crate::authentication::Authentication;
use crate::authorize::{
    Answer, Interactions, Redirect, ResponseMode, Session, Setting, Step, signed_in,
};
use crate::facts::{ClientFact, UserFacts};
use crate::issuer::Version;
use crate::refusal::{Refusal, Trace, UserRefusal};
use crate::request::are_sound;
use crate::scope::UserScopes;

/// A request to `/{tenant}/adminconsent` or `/{tenant}/v2.0/adminconsent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConsentRequest {
    /// Which endpoint it came to.
    pub version: Version,
    /// `client_id`
    pub client_id: String,
    /// `redirect_uri`
    pub redirect_uri: Option<String>,
    /// `scope` (v2)
    pub scope: Option<String>,
    /// `state`, echoed.
    pub state: Option<String>,
}

/// Parameters that may come once only: all that are read.
const ONCE: &[&str] = &["client_id", "redirect_uri", "scope", "state"];

impl AdminConsentRequest {
    /// What is read of a request's pairs, for keeping it while its pages are shown.
    #[must_use]
    pub fn kept(pairs: &[(String, String)]) -> Vec<(String, String)> {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            let read = ONCE.contains(&name.as_str()) && !value.is_empty();
            if read && kept.iter().all(|(known, _)| known != name) {
                kept.push((name.clone(), value.clone()));
            }
        }
        kept
    }

    /// Reads a request from its decoded pairs.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a parameter that comes twice with different values or is too
    /// long, [`Refusal::MissingParameter`] without `client_id`.
    pub fn parse(version: Version, pairs: &[(String, String)]) -> Result<Self, Refusal> {
        if !are_sound(pairs, ONCE) {
            return Err(Refusal::Malformed);
        }
        let get = |name: &str| {
            let found = pairs.iter().find(|(n, v)| n == name && !v.is_empty());
            found.map(|(_, value)| value.clone())
        };
        Ok(Self {
            version,
            client_id: get("client_id").ok_or(Refusal::MissingParameter { name: "client_id" })?,
            redirect_uri: get("redirect_uri"),
            scope: get("scope"),
            state: get("state"),
        })
    }
}

/// What comes next at an admin consent endpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum AdminStep {
    /// A page of signing in, or one that says what is wrong: [`Step::SignIn`],
    /// [`Step::PickAccount`], [`Step::SecondFactor`], [`Step::ErrorPage`].
    Page(Step),
    /// The client is told; see [`declined`] for how.
    ErrorRedirect(Redirect, Refusal),
    /// May the application …? Always for everybody.
    Consent(Redirect, Box<ConsentPrompt>),
    /// Who signed in is no administrator.
    NotAdministrator(Redirect, Box<ConsentPrompt>),
}

/// Says what comes next.
#[must_use]
pub fn decide(
    request: &AdminConsentRequest,
    facts: &UserFacts,
    authentication: Option<&Authentication>,
    done: Interactions,
    setting: Setting<'_>,
) -> AdminStep {
    let (client, redirect) = match addressee(request, facts, setting) {
        Ok(found) => found,
        Err(refusal) => return AdminStep::Page(Step::ErrorPage(refusal)),
    };
    let session = Session {
        facts,
        authentication,
        done,
        prompt: None,
        login_hint: None,
        domain_hint: None,
        max_age: None,
        setting,
    };
    let (tenant, user, _) = match signed_in(&session) {
        Ok(found) => found,
        Err(step) => return AdminStep::Page(*step),
    };
    let scopes = match scopes(request) {
        Ok(scopes) => scopes,
        Err(refusal) => return AdminStep::ErrorRedirect(redirect, refusal),
    };
    let wanted = Wanted {
        scopes: &scopes,
        // v2 lists what is named, and with `.default` what is registered of that resource.
        everything: scopes.resources.is_empty(),
        for_all: true,
        own_origins: setting.own_origins,
    };
    match required(&wanted, facts, client, tenant, user) {
        Err(refusal) => AdminStep::ErrorRedirect(redirect, refusal),
        Ok(Consent::NeedAdministrator(prompt)) => AdminStep::NotAdministrator(redirect, prompt),
        Ok(Consent::Missing(prompt)) => AdminStep::Consent(redirect, prompt),
        // For everybody all that is named is shown, granted or not: nothing is ever enough.
        Ok(Consent::Enough) => AdminStep::ErrorRedirect(redirect, Refusal::Fault),
    }
}

fn scopes(request: &AdminConsentRequest) -> Result<UserScopes, Refusal> {
    match (request.version, &request.scope) {
        (Version::V1, _) | (Version::V2, None) => Ok(UserScopes::default()),
        (Version::V2, Some(scope)) => UserScopes::parse(scope),
    }
}

fn addressee<'f>(
    request: &AdminConsentRequest,
    facts: &'f UserFacts,
    setting: Setting<'_>,
) -> Result<(&'f ClientFact, Redirect), Refusal> {
    let word = setting.path.word();
    if setting.path.is_one_tenant() && facts.tenant.is_none() {
        return Err(Refusal::TenantUnknown { tenant: word });
    }
    let client = facts
        .client
        .as_ref()
        .ok_or_else(|| Refusal::ApplicationUnknown {
            client_id: request.client_id.chars().take(100).collect(),
            tenant: word,
        })?;
    crate::authorize::reachable(client, facts, setting.path)?;
    let uris = &client.redirect_uris;
    let found = match &request.redirect_uri {
        None => uris
            .first()
            .map(|(platform, uri)| (platform, uri.to_owned())),
        Some(uri) => uris
            .platform_of(uri, setting.own_origins)
            .or_else(|| {
                // Only v1 tolerates further segments.
                let more = request.version == Version::V1 && uris.extends(uri);
                uris.first().filter(|_| more).map(|(platform, _)| platform)
            })
            .map(|platform| (platform, uri.clone())),
    };
    let (platform, uri) = found.ok_or_else(|| match &request.redirect_uri {
        None => UserRefusal::NoReplyAddress,
        Some(uri) => UserRefusal::RedirectUnregistered {
            uri: uri.chars().take(200).collect(),
            client_id: request.client_id.clone(),
        },
    })?;
    let redirect = Redirect {
        uri,
        platform,
        mode: ResponseMode::Query,
        state: request.state.clone(),
    };
    Ok((client, redirect))
}

/// The answer after an administrator accepted.
#[must_use]
pub fn accepted(
    request: &AdminConsentRequest,
    redirect: &Redirect,
    prompt: &ConsentPrompt,
) -> Answer {
    let mut fields = vec![
        ("admin_consent".to_owned(), "True".to_owned()),
        ("tenant".to_owned(), prompt.tenant.to_string()),
    ];
    if request.version == Version::V2 {
        let scopes = prompt.apis.iter().flat_map(|api| {
            let words = api.scopes.iter().chain(&api.roles);
            words.map(|item| format!("{}/{}", api.uri, item.value))
        });
        let scopes: Vec<String> = scopes.collect();
        fields.push(("scope".to_owned(), scopes.join(" ")));
    }
    redirect.answer(fields)
}

/// The answer after somebody declined, or when there is nothing to consent to. The two versions
/// call it differently.
#[must_use]
pub fn declined(
    request: &AdminConsentRequest,
    redirect: &Redirect,
    refusal: &Refusal,
    trace: &Trace,
) -> Answer {
    let mut fields = Vec::new();
    let error = match (request.version, refusal) {
        (Version::V1, Refusal::User(UserRefusal::ConsentDeclined)) => "permission_denied",
        (Version::V2, Refusal::User(UserRefusal::ConsentDeclined)) => "consent_required",
        (_, other) => other.error_at("authorize").0,
    };
    if request.version == Version::V2 {
        fields.push(("admin_consent".to_owned(), "True".to_owned()));
    }
    fields.push(("error".to_owned(), error.to_owned()));
    fields.push((
        "error_description".to_owned(),
        trace.description(&refusal.message()),
    ));
    redirect.answer(fields)
}
