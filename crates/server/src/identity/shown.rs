//! What the pages tell the trail of what they refuse: on the page itself, or in the answer that leaves for the application.
//! Whatever shows a trace id notes it here, so that it can be explained.

use bartizan_identity::Refusal;
use bartizan_identity::explain::{Credential, Refused, TokenRefused};

use super::Request;
use super::sign_in::SignedIn;
use super::sign_ins::{named_scopes, origin, short};
use crate::trail::{RefusedRequest, SignIn, Subject};

/// What was asked for, and by whom, as far as a page knows.
pub(super) struct Asked<'a> {
    /// `client_id`
    pub(super) client_id: Option<&'a str>,
    /// `scope`
    pub(super) scope: Option<&'a str>,
    /// `resource`
    pub(super) resource: Option<&'a str>,
    /// Who is signed in.
    pub(super) person: Option<&'a SignedIn>,
}

impl<'a> Asked<'a> {
    /// What the page's own request says.
    pub(super) fn of(request: &'a Request<'_>) -> Self {
        let sent = |name| request.query(name).or_else(|| request.form_value(name));
        Self {
            client_id: sent("client_id"),
            scope: sent("scope"),
            resource: sent("resource"),
            person: None,
        }
    }
}

/// Notes a refusal, so that its trace id can be explained; a person's is a sign-in that failed, too.
pub(super) fn refused(request: &Request<'_>, asked: &Asked<'_>, refusal: &Refusal) {
    noted(request, asked, refusal.code(), &refusal.message());
    if let Some(person) = asked.person {
        sign_in(request, asked, person, refusal.code());
    }
}

/// Notes a refusal that was told before, under the trace id under which it is told now.
pub(super) fn noted(request: &Request<'_>, asked: &Asked<'_>, code: u32, message: &str) {
    let trail = &request.app.trail;
    if trail.is_full() {
        trail.lost_refusal();
        return;
    }
    let scopes = asked.scope.and_then(named_scopes);
    let of_scope = scopes.as_ref().map(|(resource, _)| resource.clone());
    let tenant = asked.person.map(|person| person.tenant.id.to_string());
    let tenant = tenant.unwrap_or_else(|| short(&request.place));
    trail.refused(RefusedRequest {
        trace: request.trace.trace_id,
        correlation: request.trace.correlation_id.to_string(),
        occurred: request.app.clock.unix_micros(),
        tenant: Some(tenant.clone()),
        code: format!("AADSTS{code}"),
        address: request.source(),
        refused: Refused::Token(
            TokenRefused {
                code,
                message: message.to_owned(),
                tenant,
                client_id: asked.client_id.map(short),
                grant: None,
                resource: asked.resource.map(short).or(of_scope),
                scopes: scopes.map(|(_, names)| names).unwrap_or_default(),
                user: asked.person.map(|person| person.user.upn.clone()),
                credential: Credential::None,
            }
            .as_kept(),
        ),
        silent: request.query("prompt") == Some("none"),
    });
}

/// Notes what came of the request of somebody who is signed in: 0, or the AADSTS code.
pub(super) fn sign_in(request: &Request<'_>, asked: &Asked<'_>, person: &SignedIn, code: u32) {
    let trail = &request.app.trail;
    if trail.is_full() {
        trail.lost_request(code != 0);
        return;
    }
    let of_scope = || Some(asked.scope.and_then(named_scopes)?.0);
    trail.sign_in(SignIn {
        tenant: person.tenant.id.to_string(),
        client_id: asked.client_id.map(short),
        confidential: false,
        subject: Subject::User {
            id: Some(person.user.id.to_string()),
            upn: Some(person.user.upn.clone()),
            name: Some(person.user.display_name.clone()),
            interactive: true,
            multi_factor: person.methods().len() > 1,
            session: Some(person.session.id.to_string()),
            endpoint: "OAuth2:Authorize",
        },
        resource: asked.resource.map(short).or_else(of_scope),
        code,
        origin: origin(request),
        parties: None,
    });
}
