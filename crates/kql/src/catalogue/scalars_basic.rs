//! Scalar functions: conversions, tests, choices and numbers.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Special, Target, function as f};
use crate::types::Type;
use Naming::{First, Numbered};
use ResultType::{Argument, Common, Is, Promoted, Widest};
use Target::{Cast, Function, Special as Written};

const fn convert(
    name: &'static str,
    aliases: &'static [&'static str],
    ty: Type,
    signatures: &'static [Signature],
    doc: &'static str,
) -> ScalarFunction {
    ScalarFunction {
        name,
        aliases,
        target: Cast(ty),
        signatures,
        naming: First,
        doc,
    }
}

const BOOLEAN: ResultType = Is(Type::Bool);
const MOMENT: ResultType = Is(Type::DateTime);
const WHOLE: ResultType = Is(Type::Long);
const SMALL: ResultType = Is(Type::Int);
const FRACTION: ResultType = Is(Type::Real);
const TO_REAL: &[Signature] = &[all(&[REAL], FRACTION)];
const TWO_LONGS: &[Signature] = &[all(&[INTEGER, INTEGER], WHOLE)];
const BIN: &[Signature] = &[
    all(&[NUMBER_AS_RESULT, NUMBER_AS_RESULT], Widest),
    all(&[TIMESPAN, TIMESPAN], Is(Type::TimeSpan)),
    all(&[DATETIME, TIMESPAN], MOMENT),
];

/// The conversions.
pub(super) static CONVERSIONS: &[ScalarFunction] = &[
    convert(
        "tostring",
        &[],
        Type::String,
        &[all(&[ANY], Is(Type::String))],
        "The value as text.",
    ),
    convert(
        "toint",
        &[],
        Type::Int,
        &[all(&[ANY], SMALL)],
        "The value as a 32-bit integer, or null.",
    ),
    convert(
        "tolong",
        &[],
        Type::Long,
        &[all(&[ANY], WHOLE)],
        "The value as a 64-bit integer, or null.",
    ),
    convert(
        "toreal",
        &["todouble"],
        Type::Real,
        &[all(&[ANY], FRACTION)],
        "The value as a real, or null.",
    ),
    convert(
        "todecimal",
        &[],
        Type::Decimal,
        &[all(&[ANY], Is(Type::Decimal))],
        "The value as a decimal, or null.",
    ),
    convert(
        "tobool",
        &["toboolean"],
        Type::Bool,
        &[all(&[ANY], BOOLEAN)],
        "The value as a bool, or null.",
    ),
    convert(
        "todatetime",
        &[],
        Type::DateTime,
        &[all(&[ANY], MOMENT)],
        "The value as a datetime, or null.",
    ),
    convert(
        "totimespan",
        &["totime"],
        Type::TimeSpan,
        &[all(&[ANY], Is(Type::TimeSpan))],
        "The value as a timespan, or null.",
    ),
    convert(
        "toguid",
        &[],
        Type::Guid,
        &[all(&[STRING_OR_DYNAMIC], Is(Type::Guid))],
        "The value as a guid, or null.",
    ),
];

/// Tests and choices.
pub(super) static TESTS: &[ScalarFunction] = &[
    f(
        "not",
        &[],
        Written(Special::Not),
        &[all(&[BOOL], BOOLEAN)],
        Numbered,
        "Reverses a condition.",
    ),
    f(
        "isempty",
        &[],
        Function(ScalarFn::IsEmpty),
        &[all(&[ANY], BOOLEAN)],
        Numbered,
        "Whether the value is null or the empty string.",
    ),
    f(
        "isnotempty",
        &["notempty"],
        Written(Special::IsNotEmpty),
        &[all(&[ANY], BOOLEAN)],
        Numbered,
        "Whether the value is neither null nor the empty string.",
    ),
    f(
        "isnull",
        &[],
        Function(ScalarFn::IsNull),
        &[all(&[ANY], BOOLEAN)],
        Numbered,
        "Whether the value is null; never for strings.",
    ),
    f(
        "isnotnull",
        &["notnull"],
        Written(Special::IsNotNull),
        &[all(&[ANY], BOOLEAN)],
        Numbered,
        "Whether the value is not null; always for strings.",
    ),
    f(
        "isnan",
        &[],
        Function(ScalarFn::IsNan),
        &[all(&[STRICT_REAL], BOOLEAN)],
        Numbered,
        "Whether the value is not a number.",
    ),
    f(
        "isinf",
        &[],
        Function(ScalarFn::IsInf),
        &[all(&[STRICT_REAL], BOOLEAN)],
        Numbered,
        "Whether the value is infinite.",
    ),
    f(
        "isfinite",
        &[],
        Function(ScalarFn::IsFinite),
        &[all(&[STRICT_REAL], BOOLEAN)],
        Numbered,
        "Whether the value is a finite number.",
    ),
    f(
        "iff",
        &["iif"],
        Written(Special::Iff),
        &[all(&[BOOL, ANY, ANY], Common)],
        Numbered,
        "The second argument when the first is true, otherwise the third.",
    ),
    f(
        "case",
        &[],
        Written(Special::Case),
        &[many(&[BOOL, ANY, ANY], 2, Common)],
        Numbered,
        "The value after the first condition that is true, otherwise the last argument.",
    ),
    f(
        "coalesce",
        &[],
        Function(ScalarFn::Coalesce),
        &[many(&[COMMON, COMMON], 1, Common)],
        Numbered,
        "The first argument that is not null or empty.",
    ),
    f(
        "column_ifexists",
        &["columnifexists"],
        Written(Special::ColumnIfExists),
        &[all(&[STRING, ANY], Argument(1))],
        Naming::NamedColumn,
        "The named column when there is one, otherwise the default.",
    ),
    f(
        "gettype",
        &[],
        Function(ScalarFn::GetType),
        &[all(&[ANY], Is(Type::String))],
        Naming::Prefix("type"),
        "The name of the value's type when the query runs.",
    ),
    f(
        "min_of",
        &[],
        Function(ScalarFn::MinOf),
        &[many(&[COMMON_ORDERED, COMMON_ORDERED], 1, Common)],
        Numbered,
        "The least of the arguments.",
    ),
    f(
        "max_of",
        &[],
        Function(ScalarFn::MaxOf),
        &[many(&[COMMON_ORDERED, COMMON_ORDERED], 1, Common)],
        Numbered,
        "The greatest of the arguments.",
    ),
];

/// Functions of numbers.
pub(super) static NUMBERS: &[ScalarFunction] = &[
    f(
        "bin",
        &["floor"],
        Function(ScalarFn::Bin),
        BIN,
        First,
        "Rounds down to a multiple of a size.",
    ),
    f(
        "bin_at",
        &[],
        Function(ScalarFn::BinAt),
        &[
            all(
                &[NUMBER_AS_RESULT, NUMBER_AS_RESULT, NUMBER_AS_RESULT],
                Widest,
            ),
            all(&[TIMESPAN, TIMESPAN, TIMESPAN], Is(Type::TimeSpan)),
            all(&[DATETIME, TIMESPAN, DATETIME], MOMENT),
        ],
        First,
        "Rounds down to a multiple of a size, counted from a fixed point.",
    ),
    f(
        "abs",
        &[],
        Function(ScalarFn::Abs),
        &[
            all(&[NUMBER_AS_RESULT], Promoted(0)),
            all(&[TIMESPAN], Is(Type::TimeSpan)),
        ],
        First,
        "The absolute value.",
    ),
    f(
        "round",
        &[],
        Function(ScalarFn::Round),
        &[some(&[NUMBER, LONG], 1, Argument(0))],
        First,
        "Rounds to a number of digits after the point.",
    ),
    f(
        "ceiling",
        &[],
        Function(ScalarFn::Ceiling),
        &[all(&[NUMBER], Argument(0))],
        First,
        "The least whole number that is not less.",
    ),
    f(
        "sign",
        &[],
        Function(ScalarFn::Sign),
        &[all(&[NUMBER], FRACTION)],
        Numbered,
        "-1, 0 or 1.",
    ),
    f(
        "sqrt",
        &[],
        Function(ScalarFn::Sqrt),
        TO_REAL,
        First,
        "The square root.",
    ),
    f(
        "pow",
        &[],
        Function(ScalarFn::Pow),
        &[all(&[REAL, REAL], FRACTION)],
        First,
        "A power.",
    ),
    f(
        "log",
        &[],
        Function(ScalarFn::Log),
        TO_REAL,
        First,
        "The natural logarithm.",
    ),
    f(
        "log2",
        &[],
        Function(ScalarFn::Log2),
        TO_REAL,
        First,
        "The logarithm to base 2.",
    ),
    f(
        "log10",
        &[],
        Function(ScalarFn::Log10),
        TO_REAL,
        First,
        "The logarithm to base 10.",
    ),
    f(
        "exp",
        &[],
        Function(ScalarFn::Exp),
        TO_REAL,
        First,
        "e to a power.",
    ),
    f(
        "exp2",
        &[],
        Function(ScalarFn::Exp2),
        TO_REAL,
        First,
        "2 to a power.",
    ),
    f(
        "exp10",
        &[],
        Function(ScalarFn::Exp10),
        TO_REAL,
        First,
        "10 to a power.",
    ),
    f(
        "rand",
        &[],
        Function(ScalarFn::Rand),
        &[some(&[INTEGER], 0, FRACTION)],
        First,
        "A random number in [0, 1), or a whole one below the argument.",
    ),
    f(
        "binary_and",
        &[],
        Function(ScalarFn::BinaryAnd),
        TWO_LONGS,
        First,
        "Bitwise and.",
    ),
    f(
        "binary_or",
        &[],
        Function(ScalarFn::BinaryOr),
        TWO_LONGS,
        First,
        "Bitwise or.",
    ),
    f(
        "binary_xor",
        &[],
        Function(ScalarFn::BinaryXor),
        TWO_LONGS,
        First,
        "Bitwise exclusive or.",
    ),
    f(
        "binary_not",
        &[],
        Function(ScalarFn::BinaryNot),
        &[all(&[INTEGER], WHOLE)],
        First,
        "Bitwise negation.",
    ),
    f(
        "binary_shift_left",
        &[],
        Function(ScalarFn::BinaryShiftLeft),
        TWO_LONGS,
        First,
        "Shifts bits to the left.",
    ),
    f(
        "binary_shift_right",
        &[],
        Function(ScalarFn::BinaryShiftRight),
        TWO_LONGS,
        First,
        "Shifts bits to the right.",
    ),
];
