//! Two steps that compute columns as one: a chain of one-column `extend`s is one list of columns, not one for each.

use std::collections::HashMap;

use crate::bound::{Column, ColumnId, Expr, ExprKind, Node, Plan, ScalarFn};

use super::remap::for_each_child;

/// Rows with these columns computed. Where the rows are themselves computed, and no value needs what is computed there, all
/// values are computed from the rows below: a plan, and each copy of it, is then as large as its columns, not as their square.
pub(super) fn projected(input: Plan, exprs: Vec<Expr>, columns: Vec<Column>) -> Plan {
    let node = match input.node {
        Node::Project {
            input: below,
            exprs: lower,
        } if can_be_merged(&input.columns, &lower, &exprs) => {
            let ids = input.columns.iter().map(|column| column.id);
            let mut lower: HashMap<ColumnId, Expr> = ids.zip(lower).collect();
            let exprs = exprs.into_iter().map(|expr| match expr.kind {
                ExprKind::Column(id) => lower.remove(&id).unwrap_or(expr),
                _ => expr,
            });
            Node::Project {
                exprs: exprs.collect(),
                input: below,
            }
        }
        node => Node::Project {
            input: Box::new(Plan {
                node,
                columns: input.columns,
            }),
            exprs,
        },
    };
    Plan { node, columns }
}

/// Whether `upper` keeps each of the columns that `lower` computes, once and as it is, and computes everything else from
/// other columns.
fn can_be_merged(columns: &[Column], lower: &[Expr], upper: &[Expr]) -> bool {
    let mut kept = HashMap::new();
    for (column, expr) in columns.iter().zip(lower) {
        if !matches!(expr.kind, ExprKind::Column(id) if id == column.id) {
            if is_volatile(expr) {
                return false;
            }
            kept.insert(column.id, 0);
        }
    }
    for expr in upper {
        if let ExprKind::Column(id) = expr.kind {
            kept.entry(id).and_modify(|times| *times += 1);
        } else if is_volatile(expr) || reads_any(expr, &kept) {
            return false;
        }
    }
    kept.values().all(|times| *times == 1)
}

fn reads_any(expr: &Expr, columns: &HashMap<ColumnId, u32>) -> bool {
    let mut reads = matches!(&expr.kind, ExprKind::Column(id) if columns.contains_key(id));
    for_each_child(expr, &mut |child| reads |= reads_any(child, columns));
    reads
}

/// Whether an expression may give another value each time.
fn is_volatile(expr: &Expr) -> bool {
    let mut volatile = matches!(
        &expr.kind,
        ExprKind::Call {
            function: ScalarFn::Rand | ScalarFn::NewGuid,
            ..
        }
    );
    for_each_child(expr, &mut |child| volatile |= is_volatile(child));
    volatile
}
