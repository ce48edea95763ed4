//! `geo_line_lookup` and `geo_polygon_lookup`: the shapes that points are in or near.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::Float64Type;
use bartizan_kql::bound::Column;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::pace::{Pace, without_limits};
use super::values::{most_matches, picked, real, strings, too_many_matches};
use crate::error::HuntError;
use crate::functions::GeoTarget;
use crate::plan::{Kernel, Made, Work};

/// The shapes, and the columns to add.
pub(super) struct Lookup {
    unmatched: bool,
    /// The columns to add, and their types.
    columns: Vec<(ArrayRef, Type)>,
    /// Shapes that are valid, with their rows.
    targets: Vec<(u32, GeoTarget)>,
}

impl Lookup {
    pub(super) fn new(
        call: Call,
        polygons: bool,
        unmatched: bool,
        outputs: &[Column],
    ) -> std::result::Result<Self, HuntError> {
        let table: RecordBatch = call
            .lookup
            .ok_or_else(|| HuntError::Internal("a lookup without its table".into()))?;
        let radius = call.constants.first().and_then(real);
        let target = |text: &str| {
            if polygons {
                return GeoTarget::polygon(text, radius);
            }
            GeoTarget::line(text, radius?)
        };
        let shapes = strings(table.column(outputs.len()));
        let targets = shapes.iter().enumerate();
        let targets = targets.filter_map(|(row, text)| Some((row as u32, target(text)?)));
        let columns = table.columns().iter().cloned();
        Ok(Self {
            unmatched,
            targets: targets.collect(),
            columns: columns.zip(outputs.iter().map(|c| c.ty)).collect(),
        })
    }
}

impl Kernel for Lookup {
    fn run(&self, _args: &[ArrayRef], _rows: usize) -> Result<Made> {
        without_limits()
    }

    fn run_within(&self, args: &[ArrayRef], rows: usize, work: &Work) -> Result<Made> {
        let mut pace = Pace::new(work);
        let [longitudes, latitudes] = [0, 1].map(|i| args[i].as_primitive::<Float64Type>());
        let (mut own, mut found) = (Vec::<u32>::new(), Vec::<Option<u32>>::new());
        let most = most_matches(self.columns.len());
        for row in 0..rows {
            let before = own.len();
            if longitudes.is_valid(row) && latitudes.is_valid(row) {
                let (lng, lat) = (longitudes.value(row), latitudes.value(row));
                for (there, target) in &self.targets {
                    pace.step(target.size())?;
                    if target.holds(lng, lat) {
                        own.push(row as u32);
                        found.push(Some(*there));
                    }
                }
            }
            if own.len() > most {
                return Err(too_many_matches());
            }
            if before == own.len() && self.unmatched {
                own.push(row as u32);
                found.push(None);
            }
        }
        let columns = self.columns.iter();
        let columns = columns.map(|(column, ty)| picked(column, &found, *ty));
        Ok(Made {
            rows: Some(UInt32Array::from(own)),
            columns: columns.collect::<Result<_>>()?,
        })
    }
}
