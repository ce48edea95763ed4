//! KQL's scalar functions and operators as vectorised kernels over Arrow arrays, wrapped for DataFusion.
//!
//! One file per family; [`catalogue`] says which kernel a function has.

mod addresses;
mod arithmetic;
mod arrays;
mod bags;
mod call;
mod catalogue;
mod choices;
mod codecs;
mod columns;
mod command_line;
mod comparison;
mod conversion;
mod dates;
mod dynamic_path;
mod effort;
mod encodings;
mod format_time;
mod function;
mod geo;
mod hashes;
mod markup;
mod mathematics;
mod numbers;
mod packing;
mod pairs;
mod pieces;
mod prefixes;
mod punycode;
mod regex_dialect;
mod regex_literals;
mod regexes;
mod series;
mod sets;
mod shapes;
mod sketches;
mod storage;
mod strings;
pub(crate) mod text_match;
mod units;
mod user_agents;
mod values;
mod zones;

use std::sync::Arc;

use bartizan_kql::bound::{BinaryOp, ScalarFn, StringOp};
use bartizan_kql::types::Type;
use datafusion::common::DFSchema;
use datafusion::common::ScalarValue;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, Expr};

use crate::error::HuntError;
use crate::places::Places;
use dynamic_path::Whole;
use function::{Kernel, Known, Rewrite, Untested};

pub(crate) use columns::{json_column, long_array, number_array, number_column};
pub(crate) use conversion::cast_array;
pub(crate) use dynamic_path::{Step, Walk};
pub(crate) use function::{KqlFunction, TextCondition};
pub(crate) use geo::Target as GeoTarget;
pub(crate) use hashes::{hash_of, xxhash64};
pub(crate) use regex_dialect::builder as expression_builder;
pub use regexes::expression_problem;
pub(crate) use sets::{array_test, set_test, set_values, single_test, test_any};
pub(crate) use storage::{READS_DATETIME, READS_STRING, convert_stored, from_storage};
pub(crate) use values::{array_of, null_of, scalar};

/// A call of a documented function.
pub(crate) fn call(
    function: ScalarFn,
    args: Vec<(Expr, Type)>,
    returns: Type,
    now_ticks: i64,
) -> Result<Expr, HuntError> {
    if function == ScalarFn::Now {
        return Ok(Expr::Literal(ScalarValue::Int64(Some(now_ticks)), None));
    }
    if let Some(kernel) = family(function) {
        let name = format!("{function:?}").to_lowercase();
        return Ok(KqlFunction::call(
            &name,
            String::new(),
            kernel,
            args,
            returns,
        ));
    }
    let (name, kernel) = catalogue::kernel(function)?;
    let kernel = Arc::new(kernel);
    Ok(if is_volatile(function) {
        KqlFunction::call_volatile(name, kernel, args, returns)
    } else {
        KqlFunction::call(name, String::new(), kernel, args, returns)
    })
}

/// `geo_info_from_ip_address(address)`.
pub(crate) fn geo_info(
    args: Vec<(Expr, Type)>,
    places: Option<Arc<Places>>,
) -> Result<Expr, HuntError> {
    const NAME: &str = "geo_info_from_ip_address";
    let places = places.ok_or_else(|| {
        HuntError::Evaluation(format!(
            "{NAME}() needs a database of places by address, and none is set up: give the server one in MaxMind's \
             format with the setting places, or `bartizan kql run` with --places"
        ))
    })?;
    let kernel = move |call: &call::Call| {
        let texts = call.texts(0)?;
        call.make_texts(|row, out| places.push(texts.get(row), out))
    };
    let kernel = Arc::new(kernel);
    Ok(KqlFunction::call(
        NAME,
        String::new(),
        kernel,
        args,
        Type::Dynamic,
    ))
}

/// The kernel of a function that belongs to a family with an enum of its own.
fn family(function: ScalarFn) -> Option<Kernel> {
    Some(match function {
        ScalarFn::Math(f) => Arc::new(move |call: &call::Call| mathematics::compute(call, f)),
        ScalarFn::Shape(f) => Arc::new(move |call: &call::Call| shapes::compute(call, f)),
        ScalarFn::Codec(f) => Arc::new(move |call: &call::Call| encodings::compute(call, f)),
        ScalarFn::Series(f) => Arc::new(move |call: &call::Call| series::compute(call, f)),
        ScalarFn::Geo(f) => Arc::new(move |call: &call::Call| geo::compute(call, f)),
        ScalarFn::Sketch(f) => Arc::new(move |call: &call::Call| sketches::compute(call, f)),
        _ => return None,
    })
}

/// The numbers of a JSON array.
pub(crate) fn reals_of(json: &str) -> Vec<f64> {
    crate::json::elements(json)
        .filter_map(crate::json::number)
        .collect()
}

/// Whether a function may give another value each time.
pub(crate) fn is_volatile(function: ScalarFn) -> bool {
    matches!(function, ScalarFn::Rand | ScalarFn::NewGuid)
}

/// Converts between types, as `tostring()`, `toint()`… do.
pub(crate) fn cast(value: Expr, from: Type, to: Type) -> Expr {
    if from == to {
        return value;
    }
    let kernel = move |call: &call::Call| conversion::cast_argument(call, to);
    let name = format!("to_{to}");
    KqlFunction::call(
        &name,
        String::new(),
        Arc::new(kernel),
        vec![(value, from)],
        to,
    )
}

/// `-value`.
pub(crate) fn negate(value: Expr, from: Type, to: Type) -> Expr {
    let kernel = move |call: &call::Call| arithmetic::negate(call, to);
    KqlFunction::call(
        "negate",
        String::new(),
        Arc::new(kernel),
        vec![(value, from)],
        to,
    )
}

/// Arithmetic or comparison with KQL's exact value.
pub(crate) fn binary(op: BinaryOp, left: (Expr, Type), right: (Expr, Type), returns: Type) -> Expr {
    let name = format!("op_{op:?}").to_lowercase();
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => {
            let kernel = move |call: &call::Call| arithmetic::binary(call, op, returns);
            KqlFunction::call(
                &name,
                String::new(),
                Arc::new(kernel),
                vec![left, right],
                returns,
            )
        }
        _ => {
            let kernel = move |call: &call::Call| comparison::compare(call, op);
            KqlFunction::call(
                &name,
                String::new(),
                Arc::new(kernel),
                vec![left, right],
                Type::Bool,
            )
        }
    }
}

/// `has`, `contains`, `=~`, `matches regex`… A pattern that is known is prepared here, once for the whole query.
pub(crate) fn string_test(op: StringOp, case_sensitive: bool, left: Expr, right: Expr) -> Expr {
    let case = if case_sensitive { "_cs" } else { "" };
    let name = format!("{op:?}{case}").to_lowercase();
    if let Expr::Literal(ScalarValue::Utf8View(pattern), _) = &right {
        let pattern = pattern.clone().unwrap_or_default();
        let args = vec![(left, Type::String)];
        let (kernel, condition): (Kernel, _) = if op == StringOp::MatchesRegex {
            let test = regexes::RegexTest::new(&pattern);
            let condition = regexes::condition(&pattern);
            (Arc::new(move |call| test.compute(call)), condition)
        } else {
            let patterns = vec![pattern.clone()];
            let test = text_match::TextTest::new(op, case_sensitive, patterns.clone());
            let kernel = move |call: &call::Call| call.test_texts(0, |column| test.column(column));
            (
                Arc::new(kernel),
                Some(TextCondition::any(op, case_sensitive, patterns)),
            )
        };
        return KqlFunction::text_test(&name, pattern, kernel, args, condition);
    }
    let args = vec![(left, Type::String), (right, Type::String)];
    let kernel: Kernel = if op == StringOp::MatchesRegex {
        Arc::new(regexes::matches)
    } else {
        Arc::new(move |call: &call::Call| strings::test(call, op, case_sensitive))
    };
    KqlFunction::call(&name, String::new(), kernel, args, Type::Bool)
}

/// Walks into a dynamic value. `arguments` are the values of [`Step::Argument`], numbered from 1.
pub(crate) fn path(input: Expr, steps: Vec<Step>, arguments: Vec<(Expr, Type)>) -> Expr {
    let identity = format!("{steps:?}");
    let mut args = vec![(input, Type::Dynamic)];
    args.extend(arguments);
    let steps: Arc<[Step]> = steps.into();
    let walked = Arc::clone(&steps);
    let kernel = Arc::new(move |call: &call::Call| dynamic_path::walk(call, &walked));
    if args.len() > 1 {
        return KqlFunction::call("path", identity, kernel, args, Type::Dynamic);
    }
    let walk = Walk {
        steps: Arc::clone(&steps),
        in_text: false,
    };
    let rewrite: Rewrite = Arc::new(move |args: &[Expr]| {
        let text = parsed_text(args.first()?)?.clone();
        Some(path_in_text(text, Arc::clone(&steps)))
    });
    let known = Known {
        rewrite: Some(rewrite),
        walk: Some(walk),
        ..Known::default()
    };
    KqlFunction::call_with("path", identity, kernel, known, args, Type::Dynamic)
}

/// Walks into the value that a text holds. Where the text is tested to be JSON otherwise, it need not be looked at as a
/// whole.
fn path_in_text(text: Expr, steps: Arc<[Step]>) -> Expr {
    let identity = format!("{steps:?}");
    let walked = Arc::clone(&steps);
    let kernel = Arc::new(move |call: &call::Call| dynamic_path::walk_in_text(call, &walked));
    let walk = Walk {
        steps: Arc::clone(&steps),
        in_text: true,
    };
    let untested = move |args: &[Expr]| {
        let text = || vec![(args.first().cloned().unwrap_or_default(), Type::String)];
        let walked = Arc::clone(&steps);
        let kernel =
            Arc::new(move |call: &call::Call| dynamic_path::walk_in_unchecked_text(call, &walked));
        let name = "path_in_unchecked_text";
        let identity = format!("{steps:?}");
        let value = KqlFunction::call(name, identity, kernel, text(), Type::Dynamic);
        let kernel = Arc::new(dynamic_path::is_json);
        let test = KqlFunction::call("is_json", String::new(), kernel, text(), Type::Bool);
        args.first().map(|_| (test, value))
    };
    let known = Known {
        untested: Some(Arc::new(untested)),
        walk: Some(walk),
        ..Known::default()
    };
    let args = vec![(text, Type::String)];
    KqlFunction::call_with("path_in_text", identity, kernel, known, args, Type::Dynamic)
}

/// The walk into its only argument that an expression is, and that argument.
pub(crate) fn walk_of(expr: &Expr) -> Option<(&Walk, &Expr)> {
    KqlFunction::walk(expr)
}

/// A walk of which the first keys may have been walked when a file was written: what is stored at the end of these, whether
/// a row's file has that, and the whole text.
pub(crate) fn walk_or_stored(
    [stored, is_stored, whole]: [Expr; 3],
    walked: usize,
    walk: &Walk,
) -> Expr {
    let args = vec![
        (stored, Type::Dynamic),
        (is_stored, Type::Bool),
        (whole, Type::Dynamic),
    ];
    if !walk.in_text {
        return walk_or_stored_in(Whole::Dynamic, walked, &walk.steps, args, None);
    }
    let steps = Arc::clone(&walk.steps);
    let untested = move |args: &[Expr]| {
        let types = [Type::Dynamic, Type::Bool, Type::Dynamic];
        let args: Vec<_> = args.iter().cloned().zip(types).collect();
        let kernel = Arc::new(dynamic_path::is_json_or_stored);
        let whole = args.get(2)?.clone();
        let name = "is_json_or_stored";
        let test = KqlFunction::call(name, String::new(), kernel, vec![whole], Type::Bool);
        let value = walk_or_stored_in(Whole::UncheckedText, walked, &steps, args, None);
        Some((test, value))
    };
    let untested: Option<Untested> = Some(Arc::new(untested));
    walk_or_stored_in(Whole::Text, walked, &walk.steps, args, untested)
}

fn walk_or_stored_in(
    whole: Whole,
    walked: usize,
    steps: &Arc<[Step]>,
    args: Vec<(Expr, Type)>,
    untested: Option<Untested>,
) -> Expr {
    let identity = format!("{whole:?} {walked} {steps:?}");
    let steps = Arc::clone(steps);
    let kernel = move |call: &call::Call| dynamic_path::walk_or_stored(call, &steps, walked, whole);
    let known = Known {
        untested,
        ..Known::default()
    };
    let name = "path_or_stored";
    KqlFunction::call_with(name, identity, Arc::new(kernel), known, args, Type::Dynamic)
}

/// The test of a call's arguments, and what it may be replaced with where they pass.
pub(crate) fn untested(expr: &Expr) -> Option<(Expr, Expr)> {
    KqlFunction::untested(expr)
}

/// The text of `parse_json(text)`, or the stored text that is read as a dynamic.
pub(crate) fn parsed_text(expr: &Expr) -> Option<&Expr> {
    let (function, args) = KqlFunction::of(expr)?;
    match (
        datafusion::logical_expr::ScalarUDFImpl::name(function),
        function.first_type(),
    ) {
        ("parse_json", Some(Type::String)) | (storage::READS_JSON_TEXT, _) => args.first(),
        _ => None,
    }
}

/// Texts as dynamics, as `parse_json()` takes them.
pub(crate) fn parse_json_array(
    texts: &arrow::array::ArrayRef,
) -> datafusion::error::Result<arrow::array::ArrayRef> {
    let argument = call::Argument {
        ty: Type::String,
        array: Arc::clone(texts),
        constant: false,
    };
    let rows = arrow::array::Array::len(texts);
    bags::parse_json(&call::Call::of(vec![argument], rows))
}

/// A random real for every row.
pub(crate) fn random() -> Expr {
    KqlFunction::call_volatile("rand", Arc::new(numbers::rand), Vec::new(), Type::Real)
}

/// Sorts null and NaN beside each other: 0, 1 and 2 for null, NaN and numbers, or the other way round.
pub(crate) fn real_rank(value: Expr, nulls_first: bool) -> Expr {
    let kernel = move |call: &call::Call| numbers::rank(call, nulls_first);
    let identity = nulls_first.to_string();
    KqlFunction::call(
        "real_rank",
        identity,
        Arc::new(kernel),
        vec![(value, Type::Real)],
        Type::Int,
    )
}

/// Null strings become "".
pub(crate) fn null_to_empty(value: Expr) -> Expr {
    KqlFunction::call(
        "or_empty",
        String::new(),
        Arc::new(conversion::null_to_empty),
        vec![(value, Type::String)],
        Type::String,
    )
}

/// A value, or the default where it is null.
pub(crate) fn or_default(value: Expr, ty: Type, default: ScalarValue) -> Expr {
    let default = Expr::Literal(default, None);
    KqlFunction::call(
        "or_default",
        String::new(),
        Arc::new(choices::coalesce),
        vec![(value, ty), (default, ty)],
        ty,
    )
}

/// A field of a struct, by position.
pub(crate) fn struct_field(value: Expr, index: usize, ty: Type) -> Expr {
    let kernel = move |call: &call::Call| values::struct_field(call, index);
    KqlFunction::call(
        "field",
        index.to_string(),
        Arc::new(kernel),
        vec![(value, Type::Dynamic)],
        ty,
    )
}

/// The value of an expression without columns.
pub(crate) fn evaluate_constant(
    expr: &Expr,
    state: &SessionState,
) -> Result<ScalarValue, HuntError> {
    if let Expr::Literal(value, _) = expr {
        return Ok(value.clone());
    }
    let schema = DFSchema::empty();
    let physical = state.create_physical_expr(expr.clone(), &schema)?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    let row = arrow::array::RecordBatch::try_new_with_options(
        Arc::new(arrow::datatypes::Schema::empty()),
        Vec::new(),
        &options,
    )
    .map_err(datafusion::error::DataFusionError::from)?;
    Ok(match physical.evaluate(&row)? {
        ColumnarValue::Scalar(value) => value,
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0)?,
    })
}
