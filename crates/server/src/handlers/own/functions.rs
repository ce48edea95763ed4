//! `/bartizan/v1/functions`: functions of the hunting language that a tenant keeps.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::Response;
use bartizan_contract::TenantId;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_hunting::{FunctionText, Reach, with_functions};
use bartizan_kql::saved::{self, Problem};
use bartizan_kql::{SavedFunction, Scope};
use bartizan_store::hunting_functions::{self as stored, StoredFunction};
use bartizan_store::{ReadTx, StoreError};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::{Call, json as answer, no_content};
use crate::error::{ApiError, Kind};
use crate::handlers::directory::record;

/// The longest parameters and body together, in bytes.
const MAX_TEXT: usize = 100_000;
/// The most functions of a tenant.
const MOST: i64 = 1_000;
/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1_000;
/// The most characters of a tenant's functions, names and descriptions included: each hunt that calls some reads them.
const MAX_ALL: i64 = 1_000_000;

/// The body of a replacement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFunction {
    #[serde(default)]
    parameters: String,
    body: String,
    #[serde(default)]
    description: String,
}

/// Those of a tenant's functions that a text names, and those that they name, as hunts take them.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn called(
    tx: &mut ReadTx,
    tenant: TenantId,
    text: &str,
) -> Result<Vec<FunctionText>, StoreError> {
    let mut left: BTreeSet<String> = stored::names(tx, tenant).await?.into_iter().collect();
    let mut found: Vec<FunctionText> = Vec::new();
    let mut named = take_named(&mut left, text);
    while !named.is_empty() {
        let texts = stored::texts(tx, tenant, &named).await?;
        named.clear();
        for (name, parameters, body) in texts {
            named.extend(take_named(&mut left, &parameters));
            named.extend(take_named(&mut left, &body));
            found.push(FunctionText {
                name,
                parameters,
                body,
            });
        }
    }
    Ok(found)
}

fn take_named(names: &mut BTreeSet<String>, text: &str) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let words = saved::words(text).into_iter();
    words.filter_map(|word| names.take(word)).collect()
}

/// Lists the tenant's functions.
pub(crate) async fn list(call: Call) -> Result<Response, ApiError> {
    let mut tx = call.app.store.read().await?;
    let functions = stored::list(&mut tx, call.tenant()).await?;
    let body: Collection<Value> = Collection {
        context: call.context(),
        count: None,
        value: functions.iter().map(wire).collect(),
        next_link: None,
    };
    answer(StatusCode::OK, &body)
}

/// Stores a function after it was parsed and bound.
pub(crate) async fn put(mut call: Call) -> Result<Response, ApiError> {
    let new: NewFunction = call.json().await?;
    let name = call.param("name").to_owned();
    let scope = Reach::All.scope();
    if let Some(problem) = saved::name_problem(&name, &scope) {
        return Err(wrong(format!("{problem}.")));
    }
    if new.parameters.len() + new.body.len() > MAX_TEXT {
        let text = format!("A function has at most {MAX_TEXT} bytes of parameters and body.");
        return Err(wrong(text));
    }
    if new.description.chars().count() > MAX_DESCRIPTION {
        let text = format!("A description has at most {MAX_DESCRIPTION} characters.");
        return Err(wrong(text));
    }
    let now = call.app.clock.unix_micros();
    let function = StoredFunction {
        name: name.clone(),
        parameters: new.parameters,
        body: new.body,
        description: new.description,
        created: now,
        updated: now,
    };
    check(&call, &function, scope).await?;
    let tenant = call.tenant();
    let mut tx = call.app.store.write().await?;
    let others = stored::others(&mut tx, tenant, &name).await?;
    if others.count >= MOST {
        return Err(wrong(format!(
            "A tenant has at most {MOST} functions; delete one first."
        )));
    }
    if others.characters + function.characters() > MAX_ALL {
        return Err(wrong(format!(
            "A tenant's functions have at most {MAX_ALL} characters in all; delete one first."
        )));
    }
    let created = others.replaced;
    stored::put(&mut tx, tenant, &function).await?;
    record(&mut tx, &call, "function.put", &name, json!({})).await?;
    tx.commit().await?;
    let stored = StoredFunction {
        created: created.unwrap_or(now),
        ..function
    };
    let status = match created {
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    answer(status, &wire(&stored))
}

/// Parses and binds a function, before the turn to write, which binding may take longer than others should wait for. A
/// circle that two functions close at the same moment is told when one of them is called.
async fn check(call: &Call, function: &StoredFunction, scope: Arc<Scope>) -> Result<(), ApiError> {
    let parsed = SavedFunction::parse(&function.parameters, &function.body)
        .map_err(|problems| wrong(told(&problems)))?;
    let calls = format!("{}\n{}", function.parameters, function.body);
    let mut tx = call.app.store.read().await?;
    let mut known = called(&mut tx, call.tenant(), &calls).await?;
    drop(tx);
    known.retain(|other| other.name != function.name);
    known.push(FunctionText {
        name: function.name.clone(),
        parameters: function.parameters.clone(),
        body: function.body.clone(),
    });
    let problems = parsed.check(&function.name, &with_functions(scope, &calls, &known));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(wrong(told(&problems)))
    }
}

/// Deletes a function; what calls it fails from then on, and says so.
pub(crate) async fn delete(call: Call) -> Result<Response, ApiError> {
    let name = call.param("name");
    let mut tx = call.app.store.write().await?;
    if !stored::delete(&mut tx, call.tenant(), name).await? {
        return Err(ApiError::not_found("Hunting function", name));
    }
    record(&mut tx, &call, "function.delete", name, json!({})).await?;
    tx.commit().await?;
    Ok(no_content())
}

fn wrong(text: String) -> ApiError {
    ApiError::new(Kind::InvalidInput, text)
}

fn told(problems: &[Problem]) -> String {
    let texts = problems.iter().take(10).map(|problem| {
        let part = if problem.in_body {
            "Body"
        } else {
            "Parameters"
        };
        format!(
            "{part}, line {}, column {}: {}.",
            problem.line, problem.column, problem.message
        )
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn wire(function: &StoredFunction) -> Value {
    json!({
        "name": function.name,
        "parameters": function.parameters,
        "body": function.body,
        "description": function.description,
        "createdDateTime": Timestamp::from_unix_micros(function.created),
        "lastModifiedDateTime": Timestamp::from_unix_micros(function.updated),
    })
}
