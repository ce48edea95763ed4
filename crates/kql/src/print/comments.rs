//! Comments, which are no part of the tree: put back between the tokens of what was printed.
//!
//! The tokens of the text as it was written and as it is printed are matched with each other, and a comment goes to the
//! gap between two printed tokens that answers to its own. A comment behind a token stays behind that token; one on
//! a line of its own stays before the token that it stood before. The line is broken there. Only gaps where a line
//! may be broken are taken, so the tokens stay what they are.

use super::format;
use crate::ast::Query;
use crate::lexer;
use crate::literal::string_value;
use crate::token::{Token, TokenKind};

/// How far ahead the two texts are searched for tokens that match again.
const WINDOW: usize = 32;

/// Prints a query as [`format()`] does, with the comments of `source`, from which it was parsed.
#[must_use]
pub fn format_with_comments(source: &str, query: &Query) -> String {
    let printed = format(query);
    let comments = lexer::comments(source);
    if comments.is_empty() {
        return printed;
    }
    let written = Text::new(source);
    let printed = Text::new(&printed);
    let gaps = gaps(&written, &printed);
    let mut placed: Vec<Vec<Comment<'_>>> = vec![Vec::new(); printed.tokens.len()];
    let mut least = 0;
    for span in comments {
        // The token that the comment stands before.
        let next = written
            .tokens
            .partition_point(|token| token.span.start < span.start);
        let since = next
            .checked_sub(1)
            .map_or(0, |at| written.tokens[at].span.end as usize);
        let before = source.get(since..span.start as usize).unwrap_or("");
        let behind = next > 0 && !before.contains(['\n', '\r']);
        let wanted = if behind {
            gaps[next - 1].after
        } else {
            gaps[next].before
        };
        // Their order is kept, whatever became of the tokens around them.
        least = printed.breakable(wanted.max(least));
        placed[least].push(Comment {
            text: span.text(source).trim_end(),
            behind,
        });
    }
    printed.with(&placed)
}

/// A comment, and whether it stands behind a token on the token's line.
#[derive(Clone, Copy)]
struct Comment<'a> {
    text: &'a str,
    behind: bool,
}

/// The gaps of the printed text before and after a token of the written one. Gap `n` is before printed token `n`.
#[derive(Clone, Copy)]
struct Gaps {
    before: usize,
    after: usize,
}

/// A text and its tokens; the last is the end.
struct Text<'a> {
    source: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Text<'a> {
    fn new(source: &'a str) -> Self {
        let tokens = lexer::lex(source).0;
        Self { source, tokens }
    }

    fn token(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |t| t.span.text(self.source))
    }

    /// Where the gap before a token begins and ends.
    fn gap(&self, at: usize) -> (usize, usize) {
        let start = at
            .checked_sub(1)
            .and_then(|previous| self.tokens.get(previous))
            .map_or(0, |token| token.span.end as usize);
        let end = self
            .tokens
            .get(at)
            .map_or(self.source.len(), |token| token.span.start as usize);
        (start, end)
    }

    fn blank(&self, at: usize) -> &'a str {
        let (start, end) = self.gap(at);
        self.source.get(start..end).unwrap_or("")
    }

    /// The nearest gap from `at` on in which a comment may stand.
    fn breakable(&self, at: usize) -> usize {
        let mut at = at.min(self.tokens.len() - 1);
        // Between a pipe and its operator is no place for one: before the pipe.
        if at > 0 && self.tokens[at - 1].kind == TokenKind::Pipe {
            return at - 1;
        }
        while at + 1 < self.tokens.len() && !self.may_break(at) {
            at += 1;
        }
        at
    }

    /// Whether a line end may come here: where a blank is, or just inside of brackets. Elsewhere tokens that touch may
    /// mean something else than tokens that do not, as in `Device*`.
    fn may_break(&self, at: usize) -> bool {
        at == 0
            || !self.blank(at).is_empty()
            || self.tokens[at - 1].kind == TokenKind::OpenParen
            || self.tokens[at].kind == TokenKind::CloseParen
    }

    /// The text with comments in its gaps.
    fn with(&self, placed: &[Vec<Comment<'_>>]) -> String {
        let mut out = String::with_capacity(self.source.len() + 64 * placed.len().min(64));
        // The indentation of the printed line that a token is in.
        let mut indent = "";
        for (at, comments) in placed.iter().enumerate() {
            let blank = self.blank(at);
            let line_end = blank.rfind('\n').map(|end| end + 1);
            let outer = line_end.map(|end| &blank[end..]);
            if let Some(outer) = outer {
                indent = outer;
            }
            if comments.is_empty() {
                out.push_str(blank);
            } else {
                let (lines, inner) = match line_end {
                    Some(end) => (&blank[..end], indent.to_owned()),
                    None if at == 0 => ("", String::new()),
                    None => ("\n", format!("{indent}    ")),
                };
                write_gap(&mut out, comments, lines, &inner);
            }
            out.push_str(self.token(at));
        }
        out
    }
}

/// A gap that has comments: the first may stay on the line, the others get lines of their own after the line ends.
fn write_gap(out: &mut String, comments: &[Comment<'_>], line_ends: &str, indent: &str) {
    let mut rest = comments;
    if let [first, others @ ..] = comments
        && first.behind
        && !line_ends.is_empty()
    {
        out.push(' ');
        out.push_str(first.text);
        rest = others;
    }
    out.push_str(line_ends);
    for comment in rest {
        out.push_str(indent);
        out.push_str(comment.text);
        out.push('\n');
    }
    out.push_str(indent);
}

/// Where the gaps around each written token are in the printed text.
fn gaps(written: &Text<'_>, printed: &Text<'_>) -> Vec<Gaps> {
    let (ends, printed_ends) = (written.tokens.len() - 1, printed.tokens.len() - 1);
    let mut gaps = Vec::with_capacity(ends + 1);
    let (mut i, mut j) = (0, 0);
    while i < ends {
        if j < printed_ends && same(written, i, printed, j) {
            gaps.push(Gaps {
                before: j,
                after: j + 1,
            });
            (i, j) = (i + 1, j + 1);
            continue;
        }
        // Written otherwise, moved, or left out: the nearest place where both go on alike.
        let (skipped, passed) = apart(written, printed, i, j);
        for n in 0..skipped {
            gaps.push(Gaps {
                before: j + n.min(passed),
                after: j + (n + 1).min(passed),
            });
        }
        (i, j) = (i + skipped, j + passed);
    }
    gaps.push(Gaps {
        before: printed_ends,
        after: printed_ends,
    });
    gaps
}

/// Whether two tokens mean the same: literals may be written in several ways.
fn same(written: &Text<'_>, i: usize, printed: &Text<'_>, j: usize) -> bool {
    let (one, other) = (written.token(i), printed.token(j));
    let kind = |text: &Text<'_>, at: usize| text.tokens.get(at).map(|token| token.kind);
    let kinds = (kind(written, i), kind(printed, j));
    one == other
        || match kinds {
            (Some(TokenKind::String), Some(TokenKind::String)) => {
                string_value(one) == string_value(other)
            }
            (Some(TokenKind::Typed(one)), Some(TokenKind::Typed(other))) => one == other,
            (Some(TokenKind::Real | TokenKind::TimeSpan), _) => kinds.0 == kinds.1,
            _ => false,
        }
}

/// How many tokens of each text to skip until two match.
fn apart(written: &Text<'_>, printed: &Text<'_>, i: usize, j: usize) -> (usize, usize) {
    let left = |text: &Text<'_>, at: usize| (text.tokens.len() - 1).saturating_sub(at);
    let (left_i, left_j) = (left(written, i), left(printed, j));
    let same = |a: usize, b: usize| same(written, i + a, printed, j + b);
    for both in 1..=WINDOW {
        for a in 0..=both.min(left_i) {
            let b = both - a;
            if b <= left_j && same(a, b) && same(a + 1, b + 1) {
                return (a, b);
            }
        }
    }
    (1, left_j.min(1))
}

#[cfg(test)]
#[path = "comments_tests.rs"]
mod tests;
