//! Words with a meaning. All of them are contextual: the lexer knows none.

use crate::ast::{ListOp, TextOp, TextTest};

/// Words that stand between operands, or that end a list. They are no names in an expression unless they are
/// written `['has']`; where a name is declared they are allowed.
const RESERVED: &[&str] = &[
    "and",
    "or",
    "in",
    "between",
    "matches",
    "has",
    "has_cs",
    "has_any",
    "has_all",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "contains",
    "contains_cs",
    "startswith",
    "startswith_cs",
    "endswith",
    "endswith_cs",
    "by",
    "like",
    "notlike",
    "notcontains",
    "containscs",
    "notcontainscs",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
];

/// Whether the word cannot be a name in an expression.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// Operators that this parser reads.
pub(crate) const OPERATORS: &[&str] = &[
    "as",
    "assert-schema",
    "consume",
    "count",
    "distinct",
    "evaluate",
    "extend",
    "facet",
    "filter",
    "find",
    "fork",
    "getschema",
    "graph-mark-components",
    "graph-match",
    "graph-shortest-paths",
    "graph-to-table",
    "invoke",
    "join",
    "limit",
    "lookup",
    "make-graph",
    "make-series",
    "mv-apply",
    "mv-expand",
    "mvapply",
    "mvexpand",
    "order",
    "parse",
    "parse-kv",
    "parse-where",
    "partition",
    "project",
    "project-away",
    "project-by-names",
    "project-keep",
    "project-rename",
    "project-reorder",
    "reduce",
    "render",
    "sample",
    "sample-distinct",
    "scan",
    "search",
    "serialize",
    "sort",
    "summarize",
    "take",
    "top",
    "top-hitters",
    "top-nested",
    "union",
    "where",
];

/// Operators of Kusto that this parser only knows by name.
pub(crate) const OPERATORS_NOT_YET: &[&str] = &[
    "execute-and-cache",
    "graph-where-edges",
    "graph-where-nodes",
    "macro-expand",
    "project-smart",
];

/// The truth value that `word` is: Kusto takes three spellings of each.
pub(crate) fn boolean(word: &str) -> Option<bool> {
    match word {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// The word operator that `word` is, with its exclamation mark if it has one.
pub(crate) fn text_operator(word: &str) -> Option<TextOp> {
    let (negated, word) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let legacy = match word {
        "notcontains" if !negated => Some((true, false)),
        "notcontainscs" if !negated => Some((true, true)),
        "containscs" => Some((negated, true)),
        _ => None,
    };
    if let Some((negated, case_sensitive)) = legacy {
        return Some(TextOp {
            test: TextTest::Contains,
            negated,
            case_sensitive,
        });
    }
    let (case_sensitive, word) = match word.strip_suffix("_cs") {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let test = match word {
        "has" => TextTest::Has,
        "hasprefix" => TextTest::HasPrefix,
        "hassuffix" => TextTest::HasSuffix,
        "contains" => TextTest::Contains,
        "startswith" => TextTest::StartsWith,
        "endswith" => TextTest::EndsWith,
        _ => return None,
    };
    Some(TextOp {
        test,
        negated,
        case_sensitive,
    })
}

/// The list operator that `word` is, with its exclamation mark and tilde if it has them.
pub(crate) fn list_operator(word: &str) -> Option<ListOp> {
    Some(match word {
        "in" => ListOp::In,
        "in~" => ListOp::InIgnoreCase,
        "!in" => ListOp::NotIn,
        "!in~" => ListOp::NotInIgnoreCase,
        "has_any" => ListOp::HasAny,
        "has_all" => ListOp::HasAll,
        _ => return None,
    })
}

/// The candidate that `word` is most likely a slip of, if any is near.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Long words are no slips, and the distance is quadratic in their length.
    if word.len() > 40 {
        return None;
    }
    let word = word.to_lowercase();
    let near = candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate));
    near.min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 1 + word.len() / 4)
        .map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_operators_in_all_their_forms() {
        let op = |test, negated, case_sensitive| {
            Some(TextOp {
                test,
                negated,
                case_sensitive,
            })
        };
        assert_eq!(text_operator("has"), op(TextTest::Has, false, false));
        assert_eq!(
            text_operator("!startswith_cs"),
            op(TextTest::StartsWith, true, true)
        );
        assert_eq!(
            text_operator("notcontains"),
            op(TextTest::Contains, true, false)
        );
        assert_eq!(text_operator("!notcontains"), None);
        assert_eq!(text_operator("hasnt"), None);
        assert_eq!(list_operator("!in~"), Some(ListOp::NotInIgnoreCase));
    }

    #[test]
    fn slips_find_their_word() {
        assert_eq!(
            nearest("summarise", OPERATORS.iter().copied()),
            Some("summarize")
        );
        assert_eq!(nearest("Where", OPERATORS.iter().copied()), Some("where"));
        assert_eq!(nearest("frobnicate", OPERATORS.iter().copied()), None);
    }
}
