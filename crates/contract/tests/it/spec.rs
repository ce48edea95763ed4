//! The spec files agree with each other: every name that one file uses is defined in another.

use std::collections::{BTreeMap, BTreeSet};

use bartizan_contract::KqlType;
use serde_json::{Map, Value};
use uuid::Uuid;

const BASE: [&str; 9] = [
    "string", "int32", "int64", "double", "boolean", "datetime", "guid", "object", "duration",
];

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

struct Spec {
    operations: Vec<Value>,
    entities: Map<String, Value>,
    enums: Map<String, Value>,
    resources: Vec<Value>,
    hunting: Value,
    errors: Value,
}

fn spec() -> Spec {
    let endpoints = read(include_str!("../../spec/endpoints.json"));
    let support = read(include_str!("../../spec/support.json"));
    let entities = read(include_str!("../../spec/entities.json"));
    let permissions = read(include_str!("../../spec/permissions.json"));
    let list = |v: &Value| v.as_array().expect("list").clone();
    let object = |v: &Value| v.as_object().expect("object").clone();
    let mut resources = list(&permissions["resources"]);
    for resource in &mut resources {
        let api = resource["api"].as_str().expect("api").to_owned();
        if let Some(more) = support["permissions"][&api].as_array() {
            resource["permissions"]
                .as_array_mut()
                .expect("list")
                .extend(more.iter().cloned());
        }
    }
    resources.extend(list(&support["resources"]));
    Spec {
        operations: [list(&endpoints), list(&support["operations"])].concat(),
        entities: object(&entities["entities"]),
        enums: object(&entities["graph_enums"]),
        resources,
        hunting: read(include_str!("../../spec/hunting-schema.json")),
        errors: read(include_str!("../../spec/identity-errors.json")),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

#[test]
fn permissions_are_unique_and_have_guids() {
    for resource in &spec().resources {
        let mut seen = BTreeSet::new();
        for p in items(resource, "permissions") {
            let id = text(p, "id");
            assert_eq!(Uuid::parse_str(id).expect(id).to_string(), id);
            assert!(
                seen.insert((text(p, "kind").to_owned(), id.to_owned())),
                "{id} twice"
            );
            assert!(
                seen.insert((text(p, "kind").to_owned(), text(p, "name").to_owned())),
                "{p}"
            );
        }
    }
}

#[test]
fn operations_name_known_permissions_and_are_unique() {
    let spec = spec();
    let mut names: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for resource in &spec.resources {
        for p in items(resource, "permissions") {
            let key = (text(resource, "api").to_owned(), text(p, "kind").to_owned());
            names
                .entry(key)
                .or_default()
                .insert(text(p, "name").to_owned());
        }
    }
    let mut seen = BTreeSet::new();
    for o in &spec.operations {
        let tag = format!(
            "{} {} {}",
            text(o, "api"),
            text(o, "method"),
            text(o, "path")
        );
        assert!(text(o, "path").starts_with('/'), "{tag}");
        let plain: String = text(o, "path")
            .split('{')
            .map(|p| p.split_once('}').map_or(p, |(_, rest)| rest))
            .collect();
        assert!(
            seen.insert((text(o, "method").to_owned(), plain.to_lowercase())),
            "{tag} twice"
        );
        for (kind, key) in [
            ("application", "app_permissions"),
            ("delegated", "delegated_permissions"),
        ] {
            for p in items(o, key) {
                let name = p.as_str().expect("text");
                let api = (text(o, "api").to_owned(), kind.to_owned());
                assert!(
                    names[&api].contains(name),
                    "{tag}: {kind} permission {name} is unknown"
                );
            }
        }
        // The settings of streaming have no documented permission; `/me` is nobody to an application; a batch needs what
        // its parts need.
        assert!(
            items(o, "app_permissions").count() > 0
                || ["streaming", "me", "batch"].contains(&text(o, "group")),
            "{tag}"
        );
        for field in o["request_fields"]
            .as_object()
            .into_iter()
            .flat_map(|f| f.values())
        {
            let reference = text(field, "enum_ref");
            assert!(
                reference.is_empty() || spec.enums.contains_key(reference),
                "{tag}: {reference}"
            );
        }
    }
}

#[test]
fn documented_operations_answer_with_known_entities() {
    let spec = spec();
    for o in spec
        .operations
        .iter()
        .filter(|o| text(o, "api") != "bartizan")
    {
        let name = text(o, "response_type");
        // Directory objects are typed in Rust alone.
        let directory = !text(o, "path").starts_with("/security") && text(o, "api") == "graph";
        assert!(
            name.is_empty() || directory || spec.entities.contains_key(name),
            "{name}"
        );
    }
}

#[test]
fn filters_name_fields_of_the_entity() {
    // The page of this operation lists the fields of another entity; what it means is unknown.
    const SLIPS: [&str; 1] = ["/api/browserextensions/permissionsinfo"];
    let spec = spec();
    for o in &spec.operations {
        let Some(entity) = spec.entities.get(text(o, "response_type")) else {
            continue;
        };
        let have: BTreeSet<String> = entity["fields"]
            .as_object()
            .expect("fields")
            .keys()
            .map(|k| k.to_lowercase())
            .collect();
        for f in items(&o["query_options"], "$filter").filter_map(Value::as_str) {
            let known = have.contains(&f.to_lowercase());
            assert!(
                known || SLIPS.contains(&text(o, "path")),
                "{} {f}",
                text(o, "path")
            );
        }
    }
}

#[test]
fn entities_use_known_types() {
    let spec = spec();
    for (name, entity) in &spec.entities {
        let parent = text(entity, "extends");
        assert!(
            parent.is_empty() || spec.entities.contains_key(parent),
            "{name} extends {parent}"
        );
        for (field, f) in entity["fields"].as_object().expect("fields") {
            let ty = text(f, "type").replace("[]", "");
            assert!(
                BASE.contains(&ty.as_str()) || spec.entities.contains_key(&ty),
                "{name}.{field}: {ty}"
            );
            let reference = text(f, "enum_ref");
            assert!(
                reference.is_empty() || spec.enums.contains_key(reference),
                "{name}.{field}"
            );
        }
    }
}

#[test]
fn hunting_columns_are_unique_and_typed() {
    let hunting = spec().hunting;
    for (name, table) in hunting["tables"].as_object().expect("tables") {
        let mut seen = BTreeSet::new();
        for column in items(table, "columns") {
            assert!(
                seen.insert(text(column, "name").to_owned()),
                "{name}.{column} twice"
            );
            assert!(
                KqlType::parse(text(column, "type")).is_some(),
                "{name}.{column}"
            );
        }
        assert!(!seen.is_empty(), "{name} has no columns");
    }
    for (name, function) in hunting["functions"].as_object().expect("functions") {
        for column in items(function, "columns") {
            assert!(
                KqlType::parse(text(column, "type")).is_some(),
                "{name}.{column}"
            );
        }
    }
}

#[test]
fn identity_errors_are_counted() {
    let errors = spec().errors;
    assert_eq!(
        errors["count"].as_u64(),
        Some(items(&errors, "errors").count() as u64)
    );
}
