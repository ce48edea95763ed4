//! Writes the rows of a Parquet file through an event store, so that benchmarks read files as flush and compaction leave
//! them, with terms beside large ones. Arguments: a table's name, the file, a folder for the store.

use std::path::Path;

use arrow::array::cast::AsArray as _;
use arrow::array::{Array as _, ArrayRef};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use bartizan_contract::hunting::table;
use bartizan_contract::time::UNIX_EPOCH_TICKS;
use bartizan_contract::value::{Row, Value};
use bartizan_contract::{KqlType, TenantId};
use bartizan_hunting::events::{EventStore, Settings};
use bartizan_store::Store;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uuid::Uuid;

/// Rows of a batch that is appended.
const BATCH: usize = 4_096;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, file, folder] = arguments.as_slice() else {
        return Err("the arguments are a table's name, a Parquet file and a folder".into());
    };
    let table = table(name).ok_or("there is no such table")?;
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let store = Store::open_file(&folder.join("store.db")).await?;
    let settings = Settings::new(folder.join("events"));
    let events = EventStore::open(settings, store).await?;
    let tenant = TenantId::from_u128(1);
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file)?)?;
    for batch in reader.with_batch_size(BATCH).build()? {
        let batch = batch?;
        let mut rows = vec![Row::empty(table); batch.num_rows()];
        for column in table.columns {
            let Some(array) = batch.column_by_name(column.name) else {
                continue;
            };
            for (row, value) in rows.iter_mut().zip(values(array, column.ty)?) {
                row.set(column.name, value);
            }
        }
        events.append(tenant, Uuid::now_v7(), rows).await?;
    }
    events.flush().await?;
    while events.compact().await?.to > 0 {}
    // Later than any grace: what was merged goes.
    events.sweep(i64::MAX / 2).await?;
    events.shutdown().await?;
    println!("{}", folder.join("events/files").display());
    Ok(())
}

/// The values of a column of the table's type.
fn values(array: &ArrayRef, ty: KqlType) -> Result<Vec<Value>, ArrowError> {
    let stored = match ty {
        KqlType::String | KqlType::Dynamic => DataType::Utf8View,
        KqlType::DateTime => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        KqlType::Int => DataType::Int32,
        KqlType::Long => DataType::Int64,
        _ => return Ok(vec![Value::Null; array.len()]),
    };
    let mut array = cast(array, &stored)?;
    if ty == KqlType::DateTime {
        array = cast(&array, &DataType::Int64)?;
    }
    let value = |row: usize| match ty {
        _ if array.is_null(row) => Value::Null,
        KqlType::String => Value::String(array.as_string_view().value(row).to_owned()),
        KqlType::Dynamic => Value::Dynamic(array.as_string_view().value(row).to_owned()),
        KqlType::Int => Value::Int(array.as_primitive::<Int32Type>().value(row)),
        KqlType::DateTime => {
            let micros = array.as_primitive::<Int64Type>().value(row);
            Value::DateTime(UNIX_EPOCH_TICKS + micros * 10)
        }
        _ => Value::Long(array.as_primitive::<Int64Type>().value(row)),
    };
    Ok((0..array.len()).map(value).collect())
}
