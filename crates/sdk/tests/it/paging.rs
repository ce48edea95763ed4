//! Pages as one stream of items.

use bartizan_sdk::Error;
use bartizan_sdk::cloud::Service;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{client, issue};

fn page(items: &[u32], next: Option<String>) -> ResponseTemplate {
    let mut body = json!({ "value": items });
    if let Some(next) = next {
        body["@odata.nextLink"] = Value::from(next);
    }
    ResponseTemplate::new(200).set_body_json(body)
}

#[tokio::test]
async fn every_page_is_read_in_order_and_only_when_asked_for() {
    let server = MockServer::start().await;
    issue(&server, "t", 1).await;
    let next = format!("{}/api/x?$skip=2", server.uri());
    Mock::given(path("/api/x"))
        .and(query_param_is_missing("$skip"))
        .respond_with(page(&[1, 2], Some(next)))
        .expect(2)
        .mount(&server)
        .await;
    Mock::given(path("/api/x"))
        .and(query_param("$skip", "2"))
        .respond_with(page(&[3], None))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    let all: Vec<u32> = client
        .collection::<u32>(Service::Xdr, "/api/x")
        .try_collect()
        .await
        .expect("items");
    assert_eq!(all, [1, 2, 3]);
    let mut items = client.collection::<u32>(Service::Xdr, "/api/x");
    assert_eq!(
        items.try_next().await.expect("an item"),
        Some(1),
        "and no second page"
    );
}

#[tokio::test]
async fn a_page_on_another_host_is_not_followed() {
    let (server, other) = (MockServer::start().await, MockServer::start().await);
    issue(&server, "t", 1).await;
    Mock::given(path("/api/x"))
        .respond_with(page(&[1], Some(format!("{}/api/x", other.uri()))))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server);
    let mut items = client.collection::<u32>(Service::Xdr, "/api/x");
    assert_eq!(items.try_next().await.expect("an item"), Some(1));
    let refused = items.try_next().await.expect_err("another host");
    assert!(matches!(refused, Error::Decode { .. }), "{refused}");
    let seen = other.received_requests().await.unwrap_or_default();
    assert!(seen.is_empty(), "the token went to another host");
    assert_eq!(items.try_next().await.expect("the end"), None);
}
