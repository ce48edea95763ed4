//! `series_fft` and `series_ifft`.

use std::f64::consts::PI;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::super::call::{Argument, Call};
use super::{Part, complete, push_parts};

/// A complex number.
type Complex = (f64, f64);

fn times(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// `turns` of the unit circle.
fn unit(turns: f64) -> Complex {
    let (sin, cos) = (2.0 * PI * turns).sin_cos();
    (cos, sin)
}

/// `series_fft(real, imaginary)`; the inverse divides by the length.
pub(super) fn transform(call: &Call, inverse: bool) -> Result<ArrayRef> {
    let reals = call.texts(0)?;
    let imaginaries = call.args.get(1).map(Argument::texts).transpose()?;
    call.make_texts(|row, out| {
        let Some(real) = complete(reals.some(row)) else {
            return false;
        };
        let imaginary = match imaginaries {
            Some(texts) => complete(texts.some(row)),
            None => Some(vec![0.0; real.len()]),
        };
        let Some(imaginary) = imaginary.filter(|i| i.len() == real.len()) else {
            return false;
        };
        let values: Vec<Complex> = real.into_iter().zip(imaginary).collect();
        let length = if inverse { values.len() as f64 } else { 1.0 };
        let waves = any_length(&values, inverse);
        let real: Vec<f64> = waves.iter().map(|w| w.0 / length).collect();
        let imaginary: Vec<f64> = waves.iter().map(|w| w.1 / length).collect();
        let parts = [
            ("real", Part::Series(&real)),
            ("imag", Part::Series(&imaginary)),
        ];
        push_parts(out, &parts, false);
        true
    })
}

/// The transform of any length: by halves where it is a power of two, otherwise as a convolution (Bluestein).
fn any_length(values: &[Complex], inverse: bool) -> Vec<Complex> {
    let n = values.len();
    if n.is_power_of_two() || n == 0 {
        let mut all = values.to_vec();
        power_of_two(&mut all, inverse);
        return all;
    }
    let sign = if inverse { 1.0 } else { -1.0 };
    // k² modulo 2n keeps the angle small, and so exact.
    let chirp: Vec<Complex> = (0..n)
        .map(|k| unit(sign * ((k * k) % (2 * n)) as f64 / (2 * n) as f64))
        .collect();
    let size = (2 * n - 1).next_power_of_two();
    let (mut a, mut b) = (vec![(0.0, 0.0); size], vec![(0.0, 0.0); size]);
    for k in 0..n {
        a[k] = times(values[k], chirp[k]);
        let back = (chirp[k].0, -chirp[k].1);
        b[k] = back;
        b[(size - k) % size] = back;
    }
    power_of_two(&mut a, false);
    power_of_two(&mut b, false);
    a.iter_mut().zip(&b).for_each(|(x, y)| *x = times(*x, *y));
    power_of_two(&mut a, true);
    let scale = size as f64;
    (0..n)
        .map(|k| times((a[k].0 / scale, a[k].1 / scale), chirp[k]))
        .collect()
}

/// Steps of a transform that is good for a convolution of so many elements.
pub(super) fn transform_steps(elements: usize) -> usize {
    let size = elements.next_power_of_two();
    size.saturating_mul(size.ilog2() as usize + 1)
}

/// The convolution of two series of numbers: as many elements as both have together, less one.
pub(super) fn convolution(a: &[f64], b: &[f64]) -> Vec<f64> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let length = a.len() + b.len() - 1;
    let size = length.next_power_of_two();
    // Both at once, one as the imaginary part: of the square of x + iy, twice xy is the imaginary part.
    // Rounding of the larger one must not drown the other.
    let scale = |list: &[f64]| {
        let length = list.iter().map(|v| v * v).sum::<f64>().sqrt();
        if length > 0.0 { length } else { 1.0 }
    };
    let (scale_a, scale_b) = (scale(a), scale(b));
    let at = |list: &[f64], i: usize, scale: f64| list.get(i).map_or(0.0, |v| v / scale);
    let mut both: Vec<Complex> = (0..size)
        .map(|i| (at(a, i, scale_a), at(b, i, scale_b)))
        .collect();
    power_of_two(&mut both, false);
    both.iter_mut().for_each(|w| *w = times(*w, *w));
    power_of_two(&mut both, true);
    let by = scale_a * scale_b / (2.0 * size as f64);
    both.into_iter().take(length).map(|w| w.1 * by).collect()
}

/// In place, without division by the length.
fn power_of_two(values: &mut [Complex], inverse: bool) {
    let n = values.len();
    if n < 2 {
        return;
    }
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let sign = if inverse { 1.0 } else { -1.0 };
    let mut length = 2;
    while length <= n {
        for k in 0..length / 2 {
            let turn = unit(sign * k as f64 / length as f64);
            for start in (0..n).step_by(length) {
                let (even, odd) = (start + k, start + k + length / 2);
                let moved = times(values[odd], turn);
                let kept = values[even];
                values[even] = (kept.0 + moved.0, kept.1 + moved.1);
                values[odd] = (kept.0 - moved.0, kept.1 - moved.1);
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_is_the_sum_of_products() {
        let a: Vec<f64> = (0..37).map(|i| f64::from(i * i % 11) - 4.0).collect();
        let b: Vec<f64> = (0..9).map(|i| f64::from(i) * 1e6).collect();
        let fast = convolution(&a, &b);
        assert_eq!(fast.len(), 45);
        for (i, found) in fast.iter().enumerate() {
            let terms = b.iter().enumerate();
            let slow: f64 = terms
                .filter_map(|(k, c)| Some(c * a.get(i.checked_sub(k)?)?))
                .sum();
            assert!((found - slow).abs() < 1e-6, "{i}: {found} for {slow}");
        }
        assert!(convolution(&[], &b).is_empty());
    }

    #[test]
    fn as_the_definition_says_for_every_length() {
        for n in 1..20usize {
            let values: Vec<Complex> = (0..n)
                .map(|i| ((i * i % 7) as f64, i as f64 - 3.0))
                .collect();
            let fast = any_length(&values, false);
            for (k, wave) in fast.iter().enumerate() {
                let slow = values.iter().enumerate().fold((0.0, 0.0), |sum, (i, v)| {
                    let term = times(*v, unit(-((i * k) as f64) / n as f64));
                    (sum.0 + term.0, sum.1 + term.1)
                });
                assert!(
                    (wave.0 - slow.0).abs() + (wave.1 - slow.1).abs() < 1e-9,
                    "{n} {k}"
                );
            }
        }
    }
}
