//! An error by its code or its whole text, of this server or of Microsoft's cloud: what it means and what to do.

use bartizan_contract::identity_errors::identity_error;
use bartizan_contract::permissions::{PermissionKind, RESOURCES};
use bartizan_contract::remedies;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, plain};
use crate::target;

const FIELDS: &[Column] = &[
    ("Code", |e| at(e, "code")),
    ("Meaning", |e| at(e, "cause")),
    ("Required", |e| list(&e["required"])),
    ("Held", |e| list(&e["held"])),
    ("What to do", |e| at(e, "remedy")),
    ("Command", |e| at(e, "command")),
];

fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    items.map(plain).collect::<Vec<_>>().join(", ")
}

/// Prints the explanation of an error.
pub(crate) fn run(text: &str, printer: &Printer) -> Outcome {
    let told = explain(text).ok_or_else(|| {
        Failure::not_found(
            "no error that is known here: give a code (AADSTS700016, 700016, Forbidden), a whole error body, or a trace id; docs/ERRORS.md lists the codes",
        )
    })?;
    printer.item(FIELDS, &told)
}

/// Whether the text says something that is known without the server.
pub(super) fn is_known(text: &str) -> bool {
    explain(text).is_some()
}

/// The id by which the server that refused can say more: that of an error's body, or one that any text calls so.
pub(super) fn trace_of(text: &str) -> Option<Uuid> {
    let body = serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let of_body = trace(&body).and_then(|id| id.parse().ok());
    of_body.or_else(|| LABELS.iter().find_map(|label| labelled(text, label)))
}

/// What refusals are numbered by, in the words of whoever prints them; the surest ones first.
const LABELS: &[&str] = &[
    "trackingid",
    "traceid",
    "requestid",
    "target",
    "correlationid",
];

/// The first id of the text right behind the label, however that is spelt: `(tracking id …`, `"trace_id":"…`.
fn labelled(text: &str, label: &str) -> Option<Uuid> {
    const LENGTH: usize = 36;
    let starts = text.char_indices().map(|(at, _)| at);
    let mut found = starts.filter_map(|at| {
        let id = text.get(at..at + LENGTH)?.parse::<Uuid>().ok()?;
        let before = text[..at].chars().rev();
        let letters = before.filter(char::is_ascii_alphabetic).take(label.len());
        let word: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        let told = word.chars().rev().eq(label.chars());
        told.then_some(id)
    });
    found.next()
}

/// What an error says; `None` when nothing in the text is known.
fn explain(text: &str) -> Option<Value> {
    let body = serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let mut told = of_identity(text)
        .or_else(|| of_status(text))
        .or_else(|| of_kql(text))
        .or_else(|| of_api(text, &body))?;
    if let Some(trace) = trace(&body) {
        told["traceId"] = Value::from(trace);
    }
    Some(told)
}

/// The id by which the server that refused knows this refusal.
fn trace(body: &Value) -> Option<&str> {
    let places = ["/trace_id", "/error/target", "/error/innerError/request-id"];
    places
        .iter()
        .find_map(|place| body.pointer(place)?.as_str())
}

/// The first code of the text that is in the table; the first of all when none is.
fn of_identity(text: &str) -> Option<Value> {
    let codes: Vec<u32> = text
        .to_ascii_uppercase()
        .match_indices("AADSTS")
        .filter_map(|(at, word)| {
            let digits = text[at + word.len()..].split(|c: char| !c.is_ascii_digit());
            digits.into_iter().next()?.parse().ok()
        })
        .collect();
    // The number alone, as it stands in `error_codes` and in the columns of sign-ins.
    let bare = text.trim().trim_matches(['[', ']']);
    let bare = bare.parse().ok().filter(|_| bare.len() >= 4);
    let codes: Vec<u32> = codes.into_iter().chain(bare).collect();
    let row = codes.iter().find_map(|code| identity_error(*code))?;
    Some(json!({
        "code": format!("AADSTS{}", row.code),
        "name": row.name,
        "error": row.error,
        "cause": row.when,
        "remedy": remedies::of_identity(row.code),
        "command": command(row.code).map(|command| format!("{command}{}", target::again())),
    }))
}

/// What statuses of HTTP usually mean, when nothing else is known of an answer: status, code with the same meaning, command.
const STATUSES: &[(&str, &str, &str)] = &[
    (
        "401",
        "InvalidAuthenticationToken",
        "bartizan token get --api xdr | bartizan token inspect",
    ),
    (
        "403",
        "Forbidden",
        "bartizan token get --api xdr | bartizan token inspect --for 'GET /api/incidents'",
    ),
    ("429", "TooManyRequests", "bartizan explain TRACE_ID"),
];

/// A bare status of HTTP, with or without that word before it.
fn of_status(text: &str) -> Option<Value> {
    let bare = text.trim().trim_start_matches("HTTP").trim();
    let (status, code, command) = STATUSES.iter().find(|(status, ..)| *status == bare)?;
    let (cause, remedy) = remedies::of_api(code)?;
    Some(json!({
        "code": status,
        "cause": format!("usually: {cause}"),
        "remedy": format!("{remedy} The answer itself says more: give its body, or the id in it, to `bartizan explain`."),
        "command": command,
    }))
}

/// A bare code of a diagnostic of the hunting language: `KS` and three digits as Kusto numbers them, `BZ` our own.
fn of_kql(text: &str) -> Option<Value> {
    let code = text.trim().to_ascii_uppercase();
    let digits = code
        .strip_prefix("KS")
        .or_else(|| code.strip_prefix("BZ"))?;
    if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let cause = if code.starts_with("KS") {
        "a diagnostic of KQL, numbered as Kusto does: the query is wrong where it points"
    } else {
        "a diagnostic of KQL of Bartizan's own: the query uses what is not there yet, or exceeds a limit"
    };
    Some(json!({
        "code": code,
        "cause": cause,
        "remedy": "Check the query: the answer has the place and the particulars. docs/known-gaps.md says what the language lacks.",
        "command": "bartizan kql check 'QUERY'",
    }))
}

/// A command that fits, whatever the particulars.
fn command(code: u32) -> Option<&'static str> {
    Some(match code {
        700_016 => "bartizan app list",
        7_000_215 | 7_000_222 => "bartizan app secret add CLIENT_ID",
        65_001 | 90_094 => "bartizan app consent CLIENT_ID",
        50_053 => "bartizan user password USER",
        50_055 => "bartizan user update USER --must-change false",
        50_105 => "bartizan sp assignment add USER default --resource CLIENT_ID",
        501_051 => "bartizan sp assignment add CLIENT_ID default --resource RESOURCE",
        90_002 => "bartizan tenant list",
        500_011 | 1_002_012 | 70_011 => "bartizan token get --api xdr",
        _ => return None,
    })
}

fn of_api(text: &str, body: &Value) -> Option<Value> {
    let message = body.pointer("/error/message").and_then(Value::as_str);
    let sentence = message.unwrap_or(text);
    let (required, held) = permissions(sentence);
    let kind = match sentence.contains("required scopes:") {
        true => PermissionKind::Delegated,
        false => PermissionKind::Application,
    };
    let named = body.pointer("/error/code").and_then(Value::as_str);
    let code = match named {
        Some(code) => Some(code),
        None => text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .find(|word| remedies::of_api(word).is_some()),
    };
    // A gateway may leave the envelope out; the sentence about permissions says it all.
    let code = code.or((!required.is_empty()).then_some("Forbidden"))?;
    let (cause, remedy) = remedies::of_api(code)?;
    let least = required.first().map(|name| qualified(name, kind));
    let command = least.map(|name| {
        let flags = target::again();
        format!(
            "bartizan app permission add CLIENT_ID {name}{flags} && bartizan app consent CLIENT_ID{flags}"
        )
    });
    Some(json!({
        "code": code,
        "cause": cause,
        "remedy": remedy,
        "required": required,
        "held": held,
        "command": command,
    }))
}

/// The permissions of a 403's sentence, as both services write it: `API required roles: A,B, application roles: C.`
fn permissions(message: &str) -> (Vec<String>, Vec<String>) {
    let names = |after: &str| {
        let Some((_, rest)) = message.split_once(after) else {
            return Vec::new();
        };
        let words = rest.split([',', ' ']).map(str::trim);
        let words = words.map(|word| word.trim_end_matches(['.', ';', '"', '}']));
        words
            .filter(|word| !word.is_empty())
            // Permissions have a dot inside; the sentence's own words have none.
            .take_while(|word| word.contains('.') && !word.ends_with(':'))
            .map(str::to_owned)
            .collect()
    };
    let first = |places: &[&str]| -> Vec<String> {
        let found = places.iter().map(|place| names(place));
        found
            .into_iter()
            .find(|list| !list.is_empty())
            .unwrap_or_default()
    };
    (
        first(&[
            "API required roles:",
            "API required scopes:",
            "required roles:",
        ]),
        first(&["application roles:", "token scopes:"]),
    )
}

/// A permission as `app permission add` takes it: `api/Name`, and the flag of one that is for a person's token.
fn qualified(name: &str, kind: PermissionKind) -> String {
    let flag = match kind {
        PermissionKind::Delegated => " --delegated",
        PermissionKind::Application => "",
    };
    let of = RESOURCES
        .iter()
        .find(|r| r.permission(kind, name).is_some());
    match of {
        Some(resource) => format!("{}/{name}{flag}", resource.api),
        None => format!("{name}{flag}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, code, and a word of the explanation.
    const CASES: &[(&str, &str, &str)] = &[
        ("AADSTS700016", "AADSTS700016", "bartizan app list"),
        (
            "  AADSTS7000222: The provided client secret keys are expired. Trace ID: x",
            "AADSTS7000222",
            "new secret",
        ),
        (
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215],"trace_id":"t-1"}"#,
            "AADSTS7000215",
            "t-1",
        ),
        (
            "azure.core.exceptions.ClientAuthenticationError: (unauthorized_client) AADSTS700016: Application with identifier 'x' was not found",
            "AADSTS700016",
            "register",
        ),
        (
            "AADSTS500011: The resource principal named x was not found",
            "AADSTS500011",
            "identifier URIs",
        ),
        (
            r#"{"error":{"code":"Forbidden","message":"Missing application roles. API required roles: Incident.Read.All,Incident.ReadWrite.All, application roles: Alert.Read.All.","target":"t-2"}}"#,
            "Forbidden",
            "xdr/Incident.Read.All",
        ),
        (
            "Missing application roles. API required roles: Machine.Read.All, application roles: .",
            "Forbidden",
            "Machine.Read.All",
        ),
        (
            "Missing application scopes. API required scopes: Incident.Read,Incident.ReadWrite, token scopes: User.Read.",
            "Forbidden",
            "app permission add CLIENT_ID xdr/Incident.Read --delegated",
        ),
        (
            r#"{"error":{"code":"Unauthorized","message":"Access token validation failure. Invalid audience."}}"#,
            "Unauthorized",
            "token",
        ),
        (
            r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired.","innerError":{"request-id":"t-3"}}}"#,
            "InvalidAuthenticationToken",
            "t-3",
        ),
        (
            "HTTP 403: Authorization_RequestDenied",
            "Authorization_RequestDenied",
            "role",
        ),
        ("7000215", "AADSTS7000215", "bartizan app secret add"),
        (
            "AADSTS50105",
            "AADSTS50105",
            "bartizan sp assignment add USER",
        ),
        (" [50126] ", "AADSTS50126", "password"),
        ("aadsts700016", "AADSTS700016", "bartizan app list"),
        ("BZ001", "BZ001", "kql check"),
        ("403", "403", "token inspect --for"),
        ("HTTP 401", "401", "token inspect"),
        ("429", "429", "Retry-After"),
        ("AADSTS50053", "AADSTS50053", "bartizan user password"),
        ("ks142", "KS142", "kql check"),
        (
            r#"{"error":{"code":"TooManyRequests","message":"x"}}"#,
            "TooManyRequests",
            "Retry-After",
        ),
    ];

    #[test]
    fn errors_are_found_in_whatever_is_pasted() {
        for (text, code, word) in CASES {
            let told = explain(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(told["code"], *code, "{text}");
            assert!(told.to_string().contains(word), "{word}: {told}");
        }
        assert_eq!(explain("something else"), None);
        assert_eq!(explain("AADSTS1"), None);
        assert_eq!(explain("799"), None);
    }

    #[test]
    fn the_trace_of_a_body_is_found() {
        let id = "fc780465-2017-40d4-a0c5-307022471b92";
        for body in [
            format!(r#"{{"error":{{"code":"Forbidden","message":"x","target":"{id}"}}}}"#),
            format!(r#"{{"error":{{"code":"Forbidden","innerError":{{"request-id":"{id}"}}}}}}"#),
            format!(r#"{{"error":"invalid_client","trace_id":"{id}"}}"#),
            format!(
                "error: 403 Forbidden: of 11111111-2222-3333-4444-555555555555 (tracking id {id})"
            ),
            format!("ümlaut\nTrace ID: {id} Correlation ID: 11111111-2222-3333-4444-555555555555"),
            format!("oops {{'error': {{'target': '{id}'}}}}"),
        ] {
            assert_eq!(trace_of(&body), id.parse().ok(), "{body}");
        }
        assert_eq!(trace_of(r#"{"error":{"target":"t-2"}}"#), None);
        assert_eq!(trace_of(&format!("no application {id}")), None);
    }

    #[test]
    fn permissions_of_a_sentence() {
        let (required, held) = permissions(
            "Missing application roles. API required roles: Incident.Read.All,Incident.ReadWrite.All, application roles: Alert.Read.All,User.Read.All. Grant one with: bartizan",
        );
        assert_eq!(required, ["Incident.Read.All", "Incident.ReadWrite.All"]);
        assert_eq!(held, ["Alert.Read.All", "User.Read.All"]);
    }
}
