//! Scalar functions: sketches of distributions (`tdigest`) and of distinct values (`hll`).

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Special, Target, entry};
use crate::types::Type;
use Naming::{NameAndFirst, Numbered};
use ResultType::{Is, TypeLiteral};
use SketchFn as S;

/// A function of sketches. What is no sketch gives null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SketchFn {
    /// `dcount_hll(dynamic)`: long.
    DCountHll,
    /// `hll_merge(dynamic…)`: dynamic.
    HllMerge,
    /// `tdigest_merge(dynamic…)`: dynamic.
    TDigestMerge,
    /// `percentile_tdigest(dynamic, real)`: dynamic; a wanted type is a cast around it.
    PercentileTDigest,
    /// `percentiles_array_tdigest(dynamic, real…)`: dynamic array; the percentages may be one dynamic array.
    PercentilesArrayTDigest,
    /// `percentrank_tdigest(dynamic, any)`: real.
    PercentRankTDigest,
    /// `rank_tdigest(dynamic, any)`: real.
    RankTDigest,
}

const DYNAMIC: ResultType = Is(Type::Dynamic);
const FRACTION: ResultType = Is(Type::Real);
const MERGE: &[Signature] = &[many(&[ARRAY, ARRAY], 1, DYNAMIC)];
const RANK: &[Signature] = &[all(&[ARRAY, ANY], FRACTION)];

const fn s(
    name: &'static str,
    function: SketchFn,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Sketch(function));
    entry(name, target, signatures, naming, doc)
}

/// The functions of this file.
pub(super) static SKETCHES: &[ScalarFunction] = &[
    s(
        "dcount_hll",
        S::DCountHll,
        &[all(&[ARRAY], Is(Type::Long))],
        NameAndFirst,
        "The number of distinct values that hll has seen.",
    ),
    s(
        "hll_merge",
        S::HllMerge,
        MERGE,
        Naming::Fixed("hll_merged_result"),
        "One hll of several.",
    ),
    ScalarFunction {
        aliases: &["merge_tdigest"],
        ..s(
            "tdigest_merge",
            S::TDigestMerge,
            MERGE,
            Naming::Fixed("tdigests_merge_result"),
            "One tdigest of several.",
        )
    },
    entry(
        "percentile_tdigest",
        Target::Special(Special::WithTypeLiteral(ScalarFn::Sketch(
            S::PercentileTDigest,
        ))),
        &[
            all(&[ARRAY, STRICT_REAL], DYNAMIC),
            all(&[ARRAY, STRICT_REAL, TYPE_LITERAL], TypeLiteral(2)),
        ],
        NameAndFirst,
        "A percentile of the values that tdigest has seen.",
    ),
    s(
        "percentiles_array_tdigest",
        S::PercentilesArrayTDigest,
        &[
            many(&[ARRAY, STRICT_REAL], 1, DYNAMIC),
            all(&[ARRAY, ARRAY], DYNAMIC),
        ],
        Naming::Prefix("percentile_tdigest"),
        "Percentiles of the values that tdigest has seen.",
    ),
    s(
        "percentrank_tdigest",
        S::PercentRankTDigest,
        RANK,
        Numbered,
        "The share of values below one, in percent.",
    ),
    s(
        "rank_tdigest",
        S::RankTDigest,
        RANK,
        Numbered,
        "About how many values are below one.",
    ),
];
