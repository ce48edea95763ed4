//! Which value of a record goes into which column: by place or by name, or as `ingestionMapping` says.

use bartizan_kql::types::Type;
use serde_json::{Map, Value};

use super::format::Format;

/// Where a column's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// The field at a place, from 0.
    Field(usize),
    /// A value inside a record; without steps the record itself.
    Path(Vec<Step>),
    /// The same for all records.
    Constant(String),
    /// None: it is null.
    Nothing,
}

/// A step of a JSON path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Into a member.
    Member(String),
    /// Into an element.
    Element(i64),
}

/// The sources of all columns.
pub(super) fn sources(
    columns: &[(&str, Type)],
    format: Format,
    mapping: Option<&str>,
) -> Result<Vec<Source>, String> {
    let Some(text) = mapping else {
        let identity = |(place, (name, _)): (usize, &(&str, Type))| {
            if format.is_named() {
                Source::Path(vec![Step::Member((*name).to_owned())])
            } else {
                Source::Field(place)
            }
        };
        return Ok(columns.iter().enumerate().map(identity).collect());
    };
    let elements: Vec<Map<String, Value>> = serde_json::from_str(text)
        .map_err(|error| format!("ingestionMapping is no JSON array of objects: {error}"))?;
    let mut sources = vec![Source::Nothing; columns.len()];
    for element in &elements {
        let name = get(element, "column").or_else(|| get(element, "name"));
        let name = name.ok_or("an element of ingestionMapping has no 'Column'")?;
        let place = columns.iter().position(|(column, _)| *column == name);
        let place =
            place.ok_or_else(|| format!("ingestionMapping names '{name}', which is no column"))?;
        // Older mappings have the properties beside the name.
        let own = find(element, "properties").and_then(Value::as_object);
        sources[place] = source(own.unwrap_or(element), format)
            .map_err(|why| format!("ingestionMapping of '{name}': {why}"))?;
    }
    Ok(sources)
}

fn source(properties: &Map<String, Value>, format: Format) -> Result<Source, String> {
    if let Some(transform) = get(properties, "transform").filter(|t| !t.is_empty() && t != "None") {
        return Err(format!("the transformation {transform} is not there"));
    }
    if let Some(value) = get(properties, "constvalue") {
        return Ok(Source::Constant(value));
    }
    if format.is_named() {
        let field = get(properties, "field").map(|field| {
            let steps = field.split('.').map(|name| Step::Member(name.to_owned()));
            Source::Path(steps.collect())
        });
        return match (get(properties, "path"), field) {
            (Some(text), _) if text.starts_with('$') => path(&text)
                .map(Source::Path)
                .ok_or_else(|| format!("'{text}' is no path")),
            (Some(constant), _) => Ok(Source::Constant(constant)),
            (None, Some(field)) => Ok(field),
            (None, None) => Err("it has neither Path nor ConstValue".to_owned()),
        };
    }
    let ordinal = get(properties, "ordinal").ok_or("it has neither Ordinal nor ConstValue")?;
    let place = ordinal.parse();
    place
        .map(Source::Field)
        .map_err(|_| format!("the Ordinal '{ordinal}' is no number"))
}

/// A property by name in any case.
fn find<'a>(properties: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    properties
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The same as text; numbers may stand without quotes.
fn get(properties: &Map<String, Value>, name: &str) -> Option<String> {
    match find(properties, name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// `$`, `.name`, `['name']` and `[3]`.
fn path(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['") {
            let (name, after) = quoted.split_once("']")?;
            steps.push(Step::Member(name.replace("\\'", "'")));
            rest = after;
        } else if let Some(quoted) = rest.strip_prefix("[\"") {
            let (name, after) = quoted.split_once("\"]")?;
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        } else if let Some(indexed) = rest.strip_prefix('[') {
            let (index, after) = indexed.split_once(']')?;
            steps.push(Step::Element(index.trim().parse().ok()?));
            rest = after;
        } else {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            match &rest[..end] {
                // `$.['name']`
                "" if rest.starts_with('[') => {}
                "" => return None,
                name => steps.push(Step::Member(name.to_owned())),
            }
            rest = &rest[end..];
        }
    }
    Some(steps)
}

/// The JSON that a path leads to inside another.
pub(super) fn walk<'a>(json: &'a str, steps: &[Step]) -> Option<&'a str> {
    steps.iter().try_fold(json, |json, step| match step {
        Step::Member(name) if crate::json::kind(json) == Some(crate::json::Kind::Object) => {
            crate::json::member(json, name)
        }
        Step::Element(index) if crate::json::kind(json) == Some(crate::json::Kind::Array) => {
            crate::json::element(json, *index)
        }
        _ => None,
    })
}
