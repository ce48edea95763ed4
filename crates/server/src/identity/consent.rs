//! Consent: the page that asks for it, and writing down what was given.

use askama::Template;
use axum::response::Response;
use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_identity::consent::{ConsentItem, ConsentPrompt, Consented, admin_consent_link};
use bartizan_identity::refusal::UserRefusal;
use bartizan_store::directory::applications;
use bartizan_store::directory::assignments::{self, AppRoleAssignment};
use bartizan_store::directory::permission_grants::{self, PermissionGrant};
use bartizan_store::directory::service_principals;
use bartizan_store::{StoreError, WriteTx};
use http::StatusCode;
use serde_json::{Value as Json, json};
use url::Url;
use uuid::Uuid;

use super::Request;
use super::html::{Frame, Policy, page, visible};
use super::shown::{self, Asked};
use super::sign_in::{Event, Flow, SignedIn, record_event, sha256_hex};

struct Line {
    text: String,
    value: String,
    resource: String,
    application: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    app: &'a str,
    app_id: AppId,
    publisher: String,
    unverified: bool,
    sends_to: Option<String>,
    name: &'a str,
    tenant: &'a str,
    for_all: bool,
    may_consent_for_all: bool,
    shown: String,
    error: Option<&'a str>,
    permissions: Vec<Line>,
}

/// What a page says whose permissions are not those of the one before.
pub(super) const CHANGED: &str = "What the application asks for has changed since the page before was shown. Read it again, then decide.";

/// Tells what the page of a flow shows from anything else it could: all of the prompt, names and texts included.
fn digest(flow: &Flow, prompt: &ConsentPrompt) -> String {
    sha256_hex(format!("{}\n{prompt:?}", flow.hash()).as_bytes())
}

/// Whether the page whose form was sent showed this prompt. What an application asks for is its owner's to change at
/// any time; nobody consented to what was not on the page.
pub(super) fn was_shown(request: &Request<'_>, flow: &Flow, prompt: &ConsentPrompt) -> bool {
    request.form("shown") == Some(digest(flow, prompt).as_str())
}

/// Asks whether the application may.
pub(super) fn ask(
    request: &Request<'_>,
    flow: &Flow,
    prompt: &ConsentPrompt,
    person: &SignedIn,
    error: Option<&str>,
) -> Response {
    let sends_to = flow.target.as_deref().and_then(|uri| Url::parse(uri).ok());
    let template = ConsentPage {
        frame: Frame::of(request, flow, "Permissions requested"),
        app: &visible(&prompt.display_name),
        app_id: prompt.client,
        publisher: visible(&publisher(prompt)),
        unverified: prompt.unverified_publisher,
        sends_to: sends_to.map(|url| match url.host_str() {
            Some(host) => host.to_owned(),
            None => format!("the program for {}:", url.scheme()),
        }),
        name: &person.user.upn,
        tenant: &person.tenant.display_name,
        for_all: prompt.for_all,
        may_consent_for_all: prompt.may_accept_for_all && !prompt.for_all,
        shown: digest(flow, prompt),
        error,
        permissions: lines(prompt),
    };
    page(StatusCode::OK, &template, &policy(flow))
}

#[derive(Template)]
#[template(path = "approval.html")]
struct ApprovalPage<'a> {
    frame: Frame,
    app: &'a str,
    tenant: &'a str,
    name: &'a str,
    permissions: Vec<Line>,
    link: String,
    trace: Uuid,
}

/// Says that an administrator must be asked, and with which link.
pub(super) fn approval(
    request: &Request<'_>,
    flow: &Flow,
    prompt: &ConsentPrompt,
    person: &SignedIn,
    asked: &Asked<'_>,
) -> Response {
    shown::refused(request, asked, &UserRefusal::AdminConsentRequired.into());
    let link = admin_consent_link(
        &request.site.base,
        &prompt.tenant.to_string(),
        prompt.client,
        &prompt.by_name,
        flow.target.as_deref(),
    );
    let template = ApprovalPage {
        frame: Frame::of(request, flow, "Approval required"),
        app: &visible(&prompt.display_name),
        tenant: &person.tenant.display_name,
        name: &person.user.upn,
        permissions: lines(prompt),
        link,
        trace: request.trace.trace_id,
    };
    page(StatusCode::OK, &template, &policy(flow))
}

fn policy(flow: &Flow) -> Policy {
    Policy {
        script: false,
        target: flow.target.clone(),
    }
}

fn publisher(prompt: &ConsentPrompt) -> String {
    if let Some(name) = &prompt.publisher.verified_name {
        return name.clone();
    }
    if prompt.home == prompt.tenant {
        return "your organization".to_owned();
    }
    match &prompt.publisher.domain {
        Some(domain) => format!("{domain} (tenant {})", prompt.home),
        None => format!("tenant {}", prompt.home),
    }
}

/// Permissions in plain words.
fn lines(prompt: &ConsentPrompt) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut plain = |asked: bool, value: &str, text: &str| {
        if asked {
            lines.push(Line {
                text: text.to_owned(),
                value: value.to_owned(),
                resource: "signing in".to_owned(),
                application: false,
            });
        }
    };
    let sign_in = prompt.sign_in;
    plain(
        sign_in.openid || sign_in.profile,
        "openid profile",
        "Sign you in and read your name and account",
    );
    plain(sign_in.email, "email", "Read your e-mail address");
    plain(
        sign_in.offline_access,
        "offline_access",
        "Keep the access that you give it, also while you are away",
    );
    for api in &prompt.apis {
        let line = |item: &ConsentItem, application| Line {
            text: visible(&words(item)),
            value: visible(&item.value),
            resource: visible(&api.display_name),
            application,
        };
        lines.extend(api.scopes.iter().map(|item| line(item, false)));
        lines.extend(api.roles.iter().map(|item| line(item, true)));
    }
    lines
}

fn words(item: &ConsentItem) -> String {
    [&item.title, &item.description, &item.value]
        .into_iter()
        .find(|text| !text.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// Writes down what was consented to: service principals that are missing, delegated permissions, app roles.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn write(
    request: &Request<'_>,
    tx: &mut WriteTx,
    consented: &Consented,
) -> Result<(), StoreError> {
    let tenant = consented.tenant;
    let actor = format!("user:{}", consented.by);
    let note = |target: String, action: &'static str, details: Json| Event {
        actor: actor.clone(),
        target,
        action,
        outcome: "success".to_owned(),
        details,
    };
    for app in &consented.principals {
        let known = service_principals::by_app_id(tx, tenant, *app).await?;
        present(request, tx, tenant, *app).await?;
        let made = service_principals::by_app_id(tx, tenant, *app).await?;
        if let (None, Some(made)) = (known, made) {
            let details = json!({ "appId": app, "displayName": made.display_name });
            let event = note(made.id.to_string(), "servicePrincipal.create", details);
            record_event(request, tx, tenant, event).await?;
        }
    }
    let principal = service_principals::by_app_id(tx, tenant, consented.client).await?;
    let principal = principal.ok_or(StoreError::Missing("service principal"))?;
    let (client, name) = (principal.id, principal.display_name);
    let now = request.app.clock.unix_micros();
    for grant in consented.grants.iter().filter(|g| !g.scopes.is_empty()) {
        let resource = presence(tx, tenant, grant.resource).await?;
        let before = permission_grants::of_client(tx, tenant, client).await?;
        let before = before
            .into_iter()
            .find(|held| held.resource == resource && held.principal == grant.principal);
        let scope_before = before.map(|held| held.scope);
        let wanted = PermissionGrant {
            id: opaque_id(),
            client,
            resource,
            principal: grant.principal,
            scope: grant.scopes.join(" "),
            created: now,
        };
        let kept = permission_grants::add(tx, tenant, &wanted).await?;
        if scope_before.as_ref() == Some(&kept.scope) {
            continue;
        }
        let action = match scope_before {
            Some(_) => "oauth2PermissionGrant.update",
            None => "oauth2PermissionGrant.create",
        };
        let details = json!({
            "client": name,
            "resourceId": resource,
            "before": scope_before,
            "scope": kept.scope,
            "principal": grant.principal,
        });
        record_event(request, tx, tenant, note(kept.id, action, details)).await?;
    }
    let held = assignments::of_principal(tx, tenant, client).await?;
    for role in &consented.roles {
        let resource = presence(tx, tenant, role.resource).await?;
        let known = held
            .iter()
            .any(|held| held.resource == resource && held.app_role_id == role.role);
        if known {
            continue;
        }
        let assignment = AppRoleAssignment {
            id: opaque_id(),
            principal: client,
            principal_kind: "ServicePrincipal".to_owned(),
            resource,
            app_role_id: role.role,
            created: now,
        };
        assignments::create(tx, tenant, &assignment).await?;
        let details = json!({
            "principal": name,
            "principalId": client,
            "resourceId": resource,
            "appRoleId": role.role,
        });
        let event = note(assignment.id, "appRoleAssignment.create", details);
        record_event(request, tx, tenant, event).await?;
    }
    let scopes: Vec<_> = consented
        .grants
        .iter()
        .map(|grant| {
            json!({
                "resource": grant.resource,
                "scope": grant.scopes.join(" "),
                "forEverybody": grant.principal.is_none(),
            })
        })
        .collect();
    let roles: Vec<_> = consented
        .roles
        .iter()
        .map(|role| json!({ "resource": role.resource, "appRoleId": role.role }))
        .collect();
    let details = json!({
        "displayName": name,
        "application": consented.client,
        "grants": scopes,
        "appRoles": roles,
    });
    let event = note(client.to_string(), "application.consent", details);
    record_event(request, tx, tenant, event).await
}

/// Ids of grants and assignments are opaque texts.
fn opaque_id() -> String {
    Uuid::new_v4().simple().to_string()
}

async fn present(
    request: &Request<'_>,
    tx: &mut WriteTx,
    tenant: TenantId,
    app: AppId,
) -> Result<(), StoreError> {
    if service_principals::by_app_id(tx, tenant, app)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let application = applications::anywhere(tx, app)
        .await?
        .ok_or(StoreError::Missing("application"))?;
    let now = request.app.clock.unix_micros();
    let id = ObjectId(Uuid::new_v4());
    let fresh = service_principals::to_be(tx, id, tenant, &application, now).await?;
    service_principals::create(tx, &fresh).await
}

async fn presence(tx: &mut WriteTx, tenant: TenantId, app: AppId) -> Result<ObjectId, StoreError> {
    let found = service_principals::by_app_id(tx, tenant, app).await?;
    found
        .map(|principal| principal.id)
        .ok_or(StoreError::Missing("service principal"))
}
