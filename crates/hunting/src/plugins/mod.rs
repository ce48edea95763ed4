//! The kernels of `evaluate`'s plugins and of operators that have no relational counterpart.

mod address;
mod funnel;
pub(crate) mod graph;
mod pace;
mod patterns;
mod places;
mod reduce;
pub(crate) mod scan;
mod series;
mod sketches;
mod tables;
mod timeline;
mod values;

use std::sync::Arc;

use arrow::array::RecordBatch;
use bartizan_kql::bound::{Column, Plugin};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;

use crate::error::HuntError;
use crate::plan::Kernel;

/// What a kernel is made of.
pub(crate) struct Call {
    /// The types of the arguments.
    pub types: Vec<Type>,
    /// The constants.
    pub constants: Vec<ScalarValue>,
    /// The other table.
    pub lookup: Option<RecordBatch>,
}

/// The kernel of a plugin.
pub(crate) fn kernel(
    plugin: &Plugin,
    call: Call,
    outputs: &[Column],
) -> Result<Arc<dyn Kernel>, HuntError> {
    Ok(match plugin {
        Plugin::Series {
            groups,
            inclusive,
            nonempty,
        } => Arc::new(series::Series::new(call, *groups, *inclusive, *nonempty)?),
        Plugin::Narrow { names } => Arc::new(tables::Narrow {
            names: names.clone(),
        }),
        Plugin::DcountIntersect => Arc::new(sketches::DcountIntersect),
        Plugin::RowsNear => Arc::new(tables::RowsNear::new(&call)),
        Plugin::RollingPercentile => Arc::new(tables::RollingPercentile::new(&call)?),
        Plugin::IpLookup { v6, unmatched, .. } => {
            Arc::new(address::Lookup::new(call, *v6, *unmatched, outputs)?)
        }
        Plugin::GeoLookup {
            polygons,
            unmatched,
        } => Arc::new(places::Lookup::new(call, *polygons, *unmatched, outputs)?),
        Plugin::SlidingWindowCounts
        | Plugin::SessionCount
        | Plugin::ActiveUsersCount
        | Plugin::ActivityCountsMetrics
        | Plugin::ActivityEngagement
        | Plugin::ActivityMetrics
        | Plugin::NewActivityMetrics => Arc::new(timeline::Timeline::new(plugin, &call)?),
        Plugin::FunnelSequence => Arc::new(funnel::Funnel::new(&call)?),
        Plugin::FunnelSequenceCompletion => Arc::new(funnel::Completion::new(&call)?),
        Plugin::SequenceDetect { steps } => Arc::new(funnel::Detect::new(&call, *steps)?),
        Plugin::AutoCluster | Plugin::Basket | Plugin::DiffPatterns => {
            Arc::new(patterns::Miner::new(plugin, &call, outputs))
        }
        Plugin::Reduce { with_source } => Arc::new(reduce::Reduce::new(&call, *with_source)),
        Plugin::Scan(_) | Plugin::Graph(_) => {
            let name = plugin.name();
            return Err(HuntError::Internal(format!(
                "{name} has a kernel of its own"
            )));
        }
    })
}
