//! Running detection rules: the same path as a hunt, then alerts and incidents in one transaction.

use std::sync::Arc;
use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_contract::time::{parse_iso8601, ticks_from_unix_micros};
use bartizan_contract::value::Value;
use bartizan_hunting::{HuntRequest, HuntResult, Limits, Reach, TenantTables, TimeWindow};
use bartizan_kql::types::Type;
use bartizan_security::detection::{Hit, drafts};
use bartizan_security::rule::Rule;
use bartizan_store::detections::{self, Recorded};
use bartizan_store::rules::{self, RuleState};
use bartizan_store::{StoreError, tenants};
use serde_json::Value as Json;

use crate::app::App;

/// Alerts whose activity lies at most this far apart can be one incident, in microseconds (one day).
const CORRELATION_WINDOW: i64 = 86_400_000_000;
/// The most hits that one run of a rule makes alerts of; the documented ceiling of custom detections is 150.
const MAX_HITS: usize = 1_000;
/// How often a run's alerts are written again after an analyst changed an incident meanwhile.
const TRIES: usize = 5;

/// Which rules to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Every enabled rule, over its own look-back or a longer one, in microseconds.
    Every(Option<i64>),
    /// Those whose frequency has passed since their last run.
    Due,
}

/// What running a rule came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The rule.
    pub rule_id: String,
    /// Rows that its query gave.
    pub hits: usize,
    /// Alerts that were not there before.
    pub new_alerts: usize,
    /// Incidents that were not there before.
    pub new_incidents: usize,
    /// Why it failed, when it did.
    pub error: Option<String>,
}

/// What is wrong with a rule's query, and columns of its mapping that the query does not give.
pub(crate) fn check(rule: &Rule) -> Vec<String> {
    let parsed = bartizan_kql::parse(&rule.query);
    let scope = Reach::All.scope();
    let bound = bartizan_kql::bind(&parsed.query, &scope);
    let errors = parsed
        .diagnostics
        .iter()
        .chain(&bound.diagnostics)
        .filter(|d| d.is_error());
    let mut problems: Vec<String> = errors
        .map(|d| {
            let (line, column) = bartizan_kql::line_column(&rule.query, d.span.start);
            format!("Query, line {line}, column {column}: {}", d.message)
        })
        .collect();
    if problems.is_empty() {
        let columns = bound
            .query
            .map(|query| query.plan.columns)
            .unwrap_or_default();
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let mapped = rule
            .entities
            .iter()
            .flat_map(|entity| entity.named_columns().map(str::to_owned));
        let wanted = mapped.chain(rule.dedup_columns.iter().cloned());
        problems.extend(
            wanted
                .filter(|name| !has(name))
                .map(|name| format!("The query gives no column '{name}'.")),
        );
    }
    problems
}

/// Runs a tenant's rules one after the other; a rule that fails is told in its outcome and stops no other.
pub(crate) async fn run(
    app: &Arc<App>,
    tenant: TenantId,
    which: Which,
) -> Result<Vec<Outcome>, StoreError> {
    let now = app.clock.unix_micros();
    let mut tx = app.store.read().await?;
    let stored = rules::list(&mut tx, tenant).await?;
    let states = rules::states(&mut tx, tenant).await?;
    drop(tx);
    let mut outcomes = Vec::new();
    for rule in stored.iter().filter(|rule| rule.enabled) {
        let parsed = match Rule::parse(&rule.source) {
            Ok(parsed) => parsed,
            Err(error) => {
                outcomes.push(failed(&rule.id, error.to_string()));
                continue;
            }
        };
        let last = states
            .iter()
            .find(|state| state.rule_id == rule.id)
            .map(|state| state.last_run);
        if which == Which::Due && last.is_some_and(|last| now - last < parsed.frequency) {
            continue;
        }
        let lookback = match which {
            Which::Every(Some(lookback)) => lookback.max(parsed.lookback),
            Which::Every(None) | Which::Due => parsed.lookback,
        };
        let outcome = run_one(app, tenant, &parsed, lookback, now)
            .await
            .unwrap_or_else(|error| failed(&rule.id, error));
        remember(app, tenant, &outcome, now).await?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

fn failed(rule_id: &str, error: String) -> Outcome {
    tracing::warn!(rule_id, %error, "detection rule failed");
    Outcome {
        rule_id: rule_id.to_owned(),
        hits: 0,
        new_alerts: 0,
        new_incidents: 0,
        error: Some(error),
    }
}

async fn run_one(
    app: &Arc<App>,
    tenant: TenantId,
    rule: &Rule,
    lookback: i64,
    now: i64,
) -> Result<Outcome, String> {
    let ticks = ticks_from_unix_micros(now);
    let request = HuntRequest {
        query: rule.query.clone(),
        now_ticks: ticks,
        timespan: Some(TimeWindow {
            start: ticks - lookback * 10,
            end: i64::MAX,
        }),
        limits: Limits {
            max_rows: MAX_HITS,
            timeout: Duration::from_secs(180),
            memory: app.settings.hunt_memory_mib as usize * 1024 * 1024,
            ..Limits::default()
        },
        tables: Arc::new(TenantTables::new(
            Arc::clone(&app.events),
            tenant,
            Reach::All,
        )),
    };
    let result = app
        .engine
        .run(request)
        .await
        .map_err(|error| error.to_string())?;
    let columns: Vec<String> = result
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let rows = rows(&result);
    let recorded = record(app, tenant, rule, &columns, &rows, now)
        .await
        .map_err(|e| e.to_string())?;
    metrics::counter!("bartizan_alerts_total").increment(recorded.new_alerts.len() as u64);
    Ok(Outcome {
        rule_id: rule.id.clone(),
        hits: rows.len(),
        new_alerts: recorded.new_alerts.len(),
        new_incidents: recorded.new_incidents.len(),
        error: None,
    })
}

async fn record(
    app: &Arc<App>,
    tenant: TenantId,
    rule: &Rule,
    columns: &[String],
    rows: &[Vec<Value>],
    now: i64,
) -> Result<Recorded, StoreError> {
    let mut tries = 0;
    loop {
        let hits = rows.iter().map(|values| Hit { columns, values });
        let drafts = drafts(rule, hits, now);
        let mut tx = app.store.write().await?;
        match detections::record(&mut tx, tenant, drafts, now, CORRELATION_WINDOW).await {
            Ok(recorded) => {
                tx.commit().await?;
                return Ok(recorded);
            }
            Err(StoreError::Changed(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn remember(
    app: &Arc<App>,
    tenant: TenantId,
    outcome: &Outcome,
    now: i64,
) -> Result<(), StoreError> {
    let state = RuleState {
        rule_id: outcome.rule_id.clone(),
        watermark: now,
        last_run: now,
        outcome: outcome
            .error
            .clone()
            .unwrap_or_else(|| "success".to_owned()),
    };
    let mut tx = app.store.write().await?;
    rules::put_state(&mut tx, tenant, &state).await?;
    tx.commit().await
}

/// Runs the rules that are due, of every tenant.
pub(crate) async fn run_due(app: &Arc<App>) -> Result<(), StoreError> {
    let mut tx = app.store.read().await?;
    let tenants = tenants::list(&mut tx).await?;
    drop(tx);
    for tenant in tenants {
        let _place = app.lanes.rule_runs.wait(tenant.id).await;
        run(app, tenant.id, Which::Due).await?;
    }
    Ok(())
}

/// A result's rows as values.
fn rows(result: &HuntResult) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    result.for_each_row(|json| {
        // The engine wrote this JSON: it parses.
        if let Ok(Json::Object(row)) = serde_json::from_slice::<Json>(json) {
            let values = result.columns.iter().map(|column| {
                row.get(&column.name)
                    .map_or(Value::Null, |value| of_json(column.ty, value))
            });
            rows.push(values.collect());
        }
    });
    rows
}

fn of_json(ty: Type, json: &Json) -> Value {
    match (ty, json) {
        (_, Json::Null) => Value::Null,
        (Type::DateTime, Json::String(text)) => {
            parse_iso8601(text).map_or(Value::Null, Value::DateTime)
        }
        (Type::Dynamic, value) => Value::Dynamic(value.to_string()),
        (_, Json::Bool(value)) => Value::Bool(*value),
        (_, Json::Number(number)) => match number.as_i64() {
            Some(value) => Value::Long(value),
            None => Value::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        (_, Json::String(text)) => Value::String(text.clone()),
        (_, value) => Value::String(value.to_string()),
    }
}
