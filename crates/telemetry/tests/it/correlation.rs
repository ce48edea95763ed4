//! What rows take from other events, and what order has to do with it.

use bartizan_contract::value::{Row, Value};
use bartizan_telemetry::SkipReason;
use serde_json::json;

use crate::{mapper, text};

const GUID: &str = "{3ddc5665-b1b5-5f69-4a00-000000000400}";

fn sysmon(id: u32, fields: serde_json::Value) -> String {
    event("Microsoft-Windows-Sysmon", id, fields)
}

fn security(id: u32, fields: serde_json::Value) -> String {
    event("Microsoft-Windows-Security-Auditing", id, fields)
}

fn event(source: &str, id: u32, fields: serde_json::Value) -> String {
    let mut event = json!({
        "SourceName": source, "EventID": id, "Hostname": "WS1.contoso.com", "RecordNumber": id,
        "TimeCreated": "2020-09-22T08:11:33.500Z",
    });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event.to_string()
}

fn start() -> String {
    sysmon(
        1,
        json!({
            "UtcTime": "2020-09-22 08:11:33.250", "ProcessGuid": GUID, "ProcessId": "0x1234",
            "Image": r"C:\Windows\System32\cmd.exe", "CommandLine": "cmd /c x", "User": r"CONTOSO\alice",
            "LogonId": "0x77", "Hashes": "MD5=F3F3D2B0196B9A00E91838888E76B5F6",
            "ParentProcessGuid": "{3ddc5665-b1b0-5f69-4900-000000000400}", "ParentProcessId": "99",
            "ParentImage": r"C:\Windows\explorer.exe", "ParentCommandLine": "explorer",
        }),
    )
}

fn audited_start() -> String {
    security(
        4688,
        json!({
            "NewProcessId": "0x1234", "NewProcessName": r"C:\Windows\System32\cmd.exe",
            "CommandLine": "cmd /c x", "TokenElevationType": "%%1938", "SubjectLogonId": "0x77",
            "SubjectUserName": "alice", "SubjectDomainName": "CONTOSO", "SubjectUserSid": "S-1-5-21-1-2-3-1001",
        }),
    )
}

fn file() -> String {
    sysmon(
        11,
        json!({
            "UtcTime": "2020-09-22 08:11:34.000", "ProcessGuid": GUID, "ProcessId": "4660",
            "Image": r"C:\Windows\System32\cmd.exe", "TargetFilename": r"C:\temp\x.txt",
        }),
    )
}

/// Maps lines in order, and gives all rows but the inventory's.
fn rows(lines: &[String], learn: bool) -> Vec<Row> {
    let mut mapper = mapper();
    if learn {
        lines.iter().for_each(|line| mapper.learn(line.as_bytes()));
    }
    let mut rows: Vec<Row> = lines
        .iter()
        .flat_map(|line| mapper.map(line.as_bytes()).rows)
        .collect();
    rows.extend(mapper.finish());
    rows.retain(|row| !matches!(row.table.name, "DeviceInfo" | "DeviceNetworkInfo"));
    rows
}

#[test]
fn a_file_row_repeats_the_start_of_its_process() {
    for (lines, learn) in [
        (vec![start(), file()], false),
        (vec![file(), start()], true),
    ] {
        let rows = rows(&lines, learn);
        let row = rows
            .iter()
            .find(|r| r.table.name == "DeviceFileEvents")
            .unwrap();
        assert_eq!(text(row, "FileName"), "x.txt");
        assert_eq!(text(row, "InitiatingProcessCommandLine"), "cmd /c x");
        assert_eq!(
            text(row, "InitiatingProcessMD5"),
            "f3f3d2b0196b9a00e91838888e76b5f6"
        );
        assert_eq!(text(row, "InitiatingProcessAccountName"), "alice");
        assert_eq!(text(row, "InitiatingProcessParentFileName"), "explorer.exe");
        assert_eq!(row.get("InitiatingProcessParentId"), Some(&Value::Long(99)));
        assert_eq!(row.get("InitiatingProcessId"), Some(&Value::Long(0x1234)));
    }
}

#[test]
fn a_process_without_its_start_keeps_what_the_event_says() {
    let rows = rows(&[file()], false);
    assert_eq!(text(&rows[0], "InitiatingProcessFileName"), "cmd.exe");
    assert_eq!(text(&rows[0], "InitiatingProcessCommandLine"), "");
    // The GUID tells the start to the second.
    assert!(
        !rows[0]
            .get("InitiatingProcessCreationTime")
            .unwrap()
            .is_null()
    );
}

#[test]
fn two_logs_give_one_row_in_any_order() {
    for learn in [false, true] {
        for lines in [[start(), audited_start()], [audited_start(), start()]] {
            let rows = rows(&lines, learn);
            assert_eq!(rows.len(), 1, "learn: {learn}");
            assert_eq!(text(&rows[0], "MD5"), "f3f3d2b0196b9a00e91838888e76b5f6");
        }
    }
    // Seen first, the audit's own facts are in Sysmon's row.
    let rows = rows(&[audited_start(), start()], false);
    assert_eq!(
        text(&rows[0], "ProcessTokenElevation"),
        "TokenElevationTypeLimited"
    );
    assert_eq!(text(&rows[0], "AccountSid"), "S-1-5-21-1-2-3-1001");
}

#[test]
fn an_audited_start_alone_is_a_row_in_the_end() {
    let mut mapper = mapper();
    let outcome = mapper.map(audited_start().as_bytes());
    assert_eq!(
        (outcome.rows.len(), outcome.skipped),
        (0, Some(SkipReason::Held))
    );
    let noise = sysmon(5, json!({"UtcTime": "2020-09-22 08:11:33.250"}));
    let later: usize = (0..2_000)
        .map(|_| mapper.map(noise.as_bytes()).rows.len())
        .sum();
    assert_eq!(later, 1);
}

#[test]
fn the_end_that_has_the_name_of_the_host_is_its_own() {
    let answer = |source: &str, destination: &str| {
        let event = sysmon(
            3,
            json!({
                "UtcTime": "2020-09-22 08:11:33.250", "ProcessGuid": GUID, "Image": "System", "Initiated": "false",
                "Protocol": "udp", "SourceIp": "10.0.0.5", "SourcePort": "389", "SourceHostname": source,
                "DestinationIp": "10.0.0.9", "DestinationPort": "50000", "DestinationHostname": destination,
            }),
        );
        let rows = rows(&[event], false);
        (
            text(&rows[0], "LocalIP").to_owned(),
            text(&rows[0], "RemoteIP").to_owned(),
        )
    };
    let own = ("10.0.0.5".to_owned(), "10.0.0.9".to_owned());
    let other = ("10.0.0.9".to_owned(), "10.0.0.5".to_owned());
    assert_eq!(answer("ws1.CONTOSO.com", "other.contoso.com"), own);
    assert_eq!(answer("other", "ws1"), other);
    // Both or none tell nothing: a connection that was not initiated comes in.
    assert_eq!(answer("ws1", "WS1"), other);
    assert_eq!(answer("-", ""), other);
}

#[test]
fn inbound_connections_are_seen_from_the_host() {
    let connection = |id: u32| match id {
        3 => sysmon(
            3,
            json!({
                "UtcTime": "2020-09-22 08:11:33.250", "ProcessGuid": GUID, "Image": "System", "Initiated": "false",
                "Protocol": "tcp", "SourceIp": "10.0.0.9", "SourcePort": "50000",
                "DestinationIp": "10.0.0.5", "DestinationPort": "445",
            }),
        ),
        _ => security(
            5156,
            json!({
                "Direction": "%%14592", "Protocol": "6", "SourceAddress": "10.0.0.9", "SourcePort": "50000",
                "DestAddress": "10.0.0.5", "DestPort": "445", "Application": "System", "ProcessId": "4",
            }),
        ),
    };
    for lines in [
        [connection(3), connection(5156)],
        [connection(5156), connection(3)],
    ] {
        let rows = rows(&lines, false);
        assert_eq!(rows.len(), 1);
        assert_eq!(text(&rows[0], "ActionType"), "InboundConnectionAccepted");
        assert_eq!(
            (text(&rows[0], "LocalIP"), text(&rows[0], "RemoteIP")),
            ("10.0.0.5", "10.0.0.9")
        );
        assert_eq!(rows[0].get("LocalPort"), Some(&Value::Int(445)));
        assert_eq!(text(&rows[0], "Protocol"), "Tcp");
    }
}

#[test]
fn a_blocked_connection_is_two_rows() {
    let line = security(
        5157,
        json!({
            "Direction": "%%14593", "Protocol": "17", "SourceAddress": "10.0.0.5", "SourcePort": "50000",
            "DestAddress": "8.8.8.8", "DestPort": "53", "Application": "x", "ProcessId": "4",
        }),
    );
    let rows = rows(&[line], false);
    let actions: Vec<_> = rows.iter().map(|r| text(r, "ActionType")).collect();
    assert_eq!(
        actions,
        ["ConnectionFailed", "FirewallOutboundConnectionBlocked"]
    );
}

#[test]
fn a_local_clock_labelled_utc_is_corrected_by_sysmon() {
    // The export's clock is four hours behind and says Z.
    let stamp = json!({"TimeCreated": "2020-09-22T04:11:33.500Z"});
    let mut own: serde_json::Value = serde_json::from_str(&start()).unwrap();
    own["TimeCreated"] = stamp["TimeCreated"].clone();
    let cleared = event("Microsoft-Windows-Eventlog", 1102, stamp);
    let rows = rows(&[own.to_string(), cleared], false);
    let row = rows
        .iter()
        .find(|r| text(r, "ActionType") == "SecurityLogCleared")
        .unwrap();
    let Some(Value::DateTime(ticks)) = row.get("Timestamp") else {
        panic!()
    };
    assert_eq!(
        bartizan_contract::time::format_iso8601(*ticks),
        "2020-09-22T08:11:33.5000000Z"
    );
}

#[test]
fn a_deleted_file_is_named_by_its_handle() {
    let open = security(
        4663,
        json!({"ObjectType": "File", "ObjectName": r"C:\temp\y.txt", "HandleId": "0x1c4", "ProcessId": "0xf28"}),
    );
    let delete = security(
        4660,
        json!({"HandleId": "0x1c4", "ProcessId": "0xf28", "ProcessName": r"C:\a.exe"}),
    );
    let rows = rows(&[open, delete.clone(), delete], false);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (text(&rows[0], "FileName"), text(&rows[0], "ActionType")),
        ("y.txt", "FileDeleted")
    );
}

#[test]
fn a_wmi_subscription_is_one_row() {
    let time = "2020-09-22 08:11:33.250";
    let lines = [
        sysmon(
            19,
            json!({"UtcTime": time, "Name": "\"Up\"", "Query": "SELECT * FROM x", "EventNamespace": "root"}),
        ),
        sysmon(
            20,
            json!({"UtcTime": time, "Name": "\"Up\"", "Type": "Command Line", "Destination": "evil.exe"}),
        ),
        sysmon(
            21,
            json!({
                "UtcTime": time, "User": r"CONTOSO\alice",
                "Consumer": r#"\\.\ROOT\subscription:CommandLineEventConsumer.Name="Up""#,
                "Filter": r#"\\.\ROOT\subscription:__EventFilter.Name="Up""#,
            }),
        ),
    ];
    let rows = rows(&lines, false);
    assert_eq!(rows.len(), 1);
    assert!(text(&rows[0], "AdditionalFields").contains("evil.exe"));
}

#[test]
fn computers_logons_to_themselves_are_left_out() {
    let logon = |ip: &str| {
        security(
            4624,
            json!({
                "TargetUserName": "WS1$", "TargetDomainName": "CONTOSO", "TargetUserSid": "S-1-5-18",
                "TargetLogonId": "0x99", "LogonType": "3", "IpAddress": ip,
            }),
        )
    };
    assert_eq!(rows(&[logon("-")], false).len(), 0);
    assert_eq!(rows(&[logon("10.0.0.7")], false).len(), 1);
}

#[test]
fn replication_of_the_directory_by_its_right() {
    let access = |properties: &str| {
        security(
            4662,
            json!({
                "SubjectUserName": "alice", "SubjectDomainName": "CONTOSO", "SubjectUserSid": "S-1-5-21-1-2-3-1001",
                "ObjectServer": "DS", "ObjectType": "domainDNS", "ObjectName": "DC=contoso", "AccessMask": "0x100",
                "Properties": properties,
            }),
        )
    };
    let rows = rows(
        &[
            access("%%7688 {1131F6AD-9C07-11D1-F79F-00C04FC2DCD2}"),
            access("-"),
        ],
        false,
    );
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].table.name, "IdentityDirectoryEvents");
    assert!(text(&rows[0], "AdditionalFields").contains("DS-Replication-Get-Changes-All"));
}

#[test]
fn rows_and_envelopes_pass_between_events() {
    let mut mapper = mapper();
    let row = r#"{"$table":"EmailEvents","Timestamp":"2026-01-01T00:00:00Z","Subject":"hello"}"#;
    assert_eq!(mapper.map(row.as_bytes()).rows[0].table.name, "EmailEvents");
    let wrong = r#"{"$table":"EmailEvents","Subjct":"hello"}"#;
    let reason = mapper.map(wrong.as_bytes()).rejected.unwrap();
    assert!(reason.text.contains("did you mean Subject?"), "{reason}");
}
