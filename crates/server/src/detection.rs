//! Running detection rules: the same path as a hunt, then alerts and incidents in one transaction.
//!
//! A rule examines a regular window that ends now. What came in late, so that no regular window would reach it, is its
//! backlog (`store::arrivals` tells), and is examined in windows of the past, some in every pass. So every event that
//! was acknowledged is looked at, unless it is older than the 30 days that hunts look back. Looking at an event twice
//! does no harm: alerts are deduplicated.

mod examine;
mod windows;

use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_hunting::{FunctionText, Reach, with_functions};
use bartizan_security::rule::Rule;
use bartizan_store::StoreError;
use bartizan_store::arrivals::{self, Span, Unseen};
use bartizan_store::rules::{self, RuleState, StoredRule};

use crate::app::App;
use crate::handlers::hunting::LOOK_BACK_MICROS;
use examine::{Examination, Found};
use windows::{OPEN, Pace, joined, late};

/// Windows of the past that one pass of a rule examines; the next pass goes on.
const CATCH_UP: usize = 48;
/// A rule that failed is tried again after a minute, then after twice as long each time, up to an hour.
const FIRST_RETRY: i64 = 60_000_000;
const LAST_RETRY: i64 = 3_600_000_000;

/// Which rules to run.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// Every enabled rule, over its own look-back or a longer one, in microseconds.
    Every(Option<i64>),
    /// Those whose frequency has passed since their last run, and those with a backlog; each takes a place of its lane.
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
    /// What it left undone, when it did.
    pub remark: Option<String>,
}

/// What is wrong with a rule's query, which may call the tenant's functions, and columns of its mapping that the query does not give.
pub(crate) fn check(rule: &Rule, functions: &[FunctionText]) -> Vec<String> {
    let parsed = bartizan_kql::parse(&rule.query);
    let scope = with_functions(Reach::All.scope(), &rule.query, functions);
    let bound = bartizan_kql::bind(&parsed.query, &scope);
    let errors = parsed
        .diagnostics
        .iter()
        .chain(&bound.diagnostics)
        .filter(|d| d.is_error());
    let mut problems: Vec<String> = errors
        .map(|d| {
            let (line, column) = bartizan_kql::line_column(&rule.query, d.span.start);
            format!("Query, line {line}, column {column}: {}", d.text())
        })
        .collect();
    if problems.is_empty() {
        if bound
            .query
            .as_ref()
            .is_some_and(|query| !query.further.is_empty())
        {
            problems.push("The query gives several tables; the hits of a rule are one: leave out 'fork' or 'facet'.".to_owned());
        }
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
    let mut tx = app.store.read().await?;
    let stored = rules::list(&mut tx, tenant).await?;
    let states = rules::states(&mut tx, tenant).await?;
    drop(tx);
    let mut outcomes = Vec::new();
    for rule in stored.iter().filter(|rule| rule.enabled) {
        let known = states.iter().find(|state| state.rule_id == rule.id);
        let state = known.cloned().unwrap_or_else(|| RuleState {
            rule_id: rule.id.clone(),
            ..RuleState::default()
        });
        let pass = Pass {
            app,
            tenant,
            now: app.clock.unix_micros(),
            created: rule.created,
            state,
            found: Found::default(),
        };
        outcomes.extend(pass.run(rule, which).await);
    }
    Ok(outcomes)
}

/// What of a rule is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Work {
    regular: bool,
    backlog: bool,
}

impl Work {
    fn due(state: &RuleState, frequency: i64, now: i64) -> Self {
        let waits = state.next_try.is_some_and(|at| now < at);
        let passed = state.last_run.is_none_or(|last| now - last >= frequency);
        Self {
            regular: passed && !waits,
            backlog: state.backlog.is_some() && !waits,
        }
    }
}

/// One rule's turn.
struct Pass<'a> {
    app: &'a Arc<App>,
    tenant: TenantId,
    now: i64,
    /// When the rule was first stored: which of its id it is.
    created: i64,
    state: RuleState,
    found: Found,
}

impl Pass<'_> {
    /// Nothing when the rule is not due.
    async fn run(mut self, stored: &StoredRule, which: Which) -> Option<Outcome> {
        let rule = Rule::parse(&stored.source).map_err(|error| error.to_string());
        let frequency = rule.as_ref().map_or(0, |rule| rule.frequency);
        let work = match which {
            Which::Every(_) => Work {
                regular: true,
                backlog: true,
            },
            Which::Due => Work::due(&self.state, frequency, self.now),
        };
        if !work.regular && !work.backlog {
            return None;
        }
        let _lane = match which {
            Which::Every(_) => None,
            Which::Due => Some(self.app.lanes.rule_runs.wait(self.tenant).await),
        };
        let result = match &rule {
            Ok(rule) => {
                let lookback = match which {
                    Which::Every(Some(lookback)) => lookback.max(rule.lookback),
                    Which::Every(None) | Which::Due => rule.lookback,
                };
                self.examine(rule, lookback, work).await
            }
            Err(error) => Err(error.clone()),
        };
        Some(self.end(result).await)
    }

    /// The regular window first, since what happens now matters most, then the backlog. The state in memory moves with
    /// what was done, so that a failure in between loses nothing of it.
    async fn examine(&mut self, rule: &Rule, lookback: i64, work: Work) -> Result<(), String> {
        let examination = Examination {
            app: self.app,
            tenant: self.tenant,
            rule,
            created: self.created,
            now: self.now,
        };
        let bound = self.now - LOOK_BACK_MICROS;
        let regular = self.now - lookback;
        if work.regular {
            // Read before the query's snapshot: what arrives in between has a higher number and is seen next time.
            let unseen = self.unseen(bound).await.map_err(|e| e.to_string())?;
            let window = Span {
                from: regular,
                to: OPEN,
            };
            self.add(examination.of(window).await?);
            self.state.last_run = Some(self.now);
            self.state.watermark = unseen.number;
            self.state.backlog = joined(self.state.backlog, late(unseen.span, regular, bound));
        }
        let pace = Pace::new(rule.lookback, rule.frequency, self.now - rule.lookback);
        for _ in 0..CATCH_UP {
            let Some(backlog) = self.state.backlog else {
                break;
            };
            let Some((window, rest)) = pace.next(backlog) else {
                self.state.backlog = None;
                break;
            };
            self.add(examination.of(window).await?);
            self.state.backlog = Some(rest);
        }
        Ok(())
    }

    async fn unseen(&self, since: i64) -> Result<Unseen, StoreError> {
        let mut tx = self.app.store.read().await?;
        arrivals::unseen(&mut tx, self.tenant, self.state.watermark, since).await
    }

    fn add(&mut self, found: Found) {
        self.found.hits += found.hits;
        self.found.new_alerts += found.new_alerts;
        self.found.new_incidents += found.new_incidents;
        self.found.remark = found.remark.or(self.found.remark.take());
    }

    /// Writes down how it went.
    async fn end(mut self, result: Result<(), String>) -> Outcome {
        let mut error = result.err();
        let state = &mut self.state;
        match &error {
            None => {
                "success".clone_into(&mut state.outcome);
                state.remark.clone_from(&self.found.remark);
                (state.failures, state.next_try) = (0, None);
            }
            Some(error) => {
                tracing::warn!(rule_id = state.rule_id, %error, "detection rule failed");
                state.outcome.clone_from(error);
                state.next_try = Some(self.now + retry_after(state.failures));
                state.failures += 1;
            }
        }
        if let Err(failure) = self.remember().await {
            tracing::error!(rule_id = self.state.rule_id, error = %failure, "a rule's state is lost");
            error.get_or_insert_with(|| failure.to_string());
        }
        Outcome {
            rule_id: self.state.rule_id,
            hits: self.found.hits,
            new_alerts: self.found.new_alerts,
            new_incidents: self.found.new_incidents,
            error,
            remark: self.found.remark,
        }
    }

    /// Of a rule that was deleted meanwhile nothing is kept.
    async fn remember(&self) -> Result<(), StoreError> {
        let mut tx = self.app.store.write_aside().await?;
        if rules::put_state(&mut tx, self.tenant, self.created, &self.state).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

/// How long to wait after so many failures before this one, in microseconds.
fn retry_after(failures: i64) -> i64 {
    let doublings = failures.clamp(0, 16) as u32;
    (FIRST_RETRY << doublings).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_due_by_its_frequency_and_after_a_failure_by_patience() {
        let due = |state: &RuleState, now| Work::due(state, 100, now);
        let mut state = RuleState::default();
        assert!(due(&state, 0).regular, "it never ran");
        state.last_run = Some(50);
        assert!(!due(&state, 149).regular && due(&state, 150).regular);
        state.next_try = Some(200);
        state.backlog = Some(Span { from: 1, to: 2 });
        let waiting = due(&state, 199);
        assert!(!waiting.regular && !waiting.backlog);
        let patient = due(&state, 200);
        assert!(patient.regular && patient.backlog);
        let minutes: Vec<i64> = (0..8).map(|n| retry_after(n) / 60_000_000).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
