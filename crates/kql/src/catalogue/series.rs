//! Scalar functions: series, which are arrays of numbers.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Target, entry};
use crate::types::Type;
use Naming::{First, Numbered};
use ResultType::Is;
use SeriesFn as S;

/// A function of series. Elements that are not numbers count as null; a value that is no array gives null.
///
/// Those with several results give one dynamic array of them; [`Target::Several`] has their names and types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeriesFn {
    /// Element by element, over two series or a series and a number.
    Pairwise(PairwiseFn),
    /// Element by element.
    Each(EachFn),
    /// `series_sum(dynamic)`: real.
    Sum,
    /// `series_product(dynamic)`: real.
    Product,
    /// `series_magnitude(dynamic)`: real.
    Magnitude,
    /// `series_dot_product(a, b)`: real; one of them may be a number.
    DotProduct,
    /// `series_cosine_similarity(a, b, magnitude? real, magnitude? real)`: real.
    CosineSimilarity,
    /// `series_pearson_correlation(a, b)`: real.
    PearsonCorrelation,
    /// `series_fill_backward(dynamic, missing? any)`.
    FillBackward,
    /// `series_fill_forward(dynamic, missing? any)`.
    FillForward,
    /// `series_fill_const(dynamic, constant? any, missing? any)`.
    FillConst,
    /// `series_fill_linear(dynamic, missing? any, edges? bool, constant? any)`.
    FillLinear,
    /// `series_fir(dynamic, filter dynamic, normalize? bool, centre? bool)`.
    Fir,
    /// `series_iir(dynamic, numerators dynamic, denominators dynamic)`.
    Iir,
    /// `series_stats(dynamic, ignore_nonfinite? bool)`: several.
    Stats,
    /// `series_stats_dynamic`: the same as a bag.
    StatsDynamic,
    /// `series_fit_line(dynamic)`: several.
    FitLine,
    /// `series_fit_line_dynamic(dynamic)`: the same as a bag.
    FitLineDynamic,
    /// `series_fit_2lines(dynamic)`: several.
    Fit2Lines,
    /// `series_fit_2lines_dynamic(dynamic)`: the same as a bag.
    Fit2LinesDynamic,
    /// `series_fit_poly(y dynamic, x? dynamic, degree? long)`: several. A lone second argument is x, or the degree.
    FitPoly,
    /// `series_outliers(dynamic, kind? string, ignore? real, low? real, high? real, test? long)`.
    Outliers,
    /// `series_seasonal(dynamic, period? long, test? long)`.
    Seasonal,
    /// `series_periods_detect(dynamic, least real, most real, count long)`: several.
    PeriodsDetect,
    /// `series_periods_validate(dynamic, period real…)`: several.
    PeriodsValidate,
    /// `series_decompose(dynamic, period? long, trend? string, test? long, threshold? real)`: several.
    Decompose,
    /// `series_decompose_forecast(dynamic, points long, period? long, trend? string, threshold? real)`: several.
    DecomposeForecast,
    /// `series_decompose_anomalies(dynamic, threshold? real, period? long, trend? string, test? long, method?
    /// string, seasonality? real)`: several.
    DecomposeAnomalies,
    /// `series_fft(real dynamic, imaginary? dynamic)`: several.
    Fft,
    /// `series_ifft(real dynamic, imaginary? dynamic)`: several.
    InverseFft,
}

/// What is done with the elements of two series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the operations")]
pub enum PairwiseFn {
    Add,
    Subtract,
    Multiply,
    Divide,
    Pow,
    Greater,
    GreaterEquals,
    Less,
    LessEquals,
    Equals,
    NotEquals,
}

/// What is done with every element of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the operations")]
pub enum EachFn {
    Exp,
    Sign,
    Abs,
    Sin,
    Asin,
    Cos,
    Acos,
    Tan,
    Atan,
    Log,
    Floor,
    Ceiling,
}

const FRACTION: ResultType = Is(Type::Real);
const DYNAMIC: ResultType = Is(Type::Dynamic);
const ONE: &[Signature] = &[all(&[ARRAY], DYNAMIC)];
const ONE_TO_REAL: &[Signature] = &[all(&[ARRAY], FRACTION)];
const TWO_TO_REAL: &[Signature] = &[all(&[ARRAY, ARRAY], FRACTION)];
const TWO: &[Signature] = &[
    all(&[ARRAY, ARRAY], DYNAMIC),
    all(&[ARRAY, REAL], DYNAMIC),
    all(&[REAL, ARRAY], DYNAMIC),
];
const FILL: &[Signature] = &[some(&[ARRAY, ANY], 1, DYNAMIC)];
const STATS: &[Signature] = &[some(&[ARRAY, BOOL], 1, DYNAMIC)];
const COMPLEX: &[Signature] = &[some(&[ARRAY, ARRAY], 1, DYNAMIC)];

/// The results of functions with several: what is added to their names, and their types.
type Results = &'static [(&'static str, Type)];
const STATS_RESULTS: Results = &[
    ("min", Type::Real),
    ("min_idx", Type::Long),
    ("max", Type::Real),
    ("max_idx", Type::Long),
    ("avg", Type::Real),
    ("stdev", Type::Real),
    ("variance", Type::Real),
];
const LINE_RESULTS: Results = &[
    ("rsquare", Type::Real),
    ("slope", Type::Real),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("interception", Type::Real),
    ("line_fit", Type::Dynamic),
];
const LINES_RESULTS: Results = &[
    ("rsquare", Type::Real),
    ("split_idx", Type::Long),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("line_fit", Type::Dynamic),
    ("right_rsquare", Type::Real),
    ("right_slope", Type::Real),
    ("right_interception", Type::Real),
    ("right_variance", Type::Real),
    ("right_rvariance", Type::Real),
    ("left_rsquare", Type::Real),
    ("left_slope", Type::Real),
    ("left_interception", Type::Real),
    ("left_variance", Type::Real),
    ("left_rvariance", Type::Real),
];
const POLY_RESULTS: Results = &[
    ("rsquare", Type::Real),
    ("coefficients", Type::Dynamic),
    ("variance", Type::Real),
    ("rvariance", Type::Real),
    ("poly_fit", Type::Dynamic),
];
const PERIOD_RESULTS: Results = &[("periods", Type::Dynamic), ("scores", Type::Dynamic)];
const PARTS: Results = &[
    ("baseline", Type::Dynamic),
    ("seasonal", Type::Dynamic),
    ("trend", Type::Dynamic),
    ("residual", Type::Dynamic),
];
const ANOMALIES: Results = &[
    ("ad_flag", Type::Dynamic),
    ("ad_score", Type::Dynamic),
    ("baseline", Type::Dynamic),
];
const WAVES: Results = &[("real", Type::Dynamic), ("imag", Type::Dynamic)];

const fn s(
    name: &'static str,
    function: SeriesFn,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Series(function));
    entry(name, target, signatures, naming, doc)
}

const fn pairwise(name: &'static str, function: PairwiseFn, doc: &'static str) -> ScalarFunction {
    s(name, S::Pairwise(function), TWO, Numbered, doc)
}

const fn each(name: &'static str, function: EachFn, doc: &'static str) -> ScalarFunction {
    s(name, S::Each(function), ONE, Numbered, doc)
}

const fn several(
    name: &'static str,
    function: SeriesFn,
    signatures: &'static [Signature],
    results: Results,
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Several(ScalarFn::Series(function), results);
    entry(name, target, signatures, Numbered, doc)
}

/// The functions of this file.
pub(super) static SERIES: &[ScalarFunction] = &[
    pairwise(
        "series_add",
        PairwiseFn::Add,
        "The sums of the elements of two series.",
    ),
    pairwise(
        "series_subtract",
        PairwiseFn::Subtract,
        "The differences of the elements of two series.",
    ),
    pairwise(
        "series_multiply",
        PairwiseFn::Multiply,
        "The products of the elements of two series.",
    ),
    pairwise(
        "series_divide",
        PairwiseFn::Divide,
        "The quotients of the elements of two series.",
    ),
    pairwise(
        "series_pow",
        PairwiseFn::Pow,
        "The elements of a series to the power of another's.",
    ),
    pairwise(
        "series_greater",
        PairwiseFn::Greater,
        "Where a series is greater than another.",
    ),
    pairwise(
        "series_greater_equals",
        PairwiseFn::GreaterEquals,
        "Where a series is not less than another.",
    ),
    pairwise(
        "series_less",
        PairwiseFn::Less,
        "Where a series is less than another.",
    ),
    pairwise(
        "series_less_equals",
        PairwiseFn::LessEquals,
        "Where a series is not greater than another.",
    ),
    pairwise(
        "series_equals",
        PairwiseFn::Equals,
        "Where two series are equal.",
    ),
    pairwise(
        "series_not_equals",
        PairwiseFn::NotEquals,
        "Where two series are not equal.",
    ),
    each(
        "series_exp",
        EachFn::Exp,
        "e to the power of every element.",
    ),
    each("series_sign", EachFn::Sign, "The sign of every element."),
    each(
        "series_abs",
        EachFn::Abs,
        "The absolute value of every element.",
    ),
    each("series_sin", EachFn::Sin, "The sine of every element."),
    each(
        "series_asin",
        EachFn::Asin,
        "The arc sine of every element.",
    ),
    each("series_cos", EachFn::Cos, "The cosine of every element."),
    each(
        "series_acos",
        EachFn::Acos,
        "The arc cosine of every element.",
    ),
    each("series_tan", EachFn::Tan, "The tangent of every element."),
    each(
        "series_atan",
        EachFn::Atan,
        "The arc tangent of every element.",
    ),
    each(
        "series_log",
        EachFn::Log,
        "The natural logarithm of every element.",
    ),
    each("series_floor", EachFn::Floor, "Every element rounded down."),
    each(
        "series_ceiling",
        EachFn::Ceiling,
        "Every element rounded up.",
    ),
    s(
        "series_sum",
        S::Sum,
        ONE_TO_REAL,
        Numbered,
        "The sum of a series.",
    ),
    s(
        "series_product",
        S::Product,
        ONE_TO_REAL,
        Numbered,
        "The product of a series.",
    ),
    s(
        "series_magnitude",
        S::Magnitude,
        ONE_TO_REAL,
        Numbered,
        "The length of a series as a vector.",
    ),
    s(
        "series_dot_product",
        S::DotProduct,
        &[
            all(&[ARRAY, ARRAY], FRACTION),
            all(&[ARRAY, REAL], FRACTION),
            all(&[REAL, ARRAY], FRACTION),
        ],
        Numbered,
        "The dot product of two series.",
    ),
    s(
        "series_cosine_similarity",
        S::CosineSimilarity,
        &[some(&[ARRAY, ARRAY, STRICT_REAL, STRICT_REAL], 2, FRACTION)],
        Numbered,
        "The cosine of the angle between two series.",
    ),
    s(
        "series_pearson_correlation",
        S::PearsonCorrelation,
        TWO_TO_REAL,
        Numbered,
        "The correlation of two series.",
    ),
    s(
        "series_fill_backward",
        S::FillBackward,
        FILL,
        First,
        "Fills gaps with the next value.",
    ),
    s(
        "series_fill_forward",
        S::FillForward,
        FILL,
        First,
        "Fills gaps with the value before.",
    ),
    s(
        "series_fill_const",
        S::FillConst,
        &[some(&[ARRAY, ANY, ANY], 1, DYNAMIC)],
        First,
        "Fills gaps with a constant.",
    ),
    s(
        "series_fill_linear",
        S::FillLinear,
        &[some(&[ARRAY, ANY, BOOL, ANY], 1, DYNAMIC)],
        First,
        "Fills gaps with the line between the values around them.",
    ),
    s(
        "series_fir",
        S::Fir,
        &[some(&[ARRAY, ARRAY, BOOL, BOOL], 2, DYNAMIC)],
        First,
        "A series under a filter of finite response.",
    ),
    s(
        "series_iir",
        S::Iir,
        &[all(&[ARRAY, ARRAY, ARRAY], DYNAMIC)],
        First,
        "A series under a filter of infinite response.",
    ),
    several(
        "series_stats",
        S::Stats,
        STATS,
        STATS_RESULTS,
        "Least, greatest, mean and spread of a series.",
    ),
    s(
        "series_stats_dynamic",
        S::StatsDynamic,
        STATS,
        Numbered,
        "Least, greatest, mean and spread of a series as a bag.",
    ),
    several(
        "series_fit_line",
        S::FitLine,
        ONE,
        LINE_RESULTS,
        "The line that fits a series best.",
    ),
    s(
        "series_fit_line_dynamic",
        S::FitLineDynamic,
        ONE,
        Numbered,
        "The line that fits a series best, as a bag.",
    ),
    several(
        "series_fit_2lines",
        S::Fit2Lines,
        ONE,
        LINES_RESULTS,
        "The two lines that fit a series best.",
    ),
    s(
        "series_fit_2lines_dynamic",
        S::Fit2LinesDynamic,
        ONE,
        Numbered,
        "The two lines that fit a series best, as a bag.",
    ),
    several(
        "series_fit_poly",
        S::FitPoly,
        &[
            all(&[ARRAY], DYNAMIC),
            all(&[ARRAY, ARRAY], DYNAMIC),
            all(&[ARRAY, INTEGER], DYNAMIC),
            all(&[ARRAY, ARRAY, INTEGER], DYNAMIC),
        ],
        POLY_RESULTS,
        "The polynomial that fits a series best.",
    ),
    s(
        "series_outliers",
        S::Outliers,
        &[some(
            &[ARRAY, STRING, REAL, REAL, REAL, INTEGER],
            1,
            DYNAMIC,
        )],
        First,
        "How far every element lies outside the usual range.",
    ),
    s(
        "series_seasonal",
        S::Seasonal,
        &[some(&[ARRAY, INTEGER, INTEGER], 1, DYNAMIC)],
        Numbered,
        "The part of a series that repeats.",
    ),
    several(
        "series_periods_detect",
        S::PeriodsDetect,
        &[all(&[ARRAY, REAL, REAL, LONG], DYNAMIC)],
        PERIOD_RESULTS,
        "The most likely periods of a series.",
    ),
    several(
        "series_periods_validate",
        S::PeriodsValidate,
        &[many(&[ARRAY, REAL], 1, DYNAMIC)],
        PERIOD_RESULTS,
        "How likely periods of a series are.",
    ),
    several(
        "series_decompose",
        S::Decompose,
        &[some(&[ARRAY, INTEGER, STRING, INTEGER, REAL], 1, DYNAMIC)],
        PARTS,
        "A series as season, trend and rest.",
    ),
    several(
        "series_decompose_forecast",
        S::DecomposeForecast,
        &[some(&[ARRAY, INTEGER, INTEGER, STRING, REAL], 2, DYNAMIC)],
        PARTS,
        "What season and trend say of a series' last points.",
    ),
    several(
        "series_decompose_anomalies",
        S::DecomposeAnomalies,
        &[some(
            &[ARRAY, REAL, INTEGER, STRING, INTEGER, STRING, REAL],
            1,
            DYNAMIC,
        )],
        ANOMALIES,
        "Which elements season and trend do not explain.",
    ),
    several(
        "series_fft",
        S::Fft,
        COMPLEX,
        WAVES,
        "The Fourier transform of a series.",
    ),
    several(
        "series_ifft",
        S::InverseFft,
        COMPLEX,
        WAVES,
        "The inverse Fourier transform of a series.",
    ),
];
