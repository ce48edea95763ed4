//! Where in a query a position is: in which operator of which pipeline, and which text before it decides what can be
//! named there. It works on tokens, so that a half-written query is as good as a whole one.

use crate::diagnostic::Span;
use crate::keyword;
use crate::lexer::lex;
use crate::token::{Token, TokenKind};

/// Subqueries inside of each other that are followed outwards for the columns of their rows.
const MOST_BRACKETS: usize = 50;

/// What a position is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A statement or a source of rows begins here.
    Source {
        /// A whole statement, not only a subquery.
        statement: bool,
    },
    /// An operator begins here, behind a pipe.
    Operator,
    /// Inside an operator, whose tokens begin at this index.
    Inside(usize),
}

/// A position in a query.
pub(super) struct Place<'a> {
    source: &'a str,
    /// The tokens before the word that is being written.
    pub(super) tokens: Vec<Token>,
    /// The word that is being written, up to the position.
    pub(super) word: Span,
    /// What is expected.
    pub(super) part: Part,
    /// The query whose result are the columns that can be named.
    pub(super) before: String,
}

impl<'a> Place<'a> {
    /// The place of a byte offset; none inside of a comment or of a text.
    pub(super) fn of(source: &'a str, offset: usize) -> Option<Self> {
        let mut offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let head = source.get(..offset)?;
        let (mut tokens, diagnostics) = lex(head);
        tokens.retain(|token| token.kind != TokenKind::End);
        let unfinished = |d: &crate::Diagnostic| d.code == "KS001" && d.span.end as usize == offset;
        if diagnostics.iter().any(unfinished) {
            return None;
        }
        let gap = tokens.last().map_or(0, |token| token.span.end as usize);
        if head.get(gap..)?.contains("//") {
            return None;
        }
        let end = u32::try_from(offset).ok()?;
        let mut place = Self {
            source,
            tokens,
            word: Span::empty(end),
            part: Part::Source { statement: true },
            before: String::new(),
        };
        place.take_word(end);
        place.find_part();
        Some(place)
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &'a str {
        token.span.text(self.source)
    }

    /// The text between two offsets.
    pub(super) fn between(&self, start: u32, end: u32) -> &'a str {
        Span::new(start, end).text(self.source)
    }

    /// The last token before the word.
    pub(super) fn last(&self) -> Option<Token> {
        self.tokens.last().copied()
    }

    /// The texts of the tokens of the operator, its name first.
    pub(super) fn inside(&self, from: usize) -> impl DoubleEndedIterator<Item = &'a str> {
        self.tokens[from.min(self.tokens.len())..]
            .iter()
            .map(|token| self.text(*token))
    }

    /// The name of the operator whose tokens begin at an index, with its hyphens.
    pub(super) fn operator(&self, from: usize) -> &'a str {
        let Some(first) = self.tokens.get(from) else {
            return "";
        };
        let rest = &self.tokens[from..];
        let pairs = rest.windows(2).take_while(|pair| {
            pair[0].span.end == pair[1].span.start
                && matches!(pair[1].kind, TokenKind::Minus | TokenKind::Word)
        });
        let last = rest[pairs.count()];
        let whole = first.span.to(last.span).text(self.source);
        if keyword::OPERATORS.contains(&whole) {
            whole
        } else {
            self.text(*first)
        }
    }

    /// The word under the position is no context: it is what will be replaced.
    fn take_word(&mut self, end: u32) {
        let is_word = |token: &Token| {
            matches!(token.kind, TokenKind::Word | TokenKind::BangWord) && token.span.end == end
        };
        let Some(last) = self.tokens.last().copied().filter(is_word) else {
            return;
        };
        self.tokens.pop();
        self.word = last.span;
        // `project-aw` is one word behind a pipe.
        loop {
            let [.., pipe, first, minus] = self.tokens.as_slice() else {
                return;
            };
            let joined = minus.kind == TokenKind::Minus
                && minus.span.end == self.word.start
                && first.kind == TokenKind::Word
                && first.span.end == minus.span.start
                && matches!(
                    pipe.kind,
                    TokenKind::Pipe | TokenKind::Minus | TokenKind::OpenParen
                );
            if !joined {
                return;
            }
            self.word = first.span.to(self.word);
            self.tokens.truncate(self.tokens.len() - 2);
        }
    }

    /// Walks from the innermost bracket outwards to the pipeline that the position is in.
    fn find_part(&mut self) {
        let mut opened: Vec<usize> = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                    opened.push(index);
                }
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    opened.pop();
                }
                _ => {}
            }
        }
        let mut end = self.tokens.len();
        for level in (0..=opened.len()).rev() {
            let open = level.checked_sub(1).map(|at| opened[at]);
            let start = self.statement_start(open.map_or(0, |at| at + 1), end);
            if let Some(pipe) = self.last_pipe(start, end) {
                self.before = self.query_before(pipe, &opened[..level]);
                self.part = self.part_from(pipe + 1);
                return;
            }
            let Some(open) = open else {
                self.begin(start, true);
                return;
            };
            match self.bracket(open, &opened[..level - 1]) {
                Bracket::Rows => {
                    self.begin(start, self.tokens[open].kind == TokenKind::OpenBrace);
                    return;
                }
                Bracket::Continues { items } => {
                    self.before = self.rows_into(open, &opened[..level - 1], items);
                    self.part = self.part_from(open + 1);
                    return;
                }
                Bracket::Expression => end = open,
            }
        }
    }

    /// The query whose rows come to a token in the innermost of these open brackets.
    fn query_before(&self, at: usize, opened: &[usize]) -> String {
        let start = self.statement_start(opened.last().map_or(0, |open| open + 1), at);
        let (from, end) = (self.tokens[start].span.start, self.tokens[at].span.start);
        let Some((open, outer)) = opened
            .split_last()
            .filter(|_| opened.len() <= MOST_BRACKETS)
        else {
            return self.query_until(start, end);
        };
        match self.bracket(*open, outer) {
            Bracket::Continues { items } => {
                let rows = self.rows_into(*open, outer, items);
                match self.between(from, end).trim() {
                    "" => rows,
                    own => format!("{rows} | {own}"),
                }
            }
            Bracket::Rows | Bracket::Expression => self.query_until(start, end),
        }
    }

    /// The query whose rows go on in a bracket.
    fn rows_into(&self, open: usize, outer: &[usize], items: Option<String>) -> String {
        let start = self.statement_start(outer.last().map_or(0, |at| at + 1), open);
        let pipe = self.last_pipe(start, open).unwrap_or(start);
        let rows = self.query_before(pipe, outer);
        match items {
            Some(items) => format!("{rows} | mv-expand {items}"),
            None => rows,
        }
    }

    fn part_from(&self, from: usize) -> Part {
        if from >= self.tokens.len() {
            Part::Operator
        } else {
            Part::Inside(from)
        }
    }

    /// A pipeline without a pipe so far.
    fn begin(&mut self, start: usize, statement: bool) {
        self.before = self.query_until(start, self.word.start);
        let mut from = start;
        let text = |place: &Self, at: usize| place.tokens.get(at).map_or("", |t| place.text(*t));
        if text(self, from) == "let" {
            let assign =
                (from..self.tokens.len()).find(|at| self.tokens[*at].kind == TokenKind::Assign);
            match assign {
                Some(at) => from = at + 1,
                None => {
                    self.part = Part::Inside(start);
                    return;
                }
            }
        }
        self.part = if from >= self.tokens.len() {
            Part::Source {
                statement: statement && from == start,
            }
        } else {
            Part::Inside(from)
        };
        // Nothing is named yet by `print`, `range` or a source alone.
        let starts = self
            .tokens
            .get(start)
            .map_or(self.word.start, |token| token.span.start);
        self.before = self.query_until(start, starts);
    }

    /// Behind the last `;` of this level.
    fn statement_start(&self, start: usize, end: usize) -> usize {
        self.last_of(TokenKind::Semicolon, start, end)
            .map_or(start, |at| at + 1)
    }

    fn last_pipe(&self, start: usize, end: usize) -> Option<usize> {
        self.last_of(TokenKind::Pipe, start, end)
    }

    /// The last token of a kind outside of all brackets that are closed before `end`.
    fn last_of(&self, kind: TokenKind, start: usize, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut found = None;
        for at in start..end.min(self.tokens.len()) {
            match self.tokens[at].kind {
                TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => depth += 1,
                TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                    depth = depth.saturating_sub(1);
                }
                other if other == kind && depth == 0 => found = Some(at),
                _ => {}
            }
        }
        found
    }

    /// The statements that are complete, and the pipeline from a token to an offset.
    fn query_until(&self, start: usize, end: u32) -> String {
        let lets = self
            .last_of(TokenKind::Semicolon, 0, start)
            .map_or(0, |at| self.tokens[at].span.end);
        let mut from = self.tokens.get(start).map_or(end, |token| token.span.start);
        if self
            .tokens
            .get(start)
            .is_some_and(|t| self.text(*t) == "let")
        {
            let assign =
                (start..self.tokens.len()).find(|at| self.tokens[*at].kind == TokenKind::Assign);
            from = assign.map_or(end, |at| self.tokens[at].span.end);
        }
        let statements = Span::new(0, lets.min(end)).text(self.source);
        let pipeline = Span::new(from.min(end), end).text(self.source);
        format!("{statements}\n{pipeline}")
    }

    /// What an open bracket without a pipe in it stands for.
    fn bracket(&self, open: usize, outer: &[usize]) -> Bracket {
        if self.tokens[open].kind == TokenKind::OpenBrace {
            return Bracket::Rows;
        }
        let level = outer.last().map_or(0, |at| at + 1);
        let start = self.statement_start(level, open);
        let operator = self.last_pipe(start, open).map_or(start, |at| at + 1);
        let name = self.operator(operator);
        let previous = open
            .checked_sub(1)
            .map_or("", |at| self.text(self.tokens[at]));
        let inside: Vec<&str> = self.inside(operator).take(open - operator).collect();
        match name {
            "mv-apply" | "mvapply" if previous == "on" => {
                let first = self.tokens[operator..open]
                    .iter()
                    .find(|t| self.text(**t) == "apply");
                let from = first.map_or(0, |t| t.span.end);
                let to = self.tokens[open - 1].span.start;
                Bracket::Continues {
                    items: Some(Span::new(from, to).text(self.source).to_owned()),
                }
            }
            "partition" if inside.contains(&"by") => Bracket::Continues { items: None },
            "fork" => Bracket::Continues { items: None },
            "facet" if previous == "with" => Bracket::Continues { items: None },
            "join" | "lookup" if !inside.contains(&"on") => Bracket::Rows,
            "union" => Bracket::Rows,
            _ if matches!(
                previous,
                "materialize" | "toscalar" | "in" | "in~" | "!in" | "has_any"
            ) =>
            {
                Bracket::Rows
            }
            // A bracket around a whole pipeline.
            _ if operator == open => Bracket::Rows,
            _ => Bracket::Expression,
        }
    }
}

enum Bracket {
    /// Rows begin in it.
    Rows,
    /// The rows of the pipeline around it go on in it.
    Continues {
        /// What `mv-apply` expands.
        items: Option<String>,
    },
    /// A call, a list, or a group.
    Expression,
}
