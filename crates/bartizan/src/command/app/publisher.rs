//! `bartizan app verify-publisher`: the operator of a server vouches for who publishes an application.

use bartizan_sdk::Client;
use bartizan_sdk::cloud::Service;
use reqwest::Method;
use serde_json::{Value, json};

use super::find;
use crate::exit::Outcome;
use crate::printer::Printer;

/// Sets the mark, or takes it away.
pub(super) async fn run(
    client: &Client,
    app: &str,
    id: Option<String>,
    remove: bool,
    printer: &Printer,
) -> Outcome {
    let application = find(client, app).await?;
    let (action, body) = if remove {
        ("unsetVerifiedPublisher", Value::Null)
    } else {
        let id = id.unwrap_or_else(|| client.tenant().to_string());
        let body = json!({ "verifiedPublisherId": id });
        ("setVerifiedPublisher", body)
    };
    let path = format!("/v1.0/applications/{}/{action}", application.id);
    let body = (!body.is_null()).then_some(&body);
    client
        .raw(Service::Graph, Method::POST, &path, body)
        .await?;
    printer.remark(if remove {
        "nobody vouches for its publisher any more: consent pages of other tenants warn"
    } else {
        "consent pages of other tenants name its tenant as verified publisher"
    });
    Ok(())
}
