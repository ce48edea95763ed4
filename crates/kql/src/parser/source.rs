//! Pipelines and what they begin with.

use super::{MAX_OPERATORS, MAX_SUBQUERY_DEPTH, Parser};
use crate::ast::{
    ColumnDeclaration, ExprKind, ExternalData, Name, NamedExpr, Operator, OperatorKind, Parameter,
    Source, SourceKind, Tabular,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::keyword;
use crate::token::TokenKind;

impl Parser<'_> {
    /// Whether an operator that makes rows of its own stands here, such as `union` or `print`. Within brackets a
    /// column may have such a name, so there the next token decides.
    pub(super) fn at_source_operator(&self, in_brackets: bool) -> bool {
        if !self.at(TokenKind::Word) {
            return false;
        }
        let next = self.nth(1).kind;
        let ends = matches!(
            next,
            TokenKind::Comma
                | TokenKind::CloseParen
                | TokenKind::Assign
                | TokenKind::Dot
                | TokenKind::Pipe
                | TokenKind::EqualEqual
                | TokenKind::BangEqual
                | TokenKind::End
                | TokenKind::Semicolon
        );
        match self.text(self.peek()) {
            "datatable" | "externaldata" | "external_data" => next == TokenKind::OpenParen,
            "range" => self
                .scan_name(1)
                .is_some_and(|length| self.nth_is_word(1 + length, "from")),
            "evaluate" => next == TokenKind::Word,
            "union" | "search" | "find" => !ends || (!in_brackets && next != TokenKind::Pipe),
            "print" => !ends || !in_brackets,
            _ => false,
        }
    }

    /// Runs `parse` one pipeline or function body deeper. When that is too deep, skips to the end of the bracket.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.subqueries >= MAX_SUBQUERY_DEPTH {
            let span = self.here();
            self.too_deep(span, "pipelines within each other", MAX_SUBQUERY_DEPTH);
            self.skip_until(|_| false);
            return None;
        }
        self.subqueries += 1;
        let parsed = parse(self);
        self.subqueries -= 1;
        Some(parsed)
    }

    /// A source, unless it has been read, and the operators after it.
    pub(super) fn pipeline(&mut self, start: u32, source: Option<Source>) -> Tabular {
        let source = source.unwrap_or_else(|| self.source());
        let mut operators = Vec::new();
        self.end_of_operator();
        while self.at(TokenKind::Pipe) {
            if operators.len() >= MAX_OPERATORS {
                let span = self.here();
                self.error(
                    "KS245",
                    span,
                    format!("A pipeline may have at most {MAX_OPERATORS} operators"),
                );
                self.skip_until(|_| false);
                break;
            }
            self.bump();
            operators.push(self.operator());
            self.end_of_operator();
        }
        Tabular {
            source,
            operators,
            span: self.span_from(start),
        }
    }

    /// After a source or an operator: reports what does not belong there and skips it.
    pub(super) fn end_of_operator(&mut self) {
        let nested = self.subqueries > 0;
        let ends = |kind| match kind {
            TokenKind::Pipe | TokenKind::Semicolon | TokenKind::End => true,
            TokenKind::CloseParen
            | TokenKind::CloseBrace
            | TokenKind::Comma
            | TokenKind::CloseBracket => nested,
            _ => false,
        };
        if ends(self.kind()) {
            return;
        }
        let diagnostic = Diagnostic {
            suggestion: self.advice_behind(),
            ..self.unexpected()
        };
        self.report(diagnostic);
        loop {
            self.skip_until(|kind| kind == TokenKind::Pipe);
            // A closing bracket that nothing opened.
            if ends(self.kind()) {
                return;
            }
            self.bump();
        }
    }

    /// That the next token has no place here. The codes are the analyser's: what could begin a statement lacks a
    /// separator before it, anything else is a fragment.
    pub(super) fn unexpected(&self) -> Diagnostic {
        let token = self.peek();
        let text: String = self.text(token).chars().take(40).collect();
        let begins = match token.kind {
            TokenKind::Word => !matches!(
                text.as_str(),
                "by" | "of" | "to" | "asc" | "desc" | "and" | "or" | "from" | "step"
            ),
            TokenKind::String
            | TokenKind::Long
            | TokenKind::Real
            | TokenKind::TimeSpan
            | TokenKind::OpenParen
            | TokenKind::OpenBracket => true,
            _ => false,
        };
        let code = if begins { "KS005" } else { "KS198" };
        Diagnostic::error(code, token.span, format!("Unexpected: {text}"))
    }

    fn source(&mut self) -> Source {
        let start = self.here().start;
        let kind = if self.at_source_operator(self.subqueries > 0) {
            self.source_operator()
        } else {
            self.source_expression()
        };
        Source {
            kind,
            span: self.span_from(start),
        }
    }

    fn source_expression(&mut self) -> SourceKind {
        let token = self.peek();
        let text = self.text(token);
        if token.kind == TokenKind::Word && is_operator(text) && self.operand_follows() {
            let diagnostic = Diagnostic::error(
                "KS174",
                token.span,
                "The operator cannot be the first operator in a query",
            );
            self.report(
                diagnostic.with_suggestion(format!("Begin with a table: TableName | {text} …")),
            );
            self.skip_until(|kind| kind == TokenKind::Pipe);
            return SourceKind::Error;
        }
        let is_macro = self.at_word("macro")
            && self.nth(1).kind == TokenKind::Minus
            && self.is_adjacent(1)
            && self.nth_is_word(2, "expand")
            && self.is_adjacent(2);
        if is_macro {
            let diagnostic = Diagnostic::error(
                "BZ001",
                token.span.to(self.nth(2).span),
                "The operator 'macro-expand' is not supported: hunting has no clusters and databases to make groups of",
            );
            self.report(diagnostic.with_suggestion("Name the tables in a union"));
            self.skip_until(|kind| kind == TokenKind::Pipe);
            return SourceKind::Error;
        }
        let expr = self.expression();
        if matches!(expr.kind, ExprKind::Error) {
            SourceKind::Error
        } else {
            SourceKind::Expr(expr)
        }
    }

    /// Whether the token after the next one can only be the operand of an operator.
    fn operand_follows(&self) -> bool {
        let token = self.nth(1);
        match token.kind {
            TokenKind::Long => true,
            TokenKind::OpenBracket => !self.is_adjacent(1),
            TokenKind::Word => self.text(token) == "by" || !keyword::is_reserved(self.text(token)),
            _ => false,
        }
    }

    fn source_operator(&mut self) -> SourceKind {
        match self.text(self.peek()) {
            "print" => {
                self.bump();
                SourceKind::Print(self.named_expressions())
            }
            "range" => self.range(),
            "datatable" => self.datatable(),
            "externaldata" | "external_data" => self.externaldata(),
            _ => {
                let Operator { kind, .. } = self.operator();
                SourceKind::Operator(Box::new(kind))
            }
        }
    }

    /// `range x from a to b step c`.
    fn range(&mut self) -> SourceKind {
        self.bump();
        let column = self.name();
        self.expect_word("from");
        let from = self.expression();
        self.expect_word("to");
        let to = self.expression();
        let step = self.eat_word("step").then(|| self.expression());
        if step.is_none() {
            self.expected("step");
        }
        SourceKind::Range {
            column,
            from,
            to,
            step,
        }
    }

    /// `datatable(schema) [values]`.
    fn datatable(&mut self) -> SourceKind {
        self.bump();
        let columns = self.row_schema().1;
        let values = self.bracketed_expressions();
        SourceKind::DataTable { columns, values }
    }

    /// `[a, b, …]`; a comma at the end is allowed.
    fn bracketed_expressions(&mut self) -> Vec<crate::ast::Expr> {
        let mut values = Vec::new();
        if !self.expect(TokenKind::OpenBracket, "[") {
            return values;
        }
        while !self.at(TokenKind::CloseBracket) {
            values.push(self.expression());
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        if !self.eat(TokenKind::CloseBracket) {
            self.expected(", or ]");
            self.skip_until(|_| false);
            self.eat(TokenKind::CloseBracket);
        }
        values
    }

    fn externaldata(&mut self) -> SourceKind {
        self.bump();
        let columns = self.row_schema().1;
        let mut properties = self.properties();
        let uris = self.bracketed_expressions();
        properties.extend(self.properties());
        SourceKind::ExternalData(ExternalData {
            columns,
            uris,
            properties,
        })
    }

    /// `with (name = value, …)`, if it stands here.
    pub(super) fn properties(&mut self) -> Vec<Parameter> {
        let mut properties = Vec::new();
        if !self.eat_word("with") || !self.expect(TokenKind::OpenParen, "(") {
            return properties;
        }
        self.property_list(&mut properties);
        if !self.eat(TokenKind::CloseParen) {
            self.expected(", or )");
            self.skip_until(|_| false);
            self.eat(TokenKind::CloseParen);
        }
        properties
    }

    /// `name = value` pairs, with or without commas between them. A value may be several names
    /// (`series = a, b`): then its name is repeated, once for each.
    pub(super) fn property_list(&mut self, properties: &mut Vec<Parameter>) {
        while let Some(length) = self.scan_name(0) {
            if self.nth(length).kind == TokenKind::Assign {
                let name = self.name();
                self.bump();
                let value = self.expression();
                properties.push(Parameter { name, value });
            } else if let Some(Parameter { name, .. }) = properties.last() {
                let name = name.clone();
                let value = self.expression();
                properties.push(Parameter { name, value });
            } else {
                return;
            }
            let more = self.eat(TokenKind::Comma);
            let named = self
                .scan_name(0)
                .is_some_and(|length| self.nth(length).kind == TokenKind::Assign);
            if !more && !named {
                return;
            }
        }
    }

    /// `(name : type, …)`; true when it begins with `*`.
    pub(super) fn row_schema(&mut self) -> (bool, Vec<ColumnDeclaration>) {
        if !self.expect(TokenKind::OpenParen, "(") {
            return (false, Vec::new());
        }
        let schema = self.row_schema_items();
        if !self.eat(TokenKind::CloseParen) {
            self.expected(", or )");
            self.skip_until(|_| false);
            self.eat(TokenKind::CloseParen);
        }
        schema
    }

    /// The inside of a row schema.
    pub(super) fn row_schema_items(&mut self) -> (bool, Vec<ColumnDeclaration>) {
        let (mut open, mut columns) = (false, Vec::new());
        while !self.at(TokenKind::CloseParen) {
            if self.eat(TokenKind::Star) {
                open = true;
            } else {
                let name = self.name();
                self.expect(TokenKind::Colon, ":");
                columns.push(ColumnDeclaration {
                    name,
                    ty: self.type_name(),
                });
            }
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        (open, columns)
    }

    /// The name of a type, as written.
    pub(super) fn type_name(&mut self) -> Name {
        if self.at(TokenKind::Word) {
            return self.name();
        }
        let span = Span::empty(self.here().start);
        self.missing("type name");
        Name {
            text: String::new(),
            span,
        }
    }

    /// `a, x = b, (y, z) = c`, at least one.
    pub(super) fn named_expressions(&mut self) -> Vec<NamedExpr> {
        let mut items = vec![self.named_expression()];
        while self.eat(TokenKind::Comma) {
            items.push(self.named_expression());
        }
        items
    }

    /// `expr`, `name = expr` or `(a, b) = expr`.
    pub(super) fn named_expression(&mut self) -> NamedExpr {
        let start = self.here().start;
        let mut names = Vec::new();
        if self
            .scan_name(0)
            .is_some_and(|length| self.nth(length).kind == TokenKind::Assign)
        {
            names.push(self.name());
            self.bump();
        } else if self.at_name_list() {
            self.bump();
            while !self.eat(TokenKind::CloseParen) {
                names.push(self.name());
                self.eat(TokenKind::Comma);
            }
            self.bump();
        } else if self.at_dashed_name() {
            names.push(self.dashed_name());
            self.bump();
        }
        let expr = self.expression();
        NamedExpr {
            names,
            expr,
            span: self.span_from(start),
        }
    }

    /// Whether `(a, b) =` stands here.
    fn at_name_list(&self) -> bool {
        if !self.at(TokenKind::OpenParen) {
            return false;
        }
        let mut at = 1;
        while let Some(length) = self.scan_name(at) {
            at += length;
            match self.nth(at).kind {
                TokenKind::Comma => at += 1,
                TokenKind::CloseParen => return self.nth(at + 1).kind == TokenKind::Assign,
                _ => return false,
            }
        }
        false
    }

    /// Whether `a-b =` stands here, which is no name.
    fn at_dashed_name(&self) -> bool {
        self.at(TokenKind::Word)
            && self.nth(1).kind == TokenKind::Minus
            && self.nth(2).kind == TokenKind::Word
            && self.nth(3).kind == TokenKind::Assign
    }

    fn dashed_name(&mut self) -> Name {
        let start = self.bump().span.start;
        self.bump();
        self.bump();
        let span = self.span_from(start);
        let text = span.text(self.source).to_owned();
        let message = format!(
            "The name '{text}' needs to be bracketed as ['{text}'] to be used in this context"
        );
        self.error("KS228", span, message);
        Name { text, span }
    }
}

/// Whether the word is the name of an operator.
pub(super) fn is_operator(word: &str) -> bool {
    keyword::OPERATORS.contains(&word) || keyword::OPERATORS_NOT_YET.contains(&word)
}

/// An operator that could not be read.
pub(super) fn unsupported(name: &str) -> OperatorKind {
    OperatorKind::Unsupported {
        name: name.to_owned(),
    }
}
