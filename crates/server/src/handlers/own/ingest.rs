//! `POST /bartizan/v1/ingest`: one file of telemetry, of any kind that is understood.
//!
//! The body goes to a file first: archives have their table of contents at the end, and recordings are read twice,
//! once to learn who is who. Rows are durable when the answer leaves. A body that was sent before is recognised batch
//! by batch for a day, so a client that lost the answer may simply send it again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use axum::response::Response;
use bartizan_contract::{TenantId, hunting, time};
use bartizan_hunting::events::EventsError;
use bartizan_telemetry::MapperSettings;
use futures::TryStreamExt as _;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::app::App;
use crate::call::{self, Call, json as answer};
use crate::error::{ApiError, Kind};
use crate::ingest::feed::Fed;
use crate::ingest::intake::{Intake, IntakeError, Taken};
use crate::ingest::spool::SpoolFolder;
use crate::ingest::{FeedReport, FeedSettings, ReadReport, RejectWriter, feed_path};

/// The largest body, in bytes.
const BODY_LIMIT: u64 = 4 << 30;
/// Bytes of rejected lines that are kept and returned.
const REJECTS_LIMIT: u64 = 1 << 20;

/// What the query string asks.
struct Options {
    name: String,
    table: Option<&'static hunting::Table>,
    end_at: Option<i64>,
    /// `end` as it was sent: the same file moved otherwise in time is another upload.
    end: String,
    upload: Option<Uuid>,
}

/// Takes a file in.
pub(crate) async fn post(mut call: Call) -> Result<Response, ApiError> {
    let options = options(&call)?;
    // From here on: also a body that is only being sent takes room on the disk.
    let place = call.app.lanes.uploads.enter(call.tenant()).await?;
    let folder = SpoolFolder::new(&call.app.settings.data).map_err(ApiError::internal)?;
    // A folder of its own: no name that is sent can be that of the server's own files beside it.
    let body = folder.path().join("body");
    std::fs::create_dir(&body).map_err(ApiError::internal)?;
    let path = body.join(&options.name);
    let digest = spool(&mut call, &path).await?;
    let upload = options
        .upload
        .unwrap_or_else(|| upload_id(&options, &digest));
    let app = Arc::clone(&call.app);
    let tenant = call.tenant();
    let span = tracing::Span::current();
    let work = move || {
        let _entered = span.enter();
        // Folder and place are held as long as the work, also when the caller goes away meanwhile.
        let (_folder, _place) = (&folder, &place);
        take_in(&app, tenant, &path, &options, upload)
    };
    let report = tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)??;
    answer(StatusCode::OK, &report)
}

fn options(call: &Call) -> Result<Options, ApiError> {
    let invalid = |text: String| ApiError::new(Kind::InvalidInput, text);
    let table = match call.query_param("table") {
        None => None,
        Some(name) => Some(hunting::table(name).ok_or_else(|| {
            let hint = hunting::nearest_table(name)
                .map_or_else(String::new, |known| format!(" Did you mean {known}?"));
            invalid(format!(
                "There is no hunting table '{name}' (names are case-sensitive).{hint}"
            ))
        })?),
    };
    let end_at = match call.query_param("end") {
        None => None,
        Some("now") => Some(call.app.clock.ticks()),
        Some(text) => Some(time::parse_iso8601(text).ok_or_else(|| {
            invalid(format!(
                "end='{text}' is neither 'now' nor an ISO 8601 time."
            ))
        })?),
    };
    let upload = match call.query_param("upload") {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| invalid(format!("upload='{text}' is not a GUID.")))?,
        ),
    };
    Ok(Options {
        name: file_name(call.query_param("name").unwrap_or("body")),
        table,
        end_at,
        end: call.query_param("end").unwrap_or_default().to_owned(),
        upload,
    })
}

/// A name that stays inside its folder, whatever was sent.
fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = last.chars().map(safe).take(128).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() {
        "body".to_owned()
    } else {
        name.to_owned()
    }
}

/// Writes the body to `path` and gives its SHA-256.
async fn spool(call: &mut Call, path: &Path) -> Result<Vec<u8>, ApiError> {
    let mut stream = call.take_body().into_data_stream();
    let mut file = tokio::fs::File::create(path)
        .await
        .map_err(ApiError::internal)?;
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut size = 0u64;
    while let Some(chunk) = stream.try_next().await.map_err(call::unread)? {
        size += chunk.len() as u64;
        if size > BODY_LIMIT {
            let text = format!("The body is larger than {BODY_LIMIT} bytes; send it in parts.");
            return Err(ApiError::new(Kind::TooLarge, text));
        }
        digest.update(&chunk);
        file.write_all(&chunk).await.map_err(ApiError::internal)?;
    }
    file.flush().await.map_err(ApiError::internal)?;
    if size == 0 {
        return Err(ApiError::new(
            Kind::InvalidBody,
            "The request body is empty.",
        ));
    }
    Ok(digest.finish().as_ref().to_vec())
}

/// The same content asked for in the same way is the same upload.
fn upload_id(options: &Options, digest: &[u8]) -> Uuid {
    let mut name = digest.to_vec();
    name.extend_from_slice(options.table.map_or("", |table| table.name).as_bytes());
    name.push(0);
    name.extend_from_slice(options.end.as_bytes());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
}

fn take_in(
    app: &Arc<App>,
    tenant: TenantId,
    path: &Path,
    options: &Options,
    upload: Uuid,
) -> Result<Value, ApiError> {
    let mut intake = Intake::new(app, tenant, upload);
    let beside = path.parent().and_then(Path::parent).unwrap_or(path);
    let rejects_path = beside.join("rejects.ndjson");
    let mut rejects = RejectWriter::new(&rejects_path, REJECTS_LIMIT);
    let mut settings = FeedSettings::new(MapperSettings::new(tenant));
    settings.table = options.table;
    settings.end_at = options.end_at;
    let fed = feed_path(path, &settings, Some(&mut rejects), &mut |fed| match fed {
        Fed::Rows(rows) => intake.append(rows),
        Fed::Progress { .. } => ControlFlow::Continue(()),
    });
    let taken = intake.finish().map_err(refused)?;
    let written = rejects.finish().map_err(ApiError::internal)?;
    let rejected_lines = written.map(|path| read_rejects(&path)).unwrap_or_default();
    metrics::counter!("bartizan_ingested_rows_total").increment(taken.rows);
    report(options, &taken, &fed, rejected_lines)
}

fn refused(error: IntakeError) -> ApiError {
    let error = match error {
        IntakeError::Store(error) => return error.into(),
        IntakeError::Events(error) => error,
    };
    match error {
        EventsError::Busy => ApiError::new(
            Kind::TooManyRequests,
            "The server is still writing earlier telemetry; send this again. What was taken in already is recognised.",
        )
        .retry_after(std::time::Duration::from_secs(2))
        .because(error),
        EventsError::Row { .. } | EventsError::TooLarge { .. } => {
            ApiError::new(Kind::InvalidInput, error.to_string())
        }
        EventsError::Gone => ApiError::new(Kind::NotFound, "The tenant was deleted."),
        other => ApiError::internal(other),
    }
}

fn read_rejects(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn report(
    options: &Options,
    taken: &Taken,
    fed: &FeedReport,
    rejects: Vec<Value>,
) -> Result<Value, ApiError> {
    let FeedReport { read, tally } = fed;
    let warnings = warnings(options, taken, read);
    if taken.rows + taken.duplicates == 0 && tally.lines == 0 {
        let why = warnings
            .first()
            .cloned()
            .unwrap_or_else(|| "it holds no record".to_owned());
        return Err(ApiError::new(
            Kind::InvalidBody,
            format!("Nothing in the body can be read: {why}."),
        ));
    }
    let skipped: BTreeMap<&str, u64> = tally
        .skipped
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    let rejected: BTreeMap<&str, u64> = tally
        .rejected
        .iter()
        .map(|(code, count)| (code.as_str(), *count))
        .collect();
    Ok(json!({
        "events": tally.lines,
        "rows": tally.tables,
        "acceptedRows": taken.rows,
        "duplicateRows": taken.duplicates,
        "outsideLookBackRows": taken.outside_look_back,
        "skipped": skipped,
        "rejected": rejected,
        "rejects": rejects,
        "sources": read.sources,
        "warnings": warnings,
        "complete": read.problems.is_empty(),
    }))
}

/// What a person should know about an upload that was taken in.
fn warnings(options: &Options, taken: &Taken, read: &ReadReport) -> Vec<String> {
    let problem =
        |problem: &crate::ingest::Problem| format!("{}: {}", problem.source, problem.text);
    let mut warnings: Vec<String> = read.problems.iter().map(problem).collect();
    if taken.duplicates > 0 {
        warnings.push(format!(
            "{} rows were there already: the same content was sent before, within a day; they were not added again",
            taken.duplicates
        ));
    }
    if taken.outside_look_back > 0 {
        warnings.push(format!(
            "{} rows are older than the 30 days that hunts and detection rules look back: they are kept, but neither \
             will find them; end=now (bartizan ingest --end-now) moves a recording so that it ends now",
            taken.outside_look_back
        ));
    }
    if taken.dates_dropped > 0 {
        warnings.push(format!(
            "{} times lie outside 1677-09-21 to 2262-04-11 and became null",
            taken.dates_dropped
        ));
    }
    if let Some(table) = options.table
        && options.end_at.is_some()
        && table.column("Timestamp").is_none()
    {
        let name = table.name;
        warnings.push(format!(
            "{name} has no Timestamp: its rows were not moved in time"
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_folder() {
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("..\\x.zip"), "x.zip");
        assert_eq!(file_name(".."), "body");
        assert_eq!(file_name("a b.json"), "a_b.json");
    }
}
