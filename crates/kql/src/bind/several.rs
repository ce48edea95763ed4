//! Functions with several results, such as `series_stats`: one column for each.
//!
//! The bound tree has one call that gives an array of the results; every column takes its element.

use std::borrow::Cow;

use crate::ast::{self, ExprKind, NamedExpr};
use crate::bound::{Expr, ExprKind as Bound, PathStep, ScalarFn};
use crate::catalogue::{self, ScalarFunction, Target};
use crate::types::Type;

use super::naming::name_of_argument;
use super::{Binder, Rows};

/// The results of a function: what is added to their names, and their types.
type Results = &'static [(&'static str, Type)];

/// How many arrays a sorting function got: of several it gives as many.
pub(super) fn arrays(function: &ScalarFunction, values: &[Expr]) -> usize {
    match function.target {
        Target::Function(ScalarFn::ArraySortAsc | ScalarFn::ArraySortDesc) => {
            values.iter().filter(|v| v.ty == Type::Dynamic).count()
        }
        _ => 0,
    }
}

impl Binder<'_> {
    /// An item with its value; of a function with several results an item for each.
    pub(super) fn parts<'i>(
        &mut self,
        item: &'i NamedExpr,
        rows: Rows<'_>,
    ) -> Vec<(Cow<'i, NamedExpr>, Option<Expr>)> {
        if let Some(sorted) = self.sorted_arrays(item, rows) {
            return sorted;
        }
        let Some((call, function, results)) = self.several_call(&item.expr) else {
            let bound = self.scalar(&item.expr, rows);
            return vec![(Cow::Borrowed(item), bound)];
        };
        if item.names.len() > results.len() {
            let message = format!(
                "{}The function '{}' has {} results",
                self.prefix(),
                call.name.text,
                results.len()
            );
            self.error("KS149", item.span, message);
        }
        let packed = self.packed(call, function, rows);
        let first = call.arguments.first().and_then(name_of_argument);
        let stem = format!("{}_{}", call.name.text, first.unwrap_or_default());
        let parts = results.iter().enumerate().map(|(i, (suffix, ty))| {
            let value = packed.as_ref().map(|p| element(p.clone(), i, *ty));
            let item = NamedExpr {
                names: item.names.get(i).cloned().into_iter().collect(),
                expr: path(&stem, suffix, item.expr.span),
                span: item.span,
            };
            (Cow::Owned(item), value)
        });
        parts.collect()
    }

    /// The arrays that a sorting function gives when it gets several, each under its own name.
    fn sorted_arrays<'i>(
        &mut self,
        item: &'i NamedExpr,
        rows: Rows<'_>,
    ) -> Option<Vec<(Cow<'i, NamedExpr>, Option<Expr>)>> {
        let (call, function) = self.sorting_call(&item.expr)?;
        let fitted = self.fitted(call, function, rows)?;
        let (Target::Function(target), count) = (function.target, arrays(function, &fitted.values))
        else {
            return None;
        };
        if count < 2 {
            return None;
        }
        let packed = whole(target, fitted.converted());
        let parts = call
            .arguments
            .iter()
            .take(count)
            .enumerate()
            .map(|(i, argument)| {
                let stem = name_of_argument(argument).unwrap_or_else(|| format!("array{i}"));
                let item = NamedExpr {
                    names: item.names.get(i).cloned().into_iter().collect(),
                    expr: path(&stem, "sorted", item.expr.span),
                    span: item.span,
                };
                (
                    Cow::Owned(item),
                    Some(element(packed.clone(), i, Type::Dynamic)),
                )
            });
        Some(parts.collect())
    }

    /// A call of a sorting function with more than one array.
    fn sorting_call<'e>(
        &self,
        expr: &'e ast::Expr,
    ) -> Option<(&'e ast::Call, &'static ScalarFunction)> {
        let ExprKind::Call(call) = &expr.kind else {
            return None;
        };
        let function = catalogue::scalar_function(&call.name.text)?;
        let sorts = matches!(
            function.target,
            Target::Function(ScalarFn::ArraySortAsc | ScalarFn::ArraySortDesc)
        );
        let flag =
            |a: &ast::Argument| matches!(a.value.kind, ExprKind::Literal(ast::Literal::Bool(_)));
        let several = call.arguments.iter().filter(|a| !flag(a)).count() > 1;
        (sorts && several && self.environment.find(&call.name.text).is_none())
            .then_some((call, function))
    }

    /// What a path walks into: of a function with several results all of them, as an array.
    pub(super) fn path_base(&mut self, expr: &ast::Expr, rows: Rows<'_>) -> Option<Expr> {
        if let Some((call, function, _)) = self.several_call(expr) {
            return self.packed(call, function, rows);
        }
        if let Some((call, function)) = self.sorting_call(expr) {
            let fitted = self.fitted(call, function, rows)?;
            if let (Target::Function(target), true) =
                (function.target, arrays(function, &fitted.values) > 1)
            {
                return Some(whole(target, fitted.converted()));
            }
            return self.scalar(expr, rows);
        }
        self.scalar(expr, rows)
    }

    /// The value of a call where one value is wanted: the first result.
    pub(super) fn first_result(
        &mut self,
        function: ScalarFn,
        results: Results,
        args: Vec<Expr>,
    ) -> Option<Expr> {
        let (_, ty) = results.first()?;
        Some(element(whole(function, args), 0, *ty))
    }

    fn several_call<'e>(
        &self,
        expr: &'e ast::Expr,
    ) -> Option<(&'e ast::Call, &'static ScalarFunction, Results)> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.several_call(inner),
            ExprKind::Call(call) if self.environment.find(&call.name.text).is_none() => {
                let function = catalogue::scalar_function(&call.name.text)?;
                match function.target {
                    Target::Several(_, results) => Some((call, function, results)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The array of a call's results.
    fn packed(
        &mut self,
        call: &ast::Call,
        function: &'static ScalarFunction,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let Target::Several(target, _) = function.target else {
            return None;
        };
        let fitted = self.fitted(call, function, rows)?;
        Some(whole(target, fitted.converted()))
    }
}

fn whole(function: ScalarFn, args: Vec<Expr>) -> Expr {
    Expr {
        kind: Bound::Call { function, args },
        ty: Type::Dynamic,
    }
}

fn element(packed: Expr, index: usize, ty: Type) -> Expr {
    let steps = vec![PathStep::Index(index as i64)];
    let element = Expr {
        kind: Bound::Path {
            input: Box::new(packed),
            steps,
        },
        ty: Type::Dynamic,
    };
    if ty == Type::Dynamic {
        return element;
    }
    Expr {
        kind: Bound::Cast(Box::new(element)),
        ty,
    }
}

/// An expression whose own name is `stem_suffix`.
fn path(stem: &str, suffix: &str, span: crate::diagnostic::Span) -> ast::Expr {
    let name = |text: &str| ast::Name {
        text: text.to_owned(),
        span,
    };
    let object = ast::Expr {
        kind: ExprKind::Name(name(stem)),
        span,
    };
    ast::Expr {
        kind: ExprKind::Member {
            object: Box::new(object),
            name: name(suffix),
        },
        span,
    }
}
