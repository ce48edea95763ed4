//! Files as tables: Parquet (read as it is needed), CSV, JSON and JSON lines (read at once).
//!
//! A table that has the name of a documented hunting table gets that table's columns and types; columns that the
//! file lacks are empty, columns that only the file has come after. Any other table's types are those of the file,
//! or are inferred from all its values.

mod index;
mod infer;
mod parquet_files;
mod parquet_scan;
mod stored_filter;
mod text_files;

pub use index::{IndexableFile, Indexed};
pub(crate) use parquet_files::{kql_type, unless_it_panics};

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bartizan_kql::Scope;
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use futures::future::BoxFuture;

use crate::error::HuntError;
use crate::source::TableSource;
use crate::tenant_tables::of_contract;

/// Why a file cannot be a table.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The file's content is not what its name says.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong, with the line where there is one.
        message: String,
    },
    /// The file's name ends with something else.
    #[error("{0}: not a .parquet, .csv, .json, .jsonl or .ndjson file")]
    Format(String),
}

impl LocalError {
    fn content(path: &Path, message: impl ToString) -> Self {
        Self::Content {
            path: path.display().to_string(),
            message: message.to_string(),
        }
    }

    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.display().to_string(),
            source,
        }
    }
}

/// Tables over files.
#[derive(Clone, Default)]
pub struct LocalTables {
    scope: Scope,
    providers: BTreeMap<String, Arc<dyn TableProvider>>,
}

impl LocalTables {
    /// No tables.
    #[must_use]
    pub fn new() -> Self {
        let mut tables = Self::default();
        bartizan_kql::hunting_functions::declare(&mut tables.scope);
        tables
            .scope
            .check_expressions(crate::functions::expression_problem);
        tables
    }

    /// Adds a table, or replaces the one of that name. A folder stands for all its Parquet files.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub fn add(&mut self, name: &str, path: &Path) -> Result<(), LocalError> {
        let wanted: Option<Vec<(String, Type)>> =
            bartizan_contract::hunting::table(name).map(|t| {
                t.columns
                    .iter()
                    .map(|c| (c.name.to_owned(), of_contract(c.ty)))
                    .collect()
            });
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_ascii_lowercase())
            .unwrap_or_default();
        let table = match extension.as_str() {
            "parquet" => parquet_files::open(path, wanted.as_deref())?,
            "csv" => text_files::csv(path, wanted.as_deref())?,
            "json" => text_files::json(path, wanted.as_deref())?,
            "jsonl" | "ndjson" => text_files::json_lines(path, wanted.as_deref())?,
            _ if path.is_dir() => parquet_files::open(path, wanted.as_deref())?,
            _ => return Err(LocalError::Format(path.display().to_string())),
        };
        self.scope.add_table(name, table.columns);
        self.providers.insert(name.to_owned(), table.provider);
        Ok(())
    }
}

impl std::fmt::Debug for LocalTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.providers.keys()).finish()
    }
}

impl TableSource for LocalTables {
    fn scope(&self) -> Arc<Scope> {
        Arc::new(self.scope.clone())
    }

    fn provider<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>> {
        let provider = self.providers.get(name).cloned();
        Box::pin(async move {
            provider.ok_or_else(|| HuntError::Internal(format!("no table named {name}")))
        })
    }
}

/// A file as a table.
struct Opened {
    columns: Vec<(String, Type)>,
    provider: Arc<dyn TableProvider>,
}
