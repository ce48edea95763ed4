//! A `$filter`'s tokens as a tree, by precedence: comparison, `not`, `and`, `or`.

use super::ast::{CompareOp, Filter, Literal, Path, Quantifier, TextFunction};
use super::error::ODataError;
use super::lexer::{Spanned, Token, lex};

/// Longest filter, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
/// Deepest nesting of parentheses, `not` and lambdas.
pub const MAX_DEPTH: usize = 50;
/// Most comparisons and list values in one filter: SQLite bounds both the depth of an expression
/// and the number of parameters.
pub const MAX_TERMS: usize = 500;

/// Parses a `$filter`.
///
/// # Errors
/// [`ODataError`] with the place of the first thing that is wrong, or when a limit is exceeded.
/// No text makes it panic.
pub fn parse_filter(text: &str) -> Result<Filter, ODataError> {
    if text.len() > MAX_LENGTH {
        let message = format!("It is longer than {MAX_LENGTH} bytes.");
        return Err(ODataError::of("$filter", message));
    }
    let tokens = lex(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        depth: 0,
        terms: 0,
        end: text.chars().count(),
    };
    let filter = parser.any_of()?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.unexpected("'and', 'or' or the end")),
    }
}

struct Parser<'a> {
    tokens: &'a [Spanned],
    at: usize,
    depth: usize,
    terms: usize,
    end: usize,
}

/// One side of a comparison.
enum Operand {
    Path(Path),
    Literal(Literal),
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |t| t.position)
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token, name: &str) -> Result<(), ODataError> {
        if self.peek() == Some(token) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(name))
    }

    fn unexpected(&self, wanted: &str) -> ODataError {
        let found = match self.peek() {
            None => "the text ends".to_owned(),
            Some(Token::Word(word)) => format!("'{word}' was found"),
            Some(Token::Literal(literal)) => format!("{} was found", literal.kind()),
            Some(Token::Open) => "'(' was found".to_owned(),
            Some(Token::Close) => "')' was found".to_owned(),
            Some(Token::Comma) => "',' was found".to_owned(),
            Some(Token::Colon) => "':' was found".to_owned(),
        };
        ODataError::at(self.position(), format!("Expected {wanted}, but {found}."))
    }

    fn term(&mut self) -> Result<(), ODataError> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            let message = format!("It has more than {MAX_TERMS} comparisons and values.");
            return Err(ODataError::at(self.position(), message));
        }
        Ok(())
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ODataError>,
    ) -> Result<T, ODataError> {
        if self.depth >= MAX_DEPTH {
            let message = format!("It is nested deeper than {MAX_DEPTH}.");
            return Err(ODataError::at(self.position(), message));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn any_of(&mut self) -> Result<Filter, ODataError> {
        let mut parts = vec![self.all_of()?];
        while self.keyword("or") {
            parts.push(self.all_of()?);
        }
        Ok(single_or(parts, Filter::Or))
    }

    fn all_of(&mut self) -> Result<Filter, ODataError> {
        let mut parts = vec![self.unary()?];
        while self.keyword("and") {
            parts.push(self.unary()?);
        }
        Ok(single_or(parts, Filter::And))
    }

    fn unary(&mut self) -> Result<Filter, ODataError> {
        if self.keyword("not") {
            return self.deeper(|p| Ok(Filter::Not(Box::new(p.unary()?))));
        }
        if self.peek() == Some(&Token::Open) {
            self.at += 1;
            let inner = self.deeper(Self::any_of)?;
            self.expect(&Token::Close, "')'")?;
            return Ok(inner);
        }
        self.term()?;
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter, ODataError> {
        let position = self.position();
        let left = match self.operand()? {
            Operand::Path(path) if self.peek() == Some(&Token::Open) => {
                let condition = self.call(path)?;
                return self.compared_with_truth(condition);
            }
            operand => operand,
        };
        if self.keyword("in") {
            let Operand::Path(path) = left else {
                return Err(ODataError::at(
                    position,
                    "The left side of 'in' must be a property.",
                ));
            };
            return Ok(Filter::In {
                path,
                values: self.list()?,
            });
        }
        let Some(op) = self.operator() else {
            return match left {
                Operand::Path(path) => Ok(Filter::Flag(path)),
                Operand::Literal(Literal::Bool(value)) => Ok(Filter::Constant(value)),
                Operand::Literal(_) => Err(self.unexpected("an operator")),
            };
        };
        match (left, self.operand()?) {
            (Operand::Path(path), Operand::Literal(value)) => {
                Ok(Filter::Compare { path, op, value })
            }
            (Operand::Literal(value), Operand::Path(path)) => Ok(Filter::Compare {
                path,
                op: op.flipped(),
                value,
            }),
            (Operand::Path(_), Operand::Path(word)) => Err(no_value(&word)),
            (Operand::Literal(_), Operand::Literal(_)) => Err(ODataError::at(
                position,
                "One side of a comparison must be a property.",
            )),
        }
    }

    fn operator(&mut self) -> Option<CompareOp> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        let op = CompareOp::parse(word)?;
        self.at += 1;
        Some(op)
    }

    fn operand(&mut self) -> Result<Operand, ODataError> {
        let position = self.position();
        let operand = match self.peek() {
            Some(Token::Literal(literal)) => Operand::Literal(literal.clone()),
            // `5 eq not` would be printed as `not eq 5`, which is something else.
            Some(Token::Word(name)) if name.eq_ignore_ascii_case("not") => {
                return Err(self.unexpected("a property or a value"));
            }
            Some(Token::Word(name)) => Operand::Path(Path {
                name: name.clone(),
                position,
            }),
            _ => return Err(self.unexpected("a property or a value")),
        };
        self.at += 1;
        Ok(operand)
    }

    fn list(&mut self) -> Result<Vec<Literal>, ODataError> {
        self.expect(&Token::Open, "'(' and the values")?;
        let mut values = Vec::new();
        loop {
            self.term()?;
            match self.operand()? {
                Operand::Literal(value) => values.push(value),
                Operand::Path(word) => return Err(no_value(&word)),
            }
            if self.peek() != Some(&Token::Comma) {
                break;
            }
            self.at += 1;
        }
        self.expect(&Token::Close, "',' or ')'")?;
        Ok(values)
    }

    /// A text function, or `any` and `all` at the end of a path.
    fn call(&mut self, path: Path) -> Result<Filter, ODataError> {
        self.at += 1;
        if let Some(function) = TextFunction::parse(&path.name) {
            return self.text_function(function);
        }
        let (collection, word) = path.name.rsplit_once('/').unwrap_or(("", &path.name));
        let quantifier = match word.to_ascii_lowercase().as_str() {
            "any" if !collection.is_empty() => Quantifier::Any,
            "all" if !collection.is_empty() => Quantifier::All,
            _ => {
                let message = format!(
                    "Function '{}' is not supported; these are: startswith, endswith, contains, \
                     any, all.",
                    path.name
                );
                return Err(ODataError::at(path.position, message));
            }
        };
        let path = Path {
            name: collection.to_owned(),
            position: path.position,
        };
        if quantifier == Quantifier::Any && self.peek() == Some(&Token::Close) {
            self.at += 1;
            return Ok(Filter::Lambda {
                path,
                quantifier,
                body: None,
            });
        }
        let Some(Token::Word(variable)) = self.peek().cloned() else {
            return Err(self.unexpected("the name of the element"));
        };
        self.at += 1;
        self.expect(&Token::Colon, "':'")?;
        let body = self.deeper(Self::any_of)?;
        self.expect(&Token::Close, "')'")?;
        Ok(Filter::Lambda {
            path,
            quantifier,
            body: Some((variable, Box::new(body))),
        })
    }

    fn text_function(&mut self, function: TextFunction) -> Result<Filter, ODataError> {
        let Operand::Path(path) = self.operand()? else {
            let message = format!("The first argument of {} is a property.", function.as_str());
            return Err(ODataError::at(self.position(), message));
        };
        self.expect(&Token::Comma, "','")?;
        let position = self.position();
        let Operand::Literal(Literal::Text(text)) = self.operand()? else {
            let message = format!("The second argument of {} is a text.", function.as_str());
            return Err(ODataError::at(position, message));
        };
        self.expect(&Token::Close, "')'")?;
        Ok(Filter::Call {
            function,
            path,
            text,
        })
    }

    /// `startswith(…) eq true`, which older clients write.
    fn compared_with_truth(&mut self, condition: Filter) -> Result<Filter, ODataError> {
        let Some(op) = self.operator() else {
            return Ok(condition);
        };
        let position = self.position();
        match (op, self.operand()?) {
            (CompareOp::Eq, Operand::Literal(Literal::Bool(true)))
            | (CompareOp::Ne, Operand::Literal(Literal::Bool(false))) => Ok(condition),
            (CompareOp::Eq, Operand::Literal(Literal::Bool(false)))
            | (CompareOp::Ne, Operand::Literal(Literal::Bool(true))) => {
                Ok(Filter::Not(Box::new(condition)))
            }
            _ => Err(ODataError::at(
                position,
                "A condition is compared with true or false alone.",
            )),
        }
    }
}

/// A word where a value should be: a text without its quotes, most often.
fn no_value(word: &Path) -> ODataError {
    let name = &word.name;
    ODataError::at(
        word.position,
        format!(
            "'{name}' is no value. Expected a quoted text such as '{name}' in single quotes, a date such as \
             2026-01-01T00:00:00Z, a number, true, false or null."
        ),
    )
}

fn single_or(mut parts: Vec<Filter>, many: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn precedence_and_shapes() {
        for (text, printed) in [
            (
                "a eq 1 or b eq 2 and c eq 3",
                "a eq 1 or (b eq 2 and c eq 3)",
            ),
            (
                "(a eq 1 or b eq 2) and not c",
                "(a eq 1 or b eq 2) and not (c)",
            ),
            ("'x' eq a", "a eq 'x'"),
            ("5 lt a", "a gt 5"),
            ("startswith(a,'b') eq true", "startswith(a, 'b')"),
            ("contains(a,'it''s') eq false", "not (contains(a, 'it''s'))"),
            ("status in ('a','b')", "status in ('a', 'b')"),
            (
                "tags/any(t: t eq 'x' or t eq 'y')",
                "tags/any(t: t eq 'x' or t eq 'y')",
            ),
            ("tags/any()", "tags/any()"),
            (
                "tags/all(t:startswith(t,'x'))",
                "tags/all(t: startswith(t, 'x'))",
            ),
            ("A EQ 1 AND true", "A eq 1 and true"),
        ] {
            assert_eq!(parse_filter(text).unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, position) in [
            ("", 0),
            ("status", 100),
            ("status eq", 9),
            ("status eq 'a' status", 14),
            ("(a eq 1", 7),
            ("a eq b", 5),
            ("a gt yesterday", 5),
            ("a in ('x', y)", 11),
            ("1 eq 2", 0),
            ("tolower(a) eq 'x'", 0),
            ("any(t: t eq 1)", 0),
            ("a in ()", 6),
            ("contains(a, 5)", 12),
            ("null eq not", 8),
        ] {
            match parse_filter(text) {
                Ok(filter) => assert_eq!(position, 100, "{text}: {filter}"),
                Err(error) => assert_eq!(error.position, Some(position), "{text}: {error}"),
            }
        }
    }

    #[test]
    fn limits_hold() {
        let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
        assert!(parse_filter(&deep).unwrap_err().message.contains("nested"));
        let nots = format!("{}a", "not ".repeat(3_000));
        assert!(parse_filter(&nots).unwrap_err().message.contains("nested"));
        let wide = vec!["a eq 1"; 501].join(" or ");
        assert!(
            parse_filter(&wide)
                .unwrap_err()
                .message
                .contains("more than")
        );
        assert!(parse_filter(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_tree_or_an_error(text in ".{0,200}") {
            let _ = parse_filter(&text);
        }

        #[test]
        fn any_tokens_give_a_tree_or_an_error(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("a"), Just("and"), Just("or"), Just("not"), Just("("), Just(")"), Just("eq"),
                    Just("'x'"), Just("5"), Just("2018-08-01Z"), Just(","), Just("in"), Just("any("),
                    Just("b/any(t:"), Just("null"), Just("startswith("), Just(":"), Just("--"),
                ],
                0..40,
            ),
        ) {
            if let Ok(filter) = parse_filter(&words.join(" ")) {
                prop_assert_eq!(parse_filter(&filter.to_string()).unwrap().to_string(), filter.to_string());
            }
        }
    }
}
