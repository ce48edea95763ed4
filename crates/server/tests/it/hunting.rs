//! Advanced hunting over its three wires.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{GRAPH, MDE, OWN, RULE, TestServer, XDR, process};

async fn hunt(server: &TestServer, path: &str, token: &str, body: Value) -> crate::harness::Answer {
    server
        .call(Method::POST, path, Some(token), Some(body))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_come_back_on_every_wire() {
    let server = TestServer::start().await;
    server
        .ingest(
            &server.tenant,
            "DeviceProcessEvents",
            &[process("alpha", "a.exe"), process("beta", "b.exe")],
        )
        .await;
    let query = "DeviceProcessEvents | summarize n = count() by FileName | order by FileName asc";
    let rows = json!([{ "FileName": "a.exe", "n": 1 }, { "FileName": "b.exe", "n": 1 }]);
    for (path, scope) in [
        ("/api/advancedhunting/run", XDR),
        ("/api/advancedqueries/run", MDE),
    ] {
        let token = server.token(scope).await;
        let answer = hunt(&server, path, &token, json!({ "Query": query })).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        assert_eq!(answer.body["Results"], rows);
        let schema =
            json!([{ "Name": "FileName", "Type": "String" }, { "Name": "n", "Type": "Int64" }]);
        assert_eq!(answer.body["Schema"], schema);
        assert!(answer.body["Stats"]["ExecutionTime"].is_number());
    }
    let token = server.token(GRAPH).await;
    for path in [
        "/v1.0/security/runHuntingQuery",
        "/v1.0//security/microsoft.graph.security.runHuntingQuery",
    ] {
        let answer = hunt(&server, path, &token, json!({ "query": query })).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        assert_eq!(answer.body["results"], rows);
        assert_eq!(
            answer.body["schema"][0],
            json!({ "name": "FileName", "type": "String" })
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_iso_8601_with_seven_digits() {
    let server = TestServer::start().await;
    server
        .ingest(
            &server.tenant,
            "DeviceProcessEvents",
            &[process("alpha", "a.exe")],
        )
        .await;
    let token = server.token(XDR).await;
    let query =
        json!({ "Query": "DeviceProcessEvents | project Timestamp, ProcessId, AdditionalFields" });
    let answer = hunt(&server, "/api/advancedhunting/run", &token, query).await;
    assert_eq!(
        answer.body["Results"][0]["Timestamp"], "2026-01-15T11:00:00.0000000Z",
        "{:?}",
        answer.body
    );
    assert_eq!(answer.body["Schema"][0]["Type"], "DateTime");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_api_reaches_endpoint_tables_only() {
    let server = TestServer::start().await;
    let query = json!({ "Query": "EmailEvents | take 1" });
    let xdr = server.token(XDR).await;
    assert_eq!(
        hunt(&server, "/api/advancedhunting/run", &xdr, query.clone())
            .await
            .status,
        StatusCode::OK
    );
    let mde = server.token(MDE).await;
    let answer = hunt(&server, "/api/advancedqueries/run", &mde, query).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn hunting_looks_back_thirty_days_and_graph_can_narrow() {
    let server = TestServer::start().await;
    let mut old = process("alpha", "old.exe");
    old["Timestamp"] = json!("2025-11-01T00:00:00Z");
    let mut yesterday = process("alpha", "yesterday.exe");
    yesterday["Timestamp"] = json!("2026-01-14T06:00:00Z");
    server
        .ingest(
            &server.tenant,
            "DeviceProcessEvents",
            &[old, yesterday, process("alpha", "today.exe")],
        )
        .await;
    let token = server.token(GRAPH).await;
    let path = "/v1.0/security/runHuntingQuery";
    let query = "DeviceProcessEvents | count";
    let all = hunt(&server, path, &token, json!({ "Query": query })).await;
    assert_eq!(all.body["results"][0]["Count"], 2, "{:?}", all.body);
    let day = hunt(
        &server,
        path,
        &token,
        json!({ "Query": query, "Timespan": "P1D" }),
    )
    .await;
    assert_eq!(day.body["results"][0]["Count"], 1, "{:?}", day.body);
    let wrong = hunt(
        &server,
        path,
        &token,
        json!({ "Query": query, "Timespan": "soon" }),
    )
    .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_is_told_with_its_place() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let path = "/api/advancedhunting/run";
    let cases = [
        (
            json!({ "Query": "DeviceProcessEvents | project Nothing" }),
            "Nothing",
        ),
        (
            json!({ "Query": "DeviceProcesEvents | take 1" }),
            "DeviceProcessEvents",
        ),
        (
            json!({ "Query": "DeviceProcessEvents | where (" }),
            "line 1",
        ),
        (json!({ "Query": "" }), "empty"),
        (json!({}), "Query"),
        (json!({ "Query": 5 }), "text"),
        (json!([1]), "object"),
    ];
    for (body, part) in cases {
        let answer = hunt(&server, path, &token, body.clone()).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            answer.body
        );
        let message = answer.body["error"]["message"].as_str().expect("a text");
        assert!(message.contains(part), "{body}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_deep_queries_are_refused_in_the_wires_format() {
    let server = TestServer::start().await;
    let token = server.token(XDR).await;
    let path = "/api/advancedhunting/run";
    let long = format!("print x = '{}'", "a".repeat(1_100_000));
    let answer = hunt(&server, path, &token, json!({ "Query": long })).await;
    assert_eq!(
        answer.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "{:?}",
        answer.body
    );
    let deep = format!("print x = {}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let answer = hunt(&server, path, &token, json!({ "Query": deep })).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let huge = "x".repeat(5_000_000);
    let answer = hunt(&server, path, &token, json!({ "Query": huge })).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let url = format!("{}{path}", server.server.http_url());
    for (media_type, body, status) in [
        ("text/plain", "Query=x", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", "{\"Query\":", StatusCode::BAD_REQUEST),
        ("application/json", "\u{fffd}{", StatusCode::BAD_REQUEST),
    ] {
        let request = server
            .http
            .post(&url)
            .bearer_auth(&token)
            .header("content-type", media_type);
        let answer =
            crate::harness::read(request.body(body).send().await.expect("an answer")).await;
        assert_eq!(answer.status, status, "{media_type} {body}");
        assert!(answer.body["error"]["code"].is_string(), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_tables_stand_beside_the_documented_answer() {
    let server = TestServer::start().await;
    let rows = [
        process("alpha", "a.exe"),
        process("alpha", "b.exe"),
        process("beta", "a.exe"),
    ];
    server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    let query = "DeviceProcessEvents | where FileName endswith '.exe' \
                 | fork Files = (summarize n = count() by FileName | sort by FileName asc) (count | as Number) (where false | project DeviceName)";
    let files = json!([{ "FileName": "a.exe", "n": 2 }, { "FileName": "b.exe", "n": 1 }]);
    for (path, scope) in [
        ("/api/advancedhunting/run", XDR),
        ("/api/advancedqueries/run", MDE),
    ] {
        let token = server.token(scope).await;
        let answer = hunt(&server, path, &token, json!({ "Query": query })).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
        assert_eq!(answer.body["Results"], files);
        assert_eq!(answer.body["Schema"][1]["Name"], "n");
        assert_eq!(answer.body["TableName"], "Files");
        let further = json!([
            { "Name": "Number", "Schema": [{ "Name": "Count", "Type": "Int64" }], "Results": [{ "Count": 3 }] },
            { "Name": "GenericResult_3", "Schema": [{ "Name": "DeviceName", "Type": "String" }], "Results": [] },
        ]);
        assert_eq!(answer.body["Tables"], further);
        let size = &answer.body["Stats"]["dataset_statistics"][0]["table_row_count"];
        assert_eq!(*size, 3, "rows of all tables");
        // One table is answered as ever.
        let query = "DeviceProcessEvents | facet by DeviceName";
        let answer = hunt(&server, path, &token, json!({ "Query": query })).await;
        let members = answer.body.as_object().expect("an object").keys();
        let mut members: Vec<_> = members.collect();
        members.sort();
        assert_eq!(members, ["Results", "Schema", "Stats"]);
    }
    let token = server.token(GRAPH).await;
    let path = "/v1.0/security/runHuntingQuery";
    let query = json!({ "Query": "DeviceProcessEvents | facet by FileName with (project DeviceName | sort by DeviceName asc | take 1)" });
    let answer = hunt(&server, path, &token, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        answer.body["results"],
        json!([{ "DeviceName": "alpha.contoso.com" }])
    );
    assert_eq!(answer.body["tableName"], "GenericResult");
    let further = &answer.body["tables"][0];
    assert_eq!(further["name"], "GenericResult_2");
    assert_eq!(
        further["schema"],
        json!([{ "name": "FileName", "type": "String" }, { "name": "count_FileName", "type": "Int64" }])
    );
    assert_eq!(further["results"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_table_of_a_hunt_shows_what_is_hidden() {
    let server = TestServer::start().await;
    let other = server.create_tenant("other").await;
    for (tenant, device) in [(&server.tenant, "mine"), (&other, "theirs")] {
        let rows = [process(device, "a.exe")];
        server.ingest(tenant, "DeviceProcessEvents", &rows).await;
    }
    let token = server.token(XDR).await;
    let path = "/api/advancedhunting/run";
    let query = "DeviceProcessEvents | facet by DeviceName with (project DeviceName)";
    let answer = hunt(&server, path, &token, json!({ "Query": query })).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let told = answer.body.to_string();
    assert!(told.contains("mine") && !told.contains("theirs"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_has_one_table() {
    let server = TestServer::start().await;
    let token = server.token(OWN).await;
    let path = "/bartizan/v1/rules/evil-process";
    for (end, status) in [
        ("| fork (take 1) (count)", StatusCode::BAD_REQUEST),
        ("| facet by FileName with (take 1)", StatusCode::BAD_REQUEST),
        ("| fork (take 1)", StatusCode::CREATED),
    ] {
        let source = RULE.replace("AccountDomain\n", &format!("AccountDomain\n{end}\n"));
        assert_ne!(source, RULE);
        let body = Some(json!({ "source": source }));
        let stored = server.call(Method::PUT, path, Some(&token), body).await;
        assert_eq!(stored.status, status, "{source}: {:?}", stored.body);
        if status == StatusCode::BAD_REQUEST {
            let told = stored.body["error"]["message"].as_str().expect("a text");
            assert!(told.contains("gives several tables"), "{told}");
        }
    }
}
