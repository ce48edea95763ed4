//! `search` and `find`: text and conditions over the columns of several tables.

use std::collections::HashSet;

use crate::ast::{self, BinaryOp, ExprKind as Ast, Literal, LogicalOp, UnionOperand};
use crate::bound::{Column, Expr, ExprKind, Node, Plan, ScalarFn, StringOp, UnionInput, Value};
use crate::diagnostic::Span;
use crate::types::Type;

use super::convert::coerce;
use super::expr::negated;
use super::tabular::wrap;
use super::union::one_type;
use super::{Binder, Relation, Rows, Weight, literal, reference};

/// Rows and the name of their table.
type Named = (Relation, Option<String>);

/// How terms are compared and which names mean a column somewhere.
struct Terms<'a> {
    case_sensitive: bool,
    /// The columns of all tables that are searched.
    known: &'a HashSet<String>,
}

impl Binder<'_> {
    /// Binds `search`, after a pipe or as a source.
    pub(super) fn search(
        &mut self,
        input: Option<Named>,
        search: &ast::Search,
        span: Span,
    ) -> Relation {
        let piped = input.is_some() && search.tables.is_empty();
        let tables = match input.filter(|_| piped) {
            Some(input) => vec![input],
            None => self.searched(&search.tables, span),
        };
        self.operator = "search";
        let known = names_of(&tables);
        let terms = Terms {
            case_sensitive: search.case_sensitive,
            known: &known,
        };
        let mut found = Vec::with_capacity(tables.len());
        for (index, (relation, name)) in tables.into_iter().enumerate() {
            // `search *` is every row.
            let predicate = match search.predicate.kind {
                Ast::Star => None,
                _ => self.term(&search.predicate, &relation, &terms),
            };
            let relation = match predicate {
                Some(predicate) => wrap(relation, |input| Node::Filter { input, predicate }),
                None => relation,
            };
            let labelled = self.with_source(relation, name, index, "$table");
            found.push(labelled.0);
        }
        self.together(found, false)
    }

    /// The tables in brackets, or all.
    fn searched(&mut self, operands: &[UnionOperand], span: Span) -> Vec<Named> {
        let mut tables = Vec::new();
        let all = [UnionOperand::Pattern(ast::NamePattern {
            text: "*".to_owned(),
            wildcard: true,
            span,
        })];
        // Nobody typed that `*`: it is not what is complained about.
        let unwritten = operands.is_empty();
        let operands = if unwritten { &all } else { operands };
        for operand in operands {
            match operand {
                UnionOperand::Pattern(pattern) => {
                    self.matching_tables(pattern, unwritten, &mut tables);
                }
                UnionOperand::Table(expr) => tables.push(self.rows_of(expr)),
            }
        }
        if unwritten && tables.is_empty() {
            self.error("KS204", span, "There are no tables to search");
        }
        tables
    }

    /// One condition of a search over the rows of a table; none after a mistake.
    fn term(&mut self, expr: &ast::Expr, relation: &Relation, terms: &Terms<'_>) -> Option<Expr> {
        match &expr.kind {
            Ast::Literal(Literal::String { value, .. }) => {
                Some(anywhere(relation, value, terms.case_sensitive))
            }
            Ast::Paren(inner) => self.nested(Weight::Operator, expr.span, |b| {
                b.term(inner, relation, terms)
            })?,
            Ast::Logical { op, operands, .. } => {
                let bound: Vec<_> = operands
                    .iter()
                    .map(|operand| {
                        self.nested(Weight::Operator, operand.span, |b| {
                            b.term(operand, relation, terms)
                        })
                        .flatten()
                    })
                    .collect();
                let bound: Option<Vec<_>> = bound.into_iter().collect();
                Some(connected(*op, bound?))
            }
            Ast::Call(call) if call.name.text == "not" && call.arguments.len() == 1 => {
                let inner = &call.arguments[0].value;
                let inner =
                    self.nested(Weight::Call, expr.span, |b| b.term(inner, relation, terms))??;
                Some(negated(inner))
            }
            Ast::Binary {
                op,
                at,
                left,
                right,
            } => self.tested(*op, *at, [left, right], expr, relation, terms),
            _ => self.condition_somewhere(expr, relation, terms),
        }
    }

    /// `column : "term"`, `* has "term"`, or any other test.
    fn tested(
        &mut self,
        op: BinaryOp,
        at: Span,
        [left, right]: [&ast::Expr; 2],
        expr: &ast::Expr,
        relation: &Relation,
        terms: &Terms<'_>,
    ) -> Option<Expr> {
        let text = match &right.kind {
            Ast::Literal(Literal::String { value, .. }) => Some(value.as_str()),
            _ => None,
        };
        match (op, &left.kind, text) {
            (BinaryOp::SearchColumn, Ast::Star, Some(text)) => {
                Some(anywhere(relation, text, terms.case_sensitive))
            }
            (BinaryOp::SearchColumn, Ast::Name(name), _) => {
                let column = relation.plan.columns.iter().find(|c| c.name == name.text);
                let Some(column) = column else {
                    return self.condition_somewhere(left, relation, terms);
                };
                if let Some(text) = text
                    && is_text(column.ty)
                {
                    return Some(term_in(column, text, terms.case_sensitive));
                }
                let value = self.scalar(right, Rows::of(relation))?;
                self.binary(BinaryOp::Equal, reference(column), value, at)
            }
            (BinaryOp::Text(op), Ast::Star, _) => self.any_text(op, right, Rows::of(relation)),
            _ => self.condition_somewhere(expr, relation, terms),
        }
    }

    /// `* has "term"`: a test that some column of text passes.
    pub(super) fn any_text(
        &mut self,
        op: ast::TextOp,
        value: &ast::Expr,
        rows: Rows<'_>,
    ) -> Option<Expr> {
        let value = coerce(self.scalar(value, rows)?, Type::String);
        let test = super::operator::text_op(op.test);
        let tests = rows
            .columns
            .iter()
            .filter(|c| is_text(c.ty))
            .map(|c| string_test(c, test, op.case_sensitive, &value));
        let any = either(tests.collect());
        Some(if op.negated { negated(any) } else { any })
    }

    /// A condition on columns: false for a table that does not have them but others do.
    fn condition_somewhere(
        &mut self,
        expr: &ast::Expr,
        relation: &Relation,
        terms: &Terms<'_>,
    ) -> Option<Expr> {
        let mut names = Vec::new();
        mentioned(expr, &mut names);
        let missing = names.iter().any(|name| {
            terms.known.contains(*name) && !relation.plan.columns.iter().any(|c| c.name == *name)
        });
        if missing {
            return Some(literal(Value::Bool(false), Type::Bool));
        }
        self.condition(expr, Rows::of(relation))
    }

    /// The rows of several tables in one.
    fn together(&mut self, mut tables: Vec<Relation>, inner: bool) -> Relation {
        match tables.len() {
            0 => Self::unknown(),
            1 => tables.remove(0),
            _ => self.united(tables, inner),
        }
    }

    /// Binds `find`.
    pub(super) fn find(&mut self, find: &ast::Find, span: Span) -> Relation {
        let tables = self.searched(&find.tables, span);
        self.operator = "find";
        let known = names_of(&tables);
        let terms = Terms {
            case_sensitive: false,
            known: &known,
        };
        let mut wanted = Vec::new();
        mentioned(&find.predicate, &mut wanted);
        wanted.retain(|name| known.contains(*name));
        // A column of several types is dynamic.
        let clashing: Vec<&str> = wanted
            .iter()
            .copied()
            .filter(|name| {
                let all = tables.iter().flat_map(|(r, _)| &r.plan.columns);
                let all = all.filter(|c| c.name == *name).map(|c| c.ty);
                one_type(all).is_none()
            })
            .collect();
        // Tables without any of the columns that the condition names are left out.
        let mut found: Vec<(Plan, String)> = Vec::new();
        let mut left_out = Vec::new();
        let mut open = false;
        for (index, (relation, name)) in tables.into_iter().enumerate() {
            let has = |name: &&str| relation.plan.columns.iter().any(|c| c.name == **name);
            if !relation.open && !wanted.is_empty() && !wanted.iter().any(has) {
                left_out.extend(relation.plan.columns);
                continue;
            }
            open |= relation.open;
            let name = name.unwrap_or_else(|| format!("union_arg{index}"));
            let relation = self.converted(relation, |column| {
                let clashes = clashing.contains(&column.name.as_str());
                clashes.then_some(Type::Dynamic)
            });
            let relation = match self.term(&find.predicate, &relation, &terms) {
                Some(predicate) => wrap(relation, |input| Node::Filter { input, predicate }),
                None => relation,
            };
            found.push((relation.plan, name));
        }
        let source = find.with_source.as_ref();
        let source = source.map_or("source_", |name| name.text.as_str());
        let layout = match &find.project {
            Some(project) => self.projected(project, &found, &left_out, open),
            None => smart(&found, &wanted),
        };
        self.found(found, source, layout, open)
    }

    /// The columns of a `project` clause. Those of tables that are left out are null.
    fn projected(
        &mut self,
        project: &ast::FindProject,
        found: &[(Plan, String)],
        left_out: &[Column],
        open: bool,
    ) -> Layout {
        let mut columns = Vec::with_capacity(project.columns.len());
        for (name, ty) in &project.columns {
            let all = found.iter().flat_map(|(plan, _)| &plan.columns);
            let all = all.chain(left_out);
            let mut types = all.filter(|c| c.name == name.text).map(|c| c.ty).peekable();
            if types.peek().is_none() && !open {
                let message = format!(
                    "{}Failed to resolve scalar expression named '{}'",
                    self.prefix(),
                    name.text
                );
                self.error("KS142", name.span, message);
            }
            let declared = ty.as_ref().and_then(|ty| self.type_named(ty));
            columns.push((
                name.text.clone(),
                declared.unwrap_or_else(|| one_type(types).unwrap_or(Type::Dynamic)),
            ));
        }
        Layout {
            columns,
            pack: project.pack.then_some(Pack::All),
        }
    }

    /// The rows of the tables in the columns of a layout.
    fn found(
        &mut self,
        found: Vec<(Plan, String)>,
        source: &str,
        layout: Layout,
        open: bool,
    ) -> Relation {
        let mut outputs = vec![self.column(source, Type::String)];
        for (name, ty) in &layout.columns {
            outputs.push(self.column(name.clone(), *ty));
        }
        if layout.pack.is_some() {
            outputs.push(self.column("pack_", Type::Dynamic));
        }
        let mut inputs = Vec::with_capacity(found.len());
        for (plan, name) in found {
            let mut exprs = vec![literal(Value::String(name), Type::String)];
            for (name, ty) in &layout.columns {
                let column = plan.columns.iter().find(|c| c.name == *name);
                let value = column.map(|c| coerce(reference(c), *ty));
                exprs.push(value.unwrap_or_else(|| nothing(*ty)));
            }
            if let Some(pack) = layout.pack {
                exprs.push(packed(&plan.columns, &layout.columns, pack));
            }
            let columns: Vec<Column> = outputs
                .iter()
                .map(|c| self.column(c.name.clone(), c.ty))
                .collect();
            inputs.push(UnionInput {
                mapping: columns.iter().map(|c| Some(c.id)).collect(),
                plan: Plan {
                    node: Node::Project {
                        input: Box::new(plan),
                        exprs,
                    },
                    columns,
                },
            });
        }
        let node = Node::Union { inputs };
        Relation {
            plan: Plan {
                node,
                columns: outputs,
            },
            open,
        }
    }
}

/// The columns of `find` and what is packed.
struct Layout {
    columns: Vec<(String, Type)>,
    pack: Option<Pack>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pack {
    /// All columns.
    All,
    /// Those that have no column of their own.
    Others,
}

/// `project-smart`: the columns that all tables have, those that the condition names, and the others packed.
fn smart(found: &[(Plan, String)], wanted: &[&str]) -> Layout {
    let mut names: Vec<&str> = Vec::new();
    if let Some((first, others)) = found.split_first() {
        for column in &first.0.columns {
            let common = others
                .iter()
                .all(|(plan, _)| plan.columns.iter().any(|c| c.name == column.name));
            if common {
                names.push(&column.name);
            }
        }
    }
    for name in wanted {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let ty = |name: &str| {
        let all = found.iter().flat_map(|(plan, _)| &plan.columns);
        one_type(all.filter(|c| c.name == name).map(|c| c.ty)).unwrap_or(Type::Dynamic)
    };
    let rest = found
        .iter()
        .flat_map(|(plan, _)| &plan.columns)
        .any(|c| !names.contains(&c.name.as_str()));
    Layout {
        columns: names
            .iter()
            .map(|name| ((*name).to_owned(), ty(name)))
            .collect(),
        pack: rest.then_some(Pack::Others),
    }
}

fn nothing(ty: Type) -> Expr {
    let value = if ty == Type::String {
        Value::String(String::new())
    } else {
        Value::Null
    };
    literal(value, ty)
}

/// A bag of columns without those that are empty.
fn packed(columns: &[Column], own: &[(String, Type)], pack: Pack) -> Expr {
    let mut args = Vec::new();
    for column in columns {
        if pack == Pack::Others && own.iter().any(|(name, _)| *name == column.name) {
            continue;
        }
        args.push(literal(Value::String(column.name.clone()), Type::String));
        args.push(coerce(reference(column), Type::Dynamic));
    }
    Expr {
        kind: ExprKind::Call {
            function: ScalarFn::BagPackNonEmpty,
            args,
        },
        ty: Type::Dynamic,
    }
}

fn names_of(tables: &[Named]) -> HashSet<String> {
    let columns = tables.iter().flat_map(|(r, _)| &r.plan.columns);
    columns.map(|c| c.name.clone()).collect()
}

/// The names that an expression mentions, in order and without repeats.
fn mentioned<'e>(expr: &'e ast::Expr, names: &mut Vec<&'e str>) {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        match &expr.kind {
            Ast::Name(name) if names.contains(&name.text.as_str()) => {}
            Ast::Name(name) => names.push(&name.text),
            Ast::Member { object, .. } => open.push(object),
            Ast::Index { object, index } => open.extend([index.as_ref(), object.as_ref()]),
            Ast::Call(call) => open.extend(call.arguments.iter().rev().map(|a| &a.value)),
            Ast::Unary { operand, .. } => open.push(operand),
            Ast::Binary { left, right, .. } => open.extend([right.as_ref(), left.as_ref()]),
            Ast::Logical { operands, .. } => open.extend(operands.iter().rev()),
            Ast::List { value, items, .. } => {
                open.extend(items.iter().rev());
                open.push(value);
            }
            Ast::Between {
                value, low, high, ..
            } => open.extend([high.as_ref(), low.as_ref(), value.as_ref()]),
            Ast::Paren(inner) => open.push(inner),
            _ => {}
        }
    }
}

fn is_text(ty: Type) -> bool {
    matches!(ty, Type::String | Type::Dynamic | Type::Guid)
}

fn texts(relation: &Relation) -> impl Iterator<Item = &Column> {
    relation.plan.columns.iter().filter(|c| is_text(c.ty))
}

/// A term in any column.
fn anywhere(relation: &Relation, text: &str, case_sensitive: bool) -> Expr {
    either(
        texts(relation)
            .map(|c| term_in(c, text, case_sensitive))
            .collect(),
    )
}

fn either(mut tests: Vec<Expr>) -> Expr {
    match tests.len() {
        0 => literal(Value::Bool(false), Type::Bool),
        1 => tests.remove(0),
        _ => connected(LogicalOp::Or, tests),
    }
}

fn connected(op: LogicalOp, terms: Vec<Expr>) -> Expr {
    let kind = if op == LogicalOp::And {
        ExprKind::And(terms)
    } else {
        ExprKind::Or(terms)
    };
    Expr {
        kind,
        ty: Type::Bool,
    }
}

/// A term in one column; `*` at an end leaves that end open.
fn term_in(column: &Column, text: &str, case_sensitive: bool) -> Expr {
    let inner = text.trim_matches('*');
    let (op, wanted) = match (text.starts_with('*'), text.ends_with('*')) {
        _ if inner.contains('*') => (StringOp::MatchesRegex, wildcards(text, case_sensitive)),
        (true, true) => (StringOp::Contains, inner.to_owned()),
        (true, false) => (StringOp::HasSuffix, inner.to_owned()),
        (false, true) => (StringOp::HasPrefix, inner.to_owned()),
        (false, false) => (StringOp::Has, inner.to_owned()),
    };
    let wanted = literal(Value::String(wanted), Type::String);
    string_test(
        column,
        op,
        case_sensitive || op == StringOp::MatchesRegex,
        &wanted,
    )
}

/// A pattern with `*` inside as a regular expression over whole terms.
fn wildcards(text: &str, case_sensitive: bool) -> String {
    let mut regex = String::from(if case_sensitive { "" } else { "(?i)" });
    if !text.starts_with('*') {
        regex.push_str("\\b");
    }
    let parts = text.trim_matches('*').split('*');
    for (i, part) in parts.enumerate() {
        if i > 0 {
            regex.push_str(".*?");
        }
        for c in part.chars() {
            if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
                regex.push('\\');
            }
            regex.push(c);
        }
    }
    if !text.ends_with('*') {
        regex.push_str("\\b");
    }
    regex
}

fn string_test(column: &Column, op: StringOp, case_sensitive: bool, right: &Expr) -> Expr {
    Expr {
        kind: ExprKind::StringTest {
            op,
            case_sensitive,
            left: Box::new(coerce(reference(column), Type::String)),
            right: Box::new(right.clone()),
        },
        ty: Type::Bool,
    }
}
