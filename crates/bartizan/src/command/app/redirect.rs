//! `bartizan app redirect-uri …`: where sign-ins of an application may lead, by platform.

use bartizan_contract::graph::Application;
use serde_json::{Map, Value, json};

use super::find;
use crate::args::{Platform, RedirectUri, RedirectUris};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const COLUMNS: &[Column] = &[
    ("Redirect URI", |u| at(u, "uri")),
    ("Platform", |u| at(u, "platform")),
];

/// Carries out the command.
pub(super) async fn run(command: RedirectUri, printer: &Printer) -> Outcome {
    let (connection, app) = match &command {
        RedirectUri::List { connection, app }
        | RedirectUri::Add {
            connection, app, ..
        }
        | RedirectUri::Remove {
            connection, app, ..
        } => (connection, app),
    };
    let client = target::client(connection)?;
    let application = find(&client, app).await?;
    let change = match &command {
        RedirectUri::List { .. } => Map::new(),
        RedirectUri::Add { uris, platform, .. } => added(&application, uris, *platform),
        RedirectUri::Remove { uri, .. } => removed(&application, uri)?,
    };
    if change.is_empty() {
        return printer.list(COLUMNS, &listed(&application));
    }
    let change = Value::Object(change);
    client.directory().update(application.id, &change).await?;
    let application = find(&client, &application.app_id.to_string()).await?;
    printer.list(COLUMNS, &listed(&application))
}

/// The platforms with their names in Graph and what an application has there.
fn platforms(
    application: &Application,
) -> [(Platform, &'static str, &'static str, &Vec<String>); 3] {
    [
        (Platform::Web, "web", "web", &application.web.redirect_uris),
        (Platform::Spa, "spa", "spa", &application.spa.redirect_uris),
        (
            Platform::Public,
            "public",
            "publicClient",
            &application.public_client.redirect_uris,
        ),
    ]
}

/// All redirect URIs, each with its platform in words.
pub(super) fn all(application: &Application) -> Vec<String> {
    let platforms = platforms(application).into_iter();
    platforms
        .flat_map(|(_, name, _, uris)| uris.iter().map(move |uri| format!("{uri} ({name})")))
        .collect()
}

fn listed(application: &Application) -> Vec<Value> {
    let platforms = platforms(application).into_iter();
    platforms
        .flat_map(|(_, name, _, uris)| {
            let row = move |uri: &String| json!({ "uri": uri, "platform": name });
            uris.iter().map(row)
        })
        .collect()
}

/// The parts of a new application or a change that the flags name.
pub(super) fn body(uris: &RedirectUris) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, uris) in [
        ("web", &uris.web),
        ("spa", &uris.spa),
        ("publicClient", &uris.public),
    ] {
        if !uris.is_empty() {
            body.insert(name.to_owned(), json!({ "redirectUris": uris }));
        }
    }
    body
}

fn added(application: &Application, uris: &[String], platform: Platform) -> Map<String, Value> {
    let mut body = Map::new();
    for (_, _, property, there) in platforms(application)
        .into_iter()
        .filter(|(which, ..)| *which == platform)
    {
        let mut all = there.clone();
        all.extend(uris.iter().filter(|uri| !there.contains(uri)).cloned());
        if all.len() > there.len() {
            body.insert(property.to_owned(), json!({ "redirectUris": all }));
        }
    }
    body
}

fn removed(application: &Application, uri: &str) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    for (_, _, property, there) in platforms(application) {
        let left: Vec<&String> = there.iter().filter(|known| *known != uri).collect();
        if left.len() < there.len() {
            body.insert(property.to_owned(), json!({ "redirectUris": left }));
        }
    }
    if body.is_empty() {
        return Err(Failure::not_found(format!(
            "the application has no redirect URI {uri}; `bartizan app redirect-uri list {}{}` shows those it has",
            application.app_id,
            crate::target::again()
        )));
    }
    Ok(body)
}
