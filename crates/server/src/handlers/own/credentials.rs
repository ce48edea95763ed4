//! `GET /bartizan/v1/credentials`: what the applications of the caller's tenant may prove themselves by, until when, and
//! when each was used last. Graph's objects have no room for the latter.

use axum::response::Response;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::credentials::{self, ApplicationCredentials};
use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Call, json as answer};
use crate::error::ApiError;

/// Lists credentials; `appId` in the query chooses an application.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let wanted = call.query_param("appId");
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

fn wire(app: &Application, known: &ApplicationCredentials) -> Vec<Value> {
    let time = Timestamp::from_unix_micros;
    let row = |kind: &str, id: String, name: Option<&str>, end: Option<i64>, last: Option<i64>| {
        json!({
            "appId": app.app_id,
            "appDisplayName": app.display_name,
            "kind": kind,
            "id": id,
            "displayName": name,
            "endDateTime": end.map(time),
            "lastUsedDateTime": last.map(time),
        })
    };
    let secrets = known.passwords.iter().map(|c| {
        let name = c.display_name.as_deref();
        let mut row = row(
            "secret",
            c.key_id.to_string(),
            name,
            Some(c.end),
            c.last_used,
        );
        row["hint"] = json!(c.hint);
        row
    });
    let certificates = known.certificates.iter().map(|c| {
        let name = c.display_name.as_deref();
        row(
            "certificate",
            c.key_id.to_string(),
            name,
            Some(c.end),
            c.last_used,
        )
    });
    let federations = known.federations.iter().map(|c| {
        row(
            "federation",
            c.id.to_string(),
            Some(&c.name),
            None,
            c.last_used,
        )
    });
    secrets.chain(certificates).chain(federations).collect()
}
