//! Parquet files, read while the query runs.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::parquet_scan::StoredFiles;
use super::{LocalError, Opened};
use crate::events::CREATED_BY;
use crate::functions::{from_storage, null_of};
use crate::shredded::is_stored_path;

/// A file, or a folder of files with one schema.
pub(super) fn open(path: &Path, wanted: Option<&[(String, Type)]>) -> Result<Opened, LocalError> {
    let absolute = path.canonicalize().map_err(|e| LocalError::io(path, e))?;
    let first = files(&absolute)?
        .into_iter()
        .next()
        .ok_or_else(|| LocalError::content(path, "no .parquet file in this folder"))?;
    let stored = stored_schema(&first)?;
    let provider = StoredFiles::new(absolute, stored.clone());
    view(Arc::new(provider), &stored, wanted).map_err(|e| LocalError::content(path, e))
}

/// The file, or the folder's files in order of their names.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, LocalError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(|e| LocalError::io(path, e))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "parquet"))
        .collect();
    files.sort();
    Ok(files)
}

/// What reading the beginnings of a file gives. The schema of Arrow that a file may have within it is decoded by a library that
/// panics over types that there are none of.
pub(crate) fn unless_it_panics<T>(
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let message = "the Arrow schema within the file is broken";
        Err(ParquetError::General(message.to_owned()))
    })
}

/// The schema of a file as it is read: texts as views, which need no copy.
fn stored_schema(file: &Path) -> Result<SchemaRef, LocalError> {
    let open = File::open(file).map_err(|e| LocalError::io(file, e))?;
    let reader = unless_it_panics(|| ParquetRecordBatchReaderBuilder::try_new(open))
        .map_err(|e| LocalError::content(file, e))?;
    let written_by = reader.metadata().file_metadata().created_by();
    let is_ours = written_by.is_some_and(|name| name.starts_with(CREATED_BY));
    // What event files keep beside a table's columns is none of them here, either.
    let stored = reader.schema().fields();
    let is_column = |name: &str| stored.find(name).is_some();
    let shown = stored
        .iter()
        .filter(|field| !is_ours || !is_stored_path(field.name(), is_column));
    let fields = shown.map(|field| {
        let ty = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            other => other.clone(),
        };
        Field::new(field.name(), ty, field.is_nullable())
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// A view that converts the stored columns to the engine's types as they are read.
fn view(
    files: Arc<dyn TableProvider>,
    stored: &SchemaRef,
    wanted: Option<&[(String, Type)]>,
) -> datafusion::error::Result<Opened> {
    let table = TableReference::bare("file");
    let mut columns = Vec::new();
    let mut exprs = Vec::new();
    for field in stored.fields() {
        let documented = wanted.and_then(|w| w.iter().find(|(name, _)| name == field.name()));
        let ty = documented.map_or_else(|| kql_type(field.data_type()), |(_, ty)| *ty);
        let value = Expr::Column(Column::new(Some(table.clone()), field.name()));
        exprs.push(from_storage(value, field.data_type(), ty).alias(field.name()));
        columns.push((field.name().clone(), ty));
    }
    for (name, ty) in wanted.unwrap_or_default() {
        if !columns.iter().any(|(n, _)| n == name) {
            exprs.push(Expr::Literal(null_of(*ty), None).alias(name));
            columns.push((name.clone(), *ty));
        }
    }
    let plan = LogicalPlanBuilder::scan(table, provider_as_source(files), None)?
        .project(exprs)?
        .build()?;
    Ok(Opened {
        columns: super::text_files::in_documented_order(columns, wanted),
        provider: Arc::new(ViewTable::new(plan, None)),
    })
}

/// The KQL type that holds a stored type.
pub(crate) fn kql_type(stored: &DataType) -> Type {
    match stored {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            Type::Int
        }
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => Type::Long,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Type::Real,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Type::Decimal,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Type::DateTime,
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => Type::TimeSpan,
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => Type::Dynamic,
        _ => Type::String,
    }
}
