//! Files that an older version wrote, which lack columns: a text reads as the empty one, everything
//! else as null. Compaction writes such files anew with all columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

/// Puts the empty text where a file has no column of text, in projections and predicates alike.
#[derive(Debug)]
pub(super) struct MissingTexts;

impl PhysicalExprAdapterFactory for MissingTexts {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let rest = DefaultPhysicalExprAdapterFactory
            .create(logical_file_schema.clone(), physical_file_schema.clone())?;
        Ok(Arc::new(Adapter {
            table: logical_file_schema,
            file: physical_file_schema,
            rest,
        }))
    }
}

#[derive(Debug)]
struct Adapter {
    table: SchemaRef,
    file: SchemaRef,
    rest: Arc<dyn PhysicalExprAdapter>,
}

impl Adapter {
    fn is_missing_text(&self, name: &str) -> bool {
        self.file.index_of(name).is_err()
            && self
                .table
                .field_with_name(name)
                .is_ok_and(|field| !field.is_nullable() && *field.data_type() == DataType::Utf8View)
    }
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = expr
            .transform_down(|expr| {
                let is_missing = expr
                    .downcast_ref::<Column>()
                    .is_some_and(|column| self.is_missing_text(column.name()));
                if !is_missing {
                    return Ok(Transformed::no(expr));
                }
                let empty = ScalarValue::Utf8View(Some(String::new()));
                Ok(Transformed::yes(
                    Arc::new(Literal::new(empty)) as Arc<dyn PhysicalExpr>
                ))
            })
            .data()?;
        self.rest.rewrite(expr)
    }
}
