//! A grouped accumulator used for one group: `summarize` without `by`.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// The one group.
pub(super) struct Single {
    /// An accumulator has to be `Sync`, a grouped one need not be.
    inner: Mutex<Box<dyn GroupsAccumulator>>,
    types: Vec<DataType>,
    indices: Vec<usize>,
}

impl Single {
    pub(super) fn new(inner: Box<dyn GroupsAccumulator>, types: Vec<DataType>) -> Self {
        Self {
            inner: Mutex::new(inner),
            types,
            indices: Vec::new(),
        }
    }

    /// Makes the group exist, even when there was no row.
    fn touch(&mut self) -> Result<()> {
        let nothing: Vec<ArrayRef> = self.types.iter().map(new_empty_array).collect();
        self.inner().update_batch(&nothing, &[], None, 1)
    }

    fn inner(&mut self) -> &mut dyn GroupsAccumulator {
        self.inner
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
    }

    fn zeros(&mut self, values: &[ArrayRef]) {
        self.indices
            .resize(values.first().map_or(0, |v| v.len()), 0);
    }
}

impl fmt::Debug for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Single")
    }
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.zeros(values);
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.update_batch(values, &self.indices, None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.touch()?;
        let array = self.inner().evaluate(EmitTo::All)?;
        ScalarValue::try_from_array(&array, 0)
    }

    fn size(&self) -> usize {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.size() + self.indices.capacity() * size_of::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.touch()?;
        let arrays = self.inner().state(EmitTo::All)?;
        arrays
            .iter()
            .map(|a| ScalarValue::try_from_array(a, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.zeros(states);
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.merge_batch(states, &self.indices, 1)
    }
}
