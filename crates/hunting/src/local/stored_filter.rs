//! What a hunt's filter says about the statistics of stored columns.
//!
//! The result only leaves row groups and pages out; the whole filter runs on what is left. So what is not understood is
//! dropped, as long as that lets more rows pass, not fewer.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, binary_expr};

use crate::functions::{READS_DATETIME, READS_STRING};
use crate::stored_times::stored_bounds;

/// A filter over columns as they are read as one over stored columns that lets at least the same rows pass; none when
/// nothing is known.
pub(super) fn translate(schema: &Schema, filter: &Expr) -> Option<Expr> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => match (translate(schema, left), translate(schema, right)) {
            (Some(left), Some(right)) => Some(left.and(right)),
            (left, right) => left.or(right),
        },
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => Some(translate(schema, left)?.or(translate(schema, right)?)),
        Expr::BinaryExpr(binary) => match (&*binary.left, &*binary.right) {
            (left, Expr::Literal(value, _)) => compared(schema, left, binary.op, value),
            (Expr::Literal(value, _), right) => compared(schema, right, binary.op.swap()?, value),
            _ => None,
        },
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => {
            let from = binary_expr(Expr::clone(expr), Operator::GtEq, Expr::clone(low));
            let to = binary_expr(Expr::clone(expr), Operator::LtEq, Expr::clone(high));
            translate(schema, &from.and(to))
        }
        Expr::InList(InList {
            expr,
            list,
            negated: false,
        }) => list
            .iter()
            .map(|item| match item {
                Expr::Literal(value, _) => compared(schema, expr, Operator::Eq, value),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .reduce(Expr::or),
        _ => None,
    }
}

/// `column op value` over the stored column.
fn compared(schema: &Schema, side: &Expr, op: Operator, value: &ScalarValue) -> Option<Expr> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq};
    if !matches!(op, Eq | Gt | GtEq | Lt | LtEq) || value.is_null() {
        return None;
    }
    let (column, read) = stored_column(side)?;
    let stored = schema.field_with_name(&column.name).ok()?.data_type();
    let literal = |value: ScalarValue| Expr::Literal(value, None);
    // Without the table's name: the schema of the files has none.
    let column = Expr::Column(Column::from_name(&column.name));
    match (stored, value) {
        (DataType::Timestamp(..), ScalarValue::Int64(Some(ticks)))
            if read == Some(READS_DATETIME) =>
        {
            stored_bounds(stored, op, *ticks)?
                .into_iter()
                .map(|(op, value)| binary_expr(column.clone(), op, literal(value)))
                .reduce(Expr::and)
        }
        // A stored null is read as the empty text.
        (DataType::Utf8View, ScalarValue::Utf8View(Some(text))) if !text.is_empty() => {
            (op == Eq).then(|| column.eq(literal(value.clone())))
        }
        (DataType::Int32, ScalarValue::Int32(_))
        | (DataType::Int64, ScalarValue::Int64(_))
        | (DataType::Boolean, ScalarValue::Boolean(_))
            if read.is_none() =>
        {
            Some(binary_expr(column, op, literal(value.clone())))
        }
        _ => None,
    }
}

/// The stored column of texts that an expression is or reads as texts.
pub(super) fn stored_text<'e>(schema: &Schema, expr: &'e Expr) -> Option<&'e str> {
    let (column, read) = stored_column(expr)?;
    let stored = schema.field_with_name(&column.name).ok()?.data_type();
    let as_text = read.is_none_or(|read| read == READS_STRING);
    (as_text && *stored == DataType::Utf8View).then_some(&column.name)
}

/// The stored column of an expression, and the function that reads it.
fn stored_column(expr: &Expr) -> Option<(&Column, Option<&str>)> {
    match expr {
        Expr::Column(column) => Some((column, None)),
        Expr::ScalarFunction(call) if call.func.name().starts_with("read_") => {
            match call.args.as_slice() {
                [Expr::Column(column)] => Some((column, Some(call.func.name()))),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};
    use bartizan_kql::types::Type;
    use datafusion::logical_expr::{col, lit};

    use super::*;
    use crate::functions::from_storage;
    use crate::stored_times::UNIX_EPOCH;

    fn schema() -> Schema {
        let stamp = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Schema::new(vec![
            Field::new("t", stamp, true),
            Field::new("s", DataType::Utf8View, true),
            Field::new("n", DataType::Int64, true),
        ])
    }

    fn read(name: &str, ty: Type) -> Expr {
        let schema = schema();
        let stored = schema.field_with_name(name).unwrap().data_type();
        from_storage(col(name), stored, ty)
    }

    fn translated(filter: Expr) -> Option<String> {
        translate(&schema(), &filter).map(|e| e.to_string())
    }

    #[test]
    fn times_are_rounded_outwards() {
        let stamp = || read("t", Type::DateTime);
        let at = |micros: i64| format!("TimestampMicrosecond({micros}, Some(\"UTC\"))");
        assert_eq!(
            translated(stamp().gt(lit(UNIX_EPOCH + 25))),
            Some(format!("t >= {}", at(2)))
        );
        assert_eq!(
            translated(lit(UNIX_EPOCH + 25).gt_eq(stamp())),
            Some(format!("t <= {}", at(3)))
        );
        assert_eq!(
            translated(stamp().eq(lit(UNIX_EPOCH - 20))),
            Some(format!("t >= {0} AND t <= {0}", at(-2)))
        );
    }

    #[test]
    fn what_is_not_understood_only_weakens() {
        let text = || read("s", Type::String);
        let name = || text().eq(lit(ScalarValue::Utf8View(Some("a".into()))));
        let other = || read("n", Type::Long).not_eq(lit(5_i64));
        assert_eq!(translated(name()), Some("s = Utf8View(\"a\")".to_owned()));
        assert_eq!(translated(name().and(other())), translated(name()));
        assert_eq!(translated(name().or(other())), None);
        assert_eq!(translated(!name()), None);
        // A stored null reads as "".
        assert_eq!(
            translated(text().eq(lit(ScalarValue::Utf8View(Some(String::new()))))),
            None
        );
        assert_eq!(
            translated(col("n").in_list(vec![lit(1_i64), lit(2_i64)], false)),
            Some("n = Int64(1) OR n = Int64(2)".to_owned())
        );
    }

    #[test]
    fn texts_are_columns_that_are_read_as_texts() {
        let text = |expr: Expr| stored_text(&schema(), &expr).map(str::to_owned);
        assert_eq!(text(read("s", Type::String)), Some("s".to_owned()));
        assert_eq!(text(read("s", Type::Dynamic)), None);
        assert_eq!(text(read("n", Type::String)), None);
        assert_eq!(text(read("t", Type::DateTime)), None);
        assert_eq!(text(lit("s")), None);
    }
}
