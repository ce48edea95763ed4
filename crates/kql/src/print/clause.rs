//! Operators with clauses of their own.

use super::Printer;
use crate::ast::{
    Facet, Find, MakeSeries, Operator, OperatorKind, Parameter, ParseKv, Partition, PartitionBody,
    Reduce, Scan, ScanOutput, ScanStep, SeriesBounds, SeriesSteps, SortDirection, TopNested,
    UnionOperand,
};

impl Printer {
    /// Prints the operator when it is one of these.
    pub(super) fn clause_operator(&mut self, kind: &OperatorKind) {
        match kind {
            OperatorKind::Find(find) => self.find(find),
            OperatorKind::MakeSeries(series) => self.make_series(series),
            OperatorKind::TopNested(levels) => {
                self.indent += 1;
                for (i, level) in levels.iter().enumerate() {
                    if i > 0 {
                        self.push(",");
                        self.newline();
                    }
                    self.top_nested(level);
                }
                self.indent -= 1;
            }
            OperatorKind::TopHitters { count, of, by } => {
                self.push("top-hitters ");
                self.expr(count);
                self.push(" of ");
                self.named_expr(of);
                if let Some(by) = by {
                    self.push(" by ");
                    self.expr(by);
                }
            }
            OperatorKind::ParseKv(parse) => self.parse_kv(parse),
            OperatorKind::Partition(partition) => self.partition(partition),
            OperatorKind::Scan(scan) => self.scan(scan),
            OperatorKind::Facet(facet) => self.facet(facet),
            OperatorKind::Fork(branches) => {
                self.push("fork");
                for branch in branches {
                    self.push(" ");
                    if let Some(name) = &branch.name {
                        self.name(name);
                        self.push("=");
                    }
                    self.bracketed_operators(&branch.operators);
                }
            }
            OperatorKind::Reduce(reduce) => self.reduce(reduce),
            OperatorKind::ProjectByNames(names) => {
                self.push("project-by-names ");
                self.list(names, Self::expr);
            }
            OperatorKind::AssertSchema(open, columns) => {
                self.push("assert-schema (");
                self.schema_items(*open, columns);
                self.push(")");
            }
            _ => self.graph_operator(kind),
        }
    }

    fn find(&mut self, find: &Find) {
        self.push("find ");
        if let Some(name) = &find.with_source {
            self.push("withsource=");
            self.name(name);
            self.push(" ");
        }
        if !find.tables.is_empty() {
            self.push("in (");
            self.list(&find.tables, |printer, table| match table {
                UnionOperand::Pattern(pattern) => printer.pattern(pattern),
                UnionOperand::Table(table) => printer.expr(table),
            });
            self.push(") ");
        }
        self.push("where ");
        self.expr(&find.predicate);
        let Some(project) = &find.project else {
            return;
        };
        self.push(" project ");
        self.list(&project.columns, |printer, (name, ty)| {
            printer.name(name);
            if let Some(ty) = ty {
                printer.push(":");
                printer.push(&ty.text);
            }
        });
        if project.pack {
            self.push(if project.columns.is_empty() {
                "pack_all()"
            } else {
                ", pack_all()"
            });
        }
    }

    fn make_series(&mut self, series: &MakeSeries) {
        self.push("make-series ");
        if series.nonempty {
            self.push("kind=nonempty ");
        }
        self.parameters(&series.parameters);
        self.list(&series.aggregates, |printer, aggregate| {
            printer.named_expr(&aggregate.item);
            if let Some(default) = &aggregate.default {
                printer.push(" default=");
                printer.expr(default);
            }
        });
        self.push(" on ");
        self.named_expr(&series.axis);
        match &series.bounds {
            SeriesBounds::Steps(steps) => {
                let SeriesSteps { from, to, step } = steps.as_ref();
                for (word, value) in [(" from ", from), (" to ", to), (" step ", step)] {
                    if let Some(value) = value {
                        self.push(word);
                        self.expr(value);
                    }
                }
            }
            SeriesBounds::Range(values) => {
                self.push(" in range(");
                self.list(values, Self::expr);
                self.push(")");
            }
        }
        if !series.by.is_empty() {
            self.push(" by ");
            self.list(&series.by, Self::named_expr);
        }
    }

    fn top_nested(&mut self, level: &TopNested) {
        self.push("top-nested ");
        if let Some(count) = &level.count {
            self.expr(count);
            self.push(" ");
        }
        self.push("of ");
        self.named_expr(&level.of);
        if let Some(others) = &level.others {
            self.push(" with others=");
            self.expr(others);
        }
        self.push(" by ");
        self.named_expr(&level.by);
        self.push(match level.direction {
            None => "",
            Some(SortDirection::Asc) => " asc",
            Some(SortDirection::Desc) => " desc",
        });
    }

    fn parse_kv(&mut self, parse: &ParseKv) {
        self.push("parse-kv ");
        self.expr(&parse.expr);
        self.push(" as (");
        self.schema_items(false, &parse.columns);
        self.push(")");
        self.properties(&parse.properties);
    }

    fn partition(&mut self, partition: &Partition) {
        self.push("partition ");
        self.parameters(&partition.parameters);
        self.push("by ");
        self.name(&partition.by);
        self.push(" ");
        match &partition.body {
            PartitionBody::Operators(operators) => self.bracketed_operators(operators),
            PartitionBody::Query(query) => {
                self.push("{");
                self.indented_pipeline(query);
                self.push("}");
            }
        }
    }

    /// Operators in brackets, each on a line.
    pub(super) fn bracketed_operators(&mut self, operators: &[Operator]) {
        self.push("(");
        self.indent += 1;
        for (index, operator) in operators.iter().enumerate() {
            self.newline();
            self.push(if index > 0 { "| " } else { "" });
            self.operator(&operator.kind);
        }
        self.indent -= 1;
        self.newline();
        self.push(")");
    }

    fn scan(&mut self, scan: &Scan) {
        self.push("scan ");
        if let Some(name) = &scan.match_id {
            self.push("with_match_id=");
            self.name(name);
            self.push(" ");
        }
        if !scan.declare.is_empty() {
            self.push("declare ");
            self.parameter_declarations(&scan.declare);
            self.push(" ");
        }
        self.push("with (");
        self.indent += 1;
        for step in &scan.steps {
            self.newline();
            self.scan_step(step);
            self.push(";");
        }
        self.indent -= 1;
        self.newline();
        self.push(")");
    }

    fn scan_step(&mut self, step: &ScanStep) {
        self.push("step ");
        self.name(&step.name);
        self.push(match step.output {
            ScanOutput::All => "",
            ScanOutput::Last => " output=last",
            ScanOutput::None => " output=none",
        });
        self.push(": ");
        self.expr(&step.condition);
        if !step.assignments.is_empty() {
            self.push(" => ");
            self.list(&step.assignments, Self::named_expr);
        }
    }

    fn facet(&mut self, facet: &Facet) {
        self.push("facet by ");
        self.list(&facet.by, Self::name);
        if let Some(operators) = &facet.with {
            self.push(" with ");
            self.bracketed_operators(operators);
        }
    }

    fn reduce(&mut self, reduce: &Reduce) {
        self.push("reduce ");
        if reduce.with_source {
            self.push("kind=source ");
        }
        self.push("by ");
        self.named_expr(&reduce.by);
        if reduce.properties.is_empty() {
            return;
        }
        self.push(" with ");
        self.list(&reduce.properties, |printer, property: &Parameter| {
            printer.name(&property.name);
            printer.push("=");
            printer.expr(&property.value);
        });
    }
}
