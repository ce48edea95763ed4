//! Tests of the lexer.

use super::*;

fn kinds(source: &str) -> Vec<(TokenKind, &str)> {
    let (tokens, diagnostics) = lex(source);
    assert_eq!(diagnostics, [], "{source}");
    assert_eq!(tokens.last().map(|token| token.kind), Some(TokenKind::End));
    tokens[..tokens.len() - 1]
        .iter()
        .map(|token| (token.kind, token.span.text(source)))
        .collect()
}

fn codes(source: &str) -> Vec<&'static str> {
    lex(source)
        .1
        .iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}

#[test]
fn numbers_units_and_names_that_begin_with_digits() {
    use TokenKind::{DotDot, Long, Real, TimeSpan, Word};
    for (text, kind) in [
        ("0", Long),
        ("0xFf", Long),
        ("5.", Real),
        ("5.25", Real),
        ("1e3", Real),
        ("1.5E-7", Real),
        ("1d", TimeSpan),
        ("2.5h", TimeSpan),
        ("10min", TimeSpan),
        ("1tick", TimeSpan),
        ("3milliseconds", TimeSpan),
        ("3day_total", Word),
        ("1e", Word),
        ("_x1", Word),
        ("$left", Word),
        ("größe", Word),
    ] {
        assert_eq!(kinds(text), [(kind, text)]);
    }
    assert_eq!(kinds("1..5"), [(Long, "1"), (DotDot, ".."), (Long, "5")]);
    assert_eq!(
        kinds("1d..5.5"),
        [(TimeSpan, "1d"), (DotDot, ".."), (Real, "5.5")]
    );
    assert_eq!(codes("1.5xyz"), ["KS003"]);
}

#[test]
fn words_with_tilde_and_exclamation_mark() {
    use TokenKind::{BangEqual, BangTilde, BangWord, InTilde, Word};
    assert_eq!(
        kinds("in~ in !in !in~ !has_cs != !~"),
        [
            (InTilde, "in~"),
            (Word, "in"),
            (BangWord, "!in"),
            (BangWord, "!in~"),
            (BangWord, "!has_cs"),
            (BangEqual, "!="),
            (BangTilde, "!~"),
        ]
    );
}

#[test]
fn strings_of_every_form_are_one_token() {
    for text in [
        "'a'",
        "\"it's\"",
        r#""a\"b\\""#,
        r"@'c:\dir\'",
        "@\"say \"\"hi\"\"\"",
        "```line\n'\"\\```",
        "~~~x~~~",
        "h'secret'",
        "H\"x\"",
        "h@'x'",
        "''",
        r"'\x41\u00e9\U0001F600\101'",
    ] {
        assert_eq!(kinds(text), [(TokenKind::String, text)]);
    }
    assert_eq!(
        kinds("host")[0].0,
        TokenKind::Word,
        "an h alone begins no string"
    );
}

#[test]
fn broken_strings_end_with_their_line_and_are_reported() {
    let (tokens, diagnostics) = lex("'abc\nT");
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens[1].span.text("'abc\nT"), "T");
    assert_eq!(diagnostics[0].code, "KS001");
    assert_eq!(codes(r"'a\qb'"), ["KS003"]);
    assert_eq!(codes("```abc"), ["KS001"]);
    assert_eq!(codes("'abc\\"), ["KS003", "KS001"]);
    assert_eq!(codes(r"'\x4'"), ["KS003"]);
}

#[test]
fn typed_literals_are_one_token_and_types_alone_are_words() {
    let text = "datetime(2026-01-01 10:00) int (null) dynamic([1]) datetime typeof(long)";
    let tokens = kinds(text);
    assert_eq!(
        tokens[0],
        (
            TokenKind::Typed(TypedLiteral::DateTime),
            "datetime(2026-01-01 10:00)"
        )
    );
    assert_eq!(
        tokens[1],
        (TokenKind::Typed(TypedLiteral::Int), "int (null)")
    );
    assert_eq!(tokens[2], (TokenKind::Word, "dynamic"));
    assert_eq!(tokens[8], (TokenKind::Word, "datetime"));
    assert_eq!(tokens[11], (TokenKind::Word, "long"));
    assert_eq!(codes("datetime(2026\n)"), ["KS001"]);
}

#[test]
fn comments_directives_and_blank_lines_are_skipped() {
    let text = "// head\n\n#connect x\nT // tail\n| where u == 'http://x' // y";
    let tokens = kinds(text);
    assert_eq!(tokens.len(), 6);
    assert_eq!(tokens[5].1, "'http://x'");
    assert_eq!(
        kinds("\u{feff}a\u{200b} \u{a0}b").len(),
        2,
        "pasted from a web page"
    );
    assert_eq!(codes("T # x"), ["KS002"], "a directive begins its line");
}

#[test]
fn unknown_characters_become_bad_tokens() {
    let (tokens, diagnostics) = lex("a ^ ¶");
    assert_eq!(
        tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Bad)
            .count(),
        2
    );
    assert_eq!(diagnostics.len(), 2);
    assert_eq!(lex(&"^".repeat(10_000)).1.len(), MAX_DIAGNOSTICS);
}

#[test]
fn a_text_that_is_too_long_is_refused_at_once() {
    let (tokens, diagnostics) = lex(&"x ".repeat(MAX_QUERY_BYTES));
    assert_eq!(tokens.len(), 1);
    assert_eq!(diagnostics[0].code, "KS244");
}
