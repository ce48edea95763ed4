//! Calls of window functions: their values are columns of a node below the expression.

use crate::ast;
use crate::bound::{Expr, ExprKind, Value, WindowCall, WindowFn};
use crate::diagnostic::Diagnostic;
use crate::types::Type;

use super::call::Fitted;
use super::convert::coerce;
use super::{Binder, Rows, literal, reference};

impl Binder<'_> {
    /// The column of a call; `pending` calls were there before its arguments were bound.
    pub(super) fn window(
        &mut self,
        call: &ast::Call,
        function: WindowFn,
        fitted: Fitted,
        pending: usize,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let ty = fitted.ty;
        let mut args = fitted.converted();
        if matches!(function, WindowFn::Prev | WindowFn::Next) {
            self.check_column_wanted(call, &args);
        }
        match function {
            WindowFn::RowNumber if args.is_empty() => {
                args.push(literal(Value::Long(1), Type::Long))
            }
            WindowFn::Prev | WindowFn::Next if args.len() == 1 => {
                args.push(literal(Value::Long(1), Type::Long))
            }
            _ => {}
        }
        if matches!(function, WindowFn::Prev | WindowFn::Next) && args.len() == 3 {
            args = args
                .into_iter()
                .enumerate()
                .map(|(i, a)| if i == 2 { coerce(a, ty) } else { a })
                .collect();
        }
        let output = self.column(call.name.text.clone(), ty);
        let problem = match &mut self.windows {
            // What stands beside aggregates has groups below it, and no longer rows to go along.
            Some(windows) if rows.aggregates.is_none() => {
                let value = reference(&output);
                let inner = windows[pending.min(windows.len())..].iter();
                let level = inner.map(|(level, _)| level + 1).max().unwrap_or(0);
                let call = WindowCall {
                    function,
                    args,
                    output,
                };
                windows.push((level, call));
                return Some(value);
            }
            _ => "is not allowed here",
        };
        let message = format!(
            "{}The window function '{}' {problem}",
            self.prefix(),
            call.name.text
        );
        self.error("KS144", call.span, message);
        None
    }

    /// Warns of a value that is not just a column: Microsoft's analyser refuses it, and the service takes it.
    fn check_column_wanted(&mut self, call: &ast::Call, args: &[Expr]) {
        let (Some(written), Some(bound)) = (call.arguments.first(), args.first()) else {
            return;
        };
        let named = matches!(written.value.kind, ast::ExprKind::Name(_));
        if !named || !matches!(bound.kind, ExprKind::Column(_)) {
            let message = format!("{}Column name expected", self.prefix());
            let advice = "Compute the value as a column before: editors refuse it here";
            let warning = Diagnostic::warning("KS109", written.value.span, message);
            self.report(warning.with_suggestion(advice));
        }
    }
}
