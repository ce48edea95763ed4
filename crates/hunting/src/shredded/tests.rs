//! What is written for a path is what a walk finds.

use arrow::array::{AsArray as _, RecordBatch, StringViewArray, new_null_array};
use bartizan_contract::hunting::{Table, table};
use proptest::prelude::*;

use super::*;
use crate::events::schema::file_schema;

fn cloud() -> &'static Table {
    table("CloudAppEvents").unwrap()
}

/// Rows that have these texts in a dynamic column and in one of texts.
fn rows(texts: &[Option<String>]) -> RecordBatch {
    let schema = file_schema(cloud());
    let columns = schema.fields().iter().map(|field| {
        let array: StringViewArray = match (field.name().as_str(), field.is_nullable()) {
            ("RawEventData", _) => texts.iter().map(Option::as_deref).collect(),
            ("ObjectName", _) => texts.iter().map(|t| t.as_deref().or(Some(""))).collect(),
            (_, false) => vec![Some(""); texts.len()].into_iter().collect(),
            _ => return new_null_array(field.data_type(), texts.len()),
        };
        Arc::new(array) as _
    });
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["\\u0061", "q\\\"q", "", "d e"]).prop_map(str::to_owned),
    ]
}

/// JSON, mostly, with keys that come again.
fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        (-9..9_i32).prop_map(|n| format!("{n}.50")),
        Just(r#""te\"xt""#.to_owned()),
        Just("{".to_owned()),
        Just(String::new()),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        let member = (key(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\" : {value}"));
        prop_oneof![
            4 => proptest::collection::vec(member, 0..4).prop_map(|m| format!("{{{}}}", m.join(", "))),
            1 => proptest::collection::vec(inner, 0..3).prop_map(|m| format!("[{}]", m.join(","))),
        ]
    });
    (
        value,
        proptest::sample::select(vec!["", "", "", " ", "}", "x"]),
    )
        .prop_map(|(value, end)| format!("{value}{end}"))
}

/// What [`crate::functions`] walk to.
fn walked<'t>(path: &KeyPath, text: &'t str) -> Option<&'t str> {
    let keys: Vec<&str> = path.keys.iter().map(String::as_str).collect();
    let value = if path.column == "ObjectName" {
        json::PathFinder::new(keys).find(json::trim(text))?
    } else {
        keys.iter()
            .try_fold(text, |value, key| json::member(value, key))?
    };
    (json::kind(value)? != json::Kind::Null).then_some(value)
}

proptest! {
    #[test]
    fn what_is_written_for_a_path_is_what_a_walk_finds(
        texts in proptest::collection::vec(proptest::option::weighted(0.9, json_text()), 1..40)
    ) {
        let rows = rows(&texts);
        let paths = choose(cloud(), std::slice::from_ref(&rows));
        let writer = ShreddedWriter::new(cloud(), &rows.schema(), &paths);
        let written = writer.add(&rows).unwrap();
        prop_assert_eq!(&written.columns()[..rows.num_columns()], rows.columns());
        prop_assert_eq!(written.num_columns(), rows.num_columns() + paths.len());
        for path in &paths {
            prop_assert!(path.keys.len() <= MOST_KEYS);
            let column = written.column_by_name(&path.stored()).unwrap().as_string_view();
            for (text, found) in texts.iter().zip(column) {
                let expected = text.as_deref().and_then(|text| walked(path, text));
                prop_assert_eq!(found, expected, "{:?} in {:?}", path, text);
            }
        }
    }
}

/// Paths of a column of 100 rows that are made by number.
fn chosen(row: impl Fn(usize) -> String) -> Vec<String> {
    let texts: Vec<_> = (0..100).map(|n| Some(row(n))).collect();
    let rows = rows(&texts);
    let paths = choose(cloud(), &[rows.slice(0, 40), rows.slice(40, 60)]);
    let mut names: Vec<String> = paths.iter().map(KeyPath::stored).collect();
    // What is said of a column of texts is said of a dynamic one.
    names.retain(|name| !name.starts_with("ObjectName"));
    assert_eq!(names.len() * 2, paths.len(), "{paths:?}");
    names
}

#[test]
fn paths_are_kept_that_many_rows_have_and_whose_values_are_short() {
    let long = "x".repeat(300);
    let paths = chosen(|n| {
        let five = if n < 5 { r#", "five": 1"# } else { "" };
        let four = if n < 4 { r#", "four": 1"# } else { "" };
        let null = if n < 4 { "1" } else { "null" };
        format!(
            r#"{{"a": {{"b": {{"c": {{"d": 1}}, "e": []}}}}, "l": "{long}", "{long}": 1, "z": {null}{five}{four}}}"#
        )
    });
    assert_eq!(
        paths,
        ["a\"][\"b\"][\"c", "a\"][\"b\"][\"e", "five"]
            .map(|path| format!("RawEventData[\"{path}\"]"))
    );
    // Of bags and other values in the same place, those with most.
    let mixed = |bags: usize| {
        chosen(move |n| {
            if n < bags {
                r#"{"a": {"b": 1}}"#
            } else {
                r#"{"a": 2}"#
            }
            .to_owned()
        })
    };
    assert_eq!(mixed(49).len(), 2);
    assert_eq!(mixed(50), [r#"RawEventData["a"]["b"]"#]);
}

#[test]
fn a_file_has_a_few_columns_for_paths_and_values_for_keys_are_not_counted_without_end() {
    let texts: Vec<_> = (0..200)
        .map(|n| {
            let often: Vec<String> = (0..40).map(|k| format!("\"k{k:02}\":{k}")).collect();
            let once: Vec<String> = (0..60).map(|k| format!("\"v{n}-{k}\":{k}")).collect();
            Some(format!("{{{},{}}}", often.join(","), once.join(",")))
        })
        .collect();
    let paths = choose(cloud(), &[rows(&texts)]);
    assert_eq!(paths.len(), 32, "{paths:?}");
    assert!(paths.iter().all(|path| path.keys[0].starts_with('k')));
    assert!(paths.is_sorted());
}

#[test]
fn names_say_which_path_they_are_of() {
    let path = KeyPath {
        column: "RawEventData".to_owned(),
        keys: vec!["a.b".to_owned(), "q\"q".to_owned()],
    };
    assert_eq!(path.stored(), r#"RawEventData["a.b"]["q\"q"]"#);
    assert_eq!(path.is_stored(), r#"RawEventData has ["a.b"]["q\"q"]"#);
    assert!(is_stored_path(&path.stored(), |column| column == "RawEventData"));
    for other in [
        r#"Other["a"]"#,
        "RawEventData",
        r#"RawEventData["a"#,
        &path.whole(),
    ] {
        assert!(
            !is_stored_path(other, |column| column == "RawEventData"),
            "{other}"
        );
    }
}

#[test]
fn no_two_columns_of_a_file_differ_by_case_alone() {
    let paths = chosen(|n| {
        let other = if n % 2 == 0 { r#", "clientip": 1"# } else { "" };
        format!(r#"{{"ClientIP": 1, "CLIENTIP": 2{other}}}"#)
    });
    assert_eq!(paths, [r#"RawEventData["CLIENTIP"]"#]);
}

#[test]
fn columns_for_further_paths_are_behind_those_for_the_first() {
    let path = |column: &str, key: &str| KeyPath {
        column: column.to_owned(),
        keys: vec![key.to_owned()],
    };
    let paths = [path("A", "x"), path("B", "x"), path("A", "y")];
    let names = |n: usize| {
        Extra::of(&paths[..n])
            .iter()
            .map(Extra::name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(3),
        [
            "A whole",
            r#"A["x"]"#,
            r#"A has ["x"]"#,
            "B whole",
            r#"B["x"]"#,
            r#"B has ["x"]"#,
            r#"A["y"]"#,
            r#"A has ["y"]"#
        ]
    );
    for n in 0..3 {
        assert_eq!(names(n), names(3)[..names(n).len()]);
    }
}
