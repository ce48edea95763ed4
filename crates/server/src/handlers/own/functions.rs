//! `/bartizan/v1/functions`: functions of the hunting language that a tenant keeps.

use axum::response::Response;
use bartizan_contract::TenantId;
use bartizan_contract::odata::Collection;
use bartizan_contract::time::Timestamp;
use bartizan_hunting::{FunctionText, Reach, with_functions};
use bartizan_kql::SavedFunction;
use bartizan_kql::saved::{self, Problem};
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
const MOST: usize = 1_000;

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

/// A tenant's functions, as hunts take them.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn texts(
    tx: &mut ReadTx,
    tenant: TenantId,
) -> Result<Vec<FunctionText>, StoreError> {
    Ok(stored::list(tx, tenant)
        .await?
        .into_iter()
        .map(text)
        .collect())
}

fn text(function: StoredFunction) -> FunctionText {
    FunctionText {
        name: function.name,
        parameters: function.parameters,
        body: function.body,
    }
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
    let now = call.app.clock.unix_micros();
    let function = StoredFunction {
        name: name.clone(),
        parameters: new.parameters,
        body: new.body,
        description: new.description,
        created: now,
        updated: now,
    };
    let parsed = SavedFunction::parse(&function.parameters, &function.body)
        .map_err(|problems| wrong(told(&problems)))?;
    let tenant = call.tenant();
    let mut tx = call.app.store.write().await?;
    let mut known = stored::list(&mut tx, tenant).await?;
    let before = known.iter().position(|f| f.name == name);
    let created = before.map(|at| known.remove(at).created);
    if created.is_none() && known.len() >= MOST {
        return Err(wrong(format!(
            "A tenant has at most {MOST} functions; delete one first."
        )));
    }
    known.push(function.clone());
    let texts: Vec<FunctionText> = known.into_iter().map(text).collect();
    let calls = format!("{}\n{}", function.parameters, function.body);
    let problems = parsed.check(&name, &with_functions(scope, &calls, &texts));
    if !problems.is_empty() {
        return Err(wrong(told(&problems)));
    }
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
