//! Where regular expressions of hunts differ from the syntax that the `regex` crate has by default.
//!
//! The documentation ("Regex syntax") describes the syntax of that crate: nested classes, `\<` as the start of a word, octal codes.
//! Its older edition described RE2, for which many hunts were written.

use std::borrow::Cow;

use regex::RegexBuilder;
use regex_syntax::ast::{self, ErrorKind};

/// Escapes that are read as RE2 has them at most; parsing starts anew after each.
const MOST_ESCAPES: usize = 256;

/// A builder for an expression of a hunt.
pub(crate) fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(&with_plain_angles(pattern));
    builder.octal(has_octal_escapes(pattern));
    builder
}

/// The meaning of an expression of a hunt.
pub(super) fn parse(pattern: &str) -> Result<regex_syntax::hir::Hir, regex_syntax::Error> {
    regex_syntax::ParserBuilder::new()
        .octal(has_octal_escapes(pattern))
        .build()
        .parse(&with_plain_angles(pattern))
}

/// The expression with `\<` and `\>` in classes as the characters that they are in RE2. Outside of classes they are the ends
/// of words; within, they mean nothing, and the parser refuses them at their place.
fn with_plain_angles(pattern: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(pattern);
    if !pattern.contains(r"\<") && !pattern.contains(r"\>") {
        return text;
    }
    let octal = has_octal_escapes(pattern);
    for _ in 0..MOST_ESCAPES {
        let mut parser = ast::parse::ParserBuilder::new().octal(octal).build();
        let Err(error) = parser.parse(&text) else {
            break;
        };
        let at = error.span().start.offset;
        let angle = text[at..].starts_with(r"\<") || text[at..].starts_with(r"\>");
        match error.kind() {
            ErrorKind::ClassEscapeInvalid | ErrorKind::ClassRangeLiteral if angle => {
                text.to_mut().remove(at);
            }
            _ => break,
        }
    }
    text
}

/// Whether digits behind backslashes are octal codes of characters (`\0`, `\041`). A single one that is not zero is taken for
/// a group that was found before (`\1`), which no expression can ask for: that is an error.
fn has_octal_escapes(pattern: &str) -> bool {
    let mut any = false;
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).take(2);
        match digits.collect::<Vec<u8>>()[..] {
            [] => {}
            [b'0', ..] | [b'1'..=b'7', b'0'..=b'7'] => any = true,
            _ => return false,
        }
        rest = rest
            .get(rest.chars().next().map_or(0, char::len_utf8)..)
            .unwrap_or("");
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Option<String> {
        let regex = builder(pattern).build().expect(pattern);
        Some(regex.find(text)?.as_str().to_owned())
    }

    #[test]
    fn angles_in_classes_are_characters() {
        for (pattern, text, expected) in [
            (r"[\<\>]", "a<b", Some("<")),
            (r"[\<\>]+", "a<>b", Some("<>")),
            (r"[^\<]+", "<ab<", Some("ab")),
            (r"[a\>-]+", "-a>", Some("-a>")),
            (r"[\\\<]", r"a\", Some(r"\")),
            (r"[x[^\<]]+", "<y<", Some("y")),
            (r"[\<-\>]+", "a<=>", Some("<=>")),
            // Beside a class they are the ends of words.
            (r"\<b[\<]", "ab< b<", Some("b<")),
            (r"\<a\>", "aa a<", Some("a")),
            (r"\[\<b", "[ab [b", Some("[b")),
            (r"é[\<]\041", "é<!", Some("é<!")),
        ] {
            assert_eq!(found(pattern, text).as_deref(), expected, "{pattern}");
            assert!(parse(pattern).is_ok(), "{pattern}");
        }
        // What else is wrong is still wrong, and endless patience is not needed.
        let many = format!("[{}]", r"\<".repeat(MOST_ESCAPES + 1));
        for pattern in [r"[\<", r"[\<\b]", r"[\<](", r"[\<]\1", &many] {
            assert!(builder(pattern).build().is_err(), "{pattern}");
            assert!(parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn the_documented_syntax_is_understood() {
        for (pattern, text, expected) in [
            (r"\b{start}b", "ab b", Some("b")),
            (r"a\b{end}", "ab a", Some("a")),
            (r"\b{start-half}b\b{end-half}", "ab b", Some("b")),
            (r"\pN+", "ab12", Some("12")),
            (r"\p{Greek}", "aβ", Some("β")),
            (r"\PL+", "ab12", Some("12")),
            (r"\Ab\z", "b", Some("b")),
            (r"(?m)^b$", "a\nb", Some("b")),
            (r"(?P<n>b)", "ab", Some("b")),
            (r"(?<n>b)", "ab", Some("b")),
            (r"(?U)b+", "abb", Some("b")),
            (r"(?U)b+?", "abb", Some("bb")),
            (r"(?s)a.b", "a\nb", Some("a\nb")),
            (r"(?x) a b # ab", "ab", Some("ab")),
            (r"[[:alpha:]]+", "1ab2", Some("ab")),
            (r"[[:^alpha:]]+", "a12b", Some("12")),
            (r"[a-y&&xyz]+", "zyx", Some("yx")),
            (r"[0-9--4]+", "4123", Some("123")),
            (r"\x{1F600}", "a😀", Some("😀")),
            (r"\x41\u0042\U00000043", "ABC", Some("ABC")),
            (r"\141\0", "a\0", Some("a\0")),
            (r"(?:ab){2,1001}", "ababab", Some("ababab")),
            (
                r#"\!\"\#\%\&\'\,\-\/\:\;\=\@\_\`\~\ "#,
                "!\"#%&',-/:;=@_`~ ",
                Some("!\"#%&',-/:;=@_`~ "),
            ),
            (r"[\!\/\-\_\ ]+", "a!/-_ ", Some("!/-_ ")),
            (
                r"\a\f\t\n\r\v",
                "\x07\x0C\t\n\r\x0B",
                Some("\x07\x0C\t\n\r\x0B"),
            ),
        ] {
            assert_eq!(found(pattern, text).as_deref(), expected, "{pattern}");
        }
        // RE2's own that the documentation does not have.
        for pattern in [r"\Qa.b\E", r"\C", r"\pGreek", r"(?=a)", r"\8"] {
            assert!(builder(pattern).build().is_err(), "{pattern}");
        }
    }
}
