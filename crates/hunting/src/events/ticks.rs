//! From a file's types to the engine's, as a function that plans can name.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::array::cast::AsArray as _;
use arrow::compute::kernels::arity::unary;
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use bartizan_contract::KqlType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::schema::{file_type, ticks_from_nanos};

/// The name of [`ticks_from_timestamp`].
pub(crate) const TICKS_FROM_TIMESTAMP: &str = "ticks_from_timestamp";

/// `ticks_from_timestamp(Timestamp(ns, UTC)) -> Int64`: .NET ticks. Plans over event files call it,
/// so whoever runs such a plan in another process registers it there.
#[must_use]
pub fn ticks_from_timestamp() -> Arc<ScalarUDF> {
    let signature = Signature::exact(vec![file_type(KqlType::DateTime)], Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(TicksFromTimestamp { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TicksFromTimestamp {
    signature: Signature,
}

impl ScalarUDFImpl for TicksFromTimestamp {
    fn name(&self) -> &str {
        TICKS_FROM_TIMESTAMP
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let nanos = arrays[0].as_primitive::<TimestampNanosecondType>();
        let ticks: Int64Array = unary::<_, _, Int64Type>(nanos, ticks_from_nanos);
        Ok(ColumnarValue::Array(Arc::new(ticks)))
    }
}
