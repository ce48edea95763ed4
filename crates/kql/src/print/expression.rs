//! Expressions. Every operand that binds more loosely than its place needs gets brackets.

use super::Printer;
use crate::ast::{
    BinaryOp, Call, ColumnDeclaration, Expr, ExprKind, JoinSide, ListOp, LogicalOp, NamedExpr,
    TextOp, TextTest, TypeSpec, UnaryOp,
};
use crate::parser::level;

impl Printer {
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            // Something that does not parse, so that nobody runs what is left of a broken query.
            ExprKind::Error => self.push("<error>"),
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Name(name) => self.name(name),
            ExprKind::Star => self.push("*"),
            ExprKind::Side(JoinSide::Left) => self.push("$left"),
            ExprKind::Side(JoinSide::Right) => self.push("$right"),
            ExprKind::Call(call) => self.call(call),
            ExprKind::TypeOf(spec) => self.type_of(spec),
            ExprKind::Paren(inner) => self.in_brackets(inner),
            ExprKind::Tabular(tabular) => self.pipeline(tabular, false),
            ExprKind::Logical { op, operands, .. } => self.logical(*op, operands, false),
            _ => self.compound(expr),
        }
    }

    fn compound(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Member { object, name } => {
                self.operand(object, level::PRIMARY);
                self.push(".");
                self.name(name);
            }
            ExprKind::MemberCall { object, call } => {
                self.operand(object, level::PRIMARY);
                self.push(".");
                self.call(call);
            }
            ExprKind::Index { object, index } => {
                self.operand(object, level::PRIMARY);
                self.push("[");
                self.expr(index);
                self.push("]");
            }
            ExprKind::Unary { op, operand } => {
                self.push(if *op == UnaryOp::Minus { "-" } else { "+" });
                self.operand(operand, level::PRIMARY);
            }
            ExprKind::Binary {
                op, left, right, ..
            } => self.binary(*op, left, right),
            ExprKind::List { op, value, items } => {
                self.operand(value, level::EQUALITY + 1);
                self.push(" ");
                self.push(list_text(*op));
                self.push(" (");
                self.arguments(items.iter());
                self.push(")");
            }
            ExprKind::Between {
                negated,
                value,
                low,
                high,
                ..
            } => {
                self.operand(value, level::EQUALITY + 1);
                self.push(if *negated {
                    " !between ("
                } else {
                    " between ("
                });
                self.expr(low);
                self.push(" .. ");
                self.expr(high);
                self.push(")");
            }
            _ => {}
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let own = crate::parser::binary_level(op);
        let chains = matches!(own, level::SUM | level::PRODUCT);
        self.operand(left, if chains { own } else { own + 1 });
        if op != BinaryOp::SearchColumn {
            self.push(" ");
        }
        self.push(&binary_text(op));
        self.push(" ");
        self.operand(right, own + 1);
    }

    /// `and`, `or`, on one line or with an operand on each.
    pub(super) fn logical(&mut self, op: LogicalOp, operands: &[Expr], broken: bool) {
        let word = if op == LogicalOp::And { "and " } else { "or " };
        for (index, operand) in operands.iter().enumerate() {
            if index > 0 {
                if broken {
                    self.newline()
                } else {
                    self.push(" ")
                }
                self.push(word);
            }
            self.operand(operand, crate::parser::logical_level(op) + 1);
        }
    }

    /// An operand that must bind at least as tightly as `least`.
    pub(super) fn operand(&mut self, expr: &Expr, least: u8) {
        if level_of(expr) < least {
            self.in_brackets(expr)
        } else {
            self.expr(expr)
        }
    }

    /// An expression in brackets; a long pipeline on lines of its own.
    pub(super) fn in_brackets(&mut self, inner: &Expr) {
        self.push("(");
        self.bracketed(inner);
        self.push(")");
    }

    /// What stands directly in brackets.
    fn bracketed(&mut self, inner: &Expr) {
        match &inner.kind {
            ExprKind::Tabular(tabular) if tabular.operators.len() > 1 => {
                self.indented_pipeline(tabular)
            }
            _ => self.expr(inner),
        }
    }

    fn arguments<'a>(&mut self, values: impl Iterator<Item = &'a Expr>) {
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.bracketed(value);
        }
    }

    pub(super) fn call(&mut self, call: &Call) {
        self.function_name(&call.name.text);
        self.push("(");
        for (index, argument) in call.arguments.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            if let Some(name) = &argument.name {
                self.name(name);
                self.push("=");
            }
            self.bracketed(&argument.value);
        }
        self.push(")");
    }

    fn function_name(&mut self, text: &str) {
        if super::is_plain_function(text) {
            self.push(text);
        } else {
            self.quoted_name(text);
        }
    }

    fn type_of(&mut self, spec: &TypeSpec) {
        self.push("typeof(");
        match spec {
            TypeSpec::Scalar(name) => self.push(&name.text),
            TypeSpec::Row { open, columns } => self.schema_items(*open, columns),
        }
        self.push(")");
    }

    pub(super) fn schema_items(&mut self, open: bool, columns: &[ColumnDeclaration]) {
        if open {
            self.push(if columns.is_empty() { "*" } else { "*, " });
        }
        self.list(columns, |printer, column| {
            printer.name(&column.name);
            printer.push(":");
            printer.push(&column.ty.text);
        });
    }

    pub(super) fn named_expr(&mut self, named: &NamedExpr) {
        match &named.names[..] {
            [] => {}
            [name] => {
                self.name(name);
                self.push(" = ");
            }
            names => {
                self.push("(");
                self.list(names, |printer, name| printer.name(name));
                self.push(") = ");
            }
        }
        self.expr(&named.expr);
    }
}

fn level_of(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Logical { op, .. } => crate::parser::logical_level(*op),
        ExprKind::Binary { op, .. } => crate::parser::binary_level(*op),
        ExprKind::List { .. } | ExprKind::Between { .. } => level::EQUALITY,
        ExprKind::Unary { .. } => level::SIGN,
        // A pipe ends every expression that is not in brackets.
        ExprKind::Tabular(_) => 0,
        _ => level::PRIMARY,
    }
}

fn list_text(op: ListOp) -> &'static str {
    match op {
        ListOp::In => "in",
        ListOp::NotIn => "!in",
        ListOp::InIgnoreCase => "in~",
        ListOp::NotInIgnoreCase => "!in~",
        ListOp::HasAny => "has_any",
        ListOp::HasAll => "has_all",
    }
}

/// A binary operator as it is written.
pub(super) fn binary_text(op: BinaryOp) -> String {
    let text = match op {
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessOrEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterOrEqual => ">=",
        BinaryOp::EqualIgnoreCase => "=~",
        BinaryOp::NotEqualIgnoreCase => "!~",
        BinaryOp::MatchesRegex => "matches regex",
        BinaryOp::SearchColumn => ":",
        BinaryOp::Text(op) => return text_text(op),
    };
    text.to_owned()
}

fn text_text(op: TextOp) -> String {
    let word = match op.test {
        TextTest::Has => "has",
        TextTest::HasPrefix => "hasprefix",
        TextTest::HasSuffix => "hassuffix",
        TextTest::Contains => "contains",
        TextTest::StartsWith => "startswith",
        TextTest::EndsWith => "endswith",
    };
    format!(
        "{}{word}{}",
        if op.negated { "!" } else { "" },
        if op.case_sensitive { "_cs" } else { "" }
    )
}
