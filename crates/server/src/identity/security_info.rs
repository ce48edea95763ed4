//! `/mysecurityinfo`: a person's own second factors and sessions.

use askama::Template;
use axum::response::Response;
use bartizan_identity::Refusal;
use bartizan_store::sign_in::{end_everything, factors, sessions};
use http::{StatusCode, header};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Request;
use super::html::{self, Frame, Policy};
use super::sign_in::{
    Flow, MICROS, Purpose, SignedIn, again, begin, current, end_all, fault, record, signed_in,
    use_session,
};

/// How old a sign-in may be for changes here, seconds: an unattended screen is not the person.
const RECENT: i64 = 30 * 60;

/// Begins: with who is signed in, or with a sign-in.
pub(super) async fn answer(request: &Request<'_>) -> Response {
    let answered = async {
        let mut flow = Flow::new(request, "organizations", Purpose::SecurityInfo)?;
        let mut tx = request.app.store.read().await.map_err(fault)?;
        let people = signed_in(request, &mut tx).await.map_err(fault)?;
        match people.as_slice() {
            [person] => use_session(request, &mut tx, &mut flow, person)
                .await
                .map_err(fault)?,
            people => flow.pick = !people.is_empty(),
        }
        drop(tx);
        begin(request, &flow).await
    };
    let answered: Result<Response, Refusal> = answered.await;
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

struct Row {
    id: Uuid,
    name: String,
    created: String,
}

#[derive(Template)]
#[template(path = "security_info.html")]
struct SecurityInfo<'a> {
    frame: Frame,
    name: &'a str,
    notice: Option<String>,
    factors: Vec<Row>,
    sessions: String,
}

/// Who the flow is about, when that person signed in a short while ago.
async fn recent(request: &Request<'_>, flow: &Flow) -> Result<Option<SignedIn>, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let person = current(request, &mut tx, flow).await.map_err(fault)?;
    let since = request.app.clock.unix_seconds() - RECENT;
    Ok(person.filter(|person| person.auth_time() >= since))
}

/// Shows the page.
pub(super) async fn show(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let Some(person) = recent(request, &flow).await? else {
        return again(request, flow).await;
    };
    let (tenant, user) = (person.tenant.id, person.user.id);
    let now = request.app.clock.unix_micros();
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let factors = factors::of_user(&mut tx, tenant, user)
        .await
        .map_err(fault)?;
    let open = sessions::of_user(&mut tx, tenant, user, now)
        .await
        .map_err(fault)?;
    drop(tx);
    let notice = flow.notice.take();
    if notice.is_some() {
        flow.save(request).await.map_err(fault)?;
    }
    let template = SecurityInfo {
        frame: Frame::of(request, &flow, "Your security info"),
        name: &person.user.upn,
        notice,
        factors: factors
            .into_iter()
            .map(|factor| Row {
                id: factor.id,
                name: factor.name,
                created: date(factor.created),
            })
            .collect(),
        sessions: match open.len() {
            1 => "One session".to_owned(),
            n => format!("{n} sessions"),
        },
    };
    Ok(html::page(StatusCode::OK, &template, &Policy::default()))
}

/// `2026-02-03`, in UTC.
fn date(micros: i64) -> String {
    let day = OffsetDateTime::from_unix_timestamp(micros.div_euclid(MICROS));
    day.map_or_else(|_| String::new(), |time| time.date().to_string())
}

/// Takes a form of the page.
pub(super) async fn take(
    request: &Request<'_>,
    mut flow: Flow,
    step: &str,
) -> Result<Response, Refusal> {
    if !matches!(flow.purpose, Purpose::SecurityInfo) {
        return Ok(flow.go(request));
    }
    let Some(person) = recent(request, &flow).await? else {
        return again(request, flow).await;
    };
    match step {
        "add_factor" | "change_password" => {
            flow.adding = step == "add_factor";
            flow.changing = !flow.adding;
            flow.account = Some((person.tenant.id, person.user.id));
            flow.proven = person.session.auth_time;
            flow.typed.clone_from(&person.user.upn);
            flow.progress.methods = person.methods();
            flow.progress.stay = Some(person.session.stay);
            flow.new_secret = None;
            begin(request, &flow).await
        }
        "remove_factor" => remove(request, flow, &person).await,
        _ => sign_out_everywhere(request, &flow, &person).await,
    }
}

async fn remove(
    request: &Request<'_>,
    mut flow: Flow,
    person: &SignedIn,
) -> Result<Response, Refusal> {
    let id = request
        .form("factor")
        .and_then(|id| id.parse::<Uuid>().ok())
        .unwrap_or_default();
    let (tenant, user) = (person.tenant.id, person.user.id);
    let mut tx = request.app.store.write().await.map_err(fault)?;
    let removed = factors::remove(&mut tx, tenant, user, id)
        .await
        .map_err(fault)?;
    if removed {
        let details = json!({ "id": id });
        let action = "user.removeSecondFactor";
        record(request, &mut tx, tenant, user.to_string(), action, details)
            .await
            .map_err(fault)?;
        flow.notice = Some("The second factor is removed.".to_owned());
    }
    flow.keep(request, &mut tx).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    Ok(flow.go(request))
}

async fn sign_out_everywhere(
    request: &Request<'_>,
    flow: &Flow,
    person: &SignedIn,
) -> Result<Response, Refusal> {
    let (tenant, user) = (person.tenant.id, person.user.id);
    let now = request.app.clock.unix_micros();
    let ended = async {
        let mut tx = request.app.store.write().await?;
        end_everything(&mut tx, tenant, user, now).await?;
        let (cookie, _) = end_all(request, &mut tx).await?;
        bartizan_store::sign_in::pending::end(&mut tx, &flow.hash()).await?;
        let action = "user.revokeSignInSessions";
        record(
            request,
            &mut tx,
            tenant,
            user.to_string(),
            action,
            json!({}),
        )
        .await?;
        tx.commit().await?;
        Ok(cookie)
    };
    let cookie = ended.await.map_err(fault)?;
    let mut response = html::message(
        request,
        "You are signed out everywhere",
        &[
            "All sessions have ended, and applications can no longer renew what they hold.",
            "A token that was issued before stays good until it expires, within about an hour.",
        ],
    );
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
