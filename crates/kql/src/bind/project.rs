//! `project` and its family, `extend`, `distinct`.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::ast::{self, ExprKind, NamePattern, NamedExpr, ReorderDirection};
use crate::bound::{Column, ColumnId, Expr, ExprKind as Bound, Node, Plan, Value};
use crate::catalogue::{self, Target};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::naming::{Names, name_of};
use super::tabular::wrap;
use super::{Binder, Relation, Rows, literal, merged, reference, suggest};

/// Whether an expression is a column under its own name: a bare name, or a conversion that does nothing.
pub(super) fn is_plain_column(expr: &ast::Expr, bound: Option<&Expr>) -> bool {
    match &expr.kind {
        ExprKind::Paren(inner) => is_plain_column(inner, bound),
        ExprKind::Name(_) => true,
        ExprKind::Call(call) => {
            matches!(bound.map(|b| &b.kind), Some(Bound::Column(_)))
                && catalogue::scalar_function(&call.name.text)
                    .is_some_and(|f| matches!(f.target, Target::Cast(_)))
        }
        _ => false,
    }
}

impl Binder<'_> {
    /// The name that an expression gives to its column; a column that `column_ifexists` did not find gives none.
    pub(super) fn derived_name(&self, expr: &ast::Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.derived_name(inner),
            ExprKind::Call(call) if self.missing.contains(&call.span) => None,
            _ => name_of(expr),
        }
    }

    /// The explicit name of an item; several names for one value are an error.
    pub(super) fn explicit_name<'i>(
        &mut self,
        item: &'i NamedExpr,
        bound: Option<&Expr>,
    ) -> Option<&'i ast::Name> {
        if item.names.len() > 1 && bound.is_some() {
            let message = format!(
                "{}The expression does not have multiple named values",
                self.prefix()
            );
            self.error("KS149", item.span, message);
        }
        item.names.first()
    }

    /// The name of an item's column, or none when it is a second declaration.
    pub(super) fn item_name(
        &mut self,
        item: &NamedExpr,
        bound: Option<&Expr>,
        names: &mut Names,
    ) -> Option<String> {
        let derived = self.derived_name(&item.expr);
        let declared = match self.explicit_name(item, bound) {
            Some(name) => Some((name.text.clone(), name.span)),
            None if is_plain_column(&item.expr, bound) => {
                derived.clone().map(|name| (name, item.expr.span))
            }
            None => None,
        };
        if let Some((name, span)) = declared {
            if !names.declare(&name) {
                self.declared_twice(&name, span);
                return None;
            }
            return Some(names.unique(&name));
        }
        let name = derived.unwrap_or_else(|| names.numbered());
        Some(names.unique(&name))
    }

    /// A column for a computed value; a column that is only passed through keeps its id, once.
    pub(super) fn output(
        &mut self,
        name: String,
        bound: Option<&Expr>,
        used: &mut HashSet<ColumnId>,
    ) -> Column {
        if let Some(Expr {
            kind: Bound::Column(id),
            ty,
        }) = bound
            && used.insert(*id)
        {
            return Column {
                id: *id,
                name,
                ty: *ty,
            };
        }
        self.column_for(name, bound)
    }

    /// `project`.
    pub(super) fn project(&mut self, input: Relation, items: &[NamedExpr]) -> Relation {
        self.windows = Some(Vec::new());
        let (columns, exprs) = self.items(&input, items);
        let input = self.with_windows(input);
        let node = Node::Project {
            input: Box::new(input.plan),
            exprs,
        };
        Relation {
            plan: Plan { node, columns },
            open: false,
        }
    }

    /// The columns and values of a list of items.
    fn items(&mut self, input: &Relation, items: &[NamedExpr]) -> (Vec<Column>, Vec<Expr>) {
        let mut names = Names::default();
        let mut used = HashSet::new();
        let mut columns = Vec::with_capacity(items.len());
        let mut exprs = Vec::with_capacity(items.len());
        for item in items {
            for (item, bound) in self.parts(item, Rows::of(input)) {
                let Some(name) = self.item_name(&item, bound.as_ref(), &mut names) else {
                    continue;
                };
                columns.push(self.output(name, bound.as_ref(), &mut used));
                exprs.push(bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic)));
            }
        }
        (columns, exprs)
    }

    /// `extend`: a name that exists is replaced in its place; all values see the old columns.
    pub(super) fn extend(&mut self, input: Relation, items: &[NamedExpr]) -> Relation {
        if items.is_empty() {
            return input;
        }
        self.windows = Some(Vec::new());
        let mut names = Names::default();
        for column in &input.plan.columns {
            names.reserve(&column.name);
        }
        let mut columns = input.plan.columns.clone();
        let mut exprs: Vec<Expr> = columns.iter().map(reference).collect();
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            parts.extend(self.parts(item, Rows::of(&input)));
        }
        for (item, bound) in parts {
            let several = matches!(item, Cow::Owned(_));
            let Some(name) = self.extended_name(&item, several, bound.as_ref(), &mut names) else {
                continue;
            };
            let at = columns.iter().position(|c| c.name == name);
            // `extend a = a` changes nothing.
            if let (
                Some(at),
                Some(Expr {
                    kind: Bound::Column(id),
                    ..
                }),
            ) = (at, &bound)
                && columns[at].id == *id
            {
                continue;
            }
            let column = self.column_for(name, bound.as_ref());
            let expr = bound.unwrap_or_else(|| literal(Value::Null, Type::Dynamic));
            match at {
                Some(at) => {
                    columns[at] = column;
                    exprs[at] = expr;
                }
                None => {
                    columns.push(column);
                    exprs.push(expr);
                }
            }
        }
        let open = input.open;
        let input = self.with_windows(input);
        Relation {
            plan: merged::projected(input.plan, exprs, columns),
            open,
        }
    }

    fn extended_name(
        &mut self,
        item: &NamedExpr,
        several: bool,
        bound: Option<&Expr>,
        names: &mut Names,
    ) -> Option<String> {
        let derived = self.derived_name(&item.expr);
        let (name, span) = match self.explicit_name(item, bound) {
            Some(name) => (name.text.clone(), Some(name.span)),
            None => match derived {
                Some(name) if is_plain_column(&item.expr, bound) => (name, Some(item.expr.span)),
                // Of several results each gets a name of its own: a second `series_stats(x)` replaces nothing.
                Some(name) if several => (names.unique(&name), None),
                Some(name) => (name, None),
                None => loop {
                    let name = names.numbered();
                    if !names.is_taken(&name) {
                        break (name, None);
                    }
                },
            },
        };
        if let Some(span) = span
            && !names.declare(&name)
        {
            self.declared_twice(&name, span);
            return None;
        }
        Some(name)
    }

    /// `distinct`.
    pub(super) fn distinct(
        &mut self,
        input: Relation,
        items: &[NamedExpr],
        span: Span,
    ) -> Relation {
        if let [only] = items
            && matches!(only.expr.kind, ExprKind::Star)
        {
            if input
                .plan
                .columns
                .iter()
                .any(|c| c.ty == Type::Dynamic && !self.poisoned.contains(&c.id))
            {
                self.dynamic_refused(only.span);
            }
            return wrap(input, |input| Node::Distinct { input });
        }
        let (columns, exprs) = self.items(&input, items);
        let dynamic = exprs
            .iter()
            .zip(&columns)
            .any(|(e, c)| e.ty == Type::Dynamic && !self.poisoned.contains(&c.id));
        if dynamic {
            self.dynamic_refused(items.first().map_or(span, |e| e.span));
        }
        let node = Node::Project {
            input: Box::new(input.plan),
            exprs,
        };
        let projected = Relation {
            plan: Plan { node, columns },
            open: false,
        };
        wrap(projected, |input| Node::Distinct { input })
    }

    /// Keeps the columns with these positions, in this order.
    fn choose(input: Relation, positions: &[usize]) -> Relation {
        let columns: Vec<_> = positions
            .iter()
            .map(|i| input.plan.columns[*i].clone())
            .collect();
        let exprs = columns.iter().map(reference).collect();
        let node = Node::Project {
            input: Box::new(input.plan),
            exprs,
        };
        Relation {
            plan: Plan { node, columns },
            open: input.open,
        }
    }

    /// The positions of the columns that a pattern finds; reports when there are none.
    fn matching(&mut self, input: &Relation, pattern: &NamePattern) -> Vec<usize> {
        let fits = |c: &Column| {
            if pattern.wildcard {
                glob(&pattern.text, &c.name)
            } else {
                c.name == pattern.text
            }
        };
        let found: Vec<_> = (0..input.plan.columns.len())
            .filter(|i| fits(&input.plan.columns[*i]))
            .collect();
        if found.is_empty() && !input.open && pattern.text != "*" {
            let message = format!(
                "{}Failed to resolve scalar expression named '{}'",
                self.prefix(),
                pattern.text
            );
            let mut diagnostic = Diagnostic::error("KS142", pattern.span, message);
            let names = input.plan.columns.iter().map(|c| c.name.as_str());
            if let Some(near) = suggest::closest(&pattern.text, names).filter(|_| !pattern.wildcard)
            {
                diagnostic = diagnostic.with_suggestion(near);
            }
            self.report(diagnostic);
        }
        found
    }

    /// `project-away`.
    pub(super) fn project_away(&mut self, input: Relation, patterns: &[NamePattern]) -> Relation {
        let gone: HashSet<usize> = patterns
            .iter()
            .flat_map(|p| self.matching(&input, p))
            .collect();
        let kept: Vec<_> = (0..input.plan.columns.len())
            .filter(|i| !gone.contains(i))
            .collect();
        Self::choose(input, &kept)
    }

    /// `project-keep`: the input's order stays.
    pub(super) fn project_keep(&mut self, input: Relation, patterns: &[NamePattern]) -> Relation {
        let kept: HashSet<usize> = patterns
            .iter()
            .flat_map(|p| self.matching(&input, p))
            .collect();
        let kept: Vec<_> = (0..input.plan.columns.len())
            .filter(|i| kept.contains(i))
            .collect();
        Self::choose(input, &kept)
    }

    /// `project-rename`.
    pub(super) fn project_rename(&mut self, input: Relation, renames: &[ast::Rename]) -> Relation {
        let mut columns = input.plan.columns.clone();
        let exprs = columns.iter().map(reference).collect();
        for rename in renames {
            let Some(at) = input
                .plan
                .columns
                .iter()
                .position(|c| c.name == rename.old.text)
            else {
                if !input.open {
                    self.unknown_name(&rename.old, Rows::of(&input));
                }
                continue;
            };
            let taken = columns
                .iter()
                .enumerate()
                .any(|(i, c)| i != at && c.name == rename.new.text);
            if taken {
                self.declared_twice(&rename.new.text, rename.new.span);
                continue;
            }
            columns[at].name.clone_from(&rename.new.text);
        }
        let node = Node::Project {
            input: Box::new(input.plan),
            exprs,
        };
        Relation {
            plan: Plan { node, columns },
            open: input.open,
        }
    }

    /// `project-reorder`: columns that no pattern names stay at the end.
    pub(super) fn project_reorder(
        &mut self,
        input: Relation,
        items: &[ast::ReorderColumn],
    ) -> Relation {
        let mut order: Vec<usize> = Vec::with_capacity(input.plan.columns.len());
        let mut named = HashSet::new();
        for item in items {
            let mut found = self.matching(&input, &item.pattern);
            if item.pattern.wildcard {
                sort_names(&mut found, &input.plan.columns, item.direction);
            } else if !named.insert(item.pattern.text.as_str()) {
                self.declared_twice(&item.pattern.text, item.pattern.span);
            }
            found.retain(|at| !order.contains(at));
            order.extend(found);
        }
        let rest: Vec<_> = (0..input.plan.columns.len())
            .filter(|at| !order.contains(at))
            .collect();
        order.extend(rest);
        Self::choose(input, &order)
    }
}

fn sort_names(found: &mut [usize], columns: &[Column], direction: Option<ReorderDirection>) {
    let name = |at: &usize| columns[*at].name.as_str();
    match direction {
        None => {}
        Some(ReorderDirection::Asc) => found.sort_by_key(|at| name(at).to_uppercase()),
        Some(ReorderDirection::Desc) => {
            found.sort_by_key(|at| std::cmp::Reverse(name(at).to_uppercase()))
        }
        Some(ReorderDirection::GrannyAsc) => found.sort_by_key(|at| granny(name(at))),
        Some(ReorderDirection::GrannyDesc) => {
            found.sort_by_key(|at| std::cmp::Reverse(granny(name(at))))
        }
    }
}

/// A name as a key in which numbers compare as numbers, where a digit would stand, and letters without their case: `a2`
/// before `a10`, and `a9` before `a09`.
fn granny(name: &str) -> Vec<(char, u64, usize)> {
    let mut key = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        if digits > 0 {
            let number = rest[..digits].parse().unwrap_or(u64::MAX);
            key.push(('0', number, digits));
            rest = &rest[digits..];
        } else {
            key.extend(first.to_uppercase().map(|c| (c, 0, 0)));
            rest = &rest[first.len_utf8()..];
        }
    }
    key
}

/// Whether `*` in `pattern` can stand for something so that it is `name`.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(
            glob("Device*", "DeviceId")
                && glob("*", "")
                && glob("*Id", "DeviceId")
                && glob("a*c*e", "abcde")
        );
        assert!(!glob("Device*", "AccountName") && !glob("ab*ba", "aba") && !glob("abc", "abcd"));
        assert!(glob("a*a", "aa") && !glob("a*a", "a"));
    }

    #[test]
    fn numbers_in_names_compare_as_numbers() {
        assert!(granny("a2") < granny("a10"));
        assert!(granny("a9") < granny("a09") && granny("a09") < granny("A10"));
        assert!(granny("a") < granny("b1"));
        assert!(granny("a.b") < granny("a1") && granny("a1") < granny("aB"));
    }
}
