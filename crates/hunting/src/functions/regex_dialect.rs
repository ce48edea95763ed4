//! Where regular expressions of hunts differ from the syntax that the `regex` crate has by default.
//!
//! The documentation ("Regex syntax") describes the syntax of that crate: nested classes, `\<` as the start of a word, octal codes.
//! Its older edition described RE2, for which many hunts were written.

use std::borrow::Cow;

use regex::RegexBuilder;
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::hir::Hir;

/// A builder for an expression of a hunt.
pub(crate) fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(&understood(pattern));
    builder.octal(has_octal_escapes(pattern));
    builder
}

/// The meaning of an expression of a hunt, if it has one.
pub(super) fn parse(pattern: &str) -> Option<Hir> {
    let mut parser = regex_syntax::ParserBuilder::new()
        .octal(has_octal_escapes(pattern))
        .build();
    parser.parse(&understood(pattern)).ok()
}

/// What is wrong with the syntax of an expression of a hunt. No class is looked up.
pub(super) fn problem(pattern: &str) -> Option<String> {
    let mut parser = ParserBuilder::new()
        .octal(has_octal_escapes(pattern))
        .build();
    let error = parser.parse(&understood(pattern)).err()?;
    Some(error.kind().to_string())
}

/// The expression as the parser takes it: as it is written, or else as RE2 reads it, for which the documentation was written
/// before and which published hunts still rely on (`[[]`, `[\<\>]`, `${x}`).
fn understood(pattern: &str) -> Cow<'_, str> {
    let octal = has_octal_escapes(pattern);
    let parses = |text: &str| {
        let mut parser = ParserBuilder::new().octal(octal).build();
        parser.parse(text).is_ok()
    };
    if parses(pattern) {
        return Cow::Borrowed(pattern);
    }
    let older = as_re2(pattern);
    if parses(&older) {
        Cow::Owned(older)
    } else {
        Cow::Borrowed(pattern)
    }
}

/// An expression of RE2: `[` in a class, a `{` that counts nothing and escaped angles are the characters themselves, and
/// nothing between `\Q` and `\E` has a meaning.
fn as_re2(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let taken = match c {
            '\\' if !in_class && after.starts_with('Q') => {
                let quoted = &after[1..];
                let end = quoted.find(r"\E").unwrap_or(quoted.len());
                out.push_str(&regex::escape(&quoted[..end]));
                quoted.get(end + 2..).unwrap_or("")
            }
            '\\' => escape(after, &mut out),
            '[' if in_class && !after.starts_with(':') => {
                out.push_str(r"\[");
                after
            }
            '[' if in_class => through(rest, ":]", &mut out),
            '[' => {
                in_class = true;
                // A bracket that comes first is one of the class.
                let first = ["^]", "]", "^"].iter().find(|f| after.starts_with(**f));
                let first = first.map_or(0, |f| f.len());
                out.push('[');
                out.push_str(&after[..first]);
                &after[first..]
            }
            '{' if !in_class && !is_count(after) => {
                out.push_str(r"\{");
                after
            }
            c => {
                in_class &= c != ']';
                out.push(c);
                after
            }
        };
        rest = taken;
    }
    out
}

/// Writes an escape whose backslash was read, with the braces that belong to it; gives what follows.
fn escape<'a>(after: &'a str, out: &mut String) -> &'a str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    if !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
    match c {
        'p' | 'P' | 'x' if rest.starts_with('{') => through(rest, "}", out),
        _ => rest,
    }
}

/// Copies up to `end` and with it; gives what follows.
fn through<'a>(text: &'a str, end: &str, out: &mut String) -> &'a str {
    let length = text.find(end).map_or(text.len(), |at| at + end.len());
    out.push_str(&text[..length]);
    &text[length..]
}

/// Whether what follows a brace makes it a repetition: `2}`, `2,}` or `2,3}`.
fn is_count(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let least = digits(text);
    let rest = &text[least..];
    let rest = rest.strip_prefix(',').map_or(rest, |r| &r[digits(r)..]);
    least > 0 && rest.starts_with('}')
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
    use regex::Regex;

    use super::*;

    fn found(pattern: &str, text: &str) -> Option<String> {
        let regex = builder(pattern).build().expect(pattern);
        Some(regex.find(text)?.as_str().to_owned())
    }

    #[test]
    fn what_is_refused_otherwise_is_read_as_re2_has_it() {
        for (pattern, text, expected) in [
            (r"[\<\>]", "a<b", Some("<")),
            (r"[^\<]+", "<ab<", Some("ab")),
            (r"[a\>-]+", "-a>", Some("-a>")),
            (r"[\\\<]", r"a\", Some(r"\")),
            (r"[\<-\>]+", "a<=>", Some("<=>")),
            (r"é[\<]\041", "é<!", Some("é<!")),
            (r"\<b[\<]", "b< <b<", Some("<b<")),
            (r"[[]", "a[b", Some("[")),
            (r"^(?:[[])+", "[[b", Some("[[")),
            (r"[[]b[]]", "a[b]", Some("[b]")),
            (r"[^[]+", "[ab[", Some("ab")),
            (r"[^][]+", "[ab]", Some("ab")),
            (r"[[[:digit:]]+", "a[1]", Some("[1")),
            (r"[[\]]+", "a[]b", Some("[]")),
            (r"${a}|{b,c}", "{b,c}", Some("{b,c}")),
            (r"{a{2}", "{aaa", Some("{aa")),
            (r"a{,2}", "a{,2}", Some("a{,2}")),
            (r"{\p{Lu}\x{42}\pL{2,}", "{ABcde", Some("{ABcde")),
            (r"\Qa.[{\E.", "a.[{x", Some("a.[{x")),
            (r"\Q(", "(", Some("(")),
        ] {
            assert!(
                Regex::new(pattern).is_err() || pattern.contains(r"\0"),
                "{pattern}"
            );
            assert_eq!(found(pattern, text).as_deref(), expected, "{pattern}");
            assert!(parse(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            r"[\<",
            r"[\<\b]",
            r"[\<](",
            r"[\<]\1",
            "[a",
            "[[",
            "[[:alpha:]",
            r"a\",
            r"[a\",
            "{2}",
            "(?=a)",
            r"\p{",
        ] {
            assert!(builder(pattern).build().is_err(), "{pattern}");
            assert!(parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn the_documented_syntax_is_understood() {
        for (pattern, text, expected) in [
            (r"\<b\>", "ab b", Some("b")),
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
        for pattern in [r"\C", r"\8", r"\e"] {
            assert!(builder(pattern).build().is_err(), "{pattern}");
        }
    }
}
