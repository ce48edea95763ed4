//! The bound tree as indented text, for people who debug: `bartizan kql bound`.

use std::fmt::Write as _;

use crate::bound::{
    Aggregate, BinaryOp, Column, Expr, ExprKind, Node, ParsePart, PathStep, Plan, Query, Set,
    SetOp, SortKey, StringOp, Value,
};

/// A bound query as text: the shared results, then the plan of each table from the root down, one node on a line with
/// its output columns as `name#id:type`. Tables have their names above them when there are several.
#[must_use]
pub fn dump_bound(query: &Query) -> String {
    let mut text = String::new();
    for (i, shared) in query.shared.iter().enumerate() {
        line(&mut text, 0, &format!("shared {i}"));
        plan(&mut text, 1, shared);
    }
    match &query.name {
        Some(name) => table(&mut text, name, &query.plan),
        None => plan(&mut text, 0, &query.plan),
    }
    for further in &query.further {
        table(&mut text, &further.name, &further.plan);
    }
    if let Some(render) = &query.render {
        line(
            &mut text,
            0,
            &format!("render {} {:?}", render.visualization, render.properties),
        );
    }
    text
}

fn table(text: &mut String, name: &str, rows: &Plan) {
    line(text, 0, &format!("table {name:?}"));
    plan(text, 1, rows);
}

fn line(text: &mut String, depth: usize, content: &str) {
    for _ in 0..depth {
        text.push_str("  ");
    }
    text.push_str(content);
    text.push('\n');
}

fn columns(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(column).collect();
    names.join(", ")
}

fn column(column: &Column) -> String {
    format!("{}#{}:{}", column.name, column.id.0, column.ty)
}

fn plan(text: &mut String, depth: usize, plan: &Plan) {
    let (head, inputs) = node(&plan.node, &plan.columns);
    line(
        text,
        depth,
        &format!("{head} -> {}", columns(&plan.columns)),
    );
    for input in inputs {
        self::plan(text, depth + 1, input);
    }
}

fn node<'p>(node: &'p Node, output: &[Column]) -> (String, Vec<&'p Plan>) {
    match node {
        Node::Table { name, .. } => (format!("table {name}"), vec![]),
        Node::Unit => ("unit".to_owned(), vec![]),
        Node::DataTable { rows } => (format!("datatable {} rows", rows.len()), vec![]),
        Node::Range { from, to, step } => (
            format!("range {} to {} step {}", expr(from), expr(to), expr(step)),
            vec![],
        ),
        Node::Shared(id) => (format!("shared {}", id.0), vec![]),
        Node::Filter { input, predicate } => (format!("filter {}", expr(predicate)), vec![input]),
        Node::Project { input, exprs } => {
            let items = exprs
                .iter()
                .zip(output)
                .filter(|(e, c)| !matches!(e.kind, ExprKind::Column(id) if id == c.id));
            let items: Vec<_> = items
                .map(|(e, c)| format!("#{} = {}", c.id.0, expr(e)))
                .collect();
            (
                format!("project {}", items.join(", "))
                    .trim_end()
                    .to_owned(),
                vec![input],
            )
        }
        Node::Window {
            input,
            calls,
            partition,
        } => {
            let calls: Vec<_> = calls
                .iter()
                .map(|c| format!("#{} = {:?}({})", c.output.id.0, c.function, exprs(&c.args)))
                .collect();
            (
                format!("window {}{}", calls.join(", "), partitioned(partition)),
                vec![input],
            )
        }
        Node::Plugin {
            input,
            plugin,
            args,
            constants,
            lookup,
            partition,
            ..
        } => {
            let lookup = lookup.map_or(String::new(), |id| format!(" shared {}", id.0));
            let text = format!(
                "plugin {} ({}) with [{}]{lookup}{}",
                plugin.name(),
                exprs(args),
                exprs(constants),
                partitioned(partition)
            );
            (text, vec![input])
        }
        Node::External { uris, .. } => (format!("external {uris:?}"), vec![]),
        Node::Summarize {
            input,
            by,
            aggregates,
        } => {
            let aggregates: Vec<_> = aggregates.iter().map(aggregate).collect();
            (
                format!("summarize [{}] by [{}]", aggregates.join(", "), exprs(by)),
                vec![input],
            )
        }
        Node::Distinct { input } => ("distinct".to_owned(), vec![input]),
        Node::Sort { input, keys } => (format!("sort {}", sort(keys)), vec![input]),
        Node::Top { input, count, keys } => (
            format!("top {} by {}", expr(count), sort(keys)),
            vec![input],
        ),
        Node::Take { input, count } => (format!("take {}", expr(count)), vec![input]),
        Node::Sample { input, count } => (format!("sample {}", expr(count)), vec![input]),
        Node::Serialize { input } => ("serialize".to_owned(), vec![input]),
        Node::Join {
            kind,
            left,
            right,
            on,
        } => {
            let on: Vec<_> = on
                .iter()
                .map(|(l, r)| format!("{} == {}", expr(l), expr(r)))
                .collect();
            (
                format!("join {kind:?} on {}", on.join(", ")),
                vec![left, right],
            )
        }
        Node::Union { inputs } => {
            let mapping = |m: &[Option<crate::bound::ColumnId>]| {
                let ids: Vec<_> = m
                    .iter()
                    .map(|id| id.map_or("-".to_owned(), |id| format!("#{}", id.0)))
                    .collect();
                format!("[{}]", ids.join(" "))
            };
            let maps: Vec<_> = inputs.iter().map(|i| mapping(&i.mapping)).collect();
            (
                format!("union {}", maps.join(" ")),
                inputs.iter().map(|i| &i.plan).collect(),
            )
        }
        Node::MvExpand {
            input,
            items,
            index,
            limit,
            kind,
        } => {
            let items: Vec<_> = items
                .iter()
                .map(|i| format!("{} = {}", column(&i.output), expr(&i.array)))
                .collect();
            let index = index.map_or(String::new(), |id| format!(" index #{}", id.0));
            let limit = limit.map_or(String::new(), |n| format!(" limit {n}"));
            (
                format!("mv-expand {kind:?} {}{index}{limit}", items.join(", ")),
                vec![input],
            )
        }
        Node::Parse {
            input,
            source,
            kind,
            flags,
            parts,
            only_matching,
        } => {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| match part {
                    ParsePart::Text(text) => format!("{text:?}"),
                    ParsePart::Any => "*".to_owned(),
                    ParsePart::Capture(c) => column(c),
                })
                .collect();
            let name = if *only_matching {
                "parse-where"
            } else {
                "parse"
            };
            let flags = if flags.is_empty() {
                String::new()
            } else {
                format!(" flags {flags}")
            };
            (
                format!(
                    "{name} {kind:?}{flags} {} with {}",
                    expr(source),
                    parts.join(" ")
                ),
                vec![input],
            )
        }
    }
}

fn partitioned(by: &[crate::bound::ColumnId]) -> String {
    if by.is_empty() {
        return String::new();
    }
    let ids: Vec<_> = by.iter().map(|id| format!("#{}", id.0)).collect();
    format!(" for each {}", ids.join(" "))
}

fn aggregate(aggregate: &Aggregate) -> String {
    let outputs: Vec<_> = aggregate
        .outputs
        .iter()
        .map(|c| format!("#{}", c.id.0))
        .collect();
    let filter = aggregate
        .filter
        .as_ref()
        .map_or(String::new(), |f| format!(" if {}", expr(f)));
    format!(
        "{} = {:?}({}){filter}",
        outputs.join(" "),
        aggregate.function,
        exprs(&aggregate.args)
    )
}

fn sort(keys: &[SortKey]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|k| {
            let direction = if k.descending { "desc" } else { "asc" };
            let nulls = if k.nulls_first { "first" } else { "last" };
            format!("{} {direction} nulls {nulls}", expr(&k.expr))
        })
        .collect();
    keys.join(", ")
}

fn exprs(exprs: &[Expr]) -> String {
    let texts: Vec<_> = exprs.iter().map(expr).collect();
    texts.join(", ")
}

/// An expression in a notation near to KQL: columns are `#id`, casts `value:type`.
fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Literal(v) => value(v),
        ExprKind::Column(id) => format!("#{}", id.0),
        ExprKind::Cast(inner) => format!("{}:{}", expr(inner), e.ty),
        ExprKind::Call { function, args } => format!("{function:?}({})", exprs(args)),
        ExprKind::Negate(inner) => format!("-{}", expr(inner)),
        ExprKind::Binary { op, left, right } => {
            format!("({} {} {})", expr(left), binary(*op), expr(right))
        }
        ExprKind::StringTest {
            op,
            case_sensitive,
            left,
            right,
        } => {
            let case = if *case_sensitive { "" } else { "~" };
            format!(
                "({} {}{case} {})",
                expr(left),
                string_test(*op),
                expr(right)
            )
        }
        ExprKind::SetTest {
            op,
            case_sensitive,
            input,
            set,
        } => {
            let op = match op {
                SetOp::In => "in",
                SetOp::HasAny => "has_any",
                SetOp::HasAll => "has_all",
            };
            let case = if *case_sensitive { "" } else { "~" };
            let set = match set {
                Set::Items(items) => format!("[{}]", exprs(items)),
                Set::Array(array) => format!("elements of {}", expr(array)),
                Set::Shared(id) => format!("shared {}", id.0),
            };
            format!("({} {op}{case} {set})", expr(input))
        }
        ExprKind::And(terms) => chain(" and ", terms),
        ExprKind::Or(terms) => chain(" or ", terms),
        ExprKind::Not(inner) => format!("not {}", expr(inner)),
        ExprKind::Case {
            branches,
            otherwise,
        } => {
            let mut text = "case(".to_owned();
            for (condition, value) in branches {
                // Writing to a String cannot fail.
                let _ = write!(text, "{} => {}, ", expr(condition), expr(value));
            }
            text + &expr(otherwise) + ")"
        }
        ExprKind::Path { input, steps } => {
            steps.iter().fold(expr(input), |text, step| match step {
                PathStep::Member(name) => format!("{text}[{name:?}]"),
                PathStep::Index(n) => format!("{text}[{n}]"),
                PathStep::Computed(key) => format!("{text}[{}]", expr(key)),
            })
        }
        ExprKind::SharedScalar(id) => format!("scalar of shared {}", id.0),
    }
}

fn chain(word: &str, terms: &[Expr]) -> String {
    let terms: Vec<_> = terms.iter().map(expr).collect();
    format!("({})", terms.join(word))
}

fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
    }
}

fn string_test(op: StringOp) -> &'static str {
    match op {
        StringOp::Equals => "equals",
        StringOp::Has => "has",
        StringOp::HasPrefix => "hasprefix",
        StringOp::HasSuffix => "hassuffix",
        StringOp::Contains => "contains",
        StringOp::StartsWith => "startswith",
        StringOp::EndsWith => "endswith",
        StringOp::MatchesRegex => "matches",
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => format!("int({v})"),
        Value::Long(v) => v.to_string(),
        Value::Real(v) => format!("{v:?}"),
        Value::Decimal(v) => format!("decimal({v})"),
        Value::String(v) => format!("{v:?}"),
        Value::DateTime(ticks) => format!("datetime({})", crate::time::format_datetime(*ticks)),
        Value::TimeSpan(ticks) => crate::time::format_timespan(*ticks),
        Value::Guid(v) => format!("guid({v})"),
        Value::Dynamic(v) => format!("dynamic({v})"),
    }
}
