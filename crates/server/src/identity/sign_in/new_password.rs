//! Another password of a person's own choice: demanded at a sign-in, or wished for on the page of security info.

use askama::Template;
use axum::response::Response;
use bartizan_identity::Refusal;
use bartizan_identity::directory::weakness;
use bartizan_identity::sign_in::{Step, next};
use bartizan_store::directory::users;
use bartizan_store::sign_in::end_everything;
use http::StatusCode;
use serde_json::json;

use super::pages::policy;
use super::{
    Event, Flow, FlowAccount, LOCKED, OwnVerdict, account, advance, again, check_own_password,
    current, factors, fault, note, record, record_event, show,
};
use crate::identity::Request;
use crate::identity::html::{Frame, page as html_page};
use crate::seed::password_hash;

/// What the page says about a current password that is none.
const WRONG: &str = "The current password is not right.";
const DIFFER: &str = "The two new passwords are not the same.";
const SAME: &str = "The new password is the one that you have. Choose another.";

#[derive(Template)]
#[template(path = "new_password.html")]
struct NewPassword<'a> {
    frame: Frame,
    name: &'a str,
    demanded: bool,
    error: Option<&'a str>,
    /// Whether the error is about the current password.
    about_current: bool,
}

/// Asks for the current password and another one.
pub(super) fn page(request: &Request<'_>, flow: &Flow, error: Option<&str>) -> Response {
    let template = NewPassword {
        frame: Frame::of(request, flow, "Update your password"),
        name: &flow.typed,
        demanded: !flow.changing,
        error,
        about_current: error.is_some_and(|text| [WRONG, LOCKED].contains(&text)),
    };
    html_page(StatusCode::OK, &template, &policy(flow))
}

/// Takes the form.
pub(super) async fn take(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let Some(account) = account(request, &mut tx, &flow).await.map_err(fault)? else {
        return Ok(flow.go(request));
    };
    let session = current(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    if flow.changing && session.is_none() {
        return again(request, flow).await;
    }
    let due = next(&flow.progress, Some(&account.demands)) == Step::NewPassword;
    if !flow.changing && (!due || flow.session.is_some()) {
        return Ok(flow.go(request));
    }
    let typed = |name| request.form(name).unwrap_or_default();
    if let Some(text) = unfit(&account, typed("current"), typed("new"), typed("again")) {
        return show(request, flow, Some(text)).await;
    }
    if let Some(text) = prove(request, &flow, &account, typed("current")).await? {
        return show(request, flow, Some(text)).await;
    }
    set(request, flow, &account, typed("new")).await
}

/// What is wrong with the form, whatever the current password is.
fn unfit(account: &FlowAccount, current: &str, new: &str, again: &str) -> Option<&'static str> {
    if new != again {
        return Some(DIFFER);
    }
    if new == current {
        return Some(SAME);
    }
    let names = [account.user.upn.as_str(), &account.user.display_name];
    weakness(new, &names).map(bartizan_identity::directory::Weakness::text)
}

/// What is wrong with the current password. Guesses are counted, locked and told like those of a sign-in.
async fn prove(
    request: &Request<'_>,
    flow: &Flow,
    account: &FlowAccount,
    typed: &str,
) -> Result<Option<&'static str>, Refusal> {
    let Some((tenant, id)) = flow.account else {
        return Err(Refusal::Fault);
    };
    let source = request.source();
    let checked =
        check_own_password(request.app, tenant, &account.user, typed.to_owned(), source).await;
    match checked.map_err(fault)? {
        OwnVerdict::Right => Ok(None),
        OwnVerdict::Wrong(failures) => {
            note(request, flow, 50_126);
            let address = source.map(|address| address.to_string());
            let details = json!({ "code": 50_126, "address": address, "failures": failures });
            let event = Event {
                actor: format!("user:{id}"),
                target: id.to_string(),
                action: "user.wrongPassword",
                outcome: "AADSTS50126".to_owned(),
                details,
            };
            let recorded = async {
                let mut tx = request.app.store.write_aside().await?;
                record_event(request, &mut tx, tenant, event).await?;
                tx.commit().await
            };
            recorded.await.map_err(fault)?;
            Ok(Some(WRONG))
        }
        OwnVerdict::Locked => {
            note(request, flow, 50_053);
            Ok(Some(LOCKED))
        }
    }
}

/// Sets it and ends what was signed in with the old one; the proofs of this sign-in count as given after it.
async fn set(
    request: &Request<'_>,
    mut flow: Flow,
    account: &FlowAccount,
    new: &str,
) -> Result<Response, Refusal> {
    let Some((tenant, id)) = flow.account else {
        return Err(Refusal::Fault);
    };
    let typed = new.to_owned();
    let hashed = request.app.passwords.hash(move || password_hash(&typed));
    let hash = hashed.await.ok_or(Refusal::Fault)?.map_err(|error| {
        tracing::error!(%error, "a new password could not be hashed");
        Refusal::Fault
    })?;
    let now = request.app.clock.unix_micros();
    let mut tx = request.app.store.write().await.map_err(fault)?;
    let old = account.user.password_hash.as_deref().unwrap_or_default();
    let replaced = users::replace_password(&mut tx, tenant, id, (old, &hash), now).await;
    if !replaced.map_err(fault)? {
        // Going on writes, too, in its turn.
        drop(tx);
        return again(request, flow).await;
    }
    let ended = async {
        end_everything(&mut tx, tenant, id, now).await?;
        let details = json!({
            "demanded": account.user.must_change_password(),
            "address": request.source().map(|address| address.to_string()),
        });
        let (actor, action) = (id.to_string(), "user.changePassword");
        record(request, &mut tx, tenant, actor, action, details).await
    };
    ended.await.map_err(fault)?;
    flow.proven = now;
    flow.fresh = true;
    if flow.changing {
        flow.changing = false;
        return factors::renewed(request, tx, flow, "The password is changed.").await;
    }
    flow.keep(request, &mut tx).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    advance(request, flow).await
}
