//! The second factor: codes of an authenticator app, passkeys, and setting either up.

use askama::Template;
use axum::response::Response;
use bartizan_contract::ObjectId;
use bartizan_identity::Refusal;
use bartizan_identity::sign_in::cose::PublicKey;
use bartizan_identity::sign_in::passkey::{self, Expected};
use bartizan_identity::sign_in::{Method, Step, next, totp};
use bartizan_store::sign_in::factors::{self, Factor, FactorKind};
use bartizan_store::sign_in::failures;
use bartizan_store::{StoreError, WriteTx};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{StatusCode, header};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::pages::policy;
use super::password::counted;
use super::{
    Flow, FlowAccount, LOCKED, account, advance, again, current, fault, record, sessions, show,
    wrong_factor,
};
use crate::identity::Request;
use crate::identity::html::{Frame, PASSKEY_SCRIPT, Policy, error_page, page as html_page};
use crate::identity::sign_in::sha256_hex;

/// What the app's list of accounts says.
const ISSUER: &str = "Bartizan";
/// How long the browser waits for a passkey, milliseconds.
const PASSKEY_PATIENCE: u32 = 120_000;
/// What a page says about a code that is not right.
const WRONG_CODE: &str =
    "That code is not right. Wait for the next one and check the clock of your device.";

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactor<'a> {
    frame: Frame,
    name: &'a str,
    error: Option<&'a str>,
    totp: bool,
    passkey: Option<String>,
}

/// Asks for a code or a passkey.
pub(super) async fn page(
    request: &Request<'_>,
    mut flow: Flow,
    account: Option<FlowAccount>,
    error: Option<&str>,
) -> Result<Response, Refusal> {
    let account = account.ok_or(Refusal::Fault)?;
    let mut passkey = None;
    if account.demands.passkey {
        let known = credentials(request, &account.factors);
        let options = json!({
            "challenge": fresh_challenge(&mut flow)?,
            "rpId": request.site.host,
            "allowCredentials": known,
            "userVerification": "preferred",
            "timeout": PASSKEY_PATIENCE,
        });
        passkey = Some(options.to_string());
        flow.save(request).await.map_err(fault)?;
    }
    let mut frame = Frame::of(request, &flow, "Prove that it is you");
    let policy = with_script(&flow, &mut frame, passkey.is_some());
    let template = SecondFactor {
        frame,
        name: &flow.typed,
        error,
        totp: account.demands.totp,
        passkey,
    };
    Ok(html_page(StatusCode::OK, &template, &policy))
}

/// Says that the factors of an account work at another address.
pub(super) fn elsewhere(request: &Request<'_>, account: Option<FlowAccount>) -> Response {
    let factors = account.map(|account| account.factors).unwrap_or_default();
    let mut hosts: Vec<String> = factors
        .into_iter()
        .filter_map(|factor| match factor.kind {
            FactorKind::Passkey { host, .. } => Some(host),
            FactorKind::Totp => None,
        })
        .collect();
    hosts.sort();
    hosts.dedup();
    let text = format!(
        "Your passkey does not work at this address. Use the address where it was registered: {}. There you can add a second factor that works here, too. If you cannot reach it, ask your administrator.",
        hosts.join(", ")
    );
    error_page(request, StatusCode::FORBIDDEN, 50_076, &text)
}

struct Qr {
    size: i32,
    path: String,
}

#[derive(Template)]
#[template(path = "set_up.html")]
struct SetUp<'a> {
    frame: Frame,
    name: &'a str,
    demanded: bool,
    error: Option<&'a str>,
    qr: Qr,
    secret: String,
    passkey: Option<String>,
}

/// Offers to set up an authenticator app or a passkey.
pub(super) async fn set_up_page(
    request: &Request<'_>,
    mut flow: Flow,
    account: Option<FlowAccount>,
    error: Option<&str>,
) -> Result<Response, Refusal> {
    let account = account.ok_or(Refusal::Fault)?;
    let user = &account.user;
    let secret = pending_secret(request, &mut flow, user.id)?;
    let mut passkey = None;
    if passkeys_work(request) {
        let options = json!({
            "challenge": fresh_challenge(&mut flow)?,
            "rp": { "id": request.site.host, "name": ISSUER },
            "user": {
                "id": BASE64_URL_SAFE_NO_PAD.encode(user.id.uuid().as_bytes()),
                "name": user.upn,
                "displayName": user.display_name,
            },
            "pubKeyCredParams": [
                { "type": "public-key", "alg": -7 },
                { "type": "public-key", "alg": -257 },
            ],
            "excludeCredentials": credentials(request, &account.factors),
            "authenticatorSelection": { "residentKey": "discouraged", "userVerification": "preferred" },
            "attestation": "none",
            "timeout": PASSKEY_PATIENCE,
        });
        passkey = Some(options.to_string());
    }
    flow.save(request).await.map_err(fault)?;
    let mut frame = Frame::of(request, &flow, "Set up a second factor");
    let policy = with_script(&flow, &mut frame, passkey.is_some());
    let template = SetUp {
        frame,
        name: &flow.typed,
        demanded: !flow.adding,
        error,
        qr: qr(&totp::uri(ISSUER, &user.upn, &secret)),
        secret: in_groups(&totp::base32(&secret)),
        passkey,
    };
    Ok(html_page(StatusCode::OK, &template, &policy))
}

fn with_script(flow: &Flow, frame: &mut Frame, script: bool) -> Policy {
    if script {
        frame.scripts.push(PASSKEY_SCRIPT);
    }
    Policy {
        script,
        ..policy(flow)
    }
}

/// Browsers know passkeys for names, not for addresses (WebAuthn section 5.1.3).
fn passkeys_work(request: &Request<'_>) -> bool {
    let host = &request.site.host;
    !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err()
}

fn credentials(request: &Request<'_>, factors: &[Factor]) -> Vec<serde_json::Value> {
    let here = |factor: &Factor| match &factor.kind {
        FactorKind::Passkey { credential, host } if *host == request.site.host => {
            Some(json!({ "type": "public-key", "id": credential }))
        }
        _ => None,
    };
    factors.iter().filter_map(here).collect()
}

fn fresh_challenge(flow: &mut Flow) -> Result<String, Refusal> {
    let challenge = super::random_name()?;
    flow.challenge = Some(challenge.clone());
    Ok(challenge)
}

/// The secret that is being set up; made when it is first shown.
fn pending_secret(
    request: &Request<'_>,
    flow: &mut Flow,
    user: ObjectId,
) -> Result<Vec<u8>, Refusal> {
    if let Some(sealed) = &flow.new_secret {
        return open(request, user, sealed);
    }
    let mut secret = [0; totp::SECRET];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| Refusal::Fault)?;
    let sealed = request.app.keys.seal(&seal_name(user), &secret);
    flow.new_secret = Some(sealed.map_err(|_| Refusal::Fault)?);
    Ok(secret.to_vec())
}

/// Under which name a user's secrets of one-time codes are sealed.
pub(in crate::identity) fn seal_name(user: ObjectId) -> String {
    format!("totp:{user}")
}

fn open(request: &Request<'_>, user: ObjectId, sealed: &str) -> Result<Vec<u8>, Refusal> {
    let opened = request.app.keys.open_sealed(&seal_name(user), sealed);
    opened.map_err(|error| {
        tracing::error!(%error, "the secret of one-time codes cannot be read");
        Refusal::Fault
    })
}

fn qr(text: &str) -> Qr {
    use std::fmt::Write as _;
    let mut path = String::new();
    // The address is far below what fits into a code.
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else {
        return Qr { size: 1, path };
    };
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                let _ = write!(path, "M{},{}h1v1h-1z", x + 4, y + 4);
            }
        }
    }
    Qr {
        size: code.size() + 8,
        path,
    }
}

fn in_groups(key: &str) -> String {
    let letters: Vec<char> = key.chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(" ")
}

/// Takes a form about a second factor.
pub(super) async fn take(
    request: &Request<'_>,
    flow: Flow,
    step: &str,
) -> Result<Response, Refusal> {
    let mut tx = request.app.store.write().await.map_err(fault)?;
    let Some(account) = account(request, &mut tx, &flow).await.map_err(fault)? else {
        return Ok(flow.go(request));
    };
    if flow.adding
        && current(request, &mut tx, &flow)
            .await
            .map_err(fault)?
            .is_none()
    {
        // Going on writes, too, in its turn.
        drop(tx);
        return again(request, flow).await;
    }
    // A form of another step, or of a page that was left open.
    let due = next(&flow.progress, Some(&account.demands));
    let fits = match step {
        "totp" | "passkey" => due == Step::SecondFactor,
        _ => due == Step::SetUp || flow.adding,
    };
    if !fits {
        return Ok(flow.go(request));
    }
    match try_take(request, &mut tx, flow, &account, step).await {
        Ok((flow, method, adding)) => {
            let mut flow = flow;
            flow.progress.methods.retain(|known| *known != method);
            flow.progress.methods.push(method);
            flow.fresh = true;
            flow.new_secret = None;
            flow.challenge = None;
            if adding {
                flow.adding = false;
                return renewed(request, tx, flow, "The second factor is set up.").await;
            }
            tx.commit().await.map_err(fault)?;
            advance(request, flow).await
        }
        Err(Problem::Refusal(refusal)) => Err(refusal),
        Err(Problem::Said(flow, text, code)) => {
            if let Some(code) = code {
                wrong_factor::note(request, &mut tx, &flow, &account, (step, code))
                    .await
                    .map_err(fault)?;
            }
            // Failed attempts are counted.
            tx.commit().await.map_err(fault)?;
            show(request, *flow, Some(&text)).await
        }
    }
}

/// After a change by somebody who is signed in: a new session, which proves what is proven by now, and the word of it.
pub(super) async fn renewed(
    request: &Request<'_>,
    mut tx: WriteTx,
    mut flow: Flow,
    notice: &str,
) -> Result<Response, Refusal> {
    let who = flow.account.ok_or(Refusal::Fault)?;
    let stay = flow.progress.stay == Some(true);
    let (session, cookie) = sessions::begin(request, &mut tx, who, &flow.progress.methods, stay)
        .await
        .map_err(fault)??;
    flow.session = Some(session.id);
    flow.notice = Some(notice.to_owned());
    flow.keep(request, &mut tx).await.map_err(fault)?;
    tx.commit().await.map_err(fault)?;
    let mut response = flow.go(request);
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Why a form about a second factor was not taken.
enum Problem {
    Refusal(Refusal),
    /// What to tell the person; with the AADSTS code where it is a sign-in that failed.
    Said(Box<Flow>, String, Option<u32>),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Refusal(fault(error))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

async fn try_take(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: Flow,
    account: &FlowAccount,
    step: &str,
) -> Result<(Flow, Method, bool), Problem> {
    let key = sha256_hex(format!("second factor\n{}", account.user.id).as_bytes());
    let now = request.app.clock.unix_seconds();
    if counted(tx, &key, now).await?.is_none() {
        let code = Some(wrong_factor::LOCKED);
        return Err(Problem::Said(Box::new(flow), LOCKED.to_owned(), code));
    }
    let adding = flow.adding;
    let taken = match step {
        "totp" => use_totp(request, tx, &flow, account).await?,
        "passkey" => use_passkey(request, tx, &flow, account).await?,
        "set_up_totp" => add_totp(request, tx, &flow, account).await?,
        _ => add_passkey(request, tx, &flow, account).await?,
    };
    match taken {
        Ok(method) => {
            failures::forget(tx, &key).await?;
            Ok((flow, method, adding))
        }
        Err(text) => {
            // A factor that is being set up proves nothing yet.
            let code = matches!(step, "totp" | "passkey").then_some(wrong_factor::WRONG);
            Err(Problem::Said(Box::new(flow), text, code))
        }
    }
}

/// The method, or what to tell the person.
type Taken = Result<Method, String>;

async fn use_totp(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    account: &FlowAccount,
) -> Result<Taken, Problem> {
    let Some((tenant, user)) = flow.account else {
        return Err(Refusal::Fault.into());
    };
    let now = request.app.clock.unix_seconds();
    let typed = request.form("code").unwrap_or_default();
    for factor in account
        .factors
        .iter()
        .filter(|f| f.kind == FactorKind::Totp)
    {
        let secret = open(request, user, &factor.secret)?;
        let step = totp::accepted_step(&secret, typed, now, Some(factor.counter));
        let Some(step) = step else { continue };
        let moved = (factor.counter, step);
        let micros = request.app.clock.unix_micros();
        if factors::advance(tx, tenant, factor.id, moved, micros).await? {
            return Ok(Ok(Method::Totp));
        }
    }
    Ok(Err(WRONG_CODE.to_owned()))
}

async fn add_totp(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    account: &FlowAccount,
) -> Result<Taken, Problem> {
    let Some(sealed) = flow.new_secret.clone() else {
        return Ok(Err(WRONG_CODE.to_owned()));
    };
    let secret = open(request, account.user.id, &sealed)?;
    let now = request.app.clock.unix_seconds();
    let typed = request.form("code").unwrap_or_default();
    let Some(step) = totp::accepted_step(&secret, typed, now, None) else {
        return Ok(Err(WRONG_CODE.to_owned()));
    };
    let kind = FactorKind::Totp;
    keep(request, tx, flow, (kind, "Authenticator app"), sealed, step).await?;
    Ok(Ok(Method::Totp))
}

/// What the script puts into the form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    id: String,
    client_data: String,
    authenticator_data: String,
    #[serde(default)]
    signature: String,
}

struct Decoded {
    id: String,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

fn decoded(request: &Request<'_>) -> Option<Decoded> {
    let answer: Answer = serde_json::from_str(request.form("answer")?).ok()?;
    let bytes = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    Some(Decoded {
        client_data: bytes(&answer.client_data)?,
        authenticator_data: bytes(&answer.authenticator_data)?,
        signature: bytes(&answer.signature)?,
        id: answer.id,
    })
}

async fn use_passkey(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    account: &FlowAccount,
) -> Result<Taken, Problem> {
    let Some((tenant, _)) = flow.account else {
        return Err(Refusal::Fault.into());
    };
    let no_answer = || Ok(Err("The browser sent no passkey. Try again.".to_owned()));
    let (Some(answer), Some(challenge)) = (decoded(request), challenge(flow)) else {
        return no_answer();
    };
    let known = account.factors.iter().find(
        |factor| matches!(&factor.kind, FactorKind::Passkey { credential, .. } if *credential == answer.id),
    );
    let Some(factor) = known else {
        return no_answer();
    };
    let key: PublicKey = serde_json::from_str(&factor.secret).map_err(|_| Refusal::Fault)?;
    let counter = u32::try_from(factor.counter).unwrap_or_default();
    let verified = passkey::verify(
        expected(request, &challenge),
        &key,
        counter,
        &answer.client_data,
        &answer.authenticator_data,
        &answer.signature,
    );
    let new = match verified {
        Ok(new) => i64::from(new),
        Err(error) => return Ok(Err(format!("{error}."))),
    };
    let micros = request.app.clock.unix_micros();
    let moved = (factor.counter, new);
    match factors::advance(tx, tenant, factor.id, moved, micros).await? {
        true => Ok(Ok(Method::Passkey)),
        false => no_answer(),
    }
}

async fn add_passkey(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    _account: &FlowAccount,
) -> Result<Taken, Problem> {
    let (Some(answer), Some(challenge)) = (decoded(request), challenge(flow)) else {
        return Ok(Err("The browser sent no passkey. Try again.".to_owned()));
    };
    let registered = passkey::register(
        expected(request, &challenge),
        &answer.client_data,
        &answer.authenticator_data,
    );
    let registered = match registered {
        Ok(registered) => registered,
        Err(error) => return Ok(Err(format!("{error}."))),
    };
    let kind = FactorKind::Passkey {
        credential: BASE64_URL_SAFE_NO_PAD.encode(&registered.id),
        host: request.site.host.clone(),
    };
    let key = serde_json::to_string(&registered.key).map_err(|_| Refusal::Fault)?;
    let counter = i64::from(registered.counter);
    match keep(request, tx, flow, (kind, "Passkey"), key, counter).await {
        Ok(()) => Ok(Ok(Method::Passkey)),
        Err(StoreError::Exists(_)) => Ok(Err("That passkey is registered already.".to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn challenge(flow: &Flow) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(flow.challenge.as_ref()?).ok()
}

fn expected<'a>(request: &'a Request<'_>, challenge: &'a [u8]) -> Expected<'a> {
    Expected {
        challenge,
        origin: &request.site.base,
        host: &request.site.host,
        // It comes after a password: that somebody has it is what it shall prove.
        user_verified: false,
    }
}

async fn keep(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    (kind, name): (FactorKind, &str),
    secret: String,
    counter: i64,
) -> Result<(), StoreError> {
    let Some((tenant, user)) = flow.account else {
        return Err(StoreError::Missing("user"));
    };
    let word = if kind == FactorKind::Totp {
        "totp"
    } else {
        "passkey"
    };
    let factor = Factor {
        id: Uuid::new_v4(),
        kind,
        name: name.to_owned(),
        secret,
        counter,
        created: request.app.clock.unix_micros(),
        last_used: None,
    };
    factors::add(tx, tenant, user, &factor).await?;
    let details = json!({ "kind": word, "id": factor.id });
    record(
        request,
        tx,
        tenant,
        user.to_string(),
        "user.addSecondFactor",
        details,
    )
    .await
}
