//! Printing what was parsed, and parsing that again, over real queries and random ones.

use super::*;
use crate::lexer::lex;
use crate::parser::parse;
use proptest::prelude::*;

/// The tree without its places, to compare what two texts mean.
fn shape(query: &Query) -> String {
    let dump = dump_ast(query);
    let places = |line: &&str| {
        let line = line.trim();
        !line.starts_with("span: ") && !line.starts_with("at: ") && !is_place(line)
    };
    dump.lines().filter(places).collect::<Vec<_>>().join("\n")
}

/// Whether a line is only a span, as in `Star(12..13,)`.
fn is_place(line: &str) -> bool {
    line.trim_end_matches(',')
        .split_once("..")
        .is_some_and(|(start, end)| {
            let digits =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(start) && digits(end)
        })
}

/// Checks everything that must hold of any text; true when it parsed without errors.
fn check(source: &str) -> bool {
    let parsed = parse(source);
    for diagnostic in &parsed.diagnostics {
        let range = diagnostic.span.range();
        assert!(
            range.start <= range.end && source.get(range).is_some(),
            "{diagnostic:?} of {source:?}"
        );
    }
    let printed = format(&parsed.query);
    if parsed.has_errors() {
        return false;
    }
    let again = parse(&printed);
    assert_eq!(again.diagnostics, [], "{source}\nprinted as\n{printed}");
    assert_eq!(
        shape(&again.query),
        shape(&parsed.query),
        "{source}\nprinted as\n{printed}"
    );
    assert_eq!(format(&again.query), printed);
    true
}

#[test]
fn hunting_queries_parse_and_print() {
    let mut queries = 0;
    for source in include_str!("../../tests/queries/hunts.kql")
        .split("// ====\n")
        .skip(1)
    {
        assert_eq!(parse(source).diagnostics, [], "{source}");
        assert!(check(source));
        queries += 1;
    }
    assert_eq!(queries, 18);
}

#[test]
fn the_layout_is_canonical() {
    let source = "let x=5;T|where a==1 and b in(1,2) and not(c)|join kind=inner(U|where d|project e) on e|\
                  summarize count(),m=max((f)) by ['g h'],bin(t,1h)|take x";
    let expected = "\
let x = 5;

T
| where a == 1
    and b in (1, 2)
    and not(c)
| join kind=inner (
    U
    | where d
    | project e
) on e
| summarize count(), m = max((f)) by [\"g h\"], bin(t, 1h)
| take x
";
    assert_eq!(format(&parse(source).query), expected);
    assert_eq!(format(&parse("").query), "");
}

#[test]
fn a_datetime_without_a_day_stays_one() {
    for (source, printed) in [
        ("print datetime(09:00)", "print datetime(09:00)\n"),
        ("print datetime('5:30:10 PM')", "print datetime(17:30:10)\n"),
        (
            "print datetime(00:00:00.5)",
            "print datetime(00:00:00.5000000)\n",
        ),
    ] {
        assert_eq!(format(&parse(source).query), printed);
        assert!(check(printed));
    }
}

#[test]
fn brackets_are_added_where_a_tree_needs_them() {
    use crate::ast::{BinaryOp, Expr, ExprKind, LogicalOp, OperatorKind, SourceKind, UnaryOp};
    let mut query = parse("T | where x").query;
    let name = |text: &str| Expr {
        kind: ExprKind::Name(Name {
            text: text.to_owned(),
            span: crate::Span::default(),
        }),
        span: crate::Span::default(),
    };
    let expr = |kind| Expr {
        kind,
        span: crate::Span::default(),
    };
    let sum = expr(ExprKind::Binary {
        op: BinaryOp::Add,
        at: crate::Span::default(),
        left: name("a").into(),
        right: name("b").into(),
    });
    let product = expr(ExprKind::Binary {
        op: BinaryOp::Multiply,
        at: crate::Span::default(),
        left: sum.into(),
        right: name("c").into(),
    });
    let minus = expr(ExprKind::Unary {
        op: UnaryOp::Minus,
        operand: product.into(),
    });
    let either = expr(ExprKind::Logical {
        op: LogicalOp::Or,
        operands: vec![minus, name("has")],
        places: Vec::new(),
    });
    let both = expr(ExprKind::Logical {
        op: LogicalOp::And,
        operands: vec![either, name("kind")],
        places: Vec::new(),
    });
    let StatementKind::Expression(tabular) = &mut query.statements[0].kind else {
        panic!("no pipeline")
    };
    tabular.operators[0].kind = OperatorKind::Where(both);
    assert!(matches!(tabular.source.kind, SourceKind::Expr(_)));
    assert_eq!(
        format(&query),
        "T\n| where (-((a + b) * c) or [\"has\"]) and kind\n"
    );
}

#[test]
fn graphs_parse_and_print() {
    let made = "T | make-graph a --> b with U on a, (V | where l > 1 | take 5) on ['node id'] partitioned-by k (graph-to-table edges)";
    assert!(check(made));
    for (asked, printed) in [
        (
            "graph-match cycles=none (a)<--(b)-[e*0..k]-()--(c), (c)-[ f ]->(a) where a.x==1 and e.y>2 project a.x, n=map(e,y)",
            "graph-match cycles=none (a)<--(b)-[e*0..k]-()--(c), (c)-[f]->(a)\n    where a.x == 1 and e.y > 2\n    project a.x, n = map(e, y)",
        ),
        (
            "graph-shortest-paths output=all (a)<-[*1 .. 5]-(['b c']) project 1",
            "graph-shortest-paths output=all (a)<-[*1..5]-([\"b c\"])\n    project 1",
        ),
        (
            "graph-mark-components kind = strong with_component_id = c | graph-to-table nodes as n with_node_id=i, edges with_target_id=t",
            "graph-mark-components kind=strong with_component_id=c\n| graph-to-table nodes as n with_node_id=i, edges with_target_id=t",
        ),
    ] {
        let source = format!("T | make-graph a --> b with_node_id=i | {asked}");
        assert!(check(&source), "{source}: {:?}", parse(&source).diagnostics);
        let whole = format!("T\n| make-graph a --> b with_node_id=i\n| {printed}\n");
        assert_eq!(format(&parse(&source).query), whole);
    }
}

#[test]
fn dumps_show_what_was_read() {
    let (tokens, _) = lex("T | x\n'a'");
    assert_eq!(
        dump_tokens("T | x\n'a'", &tokens),
        "0..1         Word             T\n2..3         Pipe             |\n4..5         Word             x\n\
         6..9         String           \\'a\\'\n9..9         End\n"
    );
    let dump = dump_ast(&parse("T | count").query);
    assert!(
        dump.contains("Count") && dump.contains("span: 4..9"),
        "{dump}"
    );
}

/// Pieces of queries, valid and not.
const PIECES: &[&str] = &[
    "T",
    "a",
    "['b c']",
    "|",
    "where",
    "project",
    "extend",
    "summarize",
    "by",
    "join",
    "kind=inner",
    "on",
    "union",
    "take",
    "5",
    "1.5",
    "1d",
    "'x'",
    "@\"\\\"",
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
    "!=",
    "and",
    "or",
    "not",
    "in",
    "!in",
    "in~",
    "has",
    "!has_cs",
    "between",
    "..",
    ".",
    "*",
    "-",
    "+",
    "<",
    "let",
    "print",
    "range",
    "from",
    "to",
    "step",
    "datatable",
    "(a:long)",
    "dynamic(",
    "datetime(2026-01-01)",
    "int(null)",
    "typeof(long)",
    "count()",
    "mv-expand",
    "parse",
    "with",
    "asc",
    "nulls first",
    "search",
    ":",
    "$left.a",
    "evaluate",
    "f(",
    "true",
    "// c\n",
    "\n",
    "#",
    "'",
    "^",
    "é",
    "sort by",
    "project-away",
    "a*",
    "matches regex",
    "mv-apply",
    "render",
    "distinct",
    "externaldata",
    "set",
    "view",
    "()",
    "as",
    "invoke",
    "has_any",
    "=~",
    "\\",
    "0x",
    "```",
];

/// The text of a valid scalar expression.
fn scalar() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b.c",
            "['d e']",
            "count",
            "kind",
            "5",
            "-7",
            "2.5",
            "1d",
            "true",
            "'x'",
            "@'\\d+'",
            "h'secret'",
            "i[0]",
            "datetime(2026-01-01 10:00)",
            "int(5)",
            "long(-5)",
            "dynamic([1, {'a': null}])",
            "guid(null)",
            "f()",
            "title",
            "time(-1.00:00:01)",
            "real(nan)",
            "decimal(1.5)",
            "['in']",
            "limit",
            "print.x",
            "$left.a",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z_][a-zA-Z0-9_]{0,8}".prop_map(|name| format!("['{name}']")),
        "\\PC{0,6}"
            .prop_map(|text| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        let binary = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "==",
            "!=",
            "<",
            ">=",
            "=~",
            "!~",
            "has",
            "!contains_cs",
            "matches regex",
            "and",
            "or",
        ]);
        prop_oneof![
            (inner.clone(), binary, inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all
                .iter()
                .map(|e| format!("({e})"))
                .collect::<Vec<_>>()
                .join(" or ")),
            (inner.clone(), prop::collection::vec(inner.clone(), 1..3))
                .prop_map(|(a, list)| format!("({a}) !in~ ({})", list.join(", "))),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) between ({b} .. {c})")),
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|list| format!("g({})", list.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner
                .clone()
                .prop_map(|a| format!("toscalar(T | where {a} | project x)")),
            inner
                .clone()
                .prop_map(|a| format!("x in ((U | extend {a}))")),
            inner.prop_map(|a| format!("h(n = {a}, *)")),
        ]
    })
}

/// The text of a valid operator.
fn operator() -> impl Strategy<Value = String> {
    let templates = vec![
        "where {}",
        "project a, n = {}",
        "extend (p, q) = {}, {}",
        "summarize {} by {}, s = {}",
        "take 5",
        "count",
        "top 3 by {} asc nulls last",
        "sort by {}, {} desc",
        "distinct a, {}",
        "join kind=leftanti (U | where {}) on a",
        "union V, Device*, (W | take 1)",
        "mv-expand z = a to typeof(long), b limit 3",
        "parse a with * 'x' y:long 'z' *",
        "project-away a*, b",
        "project-rename n = a",
        "project-reorder b, * desc",
        "lookup (V | extend {}) on a, b",
        "evaluate pivot(a, {})",
        "invoke f({})",
        "serialize r = {}",
        "render timechart with (title={}, series=a, b)",
        "mv-apply a on (where {} | take 1)",
        "as N",
        "search 'x' and a : 'y'",
        "sample-distinct 5 of a",
        "getschema",
        "make-graph a --> b with (U | where {}) on a, V on b",
        "graph-match (n)<-[e*1..3]-(m)--(), (n)-->(o) where {} project n.a, x = {}",
        "graph-shortest-paths output=all (n)-[e*0..x]-(m) project {}",
    ];
    (
        prop::sample::select(templates),
        prop::collection::vec(scalar(), 3),
    )
        .prop_map(|(template, fills)| {
            // Piece by piece: what is filled in may itself have braces in a string.
            let mut pieces = template.split("{}");
            let first = pieces.next().unwrap_or_default().to_owned();
            pieces
                .zip(&fills)
                .fold(first, |text, (piece, fill)| text + fill + piece)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_soup_of_pieces_is_survived(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
        glue in prop::sample::select(vec![" ", ""]),
    ) {
        check(&pieces.join(glue));
        check(&format!("T | where {}", pieces.join(glue)));
    }

    #[test]
    fn printing_is_a_fixpoint(
        operators in prop::collection::vec(operator(), 0..5),
        source in prop::sample::select(vec![
            "T", "(T | take 1)", "print x = 1", "range x from 1 to 5 step 1", "datatable(a:long, b:string)[1, 'x', 2, 'y']",
            "union A, (B | take 1)", "let v = 5; T", "let f = (a:long = 1) { let b = a; T | where c == b }; f(2)",
            "let t = T | where x | take 1; t", "database('d').T",
        ]),
    ) {
        let text = std::iter::once(source.to_owned()).chain(operators).collect::<Vec<_>>().join(" | ");
        let parsed = parse(&text);
        prop_assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics);
        check(&text);
    }
}
