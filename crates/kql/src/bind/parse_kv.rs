//! `parse-kv`: the pairs become a bag, and its properties columns.

use crate::ast::{self, ExprKind as Ast, Literal};
use crate::bound::{Column, Expr, ExprKind, Node, PathStep, Plan, ScalarFn, Value};
use crate::types::Type;

use super::convert::{coerce, json_string};
use super::{Binder, Relation, Rows, literal, reference};

impl Binder<'_> {
    /// Binds `parse-kv`.
    pub(super) fn parse_kv(&mut self, input: Relation, parse: &ast::ParseKv) -> Relation {
        let text = self.scalar(&parse.expr, Rows::of(&input));
        let options = self.pair_options(parse);
        let bag = self.column("", Type::Dynamic);
        let pairs = Expr {
            kind: ExprKind::Call {
                function: ScalarFn::ParseKv,
                args: vec![
                    text.map_or_else(
                        || literal(Value::String(String::new()), Type::String),
                        |text| coerce(text, Type::String),
                    ),
                    literal(Value::String(options), Type::String),
                ],
            },
            ty: Type::Dynamic,
        };
        let mut columns: Vec<Column> = input.plan.columns.clone();
        let mut exprs: Vec<Expr> = columns.iter().map(reference).collect();
        let open = input.open;
        let mut with_bag = columns.clone();
        with_bag.push(bag.clone());
        let mut all = exprs.clone();
        all.push(pairs);
        let bagged = Plan {
            node: Node::Project {
                input: Box::new(input.plan),
                exprs: all,
            },
            columns: with_bag,
        };
        for declaration in &parse.columns {
            let name = &declaration.name.text;
            let ty = self.type_named(&declaration.ty).unwrap_or(Type::String);
            let value = Expr {
                kind: ExprKind::Path {
                    input: Box::new(reference(&bag)),
                    steps: vec![PathStep::Member(name.clone())],
                },
                ty: Type::Dynamic,
            };
            // All values are texts: they convert as texts do.
            let value = coerce(coerce(value, Type::String), ty);
            if let Some(at) = columns.iter().position(|c| c.name == *name) {
                columns.remove(at);
                exprs.remove(at);
            }
            columns.push(self.column(name.clone(), ty));
            exprs.push(value);
        }
        Relation {
            open,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(bagged),
                    exprs,
                },
                columns,
            },
        }
    }

    /// The properties as a bag for the function.
    fn pair_options(&mut self, parse: &ast::ParseKv) -> String {
        let mut quotes = Vec::new();
        let mut escapes = Vec::new();
        let mut members = Vec::new();
        for property in &parse.properties {
            let is_regex = property.name.text == "regex";
            let span = property.value.span;
            let quoted = |binder: &mut Self, text: &str| {
                if is_regex {
                    binder.check_expression_text(text, span);
                }
                json_string(text)
            };
            let text = match &property.value.kind {
                Ast::Literal(Literal::String { value, .. }) => Some(quoted(self, value)),
                Ast::Literal(Literal::Bool(Some(flag))) => Some(flag.to_string()),
                _ => match self.scalar(&property.value, Rows::NONE).map(|e| e.kind) {
                    Some(ExprKind::Literal(Value::String(text))) => Some(quoted(self, &text)),
                    Some(ExprKind::Literal(Value::Bool(flag))) => Some(flag.to_string()),
                    Some(_) => {
                        self.constant_wanted("KS103", property.value.span, "string");
                        None
                    }
                    None => None,
                },
            };
            let Some(text) = text else { continue };
            match property.name.text.as_str() {
                "quote" => quotes.push(text),
                "escape" => escapes.push(text),
                name @ ("pair_delimiter" | "kv_delimiter" | "regex" | "greedy") => {
                    members.push(format!("\"{name}\":{text}"));
                }
                name => {
                    let message = format!("{}There is no property '{name}'", self.prefix());
                    self.error("KS005", property.name.span, message);
                }
            }
        }
        let keys: Vec<String> = parse
            .columns
            .iter()
            .map(|c| json_string(&c.name.text))
            .collect();
        members.push(format!("\"quotes\":[{}]", quotes.join(",")));
        members.push(format!("\"escapes\":[{}]", escapes.join(",")));
        members.push(format!("\"keys\":[{}]", keys.join(",")));
        format!("{{{}}}", members.join(","))
    }
}
