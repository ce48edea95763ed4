//! What may be kept of a refusal's text. The text went to the caller, who knows what he sent; what is kept is read by
//! others. So values out of bodies are left out, and whatever looks like a secret or a token; and it has a length.

/// The most characters that are kept.
const MOST: usize = 1_000;
/// From this many characters on, a word of mixed letters and digits is taken for a secret: client secrets have 40, names
/// and ids of objects are shorter, of one letter case, or without digits.
const SECRET: usize = 40;
/// From this many on where letters and digits change as in what was drawn by chance.
const DENSE: usize = 24;
/// Longer names end a secret with slashes in it; shorter ones may be pieces of it.
const NAME: usize = 10;
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
    let (head, rest) = text.split_at(end.unwrap_or(text.len()));
    let head = before_cut(head, rest);
    let told = without_secrets(&without_named(&without_values(head)));
    let mut kept: String = told.chars().take(MOST).collect();
    if head.len() < text.len() || kept.len() < told.len() {
        kept.push(LEFT_OUT);
    }
    kept
}

/// A text without the word that is cut behind it: nobody can say what it was. Nor what those before it were, if they may be
/// pieces of the same.
fn before_cut<'t>(head: &'t str, rest: &str) -> &'t str {
    if !rest.starts_with(is_of_path) {
        return head;
    }
    let mut head = match rest.starts_with(is_of_word) {
        true => head.trim_end_matches(is_of_word),
        false => head,
    };
    loop {
        let part = head.trim_end_matches('/');
        let before = part.trim_end_matches(is_of_word);
        if reads_as_name(&part[before.len()..]) {
            return head;
        }
        head = before;
    }
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

/// Whether a character is one of those, or stands between the parts of a path.
fn is_of_path(c: char) -> bool {
    c == '/' || is_of_word(c)
}

/// Leaves out what looks like secrets or tokens.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_path) {
        let (before, path) = rest.split_at(start);
        let end = path.find(|c: char| !is_of_path(c)).unwrap_or(path.len());
        let (path, after) = path.split_at(end);
        out.push_str(before);
        push_path(&mut out, path);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn push_path(out: &mut String, path: &str) {
    let parts: Vec<&str> = path.split('/').collect();
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        if at > 0 {
            out.push('/');
        }
        match secret_at(&parts[at..]) {
            0 => {
                out.push_str(part);
                at += 1;
            }
            secret => {
                out.push(LEFT_OUT);
                at += secret;
            }
        }
    }
}

/// How many parts from the first on are one secret, as base64 has it with slashes in it; 0 when the first begins none.
fn secret_at(parts: &[&str]) -> usize {
    let first = parts.first().copied().unwrap_or_default();
    let alone = usize::from(is_secret(first));
    if reads_as_name(first) {
        return alone;
    }
    let piece = |part: &&&str| part.len() < NAME || !reads_as_name(part);
    let mut pieces = parts.iter().take_while(piece).count();
    while pieces > 1 && reads_as_name(parts[pieces - 1]) {
        pieces -= 1;
    }
    let whole = parts[..pieces].join("/");
    // Several names in a row have fewer changes, the more so the longer they are.
    let rate = if whole.len() >= SECRET { 5 } else { 4 };
    let dense = whole.len() >= DENSE && changes(&whole) * rate >= whole.len();
    match pieces > 1 && dense && is_mixed(&whole) {
        true => pieces,
        false => alone,
    }
}

/// Whether a word looks like a secret.
fn is_secret(word: &str) -> bool {
    let dense = word.len() >= DENSE && changes(word) * 3 >= word.len();
    is_mixed(word) && (dense || word.len() >= SECRET) || word.contains("8Q~")
}

/// Whether it has letters of both cases and digits.
fn is_mixed(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

/// Whether a part of a path may be a name, a number or an id: of one letter case, or with few changes.
fn reads_as_name(part: &str) -> bool {
    let has = |test: fn(&u8) -> bool| part.as_bytes().iter().any(test);
    let one_case = !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
    let base64 = part.contains('+') || part.ends_with('=');
    !base64 && (one_case || changes(part) <= (part.len() / 7).max(1))
}

/// How often a letter of another case, or a digit, follows; but for small letters after a large one, as names have them. In
/// what was drawn by chance it is every second time.
fn changes(text: &str) -> usize {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    };
    let pairs = text.as_bytes().windows(2);
    let changed = pairs.filter(|pair| match (class(pair[0]), class(pair[1])) {
        (Some(1), Some(0)) | (None, _) | (_, None) => false,
        (before, after) => before != after,
    });
    changed.count()
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
            // Without a name: with slashes in them, and shorter ones.
            (
                "/api/files/q2Vh/mPzQ9wZsY7aKdLr0FvT3nGx+1bCuEoHj5iNk8= is none",
                "/api/files/… is none",
            ),
            ("/v1.0/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "/v1.0/…"),
            (
                "/api/J/pyYnx5QB+JHHSUTd7322GsBZUPrdy3jpgPfkti/Sg=",
                "/api/J/…",
            ),
            (
                "Key ghtrPOWGUy2O1n6Z2iBt4/UDW9/+QTOIBCvzpzs//TJHekBfOGz34g== is none",
                "Key … is none",
            ),
            ("of r5Tq9ZkW2mXv8LpB4cYh7Nd3 is none", "of … is none"),
            // In a URL, where a slash is encoded.
            ("q2Vh%2FmPzQ9wZsY7aKdLr0FvT3nGx%2B1bCuEoHj5iNk8%3D", "…"),
            // Ids, names and paths stay.
            (
                "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/MicrosoftDefenderForEndpoint/Package/2.0.1.zip",
                "https://github.com/Azure/Azure-Sentinel/blob/master/Solutions/MicrosoftDefenderForEndpoint/Package/2.0.1.zip",
            ),
            (
                "/subscriptions/11111111-2222-3333-4444-5555AAAAbbbb/resourceGroups/RG1/providers/Microsoft.OperationalInsights/workspaces/WS2",
                "/subscriptions/11111111-2222-3333-4444-5555AAAAbbbb/resourceGroups/RG1/providers/Microsoft.OperationalInsights/workspaces/WS2",
            ),
            (
                "/bartizan/v1/deviceGroups/1e5bc9d7e413ddd7902c2932e418702b84d0cc07/x2/getRelatedUserInfo/ByMachineV2",
                "/bartizan/v1/deviceGroups/1e5bc9d7e413ddd7902c2932e418702b84d0cc07/x2/getRelatedUserInfo/ByMachineV2",
            ),
            (
                "C:/Windows/Cache2/AppData/Local/Temp/7zO4A2B.tmp",
                "C:/Windows/Cache2/AppData/Local/Temp/7zO4A2B.tmp",
            ),
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

    #[test]
    fn pieces_of_what_is_cut_are_left_out_and_names_before_it_stay() {
        let secret = "q2Vh9/mPzQ9wZsY7aKd/Lr0FvT3nGx1bCuEoHj5iNk8";
        for cut in 1..secret.len() {
            let before = " ".repeat(MOST - cut - "/api/files/".len());
            let kept = kept_message(&format!("{before}/api/files/{secret}"));
            assert_eq!(kept.trim_start(), "/api/files/…", "{cut}");
        }
        let names = "/api/files".repeat(MOST / 10);
        assert_eq!(kept_message(&format!("{names}/more")), format!("{names}…"));
    }

    /// Whatever the operations' paths are, they are told as they are.
    #[test]
    fn paths_of_operations_stay() {
        for operation in bartizan_contract::operations::all() {
            let path = operation.path.replace(['{', '}'], "");
            assert_eq!(without_secrets(&path), path);
        }
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
