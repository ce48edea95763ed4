//! `/devicelogin`: somebody types the code that a device shows, signs in, sees which application asks, and decides.
//!
//! Who sends a person a code wants to sign in as that person; so the page says so, the application is named, and nothing
//! is approved without a word of its own (there is no address with the code in it).

use askama::Template;
use axum::response::Response;
use bartizan_contract::AppId;
use bartizan_identity::authorize::{Interactions, Setting, Step};
use bartizan_identity::consent::{self as decisions, Choice, DeviceStep, decide_device};
use bartizan_identity::facts::UserFacts;
use bartizan_identity::grant::device_code::{DeviceDetails, normalized};
use bartizan_identity::scope::UserScopes;
use bartizan_identity::{Refusal, TenantPath};
use bartizan_store::StoreError;
use bartizan_store::sign_in::pending;
use bartizan_store::tokens::device_codes::{self, DeviceApproval, DeviceCode, DeviceCodeState};
use http::StatusCode;
use serde_json::json;

use super::authorize::authentication;
use super::html::{self, Frame, Policy};
use super::shown::Asked;
use super::sign_in::{
    Flow, Purpose, SignedIn, again, ask_second_factor, begin, coded, current, fault, pick_account,
    reachable, record, sha256_hex, signed_in, use_session,
};
use super::{Request, consent, user_facts};

/// What the page says about a code that is none, whatever the reason: guessing learns nothing.
const WRONG: &str =
    "That code is not right, or its time is up. Check it, or start again on the device.";

/// Begins: with the page that asks for the code.
pub(super) async fn answer(request: &Request<'_>) -> Response {
    let begun = async {
        let flow = Flow::new(request, "common", Purpose::Device { code: None })?;
        begin(request, &flow).await
    };
    let begun: Result<Response, Refusal> = begun.await;
    begun.unwrap_or_else(|refusal| html::refusal(request, &refusal))
}

#[derive(Template)]
#[template(path = "device_code.html")]
struct CodePage<'a> {
    frame: Frame,
    error: Option<&'a str>,
}

/// Asks for the code.
pub(super) fn code_page(request: &Request<'_>, flow: &Flow, error: Option<&str>) -> Response {
    let template = CodePage {
        frame: Frame::of(request, flow, "Enter the code"),
        error,
    };
    html::page(StatusCode::OK, &template, &Policy::default())
}

/// The code of a flow, while somebody may still decide about it.
async fn code_of(request: &Request<'_>, hash: &str) -> Result<Option<DeviceCode>, StoreError> {
    let mut tx = request.app.store.read().await?;
    let found = device_codes::by_user_code(&mut tx, hash).await?;
    let now = request.app.clock.unix_micros();
    Ok(found.filter(|code| code.expires > now && code.state == DeviceCodeState::Pending))
}

/// Takes the code. Wrong ones cost the address what wrong passwords cost it: codes are short.
pub(super) async fn code_typed(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    if !matches!(flow.purpose, Purpose::Device { .. }) {
        return Ok(flow.go(request));
    }
    let now = request.app.clock.unix_seconds();
    let source = request.source();
    if source.is_some_and(|source| !request.app.passwords.spend(source, now)) {
        let text = "There were too many wrong attempts. Wait a few minutes.";
        return Ok(code_page(request, &flow, Some(text)));
    }
    let typed = normalized(request.form("otc").unwrap_or_default());
    let hash = sha256_hex(typed.as_bytes());
    let Some(code) = code_of(request, &hash).await.map_err(fault)? else {
        return Ok(code_page(request, &flow, Some(WRONG)));
    };
    if let Some(source) = source {
        request.app.passwords.refund(source, now);
    }
    flow.restart();
    flow.tenant.clone_from(&code.path);
    flow.purpose = Purpose::Device { code: Some(hash) };
    let mut tx = request.app.store.read().await.map_err(fault)?;
    let client = bartizan_store::directory::applications::anywhere(&mut tx, code.client)
        .await
        .map_err(fault)?;
    flow.app = client.map(|client| html::visible(&client.display_name));
    let people = signed_in(request, &mut tx).await.map_err(fault)?;
    let here: Vec<&SignedIn> = people
        .iter()
        .filter(|person| reachable(&flow, person))
        .collect();
    match here.as_slice() {
        [person] => {
            let person = (*person).clone();
            use_session(request, &mut tx, &mut flow, &person)
                .await
                .map_err(fault)?;
        }
        several => flow.pick = !several.is_empty(),
    }
    drop(tx);
    begin(request, &flow).await
}

/// A code with what the directory knows about it and who is signed in.
struct Case {
    code: DeviceCode,
    path: TenantPath,
    scopes: UserScopes,
    /// The address of the device.
    address: Option<String>,
    person: SignedIn,
    facts: UserFacts,
}

/// What stands in the way of a decision.
enum Obstacle {
    /// The session is over.
    SignIn,
    /// The code is.
    Code,
}

impl Case {
    async fn load(request: &Request<'_>, flow: &Flow) -> Result<Result<Self, Obstacle>, Refusal> {
        let Purpose::Device { code: Some(hash) } = &flow.purpose else {
            return Err(Refusal::Fault);
        };
        let Some(code) = code_of(request, hash).await.map_err(fault)? else {
            return Ok(Err(Obstacle::Code));
        };
        let path = TenantPath::parse(&flow.tenant)?;
        let details: DeviceDetails =
            serde_json::from_value(code.details.clone()).map_err(|_| Refusal::Fault)?;
        let scopes = scopes(&details);
        let mut tx = request.app.store.read().await.map_err(fault)?;
        let Some(person) = current(request, &mut tx, flow).await.map_err(fault)? else {
            return Ok(Err(Obstacle::SignIn));
        };
        let client = code.client.to_string();
        let named = details.asked.names();
        let facts = user_facts::load(request, &mut tx, &path, &client, Some(&person), &named)
            .await
            .map_err(fault)?;
        Ok(Ok(Self {
            code,
            path,
            scopes,
            address: details.address,
            person,
            facts,
        }))
    }

    fn step(&self, request: &Request<'_>, flow: &Flow) -> DeviceStep {
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
        let client = self.code.client.to_string();
        let signed_in = authentication(request, &self.person);
        decide_device(
            &client,
            &self.scopes,
            &self.facts,
            Some(&signed_in),
            done,
            setting,
        )
    }
}

/// All that a code was asked for with, of every resource: consent is for all of them.
fn scopes(details: &DeviceDetails) -> UserScopes {
    let asked = &details.asked;
    if asked.v2 {
        let scope = asked.scope.as_deref().unwrap_or_default();
        return UserScopes::parse(scope).unwrap_or_default();
    }
    let (mut openid, resource) = asked.understood(true, |a, b| a == b).unwrap_or_else(|_| {
        (
            bartizan_identity::scope::OpenIdScopes::default(),
            bartizan_identity::scope::ResourceRequest::of_graph(),
        )
    });
    // v1 names none of these words: nobody is asked for an address that nobody asked for.
    openid.email = false;
    UserScopes {
        openid,
        resources: vec![resource],
    }
}

async fn loaded(request: &Request<'_>, flow: &Flow) -> Result<Result<Case, Response>, Refusal> {
    Ok(match Case::load(request, flow).await? {
        Ok(case) => Ok(case),
        Err(Obstacle::SignIn) => {
            let mut flow = flow.clone();
            flow.restart();
            Err(begin(request, &flow).await?)
        }
        Err(Obstacle::Code) => Err(coded(request, StatusCode::BAD_REQUEST, 70_019)),
    })
}

#[derive(Template)]
#[template(path = "device_confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    app: &'a str,
    app_id: AppId,
    address: Option<String>,
    name: &'a str,
    tenant: &'a str,
}

/// Goes on after a page.
pub(super) async fn resume(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    let case = match loaded(request, &flow).await? {
        Ok(case) => case,
        Err(response) => return Ok(response),
    };
    match case.step(request, &flow) {
        DeviceStep::Page(Step::PickAccount) => pick_account(request, flow).await,
        DeviceStep::Page(Step::SecondFactor) => {
            ask_second_factor(request, flow, &case.person).await
        }
        DeviceStep::Page(Step::ErrorPage(refusal)) => Ok(html::refusal(request, &refusal)),
        DeviceStep::Page(_) => again(request, flow).await,
        DeviceStep::Consent(prompt) => {
            Ok(consent::ask(request, &flow, &prompt, &case.person, None))
        }
        DeviceStep::NeedAdminApproval(prompt) => {
            let client = prompt.client.to_string();
            let asked = Asked {
                client_id: Some(&client),
                scope: None,
                resource: None,
                person: Some(&case.person),
            };
            let person = &case.person;
            Ok(consent::approval(request, &flow, &prompt, person, &asked))
        }
        DeviceStep::Confirm => {
            let template = ConfirmPage {
                frame: Frame::of(request, &flow, "Is it you who signs in?"),
                app: flow.app.as_deref().unwrap_or("an application"),
                app_id: case.code.client,
                address: case.address.clone(),
                name: &case.person.user.upn,
                tenant: &case.person.tenant.display_name,
            };
            Ok(html::page(StatusCode::OK, &template, &Policy::default()))
        }
    }
}

/// Takes the answer of the consent page.
pub(super) async fn consented(request: &Request<'_>, mut flow: Flow) -> Result<Response, Refusal> {
    let case = match loaded(request, &flow).await? {
        Ok(case) => case,
        Err(response) => return Ok(response),
    };
    let accepts = request.form("decision") == Some("accept");
    let step = case.step(request, &flow);
    if let (DeviceStep::Consent(prompt), true) = (&step, accepts)
        && !consent::was_shown(request, &flow, prompt)
    {
        let error = Some(consent::CHANGED);
        return Ok(consent::ask(request, &flow, prompt, &case.person, error));
    }
    match (step, &case.facts.user) {
        (DeviceStep::Consent(prompt), Some(user)) if accepts => {
            let choice = match request.form("everybody") {
                Some("yes") => Choice::Organization,
                _ => Choice::Own,
            };
            let consented = decisions::accept(&prompt, choice, user)?;
            flow.consented = true;
            let written = async {
                let mut tx = request.app.store.write().await?;
                consent::write(request, &mut tx, &consented).await?;
                flow.keep(request, &mut tx).await?;
                tx.commit().await
            };
            written.await.map_err(fault)?;
            Ok(flow.go(request))
        }
        (DeviceStep::Consent(_) | DeviceStep::NeedAdminApproval(_), _) => {
            decide(request, &flow, &case, false).await
        }
        _ => Ok(flow.go(request)),
    }
}

/// Takes the person's word.
pub(super) async fn confirmed(request: &Request<'_>, flow: Flow) -> Result<Response, Refusal> {
    if !matches!(flow.purpose, Purpose::Device { code: Some(_) }) {
        return Ok(flow.go(request));
    }
    let case = match loaded(request, &flow).await? {
        Ok(case) => case,
        Err(response) => return Ok(response),
    };
    let accepts = request.form("decision") == Some("accept");
    if accepts && case.step(request, &flow) != DeviceStep::Confirm {
        return Ok(flow.go(request));
    }
    decide(request, &flow, &case, accepts).await
}

/// Approves or declines, and ends the flow.
async fn decide(
    request: &Request<'_>,
    flow: &Flow,
    case: &Case,
    accepts: bool,
) -> Result<Response, Refusal> {
    let (tenant, user) = (case.person.tenant.id, case.person.user.id);
    let decided = async {
        let mut tx = request.app.store.write().await?;
        let done = if accepts {
            let details =
                serde_json::to_value(authentication(request, &case.person)).unwrap_or_default();
            let approval = DeviceApproval {
                tenant,
                principal: user,
                details,
            };
            device_codes::approve(&mut tx, &case.code.hash, &approval).await?
        } else {
            device_codes::decline(&mut tx, &case.code.hash).await?
        };
        pending::end(&mut tx, &flow.hash()).await?;
        if done {
            let action = if accepts {
                "device.approve"
            } else {
                "device.decline"
            };
            let details = json!({ "application": case.code.client });
            record(request, &mut tx, tenant, user.to_string(), action, details).await?;
        }
        tx.commit().await?;
        Ok(done)
    };
    if !decided.await.map_err(fault)? {
        return Ok(coded(request, StatusCode::BAD_REQUEST, 90_120));
    }
    Ok(if accepts {
        let lines = ["You can close this window and go on there."];
        html::message(request, "The device is signed in", &lines)
    } else {
        let lines = ["Nothing was given to it. You can close this window."];
        html::message(request, "The device was refused", &lines)
    })
}
