//! The three wires of advanced hunting: one engine, three requests and three answers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bartizan_hunting::{
    HuntError, HuntRequest, HuntResult, Limits, Reach, ResultTable, TenantTables, TimeWindow,
    VisibleDevices,
};
use bartizan_kql::types::Type;
use bartizan_store::ReadTx;
use bartizan_store::device_groups::{self, DeviceList};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Kind};
use crate::handlers::own::functions;
use crate::timespan;

/// The longest query (the documentation names no number; Kusto's own limit is 2,000,000 characters).
const MAX_QUERY: usize = 1_000_000;
/// Says that rows were cut off at the limit that is set. The documented answers say nothing of it; a header is what clients
/// that do not know it pass over.
const CUT_OFF: HeaderName = HeaderName::from_static("bartizan-rows-cut-off");
/// Hunting looks back this far, in ticks, whatever the query says (documented: 30 days).
const LOOK_BACK: i64 = 30 * bartizan_contract::time::TICKS_PER_DAY;
/// The same in microseconds.
pub(crate) const LOOK_BACK_MICROS: i64 = LOOK_BACK / bartizan_contract::time::TICKS_PER_MICRO;

/// A dialect's way with columns and limits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Xdr,
    Mde,
    Graph,
}

/// `POST /api/advancedhunting/run`
pub(crate) async fn run_xdr(call: Call) -> Result<Response, ApiError> {
    run(call, Wire::Xdr).await
}

/// `POST /api/advancedqueries/run`: endpoint tables only.
pub(crate) async fn run_mde(call: Call) -> Result<Response, ApiError> {
    run(call, Wire::Mde).await
}

/// `POST /v1.0/security/runHuntingQuery`
pub(crate) async fn run_graph(call: Call) -> Result<Response, ApiError> {
    run(call, Wire::Graph).await
}

async fn run(mut call: Call, wire: Wire) -> Result<Response, ApiError> {
    let body: Value = call.json().await?;
    let query = field(&body, "Query")?.ok_or_else(|| {
        ApiError::new(
            Kind::MissingParameter,
            "The request body must have the field 'Query', a text.",
        )
    })?;
    if query.trim().is_empty() {
        return Err(ApiError::new(Kind::BadRequest, "The query is empty."));
    }
    if query.len() > MAX_QUERY {
        let text = format!(
            "The query has {} bytes; at most {MAX_QUERY} are allowed.",
            query.len()
        );
        return Err(ApiError::new(Kind::TooLarge, text));
    }
    let now = call.app.clock.ticks();
    let timespan = match field(&body, "Timespan")? {
        None => None,
        Some(text) => {
            let (start, end) = timespan::parse(text, now)
                .map_err(|error| ApiError::new(Kind::InvalidInput, error.to_string()))?;
            Some(TimeWindow {
                start: start.max(now - LOOK_BACK),
                end,
            })
        }
    };
    let reach = if wire == Wire::Mde {
        Reach::Endpoint
    } else {
        Reach::All
    };
    let seconds = if wire == Wire::Mde { 200 } else { 180 };
    // Held until the answer is written: its rows are in memory as long.
    let _place = call.app.lanes.hunts.enter(call.tenant()).await?;
    let limits = call.app.settings.hunts.of_a_hunt(seconds);
    let mut request = request(&call, query.to_owned(), reach, limits).await?;
    request.timespan = timespan.or(request.timespan);
    let result = run_within_budget(&call, request)
        .await?
        .map_err(|error| refusal(error, wire))?;
    answer(&call, wire, &result)
}

/// Runs a hunt if the tenant has processor time left, and counts what it costs. A caller that goes away ends it.
async fn run_within_budget(
    call: &Call,
    request: HuntRequest,
) -> Result<Result<HuntResult, HuntError>, ApiError> {
    let charge = call
        .app
        .hunt_budget
        .begin(call.tenant(), call.app.clock.ticks())?;
    let (result, processor) = call.app.engine.measured(request).await;
    if result.is_ok() {
        charge.end(processor);
    } else {
        charge.failed(processor);
    }
    Ok(result)
}

/// A query in the caller's tenant, over as much time as hunts look back.
async fn request(
    call: &Call,
    query: String,
    reach: Reach,
    limits: Limits,
) -> Result<HuntRequest, ApiError> {
    let now = call.app.clock.ticks();
    let mut tx = call.read().await?;
    let functions = functions::called(&mut tx, call.tenant(), &query).await?;
    let devices = devices(&mut tx, call).await?;
    drop(tx);
    let tables = TenantTables::new(Arc::clone(&call.app.events), call.tenant(), reach)
        .with_functions(&query, &functions)
        .of_devices(devices.0, devices.1);
    Ok(HuntRequest {
        query,
        now_ticks: now,
        timespan: Some(TimeWindow {
            start: now - LOOK_BACK,
            end: i64::MAX,
        }),
        limits,
        tables: Arc::new(tables),
    })
}

/// The rows that a query of the server's own finds in the caller's tenant, as JSON objects. It is no hunt of the caller's:
/// neither the set limits of an answer hold for it, nor does it cost processor time that the tenant's hunts have.
///
/// # Errors
/// As a hunt of the caller's; a query that is not valid is a fault.
pub(crate) async fn rows(call: &Call, query: String) -> Result<Vec<Value>, ApiError> {
    let documented = Limits::default();
    let limits = Limits {
        max_rows: documented.max_rows,
        max_bytes: documented.max_bytes,
        timeout: Duration::from_secs(60),
        ..call.app.settings.hunts.of_a_hunt(60)
    };
    let _place = call.app.lanes.hunts.enter(call.tenant()).await?;
    let request = request(call, query, Reach::All, limits).await?;
    let result = call.app.engine.run(request).await;
    let result = result.map_err(|error| match error {
        HuntError::Syntax(_) | HuntError::Semantic(_) => ApiError::internal(error),
        other => refusal(other, Wire::Graph),
    })?;
    let mut text = Vec::new();
    result.table.write_rows(&mut text);
    serde_json::from_slice(&text).map_err(ApiError::internal)
}

/// The devices whose rows the caller may see, and the alerts that are about others: what says so in the hunting tables may
/// be there no longer, or not yet.
async fn devices(tx: &mut ReadTx, call: &Call) -> Result<(VisibleDevices, Vec<String>), ApiError> {
    let scope = &call.access.devices;
    let visible = match device_groups::devices_of(tx, call.tenant(), scope).await? {
        DeviceList::All => VisibleDevices::All,
        DeviceList::Only(ids) => VisibleDevices::Only(ids),
        DeviceList::Except(ids) => VisibleDevices::Except(ids),
    };
    let since = call.app.clock.unix_micros() - LOOK_BACK_MICROS;
    let hidden = device_groups::hidden_alerts(tx, call.tenant(), scope, since).await?;
    Ok((visible, hidden))
}

/// A text field by name; both spellings occur among real clients (`Query`, `query`).
fn field<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, ApiError> {
    let object = body.as_object().ok_or_else(|| {
        ApiError::new(
            Kind::InvalidBody,
            "The request body must be a JSON object with the field 'Query'.",
        )
    })?;
    let found = object
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    match found.map(|(_, value)| value) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::new(
            Kind::InvalidBody,
            format!("The field '{name}' must be a text."),
        )),
    }
}

fn refusal(error: HuntError, wire: Wire) -> ApiError {
    let kind = match error {
        // The query may be right; it asks for too much at a time.
        HuntError::Timeout | HuntError::ResultTooLarge | HuntError::MemoryExhausted => {
            Kind::Timeout
        }
        _ => Kind::BadRequest,
    };
    let text = match error {
        HuntError::Syntax(problems) | HuntError::Semantic(problems) => {
            let texts: Vec<String> = problems
                .iter()
                .take(10)
                .map(|p| format!("{} (line {}, column {})", p.message, p.line, p.column))
                .collect();
            texts.join(" ")
        }
        HuntError::Internal(cause) => return ApiError::internal(cause),
        // The documented texts.
        told => told.to_string(),
    };
    // The wire has one status for all of them.
    let error = ApiError::new(kind, text).status(StatusCode::BAD_REQUEST);
    match wire {
        Wire::Graph => error.code("BadRequest"),
        Wire::Xdr | Wire::Mde => error,
    }
}

/// The name of a type on the wire: .NET's (limits-and-errors of the documentation, Kusto v1).
const fn wire_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "SByte",
        Type::Int => "Int32",
        Type::Long => "Int64",
        Type::Real => "Double",
        Type::Decimal => "SqlDecimal",
        Type::String => "String",
        Type::DateTime => "DateTime",
        Type::TimeSpan => "TimeSpan",
        Type::Guid => "Guid",
        Type::Dynamic => "Object",
    }
}

fn answer(call: &Call, wire: Wire, result: &HuntResult) -> Result<Response, ApiError> {
    let graph = wire == Wire::Graph;
    let (name, ty) = if graph {
        ("name", "type")
    } else {
        ("Name", "Type")
    };
    let schema = |table: &ResultTable| {
        let columns = table.columns.iter();
        columns
            .map(|column| json!({ name: column.name, ty: wire_type(column.ty) }))
            .collect::<Value>()
    };
    let mut body = Vec::with_capacity(1024);
    if graph {
        let context = format!(
            "{}/$metadata#microsoft.graph.security.huntingQueryResults",
            call.service_root()
        );
        body.extend_from_slice(format!("{{\"@odata.context\":{}", json!(context)).as_bytes());
        body.extend_from_slice(format!(",\"schema\":{}", schema(&result.table)).as_bytes());
        body.extend_from_slice(b",\"results\":");
    } else {
        let stats = json!({
            "ExecutionTime": result.stats.execution_time.as_secs_f64(),
            "resource_usage": {
                "cache": { "memory": { "hits": 0, "misses": 0, "total": 0 }, "disk": { "hits": 0, "misses": 0, "total": 0 } },
                "cpu": { "user": timespan::clock(result.stats.cpu), "kernel": timespan::clock(Duration::ZERO), "total cpu": timespan::clock(result.stats.cpu) },
                "memory": { "peak_per_node": result.stats.peak_memory },
            },
            "dataset_statistics": [{ "table_row_count": result.stats.rows, "table_size": result.stats.bytes }],
        });
        body.extend_from_slice(
            format!("{{\"Stats\":{stats},\"Schema\":{}", schema(&result.table)).as_bytes(),
        );
        body.extend_from_slice(b",\"Results\":");
    }
    result.table.write_rows(&mut body);
    if let Some(first) = &result.name {
        // Ours: the documented answers have one table. Clients that do not know the properties see the first.
        let [own, tables, schemas, results] = if graph {
            ["tableName", "tables", "schema", "results"]
        } else {
            ["TableName", "Tables", "Schema", "Results"]
        };
        let head = format!(",\"{own}\":{},\"{tables}\":[", json!(first));
        body.extend_from_slice(head.as_bytes());
        for (i, further) in result.further.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let (title, schema) = (json!(further.name), schema(&further.table));
            let head = format!("{comma}{{\"{name}\":{title},\"{schemas}\":{schema},\"{results}\":");
            body.extend_from_slice(head.as_bytes());
            further.table.write_rows(&mut body);
            body.push(b'}');
        }
        body.push(b']');
    }
    body.push(b'}');
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if result.truncated {
        let cut_off = HeaderValue::from_static("true");
        response.headers_mut().insert(CUT_OFF, cut_off);
    }
    Ok(response)
}
