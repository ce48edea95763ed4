//! The operation table, walked: what no token, a wrong audience and a missing role come to, row by row.

use bartizan_contract::operations::{self, Api, Operation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, MDE, OWN, TestServer, XDR};

const fn scope(api: Api) -> &'static str {
    match api {
        Api::Xdr => XDR,
        Api::Mde => MDE,
        Api::Graph => GRAPH,
        Api::Bartizan => OWN,
    }
}

/// The row's path with something plausible for each parameter.
fn path(operation: &Operation) -> String {
    let mut path = String::new();
    let mut rest = operation.path;
    while let Some((text, after)) = rest.split_once('{') {
        let (_, tail) = after.split_once('}').expect("a closed parameter");
        path.push_str(text);
        path.push('1');
        rest = tail;
    }
    path + rest
}

fn method(operation: &Operation) -> Method {
    operation.method.as_str().parse().expect("a method")
}

/// The envelope of the row's dialect, with its code.
fn code(operation: &Operation, body: &Value) -> String {
    let error = &body["error"];
    let tracked = match operation.api {
        Api::Xdr | Api::Mde => &error["target"],
        Api::Graph | Api::Bartizan => &error["innerError"]["request-id"],
    };
    assert!(tracked.is_string(), "{}: {body}", operation.path);
    assert!(
        error["message"].as_str().is_some_and(|m| !m.is_empty()),
        "{}: {body}",
        operation.path
    );
    error["code"].as_str().expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_refuses_what_it_must() {
    let server = TestServer::start().await;
    let app = server.create_app(&server.tenant, &[]).await;
    let client = (app.0.as_str(), app.1.as_str());
    let mut bare = Vec::new();
    for api in [Api::Xdr, Api::Mde, Api::Graph, Api::Bartizan] {
        bare.push((
            api,
            server.token_of(&server.tenant, client, scope(api)).await,
        ));
    }
    let of = |api: Api| {
        bare.iter()
            .find(|(a, _)| *a == api)
            .map(|(_, t)| t.as_str())
            .expect("a token")
    };
    for operation in operations::all() {
        let path = path(operation);
        let name = format!("{} {path}", operation.method);
        let body = (operation.method != operations::Method::Get).then(|| json!({}));

        let answer = server
            .call(method(operation), &path, None, body.clone())
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{name} without a token"
        );
        let challenge = answer.headers.get("www-authenticate").expect("a challenge");
        assert!(
            challenge.to_str().expect("text").starts_with("Bearer "),
            "{name}"
        );
        code(operation, &answer.body);

        let other = if operation.api == Api::Xdr {
            Api::Mde
        } else {
            Api::Xdr
        };
        let answer = server
            .call(method(operation), &path, Some(of(other)), body.clone())
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{name} with another API's token"
        );
        assert!(
            answer.body.to_string().contains("audience"),
            "{name}: {}",
            answer.body
        );

        let answer = server
            .call(method(operation), &path, Some(of(operation.api)), body)
            .await;
        if operation.group == "batch" {
            // It takes no permission; its parts do.
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
            continue;
        }
        if operation.group == "me" {
            // An application is nobody here, whatever its roles.
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
            assert_eq!(code(operation, &answer.body), "Request_BadRequest");
            continue;
        }
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{name} without the role"
        );
        let wanted = operation
            .app_permissions
            .first()
            .copied()
            .unwrap_or_default();
        assert!(
            answer.body.to_string().contains(wanted),
            "{name}: {}",
            answer.body
        );
        code(operation, &answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_yet_says_so() {
    let server = TestServer::start_with(bartizan_server::settings::Partial {
        rate_limits: Some(false),
        ..Default::default()
    })
    .await;
    for operation in operations::all().filter(|operation| !operation.served()) {
        if operation.app_permissions.is_empty() {
            continue;
        }
        let token = server.token(scope(operation.api)).await;
        let answer = server
            .call(method(operation), &path(operation), Some(&token), None)
            .await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_IMPLEMENTED,
            "{}",
            operation.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_forgiving_and_unknown_ones_are_told() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    for path in [
        "/api/incidents",
        "/API/Incidents/",
        "//api//incidents",
        "/api/v1.0/incidents",
        "/api/incidents?%24top=1",
        "/api/incidents?$top=1",
    ] {
        assert_eq!(
            server.get(path, &token).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
    assert_eq!(
        server.get("/api/nothing", &token).await.status,
        StatusCode::NOT_FOUND
    );
    let answer = server
        .call(Method::DELETE, "/api/incidents", Some(&token), None)
        .await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(
        answer.body["error"]["message"]
            .as_str()
            .expect("text")
            .contains("GET")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_those_of_the_table() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    for _ in 0..50 {
        assert_eq!(
            server.get("/api/incidents?$top=1", &token).await.status,
            StatusCode::OK
        );
    }
    let refused = server.get("/api/incidents?$top=1", &token).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait));
    assert_eq!(refused.body["error"]["code"], "TooManyRequests");
}
