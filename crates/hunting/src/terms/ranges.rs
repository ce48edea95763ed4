//! Rows as ranges: in order, none of which is empty or touches the next.

use std::ops::Range;

use super::Rows;

/// Rows that are in both of two lists of ranges.
pub(super) fn both(left: &[Range<usize>], right: &[Range<usize>]) -> Rows {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut kept = Rows::new();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let range = a.start.max(b.start)..a.end.min(b.end);
        if !range.is_empty() {
            kept.push(range);
        }
        if a.end < b.end {
            left.next();
        } else {
            right.next();
        }
    }
    kept
}

/// Rows that are in one of several lists of ranges.
pub(super) fn any_of(lists: impl IntoIterator<Item = Rows>) -> Rows {
    let mut every: Rows = lists.into_iter().flatten().collect();
    // Each list is in order, which a stable sort makes use of.
    every.sort_by_key(|range| range.start);
    let mut kept = Rows::with_capacity(every.len());
    for range in every {
        match kept.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => kept.push(range),
        }
    }
    kept
}

/// Rows that are in a list of ranges and not in another.
pub(super) fn without(left: &[Range<usize>], right: &[Range<usize>]) -> Rows {
    let mut right = right.iter().peekable();
    let mut kept = Rows::new();
    for range in left {
        let mut start = range.start;
        while let Some(out) = right.peek().filter(|out| out.start < range.end) {
            if start < out.start {
                kept.push(start..out.start);
            }
            start = start.max(out.end);
            // It may reach into the next one.
            if out.end > range.end {
                break;
            }
            right.next();
        }
        if start < range.end {
            kept.push(start..range.end);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Rows> {
        let parts = prop::collection::vec((1_usize..4, 1_usize..4), 0..6);
        (0_usize..3, parts).prop_map(|(first, parts)| {
            let mut at = first;
            let range = |(length, gap): (usize, usize)| {
                let start = at;
                at = start + length + gap;
                start..start + length
            };
            parts.into_iter().map(range).collect()
        })
    }

    fn set(rows: &[Range<usize>]) -> BTreeSet<usize> {
        rows.iter().cloned().flatten().collect()
    }

    fn are_rows(rows: &[Range<usize>]) -> bool {
        let apart = rows.windows(2).all(|pair| pair[0].end < pair[1].start);
        apart && rows.iter().all(|range| !range.is_empty())
    }

    proptest! {
        #[test]
        fn ranges_are_sets_of_rows(left in rows(), right in rows(), third in rows()) {
            let (a, b, c) = (set(&left), set(&right), set(&third));
            let made = [
                (both(&left, &right), &a & &b),
                (without(&left, &right), &a - &b),
                (any_of([left, right, third]), &(&a | &b) | &c),
            ];
            for (made, expected) in made {
                prop_assert!(are_rows(&made), "{:?}", made);
                prop_assert_eq!(set(&made), expected);
            }
        }
    }
}
