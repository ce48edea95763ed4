//! `bartizan tenant …`

use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Tenant;
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Tenant ID", |t| at(t, "id")),
    ("Name", |t| at(t, "displayName")),
    ("Domain", |t| at(t, "defaultDomain")),
    ("Created", |t| at(t, "createdDateTime")),
];

/// Carries out the command.
pub(crate) async fn run(command: Tenant, printer: &Printer) -> Outcome {
    let path = "/bartizan/v1/tenants";
    match command {
        Tenant::Create {
            connection,
            name,
            domain,
        } => {
            let client = target::client(&connection)?;
            let mut body = json!({ "displayName": name });
            if let Some(domain) = domain {
                body["initialDomain"] = Value::from(domain);
            }
            let answer = client
                .raw(Service::Own, Method::POST, path, Some(&body))
                .await?;
            printer.item(COLUMNS, &answer.json()?)
        }
        Tenant::List { connection } => {
            let client = target::client(&connection)?;
            let tenants: Vec<Value> = client.collection(Service::Own, path).try_collect().await?;
            printer.list(COLUMNS, &tenants)
        }
    }
}
