//! `evaluate`: which plugin, and `bag_unpack`, whose columns depend on the data.

use crate::ast::{self, ExprKind as Ast};
use crate::bound::{
    Column, Expr, ExprKind, MvExpandKind, MvItem, Node, PathStep, Plan, ProbeAnswer, Query,
    ScalarFn, Value,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::plugin::unpacked_type;
use crate::types::Type;

use super::convert::coerce;
use super::{Binder, Relation, Rows, literal, reference, suggest};

/// The schema that the query promises for a plugin: whether it begins with `*`, and the columns.
pub(super) type Promised<'a> = Option<&'a (bool, Vec<ast::ColumnDeclaration>)>;

/// The plugins that can be called, for those who mistype one.
const PLUGINS: [&str; 23] = [
    "active_users_count",
    "activity_counts_metrics",
    "activity_engagement",
    "activity_metrics",
    "autocluster",
    "bag_unpack",
    "basket",
    "dcount_intersect",
    "diffpatterns",
    "funnel_sequence",
    "funnel_sequence_completion",
    "geo_line_lookup",
    "geo_polygon_lookup",
    "ipv4_lookup",
    "ipv6_lookup",
    "narrow",
    "new_activity_metrics",
    "pivot",
    "rolling_percentile",
    "rows_near",
    "sequence_detect",
    "session_count",
    "sliding_window_counts",
];

/// Plugins of the documentation that are not here, most of them because they call other programs or services.
const ELSEWHERE: [&str; 17] = [
    "ai_chat_completion",
    "ai_chat_completion_prompt",
    "ai_embeddings",
    "azure_digital_twins_query_request",
    "cosmosdb_sql_request",
    "diffpatterns_text",
    "http_request",
    "http_request_post",
    "infer_storage_schema",
    "infer_storage_schema_with_suggestions",
    "mysql_request",
    "postgresql_request",
    "preview",
    "python",
    "r",
    "schema_merge",
    "sql_request",
];

impl Binder<'_> {
    /// Binds `evaluate`.
    pub(super) fn evaluate(&mut self, input: Relation, evaluate: &ast::Evaluate) -> Relation {
        let call = &evaluate.call;
        let promised = evaluate.schema.as_ref();
        match call.name.text.as_str() {
            "bag_unpack" => self.bag_unpack(input, call, promised),
            "pivot" => self.pivot(input, call, promised),
            name => match self.plugin(input, name, call) {
                Some(relation) => relation,
                None if ELSEWHERE.contains(&name) => {
                    let what = format!("The plugin '{name}'");
                    self.refused(call.span, &what)
                }
                None => self.unknown_plugin(&call.name),
            },
        }
    }

    fn unknown_plugin(&mut self, name: &ast::Name) -> Relation {
        let message = format!("The plug-in function '{}' is not defined", name.text);
        let mut diagnostic = Diagnostic::error("KS124", name.span, message);
        if let Some(near) = suggest::closest(&name.text, PLUGINS.iter().copied()) {
            diagnostic = diagnostic.with_suggestion(near);
        }
        self.report(diagnostic);
        Self::unknown()
    }

    /// What the data says: the answer to the next probe, or none yet.
    pub(super) fn probed(&mut self, plan: impl FnOnce(&mut Self) -> Plan) -> Option<ProbeAnswer> {
        if self.checking {
            // A function that may never be called: its data is not known.
            return None;
        }
        let answer = self.answers.get(self.probes).cloned();
        self.probes += 1;
        if answer.is_none() && self.probe.is_none() {
            let plan = plan(self);
            self.probe = Some(Query {
                plan,
                name: None,
                further: Vec::new(),
                shared: self.shared.clone(),
                render: None,
            });
        }
        answer
    }

    fn bag_unpack(
        &mut self,
        input: Relation,
        call: &ast::Call,
        promised: Promised<'_>,
    ) -> Relation {
        let said = self.diagnostics.len();
        let Some(options) = self.unpack_options(&input, call) else {
            // Nothing is wrong, but the bag is a column that only the data tell: the other columns stay.
            let unknown = self.diagnostics.len() == said && input.open;
            return if unknown { input } else { Self::unknown() };
        };
        let bag = options.bag.clone();
        if let Some((open, declared)) = promised {
            return self.unpacked_as(input, &options, *open, declared);
        }
        let answer = self.probed(|b| b.properties_of(&input, &bag, call.span));
        let unknown = answer.is_none();
        let mut names: Vec<(String, Type)> = Vec::new();
        let answer = answer.unwrap_or_default();
        for (name, _) in &answer {
            let seen = names.iter().any(|(n, _)| n == name);
            if seen || options.ignored.contains(name) {
                continue;
            }
            let kinds = answer
                .iter()
                .filter(|(n, kind)| n == name && kind != "null")
                .map(|(_, kind)| kind.as_str());
            names.push((name.clone(), unpacked_type(kinds)));
        }
        names.sort();
        let kept: Vec<Column> = input
            .plan
            .columns
            .iter()
            .filter(|c| c.id != bag.id)
            .cloned()
            .collect();
        let mut exprs: Vec<Expr> = kept.iter().map(reference).collect();
        let mut columns = kept;
        for (key, ty) in names {
            let name = format!("{}{key}", options.prefix);
            let value = property(&bag, &key, ty);
            let at = columns.iter().position(|c| c.name == name);
            match (at, options.conflict.as_str()) {
                (Some(_), "keep_source") => {}
                (Some(at), "replace_source") => {
                    columns[at] = self.column(name, ty);
                    exprs[at] = value;
                }
                (Some(_), _) => {
                    let message = format!(
                        "{}bag_unpack: the table has a column '{name}' already; set columnsConflict or a prefix",
                        self.prefix()
                    );
                    self.error("BZ108", call.span, message);
                }
                (None, _) => {
                    columns.push(self.column(name, ty));
                    exprs.push(value);
                }
            }
        }
        Relation {
            open: input.open || unknown,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(input.plan),
                    exprs,
                },
                columns,
            },
        }
    }

    fn unpack_options(&mut self, input: &Relation, call: &ast::Call) -> Option<Unpack> {
        let [first, rest @ ..] = call.arguments.as_slice() else {
            self.error(
                "KS119",
                call.span,
                "The function 'bag_unpack' expects at least 1 argument",
            );
            return None;
        };
        let bag = self.column_argument(&first.value, input)?;
        if bag.ty != Type::Dynamic {
            let message = format!(
                "{}The expression must have the type dynamic, this one is {}",
                self.prefix(),
                bag.ty
            );
            self.error("KS141", first.value.span, message);
            return None;
        }
        let mut options = Unpack {
            bag,
            prefix: String::new(),
            conflict: "error".to_owned(),
            ignored: Vec::new(),
        };
        let mut position = 0;
        for argument in rest {
            let name = match &argument.name {
                Some(name) => name.text.as_str(),
                None => {
                    position += 1;
                    *["OutputColumnPrefix", "columnsConflict", "ignoredProperties"]
                        .get(position - 1)
                        .unwrap_or(&"")
                }
            };
            let value = self.scalar(&argument.value, Rows::NONE)?;
            match (name, value.kind) {
                ("columnsConflict", ExprKind::Literal(Value::String(text))) => {
                    options.conflict = text;
                }
                ("ignoredProperties", ExprKind::Literal(Value::Dynamic(json))) => {
                    options.ignored = super::list::texts(&json).unwrap_or_default();
                }
                ("", _) => {
                    let message = "The function 'bag_unpack' expects at most 4 arguments";
                    self.error("KS120", argument.value.span, message);
                }
                (_, ExprKind::Literal(Value::String(text))) => options.prefix = text,
                _ => self.constant_wanted("KS103", argument.value.span, "string"),
            }
        }
        Some(options)
    }

    /// A column that an argument names.
    pub(super) fn column_argument(&mut self, expr: &ast::Expr, input: &Relation) -> Option<Column> {
        match &expr.kind {
            Ast::Paren(inner) => return self.column_argument(inner, input),
            Ast::Name(_) => {}
            _ => {
                let message = format!("{}Column name expected", self.prefix());
                self.error("KS109", expr.span, message);
                return None;
            }
        }
        match self.scalar(expr, Rows::of(input))?.kind {
            ExprKind::Column(id) => input.plan.columns.iter().find(|c| c.id == id).cloned(),
            _ => {
                let message = format!("{}Column name expected", self.prefix());
                self.error("KS109", expr.span, message);
                None
            }
        }
    }

    /// Name and type of every property: the probe of `bag_unpack`.
    fn properties_of(&mut self, input: &Relation, bag: &Column, span: Span) -> Plan {
        let at = input.plan.columns.iter().position(|c| c.id == bag.id);
        let copy = self.copy(input, span).unwrap_or_else(Self::unknown);
        let bag = at.and_then(|at| copy.plan.columns.get(at)).cloned();
        let pair = self.column("pair", Type::Dynamic);
        let item = MvItem {
            array: bag
                .as_ref()
                .map_or_else(|| literal(Value::Null, Type::Dynamic), reference),
            output: pair.clone(),
        };
        let pairs = Plan {
            node: Node::MvExpand {
                input: Box::new(copy.plan),
                items: vec![item],
                index: None,
                limit: None,
                kind: MvExpandKind::Array,
            },
            columns: vec![pair.clone()],
        };
        let step = |at: i64| Expr {
            kind: ExprKind::Path {
                input: Box::new(reference(&pair)),
                steps: vec![PathStep::Index(at)],
            },
            ty: Type::Dynamic,
        };
        let kind = Expr {
            kind: ExprKind::Call {
                function: ScalarFn::GetType,
                args: vec![step(1)],
            },
            ty: Type::String,
        };
        let exprs = vec![coerce(step(0), Type::String), kind];
        let columns = vec![
            self.column("name", Type::String),
            self.column("type", Type::String),
        ];
        distinct(Plan {
            node: Node::Project {
                input: Box::new(pairs),
                exprs,
            },
            columns,
        })
    }

    /// `bag_unpack` with the columns that the query promises.
    fn unpacked_as(
        &mut self,
        input: Relation,
        options: &Unpack,
        open: bool,
        declared: &[ast::ColumnDeclaration],
    ) -> Relation {
        let others: Vec<Column> = input
            .plan
            .columns
            .iter()
            .filter(|c| c.id != options.bag.id)
            .cloned()
            .collect();
        let mut columns = Vec::new();
        let mut exprs = Vec::new();
        if open {
            let named = |c: &&Column| !declared.iter().any(|d| d.name.text == c.name);
            for column in others.iter().filter(named) {
                columns.push(column.clone());
                exprs.push(reference(column));
            }
        }
        for declaration in declared {
            let name = declaration.name.text.as_str();
            let Some(ty) = self.type_named(&declaration.ty) else {
                continue;
            };
            let key = name.strip_prefix(options.prefix.as_str()).unwrap_or(name);
            let own = others.iter().find(|c| c.name == name && !open);
            let value = match own {
                Some(column) => coerce(reference(column), ty),
                None => property(&options.bag, key, ty),
            };
            columns.push(self.column(name, ty));
            exprs.push(value);
        }
        Relation {
            open: input.open && open,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(input.plan),
                    exprs,
                },
                columns,
            },
        }
    }
}

/// The arguments of `bag_unpack`.
struct Unpack {
    bag: Column,
    prefix: String,
    conflict: String,
    ignored: Vec<String>,
}

fn property(bag: &Column, key: &str, ty: Type) -> Expr {
    let value = Expr {
        kind: ExprKind::Path {
            input: Box::new(reference(bag)),
            steps: vec![PathStep::Member(key.to_owned())],
        },
        ty: Type::Dynamic,
    };
    coerce(value, ty)
}

/// Distinct rows.
pub(super) fn distinct(plan: Plan) -> Plan {
    Plan {
        columns: plan.columns.clone(),
        node: Node::Distinct {
            input: Box::new(plan),
        },
    }
}
