//! `bartizan machine …`

use bartizan_sdk::client::ListOptions;
use futures::TryStreamExt as _;
use serde_json::json;

use crate::args::Machine;
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("ID", |m| at(m, "id")),
    ("Name", |m| at(m, "computerDnsName")),
    ("OS", |m| at(m, "osPlatform")),
    ("Health", |m| at(m, "healthStatus")),
    ("Risk", |m| at(m, "riskScore")),
    ("Last IP", |m| at(m, "lastIpAddress")),
    ("Last seen", |m| at(m, "lastSeen")),
];

/// Columns that a narrow terminal does without, since ids are shown whole.
const SPARE: &[&str] = &["Last IP", "Health", "Risk", "Last seen"];

/// Carries out the command.
pub(crate) async fn run(command: Machine, printer: &Printer) -> Outcome {
    match command {
        Machine::List {
            connection,
            listing,
        } => {
            let client = target::client(&connection)?;
            let options = ListOptions {
                filter: listing.filter,
                top: Some(listing.top),
                ..ListOptions::default()
            };
            let machines: Vec<_> = client.machines().list(&options).try_collect().await?;
            let machines: Vec<_> = machines.iter().map(|machine| json!(machine)).collect();
            printer.list_sparing(COLUMNS, SPARE, &machines)
        }
        Machine::Show { connection, id } => {
            let machine = json!(target::client(&connection)?.machines().get(&id).await?);
            printer.item(COLUMNS, &machine)
        }
    }
}
