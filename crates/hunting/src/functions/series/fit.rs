//! Lines and polynomials that fit a series best, by least squares (docs pages "series-fit-line-function",
//! "series-fit-2lines-function", "series-fit-poly-function").

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::super::call::Call;
use super::stats::mean;
use super::{Part, complete, long_at, push_parts};

/// Degree of a polynomial at most: higher ones say nothing in 64 bits.
const HIGHEST_DEGREE: i64 = 20;

/// A line over 0, 1, 2… and how well it fits.
pub(super) struct Line {
    pub(super) slope: f64,
    pub(super) interception: f64,
    fit: Vec<f64>,
    quality: Quality,
}

/// How well values are fitted. Variances are of a sample.
struct Quality {
    rsquare: f64,
    variance: f64,
    rvariance: f64,
}

impl Quality {
    fn of(values: &[f64], fit: &[f64]) -> Self {
        let middle = mean(values);
        let total: f64 = values.iter().map(|v| (v - middle).powi(2)).sum();
        let left: f64 = values.iter().zip(fit).map(|(v, f)| (v - f).powi(2)).sum();
        let degrees = values.len().saturating_sub(1).max(1) as f64;
        Self {
            rsquare: if total == 0.0 {
                1.0
            } else {
                1.0 - left / total
            },
            variance: total / degrees,
            rvariance: left / degrees,
        }
    }
}

/// The best line; none for no values.
pub(super) fn line_of(values: &[f64]) -> Option<Line> {
    if values.is_empty() {
        return None;
    }
    let middle = (values.len() - 1) as f64 / 2.0;
    let average = mean(values);
    let (mut together, mut alone) = (0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let x = i as f64 - middle;
        together += x * (value - average);
        alone += x * x;
    }
    let slope = if alone == 0.0 { 0.0 } else { together / alone };
    let interception = average - slope * middle;
    let fit: Vec<f64> = (0..values.len())
        .map(|i| interception + slope * i as f64)
        .collect();
    let quality = Quality::of(values, &fit);
    Some(Line {
        slope,
        interception,
        fit,
        quality,
    })
}

/// `series_fit_line` and `series_fit_line_dynamic`.
pub(super) fn line(call: &Call, named: bool) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(line) = complete(series.some(row)).and_then(|v| line_of(&v)) else {
            return false;
        };
        let parts = [
            ("rsquare", Part::Real(line.quality.rsquare)),
            ("slope", Part::Real(line.slope)),
            ("variance", Part::Real(line.quality.variance)),
            ("rvariance", Part::Real(line.quality.rvariance)),
            ("interception", Part::Real(line.interception)),
            ("line_fit", Part::Series(&line.fit)),
        ];
        push_parts(out, &parts, named);
        true
    })
}

/// `series_fit_2lines` and `series_fit_2lines_dynamic`: the split that leaves the least behind.
pub(super) fn two_lines(call: &Call, named: bool) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some(values) = complete(series.some(row)) else {
            return false;
        };
        let Some((split, left, right)) = split(&values) else {
            return false;
        };
        let fit: Vec<f64> = left.fit.iter().chain(&right.fit).copied().collect();
        let whole = Quality::of(&values, &fit);
        let parts = [
            ("rsquare", Part::Real(whole.rsquare)),
            ("split_idx", Part::Long(split)),
            ("variance", Part::Real(whole.variance)),
            ("rvariance", Part::Real(whole.rvariance)),
            ("line_fit", Part::Series(&fit)),
            ("right_rsquare", Part::Real(right.quality.rsquare)),
            ("right_slope", Part::Real(right.slope)),
            ("right_interception", Part::Real(right.interception)),
            ("right_variance", Part::Real(right.quality.variance)),
            ("right_rvariance", Part::Real(right.quality.rvariance)),
            ("left_rsquare", Part::Real(left.quality.rsquare)),
            ("left_slope", Part::Real(left.slope)),
            ("left_interception", Part::Real(left.interception)),
            ("left_variance", Part::Real(left.quality.variance)),
            ("left_rvariance", Part::Real(left.quality.rvariance)),
        ];
        push_parts(out, &parts, named);
        true
    })
}

/// Sums over the values before each position, from which the rest of a line over a range follows at once.
struct Sums {
    y: Vec<f64>,
    xy: Vec<f64>,
    yy: Vec<f64>,
}

impl Sums {
    fn of(values: &[f64]) -> Self {
        let running = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let mut sum = 0.0;
            let add = |(i, v): (usize, &f64)| {
                sum += f(i, *v);
                sum
            };
            std::iter::once(0.0)
                .chain(values.iter().enumerate().map(add))
                .collect()
        };
        Self {
            y: running(&|_, v| v),
            xy: running(&|i, v| i as f64 * v),
            yy: running(&|_, v| v * v),
        }
    }

    /// What the best line over `from..to` leaves.
    fn left(&self, from: usize, to: usize) -> f64 {
        let count = (to - from) as f64;
        let middle = (from + to - 1) as f64 / 2.0;
        let y = self.y[to] - self.y[from];
        let xx = count * (count * count - 1.0) / 12.0;
        let xy = self.xy[to] - self.xy[from] - middle * y;
        let yy = self.yy[to] - self.yy[from] - y * y / count;
        if xx == 0.0 { yy } else { yy - xy * xy / xx }
    }
}

/// The best split into two lines of two values or more, and the lines.
fn split(values: &[f64]) -> Option<(usize, Line, Line)> {
    let sums = Sums::of(values);
    let cost = |at: usize| sums.left(0, at) + sums.left(at, values.len());
    let best = (2..values.len().saturating_sub(1)).min_by(|a, b| cost(*a).total_cmp(&cost(*b)))?;
    let (left, right) = values.split_at(best);
    Some((best, line_of(left)?, line_of(right)?))
}

/// `series_fit_poly(y, x, degree)`; x is 1, 2, 3… unless given.
pub(super) fn polynomial(call: &Call) -> Result<ArrayRef> {
    let series = call.texts(0)?;
    let x_at = call.args.get(1).filter(|a| a.ty == Type::Dynamic);
    let degree_at = if x_at.is_some() { 2 } else { 1 };
    call.make_texts(|row, out| {
        let Some(y) = complete(series.some(row)) else {
            return false;
        };
        let x = match x_at {
            Some(x) => complete(x.texts().ok().and_then(|t| t.some(row))),
            None => Some((1..=y.len()).map(|i| i as f64).collect()),
        };
        let degree = long_at(call, degree_at, row).unwrap_or(1);
        if !(0..=HIGHEST_DEGREE).contains(&degree) {
            return false;
        }
        let Some(x) = x.filter(|x| x.len() == y.len()) else {
            return false;
        };
        let Some(coefficients) = coefficients(&x, &y, degree as usize) else {
            return false;
        };
        let fit: Vec<f64> = x
            .iter()
            .map(|x| coefficients.iter().fold(0.0, |sum, c| sum * x + c))
            .collect();
        let quality = Quality::of(&y, &fit);
        let parts = [
            ("rsquare", Part::Real(quality.rsquare)),
            ("coefficients", Part::Series(&coefficients)),
            ("variance", Part::Real(quality.variance)),
            ("rvariance", Part::Real(quality.rvariance)),
            ("poly_fit", Part::Series(&fit)),
        ];
        push_parts(out, &parts, false);
        true
    })
}

/// The polynomial from its highest power down. It is found over x moved and scaled to about -1 to 1, with polynomials
/// that are orthogonal over these points, since powers of x are all but parallel.
fn coefficients(x: &[f64], y: &[f64], degree: usize) -> Option<Vec<f64>> {
    if x.len() <= degree {
        return None;
    }
    let centre = mean(x);
    let scale = x.iter().map(|v| (v - centre).abs()).fold(0.0, f64::max);
    let scale = if scale == 0.0 { 1.0 } else { scale };
    let u: Vec<f64> = x.iter().map(|v| (v - centre) / scale).collect();
    // Lowest power first, in u; each basis polynomial with its values.
    let mut result = vec![0.0; degree + 1];
    let mut basis: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    for _ in 0..=degree {
        let (mut powers, mut values) = match basis.last() {
            None => (vec![1.0], vec![1.0; u.len()]),
            Some((powers, values, _)) => {
                let shifted = std::iter::once(0.0).chain(powers.iter().copied()).collect();
                (shifted, values.iter().zip(&u).map(|(v, u)| v * u).collect())
            }
        };
        for (other, at, norm) in &basis {
            let share = values.iter().zip(at).map(|(a, b)| a * b).sum::<f64>() / norm;
            powers
                .iter_mut()
                .zip(other)
                .for_each(|(p, o)| *p -= share * o);
            values.iter_mut().zip(at).for_each(|(v, o)| *v -= share * o);
        }
        let norm: f64 = values.iter().map(|v| v * v).sum();
        if norm <= f64::EPSILON * f64::EPSILON {
            return None;
        }
        let share = values.iter().zip(y).map(|(a, b)| a * b).sum::<f64>() / norm;
        result
            .iter_mut()
            .zip(&powers)
            .for_each(|(r, p)| *r += share * p);
        basis.push((powers, values, norm));
    }
    Some(unscaled(&result, centre, scale))
}

/// A polynomial in (x - centre) / scale, lowest power first, as one in x, highest power first.
fn unscaled(in_u: &[f64], centre: f64, scale: f64) -> Vec<f64> {
    // Horner's scheme over polynomials: result = result * (x - centre) / scale + c.
    let mut result: Vec<f64> = Vec::new();
    for c in in_u.iter().rev() {
        let mut next = vec![0.0; result.len() + 1];
        for (i, r) in result.iter().enumerate() {
            next[i + 1] += r / scale;
            next[i] -= r * centre / scale;
        }
        next[0] += c;
        result = next;
    }
    result.truncate(in_u.len());
    result.reverse();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_is_found_again() {
        let x: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.7 - 3.0).collect();
        let y: Vec<f64> = x.iter().map(|x| 2.0 * x.powi(3) - x * 5.0 + 7.0).collect();
        let found = coefficients(&x, &y, 3).unwrap();
        for (a, b) in found.iter().zip([2.0, 0.0, -5.0, 7.0]) {
            assert!((a - b).abs() < 1e-9, "{found:?}");
        }
        assert!(coefficients(&[1.0, 1.0], &[1.0, 2.0], 1).is_none());
    }

    #[test]
    fn two_lines_split_at_the_bend() {
        let values: Vec<f64> = (0..10)
            .map(|i| {
                if i < 6 {
                    f64::from(i)
                } else {
                    20.0 - f64::from(i)
                }
            })
            .collect();
        let (at, left, right) = split(&values).unwrap();
        assert_eq!(
            (at, left.slope.round(), right.slope.round()),
            (6, 1.0, -1.0)
        );
        assert!(split(&[1.0, 2.0]).is_none());
    }
}
