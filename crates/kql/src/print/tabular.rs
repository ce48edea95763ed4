//! Pipelines, their sources, and what `let` binds.

use super::Printer;
use crate::ast::{
    ExprKind, Function, Let, LetValue, Parameter, ParameterDeclaration, ParameterKind, Source,
    SourceKind, Tabular,
};

impl Printer {
    /// A pipeline, each operator on a line of its own or all on one.
    pub(super) fn pipeline(&mut self, tabular: &Tabular, broken: bool) {
        self.source(&tabular.source);
        for operator in &tabular.operators {
            if broken {
                self.newline()
            } else {
                self.push(" ")
            }
            self.push("| ");
            self.operator(&operator.kind);
        }
    }

    /// A pipeline on lines of its own, between brackets that stay outside.
    pub(super) fn indented_pipeline(&mut self, tabular: &Tabular) {
        self.indent += 1;
        self.newline();
        self.pipeline(tabular, true);
        self.indent -= 1;
        self.newline();
    }

    /// A tabular operand of `join`: bare when it is a name or a call, else in brackets.
    pub(super) fn tabular_operand(&mut self, tabular: &Tabular) {
        let bare = matches!(
            &tabular.source.kind,
            SourceKind::Expr(expr) if matches!(
                expr.kind,
                ExprKind::Name(_) | ExprKind::Call(_) | ExprKind::Member { .. } | ExprKind::MemberCall { .. }
            )
        );
        if bare && tabular.operators.is_empty() {
            return self.pipeline(tabular, false);
        }
        self.push("(");
        if tabular.operators.len() > 1 {
            self.indented_pipeline(tabular)
        } else {
            self.pipeline(tabular, false)
        }
        self.push(")");
    }

    fn source(&mut self, source: &Source) {
        match &source.kind {
            SourceKind::Expr(expr) => self.operand(expr, 1),
            SourceKind::Print(items) => {
                self.push("print ");
                self.list(items, Self::named_expr);
            }
            SourceKind::Range {
                column,
                from,
                to,
                step,
            } => {
                self.push("range ");
                self.name(column);
                self.push(" from ");
                self.expr(from);
                self.push(" to ");
                self.expr(to);
                if let Some(step) = step {
                    self.push(" step ");
                    self.expr(step);
                }
            }
            SourceKind::DataTable { columns, values } => {
                self.push("datatable(");
                self.schema_items(false, columns);
                self.push(")[");
                self.cells(columns.len(), values);
                self.push("]");
            }
            SourceKind::ExternalData(data) => {
                self.push("externaldata(");
                self.schema_items(false, &data.columns);
                self.push(")[");
                self.list(&data.uris, Self::expr);
                self.push("]");
                self.properties(&data.properties);
            }
            SourceKind::Operator(kind) => self.operator(kind),
            SourceKind::Error => self.push("<error>"),
        }
    }

    /// The cells of a datatable, a row on each line when there are several.
    fn cells(&mut self, width: usize, values: &[crate::ast::Expr]) {
        if width == 0 || values.len() <= width {
            return self.list(values, Self::expr);
        }
        self.indent += 1;
        for row in values.chunks(width) {
            self.newline();
            self.list(row, Self::expr);
            self.push(",");
        }
        self.indent -= 1;
        self.newline();
    }

    /// ` with (name=value, …)`; a name that is repeated gets all its values.
    pub(super) fn properties(&mut self, properties: &[Parameter]) {
        if properties.is_empty() {
            return;
        }
        self.push(" with (");
        let mut previous: Option<&str> = None;
        for property in properties {
            let name = property.name.text.as_str();
            if previous.is_some() {
                self.push(", ");
            }
            // Only names may follow a comma: anything else would be read as the next property.
            let follows =
                previous == Some(name) && matches!(property.value.kind, ExprKind::Name(_));
            if !follows {
                self.name(&property.name);
                self.push("=");
            }
            self.expr(&property.value);
            previous = Some(name);
        }
        self.push(")");
    }

    /// `name=value ` before the operands of an operator.
    pub(super) fn parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            self.push(&parameter.name.text);
            self.push("=");
            self.expr(&parameter.value);
            self.push(" ");
        }
    }

    pub(super) fn let_statement(&mut self, binding: &Let) {
        self.push("let ");
        self.name(&binding.name);
        self.push(" = ");
        match &binding.value {
            LetValue::Function(function) => self.function(function),
            value => self.let_value(value),
        }
    }

    fn let_value(&mut self, value: &LetValue) {
        match value {
            LetValue::Scalar(expr) => self.operand(expr, 1),
            LetValue::Tabular(tabular) => {
                self.indent += 1;
                self.pipeline(tabular, true);
                self.indent -= 1;
            }
            LetValue::Function(function) => self.function(function),
        }
    }

    fn function(&mut self, function: &Function) {
        if function.view {
            self.push("view ");
        }
        self.parameter_declarations(&function.parameters);
        self.push(" {");
        self.indent += 1;
        for statement in &function.body.statements {
            self.newline();
            self.statement(statement);
            self.push(";");
        }
        if let Some(result) = &function.body.result {
            self.newline();
            self.let_value(result);
        }
        self.indent -= 1;
        self.newline();
        self.push("}");
    }

    pub(super) fn parameter_declarations(&mut self, parameters: &[ParameterDeclaration]) {
        self.push("(");
        self.list(parameters, |printer, parameter| {
            printer.name(&parameter.name);
            printer.push(":");
            match &parameter.kind {
                ParameterKind::Scalar { ty, default } => {
                    printer.push(&ty.text);
                    if let Some(default) = default {
                        printer.push(" = ");
                        printer.expr(default);
                    }
                }
                ParameterKind::Tabular { open, columns } => {
                    printer.push("(");
                    printer.schema_items(*open, columns);
                    printer.push(")");
                }
            }
        });
        self.push(")");
    }
}
