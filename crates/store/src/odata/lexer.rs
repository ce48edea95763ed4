//! A `$filter` text as tokens.

use bartizan_contract::time::parse_iso8601;

use super::ast::Literal;
use super::error::ODataError;

/// A piece of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword; a path's segments are joined by `/`.
    Word(String),
    /// A value that cannot be a name.
    Literal(Literal),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `:`
    Colon,
}

/// A token with where it starts, in characters from 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) position: usize,
}

/// Splits a filter into tokens.
pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, ODataError> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer {
        chars: &chars,
        at: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Result<Option<Spanned>, ODataError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        let position = self.at;
        let Some(c) = self.peek() else {
            return Ok(None);
        };
        let token = match c {
            '(' => self.punctuation(Token::Open),
            ')' => self.punctuation(Token::Close),
            ',' => self.punctuation(Token::Comma),
            ':' => self.punctuation(Token::Colon),
            '\'' => self.quoted(position)?,
            '-' | '0'..='9' => self.number_or_date(position)?,
            c if c.is_alphabetic() || c == '_' || c == '@' || c == '$' => self.word(),
            c => {
                return Err(ODataError::at(
                    position,
                    format!("'{c}' is not expected here."),
                ));
            }
        };
        Ok(Some(Spanned { token, position }))
    }

    fn punctuation(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    /// A quoted text; a quote inside is doubled.
    fn quoted(&mut self, start: usize) -> Result<Token, ODataError> {
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(ODataError::at(start, "The quote is not closed.")),
                // PostgreSQL cannot keep it in a text, so nothing can be equal to it.
                Some('\0') => return Err(ODataError::at(self.at, "NUL is not allowed.")),
                Some('\'') if self.chars.get(self.at + 1) == Some(&'\'') => {
                    text.push('\'');
                    self.at += 2;
                }
                Some('\'') => {
                    self.at += 1;
                    return Ok(Token::Literal(Literal::Text(text)));
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn run(&self, accept: impl Fn(char) -> bool) -> String {
        self.chars[self.at..]
            .iter()
            .copied()
            .take_while(|c| accept(*c))
            .collect()
    }

    fn number_or_date(&mut self, start: usize) -> Result<Token, ODataError> {
        let mut text =
            self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.'));
        self.at += text.chars().count();
        if let Some(offset) = self.decoded_offset(&text) {
            self.at += 1 + offset.len();
            text = format!("{text}+{offset}");
        }
        let literal = guid(&text)
            .map(Literal::Guid)
            .or_else(|| text.parse().ok().map(Literal::Int))
            .or_else(|| {
                looks_like_date(&text)
                    .then(|| parse_iso8601(&text))
                    .flatten()
                    .map(Literal::DateTime)
            })
            .or_else(|| number(&text).map(Literal::Real));
        literal.map(Token::Literal).ok_or_else(|| {
            ODataError::at(
                start,
                format!("'{text}' is neither a number, a date nor a GUID."),
            )
        })
    }

    /// The zone of a time such as `2020-01-01T00:00:00+02:00` whose plus sign was read as a space
    /// when the query string was decoded.
    fn decoded_offset(&self, text: &str) -> Option<String> {
        let local =
            looks_like_date(text) && text.contains(['T', 't']) && !text.ends_with(['Z', 'z']);
        let rest = self.chars.get(self.at..self.at + 6)?;
        let [' ', h1, h2, ':', m1, m2] = rest else {
            return None;
        };
        let ends = self
            .chars
            .get(self.at + 6)
            .is_none_or(|c| !c.is_alphanumeric());
        let digits = [h1, h2, m1, m2].iter().all(|c| c.is_ascii_digit());
        (local && ends && digits).then(|| rest[1..].iter().collect())
    }

    fn word(&mut self) -> Token {
        // A GUID may start with a letter.
        let candidate = self.run(|c| c.is_ascii_hexdigit() || c == '-');
        if let Some(value) = guid(&candidate) {
            self.at += candidate.len();
            return Token::Literal(Literal::Guid(value));
        }
        let word = self.run(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '@' | '$'));
        self.at += word.chars().count();
        match word.as_str() {
            "null" => Token::Literal(Literal::Null),
            "true" => Token::Literal(Literal::Bool(true)),
            "false" => Token::Literal(Literal::Bool(false)),
            _ => Token::Word(word),
        }
    }
}

fn guid(text: &str) -> Option<String> {
    let hyphens = [8, 13, 18, 23];
    let shaped = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| {
            if hyphens.contains(&i) {
                b == b'-'
            } else {
                b.is_ascii_hexdigit()
            }
        });
    shaped.then(|| text.to_ascii_lowercase())
}

fn looks_like_date(text: &str) -> bool {
    text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-'
}

/// A number with fraction or exponent; the words that Rust also reads as numbers are none.
fn number(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    text.parse().ok().filter(|v: &f64| plain && v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Literal {
        match lex(text).unwrap().remove(0).token {
            Token::Literal(l) => l,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn literals_of_every_kind() {
        assert_eq!(literal("'it''s'"), Literal::Text("it's".into()));
        assert_eq!(literal("-12"), Literal::Int(-12));
        assert_eq!(literal("1.5"), Literal::Real(1.5));
        assert_eq!(literal("null"), Literal::Null);
        assert_eq!(
            literal("FC780465-2017-40d4-a0c5-307022471b92"),
            Literal::Guid("fc780465-2017-40d4-a0c5-307022471b92".into())
        );
        let day = parse_iso8601("2018-08-01").unwrap();
        for text in [
            "2018-08-01Z",
            "2018-08-01",
            "2018-08-01T00:00:00Z",
            "2018-08-01T00:00:00.0000000Z",
            "2018-08-01T02:00:00+02:00",
            "2018-08-01T02:00:00 02:00",
        ] {
            assert_eq!(literal(text), Literal::DateTime(day), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_said_with_its_place() {
        for (text, position) in [
            ("a eq 'x", 5),
            ("a eq 12x", 5),
            ("a eq %", 5),
            ("a eq 2018-13-01Z", 5),
            ("a eq '\0'", 6),
            ("inf eq 1e999", 7),
        ] {
            assert_eq!(lex(text).unwrap_err().position, Some(position), "{text}");
        }
    }
}
