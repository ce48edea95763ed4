//! Lasting WMI subscriptions: Sysmon 19 (filter), 20 (consumer), 21 (binding) and WMI's own 5861.
//! A subscription is one row, written when filter and consumer are bound.

use std::collections::BTreeMap;

use super::Verdict;
use super::context::Context;
use crate::correlator::processes::Process;
use crate::parse::account::Account;
use crate::reject::{RejectReason, SkipReason};
use crate::row::AdditionalFields;

/// Sysmon 19 and 20: kept until the binding names them.
pub(super) fn part(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    if let Some(name) = cx.event.get("Name") {
        let key = (cx.host, unquoted(name).to_lowercase());
        let fields: BTreeMap<String, String> = ["Query", "EventNamespace", "Type", "Destination"]
            .iter()
            .filter_map(|n| Some(((*n).to_owned(), cx.event.get(n)?.to_owned())))
            .collect();
        cx.state.wmi.insert(key, fields);
    }
    Ok(Verdict::Skip(SkipReason::Held))
}

/// Sysmon 21.
pub(super) fn binding(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let (filter, consumer) = (cx.event.get("Filter"), cx.event.get("Consumer"));
    let mut more = AdditionalFields::new()
        .text("Filter", filter)
        .text("Consumer", consumer);
    for path in [filter, consumer].into_iter().flatten() {
        let key = (cx.host, object_name(path).to_lowercase());
        let Some(known) = cx.state.wmi.get(&key) else {
            continue;
        };
        for (name, value) in known {
            more = more.text(name, Some(value));
        }
    }
    row(cx, cx.event.get("User").and_then(Account::from_user), &more)
}

/// WMI-Activity 5861.
pub(super) fn binding_reported(cx: &mut Context<'_>) -> Result<Verdict, RejectReason> {
    let event = cx.event;
    let more = AdditionalFields::new()
        .text("EventNamespace", event.get("Namespace"))
        .text("Filter", event.get("ESS"))
        .text("Consumer", event.get("CONSUMER"))
        .text("Detail", event.get("PossibleCause"));
    row(cx, event.header_user.clone(), &more)
}

fn row(
    cx: &mut Context<'_>,
    account: Option<Account>,
    more: &AdditionalFields,
) -> Result<Verdict, RejectReason> {
    let mut row = cx.action("DeviceEvents", "WmiBindEventFilterToConsumer")?;
    cx.initiator(
        &mut row,
        &Process {
            account,
            ..Process::default()
        },
    );
    row.additional(more);
    Ok(row.finish().into())
}

/// `\\.\ROOT\subscription:__EventFilter.Name="x"` is the object `x`.
fn object_name(path: &str) -> &str {
    path.rsplit_once("Name=")
        .map_or(path, |(_, name)| unquoted(name))
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names() {
        assert_eq!(
            object_name(r#"\\.\ROOT\subscription:__EventFilter.Name="Updater""#),
            "Updater"
        );
        assert_eq!(object_name(" \"Updater\""), " \"Updater\"");
    }
}
