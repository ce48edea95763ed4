//! Groups are those of the texts, whatever dictionaries they come in.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, DictionaryArray, StringArray, UInt32Array};
use proptest::prelude::*;

use super::groups::{Groups, Key};
use super::numbers::{DictionaryNumbers, Place};

/// A column of texts `t0`, `t1`, … by a dictionary in which these stand in an order of their own.
fn column(texts: &[Option<u32>], turned: u32) -> ArrayRef {
    let most = texts.iter().flatten().max().map_or(1, |most| most + 1);
    let place = |text: u32| (text + turned) % most;
    let mut dictionary = vec![String::new(); most as usize];
    for text in 0..most {
        dictionary[place(text) as usize] = name(text);
    }
    let keys: UInt32Array = texts.iter().map(|text| text.map(place)).collect();
    let dictionary = StringArray::from_iter_values(dictionary);
    Arc::new(DictionaryArray::<Place>::new(keys, Arc::new(dictionary)))
}

/// The first text is an empty one.
fn name(text: u32) -> String {
    match text {
        0 => String::new(),
        text => format!("t{text}"),
    }
}

fn texts(different: u32) -> impl Strategy<Value = Vec<Option<u32>>> {
    proptest::collection::vec(proptest::option::weighted(0.95, 0..different), 50)
}

proptest! {
    #[test]
    fn rows_of_the_same_texts_are_a_group(
        // A few texts, and so many that not every combination has a place.
        batches in prop_oneof![
            proptest::collection::vec((texts(3), texts(20), 0..9_u32), 1..6),
            proptest::collection::vec((texts(3_000), texts(2_000), 0..900_u32), 1..6),
        ],
    ) {
        let keys = [(0, true), (1, false)];
        let keys = keys.map(|(column, null_is_empty)| Key { column, null_is_empty });
        let mut groups = Groups::new(&keys);
        let mut plain: HashMap<(String, Option<String>), usize> = HashMap::new();
        let mut of_rows = Vec::new();
        for (first, second, turned) in batches {
            groups.of_rows(&[column(&first, turned), column(&second, turned)], &mut of_rows).unwrap();
            prop_assert_eq!(of_rows.len(), first.len());
            for (row, group) in of_rows.iter().enumerate() {
                let key = (name(first[row].unwrap_or(0)), second[row].map(name));
                let next = plain.len();
                prop_assert_eq!(*plain.entry(key).or_insert(next), *group);
            }
        }
        prop_assert_eq!(groups.len(), plain.len());
        let texts = groups.texts().unwrap();
        let [first, second] = [0, 1].map(|at| texts[at].as_string_view());
        for ((one, other), group) in plain {
            prop_assert_eq!(first.value(group), one);
            prop_assert_eq!(second.is_valid(group).then(|| second.value(group)), other.as_deref());
        }
    }
}

#[test]
fn a_text_is_asked_for_once_per_dictionary() {
    let column = column(&[Some(2), Some(1), None, Some(2)], 0);
    let mut numbers = DictionaryNumbers::default();
    let mut asked = Vec::new();
    let mut found = Vec::new();
    for part in [column.clone(), column.slice(1, 3)] {
        let number = |text: &str| {
            asked.push(text.to_owned());
            asked.len() as u32
        };
        let each = |row, number| found.push((row, number));
        numbers.each(&part, number, each).unwrap();
    }
    assert_eq!(asked, ["t2", "t1"]);
    assert_eq!(found, [(0, 1), (1, 2), (3, 1), (0, 2), (2, 1)]);
}
