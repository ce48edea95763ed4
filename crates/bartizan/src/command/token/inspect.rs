//! `bartizan token inspect`: what a token says, whether it is genuine, and what it opens.
//!
//! Nothing of the token is believed before its signature has been checked with the published keys, and the output
//! says which of the two it is.

use std::io::Read as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bartizan_contract::operations::{self, Operation};
use bartizan_contract::permissions::RESOURCES;
use bartizan_contract::time::Timestamp;
use bartizan_contract::{Api, route};
use bartizan_identity::claims::AccessClaims;
use bartizan_identity::explain::explain;
use bartizan_identity::jwt::{Token, VerifyingKey};
use bartizan_identity::resource::{accepts_audience, is_own_origin};
use bartizan_identity::{IssuerMode, Issuers, Rejection, Verifier};
use bartizan_sdk::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::args::Connection;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Request {
    /// Whose keys.
    pub(crate) connection: Connection,
    /// The token; standard input when absent or `-`.
    pub(crate) token: Option<String>,
    /// An operation to judge.
    pub(crate) operation: Option<String>,
    /// Whether keys are fetched.
    pub(crate) keys: Keys,
}

/// Whether the signature is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// It must be: a server that does not answer is a failure.
    Needed,
    /// It is when a server answers soon; the rest is told without.
    Wanted,
    /// Nobody is asked.
    Offline,
}

/// How long a server is waited for whose keys are only wanted.
const PATIENCE: Duration = Duration::from_secs(5);

const FIELDS: &[Column] = &[
    ("Signature", |t| at(t, "signature")),
    ("Kind", |t| at(t, "kind")),
    ("Tenant", |t| at(t, "tenant")),
    ("Application", |t| at(t, "application")),
    ("Audience", |t| at(t, "audience")),
    ("For the API", |t| at(t, "api")),
    ("Issued by", |t| at(t, "issuer")),
    ("Expires", |t| at(t, "expires")),
    ("Permissions", |t| permissions(t)),
    ("Signed with", |t| at(t, "header/kid")),
];

const OPERATIONS: &[Column] = &[
    ("It may call", |o| {
        format!("{} {}", at(o, "method"), at(o, "path"))
    }),
    ("", |o| at(o, "name")),
    ("Served here", |o| {
        if o["served"] == true {
            "yes".to_owned()
        } else {
            "not yet".to_owned()
        }
    }),
];

fn permissions(token: &Value) -> String {
    let list = token["permissions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    match list {
        [] => "none".to_owned(),
        list => list
            .iter()
            .map(crate::printer::plain)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Whether the signature was checked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signature {
    /// Made with a key that this authority publishes.
    Good(String),
    /// This authority's keys did not make it.
    Bad(String, Rejection),
    /// Nobody can tell here.
    NotChecked(String),
    /// The keys could not be read.
    NoAnswer(String),
}

impl Signature {
    fn text(&self) -> String {
        match self {
            Self::Good(authority) => format!("good: made with a key that {authority} publishes"),
            Self::Bad(authority, Rejection::UnknownKey) => format!(
                "NOT GOOD: {authority} publishes no key of that id; of a token of Microsoft's cloud --cloud public asks there"
            ),
            Self::Bad(authority, rejection) => format!("NOT GOOD at {authority}: {rejection}"),
            Self::NotChecked(why) | Self::NoAnswer(why) => format!("not verified: {why}"),
        }
    }
}

/// Carries out the command.
pub(crate) async fn run(request: Request, printer: &Printer) -> Outcome {
    let operation = request.operation.as_deref().map(find).transpose()?;
    let text = read(request.token)?;
    let token = Token::parse(&text).map_err(|error| {
        Failure::usage(format!(
            "this is no token of the kind that Entra issues: {error}"
        ))
    })?;
    let claims = serde_json::from_value::<AccessClaims>(Value::Object(token.claims.clone())).ok();
    let nobody = match request.keys {
        Keys::Offline => Some("--offline".to_owned()),
        Keys::Wanted => nobody(&request.connection),
        Keys::Needed => None,
    };
    let (signature, own_origins) = match nobody {
        Some(why) => (Signature::NotChecked(why), Vec::new()),
        None => {
            let client = target::anonymous(&request.connection)?;
            let own = origins(&client);
            let checked = check(&client, &text, &token, claims.as_ref(), &own);
            let signature = match request.keys {
                Keys::Wanted => tokio::time::timeout(PATIENCE, checked)
                    .await
                    .unwrap_or_else(|_| Signature::NoAnswer(slow(&client))),
                _ => checked.await,
            };
            (signature, own)
        }
    };
    let now = now()?;
    let mut document = describe(&token, claims.as_ref(), &signature, &own_origins, now);
    let verdict =
        operation.map(|operation| judge(operation, claims.as_ref(), &signature, &own_origins, now));
    let verdict = verdict.map(|mut verdict| {
        if let Some(remedy) = verdict["remedy"].as_str() {
            let data = target::administrators_data(&request.connection);
            verdict["remedy"] = json!(remedy.replace("--data DIR", &format!("--data {data}")));
        }
        verdict
    });
    if let Some(verdict) = &verdict {
        document["for"] = verdict.clone();
    }
    print(&document, printer)?;
    conclude(&signature, verdict.as_ref(), request.keys, printer)
}

/// Why there is nobody to ask for keys that are only wanted: no server is named, or what names it cannot be read. Microsoft's
/// cloud is asked by those who say so.
fn nobody(connection: &Connection) -> Option<String> {
    match target::names_a_server(connection) {
        Ok(true) => None,
        Ok(false) => Some(
            "no server is named whose keys could tell; --data DIR or --url URL asks yours, --cloud public Microsoft's"
                .to_owned(),
        ),
        Err(failure) => Some(failure.to_string()),
    }
}

fn slow(client: &Client) -> String {
    let authority = authority(client);
    format!(
        "{authority} has not answered in {} seconds",
        PATIENCE.as_secs()
    )
}

fn authority(client: &Client) -> String {
    client.cloud().authority.origin().ascii_serialization()
}

fn read(token: Option<String>) -> Result<String, Failure> {
    let text = match token {
        Some(token) if token != "-" => token,
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
    };
    // Pasted as it stands in a header or in the answer of the endpoint, it is meant all the same.
    let text = text.trim();
    if let Ok(answer) = serde_json::from_str::<Value>(text)
        && let Some(token) = answer["access_token"].as_str()
    {
        return Ok(token.to_owned());
    }
    let bare = text.trim_start_matches("Authorization:").trim();
    Ok(bare
        .strip_prefix("Bearer ")
        .unwrap_or(bare)
        .trim()
        .to_owned())
}

fn now() -> Result<i64, Failure> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(Failure::general)?;
    i64::try_from(now.as_secs()).map_err(Failure::general)
}

/// The operation that `METHOD PATH` names; a whole URL is a path with a host, and GET is the method when none is said.
fn find(text: &str) -> Result<&'static Operation, Failure> {
    let (method, path) = match text.trim().split_once(char::is_whitespace) {
        Some((method, path)) => (method.to_uppercase(), path.trim()),
        None => ("GET".to_owned(), text.trim()),
    };
    let url = Url::parse(path).ok();
    let host = url.as_ref().and_then(Url::host_str);
    let path = url.as_ref().map_or(path, Url::path);
    match route::find(&method, path, host) {
        Some(found) => Ok(found.operation),
        None => {
            let others = route::methods_at(path, host);
            let others: Vec<&str> = others.iter().map(|method| method.as_str()).collect();
            Err(Failure::usage(if others.is_empty() {
                format!("no operation has the path {path}; docs/operations.md lists them")
            } else {
                format!("{path} has no {method}, only {}", others.join(", "))
            }))
        }
    }
}

/// The origins of a server of one's own; Microsoft's hosts are in the tables already.
fn origins(client: &Client) -> Vec<String> {
    if client.cloud().name == "own" {
        vec![authority(client)]
    } else {
        Vec::new()
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    n: Option<String>,
    e: Option<String>,
}

async fn check(
    client: &Client,
    text: &str,
    token: &Token,
    claims: Option<&AccessClaims>,
    own_origins: &[String],
) -> Signature {
    if token.header.contains_key("nonce") {
        let why = "Microsoft Graph's own tokens carry a nonce, and only Graph can check them";
        return Signature::NotChecked(why.to_owned());
    }
    // A server of one's own has the same keys for every tenant, and a token may name one that it does not have.
    let tenant = claims
        .filter(|_| own_origins.is_empty())
        .map_or_else(|| "common".to_owned(), |claims| claims.tid.to_string());
    let path = match claims.map(|claims| claims.ver.as_str()) {
        Some("1.0") => format!("/{tenant}/discovery/keys"),
        _ => format!("/{tenant}/discovery/v2.0/keys"),
    };
    let keys: KeySet = match client.public_json(&path).await {
        Ok(keys) => keys,
        Err(error) => return Signature::NoAnswer(Failure::from(error).to_string()),
    };
    let keys: Vec<Key> = keys.keys.into_iter().collect();
    let authority = authority(client);
    let mut last = Signature::NotChecked("no issuer".to_owned());
    // The connection does not say which issuer strings its server uses; a token names one of the two.
    for mode in [IssuerMode::Canonical, IssuerMode::Own] {
        let parsed = keys.iter().filter_map(|key| {
            VerifyingKey::from_jwk(&key.kid, key.n.as_deref()?, key.e.as_deref()?).ok()
        });
        let issuers = Issuers {
            mode,
            public_origin: authority.clone(),
        };
        let verifier = Verifier::new(parsed, issuers, own_origins.to_vec());
        let api = api(claims, own_origins).unwrap_or(Api::Xdr);
        last = judged(&authority, verifier.verify(text, api, 0));
        if !matches!(last, Signature::Bad(_, Rejection::Issuer)) {
            break;
        }
    }
    last
}

/// Audience and times come after signature and issuer in the verifier's order: a token refused for them is genuine.
fn judged<T>(authority: &str, verified: Result<T, Rejection>) -> Signature {
    let authority = authority.to_owned();
    match verified {
        Ok(_) => Signature::Good(authority),
        Err(Rejection::Audience(_) | Rejection::Expired | Rejection::NotYetValid) => {
            Signature::Good(authority)
        }
        Err(Rejection::Claims) => {
            Signature::NotChecked("its claims are not those of an access token".to_owned())
        }
        Err(rejection) => Signature::Bad(authority, rejection),
    }
}

/// The API that an audience means; none for somebody else's.
fn api(claims: Option<&AccessClaims>, own_origins: &[String]) -> Option<Api> {
    let audience = &claims?.aud;
    let known = RESOURCES
        .iter()
        .find(|resource| accepts_audience(resource, audience));
    known
        .map(|resource| resource.api)
        .filter(|_| !is_own_origin(audience, own_origins))
}

fn describe(
    token: &Token,
    claims: Option<&AccessClaims>,
    signature: &Signature,
    own_origins: &[String],
    now: i64,
) -> Value {
    let text = |name: &str| token.claims.get(name).cloned().unwrap_or(Value::Null);
    let user = token.claims.contains_key("scp");
    let permissions: Vec<String> = match claims {
        Some(AccessClaims {
            scp: Some(scopes), ..
        }) => scopes.split_whitespace().map(str::to_owned).collect(),
        Some(claims) if !claims.roles_by_resource.is_empty() => claims
            .roles_by_resource
            .values()
            .flatten()
            .cloned()
            .collect(),
        Some(claims) => claims.roles.clone(),
        None => Vec::new(),
    };
    let api_name = match api(claims, own_origins) {
        Some(api) => api.name(),
        None if claims.is_some_and(|claims| is_own_origin(&claims.aud, own_origins)) => {
            "all of this server"
        }
        None => "none that is known here",
    };
    let expires = token.claims.get("exp").and_then(Value::as_i64);
    json!({
        "signature": signature.text(),
        "verified": matches!(signature, Signature::Good(_)),
        "kind": if user { "of an application in the name of a user" } else { "of an application itself" },
        "tenant": text("tid"),
        "application": application(token),
        "audience": text("aud"),
        "api": api_name,
        "issuer": text("iss"),
        "expires": expires.map(|at| format!("{} ({})", in_words(at - now), time(at))),
        "permissions": permissions,
        "operations": claims.map(|claims| permitted(claims, own_origins)).unwrap_or_default(),
        "header": token.header,
        "claims": token.claims,
    })
}

fn application(token: &Token) -> String {
    let text = |name: &str| token.claims.get(name).and_then(Value::as_str);
    let id = text("appid").or_else(|| text("azp")).unwrap_or("unknown");
    match text("app_displayname") {
        Some(name) => format!("{id} ({name})"),
        None => id.to_owned(),
    }
}

/// A token of a user carries scopes; what the user may do besides is in the directory.
const ROLE_UNCHECKED: &str = "The scope suffices. The user's role decides too, and was not checked: `bartizan role list --principal USER` shows it.";

/// What the permissions allow, whatever the time.
fn permitted(claims: &AccessClaims, own_origins: &[String]) -> Vec<Value> {
    operations::all()
        .filter(|operation| explain(claims, operation, own_origins, claims.nbf).allowed)
        .map(|o| {
            json!({ "method": o.method.as_str(), "path": o.path, "name": o.name, "api": o.api.name(), "served": o.served() })
        })
        .collect()
}

fn judge(
    operation: &Operation,
    claims: Option<&AccessClaims>,
    signature: &Signature,
    own_origins: &[String],
    now: i64,
) -> Value {
    let named = format!("{} {}", operation.method, operation.path);
    let Some(claims) = claims else {
        let reason = "The token's claims are not those of an access token.";
        return json!({ "operation": named, "allowed": false, "reasons": [reason], "remedy": format!("bartizan token get{}", target::again()) });
    };
    let explanation = explain(claims, operation, own_origins, now);
    let mut reasons = explanation.reasons;
    let forged = matches!(signature, Signature::Bad(..));
    if forged {
        reasons.insert(
            0,
            "The signature is not good: no API accepts this token.".to_owned(),
        );
    }
    if explanation.allowed && !operation.served() {
        reasons.push("A Bartizan server does not serve this operation yet.".to_owned());
    }
    let note = (explanation.allowed && claims.scp.is_some()).then_some(ROLE_UNCHECKED);
    json!({
        "operation": named,
        "name": operation.name,
        "allowed": explanation.allowed && !forged,
        "reasons": reasons,
        "note": note,
        "remedy": explanation.remedy,
    })
}

fn print(document: &Value, printer: &Printer) -> Outcome {
    printer.item(FIELDS, document)?;
    if !printer.is_table() || document.get("for").is_some() {
        return Ok(());
    }
    printer.list(
        OPERATIONS,
        document["operations"].as_array().map_or(&[], Vec::as_slice),
    )
}

fn conclude(
    signature: &Signature,
    verdict: Option<&Value>,
    keys: Keys,
    printer: &Printer,
) -> Outcome {
    if let Some(verdict) = verdict {
        let allowed = verdict["allowed"] == true;
        let mut text = format!(
            "{}: {}\n",
            at(verdict, "operation"),
            if allowed { "allowed" } else { "refused" }
        );
        for reason in verdict["reasons"].as_array().into_iter().flatten() {
            text.push_str(&format!("  {}\n", crate::printer::plain(reason)));
        }
        if let Some(note) = verdict["note"].as_str() {
            text.push_str(&format!("  {note}\n"));
        }
        if let Some(remedy) = verdict["remedy"].as_str().filter(|_| !allowed) {
            text.push_str(&format!("  To mend it: {remedy}\n"));
        }
        if printer.is_table() {
            printer.text(&format!("\n{text}"))?;
        } else {
            printer.remark(text.trim_end());
        }
        if !allowed {
            return Err(Failure::reported(4));
        }
    }
    match signature {
        Signature::Bad(_, rejection) => Err(Failure::unauthenticated(rejection)),
        Signature::NoAnswer(why) if keys == Keys::Needed => Err(Failure::unreachable(format!(
            "not verified: {why}; --offline tells what the token says without its keys"
        ))),
        // What is not said on a table's first line is not seen by whoever reads the rest.
        Signature::NoAnswer(_) | Signature::NotChecked(_) if !printer.is_table() => {
            printer.remark(&signature.text());
            Ok(())
        }
        Signature::Good(_) | Signature::NotChecked(_) | Signature::NoAnswer(_) => Ok(()),
    }
}

fn time(seconds: i64) -> String {
    Timestamp::from_unix_micros(seconds.saturating_mul(1_000_000)).to_string()
}

/// A distance in time, in the largest unit of which there are two or more.
fn in_words(seconds: i64) -> String {
    let distance = seconds.unsigned_abs();
    let (count, unit) = match distance {
        0..=119 => (distance, "second"),
        120..=7_199 => (distance / 60, "minute"),
        7_200..=172_799 => (distance / 3_600, "hour"),
        _ => (distance / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds >= 0 {
        format!("in {count} {unit}{plural}")
    } else {
        format!("{count} {unit}{plural} ago")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_by_path_and_by_url() {
        let list = find("GET /api/incidents").expect("an operation");
        assert_eq!(list.path, "/api/incidents");
        assert_eq!(
            find("https://api.security.microsoft.com/api/incidents").expect("the same"),
            list
        );
        assert_eq!(
            find("patch /api/Incidents/7")
                .expect("another")
                .method
                .as_str(),
            "PATCH"
        );
        let wrong = find("PUT /api/incidents").expect_err("no such method");
        assert!(wrong.to_string().contains("only GET"), "{wrong}");
        assert!(find("GET /nothing").is_err());
    }

    #[test]
    fn distances_are_in_a_unit_that_people_use() {
        assert_eq!(in_words(59), "in 59 seconds");
        assert_eq!(in_words(3599), "in 59 minutes");
        assert_eq!(in_words(-7_200), "2 hours ago");
        assert_eq!(in_words(-10 * 86_400), "10 days ago");
    }

    #[test]
    fn a_token_is_taken_out_of_what_people_paste() {
        for pasted in [
            " a.b.c\n",
            "Bearer a.b.c",
            "Authorization: Bearer a.b.c",
            r#"{"access_token":"a.b.c"}"#,
        ] {
            assert_eq!(
                read(Some(pasted.to_owned())).expect("text"),
                "a.b.c",
                "{pasted}"
            );
        }
    }
}
