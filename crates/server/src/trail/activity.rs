//! Directory changes and administrative acts as rows of `CloudAppEvents`. docs/activity.md documents the columns.

use std::sync::Arc;

use bartizan_contract::hunting::table;
use bartizan_contract::time::ticks_from_unix_micros;
use bartizan_contract::value::Row;
use bartizan_hunting::events::NewBatch;
use bartizan_store::arrivals::Span;
use bartizan_store::audit::AuditEvent;
use bartizan_store::audit_outbox;
use bartizan_store::outbox::{Batch, Outbox};
use bartizan_telemetry::row::RowBuilder;
use serde_json::json;

use super::{Arrived, TrailError, append, claimed, done};
use crate::app::App;
use crate::handlers::directory::activities::activity;
use crate::handlers::directory::{audits, changes};

/// Events of one tenant that are written together.
const BATCH: u32 = 1_000;
/// The number by which Defender for Cloud Apps knows Office 365, in whose name Entra's changes come.
const OFFICE_365: i64 = 11_161;
/// How the unified audit log names what changed (page "Office 365 Management Activity API schema").
const MODIFIED: [&str; 3] = ["Name", "OldValue", "NewValue"];

/// Writes the audit events that wait.
pub(super) async fn write(app: &Arc<App>, arrived: &mut Arrived) -> Result<(), TrailError> {
    loop {
        let batches = claimed(app, Outbox::AuditEvents, BATCH).await?;
        if batches.is_empty() {
            return Ok(());
        }
        let mut failed = false;
        for batch in batches {
            // What cannot be written stays for the next time and holds up no other tenant's.
            if let Err(error) = write_batch(app, batch, arrived).await {
                tracing::error!(tenant = %batch.tenant, %error, "audit events could not be written to the hunting tables");
                failed = true;
            }
        }
        if failed {
            return Ok(());
        }
    }
}

async fn write_batch(
    app: &Arc<App>,
    batch: Batch,
    arrived: &mut Arrived,
) -> Result<(), TrailError> {
    let mut tx = app.store.read().await?;
    let events = audit_outbox::events(&mut tx, batch).await?;
    drop(tx);
    let rows: Vec<Row> = events.iter().filter_map(|e| row(e, batch)).collect();
    let (tenant, span) = (batch.tenant, Span::of_rows(&rows));
    // A crash before it is said to be done brings it here again.
    let id = Some(batch.id);
    for appended in append(app, vec![NewBatch { tenant, id, rows }]).await {
        appended?;
    }
    arrived.add(tenant, span);
    done(app, Outbox::AuditEvents, batch).await
}

fn row(event: &AuditEvent, batch: Batch) -> Option<Row> {
    let activity = activity(&event.action);
    let (kind, actor) = audits::actor(&event.actor);
    let time = ticks_from_unix_micros(event.occurred);
    let done = event.outcome == "success";
    let raw = json!({
        "CreationTime": bartizan_contract::time::format_iso8601(time),
        "Id": event.id,
        "Operation": activity.operation,
        "OrganizationId": batch.tenant,
        "ResultStatus": if done { "Success" } else { "Failure" },
        "Workload": activity.service(),
        "ObjectId": event.target,
        "UserId": actor,
        "UserType": kind,
        "RequestId": event.request_id,
        "ResultStatusDetail": (!done).then_some(&event.outcome),
        "ModifiedProperties": changes::of(&event.details, MODIFIED),
        "ExtendedProperties": changes::without(&event.details),
    });
    let objects = json!([{
        "Type": activity.target,
        "Role": "Target object",
        "Id": event.target,
        "Name": audits::target_name(event),
    }]);
    let mut row = RowBuilder::of(table("CloudAppEvents")?);
    row.time("Timestamp", Some(time))
        .text("ActionType", activity.operation)
        .text("Application", activity.application())
        .number("ApplicationId", activity.of_entra().then_some(OFFICE_365))
        .number("AppInstanceId", Some(0))
        .text("AccountId", actor)
        .text("AccountType", kind)
        .flag(
            "IsAdminOperation",
            Some(event.actor != audits::UNKNOWN && actor != event.target),
        )
        .text("ActivityType", activity.kind)
        .text("ActivityObjects", objects.to_string())
        .maybe("ObjectName", audits::target_name(event))
        .text("ObjectType", activity.target)
        .text("ObjectId", &event.target)
        .text("ReportId", event.id.to_string())
        .flag("IsExternalUser", Some(false))
        .flag("IsImpersonated", Some(false))
        .text("RawEventData", raw.to_string());
    match kind {
        "Application" => row.text("OAuthAppId", actor),
        "Regular" => row.text("AccountObjectId", actor),
        _ => &mut row,
    };
    Some(row.finish())
}
