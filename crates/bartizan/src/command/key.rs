//! `bartizan key …`: the keys that sign tokens.

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Key;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::target;

const PATH: &str = "/bartizan/v1/keys";

const COLUMNS: &[Column] = &[
    ("Key ID", |k| at(k, "kid")),
    ("State", |k| at(k, "state")),
    ("Since", |k| at(k, "stateChangedDateTime")),
    ("Signs from", |k| at(k, "signsFromDateTime")),
    ("Created", |k| at(k, "createdDateTime")),
    ("Certificate until", |k| at(k, "endDateTime")),
];

/// Carries out the command.
pub(crate) async fn run(command: Key, printer: &Printer) -> Outcome {
    match command {
        Key::List { connection } => {
            let client = target::client(&connection)?;
            printer.list(COLUMNS, &list(&client).await?)
        }
        Key::Rotate { connection, now } => {
            let client = target::client(&connection)?;
            let body = json!({ "now": now });
            let keys = change(&client, "/rotate", Some(&body), printer).await?;
            let mut next = keys.iter().map(|k| at(k, "signsFromDateTime"));
            printer.remark(&match next.find(|time| !time.is_empty()) {
                None => "the new key signs from now on; the old one stays published until its tokens have expired".to_owned(),
                Some(time) => format!(
                    "the new key is published and signs from {time} on, when resources had time to learn it; at once: bartizan key rotate --now{}",
                    target::again()
                ),
            });
            Ok(())
        }
        Key::Retire { connection, kid } => {
            let client = target::client(&connection)?;
            let path = format!("/{}/retire", known(&client, &kid).await?);
            change(&client, &path, None, printer).await?;
            Ok(())
        }
        Key::Revoke { connection, kid } => {
            let client = target::client(&connection)?;
            let path = format!("/{}/revoke", known(&client, &kid).await?);
            change(&client, &path, None, printer).await?;
            printer.remark(
                "tokens that it signed are refused here at once; resources that cache keys learn it when they fetch them again",
            );
            Ok(())
        }
        Key::Reseal { connection } => {
            let client = target::client(&connection)?;
            change(&client, "/reseal", None, printer).await?;
            printer.remark(
                "the keys are sealed with a new key-encryption key; other servers of the same database read it when they are started again",
            );
            Ok(())
        }
    }
}

async fn list(client: &Client) -> Result<Vec<Value>, Failure> {
    Ok(client.collection(Service::Own, PATH).try_collect().await?)
}

/// Changes the keys, prints all of them, and gives them.
async fn change(
    client: &Client,
    path: &str,
    body: Option<&Value>,
    printer: &Printer,
) -> Result<Vec<Value>, Failure> {
    let path = format!("{PATH}{path}");
    let answer = client.raw(Service::Own, Method::POST, &path, body).await?;
    let answer: Value = answer.json()?;
    let keys = answer["value"].as_array().cloned().unwrap_or_default();
    printer.list(COLUMNS, &keys)?;
    Ok(keys)
}

/// A key's id as the server has it; its beginning does when no other key begins so.
async fn known(client: &Client, kid: &str) -> Result<String, Failure> {
    let keys = list(client).await?;
    let ids: Vec<String> = keys.iter().map(|key| at(key, "kid")).collect();
    let exact = ids.iter().find(|id| *id == kid);
    let alike: Vec<&String> = ids.iter().filter(|id| id.starts_with(kid)).collect();
    match (exact, alike.as_slice()) {
        (Some(id), _) => Ok(id.clone()),
        (None, [one]) if !kid.is_empty() => Ok((*one).clone()),
        _ => Err(Failure::not_found(format!(
            "no key {kid}; see `bartizan key list{}`",
            target::again()
        ))),
    }
}
