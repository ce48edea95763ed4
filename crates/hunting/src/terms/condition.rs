//! What a hunt's filter says about terms, and which rows of a row group that leaves.

use std::collections::BTreeSet;

use bartizan_kql::bound::StringOp;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::ranges::{any_of, both, without};
use super::sketch::{BLOCK_ROWS, GroupSketch, GroupTerms};
use super::split::{Bounds, Term, is_term, needed_terms};
use super::{FileTerms, LeftRows, Rows};
use crate::functions::{KqlFunction, TextCondition};

/// Alternatives beyond which asking costs more than it saves.
const MOST_ALTERNATIVES: usize = 256;

/// The stored column of texts, a missing one of which reads as missing or empty, that an expression is; none for others.
pub(crate) type TextColumns<'c> = &'c dyn for<'e> Fn(&'e Expr) -> Option<&'e str>;

/// What a hunt's filters say about terms.
#[derive(Debug)]
pub(crate) struct TermFilter {
    /// What every wanted row meets, by filter, and whether that is to settle the filter.
    conditions: Vec<(TermCondition, bool)>,
}

impl TermFilter {
    /// What filters say about terms of stored columns, with those that are to be settled where terms do that; none when
    /// nothing is known.
    pub(crate) fn of(filters: &[Expr], settle: bool, columns: TextColumns<'_>) -> Option<Self> {
        let mut conditions = Vec::new();
        for filter in filters {
            let settles = settle && settles(filter, columns);
            match TermCondition::of(filter, columns) {
                Some(condition) => conditions.push((condition, settles)),
                // Others would settle what was not tested for this one.
                None if settles => return None,
                None => {}
            }
        }
        (!conditions.is_empty()).then_some(Self { conditions })
    }

    /// The columns that it asks about.
    pub(super) fn columns(&self) -> BTreeSet<&str> {
        let mut columns = BTreeSet::new();
        for (condition, _) in &self.conditions {
            condition.add_columns(&mut columns);
        }
        columns
    }

    /// What is left of a row group of so many rows.
    pub(super) fn left(&self, terms: &FileTerms, group: usize, rows: usize) -> LeftRows {
        let mut every = LeftRows::all(rows).open;
        let mut settled = match self.conditions.iter().any(|(_, settles)| *settles) {
            true => every.clone(),
            false => Rows::new(),
        };
        for (condition, settles) in &self.conditions {
            let left = condition.left(terms, group, rows);
            every = both(&every, &left.every());
            if *settles {
                settled = both(&settled, &left.settled);
            }
        }
        let settled = both(&every, &settled);
        let open = without(&every, &settled);
        LeftRows { settled, open }
    }
}

/// Whether terms can settle a filter: it asks for whole terms one by one, whatever their case, and for nothing else. What
/// DataFusion makes of such a filter when it simplifies it is such a filter, too.
pub(crate) fn settles(filter: &Expr, columns: TextColumns<'_>) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And | Operator::Or,
            right,
        }) => settles(left, columns) && settles(right, columns),
        Expr::IsTrue(inner) => settles(inner, columns),
        Expr::ScalarFunction(_) => {
            let is_whole = |test: &TextCondition| {
                test.op == StringOp::Has
                    && !test.case_sensitive
                    && (1..=MOST_ALTERNATIVES).contains(&test.patterns.len())
                    && test.patterns.iter().all(|p| is_term(p))
            };
            KqlFunction::of(filter).is_some_and(|(function, args)| {
                let is_text = args.first().and_then(columns).is_some();
                is_text && function.text_condition().is_some_and(is_whole)
            })
        }
        _ => false,
    }
}

/// A condition that every wanted row meets.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TermCondition {
    /// The text of a column has these terms, at least one.
    Has {
        /// The column.
        column: String,
        /// The terms.
        terms: Vec<Term>,
        /// Whether that is all.
        whole: bool,
    },
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
}

impl TermCondition {
    /// What a filter says about terms of stored columns; none when nothing is known.
    fn of(filter: &Expr, columns: TextColumns<'_>) -> Option<Self> {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => all([left, right]
                .into_iter()
                .filter_map(|side| Self::of(side, columns))),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => any([left, right].into_iter().map(|s| Self::of(s, columns))),
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
            Expr::IsTrue(inner) => Self::of(inner, columns),
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
        let needed = test.patterns.iter().map(|pattern| {
            let whole = test.op == StringOp::Has && !test.case_sensitive && is_term(pattern);
            has(column, needed_terms(pattern, bounds), whole)
        });
        if test.all {
            all(needed.flatten())
        } else {
            any(needed)
        }
    }

    fn add_columns<'c>(&'c self, columns: &mut BTreeSet<&'c str>) {
        match self {
            Self::Has { column, .. } => {
                columns.insert(column);
            }
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().for_each(|part| part.add_columns(columns));
            }
        }
    }

    /// The rows of a row group of so many that may meet it; settled those that are known to, where it is the whole of what is
    /// asked.
    fn left(&self, terms: &FileTerms, group: usize, rows: usize) -> LeftRows {
        match self {
            Self::Has {
                column,
                terms: needed,
                whole,
            } => match terms.group(column, group) {
                Some(known) => having(known, needed, *whole, rows),
                None => LeftRows::all(rows),
            },
            Self::All(parts) => {
                let mut left = parts.iter().map(|part| part.left(terms, group, rows));
                let first = left.next().unwrap_or_else(|| LeftRows::all(rows));
                left.fold(first, |kept, left| {
                    let settled = both(&kept.settled, &left.settled);
                    let open = without(&both(&kept.every(), &left.every()), &settled);
                    LeftRows { settled, open }
                })
            }
            Self::Any(parts) => {
                let left = parts.iter().map(|part| part.left(terms, group, rows));
                let (settled, open): (Vec<Rows>, Vec<Rows>) =
                    left.map(|left| (left.settled, left.open)).unzip();
                let settled = any_of(settled);
                let open = without(&any_of(open), &settled);
                LeftRows { settled, open }
            }
        }
    }
}

/// The rows of a row group of so many that may have all of some terms; settled when these are all that is asked for.
fn having(known: &GroupTerms, needed: &[Term], whole: bool, rows: usize) -> LeftRows {
    let (mut kept, mut others) = (LeftRows::all(rows).open, Vec::new());
    for term in needed {
        match known.postings.rows(&term.text, rows) {
            Some(followed) => kept = both(&kept, &followed),
            None => others.push(term.number),
        }
    }
    let (settled, open) = match others.is_empty() {
        true if whole => (kept, Rows::new()),
        true => (Rows::new(), kept),
        false => (
            Rows::new(),
            both(&kept, &blocks(&known.sketch, &others, rows)),
        ),
    };
    LeftRows { settled, open }
}

/// The blocks of a row group of so many rows that may have all of some terms.
fn blocks(sketch: &GroupSketch, numbers: &[u64], rows: usize) -> Rows {
    let mut kept = Rows::new();
    for block in 0..rows.div_ceil(BLOCK_ROWS) {
        if !numbers.iter().all(|number| sketch.may_have(block, *number)) {
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

fn has(column: &str, terms: Vec<Term>, whole: bool) -> Option<TermCondition> {
    let column = column.to_owned();
    (!terms.is_empty()).then_some(TermCondition::Has {
        column,
        terms,
        whole,
    })
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
    has(column, needed_terms(value.try_as_str()??, whole), false)
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
