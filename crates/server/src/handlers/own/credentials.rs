//! `/bartizan/v1/credentials`: what the applications of the caller's tenant may prove themselves by, until when, and
//! when each was used last; and letting a secret end early, after it was replaced. Graph's objects have no room for the
//! one, its calls none for the other.

use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::credentials::{self, ApplicationCredentials};
use bartizan_store::directory::passwords::{self, PasswordCredential};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::{Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::{not_operator, record};

/// The body of a change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct End {
    end_date_time: Timestamp,
}

/// Lists credentials; `appId` in the query chooses an application.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let wanted = call.query_param("appId");
    // Uses are written beside the requests; who asks now wants those before it, too.
    call.app.trail.flush().await;
    let mut tx = call.app.store.read().await?;
    let all = credentials::of_tenant(&mut tx, call.tenant()).await?;
    drop(tx);
    let chosen = all
        .iter()
        .filter(|(app, _)| wanted.is_none_or(|id| app.app_id.to_string().eq_ignore_ascii_case(id)));
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value: chosen.flat_map(|(app, known)| wire(app, known)).collect(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// Lets a secret end earlier than it would: what is in use can be replaced before it goes. A later end would keep alive
/// what may have leaked; that takes a new secret.
pub(crate) async fn end(mut call: Call) -> Result<Response, ApiError> {
    let end: End = call.json().await?;
    let wanted = call.param("id").to_owned();
    let mut tx = call.app.store.write().await?;
    let all = credentials::of_tenant(&mut tx, call.tenant()).await?;
    let found = all.iter().find_map(|(app, known)| {
        let named = |c: &&PasswordCredential| c.key_id.to_string().eq_ignore_ascii_case(&wanted);
        known.passwords.iter().find(named).map(|c| (app, c))
    });
    let Some((app, secret)) = found else {
        return Err(ApiError::not_found("Secret", wanted));
    };
    not_operator(&call, app.app_id)?;
    let micros = end.end_date_time.unix_micros();
    let (tenant, key) = (call.tenant(), secret.key_id);
    if !passwords::end_earlier(&mut tx, tenant, app.id, key, micros).await? {
        // Read again: another call may have been between.
        let kept = passwords::list(&mut tx, tenant, app.id).await?;
        return Err(match kept.iter().find(|c| c.key_id == key) {
            None => ApiError::not_found("Secret", wanted),
            Some(secret) => ApiError::new(
                Kind::InvalidInput,
                format!(
                    "The secret ends at {}, and only an earlier end can be set; add a new secret instead.",
                    Timestamp::from_unix_micros(secret.end)
                ),
            ),
        });
    }
    let details = json!({
        "keyId": secret.key_id,
        "displayName": secret.display_name,
        "endDateTime": end.end_date_time,
    });
    record(&mut tx, &call, "application.password.end", app.id, details).await?;
    tx.commit().await?;
    let ended = PasswordCredential {
        end: micros,
        ..secret.clone()
    };
    answer(StatusCode::OK, &secret_wire(app, &ended))
}

/// A row of the listing; `end` and `last` in microseconds.
fn row(
    app: &Application,
    kind: &str,
    id: Uuid,
    name: Option<&str>,
    (end, last): (Option<i64>, Option<i64>),
) -> Value {
    let time = Timestamp::from_unix_micros;
    json!({
        "appId": app.app_id,
        "appDisplayName": app.display_name,
        "kind": kind,
        "id": id,
        "displayName": name,
        "endDateTime": end.map(time),
        "lastUsedDateTime": last.map(time),
    })
}

fn secret_wire(app: &Application, secret: &PasswordCredential) -> Value {
    let name = secret.display_name.as_deref();
    let times = (Some(secret.end), secret.last_used);
    let mut row = row(app, "secret", secret.key_id, name, times);
    row["hint"] = json!(secret.hint);
    row
}

fn wire(app: &Application, known: &ApplicationCredentials) -> Vec<Value> {
    let secrets = known.passwords.iter().map(|c| secret_wire(app, c));
    let certificates = known.certificates.iter().map(|c| {
        let times = (Some(c.end), c.last_used);
        row(
            app,
            "certificate",
            c.key_id,
            c.display_name.as_deref(),
            times,
        )
    });
    let federations = known
        .federations
        .iter()
        .map(|c| row(app, "federation", c.id, Some(&c.name), (None, c.last_used)));
    secrets.chain(certificates).chain(federations).collect()
}
