//! `make-series`: rows by bin become arrays over the whole axis.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Float64Type};
use bartizan_kql::types::Type;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use std::sync::Arc;

use super::Call;
use super::values::{points, real, whole};
use crate::error::HuntError;
use crate::plan::{Kernel, Made, Parts};
use crate::result::push_value;

/// Elements that one array may have.
const MOST_ELEMENTS: i64 = 1_048_576;

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

    /// The places on the axis of a group's rows, and the axis itself as JSON elements.
    fn laid_out(
        &self,
        axis: &ArrayRef,
        rows: &[u32],
    ) -> Result<(HashMap<usize, u32>, Vec<String>)> {
        match &self.axis {
            Axis::Whole { from, to, step } => {
                let values = points(axis)?;
                let known = || rows.iter().filter_map(|r| values[*r as usize]);
                let first = match from {
                    Some(from) if self.inclusive => from.div_euclid(*step) * step,
                    Some(from) => *from,
                    None => known().min().unwrap_or(0),
                };
                let end = match to {
                    Some(to) if self.inclusive => to.saturating_add(1),
                    Some(to) => *to,
                    None => known()
                        .max()
                        .map_or(first, |last| last.saturating_add(*step)),
                };
                let span = i128::from(end) - i128::from(first);
                let length = (span + i128::from(*step) - 1).div_euclid(i128::from(*step));
                let length = self.length(length as f64)?;
                let mut places = HashMap::new();
                for row in rows {
                    if let Some(value) = values[*row as usize] {
                        let place = (value - first).div_euclid(*step);
                        places.insert(usize::try_from(place).unwrap_or(usize::MAX), *row);
                    }
                }
                let ty = self.types[self.groups];
                let elements = (0..length as i64).map(|i| {
                    let value = first + i * step;
                    json_of(&self.scalar(value, ty), ty)
                });
                Ok((places, elements.collect::<Result<_>>()?))
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
                let mut places = HashMap::new();
                for row in rows {
                    let place = ((values.value(*row as usize) - first) / step).round();
                    if place >= 0.0 {
                        places.insert(place as usize, *row);
                    }
                }
                let elements = (0..length).map(|i| {
                    let value = ScalarValue::Float64(Some(first + i as f64 * step));
                    json_of(&value, Type::Real)
                });
                Ok((places, elements.collect::<Result<_>>()?))
            }
        }
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
            return Err(DataFusionError::Execution(format!(
                "make-series: an array would have more than {MOST_ELEMENTS} elements"
            )));
        }
        Ok(if length > 0.0 { length as usize } else { 0 })
    }
}

impl Kernel for Series {
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made> {
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
        for rows in members {
            firsts.push(rows.first().copied().unwrap_or(0));
            let (places, elements) = self.laid_out(axis, rows)?;
            for (i, builder) in arrays.iter_mut().enumerate() {
                let ty = self.types[self.groups + 1 + i];
                let mut json = String::from("[");
                for place in 0..elements.len() {
                    if place > 0 {
                        json.push(',');
                    }
                    match places.get(&place) {
                        Some(row) => push_value(&mut json, ty, &values[i], *row as usize),
                        None => json.push_str(&self.defaults[i]),
                    }
                }
                json.push(']');
                builder.append_value(json);
            }
            axes.append_value(format!("[{}]", elements.join(",")));
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
