//! Statements.

use super::Parser;
use crate::ast::{
    Expr, ExprKind, Function, FunctionBody, Let, LetValue, ParameterDeclaration, ParameterKind,
    Query, Source, SourceKind, Statement, StatementKind, Tabular,
};
use crate::diagnostic::Span;
use crate::token::TokenKind;

impl Parser<'_> {
    /// The whole text.
    pub(super) fn query(&mut self) -> Query {
        let mut statements = Vec::new();
        loop {
            while self.eat(TokenKind::Semicolon) {}
            if self.at(TokenKind::End) {
                break;
            }
            statements.push(self.statement());
            self.end_of_statement();
        }
        let span = Span::new(0, u32::try_from(self.source.len()).unwrap_or(u32::MAX));
        Query { statements, span }
    }

    /// Reports and skips what stands between a statement and its `;`.
    fn end_of_statement(&mut self) {
        if matches!(self.kind(), TokenKind::Semicolon | TokenKind::End) {
            return;
        }
        let diagnostic = self.unexpected();
        self.report(diagnostic.with_suggestion("Statements are separated by ;"));
        while !matches!(self.kind(), TokenKind::Semicolon | TokenKind::End) {
            self.bump();
        }
    }

    fn statement(&mut self) -> Statement {
        let start = self.here().start;
        let kind = if let Some(kind) = self.declaration() {
            kind
        } else if let Some(kind) = self.unsupported_statement() {
            kind
        } else {
            self.tallest = 0;
            StatementKind::Expression(self.pipeline(start, None))
        };
        Statement {
            kind,
            span: self.span_from(start),
        }
    }

    /// A statement that gives no rows: `let`, `set`, `declare`.
    fn declaration(&mut self) -> Option<StatementKind> {
        let named = self.scan_name(1).is_some();
        if self.at_word("let") && named {
            return Some(StatementKind::Let(self.let_statement()));
        }
        if self.at_word("set") && named && self.nth(1).kind == TokenKind::Word {
            self.bump();
            let name = self.name();
            let value = self.eat(TokenKind::Assign).then(|| self.expression());
            return Some(StatementKind::Set { name, value });
        }
        if self.at_word("declare") && self.nth_is_word(1, "query_parameters") {
            self.bump();
            self.bump();
            return Some(StatementKind::DeclareQueryParameters(
                self.parameter_declarations(),
            ));
        }
        None
    }

    /// `alias`, `restrict` and `declare pattern`, by name only.
    fn unsupported_statement(&mut self) -> Option<StatementKind> {
        let known = (self.at_word("alias") && self.nth_is_word(1, "database"))
            || (self.at_word("restrict") && self.nth_is_word(1, "access"))
            || (self.at_word("declare") && self.nth_is_word(1, "pattern"));
        let command = self.at(TokenKind::Dot);
        if !known && !command {
            return None;
        }
        let token = self.peek();
        let message = if command {
            "Management commands are not supported".to_owned()
        } else {
            format!("The statement '{}' is not supported yet", self.text(token))
        };
        self.error("BZ001", token.span, message);
        while !matches!(self.kind(), TokenKind::Semicolon | TokenKind::End) {
            self.bump();
        }
        Some(StatementKind::Error)
    }

    fn let_statement(&mut self) -> Let {
        self.bump();
        let name = self.name();
        if !self.eat(TokenKind::Assign) {
            self.expected("=");
        }
        Let {
            name,
            value: self.let_value(),
        }
    }

    fn let_value(&mut self) -> LetValue {
        if self.at_function() {
            return LetValue::Function(self.function());
        }
        self.value()
    }

    /// A scalar or tabular expression, whichever it turns out to be.
    fn value(&mut self) -> LetValue {
        let start = self.here().start;
        self.tallest = 0;
        let tabular = self.pipeline(start, None);
        if !tabular.operators.is_empty() {
            return LetValue::Tabular(tabular);
        }
        match tabular.source.kind {
            SourceKind::Expr(expr) if is_tabular(&expr) => {
                let source = Source {
                    kind: SourceKind::Expr(expr),
                    span: tabular.source.span,
                };
                LetValue::Tabular(Tabular { source, ..tabular })
            }
            SourceKind::Expr(expr) => LetValue::Scalar(expr),
            SourceKind::Error => LetValue::Scalar(Expr {
                kind: ExprKind::Error,
                span: tabular.span,
            }),
            kind => {
                let source = Source {
                    kind,
                    span: tabular.source.span,
                };
                LetValue::Tabular(Tabular { source, ..tabular })
            }
        }
    }

    /// Whether `(name:`, `()`, `(*` or `view (` stands here.
    fn at_function(&self) -> bool {
        let at = usize::from(self.at_word("view"));
        if self.nth(at).kind != TokenKind::OpenParen {
            return false;
        }
        match self.nth(at + 1).kind {
            TokenKind::CloseParen => true,
            _ => self
                .scan_name(at + 1)
                .is_some_and(|length| self.nth(at + 1 + length).kind == TokenKind::Colon),
        }
    }

    fn function(&mut self) -> Function {
        let start = self.here().start;
        let view = self.eat_word("view");
        let parameters = self.parameter_declarations();
        let body = self.function_body();
        Function {
            view,
            parameters,
            body,
            span: self.span_from(start),
        }
    }

    fn function_body(&mut self) -> FunctionBody {
        let start = self.here().start;
        let mut body = FunctionBody {
            statements: Vec::new(),
            result: None,
            span: Span::empty(start),
        };
        if !self.expect(TokenKind::OpenBrace, "{") {
            return body;
        }
        self.nested(|parser| parser.function_statements(&mut body));
        if !self.eat(TokenKind::CloseBrace) {
            self.expected("}");
            self.skip_until(|_| false);
            self.eat(TokenKind::CloseBrace);
        }
        body.span = self.span_from(start);
        body
    }

    fn function_statements(&mut self, body: &mut FunctionBody) {
        loop {
            while self.eat(TokenKind::Semicolon) {}
            if matches!(self.kind(), TokenKind::CloseBrace | TokenKind::End) {
                return;
            }
            let start = self.here().start;
            if let Some(kind) = self.declaration() {
                body.statements.push(Statement {
                    kind,
                    span: self.span_from(start),
                });
                if self.at(TokenKind::Semicolon) {
                    continue;
                }
                // The last statement of a body must be an expression, so something is missing here.
                return self.expected(";");
            }
            if body.result.is_some() {
                return self.expected("}");
            }
            body.result = Some(Box::new(self.value()));
        }
    }

    /// `(name:type = default, table:(column:type), …)`.
    pub(super) fn parameter_declarations(&mut self) -> Vec<ParameterDeclaration> {
        let mut parameters = Vec::new();
        if !self.expect(TokenKind::OpenParen, "(") {
            return parameters;
        }
        while !self.at(TokenKind::CloseParen) {
            parameters.push(self.parameter_declaration());
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        if !self.eat(TokenKind::CloseParen) {
            self.expected(", or )");
            self.skip_until(|_| false);
            self.eat(TokenKind::CloseParen);
        }
        parameters
    }

    fn parameter_declaration(&mut self) -> ParameterDeclaration {
        let name = self.name();
        self.expect(TokenKind::Colon, ":");
        let kind = if self.at(TokenKind::OpenParen) {
            let (open, columns) = self.row_schema();
            ParameterKind::Tabular { open, columns }
        } else {
            let ty = self.type_name();
            let default = self.eat(TokenKind::Assign).then(|| self.expression());
            ParameterKind::Scalar { ty, default }
        };
        let span = self.span_from(name.span.start);
        ParameterDeclaration { name, kind, span }
    }
}

/// Whether the expression is a tabular one, perhaps in brackets.
fn is_tabular(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Tabular(_) => true,
        ExprKind::Paren(inner) => is_tabular(inner),
        _ => false,
    }
}
