//! The aggregate functions by name.

use super::signature::*;
use super::{AggregateFn, AggregateFunction, BestNames, Naming, ResultType, Shape};
use crate::types::Type;
use AggregateFn as A;
use Naming::{First, Prefix};
use ResultType::{Argument, Is, Promoted};

const WHOLE: ResultType = Is(Type::Long);
const DYNAMIC: ResultType = Is(Type::Dynamic);
const FRACTION: ResultType = Is(Type::Real);
const AVERAGE: &[Signature] = &[
    all(&[SAME_INTEGER], FRACTION),
    all(&[STRICT_REAL], FRACTION),
    all(&[SUMMABLE], Argument(0)),
];
const SUM: &[Signature] = &[all(&[SUMMABLE_AS_RESULT], Promoted(0))];
const EXTREME: &[Signature] = &[all(&[ORDERED], Argument(0))];
const GATHER: &[Signature] = &[some(&[ANY, INTEGER], 1, DYNAMIC)];
const SPREAD: &[Signature] = &[all(&[SUMMABLE_AS_REAL], FRACTION)];
const TOGETHER: &[Signature] = &[all(&[SUMMABLE_AS_REAL, SUMMABLE_AS_REAL], FRACTION)];
const SKETCH: &[Signature] = &[some(&[NOT_DYNAMIC, INTEGER], 1, DYNAMIC)];
const BITS: &[Signature] = &[all(&[SUMMABLE], Argument(0))];
const DISTINCT: &[Signature] = &[all(&[NOT_DYNAMIC], WHOLE)];
const ESTIMATE: &[Signature] = &[some(&[ANY, NOT_DYNAMIC], 1, WHOLE)];
const BAGS: &[Signature] = &[some(&[BAG, INTEGER], 1, DYNAMIC)];
const ONE: &[Signature] = &[all(&[ANY], Argument(0))];
const BEST: &[Signature] = &[Signature {
    params: &[ORDERED, ANY],
    required: 1,
    repeated: 1,
    result: Argument(0),
}];
const SEVERAL: &[Signature] = &[many(&[ANY], 1, Argument(0))];
const RANKS: &[Signature] = &[many(&[ANY, REAL], 1, Argument(0))];

const fn plain(
    name: &'static str,
    function: AggregateFn,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> AggregateFunction {
    AggregateFunction {
        name,
        aliases: &[],
        function,
        signatures,
        naming,
        shape: Shape::Plain,
        doc,
    }
}

const fn filtered(
    name: &'static str,
    function: AggregateFn,
    signatures: &'static [Signature],
    naming: Naming,
    condition: usize,
) -> AggregateFunction {
    let doc = "As the function without `if`, over the rows for which a condition is true.";
    AggregateFunction {
        name,
        aliases: &[],
        function,
        signatures,
        naming,
        shape: Shape::Filtered(condition),
        doc,
    }
}

const fn shaped(
    name: &'static str,
    aliases: &'static [&'static str],
    function: AggregateFn,
    signatures: &'static [Signature],
    naming: Naming,
    shape: Shape,
    doc: &'static str,
) -> AggregateFunction {
    AggregateFunction {
        name,
        aliases,
        function,
        signatures,
        naming,
        shape,
        doc,
    }
}

/// All aggregate functions.
pub(super) static AGGREGATES: &[AggregateFunction] = &[
    plain(
        "count",
        A::Count,
        &[all(&[], WHOLE)],
        Prefix("count"),
        "How many rows there are.",
    ),
    plain(
        "cnt",
        A::Count,
        &[all(&[], WHOLE)],
        Prefix("cnt"),
        "The older count.",
    ),
    filtered(
        "countif",
        A::Count,
        &[all(&[], WHOLE)],
        Prefix("countif"),
        0,
    ),
    plain(
        "dcount",
        A::DCount,
        ESTIMATE,
        Prefix("dcount"),
        "How many distinct values there are, estimated.",
    ),
    filtered("dcountif", A::DCount, ESTIMATE, Prefix("dcountif"), 1),
    plain(
        "count_distinct",
        A::CountDistinct,
        DISTINCT,
        Prefix("count_distinct"),
        "How many distinct values there are.",
    ),
    filtered(
        "count_distinctif",
        A::CountDistinct,
        DISTINCT,
        Prefix("count_distinctif"),
        1,
    ),
    plain("sum", A::Sum, SUM, Prefix("sum"), "The sum."),
    filtered("sumif", A::Sum, SUM, Prefix("sumif"), 1),
    plain("avg", A::Avg, AVERAGE, Prefix("avg"), "The mean."),
    filtered("avgif", A::Avg, AVERAGE, Prefix("avgif"), 1),
    plain("min", A::Min, EXTREME, Prefix("min"), "The least value."),
    filtered("minif", A::Min, EXTREME, Prefix("minif"), 1),
    plain("max", A::Max, EXTREME, Prefix("max"), "The greatest value."),
    filtered("maxif", A::Max, EXTREME, Prefix("maxif"), 1),
    shaped(
        "arg_max",
        &[],
        A::ArgMax,
        BEST,
        First,
        Shape::Best {
            names: BestNames::Plain,
            unnamed: "max",
        },
        "The row with the greatest value.",
    ),
    shaped(
        "arg_min",
        &[],
        A::ArgMin,
        BEST,
        First,
        Shape::Best {
            names: BestNames::Plain,
            unnamed: "min",
        },
        "The row with the least value.",
    ),
    shaped(
        "argmax",
        &[],
        A::ArgMax,
        BEST,
        First,
        Shape::Best {
            names: BestNames::Prefixed,
            unnamed: "max",
        },
        "The older arg_max.",
    ),
    shaped(
        "argmin",
        &[],
        A::ArgMin,
        BEST,
        First,
        Shape::Best {
            names: BestNames::Prefixed,
            unnamed: "min",
        },
        "The older arg_min.",
    ),
    shaped(
        "take_any",
        &[],
        A::TakeAny,
        SEVERAL,
        First,
        Shape::Any { prefix: "" },
        "The values of some row.",
    ),
    shaped(
        "any",
        &[],
        A::TakeAny,
        SEVERAL,
        Prefix("any"),
        Shape::Any { prefix: "any_" },
        "The older take_any.",
    ),
    filtered("take_anyif", A::TakeAny, ONE, First, 1),
    filtered("anyif", A::TakeAny, ONE, Prefix("anyif"), 1),
    shaped(
        "make_set",
        &["makeset"],
        A::MakeSet,
        GATHER,
        Prefix("set"),
        Shape::Plain,
        "An array of the distinct values.",
    ),
    filtered("make_set_if", A::MakeSet, GATHER, Prefix("set"), 1),
    shaped(
        "make_list",
        &["makelist"],
        A::MakeList,
        GATHER,
        Prefix("list"),
        Shape::Plain,
        "An array of the values.",
    ),
    filtered("make_list_if", A::MakeList, GATHER, Prefix("list"), 1),
    plain(
        "make_list_with_nulls",
        A::MakeListWithNulls,
        &[all(&[ANY], DYNAMIC)],
        Prefix("list"),
        "An array of the values, nulls included.",
    ),
    plain(
        "make_bag",
        A::MakeBag,
        BAGS,
        Prefix("bag"),
        "One bag of all bags.",
    ),
    plain(
        "make_dictionary",
        A::MakeBag,
        BAGS,
        Prefix("dictionary"),
        "The older make_bag.",
    ),
    filtered("make_bag_if", A::MakeBag, BAGS, Prefix("bag"), 1),
    shaped(
        "percentile",
        &[],
        A::Percentile,
        &[all(&[ANY, REAL], Argument(0))],
        Prefix("percentile"),
        Shape::Percentiles(1),
        "The number, datetime or timespan below which a share of the values lies.",
    ),
    shaped(
        "percentiles",
        &[],
        A::Percentile,
        RANKS,
        Prefix("percentile"),
        Shape::Percentiles(1),
        "Several percentiles, a column each.",
    ),
    plain(
        "percentiles_array",
        A::PercentilesArray,
        &[many(&[ANY, REAL], 1, DYNAMIC), all(&[ANY, ARRAY], DYNAMIC)],
        Prefix("percentiles"),
        "Several percentiles as an array.",
    ),
    shaped(
        "percentilew",
        &[],
        A::PercentileW,
        &[all(&[ANY, INTEGER, REAL], Argument(0))],
        Prefix("percentile"),
        Shape::Percentiles(2),
        "The number, datetime or timespan below which a share of the weights lies.",
    ),
    shaped(
        "percentilesw",
        &[],
        A::PercentileW,
        &[many(&[ANY, INTEGER, REAL], 1, Argument(0))],
        Prefix("percentile"),
        Shape::Percentiles(2),
        "Several weighted percentiles, a column each.",
    ),
    plain(
        "percentilesw_array",
        A::PercentilesWArray,
        &[
            many(&[ANY, INTEGER, REAL], 1, DYNAMIC),
            all(&[ANY, INTEGER, ARRAY], DYNAMIC),
        ],
        Prefix("percentiles"),
        "Several weighted percentiles as an array.",
    ),
    plain(
        "stdev",
        A::Stdev,
        SPREAD,
        Prefix("stdev"),
        "The standard deviation of a sample.",
    ),
    filtered("stdevif", A::Stdev, SPREAD, Prefix("stdevif"), 1),
    plain(
        "stdevp",
        A::StdevP,
        SPREAD,
        Prefix("stdevp"),
        "The standard deviation of a population.",
    ),
    plain(
        "variance",
        A::Variance,
        SPREAD,
        Prefix("variance"),
        "The variance of a sample.",
    ),
    filtered("varianceif", A::Variance, SPREAD, Prefix("varianceif"), 1),
    plain(
        "variancep",
        A::VarianceP,
        SPREAD,
        Prefix("variancep"),
        "The variance of a population.",
    ),
    filtered(
        "variancepif",
        A::VarianceP,
        SPREAD,
        Prefix("variancepif"),
        1,
    ),
    plain(
        "covariance",
        A::Covariance,
        TOGETHER,
        Prefix("covariance"),
        "The covariance of a sample.",
    ),
    filtered(
        "covarianceif",
        A::Covariance,
        TOGETHER,
        Prefix("covarianceif"),
        2,
    ),
    plain(
        "covariancep",
        A::CovarianceP,
        TOGETHER,
        Prefix("covariancep"),
        "The covariance of a population.",
    ),
    filtered(
        "covariancepif",
        A::CovarianceP,
        TOGETHER,
        Prefix("covariancepif"),
        2,
    ),
    plain(
        "buildschema",
        A::BuildSchema,
        &[all(&[BAG], DYNAMIC)],
        Prefix("schema"),
        "The types of all values, by their paths.",
    ),
    plain(
        "tdigest",
        A::TDigest,
        &[some(&[SUMMABLE, INTEGER], 1, DYNAMIC)],
        Prefix("tdigest"),
        "A sketch of a distribution, for percentile_tdigest.",
    ),
    shaped(
        "tdigest_merge",
        &["merge_tdigest"],
        A::TDigestMerge,
        &[all(&[ARRAY], DYNAMIC)],
        Prefix("merge_tdigests"),
        Shape::Plain,
        "One tdigest of several.",
    ),
    plain(
        "hll",
        A::Hll,
        SKETCH,
        Prefix("hll"),
        "A sketch of distinct values, for dcount_hll.",
    ),
    filtered("hll_if", A::Hll, SKETCH, Prefix("hll_if"), 1),
    plain(
        "hll_merge",
        A::HllMerge,
        &[all(&[ARRAY], DYNAMIC)],
        Prefix("hll_merge"),
        "One hll of several.",
    ),
    plain(
        "binary_all_and",
        A::BinaryAllAnd,
        BITS,
        First,
        "Bitwise and of all values.",
    ),
    plain(
        "binary_all_or",
        A::BinaryAllOr,
        BITS,
        First,
        "Bitwise or of all values.",
    ),
    plain(
        "binary_all_xor",
        A::BinaryAllXor,
        BITS,
        First,
        "Bitwise exclusive or of all values.",
    ),
];
