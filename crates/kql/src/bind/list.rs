//! `in`, `has_any`, `has_all`: values, dynamic arrays, or the rows of a subquery.

use crate::ast::{self, ListOp};
use crate::bound::{Expr, ExprKind, Node, Plan, ScalarFn, Set, SetOp, SharedId, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::expr::{Meaning, negated};
use super::operator::comparison_type;
use super::{Binder, Relation, Rows, literal, reference};

impl Binder<'_> {
    /// `value in (items)` and relatives.
    pub(super) fn list(
        &mut self,
        op: ListOp,
        value: &ast::Expr,
        items: &[ast::Expr],
        span: Span,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let input = self.scalar(value, rows);
        let (set_op, case_sensitive, negate) = match op {
            ListOp::In => (SetOp::In, true, false),
            ListOp::NotIn => (SetOp::In, true, true),
            ListOp::InIgnoreCase => (SetOp::In, false, false),
            ListOp::NotInIgnoreCase => (SetOp::In, false, true),
            ListOp::HasAny => (SetOp::HasAny, false, false),
            ListOp::HasAll => (SetOp::HasAll, false, false),
        };
        let as_text = set_op != SetOp::In || !case_sensitive;
        if let Some(input) = &input
            && as_text
            && !matches!(input.ty, Type::String | Type::Dynamic)
        {
            let message = format!(
                "{}A value of type string or dynamic expected",
                self.prefix()
            );
            self.error("KS107", value.span, message);
            return None;
        }
        let test = Test {
            op: set_op,
            case_sensitive,
            as_text,
        };
        let result = match items {
            [only] => match self.meaning(only, rows) {
                Meaning::Tabular(relation, _) => {
                    let input = input?;
                    let id = self.column_of(relation, (!as_text).then_some(input.ty), only.span)?;
                    let ty = self.shared[id.0 as usize].columns[0].ty;
                    let input = coerce(
                        input,
                        if as_text {
                            Type::String
                        } else {
                            ty_or(ty, Type::Dynamic)
                        },
                    );
                    test.with(input, Set::Shared(id))
                }
                Meaning::Scalar(item) => test.against(input?, vec![item?]),
            },
            _ => {
                let items: Vec<_> = items.iter().map(|item| self.scalar(item, rows)).collect();
                let items: Option<Vec<_>> = items.into_iter().collect();
                test.against(input?, items?)
            }
        };
        let _ = span;
        Some(if negate { negated(result) } else { result })
    }

    /// Shares the first column of rows, as `ty` unless it is dynamic.
    pub(super) fn column_of(
        &mut self,
        relation: Relation,
        ty: Option<Type>,
        span: Span,
    ) -> Option<SharedId> {
        let Some(first) = relation.plan.columns.first().cloned() else {
            if !relation.open {
                self.error("KS190", span, "The table has no columns");
            }
            return None;
        };
        if self.poisoned.contains(&first.id) {
            return None;
        }
        let mut expr = reference(&first);
        let mut column = first;
        if let Some(ty) =
            ty.filter(|ty| *ty != column.ty && column.ty != Type::Dynamic && *ty != Type::Dynamic)
        {
            expr = coerce(expr, ty);
            column = self.column(column.name.clone(), ty);
        }
        let node = Node::Project {
            input: Box::new(relation.plan),
            exprs: vec![expr],
        };
        Some(self.share(Plan {
            node,
            columns: vec![column],
        }))
    }
}

/// The type of the input beside a set of `ty`.
fn ty_or(ty: Type, fallback: Type) -> Type {
    if ty == Type::Dynamic { fallback } else { ty }
}

struct Test {
    op: SetOp,
    case_sensitive: bool,
    as_text: bool,
}

impl Test {
    fn with(&self, input: Expr, set: Set) -> Expr {
        let kind = ExprKind::SetTest {
            op: self.op,
            case_sensitive: self.case_sensitive,
            input: Box::new(input),
            set,
        };
        Expr {
            kind,
            ty: Type::Bool,
        }
    }

    /// The test against values and dynamic arrays; constant arrays count by their elements.
    fn against(&self, input: Expr, items: Vec<Expr>) -> Expr {
        let mut values = Vec::with_capacity(items.len());
        let mut arrays = Vec::new();
        for item in items {
            match elements(&item) {
                Some(elements) => values.extend(elements),
                None if item.ty == Type::Dynamic => arrays.push(item),
                None => values.push(item),
            }
        }
        let mut tests = Vec::new();
        if self.as_text {
            let values: Vec<_> = values
                .into_iter()
                .map(|v| coerce(v, Type::String))
                .collect();
            if !values.is_empty() || arrays.is_empty() {
                tests.push(self.with(coerce(input.clone(), Type::String), Set::Items(values)));
            }
            for array in arrays {
                tests.push(self.with(
                    coerce(input.clone(), Type::String),
                    Set::Array(Box::new(array)),
                ));
            }
        } else {
            let mut groups: Vec<(Type, Vec<Expr>)> = Vec::new();
            for value in values {
                let ty = comparison_type(&input, &value);
                let value = coerce(value, ty);
                match groups.iter_mut().find(|(group, _)| *group == ty) {
                    Some((_, members)) => members.push(value),
                    None => groups.push((ty, vec![value])),
                }
            }
            if groups.is_empty() && arrays.is_empty() {
                groups.push((input.ty, Vec::new()));
            }
            for (ty, members) in groups {
                tests.push(self.with(coerce(input.clone(), ty), Set::Items(members)));
            }
            for array in arrays {
                tests.push(self.with(input.clone(), Set::Array(Box::new(array))));
            }
        }
        self.combined(tests)
    }

    fn combined(&self, mut tests: Vec<Expr>) -> Expr {
        if tests.len() == 1 {
            return tests.remove(0);
        }
        let kind = if self.op == SetOp::HasAll {
            ExprKind::And(tests)
        } else {
            ExprKind::Or(tests)
        };
        Expr {
            kind,
            ty: Type::Bool,
        }
    }
}

/// The elements of a constant array of scalars, or none.
fn elements(item: &Expr) -> Option<Vec<Expr>> {
    match &item.kind {
        ExprKind::Literal(Value::Dynamic(json)) => flat_array(json),
        ExprKind::Call {
            function: ScalarFn::PackArray,
            args,
        } => args
            .iter()
            .map(|arg| match &arg.kind {
                ExprKind::Cast(inner) if matches!(inner.kind, ExprKind::Literal(_)) => {
                    Some(Expr::clone(inner))
                }
                ExprKind::Literal(Value::Dynamic(json)) => scalar_json(json.trim()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// The scalars of a JSON array that holds nothing else.
fn flat_array(json: &str) -> Option<Vec<Expr>> {
    let mut rest = json.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = token_end(rest);
        found.push(scalar_json(rest[..end].trim())?);
        rest = rest[end..]
            .strip_prefix(',')
            .unwrap_or(&rest[end..])
            .trim_start();
    }
    Some(found)
}

/// The strings of a JSON array, or of one JSON string.
pub(super) fn texts(json: &str) -> Option<Vec<String>> {
    let items = flat_array(json).or_else(|| scalar_json(json.trim()).map(|item| vec![item]))?;
    items
        .into_iter()
        .map(|item| match item.kind {
            ExprKind::Literal(Value::String(text)) => Some(text),
            _ => None,
        })
        .collect()
}

/// Where the first scalar of `text` ends: at a comma outside of quotes.
fn token_end(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// A JSON scalar (not null, which no test finds) as a constant.
fn scalar_json(json: &str) -> Option<Expr> {
    if let Some(inner) = json.strip_prefix('"').and_then(|j| j.strip_suffix('"')) {
        return Some(literal(Value::String(unescaped(inner)?), Type::String));
    }
    match json {
        "true" | "false" => Some(literal(Value::Bool(json == "true"), Type::Bool)),
        _ => match json.parse::<i64>() {
            Ok(n) => Some(literal(Value::Long(n), Type::Long)),
            Err(_) => json
                .parse::<f64>()
                .ok()
                .map(|n| literal(Value::Real(n), Type::Real)),
        },
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let code: String = chars.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
            }
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrays_are_taken_apart() {
        let texts = |json: &str| -> Option<Vec<Value>> {
            let items = flat_array(json)?;
            Some(
                items
                    .into_iter()
                    .filter_map(|e| {
                        if let ExprKind::Literal(v) = e.kind {
                            Some(v)
                        } else {
                            None
                        }
                    })
                    .collect(),
            )
        };
        assert_eq!(texts("[]"), Some(vec![]));
        assert_eq!(
            texts(r#"["a,b","c\"d\\",1,2.5,true]"#),
            Some(vec![
                Value::String("a,b".into()),
                Value::String("c\"d\\".into()),
                Value::Long(1),
                Value::Real(2.5),
                Value::Bool(true)
            ])
        );
        assert_eq!(texts(r#"[["a"]]"#), None);
        assert_eq!(texts(r#"{"a":1}"#), None);
    }
}
