//! From a refusal and the directory as it is now to what was seen, what was needed, what is missing where, and what
//! mends it.

use bartizan_contract::identity_errors::identity_error;
use bartizan_contract::operations::{self, Operation};
use bartizan_contract::permissions::{RESOURCES, Resource, resource_of};
use bartizan_contract::remedies::of_identity;
use bartizan_contract::time::{format_iso8601, ticks_from_unix_seconds};
use bartizan_contract::{AppId, TenantId};
use serde::Serialize;

use super::refused::{ApiRefused, Check, Credential, Refused, TokenRefused, TokenSeen};

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
        Refused::Api(refused) => of_api(refused, now),
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
            }
        }
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

fn admin_consent(app: AppId, now: &Now) -> Remedy {
    let tenant = now.tenant.map_or("common".to_owned(), |t| t.to_string());
    Remedy::link(
        "An administrator of the tenant consents.",
        format!("{}/{tenant}/adminconsent?client_id={app}", now.login),
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

fn consent(draft: &mut Draft, refused: &TokenRefused, now: &Now) {
    draft.needed("consent", "of the user or of an administrator");
    draft.missing(
        now,
        "consent to the permissions that the application asks for",
    );
    let tenant = now.tenant.map_or(refused.tenant.clone(), |t| t.to_string());
    if let Ok(app) = client(refused).parse::<AppId>() {
        draft.remedy(admin_consent(app, now));
        if refused.code == 65_001 {
            draft.remedy(Remedy::link(
                "Or the user consents, where the tenant lets users do so.",
                format!(
                    "{}/{tenant}/oauth2/authorize?client_id={app}&response_type=code&prompt=consent",
                    now.login
                ),
            ));
        }
        if now.application.as_ref().is_some_and(|app| app.at_home) {
            draft.remedy(Remedy::command(
                "Or grant the application permissions that it asks for.",
                format!("bartizan app consent {app}{}", in_tenant(now)),
            ));
        }
    }
}

fn of_api(refused: &ApiRefused, now: &Now) -> Account {
    let mut draft = Draft::new(&refused.message);
    let called = format!("{} {}", refused.method, refused.path);
    draft.seen("operation", Some(&called));
    if let Some(token) = &refused.token {
        draft.seen("client", Some(&token.client_id));
        draft.seen("object", Some(&token.object_id));
        draft.seen("audience", Some(&token.audience));
        let held = token.permissions.join(", ");
        let held = if held.is_empty() { "none" } else { &held };
        draft.seen(if token.user { "scopes" } else { "roles" }, Some(held));
        let end = token
            .expires
            .map(|end| format_iso8601(ticks_from_unix_seconds(end)));
        draft.seen("expires", end.as_deref());
    }
    let operation = operations::all().find(|o| {
        o.api.name() == refused.api && o.method.as_str() == refused.method && o.path == refused.path
    });
    match (refused.check, operation) {
        (Some(check), Some(operation)) => token(&mut draft, check, operation, now),
        (None, Some(operation)) if refused.status == 403 => {
            if let Some(seen) = &refused.token {
                permission(&mut draft, seen, operation, now)
            }
        }
        _ => {}
    }
    match refused.status {
        429 => draft.remedy(Remedy::text(
            "Wait as long as Retry-After says; spread the calls, or ask for larger pages.",
        )),
        501 => draft.remedy(Remedy::text(
            "This version does not serve the operation; docs/STATUS.md lists what is served.",
        )),
        _ => {}
    }
    draft.0
}

/// The scope that asks for everything granted of an API.
fn scope(operation: &Operation) -> String {
    let uris = resource_of(operation.api).map_or(&[][..], |r| r.identifier_uris);
    format!("{}/.default", uris.first().unwrap_or(&"api://bartizan"))
}

fn token(draft: &mut Draft, check: Check, operation: &Operation, now: &Now) {
    let get = format!(
        "bartizan token get --scope {}{}",
        scope(operation),
        in_tenant(now)
    );
    let (needed, fact, text) = match check {
        Check::Missing => (
            "Authorization: Bearer and a token",
            "a token",
            "Get a token and send it.",
        ),
        Check::Form => (
            "Authorization: Bearer and one compact JWT",
            "a token in its form",
            "Send the access token as it was issued, once, after the word Bearer.",
        ),
        Check::Signature => (
            "signed by this server's published keys",
            "a good signature",
            "The token is of another authority, was changed, or its key has been revoked: get a new one here.",
        ),
        Check::Issuer => (
            "issued by this server for one of its tenants",
            "the issuer's own claims",
            "Get a token of this server.",
        ),
        Check::Audience => (
            "the API that is called",
            "a token for this API",
            "Ask for a token for this API: each has its own.",
        ),
        Check::Expired => (
            "a token that has not expired",
            "a token that is good now",
            "Get a new token; clients should do so a few minutes before the old one ends.",
        ),
        Check::NotYetValid => (
            "a token whose time has begun",
            "a token that is good now",
            "Compare the clocks of the machines that issued and that sent the token.",
        ),
    };
    let needed = match check {
        Check::Audience => scope(operation).trim_end_matches("/.default").to_owned(),
        _ => needed.to_owned(),
    };
    draft.needed(
        if check == Check::Audience {
            "audience"
        } else {
            "token"
        },
        needed,
    );
    draft.missing(now, fact);
    draft.remedy(Remedy::command(text, get));
}

fn permission(draft: &mut Draft, seen: &TokenSeen, operation: &Operation, now: &Now) {
    let wanted = if seen.user {
        operation.delegated_permissions
    } else {
        operation.app_permissions
    };
    if wanted.is_empty() {
        let (who, other) = if seen.user {
            ("a user", "an application's own token")
        } else {
            ("an application", "a user's token")
        };
        draft.needed("caller", other);
        draft.missing(now, format!("{who} may not call this at all"));
        return;
    }
    let kind = if seen.user { "scope" } else { "role" };
    draft.needed(kind, format!("any of {}", wanted.join(", ")));
    let has = seen
        .permissions
        .iter()
        .any(|p| wanted.contains(&p.as_str()));
    if has {
        // The permission is there; what refused is the role of a user, or a rule of the operation's own.
        draft.missing(
            now,
            "a right beyond the permission, which the message names",
        );
        if seen.user {
            let tenant = in_tenant(now);
            draft.remedy(Remedy::command(
                "Give the user a role that the message names.",
                format!("bartizan role assign ROLE {}{tenant}", seen.object_id),
            ));
        }
        return;
    }
    let least = wanted[0];
    draft.missing(now, format!("the {kind} {least} for {}", seen.client_id));
    if seen.user {
        if let Ok(app) = seen.client_id.parse::<AppId>() {
            draft.remedy(admin_consent(app, now));
        }
        return;
    }
    if now.held.iter().any(|role| wanted.contains(&role.as_str())) {
        draft.mended("The role has been granted since: get a new token, which carries it.");
        return;
    }
    let app = quoted(&seen.client_id);
    let tenant = in_tenant(now);
    draft.remedy(Remedy::command(
        "Add the permission and grant it, then get a new token.",
        format!(
            "bartizan app permission add {app} {}/{least}{tenant} && bartizan app consent {app}{tenant}",
            operation.api
        ),
    ));
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
