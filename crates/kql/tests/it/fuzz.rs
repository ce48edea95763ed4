//! Damaged and random queries: every stage answers, and what it promises holds.

#[expect(
    clippy::disallowed_methods,
    reason = "saved inputs are files; the crate itself still reads and writes none"
)]
#[path = "../../../../tests/fuzz/engine.rs"]
mod engine;

use bartizan_kql::{Diagnostic, bind, complete, hover, lex, parse, print};
use engine::{Corpus, run};

const FILES: [&str; 6] = [
    include_str!("../corpus/cloud.kql"),
    include_str!("../corpus/errors.kql"),
    include_str!("../corpus/names.kql"),
    include_str!("../corpus/network.kql"),
    include_str!("../corpus/process.kql"),
    include_str!("../corpus/shapes.kql"),
];

fn corpus(rounds: usize) -> Corpus {
    let queries = FILES.iter().flat_map(|file| file.split("\n=>"));
    // Behind "=>" stands what the analyser said.
    let queries = queries.filter_map(|text| Some(text.split_once('\n')?.1.trim()));
    Corpus {
        seeds: queries
            .filter(|q| !q.is_empty())
            .map(|q| q.as_bytes().to_vec())
            .collect(),
        words: vec![
            "|",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ";",
            "=",
            "==",
            "=~",
            "!~",
            "..",
            ".",
            ":",
            "=>",
            "*",
            "-",
            "!",
            "'",
            "\"",
            "```",
            "@'",
            "h'",
            "//",
            "\\",
            "\u{e9}",
            " and ",
            " or ",
            " not(",
            " in (",
            " in~ ",
            " has ",
            " has_any (",
            " between (",
            " matches regex ",
            " by ",
            " on ",
            " with (",
            " to typeof(",
            " kind=",
            "let ",
            "let f = (a:long) {",
            "datatable(a:long)[1]",
            "dynamic([1,{\"a\":2}])",
            "datetime(2025-01-01)",
            "1d",
            "9223372036854775807",
            "0x",
            "1e999",
            "long(null)",
            "| where ",
            "| extend ",
            "| project ",
            "| summarize count() by ",
            "| join (",
            "| union ",
            "| mv-expand ",
            "| mv-apply x on (",
            "| parse a with ",
            "| make-series n=count() on ",
            "| scan with (step s: true;)",
            "| evaluate ",
            "| top 3 by ",
            "| order by ",
            "| render ",
            "| invoke ",
            "$left.",
            "$right.",
            "DeviceProcessEvents",
            "Timestamp",
            "arg_max(Timestamp, *)",
            "toscalar(",
            "materialize(",
            "prev(",
            "row_number()",
            "pack_all()",
            "search in (",
            "find ",
        ],
        rounds,
    }
}

/// The comments of a text.
fn texts(text: &str) -> Vec<&str> {
    let comments = bartizan_kql::lexer::comments(text).into_iter();
    comments.map(|c| c.text(text).trim_end()).collect()
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

#[test]
fn fuzz_lexer() {
    run("lexer", &corpus(3_000), |input| {
        let text = text(input);
        let (tokens, diagnostics) = lex(&text);
        let mut end = 0;
        for token in &tokens {
            assert!(token.span.start >= end && text.get(token.span.range()).is_some());
            end = token.span.end;
        }
        for diagnostic in diagnostics {
            assert!(
                text.get(diagnostic.span.range()).is_some(),
                "{diagnostic:?}"
            );
        }
    });
}

#[test]
fn fuzz_parser_and_formatter() {
    run("parser and formatter", &corpus(1_000), |input| {
        let text = text(input);
        let parsed = parse(&text);
        for diagnostic in &parsed.diagnostics {
            assert!(
                text.get(diagnostic.span.range()).is_some(),
                "{diagnostic:?}"
            );
        }
        let printed = print::format(&parsed.query);
        if parsed.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        let again = parse(&printed);
        let errors: Vec<_> = again.diagnostics.iter().filter(|d| d.is_error()).collect();
        assert!(errors.is_empty(), "printed as\n{printed}\n{errors:?}");
        assert_eq!(print::format(&again.query), printed);
        let kept = print::format_with_comments(&text, &parsed.query);
        let again = parse(&kept);
        assert_eq!(
            print::format(&again.query),
            printed,
            "with comments\n{kept}"
        );
        assert_eq!(texts(&kept), texts(&text), "comments of\n{kept}");
        let fixed = print::format_with_comments(&kept, &again.query);
        assert_eq!(fixed, kept, "a fixpoint");
    });
}

#[test]
fn fuzz_binder() {
    let scope = super::bind::hunting();
    run("binder", &corpus(400), |input| {
        let text = text(input);
        let parsed = parse(&text);
        let bound = bind(&parsed.query, &scope);
        let errors = bound.diagnostics.iter().any(Diagnostic::is_error);
        assert!(bound.query.is_none() || !errors);
        for diagnostic in &bound.diagnostics {
            assert!(
                text.get(diagnostic.span.range()).is_some(),
                "{diagnostic:?}"
            );
        }
        // What the formatter writes means the same.
        if let Some(query) = &bound.query
            && !parsed.has_errors()
        {
            let again = bind(&parse(&print::format(&parsed.query)).query, &scope);
            let again = again.query.expect("a query that binds");
            assert_eq!(super::bind::columns(query), super::bind::columns(&again));
        }
    });
}

#[test]
fn fuzz_completion() {
    let scope = super::bind::hunting();
    run("completion", &corpus(150), |input| {
        let text = text(input);
        for at in [text.len(), text.len() / 2, text.len() / 3] {
            for item in complete(&text, at, &scope) {
                assert!(text.get(item.replaces.range()).is_some());
            }
            let _ = hover(&text, at, &scope);
        }
    });
}
