//! Statements: `let`, parameters of the query, and its result.

use std::rc::Rc;
use std::sync::Arc;

use crate::ast::{self, LetValue, ParameterKind, StatementKind};
use crate::bound::Query;
use crate::diagnostic::{Diagnostic, Span};

use super::convert::coerce;
use super::environment::{Binding, Closure};
use super::expr::Meaning;
use super::{Binder, Relation, Rows};

impl Binder<'_> {
    /// The whole query: its result is the last tabular statement.
    pub(super) fn query(&mut self, query: &ast::Query) -> Option<Query> {
        let mut last = None;
        for statement in &query.statements {
            if let StatementKind::Expression(tabular) = &statement.kind {
                last = Some((self.result(tabular), statement.span));
            } else {
                self.statement(statement);
            }
        }
        let Some((result, span)) = last else {
            let end = query.span.end;
            let message = if query.statements.is_empty() {
                "The query is empty"
            } else {
                "The query has no result: a tabular expression is missing"
            };
            self.error("BZ104", Span::empty(end), message);
            return None;
        };
        if result.tables().any(super::graph::is_graph) {
            self.graph_is_no_result(span);
        }
        Some(Query {
            shared: std::mem::take(&mut self.shared),
            render: self.render.take(),
            ..result
        })
    }

    /// One statement; the rows when it is an expression.
    pub(super) fn statement(&mut self, statement: &ast::Statement) -> Option<Relation> {
        match &statement.kind {
            StatementKind::Let(declaration) => self.declaration(declaration),
            // Other options say how a cluster is to run the query.
            StatementKind::Set { name, value } if name.text.starts_with("query_bin_auto_") => {
                let value = value.as_ref().and_then(|v| self.scalar(v, Rows::NONE));
                if let Some(value) = value {
                    self.options.insert(name.text.clone(), value);
                }
            }
            StatementKind::Set { .. } => {}
            StatementKind::DeclareQueryParameters(parameters) => self.query_parameters(parameters),
            StatementKind::Expression(tabular) => return Some(self.tabular(tabular)),
            StatementKind::Error => self.failed = true,
        }
        None
    }

    fn declaration(&mut self, declaration: &ast::Let) {
        let (said, before) = (self.said.clone(), self.diagnostics.len());
        let (shared, failed) = (self.shared.len(), self.failed);
        let (probes, probed) = (self.probes, self.probe.is_some());
        let place = self.environment.here();
        let mut binding = self.declared_value(&declaration.value);
        if let Some(span) = value_span(&declaration.value)
            && self.calls_what_is_missing(span, before)
        {
            self.diagnostics.truncate(before);
            self.said = said;
            // Nothing else of it stays either, nor a name that its `as` gave: it is bound anew where it is used.
            self.environment.forget(place);
            self.shared.truncate(shared);
            self.failed = failed;
            self.probes = probes;
            if !probed {
                self.probe = None;
            }
            binding = self.later(&declaration.value, span);
        }
        self.declare(&declaration.name, binding);
    }

    /// Whether all that is wrong with a value is a table that a function it calls does not find: the mistakes are since
    /// `before`, and none of them is in the value itself. Not inside a function of the scope: its text is another one, and
    /// all that is wrong there is told at its call.
    fn calls_what_is_missing(&self, value: Span, before: usize) -> bool {
        if self.called_at.is_some() {
            return false;
        }
        let mut errors = self.diagnostics[before..].iter().filter(|d| d.is_error());
        let inside = |span: Span| value.start <= span.start && span.end <= value.end;
        let missing = |d: &Diagnostic| d.code == "KS204" && !inside(d.span);
        errors.next().is_some_and(missing) && errors.all(missing)
    }

    /// A value that is bound where it is used. `let a = f('Gone'); union isfuzzy=true a, b` leaves out what is not there,
    /// as rules are written that a tenant without a table can have, too; anywhere else the table is missing still.
    fn later(&self, value: &ast::LetValue, span: Span) -> Binding {
        let body = ast::FunctionBody {
            statements: Vec::new(),
            result: Some(Box::new(value.clone())),
            span,
        };
        Binding::Function(Rc::new(Closure {
            function: Arc::new(ast::Function {
                view: false,
                parameters: Vec::new(),
                body,
                span,
            }),
            place: self.environment.here(),
            saved: None,
        }))
    }

    fn declared_value(&mut self, value: &ast::LetValue) -> Binding {
        match value {
            LetValue::Scalar(expr) => match self.meaning(expr, Rows::NONE) {
                Meaning::Scalar(value) => Binding::Scalar(value.map(Rc::new)),
                Meaning::Tabular(relation, _) => Binding::Tabular(Rc::new(relation)),
            },
            LetValue::Tabular(tabular) => Binding::Tabular(Rc::new(self.tabular(tabular))),
            LetValue::Function(function) => {
                let closure = Rc::new(Closure {
                    function: Arc::new(function.clone()),
                    place: self.environment.here(),
                    saved: None,
                });
                self.check_function(&closure);
                Binding::Function(closure)
            }
        }
    }

    fn declare(&mut self, name: &ast::Name, binding: Binding) {
        if !self.environment.declare(&name.text, binding) {
            let message = format!(
                "A variable with the name '{}' has already been declared",
                name.text
            );
            self.error("KS201", name.span, message);
        }
    }

    /// `declare query_parameters`: they have the values of their defaults.
    fn query_parameters(&mut self, parameters: &[ast::ParameterDeclaration]) {
        for parameter in parameters {
            let ParameterKind::Scalar { ty, default } = &parameter.kind else {
                self.unsupported(parameter.span, "A tabular parameter of a query");
                continue;
            };
            let ty = self.type_named(ty);
            let value = default
                .as_ref()
                .map(|default| self.scalar(default, Rows::NONE));
            if value.is_none() {
                let message = format!("The query parameter '{}' has no value", parameter.name.text);
                self.error("BZ105", parameter.span, message);
            }
            let value = value.flatten().and_then(|v| Some(Rc::new(coerce(v, ty?))));
            self.declare(&parameter.name, Binding::Scalar(value));
        }
    }
}

/// Where the value of a `let` stands; none for a function, which is bound where it is called anyway.
fn value_span(value: &LetValue) -> Option<Span> {
    match value {
        LetValue::Scalar(expr) => Some(expr.span),
        LetValue::Tabular(tabular) => Some(tabular.span),
        LetValue::Function(_) => None,
    }
}
