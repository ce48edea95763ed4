//! Scalar functions: the order, the parts and the keys of arrays and bags.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Special, Target, entry};
use crate::types::Type;
use Naming::Numbered;
use ResultType::Is;
use ShapeFn as S;

/// A function of arrays and bags. A dynamic value of another kind gives null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShapeFn {
    /// `array_iff(conditions dynamic, then any, otherwise any)`: per element; arrays are taken element by element.
    ArrayIff,
    /// `array_rotate_left(dynamic, count long)`.
    ArrayRotateLeft,
    /// `array_rotate_right(dynamic, count long)`.
    ArrayRotateRight,
    /// `array_shift_left(dynamic, count long, fill? any)`.
    ArrayShiftLeft,
    /// `array_shift_right(dynamic, count long, fill? any)`.
    ArrayShiftRight,
    /// `array_split(dynamic, position long or dynamic)`: array of arrays.
    ArraySplit,
    /// `bag_set_key(dynamic, key string, value dynamic)`: the key may be a JSON path.
    BagSetKey,
    /// `bag_zip(keys dynamic, values dynamic)`: bag.
    BagZip,
    /// `treepath(dynamic)`: array of the paths of all values.
    TreePath,
    /// `set_equals(dynamic, dynamic)`: bool.
    SetEquals,
    /// `has_any_index(string, dynamic)`: long, the position of the first term that the text has, or -1.
    HasAnyIndex,
    /// `estimate_data_size(any…)`: long.
    EstimateDataSize,
}

const DYNAMIC: ResultType = Is(Type::Dynamic);
const ROTATE: &[Signature] = &[all(&[ARRAY, INTEGER], DYNAMIC)];
const SHIFT: &[Signature] = &[some(&[ARRAY, INTEGER, JSON], 2, DYNAMIC)];

const fn s(
    name: &'static str,
    function: ShapeFn,
    signatures: &'static [Signature],
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Shape(function));
    entry(name, target, signatures, Numbered, doc)
}

/// The functions of this file.
pub(super) static SHAPES: &[ScalarFunction] = &[
    ScalarFunction {
        aliases: &["array_iif"],
        ..s(
            "array_iff",
            S::ArrayIff,
            &[all(&[ARRAY, JSON, JSON], DYNAMIC)],
            "For every element of an array of conditions the value of one of two arrays.",
        )
    },
    s(
        "array_rotate_left",
        S::ArrayRotateLeft,
        ROTATE,
        "An array turned to the left.",
    ),
    s(
        "array_rotate_right",
        S::ArrayRotateRight,
        ROTATE,
        "An array turned to the right.",
    ),
    s(
        "array_shift_left",
        S::ArrayShiftLeft,
        SHIFT,
        "An array moved to the left and filled up.",
    ),
    s(
        "array_shift_right",
        S::ArrayShiftRight,
        SHIFT,
        "An array moved to the right and filled up.",
    ),
    s(
        "array_split",
        S::ArraySplit,
        &[
            all(&[ARRAY, INTEGER], DYNAMIC),
            all(&[ARRAY, ARRAY], DYNAMIC),
        ],
        "The parts of an array between positions.",
    ),
    entry(
        "bag_pack_columns",
        Target::Special(Special::BagPackColumns),
        &[many(&[ANY], 1, DYNAMIC)],
        Numbered,
        "A bag of columns under their names.",
    ),
    s(
        "bag_set_key",
        S::BagSetKey,
        &[all(&[BAG, STRING, JSON], DYNAMIC)],
        "A bag with a value at a key or path.",
    ),
    s(
        "bag_zip",
        S::BagZip,
        &[all(&[ARRAY, ARRAY], DYNAMIC)],
        "A bag of an array of keys and one of values.",
    ),
    entry(
        "treepath",
        Target::Function(ScalarFn::Shape(S::TreePath)),
        &[all(&[BAG], DYNAMIC)],
        Naming::Prefix("tree"),
        "The paths of all values in a bag.",
    ),
    s(
        "set_equals",
        S::SetEquals,
        &[all(&[ARRAY, ARRAY], Is(Type::Bool))],
        "Whether two arrays have the same elements.",
    ),
    s(
        "has_any_index",
        S::HasAnyIndex,
        &[all(&[STRING_DYN, ARRAY], Is(Type::Long))],
        "The position of the first array element that is a term of a text, or -1.",
    ),
    entry(
        "estimate_data_size",
        Target::Special(Special::EstimateDataSize),
        &[many(&[ANY], 1, Is(Type::Long))],
        Numbered,
        "How many bytes the values of columns take, about.",
    ),
];
