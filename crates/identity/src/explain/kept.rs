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
/// What stands for what is left out.
const LEFT_OUT: char = '…';

/// A text of a refusal as it may be kept.
#[must_use]
pub fn kept_message(text: &str) -> String {
    // Bounded first: a text of megabytes costs no more than one that is kept.
    let head: String = text.chars().take(MOST).collect();
    let told = without_secrets(&without_values(&head));
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

/// Leaves out words that look like secrets or tokens.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.~-+=".contains(c) {
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

    proptest! {
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
