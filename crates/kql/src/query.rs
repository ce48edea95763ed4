//! A whole bound query: the tables of its result, and what they share.

use crate::bound::Plan;

/// A whole bound query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The tabular result; of several tables the first.
    pub plan: Plan,
    /// The name of the first of several tables; none when there is one.
    pub name: Option<String>,
    /// The other tables of `fork` and `facet`, in order.
    pub further: Vec<NamedPlan>,
    /// Sub-results that are computed once per execution, before whatever refers to them; an entry refers only to
    /// entries before it.
    pub shared: Vec<Plan>,
    /// What `render` asked for; presentation only.
    pub render: Option<Render>,
}

impl Query {
    /// The plans of the result's tables, in order; there is one at least.
    pub fn tables(&self) -> impl Iterator<Item = &Plan> {
        std::iter::once(&self.plan).chain(self.further.iter().map(|table| &table.plan))
    }

    /// The plans of everything: shared results, then tables.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.shared.iter().chain(self.tables())
    }
}

/// A table of a result that has several. Names are for people: two tables may have the same.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPlan {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub plan: Plan,
}

/// The request of a `render` operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Render {
    /// The visualization, such as `timechart`.
    pub visualization: String,
    /// The `with (…)` properties, name and value as text, in order.
    pub properties: Vec<(String, String)>,
}
