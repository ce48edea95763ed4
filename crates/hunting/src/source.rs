//! What a query reads: the tables of one tenant, or files.

use std::sync::Arc;

use bartizan_kql::Scope;
use datafusion::catalog::TableProvider;
use futures::future::BoxFuture;

use crate::error::HuntError;

/// The tables that one query may read. An implementation is bound to one tenant: a query cannot name another.
pub trait TableSource: Send + Sync {
    /// Names, columns and types, for the binder.
    fn scope(&self) -> Arc<Scope>;

    /// The rows of a table of the scope. The provider's fields are the scope's columns by name, in the engine's
    /// types ([`crate::types::data_type`]).
    ///
    /// # Errors
    /// When the storage cannot be read.
    fn provider<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>>;
}

/// No tables at all: for `print`, `range` and `datatable`.
#[derive(Debug, Default)]
pub struct NoTables;

impl TableSource for NoTables {
    fn scope(&self) -> Arc<Scope> {
        Arc::new(Scope::new())
    }

    fn provider<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>> {
        Box::pin(async move { Err(HuntError::Internal(format!("no table named {name}"))) })
    }
}
