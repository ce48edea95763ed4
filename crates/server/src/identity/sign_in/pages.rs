//! The pages of a sign-in that show what the flow knows and nothing else.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Flow, SignedIn, reachable};
use crate::identity::Request;
use crate::identity::html::{Frame, Policy, page};

#[derive(Template)]
#[template(path = "user_name.html")]
struct UserName<'a> {
    frame: Frame,
    app: Option<&'a str>,
    name: &'a str,
    error: Option<&'a str>,
}

/// Who are you?
pub(super) fn user_name(request: &Request<'_>, flow: &Flow, error: Option<&str>) -> Response {
    let template = UserName {
        frame: Frame::of(request, flow, "Sign in"),
        app: flow.app.as_deref(),
        name: &flow.typed,
        error,
    };
    page(StatusCode::OK, &template, &policy(flow))
}

#[derive(Template)]
#[template(path = "password.html")]
struct Password<'a> {
    frame: Frame,
    name: &'a str,
    error: Option<&'a str>,
}

/// The password.
pub(super) fn password(request: &Request<'_>, flow: &Flow, error: Option<&str>) -> Response {
    let template = Password {
        frame: Frame::of(request, flow, "Enter your password"),
        name: &flow.typed,
        error,
    };
    page(StatusCode::OK, &template, &policy(flow))
}

#[derive(Template)]
#[template(path = "stay.html")]
struct Stay<'a> {
    frame: Frame,
    name: &'a str,
}

/// Stay signed in?
pub(super) fn stay(request: &Request<'_>, flow: &Flow) -> Response {
    let template = Stay {
        frame: Frame::of(request, flow, "Stay signed in?"),
        name: &flow.typed,
    };
    page(StatusCode::OK, &template, &policy(flow))
}

struct Choice<'a> {
    index: String,
    display_name: &'a str,
    name: &'a str,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Accounts<'a> {
    frame: Frame,
    app: Option<&'a str>,
    accounts: Vec<Choice<'a>>,
}

/// Pick an account.
pub(super) fn accounts(request: &Request<'_>, flow: &Flow, people: &[SignedIn]) -> Response {
    let accounts = people
        .iter()
        .filter(|person| reachable(flow, person))
        .map(|person| Choice {
            display_name: &person.user.display_name,
            name: &person.user.upn,
            index: person.session.id.to_string(),
        })
        .collect();
    let template = Accounts {
        frame: Frame::of(request, flow, "Pick an account"),
        app: flow.app.as_deref(),
        accounts,
    };
    page(StatusCode::OK, &template, &policy(flow))
}

/// Any form of a flow may be the one after which the browser is sent back to the application.
pub(super) fn policy(flow: &Flow) -> Policy {
    Policy {
        script: false,
        target: flow.target.clone(),
    }
}
