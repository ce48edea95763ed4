//! Operators with clauses of their own, such as `make-series … on … step …`.

use super::Parser;
use crate::ast::{
    Branch, Expr, ExprKind, Facet, Find, FindProject, MakeSeries, Name, NamedExpr, Operator,
    OperatorKind, ParseKv, Partition, PartitionBody, Reduce, Scan, ScanOutput, ScanStep,
    SeriesAggregate, SeriesBounds, SeriesSteps, SortDirection, TopNested,
};
use crate::token::TokenKind;

impl Parser<'_> {
    /// The operator of this name, which has been taken; none when it is not one of these.
    pub(super) fn clause_operator(&mut self, name: &str) -> Option<OperatorKind> {
        Some(match name {
            "find" => OperatorKind::Find(self.find()),
            "make-series" => OperatorKind::MakeSeries(self.make_series()),
            "top-nested" => OperatorKind::TopNested(self.top_nested()),
            "top-hitters" => self.top_hitters(),
            "parse-kv" => OperatorKind::ParseKv(self.parse_kv()),
            "partition" => OperatorKind::Partition(self.partition()),
            "scan" => OperatorKind::Scan(self.scan()),
            "facet" => OperatorKind::Facet(self.facet()),
            "fork" => OperatorKind::Fork(self.fork()),
            "reduce" => OperatorKind::Reduce(self.reduce_operator()),
            "project-by-names" => OperatorKind::ProjectByNames(self.expressions()),
            "assert-schema" => {
                let (open, columns) = self.row_schema();
                OperatorKind::AssertSchema(open, columns)
            }
            _ => return self.graph_operator(name),
        })
    }

    /// `withsource=n in (tables) where predicate project a, b:long, pack(*)`.
    fn find(&mut self) -> Find {
        let mut parameters = self.parameters(&["withsource", "with_source", "datascope"]);
        let with_source = self.take_word(&mut parameters, "withsource");
        let with_source = with_source.or(self.take_word(&mut parameters, "with_source"));
        let mut tables = Vec::new();
        if self.eat_word("in") && self.expect(TokenKind::OpenParen, "(") {
            tables = self.list(Self::union_operand);
            self.expect(TokenKind::CloseParen, ")");
        }
        self.eat_word("where");
        let searching = std::mem::replace(&mut self.searching, true);
        let predicate = self.expression();
        self.searching = searching;
        let mut project = None;
        if self.at_word("project") {
            let word = self.dashed_word(|word| word == "project-smart");
            if word == "project" {
                project = Some(self.find_project());
            }
        }
        Find {
            with_source,
            tables,
            predicate,
            project,
        }
    }

    fn find_project(&mut self) -> FindProject {
        let mut project = FindProject {
            columns: Vec::new(),
            pack: false,
        };
        loop {
            let packs = (self.at_word("pack") || self.at_word("pack_all"))
                && self.nth(1).kind == TokenKind::OpenParen;
            if packs {
                self.bump();
                self.bump();
                self.eat(TokenKind::Star);
                self.expect(TokenKind::CloseParen, ")");
                project.pack = true;
            } else {
                let name = self.name();
                let ty = self.eat(TokenKind::Colon).then(|| self.type_name());
                project.columns.push((name, ty));
            }
            if !self.eat(TokenKind::Comma) {
                return project;
            }
        }
    }

    fn make_series(&mut self) -> MakeSeries {
        let mut parameters = self.parameters(&["kind"]);
        let kinds = [("nonempty", true), ("default", false)];
        let nonempty = self.take_choice(&mut parameters, "kind", &kinds) == Some(true);
        let aggregates = self.list(Self::series_aggregate);
        self.expect_word("on");
        let axis = self.axis();
        let bounds = if self.eat_word("in") {
            self.expect_word("range");
            self.expect(TokenKind::OpenParen, "(");
            let values = self.expressions();
            self.expect(TokenKind::CloseParen, ")");
            SeriesBounds::Range(values)
        } else {
            let from = self.eat_word("from").then(|| self.expression());
            let to = self.eat_word("to").then(|| self.expression());
            let step = if self.eat_word("step") {
                Some(self.expression())
            } else {
                self.expected("step");
                None
            };
            SeriesBounds::Steps(Box::new(SeriesSteps { from, to, step }))
        };
        let by = if self.eat_word("by") {
            self.named_expressions()
        } else {
            Vec::new()
        };
        MakeSeries {
            nonempty,
            parameters,
            aggregates,
            axis,
            bounds,
            by,
        }
    }

    fn series_aggregate(&mut self) -> SeriesAggregate {
        let item = self.named_expression();
        let default =
            (self.at_word("default") && self.nth(1).kind == TokenKind::Assign).then(|| {
                self.bump();
                self.bump();
                self.expression()
            });
        SeriesAggregate { item, default }
    }

    /// The axis: in `on t in range(…)` the `in` belongs to the operator.
    fn axis(&mut self) -> NamedExpr {
        let bare = self
            .scan_name(0)
            .is_some_and(|length| self.nth_is_word(length, "in"));
        if !bare {
            return self.named_expression();
        }
        let name = self.name();
        let span = name.span;
        let expr = Expr {
            kind: ExprKind::Name(name),
            span,
        };
        NamedExpr {
            names: Vec::new(),
            expr,
            span,
        }
    }

    fn direction(&mut self) -> Option<SortDirection> {
        if self.eat_word("asc") {
            Some(SortDirection::Asc)
        } else {
            self.eat_word("desc").then_some(SortDirection::Desc)
        }
    }

    fn top_nested(&mut self) -> Vec<TopNested> {
        let mut levels = vec![self.top_nested_level()];
        while self.eat(TokenKind::Comma) {
            if self.dashed_word(|word| word == "top-nested") != "top-nested" {
                self.expected("top-nested");
            }
            levels.push(self.top_nested_level());
        }
        levels
    }

    fn top_nested_level(&mut self) -> TopNested {
        let count = (!self.at_word("of")).then(|| self.expression());
        self.expect_word("of");
        let of = self.named_expression();
        let others = self.eat_word("with").then(|| {
            self.expect_word("others");
            self.expect(TokenKind::Assign, "=");
            self.expression()
        });
        self.expect_word("by");
        let by = self.named_expression();
        TopNested {
            count,
            of,
            others,
            by,
            direction: self.direction(),
        }
    }

    fn top_hitters(&mut self) -> OperatorKind {
        let count = self.expression();
        self.expect_word("of");
        let of = self.named_expression();
        let by = self.eat_word("by").then(|| self.expression());
        OperatorKind::TopHitters { count, of, by }
    }

    fn parse_kv(&mut self) -> ParseKv {
        let expr = self.expression();
        self.expect_word("as");
        let columns = self.row_schema().1;
        let properties = self.properties();
        ParseKv {
            expr,
            columns,
            properties,
        }
    }

    fn partition(&mut self) -> Partition {
        let parameters = self.parameters(&[]);
        self.expect_word("by");
        let by = self.name();
        let body = if self.eat(TokenKind::OpenBrace) {
            let start = self.here().start;
            let query = self.nested(|parser| parser.pipeline(start, None));
            self.expect(TokenKind::CloseBrace, "}");
            match query {
                Some(query) => PartitionBody::Query(Box::new(query)),
                None => PartitionBody::Operators(Vec::new()),
            }
        } else {
            PartitionBody::Operators(self.bracketed_operators())
        };
        Partition {
            parameters,
            by,
            body,
        }
    }

    /// `(operators)`.
    pub(super) fn bracketed_operators(&mut self) -> Vec<Operator> {
        self.expect(TokenKind::OpenParen, "(");
        let operators = self.nested(Self::operators_alone).unwrap_or_default();
        self.expect(TokenKind::CloseParen, ")");
        operators
    }

    fn scan(&mut self) -> Scan {
        let mut parameters = self.parameters(&["with_match_id"]);
        let match_id = self.take_word(&mut parameters, "with_match_id");
        let declare = if self.eat_word("declare") {
            self.parameter_declarations()
        } else {
            Vec::new()
        };
        self.expect_word("with");
        self.expect(TokenKind::OpenParen, "(");
        let mut steps = Vec::new();
        while self.at_word("step") {
            steps.push(self.scan_step());
            if !self.eat(TokenKind::Semicolon) {
                break;
            }
        }
        if steps.is_empty() {
            self.expected("step");
        }
        self.expect(TokenKind::CloseParen, ")");
        Scan {
            match_id,
            declare,
            steps,
        }
    }

    fn scan_step(&mut self) -> ScanStep {
        self.bump();
        let name = self.name();
        let mut parameters = self.parameters(&["output"]);
        let outputs = [
            ("all", ScanOutput::All),
            ("last", ScanOutput::Last),
            ("none", ScanOutput::None),
        ];
        let output = self.take_choice(&mut parameters, "output", &outputs);
        self.expect(TokenKind::Colon, ":");
        let condition = self.expression();
        let assignments = if self.eat(TokenKind::FatArrow) {
            self.named_expressions()
        } else {
            Vec::new()
        };
        ScanStep {
            name,
            output: output.unwrap_or(ScanOutput::All),
            condition,
            assignments,
        }
    }

    fn facet(&mut self) -> Facet {
        self.expect_word("by");
        let by: Vec<Name> = self.list(Self::name);
        let with = self.eat_word("with").then(|| {
            if self.at(TokenKind::OpenParen) {
                self.bracketed_operators()
            } else {
                self.nested(Self::operator).into_iter().collect()
            }
        });
        Facet { by, with }
    }

    fn fork(&mut self) -> Vec<Branch> {
        let mut branches = Vec::new();
        loop {
            let named = self
                .scan_name(0)
                .is_some_and(|length| self.nth(length).kind == TokenKind::Assign);
            let name = named.then(|| {
                let name = self.name();
                self.bump();
                name
            });
            if !self.at(TokenKind::OpenParen) {
                if branches.is_empty() || named {
                    self.expected("(");
                }
                return branches;
            }
            let operators = self.bracketed_operators();
            branches.push(Branch { name, operators });
        }
    }

    fn reduce_operator(&mut self) -> Reduce {
        let mut parameters = self.parameters(&["kind"]);
        let kinds = [("source", true), ("default", false)];
        let with_source = self.take_choice(&mut parameters, "kind", &kinds) == Some(true);
        self.expect_word("by");
        let by = self.named_expression();
        let mut properties = Vec::new();
        if self.eat_word("with") {
            self.property_list(&mut properties);
        }
        Reduce {
            with_source,
            by,
            properties,
        }
    }
}
