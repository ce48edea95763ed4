//! Graphs: `make-graph`, `graph-mark-components`, `graph-to-table`. A graph is rows whose node is a plan of a graph
//! without a question; the operators after it put the question in.

use std::rc::Rc;

use crate::ast::{self, GraphTableId, OperatorKind};
use crate::bound::{Column, Expr, GraphColumn, GraphOperation, GraphPlan, Node, Plan, Plugin};
use crate::bound::{UnionInput, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::types::Type;

use super::convert::coerce;
use super::environment::Binding;
use super::{Binder, Relation, Rows, literal, reference};

/// The rows of a table of nodes, and the columns that say which node and which graph a row is of.
struct NodeRows {
    relation: Relation,
    key: Column,
    partition: Option<Column>,
}

impl Binder<'_> {
    /// Binds an operator that makes a graph, or that stands after one.
    pub(super) fn graph_operator(&mut self, input: Relation, operator: &ast::Operator) -> Relation {
        let span = operator.span;
        let message = match (takes_graph(&operator.kind), is_graph(&input.plan)) {
            (true, false) if input.open => return Self::unknown(),
            (true, false) => "needs a graph before it: make one with make-graph",
            (false, true) => {
                "cannot be used on a graph: ask it first with graph-match, graph-shortest-paths or graph-to-table"
            }
            _ => "",
        };
        if !message.is_empty() {
            let message = format!("{}{message}", self.prefix());
            self.error("BZ111", span, message);
            return Self::unknown();
        }
        match &operator.kind {
            OperatorKind::MakeGraph(graph) => self.make_graph(input, graph, span),
            OperatorKind::GraphMatch(found) => self.graph_match(input, found, span),
            OperatorKind::GraphMarkComponents(mark) => self.graph_mark_components(input, mark),
            OperatorKind::GraphToTable(tables) => self.graph_to_table(&input, tables, span),
            _ => input,
        }
    }

    /// Says that a query ends with a graph.
    pub(super) fn graph_is_no_result(&mut self, span: Span) {
        let message = "A graph is no result: end with graph-match, graph-shortest-paths or graph-to-table, and name \
                       one table when that gives two";
        self.error("BZ111", span, message);
    }

    fn make_graph(&mut self, input: Relation, graph: &ast::MakeGraph, span: Span) -> Relation {
        if !graph.directed {
            self.unsupported(span, "A graph of edges without direction ('--')");
        }
        let source = self.graph_key(&input, &graph.source);
        let target = self.graph_key(&input, &graph.target);
        let by = graph.partition.as_ref().map(|p| &p.by);
        let mut tables = Vec::with_capacity(graph.nodes.len());
        for nodes in &graph.nodes {
            let relation = self.tabular(&nodes.table);
            self.operator = "make-graph";
            let key = self.graph_key(&relation, &nodes.on);
            let partition = by.map(|by| self.graph_key(&relation, by));
            let (Some(key), Some(partition)) = (key, partition.map_or(Some(None), |p| p.map(Some)))
            else {
                continue;
            };
            tables.push(NodeRows {
                relation,
                key,
                partition,
            });
        }
        let partition = by.map(|by| self.graph_key(&input, by));
        let (Some(source), Some(target), Some(partition)) = (
            source,
            target,
            partition.map_or(Some(None), |p| p.map(Some)),
        ) else {
            return Self::unknown();
        };
        if tables.len() < graph.nodes.len() {
            return Self::unknown();
        }
        if let Some(name) = graph.node_id.as_ref().filter(|_| !tables.is_empty()) {
            let message = "with_node_id names the nodes of a graph without tables of nodes: use one or the other";
            self.error("BZ111", name.span, message);
        }
        let key = common_type(
            [&source, &target]
                .into_iter()
                .chain(tables.iter().map(|t| &t.key)),
        );
        let part = partition.as_ref().map(|p| {
            common_type(
                std::iter::once(p).chain(tables.iter().filter_map(|t| t.partition.as_ref())),
            )
        });
        let mut plan = GraphPlan {
            edges: graph_columns(&input.plan.columns),
            nodes: Vec::new(),
            ids: Vec::new(),
            key,
            partitioned: part.is_some(),
            components: Vec::new(),
            operation: GraphOperation::Graph,
        };
        if let Some(name) = &graph.node_id {
            plan.nodes.push(GraphColumn {
                name: name.text.clone(),
                ty: source.ty,
            });
            plan.ids.push(0);
        }
        let open = input.open || tables.iter().any(|t| t.relation.open);
        let mut args: Vec<Expr> = input.plan.columns.iter().map(reference).collect();
        args.push(coerce(reference(&source), key));
        args.push(coerce(reference(&target), key));
        if let (Some(partition), Some(part)) = (&partition, part) {
            args.push(coerce(reference(partition), part));
        }
        let lookup = (!tables.is_empty()).then(|| self.graph_nodes(tables, &mut plan, part));
        let node = Node::Plugin {
            input: Box::new(input.plan),
            plugin: Plugin::Graph(Box::new(plan)),
            args,
            constants: Vec::new(),
            lookup,
            outputs: Vec::new(),
            partition: Vec::new(),
        };
        let made = Relation {
            plan: Plan {
                node,
                columns: Vec::new(),
            },
            open,
        };
        match &graph.partition {
            Some(partition) => self.graph_of_each(made, partition),
            None => made,
        }
    }

    /// The operator of `partitioned-by`.
    fn graph_of_each(&mut self, made: Relation, partition: &ast::GraphPartition) -> Relation {
        let mut operators = partition.operators.iter();
        let (Some(operator), None) = (operators.next(), operators.next()) else {
            let message = "'make-graph' operator: partitioned-by takes one operator of graphs; pipe its rows on behind \
                           the bracket";
            self.error("BZ111", partition.by.span, message);
            return Self::unknown();
        };
        let makes_rows = match &operator.kind {
            OperatorKind::GraphMatch(_) => true,
            OperatorKind::GraphToTable(tables) => tables.len() == 1,
            OperatorKind::Unsupported { .. } => {
                self.failed = true;
                return Self::unknown();
            }
            _ => false,
        };
        if !makes_rows {
            let name = super::tabular::operator_name(&operator.kind);
            let message = format!(
                "The query operator '{name}' is not allowed in the current context: a graph of partitions takes \
                 graph-match, graph-shortest-paths or graph-to-table"
            );
            self.error("KS177", operator.span, message);
            return Self::unknown();
        }
        self.operator = super::tabular::operator_name(&operator.kind);
        self.graph_operator(made, operator)
    }

    /// A column that tells nodes or graphs apart.
    fn graph_key(&mut self, rows: &Relation, name: &ast::Name) -> Option<Column> {
        let found = rows.plan.columns.iter().find(|c| c.name == name.text);
        let Some(column) = found else {
            if !rows.open && !name.text.is_empty() {
                self.unknown_name(name, Rows::of(rows));
            }
            return None;
        };
        if column.ty == Type::Dynamic && !self.poisoned.contains(&column.id) {
            let message = format!(
                "{}Source, target and node id columns cannot be dynamic: cast the column '{}' first, for example with \
                 tostring()",
                self.prefix(),
                name.text
            );
            self.error("KS240", name.span, message);
            return None;
        }
        Some(column.clone())
    }

    /// Shares the rows of all tables of nodes: their columns by name, then the keys.
    fn graph_nodes(
        &mut self,
        tables: Vec<NodeRows>,
        plan: &mut GraphPlan,
        part: Option<Type>,
    ) -> crate::bound::SharedId {
        for table in &tables {
            for column in &table.relation.plan.columns {
                match plan.nodes.iter_mut().find(|n| n.name == column.name) {
                    Some(same) if same.ty != column.ty => same.ty = Type::Dynamic,
                    Some(_) => {}
                    None => plan.nodes.push(GraphColumn {
                        name: column.name.clone(),
                        ty: column.ty,
                    }),
                }
            }
        }
        for table in &tables {
            let at = plan.nodes.iter().position(|n| n.name == table.key.name);
            plan.ids.extend(at.filter(|at| !plan.ids.contains(at)));
        }
        let mut inputs = Vec::with_capacity(tables.len());
        for table in tables {
            let own = &table.relation.plan.columns;
            let mut columns = Vec::with_capacity(plan.nodes.len() + 2);
            let mut exprs = Vec::with_capacity(plan.nodes.len() + 2);
            for wanted in &plan.nodes {
                let found = own.iter().find(|c| c.name == wanted.name);
                let value = found.map_or_else(|| nothing(wanted.ty), reference);
                exprs.push(coerce(value, wanted.ty));
                columns.push(self.column(wanted.name.clone(), wanted.ty));
            }
            exprs.push(coerce(reference(&table.key), plan.key));
            columns.push(self.column("", plan.key));
            if let (Some(partition), Some(part)) = (&table.partition, part) {
                exprs.push(coerce(reference(partition), part));
                columns.push(self.column("", part));
            }
            let node = Node::Project {
                input: Box::new(table.relation.plan),
                exprs,
            };
            inputs.push(Plan { node, columns });
        }
        if inputs.len() == 1 {
            return self.share(inputs.remove(0));
        }
        let columns: Vec<Column> = inputs[0]
            .columns
            .iter()
            .map(|c| self.column(c.name.clone(), c.ty))
            .collect();
        let inputs = inputs
            .into_iter()
            .map(|plan| UnionInput {
                mapping: plan.columns.iter().map(|c| Some(c.id)).collect(),
                plan,
            })
            .collect();
        self.share(Plan {
            node: Node::Union { inputs },
            columns,
        })
    }

    fn graph_mark_components(
        &mut self,
        input: Relation,
        mark: &ast::GraphMarkComponents,
    ) -> Relation {
        let mut marked = input;
        if let Node::Plugin {
            plugin: Plugin::Graph(graph),
            ..
        } = &mut marked.plan.node
        {
            let name = mark.component_id.as_ref();
            graph.nodes.push(GraphColumn {
                name: name.map_or_else(|| "ComponentId".to_owned(), |n| n.text.clone()),
                ty: Type::Long,
            });
            graph.components.push(mark.strong);
        }
        marked
    }

    fn graph_to_table(
        &mut self,
        input: &Relation,
        tables: &[ast::GraphTable],
        span: Span,
    ) -> Relation {
        if let [only] = tables {
            let table = self.graph_table(input.clone(), only);
            if let Some(alias) = &only.alias {
                self.name_rows(alias, &table);
            }
            return table;
        }
        for table in tables {
            let Some(alias) = &table.alias else {
                self.error("KS273", span, "Multiple graph outputs require aliases");
                continue;
            };
            if let Some(copy) = self.copy(input, span) {
                let rows = self.graph_table(copy, table);
                self.name_rows(alias, &rows);
            }
        }
        // The statement itself has no rows; the names stand for them in what follows.
        input.clone()
    }

    fn name_rows(&mut self, name: &ast::Name, rows: &Relation) {
        let copy = self.copy(rows, name.span).unwrap_or_else(Self::unknown);
        if !self
            .environment
            .declare(&name.text, Binding::Tabular(Rc::new(copy)))
        {
            let message = format!(
                "A variable with the name '{}' has already been declared",
                name.text
            );
            self.error("KS201", name.span, message);
        }
    }

    fn graph_table(&mut self, input: Relation, table: &ast::GraphTable) -> Relation {
        let id = |wanted: GraphTableId| table.ids.iter().find(|(id, _)| *id == wanted);
        let ids = [
            id(GraphTableId::Node),
            id(GraphTableId::Source),
            id(GraphTableId::Target),
        ];
        let mut columns: Vec<Column> = Vec::new();
        for (_, name) in ids.into_iter().flatten() {
            columns.push(self.column(name.text.clone(), Type::Long));
        }
        let [node, source, target] = ids.map(|id| id.is_some());
        self.asked(input, |binder, graph| {
            let properties = if table.edges {
                &graph.edges
            } else {
                &graph.nodes
            };
            for property in properties {
                columns.push(binder.column(property.name.clone(), property.ty));
            }
            graph.operation = if table.edges {
                GraphOperation::Edges { source, target }
            } else {
                GraphOperation::Nodes { id: node }
            };
            columns
        })
    }

    /// Puts a question to a graph; `ask` sets it and gives the columns of the answer.
    pub(super) fn asked(
        &mut self,
        input: Relation,
        ask: impl FnOnce(&mut Self, &mut GraphPlan) -> Vec<Column>,
    ) -> Relation {
        let mut answer = input;
        if let Node::Plugin {
            plugin: Plugin::Graph(graph),
            outputs,
            ..
        } = &mut answer.plan.node
        {
            *outputs = ask(self, graph);
            answer.plan.columns.clone_from(outputs);
        }
        answer
    }
}

/// Whether an operator makes a graph or stands after one.
pub(super) fn concerns_graph(kind: &OperatorKind, input: &Plan) -> bool {
    matches!(kind, OperatorKind::MakeGraph(_)) || takes_graph(kind) || is_graph(input)
}

fn takes_graph(kind: &OperatorKind) -> bool {
    matches!(
        kind,
        OperatorKind::GraphMatch(_)
            | OperatorKind::GraphMarkComponents(_)
            | OperatorKind::GraphToTable(_)
    )
}

/// Whether a plan is a graph that nothing was asked of.
pub(super) fn is_graph(plan: &Plan) -> bool {
    matches!(
        &plan.node,
        Node::Plugin { plugin: Plugin::Graph(graph), .. } if graph.operation == GraphOperation::Graph
    )
}

fn graph_columns(columns: &[Column]) -> Vec<GraphColumn> {
    let graph_column = |c: &Column| GraphColumn {
        name: c.name.clone(),
        ty: c.ty,
    };
    columns.iter().map(graph_column).collect()
}

/// The type in which keys are compared: their own, or as text.
fn common_type<'c>(mut columns: impl Iterator<Item = &'c Column>) -> Type {
    let first = columns.next().map_or(Type::String, |c| c.ty);
    if columns.all(|c| c.ty == first) {
        first
    } else {
        Type::String
    }
}

/// The value of a property that a node does not have.
fn nothing(ty: Type) -> Expr {
    let value = if ty == Type::String {
        Value::String(String::new())
    } else {
        Value::Null
    };
    literal(value, ty)
}

/// What is said of a name that the pattern of a `graph-match` does not have.
pub(super) fn unknown_property(
    prefix: &str,
    variable: &str,
    name: &ast::Name,
    properties: &[GraphColumn],
) -> Diagnostic {
    let message = format!("{prefix}'{variable}' has no property named '{}'", name.text);
    let diagnostic = Diagnostic::error("KS142", name.span, message);
    let names = properties.iter().map(|p| p.name.as_str());
    match super::suggest::closest(&name.text, names) {
        Some(near) => diagnostic.with_suggestion(near),
        None => diagnostic,
    }
}
