//! `/explain/{trace}` in a browser: why a request was refused, for an administrator who is signed in.
//!
//! It tells what the operation of the same path tells, to those who may call it: people with one of its directory roles,
//! of refusals in their own tenant. Who is not signed in is asked to, and comes back here.

use askama::Template;
use axum::response::Response;
use bartizan_contract::OperationId;
use bartizan_identity::Refusal;
use bartizan_store::{ReadTx, StoreError, defender_roles};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value as Json;

use super::Request;
use super::html::{self, Frame, Policy};
use super::sign_in::{Flow, Purpose, SignedIn, begin, demands, fault, signed_in, use_session};
use crate::handlers::own::explain::{told, which_are_kept};

/// The page of a trace id.
pub(super) fn path(trace: &str) -> String {
    format!("/explain/{}", utf8_percent_encode(trace, NON_ALPHANUMERIC))
}

/// Shows the page, or begins a sign-in that leads to it.
pub(super) async fn answer(request: &Request<'_>, trace: &str) -> Response {
    let answered = answered(request, trace).await;
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

async fn answered(request: &Request<'_>, trace: &str) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let people = signed_in(request, &mut tx).await.map_err(fault)?;
    let ready = ready(request, &mut tx, &people).await.map_err(fault)?;
    if ready.is_empty() || request.query("account").is_some() {
        return sign_in(request, tx, trace, &people).await;
    }
    let mut administrators = Vec::new();
    for person in &ready {
        if may_read(&mut tx, person).await.map_err(fault)? {
            administrators.push(*person);
        }
    }
    drop(tx);
    for person in &administrators {
        let found = told(request.app, person.tenant.id, false, trace).await;
        let found = found.map_err(|error| {
            tracing::error!(?error, "a refusal could not be explained");
            Refusal::Fault
        })?;
        if let Some(told) = found.and_then(|told| serde_json::from_value(told).ok()) {
            return Ok(shown(request, person, told));
        }
    }
    Ok(nothing(request, trace, &ready, !administrators.is_empty()))
}

/// Those of the signed-in people whose sign-in proves what their account demands.
async fn ready<'p>(
    request: &Request<'_>,
    tx: &mut ReadTx,
    people: &'p [SignedIn],
) -> Result<Vec<&'p SignedIn>, StoreError> {
    let mut found = Vec::new();
    for person in people {
        let (account, _) = demands(tx, &request.site.host, person.tenant.id, &person.user).await?;
        if account.satisfied_by(&person.methods()) {
            found.push(person);
        }
    }
    Ok(found)
}

/// Whether a person has a role that the operation of the same path demands.
async fn may_read(tx: &mut ReadTx, person: &SignedIn) -> Result<bool, StoreError> {
    let operation = OperationId::BartizanExplainRefusalAtItsShortPath.operation();
    let facts = defender_roles::facts_of(tx, person.tenant.id, person.user.id).await?;
    Ok(facts.is_some_and(|facts| operation.user_roles.iter().any(|role| facts.holds(role))))
}

async fn sign_in(
    request: &Request<'_>,
    mut tx: ReadTx,
    trace: &str,
    people: &[SignedIn],
) -> Result<Response, Refusal> {
    let purpose = Purpose::Explain {
        trace: trace.chars().take(64).collect(),
    };
    let mut flow = Flow::new(request, "organizations", purpose)?;
    match people {
        [person] if request.query("account").is_none() => {
            use_session(request, &mut tx, &mut flow, person)
                .await
                .map_err(fault)?;
        }
        people => flow.pick = !people.is_empty(),
    }
    drop(tx);
    begin(request, &flow).await
}

/// The account as the operation tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    trace_id: String,
    correlation_id: String,
    time: String,
    code: String,
    address: Option<String>,
    summary: String,
    seen: Vec<Fact>,
    needed: Vec<Fact>,
    missing: Option<Missing>,
    mended: bool,
    remedies: Vec<Remedy>,
}

#[derive(Deserialize)]
struct Fact {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Missing {
    fact: String,
    tenant_id: Option<Json>,
}

#[derive(Deserialize)]
struct Remedy {
    text: String,
    command: Option<String>,
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "explain.html")]
struct ExplainPage<'a> {
    frame: Frame,
    told: Told,
    missing: Option<String>,
    tenant: &'a str,
    name: &'a str,
}

fn shown(request: &Request<'_>, person: &SignedIn, told: Told) -> Response {
    let missing = told.missing.as_ref().map(|missing| {
        match missing.tenant_id.as_ref().and_then(Json::as_str) {
            Some(tenant) => format!("{}, in tenant {tenant}", missing.fact),
            None => missing.fact.clone(),
        }
    });
    let template = ExplainPage {
        frame: Frame::plain(request, "Why it was refused"),
        told,
        missing,
        tenant: &person.tenant.display_name,
        name: &person.user.upn,
    };
    html::page(StatusCode::OK, &template, &Policy::default())
}

#[derive(Template)]
#[template(path = "explain_nothing.html")]
struct NothingPage {
    frame: Frame,
    lines: Vec<String>,
    again: String,
}

/// Nothing to tell these people: they may not read it, or it is not their tenant's.
fn nothing(
    request: &Request<'_>,
    trace: &str,
    people: &[&SignedIn],
    administrator: bool,
) -> Response {
    let names: Vec<&str> = people.iter().map(|p| p.user.upn.as_str()).collect();
    let (status, why) = match administrator {
        true => (
            StatusCode::NOT_FOUND,
            format!(
                "No refusal with this trace id or correlation id is kept for your tenant. {}",
                which_are_kept()
            ),
        ),
        false => (
            StatusCode::FORBIDDEN,
            format!(
                "Reading why a request was refused takes a directory role: {}.",
                OperationId::BartizanExplainRefusalAtItsShortPath
                    .operation()
                    .user_roles
                    .join(", ")
            ),
        ),
    };
    let template = NothingPage {
        frame: Frame::plain(request, "Nothing to tell"),
        lines: vec![format!("You are signed in as {}.", names.join(", ")), why],
        again: format!("{}?account=other", path(trace)),
    };
    html::page(status, &template, &Policy::default())
}
