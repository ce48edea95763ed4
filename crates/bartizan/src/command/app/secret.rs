//! `bartizan app secret …`: made, listed, replaced with an overlap, and watched for their end.

use bartizan_contract::graph::{Application, NewPassword, PasswordCredential};
use bartizan_contract::time::Timestamp;
use bartizan_sdk::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use super::credential::{after, certificate, last_used, left, named, now, secret};
use super::find;
use crate::args::{Connection, Secret};
use crate::exit::Failure;
use crate::exit::Outcome;
use crate::printer::{Column, Printer, at};
use crate::target;

const MADE: &[Column] = &[
    ("Secret", |s| at(s, "secretText")),
    ("Key ID", |s| at(s, "keyId")),
    ("Expires", |s| at(s, "endDateTime")),
];

const LISTED: &[Column] = &[
    ("Key ID", |s| at(s, "keyId")),
    ("Name", |s| at(s, "displayName")),
    ("Begins with", |s| at(s, "hint")),
    ("Expires", |s| at(s, "endDateTime")),
    ("Left", left),
    ("Last used", |s| at(s, "lastUsedDateTime")),
];

const EXPIRING: &[Column] = &[
    ("Application", |s| at(s, "appDisplayName")),
    ("Client ID", |s| at(s, "appId")),
    ("Kind", |s| at(s, "kind")),
    ("Name", |s| at(s, "displayName")),
    ("Key ID", |s| at(s, "keyId")),
    ("Expires", |s| at(s, "endDateTime")),
    ("Left", left),
    ("Last used", |s| at(s, "lastUsedDateTime")),
];

/// What is said when a secret is printed.
const ONCE: &str = "the secret is shown this once; the server keeps only its hash";

/// Carries out the command.
pub(super) async fn run(command: Secret, printer: &Printer) -> Outcome {
    match command {
        Secret::Add {
            connection,
            app,
            name,
            days,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let made = add(&client, &application, name, days).await?;
            printer.item(MADE, &json!(made))?;
            printer.remark(ONCE);
            Ok(())
        }
        Secret::List { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            printer.list(LISTED, &listed(&client, &application).await?)
        }
        Secret::Remove {
            connection,
            app,
            secret,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let key_id = one(&application, &secret)?;
            let directory = client.directory();
            directory.remove_password(application.id, key_id).await?;
            printer.remark(
                "the secret gets no tokens any more; those that it got stay good until they expire",
            );
            let application = find(&client, &application.app_id.to_string()).await?;
            printer.list(LISTED, &listed(&client, &application).await?)
        }
        Secret::Rotate {
            connection,
            app,
            overlap,
            only,
            name,
            days,
        } => {
            let rotation = Rotation {
                overlap,
                only,
                name,
                days,
            };
            rotate(&connection, &app, rotation, printer).await
        }
        Secret::Expiring {
            connection,
            days,
            expired,
        } => {
            let client = target::client(&connection)?;
            let rows = expiring(&client, i64::from(days), expired).await?;
            if rows.is_empty() && printer.is_table() {
                printer.remark(&format!("nothing expires within {days} days"));
                return Ok(());
            }
            printer.list(EXPIRING, &rows)
        }
    }
}

async fn add(
    client: &Client,
    application: &Application,
    name: String,
    days: u32,
) -> Result<PasswordCredential, Failure> {
    let password = NewPassword {
        display_name: Some(name),
        end_date_time: Some(after(now()?, u64::from(days) * 86_400)),
        ..NewPassword::default()
    };
    let directory = client.directory();
    Ok(directory.add_password(application.id, password).await?)
}

async fn listed(client: &Client, application: &Application) -> Result<Vec<Value>, Failure> {
    let (used, now) = (last_used(client).await?, now()?);
    let secrets = application.password_credentials.iter();
    Ok(secrets.map(|s| secret(s, &used, now)).collect())
}

/// The id of the secret that is meant.
fn one(application: &Application, wanted: &str) -> Result<Uuid, Failure> {
    let secrets = application.password_credentials.iter();
    let all: Vec<_> = secrets
        .map(|s| (s.key_id, vec![s.display_name.clone()]))
        .collect();
    named(wanted, &all, "secret", application)
}

/// What `rotate` was told.
struct Rotation {
    overlap: u64,
    only: Option<String>,
    name: Option<String>,
    days: u32,
}

/// Makes the new secret first and prints it, so that whatever fails after it leaves the application with one that works.
async fn rotate(
    connection: &Connection,
    app: &str,
    rotation: Rotation,
    printer: &Printer,
) -> Outcome {
    let client = target::client(connection)?;
    let application = find(&client, app).await?;
    let only = match &rotation.only {
        Some(name) => Some(one(&application, name)?),
        None => None,
    };
    let now = now()?;
    let good = |s: &&PasswordCredential| s.end_date_time.is_none_or(|end| end > now);
    let old: Vec<&PasswordCredential> = application
        .password_credentials
        .iter()
        .filter(|s| only.is_none_or(|id| id == s.key_id))
        .filter(good)
        .collect();
    let newest = old.iter().max_by_key(|s| s.start_date_time);
    let name = rotation
        .name
        .or_else(|| newest.and_then(|s| s.display_name.clone()))
        .unwrap_or_else(|| "bartizan".to_owned());
    let made = add(&client, &application, name, rotation.days).await?;
    printer.item(MADE, &json!(made))?;
    printer.remark(ONCE);
    let end = after(now, rotation.overlap);
    for secret in old {
        let what = put_to_end(&client, &application, secret, (rotation.overlap, end)).await;
        match what {
            Ok(what) => printer.remark(&format!("secret {} {what}", described(secret))),
            Err(failure) => {
                return Err(failure.about(format!(
                    "the new secret is good, but the old one {} stays as it was: bartizan app secret remove {} {}{}",
                    described(secret),
                    application.app_id,
                    secret.key_id,
                    target::again()
                )));
            }
        }
    }
    Ok(())
}

fn described(secret: &PasswordCredential) -> String {
    let hint = secret.hint.as_deref().unwrap_or_default();
    format!("{} ({hint}…)", secret.key_id)
}

/// Removes a replaced secret, or lets it end after the overlap; says what became of it.
async fn put_to_end(
    client: &Client,
    application: &Application,
    secret: &PasswordCredential,
    (overlap, end): (u64, Timestamp),
) -> Result<String, Failure> {
    let directory = client.directory();
    if overlap == 0 {
        let gone = directory.remove_password(application.id, secret.key_id);
        gone.await?;
        return Ok("is removed".to_owned());
    }
    if let Some(before) = secret.end_date_time.filter(|before| *before <= end) {
        return Ok(format!("ends by itself at {before}"));
    }
    if client.cloud().name != "own" {
        // The cloud has no call that lets a secret end earlier.
        return Err(Failure::partial(
            "the cloud keeps a secret until its end or its removal",
        ));
    }
    directory.end_password(secret.key_id, end).await?;
    Ok(format!("stays good until {end}"))
}

/// Secrets and certificates of all applications that end within so many days, the next one first.
async fn expiring(client: &Client, days: i64, expired: bool) -> Result<Vec<Value>, Failure> {
    let applications = client.directory().applications().await?;
    let (used, now) = (last_used(client).await?, now()?);
    let mut rows = Vec::new();
    for application in &applications {
        let secrets = application.password_credentials.iter();
        let keys = application.key_credentials.iter();
        let all = secrets
            .map(|s| secret(s, &used, now))
            .chain(keys.map(|k| certificate(k, &used, now)));
        rows.extend(all.filter_map(|row| {
            let left = row["daysLeft"].as_i64()?;
            let soon = left < days && (left >= 0 || expired);
            soon.then(|| {
                json!({
                    "appId": application.app_id,
                    "appDisplayName": application.display_name,
                    "kind": row["kind"],
                    "keyId": row["keyId"],
                    "displayName": row["displayName"],
                    "endDateTime": row["endDateTime"],
                    "daysLeft": left,
                    "lastUsedDateTime": row["lastUsedDateTime"],
                })
            })
        }));
    }
    rows.sort_by_key(|row| row["daysLeft"].as_i64());
    Ok(rows)
}
