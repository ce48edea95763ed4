//! `make-series`: rows by bin become arrays over the whole axis.

use std::collections::HashMap;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, StringViewBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use std::sync::Arc;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{real, whole};
use crate::error::{HuntError, evaluation};
use crate::plan::{Kernel, Made, Parts, Work};
use crate::result::push_value;

/// Elements that one array may have.
const MOST_ELEMENTS: i64 = 1_048_576;

/// Bytes that one array may have: more is no value of a column.
const MOST_BYTES: usize = 1 << 30;

/// The axis in steps.
enum Axis {
    Whole {
        from: Option<i64>,
        to: Option<i64>,
        step: i64,
    },
    Real {
        from: Option<f64>,
        to: Option<f64>,
        step: f64,
    },
}

/// Where an axis begins.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Whole(i128),
    Real(f64),
}

/// The axis of a group.
struct Laid {
    first: First,
    length: usize,
    /// The row at a place.
    places: HashMap<usize, u32>,
}

/// Whole numbers of a column, without a copy of all of them for every group.
enum Points<'a> {
    Long(&'a Int64Array),
    Int(&'a Int32Array),
}

impl<'a> Points<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Int64 => Ok(Self::Long(array.as_primitive())),
            DataType::Int32 => Ok(Self::Int(array.as_primitive())),
            other => Err(DataFusionError::Internal(format!(
                "make-series over a column of {other}"
            ))),
        }
    }

    fn get(&self, row: u32) -> Option<i64> {
        let row = row as usize;
        match self {
            Self::Long(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Int(values) => values.is_valid(row).then(|| values.value(row).into()),
        }
    }
}

/// The kernel.
pub(super) struct Series {
    groups: usize,
    inclusive: bool,
    nonempty: bool,
    types: Vec<Type>,
    axis: Axis,
    defaults: Vec<String>,
}

impl Series {
    pub(super) fn new(
        call: Call,
        groups: usize,
        inclusive: bool,
        nonempty: bool,
    ) -> std::result::Result<Self, HuntError> {
        let Call {
            types, constants, ..
        } = call;
        let ty = types.get(groups).copied().unwrap_or(Type::Long);
        let [from, to, step, defaults @ ..] = constants.as_slice() else {
            return Err(HuntError::Internal("make-series without its axis".into()));
        };
        let axis = if ty == Type::Real {
            Axis::Real {
                from: real(from),
                to: real(to),
                step: real(step).unwrap_or(0.0),
            }
        } else {
            Axis::Whole {
                from: whole(from),
                to: whole(to),
                step: whole(step).unwrap_or(0),
            }
        };
        let good = match &axis {
            Axis::Whole { step, .. } => *step > 0,
            Axis::Real { step, .. } => *step > 0.0,
        };
        if !good {
            return Err(HuntError::Evaluation(
                "make-series: the step must be more than 0".into(),
            ));
        }
        let defaults = defaults
            .iter()
            .zip(&types[groups + 1..])
            .map(|(value, ty)| json_of(value, *ty))
            .collect::<Result<_>>()?;
        Ok(Self {
            groups,
            inclusive,
            nonempty,
            types,
            axis,
            defaults,
        })
    }

    /// The axis of a group and the places of its rows on it.
    fn laid_out(&self, axis: &ArrayRef, rows: &[u32], pace: &mut Pace<'_>) -> Result<Laid> {
        let mut places = HashMap::new();
        match &self.axis {
            Axis::Whole { from, to, step } => {
                let values = Points::of(axis)?;
                let known = || rows.iter().filter_map(|r| values.get(*r));
                // Wider than the values: an axis may begin before them and end behind them.
                let step = i128::from(*step);
                let first = match from.map(i128::from) {
                    Some(from) if self.inclusive => from.div_euclid(step) * step,
                    Some(from) => from,
                    None => known().min().unwrap_or(0).into(),
                };
                let end = match to.map(i128::from) {
                    Some(to) if self.inclusive => to + 1,
                    Some(to) => to,
                    None => known().max().map_or(first, |last| i128::from(last) + step),
                };
                let end = end.min(i128::from(i64::MAX) + 1);
                let length = self.length((end - first + step - 1).div_euclid(step) as f64)?;
                for row in rows {
                    pace.step(1)?;
                    if let Some(value) = values.get(*row) {
                        let place = (i128::from(value) - first).div_euclid(step);
                        places.insert(usize::try_from(place).unwrap_or(usize::MAX), *row);
                    }
                }
                Ok(Laid {
                    first: First::Whole(first),
                    length,
                    places,
                })
            }
            Axis::Real { from, to, step } => {
                let values = axis.as_primitive::<Float64Type>();
                let known = || {
                    rows.iter()
                        .map(|r| values.value(*r as usize))
                        .filter(|v| v.is_finite())
                };
                let first = from.unwrap_or_else(|| known().fold(f64::INFINITY, f64::min));
                let end = to.unwrap_or_else(|| known().fold(f64::NEG_INFINITY, f64::max) + step);
                let length = ((end - first) / step - 1e-9).ceil().max(0.0);
                let length = self.length(if self.inclusive {
                    ((end - first) / step + 1e-9).floor() + 1.0
                } else {
                    length
                })?;
                for row in rows {
                    pace.step(1)?;
                    let place = ((values.value(*row as usize) - first) / step).round();
                    if place >= 0.0 {
                        places.insert(place as usize, *row);
                    }
                }
                Ok(Laid {
                    first: First::Real(first),
                    length,
                    places,
                })
            }
        }
    }

    /// The axis as JSON.
    fn push_axis(&self, laid: &Laid, json: &mut String, pace: &mut Pace<'_>) -> Result<()> {
        let ty = self.types[self.groups];
        json.push('[');
        for i in 0..laid.length {
            pace.step(1)?;
            if i > 0 {
                json.push(',');
            }
            let value = match (laid.first, &self.axis) {
                (First::Whole(first), Axis::Whole { step, .. }) => {
                    let value = first + i as i128 * i128::from(*step);
                    // The axis ends where longs do; it may begin before them.
                    self.scalar(i64::try_from(value).unwrap_or(i64::MIN), ty)
                }
                (First::Real(first), Axis::Real { step, .. }) => {
                    ScalarValue::Float64(Some(first + i as f64 * step))
                }
                _ => return Err(DataFusionError::Internal("an axis of two types".into())),
            };
            json.push_str(&json_of(&value, ty)?);
        }
        json.push(']');
        Ok(())
    }

    /// A series as JSON. Memory is asked for while it grows: one default may be a long text.
    fn push_series(
        &self,
        laid: &Laid,
        (at, values): (usize, &ArrayRef),
        json: &mut String,
        pace: &mut Pace<'_>,
    ) -> Result<()> {
        let ty = self.types[self.groups + 1 + at];
        json.push('[');
        for place in 0..laid.length {
            let before = json.len();
            if place > 0 {
                json.push(',');
            }
            match laid.places.get(&place) {
                Some(row) => push_value(json, ty, values, *row as usize),
                None => json.push_str(&self.defaults[at]),
            }
            pace.step(1)?;
            pace.keep(json.len() - before)?;
            if json.len() > MOST_BYTES {
                return Err(DataFusionError::ResourcesExhausted(format!(
                    "make-series: an array of more than {MOST_BYTES} bytes"
                )));
            }
        }
        json.push(']');
        Ok(())
    }

    fn scalar(&self, value: i64, ty: Type) -> ScalarValue {
        if ty == Type::Int {
            ScalarValue::Int32(i32::try_from(value).ok())
        } else {
            ScalarValue::Int64(Some(value))
        }
    }

    fn length(&self, length: f64) -> Result<usize> {
        if length > MOST_ELEMENTS as f64 {
            return Err(evaluation(format!(
                "make-series: an array would have more than {MOST_ELEMENTS} elements"
            )));
        }
        Ok(if length > 0.0 { length as usize } else { 0 })
    }
}

impl Kernel for Series {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let (groups, rest) = args.split_at(self.groups);
        let (axis, values) = rest
            .split_first()
            .ok_or_else(|| DataFusionError::Internal("make-series without its axis".into()))?;
        let parts = Parts::by(groups, rows)?;
        let mut members: Vec<&[u32]> = parts.members().collect();
        if members.is_empty() && self.nonempty && self.groups == 0 {
            members.push(&[]);
        }
        let mut arrays: Vec<StringViewBuilder> =
            values.iter().map(|_| StringViewBuilder::new()).collect();
        let mut axes = StringViewBuilder::new();
        let mut firsts = Vec::with_capacity(members.len());
        let mut json = String::new();
        // With both ends given, every group has the same axis.
        let mut known_axis: Option<(First, usize)> = None;
        let mut axis_json = String::new();
        for rows in members {
            firsts.push(rows.first().copied().unwrap_or(0));
            let laid = self.laid_out(axis, rows, &mut pace)?;
            for ((at, builder), values) in arrays.iter_mut().enumerate().zip(values) {
                json.clear();
                self.push_series(&laid, (at, values), &mut json, &mut pace)?;
                builder.append_value(&json);
            }
            if known_axis != Some((laid.first, laid.length)) {
                axis_json.clear();
                self.push_axis(&laid, &mut axis_json, &mut pace)?;
                known_axis = Some((laid.first, laid.length));
            }
            pace.keep(axis_json.len())?;
            axes.append_value(&axis_json);
        }
        let firsts = UInt32Array::from(firsts);
        let mut columns = groups
            .iter()
            .map(|g| Ok(take(g, &firsts, None)?))
            .collect::<Result<Vec<ArrayRef>>>()?;
        for mut builder in arrays {
            columns.push(Arc::new(builder.finish()));
        }
        columns.push(Arc::new(axes.finish()));
        Ok(Made {
            rows: None,
            columns,
        })
    }
}

/// A constant as JSON.
fn json_of(value: &ScalarValue, ty: Type) -> Result<String> {
    let array = value.to_array_of_size(1)?;
    let mut json = String::new();
    if array.data_type() == &DataType::Null || array.is_null(0) {
        return Ok("null".to_owned());
    }
    push_value(&mut json, ty, &array, 0);
    Ok(json)
}
