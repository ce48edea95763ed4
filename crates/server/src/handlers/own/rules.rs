//! `/bartizan/v1/rules`: detection rules as texts, and running them.

use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::{self, Timestamp, format_iso8601_trimmed, ticks_from_unix_micros};
use bartizan_security::rule::Rule;
use bartizan_store::audit::{self, AuditEvent};
use bartizan_store::rules::{self, RuleState, StoredRule};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::{Call, json as answer, no_content};
use crate::detection::{self, Which};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::record;
use crate::timespan;

/// The body of a replacement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRule {
    source: String,
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

/// Lists the tenant's rules with how they fared.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let states = rules::states(&mut tx, call.tenant()).await?;
    let rules = rules::list(&mut tx, call.tenant()).await?;
    let state = |id: &str| states.iter().find(|state| state.rule_id == id);
    let value = rules
        .iter()
        .map(|rule| wire(rule, state(&rule.id)))
        .collect();
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value,
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// Stores a rule after it was parsed and its query bound.
pub(crate) async fn put(mut call: Call) -> Result<Response, ApiError> {
    let new: NewRule = call.json().await?;
    let rule = Rule::parse(&new.source).map_err(|error| {
        ApiError::new(
            Kind::InvalidInput,
            format!("The rule is not valid: {error}"),
        )
    })?;
    let id = call.param("id").to_owned();
    if rule.id != id {
        let text = format!("The path names the rule '{id}', its text '{}'.", rule.id);
        return Err(ApiError::new(Kind::InvalidInput, text));
    }
    let mut tx = call.app.store.read().await?;
    let functions = super::functions::called(&mut tx, call.tenant(), &rule.query).await?;
    drop(tx);
    let problems = detection::check(&rule, &functions);
    if !problems.is_empty() {
        return Err(ApiError::new(Kind::InvalidInput, problems.join(" ")));
    }
    let now = call.app.clock.unix_micros();
    let stored = StoredRule {
        id: id.clone(),
        source: new.source,
        enabled: new.enabled,
        created: now,
        updated: now,
    };
    let tenant = call.tenant();
    let mut tx = call.app.store.write().await?;
    let known = rules::list(&mut tx, tenant)
        .await?
        .iter()
        .any(|rule| rule.id == id);
    rules::put(&mut tx, tenant, &stored).await?;
    if known {
        rules::retry_now(&mut tx, tenant, &id).await?;
    } else {
        rules::clear_state(&mut tx, tenant, &id).await?;
    }
    let event = AuditEvent {
        id: Uuid::now_v7(),
        occurred: now,
        actor: call.caller.actor(),
        action: "rule.put".to_owned(),
        target: id,
        outcome: "success".to_owned(),
        request_id: Some(call.request_id.to_string()),
        details: json!({ "title": rule.title, "enabled": new.enabled }),
    };
    audit::append(&mut tx, tenant, &event).await?;
    let states = rules::states(&mut tx, tenant).await?;
    let state = states.iter().find(|state| state.rule_id == stored.id);
    tx.commit().await?;
    answer(
        if known {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        },
        &wire(&stored, state),
    )
}

/// Deletes a rule; the alerts that it raised stay.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let id = call.param("id");
    let mut tx = call.app.store.write().await?;
    if !rules::delete(&mut tx, call.tenant(), id).await? {
        return Err(ApiError::not_found("Detection rule", id));
    }
    record(&mut tx, &call, "rule.delete", id, json!({})).await?;
    tx.commit().await?;
    Ok(no_content())
}

/// The body of a run; empty means each rule's own look-back.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    /// ISO 8601 duration: look back at least so far, for telemetry that was loaded late.
    lookback: Option<String>,
}

/// Runs every enabled rule now.
pub(crate) async fn run(mut call: Call) -> Result<Response, ApiError> {
    let body = call.bytes().await?;
    let run: Run = if body.is_empty() {
        Run::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| ApiError::new(Kind::InvalidBody, error.to_string()))?
    };
    let now = call.app.clock.ticks();
    let lookback = match run.lookback {
        None => None,
        Some(text) => {
            let (start, end) = timespan::parse(&text, now)
                .map_err(|error| ApiError::new(Kind::InvalidInput, error.to_string()))?;
            Some((end - start) / time::TICKS_PER_MICRO)
        }
    };
    let _place = call.app.lanes.rule_runs.enter(call.tenant()).await?;
    let outcomes = detection::run(&call.app, call.tenant(), Which::Every(lookback)).await?;
    let value: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            json!({
                "ruleId": outcome.rule_id,
                "hits": outcome.hits,
                "newAlerts": outcome.new_alerts,
                "newIncidents": outcome.new_incidents,
                "error": outcome.error,
                "remark": outcome.remark,
            })
        })
        .collect();
    let body: Collection<Value> = Collection {
        context: None,
        count: None,
        value,
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

fn wire(rule: &StoredRule, state: Option<&RuleState>) -> Value {
    let parsed = Rule::parse(&rule.source).ok();
    json!({
        "id": rule.id,
        "title": parsed.as_ref().map(|rule| &rule.title),
        "severity": parsed.as_ref().map(|rule| rule.severity.as_str()),
        "enabled": rule.enabled,
        "source": rule.source,
        "createdDateTime": Timestamp::from_unix_micros(rule.created),
        "lastModifiedDateTime": Timestamp::from_unix_micros(rule.updated),
        "lastRunDateTime": state.and_then(|state| state.last_run).map(Timestamp::from_unix_micros),
        "lastRunOutcome": state.map(|state| &state.outcome),
        "failures": state.map_or(0, |state| state.failures),
        "nextTryDateTime": state.and_then(|state| state.next_try).map(Timestamp::from_unix_micros),
        "remark": state.and_then(remark),
    })
}

/// What a rule has yet to do, in words.
fn remark(state: &RuleState) -> Option<String> {
    let late = state.backlog.map(|backlog| {
        let from = ticks_from_unix_micros(backlog.from);
        let from = format_iso8601_trimmed(from);
        format!("late telemetry from {from} on is still to be examined")
    });
    match (&state.remark, late) {
        (Some(remark), Some(late)) => Some(format!("{remark}; {late}")),
        (remark, late) => late.or_else(|| remark.clone()),
    }
}
