//! Scalar functions: trigonometry, special functions, distributions and units.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Target, entry};
use crate::types::Type;
use MathFn as M;
use Naming::{First, Numbered};
use ResultType::Is;

/// A mathematical function. Arguments are reals and so is the result, unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MathFn {
    /// `acos(real)`: null outside -1 to 1.
    Acos,
    /// `asin(real)`: null outside -1 to 1.
    Asin,
    /// `atan(real)`.
    Atan,
    /// `atan2(y, x)`.
    Atan2,
    /// `cos(real)`.
    Cos,
    /// `cot(real)`.
    Cot,
    /// `sin(real)`.
    Sin,
    /// `tan(real)`.
    Tan,
    /// `degrees(radians)`.
    Degrees,
    /// `radians(degrees)`.
    Radians,
    /// `pi()`.
    Pi,
    /// `gamma(real)`.
    Gamma,
    /// `loggamma(real)`: natural logarithm of the absolute value of gamma.
    LogGamma,
    /// `erf(real)`.
    Erf,
    /// `erfc(real)`.
    Erfc,
    /// `beta_cdf(x, alpha, beta)`: NaN outside the domain.
    BetaCdf,
    /// `beta_inv(probability, alpha, beta)`.
    BetaInv,
    /// `beta_pdf(x, alpha, beta)`: NaN outside the domain.
    BetaPdf,
    /// `bitset_count_ones(long)`: long.
    BitsetCountOnes,
    /// `welch_test(mean1, variance1, count1, mean2, variance2, count2)`: the p-value of both sides.
    WelchTest,
    /// `convert_…(value, from string, to string)`: null for units that are not known.
    Convert(Quantity),
}

/// What `convert_…` converts. Units are named as in the page of each function, case-sensitively.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// `convert_angle`.
    Angle,
    /// `convert_energy`.
    Energy,
    /// `convert_force`.
    Force,
    /// `convert_length`.
    Length,
    /// `convert_mass`.
    Mass,
    /// `convert_speed`.
    Speed,
    /// `convert_temperature`.
    Temperature,
    /// `convert_volume`.
    Volume,
}

const FRACTION: ResultType = Is(Type::Real);
const ONE: &[Signature] = &[all(&[REAL], FRACTION)];
const TWO: &[Signature] = &[all(&[REAL, REAL], FRACTION)];
const THREE: &[Signature] = &[all(&[REAL, REAL, REAL], FRACTION)];
const SIX: &[Signature] = &[all(&[REAL, REAL, REAL, REAL, REAL, REAL], FRACTION)];
const UNITS: &[Signature] = &[all(&[STRICT_REAL, STRING, STRING], FRACTION)];

const fn m(
    name: &'static str,
    function: MathFn,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Math(function));
    entry(name, target, signatures, naming, doc)
}

const fn units(name: &'static str, quantity: Quantity, doc: &'static str) -> ScalarFunction {
    m(name, M::Convert(quantity), UNITS, Numbered, doc)
}

/// The functions of this file.
pub(super) static MATH: &[ScalarFunction] = &[
    m(
        "acos",
        M::Acos,
        ONE,
        First,
        "The angle of a cosine, in radians.",
    ),
    m(
        "asin",
        M::Asin,
        ONE,
        First,
        "The angle of a sine, in radians.",
    ),
    m(
        "atan",
        M::Atan,
        ONE,
        First,
        "The angle of a tangent, in radians.",
    ),
    m(
        "atan2",
        M::Atan2,
        TWO,
        First,
        "The angle between the x axis and the point (y, x), in radians.",
    ),
    m(
        "cos",
        M::Cos,
        ONE,
        First,
        "The cosine of an angle in radians.",
    ),
    m(
        "cot",
        M::Cot,
        ONE,
        Numbered,
        "The cotangent of an angle in radians.",
    ),
    m(
        "sin",
        M::Sin,
        ONE,
        First,
        "The sine of an angle in radians.",
    ),
    m(
        "tan",
        M::Tan,
        ONE,
        First,
        "The tangent of an angle in radians.",
    ),
    m("degrees", M::Degrees, ONE, Numbered, "Radians as degrees."),
    m("radians", M::Radians, ONE, Numbered, "Degrees as radians."),
    m(
        "pi",
        M::Pi,
        &[all(&[], FRACTION)],
        Numbered,
        "The constant pi.",
    ),
    m("gamma", M::Gamma, ONE, First, "The gamma function."),
    m(
        "loggamma",
        M::LogGamma,
        ONE,
        First,
        "The logarithm of the gamma function's absolute value.",
    ),
    m("erf", M::Erf, ONE, First, "The error function."),
    m(
        "erfc",
        M::Erfc,
        ONE,
        First,
        "The complementary error function.",
    ),
    m(
        "beta_cdf",
        M::BetaCdf,
        THREE,
        Numbered,
        "The cumulative beta distribution.",
    ),
    m(
        "beta_inv",
        M::BetaInv,
        THREE,
        Numbered,
        "The inverse of the cumulative beta distribution.",
    ),
    m(
        "beta_pdf",
        M::BetaPdf,
        THREE,
        Numbered,
        "The density of the beta distribution.",
    ),
    m(
        "bitset_count_ones",
        M::BitsetCountOnes,
        &[all(&[INTEGER], Is(Type::Long))],
        First,
        "How many bits of a number are set.",
    ),
    m(
        "welch_test",
        M::WelchTest,
        SIX,
        Numbered,
        "The p-value of Welch's test that two means are equal.",
    ),
    units(
        "convert_angle",
        Quantity::Angle,
        "An angle in another unit.",
    ),
    units(
        "convert_energy",
        Quantity::Energy,
        "An energy in another unit.",
    ),
    units("convert_force", Quantity::Force, "A force in another unit."),
    units(
        "convert_length",
        Quantity::Length,
        "A length in another unit.",
    ),
    units("convert_mass", Quantity::Mass, "A mass in another unit."),
    units("convert_speed", Quantity::Speed, "A speed in another unit."),
    units(
        "convert_temperature",
        Quantity::Temperature,
        "A temperature in another unit.",
    ),
    units(
        "convert_volume",
        Quantity::Volume,
        "A volume in another unit.",
    ),
];
