//! One call of a function on one batch: typed access to arguments, and builders for results.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Decimal256Array, Float64Array,
    Int32Array, Int64Array, StringViewArray, StringViewBuilder,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Decimal256Type, Float64Type, Int32Type, Int64Type, i256};
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};

use super::effort::Effort;
use crate::given_up::GivenUp;
use crate::types::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// Bytes of one text, array or bag that a function makes. What makes texts out of many others stops as soon as its text is
/// longer ([`is_too_long`]), and the call is refused; otherwise two short arguments could ask for more than any machine has.
const LONGEST_TEXT: usize = 64 << 20;

/// Bytes of all texts that a function makes for one batch of rows.
const MOST_TEXT: usize = 512 << 20;

/// Whether a text has grown beyond what a function may make.
pub(super) fn is_too_long(text: &str) -> bool {
    text.len() > LONGEST_TEXT
}

/// Counts the texts of a batch.
#[derive(Default)]
struct Made(usize);

impl Made {
    fn add(&mut self, text: &str) -> Result<()> {
        self.0 += text.len();
        if is_too_long(text) || self.0 > MOST_TEXT {
            return Err(DataFusionError::ResourcesExhausted(
                "a function would make texts that are too long".to_owned(),
            ));
        }
        Ok(())
    }
}

/// The arguments of a call. A constant argument is an array of one row.
pub(crate) struct Call {
    /// The arguments.
    pub args: Vec<Argument>,
    /// Rows of the result.
    pub rows: usize,
    /// Whether anybody still waits for the result: looked at before each row.
    pub given_up: GivenUp,
}

/// An argument: its KQL type, its values, and whether the one value stands for all rows.
pub(crate) struct Argument {
    pub ty: Type,
    pub array: ArrayRef,
    pub constant: bool,
}

/// Strings of an argument; null reads as "".
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    array: &'a StringViewArray,
    step: usize,
}

impl<'a> Texts<'a> {
    /// The string of a row, "" for null.
    pub(crate) fn get(&self, row: usize) -> &'a str {
        self.some(row).unwrap_or("")
    }

    /// The string of a row, none for null.
    pub(crate) fn some(&self, row: usize) -> Option<&'a str> {
        let i = row * self.step;
        self.array.is_valid(i).then(|| self.array.value(i))
    }

    /// The one value, when the argument is constant.
    pub(crate) fn constant(&self) -> Option<&'a str> {
        (self.step == 0).then(|| self.get(0))
    }
}

/// Fixed-width values of an argument.
pub(crate) struct Values<'a, A> {
    array: &'a A,
    step: usize,
}

// Not derived: the array itself need not be Copy.
impl<A> Clone for Values<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Values<'_, A> {}

macro_rules! values {
    ($array:ty, $native:ty) => {
        impl Values<'_, $array> {
            /// The value of a row, none for null.
            pub(crate) fn get(&self, row: usize) -> Option<$native> {
                let i = row * self.step;
                self.array.is_valid(i).then(|| self.array.value(i))
            }
        }
    };
}
values!(BooleanArray, bool);
values!(Int32Array, i32);
values!(Int64Array, i64);
values!(Float64Array, f64);
values!(Decimal256Array, i256);

impl Argument {
    fn step(&self) -> usize {
        usize::from(!self.constant)
    }

    fn wrong(&self) -> DataFusionError {
        DataFusionError::Internal(format!(
            "a {} argument is held as {}",
            self.ty,
            self.array.data_type()
        ))
    }

    /// Strings, guids or dynamics.
    pub(crate) fn texts(&self) -> Result<Texts<'_>> {
        Ok(Texts {
            array: self
                .array
                .as_string_view_opt()
                .ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Booleans.
    pub(crate) fn bools(&self) -> Result<Values<'_, BooleanArray>> {
        Ok(Values {
            array: self.array.as_boolean_opt().ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Ints.
    pub(crate) fn ints(&self) -> Result<Values<'_, Int32Array>> {
        Ok(Values {
            array: self
                .array
                .as_primitive_opt::<Int32Type>()
                .ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Longs, datetimes or timespans.
    pub(crate) fn longs(&self) -> Result<Values<'_, Int64Array>> {
        Ok(Values {
            array: self
                .array
                .as_primitive_opt::<Int64Type>()
                .ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Reals.
    pub(crate) fn reals(&self) -> Result<Values<'_, Float64Array>> {
        Ok(Values {
            array: self
                .array
                .as_primitive_opt::<Float64Type>()
                .ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Decimals, as units of the scale.
    pub(crate) fn decimals(&self) -> Result<Values<'_, Decimal256Array>> {
        Ok(Values {
            array: self
                .array
                .as_primitive_opt::<Decimal256Type>()
                .ok_or_else(|| self.wrong())?,
            step: self.step(),
        })
    }

    /// Whether the value of a row is null (for a string: never).
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.ty != Type::String && self.array.is_null(row * self.step())
    }
}

impl Call {
    /// A call that is worked on to its end.
    pub(crate) fn of(args: Vec<Argument>, rows: usize) -> Self {
        Self {
            args,
            rows,
            given_up: GivenUp::default(),
        }
    }

    /// What the call may do beside going through its rows, in steps that cost as much as so many simple ones.
    pub(super) fn effort(&self, cost: u64) -> Effort {
        Effort::of(cost, self.given_up.clone())
    }

    /// The argument at a position.
    pub(crate) fn arg(&self, index: usize) -> Result<&Argument> {
        self.args.get(index).ok_or_else(|| {
            DataFusionError::Internal(format!("a function lacks its argument {index}"))
        })
    }

    /// Strings, guids or dynamics at a position.
    pub(crate) fn texts(&self, index: usize) -> Result<Texts<'_>> {
        self.arg(index)?.texts()
    }

    /// Longs, datetimes or timespans at a position.
    pub(crate) fn longs(&self, index: usize) -> Result<Values<'_, Int64Array>> {
        self.arg(index)?.longs()
    }

    /// Longs at a position that may be missing.
    pub(crate) fn longs_opt(&self, index: usize) -> Result<Option<Values<'_, Int64Array>>> {
        self.args.get(index).map(Argument::longs).transpose()
    }

    /// Reals at a position.
    pub(crate) fn reals(&self, index: usize) -> Result<Values<'_, Float64Array>> {
        self.arg(index)?.reals()
    }

    /// A result of booleans by a test of a whole column of texts.
    pub(crate) fn test_texts(
        &self,
        index: usize,
        test: impl FnOnce(&StringViewArray) -> BooleanBuffer,
    ) -> Result<ArrayRef> {
        let texts = self.texts(index)?;
        let passed = test(texts.array);
        if passed.len() == self.rows {
            return Ok(Arc::new(BooleanArray::new(passed, None)));
        }
        // One text for all rows.
        let passed = !passed.is_empty() && passed.value(0);
        Ok(Arc::new(BooleanArray::new(
            BooleanBuffer::collect_bool(self.rows, |_| passed),
            None,
        )))
    }

    /// A result of strings, guids or dynamics. `each` appends a row's text and says whether it is not null.
    pub(crate) fn make_texts(
        &self,
        mut each: impl FnMut(usize, &mut String) -> bool,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        let mut buffer = String::new();
        let mut made = Made::default();
        for row in 0..self.rows {
            self.given_up.check()?;
            buffer.clear();
            if each(row, &mut buffer) {
                made.add(&buffer)?;
                builder.append_value(&buffer);
            } else {
                builder.append_null();
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    /// A result of texts that are slices of something that outlives the call.
    pub(crate) fn make_slices<'a>(
        &self,
        mut each: impl FnMut(usize) -> Option<&'a str>,
    ) -> Result<ArrayRef> {
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        let mut made = Made::default();
        for row in 0..self.rows {
            self.given_up.check()?;
            let text = each(row);
            made.add(text.unwrap_or(""))?;
            builder.append_option(text);
        }
        Ok(Arc::new(builder.finish()))
    }

    /// A result of longs, datetimes or timespans.
    pub(crate) fn make_longs(&self, each: impl FnMut(usize) -> Option<i64>) -> Result<ArrayRef> {
        let made: Int64Array = self.each_row(each).collect();
        self.made(made)
    }

    /// A result of ints.
    pub(crate) fn make_ints(&self, each: impl FnMut(usize) -> Option<i32>) -> Result<ArrayRef> {
        let made: Int32Array = self.each_row(each).collect();
        self.made(made)
    }

    /// A result of reals.
    pub(crate) fn make_reals(&self, each: impl FnMut(usize) -> Option<f64>) -> Result<ArrayRef> {
        let made: Float64Array = self.each_row(each).collect();
        self.made(made)
    }

    /// A result of decimals.
    pub(crate) fn make_decimals(
        &self,
        each: impl FnMut(usize) -> Option<i256>,
    ) -> Result<ArrayRef> {
        let made: Decimal256Array = self.each_row(each).collect();
        self.made(made.with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE)?)
    }

    /// A result of booleans without nulls.
    pub(crate) fn make_flags(&self, mut each: impl FnMut(usize) -> bool) -> Result<ArrayRef> {
        let flags =
            BooleanBuffer::collect_bool(self.rows, |row| !self.given_up.is_given_up() && each(row));
        self.made(BooleanArray::new(flags, None))
    }

    /// A result of booleans.
    pub(crate) fn make_bools(
        &self,
        mut each: impl FnMut(usize) -> Option<bool>,
    ) -> Result<ArrayRef> {
        let mut builder = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            self.given_up.check()?;
            builder.append_option(each(row));
        }
        Ok(Arc::new(builder.finish()))
    }

    /// What the rows have, and nothing more from when the call is given up.
    fn each_row<T>(
        &self,
        mut each: impl FnMut(usize) -> Option<T>,
    ) -> impl Iterator<Item = Option<T>> {
        (0..self.rows).map(move |row| {
            if self.given_up.is_given_up() {
                return None;
            }
            each(row)
        })
    }

    /// The result, unless the call was given up on the way.
    fn made(&self, array: impl Array + 'static) -> Result<ArrayRef> {
        self.given_up.check()?;
        Ok(Arc::new(array))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_batch_are_bounded_together_and_each() {
        let megabyte = "a".repeat(1 << 20);
        let call = |rows| Call::of(Vec::new(), rows);
        let made = |rows| {
            call(rows).make_texts(|_, out| {
                out.push_str(&megabyte);
                true
            })
        };
        assert_eq!(made(3).unwrap().len(), 3);
        assert!(matches!(
            made(MOST_TEXT / megabyte.len() + 1),
            Err(DataFusionError::ResourcesExhausted(_))
        ));
        let long = megabyte.repeat(LONGEST_TEXT / megabyte.len()) + "a";
        let slices = |end: usize| call(1).make_slices(|_| long.get(..end)).map(|a| a.len());
        assert_eq!(slices(LONGEST_TEXT).unwrap(), 1);
        assert!(slices(LONGEST_TEXT + 1).is_err());
    }

    #[test]
    fn a_call_ends_between_two_rows_when_it_is_given_up() {
        type Make = dyn Fn(&Call, &dyn Fn(usize)) -> Result<ArrayRef>;
        let done = |make: &Make| {
            let call = Call::of(Vec::new(), 1_000);
            let count = std::cell::Cell::new(0);
            let made = make(&call, &|row| {
                count.set(count.get() + 1);
                if row == 2 {
                    call.given_up.give_up();
                }
            });
            (made.is_err(), count.get())
        };
        let all: [&Make; 6] = [
            &|call, each| {
                call.make_texts(|row, _| {
                    each(row);
                    true
                })
            },
            &|call, each| {
                call.make_slices(|row| {
                    each(row);
                    None
                })
            },
            &|call, each| {
                call.make_longs(|row| {
                    each(row);
                    None
                })
            },
            &|call, each| {
                call.make_reals(|row| {
                    each(row);
                    None
                })
            },
            &|call, each| {
                call.make_flags(|row| {
                    each(row);
                    true
                })
            },
            &|call, each| {
                call.make_bools(|row| {
                    each(row);
                    None
                })
            },
        ];
        for (number, make) in all.into_iter().enumerate() {
            assert_eq!(done(make), (true, 3), "{number}");
        }
    }
}
