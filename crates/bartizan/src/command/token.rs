//! `bartizan token …`: getting a token, and saying what one is good for.

pub(crate) mod inspect;

use bartizan_sdk::cloud::Service;
use bartizan_sdk::credential::Target;
use serde_json::Value;

use crate::args::{Api, Token};
use crate::exit::Outcome;
use crate::printer::Printer;
use crate::target;

/// Carries out the command.
pub(crate) async fn run(command: Token, printer: &Printer) -> Outcome {
    match command {
        Token::Get {
            connection,
            api,
            scope,
            resource,
        } => {
            let client = target::client(&connection)?;
            let target = match (scope, resource) {
                (Some(scope), _) => Target::Scope(scope),
                (None, Some(resource)) => Target::Resource(resource),
                (None, None) => Target::Scope(client.cloud().scope(service(api))),
            };
            let token = client.token_for(target).await?;
            // A script wants the bare token; the whole answer is for who asks for it by name.
            if printer.json_was_asked() {
                printer.json(&Value::Object(token.answer))
            } else {
                printer.text(&token.secret)
            }
        }
        Token::Inspect {
            connection,
            token,
            operation,
            offline,
        } => {
            let request = inspect::Request {
                connection,
                token,
                operation,
                keys: match offline {
                    true => inspect::Keys::Offline,
                    false => inspect::Keys::Needed,
                },
            };
            inspect::run(request, printer).await
        }
    }
}

fn service(api: Api) -> Service {
    match api {
        Api::Xdr => Service::Xdr,
        Api::Mde => Service::Mde,
        Api::Graph => Service::Graph,
        Api::Own => Service::Own,
    }
}
