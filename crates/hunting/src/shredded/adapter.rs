//! What each file gives for paths: the columns that it has, and the whole texts of others.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};

use super::{Extra, KeyPath};

/// Says for each path whether a file has it, and leaves out whole texts where it has all.
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
        let is_stored = |path: &KeyPath| physical_file_schema.index_of(&path.stored()).is_ok();
        let mut given = Vec::new();
        for extra in Extra::of(&self.paths) {
            if let Some(value) = extra.given(&self.paths, is_stored, &logical_file_schema)? {
                given.push((extra.name(), value));
            }
        }
        let rest = self
            .then
            .create(logical_file_schema.clone(), physical_file_schema.clone())?;
        Ok(Arc::new(Adapter { given, rest }))
    }
}

#[derive(Debug)]
struct Adapter {
    /// By the name of the scan's column.
    given: Vec<(String, Arc<dyn PhysicalExpr>)>,
    rest: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = expr
            .transform_down(|expr| {
                let given = expr.downcast_ref::<Column>().and_then(|column| {
                    let mut known = self.given.iter();
                    known.find(|(name, _)| name == column.name())
                });
                Ok(match given {
                    Some((_, value)) => Transformed::yes(value.clone()),
                    None => Transformed::no(expr),
                })
            })
            .data()?;
        self.rest.rewrite(expr)
    }
}
