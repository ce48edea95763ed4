//! `bartizan rule …`

use std::path::Path;

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::Rule;
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at, lines};
use crate::target;

const PATH: &str = "/bartizan/v1/rules";

const COLUMNS: &[Column] = &[
    ("ID", |r| at(r, "id")),
    ("Severity", |r| at(r, "severity")),
    ("Enabled", |r| at(r, "enabled")),
    ("Last run", |r| at(r, "lastRunDateTime")),
    ("Outcome", |r| at(r, "lastRunOutcome")),
    ("Next try", |r| at(r, "nextTryDateTime")),
    ("Remark", |r| at(r, "remark")),
    ("Title", |r| at(r, "title")),
];

/// Columns that a narrow terminal does without.
const SPARE: &[&str] = &["Next try", "Enabled"];

const OUTCOMES: &[Column] = &[
    ("Rule", |o| at(o, "ruleId")),
    ("Hits", |o| at(o, "hits")),
    ("New alerts", |o| at(o, "newAlerts")),
    ("New incidents", |o| at(o, "newIncidents")),
    ("Error", |o| at(o, "error")),
    ("Remark", remark),
];

/// The server's remark, or why hits made no alerts.
fn remark(outcome: &Value) -> String {
    let told = at(outcome, "remark");
    let known = outcome["hits"].as_u64() > Some(0)
        && outcome["newAlerts"] == 0
        && outcome["error"].is_null();
    match (told.is_empty(), known) {
        (true, true) => "its alerts are known already".to_owned(),
        (false, true) => format!("{told}; its alerts are known already"),
        (_, false) => told,
    }
}

/// Carries out the command.
pub(crate) async fn run(command: Rule, printer: &Printer) -> Outcome {
    match command {
        Rule::List { connection } => {
            let client = target::client(&connection)?;
            let rules: Vec<Value> = client.collection(Service::Own, PATH).try_collect().await?;
            printer.list_sparing(COLUMNS, SPARE, &rules)
        }
        Rule::Show { connection, id } => {
            let rule = find(&target::client(&connection)?, &id).await?;
            // The text is what is wanted: in a file it can be changed and added again.
            match printer.is_table() {
                true => printer.text(&lines(rule["source"].as_str().unwrap_or_default())),
                false => printer.item(COLUMNS, &rule),
            }
        }
        Rule::Update {
            connection,
            id,
            enabled,
        } => {
            let client = target::client(&connection)?;
            let rule = find(&client, &id).await?;
            let path = format!("{PATH}/{id}");
            let body = json!({ "source": rule["source"], "enabled": enabled });
            let answer = client
                .raw(Service::Own, Method::PUT, &path, Some(&body))
                .await?;
            printer.list(COLUMNS, &[answer.json()?])
        }
        Rule::Delete { connection, id } => {
            let client = target::client(&connection)?;
            // What is no id of a rule must not become another address.
            find(&client, &id).await?;
            let path = format!("{PATH}/{id}");
            client
                .raw_empty(Service::Own, Method::DELETE, &path)
                .await?;
            printer.remark(&format!("{id} is deleted; the alerts that it raised stay"));
            Ok(())
        }
        Rule::Add {
            connection,
            files,
            disabled,
        } => {
            let client = target::client(&connection)?;
            let known: Vec<Value> = client.collection(Service::Own, PATH).try_collect().await?;
            let mut rules = Vec::new();
            for file in &files {
                let rule = put(&client, file, !disabled).await?;
                let before = known.iter().find(|known| known["id"] == rule["id"]);
                if before.is_some_and(|before| before["source"] != rule["source"]) {
                    let id = at(&rule, "id");
                    printer.remark(&format!("{id} was there with another text: it is replaced"));
                }
                rules.push(rule);
            }
            printer.list(COLUMNS, &rules)
        }
        Rule::Run {
            connection,
            lookback,
        } => {
            let client = target::client(&connection)?;
            let path = format!("{PATH}/run");
            let body = json!({ "lookback": lookback });
            let answer = client
                .raw(Service::Own, Method::POST, &path, Some(&body))
                .await?;
            let answer: Value = answer.json()?;
            let outcomes = answer["value"].as_array().map_or(&[][..], Vec::as_slice);
            printer.list(OUTCOMES, outcomes)?;
            match outcomes
                .iter()
                .filter(|outcome| !outcome["error"].is_null())
                .count()
            {
                0 => Ok(()),
                failed => Err(Failure::partial(format!("{failed} rules failed"))),
            }
        }
    }
}

async fn find(client: &Client, id: &str) -> Result<Value, Failure> {
    let rules: Vec<Value> = client.collection(Service::Own, PATH).try_collect().await?;
    let found = rules.into_iter().find(|rule| at(rule, "id") == id);
    found.ok_or_else(|| {
        Failure::not_found(format!(
            "no rule {id}; see `bartizan rule list{}`",
            target::again()
        ))
    })
}

async fn put(client: &Client, file: &Path, enabled: bool) -> Result<Value, Failure> {
    let wrong = |error: String| Failure::usage(format!("{}: {error}", file.display()));
    let source = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let id = id(&source).map_err(wrong)?;
    let path = format!("{PATH}/{id}");
    let body = json!({ "source": source, "enabled": enabled });
    let answer = client
        .raw(Service::Own, Method::PUT, &path, Some(&body))
        .await;
    // With several files, the answer alone would not say which one it is about.
    let answer = answer.map_err(|error| Failure::from(error).about(file.display()))?;
    Ok(answer.json()?)
}

/// The rule's own id, which its address repeats. The rest is for the server to judge.
fn id(source: &str) -> Result<String, String> {
    let rule: toml::Table = source
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let id = rule.get("id").and_then(toml::Value::as_str);
    let id = id.ok_or("a rule needs an id")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if id.is_empty() || !id.chars().all(plain) {
        return Err(format!("'{id}' is no id: letters, digits, - _ ."));
    }
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_without_new_alerts_are_explained() {
        let outcome = |hits: u64, new: u64| json!({ "hits": hits, "newAlerts": new, "error": null, "remark": null });
        assert_eq!(remark(&outcome(3, 0)), "its alerts are known already");
        assert_eq!(remark(&outcome(3, 1)), "");
        assert_eq!(remark(&outcome(0, 0)), "");
    }

    #[test]
    fn the_id_is_the_rules_own_and_stays_inside_its_address() {
        assert_eq!(id("id = 'a-b'\ntitle = 't'").as_deref(), Ok("a-b"));
        for wrong in [
            "title = 't'",
            "id = '../run'",
            "id = ''",
            "id = [",
            "id = 5",
        ] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
