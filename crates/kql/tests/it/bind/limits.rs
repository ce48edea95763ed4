//! Deep, wide and self-doubling queries: an answer or a message, within a stack of 2 MB.

use super::{bound, small};

/// The codes of a query's errors, bound (and dropped) on a thread with the stack of a server's worker.
fn codes(query: String) -> Vec<&'static str> {
    let work = move || {
        let bound = bound(&query, &small());
        let copy = bound.query.clone();
        drop(copy);
        bound
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .map(|d| d.code)
            .collect()
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap()
}

fn nested(open: &str, inner: &str, close: &str, n: usize) -> String {
    format!("{}{inner}{}", open.repeat(n), close.repeat(n))
}

#[test]
fn nesting_is_bound_or_refused_but_never_overflows() {
    let forms: [(&str, &str, &str, &str); 7] = [
        ("T | where ", "not(", "p", ")"),
        ("T | extend x = ", "strcat('a', ", "a", ")"),
        ("T | extend x = ", "iff(p, ", "a", ", 'b')"),
        ("T | extend x = ", "(1 + ", "i", ")"),
        ("T | extend x = ", "d[tostring(", "a", ")]"),
        ("T | where ", "(p and (p or ", "p", "))"),
        ("T | where i ", "in (T | where i ", "== 1 | project i", ")"),
    ];
    for (before, open, inner, close) in forms {
        for n in [10, 100, 119, 120, 240, 499, 990, 5000] {
            let codes = codes(format!("{before}{}", nested(open, inner, close, n)));
            assert!(n > 10 || codes.is_empty(), "{open} {n}: {codes:?}");
            assert!(
                n < 990 || codes.iter().any(|c| *c == "BZ102" || *c == "KS245"),
                "{open} {n}: {codes:?}"
            );
        }
    }
}

#[test]
fn chains_of_tests_are_wide_and_not_deep() {
    let ors: Vec<_> = (0..5000).map(|n| format!("a contains 'word{n}'")).collect();
    assert!(codes(format!("T | where {}", ors.join(" or "))).is_empty());
    let mixed: Vec<_> = (0..5000)
        .map(|n| format!("a == 'x{n}' and i != {n}"))
        .collect();
    assert!(codes(format!("T | where {}", mixed.join(" or "))).is_empty());
    let items: Vec<_> = (0..20_000).map(|n| format!("'x{n}'")).collect();
    assert!(
        codes(format!(
            "let l = dynamic([{}]); T | where a in~ (l)",
            items.join(", ")
        ))
        .is_empty()
    );
    let lets: String = (0..5000).map(|n| format!("let x{n} = {n};")).collect();
    assert!(codes(format!("{lets} print x4999")).is_empty());
}

#[test]
fn a_long_pipeline_is_refused() {
    assert!(codes(format!("T{}", " | extend i = i + 1".repeat(399))).is_empty());
    assert_eq!(
        codes(format!("T{}", " | extend i = i + 1".repeat(450))),
        ["BZ102"]
    );
}

#[test]
fn a_long_pipeline_over_parts_is_bound() {
    for step in [
        " | extend x = 1",
        " | top 3 by i",
        " | where i > 1",
        " | summarize i = max(i)",
    ] {
        let steps = step.repeat(399);
        let codes = codes(format!(
            "T | mv-apply i = d to typeof(long) on (take 9{steps})"
        ));
        assert!(codes.is_empty() || codes == ["BZ102"], "{step}: {codes:?}");
    }
}

#[test]
fn pipelines_of_pipelines_are_bound_or_refused() {
    let steps = " | extend i = i + 1".repeat(390);
    let lets: String = (1..30)
        .map(|n| format!("let t{n} = t{}{steps};", n - 1))
        .collect();
    let codes = codes(format!("let t0 = T; {lets} t29"));
    assert!(codes.is_empty() || codes.contains(&"BZ102"), "{codes:?}");
}

#[test]
fn queries_that_double_themselves_are_refused() {
    let tables: String = (1..60)
        .map(|n| format!("let t{n} = union t{}, t{};", n - 1, n - 1))
        .collect();
    assert!(codes(format!("let t0 = T; {tables} t59")).contains(&"BZ103"));
    let functions: String = (1..60)
        .map(|n| format!("let f{n} = (x:long) {{ f{}(x) + f{}(x) }};", n - 1, n - 1))
        .collect();
    let query = format!("let f0 = (x:long) {{ x + x }}; {functions} print f59(1)");
    assert!(codes(query).iter().any(|c| *c == "BZ103" || *c == "BZ102"));
    let squared: String = (1..60)
        .map(|n| format!("let f{n} = (x:long) {{ f{}(x + x) }};", n - 1))
        .collect();
    let query = format!("let f0 = (x:long) {{ x }}; {squared} T | extend y = f59(l)");
    assert!(!codes(query).is_empty());
}

#[test]
fn operators_that_copy_their_rows_end_where_copies_are_too_many() {
    let tables: String = (1..14)
        .map(|n| format!("let t{n} = union t{0}, t{0}, t{0};", n - 1))
        .collect();
    for operator in [
        "top-nested 3 of a with others = 'x' by count(), top-nested 2 of i by count(), top-nested of l by max(r)",
        "evaluate bag_unpack(d)",
        "evaluate pivot(a)",
        "as t99 | union t99",
        "make-graph a --> s2 with t0 on a | graph-to-table nodes as n, edges as e; union n, e",
    ] {
        for n in 7..14 {
            codes(format!(
                "let t0 = T | extend s2 = a; {tables} t{n} | {operator}"
            ));
        }
        let most = codes(format!(
            "let t0 = T | extend s2 = a; {tables} t13 | {operator}"
        ));
        assert!(most.contains(&"BZ103"), "{operator}: {most:?}");
    }
}

#[test]
fn mistakes_without_end_are_said_up_to_a_number() {
    let list =
        |each: &dyn Fn(usize) -> String| (0..20_000).map(each).collect::<Vec<_>>().join(", ");
    for query in [
        format!(
            "T | where {}",
            list(&|n| format!("unknown{n}")).replace(", ", " > 1 or ")
        ),
        format!("T | where l in ({})", list(&|n| format!("unknown{n}"))),
        format!("T | where l in ({})", list(&|n| format!("unknown{n}()"))),
    ] {
        assert_eq!(codes(query).len(), 100);
    }
}

#[test]
fn rows_have_a_bounded_number_of_columns() {
    let list = |each: &dyn Fn(usize) -> String| (0..2_001).map(each).collect::<Vec<_>>().join(", ");
    for query in [
        format!("print {}", list(&|n| format!("a{n} = 1"))),
        format!("T | project {}", list(&|_| "i".to_owned())),
        format!("T | extend {}", list(&|n| format!("a{n} = i"))),
        format!("T | summarize {}", list(&|_| "count()".to_owned())),
        format!("datatable({})[]", list(&|n| format!("a{n}:long"))),
        format!(
            "externaldata({})['https://feeds.example/a.csv']",
            list(&|n| format!("a{n}:long"))
        ),
        format!(
            "let w = T | extend {}; w | join (w | project-rename z = i) on a",
            list(&|n| format!("a{n} = i")).replace(", a2000 = i", "")
        ),
    ] {
        assert_eq!(codes(query.clone()), ["BZ103"], "{}", &query[..60]);
    }
    let most = format!(
        "print {}",
        list(&|n| format!("a{n} = 1")).replace(", a2000 = 1", "")
    );
    assert!(codes(most).is_empty());
}

#[test]
fn results_have_a_bounded_number_of_tables() {
    let most = |tables| format!("T | fork {}", "(count) ".repeat(tables));
    assert_eq!(codes(most(100)), [""; 0]);
    assert_eq!(codes(most(101)), ["BZ103"]);
    let facets = format!("T | facet by {} with (take 1)", vec!["a"; 100].join(", "));
    assert_eq!(codes(facets), ["BZ103"]);
    // One inside of the other, without brackets.
    codes(format!("T | {}count", "facet by a with ".repeat(100_000)));
}

#[test]
fn warnings_without_end_hide_no_mistake() {
    // A path into a text is a warning each.
    let paths: Vec<String> = (0..150).map(|n| format!("p{n} = a.x{n}")).collect();
    let paths = paths.join(", ");
    assert!(codes(format!("T | extend {paths}")).is_empty());
    let mistake = format!("T | extend {paths} | where unknown > 1");
    assert_eq!(codes(mistake), ["KS142"]);
    let fuzzy = format!("T | extend {paths} | union isfuzzy=true T, Missing");
    assert!(codes(fuzzy).is_empty());
}
