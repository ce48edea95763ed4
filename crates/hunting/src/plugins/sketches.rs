//! `dcount_intersect`: what sketches of distinct values have in common. A sketch only knows unions; the number in an
//! intersection follows from the numbers in all unions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::error::{DataFusionError, Result};

use super::values::strings;
use crate::plan::{Kernel, Made, Work};
use crate::sketch::Distinct;

/// The kernel; a row without one of its sketches gives nulls from there on.
pub(super) struct DcountIntersect;

impl Kernel for DcountIntersect {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        Err(DataFusionError::Internal(
            "sketches are compared within limits".into(),
        ))
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let texts: Vec<Vec<&str>> = args.iter().map(strings).collect();
        let mut columns: Vec<Vec<Option<i64>>> = vec![Vec::with_capacity(rows); args.len()];
        for row in 0..rows {
            let sketches = texts.iter().map_while(|column| Distinct::read(column[row]));
            // Sixteen sketches have 65,535 unions.
            let counts = common(&sketches.collect::<Vec<_>>(), &mut || work.check())?;
            for (place, column) in columns.iter_mut().enumerate() {
                column.push(counts.get(place).copied());
            }
        }
        let columns = columns.into_iter();
        let columns = columns.map(|c| Arc::new(Int64Array::from(c)) as ArrayRef);
        Ok(Made {
            rows: None,
            columns: columns.collect(),
        })
    }
}

/// How many values the first sketch has, how many the first two have in common, and so on.
fn common(sketches: &[Distinct], check: &mut impl FnMut() -> Result<()>) -> Result<Vec<i64>> {
    // By the last sketch of each choice of sketches: the sizes of unions, added for an odd choice, else subtracted.
    let mut parts = vec![0i64; sketches.len()];
    choose(sketches, 0, None, 1, &mut parts, check)?;
    let mut sum = 0;
    let sums = parts.into_iter().map(|part| {
        sum += part;
        sum
    });
    let mut least = i64::MAX;
    // An estimate must not say that fewer sets have less in common.
    Ok(sums
        .map(|s| {
            least = least.min(s.max(0));
            least
        })
        .collect())
}

fn choose(
    sketches: &[Distinct],
    from: usize,
    chosen: Option<&Distinct>,
    sign: i64,
    parts: &mut [i64],
    check: &mut impl FnMut() -> Result<()>,
) -> Result<()> {
    for next in from..sketches.len() {
        check()?;
        let mut union = sketches[next].clone();
        if let Some(chosen) = chosen {
            union.join(chosen);
        }
        parts[next] += sign * union.count();
        choose(sketches, next + 1, Some(&union), -sign, parts, check)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::xxhash64;

    #[test]
    fn counts_of_common_values() {
        let multiples = |of: usize| {
            let mut sketch = Distinct::with_accuracy(3);
            for value in (0..3_000usize).step_by(of) {
                sketch.add(xxhash64(&value.to_le_bytes()));
            }
            sketch
        };
        let common = |sketches: &[Distinct]| common(sketches, &mut || Ok(())).unwrap();
        let counts = common(&[multiples(2), multiples(3), multiples(5)]);
        for (count, wanted) in counts.iter().copied().zip([1_500i64, 500, 100]) {
            assert!((count - wanted).abs() < 40, "{counts:?}");
        }
        assert_eq!(common(&[multiples(3_001), multiples(3_001)]), [1, 1]);
        assert!(common(&[]).is_empty());
    }

    #[test]
    fn a_query_that_was_given_up_ends() {
        let sketches = vec![Distinct::with_accuracy(1); 16];
        let mut looked = 0;
        let result = common(&sketches, &mut || {
            looked += 1;
            if looked == 3 {
                return Err(DataFusionError::Execution("given up".into()));
            }
            Ok(())
        });
        assert!(result.is_err());
    }
}
