//! Which parts of a hunt's filter say something about files: a time range for the catalogue, and a
//! predicate in a file's types for the statistics of row groups and pages, for bloom filters, and
//! below `top … by Timestamp` for each row while it is read.
//!
//! What is translated here only leaves data out; the whole filter runs on what is left. So any
//! part that is not understood is simply dropped, as long as that makes the predicate weaker: it
//! passes every row that the filter passes.

use bartizan_contract::KqlType;
use bartizan_contract::hunting::Table;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};

use super::schema::{TIMESTAMP, nanos_from_ticks};

/// Moments, both ends included; in ticks unless mapped to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TimeRange {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

impl TimeRange {
    /// The range of `Timestamp` outside of which no row passes all the filters.
    pub(super) fn of(filters: &[Expr]) -> Self {
        let mut range = Self::default();
        for filter in filters {
            range.narrow(filter);
        }
        range
    }

    /// Whether rows with times between these two may pass; `None` is rows without any time.
    pub(super) fn may_hold(&self, times: Option<(i64, i64)>) -> bool {
        match times {
            Some((first, last)) => {
                self.from.is_none_or(|from| last >= from) && self.to.is_none_or(|to| first <= to)
            }
            None => self.from.is_none() && self.to.is_none(),
        }
    }

    /// The same range in another unit.
    pub(super) fn map(self, unit: impl Fn(i64) -> i64) -> Self {
        Self {
            from: self.from.map(&unit),
            to: self.to.map(&unit),
        }
    }

    fn narrow(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => {
                self.narrow(left);
                self.narrow(right);
            }
            Expr::BinaryExpr(binary) => {
                let Some((column, op, value)) = comparison(binary) else {
                    return;
                };
                let ScalarValue::Int64(Some(ticks)) = value else {
                    return;
                };
                if column.name != TIMESTAMP {
                    return;
                }
                match op {
                    Operator::Eq => {
                        self.not_before(*ticks);
                        self.not_after(*ticks);
                    }
                    Operator::Gt | Operator::GtEq => self.not_before(*ticks),
                    Operator::Lt | Operator::LtEq => self.not_after(*ticks),
                    _ => {}
                }
            }
            Expr::Between(Between {
                expr,
                negated: false,
                low,
                high,
            }) => {
                if matches!(&**expr, Expr::Column(column) if column.name == TIMESTAMP)
                    && let Some(ScalarValue::Int64(Some(low))) = literal(low)
                    && let Some(ScalarValue::Int64(Some(high))) = literal(high)
                {
                    self.not_before(*low);
                    self.not_after(*high);
                }
            }
            _ => {}
        }
    }

    fn not_before(&mut self, ticks: i64) {
        self.from = Some(self.from.map_or(ticks, |from| from.max(ticks)));
    }

    fn not_after(&mut self, ticks: i64) {
        self.to = Some(self.to.map_or(ticks, |to| to.min(ticks)));
    }
}

/// A filter over engine types as one over file types that lets at least the same rows pass; `None`
/// when nothing of it can be translated.
pub(super) fn translate(table: &Table, filter: &Expr) -> Option<Expr> {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => match (translate(table, left), translate(table, right)) {
            (Some(left), Some(right)) => Some(left.and(right)),
            (left, right) => left.or(right),
        },
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => Some(translate(table, left)?.or(translate(table, right)?)),
        Expr::BinaryExpr(binary) => {
            let (column, op, value) = comparison(binary)?;
            let value = file_value(table, column, value)?;
            let column = Expr::Column(Column::from_name(&column.name));
            Some(Expr::BinaryExpr(BinaryExpr::new(
                Box::new(column),
                op,
                Box::new(Expr::Literal(value, None)),
            )))
        }
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => {
            let from = Expr::clone(expr).gt_eq(Expr::clone(low));
            let to = Expr::clone(expr).lt_eq(Expr::clone(high));
            translate(table, &from.and(to))
        }
        Expr::InList(InList {
            expr,
            list,
            negated: false,
        }) => {
            let Expr::Column(column) = &**expr else {
                return None;
            };
            let list = list
                .iter()
                .map(|item| {
                    Some(Expr::Literal(
                        file_value(table, column, literal(item)?)?,
                        None,
                    ))
                })
                .collect::<Option<Vec<_>>>()?;
            Some(Expr::Column(Column::from_name(&column.name)).in_list(list, false))
        }
        _ => None,
    }
}

/// A comparison of a column with a value, the column on the left.
fn comparison(binary: &BinaryExpr) -> Option<(&Column, Operator, &ScalarValue)> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq};
    if !matches!(binary.op, Eq | Gt | GtEq | Lt | LtEq) {
        return None;
    }
    match (&*binary.left, &*binary.right) {
        (Expr::Column(column), right) => Some((column, binary.op, literal(right)?)),
        (left, Expr::Column(column)) => Some((column, binary.op.swap()?, literal(left)?)),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

/// A value of the engine's type for a column as the file's type; `None` when it has none or the
/// value is of yet another type.
fn file_value(table: &Table, column: &Column, value: &ScalarValue) -> Option<ScalarValue> {
    let ty = table.column(&column.name)?.ty;
    match (ty, value) {
        (KqlType::DateTime, ScalarValue::Int64(Some(ticks))) => Some(
            ScalarValue::TimestampNanosecond(Some(nanos_from_ticks(*ticks)?), Some("UTC".into())),
        ),
        (KqlType::String | KqlType::Guid, value) => {
            Some(ScalarValue::Utf8View(Some(value.try_as_str()??.to_owned())))
        }
        (KqlType::Int, ScalarValue::Int32(_))
        | (KqlType::Long | KqlType::TimeSpan, ScalarValue::Int64(_))
        | (KqlType::Real, ScalarValue::Float64(_))
        | (KqlType::Bool, ScalarValue::Boolean(_)) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::hunting::table;
    use bartizan_contract::time::{MAX_TICKS, UNIX_EPOCH_TICKS};
    use datafusion::logical_expr::{col, lit};

    fn stamp() -> Expr {
        Expr::Column(Column::from_name(TIMESTAMP))
    }

    #[test]
    fn time_ranges_are_found_through_and_but_not_or() {
        let both = stamp().gt(lit(5_i64)).and(lit(9_i64).gt_eq(stamp()));
        assert_eq!(
            TimeRange::of(&[both]),
            TimeRange {
                from: Some(5),
                to: Some(9)
            }
        );
        let narrower = TimeRange::of(&[
            stamp().between(lit(1_i64), lit(9_i64)),
            stamp().lt(lit(4_i64)),
        ]);
        assert_eq!(
            narrower,
            TimeRange {
                from: Some(1),
                to: Some(4)
            }
        );
        let either = stamp().gt(lit(5_i64)).or(stamp().lt(lit(2_i64)));
        assert_eq!(TimeRange::of(&[either]), TimeRange::default());
        assert!(narrower.may_hold(Some((4, 9))) && !narrower.may_hold(Some((5, 9))));
        assert!(!narrower.may_hold(None) && TimeRange::default().may_hold(None));
    }

    #[test]
    fn translation_only_ever_weakens() {
        let events = table("DeviceProcessEvents").unwrap();
        let name = Expr::Column(Column::from_name("FileName")).eq(lit("a.exe"));
        let unknown = col("x").like(lit("y"));
        assert!(translate(events, &name.clone().and(unknown.clone())).is_some());
        assert!(translate(events, &name.clone().or(unknown.clone())).is_none());
        assert!(translate(events, &Expr::Not(Box::new(name))).is_none());
        let time = translate(events, &stamp().gt_eq(lit(UNIX_EPOCH_TICKS + 3))).unwrap();
        assert!(
            time.to_string().contains("TimestampNanosecond(300"),
            "{time}"
        );
        assert!(
            translate(events, &stamp().lt(lit(MAX_TICKS))).is_none(),
            "no file can hold it"
        );
    }
}
