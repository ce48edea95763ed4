//! Old and new values of what a change of an object changed, for its audit event (`modifiedProperties`). Secrets, passwords
//! and keys are named there without their values.

use serde_json::{Map, Value as Json, json};

/// Where an event's details keep them.
pub(crate) const KEY: &str = "changes";
/// The longest text of a value, in bytes.
const LONGEST: usize = 4 * 1024;
/// The longest values of one event together, in bytes; properties beyond that are named alone.
const MOST: usize = 32 * 1024;
/// Properties whose values are told nowhere.
const SECRET: &[&str] = &[
    "bartizanKeySet",
    "keyCredentials",
    "password",
    "passwordCredentials",
    "passwordProfile",
];

/// The details of a change: the object's name, the properties that the body names, and what is another now. `before` and
/// `after` are the object as Graph prints it.
pub(in crate::handlers) fn details(body: &Json, before: &Json, after: &Json) -> Json {
    let names = body.as_object().into_iter().flat_map(Map::keys);
    let names: Vec<&String> = names.collect();
    json!({
        "displayName": after.get("displayName").or(after.get("name")),
        "properties": names,
        KEY: between(before, after),
    })
}

/// What differs between two states of an object: `[{name, old, new}]`, the values as JSON texts. Members of an object are
/// told one by one (`web/redirectUris`).
pub(in crate::handlers) fn between(before: &Json, after: &Json) -> Json {
    let mut found = Vec::new();
    differing("", before, after, &mut found);
    let mut room = MOST;
    let told = found.into_iter().map(|(name, old, new)| {
        let secret = SECRET.iter().any(|word| name.ends_with(word));
        let (old, new) = match secret {
            true => (None, None),
            false => texts(&old, &new),
        };
        let size = old.as_ref().map_or(0, String::len) + new.as_ref().map_or(0, String::len);
        match room.checked_sub(size) {
            Some(rest) => {
                room = rest;
                json!({ "name": name, "old": old, "new": new })
            }
            None => json!({ "name": name, "old": null, "new": null }),
        }
    });
    Json::Array(told.collect())
}

/// The changes of an event, each with these names for the property, its old and its new value.
pub(crate) fn of(details: &Json, [name, old, new]: [&str; 3]) -> Vec<Json> {
    let changes = details.get(KEY).and_then(Json::as_array);
    let changes = changes.into_iter().flatten();
    changes
        .map(|change| json!({ name: change["name"], old: change["old"], new: change["new"] }))
        .collect()
}

/// The other details of an event.
pub(crate) fn without(details: &Json) -> Json {
    let mut rest = details.clone();
    if let Json::Object(rest) = &mut rest {
        rest.remove(KEY);
    }
    rest
}

fn differing(path: &str, before: &Json, after: &Json, found: &mut Vec<(String, Json, Json)>) {
    let nothing = Map::new();
    let (before, after) = (
        before.as_object().unwrap_or(&nothing),
        after.as_object().unwrap_or(&nothing),
    );
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(gone) {
        let of = |object: &Map<String, Json>| object.get(name).cloned().unwrap_or_default();
        let (old, new) = (of(before), of(after));
        if old == new {
            continue;
        }
        let secret = SECRET.contains(&name.as_str());
        if path.is_empty() && !secret && old.is_object() && new.is_object() {
            differing(&format!("{name}/"), &old, &new, found);
        } else {
            found.push((format!("{path}{name}"), old, new));
        }
    }
}

/// Two values as JSON texts. Of long lists only what went and what came.
fn texts(old: &Json, new: &Json) -> (Option<String>, Option<String>) {
    let (mut before, mut after) = (text(old), text(new));
    let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > LONGEST);
    if let (Json::Array(old), Json::Array(new)) = (old, new)
        && (long(&before) || long(&after))
    {
        let minus = |these: &[Json], those: &[Json]| -> Vec<Json> {
            let rest = these.iter().filter(|one| !those.contains(one));
            rest.cloned().collect()
        };
        before = text(&json!(minus(old, new)));
        after = text(&json!(minus(new, old)));
    }
    (before.map(cut), after.map(cut))
}

fn text(value: &Json) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

/// No longer than a value may be; what is cut ends in `…`.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_and_nothing_else() {
        let before =
            json!({ "id": 1, "web": { "redirectUris": ["a"], "logoutUrl": null }, "tags": [] });
        let after =
            json!({ "id": 1, "web": { "redirectUris": ["b"], "logoutUrl": null }, "notes": "n" });
        let told = between(&before, &after);
        assert_eq!(
            told,
            json!([
                { "name": "web/redirectUris", "old": "[\"a\"]", "new": "[\"b\"]" },
                { "name": "notes", "old": null, "new": "\"n\"" },
                { "name": "tags", "old": "[]", "new": null },
            ])
        );
    }

    #[test]
    fn secrets_are_named_and_long_values_bounded() {
        let secret = json!({ "passwordProfile": "s", "bartizanKeySet": { "keys": [1] } });
        let told = between(&json!({}), &secret).to_string();
        assert!(told.contains("passwordProfile") && !told.contains("\"s\\\""));
        assert!(!told.contains("keys"), "{told}");
        let other = json!({ "bartizanKeySet": { "keys": [2] } });
        let told = between(&secret, &other).to_string();
        assert!(
            told.contains("bartizanKeySet") && !told.contains("keys"),
            "{told}"
        );

        let many: Vec<String> = (0..2_000).map(|n| format!("https://{n}.example")).collect();
        let mut more = many.clone();
        more.push("https://new.example".to_owned());
        let told = between(&json!({ "uris": many }), &json!({ "uris": more }));
        assert_eq!(told[0]["old"], "[]");
        assert_eq!(told[0]["new"], "[\"https://new.example\"]");

        let long: Map<String, Json> = (0..40)
            .map(|n| (format!("p{n}"), Json::from("ä".repeat(LONGEST))))
            .collect();
        let told = between(&json!({}), &Json::Object(long));
        assert!(told.to_string().len() < MOST + 4 * 1024);
        assert_eq!(told.as_array().unwrap().len(), 40);
    }
}
