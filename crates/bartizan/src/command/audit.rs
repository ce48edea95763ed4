//! `bartizan audit …`: the audit trail and the sign-ins, as Graph lists them.

use std::collections::BTreeMap;

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use bartizan_sdk::people::Kind;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::args::{Audit, Connection};
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Time", |e| at(e, "activityDateTime")),
    ("Activity", activity),
    ("By", by),
    ("On", on),
    ("Result", |e| at(e, "result")),
];

/// What was done: the action of the trail, where Graph has no name for it.
fn activity(event: &Value) -> String {
    let name = at(event, "activityDisplayName");
    let details = event["additionalDetails"].as_array().into_iter().flatten();
    let mut action = details.filter(|detail| detail["key"] == "action");
    match action.next() {
        Some(action) if name == "AdministrativeAct" => at(action, "value"),
        _ => name,
    }
}

fn by(event: &Value) -> String {
    let parts = [
        "/initiatedBy/user/userPrincipalName",
        "/initiatedBy/user/id",
        "/initiatedBy/app/displayName",
        "/initiatedBy/app/appId",
    ];
    first(event, &parts)
}

fn on(event: &Value) -> String {
    first(
        event,
        &["/targetResources/0/displayName", "/targetResources/0/id"],
    )
}

fn first(event: &Value, pointers: &[&str]) -> String {
    let mut found = pointers.iter().filter_map(|p| event.pointer(p)?.as_str());
    found.next().unwrap_or_default().to_owned()
}

const SIGN_INS: &[Column] = &[
    ("Time", |s| at(s, "createdDateTime")),
    ("Who", who),
    ("Application", |s| first(s, &["/appDisplayName", "/appId"])),
    ("Resource", |s| at(s, "resourceDisplayName")),
    ("From", |s| at(s, "ipAddress")),
    ("Result", result),
    ("Trace", |s| at(s, "id")),
];

fn who(sign_in: &Value) -> String {
    first(
        sign_in,
        &[
            "/userPrincipalName",
            "/userId",
            "/servicePrincipalName",
            "/appId",
        ],
    )
}

fn result(sign_in: &Value) -> String {
    match sign_in.pointer("/status/errorCode").and_then(Value::as_i64) {
        None | Some(0) => "success".to_owned(),
        Some(code) => format!("AADSTS{code}"),
    }
}

/// Every type of sign-in; without a condition on types Graph lists the interactive ones of people.
const ALL_TYPES: &str = "signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser' or t eq 'servicePrincipal')";

/// Carries out the command.
pub(crate) async fn run(command: Audit, printer: &Printer) -> Outcome {
    match command {
        Audit::List {
            connection,
            top,
            filter,
        } => {
            let path = path("directoryAudits", top, filter.as_deref());
            list(&connection, &path, top, COLUMNS, printer).await
        }
        Audit::SignIns {
            connection,
            top,
            kind,
            failed,
            filter,
        } => {
            let types = kind.map_or_else(
                || ALL_TYPES.to_owned(),
                |kind| format!("signInEventTypes/any(t: t eq '{kind}')"),
            );
            let failed = failed.then(|| "status/errorCode ne 0".to_owned());
            let given = filter.map(|filter| format!("({filter})"));
            let parts: Vec<String> = [Some(types), failed, given].into_iter().flatten().collect();
            let path = path("signIns", top, Some(&parts.join(" and ")));
            list(&connection, &path, top, SIGN_INS, printer).await
        }
    }
}

fn path(collection: &str, top: u32, filter: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("$top", &top.clamp(1, 1_000).to_string());
    if let Some(filter) = filter {
        query.append_pair("$filter", filter);
    }
    format!("/v1.0/auditLogs/{collection}?{}", query.finish())
}

async fn list(
    connection: &Connection,
    path: &str,
    top: u32,
    columns: &[Column],
    printer: &Printer,
) -> Outcome {
    let client = target::client(connection)?;
    let mut events: Vec<Value> = client
        .collection(Service::Graph, path)
        .take(top as usize)
        .try_collect()
        .await?;
    if printer.is_table() {
        name(&client, &mut events).await;
    }
    printer.list(columns, &events)
}

/// Puts names to the ids of who acted, where the directory has them; who may not read it sees the ids.
async fn name(client: &Client, events: &mut [Value]) {
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for event in events {
        let by = &event["initiatedBy"];
        let (who, property, id) = match (by["user"]["id"].as_str(), by["app"]["appId"].as_str()) {
            (Some(id), _) => ("user", "userPrincipalName", id.to_owned()),
            (None, Some(id)) => ("app", "displayName", id.to_owned()),
            (None, None) => continue,
        };
        if by[who][property].is_string() {
            continue;
        }
        let name = match known.get(&id) {
            Some(name) => name.clone(),
            None => {
                let found = found(client, who, &id).await;
                let name = found.map(|found| at(&found, property));
                known.insert(id, name.clone());
                name
            }
        };
        if let Some(name) = name {
            event["initiatedBy"][who][property] = json!(name);
        }
    }
}

async fn found(client: &Client, who: &str, id: &str) -> Option<Value> {
    let people = client.people();
    if who == "user" {
        return people.get(Kind::User, id).await.ok()?;
    }
    let filter = format!("appId eq '{id}'");
    let all = people.list(Kind::ServicePrincipal, Some(&filter)).await;
    all.ok()?.into_iter().next()
}
