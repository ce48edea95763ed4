//! Running a rule's query over one stretch of time, and making alerts of all its hits.

use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::time::{format_iso8601_trimmed, parse_iso8601, ticks_from_unix_micros};
use bartizan_contract::value::Value;
use bartizan_hunting::{
    HuntError, HuntRequest, HuntResult, Limits, Reach, ResultTable, TenantTables, TimeWindow,
};
use bartizan_kql::types::Type;
use bartizan_security::detection::{Hit, drafts};
use bartizan_security::rule::Rule;
use bartizan_store::StoreError;
use bartizan_store::arrivals::Span;
use bartizan_store::detections::{self, Recorded};
use bartizan_store::rules;
use serde_json::Value as Json;

use super::windows::{OPEN, halves};
use crate::app::App;
use crate::handlers::own::functions;

/// Alerts whose activity lies at most this far apart can be one incident, in microseconds (one day).
const CORRELATION_WINDOW: i64 = 86_400_000_000;
/// Hits that one query gives; a window with more is examined in halves.
const PAGE: usize = 10_000;
/// The most hits of one window that become alerts; documented custom detections stop at 150. What lies behind is told.
const MAX_HITS: usize = 100_000;
/// Hits that are recorded in one transaction.
const CHUNK: usize = 1_000;
/// How often a run's alerts are written again after an analyst changed an incident meanwhile.
const TRIES: usize = 5;

/// What the examination of a window came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Rows that the query gave.
    pub(super) hits: usize,
    /// Alerts that were not there before.
    pub(super) new_alerts: usize,
    /// Incidents that were not there before.
    pub(super) new_incidents: usize,
    /// What was left undone.
    pub(super) remark: Option<String>,
}

/// Who is examined by what, and when.
#[derive(Clone, Copy)]
pub(super) struct Examination<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) tenant: TenantId,
    pub(super) rule: &'a Rule,
    /// When the rule was first stored, microseconds.
    pub(super) created: i64,
    /// Microseconds since 1970.
    pub(super) now: i64,
}

impl Examination<'_> {
    /// Examines a window. Of a window with very many hits the halves are examined, and theirs; a query that counts
    /// over time may then miss what only the whole would have shown.
    pub(super) async fn of(self, window: Span) -> Result<Found, String> {
        let mut found = Found::default();
        let mut pending = vec![window];
        while let Some(part) = pending.pop() {
            let room = MAX_HITS - found.hits;
            let parts = halves(part, self.now);
            let limit = if parts.is_some() {
                PAGE.min(room)
            } else {
                room
            };
            let result = match (self.hunt(part, self.now.min(window.to), limit).await, parts) {
                (
                    Ok(HuntResult {
                        truncated: true, ..
                    })
                    | Err(HuntError::ResultTooLarge),
                    Some((early, late)),
                ) if room > PAGE => {
                    pending.extend([late, early]);
                    continue;
                }
                (result, _) => result.map_err(|error| error.to_string())?,
            };
            self.record_all(&result, &mut found).await?;
            if result.truncated || (found.hits >= MAX_HITS && !pending.is_empty()) {
                found.remark = Some(format!(
                    "more than {MAX_HITS} hits between {} and {}: those after {} made no alerts; narrow the query",
                    told(window.from),
                    told(window.to),
                    told(part.from),
                ));
                break;
            }
        }
        Ok(found)
    }

    /// `asked` is what the query calls now: the end of the whole window, which may have been long ago.
    async fn hunt(
        self,
        window: Span,
        asked: i64,
        max_rows: usize,
    ) -> Result<HuntResult, HuntError> {
        let mut tx = self.app.store.read().await.map_err(internal)?;
        let functions = functions::called(&mut tx, self.tenant, &self.rule.query).await;
        let functions = functions.map_err(internal)?;
        drop(tx);
        let ticks = |micros: i64| match micros {
            OPEN => i64::MAX,
            micros => ticks_from_unix_micros(micros),
        };
        let request = HuntRequest {
            query: self.rule.query.clone(),
            now_ticks: ticks_from_unix_micros(asked),
            timespan: Some(TimeWindow {
                start: ticks(window.from),
                // The last microsecond with all its ticks.
                end: ticks(window.to).saturating_add(9),
            }),
            limits: Limits {
                max_rows,
                ..self.app.settings.hunts.of_a_hunt(180)
            },
            tables: Arc::new(
                TenantTables::new(Arc::clone(&self.app.events), self.tenant, Reach::All)
                    .with_functions(&self.rule.query, &functions),
            ),
        };
        self.app.engine.run(request).await
    }

    async fn record_all(self, result: &HuntResult, found: &mut Found) -> Result<(), String> {
        let columns: Vec<String> = result
            .table
            .columns
            .iter()
            .map(|c| c.name.clone())
            .collect();
        let rows = rows(&result.table);
        for chunk in rows.chunks(CHUNK) {
            let recorded = self.record(&columns, chunk).await;
            let recorded = recorded.map_err(|error| error.to_string())?;
            metrics::counter!("bartizan_alerts_total").increment(recorded.new_alerts.len() as u64);
            found.new_alerts += recorded.new_alerts.len();
            found.new_incidents += recorded.new_incidents.len();
        }
        found.hits += rows.len();
        Ok(())
    }

    async fn record(self, columns: &[String], rows: &[Vec<Value>]) -> Result<Recorded, StoreError> {
        let mut tries = 0;
        loop {
            let hits = rows.iter().map(|values| Hit { columns, values });
            let drafts = drafts(self.rule, hits, self.now);
            let mut tx = self.app.store.write_aside().await?;
            let (tenant, now) = (self.tenant, self.now);
            // What was deleted while its query ran raises no alert any more.
            if !rules::hold(&mut tx, tenant, &self.rule.id, self.created).await? {
                return Err(StoreError::Missing("detection rule"));
            }
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
}

fn internal(error: StoreError) -> HuntError {
    HuntError::Internal(error.to_string())
}

fn told(micros: i64) -> String {
    match micros {
        OPEN => "now".to_owned(),
        micros => format_iso8601_trimmed(ticks_from_unix_micros(micros)),
    }
}

/// A table's rows as values.
fn rows(table: &ResultTable) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    table.for_each_row(|json| {
        // The engine wrote this JSON: it parses.
        if let Ok(Json::Object(row)) = serde_json::from_slice::<Json>(json) {
            let values = table.columns.iter().map(|column| {
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
