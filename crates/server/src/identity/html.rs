//! Pages for people: templates, and the headers that keep them safe.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use bartizan_contract::identity_errors::identity_error;
use bartizan_identity::{Refusal, Trace};
use http::{HeaderValue, StatusCode, header};
use url::Url;

use super::Request;
use super::shown::{self, Asked};
use super::sign_in::Flow;

/// The script that speaks to authenticators.
pub(super) const PASSKEY_SCRIPT: &str = "passkey.js";
/// The script that sends an answer on.
pub(super) const FORM_POST_SCRIPT: &str = "form-post.js";

/// What every page has.
pub(super) struct Frame {
    /// Title and heading.
    pub(super) title: String,
    /// Where the reader is: the own origin.
    pub(super) origin: String,
    /// Where forms go.
    pub(super) action: String,
    /// The sign-in's name.
    pub(super) flow: String,
    /// The token of its forms.
    pub(super) csrf: String,
    /// Scripts, of those in `assets`.
    pub(super) scripts: Vec<&'static str>,
}

impl Frame {
    /// The frame of a page outside any sign-in.
    pub(super) fn plain(request: &Request<'_>, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            origin: request.site.base.clone(),
            action: String::new(),
            flow: String::new(),
            csrf: String::new(),
            scripts: Vec::new(),
        }
    }

    /// The frame of a page of a sign-in.
    pub(super) fn of(request: &Request<'_>, flow: &Flow, title: &str) -> Self {
        Self {
            action: flow.path(),
            flow: flow.name.clone(),
            csrf: flow.csrf().to_owned(),
            ..Self::plain(request, title)
        }
    }
}

/// What a page may do beyond showing itself.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// Whether it has a script.
    pub(super) script: bool,
    /// Where its forms lead in the end, beside this server: browsers apply `form-action` to the redirects after a form.
    pub(super) target: Option<String>,
}

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template, policy: &Policy) -> Response {
    let text = match template.render() {
        Ok(text) => text,
        Err(error) => {
            // Templates are compiled; what is left is a formatter that fails.
            tracing::error!(%error, "a page could not be written");
            String::new()
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, html);
    let script = if policy.script {
        "script-src 'self'; "
    } else {
        ""
    };
    let target = policy.target.as_deref().and_then(form_target);
    let rules = format!(
        "default-src 'none'; style-src 'self'; {script}form-action 'self'{}; base-uri 'none'; frame-ancestors 'none'",
        target.map_or(String::new(), |target| format!(" {target}"))
    );
    if let Ok(rules) = HeaderValue::try_from(rules) {
        headers.insert(header::CONTENT_SECURITY_POLICY, rules);
    }
    // Not `no-referrer`: with it browsers hide the origin of forms, which is checked.
    let same = HeaderValue::from_static("same-origin");
    headers.insert(header::REFERRER_POLICY, same);
    response
}

/// The source expression for an address (CSP Level 3, section 2.3.1): its origin, or its scheme for an application's own.
fn form_target(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    match url.scheme() {
        // Schemes that lead to nowhere an answer may go.
        "javascript" | "data" | "blob" | "about" | "file" => None,
        "http" | "https" => Some(url.origin().ascii_serialization()),
        scheme => Some(format!("{scheme}:")),
    }
}

/// A name that somebody else chose, as a page may show it: without what is not seen, and without what turns the text
/// around it. An application must not look like another one by that.
pub(super) fn visible(name: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
            // Separators of lines, embeddings, overrides and isolates (Unicode Standard Annex #9).
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    let shown: String = name.chars().filter(|c| !unseen(*c)).collect();
    match shown.trim() {
        "" => "(without a name)".to_owned(),
        shown => shown.to_owned(),
    }
}

/// A page that says something and offers nothing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    lines: Vec<String>,
}

/// A page that says something and offers nothing.
pub(super) fn message(request: &Request<'_>, title: &str, lines: &[&str]) -> Response {
    message_at(request, StatusCode::OK, title, lines)
}

/// The same with a status of its own.
pub(super) fn message_at(
    request: &Request<'_>,
    status: StatusCode,
    title: &str,
    lines: &[&str],
) -> Response {
    let template = Message {
        frame: Frame::plain(request, title),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    page(status, &template, &Policy::default())
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    frame: Frame,
}

/// What somebody finds who opens the origin in a browser.
pub(super) fn start(request: &Request<'_>) -> Response {
    let template = StartPage {
        frame: Frame::plain(request, "Bartizan is running"),
    };
    page(StatusCode::OK, &template, &Policy::default())
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    message: String,
    remedy: String,
    code: u32,
    trace_id: String,
    correlation_id: String,
    timestamp: String,
}

/// The page of a refusal that cannot or must not travel to the application.
pub(super) fn refusal(request: &Request<'_>, refusal: &Refusal) -> Response {
    refusal_of(request, refusal, &Asked::of(request))
}

/// The same, of what a page before has asked for.
pub(super) fn refusal_of(request: &Request<'_>, refusal: &Refusal, asked: &Asked<'_>) -> Response {
    let status = match refusal.answer(&request.trace).status {
        // A page is not a challenge.
        401 | 302 => StatusCode::BAD_REQUEST,
        status => StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST),
    };
    shown::refused(request, asked, refusal);
    let mut page = details_page(request, status, refusal.code(), &refusal.to_string());
    super::respond::retry_after(refusal, &mut page);
    page
}

/// An error page: what happened, what to do, and what an administrator needs to find it.
pub(super) fn error_page(
    request: &Request<'_>,
    status: StatusCode,
    code: u32,
    message: &str,
) -> Response {
    shown::noted(request, &Asked::of(request), code, message);
    details_page(request, status, code, message)
}

fn details_page(request: &Request<'_>, status: StatusCode, code: u32, message: &str) -> Response {
    let trace: &Trace = &request.trace;
    tracing::info!(code, "an error page is shown");
    let template = ErrorPage {
        frame: Frame::plain(request, "Sign-in did not work"),
        message: message.to_owned(),
        remedy: remedy(code).to_owned(),
        code,
        trace_id: trace.trace_id.to_string(),
        correlation_id: trace.correlation_id.to_string(),
        timestamp: trace.timestamp(),
    };
    page(status, &template, &Policy::default())
}

/// What a person can do about a code.
fn remedy(code: u32) -> &'static str {
    match code {
        50011 | 900_971 | 90102 => {
            "The application's developer must register this redirect address: `bartizan app` or Graph's applications."
        }
        50020 | 50034 => {
            "Sign in with an account of this organization, or ask its administrator for one."
        }
        50053 => {
            "Wait a few minutes, then try again. An administrator can see in the audit log who tried."
        }
        50057 => "Ask your administrator to switch the account on.",
        50076 => "Go to that address, or ask your administrator to remove what you no longer have.",
        50089 => {
            "Go back to the application and start again. A sign-in must be finished within 15 minutes, in one browser."
        }
        50105 => "Ask your administrator to assign you to the application.",
        65001 | 90094 => "Ask an administrator to consent to the application.",
        700_016 => {
            "Check the application's id and the tenant in the address. An application of another tenant must be consented to first: open its admin consent link as an administrator."
        }
        90055 => "Wait a little, then try again.",
        90002 | 900_023 => "Check the tenant's id or domain in the address.",
        _ if identity_error(code).is_some_and(|row| row.error == "server_error") => {
            "Try again. If it stays so, give the details below to the administrator of this server."
        }
        _ => {
            "Go back to the application and try again. If it stays so, give the details below to its developer."
        }
    }
}

/// A file of the pages.
pub(super) fn asset(name: &str) -> Option<Response> {
    let (kind, text) = match name {
        "style.css" => (
            "text/css; charset=utf-8",
            include_str!("../../assets/style.css"),
        ),
        "passkey.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/passkey.js"),
        ),
        "form-post.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../../assets/form-post.js"),
        ),
        _ => return None,
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let fresh = HeaderValue::from_static("max-age=300");
    headers.insert(header::CACHE_CONTROL, fresh);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_what_is_not_seen() {
        for (name, shown) in [
            ("Contoso Hunter", "Contoso Hunter"),
            ("\u{202e}tfosorciM\u{202c}", "tfosorciM"),
            ("Micro\u{200b}soft\n\r\t", "Microsoft"),
            ("Ünïcödé 名前 שם", "Ünïcödé 名前 שם"),
            ("\u{2066}\u{feff} ", "(without a name)"),
        ] {
            assert_eq!(visible(name), shown);
        }
    }

    #[test]
    fn forms_may_lead_to_the_applications_origin_or_scheme_alone() {
        for (address, target) in [
            (
                "https://app.example:444/a?b",
                Some("https://app.example:444"),
            ),
            ("http://localhost:5000", Some("http://localhost:5000")),
            ("msauth.com.example://auth", Some("msauth.com.example:")),
            ("javascript:alert(1)", None),
            ("no address", None),
        ] {
            assert_eq!(form_target(address).as_deref(), target, "{address}");
        }
    }
}
