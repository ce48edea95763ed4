//! `GET /auditLogs/signIns`: the recorded sign-ins of the tenant in Graph's shape, from the hunting tables that hold them.
//!
//! Without a condition on `signInEventTypes` the list has the interactive sign-ins of people, as Graph's has; with one it
//! has those of the named types: `interactiveUser`, `nonInteractiveUser`, `servicePrincipal`.

mod condition;

use std::cmp::Reverse;

use std::time::Duration;

use axum::response::Response;
use bartizan_contract::identity_errors::identity_error;
use bartizan_contract::time::parse_iso8601;
use condition::{Source, text};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{missing, needs_also, query};
use crate::call::Call;
use crate::error::{ApiError, Kind};
use crate::handlers::hunting;

/// What reading sign-ins takes beside `AuditLog.Read.All` (page "List signIns").
const READS: &[&str] = &["Directory.Read.All", "Directory.ReadWrite.All"];
/// How long sign-ins of this very moment are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last sign-in seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    time: String,
    id: String,
}

/// Lists sign-ins, the latest first.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    needs_also(&call, READS)?;
    let options = query::options(&call)?;
    for (name, given) in [
        ("$orderby", !options.order_by.is_empty()),
        ("$search", options.search.is_some()),
        ("$skip", options.skip.is_some()),
        ("$expand", !options.expand.is_empty()),
        ("$count", options.count),
    ] {
        if given {
            let text = format!("{name} is not supported by this operation.");
            return Err(ApiError::new(Kind::OData, text));
        }
    }
    let size = query::page_size(&call, options.top)? as usize;
    let token = options.skip_token.as_deref();
    let after: Option<Cursor> = token.map(query::decode).transpose()?;
    // Types that are not asked for need not be looked for.
    let typed = options.filter.as_ref().is_some_and(condition::names_types);
    let mut found = Vec::new();
    flush(&call).await;
    for source in Source::ALL {
        if !typed && *source == Source::Applications {
            continue;
        }
        let mut text = source.name().to_owned();
        if let Some(filter) = &options.filter {
            text.push_str(&format!(
                " | where {}",
                condition::compile(filter, *source)?
            ));
        }
        if !typed {
            text.push_str(&format!(" | where {}", condition::INTERACTIVE));
        }
        if let Some(after) = &after {
            text.push_str(&format!(" | where {}", beyond(after)?));
        }
        let end = size + 1;
        text.push_str(&format!(
            " | order by Timestamp desc, RequestId desc | take {end}"
        ));
        let rows = hunting::rows(&call, text).await?;
        found.extend(rows.iter().map(|row| wire(row, *source)));
    }
    found.sort_by_key(|row| Reverse(cursor(row)));
    let more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| more).map(|last| {
        let (time, id) = cursor(last);
        Cursor { time, id }
    });
    query::page(&call, &options.select, found, next.as_ref())
}

/// One sign-in, by the trace id that whoever signed in was told.
pub(crate) async fn get(call: Call) -> Result<Response, ApiError> {
    needs_also(&call, READS)?;
    let id = call.param("id").to_owned();
    let id: Uuid = id.parse().map_err(|_| missing(&id))?;
    flush(&call).await;
    for source in Source::ALL {
        let text = format!(
            "{} | where RequestId =~ {} | take 1",
            source.name(),
            text(&id.to_string())
        );
        if let Some(row) = hunting::rows(&call, text).await?.first() {
            return query::entity(&call, StatusCode::OK, wire(row, *source), &[]);
        }
    }
    Err(missing(id))
}

/// Sign-ins are written a moment after their answer.
async fn flush(call: &Call) {
    let _ = tokio::time::timeout(PATIENCE, call.app.trail.flush()).await;
}

fn cursor(sign_in: &Json) -> (String, String) {
    let text = |name: &str| sign_in[name].as_str().unwrap_or_default().to_owned();
    (text("createdDateTime"), text("id"))
}

/// The condition that a row comes after the last one seen.
fn beyond(after: &Cursor) -> Result<String, ApiError> {
    let time = parse_iso8601(&after.time).ok_or_else(|| {
        ApiError::new(
            Kind::OData,
            "$skiptoken is not one of this server's; follow @odata.nextLink as it is.",
        )
    })?;
    let time = condition::time(time);
    Ok(format!(
        "Timestamp < {time} or (Timestamp == {time} and strcmp(RequestId, {}) < 0)",
        text(&after.id)
    ))
}

/// A row as Graph's `signIn`.
fn wire(row: &Json, source: Source) -> Json {
    let text = |name: &str| match row[name].as_str() {
        None | Some("") => Json::Null,
        Some(text) => Json::from(text),
    };
    let kind = source.kind(row["LogonType"].as_str().unwrap_or_default());
    let code = row["ErrorCode"].as_i64().unwrap_or_default();
    let reason = u32::try_from(code).ok().and_then(identity_error);
    let mut sign_in = json!({
        "id": row["RequestId"],
        "createdDateTime": row["Timestamp"],
        "userDisplayName": text("AccountDisplayName"),
        "userPrincipalName": text("AccountUpn"),
        "userId": text("AccountObjectId"),
        "appId": text("ApplicationId"),
        "appDisplayName": text("Application"),
        "ipAddress": text("IPAddress"),
        "clientAppUsed": text("ClientAppUsed"),
        "correlationId": text("CorrelationId"),
        "conditionalAccessStatus": "notApplied",
        "appliedConditionalAccessPolicies": [],
        "isInteractive": kind == condition::INTERACTIVE_USER,
        "signInEventTypes": [kind],
        "riskDetail": "none",
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes": [],
        "riskEventTypes_v2": [],
        "resourceDisplayName": text("ResourceDisplayName"),
        "resourceId": text("ResourceId"),
        "status": {
            "errorCode": code,
            "failureReason": reason.map(|error| error.when),
            "additionalDetails": null,
        },
    });
    sign_in["deviceDetail"] = json!({
        "deviceId": "",
        "displayName": null,
        "operatingSystem": null,
        "browser": null,
        "isCompliant": null,
        "isManaged": null,
        "trustType": null,
    });
    sign_in["location"] =
        json!({ "city": null, "state": null, "countryOrRegion": null, "geoCoordinates": null });
    if source == Source::Applications {
        sign_in["servicePrincipalId"] = text("ServicePrincipalId");
        sign_in["servicePrincipalName"] = text("ServicePrincipalName");
    }
    sign_in
}
