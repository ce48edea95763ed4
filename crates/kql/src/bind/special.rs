//! Functions that are written with other nodes of the bound tree.

use crate::ast;
use crate::bound::{BinaryOp, Expr, ExprKind, ScalarFn, Value};
use crate::catalogue::{ShapeFn, Special};
use crate::diagnostic::Diagnostic;
use crate::types::Type;

use super::call::Fitted;
use super::convert::{coerce, common_or_dynamic};
use super::expr::{binary, negated};
use super::naming::name_of;
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
            Special::IngestionTime => {
                let message =
                    "ingestion_time() is null in every row: when rows were taken in is not kept";
                let warning = Diagnostic::warning("BZ203", call.span, message);
                self.report(warning.with_suggestion("Timestamp says when it happened"));
                function(ScalarFn::IngestionTime, Vec::new(), ty)
            }
            Special::Ago => binary(
                BinaryOp::Sub,
                now(),
                fitted.converted().into_iter().next()?,
                ty,
            ),
            Special::MakeDatetime => made(ScalarFn::MakeDatetime, fitted)?,
            Special::MakeTimespan => made(ScalarFn::MakeTimespan, fitted)?,
            Special::LegacyReplace => {
                // The expression is the first argument here.
                self.check_expression_argument(0, &fitted.values, &call.arguments);
                let mut args = fitted.converted();
                // (regex, rewrite, text) becomes (text, regex, rewrite).
                args.rotate_right(1);
                function(ScalarFn::ReplaceRegex, args, ty)
            }
            Special::WithTypeLiteral(name) => {
                self.check_expression_of(name, &fitted.values, &call.arguments);
                let own = match name {
                    ScalarFn::Sketch(_) => Type::Dynamic,
                    _ => Type::String,
                };
                let text = function(name, fitted.converted(), own);
                if ty == own {
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
            Special::BagPackColumns => return self.bag_pack_columns(call, fitted),
            Special::EstimateDataSize => data_size(fitted.values),
            Special::Around => return around(fitted.values),
            Special::BinAuto => return self.bin_auto(call, fitted),
        })
    }

    /// `bag_pack_columns(a, b)` is `bag_pack("a", a, "b", b)`.
    fn bag_pack_columns(&mut self, call: &ast::Call, fitted: Fitted) -> Option<Expr> {
        let mut args = Vec::with_capacity(fitted.values.len() * 2);
        for (argument, value) in call.arguments.iter().zip(fitted.values) {
            let Some(name) = name_of(&argument.value) else {
                let message = format!("{}A column expected", self.prefix());
                self.error("KS102", argument.value.span, message);
                return None;
            };
            args.push(literal(Value::String(name), Type::String));
            args.push(coerce(value, Type::Dynamic));
        }
        Some(function(ScalarFn::BagPack, args, Type::Dynamic))
    }

    /// `estimate_data_size(*)`.
    pub(super) fn data_size_of_columns(&mut self, rows: Rows<'_>) -> Expr {
        data_size(rows.columns.iter().map(reference).collect())
    }

    /// `bin_auto(value)`: a `bin_at` of the size and the fixed point that `set` statements gave.
    fn bin_auto(&mut self, call: &ast::Call, fitted: Fitted) -> Option<Expr> {
        let ty = fitted.ty;
        let value = fitted.values.into_iter().next()?;
        let size_type = match ty {
            Type::DateTime => Type::TimeSpan,
            _ => ty,
        };
        let Some(size) = self.options.get("query_bin_auto_size").cloned() else {
            let message = "bin_auto() needs the size of its bins: set query_bin_auto_size = …;";
            self.error("BZ110", call.span, message);
            return None;
        };
        let size = coerce(size, size_type);
        Some(match self.options.get("query_bin_auto_at").cloned() {
            Some(at) => function(ScalarFn::BinAt, vec![value, size, coerce(at, ty)], ty),
            None => function(ScalarFn::Bin, vec![value, size], ty),
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
            None => {
                self.missing.insert(call.span);
                Some(default)
            }
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

fn data_size(values: Vec<Expr>) -> Expr {
    function(
        ScalarFn::Shape(ShapeFn::EstimateDataSize),
        values,
        Type::Long,
    )
}

/// `value >= centre - distance and value <= centre + distance`.
fn around(values: Vec<Expr>) -> Option<Expr> {
    let [value, centre, distance] = <[Expr; 3]>::try_from(values).ok()?;
    let [value, centre, distance] = match value.ty {
        Type::DateTime | Type::TimeSpan => [value, centre, distance],
        ty => {
            let wide = ty.widest(centre.ty)?.widest(distance.ty)?;
            [value, centre, distance].map(|v| coerce(v, wide))
        }
    };
    let ty = centre.ty;
    let from = binary(BinaryOp::Sub, centre.clone(), distance.clone(), ty);
    let to = binary(BinaryOp::Add, centre, distance, ty);
    Some(Expr {
        kind: ExprKind::And(vec![
            binary(BinaryOp::Ge, value.clone(), from, Type::Bool),
            binary(BinaryOp::Le, value, to, Type::Bool),
        ]),
        ty: Type::Bool,
    })
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
