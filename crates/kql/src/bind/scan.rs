//! `scan`: steps whose conditions see the state of the steps before.

use crate::ast::{self, ExprKind as Ast, ParameterKind};
use crate::bound::{Column, Expr, Node, Plan, Plugin, ScanPlan, ScanStep, Value};
use crate::types::Type;

use super::convert::coerce;
use super::naming::Names;
use super::{Binder, Relation, Rows, literal, reference};

impl Binder<'_> {
    /// Binds `scan`.
    pub(super) fn scan(&mut self, input: Relation, scan: &ast::Scan) -> Relation {
        let mut declared = self.declared(scan);
        let own = &input.plan.columns;
        let assigned = self.assigned(scan, own, &mut declared);
        let outer = std::mem::take(&mut self.states);
        let mut states: Vec<(String, Vec<Column>)> = Vec::new();
        for step in &scan.steps {
            let seen = own.iter().chain(declared.iter().map(|(c, _)| c));
            let state: Vec<Column> = seen
                .map(|c| Column {
                    id: self.fresh(),
                    ..c.clone()
                })
                .collect();
            if states.iter().any(|(name, _)| *name == step.name.text) {
                let message = format!(
                    "{}The step '{}' is there twice",
                    self.prefix(),
                    step.name.text
                );
                self.error("KS201", step.name.span, message);
            }
            states.push((step.name.text.clone(), state));
        }
        self.states.clone_from(&states);
        let mut steps = Vec::with_capacity(scan.steps.len());
        for (step, (_, state)) in scan.steps.iter().zip(&states) {
            let condition = self.condition(&step.condition, Rows::of(&input));
            let mut assignments = self.assignments(step, &declared, &input);
            // A step that assigns nothing to a column of the rows leaves it as the row has it.
            for (at, column) in &assigned {
                if assignments.iter().all(|(to, _)| to != at) {
                    assignments.push((*at, reference(column)));
                }
            }
            steps.push(ScanStep {
                state: state.iter().map(|c| c.id).collect(),
                condition: condition.unwrap_or_else(|| literal(Value::Bool(false), Type::Bool)),
                assignments,
                output: step.output,
            });
        }
        self.states = outer;
        let mut names = Names::default();
        for column in own {
            names.reserve(&column.name);
        }
        let mut outputs: Vec<Column> = declared.iter().map(|(c, _)| c.clone()).collect();
        let columns = placed(own, &outputs, &assigned);
        let mut columns: Vec<Column> = columns.into_iter().cloned().collect();
        let number = scan.match_id.as_ref().map_or("", |name| name.text.as_str());
        let number = self.column(names.unique(number), Type::Long);
        outputs.push(number.clone());
        if scan.match_id.is_some() {
            columns.push(number);
        }
        let args = own.iter().map(reference).collect();
        let plugin = Plugin::Scan(Box::new(ScanPlan {
            input: own.clone(),
            declared,
            steps,
        }));
        let mut all = own.clone();
        all.extend(outputs.iter().cloned());
        let open = input.open;
        let plan = Plan {
            node: Node::Plugin {
                input: Box::new(input.plan),
                plugin,
                args,
                constants: Vec::new(),
                lookup: None,
                outputs,
                partition: Vec::new(),
            },
            columns: all,
        };
        Relation {
            plan: super::apart::chosen(plan, columns),
            open,
        }
    }

    /// The declared columns with their defaults.
    fn declared(&mut self, scan: &ast::Scan) -> Vec<(Column, Expr)> {
        let mut declared = Vec::with_capacity(scan.declare.len());
        for parameter in &scan.declare {
            let ParameterKind::Scalar { ty, default } = &parameter.kind else {
                self.unsupported(parameter.span, "A tabular column of 'scan'");
                continue;
            };
            let ty = self.type_named(ty).unwrap_or(Type::Dynamic);
            let value = default.as_ref().and_then(|d| self.scalar(d, Rows::NONE));
            let null = if ty == Type::String {
                Value::String(String::new())
            } else {
                Value::Null
            };
            let value = value.map_or_else(|| literal(null, ty), |v| coerce(v, ty));
            declared.push((self.column(parameter.name.text.clone(), ty), value));
        }
        declared
    }

    /// Columns of the rows that steps assign to without a declaration: they are declared with their own type, so that
    /// steps have a state of them. Each with its place among the declared ones.
    fn assigned(
        &mut self,
        scan: &ast::Scan,
        own: &[Column],
        declared: &mut Vec<(Column, Expr)>,
    ) -> Vec<(usize, Column)> {
        let mut assigned = Vec::new();
        let names = scan.steps.iter().flat_map(|step| &step.assignments);
        for name in names.filter_map(|item| item.names.first()) {
            let known = declared.iter().any(|(c, _)| c.name == name.text);
            let Some(column) = own.iter().find(|c| c.name == name.text && !known) else {
                continue;
            };
            let null = if column.ty == Type::String {
                Value::String(String::new())
            } else {
                Value::Null
            };
            assigned.push((declared.len(), column.clone()));
            let output = self.column(column.name.clone(), column.ty);
            declared.push((output, literal(null, column.ty)));
        }
        assigned
    }

    fn assignments(
        &mut self,
        step: &ast::ScanStep,
        declared: &[(Column, Expr)],
        input: &Relation,
    ) -> Vec<(usize, Expr)> {
        let mut assignments = Vec::with_capacity(step.assignments.len());
        for item in &step.assignments {
            let value = self.scalar(&item.expr, Rows::of(input));
            let Some(name) = item.names.first() else {
                self.error("KS006", item.span, "Missing name");
                continue;
            };
            let at = declared.iter().position(|(c, _)| c.name == name.text);
            let Some(at) = at else {
                if input.open {
                    // It may be a column that only the data tell.
                    continue;
                }
                let message = format!(
                    "{}The column '{}' is not declared",
                    self.prefix(),
                    name.text
                );
                self.error("KS142", name.span, message);
                continue;
            };
            assignments.extend(value.map(|v| (at, coerce(v, declared[at].0.ty))));
        }
        assignments
    }

    /// `step.column`, when `object` is the name of a step.
    pub(super) fn state(&self, object: &ast::Expr, name: &str, rows: Rows<'_>) -> Option<Expr> {
        let Ast::Name(step) = &object.kind else {
            return None;
        };
        if rows.columns.iter().any(|c| c.name == step.text) {
            return None;
        }
        let (_, state) = self.states.iter().find(|(n, _)| *n == step.text)?;
        state.iter().rev().find(|c| c.name == name).map(reference)
    }
}

/// The columns of the result: those of the rows, an assigned one in its place, and then the declared ones.
fn placed<'a>(
    own: &'a [Column],
    outputs: &'a [Column],
    assigned: &[(usize, Column)],
) -> Vec<&'a Column> {
    let at = |c: &Column| assigned.iter().find(|(_, a)| a.name == c.name);
    let declared = |c: &Column| outputs.iter().any(|o| o.name == c.name);
    let rows = own
        .iter()
        .filter(|c| at(c).is_some() || !declared(c))
        .map(|c| at(c).map_or(c, |(at, _)| &outputs[*at]));
    let added = outputs.iter().filter(|o| at(o).is_none());
    rows.chain(added).collect()
}
