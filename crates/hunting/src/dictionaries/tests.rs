//! Groups are those of the texts, whatever dictionaries they come in.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, DictionaryArray, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::collect;
use datafusion::physical_plan::empty::EmptyExec;
use proptest::prelude::*;

use super::exec::DictionaryAggregate;
use super::groups::{Groups, Key};
use super::numbers::{DictionaryNumbers, Place, dictionary_type};

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
fn texts_are_asked_for_where_no_row_is_without_one_and_places_have_to_be_there() {
    let column = column(&[Some(2), Some(1), Some(2)], 0);
    let (mut numbers, mut rows) = (DictionaryNumbers::default(), Vec::new());
    let mut asked = 0;
    let mut number = |_: &str| {
        asked += 1;
        asked
    };
    numbers
        .of_rows(&column.slice(0, 1), 7, &mut number, &mut rows)
        .unwrap();
    assert_eq!(rows, [1]);
    numbers.of_rows(&column, 7, &mut number, &mut rows).unwrap();
    assert_eq!(rows, [1, 2, 1]);
    let (_, texts) = numbers.turn_to(&column).unwrap();
    let beyond = texts.len() as u32;
    let refused = numbers.of_place(beyond, texts, |_| 0).unwrap_err();
    assert!(
        refused.to_string().contains("there is no place"),
        "{refused}"
    );
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["t"]));
    assert!(numbers.of_rows(&texts, 7, |_| 0, &mut rows).is_err());
}

#[test]
fn a_text_is_asked_for_once_per_dictionary() {
    let column = column(&[Some(2), Some(1), None, Some(2)], 0);
    let mut numbers = DictionaryNumbers::default();
    let mut asked = Vec::new();
    let mut found = Vec::new();
    for part in [column.clone(), column.slice(1, 3), column.slice(3, 1)] {
        let number = |text: &str| {
            asked.push(text.to_owned());
            asked.len() as u32
        };
        let mut rows = Vec::new();
        numbers.of_rows(&part, 7, number, &mut rows).unwrap();
        found.push(rows);
    }
    assert_eq!(asked, ["t2", "t1"]);
    assert_eq!(found, [vec![1, 2, 7, 1], vec![2, 7, 1], vec![1]]);
}

/// Counts rows by a column in batches, with so much memory; what comes out are texts and their counts.
async fn counted(batches: &[ArrayRef], memory: usize) -> Vec<(String, i64)> {
    let schema = |ty| Arc::new(Schema::new(vec![Field::new("k", ty, true)]));
    let texts = schema(DataType::Utf8View);
    let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 0));
    let count = AggregateExprBuilder::new(count_udaf(), vec![key.clone()])
        .schema(texts.clone())
        .alias("n");
    let stage = AggregateExec::try_new(
        AggregateMode::Partial,
        PhysicalGroupBy::new_single(vec![(key, "k".to_owned())]),
        vec![Arc::new(count.build().unwrap())],
        vec![None],
        Arc::new(EmptyExec::new(texts.clone())),
        texts,
    );
    let read = schema(dictionary_type());
    let batch = |column: &ArrayRef| RecordBatch::try_new(read.clone(), vec![column.clone()]);
    let batches = batches.iter().map(|column| batch(column).unwrap());
    let input = MemorySourceConfig::try_new_exec(&[batches.collect()], read.clone(), None);
    let keys = Arc::new([Key {
        column: 0,
        null_is_empty: true,
    }]);
    let plan = DictionaryAggregate::new(Arc::new(stage.unwrap()), keys, input.unwrap());
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .build_arc();
    let context = TaskContext::default().with_runtime(runtime.unwrap());
    let found = collect(Arc::new(plan), Arc::new(context)).await.unwrap();
    let rows = found.iter().flat_map(|batch| {
        let texts = batch.column(0).as_string_view().iter();
        let counts = batch.column(1).as_primitive::<Int64Type>().values();
        texts
            .zip(counts)
            .map(|(text, n)| (text.unwrap().to_owned(), *n))
    });
    rows.collect()
}

#[tokio::test]
async fn what_does_not_fit_into_memory_goes_on_early_and_is_counted_once() {
    let columns = [
        column(&[Some(2), Some(1), None, Some(2)], 0),
        column(&[Some(1), Some(3)], 1),
    ];
    let owned = |rows: &[(&str, i64)]| -> Vec<(String, i64)> {
        rows.iter()
            .map(|(text, n)| ((*text).to_owned(), *n))
            .collect()
    };
    let found = counted(&columns, 1 << 20).await;
    assert_eq!(found, owned(&[("t2", 2), ("t1", 2), ("", 0), ("t3", 1)]));
    let found = counted(&columns, 0).await;
    let first = [("t2", 2), ("t1", 1), ("", 0)];
    assert_eq!(
        found,
        owned(&[&first[..], &[("t1", 1), ("t3", 1)]].concat())
    );
}
