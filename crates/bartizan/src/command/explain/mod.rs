//! `bartizan explain`: a refusal by its trace id from the server, a token or an error without one.

mod error;

use std::io::Read as _;

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::token::inspect;
use crate::args::Explain;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const REFUSAL: &[Column] = &[
    ("Refused", |e| at(e, "summary")),
    ("Code", |e| at(e, "code")),
    ("When", |e| at(e, "time")),
    ("Tenant", |e| at(e, "tenantId")),
    ("Seen", |e| facts(&e["seen"])),
    ("Needed", |e| facts(&e["needed"])),
    ("Missing", |e| at(e, "missing/fact")),
    ("What to do", |e| remedies(&e["remedies"])),
];

fn facts(list: &Value) -> String {
    let facts = list.as_array().into_iter().flatten();
    let facts = facts.map(|fact| format!("{}: {}", at(fact, "name"), at(fact, "value")));
    facts.collect::<Vec<_>>().join("; ")
}

fn remedies(list: &Value) -> String {
    let mut out = String::new();
    for remedy in list.as_array().into_iter().flatten() {
        out.push_str(&format!("\n  - {}", at(remedy, "text")));
        for part in ["command", "link"] {
            if let Some(text) = remedy[part].as_str() {
                out.push_str(&format!("\n    {text}"));
            }
        }
    }
    out
}

/// What there is to explain.
enum Thing {
    Trace(Uuid),
    Token,
    Error,
}

impl Thing {
    fn of(text: &str) -> Self {
        if let Ok(trace) = Uuid::parse_str(text) {
            return Self::Trace(trace);
        }
        let bare = text.trim_start_matches("Authorization:").trim();
        let bare = bare.strip_prefix("Bearer ").unwrap_or(bare).trim();
        let compact = bare.split('.').count() == 3 && bare.starts_with("eyJ");
        let answer = serde_json::from_str::<Value>(text);
        if compact || answer.is_ok_and(|answer| answer["access_token"].is_string()) {
            return Self::Token;
        }
        Self::Error
    }
}

/// Carries out the command.
pub(crate) async fn run(request: Explain, printer: &Printer) -> Outcome {
    let text = read(&request)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "nothing to explain: give a trace id, a token, an error code or an error body",
        ));
    }
    match Thing::of(text) {
        Thing::Trace(trace) => {
            let client = target::client(&request.connection)?;
            printer.item(REFUSAL, &refusal(&client, trace).await?)
        }
        Thing::Token => {
            // Who reads an explanation wants it even when nobody vouches for the token; it says so then.
            let request = inspect::Request {
                connection: request.connection,
                token: Some(text.to_owned()),
                operation: request.operation,
                keys: inspect::Keys::Wanted,
            };
            inspect::run(request, printer).await
        }
        Thing::Error => {
            target::remember(&request.connection);
            // The server that refused knows more than the text; without one the text has to do.
            if let Some(trace) = error::trace_of(text)
                && let Ok(client) = target::client(&request.connection)
                && client.cloud().name == "own"
                && let Ok(told) = refusal(&client, trace).await
            {
                return printer.item(REFUSAL, &told);
            }
            error::run(text, printer)
        }
    }
}

/// What the server says of a refusal of its own.
async fn refusal(client: &Client, trace: Uuid) -> Result<Value, Failure> {
    let path = format!("/bartizan/v1/explain/{trace}");
    let answer = client.raw_empty(Service::Own, Method::GET, &path).await?;
    Ok(answer.json()?)
}

fn read(request: &Explain) -> Result<String, Failure> {
    if let Some(file) = &request.file {
        return std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())));
    }
    match request.what.as_deref() {
        Some(what) if what != "-" => Ok(what.to_owned()),
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            Ok(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use bartizan_contract::remedies::calls::LISTS;
    use clap::Parser as _;

    use crate::args::Cli;

    #[test]
    fn commands_of_the_table_are_commands() {
        let check = ("", "bartizan kql check QUERY");
        for (_, command) in LISTS.iter().chain([&check]) {
            let parsed = Cli::try_parse_from(command.split(' '));
            assert!(parsed.is_ok(), "{command}: {:?}", parsed.err());
        }
    }
}
