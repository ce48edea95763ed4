//! What a hunt's filter says about terms, and which rows of a row group that leaves.

use std::ops::Range;

use bartizan_kql::bound::StringOp;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::FileTerms;
use super::sketch::BLOCK_ROWS;
use super::split::{Bounds, needed_terms};
use crate::functions::{KqlFunction, TextCondition};

/// Alternatives beyond which asking costs more than it saves.
const MOST_ALTERNATIVES: usize = 256;

/// The stored column of texts, a missing one of which reads as missing or empty, that an expression is; none for others.
pub(crate) type TextColumns<'c> = &'c dyn for<'e> Fn(&'e Expr) -> Option<&'e str>;

/// A condition that every wanted row meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TermCondition {
    /// The text of a column has these terms, at least one.
    Has(String, Vec<u64>),
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
}

impl TermCondition {
    /// What filters say about terms of stored columns; none when nothing is known.
    pub(crate) fn of(filters: &[Expr], columns: TextColumns<'_>) -> Option<Self> {
        all(filters.iter().filter_map(|f| Self::of_one(f, columns)))
    }

    fn of_one(filter: &Expr, columns: TextColumns<'_>) -> Option<Self> {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => all([left, right]
                .into_iter()
                .filter_map(|side| Self::of_one(side, columns))),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => any([left, right].into_iter().map(|s| Self::of_one(s, columns))),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq,
                right,
            }) => match (&**left, &**right) {
                (side, value @ Expr::Literal(..)) | (value @ Expr::Literal(..), side) => {
                    equals(columns(side)?, value)
                }
                _ => None,
            },
            Expr::InList(InList {
                expr,
                list,
                negated: false,
            }) if list.len() <= MOST_ALTERNATIVES => {
                let column = columns(expr)?;
                any(list.iter().map(|value| equals(column, value)))
            }
            // What the planner puts around conjunctions.
            Expr::IsTrue(inner) => Self::of_one(inner, columns),
            Expr::ScalarFunction(_) => {
                let (function, args) = KqlFunction::of(filter)?;
                let test = function.text_condition()?;
                Self::of_test(test, columns(args.first()?)?)
            }
            _ => None,
        }
    }

    fn of_test(test: &TextCondition, column: &str) -> Option<Self> {
        let bounds = bounds(test.op)?;
        if test.patterns.len() > MOST_ALTERNATIVES {
            return None;
        }
        let needed = test
            .patterns
            .iter()
            .map(|pattern| has(column, needed_terms(pattern, bounds)));
        if test.all {
            all(needed.flatten())
        } else {
            any(needed)
        }
    }

    /// Whether a block may hold rows that meet it.
    fn may_hold(&self, terms: &FileTerms, group: usize, block: usize) -> bool {
        match self {
            Self::Has(column, needed) => terms
                .group(column, group)
                .is_none_or(|sketch| needed.iter().all(|term| sketch.may_have(block, *term))),
            Self::All(parts) => parts.iter().all(|p| p.may_hold(terms, group, block)),
            Self::Any(parts) => parts.iter().any(|p| p.may_hold(terms, group, block)),
        }
    }

    /// The rows of a row group of so many rows that may meet it, in order, with gaps between them.
    pub(super) fn rows(&self, terms: &FileTerms, group: usize, rows: usize) -> Vec<Range<usize>> {
        let mut kept: Vec<Range<usize>> = Vec::new();
        for block in 0..rows.div_ceil(BLOCK_ROWS) {
            if !self.may_hold(terms, group, block) {
                continue;
            }
            let (from, to) = (block * BLOCK_ROWS, ((block + 1) * BLOCK_ROWS).min(rows));
            match kept.last_mut() {
                Some(last) if last.end == from => last.end = to,
                _ => kept.push(from..to),
            }
        }
        kept
    }
}

fn has(column: &str, terms: Vec<u64>) -> Option<TermCondition> {
    (!terms.is_empty()).then(|| TermCondition::Has(column.to_owned(), terms))
}

fn all(parts: impl IntoIterator<Item = TermCondition>) -> Option<TermCondition> {
    let mut parts: Vec<_> = parts.into_iter().collect();
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(TermCondition::All(parts)),
    }
}

/// None as soon as one of them says nothing, or when there is none.
fn any(parts: impl IntoIterator<Item = Option<TermCondition>>) -> Option<TermCondition> {
    let parts: Vec<_> = parts.into_iter().collect::<Option<_>>()?;
    (!parts.is_empty()).then_some(TermCondition::Any(parts))
}

fn equals(column: &str, value: &Expr) -> Option<TermCondition> {
    let Expr::Literal(value, _) = value else {
        return None;
    };
    let whole = Bounds {
        start: true,
        end: true,
    };
    has(column, needed_terms(value.try_as_str()??, whole))
}

/// Which edges of a pattern are edges of terms; none for what does not look for the pattern itself.
const fn bounds(op: StringOp) -> Option<Bounds> {
    let (start, end) = match op {
        StringOp::Has | StringOp::Equals => (true, true),
        StringOp::HasPrefix | StringOp::StartsWith => (true, false),
        StringOp::HasSuffix | StringOp::EndsWith => (false, true),
        StringOp::Contains => (false, false),
        StringOp::MatchesRegex => return None,
    };
    Some(Bounds { start, end })
}
