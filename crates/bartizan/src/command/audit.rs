//! `bartizan audit …`: the audit trail and the sign-ins, as Graph lists them.

use bartizan_sdk::cloud::Service;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::args::{Audit, Connection};
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Time", |e| at(e, "activityDateTime")),
    ("Activity", |e| at(e, "activityDisplayName")),
    ("By", by),
    ("On", on),
    ("Result", |e| at(e, "result")),
];

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
    let events: Vec<Value> = client
        .collection(Service::Graph, path)
        .take(top as usize)
        .try_collect()
        .await?;
    printer.list(columns, &events)
}
