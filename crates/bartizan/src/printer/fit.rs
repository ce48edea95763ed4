//! How rows are laid out in the width that there is: whole, cut, or as records below each other.

/// The narrowest that a column is cut to, in characters: less shows too little of a time or a name.
const NARROW: usize = 12;
/// What a column takes beside its text: a space on either side, and the gap to the next one.
const PADDING: usize = 3;
/// The table's own borders, but for the gap that the last column does not have.
const BORDERS: usize = 1;

/// A layout.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Everything fits.
    Whole,
    /// Every column has at most this many characters.
    Cut(usize),
    /// Too many columns: one record after the other, a line for each value.
    Records,
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width {
    /// Characters of its longest value or head.
    pub(super) longest: usize,
    /// It holds ids, which people copy: half of one is worth nothing, so it is never cut.
    pub(super) whole: bool,
    /// No row has a value in it.
    pub(super) empty: bool,
}

impl Width {
    /// What the column takes when values have at most `most` characters.
    fn at_most(self, most: usize) -> usize {
        if self.whole {
            self.longest
        } else {
            self.longest.min(most)
        }
    }
}

/// The layout of columns with these widths; `None` is a width without limit.
pub(super) fn layout(widths: &[Width], available: Option<usize>) -> Layout {
    let Some(available) = available else {
        return Layout::Whole;
    };
    let taken = |most: usize| {
        let columns = widths.iter().map(|width| width.at_most(most) + PADDING);
        columns.sum::<usize>() + BORDERS
    };
    if taken(usize::MAX - PADDING) <= available {
        return Layout::Whole;
    }
    // The widest columns give first, all of them alike.
    match (NARROW..=available)
        .rev()
        .find(|most| taken(*most) <= available)
    {
        Some(most) => Layout::Cut(most),
        None => Layout::Records,
    }
}

/// The columns to show: all of them; else those without any value go, and then as many of the spare ones as it takes for
/// the rest to fit.
pub(super) fn kept(
    heads: &[&str],
    widths: &[Width],
    spare: &[&str],
    available: Option<usize>,
) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..heads.len()).collect();
    let fits = |kept: &[usize]| {
        let now: Vec<Width> = kept.iter().map(|column| widths[*column]).collect();
        layout(&now, available) == Layout::Whole
    };
    if !fits(&kept) {
        kept.retain(|column| !widths[*column].empty);
    }
    for head in spare {
        if fits(&kept) {
            break;
        }
        kept.retain(|column| heads[*column] != *head);
    }
    kept
}

/// The text in at most `most` characters, the last of them saying that there is more.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(std::iter::once('…')).collect()
}

/// A row as a record: a line for each value that is not empty, under its number.
pub(super) fn record(number: usize, heads: &[&str], row: &[String]) -> String {
    let width = heads
        .iter()
        .map(|head| head.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!("── {number} ──\n");
    for (head, value) in heads.iter().zip(row).filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{head:width$}  {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(longest: &[usize]) -> Vec<Width> {
        let width = |longest: &usize| Width {
            longest: *longest,
            whole: false,
            empty: false,
        };
        longest.iter().map(width).collect()
    }

    #[test]
    fn wide_columns_give_first_and_many_become_records() {
        assert_eq!(layout(&widths(&[10, 200]), None), Layout::Whole);
        assert_eq!(layout(&widths(&[10, 20]), Some(37)), Layout::Whole);
        assert_eq!(layout(&widths(&[10, 20]), Some(36)), Layout::Cut(19));
        assert_eq!(layout(&widths(&[10, 200, 300]), Some(100)), Layout::Cut(40));
        assert_eq!(layout(&widths(&[30; 20]), Some(100)), Layout::Records);
    }

    #[test]
    fn ids_are_whole_or_the_rows_are_records() {
        let mut columns = widths(&[36, 60]);
        columns[0].whole = true;
        assert_eq!(layout(&columns, Some(80)), Layout::Cut(37));
        columns[1].whole = true;
        assert_eq!(layout(&columns, Some(80)), Layout::Records);
    }

    #[test]
    fn spare_columns_go_one_by_one_until_the_rest_fits() {
        let (heads, widths) = (["ID", "By", "On", "Name"], widths(&[3, 20, 16, 30]));
        let kept = |available| kept(&heads, &widths, &["By", "On"], available);
        assert_eq!(kept(None), [0, 1, 2, 3]);
        assert_eq!(kept(Some(82)), [0, 1, 2, 3]);
        assert_eq!(kept(Some(81)), [0, 2, 3]);
        assert_eq!(kept(Some(40)), [0, 3]);
        assert_eq!(kept(Some(10)), [0, 3]);
    }

    #[test]
    fn columns_without_a_value_go_first() {
        let (heads, mut widths) = (["ID", "Next try", "Name"], widths(&[3, 8, 30]));
        widths[1].empty = true;
        assert_eq!(kept(&heads, &widths, &[], Some(80)), [0, 1, 2]);
        assert_eq!(kept(&heads, &widths, &["Name"], Some(50)), [0, 2]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("grüße", 5), "grüße");
        assert_eq!(cut("grüße aus", 5), "grüß…");
        let row = ["a".to_owned(), String::new(), "c".to_owned()];
        let text = record(3, &["One", "Two", "Three"], &row);
        assert_eq!(text, "── 3 ──\nOne    a\nThree  c\n");
    }
}
