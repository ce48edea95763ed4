//! What secrets and certificates of applications have in common: how they are listed, found by name, and how long they
//! last.

use std::collections::HashMap;

use bartizan_contract::graph::{Application, KeyCredential, PasswordCredential};
use bartizan_contract::time::Timestamp;
use bartizan_sdk::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::exit::Failure;
use crate::printer::at;

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// When it is now.
pub(super) fn now() -> Result<Timestamp, Failure> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_err(Failure::general)?;
    Ok(Timestamp::from_unix_micros(now.as_micros() as i64))
}

/// So many seconds from then on.
pub(super) fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000);
    Timestamp::from_unix_micros(start.unix_micros().saturating_add(micros))
}

/// When credentials were used last, by their ids: of a server that knows it. Who may not read it, or asks a cloud, gets
/// the list without.
pub(super) async fn last_used(client: &Client) -> Result<HashMap<String, Value>, Failure> {
    if client.cloud().name != "own" {
        return Ok(HashMap::new());
    }
    match client.directory().credentials().await {
        Ok(rows) => {
            let rows = rows.into_iter();
            Ok(rows
                .map(|row| (at(&row, "id"), row["lastUsedDateTime"].clone()))
                .collect())
        }
        Err(error)
            if error
                .status()
                .is_some_and(|status| status.is_client_error()) =>
        {
            Ok(HashMap::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// A secret as it is listed.
pub(super) fn secret(
    secret: &PasswordCredential,
    used: &HashMap<String, Value>,
    now: Timestamp,
) -> Value {
    let mut row = json!(secret);
    complete(&mut row, secret.end_date_time, used, now);
    row["kind"] = json!("secret");
    row
}

/// A certificate as it is listed.
pub(super) fn certificate(
    key: &KeyCredential,
    used: &HashMap<String, Value>,
    now: Timestamp,
) -> Value {
    let mut row = json!(key);
    complete(&mut row, key.end_date_time, used, now);
    row["kind"] = json!("certificate");
    row["thumbprint"] = json!(thumbprint(key));
    row
}

fn complete(
    row: &mut Value,
    end: Option<Timestamp>,
    used: &HashMap<String, Value>,
    now: Timestamp,
) {
    let id = at(row, "keyId");
    row["lastUsedDateTime"] = used.get(&id).cloned().unwrap_or(Value::Null);
    let left = end.map(|end| end.unix_micros() - now.unix_micros());
    row["daysLeft"] = json!(left.map(|left| left.div_euclid(DAY)));
}

/// What the list says of the time that is left.
pub(super) fn left(row: &Value) -> String {
    match row["daysLeft"].as_i64() {
        None => String::new(),
        Some(days) if days < 0 => "expired".to_owned(),
        Some(0) => "less than a day".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
    }
}

/// The SHA-1 thumbprint in hexadecimal digits, as other tools show it.
pub(super) fn thumbprint(key: &KeyCredential) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD
        .decode(key.custom_key_identifier.as_deref()?)
        .ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
}

/// The id of the one credential that `wanted` names: its id or a name of it.
pub(super) fn named(
    wanted: &str,
    all: &[(Uuid, Vec<Option<String>>)],
    what: &str,
    application: &Application,
) -> Result<Uuid, Failure> {
    let id = wanted.parse::<Uuid>().ok();
    let is = |(key, names): &&(Uuid, Vec<Option<String>>)| {
        let mut names = names.iter().flatten();
        Some(*key) == id || names.any(|name| name.eq_ignore_ascii_case(wanted))
    };
    let found: Vec<_> = all.iter().filter(is).collect();
    match found.as_slice() {
        [(key, _)] => Ok(*key),
        [] => Err(Failure::not_found(format!(
            "the application has no {what} {wanted}; `bartizan app {what} list {}` shows those it has",
            application.app_id
        ))),
        several => Err(Failure::usage(format!(
            "{} are named {wanted}; use the key id, which `bartizan app {what} list {}` shows",
            several.len(),
            application.app_id
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_in_days() {
        let days = |days: i64| left(&json!({ "daysLeft": days }));
        assert_eq!(days(-1), "expired");
        assert_eq!(days(0), "less than a day");
        assert_eq!(days(29), "29 days");
        let now = Timestamp::from_unix_micros(10 * DAY);
        let mut row = json!({ "keyId": "k" });
        complete(
            &mut row,
            Some(Timestamp::from_unix_micros(10 * DAY - 1)),
            &HashMap::new(),
            now,
        );
        assert_eq!(row["daysLeft"], -1);
        assert_eq!(after(now, 86_400).unix_micros(), 11 * DAY);
    }
}
