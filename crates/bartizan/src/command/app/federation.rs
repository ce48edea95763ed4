//! `bartizan app federation …`: workloads whose own tokens stand for an application.

use bartizan_contract::graph::FederatedIdentityCredentialUpdate;
use serde_json::{Value, json};

use super::credential::{last_used, named};
use super::find;
use crate::args::{Federation, FederationAdd};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Name", |f| at(f, "name")),
    ("Issuer", |f| at(f, "issuer")),
    ("Subject", |f| at(f, "subject")),
    ("Audience", |f| at(f, "audiences/0")),
    ("Last used", |f| at(f, "lastUsedDateTime")),
    ("ID", |f| at(f, "id")),
];

/// Carries out the command.
pub(super) async fn run(command: Federation, printer: &Printer) -> Outcome {
    match command {
        Federation::Add(new) => add(*new, printer).await,
        Federation::List { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let found = client.directory().federations(application.id).await?;
            let used = last_used(&client).await?;
            let rows: Vec<Value> = found
                .iter()
                .map(|federation| {
                    let mut row = json!(federation);
                    let last = used.get(&federation.id.to_string());
                    row["lastUsedDateTime"] = last.cloned().unwrap_or(Value::Null);
                    row
                })
                .collect();
            printer.list(COLUMNS, &rows)
        }
        Federation::Remove {
            connection,
            app,
            federation,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let directory = client.directory();
            let found = directory.federations(application.id).await?;
            let all: Vec<_> = found
                .iter()
                .map(|f| (f.id, vec![Some(f.name.clone())]))
                .collect();
            let id = named(&federation, &all, "federation", &application)?;
            directory.remove_federation(application.id, id).await?;
            printer.remark(&format!(
                "{federation} gets no tokens any more; those that it got stay good until they expire"
            ));
            Ok(())
        }
    }
}

async fn add(new: FederationAdd, printer: &Printer) -> Outcome {
    let client = target::client(&new.connection)?;
    let application = find(&client, &new.app).await?;
    let keys = match &new.keys {
        None => None,
        Some(file) => {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::usage(format!("{}: {error}", file.display()))
            };
            let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
            Some(serde_json::from_str(&text).map_err(|error| wrong(&error))?)
        }
    };
    let body = FederatedIdentityCredentialUpdate {
        name: Some(new.name),
        issuer: Some(new.issuer),
        subject: Some(new.subject),
        audiences: Some(vec![new.audience]),
        description: new.description,
        bartizan_key_set: keys,
    };
    let directory = client.directory();
    let made = directory.add_federation(application.id, &body).await?;
    printer.item(COLUMNS, &json!(made))?;
    printer.remark(&format!(
        "a token with it: bartizan token get --client-id {} --federated-token-file FILE{}, with the workload's token in FILE",
        application.app_id,
        target::again()
    ));
    Ok(())
}
