//! `in`, `in~`, `has_any`, `has_all`: a value against many.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, StringViewBuilder};
use arrow::buffer::BooleanBuffer;
use bartizan_kql::bound::{BinaryOp, SetOp, StringOp};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};

use super::call::{Argument, Call};
use super::conversion::{cast_array, push_text};
use super::function::{KqlFunction, TextCondition};
use super::text_match::{Matcher, TextSet, TextTest};
use crate::error::HuntError;
use crate::json;

/// A test against constants.
pub(crate) fn set_test(
    op: SetOp,
    case_sensitive: bool,
    value: (Expr, Type),
    values: Vec<ScalarValue>,
) -> Expr {
    match op {
        SetOp::In if case_sensitive && !matches!(value.1, Type::Dynamic | Type::Real) => {
            let list: Vec<Expr> = values
                .into_iter()
                .filter(|v| !v.is_null())
                .map(|v| Expr::Literal(v, None))
                .collect();
            if list.is_empty() {
                return lit(false);
            }
            let found = value.0.in_list(list, false);
            // A null value is in no set. `IS TRUE` would say the same, but DataFusion takes it for never null when it
            // plans and for perhaps null when it runs, and refuses what aggregates it.
            if value.1 == Type::String {
                found
            } else {
                binary_expr(found, Operator::IsNotDistinctFrom, lit(true))
            }
        }
        SetOp::In => in_texts(case_sensitive, value, values),
        SetOp::HasAny => {
            let patterns = values.iter().map(text_of).collect();
            test_any(StringOp::Has, case_sensitive, value.0, patterns)
        }
        SetOp::HasAll => {
            let patterns: Vec<String> = values.iter().map(text_of).collect();
            let identity = format!("{case_sensitive}\0{}", patterns.join("\0"));
            let condition = TextCondition {
                op: StringOp::Has,
                patterns: patterns.clone(),
                all: true,
                case_sensitive,
            };
            let tests: Vec<TextTest> = patterns
                .into_iter()
                .map(|p| TextTest::new(StringOp::Has, case_sensitive, vec![p]))
                .collect();
            let kernel = move |call: &Call| call.test_texts(0, |column| all_pass(&tests, column));
            let kernel = Arc::new(kernel);
            KqlFunction::text_test("has_all", identity, kernel, vec![value], Some(condition))
        }
    }
}

/// Texts that pass every test; the later ones are not made when nothing is left.
fn all_pass(tests: &[TextTest], column: &StringViewArray) -> BooleanBuffer {
    let mut passed = BooleanBuffer::new_set(column.len());
    for test in tests {
        if passed.count_set_bits() == 0 {
            break;
        }
        passed = &passed & &test.column(column);
    }
    passed
}

/// Whether a text passes one string test for any of the patterns.
pub(crate) fn test_any(
    op: StringOp,
    case_sensitive: bool,
    value: Expr,
    patterns: Vec<String>,
) -> Expr {
    let identity = format!("{op:?}\0{case_sensitive}\0{}", patterns.join("\0"));
    let name = format!("{op:?}_any").to_lowercase();
    let args = vec![(value, Type::String)];
    let condition = TextCondition::any(op, case_sensitive, patterns.clone());
    let test = TextTest::new(op, case_sensitive, patterns);
    let kernel = move |call: &Call| call.test_texts(0, |column| test.column(column));
    KqlFunction::text_test(&name, identity, Arc::new(kernel), args, Some(condition))
}

/// `in~`, and `in` for types that are compared by their text.
fn in_texts(case_sensitive: bool, value: (Expr, Type), values: Vec<ScalarValue>) -> Expr {
    let ty = value.1;
    let keys: Vec<String> = match ty {
        Type::String | Type::Guid => values.iter().map(text_of).collect(),
        _ => values
            .iter()
            .filter(|v| !v.is_null())
            .filter_map(|v| key_of_scalar(v, ty))
            .collect(),
    };
    if ty == Type::String {
        return test_any(StringOp::Equals, case_sensitive, value.0, keys);
    }
    let identity = format!("{case_sensitive}\0{}", keys.join("\0"));
    let set = TextSet::new(case_sensitive, keys);
    let kernel = move |call: &Call| {
        let argument = call.arg(0)?;
        let (mut key, mut buffer) = (String::new(), String::new());
        call.make_bools(|row| {
            key.clear();
            Some(
                push_key(argument, row, &mut key).unwrap_or(false)
                    && set.contains(&key, &mut buffer),
            )
        })
    };
    KqlFunction::call(
        "in_set",
        identity,
        Arc::new(kernel),
        vec![value],
        Type::Bool,
    )
}

/// A text by which values of one type are equal; false for null.
fn push_key(argument: &Argument, row: usize, out: &mut String) -> Result<bool> {
    if argument.ty == Type::Dynamic && !argument.is_null(row) {
        let text = argument.texts()?.get(row);
        match json::number(text) {
            Some(number) => json::push_real_text(out, number),
            None => out.push_str(&json::to_text(text)),
        }
        return Ok(true);
    }
    if matches!(argument.ty, Type::Int | Type::Long | Type::Real) && !argument.is_null(row) {
        let number = super::conversion::Number::of(argument)?;
        json::push_real_text(out, number.real(row).unwrap_or(f64::NAN));
        return Ok(true);
    }
    push_text(argument, row, out)
}

fn key_of_scalar(value: &ScalarValue, ty: Type) -> Option<String> {
    let argument = Argument {
        ty,
        array: value.to_array_of_size(1).ok()?,
        constant: true,
    };
    let mut key = String::new();
    push_key(&argument, 0, &mut key).ok()?.then_some(key)
}

fn text_of(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Utf8View(Some(text)) => text.clone(),
        _ => String::new(),
    }
}

/// A test against the elements of an array that is known per row.
pub(crate) fn array_test(
    op: SetOp,
    case_sensitive: bool,
    value: (Expr, Type),
    array: Expr,
) -> Expr {
    let name = format!("{op:?}_array{}", if case_sensitive { "_cs" } else { "" }).to_lowercase();
    let kernel = move |call: &Call| {
        let (argument, arrays) = (call.arg(0)?, call.texts(1)?);
        let mut fixed: Option<Vec<String>> = arrays.constant().map(keys_of_array);
        let mut key = String::new();
        call.make_bools(|row| {
            key.clear();
            if !push_key(argument, row, &mut key).ok()? {
                return Some(false);
            }
            let computed;
            let keys = match &mut fixed {
                Some(keys) => keys,
                None => {
                    computed = keys_of_array(arrays.get(row));
                    &computed
                }
            };
            let has = |k: &String| Matcher::new(StringOp::Has, case_sensitive, k).is_match(&key);
            Some(match op {
                SetOp::In => keys.iter().any(|k| {
                    if case_sensitive {
                        *k == key
                    } else {
                        k.eq_ignore_ascii_case(&key)
                    }
                }),
                SetOp::HasAny => keys.iter().any(has),
                SetOp::HasAll => keys.iter().all(has),
            })
        })
    };
    KqlFunction::call(
        &name,
        String::new(),
        Arc::new(kernel),
        vec![value, (array, Type::Dynamic)],
        Type::Bool,
    )
}

fn keys_of_array(text: &str) -> Vec<String> {
    json::elements(text)
        .map(|element| match json::number(element) {
            Some(number) => {
                let mut key = String::new();
                json::push_real_text(&mut key, number);
                key
            }
            None => json::to_text(element).into_owned(),
        })
        .collect()
}

/// A test against one value.
pub(crate) fn single_test(
    op: SetOp,
    case_sensitive: bool,
    value: (Expr, Type),
    item: (Expr, Type),
) -> Expr {
    match op {
        SetOp::In if case_sensitive => super::binary(BinaryOp::Eq, value, item, Type::Bool),
        SetOp::In => super::string_test(StringOp::Equals, false, value.0, item.0),
        SetOp::HasAny | SetOp::HasAll => {
            super::string_test(StringOp::Has, case_sensitive, value.0, item.0)
        }
    }
}

/// The values of the first column of some batches, as values of type `to`. Arrays in a dynamic column count by
/// their elements.
pub(crate) fn set_values(
    batches: &[RecordBatch],
    from: Type,
    to: Type,
) -> Result<Vec<ScalarValue>, HuntError> {
    let mut values = Vec::new();
    for batch in batches {
        let column = batch.column(0);
        let flat = if from == Type::Dynamic {
            flatten(column)
        } else {
            column.clone()
        };
        let converted = if from == to {
            flat
        } else {
            cast_array(&flat, from, to)?
        };
        for row in 0..converted.len() {
            values.push(ScalarValue::try_from_array(&converted, row)?);
        }
    }
    Ok(values)
}

fn flatten(column: &ArrayRef) -> ArrayRef {
    let mut builder = StringViewBuilder::new();
    for text in column.as_string_view().iter().flatten() {
        if json::kind(text) == Some(json::Kind::Array) {
            json::elements(text).for_each(|e| builder.append_value(e));
        } else {
            builder.append_value(text);
        }
    }
    Arc::new(builder.finish())
}
