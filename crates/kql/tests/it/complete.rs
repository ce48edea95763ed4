//! Completion and hover: what an editor is told at a place of a query, whole or half-written. `‸` marks the place.

use bartizan_kql::types::Type;
use bartizan_kql::{Completion, CompletionKind, Scope, complete, hover};

fn scope() -> Scope {
    Scope::new()
        .with_table(
            "Processes",
            &[
                ("Timestamp", Type::DateTime),
                ("FileName", Type::String),
                ("ProcessId", Type::Long),
                ("Fields", Type::Dynamic),
            ],
        )
        .with_table(
            "Devices",
            &[("Name", Type::String), ("FileName", Type::String)],
        )
        .with_table("Odd", &[("two words", Type::Int)])
}

fn at(query: &str) -> Vec<Completion> {
    let offset = query.find('‸').expect("a place");
    complete(&query.replace('‸', ""), offset, &scope())
}

/// The labels of a kind, in order.
fn labels(query: &str, kind: CompletionKind) -> Vec<String> {
    let found = at(query).into_iter().filter(|c| c.kind == kind);
    found.map(|c| c.label).collect()
}

fn columns(query: &str) -> Vec<String> {
    labels(query, CompletionKind::Column)
}

fn has(query: &str, kind: CompletionKind, label: &str) -> bool {
    labels(query, kind).iter().any(|l| l == label)
}

const ALL: [&str; 4] = ["Timestamp", "FileName", "ProcessId", "Fields"];

#[test]
fn a_query_begins_with_tables_and_statements() {
    assert_eq!(
        labels("‸", CompletionKind::Table),
        ["Devices", "Odd", "Processes"]
    );
    assert!(has("‸", CompletionKind::Keyword, "let"));
    assert!(has("‸", CompletionKind::Operator, "union"));
    assert_eq!(labels("Pro‸", CompletionKind::Table), ["Processes"]);
    assert_eq!(
        labels("let x = 5; Pro‸", CompletionKind::Table),
        ["Processes"]
    );
    assert_eq!(columns("‸"), [""; 0]);
}

#[test]
fn operators_follow_a_pipe() {
    let found = at("Processes | ‸");
    assert!(
        found.iter().all(|c| c.kind == CompletionKind::Operator),
        "{found:?}"
    );
    assert_eq!(
        labels("Processes | whe‸", CompletionKind::Operator),
        ["where", "parse-where"]
    );
    let away = at("Processes\n| project-a‸");
    assert_eq!(away.len(), 1);
    assert_eq!(
        (
            away[0].label.as_str(),
            away[0].replaces.start,
            away[0].replaces.end
        ),
        ("project-away", 12, 21)
    );
    assert!(!away[0].documentation.is_empty());
}

#[test]
fn columns_are_those_of_the_rows_at_this_point() {
    assert_eq!(columns("Processes | where ‸"), ALL);
    assert_eq!(columns("Processes | where FileName == 'x' and ‸"), ALL);
    assert_eq!(
        columns("Processes | where F‸ | take 5"),
        ["FileName", "Fields"]
    );
    assert_eq!(
        columns("Processes | project A = FileName, B = 1 | where ‸"),
        ["A", "B"]
    );
    assert_eq!(
        columns("Processes | summarize n = count() by FileName | order by ‸"),
        ["FileName", "n"]
    );
    assert_eq!(columns("Processes | where strlen(‸"), ALL);
    assert_eq!(
        columns("Processes | extend x = iff(FileName == 'a', tolower(F‸"),
        ["FileName", "Fields"]
    );
    assert_eq!(columns("Processes | project-away ‸"), ALL);
    assert_eq!(columns("Odd | where ‸"), ["two words"]);
    assert_eq!(at("Odd | where two‸")[0].insert, "['two words']");
}

#[test]
fn mistakes_before_the_place_do_no_harm() {
    assert_eq!(
        columns("Processes | where Nope == 1 | extend y = 5 | where ‸").len(),
        5
    );
    assert_eq!(
        columns("Processes | where FileName == | project FileName | where ‸"),
        ["FileName"]
    );
    assert_eq!(
        columns("Processes | frobnicate | where ‸ | nonsense ((("),
        [""; 0]
    );
    assert_eq!(columns("Nowhere | project a = 1 | where ‸"), ["a"]);
}

#[test]
fn names_of_the_query_are_known_behind_it() {
    let query = "let limit_ = 5; let Web = Devices | project Name; let f = (a:long) { a + 1 }; ";
    assert!(has(
        &format!("{query} Processes | where ProcessId > ‸"),
        CompletionKind::Variable,
        "limit_"
    ));
    assert!(has(&format!("{query} ‸"), CompletionKind::Variable, "Web"));
    assert_eq!(columns(&format!("{query} Web | where ‸")), ["Name"]);
    assert!(has(
        &format!("{query} Processes | extend x = ‸"),
        CompletionKind::Variable,
        "f"
    ));
    assert!(!has(
        &format!("{query} Processes | extend x = ‸"),
        CompletionKind::Variable,
        "Web"
    ));
}

#[test]
fn subqueries_have_rows_of_their_own() {
    assert_eq!(
        columns("Processes | join kind=inner (Devices | where ‸"),
        ["Name", "FileName"]
    );
    assert_eq!(
        labels("Processes | join kind=inner (‸", CompletionKind::Table).len(),
        3
    );
    assert_eq!(labels("Processes | join ‸", CompletionKind::Table).len(), 3);
    assert_eq!(
        columns("Processes | join kind=inner (Devices) on ‸"),
        ["FileName"]
    );
    assert_eq!(
        columns("Processes | join (Devices | project Name) on $left.‸"),
        ALL
    );
    assert_eq!(
        columns("Processes | join (Devices | project Name) on $left.FileName == $right.‸"),
        ["Name"]
    );
    assert_eq!(
        columns("let f = () { Devices | where ‸ };"),
        ["Name", "FileName"]
    );
    assert_eq!(
        columns("Processes | where FileName in (Devices | project ‸"),
        ["Name", "FileName"]
    );
    assert_eq!(columns("Processes | partition by FileName (where ‸"), ALL);
    let apply = columns("Processes | mv-apply Item = Fields on (where ‸");
    assert_eq!(apply.last().map(String::as_str), Some("Item"));
    let operators = labels(
        "Processes | mv-apply Item = Fields on (‸",
        CompletionKind::Operator,
    );
    assert!(operators.len() > 30, "{operators:?}");
    assert_eq!(
        columns("Processes | mv-apply Item = Fields on (extend n = 1 | where ‸").len(),
        apply.len() + 1,
        "what stands before the bracket counts behind a pipe, too"
    );
    assert!(has(
        "let T = toscalar(‸",
        CompletionKind::Table,
        "Processes"
    ));
}

#[test]
fn branches_see_the_rows_of_their_source() {
    assert_eq!(columns("Processes | fork (count) (where ‸"), ALL);
    assert_eq!(
        columns("Processes | fork A = (count) B = (where ‸) (count)"),
        ALL
    );
    assert_eq!(
        columns("let t = 1; Processes | project FileName | fork (count) (extend n = t | where ‸"),
        ["FileName", "n"]
    );
    assert_eq!(
        columns("Processes | partition by FileName (project ProcessId | extend z = 1 | where ‸"),
        ["ProcessId", "z"]
    );
    assert_eq!(columns("Processes | facet by ‸"), ALL);
    assert_eq!(
        columns("Processes | facet by FileName with (project FileName | sort by ‸"),
        ["FileName"]
    );
    assert!(has(
        "Processes | fork (‸",
        CompletionKind::Operator,
        "where"
    ));
    assert!(has("Processes | facet ‸", CompletionKind::Keyword, "by"));
    assert!(has(
        "Processes | facet by FileName ‸",
        CompletionKind::Keyword,
        "with"
    ));
    let deep = format!("Processes {}where ‸", "| fork (take 1 ".repeat(20_000));
    columns(&deep);
}

#[test]
fn an_operator_brings_its_own_words() {
    assert!(has(
        "Processes | summarize ‸",
        CompletionKind::Aggregate,
        "count"
    ));
    assert!(!has(
        "Processes | summarize count() by ‸",
        CompletionKind::Aggregate,
        "count"
    ));
    assert!(!has(
        "Processes | where ‸",
        CompletionKind::Aggregate,
        "dcount"
    ));
    assert!(has(
        "Processes | summarize count() ‸",
        CompletionKind::Keyword,
        "by"
    ));
    assert!(has(
        "Processes | sort by FileName ‸",
        CompletionKind::Keyword,
        "desc"
    ));
    assert!(has(
        "Processes | where FileName ‸",
        CompletionKind::Test,
        "has_any"
    ));
    assert!(has(
        "Processes | where FileName == 'a' ‸",
        CompletionKind::Test,
        "and"
    ));
    assert_eq!(
        labels("Processes | where FileName !h‸", CompletionKind::Test),
        ["!has"]
    );
    assert!(has(
        "Processes | join kind=‸",
        CompletionKind::Keyword,
        "leftanti"
    ));
    assert!(has(
        "Processes | render ‸",
        CompletionKind::Keyword,
        "timechart"
    ));
    assert!(has(
        "Processes | evaluate ‸",
        CompletionKind::Plugin,
        "bag_unpack"
    ));
    assert!(has(
        "Processes | mv-expand Fields to typeof(‸",
        CompletionKind::Type,
        "long"
    ));
    assert!(has("let f = (a: ‸", CompletionKind::Type, "string"));
}

#[test]
fn functions_show_how_they_are_called() {
    let found = at("Processes | extend x = tolowe‸");
    let function = found
        .iter()
        .find(|c| c.label == "tolower")
        .expect("tolower");
    assert_eq!(function.insert, "tolower(");
    assert!(function.detail.contains("tolower(") && function.detail.contains(": string"));
    assert!(!function.documentation.is_empty());
}

#[test]
fn texts_and_comments_are_left_alone() {
    assert!(at("Processes | where FileName == 'a‸").is_empty());
    assert!(at("Processes // where ‸").is_empty());
    assert!(!at("Processes | where FileName == 'http://x' and ‸").is_empty());
}

#[test]
fn hover_says_what_stands_there() {
    let look = |query: &str| {
        let offset = query.find('‸').expect("a place");
        let found = hover(&query.replace('‸', ""), offset, &scope())?;
        Some((
            found.kind.map(CompletionKind::name).unwrap_or("literal"),
            found.name,
            found.detail,
        ))
    };
    let found = |query: &str| look(query).map(|(kind, name, _)| format!("{kind} {name}"));
    assert_eq!(
        found("Proc‸esses | take 5").as_deref(),
        Some("table Processes")
    );
    assert_eq!(found("Processes | project-‸away Fields").as_deref(), None);
    assert_eq!(
        found("Processes | pro‸ject-away Fields").as_deref(),
        Some("operator project-away")
    );
    assert_eq!(
        look("Processes | where Process‸Id > 5"),
        Some(("column", "ProcessId".to_owned(), "long".to_owned()))
    );
    assert_eq!(
        look("let x = 5d; Processes | where ‸x > 1d").map(|f| (f.0, f.2)),
        Some(("variable", "timespan".to_owned()))
    );
    assert_eq!(
        found("Processes | where FileName h‸as 'x'").as_deref(),
        Some("test has")
    );
    assert_eq!(
        found("Processes | where FileName !h‸as 'x'").as_deref(),
        Some("test !has")
    );
    assert_eq!(
        look("print 1‸d").map(|f| (f.0, f.2)),
        Some(("literal", "timespan".to_owned()))
    );
    let (kind, _, detail) = look("Processes | summarize dc‸ount(FileName)").expect("a function");
    assert_eq!(kind, "aggregate");
    assert!(detail.starts_with("dcount("), "{detail}");
    assert_eq!(
        found("Processes | extend n = str‸len(FileName)").as_deref(),
        Some("function strlen")
    );
    assert_eq!(
        found("Processes | evaluate bag_‸unpack(Fields)").as_deref(),
        Some("plugin bag_unpack")
    );
    assert_eq!(found("Processes | where whatever‸"), None);
    assert_eq!(found("Processes‸ "), Some("table Processes".to_owned()));
}

#[test]
fn any_place_of_any_text_is_answered() {
    let texts = [
        include_str!("../corpus/network.kql"),
        include_str!("../corpus/errors.kql"),
        "let f = (T:(a:long), é: string) { T | where } ; ((( | [ {\n| join (x | mv-apply on (",
    ];
    let scope = super::bind::hunting();
    for text in texts {
        for query in text.split("\n=>").map(str::trim) {
            for offset in (0..query.len() + 3).step_by(if query.len() > 200 { 41 } else { 13 }) {
                let _ = complete(query, offset, &scope);
                let _ = hover(query, offset, &scope);
            }
        }
    }
}
