//! The operators after a pipe.

use super::Parser;
use super::source::unsupported;
use crate::ast::{
    Evaluate, Expr, ExprKind, MvApply, MvColumn, MvExpand, MvKind, NullsOrder, Operator,
    OperatorKind, Parse, ParseItem, ParseKind, Rename, Render, ReorderColumn, ReorderDirection,
    Search, SortDirection, SortKey, Summarize,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::keyword;
use crate::token::TokenKind;

/// What `render` draws.
const CHARTS: [&str; 21] = [
    "anomalychart",
    "areachart",
    "barchart",
    "card",
    "columnchart",
    "graph",
    "ladderchart",
    "linechart",
    "list",
    "piechart",
    "pivotchart",
    "plotly",
    "sankey",
    "scatterchart",
    "stackedareachart",
    "table",
    "timechart",
    "timeline",
    "timepivot",
    "treemap",
    "3Dchart",
];

impl Parser<'_> {
    /// The operator after a pipe. When there is none that we know, reports it and skips to the next pipe.
    pub(super) fn operator(&mut self) -> Operator {
        let start = self.here().start;
        let kind = if self.at(TokenKind::Word) {
            let name = self.dashed_word(super::source::is_operator);
            self.simple_operator(name, start)
        } else {
            self.no_operator("", start)
        };
        Operator {
            kind,
            span: self.span_from(start),
        }
    }

    /// Operators whose operands are a plain list; the others are passed on.
    fn simple_operator(&mut self, name: &str, start: u32) -> OperatorKind {
        match name {
            "where" | "filter" => self.predicate(),
            "project" => OperatorKind::Project(self.named_expressions()),
            "extend" => OperatorKind::Extend(self.named_expressions()),
            "count" => {
                let named = self.eat_word("as");
                OperatorKind::Count(named.then(|| self.name()))
            }
            "getschema" => OperatorKind::GetSchema,
            "consume" => OperatorKind::Consume,
            "take" | "limit" => OperatorKind::Take(self.expression()),
            "sample" => OperatorKind::Sample(self.expression()),
            "distinct" => {
                self.parameters(&[]);
                OperatorKind::Distinct(self.named_expressions())
            }
            "project-away" => OperatorKind::ProjectAway(self.list(Self::name_pattern)),
            "project-keep" => OperatorKind::ProjectKeep(self.list(Self::name_pattern)),
            "project-rename" => OperatorKind::ProjectRename(self.list(Self::rename)),
            "project-reorder" => OperatorKind::ProjectReorder(self.list(Self::reorder_column)),
            "serialize" if self.ends_operator() => OperatorKind::Serialize(Vec::new()),
            "serialize" => OperatorKind::Serialize(self.named_expressions()),
            _ => self.larger_operator(name, start),
        }
    }

    /// Operators with clauses.
    fn larger_operator(&mut self, name: &str, start: u32) -> OperatorKind {
        match name {
            "summarize" => self.summarize(),
            "sort" | "order" => self.sort(),
            "top" => self.top(),
            "join" => OperatorKind::Join(self.join(start)),
            "lookup" => OperatorKind::Lookup(self.lookup(start)),
            "union" => OperatorKind::Union(self.union()),
            "mv-expand" => self.mv_expand(false),
            "mvexpand" => self.mv_expand(true),
            "mv-apply" | "mvapply" => self.mv_apply(),
            "parse" => self.parse_operator(false),
            "parse-where" => self.parse_operator(true),
            "evaluate" => self.evaluate(),
            "invoke" => self.invoke(),
            "search" => self.search(),
            "render" => self.render(),
            "sample-distinct" => self.sample_distinct(),
            "as" => {
                let parameters = self.parameters(&[]);
                OperatorKind::As {
                    name: self.name(),
                    parameters,
                }
            }
            _ => match self.clause_operator(name) {
                Some(kind) => kind,
                None => self.no_operator(name, start),
            },
        }
    }

    /// Reports an operator that is unknown, not supported, or not there.
    fn no_operator(&mut self, name: &str, start: u32) -> OperatorKind {
        let span = self.span_from(start);
        let here = self.here();
        let diagnostic = if name.is_empty() {
            Diagnostic::error("KS176", here, "Query operator expected")
        } else if keyword::OPERATORS_NOT_YET.contains(&name) {
            Diagnostic::error(
                "BZ001",
                span,
                format!("The operator '{name}' is not supported yet"),
            )
        } else {
            let diagnostic = Diagnostic::error(
                "KS176",
                span,
                format!("Query operator expected: there is no '{name}'"),
            );
            let near = || keyword::nearest(name, keyword::OPERATORS.iter().copied());
            match habit::operator(name).or_else(near) {
                Some(own) => diagnostic.with_suggestion(format!("Write {own}")),
                None => diagnostic,
            }
        };
        self.report(diagnostic);
        self.skip_until(|kind| kind == TokenKind::Pipe);
        unsupported(name)
    }

    /// Whether nothing of an operator is left.
    pub(super) fn ends_operator(&self) -> bool {
        matches!(
            self.kind(),
            TokenKind::Pipe
                | TokenKind::Semicolon
                | TokenKind::End
                | TokenKind::CloseParen
                | TokenKind::CloseBrace
        )
    }

    /// Items with commas between them, at least one.
    pub(super) fn list<T>(&mut self, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = vec![item(self)];
        while self.eat(TokenKind::Comma) {
            items.push(item(self));
        }
        items
    }

    pub(super) fn expressions(&mut self) -> Vec<Expr> {
        self.list(Self::expression)
    }

    fn rename(&mut self) -> Rename {
        let new = self.name();
        if !self.eat(TokenKind::Assign) {
            self.error(
                "KS110",
                new.span,
                "Column rename assignment expected: new = old",
            );
            return Rename {
                old: new.clone(),
                new,
            };
        }
        let old = self.name();
        Rename { new, old }
    }

    fn reorder_column(&mut self) -> ReorderColumn {
        let pattern = self.name_pattern();
        let word = |word: &str| matches!(word, "granny-asc" | "granny-desc");
        let direction = if self.at_word("asc") || self.at_word("desc") || self.at_word("granny") {
            match self.dashed_word(word) {
                "asc" => Some(ReorderDirection::Asc),
                "desc" => Some(ReorderDirection::Desc),
                "granny-asc" => Some(ReorderDirection::GrannyAsc),
                "granny-desc" => Some(ReorderDirection::GrannyDesc),
                _ => None,
            }
        } else {
            None
        };
        ReorderColumn { pattern, direction }
    }

    fn summarize(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[]);
        let aggregates = if self.at_word("by") || self.ends_operator() {
            Vec::new()
        } else {
            self.named_expressions()
        };
        let by = self.eat_word("by").then(|| self.named_expressions());
        if aggregates.is_empty() && by.is_none() {
            self.missing("expression");
        }
        OperatorKind::Summarize(Summarize {
            aggregates,
            by,
            parameters,
        })
    }

    fn sort_key(&mut self) -> SortKey {
        let expr = self.expression();
        let direction = if self.eat_word("asc") {
            Some(SortDirection::Asc)
        } else {
            self.eat_word("desc").then_some(SortDirection::Desc)
        };
        let nulls = if !self.eat_word("nulls") {
            None
        } else if self.eat_word("first") {
            Some(NullsOrder::First)
        } else if self.eat_word("last") {
            Some(NullsOrder::Last)
        } else {
            self.missing("first or last");
            None
        };
        SortKey {
            expr,
            direction,
            nulls,
        }
    }

    fn sort(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[]);
        self.expect_word("by");
        OperatorKind::Sort {
            keys: self.list(Self::sort_key),
            parameters,
        }
    }

    fn top(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[]);
        let count = self.expression();
        self.expect_word("by");
        let by = self.sort_key();
        if self.at(TokenKind::Comma) {
            let advice = "top sorts by one key; for several write | sort by …, … | take …";
            self.report(self.unexpected().with_suggestion(advice));
            self.skip_until(|kind| kind == TokenKind::Pipe);
        }
        OperatorKind::Top {
            count,
            by,
            parameters,
        }
    }

    fn sample_distinct(&mut self) -> OperatorKind {
        let count = self.expression();
        self.expect_word("of");
        OperatorKind::SampleDistinct {
            count,
            of: self.expression(),
        }
    }

    /// A column of `mv-expand`: `expr`, `name = expr`, either with `to typeof(type)`.
    fn mv_column(&mut self) -> MvColumn {
        let named = self.named_expression();
        let name = named.names.into_iter().next();
        let mut to = None;
        if self.eat_word("to") {
            self.expect_word("typeof");
            self.expect(TokenKind::OpenParen, "(");
            to = Some(self.type_name());
            self.expect(TokenKind::CloseParen, ")");
        }
        MvColumn {
            name,
            expr: named.expr,
            to,
        }
    }

    fn mv_expand(&mut self, legacy: bool) -> OperatorKind {
        let mut parameters = self.parameters(&["kind", "bagexpansion", "with_itemindex"]);
        let kinds = [("bag", MvKind::Bag), ("array", MvKind::Array)];
        let kind = self.take_choice(&mut parameters, "kind", &kinds);
        let kind = kind.or(self.take_choice(&mut parameters, "bagexpansion", &kinds));
        let item_index = self.take_word(&mut parameters, "with_itemindex");
        let columns = self.list(Self::mv_column);
        let limit = self.eat_word("limit").then(|| self.expression());
        OperatorKind::MvExpand(MvExpand {
            legacy,
            kind,
            item_index,
            columns,
            limit,
        })
    }

    fn mv_apply(&mut self) -> OperatorKind {
        let mut parameters = self.parameters(&["with_itemindex"]);
        let item_index = self.take_word(&mut parameters, "with_itemindex");
        let columns = self.list(Self::mv_column);
        let limit = self.eat_word("limit").then(|| self.expression());
        self.expect_word("on");
        self.expect(TokenKind::OpenParen, "(");
        let operators = self.nested(Self::operators_alone).unwrap_or_default();
        self.expect(TokenKind::CloseParen, ")");
        OperatorKind::MvApply(MvApply {
            item_index,
            columns,
            limit,
            operators,
        })
    }

    /// Operators with pipes between them and no source.
    pub(super) fn operators_alone(&mut self) -> Vec<Operator> {
        let mut operators = Vec::new();
        loop {
            operators.push(self.operator());
            self.end_of_operator();
            if operators.len() >= super::MAX_OPERATORS || !self.eat(TokenKind::Pipe) {
                return operators;
            }
        }
    }

    fn parse_operator(&mut self, drop_unmatched: bool) -> OperatorKind {
        let mut parameters = self.parameters(&["kind", "flags"]);
        let kinds = [
            ("simple", ParseKind::Simple),
            ("regex", ParseKind::Regex),
            ("relaxed", ParseKind::Relaxed),
        ];
        let kind = self.take_choice(&mut parameters, "kind", &kinds);
        let flags = self.take_word(&mut parameters, "flags");
        let expr = self.expression();
        self.expect_word("with");
        let mut items = Vec::new();
        while let Some(item) = self.parse_item() {
            items.push(item);
        }
        if items.is_empty() {
            self.missing("pattern");
        }
        OperatorKind::Parse(Parse {
            drop_unmatched,
            kind,
            flags,
            expr,
            items,
        })
    }

    fn parse_item(&mut self) -> Option<ParseItem> {
        let token = self.peek();
        match token.kind {
            TokenKind::Star => {
                self.bump();
                Some(ParseItem::Star(token.span))
            }
            TokenKind::String => {
                let (value, hidden) = self.adjacent_strings();
                let kind = ExprKind::Literal(crate::ast::Literal::String { value, hidden });
                Some(ParseItem::Text(Expr {
                    kind,
                    span: self.span_from(token.span.start),
                }))
            }
            _ => {
                let name = self.eat_name()?;
                let ty = self.eat(TokenKind::Colon).then(|| self.type_name());
                Some(ParseItem::Column { name, ty })
            }
        }
    }

    fn evaluate(&mut self) -> OperatorKind {
        let parameters = self.parameters(&[]);
        let expr = self.expression();
        let schema = self.eat(TokenKind::Colon).then(|| self.row_schema());
        match expr.kind {
            ExprKind::Call(call) => OperatorKind::Evaluate(Evaluate {
                parameters,
                call,
                schema,
            }),
            _ => self.no_call(&expr, "evaluate"),
        }
    }

    fn invoke(&mut self) -> OperatorKind {
        let expr = self.expression();
        match expr.kind {
            ExprKind::Call(call) => OperatorKind::Invoke(call),
            _ => self.no_call(&expr, "invoke"),
        }
    }

    fn no_call(&mut self, expr: &Expr, operator: &str) -> OperatorKind {
        self.error("KS006", expr.span, "Missing function call");
        unsupported(operator)
    }

    fn search(&mut self) -> OperatorKind {
        let mut parameters = self.parameters(&["kind"]);
        let kinds = [
            ("default", false),
            ("case_insensitive", false),
            ("case_sensitive", true),
        ];
        let case_sensitive = self
            .take_choice(&mut parameters, "kind", &kinds)
            .unwrap_or(false);
        let mut tables = Vec::new();
        if self.eat_word("in") && self.expect(TokenKind::OpenParen, "(") {
            tables = self.list(Self::union_operand);
            self.expect(TokenKind::CloseParen, ")");
        }
        let searching = std::mem::replace(&mut self.searching, true);
        let predicate = self.expression();
        self.searching = searching;
        OperatorKind::Search(Search {
            case_sensitive,
            tables,
            predicate,
        })
    }

    /// The condition of `where`. A single `=` behind it is the commonest slip of all: after a name it is a name for the
    /// condition that follows, which the language takes where that is one.
    fn predicate(&mut self) -> OperatorKind {
        let mut predicate = self.expression();
        if !self.at(TokenKind::Assign) {
            return OperatorKind::Where(predicate);
        }
        if let ExprKind::Name(name) = predicate.kind {
            self.bump();
            let rest = self.expression();
            if !self.at(TokenKind::Assign) {
                return OperatorKind::NamedWhere(name, rest);
            }
            // `a = 'x' and b = 1`: only the first could name a condition, and both were to compare.
            let kind = ExprKind::Error;
            predicate = Expr {
                kind,
                span: name.span,
            };
        }
        self.compares_nothing(predicate.span);
        OperatorKind::Where(predicate)
    }

    /// Says that a single `=` compares nothing, and skips the rest of the operator.
    fn compares_nothing(&mut self, span: Span) {
        let message = "The expression must have the type bool: a single = compares nothing";
        let diagnostic = Diagnostic::error("KS141", span, message);
        let advice = self.comparison();
        self.report(diagnostic.with_suggestion(advice));
        self.skip_until(|kind| kind == TokenKind::Pipe);
    }

    fn render(&mut self) -> OperatorKind {
        let Some(chart) = self.eat_name() else {
            self.expected("a chart, such as timechart");
            return unsupported("render");
        };
        if !chart.text.is_empty() && !CHARTS.contains(&chart.text.as_str()) {
            let message = format!("Expected: one of the charts {}", CHARTS.join(", "));
            self.error("KS005", chart.span, message);
        }
        let mut properties = self.properties();
        self.property_list(&mut properties);
        OperatorKind::Render(Render { chart, properties })
    }
}
