//! `scan`: a machine of steps over the rows in order.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use bartizan_kql::ast::ScanOutput;
use bartizan_kql::types::Type;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_expr::PhysicalExpr;

use super::pace::without_limits;
use crate::error::HuntError;
use crate::functions;
use crate::plan::{Kernel, Made, Work};
use crate::types::data_type;

/// A step as the plan has it.
pub(crate) struct Step {
    /// The names under which expressions see the state of this step: the input's columns, then the declared ones.
    pub state: Vec<String>,
    /// The condition.
    pub condition: Expr,
    /// Which declared column gets which value.
    pub assignments: Vec<(usize, Expr)>,
    /// Which records come out.
    pub output: ScanOutput,
}

/// A step that can be evaluated.
struct Ready {
    condition: Arc<dyn PhysicalExpr>,
    assignments: Vec<(usize, Arc<dyn PhysicalExpr>)>,
    output: ScanOutput,
}

/// The kernel.
struct Scan {
    /// The input's columns, then the state of every step.
    schema: SchemaRef,
    width: usize,
    defaults: Vec<(Type, ScalarValue)>,
    /// A record of a step without any: nulls, and the defaults.
    empty: Vec<ScalarValue>,
    steps: Vec<Ready>,
}

/// Makes the kernel of `scan` over these columns.
pub(crate) fn kernel(
    input: Vec<(String, Type)>,
    defaults: Vec<(Type, ScalarValue)>,
    steps: Vec<Step>,
    session: &SessionState,
) -> std::result::Result<Arc<dyn Kernel>, HuntError> {
    let field = |name: &str, ty: Type| Field::new(name, data_type(ty), true);
    let mut fields: Vec<Field> = input.iter().map(|(name, ty)| field(name, *ty)).collect();
    for step in &steps {
        let types = input
            .iter()
            .map(|(_, ty)| *ty)
            .chain(defaults.iter().map(|(ty, _)| *ty));
        fields.extend(step.state.iter().zip(types).map(|(n, ty)| field(n, ty)));
    }
    let schema = Arc::new(Schema::new(fields));
    let known = DFSchema::try_from(schema.clone())?;
    let ready = |expr: Expr| session.create_physical_expr(expr, &known);
    let mut machine = Vec::with_capacity(steps.len());
    for step in steps {
        let assignments = step
            .assignments
            .into_iter()
            .map(|(at, value)| Ok((at, ready(value)?)))
            .collect::<Result<Vec<_>>>()?;
        machine.push(Ready {
            condition: ready(step.condition)?,
            assignments,
            output: step.output,
        });
    }
    let mut empty: Vec<ScalarValue> = input
        .iter()
        .map(|(_, ty)| functions::null_of(*ty))
        .collect();
    empty.extend(defaults.iter().map(|(_, value)| value.clone()));
    Ok(Arc::new(Scan {
        schema,
        width: input.len(),
        defaults,
        empty,
        steps: machine,
    }))
}

/// The state of a step: the records of the steps up to it, and the number of the match.
#[derive(Clone)]
struct State {
    records: Vec<Option<Vec<ScalarValue>>>,
    number: i64,
    /// What comes out when the series of this step ends (`output = last`).
    waiting: Option<Out>,
}

/// A record that comes out: its row, the declared columns, the number of the match.
#[derive(Clone)]
struct Out {
    row: u32,
    declared: Vec<ScalarValue>,
    number: i64,
}

impl Out {
    fn bytes(&self) -> usize {
        let values: usize = self.declared.iter().map(ScalarValue::size).sum();
        size_of::<Self>() + values
    }
}

impl Scan {
    /// One row of all columns: the record, and the states that a step sees.
    fn visible(
        &self,
        record: &[ScalarValue],
        records: &[Option<Vec<ScalarValue>>],
    ) -> Result<RecordBatch> {
        let mut values: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for value in record {
            values.push(value.to_array_of_size(1)?);
        }
        for step in 0..self.steps.len() {
            let seen = records.get(step).and_then(Option::as_ref);
            for value in seen.unwrap_or(&self.empty) {
                values.push(value.to_array_of_size(1)?);
            }
        }
        Ok(RecordBatch::try_new(self.schema.clone(), values)?)
    }

    fn holds(&self, step: usize, row: &RecordBatch) -> Result<bool> {
        let value = one(self.steps[step].condition.evaluate(row)?)?;
        Ok(value == ScalarValue::Boolean(Some(true)))
    }

    /// The declared columns of a record that matches a step.
    fn assigned(&self, step: usize, row: &RecordBatch) -> Result<Vec<ScalarValue>> {
        let mut declared: Vec<ScalarValue> = self.defaults.iter().map(|d| d.1.clone()).collect();
        for (at, value) in &self.steps[step].assignments {
            declared[*at] = one(value.evaluate(row)?)?;
        }
        Ok(declared)
    }
}

fn one(value: ColumnarValue) -> Result<ScalarValue> {
    match value {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0),
    }
}

impl Kernel for Scan {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut paid = 0;
        let mut states: Vec<Option<State>> = vec![None; self.steps.len()];
        let mut out: Vec<Out> = Vec::new();
        let mut next_number = 0;
        for row in 0..rows {
            work.check()?;
            work.grow(out[paid..].iter().map(Out::bytes).sum())?;
            paid = out.len();
            let record = args
                .iter()
                .map(|a| ScalarValue::try_from_array(a, row))
                .collect::<Result<Vec<_>>>()?;
            for step in (0..self.steps.len()).rev() {
                // First as the continuation of the step before, then as a repetition of this one.
                let before = step.checked_sub(1).and_then(|s| states[s].clone());
                let mut promoted = false;
                if let Some(before) = before {
                    let mut records = before.records.clone();
                    records.resize(step + 1, None);
                    let seen = self.visible(&record, &records)?;
                    if self.holds(step, &seen)? {
                        let declared = self.assigned(step, &seen)?;
                        if let Some(ended) = states[step].take() {
                            out.extend(ended.waiting);
                        }
                        if let Some(ended) = states[step - 1].take() {
                            out.extend(ended.waiting);
                        }
                        let state = State {
                            records,
                            number: before.number,
                            waiting: None,
                        };
                        self.matched(step, row, &record, declared, state, &mut states, &mut out);
                        promoted = true;
                    }
                }
                let active = states[step].clone();
                if promoted || (active.is_none() && step > 0) {
                    continue;
                }
                let mut records = active
                    .as_ref()
                    .map(|s| s.records.clone())
                    .unwrap_or_default();
                records.resize(step + 1, None);
                let seen = self.visible(&record, &records)?;
                if self.holds(step, &seen)? {
                    let declared = self.assigned(step, &seen)?;
                    let number = match &active {
                        Some(state) => state.number,
                        None => {
                            next_number += 1;
                            next_number - 1
                        }
                    };
                    let state = State {
                        records,
                        number,
                        waiting: None,
                    };
                    self.matched(step, row, &record, declared, state, &mut states, &mut out);
                }
            }
        }
        for state in states.into_iter().flatten() {
            out.extend(state.waiting);
        }
        out.sort_by_key(|o| o.row);
        self.made(out)
    }
}

impl Scan {
    /// A record matched a step: it becomes the step's state, and perhaps comes out.
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one transition; a struct for them would be used here alone"
    )]
    fn matched(
        &self,
        step: usize,
        row: usize,
        record: &[ScalarValue],
        declared: Vec<ScalarValue>,
        mut state: State,
        states: &mut [Option<State>],
        out: &mut Vec<Out>,
    ) {
        let found = Out {
            row: row as u32,
            declared: declared.clone(),
            number: state.number,
        };
        match self.steps[step].output {
            ScanOutput::All => out.push(found),
            ScanOutput::Last => state.waiting = Some(found),
            ScanOutput::None => {}
        }
        let mut extended = record.to_vec();
        extended.extend(declared);
        state.records[step] = Some(extended);
        states[step] = Some(state);
    }

    fn made(&self, out: Vec<Out>) -> Result<Made> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.defaults.len() + 1);
        for (at, (ty, _)) in self.defaults.iter().enumerate() {
            let values = out
                .iter()
                .map(|o| o.declared[at].clone())
                .collect::<Vec<_>>();
            let failed =
                |e: HuntError| datafusion::error::DataFusionError::Execution(e.to_string());
            columns.push(functions::array_of(values, *ty).map_err(failed)?);
        }
        let numbers: Int64Array = out.iter().map(|o| Some(o.number)).collect();
        columns.push(Arc::new(numbers));
        debug_assert!(self.width <= self.schema.fields().len());
        let rows: UInt32Array = out.iter().map(|o| Some(o.row)).collect();
        debug_assert_eq!(columns[0].len(), rows.len());
        Ok(Made {
            rows: Some(rows),
            columns,
        })
    }
}
