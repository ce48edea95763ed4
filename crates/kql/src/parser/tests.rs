//! Tests of the parser: each production, its mistakes, and the limits.

use super::*;
use crate::ast::{
    BinaryOp, Dynamic, Expr, ExprKind, JoinKind, LetValue, ListOp, Literal, LogicalOp, MvKind,
    OperatorKind, ParameterKind, ParseItem, SourceKind, StatementKind, Tabular, UnionOperand,
};

/// The only statement, parsed without a diagnostic.
fn tabular(source: &str) -> Tabular {
    let parsed = parse(source);
    assert_eq!(parsed.diagnostics, [], "{source}");
    match parsed
        .query
        .statements
        .into_iter()
        .next()
        .map(|statement| statement.kind)
    {
        Some(StatementKind::Expression(tabular)) => tabular,
        other => panic!("{source}: {other:?}"),
    }
}

/// The only operator after a table.
fn operator(source: &str) -> OperatorKind {
    let mut operators = tabular(&format!("T | {source}")).operators;
    assert_eq!(operators.len(), 1, "{source}");
    operators.remove(0).kind
}

/// The predicate of a `where`.
fn expr(source: &str) -> Expr {
    match operator(&format!("where {source}")) {
        OperatorKind::Where(predicate) => predicate,
        other => panic!("{source}: {other:?}"),
    }
}

/// Codes and texts under the diagnostics.
pub(super) fn errors(source: &str) -> Vec<(&'static str, String)> {
    let diagnostics = parse(source).diagnostics;
    diagnostics
        .iter()
        .map(|diagnostic| (diagnostic.code, diagnostic.span.text(source).to_owned()))
        .collect()
}

/// The canonical form of a predicate, which shows how it was grouped when every operand is bracketed.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Binary {
            op, left, right, ..
        } => {
            format!("({} {op:?} {})", grouped(left), grouped(right))
        }
        ExprKind::Logical { op, operands, .. } => {
            format!(
                "{op:?}[{}]",
                operands.iter().map(grouped).collect::<Vec<_>>().join(", ")
            )
        }
        ExprKind::List { op, value, items } => {
            format!("({} {op:?} {})", grouped(value), items.len())
        }
        ExprKind::Between { value, .. } => format!("between({})", grouped(value)),
        ExprKind::Unary { operand, .. } => format!("-{}", grouped(operand)),
        ExprKind::Paren(inner) => format!("<{}>", grouped(inner)),
        ExprKind::Name(name) => name.text.clone(),
        ExprKind::Literal(Literal::Long(Some(value))) => value.to_string(),
        ExprKind::Member { object, name } => format!("{}.{}", grouped(object), name.text),
        other => format!("{other:?}"),
    }
}

#[test]
fn precedence_is_kustos() {
    for (source, expected) in [
        ("a + b * c - d", "((a Add (b Multiply c)) Subtract d)"),
        ("a < b == c", "((a Less b) Equal c)"),
        ("a == b + 1", "(a Equal (b Add 1))"),
        ("-a.b + c", "(-a.b Add c)"),
        ("a =~ b and c", "And[(a EqualIgnoreCase b), c]"),
        ("a or b and c or d", "Or[a, And[b, c], d]"),
        ("a and b or c and d", "Or[And[a, b], And[c, d]]"),
        ("a and (b and c)", "And[a, <And[b, c]>]"),
        ("a in (1, 2) and b", "And[(a In 2), b]"),
        ("a + 1 between (1 .. 2) or b", "Or[between((a Add 1)), b]"),
        ("a * b matches regex c", "(a Multiply (b MatchesRegex c))"),
        ("((a))", "<a>"),
    ] {
        assert_eq!(grouped(&expr(source)), expected, "{source}");
    }
}

#[test]
fn comparisons_do_not_chain() {
    assert_eq!(
        errors("T | where a == b == c"),
        [("BZ002", "==".to_owned())]
    );
    assert_eq!(errors("T | where a has b has c")[0].0, "BZ002");
    assert_eq!(errors("T | where a < b < c")[0].0, "BZ002");
    assert_eq!(errors("T | where a in (1) + 2")[0].0, "BZ002");
    assert!(errors("T | where (a == b) == c").is_empty());
}

#[test]
fn chains_are_flat_and_brackets_collapse() {
    let many = vec!["a == 1"; 5_000].join(" or ");
    let ExprKind::Logical {
        op: LogicalOp::Or,
        operands,
        ..
    } = expr(&many).kind
    else {
        panic!("no or")
    };
    assert_eq!(operands.len(), 5_000);
    let deep = format!("{}a{}", "(".repeat(1_000), ")".repeat(1_000));
    let ExprKind::Paren(inner) = expr(&deep).kind else {
        panic!("no brackets")
    };
    assert!(matches!(inner.kind, ExprKind::Name(_)));
}

#[test]
fn literals_of_every_type() {
    for (source, expected) in [
        ("5", Literal::Long(Some(5))),
        ("0x1F", Literal::Long(Some(31))),
        ("-9223372036854775808", Literal::Long(Some(i64::MIN))),
        ("1.5e3", Literal::Real(Some(1500.0))),
        ("1d", Literal::TimeSpan(Some(864_000_000_000))),
        ("true", Literal::Bool(Some(true))),
        ("FALSE", Literal::Bool(Some(false))),
        ("int(null)", Literal::Int(None)),
        ("datetime(null)", Literal::DateTime(None)),
        (
            "'a' \"b\" @'c'",
            Literal::String {
                value: "abc".to_owned(),
                hidden: false,
            },
        ),
        (
            "h'x'",
            Literal::String {
                value: "x".to_owned(),
                hidden: true,
            },
        ),
    ] {
        assert_eq!(expr(source).kind, ExprKind::Literal(expected), "{source}");
    }
    for wrong in [
        "9223372036854775808",
        "int(x)",
        "datetime(2026-13-01)",
        "guid(1)",
        "99999999999d",
    ] {
        assert_eq!(
            errors(&format!("print {wrong}")),
            [("KS004", wrong.to_owned())]
        );
    }
}

#[test]
fn dynamic_literals_are_json_and_more() {
    let source = r#"dynamic({"a": [1, -2.5, "x", null, true], 'b': {}, "c": datetime(2026-01-01), "d": 1h, "e": []})"#;
    let ExprKind::Literal(Literal::Dynamic(Dynamic::Object(pairs))) = expr(source).kind else {
        panic!("no object")
    };
    assert_eq!(pairs.len(), 5);
    assert_eq!(
        pairs[0].1,
        Dynamic::Array(vec![
            Dynamic::Long(1),
            Dynamic::Real(-2.5),
            Dynamic::String("x".to_owned()),
            Dynamic::Null,
            Dynamic::Bool(true),
        ])
    );
    assert_eq!(pairs[3].1, Dynamic::TimeSpan(36_000_000_000));
    assert_eq!(errors("print dynamic([1, decimal(1)])")[0].0, "KS215");
    assert_eq!(errors("print dynamic({a: 1})")[0].0, "KS006");
    assert_eq!(
        errors("print dynamic({a:1}), x = (1 | take 2"),
        [("KS006", "a".to_owned()), ("KS005", String::new())]
    );
    assert_eq!(errors("T | where a in ()"), [("KS006", ")".to_owned())]);
    expr("dynamic({'a': dynamic(null), 'b': dynamic([1])}) == x.['y'].[z]");
    assert_eq!(errors("print dynamic([1, ])")[0].0, "KS006");
    assert_eq!(errors("print dynamic([1")[0].0, "KS005");
    assert_eq!(
        parse_dynamic("[1, {\"a\": null}] "),
        Some(Dynamic::Array(vec![
            Dynamic::Long(1),
            Dynamic::Object(vec![("a".to_owned(), Dynamic::Null)]),
        ]))
    );
    assert_eq!(parse_dynamic("[1] 2"), None);
}

#[test]
fn paths_calls_and_names() {
    for source in [
        "a.b.c",
        "a['b'].c[0]",
        "['a name'].['b c']",
        "[\"x\"]",
        "f()",
        "f(a, n=1, *)",
        "count()",
        "range(1, 10, 2)",
        "database('d').T",
        "a.b(1).c",
        "typeof(long) == 1",
        "kind == 1 and type == 2 and count > 3 and title has 'x' and Timestamp > ago(1d)",
        "* has 'x'",
        "$left.a == $right.b",
        "extract(@'x(\\d+)', 1, s, typeof(int))",
        "print == 1",
        "datetime == 1",
    ] {
        expr(source);
    }
    let ExprKind::Call(call) = expr("f(a, n=1, *)").kind else {
        panic!("no call")
    };
    assert_eq!(call.arguments.len(), 3);
    assert_eq!(
        call.arguments[1]
            .name
            .as_ref()
            .map(|name| name.text.as_str()),
        Some("n")
    );
    assert!(matches!(call.arguments[2].value.kind, ExprKind::Star));
}

#[test]
fn operators_on_lists() {
    for (source, op, length) in [
        ("a in (1, 2, 3)", ListOp::In, 3),
        ("a in~ ('x')", ListOp::InIgnoreCase, 1),
        ("a !in (b)", ListOp::NotIn, 1),
        ("a !in~ (1)", ListOp::NotInIgnoreCase, 1),
        ("a has_any (dynamic(['x']), b)", ListOp::HasAny, 2),
        ("a has_all ('x', 'y')", ListOp::HasAll, 2),
        ("a in (T | where x > 1 | project y)", ListOp::In, 1),
        ("a in ((T | project y))", ListOp::In, 1),
    ] {
        let ExprKind::List {
            op: found, items, ..
        } = expr(source).kind
        else {
            panic!("{source}")
        };
        assert_eq!((found, items.len()), (op, length), "{source}");
    }
    assert_eq!(errors("T | where a in b")[0], ("KS005", "b".to_owned()));
}

#[test]
fn tabular_arguments() {
    let sources = [
        "toscalar(T | summarize max(x))",
        "toscalar(print 1)",
        "materialize(union A, B | take 1)",
        "x in (range i from 1 to 3 step 1)",
        "f(datatable(a:long)[1, 2], 3)",
        "((T | take 1)) == 1",
    ];
    for source in sources {
        expr(source);
    }
    let ExprKind::Call(call) = expr(sources[0]).kind else {
        panic!("no call")
    };
    assert!(matches!(call.arguments[0].value.kind, ExprKind::Tabular(_)));
}

#[test]
fn sources() {
    assert!(
        matches!(tabular("print x = 1, y = 'a'").source.kind, SourceKind::Print(items) if items.len() == 2)
    );
    assert!(matches!(
        tabular("range x from 1 to 10 step 2 | count").source.kind,
        SourceKind::Range { .. }
    ));
    let table = tabular("datatable(a:long, ['b c']:string)[1, 'x', 2, 'y',] | take 1");
    assert!(
        matches!(table.source.kind, SourceKind::DataTable { columns, values } if columns.len() == 2 && values.len() == 4)
    );
    let data = tabular(
        "externaldata(a:string)[@'https://x/y.csv'] with (format='csv', ignoreFirstRecord=true)",
    );
    assert!(
        matches!(data.source.kind, SourceKind::ExternalData(data) if data.properties.len() == 2)
    );
    assert!(matches!(
        tabular("union A, B").source.kind,
        SourceKind::Operator(_)
    ));
    assert!(matches!(
        tabular("search 'x'").source.kind,
        SourceKind::Operator(_)
    ));
    assert!(matches!(
        tabular("(T | take 1) | count").source.kind,
        SourceKind::Expr(_)
    ));
    assert_eq!(errors("where a == 1"), [("KS174", "where".to_owned())]);
    assert_eq!(
        errors("project ['a b'] | take 1"),
        [("KS174", "project".to_owned())]
    );
}

#[test]
fn operators_with_plain_lists() {
    assert!(
        matches!(operator("project a, b = c + 1, (d, e) = f(x)"), OperatorKind::Project(items) if items[2].names.len() == 2)
    );
    assert!(
        matches!(operator("project-away a*, *b, c"), OperatorKind::ProjectAway(items) if items[1].wildcard && !items[2].wildcard)
    );
    assert!(
        matches!(operator("project-keep a*b*"), OperatorKind::ProjectKeep(items) if items[0].text == "a*b*")
    );
    assert!(
        matches!(operator("project-rename a = b, ['c d'] = e"), OperatorKind::ProjectRename(items) if items.len() == 2)
    );
    assert!(
        matches!(operator("project-reorder a asc, b* granny-desc, c"), OperatorKind::ProjectReorder(items) if items.len() == 3)
    );
    assert!(matches!(operator("distinct *"), OperatorKind::Distinct(items) if items.len() == 1));
    assert!(matches!(operator("limit 5"), OperatorKind::Take(_)));
    assert!(matches!(operator("filter a"), OperatorKind::Where(_)));
    assert!(matches!(operator("serialize"), OperatorKind::Serialize(items) if items.is_empty()));
    assert!(
        matches!(operator("serialize n = row_number()"), OperatorKind::Serialize(items) if items.len() == 1)
    );
    assert_eq!(errors("T | project-rename a"), [("KS110", "a".to_owned())]);
    assert_eq!(errors("T | extend a-b = 1"), [("KS228", "a-b".to_owned())]);
    assert_eq!(
        errors("T | project a, | take 1"),
        [("KS006", "|".to_owned())]
    );
}

#[test]
fn summarize_sort_and_top() {
    let OperatorKind::Summarize(summarize) =
        operator("summarize hint.strategy=shuffle count(), m = max(x) by a, bin(t, 1h)")
    else {
        panic!("no summarize")
    };
    assert_eq!(
        (summarize.aggregates.len(), summarize.by.map(|by| by.len())),
        (2, Some(2))
    );
    assert_eq!(summarize.parameters[0].name.text, "hint.strategy");
    assert!(
        matches!(operator("summarize by a"), OperatorKind::Summarize(s) if s.aggregates.is_empty())
    );
    assert!(
        matches!(operator("sort by a asc nulls last, b desc, c"), OperatorKind::Sort { keys, .. } if keys.len() == 3)
    );
    assert!(matches!(operator("order by a"), OperatorKind::Sort { .. }));
    assert!(matches!(
        operator("top 5 by count_ desc"),
        OperatorKind::Top { .. }
    ));
    assert_eq!(errors("T | sort a"), [("KS005", "a".to_owned())]);
    assert_eq!(errors("T | summarize"), [("KS006", String::new())]);
    assert_eq!(errors("T | sort by a nulls"), [("KS006", String::new())]);
}

#[test]
fn joins_and_unions() {
    let OperatorKind::Join(join) = operator(
        "join kind = leftouter hint.strategy=broadcast (U | where x | project y) on a, $left.b == $right.c",
    ) else {
        panic!("no join")
    };
    assert_eq!(
        (join.kind, join.right.operators.len(), join.on.len()),
        (Some(JoinKind::LeftOuter), 2, 2)
    );
    assert!(
        matches!(operator("join U on a"), OperatorKind::Join(join) if join.right.operators.is_empty())
    );
    assert!(matches!(
        operator("join (U) on a and b"),
        OperatorKind::Join(_)
    ));
    assert!(matches!(
        operator("lookup kind=inner U on $left.a == $right.b"),
        OperatorKind::Lookup(_)
    ));
    assert_eq!(errors("T | join U"), [("KS006", "join U".to_owned())]);
    assert_eq!(
        errors("T | join kind=sideways U on a"),
        [("KS005", "sideways".to_owned())]
    );
    let OperatorKind::Union(union) =
        operator("union kind=inner withsource=Source isfuzzy=true Device*, (U | take 1), V, *")
    else {
        panic!("no union")
    };
    assert!(union.is_fuzzy && union.with_source.is_some());
    assert!(
        matches!(&union.operands[0], UnionOperand::Pattern(pattern) if pattern.text == "Device*")
    );
    assert_eq!(union.operands.len(), 4);
}

#[test]
fn expanding_and_parsing() {
    let OperatorKind::MvExpand(expand) = operator(
        "mv-expand bagexpansion=array with_itemindex=i a, b = c.d to typeof(string) limit 10",
    ) else {
        panic!("no mv-expand")
    };
    assert_eq!(
        (expand.kind, expand.columns.len(), expand.limit.is_some()),
        (Some(MvKind::Array), 2, true)
    );
    assert!(matches!(operator("mvexpand a"), OperatorKind::MvExpand(expand) if expand.legacy));
    let apply = operator("mv-apply x = a to typeof(long) on (where x > 1 | summarize sum(x))");
    assert!(matches!(apply, OperatorKind::MvApply(apply) if apply.operators.len() == 2));
    let OperatorKind::Parse(parse) =
        operator("parse kind=regex flags=Ui c with * 'a=' x:long 'b' 'c' y *")
    else {
        panic!("no parse")
    };
    assert_eq!(parse.items.len(), 6);
    assert!(matches!(&parse.items[2], ParseItem::Column { ty: Some(ty), .. } if ty.text == "long"));
    assert!(
        matches!(operator("parse-where c with 'x' y"), OperatorKind::Parse(parse) if parse.drop_unmatched)
    );
    assert_eq!(errors("T | parse c 'x'"), [("KS005", "'x'".to_owned())]);
}

#[test]
fn the_other_operators() {
    assert!(matches!(
        operator("evaluate bag_unpack(d) : (a:long, *)"),
        OperatorKind::Unsupported { .. } | OperatorKind::Evaluate(_)
    ));
    assert!(matches!(
        operator("evaluate pivot(a, count(), b)"),
        OperatorKind::Evaluate(_)
    ));
    assert!(
        matches!(operator("invoke FileProfile(SHA1, 500)"), OperatorKind::Invoke(call) if call.arguments.len() == 2)
    );
    let OperatorKind::Search(search) =
        operator("search kind=case_sensitive in (A, B*) 'x' and col: 'y*'")
    else {
        panic!("no search")
    };
    assert!(search.case_sensitive && search.tables.len() == 2);
    assert!(
        matches!(operator("render timechart with (title='x', ycolumns=a, b)"), OperatorKind::Render(r) if r.properties.len() == 3)
    );
    assert!(
        matches!(operator("render barchart kind=stacked"), OperatorKind::Render(r) if r.properties.len() == 1)
    );
    assert!(matches!(
        operator("sample-distinct 5 of a"),
        OperatorKind::SampleDistinct { .. }
    ));
    assert!(matches!(
        operator("as hint.materialized=true X"),
        OperatorKind::As { .. }
    ));
    assert!(matches!(operator("getschema"), OperatorKind::GetSchema));
    assert_eq!(errors("T | invoke f"), [("KS006", "f".to_owned())]);
}

#[test]
fn statements() {
    let source = "set notruncation; declare query_parameters(a:long = 5);\nlet x = 5; let t = T | take 1;\n\
                  let l = dynamic([1]); let n = T;\nlet f = (a:string, b:long = 3) { let c = a; T | where d == c };\n\
                  let g = (T:(a:long, *)) { T }; let v = view () { print 1; };\nT | where x == 1;";
    let parsed = parse(source);
    assert_eq!(parsed.diagnostics, []);
    let kinds: Vec<_> = parsed
        .query
        .statements
        .iter()
        .map(|statement| &statement.kind)
        .collect();
    assert_eq!(kinds.len(), 10);
    assert!(
        matches!(kinds[1], StatementKind::DeclareQueryParameters(parameters) if parameters.len() == 1)
    );
    let value = |index: usize| match kinds[index] {
        StatementKind::Let(binding) => &binding.value,
        other => panic!("{other:?}"),
    };
    assert!(matches!(value(2), LetValue::Scalar(_)));
    assert!(matches!(value(3), LetValue::Tabular(_)));
    assert!(
        matches!(value(5), LetValue::Scalar(_)),
        "a bare name is left to the binder"
    );
    assert!(
        matches!(value(6), LetValue::Function(f) if f.parameters.len() == 2 && f.body.statements.len() == 1)
    );
    assert!(
        matches!(value(7), LetValue::Function(f) if matches!(f.parameters[0].kind, ParameterKind::Tabular { open: true, .. }))
    );
    assert!(matches!(value(8), LetValue::Function(f) if f.view && f.body.result.is_some()));
}

#[test]
fn spans_cover_their_text() {
    let source = "T | where a == (1 + b.c) | project x = f(y, 2)";
    let tabular = tabular(source);
    assert_eq!(tabular.span.text(source), source);
    assert_eq!(
        tabular.operators[0].span.text(source),
        "where a == (1 + b.c)"
    );
    let OperatorKind::Where(predicate) = &tabular.operators[0].kind else {
        panic!("no where")
    };
    assert_eq!(predicate.span.text(source), "a == (1 + b.c)");
    let ExprKind::Binary {
        op: BinaryOp::Equal,
        right,
        ..
    } = &predicate.kind
    else {
        panic!("no ==")
    };
    assert_eq!(right.span.text(source), "(1 + b.c)");
    let OperatorKind::Project(items) = &tabular.operators[1].kind else {
        panic!("no project")
    };
    assert_eq!(items[0].span.text(source), "x = f(y, 2)");
    assert_eq!(items[0].expr.span.text(source), "f(y, 2)");
}
