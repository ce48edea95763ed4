//! `union`: columns by name and type, wildcards, missing tables.

use std::collections::HashMap;

use crate::ast::{self, ExprKind, UnionKind, UnionOperand};
use crate::bound::{Column, Node, Plan, UnionInput, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::environment::Binding;
use super::naming::Names;
use super::project::glob;
use super::{Binder, Relation, literal, reference};

impl Binder<'_> {
    /// Binds `union`, after a pipe or as a source.
    pub(super) fn union(
        &mut self,
        input: Option<Relation>,
        union: &ast::Union,
        span: Span,
    ) -> Relation {
        let mut inputs: Vec<(Relation, Option<String>)> =
            input.into_iter().map(|r| (r, None)).collect();
        for operand in &union.operands {
            match operand {
                UnionOperand::Pattern(pattern) => {
                    self.matching_tables(pattern, union.is_fuzzy, &mut inputs)
                }
                UnionOperand::Table(expr) => {
                    let rows = self.operand_rows(expr, union.is_fuzzy);
                    inputs.extend(rows);
                }
            }
            self.operator = "union";
        }
        if inputs.is_empty() {
            if union.is_fuzzy && !union.operands.is_empty() {
                self.error(
                    "KS204",
                    span,
                    "'union' operator: None of the tables could be resolved",
                );
            }
            return Self::unknown();
        }
        if let Some(name) = &union.with_source {
            inputs = inputs
                .into_iter()
                .enumerate()
                .map(|(i, (r, n))| self.with_source(r, n, i, &name.text))
                .collect();
        }
        let relations: Vec<_> = inputs.into_iter().map(|(relation, _)| relation).collect();
        if relations.len() == 1 {
            return relations.into_iter().next().unwrap_or_else(Self::unknown);
        }
        self.united(relations, union.kind == Some(UnionKind::Inner))
    }

    pub(super) fn matching_tables(
        &mut self,
        pattern: &ast::NamePattern,
        fuzzy: bool,
        inputs: &mut Vec<(Relation, Option<String>)>,
    ) {
        let fits = |name: &str| {
            if pattern.wildcard {
                glob(&pattern.text, name)
            } else {
                name == pattern.text
            }
        };
        let mut found: Vec<(String, Option<Relation>)> = Vec::new();
        for name in self.scope.tables_in_order().filter(|name| fits(name)) {
            found.push((name.to_owned(), None));
        }
        let views = self
            .environment
            .visible()
            .into_iter()
            .filter_map(|(name, binding)| match binding {
                Binding::Function(f) if f.function.view && f.needs_no_arguments() && fits(name) => {
                    Some(name.to_owned())
                }
                _ => None,
            });
        for name in views.collect::<Vec<_>>() {
            let expr = ast::Expr {
                kind: ExprKind::Name(ast::Name {
                    text: name.clone(),
                    span: pattern.span,
                }),
                span: pattern.span,
            };
            found.push((name, Some(self.rows_of(&expr).0)));
        }
        if found.is_empty() && !fuzzy {
            self.unknown_table(&ast::Name {
                text: pattern.text.clone(),
                span: pattern.span,
            });
        }
        for (name, relation) in found {
            let relation = relation.or_else(|| self.table(&name));
            inputs.extend(relation.map(|r| (r, Some(name))));
        }
    }

    /// The rows of an operand; none when it cannot be resolved and need not.
    fn operand_rows(
        &mut self,
        expr: &ast::Expr,
        fuzzy: bool,
    ) -> Option<(Relation, Option<String>)> {
        if !fuzzy {
            return Some(self.rows_of(expr));
        }
        let (said, count) = (self.said.clone(), self.diagnostics.len());
        let rows = self.rows_of(expr);
        if self.diagnostics[count..].iter().any(|d| d.code == "KS204") {
            self.diagnostics.truncate(count);
            self.said = said;
            return None;
        }
        Some(rows)
    }

    /// Puts the name of the source before the columns.
    pub(super) fn with_source(
        &mut self,
        relation: Relation,
        name: Option<String>,
        index: usize,
        column: &str,
    ) -> (Relation, Option<String>) {
        let source = name.clone().unwrap_or_else(|| format!("union_arg{index}"));
        let mut columns = vec![self.column(column, Type::String)];
        let mut exprs = vec![literal(Value::String(source), Type::String)];
        for old in &relation.plan.columns {
            // A column of that name gives way to the source.
            let name = if old.name == column {
                format!("{column}1")
            } else {
                old.name.clone()
            };
            columns.push(Column {
                name,
                ..old.clone()
            });
            exprs.push(reference(old));
        }
        let node = Node::Project {
            input: Box::new(relation.plan),
            exprs,
        };
        (
            Relation {
                plan: Plan { node, columns },
                open: relation.open,
            },
            name,
        )
    }

    pub(super) fn united(&mut self, relations: Vec<Relation>, inner: bool) -> Relation {
        let outputs = layout(&relations, inner);
        let relations: Vec<_> = relations
            .into_iter()
            .map(|relation| self.in_types_of(relation, &outputs))
            .collect();
        let columns: Vec<_> = outputs
            .iter()
            .map(|o| self.column(o.name.clone(), o.ty))
            .collect();
        let open = relations.iter().any(|r| r.open);
        let mut inputs = Vec::with_capacity(relations.len());
        for relation in relations {
            let find = |o: &Output| {
                relation
                    .plan
                    .columns
                    .iter()
                    .find(|c| c.name == o.source && c.ty == o.ty)
            };
            let mapping: Vec<_> = outputs.iter().map(|o| find(o).map(|c| c.id)).collect();
            for (id, column) in mapping.iter().zip(&columns) {
                if id.is_some_and(|id| self.poisoned.contains(&id)) {
                    self.poisoned.insert(column.id);
                }
            }
            inputs.push(UnionInput {
                plan: relation.plan,
                mapping,
            });
        }
        Relation {
            plan: Plan {
                node: Node::Union { inputs },
                columns,
            },
            open,
        }
    }
}

impl Binder<'_> {
    /// The rows with each column that the union has in one other type converted to it.
    fn in_types_of(&mut self, relation: Relation, outputs: &[Output]) -> Relation {
        self.converted(relation, |column| {
            let output = outputs.iter().find(|o| o.alone && o.source == column.name);
            output.map(|o| o.ty)
        })
    }

    /// The rows with columns converted to the types that `wanted` gives for them.
    pub(super) fn converted(
        &mut self,
        relation: Relation,
        wanted: impl Fn(&Column) -> Option<Type>,
    ) -> Relation {
        let other = |column: &Column| wanted(column).filter(|ty| *ty != column.ty);
        if !relation.plan.columns.iter().any(|c| other(c).is_some()) {
            return relation;
        }
        let mut columns = Vec::with_capacity(relation.plan.columns.len());
        let mut exprs = Vec::with_capacity(columns.capacity());
        for old in &relation.plan.columns {
            let (column, value) = match other(old) {
                Some(ty) => (
                    self.column(old.name.clone(), ty),
                    coerce(reference(old), ty),
                ),
                None => (old.clone(), reference(old)),
            };
            if self.poisoned.contains(&old.id) {
                self.poisoned.insert(column.id);
            }
            columns.push(column);
            exprs.push(value);
        }
        Relation {
            open: relation.open,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(relation.plan),
                    exprs,
                },
                columns,
            },
        }
    }
}

/// The type of a column that several tables have, of its types in their order; none when it has no single one. The
/// first two decide, as they do in the analyser: where they agree, values of other types are converted to theirs.
pub(super) fn one_type(mut types: impl Iterator<Item = Type>) -> Option<Type> {
    let first = types.next()?;
    match types.next() {
        Some(second) => (first == second).then_some(first),
        None => Some(first),
    }
}

/// A column of a union: its name, and the name and type that inputs have it under.
struct Output {
    name: String,
    source: String,
    ty: Type,
    /// The only column of its source's name.
    alone: bool,
}

/// Columns by first appearance of their names; where a name has several types, one column for each, side by side.
fn layout(relations: &[Relation], inner: bool) -> Vec<Output> {
    let mut order: Vec<(String, Vec<(Type, usize)>)> = Vec::new();
    // All types that a name has, in the order of the inputs.
    let mut seen: HashMap<&str, Vec<Type>> = HashMap::new();
    for column in relations.iter().flat_map(|r| &r.plan.columns) {
        seen.entry(&column.name).or_default().push(column.ty);
        let at = order
            .iter()
            .position(|(name, _)| *name == column.name)
            .unwrap_or_else(|| {
                order.push((column.name.clone(), Vec::new()));
                order.len() - 1
            });
        match order[at].1.iter_mut().find(|(ty, _)| *ty == column.ty) {
            Some((_, count)) => *count += 1,
            None => order[at].1.push((column.ty, 1)),
        }
    }
    let mut names = Names::default();
    let mut outputs: Vec<Output> = Vec::new();
    for (source, mut types) in order {
        let all = &seen[source.as_str()];
        if let Some(ty) = one_type(all.iter().copied()).filter(|_| !inner) {
            types = vec![(ty, all.len())];
        }
        let clash = types.len() > 1;
        for (ty, count) in types {
            if inner && count < relations.len() {
                continue;
            }
            let name = if clash {
                format!("{source}_{ty}")
            } else {
                source.clone()
            };
            outputs.push(Output {
                name: names.unique(&name),
                source: source.clone(),
                ty,
                alone: !clash,
            });
        }
    }
    keep_own_names(&mut outputs);
    outputs
}

/// A column that has a name of its own keeps it: when another of the same type got that name for its type, the two
/// change places.
fn keep_own_names(outputs: &mut [Output]) {
    for own in 0..outputs.len() {
        let Output {
            name, source, ty, ..
        } = &outputs[own];
        if name == source || *name == format!("{source}_{ty}") {
            continue;
        }
        let made = outputs
            .iter()
            .position(|o| o.name == *source && o.source != *source && o.ty == *ty);
        if let Some(made) = made {
            let (source, alone) = (outputs[own].source.clone(), outputs[own].alone);
            outputs[own].source = std::mem::replace(&mut outputs[made].source, source);
            outputs[own].alone = std::mem::replace(&mut outputs[made].alone, alone);
        }
    }
}
