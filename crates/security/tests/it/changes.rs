//! What analysts may change, and how requests are refused.

use bartizan_contract::IncidentId;
use bartizan_security::incident::transition;
use bartizan_security::{
    AlertPatch, Classification, Determination, Incident, IncidentPatch, IncidentStatus, PatchError,
    Severity,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn incident() -> Incident {
    Incident {
        id: IncidentId(1),
        redirect_to: None,
        name: "n".into(),
        severity: Severity::High,
        status: IncidentStatus::Active,
        assigned_to: Some("ann".into()),
        classification: None,
        determination: None,
        tags: vec!["old".into()],
        comments: Vec::new(),
        created: 1,
        last_update: 1,
        first_activity: 1,
        last_activity: 1,
        version: 0,
    }
}

fn applied(body: Value) -> Result<Incident, PatchError> {
    let mut incident = incident();
    IncidentPatch::parse(&body)?.apply(&mut incident, "bob", 9)?;
    Ok(incident)
}

#[test]
fn every_documented_field_is_applied() {
    let done = applied(json!({
        "status": "Resolved", "assignedTo": "secop@contoso.com", "classification": "TruePositive",
        "determination": "CompromisedUser", "tags": ["b", "a", "b", " "], "comment": "done",
    }))
    .unwrap();
    assert_eq!(done.status, IncidentStatus::Resolved);
    assert_eq!(done.assigned_to.as_deref(), Some("secop@contoso.com"));
    assert_eq!(done.determination, Some(Determination::CompromisedAccount));
    assert_eq!(done.tags, ["b", "a"]);
    assert_eq!(
        (
            done.comments[0].text.as_str(),
            done.comments[0].created_by.as_str()
        ),
        ("done", "bob")
    );
    assert_eq!(done.last_update, 9);
    assert_eq!(
        applied(json!({ "assignedTo": null })).unwrap().assigned_to,
        None
    );
    assert_eq!(
        applied(json!({ "tags": [] })).unwrap().tags,
        Vec::<String>::new()
    );
    assert_eq!(
        applied(json!({ "status": "Active" })).unwrap(),
        incident(),
        "no change, no new time"
    );
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let long = "x".repeat(20_000);
    for (body, says) in [
        (json!([]), "JSON object"),
        (
            json!({}),
            "status, assignedTo, classification, determination, tags, comment",
        ),
        (json!({ "Status": "Active" }), "letter case"),
        (json!({ "severity": "High" }), "'severity'"),
        (
            json!({ "status": "Closed" }),
            "Active, InProgress, Resolved, Redirected",
        ),
        (json!({ "status": 5 }), "'status' must be a string"),
        (json!({ "status": null }), "'status' must be a string"),
        (json!({ "assignedTo": 5 }), "'assignedTo'"),
        (json!({ "classification": "Maybe" }), "FalsePositive"),
        (
            json!({ "classification": "TruePositive", "determination": "Apt" }),
            "MultiStagedAttack",
        ),
        (
            json!({ "determination": "Malware" }),
            "needs a 'classification'",
        ),
        (
            json!({ "classification": "FalsePositive", "determination": "Malware" }),
            "does not fit",
        ),
        (
            json!({ "classification": "Unknown", "determination": "Malware" }),
            "needs a 'classification'",
        ),
        (json!({ "tags": "x" }), "an array of strings"),
        (json!({ "tags": [1] }), "an array of strings"),
        (json!({ "tags": vec!["x"; 200] }), "longer than 100"),
        (json!({ "comment": "" }), "'comment'"),
        (json!({ "comment": long }), "longer than 10000"),
        (json!({ "comment": "a\u{0}b" }), "NUL"),
        (
            json!({ "status": "Redirected" }),
            "from status 'Active' to 'Redirected'",
        ),
    ] {
        let error = applied(body.clone()).unwrap_err().to_string();
        assert!(error.contains(says), "{body}: {error}");
    }
}

#[test]
fn a_new_verdict_drops_a_reason_that_it_cannot_have() {
    let mut incident = incident();
    let mut apply = |body: Value| {
        IncidentPatch::parse(&body)
            .unwrap()
            .apply(&mut incident, "b", 2)
            .unwrap();
        (incident.classification, incident.determination)
    };
    apply(json!({ "classification": "TruePositive", "determination": "Malware" }));
    assert_eq!(
        apply(json!({ "determination": "Phishing" })).1,
        Some(Determination::Phishing)
    );
    assert_eq!(
        apply(json!({ "classification": "FalsePositive" })),
        (Some(Classification::FalsePositive), None)
    );
    assert_eq!(apply(json!({ "classification": "Unknown" })), (None, None));
}

#[test]
fn a_merged_incident_is_final() {
    let mut merged = incident();
    merged.redirect(IncidentId(2), 5).unwrap();
    assert!(merged.redirect(IncidentId(3), 6).is_err());
    assert!(
        incident().redirect(IncidentId(1), 5).is_err(),
        "not into itself"
    );
    let reopen = IncidentPatch::parse(&json!({ "status": "Active" })).unwrap();
    assert!(matches!(
        reopen.apply(&mut merged, "b", 7),
        Err(PatchError::IllegalTransition { .. })
    ));
    let remark = IncidentPatch::parse(&json!({ "comment": "c", "status": "Redirected" })).unwrap();
    assert!(remark.apply(&mut merged, "b", 7).unwrap().changed);
    assert_eq!(merged.redirect_to, Some(IncidentId(2)));
}

#[test]
fn batch_requests_carry_ids_beside_the_fields() {
    let body = json!({ "alertIds": ["a"], "status": "InProgress" });
    assert!(AlertPatch::parse(&body, &["alertIds"]).is_ok());
    assert!(matches!(
        AlertPatch::parse(&body, &[]),
        Err(PatchError::UnknownField { .. })
    ));
    let alone = json!({ "alertIds": ["a"] });
    assert!(matches!(
        AlertPatch::parse(&alone, &["alertIds"]),
        Err(PatchError::Empty { .. })
    ));
}

fn body() -> impl Strategy<Value = Value> {
    let word = |words: &'static [&'static str]| {
        proptest::option::of(proptest::sample::select(words.to_vec()))
    };
    (
        word(&["Active", "InProgress", "Resolved", "Redirected", "Bad"]),
        word(&[
            "TruePositive",
            "FalsePositive",
            "InformationalExpectedActivity",
            "Unknown",
        ]),
        word(&[
            "Malware",
            "Clean",
            "Other",
            "SecurityTesting",
            "NotAvailable",
        ]),
        proptest::option::of(".{0,5}"),
    )
        .prop_map(|(status, classification, determination, comment)| {
            let mut body = serde_json::Map::new();
            for (key, value) in [
                ("status", status.map(str::to_owned)),
                ("classification", classification.map(str::to_owned)),
                ("determination", determination.map(str::to_owned)),
                ("comment", comment),
            ] {
                body.extend(value.map(|v| (key.to_owned(), json!(v))));
            }
            Value::Object(body)
        })
}

proptest! {
    #[test]
    fn any_sequence_of_requests_keeps_an_incident_sound(bodies in proptest::collection::vec(body(), 0..20)) {
        let mut incident = incident();
        for (time, body) in bodies.iter().enumerate() {
            let before = incident.clone();
            let result = IncidentPatch::parse(body).and_then(|p| p.apply(&mut incident, "b", time as i64 + 2));
            match result {
                Err(_) => prop_assert_eq!(&incident, &before),
                Ok(effects) => prop_assert_eq!(effects.changed, incident != before),
            }
            prop_assert!(transition(before.status, incident.status).is_ok());
            prop_assert!(incident.status != IncidentStatus::Redirected);
            prop_assert!(incident.comments.len() >= before.comments.len());
            if let Some(reason) = incident.determination {
                prop_assert!(reason.fits(incident.classification.unwrap()));
            }
        }
    }

    #[test]
    fn any_json_is_read_or_refused(text in ".{0,60}", number in any::<i64>()) {
        for value in [json!(text), json!(number), json!({ "status": text.clone() }), json!({ "tags": [text, number] })] {
            let _ = IncidentPatch::parse(&value);
            let _ = AlertPatch::parse(&value, &[]);
        }
    }
}
