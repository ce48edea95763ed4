//! Aggregation.

use bartizan_kql::bound::{self, AggregateFn, Plan};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::bit_and_or_xor::{bit_and_udaf, bit_or_udaf, bit_xor_udaf};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::usage::gives_row;
use super::{Planner, column_name, named, never_null};
use crate::aggregates::{AggregateKind, CollectKind, MomentKind, SummaryKind, aggregate};
use crate::error::HuntError;
use crate::functions;

/// Elements that `make_set` and `make_list` collect at most (docs page "make-set-aggregation-function").
const MOST_ELEMENTS: usize = 1_048_576;

/// An aggregate in three stages: columns below it, the aggregation itself, and what makes results of it.
#[derive(Default)]
struct Stages {
    inputs: Vec<Expr>,
    aggregates: Vec<Expr>,
    results: Vec<Expr>,
}

/// Percentiles are of what has an order and a mean, which the language's types do not demand.
fn rankable(call: &bound::Aggregate) -> Result<(), HuntError> {
    use AggregateFn as A;
    let name = match call.function {
        A::Percentile | A::PercentilesArray => "percentiles",
        A::PercentileW | A::PercentilesWArray => "percentilesw",
        _ => return Ok(()),
    };
    match call.args.first().map(|a| a.ty) {
        Some(ty @ (Type::Bool | Type::String | Type::Guid | Type::Dynamic)) => {
            Err(HuntError::Evaluation(format!(
                "{name}() takes numbers, datetimes and timespans, and this value is {ty}: convert it first, for instance with toreal()"
            )))
        }
        _ => Ok(()),
    }
}

impl Planner<'_> {
    pub(super) fn summarize(
        &self,
        plan: &Plan,
        input: &Plan,
        by: &[bound::Expr],
        aggregates: &[bound::Aggregate],
    ) -> Result<LogicalPlan, HuntError> {
        let mut rows = self.relation(input)?;
        if aggregates.iter().any(|a| depends_on_order(a.function)) {
            rows = self.in_order(input, rows)?;
        }
        let mut stages = Stages::default();
        let mut groups = Vec::with_capacity(by.len());
        for (expr, out) in by.iter().zip(&plan.columns) {
            let name = column_name(out.id);
            stages.inputs.push(self.expression(expr)?.alias(&name));
            groups.push(named(&name));
            stages.results.push(named(&name));
        }
        for (i, aggregate) in aggregates.iter().enumerate() {
            self.aggregate(i, aggregate, &mut stages)?;
        }
        if stages.inputs.is_empty() {
            // `summarize count()` needs no column, but an aggregation wants a projection with one.
            stages.inputs.push(lit(true).alias("one"));
        }
        if groups.is_empty() && stages.aggregates.is_empty() {
            // `summarize x = 1`, or aggregates that nobody reads: the one row has no columns, but an aggregation wants one.
            let count = native(count_udaf(), lit(1i64), None);
            stages.aggregates.push(count.alias("rows"));
            stages.results.push(named("rows"));
        }
        Ok(LogicalPlanBuilder::new(rows)
            .project(stages.inputs)?
            .aggregate(groups, stages.aggregates)?
            .project(stages.results)?
            .build()?)
    }

    fn aggregate(
        &self,
        index: usize,
        call: &bound::Aggregate,
        stages: &mut Stages,
    ) -> Result<(), HuntError> {
        let rowwise = gives_row(call.function);
        // The first argument of arg_max and arg_min is what rows are ranked by.
        let ranked = rowwise && call.function != AggregateFn::TakeAny;
        let wanted = |i: usize| {
            !rowwise
                || (ranked && i == 0)
                || call
                    .outputs
                    .get(i)
                    .is_some_and(|c| !self.unread.contains(&c.id))
        };
        rankable(call)?;
        let mut args = Vec::with_capacity(call.args.len());
        for (i, arg) in call.args.iter().enumerate().filter(|(i, _)| wanted(*i)) {
            let name = format!("a{index}_{i}");
            stages.inputs.push(self.expression(arg)?.alias(&name));
            args.push((named(&name), arg.ty));
        }
        let filter = match &call.filter {
            Some(condition) => {
                let name = format!("a{index}_if");
                stages
                    .inputs
                    .push(self.predicate(condition, false)?.alias(&name));
                Some(named(&name))
            }
            None => None,
        };
        let result = |i: usize| format!("g{index}_{i}");
        if rowwise && args.is_empty() {
            return Ok(());
        }
        if rowwise {
            let kind = match call.function {
                AggregateFn::ArgMax => AggregateKind::Best { greatest: true },
                AggregateFn::ArgMin => AggregateKind::Best { greatest: false },
                _ => AggregateKind::Any,
            };
            let name = result(0);
            stages
                .aggregates
                .push(aggregate(kind, args, filter).alias(&name));
            let outputs = call.outputs.iter().enumerate().filter(|(i, _)| wanted(*i));
            for (field, (_, out)) in outputs.enumerate() {
                let field = functions::struct_field(named(&name), field, out.ty);
                let value = never_null(field, out.ty);
                stages.results.push(value.alias(column_name(out.id)));
            }
            return Ok(());
        }
        if matches!(
            call.function,
            AggregateFn::Percentile | AggregateFn::PercentileW
        ) {
            let weighted = call.function == AggregateFn::PercentileW;
            for (i, out) in call.outputs.iter().enumerate() {
                let p = self.percentage(call.args.get(i + 1 + usize::from(weighted)))?;
                // The percentile of an int is a long.
                let (ranked, ty) = args[0].clone();
                let mut own = vec![(functions::cast(ranked, ty, out.ty), out.ty)];
                let kind = if weighted {
                    own.push(args[1].clone());
                    AggregateKind::WeightedPercentile(p)
                } else {
                    AggregateKind::Percentile(p)
                };
                let value = aggregate(kind, own, filter.clone());
                stages.aggregates.push(value.alias(result(i)));
                stages
                    .results
                    .push(named(&result(i)).alias(column_name(out.id)));
            }
            return Ok(());
        }
        let Some(out) = call.outputs.first() else {
            return Ok(());
        };
        let value = self.plain(call, args, filter)?;
        stages.aggregates.push(value.alias(result(0)));
        let value = finish(call.function, named(&result(0)), out.ty);
        stages.results.push(value.alias(column_name(out.id)));
        Ok(())
    }

    /// An aggregate with one result.
    fn plain(
        &self,
        call: &bound::Aggregate,
        mut args: Vec<(Expr, Type)>,
        filter: Option<Expr>,
    ) -> Result<Expr, HuntError> {
        let ty = args.first().map_or(Type::Long, |a| a.1);
        let own = |kind, args: Vec<(Expr, Type)>, filter| Ok(aggregate(kind, args, filter));
        let summary = |kind, args, filter| own(AggregateKind::Summary(kind), args, filter);
        match call.function {
            AggregateFn::Count => Ok(native(count_udaf(), lit(1i64), filter)),
            AggregateFn::CountDistinct | AggregateFn::DCount => {
                own(AggregateKind::Distinct, args, filter)
            }
            AggregateFn::Sum => Ok(native(sum_udaf(), first(args)?, filter)),
            AggregateFn::Avg if matches!(ty, Type::DateTime | Type::TimeSpan | Type::Decimal) => {
                own(AggregateKind::Average, args, filter)
            }
            AggregateFn::Avg => {
                let value = functions::cast(first(args)?, ty, Type::Real);
                Ok(native(avg_udaf(), value, filter))
            }
            AggregateFn::Min => Ok(native(min_udaf(), first(args)?, filter)),
            AggregateFn::Max => Ok(native(max_udaf(), first(args)?, filter)),
            AggregateFn::MakeSet => self.collect(CollectKind::Set, call, args, filter),
            AggregateFn::MakeList => self.collect(CollectKind::List, call, args, filter),
            AggregateFn::MakeListWithNulls => {
                self.collect(CollectKind::ListWithNulls, call, args, filter)
            }
            AggregateFn::MakeBag => self.collect(CollectKind::Bag, call, args, filter),
            AggregateFn::PercentilesArray => {
                let wanted = self.percentages(&call.args[1..])?;
                args.truncate(1);
                own(AggregateKind::PercentileArray(wanted), args, filter)
            }
            AggregateFn::PercentilesWArray => {
                let wanted = self.percentages(call.args.get(2..).unwrap_or(&[]))?;
                args.truncate(2);
                own(AggregateKind::WeightedPercentileArray(wanted), args, filter)
            }
            AggregateFn::Covariance => own(AggregateKind::Covariance(true), args, filter),
            AggregateFn::CovarianceP => own(AggregateKind::Covariance(false), args, filter),
            AggregateFn::BuildSchema => summary(SummaryKind::BuildSchema, args, filter),
            AggregateFn::TDigest => summary(SummaryKind::TDigest, args, filter),
            AggregateFn::TDigestMerge => summary(SummaryKind::TDigestMerge, args, filter),
            AggregateFn::HllMerge => summary(SummaryKind::HllMerge, args, filter),
            AggregateFn::Hll => {
                let accuracy = match call.args.get(1) {
                    Some(accuracy) => self.constant(accuracy)?,
                    None => ScalarValue::Int64(Some(1)),
                };
                let ScalarValue::Int64(accuracy) = accuracy else {
                    return Err(HuntError::Internal("the accuracy of hll is no long".into()));
                };
                args.truncate(1);
                summary(SummaryKind::Hll(accuracy.unwrap_or(1)), args, filter)
            }
            AggregateFn::Stdev => own(AggregateKind::Moment(MomentKind::Stdev), args, filter),
            AggregateFn::StdevP => own(AggregateKind::Moment(MomentKind::StdevP), args, filter),
            AggregateFn::Variance => own(AggregateKind::Moment(MomentKind::Variance), args, filter),
            AggregateFn::VarianceP => {
                own(AggregateKind::Moment(MomentKind::VarianceP), args, filter)
            }
            AggregateFn::BinaryAllAnd => Ok(native(bit_and_udaf(), first(args)?, filter)),
            AggregateFn::BinaryAllOr => Ok(native(bit_or_udaf(), first(args)?, filter)),
            AggregateFn::BinaryAllXor => Ok(native(bit_xor_udaf(), first(args)?, filter)),
            AggregateFn::ArgMax
            | AggregateFn::ArgMin
            | AggregateFn::TakeAny
            | AggregateFn::Percentile
            | AggregateFn::PercentileW => Err(HuntError::Internal(
                "an aggregate of several results was taken for a plain one".into(),
            )),
        }
    }

    fn collect(
        &self,
        kind: CollectKind,
        call: &bound::Aggregate,
        mut args: Vec<(Expr, Type)>,
        filter: Option<Expr>,
    ) -> Result<Expr, HuntError> {
        let limit = match call.args.get(1) {
            Some(limit) => match self.constant(limit)? {
                ScalarValue::Int64(Some(n)) => usize::try_from(n).unwrap_or(0).min(MOST_ELEMENTS),
                _ => MOST_ELEMENTS,
            },
            None => MOST_ELEMENTS,
        };
        args.truncate(1);
        Ok(aggregate(AggregateKind::Collect(kind, limit), args, filter))
    }

    /// Percentages as the bits of reals: constants, or one constant array.
    fn percentages(&self, args: &[bound::Expr]) -> Result<Vec<u64>, HuntError> {
        if let [list] = args
            && list.ty == Type::Dynamic
        {
            let text = match self.constant(list)? {
                ScalarValue::Utf8View(text) => text.unwrap_or_default(),
                _ => String::new(),
            };
            return Ok(functions::reals_of(&text)
                .into_iter()
                .map(f64::to_bits)
                .collect());
        }
        args.iter().map(|a| self.percentage(Some(a))).collect()
    }

    /// A percentage as the bits of a real.
    fn percentage(&self, expr: Option<&bound::Expr>) -> Result<u64, HuntError> {
        let Some(expr) = expr else {
            return Err(HuntError::Internal(
                "a percentile without its percentage".into(),
            ));
        };
        let value = match self.constant(expr)? {
            ScalarValue::Float64(Some(p)) => p,
            ScalarValue::Int64(Some(p)) => p as f64,
            _ => 0.0,
        };
        Ok(value.to_bits())
    }
}

fn native(function: std::sync::Arc<AggregateUDF>, arg: Expr, filter: Option<Expr>) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function,
        vec![arg],
        false,
        filter.map(Box::new),
        Vec::new(),
        None,
    ))
}

fn first(args: Vec<(Expr, Type)>) -> Result<Expr, HuntError> {
    args.into_iter()
        .next()
        .map(|a| a.0)
        .ok_or_else(|| HuntError::Internal("an aggregate without its argument".into()))
}

/// What an aggregate gives for no values: 0 for sums, "" for strings, null otherwise.
fn finish(function: AggregateFn, value: Expr, ty: Type) -> Expr {
    if function != AggregateFn::Sum {
        return never_null(value, ty);
    }
    let zero = match ty {
        Type::Real => ScalarValue::Float64(Some(0.0)),
        Type::Decimal => functions::scalar(&bound::Value::Decimal("0".into()), ty),
        Type::Int => ScalarValue::Int32(Some(0)),
        _ => ScalarValue::Int64(Some(0)),
    };
    functions::or_default(value, ty, zero)
}

/// Whether the result depends on the order in which rows come.
fn depends_on_order(function: AggregateFn) -> bool {
    matches!(
        function,
        AggregateFn::MakeList | AggregateFn::MakeListWithNulls | AggregateFn::TakeAny
    )
}
