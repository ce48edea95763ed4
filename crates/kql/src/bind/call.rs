//! Calls of functions: choosing the signature, checking and converting the arguments.

use crate::ast::{self, TypeSpec};
use crate::bound::{Expr, ExprKind, ScalarFn, Value};
use crate::catalogue::{self, Becomes, ResultType, ScalarFunction, Signature, Special, Target};
use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::types::Type;

use super::accept::{advice, refusal};
use super::convert::{self, coerce, promoted};
use super::environment::Binding;
use super::expr::Meaning;
use super::{Binder, Rows, literal, reference, several, suggest};

/// The periods that functions of the calendar know; some only `datetime_part` (true) or only the others (false).
const PERIODS: [(&str, Option<bool>); 13] = [
    ("year", None),
    ("quarter", None),
    ("month", None),
    ("week", Some(false)),
    ("week_of_year", Some(true)),
    ("day", None),
    ("dayofyear", Some(true)),
    ("hour", None),
    ("minute", None),
    ("second", None),
    ("millisecond", None),
    ("microsecond", None),
    ("nanosecond", None),
];

/// An argument after binding.
pub(super) enum Argument {
    /// A value.
    Value(Expr),
    /// `typeof(…)`.
    Type(Type),
}

impl Argument {
    fn ty(&self) -> &'static str {
        match self {
            Argument::Value(value) => value.ty.name(),
            Argument::Type(_) => "type",
        }
    }
}

/// Arguments that fit a signature.
pub(super) struct Fitted {
    /// The values, as they were.
    pub(super) values: Vec<Expr>,
    /// The signature.
    pub(super) signature: &'static Signature,
    /// The type of the call.
    pub(super) ty: Type,
}

impl Fitted {
    /// The values, cast as the signature wants them.
    pub(super) fn converted(self) -> Vec<Expr> {
        let ty = self.ty;
        let signature = self.signature;
        let convert = |(i, value): (usize, Expr)| match signature.param(i).map(|p| p.becomes) {
            Some(Becomes::This(to)) => coerce(value, to),
            Some(Becomes::Result) => coerce(value, ty),
            Some(Becomes::Same) | None => value,
        };
        self.values.into_iter().enumerate().map(convert).collect()
    }
}

impl Binder<'_> {
    /// A call where a value is wanted.
    pub(super) fn call(&mut self, call: &ast::Call, rows: Rows<'_>) -> Option<Expr> {
        let name = call.name.text.as_str();
        if let Some(Binding::Function(closure)) = self.environment.find(name).cloned() {
            return match self.apply(name, &closure, &call.arguments, None, rows, call.span) {
                Meaning::Scalar(value) => value,
                Meaning::Tabular(..) => {
                    self.error(
                        "KS108",
                        call.span,
                        format!("'{name}' gives a table: scalar value expected"),
                    );
                    None
                }
            };
        }
        if let Some(found) = self.pattern_function(call, rows) {
            return found;
        }
        match name {
            "toscalar" => return self.first_value(call),
            "column_names_of" => return self.column_names(call),
            "materialize" | "table" => {
                self.error(
                    "KS108",
                    call.span,
                    format!("'{name}' gives a table: scalar value expected"),
                );
                return None;
            }
            _ => {}
        }
        // `hll_merge` of one value is an aggregate, of several a scalar function.
        let several = call.arguments.len() > 1 && catalogue::scalar_function(name).is_some();
        let aggregate = catalogue::aggregate_function(name).filter(|_| !several);
        match (rows.aggregates, aggregate) {
            (Some(input), Some(function)) => {
                let input = Rows {
                    columns: input,
                    open: rows.open,
                    aggregates: None,
                };
                let found = self.aggregate(call, function, input)?;
                let value = reference(found.outputs.first()?);
                self.aggregates.push(found);
                return Some(value);
            }
            (None, Some(_)) => {
                let message = format!(
                    "{}The aggregate function '{name}' is not allowed here",
                    self.prefix()
                );
                let error = Diagnostic::error("KS144", call.span, message);
                self.report(error.with_suggestion("Aggregates stand in summarize, before its by"));
                return None;
            }
            _ => {}
        }
        match catalogue::scalar_function(name) {
            Some(function) => self.scalar_call(call, function, rows),
            None => {
                self.unknown_function(call, rows);
                None
            }
        }
    }

    fn name_unknown(&mut self, call: &ast::Call, rows: Rows<'_>) {
        let unknown = match catalogue::missing(&call.name.text) {
            Some(reason) => format!("'{}' is not supported: {reason}", call.name.text),
            None => format!("Unknown function: '{}'", call.name.text),
        };
        let mut diagnostic = Diagnostic::error("KS211", call.name.span, unknown);
        let aggregates = catalogue::aggregate_functions()
            .map(|f| f.name)
            .filter(|_| rows.aggregates.is_some());
        let names = catalogue::scalar_functions()
            .flat_map(|f| std::iter::once(&f.name).chain(f.aliases))
            .copied();
        let variables = self.environment.visible();
        let variables = variables
            .iter()
            .filter(|(_, b)| matches!(b, Binding::Function(_)))
            .map(|(name, _)| *name);
        let name = &call.name.text;
        let near = suggest::closest(name, names.chain(aggregates).chain(variables));
        // Another language's name is not misspelt, but for the case of its letters it may be one of ours.
        let own = near.filter(|near| near.eq_ignore_ascii_case(name));
        let own = own.map(str::to_owned);
        let habit = own.or_else(|| habit::function(name));
        diagnostic.suggestion = habit.or_else(|| near.map(str::to_owned));
        self.report(diagnostic);
    }

    /// Says that a function is not known; its arguments are looked at all the same.
    pub(super) fn unknown_function(&mut self, call: &ast::Call, rows: Rows<'_>) {
        if self.said_enough() {
            self.failed = true;
        } else {
            self.name_unknown(call, rows);
        }
        let rows = Rows {
            columns: rows.aggregates.unwrap_or(rows.columns),
            aggregates: None,
            ..rows
        };
        for argument in &call.arguments {
            if !matches!(
                argument.value.kind,
                ast::ExprKind::Star | ast::ExprKind::TypeOf(_)
            ) {
                self.meaning(&argument.value, rows);
            }
        }
    }

    fn scalar_call(
        &mut self,
        call: &ast::Call,
        function: &'static ScalarFunction,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        if let Target::Special(special) = function.target
            && let [only] = call.arguments.as_slice()
            && matches!(only.value.kind, ast::ExprKind::Star)
        {
            match special {
                Special::PackArray => return Some(self.pack_columns(rows)),
                Special::EstimateDataSize => return Some(self.data_size_of_columns(rows)),
                _ => {}
            }
        }
        let pending = self.windows.as_ref().map_or(0, Vec::len);
        let fitted = self.fitted(call, function, rows)?;
        match function.target {
            Target::Cast(ty) => {
                let value = fitted.values.into_iter().next()?;
                // An explicit conversion may lose digits, so constants are not folded here.
                Some(if value.ty == ty {
                    value
                } else {
                    Expr {
                        kind: ExprKind::Cast(Box::new(value)),
                        ty,
                    }
                })
            }
            Target::Function(target) if several::arrays(function, &fitted.values) > 1 => {
                self.first_result(target, &[("", Type::Dynamic)], fitted.converted())
            }
            Target::Function(function) => {
                let ty = fitted.ty;
                let spans: Vec<_> = call.arguments.iter().map(|a| a.value.span).collect();
                self.check_period(function, &fitted.values, &spans)?;
                self.check_expression_of(function, &fitted.values, &call.arguments);
                let args = with_defaults(function, fitted.converted());
                Some(Expr {
                    kind: ExprKind::Call { function, args },
                    ty,
                })
            }
            Target::Several(function, results) => {
                self.first_result(function, results, fitted.converted())
            }
            Target::Window(function) => self.window(call, function, fitted, pending, rows),
            Target::Special(special) => self.special(special, call, fitted, rows),
        }
    }

    /// The bound arguments of a call of a scalar function, with the signature that they fit.
    pub(super) fn fitted(
        &mut self,
        call: &ast::Call,
        function: &'static ScalarFunction,
        rows: Rows<'_>,
    ) -> Option<Fitted> {
        let arguments = self.arguments(&call.arguments, rows)?;
        let spans: Vec<_> = call.arguments.iter().map(|a| a.value.span).collect();
        self.fit(
            &call.name.text,
            function.signatures,
            arguments,
            call.span,
            &spans,
        )
    }

    /// Binds arguments; all of them, even after a mistake.
    pub(super) fn arguments(
        &mut self,
        arguments: &[ast::Argument],
        rows: Rows<'_>,
    ) -> Option<Vec<Argument>> {
        let bound: Vec<_> = arguments
            .iter()
            .map(|argument| self.argument(&argument.value, rows))
            .collect();
        bound.into_iter().collect()
    }

    fn argument(&mut self, value: &ast::Expr, rows: Rows<'_>) -> Option<Argument> {
        match &value.kind {
            ast::ExprKind::TypeOf(TypeSpec::Scalar(name)) => {
                self.type_named(name).map(Argument::Type)
            }
            _ => self.scalar(value, rows).map(Argument::Value),
        }
    }

    /// The type that a name stands for, or a message.
    pub(super) fn type_named(&mut self, name: &ast::Name) -> Option<Type> {
        let ty = Type::from_name(&name.text);
        if ty.is_none() {
            let mut diagnostic = Diagnostic::error(
                "KS160",
                name.span,
                format!("The name '{}' is not a valid type", name.text),
            );
            if let Some(near) = suggest::closest(&name.text, Type::ALL.iter().map(|t| t.name())) {
                diagnostic = diagnostic.with_suggestion(near);
            }
            self.report(diagnostic);
        }
        ty
    }

    /// Chooses the signature that takes the arguments, or reports why none does.
    pub(super) fn fit(
        &mut self,
        name: &str,
        signatures: &'static [Signature],
        arguments: Vec<Argument>,
        span: Span,
        spans: &[Span],
    ) -> Option<Fitted> {
        let candidates: Vec<_> = signatures
            .iter()
            .filter(|s| s.takes(arguments.len()))
            .collect();
        let signature = match candidates.as_slice() {
            [] => {
                self.wrong_count(name, signatures, arguments.len(), span);
                return None;
            }
            [only] => {
                for (i, argument) in arguments.iter().enumerate() {
                    let problem = only.param(i).and_then(|param| refusal(param, argument));
                    if let Some((code, message)) = problem {
                        let at = spans.get(i).copied().unwrap_or(span);
                        let message = format!("{}{message}", self.prefix());
                        let mut error = Diagnostic::error(code, at, message);
                        let advice = only.param(i).and_then(|param| advice(param, argument));
                        error.suggestion = advice.map(str::to_owned);
                        self.report(error);
                        return None;
                    }
                }
                *only
            }
            several => {
                let fits = |s: &&&'static Signature| {
                    arguments
                        .iter()
                        .enumerate()
                        .all(|(i, a)| s.param(i).is_some_and(|p| refusal(p, a).is_none()))
                };
                match several.iter().find(fits) {
                    Some(signature) => signature,
                    None => {
                        let types: Vec<_> = arguments.iter().map(Argument::ty).collect();
                        let types = types.join(", ");
                        let message = format!(
                            "{}The function '{name}' cannot be called with ({types})",
                            self.prefix()
                        );
                        self.error("KS127", span, message);
                        return None;
                    }
                }
            }
        };
        let Some(ty) = result_type(signature, &arguments) else {
            let message = format!(
                "{}The arguments of '{name}' have no common type",
                self.prefix()
            );
            self.error("KS232", span, message);
            return None;
        };
        let values = arguments.into_iter().filter_map(|a| {
            if let Argument::Value(v) = a {
                Some(v)
            } else {
                None
            }
        });
        Some(Fitted {
            values: values.collect(),
            signature,
            ty,
        })
    }

    fn wrong_count(&mut self, name: &str, signatures: &[Signature], given: usize, span: Span) {
        let least = signatures.iter().map(|s| s.required).min().unwrap_or(0);
        let most = signatures
            .iter()
            .map(Signature::most)
            .max_by_key(|most| most.unwrap_or(usize::MAX))
            .flatten();
        let most = if signatures.iter().any(|s| s.most().is_none()) {
            None
        } else {
            most
        };
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        let (code, expected) = match most {
            Some(most) if most == least => ("KS119", format!("{least} argument{}", plural(least))),
            Some(most) => ("KS119", format!("between {least} and {most} arguments")),
            None if given < least => (
                "KS120",
                format!("at least {least} argument{}", plural(least)),
            ),
            None => ("KS121", "another number of arguments".to_owned()),
        };
        let message = format!(
            "{}The function '{name}' expects {expected}, not {given}",
            self.prefix()
        );
        self.error(code, span, message);
    }

    /// The first argument of the functions of calendar periods is one of a few words.
    fn check_period(&mut self, function: ScalarFn, values: &[Expr], spans: &[Span]) -> Option<()> {
        let part = match function {
            ScalarFn::DatetimeDiff | ScalarFn::DatetimeAdd => false,
            ScalarFn::DatetimePart => true,
            _ => return Some(()),
        };
        let Some(ExprKind::Literal(Value::String(word))) = values.first().map(|v| &v.kind) else {
            return Some(());
        };
        let allowed = PERIODS
            .iter()
            .filter(|(_, only)| only.is_none_or(|only| only == part));
        let allowed: Vec<_> = allowed.map(|(name, _)| *name).collect();
        if allowed.iter().any(|a| a.eq_ignore_ascii_case(word)) {
            return Some(());
        }
        let span = spans.first().copied().unwrap_or_default();
        let message = format!(
            "{}The period must be one of: {}",
            self.prefix(),
            allowed.join(", ")
        );
        self.error("KS140", span, message);
        None
    }

    /// `column_names_of(rows)`: known without running anything.
    fn column_names(&mut self, call: &ast::Call) -> Option<Expr> {
        let [only] = call.arguments.as_slice() else {
            let message = "The function 'column_names_of' expects 1 argument";
            self.error("KS119", call.span, message);
            return None;
        };
        match self.apart(|b| b.meaning(&only.value, Rows::NONE)) {
            Meaning::Tabular(relation, _) => {
                let names = relation.plan.columns.iter();
                let names: Vec<_> = names.map(|c| convert::json_string(&c.name)).collect();
                let names = Value::Dynamic(format!("[{}]", names.join(",")));
                Some(literal(names, Type::Dynamic))
            }
            Meaning::Scalar(_) => {
                let message = "'column_names_of' wants a table: tabular value expected";
                self.error("KS109", call.span, message);
                None
            }
        }
    }

    /// `toscalar(rows)` or `toscalar(value)`.
    fn first_value(&mut self, call: &ast::Call) -> Option<Expr> {
        let [only] = call.arguments.as_slice() else {
            self.error(
                "KS119",
                call.span,
                format!(
                    "The function 'toscalar' expects 1 argument, not {}",
                    call.arguments.len()
                ),
            );
            return None;
        };
        match self.apart(|b| b.meaning(&only.value, Rows::NONE)) {
            Meaning::Scalar(value) => value,
            Meaning::Tabular(relation, _) => {
                let id = self.column_of(relation, None, only.value.span)?;
                let ty = self.shared[id.0 as usize].columns[0].ty;
                Some(Expr {
                    kind: ExprKind::SharedScalar(id),
                    ty,
                })
            }
        }
    }
}

/// The type of a call, or none when the arguments have no type in common.
fn result_type(signature: &Signature, arguments: &[Argument]) -> Option<Type> {
    let ty = |i: usize| match arguments.get(i) {
        Some(Argument::Value(value)) => Some(value.ty),
        _ => None,
    };
    let types = || {
        arguments.iter().filter_map(|a| {
            if let Argument::Value(v) = a {
                Some(v.ty)
            } else {
                None
            }
        })
    };
    match signature.result {
        ResultType::Is(ty) => Some(ty),
        ResultType::Argument(i) => ty(i),
        ResultType::Promoted(i) => ty(i).map(promoted),
        ResultType::Widest => types().try_fold(Type::Long, Type::widest),
        ResultType::Common => match signature.params.last().map(|p| p.becomes) {
            Some(Becomes::Result) => convert::common(types()),
            // `iff` and `case` look at their branches themselves.
            _ => Some(Type::Dynamic),
        },
        ResultType::TypeLiteral(i) => match arguments.get(i) {
            Some(Argument::Type(ty)) => Some(*ty),
            _ => None,
        },
    }
}

/// Fills in what the documentation says is the default.
fn with_defaults(function: ScalarFn, mut args: Vec<Expr>) -> Vec<Expr> {
    use ScalarFn::{
        CountOf, EndOfDay, EndOfMonth, EndOfWeek, EndOfYear, StartOfDay, StartOfMonth, StartOfWeek,
        StartOfYear,
    };
    match function {
        StartOfDay | StartOfWeek | StartOfMonth | StartOfYear | EndOfDay | EndOfWeek
        | EndOfMonth | EndOfYear
            if args.len() == 1 =>
        {
            args.push(literal(Value::Long(0), Type::Long));
        }
        CountOf if args.len() == 2 => {
            args.push(literal(Value::String("normal".to_owned()), Type::String))
        }
        _ => {}
    }
    args
}
