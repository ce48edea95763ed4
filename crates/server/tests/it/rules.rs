//! The demo's rules against the demo's telemetry: each fires on the attack it was written for, and none on a day on
//! which nothing bad happens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{OWN, TestServer, XDR};

/// Each recording with the rules that must fire on it, and no others.
const RECORDINGS: &[(&str, &[&str])] = &[
    (
        "aptsimulator_cobaltstrike",
        &[
            "cobalt-strike-named-pipe",
            "getsystem-through-named-pipe",
            "service-runs-command-interpreter",
        ],
    ),
    (
        "cmd_bitsadmin_download_psh_script",
        &["bitsadmin-download", "security-log-cleared"],
    ),
    (
        "cmd_dumping_ntds_dit_file_ntdsutil",
        &[
            "directory-database-written-elsewhere",
            "ntds-dumped-with-ntdsutil",
        ],
    ),
    (
        "cmd_mshta_javascript_getobject_sct",
        &["mshta-runs-inline-script", "security-log-cleared"],
    ),
    (
        "cmd_sam_copy_esentutl",
        &[
            "directory-database-written-elsewhere",
            "hive-copied-with-esentutl",
            "security-log-cleared",
        ],
    ),
    (
        "covenant_psremoting_grunt",
        &["remote-powershell-starts-shell"],
    ),
    (
        "empire_mimikatz_logonpasswords",
        &["lsass-memory-opened-by-script-host"],
    ),
    (
        "empire_persistence_registry_modification_run_keys_standard_user",
        &[
            "encoded-powershell",
            "powershell-script-block-logging-disabled",
            "run-key-starts-script-interpreter",
            "script-payload-in-registry",
        ],
    ),
    (
        "empire_psexec_dcerpc_tcp_svcctl",
        &[
            "encoded-powershell",
            "powershell-script-block-logging-disabled",
            "service-manager-starts-encoded-powershell",
            "service-runs-command-interpreter",
        ],
    ),
    (
        "empire_schtasks_creation_standard_user",
        &[
            "scheduled-task-runs-hidden-powershell",
            "script-payload-in-registry",
        ],
    ),
    (
        "empire_wmic_add_user_backdoor",
        &[
            "local-account-created",
            "net-user-add",
            "wmi-provider-starts-shell",
            "wmic-remote-process-creation",
        ],
    ),
    (
        "purplesharp_ad_playbook_I",
        &[
            "kerberoasting",
            "password-spray-from-one-process",
            "remote-powershell-starts-shell",
            "share-enumeration-by-one-process",
        ],
    ),
];

fn demo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo")
}

/// The demo's rules by id.
fn rules() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(demo().join("rules")).expect("the rules");
    let paths = files.map(|file| file.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| {
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("a name")
                .to_owned();
            (id, std::fs::read_to_string(&path).expect("a rule"))
        })
        .collect()
}

/// Loads the rules and a recording that ends now, runs the rules, and gives what each came to.
async fn detect(server: &TestServer, tenant: &str, recording: &str) -> Vec<Value> {
    let token = server.token_in(tenant, OWN).await;
    for (id, source) in rules() {
        let path = format!("/bartizan/v1/rules/{id}");
        let stored = server
            .call(
                Method::PUT,
                &path,
                Some(&token),
                Some(json!({ "source": source })),
            )
            .await;
        assert!(stored.status.is_success(), "{id}: {:?}", stored.body);
    }
    let path = demo().join("telemetry").join(recording);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name")
        .to_owned();
    let bytes = std::fs::read(&path).expect("a recording");
    let taken = server
        .ingest_bytes(tenant, &format!("name={name}&end=now"), bytes)
        .await;
    assert_eq!(
        taken.status,
        StatusCode::OK,
        "{recording}: {:?}",
        taken.body
    );
    assert_eq!(taken.body["rejected"], json!({}), "{recording}");
    assert!(
        taken.body["acceptedRows"].as_u64().expect("rows") > 200,
        "{recording}: {:?}",
        taken.body
    );
    let day = Some(json!({ "lookback": "P1D" }));
    let ran = server
        .call(Method::POST, "/bartizan/v1/rules/run", Some(&token), day)
        .await;
    assert_eq!(ran.status, StatusCode::OK, "{recording}: {:?}", ran.body);
    let outcomes = ran.body["value"].as_array().expect("outcomes").clone();
    for outcome in &outcomes {
        assert_eq!(outcome["error"], Value::Null, "{recording}: {outcome}");
    }
    outcomes
}

/// The rules that had hits.
fn fired(outcomes: &[Value]) -> BTreeSet<&str> {
    let hit = outcomes
        .iter()
        .filter(|o| o["hits"].as_u64().expect("hits") > 0);
    hit.map(|o| o["ruleId"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_fires_on_its_recording_and_on_no_other() {
    let server = TestServer::start().await;
    let mut never: BTreeSet<String> = rules().into_keys().collect();
    let mut wrong = Vec::new();
    for (recording, expected) in RECORDINGS {
        let tenant = server.create_tenant(recording).await;
        let outcomes = detect(&server, &tenant, &format!("otrf/{recording}.zip")).await;
        let (got, want) = (
            fired(&outcomes),
            expected.iter().copied().collect::<BTreeSet<_>>(),
        );
        for id in &got {
            never.remove(*id);
        }
        if got != want {
            let (missing, extra) = (want.difference(&got), got.difference(&want));
            wrong.push(format!("{recording}: missing {missing:?}, extra {extra:?}"));
        }
        // Alerts come together in few incidents: one attack, one story.
        let token = server.token_in(&tenant, XDR).await;
        let incidents = server.get("/api/incidents", &token).await;
        let count = incidents.body["value"].as_array().map_or(0, Vec::len);
        if count == 0 || count > 3 {
            wrong.push(format!("{recording}: {count} incidents"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(never.is_empty(), "rules without a recording: {never:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rule_fires_on_an_ordinary_day() {
    let server = TestServer::start().await;
    let outcomes = detect(&server, &server.tenant, "benign/office_day.jsonl.gz").await;
    assert_eq!(outcomes.len(), rules().len());
    assert_eq!(fired(&outcomes), BTreeSet::new());
}
