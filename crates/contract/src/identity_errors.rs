//! The authorization server's errors: AADSTS codes with the OAuth error and status they come as.

pub use crate::generated::identity_errors::ERRORS;

/// An AADSTS code.
#[derive(Debug, PartialEq, Eq)]
pub struct IdentityError {
    /// The number after `AADSTS`.
    pub code: u32,
    /// The documented symbolic name, where there is one.
    pub name: Option<&'static str>,
    /// The OAuth `error`.
    pub error: &'static str,
    /// HTTP status; 302 means that the error travels by redirect.
    pub http: u16,
    /// `suberror` of the answer.
    pub suberror: Option<&'static str>,
    /// The message after `AADSTS<code>: `, with `{name}` placeholders.
    pub message: &'static str,
    /// Where it can occur (`token`, `authorize`, …).
    pub endpoints: &'static [&'static str],
    /// When it occurs.
    pub when: &'static str,
    /// Other forms that the same code takes.
    pub variants: &'static [Variant],
}

/// Another form of an [`IdentityError`]; what is `None` stays as in the main form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// The OAuth `error`.
    pub error: Option<&'static str>,
    /// HTTP status.
    pub http: Option<u16>,
    /// `suberror` of the answer.
    pub suberror: Option<&'static str>,
    /// Endpoints where this form occurs; empty means that the note says when.
    pub endpoints: &'static [&'static str],
    /// When.
    pub note: Option<&'static str>,
}

impl IdentityError {
    /// The message with its placeholders filled. `{{` and `}}` stand for braces; a placeholder
    /// without a value stays as it is. Line breaks, quotes, backslashes and control characters in
    /// values are replaced by spaces, because clients read the description as a borrowed string
    /// that JSON must not escape.
    #[must_use]
    pub fn text(&self, values: &[(&str, &str)]) -> String {
        let mut out = String::with_capacity(self.message.len() + 64);
        let mut rest = self.message;
        while let Some(start) = rest.find(['{', '}']) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                out.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let end = rest.find('}').map_or(rest.len(), |e| e + 1);
            let name = rest[..end].trim_matches(['{', '}']);
            match values.iter().find(|(n, _)| *n == name) {
                Some((_, value)) => out.extend(value.chars().map(plain)),
                None => out.push_str(&rest[..end]),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }
}

fn plain(c: char) -> char {
    if c.is_control() || matches!(c, '"' | '\\') {
        ' '
    } else {
        c
    }
}

/// The row of a code.
#[must_use]
pub fn identity_error(code: u32) -> Option<&'static IdentityError> {
    ERRORS
        .binary_search_by_key(&code, |e| e.code)
        .ok()
        .map(|i| &ERRORS[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fill_their_placeholders() {
        let e = identity_error(700_016).unwrap();
        assert_eq!((e.error, e.http), ("unauthorized_client", 400));
        let text = e.text(&[("client_id", "abc"), ("tenant", "line\r\n\"quoted\"")]);
        assert!(
            text.contains("'abc'") && text.contains("line   quoted "),
            "{text}"
        );
        let scope = identity_error(1_002_012).unwrap().text(&[("scope", "x")]);
        assert!(
            scope.contains("{resource}/.default") && scope.contains("'x'"),
            "{scope}"
        );
    }

    #[test]
    fn codes_are_sorted_and_messages_need_no_escape() {
        assert!(ERRORS.len() >= 115);
        assert!(ERRORS.windows(2).all(|w| w[0].code < w[1].code));
        for e in ERRORS {
            assert!(e.message.chars().all(|c| plain(c) == c), "{}", e.code);
        }
    }
}
