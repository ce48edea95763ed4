//! The bridge from accumulators to DataFusion: one aggregate function type for all kinds.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use bartizan_kql::types::Type;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility,
};

use super::average::Average;
use super::best_row::BestRow;
use super::collect::Collect;
use super::collect_set::CollectSet;
use super::covariance::Covariance;
use super::distinct::Distinct;
use super::distinct_state;
use super::moments::Moments;
use super::percentile::Percentiles;
use super::single::Single;
use super::summary::Summaries;
use crate::sketch;
use crate::types::data_type;

/// Which aggregate is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AggregateKind {
    /// A whole row: the one with the greatest or least first argument. Gives a struct of all arguments.
    Best {
        /// Greatest, not least.
        greatest: bool,
    },
    /// A whole row, the first with values. Gives a struct of all arguments.
    Any,
    /// Distinct combinations of the arguments.
    Distinct,
    /// A dynamic array or bag.
    Collect(CollectKind, usize),
    /// One percentile, in hundredths of a percent's bits (f64), of the argument's type.
    Percentile(u64),
    /// Several percentiles as a dynamic array.
    PercentileArray(Vec<u64>),
    /// One percentile of values that count as often as the second argument says.
    WeightedPercentile(u64),
    /// Several of these as a dynamic array.
    WeightedPercentileArray(Vec<u64>),
    /// Covariance of two columns of reals: of a sample, not of a population.
    Covariance(bool),
    /// A sketch, or what else is summed up as JSON.
    Summary(SummaryKind),
    /// Spread of reals.
    Moment(MomentKind),
    /// Mean of ticks or decimals.
    Average,
}

/// Whether a function takes texts as dictionaries, too, where these are its only argument.
pub(crate) fn takes_dictionaries(function: &AggregateUDF) -> bool {
    let function = function.inner().downcast_ref::<KqlAggregate>();
    function.is_some_and(|function| match function.kind {
        AggregateKind::Distinct => true,
        // Of dynamic values the elements count.
        AggregateKind::Collect(CollectKind::Set, _) => function.first_type() == Type::String,
        _ => false,
    })
}

/// What is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CollectKind {
    /// Without repeats or nulls.
    Set,
    /// In order, without nulls.
    List,
    /// In order, with nulls.
    ListWithNulls,
    /// Members of bags; the first value of a key wins.
    Bag,
}

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SummaryKind {
    /// Distinct values, with an accuracy.
    Hll(i64),
    /// Distinct values of results of `hll`.
    HllMerge,
    /// A distribution.
    TDigest,
    /// The distribution of results of `tdigest`.
    TDigestMerge,
    /// The types of dynamic values.
    BuildSchema,
}

/// A measure of spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MomentKind {
    /// Variance of a sample.
    Variance,
    /// Variance of a population.
    VarianceP,
    /// Standard deviation of a sample.
    Stdev,
    /// Standard deviation of a population.
    StdevP,
}

/// An aggregate of the given kind over arguments; `filter` says which rows take part.
pub(crate) fn aggregate(
    kind: AggregateKind,
    args: Vec<(Expr, Type)>,
    filter: Option<Expr>,
) -> Expr {
    let (args, types): (Vec<Expr>, Vec<Type>) = args.into_iter().unzip();
    let function = KqlAggregate {
        kind,
        types,
        signature: Signature::variadic_any(Volatility::Immutable),
    };
    Expr::AggregateFunction(AggregateFunction::new_udf(
        Arc::new(AggregateUDF::new_from_impl(function)),
        args,
        false,
        filter.map(Box::new),
        Vec::new(),
        None,
    ))
}

/// An aggregate function with settled argument types.
#[derive(Debug, PartialEq, Eq, Hash)]
struct KqlAggregate {
    kind: AggregateKind,
    types: Vec<Type>,
    signature: Signature,
}

impl KqlAggregate {
    fn argument_types(&self) -> Vec<DataType> {
        self.types.iter().map(|t| data_type(*t)).collect()
    }

    fn first_type(&self) -> Type {
        self.types.first().copied().unwrap_or(Type::Long)
    }

    fn returns(&self) -> DataType {
        match &self.kind {
            AggregateKind::Best { .. } | AggregateKind::Any => {
                DataType::Struct(row_fields(&self.argument_types()))
            }
            AggregateKind::Distinct => DataType::Int64,
            AggregateKind::Collect(..) | AggregateKind::PercentileArray(_) => DataType::Utf8View,
            AggregateKind::WeightedPercentileArray(_) | AggregateKind::Summary(_) => {
                DataType::Utf8View
            }
            AggregateKind::Percentile(_)
            | AggregateKind::WeightedPercentile(_)
            | AggregateKind::Average => data_type(self.first_type()),
            AggregateKind::Moment(_) | AggregateKind::Covariance(_) => DataType::Float64,
        }
    }

    fn accumulate(&self) -> Result<Box<dyn GroupsAccumulator>> {
        let types = self.argument_types();
        Ok(match &self.kind {
            AggregateKind::Best { greatest } => Box::new(BestRow::new(Some(*greatest), types)?),
            AggregateKind::Any => Box::new(BestRow::new(None, types)?),
            AggregateKind::Distinct => Box::new(Distinct::new(types)?),
            AggregateKind::Collect(CollectKind::Set, limit) => {
                Box::new(CollectSet::new(*limit, self.first_type()))
            }
            AggregateKind::Collect(kind, limit) => {
                Box::new(Collect::new(*kind, *limit, self.first_type()))
            }
            AggregateKind::Percentile(p) => {
                Box::new(Percentiles::one(f64::from_bits(*p), self.first_type()))
            }
            AggregateKind::PercentileArray(all) => {
                let all = all.iter().map(|p| f64::from_bits(*p)).collect();
                Box::new(Percentiles::array(all, self.first_type()))
            }
            AggregateKind::WeightedPercentile(p) => {
                let wanted = vec![f64::from_bits(*p)];
                Box::new(Percentiles::weighted(wanted, false, &self.types))
            }
            AggregateKind::WeightedPercentileArray(all) => {
                let wanted = all.iter().map(|p| f64::from_bits(*p)).collect();
                Box::new(Percentiles::weighted(wanted, true, &self.types))
            }
            AggregateKind::Covariance(sample) => Box::new(Covariance::new(*sample)),
            AggregateKind::Summary(kind) => self.summarize(*kind),
            AggregateKind::Moment(kind) => Box::new(Moments::new(*kind)),
            AggregateKind::Average => Box::new(Average::new(self.first_type())),
        })
    }
}

impl KqlAggregate {
    fn summarize(&self, kind: SummaryKind) -> Box<dyn GroupsAccumulator> {
        let types = self.types.clone();
        match kind {
            SummaryKind::Hll(accuracy) => {
                let empty = sketch::Distinct::with_accuracy(accuracy);
                Box::new(Summaries::new(empty, types, false))
            }
            SummaryKind::HllMerge => {
                Box::new(Summaries::new(sketch::Distinct::default(), types, true))
            }
            SummaryKind::TDigest => {
                Box::new(Summaries::new(sketch::Digest::default(), types, false))
            }
            SummaryKind::TDigestMerge => {
                Box::new(Summaries::new(sketch::Digest::default(), types, true))
            }
            SummaryKind::BuildSchema => {
                Box::new(Summaries::new(sketch::Schema::default(), types, false))
            }
        }
    }
}

/// The fields of a whole-row result.
pub(super) fn row_fields(types: &[DataType]) -> Fields {
    types
        .iter()
        .enumerate()
        .map(|(i, ty)| Field::new(format!("f{i}"), ty.clone(), true))
        .collect()
}

impl AggregateUDFImpl for KqlAggregate {
    fn name(&self) -> &str {
        match self.kind {
            AggregateKind::Best { greatest: true } => "arg_max",
            AggregateKind::Best { greatest: false } => "arg_min",
            AggregateKind::Any => "take_any",
            AggregateKind::Distinct => "dcount",
            AggregateKind::Collect(CollectKind::Set, _) => "make_set",
            AggregateKind::Collect(CollectKind::List, _) => "make_list",
            AggregateKind::Collect(CollectKind::ListWithNulls, _) => "make_list_with_nulls",
            AggregateKind::Collect(CollectKind::Bag, _) => "make_bag",
            AggregateKind::Percentile(_) => "percentile",
            AggregateKind::PercentileArray(_) => "percentiles_array",
            AggregateKind::WeightedPercentile(_) => "percentilew",
            AggregateKind::WeightedPercentileArray(_) => "percentilesw_array",
            AggregateKind::Covariance(_) => "covariance",
            AggregateKind::Summary(SummaryKind::Hll(_)) => "hll",
            AggregateKind::Summary(SummaryKind::HllMerge) => "hll_merge",
            AggregateKind::Summary(SummaryKind::TDigest) => "tdigest",
            AggregateKind::Summary(SummaryKind::TDigestMerge) => "tdigest_merge",
            AggregateKind::Summary(SummaryKind::BuildSchema) => "buildschema",
            AggregateKind::Moment(_) => "spread",
            AggregateKind::Average => "average",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.returns())
    }

    fn accumulator(&self, _acc_args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single::new(
            self.accumulate()?,
            self.argument_types(),
        )))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |ty| DataType::List(Arc::new(Field::new_list_field(ty, true)));
        let types: Vec<DataType> = match &self.kind {
            AggregateKind::Best { .. } | AggregateKind::Any => self.argument_types(),
            AggregateKind::Distinct => distinct_state::types(),
            AggregateKind::Collect(..) | AggregateKind::Summary(_) => vec![DataType::Utf8View],
            AggregateKind::Percentile(_)
            | AggregateKind::PercentileArray(_)
            | AggregateKind::WeightedPercentile(_)
            | AggregateKind::WeightedPercentileArray(_) => vec![list(DataType::Int64)],
            AggregateKind::Covariance(_) => {
                let mut fields = vec![DataType::Int64];
                fields.resize(4, DataType::Float64);
                fields
            }
            AggregateKind::Moment(_) => vec![DataType::Int64, DataType::Float64, DataType::Float64],
            AggregateKind::Average => vec![DataType::Int64, DataType::Decimal256(76, 0)],
        };
        Ok(types
            .into_iter()
            .enumerate()
            .map(|(i, ty)| Arc::new(Field::new(format!("{}[{i}]", args.name), ty, true)))
            .collect())
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.accumulate()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
