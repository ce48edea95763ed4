//! `bartizan alert …`

use bartizan_sdk::client::ListOptions;
use futures::TryStreamExt as _;
use serde_json::json;

use crate::args::Alert;
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("ID", |a| at(a, "id")),
    ("Incident", |a| at(a, "incidentId")),
    ("Severity", |a| at(a, "severity")),
    ("Status", |a| at(a, "status")),
    ("Category", |a| at(a, "category")),
    ("Device", |a| at(a, "computerDnsName")),
    ("Title", |a| at(a, "title")),
];

/// Columns that a narrow terminal does without, since ids are shown whole.
const SPARE: &[&str] = &["Category", "Status"];

const EVIDENCE: &[Column] = &[
    ("Evidence", |e| at(e, "entityType")),
    ("File", |e| at(e, "fileName")),
    ("Command line", |e| at(e, "processCommandLine")),
    ("Account", |e| at(e, "accountName")),
    ("Address", |e| at(e, "ipAddress")),
];

/// Carries out the command.
pub(crate) async fn run(command: Alert, printer: &Printer) -> Outcome {
    match command {
        Alert::List {
            connection,
            listing,
        } => {
            let client = target::client(&connection)?;
            let options = ListOptions {
                filter: listing.filter,
                top: Some(listing.top),
                ..ListOptions::default()
            };
            let alerts: Vec<_> = client.alerts().list(&options).try_collect().await?;
            let alerts: Vec<_> = alerts.iter().map(|alert| json!(alert)).collect();
            printer.list_sparing(COLUMNS, SPARE, &alerts)
        }
        Alert::Show { connection, id } => {
            let alert = json!(target::client(&connection)?.alerts().get(&id).await?);
            printer.item(COLUMNS, &alert)?;
            match alert["evidence"].as_array() {
                Some(evidence) if printer.is_table() && !evidence.is_empty() => {
                    printer.list(EVIDENCE, evidence)
                }
                _ => Ok(()),
            }
        }
    }
}
