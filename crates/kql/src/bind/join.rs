//! `join` and `lookup`.

use std::collections::HashSet;

use crate::ast::{self, ExprKind, JoinSide, LogicalOp};
use crate::bound::{Column, ColumnId, Expr, JoinKind, Node, Plan};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::convert::coerce;
use super::naming::Names;
use super::{Binder, Relation, Rows, reference};

/// The keys of a join, and the right columns among them.
struct Keys {
    on: Vec<(Expr, Expr)>,
    right: HashSet<ColumnId>,
}

impl Binder<'_> {
    /// `join`: all left columns, then all right ones, which give way where names clash.
    pub(super) fn join(&mut self, left: Relation, join: &ast::Join, span: Span) -> Relation {
        let right = self.tabular(&join.right);
        self.operator = "join";
        let keys = self.keys(&left, &right, join, span);
        let kind = join.kind.map_or(JoinKind::InnerUnique, join_kind);
        let columns = match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => left.plan.columns.clone(),
            JoinKind::RightSemi | JoinKind::RightAnti => right.plan.columns.clone(),
            _ => both(&left, &right, &HashSet::new()),
        };
        joined(kind, left, right, keys.on, columns)
    }

    /// `lookup`: as a join without the right keys.
    pub(super) fn lookup(&mut self, left: Relation, join: &ast::Join, span: Span) -> Relation {
        let right = self.tabular(&join.right);
        self.operator = "lookup";
        let keys = self.keys(&left, &right, join, span);
        let kind = match join.kind {
            None | Some(ast::JoinKind::LeftOuter) => JoinKind::LeftOuter,
            Some(ast::JoinKind::Inner) => JoinKind::Inner,
            // The parser takes no other.
            Some(_) => JoinKind::LeftOuter,
        };
        let columns = both(&left, &right, &keys.right);
        joined(kind, left, right, keys.on, columns)
    }

    fn keys(&mut self, left: &Relation, right: &Relation, join: &ast::Join, span: Span) -> Keys {
        let mut keys = Keys {
            on: Vec::new(),
            right: HashSet::new(),
        };
        let mut failed = self.failed;
        for condition in &join.on {
            failed |= !self.key(left, right, condition, &mut keys);
        }
        if keys.on.is_empty() && !failed && !left.open && !right.open {
            self.error(
                "KS006",
                span,
                format!("{}Missing join on condition clause", self.prefix()),
            );
        }
        keys
    }

    /// One condition; false after a mistake.
    fn key(
        &mut self,
        left: &Relation,
        right: &Relation,
        condition: &ast::Expr,
        keys: &mut Keys,
    ) -> bool {
        match &condition.kind {
            ExprKind::Paren(inner) => self.key(left, right, inner, keys),
            ExprKind::Logical {
                op: LogicalOp::And,
                operands,
                ..
            } => {
                // Every mistake is reported, not only the first.
                let mut good = true;
                for operand in operands {
                    good &= self.key(left, right, operand, keys);
                }
                good
            }
            ExprKind::Name(name) => {
                let known = |side: &Relation| {
                    side.open || side.plan.columns.iter().any(|c| c.name == name.text)
                };
                if known(left) != known(right) {
                    let message = format!(
                        "{}The column '{}' must exist on both sides of the {}; compare columns of different names with $left.a == $right.b",
                        self.prefix(),
                        name.text,
                        self.operator
                    );
                    self.error("KS145", name.span, message);
                    return false;
                }
                let pair = (self.side(left, name), self.side(right, name));
                let (Some(a), Some(b)) = pair else {
                    return false;
                };
                self.pair(a, b, condition.span, Some(&name.text), keys)
            }
            ExprKind::Binary {
                op: ast::BinaryOp::Equal,
                left: a,
                right: b,
                ..
            } => {
                let pair = (
                    self.operand(a, left, JoinSide::Left),
                    self.operand(b, right, JoinSide::Right),
                );
                let (Some(a), Some(b)) = pair else {
                    return false;
                };
                self.pair(a, b, condition.span, None, keys)
            }
            _ => {
                let message = format!(
                    "{}The condition must be the name of a column of both tables, or $left.<column> == $right.<column>",
                    self.prefix()
                );
                self.error("KS182", condition.span, message);
                false
            }
        }
    }

    /// `$left.a` or `$right.a`.
    fn operand(
        &mut self,
        expr: &ast::Expr,
        relation: &Relation,
        wanted: JoinSide,
    ) -> Option<Column> {
        if let ExprKind::Member { object, name } = &expr.kind
            && let ExprKind::Side(side) = &object.kind
            && *side == wanted
        {
            return self.side(relation, name);
        }
        let side = if wanted == JoinSide::Left {
            "$left"
        } else {
            "$right"
        };
        let message = format!("{}The operand must be {side}.<column>", self.prefix());
        let mut error = Diagnostic::error("KS183", expr.span, message);
        error.suggestion = match &expr.kind {
            ExprKind::Name(name) => Some(format!("Write {side}.{}", name.text)),
            ExprKind::Member { object, name } => Some(match object.kind {
                ExprKind::Side(_) => "Write $left.… == $right.…, in this order".to_owned(),
                _ => format!("Write {side}.{}", name.text),
            }),
            _ => None,
        };
        self.report(error);
        None
    }

    fn side(&mut self, relation: &Relation, name: &ast::Name) -> Option<Column> {
        let found = relation
            .plan
            .columns
            .iter()
            .find(|c| c.name == name.text)
            .cloned();
        if found.is_none() && !relation.open {
            self.unknown_name(name, Rows::of(relation));
        }
        found.filter(|c| !self.poisoned.contains(&c.id))
    }

    /// Adds a pair of keys, which must have one type.
    fn pair(
        &mut self,
        a: Column,
        b: Column,
        span: Span,
        common: Option<&str>,
        keys: &mut Keys,
    ) -> bool {
        let ty = match (a.ty, b.ty) {
            (x, y) if x == y => x,
            (x, y) if x.is_integer() && y.is_integer() => Type::Long,
            (x, y) => {
                let (code, message) = match common {
                    Some(name) => (
                        "KS227",
                        format!(
                            "The column '{name}' must have the same type on both sides, not {x} and {y}"
                        ),
                    ),
                    None => (
                        "KS242",
                        format!("Inconsistent data types for join keys: ({x}, {y})"),
                    ),
                };
                self.error(code, span, format!("{}{message}", self.prefix()));
                return false;
            }
        };
        if ty == Type::Dynamic {
            let message = format!(
                "{}A join key of type 'dynamic' is not allowed: cast it first, for example with tostring()",
                self.prefix()
            );
            self.error("KS241", span, message);
            return false;
        }
        keys.right.insert(b.id);
        keys.on
            .push((coerce(reference(&a), ty), coerce(reference(&b), ty)));
        true
    }
}

fn join_kind(kind: ast::JoinKind) -> JoinKind {
    match kind {
        ast::JoinKind::InnerUnique => JoinKind::InnerUnique,
        ast::JoinKind::Inner => JoinKind::Inner,
        ast::JoinKind::LeftOuter => JoinKind::LeftOuter,
        ast::JoinKind::RightOuter => JoinKind::RightOuter,
        ast::JoinKind::FullOuter => JoinKind::FullOuter,
        ast::JoinKind::LeftSemi => JoinKind::LeftSemi,
        ast::JoinKind::RightSemi => JoinKind::RightSemi,
        ast::JoinKind::LeftAnti => JoinKind::LeftAnti,
        ast::JoinKind::RightAnti => JoinKind::RightAnti,
    }
}

/// Left columns, then the right ones that are not dropped; names of both sides stay free of numbered ones.
fn both(left: &Relation, right: &Relation, dropped: &HashSet<ColumnId>) -> Vec<Column> {
    let taken: HashSet<_> = left.plan.columns.iter().map(|c| c.name.as_str()).collect();
    let mut names = Names::default();
    for column in left.plan.columns.iter().chain(&right.plan.columns) {
        names.reserve(&column.name);
    }
    let mut columns = left.plan.columns.clone();
    for column in right
        .plan
        .columns
        .iter()
        .filter(|c| !dropped.contains(&c.id))
    {
        let name = if taken.contains(column.name.as_str()) {
            names.unique(&column.name)
        } else {
            column.name.clone()
        };
        columns.push(Column {
            name,
            ..column.clone()
        });
    }
    columns
}

fn joined(
    kind: JoinKind,
    left: Relation,
    right: Relation,
    on: Vec<(Expr, Expr)>,
    columns: Vec<Column>,
) -> Relation {
    let open = left.open || right.open;
    let node = Node::Join {
        kind,
        left: Box::new(left.plan),
        right: Box::new(right.plan),
        on,
    };
    Relation {
        plan: Plan { node, columns },
        open,
    }
}
