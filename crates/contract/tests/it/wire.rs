//! The wire types have exactly the documented fields: each is filled completely, printed, and its
//! keys compared with the entity in `spec/entities.json`.

use bartizan_contract::advanced_hunting::{self, MdeResponse, Stats, XdrResponse};
use bartizan_contract::time::Timestamp;
use bartizan_contract::{mde, odata, xdr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn entities() -> Map<String, Value> {
    let text = include_str!("../../spec/entities.json");
    let file: Value = serde_json::from_str(text).expect("JSON");
    file["entities"].as_object().expect("object").clone()
}

/// An instance of a documented entity with every field filled.
fn filled(entities: &Map<String, Value>, name: &str) -> Value {
    let fields = entities[name]["fields"].as_object().expect("fields");
    fields
        .iter()
        .map(|(key, field)| (key.clone(), fill(entities, field)))
        .collect()
}

fn fill(entities: &Map<String, Value>, field: &Value) -> Value {
    let ty = field["type"].as_str().expect("type");
    if let Some(item) = ty.strip_suffix("[]") {
        return json!([fill(entities, &json!({ "type": item }))]);
    }
    match ty {
        "string" => field["enum"]
            .get(0)
            .cloned()
            .unwrap_or_else(|| json!("00000000-0000-0000-0000-000000000000")),
        "guid" => json!("00000000-0000-0000-0000-000000000000"),
        "int32" | "int64" => json!(7),
        "double" => json!(1.5),
        "boolean" => json!(true),
        "datetime" => json!("2020-09-06T14:46:57.0733333Z"),
        "object" => json!({}),
        entity => filled(entities, entity),
    }
}

fn round_trip<T: Serialize + DeserializeOwned>(name: &str) {
    let entities = entities();
    let documented = filled(&entities, name);
    let typed: T =
        serde_json::from_value(documented.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let printed = serde_json::to_value(&typed).expect("printable");
    assert_eq!(printed, documented, "{name}");
    nulls_are_printed::<T>(&entities, name);
}

/// What may be null is printed as null, not left out.
fn nulls_are_printed<T: Serialize + DeserializeOwned>(entities: &Map<String, Value>, name: &str) {
    // Documented, but in no example: these are left out when absent.
    const OPTIONAL: [&str; 2] = ["detectionSource", "type"];
    let mut sparse = filled(entities, name);
    let object = sparse.as_object_mut().expect("object");
    for (key, field) in entities[name]["fields"].as_object().expect("fields") {
        if field["nullable"] == json!(true) && !OPTIONAL.contains(&key.as_str()) {
            object[key] = Value::Null;
        }
    }
    let typed: T = serde_json::from_value(sparse.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(
        serde_json::to_value(&typed).expect("printable"),
        sparse,
        "{name}"
    );
}

#[test]
fn wire_types_have_the_documented_fields() {
    round_trip::<xdr::Incident>("xdrIncident");
    round_trip::<xdr::Alert>("xdrAlert");
    round_trip::<xdr::Device>("xdrDevice");
    round_trip::<xdr::Entity>("xdrEntity");
    round_trip::<xdr::Comment>("xdrComment");
    round_trip::<mde::Alert>("mdeAlert");
    round_trip::<mde::Evidence>("mdeEvidence");
    round_trip::<mde::RelatedUser>("mdeRelatedUser");
    round_trip::<mde::Machine>("machine");
    round_trip::<mde::IpAddress>("machineIpAddress");
    round_trip::<advanced_hunting::Column>("huntingColumn");
}

#[test]
fn an_update_tells_null_from_absent_and_refuses_strange_keys() {
    let update: xdr::IncidentUpdate = serde_json::from_str(r#"{"assignedTo":null}"#).unwrap();
    assert_eq!(update.assigned_to, Some(None));
    assert_eq!(
        serde_json::to_string(&update).unwrap(),
        r#"{"assignedTo":null}"#
    );
    let update: xdr::IncidentUpdate = serde_json::from_str("{}").unwrap();
    assert_eq!(update, xdr::IncidentUpdate::default());
    assert!(serde_json::from_str::<xdr::IncidentUpdate>(r#"{"Status":"Active"}"#).is_err());
}

#[test]
fn hunting_answers_keep_the_documented_order() {
    let response = XdrResponse {
        stats: Stats {
            execution_time: 4.5,
            ..Stats::default()
        },
        schema: vec![advanced_hunting::Column::new(
            "Timestamp",
            bartizan_contract::KqlType::DateTime,
        )],
        results: vec![json!({ "Timestamp": "2020-08-30T06:38:35.7664356Z" })],
    };
    let text = serde_json::to_string(&response).unwrap();
    assert!(
        text.starts_with(r#"{"Stats":{"ExecutionTime":4.5,"resource_usage":{"cache":{"memory""#),
        "{text}"
    );
    assert!(text.contains(r#""total cpu":"00:00:00""#), "{text}");
    assert!(
        text.contains(
            r#""Schema":[{"Name":"Timestamp","Type":"DateTime"}],"Results":[{"Timestamp""#
        ),
        "{text}"
    );
    let read: MdeResponse = serde_json::from_str(&text).unwrap();
    assert_eq!(read.results.len(), 1);
}

#[test]
fn pages_print_context_rows_and_link() {
    let page = odata::Collection {
        context: Some("https://h/api/$metadata#Incidents".into()),
        count: None,
        value: vec![1, 2],
        next_link: Some("https://h/next".into()),
    };
    assert_eq!(
        serde_json::to_string(&page).unwrap(),
        r#"{"@odata.context":"https://h/api/$metadata#Incidents","value":[1,2],"@odata.nextLink":"https://h/next"}"#
    );
    let single = odata::Entity {
        context: Some("c".into()),
        entity: xdr::Comment {
            comment: "x".into(),
            created_by: "y".into(),
            created_time: Timestamp::from_unix_micros(0),
        },
    };
    let text = serde_json::to_string(&single).unwrap();
    assert_eq!(
        text,
        r#"{"@odata.context":"c","comment":"x","createdBy":"y","createdTime":"1970-01-01T00:00:00Z"}"#
    );
    assert_eq!(
        serde_json::from_str::<odata::Entity<xdr::Comment>>(&text).unwrap(),
        single
    );
}
