//! The binder: from the syntax tree to the bound tree. It looks up names, infers and checks types, names result
//! columns, and expands `let`.
//!
//! Names and types follow Microsoft's analyser (npm `@kusto/language-service-next`), which the corpus in
//! `tests/` compares against. Where we take more than it does, the code says so.

mod accept;
mod apart;
mod branches;
mod call;
mod constant;
mod convert;
mod environment;
mod evaluate;
mod expand;
mod expr;
mod expressions;
mod function;
mod graph;
mod graph_match;
mod graph_values;
mod height;
mod hunting;
mod join;
mod list;
mod lookup;
mod merged;
mod naming;
mod operator;
mod parse_kv;
mod pivot;
mod plugins;
mod project;
mod remap;
mod scan;
mod scope;
mod search;
mod series;
mod several;
mod source;
mod special;
mod statement;
mod suggest;
mod summarize;
mod survey;
mod tabular;
mod text;
mod timed;
mod top;
mod union;
mod unknown;
mod window;
mod written;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

pub use scope::{ExpressionCheck, Scope};
pub(crate) use survey::{Known, Survey, survey};

use crate::ast;
use crate::bound::{
    self, Column, ColumnId, Expr, ExprKind, Node, Plan, SharedId, Value, WindowCall,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::lexer::MAX_DIAGNOSTICS;
use crate::saved::SavedFunction;
use crate::types::Type;
use environment::{Binding, Closure, Environment, Saved};

/// How many nodes, columns and expressions the copies that `let` and functions make may have together: a bound against queries that double
/// themselves with every line.
const MAX_COPIED_NODES: usize = 200_000;

/// How many columns rows may have: all tables of the hunting schema together have some hundreds, and the time for a plan
/// grows with their square.
const MAX_COLUMNS: usize = 2_000;

/// How deep a query may nest, in units of about 3 KB of stack in a debug build: an operator counts 1, a call 2, a
/// subquery 4 and a call of a function of the query 6.
pub const MAX_BIND_DEPTH: usize = 240;

/// What a level of nesting counts, by what it is.
#[derive(Clone, Copy)]
enum Weight {
    Operator = 1,
    Call = 2,
    Subquery = 4,
    Application = 6,
}

/// How many operators may be piped after each other: every one is a level of the plan.
pub const MAX_PIPELINE: usize = 400;

/// The outcome of binding.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The bound query; none when a diagnostic is an error.
    pub query: Option<bound::Query>,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Columns depend on the data (`bag_unpack`, `pivot` without a schema): this query tells them. Its rows are the
    /// next answer for [`bind_with`]. Until all are given, [`Bound::query`] is bound as if the data were empty, and
    /// names that it does not know are not mistakes.
    pub probe: Option<bound::Query>,
}

/// Binds a parsed query against the tables of a scope. Never fails: mistakes become diagnostics. Errors of the
/// parser are the caller's to check; what the parser could not read is skipped here without a second message.
#[must_use]
pub fn bind(query: &ast::Query, scope: &Scope) -> Bound {
    bind_with(query, scope, &[])
}

/// As [`bind()`], with the answers to the probes so far, in order.
#[must_use]
pub fn bind_with(query: &ast::Query, scope: &Scope, answers: &[bound::ProbeAnswer]) -> Bound {
    let mut binder = Binder::new(scope);
    binder.answers = answers;
    let outcome = binder.query(query);
    let probe = binder.probe.take();
    let mut diagnostics = binder.diagnostics;
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    let failed = binder.failed || diagnostics.iter().any(Diagnostic::is_error);
    Bound {
        query: outcome.filter(|_| !failed),
        diagnostics,
        probe: probe.filter(|_| !failed),
    }
}

/// Binds a function of the scope with stand-ins for its arguments; the places of what is wrong are in its own text.
pub(crate) fn check_saved(name: &str, function: &SavedFunction, scope: &Scope) -> Vec<Diagnostic> {
    let mut binder = Binder::new(scope);
    binder.active.push(name.to_owned());
    let closure = Rc::new(Closure {
        function: Arc::clone(&function.function),
        place: binder.environment.here(),
        saved: None,
    });
    binder.check_function(&closure);
    let mut diagnostics = binder.diagnostics;
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    diagnostics
}

/// Rows during binding.
#[derive(Clone, Debug)]
struct Relation {
    plan: Plan,
    /// The columns are not all known, because of an earlier mistake: unknown names are not reported.
    open: bool,
}

/// What a scalar expression can see.
#[derive(Clone, Copy)]
struct Rows<'r> {
    columns: &'r [Column],
    open: bool,
    /// Inside `summarize`, outside of an aggregate: the input that aggregates see; bare columns are errors.
    aggregates: Option<&'r [Column]>,
}

impl<'r> Rows<'r> {
    /// The columns of a relation.
    fn of(relation: &'r Relation) -> Self {
        Self {
            columns: &relation.plan.columns,
            open: relation.open,
            aggregates: None,
        }
    }

    /// No columns: constants.
    const NONE: Rows<'static> = Rows {
        columns: &[],
        open: false,
        aggregates: None,
    };
}

/// The state of binding one query.
struct Binder<'s> {
    scope: &'s Scope,
    environment: Environment,
    diagnostics: Vec<Diagnostic>,
    /// What was said already: functions are bound at every call.
    said: HashSet<(&'static str, Span)>,
    /// The calls of `column_ifexists` that found no column.
    missing: HashSet<Span>,
    /// Something is missing that the parser has reported.
    failed: bool,
    next_column: u32,
    /// Columns whose expression was wrong: using them is not reported again.
    poisoned: HashSet<ColumnId>,
    shared: Vec<Plan>,
    render: Option<bound::Render>,
    /// What is wrong with the regular expressions that were looked at: the body of a function is bound at every call, and
    /// a text need not be read again.
    expressions: HashMap<String, Option<String>>,
    /// What `set` statements gave.
    options: HashMap<String, bound::Expr>,
    /// The operator being bound, for messages; empty outside of one.
    operator: &'static str,
    /// Aggregates found while binding a `summarize`.
    aggregates: Vec<bound::Aggregate>,
    /// Calls of window functions found while binding an operator; none where they are not allowed. A call whose
    /// arguments have others is of a higher level than these.
    windows: Option<Vec<(usize, WindowCall)>>,
    depth: usize,
    copied: usize,
    /// A function is bound with stand-ins for its arguments: constants are not known.
    checking: bool,
    /// What the data said to the probes so far.
    answers: &'s [bound::ProbeAnswer],
    /// How many probes were met.
    probes: usize,
    /// The first probe without an answer.
    probe: Option<bound::Query>,
    /// The name of the table that the pipeline began with.
    source_name: Option<String>,
    /// Inside `scan`: the steps' names and their state.
    states: Vec<(String, Vec<Column>)>,
    /// Inside `graph-match`: the names of its pattern.
    pattern: Option<Box<graph_values::PatternScope>>,
    /// The functions of the scope whose bodies are being bound, the outer ones first.
    active: Vec<String>,
    /// Where the query calls the outermost of them: what is wrong inside is told there.
    called_at: Option<Span>,
}

impl<'s> Binder<'s> {
    fn new(scope: &'s Scope) -> Self {
        Self {
            scope,
            environment: with_functions(scope),
            diagnostics: Vec::new(),
            said: HashSet::new(),
            missing: HashSet::new(),
            failed: false,
            next_column: 0,
            poisoned: HashSet::new(),
            shared: Vec::new(),
            render: None,
            expressions: HashMap::new(),
            options: HashMap::new(),
            operator: "",
            aggregates: Vec::new(),
            windows: None,
            depth: 0,
            copied: 0,
            checking: false,
            answers: &[],
            probes: 0,
            probe: None,
            source_name: None,
            states: Vec::new(),
            pattern: None,
            active: Vec::new(),
            called_at: None,
        }
    }

    /// Whether so much is wrong that more would help nobody, and looking for better names would only take time.
    fn said_enough(&self) -> bool {
        let errors = self.diagnostics.iter().filter(|d| d.is_error());
        errors.count() >= MAX_DIAGNOSTICS
    }

    /// Says something once per place.
    fn report(&mut self, mut diagnostic: Diagnostic) {
        if !diagnostic.is_error() && self.diagnostics.len() >= MAX_DIAGNOSTICS {
            return;
        }
        if self.said_enough() {
            self.failed = true;
            return;
        }
        if let Some(span) = self.called_at {
            let name = self.active.last().map_or("", String::as_str);
            diagnostic.message = format!("In the function '{name}': {}", diagnostic.message);
            diagnostic.span = span;
        }
        if self.said.insert((diagnostic.code, diagnostic.span)) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(code, span, message));
    }

    /// The name of the operator being bound, as messages begin with it.
    fn prefix(&self) -> String {
        if self.operator.is_empty() {
            String::new()
        } else {
            format!("'{}' operator: ", self.operator)
        }
    }

    /// Says that something must be a constant; not while arguments are only stand-ins.
    fn constant_wanted(&mut self, code: &'static str, span: Span, what: &str) {
        if !self.checking {
            self.error(
                code,
                span,
                format!("{}A constant {what} expected", self.prefix()),
            );
        }
    }

    fn unsupported(&mut self, span: Span, what: &str) {
        self.error("BZ101", span, format!("{what} is not supported yet"));
    }

    fn fresh(&mut self) -> ColumnId {
        self.next_column += 1;
        ColumnId(self.next_column - 1)
    }

    fn column(&mut self, name: impl Into<String>, ty: Type) -> Column {
        Column {
            id: self.fresh(),
            name: name.into(),
            ty,
        }
    }

    /// A column for an expression that may have been wrong.
    fn column_for(&mut self, name: impl Into<String>, expr: Option<&Expr>) -> Column {
        let column = self.column(name, expr.map_or(Type::Dynamic, |e| e.ty));
        if expr.is_none() {
            self.poisoned.insert(column.id);
        }
        column
    }

    /// Runs `inner` one level deeper, or reports that this is too deep.
    fn nested<T>(
        &mut self,
        weight: Weight,
        span: Span,
        inner: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let weight = weight as usize;
        if self.depth + weight > MAX_BIND_DEPTH {
            self.error("BZ102", span, "The query nests too deeply");
            return None;
        }
        self.depth += weight;
        let result = inner(self);
        self.depth -= weight;
        Some(result)
    }

    /// Counts the cost of a copy; false (and reported) when all copies together are too much.
    fn spend(&mut self, nodes: usize, span: Span) -> bool {
        self.copied = self.copied.saturating_add(nodes);
        if self.copied > MAX_COPIED_NODES {
            let message = "The query is too large once its let statements and functions are put in";
            self.error("BZ103", span, message);
            return false;
        }
        true
    }

    /// Whether rows may have so many columns; reported when not.
    fn fits(&mut self, columns: usize, span: Span) -> bool {
        if columns > MAX_COLUMNS {
            let message = format!(
                "{}Rows have at most {MAX_COLUMNS} columns, these would have {columns}",
                self.prefix()
            );
            self.error("BZ103", span, message);
        }
        columns <= MAX_COLUMNS
    }

    /// A copy of rows with fresh ids; none when all copies together are too much, which has been reported then.
    fn copy(&mut self, relation: &Relation, span: Span) -> Option<Relation> {
        if self.copied > MAX_COPIED_NODES {
            return None;
        }
        let next = &mut self.next_column;
        let (plan, cost) = remap::with_fresh_ids(&relation.plan, || {
            *next += 1;
            ColumnId(*next - 1)
        });
        for (old, new) in relation.plan.columns.iter().zip(&plan.columns) {
            if self.poisoned.contains(&old.id) {
                self.poisoned.insert(new.id);
            }
        }
        let affordable = self.spend(cost, span);
        affordable.then_some(Relation {
            plan,
            open: relation.open,
        })
    }

    /// Rows that nothing is known about, after a mistake.
    fn unknown() -> Relation {
        Relation {
            plan: Plan {
                node: Node::Unit,
                columns: Vec::new(),
            },
            open: true,
        }
    }

    /// Makes rows an entry of [`bound::Query::shared`].
    fn share(&mut self, plan: Plan) -> SharedId {
        self.shared.push(plan);
        SharedId(u32::try_from(self.shared.len() - 1).unwrap_or(u32::MAX))
    }

    /// A reference to a shared entry, whose columns are given, with fresh ones.
    fn shared_rows(&mut self, id: SharedId, columns: &[Column]) -> Plan {
        let fresh = columns.iter().map(|old| {
            let new = self.column(old.name.clone(), old.ty);
            if self.poisoned.contains(&old.id) {
                self.poisoned.insert(new.id);
            }
            new
        });
        let columns = fresh.collect();
        Plan {
            node: Node::Shared(id),
            columns,
        }
    }
}

/// A frame with the scope's functions, and one in it for the query.
fn with_functions(scope: &Scope) -> Environment {
    let mut environment = Environment::new();
    let place = environment.whole();
    for (name, saved) in scope.functions() {
        let closure = Closure {
            function: Arc::clone(&saved.function),
            place,
            saved: Some(Saved {
                name: name.to_owned(),
                column: saved.column,
            }),
        };
        environment.declare(name, Binding::Function(Rc::new(closure)));
    }
    environment.enter(place);
    environment
}

/// A constant.
fn literal(value: Value, ty: Type) -> Expr {
    Expr {
        kind: ExprKind::Literal(value),
        ty,
    }
}

/// A reference to a column.
fn reference(column: &Column) -> Expr {
    Expr {
        kind: ExprKind::Column(column.id),
        ty: column.ty,
    }
}
