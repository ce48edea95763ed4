//! `/{tenant}/oauth2[/v2.0]/authorize`: from a request to a code, by way of the pages that it needs.
//!
//! The identity crate decides what comes next; this file reads the facts for it, shows what it says, and asks again
//! after each page.

use askama::Template;
use axum::response::Response;
use bartizan_identity::authentication::Authentication;
use bartizan_identity::authorize::{
    Answer, AuthorizationGrant, AuthorizeRequest, CODE_LIFETIME, Interactions, ResponseMode,
    Setting, Step, decide, redirect_of,
};
use bartizan_identity::consent::{self as decisions, Choice};
use bartizan_identity::facts::UserFacts;
use bartizan_identity::grant::{Lifetimes, TokenEntropy};
use bartizan_identity::refusal::UserRefusal;
use bartizan_identity::sign_in::amr;
use bartizan_identity::{Refusal, TenantPath, Version};
use bartizan_store::StoreError;
use bartizan_store::sign_in::pending;
use bartizan_store::tokens::authorization_codes::{self, AuthorizationCode};
use http::{Method, StatusCode};
use uuid::Uuid;

use super::html::{self, FORM_POST_SCRIPT, Frame, Policy};
use super::shown::{self, Asked};
use super::sign_in::{
    Flow, MICROS, Purpose, SignedIn, again, ask_second_factor, begin, current, fault, pick_account,
    random_name, reachable, redirect, sha256_hex, signed_in,
};
use super::{Request, consent, user_facts};

/// How the identity crate sees a session.
pub(super) fn authentication(request: &Request<'_>, person: &SignedIn) -> Authentication {
    Authentication {
        tenant: person.tenant.id,
        user: person.user.id,
        at: person.auth_time(),
        methods: amr(&person.methods()),
        session: person.session.id,
        address: request.source().map(|address| address.to_string()),
    }
}

/// A request, read, with what the directory knows about it and who is signed in.
struct Case {
    path: TenantPath,
    asked: AuthorizeRequest,
    person: Option<SignedIn>,
    facts: UserFacts,
}

impl Case {
    async fn load(
        request: &Request<'_>,
        flow: &Flow,
        person: Option<SignedIn>,
    ) -> Result<Self, Refusal> {
        let Purpose::Authorize { v2, parameters } = &flow.purpose else {
            return Err(Refusal::Fault);
        };
        let path = TenantPath::parse(&flow.tenant)?;
        let asked = AuthorizeRequest::parse(Purpose::version(*v2), parameters)?;
        // What is wrong with scopes is told by the decision.
        let named = asked.scopes().map(|scopes| scopes.resources);
        let named: Vec<String> = named
            .unwrap_or_default()
            .iter()
            .map(|resource| resource.resource.as_str().to_owned())
            .collect();
        let mut tx = request.app.store.read().await.map_err(fault)?;
        let facts = user_facts::load(
            request,
            &mut tx,
            &path,
            &asked.client_id,
            person.as_ref(),
            &named,
        )
        .await
        .map_err(fault)?;
        Ok(Self {
            path,
            asked,
            person,
            facts,
        })
    }

    /// What the trail is told of it.
    fn told(&self) -> Asked<'_> {
        Asked {
            client_id: Some(&self.asked.client_id),
            scope: self.asked.scope.as_deref(),
            resource: self.asked.resource.as_deref(),
            person: self.person.as_ref(),
        }
    }

    fn step(&self, request: &Request<'_>, flow: &Flow) -> Step {
        let done = Interactions {
            signed_in: flow.fresh,
            picked: flow.picked,
            consented: flow.consented,
        };
        let own_origins: Vec<String> = request.app.sites.own_origins().collect();
        let setting = self.setting(request, &own_origins);
        let signed_in = self
            .person
            .as_ref()
            .map(|person| authentication(request, person));
        decide(&self.asked, &self.facts, signed_in.as_ref(), done, setting)
    }

    fn setting<'a>(&'a self, request: &Request<'_>, own_origins: &'a [String]) -> Setting<'a> {
        Setting {
            path: &self.path,
            own_origins,
            now: request.trace.now,
        }
    }
}

/// Answers the endpoint.
pub(super) async fn answer(request: &Request<'_>, version: Version, tenant: &str) -> Response {
    if request.method == Method::POST {
        let middle = match version {
            Version::V1 => "",
            Version::V2 => "/v2.0",
        };
        return again_by_get(request, tenant, &format!("{middle}/authorize"));
    }
    let answered = first(request, version, tenant).await;
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

/// A request by POST comes from another site, and browsers leave our cookies out of that: asked again by GET, they are
/// in.
pub(super) fn again_by_get(request: &Request<'_>, tenant: &str, endpoint: &str) -> Response {
    let pairs = request.query.iter().chain(&request.form);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let tenant = percent_encoding::utf8_percent_encode(tenant, percent_encoding::NON_ALPHANUMERIC);
    redirect(&format!("/{tenant}/oauth2{endpoint}?{query}"))
}

async fn first(request: &Request<'_>, version: Version, tenant: &str) -> Result<Response, Refusal> {
    let purpose = Purpose::Authorize {
        v2: version == Version::V2,
        parameters: AuthorizeRequest::kept(&request.query),
    };
    let mut flow = Flow::new(request, tenant, purpose)?;
    let path = TenantPath::parse(tenant)?;
    let asked = AuthorizeRequest::parse(version, &request.query)?;
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let people = signed_in(request, &mut tx).await.map_err(fault)?;
    drop(tx);
    let mut here: Vec<SignedIn> = people
        .into_iter()
        .filter(|person| reachable(&flow, person) && path != TenantPath::Consumers)
        .collect();
    // A hint chooses among several; without one the person does.
    let hinted = asked.login_hint.as_deref().and_then(|hint| {
        here.iter()
            .position(|person| person.user.upn.eq_ignore_ascii_case(hint))
    });
    let several = hinted.is_none() && here.len() > 1;
    let person = match hinted {
        Some(index) => Some(here.swap_remove(index)),
        None if several => None,
        None => here.pop(),
    };
    flow.session = person.as_ref().map(|person| person.session.id);
    let case = Case::load(request, &flow, person).await?;
    let step = match case.step(request, &flow) {
        // Somebody is signed in, only not one alone.
        Step::SignIn {
            login_hint: None, ..
        } if several => Step::PickAccount,
        // The page of accounts is not to be shown, and nobody chooses in the person's place.
        Step::ErrorRedirect(redirect, Refusal::User(UserRefusal::LoginRequired))
            if several && asked.login_hint.is_none() =>
        {
            Step::ErrorRedirect(redirect, UserRefusal::AccountSelection.into())
        }
        step => step,
    };
    carry_out(request, flow, case, step, false).await
}

/// Goes on after a page.
pub(super) async fn resume(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let person = current(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    if person.is_none() {
        return again(request, flow).await;
    }
    let case = Case::load(request, &flow, person).await?;
    let step = case.step(request, &flow);
    carry_out(request, flow, case, step, true).await
}

/// Does what the decision says. `kept` tells whether the flow has pages already.
async fn carry_out(
    request: &Request<'_>,
    mut flow: Flow,
    case: Case,
    step: Step,
    kept: bool,
) -> Result<Response, Refusal> {
    flow.serve(
        case.facts.client.as_ref(),
        case.asked.redirect_uri.as_deref(),
    );
    match (step, &case.person) {
        (Step::ErrorPage(refusal), _) => Ok(html::refusal_of(request, &refusal, &case.told())),
        (Step::ErrorRedirect(redirect, refusal), _) => {
            tracing::info!(code = refusal.code(), "authorization refused");
            shown::refused(request, &case.told(), &refusal);
            end(request, &flow, kept).await?;
            Ok(send(request, &redirect.refused(&refusal, &request.trace)))
        }
        (Step::SignIn { login_hint, .. }, _) => {
            flow.restart();
            if let Some(hint) = login_hint.filter(|hint| hint.len() <= 320) {
                flow.typed = hint;
                flow.progress.named = true;
            }
            begin(request, &flow).await
        }
        (Step::PickAccount, _) => pick_account(request, flow).await,
        (Step::SecondFactor, Some(person)) => ask_second_factor(request, flow, person).await,
        (Step::Consent(_) | Step::NeedAdminApproval(_), Some(_)) if !kept => {
            begin(request, &flow).await
        }
        (Step::Consent(prompt), Some(person)) => {
            flow.save(request).await.map_err(fault)?;
            Ok(consent::ask(request, &flow, &prompt, person, None))
        }
        (Step::NeedAdminApproval(prompt), Some(person)) => {
            flow.save(request).await.map_err(fault)?;
            Ok(consent::approval(
                request,
                &flow,
                &prompt,
                person,
                &case.told(),
            ))
        }
        (Step::Issue(grant), Some(person)) => {
            let answer = issue(request, &flow, &grant, kept).await?;
            // A code is told by the token that comes of it; an ID token alone comes without one.
            if let (Some(answer), None) = (&answer, &grant.code) {
                shown::sign_in(request, &case.told(), person, 0);
                return Ok(send(request, answer));
            }
            Ok(match answer {
                Some(answer) => send(request, &answer),
                None => super::sign_in::coded(request, StatusCode::BAD_REQUEST, 50_089),
            })
        }
        // Without a session the decision asks for a sign-in.
        (_, None) => Err(Refusal::Fault),
    }
}

async fn end(request: &Request<'_>, flow: &Flow, kept: bool) -> Result<(), Refusal> {
    if kept {
        let mut tx = request.app.store.write_aside().await.map_err(fault)?;
        pending::end(&mut tx, &flow.hash()).await.map_err(fault)?;
        tx.commit().await.map_err(fault)?;
    }
    Ok(())
}

/// Takes the answer of the consent page, or of the page that names an administrator.
pub(super) async fn decided(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let person = current(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    if person.is_none() {
        return again(request, flow).await;
    }
    let case = Case::load(request, &flow, person).await?;
    let step = case.step(request, &flow);
    let accepts = request.form("decision") == Some("accept");
    if let (Step::Consent(prompt), Some(person), true) = (&step, &case.person, accepts)
        && !consent::was_shown(request, &flow, prompt)
    {
        let error = Some(consent::CHANGED);
        return Ok(consent::ask(request, &flow, prompt, person, error));
    }
    match (step, &case.facts.user) {
        (Step::Consent(prompt), Some(user)) if accepts => {
            let choice = match request.form("everybody") {
                Some("yes") => Choice::Organization,
                _ => Choice::Own,
            };
            let consented = decisions::accept(&prompt, choice, user)?;
            flow.consented = true;
            let mut tx = request.app.store.write().await.map_err(fault)?;
            consent::write(request, &mut tx, &consented)
                .await
                .map_err(fault)?;
            flow.keep(request, &mut tx).await.map_err(fault)?;
            tx.commit().await.map_err(fault)?;
            Ok(flow.go(request))
        }
        (step @ (Step::Consent(_) | Step::NeedAdminApproval(_)), _) => {
            let refusal: Refusal = match step {
                Step::Consent(_) => UserRefusal::ConsentDeclined.into(),
                _ => UserRefusal::AdminConsentRequired.into(),
            };
            match step {
                Step::Consent(_) => shown::refused(request, &case.told(), &refusal),
                // The sign-in that failed was noted with the page.
                _ => shown::noted(request, &case.told(), refusal.code(), &refusal.message()),
            }
            let own_origins: Vec<String> = request.app.sites.own_origins().collect();
            let target = redirect_of(
                &case.asked,
                &case.facts,
                case.setting(request, &own_origins),
            )?;
            end(request, &flow, true).await?;
            Ok(send(request, &target.refused(&refusal, &request.trace)))
        }
        _ => Ok(flow.go(request)),
    }
}

/// Issues what was asked for. The flow ends with it, so that going back issues no second code; `None` when it had ended.
async fn issue(
    request: &Request<'_>,
    flow: &Flow,
    grant: &AuthorizationGrant,
    kept: bool,
) -> Result<Option<Answer>, Refusal> {
    let code = match &grant.code {
        Some(_) => Some(random_name()?),
        None => None,
    };
    let stored = store_code(request, flow, grant, code.as_deref(), kept).await;
    if !stored.map_err(fault)? {
        return Ok(None);
    }
    let mut entropy: TokenEntropy = [0; 48];
    aws_lc_rs::rand::fill(&mut entropy).map_err(|_| Refusal::Fault)?;
    let claims = grant.id_claims(
        code.as_deref(),
        request.app.keys.issuers(),
        Lifetimes::default(),
        request.trace.now,
        &entropy,
    );
    let id_token = match &claims {
        Some(claims) => Some(request.app.keys.sign_id(claims).map_err(|error| {
            tracing::error!(%error, "authorize: signing failed");
            Refusal::Fault
        })?),
        None => None,
    };
    tracing::debug!(client = %grant.client, tenant = %grant.tenant, "authorization granted");
    let session = grant.authentication.session;
    let answer = grant.answer(code.as_deref(), id_token.as_deref(), session);
    Ok(Some(answer))
}

/// Keeps the code and ends the flow, in one transaction. False when the flow had ended already.
async fn store_code(
    request: &Request<'_>,
    flow: &Flow,
    grant: &AuthorizationGrant,
    code: Option<&str>,
    kept: bool,
) -> Result<bool, StoreError> {
    let mut tx = request.app.store.write_aside().await?;
    if kept && !pending::end(&mut tx, &flow.hash()).await? {
        return Ok(false);
    }
    if let (Some(details), Some(code)) = (&grant.code, code) {
        let now = request.app.clock.unix_micros();
        let code = AuthorizationCode {
            hash: sha256_hex(code.as_bytes()),
            tenant: grant.tenant,
            client: grant.client,
            principal: grant.principal(),
            family: Uuid::new_v4(),
            details: serde_json::to_value(details).unwrap_or_default(),
            issued: now,
            expires: now + CODE_LIFETIME * MICROS,
            redeemed: None,
        };
        authorization_codes::insert(&mut tx, &code).await?;
    }
    tx.commit().await?;
    Ok(true)
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    frame: Frame,
    target: &'a str,
    fields: &'a [(String, String)],
}

/// Sends the browser to the application with an answer. The address was registered; the decision saw to that.
pub(super) fn send(request: &Request<'_>, answer: &Answer) -> Response {
    match (answer.mode, answer.location()) {
        (ResponseMode::Query | ResponseMode::Fragment, Some(location)) => redirect(&location),
        _ => {
            let mut frame = Frame::plain(request, "Signing in");
            frame.scripts.push(FORM_POST_SCRIPT);
            let template = FormPost {
                frame,
                target: &answer.uri,
                fields: &answer.fields,
            };
            let policy = Policy {
                script: true,
                target: Some(answer.uri.clone()),
            };
            html::page(StatusCode::OK, &template, &policy)
        }
    }
}
