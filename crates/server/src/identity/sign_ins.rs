//! What the token endpoint tells the trail: every token and every refusal, whatever the grant.
//!
//! A token's own claims say who got it; a refusal is told by the request alone. Pages and grants that know more of a
//! person than the request says (who typed a wrong password, who was asked for a second factor) note a
//! [`SignIn`] themselves.

use std::sync::Arc;

use bartizan_identity::Refusal;
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::explain::{Credential, Refused, TokenRefused};
use bartizan_identity::resource::Scope;
use bartizan_store::directory::users::User;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::Request;
use super::sign_in::Flow;
use crate::trail::{Origin, Parties, RefusedRequest, SignIn, Subject};

/// "Not yet": what a device that waits for its person hears every few seconds.
const PENDING: u32 = 70_016;
/// The longest text of a request that is kept, in characters.
const TEXT: usize = 256;

/// Where a request came from.
pub(super) fn origin(request: &Request<'_>) -> Origin {
    Origin {
        trace: request.trace.trace_id,
        correlation: request.trace.correlation_id,
        occurred: request.app.clock.unix_micros(),
        address: request.source(),
        user_agent: request.header("user-agent").map(short),
    }
}

/// What the token endpoint answers with.
pub(super) struct Issued {
    /// The answer.
    pub(super) body: Json,
    /// The sign-in, where the grant knows it; else the token's claims tell.
    pub(super) sign_in: Option<SignIn>,
}

/// An application's sign-in, of the claims of its token.
pub(super) fn of_application(
    request: &Request<'_>,
    claims: &AccessClaims,
    parties: Option<Arc<Parties>>,
) -> SignIn {
    SignIn {
        tenant: claims.tid.to_string(),
        client_id: claims.client().map(|id| id.to_string()),
        confidential: true,
        subject: Subject::Application,
        resource: Some(claims.aud.clone()),
        code: 0,
        origin: origin(request),
        parties,
    }
}

/// Notes what came of a token request.
pub(super) fn of_token_endpoint(
    request: &Request<'_>,
    tenant: &str,
    result: &mut Result<Issued, Refusal>,
) {
    let trail = &request.app.trail;
    if trail.is_full() {
        trail.lost_request(result.is_err());
        return;
    }
    match result {
        Ok(done) => {
            let known = done.sign_in.take();
            if let Some(sign_in) = known.or_else(|| issued(request, &done.body)) {
                trail.sign_in(sign_in);
            }
        }
        Err(refusal) if refusal.code() == PENDING => {}
        Err(refusal) => {
            let sent = Sent::of(request);
            trail.sign_in(sent.sign_in(request, tenant, refusal.code()));
            trail.refused(sent.refused(request, tenant, refusal));
        }
    }
}

/// Notes a password that was refused on the pages; one that was right is told by the token that comes of it. The names
/// that nobody bears are noted, too: they are what spraying looks like.
pub(super) fn of_password_page(
    request: &Request<'_>,
    tenant: &str,
    client_id: Option<String>,
    name: &str,
    code: u32,
) {
    let trail = &request.app.trail;
    if trail.is_full() {
        trail.lost_request(true);
        return;
    }
    trail.sign_in(SignIn {
        tenant: short(tenant),
        client_id: client_id.map(|id| short(&id)),
        confidential: false,
        subject: Subject::User {
            id: None,
            upn: Some(short(name)),
            name: None,
            interactive: true,
            multi_factor: false,
            session: None,
            endpoint: "Login:login",
        },
        resource: None,
        code,
        origin: origin(request),
        parties: None,
    });
}

/// Notes what came of a sign-in on the pages whose password was right: a second factor that was not, or a session.
pub(super) fn of_page(
    request: &Request<'_>,
    flow: &Flow,
    (user, session): (&User, Option<Uuid>),
    client_id: Option<String>,
    code: u32,
) {
    let trail = &request.app.trail;
    if trail.is_full() {
        trail.lost_request(code != 0);
        return;
    }
    let Some((tenant, _)) = flow.account else {
        return;
    };
    trail.sign_in(SignIn {
        tenant: tenant.to_string(),
        client_id: client_id.map(|id| short(&id)),
        confidential: false,
        subject: Subject::User {
            id: Some(user.id.to_string()),
            upn: Some(user.upn.clone()),
            name: Some(user.display_name.clone()),
            interactive: true,
            multi_factor: code != 0 || flow.progress.methods.len() > 1,
            session: session.map(|id| id.to_string()),
            endpoint: "Login:login",
        },
        resource: None,
        code,
        origin: origin(request),
        parties: None,
    });
}

/// The claims that say whose a token is.
#[derive(Deserialize)]
struct Claims {
    tid: String,
    aud: String,
    oid: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    appidacr: Option<String>,
    azpacr: Option<String>,
    scp: Option<String>,
    name: Option<String>,
    upn: Option<String>,
    unique_name: Option<String>,
    preferred_username: Option<String>,
    sid: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
}

/// The sign-in of a token that was just signed.
fn issued(request: &Request<'_>, answer: &Json) -> Option<SignIn> {
    let token = answer.get("access_token")?.as_str()?;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    let grant = request.form_value("grant_type").unwrap_or_default();
    let strength = claims.appidacr.or(claims.azpacr);
    let subject = if claims.scp.is_some() {
        Subject::User {
            id: claims.oid,
            upn: claims
                .upn
                .or(claims.unique_name)
                .or(claims.preferred_username),
            name: claims.name,
            interactive: interactive(grant),
            multi_factor: claims.amr.iter().any(|method| method == "mfa"),
            session: claims.sid,
            endpoint: "OAuth2:Token",
        }
    } else {
        Subject::Application
    };
    Some(SignIn {
        tenant: claims.tid,
        client_id: claims.appid.or(claims.azp),
        confidential: strength.is_some_and(|strength| strength != "0"),
        subject,
        resource: Some(claims.aud),
        code: 0,
        origin: origin(request),
        parties: None,
    })
}

/// Whether a person stood behind the request: with a refresh token or an assertion, nobody did.
fn interactive(grant: &str) -> bool {
    matches!(grant, "authorization_code" | "password") || grant.ends_with("device_code")
}

/// What a refused request said of itself.
struct Sent {
    client_id: Option<String>,
    grant: Option<String>,
    resource: Option<String>,
    scopes: Vec<String>,
    user: Option<String>,
    credential: Credential,
}

/// The most scopes of a request that are kept.
const SCOPES: usize = 20;

/// The resource of the first scope that is not OpenID Connect's, and the permissions of that resource, `.default` left out.
pub(super) fn named_scopes(text: &str) -> Option<(String, Vec<String>)> {
    let openid = ["openid", "profile", "email", "offline_access"];
    let mut scopes = text.split_whitespace().filter(|s| !openid.contains(s));
    let first = Scope::parse(scopes.next()?);
    let resource = first.resource.as_str().to_owned();
    let of_it = std::iter::once(first).chain(scopes.map(Scope::parse));
    let names = of_it
        .filter(|scope| scope.resource.as_str() == resource && !scope.is_default())
        .map(|scope| short(&scope.permission))
        .take(SCOPES)
        .collect();
    Some((short(&resource), names))
}

impl Sent {
    fn of(request: &Request<'_>) -> Self {
        let text = |name| request.form_value(name).map(short);
        let basic = request.header("authorization").and_then(basic);
        let assertion = request.form_value("client_assertion").is_some();
        let credential = match &basic {
            Some((_, credential)) => *credential,
            None => Credential::of(request.form_value("client_secret"), assertion),
        };
        let (scope, scopes) = request.form_value("scope").and_then(named_scopes).unzip();
        Self {
            credential,
            client_id: text("client_id").or(basic.as_ref().map(|(id, _)| short(id))),
            grant: text("grant_type"),
            resource: text("resource").or(scope),
            scopes: scopes.unwrap_or_default(),
            user: text("username"),
        }
    }

    fn sign_in(&self, request: &Request<'_>, tenant: &str, code: u32) -> SignIn {
        let grant = self.grant.as_deref().unwrap_or_default();
        let subject = if matches!(grant, "client_credentials" | "") {
            Subject::Application
        } else {
            // Whose code or token it was; a name that was typed is not more than that.
            let known = request.known.get();
            Subject::User {
                id: known.map(|user| user.id.clone()),
                upn: known.map_or_else(|| self.user.clone(), |user| Some(user.upn.clone())),
                name: known.map(|user| user.name.clone()),
                interactive: interactive(grant),
                multi_factor: false,
                session: None,
                endpoint: "OAuth2:Token",
            }
        };
        SignIn {
            tenant: short(tenant),
            client_id: self.client_id.clone(),
            confidential: self.credential != Credential::None,
            subject,
            resource: self.resource.clone(),
            code,
            origin: origin(request),
            parties: None,
        }
    }

    fn refused(self, request: &Request<'_>, tenant: &str, refusal: &Refusal) -> RefusedRequest {
        RefusedRequest {
            trace: request.trace.trace_id,
            correlation: request.trace.correlation_id.to_string(),
            occurred: request.app.clock.unix_micros(),
            tenant: Some(short(tenant)),
            code: format!("AADSTS{}", refusal.code()),
            address: request.source(),
            refused: Refused::Token(
                TokenRefused {
                    code: refusal.code(),
                    message: refusal.message(),
                    tenant: short(tenant),
                    client_id: self.client_id,
                    grant: self.grant,
                    resource: self.resource,
                    scopes: self.scopes,
                    user: self.user,
                    credential: self.credential,
                }
                .as_kept(),
            ),
            silent: false,
        }
    }
}

/// The client id of an `Authorization: Basic` header, and what its secret looks like.
fn basic(header: &str) -> Option<(String, Credential)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = STANDARD.decode(credentials.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    Some((id.to_owned(), Credential::of(Some(secret), false)))
}

/// A text of a request as it may be kept: of a length, and without what no database and no screen takes well.
pub(super) fn short(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(TEXT).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL takes no NUL: one such text would lose all that is written with it.
    #[test]
    fn what_is_kept_of_a_request_has_a_length_and_no_control_character() {
        assert_eq!(short("a\0b\u{1b}[2J é"), "a\u{fffd}b\u{fffd}[2J é");
        assert_eq!(short(&"é".repeat(TEXT + 1)), "é".repeat(TEXT));
    }
}
