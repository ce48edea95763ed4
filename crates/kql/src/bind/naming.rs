//! What result columns are called when the query does not say (the analyser's rules, probed).

use std::collections::{HashMap, HashSet};

use crate::ast::{self, Expr, ExprKind, Literal};
use crate::catalogue::{self, Naming};

/// The name that an expression gives to its column, if it gives one.
pub(super) fn name_of(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.text.clone()),
        ExprKind::Paren(inner) => name_of(inner),
        ExprKind::Member { object, name } => Some(path_name(object, &name.text)),
        ExprKind::Index { object, index } => Some(path_name(object, &key_text(index))),
        ExprKind::Call(call) => call_name(call),
        _ => None,
    }
}

/// The name that an argument gives to a column: the one in `name = value`, or its value's own.
pub(super) fn name_of_argument(argument: &ast::Argument) -> Option<String> {
    match &argument.name {
        Some(name) => Some(name.text.clone()),
        None => name_of(&argument.value),
    }
}

fn path_name(object: &Expr, key: &str) -> String {
    match name_of(object) {
        Some(base) => format!("{base}_{key}"),
        None => key.to_owned(),
    }
}

fn key_text(index: &Expr) -> String {
    match &index.kind {
        ExprKind::Literal(Literal::Long(Some(n))) => n.to_string(),
        ExprKind::Literal(Literal::Int(Some(n))) => n.to_string(),
        ExprKind::Literal(Literal::String { value, .. }) => value.clone(),
        _ => String::new(),
    }
}

fn call_name(call: &ast::Call) -> Option<String> {
    let name = call.name.text.as_str();
    // As in a call: what both an aggregate and a scalar function are called is an aggregate of one argument.
    let aggregate = catalogue::aggregate_function(name);
    let scalar = catalogue::scalar_function(name)
        .filter(|_| aggregate.is_none() || call.arguments.len() > 1);
    let naming = match (scalar, aggregate) {
        (Some(f), _) => f.naming,
        (None, Some(f)) => {
            return Some(match f.shape {
                // `percentile(x, 95)` is percentile_x_95.
                catalogue::Shape::Percentiles(from) => percentile_name(call, from),
                _ => by_rule(f.naming, call)?,
            });
        }
        (None, None) => return None,
    };
    by_rule(naming, call)
}

fn by_rule(naming: Naming, call: &ast::Call) -> Option<String> {
    // Of an argument the name that it has itself counts, not one that it only mentions.
    let named = |a: &ast::Argument| match &a.value.kind {
        ExprKind::Call(inner)
            if a.name.is_none()
                && catalogue::scalar_function(&inner.name.text)
                    .is_some_and(|f| f.naming == Naming::NamedColumn) =>
        {
            None
        }
        _ => name_of_argument(a),
    };
    let first = || call.arguments.first().and_then(named);
    match naming {
        Naming::Numbered => None,
        Naming::First => first(),
        Naming::Only => first().filter(|_| call.arguments.len() == 1),
        Naming::NameAndFirst => Some(format!(
            "{}_{}",
            call.name.text,
            first().unwrap_or_default()
        )),
        Naming::Prefix(prefix) => Some(format!("{prefix}_{}", first().unwrap_or_default())),
        Naming::Fixed(name) => Some(name.to_owned()),
        Naming::Suffix(suffix) => Some(first().unwrap_or_else(|| "array0".to_owned()) + suffix),
        Naming::NamedColumn => match call.arguments.first().map(|a| &a.value.kind) {
            Some(ExprKind::Literal(Literal::String { value, .. })) => Some(value.clone()),
            _ => None,
        },
    }
}

/// The column name of the percentage at argument `index`.
pub(super) fn percentile_name(call: &ast::Call, index: usize) -> String {
    let of = call
        .arguments
        .first()
        .and_then(name_of_argument)
        .unwrap_or_default();
    let rank = match call.arguments.get(index).map(|a| &a.value.kind) {
        Some(ExprKind::Literal(Literal::Long(Some(n)))) => n.to_string(),
        Some(ExprKind::Literal(Literal::Int(Some(n)))) => n.to_string(),
        Some(ExprKind::Literal(Literal::Real(Some(n)))) => n.to_string().replace(['.', '-'], "_"),
        _ => String::new(),
    };
    format!("percentile_{of}_{rank}")
}

/// Gives out names that do not clash.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    declared: HashSet<String>,
    /// The number that a name got last, when it was taken.
    numbers: HashMap<String, usize>,
    unnamed: usize,
}

impl Names {
    /// Marks a name as used without declaring it.
    pub(super) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// Whether a name is used.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    /// Declares a name that the query chose; false when it chose it before.
    pub(super) fn declare(&mut self, name: &str) -> bool {
        self.declared.insert(name.to_owned())
    }

    /// `name`, or `name1`, `name2`… when it is taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            return name.to_owned();
        }
        // Names are never given back, so that the numbers below are taken.
        let n = self.numbers.entry(name.to_owned()).or_default();
        loop {
            *n += 1;
            let unique = format!("{name}{n}");
            if self.taken.insert(unique.clone()) {
                return unique;
            }
        }
    }

    /// The next of `Column1`, `Column2`…
    pub(super) fn numbered(&mut self) -> String {
        self.unnamed += 1;
        format!("Column{}", self.unnamed)
    }
}
