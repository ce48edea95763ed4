//! Answers `{"id","query"}` lines on stdin with `{"columns","rows"}` or `{"error"}` lines: for conformance runs
//! over many small queries in one process, and for benchmarks of the engine without the rest of the program. Arguments
//! are tables, `Name=path`, or one folder that the example `event_files` wrote, whose store is read as a server reads its
//! own. `milliseconds` ends when the last row is in memory.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_contract::TenantId;
use bartizan_hunting::events::{EventStore, Settings};
use bartizan_hunting::{
    Engine, EngineSettings, HuntRequest, Limits, LocalTables, Reach, TableSource, TenantTables,
};
use bartizan_store::Store;

/// 2026-01-01T00:00:00Z: a fixed `now()`.
const NOW: i64 = 639_028_224_000_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::new(EngineSettings::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut local = LocalTables::new();
    let mut store = None;
    for argument in &arguments {
        match argument.split_once('=') {
            Some((name, path)) => local.add(name, Path::new(path))?,
            None => store = Some(runtime.block_on(open(Path::new(argument)))?),
        }
    }
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let value: serde_json::Value = serde_json::from_str(&line?)?;
        let request = HuntRequest {
            query: value["query"].as_str().unwrap_or_default().to_owned(),
            now_ticks: NOW,
            timespan: None,
            limits: Limits {
                timeout: Duration::from_secs(60),
                ..Limits::default()
            },
            // Of a store's tables each hunt takes a snapshot.
            tables: match &store {
                Some(events) => of_store(events),
                None => Arc::new(local.clone()),
            },
        };
        let start = Instant::now();
        let answer = runtime.block_on(engine.run(request));
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let answer = match answer {
            Ok(result) => result.to_columns_rows_json(),
            Err(error) => serde_json::json!({ "error": error.to_string() }).to_string(),
        };
        let members = answer.strip_prefix('{').unwrap_or(&answer);
        writeln!(out, "{{\"milliseconds\":{milliseconds:.3},{members}")?;
        out.flush()?;
    }
    Ok(())
}

async fn open(folder: &Path) -> Result<Arc<EventStore>, Box<dyn std::error::Error>> {
    let store = Store::open_file(&folder.join("store.db")).await?;
    let settings = Settings::new(folder.join("events"));
    Ok(EventStore::open(settings, store).await?)
}

fn of_store(events: &Arc<EventStore>) -> Arc<dyn TableSource> {
    let tenant = TenantId::from_u128(1);
    Arc::new(TenantTables::new(events.clone(), tenant, Reach::All))
}
