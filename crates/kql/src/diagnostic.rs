//! Positions and messages: what every stage of the compiler says about a query, and where.

use std::fmt;
use std::ops::Range;

/// A half-open range of bytes of the query text.
///
/// Offsets are 32 bits wide because the lexer refuses longer texts ([`crate::lexer::MAX_QUERY_BYTES`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` up to, and without, `end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The empty span at `offset`, for something that is missing there.
    #[must_use]
    pub const fn empty(offset: u32) -> Self {
        Self {
            start: offset,
            end: offset,
        }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub const fn to(self, other: Self) -> Self {
        let start = if self.start < other.start {
            self.start
        } else {
            other.start
        };
        let end = if self.end > other.end {
            self.end
        } else {
            other.end
        };
        Self { start, end }
    }

    /// The span as a range that slices the query text.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether the span holds no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The text under the span; empty when the span does not fit `source`.
    #[must_use]
    pub fn text(self, source: &str) -> &str {
        source.get(self.range()).unwrap_or("")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Advice; the query runs.
    Suggestion,
    /// Something is probably not what the author meant; the query runs.
    Warning,
    /// The query cannot run.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Suggestion => "suggestion",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One message about one place of a query.
///
/// Codes that begin with `KS` are the ones that Microsoft's language service (package
/// `@kusto/language-service-next`) gives for the same mistake; codes that begin with `BZ` are our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, such as `KS006` or `BZ001`.
    pub code: &'static str,
    /// Whether the query can still run.
    pub severity: Severity,
    /// The place that is wrong.
    pub span: Span,
    /// What is wrong, as a sentence without a final full stop.
    pub message: String,
    /// What to write instead, when we can tell.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// An error: the query cannot run.
    #[must_use]
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span,
            message: message.into(),
            suggestion: None,
        }
    }

    /// A warning: the query runs, the author should look.
    #[must_use]
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// The suggestion as a sentence for people: a bare name is one that may have been meant.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let suggestion = self.suggestion.as_deref()?;
        let name = suggestion.chars().all(|c| c.is_alphanumeric() || c == '_');
        Some(if name {
            format!("Did you mean {suggestion}?")
        } else {
            suggestion.to_owned()
        })
    }

    /// The message with its advice, for places that have one line.
    #[must_use]
    pub fn text(&self) -> String {
        match self.advice() {
            Some(advice) => format!("{}. {advice}", self.message),
            None => self.message.clone(),
        }
    }

    /// The same diagnostic with advice.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Whether this diagnostic stops the query.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The start of every line of a text, to turn many offsets into lines and columns.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    source: &'a str,
    starts: Vec<u32>,
}

impl<'a> LineIndex<'a> {
    /// Indexes `source`. Lines end at `\n`; a `\r` before it belongs to the line that it ends.
    #[must_use]
    pub fn new(source: &'a str) -> Self {
        let after_newlines = source
            .bytes()
            .zip(1u32..)
            .filter(|(byte, _)| *byte == b'\n')
            .map(|(_, next)| next);
        Self {
            source,
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters, not bytes.
    /// An offset beyond the text is taken as its end.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let mut offset = (offset as usize).min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self
            .starts
            .partition_point(|start| *start as usize <= offset);
        let start = self.starts.get(line - 1).map_or(0, |start| *start as usize);
        let column = self.source[start..offset].chars().count() + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }
}

/// Line and column (both from 1, in characters) of one byte offset. For many offsets use [`LineIndex`].
#[must_use]
pub fn line_column(source: &str, offset: u32) -> (u32, u32) {
    LineIndex::new(source).line_column(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_start_at_one_and_count_characters() {
        let source = "T\n| where é == 1\r\n\nx";
        let index = LineIndex::new(source);
        assert_eq!(index.line_column(0), (1, 1));
        assert_eq!(index.line_column(2), (2, 1));
        let equals = u32::try_from(source.find("==").unwrap()).unwrap();
        assert_eq!(index.line_column(equals), (2, 11));
        assert_eq!(
            index.line_column(equals - 2),
            (2, 9),
            "an offset inside a character is the character's"
        );
        assert_eq!(
            line_column(source, u32::try_from(source.len()).unwrap() - 1),
            (4, 1)
        );
        assert_eq!(
            line_column(source, u32::MAX),
            (4, 2),
            "beyond the end is the end"
        );
        assert_eq!(line_column("", 0), (1, 1));
    }

    #[test]
    fn spans_join_and_slice() {
        let joined = Span::new(3, 5).to(Span::new(1, 4));
        assert_eq!(joined, Span::new(1, 5));
        assert_eq!(joined.text("abcdef"), "bcde");
        assert_eq!(Span::new(4, 99).text("abcdef"), "");
        assert!(Span::empty(7).is_empty());
    }
}
