//! The client against a server that answers as it is told to: retry, paging and the token cache.

mod hunting;
mod paging;
mod people;
mod retry;
mod token;

use std::time::Duration;

use bartizan_sdk::pipeline::RetryPolicy;
use bartizan_sdk::{Client, ClientSecret, Cloud};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The tenant of every client here.
const TENANT: &str = "contoso.onmicrosoft.com";

/// A client of `server` that does not wait long.
fn client(server: &MockServer) -> Client {
    let origin = server.uri().parse().expect("a URL");
    let policy = RetryPolicy {
        retries: 2,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_secs(2),
    };
    Client::builder(
        Cloud::at(&origin),
        TENANT,
        ClientSecret::new("id", "secret"),
    )
    .retry(policy)
    .build()
    .expect("a client")
}

/// Lets `server` issue tokens, `expected` times; the token is numbered by `name`.
async fn issue(server: &MockServer, name: &str, expected: u64) {
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/token")))
        .respond_with(ResponseTemplate::new(200).set_body_json(token(name)))
        .up_to_n_times(expected)
        .expect(expected)
        .mount(server)
        .await;
}

fn token(name: &str) -> Value {
    json!({ "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": name })
}
