//! SIGKILL at any moment loses nothing that was acknowledged, keeps nothing twice, and needs no repair.
//!
//! `BARTIZAN_TEST_KILLS` sets the number of rounds, `BARTIZAN_TEST_SEED` the seed, which every run prints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bartizan_contract::time::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::process::{Body, Home, Operator};

const XDR: &str = "https://api.security.microsoft.com/.default";
const GRAPH: &str = "https://graph.microsoft.com/.default";
const OWN: &str = "api://bartizan/.default";
/// Rows of one body, which are kept together or not at all.
const ROWS: usize = 5;
/// Incidents that are changed, each by its own writer.
const INCIDENTS: usize = 2;
/// Writers of telemetry.
const INGESTERS: usize = 3;

const RULE: &str = r#"
id = "evil-process"
title = "Evil process started"
severity = "High"
category = "Execution"
description = "A process named evil.exe was started."
mitre = ["T1204"]
query = '''
DeviceProcessEvents
| where FileName =~ "evil.exe"
| project Timestamp, DeviceId, DeviceName, FileName, ProcessId, ProcessCommandLine
'''

[[entities]]
kind = "device"

[[entities]]
kind = "process"
"#;

/// Numbers that look random and can be had again (SplitMix64, public domain).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn millis(&mut self, below: u64) -> Duration {
        Duration::from_millis(self.next() % below)
    }
}

/// What one incident's writer knows.
#[derive(Debug, Default, Clone)]
struct Changes {
    acknowledged: u64,
    attempted: u64,
    /// Comments whose PATCH was answered.
    comments: BTreeSet<u64>,
}

/// What the server has acknowledged so far, and what it may have done without saying so.
#[derive(Default)]
struct Ledger {
    /// When the telemetry happened, Unix microseconds: inside the look-back of hunts.
    happened: i64,
    bodies: u64,
    /// Bodies that were answered.
    kept: BTreeSet<u64>,
    /// Bodies that were sent and not answered.
    open: BTreeSet<u64>,
    secrets: Vec<String>,
    incidents: BTreeMap<i64, Changes>,
}

type Shared = Arc<Mutex<Ledger>>;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let seed = from_environment("BARTIZAN_TEST_SEED").unwrap_or(now.as_micros() as u64);
    let rounds = from_environment("BARTIZAN_TEST_KILLS").unwrap_or(15);
    println!("BARTIZAN_TEST_SEED={seed}, {rounds} rounds");
    let mut dice = Dice(seed);
    let home = Home::new();
    let mut serving = home.serve();
    let operator = Operator::of(&home);
    let ledger = Shared::default();
    let app = prepare(&operator, &ledger, now.as_micros() as i64).await;
    for round in 1..=rounds {
        let writers = writers(&operator, &ledger, &app).await;
        tokio::time::sleep(Duration::from_millis(30) + dice.millis(1_200)).await;
        serving.kill();
        for writer in writers {
            writer.await.expect("a writer ends when its server does");
        }
        // Sometimes the start that follows is killed as well, while it recovers.
        if dice.next().is_multiple_of(3) {
            let start = home.spawn();
            tokio::time::sleep(dice.millis(600)).await;
            start.kill();
        }
        serving = home.serve();
        assert!(serving.runs());
        let checked = verify(&operator, &ledger, &app).await;
        println!("round {round}: {checked}");
    }
}

/// Makes the incidents that will be changed and the application that will get secrets.
async fn prepare(operator: &Operator, ledger: &Shared, now: i64) -> (String, String) {
    let (own, xdr, graph) = (
        operator.token(OWN).await,
        operator.token(XDR).await,
        operator.token(GRAPH).await,
    );
    let rows: String = (0..INCIDENTS)
        .map(|n| row(&format!("device{n}"), "evil.exe", "evil", now))
        .collect();
    operator
        .must(Method::POST, INGEST, &own, Body::Lines(&rows))
        .await;
    let rule = json!({ "source": RULE });
    operator
        .must(
            Method::PUT,
            "/bartizan/v1/rules/evil-process",
            &own,
            Body::Json(rule),
        )
        .await;
    operator
        .must(Method::POST, "/bartizan/v1/rules/run", &own, Body::None)
        .await;
    let listed = operator
        .must(Method::GET, "/api/incidents", &xdr, Body::None)
        .await;
    let incidents = listed["value"].as_array().expect("a list");
    assert_eq!(incidents.len(), INCIDENTS, "{listed}");
    let mut ledger = ledger.lock().await;
    ledger.happened = now;
    for incident in incidents {
        ledger.incidents.insert(
            incident["incidentId"].as_i64().expect("a number"),
            Changes::default(),
        );
    }
    let app = json!({ "displayName": "killed" });
    let app = operator
        .must(Method::POST, "/v1.0/applications", &graph, Body::Json(app))
        .await;
    let id = |name: &str| app[name].as_str().expect("an id").to_owned();
    let principal = json!({ "appId": app["appId"] });
    operator
        .must(
            Method::POST,
            "/v1.0/servicePrincipals",
            &graph,
            Body::Json(principal),
        )
        .await;
    (id("id"), id("appId"))
}

const INGEST: &str = "/bartizan/v1/ingest?table=DeviceProcessEvents&name=rows.ndjson";

fn row(device: &str, file: &str, line: &str, now: i64) -> String {
    let id: String = device
        .bytes()
        .cycle()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let row = json!({
        "Timestamp": Timestamp::from_unix_micros(now).to_string(),
        "DeviceId": id,
        "DeviceName": format!("{device}.contoso.com"),
        "ActionType": "ProcessCreated",
        "FileName": file,
        "ProcessId": 4711,
        "ProcessCommandLine": line,
    });
    format!("{row}\n")
}

/// The body with a number: the same bytes whenever it is sent.
fn body(number: u64, happened: i64) -> String {
    (0..ROWS)
        .map(|n| row("bulk", "kill.exe", &format!("{number}/{n}"), happened))
        .collect()
}

/// Starts the writers; each ends with the first call that is not answered.
async fn writers(
    operator: &Operator,
    ledger: &Shared,
    app: &(String, String),
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = Vec::new();
    for _ in 0..INGESTERS {
        tasks.push(tokio::spawn(ingest(operator.clone(), Arc::clone(ledger))));
    }
    tasks.push(tokio::spawn(add_secrets(
        operator.clone(),
        Arc::clone(ledger),
        app.0.clone(),
    )));
    let incidents: Vec<i64> = ledger.lock().await.incidents.keys().copied().collect();
    for incident in incidents {
        tasks.push(tokio::spawn(change(
            operator.clone(),
            Arc::clone(ledger),
            incident,
        )));
    }
    tasks
}

async fn operator_token(operator: &Operator, scope: &str) -> Option<String> {
    operator
        .token_of((&operator.client.0, &operator.client.1), scope)
        .await
}

async fn ingest(operator: Operator, ledger: Shared) {
    let Some(token) = operator_token(&operator, OWN).await else {
        return;
    };
    loop {
        let (number, body) = {
            let mut ledger = ledger.lock().await;
            ledger.bodies += 1;
            let number = ledger.bodies;
            ledger.open.insert(number);
            (number, body(number, ledger.happened))
        };
        let answer = operator
            .call(Method::POST, INGEST, &token, Body::Lines(&body))
            .await;
        let Some((200, report)) = answer else {
            assert!(answer.is_none(), "{answer:?}");
            return;
        };
        assert_eq!(report["acceptedRows"], ROWS, "{report}");
        let mut ledger = ledger.lock().await;
        ledger.open.remove(&number);
        ledger.kept.insert(number);
    }
}

async fn add_secrets(operator: Operator, ledger: Shared, app: String) {
    let Some(token) = operator_token(&operator, GRAPH).await else {
        return;
    };
    let path = format!("/v1.0/applications/{app}/addPassword");
    loop {
        let body = json!({ "passwordCredential": { "displayName": "kill" } });
        match operator
            .call(Method::POST, &path, &token, Body::Json(body))
            .await
        {
            Some((200, secret)) => {
                let secret = secret["secretText"].as_str().expect("a secret").to_owned();
                ledger.lock().await.secrets.push(secret);
            }
            Some(other) => panic!("{other:?}"),
            None => return,
        }
        // Every secret is tried in every round: a few of each will do.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

async fn change(operator: Operator, ledger: Shared, incident: i64) {
    let Some(token) = operator_token(&operator, XDR).await else {
        return;
    };
    let path = format!("/api/incidents/{incident}");
    loop {
        let number = {
            let mut ledger = ledger.lock().await;
            let changes = ledger.incidents.get_mut(&incident).expect("known");
            changes.attempted += 1;
            changes.attempted
        };
        let body = json!({ "assignedTo": format!("analyst-{number}"), "comment": format!("change {number}") });
        match operator
            .call(Method::PATCH, &path, &token, Body::Json(body))
            .await
        {
            Some((200, _)) => {
                let mut ledger = ledger.lock().await;
                let changes = ledger.incidents.get_mut(&incident).expect("known");
                changes.acknowledged = number;
                changes.comments.insert(number);
            }
            Some(other) => panic!("{other:?}"),
            None => return,
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// Holds what the server has against what it acknowledged.
async fn verify(operator: &Operator, ledger: &Shared, app: &(String, String)) -> String {
    let mut ledger = ledger.lock().await;
    rows(operator, &mut ledger).await;
    for secret in &ledger.secrets {
        let token = operator.token_of((&app.1, secret), XDR).await;
        assert!(token.is_some(), "an acknowledged secret gets no token");
    }
    incidents(operator, &mut ledger).await;
    format!(
        "{} bodies, {} secrets, {} changes",
        ledger.kept.len(),
        ledger.secrets.len(),
        changes(&ledger)
    )
}

fn changes(ledger: &Ledger) -> usize {
    ledger.incidents.values().map(|c| c.comments.len()).sum()
}

async fn rows(operator: &Operator, ledger: &mut Ledger) {
    let (own, xdr) = (operator.token(OWN).await, operator.token(XDR).await);
    let found = count(operator, &xdr).await;
    for number in &ledger.kept {
        assert_eq!(
            found.get(number),
            Some(&(ROWS, ROWS)),
            "an acknowledged body is not there exactly once"
        );
    }
    for number in &ledger.open {
        let found = found.get(number).copied().unwrap_or((0, 0));
        assert!(
            found == (0, 0) || found == (ROWS, ROWS),
            "half of a body is there: {found:?}"
        );
    }
    assert!(
        found
            .keys()
            .all(|n| ledger.kept.contains(n) || ledger.open.contains(n))
    );
    // Whoever got no answer sends again, and that makes exactly one.
    for number in std::mem::take(&mut ledger.open) {
        let report = operator
            .must(
                Method::POST,
                INGEST,
                &own,
                Body::Lines(&body(number, ledger.happened)),
            )
            .await;
        let rows = |name: &str| report[name].as_u64().unwrap_or(0) as usize;
        assert_eq!(
            rows("acceptedRows") + rows("duplicateRows"),
            ROWS,
            "{report}"
        );
        ledger.kept.insert(number);
    }
    let found = count(operator, &xdr).await;
    assert_eq!(found.len(), ledger.kept.len());
    assert!(
        found.values().all(|rows| *rows == (ROWS, ROWS)),
        "a repeated body is there twice"
    );
}

/// Rows and distinct rows of each body.
async fn count(operator: &Operator, token: &str) -> BTreeMap<u64, (usize, usize)> {
    let query = "DeviceProcessEvents | where FileName == 'kill.exe' \
                 | summarize Rows = count(), Distinct = dcount(ProcessCommandLine) by Body = tostring(split(ProcessCommandLine, '/')[0])";
    let answer = operator
        .must(
            Method::POST,
            "/api/advancedhunting/run",
            token,
            Body::Json(json!({ "Query": query })),
        )
        .await;
    let number = |row: &Value, name: &str| row[name].as_u64().expect("a number") as usize;
    let rows = answer["Results"].as_array().expect("a list");
    rows.iter()
        .map(|row| {
            let body = row["Body"]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a number");
            (body, (number(row, "Rows"), number(row, "Distinct")))
        })
        .collect()
}

async fn incidents(operator: &Operator, ledger: &mut Ledger) {
    let token = operator.token(XDR).await;
    for (incident, changes) in &mut ledger.incidents {
        let path = format!("/api/incidents/{incident}");
        let read = operator.must(Method::GET, &path, &token, Body::None).await;
        let comments: Vec<u64> = read["comments"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|comment| {
                comment["comment"]
                    .as_str()?
                    .strip_prefix("change ")?
                    .parse()
                    .ok()
            })
            .collect();
        let once: BTreeSet<u64> = comments.iter().copied().collect();
        assert_eq!(
            once.len(),
            comments.len(),
            "a comment is there twice: {comments:?}"
        );
        assert!(
            once.is_superset(&changes.comments),
            "an acknowledged comment is lost: {comments:?}"
        );
        let assigned = read["assignedTo"]
            .as_str()
            .and_then(|name| name.strip_prefix("analyst-"));
        let assigned: u64 = assigned.map_or(0, |number| number.parse().expect("a number"));
        assert!(
            (changes.acknowledged..=changes.attempted).contains(&assigned),
            "analyst-{assigned}, but {changes:?}"
        );
        // One PATCH is one change: its comment is there when its assignment is.
        assert_eq!(
            once.last().copied().unwrap_or(0),
            assigned,
            "half of a change"
        );
        changes.comments = once;
        changes.acknowledged = assigned;
    }
}
