//! From text to tokens.
//!
//! - White space and `//` comments separate tokens. A line whose first token begins with `#` is a directive of some
//!   editor and is skipped.
//! - A name begins with a letter, `_` or `$`; digits may come first when a letter or `_` follows (`3day_total`),
//!   unless the whole is a number with a unit (`3d`).
//! - `datetime(2026-01-01)` and the literals of the other scalar types are one token: what stands between the
//!   brackets is no expression. They end with the line at the latest. `dynamic(…)` holds ordinary tokens.
//! - Strings are `'…'` and `"…"` with backslash escapes, `@'…'` with doubled quotes, and three backquotes or tildes
//!   around anything; `h` in front hides the string from logs. Only the last form may span lines.
//!
//! Lexing takes linear time, never fails, and never panics: what it does not understand becomes a
//! [`TokenKind::Bad`] token and a diagnostic.

use crate::diagnostic::{Diagnostic, Span};
use crate::habit;
use crate::token::{Token, TokenKind, TypedLiteral};

/// The longest query text that is read, in bytes. Spans are 32 bits wide, and nobody writes more by hand.
pub const MAX_QUERY_BYTES: usize = 2 * 1024 * 1024;

/// How many diagnostics one query may get from the lexer, and again from the parser; the rest is dropped.
pub const MAX_DIAGNOSTICS: usize = 100;

/// Units of timespan literals, each with its length in ticks of 100 ns (nanoseconds are hundredths of a tick).
const UNITS: &[(&[&str], f64)] = &[
    (&["d", "day", "days"], 864_000_000_000.0),
    (&["h", "hr", "hrs", "hour", "hours"], 36_000_000_000.0),
    (&["m", "min", "minute", "minutes"], 600_000_000.0),
    (&["s", "sec", "second", "seconds"], 10_000_000.0),
    (
        &[
            "ms",
            "milli",
            "millis",
            "millisec",
            "millisecond",
            "milliseconds",
        ],
        10_000.0,
    ),
    (
        &["micro", "micros", "microsec", "microsecond", "microseconds"],
        10.0,
    ),
    (
        &["nano", "nanos", "nanosec", "nanosecond", "nanoseconds"],
        0.01,
    ),
    (&["tick", "ticks"], 1.0),
];

/// Ticks of one unit of a timespan literal, such as `10_000_000` for `s`.
#[must_use]
pub fn unit_ticks(unit: &str) -> Option<f64> {
    UNITS
        .iter()
        .find(|(names, _)| names.contains(&unit))
        .map(|(_, ticks)| *ticks)
}

/// Splits a query text into tokens. The last token is always [`TokenKind::End`].
#[must_use]
pub fn lex(source: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer::new(source);
    if source.len() > MAX_QUERY_BYTES {
        let message = format!(
            "The query text has {} bytes, more than the {MAX_QUERY_BYTES} that are read",
            source.len()
        );
        lexer.error("KS244", 0, 0, message);
        lexer.position = source.len();
    }
    while lexer.next_token() {}
    (lexer.tokens, lexer.diagnostics)
}

/// The places of the comments of a query text, and of directives of editors, without their line ends. The tree does
/// not keep them.
#[must_use]
pub fn comments(source: &str) -> Vec<Span> {
    let mut lexer = Lexer::new(source);
    while source.len() <= MAX_QUERY_BYTES && lexer.next_token() {}
    lexer.comments
}

struct Lexer<'a> {
    source: &'a str,
    position: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
    comments: Vec<Span>,
}

/// White space, and the invisible characters that come with text pasted from web pages.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{180e}' | '\u{200b}' | '\u{feff}')
}

/// Whether a name may begin with `c`.
pub(crate) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

/// Whether a name may go on with `c`.
pub(crate) fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl<'a> Lexer<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            position: 0,
            tokens: Vec::new(),
            diagnostics: Vec::new(),
            comments: Vec::new(),
        }
    }

    fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span(start: usize, end: usize) -> Span {
        let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Span::new(narrow(start), narrow(end))
    }

    fn error(&mut self, code: &'static str, start: usize, end: usize, message: impl Into<String>) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics
                .push(Diagnostic::error(code, Self::span(start, end), message));
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.tokens.push(Token {
            kind,
            span: Self::span(start, self.position),
        });
    }

    /// Moves over the characters that fit.
    fn skip_while(&mut self, fits: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.position += rest.find(|c| !fits(c)).unwrap_or(rest.len());
    }

    fn skip_line(&mut self) {
        self.skip_while(|c| c != '\n' && c != '\r');
    }

    /// Moves over white space, comments and directives.
    fn skip_trivia(&mut self) {
        loop {
            self.skip_while(is_blank);
            let rest = self.rest();
            let directive = rest.starts_with('#') && self.only_trivia_before_on_line();
            if rest.starts_with("//") || directive {
                let start = self.position;
                self.skip_line();
                self.comments.push(Self::span(start, self.position));
            } else {
                return;
            }
        }
    }

    /// Whether no token stands before the position on its line.
    fn only_trivia_before_on_line(&self) -> bool {
        let last_end = self
            .tokens
            .last()
            .map_or(0, |token| token.span.end as usize);
        self.tokens.is_empty() || self.source[last_end..self.position].contains('\n')
    }

    /// Reads one token; false after the end.
    fn next_token(&mut self) -> bool {
        self.skip_trivia();
        let start = self.position;
        let Some(first) = self.peek() else {
            self.push(TokenKind::End, start);
            return false;
        };
        if first.is_ascii_digit() {
            self.number();
        } else if self.string_start().is_some() {
            self.string();
        } else if is_name_start(first) {
            self.word();
        } else if self.rest().starts_with("/*") {
            self.no_token(first);
        } else if let Some((kind, length)) = punctuation(self.rest()) {
            self.position += length;
            self.push(kind, start);
        } else if first == '!' && self.rest()[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.position += 1;
            self.skip_while(is_name_part);
            if &self.source[start..self.position] == "!in" && self.rest().starts_with('~') {
                self.position += 1;
            }
            self.push(TokenKind::BangWord, start);
        } else {
            self.no_token(first);
        }
        true
    }

    /// What begins no token: one character or `&&`, and as a whole a comment `/* … */` or a text in typographic quotes.
    fn no_token(&mut self, first: char) {
        let start = self.position;
        let rest = self.rest();
        // Of a line and of no more than a few words: nobody pays for a text that is full of opening quotes.
        let mut line = rest
            .char_indices()
            .take_while(|(_, c)| !matches!(c, '\n' | '\r'))
            .take(256);
        let quoted = habit::closing_quotes(first).and_then(|closing| {
            let (at, last) = line.find(|(at, c)| *at > 0 && closing.contains(c))?;
            Some(at + last.len_utf8())
        });
        let comment = rest.strip_prefix("/*").map(|inside| {
            let end = inside.find("*/").map(|end| end + "/**/".len());
            end.unwrap_or(rest.len())
        });
        let twice = (comment.is_some() || rest.starts_with("&&")).then_some(2);
        self.position += quoted.or(comment).or(twice).unwrap_or(first.len_utf8());
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            let shown: String = self.source[start..]
                .chars()
                .take(twice.unwrap_or(1))
                .collect();
            let span = Self::span(start, self.position);
            let mut error = Diagnostic::error("KS002", span, format!("Unexpected: {shown}"));
            error.suggestion = habit::character(first).map(str::to_owned);
            self.diagnostics.push(error);
        }
        self.push(TokenKind::Bad, start);
    }

    /// A name, a keyword, `in~`, or a typed literal.
    fn word(&mut self) {
        let start = self.position;
        let mut characters = self.rest().chars();
        self.position += characters.next().map_or(0, char::len_utf8);
        self.skip_while(is_name_part);
        let word = &self.source[start..self.position];
        if word == "in" && self.rest().starts_with('~') && !self.rest().starts_with("~~~") {
            self.position += 1;
            return self.push(TokenKind::InTilde, start);
        }
        match TypedLiteral::from_word(word) {
            Some(literal) if self.rest().trim_start_matches([' ', '\t']).starts_with('(') => {
                self.typed_literal(literal, start);
            }
            _ => self.push(TokenKind::Word, start),
        }
    }

    /// The rest of `datetime(…)`, from the blanks before the bracket.
    fn typed_literal(&mut self, literal: TypedLiteral, start: usize) {
        self.skip_while(|c| c == ' ' || c == '\t');
        self.skip_while(|c| !matches!(c, ')' | '\n' | '\r'));
        if self.rest().starts_with(')') {
            self.position += 1;
        } else {
            self.error(
                "KS001",
                self.position,
                self.position,
                format!("Missing: ) of {}(…)", literal.name()),
            );
        }
        self.push(TokenKind::Typed(literal), start);
    }

    /// A number, a number with a unit, or a name that begins with digits.
    fn number(&mut self) {
        let start = self.position;
        if let Some(hex) = self
            .rest()
            .strip_prefix("0x")
            .or_else(|| self.rest().strip_prefix("0X"))
        {
            let digits = hex
                .find(|c: char| !c.is_ascii_hexdigit())
                .unwrap_or(hex.len());
            if digits > 0 && !hex[digits..].starts_with(is_name_part) {
                self.position += 2 + digits;
                return self.push(TokenKind::Long, start);
            }
        }
        self.skip_while(|c| c.is_ascii_digit());
        let whole_end = self.position;
        let mut kind = TokenKind::Long;
        // `1..5` in `between` is two numbers with `..` between them.
        if self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.position += 1;
            self.skip_while(|c| c.is_ascii_digit());
            kind = TokenKind::Real;
        }
        let number_end = self.position;
        if self.exponent() && !self.rest().starts_with(is_name_part) {
            return self.push(TokenKind::Real, start);
        }
        self.position = number_end;
        self.skip_while(is_name_part);
        let suffix = &self.source[number_end..self.position];
        if suffix.is_empty() {
            return self.push(kind, start);
        }
        if unit_ticks(suffix).is_some() {
            return self.push(TokenKind::TimeSpan, start);
        }
        if number_end == whole_end && suffix.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return self.push(TokenKind::Word, start);
        }
        self.error("KS003", start, self.position, "Malformed number");
        self.push(kind, start);
    }

    /// Moves over an exponent, if a whole one stands here.
    fn exponent(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix(['e', 'E']) else {
            return false;
        };
        let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let digits = unsigned
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(unsigned.len());
        self.position += 1 + (rest.len() - unsigned.len()) + digits;
        digits > 0
    }

    /// The form of the string that begins here, if one does.
    fn string_start(&self) -> Option<StringForm> {
        string_form(self.rest())
    }

    fn string(&mut self) {
        let start = self.position;
        let Some(form) = self.string_start() else {
            return;
        };
        self.position += form.prefix;
        let closed = match form.quote {
            Quote::Multiline(quote) => {
                let found = self.rest().find(quote);
                self.position =
                    found.map_or(self.source.len(), |at| self.position + at + quote.len());
                found.is_some()
            }
            Quote::Verbatim(quote) => self.verbatim_content(quote),
            Quote::Escaped(quote) => self.escaped_content(quote),
        };
        if !closed {
            let quote = form.quote.text();
            self.error(
                "KS001",
                start,
                self.position,
                format!("Missing: {quote} at the end of the string"),
            );
        }
        self.push(TokenKind::String, start);
    }

    /// Moves over a verbatim string and its closing quote; false when the line ends first.
    fn verbatim_content(&mut self, quote: char) -> bool {
        loop {
            self.skip_while(|c| c != quote && c != '\n' && c != '\r');
            if !self.rest().starts_with(quote) {
                return false;
            }
            self.position += 1;
            if !self.rest().starts_with(quote) {
                return true;
            }
            self.position += 1;
        }
    }

    /// Moves over a string with escapes and its closing quote; false when the line ends first.
    fn escaped_content(&mut self, quote: char) -> bool {
        loop {
            self.skip_while(|c| c != quote && c != '\\' && c != '\n' && c != '\r');
            match self.peek() {
                Some('\\') => {
                    let start = self.position;
                    let escape = escape(self.rest());
                    let next = self.rest()[1..]
                        .chars()
                        .next()
                        .filter(|c| *c != '\n' && *c != '\r');
                    self.position +=
                        escape.map_or(1 + next.map_or(0, char::len_utf8), |(_, length)| length);
                    if escape.is_none() {
                        self.bad_escape(start);
                    }
                }
                Some(c) if c == quote => {
                    self.position += 1;
                    return true;
                }
                _ => return false,
            }
        }
    }

    fn bad_escape(&mut self, start: usize) {
        let text = &self.source[start..self.position];
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            let message = format!("Malformed string: {text} is not an escape");
            let advice = "Double the backslash, or write the string as @\"…\"";
            let span = Self::span(start, self.position);
            self.diagnostics
                .push(Diagnostic::error("KS003", span, message).with_suggestion(advice));
        }
    }
}

/// How a string literal is written.
#[derive(Clone, Copy)]
pub(crate) struct StringForm {
    /// Bytes before the content: `h`, `@` and the opening quote.
    pub(crate) prefix: usize,
    /// `h` is there.
    pub(crate) hidden: bool,
    /// What closes it.
    pub(crate) quote: Quote,
}

/// The quotes of a string literal.
#[derive(Clone, Copy)]
pub(crate) enum Quote {
    Escaped(char),
    Verbatim(char),
    Multiline(&'static str),
}

impl Quote {
    fn text(self) -> String {
        match self {
            Self::Escaped(quote) | Self::Verbatim(quote) => quote.to_string(),
            Self::Multiline(quote) => quote.to_owned(),
        }
    }
}

/// The form of the string literal at the start of `text`, if there is one.
pub(crate) fn string_form(text: &str) -> Option<StringForm> {
    let unhidden = text.strip_prefix(['h', 'H']);
    let body = unhidden.unwrap_or(text);
    let hidden = unhidden.is_some();
    let verbatim = body.strip_prefix('@');
    let quoted = verbatim.unwrap_or(body);
    let before = text.len() - quoted.len();
    for quote in ["```", "~~~"] {
        if quoted.starts_with(quote) {
            return Some(StringForm {
                prefix: before + 3,
                hidden,
                quote: Quote::Multiline(quote),
            });
        }
    }
    let quote = quoted.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let quote = if verbatim.is_some() {
        Quote::Verbatim(quote)
    } else {
        Quote::Escaped(quote)
    };
    Some(StringForm {
        prefix: before + 1,
        hidden,
        quote,
    })
}

/// The character that the escape at the start of `text` (a backslash) stands for, and the escape's length.
pub(crate) fn escape(text: &str) -> Option<(char, usize)> {
    let bytes = text.as_bytes();
    let simple = match bytes.get(1)? {
        b'\\' => '\\',
        b'\'' => '\'',
        b'"' => '"',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'v' => '\u{b}',
        b'u' => return hex_escape(text, 4),
        b'U' => return hex_escape(text, 8),
        b'x' => return hex_escape(text, 2),
        b'0'..=b'7' => return octal_escape(bytes),
        _ => return None,
    };
    Some((simple, 2))
}

fn hex_escape(text: &str, digits: usize) -> Option<(char, usize)> {
    let code = text.get(2..2 + digits)?;
    if !code.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    // A lone surrogate is allowed in Kusto's UTF-16; here it becomes the replacement character.
    let value = u32::from_str_radix(code, 16).ok()?;
    Some((
        char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER),
        2 + digits,
    ))
}

fn octal_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let digits = bytes[1..]
        .iter()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    let length = if digits == 3 && bytes[1] > b'3' {
        2
    } else {
        digits
    };
    let code = bytes[1..=length]
        .iter()
        .fold(0, |code, byte| code * 8 + u32::from(byte - b'0'));
    Some((char::from_u32(code)?, length + 1))
}

/// The punctuation at the start of `text`, and its length.
fn punctuation(text: &str) -> Option<(TokenKind, usize)> {
    use TokenKind as T;
    let bytes = text.as_bytes();
    let two = match (bytes.first()?, bytes.get(1).copied().unwrap_or(0)) {
        (b'.', b'.') => Some(T::DotDot),
        (b'=', b'=') => Some(T::EqualEqual),
        (b'=', b'~') => Some(T::EqualTilde),
        (b'=', b'>') => Some(T::FatArrow),
        (b'!', b'=') => Some(T::BangEqual),
        (b'!', b'~') => Some(T::BangTilde),
        (b'<', b'=') => Some(T::LessEqual),
        (b'<', b'>') => Some(T::LessGreater),
        (b'>', b'=') => Some(T::GreaterEqual),
        _ => None,
    };
    if let Some(kind) = two {
        return Some((kind, 2));
    }
    let one = match bytes.first()? {
        b'(' => T::OpenParen,
        b')' => T::CloseParen,
        b'[' => T::OpenBracket,
        b']' => T::CloseBracket,
        b'{' => T::OpenBrace,
        b'}' => T::CloseBrace,
        b'|' => T::Pipe,
        b',' => T::Comma,
        b';' => T::Semicolon,
        b':' => T::Colon,
        b'.' => T::Dot,
        b'=' => T::Assign,
        b'<' => T::Less,
        b'>' => T::Greater,
        b'+' => T::Plus,
        b'-' => T::Minus,
        b'*' => T::Star,
        b'/' => T::Slash,
        b'%' => T::Percent,
        b'@' => T::At,
        b'?' => T::Question,
        _ => return None,
    };
    Some((one, 1))
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
