//! Alerts and what they point at as rows of `AlertInfo` and `AlertEvidence`: one of the first when an alert is raised, one of
//! the second for each thing, when it becomes evidence. What analysts change later (status, verdict) has no columns there.
//! docs/activity.md documents the columns.

use std::sync::Arc;

use bartizan_contract::hunting::table;
use bartizan_contract::time::{format_iso8601, ticks_from_unix_micros};
use bartizan_contract::value::{self as contract, Row};
use bartizan_hunting::events::NewBatch;
use bartizan_security::evidence::{Process, Registry};
use bartizan_security::{Alert, Entity, Evidence};
use bartizan_store::alert_outbox::{self, News};
use bartizan_store::arrivals::Span;
use bartizan_store::outbox::{Batch, Outbox};
use bartizan_telemetry::row::RowBuilder;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Arrived, TrailError, append, claimed, done};
use crate::app::App;
use crate::ingest::batch;

/// Alerts of one tenant that are claimed together, and pieces of evidence.
const CLAIM: u32 = 1_000;
/// A text's length, in bytes, in a row that is too large for a batch.
const CUT: usize = 256 << 10;
/// Rows that are older than this, in microseconds, are not told to rules as having arrived: a database that comes from an
/// earlier version has all its alerts to write, and every rule would examine its whole look-back again.
const BEHIND: i64 = 3_600 * 1_000_000;
/// The product that custom detections are of.
const SERVICE: &str = "Microsoft Defender XDR";

/// Writes alerts that wait, so many of each tenant that the trail's other work goes on beside a large backlog. What cannot
/// be written stays for the next time and holds up no other tenant's.
pub(super) async fn write(app: &Arc<App>, arrived: &mut Arrived) -> Result<(), TrailError> {
    for batch in claimed(app, Outbox::Alerts, CLAIM).await? {
        if let Err(error) = write_batch(app, batch, arrived).await {
            tracing::error!(tenant = %batch.tenant, %error, "alerts could not be written to the hunting tables");
        }
    }
    Ok(())
}

async fn write_batch(
    app: &Arc<App>,
    batch: Batch,
    arrived: &mut Arrived,
) -> Result<(), TrailError> {
    let mut tx = app.store.read().await?;
    let news = alert_outbox::news(&mut tx, batch).await?;
    drop(tx);
    let behind = ticks_from_unix_micros(app.clock.unix_micros() - BEHIND);
    for (number, rows) in (0_u32..).zip(parts(rows(&news))) {
        let recent = rows
            .iter()
            .filter(|row| row.timestamp().is_some_and(|time| time >= behind));
        let (tenant, span) = (batch.tenant, Span::of_rows(recent));
        // The same batch makes the same parts when it comes again.
        let id = Some(Uuid::new_v5(&batch.id, &number.to_be_bytes()));
        for appended in append(app, vec![NewBatch { tenant, id, rows }]).await {
            appended?;
        }
        arrived.add(tenant, span);
    }
    done(app, Outbox::Alerts, batch).await
}

/// Rows in parts that the event store takes.
fn parts(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut part = batch::Batch::new(batch::ROWS, batch::BYTES);
    let full = rows.into_iter().filter_map(|row| part.push(fitting(row)));
    let mut parts: Vec<Vec<Row>> = full.collect();
    parts.push(part.take());
    parts
}

/// A row; of one that is larger than a batch may be, the beginnings of its texts.
fn fitting(mut row: Row) -> Row {
    if batch::row_bytes(&row) > batch::BYTES {
        for value in &mut row.values {
            if let contract::Value::String(text) = value {
                text.truncate(text.floor_char_boundary(CUT));
            }
        }
    }
    row
}

fn rows(news: &News) -> Vec<Row> {
    let alerts = news.alerts.iter().filter_map(info);
    let evidence = news.evidence.iter();
    alerts
        .chain(evidence.filter_map(|(alert, evidence)| self::evidence(alert, evidence)))
        .collect()
}

fn info(alert: &Alert) -> Option<Row> {
    let mut row = RowBuilder::of(table("AlertInfo")?);
    about(&mut row, alert, alert.created);
    row.text("Category", alert.category.as_str());
    Some(row.finish())
}

fn evidence(alert: &Alert, evidence: &Evidence) -> Option<Row> {
    let mut row = RowBuilder::of(table("AlertEvidence")?);
    about(&mut row, alert, evidence.created);
    row.text("Categories", json!([alert.category.as_str()]).to_string())
        .maybe("ThreatFamily", alert.details.threat_family.as_deref());
    let device = evidence.device_id.as_ref();
    row.maybe("DeviceId", device.map(|id| id.as_str()));
    if device.is_some() && device == alert.device_id.as_ref() {
        row.maybe("DeviceName", alert.details.device_name.as_deref());
    }
    let (kind, role) = entity(&mut row, &evidence.entity);
    row.text("EntityType", kind).text("EvidenceRole", role);
    Some(row.finish())
}

/// The columns of the alert itself, which both tables have.
fn about(row: &mut RowBuilder, alert: &Alert, time: i64) {
    let techniques = &alert.details.mitre_techniques;
    row.time("Timestamp", Some(ticks_from_unix_micros(time)))
        .text("AlertId", alert.id.as_str())
        .text("Title", &alert.title)
        .text("Severity", alert.severity.as_str())
        .text("ServiceSource", SERVICE)
        .text("DetectionSource", source(&alert.detection_source));
    if !techniques.is_empty() {
        row.text("AttackTechniques", json!(techniques).to_string());
    }
}

/// The portal's name of a detection source; one that it has no other name for keeps the API's.
fn source(name: &str) -> &str {
    match name {
        "CustomDetection" => "Custom detection",
        "CustomerTI" => "Custom TI",
        "WindowsDefenderAtp" => "EDR",
        "WindowsDefenderAv" => "Antivirus",
        "WindowsDefenderSmartScreen" => "SmartScreen",
        "AutomatedInvestigation" => "Automated investigation",
        other => other,
    }
}

/// Fills the columns of an entity; gives `EntityType` and `EvidenceRole`.
fn entity(row: &mut RowBuilder, entity: &Entity) -> (&'static str, &'static str) {
    const IMPACTED: &str = "Impacted";
    const RELATED: &str = "Related";
    match entity {
        Entity::Device(device) => {
            row.text("DeviceId", &device.device_id)
                .maybe("DeviceName", device.dns_name.as_deref());
            ("Machine", IMPACTED)
        }
        Entity::User(user) => {
            row.maybe("AccountName", user.account_name.as_deref())
                .maybe("AccountDomain", user.domain_name.as_deref())
                .maybe("AccountSid", user.sid.as_deref())
                .maybe("AccountObjectId", user.aad_user_id.as_deref())
                .maybe("AccountUpn", user.upn.as_deref());
            ("User", IMPACTED)
        }
        Entity::Process(process) => {
            row.maybe("FileName", process.file_name.as_deref())
                .maybe("FolderPath", process.file_path.as_deref())
                .maybe("SHA1", process.sha1.as_deref())
                .maybe("SHA256", process.sha256.as_deref())
                .maybe("ProcessCommandLine", process.command_line.as_deref())
                .maybe("AccountName", process.account_name.as_deref())
                .maybe("AccountDomain", process.domain_name.as_deref());
            additional(row, of_process(process));
            ("Process", RELATED)
        }
        Entity::File(file) => {
            row.maybe("FileName", file.file_name.as_deref())
                .maybe("FolderPath", file.file_path.as_deref())
                .maybe("SHA1", file.sha1.as_deref())
                .maybe("SHA256", file.sha256.as_deref());
            ("File", RELATED)
        }
        Entity::Registry(registry) => of_registry(row, registry),
        Entity::Ip(ip) => {
            row.text("RemoteIP", &ip.address);
            ("Ip", RELATED)
        }
        Entity::Url(url) => {
            row.text("RemoteUrl", &url.url);
            ("Url", RELATED)
        }
    }
}

fn of_registry(row: &mut RowBuilder, registry: &Registry) -> (&'static str, &'static str) {
    let parts = [registry.hive.as_deref(), registry.key.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    row.text("RegistryKey", parts.join("\\"))
        .maybe("RegistryValueName", registry.value_name.as_deref())
        .maybe("RegistryValueData", registry.value.as_deref());
    let mut more = Map::new();
    put(
        &mut more,
        "ValueType",
        registry.value_type.as_ref().map(|t| json!(t)),
    );
    additional(row, more);
    match registry.value_name {
        Some(_) => ("RegistryValue", "Related"),
        None => ("RegistryKey", "Related"),
    }
}

/// What the table has no columns for.
fn of_process(process: &Process) -> Map<String, Value> {
    let time = |micros: Option<i64>| {
        micros.map(|micros| json!(format_iso8601(ticks_from_unix_micros(micros))))
    };
    let mut parent = Map::new();
    put(
        &mut parent,
        "ProcessId",
        process.parent_process_id.map(|id| json!(id)),
    );
    put(&mut parent, "CreationTimeUtc", time(process.parent_created));
    put(
        &mut parent,
        "FileName",
        process.parent_file_name.as_ref().map(|t| json!(t)),
    );
    put(
        &mut parent,
        "FolderPath",
        process.parent_file_path.as_ref().map(|t| json!(t)),
    );
    let mut more = Map::new();
    put(
        &mut more,
        "ProcessId",
        process.process_id.map(|id| json!(id)),
    );
    put(&mut more, "CreationTimeUtc", time(process.created));
    if !parent.is_empty() {
        more.insert("ParentProcess".to_owned(), Value::Object(parent));
    }
    more
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

fn additional(row: &mut RowBuilder, fields: Map<String, Value>) {
    if !fields.is_empty() {
        row.text("AdditionalFields", Value::Object(fields).to_string());
    }
}
