//! Where rows come from: tables, `let` names, calls, `datatable`, `range`, `print`.

use crate::ast::{self, ExprKind, Literal, OperatorKind, SourceKind};
use crate::bound::{ExprKind as Bound, Node, Plan, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::time;
use crate::types::Type;

use super::constant::constant;
use super::convert::{coerce, json_string, promoted};
use super::environment::Binding;
use super::expr::Meaning;
use super::naming::{Names, name_of};
use super::{Binder, Relation, Rows, literal, suggest, text};

impl Binder<'_> {
    /// Binds a source.
    pub(super) fn source(&mut self, source: &ast::Source) -> Relation {
        match &source.kind {
            SourceKind::Expr(expr) => {
                let (relation, name) = self.rows_of(expr);
                self.source_name = name;
                relation
            }
            SourceKind::Print(items) if !self.fits(items.len(), source.span) => Self::unknown(),
            SourceKind::Print(items) => self.print(items),
            SourceKind::Range {
                column,
                from,
                to,
                step,
            } => self.range(column, [from, to], step.as_ref()),
            SourceKind::DataTable { columns, .. } if !self.fits(columns.len(), source.span) => {
                Self::unknown()
            }
            SourceKind::DataTable { columns, values } => {
                self.data_table(columns, values, source.span)
            }
            SourceKind::ExternalData(external) => self.external(external, source.span),
            SourceKind::Operator(operator) => match operator.as_ref() {
                OperatorKind::Union(union) => {
                    self.operator = "union";
                    self.union(None, union, source.span)
                }
                OperatorKind::Search(search) => {
                    self.operator = "search";
                    self.search(None, search, source.span)
                }
                OperatorKind::Find(find) => {
                    self.operator = "find";
                    self.find(find, source.span)
                }
                OperatorKind::Evaluate(evaluate) => {
                    let what = format!("The plugin '{}'", evaluate.call.name.text);
                    self.refused(source.span, &what)
                }
                _ => self.refused(source.span, "This source"),
            },
            SourceKind::Error => {
                self.failed = true;
                Self::unknown()
            }
        }
    }

    /// `externaldata`: its columns are known, its rows are the engine's matter.
    fn external(&mut self, external: &ast::ExternalData, span: Span) -> Relation {
        let rows = self.data_table(&external.columns, &[], span);
        let mut uris = Vec::with_capacity(external.uris.len());
        for uri in &external.uris {
            match self.scalar(uri, Rows::NONE).map(|e| e.kind) {
                Some(Bound::Literal(Value::String(uri))) => uris.push(uri),
                Some(_) => self.constant_wanted("KS103", uri.span, "string"),
                None => {}
            }
        }
        let properties = external
            .properties
            .iter()
            .map(|p| {
                (
                    p.name.text.clone(),
                    super::tabular::parameter_text(&p.value),
                )
            })
            .collect();
        Relation {
            plan: Plan {
                node: Node::External { uris, properties },
                columns: rows.plan.columns,
            },
            open: false,
        }
    }

    /// The rows that an expression stands for, and the name that `withsource` calls them by.
    pub(super) fn rows_of(&mut self, expr: &ast::Expr) -> (Relation, Option<String>) {
        if let ExprKind::Name(name) = &expr.kind
            && self.environment.find(&name.text).is_none()
            && self.scope.table(&name.text).is_none()
        {
            self.unknown_table(name);
            return (Self::unknown(), None);
        }
        match self.meaning(expr, Rows::NONE) {
            Meaning::Tabular(relation, name) => (relation, name),
            Meaning::Scalar(value) => {
                if value.is_some() {
                    self.error(
                        "KS111",
                        expr.span,
                        format!("{}Tabular value expected", self.prefix()),
                    );
                }
                (Self::unknown(), None)
            }
        }
    }

    /// A table of the scope.
    pub(super) fn table(&mut self, name: &str) -> Option<Relation> {
        let declared = self.scope.table(name)?;
        let columns: Vec<_> = declared
            .iter()
            .map(|(name, ty)| self.column(name.clone(), *ty))
            .collect();
        let sources = columns.iter().map(|c| c.name.clone()).collect();
        let plan = Plan {
            node: Node::Table {
                name: name.to_owned(),
                sources,
            },
            columns,
        };
        Some(Relation { plan, open: false })
    }

    /// Says that a table is not known, with the nearest one that is.
    pub(super) fn unknown_table(&mut self, name: &ast::Name) {
        let message = format!(
            "{}Failed to resolve table or column expression named '{}'",
            self.prefix(),
            name.text
        );
        let mut diagnostic = Diagnostic::error("KS204", name.span, message);
        let variables = self.environment.visible();
        let tabular = variables
            .iter()
            .filter(|(_, b)| !matches!(b, Binding::Scalar(_)))
            .map(|(name, _)| *name);
        if let Some(near) = suggest::closest(&name.text, self.scope.table_names().chain(tabular)) {
            diagnostic = diagnostic.with_suggestion(near);
        }
        self.report(diagnostic);
    }

    /// Calls that give rows: functions of the query, `materialize`, `table`.
    pub(super) fn tabular_call(&mut self, call: &ast::Call, rows: Rows<'_>) -> Option<Meaning> {
        let name = call.name.text.as_str();
        if let Some(Binding::Function(closure)) = self.environment.find(name).cloned() {
            return Some(self.apply(name, &closure, &call.arguments, None, rows, call.span));
        }
        let unknown = || Some(Meaning::Tabular(Self::unknown(), None));
        match (name, call.arguments.as_slice()) {
            ("materialize", [only]) => match self.apart(|b| b.meaning(&only.value, Rows::NONE)) {
                Meaning::Tabular(relation, name) if !relation.open => {
                    let columns = relation.plan.columns.clone();
                    let id = self.share(relation.plan);
                    let plan = self.shared_rows(id, &columns);
                    Some(Meaning::Tabular(Relation { plan, open: false }, name))
                }
                // Rows that are not all known yet are not shared, but what is known of them stays.
                Meaning::Tabular(relation, name) => Some(Meaning::Tabular(relation, name)),
                Meaning::Scalar(None) => unknown(),
                Meaning::Scalar(Some(value)) => Some(Meaning::Scalar(Some(value))),
            },
            ("table", [only]) => {
                // A parameter of the function around it is a constant in each call; the stand-in of a body that is only
                // checked is none.
                let Some(name) = self.apart(|b| b.scalar(&only.value, Rows::NONE)) else {
                    return unknown();
                };
                let value = match &name.kind {
                    Bound::Literal(Value::String(value)) => value,
                    _ if self.checking => return unknown(),
                    _ => {
                        self.unsupported(only.value.span, "A table name that is not a constant");
                        return unknown();
                    }
                };
                let relation = self.table(value);
                if relation.is_none() {
                    self.unknown_table(&ast::Name {
                        text: value.clone(),
                        span: only.value.span,
                    });
                }
                Some(Meaning::Tabular(
                    relation.unwrap_or_else(Self::unknown),
                    Some(value.clone()),
                ))
            }
            ("database" | "cluster" | "external_table", _) => {
                self.unsupported(call.span, &format!("The function '{name}'"));
                unknown()
            }
            _ => None,
        }
    }

    /// `T | invoke f(arguments)`.
    pub(super) fn invoke(&mut self, input: Relation, call: &ast::Call) -> Relation {
        let name = call.name.text.as_str();
        let Some(Binding::Function(closure)) = self.environment.find(name).cloned() else {
            if name == "FileProfile" {
                return self.file_profile(input);
            }
            self.unknown_function(call, Rows::NONE);
            return Self::unknown();
        };
        let (input, arguments) = match closure.saved.as_ref().and_then(|saved| saved.column) {
            Some(default) => match self.with_key(input, call, default) {
                Some(parts) => parts,
                None => return Self::unknown(),
            },
            None => (input, call.arguments.as_slice()),
        };
        match self.apply(
            name,
            &closure,
            arguments,
            Some(input),
            Rows::NONE,
            call.span,
        ) {
            Meaning::Tabular(relation, _) => relation,
            Meaning::Scalar(value) => {
                if value.is_some() {
                    self.error(
                        "KS111",
                        call.span,
                        format!("{}Tabular value expected", self.prefix()),
                    );
                }
                Self::unknown()
            }
        }
    }

    fn print(&mut self, items: &[ast::NamedExpr]) -> Relation {
        self.operator = "print";
        let mut names = Names::default();
        let mut columns = Vec::with_capacity(items.len());
        let mut exprs = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let parts = self.parts(item, Rows::NONE);
            let several = parts.len() > 1;
            for (item, bound) in parts {
                let name = match item.names.first() {
                    Some(name) => {
                        if !names.declare(&name.text) {
                            self.declared_twice(&name.text, name.span);
                            continue;
                        }
                        name.text.clone()
                    }
                    None => name_of(&item.expr)
                        .filter(|_| several)
                        .unwrap_or_else(|| format!("print_{i}")),
                };
                columns.push(self.column_for(names.unique(&name), bound.as_ref()));
                exprs.push(bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic)));
            }
        }
        let unit = Plan {
            node: Node::Unit,
            columns: Vec::new(),
        };
        let plan = Plan {
            node: Node::Project {
                input: Box::new(unit),
                exprs,
            },
            columns,
        };
        Relation { plan, open: false }
    }

    fn range(
        &mut self,
        column: &ast::Name,
        [from, to]: [&ast::Expr; 2],
        step: Option<&ast::Expr>,
    ) -> Relation {
        self.operator = "range";
        let places = (from.span, to.span);
        let ends = (self.scalar(from, Rows::NONE), self.scalar(to, Rows::NONE));
        let step = match step {
            Some(step) => self.scalar(step, Rows::NONE),
            None => {
                // The parser wants a step; without one it has complained.
                self.failed = true;
                None
            }
        };
        let (Some(from), Some(to), Some(step)) = (ends.0, ends.1, step) else {
            let mut relation = Self::unknown();
            relation
                .plan
                .columns
                .push(self.column_for(column.text.clone(), None));
            return relation;
        };
        let numeric = from
            .ty
            .widest(to.ty)
            .and_then(|ty| ty.widest(step.ty))
            .map(promoted);
        let (ty, step_ty) = match (numeric, from.ty, to.ty, step.ty) {
            (Some(ty), ..) => (ty, ty),
            (_, Type::DateTime, Type::DateTime, Type::TimeSpan) => (Type::DateTime, Type::TimeSpan),
            (_, Type::TimeSpan, Type::TimeSpan, Type::TimeSpan) => (Type::TimeSpan, Type::TimeSpan),
            _ => {
                let message = format!(
                    "{}The values must be numbers, or datetimes or timespans with a timespan as step, not {}, {} and {}",
                    self.prefix(),
                    from.ty,
                    to.ty,
                    step.ty
                );
                let fits =
                    |ty: Type| ty.is_numeric() || matches!(ty, Type::DateTime | Type::TimeSpan);
                let at = if fits(from.ty) { places.1 } else { places.0 };
                self.error("KS138", at, message);
                (from.ty, step.ty)
            }
        };
        let columns = vec![self.column(column.text.clone(), ty)];
        let node = Node::Range {
            from: coerce(from, ty),
            to: coerce(to, ty),
            step: coerce(step, step_ty),
        };
        Relation {
            plan: Plan { node, columns },
            open: false,
        }
    }

    fn data_table(
        &mut self,
        declared: &[ast::ColumnDeclaration],
        values: &[ast::Expr],
        span: Span,
    ) -> Relation {
        let mut names = Names::default();
        let mut columns = Vec::with_capacity(declared.len());
        for declaration in declared {
            let ty = self.type_named(&declaration.ty);
            if !names.declare(&declaration.name.text) {
                self.declared_twice(&declaration.name.text, declaration.name.span);
            }
            columns.push(self.column(declaration.name.text.clone(), ty.unwrap_or(Type::Dynamic)));
        }
        let width = columns.len().max(1);
        if !values.len().is_multiple_of(width) {
            let message = format!(
                "Incorrect number of data values: they should come in multiples of {width}"
            );
            let span = values.first().map_or(span, |first| first.span);
            self.error("KS173", span, message);
        }
        let mut rows = Vec::with_capacity(values.len() / width);
        for row in values.chunks_exact(width) {
            let cells = row
                .iter()
                .zip(&columns)
                .map(|(value, column)| self.cell(value, column.ty));
            rows.push(cells.collect());
        }
        Relation {
            plan: Plan {
                node: Node::DataTable { rows },
                columns,
            },
            open: false,
        }
    }

    /// A literal as a value of a column's type; what cannot be converted is null.
    fn cell(&mut self, value: &ast::Expr, ty: Type) -> Value {
        let bound = match &value.kind {
            // The rows of a literal table are constants, and what day it is shows when the query runs.
            ExprKind::Literal(Literal::TimeOfDay(_)) => {
                self.unsupported(value.span, "A datetime without a day in a datatable");
                None
            }
            ExprKind::Literal(value) => Some(constant(value)),
            _ => self.scalar(value, Rows::NONE),
        };
        let null = if ty == Type::String {
            Value::String(String::new())
        } else {
            Value::Null
        };
        let Some(bound) = bound else {
            return null;
        };
        match coerce(bound, ty).kind {
            Bound::Literal(value) => value,
            Bound::Cast(inner) => match &inner.kind {
                Bound::Literal(value) => lenient(value, ty).unwrap_or(null),
                _ => null,
            },
            _ => null,
        }
    }

    /// Says that a name was declared before.
    pub(super) fn declared_twice(&mut self, name: &str, span: Span) {
        let message = format!(
            "{}A column with the name '{name}' is already declared",
            self.prefix()
        );
        self.error("KS171", span, message);
    }
}

/// The conversions that a cell of `datatable` takes beyond the exact ones.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a real in a column of integers loses its fraction"
)]
fn lenient(value: &Value, ty: Type) -> Option<Value> {
    let whole = |n: i64| {
        if ty == Type::Int {
            i32::try_from(n).ok().map(Value::Int)
        } else {
            Some(Value::Long(n))
        }
    };
    match (value, ty) {
        (Value::String(s), Type::DateTime) => time::parse_datetime(s).map(Value::DateTime),
        (Value::String(s), Type::TimeSpan) => time::parse_timespan(s).map(Value::TimeSpan),
        (Value::String(s), Type::Int | Type::Long) => s.trim().parse().ok().and_then(whole),
        (Value::String(s), Type::Real) => s.trim().parse().ok().map(Value::Real),
        (Value::String(s), Type::Decimal) => Some(Value::Decimal(s.trim().to_owned())),
        (Value::String(s), Type::Bool) => match s.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Value::Bool(true)),
            "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        (Value::String(s), Type::Guid) => Some(Value::Guid(s.to_ascii_lowercase())),
        (Value::Real(n), Type::Int | Type::Long) => whole(*n as i64),
        (Value::Real(n), Type::String | Type::Decimal | Type::Dynamic) => {
            let text = n.to_string();
            Some(match ty {
                Type::String => Value::String(text),
                Type::Decimal => Value::Decimal(text),
                _ => Value::Dynamic(text),
            })
        }
        (Value::Bool(b), Type::Int | Type::Long) => whole(i64::from(*b)),
        (Value::Bool(b), Type::String) => {
            Some(Value::String(if *b { "True" } else { "False" }.to_owned()))
        }
        (Value::Long(n), Type::Bool) => Some(Value::Bool(*n != 0)),
        (Value::Long(n), Type::DateTime) => Some(Value::DateTime(*n)),
        (Value::Long(n), Type::TimeSpan) => Some(Value::TimeSpan(*n)),
        (Value::DateTime(n), Type::String) => Some(Value::String(text::datetime(*n))),
        (Value::DateTime(n), Type::Dynamic) => {
            Some(Value::Dynamic(json_string(&text::datetime(*n))))
        }
        (Value::TimeSpan(n), Type::String) => Some(Value::String(text::timespan(*n))),
        (Value::TimeSpan(n), Type::Dynamic) => {
            Some(Value::Dynamic(json_string(&text::timespan(*n))))
        }
        (Value::Guid(id), Type::String) => Some(Value::String(id.clone())),
        (Value::Guid(id), Type::Dynamic) => Some(Value::Dynamic(json_string(id))),
        (Value::Decimal(n), Type::String) => Some(Value::String(n.clone())),
        (Value::Dynamic(json), Type::String) => Some(Value::String(json.clone())),
        _ => None,
    }
}
