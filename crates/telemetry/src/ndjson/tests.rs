//! Types, names and envelopes of rows, right and wrong.

use bartizan_contract::time::format_iso8601;
use serde_json::json;

use super::*;

fn convert(table: &str, line: &Value) -> Result<Row, RejectReason> {
    row(table, line.to_string().as_bytes(), &Limits::default())
}

#[test]
fn a_row_is_typed_by_its_table() {
    let row = convert(
        "DeviceNetworkEvents",
        &json!({
            "Timestamp": "2026-11-21T04:05:06.1234567Z", "DeviceName": "ws1.contoso.com",
            "RemotePort": "443", "InitiatingProcessId": 4711.0, "ReportId": "0x10",
            "IsInitiatingProcessRemoteSession": "false", "AdditionalFields": {"a": 1},
            "RemoteIP": null,
        }),
    )
    .unwrap();
    assert_eq!(row.get("RemotePort"), Some(&Cell::Int(443)));
    assert_eq!(row.get("InitiatingProcessId"), Some(&Cell::Long(4711)));
    assert_eq!(row.get("ReportId"), Some(&Cell::Long(16)));
    assert_eq!(
        row.get("IsInitiatingProcessRemoteSession"),
        Some(&Cell::Bool(false))
    );
    assert_eq!(
        row.get("AdditionalFields"),
        Some(&Cell::String(r#"{"a":1}"#.into()))
    );
    assert_eq!(row.get("RemoteIP"), Some(&Cell::Null));
    let Some(Cell::DateTime(ticks)) = row.get("Timestamp") else {
        panic!()
    };
    assert_eq!(format_iso8601(*ticks), "2026-11-21T04:05:06.1234567Z");
}

#[test]
fn times_in_many_forms() {
    for (value, want) in [
        (json!("2026-11-21"), "2026-11-21T00:00:00.0000000Z"),
        (
            json!("2026-11-21 04:05:06.5"),
            "2026-11-21T04:05:06.5000000Z",
        ),
        (
            json!("2026-11-21T04:05:06+02:00"),
            "2026-11-21T02:05:06.0000000Z",
        ),
        (json!(1_795_233_906), "2026-11-21T04:05:06.0000000Z"),
        (json!(1_795_233_906_500_i64), "2026-11-21T04:05:06.5000000Z"),
        (
            json!(1_795_233_906_500_000_i64),
            "2026-11-21T04:05:06.5000000Z",
        ),
    ] {
        let Some(Cell::DateTime(ticks)) = cell(KqlType::DateTime, &value) else {
            panic!("{value}")
        };
        assert_eq!(format_iso8601(ticks), want, "{value}");
    }
    assert_eq!(cell(KqlType::DateTime, &json!("")), Some(Cell::Null));
    assert_eq!(cell(KqlType::DateTime, &json!(5)), None);
    assert_eq!(cell(KqlType::DateTime, &json!("yesterday")), None);
}

#[test]
fn other_types() {
    assert_eq!(
        cell(KqlType::TimeSpan, &json!("-1.02:03:04.5")),
        Some(Cell::TimeSpan(-937_845_000_000))
    );
    assert_eq!(cell(KqlType::TimeSpan, &json!("02:03")), None);
    let lower = Cell::Guid("0a1b2c3d-0000-1111-2222-333344445555".into());
    assert_eq!(
        cell(
            KqlType::Guid,
            &json!("{0A1B2C3D-0000-1111-2222-333344445555}")
        ),
        Some(lower.clone())
    );
    assert_eq!(
        cell(KqlType::Guid, &json!("0a1b2c3d000011112222333344445555")),
        Some(lower)
    );
    assert_eq!(cell(KqlType::Guid, &json!("é")), None);
    assert_eq!(cell(KqlType::Int, &json!(3_000_000_000_i64)), None);
    assert_eq!(cell(KqlType::Int, &json!(3.5)), None);
    assert_eq!(
        cell(KqlType::Dynamic, &json!("[1, 2]")),
        Some(Cell::Dynamic("[1, 2]".into()))
    );
    assert_eq!(
        cell(KqlType::Dynamic, &json!("hello")),
        Some(Cell::Dynamic("\"hello\"".into()))
    );
    assert_eq!(
        cell(KqlType::Dynamic, &json!(["x"])),
        Some(Cell::Dynamic(r#"["x"]"#.into()))
    );
}

#[test]
fn an_unknown_column_is_named_with_its_neighbour() {
    let reason = convert("DeviceProcessEvents", &json!({"Filename": "a.exe"})).unwrap_err();
    assert_eq!(reason.code, RejectCode::UnknownColumn);
    assert_eq!(
        reason.text,
        "DeviceProcessEvents has no column \"Filename\"; did you mean FileName?"
    );
    let reason = convert("DeviceProcessEvent", &json!({})).unwrap_err();
    assert_eq!(
        reason.text,
        "no table \"DeviceProcessEvent\"; did you mean DeviceProcessEvents?"
    );
    let reason = convert("DeviceInfo", &json!({"OSBuild": "old"})).unwrap_err();
    assert_eq!(
        reason.text,
        "column OSBuild of DeviceInfo is long, a string does not convert to it"
    );
}

#[test]
fn the_streaming_envelope() {
    let line = json!({"records": [
        {"time": "2026-01-02T03:04:05Z", "tenantId": "t", "category": "AdvancedHunting-DeviceInfo",
         "properties": {"DeviceName": "a"}},
        {"time": "2026-01-02T03:04:06Z", "category": "AdvancedHunting-EmailEvents",
         "properties": {"Timestamp": "2026-01-01T00:00:00Z", "Subject": "hi"}},
    ]})
    .to_string();
    let rows = rows(line.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(
        rows.iter().map(|r| r.table.name).collect::<Vec<_>>(),
        ["DeviceInfo", "EmailEvents"]
    );
    assert!(!rows[0].get("Timestamp").unwrap().is_null());
}

#[test]
fn a_faulty_record_refuses_the_envelope() {
    for (line, code) in [
        (json!({"records": [1]}), RejectCode::BadEnvelope),
        (
            json!({"records": [{"category": "Logs", "properties": {}}]}),
            RejectCode::BadEnvelope,
        ),
        (
            json!({"records": [{"category": "AdvancedHunting-X", "properties": {}}]}),
            RejectCode::UnknownTable,
        ),
        (
            json!({"records": [{"category": "AdvancedHunting-DeviceInfo", "properties": []}]}),
            RejectCode::BadEnvelope,
        ),
        (json!({"Timestamp": "2026-01-01"}), RejectCode::UnknownTable),
        (json!({}), RejectCode::UnknownFormat),
    ] {
        let reason = rows(line.to_string().as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(reason.code, code, "{line}");
    }
}

#[test]
fn a_row_that_no_hunt_could_see_is_refused() {
    for time in [
        json!(null),
        json!(""),
        json!("1601-01-01"),
        json!("9999-12-31"),
    ] {
        let reason =
            convert("DeviceInfo", &json!({"DeviceId": "1", "Timestamp": time})).unwrap_err();
        assert_eq!(reason.code, RejectCode::MissingTime, "{time}");
    }
    // An envelope's own time stands in.
    let line = json!({"category": "AdvancedHunting-DeviceInfo", "properties": {"DeviceId": "1"}});
    let reason = rows(line.to_string().as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(reason.code, RejectCode::MissingTime);
    // Some tables have no times at all.
    let timeless = TABLES
        .iter()
        .find(|t| t.column("Timestamp").is_none())
        .unwrap();
    assert!(convert(timeless.name, &json!({})).is_ok());
}

#[test]
fn tables_that_a_row_fits_are_named_with_the_way_out() {
    let reason = rows(br#"{"Timestamp": "2026-01-01"}"#, &Limits::default()).unwrap_err();
    assert!(reason.text.contains("--table NAME"), "{}", reason.text);
    assert!(reason.text.contains(" more"), "{}", reason.text);
    let two = [table("DeviceInfo").unwrap(), table("DeviceEvents").unwrap()];
    assert_eq!(listed(&two), "DeviceInfo, DeviceEvents");
}
