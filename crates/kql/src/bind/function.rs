//! Functions that the query declares with `let`.

use std::rc::Rc;

use crate::ast::{self, LetValue, ParameterKind};
use crate::bound::{Expr, ExprKind, Node, Plan, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::convert::coerce;
use super::environment::{Binding, Closure};
use super::expr::Meaning;
use super::suggest::closest;
use super::{Binder, Relation, Rows, Weight, literal};

impl Closure {
    /// Whether it can be named without brackets and arguments.
    pub(super) fn needs_no_arguments(&self) -> bool {
        self.function.parameters.iter().all(|p| {
            matches!(
                &p.kind,
                ParameterKind::Scalar {
                    default: Some(_),
                    ..
                }
            )
        })
    }
}

impl Binder<'_> {
    /// Calls a function: binds its body with the parameters bound to the arguments. `input` is the first tabular
    /// argument of `invoke`.
    pub(super) fn apply(
        &mut self,
        name: &str,
        closure: &Rc<Closure>,
        arguments: &[ast::Argument],
        input: Option<Relation>,
        rows: Rows<'_>,
        span: Span,
    ) -> Meaning {
        // A call binds the body again: its text is what it costs.
        let body = closure.function.span;
        let cost = (body.end - body.start) as usize / 4 + 1;
        if !self.spend(cost, span) {
            return Meaning::Scalar(None);
        }
        let result = self.nested(Weight::Application, span, |b| {
            let parameters = &closure.function.parameters;
            let bound = b.bind_parameters(name, parameters, arguments, input, rows, span)?;
            let outside = b.begin_saved(closure, span)?;
            let back = b.environment.enter(closure.place);
            // Before the parameters are declared: a default names none of them.
            let bound: Vec<_> = parameters
                .iter()
                .zip(bound)
                .map(|(parameter, binding)| binding.unwrap_or_else(|| b.default(parameter)))
                .collect();
            for (parameter, binding) in parameters.iter().zip(bound) {
                b.environment.declare(&parameter.name.text, binding);
            }
            // The body must not see the columns of the caller.
            let result = b.apart(|b| b.body(&closure.function.body));
            b.environment.leave(back);
            if closure.saved.is_some() {
                b.active.pop();
                b.called_at = outside;
            }
            Some(result)
        });
        result.flatten().unwrap_or(Meaning::Scalar(None))
    }

    /// Enters the body of a function of the scope, unless it is in it already; gives where mistakes were told before.
    fn begin_saved(&mut self, closure: &Closure, span: Span) -> Option<Option<Span>> {
        let Some(saved) = &closure.saved else {
            return Some(self.called_at);
        };
        if let Some(first) = self.active.iter().position(|name| *name == saved.name) {
            let mut circle: Vec<_> = self.active[first..].to_vec();
            circle.push(saved.name.clone());
            let message = format!("A function calls itself: {}", circle.join(", "));
            self.error("BZ120", span, message);
            return None;
        }
        let outside = self.called_at;
        // Inside another one of the scope, the place is that other one's.
        self.called_at = outside.or(Some(span));
        self.active.push(saved.name.clone());
        Some(outside)
    }

    /// The value of a parameter that no argument was given for, as the function's own surroundings have it.
    fn default(&mut self, parameter: &ast::ParameterDeclaration) -> Binding {
        let ParameterKind::Scalar {
            ty,
            default: Some(default),
        } = &parameter.kind
        else {
            return Binding::Scalar(None);
        };
        let ty = self.type_named(ty);
        let value = self.apart(|b| b.scalar(default, Rows::NONE));
        Binding::Scalar(value.and_then(|v| Some(Rc::new(coerce(v, ty?)))))
    }

    /// The arguments of a call, in the order of the parameters; none for a parameter that has a default and no argument.
    fn bind_parameters(
        &mut self,
        name: &str,
        parameters: &[ast::ParameterDeclaration],
        arguments: &[ast::Argument],
        input: Option<Relation>,
        rows: Rows<'_>,
        span: Span,
    ) -> Option<Vec<Option<Binding>>> {
        let piped = usize::from(input.is_some());
        let required = parameters
            .iter()
            .filter(|p| {
                !matches!(
                    p.kind,
                    ParameterKind::Scalar {
                        default: Some(_),
                        ..
                    }
                )
            })
            .count();
        let given = arguments.len() + piped;
        if given > parameters.len() || given < required {
            let most = parameters.len() - piped.min(parameters.len());
            let least = required.saturating_sub(piped);
            let (code, expected) = if most == least {
                (
                    "KS119",
                    format!("{most} argument{}", if most == 1 { "" } else { "s" }),
                )
            } else {
                ("KS119", format!("between {least} and {most} arguments"))
            };
            let message = format!(
                "The function '{name}' expects {expected}, not {}",
                arguments.len()
            );
            self.error(code, span, message);
            return None;
        }
        let places = self.places(name, parameters, arguments, piped)?;
        let mut input = input;
        let mut bound = Vec::with_capacity(parameters.len());
        for (parameter, argument) in parameters.iter().zip(places) {
            if let Some(relation) = input.take() {
                let piped = Meaning::Tabular(relation, None);
                bound.push(Some(self.table_argument(parameter, piped, span)?));
                continue;
            }
            bound.push(Some(match (&parameter.kind, argument) {
                (ParameterKind::Tabular { .. }, Some(argument)) => {
                    let meaning = self.meaning(&argument.value, rows);
                    self.table_argument(parameter, meaning, argument.value.span)?
                }
                (ParameterKind::Scalar { ty, .. }, Some(argument)) => {
                    let ty = self.type_named(ty);
                    let value = self.scalar(&argument.value, rows);
                    Binding::Scalar(value.and_then(|v| Some(Rc::new(coerce(v, ty?)))))
                }
                (
                    ParameterKind::Scalar {
                        default: Some(_), ..
                    },
                    None,
                ) => {
                    bound.push(None);
                    continue;
                }
                (_, None) => {
                    let parameter = &parameter.name.text;
                    let message = format!("The argument for parameter '{parameter}' is missing");
                    self.error("KS197", span, message);
                    return None;
                }
            }));
        }
        Some(bound)
    }

    /// Which argument each parameter gets: by its name, or by its place as long as none before was named out of order.
    fn places<'a>(
        &mut self,
        function: &str,
        parameters: &[ast::ParameterDeclaration],
        arguments: &'a [ast::Argument],
        piped: usize,
    ) -> Option<Vec<Option<&'a ast::Argument>>> {
        let mut places = vec![None; parameters.len()];
        let mut unordered = false;
        for (at, argument) in (piped..).zip(arguments) {
            let span = argument.value.span;
            let (place, span) = match &argument.name {
                Some(name) => (self.parameter_named(function, parameters, name)?, name.span),
                None if unordered => {
                    let message = "All arguments after an unordered named argument must be named";
                    self.error("KS195", span, message);
                    return None;
                }
                None => (at, span),
            };
            unordered |= place != at;
            if place < piped || places[place].is_some() {
                let twice = &parameters[place].name.text;
                let message =
                    format!("The function '{function}' gets the parameter '{twice}' twice");
                self.error("BZ121", span, message);
                return None;
            }
            places[place] = Some(argument);
        }
        Some(places)
    }

    /// The place of the parameter that an argument names.
    fn parameter_named(
        &mut self,
        function: &str,
        parameters: &[ast::ParameterDeclaration],
        name: &ast::Name,
    ) -> Option<usize> {
        let known = || parameters.iter().map(|p| p.name.text.as_str());
        let place = known().position(|parameter| parameter == name.text);
        if place.is_none() {
            let message = format!(
                "The argument name '{}' does not refer to a declared parameter of '{function}'",
                name.text
            );
            let advice = closest(&name.text, known()).map_or_else(
                || format!("Its parameters: {}", known().collect::<Vec<_>>().join(", ")),
                str::to_owned,
            );
            self.report(Diagnostic::error("KS196", name.span, message).with_suggestion(advice));
        }
        place
    }

    /// Rows for a tabular parameter; they must have the declared columns.
    fn table_argument(
        &mut self,
        parameter: &ast::ParameterDeclaration,
        meaning: Meaning,
        span: Span,
    ) -> Option<Binding> {
        let Meaning::Tabular(relation, _) = meaning else {
            if matches!(meaning, Meaning::Scalar(Some(_))) {
                self.error("KS111", span, "Tabular value expected");
            }
            return None;
        };
        if let ParameterKind::Tabular { columns, .. } = &parameter.kind
            && !relation.open
        {
            for wanted in columns {
                let ty = self.type_named(&wanted.ty)?;
                if !relation
                    .plan
                    .columns
                    .iter()
                    .any(|c| c.name == wanted.name.text && c.ty == ty)
                {
                    let message = format!(
                        "The tabular value does not have the required column '{}: {ty}'",
                        wanted.name.text
                    );
                    self.error("KS249", span, message);
                    return None;
                }
            }
        }
        Some(Binding::Tabular(Rc::new(relation)))
    }

    /// The statements and the result of a function's body.
    fn body(&mut self, body: &ast::FunctionBody) -> Meaning {
        for statement in &body.statements {
            self.statement(statement);
        }
        match body.result.as_deref() {
            Some(LetValue::Scalar(expr)) => self.meaning(expr, Rows::NONE),
            Some(LetValue::Tabular(tabular)) => Meaning::Tabular(self.tabular(tabular), None),
            Some(LetValue::Function(_)) | None => {
                self.failed = true;
                Meaning::Scalar(None)
            }
        }
    }

    /// Binds a body once with stand-ins, so that mistakes show in functions that are never called.
    pub(super) fn check_function(&mut self, closure: &Rc<Closure>) {
        let parameters = &closure.function.parameters;
        let back = self.environment.enter(closure.place);
        let shared = self.shared.len();
        let checking = std::mem::replace(&mut self.checking, true);
        for parameter in parameters {
            if let ParameterKind::Scalar {
                default: Some(default),
                ..
            } = &parameter.kind
            {
                self.nested(Weight::Application, default.span, |b| {
                    b.apart(|b| b.scalar(default, Rows::NONE))
                });
            }
        }
        for parameter in parameters {
            let binding = match &parameter.kind {
                ParameterKind::Scalar { ty, .. } => {
                    // A column, not a constant: nothing may be folded away.
                    let stand_in = self.type_named(ty).map(|ty| Rc::new(stand_in(ty)));
                    Binding::Scalar(stand_in)
                }
                ParameterKind::Tabular { open, columns } => {
                    let declared: Vec<_> = columns
                        .iter()
                        .map(|c| {
                            let ty = self.type_named(&c.ty);
                            self.column(c.name.text.clone(), ty.unwrap_or(Type::Dynamic))
                        })
                        .collect();
                    let plan = Plan {
                        node: Node::DataTable { rows: Vec::new() },
                        columns: declared,
                    };
                    // The columns that `(*)` stands for cannot be named in the body.
                    let open = *open && !columns.is_empty();
                    Binding::Tabular(Rc::new(Relation { plan, open }))
                }
            };
            if !self.environment.declare(&parameter.name.text, binding) {
                let message = format!(
                    "A variable with the name '{}' has already been declared",
                    parameter.name.text
                );
                self.error("KS201", parameter.name.span, message);
            }
        }
        self.nested(Weight::Application, closure.function.span, |b| {
            b.apart(|b| b.body(&closure.function.body))
        });
        self.shared.truncate(shared);
        self.checking = checking;
        self.environment.leave(back);
    }

    /// Runs `inner` without the collections of the operator around it.
    pub(super) fn apart<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        let aggregates = std::mem::take(&mut self.aggregates);
        let windows = self.windows.take();
        let pattern = self.pattern.take();
        let operator = self.operator;
        let result = inner(self);
        self.pattern = pattern;
        self.aggregates = aggregates;
        self.windows = windows;
        self.operator = operator;
        result
    }
}

fn stand_in(ty: Type) -> Expr {
    let value = if ty == Type::String {
        Value::String(String::new())
    } else {
        Value::Null
    };
    let inner = literal(value, ty);
    // A cast to its own type keeps the stand-in from being taken for a constant.
    Expr {
        kind: ExprKind::Cast(Box::new(inner)),
        ty,
    }
}
