//! What an editor asks: what can stand at a position ([`complete()`]), and what is it that stands there ([`hover()`]).
//!
//! Both work on text that is broken or half-written: the place is found by tokens (`place`), and the columns by
//! binding what stands before it, mistakes or not.

mod hover;
mod place;
mod words;

use std::collections::HashSet;

pub use hover::{Hover, hover};

use crate::bind::{self, Known, Scope, Survey};
use crate::catalogue::{self, AggregateFunction, ScalarFunction, Shape};
use crate::diagnostic::Span;
use crate::parser::parse;
use crate::token::TokenKind;
use crate::types::Type;
use place::{Part, Place};

/// What a [`Completion`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompletionKind {
    /// A column of the rows at this point.
    Column,
    /// A name that the query gives to a value, a table or a function.
    Variable,
    /// A table.
    Table,
    /// An operator behind a pipe, or one that begins a query.
    Operator,
    /// A word of an operator, or one of its values.
    Keyword,
    /// An operator between two values.
    Test,
    /// An aggregate function.
    Aggregate,
    /// A scalar function.
    Function,
    /// A plugin of `evaluate`.
    Plugin,
    /// A type.
    Type,
}

impl CompletionKind {
    /// The kind as a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Variable => "variable",
            Self::Table => "table",
            Self::Operator => "operator",
            Self::Keyword => "keyword",
            Self::Test => "test",
            Self::Aggregate => "aggregate",
            Self::Function => "function",
            Self::Plugin => "plugin",
            Self::Type => "type",
        }
    }
}

/// Something that can stand at a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What it is.
    pub kind: CompletionKind,
    /// What is shown.
    pub label: String,
    /// What is written in place of [`Completion::replaces`]; the caret belongs behind it.
    pub insert: String,
    /// The type, or how it is called.
    pub detail: String,
    /// What it does, in a sentence; empty for what the query or the schema names.
    pub documentation: String,
    /// The part of the word that is written already.
    pub replaces: Span,
}

/// What can stand at a byte offset of a query, the likeliest first: names that begin with the word that is being
/// written, then names that hold it. Nothing inside of texts and comments.
#[must_use]
pub fn complete(source: &str, offset: usize, scope: &Scope) -> Vec<Completion> {
    let Some(place) = Place::of(source, offset) else {
        return Vec::new();
    };
    let survey = bind::survey(&parse(&place.before).query, scope);
    let mut items = Items {
        place: &place,
        survey: &survey,
        scope,
        found: Vec::new(),
    };
    items.gather();
    let mut found = items.found;
    let word = place.word.text(source).to_lowercase();
    let rank = |item: &Completion| {
        let label = item.label.to_lowercase();
        match label.find(&word) {
            Some(0) => Some(0),
            Some(_) => Some(1),
            None => None,
        }
    };
    found.retain(|item| rank(item).is_some());
    // Stable: columns keep the order of their table.
    found.sort_by_key(|item| (rank(item), item.kind));
    let mut seen = HashSet::new();
    found.retain(|item| seen.insert((item.kind, item.label.clone())));
    found
}

/// Collects what fits a place.
struct Items<'a> {
    place: &'a Place<'a>,
    survey: &'a Survey,
    scope: &'a Scope,
    found: Vec<Completion>,
}

impl Items<'_> {
    fn add(&mut self, kind: CompletionKind, label: &str, insert: String, detail: &str, doc: &str) {
        self.found.push(Completion {
            kind,
            label: label.to_owned(),
            insert,
            detail: detail.to_owned(),
            documentation: doc.to_owned(),
            replaces: self.place.word,
        });
    }

    fn words(&mut self, kind: CompletionKind, table: &[(&str, &str)]) {
        for (word, doc) in table {
            self.add(kind, word, (*word).to_owned(), "", doc);
        }
    }

    fn keywords(&mut self, wanted: &[&str]) {
        for word in wanted {
            let doc = words::meaning(words::KEYWORDS, word).unwrap_or_default();
            self.add(CompletionKind::Keyword, word, (*word).to_owned(), "", doc);
        }
    }

    fn gather(&mut self) {
        let last = self.place.last();
        let before = last.map_or("", |token| self.place.text(token));
        // `a: ` in a schema, and `typeof(`.
        let typed = last.is_some_and(|token| token.kind == TokenKind::Colon)
            || self.place.tokens.len() > 1
                && before == "("
                && self
                    .place
                    .text(self.place.tokens[self.place.tokens.len() - 2])
                    == "typeof";
        if typed {
            return self.words(CompletionKind::Type, words::TYPES);
        }
        match self.place.part {
            Part::Source { statement } => {
                if statement {
                    self.words(CompletionKind::Keyword, words::STATEMENTS);
                } else {
                    self.operands(false);
                }
                self.sources();
            }
            Part::Operator => self.words(CompletionKind::Operator, words::OPERATORS),
            Part::Inside(from) => self.inside(from, before),
        }
    }

    /// What rows can begin with.
    fn sources(&mut self) {
        for name in self.scope.table_names() {
            let columns = self.scope.table(name).map_or(0, <[_]>::len);
            let detail = format!("table of {columns} columns");
            self.add(CompletionKind::Table, name, written(name), &detail, "");
        }
        self.variables(|known| !matches!(known, Known::Scalar(_)));
        self.words(CompletionKind::Operator, words::SOURCES);
    }

    fn variables(&mut self, wanted: impl Fn(&Known) -> bool) {
        let survey = self.survey;
        for (name, known) in survey.names.iter().filter(|(_, known)| wanted(known)) {
            let insert = match known {
                Known::Function(_) => format!("{name}("),
                _ => written(name),
            };
            self.add(
                CompletionKind::Variable,
                name,
                insert,
                &described(known),
                "",
            );
        }
    }

    fn columns(&mut self, columns: &[(String, Type)]) {
        for (name, ty) in columns {
            self.add(CompletionKind::Column, name, written(name), ty.name(), "");
        }
    }

    /// Columns, values and functions.
    fn operands(&mut self, aggregates: bool) {
        let survey = self.survey;
        self.columns(&survey.columns);
        self.variables(|known| !matches!(known, Known::Table(_)));
        if aggregates {
            for function in catalogue::aggregate_functions() {
                let insert = format!("{}(", function.name);
                let detail = aggregate_detail(function);
                self.add(
                    CompletionKind::Aggregate,
                    function.name,
                    insert,
                    &detail,
                    function.doc,
                );
            }
        }
        for function in catalogue::scalar_functions() {
            let insert = format!("{}(", function.name);
            let detail = scalar_detail(function);
            self.add(
                CompletionKind::Function,
                function.name,
                insert,
                &detail,
                function.doc,
            );
        }
    }

    fn inside(&mut self, from: usize, before: &str) {
        let operator = self.place.operator(from);
        let words: Vec<&str> = self.place.inside(from).collect();
        let last = self.place.last().map(|token| token.kind);
        let mut reversed = words.iter().rev().copied();
        let property = (reversed.next(), reversed.next());
        match (operator, property) {
            ("render", _) if words.len() == 1 => self.words(CompletionKind::Keyword, words::CHARTS),
            ("render", _) => self.keywords(&["with"]),
            ("evaluate", _) if words.len() == 1 => {
                self.words(CompletionKind::Plugin, words::PLUGINS)
            }
            ("invoke", _) if words.len() == 1 => {
                self.variables(|known| matches!(known, Known::Function(_)));
            }
            ("join" | "lookup", (Some("="), Some("kind"))) => {
                self.words(CompletionKind::Keyword, words::JOIN_KINDS);
            }
            ("join" | "lookup", _) => self.joined(from, before, last),
            ("union", (Some("="), Some("kind"))) => self.keywords(&["inner", "outer"]),
            ("union", _) => {
                self.sources();
                self.keywords(&["kind", "withsource", "isfuzzy"]);
            }
            ("project-away" | "project-keep" | "project-reorder" | "project-rename", _) => {
                let survey = self.survey;
                self.columns(&survey.columns);
                if operator == "project-reorder" {
                    self.keywords(&["asc", "desc"]);
                }
            }
            ("take" | "limit" | "sample", _) => {
                self.variables(|known| matches!(known, Known::Scalar(_)));
            }
            ("as" | "count" | "consume" | "getschema", _) => {}
            ("let", _) => {}
            _ if operand_ends(last, before) => {
                self.words(CompletionKind::Test, words::TESTS);
                self.keywords(keywords_of(operator));
            }
            _ => {
                let grouped = operator == "summarize" && words.contains(&"by");
                let aggregates = matches!(
                    operator,
                    "summarize" | "make-series" | "top-nested" | "evaluate"
                );
                self.operands(aggregates && !grouped);
                if words.len() == 1 {
                    self.keywords(keywords_of(operator));
                }
            }
        }
    }

    /// Inside `join` and `lookup`.
    fn joined(&mut self, from: usize, before: &str, last: Option<TokenKind>) {
        let texts: Vec<&str> = self.place.inside(from).collect();
        let Some(on) = texts.iter().position(|text| *text == "on") else {
            if operand_ends(last, before) && texts.len() > 1 {
                self.keywords(&["on"]);
            } else {
                self.sources();
                self.keywords(&["kind"]);
            }
            return;
        };
        let right = self.right_columns(from, on);
        let left = &self.survey.columns;
        let side = before == ".";
        let of = texts.len().checked_sub(2).map_or("", |at| texts[at]);
        if side && of.ends_with("left") {
            let left = left.clone();
            self.columns(&left);
        } else if side {
            self.columns(&right);
        } else {
            let both = |c: &&(String, Type)| right.iter().any(|(name, _)| *name == c.0);
            let common: Vec<_> = left.iter().filter(both).cloned().collect();
            self.columns(&common);
            for (word, doc) in [("$left", "The left side."), ("$right", "The right side.")] {
                self.add(CompletionKind::Keyword, word, format!("{word}."), "", doc);
            }
        }
    }

    /// The columns of what is joined.
    fn right_columns(&self, from: usize, on: usize) -> Vec<(String, Type)> {
        let tokens = &self.place.tokens[from + 1..from + on];
        // Properties come first: `kind=inner`, `hint.strategy=broadcast`.
        let last = tokens.iter().rposition(|t| t.kind == TokenKind::Assign);
        let open = tokens.iter().position(|t| t.kind == TokenKind::OpenParen);
        let begin = match (last, open) {
            (Some(at), open) if open.is_none_or(|open| at < open) => at + 2,
            (_, Some(open)) => open,
            _ => 0,
        };
        let (Some(first), Some(end)) = (tokens.get(begin), tokens.last()) else {
            return Vec::new();
        };
        let statements = self
            .place
            .before
            .rfind(';')
            .map_or("", |at| &self.place.before[..=at]);
        let rows = self.place.between(first.span.start, end.span.end);
        bind::survey(&parse(&format!("{statements}\n{rows}")).query, self.scope).columns
    }
}

/// The words of an operator behind an operand.
fn keywords_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "summarize" | "partition" | "reduce" => &["by"],
        "facet" => &["by", "with"],
        "sort" | "order" | "top" => &["by", "asc", "desc", "nulls", "first", "last"],
        "top-nested" | "top-hitters" => &["of", "by", "with"],
        "sample-distinct" => &["of"],
        "mv-expand" | "mvexpand" => &["kind", "to", "typeof", "limit"],
        "mv-apply" => &["to", "typeof", "limit", "on"],
        "make-series" => &["default", "on", "from", "to", "step", "by"],
        "parse" | "parse-where" => &["kind", "with"],
        "parse-kv" => &["as", "with"],
        "range" => &["from", "to", "step"],
        "search" => &["kind", "in"],
        "find" => &["in", "where", "project"],
        "scan" => &["declare", "with"],
        _ => &[],
    }
}

/// Whether a value ends before the position, so that an operator follows.
fn operand_ends(last: Option<TokenKind>, text: &str) -> bool {
    match last {
        Some(TokenKind::Word) => {
            let named = crate::keyword::is_reserved(text)
                || words::meaning(words::KEYWORDS, text).is_some()
                || words::meaning(words::OPERATORS, text).is_some()
                || matches!(
                    text,
                    "regex"
                        | "filter"
                        | "limit"
                        | "print"
                        | "away"
                        | "series"
                        | "nested"
                        | "apply"
                        | "expand"
                        | "distinct"
                );
            !named
        }
        Some(
            TokenKind::String
            | TokenKind::Long
            | TokenKind::Real
            | TokenKind::TimeSpan
            | TokenKind::Typed(_)
            | TokenKind::CloseParen
            | TokenKind::CloseBracket,
        ) => true,
        _ => false,
    }
}

/// A name as it is written in a query.
fn written(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !crate::keyword::is_reserved(name);
    if plain {
        name.to_owned()
    } else {
        format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

/// What a name of the query stands for.
fn described(known: &Known) -> String {
    match known {
        Known::Scalar(ty) => ty.name().to_owned(),
        Known::Table(columns) => format!("table of {} columns", columns.len()),
        Known::Function(parameters) => format!("function({})", parameters.join(", ")),
    }
}

/// How a scalar function is called, in all ways.
fn scalar_detail(function: &ScalarFunction) -> String {
    let ways = function.signatures.iter();
    let ways: Vec<_> = ways
        .map(|s| format!("{}: {}", s.call(function.name, None), s.gives()))
        .collect();
    ways.join("\n")
}

/// How an aggregate function is called, in all ways.
fn aggregate_detail(function: &AggregateFunction) -> String {
    let condition = match function.shape {
        Shape::Filtered(at) => Some(at),
        _ => None,
    };
    let ways = function.signatures.iter();
    let ways: Vec<_> = ways
        .map(|s| format!("{}: {}", s.call(function.name, condition), s.gives()))
        .collect();
    ways.join("\n")
}
