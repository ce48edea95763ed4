//! Comments stay where they were, and printing with them changes nothing else.

use super::format_with_comments;
use crate::lexer::{comments, lex};
use crate::parser::parse;
use crate::print::format;

/// What is printed, after a look at what must hold for every text.
fn printed(source: &str) -> String {
    let parsed = parse(source);
    assert!(!parsed.has_errors(), "{source}\n{:?}", parsed.diagnostics);
    let out = format_with_comments(source, &parsed.query);
    let texts = |text: &str| -> Vec<String> {
        let found = comments(text).into_iter();
        found.map(|c| c.text(text).trim_end().to_owned()).collect()
    };
    assert_eq!(
        texts(&out),
        texts(source),
        "comments of\n{source}\nin\n{out}"
    );
    let tokens = |text: &str| -> Vec<String> {
        let found = lex(text).0.into_iter();
        found.map(|t| t.span.text(text).to_owned()).collect()
    };
    let canonical = format(&parsed.query);
    assert_eq!(tokens(&out), tokens(&canonical), "tokens of\n{out}");
    let again = parse(&out);
    assert!(!again.has_errors(), "{out}\n{:?}", again.diagnostics);
    assert_eq!(format(&again.query), canonical);
    assert_eq!(format_with_comments(&out, &again.query), out, "a fixpoint");
    out
}

#[test]
fn comments_keep_their_places() {
    let source = "// head
// of the query

let n = 5; // five
// the processes
DeviceProcessEvents   // all of them
// filter
| filter FileName == 'cmd.exe' // shells
    and AccountName != 'x' // but not x
|
// columns
project Timestamp, // when
   // who
   DeviceName
| limit n; // few
// the end";
    assert_eq!(
        printed(source),
        "// head
// of the query
let n = 5; // five

// the processes
DeviceProcessEvents // all of them
// filter
| where FileName == 'cmd.exe' // shells
    and AccountName != 'x' // but not x
// columns
| project Timestamp, // when
    // who
    DeviceName
| take n // few
// the end
"
        .replace('\'', "\"")
    );
}

#[test]
fn a_text_without_comments_is_printed_as_ever() {
    for source in ["T | where a == 1", "", "let f = () { print 1 }; f()"] {
        assert_eq!(printed(source), format(&parse(source).query));
    }
}

#[test]
fn comments_alone_and_directives_stay() {
    assert_eq!(printed("// only this"), "// only this\n");
    assert_eq!(printed("#connect x\nT"), "#connect x\nT\n");
    assert_eq!(
        printed("T\n| take 1\n#crash\n| count"),
        "T\n| take 1\n#crash\n| count\n"
    );
}

#[test]
fn no_place_of_a_comment_changes_the_query() {
    let texts = [
        "let f = (a: long, b: string = 'x') { T | where c == a and d == b or e in (1, 2) }; f(1, b = 'y') | project-away g*, *h | order by i desc",
        "T | join kind = inner (U | where a == 1 | project a, b) on a, $left.c == $right.d | summarize count(), dcount(x) by bin(t, 1h), ['odd name'] | top 5 by count_",
        "union isfuzzy = true withsource = s T, (U | take 1), V* | extend x = dynamic({'a': [1, 2]}), y = datetime(2024-01-01), z = -1 | mvexpand x limit 5",
        "T | where a between (1 .. 5) and not(b has_any ('x', 'y')) and c !in~ ('z') | parse kind=regex m with * 'a' n:long ',' * | make-series c = count() default = 0 on t from ago(1d) to now() step 1h by d",
        "T | scan declare (n: long = 0) with (step s1: true => n = n + 1; step s2 output = none: a == 'b';) | mv-apply x on (where y > 1 | summarize sum(y)) | render timechart with (title = 'x')",
        "datatable(a: long, b: string)[1, 'x', 2, 'y'] | as hint.materialized=true Q | serialize r = row_number() | evaluate bag_unpack(b)",
    ];
    for text in texts {
        let (tokens, _) = lex(text);
        for token in &tokens {
            let at = token.span.start as usize;
            for comment in [
                " // one | two 'three\n",
                "\n// one (\n",
                " // a\n// b\n // c\n",
            ] {
                let mut with = text.to_owned();
                with.insert_str(at, comment);
                if !parse(&with).has_errors() {
                    printed(&with);
                }
            }
        }
        // One after every token.
        let every: Vec<String> = tokens
            .iter()
            .enumerate()
            .map(|(n, t)| format!("{} // {n}\n", t.span.text(text)))
            .collect();
        let every = every.concat();
        if !parse(&every).has_errors() {
            printed(&every);
        }
    }
}
