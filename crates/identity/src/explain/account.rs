//! From a refusal and the directory as it is now to what was seen, what was needed, what is missing where, and what
//! mends it.

mod api;
mod call;

use bartizan_contract::identity_errors::identity_error;
use bartizan_contract::permissions::{RESOURCES, Resource};
use bartizan_contract::remedies::of_identity;
use bartizan_contract::time::{format_iso8601, ticks_from_unix_seconds};
use bartizan_contract::{AppId, TenantId};
use serde::Serialize;

use super::refused::{Credential, Refused, TokenRefused};
use crate::consent::admin_consent_link;

/// The directory at the time of the explanation, as far as the refusal's tenant may see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Now {
    /// The tenant.
    pub tenant: Option<TenantId>,
    /// The client's registration: in this tenant, or elsewhere when other tenants may use it.
    pub application: Option<ApplicationNow>,
    /// Whether the client's service principal in the tenant is enabled; `None` without one.
    pub installed: Option<bool>,
    /// Whether the resource's service principal in the tenant is enabled; `None` without one.
    pub resource: Option<bool>,
    /// App roles on the operation's API that the client holds.
    pub held: Vec<String>,
    /// Permissions that the registration asks for, of the kind that is missing: of the operation's API, or of the resource
    /// of a token request. `None` where the registration or the resource is not known here.
    pub asks_for: Option<Vec<String>>,
    /// The origin of the sign-in pages, for links.
    pub login: String,
    /// Now, seconds since 1970.
    pub at: i64,
}

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationNow {
    /// Its client id.
    pub app_id: AppId,
    /// Its home tenant.
    pub home: TenantId,
    /// Whether this tenant is its home.
    pub at_home: bool,
    /// Its secrets: first characters and end in seconds since 1970. Empty outside its home.
    pub secrets: Vec<(String, i64)>,
}

/// An account of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// In one sentence.
    pub summary: String,
    /// What the request brought.
    pub seen: Vec<Fact>,
    /// What it would have taken.
    pub needed: Vec<Fact>,
    /// The fact that is missing; `None` when nothing of the directory is.
    pub missing: Option<Missing>,
    /// What mends it, the best first.
    pub remedies: Vec<Remedy>,
    /// Whether it has been mended since: the same request would be granted now, as far as the directory can tell.
    pub mended: bool,
}

/// A fact by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The missing fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// In words.
    pub fact: String,
    /// Where.
    pub tenant_id: Option<TenantId>,
}

/// Something to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// A command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// A page to open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Remedy {
    /// Advice in words alone.
    fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    fn command(text: impl Into<String>, command: String) -> Self {
        Self {
            text: text.into(),
            command: Some(command),
            link: None,
        }
    }

    fn link(text: impl Into<String>, link: String) -> Self {
        Self {
            text: text.into(),
            command: None,
            link: Some(link),
        }
    }
}

/// Accounts for a refusal.
#[must_use]
pub fn account(refused: &Refused, now: &Now) -> Account {
    match refused {
        Refused::Token(refused) => of_token(refused, now),
        Refused::Api(refused) => api::of_api(refused, now),
    }
}

/// Collects an account.
struct Draft(Account);

impl Draft {
    fn new(summary: &str) -> Self {
        Self(Account {
            summary: summary.to_owned(),
            seen: Vec::new(),
            needed: Vec::new(),
            missing: None,
            remedies: Vec::new(),
            mended: false,
        })
    }

    fn seen(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let value = value.to_owned();
            self.0.seen.push(Fact { name, value });
        }
    }

    fn needed(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.0.needed.push(Fact { name, value });
    }

    fn missing(&mut self, now: &Now, fact: impl Into<String>) {
        self.0.missing = Some(Missing {
            fact: fact.into(),
            tenant_id: now.tenant,
        });
    }

    fn mended(&mut self, text: &str) {
        self.0.mended = true;
        self.0.missing = None;
        self.0.remedies.insert(0, Remedy::text(text));
    }

    fn remedy(&mut self, remedy: Remedy) {
        self.0.remedies.push(remedy);
    }
}

fn of_token(refused: &TokenRefused, now: &Now) -> Account {
    let mut draft = Draft::new(&refused.message);
    draft.seen("grant", refused.grant.as_deref());
    draft.seen("tenant", Some(&refused.tenant));
    draft.seen("client", refused.client_id.as_deref());
    draft.seen("resource", refused.resource.as_deref());
    draft.seen("user", refused.user.as_deref());
    let proof = match refused.credential {
        Credential::None => "none",
        Credential::Secret => "a secret",
        Credential::SecretId => "a GUID where the secret's value belongs",
        Credential::Assertion => "an assertion",
    };
    draft.seen("proof", Some(proof));
    match refused.code {
        700_016 => application(&mut draft, refused, now),
        7_000_215 | 7_000_222 | 7_000_216 => secret(&mut draft, refused, now),
        500_011 | 50_001 => resource(&mut draft, refused, now),
        7_000_112 => {
            draft.needed("service principal", "enabled");
            draft.missing(now, "the service principal is switched off");
            if now.installed == Some(true) {
                draft.mended("It has been switched on since: ask again.");
            } else if now.installed.is_some() {
                draft.remedy(Remedy::command(
                    "Switch it on.",
                    format!(
                        "bartizan sp update {} --enabled true{}",
                        quoted(client(refused)),
                        in_tenant(now)
                    ),
                ));
            }
        }
        50_105 => assignment(&mut draft, refused, now),
        65_001 | 90_094 | 90_095 => consent(&mut draft, refused, now),
        90_002 => {
            draft.needed("tenant", "one of this server, by id or domain");
            draft.missing(now, format!("a tenant named {}", refused.tenant));
            draft.remedy(Remedy::command(
                "See which tenants there are.",
                "bartizan tenant list".to_owned(),
            ));
        }
        _ => {}
    }
    // What the table says of the code holds whatever was found out here.
    if let Some(row) = identity_error(refused.code)
        && draft.0.needed.is_empty()
    {
        draft.needed("cause", row.when);
    }
    if let Some(text) = of_identity(refused.code).filter(|_| !draft.0.mended) {
        draft.remedy(Remedy::text(text));
    }
    draft.0
}

/// ` --tenant T`, where the tenant is known.
fn in_tenant(now: &Now) -> String {
    now.tenant
        .map(|tenant| format!(" --tenant {tenant}"))
        .unwrap_or_default()
}

fn client(refused: &TokenRefused) -> &str {
    refused.client_id.as_deref().unwrap_or("CLIENT_ID")
}

/// A value of a request inside a command: nothing that a shell would act on.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    let kept: String = text
        .chars()
        .filter(|c| *c != '\'' && !c.is_control())
        .collect();
    format!("'{kept}'")
}

fn application(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    let tenant = in_tenant(now);
    draft.needed(
        "application",
        "registered in the tenant, or of another tenant and consented to here",
    );
    match (&now.application, now.installed) {
        (Some(_), Some(_)) => draft.mended("The application is there now: ask again."),
        (Some(app), None) if app.at_home => {
            draft.missing(now, "the application has no service principal");
            draft.remedy(Remedy::command(
                "Make the service principal, and grant what the application asks for.",
                format!("bartizan app consent {}{tenant}", app.app_id),
            ));
        }
        (Some(app), None) => {
            draft.missing(
                now,
                "nobody has consented to the application of another tenant",
            );
            draft.remedy(admin_consent(app.app_id, now));
        }
        (None, _) => {
            draft.missing(
                now,
                format!("an application with the client id {}", client(refused)),
            );
            draft.remedy(Remedy::command(
                "Compare the client id with those that are registered, and the tenant with the one that it is registered in.",
                format!("bartizan app list{tenant}"),
            ));
            draft.remedy(Remedy::command(
                "Or register one.",
                format!("bartizan app create NAME{tenant}"),
            ));
        }
    }
}

/// The link by which an administrator of the tenant consents to all that the registration asks for.
fn admin_consent(app: AppId, now: &Now) -> Remedy {
    let tenant = now.tenant.map_or("common".to_owned(), |t| t.to_string());
    Remedy::link(
        "An administrator of the tenant consents.",
        admin_consent_link::<&str>(&now.login, &tenant, app, &[], None),
    )
}

/// What the publisher does first, where the registration does not ask for a permission: consent is for what it asks for.
fn ask_for(app: &ApplicationNow, permission: &str, delegated: bool) -> Remedy {
    let flag = if delegated { " --delegated" } else { "" };
    Remedy::command(
        "The publisher adds the permission to the registration, in its home tenant.",
        format!(
            "bartizan app permission add {}{flag} {permission} --tenant {}",
            app.app_id, app.home
        ),
    )
}

fn secret(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    let app = now.application.as_ref();
    let valid = |app: &ApplicationNow| app.secrets.iter().any(|(_, end)| *end > now.at);
    match app {
        Some(app) if app.at_home && !app.secrets.is_empty() => {
            let known: Vec<String> = app
                .secrets
                .iter()
                .map(|s| secret_in_words(s, now))
                .collect();
            draft.needed("secret", format!("one of: {}", known.join("; ")));
        }
        _ => draft.needed("secret", "one of the application's that has not expired"),
    }
    if refused.credential == Credential::SecretId {
        draft.remedy(Remedy::text(
            "A GUID was sent. A secret's id is one, its value is not: send the value that was shown when the secret was made.",
        ));
    }
    match app {
        Some(app) if app.at_home => {
            let fact = match (refused.code, valid(app)) {
                (7_000_222, _) => "the secret that was sent has expired",
                (7_000_216, _) => {
                    "a proof of the client: neither a secret nor an assertion was sent"
                }
                (_, true) => "the secret that was sent is none of the application's",
                (_, false) => "the application has no secret that is good now",
            };
            draft.missing(now, fact);
            draft.remedy(Remedy::command(
                "Make a new secret, and use its value.",
                format!("bartizan app secret add {}{}", app.app_id, in_tenant(now)),
            ));
        }
        _ => {
            draft.missing(
                now,
                "a good secret, which the application's home tenant issues",
            );
            draft.remedy(Remedy::text(
                "Ask the publisher of the application: its secrets are made in its home tenant.",
            ));
        }
    }
}

fn secret_in_words(secret: &(String, i64), now: &Now) -> String {
    let (hint, end) = secret;
    let verb = if *end > now.at { "until" } else { "expired" };
    format!("{hint}… {verb} {}", day(*end))
}

fn day(seconds: i64) -> String {
    let text = format_iso8601(ticks_from_unix_seconds(seconds));
    text.split('T').next().unwrap_or(&text).to_owned()
}

fn resource(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    let asked = refused.resource.as_deref().unwrap_or_default();
    draft.needed(
        "resource",
        "an API that the tenant knows, by identifier URI or application id",
    );
    match now.resource {
        Some(true) => {
            draft.mended("The resource is there now: ask again.");
            return;
        }
        Some(false) => draft.missing(now, format!("the resource {asked} is switched off")),
        None => draft.missing(now, format!("a resource named {asked}")),
    }
    for resource in likeliest(asked) {
        if let Some(uri) = resource.identifier_uris.first() {
            draft.remedy(Remedy::command(
                format!("{} is {uri}.", resource.display_name),
                format!(
                    "bartizan token get --scope {uri}/.default{}",
                    in_tenant(now)
                ),
            ));
        }
    }
}

/// The resources of the table, those whose names share most with what was asked first.
fn likeliest(asked: &str) -> Vec<&'static Resource> {
    let mut resources: Vec<&Resource> = RESOURCES.iter().collect();
    let alike = |uri: &&str| {
        let common = uri.chars().zip(asked.chars()).take_while(|(a, b)| a == b);
        common.count()
    };
    resources.sort_by_key(|resource| {
        let best = resource.identifier_uris.iter().map(&alike).max();
        std::cmp::Reverse(best.unwrap_or(0))
    });
    resources
}

fn assignment(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    draft.needed(
        "assignment",
        "of the user, or of a group that the user is a direct member of, to the application",
    );
    draft.missing(now, "the user is not assigned to the application");
    let user = refused.user.as_deref().unwrap_or("USER");
    draft.remedy(Remedy::command(
        "Assign the user; a group's object id in place of the user assigns its direct members. An application that has roles for people wants the name of one in place of default.",
        format!(
            "bartizan sp assignment add {} default --resource {}{}",
            quoted(user),
            quoted(client(refused)),
            in_tenant(now)
        ),
    ));
}

fn consent(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    draft.needed("consent", "of the user or of an administrator");
    let unasked = unasked(refused, now);
    if unasked.is_empty() {
        let what = "consent to the permissions that the application asks for";
        draft.missing(now, what);
    } else {
        let names = unasked.join(", ");
        draft.missing(
            now,
            format!("consent to {names}, which the application's registration does not ask for"),
        );
    }
    let Ok(app) = client(refused).parse::<AppId>() else {
        return;
    };
    let tenant = now.tenant.map_or(refused.tenant.clone(), |t| t.to_string());
    let scope = scope_parameter(refused, &unasked);
    draft.remedy(match &scope {
        // Consent to what is registered would not bring it.
        Some(scope) => Remedy::link(
            "An administrator of the tenant consents to it by name.",
            admin_consent_link(&now.login, &tenant, app, scope, None),
        ),
        None => admin_consent(app, now),
    });
    if refused.code == 65_001 {
        let asked = match &scope {
            Some(scope) => format!(
                "oauth2/v2.0/authorize?client_id={app}&scope={}",
                scope.join("%20")
            ),
            None => format!("oauth2/authorize?client_id={app}&prompt=consent"),
        };
        draft.remedy(Remedy::link(
            "Or the user consents, where the tenant lets users do so.",
            format!("{}/{tenant}/{asked}&response_type=code", now.login),
        ));
    }
    if now.application.as_ref().is_some_and(|app| app.at_home) && unasked.is_empty() {
        draft.remedy(Remedy::command(
            "Or grant the permissions that it asks for.",
            format!("bartizan app consent {app}{}", in_tenant(now)),
        ));
    }
}

/// The scopes of a request that the registration does not ask for; none where it is not known here.
fn unasked<'r>(refused: &'r TokenRefused, now: &Now) -> Vec<&'r str> {
    let Some(asks_for) = &now.asks_for else {
        return Vec::new();
    };
    let asked_for = |scope: &str| asks_for.iter().any(|s| s.eq_ignore_ascii_case(scope));
    let scopes = refused.scopes.iter().map(String::as_str);
    scopes.filter(|scope| !asked_for(scope)).collect()
}

/// Scopes as a link names them; none when there are none, or when one has a character that is not one of a name.
fn scope_parameter(refused: &TokenRefused, scopes: &[&str]) -> Option<Vec<String>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    let resource = refused.resource.as_deref()?;
    let full: Vec<String> = scopes.iter().map(|s| format!("{resource}/{s}")).collect();
    (!full.is_empty() && full.concat().chars().all(plain)).then_some(full)
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
