//! The binary operators: which types go together, and what comes out.

use crate::ast::{self, TextTest};
use crate::bound::{BinaryOp, Expr, ExprKind, StringOp, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::convert::{coerce, promoted};
use super::expr::{binary, negated};
use super::{Binder, Rows, literal, suggest};

impl Binder<'_> {
    /// An operator with its operands.
    pub(super) fn binary(
        &mut self,
        op: ast::BinaryOp,
        left: Expr,
        right: Expr,
        span: Span,
    ) -> Option<Expr> {
        let types = (left.ty, right.ty);
        let constant = [&left, &right]
            .iter()
            .any(|operand| matches!(operand.kind, ExprKind::Literal(_)));
        let result = match op {
            ast::BinaryOp::Add => add(left, right),
            ast::BinaryOp::Subtract => subtract(left, right),
            ast::BinaryOp::Multiply => multiply(left, right),
            ast::BinaryOp::Divide => divide(left, right),
            ast::BinaryOp::Modulo => modulo(left, right),
            ast::BinaryOp::Equal => Some(equal(BinaryOp::Eq, left, right)),
            ast::BinaryOp::NotEqual => Some(equal(BinaryOp::Ne, left, right)),
            ast::BinaryOp::Less => ordered(BinaryOp::Lt, left, right),
            ast::BinaryOp::LessOrEqual => ordered(BinaryOp::Le, left, right),
            ast::BinaryOp::Greater => ordered(BinaryOp::Gt, left, right),
            ast::BinaryOp::GreaterOrEqual => ordered(BinaryOp::Ge, left, right),
            ast::BinaryOp::EqualIgnoreCase => string_test(StringOp::Equals, false, left, right),
            ast::BinaryOp::NotEqualIgnoreCase => {
                string_test(StringOp::Equals, false, left, right).map(negated)
            }
            ast::BinaryOp::MatchesRegex => string_test(StringOp::MatchesRegex, true, left, right),
            ast::BinaryOp::SearchColumn => None,
            ast::BinaryOp::Text(text) => {
                let test = string_test(text_op(text.test), text.case_sensitive, left, right);
                if text.negated {
                    test.map(negated)
                } else {
                    test
                }
            }
        };
        if result.is_none() {
            let (a, b) = types;
            let message = format!(
                "{}The operator '{}' is not defined for the operand types {a} and {b}",
                self.prefix(),
                symbol(op)
            );
            let mut error = Diagnostic::error("KS106", span, message);
            error.suggestion = suggest::operands(op, types, constant).map(str::to_owned);
            self.report(error);
        }
        result
    }

    /// `value between (low .. high)`, written with `>=` and `<=`.
    pub(super) fn between(
        &mut self,
        not: bool,
        [value, low, high]: [&ast::Expr; 3],
        span: Span,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let bound = [
            self.scalar(value, rows),
            self.scalar(low, rows),
            self.scalar(high, rows),
        ];
        let [Some(value), Some(low), Some(mut high)] = bound else {
            return None;
        };
        // `t between (start .. 1d)` lasts a day from the start.
        if low.ty == Type::DateTime && high.ty == Type::TimeSpan {
            high = binary(BinaryOp::Add, low.clone(), high, Type::DateTime);
        }
        let types = (value.ty, low.ty, high.ty);
        let fits = |end: Type| match value.ty {
            Type::Dynamic => end.is_numeric() || end == Type::Dynamic,
            ty if ty.is_numeric() => end.is_numeric() || end == Type::Dynamic,
            ty => matches!(ty, Type::DateTime | Type::TimeSpan) && end == ty,
        };
        if !fits(low.ty) || !fits(high.ty) {
            let (v, l, h) = types;
            let message = format!(
                "{}The operator 'between' is not defined for the operand types {v}, {l} and {h}",
                self.prefix()
            );
            self.error("KS106", span, message);
            return None;
        }
        let from = ordered(BinaryOp::Ge, value.clone(), low)?;
        let to = ordered(BinaryOp::Le, value, high)?;
        let inside = Expr {
            kind: ExprKind::And(vec![from, to]),
            ty: Type::Bool,
        };
        Some(if not { negated(inside) } else { inside })
    }
}

pub(super) fn text_op(test: TextTest) -> StringOp {
    match test {
        TextTest::Has => StringOp::Has,
        TextTest::HasPrefix => StringOp::HasPrefix,
        TextTest::HasSuffix => StringOp::HasSuffix,
        TextTest::Contains => StringOp::Contains,
        TextTest::StartsWith => StringOp::StartsWith,
        TextTest::EndsWith => StringOp::EndsWith,
    }
}

/// Arithmetic on two numbers, or on a number and a dynamic value that takes the number's type.
fn numeric(op: BinaryOp, left: Expr, right: Expr) -> Option<Expr> {
    let ty = match (left.ty, right.ty) {
        (Type::Dynamic, Type::Dynamic) => {
            let real = binary(
                op,
                coerce(left, Type::Real),
                coerce(right, Type::Real),
                Type::Real,
            );
            return Some(coerce(real, Type::Dynamic));
        }
        (Type::Dynamic, other) | (other, Type::Dynamic) if other.is_numeric() => promoted(other),
        (a, b) => promoted(a.widest(b)?),
    };
    Some(binary(op, coerce(left, ty), coerce(right, ty), ty))
}

/// `op` with both operands cast.
fn cast(op: BinaryOp, left: Expr, left_ty: Type, right: Expr, right_ty: Type, ty: Type) -> Expr {
    binary(op, coerce(left, left_ty), coerce(right, right_ty), ty)
}

fn add(left: Expr, right: Expr) -> Option<Expr> {
    use Type::{DateTime, Dynamic, TimeSpan};
    Some(match (left.ty, right.ty) {
        (DateTime, TimeSpan | Dynamic | DateTime) => {
            cast(BinaryOp::Add, left, DateTime, right, TimeSpan, DateTime)
        }
        (TimeSpan | Dynamic, DateTime) => {
            cast(BinaryOp::Add, right, DateTime, left, TimeSpan, DateTime)
        }
        (TimeSpan, TimeSpan | Dynamic) | (Dynamic, TimeSpan) => {
            cast(BinaryOp::Add, left, TimeSpan, right, TimeSpan, TimeSpan)
        }
        _ => return numeric(BinaryOp::Add, left, right),
    })
}

fn subtract(left: Expr, right: Expr) -> Option<Expr> {
    use Type::{DateTime, Dynamic, TimeSpan};
    Some(match (left.ty, right.ty) {
        (DateTime | Dynamic, DateTime) | (DateTime, Dynamic) => {
            cast(BinaryOp::Sub, left, DateTime, right, DateTime, TimeSpan)
        }
        (DateTime, TimeSpan) => cast(BinaryOp::Sub, left, DateTime, right, TimeSpan, DateTime),
        (TimeSpan, TimeSpan | Dynamic) | (Dynamic, TimeSpan) => {
            cast(BinaryOp::Sub, left, TimeSpan, right, TimeSpan, TimeSpan)
        }
        _ => return numeric(BinaryOp::Sub, left, right),
    })
}

fn multiply(left: Expr, right: Expr) -> Option<Expr> {
    match (left.ty, right.ty) {
        (Type::TimeSpan, ty) if ty.is_numeric() => Some(cast(
            BinaryOp::Mul,
            left,
            Type::TimeSpan,
            right,
            Type::Real,
            Type::TimeSpan,
        )),
        (ty, Type::TimeSpan) if ty.is_numeric() => Some(cast(
            BinaryOp::Mul,
            right,
            Type::TimeSpan,
            left,
            Type::Real,
            Type::TimeSpan,
        )),
        _ => numeric(BinaryOp::Mul, left, right),
    }
}

fn divide(left: Expr, right: Expr) -> Option<Expr> {
    match (left.ty, right.ty) {
        (Type::TimeSpan, Type::TimeSpan) => Some(binary(BinaryOp::Div, left, right, Type::Real)),
        // A time counts from the first day of the calendar.
        (Type::DateTime, Type::TimeSpan) => {
            let start = literal(Value::DateTime(0), Type::DateTime);
            let since = binary(BinaryOp::Sub, left, start, Type::TimeSpan);
            Some(binary(BinaryOp::Div, since, right, Type::Real))
        }
        (Type::TimeSpan, ty) if ty.is_numeric() => Some(cast(
            BinaryOp::Div,
            left,
            Type::TimeSpan,
            right,
            Type::Real,
            Type::TimeSpan,
        )),
        _ => numeric(BinaryOp::Div, left, right),
    }
}

fn modulo(left: Expr, right: Expr) -> Option<Expr> {
    use Type::{DateTime, TimeSpan};
    match (left.ty, right.ty) {
        (TimeSpan | DateTime, TimeSpan) => Some(cast(
            BinaryOp::Mod,
            left,
            TimeSpan,
            right,
            TimeSpan,
            TimeSpan,
        )),
        _ => numeric(BinaryOp::Mod, left, right),
    }
}

/// `==` and `!=` take any two types: a dynamic or string side takes the type of the other one.
pub(super) fn equal(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let (left, right) = aligned(left, right);
    binary(op, left, right, Type::Bool)
}

fn ordered(op: BinaryOp, left: Expr, right: Expr) -> Option<Expr> {
    let fits = match (left.ty, right.ty) {
        (Type::Dynamic, b) => b.is_numeric() || b == Type::Dynamic,
        (a, Type::Dynamic) => a.is_numeric(),
        // A bool is 0 or 1 beside a number.
        (a, b) if a.is_numeric() => b.is_numeric() || b == Type::Bool,
        (Type::Bool, b) if b.is_numeric() => true,
        (a, b) => a == b && matches!(a, Type::Bool | Type::DateTime | Type::TimeSpan),
    };
    if !fits {
        return None;
    }
    let (left, right) = aligned(left, right);
    Some(binary(op, left, right, Type::Bool))
}

/// Both sides as one type that they can be compared in.
pub(super) fn aligned(left: Expr, right: Expr) -> (Expr, Expr) {
    let ty = comparison_type(&left, &right);
    (coerce(left, ty), coerce(right, ty))
}

/// The type in which two values are compared.
pub(super) fn comparison_type(left: &Expr, right: &Expr) -> Type {
    // `i == 5` compares ints: the column is not touched, so that statistics and indexes can be used.
    let narrow = |column: &Expr, constant: &Expr| {
        column.ty == Type::Int
            && matches!(&constant.kind, ExprKind::Literal(Value::Long(n)) if i32::try_from(*n).is_ok())
    };
    if narrow(left, right) || narrow(right, left) {
        return Type::Int;
    }
    match (left.ty, right.ty) {
        (a, b) if a == b => a,
        (Type::Dynamic, ty) | (ty, Type::Dynamic) if ty.is_integer() => Type::Real,
        (Type::Dynamic | Type::String, ty) | (ty, Type::Dynamic | Type::String) => ty,
        (Type::Guid, _) | (_, Type::Guid) => Type::String,
        (a, b) => match (a.is_numeric(), b.is_numeric()) {
            (true, true) => a.widest(b).unwrap_or(Type::Real),
            (true, false) if b == Type::Bool => a,
            (false, true) if a == Type::Bool => b,
            _ => Type::Long,
        },
    }
}

/// A test of two strings; a dynamic side is taken as text.
pub(super) fn string_test(
    op: StringOp,
    case_sensitive: bool,
    left: Expr,
    right: Expr,
) -> Option<Expr> {
    let text = |ty| matches!(ty, Type::String | Type::Dynamic);
    if !text(left.ty) || !text(right.ty) {
        return None;
    }
    let (left, right) = (
        Box::new(coerce(left, Type::String)),
        Box::new(coerce(right, Type::String)),
    );
    Some(Expr {
        kind: ExprKind::StringTest {
            op,
            case_sensitive,
            left,
            right,
        },
        ty: Type::Bool,
    })
}

fn symbol(op: ast::BinaryOp) -> String {
    let text = match op {
        ast::BinaryOp::Add => "+",
        ast::BinaryOp::Subtract => "-",
        ast::BinaryOp::Multiply => "*",
        ast::BinaryOp::Divide => "/",
        ast::BinaryOp::Modulo => "%",
        ast::BinaryOp::Equal => "==",
        ast::BinaryOp::NotEqual => "!=",
        ast::BinaryOp::Less => "<",
        ast::BinaryOp::LessOrEqual => "<=",
        ast::BinaryOp::Greater => ">",
        ast::BinaryOp::GreaterOrEqual => ">=",
        ast::BinaryOp::EqualIgnoreCase => "=~",
        ast::BinaryOp::NotEqualIgnoreCase => "!~",
        ast::BinaryOp::MatchesRegex => "matches regex",
        ast::BinaryOp::SearchColumn => ":",
        ast::BinaryOp::Text(text) => {
            let word = match text.test {
                TextTest::Has => "has",
                TextTest::HasPrefix => "hasprefix",
                TextTest::HasSuffix => "hassuffix",
                TextTest::Contains => "contains",
                TextTest::StartsWith => "startswith",
                TextTest::EndsWith => "endswith",
            };
            let not = if text.negated { "!" } else { "" };
            let case = if text.case_sensitive { "_cs" } else { "" };
            return format!("{not}{word}{case}");
        }
    };
    text.to_owned()
}
