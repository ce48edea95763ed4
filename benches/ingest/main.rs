//! Rows per second that the event store takes in durably, beside a plain Parquet file of the same rows in the same run, and how
//! soon an acknowledged row is hunted while rows stream in. README.md beside this file says how to run and read it.

mod plain;
mod rows;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_contract::TenantId;
use bartizan_contract::hunting::{Table, table};
use bartizan_contract::value::Row;
use bartizan_hunting::events::{EventStore, NewBatch, Settings};
use bartizan_hunting::{Engine, EngineSettings, HuntRequest, Limits, Reach, TenantTables};
use bartizan_store::Store;
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const TENANT: TenantId = TenantId::from_u128(0xbe9c);
/// Rows that a client sends at once.
const BATCH: usize = 2_000;
/// Rows whose taking in is timed as one piece; they are made before, and that does not count.
const ROUND: usize = 50_000;
/// Clients that send at the same time, each the next batch when its last is acknowledged.
const CLIENTS: usize = 4;
/// Probes of the freshness.
const PROBES: usize = 100;

fn main() -> Outcome<()> {
    // `cargo test --benches` calls with `--test`: a benchmark has nothing to test.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(());
    }
    let wanted = arguments.iter().find_map(|argument| argument.parse().ok());
    let total: usize = wanted.unwrap_or(2_000_000);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(total.div_ceil(ROUND)))
}

async fn run(rounds: usize) -> Outcome<()> {
    let table = table("DeviceProcessEvents").ok_or("no such table")?;
    let folder = tempfile::tempdir()?;
    let store = Store::open_file(&folder.path().join("store.db")).await?;
    let settings = Settings::new(folder.path().join("events"));
    let events = EventStore::open(settings, store).await?;
    // Flushing by size and age runs as in the server.
    events.start();
    let mut taken = Duration::ZERO;
    for round in 0..rounds {
        taken += take_in(&events, table, round * ROUND).await?;
    }
    // What is still in memory belongs to the work.
    let started = Instant::now();
    events.flush().await?;
    taken += started.elapsed();
    let count = rounds * ROUND;
    let files = plain::files(&folder.path().join("events").join("files"))?;
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let plain = plain::write(&files, &folder.path().join("plain.parquet"))?;
    let (ours, theirs) = (
        per_second(count, taken),
        per_second(plain.rows, plain.writing),
    );
    println!("{count} rows of DeviceProcessEvents in batches of {BATCH}, {CLIENTS} clients");
    println!(
        "event store: {ours:.0} rows/s with fsync, to sorted files of {:.0} bytes a row",
        bytes as f64 / count as f64
    );
    println!(
        "plain file : {theirs:.0} rows/s, one writer, same compression, not sorted, one fsync, {:.0} bytes a row",
        plain.bytes as f64 / plain.rows as f64
    );
    println!("ratio      : {:.2}", ours / theirs);
    freshness(&events, table).await?;
    events.shutdown().await?;
    Ok(())
}

fn per_second(rows: usize, time: Duration) -> f64 {
    rows as f64 / time.as_secs_f64()
}

/// Appends one round and gives the time until the last batch was acknowledged.
async fn take_in(
    events: &Arc<EventStore>,
    table: &'static Table,
    from: usize,
) -> Outcome<Duration> {
    let mut queues: Vec<Vec<Vec<Row>>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    for (i, first) in (from..from + ROUND).step_by(BATCH).enumerate() {
        queues[i % CLIENTS].push(rows::processes(table, first..first + BATCH));
    }
    let started = Instant::now();
    let clients = queues.into_iter().map(|batches| {
        let events = Arc::clone(events);
        tokio::spawn(async move {
            for rows in batches {
                events.append(TENANT, Uuid::new_v4(), rows).await?;
            }
            Ok::<(), bartizan_hunting::events::EventsError>(())
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await??;
    }
    Ok(started.elapsed())
}

/// How long after its acknowledgement a row is in the answer of a hunt, while two clients send on.
async fn freshness(events: &Arc<EventStore>, table: &'static Table) -> Outcome<()> {
    let engine = Engine::new(EngineSettings::default())?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load: Vec<_> = (0..2)
        .map(|_| {
            let (events, stopped) = (Arc::clone(events), stopped.clone());
            tokio::spawn(async move {
                let mut sent = 0;
                let batch = rows::processes(table, 0..BATCH);
                while !*stopped.borrow() {
                    let batch = NewBatch {
                        tenant: TENANT,
                        id: Some(Uuid::new_v4()),
                        rows: batch.clone(),
                    };
                    events.append_all(vec![Arc::new(batch)]).await;
                    sent += BATCH;
                }
                sent
            })
        })
        .collect();
    let started = Instant::now();
    let (mut acknowledged, mut seen) = (Vec::new(), Vec::new());
    for probe in 0..PROBES {
        let name = format!("probe-{probe}.exe");
        let sent = Instant::now();
        events
            .append(TENANT, Uuid::new_v4(), vec![rows::named(table, &name)])
            .await?;
        acknowledged.push(sent.elapsed());
        let done = Instant::now();
        while !found(&engine, events, &name).await? {}
        seen.push(done.elapsed());
    }
    stop.send(true)?;
    let mut sent = 0;
    for client in load {
        sent += client.await?;
    }
    let rate = per_second(sent, started.elapsed());
    println!("freshness, beside {rate:.0} rows/s, {PROBES} probes:");
    print_times("  sent to acknowledged        ", acknowledged);
    print_times("  acknowledged to hunt answered", seen);
    Ok(())
}

async fn found(engine: &Engine, events: &Arc<EventStore>, name: &str) -> Outcome<bool> {
    let request = HuntRequest {
        query: format!(
            "DeviceProcessEvents | where Timestamp >= datetime(2026-06-01) and FileName == '{name}' | project FileName"
        ),
        now_ticks: rows::probe_time(),
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(TenantTables::new(Arc::clone(events), TENANT, Reach::All)),
    };
    Ok(engine.run(request).await?.stats.rows == 1)
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!(
        "{what}: median {:.1} ms, 99th {:.1} ms, longest {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
}
