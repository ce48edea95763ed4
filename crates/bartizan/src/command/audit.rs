//! `bartizan audit …`: the audit trail, as Graph lists it.

use bartizan_sdk::cloud::Service;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::args::Audit;
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

/// Carries out the command.
pub(crate) async fn run(command: Audit, printer: &Printer) -> Outcome {
    let Audit::List {
        connection,
        top,
        filter,
    } = command;
    let client = target::client(&connection)?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("$top", &top.min(1_000).to_string());
    if let Some(filter) = filter {
        query.append_pair("$filter", &filter);
    }
    let path = format!("/v1.0/auditLogs/directoryAudits?{}", query.finish());
    let events: Vec<Value> = client
        .collection(Service::Graph, &path)
        .take(top as usize)
        .try_collect()
        .await?;
    printer.list(COLUMNS, &events)
}
