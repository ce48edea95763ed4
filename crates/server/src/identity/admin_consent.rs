//! `/{tenant}[/v2.0]/adminconsent`: an administrator consents for everybody in the tenant, and nobody is signed in to the
//! application by it.

use axum::response::Response;
use bartizan_identity::authorize::{Interactions, Setting, Step};
use bartizan_identity::consent::{
    self as decisions, AdminConsentRequest, AdminStep, Choice, accepted, decide_admin, declined,
};
use bartizan_identity::facts::UserFacts;
use bartizan_identity::refusal::UserRefusal;
use bartizan_identity::scope::UserScopes;
use bartizan_identity::{Refusal, TenantPath, Version};
use bartizan_store::sign_in::pending;

use super::authorize::{authentication, send};
use super::shown::{self, Asked};
use super::sign_in::{
    Flow, Purpose, SignedIn, again, ask_second_factor, begin, current, fault, pick_account,
    reachable, signed_in,
};
use super::{Request, consent, html, user_facts};

/// A request, read, with what the directory knows about it and who is signed in.
struct Case {
    path: TenantPath,
    asked: AdminConsentRequest,
    person: Option<SignedIn>,
    facts: UserFacts,
}

impl Case {
    async fn load(
        request: &Request<'_>,
        flow: &Flow,
        person: Option<SignedIn>,
    ) -> Result<Self, Refusal> {
        let Purpose::AdminConsent { v2, parameters } = &flow.purpose else {
            return Err(Refusal::Fault);
        };
        let path = TenantPath::parse(&flow.tenant)?;
        let asked = AdminConsentRequest::parse(Purpose::version(*v2), parameters)?;
        // What is wrong with scopes is told by the decision.
        let scopes = asked.scope.as_deref().map(UserScopes::parse);
        let named: Vec<String> = scopes
            .and_then(Result::ok)
            .unwrap_or_default()
            .resources
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
            resource: None,
            person: self.person.as_ref(),
        }
    }

    fn step(&self, request: &Request<'_>, flow: &Flow) -> AdminStep {
        let done = Interactions {
            signed_in: flow.fresh,
            picked: flow.picked,
            consented: flow.consented,
        };
        let own_origins: Vec<String> = request.app.sites.own_origins().collect();
        let setting = Setting {
            path: &self.path,
            own_origins: &own_origins,
            now: request.trace.now,
        };
        let signed_in = self
            .person
            .as_ref()
            .map(|person| authentication(request, person));
        decide_admin(&self.asked, &self.facts, signed_in.as_ref(), done, setting)
    }
}

/// Answers the endpoint.
pub(super) async fn answer(request: &Request<'_>, version: Version, tenant: &str) -> Response {
    let answered = first(request, version, tenant).await;
    answered.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

async fn first(request: &Request<'_>, version: Version, tenant: &str) -> Result<Response, Refusal> {
    let purpose = Purpose::AdminConsent {
        v2: version == Version::V2,
        parameters: AdminConsentRequest::kept(&request.query),
    };
    let mut flow = Flow::new(request, tenant, purpose)?;
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let people = signed_in(request, &mut tx).await.map_err(fault)?;
    drop(tx);
    let mut here: Vec<SignedIn> = people
        .into_iter()
        .filter(|person| reachable(&flow, person))
        .collect();
    let several = here.len() > 1;
    let person = if several { None } else { here.pop() };
    flow.session = person.as_ref().map(|person| person.session.id);
    let case = Case::load(request, &flow, person).await?;
    let step = match case.step(request, &flow) {
        AdminStep::Page(Step::SignIn { .. }) if several => AdminStep::Page(Step::PickAccount),
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

async fn carry_out(
    request: &Request<'_>,
    mut flow: Flow,
    case: Case,
    step: AdminStep,
    kept: bool,
) -> Result<Response, Refusal> {
    flow.serve(
        case.facts.client.as_ref(),
        case.asked.redirect_uri.as_deref(),
    );
    match (step, &case.person) {
        (AdminStep::Page(Step::ErrorPage(refusal)), _) => {
            Ok(html::refusal_of(request, &refusal, &case.told()))
        }
        (AdminStep::Page(Step::SignIn { .. }), _) => {
            flow.restart();
            begin(request, &flow).await
        }
        (AdminStep::Page(Step::PickAccount), _) => pick_account(request, flow).await,
        (AdminStep::Page(Step::SecondFactor), Some(person)) => {
            ask_second_factor(request, flow, person).await
        }
        (AdminStep::ErrorRedirect(redirect, refusal), _) => {
            shown::refused(request, &case.told(), &refusal);
            let answer = declined(&case.asked, &redirect, &refusal, &request.trace);
            Ok(send(request, &answer))
        }
        (AdminStep::Consent(..) | AdminStep::NotAdministrator(..), Some(_)) if !kept => {
            begin(request, &flow).await
        }
        (AdminStep::Consent(redirect, prompt), Some(person)) => {
            flow.target = Some(redirect.uri);
            flow.save(request).await.map_err(fault)?;
            Ok(consent::ask(request, &flow, &prompt, person, None))
        }
        (AdminStep::NotAdministrator(redirect, prompt), Some(person)) => {
            flow.target = Some(redirect.uri);
            flow.save(request).await.map_err(fault)?;
            Ok(consent::approval(
                request,
                &flow,
                &prompt,
                person,
                &case.told(),
            ))
        }
        _ => Err(Refusal::Fault),
    }
}

/// Takes the answer of the page.
pub(super) async fn decided(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let person = current(request, &mut tx, &flow).await.map_err(fault)?;
    drop(tx);
    if person.is_none() {
        return again(request, flow).await;
    }
    let case = Case::load(request, &flow, person).await?;
    let accepts = request.form("decision") == Some("accept");
    let step = case.step(request, &flow);
    if let (AdminStep::Consent(_, prompt), Some(person), true) = (&step, &case.person, accepts)
        && !consent::was_shown(request, &flow, prompt)
    {
        let error = Some(consent::CHANGED);
        return Ok(consent::ask(request, &flow, prompt, person, error));
    }
    let (answer, consented) = match (step, &case.facts.user) {
        (AdminStep::Consent(redirect, prompt), Some(user)) if accepts => {
            let consented = decisions::accept(&prompt, Choice::Organization, user)?;
            let answer = accepted(&case.asked, &redirect, &prompt);
            (answer, Some(consented))
        }
        (AdminStep::Consent(redirect, _), _) => {
            let refusal = UserRefusal::ConsentDeclined.into();
            shown::refused(request, &case.told(), &refusal);
            let answer = declined(&case.asked, &redirect, &refusal, &request.trace);
            (answer, None)
        }
        (AdminStep::NotAdministrator(redirect, _), _) => {
            let refusal: Refusal = UserRefusal::AdminConsentRequired.into();
            shown::noted(request, &case.told(), refusal.code(), &refusal.message());
            let answer = declined(&case.asked, &redirect, &refusal, &request.trace);
            (answer, None)
        }
        _ => return Ok(flow.go(request)),
    };
    let written = async {
        let mut tx = request.app.store.write().await?;
        if let Some(consented) = &consented {
            consent::write(request, &mut tx, consented).await?;
        }
        pending::end(&mut tx, &flow.hash()).await?;
        tx.commit().await
    };
    written.await.map_err(fault)?;
    Ok(send(request, &answer))
}
