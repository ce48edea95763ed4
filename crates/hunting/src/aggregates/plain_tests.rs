//! Grouped accumulators against plain ones: in one stage, in two, with a filter, and given out in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Int64Type};
use bartizan_kql::types::Type;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use proptest::prelude::*;

use super::best_row::BestRow;
use super::collect_set::CollectSet;
use super::distinct::Distinct;
use super::percentile::Percentiles;

const GROUPS: usize = 5;

/// A row: its group, whether it takes part, a text and a number.
type Row = (usize, Option<bool>, Option<String>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = prop_oneof!["[ab\"]{0,2}", "[a-f]{13,14}"];
    let number = prop_oneof![-3i64..3, any::<i64>()];
    prop::collection::vec(
        (
            0..GROUPS,
            prop::option::weighted(0.9, prop::bool::weighted(0.8)),
            prop::option::weighted(0.9, text),
            prop::option::weighted(0.9, number),
        ),
        1..120,
    )
}

fn texts(rows: &[Row]) -> ArrayRef {
    Arc::new(StringViewArray::from_iter(
        rows.iter().map(|r| r.2.as_deref()),
    ))
}

fn dictionary(rows: &[Row]) -> ArrayRef {
    let ty = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
    cast(&texts(rows), &ty).expect("a dictionary")
}

fn numbers(rows: &[Row]) -> ArrayRef {
    Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.3)))
}

/// The rows that take part, by group; every group is there.
fn parts(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups = vec![Vec::new(); GROUPS];
    for row in rows.iter().filter(|r| r.1 == Some(true)) {
        groups[row.0].push(row);
    }
    groups
}

type Make<'a> = &'a dyn Fn() -> Box<dyn GroupsAccumulator>;

/// The results of every way to aggregate.
fn results(
    make: Make<'_>,
    columns: &dyn Fn(&[Row]) -> Vec<ArrayRef>,
    rows: &[Row],
) -> Vec<ArrayRef> {
    let update = |accumulator: &mut dyn GroupsAccumulator, rows: &[Row]| {
        let groups: Vec<usize> = rows.iter().map(|r| r.0).collect();
        let filter = BooleanArray::from_iter(rows.iter().map(|r| r.1));
        accumulator
            .update_batch(&columns(rows), &groups, Some(&filter), GROUPS)
            .expect("updated");
        let _ = accumulator.size();
    };
    let all: Vec<usize> = (0..GROUPS).collect();
    let (first, second) = rows.split_at(rows.len() / 2);

    let mut whole = make();
    update(&mut *whole, first);
    update(&mut *whole, second);
    let whole = whole.evaluate(EmitTo::All).expect("a result");

    let mut in_parts = make();
    update(&mut *in_parts, rows);
    let head = in_parts.evaluate(EmitTo::First(2)).expect("a result");
    let tail = in_parts.evaluate(EmitTo::All).expect("a result");
    let in_parts = concat(&[&head, &tail]).expect("one array");

    let mut merged = make();
    for rows in [first, second] {
        let mut partial = make();
        update(&mut *partial, rows);
        let state = partial.state(EmitTo::All).expect("a state");
        merged.merge_batch(&state, &all, GROUPS).expect("merged");
    }
    let merged = merged.evaluate(EmitTo::All).expect("a result");

    let mut converted = make();
    let filter = BooleanArray::from_iter(rows.iter().map(|r| r.1));
    let state = make()
        .convert_to_state(&columns(rows), Some(&filter))
        .expect("a state");
    let groups: Vec<usize> = rows.iter().map(|r| r.0).collect();
    converted
        .merge_batch(&state, &groups, GROUPS)
        .expect("merged");
    let converted = converted.evaluate(EmitTo::All).expect("a result");
    vec![whole, in_parts, merged, converted]
}

proptest! {
    #[test]
    fn distinct_values_are_counted(rows in rows()) {
        let plain: Vec<i64> = parts(&rows)
            .iter()
            .map(|g| g.iter().filter_map(|r| r.2.as_ref()).collect::<BTreeSet<_>>().len() as i64)
            .collect();
        let make = || Box::new(Distinct::new(vec![DataType::Utf8View]).expect("one")) as Box<dyn GroupsAccumulator>;
        for result in results(&make, &|r| vec![texts(r)], &rows) {
            prop_assert_eq!(result.as_primitive::<Int64Type>().values().to_vec(), plain.clone());
        }
        let plain: Vec<i64> = parts(&rows)
            .iter()
            .map(|g| g.iter().filter_map(|r| r.3).collect::<BTreeSet<_>>().len() as i64)
            .collect();
        let make = || Box::new(Distinct::new(vec![DataType::Int64]).expect("one")) as Box<dyn GroupsAccumulator>;
        for result in results(&make, &|r| vec![numbers(r)], &rows) {
            prop_assert_eq!(result.as_primitive::<Int64Type>().values().to_vec(), plain.clone());
        }
    }

    #[test]
    fn distinct_combinations_are_counted(rows in rows()) {
        let plain: Vec<i64> = parts(&rows)
            .iter()
            .map(|g| {
                let pairs = g.iter().map(|r| (&r.2, r.3)).filter(|p| p.0.is_some() || p.1.is_some());
                pairs.collect::<BTreeSet<_>>().len() as i64
            })
            .collect();
        let types = vec![DataType::Utf8View, DataType::Int64];
        let make = || Box::new(Distinct::new(types.clone()).expect("one")) as Box<dyn GroupsAccumulator>;
        for result in results(&make, &|r| vec![texts(r), numbers(r)], &rows) {
            prop_assert_eq!(result.as_primitive::<Int64Type>().values().to_vec(), plain.clone());
        }
    }

    #[test]
    fn sets_hold_every_value_once(rows in rows(), limit in prop_oneof![Just(usize::MAX), 0usize..4]) {
        let make = || Box::new(CollectSet::new(limit, Type::String)) as Box<dyn GroupsAccumulator>;
        let by_texts = results(&make, &|r| vec![texts(r)], &rows);
        let by_places = results(&make, &|r| vec![dictionary(r)], &rows);
        for result in by_texts.into_iter().chain(by_places) {
            for (group, part) in parts(&rows).iter().enumerate() {
                let plain: BTreeSet<&String> = part.iter().filter_map(|r| r.2.as_ref()).collect();
                let found: Vec<String> =
                    serde_json::from_str(result.as_string_view().value(group)).expect("an array");
                let distinct: BTreeSet<&String> = found.iter().collect();
                prop_assert_eq!(distinct.len(), found.len());
                prop_assert_eq!(found.len(), plain.len().min(limit));
                prop_assert!(distinct.is_subset(&plain));
            }
        }
        let make = || Box::new(CollectSet::new(usize::MAX, Type::Long)) as Box<dyn GroupsAccumulator>;
        for result in results(&make, &|r| vec![numbers(r)], &rows) {
            for (group, part) in parts(&rows).iter().enumerate() {
                let plain: BTreeSet<i64> = part.iter().filter_map(|r| r.3).collect();
                let found: Vec<i64> =
                    serde_json::from_str(result.as_string_view().value(group)).expect("an array");
                prop_assert_eq!(found.len(), plain.len());
                prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), plain);
            }
        }
    }

    #[test]
    fn a_percentile_is_the_value_of_its_rank(rows in rows(), percentage in 0.0f64..=100.0) {
        let plain: Vec<Option<i64>> = parts(&rows)
            .iter()
            .map(|g| {
                let mut values: Vec<i64> = g.iter().filter_map(|r| r.3).collect();
                values.sort_unstable();
                let rank = (percentage / 100.0 * values.len() as f64).ceil() as usize;
                values.get(rank.max(1) - 1).copied()
            })
            .collect();
        let make = || Box::new(Percentiles::one(percentage, Type::Long)) as Box<dyn GroupsAccumulator>;
        for result in results(&make, &|r| vec![numbers(r)], &rows) {
            let found: Vec<Option<i64>> = result.as_primitive::<Int64Type>().iter().collect();
            prop_assert_eq!(found, plain.clone());
        }
    }

    #[test]
    fn the_best_row_has_the_greatest_or_least_value(rows in rows(), greatest: bool) {
        let types = vec![DataType::Int64, DataType::Utf8View];
        let make = || {
            Box::new(BestRow::new(Some(greatest), types.clone()).expect("one")) as Box<dyn GroupsAccumulator>
        };
        for result in results(&make, &|r| vec![numbers(r), texts(r)], &rows) {
            let row = result.as_struct();
            let (ranks, companions) = (row.column(0).as_primitive::<Int64Type>(), row.column(1).as_string_view());
            for (group, part) in parts(&rows).iter().enumerate() {
                // Rows by value, each with the texts that may go with it.
                let mut by_rank: BTreeMap<i64, BTreeSet<Option<&str>>> = BTreeMap::new();
                for row in part {
                    if let Some(number) = row.3 {
                        by_rank.entry(number).or_default().insert(row.2.as_deref());
                    }
                }
                let best = if greatest { by_rank.last_key_value() } else { by_rank.first_key_value() };
                let found = ranks.is_valid(group).then(|| ranks.value(group));
                prop_assert_eq!(found, best.map(|b| *b.0));
                if let Some((_, texts)) = best {
                    let text = companions.is_valid(group).then(|| companions.value(group));
                    prop_assert!(texts.contains(&text));
                }
            }
        }
    }
}
