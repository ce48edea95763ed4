//! `== != < <= > >=` with KQL's treatment of null, for the types and places where DataFusion's own do not do.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use bartizan_kql::bound::BinaryOp;
use bartizan_kql::time::parse_datetime;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use super::conversion::Number;
use crate::json::{self, Kind};

/// Compares the two arguments. With one null side `==` is false and `!=` true, with two both are null; the others
/// are null when a side is.
pub(super) fn compare(call: &Call, op: BinaryOp) -> Result<ArrayRef> {
    let (left, right) = (call.arg(0)?, call.arg(1)?);
    let order = ordering(left, right)?;
    let equality = matches!(op, BinaryOp::Eq | BinaryOp::Ne);
    call.make_bools(|row| {
        match (left.is_null(row), right.is_null(row)) {
            (true, true) => return None,
            (true, false) | (false, true) if equality => return Some(op == BinaryOp::Ne),
            (true, false) | (false, true) => return None,
            (false, false) => {}
        }
        decide(op, order(row))
    })
}

fn decide(op: BinaryOp, order: Order) -> Option<bool> {
    let known = match order {
        Order::Is(order) => order,
        // NaN, or values that have no common order.
        Order::Different => return Some(op == BinaryOp::Ne),
        Order::Unknown => {
            return match op {
                BinaryOp::Eq => Some(false),
                BinaryOp::Ne => Some(true),
                _ => None,
            };
        }
    };
    Some(match op {
        BinaryOp::Eq => known == Ordering::Equal,
        BinaryOp::Ne => known != Ordering::Equal,
        BinaryOp::Lt => known == Ordering::Less,
        BinaryOp::Le => known != Ordering::Greater,
        BinaryOp::Gt => known == Ordering::Greater,
        _ => known != Ordering::Less,
    })
}

/// How two values relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Is(Ordering),
    /// Not equal, and every order is false.
    Different,
    /// Not equal, and orders are null.
    Unknown,
}

type Comparator<'a> = Box<dyn Fn(usize) -> Order + 'a>;

/// How the values of a row relate; for rows where neither is null.
fn ordering<'a>(left: &'a Argument, right: &'a Argument) -> Result<Comparator<'a>> {
    if left.ty == Type::Dynamic || right.ty == Type::Dynamic {
        let (l, r) = (left.texts()?, right.texts()?);
        return Ok(Box::new(move |row| dynamics(l.get(row), r.get(row))));
    }
    if matches!(left.ty, Type::String | Type::Guid) {
        let (l, r) = (left.texts()?, right.texts()?);
        return Ok(Box::new(move |row| Order::Is(l.get(row).cmp(r.get(row)))));
    }
    let (l, r) = (Number::of(left)?, Number::of(right)?);
    if left.ty == Type::Real || right.ty == Type::Real {
        return Ok(Box::new(move |row| {
            let pair = (
                l.real(row).unwrap_or(f64::NAN),
                r.real(row).unwrap_or(f64::NAN),
            );
            pair.0
                .partial_cmp(&pair.1)
                .map_or(Order::Different, Order::Is)
        }));
    }
    if left.ty == Type::Decimal || right.ty == Type::Decimal {
        return Ok(Box::new(move |row| {
            Order::Is(l.decimal(row).cmp(&r.decimal(row)))
        }));
    }
    Ok(Box::new(move |row| {
        Order::Is(l.long(row).cmp(&r.long(row)))
    }))
}

/// Two dynamic values: numbers by size, texts by code point or as times, anything else by its text.
fn dynamics(left: &str, right: &str) -> Order {
    let kinds = (json::kind(left), json::kind(right));
    match kinds {
        (Some(Kind::Number), Some(Kind::Number)) => {
            if let (Ok(l), Ok(r)) = (left.trim().parse::<i64>(), right.trim().parse::<i64>()) {
                return Order::Is(l.cmp(&r));
            }
            match (json::number(left), json::number(right)) {
                (Some(l), Some(r)) => l.partial_cmp(&r).map_or(Order::Different, Order::Is),
                _ => Order::Unknown,
            }
        }
        (Some(Kind::String), Some(Kind::String)) => {
            let (l, r) = (json::to_text(left), json::to_text(right));
            if l != r
                && l.len() >= 19
                && r.len() >= 19
                && let (Some(l), Some(r)) = (parse_datetime(&l), parse_datetime(&r))
            {
                return Order::Is(l.cmp(&r));
            }
            Order::Is(l.cmp(&r))
        }
        (Some(Kind::Bool), Some(Kind::Bool)) => {
            Order::Is((left.trim() == "true").cmp(&(right.trim() == "true")))
        }
        _ => {
            if json::to_text(left) == json::to_text(right) {
                Order::Is(Ordering::Equal)
            } else {
                Order::Unknown
            }
        }
    }
}
