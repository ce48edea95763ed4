//! Functions that a tenant keeps: called by hunts and rules, of one tenant alone, and those of advanced hunting.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, GRAPH, OWN, RULE, TestServer, XDR, device_id, process};

/// The resource of the server's own permissions.
const BARTIZAN: &str = "b4a7124e-0000-4000-8000-000000000001";

async fn put(
    server: &TestServer,
    tenant: &str,
    name: &str,
    parameters: &str,
    body: &str,
) -> Answer {
    let token = server.token_in(tenant, OWN).await;
    let path = format!("/bartizan/v1/functions/{name}");
    let body = json!({ "parameters": parameters, "body": body, "description": "a story" });
    server
        .call(Method::PUT, &path, Some(&token), Some(body))
        .await
}

async fn hunt(server: &TestServer, tenant: &str, query: &str) -> Answer {
    let token = server.token_in(tenant, XDR).await;
    let body = Some(json!({ "Query": query }));
    server
        .call(Method::POST, "/api/advancedhunting/run", Some(&token), body)
        .await
}

async fn rows(server: &TestServer, tenant: &str, query: &str) -> Value {
    let answer = hunt(server, tenant, query).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {:?}", answer.body);
    answer.body["Results"].clone()
}

fn text(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    answer.body["error"]["message"]
        .as_str()
        .expect("a message")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_function_is_called_by_hunts_and_rules_of_its_tenant_alone() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let other = server.create_tenant("other").await;
    for tenant in [tenant, &other] {
        let processes = [process("alpha", "evil.exe"), process("beta", "good.exe")];
        server
            .ingest(tenant, "DeviceProcessEvents", &processes)
            .await;
    }
    let made = put(
        &server,
        tenant,
        "Started",
        "name:string, most:long=10",
        "DeviceProcessEvents\n| where FileName =~ name // any case\n| take most",
    )
    .await;
    assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.body);
    let scalar = put(
        &server,
        tenant,
        "Short",
        "host:string",
        "tostring(split(host, '.')[0])",
    )
    .await;
    assert_eq!(scalar.status, StatusCode::CREATED, "{:?}", scalar.body);
    let through = put(
        &server,
        tenant,
        "Names",
        "rows:(DeviceName:string, *)",
        "rows | extend Host = Short(DeviceName) | project Host",
    )
    .await;
    assert_eq!(through.status, StatusCode::CREATED, "{:?}", through.body);
    let found = rows(&server, tenant, "Started('EVIL.exe') | invoke Names()").await;
    assert_eq!(found, json!([{ "Host": "alpha" }]));
    let none = rows(&server, tenant, "Started('evil.exe', most = 0) | count").await;
    assert_eq!(none[0]["Count"], 0);

    // The other tenant knows no such name, and may give it another meaning.
    let unknown = hunt(&server, &other, "Started('evil.exe')").await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    let own = put(
        &server,
        &other,
        "Started",
        "",
        "DeviceProcessEvents | count",
    )
    .await;
    assert_eq!(own.status, StatusCode::CREATED, "{:?}", own.body);
    assert_eq!(rows(&server, &other, "Started").await[0]["Count"], 2);
    assert_eq!(
        rows(&server, tenant, "Started('evil.exe') | count").await[0]["Count"],
        1
    );

    // A rule over it raises an alert.
    let rule = RULE.replace(
        "DeviceProcessEvents\n| where FileName =~ \"evil.exe\"",
        "Started('evil.exe')",
    );
    assert!(rule.contains("Started("));
    let ran = server.detect(tenant, "evil-process", &rule).await;
    assert_eq!(ran.body["value"][0]["newAlerts"], 1, "{:?}", ran.body);

    // A better text counts at once; a deleted one is not known any more, and its rule says so.
    let better = put(
        &server,
        tenant,
        "Started",
        "name:string",
        "DeviceProcessEvents",
    )
    .await;
    assert_eq!(better.status, StatusCode::OK, "{:?}", better.body);
    assert_eq!(
        rows(&server, tenant, "Started('x') | count").await[0]["Count"],
        2
    );
    let token = server.token_in(tenant, OWN).await;
    let path = "/bartizan/v1/functions/Started";
    let gone = server.call(Method::DELETE, path, Some(&token), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let gone = server.call(Method::DELETE, path, Some(&token), None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(
        hunt(&server, tenant, "Started('x')").await.status,
        StatusCode::BAD_REQUEST
    );
    let listed = server.get("/bartizan/v1/functions", &token).await;
    let names: Vec<&Value> = listed.body["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| &f["name"])
        .collect();
    assert_eq!(names, ["Names", "Short"]);
    let trail = server.token_in(tenant, GRAPH).await;
    let audits = server.get("/v1.0/auditLogs/directoryAudits", &trail).await;
    let text = audits.body.to_string();
    assert!(
        text.contains("function.put") && text.contains("function.delete"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_function_is_refused_and_says_why() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    for (name, parameters, body, why) in [
        ("DeviceInfo", "", "print 1", "table named 'DeviceInfo'"),
        ("strlen", "", "print 1", "function named 'strlen'"),
        ("DeviceFromIP", "", "print 1", "function named"),
        (
            "F",
            "",
            "DeviceInfo\n| where Nope == 1",
            "Body, line 2, column 9",
        ),
        ("F", "x:strin", "print x", "Parameters, line 1, column 3"),
        ("F", "", "DeviceInfo } ; DeviceInfo | where (1 == 1", ""),
        ("F", "", "F() | take 1", "calls itself"),
        ("F", "", "Nowhere()", "Nowhere"),
    ] {
        let refused = text(&put(&server, tenant, name, parameters, body).await);
        assert!(refused.contains(why), "{name} {body}: {refused}");
    }
    // A circle is closed by the second of two.
    assert!(
        put(&server, tenant, "A", "", "print 1")
            .await
            .status
            .is_success()
    );
    assert!(
        put(&server, tenant, "B", "", "A() | take 1")
            .await
            .status
            .is_success()
    );
    let circle = text(&put(&server, tenant, "A", "", "B() | take 1").await);
    assert!(circle.contains("calls itself: A, B, A"), "{circle}");
    // What a function misses is told at its call.
    let token = server.token_in(tenant, OWN).await;
    server
        .call(
            Method::DELETE,
            "/bartizan/v1/functions/A",
            Some(&token),
            None,
        )
        .await;
    let broken = text(&hunt(&server, tenant, "print 1;\nB()").await);
    assert!(
        broken.contains("In the function 'B'") && broken.contains("line 2, column 1"),
        "{broken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_have_a_limit_each_and_together() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let token = server.token_in(tenant, OWN).await;
    let body = json!({ "body": "print 1", "description": "é".repeat(1_001) });
    let path = "/bartizan/v1/functions/F";
    let long = server
        .call(Method::PUT, path, Some(&token), Some(body))
        .await;
    assert!(text(&long).contains("1000 characters"), "{:?}", long.body);
    let body = format!("print 1 // {}", "x".repeat(99_000));
    for n in 0..10 {
        let stored = put(&server, tenant, &format!("F{n}"), "", &body).await;
        assert_eq!(stored.status, StatusCode::CREATED, "{:?}", stored.body);
    }
    let over = text(&put(&server, tenant, "F10", "", &body).await);
    assert!(over.contains("1000000 characters in all"), "{over}");
    // One that is there may be replaced.
    let stored = put(&server, tenant, "F9", "", &body).await;
    assert_eq!(stored.status, StatusCode::OK, "{:?}", stored.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_need_their_permission() {
    let server = TestServer::start().await;
    let tenant = server.tenant.clone();
    let (id, secret) = server
        .create_app(&tenant, &[(BARTIZAN, "HuntingFunction.Read.All")])
        .await;
    let token = server.token_of(&tenant, (&id, &secret), OWN).await;
    let path = "/bartizan/v1/functions";
    assert_eq!(server.get(path, &token).await.status, StatusCode::OK);
    let body = json!({ "body": "print 1" });
    let put = server
        .call(Method::PUT, &format!("{path}/F"), Some(&token), Some(body))
        .await;
    assert_eq!(put.status, StatusCode::FORBIDDEN, "{:?}", put.body);
}

/// A report of an adapter.
fn adapter(device: &str, time: &str, addresses: &[&str]) -> Value {
    let addresses: Vec<Value> = addresses
        .iter()
        .map(|ip| json!({ "IPAddress": ip }))
        .collect();
    json!({
        "Timestamp": time,
        "DeviceId": device_id(device),
        "DeviceName": format!("{device}.contoso.com"),
        "NetworkAdapterName": "one",
        "NetworkAdapterType": "Ethernet",
        "ConnectedNetworks": "[]",
        "IPAddresses": json!(addresses).to_string(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_advanced_hunting_answer_from_the_tenants_own_tables() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let other = server.create_tenant("other").await;
    let reports = [
        adapter("alpha", "2026-01-15T08:00:00Z", &["10.0.0.1"]),
        adapter("alpha", "2026-01-15T10:00:00Z", &["10.0.0.2", "fe80::2"]),
        adapter("beta", "2026-01-15T10:00:00Z", &["10.0.0.1"]),
    ];
    server.ingest(tenant, "DeviceNetworkInfo", &reports).await;
    server
        .ingest(
            &other,
            "DeviceNetworkInfo",
            &[adapter("gamma", "2026-01-15T10:00:00Z", &["10.0.0.1"])],
        )
        .await;
    let (alpha, beta) = (device_id("alpha"), device_id("beta"));
    let found = rows(
        &server,
        tenant,
        "print IP = '10.0.0.1' | invoke DeviceFromIP()",
    )
    .await;
    assert_eq!(found, json!([{ "IP": "10.0.0.1", "DeviceId": beta }]));
    let found = rows(
        &server,
        tenant,
        "print a = '10.0.0.1' | invoke DeviceFromIP(a, datetime(2026-01-15T09:00:00Z))",
    )
    .await;
    assert_eq!(found, json!([{ "IP": "10.0.0.1", "DeviceId": alpha }]));
    let found = rows(
        &server,
        tenant,
        "AssignedIPAddresses('alpha') | sort by IPAddress asc",
    )
    .await;
    assert_eq!(found[0]["IPAddress"], "10.0.0.2");
    assert_eq!(found[0]["IPType"], "Private");
    assert_eq!(found[0]["NetworkAdapterType"], 6);
    assert_eq!(found.as_array().map(Vec::len), Some(2), "{found}");
    let schema = hunt(&server, tenant, "AssignedIPAddresses('alpha')")
        .await
        .body["Schema"]
        .clone();
    let columns: Vec<(&str, &str)> = schema
        .as_array()
        .expect("columns")
        .iter()
        .map(|c| {
            (
                c["Name"].as_str().expect("a name"),
                c["Type"].as_str().expect("a type"),
            )
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("Timestamp", "DateTime"),
            ("IPAddress", "String"),
            ("IPType", "String"),
            ("NetworkAdapterType", "Int32"),
            ("ConnectedNetworks", "String")
        ]
    );
    // Both APIs reach these tables.
    let earlier = rows(
        &server,
        tenant,
        &format!(
            "AssignedIPAddresses('{alpha}', datetime(2026-01-15T09:00:00Z)) | project IPAddress"
        ),
    )
    .await;
    assert_eq!(earlier, json!([{ "IPAddress": "10.0.0.1" }]));
}

/// A row as it is made of an hour's events, which know no adapter.
fn hour(device: &str, time: &str, addresses: &[&str]) -> Value {
    let mut row = adapter(device, time, addresses);
    let columns = row.as_object_mut().expect("an object");
    columns.retain(|name, _| !name.starts_with("NetworkAdapter"));
    row
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_every_hour_count_where_no_adapter_is_known() {
    let server = TestServer::start().await;
    let tenant = server.tenant.as_str();
    let reports = [
        hour(
            "alpha",
            "2026-01-15T08:00:00Z",
            &["10.0.0.1", "fe80::1", "FD00::1"],
        ),
        hour("alpha", "2026-01-15T10:00:00Z", &["10.0.0.2", "fe80::1"]),
        hour("beta", "2026-01-15T10:00:00Z", &["10.0.0.9"]),
    ];
    server.ingest(tenant, "DeviceNetworkInfo", &reports).await;
    let alpha = device_id("alpha");
    for address in ["10.0.0.1", "10.0.0.2", "fd00::1"] {
        let query = format!("print IP = '{address}' | invoke DeviceFromIP()");
        let found = rows(&server, tenant, &query).await;
        assert_eq!(found, json!([{ "IP": address, "DeviceId": alpha }]));
    }
    let query = "AssignedIPAddresses('alpha') | project IPAddress, hourofday(Timestamp) | sort by IPAddress asc";
    let found = rows(&server, tenant, query).await;
    let told = |ip: &str, hour: i64| json!({ "IPAddress": ip, "Column1": hour });
    let expected = [
        told("10.0.0.1", 8),
        told("10.0.0.2", 10),
        told("FD00::1", 8),
        told("fe80::1", 10),
    ];
    assert_eq!(found, json!(expected));

    // Whoever sent to an address saw its device; everybody has a link-local one.
    let sent = |device: &str, to: &str, time: &str| json!({ "Timestamp": time, "DeviceId": device_id(device), "RemoteIP": to });
    let events = [
        sent("beta", "fd00::1", "2026-01-15T11:00:00Z"),
        sent("beta", "10.0.0.2", "2026-01-15T10:30:00Z"),
        sent("gamma", "fe80::1", "2026-01-15T10:00:00Z"),
    ];
    server.ingest(tenant, "DeviceNetworkEvents", &events).await;
    let query = format!("print DeviceId = '{alpha}' | invoke SeenBy()");
    let found = rows(&server, tenant, &query).await;
    let mut by = found[0]["SeenBy"].clone();
    if let Value::String(text) = &by {
        by = serde_json::from_str(text).expect("an array");
    }
    let witness =
        json!({ "DeviceId": device_id("beta"), "LastEncountered": "2026-01-15T11:00:00.0000000Z" });
    assert_eq!(by, json!([witness]), "{found}");
}
