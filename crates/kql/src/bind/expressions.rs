//! Regular expressions that are constant: what is wrong with them is told at their place, before anything runs.

use crate::ast;
use crate::bound::{Expr, ExprKind, ScalarFn, Value};
use crate::diagnostic::Span;

use super::Binder;

impl Binder<'_> {
    /// Looks at a value that is taken for a regular expression, if it is constant.
    pub(super) fn check_expression(&mut self, value: &Expr, span: Span) {
        if let ExprKind::Literal(Value::String(text)) = &value.kind {
            self.check_expression_text(text, span);
        }
    }

    /// Looks at the text of a regular expression.
    pub(super) fn check_expression_text(&mut self, text: &str, span: Span) {
        let Some(check) = self.scope.expression_check() else {
            return;
        };
        if !self.expressions.contains_key(text) {
            self.expressions.insert(text.to_owned(), check(text));
        }
        if let Some(Some(problem)) = self.expressions.get(text) {
            let message = format!(
                "{}The regular expression is not valid: {problem}",
                self.prefix()
            );
            self.error("BZ109", span, message);
        }
    }

    /// Looks at the argument of a function that is taken for a regular expression, if one is.
    pub(super) fn check_expression_of(
        &mut self,
        function: ScalarFn,
        values: &[Expr],
        arguments: &[ast::Argument],
    ) {
        if let Some(place) = expression_place(function) {
            self.check_expression_argument(place, values, arguments);
        }
    }

    /// Looks at an argument of a call that is taken for a regular expression.
    pub(super) fn check_expression_argument(
        &mut self,
        place: usize,
        values: &[Expr],
        arguments: &[ast::Argument],
    ) {
        if let (Some(value), Some(argument)) = (values.get(place), arguments.get(place)) {
            self.check_expression(value, argument.value.span);
        }
    }
}

/// Which argument a function takes for a regular expression. `countof` and `indexof_regex` are not among them: they
/// give null for what is none.
fn expression_place(function: ScalarFn) -> Option<usize> {
    match function {
        ScalarFn::Trim
        | ScalarFn::TrimStart
        | ScalarFn::TrimEnd
        | ScalarFn::Extract
        | ScalarFn::ExtractAll => Some(0),
        ScalarFn::ReplaceRegex => Some(1),
        _ => None,
    }
}
