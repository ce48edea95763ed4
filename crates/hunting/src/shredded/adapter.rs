//! What each file gives for a path: the column that it has, or the whole text.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use super::KeyPath;

/// Puts the whole text where a file has no column for a path, and none where it has. That the column itself reads as null
/// where it is missing is left to the rest.
#[derive(Debug)]
pub(crate) struct ShreddedFiles {
    /// The paths that the scan asks for.
    pub(crate) paths: Arc<[KeyPath]>,
    /// What else is done for a file.
    pub(crate) then: Arc<dyn PhysicalExprAdapterFactory>,
}

impl PhysicalExprAdapterFactory for ShreddedFiles {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let whole = |path: &KeyPath| {
            let value: Arc<dyn PhysicalExpr> =
                if physical_file_schema.index_of(&path.stored()).is_ok() {
                    Arc::new(Literal::new(ScalarValue::Utf8View(None)))
                } else {
                    Arc::new(Column::new_with_schema(&path.column, &logical_file_schema)?)
                };
            Ok((path.whole(), value))
        };
        let whole = self.paths.iter().map(whole).collect::<Result<Vec<_>>>()?;
        let rest = self
            .then
            .create(logical_file_schema.clone(), physical_file_schema.clone())?;
        Ok(Arc::new(Adapter { whole, rest }))
    }
}

#[derive(Debug)]
struct Adapter {
    /// By the name of the scan's column.
    whole: Vec<(String, Arc<dyn PhysicalExpr>)>,
    rest: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = expr
            .transform_down(|expr| {
                let whole = expr.downcast_ref::<Column>().and_then(|column| {
                    let mut known = self.whole.iter();
                    known.find(|(name, _)| name == column.name())
                });
                Ok(match whole {
                    Some((_, value)) => Transformed::yes(value.clone()),
                    None => Transformed::no(expr),
                })
            })
            .data()?;
        self.rest.rewrite(expr)
    }
}
