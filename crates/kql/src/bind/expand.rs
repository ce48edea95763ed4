//! `mv-expand` and `parse`.

use crate::ast::{self, Literal, MvKind, ParseItem};
use crate::bound::{
    Column, Expr, ExprKind, MvExpandKind, MvItem, Node, ParseKind, ParsePart, Plan, Value,
};
use crate::diagnostic::Diagnostic;
use crate::types::Type;

use super::convert::coerce;
use super::naming::{Names, name_of};
use super::{Binder, Relation, Rows};

/// How many rows the older spelling `mvexpand` gives per input row.
const LEGACY_LIMIT: i64 = 128;

impl Binder<'_> {
    /// Binds `mv-expand`: an item with the name of a column replaces it. The items see only the first columns, `seen` of
    /// them: those behind are `mv-apply`'s own.
    pub(super) fn mv_expand(
        &mut self,
        input: Relation,
        expand: &ast::MvExpand,
        seen: usize,
    ) -> Relation {
        let mut columns = input.plan.columns.clone();
        let visible = Rows {
            columns: &input.plan.columns[..seen],
            open: input.open,
            aggregates: None,
        };
        let mut names = Names::default();
        for column in &columns {
            names.reserve(&column.name);
        }
        let mut items = Vec::with_capacity(expand.columns.len());
        for item in &expand.columns {
            let bound = self.scalar(&item.expr, visible);
            let ty = item.to.as_ref().map(|name| self.type_named(name));
            let array = bound.and_then(|b| self.expandable(b, &item.expr));
            let name = match &item.name {
                Some(name) => name.text.clone(),
                None => name_of(&item.expr).unwrap_or_else(|| names.numbered()),
            };
            let ty = ty.flatten();
            let output = self.column(name, ty.unwrap_or(Type::Dynamic));
            // What an unknown value is made of is known all the same where its type is said.
            if array.is_none() && ty.is_none() {
                self.poisoned.insert(output.id);
            }
            place(&mut columns, &output);
            items.extend(array.map(|array| MvItem { array, output }));
        }
        let index = expand.item_index.as_ref().map(|name| {
            let mut taken = Names::default();
            for column in &columns {
                taken.reserve(&column.name);
            }
            let column = self.column(taken.unique(&name.text), Type::Long);
            columns.push(column.clone());
            column.id
        });
        let limit = match &expand.limit {
            Some(limit) => self.row_limit(limit),
            None => expand.legacy.then_some(LEGACY_LIMIT),
        };
        let kind = match expand.kind {
            Some(MvKind::Array) => MvExpandKind::Array,
            Some(MvKind::Bag) | None => MvExpandKind::Bag,
        };
        let node = Node::MvExpand {
            input: Box::new(input.plan),
            items,
            index,
            limit,
            kind,
        };
        Relation {
            plan: Plan { node, columns },
            open: input.open,
        }
    }

    fn expandable(&mut self, bound: Expr, expr: &ast::Expr) -> Option<Expr> {
        if bound.ty == Type::Dynamic {
            return Some(bound);
        }
        let message = format!(
            "{}The expression must have the type dynamic, this one is {}",
            self.prefix(),
            bound.ty
        );
        let mut error = Diagnostic::error("KS141", expr.span, message);
        if bound.ty == Type::String {
            error = error.with_suggestion("Make an array of it: parse_json(…) or split(…, \",\")");
        }
        self.report(error);
        None
    }

    fn row_limit(&mut self, limit: &ast::Expr) -> Option<i64> {
        match self.scalar(limit, Rows::NONE)?.kind {
            ExprKind::Literal(Value::Long(n)) => Some(n),
            ExprKind::Literal(Value::Int(n)) => Some(i64::from(n)),
            _ => {
                self.constant_wanted("KS134", limit.span, "integer");
                None
            }
        }
    }

    /// Binds `parse` and `parse-where`.
    pub(super) fn parse(&mut self, input: Relation, parse: &ast::Parse) -> Relation {
        let source = self.scalar(&parse.expr, Rows::of(&input));
        let mut columns = input.plan.columns.clone();
        let mut names = Names::default();
        let mut parts = Vec::with_capacity(parse.items.len());
        for item in &parse.items {
            match item {
                ParseItem::Star(span) => {
                    if matches!(parts.last(), Some(ParsePart::Capture(c)) if c.ty == Type::String) {
                        let message = format!(
                            "{}A text has no end before *: write what follows it, or leave out *",
                            self.prefix()
                        );
                        self.error("KS103", *span, message);
                    }
                    parts.push(ParsePart::Any);
                }
                ParseItem::Text(text) => {
                    let constant = self.pattern_text(text);
                    if let (Some(constant), Some(ast::ParseKind::Regex)) = (&constant, parse.kind) {
                        self.check_expression_text(constant, text.span);
                    }
                    parts.extend(constant.map(ParsePart::Text));
                }
                ParseItem::Column { name, ty } => {
                    let ty = ty
                        .as_ref()
                        .map_or(Some(Type::String), |ty| self.type_named(ty));
                    if matches!(parts.last(), Some(ParsePart::Capture(_))) {
                        let message = format!(
                            "{}A column must follow a text of the pattern",
                            self.prefix()
                        );
                        self.error("KS101", name.span, message);
                    }
                    if !names.declare(&name.text) {
                        self.declared_twice(&name.text, name.span);
                        continue;
                    }
                    let column = self.column(name.text.clone(), ty.unwrap_or(Type::String));
                    columns.retain(|c| c.name != column.name);
                    columns.push(column.clone());
                    parts.push(ParsePart::Capture(column));
                }
            }
        }
        let Some(source) = source else {
            return Relation {
                plan: Plan {
                    columns,
                    ..input.plan
                },
                open: input.open,
            };
        };
        let kind = match parse.kind {
            None | Some(ast::ParseKind::Simple) => ParseKind::Simple,
            Some(ast::ParseKind::Relaxed) => ParseKind::Relaxed,
            Some(ast::ParseKind::Regex) => ParseKind::Regex,
        };
        let flags = parse
            .flags
            .as_ref()
            .map(|f| f.text.clone())
            .unwrap_or_default();
        let node = Node::Parse {
            input: Box::new(input.plan),
            source: coerce(source, Type::String),
            kind,
            flags,
            parts,
            only_matching: parse.drop_unmatched,
        };
        Relation {
            plan: Plan { node, columns },
            open: input.open,
        }
    }

    /// A constant text of a pattern.
    fn pattern_text(&mut self, text: &ast::Expr) -> Option<String> {
        if let ast::ExprKind::Literal(Literal::String { value, .. }) = &text.kind {
            return Some(value.clone());
        }
        match self.scalar(text, Rows::NONE)?.kind {
            ExprKind::Literal(Value::String(value)) => Some(value),
            _ => {
                self.constant_wanted("KS103", text.span, "string");
                None
            }
        }
    }
}

/// Puts a column where the one of its name is, or at the end.
fn place(columns: &mut Vec<Column>, output: &Column) {
    match columns.iter_mut().find(|c| c.name == output.name) {
        Some(column) => *column = output.clone(),
        None => columns.push(output.clone()),
    }
}
