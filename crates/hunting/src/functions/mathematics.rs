//! Trigonometry, special functions, distributions and units (docs pages "acos-function", "gamma-function",
//! "beta-cdf-function", "welch-test-function"…).

use std::f64::consts::PI;

use arrow::array::ArrayRef;
use bartizan_kql::bound::MathFn;
use datafusion::error::Result;

use super::call::Call;
use super::units;

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: MathFn) -> Result<ArrayRef> {
    match function {
        MathFn::Acos => within_one(call, f64::acos),
        MathFn::Asin => within_one(call, f64::asin),
        MathFn::Atan => real(call, f64::atan),
        MathFn::Atan2 => reals::<2>(call, |[y, x]| Some(y.atan2(x))),
        MathFn::Cos => real(call, f64::cos),
        MathFn::Cot => real(call, |v| 1.0 / v.tan()),
        MathFn::Sin => real(call, f64::sin),
        MathFn::Tan => real(call, f64::tan),
        MathFn::Degrees => real(call, |v| v * (180.0 / PI)),
        MathFn::Radians => real(call, |v| v * (PI / 180.0)),
        MathFn::Pi => call.make_reals(|_| Some(PI)),
        MathFn::Gamma => real(call, libm::tgamma),
        MathFn::LogGamma => real(call, libm::lgamma),
        MathFn::Erf => real(call, libm::erf),
        MathFn::Erfc => real(call, libm::erfc),
        MathFn::BetaCdf => reals::<3>(call, |[x, a, b]| Some(beta_cdf(x, a, b))),
        MathFn::BetaInv => reals::<3>(call, |[p, a, b]| beta_inv(p, a, b)),
        MathFn::BetaPdf => reals::<3>(call, |[x, a, b]| Some(beta_pdf(x, a, b))),
        MathFn::BitsetCountOnes => {
            let numbers = call.longs(0)?;
            call.make_longs(|row| numbers.get(row).map(|v| i64::from(v.count_ones())))
        }
        MathFn::WelchTest => reals::<6>(call, |[m1, v1, n1, m2, v2, n2]| {
            Some(welch_test((m1, v1, n1), (m2, v2, n2)))
        }),
        MathFn::Convert(quantity) => units::convert(call, quantity),
    }
}

fn real(call: &Call, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let numbers = call.reals(0)?;
    call.make_reals(|row| numbers.get(row).map(&f))
}

/// Null outside -1 to 1.
fn within_one(call: &Call, f: impl Fn(f64) -> f64) -> Result<ArrayRef> {
    let numbers = call.reals(0)?;
    call.make_reals(|row| numbers.get(row).filter(|v| v.abs() <= 1.0).map(&f))
}

/// A function of `N` reals, null when one of them is.
pub(super) fn reals<const N: usize>(
    call: &Call,
    f: impl Fn([f64; N]) -> Option<f64>,
) -> Result<ArrayRef> {
    let columns = (0..N).map(|i| call.reals(i)).collect::<Result<Vec<_>>>()?;
    call.make_reals(|row| {
        let mut values = [0.0; N];
        for (value, column) in values.iter_mut().zip(&columns) {
            *value = column.get(row)?;
        }
        f(values)
    })
}

/// Parameters of the beta distribution that the documentation allows.
fn beta_domain(alpha: f64, beta: f64) -> bool {
    alpha > 0.0 && alpha <= 10_000.0 && beta > 0.0 && beta <= 10_000.0
}

fn beta_cdf(x: f64, alpha: f64, beta: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) || !beta_domain(alpha, beta) {
        return f64::NAN;
    }
    incomplete_beta(x, alpha, beta)
}

fn beta_pdf(x: f64, alpha: f64, beta: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 || alpha <= 0.0 || beta <= 0.0 {
        return f64::NAN;
    }
    ((alpha - 1.0) * x.ln() + (beta - 1.0) * (-x).ln_1p() - log_beta(alpha, beta)).exp()
}

/// The x of a probability: null for a probability outside 0 to 1, NaN for impossible parameters (as the page prints).
fn beta_inv(probability: f64, alpha: f64, beta: f64) -> Option<f64> {
    if alpha <= 0.0 || beta <= 0.0 {
        return Some(f64::NAN);
    }
    if probability <= 0.0 || probability > 1.0 || probability.is_nan() {
        return None;
    }
    let (mut low, mut high) = (0.0f64, 1.0f64);
    // Each step halves the interval; after 1,100 steps even the smallest numbers are told apart.
    for _ in 0..1_100 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if incomplete_beta(middle, alpha, beta) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

fn log_beta(a: f64, b: f64) -> f64 {
    libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b)
}

/// The regularised incomplete beta function, by its continued fraction where that converges fast.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let below = |x: f64, a: f64, b: f64| {
        let front = (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp() / a;
        front * beta_fraction(x, a, b)
    };
    // On the other side of the mean it is the rest of the mirrored one.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below(1.0 - x, b, a);
    }
    below(x, a, b)
}

/// Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for m in 1..2_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut last = 1.0;
        for term in [even, odd] {
            d = 1.0 / away(1.0 + term * d);
            c = away(1.0 + term / c);
            last = c * d;
            product *= last;
        }
        if (last - 1.0).abs() < 1e-16 {
            break;
        }
    }
    product
}

/// Mean, variance and count of two samples: the probability of so great a difference if the means were equal.
fn welch_test((m1, v1, n1): (f64, f64, f64), (m2, v2, n2): (f64, f64, f64)) -> f64 {
    let (s1, s2) = (v1 / n1, v2 / n2);
    let t = (m1 - m2) / (s1 + s2).sqrt();
    let degrees = (s1 + s2).powi(2) / (s1 * s1 / (n1 - 1.0) + s2 * s2 / (n2 - 1.0));
    if !t.is_finite() || !degrees.is_finite() || degrees <= 0.0 {
        return f64::NAN;
    }
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incomplete_beta_function_has_its_closed_forms() {
        for x in [0.0, 0.1, 0.5, 0.9, 1.0] {
            assert!((incomplete_beta(x, 1.0, 1.0) - x).abs() < 1e-14);
            assert!((incomplete_beta(x, 3.0, 1.0) - x.powi(3)).abs() < 1e-14);
            assert!((incomplete_beta(x, 1.0, 2.0) - (1.0 - (1.0 - x).powi(2))).abs() < 1e-14);
        }
    }

    #[test]
    fn the_inverse_undoes_the_distribution() {
        for (p, a, b) in [(0.1, 10.0, 20.0), (0.5, 0.5, 0.5), (0.999, 2.0, 300.0)] {
            let x = beta_inv(p, a, b).unwrap();
            assert!((beta_cdf(x, a, b) - p).abs() < 1e-12, "{p} {a} {b}");
        }
    }
}
