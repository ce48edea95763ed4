//! `fork` and `facet`: results of several tables. One of them can only end a query; its source is computed once, and
//! every table is a plan over it.

use crate::ast::{self, Branch, Facet, Operator, OperatorKind};
use crate::bound::{Aggregate, AggregateFn, NamedPlan, Node, Plan, Query};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::tabular::operator_name;
use super::{Binder, Relation, Rows, Weight, reference};

/// How many tables a query may give: each has a plan of its own.
const MAX_TABLES: usize = 100;

/// A table of the result, with the name that the query gives it.
type Table = (Option<String>, Plan);

impl Binder<'_> {
    /// Binds a statement whose rows are a result, which may be several tables. What they share is left with the binder.
    pub(super) fn result(&mut self, tabular: &ast::Tabular) -> Query {
        let operators = &tabular.operators;
        let splits =
            |o: &Operator| matches!(o.kind, OperatorKind::Fork(_) | OperatorKind::Facet(_));
        let Some(at) = operators.iter().position(splits) else {
            return one_table(self.tabular(tabular).plan);
        };
        let input = self.pipeline(&tabular.source, &operators[..at], tabular.span);
        self.operator = operator_name(&operators[at].kind);
        let tables = self.tables(input, &operators[at]);
        self.failed |= tables.is_empty();
        for operator in &operators[at + 1..] {
            self.after_tables(operator, operator_name(&operators[at].kind));
        }
        self.operator = "";
        named(tables)
    }

    fn tables(&mut self, input: Relation, operator: &Operator) -> Vec<Table> {
        if super::graph::is_graph(&input.plan) {
            self.graph_operator(input, operator);
            return Vec::new();
        }
        let tables = match &operator.kind {
            OperatorKind::Fork(branches) => branches.len(),
            OperatorKind::Facet(facet) => facet.by.len() + usize::from(facet.with.is_some()),
            _ => 0,
        };
        if tables > MAX_TABLES {
            let message = format!("{}A query gives at most {MAX_TABLES} tables", self.prefix());
            self.error("BZ103", operator.span, message);
            return Vec::new();
        }
        let inputs = self.ways(input, tables);
        match &operator.kind {
            OperatorKind::Fork(branches) => self.fork(inputs, branches),
            OperatorKind::Facet(facet) => self.facet(inputs, facet),
            _ => Vec::new(),
        }
    }

    /// An operator behind the one that gives several tables.
    fn after_tables(&mut self, operator: &Operator, tables: &str) {
        if matches!(operator.kind, OperatorKind::Render(_)) {
            self.operator(Self::unknown(), operator);
            return;
        }
        let message = format!(
            "'{}' operator: The tables of '{tables}' are the result as they are, only 'render' can follow",
            operator_name(&operator.kind)
        );
        self.error("BZ106", operator.span, message);
    }

    /// Says that several tables are the result of a query, and nothing else.
    pub(super) fn several_tables_refused(&mut self, span: Span) -> Relation {
        let message = format!(
            "{}Several tables can be the result of a query, but not of a subquery, a let statement or a function",
            self.prefix()
        );
        let diagnostic = Diagnostic::error("BZ106", span, message);
        self.report(diagnostic.with_suggestion("end the query with it"));
        Self::unknown()
    }

    fn fork(&mut self, inputs: Vec<Relation>, branches: &[Branch]) -> Vec<Table> {
        let each = branches.iter().zip(inputs).map(|(branch, input)| {
            self.operator = "fork";
            let plan = if self.may_stand_in_branch(&branch.operators) {
                self.branch(input, &branch.operators)
            } else {
                Self::unknown().plan
            };
            let name = branch.name.as_ref().map(|name| name.text.clone());
            (name.or_else(|| named_as(&branch.operators)), plan)
        });
        each.collect()
    }

    /// `facet`: the table of its subquery, then one for each column.
    fn facet(&mut self, inputs: Vec<Relation>, facet: &Facet) -> Vec<Table> {
        let mut tables = Vec::with_capacity(inputs.len());
        let mut inputs = inputs.into_iter();
        if let Some(operators) = &facet.with {
            let input = inputs.next().unwrap_or_else(Self::unknown);
            let plan = self.branch(input, operators);
            tables.push((named_as(operators), plan));
        }
        self.operator = "facet";
        for (name, input) in facet.by.iter().zip(inputs) {
            tables.push((None, self.counted_by(input, name)));
        }
        tables
    }

    /// The values of a column, and how many rows have each.
    fn counted_by(&mut self, input: Relation, name: &ast::Name) -> Plan {
        let columns = &input.plan.columns;
        let Some(by) = columns.iter().find(|c| c.name == name.text).cloned() else {
            if !input.open {
                self.unknown_name(name, Rows::of(&input));
            }
            return Self::unknown().plan;
        };
        if by.ty == Type::Dynamic && !self.poisoned.contains(&by.id) {
            self.dynamic_refused(name.span);
            return Self::unknown().plan;
        }
        let count = self.column(format!("count_{}", by.name), Type::Long);
        let aggregate = Aggregate {
            function: AggregateFn::Count,
            args: Vec::new(),
            filter: None,
            outputs: vec![count.clone()],
        };
        let node = Node::Summarize {
            input: Box::new(input.plan),
            by: vec![reference(&by)],
            aggregates: vec![aggregate],
        };
        let columns = vec![by, count];
        Plan { node, columns }
    }

    fn branch(&mut self, input: Relation, operators: &[Operator]) -> Plan {
        let span = operators.first().map_or(Span::empty(0), |o| o.span);
        let relation = self.nested(Weight::Subquery, span, |b| {
            b.apart(|b| b.operators(input, operators))
        });
        relation.unwrap_or_else(Self::unknown).plan
    }

    /// The same rows so many times: for more than once they are computed first.
    fn ways(&mut self, input: Relation, ways: usize) -> Vec<Relation> {
        if ways <= 1 {
            return vec![input];
        }
        let Relation { plan, open } = input;
        let columns = plan.columns.clone();
        let id = self.share(plan);
        let each = (0..ways).map(|_| {
            let plan = self.shared_rows(id, &columns);
            Relation { plan, open }
        });
        each.collect()
    }

    /// Whether all operators are ones that a branch of `fork` can have: those that Microsoft's analyser lets through.
    fn may_stand_in_branch(&mut self, operators: &[Operator]) -> bool {
        let mut all = true;
        for operator in operators.iter().filter(|o| !stands_in_branch(&o.kind)) {
            let name = operator_name(&operator.kind);
            let message =
                format!("The query operator '{name}' is not allowed in a branch of 'fork'");
            self.error("KS177", operator.span, message);
            all = false;
        }
        all
    }
}

fn stands_in_branch(kind: &OperatorKind) -> bool {
    use OperatorKind as Kind;
    matches!(
        kind,
        Kind::As { .. }
            | Kind::Count(_)
            | Kind::Distinct(_)
            | Kind::Extend(_)
            | Kind::Invoke(_)
            | Kind::MvExpand(_)
            | Kind::Parse(_)
            | Kind::ParseKv(_)
            | Kind::Project(_)
            | Kind::ProjectAway(_)
            | Kind::ProjectByNames(_)
            | Kind::ProjectKeep(_)
            | Kind::ProjectRename(_)
            | Kind::ProjectReorder(_)
            | Kind::Reduce(_)
            | Kind::Sample(_)
            | Kind::SampleDistinct { .. }
            | Kind::Sort { .. }
            | Kind::Summarize(_)
            | Kind::Take(_)
            | Kind::Top { .. }
            | Kind::TopHitters { .. }
            | Kind::TopNested(_)
            | Kind::Where(_)
            | Kind::NamedWhere(..)
            // The parser has refused it.
            | Kind::Unsupported { .. }
    )
}

/// The name that a last `as` gives.
fn named_as(operators: &[Operator]) -> Option<String> {
    match &operators.last()?.kind {
        OperatorKind::As { name, .. } => Some(name.text.clone()),
        _ => None,
    }
}

fn one_table(plan: Plan) -> Query {
    Query {
        plan,
        name: None,
        further: Vec::new(),
        shared: Vec::new(),
        render: None,
    }
}

/// A result of tables. Those without a name have the documented ones: `GenericResult`, `GenericResult_2`…
fn named(tables: Vec<Table>) -> Query {
    let several = tables.len() > 1;
    let generic = |at: usize| match at {
        0 => "GenericResult".to_owned(),
        at => format!("GenericResult_{}", at + 1),
    };
    let tables = tables.into_iter().enumerate();
    let mut tables = tables.map(|(at, (name, plan))| {
        let name = name.unwrap_or_else(|| generic(at));
        NamedPlan { name, plan }
    });
    match tables.next() {
        Some(first) => Query {
            name: several.then_some(first.name),
            further: tables.collect(),
            ..one_table(first.plan)
        },
        None => one_table(Binder::unknown().plan),
    }
}
