//! The promises that [`bartizan_kql::bound`] makes to a planner, checked on every query of the corpora; and that
//! damaged queries never make the binder panic.

use std::collections::{HashMap, HashSet};

use super::{bound, cases, hunting, small};
use bartizan_kql::bound::{
    ColumnId, Expr, ExprKind, Node, ParsePart, PathStep, Plan, Query, Set, Value,
};
use bartizan_kql::types::Type;
use bartizan_kql::{Scope, bind, lex, parse};

type Types = HashMap<ColumnId, Type>;

struct Check<'q> {
    query: &'q Query,
    /// Shared entries before this one may be referred to.
    shared: usize,
}

impl Check<'_> {
    fn plan(&self, plan: &Plan) {
        let mut seen = HashSet::new();
        assert!(
            plan.columns.iter().all(|c| seen.insert(c.id)),
            "an id occurs twice in {:?}",
            plan.columns
        );
        match &plan.node {
            Node::Table { sources, .. } => assert_eq!(sources.len(), plan.columns.len()),
            Node::Unit => assert!(plan.columns.is_empty()),
            Node::DataTable { rows } => {
                assert!(rows.iter().all(|row| row.len() == plan.columns.len()))
            }
            Node::Range { from, to, step } => {
                for expr in [from, to, step] {
                    self.expr(expr, &Types::new());
                }
            }
            Node::Shared(id) => {
                assert!((id.0 as usize) < self.shared);
                let entry = &self.query.shared[id.0 as usize];
                assert!(
                    entry
                        .columns
                        .iter()
                        .map(|c| c.ty)
                        .eq(plan.columns.iter().map(|c| c.ty))
                );
            }
            Node::Filter { input, predicate } => {
                assert_eq!(predicate.ty, Type::Bool);
                self.expr(predicate, &self.through(input, plan));
            }
            Node::Take { input, count } | Node::Sample { input, count } => {
                self.through(input, plan);
                assert_eq!(count.ty, Type::Long);
                self.expr(count, &Types::new());
            }
            Node::Distinct { input } | Node::Serialize { input } => {
                self.through(input, plan);
            }
            Node::Sort { input, keys } | Node::Top { input, keys, .. } => {
                let types = self.through(input, plan);
                for key in keys {
                    assert_ne!(key.expr.ty, Type::Dynamic);
                    self.expr(&key.expr, &types);
                }
            }
            Node::Project { input, exprs } => {
                let types = self.input(input);
                assert_eq!(exprs.len(), plan.columns.len());
                for (expr, column) in exprs.iter().zip(&plan.columns) {
                    assert_eq!(expr.ty, column.ty, "{}", column.name);
                    self.expr(expr, &types);
                    let passed = matches!(expr.kind, ExprKind::Column(id) if id == column.id);
                    assert!(
                        passed || !types.contains_key(&column.id),
                        "a computed column took an old id"
                    );
                }
            }
            Node::Plugin {
                input,
                plugin,
                args,
                constants,
                lookup,
                outputs,
                partition,
            } => {
                let mut types = self.input(input);
                args.iter().for_each(|a| self.expr(a, &types));
                constants.iter().for_each(|c| self.expr(c, &Types::new()));
                assert!(lookup.is_none_or(|id| (id.0 as usize) < self.shared));
                assert!(partition.iter().all(|id| types.contains_key(id)));
                if !plugin.adds() {
                    types.retain(|id, _| partition.contains(id));
                }
                types.extend(outputs.iter().map(|c| (c.id, c.ty)));
                assert!(plan.columns.iter().all(|c| types.get(&c.id) == Some(&c.ty)));
                assert_eq!(types.len(), plan.columns.len());
            }
            Node::External { .. } => {}
            Node::Window {
                input,
                calls,
                partition,
            } => {
                let types = self.input(input);
                assert!(partition.iter().all(|id| types.contains_key(id)));
                assert_eq!(input.columns.len() + calls.len(), plan.columns.len());
                for call in calls {
                    call.args.iter().for_each(|a| self.expr(a, &types));
                }
            }
            Node::Summarize {
                input,
                by,
                aggregates,
            } => {
                let types = self.input(input);
                by.iter().for_each(|e| self.expr(e, &types));
                let outputs: Vec<_> = aggregates
                    .iter()
                    .flat_map(|a| &a.outputs)
                    .map(|c| c.id)
                    .collect();
                let given: Vec<_> = plan.columns[by.len()..].iter().map(|c| c.id).collect();
                assert_eq!(outputs, given);
                for aggregate in aggregates {
                    aggregate
                        .args
                        .iter()
                        .chain(&aggregate.filter)
                        .for_each(|e| self.expr(e, &types));
                }
            }
            Node::Join {
                left, right, on, ..
            } => {
                let (l, r) = (self.input(left), self.input(right));
                assert!(
                    l.keys().all(|id| !r.contains_key(id)),
                    "both sides share an id"
                );
                assert!(!on.is_empty());
                for (a, b) in on {
                    assert_eq!(a.ty, b.ty);
                    self.expr(a, &l);
                    self.expr(b, &r);
                }
                assert!(
                    plan.columns
                        .iter()
                        .all(|c| l.get(&c.id).or(r.get(&c.id)) == Some(&c.ty))
                );
            }
            Node::Union { inputs } => {
                let mut ids = HashSet::new();
                for input in inputs {
                    let types = self.input(&input.plan);
                    assert!(
                        types.keys().all(|id| ids.insert(*id)),
                        "two inputs share an id"
                    );
                    assert_eq!(input.mapping.len(), plan.columns.len());
                    for (id, column) in input.mapping.iter().zip(&plan.columns) {
                        assert!(id.is_none_or(|id| types.get(&id) == Some(&column.ty)));
                    }
                }
            }
            Node::MvExpand {
                input,
                items,
                index,
                ..
            } => {
                let mut types = self.input(input);
                for item in items {
                    assert_eq!(item.array.ty, Type::Dynamic);
                    self.expr(&item.array, &types);
                }
                types.extend(items.iter().map(|i| (i.output.id, i.output.ty)));
                types.extend(index.map(|id| (id, Type::Long)));
                assert!(plan.columns.iter().all(|c| types.get(&c.id) == Some(&c.ty)));
            }
            Node::Parse {
                input,
                source,
                parts,
                ..
            } => {
                let mut types = self.input(input);
                assert_eq!(source.ty, Type::String);
                self.expr(source, &types);
                types.extend(parts.iter().filter_map(|part| match part {
                    ParsePart::Capture(c) => Some((c.id, c.ty)),
                    _ => None,
                }));
                assert!(plan.columns.iter().all(|c| types.get(&c.id) == Some(&c.ty)));
            }
        }
    }

    fn input(&self, plan: &Plan) -> Types {
        self.plan(plan);
        plan.columns.iter().map(|c| (c.id, c.ty)).collect()
    }

    /// The input of a node that passes its columns through.
    fn through(&self, input: &Plan, plan: &Plan) -> Types {
        assert_eq!(input.columns, plan.columns);
        self.input(input)
    }

    fn expr(&self, expr: &Expr, types: &Types) {
        let all = |exprs: &[Expr]| exprs.iter().for_each(|e| self.expr(e, types));
        match &expr.kind {
            ExprKind::Literal(value) => {
                assert!(is_of(value, expr.ty), "{value:?} is no {}", expr.ty)
            }
            ExprKind::Column(id) => assert_eq!(types.get(id), Some(&expr.ty), "column {id:?}"),
            ExprKind::SharedScalar(id) => {
                assert!((id.0 as usize) < self.shared);
                assert_eq!(self.query.shared[id.0 as usize].columns[0].ty, expr.ty);
            }
            ExprKind::Cast(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => {
                self.expr(inner, types)
            }
            ExprKind::Call { args, .. } => all(args),
            ExprKind::And(terms) | ExprKind::Or(terms) => {
                assert!(terms.len() > 1 && terms.iter().all(|t| t.ty == Type::Bool));
                all(terms);
            }
            ExprKind::Binary { left, right, .. } => {
                self.expr(left, types);
                self.expr(right, types);
            }
            ExprKind::StringTest { left, right, .. } => {
                assert_eq!((left.ty, right.ty), (Type::String, Type::String));
                self.expr(left, types);
                self.expr(right, types);
            }
            ExprKind::SetTest { input, set, .. } => {
                self.expr(input, types);
                match set {
                    Set::Items(items) => {
                        assert!(
                            items.iter().all(|i| i.ty == input.ty),
                            "items of other types than {}",
                            input.ty
                        );
                        all(items);
                    }
                    Set::Array(array) => {
                        assert_eq!(array.ty, Type::Dynamic);
                        self.expr(array, types);
                    }
                    Set::Shared(id) => {
                        assert_eq!(self.query.shared[id.0 as usize].columns.len(), 1)
                    }
                }
            }
            ExprKind::Case {
                branches,
                otherwise,
            } => {
                assert_eq!(otherwise.ty, expr.ty);
                for (condition, value) in branches {
                    assert_eq!((condition.ty, value.ty), (Type::Bool, expr.ty));
                    self.expr(condition, types);
                    self.expr(value, types);
                }
                self.expr(otherwise, types);
            }
            ExprKind::Path { input, steps } => {
                assert_eq!(input.ty, Type::Dynamic);
                self.expr(input, types);
                for step in steps {
                    if let PathStep::Computed(key) = step {
                        assert!(matches!(key.ty, Type::String | Type::Long));
                        self.expr(key, types);
                    }
                }
            }
        }
    }
}

fn is_of(value: &Value, ty: Type) -> bool {
    match value {
        Value::Null => ty != Type::String,
        Value::Bool(_) => ty == Type::Bool,
        Value::Int(_) => ty == Type::Int,
        Value::Long(_) => ty == Type::Long,
        Value::Real(_) => ty == Type::Real,
        Value::Decimal(_) => ty == Type::Decimal,
        Value::String(_) => ty == Type::String,
        Value::DateTime(_) => ty == Type::DateTime,
        Value::TimeSpan(_) => ty == Type::TimeSpan,
        Value::Guid(_) => ty == Type::Guid,
        Value::Dynamic(_) => ty == Type::Dynamic,
    }
}

fn check(text: &str, scope: &Scope) -> bool {
    let Some(query) = bound(text, scope).query else {
        return false;
    };
    for (i, plan) in query.shared.iter().enumerate() {
        Check {
            query: &query,
            shared: i,
        }
        .plan(plan);
    }
    for plan in query.tables() {
        let mut names = HashSet::new();
        assert!(
            plan.columns.iter().all(|c| names.insert(&c.name)),
            "a result name occurs twice"
        );
        Check {
            query: &query,
            shared: query.shared.len(),
        }
        .plan(plan);
    }
    true
}

#[test]
fn every_bound_query_of_the_corpora_is_sound() {
    let corpora = [
        (include_str!("../../bind/hunts.txt"), hunting()),
        (include_str!("../../bind/rules.txt"), small()),
    ];
    let mut checked = 0;
    for (corpus, scope) in corpora {
        for (query, _) in cases(corpus) {
            let outcome = std::panic::catch_unwind(|| check(&query, &scope));
            checked += usize::from(outcome.unwrap_or_else(|_| panic!("unsound: {query}")));
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn damaged_queries_are_sound_or_refused() {
    let scope = hunting();
    for (query, _) in cases(include_str!("../../bind/hunts.txt")) {
        let (tokens, _) = lex(&query);
        for skip in (0..tokens.len()).step_by(9) {
            let mut damaged = query.clone();
            damaged.replace_range(tokens[skip].span.range(), "");
            check(&damaged, &scope);
            // The tree of a damaged query is bound too, for completion: that must not panic either.
            let _ = bind(&parse(&damaged).query, &scope);
        }
    }
}
