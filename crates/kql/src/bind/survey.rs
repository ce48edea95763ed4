//! What can be named behind a query, for completion: its columns and its own names, whatever is wrong in it.

use crate::ast;
use crate::types::Type;

use super::environment::Binding;
use super::{Binder, Scope};

/// What can be named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// The columns of the last rows, in order.
    pub(crate) columns: Vec<(String, Type)>,
    /// The names that `let` and parameters give, sorted.
    pub(crate) names: Vec<(String, Known)>,
}

/// What a name of the query stands for.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// A value.
    Scalar(Type),
    /// Rows, with their columns.
    Table(Vec<(String, Type)>),
    /// A function, with its parameters as they are written.
    Function(Vec<String>),
}

/// Binds as far as it goes.
pub(crate) fn survey(query: &ast::Query, scope: &Scope) -> Survey {
    let mut binder = Binder::new(scope);
    let mut last = None;
    for statement in &query.statements {
        last = binder.statement(statement).or(last);
    }
    let columns = |columns: &[crate::bound::Column]| {
        let columns = columns.iter().map(|c| (c.name.clone(), c.ty));
        columns.collect::<Vec<_>>()
    };
    let names = binder.environment.visible().into_iter();
    let names = names.map(|(name, binding)| {
        let known = match binding {
            Binding::Scalar(value) => {
                Known::Scalar(value.as_ref().map_or(Type::Dynamic, |value| value.ty))
            }
            Binding::Tabular(relation) => Known::Table(columns(&relation.plan.columns)),
            Binding::Function(closure) => {
                let parameters = closure.function.parameters.iter();
                Known::Function(parameters.map(|p| p.name.text.clone()).collect())
            }
        };
        (name.to_owned(), known)
    });
    Survey {
        names: names.collect(),
        columns: last.map_or_else(Vec::new, |relation| columns(&relation.plan.columns)),
    }
}
