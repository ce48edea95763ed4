//! The aggregate functions that reach the bound tree. A planner matches this enum exhaustively.
//!
//! The `…if` forms have no variant: they are the plain function with [`crate::bound::Aggregate::filter`].

/// An aggregate function. Nulls are ignored unless said otherwise; one output unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFn {
    /// `count()`, no argument: rows; long.
    Count,
    /// `count_distinct(any…)`: distinct combinations; long, exact. One or more arguments.
    CountDistinct,
    /// `dcount(any)`: long; an estimate is allowed. (The accuracy argument is dropped.)
    DCount,
    /// `sum(number or timespan)`: long for integers, otherwise the argument's type; 0 for no values.
    Sum,
    /// `avg(number, timespan or datetime)`: real, or the argument's type for decimal, timespan, datetime.
    Avg,
    /// `min(any but dynamic)`.
    Min,
    /// `max(any but dynamic)`.
    Max,
    /// `arg_max(value, returned…)`: outputs\[i\] is args\[i\] of a row with the greatest value; rows whose value is
    /// null are considered only when there is no other.
    ArgMax,
    /// `arg_min(value, returned…)`: as ArgMax with the least value.
    ArgMin,
    /// `take_any(any…)`: outputs\[i\] is args\[i\] of one row, the same for all; rows with values are preferred.
    TakeAny,
    /// `make_set(any, limit? long)`: dynamic array without repeats; nulls are skipped. A dynamic array argument
    /// is one element. The limit is a constant, at most and by default 1048576.
    MakeSet,
    /// `make_list(any, limit? long)`: dynamic array in input order; nulls are skipped. Limit as for make_set.
    MakeList,
    /// `make_list_with_nulls(any)`.
    MakeListWithNulls,
    /// `make_bag(dynamic, limit? long)`: dynamic; merges bags, the first value of a key wins.
    MakeBag,
    /// `percentile(value, p)`, `percentiles(value, p…)`: args\[1 + i\] is a constant real from 0 to 100 and gives
    /// outputs\[i\], of the value's type.
    Percentile,
    /// `percentilew(value, weight long, p)`, `percentilesw(value, weight long, p…)`: as Percentile with args\[2 + i\];
    /// a value counts as often as its weight says.
    PercentileW,
    /// `percentilesw_array(value, weight long, p…)`: as PercentilesArray, with weights.
    PercentilesWArray,
    /// `percentiles_array(value, p…)`: dynamic array of the percentiles; the percentages are constant reals, or one
    /// dynamic array of them.
    PercentilesArray,
    /// `stdev(real)`: of a sample.
    Stdev,
    /// `stdevp(real)`: of a population.
    StdevP,
    /// `variance(real)`: of a sample.
    Variance,
    /// `variancep(real)`: of a population.
    VarianceP,
    /// `covariance(real, real)`: of a sample.
    Covariance,
    /// `covariancep(real, real)`: of a population.
    CovarianceP,
    /// `buildschema(dynamic)`: the types that occur, as a dynamic value.
    BuildSchema,
    /// `tdigest(value, weight? long)`: a sketch of the distribution, as a dynamic value.
    TDigest,
    /// `tdigest_merge(dynamic)`: one sketch of several.
    TDigestMerge,
    /// `hll(any, accuracy? long)`: a sketch of the distinct values, as a dynamic value.
    Hll,
    /// `hll_merge(dynamic)`: one sketch of several.
    HllMerge,
    /// `binary_all_and(long)`.
    BinaryAllAnd,
    /// `binary_all_or(long)`.
    BinaryAllOr,
    /// `binary_all_xor(long)`.
    BinaryAllXor,
}
