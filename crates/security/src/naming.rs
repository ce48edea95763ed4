//! What an incident is called and how bad it is, from the alerts that it holds.

use std::collections::BTreeSet;

use crate::alert::Alert;
use crate::evidence::Entity;
use crate::incident::Incident;
use crate::vocabulary::{Category, Severity};

/// The name of an incident with these alerts, such as `Multi-stage incident involving Execution &
/// Persistence on one endpoint`.
#[must_use]
pub fn incident_name(alerts: &[Alert]) -> String {
    let titles: BTreeSet<&str> = alerts.iter().map(|a| a.title.as_str()).collect();
    let categories: BTreeSet<Category> = alerts.iter().map(|a| a.category).collect();
    let place = place(alerts);
    if titles.len() == 1 {
        return format!("{}{place}", titles.into_iter().collect::<String>());
    }
    match (categories.first(), categories.last()) {
        (Some(first), Some(last)) if first != last => {
            let (first, last) = (first.phrase(), last.phrase());
            format!("Multi-stage incident involving {first} & {last}{place}")
        }
        (Some(only), _) => format!("{} incident{place}", only.phrase()),
        _ => "Incident".to_owned(),
    }
}

/// Where it happened: on how many devices, or else involving how many users.
fn place(alerts: &[Alert]) -> &'static str {
    let evidence = || alerts.iter().flat_map(|a| &a.evidence);
    let devices: BTreeSet<&str> = alerts
        .iter()
        .filter_map(|a| a.device_id.as_ref())
        .chain(evidence().filter_map(|e| e.device_id.as_ref()))
        .map(|d| d.as_str())
        .collect();
    let users: BTreeSet<String> = evidence()
        .filter_map(|e| match &e.entity {
            Entity::User(user) => user.correlation_key(),
            _ => None,
        })
        .collect();
    match (devices.len(), users.len()) {
        (1, _) => " on one endpoint",
        (0, 0) => "",
        (0, 1) => " involving one user",
        (0, _) => " involving multiple users",
        _ => " on multiple endpoints",
    }
}

/// Brings an incident up to date with the alerts that it holds now: name, severity, times. True
/// when anything changed; `last_update` is the caller's, as the set of alerts may have changed
/// without that showing here.
pub fn summarise(incident: &mut Incident, alerts: &[Alert]) -> bool {
    if alerts.is_empty() {
        return false;
    }
    let before = incident.clone();
    incident.name = incident_name(alerts);
    incident.severity = alerts
        .iter()
        .map(|a| a.severity)
        .max()
        .unwrap_or(Severity::UnSpecified);
    let first = alerts.iter().map(|a| a.first_activity).min();
    let last = alerts.iter().map(|a| a.last_activity).max();
    incident.first_activity = first.unwrap_or(incident.first_activity);
    incident.last_activity = last.unwrap_or(incident.last_activity);
    *incident != before
}
