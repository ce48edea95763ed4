//! Tests of columns against the same test of one text at a time, over columns of every layout.

use arrow::array::{Array, AsArray, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use bartizan_kql::bound::StringOp;
use proptest::prelude::*;

use super::{Matcher, TextTest};

const OPS: [StringOp; 7] = [
    StringOp::Equals,
    StringOp::Has,
    StringOp::HasPrefix,
    StringOp::HasSuffix,
    StringOp::Contains,
    StringOp::StartsWith,
    StringOp::EndsWith,
];

/// A column as a builder, a page of a file, or a page's dictionary lays it out.
fn columns(texts: &[Option<String>]) -> Vec<StringViewArray> {
    let built = StringViewArray::from_iter(texts.iter().map(Option::as_deref));
    // One buffer with lengths between the texts.
    let mut page = Vec::new();
    let mut places = Vec::new();
    for text in texts {
        let text = text.as_deref().unwrap_or("");
        page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        places.push((page.len() as u32, text.len() as u32));
        page.extend_from_slice(text.as_bytes());
    }
    // A buffer of texts has to be UTF-8 as a whole only where views point to.
    let mut builder = StringViewBuilder::new();
    let block = builder.append_block(page.into());
    for (text, (offset, length)) in texts.iter().zip(&places) {
        match text {
            Some(_) => builder
                .try_append_view(block, *offset, *length)
                .expect("a place in the block"),
            None => builder.append_null(),
        }
    }
    let page = builder.finish();
    let mixed: UInt32Array = (0..texts.len() as u32)
        .map(|i| i * 7919 % texts.len() as u32)
        .collect();
    let shuffled = take(&page, &mixed, None).expect("rows");
    let sliced = page.slice(texts.len() / 3, texts.len() - texts.len() / 3);
    vec![built, page, shuffled.as_string_view().clone(), sliced]
}

fn check(
    op: StringOp,
    case_sensitive: bool,
    patterns: &[String],
    texts: &[Option<String>],
) -> Result<(), TestCaseError> {
    let test = TextTest::new(op, case_sensitive, patterns.to_vec());
    let plain: Vec<Matcher<'_>> = patterns
        .iter()
        .map(|p| Matcher::new(op, case_sensitive, p))
        .collect();
    for column in columns(texts) {
        let passed = test.column(&column);
        for row in 0..column.len() {
            let text = if column.is_valid(row) {
                column.value(row)
            } else {
                ""
            };
            prop_assert_eq!(
                passed.value(row),
                plain.iter().any(|m| m.is_match(text)),
                "{:?} {} {:?} in {:?}",
                op,
                case_sensitive,
                patterns,
                text
            );
        }
    }
    Ok(())
}

fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
    let text = prop_oneof![
        4 => "[abAB _é.-]{0,9}",
        4 => "[abcABC \\\\é.]{0,40}",
        1 => "(ab |Ba.|é){0,300}",
        1 => Just(String::new()),
    ];
    prop::collection::vec(prop::option::weighted(0.9, text), 1..60)
}

proptest! {
    #[test]
    fn one_pattern(
        op in prop::sample::select(OPS.to_vec()),
        case_sensitive: bool,
        pattern in "[abAB _é.-]{0,4}",
        texts in texts(),
    ) {
        check(op, case_sensitive, &[pattern], &texts)?;
    }

    #[test]
    fn whole_texts_of_a_column_without_nulls(
        case_sensitive: bool,
        patterns in prop::collection::vec("[aAbé]{0,3}|abcdef[gG]h[iI]jkl[mn]", 0..30),
        texts in prop::collection::vec("[aAbé]{0,3}|abcdef[gG]h[iI]jkl[mn]", 1..200),
    ) {
        let texts: Vec<Option<String>> = texts.into_iter().map(Some).collect();
        check(StringOp::Equals, case_sensitive, &patterns, &texts)?;
    }

    #[test]
    fn several_patterns(
        op in prop::sample::select(OPS.to_vec()),
        case_sensitive: bool,
        patterns in prop::collection::vec("[abcABC .é\\\\]{1,7}", 0..9),
        texts in texts(),
    ) {
        check(op, case_sensitive, &patterns, &texts)?;
    }

    #[test]
    fn many_patterns(
        op in prop::sample::select(OPS.to_vec()),
        case_sensitive: bool,
        patterns in prop::collection::vec("[abcABC .]{2,7}", 60..130),
        texts in texts(),
    ) {
        check(op, case_sensitive, &patterns, &texts)?;
    }
}

#[test]
fn a_piece_ends_and_the_next_begins() {
    // Texts longer and shorter than a piece, with what is looked for around every end.
    let filler = "x".repeat(16_384);
    let texts: Vec<Option<String>> = (0..12)
        .map(|i| Some(format!("{}Net User{}", &filler[..16_372 + i], &filler[..i])))
        .chain((0..3_000).map(|i| Some(format!("row {i} net user{}", i % 3))))
        .collect();
    check(StringOp::Has, false, &["net user".to_owned()], &texts).expect("the same");
    check(
        StringOp::Contains,
        false,
        &["net user".to_owned(), "USER1".to_owned()],
        &texts,
    )
    .expect("the same");
}
