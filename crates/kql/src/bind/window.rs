//! Calls of window functions: their values are columns of a node below the expression.

use crate::ast;
use crate::bound::{Expr, Value, WindowCall, WindowFn};
use crate::types::Type;

use super::call::Fitted;
use super::convert::coerce;
use super::{Binder, literal, reference};

impl Binder<'_> {
    /// The column of a call; `pending` calls were there before its arguments were bound.
    pub(super) fn window(
        &mut self,
        call: &ast::Call,
        function: WindowFn,
        fitted: Fitted,
        pending: usize,
    ) -> Option<Expr> {
        let ty = fitted.ty;
        let mut args = fitted.converted();
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
            None => "is not allowed here",
            Some(windows) => {
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
        };
        let message = format!(
            "{}The window function '{}' {problem}",
            self.prefix(),
            call.name.text
        );
        self.error("KS144", call.span, message);
        None
    }
}
