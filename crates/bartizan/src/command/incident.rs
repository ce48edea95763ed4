//! `bartizan incident …`

use bartizan_contract::xdr;
use bartizan_sdk::client::ListOptions;
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::args::{Incident, IncidentUpdate};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, plain};
use crate::target;

/// The columns of a list, with times as they are given: programs read them in CSV.
const COLUMNS: &[Column] = &columns(|i| at(i, "lastUpdateTime"));

/// The same for people, who have little room.
const BRIEF: &[Column] = &columns(|i| minute(&at(i, "lastUpdateTime")));

const fn columns(update: fn(&Value) -> String) -> [Column; 7] {
    [
        ("ID", |i| at(i, "incidentId")),
        ("Severity", |i| at(i, "severity")),
        ("Status", |i| at(i, "status")),
        ("Alerts", |i| count(i, "alerts")),
        ("Assigned to", |i| at(i, "assignedTo")),
        ("Last update", update),
        ("Name", |i| at(i, "incidentName")),
    ]
}

/// Columns that a narrow terminal does without, so that times and names can be read there.
const SPARE: &[&str] = &["Assigned to", "Alerts"];

const FIELDS: &[Column] = &[
    ("ID", |i| at(i, "incidentId")),
    ("Name", |i| at(i, "incidentName")),
    ("Severity", |i| at(i, "severity")),
    ("Status", |i| at(i, "status")),
    ("Classification", |i| at(i, "classification")),
    ("Determination", |i| at(i, "determination")),
    ("Assigned to", |i| at(i, "assignedTo")),
    ("Tags", |i| list(i, "tags")),
    ("Created", |i| at(i, "createdTime")),
    ("Last update", |i| at(i, "lastUpdateTime")),
    ("Alerts", |i| count(i, "alerts")),
    ("Comments", |i| count(i, "comments")),
];

const ALERTS: &[Column] = &[
    ("Alert", |a| at(a, "alertId")),
    ("Severity", |a| at(a, "severity")),
    ("Category", |a| at(a, "category")),
    ("Techniques", |a| list(a, "mitreTechniques")),
    ("Device", |a| at(a, "devices/0/deviceDnsName")),
    ("First activity", |a| at(a, "firstActivity")),
    ("Title", |a| at(a, "title")),
];

/// Columns of alerts that a narrow terminal does without, since ids are shown whole.
const SPARE_OF_ALERTS: &[&str] = &["First activity", "Techniques", "Category"];

const COMMENTS: &[Column] = &[
    ("Commented", |c| at(c, "createdTime")),
    ("By", |c| at(c, "createdBy")),
    ("Comment", |c| at(c, "comment")),
];

/// A time to the minute, in UTC.
fn minute(time: &str) -> String {
    match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(clock)) if time.as_bytes().get(10) == Some(&b'T') => {
            format!("{day} {clock}")
        }
        _ => time.to_owned(),
    }
}

fn count(item: &Value, field: &str) -> String {
    item[field].as_array().map_or(0, Vec::len).to_string()
}

fn list(item: &Value, field: &str) -> String {
    let items = item[field].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(plain).collect::<Vec<_>>().join(", ")
}

/// Carries out the command.
pub(crate) async fn run(command: Incident, printer: &Printer) -> Outcome {
    match command {
        Incident::List {
            connection,
            listing,
        } => {
            let client = target::client(&connection)?;
            let options = ListOptions {
                filter: listing.filter,
                top: Some(listing.top.min(100)),
                ..ListOptions::default()
            };
            let wanted = listing.top as usize;
            let mut incidents = client.incidents().list(&options);
            let mut items = Vec::new();
            while items.len() < wanted {
                let Some(incident) = incidents.try_next().await? else {
                    break;
                };
                items.push(json!(incident));
            }
            let columns = if printer.is_table() { BRIEF } else { COLUMNS };
            printer.list_sparing(columns, SPARE, &items)
        }
        Incident::Show { connection, id } => {
            let incident = json!(target::client(&connection)?.incidents().get(id).await?);
            show(&incident, printer)
        }
        Incident::Update(update) => change(*update, printer).await,
    }
}

fn show(incident: &Value, printer: &Printer) -> Outcome {
    printer.item(FIELDS, incident)?;
    if printer.is_table() {
        printer.list_sparing(
            ALERTS,
            SPARE_OF_ALERTS,
            incident["alerts"].as_array().map_or(&[], Vec::as_slice),
        )?;
        if let Some(comments) = incident["comments"].as_array().filter(|c| !c.is_empty()) {
            printer.list(COMMENTS, comments)?;
        }
    }
    Ok(())
}

async fn change(update: IncidentUpdate, printer: &Printer) -> Outcome {
    let mut body = serde_json::Map::new();
    let texts = [
        ("status", update.status),
        ("assignedTo", update.assigned_to),
        ("classification", update.classification),
        ("determination", update.determination),
        ("comment", update.comment),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value));
        }
    }
    if !update.tag.is_empty() {
        body.insert("tags".to_owned(), json!(update.tag));
    }
    if body.is_empty() {
        return Err(Failure::usage(
            "nothing to change: give --status, --comment or another field",
        ));
    }
    let body: xdr::IncidentUpdate =
        serde_json::from_value(Value::Object(body)).map_err(Failure::usage)?;
    let client = target::client(&update.connection)?;
    let incident = json!(client.incidents().update(update.id, &body).await?);
    show(&incident, printer)
}
