//! The event store through its public functions, over SQLite and the local disk.

mod counted;
mod durability;
mod files;
mod model;
mod scans;
mod shredded;
mod terms;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::array::cast::AsArray as _;
use arrow::datatypes::Int64Type;
use bartizan_contract::TenantId;
use bartizan_contract::hunting::{Table, table};
use bartizan_contract::time::{TICKS_PER_SECOND, parse_iso8601};
use bartizan_contract::value::{Row, Value};
use bartizan_hunting::events::{EventStore, Settings};
use bartizan_store::Store;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{SessionConfig, SessionContext};
use tempfile::TempDir;
use uuid::Uuid;

/// Two tenants.
const CONTOSO: TenantId = TenantId::from_u128(0xC0);
const FABRIKAM: TenantId = TenantId::from_u128(0xFA);

/// A directory that stores are opened in, one after the other.
struct Place {
    dir: TempDir,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().join("events"));
        settings.group_commit_delay = std::time::Duration::from_millis(1);
        Self { dir, settings }
    }

    async fn database(&self) -> Store {
        Store::open_file(&self.dir.path().join("store.db"))
            .await
            .unwrap()
    }

    async fn open(&self) -> Arc<EventStore> {
        EventStore::open(self.settings.clone(), self.database().await)
            .await
            .unwrap()
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.settings.dir.join("files")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path),
                }
            }
        }
        found
    }

    fn segments(&self) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(self.settings.dir.join("wal")).unwrap();
        let mut paths: Vec<_> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
            .collect();
        paths.sort();
        paths
    }
}

fn processes() -> &'static Table {
    table("DeviceProcessEvents").unwrap()
}

fn batch(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn noon() -> i64 {
    parse_iso8601("2026-05-01T12:00:00Z").unwrap()
}

/// A process that started so many seconds after noon, with a number to know it by.
fn process(number: i64, second: i64) -> Row {
    let mut row = Row::empty(processes());
    let values = [
        (
            "Timestamp",
            Value::DateTime(noon() + second * TICKS_PER_SECOND + 1),
        ),
        ("ProcessId", Value::Long(number)),
        ("InitiatingProcessId", Value::Long(number)),
        ("DeviceId", Value::String(format!("device-{}", number % 7))),
        (
            "FileName",
            Value::String(format!("a rather long file name {number}.exe")),
        ),
        (
            "AdditionalFields",
            Value::String(format!("{{\"n\":{number}}}")),
        ),
    ];
    for (column, value) in values {
        assert!(row.set(column, value), "{column}");
    }
    row
}

fn some_processes(numbers: std::ops::Range<i64>) -> Vec<Row> {
    numbers.map(|number| process(number, number)).collect()
}

/// A session with so many partitions.
fn session(partitions: usize) -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions))
}

async fn read(
    events: &Arc<EventStore>,
    tenant: TenantId,
    table: &'static Table,
    filter: Option<Expr>,
) -> Vec<RecordBatch> {
    let frame = session(2)
        .read_table(events.provider(tenant, table))
        .unwrap();
    let frame = match filter {
        Some(filter) => frame.filter(filter).unwrap(),
        None => frame,
    };
    frame.collect().await.unwrap()
}

/// The numbers of the tenant's processes, in order.
async fn numbers(events: &Arc<EventStore>, tenant: TenantId, filter: Option<Expr>) -> Vec<i64> {
    let mut numbers = Vec::new();
    for batch in read(events, tenant, processes(), filter).await {
        let column = batch.column_by_name("ProcessId").unwrap();
        numbers.extend(column.as_primitive::<Int64Type>().values());
    }
    numbers.sort_unstable();
    numbers
}
