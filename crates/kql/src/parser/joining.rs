//! `join`, `lookup` and `union`.

use super::Parser;
use crate::ast::{
    Expr, ExprKind, Join, JoinKind, Literal, Parameter, Source, SourceKind, Tabular, Union,
    UnionKind, UnionOperand,
};
use crate::diagnostic::Diagnostic;
use crate::token::TokenKind;

const JOIN_KINDS: [(&str, JoinKind); 12] = [
    ("innerunique", JoinKind::InnerUnique),
    ("inner", JoinKind::Inner),
    ("leftouter", JoinKind::LeftOuter),
    ("rightouter", JoinKind::RightOuter),
    ("fullouter", JoinKind::FullOuter),
    ("leftsemi", JoinKind::LeftSemi),
    ("rightsemi", JoinKind::RightSemi),
    ("leftanti", JoinKind::LeftAnti),
    ("anti", JoinKind::LeftAnti),
    ("leftantisemi", JoinKind::LeftAnti),
    ("rightanti", JoinKind::RightAnti),
    ("rightantisemi", JoinKind::RightAnti),
];

const LOOKUP_KINDS: [(&str, JoinKind); 2] = [
    ("leftouter", JoinKind::LeftOuter),
    ("inner", JoinKind::Inner),
];

impl Parser<'_> {
    /// `join kind = …  right on conditions`.
    pub(super) fn join(&mut self, start: u32) -> Join {
        self.joined(&JOIN_KINDS, start)
    }

    /// `lookup`: as `join`, with fewer kinds.
    pub(super) fn lookup(&mut self, start: u32) -> Join {
        self.joined(&LOOKUP_KINDS, start)
    }

    fn joined(&mut self, kinds: &[(&str, JoinKind)], start: u32) -> Join {
        let mut parameters = self.parameters(&["kind"]);
        let kind = self.take_choice(&mut parameters, "kind", kinds);
        let right = self.expression();
        let right = tabular_of(right);
        let on = if self.eat_word("on") {
            self.expressions()
        } else {
            let span = self.span_from(start);
            let mut error = Diagnostic::error("KS006", span, "Missing join on condition clause");
            error.suggestion = self.at_word("as").then(|| super::advice::SIDES.to_owned());
            self.report(error);
            Vec::new()
        };
        Join {
            kind,
            parameters,
            right,
            on,
        }
    }

    pub(super) fn union(&mut self) -> Union {
        let mut parameters = self.parameters(&["kind", "withsource", "with_source", "isfuzzy"]);
        let kinds = [("inner", UnionKind::Inner), ("outer", UnionKind::Outer)];
        let kind = self.take_choice(&mut parameters, "kind", &kinds);
        let with_source = self.take_word(&mut parameters, "withsource");
        let with_source = with_source.or(self.take_word(&mut parameters, "with_source"));
        let is_fuzzy = self.take_flag(&mut parameters, "isfuzzy");
        let operands = self.list(Self::union_operand);
        Union {
            kind,
            with_source,
            is_fuzzy,
            parameters,
            operands,
        }
    }

    /// Removes the parameter `name`; true when it is `true` or a number that is not zero.
    fn take_flag(&mut self, parameters: &mut Vec<Parameter>, name: &str) -> bool {
        let Some(at) = parameters
            .iter()
            .position(|parameter| parameter.name.text == name)
        else {
            return false;
        };
        let Parameter { value, .. } = parameters.remove(at);
        match value.kind {
            ExprKind::Literal(Literal::Bool(Some(flag))) => flag,
            ExprKind::Literal(Literal::Long(Some(number))) => number != 0,
            _ => {
                self.error("KS006", value.span, "Missing boolean");
                false
            }
        }
    }

    /// A table of `union` or `search in`.
    pub(super) fn union_operand(&mut self) -> UnionOperand {
        if self.scan_wildcard().is_some() || self.at(TokenKind::Star) {
            return UnionOperand::Pattern(self.name_pattern());
        }
        UnionOperand::Table(self.expression())
    }
}

/// The right side of a join: brackets around a pipeline are dropped, anything else is a source.
pub(super) fn tabular_of(expr: Expr) -> Tabular {
    let span = expr.span;
    let kind = match expr.kind {
        ExprKind::Error => SourceKind::Error,
        ExprKind::Paren(inner) => match inner.kind {
            ExprKind::Tabular(tabular) => return *tabular,
            kind => SourceKind::Expr(Expr {
                kind,
                span: inner.span,
            }),
        },
        kind => SourceKind::Expr(Expr { kind, span }),
    };
    Tabular {
        source: Source { kind, span },
        operators: Vec::new(),
        span,
    }
}
