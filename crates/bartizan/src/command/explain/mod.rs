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
            let mut untold = None;
            if let Some(trace) = error::trace_of(text)
                && let Ok(client) = target::client(&request.connection)
                && client.cloud().name == "own"
            {
                match refusal(&client, trace).await {
                    Ok(told) => return printer.item(REFUSAL, &told),
                    Err(failure) => untold = Some(failure),
                }
            }
            match untold {
                Some(failure) if !error::is_known(text) => Err(failure),
                _ => error::run(text, printer),
            }
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
    use std::collections::BTreeSet;

    use bartizan_contract::identity_errors::ERRORS;
    use bartizan_contract::remedies::calls::{CALLS, LISTS};
    use bartizan_contract::{AppId, TenantId, operations};
    use bartizan_identity::explain::{
        ApiRefused, ApplicationNow, Check, Credential, Now, Refused, TokenRefused, TokenSeen,
        account,
    };
    use clap::Parser as _;

    use crate::args::Cli;

    /// What can be pasted is taken as it stands.
    fn assert_taken(commands: &str) {
        for command in commands.split(" && ") {
            let parsed = Cli::try_parse_from(command.split(' '));
            assert!(parsed.is_ok(), "{command}: {:?}", parsed.err());
        }
    }

    #[test]
    fn commands_of_the_table_are_commands() {
        for (_, command) in LISTS {
            assert_taken(command);
        }
    }

    /// The directory as it may be by the time of an explanation.
    fn directories() -> Vec<Now> {
        let registered = |at_home| ApplicationNow {
            app_id: AppId::from_u128(2),
            home: TenantId::from_u128(if at_home { 1 } else { 3 }),
            at_home,
            secrets: Vec::new(),
        };
        let mut all = Vec::new();
        for application in [None, Some(registered(true)), Some(registered(false))] {
            for installed in [None, Some(false)] {
                all.push(Now {
                    tenant: Some(TenantId::from_u128(1)),
                    application: application.clone(),
                    installed,
                    resource: installed,
                    login: "https://localhost:8443".to_owned(),
                    ..Now::default()
                });
            }
        }
        all
    }

    /// Every command that mends a refusal.
    fn commands(refused: &Refused) -> Vec<String> {
        let told = directories().into_iter().map(|now| account(refused, &now));
        let remedies = told.flat_map(|told| told.remedies);
        remedies.filter_map(|remedy| remedy.command).collect()
    }

    #[test]
    fn commands_that_mend_refused_sign_ins_are_commands() {
        let mut all = BTreeSet::new();
        for error in ERRORS {
            all.extend(commands(&Refused::Token(TokenRefused {
                code: error.code,
                message: String::new(),
                tenant: "contoso.example".to_owned(),
                client_id: Some(AppId::from_u128(2).to_string()),
                grant: None,
                resource: Some("https://graph.microsoft.com".to_owned()),
                scopes: vec!["User.Read".to_owned()],
                user: Some("anna@contoso.example".to_owned()),
                credential: Credential::Secret,
            })));
        }
        assert!(all.len() > 10, "{all:?}");
        all.iter().for_each(|command| assert_taken(command));
    }

    #[test]
    fn commands_that_mend_refused_calls_are_commands() {
        let call = |operation: &operations::Operation, status, user| ApiRefused {
            api: operation.api.name().to_owned(),
            method: operation.method.as_str().to_owned(),
            path: operation.path.to_owned(),
            fault: None,
            code: None,
            status,
            message: String::new(),
            check: None,
            token: Some(TokenSeen {
                tenant: TenantId::from_u128(1).to_string(),
                client_id: AppId::from_u128(2).to_string(),
                object_id: AppId::from_u128(4).to_string(),
                user,
                audience: "a".to_owned(),
                permissions: Vec::new(),
                expires: None,
            }),
        };
        let mut all = BTreeSet::new();
        for operation in operations::all() {
            for user in [false, true] {
                for status in [401, 403] {
                    all.extend(commands(&Refused::Api(call(operation, status, user))));
                }
                let mut role = call(operation, 403, user);
                let permissions = match user {
                    true => operation.delegated_permissions,
                    false => operation.app_permissions,
                };
                if let Some(token) = &mut role.token {
                    token.permissions = permissions.iter().map(|p| (*p).to_owned()).collect();
                }
                all.extend(commands(&Refused::Api(role)));
            }
            let mut expired = call(operation, 401, false);
            expired.check = Some(Check::Expired);
            all.extend(commands(&Refused::Api(expired)));
            for row in CALLS {
                let mut wrong = call(operation, 400, false);
                wrong.fault = Some(row.fault);
                all.extend(commands(&Refused::Api(wrong)));
            }
        }
        assert!(all.len() > 50, "{all:?}");
        all.iter().for_each(|command| assert_taken(command));
    }
}
