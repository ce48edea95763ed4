//! "Did you mean …?" for names that people type.

/// What may be meant by `typed`, of the names that there are: `; did you mean X?`, or nothing.
pub(crate) fn remark<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let near = nearest(typed, names);
    match near.as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// The names that differ least from `typed`, three at most, and none that differs in more than a third of it.
fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let limit = (typed.chars().count() / 3).max(1);
    let mut best = limit + 1;
    let mut found: Vec<&str> = Vec::new();
    for name in names {
        let distance = distance(&typed, &name.to_lowercase());
        if distance < best {
            (best, found) = (distance, Vec::new());
        }
        if distance == best && best <= limit && !found.contains(&name) {
            found.push(name);
        }
    }
    found.truncate(3);
    found
}

/// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_right_is_found() {
        let names = ["Security Reader", "Security Operator", "Global Reader"];
        for (typed, meant) in [
            ("Securty Reader", "; did you mean Security Reader?"),
            ("security reaedr", "; did you mean Security Reader?"),
            ("SecurityReader", "; did you mean Security Reader?"),
            ("Owner", ""),
            ("", ""),
        ] {
            assert_eq!(remark(typed, names), meant, "{typed}");
        }
        assert_eq!(remark("ab", ["aa", "bb"]), "; did you mean aa or bb?");
    }

    #[test]
    fn a_swap_is_one_mistake() {
        assert_eq!(distance("raed", "read"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
