//! From hits to alerts, and what incidents of them are called.

use bartizan_contract::IncidentId;
use bartizan_contract::time::ticks_from_unix_micros;
use bartizan_contract::value::Value;
use bartizan_security::correlation::{Key, keys_of};
use bartizan_security::detection::{Draft, Hit, MAX_EVIDENCE, drafts};
use bartizan_security::naming::incident_name;
use bartizan_security::{Alert, Entity, Rule};
use proptest::prelude::*;

const NOW: i64 = 1_700_000_000_000_000;
const MINUTE: i64 = 60_000_000;

fn rule(id: &str, category: &str) -> Rule {
    Rule::parse(&format!(
        r#"
        id = "{id}"
        title = "{id} happened"
        severity = "Medium"
        category = "{category}"
        description = "d"
        mitre = ["T1059"]
        query = "DeviceProcessEvents"
        [dedup]
        columns = ["DeviceId", "AccountName"]
        window = "1h"
        [[entities]]
        kind = "device"
        [[entities]]
        kind = "user"
        [[entities]]
        kind = "process"
        columns = {{ command_line = "Line" }}
        [[entities]]
        kind = "registry"
        [[entities]]
        kind = "ip"
        "#
    ))
    .unwrap()
}

fn columns() -> Vec<String> {
    [
        "Timestamp",
        "DeviceId",
        "DeviceName",
        "AccountName",
        "Line",
        "SHA1",
        "ProcessId",
        "RegistryKey",
        "RemoteIP",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn row(minutes: i64, device: &str, user: &str, line: &str) -> Vec<Value> {
    let text = |t: &str| {
        if t.is_empty() {
            Value::Null
        } else {
            Value::String(t.to_owned())
        }
    };
    vec![
        Value::DateTime(ticks_from_unix_micros(NOW + minutes * MINUTE)),
        text(device),
        text("Host.Corp"),
        text(user),
        text(line),
        text("ABCD"),
        Value::Long(7),
        text("HKEY_LOCAL_MACHINE\\Software\\Run"),
        Value::Null,
    ]
}

fn alerts(rule: &Rule, rows: &[Vec<Value>]) -> Vec<Draft> {
    let columns = columns();
    drafts(
        rule,
        rows.iter().map(|values| Hit {
            columns: &columns,
            values,
        }),
        NOW,
    )
}

#[test]
fn a_hit_becomes_an_alert_with_evidence() {
    let drafts = alerts(&rule("r", "Execution"), &[row(5, "ABC", "ann", "x \0y")]);
    let alert = drafts[0].alert();
    assert_eq!(
        (alert.first_activity, alert.last_activity, alert.created),
        (NOW + 5 * MINUTE, NOW + 5 * MINUTE, NOW)
    );
    assert_eq!(alert.device_id.as_ref().unwrap().as_str(), "abc");
    assert_eq!(alert.details.device_name.as_deref(), Some("Host.Corp"));
    let kinds: Vec<_> = alert.evidence.iter().map(|e| e.entity.kind()).collect();
    assert_eq!(
        kinds,
        ["Device", "User", "Process", "Registry"],
        "the address is null, so it is none"
    );
    let Entity::Process(process) = &alert.evidence[2].entity else {
        panic!()
    };
    assert_eq!(
        process.command_line.as_deref(),
        Some("x y"),
        "no NUL gets into the store"
    );
    assert_eq!(
        (process.sha1.as_deref(), process.process_id),
        (Some("abcd"), Some(7))
    );
    let Entity::Registry(registry) = &alert.evidence[3].entity else {
        panic!()
    };
    assert_eq!(registry.hive.as_deref(), Some("HKEY_LOCAL_MACHINE"));
    assert_eq!(registry.key.as_deref(), Some("Software\\Run"));
    let keys = keys_of(alert);
    assert_eq!(
        keys.into_iter().collect::<Vec<_>>(),
        [Key::Device("abc".into()), Key::User("ann".into())]
    );
    let (ticks, number) = alert
        .id
        .as_str()
        .strip_prefix("da")
        .unwrap()
        .split_once('_')
        .unwrap();
    assert_eq!(
        ticks.parse::<i64>().unwrap(),
        ticks_from_unix_micros(NOW + 5 * MINUTE)
    );
    assert!(number.parse::<i32>().is_ok());
    assert_eq!(
        drafts[0].clone().in_incident(IncidentId(4)).incident_id,
        IncidentId(4)
    );
    assert_ne!(drafts[0].clone().renumbered(1).alert().id, alert.id);
}

#[test]
fn hits_of_one_window_are_one_alert() {
    let rule = rule("r", "Execution");
    let same = alerts(&rule, &[row(0, "d", "ann", "a"), row(1, "D", "ANN", "b")]);
    assert_eq!(same.len(), 1);
    let lines = same[0]
        .alert()
        .evidence
        .iter()
        .filter(|e| matches!(e.entity, Entity::Process(_)))
        .count();
    assert_eq!(lines, 2);
    let other = alerts(
        &rule,
        &[
            row(0, "d", "ann", "a"),
            row(0, "d", "bob", "a"),
            row(600, "d", "ann", "a"),
        ],
    );
    assert_eq!(other.len(), 3);
    let again = alerts(&rule, &[row(0, "d", "ann", "a")]);
    assert_eq!(
        again[0].alert().dedup_key,
        other[0].alert().dedup_key,
        "the key is the same in every run"
    );
    let many: Vec<_> = (0..1000)
        .map(|n| row(0, "d", "ann", &n.to_string()))
        .collect();
    assert_eq!(alerts(&rule, &many)[0].alert().evidence.len(), MAX_EVIDENCE);
}

fn held(rule: &Rule, device: &str, user: &str) -> Alert {
    alerts(rule, &[row(0, device, user, "a")])
        .remove(0)
        .in_incident(IncidentId(1))
}

#[test]
fn incidents_are_named_by_what_happened_where() {
    let execution = rule("first", "Execution");
    let persistence = rule("second", "Persistence");
    let again = rule("third", "Execution");
    for (alerts, name) in [
        (
            vec![held(&execution, "a", "u")],
            "first happened on one endpoint",
        ),
        (
            vec![held(&execution, "a", "u"), held(&execution, "b", "u")],
            "first happened on multiple endpoints",
        ),
        (
            vec![held(&execution, "a", "u"), held(&again, "a", "u")],
            "Execution incident on one endpoint",
        ),
        (
            vec![held(&persistence, "a", "u"), held(&execution, "b", "u")],
            "Multi-stage incident involving Execution & Persistence on multiple endpoints",
        ),
        (
            vec![held(&execution, "", "u")],
            "first happened involving one user",
        ),
        (
            vec![held(&execution, "", "u"), held(&execution, "", "v")],
            "first happened involving multiple users",
        ),
        (vec![held(&execution, "", "SYSTEM")], "first happened"),
    ] {
        assert_eq!(incident_name(&alerts), name);
    }
}

proptest! {
    #[test]
    fn the_order_of_hits_does_not_matter(
        hits in proptest::collection::vec((0..200_i64, 0..3_u8, 0..3_u8), 1..30),
        seed in any::<u64>(),
    ) {
        let rows: Vec<_> = hits.iter().map(|(m, d, u)| row(*m, &format!("d{d}"), &format!("u{u}"), "x")).collect();
        let mut shuffled = rows.clone();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, (state >> 33) as usize % (i + 1));
        }
        let rule = rule("r", "Execution");
        prop_assert_eq!(alerts(&rule, &rows), alerts(&rule, &shuffled));
    }
}
