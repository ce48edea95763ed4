//! What may be kept of a refusal's text. The text went to the caller, who knows what he sent; what is kept is read by
//! others. So values out of bodies are left out, and whatever looks like a secret or a token; and it has a length.

/// The most characters that are kept.
const MOST: usize = 1_000;
/// From this many characters on, a word of mixed letters and digits is taken for a secret: client secrets have 40, names
/// and ids of objects are shorter, of one letter case, or without digits.
const SECRET: usize = 40;
/// What stands before a value that a JSON reader quotes.
const QUOTED: &[&str] = &[
    "string \"",
    "unknown variant `",
    "integer `",
    "floating point `",
];
/// Ends of names, in lower case, whose value is a secret more often than not when an equals sign follows.
const NAMES: &[&str] = &[
    "sig",
    "password",
    "pwd",
    "secret",
    "token",
    "key",
    "code",
    "assertion",
];
/// An equals sign, as it is, encoded for a URL, and encoded twice.
const EQUALS: [&str; 3] = ["=", "%3d", "%253d"];
/// What quotes a value.
const QUOTES: [char; 3] = ['"', '\'', '`'];
/// What stands for what is left out.
const LEFT_OUT: char = '…';

/// A text of a refusal as it may be kept.
#[must_use]
pub fn kept_message(text: &str) -> String {
    // Bounded first: a text of megabytes costs no more than one that is kept.
    let end = text.char_indices().nth(MOST).map(|(end, _)| end);
    let (mut head, rest) = text.split_at(end.unwrap_or(text.len()));
    if rest.starts_with(is_of_word) {
        // Of a word that is cut nobody can say what it was.
        head = head.trim_end_matches(is_of_word);
    }
    let told = without_secrets(&without_named(&without_values(head)));
    let mut kept: String = told.chars().take(MOST).collect();
    if head.len() < text.len() || kept.len() < told.len() {
        kept.push(LEFT_OUT);
    }
    kept
}

/// Leaves out the values that a JSON reader quotes: `invalid type: string "…"`, ``unknown variant `…` ``.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let quoted = QUOTED
            .iter()
            .filter_map(|mark| rest.find(mark).map(|at| at + mark.len()))
            .min();
        let Some(start) = quoted else {
            out.push_str(rest);
            return out;
        };
        let (before, value) = rest.split_at(start);
        out.push_str(before);
        out.push(LEFT_OUT);
        rest = &value[end_of_value(value, before.ends_with('"'))..];
    }
}

/// Where a quoted value ends: at its quote, which Rust escapes inside; or, in backticks, which nothing escapes, at the words
/// that follow. A value without an end takes the rest along.
fn end_of_value(value: &str, escaped: bool) -> usize {
    if !escaped {
        return value.rfind("`, expected").unwrap_or(value.len());
    }
    let mut behind = false;
    for (at, c) in value.char_indices() {
        match c {
            _ if behind => behind = false,
            '\\' => behind = true,
            '"' => return at,
            _ => {}
        }
    }
    value.len()
}

/// Leaves out what follows `password=`, `sig=` and their like.
fn without_named(text: &str) -> String {
    // The same length, byte for byte.
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(start) = NAMES
        .iter()
        .filter_map(|name| named(&lower, from, name))
        .min()
    {
        let end = start + end_of_named(&lower, start);
        out.push_str(&text[from..start]);
        if start < end {
            out.push(LEFT_OUT);
        }
        from = end;
    }
    out.push_str(&text[from..]);
    out
}

/// Where the first value begins, at `from` or after it, that stands behind a name and an equals sign.
fn named(lower: &str, mut from: usize, name: &str) -> Option<usize> {
    loop {
        from += lower[from..].find(name)? + name.len();
        let mut value = &lower[from..];
        while let Some(rest) = EQUALS.iter().find_map(|sign| value.strip_prefix(sign)) {
            value = rest;
        }
        if value.len() < lower.len() - from {
            let value = value.trim_start_matches('\\');
            let value = value.strip_prefix(QUOTES).unwrap_or(value);
            return Some(lower.len() - value.len());
        }
    }
}

/// The length of the value that begins at `start`: up to the quote that it began with, or the end of a parameter.
fn end_of_named(lower: &str, start: usize) -> usize {
    let (before, value) = lower.split_at(start);
    let end = match before.chars().next_back() {
        Some(quote) if QUOTES.contains(&quote) => value.find(quote),
        _ => value.find(|c: char| c == '&' || c.is_whitespace() || QUOTES.contains(&c)),
    };
    end.unwrap_or(value.len())
}

/// Whether a character is one of those that secrets and tokens are made of, encoded for a URL or not.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.~-+=%".contains(c)
}

/// Leaves out words that look like secrets or tokens.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if is_of_word(c) {
            word.push(c);
            continue;
        }
        end_word(&mut out, &mut word);
        out.push(c);
    }
    end_word(&mut out, &mut word);
    out
}

fn end_word(out: &mut String, word: &mut String) {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    let mixed =
        has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    if word.len() >= SECRET && mixed || word.contains("8Q~") {
        out.push(LEFT_OUT);
    } else {
        out.push_str(word);
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_and_secrets_are_left_out_and_the_rest_stays() {
        let token = format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl",
            "eyJzdWIiOiIxIn0".repeat(3)
        );
        for (text, kept) in [
            (
                r#"The request body is not valid: invalid type: string "pa\"ss", expected u32 at line 1 column 9."#,
                r#"The request body is not valid: invalid type: string "…", expected u32 at line 1 column 9."#,
            ),
            (
                "unknown variant `hun`ter2`, expected `a` or `b`",
                "unknown variant `…`, expected `a` or `b`",
            ),
            (
                "invalid type: integer `4711`, expected a string",
                "invalid type: integer `…`, expected a string",
            ),
            (
                r#"invalid value: string "cut"#,
                r#"invalid value: string "…"#,
            ),
            ("the secret aB18Q~x is none", "the secret … is none"),
            (
                &format!("There is no operation at /api/{token}."),
                "There is no operation at /api/…",
            ),
            // By their names, however they are written.
            (
                "There is no operation at /v1.0/x%3Fsig=q2Vh%2FmPzQ9wZ&se=2026.",
                "There is no operation at /v1.0/x%3Fsig=…&se=2026.",
            ),
            (
                "/v1.0/x%3FSig%3Dq2Vh%26se%3D2026 is none",
                "/v1.0/x%3FSig%3D… is none",
            ),
            ("x%253Ftoken%253Dabc", "x%253Ftoken%253D…"),
            (
                "AccountKey=aB1/cD2+eF3==;EndpointSuffix=x is none",
                "AccountKey=… is none",
            ),
            (
                "client_secret=abc&access_token=def&code=&pwd='Hunter 22' password==\"x y\", password=\\\"z\\\"",
                "client_secret=…&access_token=…&code=&pwd='…' password==\"…\", password=\\\"…\"",
            ),
            ("password=Hunter22", "password=…"),
            (
                "no token is here, no key; a code = 7",
                "no token is here, no key; a code = 7",
            ),
            // In a URL, where a slash is encoded.
            ("q2Vh%2FmPzQ9wZsY7aKdLr0FvT3nGx%2B1bCuEoHj5iNk8%3D", "…"),
            // Ids and names stay.
            (
                "Incident 924565 of da637551227677560813_-961444813, device 1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
                "Incident 924565 of da637551227677560813_-961444813, device 1e5bc9d7e413ddd7902c2932e418702b84d0cc07",
            ),
            (
                "Resource '11111111-2222-3333-4444-5555AAAAbbbb' does not exist (line 1, column 2)",
                "Resource '11111111-2222-3333-4444-5555AAAAbbbb' does not exist (line 1, column 2)",
            ),
        ] {
            assert_eq!(kept_message(text), kept);
        }
    }

    #[test]
    fn a_word_that_is_cut_is_left_out() {
        let secret = "aB1".repeat(20);
        for before in [MOST - 39, MOST - 1] {
            let kept = kept_message(&format!("{}{secret} is none", " ".repeat(before)));
            assert_eq!(kept.trim_start(), "…");
        }
        let whole = format!("{}name", " ".repeat(MOST - 4));
        assert_eq!(kept_message(&whole), whole);
        assert_eq!(kept_message(&format!("{whole} more")), format!("{whole}…"));
    }

    proptest! {
        /// What a name stands before does not come through, whatever else is there.
        #[test]
        fn nothing_named_comes_through(
            before in ".{0,40}[ &?]",
            name in "(client_|Account)?(secret|SECRET|password|Password|key|Key|sig|Sig)",
            sign in "=|==|%3D|%3d",
            value in "[0-9a-f/+%;,]{1,60}",
        ) {
            let kept = kept_message(&format!("{before}{name}{sign}_{value}_ more"));
            let told = format!("_{value}_");
            prop_assert!(!kept.contains(&told), "{kept}");
        }

        /// Whatever stands between a reader's quotes does not come through, and no text grows beyond its bound.
        #[test]
        fn no_value_comes_through(value in "[a-z\"\\\\`… ]{0,40}", tail in ".{0,1200}") {
            let text = format!("invalid type: string {value:?}, expected a map. {tail}");
            let kept = kept_message(&text);
            prop_assert!(kept.starts_with("invalid type: string \"…\", expected a map. "), "{kept}");
            prop_assert!(kept.chars().count() <= MOST + 1);
        }
    }
}
