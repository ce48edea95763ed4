//! Sketches leave out no row that passes, and are recognised when they are of another file.

use std::collections::BTreeSet;

use arrow::array::{
    BooleanArray, Float64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
};
use bartizan_kql::bound::{SetOp, StringOp};
use bartizan_kql::types::Type;
use bytes::Bytes;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};
use proptest::prelude::*;

use super::sketch::BLOCK_ROWS;
use super::stored::Directory;
use super::*;
use crate::functions;
use crate::functions::text_match::Matcher;

/// Texts of few words, so that patterns are often found: cases, letters that are no ASCII, separators, nothing.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "net",
        "User",
        "NET",
        "é",
        "É",
        "ſ",
        "K",
        "k",
        "Straße",
        "日本",
        "a",
        "0x1F",
        " ",
        "-",
        "\\",
        ".",
        "_",
        "/",
        "\u{a0}",
        "abcdefghijk",
    ]);
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn op() -> impl Strategy<Value = StringOp> {
    use StringOp::*;
    prop::sample::select(vec![
        Has, HasPrefix, HasSuffix, Contains, StartsWith, EndsWith, Equals,
    ])
}

/// One row group, a block for each of these lists of texts; none of them fills its block.
fn sketched(blocks: &[Vec<Option<String>>]) -> FileTerms {
    let mut builder = GroupTermsBuilder::new();
    for block in blocks {
        let padding = std::iter::repeat_n(None, BLOCK_ROWS - block.len());
        let texts: StringViewArray = block.iter().map(Option::as_deref).chain(padding).collect();
        builder.push(&texts);
    }
    of_one_group(builder.end_group())
}

fn of_one_group(group: GroupTerms) -> FileTerms {
    let column = ColumnTerms {
        groups: vec![group],
    };
    FileTerms {
        columns: BTreeMap::from([("t".to_owned(), Arc::new(column))]),
    }
}

fn column_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

/// Which blocks a filter leaves.
fn kept(terms: &FileTerms, blocks: usize, filter: Expr) -> Vec<bool> {
    let Some(filter) = TermFilter::of(&[filter], true, &column_of) else {
        return vec![true; blocks];
    };
    let left = filter.left(terms, 0, blocks * BLOCK_ROWS);
    let rows = left.settled.iter().chain(&left.open);
    let holds = |block: usize| rows.clone().any(|r| r.contains(&(block * BLOCK_ROWS)));
    (0..blocks).map(holds).collect()
}

fn literal(text: &str) -> Expr {
    Expr::Literal(ScalarValue::Utf8View(Some(text.to_owned())), None)
}

proptest! {
    #[test]
    fn no_row_that_passes_is_left_out(
        blocks in prop::collection::vec(prop::collection::vec(prop::option::of(text()), 0..5), 1..4),
        patterns in prop::collection::vec(text(), 1..4),
        op in op(),
        exact in any::<bool>(),
    ) {
        let terms = sketched(&blocks);
        let passes = |op, pattern: &String, text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            Matcher::new(op, exact, pattern).is_match(text)
        };
        let has = |pattern: &String, text: &Option<String>| passes(StringOp::Has, pattern, text);
        let check = |filter: Expr, passes: &dyn Fn(&Option<String>) -> bool| {
            let kept = kept(&terms, blocks.len(), filter.clone());
            for (block, kept) in blocks.iter().zip(kept) {
                // A text that is missing is read as the empty one.
                let wanted = block.iter().chain([&None]).any(passes);
                prop_assert!(kept || !wanted, "{filter} {patterns:?} {block:?}");
            }
            Ok(())
        };
        let column = || col("t");
        let values = || patterns.iter().map(|p| ScalarValue::Utf8View(Some(p.clone()))).collect();
        check(functions::string_test(op, exact, column(), literal(&patterns[0])), &|t| passes(op, &patterns[0], t))?;
        check(functions::test_any(op, exact, column(), patterns.clone()), &|t| patterns.iter().any(|p| passes(op, p, t)))?;
        check(functions::set_test(SetOp::HasAll, exact, (column(), Type::String), values()), &|t| patterns.iter().all(|p| has(p, t)))?;
        check(functions::set_test(SetOp::HasAny, exact, (column(), Type::String), values()), &|t| patterns.iter().any(|p| has(p, t)))?;
        let list = patterns.iter().map(|p| literal(p)).collect();
        check(column().in_list(list, false), &|t| t.as_ref().is_some_and(|t| patterns.contains(t)))?;
        check(column().eq(literal(&patterns[0])).or(column().eq(literal("net"))), &|t| {
            t.as_ref().is_some_and(|t| *t == patterns[0] || t == "net")
        })?;
    }
}

/// What is asked of a row: of the column with sketches, `t`, and of one without, `u`.
#[derive(Debug, Clone)]
enum Asked {
    Test(&'static str, StringOp, bool, String),
    Regex(&'static str),
    Both(Box<(Self, Self)>),
    Either(Box<(Self, Self)>),
    Not(Box<Self>),
    True(Box<Self>),
}

type TwoTexts = (Option<String>, String);

impl Asked {
    fn filter(&self) -> Expr {
        let regex = StringOp::MatchesRegex;
        match self {
            Self::Test(column, op, exact, pattern) => {
                functions::string_test(*op, *exact, col(*column), literal(pattern))
            }
            Self::Regex(pattern) => functions::string_test(regex, true, col("t"), literal(pattern)),
            Self::Both(sides) => sides.0.filter().and(sides.1.filter()),
            Self::Either(sides) => sides.0.filter().or(sides.1.filter()),
            Self::Not(of) => !of.filter(),
            Self::True(of) => of.filter().is_true(),
        }
    }

    fn passes(&self, row: &TwoTexts) -> bool {
        let t = row.0.as_deref().unwrap_or_default();
        match self {
            Self::Test(column, op, exact, pattern) => {
                let text = if *column == "t" { t } else { &row.1 };
                Matcher::new(*op, *exact, pattern).is_match(text)
            }
            Self::Regex(pattern) => regex::Regex::new(pattern).unwrap().is_match(t),
            Self::Both(sides) => sides.0.passes(row) && sides.1.passes(row),
            Self::Either(sides) => sides.0.passes(row) || sides.1.passes(row),
            Self::Not(of) => !of.passes(row),
            Self::True(of) => of.passes(row),
        }
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let column = prop::sample::select(vec!["t", "t", "t", "u"]);
    let regex = prop::sample::select(vec![
        r"(?i)net\s*user",
        "User|NET",
        r"\\日本\.",
        "(?i) straße ",
        r"(?i)/é\W",
        "(?i)-k-",
        " net[^a]0x1F-",
        "(-net-)+| User ",
        r"^(a )?\.net\\",
    ]);
    let leaf = prop_oneof![
        3 => (column, op(), any::<bool>(), text()).prop_map(|(c, op, exact, p)| Asked::Test(c, op, exact, p)),
        1 => regex.prop_map(Asked::Regex),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = (inner.clone(), inner.clone()).prop_map(Box::new);
        let one = inner.prop_map(Box::new);
        prop_oneof![
            two.clone().prop_map(Asked::Both),
            two.prop_map(Asked::Either),
            one.clone().prop_map(Asked::Not),
            one.prop_map(Asked::True),
        ]
    })
}

proptest! {
    #[test]
    fn no_row_that_passes_a_combination_is_left_out(
        blocks in prop::collection::vec(
            prop::collection::vec((prop::option::of(text()), text()), 0..5),
            1..4,
        ),
        asked in asked(),
    ) {
        let texts: Vec<Vec<_>> = blocks
            .iter()
            .map(|rows| rows.iter().map(|(t, _)| t.clone()).collect())
            .collect();
        let kept = kept(&sketched(&texts), blocks.len(), asked.filter());
        let padding = (None, String::new());
        for (block, kept) in blocks.iter().zip(kept) {
            let wanted = block.iter().chain([&padding]).any(|row| asked.passes(row));
            prop_assert!(kept || !wanted, "{asked:?} {block:?}");
        }
    }
}

/// Texts of rows of a row group in which some words have postings, some are in few rows and some in most.
fn spread() -> impl Strategy<Value = Vec<Option<String>>> {
    const ROWS: usize = 2_500;
    let word = prop::sample::select(vec!["net", "USER", "Net", "add", "é", "x1", "a-b"]);
    let row = (0..ROWS, prop::collection::vec(word, 1..3));
    prop::collection::vec(row, 0..60).prop_map(|rows| {
        let mut texts = vec![None; ROWS];
        for (row, words) in rows {
            texts[row] = Some(words.join(" "));
        }
        // A word of so many rows that they are not kept.
        (0..ROWS).filter(|row| row % 50 == 7).for_each(|row| {
            texts[row].get_or_insert_default().push_str(" common");
        });
        texts
    })
}

/// A question about words, and whether it asks for whole terms alone.
fn question() -> impl Strategy<Value = (Asked, bool)> {
    let word = prop::sample::select(vec![
        "net", "USER", "add", "É", "é", "x1", "common", "none", "a-b", "ad", "b",
    ]);
    let leaf = (word, op(), any::<bool>()).prop_map(|(word, op, exact)| {
        let is_term = word != "a-b" && op == StringOp::Has && !exact;
        (Asked::Test("t", op, exact, word.to_owned()), is_term)
    });
    let has = prop::sample::select(vec!["net", "user", "ADD", "x1", "common", "none"]);
    let has = has.prop_map(|w| (Asked::Test("t", StringOp::Has, false, w.to_owned()), true));
    prop_oneof![3 => has, 1 => leaf].prop_recursive(2, 6, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        let two = pair.prop_map(|(a, b)| (Box::new((a.0, b.0)), a.1 && b.1));
        prop_oneof![
            two.clone()
                .prop_map(|(two, whole)| (Asked::Both(two), whole)),
            two.prop_map(|(two, whole)| (Asked::Either(two), whole)),
            inner
                .clone()
                .prop_map(|(of, whole)| (Asked::True(Box::new(of)), whole)),
            inner.prop_map(|(of, _)| (Asked::Not(Box::new(of)), false)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_settled_is_just_the_rows_that_pass(texts in spread(), question in question()) {
        let mut builder = GroupTermsBuilder::new();
        builder.push(&texts.iter().map(Option::as_deref).collect());
        let terms = of_one_group(builder.end_group());
        let (asked, whole) = question;
        let filter = asked.filter();
        prop_assert_eq!(settles(&filter, &column_of), whole, "{}", filter);
        let passing: Vec<usize> = (0..texts.len())
            .filter(|row| asked.passes(&(texts[*row].clone(), String::new())))
            .collect();
        let filters = [filter];
        if let Some(filter) = TermFilter::of(&filters, true, &column_of) {
            let left = filter.left(&terms, 0, texts.len());
            let settled: BTreeSet<usize> = left.settled.iter().cloned().flatten().collect();
            let open: BTreeSet<usize> = left.open.iter().cloned().flatten().collect();
            prop_assert!(settled.is_disjoint(&open));
            prop_assert!(settled.iter().all(|row| passing.contains(row)));
            prop_assert!(passing.iter().all(|row| settled.contains(row) || open.contains(row)));
            prop_assert!(whole || settled.is_empty());
            let unsettled = TermFilter::of(&filters, false, &column_of).unwrap();
            let unsettled = unsettled.left(&terms, 0, texts.len());
            let every: Vec<usize> = settled.union(&open).copied().collect();
            prop_assert!(unsettled.settled.is_empty());
            prop_assert_eq!(unsettled.open.into_iter().flatten().collect::<Vec<_>>(), every);
        }
    }
}

#[test]
fn rows_are_settled_where_all_terms_are_followed() {
    let texts = (0..2_048).map(|row| match row {
        _ if row % 300 == 3 => "Net user",
        _ if row % 400 == 50 => "add one",
        8 => "rare one",
        _ => "ordinary one",
    });
    let mut builder = GroupTermsBuilder::new();
    builder.push(&StringViewArray::from_iter_values(texts));
    let terms = of_one_group(builder.end_group());
    let left = |filters: &[Expr]| {
        let filter = TermFilter::of(filters, true, &column_of).unwrap();
        let left = filter.left(&terms, 0, 2_048);
        let count = |rows: &Rows| rows.iter().map(ExactSizeIterator::len).sum::<usize>();
        [count(&left.settled), count(&left.open)]
    };
    let has = |term| functions::string_test(StringOp::Has, false, col("t"), literal(term));
    let has_cs = |term| functions::string_test(StringOp::Has, true, col("t"), literal(term));
    assert_eq!(left(&[has("NET")]), [7, 0]);
    assert_eq!(left(&[has("net").or(has("Add"))]), [12, 0]);
    assert_eq!(left(&[has("net"), has("add")]), [0, 0]);
    assert_eq!(left(&[has("net"), has("user")]), [7, 0]);
    // What else is asked is tested on the rows that are left.
    assert_eq!(left(&[has("net"), has_cs("Net")]), [7, 0]);
    assert_eq!(left(&[has_cs("Net")]), [0, 7]);
    assert_eq!(left(&[has("net").and(has_cs("Net"))]), [0, 7]);
    // In too few rows, in too many, in none.
    assert_eq!(left(&[has("rare")]), [0, 2_048]);
    assert_eq!(left(&[has("ordinary")]), [0, 2_048]);
    assert_eq!(left(&[has("net"), has("rare")]), [0, 7]);
    assert_eq!(left(&[has("nowhere")]), [0, 0]);
    // Who has one of them is settled where that one's rows are known.
    assert_eq!(left(&[has("net").or(has("rare"))]), [7, 2_041]);
    let any = |terms: &[&str]| {
        let terms = terms.iter().map(|term| (*term).to_owned()).collect();
        functions::test_any(StringOp::Has, false, col("t"), terms)
    };
    assert_eq!(left(&[any(&["net", "add", "nowhere"])]), [12, 0]);
    assert!(!settles(&any(&[]), &column_of));
    assert!(!settles(&any(&["net", "a b"]), &column_of));
    assert!(!settles(&has("net"), &|_| None));
    let many: Vec<String> = (0..257).map(|n| format!("t{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(settles(&any(&many[..256]), &column_of));
    assert!(!settles(&any(&many), &column_of));
}

#[test]
fn rows_of_texts_that_are_one_term_each_are_not_kept() {
    let known = |text: &dyn Fn(usize) -> String| {
        let mut builder = GroupTermsBuilder::new();
        let texts: StringViewArray = (0..8_192).map(|row| Some(text(row))).collect();
        builder.push(&texts);
        let first = builder.end_group().postings.rows(b"7", 8_192);
        builder.push(&texts);
        [first, builder.end_group().postings.rows(b"7", 8_192)].map(|rows| rows.is_some())
    };
    assert_eq!(known(&|row| format!("{}", row % 500)), [false; 2]);
    assert_eq!(known(&|row| format!("a {}", row % 500)), [true; 2]);
    // What the first texts are decides.
    let later = |row| format!("{}{}", if row < 1_023 { "" } else { "a b c " }, row % 500);
    assert_eq!(known(&later), [false; 2]);
    // Texts without a term say nothing.
    let few = |row| match row {
        0..4_096 => String::new(),
        _ => format!("a {}", row % 500),
    };
    assert_eq!(known(&few), [true; 2]);
}

#[test]
fn what_is_not_there_is_left_out() {
    let some = |text: &str| vec![Some(text.to_owned())];
    let terms = sketched(&[some("net user bob /add"), some("a comsvcs.dll b"), vec![]]);
    let has = |op, pattern| {
        kept(
            &terms,
            3,
            functions::string_test(op, false, col("t"), literal(pattern)),
        )
    };
    assert_eq!(has(StringOp::Has, "COMSVCS"), [false, true, false]);
    assert_eq!(has(StringOp::Has, "net bob"), [true, false, false]);
    assert_eq!(has(StringOp::Contains, "\\comsvcs.d"), [false, true, false]);
    assert_eq!(has(StringOp::Contains, "comsvcs"), [true; 3]);
    assert_eq!(has(StringOp::MatchesRegex, r"user\s+\w+ /add$"), [true; 3]);
    assert_eq!(
        has(StringOp::MatchesRegex, r"\\comsvcs\.dll"),
        [false, true, false]
    );
    let or = |other: &str| {
        let user = functions::string_test(StringOp::Has, false, col("t"), literal("user"));
        user.or(functions::string_test(
            StringOp::Has,
            false,
            col(other),
            literal("dll"),
        ))
    };
    assert_eq!(kept(&terms, 3, or("t")), [true, true, false]);
    assert_eq!(kept(&terms, 3, or("u")), [true; 3]);
    let both = functions::string_test(StringOp::Has, false, col("t"), literal("user"))
        .and(col("t").not_eq(literal("x")));
    assert_eq!(kept(&terms, 3, both.clone()), [true, false, false]);
    assert_eq!(kept(&terms, 3, !both), [true; 3]);
}

/// A file with a column, in row groups of 5,000 rows, and its sketches.
fn file(texts: &[String]) -> (Vec<u8>, ParquetMetaData, FileTerms) {
    let texts: StringViewArray = texts.iter().map(|t| Some(t.as_str())).collect();
    let batch = RecordBatch::try_from_iter([("t", Arc::new(texts) as ArrayRef)]).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_max_row_group_row_count(Some(5_000))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    let mut terms = TermsWriter::new(["t".to_owned(), "none".to_owned()], 5_000);
    for from in (0..batch.num_rows()).step_by(1_999) {
        let some = batch.slice(from, 1_999.min(batch.num_rows() - from));
        writer.write(&some).unwrap();
        terms.write(&some).unwrap();
    }
    let metadata = writer.finish().unwrap();
    (writer.inner().clone(), metadata, terms.finish())
}

/// What bytes say of the column of a file.
fn decode(bytes: &[u8], print: u64, metadata: &ParquetMetaData) -> Option<ColumnTerms> {
    let directory = Directory::decode(bytes, print, bytes.len() as u64)?;
    let section = directory.section("t")?;
    let at = section.bytes.start as usize..section.bytes.end as usize;
    section.decode(&Bytes::copy_from_slice(&bytes[at]), metadata)
}

#[test]
fn terms_read_back_and_foreign_ones_are_none() {
    let text = |n: usize| format!("a text with number {n} {}", n % 500);
    let texts: Vec<String> = (0..12_000).map(text).collect();
    let (bytes, metadata, terms) = file(&texts);
    assert_eq!(terms.columns.keys().collect::<Vec<_>>(), ["t"]);
    let print = fingerprint(bytes.len() as u64, &metadata);
    let encoded = encode(&terms, print);
    let read = decode(&encoded, print, &metadata).unwrap();
    assert_eq!(read, *terms.columns["t"]);
    assert!(read.size() < texts.len() * 8, "{}", read.size());
    let known = read.groups.iter().map(|g| g.postings.rows(b"499", 5_000));
    let counts: Vec<_> = known.map(|rows| rows.map(|rows| rows.len())).collect();
    assert_eq!(counts, [Some(10), Some(10), Some(4)]);
    let other = fingerprint(bytes.len() as u64 + 1, &metadata);
    assert_eq!(decode(&encoded, other, &metadata), None);
    let (_, shorter, _) = file(&texts[1..]);
    assert_ne!(fingerprint(bytes.len() as u64, &shorter), print);
    assert_eq!(decode(&encoded, print, &file(&texts[..5_000]).1), None);
    for at in (0..encoded.len()).step_by(997).chain(0..80) {
        let mut wrong = encoded.clone();
        wrong[at] ^= 1;
        assert_eq!(decode(&wrong, print, &metadata), None, "byte {at}");
    }
    for length in [encoded.len() - 1, 60, 20, 12, 8, 3, 0] {
        assert_eq!(decode(&encoded[..length], print, &metadata), None);
    }
}

/// A section whose checksum is right and whose lengths are not, as of a broken program.
#[test]
fn lengths_that_do_not_fit_are_none() {
    let texts: Vec<String> = (0..5_000)
        .map(|n| format!("a text with number {}", n % 500))
        .collect();
    let (bytes, metadata, terms) = file(&texts);
    let print = fingerprint(bytes.len() as u64, &metadata);
    let column = &terms.columns["t"].groups[0];
    let with = |change: fn(&mut GroupTerms)| {
        let mut group = column.clone();
        change(&mut group);
        decode(&encode(&of_one_group(group), print), print, &metadata)
    };
    assert!(with(|_| ()).is_some());
    assert_eq!(with(|g| g.sketch.rows -= 1), None);
    assert_eq!(with(|g| g.sketch.starts.push(0)), None);
    assert_eq!(with(|g| g.postings.row_ends.reverse()), None);
    assert_eq!(with(|g| g.postings.texts = Bytes::new()), None);
    assert_eq!(
        with(|g| g.postings.rows = Bytes::from_static(b"more")),
        None
    );
}

/// The length of a file with this number and this text by a writer, and its fingerprint, which is that of the file when it is
/// read.
fn printed(id: &str, writer: &str, text: &str) -> (usize, u64) {
    let long = format!("{}{text}", "a long text ".repeat(20));
    let texts: ArrayRef = Arc::new(StringViewArray::from(vec![Some(text), None]));
    let longs: ArrayRef = Arc::new(StringViewArray::from_iter_values([&long, &long]));
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, -0.0]));
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false]));
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![Some(5), None]));
    let none: ArrayRef = Arc::new(StringViewArray::new_null(2));
    let columns = [
        ("t", texts),
        ("l", longs),
        ("n", numbers),
        ("f", flags),
        ("s", times),
        ("o", none),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    );
    let batch = batch.unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_created_by(writer.to_owned())
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    let id = KeyValue::new("id".to_owned(), id.to_owned());
    writer.append_key_value_metadata(id);
    writer.write(&batch).unwrap();
    let metadata = writer.finish().unwrap();
    let bytes = Bytes::from(writer.inner().clone());
    let read = ParquetMetaDataReader::new()
        .parse_and_finish(&bytes)
        .unwrap();
    let print = fingerprint(bytes.len() as u64, &metadata);
    assert_eq!(fingerprint(bytes.len() as u64, &read), print);
    (bytes.len(), print)
}

#[test]
fn files_of_the_same_sizes_are_told_apart_by_what_they_say() {
    let one = printed("1", "a writer", "a text");
    for other in [
        printed("2", "a writer", "a text"),
        printed("1", "b writer", "a text"),
        printed("1", "a writer", "b text"),
    ] {
        assert_eq!(one.0, other.0);
        assert_ne!(one.1, other.1);
    }
}

#[test]
fn columns_of_short_texts_have_none() {
    let short: Vec<String> = (0..9_000).map(|n| format!("{n}")).collect();
    assert!(!file(&short).2.columns.contains_key("t"));
}
