//! Operators.

use super::Printer;
use crate::ast::{
    Expr, ExprKind, Join, JoinKind, MvApply, MvColumn, MvExpand, MvKind, NamePattern, NamedExpr,
    NullsOrder, OperatorKind, Parse, ParseItem, ParseKind, ReorderColumn, ReorderDirection, Search,
    SortDirection, SortKey, Summarize, Union, UnionKind, UnionOperand,
};

impl Printer {
    pub(super) fn operator(&mut self, kind: &OperatorKind) {
        match kind {
            OperatorKind::Where(predicate) => self.filter(predicate),
            OperatorKind::NamedWhere(name, predicate) => {
                self.push("where ");
                self.name(name);
                self.push(" = ");
                self.expr(predicate);
            }
            OperatorKind::Project(items) => self.named_list("project ", items),
            OperatorKind::Extend(items) => self.named_list("extend ", items),
            OperatorKind::Serialize(items) if items.is_empty() => self.push("serialize"),
            OperatorKind::Serialize(items) => self.named_list("serialize ", items),
            OperatorKind::ProjectAway(patterns) => self.patterns("project-away ", patterns),
            OperatorKind::ProjectKeep(patterns) => self.patterns("project-keep ", patterns),
            OperatorKind::Take(count) => self.with_expr("take ", count),
            OperatorKind::Sample(count) => self.with_expr("sample ", count),
            OperatorKind::Count(None) => self.push("count"),
            OperatorKind::Count(Some(name)) => {
                self.push("count as ");
                self.name(name);
            }
            OperatorKind::GetSchema => self.push("getschema"),
            OperatorKind::Consume => self.push("consume"),
            OperatorKind::Distinct(items) => self.named_list("distinct ", items),
            OperatorKind::Unsupported { name } => {
                self.push(if name.is_empty() { "<error>" } else { name })
            }
            _ => self.larger_operator(kind),
        }
    }

    fn larger_operator(&mut self, kind: &OperatorKind) {
        match kind {
            OperatorKind::ProjectRename(renames) => {
                self.push("project-rename ");
                self.list(renames, |printer, rename| {
                    printer.name(&rename.new);
                    printer.push(" = ");
                    printer.name(&rename.old);
                });
            }
            OperatorKind::ProjectReorder(columns) => {
                self.push("project-reorder ");
                self.list(columns, Self::reorder_column);
            }
            OperatorKind::Summarize(summarize) => self.summarize(summarize),
            OperatorKind::Top {
                count,
                by,
                parameters,
            } => {
                self.push("top ");
                self.parameters(parameters);
                self.expr(count);
                self.push(" by ");
                self.sort_key(by);
            }
            OperatorKind::Sort { keys, parameters } => {
                self.push("sort ");
                self.parameters(parameters);
                self.push("by ");
                self.list(keys, Self::sort_key);
            }
            OperatorKind::Join(join) => self.join("join ", join),
            OperatorKind::Lookup(join) => self.join("lookup ", join),
            OperatorKind::Union(union) => self.union(union),
            OperatorKind::MvExpand(expand) => self.mv_expand(expand),
            OperatorKind::MvApply(apply) => self.mv_apply(apply),
            OperatorKind::Parse(parse) => self.parse_operator(parse),
            OperatorKind::Search(search) => self.search(search),
            _ => self.calling_operator(kind),
        }
    }

    fn calling_operator(&mut self, kind: &OperatorKind) {
        match kind {
            OperatorKind::Evaluate(evaluate) => {
                self.push("evaluate ");
                self.parameters(&evaluate.parameters);
                self.call(&evaluate.call);
                if let Some((open, columns)) = &evaluate.schema {
                    self.push(" : (");
                    self.schema_items(*open, columns);
                    self.push(")");
                }
            }
            OperatorKind::Invoke(call) => {
                self.push("invoke ");
                self.call(call);
            }
            OperatorKind::Render(render) => {
                self.push("render ");
                self.name(&render.chart);
                self.properties(&render.properties);
            }
            OperatorKind::SampleDistinct { count, of } => {
                self.with_expr("sample-distinct ", count);
                self.with_expr(" of ", of);
            }
            OperatorKind::As { name, parameters } => {
                self.push("as ");
                self.parameters(parameters);
                self.name(name);
            }
            _ => self.clause_operator(kind),
        }
    }

    fn with_expr(&mut self, word: &str, expr: &Expr) {
        self.push(word);
        self.expr(expr);
    }

    fn named_list(&mut self, word: &str, items: &[NamedExpr]) {
        self.push(word);
        self.list(items, Self::named_expr);
    }

    fn patterns(&mut self, word: &str, patterns: &[NamePattern]) {
        self.push(word);
        self.list(patterns, Self::pattern);
    }

    fn filter(&mut self, predicate: &Expr) {
        self.push("where ");
        match &predicate.kind {
            ExprKind::Logical { op, operands, .. } if operands.len() > 2 => {
                self.indent += 1;
                self.logical(*op, operands, true);
                self.indent -= 1;
            }
            _ => self.expr(predicate),
        }
    }

    fn reorder_column(&mut self, column: &ReorderColumn) {
        self.pattern(&column.pattern);
        self.push(match column.direction {
            None => "",
            Some(ReorderDirection::Asc) => " asc",
            Some(ReorderDirection::Desc) => " desc",
            Some(ReorderDirection::GrannyAsc) => " granny-asc",
            Some(ReorderDirection::GrannyDesc) => " granny-desc",
        });
    }

    fn summarize(&mut self, summarize: &Summarize) {
        self.push("summarize ");
        self.parameters(&summarize.parameters);
        self.list(&summarize.aggregates, Self::named_expr);
        if let Some(by) = &summarize.by {
            self.push(if summarize.aggregates.is_empty() {
                "by "
            } else {
                " by "
            });
            self.list(by, Self::named_expr);
        }
    }

    fn sort_key(&mut self, key: &SortKey) {
        self.expr(&key.expr);
        self.push(match key.direction {
            None => "",
            Some(SortDirection::Asc) => " asc",
            Some(SortDirection::Desc) => " desc",
        });
        self.push(match key.nulls {
            None => "",
            Some(NullsOrder::First) => " nulls first",
            Some(NullsOrder::Last) => " nulls last",
        });
    }

    fn join(&mut self, word: &str, join: &Join) {
        self.push(word);
        if let Some(kind) = join.kind {
            self.push("kind=");
            self.push(join_kind(kind));
            self.push(" ");
        }
        self.parameters(&join.parameters);
        self.tabular_operand(&join.right);
        self.push(" on ");
        self.list(&join.on, Self::expr);
    }

    fn union(&mut self, union: &Union) {
        self.push("union ");
        match union.kind {
            None => {}
            Some(UnionKind::Inner) => self.push("kind=inner "),
            Some(UnionKind::Outer) => self.push("kind=outer "),
        }
        if let Some(name) = &union.with_source {
            self.push("withsource=");
            self.name(name);
            self.push(" ");
        }
        if union.is_fuzzy {
            self.push("isfuzzy=true ");
        }
        self.parameters(&union.parameters);
        self.list(&union.operands, Self::union_operand);
    }

    fn union_operand(&mut self, operand: &UnionOperand) {
        match operand {
            UnionOperand::Pattern(pattern) => self.pattern(pattern),
            UnionOperand::Table(table) => self.expr(table),
        }
    }

    fn mv_columns(&mut self, columns: &[MvColumn], limit: Option<&Expr>) {
        self.list(columns, |printer, column| {
            if let Some(name) = &column.name {
                // Without quotes these would be read as settings of the operator.
                match name.text.as_str() {
                    setting @ ("kind" | "bagexpansion" | "with_itemindex") => {
                        printer.quoted_name(setting)
                    }
                    text => printer.name_text(text),
                }
                printer.push(" = ");
            }
            printer.expr(&column.expr);
            if let Some(to) = &column.to {
                printer.push(" to typeof(");
                printer.push(&to.text);
                printer.push(")");
            }
        });
        if let Some(limit) = limit {
            self.with_expr(" limit ", limit);
        }
    }

    fn mv_expand(&mut self, expand: &MvExpand) {
        self.push(if expand.legacy {
            "mvexpand "
        } else {
            "mv-expand "
        });
        match expand.kind {
            None => {}
            Some(MvKind::Bag) => self.push("kind=bag "),
            Some(MvKind::Array) => self.push("kind=array "),
        }
        if let Some(name) = &expand.item_index {
            self.push("with_itemindex=");
            self.name(name);
            self.push(" ");
        }
        self.mv_columns(&expand.columns, expand.limit.as_ref());
    }

    fn mv_apply(&mut self, apply: &MvApply) {
        self.push("mv-apply ");
        if let Some(name) = &apply.item_index {
            self.push("with_itemindex=");
            self.name(name);
            self.push(" ");
        }
        self.mv_columns(&apply.columns, apply.limit.as_ref());
        self.push(" on (");
        self.indent += 1;
        for (index, operator) in apply.operators.iter().enumerate() {
            self.newline();
            self.push(if index > 0 { "| " } else { "" });
            self.operator(&operator.kind);
        }
        self.indent -= 1;
        self.newline();
        self.push(")");
    }

    fn parse_operator(&mut self, parse: &Parse) {
        self.push(if parse.drop_unmatched {
            "parse-where "
        } else {
            "parse "
        });
        match parse.kind {
            None => {}
            Some(ParseKind::Simple) => self.push("kind=simple "),
            Some(ParseKind::Regex) => self.push("kind=regex "),
            Some(ParseKind::Relaxed) => self.push("kind=relaxed "),
        }
        if let Some(flags) = &parse.flags {
            self.push("flags=");
            self.name(flags);
            self.push(" ");
        }
        self.expr(&parse.expr);
        self.push(" with");
        for item in &parse.items {
            self.push(" ");
            match item {
                ParseItem::Star(_) => self.push("*"),
                ParseItem::Text(text) => self.expr(text),
                ParseItem::Column { name, ty } => {
                    self.name(name);
                    if let Some(ty) = ty {
                        self.push(":");
                        self.push(&ty.text);
                    }
                }
            }
        }
    }

    fn search(&mut self, search: &Search) {
        self.push("search ");
        if search.case_sensitive {
            self.push("kind=case_sensitive ");
        }
        if !search.tables.is_empty() {
            self.push("in (");
            self.list(&search.tables, Self::union_operand);
            self.push(") ");
        }
        self.expr(&search.predicate);
    }
}

fn join_kind(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::InnerUnique => "innerunique",
        JoinKind::Inner => "inner",
        JoinKind::LeftOuter => "leftouter",
        JoinKind::RightOuter => "rightouter",
        JoinKind::FullOuter => "fullouter",
        JoinKind::LeftSemi => "leftsemi",
        JoinKind::RightSemi => "rightsemi",
        JoinKind::LeftAnti => "leftanti",
        JoinKind::RightAnti => "rightanti",
    }
}
