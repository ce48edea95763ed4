//! Telemetry coming in: what is kept, what is refused, and what hostile bodies come to.

use std::io::Write as _;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{OWN, TestServer, XDR, process};

async fn count(server: &TestServer, table: &str) -> Value {
    let token = server.token(XDR).await;
    let body = json!({ "Query": format!("{table} | count") });
    let answer = server
        .call(
            Method::POST,
            "/api/advancedhunting/run",
            Some(&token),
            Some(body),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body["Results"][0]["Count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_can_be_hunted_as_soon_as_they_are_acknowledged() {
    let server = TestServer::start().await;
    for n in 1..=3 {
        let row = process("alpha", &format!("{n}.exe"));
        let answer = server
            .ingest(&server.tenant, "DeviceProcessEvents", &[row])
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(count(&server, "DeviceProcessEvents").await, n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_sent_again_adds_nothing() {
    let server = TestServer::start().await;
    let rows = [process("alpha", "a.exe"), process("alpha", "b.exe")];
    server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    let again = server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    assert_eq!(again.body["duplicateRows"], 2, "{:?}", again.body);
    assert_eq!(count(&server, "DeviceProcessEvents").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_counted_and_returned_and_good_ones_kept() {
    let server = TestServer::start().await;
    let good = process("alpha", "a.exe");
    let mut unknown = good.clone();
    unknown["Procesid"] = json!(1);
    let mut wrong = good.clone();
    wrong["ProcessId"] = json!("many");
    let mut body = format!("{good}\n{unknown}\n{wrong}\n{{\"broken\n").into_bytes();
    body.extend_from_slice(b"\xff\xfe\xfd\n");
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    body.extend_from_slice(deep.as_bytes());
    let answer = server
        .ingest_bytes(
            &server.tenant,
            "table=DeviceProcessEvents&name=rows.ndjson",
            body,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["acceptedRows"], 1, "{:?}", answer.body);
    let rejected: u64 = answer.body["rejected"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(rejected, 5, "{:?}", answer.body["rejected"]);
    let rejects = answer.body["rejects"].as_array().expect("a list");
    assert!(
        rejects
            .iter()
            .any(|r| r["line"] == 2 && r["text"].as_str().expect("text").contains("ProcessId")),
        "{rejects:?}"
    );
    assert_eq!(count(&server, "DeviceProcessEvents").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_read_and_hostile_ones_bounded() {
    let server = TestServer::start().await;
    let line = format!("{}\n", process("alpha", "a.exe"));
    let zipped = zip(&[("DeviceProcessEvents.ndjson", line.as_bytes())]);
    let answer = server
        .ingest_bytes(
            &server.tenant,
            "name=rows.zip&table=DeviceProcessEvents",
            zipped.clone(),
        )
        .await;
    assert_eq!(answer.body["acceptedRows"], 1, "{:?}", answer.body);

    let cut = zipped[..zipped.len() / 2].to_vec();
    let answer = server
        .ingest_bytes(&server.tenant, "name=cut.zip", cut)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);
    assert_eq!(answer.body["error"]["code"], "Request_BadRequest");

    let bomb = zip(&[("bomb.json", &vec![b' '; 200 << 20])]);
    assert!(bomb.len() < 1 << 20);
    let answer = server
        .ingest_bytes(&server.tenant, "name=bomb.zip", bomb)
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{:?}", answer.body);

    let empty = server
        .ingest_bytes(&server.tenant, "name=empty.json", Vec::new())
        .await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert_eq!(count(&server, "DeviceProcessEvents").await, 1);
    let left = std::fs::read_dir(server.data.path().join("spool"))
        .expect("the folder")
        .count();
    assert_eq!(left, 0, "nothing is left in the spool");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_nothing_is_refused_line_by_line() {
    let server = TestServer::start().await;
    let body = "not json at all, but long enough to be a line of a log\n".repeat(2_000_000);
    let answer = server
        .ingest_bytes(&server.tenant, "name=big.log", body.into_bytes())
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["acceptedRows"], 0);
    let rejected: u64 = answer.body["rejected"]
        .as_object()
        .expect("counts")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(rejected, 2_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_can_end_now() {
    let server = TestServer::start().await;
    let mut old = process("alpha", "a.exe");
    old["Timestamp"] = json!("2020-05-01T10:00:00Z");
    let mut older = process("alpha", "b.exe");
    older["Timestamp"] = json!("2020-05-01T09:00:00Z");
    let envelope = |row: &Value| json!({ "records": [{ "time": row["Timestamp"], "tenantId": "x", "category": "AdvancedHunting-DeviceProcessEvents", "properties": row }] });
    let body = format!("{}\n{}\n", envelope(&old), envelope(&older)).into_bytes();
    let answer = server
        .ingest_bytes(&server.tenant, "name=old.json&end=now", body)
        .await;
    assert_eq!(answer.body["acceptedRows"], 2, "{:?}", answer.body);
    let body = format!("{}\n", envelope(&old)).into_bytes();
    server
        .ingest_bytes(&server.tenant, "name=one.rejects", body.clone())
        .await;
    let moved = server
        .ingest_bytes(&server.tenant, "name=one.rejects&end=now", body)
        .await;
    assert_eq!(
        moved.body["acceptedRows"], 1,
        "moved, it is another upload: {:?}",
        moved.body
    );
    let token = server.token(XDR).await;
    let query = json!({ "Query": "DeviceProcessEvents | distinct FileName, Timestamp | order by FileName asc" });
    let hunted = server
        .call(
            Method::POST,
            "/api/advancedhunting/run",
            Some(&token),
            Some(query),
        )
        .await;
    assert_eq!(
        hunted.body["Results"][0]["Timestamp"], "2026-01-15T12:00:00.0000000Z",
        "{:?}",
        hunted.body
    );
    assert_eq!(
        hunted.body["Results"][1]["Timestamp"],
        "2026-01-15T11:00:00.0000000Z"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_table_is_told() {
    let server = TestServer::start().await;
    let answer = server
        .ingest(&server.tenant, "deviceprocessevents", &[json!({})])
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let token = server.token(OWN).await;
    let none = server
        .call(Method::POST, "/bartizan/v1/ingest", Some(&token), None)
        .await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_named_table_can_end_now_in_every_source() {
    let server = TestServer::start().await;
    // More sources than any bound on what is learned ahead, each a year apart.
    let members: Vec<(String, String)> = (0..20)
        .map(|n| {
            let row = |hour: u32| {
                let mut row = process("alpha", &format!("{n}-{hour}.exe"));
                row["Timestamp"] = json!(format!("{}-05-01T{hour:02}:00:00Z", 2000 + n));
                row["ProcessCreationTime"] = json!(format!("{}-05-01T08:00:00Z", 2000 + n));
                row
            };
            let text = format!("{}\n{}\n", row(10), row(9));
            (format!("{n}.json"), text)
        })
        .collect();
    let files: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let answer = server
        .ingest_bytes(
            &server.tenant,
            "name=a.zip&end=now&table=DeviceProcessEvents",
            zip(&files),
        )
        .await;
    assert_eq!(answer.body["acceptedRows"], 40, "{:?}", answer.body);
    assert_eq!(answer.body["outsideLookBackRows"], 0, "{:?}", answer.body);
    let token = server.token(XDR).await;
    let query = json!({ "Query": "DeviceProcessEvents | summarize Rows=count() by Timestamp, ProcessCreationTime | order by Timestamp asc" });
    let hunted = server
        .call(
            Method::POST,
            "/api/advancedhunting/run",
            Some(&token),
            Some(query),
        )
        .await;
    let rows = hunted.body["Results"].as_array().expect("rows");
    assert_eq!(rows.len(), 2, "every source ends now: {rows:?}");
    assert_eq!(rows[0]["Timestamp"], "2026-01-15T11:00:00.0000000Z");
    assert_eq!(rows[1]["Timestamp"], "2026-01-15T12:00:00.0000000Z");
    for row in rows {
        assert_eq!(row["Rows"], 20);
        assert_eq!(row["ProcessCreationTime"], "2026-01-15T10:00:00.0000000Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_hunt_will_see_is_told() {
    let server = TestServer::start().await;
    let mut timeless = process("alpha", "a.exe");
    timeless["Timestamp"] = Value::Null;
    let mut old = process("alpha", "b.exe");
    old["Timestamp"] = json!("2025-12-15T11:00:00Z");
    let rows = [timeless, old, process("alpha", "c.exe")];
    let answer = server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    assert_eq!(answer.body["rejected"], json!({ "missing_time": 1 }));
    assert_eq!(answer.body["acceptedRows"], 2);
    assert_eq!(answer.body["outsideLookBackRows"], 1);
    let warning = answer.body["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("--end-now"), "{warning}");
    let again = server
        .ingest(&server.tenant, "DeviceProcessEvents", &rows)
        .await;
    assert_eq!(again.body["duplicateRows"], 2);
    assert_eq!(again.body["acceptedRows"], 0);
    assert!(
        again.body["warnings"][0]
            .as_str()
            .is_some_and(|text| text.contains("there already")),
        "{:?}",
        again.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_rows_are_cut_into_batches_that_the_store_takes() {
    let server = TestServer::start().await;
    let body: String = (0..40)
        .map(|n| {
            let mut row = process("alpha", &format!("{n}.exe"));
            row["ProcessCommandLine"] = json!("x".repeat(2 << 20));
            format!("{row}\n")
        })
        .collect();
    assert!(body.len() > 64 << 20);
    let answer = server
        .ingest_bytes(
            &server.tenant,
            "name=large.ndjson&table=DeviceProcessEvents",
            body.into_bytes(),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(answer.body["acceptedRows"], 40);
    assert_eq!(count(&server, "DeviceProcessEvents").await, 40);
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("a member");
        writer.write_all(bytes).expect("bytes");
    }
    writer.finish().expect("an archive").into_inner()
}
