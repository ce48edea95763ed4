//! Tests of the limits: texts that are deep, long or full of mistakes, on a stack of ordinary size.

use super::tests::errors;
use super::*;
use crate::print::format;

/// Runs on a thread with half the stack that tests and workers have by default.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(run);
    thread.expect("a thread").join().expect("no panic");
}

/// Parses, prints, clones, compares and drops.
fn exercise(source: &str) -> Parsed {
    let parsed = parse(source);
    let copy = parsed.clone();
    assert_eq!(copy, parsed);
    let printed = format(&parsed.query);
    if !parsed.has_errors() {
        assert_eq!(format(&parse(&printed).query), printed);
    }
    parsed
}

#[test]
fn deep_texts_do_not_need_a_deep_stack() {
    on_a_small_stack(|| {
        for (open, close) in [
            ("(", ")"),
            ("f(", ")"),
            ("a[", "]"),
            ("a in (", ")"),
            ("1 + (", ")"),
            ("-(", ")"),
        ] {
            for (depth, fits) in [(240, true), (100_000, false)] {
                let source = format!("print {}x{}", open.repeat(depth), close.repeat(depth));
                let codes: Vec<_> = exercise(&source)
                    .diagnostics
                    .iter()
                    .map(|d| d.code)
                    .collect();
                assert_eq!(codes.is_empty(), fits, "{open} {depth}: {codes:?}");
                assert!(fits || codes == ["KS245"], "{open} {depth}: {codes:?}");
                let unclosed = format!("T | where {}", open.repeat(depth.min(10_000)));
                assert!(exercise(&unclosed).has_errors());
            }
        }
        assert!(
            !exercise(&format!(
                "print {}x{}",
                "(".repeat(1_000),
                ")".repeat(1_000)
            ))
            .has_errors()
        );
        assert!(!exercise(&format!("print {}x{}", "f(".repeat(490), ")".repeat(490))).has_errors());
    });
}

#[test]
fn long_texts_are_not_deep() {
    on_a_small_stack(|| {
        let chain = vec!["ProcessCommandLine contains 'x'"; 5_000].join(" or ");
        assert!(!exercise(&format!("T | where {chain}")).has_errors());
        let list = vec!["'0123456789'"; 20_000].join(", ");
        assert!(!exercise(&format!("T | where a in ({list})")).has_errors());
        let json = vec!["{\"a\": [1, 2]}"; 10_000].join(", ");
        assert!(!exercise(&format!("print dynamic([{json}])")).has_errors());
        for source in [
            "a + ".repeat(20_000) + "a",
            "a".to_owned() + &".b".repeat(20_000),
            "a".to_owned() + &"[0]".repeat(20_000),
        ] {
            let diagnostics = exercise(&format!("print {source}")).diagnostics;
            assert_eq!(
                diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(),
                ["KS245"]
            );
        }
        let pipes = exercise(&("T".to_owned() + &" | take 1".repeat(20_000))).diagnostics;
        assert_eq!(pipes[0].code, "KS245");
        assert!(!exercise(&("T".to_owned() + &" | take 1".repeat(400))).has_errors());
    });
}

#[test]
fn pipelines_within_pipelines_are_bounded() {
    on_a_small_stack(|| {
        let shapes: [(&str, &str); 8] = [
            ("T | where x in (", " | project y)"),
            ("T | join kind=inner (", " | take 1) on a"),
            ("T | where x == toscalar(", " | count)"),
            ("union (", " | take 1), U"),
            ("T | union (", " | take 1)"),
            ("print toscalar(", " | take 1)"),
            ("(", " | take 1)"),
            ("T | mv-apply a on (where b in (", " | take 1))"),
        ];
        for (open, close) in shapes {
            for (depth, fits) in [(15, true), (10_000, false)] {
                let source = format!("{}T{}", open.repeat(depth), close.repeat(depth));
                let parsed = exercise(&source);
                assert_eq!(
                    parsed.has_errors(),
                    !fits,
                    "{open} {depth}: {:?}",
                    parsed.diagnostics
                );
                assert!(
                    fits || parsed.diagnostics[0].code == "KS245",
                    "{open}: {:?}",
                    parsed.diagnostics[0]
                );
            }
        }
        let most = MAX_SUBQUERY_DEPTH as usize - 1;
        let source = format!(
            "{}T{}",
            "T | join (".repeat(most),
            " | take 1) on a".repeat(most)
        );
        assert!(!exercise(&source).has_errors());
        let functions = format!(
            "{}1{}",
            "let f = () { ".repeat(20_000),
            "; 1 }".repeat(20_000)
        );
        assert_eq!(exercise(&functions).diagnostics[0].code, "KS245");
        let json = format!(
            "print dynamic({}{})",
            "[".repeat(20_000),
            "]".repeat(20_000)
        );
        assert_eq!(exercise(&json).diagnostics[0].code, "KS245");
    });
}

#[test]
fn at_most_a_hundred_diagnostics() {
    let source = "T | where ; ".repeat(1_000);
    assert_eq!(parse(&source).diagnostics.len(), MAX_DIAGNOSTICS);
}

#[test]
fn mistakes_are_reported_where_they_are_and_the_rest_is_read() {
    for (source, expected) in [
        ("T | where", vec![("KS006", "")]),
        ("T | where a == | take 5", vec![("KS006", "|")]),
        ("T | where (a == 1 | take x", vec![("KS005", "")]),
        ("T | where a == 1) | take 1", vec![("KS198", ")")]),
        (
            "T | where a + 1 = 1 | tak 5",
            vec![("KS141", "a + 1"), ("KS176", "tak")],
        ),
        (
            "T | frobnicate x | where",
            vec![("KS176", "frobnicate"), ("KS006", "")],
        ),
        (
            "T | graph-where-nodes a > 1 | take 1",
            vec![("BZ001", "graph-where-nodes")],
        ),
        ("T |", vec![("KS176", "")]),
        ("T | | take 1", vec![("KS176", "|")]),
        ("T where a", vec![("KS005", "where")]),
        ("T | project f(a b), c", vec![("KS005", "b")]),
        ("T | project a[1", vec![("KS005", "")]),
        ("T | where a between (1, 2)", vec![("KS005", ",")]),
        ("T | where and a", vec![("KS006", "and")]),
        ("let x = ; T", vec![("KS006", ";")]),
        ("let f = (a:long) { a + 1 ; T | take", vec![("KS005", "T")]),
        (".show tables", vec![("BZ001", ".")]),
        ("T | where a ^ b", vec![("KS002", "^")]),
        ("T | extend x = 'abc\n| take 5", vec![("KS001", "'abc")]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(code, text)| (code, text.to_owned()))
            .collect();
        assert_eq!(errors(source), expected, "{source}");
    }
    let two = parse("T | where | extend x = | take 5");
    assert_eq!(two.diagnostics.len(), 2);
    let advice = |source| {
        parse(source).diagnostics[0]
            .suggestion
            .clone()
            .unwrap_or_default()
    };
    assert!(advice("T | summarise x = count()").contains("summarize"));
    assert!(advice("T where x").contains("| where"));
    assert!(advice("T | where f(a) = 1").contains("=="));
    assert!(advice("print int(a)").contains("toint(a)"));
}
