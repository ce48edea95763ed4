//! An authorization request as it came.

use crate::issuer::Version;
use crate::refusal::{Refusal, UserRefusal};
use crate::request::are_sound;
use crate::scope::{ResourceRequest, UserScopes};

/// What is asked. Values are as they were sent, because what is wrong with them may only be told
/// once it is known to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// Which endpoint it came to.
    pub version: Version,
    /// `client_id`
    pub client_id: String,
    /// `response_type`
    pub response_type: Option<String>,
    /// `redirect_uri`
    pub redirect_uri: Option<String>,
    /// `response_mode`
    pub response_mode: Option<String>,
    /// `scope`
    pub scope: Option<String>,
    /// `resource` (v1)
    pub resource: Option<String>,
    /// `state`, echoed.
    pub state: Option<String>,
    /// `nonce`, echoed in ID tokens.
    pub nonce: Option<String>,
    /// `prompt`
    pub prompt: Option<String>,
    /// `login_hint`: a user's name.
    pub login_hint: Option<String>,
    /// `domain_hint`: a domain of the user's tenant.
    pub domain_hint: Option<String>,
    /// `code_challenge`
    pub code_challenge: Option<String>,
    /// `code_challenge_method`
    pub code_challenge_method: Option<String>,
    /// `max_age`, seconds.
    pub max_age: Option<String>,
    /// `claims`, a JSON text. Nothing of it is needed here; it is kept for who asks.
    pub claims: Option<String>,
    /// Whether `client_info=1` was sent.
    pub client_info: bool,
}

/// `response_type`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseType {
    /// A code.
    pub code: bool,
    /// An ID token.
    pub id_token: bool,
}

/// `prompt`: which page must be shown, or that none may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// No page.
    None,
    /// Sign in again.
    Login,
    /// Choose an account.
    SelectAccount,
    /// Consent again.
    Consent,
    /// An administrator consents for everybody (v1).
    AdminConsent,
}

/// Parameters that may come once only.
const ONCE: &[&str] = &[
    "client_id",
    "response_type",
    "redirect_uri",
    "response_mode",
    "scope",
    "resource",
    "state",
    "nonce",
    "prompt",
    "login_hint",
    "domain_hint",
    "code_challenge",
    "code_challenge_method",
    "max_age",
    "claims",
];

impl AuthorizeRequest {
    /// What is read of a request's pairs, for keeping it while its pages are shown: anything may stand beside that, and
    /// nobody has signed in yet. Of `claims` nothing is needed later.
    #[must_use]
    pub fn kept(pairs: &[(String, String)]) -> Vec<(String, String)> {
        let mut kept: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            let read = match name.as_str() {
                "client_info" => value == "1",
                "claims" => false,
                name => ONCE.contains(&name) && !value.is_empty(),
            };
            if read && kept.iter().all(|(known, _)| known != name) {
                kept.push((name.clone(), value.clone()));
            }
        }
        kept
    }

    /// Reads a request from its decoded pairs, of the query or of a form.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a parameter that comes twice with different values or is too
    /// long, [`Refusal::MissingParameter`] without `client_id`. Neither may be answered by
    /// redirect.
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
            response_type: get("response_type"),
            redirect_uri: get("redirect_uri"),
            response_mode: get("response_mode"),
            scope: get("scope"),
            resource: get("resource"),
            state: get("state"),
            nonce: get("nonce"),
            prompt: get("prompt"),
            login_hint: get("login_hint"),
            domain_hint: get("domain_hint"),
            code_challenge: get("code_challenge"),
            code_challenge_method: get("code_challenge_method"),
            max_age: get("max_age"),
            claims: get("claims"),
            client_info: get("client_info").as_deref() == Some("1"),
        })
    }

    /// Reads `response_type`.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`UserRefusal::ResponseType`], and for `token`
    /// [`UserRefusal::TokenNotEnabled`].
    pub fn response_type(&self) -> Result<ResponseType, Refusal> {
        let text = self
            .response_type
            .as_deref()
            .ok_or(Refusal::MissingParameter {
                name: "response_type",
            })?;
        let mut asked = ResponseType::default();
        for word in text.split_ascii_whitespace() {
            match word {
                "code" => asked.code = true,
                "id_token" => asked.id_token = true,
                "token" => return Err(UserRefusal::TokenNotEnabled.into()),
                _ => asked = ResponseType::default(),
            }
            if asked == ResponseType::default() {
                let rt = text.chars().take(100).collect();
                return Err(UserRefusal::ResponseType { rt }.into());
            }
        }
        Ok(asked)
    }

    /// Reads `prompt`. `create`, which newer clients may send, is a sign-in.
    ///
    /// # Errors
    /// [`UserRefusal::Parameter`] for another word, and for `none` beside others.
    pub fn prompt(&self) -> Result<Option<Prompt>, Refusal> {
        let wrong = || Refusal::from(UserRefusal::Parameter { name: "prompt" });
        let mut prompt = None;
        for word in self
            .prompt
            .as_deref()
            .unwrap_or_default()
            .split_ascii_whitespace()
        {
            let read = match word {
                "none" => Prompt::None,
                "login" | "create" => Prompt::Login,
                "select_account" => Prompt::SelectAccount,
                "consent" => Prompt::Consent,
                "admin_consent" => Prompt::AdminConsent,
                _ => return Err(wrong()),
            };
            if prompt.is_some_and(|p| p == Prompt::None || read == Prompt::None) {
                return Err(wrong());
            }
            prompt = Some(read);
        }
        Ok(prompt)
    }

    /// Reads `max_age`, seconds.
    ///
    /// # Errors
    /// [`UserRefusal::Parameter`].
    pub fn max_age(&self) -> Result<Option<i64>, Refusal> {
        let Some(text) = &self.max_age else {
            return Ok(None);
        };
        let age = text.parse::<i64>().ok().filter(|age| *age >= 0);
        age.map(Some)
            .ok_or_else(|| UserRefusal::Parameter { name: "max_age" }.into())
    }

    /// Reads `scope` and, on v1, `resource`. On v1 `scope` counts for its OpenID words alone; the
    /// documented consent link of v1 has neither.
    ///
    /// # Errors
    /// [`Refusal::MissingParameter`], [`Refusal::ResourceOnV2`], [`Refusal::ScopeInvalid`].
    pub fn scopes(&self) -> Result<UserScopes, Refusal> {
        match self.version {
            Version::V2 if self.resource.is_some() => Err(Refusal::ResourceOnV2),
            Version::V2 => {
                let scope = self.scope.as_deref();
                UserScopes::parse(scope.ok_or(Refusal::MissingParameter { name: "scope" })?)
            }
            Version::V1 => {
                let sent = self.scope.as_deref().unwrap_or_default();
                let mut scopes = UserScopes::parse(sent).unwrap_or_default();
                scopes.openid.openid = true;
                scopes.openid.profile = true;
                scopes.resources = self
                    .resource
                    .iter()
                    .map(|resource| ResourceRequest::of_v1(resource))
                    .collect();
                Ok(scopes)
            }
        }
    }
}
