//! `bartizan tenant …`: the server's tenants, and what is decided in one of them.

use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Policy, Tenant};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Tenant ID", |t| at(t, "id")),
    ("Name", |t| at(t, "displayName")),
    ("Domain", |t| at(t, "defaultDomain")),
    ("Created", |t| at(t, "createdDateTime")),
];

const ORGANIZATION: &[Column] = &[
    ("Tenant ID", |t| at(t, "id")),
    ("Name", |t| at(t, "displayName")),
    ("Domains", |t| {
        let domains = t["verifiedDomains"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let names = domains.iter().map(|domain| at(domain, "name"));
        names.collect::<Vec<_>>().join(", ")
    }),
    ("Created", |t| at(t, "createdDateTime")),
];

const POLICIES: &[Column] = &[
    ("second-factor", |p| at(p, "secondFactor")),
    ("user-consent", |p| at(p, "userConsent")),
];

/// Where the policies are.
const POLICY: &str = "/bartizan/v1/policy";

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
        Tenant::Delete {
            connection,
            doomed,
            yes,
        } => {
            let client = target::client(&connection)?;
            let tenants: Vec<Value> = client.collection(Service::Own, path).try_collect().await?;
            let named = |t: &&Value| {
                let domains = t["domains"].as_array().map_or(&[][..], Vec::as_slice);
                at(t, "id") == doomed || domains.iter().any(|domain| *domain == doomed)
            };
            let Some(found) = tenants.iter().find(named) else {
                return Err(unknown(&doomed, &tenants));
            };
            if !yes {
                printer.list(COLUMNS, std::slice::from_ref(found))?;
                return Err(Failure::usage(
                    "this tenant would be deleted with its directory, alerts and telemetry; say --yes to do it",
                ));
            }
            let path = format!("{path}/{}", at(found, "id"));
            client
                .raw_empty(Service::Own, Method::DELETE, &path)
                .await?;
            printer.remark(&format!("{} is deleted", at(found, "displayName")));
            Ok(())
        }
        Tenant::Show { connection } => {
            let client = target::client(&connection)?;
            let found: Vec<Value> = client
                .collection(Service::Graph, "/v1.0/organization")
                .try_collect()
                .await?;
            let one = found.into_iter().next().unwrap_or_default();
            printer.item(ORGANIZATION, &one)
        }
        Tenant::Policy(Policy::Show { connection }) => {
            let client = target::client(&connection)?;
            let answer = client.raw_empty(Service::Own, Method::GET, POLICY).await?;
            printer.item(POLICIES, &answer.json()?)
        }
        Tenant::Policy(Policy::Set {
            connection,
            settings,
        }) => {
            let body = policies(&settings)?;
            let client = target::client(&connection)?;
            let answer = client
                .raw(Service::Own, Method::PATCH, POLICY, Some(&body))
                .await?;
            printer.item(POLICIES, &answer.json()?)
        }
    }
}

/// What to say of a tenant that has neither this id nor this domain: names are not unique, and deleting is for good.
fn unknown(doomed: &str, tenants: &[Value]) -> Failure {
    let named = tenants.iter().filter(|t| at(t, "displayName") == doomed);
    let ids: Vec<String> = named.map(|t| at(t, "id")).collect();
    let text = format!("no tenant has the id or domain {doomed}");
    Failure::not_found(match ids.as_slice() {
        [] => format!("{text}; see `bartizan tenant list{}`", target::again()),
        ids => format!(
            "{text}; named so: {} (bartizan tenant delete {}{})",
            ids.join(", "),
            ids[0],
            target::again()
        ),
    })
}

/// The body of a change; the server judges the values.
fn policies(settings: &[String]) -> Result<Value, Failure> {
    let mut body = json!({});
    for setting in settings {
        let property = match setting.split_once('=') {
            Some(("second-factor", _)) => "secondFactor",
            Some(("user-consent", _)) => "userConsent",
            _ => {
                return Err(Failure::usage(format!(
                    "'{setting}' is no policy: second-factor=none|administrators|all, user-consent=all|verified|none"
                )));
            }
        };
        let value = setting.split_once('=').map_or("", |(_, value)| value);
        body[property] = json!(value);
    }
    Ok(body)
}
