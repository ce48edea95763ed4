//! Parquet files, read while the query runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{LocalError, Opened};
use crate::functions::{from_storage, null_of};

/// A file, or a folder of files with one schema.
pub(super) fn open(path: &Path, wanted: Option<&[(String, Type)]>) -> Result<Opened, LocalError> {
    let fail = |e: &dyn std::fmt::Display| LocalError::content(path, e.to_string());
    let stored = stored_schema(path)?;
    let absolute = path.canonicalize().map_err(|e| LocalError::io(path, e))?;
    let url = if absolute.is_dir() {
        ListingTableUrl::parse(format!("{}/", absolute.display()))
    } else {
        ListingTableUrl::parse(absolute.display().to_string())
    }
    .map_err(|e| fail(&e))?;
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new(url)
        .with_listing_options(options)
        .with_schema(stored.clone());
    let listing = ListingTable::try_new(config).map_err(|e| fail(&e))?;
    view(Arc::new(listing), &stored, wanted).map_err(|e| fail(&e))
}

/// The schema of a file, or of the first file of a folder.
fn stored_schema(path: &Path) -> Result<SchemaRef, LocalError> {
    let file = if path.is_dir() {
        first_file(path)?
    } else {
        path.to_owned()
    };
    let open = File::open(&file).map_err(|e| LocalError::io(&file, e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(open)
        .map_err(|e| LocalError::content(&file, e))?;
    Ok(reader.schema().clone())
}

fn first_file(folder: &Path) -> Result<PathBuf, LocalError> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|e| LocalError::io(folder, e))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "parquet"))
        .collect();
    files.sort();
    files
        .into_iter()
        .next()
        .ok_or_else(|| LocalError::content(folder, "no .parquet file in this folder"))
}

/// A view that converts the stored columns to the engine's types as they are read.
fn view(
    listing: Arc<dyn TableProvider>,
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
    let plan = LogicalPlanBuilder::scan(table, provider_as_source(listing), None)?
        .project(exprs)?
        .build()?;
    Ok(Opened {
        columns: super::text_files::in_documented_order(columns, wanted),
        provider: Arc::new(ViewTable::new(plan, None)),
    })
}

/// The KQL type that holds a stored type.
fn kql_type(stored: &DataType) -> Type {
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
