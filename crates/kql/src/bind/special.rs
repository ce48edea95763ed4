//! Functions that are written with other nodes of the bound tree.

use crate::ast;
use crate::bound::{BinaryOp, Expr, ExprKind, ScalarFn, Value};
use crate::catalogue::Special;
use crate::types::Type;

use super::call::Fitted;
use super::convert::{coerce, common_or_dynamic};
use super::expr::{binary, negated};
use super::{Binder, Rows, literal, reference};

impl Binder<'_> {
    /// A call of a function that has no variant of its own.
    pub(super) fn special(
        &mut self,
        special: Special,
        call: &ast::Call,
        fitted: Fitted,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let ty = fitted.ty;
        Some(match special {
            Special::Not => negated(fitted.values.into_iter().next()?),
            Special::IsNotEmpty => negated(function(ScalarFn::IsEmpty, fitted.values, Type::Bool)),
            Special::IsNotNull => negated(function(ScalarFn::IsNull, fitted.values, Type::Bool)),
            Special::Iff | Special::Case => return self.case(call, fitted.values),
            Special::ColumnIfExists => return self.column_if_exists(call, fitted, rows),
            Special::Now => match fitted.converted().into_iter().next() {
                Some(offset) => binary(BinaryOp::Add, now(), offset, ty),
                None => now(),
            },
            Special::Ago => binary(
                BinaryOp::Sub,
                now(),
                fitted.converted().into_iter().next()?,
                ty,
            ),
            Special::MakeDatetime => made(ScalarFn::MakeDatetime, fitted)?,
            Special::MakeTimespan => made(ScalarFn::MakeTimespan, fitted)?,
            Special::LegacyReplace => {
                let mut args = fitted.converted();
                // (regex, rewrite, text) becomes (text, regex, rewrite).
                args.rotate_right(1);
                function(ScalarFn::ReplaceRegex, args, ty)
            }
            Special::WithTypeLiteral(name) => {
                let text = function(name, fitted.converted(), Type::String);
                if ty == Type::String {
                    text
                } else {
                    Expr {
                        kind: ExprKind::Cast(Box::new(text)),
                        ty,
                    }
                }
            }
            Special::PackArray => function(ScalarFn::PackArray, fitted.converted(), ty),
            Special::PackAll => self.pack_all(fitted, rows),
        })
    }

    fn case(&mut self, call: &ast::Call, mut values: Vec<Expr>) -> Option<Expr> {
        let otherwise = values.pop()?;
        let mut branches = Vec::with_capacity(values.len() / 2);
        let mut values = values.into_iter().enumerate();
        while let (Some((i, condition)), Some((_, value))) = (values.next(), values.next()) {
            if condition.ty != Type::Bool {
                let span = call.arguments.get(i).map_or(call.span, |a| a.value.span);
                let message = format!(
                    "{}A value of type bool expected, this one is {}",
                    self.prefix(),
                    condition.ty
                );
                self.error("KS107", span, message);
                return None;
            }
            branches.push((condition, value));
        }
        let ty = common_or_dynamic(branches.iter().map(|(_, v)| v.ty).chain([otherwise.ty]));
        let branches = branches
            .into_iter()
            .map(|(condition, value)| (condition, coerce(value, ty)))
            .collect();
        Some(Expr {
            kind: ExprKind::Case {
                branches,
                otherwise: Box::new(coerce(otherwise, ty)),
            },
            ty,
        })
    }

    /// `column_ifexists("name", default)`; as documented the name is a constant.
    fn column_if_exists(
        &mut self,
        call: &ast::Call,
        fitted: Fitted,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let mut values = fitted.values.into_iter();
        let (name, default) = (values.next()?, values.next()?);
        let ExprKind::Literal(Value::String(name)) = name.kind else {
            let span = call.arguments.first().map_or(call.span, |a| a.value.span);
            self.constant_wanted("KS103", span, "string");
            return None;
        };
        match rows.columns.iter().find(|c| c.name == name) {
            Some(column) => (!self.poisoned.contains(&column.id)).then(|| reference(column)),
            None => Some(default),
        }
    }

    /// `pack_array(*)`.
    pub(super) fn pack_columns(&mut self, rows: Rows<'_>) -> Expr {
        let args = rows
            .columns
            .iter()
            .map(|c| coerce(reference(c), Type::Dynamic))
            .collect();
        function(ScalarFn::PackArray, args, Type::Dynamic)
    }

    fn pack_all(&mut self, fitted: Fitted, rows: Rows<'_>) -> Expr {
        let mut args = Vec::with_capacity(rows.columns.len() * 2);
        for column in rows.columns {
            args.push(literal(Value::String(column.name.clone()), Type::String));
            args.push(coerce(reference(column), Type::Dynamic));
        }
        let skip = matches!(
            fitted.values.first().map(|v| &v.kind),
            Some(ExprKind::Literal(Value::Bool(true)))
        );
        let name = if skip {
            ScalarFn::BagPackNonEmpty
        } else {
            ScalarFn::BagPack
        };
        function(name, args, Type::Dynamic)
    }
}

fn now() -> Expr {
    function(ScalarFn::Now, Vec::new(), Type::DateTime)
}

fn function(function: ScalarFn, args: Vec<Expr>, ty: Type) -> Expr {
    Expr {
        kind: ExprKind::Call { function, args },
        ty,
    }
}

/// `make_datetime(text)` converts, with more arguments it composes.
fn made(name: ScalarFn, fitted: Fitted) -> Option<Expr> {
    let ty = fitted.ty;
    if fitted.values.len() == 1 {
        let value = fitted.values.into_iter().next()?;
        return Some(if value.ty == ty {
            value
        } else {
            Expr {
                kind: ExprKind::Cast(Box::new(value)),
                ty,
            }
        });
    }
    Some(function(name, fitted.converted(), ty))
}
