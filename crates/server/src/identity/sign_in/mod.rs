//! `/{tenant}/login`: the pages on which a person signs in, one form after another.
//!
//! A sign-in is begun by another endpoint ([`Flow`]), and what that was for goes on when it is done. `GET` shows the
//! page of the step that the flow has reached, `POST` takes its form and sends the browser to the next one, so that
//! going back or reloading repeats nothing.

mod cookies;
mod factors;
mod flow;
mod guards;
mod new_password;
mod pages;
mod password;
mod sessions;
mod wrong_factor;

use axum::response::Response;
use bartizan_contract::TenantId;
use bartizan_contract::identity_errors::identity_error;
use bartizan_identity::sign_in::{Method, Step, next};
use bartizan_identity::{Refusal, TenantPath};
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::directory::users;
use bartizan_store::{ReadTx, StoreError, WriteTx};
use http::{StatusCode, header};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{Request, html, sign_ins};

pub(in crate::identity) use factors::seal_name;
pub(in crate::identity) use flow::{Flow, Purpose, random_name, redirect};
pub use guards::PasswordGuards;
pub(crate) use password::{OwnVerdict, check_own as check_own_password, failures_of};
pub(in crate::identity) use password::{Verdict, check as check_password, sha256_hex};
pub(crate) use sessions::second_factor_demanded;
pub(in crate::identity) use sessions::{MICROS, SignedIn, demands, end_all, signed_in};

/// What a page says when name and password do not belong together: the same whether or not the account exists.
const WRONG: &str = "The user name or the password is not right.";
/// What it says when there were too many of them.
const LOCKED: &str =
    "There were too many wrong attempts. Wait a few minutes, then try again (AADSTS50053).";

/// A fault of the store: told to the log, not to the reader.
pub(in crate::identity) fn fault(error: StoreError) -> Refusal {
    tracing::error!(%error, "sign-in: the store failed");
    Refusal::Fault
}

/// Answers the endpoint.
pub(in crate::identity) async fn answer(request: &Request<'_>) -> Response {
    let answered = match Flow::of(request).await {
        Err(error) => Err(fault(error)),
        Ok(None) => Ok(coded(request, StatusCode::BAD_REQUEST, 50_089)),
        Ok(Some(flow)) if request.method == http::Method::POST => take(request, flow).await,
        Ok(Some(flow)) => show(request, flow, None).await,
    };
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

/// The page of an AADSTS code without particulars.
pub(in crate::identity) fn coded(request: &Request<'_>, status: StatusCode, code: u32) -> Response {
    let text = identity_error(code).map_or("", |row| row.message);
    html::error_page(request, status, code, text)
}

/// Begins a flow: keeps it and sends the browser to its page. What is kept for people who are not signed in is bounded.
pub(in crate::identity) async fn begin(
    request: &Request<'_>,
    flow: &Flow,
) -> Result<Response, Refusal> {
    if flow.session.is_none() && flow.account.is_none() {
        let now = request.app.clock.unix_micros();
        request.app.budgets.begin(request.source(), now)?;
    }
    flow.save(request).await.map_err(fault)?;
    Ok(flow.go(request))
}

/// Begins a flow anew with the choice among the browser's accounts.
pub(in crate::identity) async fn pick_account(
    request: &Request<'_>,
    mut flow: Flow,
) -> Result<Response, Refusal> {
    flow.restart();
    flow.pick = true;
    begin(request, &flow).await
}

/// Goes on to the second factor that a session lacks.
pub(in crate::identity) async fn ask_second_factor(
    request: &Request<'_>,
    mut flow: Flow,
    person: &SignedIn,
) -> Result<Response, Refusal> {
    flow.session = None;
    let mut tx = request.app.store.read().await.map_err(fault)?;
    use_session(request, &mut tx, &mut flow, person)
        .await
        .map_err(fault)?;
    drop(tx);
    begin(request, &flow).await
}

/// The session that a flow goes on with, when it is still good and proves what its account demands by now.
pub(in crate::identity) async fn current(
    request: &Request<'_>,
    tx: &mut ReadTx,
    flow: &Flow,
) -> Result<Option<SignedIn>, StoreError> {
    let found = signed_in(request, tx).await?;
    let Some(person) = found
        .into_iter()
        .find(|person| Some(person.session.id) == flow.session)
    else {
        return Ok(None);
    };
    let (account, _) = demands(tx, &request.site.host, person.tenant.id, &person.user).await?;
    Ok(account.satisfied_by(&person.methods()).then_some(person))
}

/// Goes on with a session of the browser: at once where it suffices, else with the second factor that it lacks.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn use_session(
    request: &Request<'_>,
    tx: &mut ReadTx,
    flow: &mut Flow,
    person: &SignedIn,
) -> Result<(), StoreError> {
    let (account, _) = demands(tx, &request.site.host, person.tenant.id, &person.user).await?;
    let methods = person.methods();
    flow.pick = false;
    flow.typed.clone_from(&person.user.upn);
    flow.account = Some((person.tenant.id, person.user.id));
    flow.proven = person.session.auth_time;
    flow.progress.named = true;
    flow.progress.stay = Some(person.session.stay);
    if account.satisfied_by(&methods) {
        flow.session = Some(person.session.id);
    }
    flow.progress.methods = methods;
    Ok(())
}

/// Shows the page of the step that the flow has reached.
pub(in crate::identity) async fn show(
    request: &Request<'_>,
    mut flow: Flow,
    error: Option<&str>,
) -> Result<Response, Refusal> {
    if let Purpose::Device { code: None } = flow.purpose {
        return Ok(super::device::code_page(request, &flow, error));
    }
    if flow.session.is_some() && !flow.adding && !flow.changing {
        return resume(request, flow).await;
    }
    let mut tx = request.app.store.read().await.map_err(fault)?;
    if flow.pick {
        let people = signed_in(request, &mut tx).await.map_err(fault)?;
        if !people.is_empty() {
            return Ok(pages::accounts(request, &flow, &people));
        }
    }
    let account = account(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    if flow.account.is_some() && account.is_none() {
        return again(request, flow).await;
    }
    let demands = account.as_ref().map(|account| account.demands);
    match next(&flow.progress, demands.as_ref()) {
        _ if flow.changing => Ok(new_password::page(request, &flow, error)),
        _ if flow.adding => factors::set_up_page(request, flow, account, error).await,
        Step::UserName => Ok(pages::user_name(request, &flow, error)),
        Step::Password => Ok(pages::password(request, &flow, error)),
        Step::SecondFactor => factors::page(request, flow, account, error).await,
        Step::SetUp => factors::set_up_page(request, flow, account, error).await,
        Step::Elsewhere => Ok(factors::elsewhere(request, account)),
        Step::NewPassword => Ok(new_password::page(request, &flow, error)),
        Step::StaySignedIn => Ok(pages::stay(request, &flow)),
        Step::Done => {
            flow.fresh = true;
            advance(request, flow).await
        }
    }
}

/// The account of a flow whose password was right, and still is.
struct FlowAccount {
    user: users::User,
    demands: bartizan_identity::sign_in::Account,
    factors: Vec<bartizan_store::sign_in::factors::Factor>,
}

async fn account(
    request: &Request<'_>,
    tx: &mut ReadTx,
    flow: &Flow,
) -> Result<Option<FlowAccount>, StoreError> {
    let Some((tenant, id)) = flow.account else {
        return Ok(None);
    };
    let Some(user) = users::by_id(tx, tenant, id).await? else {
        return Ok(None);
    };
    // Revoked, or with another password, since the proof was given.
    let since = user.sessions_valid_from.max(user.password_changed);
    if !user.enabled || flow.proven < since {
        return Ok(None);
    }
    let (demands, factors) = demands(tx, &request.site.host, tenant, &user).await?;
    Ok(Some(FlowAccount {
        user,
        demands,
        factors,
    }))
}

/// What the flow was for goes on.
async fn resume(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    match flow.purpose {
        Purpose::Authorize { .. } => super::authorize::resume(request, flow).await,
        Purpose::AdminConsent { .. } => super::admin_consent::resume(request, flow).await,
        Purpose::Device { .. } => super::device::resume(request, flow).await,
        Purpose::SecurityInfo => super::security_info::show(request, flow).await,
        Purpose::Explain { trace } => Ok(redirect(&super::explain::path(&trace))),
    }
}

/// Begins anew with the user name: the session that the flow went on with is over.
pub(in crate::identity) async fn again(
    request: &Request<'_>,
    mut flow: Flow,
) -> Result<Response, Refusal> {
    flow.restart();
    begin(request, &flow).await
}

/// Takes a form.
async fn take(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    if !flow.sent_form(request) {
        tracing::warn!("a form of the sign-in pages came from elsewhere");
        return Ok(coded(request, StatusCode::FORBIDDEN, 9_002_313));
    }
    match request.form("step").unwrap_or_default() {
        "restart" => again(request, flow).await,
        "account" => pick(request, flow).await,
        "user_name" => {
            let name = request.form("username").unwrap_or_default().trim();
            if name.is_empty() || name.len() > 320 {
                return show(request, flow, Some("Enter your user name.")).await;
            }
            flow.restart();
            name.clone_into(&mut flow.typed);
            flow.progress.named = true;
            begin(request, &flow).await
        }
        "password" => password_form(request, flow).await,
        step @ ("totp" | "passkey" | "set_up_totp" | "set_up_passkey") => {
            factors::take(request, flow, step).await
        }
        "new_password" => new_password::take(request, flow).await,
        "stay" => stay_form(request, flow).await,
        "consent" => match flow.purpose {
            Purpose::AdminConsent { .. } => super::admin_consent::decided(request, flow).await,
            Purpose::Device { .. } => super::device::consented(request, flow).await,
            _ => super::authorize::decided(request, flow).await,
        },
        "device_code" => super::device::code_typed(request, flow).await,
        "device_confirm" => super::device::confirmed(request, flow).await,
        step @ ("add_factor" | "remove_factor" | "change_password" | "sign_out_everywhere") => {
            super::security_info::take(request, flow, step).await
        }
        _ => Ok(flow.go(request)),
    }
}

/// One of the browser's accounts, or another one.
async fn pick(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let id = request
        .form("session")
        .and_then(|id| id.parse::<Uuid>().ok());
    flow.restart();
    if id.is_some() {
        let mut tx = request.app.store.read().await.map_err(fault)?;
        let people = signed_in(request, &mut tx).await.map_err(fault)?;
        let picked = people
            .iter()
            .find(|person| Some(person.session.id) == id)
            .filter(|person| reachable(&flow, person));
        if let Some(person) = picked {
            use_session(request, &mut tx, &mut flow, person)
                .await
                .map_err(fault)?;
            flow.picked = true;
        }
    }
    begin(request, &flow).await
}

/// Whether an account may be used at the door where the flow began.
pub(in crate::identity) fn reachable(flow: &Flow, person: &SignedIn) -> bool {
    match TenantPath::parse(&flow.tenant) {
        Ok(TenantPath::Id(id)) => id == person.tenant.id,
        Ok(TenantPath::Domain(name)) => person
            .tenant
            .domains
            .iter()
            .any(|domain| domain.name.eq_ignore_ascii_case(&name)),
        Ok(TenantPath::Common | TenantPath::Organizations) => true,
        Ok(TenantPath::Consumers) | Err(_) => false,
    }
}

/// The answer to "stay signed in?", when that is what was asked.
async fn stay_form(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let account = account(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    let demands = account.map(|account| account.demands);
    if next(&flow.progress, demands.as_ref()) != Step::StaySignedIn || flow.session.is_some() {
        return Ok(flow.go(request));
    }
    flow.progress.stay = Some(request.form("stay") == Some("yes"));
    advance(request, flow).await
}

async fn password_form(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    if !flow.progress.named || !flow.progress.methods.is_empty() {
        return Ok(flow.go(request));
    }
    let typed = request.form("password").unwrap_or_default();
    let path = TenantPath::parse(&flow.tenant)?;
    // Before the account is read: a password that is changed while this one is checked is the later of the two.
    let proven = request.app.clock.unix_micros();
    let verdict = check_password(request, &path, &flow.typed, typed).await;
    match verdict.map_err(fault)? {
        Verdict::Right(tenant, user) => {
            flow.account = Some((tenant.id, user.id));
            flow.proven = proven;
            flow.progress.methods = vec![Method::Password];
            flow.fresh = true;
            advance(request, flow).await
        }
        Verdict::Wrong => {
            note(request, &flow, 50_126);
            show(request, flow, Some(WRONG)).await
        }
        Verdict::Locked => {
            note(request, &flow, 50_053);
            show(request, flow, Some(LOCKED)).await
        }
        Verdict::Disabled => {
            note(request, &flow, 50_057);
            Ok(coded(request, StatusCode::BAD_REQUEST, 50_057))
        }
    }
}

/// Tells the trail of a password that was refused.
fn note(request: &Request<'_>, flow: &Flow, code: u32) {
    let tenant = match TenantPath::parse(&flow.tenant) {
        Ok(path) if path.is_one_tenant() => flow.tenant.as_str(),
        _ => flow.typed.rsplit_once('@').map_or("", |(_, domain)| domain),
    };
    sign_ins::of_password_page(request, tenant, client_of(flow), &flow.typed, code);
}

/// The application that a flow is for, as it was named.
fn client_of(flow: &Flow) -> Option<String> {
    match &flow.purpose {
        Purpose::Authorize { parameters, .. } | Purpose::AdminConsent { parameters, .. } => {
            let found = parameters.iter().find(|(name, _)| name == "client_id");
            found.map(|(_, id)| id.clone())
        }
        Purpose::Device { .. } | Purpose::SecurityInfo | Purpose::Explain { .. } => None,
    }
}

/// After a step: the next page, or a session when that was the last.
async fn advance(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.write().await.map_err(fault)?;
    let account = account(request, &mut tx, &flow).await.map_err(fault)?;
    let demands = account.as_ref().map(|account| account.demands);
    let done = flow.session.is_none() && next(&flow.progress, demands.as_ref()) == Step::Done;
    let mut cookie = None;
    let mut began = None;
    if let (true, Some(who)) = (done, flow.account) {
        let methods = flow.progress.methods.clone();
        let stay = flow.progress.stay == Some(true);
        let (session, set) = sessions::begin(request, &mut tx, who, &methods, stay)
            .await
            .map_err(fault)??;
        flow.session = Some(session.id);
        cookie = set;
        began = Some(session.id);
        let details = json!({
            "methods": methods,
            "application": flow.app,
            "address": request.source().map(|address| address.to_string()),
            "staySignedIn": stay,
        });
        record(
            request,
            &mut tx,
            who.0,
            who.1.to_string(),
            "user.signIn",
            details,
        )
        .await
        .map_err(fault)?;
    }
    flow.keep(request, &mut tx).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    // Of a request to `/authorize` its code or its ID token tells.
    if let (Some(session), Some(account), false) = (
        began,
        &account,
        matches!(flow.purpose, Purpose::Authorize { .. }),
    ) {
        let person = (&account.user, Some(session));
        sign_ins::of_page(request, &flow, person, client_of(&flow), 0);
    }
    let mut response = flow.go(request);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Notes what a person did with the own account, in the audit log of the person's tenant.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn record(
    request: &Request<'_>,
    tx: &mut WriteTx,
    tenant: TenantId,
    actor: String,
    action: &str,
    details: Json,
) -> Result<(), StoreError> {
    let event = Event {
        actor: format!("user:{actor}"),
        target: actor,
        action,
        outcome: "success".to_owned(),
        details,
    };
    record_event(request, tx, tenant, event).await
}

/// What is noted in an audit log.
pub(in crate::identity) struct Event<'a> {
    /// Who did it: `user:` and an object id, or `unknown` where nobody proved to be anybody.
    pub(in crate::identity) actor: String,
    /// To what or whom: an id.
    pub(in crate::identity) target: String,
    pub(in crate::identity) action: &'a str,
    /// `success`, or why not.
    pub(in crate::identity) outcome: String,
    pub(in crate::identity) details: Json,
}

/// Notes what was done or tried, in the audit log of a tenant.
///
/// # Errors
/// [`StoreError`].
pub(in crate::identity) async fn record_event(
    request: &Request<'_>,
    tx: &mut WriteTx,
    tenant: TenantId,
    event: Event<'_>,
) -> Result<(), StoreError> {
    let event = AuditEvent {
        id: Uuid::now_v7(),
        occurred: request.app.clock.unix_micros(),
        actor: event.actor,
        target: event.target,
        action: event.action.to_owned(),
        outcome: event.outcome,
        request_id: Some(request.trace.trace_id.to_string()),
        details: event.details,
    };
    audit::append(tx, tenant, &event).await
}
